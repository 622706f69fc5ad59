package firewall

import (
	"cmp"
	"net/netip"
	"slices"
)

// Bounds of one judgement. Rule sets of machines stay far below; a rule set that
// was made to be intricate is not followed further.
const (
	maxSteps   = 4 << 20 // rules looked at
	maxThreads = 128     // possibilities followed at a time
	maxDepth   = 512     // chains that call each other
)

// stage is a hook of the kernel.
type stage string

const (
	atIngress     stage = "ingress"
	atPrerouting  stage = "prerouting"
	atInput       stage = "input"
	atForward     stage = "forward"
	atOutput      stage = "output"
	atPostrouting stage = "postrouting"
	atEgress      stage = "egress"
)

// hasIn tells whether rules of the stage see by which interface the packet came
// (in postrouting since Linux 5.7).
func (r *run) hasIn() bool { return r.hook != Output && r.stage != atEgress }

func (s stage) hasOut() bool { return s != atIngress && s != atPrerouting && s != atInput }

// What connection tracking has made of a packet so far.
const (
	unseen uint8 = iota // nothing yet, or it could make nothing of it
	tracked
	untracked
	templated // told how it is to be tracked (target CT)
)

// flow is what rules can change of a packet and of its connection.
type flow struct {
	hook         Hook       // the way that it takes
	src, dst     netip.Addr // not valid: not known
	sport, dport [2]uint16  // from, to
	asked        bool       // dport is the port that the caller named
	moved        bool       // dst is not where the packet was sent
	here         tri        // yes: dst is this machine, whatever it is
	out          string
	mark         marked
	connmark     marked
	status       marked
	track        uint8
	natSrc       bool
	natDst       bool
	helper       string // assigned to the connection
	touched      string // sets that were changed on the way
}

// thread is a flow on one of the ways that it may take.
type thread struct {
	flow
	notes *note  // conditions that could not be judged, on this way
	path  *trail // rules that it matched
	by    *Rule  // the last that accepted it
	weak  bool   // by prepares and does not filter
}

// note is a condition that could not be judged; a list.
type note struct {
	text   string
	before *note
	depth  int
}

func (t *thread) note(text string) {
	depth := 1
	if t.notes != nil {
		if t.notes.text == text {
			return
		}
		depth = t.notes.depth + 1
	}
	t.notes = &note{text, t.notes, depth}
}

// common is what two lists begin with.
func common(a, b *note) *note {
	for a != b {
		switch {
		case a == nil || b == nil:
			return nil
		case a.depth > b.depth:
			a = a.before
		case b.depth > a.depth:
			b = b.before
		default:
			a, b = a.before, b.before
		}
	}
	return a
}

// trail is a list of rules.
type trail struct {
	rule   *Rule
	before *trail
}

// notrack keeps connection tracking off, unless it was there before.
func (t *thread) notrack() {
	if t.track == unseen {
		t.track = untracked
	}
}

// end is how a packet's way ended, or may have.
type end struct {
	action Action
	rule   *Rule
	with   string
	hook   Hook
	thread thread
}

// run is one judgement.
type run struct {
	rs          *Ruleset
	packet      Packet
	family      Family
	flags       uint8
	hook        Hook
	stage       stage
	in          string
	legacyFirst bool // chains of iptables-legacy come first at their priority
	window      span // of ports that would fare alike

	src, dst     netip.Addr // as the packet came
	sport, dport [2]uint16
	asked        bool

	accepted []thread // by the base chain at work
	ends     []end
	assumed  []string
	steps    int
	tangled  bool // a bound was reached
}

func (r *run) narrow(s span) {
	if r.window.lo.less(s.lo) {
		r.window.lo = s.lo
	}
	if s.hi.less(r.window.hi) {
		r.window.hi = s.hi
	}
}

// split narrows the window to the ports that lie on the operand's side of the
// span's borders.
func (r *run) split(s span, o operand) {
	switch {
	case s.has(o.lo):
		r.narrow(s)
	case o.lo.less(s.lo):
		r.narrow(span{value{}, s.lo.previous()})
	default:
		r.narrow(span{s.hi.next(), top})
	}
}

func (r *run) assume(what string) {
	if !slices.Contains(r.assumed, what) {
		r.assumed = append(r.assumed, what)
	}
}

// push adds a thread to those that go on. Two that have come to the same are
// one: what they differ in did not matter.
func (r *run) push(list *[]thread, t thread) {
	for i := range *list {
		if (*list)[i].flow == t.flow {
			(*list)[i].notes = common((*list)[i].notes, t.notes)
			return
		}
	}
	if len(*list) >= maxThreads {
		r.tangled = true
		return
	}
	*list = append(*list, t)
}

