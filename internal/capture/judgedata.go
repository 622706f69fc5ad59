package capture

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// The ways in which a transfer ends.
type ending uint8

const (
	endsWell    ending = iota
	endsUnknown        // the capture ends first, or too little is seen
	endsBadOffer
	endsRefusedOffer
	endsUnopened // the data connection did not come about
	endsStalled
	endsBroken // opened, and ended before its time
	endsRefused
)

// outcome tells how a transfer ended.
func (j *judge) outcome(d *ftpDialogue, t *transfer) ending {
	switch {
	case t.badOffer != "":
		return endsBadOffer
	case t.refused != nil:
		return endsRefusedOffer
	}
	c := t.conn()
	if c != nil && !t.passive() && j.a.fate(c) != fateOpen {
		return endsUnopened
	}
	if c != nil && t.passive() {
		switch j.a.fate(c) {
		case fateUnknown:
			return endsUnknown
		case fateOpen:
		default:
			return endsUnopened
		}
	}
	switch {
	case t.final != nil && t.final.reply.Completion():
		return endsWell
	case t.final != nil && (t.final.reply.Code == 425) && c == nil:
		return endsUnopened
	case t.final != nil && c != nil && j.brokeOff(t):
		return endsBroken
	case t.final != nil && t.final.reply.Code >= 400:
		return endsRefused
	case c == nil && t.verb != "" && d.c.last.at.Sub(t.started.at) >= stillWaiting:
		return endsUnopened
	case c != nil && t.verb != "" && d.c.last.at.Sub(c.story.idleFrom.at) >= 0 && (d.stalledAt(t) || c.story.idle >= stillWaiting):
		return endsStalled
	case t.verb == "" && c == nil && t.passive() && !d.quit && d.c.last.at.Sub(t.offered.at) >= stillWaiting:
		return endsUnopened
	}
	return endsUnknown
}

// brokeOff tells whether the data connection was reset, or its TLS failed.
func (j *judge) brokeOff(t *transfer) bool {
	c := t.conn()
	if dd, ok := c.dialogue.(*dataDialogue); ok && dd.tls != nil && !dd.tls.shaken {
		return true
	}
	return c.story.reset.packet != 0 && t.final != nil && c.story.reset.packet < t.final.m.packet && t.final.reply.Code/100 == 4
}

// stalledAt: the connection stood, and neither bytes nor a reply came.
func (d *ftpDialogue) stalledAt(t *transfer) bool {
	c := t.conn()
	last := c.last.at
	if d.c.last.at.After(last) {
		last = d.c.last.at
	}
	moved := c.story.lastData[fromServer]
	if c.story.lastData[fromClient].at.After(moved.at) {
		moved = c.story.lastData[fromClient]
	}
	if moved.packet == 0 {
		moved = c.story.synAck
	}
	return last.Sub(moved.at) >= stillWaiting
}

// data judges the data connections; false: there were none.
func (j *judge) data(t *target, sessions []*ftpDialogue) bool {
	tried := false
	byHow := map[string]map[ending][]*transfer{}
	owner := map[*transfer]*ftpDialogue{}
	for _, d := range sessions {
		for _, x := range d.transfers {
			if x.how == "" && x.verb == "" {
				continue
			}
			tried = true
			owner[x] = d
			if byHow[x.how] == nil {
				byHow[x.how] = map[ending][]*transfer{}
			}
			e := j.outcome(d, x)
			byHow[x.how][e] = append(byHow[x.how][e], x)
		}
	}
	offered := map[string]bool{} // the passive modes that were offered to anybody
	works := map[netip.Addr]string{}
	for _, d := range sessions {
		server := d.c.server.Addr()
		for _, x := range d.transfers {
			if !x.passive() {
				continue
			}
			offered[x.how] = true
			if works[server] != "PASV" && j.outcome(d, x) == endsWell {
				works[server] = x.how
			}
		}
	}
	asked := slices.ContainsFunc(sessions, func(d *ftpDialogue) bool {
		return slices.ContainsFunc(d.answers, func(y *ftpAnswer) bool { return y.verb == "PASV" })
	})
	for _, d := range sessions {
		j.refusedModes(d, offered, asked)
		j.passiveSwallowed(d, sessions)
	}
	for _, d := range sessions {
		for _, x := range d.transfers {
			if x.how == "PASV" {
				j.announced(d, x, j.outcome(d, x), len(byHow["PASV"][endsWell]) > 0 || len(byHow["EPSV"][endsWell]) > 0)
			}
		}
	}
	for _, d := range sessions {
		for _, x := range d.transfers {
			j.transfer(t, d, x, j.outcome(d, x), works[d.c.server.Addr()])
		}
	}
	j.hiddenData(t, sessions)
	return tried
}

