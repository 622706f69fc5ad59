package capture

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// connecting judges whether the port accepts, at every address, and returns the
// connections that came about.
func (j *judge) connecting(t *target) []*conn {
	var open []*conn
	var good, bad []*host
	for _, h := range t.hosts {
		tries := t.service(h)
		if len(tries) == 0 {
			continue
		}
		some := false
		for _, c := range tries {
			if j.a.fate(c) == fateOpen {
				open, some = append(open, c), true
			}
		}
		if some {
			good = append(good, h)
		} else if !slices.ContainsFunc(tries, func(c *conn) bool { return j.a.fate(c) == fateUnknown }) {
			bad = append(bad, h)
		}
	}
	switch {
	case len(bad) == 0:
	case len(good) == 0:
		h := bad[0]
		for _, b := range bad { // IPv4 where there is one: most users have it
			if b.addr.Is4() {
				h = b
			}
		}
		j.find(j.unreached(t, h).Stop())
	default:
		for _, b := range bad {
			j.deadAddress(t, b, good)
		}
	}
	return open
}

// deadAddress: some addresses of the name accept, and this one does not.
func (j *judge) deadAddress(t *target, b *host, good []*host) {
	if b.addr.Is6() && slices.ContainsFunc(t.service(b), func(c *conn) bool { return c.story.syn.packet == 0 }) {
		return
	}
	sameFamily := slices.ContainsFunc(good, func(g *host) bool { return g.addr.Is4() == b.addr.Is4() })
	try := t.service(b)[0]
	def, family, conf := finding.DNSDeadAddress, "IPv4", finding.Confirmed
	if b.addr.Is6() {
		family = "IPv6"
	}
	if !sameFamily {
		def = finding.NetIPv6Broken
		if b.addr.Is4() {
			def = finding.NetIPv4Broken
		}
		if j.a.fate(try) == fateRefused {
			def, conf = finding.ServiceWrongListenAddress, finding.Likely
		}
	}
	if t.name == "" {
		return // two hosts that nothing ties together
	}
	if b.addr.Is4() == good[0].addr.Is4() && !j.a.names.together(b.addr, good[0].addr) {
		return // two name servers say different things: judged with the look-ups
	}
	f := j.about(def, conf, try).As(finding.Error).With("other", good[0].addr.String()).With("family", family)
	j.tellTry(f, try)
	j.saw(f, "connecting to the other addresses", good[0].addr.String()+": ok", t.service(good[0])[0].story.synAck)
	j.find(f)
}

// tellTry says what came of an attempt.
func (j *judge) tellTry(f *finding.Finding, c *conn) *finding.Finding {
	s := &c.story
	to := c.server.String()
	switch j.a.fate(c) {
	case fateRefused:
		return j.saw(f, "the answer to the SYN", to+": RST, TTL "+strconv.Itoa(int(s.resetTTL)), s.reset)
	case fateICMP:
		i := s.icmp[0]
		return j.saw(f, "the answer to the SYN", to+": ICMP "+icmpName(i)+" ← "+i.sender.String(), i.m)
	case fateOpen:
		return j.saw(f, "the answer to the SYN", to+": SYN-ACK, TTL "+strconv.Itoa(int(s.synAckTTL)), s.synAck)
	default:
		return j.saw(f, "the answer to the SYN", to+": "+finding.Say("none, sent %s times", strconv.Itoa(1+s.synAgain)), s.syn)
	}
}

