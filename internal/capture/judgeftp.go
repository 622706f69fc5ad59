package capture

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
)

const (
	lateGreeting = 3 * time.Second // from which on people complain
	slowLogin    = 4 * time.Second
	stillWaiting = 2 * time.Second // a client that waits so long, and goes, waited in vain
	smallSegment = 1100            // a segment size that passes every link in use
)

// ftp judges the sessions of an FTP service.
func (j *judge) ftp(t *target, open []*conn) {
	before := len(j.findings)
	sessions := slices.DeleteFunc(dialogues[*ftpDialogue](t), func(d *ftpDialogue) bool { return d.c.server.Port() != t.port })
	for _, d := range sessions {
		j.learn(d)
	}
	greeted := j.greeting(t, open, sessions)
	j.step("greeting", "service", t.began, lastAnswer(open), before)
	if !greeted {
		return
	}
	before = len(j.findings)
	plain := slices.ContainsFunc(sessions, func(d *ftpDialogue) bool { return d.greeting != nil && d.greeting.reply.Code == 220 })
	tls := slices.DeleteFunc(dialogues[*tlsDialogue](t), func(d *tlsDialogue) bool {
		return d.c.server.Port() != t.port || plain // where a session greets, TLS at once is an experiment
	})
	for _, d := range sessions {
		if d.secure != nil {
			tls = append(tls, d.secure)
		}
	}
	for _, d := range sessions {
		j.auth(d)
		if len(d.foreign) > 0 && d.greeting != nil {
			j.find(j.saw(j.about(finding.TLSExplicitExpected, finding.Confirmed, d.c).Stop().With("reply", d.greeting.String()),
				"the port greets in clear text", d.greeting.String(), d.greeting.m))
		}
	}
	if len(tls) > 0 {
		j.handshakes(t, tls)
		j.step("tls", "tls", tls[0].began, tls[0].doneAt, before)
	} else if len(j.findings) > before {
		j.step("tls", "tls", moment{}, moment{}, before)
	}
	before = len(j.findings)
	said, hidden := false, false
	for _, d := range sessions {
		if d.unasked != nil {
			f := j.about(finding.NetProxyProtocol, finding.Confirmed, d.c).Stop().With("reply", d.unasked.reply.String())
			j.find(j.saw(f, "a reply behind the greeting that nothing was asked for", d.unasked.reply.String(), d.unasked.m))
		}
		said = j.login(d) || said
		hidden = hidden || d.secure != nil && d.secure.shaken
	}
	hidden = hidden || slices.ContainsFunc(tls, func(d *tlsDialogue) bool { return d.shaken })
	if said || len(j.findings) > before {
		j.step("login", "auth", t.began, lastAnswer(open), before)
	} else if hidden {
		j.unseen("login", "auth", "it is encrypted: packets do not show it")
	}
	before = len(j.findings)
	tried := j.data(t, sessions)
	if tried || len(j.findings) > before {
		j.step("data", "data", t.began, lastAnswer(open), before)
	}
	before = len(j.findings)
	for _, d := range sessions {
		j.files(d)
		j.listings(d)
	}
	if len(j.findings) > before || slices.ContainsFunc(sessions, func(d *ftpDialogue) bool { return d.movedFile() }) {
		j.step("file", "file", moment{}, moment{}, before)
	}
	j.cutSessions(t, sessions)
}

// learn keeps what a server says about itself.
func (j *judge) learn(d *ftpDialogue) {
	if j.facts.Software == "" {
		j.facts.Software = d.software
	}
	if j.facts.Features == nil {
		j.facts.Features = d.features
	}
	if d.clearPass {
		f := j.about(finding.SecurityClearTextLogin, finding.Confirmed, d.c)
		j.find(j.saw(f, "the control connection is not encrypted", "PASS ****", d.passAt))
	}
}

