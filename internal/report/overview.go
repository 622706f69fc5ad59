package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// Section is a part of an overview beside its findings, in the reader's
// language already. Foreign text in it is cleaned here.
type Section struct {
	Title string
	Lines []string // paragraphs
	Table *Table
	Chart *Chart
	// Drawing is lines that are kept as they are; what they hold of foreign text
	// is cleaned all the same.
	Drawing []string
}

// Table has columns that are as wide as they need to be; columns of text are
// shortened where the line would be too long.
type Table struct {
	Head []string
	Rows [][]string
	Left int    // how many columns, from the first, are aligned to the left
	More string // what stands below
}

// Chart draws values as columns.
type Chart struct {
	Values []uint64
	Height int    // in lines
	Ticks  string // what stands below, as wide as there are values
}

// Overview writes the findings of something that is no single target (logs,
// configuration), and what was learnt beside them. The title, of one line or more, stands above.
func Overview(w io.Writer, title string, r *finding.Report, sections []Section, o Options) error {
	o = o.normal()
	v := newView(r, o)
	safe := o.forDisplay()
	p := &printer{bufio.NewWriter(w), o}
	for line := range strings.SplitSeq(title, "\n") {
		p.para("", safe(line))
	}
	if len(v.Findings) == 0 {
		p.gap()
		p.para("", o.say("nothing-found"))
	} else {
		p.heading("findings")
	}
	for i, f := range v.Findings {
		if i > 0 && (f.Severity >= finding.Warning || v.Findings[i-1].Severity >= finding.Warning) {
			p.gap()
		}
		p.found(v, f)
	}
	for _, s := range sections {
		p.section(s, safe)
	}
	if i := slices.IndexFunc(v.Findings, func(f *finding.Finding) bool { return f.Severity >= finding.Warning }); i >= 0 {
		p.gap()
		p.para("", o.say("next", o.say("next:explain")+o.say("colon")+"ftpdoctor explain "+shellWord(string(v.Findings[i].Code))))
	}
	return p.w.Flush()
}

// Sections writes parts that stand behind a report of a target.
func Sections(w io.Writer, sections []Section, o Options) error {
	o = o.normal()
	safe := o.forDisplay()
	p := &printer{bufio.NewWriter(w), o}
	for _, s := range sections {
		p.section(s, safe)
	}
	return p.w.Flush()
}

// found prints one finding: in full from warnings on, the others on one line.
func (p *printer) found(v *view, f *finding.Finding) {
	m := severityMark(f.Severity)
	text := p.o.word("severity", f.Severity.String()) + p.o.say("colon") + f.Title
	if f.Subject != "" {
		text += p.sign(" – ") + f.Subject
	}
	p.item("  ", p.paint(severityStyle(f.Severity), p.sign(m.sign))+" ", text+p.o.say("parenthesis", f.Code))
	if f.Severity < finding.Warning && p.o.Verbose == 0 {
		return
	}
	p.para("    ", f.Sentence)
	for _, e := range f.Evidence {
		p.observation("    ", e)
	}
	if p.o.Verbose > 0 {
		p.remedies("    ", v, f)
	}
}

func severityStyle(s finding.Severity) string {
	switch {
	case s >= finding.Error:
		return red
	case s == finding.Warning:
		return yellow
	default:
		return dim
	}
}

func (p *printer) section(s Section, safe func(string) string) {
	p.gap()
	p.line(p.paint(bold, p.fit(safe(s.Title), 0)))
	for _, l := range s.Lines {
		p.para("  ", safe(l))
	}
	for _, l := range s.Drawing {
		p.line(safe(l))
	}
	if s.Table != nil {
		p.table(s.Table, safe)
	}
	if s.Chart != nil {
		p.chart(s.Chart)
	}
}

// narrow is how far a column of text is shortened, in columns.
const narrow = 8

func (p *printer) table(t *Table, safe func(string) string) {
	rows := make([][]string, 0, len(t.Rows)+1)
	for _, row := range slices.Concat([][]string{t.Head}, t.Rows) {
		cells := make([]string, len(t.Head))
		for i := range cells {
			if i < len(row) {
				cells[i] = oneLine(safe(row[i]))
			}
		}
		rows = append(rows, cells)
	}
	widths := make([]int, len(t.Head))
	total := 2
	for i := range t.Head {
		for _, row := range rows {
			widths[i] = max(widths[i], width(row[i]))
		}
		total += widths[i] + 2
	}
	for total-2 > p.o.Width { // at the expense of the widest text
		widest := 0
		for i := range min(t.Left, len(widths)) {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrow {
			break
		}
		widths[widest]--
		total--
	}
	for n, row := range rows {
		var b strings.Builder
		b.WriteString("  ")
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			if cell = cut(cell, widths[i], p.sign("…")); i < t.Left {
				cell = pad(cell, widths[i])
			} else {
				cell = padLeft(cell, widths[i])
			}
			b.WriteString(cell)
		}
		line := cut(b.String(), p.o.Width, p.sign("…"))
		if n == 0 {
			line = p.paint(dim, line)
		}
		p.line(line)
	}
	if t.More != "" {
		p.para("  ", safe(t.More))
	}
}

// levels are the heights of a column within one line.
var levels = []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

func (p *printer) chart(c *Chart) {
	values := c.Values[:min(len(c.Values), p.o.Width-2)]
	peak := uint64(0)
	for _, v := range values {
		peak = max(peak, v)
	}
	steps := len(levels) - 1
	for line := c.Height - 1; line >= 0; line-- {
		var b strings.Builder
		for _, v := range values {
			h := 0
			if peak > 0 && v > 0 {
				h = max(1, int(float64(v)/float64(peak)*float64(c.Height*steps)+0.5))
			}
			h = min(max(h-line*steps, 0), steps)
			switch {
			case !p.o.ASCII:
				b.WriteString(levels[h])
			case h >= steps/2:
				b.WriteByte('#')
			case h > 0:
				b.WriteByte('.')
			default:
				b.WriteByte(' ')
			}
		}
		p.line("  " + b.String())
	}
	if c.Ticks != "" {
		p.line("  " + cut(c.Ticks, p.o.Width-2, ""))
	}
}

// JSONWith writes a report as [JSON] does, with one more member behind the
// others: what a command has to say beside its findings.
func JSONWith(w io.Writer, r *finding.Report, key string, own any, _ Options) error {
	head, err := marshal(complete(clean(r, valid)))
	if err != nil {
		return fmt.Errorf("write report as JSON: %w", err)
	}
	tail, err := marshal(map[string]any{key: own})
	if err != nil {
		return fmt.Errorf("write report as JSON: %w", err)
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, append(append(head[:len(head)-1], ','), tail[1:]...), "", "  "); err != nil {
		return fmt.Errorf("write report as JSON: %w", err)
	}
	buf.WriteByte('\n')
	_, err = w.Write(escapeInvisible(buf.Bytes()))
	return err
}

// marshal is json.Marshal without the escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
