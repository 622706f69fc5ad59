package probe

import (
	"context"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// proxyCheck asks whether programs of this machine go through a proxy to this
// target, as curl and net/http decide it, and goes that way itself. Where the
// proxy fails it tries the direct way: that tells whose fault it is.
var proxyCheck = &check{
	name: "proxy", layer: "client", asks: "does a proxy that is set on this machine let the requests through",
	of:  []string{observe.HTTP},
	run: throughProxy,
}

// proxied says why the stations of the direct way are passed over.
const proxied = "the proxy that is set on this machine makes the connection"

// httpProxy is a proxy that is set for the target.
type httpProxy struct {
	run     *run
	url     *url.URL
	setting string // the variable and its value, without the password
	shown   string // the value, without the password
	addr    netip.AddrPort
}

// webProxyVariables in the order in which they are obeyed. curl obeys
// all_proxy, net/http the capitals of http_proxy; whoever sets one means it.
func webProxyVariables(secure bool) []string {
	if secure {
		return []string{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}
	}
	return []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
}

// secure tells whether the target's scheme begins with a TLS handshake.
func secure(t observe.Target) bool { return t.Scheme == "davs" || t.Scheme == "https" }

// proxyOf reads the setting that applies to the target; nil: none does.
func (r *run) proxyOf() *httpProxy {
	names := webProxyVariables(secure(r.target))
	env := r.w.Environment(append(names, "no_proxy", "NO_PROXY")...)
	a, err := netip.ParseAddr(r.target.Host)
	if r.target.Host == "localhost" || err == nil && a.IsLoopback() || bypassed(r.target.Host, env["no_proxy"]+","+env["NO_PROXY"]) {
		return nil
	}
	for _, n := range names {
		value := env[n]
		if value == "" {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		p := &httpProxy{run: r, setting: n + "=" + r.w.Redact(env[n]), shown: r.w.Redact(env[n])}
		u, err := url.Parse(value)
		if err != nil || u.Hostname() == "" {
			return p
		}
		if password, ok := u.User.Password(); ok {
			r.w.Hide(password)
			r.w.Hide(base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password)))
		}
		p.url, p.shown = u, u.Redacted()
		p.setting = n + "=" + p.shown
		return p
	}
	return nil
}