// greeting judges what came first, over all connections to the port; false: no
// session began.
func (j *judge) greeting(t *target, open []*conn, sessions []*ftpDialogue) bool {
	var good *ftpDialogue
	for _, d := range sessions {
		if d.greeting != nil && d.greeting.reply.Code == 220 && d.proto == "ftp" {
			good = d
			break
		}
	}
	implicit := slices.ContainsFunc(open, func(c *conn) bool {
		d, ok := c.dialogue.(*tlsDialogue)
		return ok && d.answer.Version != 0
	})
	if good == nil {
		if implicit && j.implicitExpected(open) {
			return false
		}
		if implicit || len(sessions) > 0 && sessions[0].secure != nil || midSession(sessions) {
			return true
		}
		j.noGreeting(t, open, sessions)
		return false
	}
	if x := *good.greeting; x.took >= lateGreeting && good.c.story.syn.packet != 0 {
		f := j.about(finding.ServiceSlowGreeting, finding.Likely, good.c).With("seconds", seconds(x.took))
		j.find(j.saw(f, "time until the greeting", human(x.took), x.m))
	}
	for _, defect := range good.broken {
		if defect == ftp.BareLF || defect == ftp.NonASCII {
			continue
		}
		f := j.about(finding.ServiceBadGreeting, finding.Confirmed, good.c).As(finding.Warning).With("reply", firstLine(good.greeting.reply.String()))
		j.find(j.saw(f, "what breaks the protocol", finding.Say(string(defect)), good.greeting.m))
		break
	}
	j.deafAddress(t, open, good)
	for _, d := range sessions { // refusals beside a session that began: a limit, or a moment
		if d.greeting != nil && d.greeting.reply.Code != 220 && d.greeting.m.packet > good.greeting.m.packet {
			if f := j.refusedGreeting(d); f != nil && f.Severity < finding.Critical {
				j.find(f)
			}
		}
	}
	for _, c := range open {
		if good.user != "" || good.auth || len(good.answers) > 1 {
			break // the client knew; who speaks TLS at once is an experiment
		}
		if d, ok := c.dialogue.(*tlsDialogue); ok && len(d.foreign[fromServer]) > 0 {
			f := j.about(finding.TLSExplicitExpected, finding.Confirmed, c).Stop().With("reply", firstLine(string(d.foreign[fromServer])))
			j.find(j.saw(f, "the answer to a TLS handshake", firstLine(string(d.foreign[fromServer])), c.story.lastData[fromServer]))
		}
	}
	return true
}

// deafAddress: another address of the name accepts, and no session begins there.
func (j *judge) deafAddress(t *target, open []*conn, good *ftpDialogue) {
	for _, h := range t.hosts {
		if h.addr == good.c.server.Addr() {
			continue
		}
		var there []*conn
		var said []*ftpDialogue
		for _, c := range open {
			if c.server.Addr() != h.addr {
				continue
			}
			there = append(there, c)
			if d, ok := c.dialogue.(*ftpDialogue); ok {
				said = append(said, d)
			}
		}
		greets := slices.ContainsFunc(said, func(d *ftpDialogue) bool {
			return d.greeting != nil && d.greeting.reply.Code == 220 && d.proto == "ftp"
		})
		// Who closes within a moment did not wait for a greeting.
		if len(there) > 0 && !greets && slices.ContainsFunc(there, func(c *conn) bool { return j.waited(c) >= stillWaiting || c.story.bytes[fromServer] > 0 }) {
			j.noGreeting(t, there, said)
		}
	}
}

// midSession: the capture begins within.
func midSession(all []*ftpDialogue) bool {
	return slices.ContainsFunc(all, func(d *ftpDialogue) bool { return d.c.story.syn.packet == 0 && len(d.lines) > 0 })
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }

// implicitExpected: one connection waited for a greeting in vain, and another
// one began with TLS and was answered.
func (j *judge) implicitExpected(open []*conn) bool {
	var silent, tls *conn
	for _, c := range open {
		if d, ok := c.dialogue.(*tlsDialogue); ok && d.answer.Version != 0 {
			tls = c
		}
		spoke := c.story.lastData[fromServer]
		waited := j.waited(c)
		if spoke.packet != 0 {
			waited = spoke.at.Sub(c.first.at)
		}
		if _, isTLS := c.dialogue.(*tlsDialogue); !isTLS && waited >= 1500*time.Millisecond && silent == nil {
			silent = c
		}
	}
	if tls == nil || silent == nil {
		return false
	}
	d := tls.dialogue.(*tlsDialogue)
	f := j.about(finding.TLSImplicitExpected, finding.Confirmed, tls).Stop()
	j.saw(f, "the server says nothing", human(j.waited(silent)), silent.last)
	j.find(j.saw(f, "a TLS handshake on the same port", describeAnswer(&d.answer), d.said))
	return true
}

