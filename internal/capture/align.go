package capture

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"
)

// mark is a segment as an alignment needs it.
type mark struct {
	m        moment
	seq, ack uint32
	size     int    // of the payload
	sum      uint64 // of the payload; 0: the capture lacks a part of it
	from     side
	flags    byte
	ttl      uint8
}

// maxMarks bounds the memory of an alignment, for each of the two captures.
const maxMarks = 300_000

// seed makes the sums of both captures comparable.
var seed = maphash.MakeSeed()

func (a *Analysis) mark(c *conn, p *packet, from side, x *segmentOf) {
	if a.marks >= maxMarks {
		return
	}
	a.marks++
	m := mark{m: p.m, seq: x.seq, ack: x.ack, size: len(x.payload) + x.missing, from: from, flags: x.flags & (flagSYN | flagFIN | flagRST | flagACK), ttl: p.ttl}
	if x.missing == 0 && len(x.payload) > 0 {
		m.sum = maphash.Bytes(seed, x.payload)
	}
	c.marks = append(c.marks, m)
}

// Alignment is what two captures of the same sessions show together: one taken
// at the client, the other at the server.
type Alignment struct {
	// OffsetS is how far the server's clock is ahead of the client's, in seconds,
	// and UncertainS how far that may be off: half of the fastest round trip
	// between the two places. Compared tells from how many packets they are known.
	OffsetS    float64  `json:"clock_offset_s"`
	UncertainS float64  `json:"uncertainty_s"`
	Compared   int      `json:"packets_compared"`
	Pairs      []*Pair  `json:"connections"`
	Missing    []string `json:"only_at_client,omitempty"` // connections that the server's capture lacks though it covers their time
	Strangers  int      `json:"only_at_server,omitempty"`

	here, there *Analysis
	unmet       []*conn
}

// Pair is a connection as it was seen at both places.
type Pair struct {
	Client      string `json:"client"`
	Server      string `json:"server"`
	ClientThere string `json:"client_seen_by_server,omitempty"` // where address translation changed it
	ServerThere string `json:"server_seen_by_server,omitempty"`
	ToServer    Way    `json:"to_server"`
	ToClient    Way    `json:"to_client"`

	here, there *conn
}

// Way is one direction of a connection, from where it was sent to where it arrived.
type Way struct {
	Sent     int64     `json:"bytes_sent"` // with repetitions
	Arrived  int64     `json:"bytes_arrived"`
	Never    int64     `json:"bytes_that_never_arrived"`
	LostSYN  int       `json:"handshake_packets_lost,omitempty"`
	Hops     int       `json:"routers_between"`
	MSS      [2]uint16 `json:"mss,omitempty"` // as sent and as arrived
	Changed  []Change  `json:"changed,omitempty"`
	Forged   []Forged  `json:"not_sent_by_the_peer,omitempty"`
	LostAt   int       `json:"first_lost_packet,omitempty"` // its number in the capture of the sender's side
	LostSize int       `json:"smallest_size_that_never_arrived,omitempty"`
	CameSize int       `json:"largest_size_that_arrived,omitempty"`
	lost     moment
}

// Change is what was said by one side and heard differently by the other.
type Change struct {
	Sent     string `json:"sent"`
	Arrived  string `json:"arrived"`
	PacketTo int    `json:"packet"` // at the receiver

	m moment
}

// Forged is a packet that arrived and was never sent by the one whose address
// it bears.
type Forged struct {
	What   string `json:"what"` // RST, SYN-ACK, FIN
	Packet int    `json:"packet"`
	TTL    int    `json:"ttl"`
	PeerIs int    `json:"ttl_of_the_peer,omitempty"`

	m moment
}

