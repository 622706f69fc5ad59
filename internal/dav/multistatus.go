package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on a multi-status document; its bytes are bounded by whoever read it.
const (
	maxDepth     = 64
	maxElements  = 400_000
	maxResources = 20_000
	maxText      = 16 << 10 // of one element that matters here
)

// Unknown stands where a server does not tell a number.
const Unknown = -1 << 63

// Resource is one response of a multi-status: a file or a collection.
type Resource struct {
	Path       string // decoded, without scheme and host
	Odd        bool   // the path has a control character or is no UTF-8
	Status     int    // of the whole resource, where the server gives one
	Collection bool
	Size       int64 // bytes; Unknown
	Modified   time.Time
	Available  int64 // quota-available-bytes (RFC 4331); Unknown; some write negative numbers for "no limit"
	Used       int64 // quota-used-bytes; Unknown
	Lockable   bool  // supportedlock names an exclusive write lock
	Locked     bool  // somebody holds a lock
}

// Name is the last element of the path.
func (r Resource) Name() string { return path.Base(strings.TrimSuffix(r.Path, "/")) }

// Multistatus is the body of a 207 (RFC 4918 §13).
type Multistatus struct {
	Resources []Resource
	Cut       bool   // the document ends too early, or is longer than what is kept
	Token     string // of the first active lock (the body of an answer to LOCK)
}

// The errors of ParseMultistatus.
var (
	ErrNotMultistatus = errors.New("the body is no multi-status document")
	ErrDTD            = errors.New("the body has a document type definition, which no client should read")
	ErrTooDeep        = errors.New("the body has more elements, or deeper ones, than a client has to read")
)

const ns = "DAV:"

// ParseMultistatus reads a multi-status document. A document that ends too early
// gives what came, marked as cut.
func ParseMultistatus(body []byte) (Multistatus, error) { return parse(body, "multistatus") }

// ParseLock reads the body of an answer to LOCK and returns the token of the
// lock (RFC 4918 §9.10.1); empty where there is none.
func ParseLock(body []byte) (string, error) {
	m, err := parse(body, "prop")
	return m.Token, err
}

func parse(body []byte, root string) (Multistatus, error) {
	p := &msParser{}
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.CharsetReader = charset
	for {
		tok, err := dec.RawToken()
		if err != nil {
			if len(p.stack) > 0 && (errors.Is(err, io.EOF) || isEarlyEnd(err)) {
				p.out.Cut = true
				return p.out, nil
			}
			if errors.Is(err, io.EOF) && p.elements > 0 {
				return p.out, nil
			}
			if errors.Is(err, io.EOF) {
				return p.out, ErrNotMultistatus
			}
			return p.out, fmt.Errorf("%w: %v", ErrNotMultistatus, err) //nolint:errorlint // the parser's words, not its types
		}
		switch t := tok.(type) {
		case xml.Directive:
			return p.out, ErrDTD
		case xml.StartElement:
			if err := p.start(t, root); err != nil {
				return p.out, err
			}
		case xml.EndElement:
			if !p.end(t) {
				return p.out, fmt.Errorf("%w: elements overlap", ErrNotMultistatus)
			}
		case xml.CharData:
			if len(p.stack) > 0 && len(p.text)+len(t) <= maxText {
				p.text = append(p.text, t...)
			}
		}
		if len(p.out.Resources) >= maxResources {
			p.out.Cut = true
			return p.out, nil
		}
	}
}

func isEarlyEnd(err error) bool {
	var se *xml.SyntaxError
	return errors.As(err, &se) && se.Msg == "unexpected EOF"
}

func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		b, err := io.ReadAll(in)
		var out bytes.Buffer
		for _, c := range b {
			out.WriteRune(rune(c))
		}
		return &out, err
	}
	return nil, fmt.Errorf("character set %q", label)
}

// element is an open element with the name spaces that it declares.
type element struct {
	space, local string
	raw          xml.Name
	spaces       map[string]string // prefix to URI, of this element alone
}

type msParser struct {
	out      Multistatus
	stack    []element
	elements int
	text     []byte
	now      Resource // the response under way
	props    Resource // the propstat under way
	status   int      // of the propstat
}

// lookup finds the URI of a prefix.
func (p *msParser) lookup(prefix string) string {
	for _, e := range slices.Backward(p.stack) {
		if uri, ok := e.spaces[prefix]; ok {
			return uri
		}
	}
	return ""
}

