package ftptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/ftp"
)

// Bounds of a session.
const (
	maxLine     = 8 << 10          // a command line, in bytes
	controlIdle = 5 * time.Minute  // silence on the control connection
	dataWait    = 30 * time.Second // until a data connection stands
	lingerClose = 500 * time.Millisecond
)

// errOver ends a session whose connection is done with.
var errOver = errors.New("session is over")

// errRuleOver ends a rule early; the session goes on.
var errRuleOver = errors.New("rule is over")

// session is one control connection. All but the transfer runs in one goroutine.
type session struct {
	srv    *Server
	ctx    context.Context
	cancel context.CancelFunc
	tcp    *net.TCPConn
	peer   netip.Addr
	number int // of the connection, from 1

	writing sync.Mutex // the transfer replies too
	conn    net.Conn   // tcp, or TLS over it
	in      *bufio.Reader
	secure  bool
	counts  map[*rule]int

	user      string
	asked     bool // USER was accepted, PASS is due
	loggedIn  bool
	anonymous bool

	cwd        string
	renameFrom string
	restart    int64

	protected bool // PROT P
	passive   *passivePort
	active    netip.AddrPort
	running   *transfer // nil: no transfer under way
	sessionID []byte    // marks the TLS sessions of this control connection
}

func newSession(srv *Server, tcp *net.TCPConn, number int) *session {
	s := &session{srv: srv, tcp: tcp, conn: tcp, in: bufio.NewReaderSize(tcp, maxLine), number: number, cwd: "/", counts: map[*rule]int{}}
	s.peer = tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	s.ctx, s.cancel = context.WithCancel(srv.ctx)
	return s
}

// serve runs the session to its end.
func (s *session) serve() {
	stop := context.AfterFunc(s.ctx, func() { s.tcp.Close() })
	defer stop()
	defer s.tcp.Close()
	defer s.closeData()
	defer s.stopTransfer()
	defer s.cancel()
	if s.dispatch(connectEvent, "") != nil {
		return
	}
	for {
		line, err := s.readLine()
		if err != nil {
			return
		}
		verb, arg, err := ftp.ParseCommand(line)
		if err != nil {
			verb, arg = "", "" // no command: answered like an unknown one
		}
		s.srv.record(verb, arg)
		if s.running != nil && verb != "ABOR" {
			<-s.running.done
			s.running = nil
		}
		if s.dispatch(verb, arg) != nil {
			return
		}
	}
}

