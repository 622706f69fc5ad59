package firewall

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// module reads the options of one match module (iptables-extensions(8)).
func (p *ruleParser) module(name string, of []option) {
	if name == "comment" {
		for _, o := range of {
			p.rule.Comment = strings.Join(o.values, " ")
		}
		return
	}
	whole := []string{"-m " + name}
	for _, o := range of {
		whole = append(whole, o.String())
	}
	text := strings.Join(whole, " ")
	read := modules[name]
	if read == nil || !read(p, of, text) {
		p.add(hangs{text})
	}
}

// moduleReader reads the options of a module. It returns false if the module as
// a whole can't be judged.
type moduleReader func(p *ruleParser, of []option, text string) bool

var modules = map[string]moduleReader{
	"tcp": each((*ruleParser).ports), "udp": each((*ruleParser).ports), "udplite": each((*ruleParser).ports),
	"sctp": each((*ruleParser).ports), "dccp": each((*ruleParser).ports), "multiport": each((*ruleParser).multiport),
	"icmp": each((*ruleParser).icmp), "icmp6": each((*ruleParser).icmp), "icmpv6": each((*ruleParser).icmp),
	"state": (*ruleParser).conntrack, "conntrack": (*ruleParser).conntrack, "helper": each((*ruleParser).helper),
	"iprange": each((*ruleParser).iprange), "mark": each((*ruleParser).mark), "connmark": each((*ruleParser).connmark),
	"addrtype": (*ruleParser).addrtype, "pkttype": each((*ruleParser).pkttype),
	"set": (*ruleParser).matchSet, "recent": (*ruleParser).recent, "rpfilter": (*ruleParser).rpfilter, "policy": (*ruleParser).policy,
	// A packet is plain here: whole, and without extension headers.
	"frag": never, "hbh": never, "dst": never, "rt": never, "mh": never, "srh": never,
	"nfacct": func(*ruleParser, []option, string) bool { return true }, // counts
}

// each reads options one by one.
func each(read func(p *ruleParser, o option) bool) moduleReader {
	return func(p *ruleParser, of []option, _ string) bool {
		for _, o := range of {
			if !read(p, o) {
				p.add(hangs{o.String()})
			}
		}
		return true
	}
}

func never(p *ruleParser, _ []option, text string) bool {
	p.add(&test{text, func(*run, *thread) (tri, string) { return no, "" }})
	return true
}

// portSpan reads a port, a name or a range.
func portSpan(s string) (span, bool) {
	lo, hi, ranged := strings.Cut(s, ":")
	out := span{value{}, num(65535)}
	ok1, ok2 := true, true
	if lo != "" || !ranged {
		out.lo, ok1 = kPort.parse(lo)
	}
	switch {
	case !ranged:
		out.hi = out.lo
	case hi != "":
		out.hi, ok2 = kPort.parse(hi)
	}
	return out, ok1 && ok2 && !num(65535).less(out.hi)
}

func (p *ruleParser) ports(o option) bool {
	k := key{proto: p.proto}
	switch o.name {
	case "--sport", "--source-port":
		k.field = fSourcePort
	case "--dport", "--destination-port":
		k.field = fDestinationPort
	case "--tcp-flags":
		if len(o.values) != 2 {
			return false
		}
		return p.tcpFlags(o, o.values[0], o.values[1])
	case "--syn":
		return p.tcpFlags(o, "FIN,SYN,RST,ACK", "SYN")
	default:
		return false
	}
	s, ok := portSpan(o.value())
	if ok {
		p.compare(k, o, s)
	}
	return ok
}

func (p *ruleParser) tcpFlags(o option, mask, want string) bool {
	m, ok1 := bitsOf(mask)
	w, ok2 := bitsOf(want)
	if ok1 && ok2 {
		p.compare(key{field: fTCPFlags, proto: TCP, masked: true, mask: m}, o, single(w))
	}
	return ok1 && ok2
}

// bitsOf reads names of TCP flags.
func bitsOf(list string) (value, bool) {
	var out value
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "ALL":
			out = out.or(num(63))
		case "NONE":
		default:
			n, ok := numberOf(flagNames[:6], strings.ToLower(name))
			if !ok {
				return value{}, false
			}
			out = out.or(num(n))
		}
	}
	return out, true
}

