package observe_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"ftpdoctor/internal/observe"
)

// Digest of a stream that is shorter, and longer, than the connection, live and
// from the recording.
func TestDigest(t *testing.T) {
	for name, tt := range map[string]struct {
		sent  string
		take  int64
		limit int64
		n     int64
		fail  observe.Failure
	}{
		"good end": {sent: "0123456789", take: 7, limit: 100, n: 7},
		"cut":      {sent: "01234", take: 7, limit: 100, n: 5, fail: observe.Closed},
		"too much": {sent: "0123456789", take: 9, limit: 3, n: 9, fail: observe.TooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				if c, err := ln.Accept(); err == nil {
					_, _ = io.WriteString(c, tt.sent)
					_ = c.Close()
				}
			}()
			w := observe.Live()
			rec := w.Record()
			decode := func(raw io.Reader) io.Reader { return &exactly{raw, tt.take} }
			ask := func(w *observe.World) observe.Drained {
				conn, d := w.Dial(context.Background(), netip.MustParseAddrPort(ln.Addr().String()), observe.DialOptions{})
				if conn == nil {
					t.Fatal(d)
				}
				defer conn.Close()
				return conn.Digest(decode, 2, tt.limit, time.Second)
			}
			got := ask(w)
			sum := sha256.Sum256([]byte(tt.sent[:tt.n]))
			if got.N != tt.n || got.Failure != tt.fail || string(got.Head) != "01" || got.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("got %+v", got)
			}
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			again, _, err := observe.Replay(&tape)
			if err != nil {
				t.Fatal(err)
			}
			if r := ask(again); r.N != got.N || r.SHA256 != got.SHA256 || r.Failure != got.Failure {
				t.Errorf("replayed %+v", r)
			}
		})
	}
}

// exactly is a body of announced length: an early end is an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
