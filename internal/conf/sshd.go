package conf

import "strings"

// sshd reads as servconf.c does: blanks at both ends do not count, a keyword
// ends at a blank or at one equals sign, arguments may stand in single or double
// quotes, # begins a comment where an argument would. A Match block goes on to
// the next Match or to the end of the file.
func (r *reader) sshd() {
	outside := r.parent
	for i, whole := range r.doc.lines {
		text := strings.TrimRight(chomp(whole), " \t\r\f")
		start := 0
		for start < len(text) && (text[start] == ' ' || text[start] == '\t' || text[start] == '\r') {
			start++
		}
		if text == "" && strings.HasPrefix(whole, "\f") { // it never trims the first byte
			r.problem(NoName, r.at(i+1, 1), "")
		}
		if start == len(text) || text[start] == '#' {
			continue
		}
		if text[start] == '=' { // passed over, as an empty keyword is
			start++
			start += len(text[start:]) - len(strings.TrimLeft(text[start:], " \t\r"))
		}
		if start == len(text) || text[start] == '#' {
			continue
		}
		name, rest, ok := keyword(text, start)
		d := &Directive{Name: name, Pos: r.at(i+1, start+1), Raw: chomp(whole)}
		if !ok || name == "" {
			r.problem(Ignored, d.Pos, strings.TrimSpace(text))
			continue
		}
		if d.Is("Match") {
			r.parent = outside
			d.Section = true
			r.criteria(d, text, rest)
		} else if !r.argv(d, text, rest) {
			r.problem(OpenQuote, d.Pos, name)
		}
		if len(d.Args) == 0 && rest >= len(text) {
			r.problem(NoValue, d.Pos, name)
		}
		r.add(d)
		if d.Section {
			r.parent = d
		}
	}
	if d := r.parent; d != outside {
		d.Close = len(r.doc.lines)
	}
}

// keyword cuts the first word, which may be quoted, and one equals sign with the
// blanks around it.
func keyword(text string, from int) (name string, rest int, ok bool) {
	if text[from] == '"' {
		end := strings.IndexByte(text[from+1:], '"')
		if end < 0 {
			return "", len(text), false
		}
		name, rest = text[from+1:from+1+end], from+end+2
		return name, rest + len(text[rest:]) - len(strings.TrimLeft(text[rest:], " \t\r")), true
	}
	rest = from
	for rest < len(text) && !strings.ContainsRune(" \t\r\"=", rune(text[rest])) {
		rest++
	}
	name = text[from:rest]
	skip := func() { rest += len(text[rest:]) - len(strings.TrimLeft(text[rest:], " \t\r")) }
	if rest < len(text) && text[rest] == '"' { // a quote within the word ends it behind the next one
		end := strings.IndexByte(text[rest+1:], '"')
		if end < 0 {
			return "", len(text), false
		}
		name += text[rest+1 : rest+1+end]
		rest += end + 2
		skip()
		return name, rest, true
	}
	skip()
	if rest < len(text) && text[rest] == '=' {
		rest++
		skip()
	}
	return name, rest, true
}

// argv splits as misc.c's argv_split does, and tells whether all quotes are closed.
func (r *reader) argv(d *Directive, text string, i int) bool {
	for i < len(text) {
		if text[i] == ' ' || text[i] == '\t' {
			i++
			continue
		}
		if text[i] == '#' {
			return true
		}
		at := i
		var word strings.Builder
		quote := byte(0)
	word:
		for ; i < len(text); i++ {
			c := text[i]
			switch {
			case c == '\\' && i+1 < len(text) && (text[i+1] == '\'' || text[i+1] == '"' || text[i+1] == '\\' || quote == 0 && text[i+1] == ' '):
				i++
				word.WriteByte(text[i])
			case quote == 0 && (c == ' ' || c == '\t'):
				break word
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				word.WriteByte(c)
			}
		}
		if quote != 0 {
			return false
		}
		d.Args = append(d.Args, word.String())
		d.At = append(d.At, r.at(d.Pos.Line, at+1))
	}
	return true
}

// criteria splits those of a Match line: attribute and pattern list, divided
// by blanks or one equals sign; only double quotes count.
func (r *reader) criteria(d *Directive, text string, i int) {
	for i < len(text) && text[i] != '#' {
		at := i
		word, rest, ok := keyword(text, i)
		if !ok {
			r.problem(OpenQuote, r.at(d.Pos.Line, at+1), d.Name)
			return
		}
		if rest == i {
			return
		}
		d.Args = append(d.Args, word)
		d.At = append(d.At, r.at(d.Pos.Line, at+1))
		i = rest
	}
}
