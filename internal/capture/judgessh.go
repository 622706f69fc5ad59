package capture

import (
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/sshwire"
)

// ssh judges the sessions of an SSH service, up to where encryption begins.
func (j *judge) ssh(t *target, open []*conn) {
	before := len(j.findings)
	all := slices.DeleteFunc(dialogues[*sshDialogue](t), func(d *sshDialogue) bool { return d.c.server.Port() != t.port })
	good := slices.IndexFunc(all, func(d *sshDialogue) bool { return d.encrypted() })
	for _, d := range all {
		if s := &d.streams[fromServer]; s.ident != nil && j.facts.Software == "" {
			j.facts.Software = strings.ReplaceAll(strings.TrimPrefix(identificationOf(s.first), "SSH-2.0-"), "_", " ")
			j.facts.SSH = map[string]any{"identification": identificationOf(s.first)}
		}
		if d.hostKey != "" && j.facts.SSH != nil {
			j.facts.SSH["host_key"] = d.hostKey
		}
		if s := &d.streams[fromServer]; s.ident != nil && s.at.at.Sub(d.c.first.at) >= lateGreeting && d.c.story.syn.packet != 0 {
			took := s.at.at.Sub(d.c.first.at)
			f := j.about(finding.ServiceSlowGreeting, finding.Likely, d.c).With("seconds", seconds(took))
			j.find(j.saw(f, "time until the greeting", human(took), s.at))
		}
	}
	if good < 0 {
		j.sshFailed(t, open, all)
	}
	j.sshBeside(all)
	j.whoBreaks(all)
	j.step("ssh", "ssh", t.began, lastAnswer(open), before)
	if good >= 0 {
		j.unseen("ssh-login", "auth", "it is encrypted: packets do not show it")
		j.lack("SSH encrypts the login and the files: a capture does not show what becomes of them")
	}
}

// sshBeside judges what some of the connections met.
func (j *judge) sshBeside(all []*sshDialogue) {
	tried := 0
	for _, d := range all {
		if d.missing != "" && d.missing != sshwire.Kind("") {
			tried++
		}
	}
	if tried == 0 || tried < len(all) && slices.ContainsFunc(all, func(d *sshDialogue) bool { return d.encrypted() }) {
		return
	}
	for _, d := range all {
		if d.missing == "" {
			continue
		}
		c, s := d.streams[fromClient].kex, d.streams[fromServer].kex
		f := j.about(finding.SSHNoCommonAlgorithm, finding.Confirmed, d.c).As(finding.Error).Stop().With("kind", string(d.missing)).With("ciphers", strings.Join(s.Offer(d.missing), ", "))
		j.saw(f, "what the client offers", string(d.missing)+": "+cutText(strings.Join(c.Offer(d.missing), ", "), 400), d.streams[fromClient].at)
		j.find(j.saw(f, "what the server offers", string(d.missing)+": "+cutText(strings.Join(s.Offer(d.missing), ", "), 400), d.streams[fromServer].at))
		return
	}
}

// whoBreaks: the server's offer, held against those of the programs that people
// use, whoever made the connections of the capture.
func (j *judge) whoBreaks(all []*sshDialogue) {
	for _, d := range all {
		s := &d.streams[fromServer]
		if s.kex == nil {
			continue
		}
		var names []string
		var first *sshwire.Broken
		for _, b := range sshwire.WhoBreaks(s.kex) {
			names = append(names, b.Client.Name)
			people := strings.HasPrefix(b.Client.Name, "OpenSSH") || strings.HasPrefix(b.Client.Name, "PuTTY")
			if first == nil && b.Client.Common && people {
				first = &b
			}
		}
		if first == nil {
			return
		}
		f := j.about(finding.SSHNoCommonAlgorithm, finding.Confirmed, d.c).As(finding.Error).Stop().With("ciphers", strings.Join(first.ServerOffers, ", "))
		j.saw(f, "what the server offers", string(first.Kind)+": "+cutText(strings.Join(first.ServerOffers, ", "), 400), s.at)
		j.find(f.Saw("programs that can't connect", strings.Join(names, "; "), "their manuals and sources"))
		return
	}
}

