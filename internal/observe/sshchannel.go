package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHOpened is what became of the request for a subsystem.
type SSHOpened struct {
	Step
	Rejected   string         `json:"rejected,omitempty"` // the server opens no session: its words (RFC 4254 §5.1)
	Refused    bool           `json:"refused,omitempty"`  // a session, and not this subsystem (RFC 4254 §6.5)
	Disconnect *SSHDisconnect `json:"disconnect,omitempty"`
}

// SSHChannel is a session of a connection. Each read and write is a step, as
// with a [Conn]. It is used by one goroutine at a time.
type SSHChannel struct {
	s        *SSHConn
	w        *World
	live     *liveChannel // nil in a recording
	ctx      context.Context
	until    time.Time
	received int64
}

// liveChannel pumps what the server sends.
type liveChannel struct {
	ch     ssh.Channel
	chunks chan []byte // closed at the end of the stream
	rest   []byte
	ended  chan struct{} // the channel is closed

	mu     sync.Mutex
	stderr []byte
	end    SSHEnd
}

const (
	chunkSize = 32 << 10
	maxStderr = 4 << 10
)

// Subsystem opens a session and asks for a subsystem in it.
func (s *SSHConn) Subsystem(ctx context.Context, name string, timeout time.Duration) (*SSHChannel, SSHOpened) {
	c := &SSHChannel{s: s, w: s.w.Scope(name), ctx: ctx}
	opened := do(s.w, "ssh-subsystem "+name, func() SSHOpened {
		start := time.Now()
		var out SSHOpened
		err := s.within(ctx, timeout, func() (err error) { c.live, out, err = s.live.open(name); return err })
		if err != nil {
			out.Failure, out.Errno, out.Disconnect = s.ended(err)
		}
		out.Took = time.Since(start)
		return out
	})
	return c, opened
}

func (l *sshLive) open(name string) (*liveChannel, SSHOpened, error) {
	var out SSHOpened
	ch, requests, err := l.client.OpenChannel("session", nil)
	if no, ok := errors.AsType[*ssh.OpenChannelError](err); ok {
		out.Rejected = short(no.Message)
		if out.Rejected == "" {
			out.Rejected = no.Reason.String()
		}
		return nil, out, nil
	}
	if err != nil {
		return nil, out, err
	}
	c := &liveChannel{ch: ch, chunks: make(chan []byte), ended: make(chan struct{})}
	go c.listen(requests)
	go c.pump(l.quit)
	go c.pumpErr()
	ok, err := ch.SendRequest("subsystem", true, ssh.Marshal(struct{ Name string }{name}))
	out.Refused = err == nil && !ok
	if out.Refused {
		_ = ch.Close()
	}
	return c, out, err
}

// within bounds what has no bound of its own: when the time is up, the
// connection is closed under it. A caller who gave up leaves what is being
// written the time to end in good order, because he may have to clean up.
func (s *SSHConn) within(ctx context.Context, timeout time.Duration, f func() error) error {
	var why error
	var once sync.Once
	cut := func(err error) {
		once.Do(func() {
			why = err
			_ = s.live.tcp.Close()
		})
	}
	timer := time.AfterFunc(timeout, func() { cut(context.DeadlineExceeded) })
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-over:
		case <-time.After(graceOfWrite):
			cut(context.Canceled)
		}
	})
	err := f()
	close(over)
	timer.Stop()
	stop()
	once.Do(func() {}) // whoever comes later comes too late, and why is settled
	if why != nil {
		return why
	}
	return err
}

// ended says how the connection ended, where the error is only that it did.
func (s *SSHConn) ended(err error) (Failure, string, *SSHDisconnect) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return classifySSH(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.live.client.Wait() }()
	select {
	case cause := <-done:
		return classifySSH(cause)
	case <-time.After(endOfConn):
		return classifySSH(err)
	}
}

// graceOfWrite is what remains to a write under way when the caller gives up.
const graceOfWrite = 500 * time.Millisecond

// endOfConn is the patience with a connection that is ending.
const endOfConn = 200 * time.Millisecond

// SSHEnd is how a session ended.
type SSHEnd struct {
	Step                   // Timeout: it has not
	Exited  bool           `json:"exited,omitempty"` // the program told its exit status
	Status  int            `json:"status,omitempty"`
	Signal  string         `json:"signal,omitempty"`
	Stderr  Bytes          `json:"stderr,omitempty"` // the first 4 KiB
	Gone    bool           `json:"gone,omitempty"`   // the whole connection ended with it
	Message *SSHDisconnect `json:"message,omitempty"`
}

// listen takes the requests of the server: how the program ended (RFC 4254 §6.10).
func (c *liveChannel) listen(requests <-chan *ssh.Request) {
	defer close(c.ended)
	for r := range requests {
		c.mu.Lock()
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				c.end.Exited, c.end.Status = true, int(m.Status)
			}
		case "exit-signal":
			var m struct {
				Signal     string
				CoreDumped bool
				Message    string
				Lang       string
			}
			if ssh.Unmarshal(r.Payload, &m) == nil {
				c.end.Signal = short(m.Signal)
			}
		}
		c.mu.Unlock()
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

