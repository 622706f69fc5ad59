package firewall_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/firewall"
)

func nft(t testing.TB, name string) *firewall.Ruleset {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join("testdata", strings.TrimSuffix(name, ".json")+".code"))
	if err != nil {
		t.Fatal(err)
	}
	rs, err := firewall.ParseNFT(text, code)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func ipt(t testing.TB, f firewall.Family, text string) *firewall.Ruleset {
	t.Helper()
	rs, err := firewall.ParseIPTables([]byte(text), f)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// inline is a rule set of nft: a table inet t with a chain "in" of hook input,
// policy drop, and the expressions of its rules.
func inline(t testing.TB, rules ...string) *firewall.Ruleset {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"nftables": [{"table": {"family": "inet", "name": "t"}}, {"chain": {"family": "inet", "table": "t", "name": "other"}},
		{"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}`)
	for _, r := range rules {
		chain := "in"
		if rest, ok := strings.CutPrefix(r, "other: "); ok {
			chain, r = "other", rest
		}
		if strings.HasPrefix(r, "{\"set\": {\"family") {
			b.WriteString(", " + r)
			continue
		}
		fmt.Fprintf(&b, `, {"rule": {"family": "inet", "table": "t", "chain": %q, "expr": [%s]}}`, chain, r)
	}
	b.WriteString("]}")
	rs, err := firewall.ParseNFT([]byte(b.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// tcp is a packet to a port.
func tcp(from string, port uint16) firewall.Packet {
	p := firewall.Packet{Src: netip.AddrPortFrom(netip.MustParseAddr(from), 0), Proto: firewall.TCP, In: "eth0"}
	p.Dst = netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), port)
	if p.Src.Addr().Is6() {
		p.Dst = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), port)
	}
	return p
}

func with(p firewall.Packet, change func(*firewall.Packet)) firewall.Packet {
	change(&p)
	return p
}

func TestJudgeNFT(t *testing.T) {
	rs := nft(t, "office.json")
	for _, c := range []struct {
		name   string
		packet firewall.Packet
		want   firewall.Action
		rule   string // where it was decided: chain and number, 0 for its policy
		with   string
	}{
		{"FTP by a verdict map", tcp("203.0.113.9", 21), firewall.Accept, "ftp 3", ""},
		{"a set with an expiry", tcp("203.0.113.66", 21), firewall.Drop, "ftp 1", ""},
		{"return goes on after the map", tcp("203.0.113.77", 21), firewall.Drop, "input 0", ""},
		{"IPv6 has no rule on its address", tcp("2001:db8::9", 21), firewall.Accept, "ftp 3", ""},
		{"goto does not come back", tcp("203.0.113.9", 22), firewall.Drop, "input 0", ""},
		{"an interval set", tcp("198.51.100.7", 22), firewall.Accept, "ssh 1", ""},
		{"an anonymous set", tcp("192.0.2.200", 40001), firewall.Accept, "input 5", ""},
		{"the same from elsewhere", tcp("203.0.113.9", 40001), firewall.Drop, "input 0", ""},
		{"a range in a map", tcp("203.0.113.9", 30049), firewall.Accept, "input 4", ""},
		{"a later chain drops what this accepted", tcp("203.0.113.9", 30050), firewall.Drop, "late 1", ""},
		{"reset", tcp("203.0.113.9", 113), firewall.Reject, "input 8", "tcp reset"},
		{"reject by ICMP", tcp("198.51.100.200", 5000), firewall.Reject, "input 9", "icmp admin-prohibited"},
		{"established", with(tcp("203.0.113.9", 5000), func(p *firewall.Packet) { p.State = firewall.Established }), firewall.Accept, "input 2", ""},
		{"invalid", with(tcp("203.0.113.9", 21), func(p *firewall.Packet) { p.State = firewall.Invalid }), firewall.Drop, "input 2", ""},
		{"loopback", with(tcp("127.0.0.1", 5000), func(p *firewall.Packet) { p.In = "lo" }), firewall.Accept, "input 1", ""},
		{"a mark that it does not have", tcp("203.0.113.78", 2121), firewall.Drop, "input 0", ""},
		{"a mark that it has", with(tcp("203.0.113.78", 2121), func(p *firewall.Packet) { p.Mark = 5 }), firewall.Accept, "input 7", ""},
		{"redirected to the machine", tcp("203.0.113.9", 9021), firewall.Accept, "ftp 3", ""},
		{"ping", with(tcp("203.0.113.9", 0), func(p *firewall.Packet) { p.Proto, p.Type = firewall.ICMP, 8 }), firewall.Accept, "input 3", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := rs.Judge(firewall.Input, c.packet)
			at := ""
			if v.Rule != nil {
				at = fmt.Sprint(v.Rule.Chain, " ", v.Rule.Number)
			}
			if v.Action != c.want || at != c.rule || v.With != c.with {
				t.Errorf("%v by %q with %q (%v), want %v by %q with %q", v.Action, at, v.With, v.Unmodelled, c.want, c.rule, c.with)
			}
			if v.Policy != strings.HasSuffix(c.rule, " 0") {
				t.Errorf("policy: %v", v.Policy)
			}
		})
	}
}

func TestTranslation(t *testing.T) {
	rs := nft(t, "office.json")
	host := &firewall.Host{Addresses: []firewall.Address{
		{Interface: "eth0", Prefix: netip.MustParsePrefix("198.51.100.1/24")}, {Interface: "br0", Prefix: netip.MustParsePrefix("10.0.0.1/24")},
	}}
	p := tcp("203.0.113.9", 8021)
	p.Host = host
	v := rs.Judge(firewall.Input, p)
	if v.Action != firewall.Accept || v.Hook != firewall.Forward || v.DNAT != netip.MustParseAddrPort("10.0.0.5:21") {
		t.Errorf("a forwarded port: %v at %v to %v, want accept at forward to 10.0.0.5:21", v.Action, v.Hook, v.DNAT)
	}
	p.Host = nil
	if v := rs.Judge(firewall.Input, p); v.Action != firewall.Accept || len(v.Unmodelled) == 0 {
		t.Errorf("without knowing the machine's addresses: %v %v, want accept and where to as an open question", v.Action, v.Unmodelled)
	}
	q := tcp("203.0.113.9", 9021)
	q.Host = host
	if v := rs.Judge(firewall.Input, q); v.DNAT != netip.MustParseAddrPort("198.51.100.1:21") || v.Hook != firewall.Input {
		t.Errorf("a redirect goes to %v at %v, want the machine's port 21", v.DNAT, v.Hook)
	}
	q.State = firewall.Established
	if v := rs.Judge(firewall.Input, q); v.DNAT.IsValid() {
		t.Errorf("an established connection is translated to %v by rules that only new ones see", v.DNAT)
	}
}

// A condition that can't be judged makes the verdict unknown only where it
// decides.
func TestUnknown(t *testing.T) {
	const limited = `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -m limit --limit 3/min -j DROP
-A INPUT -p tcp -m tcp --dport 24 -m limit --limit 3/min -j LOG
-A INPUT -p tcp -m tcp --dport 24 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 25 -m mac --mac-source 00:01:02:03:04:05 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 25 -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -m tcp --dport 26 -m set --match-set friends src -j ACCEPT
-A INPUT -p tcp -m tcp --dport 27 -m u32 --u32 "0x0=0x1" -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 28 -j NFQUEUE --queue-num 0
-A INPUT -p tcp -m tcp --dport 29 -j EXOTIC --of a module
-A INPUT -p tcp -m tcp --dport 30 -m exotic ! --on wheels -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 31 -j ACCEPT
COMMIT
`
	rs := ipt(t, firewall.IP, limited)
	for _, c := range []struct {
		port uint16
		want firewall.Action
		open string // part of what the verdict hangs on
	}{
		{22, firewall.Unknown, "--limit 3/min"},
		{23, firewall.Drop, ""},
		{24, firewall.Accept, ""},
		{25, firewall.Unknown, "-m mac --mac-source"},
		{26, firewall.Unknown, "the content of ipset friends"},
		{27, firewall.Drop, ""},
		{28, firewall.Unknown, "NFQUEUE"},
		{29, firewall.Unknown, "EXOTIC --of a module"},
		{30, firewall.Unknown, "-m exotic ! --on wheels"},
		{31, firewall.Drop, ""},
		{32, firewall.Drop, ""},
	} {
		v := rs.Judge(firewall.Input, tcp("203.0.113.9", c.port))
		if v.Action != c.want || !strings.Contains(strings.Join(v.Unmodelled, "; "), c.open) || c.open == "" && len(v.Unmodelled) > 0 {
			t.Errorf("port %d: %v, hangs on %q, want %v, %q", c.port, v.Action, v.Unmodelled, c.want, c.open)
		}
		if v.Action == firewall.Unknown && len(v.Possible) < 2 {
			t.Errorf("port %d: unknown, and yet only %v is possible", c.port, v.Possible)
		}
	}
	p := tcp("203.0.113.9", 31)
	p.In = ""
	if v := rs.Judge(firewall.Input, p); v.Action != firewall.Unknown || !strings.Contains(v.Unmodelled[0], "-i eth1") {
		t.Errorf("the interface is not known: %v %q", v.Action, v.Unmodelled)
	}
}

func TestIPSets(t *testing.T) {
	sets, err := firewall.ParseIPSets([]byte(`create friends hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x5f
add friends 203.0.113.0/24
add friends 203.0.113.128/25 nomatch
add friends 203.0.113.200
create pairs hash:ip,port family inet
add pairs 192.0.2.1,tcp:26
create all list:set size 8
add all friends
add all pairs
create macs hash:mac
add macs 00:01:02:03:04:05
create ports bitmap:port range 0-65535
add ports 28
`))
	if err != nil {
		t.Fatal(err)
	}
	rs := firewall.Join(sets, ipt(t, firewall.IP, `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 26 -m set --match-set all src,dst -j ACCEPT
-A INPUT -p tcp -m tcp --dport 27 -m set ! --match-set friends src -j ACCEPT
-A INPUT -p tcp -m set --match-set ports dst -j ACCEPT
-A INPUT -p tcp -m tcp --dport 29 -m set --match-set macs src -j ACCEPT
COMMIT
`))
	for _, c := range []struct {
		from string
		port uint16
		want firewall.Action
	}{
		{"203.0.113.9", 26, firewall.Accept},
		{"203.0.113.129", 26, firewall.Drop},
		{"203.0.113.200", 26, firewall.Accept},
		{"192.0.2.1", 26, firewall.Accept},
		{"192.0.2.2", 26, firewall.Drop},
		{"192.0.2.2", 27, firewall.Accept},
		{"203.0.113.9", 27, firewall.Drop},
		{"192.0.2.2", 28, firewall.Accept},
		{"192.0.2.2", 29, firewall.Unknown},
	} {
		if v := rs.Judge(firewall.Input, tcp(c.from, c.port)); v.Action != c.want {
			t.Errorf("%s to port %d: %v %v, want %v", c.from, c.port, v.Action, v.Unmodelled, c.want)
		}
	}
}

// Both backends must let a packet pass, and what nft prints of iptables' rules
// is taken from iptables.
func TestJoin(t *testing.T) {
	const blind = `{"nftables": [{"table": {"family": "ip", "name": "filter", "handle": 1}},
{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 21}}, {"xt": {"type": "match", "name": "conntrack"}}, {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]}}]}`
	alone, err := firewall.ParseNFT([]byte(blind), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := tcp("203.0.113.9", 21)
	if v := alone.Judge(firewall.Input, p); v.Action != firewall.Unknown || !strings.Contains(strings.Join(v.Unmodelled, ""), "conntrack") {
		t.Errorf("nft alone: %v %q", v.Action, v.Unmodelled)
	}
	save := ipt(t, firewall.IP, `# Generated by iptables-save v1.8.9 (nf_tables) on Mon Jan  1 00:00:00 2024
*filter
:INPUT ACCEPT [0:0]
[7:420] -A INPUT -p tcp -m tcp --dport 21 -m conntrack --ctstate NEW -j DROP
COMMIT
# Warning: iptables-legacy tables present, use iptables-legacy-save to see them
`)
	both := firewall.Join(alone, save)
	if v := both.Judge(firewall.Input, p); v.Action != firewall.Drop || v.Rule.Source != firewall.IPTablesNFT {
		t.Errorf("with iptables-save: %+v", v)
	}
	if len(both.Notes) != 1 || !strings.Contains(both.Notes[0], "iptables-legacy-save") {
		t.Errorf("notes: %q", both.Notes)
	}
	legacy := ipt(t, firewall.IP, "# Generated by iptables-save v1.8.9 on Mon\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 21 -j REJECT --reject-with tcp-reset\n-A INPUT -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset\nCOMMIT\n")
	all := firewall.Join(alone, save, legacy)
	if v := all.Judge(firewall.Input, p); v.Action != firewall.Unknown || len(v.Possible) != 2 {
		t.Errorf("one drops and the other resets, and nobody knows which is first: %v %v", v.Action, v.Possible)
	}
	if v := all.Judge(firewall.Input, tcp("203.0.113.9", 22)); v.Action != firewall.Reject || v.Rule.Source != firewall.IPTablesLegacy {
		t.Errorf("the legacy backend alone rejects: %+v", v)
	}
	if v := firewall.Join().Judge(firewall.Input, p); v.Action != firewall.Accept || !v.Policy || v.Rule != nil {
		t.Errorf("no rules at all: %+v", v)
	}
	if !firewall.Join(nil).Empty() || both.Empty() {
		t.Error("Empty")
	}
}

// What nft prints in several ways, and what it leaves out.
func TestExpressions(t *testing.T) {
	const accept = `, {"accept": null}`
	field := func(protocol, name string) string {
		return `{"payload": {"protocol": "` + protocol + `", "field": "` + name + `"}}`
	}
	is := func(left, op, right string) string {
		return `{"match": {"op": "` + op + `", "left": ` + left + `, "right": ` + right + `}}`
	}
	six, four := tcp("2001:db8::9", 21), tcp("203.0.113.9", 21)
	udp := with(four, func(p *firewall.Packet) { p.Proto = firewall.UDP })
	for _, c := range []struct {
		name string
		expr string
		p    firewall.Packet
		want firewall.Action
	}{
		{"not that address, of another family", is(field("ip", "saddr"), "!=", `"192.0.2.1"`) + accept, six, firewall.Drop},
		{"not that port, of another protocol", is(field("tcp", "dport"), "!=", "80") + accept, udp, firewall.Drop},
		{"a set of everything", is(field("ip", "saddr"), "==", `{"set": ["192.0.2.1", "*"]}`) + accept, four, firewall.Accept},
		{"a prefix in a set", is(field("ip", "saddr"), "==", `{"set": [{"elem": {"val": {"prefix": {"addr": "203.0.113.0", "len": 24}}, "comment": "x"}}]}`) + accept, four, firewall.Accept},
		{"an element with a rate", is(field("ip", "saddr"), "==", `{"set": [{"elem": {"val": "203.0.113.9", "limit": {"rate": 1, "per": "second"}}}]}`) + accept, four, firewall.Unknown},
		{"crossed ends", is(field("tcp", "dport"), "!=", `{"range": [1024, 20]}`) + accept, four, firewall.Unknown},
		{"a name of a port", is(field("tcp", "dport"), "==", `"ftp"`) + accept, four, firewall.Accept},
		{"a name that nobody knows", is(field("tcp", "dport"), "==", `"gopher"`) + accept, four, firewall.Unknown},
		{"a set with a name that nobody knows, and the port", is(field("tcp", "dport"), "==", `{"set": ["gopher", 21]}`) + accept, four, firewall.Accept},
		{"a set that is not there", is(field("tcp", "dport"), "==", `"@gone"`) + accept, four, firewall.Unknown},
		{"a header field that is not modelled", is(field("ip", "ttl"), "==", "64") + accept, four, firewall.Unknown},
		{"the same for the other family", is(field("ip", "ttl"), "==", "64") + accept, six, firewall.Drop},
		{"a TCP option, of UDP", is(`{"tcp option": {"name": "maxseg", "field": "size"}}`, "==", "500") + accept, udp, firewall.Drop},
		{"an extension header", is(`{"exthdr": {"name": "frag"}}`, "==", "true") + accept, six, firewall.Drop},
		{"no extension header", is(`{"exthdr": {"name": "frag"}}`, "==", "false") + accept, six, firewall.Accept},
		{"reject with ICMP is for IPv4", `{"reject": {"type": "icmp", "expr": "host-prohibited"}}`, six, firewall.Drop},
		{"reject with ICMP", `{"reject": {"type": "icmp", "expr": "host-prohibited"}}`, four, firewall.Reject},
		{"a reset for UDP", `{"reject": {"type": "tcp reset"}}`, udp, firewall.Drop},
		{"reject", `{"reject": null}`, udp, firewall.Reject},
		{"before the last match the mark is set", `{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}, ` + is(field("tcp", "dport"), "==", "80") + accept, four, firewall.Drop},
		{"a wildcard", is(`{"meta": {"key": "iifname"}}`, "==", `"eth*"`) + accept, four, firewall.Accept},
		{"an asterisk", is(`{"meta": {"key": "iifname"}}`, "==", `"eth\\*"`) + accept, four, firewall.Drop},
		{"an index without an interface", is(`{"meta": {"key": "iif"}}`, "==", `"3"`) + accept, four, firewall.Unknown},
		{"there is no outgoing interface", is(`{"meta": {"key": "oifname"}}`, "!=", `"lo"`) + accept, four, firewall.Accept},
		{"local", is(`{"fib": {"result": "type", "flags": ["daddr"]}}`, "==", `"local"`) + accept, four, firewall.Accept},
		{"flags", is(field("tcp", "flags"), "in", `["syn", "ack"]`) + accept, four, firewall.Accept},
		{"flags under a mask", is(`{"&": [`+field("tcp", "flags")+`, ["fin", "syn", "rst", "ack"]]}`, "==", `"syn"`) + accept, four, firewall.Accept},
		{"exactly these flags", is(field("tcp", "flags"), "!=", "18") + accept, four, firewall.Accept},
		{"none of these states", is(`{"ct": {"key": "state"}}`, "!", `["established", "related"]`) + accept, four, firewall.Accept},
		{"two states at a time", is(`{"ct": {"key": "state"}}`, "!=", `{"|": ["established", "related"]}`) + accept, four, firewall.Accept},
		{"a statement from the future", `{"teleport": {"to": "elsewhere"}}` + accept, four, firewall.Unknown},
		{"queue", `{"queue": {"num": 1}}`, four, firewall.Unknown},
		{"a quota, and drop both ways", `{"quota": {"val": 5, "val_unit": "mbytes"}}, {"drop": null}`, four, firewall.Drop},
		{"a source port somewhere above 1023", is(field("tcp", "sport"), ">=", "1024") + accept, four, firewall.Accept},
		{"a source port that may be it", is(field("tcp", "sport"), "==", "4000") + accept, four, firewall.Unknown},
		{"a privileged source port", is(field("tcp", "sport"), "<", "1024") + accept, four, firewall.Drop},
		{"the way back", is(`{"fib": {"result": "oif", "flags": ["saddr", "iif"]}}`, "==", "false") + `, {"drop": null}`, four, firewall.Drop},
		{"two inequalities side by side, one holds", is(field("udp", "sport"), "!=", "53") + ", " + is(field("udp", "dport"), "!=", "21") + accept, udp, firewall.Unknown},
		{"two inequalities side by side, both hold", is(field("udp", "sport"), "!=", "53") + ", " + is(field("udp", "dport"), "!=", "22") + accept, udp, firewall.Accept},
		{"a raw payload", is(`{"payload": {"base": "ih", "offset": 0, "len": 32}}`, "==", "5") + accept, four, firewall.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := inline(t, c.expr).Judge(firewall.Input, c.p)
			if v.Action != c.want {
				t.Errorf("%v %q, want %v", v.Action, v.Unmodelled, c.want)
			}
		})
	}
}

// A set that the same packet has been added to holds it.
func TestSetsThatChangeOnTheWay(t *testing.T) {
	rs := inline(t, `{"set": {"family": "inet", "table": "t", "name": "seen", "type": "ipv4_addr"}}`,
		`{"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@seen"}}`,
		`{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@seen"}}, {"accept": null}`)
	if v := rs.Judge(firewall.Input, tcp("203.0.113.9", 21)); v.Action != firewall.Unknown {
		t.Errorf("%v, want unknown", v.Action)
	}
}

// What was taken for granted is said.
func TestAssumed(t *testing.T) {
	rs := ipt(t, firewall.IP, "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT\n")
	if v := rs.Judge(firewall.Input, tcp("203.0.113.9", 21)); v.Action != firewall.Accept || len(v.Assumed) != 1 {
		t.Errorf("%v, assumed %q", v.Action, v.Assumed)
	}
}

func TestJudgeRange(t *testing.T) {
	var got []string
	for _, s := range nft(t, "office.json").JudgeRange(firewall.Input, tcp("203.0.113.9", 0), 29990, 40200) {
		got = append(got, fmt.Sprintf("%d-%d %v", s.Lo, s.Hi, s.Verdict.Action))
	}
	want := []string{"29990-29999 drop", "30000-30049 accept", "30050-30050 drop", "30051-30100 accept", "30101-40200 drop"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if spans := nft(t, "office.json").JudgeRange(firewall.Input, tcp("203.0.113.9", 0), 65535, 65535); len(spans) != 1 || spans[0].Hi != 65535 {
		t.Errorf("the last port: %+v", spans)
	}
	if spans := nft(t, "office.json").JudgeRange(firewall.Input, tcp("203.0.113.9", 0), 5, 4); spans != nil {
		t.Errorf("no port: %+v", spans)
	}
}

// Every port of a range fares as it does by itself, whatever the rules.
func TestJudgeRangeIsJudge(t *testing.T) {
	for seed := range uint64(60) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
		rs := firewall.Join(ipt(t, firewall.IP, g.iptables(false, false)))
		for _, from := range []string{"192.0.2.10", "198.51.100.10"} {
			p := tcp(from, 0)
			p.In = "in0"
			sameByRange(t, rs, firewall.Input, p, g)
		}
	}
}

// sameByRange compares a judgement of all ports with those of single ones.
func sameByRange(t *testing.T, rs *firewall.Ruleset, h firewall.Hook, p firewall.Packet, g *generator) {
	t.Helper()
	spans := rs.JudgeRange(h, p, 0, 65535)
	next := 0
	for _, s := range spans {
		if int(s.Lo) != next {
			t.Fatalf("spans leave a gap or overlap at %d: %v", next, s)
		}
		next = int(s.Hi) + 1
		for _, port := range []uint16{s.Lo, s.Hi, s.Lo + uint16(g.IntN(int(s.Hi-s.Lo)+1))} {
			p.Dst = netip.AddrPortFrom(p.Dst.Addr(), port)
			if v := rs.Judge(h, p); v.Action != s.Verdict.Action || v.Rule != s.Verdict.Rule || v.With != s.Verdict.With {
				t.Errorf("port %d: %v by %v, in its range %d-%d %v by %v", port, v.Action, v.Rule, s.Lo, s.Hi, s.Verdict.Action, s.Verdict.Rule)
			}
		}
	}
	if next != 65536 {
		t.Fatalf("spans end at %d", next)
	}
}

func TestHelperFor(t *testing.T) {
	rs := nft(t, "office.json")
	for _, c := range []struct {
		p    firewall.Packet
		want string
	}{
		{tcp("203.0.113.9", 21), "ftp"},
		{tcp("2001:db8::9", 21), "ftp"},
		{tcp("203.0.113.9", 30000), ""},
		{tcp("203.0.113.66", 21), ""}, // dropped: there is no connection
		{with(tcp("203.0.113.9", 21), func(p *firewall.Packet) { p.Proto = firewall.UDP }), ""},
	} {
		if got := rs.HelperFor(c.p); got != c.want {
			t.Errorf("%v: helper %q, want %q", c.p.Dst, got, c.want)
		}
	}
	old := ipt(t, firewall.IP, "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 2121 -j CT --helper ftp\n-A PREROUTING -p tcp -m tcp --dport 2122 -j CT --notrack\n-A PREROUTING -p tcp -j CT --helper irc\nCOMMIT\n")
	for port, want := range map[uint16]string{2121: "ftp", 2122: "", 2123: "irc"} {
		if got := old.HelperFor(tcp("203.0.113.9", port)); got != want {
			t.Errorf("iptables, port %d: helper %q, want %q", port, got, want)
		}
	}
}

// Rule sets that were made to exhaust an evaluator end as unknown, soon.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT DROP [0:0]\n")
	for n := range 40 {
		fmt.Fprintf(&b, ":C%d - [0:0]\n", n)
	}
	b.WriteString("-A INPUT -j C0\n")
	for n := range 39 {
		fmt.Fprintf(&b, "-A C%d -j C%d\n-A C%d -j C%d\n", n, n+1, n, n+1)
	}
	loop := "*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n-A INPUT -j A\n-A A -j A\nCOMMIT\n"
	many := "*filter\n:INPUT DROP [0:0]\n"
	for n := range 12 {
		many += fmt.Sprintf("-A INPUT -m mystery -j MARK --set-xmark 0x%x/0x%x\n", 1<<n, 1<<n)
	}
	for name, text := range map[string]string{"two to the 40th chains": b.String(), "a loop": loop, "two to the 12th marks": many} {
		v := ipt(t, firewall.IP, text).Judge(firewall.Input, tcp("203.0.113.9", 21))
		if v.Action != firewall.Unknown || len(v.Unmodelled) == 0 {
			t.Errorf("%s: %v %q", name, v.Action, v.Unmodelled)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"", "{}", "[]", "nft: command not found", `{"nftables": 5}`} {
		if _, err := firewall.ParseNFT([]byte(text), nil); err == nil {
			t.Errorf("ParseNFT(%q): no error", text)
		}
	}
	for _, text := range []string{"iptables-save: command not found", "-A INPUT -j DROP", "*filter\nnonsense\n"} {
		if _, err := firewall.ParseIPTables([]byte(text), firewall.IP); err == nil {
			t.Errorf("ParseIPTables(%q): no error", text)
		}
	}
	if _, err := firewall.ParseIPSets([]byte("ipset: command not found")); err == nil {
		t.Error("ParseIPSets: no error")
	}
	if rs, err := firewall.ParseIPTables(nil, firewall.IP); err != nil || !rs.Empty() {
		t.Errorf("no tables at all: %v", err)
	}
}

// Rules read as the tool prints them.
func TestText(t *testing.T) {
	var got []string
	for r := range nft(t, "office.json").Rules() {
		if r.Number > 0 {
			got = append(got, r.Text)
		}
	}
	for _, want := range []string{
		`ip saddr @banned counter packets 0 bytes 0 drop comment "banned by hand"`, `tcp dport 21 ct helper set ftp-standard`, `iif lo accept`,
		`ct state vmap { invalid : drop, established : accept, related : accept }`, `tcp dport vmap @services`,
		`ip saddr @trusted tcp dport { 990, 40000-40100 } accept`, `udp dport 53 limit rate 10/second accept`,
		`tcp dport 113 reject with tcp reset`, `ip saddr 198.51.100.0/24 reject with icmpx admin-prohibited`,
		`dnat ip to tcp dport map @forwards`, `tcp dport 9021 redirect to :21`, `oifname eth0 masquerade`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no rule reads %q; there are:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// tenThousand is a rule set as block lists make them.
func tenThousand(n int) string {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT DROP [0:0]\n:blocked - [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -j blocked\n")
	for i := range n {
		fmt.Fprintf(&b, "-A blocked -s 10.%d.%d.0/24 -p tcp -m tcp --dport %d -j DROP\n", i/256%256, i%256, 1+i%60000)
	}
	b.WriteString("-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT\nCOMMIT\n")
	return b.String()
}

func BenchmarkJudge10000(b *testing.B) {
	rs := ipt(b, firewall.IP, tenThousand(10000))
	p := tcp("203.0.113.9", 21)
	for b.Loop() {
		if v := rs.Judge(firewall.Input, p); v.Action != firewall.Accept {
			b.Fatal(v.Action)
		}
	}
}

func BenchmarkJudgeRange10000(b *testing.B) {
	rs := ipt(b, firewall.IP, tenThousand(10000))
	p := tcp("203.0.113.9", 21)
	for b.Loop() {
		if spans := rs.JudgeRange(firewall.Input, p, 30000, 40000); len(spans) != 1 {
			b.Fatal(len(spans))
		}
	}
}

func BenchmarkParse10000(b *testing.B) {
	text := []byte(tenThousand(10000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := firewall.ParseIPTables(text, firewall.IP); err != nil {
			b.Fatal(err)
		}
	}
}

// nft 1.0.6 lists `meta nfproto ipv6 tcp dport 21 reject with tcp reset` and the
// same rule for both families alike.
func TestFamilyBeforeReset(t *testing.T) {
	listing := []byte(`{"nftables": [{"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
		{"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 21}}, {"reject": {"type": "tcp reset"}}]}}]}`)
	code := func(condition string) []byte {
		return []byte("inet t @__set0\n\telement 00001500  : 0 [end]\ninet t c 2\n" + condition +
			"  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]\n  [ payload load 2b @ transport header + 2 => reg 1 ]\n  [ cmp eq reg 1 0x00001500 ]\n  [ reject type 1 code 0 ]\n\n")
	}
	for _, c := range []struct {
		name      string
		code      []byte
		four, six firewall.Action
	}{
		{"not known", nil, firewall.Unknown, firewall.Unknown},
		{"another rule's", []byte("inet t c 3\n  [ reject type 1 code 0 ]\n"), firewall.Unknown, firewall.Unknown},
		{"both", code(""), firewall.Reject, firewall.Reject},
		{"IPv6", code("  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x0000000a ]\n"), firewall.Accept, firewall.Reject},
		{"IPv4, by its protocol", code("  [ meta load protocol => reg 1 ]\n  [ cmp eq reg 1 0x00000008 ]\n"), firewall.Reject, firewall.Accept},
	} {
		rs, err := firewall.ParseNFT(listing, c.code)
		if err != nil || !rs.Hides() {
			t.Fatalf("%s: %v, %v", c.name, rs, err)
		}
		for addr, want := range map[string]firewall.Action{"203.0.113.9": c.four, "2001:db8::9": c.six} {
			if v := rs.Judge(firewall.Input, tcp(addr, 21)); v.Action != want {
				t.Errorf("%s: %v of %s, want %v", c.name, v.Action, addr, want)
			}
		}
	}
}
