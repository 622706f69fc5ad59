package host

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// configSection holds the configuration in use against the machine: addresses,
// limits, ports in use, and whether what stands on disk is what runs.
var configSection = &section{name: "configuration", layer: "config", run: configuration}

func configuration(_ context.Context, p *part) {
	for _, s := range p.asked() {
		if s.settings.unread {
			if !p.sys.Root {
				p.lacks("the configuration of the server (needs root)")
			}
			continue
		}
		if !s.running() {
			continue
		}
		p.notLoaded(s)
		p.limits(s)
		if s.Family == FTP {
			p.announced(s)
			p.switches(s)
			p.passiveInUse(s)
		}
	}
}

// notLoaded: a file of the configuration is younger than the process, and than
// the last change of state that the service manager saw. A process that was
// told to read again by a signal leaves no trace elsewhere, so without a service
// manager it is only worth knowing.
func (p *part) notLoaded(s *Server) {
	if s.Started.IsZero() || s.Via != "" || s.Kind == "nginx" || s.Kind == "apache" {
		return // the workers of web servers are young after a reload, the main process is not
	}
	loaded := s.Started
	if s.reloaded.After(loaded) {
		loaded = s.reloaded
	}
	for _, name := range s.settings.files {
		f, err := p.stat(name)
		if err != nil || !f.Modified.After(loaded.Add(2*time.Second)) {
			continue
		}
		c, severity := finding.Likely, finding.Warning
		if s.Unit == "" || s.reloaded.IsZero() {
			c, severity = finding.Possible, finding.Notice
		}
		p.findAt(finding.New(finding.ConfigNotLoaded, c).As(severity).About(s.Kind), s.port()).
			With("name", s.Kind).With("file", name).
			SawAt("when the file was changed", stamp(f.Modified), name).
			SawAt("when the process began, or was last reloaded", stamp(loaded), "ps")
		return
	}
}

// limits compares the sessions of now with those that the configuration allows.
func (p *part) limits(s *Server) {
	all, each := s.settings.limits()
	total, mine := 0, 0
	bySource := map[netip.Addr]int{}
	for _, c := range p.sockets().connections {
		if s.listensOn(c.local.Port()) {
			total++
			bySource[c.peer.Addr()]++
		}
	}
	mine = bySource[p.q.Source.Unmap()]
	source := p.sockets().source
	if p.q.Login == Works {
		return
	}
	if n := all.number(); n > 0 && total >= n {
		p.findAt(finding.New(finding.ServiceTooManyConnections, finding.Confirmed).About(s.Kind), s.port()).
			With("limit", itoa(n)).With("count", itoa(total)).
			SawAt("sessions now", itoa(total), source).
			SawAt("the limit in the configuration", all.Text, all.Place)
	}
	if n := each.number(); n > 0 && p.q.Source.IsValid() && mine >= n {
		p.findAt(finding.New(finding.ServiceTooManyFromSource, finding.Confirmed).About(s.Kind), s.port()).
			With("limit", itoa(n)).With("count", itoa(mine)).
			SawAt("sessions now from the client's address", fmt.Sprintf("%s: %d", p.q.Source, mine), source).
			SawAt("the limit in the configuration", each.Text, each.Place)
	}
}

// announced judges the address that a passive transfer is told to use.
func (p *part) announced(s *Server) {
	to, said := p.q.ServerAddr.Unmap(), p.q.Passive.Addr().Unmap()
	if p.q.Data == Works || !to.IsValid() || !to.Is4() {
		return // PASV speaks of IPv4 alone
	}
	v := s.settings.masquerade()
	if v.set() && strings.TrimSpace(v.Text) != "" {
		p.wrongAddress(s, v, to, said)
		return
	}
	own, ok := p.ownAddress()
	if p.isLocal(to) || !ok || !said.IsValid() && p.q.Data != Fails || said == to {
		return
	}
	if said.IsValid() && said != own && !p.isLocal(said) {
		return // somebody on the way writes addresses, and writes a wrong one
	}
	f := finding.New(finding.ConfigNATAddressMissing, finding.Confirmed).With("announced", addressOr(said, own)).With("file", s.Config).
		SawAt("the address that clients connect to is none of this machine", to.String(), "ip address").
		SawAt("the machine's own address", own.String(), "ip address").
		SawAt("no setting replaces it", strings.Join([]string{"pasv_address", "MasqueradeAddress", "ForcePassiveIP"}, ", "), s.Config)
	if !said.IsValid() {
		f.Confidence = finding.Likely
	}
	p.findAt(f.About(s.Kind), s.port())
}

func addressOr(a, b netip.Addr) string {
	if a.IsValid() {
		return a.String()
	}
	return b.String()
}

