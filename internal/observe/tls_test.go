package observe

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ftpdoctor/internal/ftptest"
)

// connect dials a server with implicit TLS.
func connect(t *testing.T, s *ftptest.Server) *Conn {
	t.Helper()
	c, d := Live().Dial(t.Context(), addrOfServer(t, s), DialOptions{})
	if c == nil {
		t.Fatal(d.Step)
	}
	t.Cleanup(c.Close)
	return c
}

func TestHandshake(t *testing.T) {
	c := connect(t, server(t, "tls: implicit"))
	st := c.Handshake(t.Context(), TLSOptions{ServerName: "localhost"})
	if !st.OK() || st.Version != tls.VersionTLS13 || st.Cipher == 0 || st.Curve == 0 || len(st.Certs) == 0 || st.Resumed || st.CertRequested {
		t.Errorf("%+v", st)
	}
	buf := make([]byte, 64)
	if n, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "220 ") {
		t.Errorf("behind the handshake: %q, %v", buf[:n], err)
	}
}

// TestHandshakeWithoutName: neither SNI nor the lack of a name breaks it.
func TestHandshakeWithoutName(t *testing.T) {
	c := connect(t, server(t, "tls: implicit"))
	if st := c.Handshake(t.Context(), TLSOptions{ServerName: "localhost", NoSNI: true}); !st.OK() {
		t.Errorf("%+v", st)
	}
}

func TestHandshakeFails(t *testing.T) {
	for _, c := range []struct {
		name, script string
		options      TLSOptions
		want         Failure
		check        func(TLSState) bool
	}{
		{
			"the server says no to the version", "tls: implicit\ntls-versions: 1.3",
			TLSOptions{Max: tls.VersionTLS12},
			Alert,
			func(st TLSState) bool { return strings.Contains(st.AlertName, "protocol version") },
		},
		{"we say no to the version", "tls: implicit\ntls-versions: 1.2", TLSOptions{Min: tls.VersionTLS13}, Alert, nil},
		{
			"text", "connect → raw \"220 ready, and no TLS here\\r\\n\"\n\thang",
			TLSOptions{},
			NotTLS,
			func(st TLSState) bool { return strings.Contains(st.Errno, "220 r") && st.Received > 0 },
		},
		{
			"silence", "connect → hang",
			TLSOptions{Timeout: 100 * time.Millisecond},
			Timeout,
			func(st TLSState) bool { return st.Received == 0 && st.Took < 5*time.Second },
		},
		{
			"silence in the middle", "connect → await\n\traw \"\\x16\\x03\\x03\"\n\thang",
			TLSOptions{Timeout: 100 * time.Millisecond},
			Timeout,
			func(st TLSState) bool { return st.Received == 3 },
		},
		{"the end", "connect → await\n\tclose", TLSOptions{}, Closed, nil},
		{"a reset", "connect → await\n\treset", TLSOptions{}, Reset, nil},
		{
			"a fatal alert", "connect → await\n\traw \"\\x15\\x03\\x03\\x00\\x02\\x02\\x28\"\n\thang",
			TLSOptions{},
			Alert,
			func(st TLSState) bool { return strings.Contains(st.AlertName, "handshake failure") },
		},
		{"a record without sense", "connect → await\n\traw \"\\x16\\x03\\x03\\x00\\x04\\x63\\x00\\x00\\x00\"\n\thang", TLSOptions{}, BadTLS, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.options.Timeout == 0 {
				c.options.Timeout = 5 * time.Second
			}
			c.options.ServerName = "localhost"
			st := connect(t, server(t, c.script)).Handshake(t.Context(), c.options)
			if st.Failure != c.want || c.check != nil && !c.check(st) {
				t.Errorf("%s: alert %q, %q, %d bytes; want %s", st.Step, st.AlertName, st.Errno, st.Received, c.want)
			}
		})
	}
}

