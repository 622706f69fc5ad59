package capture

import (
	"crypto/rsa"
	"crypto/x509"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/tlswire"
)

const (
	minDH        = 2048 // what clients of today accept (OpenSSL at security level 2)
	expiringSoon = 14 * 24 * time.Hour
)

// sum tells a handshake in a line.
func (d *tlsDialogue) sum() string {
	if a, ok := d.failed(); ok {
		return finding.Say("alert %s", a.alert.Name()) + " ← " + sideWord(a.from == d.hello)
	}
	switch {
	case d.answer.Version != 0 && d.shaken:
		return describeAnswer(&d.answer)
	case d.refusedHidden():
		return finding.Say("the client ends it with an alert that is encrypted")
	case d.c.story.reset.packet != 0:
		return "RST"
	case d.answer.Version != 0:
		return finding.Say("%s, and it does not come to its end", describeAnswer(&d.answer))
	default:
		return finding.Say("no answer")
	}
}

func sideWord(client bool) string {
	if client {
		return finding.Say("the client")
	}
	return finding.Say("the server")
}

// answered: the server chose a version and went on.
func (d *tlsDialogue) answered() bool {
	return d.answer.Version != 0 && !d.answer.HelloRetry
}

// handshakes judges TLS of one service, over all its connections.
func (j *judge) handshakes(t *target, all []*tlsDialogue) {
	all = slices.DeleteFunc(slices.Clone(all), func(d *tlsDialogue) bool { return d.offered == nil })
	slices.SortStableFunc(all, func(a, b *tlsDialogue) int { return a.began.packet - b.began.packet })
	if len(all) == 0 {
		return
	}
	first := all[0]
	j.tlsFacts(all)
	good := slices.IndexFunc(all, func(d *tlsDialogue) bool { return d.shaken })
	if !first.shaken {
		j.handshakeFailed(t, first, all)
	} else if j.wantsClientCertificate(first, all) {
		j.clientCertificate(first, all)
	}
	if good >= 0 && all[good].answer.Version != 0 && all[good].answer.Version < tlswire.TLS12 {
		f := j.about(finding.TLSVersionTooOld, finding.Confirmed, first.c).With("version", tlswire.VersionName(all[good].answer.Version))
		j.find(j.saw(f, "the TLS handshake", all[good].sum(), all[good].said))
	}
	j.certificates(t, all)
}

func (j *judge) tlsFacts(all []*tlsDialogue) {
	for _, d := range all {
		if d.shaken && j.facts.TLS == nil {
			j.facts.TLS = map[string]any{"version": tlswire.VersionName(d.answer.Version), "cipher": tlswire.CipherName(d.answer.Cipher), "server_name": d.offered.ServerName}
		}
	}
}

// wantsClientCertificate: the handshake seems done, and the server ends it at
// once with an alert: of TLS 1.3 that is how it says that it misses one.
func (j *judge) wantsClientCertificate(first *tlsDialogue, all []*tlsDialogue) bool {
	server := first.hello.other()
	if first.tls13() && first.firstCipher == empty13 && first.lastSmall[server] && first.after <= 2 {
		return true
	}
	short := first.recorded[server] < 600 && first.lastSmall[server] || slices.ContainsFunc(first.alerts, func(a tlsAlert) bool { return a.from == server })
	return short && slices.ContainsFunc(all, func(d *tlsDialogue) bool { return d.answer.CertRequested })
}

func (j *judge) clientCertificate(first *tlsDialogue, all []*tlsDialogue) {
	if first.firstCipher == empty13 {
		f := j.about(finding.TLSClientCertRequired, finding.Likely, first.c).As(finding.Critical).Stop()
		j.saw(f, "the client was asked for a certificate and has none, by the size of its first encrypted record", finding.Say("%s bytes", strconv.Itoa(first.firstCipher)), first.doneAt)
		j.find(j.saw(f, "upon that the server ends it with an alert that is encrypted", first.sum(), first.c.last))
		return
	}
	for _, d := range all {
		if !d.answer.CertRequested {
			continue
		}
		f := j.about(finding.TLSClientCertRequired, finding.Confirmed, first.c).Stop()
		j.saw(f, "the server asked for a client certificate", describeAnswer(&d.answer), d.said)
		j.find(j.saw(f, "the TLS handshake", first.sum(), first.c.last))
		return
	}
}

