package probe

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// routeCheck asks the kernel for the way to each address, before a packet is sent.
var routeCheck = &check{
	name: "route", layer: "route", asks: "does this machine know a way to the address",
	run: func(ctx context.Context, r *run) {
		if a, err := netip.ParseAddr(r.target.Host); err == nil {
			r.take([]netip.Addr{a.Unmap()})
		}
		var usable []netip.Addr
		ways := make([]observe.Route, len(r.addresses))
		for i, a := range r.addresses {
			ways[i] = r.w.Route(a)
			if ways[i].OK() || ways[i].Failure == observe.NotSupported {
				usable = append(usable, a)
			}
		}
		if len(usable) == 0 && len(r.addresses) > 0 {
			r.find(r.noWay(r.addresses[0], ways[0]).Stop())
			return
		}
		if len(r.addresses) == 0 {
			r.partial = "the name has no address of the family asked for"
			r.stopped = "route"
			return
		}
		for i, a := range r.addresses {
			// A family that this machine does not have is no fault: programs
			// pass over it at once. A route that forbids it is one.
			if k := ways[i].Kind; !slices.Contains(usable, a) && (k == "blackhole" || k == "unreachable" || k == "prohibit") {
				r.find(r.noWay(a, ways[i]).As(finding.Warning))
			}
		}
		r.addresses = usable
		r.duplicates(ctx)
	},
}

// noWay words a refusal of the kernel's routing table.
func (r *run) noWay(a netip.Addr, way observe.Route) *finding.Finding {
	switch {
	case way.Kind == "blackhole" || way.Kind == "unreachable" || way.Kind == "prohibit":
		return finding.New(finding.RouteBlackhole, finding.Confirmed).With("address", a.String()).With("route", way.Kind+" "+way.Prefix.String()).With("prefix", way.Prefix.String()).
			Saw("the route that covers the address", way.Kind+" "+way.Prefix.String()+" ("+way.Errno+")", fromKernel)
	case way.Failure == observe.Denied:
		return finding.New(finding.RouteBlackhole, finding.Likely).With("address", a.String()).
			Saw("the kernel's answer to: which way", told(way.Step)+" "+way.Errno, fromKernel)
	}
	if !r.hasFamily(a) && slices.IndexFunc(r.facts.Addresses, func(s string) bool {
		o, err := netip.ParseAddr(s)
		return err == nil && r.hasFamily(o)
	}) < 0 && !observe.IsAddress(r.target.Host) {
		return finding.New(finding.NetNoCommonFamily, finding.Confirmed).With("address", a.String()).With("family", family(a)).
			Saw("addresses of the name", strings.Join(r.facts.Addresses, ", "), fromDNS).
			Saw("addresses of this machine", r.ownAddresses(), fromThisMachine)
	}
	if l, p, ok := r.tooNarrow(a); ok {
		return finding.New(finding.RouteWrongNetmask, finding.Likely).With("address", a.String()).With("interface", l).With("prefix", p.String()).
			Saw("the prefix of the interface leaves room for no gateway", l+" "+p.String(), fromThisMachine).
			Saw("the kernel's answer to: which way", way.Errno, fromKernel).
			Or(finding.RouteNoRoute, "the prefix may be meant, and only the default route be missing").
			DecideBy("compare the prefix length with that of another machine on the same network")
	}
	return finding.New(finding.RouteNoRoute, finding.Confirmed).With("address", a.String()).
		Saw("the kernel's answer to: which way", orNone(way.Errno), fromKernel).
		Saw("addresses of this machine", r.ownAddresses(), fromThisMachine)
}

// tooNarrow finds an interface with a prefix of at most two hosts that is no
// tunnel and serves no router: a slip of the netmask, which leaves the gateway
// outside.
func (r *run) tooNarrow(a netip.Addr) (string, netip.Prefix, bool) {
	for _, l := range r.links.Links {
		if l.Loopback || l.Tunnel || !l.Up {
			continue
		}
		for _, p := range l.Prefixes {
			narrow := p.Addr().Is4() && p.Bits() >= 29 || p.Addr().Is6() && p.Bits() >= 126
			if p.Addr().Is4() == a.Is4() && narrow {
				return l.Name, p, true
			}
		}
	}
	return "", netip.Prefix{}, false
}

// hasFamily tells whether this machine has an address of the same family that
// reaches beyond its link.
func (r *run) hasFamily(a netip.Addr) bool {
	for _, l := range r.links.Links {
		if l.Loopback || !l.Up {
			continue
		}
		for _, p := range l.Prefixes {
			if p.Addr().Is4() == a.Is4() && !p.Addr().IsLinkLocalUnicast() {
				return true
			}
		}
	}
	return false
}

