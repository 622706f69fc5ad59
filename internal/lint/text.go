package lint

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"ftpdoctor/internal/finding"
)

// Style is how text is to look.
type Style struct {
	Lang    finding.Lang
	Width   int // columns; 0 means 80
	Color   bool
	Verbose bool // show the edits that mend
}

const (
	defaultWidth = 80
	minWidth     = 40
	tabWidth     = 4
)

// columns is the measure of width, the same in every environment.
var columns = &runewidth.Condition{StrictEmojiNeutral: true}

// words are this package's own, in both languages with the same verbs.
var words = map[string]text{
	"info":     {"info", "信息"},
	"notice":   {"notice", "注意"},
	"warning":  {"warning", "警告"},
	"error":    {"error", "错误"},
	"critical": {"critical", "严重"},
	"clean":    {"%s: nothing to complain about (%s, %s)", "%s：没有问题（%s，%s）"},
	"total":    {"%s: %s (%s, %s)", "%s：%s（%s，%s）"},
	"file":     {"%d file", "%d 个文件"},
	"files":    {"%d files", "%d 个文件"},
	"unread":   {"not read, and so not judged: %s", "未能读取，因此未作判断：%s"},
	"absent":   {"nothing of this name is there", "没有找到这个文件"},
	"mend":     {"mends it:", "修改："},
	"explain":  {"More on each: ftpdoctor explain CODE", "逐项说明：ftpdoctor explain CODE"},
	"omitted":  {"%d more of the same are not shown", "另有 %d 项同类问题没有列出"},
	"edits":    {"Edits that mend %d of them: -v shows them", "其中 %d 项可以直接修改，-v 显示修改内容"},
	"comma":    {", ", "，"},
}

func say(l finding.Lang, key string, args ...any) string {
	return fmt.Sprintf(words[key].in(l), args...)
}