// waited is how long a connection lived.
func (j *judge) waited(c *conn) time.Duration { return c.last.at.Sub(c.first.at) }

// noGreeting: connections came about, and no session began.
func (j *judge) noGreeting(t *target, open []*conn, sessions []*ftpDialogue) {
	for _, c := range open { // another protocol, told by its first bytes
		if proto, first := j.spoken(c); proto != "" {
			if proto == "TLS" {
				j.find(j.saw(j.about(finding.TLSImplicitExpected, finding.Likely, c).Stop(), "the first bytes are a TLS record", first, c.first))
				return
			}
			f := j.about(finding.ServiceOtherProtocol, finding.Confirmed, c).Stop().With("protocol", proto).With("reply", first)
			j.find(j.saw(f, "the first bytes", first, c.story.lastData[fromServer]))
			return
		}
	}
	for _, d := range sessions {
		if d.greeting == nil {
			continue
		}
		if f := j.refusedGreeting(d); f != nil {
			j.find(f.Stop())
			return
		}
	}
	if f := j.acceptsAll(t, open); f != nil {
		j.find(f)
		return
	}
	for _, c := range open {
		s := &c.story
		if s.synAck.packet != 0 && s.bytes[fromServer] == 0 && (s.reset.packet != 0 && s.resetFrom == fromServer || s.fin[fromServer].packet != 0 && (s.fin[fromClient].packet == 0 || s.fin[fromServer].packet < s.fin[fromClient].packet)) {
			j.find(j.closedUnheard(t, c))
			return
		}
	}
	for _, c := range open {
		if j.waited(c) < stillWaiting && len(open) < 3 || c.story.bytes[fromServer] > 0 {
			continue
		}
		if largeLost(c) {
			f := j.about(finding.RouteMTUBlackhole, finding.Likely, c).Stop()
			j.find(j.tellLarge(f, c))
			return
		}
		f := j.about(finding.ServiceHung, finding.Likely, c).Stop().With("seconds", seconds(j.waited(c)))
		j.saw(f, "the connection was accepted, and nothing came", human(j.waited(c)), c.last)
		f.Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.ServiceSlowGreeting, "the server may wait still longer for its resolver or for ident").
			Or(finding.TLSImplicitExpected, "TLS must come first on this port").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
		j.find(f)
		return
	}
}

// spoken names another protocol than FTP by the first bytes of the server.
func (j *judge) spoken(c *conn) (proto, first string) {
	switch d := c.dialogue.(type) {
	case *sshDialogue:
		if s := d.streams[fromServer]; s.ident != nil {
			return "SSH", identificationOf(s.first)
		}
		return protocolName(d.streams[fromServer].first), firstLine(string(d.streams[fromServer].first))
	case *httpDialogue:
		if len(d.exchanges) > 0 {
			return "HTTP", d.exchanges[0].proto + " " + strconv.Itoa(d.exchanges[0].status)
		}
	case *ftpDialogue:
		if d.greeting != nil && d.proto != "ftp" && d.proto != "text" {
			return protocolName(d.greeting.reply.Raw), firstLine(string(d.greeting.reply.Raw))
		}
	case *tlsDialogue:
		return protocolName(d.foreign[fromServer]), firstLine(string(d.foreign[fromServer]))
	}
	return "", ""
}

// protocolName names a protocol that is not FTP; empty: FTP, or unknown.
func protocolName(first []byte) string {
	switch p := ftp.Protocol(first); p {
	case "", "ftp", "text", "binary":
		return ""
	default:
		return strings.ToUpper(p)
	}
}

