package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// fromServer is where evidence of HTTP and WebDAV comes from.
const fromServer = "connection to the server"

const (
	webTimeout  = 4 * time.Second         // of one request and its whole answer
	webListing  = 5500 * time.Millisecond // of a whole directory
	webQuick    = 1500 * time.Millisecond // of one that is an experiment
	webHandOver = 200 * time.Millisecond  // what a body that was refused may still take
	maxStray    = 64 << 10                // of bodies that are not needed
)

// site is one origin: scheme, port and address. Its requests go over one
// connection, which is opened again where the server closes it.
type site struct {
	run    *run
	w      *observe.World
	secure bool
	port   int
	peer   netip.AddrPort // where its connections lead: the server, or the proxy
	proxy  *httpProxy     // nil: none is used

	conn  *observe.Conn
	rd    *dav.Reader
	used  int               // answers that came over conn
	owing bool              // the answer to the last request may still come
	tls   *observe.TLSState // of the first connection that was opened here; nil: none yet
	login *loginState
}

// loginState is how requests are authenticated, once that was asked for.
type loginState struct {
	challenge dav.Challenge
	count     int // of requests with this nonce
}

// visit is a request and what came back.
type visit struct {
	method, target string
	answer         *dav.Answer // nil: none came
	err            error       // why
	unsent         error       // the request could not be written to its end
	took           time.Duration
	received       int64
	authorized     bool // credentials went along
	inside         int  // the status that a 207 holds for a request that failed
}

// order is what a request has besides method and target.
type order struct {
	fields  []dav.Field
	body    []byte
	timeout time.Duration // 0: webTimeout
	limit   int64         // on the body of the answer; 0: dav.MaxBody
}

// status is 0 where no answer came.
func (v visit) status() int {
	switch {
	case v.answer == nil:
		return 0
	case v.inside != 0:
		return v.inside
	default:
		return v.answer.Status
	}
}

// statusInside is the status that a 207 to anything but PROPFIND and PROPPATCH
// holds: so says a server that a request failed for a resource which is not the
// one of the URL (RFC 4918 §13, §9.6.1), as Apache does for a file in a locked
// collection. A failed dependency (424) only follows from another. Zero where
// nothing failed.
func statusInside(method string, a *dav.Answer) int {
	if a == nil || a.Status != 207 || method == "PROPFIND" || method == "PROPPATCH" {
		return 0
	}
	m, err := dav.ParseMultistatus(a.Body)
	if err != nil {
		return 0
	}
	found := 0
	for _, r := range m.Resources {
		if r.Status >= 400 && (found == 0 || found == 424) {
			found = r.Status
		}
	}
	return found
}

// good tells that the request was carried out.
func (v visit) good() bool { return v.status()/100 == 2 && v.answer.BodyErr == nil }

// failure is the class of what ended the exchange without an answer.
func (v visit) failure() observe.Failure {
	switch {
	case v.err == nil:
		return observe.None
	case errors.Is(v.err, io.EOF), errors.Is(v.err, io.ErrUnexpectedEOF):
		return observe.Closed
	default:
		return observe.FailureOf(v.err)
	}
}

// String words the exchange for evidence.
func (v visit) String() string { return v.method + " " + v.target + " → " + v.outcome() }

// outcome words what came back, where the request is named already.
func (v visit) outcome() string {
	var not *dav.NotHTTPError
	switch {
	case errors.As(v.err, &not):
		return fmt.Sprintf("%q", shorten(string(not.First)))
	case v.failure() == observe.Closed:
		return finding.Say("connection closed after %s", observe.Human(v.took))
	case v.failure() == observe.Timeout && v.took > 0:
		return finding.Say("timeout after %s, %s bytes received", observe.Human(v.took), fmt.Sprint(v.received))
	case v.err != nil:
		return toldError(v.err)
	}
	s := v.answer.Line()
	if v.inside != 0 {
		s += fmt.Sprintf(" (%d)", v.inside)
	}
	if v.answer.BodyErr != nil {
		s += finding.Say(" (%s bytes of the body, then: %s)", fmt.Sprint(len(v.answer.Body)), bodyEnd(v.answer.BodyErr))
	}
	return s
}

