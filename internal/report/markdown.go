package report

import (
	"bufio"
	"io"
	"strings"

	"ftpdoctor/internal/finding"
)

// Markdown writes the report for a ticket (CommonMark with the tables of GitHub
// and GitLab). What a server said stands in code spans and fences that it cannot
// close; elsewhere every character with a meaning is escaped.
func Markdown(w io.Writer, r *finding.Report, o Options) error {
	o = o.normal()
	v := newView(r, o)
	m := &ticket{bufio.NewWriter(w), o}
	m.head(v)
	m.path(v)
	m.services(v)
	m.cause(v)
	m.found(v)
	m.fix(v)
	m.rest(v)
	return m.w.Flush()
}

// ticket writes Markdown. Its text is clean of controls, not yet of Markdown.
type ticket struct {
	w *bufio.Writer
	o Options
}

func (m *ticket) line(s string) {
	m.w.WriteString(s)
	m.w.WriteByte('\n')
}

func (m *ticket) heading(key string) { m.line("\n## " + m.o.say(key) + "\n") }

func (m *ticket) head(v *view) {
	o := m.o
	m.line("# " + prose(o.word("status", string(v.Status))) + o.say("colon") + codeSpan(v.Target))
	m.line("\n" + prose(v.headline(o)) + "\n")
	m.pair("md:status", prose(o.word("status", string(v.Status))))
	if rc := v.RootCause; rc != nil {
		m.pair("md:code", codeSpan(string(rc.Code)))
		m.pair("md:confidence", prose(o.word("confidence-long", string(rc.Confidence))))
	}
	if v.root != nil {
		m.pair("md:severity", prose(o.word("severity", v.root.Severity.String())))
		for i, who := range actors(v.root) {
			key := "md:may"
			if i == 0 {
				key = "md:act"
			}
			m.pair(key, prose(o.word("who", who)))
		}
	}
	if v.Vantage != "" {
		m.pair("md:vantage", codeSpan(v.Vantage))
	}
	if v.Started.IsZero() {
		m.line("- " + o.say("from-text"))
	} else {
		m.pair("md:checked", o.say("md:took", v.Started.Format("2006-01-02 15:04:05 -0700"), duration(v.DurationS)))
	}
	for _, c := range v.unfinished() {
		m.pair("unfinished", prose(o.unfinishedLine(c)))
	}
	for _, f := range o.factLines(v.Facts) {
		m.line("- " + f.label + o.say("colon") + codeSpan(f.text))
	}
}

// pair is a line "- key: text"; the text is Markdown already.
func (m *ticket) pair(key, text string) { m.line("- " + m.o.say(key) + m.o.say("colon") + text) }

// path is the picture as a table.
func (m *ticket) path(v *view) {
	if len(v.Checks) == 0 {
		return
	}
	o := m.o
	m.heading("path")
	m.line("| | " + o.say("column:check") + " | " + o.say("column:outcome") + " | " + o.say("column:time") + " | " + o.say("column:note") + " |")
	m.line("| --- | --- | --- | ---: | --- |")
	for _, s := range v.stations(o) {
		took := ""
		if s.check.Outcome != finding.Skipped {
			took = duration(s.check.DurationS)
		}
		cells := []string{o.ascii(s.mark.sign), s.label, o.word("outcome", string(s.check.Outcome)), took, strings.Join(s.notes, o.say("semicolon"))}
		for i := range cells {
			cells[i] = literal(cells[i])
		}
		m.line("| " + strings.Join(cells, " | ") + " |")
	}
}

func (m *ticket) cause(v *view) {
	o := m.o
	if v.root != nil && len(v.root.Evidence) > 0 {
		m.heading("evidence")
		for _, e := range v.root.Evidence {
			m.observation("", e)
		}
	}
	if rc := v.RootCause; rc != nil && (len(rc.Candidates) > 0 || rc.Decide != "") {
		m.heading("candidates")
		for _, c := range rc.Candidates {
			m.line("- " + m.candidate(c))
		}
		if rc.Decide != "" {
			m.line("\n" + prose(o.say("decide", rc.Decide)))
		}
	}
	if len(v.RuledOut) > 0 {
		m.heading("ruled-out")
		for _, c := range v.RuledOut {
			m.line("- " + m.candidate(c))
		}
	}
}

