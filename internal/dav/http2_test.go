package dav_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"ftpdoctor/internal/dav"
)

var ask = dav.Request{Method: "OPTIONS", Target: "/dav/", Fields: []dav.Field{{Name: "Host", Value: "ignored"}, {Name: "User-Agent", Value: "ftpdoctor"}}}

// The server of net/http is another's reading of RFC 9113.
func TestHTTP2Exchange(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "OPTIONS" || r.URL.Path != "/dav/" || r.Host != "ftp.example.com" || r.UserAgent() != "ftpdoctor" || r.ProtoMajor != 2 {
			t.Errorf("the server got %s %s %s %s %s", r.Method, r.URL.Path, r.Host, r.UserAgent(), r.Proto)
		}
		w.WriteHeader(103) // an interim answer
		w.Header().Set("DAV", "1, 2")
		w.WriteHeader(401)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	a, err := dav.HTTP2Exchange(c, "ftp.example.com", ask)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != 401 || !a.HasClass("2") {
		t.Errorf("got %s, classes %v", a.Line(), a.Classes())
	}
}

// served is a stream whose other side has said everything already.
type served struct {
	io.Reader
	io.Writer
}

func exchange(answer []byte) (*dav.Answer, error) {
	return dav.HTTP2Exchange(served{bytes.NewReader(answer), io.Discard}, "h", ask)
}

func frames(t testing.TB, write func(f *http2.Framer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(http2.NewFramer(&b, nil)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHTTP2Failures(t *testing.T) {
	var not *dav.NotHTTPError
	if _, err := exchange([]byte("HTTP/1.1 400 Bad Request\r\nServer: Apache\r\n\r\n")); !errors.As(err, &not) || !strings.HasPrefix(string(not.First), "HTTP/1.1 400") {
		t.Errorf("an answer in HTTP/1.1: %v", err)
	}
	if _, err := exchange(nil); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that closes: %v", err)
	}
	var coded *dav.HTTP2Error
	away := frames(t, func(f *http2.Framer) error {
		return errors.Join(f.WriteSettings(), f.WriteGoAway(0, http2.ErrCodeInadequateSecurity, []byte(strings.Repeat("x", 900))))
	})
	if _, err := exchange(away); !errors.As(err, &coded) || coded.Code != "INADEQUATE_SECURITY" || len(coded.Debug) != 200 {
		t.Errorf("GOAWAY: %v", err)
	}
	reset := frames(t, func(f *http2.Framer) error { return f.WriteRSTStream(1, http2.ErrCodeHTTP11Required) })
	if _, err := exchange(reset); !errors.As(err, &coded) || coded.Error() != "RST_STREAM HTTP_1_1_REQUIRED" {
		t.Errorf("RST_STREAM: %v", err)
	}
	endless := frames(t, func(f *http2.Framer) error {
		var all error
		for range 1000 {
			all = errors.Join(all, f.WritePing(false, [8]byte{}))
		}
		return all
	})
	if _, err := exchange(endless); !errors.Is(err, dav.ErrTooLong) {
		t.Errorf("endless pings: %v", err)
	}
	if _, err := exchange([]byte("\xff\xff\xff\x00\x00\x00\x00\x00\x00")); !errors.Is(err, dav.ErrMalformed) {
		t.Errorf("a frame of 16 MiB: %v", err)
	}
	if _, err := dav.HTTP2Exchange(served{}, "h", dav.Request{Method: "GET", Target: "/a b"}); err == nil {
		t.Error("a target with a blank was sent")
	}
}

func FuzzHTTP2(f *testing.F) {
	f.Add(frames(f, func(f *http2.Framer) error {
		return errors.Join(f.WriteSettings(), f.WriteSettingsAck(), f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}, EndHeaders: true, EndStream: true}))
	}))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := exchange(in)
		if (a == nil) == (err == nil) {
			t.Errorf("answer %v and error %v", a, err)
		}
		if a != nil && (a.Status < 200 || a.Status > 999) {
			t.Errorf("status %d", a.Status)
		}
	})
}
