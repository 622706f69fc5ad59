package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/tlswire"
)

// tlsCheck encrypts the control connection and judges the certificate.
// ftp:// asks for TLS as clients do and goes on without when there is none;
// ftpes:// demands it.
var tlsCheck = &check{
	name: "tls", layer: "tls", asks: "can the control connection be encrypted, with a certificate that clients accept",
	of: []string{observe.FTP},
	run: func(ctx context.Context, r *run) {
		if r.ctl.tls == nil && !r.explicitTLS(ctx) {
			return
		}
		r.describeTLS(r.ctl.tls)
		r.certificate(ctx, r.ctl.tls)
	},
}

// noCertificateSayings are what servers say that are set to TLS and have no
// usable certificate.
var noCertificateSayings = []saying{
	say(`certificate|private key|OOPS: SSL|not (been )?configured|policy requires SSL|unable to (initiali[sz]e|load)`, finding.TLSNoCertificate),
}

// explicitTLS asks for TLS (RFC 4217 §4) and makes the handshake. False: the
// connection is not encrypted.
func (r *run) explicitTLS(ctx context.Context) bool {
	x := r.ctl.say(ctx, "AUTH", "TLS")
	if x.err == nil && x.reply.Code == 504 {
		x = r.ctl.say(ctx, "AUTH", "SSL") // servers from before RFC 4217
	}
	switch {
	case x.err != nil:
		r.cutAtAuth(ctx, x)
		return false
	case x.reply.Code != 234 && x.reply.Code != 334:
		r.tlsNotOffered(x)
		return false
	}
	if extra := r.ctl.rd.Buffered(); len(extra) > 0 {
		r.find(finding.New(finding.ServiceBadGreeting, finding.Confirmed).Stop().
			Saw("bytes in clear text behind the answer to AUTH TLS", fmt.Sprintf("%q", shorten(string(extra))), fromControl))
		return false
	}
	st := r.ctl.conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Timeout: replyTimeout})
	if !st.OK() {
		r.handshakeFailed(ctx, st)
		return false
	}
	r.ctl.tls = &st
	r.ctl.rd = ftp.NewReader(r.ctl.conn)
	return true
}

func (r *run) tlsNotOffered(x exchange) {
	text := x.reply.String()
	def := finding.TLSNotOffered
	if x.reply.Code == 431 || x.reply.Code == 534 || match(noCertificateSayings, text) != nil {
		def = finding.TLSNoCertificate
	}
	f := finding.New(def, finding.Confirmed).With("reply", text).
		Saw("the answer to AUTH TLS", x.String(), fromControl)
	switch {
	case r.target.Scheme == "ftpes":
		f.As(finding.Critical).Stop()
	case def == finding.TLSNoCertificate:
		f.As(finding.Error)
		if !r.anonymous() && !r.options.AllowClearText {
			f.Stop().Saw("the password was kept back", finding.Say("--allow-clear-text would send it in clear"), fromThisMachine)
		}
	}
	if x.reply.Code == 421 { // that is no word about TLS
		f = finding.New(orDef(match(serverSayings, text), finding.ServiceUnavailable), finding.Confirmed).Stop().With("reply", text).
			Saw("the answer to AUTH TLS", x.String(), fromControl)
	}
	r.find(f)
}

func orDef(d, otherwise *finding.Def) *finding.Def {
	if d != nil {
		return d
	}
	return otherwise
}

// cutAtAuth: the connection did not survive the words AUTH TLS. If other words
// pass on a second connection and AUTH ends that one too, the words are what
// somebody on the way objects to.
func (r *run) cutAtAuth(ctx context.Context, x exchange) {
	w := r.w.Scope("words")
	other, again := exchange{err: errNoConnection}, exchange{}
	if c := r.session(ctx, w); c != nil {
		defer c.drop()
		other = c.say(ctx, "NOOP", "")
		again = c.say(ctx, "AUTH", "TLS")
	}
	f := finding.New(finding.NetInspectionReset, finding.Likely).Stop().With("command", "AUTH TLS").
		Saw("the answer to AUTH TLS", x.String(), fromControl).
		Saw("other words on a second connection", other.String(), fromExperiment).
		Saw("AUTH TLS on that connection", again.String(), fromExperiment)
	if other.err == nil && again.failure() == observe.Reset && x.failure() == observe.Reset {
		f.Confidence = finding.Confirmed
	} else {
		f.Or(finding.NetInspectionReset, "a box on the way does not let these words pass").
			Or(finding.TLSNoCertificate, "the server's process dies when it loads its certificate").
			DecideBy("on the server: does AUTH TLS arrive (tcpdump), and what does its log say at that moment")
	}
	r.find(f)
}

