package capture

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// httpDialogue is a connection of HTTP in clear: requests and statuses, their
// bodies passed over.
type httpDialogue struct {
	script
	a *Analysis
	c *conn

	streams   [2]httpStream
	waiting   []httpRequest
	exchanges []httpExchange
	tunnel    dialogue // behind a CONNECT that was accepted
	foreign   []byte   // first bytes of a server that does not speak HTTP
	clearPass bool     // Basic credentials crossed
	passAt    moment
}

// httpRequest is a request, without what is secret in it.
type httpRequest struct {
	method, target, host string
	m                    moment
	user                 bool   // it carries credentials
	scheme               string // of the credentials
	depth                string
	agent                string
}

// httpExchange is a request with its answer.
type httpExchange struct {
	request httpRequest
	status  int
	reason  string
	proto   string
	header  http.Header // the fields that tell something
	m       moment
	took    time.Duration
	body    []byte // the beginning of the body of a refusal
}

// httpStream reads the messages of one direction.
type httpStream struct {
	head    []byte
	left    int64 // bytes of the body still to come; -1: until the end
	chunked bool
	size    []byte // the line of a chunk's size, so far
	trailer bool
	lost    bool
	keep    *httpExchange // the exchange whose body begins
}

const (
	maxHead      = 64 << 10
	maxExchanges = 400
	maxPage      = 2 << 10
)

func newHTTP(a *Analysis, c *conn) *httpDialogue { return &httpDialogue{a: a, c: c} }

func (d *httpDialogue) bytes(m moment, from side, b []byte) {
	for len(b) > 0 {
		if d.tunnel != nil {
			d.tunnel.bytes(m, from, b)
			return
		}
		s := &d.streams[from]
		switch {
		case s.lost:
			return
		case s.left != 0 || s.chunked:
			b = d.body(s, b)
			continue
		}
		// The head ends with an empty line; at most three bytes of its end were
		// seen before.
		room := maxHead - len(s.head)
		n := min(len(b), room)
		old := max(0, len(s.head)-3)
		s.head = append(s.head, b[:n]...)
		end, length := headEnd(s.head[old:])
		if end < 0 {
			if n == len(b) && room > n {
				if from == fromServer && len(d.exchanges) == 0 && !likeHTTP(s.head) {
					d.notHTTP(m, s)
				}
				return
			}
			s.lost, s.head = true, nil
			return
		}
		whole := old + end + length
		b = b[n-(len(s.head)-whole):]
		head := s.head[:whole]
		if from == fromClient {
			d.request(m, s, head)
		} else {
			d.status(m, s, head)
		}
		clear(s.head)
		s.head = s.head[:0]
	}
}

func headEnd(b []byte) (at, length int) {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i, 4
	}
	if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
		return i, 2
	}
	return -1, 0
}

func likeHTTP(b []byte) bool {
	n := min(len(b), 5)
	return string(b[:n]) == "HTTP/"[:n]
}

func (d *httpDialogue) notHTTP(m moment, s *httpStream) {
	d.foreign = bytes.Clone(s.head[:min(len(s.head), 256)])
	d.trouble(m, fromServer, firstLine(string(d.foreign)))
	s.lost, s.head = true, nil
}

// body passes over a body, and returns what is behind it.
func (d *httpDialogue) body(s *httpStream, b []byte) []byte {
	if s.left == 0 { // chunked, and the line of a size comes
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			if s.size = append(s.size, b...); len(s.size) > 4096 {
				s.lost = true
			}
			return nil
		}
		line := strings.TrimSpace(string(append(s.size, b[:end]...)))
		s.size = s.size[:0]
		b = b[end+1:]
		switch {
		case s.trailer && line == "":
			s.chunked, s.trailer = false, false
		case s.trailer || line == "": // a field behind the last chunk; the end of a chunk
		default:
			line, _, _ = strings.Cut(line, ";")
			n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 62)
			if err != nil || n < 0 {
				s.lost = true
				return nil
			}
			s.left, s.trailer = n, n == 0
		}
		return b
	}
	n := len(b)
	if s.left > 0 {
		n = int(min(int64(n), s.left))
		s.left -= int64(n)
	}
	if s.keep != nil {
		if room := maxPage - len(s.keep.body); room > 0 {
			s.keep.body = append(s.keep.body, b[:min(room, n)]...)
		}
	}
	return b[n:]
}