func (p *msParser) start(t xml.StartElement, root string) error {
	if p.elements++; p.elements > maxElements || len(p.stack) >= maxDepth {
		return ErrTooDeep
	}
	e := element{local: t.Name.Local, raw: t.Name}
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns":
			e.declare(a.Name.Local, a.Value)
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			e.declare("", a.Value)
		}
	}
	p.stack = append(p.stack, e)
	top := &p.stack[len(p.stack)-1]
	top.space = p.lookup(t.Name.Space)
	if len(p.stack) == 1 && (top.space != ns || top.local != root) {
		return fmt.Errorf("%w: it begins with <%s>", ErrNotMultistatus, clip(t.Name.Local))
	}
	p.text = p.text[:0]
	if top.space != ns {
		return nil
	}
	switch top.local {
	case "response":
		p.now = Resource{Size: Unknown, Available: Unknown, Used: Unknown}
	case "propstat":
		p.props, p.status = Resource{Size: Unknown, Available: Unknown, Used: Unknown}, 0
	}
	return nil
}

func (e *element) declare(prefix, uri string) {
	if e.spaces == nil {
		e.spaces = map[string]string{}
	}
	e.spaces[prefix] = uri
}

// in tells whether the element under way stands directly below these, the
// nearest first.
func (p *msParser) in(names ...string) bool {
	for i, n := range names {
		at := len(p.stack) - 2 - i
		if at < 0 || p.stack[at].space != ns || p.stack[at].local != n {
			return false
		}
	}
	return true
}

func (p *msParser) end(t xml.EndElement) bool {
	if len(p.stack) == 0 || p.stack[len(p.stack)-1].raw != t.Name {
		return false
	}
	e := p.stack[len(p.stack)-1]
	if e.space == ns {
		p.take(e.local, strings.TrimSpace(string(p.text)))
	}
	p.stack = p.stack[:len(p.stack)-1]
	p.text = p.text[:0]
	return true
}

// take keeps what an element says that has just ended.
func (p *msParser) take(local, text string) {
	switch {
	case local == "response" && p.in("multistatus"):
		p.out.Resources = append(p.out.Resources, p.now)
	case local == "href" && p.in("response") && p.now.Path == "":
		p.now.Path, p.now.Odd = decodeHref(text)
	case local == "status" && p.in("response"):
		p.now.Status = statusOf(text)
	case local == "status" && p.in("propstat"):
		p.status = statusOf(text)
	case local == "propstat" && p.in("response") && (p.status == 0 || p.status/100 == 2):
		p.now.merge(p.props)
	case local == "collection" && p.in("resourcetype"):
		p.props.Collection = true
	case local == "getcontentlength" && p.in("prop"):
		p.props.Size = number(text)
	case local == "getlastmodified" && p.in("prop"):
		p.props.Modified, _ = time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", text)
	case local == "quota-available-bytes" && p.in("prop"):
		p.props.Available = number(text)
	case local == "quota-used-bytes" && p.in("prop"):
		p.props.Used = number(text)
	case local == "lockentry" && p.in("supportedlock"):
		p.props.Lockable = true
	case local == "activelock" && p.in("lockdiscovery"):
		p.props.Locked = true
	case local == "href" && p.in("locktoken", "activelock") && p.out.Token == "":
		p.out.Token = text
	}
}

func (r *Resource) merge(p Resource) {
	r.Collection, r.Lockable, r.Locked = r.Collection || p.Collection, r.Lockable || p.Lockable, r.Locked || p.Locked
	for _, f := range []struct{ to, from *int64 }{{&r.Size, &p.Size}, {&r.Available, &p.Available}, {&r.Used, &p.Used}} {
		if *f.from != Unknown {
			*f.to = *f.from
		}
	}
	if !p.Modified.IsZero() {
		r.Modified = p.Modified
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return Unknown
	}
	return n
}

// statusOf reads "HTTP/1.1 200 OK".
func statusOf(s string) int {
	f := strings.Fields(s)
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 100 || n > 599 {
		return 0
	}
	return n
}

// decodeHref takes the path of a URL or an absolute path and decodes it. What
// can't be decoded stays as it is.
func decodeHref(s string) (decoded string, odd bool) {
	if i := strings.Index(s, "://"); i > 0 && !strings.HasPrefix(s, "/") {
		rest := s[i+3:]
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			s = rest[slash:]
		} else {
			s = "/"
		}
	}
	if d, err := url.PathUnescape(s); err == nil {
		s = d
	}
	odd = !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
	return s, odd
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// LockToken reads the Lock-Token field of an answer (RFC 4918 §10.5), without
// the angle brackets.
func (a *Answer) LockToken() string {
	t := strings.TrimSpace(a.Get("Lock-Token"))
	return strings.TrimSuffix(strings.TrimPrefix(t, "<"), ">")
}