// session opens one more connection up to the greeting; nil when it fails.
func (r *run) session(ctx context.Context, w *observe.World) *control {
	conn, d := r.another(ctx, w, observe.DialOptions{Timeout: quickDial})
	if !d.OK() {
		return nil
	}
	return r.sessionOn(ctx, w, conn)
}

func (r *run) sessionOn(ctx context.Context, w *observe.World, conn *observe.Conn) *control {
	c := newControl(w, conn)
	if r.implicit() {
		return c
	}
	if x := c.read(ctx, longGreeting); x.err != nil || x.reply.Code != 220 {
		c.drop()
		return nil
	}
	return c
}

// hello sends a ClientHello of our own on a connection of its own and reads
// the answer.
func (r *run) hello(ctx context.Context, w *observe.World, h tlswire.Hello) (tlswire.Answer, error) {
	c := r.session(ctx, w)
	if c == nil {
		return tlswire.Answer{}, errNoConnection
	}
	defer c.drop()
	if !r.implicit() {
		if x := c.say(ctx, "AUTH", "TLS"); x.err != nil || x.reply.Code != 234 {
			return tlswire.Answer{}, errNoConnection
		}
	}
	if !observe.IsAddress(r.target.Host) {
		h.ServerName = r.target.Host
	}
	b, err := h.Marshal()
	if err != nil {
		return tlswire.Answer{}, err
	}
	c.conn.SetTimeout(replyTimeout)
	if _, err := c.conn.Write(b); err != nil {
		return tlswire.Answer{}, err
	}
	return tlswire.ReadAnswer(c.conn)
}

// handshakeFailed finds out why. Each experiment has a connection of its own.
func (r *run) handshakeFailed(ctx context.Context, st observe.TLSState) {
	f := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		return finding.New(d, c).Stop().Saw("the TLS handshake", describeState(st), fromControl)
	}
	if st.CertRequested && st.Failure != observe.Timeout {
		r.find(f(finding.TLSClientCertRequired, finding.Confirmed).
			Saw("the server asked for a client certificate", st.AlertName, fromControl))
		return
	}
	switch st.Failure {
	case observe.Timeout:
		r.handshakeStalls(ctx, f)
		return
	case observe.NotTLS:
		r.find(f(finding.TLSNoCertificate, finding.Likely))
		return
	}
	var old, plain, modern helloResult
	var small observe.TLSState
	w := r.w.Scope("why")
	all(w, map[string]func(*observe.World){
		"old":    func(w *observe.World) { old = r.tryHello(ctx, w, tlswire.Legacy10()) },
		"plain":  func(w *observe.World) { plain = r.tryHello(ctx, w, tlswire.HelloFor(0x0303)) },
		"modern": func(w *observe.World) { modern = r.tryHello(ctx, w, tlswire.HelloFor(0x0304)) },
		"again":  func(w *observe.World) { small = r.handshakeAgain(ctx, w, 0, true) },
	})
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.Saw("a hello of TLS 1.0 and 1.1 only", old.String(), fromExperiment).
			Saw("a hello of TLS 1.2 with every cipher", plain.String(), fromExperiment).
			Saw("a hello of TLS 1.3 only", modern.String(), fromExperiment)
	}
	switch {
	case plain.dhBits() > 0 && plain.dhBits() < minDH:
		r.find(evidence(f(finding.TLSDHTooSmall, finding.Confirmed)).With("count", fmt.Sprint(plain.dhBits())))
	case plain.ok() && plain.answer.Version >= 0x0303:
		r.find(evidence(f(finding.TLSNoCommonCipher, finding.Confirmed)).With("ciphers", tlswire.CipherName(plain.answer.Cipher)))
	case small.OK():
		r.find(evidence(f(finding.TLSSNIRequired, finding.Confirmed).As(finding.Error)).
			Saw("the handshake without the server's name", told(small.Step), fromExperiment))
	case old.ok():
		r.find(evidence(f(finding.TLSVersionTooOld, finding.Confirmed).As(finding.Critical)).With("version", tlswire.VersionName(old.answer.Version)))
	case st.Failure == observe.Alert && st.AlertName == "protocol version not supported", plain.alert() == "protocol_version" && modern.alert() != "":
		r.find(evidence(f(finding.TLSVersionMismatch, finding.Confirmed)))
	case st.Failure == observe.Alert:
		r.find(evidence(f(finding.TLSNoCertificate, finding.Likely)).
			Or(finding.TLSNoCertificate, "the server has no usable certificate or key for TLS").
			Or(finding.TLSNoCommonCipher, "the server allows no cipher or group that is known here").
			DecideBy("on the server: does its log name the certificate or the cipher list"))
	case st.Failure == observe.Reset:
		r.find(evidence(f(finding.NetInspectionReset, finding.Likely)).With("command", "ClientHello").
			Or(finding.NetInspectionReset, "a box on the way does not let TLS pass").
			Or(finding.TLSNoCertificate, "the server's process dies when it loads its certificate").
			DecideBy("on the server: does the ClientHello arrive (tcpdump), and what does its log say at that moment"))
	default:
		r.find(evidence(f(finding.TLSNoCertificate, finding.Likely)).
			Or(finding.TLSNoCertificate, "the server has no usable certificate or key for TLS").
			Or(finding.NetInspectionReset, "a box on the way does not let TLS pass").
			DecideBy("on the server: does its log name the certificate"))
	}
}