func (d *httpDialogue) request(m moment, s *httpStream, head []byte) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		s.lost = true
		d.trouble(m, fromClient, "?")
		return
	}
	q := httpRequest{
		method: cutText(r.Method, 30), target: hideQuery(r.RequestURI), host: cutText(r.Host, 200), m: m,
		depth: r.Header.Get("Depth"), agent: cutText(r.UserAgent(), 100),
	}
	if auth := r.Header.Get("Authorization"); auth != "" {
		q.user = true
		q.scheme, _, _ = strings.Cut(auth, " ")
		q.scheme = cutText(q.scheme, 20)
		if strings.EqualFold(q.scheme, "Basic") {
			d.clearPass = true
			if d.passAt.packet == 0 {
				d.passAt = m
			}
		}
	}
	s.expect(r.Header.Get("Transfer-Encoding"), r.ContentLength, false)
	text := q.method + " " + q.target
	if q.user {
		text += " (" + q.scheme + " ****)"
	}
	d.add(line{m: m, from: fromClient, kind: aCommand, verb: q.method, text: text})
	if len(d.waiting) < maxWaiting {
		d.waiting = append(d.waiting, q)
	}
}

// hideQuery masks what stands behind the question mark, and credentials in a URL.
func hideQuery(target string) string {
	if before, _, ok := strings.Cut(target, "?"); ok {
		target = before + "?…"
	}
	if scheme, rest, ok := strings.Cut(target, "://"); ok {
		if at := strings.IndexByte(rest, '@'); at >= 0 && !strings.Contains(rest[:at], "/") {
			rest = rest[at+1:]
		}
		target = scheme + "://" + rest
	}
	return cutText(target, 300)
}

// expect sets what follows a head.
func (s *httpStream) expect(encoding string, length int64, untilEnd bool) {
	s.left, s.chunked, s.trailer, s.keep = 0, false, false, nil
	switch {
	case strings.Contains(strings.ToLower(encoding), "chunked"):
		s.chunked = true
	case length > 0:
		s.left = length
	case length < 0 && untilEnd:
		s.left = -1
	}
}

// toldFields are the fields of an answer that a diagnosis reads.
var toldFields = []string{"Server", "Allow", "Dav", "Location", "Www-Authenticate", "Proxy-Authenticate", "Via", "X-Cache", "Retry-After", "Content-Type", "X-Squid-Error", "Ms-Author-Via"}

func (d *httpDialogue) status(m moment, s *httpStream, head []byte) {
	if !likeHTTP(head) {
		s.head = append(s.head[:0], head...)
		d.notHTTP(m, s)
		return
	}
	var q httpRequest
	if len(d.waiting) > 0 {
		q = d.waiting[0]
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: q.method})
	if err != nil {
		s.lost = true
		d.trouble(m, fromServer, firstLine(string(head)))
		return
	}
	r.Body.Close() // of what is there already; nothing is waited for
	x := httpExchange{request: q, status: r.StatusCode, proto: r.Proto, m: m, header: http.Header{}}
	x.reason = cutText(strings.TrimPrefix(r.Status, strconv.Itoa(r.StatusCode)+" "), 100)
	if q.m.packet != 0 {
		x.took = m.at.Sub(q.m.at)
	}
	for _, f := range toldFields {
		for _, v := range r.Header.Values(f) {
			x.header.Add(f, cutText(v, 300))
		}
	}
	if r.StatusCode >= 200 && len(d.waiting) > 0 {
		d.waiting = d.waiting[1:]
	}
	d.add(line{m: m, from: fromServer, kind: aReply, verb: q.method, code: x.status, text: strings.TrimSpace(strconv.Itoa(x.status) + " " + x.reason), took: x.took, bad: x.status >= 400})
	if x.status >= 200 {
		if len(d.exchanges) >= maxExchanges {
			copy(d.exchanges[maxExchanges/2:], d.exchanges[maxExchanges/2+1:])
			d.exchanges = d.exchanges[:maxExchanges-1]
		}
		d.exchanges = append(d.exchanges, x)
	}
	none := q.method == "HEAD" || x.status < 200 || x.status == 204 || x.status == 304
	if none {
		s.expect("", 0, false)
	} else {
		s.expect(strings.Join(r.TransferEncoding, ","), r.ContentLength, true)
		if x.status >= 400 && len(d.exchanges) > 0 {
			s.keep = &d.exchanges[len(d.exchanges)-1]
		}
	}
	if q.method == "CONNECT" && x.status/100 == 2 {
		d.tunnel = newTLS(d.a, d.c, &d.script)
	}
}

func (d *httpDialogue) gap(m moment, from side, n int64) {
	if d.tunnel != nil {
		d.tunnel.gap(m, from, n)
		return
	}
	s := &d.streams[from]
	if !s.chunked && s.left > n {
		s.left -= n
		return
	}
	if s.left != -1 {
		s.lost = true
	}
	clear(s.head)
	s.head = nil
}

func (d *httpDialogue) end(m moment) {
	for i := range d.streams {
		clear(d.streams[i].head)
		d.streams[i].head = nil
	}
	if d.tunnel != nil {
		d.tunnel.end(m)
	}
}