// refusedGreeting judges a greeting that is none.
func (j *judge) refusedGreeting(d *ftpDialogue) *finding.Finding {
	x := d.greeting
	text := x.reply.String()
	if x.reply.Code == 0 || x.reply.Code == 220 {
		if x.reply.Code == 220 {
			return nil
		}
		f := j.about(finding.ServiceBadGreeting, finding.Confirmed, d.c).With("reply", firstLine(string(x.reply.Raw)))
		return j.saw(f, "the first bytes", strconv.Quote(firstLine(string(x.reply.Raw))), x.m)
	}
	def := finding.ServiceUnavailable
	if x.reply.Permanent() || x.reply.Code < 400 && x.reply.Code != 120 {
		def = finding.ServiceBadGreeting
	}
	if x.reply.Code == 530 {
		def = finding.NetSourceNotAllowed
	}
	if strings.Contains(text, "OOPS") {
		def = finding.ServiceAborts
	}
	f := j.worded(d.dialogueUpTo(x.m), def, finding.Confirmed, d.c, "service", "net/source-not-allowed", "auth/banned", "auth/user-denied", "auth/chroot-writable", "tls/no-certificate").As(finding.Critical)
	return j.saw(f.With("reply", text), "the greeting", text, x.m)
}

// acceptsAll: ports that nobody serves accept too.
func (j *judge) acceptsAll(t *target, open []*conn) *finding.Finding {
	var ports []string
	for _, h := range t.hosts {
		for _, c := range t.others(h) {
			p := strconv.Itoa(int(c.server.Port()))
			if !slices.Contains(servicePorts, c.server.Port()) && c.story.synAck.packet != 0 && !slices.Contains(ports, p) {
				ports = append(ports, p)
			}
		}
	}
	if len(ports) < 2 {
		return nil
	}
	f := j.about(finding.NetTransparentProxy, finding.Confirmed, open[0]).Stop()
	j.saw(f, "the connection was accepted, and nothing came", human(j.waited(open[0])), open[0].last)
	return f.Saw("ports that are surely closed accept too", strings.Join(ports, ", "), "the capture")
}

// closedUnheard: accepted, then ended without a word.
func (j *judge) closedUnheard(t *target, c *conn) *finding.Finding {
	s := &c.story
	end, how := s.fin[fromServer], "FIN"
	if s.reset.packet != 0 && s.resetFrom == fromServer {
		end, how = s.reset, "RST"
	}
	waited := end.at.Sub(c.first.at)
	f := j.about(finding.NetSourceNotAllowed, finding.Likely, c).Stop()
	j.saw(f, "the connection was accepted and ended without a word", finding.Say("%s after %s", how, human(waited)), end)
	if waited > 4700*time.Millisecond && waited < 6500*time.Millisecond {
		j.saw(f, "the delay of 5 s is that of tcp_wrappers and of reverse look-ups", human(waited), end)
	}
	if how == "RST" && s.synAckTTL != 0 && s.resetTTL != s.synAckTTL {
		g := j.about(finding.NetInspectionReset, finding.Likely, c).Stop()
		return j.saw(g, "TTL of the reset and of the SYN-ACK", strconv.Itoa(int(s.resetTTL))+" / "+strconv.Itoa(int(s.synAckTTL)), end)
	}
	if t.port == 22 {
		f.Or(finding.SSHThrottled, "the server takes no more sessions that are not logged in")
	}
	return f.Or(finding.NetSourceNotAllowed, "an allow list (tcp_wrappers, the server's own, a security group) does not name this address").
		Or(finding.ServiceFailed, "the super-server (inetd, systemd) accepts and can't start the program").
		Or(finding.ServiceTooManyConnections, "the limit on connections is reached").
		Or(finding.AuthBanned, "this address is banned after failed logins").
		Or(finding.NetProxyProtocol, "the server expects the PROXY protocol of a load balancer").
		DecideBy("on the server: read the log of the moment (journalctl -u vsftpd, /var/log/auth.log); or try from another address")
}