// sshFailed: no connection came to encryption.
func (j *judge) sshFailed(t *target, open []*conn, all []*sshDialogue) {
	for _, c := range open {
		switch d := c.dialogue.(type) {
		case *ftpDialogue, *httpDialogue, *tlsDialogue:
			if proto, first := j.spoken(c); proto != "" {
				j.otherThanSSH(c, proto, first)
				return
			}
			if f, ok := d.(*ftpDialogue); ok && f.greeting != nil {
				j.otherThanSSH(c, "FTP", f.greeting.String())
				return
			}
		case *sshDialogue:
			if d.left != nil && d.leftBy == fromServer {
				j.sshLeft(d)
				return
			}
			s := &d.streams[fromServer]
			if s.bad || s.ident == nil && len(s.first) > 0 {
				first := firstLine(string(s.first))
				if p := protocolName(s.first); p != "" || strings.HasPrefix(first, "220") {
					if p == "" {
						p = "FTP"
					}
					j.otherThanSSH(c, p, first)
					return
				}
				def := finding.ServiceBadGreeting
				switch low := strings.ToLower(first); {
				case strings.Contains(low, "maxstartups"):
					def = finding.SSHThrottled
				case strings.Contains(low, "not allowed"):
					def = finding.NetSourceNotAllowed
				}
				f := j.about(def, finding.Confirmed, c).Stop().With("reply", first)
				j.find(j.saw(f, "the first bytes", first, s.at))
				return
			}
		}
	}
	if f := j.acceptsAll(t, open); f != nil {
		j.find(f)
		return
	}
	for _, d := range all {
		if j.sshCutShort(t, d) {
			return
		}
	}
	j.noGreeting(t, slices.DeleteFunc(slices.Clone(open), func(c *conn) bool { return c.story.bytes[fromServer] > 0 }), nil)
}

func (j *judge) otherThanSSH(c *conn, proto, first string) {
	f := j.about(finding.ServiceOtherProtocol, finding.Confirmed, c).Stop().With("protocol", proto).With("reply", first)
	j.find(j.saw(f, "the first bytes", first, c.story.lastData[fromServer]))
}

// sshLeft: the server said why it goes, in clear.
func (j *judge) sshLeft(d *sshDialogue) {
	def := finding.ServiceAborts
	switch d.left.Name() {
	case "TOO_MANY_CONNECTIONS":
		def = finding.SSHThrottled
	case "HOST_NOT_ALLOWED_TO_CONNECT":
		def = finding.NetSourceNotAllowed
	case "KEY_EXCHANGE_FAILED":
		def = finding.SSHNoCommonAlgorithm
	case "SERVICE_NOT_AVAILABLE":
		def = finding.ServiceUnavailable
	}
	if strings.Contains(strings.ToLower(d.left.Text), "too many connections") {
		def = finding.SSHThrottled
	}
	f := j.about(def, finding.Confirmed, d.c).Stop().With("reply", d.left.Name()+": "+cutText(d.left.Text, 200))
	j.find(j.saw(f, "the server ends the session", d.left.Name()+": "+cutText(d.left.Text, 200), d.c.last))
}

// sshCutShort: both identified themselves, or the server did, and then no
// key exchange came about.
func (j *judge) sshCutShort(t *target, d *sshDialogue) bool {
	s := &d.c.story
	server := &d.streams[fromServer]
	if server.ident == nil || d.missing != "" {
		return d.missing != ""
	}
	switch {
	case s.reset.packet != 0 && s.resetFrom == fromServer || s.fin[fromServer].packet != 0 && (s.fin[fromClient].packet == 0 || s.fin[fromServer].packet < s.fin[fromClient].packet):
		if d.streams[fromClient].kex == nil && server.kex != nil && d.streams[fromClient].ident == nil {
			return false // a look at the server alone
		}
		f := j.about(finding.SSHThrottled, finding.Likely, d.c).Stop()
		j.saw(f, "the server ends the session", "FIN / RST", d.c.last)
		j.find(f.Or(finding.SSHThrottled, "the server takes no more sessions that are not logged in").
			Or(finding.NetInspectionReset, "a box on the way ends the session").
			Or(finding.SSHServerConfig, "sshd can't go on because of its own set-up").
			DecideBy("try ten times with a pause: ftpdoctor check {target}; on the server: journalctl -t sshd"))
		return true
	case d.c.last.at.Sub(server.at.at) >= stillWaiting:
		if largeLost(d.c) || j.smallPassed(t, d.c) {
			j.find(j.tellLarge(j.about(finding.RouteMTUBlackhole, finding.Likely, d.c).Stop(), d.c))
			return true
		}
		f := j.about(finding.ServiceHung, finding.Likely, d.c).Stop().With("seconds", strconv.Itoa(int(d.c.last.at.Sub(server.at.at).Seconds())))
		j.saw(f, "the server identifies itself, and says no more", identificationOf(server.first), server.at)
		j.find(f.Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.RouteMTUBlackhole, "large packets vanish on the way").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
		return true
	}
	return false
}
