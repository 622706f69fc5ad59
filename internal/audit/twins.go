package audit

import (
	"bytes"
	"hash/maphash"
	"io"
	"slices"
)

// Servers can tell one transfer in two logs: vsftpd in its own and in an xferlog
// (dual_log_enable), ProFTPD in SystemLog, ExtendedLog and TransferLog,
// Pure-FTPd in syslog and in the log of its AltLog. Where logs of different
// kinds are given, those that say more are read first; what another kind then
// tells of the same second, address, name and size is not counted again.

// maxTwins bounds what is remembered of transfers and logins, of one worker
// and, doubled, of all.
const maxTwins = 512 << 10

// twins remembers events by a hash; 0 is none. Open addressing, at most half
// full.
type twins struct {
	slots []uint64
	n     int
	full  bool
}

func (t *twins) add(h uint64, limit int) {
	if t.n >= limit {
		t.full = true
		return
	}
	if 2*(t.n+1) > len(t.slots) {
		old := t.slots
		t.slots = make([]uint64, max(1024, 2*len(old)))
		for _, h := range old {
			if h != 0 {
				t.put(h)
			}
		}
	}
	if t.put(h) {
		t.n++
	}
}

func (t *twins) put(h uint64) (isNew bool) {
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i] == h {
			return false
		}
	}
	t.slots[i] = h
	return true
}

func (t *twins) has(h uint64) bool {
	if t.n == 0 {
		return false
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i] == h {
			return true
		}
	}
	return false
}

func (t *twins) merge(o *twins) {
	for _, h := range o.slots {
		if h != 0 {
			t.add(h, 2*maxTwins)
		}
	}
	t.full = t.full || o.full
}

// twinHash is the same for the same event in logs of two kinds, at a distance
// of some seconds; 0: not an event that stands in two logs.
func (e *event) twinHash(distance int64) uint64 {
	if e.when == noTime || len(e.source) == 0 || e.echo {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(hashSeed)
	var fixed [18]byte
	fixed[0], fixed[1] = byte(e.action), byte(e.outcome)
	put := func(at int, n int64) {
		for i := range 8 {
			fixed[at+i] = byte(n >> (8 * i))
		}
	}
	put(2, floorDiv(e.when, 1000)+distance)
	switch e.action {
	case Login:
		_, _ = h.Write(e.user) // a hash takes everything
	case Upload, Download, Delete:
		put(10, max(e.bytes, 0)) // of a file that is deleted, some state a size
		if e.action == Delete {
			put(10, 0)
		}
		// Some name the file as the client did, some replace a part of the
		// characters, some write them as %20.
		name := e.path[bytes.LastIndexByte(e.path, '/')+1:]
		for i := 0; i < len(name); i++ {
			switch c := name[i]; {
			case c == '%':
				i += 2
			case c-'0' <= 9 || c|0x20-'a' < 26:
				_ = h.WriteByte(c)
			}
		}
	default:
		return 0
	}
	_, _ = h.Write(fixed[:])
	_, _ = h.Write(e.source)
	return max(h.Sum64(), 1)
}

// again tells whether a log of another kind has told an event, and remembers
// those that none has.
func (w *worker) again(e *event) bool {
	h := e.twinHash(0)
	if h == 0 {
		return false
	}
	if w.told.n > 0 {
		if w.told.has(h) || w.told.has(e.twinHash(-1)) || w.told.has(e.twinHash(1)) {
			return true
		}
	}
	w.own.add(h, maxTwins)
	return false
}

// inTurns sorts the logs by how much their kind says, and tells at which of
// them the next kind begins. The order within a kind stays.
func (a *audit) inTurns(inputs []Input) ([]Input, []int) {
	if len(inputs) < 2 {
		return inputs, []int{len(inputs)}
	}
	const last = 9
	type ranked struct {
		Input
		rank int
	}
	list := make([]ranked, len(inputs))
	for i, in := range inputs {
		list[i] = ranked{in, last}
		if !in.Live {
			list[i].rank = a.peek(in).rank
		}
	}
	slices.SortStableFunc(list, func(x, y ranked) int { return x.rank - y.rank })
	sorted, turns := make([]Input, len(list)), []int(nil)
	for i, r := range list {
		sorted[i] = r.Input
		if i+1 == len(list) || list[i+1].rank != r.rank {
			turns = append(turns, i+1)
		}
	}
	return sorted, turns
}

// peek finds the kind of a log without reading it.
func (a *audit) peek(in Input) *dialect {
	f := &feed{zone: a.feed.zone, now: a.feed.now, inputs: []Input{in}, limit: 1}
	if !f.open() {
		return unrecognised // the error comes again
	}
	defer f.close()
	head := make([]byte, 64<<10)
	n, _ := io.ReadFull(f.r, head) // so does this one
	d, _ := recognise(head[:n], clock{zone: f.zone, written: f.current.written})
	return d
}