// refusedModes judges refusals of PASV and EPSV; fine are the modes that were
// offered in some session, asked tells that somebody sent PASV.
func (j *judge) refusedModes(d *ftpDialogue, fine map[string]bool, asked bool) {
	for _, x := range d.answers {
		if x.verb != "PASV" && x.verb != "EPSV" || x.reply.Code < 400 || strings.EqualFold(x.arg, "ALL") || fine[x.verb] {
			continue
		}
		other := map[string]string{"PASV": "EPSV", "EPSV": "PASV"}[x.verb]
		text := x.reply.String()
		tell := func(def *finding.Def, conf finding.Confidence) *finding.Finding {
			return j.saw(j.about(def, conf, d.c).With("reply", text), "the answer to the request", x.String(), x.m)
		}
		words := j.worded(d.dialogueUpTo(x.m), finding.DataPassiveDisabled, finding.Confirmed, d.c, "data", "service")
		oops := strings.ToLower(text)
		switch {
		case words.Code == finding.DataPortsExhausted.Code || x.reply.Code == 425 || x.reply.Code == 451 || strings.Contains(oops, "vsf_sysutil_bind") || strings.Contains(oops, "priv_sock_get_int"):
			j.find(tell(finding.DataPortsExhausted, finding.Confirmed).As(finding.Error).Stop())
		case words.Code.Layer() == "service" && (x.reply.Code == 421 || x.reply.Code == 500):
			j.find(tell(finding.Lookup(words.Code), words.Confidence).Stop())
		case fine[other] && x.verb == "EPSV" && d.c.server.Addr().Is4():
			if x.reply.Permanent() { // PASV serves
				j.find(tell(finding.DataEPSVUnsupported, finding.Confirmed).As(finding.Notice))
			}
		case fine[other]:
			j.find(tell(finding.DataPASVBroken, finding.Confirmed))
		case d.c.server.Addr().Is6():
			j.find(tell(finding.DataEPSVUnsupported, finding.Confirmed).As(finding.Error).Stop())
		case x.verb == "PASV" || !asked:
			j.find(tell(finding.DataPassiveDisabled, finding.Confirmed).Stop())
		}
	}
}

// passiveSwallowed: EPSV brings no reply, and other words do.
func (j *judge) passiveSwallowed(d *ftpDialogue, sessions []*ftpDialogue) {
	if d.secure != nil || len(d.waiting) == 0 {
		return
	}
	w := d.waiting[0]
	if w.verb != "EPSV" || d.c.last.at.Sub(w.m.at) < stillWaiting {
		return
	}
	works := slices.ContainsFunc(sessions, func(o *ftpDialogue) bool {
		return slices.ContainsFunc(o.transfers, func(x *transfer) bool { return x.how == "PASV" && x.final != nil && x.final.reply.Completion() })
	})
	f := j.about(finding.DataEPSVBroken, finding.Likely, d.c).As(finding.Error)
	if works {
		f.Confidence = finding.Confirmed
	}
	j.find(j.saw(f, "no reply to this command", "EPSV", w.m))
}

