package probe

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// httpCheck asks what the server can (OPTIONS) and for the properties of the
// target (PROPFIND), follows redirects by hand, and logs in where that is asked
// for.
var httpCheck = &check{
	name: "http", layer: "http", asks: "does a WebDAV server answer under this path, and let this user in",
	of:  []string{observe.HTTP},
	run: lookAtWeb,
}

// maxHops bounds how many redirects are followed.
const maxHops = 10

// siteAt is the target's origin, with connections to an address.
func (r *run) siteAt(w *observe.World, peer netip.AddrPort) *site {
	return &site{run: r, w: w, secure: secure(r.target), port: r.target.PortOr(), peer: peer}
}

// webPath is the target's path as it stands in a request.
func (r *run) webPath() string {
	if r.target.Path == "" {
		return "/"
	}
	return dav.EscapePath(r.target.Path)
}

// resource is what PROPFIND told about the target.
type resource struct {
	site     *site
	path     string // as in a request, after redirects
	options  visit
	propfind visit
	list     dav.Multistatus // of the target, with depth 1 where it is a collection
	self     dav.Resource
	hops     []string // the redirects that were followed
	loggedIn bool
}

func lookAtWeb(ctx context.Context, r *run) {
	r.hideLogin()
	s := r.web
	if s == nil {
		s = r.siteAt(r.root.Scope("web"), r.peer)
		s.adopt(r.conn)
		if r.proxy != nil {
			s.proxy = r.proxy
		}
		r.goodbye = append(r.goodbye, func() { r.web.close() })
	}
	r.web = s
	res := &resource{site: s, path: r.webPath()}
	var ok bool
	if res.options, ok = r.travel(ctx, res, "OPTIONS"); !ok {
		return
	}
	r.aboutServer(res.options.answer)
	r.judgeHTTP2(ctx, res.options)
	if res.propfind, ok = r.travel(ctx, res, "PROPFIND"); !ok {
		return
	}
	if res.loggedIn && res.options.status() == 401 {
		if again := res.site.ask(ctx, "OPTIONS", res.path, order{}); again.answer != nil {
			res.options = again
		}
	}
	r.aboutServer(res.options.answer)
	r.facts.Timings["propfind"] = seconds(res.propfind.took)
	if !r.judgePropfind(ctx, res) {
		return
	}
	r.tellRedirects(res)
	r.dav = res
}

