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

// A silent port has many causes. What tells them apart: this machine's own
// next hop; whether anything else of the host answers (another port, the RST
// of a closed one, a ping, "port unreachable" to a datagram); and how far
// packets with a small TTL get, to the port and to another one.

const (
	experimentTimeout = 1200 * time.Millisecond
	sweepTTL          = 12
	// surelyClosed is a TCP port that nothing registers and few would use, in
	// the range that no system hands out by itself.
	surelyClosed = 29
	// traceroutePort is where traceroute knocks: closed by custom.
	traceroutePort = 33434
)

// usualPorts are asked when a port is silent: what else does this host serve?
var usualPorts = []int{22, 80, 443, 21, 990}

// signs is what the experiments on a silent address brought.
type signs struct {
	addr   netip.Addr
	port   int
	first  observe.Step
	closed observe.Dialed         // a surely closed port
	ping   observe.Echo           // ICMP echo
	knock  observe.Echo           // a datagram to a closed port
	others map[int]observe.Dialed // usual ports
	sweep  []observe.Dialed       // the port, TTL 1, 2, …
	second []observe.Dialed       // the closed port, likewise
}

func (r *run) gather(ctx context.Context, w *observe.World, a netip.Addr, port int, first observe.Step) *signs {
	s := &signs{addr: a, port: port, first: first, others: map[int]observe.Dialed{}}
	ports := slices.DeleteFunc(slices.Clone(usualPorts), func(p int) bool { return p == port })
	var dials []observe.Dialed
	all(w, map[string]func(*observe.World){
		"closed": func(w *observe.World) { s.closed = tryPort(ctx, w, a, surelyClosed, 0) },
		"ping":   func(w *observe.World) { s.ping = w.Ping(ctx, a, experimentTimeout) },
		"knock": func(w *observe.World) {
			s.knock = w.Knock(ctx, netip.AddrPortFrom(a, traceroutePort), 0, experimentTimeout)
		},
		"others": func(w *observe.World) {
			dials = each(w, ports, func(w *observe.World, p int) observe.Dialed { return tryPort(ctx, w, a, p, 0) })
		},
		"sweep":  func(w *observe.World) { s.sweep = sweep(ctx, w, a, port) },
		"second": func(w *observe.World) { s.second = sweep(ctx, w, a, surelyClosed) },
	})
	for i, p := range ports {
		s.others[p] = dials[i]
	}
	return s
}

func tryPort(ctx context.Context, w *observe.World, a netip.Addr, port, ttl int) observe.Dialed {
	conn, d := w.Dial(ctx, netip.AddrPortFrom(a, uint16(port)), observe.DialOptions{Timeout: experimentTimeout, TTL: ttl})
	if conn != nil {
		conn.ResetClose()
	}
	return d
}

// sweep sends a SYN with each TTL, all at once.
func sweep(ctx context.Context, w *observe.World, a netip.Addr, port int) []observe.Dialed {
	ttls := make([]int, sweepTTL)
	for i := range ttls {
		ttls[i] = i + 1
	}
	return each(w, ttls, func(w *observe.World, ttl int) observe.Dialed { return tryPort(ctx, w, a, port, ttl) })
}

// hops lists who said "time exceeded", by TTL; invalid where nobody did.
func hops(sweep []observe.Dialed) []netip.Addr {
	out := make([]netip.Addr, len(sweep))
	for i, d := range sweep {
		if d.ICMP != nil && d.ICMP.TimeExceeded() {
			out[i] = d.ICMP.From
		}
	}
	return out
}

// reach is the largest TTL that brought an answer of any kind.
func reach(sweep []observe.Dialed) int {
	n := 0
	for i, d := range sweep {
		if d.OK() || d.ICMP != nil || d.Failure == observe.Refused {
			n = i + 1
			if d.ICMP == nil { // the host itself
				break
			}
		}
	}
	return n
}