// announced compares the address that PASV names with that of the control
// connection, with the eyes of a client that believes it.
func (j *judge) announced(d *ftpDialogue, x *transfer, e ending, worksOtherwise bool) {
	peer := d.c.server.Addr()
	say := func(def *finding.Def, conf finding.Confidence) *finding.Finding {
		f := j.about(def, conf, d.c).As(finding.Error).With("reply", x.reply)
		if x.announced.IsValid() {
			f.With("announced", x.announced.String())
		}
		j.saw(f, "the answer to PASV", x.reply, x.offered)
		return f.Saw("address of the control connection's peer", peer.String(), "the capture")
	}
	if x.badOffer != "" {
		j.find(say(finding.DataPassiveBadAddress, finding.Confirmed).Saw("what breaks the protocol", x.badOffer, "the capture"))
		return
	}
	a := x.announced.Addr()
	if a == peer || !a.IsValid() {
		return
	}
	if !usable(a, peer) {
		j.find(say(finding.DataPassiveBadAddress, finding.Confirmed))
		return
	}
	c := x.conn()
	went := j.connectionTo(d, x, a)
	switch {
	case went != nil && j.a.fate(went) == fateOpen && (!isPrivate(a) || isPrivate(peer)):
		return // a server with several addresses
	case went != nil && j.a.fate(went) == fateOpen && e == endsWell && c == went:
		return
	}
	def := finding.DataPassiveWrongAddress
	if isPrivate(a) && (!isPrivate(peer) || !sameNetwork(a, d.c.client.Addr())) {
		def = finding.DataPassivePrivateAddress
	}
	f := say(def, finding.Likely)
	if went != nil {
		j.saw(f, "connecting to the address that PASV names", x.announced.String()+": "+fateWord(j.a.fate(went)), went.first)
	}
	if c != nil && c != went && j.a.fate(c) == fateOpen {
		f.Confidence = finding.Confirmed
		j.saw(f, "the same port at the peer's address", c.server.String()+": ok", c.story.synAck)
	} else if worksOtherwise && def == finding.DataPassivePrivateAddress {
		f.Confidence = finding.Confirmed
	} else {
		f.Or(finding.DataPassiveFiltered, "the passive ports may be blocked as well").
			Or(finding.ConfigNATAddressMissing, "the server was never told its public address").
			DecideBy("from outside of the server's network: ftpdoctor check {target}")
	}
	j.find(f)
}

func fateWord(f fate) string {
	switch f {
	case fateOpen:
		return "ok"
	case fateRefused:
		return "RST"
	case fateICMP:
		return "ICMP"
	default:
		return finding.Say("no answer")
	}
}

// connectionTo finds an attempt at exactly the address that was announced.
func (j *judge) connectionTo(d *ftpDialogue, x *transfer, a netip.Addr) *conn {
	for _, c := range j.a.conns {
		if c.server.Addr() == a && c.server.Port() == x.announced.Port() && c.client.Addr() == d.c.client.Addr() && c.first.packet > x.offered.packet {
			return c
		}
	}
	return nil
}

// transfer judges one transfer that did not end well.
func (j *judge) transfer(t *target, d *ftpDialogue, x *transfer, e ending, works string) {
	switch e {
	case endsUnopened:
		if x.passive() {
			j.unopenedPassive(t, d, x, works)
		} else if x.how != "" {
			j.unopenedActive(d, x)
		}
	case endsRefusedOffer:
		j.refusedActive(d, x)
	case endsStalled:
		j.stalled(t, d, x)
	case endsBroken:
		j.broken(t, d, x)
	case endsRefused:
		j.refusedTransfer(d, x)
	case endsWell, endsUnknown, endsBadOffer:
	}
}