// visible makes foreign text harmless for a terminal: what is not printable is
// written as an escape.
func visible(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString(strings.Repeat(" ", tabWidth))
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Text writes the result for a person.
func Text(w io.Writer, r *Result, o Style) error {
	if o.Lang == "" {
		o.Lang = finding.English
	}
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	p := &printer{Style: o}
	p.Width = max(p.Width, minWidth)
	for _, x := range r.Problems {
		p.problem(x)
	}
	p.summary(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}

type printer struct {
	Style
	b strings.Builder
}

func (p *printer) line(s string) { p.b.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *printer) paint(sgr, s string) string {
	if !p.Color {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// sgr are the colours of the severities.
var sgr = map[finding.Severity]string{finding.Info: "2", finding.Notice: "36", finding.Warning: "33", finding.Error: "31", finding.Critical: "1;31"}

func (p *printer) problem(x Problem) {
	place := visible(x.Pos.File)
	if x.Pos.Line > 0 {
		place += fmt.Sprintf(":%d:%d", x.Pos.Line, x.Pos.Col)
	}
	severity := p.paint(sgr[x.Severity], words[x.Severity.String()].in(p.Lang))
	p.para("", place+": "+severity+": "+visible(x.Message(p.Lang)))
	if x.Pos.Line > 0 {
		p.excerpt(x)
	}
	p.line("    " + string(x.Code))
	if p.Verbose && len(x.Edits) > 0 && !x.secret {
		p.line("    " + words["mend"].in(p.Lang))
		for _, e := range x.Edits {
			for _, l := range split(e.Old) {
				p.line("    " + p.paint("31", "- "+trailing(visible(l), true)))
			}
			for _, l := range split(e.New) {
				p.line("    " + p.paint("32", "+ "+visible(l)))
			}
		}
	}
	p.line("")
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimRight(s, "\r\n"), "\n")
}

// trailing makes the blanks at the end of a line visible.
func trailing(s string, last bool) string {
	if t := strings.TrimRight(s, " "); last && t != s {
		return t + strings.Repeat("·", len(s)-len(t))
	}
	return s
}

// excerpt shows the line and a caret under the place. Of a long line it shows
// the part around the place.
func (p *printer) excerpt(x Problem) {
	from := x.from
	to := min(from+max(x.meant, 1), len(x.Line))
	before, meant, after := visible(x.Line[:from]), trailing(visible(x.Line[from:to]), x.Line[to:] == ""), visible(x.Line[to:])
	number := fmt.Sprintf("%5d | ", x.Pos.Line)
	room := p.Width - len(number)
	if columns.StringWidth(before)+columns.StringWidth(meant)+columns.StringWidth(after) > room {
		meant = columns.Truncate(meant, room/2, "…")
		if keep := room - columns.StringWidth(meant) - min(columns.StringWidth(after), room/4); columns.StringWidth(before) > keep {
			before = "…" + columns.TruncateLeft(before, columns.StringWidth(before)-keep+1, "")
		}
		after = columns.Truncate(after, room-columns.StringWidth(before)-columns.StringWidth(meant), "…")
	}
	p.line(number + before + meant + after)
	p.line(strings.Repeat(" ", len(number)-2) + "| " + strings.Repeat(" ", columns.StringWidth(before)) + p.paint("1", strings.Repeat("^", max(1, columns.StringWidth(meant)))))
}

// plural is a severity counted: 2 errors, 2 critical.
func plural(word string, n int, l finding.Lang) string {
	if l == finding.English && n != 1 && word != "critical" && word != "info" {
		return word + "s"
	}
	return word
}

func (p *printer) summary(r *Result) {
	count, edits := map[finding.Severity]int{}, 0
	for _, x := range r.Problems {
		count[x.Severity]++
		if len(x.Edits) > 0 && !x.secret {
			edits++
		}
	}
	var parts []string
	for s := finding.Critical; s >= finding.Info; s-- {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], plural(words[s.String()].in(p.Lang), count[s], p.Lang)))
		}
	}
	for _, u := range r.Unread {
		name := u.File
		if name == "" {
			name = u.Include.Pattern
		}
		p.para("", say(p.Lang, "unread", visible(name)))
	}
	size := say(p.Lang, "files", len(r.Files))
	if len(r.Files) == 1 {
		size = say(p.Lang, "file", 1)
	}
	if len(parts) == 0 {
		p.para("", say(p.Lang, "clean", visible(r.Main), System(r.Kind), size))
		return
	}
	p.para("", say(p.Lang, "total", visible(r.Main), strings.Join(parts, words["comma"].in(p.Lang)), System(r.Kind), size))
	if r.Omitted > 0 {
		p.para("", say(p.Lang, "omitted", r.Omitted))
	}
	if edits > 0 && !p.Verbose {
		p.para("", say(p.Lang, "edits", edits))
	}
	p.line(words["explain"].in(p.Lang))
}

// para writes a paragraph within the width. Words are kept whole where they fit
// into a line; Chinese breaks anywhere but before a punctuation mark.
func (p *printer) para(in, s string) {
	line, used := in, columns.StringWidth(in)
	for _, w := range pieces(s) {
		n := columns.StringWidth(stripped(w))
		if used+n > p.Width && used > len(in)+4 {
			p.line(line)
			line, used = in+"    ", len(in)+4
			w = strings.TrimLeft(w, " ")
			n = columns.StringWidth(stripped(w))
		}
		line, used = line+w, used+n
	}
	p.line(line)
}

// stripped is a text without its colours.
func stripped(s string) string {
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			return s
		}
		j := strings.IndexByte(s[i:], 'm')
		s = s[:i] + s[i+j+1:]
	}
}

// pieces divides a text where a line may break: before a blank, and around
// characters of double width.
func pieces(s string) []string {
	var out []string
	var b strings.Builder
	wideBefore := false
	for _, r := range s {
		wide := columns.RuneWidth(r) == 2
		if b.Len() > 0 && (r == ' ' || (wide || wideBefore) && !strings.ContainsRune("，。；：！？、）”’》", r) && !strings.HasSuffix(b.String(), "（") && !strings.HasSuffix(b.String(), "“")) {
			out = append(out, b.String())
			b.Reset()
		}
		b.WriteRune(r)
		wideBefore = wide
	}
	return append(out, b.String())
}
