package probe

import (
	"context"
	"errors"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/tlswire"
)

// httpsCheck makes the handshake and judges the certificate as for FTPS.
var httpsCheck = &check{
	name: "https", layer: "tls", asks: "does the port speak TLS, with a certificate that clients accept",
	of: []string{observe.HTTP},
	applies: func(t observe.Target, _ Options) string {
		if !secure(t) {
			return "the scheme is one without TLS"
		}
		return ""
	},
	run: handshakeHTTPS,
}

func handshakeHTTPS(ctx context.Context, r *run) {
	st := r.conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Timeout: replyTimeout})
	if !st.OK() {
		if !r.plainInstead(ctx, st) {
			r.handshakeFailed(ctx, st)
		}
		return
	}
	r.secured = &st
	r.describeTLS(&st)
	r.certificate(ctx, &st)
	var old helloResult
	all(r.w.Scope("others"), map[string]func(*observe.World){
		"old": func(w *observe.World) { old = r.tryHello(ctx, w, tlswire.Legacy10()) },
		"h2":  func(w *observe.World) { r.http2 = r.askHTTP2(ctx, w) },
	})
	if old.ok() && st.Version >= 0x0303 {
		r.find(finding.New(finding.SecurityWeakTLS, finding.Confirmed).With("version", tlswire.VersionName(old.answer.Version)).
			Saw("a hello of TLS 1.0 and 1.1 only", old.String(), fromExperiment))
	}
	if r.http2.state.ALPN != "" {
		r.facts.TLS["alpn"] = r.http2.state.ALPN
	}
}

// http2Try is one request over HTTP/2, without credentials.
type http2Try struct {
	state observe.TLSState
	visit visit
}

// broken tells that the server chose HTTP/2 and then did not speak it.
func (h http2Try) broken() bool {
	return h.state.OK() && h.state.ALPN == "h2" && h.visit.answer == nil
}

// askHTTP2 offers HTTP/2 as current clients do, and makes a request if the
// server takes it.
func (r *run) askHTTP2(ctx context.Context, w *observe.World) http2Try {
	conn, d := r.another(ctx, w, observe.DialOptions{Timeout: quickDial})
	if !d.OK() || conn == nil {
		return http2Try{state: observe.TLSState{Step: d.Step}}
	}
	defer conn.Close()
	h := http2Try{visit: visit{method: "OPTIONS", target: r.webPath()}}
	h.state = conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, ALPN: []string{"h2", "http/1.1"}, Timeout: replyTimeout})
	if !h.state.OK() || h.state.ALPN != "h2" {
		return h
	}
	conn.Bind(ctx).SetBudget(webQuick)
	before, start := conn.Received(), w.Elapsed()
	h.visit.answer, h.visit.err = dav.HTTP2Exchange(conn, r.siteAt(w, r.peer).authority(), dav.Request{
		Method: h.visit.method, Target: h.visit.target, Fields: []dav.Field{{Name: "User-Agent", Value: r.agent()}, {Name: "Accept", Value: "*/*"}},
	})
	h.visit.took, h.visit.received = w.Elapsed()-start, conn.Received()-before
	return h
}

// judgeHTTP2: clients that offer HTTP/2 get it and fail, while HTTP/1.1 works.
// A second try tells it from an accident.
func (r *run) judgeHTTP2(ctx context.Context, over1 visit) {
	if !r.http2.broken() || over1.answer == nil {
		return
	}
	again := r.askHTTP2(ctx, r.w.Scope("h2-again"))
	if !again.broken() {
		return
	}
	r.find(finding.New(finding.HTTPHTTP2Broken, finding.Confirmed).With("reply", again.visit.String()).
		Saw("a request over HTTP/2, which the server chose in the handshake", r.http2.visit.String(), fromExperiment).
		Saw("the same once more", again.visit.String(), fromExperiment).
		Saw("the same over HTTP/1.1", over1.String(), fromServer))
}

// plainInstead asks a port that answers no handshake in plain HTTP.
func (r *run) plainInstead(ctx context.Context, st observe.TLSState) bool {
	if st.Failure != observe.NotTLS && st.Failure != observe.Closed && st.Failure != observe.Reset && (st.Failure != observe.Timeout || st.Received > 0) {
		return false
	}
	w := r.w.Scope("plain")
	conn, d := r.another(ctx, w, observe.DialOptions{Timeout: quickDial})
	if !d.OK() {
		return false
	}
	s := r.siteAt(w, r.peer)
	s.secure = false
	s.adopt(conn)
	defer s.close()
	v := s.try(ctx, "OPTIONS", "/")
	var not *dav.NotHTTPError
	switch {
	case errors.As(v.err, &not):
		return r.notHTTP(not.First, v)
	case v.answer == nil || sentToTLS(v):
		return false
	}
	r.find(finding.New(finding.HTTPTLSToPlain, finding.Confirmed).Stop().With("protocol", "HTTP").
		Saw("the TLS handshake", describeState(st), fromServer).
		Saw("the same port asked in plain HTTP", v.String(), fromExperiment))
	return true
}
