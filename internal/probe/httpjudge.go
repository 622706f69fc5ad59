package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// plainWeb tells that the user wants no more than what any web server has.
func (r *run) plainWeb() bool {
	return (r.target.Scheme == "http" || r.target.Scheme == "https") && r.options.op() != "list"
}

// judgePropfind judges the answer to PROPFIND. True: the way goes on.
func (r *run) judgePropfind(ctx context.Context, res *resource) bool {
	if res.propfind.status() == 207 {
		return r.readProperties(ctx, res)
	}
	if res.propfind.status() == 404 && r.options.op() == "upload" && !strings.HasSuffix(res.path, "/") {
		// The URL names the file to be; what counts is the directory.
		if above := res.site.propfind(ctx, parent(res.path), 0, webTimeout); above.status() == 207 {
			res.path, res.propfind = parent(res.path), above
			return r.readProperties(ctx, res)
		}
	}
	return r.judgeStatus(ctx, res, res.propfind)
}

// judgeStatus finds out what stands behind an answer that is no 207.
func (r *run) judgeStatus(ctx context.Context, res *resource, v visit) bool {
	switch status := v.status(); {
	case v.answer == nil:
		_, ok := r.noAnswer(ctx, res, v)
		return ok
	case r.certificateMissing(v):
		r.find(r.answered(finding.TLSClientCertRequired, finding.Confirmed, v).
			Saw("the page that came with it", certificateWords(v), fromServer))
	case status == 404, status == 410, status == 405, status == 501, status/100 == 2:
		return r.noWebDAV(ctx, res, v)
	case status == 403:
		r.forbidden(ctx, res, v)
	case status == 401:
		r.passwordRefused(v, orNone(dav.Schemes(v.answer.Challenges())))
	case status == 423:
		r.find(r.answered(finding.HTTPLocked, finding.Confirmed, v).With("path", res.path))
	case status == 429:
		r.find(r.answered(finding.ServiceTooManyFromSource, finding.Confirmed, v))
	case status == 407, status == 511: // what only a box on the way says, and none was asked for
		r.find(r.answered(finding.NetTransparentProxy, finding.Confirmed, v))
	case status == 426:
		r.find(r.answered(finding.TLSRequired, finding.Confirmed, v))
	case status == 507:
		r.find(r.noRoom(v))
	case status >= 502 && status <= 504, status >= 520 && status <= 530:
		r.gateway(ctx, res, v)
	default:
		r.failsOn(ctx, res, v)
	}
	return false
}

// certificateMissing tells whether a web server refuses a request because the
// client showed no certificate: servers that let the handshake pass say so in
// the page. nginx sends 400 for its own 496 (ngx_http_ssl_module, "Error
// Processing"); Apache, which asks again when it knows the path, 403 where TLS
// 1.3 leaves it no way to ask (SSLVerifyClient in a location).
func (r *run) certificateMissing(v visit) bool {
	return r.secured != nil && (v.status() == 400 || v.status() == 403) && certificateWords(v) != ""
}

// certificateWords is the part of a page that speaks of the certificate.
func certificateWords(v visit) string {
	for _, words := range []string{"No required SSL certificate was sent", "Cannot perform Post-Handshake Authentication"} {
		if bytes.Contains(v.answer.Body, []byte(words)) {
			return words
		}
	}
	return ""
}

// answered begins a finding on an answer, which it shows, and who gave it.
func (r *run) answered(d *finding.Def, c finding.Confidence, v visit) *finding.Finding {
	f := finding.New(d, c).Stop().With("reply", v.answer.Line()).With("command", v.method).With("path", v.target).Saw("the answer", v.String(), fromServer)
	if who := v.answer.Who(); who != "" {
		f.Saw("which boxes show themselves in the answer", who, fromServer)
	}
	return f
}

// around is what the server answers to other methods and at other paths.
type around struct {
	head    visit  // HEAD of the same path
	root    visit  // OPTIONS of /
	unknown visit  // HEAD of a path that nobody has
	dav     string // a path under which WebDAV answers; empty: none was found
	wall    bool   // it asks for a password, and more is not known
	tried   []string
}