// unopenedPassive: the port that the server named can't be reached.
func (j *judge) unopenedPassive(t *target, d *ftpDialogue, x *transfer, works string) {
	c := x.conn()
	if c == nil {
		if went := j.connectionTo(d, x, x.announced.Addr()); went != nil {
			c = went
		}
	}
	if a := x.announced.Addr(); x.how == "PASV" && a != d.c.server.Addr() && (c == nil || c.server.Addr() == a) {
		return // the address is judged by itself
	}
	f := j.about(finding.DataPassiveFiltered, finding.Confirmed, d.c).As(finding.Error).With("range", strconv.Itoa(int(x.announced.Port())))
	j.saw(f, "the port that the server named", x.reply, x.offered)
	if c != nil {
		j.tellTry(f, c)
	} else {
		if x.final == nil {
			return // no client tried: nothing is known
		}
		f.Confidence = finding.Likely
		j.saw(f, "no connection to the announced port is in the capture", x.announced.String(), x.offered)
		j.saw(f, "the answer to the request", x.final.String(), x.final.m)
	}
	if works == "PASV" && x.how == "EPSV" {
		g := j.about(finding.DataEPSVBroken, finding.Confirmed, d.c).As(finding.Error)
		j.find(j.saw(g, "the port that the server named", x.reply, x.offered))
		return
	}
	if works == "EPSV" && x.how == "PASV" {
		g := j.about(finding.DataPASVBroken, finding.Confirmed, d.c).As(finding.Error)
		j.find(j.saw(g, "the port that the server named", x.reply, x.offered))
		return
	}
	if d.c.server.Port() != 21 {
		f.Confidence = finding.Likely
		f.Or(finding.DataPassiveFiltered, "a packet filter does not let the passive ports in").
			Or(finding.DataHelperMissing, "a firewall opens these ports only for control connections on port 21")
	}
	if c != nil && j.a.fate(c) == fateRefused {
		f.Confidence = finding.Likely
		f.Or(finding.DataPassiveFiltered, "a packet filter does not let the passive ports in").
			Or(finding.DataSourceMismatch, "the server closes the port before we come")
	}
	j.find(f.Stop().DecideBy("on the server: list its passive range and its packet filter; on each firewall on the way: is the range let through"))
	_ = t
}

// unopenedActive: the server's connection did not arrive, or was refused.
func (j *judge) unopenedActive(d *ftpDialogue, x *transfer) {
	f := j.about(finding.DataActiveBlocked, finding.Confirmed, d.c).As(finding.Error).Stop().With("announced", x.announced.String())
	j.saw(f, "the address that the client names", x.reply, x.offered)
	if x.final != nil {
		f.With("reply", x.final.reply.String())
		j.saw(f, "the answer to the request", x.final.String(), x.final.m)
	}
	if c := x.conn(); c != nil {
		j.tellTry(f, c)
	} else {
		j.saw(f, "no connection to the announced port is in the capture", x.announced.String(), x.offered)
	}
	if isPrivate(x.announced.Addr()) && !isPrivate(d.c.server.Addr()) {
		f.Saw("the address that we name is private, and the server's is not", x.announced.Addr().String()+" / "+d.c.server.Addr().String(), "the capture")
		g := j.about(finding.DataActivePrivateAddress, finding.Possible, d.c).As(finding.Notice).With("announced", x.announced.String())
		j.find(j.saw(g, "the address that we name is private, and the server's is not", x.announced.Addr().String()+" / "+d.c.server.Addr().String(), x.offered))
	}
	j.find(f)
}

// refusedActive: the server takes no PORT.
func (j *judge) refusedActive(d *ftpDialogue, x *transfer) {
	text := x.refused.reply.String()
	if isPrivate(x.announced.Addr()) && !isPrivate(d.c.server.Addr()) {
		f := j.about(finding.DataActivePrivateAddress, finding.Likely, d.c).As(finding.Error).Stop().With("announced", x.announced.String()).With("reply", text)
		j.saw(f, "the answer to the request", x.reply+" → "+text, x.refused.m)
		j.find(f.Or(finding.DataActivePrivateAddress, "the server sees us under another address and refuses the one that we name").
			Or(finding.DataActiveRefused, "the server allows no active mode").
			DecideBy("try active mode from a machine on the server's network; or use passive mode"))
		return
	}
	f := j.about(finding.DataActiveRefused, finding.Confirmed, d.c).As(finding.Error).Stop().With("reply", text)
	j.find(j.saw(f, "the answer to the request", x.reply+" → "+text, x.refused.m))
}

