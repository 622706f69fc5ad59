package firewall_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"ftpdoctor/internal/firewall"
)

// judgeAll asks a rule set what it can be asked. It must come to an end, and an
// open verdict must say why.
func judgeAll(t *testing.T, rs *firewall.Ruleset) {
	t.Helper()
	for _, h := range []firewall.Hook{firewall.Input, firewall.Output, firewall.Forward} {
		for _, p := range []firewall.Packet{
			tcp("203.0.113.9", 21), tcp("2001:db8::9", 21),
			with(tcp("203.0.113.9", 21), func(p *firewall.Packet) { p.Proto, p.State, p.In = firewall.UDP, firewall.Established, "" }),
			with(tcp("203.0.113.9", 0), func(p *firewall.Packet) { p.Proto, p.Type, p.State = firewall.ICMP, 3, firewall.Related }),
		} {
			v := rs.Judge(h, p)
			if v.Action == firewall.Unknown && len(v.Unmodelled) == 0 {
				t.Errorf("%v: unknown, and no reason given: %v", h, v.Possible)
			}
			if v.Action != firewall.Unknown && !v.Policy && v.Rule == nil {
				t.Errorf("%v: %v, by no rule and no policy", h, v.Action)
			}
		}
	}
	rs.HelperFor(tcp("203.0.113.9", 21))
	next := 0
	for _, s := range rs.JudgeRange(firewall.Input, tcp("203.0.113.9", 0), 20, 40) {
		if next != 0 && int(s.Lo) != next || s.Hi < s.Lo {
			t.Errorf("spans do not follow each other: %d after %d", s.Lo, next)
		}
		next = int(s.Hi) + 1
	}
	if next != 41 {
		t.Errorf("spans end before %d", next)
	}
	for r := range rs.Rules() {
		if r.Owner.Tool == "" {
			t.Errorf("rule %q has no owner", r.Text)
		}
	}
}

func FuzzParseNFT(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "office.json"))
	if err != nil {
		f.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join("testdata", "office.code"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, code)
	for _, seed := range []string{
		`{"nftables": [{"set": {"family": "inet", "table": "t", "name": "s", "elem": ["*", {"range": [5, 1]}, {"concat": [1, 2]}]}}]}`,
		`{"nftables": [{"chain": {"family": "inet", "table": "t", "name": "c", "hook": "input", "prio": "filter"}}, {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"goto": {"target": "c"}}]}}]}`,
		`{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "prerouting", "type": "nat", "prio": -100}}, {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"dnat": {"addr": {"map": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[21, "10.0.0.1"]]}}}}}]}}]}`,
		`{"nftables": [{"chain": {"family": "netdev", "table": "t", "name": "c", "hook": "ingress", "dev": ["eth0"]}}, {"rule": {"family": "netdev", "table": "t", "chain": "c", "expr": [{"vmap": {"key": {"&": [{"meta": {"key": "mark"}}, 3]}, "data": {"set": [[1, {"drop": null}]]}}}]}}]}`,
	} {
		f.Add([]byte(seed), []byte("inet t c 2\n  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x00000002 ]\n"))
	}
	f.Fuzz(func(t *testing.T, text, code []byte) {
		if rs, err := firewall.ParseNFT(text, code); err == nil {
			judgeAll(t, rs)
		}
	})
}

func FuzzParseIPTables(f *testing.F) {
	for seed := range uint64(8) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
		f.Add([]byte(g.iptables(seed%2 == 1, false)), seed%2 == 1)
	}
	f.Add([]byte("*filter\n:INPUT DROP [0:0]\n[1:2] -A INPUT -p ! tcp --dport ! 21 -m comment --comment \"a \\\" b\" -j NOWHERE --with -1\nCOMMIT\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, six bool) {
		family := firewall.IP
		if six {
			family = firewall.IP6
		}
		if rs, err := firewall.ParseIPTables(text, family); err == nil {
			judgeAll(t, rs)
		}
	})
}

func FuzzParseIPSets(f *testing.F) {
	f.Add([]byte("create a hash:ip,port family inet\nadd a 192.0.2.1,tcp:26 timeout 5\ncreate l list:set\nadd l a\nadd l l\n"))
	f.Add([]byte("create n hash:net,iface\nadd n 10.0.0.0/8,eth0 nomatch\ncreate b bitmap:port range 0-5\nadd b 1-5\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sets, err := firewall.ParseIPSets(text)
		if err != nil {
			return
		}
		rules := "*filter\n:INPUT DROP [0:0]\n"
		for _, name := range []string{"a", "l", "n", "b"} {
			rules += "-A INPUT -m set --match-set " + name + " src,dst -j ACCEPT\n"
		}
		judgeAll(t, firewall.Join(sets, ipt(t, firewall.IP, rules)))
	})
}