func describeSweep(sweep []observe.Dialed) string {
	var s []string
	for i, d := range sweep {
		switch {
		case d.ICMP != nil:
			s = append(s, fmt.Sprintf("%d %s", i+1, d.ICMP.From))
		case d.OK():
			s = append(s, finding.Say("%s accepted", fmt.Sprint(i+1)))
		case d.Failure == observe.Refused:
			s = append(s, fmt.Sprintf("%d RST", i+1))
		default:
			s = append(s, finding.Say("%s silent", fmt.Sprint(i+1)))
		}
		if d.OK() || d.Failure == observe.Refused && d.ICMP == nil {
			break
		}
		if i > reach(sweep) {
			break
		}
	}
	return strings.Join(s, ", ")
}

// alive tells by what the host itself showed that it lives.
func (s *signs) alive() (string, bool) {
	switch {
	case s.closed.Failure == observe.Refused && s.closed.ICMP == nil:
		return finding.Say("port %s: %s", fmt.Sprint(surelyClosed), told(s.closed.Step)), true
	case s.closed.OK():
		return finding.Say("port %s accepts", fmt.Sprint(surelyClosed)), true
	case s.ping.OK():
		return "ping: " + told(s.ping.Step), true
	case s.knock.ICMP != nil && s.knock.ICMP.From == s.addr:
		return "UDP: " + s.knock.ICMP.String(), true
	}
	for _, p := range usualPorts {
		d, asked := s.others[p]
		if asked && (d.OK() || d.Failure == observe.Refused && d.ICMP == nil) {
			return finding.Say("port %s: %s", fmt.Sprint(p), told(d.Step)), true
		}
	}
	return "", false
}

func (s *signs) open() []int {
	var out []int
	for _, p := range usualPorts {
		if d, asked := s.others[p]; asked && d.OK() {
			out = append(out, p)
		}
	}
	return out
}

// explainSilence finds the cause why an address does not answer on a port.
// It never returns nil but where the port is one of a name server that
// nothing is wrong with.
func (r *run) explainSilence(ctx context.Context, w *observe.World, a netip.Addr, port int, first observe.Step) *finding.Finding {
	if first.ICMP != nil && !first.ICMP.TimeExceeded() && !r.isOwn(first.ICMP.From) {
		closed := tryPort(ctx, w.Scope("closed"), a, surelyClosed, 0)
		return r.judgeICMP(a, port, first, &closed)
	}
	if first.ICMP != nil && first.ICMP.TimeExceeded() {
		return r.judgeICMP(a, port, first, nil)
	}
	s := r.gather(ctx, w, a, port, first)
	lives, alive := s.alive()
	if !alive {
		if f := r.wayFault(w.Scope("way"), a); f != nil {
			return f
		}
	}
	if f := looping(s); f != nil {
		return f.With("address", a.String())
	}
	for i, d := range s.sweep { // a router that refuses, seen on the way
		if d.ICMP != nil && !d.ICMP.TimeExceeded() && !r.isOwn(d.ICMP.From) {
			return r.judgeICMP(a, port, s.sweep[i].Step, &s.closed)
		}
	}
	if alive {
		return r.portSilent(ctx, w, s, lives)
	}
	return r.hostSilent(ctx, w, s)
}

// looping: the same router shows up at two distances. One step apart may be a
// router that counts oddly; two can't be.
func looping(s *signs) *finding.Finding {
	first := map[netip.Addr]int{}
	for _, sweep := range [][]observe.Dialed{s.sweep, s.second} {
		for i, h := range hops(sweep) {
			if !h.IsValid() {
				continue
			}
			if at, seen := first[h]; seen && (i-at >= 2 || at-i >= 2) {
				return finding.New(finding.RouteLoop, finding.Confirmed).With("hop", h.String()).
					Saw("routers that answered packets of growing TTL", describeSweep(sweep), fromExperiment)
			} else if !seen {
				first[h] = i
			}
		}
	}
	return nil
}

