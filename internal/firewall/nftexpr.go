package firewall

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// exprParser makes steps of the statements of one rule.
type exprParser struct {
	t       *table
	steps   []step
	targets []string // chains and sets that the rule names
	hides   bool     // its listing may be without its family, which is
	asks    Family   // this one, or none, if
	told    bool
}

func (p *exprParser) add(s step) { p.steps = append(p.steps, s) }

// statement reads one statement.
func (p *exprParser) statement(v any) {
	name, inner := only(v)
	d, _ := inner.(object)
	switch name {
	case "match":
		p.match(d)
	case "vmap":
		p.vmap(d)
	case "accept", "drop", "return", "continue", "jump", "goto":
		p.add(p.verdict(v))
	case "reject":
		p.reject(d)
	case "mangle":
		p.mangle(d)
	case "dnat", "snat", "masquerade", "redirect":
		p.translate(name, d)
	case "notrack":
		p.add(act(func(_ *run, t *thread) effect {
			t.notrack()
			return effect{}
		}))
	case "ct helper":
		p.helper(inner)
	case "set", "map", "meter":
		p.update(name, d)
	case "counter", "log", "last", "ct timeout", "ct expectation", "flow", "dup", "secmark", "comment":
	case "limit", "quota", "ct count", "tproxy":
		p.add(hangs{nftStatement(v)})
	case "queue", "synproxy", "fwd":
		p.add(verdict{code: vAsk, why: nftStatement(v)})
	case "xt":
		if t := str(d["type"]); t == "match" {
			p.add(hangs{nftStatement(v)})
			return
		}
		p.add(verdict{code: vPuzzle, why: nftStatement(v)})
	default:
		p.add(verdict{code: vPuzzle, why: nftStatement(v)})
	}
}

func (p *exprParser) verdict(v any) verdict {
	name, inner := only(v)
	d, _ := inner.(object)
	switch name {
	case "accept":
		return verdict{code: vAccept}
	case "drop":
		return verdict{code: vDrop}
	case "return":
		return verdict{code: vReturn}
	case "continue":
		return verdict{code: vContinue}
	case "jump", "goto":
		target := str(d["target"])
		p.targets = append(p.targets, target)
		return verdict{code: map[string]code{"jump": vJump, "goto": vBranch}[name], target: p.t.chain(target)}
	}
	return verdict{code: vPuzzle, why: nftExpr(v)}
}

// reject reads what is answered. nft leaves out the conditions on family and
// protocol without which the answer would make no sense.
func (p *exprParser) reject(d object) {
	with := "icmpx port-unreachable"
	switch kind := str(d["type"]); kind {
	case "tcp reset":
		with = kind
		p.add(&match{keys: []key{{field: fProtocol}}, set: oneOf(uint64(TCP)), text: "meta l4proto tcp"})
		if p.t.family == Inet {
			p.hides = true
			switch {
			case !p.told:
				p.add(hangs{"the address family, which nft does not list before `reject with tcp reset`"})
			case p.asks != "":
				p.add(family(p.asks))
			}
		}
	case "icmp", "icmpv6", "icmpx":
		with = kind + " " + nftExpr(d["expr"])
		switch kind {
		case "icmp":
			p.add(family(IP))
		case "icmpv6":
			p.add(family(IP6))
		}
	}
	p.add(verdict{code: vReject, with: with})
}

// oneOf is the set of one number.
func oneOf(n uint64) *lookup {
	return newLookup([]element{{dims: []dim{{span: single(num(n))}}}}, -1, "")
}

// match reads a condition.
func (p *exprParser) match(d object) {
	text := nftStatement(object{"match": d})
	keys, kinds := p.left(d["left"])
	m := match{keys: keys, text: text, negate: str(d["op"]) == "!="}
	right := d["right"]
	if len(kinds) == 1 && kinds[0].bits() && !keys[0].masked && !isSet(right) {
		if op := str(d["op"]); op == "in" || op == "!" {
			mask, ok := kinds[0].scalar(right)
			if !ok {
				p.unmodelled(keys, text)
				return
			}
			p.add(&bitTest{m, mask, op == "!"})
			return
		}
	}
	switch op := str(d["op"]); op {
	case "==", "!=", "in":
		m.set, m.named = p.set(right, kinds)
		if m.set == nil || m.set.unread != "" && len(m.set.elements) == 0 {
			p.unmodelled(keys, text)
			return
		}
	case "<", ">", "<=", ">=":
		n, ok := kinds[0].scalar(right)
		if !ok || len(kinds) != 1 {
			p.unmodelled(keys, text)
			return
		}
		m.set = comparison(op, n)
	default:
		p.unmodelled(keys, text)
		return
	}
	if n := len(p.steps); n > 0 && len(kinds) == 1 && lone(d["right"]) {
		if before, ok := p.steps[n-1].(*match); ok && before.beside(&m) {
			p.steps[n-1] = &merged{before, &m}
			return
		}
	}
	m.lone = len(kinds) == 1 && lone(d["right"])
	p.add(&m)
}

