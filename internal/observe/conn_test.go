package observe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// overPipe gives a connection at whose other end peer acts; its time is that of
// the bubble in which it is made.
func overPipe(t *testing.T, peer func(net.Conn)) *Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	c := newConn(Live(), "pipe", nil, Dialed{})
	c.nc = ours
	var wg sync.WaitGroup
	wg.Go(func() { peer(theirs) })
	t.Cleanup(func() { c.Close(); theirs.Close(); wg.Wait() })
	return c
}

func mute(net.Conn) {}

// drip writes a byte, and then another one a while later, until nobody listens.
func drip(pause time.Duration) func(net.Conn) {
	return func(to net.Conn) {
		for {
			if _, err := to.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
}

// TestTimeout: each read has its time-out, and a peer that drips gains time.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, drip(2*time.Second))
		c.SetTimeout(3 * time.Second)
		start := time.Now()
		buf := make([]byte, 8)
		for range 5 {
			if n, err := c.Read(buf); n != 1 || err != nil {
				t.Fatalf("Read = %d, %v", n, err)
			}
		}
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("five bytes took %s", took)
		}
		c.SetTimeout(time.Second)
		_, err := c.Read(buf)
		var step *StepError
		if !errors.As(err, &step) || step.Failure != Timeout || step.Took != time.Second || step.After != 5 {
			t.Errorf("the silence is %+v", err)
		}
	})
}

// TestBudget: all reads together have one bound, however slowly bytes drip.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, drip(2*time.Second))
		c.SetBudget(5 * time.Second)
		start := time.Now()
		b, err := io.ReadAll(c)
		if FailureOf(err) != Timeout || len(b) != 3 || time.Since(start) != 5*time.Second {
			t.Errorf("%d bytes, %v, after %s", len(b), err, time.Since(start))
		}
	})
}

// TestContextEndsRead: the caller need not wait for the time-out.
func TestContextEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, mute)
		ctx, cancel := context.WithCancel(t.Context())
		c.Bind(ctx)
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		if _, err := c.Read(make([]byte, 1)); FailureOf(err) != Canceled || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Live()
		w.Sleep(t.Context(), 3*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.Sleep(ctx, time.Hour)
		if e := w.Elapsed(); e != 4*time.Second || !w.Now().Equal(time.Now()) {
			t.Errorf("elapsed %s, now %s", e, w.Now())
		}
	})
}

func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name string
		peer func(net.Conn)
		want Drained // N, Head, Failure and the times count
	}{
		{"a whole stream", func(p net.Conn) {
			time.Sleep(time.Second)
			_, _ = io.WriteString(p, "hello, world")
			p.Close()
		}, Drained{N: 12, Head: Bytes("hello"), FirstByte: time.Second, Step: Step{Took: time.Second}}},
		{"nothing at all", func(p net.Conn) { p.Close() }, Drained{}},
		{"silence", mute, Drained{Step: Step{Failure: Timeout, Took: 3 * time.Second}}},
		{
			"silence in the middle", func(p net.Conn) { _, _ = io.WriteString(p, "ab") },
			Drained{N: 2, Head: Bytes("ab"), Step: Step{Failure: Timeout, Took: 3 * time.Second}},
		},
		{
			"drips without end", drip(1500 * time.Millisecond),
			Drained{N: 7, Head: Bytes("xxxxx"), Step: Step{Failure: Timeout, Took: 10 * time.Second}},
		},
		{"more than the limit", func(p net.Conn) {
			for {
				if _, err := p.Write(make([]byte, 600)); err != nil {
					return
				}
			}
		}, Drained{N: 1200, Head: make(Bytes, 5), Step: Step{Failure: TooMuch}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := overPipe(t, c.peer)
				conn.SetTimeout(3 * time.Second)
				got := conn.Drain(5, 1000, 10*time.Second)
				if got.N != c.want.N || string(got.Head) != string(c.want.Head) || got.Failure != c.want.Failure ||
					got.Took != c.want.Took || got.FirstByte != c.want.FirstByte {
					t.Errorf("got %d bytes, %q, first after %s, %s; want %d, %q, %s, %s",
						got.N, got.Head, got.FirstByte, got.Step, c.want.N, c.want.Head, c.want.FirstByte, c.want.Step)
				}
				if len(got.SHA256) != 64 || conn.Received() != got.N {
					t.Errorf("sum %q, %d bytes received", got.SHA256, conn.Received())
				}
				conn.Close()
			})
		})
	}
}