// icmpName names an ICMP error as RFC 792 and RFC 4443 do.
func icmpName(i icmpError) string {
	if i.v6 {
		switch {
		case i.typ == 3:
			return "time exceeded"
		case i.typ == 2:
			return "packet too big"
		case i.typ == 1 && i.code == 0:
			return "no route"
		case i.typ == 1 && (i.code == 1 || i.code == 5):
			return "admin prohibited"
		case i.typ == 1 && i.code == 3:
			return "address unreachable"
		case i.typ == 1 && i.code == 4:
			return "port unreachable"
		case i.typ == 1 && i.code == 6:
			return "reject route"
		}
		return fmt.Sprintf("%d/%d", i.typ, i.code)
	}
	switch {
	case i.typ == 11:
		return "time exceeded"
	case i.typ == 3 && i.code == 0, i.typ == 3 && i.code == 6, i.typ == 3 && i.code == 11:
		return "net unreachable"
	case i.typ == 3 && i.code == 1, i.typ == 3 && i.code == 7, i.typ == 3 && i.code == 12:
		return "host unreachable"
	case i.typ == 3 && i.code == 2:
		return "protocol unreachable"
	case i.typ == 3 && i.code == 3:
		return "port unreachable"
	case i.typ == 3 && i.code == 4:
		return "fragmentation needed"
	case i.typ == 3 && (i.code == 9 || i.code == 10 || i.code == 13):
		return "admin prohibited"
	}
	return fmt.Sprintf("%d/%d", i.typ, i.code)
}

// unreached finds why an address does not accept on the port.
func (j *judge) unreached(t *target, h *host) *finding.Finding {
	tries := t.service(h)
	first := tries[0]
	for _, c := range tries {
		if f := j.a.fate(c); f == fateICMP || f == fateRefused {
			first = c // an answer says more than silence
			break
		}
	}
	switch j.a.fate(first) {
	case fateRefused:
		return j.refused(t, h, first)
	case fateICMP:
		return j.prohibited(t, h, first)
	}
	if f := j.looping(t, h); f != nil {
		return f
	}
	for _, c := range h.tries { // a router that refuses, seen by a packet that was not meant to get far
		for _, i := range c.story.icmp {
			if n := icmpName(i); c.server.Port() == t.port && n != "time exceeded" && n != "fragmentation needed" && n != "packet too big" {
				return j.prohibited(t, h, c)
			}
		}
	}
	if life, what := j.alive(t, h); life != nil {
		return j.portSilent(t, h, first, life, what)
	}
	return j.hostSilent(t, h, first)
}

// alive finds a connection by which the host shows that it lives.
func (j *judge) alive(t *target, h *host) (*conn, string) {
	for _, c := range h.tries {
		if c.server.Port() == t.port {
			continue
		}
		switch fate := j.a.fate(c); {
		case fate == fateOpen:
			return c, c.server.String() + ": SYN-ACK"
		case fate == fateRefused:
			return c, c.server.String() + ": RST"
		}
	}
	for _, c := range h.tries {
		for _, i := range c.story.icmp {
			if i.sender == h.addr {
				return c, "ICMP " + icmpName(i)
			}
		}
	}
	if m, ok := j.a.echoes[h.addr]; ok {
		return &conn{first: m}, "ICMP echo reply"
	}
	return nil, ""
}

// portSilent: the host lives, this port does not answer.
func (j *judge) portSilent(t *target, h *host, first, life *conn, what string) *finding.Finding {
	var other []string
	silentElsewhere := false
	for _, c := range t.others(h) {
		switch j.a.fate(c) {
		case fateOpen:
			if p := strconv.Itoa(int(c.server.Port())); !slices.Contains(other, p) {
				other = append(other, p)
			}
		case fateSilent:
			silentElsewhere = silentElsewhere || !slices.Contains(servicePorts, c.server.Port())
		}
	}
	tell := func(f *finding.Finding) *finding.Finding {
		j.tellTry(f, first)
		return j.saw(f, "the host is alive", what, life.first)
	}
	if silentElsewhere && len(other) > 0 && !slices.Contains(other, "21") && !slices.Contains(other, "990") {
		return tell(j.about(finding.NetOnlyOtherPorts, finding.Confirmed, first).With("other", strings.Join(other, ", ")))
	}
	f := tell(j.about(finding.NetPortFiltered, finding.Likely, first))
	if hop := j.dropper(t, h); hop != "" {
		f.With("hop", hop)
		f.Confidence = finding.Confirmed
		f.Saw("packets to another port get further", hop, "the capture")
		return f
	}
	if isPrivate(first.client.Addr()) && !isPrivate(h.addr) && j.oneHop(t, h) {
		f.Or(finding.NetHairpinNAT, "the address is that of the gateway itself: a public address used from inside the same NAT")
	}
	return f.Or(finding.NetPortFiltered, "a packet filter at the host or just before it drops what comes to this port").
		Or(finding.ServiceBacklogFull, "the program accepts no more connections and its queue is full: a busy moment ago the port still answered").
		Or(finding.AuthBanned, "this address alone is banned after failed log-ins").
		DecideBy("on the server: look at the listen queue (ss -ltn) and at the packet filter (nft list ruleset); or try from another address")
}