// walk takes threads through a chain and gives those that come out at its end.
func (r *run) walk(c *chain, live []thread, depth int) []thread {
	var back, next []thread
	if depth > maxDepth {
		r.tangled = true
		return nil
	}
	for _, rule := range c.rules {
		if len(live) == 0 || r.tangled {
			break
		}
		next = next[:0]
		missed := true
		for i := range live {
			if !r.apply(rule, &live[i], depth, &next, &back) {
				missed = false
			} else if len(live) > 1 {
				r.push(&next, live[i])
			}
		}
		if len(live) > 1 || !missed {
			live, next = next, live
		}
	}
	for _, t := range live {
		r.push(&back, t)
	}
	return back
}

// apply takes a thread through a rule: to the next rule, out of the chain, or
// to its end. It reports whether the rule just did not match, and then leaves
// the thread to its caller.
func (r *run) apply(rule *Rule, from *thread, depth int, next, back *[]thread) (missed bool) {
	if r.steps++; r.steps > maxSteps {
		r.tangled = true
		return true
	}
	t := from            // a copy from the first step on that changes something
	var pending []string // conditions since the last change that can't be judged
	for _, s := range rule.steps {
		if !s.pure() {
			changed := *t
			t = &changed
			if len(pending) > 0 {
				other := *t
				for _, why := range pending {
					other.note(why)
					t.note(why)
				}
				pending = nil
				r.push(next, other)
			}
		}
		e := s.do(r, t)
		switch e.kind {
		case goOn:
		case miss:
			if t == from {
				return true
			}
			r.push(next, *t)
			return false
		case perhaps:
			pending = append(pending, e.why)
		case stop:
			r.decide(rule, *t, e.verdict, depth, next, back)
			return false
		case choose:
			r.choose(rule, *t, e, depth, next, back)
			return false
		}
	}
	if t == from {
		return true
	}
	r.push(next, *t)
	return false
}

// choose follows every verdict that a map may hold for the packet.
func (r *run) choose(rule *Rule, t thread, e effect, depth int, next, back *[]thread) {
	for _, h := range e.hits {
		if h.reason != "" {
			t.note(h.reason)
		}
	}
	for _, h := range e.hits {
		v := verdict{code: vPuzzle, why: h.reason}
		if h.index >= 0 {
			v = e.results[h.index]
		}
		r.decide(rule, t, v, depth, next, back)
	}
	if e.missing {
		r.push(next, t)
	}
}

// decide follows a verdict.
func (r *run) decide(rule *Rule, t thread, v verdict, depth int, next, back *[]thread) {
	if v.code == vContinue {
		r.push(next, t)
		return
	}
	t.path = &trail{rule, t.path}
	switch v.code {
	case vAccept:
		r.accept(rule, t)
	case vDrop:
		r.finish(Drop, rule, "", t)
	case vReject:
		r.finish(Reject, rule, answer(v.with, r.family), t)
	case vReturn:
		r.push(back, t)
	case vJump:
		for _, out := range r.walk(v.target, []thread{t}, depth+1) {
			r.push(next, out)
		}
	case vBranch:
		for _, out := range r.walk(v.target, []thread{t}, depth+1) {
			r.push(back, out)
		}
	case vAsk, vPuzzle:
		t.note(v.why)
		r.finish(Drop, rule, "", t)
		r.accept(rule, t)
		if v.code == vPuzzle {
			r.push(next, t)
		}
	}
}

func (r *run) accept(rule *Rule, t thread) {
	t.by = rule
	r.push(&r.accepted, t)
}

func (r *run) finish(a Action, rule *Rule, with string, t thread) {
	if len(r.ends) >= 4*maxThreads {
		r.tangled = true
		return
	}
	r.ends = append(r.ends, end{a, rule, with, r.hook, t})
}

// base takes threads through a base chain and gives those that it accepts.
func (r *run) base(c *chain, live []thread) []thread {
	kept := live[0]
	for i := range live {
		live[i].by = nil
	}
	r.accepted = nil
	for _, t := range r.walk(c, live, 0) {
		switch {
		case c.policy == Accept:
			t.by = c.decide
			r.push(&r.accepted, t)
		default:
			r.finish(Drop, c.decide, "", t)
		}
	}
	out := r.accepted
	r.accepted = nil
	// Who decided? The last that filters; raw and mangle prepare, nat translates.
	for i := range out {
		t := &out[i]
		preparing := c.nat || c.prio <= -150
		switch {
		case c.nat, kept.by != nil && !kept.weak && (preparing || t.by.Number == 0 && kept.by.Number > 0):
			t.by, t.weak = kept.by, kept.weak
		default:
			t.weak = preparing
		}
	}
	return out
}

