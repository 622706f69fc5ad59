// Package report turns a finding.Report into bytes for a reader: text for a
// person at a terminal, JSON for programs, one plugin line for monitoring,
// Markdown for a ticket.
//
// It hides layout, marks, colours, the words around a finding in English and
// Chinese, and the cleaning of foreign text. It promises that nothing a server
// said reaches the output as a control character, an escape sequence, a
// direction override or invalid UTF-8; that text stays within the width asked
// for, except for commands, which are never broken; and that it changes no
// report given to it.
//
// Reports are given localized (see [finding.Report.Localize]) to the language
// in [Options]:
//
//	r.Localize(finding.English)
//	err := report.Text(os.Stdout, r, report.Options{Lang: finding.English, Width: 80})
package report

import (
	"cmp"
	"slices"

	"ftpdoctor/internal/finding"
)

// Options are the reader's wishes. The zero value is English, without colours,
// 80 columns wide.
type Options struct {
	Lang finding.Lang
	// Color marks outcomes with ANSI colours, beside the words that say the same.
	Color bool
	// ASCII is for terminals that are not UTF-8: marks and punctuation become
	// ASCII, and in English every other character is written as \uXXXX.
	ASCII bool
	// Width in columns; 0 means 80, and less than 40 is taken as 40.
	Width int
	// Verbose 1 shows every finding, piece of evidence and remedy in full.
	Verbose int
	// Command is the subcommand that made the report; empty: check.
	Command string
}

const (
	defaultWidth = 80
	minWidth     = 40
)

func (o Options) normal() Options {
	if o.Lang == "" {
		o.Lang = finding.English
	}
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	if o.Command == "" {
		o.Command = "check"
	}
	return o
}

// Formats lists the names of the formats, the default first.
func Formats() []string { return []string{"text", "json", "nagios", "markdown"} }

// view is a cleaned report, sorted into what the formats show.
type view struct {
	*finding.Report
	root         *finding.Finding   // nil: no root cause
	consequences []*finding.Finding // folded under the root cause
	others       []*finding.Finding // neither root nor folded
	folded       []*finding.Finding // folded under another finding than the root
}

// newView cleans and sorts. A symptom folded under a symptom of the root
// belongs to the root.
func newView(r *finding.Report, o Options) *view {
	v := &view{Report: clean(r, o.forDisplay())}
	if v.RootCause != nil {
		for _, f := range v.Findings {
			if f.Code == v.RootCause.Code && f.BecauseOf == "" {
				v.root = f
				break
			}
		}
	}
	for _, f := range v.Findings {
		switch {
		case f == v.root:
		case f.BecauseOf == "":
			v.others = append(v.others, f)
		case v.root != nil && v.originOf(f) == v.root.Code:
			v.consequences = append(v.consequences, f)
		default:
			v.folded = append(v.folded, f)
		}
	}
	slices.SortStableFunc(v.others, func(a, b *finding.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return v
}

// originOf follows BecauseOf to its end, in as many steps as there are findings.
func (v *view) originOf(f *finding.Finding) finding.Code {
	code := f.BecauseOf
	for range v.Findings {
		i := slices.IndexFunc(v.Findings, func(g *finding.Finding) bool { return g.Code == code })
		if i < 0 || v.Findings[i].BecauseOf == "" {
			break
		}
		code = v.Findings[i].BecauseOf
	}
	return code
}

// actors lists who can do something about a finding: first who must, as the
// page of a code names that party first.
func actors(f *finding.Finding) []string {
	var who []string
	for _, r := range f.Remedies {
		if !slices.Contains(who, r.Who) {
			who = append(who, r.Who)
		}
	}
	return who
}

// remediesShown splits the remedies into those to print and the systems of the
// others: in brief, what is general and what is for the software found.
func (v *view) remediesShown(f *finding.Finding, o Options) (shown []finding.Remedy, elsewhere []string) {
	here := finding.SystemOf(v.Facts.Software)
	for _, r := range f.Remedies {
		if o.Verbose > 0 || r.System == "" || r.System == here {
			shown = append(shown, r)
		} else if !slices.Contains(elsewhere, r.System) {
			elsewhere = append(elsewhere, r.System)
		}
	}
	if len(shown) == 0 {
		return f.Remedies, nil
	}
	return shown, elsewhere
}

// unfinished lists the checks that could not finish looking.
func (v *view) unfinished() []finding.Check {
	var out []finding.Check
	for _, c := range v.Checks {
		if c.Outcome == finding.Incomplete {
			out = append(out, c)
		}
	}
	return out
}

// headline is the report in one sentence.
func (v *view) headline(o Options) string {
	switch {
	case v.RootCause != nil:
		return firstOf(v.RootCause.Sentence, v.RootCause.Title, string(v.RootCause.Code))
	case v.Status == finding.OK:
		return o.say("no-fault")
	case v.Status == finding.Unknown:
		return o.say("undetermined")
	case len(v.others) > 0:
		return firstOf(v.others[0].Sentence, v.others[0].Title, string(v.others[0].Code))
	default:
		return o.say("no-fault")
	}
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
