package firewall_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"ftpdoctor/internal/firewall"
)

// generator makes random rule sets and packets. Both draw from small pools, so
// that they meet.
type generator struct {
	*rand.Rand
	site
}

// site is the machine that packets come to.
type site struct {
	links []*link
	host  *firewall.Host
}

// link is one of the interfaces of the machine under test.
type link struct {
	name       string
	addr4      netip.Prefix
	addr6      netip.Prefix
	mac        net.HardwareAddr
	peer       net.HardwareAddr
	peerIndex  int
	peerSocket int
}

// trial is a packet and what is asked about it.
type trial struct {
	id     int
	hook   firewall.Hook
	packet firewall.Packet
	about  *firewall.Packet // of an ICMP error: the packet that it is about
}

// Chance is true in so many of 100 cases.
func (g *generator) Chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// some picks a few different ones.
func (g *generator) some(most int, from ...string) []string {
	from = slices.Clone(from)
	g.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:1+g.IntN(min(most, len(from)))]
}

func (g *generator) not() string {
	if g.Chance(25) {
		return "!= "
	}
	return ""
}

var (
	numbers = []uint16{20, 21, 22, 53, 80, 990, 1023, 1024, 2121, 30000, 30050, 30100, 40000, 65535}
	sources = []uint16{20, 1024, 1025, 40000, 49999}
)

// The machines that packets come from, by link and family.
var clients = map[string][2][]string{
	"in0": {{"192.0.2.10", "192.0.2.11", "192.0.2.200", "10.1.2.3"}, {"2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::200", "2001:db8:a::3"}},
	"in1": {{"198.51.100.10", "198.51.100.130"}, {"2001:db8:2::10", "2001:db8:2:0:8000::1"}},
}

var servers = [2][]string{{"203.0.113.5", "203.0.113.6"}, {"2001:db8:3::5", "2001:db8:3::6"}}

// trial makes a packet.
func (g *generator) trial(id int) *trial {
	c := &trial{id: id}
	six := g.IntN(2)
	own := func(l *link) string {
		if six == 1 {
			return l.addr6.Addr().String()
		}
		return l.addr4.Addr().String()
	}
	p := &c.packet
	src, dst := "", ""
	in := g.links[g.IntN(2)]
	switch n := g.IntN(10); {
	case n < 5:
		c.hook, p.In = firewall.Input, in.name
		src = g.pick(clients[in.name][six]...)
		dst = own(in)
		if g.Chance(20) {
			dst = own(g.links[g.IntN(3)])
		}
	case n < 8:
		c.hook, p.In, p.Out = firewall.Forward, in.name, "out0"
		src, dst = g.pick(clients[in.name][six]...), g.pick(servers[six]...)
	default:
		c.hook, p.Out = firewall.Output, "in0"
		src, dst = own(g.links[0]), g.pick(clients["in0"][six]...)
		if g.Chance(40) {
			p.Out = "out0"
			src, dst = own(g.links[2]), g.pick(servers[six]...)
		}
		if g.Chance(40) {
			p.Mark = []uint32{1, 2, 3, 0x10, 0xff}[g.IntN(5)]
		}
	}
	sport, dport := sources[g.IntN(len(sources))], numbers[g.IntN(len(numbers))]
	g.protocol(c, six == 1, &sport, &dport)
	p.Src = netip.AddrPortFrom(netip.MustParseAddr(src), sport)
	p.Dst = netip.AddrPortFrom(netip.MustParseAddr(dst), dport)
	if c.about != nil {
		// The error is about what the receiver had sent.
		c.about.Src = netip.AddrPortFrom(p.Dst.Addr(), 50000+uint16(id))
		c.about.Dst = netip.AddrPortFrom(p.Src.Addr(), 21)
	}
	return c
}

