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
	var old, modern helloResult
	all(r.w.Scope("others"), map[string]func(*observe.World){
		"old": func(w *observe.World) { old = r.tryHello(ctx, w, tlswire.Legacy10()) },
		"h2": func(w *observe.World) {
			h := tlswire.HelloFor(0x0303)
			h.ALPN = []string{"h2", "http/1.1"}
			modern = r.tryHello(ctx, w, h)
		},
	})
	if old.ok() && st.Version >= 0x0303 {
		r.find(finding.New(finding.SecurityWeakTLS, finding.Confirmed).With("version", tlswire.VersionName(old.answer.Version)).
			Saw("a hello of TLS 1.0 and 1.1 only", old.String(), fromExperiment))
	}
	if modern.ok() && modern.answer.ALPN != "" {
		r.facts.TLS["alpn"] = modern.answer.ALPN
	}
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
