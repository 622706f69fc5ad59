package firewall

import (
	"slices"
	"sort"
	"strings"
)

// dim is what one part of a set's element allows.
type dim struct {
	span
	text   string // for names of interfaces and helpers
	isText bool
	prefix bool // text is the beginning of the name
	any    bool // matches whatever is there
}

func (d dim) match(o operand) tri {
	switch {
	case o.state == absent:
		return no
	case d.any:
		return yes
	case o.state == hidden:
		return maybe
	case !d.isText:
		return o.in(d.span)
	case d.prefix:
		return truth(strings.HasPrefix(o.text, d.text))
	}
	return truth(o.text == d.text)
}

// element is one entry of a set or map.
type element struct {
	dims  []dim
	index int    // which of the map's results
	hangs string // what its match hangs on besides: a rate that the element carries
}

// lookup finds a packet's keys among elements. A plain comparison is a lookup
// among one element.
type lookup struct {
	elements []element
	sorted   bool   // one number per element: elements are in order and apart
	catchall int    // result of "*"; -1: there is none
	unread   string // an element that could not be read: a miss is not certain
}

// newLookup orders the elements, if that helps.
func newLookup(elements []element, catchall int, unread string) *lookup {
	l := &lookup{elements: elements, catchall: catchall, unread: unread}
	for _, e := range elements {
		if len(e.dims) != 1 || e.dims[0].isText || e.dims[0].any || e.hangs != "" {
			return l
		}
	}
	sort.SliceStable(elements, func(i, j int) bool { return elements[i].dims[0].lo.less(elements[j].dims[0].lo) })
	apart := elements[:0:0]
	for _, e := range elements {
		if n := len(apart); n > 0 {
			last := &apart[n-1].dims[0]
			switch {
			case apart[n-1].index == e.index && (last.has(e.dims[0].lo) || last.hi != top && last.hi.next() == e.dims[0].lo):
				if last.hi.less(e.dims[0].hi) {
					apart[n-1].dims = []dim{{span: span{last.lo, e.dims[0].hi}}}
				}
				continue
			case last.has(e.dims[0].lo):
				return l // one key, two results: the kernel would not hold such a map
			}
		}
		apart = append(apart, e)
	}
	l.elements, l.sorted = apart, true
	return l
}

// hit is an element that matches, or may.
type hit struct {
	index  int
	sure   tri
	reason string
}

// find gives what the keys match: at most one sure hit, which is the last, and
// before it those that are possible. missing tells whether no match is possible.
func (l *lookup) find(r *run, keys []operand) (hits []hit, missing bool) {
	if l.sorted && len(keys) == 1 && keys[0].state == known && keys[0].exact() {
		i := l.seek(r, keys[0])
		if i >= 0 {
			return []hit{{l.elements[i].index, yes, ""}}, false
		}
	} else {
		for _, e := range l.elements {
			t, why := e.match(r, keys)
			if t == yes {
				return append(hits, hit{e.index, yes, ""}), false
			}
			if t == maybe {
				hits = append(hits, hit{e.index, maybe, why})
			}
		}
	}
	if slices.ContainsFunc(keys, func(o operand) bool { return o.state == absent }) {
		return nil, true
	}
	if l.unread != "" {
		hits = append(hits, hit{-1, maybe, l.unread})
	}
	if l.catchall >= 0 {
		return append(hits, hit{l.catchall, yes, ""}), false
	}
	return hits, true
}

// seek finds the element that has the number, or -1, and narrows the range of
// ports for which this is so.
func (l *lookup) seek(r *run, o operand) int {
	i := sort.Search(len(l.elements), func(i int) bool { return !l.elements[i].dims[0].hi.less(o.lo) })
	found := i < len(l.elements) && l.elements[i].dims[0].has(o.lo)
	if o.port {
		switch {
		case found:
			r.narrow(l.elements[i].dims[0].span)
		default:
			gap := span{value{}, top}
			if i > 0 {
				gap.lo = l.elements[i-1].dims[0].hi.next()
			}
			if i < len(l.elements) {
				gap.hi = l.elements[i].dims[0].lo.previous()
			}
			r.narrow(gap)
		}
	}
	if found {
		return i
	}
	return -1
}

func (e element) match(r *run, keys []operand) (tri, string) {
	out, why := yes, e.hangs
	if why != "" {
		out = maybe
	}
	if len(keys) != len(e.dims) {
		return maybe, "a set of another type"
	}
	port := -1
	for i, o := range keys {
		if o.port {
			port = i // last, so that others may decide before it narrows the range
			continue
		}
		switch e.dims[i].match(o) {
		case no:
			return no, ""
		case maybe:
			out = maybe
			if why == "" {
				why = o.why
			}
		}
	}
	if port >= 0 {
		d := e.dims[port]
		if !d.any {
			r.split(d.span, keys[port])
		}
		if t := d.match(keys[port]); t != yes {
			return t, keys[port].why
		}
	}
	return out, why
}

// member tells whether the keys are in the set.
func (l *lookup) member(r *run, keys []operand) (tri, string) {
	if l.sorted && len(keys) == 1 && keys[0].state == known && keys[0].exact() {
		if l.seek(r, keys[0]) >= 0 {
			return yes, ""
		}
		if l.unread == "" && l.catchall < 0 {
			return no, ""
		}
	}
	hits, _ := l.find(r, keys)
	if len(hits) == 0 {
		return no, ""
	}
	last := hits[len(hits)-1]
	return last.sure, last.reason
}
