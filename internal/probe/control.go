package probe

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// control is a control connection: commands and the replies to them.
type control struct {
	w      *observe.World // scope of what belongs to this session
	conn   *observe.Conn
	rd     *ftp.Reader
	tls    *observe.TLSState // nil: clear text
	prot   bool              // data connections are protected
	maxTLS uint16            // highest TLS version to be offered; 0: what there is
	feats  ftp.Features
	dead   bool
	dialed int // data connections opened, for their scopes
	mss    int // of the next data connection; 0: the system's
}

// exchange is a command and what came back.
type exchange struct {
	verb  string
	reply ftp.Reply
	err   error         // of the connection, or of the wire
	took  time.Duration // until the end of the reply
}

const (
	replyTimeout = 4 * time.Second
	quitTimeout  = 500 * time.Millisecond
)

func newControl(w *observe.World, conn *observe.Conn) *control {
	return &control{w: w, conn: conn, rd: ftp.NewReader(conn)}
}

// say sends a command and reads its reply. The argument of PASS is hidden
// wherever the command is shown.
func (c *control) say(ctx context.Context, verb, arg string) exchange {
	return c.sayWithin(ctx, verb, arg, replyTimeout)
}

func (c *control) sayWithin(ctx context.Context, verb, arg string, timeout time.Duration) exchange {
	x := exchange{verb: verb}
	if c.dead {
		x.err = io.ErrClosedPipe
		return x
	}
	line, err := ftp.FormatCommand(verb, arg)
	if err != nil {
		x.err = err
		return x
	}
	c.conn.Bind(ctx)
	c.conn.SetBudget(timeout)
	if _, err := c.conn.Write(line); err != nil {
		x.err, c.dead = err, true
		return x
	}
	r := c.read(ctx, timeout)
	r.verb = verb
	return r
}

// read waits for a reply that was not asked for by a command just now.
func (c *control) read(ctx context.Context, timeout time.Duration) exchange {
	var x exchange
	c.conn.Bind(ctx)
	c.conn.SetBudget(timeout)
	start := c.w.Elapsed()
	x.reply, x.err = c.rd.Reply()
	x.took = c.w.Elapsed() - start
	if f := observe.FailureOf(x.err); x.err != nil && f != observe.Timeout && f != observe.Canceled && !errors.Is(x.err, ftp.ErrNotFTP) {
		c.dead = true
	}
	return x
}

// quit ends the session politely.
func (c *control) quit() {
	if !c.dead {
		c.sayWithin(context.Background(), "QUIT", "", quitTimeout)
	}
	c.conn.Close()
	c.dead = true
}

// drop ends the session at once.
func (c *control) drop() { c.conn.Close(); c.dead = true }

// String words the exchange for evidence.
func (x exchange) String() string {
	s := ""
	if x.verb != "" {
		s = x.verb + " → "
	}
	switch {
	case x.err == nil:
		return s + x.reply.String()
	case errors.Is(x.err, io.EOF) || errors.Is(x.err, io.ErrUnexpectedEOF):
		return s + strings.TrimSpace(x.reply.String()+" ("+finding.Say("connection closed")+")")
	default:
		return s + strings.TrimSpace(x.reply.String()+" ("+toldError(x.err)+")")
	}
}

// failure is the class of what ended the exchange.
func (x exchange) failure() observe.Failure {
	switch {
	case x.err == nil:
		return observe.None
	case errors.Is(x.err, io.EOF), errors.Is(x.err, io.ErrUnexpectedEOF), errors.Is(x.err, io.ErrClosedPipe):
		return observe.Closed
	default:
		return observe.FailureOf(x.err)
	}
}