func (a *around) tell(f *finding.Finding) *finding.Finding {
	for _, x := range []struct {
		what string
		v    visit
	}{{"another method at the same path", a.head}, {"OPTIONS at the root", a.root}, {"a path that surely does not exist", a.unknown}} {
		if x.v.method != "" {
			f.Saw(x.what, x.v.String(), fromExperiment)
		}
	}
	return f
}

// lookAround asks one thing after the other, over one connection.
func (r *run) lookAround(ctx context.Context, res *resource) *around {
	s := res.site.aside(r.w.Scope("around"))
	defer s.close()
	a := &around{}
	if a.head = s.try(ctx, "HEAD", res.path); a.head.answer == nil {
		return a
	}
	a.root = s.try(ctx, "OPTIONS", "/")
	a.unknown = s.try(ctx, "HEAD", "/"+r.absent())
	return a
}

// usualPaths are where servers have their WebDAV when nothing else is said
// (Apache's manuals, Nextcloud and ownCloud, Synology and others).
func (r *run) usualPaths() []string {
	paths := []string{"/dav/", "/webdav/", "/remote.php/webdav/"}
	if r.target.User != "" {
		paths[2] = "/remote.php/dav/files/" + dav.EscapePath(r.target.User) + "/"
	}
	return paths
}

// search looks for WebDAV at the paths above and at the usual ones.
func (r *run) search(ctx context.Context, res *resource, a *around) {
	var candidates []string
	if !strings.HasSuffix(res.path, "/") {
		candidates = append(candidates, res.path+"/")
	}
	for p := res.path; p != "/" && len(candidates) < 5; {
		p = parent(p)
		candidates = append(candidates, p)
	}
	r.searchAt(ctx, res, a, append(candidates, r.usualPaths()...))
}

// searchAt asks one path after the other, over one connection, and logs in
// where one asks for it: once.
func (r *run) searchAt(ctx context.Context, res *resource, a *around, paths []string) {
	s := res.site.aside(r.w.Scope("search"))
	defer s.close()
	for _, p := range paths {
		if p == res.path || slices.Contains(a.tried, p) {
			continue
		}
		a.tried = append(a.tried, p)
		o := s.try(ctx, "OPTIONS", p)
		if o.answer == nil {
			return
		}
		if len(o.answer.Classes()) == 0 && (o.status() == 404 || o.status() == 410) {
			continue
		}
		v := s.propfind(ctx, p, 0, webQuick)
		if v.status() == 401 && s.login == nil {
			a.wall = true
			if c, ok := dav.Strongest(v.answer.Challenges()); ok && r.target.User != "" {
				a.wall = false
				s.login = &loginState{challenge: c}
				r.tellClearText(s, v)
				v = s.propfind(ctx, p, 0, loginTimeout)
			}
		}
		if v.status() == 207 || a.wall || v.status() == 401 && len(o.answer.Classes()) > 0 {
			a.dav = p
			return
		}
	}
}

// parent is the collection that holds a path.
func parent(p string) string {
	p = strings.TrimSuffix(p, "/")
	return p[:strings.LastIndex(p, "/")+1]
}

// offers tells whether the answer to OPTIONS promises a method.
func offers(options visit, method string) bool {
	return options.answer != nil && (slices.Contains(options.answer.Allow(), method) || len(options.answer.Classes()) > 0)
}

