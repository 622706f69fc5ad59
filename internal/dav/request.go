package dav

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Field is one header field of a request.
type Field struct{ Name, Value string }

// Request is a request as it will stand on the wire. Content-Length is added
// where there is a body, and for PUT also where there is none.
type Request struct {
	Method string
	Target string // request-target, percent-encoded (RFC 9112 §3.2)
	Fields []Field
	Body   []byte
}

// Marshal writes the request. It refuses what would end a line or a field
// early, so that nobody's text becomes a header of its own.
func (r Request) Marshal() ([]byte, error) {
	if !isToken(r.Method) {
		return nil, fmt.Errorf("dav: %q is no method", r.Method)
	}
	if r.Target == "" || strings.ContainsFunc(r.Target, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return nil, fmt.Errorf("dav: %q can't stand in a request line", r.Target)
	}
	var b bytes.Buffer
	b.WriteString(r.Method + " " + r.Target + " HTTP/1.1\r\n")
	for _, f := range r.Fields {
		if !isToken(f.Name) || strings.ContainsAny(f.Value, "\r\n\x00") {
			return nil, fmt.Errorf("dav: field %q can't be sent", f.Name)
		}
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	if len(r.Body) > 0 || r.Method == "PUT" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(r.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.Bytes(), nil
}

// isToken: RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

const upperHex = "0123456789ABCDEF"

// EscapePath writes a path as it stands in a request line: every byte but the
// unreserved ones and the slash percent-encoded (RFC 3986 §2.3), since servers
// differ in what else they take as it is.
func EscapePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + string(upperHex[c>>4]) + string(upperHex[c&15]))
		}
	}
	return b.String()
}

// PropfindBody asks for the properties that [Resource] holds (RFC 4918 §9.1,
// RFC 4331 §3).
var PropfindBody = []byte(`<?xml version="1.0" encoding="utf-8"?>` + "\n" +
	`<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/>` +
	`<D:quota-available-bytes/><D:quota-used-bytes/><D:supportedlock/><D:lockdiscovery/></D:prop></D:propfind>` + "\n")

// LockBody asks for an exclusive write lock (RFC 4918 §9.10). The owner must be
// plain text without markup.
func LockBody(owner string) []byte {
	return []byte(`<?xml version="1.0" encoding="utf-8"?>` + "\n" +
		`<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>` +
		`<D:owner>` + owner + `</D:owner></D:lockinfo>` + "\n")
}
