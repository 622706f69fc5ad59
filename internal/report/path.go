package report

import (
	"net/url"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// station is one row of the picture of the path: a check, its mark, and what it
// found.
type station struct {
	check finding.Check
	mark  mark
	label string
	notes []string
	// breaks is set where the way does not go on in good order.
	breaks bool
}

// mark is a sign beside the word that says the same.
type mark struct{ sign, style string }

var (
	markPassed     = mark{"✓", green}
	markFault      = mark{"✗", red}
	markAdvice     = mark{"!", yellow}
	markSkipped    = mark{"–", dim}
	markIncomplete = mark{"?", yellow}
)

// maxLabel bounds the first column of the picture, in columns.
const maxLabel = 16

// severityMark is the mark of a finding.
func severityMark(s finding.Severity) mark {
	switch {
	case s >= finding.Error:
		return markFault
	case s == finding.Warning:
		return markAdvice
	default:
		return markSkipped
	}
}

// stations lists the checks by layer, in the order of the way.
func (v *view) stations(o Options) []station {
	checks := slices.Clone(v.Checks)
	slices.SortStableFunc(checks, func(a, b finding.Check) int {
		return finding.LayerRank(a.Layer) - finding.LayerRank(b.Layer)
	})
	labels := map[string]string{}
	for i, c := range checks {
		label := o.word("check", c.Name)
		if i == 0 || checks[i-1].Layer != c.Layer {
			label = o.word("layer", c.Layer)
		}
		labels[c.Name] = cut(oneLine(label), maxLabel, "")
	}
	found := v.findingsOf(checks)
	out := make([]station, len(checks))
	for i, c := range checks {
		s := station{check: c, label: labels[c.Name]}
		switch c.Outcome {
		case finding.Passed:
			s.mark = markPassed
		case finding.Skipped:
			s.mark = markSkipped
		case finding.Found:
			s.mark, s.notes = v.foundNotes(found[c.Name], o)
			s.breaks = s.mark == markFault
		default:
			s.mark, s.breaks = markIncomplete, true
		}
		if c.Because != "" {
			because, isCheck := labels[c.Because]
			if isCheck {
				s.notes = append(s.notes, o.say("because", because))
			} else {
				s.notes = append(s.notes, c.Because)
			}
		}
		out[i] = s
	}
	return out
}

// findingsOf assigns each finding to the check that stated it. What was stated
// when the way was over stands beside the checks of its layer, or nowhere. A
// report that does not tell who stated what is read by layers: the first check
// of the finding's layer that found something; else, as a check may name a cause
// of another layer, the last one before it on the way that found something; else
// the first after.
func (v *view) findingsOf(checks []finding.Check) map[string][]*finding.Finding {
	out := map[string][]*finding.Finding{}
	told := slices.ContainsFunc(v.Findings, func(f *finding.Finding) bool { return f.Check != "" })
	for _, f := range v.Findings {
		if f.Severity < finding.Warning {
			continue
		}
		if f.Check != "" {
			out[f.Check] = append(out[f.Check], f)
			continue
		}
		best := -1
		for i, c := range checks {
			if c.Outcome != finding.Found || told && c.Layer != f.Code.Layer() {
				continue
			}
			if c.Layer == f.Code.Layer() {
				best = i
				break
			}
			if best < 0 || finding.LayerRank(c.Layer) < finding.LayerRank(f.Code.Layer()) {
				best = i
			}
		}
		if best >= 0 {
			out[checks[best].Name] = append(out[checks[best].Name], f)
		}
	}
	return out
}

// foundNotes gives the mark and the words of a check that found fs: causes
// before consequences.
func (v *view) foundNotes(fs []*finding.Finding, o Options) (mark, []string) {
	if len(fs) == 0 {
		return markFault, nil
	}
	worst := finding.Info
	var notes []string
	for _, f := range fs {
		worst = max(worst, f.Severity)
		if f.BecauseOf == "" {
			notes = append(notes, f.Title)
		}
	}
	if len(notes) == 0 {
		for _, f := range fs {
			notes = append(notes, o.say("consequence", f.Title))
		}
	}
	return severityMark(worst), notes
}

// path draws the picture: from the client down to the server, one row a check,
// so that the eye sees where it stops.
func (p *printer) path(v *view) {
	stations := v.stations(p.o)
	if len(stations) == 0 {
		return
	}
	labelW, outcomeW := 0, 0
	for _, s := range stations {
		labelW = max(labelW, width(s.label))
		outcomeW = max(outcomeW, width(p.o.word("outcome", string(s.check.Outcome))))
	}
	const timeW, indent = 9, "  "
	noteAt := len(indent) + 2 + labelW + 2 + outcomeW + timeW + 2
	rail := "│"
	p.line(indent + p.paint(bold, p.fit(firstOf(v.Vantage, p.o.say("vantage")), len(indent))))
	p.line(indent + p.sign(rail))
	for i, s := range stations {
		took := ""
		if s.check.Outcome != finding.Skipped && !v.Started.IsZero() {
			took = duration(s.check.DurationS)
		}
		head := indent + p.paint(s.mark.style, p.sign(s.mark.sign)) + " " + pad(s.label, labelW) + "  " +
			p.paint(s.mark.style, pad(p.o.word("outcome", string(s.check.Outcome)), outcomeW)) + padLeft(took, timeW)
		if s.breaks {
			rail = "┆"
		}
		next := p.sign(rail)
		if i == len(stations)-1 {
			next = " "
		}
		p.note(head, indent+next, noteAt, strings.Join(s.notes, p.o.say("semicolon")))
	}
	p.line(indent + p.sign(rail))
	p.line(indent + p.paint(bold, p.fit(p.serverEnd(v), len(indent))))
}

// note puts a text beside a row, or below it where the terminal is too narrow.
func (p *printer) note(head, rail string, at int, text string) {
	if text == "" {
		p.line(head)
		return
	}
	room := p.o.Width - at
	if room < 24 {
		p.line(head)
		head, at = pad(rail, 6), 6
		room = p.o.Width - at
	} else {
		head += "  "
	}
	for i, l := range wrap(text, room) {
		if i > 0 {
			head = pad(rail, at)
		}
		p.line(head + l)
	}
}

// serverEnd is the other end of the path: who is there.
func (p *printer) serverEnd(v *view) string {
	end := p.o.say("server")
	if u, err := url.Parse(v.Target); err == nil && u.Hostname() != "" {
		end = p.o.forDisplay()(u.Hostname()) // decoding may bring controls back
	}
	if len(v.Facts.Addresses) > 0 {
		end = strings.Join(v.Facts.Addresses[:min(3, len(v.Facts.Addresses))], p.o.say("list-comma"))
	}
	if v.Facts.Software != "" {
		end += " " + p.sign("·") + " " + oneLine(v.Facts.Software)
	}
	return end
}