// handshakeFailed finds out why, by what else was tried.
func (j *judge) handshakeFailed(t *target, first *tlsDialogue, all []*tlsDialogue) {
	say := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		f := j.about(d, c, first.c).As(finding.Critical).Stop()
		j.saw(f, "ClientHello", describeOffer(first.offered), first.began)
		return j.saw(f, "the TLS handshake", first.sum(), first.c.last)
	}
	server := first.hello.other()
	if foreign := first.foreign[server]; len(foreign) > 0 {
		if j.t.port == 990 || strings.HasPrefix(string(foreign), "220") {
			j.find(say(finding.TLSExplicitExpected, finding.Confirmed).With("reply", firstLine(string(foreign))))
		} else {
			j.find(say(finding.TLSNoCertificate, finding.Likely).With("reply", firstLine(string(foreign))))
		}
		return
	}
	for _, d := range all {
		if d.answer.CertRequested && !first.unanswered() {
			j.find(j.saw(say(finding.TLSClientCertRequired, finding.Confirmed), "the server asked for a client certificate", describeAnswer(&d.answer), d.said))
			return
		}
	}
	alert, failed := first.failed()
	switch {
	case failed && alert.from == first.hello:
		j.clientRefuses(say, first, alert)
		return
	case first.refusedHidden():
		f := say(finding.TLSCertUntrusted, finding.Possible).
			Or(finding.TLSCertUntrusted, "the issuer is not known to this client").
			Or(finding.TLSCertNameMismatch, "the certificate is for another name").
			Or(finding.TLSCertExpired, "the certificate has expired").
			Or(finding.TLSChainIncomplete, "the server does not send the intermediate certificate").
			DecideBy("TLS 1.3 hides the certificate from a capture: ftpdoctor check {target} reads it")
		j.find(f.As(finding.Error))
		return
	case first.unanswered():
		j.handshakeStalls(t, say, first, all)
		return
	}
	j.handshakeRefused(say, first, all, failed)
}

// unanswered: the ClientHello, or the server's answer, waits in vain.
func (d *tlsDialogue) unanswered() bool {
	s := &d.c.story
	if _, failed := d.failed(); failed || s.reset.packet != 0 && s.resetFrom == fromServer {
		return false
	}
	if s.fin[fromServer].packet != 0 && (s.fin[fromClient].packet == 0 || s.fin[fromServer].packet < s.fin[fromClient].packet) {
		return false
	}
	return !d.shaken && d.c.last.at.Sub(d.began.at) >= stillWaiting && !d.streams[d.hello].cipher
}

type saying func(*finding.Def, finding.Confidence) *finding.Finding

// clientRefuses: the client's alert names what it does not like.
func (j *judge) clientRefuses(say saying, d *tlsDialogue, a tlsAlert) {
	def, conf := finding.TLSCertUntrusted, finding.Likely
	leaf := slices.Concat(d.chain(), nil)
	switch a.alert.Name() {
	case "unknown_ca":
		if len(leaf) == 1 && leaf[0].Subject.String() == leaf[0].Issuer.String() {
			def, conf = finding.TLSCertSelfSigned, finding.Confirmed
		}
	case "certificate_expired":
		def, conf = finding.TLSCertExpired, finding.Confirmed
	case "bad_certificate", "certificate_unknown", "unsupported_certificate":
		if len(leaf) > 0 && d.offered.ServerName != "" && leaf[0].VerifyHostname(d.offered.ServerName) != nil {
			def, conf = finding.TLSCertNameMismatch, finding.Confirmed
		}
	case "certificate_revoked":
		def, conf = finding.TLSCertRevoked, finding.Confirmed
	case "protocol_version":
		def, conf = finding.TLSVersionMismatch, finding.Confirmed
	case "handshake_failure", "insufficient_security", "illegal_parameter":
		def = finding.TLSNoCommonCipher
		if d.answer.DHBits > 0 && d.answer.DHBits < 2048 {
			def, conf = finding.TLSDHTooSmall, finding.Confirmed
		}
	}
	j.find(j.saw(say(def, conf), "the client's alert", a.alert.String(), a.m))
}