// portSilent: the host lives, this port does not answer.
func (r *run) portSilent(ctx context.Context, w *observe.World, s *signs, lives string) *finding.Finding {
	port := strconv.Itoa(s.port)
	open := s.open()
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.With("address", s.addr.String()).With("port", port).
			Saw("connecting to the port", port+": "+told(s.first), fromControl).
			Saw("the host is alive", lives, fromExperiment).
			Saw("routers that answered packets of growing TTL", describeSweep(s.sweep), fromExperiment)
	}
	reference := s.second
	if s.closed.Failure == observe.Timeout {
		if len(open) > 0 {
			reference = sweep(ctx, w.Scope("open"), s.addr, open[0])
		}
		if len(open) > 0 && !slices.Contains(open, 21) && !slices.Contains(open, 990) {
			f := evidence(finding.New(finding.NetOnlyOtherPorts, finding.Confirmed).With("other", joinInts(open))).
				Saw("a surely closed port is silent too: what is not let through is dropped", told(s.closed.Step), fromExperiment)
			if hop := dropper(s.sweep, reference); hop != "" {
				f.With("hop", hop)
			}
			return f
		}
	}
	if f := r.beforeTheFirstHop(s, reference); f != nil {
		return evidence(f)
	}
	f := evidence(finding.New(finding.NetPortFiltered, finding.Confirmed))
	if hop := dropper(s.sweep, reference); hop != "" {
		return f.With("hop", hop).
			Saw("packets to another port get further", describeSweep(reference), fromExperiment)
	}
	f.Confidence = finding.Likely
	if r.atTheGateway(s.addr, reference) {
		f.Or(finding.NetHairpinNAT, "the address is that of the gateway itself: a public address used from inside the same NAT")
	}
	return f.Or(finding.NetPortFiltered, "a packet filter at the host or just before it drops what comes to this port").
		Or(finding.ServiceBacklogFull, "the program accepts no more connections and its queue is full: a busy moment ago the port still answered").
		Or(finding.AuthBanned, "this address alone is banned after failed log-ins").
		DecideBy("on the server: look at the listen queue (ss -ltn) and at the packet filter (nft list ruleset); or try from another address")
}

// beforeTheFirstHop: a packet with TTL 1 to another port brings an answer of
// the gateway, and one to this port does not, so it never got there. A router
// looks at the TTL before its forward filter.
func (r *run) beforeTheFirstHop(s *signs, reference []observe.Dialed) *finding.Finding {
	own, other := hops(s.sweep), hops(reference)
	for i := range own {
		if own[i].IsValid() {
			return nil
		}
	}
	if len(other) == 0 || !other[0].IsValid() {
		return nil
	}
	return finding.New(finding.ClientFirewall, finding.Likely).
		Saw("packets to another port get further", describeSweep(reference), fromExperiment).
		Or(finding.ClientFirewall, "a filter of this machine drops what goes out to this port").
		Or(finding.NetPortFiltered, "the gateway drops it before it looks at the TTL").
		DecideBy("on this machine, as root: list its packet filter (nft list ruleset)")
}

// atTheGateway: the address is routed by way of the gateway and answers from
// as far away as the gateway itself.
func (r *run) atTheGateway(a netip.Addr, reference []observe.Dialed) bool {
	way := r.w.Scope("gateway").Route(a)
	return way.Gateway.IsValid() && way.Gateway != a && distance(reference) == 1
}

// dropper names the last router that a packet to the silent port reached,
// where packets to another port got further.
func dropper(silent, reference []observe.Dialed) string {
	h := hops(silent)
	last := 0
	for i, a := range h {
		if a.IsValid() {
			last = i + 1
		}
	}
	if last == 0 {
		return ""
	}
	ref := hops(reference)
	if last < len(ref) && ref[last].IsValid() {
		return h[last-1].String()
	}
	return ""
}

