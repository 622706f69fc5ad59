package observe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Failures of SSH, besides those of every connection.
const (
	NoCommon     Failure = "no-common-algorithm" // the lists of both sides have no entry in common
	BadSSH       Failure = "bad-ssh"             // the bytes or their order break the protocol, or a signature is wrong
	Disconnected Failure = "disconnected"        // SSH_MSG_DISCONNECT (RFC 4253 §11.1)
)

// Bounds on what a server says in clear.
const (
	maxHello    = 16 << 10 // before and with its identification
	maxClear    = 64 << 10 // up to and with its KEXINIT
	maxPacket   = 256 << 10
	quietHello  = 700 * time.Millisecond // no identification will follow other words after so long
	msgKexInit  = 20                     // RFC 4250 §4.1.2
	msgNewKeys  = 21
	sshIdentity = "SSH-"
)

// SSHHello is what a server says first.
type SSHHello struct {
	Step
	Data       Bytes `json:"data,omitempty"`
	Identified bool  `json:"identified,omitempty"` // an identification line is in it (RFC 4253 §4.2)
}

// SSHConn is a connection that speaks SSH: first its hello, then the key exchange,
// then the login. It is used by one goroutine at a time.
type SSHConn struct {
	c    *Conn
	w    *World
	tap  *sshTap  // nil in a recording
	live *sshLive // from the key exchange on; nil in a recording
}

// SSH sends our identification and waits for the server's. Whatever else
// answers has then spoken too: the step ends soon after words of another
// protocol. Next comes [SSHConn.Exchange], or [SSHConn.Wait] after a silence;
// the connection's own Read and Write are not used any more.
func (c *Conn) SSH(ctx context.Context, identification string, timeout time.Duration) (*SSHConn, SSHHello) {
	s := &SSHConn{c: c, w: c.w}
	if c.nc != nil {
		s.tap = &sshTap{Conn: c.nc, sent: []byte(identification)}
	}
	return s, s.wait(ctx, timeout, true)
}

// Wait waits on for the server's identification.
func (s *SSHConn) Wait(ctx context.Context, timeout time.Duration) SSHHello {
	return s.wait(ctx, timeout, false)
}

func (s *SSHConn) wait(ctx context.Context, timeout time.Duration, first bool) SSHHello {
	return do(s.w, "ssh-hello", func() SSHHello {
		c, start := s.c, time.Now()
		c.Bind(ctx).SetBudget(timeout)
		if first {
			release := c.deadline()
			// A failure shows again at the next read; what was said before comes first.
			_, _ = c.nc.Write(append(slices.Clone(s.tap.sent), "\r\n"...))
			release()
		}
		h := s.hello()
		h.Took = time.Since(start)
		h.Data = Bytes(c.w.Redact(string(h.Data)))
		return h
	})
}

func (s *SSHConn) hello() (h SSHHello) {
	c, start := s.c, time.Now()
	h.Data = slices.Clone(Bytes(s.tap.early))
	pause := c.timeout
	defer func() { c.timeout = pause }()
	buf := make([]byte, 4<<10)
	for {
		release := c.deadline()
		n, err := c.nc.Read(buf)
		release()
		h.Data = append(h.Data, buf[:n]...)
		c.received += int64(n)
		s.tap.early = append(s.tap.early, buf[:n]...)
		s.tap.note(buf[:n])
		switch {
		case afterIdentification(h.Data) >= 0:
			h.Step, h.Identified = Step{}, true
			return h
		case err != nil:
			h.Step = c.step(start, err)
			return h
		case len(h.Data) > maxHello:
			h.Failure = TooMuch
			return h
		case !mayIdentify(h.Data):
			c.timeout = quietHello
		}
	}
}

// afterIdentification is where the bytes after the identification begin, or -1.
func afterIdentification(b []byte) int {
	for at := 0; ; {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			return -1
		}
		if bytes.HasPrefix(b[at:], []byte(sshIdentity)) {
			return at + end + 1
		}
		at += end + 1
	}
}

// mayIdentify tells whether the line under way can become an identification.
func mayIdentify(b []byte) bool {
	line := b[bytes.LastIndexByte(b, '\n')+1:]
	n := min(len(line), len(sshIdentity))
	return (n > 0 || len(b) == 0) && string(line[:n]) == sshIdentity[:n]
}

// sshTap stands between a connection and the SSH library: it gives the library
// what was read before, keeps what the server says in clear, and counts.
type sshTap struct {
	net.Conn
	early []byte // read already; the library reads it again
	sent  []byte // our identification, sent already; the library's is swallowed

	mu      sync.Mutex
	clear   []byte
	done    bool // nothing in clear is missing
	read    int64
	written int64
	greeted bool
}