// hops lists who answered packets of small TTL to a port, by TTL.
func (j *judge) hops(t *target, h *host, port func(uint16) bool) map[int]netip.Addr {
	out := map[int]netip.Addr{}
	for _, c := range h.tries {
		if !c.lowTTL(t) || !port(c.server.Port()) {
			continue
		}
		for _, i := range c.story.icmp {
			if icmpName(i) == "time exceeded" {
				out[int(c.story.synTTL)] = i.sender
			}
		}
	}
	return out
}

// dropper names the last router that a packet to the silent port reached,
// where packets to another port got further.
func (j *judge) dropper(t *target, h *host) string {
	own := j.hops(t, h, func(p uint16) bool { return p == t.port })
	far := 0
	for ttl := range own {
		far = max(far, ttl)
	}
	if far == 0 {
		return ""
	}
	others := j.hops(t, h, func(p uint16) bool { return p != t.port })
	if _, ok := others[far+1]; ok {
		return own[far].String()
	}
	return ""
}

// oneHop: the host answers from as far away as the gateway.
func (j *judge) oneHop(t *target, h *host) bool {
	for _, c := range h.tries {
		if c.lowTTL(t) && c.story.synTTL == 1 && (c.story.synAck.packet != 0 || c.story.reset.packet != 0 && c.story.resetFrom == fromServer) {
			return true
		}
	}
	return false
}

// looping: the same router shows up at two distances, or a packet with an
// ordinary TTL ran out of it.
func (j *judge) looping(t *target, h *host) *finding.Finding {
	first := map[netip.Addr]int{}
	for _, c := range h.tries {
		for _, i := range c.story.icmp {
			if icmpName(i) != "time exceeded" {
				continue
			}
			if c.lowTTL(t) {
				at, seen := first[i.sender]
				ttl := int(c.story.synTTL)
				if !seen {
					first[i.sender] = ttl
					continue
				}
				if ttl-at < 2 && at-ttl < 2 {
					continue
				}
			} else if c.story.synTTL < 30 {
				continue
			}
			f := j.about(finding.RouteLoop, finding.Confirmed, c).With("hop", i.sender.String())
			return j.saw(f, "routers that answered packets of growing TTL", i.sender.String()+": ICMP time exceeded", i.m)
		}
	}
	return nil
}

