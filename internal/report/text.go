package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// ANSI styles; words say the same.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// Bounds on what a brief report shows of one thing, in characters and pieces.
const (
	maxDetail   = 320
	maxEvidence = 8
	maxOther    = 3 // lines of evidence for what is not the root cause
	maxLines    = 12
)

// printer writes lines. All text that it is given is clean already.
type printer struct {
	w *bufio.Writer
	o Options
}

// Text writes the report for a person at a terminal.
func Text(w io.Writer, r *finding.Report, o Options) error {
	o = o.normal()
	v := newView(r, o)
	p := &printer{bufio.NewWriter(w), o}
	p.title(v)
	p.gap()
	p.path(v)
	p.services(v)
	p.verdict(v)
	p.evidence(v)
	p.candidates(v)
	p.consequences(v)
	p.ruledOut(v)
	p.fixes(v)
	p.others(v)
	p.facts(v)
	p.commandsRun(v)
	p.gap()
	if len(v.NotAvailable) > 0 {
		p.para("", o.say("not-available", strings.Join(v.NotAvailable, o.say("semicolon"))))
	}
	p.next(v)
	return p.w.Flush()
}

func (p *printer) line(s string) {
	s = strings.ReplaceAll(strings.TrimRight(s, " "), "\n", `\n`)
	p.w.WriteString(s)
	p.w.WriteByte('\n')
}

func (p *printer) gap() { p.line("") }

// paint adds a style; it is never part of a measured string.
func (p *printer) paint(style, s string) string {
	if !p.o.Color || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// sign is one of the marks of this package.
func (p *printer) sign(s string) string { return p.o.ascii(s) }

// fit shortens a line that begins at column at.
func (p *printer) fit(s string, at int) string { return cut(oneLine(s), p.o.Width-at, p.sign("…")) }

// para writes wrapped text with an indent.
func (p *printer) para(indent, s string) { p.item(indent, "", s) }

// item writes wrapped text behind a mark, the following lines below the text.
func (p *printer) item(indent, mark, s string) {
	prefix := indent + mark
	for i, l := range wrap(s, p.o.Width-width(prefix)) {
		if i > 0 {
			prefix = strings.Repeat(" ", width(prefix))
		}
		p.line(prefix + l)
	}
}

func (p *printer) heading(key string) {
	p.gap()
	p.line(p.paint(bold, p.o.say(key)))
}

// command writes a line to be copied: unbroken, whatever its length.
func (p *printer) command(s string) { p.line("        " + s) }

// oneLine keeps the words of a text that may have lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func statusStyle(s finding.Status) string {
	switch s {
	case finding.OK:
		return green
	case finding.Failed:
		return red
	default:
		return yellow
	}
}

// title says what was checked, from where, when, and how it ended.
func (p *printer) title(v *view) {
	word := p.o.word("status", string(v.Status))
	status := p.o.say("title", word, duration(v.DurationS))
	if v.Started.IsZero() { // judged from a text, not from a check of our own
		status = word
	}
	target := oneLine(v.Target)
	if room := p.o.Width - width(status) - 2; width(target) > room {
		p.para("", target)
		p.line(p.paint(statusStyle(v.Status), status))
	} else {
		p.line(p.paint(bold, pad(target, room)) + "  " + p.paint(statusStyle(v.Status), status))
	}
	p.para("", p.from(v))
}

func (p *printer) from(v *view) string {
	if v.Started.IsZero() {
		return p.o.say("from-text")
	}
	when := v.Started.Format("2006-01-02 15:04:05 -0700")
	if v.Vantage == "" {
		return p.o.say("from-here", when)
	}
	return p.o.say("from", v.Vantage, when)
}