func (p *ruleParser) multiport(o option) bool {
	var spans []span
	for s := range strings.SplitSeq(o.value(), ",") {
		one, ok := portSpan(s)
		if !ok {
			return false
		}
		spans = append(spans, one)
	}
	switch o.name {
	case "--dports", "--destination-ports":
		p.compare(key{field: fDestinationPort}, o, spans...)
	case "--sports", "--source-ports":
		p.compare(key{field: fSourcePort}, o, spans...)
	case "--ports":
		p.either(o, spans)
	default:
		return false
	}
	return true
}

// either adds a condition on either port.
func (p *ruleParser) either(o option, spans []span) {
	var all []element
	for _, s := range spans {
		all = append(all, element{dims: []dim{{span: s}}})
	}
	set := newLookup(all, -1, "")
	p.add(&test{o.String(), func(r *run, t *thread) (tri, string) {
		src, dst := key{field: fSourcePort}, key{field: fDestinationPort}
		a, why := set.member(r, []operand{src.load(r, t)})
		b, _ := set.member(r, []operand{dst.load(r, t)})
		found := no
		switch {
		case a == yes || b == yes:
			found = yes
		case a == maybe || b == maybe:
			found = maybe
		}
		if o.negate {
			found = found.not()
		}
		return found, why
	}})
}

// icmpTypes are the names that iptables has for types and codes.
var icmpTypes = map[string][2]int{
	"any": {-1, -1}, "echo-reply": {0, -1}, "pong": {0, -1}, "destination-unreachable": {3, -1}, "network-unreachable": {3, 0},
	"host-unreachable": {3, 1}, "protocol-unreachable": {3, 2}, "port-unreachable": {3, 3}, "fragmentation-needed": {3, 4},
	"source-quench": {4, -1}, "redirect": {5, -1}, "echo-request": {8, -1}, "ping": {8, -1}, "router-advertisement": {9, -1},
	"router-solicitation": {10, -1}, "time-exceeded": {11, -1}, "ttl-exceeded": {11, -1}, "parameter-problem": {12, -1},
	"timestamp-request": {13, -1}, "timestamp-reply": {14, -1}, "address-mask-request": {17, -1}, "address-mask-reply": {18, -1},
}

var icmp6Types = map[string][2]int{
	"destination-unreachable": {1, -1}, "no-route": {1, 0}, "address-unreachable": {1, 3}, "port-unreachable": {1, 4},
	"packet-too-big": {2, -1}, "time-exceeded": {3, -1}, "ttl-exceeded": {3, -1}, "parameter-problem": {4, -1}, "echo-request": {128, -1}, "ping": {128, -1},
	"echo-reply": {129, -1}, "pong": {129, -1}, "router-solicitation": {133, -1}, "router-advertisement": {134, -1},
	"neighbour-solicitation": {135, -1}, "neighbor-solicitation": {135, -1}, "neighbour-advertisement": {136, -1},
	"neighbor-advertisement": {136, -1}, "redirect": {137, -1},
}

func (p *ruleParser) icmp(o option) bool {
	names, proto := icmpTypes, ICMP
	switch o.name {
	case "--icmp-type":
	case "--icmpv6-type", "--icmp6-type":
		names, proto = icmp6Types, ICMPv6
	default:
		return false
	}
	pair, ok := names[o.value()]
	if !ok {
		typ, code, coded := strings.Cut(o.value(), "/")
		t, err := strconv.ParseUint(typ, 0, 8)
		pair = [2]int{int(t), -1}
		if err != nil {
			return false
		}
		if coded {
			c, err := strconv.ParseUint(code, 0, 8)
			if err != nil {
				return false
			}
			pair[1] = int(c)
		}
	}
	if pair[0] < 0 || proto == ICMP && pair[0] == 255 && pair[1] < 0 {
		if o.negate {
			return never(p, nil, o.String())
		}
		return true // any type: that of 255 stands for it in the kernel
	}
	p.add(&test{o.String(), func(r *run, _ *thread) (tri, string) {
		hit := r.packet.Proto == proto && int(r.packet.Type) == pair[0] && (pair[1] < 0 || int(r.packet.Code) == pair[1])
		return truth(hit != o.negate), ""
	}})
	return true
}

