package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

const (
	webPatience = 3500 * time.Millisecond // more, once the first wait was in vain
	webPause    = time.Second             // before a second try
)

// noAnswer finds out why a request brought no answer. A late one is returned.
func (r *run) noAnswer(ctx context.Context, res *resource, v visit) (visit, bool) {
	var not *dav.NotHTTPError
	switch {
	case errors.As(v.err, &not):
		if !r.tlsAtPlainPort(ctx, res, v) && !r.notHTTP(not.First, v) {
			r.brokenAnswer(v, fmt.Sprintf("%q", shorten(string(not.First))))
		}
		return v, false
	case errors.Is(v.err, dav.ErrMalformed), errors.Is(v.err, dav.ErrTooLong):
		r.brokenAnswer(v, toldError(v.err))
		return v, false
	case r.secured != nil && r.secured.CertRequested && (v.failure() == observe.Alert || v.failure() == observe.Closed || v.failure() == observe.Reset):
		r.find(finding.New(finding.TLSClientCertRequired, finding.Confirmed).Stop().
			Saw("the server asked for a client certificate", describeState(*r.secured), fromServer).
			Saw("the first request after the handshake", v.String(), fromServer))
		return v, false
	case v.failure() == observe.Timeout:
		return r.noAnswerInTime(ctx, res, v)
	default:
		return v, r.endedWithoutAnswer(ctx, res, v)
	}
}

// brokenAnswer: what came is no answer that a client could read.
func (r *run) brokenAnswer(v visit, what string) {
	r.find(finding.New(finding.HTTPServerError, finding.Confirmed).As(finding.Critical).Stop().With("reply", shorten(what)).
		Saw("the answer", v.String(), fromServer).
		Saw("what breaks the protocol", shorten(what), fromServer))
}

// notHTTP names another protocol by its first words.
func (r *run) notHTTP(first []byte, v visit) bool {
	proto := protocolOf(string(first))
	if proto == "" && strings.HasPrefix(string(first), "220") {
		proto = "FTP"
	}
	if proto == "" || proto == "HTTP" || proto == "TLS" {
		return false
	}
	r.find(finding.New(finding.ServiceOtherProtocol, finding.Confirmed).Stop().With("protocol", proto).With("reply", shorten(firstLine(string(first)))).
		Saw("the first bytes", fmt.Sprintf("%q", shorten(firstLine(string(first)))), fromServer).
		Saw("the request that it answers", v.method+" "+v.target, fromServer))
	return true
}

