package firewall

import (
	"net/netip"
	"testing"
)

func TestSmoke(t *testing.T) {
	rs, err := ParseIPTables([]byte(`*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-user-input - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 21 -j ACCEPT
-A ufw-user-input -p tcp -m multiport --dports 30000:30100,40000 -m comment --comment "pa sv" -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT
COMMIT
`), IP)
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{Src: netip.MustParseAddrPort("203.0.113.9:0"), Dst: netip.MustParseAddrPort("198.51.100.7:21"), Proto: TCP, In: "eth0"}
	t.Logf("%+v", rs.Judge(Input, p))
	for _, s := range rs.JudgeRange(Input, p, 0, 65535) {
		t.Logf("%d-%d %v %+v %v", s.Lo, s.Hi, s.Verdict.Action, s.Verdict.Rule, s.Verdict.Unmodelled)
	}
}
