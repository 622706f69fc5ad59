package firewall_test

import (
	"fmt"
	"strings"
)

// iptables writes a random rule set for iptables-restore or ip6tables-restore.
func (g *generator) iptables(six, quiet bool) string {
	var out strings.Builder
	for _, t := range []struct {
		name  string
		hooks []string
	}{
		{"raw", []string{"PREROUTING", "OUTPUT"}},
		{"mangle", []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
		{"nat", []string{"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
		{"filter", []string{"INPUT", "FORWARD", "OUTPUT"}},
		{"security", []string{"INPUT", "FORWARD", "OUTPUT"}},
	} {
		fmt.Fprintf(&out, "*%s\n", t.name)
		for _, h := range t.hooks {
			policy := "ACCEPT"
			own := h == "OUTPUT" || h == "POSTROUTING"
			if t.name == "filter" && g.Chance(30) && !(own && quiet) {
				policy = "DROP"
			}
			fmt.Fprintf(&out, ":%s %s [0:0]\n", h, policy)
		}
		users := 0
		if t.name == "filter" || t.name == "mangle" && g.Chance(30) {
			users = 3
		}
		for n := range users {
			fmt.Fprintf(&out, ":R%d - [0:0]\n", n+1)
		}
		for n := users; n > 0; n-- {
			for range g.IntN(4) {
				fmt.Fprintf(&out, "-A R%d %s\n", n, g.iptRule(six, t.name, "any", n-1))
			}
		}
		for _, h := range t.hooks {
			if quiet && (h == "OUTPUT" || h == "POSTROUTING") {
				continue
			}
			rules := g.IntN(7)
			switch t.name {
			case "filter":
			case "mangle":
				rules = g.IntN(5)
			default:
				rules = g.IntN(3)
			}
			for range rules {
				fmt.Fprintf(&out, "-A %s %s\n", h, g.iptRule(six, t.name, h, users))
			}
		}
		out.WriteString("COMMIT\n")
	}
	return out.String()
}

func (g *generator) no() string {
	if g.Chance(25) {
		return "! "
	}
	return ""
}

// iptRule writes the conditions and the target of a rule. It may jump to the
// first so many user chains.
func (g *generator) iptRule(six bool, table, hook string, users int) string {
	f := 0
	if six {
		f = 1
	}
	plain := func() string {
		for {
			if a := g.pick(ruleAddresses[f]...); !strings.Contains(a, "-") {
				return a
			}
		}
	}
	var parts []string
	if g.Chance(30) {
		parts = append(parts, g.no()+"-s "+plain())
	}
	if g.Chance(20) {
		parts = append(parts, g.no()+"-d "+plain())
	}
	if g.Chance(4) && !six {
		parts = append(parts, g.no()+"-s "+g.pick("192.0.0.10/255.0.0.255", "0.0.0.1/0.0.0.1"))
		if len(parts) > 1 {
			parts = parts[len(parts)-1:]
		}
	}
	receives := hook == "PREROUTING" || hook == "INPUT" || hook == "FORWARD"
	if (receives || hook == "any") && g.Chance(20) {
		parts = append(parts, g.no()+"-i "+g.pick("in0", "in1", "in+", "out0", "lo"))
	}
	if (hook == "FORWARD" || hook == "OUTPUT" || hook == "POSTROUTING" || hook == "any") && g.Chance(15) {
		parts = append(parts, g.no()+"-o "+g.pick("out0", "in0", "in+", "out+"))
	}
	proto := g.pick("tcp", "tcp", "tcp", "udp", "icmp", "", "")
	switch proto {
	case "tcp", "udp":
		parts = append(parts, "-p "+proto, g.iptPorts(proto))
	case "icmp":
		if six {
			parts = append(parts, "-p ipv6-icmp", "-m icmp6", g.no()+"--icmpv6-type "+g.pick("echo-request", "destination-unreachable", "135", "1/4", "port-unreachable"))
		} else {
			parts = append(parts, "-p icmp", "-m icmp", g.no()+"--icmp-type "+g.pick("8", "echo-reply", "3/3", "any", "timestamp-request", "port-unreachable"))
		}
	case "":
		if g.Chance(15) {
			parts = append(parts, g.no()+"-p "+g.pick("tcp", "udp", "sctp", "47"))
		}
	}
	for g.Chance(35) {
		// Most modules take each option once.
		other := g.iptOther(f)
		module := strings.Join(strings.Fields(other)[:2], " ")
		if !strings.Contains(strings.Join(parts, " "), module) || module == "-m conntrack" {
			parts = append(parts, other)
		}
	}
	return strings.Join(append(parts, g.iptTarget(six, table, hook, users, proto)), " ")
}

func (g *generator) iptPorts(proto string) string {
	switch g.IntN(8) {
	case 0:
		return "-m multiport " + g.no() + g.pick("--dports", "--sports", "--ports") + " " + g.pick("21,22,80", "20:22,30000:30100", "1024:65535,53", "50000:60000")
	case 1:
		return ""
	case 2:
		if proto == "tcp" {
			return "-m tcp " + g.no() + g.pick("--syn", "--tcp-flags SYN,ACK SYN,ACK", "--tcp-flags ALL ACK", "--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags SYN,RST,FIN NONE")
		}
	case 3:
		return "-m " + proto + " " + g.no() + "--sport " + g.pick("20", "1024:", ":1024", "40000:49999")
	}
	return "-m " + proto + " " + g.no() + "--dport " + g.pick(g.port(), g.port(), "30000:30100", ":1023", "1024:", "20:21")
}

func (g *generator) iptOther(f int) string {
	all := []string{
		"-m conntrack " + g.no() + "--ctstate " + g.pick("NEW", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "NEW,ESTABLISHED", "DNAT", "INVALID,NEW"),
		"-m conntrack " + g.no() + "--ctstate " + g.pick("NEW", "RELATED,ESTABLISHED"),
		"-m state --state " + g.pick("NEW", "RELATED,ESTABLISHED", "INVALID"),
		"-m conntrack --ctdir " + g.pick("ORIGINAL", "REPLY"),
		"-m conntrack " + g.no() + "--ctproto " + g.pick("tcp", "17"),
		"-m conntrack " + g.no() + "--ctstatus " + g.pick("SEEN_REPLY", "ASSURED", "CONFIRMED"),
		"-m conntrack --ctstate NEW,ESTABLISHED " + g.no() + "--ctorigdstport " + g.pick("21", "1024:65535"),
		"-m conntrack " + g.no() + "--ctorigdst " + []string{"192.0.2.0/24", "2001:db8:1::/64"}[f],
		"-m conntrack " + g.no() + "--ctorigsrc " + []string{"192.0.2.10", "2001:db8:1::10"}[f],
		"-m mark " + g.no() + "--mark " + g.pick("0x1", "0x0/0x3", "0x10/0xf0", "0x2"),
		"-m mark " + g.no() + "--mark " + g.pick("0x1", "0x2/0x3"), "-m mark " + g.no() + "--mark " + g.pick("0x1/0x1", "0x2"),
		"-m conntrack --ctstate " + g.pick("NEW", "ESTABLISHED", "RELATED,ESTABLISHED"),
		"-m connmark " + g.no() + "--mark " + g.pick("0x1", "0x0/0x3", "0x10"),
		"-m pkttype " + g.no() + "--pkt-type " + g.pick("unicast", "broadcast", "multicast"),
		"-m iprange " + g.no() + g.pick("--src-range ", "--dst-range ") + []string{"192.0.2.5-192.0.2.50", "2001:db8:1::5-2001:db8:1::50"}[f],
		"-m addrtype " + g.no() + g.pick("--dst-type LOCAL", "--src-type LOCAL", "--dst-type UNICAST", "--dst-type MULTICAST"),
		`-m comment --comment "a b \"c\""`,
	}
	if g.Chance(5) {
		return g.pick("-m limit --limit 10000/sec", "-m length --length 40:100", "-m recent --name x --rcheck --rsource")
	}
	return g.pick(all...)
}

func (g *generator) iptTarget(six bool, table, hook string, users int, proto string) string {
	switch {
	case table == "nat" && (hook == "PREROUTING" || hook == "OUTPUT"):
		to := []string{"203.0.113.5", "192.0.2.1", "198.51.100.1"}
		if six {
			to = []string{"2001:db8:3::5", "2001:db8:1::1", "2001:db8:2::1"}
		}
		addr := g.pick(to...)
		if proto == "tcp" || proto == "udp" {
			with := addr
			if six {
				with = "[" + addr + "]"
			}
			return "-j " + g.pick("DNAT --to-destination "+addr, "DNAT --to-destination "+with+":2121", "REDIRECT --to-ports 30050", "REDIRECT --to-ports 2121", "ACCEPT", "RETURN")
		}
		return "-j " + g.pick("DNAT --to-destination "+addr, "REDIRECT", "ACCEPT", "RETURN")
	case table == "nat":
		return "-j " + g.pick("ACCEPT", "RETURN")
	case table == "raw":
		return "-j " + g.pick("CT --notrack", "CT --notrack", "ACCEPT", "RETURN", "DROP", "CT --zone 0")
	case table == "mangle":
		all := []string{
			"MARK --set-xmark 0x1/0xffffffff", "MARK --set-xmark 0x1/0xffffffff", "MARK --set-mark 2", "MARK --set-mark 2", "MARK --or-mark 0x10", "MARK --and-mark 0xf", "MARK --xor-mark 0x3", "MARK --set-xmark 0x1/0xf",
			"CONNMARK --set-xmark 0x2/0xffffffff", "CONNMARK --save-mark", "CONNMARK --restore-mark", "CONNMARK --save-mark --nfmask 0x3 --ctmask 0x1",
			"ACCEPT", "DROP", "RETURN", "LOG",
		}
		if users > 0 {
			all = append(all, fmt.Sprintf("R%d", 1+g.IntN(users)))
		}
		return "-j " + g.pick(all...)
	}
	all := []string{"-j ACCEPT", "-j ACCEPT", "-j ACCEPT", "-j DROP", "-j DROP", "-j RETURN", "-j LOG", ""}
	if table == "filter" {
		rejects := []string{"", " --reject-with icmp-host-prohibited", " --reject-with icmp-net-unreachable", " --reject-with icmp-admin-prohibited"}
		if six {
			rejects = []string{"", " --reject-with icmp6-adm-prohibited", " --reject-with icmp6-addr-unreachable"}
		}
		all = append(all, "-j REJECT"+g.pick(rejects...))
		if proto == "tcp" {
			all = append(all, "-j REJECT --reject-with tcp-reset")
		}
		if users > 0 {
			target := fmt.Sprintf("R%d", 1+g.IntN(users))
			all = append(all, "-j "+target, "-j "+target, "-g "+target)
		}
	}
	return g.pick(all...)
}