// handshakeStalls: no answer to our hello. If the handshake completes with
// small segments, large packets are what gets lost.
func (r *run) handshakeStalls(ctx context.Context, f func(*finding.Def, finding.Confidence) *finding.Finding) {
	var small observe.TLSState
	var slim helloResult
	all(r.w.Scope("stalls"), map[string]func(*observe.World){
		"small": func(w *observe.World) { small = r.handshakeAgain(ctx, w, smallMSS, false) },
		"slim":  func(w *observe.World) { slim = r.tryHello(ctx, w, tlswire.HelloFor(0x0303)) },
	})
	if small.OK() {
		r.find(f(finding.RouteMTUBlackhole, finding.Confirmed).With("mss", fmt.Sprint(smallMSS)).
			Saw("the same handshake with small segments", told(small.Step), fromExperiment))
		return
	}
	r.exclude(finding.RouteMTUBlackhole, "with small segments the handshake stalls as well")
	r.find(f(finding.TLSHandshakeStalls, finding.Confirmed).
		Saw("the same handshake with small segments", told(small.Step), fromExperiment).
		Saw("a hello of TLS 1.2 with every cipher", slim.String(), fromExperiment).
		Or(finding.TLSHandshakeStalls, "the server's process hangs in the handshake").
		Or(finding.NetInspectionReset, "a box on the way swallows TLS").
		DecideBy("on the server: does the ClientHello arrive (tcpdump), and does an answer leave"))
}

// handshakeAgain makes the whole handshake on a connection of its own.
func (r *run) handshakeAgain(ctx context.Context, w *observe.World, mss int, noSNI bool) observe.TLSState {
	conn, d := r.another(ctx, w, observe.DialOptions{Timeout: quickDial, MSS: mss})
	if !d.OK() {
		return observe.TLSState{Step: d.Step}
	}
	defer conn.Close()
	c := r.sessionOn(ctx, w, conn)
	if c == nil {
		return observe.TLSState{Step: observe.Step{Failure: observe.Closed}}
	}
	if !r.implicit() {
		if x := c.say(ctx, "AUTH", "TLS"); x.err != nil || x.reply.Code != 234 {
			return observe.TLSState{Step: observe.Step{Failure: observe.Closed}}
		}
	}
	return conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, NoSNI: noSNI, Timeout: replyTimeout})
}

// helloResult is the answer to a hello of our own.
type helloResult struct {
	answer tlswire.Answer
	err    error
}

func (r *run) tryHello(ctx context.Context, w *observe.World, h tlswire.Hello) helloResult {
	a, err := r.hello(ctx, w, h)
	return helloResult{a, err}
}

func (h helloResult) ok() bool {
	return h.err == nil && h.answer.Alert == nil && h.answer.Version != 0
}

func (h helloResult) alert() string {
	if h.err == nil && h.answer.Alert != nil {
		return h.answer.Alert.Name()
	}
	return ""
}

func (h helloResult) dhBits() int {
	if h.ok() {
		return h.answer.DHBits
	}
	return 0
}

func (h helloResult) String() string {
	switch {
	case h.ok():
		s := tlswire.VersionName(h.answer.Version) + " " + tlswire.CipherName(h.answer.Cipher)
		if h.answer.DHBits > 0 {
			s += finding.Say(" DH %s bits", fmt.Sprint(h.answer.DHBits))
		}
		return s
	case h.alert() != "":
		return finding.Say("alert %s", h.alert())
	case h.err != nil:
		return toldError(h.err)
	default:
		return "—"
	}
}