// protocol chooses protocol and state of a packet.
func (g *generator) protocol(c *trial, six bool, sport, dport *uint16) {
	p := &c.packet
	mark := []uint32{0, 1, 2, 0x10}[g.IntN(4)]
	known := func() {
		p.State, p.ConnMark, p.Reply = firewall.Established, &mark, g.Chance(40)
		*sport = 50000 + uint16(c.id) // a connection of its own
		if p.Reply {
			*sport, *dport = *dport, *sport
		}
	}
	switch n := g.IntN(10); {
	case n < 6:
		p.Proto, p.Flags = firewall.TCP, firewall.SYN
		switch m := g.IntN(10); {
		case m < 3:
			p.Flags = []uint8{firewall.ACK, firewall.ACK | firewall.PSH, firewall.ACK | firewall.URG | firewall.PSH}[g.IntN(3)]
			known()
		case m < 4:
			p.State = firewall.Invalid
			p.Flags = []uint8{firewall.ACK, firewall.SYN | firewall.ACK, firewall.FIN | firewall.ACK}[g.IntN(3)]
		}
	case n < 8:
		p.Proto = firewall.UDP
		if g.Chance(35) {
			known()
		}
	default:
		*sport, *dport = 0, 0
		p.Proto, p.Type = firewall.ICMP, 8
		if six {
			p.Proto, p.Type = firewall.ICMPv6, 128
		}
		switch m := g.IntN(10); {
		case m < 2:
			p.Type, p.State = map[bool]uint8{false: 0, true: 129}[six], firewall.Invalid
		case m < 4:
			p.Type, p.Code, p.State, p.Reply, p.ConnMark = 3, 3, firewall.Related, true, &mark
			if six {
				p.Type, p.Code = 1, 4
			}
			c.about = &firewall.Packet{Proto: firewall.TCP, State: firewall.Established, Flags: firewall.ACK, ConnMark: &mark}
		case m < 6 && six:
			p.Type, p.State = []uint8{133, 134, 135, 136}[g.IntN(4)], firewall.Untracked
		case m < 6:
			p.Type = 13
		}
	}
}

// told is what Judge is told of the packet: sometimes not all.
func (g *generator) told(c *trial) firewall.Packet {
	p := c.packet
	p.Host = g.host
	if g.Chance(8) {
		p.Host = nil
	}
	if g.Chance(3) {
		p.In = ""
	}
	if g.Chance(3) {
		p.Out = ""
	}
	if g.Chance(3) {
		p.ConnMark = nil
	}
	if g.Chance(5) && p.Src.Port() >= 1024 {
		p.Src = netip.AddrPortFrom(p.Src.Addr(), 0)
	}
	return p
}