// lone tells whether the right side of a match is one value.
func lone(v any) bool {
	if s, ok := v.(string); ok {
		return !strings.HasPrefix(s, "@")
	}
	_, ok := v.(json.Number)
	return ok
}

// merged is two inequalities of fields that stand side by side in the packet.
// nft (seen with 1.0.6) loads them as one inequality of both, which holds if
// either does, and lists them as two, which hold if both do. The listing does
// not tell what the kernel has.
type merged struct{ a, b *match }

func (m *merged) pure() bool { return true }

func (m *merged) do(r *run, t *thread) effect {
	a, b := m.a.do(r, t), m.b.do(r, t)
	if a.kind == b.kind && a.kind != perhaps {
		return a
	}
	return effect{kind: perhaps, why: m.a.text + " " + m.b.text + ": nft may have loaded the two as one"}
}

// beside tells whether nft may merge the match with one that follows.
func (m *match) beside(next *match) bool {
	a, b := m.keys[0], next.keys[0]
	return m.lone && m.negate && next.negate && a.proto == b.proto && !a.masked && !b.masked &&
		(a.field == fSourcePort && b.field == fDestinationPort || a.field == fType && b.field == fCode)
}

// comparison is the set of numbers that stand in a relation to one.
func comparison(op string, n value) *lookup {
	s := span{value{}, top}
	switch {
	case op == "<" && n.zero():
		return newLookup(nil, -1, "")
	case op == "<":
		s.hi = n.previous()
	case op == "<=":
		s.hi = n
	case op == ">":
		s.lo = n.next() // no field is as wide as the widest number
	case op == ">=":
		s.lo = n
	}
	return newLookup([]element{{dims: []dim{{span: s}}}}, -1, "")
}

// unmodelled adds a condition that can't be judged, unless the packet lacks what
// it asks for.
func (p *exprParser) unmodelled(keys []key, text string) {
	// Elements that no hidden field can be told to match or to miss.
	m := &match{text: text, set: &lookup{elements: []element{{dims: make([]dim, len(keys))}}, catchall: -1}}
	for _, k := range keys {
		k.field, k.why, k.masked = fNone, text, false
		m.keys = append(m.keys, k)
	}
	p.add(m)
}

// isSet tells whether the right side of a match is a set.
func isSet(v any) bool {
	if s, ok := v.(string); ok {
		return strings.HasPrefix(s, "@")
	}
	k, _ := only(v)
	return k == "set"
}

// set reads the right side of a match.
func (p *exprParser) set(v any, kinds []kind) (*lookup, string) {
	if name, ok := v.(string); ok && strings.HasPrefix(name, "@") {
		s := p.named(name[1:], kinds, false)
		if s == nil {
			return nil, ""
		}
		return s.lookup, name[1:]
	}
	if k, inner := only(v); k == "set" {
		if _, literal := v.(object); literal {
			s := elements(list(inner), kinds, false)
			return s.lookup, ""
		}
	}
	s := elements([]any{v}, kinds, false)
	return s.lookup, ""
}

// named reads a named set or map for keys of these kinds.
func (p *exprParser) named(name string, kinds []kind, isMap bool) *compiledSet {
	p.targets = append(p.targets, "@"+name)
	s, ok := p.t.sets[name]
	if !ok {
		return nil
	}
	id := fmt.Sprint(kinds, isMap)
	if c, ok := s.cache[id]; ok {
		return c
	}
	c := elements(s.elements, kinds, isMap)
	if s.cache == nil {
		s.cache = map[string]*compiledSet{}
	}
	s.cache[id] = &c
	return &c
}

// mapping reads the data of a map or vmap.
func (p *exprParser) mapping(v any, kinds []kind) *compiledSet {
	if name, ok := v.(string); ok {
		return p.named(strings.TrimPrefix(name, "@"), kinds, true)
	}
	if k, inner := only(v); k == "set" {
		c := elements(list(inner), kinds, true)
		return &c
	}
	return nil
}

