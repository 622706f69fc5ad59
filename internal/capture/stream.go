package capture

import (
	"slices"
	"time"
)

// stream puts the bytes of one side into their order.
type stream struct {
	known bool   // next is known
	next  uint32 // the sequence number that comes next in order
	ahead []segment
	held  int     // bytes in ahead
	stuck int     // packets since the receiver confirmed bytes that the capture lacks
	since instant // of the first of them
	asked bool    // recognise was asked with the first bytes
}

// segment is one that came before its turn.
type segment struct {
	seq     uint32
	m       moment
	b       []byte
	missing int // bytes behind b that the capture lacks
}

func (w *segment) end() uint32 { return w.seq + uint32(len(w.b)+w.missing) }

const (
	maxHeld     = 256 << 10 // bytes that wait for those before them, in one direction
	maxSegments = 512

	// The receiver has confirmed bytes that the capture lacks. They may come yet,
	// where the capture itself is not in order: so many packets, or so long, are
	// waited for.
	stuckPackets = 8
	stuckFor     = 200 * time.Millisecond
)

// lacks tells whether bytes before what came last are new.
func (t *stream) lacks(seq, end uint32) bool {
	if !after(end, t.next) {
		return false
	}
	for i := range t.ahead {
		if w := &t.ahead[i]; !after(w.seq, seq) && !after(end, w.end()) {
			return false
		}
	}
	return true
}

// hole is how many bytes are lacking before those that wait; 0: none wait.
func (t *stream) hole() int {
	if len(t.ahead) == 0 {
		return 0
	}
	return int(t.ahead[0].seq - t.next)
}

// take puts a segment in its place, and hands out what is then in order.
func (a *Analysis) take(f *flow, from side, m moment, x *segmentOf) {
	d := &f.dirs[from]
	if after(x.seq, d.next) {
		d.hold(segment{x.seq, m, x.payload, x.missing})
		if d.held > maxHeld || len(d.ahead) > maxSegments {
			a.skip(f, from, m)
		}
		return
	}
	a.deliver(f, from, segment{x.seq, m, x.payload, x.missing})
	if len(d.ahead) > 0 {
		a.drain(f, from)
	}
}

// hold keeps a segment that came before its turn, in the order of its numbers.
func (t *stream) hold(w segment) {
	i := len(t.ahead)
	for i > 0 && after(t.ahead[i-1].seq, w.seq) {
		i--
	}
	if i > 0 && t.ahead[i-1].seq == w.seq && !after(w.end(), t.ahead[i-1].end()) {
		return // sent again
	}
	w.b = slices.Clone(w.b)
	t.ahead = slices.Insert(t.ahead, i, w)
	t.held += len(w.b)
}

// deliver hands out what of a segment is new and in order.
func (a *Analysis) deliver(f *flow, from side, w segment) {
	d := &f.dirs[from]
	if old := d.next - w.seq; int32(old) > 0 {
		n := int(min(old, uint32(len(w.b))))
		w.b = w.b[n:]
		w.missing -= int(old) - n
	}
	if len(w.b) > 0 {
		d.next += uint32(len(w.b))
		d.stuck = 0
		f.c.story.bytes[from] += int64(len(w.b))
		if f.c.dialogue == nil && !d.asked {
			d.asked = true
			f.c.dialogue = recognise(a, f.c, from, w.b)
		}
		if f.c.dialogue != nil {
			f.c.dialogue.bytes(w.m, from, w.b)
		}
	}
	if w.missing > 0 {
		a.pass(f, from, w.m, w.missing)
	}
}

// pass goes over bytes that the capture lacks.
func (a *Analysis) pass(f *flow, from side, m moment, n int) {
	d := &f.dirs[from]
	d.next += uint32(n)
	d.stuck = 0
	f.c.story.bytes[from] += int64(n)
	if f.c.dialogue != nil {
		f.c.dialogue.gap(m, from, int64(n))
	}
}

// drain hands out what waited.
func (a *Analysis) drain(f *flow, from side) {
	d := &f.dirs[from]
	n := 0
	for n < len(d.ahead) && !after(d.ahead[n].seq, d.next) {
		w := d.ahead[n]
		d.held -= len(w.b)
		n++
		a.deliver(f, from, w)
		clear(w.b) // it may have been a secret
	}
	d.ahead = slices.Delete(d.ahead, 0, n)
}

// skip passes over a hole that will not be filled.
func (a *Analysis) skip(f *flow, from side, m moment) {
	d := &f.dirs[from]
	if n := d.hole(); n > 0 {
		a.pass(f, from, m, n)
	}
	a.drain(f, from)
}

// stuck looks whether the receiver has confirmed bytes that the capture lacks.
func (a *Analysis) stuck(f *flow, p *packet, from side) {
	d := &f.dirs[from]
	confirmed := d.acked
	if d.finSet && confirmed == d.fin+1 {
		confirmed = d.fin
	}
	if !d.known || !after(confirmed, d.next) {
		d.stuck = 0
		return
	}
	if d.stuck++; d.stuck == 1 {
		d.since = p.m.at
	}
	if d.stuck < stuckPackets && p.m.at.Sub(d.since) < stuckFor {
		return
	}
	n := int(confirmed - d.next)
	if h := d.hole(); h > 0 {
		n = min(n, h)
	}
	if n > maxHole {
		d.stuck = 0
		return // no window is so large: the acknowledgement is not of this stream
	}
	a.pass(f, from, p.m, n)
	a.drain(f, from)
}

// maxHole is the largest window of TCP (RFC 7323 §2.2).
const maxHole = 1 << 30
