package firewall

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// tri is a truth value that may be out of reach.
type tri uint8

const (
	no tri = iota
	yes
	maybe
)

func (t tri) not() tri {
	switch t {
	case no:
		return yes
	case yes:
		return no
	}
	return maybe
}

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// value is any number that a packet has: addresses of both families, ports,
// marks, bits. It is as wide as the widest of them.
type value struct{ hi, lo uint64 }

func num(n uint64) value { return value{lo: n} }

func (v value) less(w value) bool { return v.hi < w.hi || v.hi == w.hi && v.lo < w.lo }
func (v value) and(w value) value { return value{v.hi & w.hi, v.lo & w.lo} }
func (v value) or(w value) value  { return value{v.hi | w.hi, v.lo | w.lo} }
func (v value) xor(w value) value { return value{v.hi ^ w.hi, v.lo ^ w.lo} }
func (v value) clear(w value) value {
	return value{v.hi &^ w.hi, v.lo &^ w.lo}
}
func (v value) zero() bool { return v == value{} }

func (v value) next() value {
	lo, carry := bits.Add64(v.lo, 1, 0)
	return value{v.hi + carry, lo}
}

func (v value) previous() value {
	lo, borrow := bits.Sub64(v.lo, 1, 0)
	return value{v.hi - borrow, lo}
}

var top = value{^uint64(0), ^uint64(0)}

// addressValue is an address as a number.
func addressValue(a netip.Addr) value {
	if a.Is4() {
		b := a.As4()
		return num(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return value{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// prefixSpan is the first and the last address of a prefix.
func prefixSpan(p netip.Prefix) span {
	first := addressValue(p.Masked().Addr())
	host := p.Addr().BitLen() - p.Bits()
	return span{first, first.or(ones(host))}
}

// ones is a number of n bits that are all set.
func ones(n int) value {
	switch {
	case n <= 0:
		return value{}
	case n <= 64:
		return value{lo: ^uint64(0) >> (64 - n)}
	}
	return value{hi: ^uint64(0) >> (128 - n), lo: ^uint64(0)}
}

// span is the numbers from lo to hi, both included.
type span struct{ lo, hi value }

func single(v value) span { return span{v, v} }

func (s span) has(v value) bool { return !v.less(s.lo) && !s.hi.less(v) }

// operand is what a rule reads from a packet.
type operand struct {
	state   uint8 // absent, known or hidden
	span          // the number, or between which numbers it is
	unknown value // bits that are not known, of a number that is
	text    string
	port    bool   // it is the port that a range of ports is judged by
	why     string // why it is hidden
}

const (
	absent uint8 = iota // the packet has no such thing
	known
	hidden // it has, but nobody told
)

func number(v value) operand       { return operand{state: known, span: single(v)} }
func word(s string) operand        { return operand{state: known, text: s} }
func hiddenBy(why string) operand  { return operand{state: hidden, why: why} }
func (o operand) exact() bool      { return o.lo == o.hi && o.unknown.zero() }
func between(lo, hi value) operand { return operand{state: known, span: span{lo, hi}} }

// masked is the operand with other bits cleared.
func (o operand) masked(mask value) operand {
	if o.state != known {
		return o
	}
	if o.lo != o.hi {
		return operand{state: known, span: span{}, unknown: mask}
	}
	o.lo = o.lo.and(mask)
	o.hi = o.lo
	o.unknown = o.unknown.and(mask)
	return o
}

// in tells whether the operand lies in the span.
func (o operand) in(s span) tri {
	if o.unknown.zero() {
		switch {
		case s.has(o.lo) && s.has(o.hi):
			return yes
		case o.hi.less(s.lo) || s.hi.less(o.lo):
			return no
		}
		return maybe
	}
	if s.lo == s.hi {
		if !o.lo.xor(s.lo).clear(o.unknown).zero() {
			return no
		}
		return maybe
	}
	least, most := o.lo.clear(o.unknown), o.lo.or(o.unknown)
	switch {
	case s.has(least) && s.has(most):
		return yes
	case most.less(s.lo) || s.hi.less(least):
		return no
	}
	return maybe
}

// any tells whether one of the bits is set.
func (o operand) any(mask value) tri {
	if o.lo != o.hi {
		return maybe
	}
	switch {
	case !o.lo.and(mask).clear(o.unknown).zero():
		return yes
	case o.unknown.and(mask).zero():
		return no
	}
	return maybe
}

// marked is 32 bits of which some may not be known: a mark.
type marked struct{ v, unknown uint32 }

func (m marked) operand() operand {
	o := number(num(uint64(m.v)))
	o.unknown = num(uint64(m.unknown))
	return o
}

func (m marked) and(o marked) marked {
	// A bit is known to be clear where either is.
	clear := ^(m.v | m.unknown) | ^(o.v | o.unknown)
	return marked{m.v & o.v &^ (m.unknown | o.unknown), (m.unknown | o.unknown) &^ clear}
}

func (m marked) or(o marked) marked {
	set := m.v&^m.unknown | o.v&^o.unknown
	return marked{set, (m.unknown | o.unknown) &^ set}
}

func (m marked) xor(o marked) marked {
	unknown := m.unknown | o.unknown
	return marked{(m.v ^ o.v) &^ unknown, unknown}
}
