package observe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Conn is a connection whose every read and write is a step. It is used by one
// goroutine at a time.
type Conn struct {
	w       *World
	tcp     *net.TCPConn  // nil in a recording
	nc      net.Conn      // tcp, or TLS over it
	counted *countingConn // under TLS; nil without
	dialed  Dialed
	timeout time.Duration
	until   time.Time // zero: each read and write has the whole time-out
	ctx     context.Context

	sessions  tls.ClientSessionCache
	received  int64
	closeOnce sync.Once
}

// StepError is the error of a read or write: the step that failed.
type StepError struct {
	Step
	After int64 // bytes received on this connection until then
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s (%d bytes received before)", e.Step.String(), e.After)
}

// FailureOf returns the class of an error made by a Conn, or OtherFailure.
func FailureOf(err error) Failure {
	var se *StepError
	switch {
	case err == nil:
		return None
	case errors.As(err, &se):
		return se.Failure
	default:
		return OtherFailure
	}
}

const defaultIOTimeout = 10 * time.Second

func newConn(w *World, key string, tcp *net.TCPConn, d Dialed) *Conn {
	c := &Conn{
		w: &World{session: w.session, scope: key + "/"}, tcp: tcp, dialed: d, timeout: defaultIOTimeout,
		ctx: context.Background(), sessions: tls.NewLRUClientSessionCache(8),
	}
	if tcp != nil {
		c.nc = tcp
	}
	return c
}

// Bind makes the connection's reads and writes end with ctx as well.
func (c *Conn) Bind(ctx context.Context) *Conn { c.ctx = ctx; return c }

// SetTimeout bounds each following read and write.
func (c *Conn) SetTimeout(d time.Duration) { c.timeout, c.until = d, time.Time{} }

// SetBudget bounds all following reads and writes together, however many it
// takes, so that a peer that drips its bytes gains nothing.
func (c *Conn) SetBudget(d time.Duration) { c.timeout, c.until = d, time.Now().Add(d) }

// Dialed tells how the connection came about.
func (c *Conn) Dialed() Dialed { return c.dialed }

// Received is the number of bytes read so far.
func (c *Conn) Received() int64 { return c.received }

type transfer struct {
	Step
	Data Bytes `json:"data,omitempty"`
	N    int64 `json:"n,omitempty"`
}

// Read implements io.Reader; its error is io.EOF or a *StepError.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	key := c.w.key("read")
	if c.w.tape != nil {
		t := fromTape[transfer](c.w, key)
		n := copy(p, t.Data)
		return c.got(n, t.Step)
	}
	start := time.Now()
	release := c.deadline()
	n, err := c.nc.Read(p)
	release()
	t := transfer{Step: c.step(start, err), Data: Bytes(p[:n])}
	if c.w.recorder != nil {
		t.Data = Bytes(c.w.Redact(string(p[:n])))
		c.w.keep(key, t)
	}
	return c.got(n, t.Step)
}

func (c *Conn) got(n int, s Step) (int, error) {
	c.received += int64(n)
	switch {
	case s.OK() || n > 0:
		return n, nil // a failure together with data shows again at the next read
	case s.Failure == Closed:
		return 0, io.EOF
	default:
		return 0, &StepError{s, c.received}
	}
}

// deadline arms the time-out of the next operation and ties it to the context.
func (c *Conn) deadline() (release func()) {
	end := time.Now().Add(c.timeout)
	if !c.until.IsZero() && c.until.Before(end) {
		end = c.until
	}
	_ = c.nc.SetDeadline(end)
	stop := context.AfterFunc(c.ctx, func() { _ = c.nc.SetDeadline(time.Now()) })
	return func() { stop() }
}

func (c *Conn) step(start time.Time, err error) Step {
	s := Step{Took: time.Since(start)}
	s.Failure, s.Errno = classifyTLS(err)
	if s.Failure == Timeout && c.ctx.Err() != nil {
		s.Failure = Canceled
	}
	return s
}

// Write implements io.Writer; its error is a *StepError.
func (c *Conn) Write(p []byte) (int, error) {
	key := c.w.key("write")
	if c.w.tape != nil {
		t := fromTape[transfer](c.w, key)
		if !t.OK() {
			return int(t.N), &StepError{t.Step, c.received}
		}
		return len(p), nil
	}
	start := time.Now()
	release := c.deadline()
	n, err := c.nc.Write(p)
	release()
	t := transfer{Step: c.step(start, err), N: int64(n)}
	if c.w.recorder != nil {
		t.Data = Bytes(c.w.Redact(string(p[:min(n, 512)])))
		if n <= 512 {
			t.N = int64(len(t.Data)) // the true count would tell how long a hidden secret is
		}
		c.w.keep(key, t)
	}
	if err != nil {
		return n, &StepError{t.Step, c.received}
	}
	return n, nil
}