// pair gives two ends of a TCP connection on loopback.
func pair(t *testing.T) (ours *Conn, theirs *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ours, d := Live().Dial(t.Context(), ln.Addr().(*net.TCPAddr).AddrPort(), DialOptions{})
	if ours == nil {
		t.Fatal(d.Step)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); nc.Close() })
	return ours, nc.(*net.TCPConn)
}

// TestSend: the last byte arrives although the peer's own bytes were not read,
// which a plain close answers with RST.
func TestSend(t *testing.T) {
	ours, theirs := pair(t)
	got := make(chan string, 1)
	go func() {
		_, _ = io.WriteString(theirs, strings.Repeat("unread ", 1000))
		b, err := io.ReadAll(theirs)
		if err != nil {
			b = []byte(err.Error())
		}
		_ = theirs.Close()
		got <- string(b)
	}()
	data := strings.Repeat("0123456789", 30_000)
	if s := ours.Send([]byte(data), 10*time.Second); !s.OK() || s.N != int64(len(data)) {
		t.Errorf("sent %+v", s)
	}
	if b := <-got; b != data {
		t.Errorf("%d bytes arrived: %.60s", len(b), b)
	}
}

// TestSendToOneThatDoesNotRead ends with the time-out and tells how far it came.
func TestSendToOneThatDoesNotRead(t *testing.T) {
	ours, theirs := pair(t)
	_ = theirs.SetReadBuffer(4096)
	ours.SetTimeout(50 * time.Millisecond)
	data := make([]byte, 64<<20)
	if s := ours.Send(data, 5*time.Second); s.Failure != Timeout || s.N <= 0 || s.N >= int64(len(data)) {
		t.Errorf("sent %+v", s)
	}
}

func TestSendToOneThatResets(t *testing.T) {
	ours, theirs := pair(t)
	_ = theirs.SetLinger(0)
	_ = theirs.Close()
	if s := ours.Send(make([]byte, 8<<20), 5*time.Second); s.Failure != Reset {
		t.Errorf("sent %+v", s)
	}
}

// TestEndOfConnection: FIN is io.EOF, RST a *StepError that says so.
func TestEndOfConnection(t *testing.T) {
	ours, theirs := pair(t)
	_, _ = io.WriteString(theirs, "bye")
	_ = theirs.Close()
	if b, err := io.ReadAll(ours); string(b) != "bye" || err != nil || ours.Received() != 3 {
		t.Errorf("%q, %v, %d received", b, err, ours.Received())
	}
	ours, theirs = pair(t)
	_ = theirs.SetLinger(0)
	_ = theirs.Close()
	_, err := io.ReadAll(ours)
	var step *StepError
	if !errors.As(err, &step) || step.Failure != Reset || FailureOf(err) != Reset {
		t.Errorf("%v", err)
	}
	ours, theirs = pair(t)
	ours.ResetClose()
	_ = theirs.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) && !strings.Contains(err.Error(), "forcibly closed") {
		t.Errorf("after ResetClose the peer reads %v", err)
	}
}

func TestFailureOf(t *testing.T) {
	for want, err := range map[Failure]error{
		None: nil, Reset: &StepError{Step: Step{Failure: Reset}}, OtherFailure: io.ErrUnexpectedEOF,
	} {
		if got := FailureOf(err); got != want {
			t.Errorf("FailureOf(%v) = %s, want %s", err, got, want)
		}
	}
}

func TestListener(t *testing.T) {
	w := Live()
	l, s := w.Listen(t.Context(), netip.MustParseAddr("127.0.0.1"))
	if l == nil {
		t.Fatal(s)
	}
	if c, d := l.Accept(t.Context(), 20*time.Millisecond); c != nil || d.Failure != Timeout {
		t.Errorf("nobody came, and it is %+v", d)
	}
	out, _ := w.Dial(t.Context(), l.Addr, DialOptions{})
	if out == nil {
		t.Fatal("the listener does not accept")
	}
	defer out.Close()
	in, d := l.Accept(t.Context(), 5*time.Second)
	if in == nil || d.Remote != out.Dialed().Local || d.Local != l.Addr {
		t.Fatalf("accepted %+v, dialled %+v", d, out.Dialed())
	}
	in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := time.Now()
	if c, _ := l.Accept(ctx, time.Hour); c != nil || time.Since(begun) > time.Minute {
		t.Error("an interrupted wait goes on")
	}
	l.Close()
	l.Close()
	if c, d := w.Dial(t.Context(), l.Addr, DialOptions{}); c != nil || d.Failure != Refused {
		t.Errorf("a closed listener: %+v", d)
	}
	if l, s := w.Listen(t.Context(), netip.MustParseAddr("192.0.2.1")); l != nil || s.Failure != NoAddress {
		t.Errorf("listening on an address of somebody else: %+v", s)
	}
}
