package probe

import (
	"fmt"
	"regexp"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// loginEnds are what servers say when they end a login.
var loginEnds = []saying{
	say(`too many authentication failures|too many (auth|login|password)`, finding.SSHTooManyAttempts),
	say(`password change required|password (has |is )?expired|required to change your password|change your password`, finding.AuthPasswordExpired),
	say(`account (has |is )?expired`, finding.AuthAccountExpired),
	say(`account (has |is )?(been )?(locked|disabled|suspended)`, finding.AuthAccountLocked),
	say(`not allowed|denied by|access denied`, finding.AuthUserDenied),
	say(`system is (going|booting)|nologin|maintenance|unavailable`, finding.ServiceUnavailable),
}

var oneTimeCode = regexp.MustCompile(`(?i)one[- ]time|\b[ht]?otp\b|verification|second factor|token|passcode|authenticator|code|duo|验证码|动态|口令牌`)

// verdict states why the login was refused.
func (t *sshTries) verdict() {
	r := t.r
	f := t.cause()
	if f == nil {
		r.partial = "no password and no key were given with which to log in"
		r.stopped = "ssh-login"
		return
	}
	f.Evidence = append(f.Evidence, t.evidence...)
	if t.banner != "" {
		f.Saw("the server's words before the login", shorten(strings.TrimSpace(t.banner)), fromSSH)
	}
	r.find(f.Stop())
}

func (t *sshTries) cause() *finding.Finding {
	if t.over {
		return t.cut()
	}
	if def := match(loginEnds, t.banner); def != nil && t.password {
		return finding.New(def, finding.Confirmed).With("reply", shorten(strings.TrimSpace(t.banner)))
	}
	if p := t.prompt; p != nil {
		words := strings.TrimSpace(p.Instruction + " " + p.Text)
		switch {
		case newPassword.MatchString(words) || p.Text == "SSH_MSG_USERAUTH_PASSWD_CHANGEREQ":
			return finding.New(finding.AuthPasswordExpired, finding.Confirmed).With("reply", words)
		case oneTimeCode.MatchString(words) || len(t.accepted) > 0 && !passwordPrompt.MatchString(words):
			return finding.New(finding.AuthSecondFactorRequired, finding.Confirmed).With("reply", words)
		case t.password && !passwordPrompt.MatchString(words):
			return finding.New(finding.AuthSecondFactorRequired, finding.Likely).With("reply", words)
		}
	}
	switch {
	case t.refusal != "":
		return t.rejected()
	case t.sha1 != nil:
		return t.noSignature(finding.New(finding.SSHNoCommonSignature, finding.Confirmed), *t.sha1)
	case len(t.accepted) > 0:
		return finding.New(finding.AuthSecondFactorRequired, finding.Likely).With("reply", strings.Join(t.offered, ", ")).
			Saw("accepted, and not enough", strings.Join(t.accepted, ", "), fromSSH)
	case len(t.refused) > 0 && len(t.keys) > 0:
		return finding.New(finding.SSHTooManyAttempts, finding.Likely).With("count", fmt.Sprint(len(t.refused)+len(t.keys))).
			Saw("keys that a client would try", fmt.Sprint(len(t.refused)+len(t.keys)), fromThisMachine).
			Or(finding.SSHTooManyAttempts, "a key further down may be the right one, and servers stop after so many").
			Or(finding.SSHKeyRejected, "none of the keys may be authorised").
			DecideBy("try the one key that is meant: ssh -o IdentitiesOnly=yes -i KEY")
	case len(t.refused) > 0:
		return t.keyRejected()
	case len(t.unsigned) > 0:
		return t.noSignature(finding.New(finding.SSHNoCommonSignature, finding.Confirmed), t.unsigned[0])
	case len(t.unusable) > 0 && t.offers("publickey"):
		return t.keyUnusable()
	case t.hasPassword() || len(t.keys) > 0:
		return finding.New(finding.SSHAuthMethodNotOffered, finding.Confirmed).With("other", strings.Join(t.offered, ", "))
	}
	return nil
}

// cut: the connection did not survive the login.
func (t *sshTries) cut() *finding.Finding {
	words := strings.TrimSpace(t.banner)
	if d := t.last.Disconnect; d != nil {
		words = strings.TrimSpace(words + " " + d.Message)
	}
	def := match(loginEnds, words)
	switch {
	case def == finding.SSHTooManyAttempts || t.last.Disconnect != nil && t.last.Disconnect.Code == 14:
		return finding.New(finding.SSHTooManyAttempts, finding.Confirmed).With("count", fmt.Sprint(len(t.refused)))
	case def != nil:
		return finding.New(def, finding.Confirmed).With("reply", shorten(words))
	case t.last.Failure == observe.Timeout:
		return t.noAnswer()
	case len(t.refused) > 0 && !t.password:
		return finding.New(finding.SSHTooManyAttempts, finding.Likely).With("count", fmt.Sprint(len(t.refused))).
			Or(finding.SSHTooManyAttempts, "the server ended the session after so many keys").
			Or(finding.ServiceAborts, "the server's process for this session died").
			DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd)")
	}
	return finding.New(finding.ServiceAborts, finding.Likely).With("reply", told(t.last.Step)).
		Or(finding.ServiceAborts, "the server's process for this session died").
		Or(finding.AuthAccountExpired, "the account or its password has expired").
		Or(finding.AuthUserDenied, "a list of the server denies this user").
		Or(finding.AuthPAMBroken, "the service's PAM configuration is broken").
		DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd)")
}

