package firewall

import (
	"net/netip"
	"strings"
)

// step is a part of a rule: a condition, a change, a verdict.
type step interface {
	// do performs the step on a packet.
	do(r *run, t *thread) effect
	// pure tells that the step changes nothing and decides nothing.
	pure() bool
}

// effect is what a step came to.
type effect struct {
	kind    effectKind
	why     string // of perhaps
	verdict verdict
	hits    []hit     // of choose: what a map may hold for the packet
	results []verdict // of choose: the map's results
	missing bool      // of choose: the map may hold nothing
}

type effectKind uint8

const (
	goOn    effectKind = iota // the rule's next step
	miss                      // the rule does not match
	perhaps                   // it can't be told whether it matches
	stop                      // a verdict
	choose                    // one of several verdicts
)

// verdict is what a rule decides.
type verdict struct {
	code   code
	target *chain // of jump and branch
	with   string // of reject, by family if they differ: see answer
	why    string // of ask and puzzle
}

type code uint8

const (
	vContinue code = iota
	vAccept
	vDrop
	vReject
	vReturn
	vJump   // comes back
	vBranch // goto: does not
	vAsk    // another program decides: accept or drop
	vPuzzle // not modelled: anything
)

// match is a condition on fields of the packet.
type match struct {
	keys   []key
	set    *lookup
	negate bool
	absent tri    // what it comes to if the packet has no such field
	lone   bool   // it compares with one value
	named  string // the set's name, if rules may change it on the way
	text   string
}

func (m *match) pure() bool { return true }

func (m *match) do(r *run, t *thread) effect {
	var few [4]operand
	keys := few[:0]
	for i := range m.keys {
		o := m.keys[i].load(r, t)
		if o.state == absent {
			if m.absent == yes {
				return effect{}
			}
			return effect{kind: miss}
		}
		keys = append(keys, o)
	}
	found, why := m.set.member(r, keys)
	if m.named != "" && found == no && strings.Contains(t.touched, "\x00"+m.named+"\x00") {
		found = maybe
	}
	if m.negate {
		found = found.not()
	}
	return m.effect(found, why)
}

func (m *match) effect(t tri, why string) effect {
	switch t {
	case yes:
		return effect{}
	case no:
		return effect{kind: miss}
	}
	return effect{kind: perhaps, why: because(m.text, why)}
}

// because joins an expression and the fact that it asks for.
func because(text, why string) string {
	if why == "" || why == text {
		return text
	}
	return text + ": " + why + " is not known"
}

// bitTest is a condition on single bits: one of them is set, or none is.
type bitTest struct {
	match
	mask value
	none bool
}

func (b *bitTest) do(r *run, t *thread) effect {
	o := b.keys[0].load(r, t)
	switch o.state {
	case absent:
		return effect{kind: miss}
	case hidden:
		return b.effect(maybe, o.why)
	}
	found := o.any(b.mask)
	if b.none {
		found = found.not()
	}
	return b.effect(found, o.why)
}

// test is a condition that is no comparison of fields.
type test struct {
	text string
	eval func(r *run, t *thread) (tri, string)
}

func (c *test) pure() bool { return true }

func (c *test) do(r *run, t *thread) effect {
	found, why := c.eval(r, t)
	return (&match{text: c.text}).effect(found, why)
}

// hangs is a condition on something that no rule set tells.
type hangs struct{ text string }

func (h hangs) pure() bool                { return true }
func (h hangs) do(*run, *thread) effect   { return effect{kind: perhaps, why: h.text} }
func (v verdict) pure() bool              { return v.code == vContinue }
func (v verdict) do(*run, *thread) effect { return effect{kind: stop, verdict: v} }
func (a act) pure() bool                  { return false }
func (a act) do(r *run, t *thread) effect { return a(r, t) }
func (v *verdictMap) pure() bool          { return false }
func (f family) pure() bool               { return true }
func (f family) do(r *run, _ *thread) (e effect) {
	if r.family != Family(f) {
		e.kind = miss
	}
	return e
}

// family is a condition on the packet's family that nft leaves unsaid.
type family Family

// act is a step that changes the packet or its connection.
type act func(r *run, t *thread) effect

// verdictMap looks up its verdict.
type verdictMap struct {
	match
	results []verdict
}

func (v *verdictMap) do(r *run, t *thread) effect {
	keys := make([]operand, len(v.keys))
	for i := range v.keys {
		if keys[i] = v.keys[i].load(r, t); keys[i].state == absent {
			return effect{kind: miss}
		}
	}
	hits, missing := v.set.find(r, keys)
	if len(hits) == 0 {
		return effect{kind: miss}
	}
	if len(hits) == 1 && hits[0].sure == yes {
		return effect{kind: stop, verdict: v.results[hits[0].index]}
	}
	for i := range hits {
		hits[i].reason = because(v.text, hits[i].reason)
	}
	return effect{kind: choose, hits: hits, results: v.results, missing: missing}
}

// destination translates where the packet goes. An address that is not valid is
// one that can't be told; ports of nil stay as they are.
func destination(r *run, t *thread, to netip.Addr, port *[2]uint16) {
	if t.track != tracked {
		return // nothing translates what is not tracked
	}
	before, beforePort := t.dst, t.dport
	t.dst, t.natDst = to, true
	if port != nil && hasPorts(r.packet.Proto) {
		t.dport, t.asked = *port, false
	}
	switch {
	case !to.IsValid():
		t.status.unknown |= statusDNAT
	case to != before || t.dport != beforePort:
		t.status.v |= statusDNAT
	}
	if to != before {
		t.moved = true
	}
}

// source translates where the packet comes from.
func source(r *run, t *thread, from netip.Addr, port *[2]uint16) {
	if t.track != tracked {
		return
	}
	if from != t.src || !from.IsValid() {
		t.status.unknown |= statusSNAT
	}
	t.src, t.natSrc = from, true
	if port != nil && hasPorts(r.packet.Proto) {
		t.sport = *port
	} else if hasPorts(r.packet.Proto) {
		t.sport = [2]uint16{0, 65535} // another one if this is taken
	}
}

// redirect sends the packet to the machine itself.
func redirect(r *run, t *thread, port *[2]uint16) {
	if t.track != tracked {
		return
	}
	to := netip.Addr{}
	switch {
	case r.stage == atOutput && r.family == IP:
		to = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case r.stage == atOutput:
		to = netip.IPv6Loopback()
	case r.packet.Host != nil:
		var own []netip.Addr
		for _, a := range r.packet.Host.Addresses {
			if a.Interface == r.in && a.Prefix.Addr().Is4() == (r.family == IP) && !a.Prefix.Addr().IsLinkLocalUnicast() {
				own = append(own, a.Prefix.Addr())
			}
		}
		if len(own) == 1 {
			to = own[0]
		}
	}
	destination(r, t, to, port)
	t.here = yes
}

// answer is what a reject sends to a packet of the family. with is written for
// a family, or for both as icmpx.
func answer(with string, f Family) string {
	name, both := strings.CutPrefix(with, "icmpx ")
	switch {
	case !both:
		return with
	case f == IP && name == "no-route":
		return "icmp net-unreachable"
	case f == IP:
		return "icmp " + name
	case name == "host-unreachable":
		return "icmpv6 addr-unreachable"
	}
	return "icmpv6 " + name
}