// hostSilent: nothing of the host answers.
func (r *run) hostSilent(ctx context.Context, w *observe.World, s *signs) *finding.Finding {
	far := reach(s.sweep)
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.With("address", s.addr.String()).With("port", strconv.Itoa(s.port)).
			Saw("connecting to the port", strconv.Itoa(s.port)+": "+told(s.first), fromControl).
			Saw("other ports, a closed one, ping and a datagram", finding.Say("no answer"), fromExperiment).
			Saw("routers that answered packets of growing TTL", orNone(describeSweep(s.sweep)), fromExperiment)
	}
	way := w.Scope("hop").Route(s.addr)
	if far == 0 && way.Gateway.IsValid() {
		// Not even the gateway says that the TTL ran out. Does it for others?
		elsewhere := tryPort(ctx, w.Scope("elsewhere"), beside(s.addr, way.Gateway), s.port, 1)
		if elsewhere.ICMP != nil && elsewhere.ICMP.TimeExceeded() {
			return evidence(finding.New(finding.RouteBlackhole, finding.Likely).With("hop", way.Gateway.String())).
				Saw("for another destination the gateway answers", elsewhere.ICMP.String(), fromExperiment).
				Or(finding.NetPortFiltered, "a filter on the gateway may drop everything for this address").
				DecideBy("on the gateway: ask for its route to the address (ip route get)")
		}
	}
	if far == 0 && way.Gateway.IsValid() {
		if n := w.Scope("static").Neighbour(way.Gateway, way.Interface); n.State == "permanent" {
			ping := w.Scope("static").Ping(ctx, way.Gateway, experimentTimeout)
			if !ping.OK() {
				return evidence(finding.New(finding.RouteGatewayDown, finding.Likely).With("gateway", way.Gateway.String()).With("interface", way.Interface)).
					Saw("the gateway's hardware address was entered by hand, and nothing answers at it", way.Gateway.String()+" "+n.State+", ping: "+ping.Step.String(), fromThisMachine).
					Or(finding.RouteGatewayDown, "the static entry names another machine than the gateway, or the gateway is off").
					Or(finding.NetHostDown, "the host is down, or does not exist").
					DecideBy("remove the static entry (ip neigh del) and look whether the gateway answers ARP")
			}
		}
	}
	if isPrivate(s.addr) && !r.sameNetwork(s.addr) {
		return evidence(finding.New(finding.RouteInternalAddress, finding.Likely)).
			Saw("the address is private and not of a network of this machine", s.addr.String()+" / "+r.ownAddresses(), fromThisMachine).
			Or(finding.NetHostDown, "the host may be down").
			DecideBy("ask the name servers of the network in which the server stands; or connect its VPN")
	}
	f := evidence(finding.New(finding.NetHostDown, finding.Likely))
	if hs := hops(s.sweep); far > 0 && hs[far-1].IsValid() {
		f.With("hop", hs[far-1].String())
		next := tryPort(ctx, w.Scope("neighbour"), neighbourOf(s.addr), s.port, far+1)
		if next.ICMP != nil && next.ICMP.TimeExceeded() {
			f.Saw("a packet to the next address of the same network gets further", next.ICMP.String(), fromExperiment)
		}
		return f.Or(finding.NetHostDown, "the host is down, or does not exist").
			Or(finding.RouteBlackhole, "the router behind the last one that answered may have no route").
			Or(finding.NetPortFiltered, "a filter may drop everything that comes for this host").
			Or(finding.RouteAsymmetric, "answers may leave the server by another way and be dropped").
			DecideBy("on the server, or on the last router: does the packet arrive (tcpdump), and does an answer leave")
	}
	return f.Or(finding.NetHostDown, "the host is down, or does not exist").
		Or(finding.NetPortFiltered, "a filter may drop everything that comes for this host").
		Or(finding.ClientFirewall, "a filter of this machine may drop the answers").
		DecideBy("try from another machine of the same network")
}

