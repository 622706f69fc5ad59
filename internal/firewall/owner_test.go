package firewall_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/firewall"
)

// Whose rule decides, and which file is to be edited, is told by names.
func TestOwner(t *testing.T) {
	const ufw = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:f2b-vsftpd - [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-after-input - [0:0]
:ufw-track-input - [0:0]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A INPUT -p tcp -m multiport --dports 21,990 -j f2b-vsftpd
-A INPUT -j ufw-before-input
-A INPUT -p tcp -m tcp --dport 9999 -j DROP
-A INPUT -j ufw-after-input
-A INPUT -j ufw-track-input
-A f2b-vsftpd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-vsftpd -j RETURN
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 21 -j ACCEPT
-A ufw-after-input -p udp -m udp --dport 137 -j DROP
-A DOCKER-USER -p tcp -m tcp --dport 21 -j DROP
-A DOCKER -d 172.17.0.2/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
COMMIT
`
	rs := ipt(t, firewall.IP, ufw)
	forwarded := tcp("203.0.113.9", 21)
	forwarded.Out = "docker0"
	for _, c := range []struct {
		hook firewall.Hook
		p    firewall.Packet
		want string
	}{
		{firewall.Input, tcp("203.0.113.9", 21), "accept ufw [/etc/ufw/user.rules]"},
		{firewall.Input, tcp("203.0.113.66", 21), "reject fail2ban jail vsftpd [/etc/fail2ban/jail.local /etc/fail2ban/jail.d/]"},
		{firewall.Input, tcp("203.0.113.9", 22), "drop ufw default policy [/etc/default/ufw]"},
		{firewall.Input, tcp("203.0.113.9", 9999), "drop iptables [/etc/iptables/rules.v4 /etc/sysconfig/iptables]"},
		{firewall.Input, with(tcp("203.0.113.9", 137), func(p *firewall.Packet) { p.Proto = firewall.UDP }), "drop ufw [/etc/ufw/after.rules]"},
		{firewall.Input, with(tcp("203.0.113.9", 21), func(p *firewall.Packet) { p.State = firewall.Invalid }), "drop ufw [/etc/ufw/before.rules]"},
		{firewall.Forward, forwarded, "drop docker DOCKER-USER, the administrator's own rules []"},
	} {
		v := rs.Judge(c.hook, c.p)
		got := v.Action.String() + " (" + strings.Join(v.Unmodelled, "; ") + ")"
		if v.Rule != nil {
			o := v.Rule.Owner
			detail := " " + o.Detail
			if o.Detail == "" || strings.HasPrefix(o.Detail, "ufw-") {
				detail = ""
			}
			got = fmt.Sprintf("%v %s%s %v", v.Action, o.Tool, detail, o.Files)
		}
		if got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.hook, c.p.Dst, got, c.want)
		}
	}
}

func TestOwnerOfNFTables(t *testing.T) {
	listing := func(table, chain string) *firewall.Ruleset {
		rs, err := firewall.ParseNFT(fmt.Appendf(nil, `{"nftables": [{"table": {"family": "inet", "name": %q}},
			{"rule": {"family": "inet", "table": %q, "chain": %q, "expr": [{"drop": null}]}}]}`, table, table, chain), nil)
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	for _, c := range []struct{ table, chain, tool, detail, file string }{
		{"firewalld", "filter_IN_public_allow", "firewalld", "zone public", "/etc/firewalld/zones/public.xml"},
		{"firewalld", "filter_IN_policy_allow-host-ipv6_allow", "firewalld", "policy allow-host-ipv6", "/etc/firewalld/policies/allow-host-ipv6.xml"},
		{"firewalld", "filter_INPUT_ZONES", "firewalld", "which zone an interface or source is in", "/etc/firewalld/zones/"},
		{"firewalld", "filter_INPUT", "firewalld", "", "/etc/firewalld/firewalld.conf"},
		{"f2b-table", "f2b-chain", "fail2ban", "", "/etc/fail2ban/jail.local"},
		{"crowdsec", "crowdsec-chain", "crowdsec", "cscli decisions list", ""},
		{"filter", "input", "nftables", "", "/etc/nftables.conf"},
		{"filter", "IN_public_allow", "nftables", "", "/etc/nftables.conf"}, // a name that anybody may choose
	} {
		for r := range listing(c.table, c.chain).Rules() {
			if o := r.Owner; o.Tool != c.tool || o.Detail != c.detail || c.file != "" && !slices.Contains(o.Files, c.file) {
				t.Errorf("table %s, chain %s: %+v, want %s, %q, %s", c.table, c.chain, o, c.tool, c.detail, c.file)
			}
		}
	}
}
