package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"ftpdoctor/internal/finding"
)

// socketsSection holds what listens against the address that people use.
var socketsSection = &section{name: "sockets", layer: "service", run: listening}

func listening(_ context.Context, p *part) {
	table := p.sockets()
	if !table.known {
		p.lacks("the listening sockets (needs ss, or /proc/net/tcp)")
		p.partial = "the table of sockets could not be read"
		return
	}
	if p.sys.OS == linux {
		p.counters()
	}
	if !p.sys.Root {
		p.lacks("whose sockets these are (needs root)")
	}
	if p.q.Port != 0 {
		p.reach(p.q.Port, p.onPort(p.q.Port), finding.Critical)
		return
	}
	for _, s := range p.asked() {
		if s.Family == FTP && s.port() != 0 {
			p.reach(s.port(), p.onPort(s.port()), finding.Warning)
		}
	}
}

func (l *look) onPort(port uint16) []Listener {
	var all []Listener
	for _, s := range l.sockets().listeners {
		if s.Port == port {
			all = append(all, s)
		}
	}
	return all
}

// reach judges whether the sockets of a port can be reached by the address that
// people use.
func (p *part) reach(port uint16, sockets []Listener, severity finding.Severity) {
	if len(sockets) == 0 {
		p.elsewhere(port)
		return
	}
	detail := ""
	for i, s := range sockets {
		if i > 0 {
			detail += ", "
		}
		detail += fmt.Sprintf("%s (%s)", endpoint(s), programOr(s))
	}
	for _, s := range sockets {
		if s.Limit > 0 && s.Queue > s.Limit {
			p.overflow(port, s)
		}
	}
	if p.q.Connect == Works {
		return
	}
	if !slices.ContainsFunc(sockets, func(s Listener) bool { return !s.Address.IsLoopback() }) {
		f := finding.New(finding.ServiceLoopbackOnly, finding.Confirmed).As(severity).With("other", endpoint(sockets[0])).
			SawAt("what listens on the port", detail, p.sockets().source)
		if severity == finding.Critical {
			f.Stop()
		}
		p.wherefrom(f, sockets[0])
		p.findAt(f, port)
		return
	}
	to := p.q.ServerAddr.Unmap()
	if !to.IsValid() || !p.isLocal(to) || slices.ContainsFunc(sockets, func(s Listener) bool { return s.takes(to) }) {
		return // behind NAT or a balancer any address may be the one
	}
	f := finding.New(finding.ServiceWrongListenAddress, finding.Confirmed).Stop().With("other", endpoint(sockets[0])).
		SawAt("what listens on the port", detail, p.sockets().source).
		SawAt("the address that clients connect to is one of this machine", to.String(), "ip address")
	p.wherefrom(f, sockets[0])
	p.findAt(f, port)
}

// takes tells whether a connection to the address comes to this socket.
func (s Listener) takes(to netip.Addr) bool {
	switch {
	case s.Address.IsUnspecified() && s.Address.Is4():
		return to.Is4()
	case s.Address.IsUnspecified():
		return to.Is6() || s.Both
	}
	return s.Address == to
}

func programOr(s Listener) string {
	if s.Program == "" {
		return "?"
	}
	return s.Program
}

// wherefrom adds the line of the configuration that binds the address.
func (p *part) wherefrom(f *finding.Finding, sock Listener) {
	for _, s := range p.servers() {
		if !s.listensOn(sock.Port) {
			continue
		}
		if v := s.settings.listenAddress(); v.set() && v.Text != "" {
			f.With("file", v.Place).SawAt("the listen address in the configuration", v.Text, v.Place)
		}
	}
}

// elsewhere: nothing listens on the port in question; does the server that
// should listen on another one?
func (p *part) elsewhere(port uint16) {
	if p.q.Port == 0 || p.q.Connect == Works {
		return
	}
	for _, s := range p.asked() {
		for _, x := range s.Listeners {
			if s.PID == 0 || x.Address.IsLoopback() || x.Port == port {
				continue
			}
			f := finding.New(finding.ServiceWrongPort, finding.Confirmed).Stop().With("other", itoa(int(x.Port))).
				SawAt("nothing listens on the port", itoa(int(port)), p.sockets().source).
				SawAt("where the server listens", fmt.Sprintf("%s (%s)", endpoint(x), programOr(x)), p.sockets().source)
			p.findAt(f, port)
			return
		}
	}
}

// overflow: more connections wait than the queue takes; the kernel drops new ones.
func (p *part) overflow(port uint16, s Listener) {
	f := finding.New(finding.ServiceBacklogFull, finding.Confirmed).With("count", itoa(s.Queue)).With("limit", itoa(s.Limit)).
		SawAt("connections that wait to be accepted, and how many may", fmt.Sprintf("%s: %d / %d (%s)", endpoint(s), s.Queue, s.Limit, programOr(s)), p.sockets().source)
	if p.q.Connect != Works && p.q.Port != 0 {
		f.Stop()
	}
	p.findAt(f, port)
}

// counters notes how often the kernel dropped a connection for a full queue
// since its start. That happened; it says nothing of now, so it is a fact.
func (p *part) counters() {
	all := parseCounters(p.text("/proc/net/netstat"))
	for _, name := range []string{"TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtTCPReqQFullDrop"} {
		if n, ok := all[name]; ok {
			p.fact(func(f *Facts) { f.Numbers[name] = n })
		}
	}
}