// hostSilent: nothing of the host answers.
func (j *judge) hostSilent(t *target, h *host, first *conn) *finding.Finding {
	tell := func(f *finding.Finding) *finding.Finding { return j.tellTry(f, first) }
	if isPrivate(h.addr) && !sameNetwork(h.addr, first.client.Addr()) {
		return tell(j.about(finding.RouteInternalAddress, finding.Likely, first)).
			Or(finding.RouteInternalAddress, "the address exists only inside another network").
			Or(finding.NetHostDown, "the host may be down").
			DecideBy("ask the name servers of the network in which the server stands; or connect its VPN")
	}
	f := tell(j.about(finding.NetHostDown, finding.Likely, first))
	tried := map[uint16]bool{}
	for _, c := range h.tries {
		tried[c.server.Port()] = true
	}
	if len(tried) < 2 { // the one port may be all that is closed
		f = tell(j.about(finding.NetPortFiltered, finding.Possible, first)).As(finding.Error)
		return f.Or(finding.NetPortFiltered, "a packet filter at the host or just before it drops what comes to this port").
			Or(finding.NetHostDown, "the host is down, or does not exist").
			Or(finding.RouteBlackhole, "a router on the way swallows the packets").
			Or(finding.ServiceBacklogFull, "the server hangs and takes no new connections").
			DecideBy("from where the capture was made: ftpdoctor check, which tries other ports of the host and how far packets get")
	}
	hops := j.hops(t, h, func(uint16) bool { return true })
	far, name := 0, ""
	for ttl, from := range hops {
		if ttl > far {
			far, name = ttl, from.String()
		}
	}
	if name != "" {
		f.With("hop", name)
	} else if j.oneHopElsewhere(t) {
		f = tell(j.about(finding.RouteBlackhole, finding.Likely, first))
		return f.Or(finding.NetPortFiltered, "a filter on the gateway may drop everything for this address").
			Or(finding.NetHostDown, "the host is down, or does not exist").
			DecideBy("on the gateway: ask for its route to the address (ip route get)")
	}
	return f.Or(finding.NetHostDown, "the host is down, or does not exist").
		Or(finding.RouteBlackhole, "the router behind the last one that answered may have no route").
		Or(finding.NetPortFiltered, "a filter may drop everything that comes for this host").
		Or(finding.RouteAsymmetric, "answers may leave the server by another way and be dropped").
		DecideBy("on the server, or on the last router: does the packet arrive (tcpdump), and does an answer leave")
}

// oneHopElsewhere: for another destination the gateway says that the TTL ran out.
func (j *judge) oneHopElsewhere(t *target) bool {
	for _, c := range j.a.conns {
		if slices.ContainsFunc(t.hosts, func(h *host) bool { return h.addr == c.server.Addr() }) {
			continue
		}
		for _, i := range c.story.icmp {
			if icmpName(i) == "time exceeded" && c.story.synTTL == 1 {
				return true
			}
		}
	}
	return false
}