// ownAddress is the machine's first IPv4 address that is not loopback.
func (l *look) ownAddress() (netip.Addr, bool) {
	for _, i := range l.interfaces() {
		for _, a := range i.Addresses {
			if a.Addr().Is4() && !a.Addr().IsLoopback() {
				return a.Addr(), true
			}
		}
	}
	return netip.Addr{}, false
}

// wrongAddress: a setting replaces the address, by one that is not where
// clients connect to.
func (p *part) wrongAddress(s *Server, v value, to, said netip.Addr) {
	a, ok := v.literal()
	if !ok {
		if a, ok = p.resolved(v.Text); !ok {
			return
		}
	}
	if a == to || said.IsValid() && said != a {
		return
	}
	def := finding.DataPassiveWrongAddress
	switch {
	case a.IsLoopback() || a.IsUnspecified():
		def = finding.DataPassiveBadAddress
	case a.IsPrivate() && !to.IsPrivate():
		def = finding.DataPassivePrivateAddress
	}
	c := finding.Likely
	if said == a {
		c = finding.Confirmed
	}
	p.findAt(finding.New(def, c).About(s.Kind), s.port()).
		With("announced", a.String()).With("peer", to.String()).With("file", v.Place).
		SawAt("the address for passive transfers in the configuration", v.Text, v.Place).
		SawAt("the address that clients connect to", to.String(), p.hostName())
}

// resolved asks the machine for the address of a name.
func (l *look) resolved(name string) (netip.Addr, bool) {
	r := l.run("getent", "ahostsv4", strings.TrimSpace(name))
	f := strings.Fields(r.out)
	if !r.ok() || len(f) == 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(f[0])
	return a, err == nil
}

// switches are settings that forbid what the user wants.
func (p *part) switches(s *Server) {
	off := func(names ...string) (value, bool) {
		v := s.settings.get(names...)
		return v, v.set() && !v.yes()
	}
	if v, ok := off("pasv_enable"); ok && p.q.Data != Works {
		p.findAt(finding.New(finding.DataPassiveDisabled, finding.Confirmed).About(s.Kind), s.port()).
			With("file", v.Place).SawAt("a setting of the configuration", "pasv_enable="+v.Text, v.Place)
	}
	if p.q.Upload && p.q.Transfer != Works {
		p.limitWrite(s)
		v := s.settings.get("write_enable")
		if s.Kind == "vsftpd" && (!v.set() || !v.yes()) {
			place, detail := v.Place, "write_enable="+v.Text
			if place == "" {
				place, detail = s.Config, finding.Say("%s is not set, and NO by default", "write_enable")
			}
			p.findAt(finding.New(finding.FileUploadsDisabled, finding.Confirmed).About(s.Kind), s.port()).
				With("file", s.Config).SawAt("a setting of the configuration", detail, place)
		}
	}
	if s.Kind == "vsftpd" && p.q.user() != "" && p.q.Login != Works {
		if v := s.settings.get("local_enable"); !v.yes() && !s.settings.get("guest_enable").yes() {
			place, detail := v.Place, "local_enable="+v.Text
			if place == "" {
				place, detail = s.Config, finding.Say("%s is not set, and NO by default", "local_enable")
			}
			p.findAt(finding.New(finding.AuthUserDenied, finding.Confirmed).About(p.q.User), s.port()).
				With("file", s.Config).SawAt("a setting of the configuration", detail, place)
		}
	}
}

// passiveInUse compares the passive ports that are taken with the range.
func (p *part) passiveInUse(s *Server) {
	r, ok := s.settings.passive()
	if !ok || p.q.Data == Works {
		return
	}
	taken := map[uint16]bool{}
	for _, c := range p.sockets().connections {
		if port := c.local.Port(); port >= r.Lo && port <= r.Hi {
			taken[port] = true
		}
	}
	for _, x := range p.sockets().listeners {
		if x.Port >= r.Lo && x.Port <= r.Hi {
			taken[x.Port] = true
		}
	}
	p.fact(func(f *Facts) {
		f.Numbers["passive_ports"], f.Numbers["passive_ports_in_use"] = int64(r.size()), int64(len(taken))
	})
	if len(taken) < r.size() {
		return
	}
	p.findAt(finding.New(finding.DataPortsExhausted, finding.Confirmed).About(s.Kind), s.port()).
		With("range", r.String()).With("count", itoa(len(taken))).
		SawAt("the passive range in the configuration", r.String(), r.Place).
		SawAt("ports of the range in use now", fmt.Sprintf("%d / %d", len(taken), r.size()), p.sockets().source)
}
