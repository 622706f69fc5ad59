package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// loginCheck logs in: once, with the credentials given, or as anonymous.
var loginCheck = &check{
	name: "login", layer: "auth", asks: "does the server let this user in",
	of:  []string{observe.FTP},
	run: login,
}

const (
	loginTimeout = 9 * time.Second // a wrong password is answered late on purpose
	userTimeout  = 5 * time.Second // a name is answered soon; a refused password late
	slowLogin    = 4 * time.Second
)

// credentials are those of the target; without a user, those of RFC 1635.
func (r *run) credentials() (user, password string) {
	if r.target.User == "" {
		return "anonymous", "ftpdoctor@example.invalid"
	}
	return r.target.User, r.target.Password
}

func (r *run) anonymous() bool {
	return r.target.User == "" || strings.EqualFold(r.target.User, "anonymous") || strings.EqualFold(r.target.User, "ftp")
}

func login(ctx context.Context, r *run) {
	user, password := r.credentials()
	x := r.ctl.sayWithin(ctx, "USER", user, userTimeout)
	if x.err != nil && !r.lateUser(ctx, &x) {
		return
	}
	if r.ctl.tls == nil && !r.anonymous() && x.reply.Code < 400 {
		r.clearText(x)
	}
	took := x.took
	if x.reply.Intermediate() && x.reply.Code != 332 {
		if def := match(loginSayings, x.reply.String()); def == finding.AuthSecondFactorRequired {
			r.refusedLogin(finding.New(def, finding.Confirmed), x)
			return
		}
		x = r.ctl.sayWithin(ctx, "PASS", password, loginTimeout)
		took += x.took
	}
	switch {
	case x.err != nil && len(x.reply.Raw) == 0:
		r.cutAtLogin(ctx, x)
		return
	case x.reply.Completion():
		r.loggedIn = true
	case x.reply.Intermediate():
		r.refusedLogin(finding.New(finding.AuthSecondFactorRequired, finding.Confirmed), x)
		return
	default:
		r.loginRefused(ctx, x)
		return
	}
	r.facts.Timings["auth"] = seconds(took)
	if took >= slowLogin {
		r.find(finding.New(finding.PerformanceSlowLogin, finding.Confirmed).With("seconds", fmt.Sprintf("%.1f", took.Seconds())).
			Saw("time until the login was accepted", observe.Human(took), fromControl))
	}
	r.learn(ctx)
}

// lateUser goes on after USER brought no reply in time, or ended the connection.
// A reply may still come: a server that asks a slow directory is not silenced by
// a box on the way. The experiments that tell the two apart go on meanwhile.
func (r *run) lateUser(ctx context.Context, x *exchange) bool {
	if x.failure() != observe.Timeout || r.ctl.tls != nil {
		r.cutAtLogin(ctx, *x)
		return false
	}
	late, w := exchange{}, r.w.Scope("late-user")
	var other, again exchange
	all(w, map[string]func(*observe.World){
		"late":  func(*observe.World) { late = r.ctl.read(ctx, loginTimeout-userTimeout) },
		"words": func(w *observe.World) { other, again = r.otherWords(ctx, w, loginTimeout-userTimeout) },
	})
	if late.err != nil {
		r.judgeUser(*x, other, again)
		return false
	}
	late.verb, late.took = x.verb, late.took+x.took
	*x = late
	return true
}

// clearText says that the password crosses in clear, where the server has no TLS.
func (r *run) clearText(x exchange) {
	r.find(finding.New(finding.SecurityClearTextLogin, finding.Confirmed).
		Saw("the control connection is not encrypted", x.String(), fromControl))
}

// learn asks the server for what it is and can do.
func (r *run) learn(ctx context.Context) {
	x := r.ctl.say(ctx, "SYST", "")
	if x.failure() == observe.Timeout && r.mute(ctx, x) {
		return
	}
	if x.err == nil && x.reply.Code == 215 {
		if name, version := ftp.Software(r.facts.Software, x.reply.Text(), ""); r.facts.Software == "" && name != "" {
			r.facts.Software = strings.TrimSpace(name + " " + version)
		}
		if strings.Contains(strings.ToUpper(x.reply.Text()), "WINDOWS") {
			r.facts.System = "windows"
		}
	}
	if x := r.ctl.say(ctx, "FEAT", ""); x.err == nil {
		r.ctl.feats = ftp.ParseFEAT(x.reply)
		r.facts.Features = r.ctl.feats.Lines
	}
}