func (j *judge) handshakeStalls(t *target, say saying, first *tlsDialogue, all []*tlsDialogue) {
	small := slices.ContainsFunc(all, func(d *tlsDialogue) bool { // a hello that fits into any packet is lost as well
		s := &d.c.story
		return d.unanswered() && s.bytes[fromClient] < smallSegment
	})
	if !small && (largeLost(first.c) || j.smallPassed(t, first.c)) {
		j.find(j.tellLarge(say(finding.RouteMTUBlackhole, finding.Likely), first.c))
		return
	}
	for _, d := range all {
		if d.shaken && d.c.story.mss[fromClient] != 0 && d.c.story.mss[fromClient] <= smallSegment {
			f := say(finding.RouteMTUBlackhole, finding.Confirmed).With("mss", strconv.Itoa(int(d.c.story.mss[fromClient])))
			j.find(j.saw(f, "the same handshake with small segments", d.sum(), d.doneAt))
			return
		}
	}
	if first.c.story.bytes[fromServer] == 0 && first.c.story.unacked[fromClient] == 0 {
		f := say(finding.ServiceHung, finding.Likely).With("seconds", seconds(j.waited(first.c)))
		j.find(f.Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.TLSHandshakeStalls, "the server's process hangs in the handshake").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
		return
	}
	f := say(finding.TLSHandshakeStalls, finding.Likely)
	if first.c.story.unacked[fromClient] > 0 {
		j.saw(f, "bytes that were never acknowledged", strconv.FormatInt(first.c.story.unacked[fromClient], 10), first.c.last)
	}
	j.find(f.Or(finding.TLSHandshakeStalls, "the server's process hangs in the handshake").
		Or(finding.NetInspectionReset, "a box on the way swallows TLS").
		DecideBy("on the server: does the ClientHello arrive (tcpdump), and does an answer leave"))
}

