package capture

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// target is what somebody tried to reach: a name with its addresses, or one
// address.
type target struct {
	name  string // empty: it was given as an address, or the look-up is not in the capture
	hosts []*host
	port  uint16 // the service that is meant
	// topTTL is the highest TTL with which a client of the capture began a
	// connection.
	topTTL uint8
	began  moment
}

// host is one address that was tried.
type host struct {
	addr  netip.Addr
	tries []*conn // connections to it but those that were announced, in time
	data  []*conn // those that were announced
	back  []*conn // those that it opened itself: active mode
}

// servicePorts are those at which file services are met, the likelier first.
var servicePorts = []uint16{21, 990, 22, 443, 80, 2121, 2222, 8080, 8443, 8021, 2021, 10021, 2022, 22222, 8022, 10022}

// targets groups the connections by what they were meant for.
func (a *Analysis) targets() []*target {
	byAddr := map[netip.Addr]*host{}
	var hosts []*host
	get := func(addr netip.Addr) *host {
		h := byAddr[addr]
		if h == nil {
			h = &host{addr: addr}
			byAddr[addr] = h
			hosts = append(hosts, h)
		}
		return h
	}
	for _, c := range a.conns {
		switch {
		case c.server.Port() == dnsPort:
		case c.expected != nil && !c.expected.passive:
			get(c.client.Addr()).back = append(get(c.client.Addr()).back, c)
		case c.expected != nil:
			// By the control connection: the address announced may be another.
			h := get(c.expected.from.c.server.Addr())
			h.data = append(h.data, c)
		default:
			h := get(c.server.Addr())
			h.tries = append(h.tries, c)
		}
	}
	hosts = slices.DeleteFunc(hosts, func(h *host) bool { return len(h.tries) == 0 })
	var out []*target
	byName := map[string]*target{}
	for _, h := range hosts {
		name := a.names.nameOf(h.addr)
		t := byName[name]
		if t == nil || name == "" {
			t = &target{name: name, began: h.tries[0].first}
			out = append(out, t)
			byName[name] = t
		}
		t.hosts = append(t.hosts, h)
	}
	top := uint8(0)
	for _, c := range a.conns {
		top = max(top, c.story.synTTL)
	}
	for _, t := range out {
		t.topTTL = top
		t.choosePort()
	}
	return slices.DeleteFunc(out, func(t *target) bool { return !t.ofInterest() })
}

// choosePort finds the service that is meant: the first port that was tried,
// or of several tried at once the one that speaks.
func (t *target) choosePort() {
	var all []*conn
	for _, h := range t.hosts {
		all = append(all, h.tries...)
	}
	all = slices.DeleteFunc(all, func(c *conn) bool { return c.isSweep(t) })
	begun := slices.DeleteFunc(slices.Clone(all), func(c *conn) bool { return c.story.syn.packet == 0 && c.dialogue == nil })
	if len(begun) > 0 {
		all = begun // the rest of an earlier connection says nothing
	}
	if len(all) == 0 {
		t.port = t.hosts[0].tries[0].server.Port()
		return
	}
	slices.SortStableFunc(all, func(a, b *conn) int { return cmp.Compare(a.first.packet, b.first.packet) })
	first := all[0]
	t.port = first.server.Port()
	ports := []uint16{t.port}
	answered := first.last.packet // of all that was tried before the first try was answered
	for _, m := range []moment{first.story.synAck, first.story.reset} {
		if m.packet != 0 {
			answered = min(answered, m.packet)
		}
	}
	survey := 0 // ports of file services that were tried at once
	for _, c := range all {
		if c.first.at.Sub(first.first.at) < 30*time.Millisecond && slices.Contains(servicePorts[:5], c.server.Port()) && c.server.Port() != first.server.Port() && first.server.Port() == 2121 {
			survey++
		}
	}
	for _, c := range all {
		if (c.first.packet < answered || survey >= 3) && c.first.at.Sub(first.first.at) < 30*time.Millisecond && !slices.Contains(ports, c.server.Port()) && !c.lowTTL(t) {
			ports = append(ports, c.server.Port())
		}
	}
	if len(ports) < 3 {
		return
	}
	for _, p := range servicePorts { // somebody looked for whatever is there
		if slices.Contains(ports, p) && slices.ContainsFunc(all, func(c *conn) bool { return c.server.Port() == p && c.story.bytes[fromServer] > 0 }) {
			t.port = p
			return
		}
	}
}

// ofInterest: a file service, or what is meant as one.
func (t *target) ofInterest() bool {
	if slices.Contains(servicePorts, t.port) {
		return true
	}
	for _, h := range t.hosts {
		for _, c := range h.tries {
			if c.dialogue != nil {
				return true
			}
		}
	}
	return false
}

// lowTTL: the SYN was not meant to get far, as a traceroute's. A packet that
// the host itself answered with a SYN-ACK got as far as it had to.
func (c *conn) lowTTL(t *target) bool {
	return c.story.syn.packet != 0 && c.story.synTTL > 0 && int(c.story.synTTL) < int(t.topTTL)-20
}

func (c *conn) isSweep(t *target) bool { return c.lowTTL(t) }

// The ways in which an attempt to connect ends.
type fate uint8

const (
	fateOpen fate = iota
	fateRefused
	fateICMP
	fateSilent
	fateUnknown // the capture holds too little of it
)

// patience is how long a SYN must be without answer to count as unanswered,
// where the capture goes on or the SYN was repeated.
const patience = 900 * time.Millisecond

// fate tells how the attempt to connect ended.
func (a *Analysis) fate(c *conn) fate {
	s := &c.story
	switch {
	case s.synAck.packet != 0, s.syn.packet == 0, s.bytes[fromServer] > 0:
		return fateOpen
	case s.reset.packet != 0 && s.resetFrom == fromServer:
		return fateRefused
	case len(s.icmp) > 0:
		return fateICMP
	case s.synAgain > 0 || a.last.at.Sub(s.syn.at) >= patience:
		return fateSilent
	}
	return fateUnknown
}

// service gives the attempts at the port that is meant, at one address.
func (t *target) service(h *host) []*conn {
	var out []*conn
	for _, c := range h.tries {
		if c.server.Port() == t.port && !c.isSweep(t) {
			out = append(out, c)
		}
	}
	return out
}

// others gives the attempts at other ports of the address.
func (t *target) others(h *host) []*conn {
	var out []*conn
	for _, c := range h.tries {
		if c.server.Port() != t.port && !c.isSweep(t) {
			out = append(out, c)
		}
	}
	return out
}

// dialogues gives those of one kind, of all connections of the target.
func dialogues[D dialogue](t *target) []D {
	var out []D
	for _, h := range t.hosts {
		for _, c := range h.tries {
			if d, ok := c.dialogue.(D); ok {
				out = append(out, d)
			}
		}
	}
	return out
}

// host gives the target as it is best called.
func (t *target) String() string {
	if t.name != "" {
		return t.name
	}
	return t.hosts[0].addr.String()
}

func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// sameNetwork guesses whether two addresses share a link.
func sameNetwork(a, b netip.Addr) bool {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(b)
}