// sentToTLS knows the words of servers that were asked in plain HTTP on a port
// of TLS (Apache, nginx, Go, IIS).
func sentToTLS(v visit) bool {
	if v.status() != 400 && v.status() != 497 {
		return false
	}
	text := strings.ToLower(v.answer.Reason + " " + string(v.answer.Body[:min(len(v.answer.Body), 2000)]))
	for _, words := range []string{"plain http", "http request to an https", "speaking plain http", "https port", "ssl-enabled server port"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// plainToTLS: the server itself says that the port is one of TLS.
func (r *run) plainToTLS(ctx context.Context, res *resource, v visit) {
	st := r.tryTLS(ctx, r.w.Scope("tls"), res.site.peer, 0)
	f := finding.New(finding.HTTPTLSToPlain, finding.Confirmed).Stop().With("protocol", "TLS").
		Saw("the answer to plain HTTP", v.String(), fromServer).
		Saw("a TLS handshake on the same port", describeState(st), fromExperiment)
	if !st.OK() {
		f.Confidence = finding.Likely
	}
	r.find(f)
}

// tlsAtPlainPort asks a port that answers plain HTTP with something else, or
// not at all, for a handshake.
func (r *run) tlsAtPlainPort(ctx context.Context, res *resource, v visit) bool {
	if res.site.secure || res.site.proxy != nil {
		return false
	}
	st := r.tryTLS(ctx, r.w.Scope("tls"), res.site.peer, 0)
	if !st.OK() {
		return false
	}
	r.find(finding.New(finding.HTTPTLSToPlain, finding.Confirmed).Stop().With("protocol", "TLS").
		Saw("the answer to plain HTTP", v.String(), fromServer).
		Saw("a TLS handshake on the same port", describeState(st), fromExperiment))
	return true
}

// noAnswerInTime: it goes on waiting, and meanwhile asks on connections of
// their own what else may be the matter.
func (r *run) noAnswerInTime(ctx context.Context, res *resource, v visit) (visit, bool) {
	var late, second, small visit
	var tls observe.TLSState
	acceptsAll := false
	waiting, enough := context.WithCancel(ctx)
	defer enough()
	experiments := map[string]func(*observe.World){
		"late": func(*observe.World) { late = res.site.wait(waiting, v, webPatience) },
		"second": func(w *observe.World) {
			s := res.site.aside(w)
			defer s.close()
			second = s.ask(waiting, "GET", "/", order{timeout: webPatience, limit: maxStray})
		},
		"small": func(w *observe.World) {
			s := res.site.aside(w)
			defer s.close()
			if small.err = s.open(waiting, observe.DialOptions{MSS: smallMSS}); small.err == nil {
				small = s.say(waiting, v.method, v.target, webPatience)
			}
		},
	}
	if res.site.proxy == nil {
		experiments["proxy"] = func(*observe.World) { acceptsAll = r.acceptsAll(ctx) }
	}
	if !res.site.secure && res.site.proxy == nil {
		experiments["tls"] = func(w *observe.World) {
			if tls = r.tryTLS(ctx, w, res.site.peer, 0); tls.OK() {
				enough()
			}
		}
	}
	all(r.w.Scope("quiet"), experiments)
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.Stop().Saw("the connection was accepted, and no answer came", v.String(), fromServer)
	}
	switch {
	case tls.OK():
		r.find(evidence(finding.New(finding.HTTPTLSToPlain, finding.Confirmed)).With("protocol", "TLS").
			Saw("a TLS handshake on the same port", describeState(tls), fromExperiment))
	case acceptsAll:
		r.transparentProxy("the connection was accepted, and nothing came", v.String())
	case late.answer != nil:
		return late, true
	case small.answer != nil && second.answer == nil:
		r.find(evidence(finding.New(finding.RouteMTUBlackhole, finding.Confirmed)).With("mss", fmt.Sprint(smallMSS)).
			Saw("the same request with small segments", small.String(), fromExperiment))
	default:
		f := evidence(finding.New(finding.ServiceHung, finding.Likely)).With("seconds", fmt.Sprintf("%.0f", (webTimeout+webPatience).Seconds())).
			Saw("another request on a second connection", second.String(), fromExperiment).
			Saw("the same request with small segments", small.String(), fromExperiment).
			Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.HTTPGatewayError, "a proxy in front waits for the server behind it").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
		r.exclude(finding.RouteMTUBlackhole, "with small segments no answer comes either")
		r.find(f)
	}
	return v, false
}

// endedWithoutAnswer: the connection ended where the answer should have been.
func (r *run) endedWithoutAnswer(ctx context.Context, res *resource, v visit) bool {
	if r.tlsAtPlainPort(ctx, res, v) {
		return false
	}
	if res.site.proxy == nil && r.acceptsAll(ctx) {
		r.transparentProxy("the connection was accepted and ended without a word", v.String())
		return false
	}
	r.w.Sleep(ctx, webPause) // a limit of the moment lets the second try in
	s := res.site.aside(r.w.Scope("again"))
	defer s.close()
	again := s.say(ctx, v.method, v.target, webPatience)
	other := s.try(ctx, "GET", "/")
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.Stop().Saw("the connection ended without an answer", v.String(), fromServer).
			Saw("a second try after a pause", again.String(), fromExperiment).
			Saw("another request on a second connection", other.String(), fromExperiment)
	}
	switch {
	case again.answer != nil:
		r.find(evidence(finding.New(finding.ServiceTooManyConnections, finding.Possible).As(finding.Error)))
	case other.answer != nil && v.method != "GET":
		r.find(evidence(finding.New(finding.HTTPMethodBlocked, finding.Likely)).With("command", v.method).With("reply", finding.Say(string(v.failure()))).
			Or(finding.HTTPMethodBlocked, "a box on the way does not let this method pass").
			Or(finding.ServiceAborts, "the server's process dies of this request").
			DecideBy("on the server: does the request arrive, and what does the error log say at that moment"))
	default:
		r.find(evidence(finding.New(finding.ServiceAborts, finding.Likely)).With("reply", finding.Say(string(v.failure()))).
			Or(finding.ServiceAborts, "the server's process dies, or can't be started").
			Or(finding.NetSourceNotAllowed, "an allow list does not name this address").
			Or(finding.NetProxyProtocol, "the server expects the PROXY protocol of a load balancer").
			Or(finding.NetInspectionReset, "a box on the way does not let these words pass").
			DecideBy("on the server: read the error log of this moment; or try from another address"))
	}
	return false
}