// noWebDAV: 404, 405, 501 or a page. Is there WebDAV elsewhere, or does
// something on the way object to the method?
func (r *run) noWebDAV(ctx context.Context, res *resource, v visit) bool {
	missing := v.status() == 404 || v.status() == 410
	if r.plainWeb() && !missing {
		severity := finding.Notice
		if r.options.op() == "upload" {
			severity = finding.Warning
		}
		f := r.answered(finding.HTTPNoWebDAV, finding.Confirmed, v).As(severity)
		f.Stops = false
		r.find(f)
		return true
	}
	a := &around{}
	if missing || !offers(res.options, "PROPFIND") {
		r.search(ctx, res, a)
	}
	options := func(f *finding.Finding) *finding.Finding {
		return f.Saw("OPTIONS at this path", describeOptions(res.options), fromServer)
	}
	switch {
	case missing && a.dav != "" && offers(res.options, "PROPFIND") && strings.HasPrefix(res.path, a.dav):
		r.find(options(r.answered(finding.FileNotFound, finding.Confirmed, v)).With("path", r.target.Path).
			Saw("the directory above it", a.dav+": 207", fromExperiment))
	case a.wall && r.otherPage(ctx, res, v) == "":
		r.find(options(r.answered(finding.HTTPWrongPath, finding.Likely, v)).With("other", a.dav).With("near", r.at(a.dav)).
			Saw("a path that asks for a password", a.dav, fromExperiment).
			Or(finding.HTTPWrongPath, "WebDAV is there").
			Or(finding.HTTPNoWebDAV, "this web server has no WebDAV").
			DecideBy("give the check a user and a password"))
	case a.dav != "" && !a.wall:
		r.find(options(r.answered(finding.HTTPWrongPath, finding.Confirmed, v)).With("other", a.dav).With("near", r.at(a.dav)).
			Saw("a path under which WebDAV answers", a.dav, fromExperiment))
	case missing:
		r.find(options(r.answered(finding.HTTPNoWebDAV, finding.Likely, v)).
			Saw("paths that were tried for WebDAV", strings.Join(a.tried, ", "), fromExperiment).
			Or(finding.HTTPNoWebDAV, "this web server has no WebDAV").
			Or(finding.HTTPWrongPath, "it has WebDAV under a path that can't be guessed").
			DecideBy("ask the administrator for the complete address; on the server: where does its configuration switch WebDAV on"))
	case offers(res.options, "PROPFIND"):
		r.find(options(r.answered(finding.HTTPMethodBlocked, finding.Confirmed, v)))
	case r.otherPage(ctx, res, v) != "":
		r.find(options(r.answered(finding.HTTPMethodBlocked, finding.Likely, v)).
			Saw("whose pages these are: this answer, and one of the server at this path", r.otherPage(ctx, res, v), fromExperiment).
			Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
			Or(finding.HTTPNoWebDAV, "this web server has no WebDAV").
			DecideBy("on the server: does the request arrive, and what does the error log say at that moment"))
	default:
		f := options(r.answered(finding.HTTPNoWebDAV, finding.Confirmed, v))
		if len(a.tried) > 0 {
			f.Saw("paths that were tried for WebDAV", strings.Join(a.tried, ", "), fromExperiment)
		}
		r.find(f)
	}
	return false
}

// otherPage compares an answer with that to a GET of a name that is surely not
// there, and tells whose error pages they are if they are of different programs:
// then it is not the server at this path that answers so.
func (r *run) otherPage(ctx context.Context, res *resource, v visit) string {
	if r.pages == nil {
		s := res.site.aside(r.w.Scope("page"))
		defer s.close()
		dir := res.path
		if !strings.HasSuffix(dir, "/") {
			dir = parent(dir)
		}
		absent := s.try(ctx, "GET", dir+r.absent())
		r.pages = &absent
	}
	if r.pages.answer == nil || v.answer == nil || r.pages.status()/100 == 2 {
		return ""
	}
	this, that := v.answer.Page(), r.pages.answer.Page()
	if this == "" || that == "" || this == that {
		return ""
	}
	return fmt.Sprintf("%s: %s; %s: %s", v.answer.Line(), this, r.pages.answer.Line(), that)
}

// absent is a name that nobody has.
func (r *run) absent() string {
	return fmt.Sprintf("ftpdoctor-%d-not-there", r.root.Started().UnixNano()%1e9)
}

// describeOptions words what OPTIONS brought.
func describeOptions(v visit) string {
	if v.answer == nil {
		return v.String()
	}
	return fmt.Sprintf("%s, DAV: %s, Allow: %s", v.answer.Line(), orNone(strings.Join(v.answer.Classes(), ",")), orNone(strings.Join(v.answer.Allow(), ",")))
}

