package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// DialOptions say how to connect. Zero values mean the system's own.
type DialOptions struct {
	Timeout time.Duration // 0: 5 s
	TTL     int           // hop limit of our packets
	MSS     int           // the largest segment that we accept and send (TCP_MAXSEG)
	Source  netip.Addr    // local address
}

// Dialed is what came of connecting. Of a failure, Step.ICMP names the router
// or host that said no, where the system tells (Linux, without privilege).
type Dialed struct {
	Step
	Local  netip.AddrPort `json:"local,omitzero"`
	Remote netip.AddrPort `json:"remote"`
	RTT    time.Duration  `json:"rtt,omitempty"` // the kernel's measure of the handshake
	MSS    int            `json:"mss,omitempty"` // the largest segment that may be sent
}

const defaultDialTimeout = 5 * time.Second

// Dial makes a TCP connection. On failure the connection is nil.
func (w *World) Dial(ctx context.Context, to netip.AddrPort, o DialOptions) (*Conn, Dialed) {
	name := "dial " + to.String()
	if o.TTL > 0 {
		name += fmt.Sprintf(" ttl=%d", o.TTL)
	}
	if o.MSS > 0 {
		name += fmt.Sprintf(" mss=%d", o.MSS)
	}
	if o.Source.IsValid() {
		name += " from " + o.Source.String()
	}
	key := w.key(name)
	if w.tape != nil {
		d := fromTape[Dialed](w, key)
		if !d.OK() {
			return nil, d
		}
		return newConn(w, key, nil, d), d
	}
	nc, d := dialLive(ctx, to, o)
	w.keep(key, d)
	if nc == nil {
		return nil, d
	}
	return newConn(w, key, nc, d), d
}

func dialLive(ctx context.Context, to netip.AddrPort, o DialOptions) (*net.TCPConn, Dialed) {
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = defaultDialTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := Dialed{Remote: to}
	watch := &socketWatch{options: o}
	defer watch.close()
	dialer := net.Dialer{ControlContext: watch.control, KeepAlive: -1}
	if o.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Source, 0))
	}
	start := time.Now()
	nc, err := dialer.DialContext(ctx, "tcp", to.String())
	d.Took = time.Since(start)
	if err != nil {
		d.Failure, d.Errno = classify(err)
		if d.Failure == Canceled && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			d.Failure = Timeout
		}
		d.ICMP = watch.icmp()
		return nil, d
	}
	tc := nc.(*net.TCPConn)
	d.Local = unmap(tc.LocalAddr().(*net.TCPAddr).AddrPort())
	d.RTT, d.MSS = tcpInfo(tc)
	return tc, d
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// classify turns an error of the system into a class and the system's words,
// without the addresses that the Go errors carry.
func classify(err error) (Failure, string) {
	if err == nil {
		return None, ""
	}
	words := ""
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		words = errno.Error()
		if f := classifyErrno(errno); f != OtherFailure {
			return f, words
		}
	}
	var dnsErr *net.DNSError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Closed, ""
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Timeout, ""
	case errors.Is(err, context.Canceled):
		return Canceled, ""
	case errors.Is(err, os.ErrNotExist):
		return Absent, ""
	case errors.Is(err, os.ErrPermission):
		return NotPermitted, ""
	case errors.As(err, &dnsErr):
		if dnsErr.IsTimeout {
			return Timeout, ""
		}
		if dnsErr.IsNotFound {
			return Absent, ""
		}
		return OtherFailure, dnsErr.Err
	case errors.Is(err, net.ErrClosed):
		return Closed, ""
	}
	var nerr net.Error
	if errors.As(err, &nerr) && nerr.Timeout() {
		return Timeout, words
	}
	if words == "" {
		words = err.Error()
		if i := strings.LastIndex(words, ": "); i >= 0 {
			words = words[i+2:]
		}
	}
	return OtherFailure, words
}

// classifyErrno knows the numbers of POSIX systems and of Winsock.
func classifyErrno(e syscall.Errno) Failure {
	switch e {
	case syscall.ECONNREFUSED, 10061:
		return Refused
	case syscall.ETIMEDOUT, 10060:
		return Timeout
	case syscall.ENETUNREACH, 10051:
		return NetUnreach
	case syscall.EHOSTUNREACH, 10065:
		return HostUnreach
	case syscall.EACCES, syscall.EPERM, 10013:
		return Denied
	case syscall.EADDRNOTAVAIL, 10049:
		return NoAddress
	case syscall.ECONNRESET, syscall.EPIPE, 10054, 10053:
		return Reset
	case syscall.EINVAL:
		return Invalid
	case syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT:
		return NotSupported
	}
	return OtherFailure
}

// Listener waits for a connection that the peer makes to us (active mode).
type Listener struct {
	w    *World
	key  string
	live *net.TCPListener
	// Addr is the address that it listens on.
	Addr netip.AddrPort
}

type listened struct {
	Step
	Addr netip.AddrPort `json:"addr,omitzero"`
}

// Listen opens a port of the system's choice on a local address.
func (w *World) Listen(ctx context.Context, on netip.Addr) (*Listener, Step) {
	key := w.key("listen " + on.String())
	var live *net.TCPListener
	var l listened
	if w.tape != nil {
		l = fromTape[listened](w, key)
	} else {
		var lc net.ListenConfig
		nl, err := lc.Listen(ctx, "tcp", netip.AddrPortFrom(on, 0).String())
		if err != nil {
			l.Failure, l.Errno = classify(err)
		} else {
			live = nl.(*net.TCPListener)
			l.Addr = unmap(live.Addr().(*net.TCPAddr).AddrPort())
		}
		w.keep(key, l)
	}
	if !l.OK() {
		return nil, l.Step
	}
	return &Listener{w: w, key: key, live: live, Addr: l.Addr}, l.Step
}

// Accept waits for one connection.
func (l *Listener) Accept(ctx context.Context, timeout time.Duration) (*Conn, Dialed) {
	key := l.w.key(l.key + "/accept")
	if l.w.tape != nil {
		d := fromTape[Dialed](l.w, key)
		if !d.OK() {
			return nil, d
		}
		return newConn(l.w, key, nil, d), d
	}
	start := time.Now()
	_ = l.live.SetDeadline(start.Add(timeout))
	stop := context.AfterFunc(ctx, func() { _ = l.live.SetDeadline(time.Now()) })
	nc, err := l.live.AcceptTCP()
	stop()
	d := Dialed{Step: Step{Took: time.Since(start)}}
	if err != nil {
		d.Failure, d.Errno = classify(err)
	} else {
		d.Local = unmap(nc.LocalAddr().(*net.TCPAddr).AddrPort())
		d.Remote = unmap(nc.RemoteAddr().(*net.TCPAddr).AddrPort())
	}
	l.w.keep(key, d)
	if err != nil {
		return nil, d
	}
	return newConn(l.w, key, nc, d), d
}

// Close stops listening.
func (l *Listener) Close() {
	if l.live != nil {
		_ = l.live.Close()
	}
}
