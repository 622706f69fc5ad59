package capture

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// flowKey is a pair of ends, the smaller first.
type flowKey struct{ a, b netip.AddrPort }

func keyOf(x, y netip.AddrPort) flowKey {
	if y.Compare(x) < 0 {
		x, y = y, x
	}
	return flowKey{x, y}
}

// flow is a connection with what reading it needs.
type flow struct {
	c      *conn
	dirs   [2]direction
	asked  [2]bool // recognise was asked with the first bytes of this side
	over   bool
	synSeq uint32
}

// direction is the stream of one side.
type direction struct {
	known  bool   // next is known
	next   uint32 // the sequence number that comes next in order
	top    uint32 // the highest end of a segment that was sent
	acked  uint32 // the highest acknowledgement of the other side
	ackSet bool
	wait   []segment // that came before their turn
	held   int
	// the segment that is sent again and again
	againEnd  uint32
	againSize int
}

type segment struct {
	seq uint32
	m   moment
	b   []byte
}

const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16

	maxHeld = 256 << 10 // bytes that wait for those before them, in one direction
)

// after tells whether sequence number x is behind y.
func after(x, y uint32) bool { return int32(x-y) > 0 }

func (a *Analysis) tcp(p packet) {
	b := p.body
	if len(b) < 20 {
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > len(b) {
		return
	}
	src := netip.AddrPortFrom(p.src, binary.BigEndian.Uint16(b))
	dst := netip.AddrPortFrom(p.dst, binary.BigEndian.Uint16(b[2:]))
	seq, flags := binary.BigEndian.Uint32(b[4:]), b[13]
	f := a.flowOf(p, src, dst, seq, flags)
	if f == nil {
		return
	}
	from := fromClient
	if src == f.c.server && (dst == f.c.client) {
		from = fromServer
	}
	c, s := f.c, &f.c.story
	if gap := p.m.at.Sub(c.last.at); gap > s.idle && c.last.packet != 0 {
		s.idle, s.idleFrom = gap, c.last
	}
	c.last = p.m
	s.packets[from]++
	s.snapped = s.snapped || p.cut
	payload := b[head:]
	switch {
	case flags&flagRST != 0:
		if s.reset.packet == 0 {
			s.reset, s.resetFrom, s.resetTTL = p.m, from, p.ttl
		}
	case flags&flagSYN != 0:
		f.syn(p, from, seq, flags, b[20:head])
	}
	if flags&flagACK != 0 {
		f.ack(p, from, binary.BigEndian.Uint32(b[8:]), flags, binary.BigEndian.Uint16(b[14:]))
	}
	if len(payload) > 0 && flags&(flagSYN|flagRST) == 0 {
		a.payload(f, p, from, seq, payload)
	}
	if flags&flagFIN != 0 && s.fin[from].packet == 0 {
		s.fin[from] = p.m
	}
}

// flowOf finds the flow of a segment, or begins one.
func (a *Analysis) flowOf(p packet, src, dst netip.AddrPort, seq uint32, flags byte) *flow {
	key := keyOf(src, dst)
	f := a.flows[key]
	opens := flags&flagSYN != 0 && flags&flagACK == 0
	if f != nil && opens && src == f.c.client && f.synSeq != seq && (f.c.story.syn.packet == 0 || f.c.story.reset.packet != 0 || f.c.story.fin[fromClient].packet != 0 || f.c.story.fin[fromServer].packet != 0) {
		a.end(f) // the same ends, once more
		f = nil
	}
	if f != nil {
		return f
	}
	if len(a.conns) >= maxConns {
		a.overflow++
		return nil
	}
	client, server := src, dst
	if !opens && (flags&flagSYN != 0 || src.Port() < dst.Port()) {
		client, server = dst, src
	}
	f = &flow{c: &conn{client: client, server: server, first: p.m, last: p.m}, synSeq: seq}
	f.c.expected = a.meets(f.c)
	a.flows[key] = f
	a.conns = append(a.conns, f.c)
	return f
}

func (f *flow) syn(p packet, from side, seq uint32, flags byte, options []byte) {
	s := &f.c.story
	d := &f.dirs[from]
	d.known, d.next, d.top = true, seq+1, seq+1
	if mss := mssOf(options); mss != 0 {
		s.mss[from] = mss
	}
	switch {
	case flags&flagACK == 0 && s.syn.packet == 0:
		s.syn, s.lastSyn, s.synTTL = p.m, p.m, p.ttl
	case flags&flagACK == 0:
		s.synAgain++
		s.lastSyn = p.m
	case s.synAck.packet == 0:
		s.synAck, s.synAckTTL = p.m, p.ttl
		if s.syn.packet != 0 {
			s.rtt = p.m.at.Sub(s.lastSyn.at)
		}
	}
}

func mssOf(options []byte) uint16 {
	for len(options) > 0 {
		switch {
		case options[0] == 0:
			return 0
		case options[0] == 1:
			options = options[1:]
			continue
		case len(options) < 2 || options[1] < 2 || int(options[1]) > len(options):
			return 0
		case options[0] == 2 && options[1] == 4:
			return binary.BigEndian.Uint16(options[2:])
		}
		options = options[options[1]:]
	}
	return 0
}

func (f *flow) ack(p packet, from side, ack uint32, flags byte, window uint16) {
	s := &f.c.story
	if from == fromClient && s.synAck.packet != 0 && s.opened.packet == 0 && flags&flagRST == 0 {
		s.opened = p.m
	}
	if window == 0 && flags&(flagRST|flagSYN|flagFIN) == 0 {
		s.zeroWindow[from]++
	}
	d := &f.dirs[from.other()]
	if !d.ackSet || after(ack, d.acked) {
		d.acked, d.ackSet = ack, true
	}
}

// payload takes the bytes of a segment.
func (a *Analysis) payload(f *flow, p packet, from side, seq uint32, b []byte) {
	s := &f.c.story
	d := &f.dirs[from]
	if !d.known {
		d.known, d.next, d.top = true, seq, seq
	}
	end := seq + uint32(len(b))
	size := len(b)
	if m := int(s.mss[from.other()]); m > 0 {
		size = min(size, m) // what is larger will be cut by the card
	}
	keepalive := len(b) == 1 && seq+1 == d.top
	switch {
	case keepalive:
	case !after(end, d.top):
		s.again[from]++
		if d.againEnd != end || size > d.againSize {
			d.againEnd, d.againSize = end, size
		}
	default:
		d.top = end
		s.lastData[from] = p.m
	}
	if from == fromServer || d.ackSet && !after(end, d.acked) {
		s.largest[from] = max(s.largest[from], size)
	}
	if after(seq, d.next) {
		s.disorder[from]++
		if d.held+len(b) > maxHeld {
			a.skip(f, from, p.m)
		}
		if after(seq, d.next) {
			d.wait = append(d.wait, segment{seq, p.m, slices.Clone(b)})
			d.held += len(b)
			return
		}
	}
	a.deliver(f, from, p.m, seq, b)
	a.drain(f, from)
}

// deliver hands out what of a segment is new and in order.
func (a *Analysis) deliver(f *flow, from side, m moment, seq uint32, b []byte) {
	d := &f.dirs[from]
	if old := d.next - seq; old > 0 && int32(old) > 0 {
		if int(old) >= len(b) {
			return
		}
		b = b[old:]
	}
	d.next += uint32(len(b))
	f.c.story.bytes[from] += int64(len(b))
	if f.c.dialogue == nil && !f.asked[from] {
		f.asked[from] = true
		f.c.dialogue = recognise(a, f.c, from, b)
	}
	if f.c.dialogue != nil {
		f.c.dialogue.bytes(m, from, b)
	}
}

// drain hands out what waited.
func (a *Analysis) drain(f *flow, from side) {
	d := &f.dirs[from]
	for progress := true; progress; {
		progress = false
		for i, w := range d.wait {
			if !after(w.seq, d.next) {
				d.wait = slices.Delete(d.wait, i, i+1)
				d.held -= len(w.b)
				a.deliver(f, from, w.m, w.seq, w.b)
				progress = true
				break
			}
		}
	}
}

// skip passes over a hole that will not be filled.
func (a *Analysis) skip(f *flow, from side, m moment) {
	d := &f.dirs[from]
	if len(d.wait) == 0 {
		return
	}
	first := slices.MinFunc(d.wait, func(x, y segment) int { return int(int32(x.seq - y.seq)) })
	n := int64(first.seq - d.next)
	d.next = first.seq
	if f.c.dialogue != nil {
		f.c.dialogue.gap(m, from, n)
	}
	a.drain(f, from)
}

// end closes the books of a flow.
func (a *Analysis) end(f *flow) {
	if f.over {
		return
	}
	f.over = true
	s := &f.c.story
	for _, from := range []side{fromClient, fromServer} {
		d := &f.dirs[from]
		if d.ackSet && after(d.top, d.acked) {
			s.unacked[from] = int64(d.top - d.acked)
			if d.againSize > 0 && after(d.againEnd, d.acked) {
				s.lostLarge[from] = d.againSize
			}
		}
		if len(d.wait) > 0 && d.ackSet && !after(d.acked, d.next) {
			// A hole that the receiver has as well: it was lost on the way.
			first := slices.MinFunc(d.wait, func(x, y segment) int { return int(int32(x.seq - y.seq)) })
			size := int(first.seq - d.next)
			if m := int(s.mss[from.other()]); m > 0 {
				size = min(size, m)
			}
			s.lostLarge[from] = max(s.lostLarge[from], size)
		} else {
			for len(d.wait) > 0 {
				a.skip(f, from, f.c.last)
			}
		}
		d.wait = nil
	}
	if f.c.dialogue != nil {
		f.c.dialogue.end(f.c.last)
	}
}

// finish ends what is still open.
func (a *Analysis) finish() {
	for _, f := range a.flows {
		a.end(f)
	}
	clear(a.flows)
}