// forbidden: is it the path that is forbidden, or the method?
func (r *run) forbidden(ctx context.Context, res *resource, v visit) {
	if !strings.HasSuffix(res.path, "/") {
		a := &around{}
		if r.searchAt(ctx, res, a, []string{res.path + "/"}); a.dav != "" {
			r.find(r.answered(finding.HTTPWrongPath, finding.Confirmed, v).With("other", a.dav).With("near", r.at(a.dav)).
				Saw("a path under which WebDAV answers", a.dav, fromExperiment))
			return
		}
	}
	a := r.lookAround(ctx, res)
	otherBox := res.options.answer != nil && res.options.status()/100 == 2 && res.options.answer.Get("Server") != v.answer.Get("Server")
	passes := a.head.answer != nil && a.head.status() < 400
	pages := r.otherPage(ctx, res, v)
	if otherBox || passes || pages != "" {
		f := a.tell(r.answered(finding.HTTPMethodBlocked, finding.Likely, v)).
			Saw("OPTIONS at this path", describeOptions(res.options), fromServer)
		if pages != "" {
			f.Saw("whose pages these are: this answer, and one of the server at this path", pages, fromExperiment)
		}
		if otherBox && passes || passes && offers(res.options, "PROPFIND") {
			f.Confidence = finding.Confirmed
		} else {
			f.Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
				Or(finding.HTTPForbidden, "the account may read and not list").
				DecideBy("on the server: does the request arrive, and what does the error log say at that moment")
		}
		r.find(f)
		return
	}
	f := a.tell(r.answered(finding.HTTPForbidden, finding.Confirmed, v)).As(finding.Critical)
	switch {
	case res.loggedIn:
		f.Saw("the password was accepted, and the answer is 403", v.answer.Line(), fromServer)
	case r.target.User != "":
		f.Saw("nobody asked for the password", v.answer.Line(), fromServer)
	}
	r.find(f)
}

// at is the target with another path.
func (r *run) at(path string) string {
	t := r.target
	t.Path = path
	return t.String()
}

// gateway: the box in front says that the server behind it does not answer.
func (r *run) gateway(ctx context.Context, res *resource, v visit) {
	a := r.lookAround(ctx, res)
	f := a.tell(r.answered(finding.HTTPGatewayError, finding.Confirmed, v)).
		Saw("time until the reply", observe.Human(v.took), fromServer)
	if v.status() == 503 {
		f.Confidence = finding.Likely
		f.Or(finding.HTTPGatewayError, "the server behind the proxy is down").
			Or(finding.ServiceUnavailable, "the server is under maintenance").
			Or(finding.ServiceTooManyConnections, "a limit on connections or requests is reached").
			DecideBy("on the server: read the error log of this moment; it names the reason")
		if after := v.answer.Get("Retry-After"); after != "" && !v.answer.ThroughBox() {
			f.Code, f.Severity = finding.ServiceUnavailable.Code, finding.ServiceUnavailable.Severity
			f.Saw("the server says when to come back", "Retry-After: "+shorten(after), fromServer)
		}
	}
	r.find(f)
}

// failsOn: 500, 400 and others that say little. Does another method or path work?
func (r *run) failsOn(ctx context.Context, res *resource, v visit) {
	a := r.lookAround(ctx, res)
	if v.status() < 500 && a.head.answer != nil && a.head.status() < 400 {
		r.find(a.tell(r.answered(finding.HTTPMethodBlocked, finding.Likely, v)).
			Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
			Or(finding.HTTPServerError, "the server does not understand the request").
			DecideBy("on the server: does the request arrive, and what does the error log say at that moment"))
		return
	}
	f := a.tell(r.answered(finding.HTTPServerError, finding.Confirmed, v))
	works := false
	for _, o := range []visit{res.options, a.head, a.root, a.unknown} {
		works = works || o.answer != nil && o.status() < 500
	}
	if !works {
		f.As(finding.Critical)
	}
	r.find(f)
}

