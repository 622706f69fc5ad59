package machine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"os/user"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Address is where to log in over SSH.
type Address struct {
	User string // empty: the name of who runs this program
	Host string // a name or an address, without brackets
	Port int    // 0: 22
}

// ParseAddress reads ssh://[user@]host[:port], with or without the scheme.
func ParseAddress(s string) (Address, error) {
	bad := func(why string) (Address, error) { // without the text, in which there may be a password
		return Address{}, fmt.Errorf("this is no address for SSH: %s; for example ssh://admin@ftp.example.com", why)
	}
	text := s
	if !strings.Contains(text, "://") {
		text = "ssh://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return bad("it can't be read")
	}
	a := Address{Host: u.Hostname(), User: u.User.Username()}
	_, hasPassword := u.User.Password()
	switch {
	case u.Scheme != "ssh":
		return bad("its scheme is not ssh")
	case a.Host == "" || strings.HasPrefix(a.Host, "-"):
		return bad("it names no host")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return bad("something follows the host")
	case hasPassword:
		return bad("a password has no place in it (a key or the agent logs in)")
	}
	if p := u.Port(); p != "" {
		if a.Port, err = strconv.Atoi(p); err != nil || a.Port < 1 || a.Port > 65535 {
			return bad("its port is not from 1 to 65535")
		}
	}
	return a, nil
}

// String is the address as a URL.
func (a Address) String() string {
	u := url.URL{Scheme: "ssh", Host: a.Host}
	if strings.ContainsRune(a.Host, ':') {
		u.Host = "[" + a.Host + "]"
	}
	if a.Port != 0 && a.Port != 22 {
		u.Host = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	}
	if a.User != "" {
		u.User = url.User(a.User)
	}
	return u.String()
}