// noAnswer: the time is over. Where the server goes on with others, it is the
// login that takes so long, and it may still end well.
func (t *sshTries) noAnswer() *finding.Finding {
	def := finding.ServiceHung
	if t.beside.OK() {
		def = finding.PerformanceSlowLogin
	}
	return finding.New(def, finding.Likely).With("seconds", fmt.Sprintf("%.0f", t.last.Took.Seconds())).
		Saw("a second connection gets as far as the key exchange", t.beside.Step.String(), fromExperiment).
		Or(finding.PerformanceSlowLogin, "the server waits for its user database, for PAM or for a resolver, and may answer still").
		Or(finding.ServiceHung, "the server's process for this session hangs").
		DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
}

// rejected: the password was refused. Servers do not say which of many it is.
func (t *sshTries) rejected() *finding.Finding {
	f := finding.New(finding.AuthRejected, finding.Likely).With("reply", "Permission denied ("+strings.Join(t.offered, ",")+")").
		Saw("time until the refusal", observe.Human(t.last.Took), fromSSH)
	if t.r.sshUser() == "root" {
		f.Or(finding.AuthUserDenied, "root may not log in with a password (PermitRootLogin)")
	}
	return f.Or(finding.AuthRejected, "user or password is wrong").
		Or(finding.AuthUserUnknown, "the account does not exist").
		Or(finding.AuthUserDenied, "a list of the server denies this user").
		Or(finding.AuthAccountLocked, "the account is locked").
		Or(finding.AuthAccountExpired, "the account or its password has expired").
		Or(finding.AuthPasswordExpired, "the password has expired and must be changed").
		Or(finding.AuthShellMissing, "the account's login shell does not exist").
		Or(finding.AuthPAMBroken, "the service's PAM configuration is broken").
		Or(finding.ClientCredentialsMangled, "the password was altered on its way here (quoting, character set)").
		DecideBy("on the server: read the log of this moment (journalctl -u ssh -t sshd, /var/log/auth.log); it names the reason")
}

func (t *sshTries) keyRejected() *finding.Finding {
	f := finding.New(finding.SSHKeyRejected, finding.Likely).With("other", keyString(t.refused[0]))
	for _, k := range t.unusable {
		f.Saw("a key of this machine that can't be used", unusableString(k), fromThisMachine)
	}
	f.Or(finding.SSHKeyRejected, "the public key is not in the account's authorized_keys, or another key is meant").
		Or(finding.SSHAuthorizedKeysUnsafe, "sshd passes over authorized_keys because of the modes or owners of the file or of the home").
		Or(finding.AuthUserUnknown, "the account does not exist").
		Or(finding.AuthUserDenied, "a list of the server denies this user").
		Or(finding.AuthAccountLocked, "the account is locked").
		Or(finding.SSHNoCommonSignature, "the server does not take keys of this type (PubkeyAcceptedAlgorithms)")
	if len(t.unusable) > 0 {
		f.Or(finding.SSHKeyUnusable, "the key that is meant is the one that can't be used")
	}
	return f.DecideBy("on the server: read the log of this moment (journalctl -u ssh -t sshd, /var/log/auth.log); it names the reason")
}

func (t *sshTries) noSignature(f *finding.Finding, k observe.SSHKey) *finding.Finding {
	return f.With("other", keyString(k)).Saw("the key", keyString(k), fromThisMachine)
}

func (t *sshTries) keyUnusable() *finding.Finding {
	k := t.unusable[0]
	f := finding.New(finding.SSHKeyUnusable, finding.Confirmed).With("file", k.Source).With("reply", unusable(k))
	for _, k := range t.unusable {
		f.Saw("a key of this machine that can't be used", unusableString(k), fromThisMachine)
	}
	return f
}

// unusable names the reason.
func unusable(k observe.SSHKey) string {
	switch {
	case k.Failure == observe.Absent:
		return finding.Say("no such file")
	case !k.OK():
		return told(k.Step)
	case k.Problem == observe.KeyTooOpen:
		return finding.Say("mode %s", k.Mode)
	case k.Problem == observe.Problem(sshwire.KeyForeign) || k.Problem == observe.Problem(sshwire.KeyUnsupported):
		return k.Format
	case k.Problem == observe.KeyEncrypted || k.Problem == observe.KeyMalformed:
		return finding.Say(string(k.Problem))
	default: // what the KeyForm says
		return finding.Say(string(sshwire.KeyProblem(k.Problem)))
	}
}

func unusableString(k observe.SSHKey) string { return k.Source + ": " + unusable(k) }
