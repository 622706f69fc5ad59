package dav

import (
	"slices"
	"strings"
)

// list splits a field that is a list (RFC 9110 §5.6.1), all its lines.
func (a *Answer) list(name string) []string {
	var out []string
	for _, line := range a.Header.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item != "" && len(out) < 64 {
				out = append(out, item)
			}
		}
	}
	return out
}

// Classes lists the compliance classes of the DAV field (RFC 4918 §10.1, §18):
// "1", "2", "3" and the names of extensions.
func (a *Answer) Classes() []string { return a.list("DAV") }

// HasClass tells whether the DAV field names a class.
func (a *Answer) HasClass(class string) bool { return slices.Contains(a.Classes(), class) }

// Allow lists the methods of the Allow field, in capitals; nil where it is missing.
func (a *Answer) Allow() []string {
	all := a.list("Allow")
	for i := range all {
		all[i] = strings.ToUpper(all[i])
	}
	return all
}

// whoFields are the fields by which a box on the way, or the server, shows
// itself.
var whoFields = []string{
	"Server", "Via", "Proxy-Agent", "Proxy-Status", "X-Squid-Error", "X-Cache", "X-Served-By", "CF-RAY", "X-Amz-Cf-Id", "X-Powered-By", "X-Varnish", "X-WAF", "X-Sucuri-ID", "X-Iinfo",
}

// Who words which boxes the answer shows; empty where it shows none.
func (a *Answer) Who() string {
	var out []string
	for _, f := range whoFields {
		if v := strings.Join(a.Header.Values(f), ", "); v != "" {
			if len(v) > 120 {
				v = v[:120] + "…"
			}
			out = append(out, f+": "+v)
		}
	}
	return strings.Join(out, "; ")
}

// front are the fields that only a box between client and server writes.
var front = []string{"Via", "Proxy-Agent", "Proxy-Status", "X-Squid-Error", "X-Cache", "X-Served-By", "CF-RAY", "X-Amz-Cf-Id", "X-Varnish", "X-WAF", "X-Sucuri-ID", "X-Iinfo"}

// ThroughBox tells whether the answer shows that a box stands in between.
func (a *Answer) ThroughBox() bool {
	return slices.ContainsFunc(front, func(f string) bool { return a.Header.Get(f) != "" })
}

// pages are marks of the error pages that programs write when nobody has given
// them others; the first that fits counts.
var pages = []struct{ mark, by string }{
	{"<center>nginx", "nginx"},
	{"<center>openresty", "openresty"},
	{"<center>tengine", "Tengine"},
	{"cloudflare", "Cloudflare"},
	{"squid", "Squid"},
	{"tinyproxy", "tinyproxy"},
	{"request forbidden by administrative rules", "HAProxy"},
	{"no server is available to handle this request", "HAProxy"},
	{"sabre\\dav", "sabre/dav"},
	{"-//ietf//dtd html 2.0//en", "Apache"},
	{"-//w3c//dtd html 4.01//en\" \"http://www.w3.org/tr/html4/strict.dtd", "Apache"},
	{"<address>apache", "Apache"},
	{"microsoft-iis", "IIS"},
	{"iis detailed error", "IIS"},
	{"lighttpd", "lighttpd"},
	{"apache tomcat", "Tomcat"},
	{"xmlns:d=\"dav:\"", "WebDAV"},
	{"mod_security", "ModSecurity"},
}

// Page names the program whose stock error page the body is; empty where it is
// none that is known. A box in front and the server behind it differ by it also
// where the box writes its own name into the Server field of all answers.
func (a *Answer) Page() string {
	text := strings.ToLower(string(a.Body[:min(len(a.Body), 4096)]))
	for _, p := range pages {
		if strings.Contains(text, p.mark) {
			return p.by
		}
	}
	return ""
}
