package probe

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// sshLoginCheck logs in with what was given: a password or keys, each once.
var sshLoginCheck = &check{
	name: "ssh-login", layer: "auth", asks: "does the server let this user in",
	of:      []string{observe.SSH},
	applies: asSomebody,
	run:     sshLogin,
}

// asSomebody: SSH knows no anonymous users, and nobody asked for a login where a
// survey found the server.
func asSomebody(t observe.Target, o Options) string {
	if o.found && t.User == "" && len(o.Identity) == 0 {
		return "no user is given, so no login is tried"
	}
	return ""
}

const (
	// sshLoginTimeout bounds all answers of a login together with those before it:
	// the whole check shall take 10 s.
	sshLoginTimeout = 7500 * time.Millisecond
	sshAnswerLeast  = 3 * time.Second // of one try, however late the server was before
	sshKeyTimeout   = 5 * time.Second
	// maxKeys is how many keys a server hears of before it ends the session
	// (MaxAuthTries of OpenSSH).
	maxKeys = 6
)

// sshTries is a login under way.
type sshTries struct {
	r        *run
	conn     *observe.SSHConn
	offered  []string // ways that can continue, at present
	first    []string // ways that the server offered at first
	last     observe.SSHAuth
	in       bool
	over     bool     // the connection ended
	accepted []string // ways that were, where more than one is wanted
	took     time.Duration
	agent    observe.SSHAgent
	gathered bool
	keys     []observe.SSHKey // to be tried
	unusable []observe.SSHKey
	refused  []observe.SSHKey
	unsigned []observe.SSHKey // no signature algorithm in common
	taken    bool             // a key was asked for its signature, and refused then
	sha1     *observe.SSHKey  // accepted with SHA-1 only
	password bool             // the password was told
	refusal  string           // the way in which it was refused
	prompt   *observe.SSHPrompt
	banner   string
	evidence []finding.Evidence
	beside   *observe.SSHStart // of a second connection, when no answer came; nil: none was made
}

// patience is how long the next answer is waited for. It goes by what the steps
// took, so that a recording leads to the same.
func (t *sshTries) patience() time.Duration {
	left := sshLoginTimeout - t.r.ssh.hello.Took - t.r.ssh.start.Took - t.took
	return max(left, sshAnswerLeast)
}

func sshLogin(ctx context.Context, r *run) {
	t := &sshTries{r: r, conn: r.ssh.conn}
	defer func() { t.agent.Close() }()
	t.take("ways to log in", "none", t.conn.Ways(ctx, t.patience()))
	t.first = slices.Clone(t.offered)
	if a := t.last.Algorithms; a != nil {
		r.facts.SSH["negotiated"] = map[string]any{"kex": a.KeyExchange, "host_key": a.HostKey, "cipher": a.Cipher, "mac": a.MAC}
	}
	r.facts.SSH["auth_methods"] = t.first
	for range 4 { // a server may want several ways, one after the other
		before := len(t.accepted)
		t.round(ctx)
		if t.in || t.over || len(t.accepted) == before {
			break
		}
	}
	if !t.in && !t.over {
		t.lastWord(ctx)
	}
	if t.over && t.last.Failure == observe.Timeout {
		beside := r.exchangeOnce(ctx, r.w.Scope("beside"), 0, time.Second)
		t.beside = &beside
	}
	r.ssh.in, r.ssh.banner = t.in, t.banner
	if !t.in {
		if !t.over && !t.hasPassword() {
			t.gather(ctx) // is there a key that the server does not want?
		}
		t.verdict()
		return
	}
	r.facts.Timings["auth"] = seconds(t.took)
	if t.took >= slowLogin {
		r.find(finding.New(finding.PerformanceSlowLogin, finding.Confirmed).With("seconds", fmt.Sprintf("%.1f", t.took.Seconds())).
			Saw("time until the login was accepted", observe.Human(t.took), fromSSH))
	}
	if t.sha1 != nil {
		r.find(t.noSignature(finding.New(finding.SSHNoCommonSignature, finding.Confirmed), *t.sha1).Stop().
			Saw("the same key with a signature of SHA-1 (ssh-rsa)", finding.Say("accepted"), fromExperiment))
	}
}