// handshakeRefused: the server ended it, with or without an alert.
func (j *judge) handshakeRefused(say saying, first *tlsDialogue, all []*tlsDialogue, alerted bool) {
	tell := func(f *finding.Finding) *finding.Finding {
		for _, d := range all[1:] {
			if len(f.Evidence) < 7 {
				j.saw(f, "another ClientHello", describeOffer(d.offered)+" → "+d.sum(), d.began)
			}
		}
		return f
	}
	var plain, old, nameless *tlsDialogue
	versionAlerts := 0
	dh := 0
	for _, d := range all {
		if a, ok := d.failed(); ok && a.from != d.hello && a.alert.Name() == "protocol_version" {
			versionAlerts++
		}
		if !d.answered() || d == first {
			continue
		}
		if d.answer.DHBits > 0 {
			dh = d.answer.DHBits
		}
		switch {
		case d.shaken && d.offered.ServerName == "" && first.offered.ServerName != "":
			nameless = d
		case d.answer.Version < tlswire.TLS12:
			old = d
		default:
			plain = d
		}
	}
	name := ""
	alert, _ := first.failed()
	if alerted {
		name = alert.alert.Name()
	}
	switch {
	case first.answer.DHBits > 0 && first.answer.DHBits < minDH, dh > 0 && dh < minDH:
		j.find(tell(say(finding.TLSDHTooSmall, finding.Confirmed)).With("count", strconv.Itoa(max(dh, first.answer.DHBits))))
	case nameless != nil:
		j.find(tell(say(finding.TLSSNIRequired, finding.Confirmed).As(finding.Error)))
	case plain != nil:
		j.find(tell(say(finding.TLSNoCommonCipher, finding.Confirmed)).With("ciphers", tlswire.CipherName(plain.answer.Cipher)))
	case old != nil:
		j.find(tell(say(finding.TLSVersionTooOld, finding.Confirmed)).With("version", tlswire.VersionName(old.answer.Version)))
	case first.answer.Version != 0 && first.answer.Version < tlswire.TLS12:
		j.find(tell(say(finding.TLSVersionTooOld, finding.Likely)).With("version", tlswire.VersionName(first.answer.Version)))
	case name == "protocol_version" || versionAlerts > 0 && versionAlerts == len(all):
		j.find(tell(say(finding.TLSVersionMismatch, finding.Confirmed)))
	case name == "unrecognized_name":
		j.find(tell(say(finding.TLSSNIRequired, finding.Likely)))
	case name == "certificate_required":
		j.find(tell(say(finding.TLSClientCertRequired, finding.Confirmed)))
	case alerted:
		j.find(tell(say(finding.TLSNoCertificate, finding.Likely)).
			Or(finding.TLSNoCertificate, "the server has no usable certificate or key for TLS").
			Or(finding.TLSNoCommonCipher, "the server allows no cipher or group that is known here").
			DecideBy("on the server: does its log name the certificate or the cipher list"))
	case first.c.story.reset.packet != 0 && first.c.story.resetFrom == fromServer:
		f := tell(say(finding.NetInspectionReset, finding.Likely)).With("command", "ClientHello")
		s := &first.c.story
		if s.synAckTTL != 0 && s.resetTTL != 0 && s.resetTTL != s.synAckTTL {
			f.Confidence = finding.Confirmed
			j.find(j.saw(f, "TTL of the reset and of the SYN-ACK", strconv.Itoa(int(s.resetTTL))+" / "+strconv.Itoa(int(s.synAckTTL)), s.reset))
			return
		}
		j.find(f.Or(finding.NetInspectionReset, "a box on the way does not let TLS pass").
			Or(finding.TLSNoCertificate, "the server's process dies when it loads its certificate").
			DecideBy("on the server: does the ClientHello arrive (tcpdump), and what does its log say at that moment"))
	case first.c.story.fin[fromServer].packet != 0:
		j.find(tell(say(finding.TLSNoCertificate, finding.Likely)).
			Or(finding.TLSNoCertificate, "the server has no usable certificate or key for TLS").
			Or(finding.NetInspectionReset, "a box on the way does not let TLS pass").
			DecideBy("on the server: does its log name the certificate"))
	}
}

// inspectors are words in the issuer of certificates that products make which
// look into TLS.
var inspectors = regexp.MustCompile(`(?i)fortinet|fortigate|zscaler|sophos|kaspersky|avast|avg technologies|\beset\b|palo alto|blue ?coat|check ?point|watchguard|sonicwall|untangle|netskope|forcepoint|websense|barracuda|cisco umbrella|bitdefender|mitmproxy|charles proxy|fiddler|squid|sangfor|深信服|qianxin|360 ?secur|trend micro|mcafee|symantec web|smoothwall|lightspeed|contentkeeper|securly`)

var intermediateWords = regexp.MustCompile(`(?i)intermediate|issuing|subordinate|\bsub[- ]?ca\b|\b(R|E)\d+\b|\bG\d\b|\bCA ?\d`)

// certificates judges each certificate that crossed in clear: up to TLS 1.2.
func (j *judge) certificates(t *target, all []*tlsDialogue) {
	seen, any := map[string]bool{}, false
	for _, d := range all {
		chain := d.chain()
		if len(chain) == 0 {
			continue
		}
		any = true
		if key := string(chain[0].Raw); !seen[key] && len(seen) < 8 {
			seen[key] = true
			j.certificate(t, d, chain)
		}
	}
	if !any && slices.ContainsFunc(all, func(d *tlsDialogue) bool { return d.tls13() && d.streams[d.hello.other()].cipher }) {
		j.lack("TLS 1.3 encrypts the certificate: a capture does not show it")
	}
}