// conntrack reads conditions on the connection. Without a connection the module
// looks at the state alone (net/netfilter/xt_conntrack.c).
func (p *ruleParser) conntrack(of []option, text string) bool {
	var tests []func(r *run, t *thread) (tri, string)
	state := func(*run, *thread) (tri, string) { return no, "" }
	for _, o := range of {
		if o.name == "--ctstate" || o.name == "--state" {
			want, natural := uint64(0), uint64(0)
			for s := range strings.SplitSeq(o.value(), ",") {
				n, ok := numberOf(stateNames, strings.ToLower(s))
				switch {
				case ok:
					want |= n
				case s == "SNAT":
					natural |= statusSNAT
				case s == "DNAT":
					natural |= statusDNAT
				default:
					return false
				}
			}
			state = stateTest(want, natural, o.negate)
			tests = append(tests, state)
			continue
		}
		c := p.connection(o)
		if c == nil {
			return false
		}
		tests = append(tests, c)
	}
	p.add(&test{text, func(r *run, t *thread) (tri, string) {
		if t.track != tracked && t.track != templated {
			return state(r, t)
		}
		out, why := yes, ""
		for _, c := range tests {
			found, reason := c(r, t)
			if found == no {
				return no, ""
			}
			if found == maybe {
				out, why = maybe, reason
			}
		}
		return out, why
	}})
	return true
}

// stateTest is a condition on the state, and on translation as part of it.
func stateTest(want, natural uint64, negate bool) func(*run, *thread) (tri, string) {
	return func(r *run, t *thread) (tri, string) {
		found, why := truth(want&r.stateBit(t) != 0), ""
		if found == no && natural != 0 && t.track == tracked {
			found, why = t.status.operand().any(num(natural)), "the translation of the connection"
		}
		if negate {
			found = found.not()
		}
		return found, why
	}
}

// connection reads one condition of module conntrack; nil: not modelled.
func (p *ruleParser) connection(o option) func(*run, *thread) (tri, string) {
	field := func(k key, spans ...span) func(*run, *thread) (tri, string) {
		var all []element
		for _, s := range spans {
			all = append(all, element{dims: []dim{{span: s}}})
		}
		set := newLookup(all, -1, "")
		return func(r *run, t *thread) (tri, string) {
			op := k.load(r, t)
			if op.state == absent {
				return no, ""
			}
			found, why := set.member(r, []operand{op})
			if o.negate {
				found = found.not()
			}
			return found, why
		}
	}
	switch o.name {
	case "--ctproto":
		n, ok := kProtocol.parse(o.value())
		if ok {
			return field(key{field: fConnProtocol}, single(n))
		}
	case "--ctdir":
		if n, ok := kDirection.parse(strings.ToLower(o.value())); ok {
			return field(key{field: fDirection}, single(n))
		}
	case "--ctstatus":
		return statusTest(o)
	case "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst":
		prefix, err := parsePrefix(o.value())
		if err != nil {
			return nil
		}
		k := key{field: fConnSource, reply: strings.HasPrefix(o.name, "--ctrepl")}
		if strings.HasSuffix(o.name, "dst") {
			k.field = fConnDestination
		}
		return field(k, prefixSpan(prefix))
	case "--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport":
		s, ok := portSpan(o.value())
		if !ok {
			return nil
		}
		k := key{field: fConnSourcePort, reply: strings.HasPrefix(o.name, "--ctrepl")}
		if strings.HasSuffix(o.name, "dstport") {
			k.field = fConnDestinationPort
		}
		return field(k, s)
	}
	return nil
}

// statusTest is a condition on bits of the connection's status.
func statusTest(o option) func(*run, *thread) (tri, string) {
	mask := uint64(0)
	for s := range strings.SplitSeq(o.value(), ",") {
		name := strings.ReplaceAll(strings.ToLower(s), "_", "-")
		n, ok := numberOf(statusNames, name)
		if !ok && s != "NONE" {
			return nil
		}
		mask |= n
	}
	return func(r *run, t *thread) (tri, string) {
		status := t.status.operand()
		found := status.any(num(mask))
		if mask == 0 { // NONE: no bit at all, which no list of bits can say
			found = maybe
		}
		if o.negate {
			found = found.not()
		}
		return found, "the status of the connection"
	}
}

// parsePrefix reads an address with or without the length of its prefix.
func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.WithZone(""), a.BitLen()), nil
}

func (p *ruleParser) iprange(o option) bool {
	family := kIPv4
	if p.t.family == IP6 {
		family = kIPv6
	}
	from, to, ranged := strings.Cut(o.value(), "-")
	if !ranged {
		to = from
	}
	lo, ok1 := family.parse(from)
	hi, ok2 := family.parse(to)
	if !ok1 || !ok2 || hi.less(lo) {
		return false
	}
	switch o.name {
	case "--src-range":
		p.compare(key{field: fSource}, o, span{lo, hi})
	case "--dst-range":
		p.compare(key{field: fDestination}, o, span{lo, hi})
	default:
		return false
	}
	return true
}

