package audit

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// hashSeed is one for all tables, so that workers hash alike.
var hashSeed = maphash.MakeSeed()

// table gives names (addresses, users) small numbers. Number 0 is everybody
// who does not fit any more. Names are told apart by 64 bits of a hash whose seed
// nobody knows: among as many names as fit, two of them are alike once in a
// hundred million runs.
type table struct {
	slots []slot // open addressing, a power of two of them, at most half full
	names []string
}

type slot struct {
	hash uint64
	id   uint32
}

func newTable() *table { return &table{slots: make([]slot, 1024), names: []string{""}} }

// id finds the number of a name, or gives it one while there are fewer than
// limit. The empty name has none.
func (t *table) id(name []byte, limit int) uint32 {
	if len(name) == 0 {
		return 0
	}
	h := maphash.Bytes(hashSeed, name)
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for ; t.slots[i].id != 0; i = (i + 1) & mask {
		if s := &t.slots[i]; s.hash == h {
			return s.id
		}
	}
	if len(t.names) > limit {
		return 0
	}
	id := uint32(len(t.names))
	t.names = append(t.names, string(name))
	t.slots[i] = slot{h, id}
	if 2*len(t.names) > len(t.slots) {
		t.grow()
	}
	return id
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.id != 0 {
			t.put(s)
		}
	}
}

func (t *table) put(s slot) {
	mask := uint64(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].id != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// keep drops all but the given numbers, which must be in order, and returns
// what each old number has become (0: dropped).
func (t *table) keep(ids []uint32) []uint32 {
	became := make([]uint32, len(t.names))
	names := []string{""}
	for _, id := range ids {
		became[id] = uint32(len(names))
		names = append(names, t.names[id])
	}
	old := t.slots
	t.slots = make([]slot, len(old))
	t.names = names
	for _, s := range old {
		if s.id = became[s.id]; s.id != 0 {
			t.put(s)
		}
	}
	return became
}

// heaviest returns the n numbers of the greatest weight, in order. Number 0 is
// none of them.
func heaviest(size, n int, weight func(id uint32) uint64) []uint32 {
	ids := make([]uint32, 0, size)
	for id := uint32(1); id < uint32(size); id++ {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uint32) int { return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a, b)) })
	ids = ids[:min(n, len(ids))]
	slices.Sort(ids)
	return ids
}

// order sorts numbers by weight, the greatest first, and then by name: the same
// order whoever read which part of a log.
func (t *table) order(ids []uint32, weight func(id uint32) uint64) {
	slices.SortFunc(ids, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(t.names[a], t.names[b]))
	})
}

// few counts who takes part, as long as there are few: the first four, and how
// often somebody else did.
type few struct {
	id   [4]uint32
	n    [4]uint32
	rest uint32
}

func (f *few) add(id, n uint32) {
	if id != 0 {
		for i := range f.id {
			if f.id[i] == id {
				f.n[i] += n
				return
			}
			if f.n[i] == 0 {
				f.id[i], f.n[i] = id, n
				return
			}
		}
	}
	f.rest += n
}

// same leaves numbers as they are.
var same []uint32

func (f *few) merge(g *few, became []uint32) {
	for i, n := range g.n {
		if n == 0 {
			continue
		}
		id := g.id[i]
		if became != nil {
			id = became[id]
		}
		f.add(id, n)
	}
	f.rest += g.rest
}

// newest keeps the latest few of many times, whatever their order.
type newest [8]int64

func (n *newest) add(when int64) {
	oldest := 0
	for i, t := range n {
		if t < n[oldest] {
			oldest = i
		}
	}
	if when > n[oldest] {
		n[oldest] = when
	}
}

func (n *newest) merge(m *newest) {
	for _, when := range m {
		if when != 0 {
			n.add(when)
		}
	}
}

// after counts the times after a moment, and gives the first of them.
func (n *newest) after(moment int64) (count int, first int64) {
	for _, when := range n {
		if when > moment && when != 0 {
			if count++; first == 0 || when < first {
				first = when
			}
		}
	}
	return count, first
}