// worded lets the words of the server name the cause, as explain does, and
// falls back on what the code of the reply means.
// Only causes of these layers count, or these codes.
func (j *judge) worded(dialogue string, otherwise *finding.Def, conf finding.Confidence, c *conn, layers ...string) *finding.Finding {
	base := j.about(otherwise, conf, c)
	if j.a.options.Words == nil {
		return base
	}
	for _, w := range j.a.options.Words(dialogue) {
		if w.Code.Layer() == "config" { // a server that says so does not start
			w.Code = finding.ServiceAborts.Code
		}
		if !slices.Contains(layers, w.Code.Layer()) && !slices.Contains(layers, string(w.Code)) {
			continue // what a text alone would guess, the packets know better
		}
		f := j.about(finding.Lookup(w.Code), w.Confidence, c)
		for k, v := range w.Args {
			if f.Args[k] == "" {
				f.With(k, v)
			}
		}
		f.Candidates, f.Decide = w.Candidates, w.Decide
		return f
	}
	return base
}

// dialogueUpTo renders the session as curl -v would show it, up to a packet,
// leaving out the refusals of what a client may do without.
func (d *ftpDialogue) dialogueUpTo(m moment) string {
	var b strings.Builder
	b.WriteString("* Connected to " + d.c.server.Addr().String() + " (" + d.c.server.Addr().String() + ") port " + strconv.Itoa(int(d.c.server.Port())) + "\n")
	refused := map[string]bool{}
	for _, l := range d.lines {
		if l.kind == aReply && l.bad && l.m != m {
			refused[l.verb] = true
		}
	}
	for _, l := range d.lines {
		if l.m.packet > m.packet {
			break
		}
		switch l.kind {
		case aCommand:
			if refused[l.verb] && (l.verb == "AUTH" || l.verb == "EPSV" || l.verb == "FEAT" || l.verb == "SYST" || l.verb == "OPTS" || l.verb == "SIZE" || l.verb == "MDTM" || l.verb == "PBSZ") {
				continue
			}
			b.WriteString("> " + l.text + "\n")
		case aReply:
			if l.bad && l.m != m {
				continue
			}
			b.WriteString("< " + l.text + "\n")
		}
	}
	return b.String()
}

// auth judges the answer to AUTH.
func (j *judge) auth(d *ftpDialogue) {
	for i, x := range d.answers {
		if x.verb != "AUTH" || x.reply.Code < 400 || d.secure != nil {
			continue
		}
		gaveUp := !slices.ContainsFunc(d.answers[i:], func(y *ftpAnswer) bool { return y.verb == "USER" || y.verb == "AUTH" && y.m != x.m })
		if !gaveUp && slices.ContainsFunc(d.answers[i+1:], func(y *ftpAnswer) bool { return y.verb == "AUTH" }) {
			continue // it tries another word
		}
		text := x.reply.String()
		def := finding.TLSNotOffered
		if x.reply.Code == 431 || x.reply.Code == 534 {
			def = finding.TLSNoCertificate
		}
		if def == finding.TLSNotOffered {
			if w := j.worded(d.dialogueUpTo(x.m), def, finding.Confirmed, d.c, "tls", "service"); w.Code == finding.TLSNoCertificate.Code || x.reply.Code == 421 {
				def = finding.Lookup(w.Code)
			}
		}
		f := j.about(def, finding.Confirmed, d.c).With("reply", text)
		if gaveUp {
			f.As(finding.Critical).Stop()
		} else if def == finding.TLSNoCertificate {
			f.As(finding.Error)
		}
		j.find(j.saw(f, "the answer to AUTH TLS", text, x.m))
	}
	j.cut(d)
}

// cut: the connection was reset upon a command.
func (j *judge) cut(d *ftpDialogue) {
	s := &d.c.story
	if s.reset.packet == 0 || s.resetFrom != fromServer || len(d.waiting) == 0 || d.secure != nil {
		return
	}
	w := d.waiting[len(d.waiting)-1]
	if w.verb != "AUTH" && w.verb != "USER" && w.verb != "PASS" {
		return
	}
	command := strings.TrimSpace(w.verb + " " + w.arg)
	if w.verb != "AUTH" {
		command = w.verb
	}
	f := j.about(finding.NetInspectionReset, finding.Likely, d.c).Stop().With("command", command)
	j.saw(f, "the connection was reset upon this command", command, s.reset)
	if s.synAckTTL != 0 && s.resetTTL != 0 && s.resetTTL != s.synAckTTL {
		f.Confidence = finding.Confirmed
		j.saw(f, "TTL of the reset and of the SYN-ACK", strconv.Itoa(int(s.resetTTL))+" / "+strconv.Itoa(int(s.synAckTTL)), s.reset)
	} else {
		f.Or(finding.NetInspectionReset, "a box on the way does not let these words pass").
			Or(finding.ServiceAborts, "the server's process for this session died").
			DecideBy("on the server: read the log of the moment (journalctl, /var/log)")
	}
	j.find(f)
}

