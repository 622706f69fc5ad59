package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"
)

// Digest reads a stream to its end that decode makes of the connection's bytes:
// an HTTP body, whose end is not that of the connection. It keeps the first head
// bytes and the hash of all, so that a recording does not grow with a file, and
// stops with TooMuch after limit bytes. Failure is None when the stream ended in
// good order, Closed when the connection ended before it. The connection's
// time-out bounds each pause, total the whole. In a recording decode is not
// called, and nothing more can be read from the connection.
func (c *Conn) Digest(decode func(raw io.Reader) io.Reader, head, limit int64, total time.Duration) Drained {
	return do(c.w, "digest", func() Drained {
		d := c.digest(decode, head, limit, total)
		d.Head = Bytes(c.w.Redact(string(d.Head)))
		return d
	})
}

func (c *Conn) digest(decode func(io.Reader) io.Reader, head, limit int64, total time.Duration) Drained {
	var d Drained
	start := time.Now()
	sum := sha256.New()
	raw := &rawReader{c: c, pause: c.timeout, end: start.Add(total)}
	stream := decode(raw)
	buf := make([]byte, 64<<10)
	for {
		n, err := stream.Read(buf)
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
		if !errors.Is(err, io.EOF) {
			d.Step = c.step(start, err)
		}
		if err == nil {
			d.Failure = TooMuch
		}
		d.Took = time.Since(start)
		break
	}
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return d
}

// rawReader reads from the connection without making a step of each read.
type rawReader struct {
	c     *Conn
	pause time.Duration
	end   time.Time
}

func (r *rawReader) Read(p []byte) (int, error) {
	c := r.c
	c.timeout, c.until = r.pause, r.end
	release := c.deadline()
	n, err := c.nc.Read(p)
	release()
	c.received += int64(n)
	return n, err
}