// Align compares a capture of the client's side with other, of the server's.
// Both must have been read with [Options.Align]. nil: they have no connection
// in common.
func (a *Analysis) Align(other *Analysis) *Alignment {
	al := &Alignment{here: a, there: other}
	taken := map[*conn]bool{}
	for _, c := range a.conns {
		if o := other.same(c, taken); o != nil {
			taken[o] = true
			al.Pairs = append(al.Pairs, newPair(c, o))
		} else {
			al.unmet = append(al.unmet, c)
		}
	}
	al.Strangers = len(other.conns) - len(taken)
	if len(al.Pairs) == 0 && !slices.ContainsFunc(a.conns, func(c *conn) bool { return other.knows(c) }) {
		return nil
	}
	al.clocks()
	for _, p := range al.Pairs {
		p.compare(al)
	}
	al.missing()
	return al
}

// knows tells whether a capture shows the server or the client of a connection.
func (a *Analysis) knows(c *conn) bool {
	return slices.ContainsFunc(a.conns, func(o *conn) bool {
		return o.server.Addr() == c.server.Addr() || o.client.Addr() == c.client.Addr()
	})
}

// same finds the connection that is c at the other place: the same ends, or,
// behind address translation, the same initial sequence numbers.
func (a *Analysis) same(c *conn, taken map[*conn]bool) *conn {
	var late *conn
	for _, o := range a.conns {
		if taken[o] {
			continue
		}
		ends := o.client == c.client && o.server == c.server
		mine, ok := c.isn(fromClient)
		other, known := o.isn(fromClient)
		if !ok || !known {
			if ends && late == nil { // one of the captures begins later
				late = o
			}
			continue
		}
		if mine == other && (ends || o.server.Port() == c.server.Port() || c.sameServer(o)) {
			return o
		}
	}
	return late
}

// sameServer tells whether the servers began with the same sequence number.
func (c *conn) sameServer(o *conn) bool {
	x, ok := c.isn(fromServer)
	y, known := o.isn(fromServer)
	return ok && known && x == y
}

// isn is the sequence number with which a side began.
func (c *conn) isn(from side) (uint32, bool) {
	for _, m := range c.marks[:min(len(c.marks), 64)] {
		if m.flags&(flagSYN|flagRST) == flagSYN && m.from == from {
			return m.seq, true
		}
	}
	return 0, false
}

func newPair(c, o *conn) *Pair {
	p := &Pair{Client: c.client.String(), Server: c.server.String(), here: c, there: o}
	if o.client != c.client {
		p.ClientThere = o.client.String()
	}
	if o.server != c.server {
		p.ServerThere = o.server.String()
	}
	return p
}

// likeness tells a segment from others of its direction. What network cards
// put together or cut differs from place to place and is compared by bytes.
type likeness struct {
	seq, ack uint32
	size     int
	flags    byte
}

func (m *mark) likeness() likeness { return likeness{m.seq, m.ack, m.size, m.flags} }

func marksOf(c *conn, from side) []mark {
	var out []mark
	for _, m := range c.marks {
		if m.from == from {
			out = append(out, m)
		}
	}
	return out
}

// ends gives the marks of one direction where it was sent and where it arrived.
func (p *Pair) ends(from side) (sent, came []mark) {
	here, there := marksOf(p.here, from), marksOf(p.there, from)
	if from == fromServer {
		return there, here
	}
	return here, there
}

// clocks estimates by how much the clocks differ. The fastest packet of each
// direction was delayed least; the ways are taken to be equally long.
func (al *Alignment) clocks() {
	var fastest [2]time.Duration
	var known [2]bool
	for _, p := range al.Pairs {
		for _, from := range []side{fromClient, fromServer} {
			sent, came := p.ends(from)
			once := map[likeness]*mark{}
			for i := range sent {
				k := sent[i].likeness()
				if _, twice := once[k]; twice {
					once[k] = nil // repeated: which one came is not known
				} else {
					once[k] = &sent[i]
				}
			}
			for i := range came {
				s := once[came[i].likeness()]
				if s == nil {
					continue
				}
				al.Compared++
				if d := came[i].m.at.Sub(s.m.at); !known[from] || d < fastest[from] {
					fastest[from], known[from] = d, true
				}
			}
		}
	}
	if known[fromClient] && known[fromServer] {
		al.OffsetS = (fastest[fromClient] - fastest[fromServer]).Seconds() / 2
		al.UncertainS = max(0, (fastest[fromClient]+fastest[fromServer]).Seconds()/2)
	}
}