// stalled: the data connection stood, and nothing came to an end.
func (j *judge) stalled(t *target, d *ftpDialogue, x *transfer) {
	c := x.conn()
	n := c.story.bytes[0] + c.story.bytes[1]
	if largeLost(c) || j.smallPassed(t, c) {
		f := j.about(finding.RouteMTUBlackhole, finding.Likely, d.c).As(finding.Error).Stop()
		j.find(j.tellLarge(f, c))
		return
	}
	if x.prelim == nil && n == 0 && x.final == nil && d.c.story.unacked[fromClient] == 0 {
		return
	}
	ended := c.story.fin[fromServer].packet != 0 || c.story.fin[fromClient].packet != 0
	if n > 0 && ended { // all came, and the control connection did not live to tell
		f := j.about(finding.NetIdleTimeout, finding.Likely, d.c).As(finding.Error).With("seconds", seconds(c.last.at.Sub(c.first.at)))
		j.saw(f, "the data connection", finding.Say("%s bytes in %s", strconv.FormatInt(n, 10), human(c.last.at.Sub(c.first.at))), c.last)
		j.saw(f, "the control connection after it", finding.Say("no answer"), d.c.last)
		j.find(f.Or(finding.NetIdleTimeout, "a box on the way forgets the control connection while it is idle").
			Or(finding.ServiceAborts, "the server's process for this session died").
			DecideBy("transfer a small file: if its end is confirmed, it is the idle time; on the server: read the log"))
		return
	}
	f := j.about(finding.DataStalled, finding.Likely, d.c).As(finding.Error).Stop().With("bytes", strconv.FormatInt(n, 10)).With("seconds", seconds(c.story.idle))
	j.find(j.saw(f, "the data connection", finding.Say("%s bytes, then nothing", strconv.FormatInt(n, 10)), c.last))
}

// largeLost: large segments never came through though they were sent again, and
// small ones did.
func largeLost(c *conn) bool {
	s := &c.story
	for _, from := range []side{fromClient, fromServer} {
		if s.lostLarge[from] >= smallSegment && s.largest[from] < s.lostLarge[from] && s.opened.packet != 0 {
			return true
		}
	}
	return false
}

// smallPassed: with a small segment size the same service gets through what it
// does not with a large one.
func (j *judge) smallPassed(t *target, bad *conn) bool {
	if bad.story.mss[fromClient] <= smallSegment {
		return false
	}
	for _, h := range t.hosts {
		for _, c := range slices.Concat(h.tries, h.data) {
			s := &c.story
			if s.mss[fromClient] != 0 && s.mss[fromClient] <= smallSegment && s.bytes[fromServer] > bad.story.bytes[fromServer] && s.bytes[fromServer] > smallSegment {
				return true
			}
		}
	}
	return false
}

func (j *judge) tellLarge(f *finding.Finding, c *conn) *finding.Finding {
	s := &c.story
	for _, from := range []side{fromClient, fromServer} {
		if s.lostLarge[from] > 0 {
			j.saw(f, "segments of this size are sent again and never acknowledged", strconv.Itoa(s.lostLarge[from]), s.lastData[from])
		}
		if s.largest[from] > 0 {
			j.saw(f, "the largest segment that came through", strconv.Itoa(s.largest[from]), s.opened)
		}
	}
	return j.saw(f.With("mss", strconv.Itoa(smallSegment)), "size of segments that both sides announce", strconv.Itoa(int(s.mss[0]))+" / "+strconv.Itoa(int(s.mss[1])), s.synAck)
}

