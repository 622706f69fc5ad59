package ftptest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/ftp"
)

// The account of a server whose script names no other. The password is unlike
// any other text, so that a leak into an output can be seen.
const (
	User     = "demo"
	Password = "Demo-pw.8Rk3"
)

// Fault is one way in which a server is broken (or healthy), and what a check
// of it must say.
type Fault struct {
	Name  string
	Title map[string]string // one line in each language: en, zh

	// Want holds the codes of which one must be named as root cause. Empty
	// means that there is none.
	Want []string

	// Advice holds the codes below severity error that must be among the
	// findings. They never become a root cause.
	Advice []string

	// Target is the URL to check, without password. Nil means [Server.URL] of
	// scheme ftp.
	Target func(s *Server) string

	Password string   // of the account in Target; empty: none
	Args     []string // options of the check: --op upload, --active …

	Script string // what differs from the healthy server; see the package comment
}

// Server is a running server on loopback.
type Server struct {
	fault  Fault
	script *script
	tree   *tree
	tls    *tls.Config // without the rules of one session; nil: no TLS
	pool   *x509.CertPool
	root   *x509.Certificate

	listener net.Listener // nil when the script says that nothing listens
	addr     netip.AddrPort
	closed   *closedPort
	issuer   *http.Server // serves the issuer's certificate; nil when none asks for it

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	dialogue []string
	accepted int
}

// Start starts a server that shows a fault. The zero Fault is a healthy server.
// An error is about the script, or about a machine that lacks what it asks for
// (IPv6, a way to drop SYNs).
func Start(f Fault) (*Server, error) {
	sc, err := parseScript(f.Script)
	if err != nil {
		return nil, fmt.Errorf("fault %q: %w", f.Name, err)
	}
	if (sc.upload.kind == "drop") && !CanDrop {
		return nil, fmt.Errorf("fault %q: data: drop: %w", f.Name, errors.ErrUnsupported)
	}
	s := &Server{fault: f, script: sc, tree: newTree(sc.files)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.start(); err != nil {
		s.Close()
		return nil, fmt.Errorf("fault %q: %w", f.Name, err)
	}
	return s, nil
}

func (s *Server) start() error {
	ca, err := trusted()
	if err != nil {
		return err
	}
	s.root, s.pool = ca.root, x509.NewCertPool()
	s.pool.AddCert(ca.root)
	host := netip.MustParseAddr("127.0.0.1")
	if s.script.listen == "ipv6" {
		host = netip.IPv6Loopback()
	}
	if s.closed, err = newClosedPort(host); err != nil {
		return err
	}
	if s.script.tls != "none" {
		if err := s.setupTLS(ca); err != nil {
			return err
		}
	}
	if s.script.listen == "closed" {
		s.addr = netip.AddrPortFrom(host, s.closed.port())
		return nil
	}
	if s.listener, err = net.Listen("tcp", net.JoinHostPort(host.String(), "0")); err != nil {
		return err
	}
	s.addr = s.listener.Addr().(*net.TCPAddr).AddrPort()
	s.wg.Go(s.accept)
	return nil
}

func (s *Server) setupTLS(ca *authority) error {
	aia := ""
	if s.script.cert.incomplete {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.issuer = &http.Server{
			ReadHeaderTimeout: 10 * time.Second,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/pkix-cert") // RFC 5280 §4.2.2.1
				w.Write(ca.inter.Raw)
			}),
		}
		s.wg.Go(func() { s.issuer.Serve(ln) })
		aia = "http://" + ln.Addr().String() + "/issuer.cer"
	}
	cert, err := issue(s.script.cert, aia)
	if err != nil {
		return err
	}
	var ticketKey [32]byte
	rand.Read(ticketKey[:])
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{*cert}, MinVersion: s.script.minTLS, MaxVersion: s.script.maxTLS,
	}
	s.tls.SetSessionTicketKeys([][32]byte{ticketKey})
	if s.script.clientCert {
		s.tls.ClientAuth, s.tls.ClientCAs = tls.RequireAndVerifyClientCert, s.pool
	}
	return nil
}

// Close ends the server and every connection, and waits until all is gone.
func (s *Server) Close() {
	s.cancel()
	if s.listener != nil {
		s.listener.Close()
	}
	if s.issuer != nil {
		s.issuer.Close()
	}
	if s.closed != nil {
		s.closed.close()
	}
	s.wg.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			select { // out of descriptors, or the peer went already
			case <-time.After(10 * time.Millisecond):
			case <-s.ctx.Done():
			}
			continue
		}
		s.mu.Lock()
		s.accepted++
		n := s.accepted
		s.mu.Unlock()
		s.wg.Go(func() { newSession(s, c.(*net.TCPConn), n).serve() })
	}
}

// Addr is the address that the server listens on: host:port.
func (s *Server) Addr() string { return s.addr.String() }

// Port is the port that the server listens on.
func (s *Server) Port() int { return int(s.addr.Port()) }

// URL is the address of the server's root folder, with the account's name and
// without its password.
func (s *Server) URL(scheme string) string {
	u := url.URL{Scheme: scheme, User: url.User(s.script.user), Host: s.Addr(), Path: "/"}
	return u.String()
}

// Target is the URL that the fault wants checked.
func (s *Server) Target() string {
	if s.fault.Target == nil {
		return s.URL("ftp")
	}
	return s.fault.Target(s)
}

// CertPool holds the root that a client must trust to accept the server's
// certificate, as far as the fault lets it.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// CertPEM is the root of CertPool as a PEM block, for clients that want a file.
func (s *Server) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.root.Raw})
}

// File gives the bytes of a file in the server's tree, as it is now.
func (s *Server) File(name string) ([]byte, bool) {
	n, ok := s.tree.get(name)
	return n.data, ok && !n.dir
}

// Dialogue lists the command lines received so far on all control connections,
// with passwords as ****, and so shows what a client did.
func (s *Server) Dialogue() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.dialogue...)
}

// maxDialogue bounds the dialogue that is kept, in lines.
const maxDialogue = 10_000

// record keeps a command line for Dialogue.
func (s *Server) record(verb, arg string) {
	line := ftp.RedactCommand(strings.TrimSpace(verb + " " + arg))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dialogue) < maxDialogue {
		s.dialogue = append(s.dialogue, line)
	}
}

// Host is the address without the port; IPv6 without brackets.
func (s *Server) Host() string { return s.addr.Addr().String() }

// closedPort is a port on which nothing listens, held so that nobody else gets
// it: it is the local end of a connection that was made on purpose.
type closedPort struct {
	helper net.Listener
	held   net.Conn
}

func newClosedPort(host netip.Addr) (*closedPort, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		return nil, err
	}
	held, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &closedPort{ln, held}, nil
}

func (p *closedPort) port() uint16 {
	return p.held.LocalAddr().(*net.TCPAddr).AddrPort().Port()
}

func (p *closedPort) close() {
	p.held.Close()
	p.helper.Close()
}

// pasvNumbers writes a port as PASV and PORT do (RFC 959 §4.1.2).
func pasvNumbers(port uint16) (hi, lo string) {
	return strconv.Itoa(int(port >> 8)), strconv.Itoa(int(port & 255))
}