func (p *exprParser) vmap(d object) {
	text := nftStatement(object{"vmap": d})
	keys, kinds := p.left(d["key"])
	c := p.mapping(d["data"], kinds)
	if c == nil {
		p.unmodelled(keys, text)
		p.add(verdict{code: vPuzzle, why: text})
		return
	}
	m := &verdictMap{match: match{keys: keys, set: c.lookup, text: text}}
	for _, v := range c.data {
		m.results = append(m.results, p.verdict(v))
	}
	p.add(m)
}

// mangle reads a change to the packet.
func (p *exprParser) mangle(d object) {
	text := nftStatement(object{"mangle": d})
	keys, _ := p.left(d["key"])
	switch k := keys[0]; k.field {
	case fMark, fConnMark:
		from := p.markValue(d["value"], text)
		p.add(act(func(r *run, t *thread) effect {
			m, missing := from(r, t)
			switch {
			case missing:
				return effect{kind: miss}
			case k.field == fMark:
				t.mark = m
			case t.track != tracked:
				// There is no connection to mark; the rule goes on.
			default:
				t.connmark = m
			}
			return effect{}
		}))
	case fSource, fDestination, fSourcePort, fDestinationPort, fProtocol, fTCPFlags, fPacketType, fType, fCode:
		p.add(verdict{code: vPuzzle, why: text}) // translation without connections
	default:
		// Nothing that rules read here; but the packet must have it.
		p.add(act(func(r *run, t *thread) (e effect) {
			if k.load(r, t).state == absent {
				e.kind = miss
			}
			return e
		}))
	}
}

// markValue reads what a mark is set to. The second result tells that the
// packet has no such thing, which ends the rule.
func (p *exprParser) markValue(v any, text string) func(*run, *thread) (marked, bool) {
	unknown := func(*run, *thread) (marked, bool) { return marked{unknown: ^uint32(0)}, false }
	if n, ok := v.(json.Number); ok {
		c, ok := kNumber.scalar(n)
		if !ok {
			return unknown
		}
		return func(*run, *thread) (marked, bool) { return marked{v: uint32(c.lo)}, false }
	}
	op, inner := only(v)
	switch op {
	case "&", "|", "^":
		parts := list(inner)
		if len(parts) < 2 {
			return unknown
		}
		combine := map[string]func(marked, marked) marked{"&": marked.and, "|": marked.or, "^": marked.xor}[op]
		out := p.markValue(parts[0], text)
		for _, part := range parts[1:] {
			a, b := out, p.markValue(part, text)
			out = func(r *run, t *thread) (marked, bool) {
				x, missing := a(r, t)
				y, also := b(r, t)
				return combine(x, y), missing || also
			}
		}
		return out
	case "map":
		d, _ := inner.(object)
		keys, kinds := p.left(d["key"])
		c := p.mapping(d["data"], kinds)
		if c == nil {
			return unknown
		}
		return func(r *run, t *thread) (marked, bool) {
			i, missing := pick(r, t, keys, c)
			if missing {
				return marked{}, true
			}
			if i >= 0 {
				if n, ok := kNumber.scalar(c.data[i]); ok {
					return marked{v: uint32(n.lo)}, false
				}
			}
			return marked{unknown: ^uint32(0)}, false
		}
	case "meta", "ct":
		keys, _ := p.left(v)
		if keys[0].field != fMark && keys[0].field != fConnMark {
			return unknown
		}
		return func(r *run, t *thread) (marked, bool) {
			o := keys[0].load(r, t)
			return marked{uint32(o.lo.lo), uint32(o.unknown.lo)}, o.state == absent
		}
	}
	return unknown
}

// pick looks up one entry of a map: -1 if it can't be told which.
func pick(r *run, t *thread, keys []key, c *compiledSet) (index int, missing bool) {
	ops := make([]operand, len(keys))
	for i := range keys {
		ops[i] = keys[i].load(r, t)
	}
	hits, missing := c.lookup.find(r, ops)
	switch {
	case len(hits) == 0:
		return -1, true
	case len(hits) == 1 && !missing && hits[0].sure == yes:
		return hits[0].index, false
	}
	return -1, false
}