func bodyEnd(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return finding.Say(string(observe.Closed))
	}
	if f := observe.FailureOf(err); f != observe.OtherFailure {
		return finding.Say(string(f))
	}
	return toldError(err)
}

// origin is scheme and authority, as in a URL.
func (s *site) origin() string {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	return scheme + "://" + s.authority()
}

// authority is the host with the port where that is not the scheme's own.
func (s *site) authority() string {
	host := s.run.target.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.port == 443 && s.secure || s.port == 80 && !s.secure {
		return host
	}
	return host + ":" + strconv.Itoa(s.port)
}

func (s *site) hostPort() string {
	return observe.Target{Host: s.run.target.Host, Port: s.port}.HostPort()
}

// adopt goes on with a connection that exists.
func (s *site) adopt(conn *observe.Conn) {
	s.conn, s.rd, s.used, s.owing = conn, dav.NewReader(conn), 0, false
}

// open makes a connection, by way of the proxy and with TLS where that is so.
func (s *site) open(ctx context.Context, o observe.DialOptions) error {
	if o.Timeout == 0 {
		o.Timeout = quickDial
	}
	conn, d := s.w.Dial(ctx, s.peer, o)
	if conn == nil {
		return &observe.StepError{Step: d.Step}
	}
	if s.proxy != nil && s.secure {
		if v := s.proxy.connect(ctx, conn, s.hostPort()); v.status()/100 != 2 {
			conn.Close()
			return errNoConnection
		}
	}
	if s.secure {
		st := conn.Handshake(ctx, observe.TLSOptions{ServerName: s.run.target.Host, Timeout: replyTimeout})
		if !st.OK() {
			conn.Close()
			return &observe.StepError{Step: st.Step}
		}
		if s.tls == nil {
			s.tls = &st
		}
	}
	s.adopt(conn)
	return nil
}

func (s *site) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn, s.owing = nil, false
	}
}

// aside is the same origin for an experiment, on a connection of its own.
func (s *site) aside(w *observe.World) *site {
	out := &site{run: s.run, w: w, secure: s.secure, port: s.port, peer: s.peer, proxy: s.proxy}
	if s.login != nil {
		own := *s.login
		out.login = &own
	}
	return out
}

// agent is how the check names itself.
func (r *run) agent() string {
	if v := r.options.Version; v != "" {
		return "ftpdoctor/" + v
	}
	return "ftpdoctor"
}

// request writes a request as it is sent.
func (s *site) request(method, target string, o order) ([]byte, bool, error) {
	r := dav.Request{Method: method, Target: target, Body: o.body}
	r.Fields = append(r.Fields, dav.Field{Name: "Host", Value: s.authority()}, dav.Field{Name: "User-Agent", Value: s.run.agent()},
		dav.Field{Name: "Accept", Value: "*/*"}, dav.Field{Name: "Accept-Encoding", Value: "identity"})
	if s.proxy != nil && !s.secure {
		r.Target = s.origin() + target
		if f := s.proxy.authorization(); f.Value != "" {
			r.Fields = append(r.Fields, f)
		}
	}
	authorized := false
	if s.login != nil {
		value, err := s.authorize(method, target)
		if err != nil {
			return nil, false, err
		}
		r.Fields = append(r.Fields, dav.Field{Name: "Authorization", Value: value})
		authorized = true
	}
	r.Fields = append(r.Fields, o.fields...)
	b, err := r.Marshal()
	return b, authorized, err
}

// authorize meets the challenge for one request. What is derived from the
// password is as secret as that: it can be guessed from it.
func (s *site) authorize(method, target string) (string, error) {
	s.login.count++
	user, password := s.run.credentials()
	value, err := s.login.challenge.Authorization(dav.Login{User: user, Password: password}, method, target, "", s.login.count)
	if _, secret, ok := strings.Cut(value, `response="`); ok {
		secret, _, _ = strings.Cut(secret, `"`)
		s.w.Hide(secret)
	}
	return value, err
}