// authorization is the proxy's credentials, where the setting has them.
func (p *httpProxy) authorization() dav.Field {
	if p.url.User == nil {
		return dav.Field{}
	}
	password, _ := p.url.User.Password()
	return dav.Field{Name: "Proxy-Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(p.url.User.Username()+":"+password))}
}

// connect asks the proxy for a tunnel (RFC 9110 §9.3.6).
func (p *httpProxy) connect(ctx context.Context, conn *observe.Conn, hostPort string) visit {
	v := visit{method: "CONNECT", target: hostPort}
	req := dav.Request{Method: v.method, Target: hostPort, Fields: []dav.Field{{Name: "Host", Value: hostPort}, {Name: "User-Agent", Value: "ftpdoctor"}}}
	if f := p.authorization(); f.Value != "" {
		req.Fields = append(req.Fields, f)
	}
	b, err := req.Marshal()
	if err != nil {
		v.err = err
		return v
	}
	conn.Bind(ctx).SetBudget(proxyAnswer)
	start := p.run.w.Elapsed()
	_, v.unsent = conn.Write(b)
	v.answer, v.err = dav.NewReader(conn).Head(v.method)
	v.took = p.run.w.Elapsed() - start
	return v
}

// reach resolves the proxy's name and connects to it.
func (p *httpProxy) reach(ctx context.Context, w *observe.World) (*observe.Conn, observe.Step) {
	port := p.url.Port()
	if port == "" {
		port = "80"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, observe.Step{Failure: observe.Malformed}
	}
	addr, err := netip.ParseAddr(p.url.Hostname())
	if err != nil {
		l := w.Lookup(ctx, p.url.Hostname(), proxyTimeout)
		if len(l.Addresses) == 0 {
			return nil, observe.Step{Took: l.Took, Failure: observe.OtherFailure, Errno: "the proxy's name does not resolve"}
		}
		addr = l.Addresses[0]
	}
	p.addr = netip.AddrPortFrom(addr, uint16(n))
	conn, d := w.Dial(ctx, p.addr, observe.DialOptions{Timeout: proxyTimeout})
	return conn, d.Step
}

func throughProxy(ctx context.Context, r *run) {
	p := r.proxyOf()
	if p == nil {
		return
	}
	if p.url == nil {
		r.find(finding.New(finding.ClientProxyIntercepts, finding.Confirmed).With("proxy", p.shown).
			Saw("a proxy setting that is no URL", p.setting, fromThisMachine))
		return
	}
	if p.url.Scheme != "http" {
		r.besideProxy(ctx, p)
		return
	}
	conn, step := p.reach(ctx, r.w)
	if conn == nil {
		r.proxyFails(ctx, p, visit{err: &observe.StepError{Step: step}, method: "connect", target: p.url.Host})
		return
	}
	s := r.siteAt(r.root.Scope("proxied"), p.addr)
	s.proxy = p
	var v visit
	if s.secure {
		v = p.connect(ctx, conn, s.hostPort())
	} else {
		s.adopt(conn)
		v = s.ask(ctx, "OPTIONS", r.webPath(), order{})
	}
	if s.secure && v.status()/100 == 2 || !s.secure && v.answer != nil && !doubtful(v.status()) {
		r.goThrough(p, s, conn)
		return
	}
	if s.secure {
		conn.Close()
	}
	if r.proxyFails(ctx, p, v) {
		r.goThrough(p, s, nil) // what it says is the server's own answer
		return
	}
	s.close()
}

// goThrough goes on by way of the proxy.
func (r *run) goThrough(p *httpProxy, s *site, tunnel *observe.Conn) {
	r.peer, r.proxy = p.addr, p
	r.facts.Data = map[string]any{"proxy": p.shown}
	r.passed = []string{resolveCheck.name, routeCheck.name, connectCheck.name}
	if s.secure {
		r.conn = tunnel
		r.goodbye = append(r.goodbye, tunnel.Close)
		return
	}
	r.web = s
	r.goodbye = append(r.goodbye, s.close)
}

// doubtful are the answers that can be the proxy's own as well as the server's.
func doubtful(status int) bool {
	switch status {
	case 400, 403, 405, 407, 500, 501, 502, 503, 504:
		return true
	}
	return false
}

// proxyFails tries the direct way beside a proxy that fails, and says whose
// fault it is. It returns true where the answer is the server's own, passed on.
func (r *run) proxyFails(ctx context.Context, p *httpProxy, v visit) (passedOn bool) {
	w := r.w.Scope("direct")
	direct, answer := r.directly(ctx, w)
	if v.status() != 0 && v.status() != 407 && answer.status() == v.status() {
		return true
	}
	beyond := v.status() == 500 || v.status() >= 502 && v.status() <= 504 // it got no connection itself
	if beyond && direct.Failure == observe.Refused {
		return false // the host itself refuses, which is no fault of the proxy
	}
	f := finding.New(finding.ClientProxyIntercepts, finding.Confirmed).With("proxy", p.shown).
		Saw("a proxy is set for this target", p.setting, fromThisMachine)
	if v.answer == nil {
		f.Saw("connecting to the proxy", v.String(), fromExperiment)
	} else {
		f.Saw("asking the proxy for the server", v.String(), fromExperiment)
		if who := v.answer.Who(); who != "" {
			f.Saw("which boxes show themselves in the answer", who, fromExperiment)
		}
	}
	if direct.OK() {
		detail := finding.Say("ok")
		if answer.answer != nil {
			detail = answer.String()
		}
		r.find(f.Saw("connecting to the server directly", detail, fromExperiment))
		return false
	}
	f.Saw("connecting to the server directly", direct.String(), fromExperiment).Stop()
	switch {
	case v.status() == 407: // nobody but a proxy says that
	case beyond:
		f.Confidence = finding.Likely
		f.Or(finding.ClientProxyIntercepts, "the proxy does not resolve the server's name, or has no way to it").
			Or(finding.NetHostDown, "the server is down, for the proxy as well").
			DecideBy("on the proxy: read its log of this moment; or try from a network that needs no proxy")
	case v.answer == nil:
		f.Confidence = finding.Likely
		f.Or(finding.ClientProxyIntercepts, "the proxy is down, or its address is wrong").
			Or(finding.NetPortFiltered, "neither the proxy nor the server can be reached from here").
			DecideBy("try from another machine of the same network")
	default:
		f.Confidence = finding.Likely
		f.Or(finding.ClientProxyIntercepts, "the proxy's rules do not allow this server, port or method").
			DecideBy("on the proxy: read its log of this moment; or try from a network that needs no proxy")
	}
	r.find(f)
	return false
}

// directly connects to the server without the proxy, and of plain HTTP asks it
// the same.
func (r *run) directly(ctx context.Context, w *observe.World) (observe.Step, visit) {
	addr, err := netip.ParseAddr(r.target.Host)
	if err != nil {
		l := w.Lookup(ctx, r.target.Host, proxyTimeout)
		if len(l.Addresses) == 0 {
			l.Step.Failure = observe.Absent
			return l.Step, visit{}
		}
		addr = l.Addresses[0]
	}
	s := r.siteAt(w, netip.AddrPortFrom(addr, uint16(r.target.PortOr())))
	conn, d := w.Dial(ctx, s.peer, observe.DialOptions{Timeout: quickDial})
	if conn == nil {
		return d.Step, visit{}
	}
	defer s.close()
	s.adopt(conn)
	if s.secure {
		return d.Step, visit{}
	}
	return d.Step, s.try(ctx, "OPTIONS", r.webPath())
}

// besideProxy looks at a proxy of a kind that is not spoken here (SOCKS, TLS):
// can it be reached, while the check itself connects directly?
func (r *run) besideProxy(ctx context.Context, p *httpProxy) {
	r.beside("proxy", func(w *observe.World) func() {
		d, _ := tryProxy(ctx, w, p.url, r.target.HostPort())
		return func() { r.judgeProxy(p.setting, p.shown, d, "") }
	})
}

// another opens one more connection to where the first one leads.
func (r *run) another(ctx context.Context, w *observe.World, o observe.DialOptions) (*observe.Conn, observe.Dialed) {
	conn, d := w.Dial(ctx, r.peer, o)
	if conn == nil || r.proxy == nil || !secure(r.target) {
		return conn, d
	}
	if v := r.proxy.connect(ctx, conn, r.target.HostPort()); v.status()/100 != 2 {
		conn.Close()
		d.Failure = observe.Closed
		return nil, d
	}
	return conn, d
}
