package conf

import (
	"path"
	"strings"
)

// pureftpd reads pure-ftpd.conf as the program's own reader does
// (simpleconf.c of 1.0.50): blanks around a line do not count, a comment is a
// line that begins with #, a name ends at a blank, a colon or an equals sign.
// There are no quotes and no comments behind a value.
func (r *reader) pureftpd() {
	for i, whole := range r.doc.lines {
		text := chomp(whole)
		start := indent(text)
		if start == len(text) || text[start] == '#' {
			continue
		}
		end := start
		for end < len(text) && !isSpace(text[end]) && text[end] != '=' && text[end] != ':' {
			end++
		}
		d := &Directive{Name: text[start:end], Pos: r.at(i+1, start+1), Raw: text}
		if d.Name == "" {
			r.problem(NoName, d.Pos, "")
			continue
		}
		rest := end
		rest += indent(text[rest:])
		if rest < len(text) && (text[rest] == '=' || text[rest] == ':') {
			rest++
		}
		r.words(d, text, rest)
		if len(d.Args) == 0 {
			r.problem(NoValue, d.Pos, d.Name)
		}
		r.add(d)
	}
}

// words adds what stands between blanks from a column on.
func (r *reader) words(d *Directive, text string, from int) {
	for from < len(text) {
		from += indent(text[from:])
		end := from
		for end < len(text) && !isSpace(text[end]) {
			end++
		}
		if end > from {
			d.Args = append(d.Args, text[from:end])
			d.At = append(d.At, r.at(d.Pos.Line, from+1))
		}
		from = end
	}
}

// pureftpdDir reads one file of /etc/pure-ftpd/conf as pure-ftpd-wrapper does:
// of the lines that are neither empty nor a comment the first one counts that
// yields an option; the wrapper refuses one that it can't read. The whole line
// is one value.
func (r *reader) pureftpdDir() {
	name := path.Base(strings.ReplaceAll(r.doc.name, `\`, "/"))
	for i, whole := range r.doc.lines {
		text := chomp(whole)
		start := indent(text)
		if start == len(text) || text[start] == '#' {
			continue
		}
		value := strings.TrimRight(text[start:], " \t\n\v\f\r")
		at := r.at(i+1, start+1)
		r.add(&Directive{Name: name, Args: []string{value}, At: []Pos{at}, Pos: at, Raw: text})
	}
}