// take notes what a try brought.
func (t *sshTries) take(what, detail string, a observe.SSHAuth) observe.SSHAuth {
	t.last = a
	t.took += a.Took
	t.in = a.In
	t.over = !a.OK()
	t.banner += string(a.Banner)
	if a.OK() && !a.In {
		t.offered = a.Methods
	}
	if a.Partial {
		t.accepted = append(t.accepted, detail)
	}
	t.evidence = append(t.evidence, finding.Evidence{What: what, Detail: detail + " → " + authString(a), Source: fromSSH})
	return a
}

func authString(a observe.SSHAuth) string {
	switch {
	case a.In:
		return finding.Say("accepted")
	case a.Disconnect != nil:
		return disconnected(a.Disconnect.Code, a.Disconnect.Message)
	case !a.OK():
		return told(a.Step)
	case a.NotOffered:
		return finding.Say("not sent: no signature algorithm in common")
	case a.Partial:
		return finding.Say("accepted, and further wanted: %s", strings.Join(a.Methods, ", "))
	default:
		return finding.Say("can continue: %s", strings.Join(a.Methods, ", "))
	}
}

func (t *sshTries) offers(way string) bool { return slices.Contains(t.offered, way) }

// hasPassword tells whether a password was given.
func (t *sshTries) hasPassword() bool { return t.r.target.HasPass }

// round tries each way that is offered and possible, in the order of OpenSSH:
// keys, keyboard-interactive, password. Where a password was given and can be
// used, it is what the user asks about, and keys of which nobody spoke stay at
// home.
func (t *sshTries) round(ctx context.Context) {
	partial := len(t.accepted)
	done := func() bool { return t.in || t.over || len(t.accepted) > partial }
	wantsPassword := t.hasPassword() && !t.password && (t.offers("password") || t.offers("keyboard-interactive"))
	if t.offers("publickey") && (!wantsPassword || len(t.r.options.Identity) > 0) {
		t.gather(ctx)
		t.tryKeys(ctx)
	}
	if !done() && t.offers("keyboard-interactive") && t.prompt == nil {
		t.tryKeyboard(ctx)
	}
	if !done() && t.offers("password") && t.hasPassword() && !t.password {
		t.password = true
		t.refusal = "password"
		a := t.take("the try with the password", "password", t.conn.TryPassword(ctx, t.r.target.Password, t.patience()))
		if a.Partial {
			t.refusal = ""
		}
	}
	if !done() && t.gathered && len(t.keys) == 0 {
		t.trySHA1(ctx)
	}
}

var (
	passwordPrompt = regexp.MustCompile(`(?i)pass ?(word|wort)|passphrase|mot de passe|contraseña|密码|口令|パスワード`)
	newPassword    = regexp.MustCompile(`(?i)(new|retype|current|old|\(current\)|change).*pass|expired|新.*密码|更改密码`)
)

// tryKeyboard answers a question for a password with the password, once, and
// no other.
func (t *sshTries) tryKeyboard(ctx context.Context) {
	told := t.password || !t.hasPassword()
	a := t.conn.TryKeyboard(ctx, func(p observe.SSHPrompt) (string, bool) {
		if told || p.Echo || !passwordPrompt.MatchString(p.Text) || newPassword.MatchString(p.Text) {
			return "", false
		}
		told = true
		return t.r.target.Password, true
	}, t.patience())
	for i, p := range a.Prompts {
		if p.Answered && p.Text != "" {
			t.password = true
			if !a.In && !a.Partial {
				t.refusal = "keyboard-interactive"
			}
		}
		if !p.Answered {
			t.prompt = &a.Prompts[i]
		}
	}
	t.take("the try with keyboard-interactive", "keyboard-interactive", a)
	if t.prompt != nil {
		t.evidence = append(t.evidence, finding.Evidence{What: "what the server asked for", Detail: strings.TrimSpace(t.prompt.Instruction + " " + t.prompt.Text), Source: fromSSH})
	}
}