func (c *liveChannel) pump(quit <-chan struct{}) {
	defer close(c.chunks)
	for {
		buf := make([]byte, chunkSize)
		n, err := c.ch.Read(buf)
		if n > 0 {
			select {
			case c.chunks <- buf[:n]:
			case <-quit:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pumpErr reads all of stderr, since unread it would hold up the rest.
func (c *liveChannel) pumpErr() {
	buf := make([]byte, 4<<10)
	for {
		n, err := c.ch.Stderr().Read(buf)
		c.mu.Lock()
		c.stderr = append(c.stderr, buf[:min(n, maxStderr-len(c.stderr))]...)
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// SetBudget bounds all following reads and writes together.
func (c *SSHChannel) SetBudget(ctx context.Context, d time.Duration) {
	c.ctx, c.until = ctx, time.Now().Add(d)
}

// Received is the number of bytes read so far.
func (c *SSHChannel) Received() int64 { return c.received }

// Read implements io.Reader; its error is io.EOF or a *StepError.
func (c *SSHChannel) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := -1
	t := do(c.w, "read", func() transfer {
		start := time.Now()
		var err error
		n, err = c.read(p)
		return transfer{Step: c.step(start, err), Data: Bytes(c.w.Redact(string(p[:n])))}
	})
	if n < 0 { // from a recording
		n = copy(p, t.Data)
	}
	c.received += int64(n)
	switch {
	case t.OK():
		return n, nil
	case t.Failure == Closed:
		return n, io.EOF
	default:
		return n, &StepError{t.Step, c.received}
	}
}

func (c *SSHChannel) read(p []byte) (int, error) {
	l := c.live
	if len(l.rest) == 0 {
		timer := time.NewTimer(time.Until(c.until))
		defer timer.Stop()
		select {
		case chunk, ok := <-l.chunks:
			if !ok {
				return 0, io.EOF
			}
			l.rest = chunk
		case <-timer.C:
			return 0, context.DeadlineExceeded
		case <-c.ctx.Done():
			return 0, context.Canceled
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (c *SSHChannel) step(start time.Time, err error) Step {
	s := Step{Took: time.Since(start)}
	s.Failure, s.Errno, _ = classifySSH(err)
	return s
}

// Write implements io.Writer; its error is a *StepError.
func (c *SSHChannel) Write(p []byte) (int, error) {
	t := do(c.w, "write", func() transfer {
		start := time.Now()
		n, err := c.write(p)
		return transfer{Step: c.step(start, err), N: int64(n), Data: Bytes(c.w.Redact(string(p[:min(len(p), 512)])))}
	})
	if !t.OK() {
		return int(t.N), &StepError{t.Step, c.received}
	}
	return len(p), nil
}

func (c *SSHChannel) write(p []byte) (n int, err error) {
	err = c.s.within(c.ctx, time.Until(c.until), func() (err error) { n, err = c.live.ch.Write(p); return err })
	return n, err
}

// Unrecorded runs f over the channel and keeps only what it returns, and how
// long it took: a transfer of any size does not make a recording grow. In a
// recording f is not run, so whatever it changes elsewhere must follow from its
// result.
func Unrecorded[T any](c *SSHChannel, name string, f func(io.ReadWriter) T) (T, time.Duration) {
	type timed struct {
		Took   time.Duration `json:"ns"`
		Result T             `json:"result"`
	}
	t := do(c.w, name, func() timed {
		start := time.Now()
		v := f(rawChannel{c})
		return timed{time.Since(start), v}
	})
	return t.Result, t.Took
}

// rawChannel reads and writes without making steps.
type rawChannel struct{ c *SSHChannel }

func (r rawChannel) Read(p []byte) (int, error) {
	start := time.Now()
	n, err := r.c.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &StepError{r.c.step(start, err), r.c.received}
	}
	return n, err
}

func (r rawChannel) Write(p []byte) (int, error) {
	start := time.Now()
	n, err := r.c.write(p)
	if err != nil {
		err = &StepError{r.c.step(start, err), r.c.received}
	}
	return n, err
}

// End waits until the session has ended, at most for so long, and says how.
func (c *SSHChannel) End(ctx context.Context, wait time.Duration) SSHEnd {
	return do(c.w, "end", func() SSHEnd {
		start := time.Now()
		l := c.live
		over := c.finished(ctx, wait)
		l.mu.Lock()
		out := l.end
		out.Stderr = Bytes(c.w.Redact(string(l.stderr)))
		l.mu.Unlock()
		if !over {
			out.Failure = Timeout
		} else {
			out.Gone, out.Message = c.s.gone()
		}
		out.Took = time.Since(start)
		return out
	})
}

// finished drops what still comes and tells whether the channel was closed.
func (c *SSHChannel) finished(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	chunks := c.live.chunks
	for {
		select {
		case _, ok := <-chunks:
			if !ok {
				chunks = nil
			}
		case <-c.live.ended:
			return true
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// gone tells whether the connection is ending too, and with which message.
func (s *SSHConn) gone() (bool, *SSHDisconnect) {
	done := make(chan error, 1)
	go func() { done <- s.live.client.Wait() }()
	select {
	case err := <-done:
		_, _, message := classifySSH(err)
		return true, message
	case <-time.After(endOfConn):
		return false, nil
	}
}

// Close ends the session, and not the connection.
func (c *SSHChannel) Close() {
	if c.live != nil {
		_ = c.live.ch.Close() // a connection that is gone closed it already
	}
}

// String words the end for evidence.
func (e SSHEnd) String() string {
	switch {
	case e.Signal != "":
		return "signal " + e.Signal
	case e.Exited:
		return fmt.Sprintf("exit status %d", e.Status)
	case e.Message != nil:
		return fmt.Sprintf("disconnect %d: %s", e.Message.Code, e.Message.Message)
	case e.Failure == Timeout:
		return "still open"
	case e.Gone:
		return "connection closed"
	default:
		return "channel closed"
	}
}
