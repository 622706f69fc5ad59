package dav

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Bounds on what is read.
const (
	MaxHead    = 64 << 10 // bytes of status line and fields, interim answers included
	MaxBody    = 4 << 20  // a sensible bound for the body of a PROPFIND
	maxInterim = 8        // answers of class 1xx before the answer
	maxFirst   = 128      // bytes kept of what is no HTTP
	overhead   = 64 << 10 // of chunk framing; net/http itself refuses chunks that are mostly framing
)

// ErrTooLong: a bound on the size was reached.
var ErrTooLong = errors.New("more than a client has to read")

// ErrMalformed: the head of the answer breaks the protocol.
var ErrMalformed = errors.New("malformed answer")

// NotHTTPError: what came first is not the beginning of an HTTP answer.
type NotHTTPError struct {
	First []byte // the first bytes, up to 128
}

func (e *NotHTTPError) Error() string { return fmt.Sprintf("not HTTP: %q", e.First) }

// Answer is the final answer to a request.
type Answer struct {
	Proto   string // as HTTP/1.1
	Status  int
	Reason  string // the server's words behind the status
	Header  http.Header
	Interim []int // answers of class 1xx that came before

	Body    []byte // up to the bound
	More    bool   // the body is longer than the bound
	BodyErr error  // the body broke off: why; the head is good all the same
	Length  int64  // of the body as announced; -1: not announced
	Close   bool   // the connection can't be used for a further request
}

// Get returns a field's first value, empty where it is missing.
func (a *Answer) Get(name string) string { return a.Header.Get(name) }

// Line is the status line without the protocol: "404 Not Found".
func (a *Answer) Line() string {
	if a.Status == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, a.Reason))
}

// Reader reads answers from one connection.
type Reader struct {
	br   *bufio.Reader
	m    *meter
	body io.ReadCloser
}

// NewReader reads from src, whose owner bounds the time of each read.
func NewReader(src io.Reader) *Reader {
	m := &meter{src: src}
	return &Reader{br: bufio.NewReader(m), m: m}
}

// meter bounds the bytes that are taken from the connection and keeps the error
// with which it ended, to tell it from a parser's.
type meter struct {
	src  io.Reader
	left int64
	err  error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		m.err = ErrTooLong
		return 0, ErrTooLong
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.src.Read(p)
	m.left -= int64(n)
	if err != nil {
		m.err = err
	}
	return n, err
}

// Answer reads the answer to a request of the method, and of its body at most
// limit bytes. The error is that of the stream, [io.EOF] where it ended before
// the first byte, a *[NotHTTPError], or wraps [ErrTooLong] or [ErrMalformed].
func (r *Reader) Answer(method string, limit int64) (*Answer, error) {
	a, err := r.Head(method)
	if err == nil {
		r.Finish(a, limit)
	}
	return a, err
}

// Finish reads the body of the answer that [Reader.Head] gave.
func (r *Reader) Finish(a *Answer, limit int64) {
	r.m.left = limit + limit/2 + overhead
	a.Body, a.BodyErr = io.ReadAll(io.LimitReader(r.body, limit+1))
	if int64(len(a.Body)) > limit {
		a.Body, a.More = a.Body[:limit], true
	}
	a.Close = a.Close || a.More || a.BodyErr != nil
}

// Head reads the answer up to its body, for [Reader.Finish] or [Reader.Body].
func (r *Reader) Head(method string) (*Answer, error) {
	r.m.left, r.m.err = MaxHead, nil
	var interim []int
	for {
		if err := r.looksLikeHTTP(); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(r.br, &http.Request{Method: method}) //nolint:bodyclose // the body is the caller's: Finish or Body
		if err != nil {
			if r.m.err != nil {
				return nil, fmt.Errorf("head of the answer: %w", r.m.err)
			}
			return nil, fmt.Errorf("%w: %v", ErrMalformed, err) //nolint:errorlint // the parser's words, not its types
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			if interim = append(interim, resp.StatusCode); len(interim) > maxInterim {
				return nil, fmt.Errorf("answers of class 1xx: %w", ErrTooLong)
			}
			continue
		}
		r.body = resp.Body
		_, reason, _ := strings.Cut(resp.Status, " ")
		return &Answer{
			Proto: resp.Proto, Status: resp.StatusCode, Reason: reason, Header: resp.Header,
			Interim: interim, Length: resp.ContentLength, Close: resp.Close,
		}, nil
	}
}

// Body gives the rest of the stream of the last [Reader.Head] as the decoded
// body, reading on from src, and no more than limit bytes of framing and body.
// The Reader is of no further use.
func (r *Reader) Body(src io.Reader, limit int64) io.Reader {
	r.m.src, r.m.left = src, limit
	return r.body
}

// looksLikeHTTP waits for as many bytes as it takes to tell, and no more: a
// server of another protocol may say little and then wait.
func (r *Reader) looksLikeHTTP() error {
	const begin = "HTTP/"
	for n := 1; n <= len(begin); n++ {
		got, err := r.br.Peek(n)
		if err != nil {
			if errors.Is(err, io.EOF) && n > 1 {
				return &NotHTTPError{bytes.Clone(got)}
			}
			return err
		}
		if got[n-1] != begin[n-1] {
			first, _ := r.br.Peek(min(r.br.Buffered(), maxFirst))
			return &NotHTTPError{bytes.Clone(first)}
		}
	}
	return nil
}
