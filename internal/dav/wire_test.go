package dav_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"ftpdoctor/internal/dav"
)

func TestMarshal(t *testing.T) {
	got, err := dav.Request{Method: "PUT", Target: "/a%20b", Fields: []dav.Field{{"Host", "h"}}}.Marshal()
	if want := "PUT /a%20b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, bad := range []dav.Request{
		{Method: "GET /x", Target: "/"},
		{Method: "GET", Target: "/a b"},
		{Method: "GET", Target: "/a\r\nX: y"},
		{Method: "GET", Target: ""},
		{Method: "GET", Target: "/", Fields: []dav.Field{{"X", "a\r\nY: b"}}},
		{Method: "GET", Target: "/", Fields: []dav.Field{{"X Y", "a"}}},
	} {
		if b, err := bad.Marshal(); err == nil {
			t.Errorf("%+v was written as %q", bad, b)
		}
	}
	if got, want := dav.EscapePath("/ä b%?#/~x"), "/%C3%A4%20b%25%3F%23/~x"; got != want {
		t.Errorf("path: got %q, want %q", got, want)
	}
}

func TestAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		in, method, line, body string
		interim                int
		close, more, cut       bool
		err                    error
	}{
		"plain":      {in: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP", line: "200 OK", body: "hi"},
		"no reason":  {in: "HTTP/1.1 207\r\nContent-Length: 0\r\n\r\n", line: "207"},
		"chunked":    {in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", line: "200 OK", body: "hi"},
		"to the end": {in: "HTTP/1.0 200 OK\r\n\r\nhello", line: "200 OK", body: "hello", close: true},
		"interim":    {in: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", line: "204 No Content", interim: 2},
		"head":       {in: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method: "HEAD", line: "200 OK"},
		"long":       {in: "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + strings.Repeat("x", 200), line: "200 OK", body: strings.Repeat("x", 100), close: true, more: true},
		"body cut":   {in: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", line: "200 OK", body: "abc", close: true, cut: true},
		"nothing":    {in: "", err: io.EOF},
		"head cut":   {in: "HTTP/1.1 200 OK\r\nConte", err: io.EOF},
		"endless":    {in: "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100), err: dav.ErrTooLong},
		"interims":   {in: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20), err: dav.ErrTooLong},
		"broken":     {in: "HTTP/1.1 20 OK\r\n\r\n", err: dav.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := dav.NewReader(iotest.OneByteReader(strings.NewReader(tt.in))).Answer(tt.method, 100)
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.Line() != tt.line || string(a.Body) != tt.body || a.Close != tt.close || a.More != tt.more || len(a.Interim) != tt.interim || (a.BodyErr != nil) != tt.cut {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestNotHTTP(t *testing.T) {
	for in, first := range map[string]string{
		"220 ready\r\n":         "220 ready\r\n",
		"SSH-2.0-OpenSSH\r\n":   "SSH-2.0-OpenSSH\r\n",
		"\x15\x03\x01\x00\x02z": "\x15\x03\x01\x00\x02z",
		"HTT":                   "HTT",
	} {
		_, err := dav.NewReader(strings.NewReader(in)).Answer("GET", 100)
		var not *dav.NotHTTPError
		if !errors.As(err, &not) || string(not.First) != first {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// The body read on from another source, as a download does that is not kept.
func TestBodyFromElsewhere(t *testing.T) {
	whole := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
	for cut := strings.Index(whole, "\r\n\r\n") + 4; cut < len(whole); cut++ {
		r := dav.NewReader(strings.NewReader(whole[:cut]))
		if _, err := r.Head("GET"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body(strings.NewReader(whole[cut:]), 1000))
		if err != nil || string(got) != "abcdefg" {
			t.Errorf("cut at %d: %q, %v", cut, got, err)
		}
	}
}

func TestFields(t *testing.T) {
	a := dav.Answer{Header: http.Header{
		"Dav": {"1, 2", "<http://apache.org/dav/propset/fs/1>"}, "Allow": {"OPTIONS,get"},
		"Server": {"nginx"}, "Via": {"1.1 a", "1.0 b"}, "Lock-Token": {"<opaquelocktoken:x>"},
	}}
	if !a.HasClass("2") || a.HasClass("3") {
		t.Errorf("classes %q", a.Classes())
	}
	if diff := cmp.Diff([]string{"OPTIONS", "GET"}, a.Allow()); diff != "" {
		t.Error(diff)
	}
	if got, want := a.Who(), "Server: nginx; Via: 1.1 a, 1.0 b"; got != want || !a.ThroughBox() {
		t.Errorf("who: %q", got)
	}
	if a.LockToken() != "opaquelocktoken:x" {
		t.Errorf("token %q", a.LockToken())
	}
}

func TestPage(t *testing.T) {
	for body, want := range map[string]string{
		"<html><center>nginx/1.22.1</center>":                                                                 "nginx",
		"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\"><html>":                                          "Apache",
		`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\Forbidden`: "sabre/dav",
		"<h1>welcome</h1>": "",
	} {
		if got := (&dav.Answer{Body: []byte(body)}).Page(); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nT: u\r\n\r\n"), "PROPFIND")
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=\"a\", Digest nonce=b\r\n\r\n"), "GET")
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), "HEAD")
	f.Fuzz(func(t *testing.T, in []byte, method string) {
		a, err := dav.NewReader(bytes.NewReader(in)).Answer(method, 1000)
		if err != nil {
			return
		}
		if len(a.Body) > 1000 {
			t.Fatalf("%d bytes of body", len(a.Body))
		}
		a.Challenges()
		a.Classes()
		a.Who()
	})
}