// prohibited: somebody said no with ICMP, and we know who.
func (j *judge) prohibited(t *target, h *host, c *conn) *finding.Finding {
	i := c.story.icmp[0]
	for _, x := range c.story.icmp {
		if icmpName(x) != "time exceeded" {
			i = x
		}
	}
	f := func(d *finding.Def, conf finding.Confidence) *finding.Finding {
		out := j.about(d, conf, c).With("sender", i.sender.String())
		if i.sender != h.addr {
			out.With("hop", i.sender.String())
		}
		return j.saw(out, "the answer to the SYN", c.server.String()+": ICMP "+icmpName(i)+" ← "+i.sender.String(), i.m)
	}
	everyPort := false
	for _, o := range t.others(h) {
		for _, x := range o.story.icmp {
			everyPort = everyPort || x.sender == i.sender && x.code == i.code && x.typ == i.typ
		}
	}
	switch icmpName(i) {
	case "net unreachable", "host unreachable", "no route", "address unreachable":
		switch {
		case i.m.at.Sub(c.story.syn.at) >= time.Second:
			return f(finding.NetHostDown, finding.Confirmed)
		case isPrivate(h.addr) && !sameNetwork(h.addr, c.client.Addr()):
			return f(finding.RouteInternalAddress, finding.Likely).
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
	if everyPort && i.sender != h.addr && icmpName(i) == "admin prohibited" {
		return f(finding.RouteBlackhole, finding.Likely).With("route", "prohibit").
			Or(finding.RouteBlackhole, "a prohibit route on that router answers so for every port").
			Or(finding.NetPortRejected, "a filter on that router may reject everything for this host").
			DecideBy("on that router: ask for its route to the address (ip route get), then list its filter")
	}
	rejected := f(finding.NetPortRejected, finding.Confirmed)
	if i.sender == h.addr {
		rejected.Or(finding.NetPortRejected, "the server's own packet filter rejects this port").
			Or(finding.AuthBanned, "this address is banned after failed log-ins").
			DecideBy("on the server: list the packet filter and the bans (fail2ban-client status); or try from another address")
	}
	return rejected
}

// refused: a RST came back. Whose it is, its TTL tells against that of the
// host's other answers.
func (j *judge) refused(t *target, h *host, c *conn) *finding.Finding {
	tell := func(f *finding.Finding) *finding.Finding { return j.tellTry(f, c) }
	own := c.story.resetTTL
	for _, o := range t.others(h) {
		ttl, m := o.story.synAckTTL, o.story.synAck
		if m.packet == 0 && o.story.reset.packet != 0 && o.story.resetFrom == fromServer {
			ttl, m = o.story.resetTTL, o.story.reset
		}
		if m.packet != 0 && own != 0 && ttl != own && (o.story.synAck.packet != 0 || ttl < own) { // who is farther is the host
			return j.saw(tell(j.about(finding.NetPortRejected, finding.Confirmed, c)), "TTL of the refusal and of another answer of the host",
				fmt.Sprintf("%d / %d (%s)", own, ttl, o.server), m)
		}
	}
	near, far := j.refusalDistance(t, h)
	if near > 0 && far > near {
		return tell(j.about(finding.NetPortRejected, finding.Confirmed, c)).
			Saw("distance of the refusal, in hops", strconv.Itoa(near), "the capture").
			Saw("distance of the host, by another port", strconv.Itoa(far), "the capture")
	}
	conf, compared := finding.Likely, ""
	for _, o := range t.others(h) {
		ttl := o.story.synAckTTL
		if ttl == 0 {
			continue
		}
		if ttl == own {
			conf, compared = finding.Confirmed, o.server.String()
		}
	}
	f := tell(j.about(finding.ServiceRefused, conf, c)).
		Or(finding.ServiceNotRunning, "the program is not running").
		Or(finding.ServiceLoopbackOnly, "the program listens on an address that is not reachable from outside")
	if compared != "" {
		f.Saw("the refusal has the TTL of the host's other answers", compared, "the capture")
	} else {
		f.Or(finding.NetPortRejected, "a packet filter at the host or just before it may answer with a RST")
	}
	f.DecideBy("on the server: is the program running, and what does it listen on (ss -ltnp)")
	if o, greeting := j.elsewhere(t, h); o != nil {
		j.find(j.saw(j.about(finding.ServiceWrongPort, finding.Confirmed, c).With("other", strconv.Itoa(int(o.server.Port()))).Stop(),
			"another port greets as a file server", strconv.Itoa(int(o.server.Port()))+": "+greeting, o.first))
	}
	return f
}

// refusalDistance is the smallest TTL at which the port refused, and the
// smallest at which any other port of the host answered, or one more than a
// router that answered instead.
func (j *judge) refusalDistance(t *target, h *host) (near, far int) {
	for _, c := range h.tries {
		if !c.lowTTL(t) {
			continue
		}
		ttl := int(c.story.synTTL)
		answered := c.story.synAck.packet != 0 || c.story.reset.packet != 0 && c.story.resetFrom == fromServer
		switch {
		case c.server.Port() == t.port && answered:
			if near == 0 || ttl < near {
				near = ttl
			}
		case c.server.Port() != t.port && len(c.story.icmp) > 0 && icmpName(c.story.icmp[0]) == "time exceeded":
			far = max(far, ttl+1)
		}
	}
	return near, far
}

// elsewhere finds a file server on another port of the host.
func (j *judge) elsewhere(t *target, h *host) (*conn, string) {
	for _, c := range t.others(h) {
		switch d := c.dialogue.(type) {
		case *ftpDialogue:
			if d.greeting != nil && d.greeting.reply.Code == 220 && (t.port == 21 || t.port == 990) {
				return c, d.greeting.reply.String()
			}
		case *sshDialogue:
			if s := d.streams[fromServer]; s.ident != nil && t.port == 22 {
				return c, identificationOf(s.first)
			}
		case *tlsDialogue:
			if c.server.Port() == 990 && d.answer.Version != 0 && t.port == 21 {
				return c, "TLS"
			}
		}
	}
	return nil, ""
}