// verdict is the root cause, or that there is none, in one sentence.
func (p *printer) verdict(v *view) {
	if rc := v.RootCause; rc != nil {
		p.gap()
		p.line(p.paint(bold, p.o.causeHeading(rc.Confidence)))
		p.para("  ", v.headline(p.o))
		p.gap()
		code := string(rc.Code)
		if v.root != nil {
			code = p.o.say("severity-code", code, p.o.word("severity", v.root.Severity.String()))
		}
		p.para("  ", code)
		p.para("  ", p.o.word("confidence-long", string(rc.Confidence)))
		if v.root != nil {
			p.para("  ", p.o.whoActs(v.root))
		}
		return
	}
	p.gap()
	switch v.Status {
	case finding.Unknown:
		p.para("", p.o.say("undetermined"))
		for _, c := range v.unfinished() {
			p.item("  ", p.sign(markIncomplete.sign)+" ", p.o.unfinishedLine(c))
		}
	case finding.Degraded:
		n := 0
		for _, f := range v.others {
			if f.Severity == finding.Warning {
				n++
			}
		}
		p.para("", p.o.say("advice", n))
	default:
		p.para("", p.o.say("no-fault"))
	}
}

// causeHeading promises no more than is known.
func (o Options) causeHeading(c finding.Confidence) string {
	switch c {
	case finding.Confirmed:
		return o.say("root-cause")
	case finding.Likely:
		return o.say("likely-cause")
	default:
		return o.say("possible-cause")
	}
}

func (o Options) unfinishedLine(c finding.Check) string {
	s := o.word("layer", c.Layer)
	if c.Because != "" {
		s += o.say("colon") + c.Because
	}
	return s
}

// whoActs says who must act on a finding, and who else can do something.
func (o Options) whoActs(f *finding.Finding) string {
	who := actors(f)
	if len(who) == 0 {
		return ""
	}
	for i := range who {
		who[i] = o.word("who", who[i])
	}
	if len(who) == 1 {
		return o.say("must-act", who[0])
	}
	return o.say("may-act", who[0], strings.Join(who[1:], o.say("and")))
}

// evidence shows what the root cause rests on.
func (p *printer) evidence(v *view) {
	if v.root == nil || len(v.root.Evidence) == 0 {
		return
	}
	p.heading("evidence")
	shown := v.root.Evidence
	if p.o.Verbose == 0 && len(shown) > maxEvidence {
		shown = shown[:maxEvidence]
	}
	for _, e := range shown {
		p.observation("  ", e)
	}
	if n := len(v.root.Evidence) - len(shown); n > 0 {
		p.para("  ", p.o.say("more-evidence", n))
	}
}

// detailLimit bounds a detail in characters.
func (o Options) detailLimit() int {
	if o.Verbose > 0 {
		return 16 * maxDetail
	}
	return maxDetail
}

// detail is what was seen, bounded, as lines.
func (o Options) detail(e finding.Evidence) []string {
	d := strings.TrimSpace(o.bounded(e.Detail, o.detailLimit()))
	if d == "" {
		return nil
	}
	lines := strings.Split(d, "\n")
	if o.Verbose == 0 && len(lines) > maxLines {
		lines = append(lines[:maxLines], strings.TrimSpace(o.say("shortened")))
	}
	return lines
}

// label is what was looked at, and where.
func (o Options) label(e finding.Evidence) string {
	where := e.Source
	if e.Side != "" {
		where = o.word("side", string(e.Side))
		if e.Source != "" {
			where += o.say("list-comma") + e.Source
		}
	}
	if where == "" {
		return e.What
	}
	return e.What + o.say("parenthesis", where)
}

// observation is one piece of evidence: on one line where it fits, else the
// detail below in lines of its own.
func (p *printer) observation(indent string, e finding.Evidence) {
	bullet := p.sign("•") + " "
	lines, label := p.o.detail(e), p.o.label(e)
	if len(lines) == 0 {
		p.item(indent, bullet, label)
		return
	}
	short := label + p.o.say("colon") + lines[0]
	if len(lines) == 1 && width(indent)+2+width(short) <= p.o.Width {
		p.item(indent, bullet, short)
		return
	}
	p.item(indent, bullet, label+strings.TrimRight(p.o.say("colon"), " "))
	for _, l := range lines {
		p.para(indent+"    ", l)
	}
}

