package observe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// TLSOptions say which handshake to make.
type TLSOptions struct {
	ServerName string
	Min, Max   uint16        // 0: what crypto/tls takes for sensible, from TLS 1.0 on
	Resume     *Conn         // offer the session of this connection (FTP: of the control connection)
	NoSNI      bool          // leave the server's name out
	ALPN       []string      // the protocols to offer, best first (RFC 7301)
	Timeout    time.Duration // 0: the connection's
}

// TLSState is what a handshake led to. The certificates are there also where
// the handshake failed after they were sent.
type TLSState struct {
	Step
	Version       uint16  `json:"version,omitempty"`
	Cipher        uint16  `json:"cipher,omitempty"`
	Curve         uint16  `json:"curve,omitempty"`
	Resumed       bool    `json:"resumed,omitempty"`
	HelloRetry    bool    `json:"hello_retry,omitempty"`
	Certs         []Bytes `json:"certs,omitempty"` // DER, as sent
	CertRequested bool    `json:"cert_requested,omitempty"`
	ALPN          string  `json:"alpn,omitempty"` // the protocol that the server chose
	AlertName     string  `json:"alert,omitempty"`
	Received      int64   `json:"received,omitempty"` // bytes that came before a failure
}

// Handshake makes the connection a TLS client. Certificates are taken as they
// come: whether they are good is [World.Verify]'s to say.
func (c *Conn) Handshake(ctx context.Context, o TLSOptions) TLSState {
	return do(c.w, "tls", func() TLSState { return c.handshake(ctx, o) })
}

func (c *Conn) handshake(ctx context.Context, o TLSOptions) TLSState {
	var st TLSState
	counted := &countingConn{Conn: c.nc}
	cfg := &tls.Config{
		InsecureSkipVerify: true, // judged by Verify, with the reason; a refusal here would hide the chain
		ServerName:         o.ServerName,
		NextProtos:         o.ALPN,
		MinVersion:         tls.VersionTLS10,
		MaxVersion:         o.Max,
		ClientSessionCache: c.sessions,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, r := range raw {
				st.Certs = append(st.Certs, Bytes(r))
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			st.CertRequested = true
			return &tls.Certificate{}, nil
		},
	}
	if o.Min != 0 {
		cfg.MinVersion = o.Min
	}
	if o.Resume != nil {
		cfg.ClientSessionCache = o.Resume.sessions
	}
	if o.NoSNI {
		// An address is never sent as SNI, and the cache still has a key.
		cfg.ServerName = c.dialed.Remote.Addr().String()
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = c.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	_ = c.nc.SetDeadline(time.Time{}) // the budget of what was read before is not the handshake's
	t := tls.Client(counted, cfg)
	err := t.HandshakeContext(ctx)
	st.Took = time.Since(start)
	st.Received = counted.n
	if err != nil {
		st.Failure, st.Errno = classifyTLS(err)
		if st.Failure == Canceled || st.Failure == Timeout {
			st.Failure = Timeout
		}
		if st.Failure == Alert {
			st.AlertName = st.Errno
		}
		return st
	}
	cs := t.ConnectionState()
	st.Version, st.Cipher, st.Curve = cs.Version, cs.CipherSuite, uint16(cs.CurveID)
	st.Resumed, st.HelloRetry, st.ALPN = cs.DidResume, cs.HelloRetryRequest, cs.NegotiatedProtocol
	if st.Certs == nil {
		for _, cert := range cs.PeerCertificates {
			st.Certs = append(st.Certs, Bytes(cert.Raw))
		}
	}
	c.nc, c.counted = t, counted
	return st
}

// classifyTLS knows the errors of crypto/tls besides those of the system.
func classifyTLS(err error) (Failure, string) {
	var alert tls.AlertError
	var header tls.RecordHeaderError
	switch {
	case err == nil:
		return None, ""
	case errors.As(err, &alert):
		return Alert, strings.TrimPrefix(alert.Error(), "tls: ")
	case errors.As(err, &header):
		return NotTLS, "first bytes " + fmt.Sprintf("%q", header.RecordHeader[:])
	case strings.Contains(err.Error(), "remote error: tls: "):
		_, words, _ := strings.Cut(err.Error(), "remote error: tls: ")
		return Alert, words
	}
	f, words := classify(err)
	if _, ours, ok := strings.Cut(err.Error(), "tls: "); f == OtherFailure && ok && (strings.HasPrefix(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "local error: ")) {
		return BadTLS, ours
	}
	return f, words
}

// countingConn counts what comes in: a handshake that stalls after 0 bytes is
// another matter than one that stalls after 1,000.
type countingConn struct {
	net.Conn
	n     int64
	ended bool // FIN came, although crypto/tls stops reading at a close_notify
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += int64(n)
	c.ended = c.ended || errors.Is(err, io.EOF)
	return n, err
}

// Verified tells whether a chain is good for a name, now, with this machine's roots.
type Verified struct {
	Step
	Trusted       bool   `json:"trusted"`                  // ends in a root that this machine has, dates aside
	TimeOK        bool   `json:"time_ok"`                  // every certificate of the chain is valid now
	NameOK        bool   `json:"name_ok"`                  // the leaf is for this name
	Reason        string `json:"reason,omitempty"`         // the verifier's words when not trusted
	IssuerExpired string `json:"issuer_expired,omitempty"` // the leaf is valid now; this certificate above it, without which there is no chain, is not
	Completed     bool   `json:"completed"`                // trusted once the issuer named by the leaf was fetched
	FetchedFrom   string `json:"fetched,omitempty"`        // where from
}

// VerifyOptions say with which roots.
type VerifyOptions struct {
	Name   string // host name or address
	CAFile string // further roots, PEM; empty: none
	Fetch  bool   // if the issuer is missing, fetch it from where the certificate says (RFC 5280 §4.2.2.1)
}

// Verify judges the certificates of a handshake.
func (w *World) Verify(ctx context.Context, certs []Bytes, o VerifyOptions) Verified {
	sum := sha256.New()
	for _, c := range certs {
		sum.Write(c)
	}
	name := "verify " + hex.EncodeToString(sum.Sum(nil)[:8]) + " " + o.Name
	return do(w, name, func() Verified { return verifyLive(ctx, certs, o, w.started) })
}

func verifyLive(ctx context.Context, certs []Bytes, o VerifyOptions, now time.Time) Verified {
	var v Verified
	chain := make([]*x509.Certificate, 0, len(certs))
	for _, raw := range certs {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			v.Failure, v.Reason = Malformed, err.Error()
			return v
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		v.Failure = Absent
		return v
	}
	roots, err := rootsWith(o.CAFile)
	if err != nil {
		v.Failure, v.Errno = Malformed, err.Error()
		return v
	}
	leaf := chain[0]
	v.TimeOK = true
	for _, c := range chain {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			v.TimeOK = false
		}
	}
	v.NameOK = leaf.VerifyHostname(o.Name) == nil
	pool := x509.NewCertPool()
	for _, c := range chain[1:] {
		pool.AddCert(c)
	}
	err = trusted(chain, pool, roots)
	if err == nil {
		v.Trusted = true
		valid := !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
		var invalid x509.CertificateInvalidError
		if err := trustedAt(leaf, pool, roots, now); valid && errors.As(err, &invalid) && invalid.Reason == x509.Expired {
			v.IssuerExpired = invalid.Cert.Subject.String()
		}
		return v
	}
	v.Reason = err.Error()
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		// The chain is anchored; some part of it was not valid at that moment,
		// which TimeOK tells about now.
		v.Trusted = true
		return v
	}
	if strings.Contains(v.Reason, "insecure algorithm") {
		// The verifier would not look at the signature; the chain may end in a
		// root all the same, and who signs with SHA-1 is judged by the chain.
		v.Trusted = true
		return v
	}
	if o.Fetch && len(leaf.IssuingCertificateURL) > 0 {
		if issuer, from := fetchIssuer(ctx, chain[len(chain)-1].IssuingCertificateURL); issuer != nil {
			pool.AddCert(issuer)
			v.Completed = trusted(chain, pool, roots) == nil
			v.FetchedFrom = from
		}
	}
	return v
}

