package dav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxFrames bounds how many frames a server may send before its answer.
const maxFrames = 64

// HTTP2Error tells that the server ended a request of HTTP/2, or its side of the
// connection, with an error code (RFC 9113 §7).
type HTTP2Error struct {
	Frame string // RST_STREAM or GOAWAY
	Code  string // as the RFC names it
	Debug string // what the server adds to GOAWAY; at most 200 bytes
}

func (e *HTTP2Error) Error() string {
	if e.Debug != "" {
		return fmt.Sprintf("%s %s: %q", e.Frame, e.Code, e.Debug)
	}
	return e.Frame + " " + e.Code
}

// HTTP2Exchange makes one request without a body over a new connection on which
// both sides agreed on HTTP/2 (ALPN "h2"), and returns the answer without its
// body. The fields' names are written in lower case; Host is the authority. The
// error is that of the stream, a *[HTTP2Error], a *[NotHTTPError] where what
// came is HTTP/1 or nothing of HTTP at all, or wraps [ErrMalformed] or
// [ErrTooLong].
func HTTP2Exchange(rw io.ReadWriter, authority string, r Request) (*Answer, error) {
	b, err := http2Request(authority, r)
	if err != nil {
		return nil, err
	}
	if _, err := rw.Write(b); err != nil {
		return nil, err
	}
	first := &firstBytes{src: rw}
	f := http2.NewFramer(rw, first)
	f.SetMaxReadFrameSize(1 << 14) // RFC 9113 §6.5.2: what we did not raise
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.MaxHeaderListSize = MaxHead
	for range maxFrames {
		frame, err := f.ReadFrame()
		if err != nil {
			return nil, http2Failure(err, first)
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = f.WritePing(true, frame.Data)
			}
		case *http2.GoAwayFrame:
			debug := frame.DebugData()
			return nil, &HTTP2Error{Frame: "GOAWAY", Code: frame.ErrCode.String(), Debug: string(debug[:min(len(debug), 200)])}
		case *http2.RSTStreamFrame:
			return nil, &HTTP2Error{Frame: "RST_STREAM", Code: frame.ErrCode.String()}
		case *http2.MetaHeadersFrame:
			a, err := http2Answer(frame)
			if err != nil || a.Status >= 200 {
				return a, err
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("frames before the answer: %w", ErrTooLong)
}

// http2Request is the connection's preface, our settings and the request.
func http2Request(authority string, r Request) ([]byte, error) {
	if _, err := r.Marshal(); err != nil { // the same rules hold for names and values
		return nil, err
	}
	var fields bytes.Buffer
	enc := hpack.NewEncoder(&fields)
	write := func(name, value string) { _ = enc.WriteField(hpack.HeaderField{Name: name, Value: value}) } // to memory
	write(":method", r.Method)
	write(":scheme", "https")
	write(":authority", authority)
	write(":path", r.Target)
	for _, f := range r.Fields {
		if name := strings.ToLower(f.Name); name != "host" {
			write(name, f.Value)
		}
	}
	out := bytes.NewBufferString(http2.ClientPreface)
	f := http2.NewFramer(out, nil)
	err := errors.Join(
		f.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: fields.Bytes(), EndStream: true, EndHeaders: true}),
	)
	return out.Bytes(), err
}

func http2Answer(h *http2.MetaHeadersFrame) (*Answer, error) {
	if h.Truncated {
		return nil, fmt.Errorf("head of the answer: %w", ErrTooLong)
	}
	status, err := strconv.Atoi(h.PseudoValue("status"))
	if err != nil || status < 100 || status > 999 {
		return nil, fmt.Errorf("%w: :status %q", ErrMalformed, clip(h.PseudoValue("status")))
	}
	header := http.Header{}
	for _, f := range h.RegularFields() {
		header.Add(f.Name, f.Value)
	}
	return &Answer{Proto: "HTTP/2.0", Status: status, Header: header, Length: -1, Close: true}, nil
}

// http2Failure words what ended the reading of frames. A server that answers
// the preface in HTTP/1 is known by its first bytes.
func http2Failure(err error, first *firstBytes) error {
	var conn http2.ConnectionError
	var stream http2.StreamError
	switch {
	case bytes.HasPrefix(first.seen, []byte("HTTP/")):
		_, _ = first.Read(make([]byte, 64)) // the status stands behind what looked like a frame's head
		line, _, _ := bytes.Cut(first.seen, []byte("\r\n"))
		return &NotHTTPError{First: line}
	case errors.Is(err, http2.ErrFrameTooLarge), errors.As(err, &conn), errors.As(err, &stream):
		return fmt.Errorf("%w: %v", ErrMalformed, err) //nolint:errorlint // the parser's words, not its types
	}
	return err
}

// firstBytes keeps the beginning of what is read.
type firstBytes struct {
	src  io.Reader
	seen []byte
}

func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.src.Read(p)
	if room := 64 - len(f.seen); room > 0 {
		f.seen = append(f.seen, p[:min(n, room)]...)
	}
	return n, err
}