// TestCertificateRequested: with TLS 1.3 the refusal of a client without one
// comes after the handshake; that the server asked is known all the same.
func TestCertificateRequested(t *testing.T) {
	c := connect(t, server(t, "tls: implicit\nclient-cert: required"))
	st := c.Handshake(t.Context(), TLSOptions{ServerName: "localhost"})
	if !st.CertRequested || !st.OK() {
		t.Errorf("%+v", st)
	}
	if _, err := c.Read(make([]byte, 64)); FailureOf(err) != Alert {
		t.Errorf("the refusal is %v", err)
	}
}

// serving accepts connections of TLS and serves each; they end with the test.
func serving(t *testing.T, serve func(c *tls.Conn, tcp *net.TCPConn)) netip.AddrPort {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	cert := web.TLS.Certificates[0]
	web.Close()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
				serve(tls.Server(nc, config), nc.(*net.TCPConn))
				_, _ = io.Copy(io.Discard, nc)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// handshake dials and makes the handshake.
func handshake(t *testing.T, to netip.AddrPort, o TLSOptions) (*Conn, TLSState) {
	t.Helper()
	c, d := Live().Dial(t.Context(), to, DialOptions{})
	if c == nil {
		t.Fatal(d.Step)
	}
	t.Cleanup(c.Close)
	o.ServerName = "localhost"
	st := c.Handshake(t.Context(), o)
	if !st.OK() {
		t.Fatal(st.Step)
	}
	return c, st
}

// TestResume: a second connection takes up the session of the first, and only
// where it is asked to.
func TestResume(t *testing.T) {
	to := serving(t, func(c *tls.Conn, _ *net.TCPConn) { _, _ = c.Write([]byte("x")) })
	first, _ := handshake(t, to, TLSOptions{})
	if _, err := first.Read(make([]byte, 64)); err != nil { // and with it the ticket
		t.Fatal(err)
	}
	if _, st := handshake(t, to, TLSOptions{Resume: first}); !st.Resumed || len(st.Certs) == 0 {
		t.Errorf("resumed %v with %d certificates", st.Resumed, len(st.Certs))
	}
	if _, st := handshake(t, to, TLSOptions{}); st.Resumed {
		t.Error("a session was resumed that was not to be")
	}
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		cert    string
		name    string
		options VerifyOptions
		want    Verified
	}{
		{"", "127.0.0.1", VerifyOptions{}, Verified{Trusted: true, TimeOK: true, NameOK: true}},
		{"", "ftp.example.com", VerifyOptions{}, Verified{Trusted: true, TimeOK: true}},
		{"wrong-name", "127.0.0.1", VerifyOptions{}, Verified{Trusted: true, TimeOK: true}},
		{"expired", "127.0.0.1", VerifyOptions{}, Verified{Trusted: true, NameOK: true}},
		{"not-yet", "127.0.0.1", VerifyOptions{}, Verified{Trusted: true, NameOK: true}},
		{"self-signed", "127.0.0.1", VerifyOptions{}, Verified{TimeOK: true, NameOK: true}},
		{"unknown-ca", "127.0.0.1", VerifyOptions{}, Verified{TimeOK: true, NameOK: true}},
		{"incomplete", "127.0.0.1", VerifyOptions{}, Verified{TimeOK: true, NameOK: true}},
		{"incomplete", "127.0.0.1", VerifyOptions{Fetch: true}, Verified{TimeOK: true, NameOK: true, Completed: true}},
		{"expired unknown-ca", "127.0.0.1", VerifyOptions{}, Verified{NameOK: true}},
	} {
		t.Run(c.cert+" "+c.name, func(t *testing.T) {
			script := "tls: implicit"
			if c.cert != "" {
				script += "\ncert: " + c.cert
			}
			s := server(t, script)
			st := connect(t, s).Handshake(t.Context(), TLSOptions{ServerName: "localhost"})
			c.options.Name, c.options.CAFile = c.name, filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(c.options.CAFile, s.CertPEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			v := Live().Verify(t.Context(), st.Certs, c.options)
			if v.Trusted != c.want.Trusted || v.TimeOK != c.want.TimeOK || v.NameOK != c.want.NameOK || v.Completed != c.want.Completed {
				t.Errorf("%+v, want %+v", v, c.want)
			}
			if v.Trusted != (v.Reason == "") && !strings.HasPrefix(c.cert, "expired") && c.cert != "not-yet" {
				t.Errorf("trusted %v, and the reason is %q", v.Trusted, v.Reason)
			}
			if v.Completed != (v.FetchedFrom != "") {
				t.Errorf("completed %v from %q", v.Completed, v.FetchedFrom)
			}
		})
	}
}

func TestVerifyWithoutCertificates(t *testing.T) {
	w := Live()
	if v := w.Verify(t.Context(), nil, VerifyOptions{Name: "h"}); v.Failure != Absent {
		t.Errorf("none: %+v", v)
	}
	if v := w.Verify(t.Context(), []Bytes{Bytes("no certificate")}, VerifyOptions{Name: "h"}); v.Failure != Malformed {
		t.Errorf("junk: %+v", v)
	}
	st := connect(t, server(t, "tls: implicit")).Handshake(t.Context(), TLSOptions{ServerName: "localhost"})
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".absent"} {
		if v := w.Verify(t.Context(), st.Certs, VerifyOptions{Name: "h", CAFile: file}); v.Failure != Malformed || v.Trusted {
			t.Errorf("%s: %+v", filepath.Base(file), v)
		}
	}
}