func (j *judge) lack(phrase string) {
	if !slices.Contains(j.lacking, phrase) {
		j.lacking = append(j.lacking, phrase)
	}
}

func (j *judge) certificate(t *target, d *tlsDialogue, chain []*x509.Certificate) {
	leaf, last := chain[0], chain[len(chain)-1]
	now := d.said.at.time()
	about := func(def *finding.Def, conf finding.Confidence) *finding.Finding {
		f := j.about(def, conf, d.c).With("subject", certNames(leaf)).With("issuer", cutText(leaf.Issuer.String(), 200)).With("date", day(leaf.NotAfter))
		return j.saw(f, "the server's certificate", finding.Say("%s, issuer %s, %s to %s", certNames(leaf), cutText(leaf.Issuer.String(), 200), day(leaf.NotBefore), day(leaf.NotAfter)), d.said)
	}
	switch left := leaf.NotAfter.Sub(now); {
	case now.Before(leaf.NotBefore):
		j.find(about(finding.TLSCertNotYetValid, finding.Confirmed).With("date", day(leaf.NotBefore)))
	case left < 0:
		j.find(about(finding.TLSCertExpired, finding.Confirmed).With("days", strconv.Itoa(int(-left.Hours()/24))))
	case left < expiringSoon && leaf.NotAfter.Sub(leaf.NotBefore) > 2*expiringSoon:
		j.find(about(finding.TLSCertExpiring, finding.Confirmed).With("days", strconv.Itoa(int(left.Hours()/24))))
	}
	issuer := leaf.Issuer.String()
	switch {
	case inspectors.MatchString(issuer) || inspectors.MatchString(last.Issuer.String()):
		j.find(about(finding.TLSIntercepted, finding.Likely))
	case leaf.Subject.String() == issuer && len(chain) == 1:
		j.find(about(finding.TLSCertSelfSigned, finding.Confirmed))
	case last.Subject.String() != last.Issuer.String() && (len(last.IssuingCertificateURL) > 0 && len(chain) == 1 || intermediateWords.MatchString(last.Issuer.String())):
		j.find(about(finding.TLSChainIncomplete, finding.Likely).
			Saw("certificates sent", strconv.Itoa(len(chain)), "the capture").
			Or(finding.TLSChainIncomplete, "the server does not send the intermediate certificate").
			Or(finding.TLSCertUntrusted, "the authority is a private one whose root this machine does not have").
			DecideBy("on the server: does the certificate file hold the whole chain (openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs)"))
	}
	name := d.offered.ServerName
	if name == "" {
		name = t.name
	}
	if name == "" {
		name = d.c.server.Addr().String()
	}
	if leaf.VerifyHostname(name) != nil {
		f := about(finding.TLSCertNameMismatch, finding.Confirmed).With("name", name).Saw("the name that was asked for", name, "the capture")
		if _, err := netip.ParseAddr(name); err == nil {
			f.Confidence = finding.Likely // somebody who gives an address may not expect it in the certificate
			f.As(finding.Notice)
		}
		j.find(f)
	}
	for _, c := range chain[:min(len(chain), 5)] {
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
			j.find(about(finding.TLSCertWeakKey, finding.Confirmed).With("count", strconv.Itoa(k.N.BitLen())))
		}
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if c.Subject.String() != c.Issuer.String() {
				j.find(about(finding.TLSCertWeakSignature, finding.Confirmed))
			}
		}
	}
}

func certNames(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return cutText(c.Subject.CommonName, 200)
	}
	return cutText(strings.Join(all[:min(len(all), 6)], ", "), 200)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
