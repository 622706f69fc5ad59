package ftptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"slices"
	"time"
)

// handshakeWait bounds a TLS handshake.
const handshakeWait = 30 * time.Second

// startTLS puts TLS on the control connection. What the client sent in clear
// before it is dropped.
func (s *session) startTLS() error {
	s.sessionID = make([]byte, 16)
	rand.Read(s.sessionID)
	c, err := s.handshake(s.tcp, s.tlsConfig())
	if err != nil {
		return err
	}
	s.conn, s.in, s.secure = c, bufio.NewReaderSize(c, maxLine), true
	return nil
}

func (s *session) handshake(c net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, handshakeWait)
	defer cancel()
	t := tls.Server(c, config)
	return t, t.HandshakeContext(ctx)
}

// tlsConfig is the server's configuration with the rule that a TLS session
// belongs to the control connection on which it was made: its id travels in the
// ticket, and a ticket with another id is no ticket.
func (s *session) tlsConfig() *tls.Config {
	c := s.srv.tls.Clone()
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, s.sessionID)
		return c.EncryptTicket(cs, ss)
	}
	c.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := c.DecryptTicket(identity, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		for _, extra := range ss.Extra {
			if bytes.Equal(extra, s.sessionID) {
				return ss, nil
			}
		}
		return nil, nil
	}
	return c
}

// dataConfig is tlsConfig for a data connection. On TLS 1.3 it hands out no
// tickets: a client that closes an upload with tickets unread resets the
// connection, and the end of the upload is lost. (TLS 1.2 sends them inside the
// handshake.) Tickets can't be switched off from the start, since then none is
// taken either; so it is done as soon as the client's own ticket was looked at,
// or a certificate is asked for because there is none.
func (s *session) dataConfig() *tls.Config {
	c := s.tlsConfig()
	unwrap := c.UnwrapSession
	c.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := unwrap(identity, cs)
		if ss != nil && cs.Version == tls.VersionTLS13 {
			c.SessionTicketsDisabled = true
		}
		return ss, err
	}
	cert := &c.Certificates[0]
	c.Certificates = nil
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c.MaxVersion == tls.VersionTLS13 && slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			c.SessionTicketsDisabled = true
		}
		return cert, nil
	}
	return c
}
