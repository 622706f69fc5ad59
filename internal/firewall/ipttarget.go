package firewall

import (
	"net/netip"
	"strings"
)

// rejectAnswers are the answers of target REJECT.
var rejectAnswers = map[string]string{
	"tcp-reset": "tcp reset", "tcp-rst": "tcp reset",
	"icmp-net-unreachable": "icmp net-unreachable", "icmp-host-unreachable": "icmp host-unreachable",
	"icmp-proto-unreachable": "icmp prot-unreachable", "icmp-port-unreachable": "icmp port-unreachable",
	"icmp-net-prohibited": "icmp net-prohibited", "icmp-host-prohibited": "icmp host-prohibited",
	"icmp-admin-prohibited": "icmp admin-prohibited",
	"icmp6-no-route":        "icmpv6 no-route", "no-route": "icmpv6 no-route",
	"icmp6-adm-prohibited": "icmpv6 admin-prohibited", "adm-prohibited": "icmpv6 admin-prohibited",
	"icmp6-addr-unreachable": "icmpv6 addr-unreachable", "addr-unreach": "icmpv6 addr-unreachable",
	"icmp6-port-unreachable": "icmpv6 port-unreachable", "port-unreach": "icmpv6 port-unreachable",
	"icmp6-policy-fail": "icmpv6 policy-fail", "policy-fail": "icmpv6 policy-fail",
	"icmp6-reject-route": "icmpv6 reject-route", "reject-route": "icmpv6 reject-route",
}

// target reads what a rule does.
func (p *ruleParser) target(name string, branch bool, of []option) {
	text := "-j " + name
	for _, o := range of {
		text += " " + o.String()
	}
	if c, ok := p.t.chains[name]; ok && c.hook == "" {
		p.targets = append(p.targets, name)
		p.add(verdict{code: map[bool]code{false: vJump, true: vBranch}[branch], target: c})
		return
	}
	switch name {
	case "ACCEPT":
		p.add(verdict{code: vAccept})
	case "DROP":
		p.add(verdict{code: vDrop})
	case "RETURN":
		p.add(verdict{code: vReturn})
	case "REJECT":
		with := map[Family]string{IP: "icmp port-unreachable", IP6: "icmpv6 port-unreachable"}[p.t.family]
		for _, o := range of {
			if o.name == "--reject-with" {
				with = rejectAnswers[o.value()]
			}
		}
		p.add(verdict{code: vReject, with: with})
	case "MARK":
		p.setMark(of, text)
	case "CONNMARK":
		p.setConnMark(of, text)
	case "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP":
		p.translate(name, of)
	case "NOTRACK", "CT":
		p.track(name, of)
	case "SET":
		for _, o := range of {
			p.add(act(func(_ *run, t *thread) effect {
				t.touched += "\x00" + o.value() + "\x00"
				return effect{}
			}))
		}
	case "LOG", "NFLOG", "ULOG", "TOS", "DSCP", "TCPMSS", "CHECKSUM", "CLASSIFY", "TRACE", "AUDIT", "SECMARK", "CONNSECMARK",
		"TEE", "TTL", "HL", "ECN", "RATEEST", "IDLETIMER", "LED", "TCPOPTSTRIP", "ACCOUNT", "":
		// They go on to the next rule and change nothing that rules read here.
	case "NFQUEUE", "QUEUE", "SYNPROXY", "TPROXY":
		p.add(verdict{code: vAsk, why: text})
	default:
		p.add(verdict{code: vPuzzle, why: text})
	}
}

// setMark reads target MARK: the mark without the bits of the mask, and then
// the value by exclusive or.
func (p *ruleParser) setMark(of []option, text string) {
	for _, o := range of {
		v, mask, ok := valueMask(o.value())
		switch {
		case !ok:
			p.add(act(func(_ *run, t *thread) effect {
				t.mark.unknown = ^uint32(0)
				return effect{}
			}))
			return
		case o.name == "--set-mark":
			mask |= v
		case o.name == "--and-mark":
			v, mask = 0, ^v
		case o.name == "--or-mark":
			mask = v
		case o.name == "--xor-mark":
			mask = 0
		case o.name != "--set-xmark":
			p.add(verdict{code: vPuzzle, why: text})
			return
		}
		p.add(act(func(_ *run, t *thread) effect {
			t.mark = t.mark.and(marked{v: ^mask}).xor(marked{v: v})
			return effect{}
		}))
	}
}