// pass takes threads through a hook.
func (r *run) pass(at stage, live []thread) []thread {
	r.stage = at
	var filters, nats []*chain
	for _, c := range r.rs.chains(at, r.family, r.legacyFirst) {
		if c.nat {
			nats = append(nats, c)
		} else {
			filters = append(filters, c)
		}
	}
	if at == atPrerouting || at == atInput || at == atForward || at == atOutput {
		for i := range live {
			live[i].by, live[i].weak = nil, false
		}
	}
	natPriority := 100 // NF_IP_PRI_NAT_SRC
	if at == atPrerouting || at == atOutput {
		natPriority = -100 // NF_IP_PRI_NAT_DST
	}
	seen, translated := at != atPrerouting && at != atOutput, false
	for _, c := range filters {
		if !seen && c.prio > -200 { // NF_IP_PRI_CONNTRACK
			live, seen = r.track(live), true
		}
		if !translated && c.prio >= natPriority {
			live, translated = r.translate(nats, live), true
		}
		if len(live) == 0 || r.tangled {
			return nil
		}
		live = r.onDevice(c, live)
	}
	if !seen {
		live = r.track(live)
	}
	if !translated {
		live = r.translate(nats, live)
	}
	return live
}

// onDevice takes threads through a base chain, if it sees the packet's device
// and is attached.
func (r *run) onDevice(c *chain, live []thread) []thread {
	attached, why := c.table.dormant.not(), "whether table "+c.table.name+" is dormant"
	if c.hook == string(atIngress) || c.hook == string(atEgress) {
		name := r.in
		if c.hook == string(atEgress) {
			name = live[0].out
		}
		switch {
		case attached != no && (len(c.device) == 0 || name == ""):
			attached, why = maybe, "the device of chain "+c.name
		case attached != no && !slices.Contains(c.device, name):
			attached = no
		}
	}
	switch attached {
	case no:
		return live
	case yes:
		return r.base(c, live)
	}
	var out []thread
	for i := range live {
		spared := live[i]
		spared.note(why)
		out = append(out, spared)
		live[i].note(why)
	}
	for _, t := range r.base(c, live) {
		r.push(&out, t)
	}
	return out
}

// track is connection tracking.
func (r *run) track(live []thread) []thread {
	for i := range live {
		t := &live[i]
		switch {
		case t.track == tracked || t.track == untracked:
		case r.packet.State == Untracked:
			t.track = untracked
		case r.packet.State != Invalid:
			t.track = tracked
		default:
			t.track = unseen
		}
	}
	return live
}

// translate is the translation of addresses: chains of type nat see the first
// packet of a connection, all at one point of a hook whatever their priorities,
// until one translates (net/netfilter/nf_nat_core.c, nf_nat_inet_fn).
func (r *run) translate(chains []*chain, live []thread) []thread {
	first := r.packet.State == New || r.packet.State == Related && hasPorts(r.packet.Proto)
	destination := r.stage == atPrerouting || r.stage == atOutput
	done := func(t *thread) bool {
		return t.track != tracked || !first || destination && t.natDst || !destination && t.natSrc
	}
	for _, c := range chains {
		var todo, out []thread
		for _, t := range live {
			if done(&t) {
				out = append(out, t)
			} else {
				todo = append(todo, t)
			}
		}
		if len(todo) > 0 {
			for _, t := range r.onDevice(c, todo) {
				r.push(&out, t)
			}
		}
		live = out
	}
	for i := range live {
		if live[i].track == tracked {
			live[i].natDst = live[i].natDst || destination
			live[i].natSrc = live[i].natSrc || !destination
		}
	}
	return live
}

// chains lists the base chains of a hook in the order in which the kernel asks
// them: by priority, and of one priority those that were attached last first.
func (rs *Ruleset) chains(at stage, f Family, legacyFirst bool) []*chain {
	var out []*chain
	for _, t := range rs.tables {
		switch {
		case t.family == f, t.family == Inet:
		case t.family == Netdev && (at == atIngress || at == atEgress):
		default:
			continue
		}
		if t.dormant == yes {
			continue
		}
		for _, c := range t.ordered {
			if c.hook == string(at) {
				out = append(out, c)
			}
		}
	}
	slices.Reverse(out)
	rank := func(c *chain) int {
		if (c.table.source == IPTablesLegacy) == legacyFirst {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b *chain) int {
		return cmp.Or(cmp.Compare(a.prio, b.prio), cmp.Compare(rank(a), rank(b)))
	})
	return out
}
