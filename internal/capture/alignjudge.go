package capture

import (
	"slices"
	"strconv"

	"ftpdoctor/internal/finding"
)

// Apply adds to a report what both captures prove together, and strikes out
// what they rule out.
func (al *Alignment) Apply(r *finding.Report) {
	for _, c := range al.unmet {
		al.neverArrived(r, c)
	}
	for _, p := range al.Pairs {
		al.handshake(r, p)
		al.forged(r, p)
		al.large(r, p)
	}
	al.loss(r)
	r.Conclude()
}

const (
	sourceClient = "the capture at the client"
	sourceServer = "the capture at the server"
)

// numbered names a packet as Wireshark does.
func numbered(n int) string {
	if n == 0 {
		return ""
	}
	return "#" + strconv.Itoa(n)
}

func aboutConn(d *finding.Def, conf finding.Confidence, c *conn) *finding.Finding {
	a := c.server.Addr().String()
	return finding.New(d, conf).With("host", a).With("address", a).With("peer", a).With("port", strconv.Itoa(int(c.server.Port())))
}

// add puts a finding in, in place of one of the same code and of those that it
// rules out.
func add(r *finding.Report, f *finding.Finding, out ...*finding.Def) {
	for _, g := range r.Findings {
		if g.Code == f.Code {
			g.Confidence, g.Candidates, g.Decide = max(g.Confidence, f.Confidence), f.Candidates, f.Decide
			g.Evidence = append(g.Evidence, f.Evidence...)
			for k, v := range f.Args {
				if g.Args[k] == "" {
					g.With(k, v)
				}
			}
			f = nil
			break
		}
	}
	if f != nil {
		r.Findings = append(r.Findings, f)
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(g *finding.Finding) bool {
		return slices.ContainsFunc(out, func(d *finding.Def) bool { return d.Code == g.Code })
	})
}

// neverArrived: the other capture covers the time, and shows nothing of it.
func (al *Alignment) neverArrived(r *finding.Report, c *conn) {
	sent := c.server.String() + " (" + numbered(c.story.syn.packet) + ")"
	tell := func(f *finding.Finding) *finding.Finding {
		return f.Saw("the client sends a SYN", sent, sourceClient).
			Saw("the SYN does not arrive", c.server.String(), sourceServer)
	}
	if c.story.bytes != [2]int64{} && c.story.synAck.packet == 0 {
		return
	}
	switch {
	case c.story.synAck.packet != 0:
		f := tell(aboutConn(finding.NetTransparentProxy, finding.Confirmed, c)).
			Saw("somebody else answers in the server's name", "SYN-ACK "+numbered(c.story.synAck.packet), sourceClient)
		add(r, f)
	case c.story.reset.packet != 0 && c.story.resetFrom == fromServer:
		f := tell(aboutConn(finding.NetPortRejected, finding.Confirmed, c).Stop()).
			Saw("somebody else answers in the server's name", "RST "+numbered(c.story.reset.packet), sourceClient)
		add(r, f, finding.ServiceRefused, finding.ServiceNotRunning)
	case len(c.story.icmp) > 0: // the sender has given its name
	case len(al.Pairs) > 0:
		add(r, tell(aboutConn(finding.NetPortFiltered, finding.Confirmed, c).Stop()), finding.ServiceBacklogFull, finding.NetHostDown)
	default:
		add(r, tell(aboutConn(finding.NetPortFiltered, finding.Likely, c).Stop()).
			Or(finding.NetPortFiltered, "a filter between the two captures drops what comes to this port").
			Or(finding.RouteBlackhole, "a router between the two captures drops everything for this host").
			DecideBy("from where the client's capture was made: ftpdoctor check {target}, which tries other ports of the host"),
			finding.ServiceBacklogFull, finding.NetHostDown)
	}
}

// handshake: the SYN arrived, and what became of the answer.
func (al *Alignment) handshake(r *finding.Report, p *Pair) {
	here, there := &p.here.story, &p.there.story
	if here.synAck.packet != 0 || here.reset.packet != 0 || here.bytes[fromServer] > 0 || there.syn.packet == 0 || len(here.icmp) > 0 {
		return
	}
	arrived := func(f *finding.Finding) *finding.Finding {
		return f.Saw("the SYN arrives at the server", p.there.server.String()+" ("+numbered(there.syn.packet)+")", sourceServer)
	}
	if there.synAck.packet == 0 {
		if there.reset.packet != 0 {
			return
		}
		add(r, arrived(aboutConn(finding.NetPortFiltered, finding.Likely, p.here).Stop()).
			Saw("the server does not answer", numbered(there.syn.packet), sourceServer).
			Or(finding.NetPortFiltered, "the server's own packet filter drops it").
			Or(finding.ServiceBacklogFull, "the program accepts no more connections and its queue is full").
			DecideBy("on the server: look at the listen queue (ss -ltn) and at the packet filter (nft list ruleset)"),
			finding.NetHostDown, finding.RouteBlackhole)
		return
	}
	add(r, arrived(aboutConn(finding.RouteAsymmetric, finding.Likely, p.here).Stop()).
		Saw("the server answers, and the answer does not come back", "SYN-ACK "+numbered(there.synAck.packet), sourceServer).
		Or(finding.RouteAsymmetric, "answers leave the server by another way and are dropped there").
		Or(finding.NetPortFiltered, "a filter on the way back drops the answers").
		DecideBy("on the server: which way do answers take (ip route get), and is that the way on which the questions came"),
		finding.NetPortFiltered, finding.NetHostDown, finding.ServiceBacklogFull)
}