func (r *run) ownAddresses() string {
	var s []string
	for _, l := range r.links.Links {
		for _, p := range l.Prefixes {
			if !l.Loopback {
				s = append(s, l.Name+" "+p.String())
			}
		}
	}
	return orNone(strings.Join(s, ", "))
}

func (r *run) isOwn(a netip.Addr) bool {
	for _, l := range r.links.Links {
		for _, p := range l.Prefixes {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// wayFault looks for the fault on this machine's own link and in its routing
// table, given that an address is silent. Nil: the first step of the way is fine.
func (r *run) wayFault(w *observe.World, a netip.Addr) *finding.Finding {
	way := w.Route(a)
	if way.Failure == observe.NotSupported {
		return nil
	}
	if !way.OK() {
		return r.noWay(a, way)
	}
	if f := r.deadTunnel(a, way); f != nil {
		return f
	}
	next := way.Gateway
	if !next.IsValid() {
		next = a
	}
	n := w.Neighbour(next, way.Interface)
	if n.State != "failed" && n.State != "incomplete" {
		return nil
	}
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.With("address", a.String()).With("interface", way.Interface).
			Saw("the kernel's answer to: which way", wayString(way), fromKernel).
			Saw("the next hop does not answer on the link", next.String()+" "+n.State, fromThisMachine)
	}
	if way.Gateway.IsValid() {
		return evidence(finding.New(finding.RouteGatewayDown, finding.Confirmed).With("gateway", next.String()))
	}
	if f := r.tooWide(a, way); f != nil {
		return evidence(f)
	}
	return evidence(finding.New(finding.RouteNeighbourSilent, finding.Confirmed))
}

func wayString(way observe.Route) string {
	s := "dev " + way.Interface
	if way.Gateway.IsValid() {
		s = "via " + way.Gateway.String() + " " + s
	}
	if way.Prefix.IsValid() {
		s = way.Prefix.String() + " " + s
	}
	return s
}

// deadTunnel: a more specific route than the default leads the address into
// another interface, and nothing comes back.
func (r *run) deadTunnel(a netip.Addr, way observe.Route) *finding.Finding {
	if !way.Prefix.IsValid() || way.Prefix.Bits() == 0 {
		return nil
	}
	var tunnel bool
	var own netip.Prefix
	for _, l := range r.links.Links {
		if l.Name != way.Interface {
			continue
		}
		tunnel = l.Tunnel
		for _, p := range l.Prefixes {
			if p.Masked() == way.Prefix.Masked() {
				own = p
			}
		}
	}
	for _, o := range way.Others {
		if o.Prefix.Bits() == 0 && o.Interface != way.Interface && (tunnel || !own.IsValid()) {
			return finding.New(finding.RouteDeadTunnel, finding.Likely).With("address", a.String()).With("interface", way.Interface).
				With("route", wayString(way)).With("prefix", way.Prefix.String()).With("other", o.Interface).With("gateway", o.Gateway.String()).
				Saw("the kernel's answer to: which way", wayString(way), fromKernel).
				Saw("another route covers the address too", o.Prefix.String()+" via "+o.Gateway.String()+" dev "+o.Interface, fromKernel)
		}
	}
	return nil
}

// tooWide: the address counts as on the link only because the prefix is wider
// than the classful one of a private network, while a gateway is there.
func (r *run) tooWide(a netip.Addr, way observe.Route) *finding.Finding {
	usual := 24
	if a.Is6() {
		usual = 64
	}
	hasDefault := slices.ContainsFunc(way.Others, func(o observe.Way) bool { return o.Prefix.Bits() == 0 && o.Gateway.IsValid() })
	if !hasDefault || !way.Prefix.IsValid() || way.Prefix.Bits() >= usual {
		return nil
	}
	own := way.Source
	if p, err := own.Prefix(usual); err == nil && p.Contains(a) {
		return nil // a neighbour under every usual netmask
	}
	return finding.New(finding.RouteWrongNetmask, finding.Likely).With("prefix", way.Prefix.String()).
		Saw("the prefix is so wide that the address counts as a neighbour, and a gateway is set", way.Prefix.String(), fromThisMachine).
		Or(finding.RouteNeighbourSilent, "the prefix may be meant, and the machine be down").
		DecideBy("compare the prefix length with that of another machine on the same network")
}
