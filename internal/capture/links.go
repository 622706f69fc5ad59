package capture

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// links is what ARP and neighbour discovery tell.
type links struct {
	asked map[netip.Addr]*neighbour
	order []netip.Addr
}

// neighbour is the search for the machine that has an address.
type neighbour struct {
	addr, by netip.Addr
	first    moment
	count    int
	macs     []string // that answered
	answered moment
	conflict moment
}

const maxNeighbours = 1024

// packet takes an ARP packet or its like in IPv6.
func (l *links) packet(m moment, request bool, senderMAC [6]byte, sender, target netip.Addr) {
	if l.asked == nil {
		l.asked = map[netip.Addr]*neighbour{}
	}
	a := target
	if !request {
		a = sender
	}
	r := l.asked[a]
	if r == nil {
		if len(l.order) >= maxNeighbours || !a.IsValid() {
			return
		}
		r = &neighbour{addr: a}
		l.asked[a] = r
		l.order = append(l.order, a)
	}
	if request {
		if r.count == 0 {
			r.first, r.by = m, sender
		}
		r.count++
		return
	}
	mac := net.HardwareAddr(senderMAC[:]).String()
	if !slices.Contains(r.macs, mac) && len(r.macs) < 8 {
		r.macs = append(r.macs, mac)
		if len(r.macs) > 1 {
			r.conflict = m
		}
	}
	if r.answered.packet == 0 {
		r.answered = m
	}
}

// linkFaults judges the link: who does not answer there, and where two answer.
func (j *judge) linkFaults(targets []*target) {
	before := len(j.findings)
	var first moment
	for _, a := range j.a.link.order {
		r := j.a.link.asked[a]
		if first.packet == 0 {
			first = r.first
		}
		j.t = &target{hosts: []*host{{addr: a}}, port: 21, name: j.a.names.nameOf(a)}
		switch {
		case len(r.macs) > 1:
			f := finding.New(finding.RouteDuplicateAddress, finding.Confirmed).As(finding.Error).With("address", a.String()).With("host", j.t.String()).With("mac", strings.Join(r.macs, ", "))
			j.find(j.saw(f, "machines that answer for the address", strings.Join(r.macs, ", "), r.conflict))
		case len(r.macs) == 0 && r.count >= 2 && !r.by.IsUnspecified() && r.by != a:
			j.nobodyThere(r, targets)
		}
	}
	if first.packet != 0 && len(j.findings) > before {
		j.step("route", "route", first, first, before)
	}
}

// nobodyThere: the link was asked in vain.
func (j *judge) nobodyThere(r *neighbour, targets []*target) {
	if slices.ContainsFunc(targets, func(t *target) bool {
		return slices.ContainsFunc(t.hosts, func(h *host) bool {
			return slices.ContainsFunc(h.tries, func(c *conn) bool { return j.a.fate(c) == fateOpen })
		})
	}) {
		return // what was wanted was reached
	}
	f := finding.New(finding.RouteNeighbourSilent, finding.Likely).As(finding.Critical).With("address", r.addr.String()).With("host", j.t.String())
	if j.a.names.nameOf(r.addr) == "" {
		f = finding.New(finding.RouteGatewayDown, finding.Likely).As(finding.Critical).With("gateway", r.addr.String()).With("address", r.addr.String()).
			Or(finding.RouteGatewayDown, "the machine through which everything goes does not answer on its own link").
			Or(finding.RouteNeighbourSilent, "the machine does not answer on its own link: it is off, or the address is wrong").
			DecideBy("on this machine: ip route get {address}; then: ftpdoctor check {target}")
	} else if !sameNetwork(r.addr, r.by) {
		f = finding.New(finding.RouteWrongNetmask, finding.Likely).As(finding.Critical).With("address", r.addr.String()).
			Or(finding.RouteWrongNetmask, "the netmask is too wide: this machine looks for the address on its own link").
			Or(finding.RouteNeighbourSilent, "the machine does not answer on its own link: it is off, or the address is wrong").
			DecideBy("on this machine: ip route get {address}; then: ftpdoctor check {target}")
	}
	f.Stop()
	j.find(j.saw(f, "the link was asked for this address, and nobody answered", finding.Say("%s, %s times", r.addr.String(), strconv.Itoa(r.count)), r.first))
}