// ask makes one request. It is made a second time only where the server had
// closed a connection that was used before, and where a nonce had become stale.
func (s *site) ask(ctx context.Context, method, target string, o order) visit {
	reused := s.conn != nil && s.used > 0
	v := s.once(ctx, method, target, o)
	if end := v.failure(); reused && v.received == 0 && (end == observe.Closed || end == observe.Reset) {
		v = s.once(ctx, method, target, o)
	}
	if v.status() == 401 && v.authorized {
		if c, ok := dav.Strongest(v.answer.Challenges()); ok && c.Stale() && c.Params["nonce"] != s.login.challenge.Params["nonce"] {
			s.login.challenge, s.login.count = c, 0
			v = s.once(ctx, method, target, o)
		}
	}
	return v
}

func (s *site) once(ctx context.Context, method, target string, o order) visit {
	v := visit{method: method, target: target}
	if s.owing {
		s.close()
	}
	if s.conn == nil {
		if v.err = s.open(ctx, observe.DialOptions{}); v.err != nil {
			return v
		}
	}
	b, authorized, err := s.request(method, target, o)
	if v.authorized = authorized; err != nil {
		v.err = err
		return v
	}
	if o.timeout == 0 {
		o.timeout = webTimeout
	}
	if o.limit == 0 {
		o.limit = dav.MaxBody
	}
	s.conn.Bind(ctx).SetBudget(o.timeout)
	before, start := s.conn.Received(), s.w.Elapsed()
	if _, v.unsent = s.conn.Write(b); v.unsent != nil && len(o.body) > 0 {
		s.conn.SetBudget(webHandOver) // the reason may have come before the end
	}
	if v.answer, v.err = s.rd.Head(method); v.err == nil {
		if method != "PROPFIND" { // a body that nobody needs is not worth a long wait
			s.conn.SetBudget(min(o.timeout, webQuick))
		}
		s.rd.Finish(v.answer, o.limit)
	}
	v.took, v.received = s.w.Elapsed()-start, s.conn.Received()-before
	v.inside = statusInside(method, v.answer)
	s.used++
	s.owing = v.failure() == observe.Timeout && v.received == 0
	if !s.owing && (v.err != nil || v.answer.Close || v.unsent != nil) {
		s.close()
	}
	return v
}

// wait goes on waiting for the answer to a request that had none.
func (s *site) wait(ctx context.Context, v visit, timeout time.Duration) visit {
	if s.conn == nil {
		return v
	}
	s.conn.Bind(ctx).SetBudget(timeout)
	before, start := s.conn.Received(), s.w.Elapsed()
	v.answer, v.err = s.rd.Answer(v.method, dav.MaxBody)
	v.took, v.received = v.took+s.w.Elapsed()-start, s.conn.Received()-before
	if s.owing = false; v.err != nil || v.answer.Close {
		s.close()
	}
	return v
}

// try makes a request that is an experiment: soon given up.
func (s *site) try(ctx context.Context, method, target string, fields ...dav.Field) visit {
	return s.ask(ctx, method, target, order{fields: fields, timeout: webQuick, limit: maxStray})
}

// propfind asks for the properties of a resource, and of what is in it with depth 1.
func (s *site) propfind(ctx context.Context, target string, depth int, timeout time.Duration) visit {
	return s.ask(ctx, "PROPFIND", target, order{
		fields: []dav.Field{{Name: "Depth", Value: strconv.Itoa(depth)}, {Name: "Content-Type", Value: "application/xml; charset=utf-8"}},
		body:   dav.PropfindBody, timeout: timeout,
	})
}

// renameSources gives the evidence of checks that all protocols share the name
// of the connection that there is.
func (r *run) renameSources() {
	if r.target.Protocol() == observe.FTP {
		return
	}
	for _, f := range r.findings {
		for i := range f.Evidence {
			if f.Evidence[i].Source == fromControl {
				f.Evidence[i].Source = fromServer
			}
		}
	}
}