// login judges the answers to USER and PASS; false: nobody tried in clear.
func (j *judge) login(d *ftpDialogue) bool {
	tried := false
	for _, x := range d.answers {
		if x.verb != "USER" && x.verb != "PASS" && x.verb != "ACCT" {
			continue
		}
		tried = true
		code := x.reply.Code
		switch {
		case x.reply.Completion():
			if x.took >= slowLogin {
				f := j.about(finding.PerformanceSlowLogin, finding.Confirmed, d.c).With("seconds", seconds(x.took))
				j.find(j.saw(f, "time until the login was accepted", human(x.took), x.m))
			}
		case code == 332 || code == 336 || x.verb == "PASS" && x.reply.Intermediate():
			f := j.about(finding.AuthSecondFactorRequired, finding.Likely, d.c).Stop().With("reply", x.reply.String())
			j.find(j.saw(f, "the reply to the login", x.reply.String(), x.m))
		case code >= 400:
			j.loginRefused(d, x)
		}
	}
	if d.secure == nil && len(d.waiting) > 0 && d.greeting != nil {
		if w := d.waiting[0]; (w.verb == "USER" || w.verb == "PASS") && d.c.last.at.Sub(w.m.at) >= stillWaiting && d.c.story.reset.packet == 0 {
			tried = true
			f := j.about(finding.ServiceHung, finding.Likely, d.c).Stop().With("seconds", seconds(d.c.last.at.Sub(w.m.at)))
			j.saw(f, "no reply to the login", w.verb, w.m)
			j.find(f.Or(finding.ServiceHung, "the server waits for its user database or for PAM").
				DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
		}
	}
	return tried
}

func (j *judge) loginRefused(d *ftpDialogue, x *ftpAnswer) {
	again := slices.ContainsFunc(d.answers, func(y *ftpAnswer) bool {
		return y.m.packet > x.m.packet && (y.verb == "PASS" || y.verb == "USER") && y.reply.Completion()
	})
	if again || x.reply.Code == 503 || x.reply.Code == 500 && !strings.Contains(x.reply.String(), "OOPS") {
		return
	}
	def, conf := finding.AuthRejected, finding.Likely
	switch {
	case anonymous(d.user):
		def = finding.AuthAnonymousDisabled
	case x.verb == "USER" && x.reply.Code == 530:
		def = finding.AuthUserDenied
	case x.reply.Code == 421:
		def = finding.ServiceUnavailable
	}
	f := j.worded(d.dialogueUpTo(x.m), def, conf, d.c, "auth", "service", "tls/required", "tls/no-certificate", "net/source-not-allowed", "file/quota-exceeded")
	switch {
	case anonymous(d.user) && (f.Code == finding.AuthRejected.Code || f.Code == finding.AuthUserDenied.Code || f.Code == finding.AuthUserUnknown.Code):
		f = j.about(finding.AuthAnonymousDisabled, finding.Likely, d.c)
	case !anonymous(d.user) && x.verb == "USER" && f.Code == finding.AuthRejected.Code:
		f = j.about(finding.AuthUserDenied, finding.Likely, d.c)
	}
	if f.Code == finding.AuthUserDenied.Code && x.verb == "USER" && len(f.Candidates) == 0 {
		f.Or(finding.AuthUserDenied, "a list of the server denies this user, or does not allow it: the refusal came before the password").
			Or(finding.TLSRequired, "the server may want TLS before a login").
			DecideBy("on the server: look for the user in its lists (ftpusers, user_list) and in its log")
	}
	if f.Code == finding.AuthRejected.Code {
		j.whyRejected(f, d, x)
	}
	f.Severity = max(f.Severity, finding.Error)
	f.Stop().With("reply", x.reply.String())
	j.saw(f, "the reply to the login", x.reply.String(), x.m)
	j.find(j.saw(f, "time until the reply", human(x.took), x.m))
}

// whyRejected names what servers do not say, on purpose.
func (j *judge) whyRejected(f *finding.Finding, d *ftpDialogue, x *ftpAnswer) {
	f.Candidates = nil
	if strings.HasPrefix(strings.ToLower(d.software), "vsftpd") && x.took < 2*time.Second {
		j.saw(f, "the refusal came sooner than vsftpd refuses a wrong password", human(x.took), x.m)
	}
	f.Or(finding.AuthRejected, "user or password is wrong").
		Or(finding.AuthUserUnknown, "the account does not exist").
		Or(finding.AuthShellNotListed, "the account's login shell is not in /etc/shells").
		Or(finding.AuthAccountLocked, "the account is locked").
		Or(finding.AuthAccountExpired, "the account or its password has expired").
		Or(finding.AuthPasswordExpired, "the password has expired and must be changed").
		Or(finding.AuthUserDenied, "a list of the server denies this user").
		Or(finding.AuthPAMBroken, "the service's PAM configuration is broken").
		Or(finding.AuthHomeMissing, "the home directory can't be entered").
		Or(finding.ClientCredentialsMangled, "the password was altered on its way here (quoting, character set)").
		DecideBy("on the server: read the log of this moment (journalctl -u vsftpd -u proftpd -u pure-ftpd, /var/log/auth.log); it names the reason")
}

// movedFile tells whether a file was asked for or put.
func (d *ftpDialogue) movedFile() bool {
	return slices.ContainsFunc(d.transfers, func(t *transfer) bool { return t.verb == "RETR" || t.verb == "STOR" || t.verb == "APPE" })
}

// files judges refusals of what was wanted of files and directories.
func (j *judge) files(d *ftpDialogue) {
	for _, x := range d.answers {
		if x.reply.Code < 400 || d.secure != nil {
			continue
		}
		switch x.verb {
		case "CWD", "RETR", "STOR", "APPE", "STOU", "MKD", "DELE", "RMD", "RNFR", "RNTO":
		case "LIST", "MLSD", "NLST":
			if x.reply.Code == 500 || x.reply.Code == 502 || x.reply.Code == 501 {
				continue
			}
		default:
			continue
		}
		switch x.reply.Code {
		case 425, 426, 421, 522, 521, 536, 500, 502, 503: // of the data connection, or not known
			continue
		}
		if t := d.transferOf(x); t != nil && t.conn() != nil && j.brokeOff(t) {
			continue // the reply tells what became of the data connection
		}
		def := finding.FilePermissionDenied
		low := strings.ToLower(x.reply.String())
		if (x.verb == "CWD" || x.verb == "RETR") && !strings.Contains(low, "denied") && !strings.Contains(low, "permi") {
			def = finding.FileNotFound
		}
		f := j.worded(d.dialogueUpTo(x.m), def, finding.Likely, d.c, "file", "auth/home-missing", "host", "service/resource-exhausted", "service/aborts")
		f = j.bySigns(d, x, f)
		f.Severity = max(f.Severity, finding.Error)
		if x.verb == "DELE" || x.verb == "RNTO" || x.verb == "RNFR" {
			f.Severity = finding.Notice
		}
		j.find(j.saw(f.With("path", x.arg).With("reply", x.reply.String()), "the answer to the request", x.String(), x.m))
	}
}

// bySigns holds the words of a refusal against what else the session shows: a
// file that is listed, or has a size, is there; a server that took bytes of an
// upload has allowed it.
func (j *judge) bySigns(d *ftpDialogue, x *ftpAnswer, f *finding.Finding) *finding.Finding {
	switch {
	case x.verb == "RETR" && f.Code == finding.FileNotFound.Code && d.isThere(x.arg):
		g := j.about(finding.FilePermissionDenied, finding.Likely, d.c)
		return g.Saw("the file is in the listing, or has a size", x.arg, "the capture")
	case f.Code == finding.FilePermissionDenied.Code && f.Confidence == finding.Possible && (x.verb == "STOR" || x.verb == "APPE"):
		t := d.transferOf(x)
		if t == nil || t.conn() == nil || t.conn().story.bytes[0]+t.conn().story.bytes[1] == 0 {
			return f
		}
		return j.about(finding.FileDiskFull, finding.Likely, d.c).
			Or(finding.FileDiskFull, "a disk of the server is full").
			Or(finding.FileQuotaExceeded, "the account's quota is used up").
			Or(finding.FilePermissionDenied, "modes or owner forbid it").
			DecideBy("on the server: df -h; df -i; and: ftpdoctor check {target} --op upload")
	}
	return f
}

// isThere: the file has a size, or stands in a listing.
func (d *ftpDialogue) isThere(name string) bool {
	for _, x := range d.answers {
		if (x.verb == "SIZE" || x.verb == "MDTM") && x.reply.Code == 213 && x.arg == name {
			return true
		}
	}
	for _, t := range d.transfers {
		if c := t.conn(); c != nil && (t.verb == "LIST" || t.verb == "NLST" || t.verb == "MLSD") && name != "" {
			if dd, ok := c.dialogue.(*dataDialogue); ok && bytes.Contains(dd.head, []byte(name)) {
				return true
			}
		}
	}
	return false
}

// listings judges in what encoding the names of files are.
func (j *judge) listings(d *ftpDialogue) {
	for _, t := range d.transfers {
		c := t.conn()
		if c == nil || t.verb != "LIST" && t.verb != "NLST" && t.verb != "MLSD" {
			continue
		}
		dd, ok := c.dialogue.(*dataDialogue)
		if !ok || len(dd.head) == 0 || utf8.Valid(dd.head) {
			continue
		}
		var names [][]byte
		for l := range bytes.Lines(dd.head) {
			if !utf8.Valid(l) {
				fields := bytes.Fields(l)
				names = append(names, fields[len(fields)-1])
			}
		}
		guess, _ := ftp.NameEncoding(names)
		f := j.about(finding.ClientNameEncoding, finding.Likely, d.c).As(finding.Error).With("encoding", string(guess))
		j.find(j.saw(f, "names that are not UTF-8", finding.Say("%s of %s", strconv.Itoa(len(names)), strconv.Itoa(bytes.Count(dd.head, []byte("\n")))), dd.first[fromServer]))
		return
	}
}

func (d *ftpDialogue) transferOf(x *ftpAnswer) *transfer {
	for _, t := range d.transfers {
		if t.final != nil && t.final.m == x.m {
			return t
		}
	}
	return nil
}

// cutSessions: what ended a session from outside.
func (j *judge) cutSessions(t *target, all []*ftpDialogue) {
	for _, d := range all {
		for _, x := range d.answers {
			if x.reply.Code == 421 && d.loggedIn && (d.greeting == nil || x.m != d.greeting.m) {
				f := j.worded(d.dialogueUpTo(x.m), finding.ServiceUnavailable, finding.Likely, d.c, "service", "net/idle-timeout", "auth")
				j.find(j.saw(f.With("reply", x.reply.String()), "the server ends the session", x.reply.String(), x.m))
			}
			if x.reply.Code == 500 && strings.Contains(x.reply.String(), "OOPS") && x.verb != "PASS" && x.verb != "USER" && x.verb != "" && x.verb != "PASV" && x.verb != "EPSV" {
				f := j.worded(d.dialogueUpTo(x.m), finding.ServiceAborts, finding.Confirmed, d.c, "service", "auth", "file", "data/ports-exhausted").As(finding.Error)
				j.find(j.saw(f.Stop().With("reply", x.reply.String()), "the server ends the session", x.reply.String(), x.m))
			}
		}
	}
	_ = t
}

// usable tells whether an address can be one of a server at all.
func usable(a, peer netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && (!a.IsLoopback() || peer.IsLoopback()) && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