// complete fills in what was left out.
func (a Address) complete() (Address, error) {
	if a.Port == 0 {
		a.Port = 22
	}
	if a.User == "" {
		u, err := user.Current()
		if err != nil {
			return a, fmt.Errorf("no user is given for %s, and who runs this program is unknown: %w", a, err)
		}
		_, name, ok := strings.Cut(u.Username, `\`) // DOMAIN\name on Windows
		if !ok {
			name = u.Username
		}
		a.User = name
	}
	return a, nil
}

func (a Address) dialString() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// Options say how to log in.
type Options struct {
	Identity   []string // private keys; none: the agent's and the usual ones of ~/.ssh
	KnownHosts []string // files; none: the user's and the system's
	Agent      string   // the agent's socket; empty: $SSH_AUTH_SOCK; "none": no agent
	Jump       *Address // log in there first, and go on from there (ssh -J)
	NoSudo     bool     // do not try sudo

	// Passphrase gives that of a key file; nil: such keys are left out.
	Passphrase func(file string) ([]byte, error)

	Timeout time.Duration // for the connection and the login, each; 0: 10 s
}

// maxSessions bounds the commands under way: OpenSSH's MaxSessions is 10.
const maxSessions = 8

// there runs commands over one SSH connection.
type there struct {
	client *ssh.Client
	before []io.Closer // connections that this one goes through, the nearest first
	slots  chan struct{}

	mu       sync.Mutex
	underway int
}

// Dial logs in over SSH. The machine must be a Unix, whose accounts' shells
// run commands. A host key that is unknown, or another than known, is a
// *HostKeyError; a login that fails is a *LoginError.
func Dial(ctx context.Context, at Address, o Options) (*Machine, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	at, err := at.complete()
	if err != nil {
		return nil, err
	}
	t := &there{slots: make(chan struct{}, maxSessions)}
	if err := t.connect(ctx, at, o); err != nil {
		return nil, errors.Join(err, t.close())
	}
	m := &Machine{name: at.String(), way: t}
	sys, err := m.remoteSystem(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("log in to %s: %w", at, err), t.close())
	}
	if o.Jump != nil {
		m.from = netip.Addr{} // that is the other machine's
	}
	sudo := false
	if !sys.Root && !o.NoSudo && m.canSudo(ctx, "-l") {
		sudo = true
		sys.Root = m.canSudo(ctx, "true")
	}
	m.sudo = func() bool { return sudo }
	m.system = func() System { return sys }
	return m, nil
}

// connect logs in, through the other machine where one is named.
func (t *there) connect(ctx context.Context, at Address, o Options) error {
	var through *ssh.Client
	if o.Jump != nil {
		jump, err := o.Jump.complete()
		if err != nil {
			return err
		}
		if through, err = login(ctx, jump, nil, o); err != nil {
			return err
		}
		t.before = append(t.before, through)
	}
	var err error
	t.client, err = login(ctx, at, through, o)
	return err
}

// login connects, compares the host key and logs in.
func login(ctx context.Context, at Address, through *ssh.Client, o Options) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*o.Timeout)
	defer cancel()
	known, err := readKnownHosts(o.KnownHosts)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, at, through, o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", at, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	keys := gather(ctx, o)
	defer keys.close()
	conf := &ssh.ClientConfig{
		User: at.User, ClientVersion: "SSH-2.0-ftpdoctor",
		HostKeyCallback:   known.check,
		HostKeyAlgorithms: known.algorithms(at.dialString()),
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return keys.signers, nil })},
	}
	conn, channels, requests, err := ssh.NewClientConn(c, at.dialString(), conf)
	if !stop() && err == nil { // closed under us
		err = ctx.Err()
	}
	if err == nil {
		return ssh.NewClient(conn, channels, requests), nil
	}
	_ = c.Close()
	var hostKey *HostKeyError
	switch {
	case errors.As(err, &hostKey):
		return nil, hostKey
	case ctx.Err() != nil:
		return nil, fmt.Errorf("log in to %s: %w", at, ctx.Err())
	case strings.Contains(err.Error(), "unable to authenticate"):
		return nil, &LoginError{At: at, Offered: keys.names, Left: keys.left, Err: err}
	}
	return nil, fmt.Errorf("log in to %s: %w", at, err)
}

func dial(ctx context.Context, at Address, through *ssh.Client, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if through != nil {
		return through.DialContext(ctx, "tcp", at.dialString())
	}
	return new(net.Dialer).DialContext(ctx, "tcp", at.dialString())
}

func (t *there) close() error {
	var err error
	if t.client != nil {
		err = t.client.Close()
	}
	for _, c := range t.before {
		err = errors.Join(err, c.Close())
	}
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil // the server was faster
	}
	return err
}

// errNoShell says that the account can log in and run nothing.
var errNoShell = errors.New("the account's shell runs no commands")

// run runs a command in a session of its own. The login shell is given nothing
// to interpret but "exec /bin/sh", since it may be fish or csh; what to run goes to
// that shell's standard input. What start-up files print comes before our mark,
// and is left out.
func (t *there) run(ctx context.Context, argv []string) (Output, error) {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return Output{}, ctx.Err()
	}
	mark := newMark()
	done := make(chan struct{})
	var (
		out Output
		err error
	)
	var running sessionOf
	go func() {
		defer close(done)
		out, err = t.session(ctx, &running, wrap(argv, mark))
	}()
	select {
	case <-done:
	case <-ctx.Done():
		running.kill()
		select { // what was said until now
		case <-done:
		case <-time.After(time.Second): // the connection hangs too
			return Output{}, ctx.Err()
		}
		if err == nil {
			err = ctx.Err()
		}
	}
	if ctx.Err() != nil && err != nil {
		return Output{}, ctx.Err()
	}
	if err != nil {
		return Output{}, err
	}
	return unwrap(out, mark)
}

// sessionOf is the session under way, for whoever gives up on it.
type sessionOf struct {
	mu     sync.Mutex
	s      *ssh.Session
	killed bool
}

func (r *sessionOf) set(s *ssh.Session) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s = s
	return !r.killed
}

func (r *sessionOf) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	if r.s != nil {
		_ = r.s.Signal(ssh.SIGKILL) // where the server knows it; the closed session does the rest
		_ = r.s.Close()
	}
}

func (t *there) session(ctx context.Context, running *sessionOf, text string) (Output, error) {
	s, err := t.open(ctx)
	if err != nil {
		return Output{}, err
	}
	defer func() {
		t.mu.Lock()
		t.underway--
		t.mu.Unlock()
		_ = s.Close()
	}()
	if !running.set(s) {
		return Output{}, ctx.Err()
	}
	stdout, stderr := &bounded{max: MaxOutput + maxNoise, full: running.kill}, &bounded{max: MaxOutput + maxNoise, full: running.kill}
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(text), stdout, stderr
	if err := s.Start("exec /bin/sh"); err != nil {
		return Output{}, fmt.Errorf("%w: %w", errNoShell, err)
	}
	err = s.Wait()
	out := Output{Stdout: stdout.bytes(), Stderr: stderr.bytes(), Cut: stdout.cut || stderr.cut}
	exit, hasStatus := errors.AsType[*ssh.ExitError](err)
	_, none := errors.AsType[*ssh.ExitMissingError](err)
	switch {
	case out.Cut, none && ctx.Err() == nil:
		out.Exit = -1
		return out, nil
	case hasStatus && exit.Signal() != "":
		out.Exit = -1
		return out, nil
	case hasStatus:
		out.Exit = exit.ExitStatus()
		return out, nil
	}
	return out, err
}

// open opens a session. A server with a smaller MaxSessions refuses what is
// too much, and takes it when another session has ended.
func (t *there) open(ctx context.Context) (*ssh.Session, error) {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		s, err := t.client.NewSession()
		if err == nil {
			t.mu.Lock()
			t.underway++
			t.mu.Unlock()
			return s, nil
		}
		t.mu.Lock()
		others := t.underway > 0
		t.mu.Unlock()
		if refused, ok := errors.AsType[*ssh.OpenChannelError](err); !ok || !others {
			if ok {
				err = fmt.Errorf("%w: %w", errNoShell, refused)
			}
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// maxNoise is what start-up files may print before the mark.
const maxNoise = 64 << 10

// newMark is a line that no start-up file prints.
func newMark() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "ftpdoctor-" + hex.EncodeToString(b[:])
}

// missing follows the mark where the command is not installed.
const missing = "-missing"

// wrap is the script that runs a command after the mark. It is one compound
// command: the shell has read all of it before it begins. In the end it becomes
// the command, so that a signal reaches that.
func wrap(argv []string, mark string) string {
	var b strings.Builder
	b.WriteString("{\nPATH=${PATH:-/usr/bin:/bin}")
	for _, d := range sbin {
		b.WriteString(":" + d)
	}
	b.WriteString("\nLC_ALL=C LANG=C\nexport PATH LC_ALL LANG\nunset LANGUAGE\n")
	probe := argv[0]
	if path.Base(probe) == "sudo" && len(argv) > 3 { // sudo -n -- COMMAND
		probe = argv[3]
	}
	fmt.Fprintf(&b, "if command -v %s >/dev/null 2>&1; then m=%s; else m=%s; fi\n", quote(probe), mark, mark+missing)
	b.WriteString("printf '%s\\n' $m; printf '%s\\n' $m >&2\n")
	// A server ends what we give up on only for others than root, if at all.
	fmt.Fprintf(&b, "t=; if command -v timeout >/dev/null 2>&1; then t='timeout -k 1 %d'; fi\n", int((Limit + 2*time.Second).Seconds()))
	fmt.Fprintf(&b, "exec $t %s </dev/null\n}\n", Quote(argv...))
	return b.String()
}

// unwrap cuts what came before the mark.
func unwrap(out Output, mark string) (Output, error) {
	_, stdout, ok := bytes.Cut(out.Stdout, []byte(mark))
	_, stderr, _ := bytes.Cut(out.Stderr, []byte(mark))
	if !ok {
		said := strings.TrimSpace(string(out.Stdout) + " " + string(out.Stderr))
		return Output{}, fmt.Errorf("%w: it says %q", errNoShell, said[:min(len(said), 200)])
	}
	if bytes.HasPrefix(stdout, []byte(missing)) {
		return Output{}, exec.ErrNotFound
	}
	out.Stdout, out.Stderr = bytes.TrimPrefix(stdout, []byte("\n")), bytes.TrimPrefix(stderr, []byte("\n"))
	for _, stream := range []*[]byte{&out.Stdout, &out.Stderr} {
		if len(*stream) > MaxOutput {
			*stream, out.Cut, out.Exit = (*stream)[:MaxOutput], true, -1
		}
	}
	return out, nil
}