// valueMask reads "0x1/0xff".
func valueMask(s string) (v, mask uint32, ok bool) {
	a, b, masked := strings.Cut(s, "/")
	n, err := strconv.ParseUint(a, 0, 32)
	m, err2 := uint64(1<<32-1), error(nil)
	if masked {
		m, err2 = strconv.ParseUint(b, 0, 32)
	}
	return uint32(n), uint32(m), err == nil && err2 == nil
}

func (p *ruleParser) mark(o option) bool     { return p.marked(o, fMark) }
func (p *ruleParser) connmark(o option) bool { return p.marked(o, fConnMark) }

func (p *ruleParser) marked(o option, f field) bool {
	v, m, ok := valueMask(o.value())
	if !ok || o.name != "--mark" {
		return false
	}
	p.compare(key{field: f, masked: true, mask: num(uint64(m))}, o, single(num(uint64(v))))
	return true
}

func (p *ruleParser) pkttype(o option) bool {
	n, ok := kPacketType.parse(o.value())
	if ok && o.name == "--pkt-type" {
		p.compare(key{field: fPacketType}, o, single(n))
		return true
	}
	return false
}

// helper asks for the helper that expected the connection.
func (p *ruleParser) helper(o option) bool {
	name, _, _ := strings.Cut(o.value(), "-") // "ftp-2121" names the port it was loaded with
	d := dim{isText: true, text: name}
	p.add(&match{
		keys: []key{{field: fHelper}}, set: newLookup([]element{{dims: []dim{d}}}, -1, ""), negate: o.negate,
		absent: truth(o.negate), text: o.String(),
	})
	return o.name == "--helper" && name != ""
}

func (p *ruleParser) addrtype(of []option, text string) bool {
	onDevice := slices.ContainsFunc(of, func(o option) bool { return o.name == "--limit-iface-in" })
	for _, o := range of {
		k := key{onDevice: onDevice}
		switch o.name {
		case "--src-type":
			k.field = fSourceType
		case "--dst-type":
			k.field = fDestinationType
		case "--limit-iface-in":
			continue
		default:
			return false
		}
		var spans []span
		for name := range strings.SplitSeq(o.value(), ",") {
			n, ok := kAddressType.parse(strings.ToLower(name))
			if !ok {
				return false
			}
			spans = append(spans, single(n))
		}
		if p.t.family == IP6 {
			p.addrtype6(k, o, spans)
		} else {
			p.compare(k, o, spans...)
		}
	}
	return true
}

// addrtype6 is the module's other meaning for IPv6: an address must be of all the
// types named, and one of the machine's own is unicast as well
// (net/netfilter/xt_addrtype.c, match_type6).
func (p *ruleParser) addrtype6(k key, o option, types []span) {
	p.add(&test{o.String(), func(r *run, t *thread) (tri, string) {
		actual := k.load(r, t)
		if actual.state != known {
			return maybe, actual.why
		}
		found := yes
		for _, s := range types {
			switch is := actual.lo.lo; s.lo.lo {
			case typeUnicast:
				if is == typeMulticast {
					found = no
				}
			case typeLocal, typeMulticast:
				if is != s.lo.lo {
					found = no
				}
			default:
				if found == yes {
					found = maybe
				}
			}
		}
		if o.negate {
			found = found.not()
		}
		return found, "which kind of address it is"
	}})
}

// recent --set matches whatever comes; other questions hang on what came before.
func (p *ruleParser) recent(of []option, _ string) bool {
	ok := slices.ContainsFunc(of, func(o option) bool { return o.name == "--set" && !o.negate })
	return ok
}

// rpfilter asks whether the way back to the source is the way of the packet.
func (p *ruleParser) rpfilter(of []option, text string) bool {
	invert := slices.ContainsFunc(of, func(o option) bool { return o.name == "--invert" })
	p.add(&test{text, func(r *run, t *thread) (tri, string) {
		k := key{field: fReversePath}
		k.load(r, t)
		return truth(!invert), ""
	}})
	return true
}

// policy asks whether the packet was, or will be, in an IPsec tunnel.
func (p *ruleParser) policy(of []option, text string) bool {
	for _, o := range of {
		if o.name == "--pol" && (o.value() == "none" || o.value() == "ipsec") {
			p.add(&test{text, func(r *run, _ *thread) (tri, string) {
				r.assume("the packet is not in an IPsec tunnel")
				return truth(o.value() == "none"), ""
			}})
			return true
		}
	}
	return false
}
