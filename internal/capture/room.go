package capture

import (
	"slices"
	"time"
)

// What is kept of a capture, however large it is.
const (
	maxConns    = 12_000
	maxDialogue = 16 << 20 // bytes, by a rough count, of what was said in all connections
	sweepEvery  = 1 << 14  // packets from one look at the whole to the next, at least
	idleFor     = 10 * time.Minute
)

// sweep releases what is no longer needed: the buffers of connections that are
// over, and, where too much was said, the oldest dialogues in which nothing
// went wrong.
func (a *Analysis) sweep() {
	total := 0
	for _, c := range a.conns {
		if c.flow != nil && (c.ended() && a.last.at.Sub(c.last.at) > time.Minute || a.last.at.Sub(c.last.at) > idleFor) {
			a.retire(c)
		}
		total += c.weight()
	}
	if total <= maxDialogue {
		return
	}
	for _, troubled := range []bool{false, true} {
		a.drop(func(c *conn) bool {
			if total <= maxDialogue/2 || c.flow != nil || c.dialogue == nil || c.troubled() != troubled {
				return false
			}
			total -= c.weight()
			return true
		})
	}
}

// makeRoom drops the oldest connections, first those that say nothing of a file
// service, then those in which nothing went wrong. false: all are needed.
func (a *Analysis) makeRoom() bool {
	want := maxConns / 4
	for _, c := range a.conns {
		if c.flow != nil && (c.ended() || a.last.at.Sub(c.last.at) > time.Minute) {
			a.retire(c)
		}
	}
	dull := func(c *conn) bool {
		return c.dialogue == nil && c.expected == nil && !isService(c.server.Port())
	}
	for _, may := range []func(*conn) bool{
		func(c *conn) bool { return dull(c) && c.flow == nil },
		dull,
		func(c *conn) bool { return c.flow == nil && !c.troubled() },
		func(c *conn) bool { return c.flow == nil },
	} {
		a.drop(func(c *conn) bool {
			if want == 0 || !may(c) {
				return false
			}
			want--
			return true
		})
	}
	return len(a.conns) < maxConns
}

// retire closes the books of a connection and leaves its ends to another one.
func (a *Analysis) retire(c *conn) {
	f := c.flow
	a.end(f)
	if a.flows[f.key] == f {
		delete(a.flows, f.key)
	}
	for i := range a.recent {
		if a.recent[i] == f {
			a.recent[i] = nil
		}
	}
}

// drop forgets connections, and counts them.
func (a *Analysis) drop(which func(*conn) bool) {
	before := len(a.conns)
	a.conns = slices.DeleteFunc(a.conns, func(c *conn) bool {
		if !which(c) {
			return false
		}
		if c.flow != nil {
			a.retire(c)
		}
		return true
	})
	a.overflow += before - len(a.conns)
}

func (c *conn) ended() bool {
	return c.story.reset.packet != 0 || c.story.fin[fromClient].packet != 0 && c.story.fin[fromServer].packet != 0
}

// troubled tells whether something went wrong in a connection.
func (c *conn) troubled() bool {
	if c.story.reset.packet != 0 || c.story.synAck.packet == 0 && c.story.syn.packet != 0 || len(c.story.icmp) > 0 {
		return true
	}
	s := scriptOf(c.dialogue)
	return s != nil && slices.ContainsFunc(s.lines, func(l line) bool { return l.bad })
}

// weight is roughly the memory that a connection's dialogue takes.
func (c *conn) weight() int {
	if c.dialogue == nil {
		return 0
	}
	const perDialogue, perLine = 1500, 500 // with what is kept of replies and transfers
	s := scriptOf(c.dialogue)
	if s == nil {
		return perDialogue
	}
	return perDialogue + perLine*len(s.lines)
}

func scriptOf(d dialogue) *script {
	switch d := d.(type) {
	case *ftpDialogue:
		return &d.script
	case *tlsDialogue:
		return d.script
	case *sshDialogue:
		return &d.script
	case *httpDialogue:
		return &d.script
	}
	return nil
}