// gather finds the keys: those that were named, or the agent's and the usual files.
func (t *sshTries) gather(ctx context.Context) {
	if t.gathered {
		return
	}
	t.gathered = true
	w := t.r.w
	files := t.r.options.Identity
	if len(files) == 0 {
		if socket := w.Environment("SSH_AUTH_SOCK")["SSH_AUTH_SOCK"]; socket != "" {
			t.agent = w.SSHAgent(ctx, socket, 2*time.Second)
			t.keys = append(t.keys, t.agent.Keys...)
		}
		if home := t.r.home(); home != "" {
			for _, n := range []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_dsa"} {
				files = append(files, home+"/.ssh/"+n)
			}
		}
	}
	inAgent := func(k observe.SSHKey) bool {
		return len(k.Public) > 0 && slices.ContainsFunc(t.agent.Keys, func(a observe.SSHKey) bool { return bytes.Equal(a.Public, k.Public) })
	}
	for _, f := range files {
		if f == "none" {
			continue
		}
		if c := w.SSHCertificate(f, keyForm); c.Usable() {
			t.keys = append(t.keys, c)
		}
		k := w.SSHKeyFile(f, keyForm)
		switch {
		case inAgent(k):
		case k.Failure == observe.Absent && len(t.r.options.Identity) == 0:
		case !k.Usable():
			t.unusable = append(t.unusable, k)
		default:
			t.keys = append(t.keys, k)
		}
	}
}

// keyForm is what OpenSSH makes of a key file.
func keyForm(content []byte) (format string, problem observe.Problem) {
	k := sshwire.Inspect(content)
	if k.Problem == "" && k.Encrypted {
		return string(k.Format), observe.KeyEncrypted
	}
	return string(k.Format), observe.Problem(k.Problem)
}

// tryKeys offers the keys, one after the other, as many as a client would.
func (t *sshTries) tryKeys(ctx context.Context) {
	for len(t.keys) > 0 && len(t.refused) < maxKeys && t.offers("publickey") {
		k := t.keys[0]
		t.keys = t.keys[1:]
		a := t.take("the try with a key", keyString(k), t.conn.TryKey(ctx, k, false, min(sshKeyTimeout, t.patience())))
		switch {
		case a.In || a.Partial:
			return
		case a.NotOffered && a.OK():
			t.unsigned = append(t.unsigned, k)
		default:
			t.refused = append(t.refused, k)
			t.taken = t.taken || a.Taken
		}
		if t.over {
			return
		}
	}
}

// trySHA1 asks, last of all, whether an RSA key would do with the signature
// that programs stopped to make years ago.
func (t *sshTries) trySHA1(ctx context.Context) {
	if len(t.refused) > 3 || !t.offers("publickey") {
		return
	}
	for _, k := range slices.Concat(t.unsigned, t.refused) {
		if k.Type != "ssh-rsa" {
			continue
		}
		before := *t
		a := t.take("the same key with a signature of SHA-1 (ssh-rsa)", keyString(k), t.conn.TryKey(ctx, k, true, min(sshKeyTimeout, t.patience())))
		if a.In || a.Partial || a.Taken && !t.taken { // some servers take every key until it signs
			t.sha1 = &k
		}
		if t.over { // that was one try more than this server bears: it says nothing about the others
			t.last, t.evidence, t.over = before.last, before.evidence, false
		}
		return
	}
}

func keyString(k observe.SSHKey) string {
	s := k.Source
	if k.Comment != "" {
		s += " (" + k.Comment + ")"
	}
	return s + " " + k.Type + " " + sshwire.Fingerprint(k.Public)
}

// lastWord learns what the library kept back of the last try.
func (t *sshTries) lastWord(ctx context.Context) {
	a := t.conn.GiveUp(ctx, time.Second)
	if a.Errno != "" && strings.Contains(a.Errno, "unexpected message type 60") {
		// SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 §8)
		t.prompt = &observe.SSHPrompt{Text: "SSH_MSG_USERAUTH_PASSWD_CHANGEREQ"}
		t.evidence = append(t.evidence, finding.Evidence{What: "what the server asked for", Detail: t.prompt.Text, Source: fromSSH})
	}
}
