package host

import (
	"net/netip"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// The checks of a report that stand for the steps of a session, by family.
var steps = map[string]struct{ connect, greeting, login, data, transfer string }{
	FTP:  {"connect", "greeting", "login", "data", "file"},
	SSH:  {"connect", "ssh", "ssh-login", "sftp", "sftp"},
	HTTP: {"connect", "http", "http", "dav", "dav"},
}

// After sharpens the question by what a check from outside saw: what worked,
// what did not, what was announced and which certificate was served.
func (q Question) After(rep *finding.Report) Question {
	names, ok := steps[q.protocol()]
	if !ok {
		names = steps[FTP]
	}
	q.Connect = seen(rep, names.connect)
	if slices.ContainsFunc(rep.Findings, func(f *finding.Finding) bool { return f.Code == finding.ServiceOtherProtocol.Code }) {
		q.Connect = Fails // somebody else has the port
	}
	q.Greeting = seen(rep, names.greeting)
	q.Login = seen(rep, names.login)
	q.Data = seen(rep, names.data)
	q.Transfer = seen(rep, names.transfer)
	if q.Target == "" {
		q.Target = rep.Target
	}
	if v, ok := rep.Facts.TLS["sha256"].(string); ok {
		q.Certificate = v
	}
	if _, ok := rep.Facts.TLS["version"]; ok {
		q.TLS = true
	}
	for _, f := range rep.Findings {
		if a, err := netip.ParseAddrPort(f.Args["announced"]); err == nil && strings.HasPrefix(string(f.Code), "data/") {
			q.Passive = a
		}
	}
	return q
}

// seen tells how a step went: it works when its check passed, or when what was
// found there left the way open and is no more than advice.
func seen(rep *finding.Report, name string) Seen {
	i := slices.IndexFunc(rep.Checks, func(c finding.Check) bool { return c.Name == name })
	if i < 0 {
		return Untried
	}
	switch rep.Checks[i].Outcome {
	case finding.Passed:
		return Works
	case finding.Skipped, finding.Incomplete:
		return Untried
	}
	ended := slices.ContainsFunc(rep.Checks[i+1:], func(c finding.Check) bool { return c.Outcome == finding.Skipped && c.Because == name })
	if ended || ofStep(rep, name) {
		return Fails
	}
	return Works
}

// ofStep tells whether an error belongs to the step of a check by which the way
// does not end.
func ofStep(rep *finding.Report, name string) bool {
	layers := map[string][]string{
		"data": {"data", "tls", "net", "route"}, "file": {"file", "data"}, "sftp": {"ssh", "file", "data"}, "dav": {"http", "file"},
	}[name]
	return slices.ContainsFunc(rep.Findings, func(f *finding.Finding) bool {
		return f.Severity >= finding.Error && slices.Contains(layers, f.Code.Layer())
	})
}
