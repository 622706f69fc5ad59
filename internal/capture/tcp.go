package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// flowKey is a pair of ends, the smaller first: address and port of each. It is
// an array since that is hashed fastest, and a capture has millions of packets.
type flowKey [36]byte

// setKey makes the key of a packet; turned tells that its sender stands second.
func (k *flowKey) setKey(src, dst *[16]byte, ports []byte) (turned bool) {
	order := bytes.Compare(src[:], dst[:])
	if order == 0 {
		order = bytes.Compare(ports[:2], ports[2:4])
	}
	if order > 0 {
		copy(k[:16], dst[:])
		copy(k[16:32], src[:])
		k[32], k[33], k[34], k[35] = ports[2], ports[3], ports[0], ports[1]
		return true
	}
	copy(k[:16], src[:])
	copy(k[16:32], dst[:])
	copy(k[32:], ports[:4])
	return false
}

func keyOf(x, y netip.AddrPort) flowKey {
	var k flowKey
	src, dst := x.Addr().As16(), y.Addr().As16()
	k.setKey(&src, &dst, []byte{byte(x.Port() >> 8), byte(x.Port()), byte(y.Port() >> 8), byte(y.Port())})
	return k
}

// flow is a connection with what reading it needs.
type flow struct {
	c       *conn
	key     flowKey
	dirs    [2]direction
	swapped bool // the client is the second end of the key
	over    bool
	synSeq  uint32
}

// direction is the stream of one side.
type direction struct {
	stream
	top    uint32  // the highest end of a segment that was sent
	topAt  instant // when that was
	acked  uint32  // the highest acknowledgement of the other side
	ackSet bool
	fin    uint32 // the sequence number of its FIN
	finSet bool
	shut   bool // it announces a window of zero

	sent   [4]sent // sizes that may prove to come through
	resent int     // how often the first segment that is not acknowledged was sent again
	size   int     // the largest size in which it was sent
	latest int     // and the latest
	last   trace
}

// sent is the size of a segment whose acknowledgement is awaited.
type sent struct {
	end  uint32
	size int
}

// trace is what tells a packet from one that was recorded twice, as captures on
// all interfaces, on bridges and of switches' mirror ports hold them.
type trace struct {
	seq, ack uint32
	size     int
	id       uint16
	window   uint16
	flags    byte
	at       instant
}

const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16

	// twiceWithin is how soon the second record of a packet follows; with an
	// IPv4 identification to compare it may be later.
	twiceWithin   = 500 * time.Microsecond
	twiceWithinID = 50 * time.Millisecond
	// disorderWithin is how late a segment may come that was overtaken; one that
	// comes later was lost and sent again.
	disorderWithin = 3 * time.Millisecond
)

// after tells whether sequence number x is behind y.
func after(x, y uint32) bool { return int32(x-y) > 0 }

// segmentOf is a TCP segment as it stands in a packet.
type segmentOf struct {
	seq, ack uint32
	window   uint16
	flags    byte
	options  []byte
	payload  []byte
	missing  int // bytes of the payload that the capture lacks
}