// hideLogin makes the forms known in which the password crosses the wire.
func (r *run) hideLogin() {
	if user, password := r.credentials(); r.target.User != "" && password != "" {
		r.w.Hide(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
	}
}

// aboutServer notes what the answer to OPTIONS tells.
func (r *run) aboutServer(a *dav.Answer) {
	if a == nil {
		return
	}
	if v := a.Get("Server"); v != "" && r.facts.Software == "" {
		r.facts.Software = v
	}
	var features []string
	if c := a.Classes(); len(c) > 0 {
		features = append(features, "DAV: "+strings.Join(c, ", "))
	}
	if m := a.Allow(); len(m) > 0 {
		features = append(features, "Allow: "+strings.Join(m, ", "))
	}
	for _, name := range []string{"MS-Author-Via", "Via"} {
		if v := a.Get(name); v != "" {
			features = append(features, name+": "+v)
		}
	}
	if len(features) >= len(r.facts.Features) {
		for i := range features {
			features[i] = bounded(r.w.Redact(features[i]))
		}
		r.facts.Features = features
	}
}

// say makes the request of a method as this check makes it.
func (s *site) say(ctx context.Context, method, path string, timeout time.Duration) visit {
	if method == "PROPFIND" {
		return s.propfind(ctx, path, 0, timeout)
	}
	return s.ask(ctx, method, path, order{timeout: timeout})
}

// travel makes a request and goes where redirects lead, on the same host. It
// states what stops it, and returns false.
func (r *run) travel(ctx context.Context, res *resource, method string) (visit, bool) {
	seen := map[string]bool{}
	for {
		here := res.site.origin() + res.path
		v := res.site.say(ctx, method, res.path, webTimeout)
		if v.answer == nil {
			late, ok := r.noAnswer(ctx, res, v)
			if !ok {
				return v, false
			}
			v = late
		}
		if stalled(v) {
			r.stalls(ctx, res, v)
			return v, false
		}
		if sentToTLS(v) {
			r.plainToTLS(ctx, res, v)
			return v, false
		}
		if v.status() == 401 && method == "PROPFIND" && !v.authorized {
			var ok bool
			if v, ok = r.authenticate(ctx, res, v); !ok {
				return v, false
			}
		}
		if s := v.status(); s != 301 && s != 302 && s != 303 && s != 307 && s != 308 {
			return v, true
		}
		seen[here] = true
		next, ok := r.follow(res, v)
		if !ok {
			return v, false
		}
		res.hops = append(res.hops, fmt.Sprintf("%s %s → %s", v.answer.Line(), here, next))
		if seen[next] || len(seen) > maxHops {
			r.find(finding.New(finding.HTTPRedirectLoop, finding.Confirmed).Stop().With("path", r.webPath()).With("other", next).With("count", strconv.Itoa(len(res.hops))).
				Saw("the redirects, one after the other", shortenTo(strings.Join(res.hops, "; "), maxDetail), fromServer))
			return v, false
		}
		if !r.judgeMoved(ctx, res) {
			return v, false
		}
	}
}

// judgeMoved looks at the certificate of a place to which a redirect led,
// before anything is asked there.
func (r *run) judgeMoved(ctx context.Context, res *resource) bool {
	s := res.site
	if s.conn != nil {
		return true
	}
	if err := s.open(ctx, observe.DialOptions{}); err != nil {
		r.find(finding.New(finding.HTTPRedirected, finding.Confirmed).With("path", r.webPath()).As(finding.Error).Stop().With("other", s.origin()+res.path).
			Saw("the redirects, one after the other", shortenTo(strings.Join(res.hops, "; "), maxDetail), fromServer).
			Saw("the place to which the redirect leads", s.origin()+": "+toldError(err), fromExperiment))
		return false
	}
	if s.secure && r.secured == nil {
		r.secured = s.tls
		r.describeTLS(s.tls)
		r.certificate(ctx, s.tls)
	}
	return true
}

// follow moves to the place that a redirect names, if that is on the same host.
// Anything else is named and left alone: a check of one server is no reason to
// call another, and credentials are never taken there.
func (r *run) follow(res *resource, v visit) (next string, ok bool) {
	location := v.answer.Get("Location")
	base, err := url.Parse(res.site.origin() + res.path)
	if err != nil {
		return "", false
	}
	to, err := base.Parse(location)
	stop := func(why string) {
		r.find(finding.New(finding.HTTPRedirected, finding.Confirmed).With("path", r.webPath()).As(finding.Error).Stop().With("other", shorten(location)).
			Saw("the answer that sends clients elsewhere", v.String()+", Location: "+orNone(shorten(location)), fromServer).
			Saw("why the redirect is not followed", why, fromThisMachine))
	}
	switch {
	case err != nil || location == "":
		stop(finding.Say("no usable Location"))
		return "", false
	case to.Scheme != "http" && to.Scheme != "https":
		stop(finding.Say("scheme %s", to.Scheme))
		return "", false
	case !strings.EqualFold(strings.TrimSuffix(to.Hostname(), "."), strings.TrimSuffix(r.target.Host, ".")):
		why := finding.Say("another host")
		if a, err := netip.ParseAddr(to.Hostname()); err == nil && (isPrivate(a) || a.IsLoopback() || a.IsUnspecified()) {
			why = finding.Say("a private address")
		}
		stop(why)
		return "", false
	case to.Scheme == "http" && res.site.secure && res.site.login != nil:
		stop(finding.Say("https to http, with a password"))
		return "", false
	}
	r.move(res, to)
	return res.site.origin() + res.path, true
}

// move goes on at another place of the same host: at the same address.
func (r *run) move(res *resource, to *url.URL) {
	old := res.site
	port := map[string]int{"http": 80, "https": 443}[to.Scheme]
	if n, err := strconv.Atoi(to.Port()); err == nil {
		port = n
	}
	if res.path = to.EscapedPath(); res.path == "" {
		res.path = "/"
	}
	isSecure := to.Scheme == "https"
	if port == old.port && isSecure == old.secure {
		return
	}
	peer := netip.AddrPortFrom(old.peer.Addr(), uint16(port))
	if old.proxy != nil {
		peer = old.peer
	}
	old.close()
	res.site = &site{run: r, w: r.root.Scope("moved" + strconv.Itoa(len(res.hops))), secure: isSecure, port: port, peer: peer, proxy: old.proxy, login: old.login}
	r.web = res.site
}

// tellRedirects says what clients need to follow that do not follow.
func (r *run) tellRedirects(res *resource) {
	if len(res.hops) == 0 {
		return
	}
	to := res.site.origin() + res.path
	f := finding.New(finding.HTTPRedirected, finding.Confirmed).With("path", r.webPath()).With("other", to).
		Saw("the redirects, one after the other", shortenTo(strings.Join(res.hops, "; "), maxDetail), fromServer)
	if strings.TrimSuffix(r.webPath(), "/") == strings.TrimSuffix(res.path, "/") && res.site.secure == secure(r.target) {
		f.As(finding.Info).Saw("only the slash at the end is missing", r.webPath(), fromServer)
	}
	r.find(f)
}

func shortenTo(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