// broken: the data connection ended before its time.
func (j *judge) broken(t *target, d *ftpDialogue, x *transfer) {
	text := x.final.reply.String()
	dd, _ := x.conn().dialogue.(*dataDialogue)
	layers := []string{"tls", "file", "service"}
	if dd == nil || dd.tls == nil {
		layers = []string{"file", "service", "data/stalled"}
	}
	words := j.worded(d.dialogueUpTo(x.final.m), finding.DataStalled, finding.Likely, d.c, layers...)
	if dd != nil && dd.tls != nil {
		def, conf := finding.TLSDataHandshakeFailed, finding.Confirmed
		if words.Code == finding.TLSDataSessionReuseRequired.Code || x.final.reply.Code == 522 {
			def, conf = finding.TLSDataSessionReuseRequired, finding.Likely
		}
		f := j.about(def, conf, d.c).As(finding.Error).With("reply", text)
		j.find(j.saw(f, "the answer to the request", x.final.String(), x.final.m))
		return
	}
	f := words
	if f.Code.Layer() == "net" || f.Code.Layer() == "tls" {
		f = j.about(finding.DataStalled, finding.Likely, d.c)
	}
	f = j.bySigns(d, x.final, f)
	f.Severity = max(f.Severity, finding.Error)
	j.find(j.saw(f.With("reply", text), "the answer to the request", x.final.String(), x.final.m))
	_ = t
}

// refusedTransfer: the server says why nothing moved.
func (j *judge) refusedTransfer(d *ftpDialogue, x *transfer) {
	code := x.final.reply.Code
	switch code {
	case 425, 426, 421, 522, 521, 536:
	default:
		return // of files: judged with them
	}
	def := finding.DataSourceMismatch
	switch code {
	case 426:
		def = finding.DataStalled
	case 421:
		def = finding.ServiceUnavailable
	case 522, 521, 536:
		def = finding.TLSDataProtectionRefused
	}
	f := j.worded(d.dialogueUpTo(x.final.m), def, finding.Likely, d.c, "data", "tls", "service", "file")
	if f.Code == finding.DataPassiveFiltered.Code || f.Code == finding.DataActiveBlocked.Code {
		f = j.about(def, finding.Likely, d.c) // it did arrive
	}
	f.Severity = max(f.Severity, finding.Error)
	if code == 425 && def == finding.DataSourceMismatch && f.Code == def.Code && len(f.Candidates) == 0 {
		f.Or(finding.DataSourceMismatch, "the server does not take the data connection for ours").
			Or(finding.DataPassiveFiltered, "a box on the way accepted the data connection in the server's name").
			DecideBy("on the server: does the data connection arrive (ss -tn), and from which address")
	}
	j.find(j.saw(f.Stop().With("reply", x.final.reply.String()), "the answer to the request", x.final.String(), x.final.m))
}

// hiddenData judges connections beside an encrypted control connection: what
// was announced is not to be seen, what was tried is.
func (j *judge) hiddenData(t *target, sessions []*ftpDialogue) {
	var controls []*conn
	for _, d := range sessions {
		if d.secure != nil && d.secure.shaken {
			controls = append(controls, d.c)
		}
	}
	for _, d := range dialogues[*tlsDialogue](t) {
		if d.c.server.Port() == t.port && d.shaken {
			controls = append(controls, d.c)
		}
	}
	if len(controls) == 0 {
		return
	}
	var good, bad, failed []*conn
	for _, h := range t.hosts {
		for _, c := range t.others(h) {
			if c.server.Port() < 1024 || slices.Contains(servicePorts, c.server.Port()) || c.server.Port() == 64999 || !during(c, controls) {
				continue
			}
			switch j.a.fate(c) {
			case fateOpen:
				if d, ok := c.dialogue.(*tlsDialogue); ok && !d.shaken {
					failed = append(failed, c)
				} else if ok || c.story.bytes[0]+c.story.bytes[1] > 0 {
					good = append(good, c)
				}
			case fateSilent, fateRefused, fateICMP:
				bad = append(bad, c)
			case fateUnknown:
			}
		}
	}
	if len(bad) > 0 && len(good) == 0 {
		c := bad[0]
		f := j.about(finding.DataPassiveFiltered, finding.Likely, c).As(finding.Error).Stop().With("range", strconv.Itoa(int(c.server.Port())))
		j.tellTry(f, c)
		j.find(f.Or(finding.DataPassiveFiltered, "a packet filter does not let the passive ports in").
			Or(finding.DataHelperMissing, "a firewall opens these ports only when it can read the control connection, and TLS hides it").
			Or(finding.DataPassivePrivateAddress, "the server announces an address that can't be reached from here").
			DecideBy("on the server: list its passive range and its packet filter; on each firewall on the way: is the range let through"))
	}
	j.hiddenElsewhere(t, controls, len(good) > 0)
	j.hiddenReuse(good)
	if len(failed) > 0 {
		c := failed[0]
		d := c.dialogue.(*tlsDialogue)
		resumed := slices.ContainsFunc(good, func(o *conn) bool { return o.dialogue.(*tlsDialogue).offered.Resuming })
		def := finding.TLSDataHandshakeFailed
		if len(good) > 0 && d.offered != nil && !d.offered.Resuming && resumed {
			def = finding.TLSDataSessionReuseRequired
		}
		if c.story.reset.packet == 0 && d.offered != nil && len(good) > 0 && def == finding.TLSDataHandshakeFailed {
			return
		}
		f := j.about(def, finding.Likely, c).As(finding.Error)
		j.find(j.saw(f, "the TLS handshake of a data connection", d.sum(), c.last))
	}
}