// noRoom: 507 does not say which bound was reached.
func (r *run) noRoom(v visit) *finding.Finding {
	// Apache and nginx say 507 when the disk is full; who counts an account's
	// bytes mostly says so, or tells the room that is left.
	def := finding.FileDiskFull
	text := strings.ToLower(string(v.answer.Body[:min(len(v.answer.Body), 2000)]))
	if strings.Contains(text, "quota") || r.facts.Data["quota_available"] != nil {
		def = finding.FileQuotaExceeded
	}
	return r.answered(def, finding.Likely, v).
		Or(finding.FileQuotaExceeded, "the account's allotment is used up").
		Or(finding.FileDiskFull, "the disk is full").
		DecideBy("on the server: df -h and quota -u for the user")
}

// readProperties reads the multi-status, and that of the children.
func (r *run) readProperties(ctx context.Context, res *resource) bool {
	if !r.readList(ctx, res, res.propfind) {
		return false
	}
	if len(res.list.Resources) > 0 {
		res.self = res.list.Resources[0]
	}
	if !res.self.Collection {
		if r.options.op() == "upload" {
			res.path = parent(res.path)
		}
		return true
	}
	if !strings.HasSuffix(res.path, "/") {
		res.path += "/"
	}
	if r.options.op() != "list" {
		return true
	}
	v := res.site.propfind(ctx, res.path, 1, webListing)
	if v.status() != 207 {
		return r.judgeStatus(ctx, res, v)
	}
	if !r.readList(ctx, res, v) {
		return false
	}
	r.data("entries", max(len(res.list.Resources)-1, 0))
	r.facts.Timings["list"] = seconds(v.took)
	return true
}

// data notes a fact about the files.
func (r *run) data(name string, value any) {
	if r.facts.Data == nil {
		r.facts.Data = map[string]any{}
	}
	r.facts.Data[name] = value
}

func (r *run) readList(ctx context.Context, res *resource, v visit) bool {
	list, err := dav.ParseMultistatus(v.answer.Body)
	switch {
	case stalled(v):
		r.stalls(ctx, res, v)
		return false
	case errors.Is(err, dav.ErrDTD), errors.Is(err, dav.ErrTooDeep), err != nil && !v.answer.More:
		r.brokenAnswer(v, toldError(err))
		return false
	case v.answer.BodyErr != nil, list.Cut && !v.answer.More:
		r.brokenAnswer(v, finding.Say("the document ends too early"))
		return false
	}
	res.list = list
	return true
}

// stalled tells that an answer began and did not end in time.
func stalled(v visit) bool {
	return v.answer != nil && observe.FailureOf(v.answer.BodyErr) == observe.Timeout
}

// stalls: the answer began and did not end. If it comes with small segments,
// large packets are what gets lost.
func (r *run) stalls(ctx context.Context, res *resource, v visit) {
	s := res.site.aside(r.w.Scope("small"))
	defer s.close()
	var small visit
	if small.err = s.open(ctx, observe.DialOptions{MSS: smallMSS}); small.err == nil {
		small = s.say(ctx, v.method, v.target, 2*webQuick)
	}
	if small.good() {
		r.find(finding.New(finding.RouteMTUBlackhole, finding.Confirmed).Stop().With("mss", fmt.Sprint(smallMSS)).
			Saw("the answer stops in the middle", v.String(), fromServer).
			Saw("the same request with small segments", small.String(), fromExperiment))
		return
	}
	r.find(finding.New(finding.ServiceHung, finding.Likely).Stop().With("seconds", fmt.Sprintf("%.0f", webTimeout.Seconds())).
		Saw("the answer stops in the middle", v.String(), fromServer).
		Saw("the same request with small segments", small.String(), fromExperiment).
		Or(finding.ServiceHung, "the program hangs, or waits for its disk").
		Or(finding.HTTPGatewayError, "a proxy in front waits for the server behind it").
		DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
}