// observation is one piece of evidence; several lines stand in a fence.
func (m *ticket) observation(indent string, e finding.Evidence) {
	head := indent + "- " + prose(m.o.label(e))
	lines := m.o.detail(e)
	switch len(lines) {
	case 0:
		m.line(head)
	case 1:
		m.line(head + m.o.say("colon") + codeSpan(lines[0]))
	default:
		m.line(head + "\n")
		m.fence(indent+"  ", lines)
	}
}

func (m *ticket) candidate(c finding.Candidate) string {
	s := codeSpan(string(c.Code))
	if c.Title != "" {
		s = prose(c.Title) + m.o.say("parenthesis", s)
	}
	if c.Why != "" {
		s += m.o.say("colon") + prose(c.Why)
	}
	return s
}

func (m *ticket) found(v *view) {
	if len(v.consequences) > 0 {
		m.heading("consequences")
		for _, f := range v.consequences {
			m.line("- " + prose(f.Title) + m.o.say("parenthesis", codeSpan(string(f.Code))))
		}
	}
	if len(v.others) > 0 {
		m.heading("also-found")
		for _, f := range v.others {
			text := prose(m.o.word("severity", f.Severity.String())) + m.o.say("colon") + prose(f.Title)
			if f.Subject != "" {
				text += m.o.say("parenthesis", codeSpan(f.Subject))
			}
			m.line("- " + text + m.o.say("parenthesis", codeSpan(string(f.Code))))
			if f.Severity >= finding.Warning || m.o.Verbose > 0 {
				for _, e := range f.Evidence {
					m.observation("  ", e)
				}
			}
		}
	}
}

func (m *ticket) fix(v *view) {
	if v.root == nil || len(v.root.Remedies) == 0 {
		return
	}
	m.heading("fix")
	shown, elsewhere := v.remediesShown(v.root, m.o)
	for i, r := range shown {
		m.line("### " + prose(m.o.where(r)) + "\n\n" + prose(r.Text) + "\n")
		if len(r.Commands) > 0 {
			m.fence("", r.Commands)
			m.line("")
		}
		if r.Verify != "" && (i == len(shown)-1 || shown[i+1].Verify != r.Verify) {
			m.line(m.o.say("verify") + "\n")
			m.fence("", []string{r.Verify})
			m.line("")
		}
	}
	if len(elsewhere) > 0 {
		m.line(m.o.say("for-systems", strings.Join(elsewhere, m.o.say("list-comma"))) + " " + codeSpan("ftpdoctor explain "+string(v.root.Code)))
	}
}

func (m *ticket) rest(v *view) {
	if len(v.NotAvailable) > 0 {
		m.line("\n" + prose(m.o.say("not-available", strings.Join(v.NotAvailable, m.o.say("semicolon")))))
	}
}

// fence writes a code block that its content cannot close.
func (m *ticket) fence(indent string, lines []string) {
	ticks := strings.Repeat("`", max(3, longestTicks(strings.Join(lines, "\n"))+1))
	m.line(indent + ticks)
	for _, l := range lines {
		m.line(indent + strings.ReplaceAll(l, "\n", `\n`))
	}
	m.line(indent + ticks)
}

// longestTicks is the length of the longest run of backticks.
func longestTicks(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// codeSpan makes inline code of anything (CommonMark 0.31 §6.1).
func codeSpan(s string) string {
	s = oneLine(s)
	if s == "" {
		return ""
	}
	ticks := strings.Repeat("`", longestTicks(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	"|", `\|`, "#", `\#`, "~", `\~`, "!", `\!`, "@", "&#64;", "$", `\$`,
)

// literal escapes a text on one line, backticks too, so that it also fits in a
// cell of a table.
func literal(s string) string {
	return strings.ReplaceAll(markdownEscapes.Replace(oneLine(s)), "`", "\\`")
}

// prose escapes a text on one line. Single backticks in pairs, as pages use
// them, stay code.
func prose(s string) string {
	s = oneLine(s)
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 || strings.Contains(s, "``") {
		return literal(s)
	}
	for i := range parts {
		if i%2 == 1 {
			parts[i] = codeSpan(parts[i])
		} else {
			parts[i] = markdownEscapes.Replace(parts[i])
		}
	}
	return strings.Join(parts, "")
}