func (t *sshTap) Read(p []byte) (int, error) {
	if len(t.early) > 0 {
		n := copy(p, t.early)
		t.early = t.early[n:]
		return n, nil
	}
	n, err := t.Conn.Read(p)
	t.note(p[:n])
	return n, err
}

func (t *sshTap) Write(p []byte) (int, error) {
	t.mu.Lock()
	first := !t.greeted
	t.greeted = true
	t.written += int64(len(p))
	t.mu.Unlock()
	if first && bytes.HasPrefix(p, t.sent) {
		return len(p), nil
	}
	return t.Conn.Write(p)
}

// note keeps what is in clear: up to the end of the first KEXINIT.
func (t *sshTap) note(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read += int64(len(p))
	if t.done {
		return
	}
	t.clear = append(t.clear, p[:min(len(p), maxClear-len(t.clear))]...)
	if end := endOfClear(t.clear); end >= 0 {
		t.clear, t.done = t.clear[:end], true
	} else if len(t.clear) >= maxClear {
		t.done = true
	}
}

// endOfClear is where the first KEXINIT ends, or what can't be SSH; -1: not yet.
func endOfClear(b []byte) int {
	at := afterIdentification(b)
	for at >= 0 && len(b)-at >= 6 {
		length := binary.BigEndian.Uint32(b[at:])
		kind := b[at+5]
		if length < 2 || length > maxPacket || kind >= msgNewKeys {
			return len(b)
		}
		next := at + 4 + int(length)
		if next > len(b) {
			return -1
		}
		if at = next; kind == msgKexInit {
			return at
		}
	}
	return -1
}

func (t *sshTap) counts() (read, written int64, clear Bytes) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.read, t.written, slices.Clone(Bytes(t.clear))
}

// SSHOptions say how to begin.
type SSHOptions struct {
	User     string
	HostKeys []string // host key algorithms to be asked for first: those of the keys that are known
	Timeout  time.Duration
}

// SSHDisconnect is the message with which a server ends (RFC 4253 §11.1).
type SSHDisconnect struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// SSHStart is what the key exchange led to. Nothing has been told to the server
// yet: neither user nor password.
type SSHStart struct {
	Step
	Clear      Bytes          `json:"clear,omitempty"`    // what the server said in clear, up to and with its KEXINIT
	HostKey    Bytes          `json:"host_key,omitempty"` // wire form (RFC 4253 §6.6); its signature was right
	List       string         `json:"list,omitempty"`     // NoCommon: which list
	Ours       []string       `json:"ours,omitempty"`     // NoCommon: what this program can do
	Theirs     []string       `json:"theirs,omitempty"`   // NoCommon: what the server offers
	Disconnect *SSHDisconnect `json:"disconnect,omitempty"`
	Received   int64          `json:"received,omitempty"` // bytes that came after the hello
}

// sshLive is a handshake or session of the library under way.
type sshLive struct {
	tap     *sshTap
	tcp     net.Conn
	hostKey chan ssh.PublicKey
	trusted chan struct{}
	asked   chan *ssh.ClientAuthContext // the library asks which way to log in
	next    chan ssh.AuthMethod         // nil: none
	quit    chan struct{}
	once    sync.Once
	done    chan struct{} // the handshake is over; then:
	client  *ssh.Client
	err     error

	// Of the goroutine that makes the steps:
	last    *ssh.ClientAuthContext
	settled func() // completes the step under way

	mu     sync.Mutex
	banner []byte
}

// Exchange makes the key exchange, with every algorithm that the library has,
// also those that nobody should use: this is a diagnosis and hands out no
// trust. The host key is for the caller to judge, before [SSHConn.Ways].
func (s *SSHConn) Exchange(ctx context.Context, o SSHOptions) SSHStart {
	return do(s.w, "ssh", func() SSHStart {
		_ = s.c.nc.SetDeadline(time.Time{})
		s.live = startSSH(s.tap, s.c.nc, o)
		return s.live.keyExchange(ctx, o.Timeout)
	})
}

