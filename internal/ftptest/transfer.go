package ftptest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// passivePort is the data port that PASV or EPSV announced.
type passivePort struct {
	port   uint16
	accept func(ctx context.Context) (net.Conn, error)
	close  func()
}

// openPassive opens a data port, as the script's data fault has it, in place of
// the one before.
func (s *session) openPassive() error {
	s.closeData()
	host := s.srv.addr.Addr()
	switch s.srv.script.upload.kind {
	case "refuse":
		s.passive = &passivePort{port: s.srv.closed.port(), accept: never, close: func() {}}
		return nil
	case "drop":
		port, stop, err := dropPort(host)
		if err != nil {
			return err
		}
		s.passive = &passivePort{port: port, accept: never, close: stop}
		return nil
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host.String(), "0"))
	if err != nil {
		return err
	}
	accept := func(ctx context.Context) (net.Conn, error) {
		stop := context.AfterFunc(ctx, func() { ln.Close() })
		defer stop()
		return ln.Accept()
	}
	s.passive = &passivePort{port: ln.Addr().(*net.TCPAddr).AddrPort().Port(), accept: accept, close: func() { ln.Close() }}
	return nil
}

// never is the accept of a port that gets no connection.
func never(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// closeData forgets what PASV or PORT prepared.
func (s *session) closeData() {
	if s.passive != nil {
		s.passive.close()
	}
	s.passive, s.active = nil, netip.AddrPort{}
}

// channel is how the next data connection comes about, taken from the session
// so that a transfer can run beside it.
type channel struct {
	passive *passivePort
	active  netip.AddrPort
	config  *tls.Config // nil: clear
	blocked bool
}

// errNoChannel says that the client asked for a transfer before PASV or PORT.
var errNoChannel = errors.New("no data channel prepared")

// takeChannel hands over what PASV or PORT prepared.
func (s *session) takeChannel() (channel, error) {
	ch := channel{passive: s.passive, active: s.active}
	if ch.passive == nil && !ch.active.IsValid() {
		return ch, errNoChannel
	}
	s.passive, s.active = nil, netip.AddrPort{}
	if s.secure && s.protected {
		ch.config = s.dataConfig()
	}
	ch.blocked = ch.passive == nil && s.srv.script.active == "blocked"
	return ch, nil
}

// open makes the TCP connection.
func (ch channel) open(ctx context.Context) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dataWait)
	defer cancel()
	if ch.passive != nil {
		defer ch.passive.close()
		c, err := ch.passive.accept(ctx)
		if err != nil {
			return nil, err
		}
		return c.(*net.TCPConn), nil
	}
	if ch.blocked {
		sleep(ctx, 2*time.Second)
		return nil, errors.New("blocked by the script")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", ch.active.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// transfer is a transfer under way beside the control connection.
type transfer struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// stopTransfer ends a transfer under way, and waits for its end.
func (s *session) stopTransfer() {
	if s.running != nil {
		s.running.cancel()
		<-s.running.done
		s.running = nil
	}
}

// transferJob is the content of a transfer: source for a download, store for
// an upload.
type transferJob struct {
	source  io.Reader
	store   func(data []byte) bool
	opening string // the 150 reply
}

// startTransfer runs a transfer beside the control connection, so that ABOR
// reaches it.
func (s *session) startTransfer(job transferJob) error {
	ch, err := s.takeChannel()
	if err != nil {
		return s.reply("425 Use PORT or PASV first.")
	}
	ctx, cancel := context.WithCancel(s.ctx)
	t := &transfer{cancel: cancel, done: make(chan struct{})}
	s.running = t
	s.srv.wg.Go(func() {
		defer close(t.done)
		defer cancel()
		if err := s.reply(s.transfer(ctx, ch, job)); err != nil {
			s.cancel()
		}
	})
	return nil
}

// transfer does a transfer and gives the reply that ends it.
func (s *session) transfer(ctx context.Context, ch channel, job transferJob) string {
	tcp, err := ch.open(ctx)
	if err != nil {
		return "425 Failed to establish connection."
	}
	defer tcp.Close()
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	defer stop()
	if got := tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(); got != s.peer {
		return "425 Security: Bad IP connecting."
	}
	if err := s.reply(job.opening); err != nil {
		return "426 Failure writing network stream."
	}
	conn := net.Conn(tcp)
	if ch.config != nil {
		secured, err := s.handshake(tcp, ch.config)
		if err != nil {
			return "425 Unable to build data connection: TLS handshake failed"
		}
		if s.srv.script.sessionReuse && !secured.ConnectionState().DidResume {
			return "522 SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page"
		}
		conn = secured
	}
	if job.source != nil {
		err = move(ctx, tcp, conn, job.source, s.srv.script.download)
	} else {
		err = receiveFile(ctx, tcp, conn, s.srv.script.upload, job.store)
	}
	if ctx.Err() != nil {
		return "426 Failure writing network stream."
	}
	var refused storeError
	switch {
	case errors.As(err, &refused):
		return string(refused)
	case err != nil:
		return "426 Failure reading or writing network stream."
	}
	if err := conn.Close(); err != nil && job.source != nil && !isTLSNoise(err) {
		return "426 Failure writing network stream."
	}
	return "226 Transfer complete."
}

// isTLSNoise tells whether ending TLS failed only because the peer, which has
// all it wants, was gone before.
func isTLSNoise(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// storeError is the reply for an upload that could not be stored.
type storeError string

func (e storeError) Error() string { return string(e) }

// receiveFile takes an upload and stores it.
func receiveFile(ctx context.Context, tcp *net.TCPConn, conn net.Conn, fault dataFault, store func([]byte) bool) error {
	var file limitedBuffer
	err := move(ctx, tcp, &file, conn, fault)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // many clients end TLS without close_notify
		return err
	}
	if !store(file.data) {
		return storeError("553 Could not create file.")
	}
	return nil
}

// limitedBuffer takes a file of at most maxFile bytes.
type limitedBuffer struct{ data []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxFile {
		return 0, storeError("552 Transfer aborted. File is too large.")
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// errDataReset says that the script broke the data connection.
var errDataReset = errors.New("data connection reset by the script")

// move copies src to dst, one of which is the data connection over tcp, with
// the fault of that direction.
func move(ctx context.Context, tcp *net.TCPConn, dst io.Writer, src io.Reader, fault dataFault) error {
	buf := make([]byte, 32<<10)
	var moved int64
	for {
		block := buf
		switch fault.kind {
		case "stall", "reset", "truncate":
			left := fault.after - moved
			if left <= 0 {
				return fault.strike(ctx, tcp)
			}
			block = buf[:min(int64(len(buf)), left)]
		case "drip":
			block = buf[:1]
			if err := sleep(ctx, fault.every); err != nil {
				return err
			}
		}
		n, err := src.Read(block)
		if fault.kind == "corrupt" {
			for i := (4096 - moved%4096) % 4096; i < int64(n); i += 4096 {
				block[i] ^= 0x20
			}
		}
		moved += int64(n)
		if _, werr := dst.Write(block[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// strike does what the fault does after its number of bytes.
func (f dataFault) strike(ctx context.Context, tcp *net.TCPConn) error {
	switch f.kind {
	case "stall":
		<-ctx.Done()
		return ctx.Err()
	case "reset":
		reset(tcp)
		return errDataReset
	}
	return nil
}

// exchange does a script's send (content is not nil) or receive (count bytes)
// on a data channel, and closes it. A data connection that does not come about
// is answered 425, and ends the rule.
func (s *session) exchange(content []byte, count int64) error {
	ch, err := s.takeChannel()
	if err != nil {
		return errors.Join(errRuleOver, s.reply("425 Use PORT or PASV first."))
	}
	tcp, err := ch.open(s.ctx)
	if err != nil {
		return errors.Join(errRuleOver, s.reply("425 Failed to establish connection."))
	}
	defer tcp.Close()
	stop := context.AfterFunc(s.ctx, func() { tcp.Close() })
	defer stop()
	conn := net.Conn(tcp)
	if ch.config != nil {
		if conn, err = s.handshake(tcp, ch.config); err != nil {
			return errors.Join(errRuleOver, s.reply("425 Unable to build data connection: TLS handshake failed"))
		}
	}
	if content != nil {
		conn.Write(content) // what a client that leaves early misses is its own affair
	} else if count == forever {
		io.Copy(io.Discard, conn)
	} else {
		io.CopyN(io.Discard, conn, count)
	}
	conn.Close()
	return nil
}

// download makes the job of a download.
func download(source io.Reader, what string) transferJob {
	return transferJob{source: source, opening: fmt.Sprintf("150 Opening data connection for %s.", what)}
}
