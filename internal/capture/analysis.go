package capture

import (
	"net/netip"
	"slices"
	"time"

	"ftpdoctor/internal/finding"
)

// Options say how a capture is read.
type Options struct {
	// Words judges a dialogue as explain would judge its text; nil: refusals are
	// judged by their codes alone.
	Words func(dialogue string) []*finding.Finding
	// Align keeps a mark of each TCP segment, as [Analysis.Align] needs.
	Align bool
}

// Analysis is what a capture holds.
type Analysis struct {
	options     Options
	first, last moment
	count       int // packets so far
	sweepAt     int // when it reaches that
	conns       []*conn
	flows       map[flowKey]*flow
	recent      [2]*flow // of the packets just read: most belong to few
	names       names
	link        links
	echoes      map[netip.Addr]moment // who answered a ping
	awaited     map[uint16][]*expectation
	announced   []*expectation // those that wait, the oldest first

	p         packet // the one that is being read
	fragments map[fragmentKey]*fragmented
	unjoined  int         // fragments whose packet never became whole
	marks     int         // kept for an alignment
	unread    map[int]int // packets of links that are not known, by their type
	snapped   int         // packets that were cut short when they were recorded
	overflow  int         // connections beyond the limit
	damage    string      // why the file ended before its end; a phrase
	listed    int         // bytes of listings that are kept
	dropped   int         // packets that the kernel had no room for
	keptFrom  int         // the number of the packet with which the file begins that was kept
}

const (
	maxAwaited = 512
	maxICMP    = 16
)

func newAnalysis(o Options) *Analysis {
	return &Analysis{
		options: o, sweepAt: sweepEvery, flows: map[flowKey]*flow{}, echoes: map[netip.Addr]moment{}, awaited: map[uint16][]*expectation{},
		fragments: map[fragmentKey]*fragmented{}, unread: map[int]int{},
	}
}

// expect notes a data connection that was announced.
func (a *Analysis) expect(e expectation) *expectation {
	if len(a.announced) >= maxAwaited {
		for _, old := range a.announced[:maxAwaited/2] {
			a.forget(old)
		}
		a.announced = slices.Delete(a.announced, 0, maxAwaited/2)
	}
	x := &e
	a.announced = append(a.announced, x)
	a.awaited[e.server.Port()] = append(a.awaited[e.server.Port()], x)
	return x
}

func (a *Analysis) forget(e *expectation) {
	port := e.server.Port()
	rest := slices.DeleteFunc(a.awaited[port], func(x *expectation) bool { return x == e })
	if len(rest) == 0 {
		delete(a.awaited, port)
		return
	}
	a.awaited[port] = rest
}

// lateFor is how long an announcement waits for its connection.
const lateFor = 5 * time.Minute

// meets finds the announcement that a new connection meets, the latest of those
// that fit best: the one for exactly its address; one for its port at an address
// of the control connection, as clients do that distrust the address and NAT
// does behind their backs; or one that somebody else came to.
func (a *Analysis) meets(c *conn) *expectation {
	var best *expectation
	rank := 0
	for _, e := range a.awaited[c.server.Port()] {
		if c.first.at.Sub(e.m.at) > lateFor {
			continue
		}
		if r := e.fits(c); r > 0 && r >= rank {
			best, rank = e, r
		}
	}
	if best == nil {
		return nil
	}
	best.met = c
	a.forget(best)
	a.announced = slices.DeleteFunc(a.announced, func(x *expectation) bool { return x == best })
	return best
}

// fits tells how well a connection meets an announcement; 0: not at all.
func (e *expectation) fits(c *conn) int {
	opener, control := e.from.c.client.Addr(), e.from.c.server.Addr()
	if !e.passive {
		opener, control = control, opener
	}
	mine := e.client == c.client.Addr() || opener == c.client.Addr()
	switch {
	case mine && e.server.Addr() == c.server.Addr():
		return 3
	case mine && control == c.server.Addr():
		return 2
	case e.server.Addr() == c.server.Addr():
		return 1
	}
	return 0
}

// lack words what could not be looked at.
func lack(phrase string) string { return phrase }

// lacks tells what could not be read.
func (a *Analysis) lacks() []string {
	var out []string
	if a.damage != "" {
		out = append(out, lack(a.damage))
	}
	if a.dropped > 0 {
		out = append(out, lack("the system had no room for some packets while they were recorded: what they carried is missing"))
	}
	if a.snapped > 0 {
		out = append(out, lack("packets were cut short when they were recorded (snap length): what they carried is known in part"))
	}
	if a.overflow > 0 {
		out = append(out, lack("the capture holds more connections than are kept apart: some were left out"))
	}
	if a.unjoined > 0 {
		out = append(out, lack("some fragments of packets are missing: those packets were passed over"))
	}
	if len(a.unread) > 0 {
		out = append(out, lack("some packets are of a link or network protocol that is not read here"))
	}
	if a.marks >= maxMarks {
		out = append(out, lack("the capture is too long to be compared packet by packet to its end; the first part was compared"))
	}
	if a.keptFrom > 1 {
		out = append(out, lack("packets are numbered from the beginning of the recording; the file that was kept begins later"))
	}
	return out
}