// missing lists the connections that never arrived, where the other capture
// covers their time.
func (al *Alignment) missing() {
	offset := time.Duration(al.OffsetS * float64(time.Second))
	slack := time.Duration(al.UncertainS*float64(time.Second)) + time.Second
	al.unmet = slices.DeleteFunc(al.unmet, func(c *conn) bool {
		at := c.first.at.Add(offset)
		if len(al.Pairs) == 0 { // nothing tells the clocks' difference
			slack = time.Minute
		}
		return c.story.syn.packet == 0 || at.Before(al.there.first.at.Add(-slack)) || at.After(al.there.last.at.Add(slack)) || !al.there.knows(c)
	})
	for _, c := range al.unmet {
		al.Missing = append(al.Missing, c.client.String()+" → "+c.server.String())
	}
}

// covers tells whether the capture of the side that sent shows a time of the
// other's clock.
func (al *Alignment) covers(at instant, sender side) bool {
	offset := time.Duration(al.OffsetS * float64(time.Second))
	if sender == fromServer {
		return !at.Add(offset).After(al.there.last.at)
	}
	return !at.Add(-offset).After(al.here.last.at)
}

func (p *Pair) compare(al *Alignment) {
	for _, from := range []side{fromClient, fromServer} {
		w := &p.ToServer
		if from == fromServer {
			w = &p.ToClient
		}
		sent, came := p.ends(from)
		sender, receiver := p.here, p.there
		if from == fromServer {
			sender, receiver = receiver, sender
		}
		w.MSS = [2]uint16{sender.story.mss[from], receiver.story.mss[from]}
		w.hops(sent, came)
		w.changes(sender, receiver, from)
		whole := sender.story.syn.packet != 0 && (len(w.Changed) > 0 || !lacks(sent, came))
		w.control(sent, came, func(at instant) bool { return whole && al.covers(at, from) })
		if len(w.Changed) == 0 { // a rewritten line may shift all numbers behind it
			w.data(sent, came)
		}
	}
}

func (w *Way) hops(sent, came []mark) {
	if len(sent) > 0 && len(came) > 0 && sent[0].ttl >= came[0].ttl {
		w.Hops = int(sent[0].ttl) - int(came[0].ttl)
	}
}

// control compares the packets that open and end a connection; covered tells
// whether the sender's capture would show what was sent at a time of the
// receiver's clock.
func (w *Way) control(sent, came []mark, covered func(instant) bool) {
	count := func(all []mark, flags byte) (n int, first, last *mark) {
		for i := range all {
			if all[i].flags&(flagSYN|flagRST|flagFIN) == flags {
				if n++; first == nil {
					first = &all[i]
				}
				last = &all[i]
			}
		}
		return n, first, last
	}
	for _, flags := range []byte{flagSYN, flagRST, flagFIN} {
		out, first, last := count(sent, flags)
		in, _, late := count(came, flags)
		switch {
		case out > in && flags == flagSYN:
			w.LostSYN = out - in
			if w.lost.packet == 0 && in == 0 {
				w.lose(first)
			} else if w.lost.packet == 0 {
				w.lose(last)
			}
		case out == 0 && in > 0 && covered(late.m.at):
			f := Forged{What: flagName(late.flags), Packet: late.m.packet, TTL: int(late.ttl), m: late.m}
			if i := slices.IndexFunc(came, func(m mark) bool { return m.flags&flagRST == 0 && m.ttl != late.ttl }); i >= 0 {
				f.PeerIs = int(came[i].ttl)
			}
			w.Forged = append(w.Forged, f)
		}
	}
}

func flagName(flags byte) string {
	switch {
	case flags&flagRST != 0:
		return "RST"
	case flags&flagFIN != 0:
		return "FIN"
	case flags&flagACK != 0:
		return "SYN-ACK"
	}
	return "SYN"
}

func (w *Way) lose(m *mark) { w.lost, w.LostAt = m.m, m.m.packet }

