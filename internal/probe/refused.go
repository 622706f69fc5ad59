package probe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// claimWait is ample on a link, where answers come in milliseconds.
const claimWait = 300 * time.Millisecond

// otherFTPPorts are where an FTP server is found that is not where it was expected.
var otherFTPPorts = []int{21, 990, 2121, 8021, 2021, 10021}

// otherSSHPorts are the same for SSH.
var otherSSHPorts = []int{22, 2222, 2022, 22222, 8022, 10022}

// otherPorts are where the service is looked for that is not where it was expected.
func (r *run) otherPorts() []int {
	if r.target.Protocol() == observe.SSH {
		return otherSSHPorts
	}
	return otherFTPPorts
}

// refused: a RST came back. From the host's own kernel it means that nothing
// listens; from a box on the way it means that this box says no in the host's
// name. The distance tells: a SYN whose TTL ends before the host, and is
// refused all the same, met the box.
func (r *run) refused(ctx context.Context, t attempt) {
	port := int(t.dialed.Remote.Port())
	var own, closed, open []observe.Dialed
	var found map[int]string
	var claim observe.Claim
	var ttls ttls
	all(r.w.Scope("refused"), map[string]func(*observe.World){
		"sweep":  func(w *observe.World) { own = sweep(ctx, w, t.addr, port) },
		"second": func(w *observe.World) { closed = sweep(ctx, w, t.addr, surelyClosed) },
		"open":   func(w *observe.World) { open = r.openSweep(ctx, w, t.addr, port) },
		"ports":  func(w *observe.World) { found = r.otherServices(ctx, w, t.addr, port) },
		"claim":  func(w *observe.World) { claim = r.claims(ctx, w, t.addr) },
		"ttl":    func(w *observe.World) { ttls = r.answerTTLs(ctx, w, t) },
	})
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.With("address", t.addr.String()).With("port", strconv.Itoa(port)).Stop().
			Saw("connecting to the port", strconv.Itoa(port)+": "+told(t.dialed.Step), fromControl)
	}
	if len(claim.MACs) > 1 {
		r.find(evidence(finding.New(finding.RouteDuplicateAddress, finding.Confirmed).With("mac", strings.Join(claim.MACs, ", "))).
			Saw("machines that answer for the address", strings.Join(claim.MACs, ", "), fromExperiment))
	}
	a, b := distance(own), distance(closed)
	far := !r.sameNetwork(t.addr)
	switch {
	case a == 1 && far && max(b, distance(open)) > 1:
		r.find(evidence(finding.New(finding.ClientFirewall, finding.Confirmed)).
			Saw("distance of the refusal, in hops", strconv.Itoa(a), fromExperiment).
			Saw("distance of the host, by a closed port", strconv.Itoa(b), fromExperiment))
		return
	case a > 0 && distance(open) > a:
		r.find(evidence(finding.New(finding.NetPortRejected, finding.Confirmed).With("hop", routerAt(open, a-1))).
			Saw("distance of the refusal, in hops", strconv.Itoa(a), fromExperiment).
			Saw("distance of the host, by an open port", strconv.Itoa(distance(open)), fromExperiment))
		return
	case a > 0 && b > a:
		r.find(evidence(finding.New(finding.NetPortRejected, finding.Confirmed).With("hop", routerAt(closed, a-1))).
			Saw("distance of the refusal, in hops", strconv.Itoa(a), fromExperiment).
			Saw("distance of the host, by a closed port", strconv.Itoa(b), fromExperiment))
		return
	case ttls.differ():
		r.find(evidence(finding.New(finding.NetPortRejected, finding.Confirmed)).
			Saw("TTL of the refusal and of another answer of the host", ttls.String(), fromExperiment))
		return
	}
	conf := finding.Likely
	if !far || ttls.same() {
		conf = finding.Confirmed
		r.exclude(finding.NetPortRejected, "the refusal comes from as far away as the host's other answers")
	}
	f := evidence(finding.New(finding.ServiceRefused, conf)).
		Saw("distance of the refusal, in hops", orNone(positive(a)), fromExperiment).
		Or(finding.ServiceNotRunning, "the program is not running").
		Or(finding.ServiceLoopbackOnly, "the program listens on an address that is not reachable from outside")
	if conf != finding.Confirmed {
		f.Or(finding.NetPortRejected, "a packet filter at the host or just before it may answer with a RST")
	}
	if ttls.known() {
		f.Saw("TTL of the refusal and of another answer of the host", ttls.String(), fromExperiment)
	}
	if a == 1 && far {
		f.Or(finding.NetHairpinNAT, "the address is that of the gateway itself: a public address used from inside the same NAT")
	}
	r.find(f.DecideBy("on the server: is the program running, and what does it listen on (ss -ltnp)"))
	for _, p := range r.otherPorts() {
		if g := found[p]; g != "" {
			r.find(evidence(finding.New(finding.ServiceWrongPort, finding.Confirmed).With("other", strconv.Itoa(p))).
				Saw("another port greets as a file server", fmt.Sprintf("%d: %s", p, g), fromExperiment))
			break
		}
	}
}

