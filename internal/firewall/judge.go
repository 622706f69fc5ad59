package firewall

import (
	"net/netip"
	"slices"
)

// Span is a range of ports that fare alike.
type Span struct {
	Lo, Hi  uint16
	Verdict Verdict // its DNAT, if any, is that of port Lo
}

// Judge says what becomes of a packet that is on its way to, from or through
// the machine.
func (rs *Ruleset) Judge(h Hook, p Packet) Verdict {
	v, _ := rs.judge(h, p)
	return v
}

// judge gives the verdict and up to which port it holds. Where iptables has
// tables of its own beside those of nf_tables, nobody tells which of two chains
// of one priority comes first; a verdict must stand for both.
func (rs *Ruleset) judge(h Hook, p Packet) (Verdict, uint64) {
	r := rs.newRun(h, p)
	v := r.verdict(h, r.follow())
	if !rs.mixed() {
		return v, r.window.hi.lo
	}
	r2 := rs.newRun(h, p)
	r2.legacyFirst = true
	w := r2.verdict(h, r2.follow())
	last := min(r.window.hi.lo, r2.window.hi.lo)
	if v.Action == w.Action && v.With == w.With {
		return v, last
	}
	out := Verdict{Hook: h, Assumed: v.Assumed, Unmodelled: []string{"the order of nftables' and iptables-legacy's chains of one priority"}}
	for _, u := range []Verdict{v, w} {
		out.Unmodelled = append(out.Unmodelled, u.Unmodelled...)
		if u.Action != Unknown {
			u.Possible = []Outcome{{u.Action, u.Rule, u.With}}
		}
		for _, o := range u.Possible {
			if !slices.Contains(out.Possible, o) {
				out.Possible = append(out.Possible, o)
			}
		}
	}
	return out, last
}

// mixed tells whether both backends hold rules.
func (rs *Ruleset) mixed() bool {
	legacy := func(t *table) bool { return t.source == IPTablesLegacy }
	return slices.ContainsFunc(rs.tables, legacy) && slices.ContainsFunc(rs.tables, func(t *table) bool { return !legacy(t) })
}

// JudgeRange judges a packet for every destination port from lo to hi. It looks
// at the rules as often as they tell ports apart, not once per port.
func (rs *Ruleset) JudgeRange(h Hook, p Packet, lo, hi uint16) []Span {
	var out []Span
	for port := uint64(lo); port <= uint64(hi); {
		p.Dst = netip.AddrPortFrom(p.Dst.Addr(), uint16(port))
		v, last := rs.judge(h, p)
		last = min(last, uint64(hi))
		if !hasPorts(p.Proto) {
			last = uint64(hi)
		}
		if n := len(out); n > 0 && out[n-1].alike(v, uint16(port)) {
			out[n-1].Hi = uint16(last)
		} else {
			out = append(out, Span{uint16(port), uint16(last), v})
		}
		port = last + 1
	}
	return out
}

// alike tells whether the verdict on a port is that on the span before it.
func (s Span) alike(v Verdict, port uint16) bool {
	w := s.Verdict
	if v.Action != w.Action || v.Rule != w.Rule || v.With != w.With || v.Hook != w.Hook ||
		!slices.Equal(v.Unmodelled, w.Unmodelled) || v.DNAT.Addr() != w.DNAT.Addr() {
		return false
	}
	return !v.DNAT.IsValid() || v.DNAT.Port() == w.DNAT.Port() && w.DNAT.Port() != s.Lo ||
		v.DNAT.Port() == port && w.DNAT.Port() == s.Lo
}

// HelperFor names the connection tracking helper that the rules assign to the
// connection which the packet opens, such as "ftp"; empty: none, or not for
// certain. It does not know of helpers that the kernel assigns by itself
// (net.netfilter.nf_conntrack_helper, gone since Linux 6.0).
func (rs *Ruleset) HelperFor(p Packet) string {
	p.State = New
	r := rs.newRun(Input, p)
	if p.Host != nil && !slices.ContainsFunc(p.Host.Addresses, func(a Address) bool { return a.Prefix.Addr() == p.Dst.Addr().Unmap() }) {
		r.hook = Forward
	}
	live := r.follow()
	if r.tangled || len(live) == 0 {
		return ""
	}
	for _, t := range live {
		if t.helper != live[0].helper {
			return ""
		}
	}
	return live[0].helper
}

// newRun begins a judgement.
func (rs *Ruleset) newRun(h Hook, p Packet) *run {
	r := &run{
		rs: rs, packet: p, hook: h, in: p.In, flags: p.Flags,
		src: p.Src.Addr().Unmap(), dst: p.Dst.Addr().Unmap(),
		sport: [2]uint16{p.Src.Port(), p.Src.Port()}, dport: [2]uint16{p.Dst.Port(), p.Dst.Port()},
		asked: hasPorts(p.Proto), window: span{value{}, num(65535)},
	}
	if p.Src.Port() == 0 && hasPorts(p.Proto) {
		r.sport = [2]uint16{1024, 65535}
	}
	r.family = IP6
	if r.dst.Is4() {
		r.family = IP
	}
	if r.flags == 0 {
		r.flags = ACK
		if p.State == New {
			r.flags = SYN
		}
	}
	return r
}