// hiddenReuse: of the data connections beside an encrypted control connection
// those that resume a session carry data, and those that do not carry none.
// TLS 1.3 sends tickets of its own, so that only older versions tell.
func (j *judge) hiddenReuse(all []*conn) {
	var carries, empty *tlsDialogue
	for _, c := range all {
		d, ok := c.dialogue.(*tlsDialogue)
		if !ok || d.offered == nil || !d.shaken || d.tls13() {
			continue
		}
		moved := d.recorded[0]+d.recorded[1] > 0
		switch {
		case d.answer.Resumed && moved:
			carries = d
		case !d.answer.Resumed && !moved:
			empty = d
		case !d.answer.Resumed && moved:
			return // it works without
		}
	}
	if carries == nil || empty == nil {
		return
	}
	f := j.about(finding.TLSDataSessionReuseRequired, finding.Likely, empty.c).As(finding.Error)
	j.saw(f, "a data connection that resumes the session of the control connection", finding.Say("%s bytes", strconv.FormatInt(carries.recorded[0]+carries.recorded[1], 10)), carries.doneAt)
	j.find(j.saw(f, "a data connection that does not", finding.Say("%s bytes", "0"), empty.c.last).
		Or(finding.TLSDataSessionReuseRequired, "the server wants the data connection to resume the TLS session").
		Or(finding.TLSDataHandshakeFailed, "TLS on the data connection fails otherwise").
		DecideBy("ftpdoctor check {target} tries data connections with and without resumption"))
}

// hiddenElsewhere: beside an encrypted control connection the client tries a
// private address that nobody looked up.
func (j *judge) hiddenElsewhere(t *target, controls []*conn, works bool) {
	for _, c := range j.a.conns {
		a := c.server.Addr()
		if c.expected != nil || c.server.Port() < 1024 || slices.ContainsFunc(t.hosts, func(h *host) bool { return h.addr == a }) || !during(c, controls) ||
			j.a.fate(c) == fateOpen || j.a.names.nameOf(a) != "" || c.client.Addr() != controls[0].client.Addr() {
			continue
		}
		def := finding.DataPassiveWrongAddress
		if isPrivate(a) && !isPrivate(controls[0].server.Addr()) {
			def = finding.DataPassivePrivateAddress
		}
		f := j.about(def, finding.Likely, controls[0]).As(finding.Error).With("announced", c.server.String())
		j.tellTry(f, c)
		if works {
			f.Confidence = finding.Confirmed
		}
		j.find(f.Saw("address of the control connection's peer", controls[0].server.Addr().String(), "the capture"))
		return
	}
}

// during: while one of the control connections was open.
func during(c *conn, controls []*conn) bool {
	return slices.ContainsFunc(controls, func(o *conn) bool {
		return c.first.packet > o.first.packet && !c.first.at.After(o.last.at.Add(time.Second)) && c.client.Addr() == o.client.Addr()
	})
}