// addresses that rules name, by family.
var ruleAddresses = [2][]string{
	{"192.0.2.10", "192.0.2.0/24", "192.0.2.10-192.0.2.15", "198.51.100.0/25", "10.0.0.0/8", "203.0.113.5", "192.0.2.1", "198.51.100.1", "203.0.113.0/24", "192.0.2.0/28"},
	{"2001:db8:1::10", "2001:db8:1::/64", "2001:db8:1::10-2001:db8:1::1f", "2001:db8:2::/65", "2001:db8:a::/48", "2001:db8:3::5", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::/64", "2001:db8::/32"},
}

// apart keeps those of the ranges that do not overlap with an earlier one.
func apart(all []string) []string {
	var out []string
	var taken []netip.Prefix
	for _, s := range all {
		from, _, _ := strings.Cut(s, "-")
		p, err := netip.ParsePrefix(from)
		if err != nil {
			a := netip.MustParseAddr(from)
			p, _ = a.Prefix(a.BitLen() / 32 * 28 & ^3)
		}
		if !slices.ContainsFunc(taken, p.Overlaps) {
			out, taken = append(out, s), append(taken, p)
		}
	}
	return out
}

func (g *generator) port() string { return fmt.Sprint(numbers[g.IntN(len(numbers))]) }

func (g *generator) portRange() string {
	return g.pick("20-21", "1-1023", "1024-65535", "30000-30100", "30050-40000", "2000-3000")
}

func (g *generator) portSet() string {
	list := g.some(4, "21", "22", "53", "80-90", "990", "1024", "2121", "30000-30100", "40000", "50000-60000")
	return "{ " + strings.Join(list, ", ") + " }"
}

// nftables writes a random rule set. quiet ones leave alone what the machine
// itself sends.
func (g *generator) nftables(quiet bool) string {
	var out strings.Builder
	for i := range 1 + g.IntN(3) {
		family := g.pick("ip", "ip6", "inet", "inet", "inet")
		fmt.Fprintf(&out, "table %s t%d {\n", family, i)
		out.WriteString(g.nftSets())
		for n := 3; n > 0; n-- {
			fmt.Fprintf(&out, "chain r%d {\n", n)
			for range g.IntN(4) {
				fmt.Fprintf(&out, "\t%s\n", g.nftRule(family, "any", n))
			}
			out.WriteString("}\n")
		}
		out.WriteString(vmaps(g, family))
		hooks := []string{"prerouting", "input", "input", "forward", "natpre"}
		if !quiet {
			hooks = append(hooks, "output", "output", "postrouting", "natout", "natpost")
		}
		for j, hook := range g.some(4, hooks...) {
			fmt.Fprintf(&out, "chain b%d {\n", j)
			out.WriteString(g.nftBase(hook))
			for range 1 + g.IntN(7) {
				fmt.Fprintf(&out, "\t%s\n", g.nftRule(family, hook, 0))
			}
			out.WriteString("}\n")
		}
		out.WriteString("}\n")
	}
	return out.String()
}

// nftBase is the first line of a base chain.
func (g *generator) nftBase(hook string) string {
	policy := g.pick("accept", "accept", "drop")
	if real, ok := map[string]string{"natpre": "prerouting", "natout": "output", "natpost": "postrouting"}[hook]; ok {
		return fmt.Sprintf("\ttype nat hook %s priority %s; policy accept;\n", real, g.pick("-100", "-90", "0", "100"))
	}
	priority := g.pick("-150", "-10", "0", "0", "0", "10", "50")
	if hook == "prerouting" || hook == "output" {
		priority = g.pick("-310", "-300", "-190", "-150", "-90", "0", "10")
		if hook == "prerouting" {
			policy = "accept"
		}
	}
	return fmt.Sprintf("\ttype filter hook %s priority %s; policy %s;\n", hook, priority, policy)
}

func (g *generator) nftSets() string {
	pairs4 := g.some(3, "192.0.2.10 . 21", "192.0.2.11 . 22", "10.1.2.3 . 30000", "198.51.100.10 . 80")
	wide4 := g.some(3, "192.0.2.0/24 . 21", "198.51.100.10 . 1024-65535", "10.0.0.0/8 . 20-30", "192.0.2.10-192.0.2.20 . 30000-30100")
	return fmt.Sprintf(`	set a4 { type ipv4_addr; elements = { %s }; }
	set w4 { type ipv4_addr; flags interval; elements = { %s }; }
	set a6 { type ipv6_addr; elements = { %s }; }
	set w6 { type ipv6_addr; flags interval; elements = { %s }; }
	set until { type ipv4_addr; flags timeout; elements = { %s timeout 1h }; }
	set p { type inet_service; flags interval; elements = %s; }
	set names { type ifname; elements = { %s }; }
	set pairs { type ipv4_addr . inet_service; elements = { %s }; }
	set wide { type ipv4_addr . inet_service; flags interval; elements = { %s }; }
	set protocols { type inet_proto; elements = { %s }; }
	set marks { type mark; elements = { %s }; }
	set seen { type ipv4_addr; size 1024; flags dynamic, timeout; timeout 1h; }
	map goals4 { type inet_service : ipv4_addr; elements = { 21 : 203.0.113.5, 22 : 192.0.2.1 }; }
	map goals6 { type inet_service : ipv6_addr; elements = { 21 : 2001:db8:3::5, 22 : 2001:db8:1::1 }; }
	map marking { type inet_service : mark; elements = { 21 : 1, 22 : 0x10, 80 : 2 }; }
`, strings.Join(g.some(3, "192.0.2.10", "192.0.2.11", "10.1.2.3", "203.0.113.5"), ", "),
		strings.Join(apart(g.some(4, ruleAddresses[0]...)), ", "),
		strings.Join(g.some(3, "2001:db8:1::10", "2001:db8:1::11", "2001:db8:a::3", "2001:db8:3::5"), ", "),
		strings.Join(apart(g.some(4, ruleAddresses[1]...)), ", "),
		g.pick("192.0.2.10", "198.51.100.10"), g.portSet(),
		strings.Join(g.some(2, `"in0"`, `"in1"`, `"out0"`, `"lo"`), ", "),
		strings.Join(pairs4, ", "), strings.Join(wide4, ", "),
		strings.Join(g.some(2, "tcp", "udp", "icmp", "icmpv6"), ", "), strings.Join(g.some(2, "1", "2", "0x10"), ", "))
}

// vmaps are named maps of verdicts; their chains are those that can be jumped to.
func vmaps(g *generator, _ string) string {
	return fmt.Sprintf("\tmap verdicts { type inet_service : verdict; flags interval; elements = { %s }; }\n\tmap links { type ifname : verdict; elements = { \"in0\" : %s, \"in1\" : %s }; }\n",
		strings.Join(g.some(4, "21 : "+g.simple(), "22 : jump r1", "53 : goto r2", "80-99 : "+g.simple(), "1024-2000 : return", "30000-30100 : continue", "40000 : "+g.simple()), ", "),
		g.pick("accept", "drop", "jump r1"), g.pick("return", "goto r3", "continue"))
}

func (g *generator) simple() string { return g.pick("accept", "drop") }

// nftRule writes one rule. depth is the number of the chain it is in, 0 for a
// base chain; a rule jumps only to chains of lower number.
func (g *generator) nftRule(family, hook string, depth int) string {
	six := map[string]int{"ip": 0, "ip6": 1}[family]
	ofFamily := false // the rule fits one family only
	var parts []string
	l4 := g.pick("tcp", "tcp", "tcp", "udp", "icmp", "th", "", "")
	if g.Chance(45) {
		if family == "inet" {
			six = g.IntN(2)
		}
		ofFamily = true
		parts = append(parts, g.nftAddress(six, l4 == ""))
		if g.Chance(20) {
			parts = append(parts, g.nftAddress(six, l4 == ""))
		}
	}
	if l4 == "icmp" && family == "inet" && !ofFamily {
		six, ofFamily = g.IntN(2), true
	}
	ported := false
	switch l4 {
	case "tcp", "udp":
		parts = append(parts, g.nftPorts(l4)...)
		ported = true
	case "th":
		parts = append(parts, "meta l4proto { tcp, udp } th dport "+g.not()+g.portSet())
		ported = true
	case "icmp":
		if six == 0 {
			parts = append(parts, "icmp type "+g.not()+g.pick("echo-request", "echo-reply", "{ echo-request, timestamp-request }", "destination-unreachable", "8-13"))
		} else {
			parts = append(parts, "icmpv6 type "+g.not()+g.pick("echo-request", "{ nd-neighbor-solicit, nd-router-advert }", "destination-unreachable", "1-4", "128-130"))
		}
	}
	for g.Chance(35) {
		parts = append(parts, g.nftOther(family, hook, l4, ofFamily))
	}
	if ported && six == 0 && family != "ip6" && !(ofFamily && six == 1) && l4 == "tcp" && !strings.Contains(strings.Join(parts, " "), "proto") && g.Chance(12) {
		parts = append(parts, "ip saddr . tcp dport "+g.not()+g.pick("@pairs", "@wide", "{ 192.0.2.10 . 21, 192.0.2.11 . 22 }", "{ 192.0.2.0/24 . 21-22, 10.0.0.0/8 . 1024-65535 }"))
	}
	g.Shuffle(len(parts), func(i, j int) {
		// Comparisons of two ports side by side are printed as one by nft 1.0.6.
		if !strings.Contains(parts[i]+parts[j], "port ") && !strings.Contains(parts[i]+parts[j], "icmp") {
			parts[i], parts[j] = parts[j], parts[i]
		}
	})
	if (l4 == "tcp" || l4 == "udp") && strings.Contains(strings.Join(parts, " "), l4+" ") && g.Chance(6) {
		parts = append(parts, "ct original proto-dst "+g.not()+g.port())
	}
	if g.Chance(10) {
		parts = append(parts, g.pick("counter", `log prefix "x"`))
	}
	return strings.Join(append(parts, g.nftVerdict(family, hook, depth, l4, six, ofFamily)), " ")
}

func (g *generator) nftAddress(six int, protocol bool) string {
	word := []string{"ip", "ip6"}[six]
	side := g.pick("saddr", "saddr", "daddr")
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("%s %s %s{ %s }", word, side, g.not(), strings.Join(apart(g.some(3, ruleAddresses[six]...)), ", "))
	case 1:
		return fmt.Sprintf("%s %s %s@%s", word, side, g.not(), g.pick("a", "w")+[]string{"4", "6"}[six])
	case 2:
		if six == 0 {
			return g.pick("ip saddr @until", "ip saddr & 0.0.0.1 == 0.0.0.1", "ip saddr & 255.0.0.255 != 192.0.0.10")
		}
		return "ip6 saddr & ::1 == ::1"
	case 3:
		switch {
		case !protocol:
		case six == 0:
			return "ip protocol " + g.not() + g.pick("tcp", "udp", "icmp", "{ tcp, udp }", "@protocols")
		default:
			return "ip6 nexthdr " + g.not() + g.pick("tcp", "udp", "ipv6-icmp", "{ tcp, udp }")
		}
	}
	return fmt.Sprintf("%s %s %s%s", word, side, g.not(), g.pick(ruleAddresses[six]...))
}

