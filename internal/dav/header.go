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
