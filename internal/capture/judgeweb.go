package capture

import (
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// web judges the sessions of a WebDAV service.
func (j *judge) web(t *target, open []*conn) {
	before := len(j.findings)
	var plain []*httpDialogue
	var tls []*tlsDialogue
	for _, c := range open {
		switch d := c.dialogue.(type) {
		case *httpDialogue:
			plain = append(plain, d)
			if inner, ok := d.tunnel.(*tlsDialogue); ok {
				tls = append(tls, inner)
			}
		case *tlsDialogue:
			tls = append(tls, d)
		}
	}
	for _, c := range open {
		if proto, first := j.spokenOnWeb(c); proto != "" {
			f := j.about(finding.ServiceOtherProtocol, finding.Confirmed, c).Stop().With("protocol", proto).With("reply", first)
			j.find(j.saw(f, "the first bytes", first, c.story.lastData[fromServer]))
			j.step("http", "http", t.began, lastAnswer(open), before)
			return
		}
	}
	for _, d := range tls { // HTTP where TLS was spoken
		server := d.hello.other()
		if f := string(d.foreign[server]); strings.HasPrefix(f, "HTTP/") || strings.HasPrefix(strings.ToUpper(f), "<!DOCTYPE") || strings.HasPrefix(strings.ToUpper(f), "<HTML") {
			x := j.about(finding.HTTPTLSToPlain, finding.Confirmed, d.c).Stop().With("reply", firstLine(f))
			j.find(j.saw(x, "the answer to a TLS handshake", firstLine(f), d.c.story.lastData[fromServer]))
			j.step("https", "tls", d.began, moment{}, before)
			return
		}
	}
	for _, d := range plain { // plain HTTP where TLS is spoken, and no word upon it
		s := &d.c.story
		if len(d.exchanges) == 0 && s.bytes[fromClient] > 0 && s.bytes[fromServer] == 0 && s.fin[fromServer].packet != 0 && slices.ContainsFunc(tls, func(x *tlsDialogue) bool { return x.answered() }) {
			f := j.about(finding.HTTPTLSToPlain, finding.Likely, d.c).As(finding.Critical).Stop()
			j.saw(f, "the connection was accepted and ended without a word", finding.Say("%s after %s", "FIN", human(j.waited(d.c))), s.fin[fromServer])
			j.find(j.saw(f, "a TLS handshake on the same port", tls[0].sum(), tls[0].said))
			j.step("http", "http", t.began, lastAnswer(open), before)
			return
		}
	}
	if len(tls) > 0 {
		j.handshakes(t, tls)
		j.step("https", "tls", tls[0].began, tls[0].doneAt, before)
		before = len(j.findings)
		if slices.ContainsFunc(tls, func(d *tlsDialogue) bool { return d.shaken }) && len(plain) == 0 {
			j.unseen("http", "http", "it is encrypted: packets do not show it")
		}
	}
	said := false
	for _, d := range plain {
		said = said || len(d.exchanges) > 0
		if d.clearPass {
			j.find(j.saw(j.about(finding.SecurityClearTextLogin, finding.Confirmed, d.c), "the control connection is not encrypted", "Authorization: Basic ****", d.passAt))
		}
		for i := range d.exchanges {
			if j.facts.Software == "" {
				j.facts.Software = d.exchanges[i].header.Get("Server")
			}
		}
	}
	j.exchanges(t, plain)
	if !said && len(tls) == 0 {
		j.noGreeting(t, open, nil)
	}
	if said || len(j.findings) > before {
		j.step("http", "http", t.began, lastAnswer(open), before)
	}
}

// spokenOnWeb names what is neither HTTP nor TLS.
func (j *judge) spokenOnWeb(c *conn) (proto, first string) {
	var b []byte
	switch d := c.dialogue.(type) {
	case *httpDialogue:
		b = d.foreign
	case *tlsDialogue:
		b = d.foreign[d.hello.other()]
	case *sshDialogue:
		b = d.streams[fromServer].first
	case *ftpDialogue:
		if d.greeting != nil {
			b = d.greeting.reply.Raw
		}
	}
	switch s := string(b); {
	case strings.HasPrefix(s, "SSH-"):
		return "SSH", firstLine(s)
	case strings.HasPrefix(s, "220"):
		return "FTP", firstLine(s)
	}
	return "", ""
}

// exchanges judges what was asked and answered in clear: the last word on each
// method and path counts, since a challenge comes before a login.
func (j *judge) exchanges(t *target, all []*httpDialogue) {
	type asked struct{ method, target string }
	last := map[asked]*httpExchange{}
	var order []asked
	loggedIn, redirects := false, 0
	for _, d := range all {
		for i := range d.exchanges {
			x := &d.exchanges[i]
			k := asked{x.request.method, x.request.target}
			if last[k] == nil {
				order = append(order, k)
			}
			if last[k] == nil || x.request.user || !last[k].request.user {
				last[k] = x
			}
			loggedIn = loggedIn || x.request.user && x.status/100 == 2
			if x.status/100 == 3 && x.status != 304 {
				redirects++
			}
		}
	}
	noDAV := slices.ContainsFunc(order, func(k asked) bool {
		return (k.method == "PROPFIND" || k.method == "OPTIONS") && (last[k].status == 405 || last[k].status == 501)
	})
	for _, k := range order {
		if noDAV && last[k].status == 404 {
			continue // on other paths is no more
		}
		j.exchange(t, all, last[k], loggedIn, redirects)
	}
}

func (j *judge) exchange(t *target, all []*httpDialogue, x *httpExchange, loggedIn bool, redirects int) {
	if x.status < 300 || x.status == 304 || x.request.method == "" {
		return
	}
	if x.status >= 400 && x.status != 401 && x.status != 407 && (x.request.method == "CONNECT" || strings.Contains(x.request.target, "://")) {
		c := j.connOf(all, x)
		f := j.about(finding.ClientProxyIntercepts, finding.Confirmed, c).As(finding.Error).Stop().With("proxy", c.server.String()).With("reply", strconv.Itoa(x.status)+" "+x.reason)
		j.find(j.saw(f, "the answer to the request", x.request.method+" "+x.request.target+" → "+strconv.Itoa(x.status)+" "+x.reason, x.m))
		return
	}
	if x.status == 404 && worksElsewhere(all, x) {
		return // a look whether it is there yet
	}
	line := strings.TrimSpace(strconv.Itoa(x.status) + " " + x.reason)
	c := j.connOf(all, x)
	say := func(d *finding.Def, conf finding.Confidence) *finding.Finding {
		f := j.about(d, conf, c).With("reply", line)
		if d == finding.HTTPNoWebDAV {
			f.Stop()
		}
		f.With("command", x.request.method).With("path", x.request.target)
		f.Severity = max(f.Severity, finding.Error)
		return j.saw(f, "the answer to the request", x.request.method+" "+x.request.target+" → "+line, x.m)
	}
	switch x.status {
	case 401:
		if f := j.unauthorized(say, x, loggedIn); f != nil {
			j.find(f)
		}
		return
	case 301, 302, 303, 307, 308:
		f := say(finding.HTTPRedirected, finding.Confirmed).With("other", hideQuery(x.header.Get("Location")))
		if redirects > 5 {
			f = say(finding.HTTPRedirectLoop, finding.Confirmed)
		} else {
			f.Severity = finding.Lookup(finding.HTTPRedirected.Code).Severity
		}
		j.find(f.With("location", hideQuery(x.header.Get("Location"))))
		return
	case 407:
		j.find(say(finding.ClientProxyIntercepts, finding.Confirmed).Stop())
		return
	}
	def, conf := statusCause(x)
	if def == nil {
		return
	}
	if w := j.worded(httpText(x), def, conf, c, "http", "file", "service/unavailable"); w.Code.Layer() == "http" || w.Code.Layer() == "file" || w.Code == finding.ServiceUnavailable.Code {
		def, conf = finding.Lookup(w.Code), w.Confidence
		f := say(def, conf)
		f.Candidates, f.Decide = w.Candidates, w.Decide
		j.find(f)
		return
	}
	j.find(say(def, conf))
	_ = t
}

// worksElsewhere: the same thing was put there, or is a mere look beside others
// that found what they looked for.
func worksElsewhere(all []*httpDialogue, x *httpExchange) bool {
	first := true
	for _, d := range all {
		for i := range d.exchanges {
			y := &d.exchanges[i]
			if y == x {
				continue
			}
			first = first && y.m.packet > x.m.packet
			same := y.request.target == x.request.target
			if same && y.status/100 == 2 || y.status/100 == 2 && y.request.method == x.request.method && x.request.method != "GET" && !first {
				return true
			}
		}
	}
	return false
}

func (j *judge) connOf(all []*httpDialogue, x *httpExchange) *conn {
	for _, d := range all {
		for i := range d.exchanges {
			if &d.exchanges[i] == x {
				return d.c
			}
		}
	}
	return nil
}

// unauthorized judges 401: a refusal where credentials were sent, else a
// challenge that nobody met.
func (j *judge) unauthorized(say func(*finding.Def, finding.Confidence) *finding.Finding, x *httpExchange, loggedIn bool) *finding.Finding {
	if loggedIn {
		return nil
	}
	schemes := strings.ToLower(strings.Join(x.header.Values("Www-Authenticate"), ", "))
	switch {
	case x.request.user:
		return say(finding.AuthRejected, finding.Likely).Stop().
			Or(finding.AuthRejected, "user or password is wrong").
			Or(finding.AuthUserUnknown, "the account does not exist").
			Or(finding.AuthUserDenied, "a list of the server denies this user").
			Or(finding.ClientCredentialsMangled, "the password was altered on its way here (quoting, character set)").
			DecideBy("on the server: the error log names the rule; ftpdoctor check {target}")
	case schemes != "" && !strings.Contains(schemes, "basic") && !strings.Contains(schemes, "digest"):
		return say(finding.ClientLibraryLimit, finding.Likely).Stop().With("software", "").Saw("the ways to log in that the server offers", cutText(schemes, 200), "the capture")
	}
	return say(finding.AuthAnonymousDisabled, finding.Likely).Stop()
}

// statusCause is what a status most often means where WebDAV was asked for.
func statusCause(x *httpExchange) (*finding.Def, finding.Confidence) {
	writes := slices.Contains([]string{"PUT", "MKCOL", "DELETE", "MOVE", "COPY", "PROPPATCH", "LOCK"}, x.request.method)
	switch x.status {
	case 403:
		if writes {
			return finding.FilePermissionDenied, finding.Likely
		}
		return finding.HTTPForbidden, finding.Likely
	case 404:
		if x.request.method == "GET" || x.request.method == "HEAD" || writes {
			return finding.FileNotFound, finding.Likely
		}
		return finding.HTTPWrongPath, finding.Likely
	case 405, 501:
		if x.request.method == "PROPFIND" || x.request.method == "OPTIONS" {
			return finding.HTTPNoWebDAV, finding.Likely
		}
		return finding.HTTPMethodBlocked, finding.Likely
	case 409:
		return finding.FileNotFound, finding.Likely
	case 413, 414:
		return finding.HTTPTooLarge, finding.Confirmed
	case 423:
		return finding.HTTPLocked, finding.Confirmed
	case 507:
		return finding.FileDiskFull, finding.Likely
	case 502, 504:
		return finding.HTTPGatewayError, finding.Confirmed
	case 503:
		return finding.HTTPGatewayError, finding.Likely
	case 500:
		return finding.HTTPServerError, finding.Likely
	case 400:
		if strings.Contains(strings.ToLower(string(x.body)), "plain http request was sent to https") || strings.Contains(strings.ToLower(string(x.body)), "speaking plain http to an ssl") {
			return finding.HTTPTLSToPlain, finding.Confirmed
		}
	}
	return nil, ""
}

// httpText renders an exchange as curl -v would show it.
func httpText(x *httpExchange) string {
	s := "> " + x.request.method + " " + x.request.target + " HTTP/1.1\n> Host: " + x.request.host + "\n< " + x.proto + " " + strconv.Itoa(x.status) + " " + x.reason + "\n"
	for _, f := range []string{"Server", "Allow", "Dav", "Location", "X-Squid-Error", "Via"} {
		if v := x.header.Get(f); v != "" {
			s += "< " + f + ": " + v + "\n"
		}
	}
	return s + "\n" + cutText(string(x.body), 1500) + "\n"
}