// candidates lists what fits as well, and the experiment that would decide.
func (p *printer) candidates(v *view) {
	if v.RootCause == nil || len(v.RootCause.Candidates) == 0 && v.RootCause.Decide == "" {
		return
	}
	if len(v.RootCause.Candidates) > 0 {
		p.heading("candidates")
		for _, c := range v.RootCause.Candidates {
			p.item("  ", p.sign("•")+" ", p.o.candidate(c))
		}
	} else {
		p.gap()
	}
	if v.RootCause.Decide != "" {
		p.para("  ", p.o.say("decide", v.RootCause.Decide))
	}
}

// candidate is a cause, its code, and why it fits or not.
func (o Options) candidate(c finding.Candidate) string {
	s := string(c.Code)
	if c.Title != "" {
		s = c.Title + o.say("parenthesis", c.Code)
	}
	if c.Why != "" {
		s += o.say("colon") + c.Why
	}
	return s
}

// consequences are the findings that go away with the root cause, folded.
func (p *printer) consequences(v *view) {
	if len(v.consequences) == 0 {
		return
	}
	p.heading("consequences")
	for _, f := range v.consequences {
		p.item("  ", p.sign("•")+" ", f.Title+p.o.say("parenthesis", f.Code))
		if p.o.Verbose > 0 {
			for _, e := range f.Evidence {
				p.observation("    ", e)
			}
		}
	}
}

func (p *printer) ruledOut(v *view) {
	if len(v.RuledOut) == 0 {
		return
	}
	p.heading("ruled-out")
	for _, c := range v.RuledOut {
		p.item("  ", p.sign(markSkipped.sign)+" ", p.o.candidate(c))
	}
}

// fixes prints what to do about the root cause, by who must act.
func (p *printer) fixes(v *view) {
	if v.root == nil || len(v.root.Remedies) == 0 {
		return
	}
	p.heading("fix")
	p.remedies("  ", v, v.root)
}

// remedies prints the steps of each party; a verifying command that all have in
// common stands once, at the end.
func (p *printer) remedies(indent string, v *view, f *finding.Finding) {
	shown, elsewhere := v.remediesShown(f, p.o)
	for i, r := range shown {
		if i > 0 {
			p.gap()
		}
		p.line(indent + p.paint(bold, p.fit(p.o.where(r), len(indent))))
		p.para(indent+"  ", r.Text)
		for _, c := range r.Commands {
			p.command(c)
		}
		if r.Verify != "" && (i == len(shown)-1 || shown[i+1].Verify != r.Verify) {
			p.para(indent+"  ", p.o.say("verify"))
			p.command(r.Verify)
		}
	}
	if len(elsewhere) > 0 {
		p.gap()
		p.para(indent, p.o.say("for-systems", strings.Join(elsewhere, p.o.say("list-comma"))))
		p.command("ftpdoctor explain " + string(f.Code))
	}
}

// where is the heading of a remedy.
func (o Options) where(r finding.Remedy) string {
	s := o.word("where", r.Who)
	if r.System != "" {
		s += o.say("parenthesis", r.System)
	}
	return s
}

// others lists what was found beside the root cause: title and the first piece
// of evidence; what is mere information in full only on request.
func (p *printer) others(v *view) {
	list := v.others
	if p.o.Verbose > 0 {
		list = slices.Concat(v.others, v.folded)
	}
	if len(list) == 0 {
		return
	}
	shown := slices.DeleteFunc(slices.Clone(list), func(f *finding.Finding) bool {
		return f.Severity <= finding.Info && p.o.Verbose == 0
	})
	if len(shown) > 0 {
		p.heading("also-found")
	} else {
		p.gap()
	}
	for _, f := range shown {
		p.other(v, f)
	}
	if hidden := len(list) - len(shown); hidden > 0 {
		p.para("  ", p.o.say("more-findings", hidden))
	}
}