// span is a run of bytes; both ends relative to the first one.
type span struct{ from, to int64 }

// spans joins the runs of bytes that segments carried.
func spans(all []mark, base uint32) (runs []span, total int64) {
	for i := range all {
		if m := &all[i]; m.size > 0 {
			at := int64(int32(m.seq - base))
			runs = append(runs, span{at, at + int64(m.size)})
			total += int64(m.size)
		}
	}
	slices.SortFunc(runs, func(x, y span) int { return cmp.Compare(x.from, y.from) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && r.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, r.to)
		} else {
			out = append(out, r)
		}
	}
	return out, total
}

// lacks tells whether a capture lacks bytes that came to the other side: a busy
// machine did not record all that it sent.
func lacks(sent, came []mark) bool {
	i := slices.IndexFunc(came, func(m mark) bool { return m.size > 0 })
	if i < 0 {
		return false
	}
	out, _ := spans(sent, came[i].seq)
	in, _ := spans(came, came[i].seq)
	return slices.ContainsFunc(in, func(r span) bool { return r.covered(out) < r.to-r.from })
}

// covered is how many bytes of r are in the runs.
func (r span) covered(runs []span) int64 {
	n := int64(0)
	for _, x := range runs {
		n += max(0, min(r.to, x.to)-max(r.from, x.from))
	}
	return n
}

// data compares what the segments carried, byte by byte, since their borders
// differ between the two places.
func (w *Way) data(sent, came []mark) {
	i := slices.IndexFunc(sent, func(m mark) bool { return m.size > 0 })
	if i < 0 {
		return
	}
	base := sent[i].seq
	out, total := spans(sent, base)
	in, arrived := spans(came, base)
	w.Sent, w.Arrived = total, arrived
	for _, r := range out {
		w.Never += r.to - r.from - r.covered(in)
	}
	mss := int(min(w.MSS[0], w.MSS[1]))
	for i := range came {
		w.CameSize = max(w.CameSize, came[i].size)
	}
	for i := range sent {
		m := &sent[i]
		if m.size == 0 {
			continue
		}
		at := int64(int32(m.seq - base))
		if (span{at, at + int64(m.size)}).covered(in) == int64(m.size) {
			continue
		}
		if w.lost.packet == 0 {
			w.lose(m)
		}
		size := m.size
		if mss > 0 {
			size = min(size, mss)
		}
		if w.LostSize == 0 || size < w.LostSize {
			w.LostSize = size
		}
	}
	if w.lost.packet == 0 && total > arrived+total/100 { // lost, and sent again with success
		if i := firstRepeated(sent); i >= 0 {
			w.lose(&sent[i])
		}
	}
}

// firstRepeated finds the first segment that was sent more than once.
func firstRepeated(sent []mark) int {
	at := map[uint32]int{}
	for i := range sent {
		if sent[i].size == 0 {
			continue
		}
		if j, again := at[sent[i].seq]; again {
			return j
		}
		at[sent[i].seq] = i
	}
	return -1
}

const maxChanges = 16

// changes compares what was said with what was heard. Boxes that translate
// addresses rewrite PASV and PORT; others mask or drop words.
func (w *Way) changes(sender, receiver *conn, from side) {
	said, heard := linesFrom(sender, from), linesFrom(receiver, from)
	for i := range min(len(said), len(heard)) {
		if said[i].text != heard[i].text && said[i].kind == heard[i].kind {
			if len(w.Changed) < maxChanges {
				w.Changed = append(w.Changed, Change{said[i].text, heard[i].text, heard[i].m.packet, heard[i].m})
			}
		}
	}
}

// linesFrom gives what one side said in clear.
func linesFrom(c *conn, from side) []line {
	s := scriptOf(c.dialogue)
	if s == nil {
		return nil
	}
	if _, tls := c.dialogue.(*tlsDialogue); tls {
		return nil
	}
	var out []line
	for _, l := range s.lines {
		if l.from == from && (l.kind == aCommand || l.kind == aReply) {
			out = append(out, l)
		}
	}
	return out
}
