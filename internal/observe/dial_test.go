package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestClassify(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		err   error
		want  Failure
		words string
	}{
		{nil, None, ""},
		{op(syscall.ECONNREFUSED), Refused, syscall.ECONNREFUSED.Error()},
		{op(syscall.ETIMEDOUT), Timeout, syscall.ETIMEDOUT.Error()},
		{op(syscall.ENETUNREACH), NetUnreach, syscall.ENETUNREACH.Error()},
		{op(syscall.EHOSTUNREACH), HostUnreach, syscall.EHOSTUNREACH.Error()},
		{op(syscall.EACCES), Denied, syscall.EACCES.Error()},
		{op(syscall.EPERM), Denied, syscall.EPERM.Error()},
		{op(syscall.EADDRNOTAVAIL), NoAddress, syscall.EADDRNOTAVAIL.Error()},
		{op(syscall.ECONNRESET), Reset, syscall.ECONNRESET.Error()},
		{op(syscall.EPIPE), Reset, syscall.EPIPE.Error()},
		{op(syscall.EINVAL), Invalid, syscall.EINVAL.Error()},
		{op(syscall.EAFNOSUPPORT), NotSupported, syscall.EAFNOSUPPORT.Error()},
		{op(syscall.Errno(10061)), Refused, syscall.Errno(10061).Error()}, // Winsock
		{op(syscall.Errno(10060)), Timeout, syscall.Errno(10060).Error()},
		{op(syscall.Errno(10054)), Reset, syscall.Errno(10054).Error()},
		{fmt.Errorf("read: %w", io.EOF), Closed, ""},
		{io.ErrUnexpectedEOF, Closed, ""},
		{net.ErrClosed, Closed, ""},
		{os.ErrDeadlineExceeded, Timeout, ""},
		{context.DeadlineExceeded, Timeout, ""},
		{context.Canceled, Canceled, ""},
		{&fs.PathError{Op: "open", Path: "/secret/path", Err: syscall.ENOENT}, Absent, ""},
		{&net.DNSError{Err: "no such host", Name: "h.example", IsNotFound: true}, Absent, ""},
		{&net.DNSError{Err: "i/o timeout", Name: "h.example", IsTimeout: true}, Timeout, ""},
		{&net.DNSError{Err: "server misbehaving", Name: "h.example"}, OtherFailure, "server misbehaving"},
		{op(syscall.ENOBUFS), OtherFailure, syscall.ENOBUFS.Error()},
		{errors.New("dial tcp 192.0.2.1:21: some words"), OtherFailure, "some words"},
	} {
		f, words := classify(c.err)
		if f != c.want || c.words != "" && words != c.words {
			t.Errorf("classify(%v) = %s, %q; want %s, %q", c.err, f, words, c.want, c.words)
		}
	}
}

func TestStepInWords(t *testing.T) {
	for want, s := range map[string]Step{
		"ok after 1 ms":              {Took: 1500 * time.Microsecond},
		"refused after 0.3 ms":       {Took: 300 * time.Microsecond, Failure: Refused},
		"timeout after 1.5 s":        {Took: 1500 * time.Millisecond, Failure: Timeout},
		"no buffer space":            {Failure: OtherFailure, Errno: "no buffer space"},
		"other after 0.0 ms":         {Failure: OtherFailure},
		"not-permitted after 0.0 ms": {Failure: NotPermitted, Errno: "operation not permitted"},
		"ICMP admin prohibited from 192.0.2.1 after 12 ms": {
			Took: 12 * time.Millisecond, Failure: HostUnreach, ICMP: &ICMP{Type: 3, Code: 13, From: netip.MustParseAddr("192.0.2.1")},
		},
		"ICMP address unreachable from 2001:db8::1 after 3.0 s": {
			Took: 3 * time.Second, Failure: HostUnreach, ICMP: &ICMP{Type: 1, Code: 3, From: netip.MustParseAddr("2001:db8::1")},
		},
		"ICMP ICMP 40/0 from 192.0.2.1 after 0.0 ms": {ICMP: &ICMP{Type: 40, From: netip.MustParseAddr("192.0.2.1")}},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTimeExceeded(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for m, want := range map[ICMP]bool{
		{Type: 11, From: v4}: true, {Type: 3, Code: 1, From: v4}: false,
		{Type: 3, From: v6}: true, {Type: 1, Code: 3, From: v6}: false, {Type: 11, From: v6}: false,
	} {
		if got := m.TimeExceeded(); got != want {
			t.Errorf("%s: %v", m, got)
		}
	}
}

// unused is a port of loopback on which nothing listens.
func unused(t *testing.T) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func TestDialRefused(t *testing.T) {
	to := unused(t)
	c, d := Live().Dial(t.Context(), to, DialOptions{})
	if c != nil || d.Failure != Refused || d.ICMP != nil || d.Remote != to || d.Took > time.Second {
		t.Errorf("%+v", d)
	}
}

func TestDialTells(t *testing.T) {
	s := server(t, "")
	w := Live()
	c, d := w.Dial(t.Context(), addrOfServer(t, s), DialOptions{Source: netip.MustParseAddr("127.0.0.1")})
	if c == nil {
		t.Fatal(d.Step)
	}
	defer c.Close()
	if d.Remote != addrOfServer(t, s) || d.Local.Addr() != netip.MustParseAddr("127.0.0.1") || d.Local.Port() == 0 || c.Dialed() != d {
		t.Errorf("%+v", d)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("reading nothing: %d, %v", n, err)
	}
	far, d := w.Dial(t.Context(), addrOfServer(t, s), DialOptions{Source: netip.MustParseAddr("192.0.2.1")})
	if far != nil || d.Failure != NoAddress {
		t.Errorf("from an address of somebody else: %+v", d)
	}
}

func TestDialCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, d := Live().Dial(ctx, unused(t), DialOptions{}); c != nil || d.Failure != Canceled {
		t.Errorf("%+v", d)
	}
}
