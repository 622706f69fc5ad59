package report

import (
	"strings"

	"ftpdoctor/internal/finding"
)

// statusMark is the mark of a service's state.
func statusMark(s finding.Status) mark {
	switch s {
	case finding.OK:
		return markPassed
	case finding.Failed:
		return markFault
	case finding.Degraded:
		return markAdvice
	default:
		return markIncomplete
	}
}

// services lists what a host offers, the best first, and what is to be said of
// each in a line.
func (p *printer) services(v *view) {
	if len(v.Services) == 0 {
		return
	}
	p.heading("services")
	var urls, states int
	for _, s := range v.Services {
		urls = max(urls, width(oneLine(s.Target)))
		states = max(states, width(p.o.serviceState(s)))
	}
	urls = min(urls, p.o.Width/2)
	for _, s := range v.Services {
		m, software := markSkipped, s.Software
		if s.Report != nil {
			m, software = statusMark(s.Report.Status), s.Report.Facts.Software
		}
		head := p.paint(m.style, p.sign(m.sign)) + " " + pad(oneLine(s.Target), urls) + "  "
		if width(oneLine(s.Target)) > urls {
			p.line("  " + head)
			head = strings.Repeat(" ", urls+4)
		}
		used := 2 + 2 + urls + 2 + states + 2
		p.line("  " + head + p.paint(m.style, pad(p.o.serviceState(s), states)) + "  " + p.fit(software, used))
		for _, f := range notable(s) {
			p.item("      ", p.sign(severityMark(f.Severity).sign)+" ", f.Title+p.o.say("parenthesis", f.Code))
		}
	}
	if s := preferred(v); s != nil {
		p.gap()
		p.para("  ", p.o.say("preferred", oneLine(s.Target), p.o.word("because-of", schemeOf(s.Target))))
	}
}

func (o Options) serviceState(s finding.Service) string {
	if s.Report == nil {
		return o.say("no-webdav")
	}
	return o.word("status", string(s.Report.Status))
}

// notable are the causes and warnings of a service.
func notable(s finding.Service) []*finding.Finding {
	if s.Report == nil {
		return nil
	}
	var out []*finding.Finding
	for _, f := range s.Report.Findings {
		if f.BecauseOf == "" && f.Severity >= finding.Warning {
			out = append(out, f)
		}
	}
	return out
}

func preferred(v *view) *finding.Service {
	for i := range v.Services {
		if v.Services[i].Preferred {
			return &v.Services[i]
		}
	}
	return nil
}

func schemeOf(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	return scheme
}

// services is the same as a table.
func (m *ticket) services(v *view) {
	if len(v.Services) == 0 {
		return
	}
	o := m.o
	m.heading("services")
	m.line("| " + o.say("column:target") + " | " + o.say("column:status") + " | " + o.say("fact:software") + " | " + o.say("column:note") + " |")
	m.line("| --- | --- | --- | --- |")
	for _, s := range v.Services {
		software := s.Software
		var notes []string
		if s.Report != nil {
			software = s.Report.Facts.Software
		}
		for _, f := range notable(s) {
			notes = append(notes, prose(f.Title)+o.say("parenthesis", codeSpan(string(f.Code))))
		}
		m.line("| " + codeSpan(s.Target) + " | " + prose(o.serviceState(s)) + " | " + prose(software) + " | " + strings.Join(notes, "<br>") + " |")
	}
	if s := preferred(v); s != nil {
		m.line("\n" + prose(o.say("preferred", s.Target, o.word("because-of", schemeOf(s.Target)))))
	}
}