// mute: a server that lets the user in and then says nothing would be waited
// for at each command behind.
func (r *run) mute(ctx context.Context, first exchange) bool {
	x := r.ctl.sayWithin(ctx, "NOOP", "", replyTimeout/2)
	if x.failure() != observe.Timeout {
		return false
	}
	r.find(finding.New(finding.ServiceHung, finding.Likely).Stop().
		Saw("the first command after the login", first.String(), fromControl).
		Saw("the command after it", x.String(), fromControl).
		Or(finding.ServiceHung, "the server's process for this session hangs after the login").
		Or(finding.NetInspectionReset, "a box on the way lets the login pass and nothing after it").
		DecideBy("on the server: what does the process do (ps, strace -p), and do the commands arrive (tcpdump)"))
	return true
}

// cutAtLogin: the connection ended or fell silent at USER or PASS.
func (r *run) cutAtLogin(ctx context.Context, x exchange) {
	st := r.ctl.tls
	if st != nil && st.CertRequested && (x.failure() == observe.Alert || x.failure() == observe.Reset || x.failure() == observe.Closed) {
		r.find(finding.New(finding.TLSClientCertRequired, finding.Confirmed).Stop().
			Saw("the server asked for a client certificate", describeState(*st), fromControl).
			Saw("the first command after the handshake", x.String(), fromControl))
		return
	}
	if errors.Is(x.err, ftp.ErrNotFTP) {
		r.find(finding.New(finding.ServiceBadGreeting, finding.Confirmed).Stop().With("reply", shorten(string(x.reply.Raw))).
			Saw("the reply breaks the protocol", x.String(), fromControl))
		return
	}
	if x.verb == "USER" && st == nil {
		r.cutAtUser(ctx, x)
		return
	}
	f := finding.New(finding.ServiceAborts, finding.Likely).Stop().With("reply", x.String()).
		Saw("the connection did not survive the login", x.String(), fromControl)
	if x.failure() == observe.Timeout {
		f = finding.New(finding.ServiceHung, finding.Likely).Stop().
			Saw("no reply to the login", x.String(), fromControl).
			Or(finding.ServiceHung, "the server waits for its user database or for PAM").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
	} else {
		f.Or(finding.ServiceAborts, "the server's process for this session died").
			Or(finding.AuthHomeMissing, "the home directory can't be entered").
			DecideBy("on the server: read the log of the moment (journalctl, /var/log)")
	}
	r.find(f)
}

// cutAtUser: does the word USER end a second connection too, where other words pass?
func (r *run) cutAtUser(ctx context.Context, x exchange) {
	other, again := r.otherWords(ctx, r.w.Scope("words"), replyTimeout)
	r.judgeUser(x, other, again)
}

// otherWords says another word and then USER on a connection of its own.
func (r *run) otherWords(ctx context.Context, w *observe.World, patience time.Duration) (other, again exchange) {
	other.err = errNoConnection
	if c := r.session(ctx, w); c != nil {
		defer c.drop()
		other = c.sayWithin(ctx, "NOOP", "", patience)
		user, _ := r.credentials()
		again = c.sayWithin(ctx, "USER", user, patience)
	}
	return other, again
}

func (r *run) judgeUser(x, other, again exchange) {
	f := finding.New(finding.NetInspectionReset, finding.Likely).Stop().With("command", "USER").
		Saw("the reply to USER", x.String(), fromControl).
		Saw("other words on a second connection", other.String(), fromExperiment).
		Saw("USER on that connection", again.String(), fromExperiment)
	if other.err == nil && x.failure() == observe.Reset && again.failure() == observe.Reset {
		f.Confidence = finding.Confirmed
	} else {
		f.Or(finding.NetInspectionReset, "a box on the way does not let these words pass").
			Or(finding.ServiceAborts, "the server's process for this session died").
			DecideBy("on the server: read the log of the moment (journalctl, /var/log)")
	}
	r.find(f)
}

// refusedLogin states a cause of a refused login.
func (r *run) refusedLogin(f *finding.Finding, x exchange) {
	f.Stop().With("reply", x.reply.String()).Saw("the reply to the login", x.String(), fromControl)
	f.Saw("time until the reply", observe.Human(x.took), fromControl)
	if f.Code == finding.AuthAnonymousDisabled.Code && (r.options.found || r.target.Scheme == "") && r.target.User == "" {
		f.As(finding.Notice) // nobody asked for anonymous access: no credentials were given
	}
	r.find(f)
}