func (a *Analysis) tcp(p *packet) {
	b := p.body
	if len(b) < 14 {
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 {
		return
	}
	x := segmentOf{seq: binary.BigEndian.Uint32(b[4:]), ack: binary.BigEndian.Uint32(b[8:]), flags: b[13], missing: p.missing}
	if len(b) < head { // a very small snap length
		x.missing -= head - len(b)
		if x.missing < 0 {
			return
		}
		head = len(b)
	}
	if len(b) >= 20 {
		x.window, x.options = binary.BigEndian.Uint16(b[14:]), b[20:head]
	}
	x.payload = b[head:]
	var key flowKey
	turned := key.setKey(&p.src, &p.dst, b)
	f := a.flowOf(p, &x, &key, turned)
	if f == nil {
		return
	}
	from := fromClient
	if turned != f.swapped {
		from = fromServer
	}
	a.segment(f, p, from, &x)
}

// segment writes a segment into the books of its connection.
func (a *Analysis) segment(f *flow, p *packet, from side, x *segmentOf) {
	c, s, d := f.c, &f.c.story, &f.dirs[from]
	if d.last.twice(p, x) {
		return
	}
	if a.options.Align {
		a.mark(f.c, p, from, x)
	}
	if gap := p.m.at.Sub(c.last.at); gap > s.idle && c.last.packet != 0 {
		s.idle, s.idleFrom = gap, c.last
	}
	c.last = p.m
	s.packets[from]++
	switch {
	case x.flags&flagRST != 0:
		if s.reset.packet == 0 {
			s.reset, s.resetFrom, s.resetTTL, s.resetID = p.m, from, p.ttl, p.id
		}
		return // what a RST carries is for people, and its numbers are not to be trusted
	case x.flags&flagSYN != 0:
		f.syn(p, from, x)
	default:
		s.ttl[from], s.id[from] = p.ttl, p.id
	}
	if x.flags&flagACK != 0 {
		a.ack(f, p, from, x)
	}
	if (len(x.payload) > 0 || x.missing > 0) && x.flags&flagSYN == 0 {
		a.payload(f, p, from, x)
	}
	if x.flags&flagFIN != 0 && !d.finSet {
		s.fin[from] = p.m
		d.fin, d.finSet = x.seq+uint32(len(x.payload)+x.missing), true
	}
}

// twice tells whether a packet is the one before it, recorded once more.
func (t *trace) twice(p *packet, x *segmentOf) bool {
	now := trace{x.seq, x.ack, len(x.payload) + x.missing, p.id, x.window, x.flags, p.m.at}
	old := *t
	*t = now
	now.at = old.at
	if now != old {
		return false
	}
	gap := p.m.at.Sub(old.at)
	if p.id != 0 {
		return gap < twiceWithinID
	}
	return gap < twiceWithin
}

// flowOf finds the flow of a segment, or begins one.
func (a *Analysis) flowOf(p *packet, x *segmentOf, key *flowKey, turned bool) *flow {
	var f *flow
	switch {
	case a.recent[0] != nil && a.recent[0].key == *key:
		f = a.recent[0]
	case a.recent[1] != nil && a.recent[1].key == *key:
		f = a.recent[1]
		a.recent[0], a.recent[1] = f, a.recent[0]
	default:
		if f = a.flows[*key]; f != nil {
			a.recent[0], a.recent[1] = f, a.recent[0]
		}
	}
	opens := x.flags&(flagSYN|flagACK|flagRST) == flagSYN
	if f != nil && opens && f.isAnother(turned, x.seq) {
		a.end(f)
		f = nil
	}
	if f != nil {
		return f
	}
	if f = a.begin(p, x, key, turned, opens); f != nil {
		a.recent[0], a.recent[1] = f, a.recent[0]
	}
	return f
}

// isAnother tells whether a SYN opens another connection between the same ends.
func (f *flow) isAnother(turned bool, seq uint32) bool {
	s := &f.c.story
	if turned != f.swapped { // from the other side: both opened at once, or the roles have changed
		return s.reset.packet != 0 || f.dirs[fromClient].finSet && f.dirs[fromServer].finSet
	}
	return s.syn.packet == 0 || f.synSeq != seq
}

func (a *Analysis) begin(p *packet, x *segmentOf, key *flowKey, turned, opens bool) *flow {
	if len(a.conns) >= maxConns && !a.makeRoom() {
		a.overflow++
		return nil
	}
	b := p.body
	src := netip.AddrPortFrom(address(p.src), binary.BigEndian.Uint16(b))
	dst := netip.AddrPortFrom(address(p.dst), binary.BigEndian.Uint16(b[2:]))
	fromServer := x.flags&flagSYN != 0
	if !opens && !fromServer { // the capture begins later
		fromServer = isService(src.Port()) || !isService(dst.Port()) && src.Port() < dst.Port()
	}
	client, server := src, dst
	if !opens && fromServer {
		client, server = dst, src
	}
	f := &flow{c: &conn{client: client, server: server, first: p.m, last: p.m}, key: *key, synSeq: x.seq}
	f.swapped = turned == (client == src)
	f.c.flow = f
	f.c.expected = a.meets(f.c)
	a.flows[*key] = f
	a.conns = append(a.conns, f.c)
	return f
}

func isService(port uint16) bool { return slices.Contains(servicePorts, port) }

func (f *flow) syn(p *packet, from side, x *segmentOf) {
	s := &f.c.story
	d := &f.dirs[from]
	if !d.known {
		d.known, d.next, d.top = true, x.seq+1, x.seq+1
	}
	if mss := mssOf(x.options); mss != 0 {
		s.mss[from] = mss
	}
	switch {
	case x.flags&flagACK == 0 && s.syn.packet == 0:
		s.syn, s.lastSyn, s.synTTL = p.m, p.m, p.ttl
	case x.flags&flagACK == 0:
		s.synAgain++
		s.lastSyn = p.m
	case s.synAck.packet == 0:
		s.synAck, s.synAckTTL = p.m, p.ttl
		if s.syn.packet != 0 {
			s.rtt = p.m.at.Sub(s.lastSyn.at)
		}
	default:
		s.synAckAgain++
	}
	if from == fromServer {
		s.ttl[from], s.id[from] = p.ttl, p.id
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

// ack takes what a segment says of the other side's stream.
func (a *Analysis) ack(f *flow, p *packet, from side, x *segmentOf) {
	s := &f.c.story
	if from == fromClient && s.synAck.packet != 0 && s.opened.packet == 0 {
		s.opened = p.m
		s.ackRTT = p.m.at.Sub(s.synAck.at)
	}
	zero := x.window == 0 && x.flags&(flagSYN|flagFIN) == 0
	if own := &f.dirs[from]; zero != own.shut {
		if own.shut = zero; zero {
			s.zeroWindow[from]++
		}
	}
	d := &f.dirs[from.other()]
	if d.ackSet && !after(x.ack, d.acked) {
		a.stuck(f, p, from.other())
		return
	}
	d.acked, d.ackSet = x.ack, true
	for i := range d.sent {
		if e := &d.sent[i]; e.size > 0 && !after(e.end, x.ack) {
			s.largest[from.other()] = max(s.largest[from.other()], e.size)
			*e = sent{}
		}
	}
	if d.resent > 0 {
		// Large ones were sent in vain until a smaller one came through.
		if d.resent > 1 && d.latest < d.size {
			s.lostLarge[from.other()] = max(s.lostLarge[from.other()], d.size)
		}
		d.resent, d.size, d.latest = 0, 0, 0
	}
	a.stuck(f, p, from.other())
}

// payload takes the bytes of a segment.
func (a *Analysis) payload(f *flow, p *packet, from side, x *segmentOf) {
	s, d := &f.c.story, &f.dirs[from]
	length := len(x.payload) + x.missing
	if !d.known {
		d.known, d.next, d.top = true, x.seq, x.seq
	}
	end := x.seq + uint32(length)
	if length == 1 && x.seq+1 == d.top && d.ackSet && !after(d.top, d.acked) {
		return // keep-alive
	}
	size := length
	if m := int(s.mss[from.other()]); m > 0 {
		size = min(size, m) // what is larger will be cut by the network card
	}
	if after(end, d.top) {
		d.top, d.topAt = end, p.m.at
		s.lastData[from] = p.m
	} else {
		if d.lacks(x.seq, end) && p.m.at.Sub(d.topAt) < disorderWithin {
			s.disorder[from]++
		} else {
			s.again[from]++
		}
		if d.ackSet && !after(x.seq, d.acked) && after(end, d.acked) {
			d.resent++
			d.size, d.latest = max(d.size, size), size
		}
	}
	d.awaitAck(end, size, s.largest[from])
	a.take(f, from, p.m, x)
	if x.missing > 0 {
		s.snapped = true
		if _, data := f.c.dialogue.(*dataDialogue); !data && f.c.dialogue != nil {
			a.snapped++ // of a data connection nobody wants to read the rest
		}
	}
}

// awaitAck remembers a segment that is larger than any known to have come
// through; of one size the first.
func (d *direction) awaitAck(end uint32, size, largest int) {
	if size <= largest {
		return
	}
	free := 0
	for i, e := range d.sent {
		if e.size == size && !after(e.end, end) {
			return
		}
		if e.size < d.sent[free].size {
			free = i
		}
	}
	d.sent[free] = sent{end, size}
}

// settle writes down what the end of a connection tells, so far.
func (f *flow) settle() {
	s := &f.c.story
	for _, from := range []side{fromClient, fromServer} {
		d := &f.dirs[from]
		if !d.ackSet || !d.known {
			continue
		}
		s.unacked[from] = 0
		if after(d.top, d.acked) {
			s.unacked[from] = int64(d.top - d.acked)
			if d.resent > 0 {
				s.lostLarge[from] = max(s.lostLarge[from], d.size)
			}
		}
		if n := d.hole(); n > 0 && !after(d.acked, d.next) { // the receiver lacks it as well: it was lost on the way
			size := n
			if m := int(s.mss[from.other()]); m > 0 {
				size = min(size, m)
			}
			s.lostLarge[from] = max(s.lostLarge[from], size)
		}
	}
}

// end closes the books of a flow.
func (a *Analysis) end(f *flow) {
	if f.over {
		return
	}
	f.over = true
	f.settle()
	for _, from := range []side{fromClient, fromServer} {
		d := &f.dirs[from]
		if !d.ackSet || after(d.acked, d.next) {
			for len(d.ahead) > 0 {
				a.skip(f, from, f.c.last)
			}
		}
		d.ahead, d.held = nil, 0
	}
	if f.c.dialogue != nil {
		f.c.dialogue.end(f.c.last)
	}
	f.c.flow = nil
}

// finish ends what is still open.
func (a *Analysis) finish() {
	for _, c := range a.conns {
		if c.flow != nil {
			a.end(c.flow)
		}
	}
	a.unjoined += len(a.fragments)
	clear(a.fragments)
	clear(a.flows)
	a.recent = [2]*flow{}
}
