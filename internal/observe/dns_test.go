package observe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// nameServer answers on a port of loopback, by UDP and by TCP.
func nameServer(t *testing.T, answer dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Skipf("the same TCP port is not free: %v", err)
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: answer}, {Listener: tcp, Handler: answer}} {
		ready := make(chan struct{})
		done := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

func ask(t *testing.T, server netip.AddrPort, name string) Reply {
	t.Helper()
	return Live().Ask(t.Context(), server, Question{Name: name, Type: "A"}, time.Second)
}

func record(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func TestAsk(t *testing.T) {
	questions := make(chan *dns.Msg, 10)
	server := nameServer(t, func(w dns.ResponseWriter, q *dns.Msg) {
		questions <- q
		m := new(dns.Msg)
		m.SetReply(q)
		_, overTCP := w.RemoteAddr().(*net.TCPAddr)
		switch name := q.Question[0].Name; {
		case name == "gone.example.":
			m.Rcode = dns.RcodeNameError
		case name == "long.example." && !overTCP:
			m.Truncated = true
		default:
			m.Answer = []dns.RR{
				record(t, name+" 60 CNAME other.example."),
				record(t, "other.example. 60 A 192.0.2.9"), record(t, "other.example. 60 A 192.0.2.10"),
			}
		}
		_ = w.WriteMsg(m)
	})
	r := ask(t, server, "ftp.example")
	want := []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.9")}
	if !r.OK() || r.Rcode != "NOERROR" || r.Tries != 1 || !slices.Equal(r.Addresses(), want) || r.Answer[0].Type != "CNAME" || r.Answer[0].Data != "other.example." {
		t.Errorf("%+v", r)
	}
	if q := <-questions; !q.RecursionDesired || q.CheckingDisabled || q.IsEdns0() == nil {
		t.Errorf("the question was %s", q)
	}
	if r := ask(t, server, "gone.example"); !r.OK() || r.Rcode != "NXDOMAIN" || len(r.Answer) != 0 {
		t.Errorf("%+v", r)
	}
	<-questions
	if r := ask(t, server, "long.example"); !r.OK() || len(r.Answer) != 3 {
		t.Errorf("cut short by UDP: %+v", r)
	}
	<-questions
	<-questions
	if r := Live().Ask(t.Context(), server, Question{Name: "ftp.example", Type: "A", CheckingDisabled: true}, time.Second); !r.OK() {
		t.Errorf("%+v", r)
	}
	if q := <-questions; !q.CheckingDisabled {
		t.Errorf("the question was %s", q)
	}
}

// TestAskASilentServer: two tries, the second without EDNS, and no more than
// the time that was given.
func TestAskASilentServer(t *testing.T) {
	seen := make(chan bool, 10)
	server := nameServer(t, func(_ dns.ResponseWriter, q *dns.Msg) { seen <- q.IsEdns0() != nil })
	r := Live().Ask(t.Context(), server, Question{Name: "ftp.example", Type: "A"}, 200*time.Millisecond)
	if r.Failure != Timeout || r.Tries != 2 || r.Took > 2*time.Second {
		t.Errorf("%+v", r)
	}
	if first, second := <-seen, <-seen; !first || second {
		t.Errorf("EDNS at the first try %v, at the second %v", first, second)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	begun := time.Now()
	if r := Live().Ask(ctx, server, Question{Name: "ftp.example", Type: "A"}, time.Minute); r.OK() || time.Since(begun) > 10*time.Second {
		t.Errorf("given up: %+v", r)
	}
}

// TestAskNobody: a port without a name server refuses, which the kernel tells.
func TestAskNobody(t *testing.T) {
	if r := ask(t, netip.MustParseAddrPort("127.0.0.1:1"), "ftp.example"); r.Failure != Refused {
		t.Errorf("%+v", r)
	}
}

// TestAskOneThatLies: an answer to another question is not taken for ours, and
// junk is no crash.
func TestAskOneThatLies(t *testing.T) {
	server := nameServer(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Id++
		_ = w.WriteMsg(m)
		_, _ = w.Write([]byte("junk"))
	})
	if r := Live().Ask(t.Context(), server, Question{Name: "ftp.example", Type: "A"}, 200*time.Millisecond); r.OK() {
		t.Errorf("%+v", r)
	}
}

func TestParseResolvConf(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(s), 53) }
	for text, want := range map[string]ResolverConfig{
		"": {Ndots: 1, Timeout: 5 * time.Second},
		"# c\n; c\nnameserver 192.0.2.1\nnameserver\nnameserver x\nnameserver fe80::1%eth0\n": {
			Servers: []netip.AddrPort{at("192.0.2.1"), at("fe80::1%eth0")}, Ndots: 1, Timeout: 5 * time.Second,
		},
		"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4": {
			Servers: []netip.AddrPort{at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3")}, Ndots: 1, Timeout: 5 * time.Second,
		},
		"domain a.example\nsearch b.example c.example\noptions ndots:99 timeout:0 rotate timeout:x": {
			Search: []string{"b.example", "c.example"}, Ndots: 15, Timeout: time.Second,
		},
	} {
		if diff := cmp.Diff(want, ParseResolvConf(text), alike); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzParseResolvConf(f *testing.F) {
	f.Add("nameserver 192.0.2.1\noptions ndots:2 timeout:3\nsearch a b\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c := ParseResolvConf(text); len(c.Servers) > 3 || c.Ndots < 0 || c.Ndots > 15 || c.Timeout < time.Second || c.Timeout > 30*time.Second {
			t.Errorf("%+v", c)
		}
	})
}

func TestReverseName(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":   "1.2.0.192.in-addr.arpa.",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := ReverseName(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