func (g *generator) nftPorts(l4 string) []string {
	var out []string
	if g.Chance(15) {
		out = append(out, l4+" sport "+g.not()+g.pick("20", "1024", "40000", "{ 20, 1024-2000 }"))
	}
	if g.Chance(85) {
		out = append(out, l4+" dport "+g.pick(
			g.not()+g.port(), g.not()+g.port(), g.not()+g.portRange(), g.not()+g.portSet(), g.not()+"@p",
			g.pick("< ", "> ", "<= ", ">= ")+g.port()))
		if len(out) > 1 && strings.ContainsAny(out[1], "<>") {
			out = out[1:]
		}
	} else if l4 == "tcp" {
		out = append(out, "tcp flags "+g.pick("syn", "syn,ack", "& (fin|syn|rst|ack) == syn", "& (syn|ack) != syn", "! syn", "== syn", "!= syn", "{ syn, ack }", "& (syn|ack) == syn|ack"))
	} else {
		out = append(out, "meta l4proto udp")
	}
	return out
}

// nftOther is a condition that fits any packet.
func (g *generator) nftOther(family, hook, l4 string, ofFamily bool) string {
	all := []string{
		"ct state " + g.pick("new", "established", "related", "invalid", "untracked", "established,related", "{ established, related }", "!= new", "!= invalid", "! established", "new,established"),
		"ct state " + g.pick("new", "established,related", "invalid"),
		"ct mark " + g.not() + g.pick("0", "1", "0x10", "{ 1, 2 }", "1-5"),
		"ct mark & 0x3 " + g.pick("==", "!=") + " " + g.pick("0", "1", "2"),
		"meta mark " + g.not() + g.pick("0", "1", "0x10", "@marks", "1-5"), "meta mark & 0xf == " + g.pick("0", "1", "2"), "meta mark > 1",
		"ct direction " + g.pick("original", "reply"),
		"ct status " + g.pick("dnat", "snat", "seen-reply", "! dnat", "snat,dnat"),
		"meta pkttype " + g.not() + g.pick("host", "broadcast", "{ broadcast, multicast }"),
		"iifname " + g.not() + g.pick(`"in0"`, `"in*"`, `{ "in0", "lo" }`, "@names", `"out0"`, `{ "in*", "lo" }`),
		"iif " + g.not() + g.pick(`"in0"`, `"in1"`, `{ "in0", "lo" }`),
		"oifname " + g.not() + g.pick(`"out0"`, `"in*"`, `{ "in0", "out0" }`),
		"fib daddr type " + g.not() + g.pick("local", "{ local, broadcast }", "unicast", "multicast"),
		"fib saddr type " + g.not() + g.pick("local", "unicast"),
		"iifname . meta mark " + g.not() + g.pick(`{ "in0" . 0, "in1" . 1 }`, `{ "in0" . 0-5, "in*" . 0x10 }`),
		"iifname . ct state " + g.not() + `{ "in0" . new, "in1" . established, "lo" . new }`,
		"meta l4proto . ct state " + g.not() + "{ tcp . new, udp . established, icmp . related }",
	}
	if base := hook == "prerouting" || hook == "input" || hook == "forward"; base && g.Chance(8) {
		return g.pick("fib saddr . iif oif missing", "fib saddr . iif oif exists", "fib daddr . iif type "+g.not()+"local")
	}
	if (l4 == "tcp" || l4 == "udp") && g.Chance(8) {
		return "meta l4proto . th dport " + g.not() + g.pick("{ tcp . 21, udp . 53 }", "{ tcp . 20-1024, udp . 1-30000 }")
	}
	if l4 == "" {
		all = append(all, "meta l4proto "+g.not()+g.pick("tcp", "udp", "{ tcp, udp }", "icmp", "ipv6-icmp", "@protocols"))
	}
	if family == "inet" && !ofFamily {
		all = append(all, "meta nfproto "+g.pick("ipv4", "ipv6"), "meta protocol "+g.not()+g.pick("ip", "ip6"))
	}
	if family == "ip" && g.Chance(10) {
		return g.pick("ct original ip saddr ", "ct original ip daddr ", "ct reply ip saddr ") + g.not() + g.pick("192.0.2.10", "192.0.2.0/24", "203.0.113.5")
	}
	if g.Chance(6) {
		all = append(all[:0], "limit rate 1000000/second", "meta length > 50", "ct expiration > 5s")
	}
	return g.pick(all...)
}