// dispatch does what the script says about a command, and else what a healthy
// server does. An error ends the session.
func (s *session) dispatch(verb, arg string) error {
	for _, r := range s.srv.script.rules {
		if !r.fits(verb, arg, s.secure) {
			continue
		}
		s.counts[r]++
		n := s.counts[r]
		if verb == connectEvent {
			n = s.number
		}
		if r.nth != 0 && r.nth != n {
			continue
		}
		for _, a := range r.do {
			err := s.act(a, verb, arg)
			if errors.Is(err, errRuleOver) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return s.healthy(verb, arg)
}

// act does one action of a rule.
func (s *session) act(a action, verb, arg string) error {
	switch a.kind {
	case "reply":
		text, err := s.expand(a.text, arg)
		if err != nil {
			return err
		}
		return s.reply(text)
	case "raw":
		text, err := s.expand(a.text, arg)
		if err != nil {
			return err
		}
		return s.repeat(text, a.count)
	case "drip":
		text, err := s.expand(a.text, arg)
		if err != nil {
			return err
		}
		s.writing.Lock()
		defer s.writing.Unlock()
		return drip(s.ctx, s.conn, []byte(text), a.wait)
	case "wait":
		return sleep(s.ctx, a.wait)
	case "await":
		return s.await()
	case "receive":
		return s.exchange(nil, a.count)
	case "send":
		return s.exchange([]byte(a.text), 0)
	case "pass":
		return s.healthy(verb, arg)
	case "hang":
		io.Copy(io.Discard, s.in)
		return errOver
	case "close":
		return s.finish()
	case "reset":
		reset(s.tcp)
		return errOver
	}
	return fmt.Errorf("no action %q", a.kind)
}

// expand fills in the values of the moment.
func (s *session) expand(text, arg string) (string, error) {
	if strings.Contains(text, "{port}") || strings.Contains(text, "{p1}") {
		if err := s.openPassive(); err != nil {
			return "", err
		}
	}
	var port uint16
	if s.passive != nil {
		port = s.passive.port
	}
	p1, p2 := pasvNumbers(port)
	closed := s.srv.closed.port()
	c1, c2 := pasvNumbers(closed)
	return strings.NewReplacer("{port}", fmt.Sprint(port), "{p1}", p1, "{p2}", p2,
		"{closed}", fmt.Sprint(closed), "{c1}", c1, "{c2}", c2,
		"{h}", strings.ReplaceAll(s.srv.Host(), ".", ","), "{arg}", arg, "{peer}", s.peer.String()).Replace(text), nil
}

// reply sends one line.
func (s *session) reply(text string) error {
	return s.replyRaw(text + "\r\n")
}

// replyRaw sends whole reply lines at once, with the delays of the script.
func (s *session) replyRaw(text string) error {
	if err := sleep(s.ctx, s.srv.script.delay); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if d := s.srv.script.drip; d > 0 {
		return drip(s.ctx, s.conn, []byte(text), d)
	}
	_, err := io.WriteString(s.conn, text)
	return err
}

// repeat sends text count times, in blocks.
func (s *session) repeat(text string, count int64) error {
	if text == "" || count == 0 {
		return nil
	}
	per := max(1, int64(32<<10/len(text)))
	s.writing.Lock()
	defer s.writing.Unlock()
	for count != 0 {
		n := per
		if count != forever {
			n = min(per, count)
			count -= n
		}
		if _, err := s.conn.Write(bytes.Repeat([]byte(text), int(n))); err != nil {
			return err
		}
	}
	return nil
}

// await waits for bytes from the client, and drops them.
func (s *session) await() error {
	if _, err := s.in.Peek(1); err != nil {
		return err
	}
	_, err := s.in.Discard(s.in.Buffered())
	return err
}

// readLine reads a command line, which is good until the next read. Lines
// beyond maxLine are answered 500.
func (s *session) readLine() ([]byte, error) {
	for {
		s.conn.SetReadDeadline(time.Now().Add(controlIdle))
		line, err := s.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = s.in.ReadSlice('\n')
			}
			if err == nil {
				err = s.reply("500 Line too long.")
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		s.conn.SetReadDeadline(time.Time{})
		return line, nil
	}
}

// finish ends the connection in good order: what was sent arrives, then a FIN.
// Closing at once would send a RST, if bytes of the client lie unread, and could
// destroy the last reply.
func (s *session) finish() error {
	if c, ok := s.conn.(*tls.Conn); ok {
		c.CloseWrite()
	}
	s.tcp.CloseWrite()
	s.tcp.SetReadDeadline(time.Now().Add(lingerClose))
	io.Copy(io.Discard, s.tcp)
	return errOver
}

// greet does what a healthy server does after accepting.
func (s *session) greet() error {
	if s.srv.script.tls == "implicit" {
		if err := s.startTLS(); err != nil {
			return err
		}
	}
	lines := s.srv.script.greeting
	if lines == nil {
		lines = greetings[s.srv.script.software]
	}
	return s.replyRaw(strings.Join(lines, "\r\n") + "\r\n")
}

// greetings are those of known servers.
var greetings = map[string][]string{
	"vsftpd":  {"220 (vsFTPd 3.0.5)"},
	"proftpd": {"220 ProFTPD Server (files) [127.0.0.1]"},
	"pureftpd": {
		"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------",
		"220-You are user number 1 of 50 allowed.", "220 You will be disconnected after 15 minutes of inactivity.",
	},
	"filezilla": {"220-FileZilla Server 1.8.2", "220 Please visit https://filezilla-project.org/"},
	"iis":       {"220 Microsoft FTP Service"},
}

// drip writes one byte at a time.
func drip(ctx context.Context, w io.Writer, b []byte, every time.Duration) error {
	for i := range b {
		if err := sleep(ctx, every); err != nil {
			return err
		}
		if _, err := w.Write(b[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// sleep waits, unless the session ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// reset breaks a connection: with no linger time, closing sends a RST.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}