func describeState(st observe.TLSState) string {
	if st.OK() {
		return tlswire.VersionName(st.Version) + " " + tlswire.CipherName(st.Cipher)
	}
	s := told(st.Step)
	if st.Errno != "" && !strings.Contains(s, st.Errno) {
		s += ": " + st.Errno
	}
	if st.Received > 0 {
		s += finding.Say(" (%s bytes received)", fmt.Sprint(st.Received))
	}
	return s
}

// describeTLS notes what was negotiated.
func (r *run) describeTLS(st *observe.TLSState) {
	r.facts.TLS = map[string]any{
		"version": tlswire.VersionName(st.Version), "cipher": tlswire.CipherName(st.Cipher),
		"post_quantum": hybrid(st.Curve),
	}
	if st.Curve != 0 {
		r.facts.TLS["group"] = tlswire.GroupName(st.Curve)
	}
	r.facts.Timings["tls_handshake"] = seconds(st.Took)
	if st.Version < 0x0303 {
		r.find(finding.New(finding.TLSVersionTooOld, finding.Confirmed).With("version", tlswire.VersionName(st.Version)).
			Saw("the highest version that the server takes", describeState(*st), fromControl))
	} else if !hybrid(st.Curve) {
		r.find(finding.New(finding.TLSNoPostQuantum, finding.Confirmed).
			Saw("the key exchange that the server chose", orNone(tlswire.GroupName(st.Curve)), fromControl))
	}
}

// minDH is what clients of today accept (OpenSSL at security level 2).
const minDH = 2048

// hybrid tells whether a group is one of the hybrids of ML-KEM and a curve.
func hybrid(group uint16) bool { return group == 0x11EB || group == 0x11EC || group == 0x11ED }

// implicit tells whether a connection begins with the handshake.
func (r *run) implicit() bool {
	return r.target.Scheme == "ftps" || r.target.Protocol() == observe.HTTP
}

// opportunistic: the user did not ask for TLS, so that what is wrong with it
// does not keep every client out.
func (r *run) opportunistic() bool { return r.target.Scheme == "ftp" || r.target.Scheme == "" }

type noConnection struct{}

func (noConnection) Error() string { return "no further connection could be made" }

var errNoConnection error = noConnection{}

// tlsDepthCheck asks what other clients would meet: old versions that are
// still let in, and data connections that do not resume the session. It works
// on connections of its own, one at a time, and what it can't have, it leaves.
var tlsDepthCheck = &check{
	name: "tls-depth", layer: "tls", asks: "what would other TLS clients meet",
	of: []string{observe.FTP},
	run: func(ctx context.Context, r *run) {
		if r.ctl.tls == nil {
			return
		}
		if old := r.tryHello(ctx, r.w.Scope("old"), tlswire.Legacy10()); old.ok() && r.ctl.tls.Version >= 0x0303 {
			r.find(finding.New(finding.SecurityWeakTLS, finding.Confirmed).With("version", tlswire.VersionName(old.answer.Version)).
				Saw("a hello of TLS 1.0 and 1.1 only", old.String(), fromExperiment))
		}
		if r.loggedIn && r.dataWorks != nil && r.ctl.prot {
			r.reuse(ctx)
		}
	},
}

// enter brings a further session to where the first one is: encrypted, logged in.
func (r *run) enter(ctx context.Context, c *control) bool {
	if r.target.Scheme == "ftps" || r.ctl.tls != nil {
		if r.target.Scheme != "ftps" {
			if x := c.say(ctx, "AUTH", "TLS"); x.err != nil || x.reply.Code != 234 {
				return false
			}
		}
		st := c.conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Max: c.maxTLS, Timeout: replyTimeout})
		if !st.OK() {
			return false
		}
		c.tls, c.rd = &st, ftp.NewReader(c.conn)
		if r.target.Scheme == "ftps" {
			if x := c.read(ctx, longGreeting); x.err != nil || x.reply.Code != 220 {
				return false
			}
		}
	}
	user, pass := r.credentials()
	if x := c.say(ctx, "USER", user); x.err != nil || x.reply.Code != 331 && x.reply.Code != 230 {
		return false
	} else if x.reply.Code == 331 {
		if x := c.say(ctx, "PASS", pass); x.err != nil || !x.reply.Completion() {
			return false
		}
	}
	c.feats = r.ctl.feats
	if c.tls != nil {
		r.protect(ctx, c)
	}
	c.say(ctx, "TYPE", "A")
	return true
}

// dayOf words a date for evidence.
func dayOf(t time.Time) string { return t.UTC().Format("2006-01-02") }