func (p *printer) other(v *view, f *finding.Finding) {
	m := severityMark(f.Severity)
	text := p.o.word("severity", f.Severity.String()) + p.o.say("colon") + f.Title
	if f.Subject != "" {
		text += p.sign(" – ") + f.Subject
	}
	text += p.o.say("parenthesis", f.Code)
	if f.BecauseOf != "" {
		text += p.o.say("list-comma") + p.o.say("folded", f.BecauseOf)
	}
	p.item("  ", p.sign(m.sign)+" ", text)
	if p.o.Verbose > 0 {
		p.para("    ", f.Sentence)
		for _, e := range f.Evidence {
			p.observation("    ", e)
		}
		p.remedies("    ", v, f)
		return
	}
	if f.Severity >= finding.Warning && len(f.Evidence) > 0 {
		lines := wrap(p.o.evidenceLine(f.Evidence[0]), p.o.Width-4)
		if len(lines) > maxOther {
			lines = lines[:maxOther]
			lines[maxOther-1] = p.fit(lines[maxOther-1]+" "+strings.TrimSpace(p.o.say("shortened")), 4)
		}
		for _, l := range lines {
			p.line("    " + l)
		}
	}
}

// evidenceLine is a piece of evidence on one line.
func (o Options) evidenceLine(e finding.Evidence) string {
	s := o.label(e)
	if d := o.detail(e); len(d) > 0 {
		s += o.say("colon") + strings.Join(d, " ")
	}
	return oneLine(s)
}

// facts shows what was learnt about a target that works; of one that does not,
// only on request.
func (p *printer) facts(v *view) {
	if v.RootCause != nil && p.o.Verbose == 0 {
		return
	}
	facts := p.o.factLines(v.Facts)
	if len(facts) == 0 || len(facts) == 1 && v.Facts.Software != "" {
		return // the software stands at the end of the path
	}
	labelW := 0
	for _, f := range facts {
		labelW = max(labelW, width(f.label))
	}
	p.heading("facts")
	for _, f := range facts {
		p.item("  ", pad(f.label, labelW)+"  ", f.text)
	}
}

// commandsRun lists, on request, what was run on the server's machine.
func (p *printer) commandsRun(v *view) {
	commands, _ := v.Host["commands"].([]any)
	if p.o.Verbose == 0 || len(commands) == 0 {
		return
	}
	p.heading("commands-run")
	for _, c := range commands {
		if one, ok := c.(map[string]any); ok {
			p.line("  " + oneLine(fmt.Sprint(one["command"])))
		}
	}
}

// next is the last word: what to do now.
func (p *printer) next(v *view) {
	key, command := v.nextStep(p.o)
	if command == "" {
		p.para("", p.o.say("next", p.o.say(key)))
		return
	}
	if line := p.o.say("next", p.o.say(key)+p.o.say("colon")+command); width(line) <= p.o.Width {
		p.line(line)
		return
	}
	p.para("", p.o.say("next", p.o.say(key)+strings.TrimRight(p.o.say("colon"), " ")))
	p.command(command)
}

// nextStep gives the wording of what to do next, and a command or none.
func (v *view) nextStep(o Options) (key, command string) {
	target := "TARGET" // of a text that names no server
	if v.Target != "" {
		target = shellWord(oneLine(v.Target))
	}
	check := "ftpdoctor " + o.Command + " " + target
	switch {
	case v.RootCause != nil && v.RootCause.Decide != "" && v.RootCause.Confidence != finding.Confirmed:
		return "next:decide", check
	case v.RootCause != nil:
		return "next:fixed", check
	case v.Status == finding.Unknown && v.Target == "":
		return "next:live", "ftpdoctor check TARGET"
	case v.Status == finding.Unknown:
		return "next:unknown", fmt.Sprintf("ftpdoctor %s --timeout %ds %s", o.Command, max(60, 2*int(min(v.DurationS, 1e6))), target)
	case len(v.others) > 0 && v.others[0].Severity >= finding.Warning:
		return "next:explain", "ftpdoctor explain " + shellWord(string(v.others[0].Code))
	default:
		return "next:nothing", ""
	}
}

// shellWord quotes what a POSIX shell would not take as one plain word.
func shellWord(s string) string {
	plain := s != ""
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)) {
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