// forged: somebody between the two speaks in the name of one of them.
func (al *Alignment) forged(r *finding.Report, p *Pair) {
	for i, w := range []*Way{&p.ToClient, &p.ToServer} {
		source := sourceClient
		if i == 1 {
			source = sourceServer
		}
		for _, x := range w.Forged {
			def := finding.NetInspectionReset
			var out []*finding.Def
			switch {
			case x.What == "SYN-ACK":
				def = finding.NetTransparentProxy
			case x.What != "RST":
				continue
			case p.here.story.synAck.packet == 0:
				def, out = finding.NetPortRejected, []*finding.Def{finding.ServiceRefused, finding.ServiceNotRunning}
			}
			detail := x.What + " " + numbered(x.Packet) + ", TTL " + strconv.Itoa(x.TTL)
			if x.PeerIs != 0 {
				detail += " / " + strconv.Itoa(x.PeerIs)
			}
			add(r, aboutConn(def, finding.Confirmed, p.here).Stop().
				Saw("a packet arrives that the side whose address it bears never sent", detail, source), out...)
			return
		}
	}
}

// large: segments of one size and above never arrive, smaller ones do.
func (al *Alignment) large(r *finding.Report, p *Pair) {
	for i, w := range []*Way{&p.ToClient, &p.ToServer} {
		from := []side{fromServer, fromClient}[i]
		sender := []*conn{p.there, p.here}[i]
		came := al.largest(from)
		if w.Never == 0 || w.LostSize < smallSegment || came == 0 || w.LostSize <= came || sender.story.again[from] == 0 {
			continue
		}
		source, arrival := sourceServer, sourceClient
		if i == 1 {
			source, arrival = arrival, source
		}
		add(r, aboutConn(finding.RouteMTUBlackhole, finding.Confirmed, p.here).As(finding.Error).Stop().With("mss", strconv.Itoa(smallSegment)).
			Saw("segments of this size are sent and never arrive", strconv.Itoa(w.LostSize)+" ("+numbered(w.LostAt)+")", source).
			Saw("the largest segment that arrives", strconv.Itoa(came), arrival),
			finding.DataStalled)
		return
	}
}

// largest is the size of the largest segment of a direction that arrived, in
// any connection.
func (al *Alignment) largest(from side) int {
	n := 0
	for _, p := range al.Pairs {
		w := &p.ToServer
		if from == fromServer {
			w = &p.ToClient
		}
		n = max(n, w.CameSize)
	}
	return n
}

// The share of bytes that may be lost, in percent, before it is told of, and
// before it is an error: TCP copes with little, and files take longer.
const (
	lossNotable = 1
	lossError   = 5
	lossLeast   = 20_000 // bytes lost: of few a share says nothing
)

func (al *Alignment) loss(r *finding.Report) {
	for i := range 2 {
		source := sourceServer
		if i == 1 {
			source = sourceClient
		}
		sent, lost := int64(0), int64(0)
		var worst *Pair
		var most int64
		for _, p := range al.Pairs {
			w := &p.ToClient
			if i == 1 {
				w = &p.ToServer
			}
			n := max(0, w.Sent-w.Arrived)
			sent += w.Sent
			lost += n
			if n > most {
				most, worst = n, p
			}
		}
		if worst == nil || lost < lossLeast || lost*100 < sent*lossNotable || slices.ContainsFunc(r.Findings, func(f *finding.Finding) bool { return f.Code == finding.RouteMTUBlackhole.Code }) {
			continue
		}
		f := aboutConn(finding.NetPacketLoss, finding.Confirmed, worst.here).As(finding.Warning).With("percent", strconv.FormatInt(lost*100/sent, 10))
		if lost*100 >= sent*lossError {
			f.As(finding.Error)
		}
		add(r, f.Saw("bytes that are lost between the two captures", finding.Say("%s of %s", strconv.FormatInt(lost, 10), strconv.FormatInt(sent, 10)), source))
	}
}
