package conf

import "strings"

// proftpd reads as parser.c does: a backslash at the end of a line joins the
// next one, comments begin with # at the beginning of a line or of a word,
// double quotes hold a word together, within which a backslash takes the next
// byte as it is. Sections nest. (parser.c, str.c of 1.3.8.)
func (r *reader) proftpd() {
	outside := r.parent
	for i := 0; i < len(r.doc.lines); i++ {
		first := i
		l := logical{at: r.at}
		text := r.doc.lines[i]
		comment := strings.HasPrefix(strings.TrimLeft(text, " \t\v\f\r"), "#")
		for !comment && strings.HasSuffix(chomp(text), `\`) {
			body := chomp(text)
			l.append(body[:len(body)-1], i+1)
			if i+1 == len(r.doc.lines) { // the last line has nothing to be joined with
				text = ""
				break
			}
			i++
			text = r.doc.lines[i]
		}
		l.append(strings.TrimRight(text, "\r\n"), i+1)
		words := l.words()
		if comment || len(words) == 0 {
			continue
		}
		raw := chomp(strings.Join(r.doc.lines[first:i+1], ""))
		d := &Directive{Name: words[0].text, Pos: words[0].pos, Raw: raw, EndLine: i + 1}
		switch {
		case strings.HasPrefix(d.Name, "</"):
			bracket := false
			if n := len(words); n > 1 && words[n-1].text == ">" { // the bracket may stand apart
				words, bracket = words[:n-1], true
			}
			if one := len(words) == 1; one && !bracket && !strings.HasSuffix(d.Name, ">") || strings.HasSuffix(d.Name, ">>") {
				r.problem(BadTag, d.Pos, d.Name)
				continue
			}
			if len(words) > 1 {
				r.problem(EndArguments, words[1].pos, words[1].text)
			}
			r.closeSection(d, outside, strings.TrimLeft(l.text.String(), " \t"))
			continue
		case strings.HasPrefix(d.Name, "<"):
			d.Section = true
			words = untag(words)
			if words == nil {
				r.problem(BadTag, d.Pos, d.Name)
				continue
			}
			d.Name = words[0].text
		}
		for _, w := range words[1:] {
			d.Args, d.At = append(d.Args, w.text), append(d.At, w.pos)
		}
		r.add(d)
		if d.Section {
			r.enter(d)
		}
	}
	for d := r.parent; d != outside; d = d.Parent {
		if d.Close == 0 {
			r.problem(Unclosed, d.Pos, d.Name)
		}
	}
}

// closeSection ends a section. An end that fits an outer one closes those
// within as well, so that one fault is told once; but a conditional section
// does not nest as others do: its end closes it alone.
func (r *reader) closeSection(d *Directive, outside *Directive, text string) {
	name := strings.TrimSuffix(strings.TrimPrefix(d.Name, "</"), ">")
	p := r.parent
	for p != outside && (p.Close != 0 || !p.Is(name)) {
		p = p.Parent
	}
	if p == outside {
		r.problem(NotOpen, d.Pos, name)
		return
	}
	p.Close, p.End = d.EndLine, text
	if !IsConditional(p) {
		for q := r.parent; q != p; q = q.Parent {
			if q.Close == 0 {
				q.Close = d.EndLine
				r.problem(Unclosed, q.Pos, q.Name)
			}
		}
		r.parent = p.Parent
	}
	for r.parent != outside && r.parent.Close != 0 {
		r.parent = r.parent.Parent
	}
}

// untag takes < and > off the words of a section's head; nil: there is no >.
func untag(words []word) []word {
	out := append([]word(nil), words...)
	last := &out[len(out)-1]
	if !strings.HasSuffix(last.text, ">") {
		return nil
	}
	last.text = strings.TrimSuffix(last.text, ">")
	out[0].text = strings.TrimPrefix(out[0].text, "<")
	if len(out) > 1 && last.text == "" {
		out = out[:len(out)-1]
	}
	return out
}

// word is a word and its place.
type word struct {
	text string
	pos  Pos
}

// logical is a line joined of several, that knows where each byte came from.
type logical struct {
	text   strings.Builder
	starts []int // offset in text at which each physical line begins
	lines  []int
	at     func(line, col int) Pos
}

func (l *logical) append(s string, line int) {
	l.starts, l.lines = append(l.starts, l.text.Len()), append(l.lines, line)
	l.text.WriteString(s)
}

// words splits the line. The place of a word is found by going along the
// physical lines with it, so that the whole takes linear time.
func (l *logical) words() []word {
	s := l.text.String()
	var out []word
	part := 0
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		for part+1 < len(l.starts) && l.starts[part+1] <= i {
			part++
		}
		w := word{pos: l.at(l.lines[part], i-l.starts[part]+1)}
		w.text, i = proftpdWord(s, i)
		out = append(out, w)
	}
	return out
}

// proftpdWord reads one word as pr_str_get_word does: a quote counts at its
// beginning only, and one that is not closed ends with the line.
func proftpdWord(s string, i int) (string, int) {
	quoted := s[i] == '"'
	if quoted {
		i++
	}
	var b strings.Builder
	for ; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			continue
		case quoted && s[i] == '"':
			return b.String(), i + 1
		case !quoted && isSpace(s[i]):
			return b.String(), i
		}
		b.WriteByte(s[i])
	}
	return b.String(), i
}