func startSSH(tap *sshTap, tcp net.Conn, o SSHOptions) *sshLive {
	l := &sshLive{
		tap: tap, tcp: tcp, hostKey: make(chan ssh.PublicKey), trusted: make(chan struct{}),
		asked: make(chan *ssh.ClientAuthContext), next: make(chan ssh.AuthMethod), quit: make(chan struct{}), done: make(chan struct{}),
	}
	conf := &ssh.ClientConfig{
		User: o.User, ClientVersion: string(tap.sent), HostKeyAlgorithms: hostKeyOrder(o.HostKeys),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { return l.offer(key) },
		AuthCallback:    l.ask,
		BannerCallback: func(text string) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.banner = append(l.banner, text[:min(len(text), maxBanner-len(l.banner))]...)
			return nil
		},
	}
	good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	conf.KeyExchanges = slices.Concat(good.KeyExchanges, bad.KeyExchanges)
	conf.Ciphers = slices.Concat(good.Ciphers, bad.Ciphers)
	conf.MACs = slices.Concat(good.MACs, bad.MACs)
	go func() {
		defer close(l.done)
		conn, channels, requests, err := ssh.NewClientConn(tap, tcp.RemoteAddr().String(), conf)
		if err != nil {
			l.err = err
			return
		}
		l.client = ssh.NewClient(conn, channels, requests)
	}()
	return l
}

// maxBanner bounds what is kept of the texts before a login.
const maxBanner = 4 << 10

// hostKeyOrder puts the known algorithms first, then keys before certificates.
func hostKeyOrder(first []string) []string {
	good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	all := slices.Concat(good.HostKeys, bad.HostKeys)
	isCert := func(a string) bool { return strings.Contains(a, "-cert-") }
	var order []string
	for _, a := range append(slices.Clone(first), ssh.KeyAlgoED25519) { // as OpenSSH, where none is known
		if slices.Contains(all, a) {
			order = append(order, a)
		}
	}
	for _, cert := range []bool{false, true} {
		for _, a := range all {
			if isCert(a) == cert && !slices.Contains(order, a) {
				order = append(order, a)
			}
		}
	}
	return order
}

var errGivenUp = errors.New("given up")

// offer shows the host key and waits for the word to go on.
func (l *sshLive) offer(key ssh.PublicKey) error {
	select {
	case <-l.trusted: // a later key exchange of the same session
		return nil
	default:
	}
	select {
	case l.hostKey <- key:
	case <-l.quit:
		return errGivenUp
	}
	select {
	case <-l.trusted:
		return nil
	case <-l.quit:
		return errGivenUp
	}
}

// ask is called by the library after each try.
func (l *sshLive) ask(now *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	select {
	case l.asked <- now:
	case <-l.quit:
		return nil, errGivenUp
	}
	select {
	case m := <-l.next:
		return m, nil
	case <-l.quit:
		return nil, errGivenUp
	}
}

// abort ends everything and waits until it has ended.
func (l *sshLive) abort() {
	l.once.Do(func() {
		close(l.quit)
		_ = l.tcp.Close()
	})
	<-l.done
	if l.client != nil {
		_ = l.client.Wait() // its error is that of the end
	}
}

func (l *sshLive) keyExchange(ctx context.Context, timeout time.Duration) SSHStart {
	var st SSHStart
	start := time.Now()
	before, _, _ := l.tap.counts()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case key := <-l.hostKey:
		st.HostKey = key.Marshal()
	case <-l.done:
		st.Failure, st.Errno, st.Disconnect = classifySSH(l.err)
		if none, ok := errors.AsType[*ssh.AlgorithmNegotiationError](l.err); ok {
			st.List, st.Ours, st.Theirs = none.What, none.SupportedAlgorithms, none.RequestedAlgorithms
		}
	case <-timer.C:
		st.Failure = Timeout
	case <-ctx.Done():
		st.Failure = Canceled
	}
	st.Took = time.Since(start)
	var after int64
	after, _, st.Clear = l.tap.counts()
	st.Received = after - before
	if !st.OK() {
		l.abort()
	}
	return st
}

var disconnectRE = regexp.MustCompile(`(?s)ssh: disconnect, reason (\d+): (.*)`)

// classifySSH knows the errors of the library besides those of the system.
func classifySSH(err error) (Failure, string, *SSHDisconnect) {
	if err == nil {
		return None, "", nil
	}
	words := strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")
	if m := disconnectRE.FindStringSubmatch(words); m != nil {
		code, _ := strconv.Atoi(m[1])
		return Disconnected, "", &SSHDisconnect{code, m[2][:min(len(m[2]), 512)]}
	}
	if _, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		return NoCommon, "", nil
	}
	f, errno := classify(err)
	if f == OtherFailure {
		return BadSSH, strings.TrimPrefix(words, "ssh: "), nil
	}
	return f, errno, nil
}

// Close ends the session. It may be called more than once.
func (s *SSHConn) Close() {
	if s.live != nil {
		s.live.abort()
	}
}