// translate reads a translation of addresses.
func (p *exprParser) translate(name string, d object) {
	f := Family(str(d["family"]))
	if f == "" && (p.t.family == IP || p.t.family == IP6) {
		f = p.t.family
	}
	if f != "" {
		p.add(family(f))
	}
	addr, port := p.natAddress(d["addr"]), natPort(d["port"])
	if flags := words(d["type_flags"]); len(flags) > 0 {
		addr = func(*run, *thread) (netip.Addr, *[2]uint16, bool) { return netip.Addr{}, nil, false }
	}
	p.add(act(func(r *run, t *thread) effect {
		to, mapped, missing := netip.Addr{}, (*[2]uint16)(nil), false
		if d["addr"] != nil {
			to, mapped, missing = addr(r, t)
		}
		ports := port
		if mapped != nil {
			ports = mapped
		}
		switch {
		case missing:
			return effect{kind: miss}
		case name == "redirect":
			redirect(r, t, ports)
		case name == "dnat" && d["addr"] == nil:
			destination(r, t, t.dst, ports)
		case name == "dnat":
			destination(r, t, to, ports)
		case name == "snat" && d["addr"] == nil:
			source(r, t, t.src, ports)
		default:
			source(r, t, to, ports)
		}
		return effect{}
	}))
	p.add(verdict{code: vAccept})
}

// natPort reads the port of a translation; nil: it stays.
func natPort(v any) *[2]uint16 {
	if v == nil {
		return nil
	}
	d, ok := kPort.dim(v)
	if !ok || d.hi.lo > 65535 {
		return &[2]uint16{0, 65535}
	}
	return &[2]uint16{uint16(d.lo.lo), uint16(d.hi.lo)}
}

// natAddress reads the address of a translation, which may come with a port.
func (p *exprParser) natAddress(v any) func(*run, *thread) (netip.Addr, *[2]uint16, bool) {
	unknown := func(*run, *thread) (netip.Addr, *[2]uint16, bool) { return netip.Addr{}, nil, false }
	if s, ok := v.(string); ok {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return unknown
		}
		return func(*run, *thread) (netip.Addr, *[2]uint16, bool) { return a, nil, false }
	}
	op, inner := only(v)
	d, _ := inner.(object)
	if op != "map" {
		return unknown
	}
	keys, kinds := p.left(d["key"])
	c := p.mapping(d["data"], kinds)
	if c == nil {
		return unknown
	}
	return func(r *run, t *thread) (netip.Addr, *[2]uint16, bool) {
		i, missing := pick(r, t, keys, c)
		if missing || i < 0 {
			return netip.Addr{}, &[2]uint16{0, 65535}, missing
		}
		parts := []any{c.data[i]}
		if k, inner := only(c.data[i]); k == "concat" {
			parts = list(inner)
		}
		if len(parts) == 0 {
			return netip.Addr{}, nil, false
		}
		a, _ := netip.ParseAddr(str(parts[0]))
		if len(parts) > 1 {
			return a, natPort(parts[1]), false
		}
		return a, nil, false
	}
}

// helper reads the assignment of a connection tracking helper.
func (p *exprParser) helper(v any) {
	assign := func(r *run, t *thread, name string) {
		h, ok := p.t.helpers[name]
		fits := h.family == "" || h.family == Inet || h.family == r.family
		if ok && fits && t.track == tracked && r.packet.State == New && h.proto == r.packet.Proto {
			t.helper = h.helper
		}
	}
	if name, ok := v.(string); ok {
		p.add(act(func(r *run, t *thread) effect {
			assign(r, t, name)
			return effect{}
		}))
		return
	}
	_, inner := only(v)
	d, _ := inner.(object)
	keys, kinds := p.left(d["key"])
	c := p.mapping(d["data"], kinds)
	if c == nil {
		return
	}
	p.add(act(func(r *run, t *thread) effect {
		i, missing := pick(r, t, keys, c)
		if missing {
			return effect{kind: miss}
		}
		if i >= 0 {
			assign(r, t, str(c.data[i]))
		}
		return effect{}
	}))
}

// update reads the change of a set by a packet.
func (p *exprParser) update(name string, d object) {
	stmts := list(d["stmt"])
	if one, ok := d["stmt"].(object); ok {
		stmts = []any{one}
	}
	elem := d["elem"]
	if name == "meter" {
		elem = d["key"]
	}
	if k, inner := only(elem); k == "elem" {
		e, _ := inner.(object)
		elem = e["val"]
	}
	keys, _ := p.left(elem)
	set := strings.TrimPrefix(str(d["set"])+str(d["map"]), "@")
	p.add(act(func(r *run, t *thread) effect {
		for i := range keys {
			if keys[i].load(r, t).state == absent {
				return effect{kind: miss}
			}
		}
		if mark := "\x00" + set + "\x00"; set != "" && !strings.Contains(t.touched, mark) {
			t.touched += mark
		}
		return effect{}
	}))
	for _, s := range stmts {
		switch k, _ := only(s); k {
		case "counter", "last", "log":
		default:
			p.add(hangs{nftStatement(object{name: d}) + " " + nftStatement(s)})
		}
	}
}