// ttls are the TTLs of the refusal and of another answer of the host: of an
// open port where there is one, else of a closed one.
type ttls struct{ refusal, other int }

func (t ttls) known() bool { return t.refusal > 0 && t.other > 0 }

func (t ttls) same() bool { return t.known() && t.refusal == t.other }

func (t ttls) differ() bool { return t.known() && t.refusal != t.other }

func (t ttls) String() string { return fmt.Sprintf("%d / %d", t.refusal, t.other) }

func (r *run) answerTTLs(ctx context.Context, w *observe.World, t attempt) ttls {
	ports := append([]int{int(t.dialed.Remote.Port())}, usualPorts...)
	answers := each(w, append(ports, surelyClosed), func(w *observe.World, p int) observe.AnswerTTL {
		return w.AnswerTTL(ctx, portOf(t.addr, p), experimentTimeout)
	})
	if answers[0].Failure == observe.NotPermitted {
		r.mu.Lock()
		r.lacks("who sent a refusal can't be told by its TTL without the capability CAP_NET_RAW")
		r.mu.Unlock()
		return ttls{}
	}
	out := ttls{refusal: answers[0].TTL, other: answers[len(answers)-1].TTL}
	for i, p := range ports[1:] {
		if a := answers[i+1]; a.TTL > 0 && !a.Reset && p != ports[0] {
			out.other = a.TTL
		}
	}
	return out
}

func portOf(a netip.Addr, port int) netip.AddrPort { return netip.AddrPortFrom(a, uint16(port)) }

// openSweep sweeps a usual port that is open; nil where none is.
func (r *run) openSweep(ctx context.Context, w *observe.World, a netip.Addr, not int) []observe.Dialed {
	ports := slices.DeleteFunc(slices.Clone(usualPorts), func(p int) bool { return p == not })
	for i, d := range each(w, ports, func(w *observe.World, p int) observe.Dialed { return tryPort(ctx, w, a, p, 0) }) {
		if d.OK() {
			return sweep(ctx, w.Scope("sweep"), a, ports[i])
		}
	}
	return nil
}

// distance is the smallest TTL that the far end itself answered; 0: none.
func distance(sweep []observe.Dialed) int {
	for i, d := range sweep {
		if d.OK() || d.Failure == observe.Refused && d.ICMP == nil {
			return i + 1
		}
	}
	return 0
}

// routerAt names the router at a distance, as the reference sweep saw it.
func routerAt(reference []observe.Dialed, ttl int) string {
	if h := hops(reference); ttl >= 1 && ttl <= len(h) && h[ttl-1].IsValid() {
		return h[ttl-1].String()
	}
	return ""
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// otherServices looks for a greeting of a file server on other ports.
func (r *run) otherServices(ctx context.Context, w *observe.World, a netip.Addr, not int) map[int]string {
	ports := slices.DeleteFunc(slices.Clone(r.otherPorts()), func(p int) bool { return p == not })
	greets := "220"
	if r.target.Protocol() == observe.SSH {
		greets = "SSH-"
	}
	greetings := each(w, ports, func(w *observe.World, p int) string {
		conn, d := w.Dial(ctx, netip.AddrPortFrom(a, uint16(p)), observe.DialOptions{Timeout: experimentTimeout})
		if !d.OK() {
			return ""
		}
		defer conn.Close()
		conn.SetBudget(2 * time.Second)
		first := firstBytes(conn)
		switch {
		case strings.HasPrefix(first, greets):
			return firstLine(first)
		case p == 990 && first == "":
			if conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Timeout: 2 * time.Second}).OK() {
				return "TLS"
			}
		}
		return ""
	})
	out := map[int]string{}
	for i, p := range ports {
		out[p] = greetings[i]
	}
	return out
}

// claims asks the link who has the address, when it is on the link.
func (r *run) claims(ctx context.Context, w *observe.World, a netip.Addr) observe.Claim {
	if !a.Is4() || !r.sameNetwork(a) {
		return observe.Claim{}
	}
	way := w.Route(a)
	if way.Gateway.IsValid() || way.Interface == "" || way.Interface == "lo" {
		return observe.Claim{}
	}
	c := w.WhoHas(ctx, a, way.Interface, claimWait)
	if c.Failure == observe.NotPermitted {
		r.mu.Lock()
		r.lacks("duplicate addresses can't be seen without the capability CAP_NET_RAW")
		r.mu.Unlock()
	}
	return c
}

// firstBytes reads what comes within the connection's time-out, up to a line.
func firstBytes(conn *observe.Conn) string {
	buf := make([]byte, 512)
	n := 0
	for n < len(buf) {
		m, err := conn.Read(buf[n:])
		n += m
		if err != nil || strings.ContainsRune(string(buf[:n]), '\n') {
			break
		}
	}
	return string(buf[:n])
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimRight(line, "\r")
}