// start is the packet before the first rule.
func (r *run) start() thread {
	t := thread{flow: flow{
		hook: r.hook, src: r.src, dst: r.dst, sport: r.sport, dport: r.dport, asked: r.asked, out: r.packet.Out,
		mark: marked{v: r.packet.Mark},
	}}
	switch {
	case r.packet.ConnMark != nil:
		t.connmark.v = *r.packet.ConnMark
	case r.packet.State != New:
		t.connmark.unknown = ^uint32(0)
	}
	// The bits above those with names say how far the kernel is with it.
	t.status.unknown = ^uint32(1<<6 - 1)
	switch r.packet.State {
	case Established:
		t.status.v = statusSeenReply | statusConfirmed
		t.status.unknown |= statusExpected | statusAssured | statusSNAT | statusDNAT
	case Related:
		t.status.unknown = ^uint32(0)
	}
	if r.packet.In == "lo" && r.hook == Input {
		// It has been through connection tracking when it left.
		t.natDst, t.natSrc = true, true
		t.track = tracked
		switch r.packet.State {
		case Untracked:
			t.track = untracked
		case Invalid:
			t.track = unseen
		}
	}
	return t
}

// follow takes the packet through the machine and gives the threads on which it
// is accepted; the others are in r.ends.
func (r *run) follow() []thread {
	live := []thread{r.start()}
	if r.hook == Output {
		live = r.pass(atOutput, live)
		r.reroute(live)
		return r.pass(atEgress, r.pass(atPostrouting, live))
	}
	live = r.pass(atPrerouting, r.pass(atIngress, live))
	var mine, others []thread
	for _, t := range live {
		switch r.local(&t) {
		case yes:
			mine = append(mine, t)
		case no:
			others = append(others, t)
		case maybe:
			t, other := t, t
			const why = "whether the translated destination is an address of this machine"
			t.note(why)
			other.note(why)
			mine, others = append(mine, t), append(others, other)
		}
	}
	var out []thread
	if len(mine) > 0 {
		r.hook = Input
		for i := range mine {
			mine[i].hook = Input
		}
		out = r.pass(atInput, mine)
	}
	if len(others) > 0 {
		r.hook = Forward
		for i := range others {
			others[i].hook = Forward
		}
		r.reroute(others)
		out = append(out, r.pass(atEgress, r.pass(atPostrouting, r.pass(atForward, others)))...)
	}
	return out
}

// local tells whether the packet, as prerouting leaves it, is for the machine.
func (r *run) local(t *thread) tri {
	switch {
	case t.here == yes:
		return yes
	case !t.moved:
		return truth(r.hook == Input)
	case !t.dst.IsValid():
		return maybe
	}
	kind := r.addressType(t.dst, false, false)
	if kind.state != known {
		return maybe
	}
	return truth(kind.lo.lo == typeLocal)
}

// reroute finds the interface by which translated packets leave. Rules of the
// hook that translated them still see the former one.
func (r *run) reroute(live []thread) {
	for i := range live {
		t := &live[i]
		if !t.moved {
			continue
		}
		kind := r.addressType(t.dst, false, false)
		switch {
		case kind.state != known:
			t.out = ""
		case kind.lo.lo == typeLocal:
			t.out = "lo"
		default:
			t.out = r.route(t.dst)
		}
	}
}

// route is the interface to a network that the machine is on; empty: not known.
func (r *run) route(to netip.Addr) string {
	best, name := -1, ""
	if r.packet.Host == nil {
		return ""
	}
	for _, a := range r.packet.Host.Addresses {
		if a.Prefix.Contains(to) && a.Prefix.Bits() > best {
			best, name = a.Prefix.Bits(), a.Interface
		}
	}
	return name
}

// verdict makes one of all the ends that the packet may come to.
func (r *run) verdict(asked Hook, live []thread) Verdict {
	ends := r.ends
	for _, t := range live {
		ends = append(ends, end{Accept, t.by, "", t.hook, t})
	}
	out := Verdict{Hook: asked, Assumed: r.assumed}
	if r.tangled || len(ends) == 0 {
		out.Unmodelled = []string{"the rule set as a whole: it is too intricate"}
		return out
	}
	// The end with the fewest open conditions tells the most.
	slices.SortStableFunc(ends, func(a, b end) int { return a.thread.open() - b.thread.open() })
	first := ends[0]
	one, places, answers := true, true, true // action; place and address; what a reject answers
	for _, e := range ends {
		o := Outcome{e.action, e.rule, e.with}
		if !slices.Contains(out.Possible, o) {
			out.Possible = append(out.Possible, o)
		}
		one = one && e.action == first.action
		answers = answers && e.with == first.with
		places = places && e.hook == first.hook && r.translated(&e.thread) == r.translated(&first.thread)
	}
	if !one || first.action == Accept && !places || !answers {
		out.Unmodelled = openNotes(ends)
	}
	if !one {
		return out
	}
	out.Action, out.Rule, out.With, out.Possible = first.action, first.rule, first.with, nil
	if !answers {
		out.With = ""
	}
	out.Policy = out.Rule == nil || out.Rule.Number == 0
	for p := first.thread.path; p != nil; p = p.before {
		out.Path = append(out.Path, Step{p.rule})
	}
	slices.Reverse(out.Path)
	if places {
		out.Hook, out.DNAT = first.hook, r.translated(&first.thread)
	}
	return out
}

// translated is the packet's new destination; not valid: it has none, or it is
// not known.
func (r *run) translated(t *thread) netip.AddrPort {
	if !t.moved && t.dport == r.dport || !t.dst.IsValid() || t.dport[0] != t.dport[1] {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(t.dst, t.dport[0])
}

// openNotes lists the conditions that could not be judged on any way.
func openNotes(ends []end) []string {
	var out []string
	for _, e := range ends {
		var notes []string
		for n := e.thread.notes; n != nil; n = n.before {
			notes = append(notes, n.text)
		}
		slices.Reverse(notes)
		for _, n := range notes {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// open counts the conditions that could not be judged.
func (t *thread) open() int {
	if t.notes == nil {
		return 0
	}
	return t.notes.depth
}