// loginRefused judges a reply that refuses: by the words, then by the command
// that was answered.
func (r *run) loginRefused(ctx context.Context, x exchange) {
	text := x.reply.String()
	for _, sayings := range [][]saying{noCertificateOops, serverSayings, loginSayings} {
		if def := match(sayings, text); def != nil && !(def == finding.ServiceUnavailable && x.reply.Permanent()) {
			if def == finding.TLSRequired && r.ctl.tls != nil {
				continue
			}
			if !r.anonymous() && def == finding.AuthAnonymousDisabled {
				def = finding.AuthUserDenied // "anonymous only"
			}
			if r.anonymous() && def == finding.AuthUserDenied {
				def = finding.AuthAnonymousDisabled
			}
			r.refusedLogin(finding.New(def, finding.Confirmed).As(finding.Critical), x)
			return
		}
	}
	switch {
	case x.reply.Code == 421:
		r.refusedLogin(finding.New(finding.ServiceUnavailable, finding.Likely), x)
	case r.anonymous():
		r.refusedLogin(finding.New(finding.AuthAnonymousDisabled, finding.Confirmed), x)
	case x.verb == "USER" && r.unaskedReply(ctx, x):
	case x.verb == "USER":
		r.refusedLogin(finding.New(finding.AuthUserDenied, finding.Likely).
			Or(finding.AuthUserDenied, "a list of the server denies this user, or does not allow it: the refusal came before the password").
			Or(finding.TLSRequired, "the server may want TLS before a login").
			DecideBy("on the server: look for the user in its lists (ftpusers, user_list) and in its log"), x)
	default:
		r.rejected(x)
	}
}

// unaskedReply looks for a second reply behind the greeting that nobody asked
// for: somebody else spoke first on our connection, a balancer with its PROXY
// line, and every reply since is one step behind.
func (r *run) unaskedReply(ctx context.Context, x exchange) bool {
	c := r.session(ctx, r.w.Scope("unasked"))
	if c == nil {
		return false
	}
	defer c.drop()
	extra := c.read(ctx, time.Second)
	if extra.err != nil {
		return false
	}
	r.refusedLogin(finding.New(finding.NetProxyProtocol, finding.Confirmed).
		Saw("a reply behind the greeting that nothing was asked for", extra.reply.String(), fromExperiment), x)
	return true
}

var noCertificateOops = []saying{say(`OOPS: SSL`, finding.TLSNoCertificate)}

// rejected: a reply to PASS that gives no reason. Servers do not say which of
// many it is, on purpose; only the time to the reply and the server's side tell.
func (r *run) rejected(x exchange) {
	f := finding.New(finding.AuthRejected, finding.Likely)
	why := []struct {
		def *finding.Def
		why string
	}{
		{finding.AuthRejected, "user or password is wrong"},
		{finding.AuthUserUnknown, "the account does not exist"},
		{finding.AuthShellNotListed, "the account's login shell is not in /etc/shells"},
		{finding.AuthAccountLocked, "the account is locked"},
		{finding.AuthAccountExpired, "the account or its password has expired"},
		{finding.AuthPasswordExpired, "the password has expired and must be changed"},
		{finding.AuthUserDenied, "a list of the server denies this user"},
		{finding.AuthPAMBroken, "the service's PAM configuration is broken"},
		{finding.AuthHomeMissing, "the home directory can't be entered"},
		{finding.ClientCredentialsMangled, "the password was altered on its way here (quoting, character set)"},
	}
	if strings.HasPrefix(strings.ToLower(r.facts.Software), "vsftpd") && x.took < 2*time.Second {
		// vsftpd over PAM: a wrong password is answered after about 3 s, a
		// failure that is not one of authentication after 1 s.
		f.Saw("the refusal came sooner than vsftpd refuses a wrong password", observe.Human(x.took), fromControl)
		why = append(why[1:], why[0])
	}
	for _, w := range why {
		f.Or(w.def, w.why)
	}
	f.DecideBy("on the server: read the log of this moment (journalctl -u vsftpd -u proftpd -u pure-ftpd, /var/log/auth.log); it names the reason")
	r.refusedLogin(f, x)
}