// judgeICMP: somebody said no, and we know who.
func (r *run) judgeICMP(a netip.Addr, port int, s observe.Step, closed *observe.Dialed) *finding.Finding {
	m := *s.ICMP
	f := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		out := finding.New(d, c).With("address", a.String()).With("port", strconv.Itoa(port)).With("sender", m.From.String()).
			Saw("the answer to the attempt", s.String(), fromControl)
		if m.From != a {
			out.With("hop", m.From.String())
		}
		if closed != nil {
			out.Saw("a surely closed port of the same host", told(closed.Step), fromExperiment)
		}
		return out
	}
	if r.isOwn(m.From) {
		if way := r.wayFault(r.w.Scope("icmp"), a); way != nil {
			return way
		}
		return f(finding.RouteNeighbourSilent, finding.Likely)
	}
	everyPort := closed != nil && closed.ICMP != nil && closed.ICMP.From == m.From && closed.ICMP.Code == m.Code
	switch m.Name() {
	case "net unreachable", "host unreachable", "no route", "address unreachable":
		if s.Took >= time.Second {
			return f(finding.NetHostDown, finding.Confirmed)
		}
		if isPrivate(a) && !r.sameNetwork(a) {
			return f(finding.RouteInternalAddress, finding.Likely).
				Saw("the address is private and not of a network of this machine", a.String()+" / "+r.ownAddresses(), fromThisMachine).
				Or(finding.RouteInternalAddress, "the address exists only inside another network").
				Or(finding.RouteUnreachableUpstream, "that router has lost its route").
				DecideBy("ask the name servers of the network in which the server stands; or connect its VPN")
		}
		return f(finding.RouteUnreachableUpstream, finding.Confirmed)
	case "reject route":
		return f(finding.RouteBlackhole, finding.Confirmed)
	case "time exceeded":
		return f(finding.RouteLoop, finding.Confirmed)
	}
	if everyPort && m.From != a && m.Name() == "admin prohibited" {
		return f(finding.RouteBlackhole, finding.Likely).With("route", "prohibit").
			Or(finding.RouteBlackhole, "a prohibit route on that router answers so for every port").
			Or(finding.NetPortRejected, "a filter on that router may reject everything for this host").
			DecideBy("on that router: ask for its route to the address (ip route get), then list its filter")
	}
	rejected := f(finding.NetPortRejected, finding.Confirmed)
	if m.From == a {
		rejected.Or(finding.NetPortRejected, "the server's own packet filter rejects this port").
			Or(finding.AuthBanned, "this address is banned after failed log-ins").
			DecideBy("on the server: list the packet filter and the bans (fail2ban-client status); or try from another address")
	}
	return rejected
}

// beside picks another destination behind the same gateway, as far from the
// target as the address space allows, so that a route for its network does not cover it.
func beside(target, gateway netip.Addr) netip.Addr {
	if target.Is4() {
		b := target.As4()
		b[0] ^= 0x40
		b[3] = 1
		if o := netip.AddrFrom4(b); o != gateway && !o.IsLoopback() && !o.IsMulticast() && !o.IsUnspecified() {
			return o
		}
		return netip.AddrFrom4([4]byte{192, 0, 2, 1})
	}
	b := target.As16()
	b[2] ^= 0x40
	return netip.AddrFrom16(b)
}

// neighbourOf is the next address of the same network.
func neighbourOf(a netip.Addr) netip.Addr {
	if n := a.Next(); n.IsValid() {
		return n
	}
	return a.Prev()
}

func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// sameNetwork tells whether the address lies in a network of this machine.
func (r *run) sameNetwork(a netip.Addr) bool {
	for _, l := range r.links.Links {
		for _, p := range l.Prefixes {
			if p.Masked().Contains(a) {
				return true
			}
		}
	}
	return false
}

func joinInts(n []int) string {
	var s []string
	for _, i := range n {
		s = append(s, strconv.Itoa(i))
	}
	return strings.Join(s, ", ")
}