// TestDataWithoutCloseNotify: an end of TLS data without its close_notify may
// be a cut, and is told (RFC 8446 §6.1).
func TestDataWithoutCloseNotify(t *testing.T) {
	for _, polite := range []bool{true, false} {
		to := serving(t, func(c *tls.Conn, tcp *net.TCPConn) {
			_, _ = c.Write([]byte("all of it"))
			if polite {
				_ = c.CloseWrite()
			}
			_ = tcp.CloseWrite()
		})
		c, _ := handshake(t, to, TLSOptions{})
		d := c.Drain(4, 1<<20, 5*time.Second)
		if !d.OK() || d.N != 9 || string(d.Head) != "all " || d.NoNotify == polite {
			t.Errorf("polite %v: %d bytes, %q, %s, no notify: %v", polite, d.N, d.Head, d.Step, d.NoNotify)
		}
		c.Close()
	}
}

// TestSendOverTLS: an upload ends with close_notify, and nothing of it is lost
// to the tickets that nobody read.
func TestSendOverTLS(t *testing.T) {
	got := make(chan int64, 1)
	to := serving(t, func(c *tls.Conn, tcp *net.TCPConn) {
		n, err := io.Copy(io.Discard, c)
		if err != nil { // io.Copy ends without one only at a close_notify
			n = -1
		}
		_ = tcp.CloseWrite()
		got <- n
	})
	c, _ := handshake(t, to, TLSOptions{})
	data := make([]byte, 3<<20)
	if s := c.Send(data, 10*time.Second); !s.OK() || s.N != int64(len(data)) {
		t.Errorf("sent %+v", s)
	}
	if n := <-got; n != int64(len(data)) {
		t.Errorf("%d bytes arrived", n)
	}
}

// FuzzHandshake: whatever a peer answers to a ClientHello, the handshake ends.
func FuzzHandshake(f *testing.F) {
	for _, s := range []string{"", "220 ready\r\n", "\x15\x03\x01\x00\x02\x02\x28", "\x16\x03\x03\x00\x04\x02\x00\x00\x00", "\x16\x03\x03\xff\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		ours, theirs := net.Pipe()
		c := newConn(Live(), "pipe", nil, Dialed{Remote: netip.MustParseAddrPort("127.0.0.1:21")})
		c.nc = ours
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = theirs.Read(make([]byte, 4096))
			_, _ = theirs.Write(answer)
			theirs.Close()
		}()
		if st := c.Handshake(t.Context(), TLSOptions{ServerName: "h", Timeout: time.Second}); st.OK() {
			t.Error("the handshake succeeded")
		}
		c.Close()
		<-done
	})
}