// nftVerdict ends a rule.
func (g *generator) nftVerdict(family, hook string, depth int, l4 string, six int, ofFamily bool) string {
	switch hook {
	case "natpre", "natout":
		if !ofFamily && family == "inet" {
			if (l4 == "tcp" || l4 == "udp") && g.Chance(60) {
				return g.pick("redirect to :2121", "redirect to :30050", "accept")
			}
			return g.pick("redirect", "accept", "drop", "return")
		}
		to := [][]string{{"203.0.113.5", "192.0.2.1", "198.51.100.1", "203.0.113.6"}, {"2001:db8:3::5", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::6"}}[six]
		of := "dnat to "
		if family == "inet" {
			of = []string{"dnat ip to ", "dnat ip6 to "}[six]
		}
		if l4 != "tcp" && l4 != "udp" {
			return g.pick(of+g.pick(to...), of+g.pick(to...), "accept", "return")
		}
		addr := g.pick(to...)
		with := addr
		if six == 1 {
			with = "[" + addr + "]"
		}
		return g.pick(of+addr, of+with+":2121", of+l4+" dport map @goals"+[]string{"4", "6"}[six],
			of+l4+" dport map { 21 : "+addr+", 30000-40000 : "+to[0]+" }", "redirect to :2121", "accept")
	case "natpost":
		return g.pick("masquerade", "accept", "return")
	}
	all := []string{
		"accept", "accept", "accept", "drop", "drop", "drop", "return", "continue", "counter",
		"meta mark set " + g.pick("1", "2", "0x10", "mark & 0xfffffff0 | 2", "ct mark", "mark | 0x10", "mark ^ 1"),
		"meta mark set " + g.pick("1", "2", "0x10") + " " + g.pick("accept", "continue"),
		"ct mark set " + g.pick("1", "2", "mark", "ct mark | 0x10", "ct mark & 0x1"),
	}
	if hook == "prerouting" {
		all = append(all, "notrack", "notrack", "notrack accept")
	}
	if hook == "input" || hook == "forward" || hook == "output" {
		all = append(all, "reject", "reject")
		if family == "inet" {
			all = append(all, "reject with "+g.pick("icmpx type admin-prohibited", "icmpx type host-unreachable", "icmpx type no-route", "icmpx type port-unreachable"))
		}
		if l4 == "tcp" {
			all = append(all, "reject with tcp reset", "reject with tcp reset", "reject with tcp reset")
		}
		if ofFamily && six == 0 || family == "ip" {
			all = append(all, "reject with icmp type "+g.pick("host-prohibited", "net-unreachable", "admin-prohibited"))
		}
		if ofFamily && six == 1 || family == "ip6" {
			all = append(all, "reject with icmpv6 type "+g.pick("addr-unreachable", "admin-prohibited", "reject-route"))
		}
	}
	if depth != 1 {
		top := 3
		if depth > 0 {
			top = depth - 1
		}
		target := fmt.Sprintf("r%d", 1+g.IntN(top))
		all = append(all, "jump "+target, "jump "+target, "goto "+target)
		if l4 == "tcp" || l4 == "udp" {
			all = append(all, fmt.Sprintf("%s dport vmap { 21 : jump %s, 22 : %s, 1024-40000 : %s }", l4, target, g.simple(), g.pick("return", "continue", "goto "+target)))
		}
		if l4 == "tcp" || l4 == "udp" {
			all = append(all, fmt.Sprintf("meta l4proto . th dport vmap { tcp . 21 : %s, udp . 53 : drop, tcp . 30000-30100 : jump %s }", g.simple(), target))
		}
		if ofFamily && six == 0 || family == "ip" {
			all = append(all, fmt.Sprintf("ip saddr . ip daddr vmap { 192.0.2.0/24 . 192.0.2.1 : %s, 198.51.100.10 . 0.0.0.0/0 : goto %s }", g.simple(), target))
		}
		all = append(all, "ct state vmap { established : "+g.pick("accept", "continue", "jump "+target)+", invalid : drop, new : "+g.pick("continue", "jump "+target)+" }",
			`iifname vmap { "in0" : `+g.pick("accept", "jump "+target)+`, "out*" : `+g.pick("drop", "goto "+target)+" }")
	}
	if depth == 0 {
		all = append(all, "iifname vmap @links")
		if l4 == "tcp" || l4 == "udp" {
			all = append(all, l4+" dport vmap @verdicts", "meta mark set "+l4+" dport map @marking accept")
		}
	}
	if family == "ip" || ofFamily && six == 0 {
		all = append(all, "add @seen { ip saddr } continue")
	}
	return g.pick(all...)
}