// setConnMark reads target CONNMARK.
func (p *ruleParser) setConnMark(of []option, text string) {
	how, value := "", ""
	nfmask, ctmask := ^uint32(0), ^uint32(0)
	for _, o := range of {
		_, n, ok := valueMask("0/" + o.value())
		switch o.name {
		case "--nfmask":
			nfmask = n
		case "--ctmask":
			ctmask = n
		case "--mask":
			nfmask, ctmask = n, n
		default:
			how, value, ok = o.name, o.value(), true
		}
		if !ok {
			p.add(verdict{code: vPuzzle, why: text})
			return
		}
	}
	v, mask, ok := valueMask(value)
	switch how {
	case "--set-mark":
		mask |= v
	case "--and-mark":
		v, mask = 0, ^v
	case "--or-mark":
		mask = v
	case "--xor-mark":
		mask = 0
	case "--set-xmark":
	case "--save-mark", "--restore-mark":
		ok = true
	default:
		ok = false
	}
	if !ok {
		p.add(verdict{code: vPuzzle, why: text})
		return
	}
	p.add(act(func(_ *run, t *thread) effect {
		switch {
		case t.track != tracked: // no connection, no mark
		case how == "--save-mark":
			t.connmark = t.connmark.and(marked{v: ^ctmask}).xor(t.mark.and(marked{v: nfmask}))
		case how == "--restore-mark":
			t.mark = t.mark.and(marked{v: ^nfmask}).xor(t.connmark.and(marked{v: ctmask}))
		default:
			t.connmark = t.connmark.and(marked{v: ^mask}).xor(marked{v: v})
		}
		return effect{}
	}))
}

// translate reads a target that translates addresses. It ends the table.
func (p *ruleParser) translate(name string, of []option) {
	var to netip.Addr
	var ports *[2]uint16
	keep := true // the address
	for _, o := range of {
		switch o.name {
		case "--to-destination", "--to-source":
			to, ports, keep = natTarget(o.value())
		case "--to-ports":
			ports = natPorts(o.value())
		case "--to":
			keep = false
		}
	}
	p.add(act(func(r *run, t *thread) effect {
		switch name {
		case "DNAT":
			goal := to
			if keep {
				goal = t.dst
			}
			destination(r, t, goal, ports)
		case "REDIRECT":
			redirect(r, t, ports)
		case "SNAT", "MASQUERADE":
			from := to
			if keep && name == "SNAT" {
				from = t.src
			}
			source(r, t, from, ports)
		case "NETMAP":
			if r.stage == atPrerouting || r.stage == atOutput {
				destination(r, t, netip.Addr{}, nil)
			} else {
				source(r, t, netip.Addr{}, nil)
			}
		}
		return effect{}
	}))
	p.add(verdict{code: vAccept})
}

// natTarget reads "192.0.2.1-192.0.2.9:2121-2130", "[2001:db8::1]:21" or ":21".
// keep tells that it names no address.
func natTarget(s string) (addr netip.Addr, ports *[2]uint16, keep bool) {
	host, port := s, ""
	switch {
	case strings.HasPrefix(s, "["):
		inside, after, _ := strings.Cut(s[1:], "]")
		host, port = inside, strings.TrimPrefix(after, ":")
	case strings.Count(s, ":") == 1:
		host, port, _ = strings.Cut(s, ":")
	}
	if port != "" {
		ports = natPorts(port)
	}
	if host == "" {
		return netip.Addr{}, ports, true
	}
	from, until, ranged := strings.Cut(host, "-")
	a, err := netip.ParseAddr(from)
	if err != nil || ranged && from != until {
		return netip.Addr{}, ports, false
	}
	return a, ports, false
}

// natPorts reads a port or a range of them, as iptables writes it for targets.
func natPorts(s string) *[2]uint16 {
	s, _, _ = strings.Cut(s, "/") // a range with a base port
	lo, hi, ranged := strings.Cut(s, "-")
	a, ok1 := kPort.parse(lo)
	b, ok2 := a, ok1
	if ranged {
		b, ok2 = kPort.parse(hi)
	}
	if !ok1 || !ok2 || b.less(a) || num(65535).less(b) {
		return &[2]uint16{0, 65535}
	}
	return &[2]uint16{uint16(a.lo), uint16(b.lo)}
}

// track reads targets that tell connection tracking what to do.
func (p *ruleParser) track(name string, of []option) {
	helper, off := "", name == "NOTRACK"
	for _, o := range of {
		switch o.name {
		case "--notrack":
			off = true
		case "--helper":
			helper = o.value()
		}
	}
	p.add(act(func(_ *run, t *thread) effect {
		switch {
		case off:
			t.notrack()
		case t.track == unseen:
			t.track = templated
			t.helper = helper
		}
		return effect{}
	}))
}