// trusted verifies as of a day within the life of the whole chain, or else of
// the leaf, so that age is judged apart.
func trusted(chain []*x509.Certificate, pool, roots *x509.CertPool) error {
	leaf := chain[0]
	from, to := leaf.NotBefore, leaf.NotAfter
	for _, c := range chain[1:] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	if !from.Before(to) {
		from, to = leaf.NotBefore, leaf.NotAfter
	}
	return trustedAt(leaf, pool, roots, from.Add(to.Sub(from)/2))
}

func trustedAt(leaf *x509.Certificate, pool, roots *x509.CertPool, at time.Time) error {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: pool, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

func rootsWith(file string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil || roots == nil {
		roots = x509.NewCertPool()
	}
	if file == "" {
		return roots, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	if !roots.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("CA file %s: no certificate in it", file)
	}
	return roots, nil
}

const (
	maxIssuer     = 64 << 10
	issuerTimeout = 2 * time.Second
)

func fetchIssuer(ctx context.Context, urls []string) (*x509.Certificate, string) {
	client := &http.Client{Timeout: issuerTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for _, u := range urls[:min(len(urls), 2)] {
		if !strings.HasPrefix(u, "http://") {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
		if err != nil {
			continue
		}
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(resp.Body, maxIssuer))
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			continue
		}
		if c, err := x509.ParseCertificate(b); err == nil {
			return c, u
		}
	}
	return nil, ""
}

// IsAddress tells whether a host is an address and not a name.
func IsAddress(host string) bool { _, err := netip.ParseAddr(host); return err == nil }
