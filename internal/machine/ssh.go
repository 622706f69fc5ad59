package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os/user"
	"slices"
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

	// Config are the files of ssh_config(5) in which the host may have a name,
	// a user, a port, keys, known hosts and a machine to go through of its own;
	// none: the user's and the system's. "none": no file.
	Config []string

	// Passphrase gives that of a key file; nil: such keys are left out.
	Passphrase func(file string) ([]byte, error)

	Timeout time.Duration // for the connection and the login, each; 0: 10 s

	files []string // keys to try instead of the usual ones, beside the agent's
	alias string   // under which the host key is known
}

// maxShells bounds the commands under way: OpenSSH's MaxSessions is 10.
const maxShells = 8

// there runs commands over one SSH connection, in shells that stay open: a
// session for each command would cost the machine several processes, and us two
// round trips.
type there struct {
	client *ssh.Client
	before []io.Closer // connections that this one goes through, the nearest first

	idle chan *shell // shells that wait for work; nil: one has ended, and another may be opened
	mu   sync.Mutex
	open int // shells that are there or being opened
	most int // that the server lets us open
}

// Dial logs in over SSH. The machine must be a Unix, whose accounts' shells
// run commands. A host key that is unknown, or another than known, is a
// *HostKeyError; a login that fails is a *LoginError.
func Dial(ctx context.Context, at Address, o Options) (*Machine, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	at, o, err := configured(at, o)
	if err != nil {
		return nil, err
	}
	t := &there{idle: make(chan *shell, 8*maxShells), most: maxShells}
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

// configured completes address and options from the files of ssh_config(5).
func configured(at Address, o Options) (Address, Options, error) {
	files := o.Config
	if len(files) == 0 {
		files = usualConfigs()
	}
	if !slices.Equal(files, []string{"none"}) {
		c, err := readClientConfig(files, at)
		if err == nil {
			at, o, err = c.apply(at, o)
		}
		if err != nil {
			return at, o, err
		}
	}
	at, err := at.complete()
	return at, o, err
}

// connect logs in, through the other machine where one is named.
func (t *there) connect(ctx context.Context, at Address, o Options) error {
	var through *ssh.Client
	if o.Jump != nil {
		first := o
		first.Jump, first.files, first.alias = &Address{}, nil, "" // one machine, and no further
		jump, first, err := configured(*o.Jump, first)
		if err != nil {
			return err
		}
		if through, err = login(ctx, jump, nil, first); err != nil {
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
	name := at.dialString()
	if o.alias != "" {
		name = net.JoinHostPort(o.alias, "22") // an alias is known without a port
	}
	conf := &ssh.ClientConfig{
		User: at.User, ClientVersion: "SSH-2.0-ftpdoctor",
		HostKeyCallback:   known.check,
		HostKeyAlgorithms: known.algorithms(name),
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return keys.signers, nil })},
	}
	conn, channels, requests, err := ssh.NewClientConn(c, name, conf)
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

// run runs a command in a shell that is free, or in a new one.
func (t *there) run(ctx context.Context, argv []string) (Output, error) {
	sh, err := t.take(ctx)
	if err != nil {
		return Output{}, err
	}
	out, err := sh.run(ctx, argv)
	if sh.ended {
		t.mu.Lock()
		t.open--
		t.mu.Unlock()
		sh = nil
	}
	t.give(sh)
	if ctx.Err() != nil && err != nil {
		return Output{}, ctx.Err()
	}
	return out, err
}

// give hands a shell, or the room for one, to whoever waits.
func (t *there) give(sh *shell) {
	select {
	case t.idle <- sh:
	default: // nobody can wait for so many
		if sh != nil {
			sh.end()
		}
	}
}

// take waits for a shell. A server with a smaller MaxSessions than usual
// refuses what is too much.
func (t *there) take(ctx context.Context) (*shell, error) {
	for {
		select {
		case sh := <-t.idle:
			if sh != nil {
				return sh, nil
			}
			continue
		default:
		}
		t.mu.Lock()
		room := t.open < t.most
		if room {
			t.open++
		}
		t.mu.Unlock()
		if room {
			sh, err := t.start(ctx)
			if err == nil {
				return sh, nil
			}
			t.mu.Lock()
			t.open--
			others := t.open
			refused, ok := errors.AsType[*ssh.OpenChannelError](err)
			if ok && others > 0 {
				t.most = others
			}
			t.mu.Unlock()
			switch {
			case !ok:
				return nil, err
			case others == 0:
				return nil, fmt.Errorf("%w: %w", errNoShell, refused)
			}
		}
		select {
		case sh := <-t.idle:
			if sh != nil {
				return sh, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// start opens a session with a shell.
func (t *there) start(ctx context.Context) (*shell, error) {
	type opened struct {
		sh  *shell
		err error
	}
	done := make(chan opened, 1)
	go func() {
		sh, err := openShell(t.client)
		done <- opened{sh, err}
	}()
	select {
	case o := <-done:
		return o.sh, o.err
	case <-ctx.Done(): // it ends with the connection
		return nil, ctx.Err()
	}
}