// Drained is what came out of a connection until its end.
type Drained struct {
	Step
	N         int64         `json:"n"`
	Head      Bytes         `json:"head,omitempty"`  // the first bytes, up to the limit asked for
	SHA256    string        `json:"sha256"`          // of all bytes
	FirstByte time.Duration `json:"first,omitempty"` // until the first byte
	NoNotify  bool          `json:"no_close_notify,omitempty"`
}

// Drain reads until the peer ends, keeping the first head bytes, and stops
// with TooMuch after limit bytes. Failure is None when the peer closed in good
// order. The connection's time-out bounds each pause, total the whole.
func (c *Conn) Drain(head, limit int64, total time.Duration) Drained {
	return do(c.w, "drain", func() Drained {
		d := drain(c, head, limit, total)
		d.Head = Bytes(c.w.Redact(string(d.Head)))
		return d
	})
}

func drain(c *Conn, head, limit int64, total time.Duration) Drained {
	var d Drained
	sum := sha256.New()
	buf := make([]byte, 64<<10)
	start := time.Now()
	pause := c.timeout
	defer func() { c.timeout = pause }()
	for {
		c.timeout = min(pause, total-time.Since(start))
		release := c.deadline()
		n, err := c.nc.Read(buf)
		release()
		if n > 0 && d.N == 0 {
			d.FirstByte = time.Since(start)
		}
		sum.Write(buf[:n])
		if room := head - int64(len(d.Head)); room > 0 {
			d.Head = append(d.Head, buf[:min(int64(n), room)]...)
		}
		d.N += int64(n)
		if err == nil && d.N <= limit {
			continue
		}
		d.Step = c.step(start, err)
		if err == nil {
			d.Failure = TooMuch
		}
		if d.Failure == Closed {
			d.NoNotify = c.counted != nil && c.counted.ended
			d.Failure = None
		}
		break
	}
	c.received += d.N
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return d
}

// Sent is what became of bytes sent until the end.
type Sent struct {
	Step
	N int64 `json:"n"`
}

// Send writes all of data, each piece within the connection's time-out, and ends the connection in good order: TLS
// close_notify, FIN, and then reading until the peer ends too, because a
// socket closed with unread bytes (TLS 1.3 session tickets) answers RST and
// takes the last data with it.
func (c *Conn) Send(data []byte, total time.Duration) Sent {
	return do(c.w, "send", func() Sent {
		start := time.Now()
		var s Sent
		for rest := data; len(rest) > 0; {
			c.until = start.Add(total)
			release := c.deadline()
			n, err := c.nc.Write(rest[:min(len(rest), sendChunk)])
			release()
			s.N += int64(n)
			rest = rest[n:]
			if s.Step = c.step(start, err); err != nil {
				return s
			}
		}
		if t, ok := c.nc.(*tls.Conn); ok {
			_ = t.CloseWrite()
		} else {
			_ = c.tcp.CloseWrite()
		}
		_ = c.nc.SetReadDeadline(time.Now().Add(lingerRead))
		_, _ = io.Copy(io.Discard, io.LimitReader(c.nc, 64<<10))
		s.Took = time.Since(start)
		return s
	})
}

// sendChunk is the piece within which no progress counts as a pause.
const sendChunk = 32 << 10

// lingerRead bounds the wait for the peer's end after our own.
const lingerRead = 2 * time.Second

// Counters of a connection.
type Counters struct {
	Step
	Retransmits int `json:"retransmits"`
}

// Counters reads what the kernel counted; zero where it does not tell.
func (c *Conn) Counters() Counters {
	return do(c.w, "counters", func() Counters { return Counters{Retransmits: retransmits(c.tcp)} })
}

// Close ends the connection. It may be called more than once.
func (c *Conn) Close() {
	c.closeOnce.Do(func() {
		if c.nc != nil {
			_ = c.nc.SetDeadline(time.Now().Add(200 * time.Millisecond)) // for close_notify
			_ = c.nc.Close()
		}
	})
}

// ResetClose ends the connection with a RST, so that no state is left.
func (c *Conn) ResetClose() {
	if c.tcp != nil {
		_ = c.tcp.SetLinger(0)
		_ = c.tcp.Close()
	}
}
