package conf

import "strings"

// vsftpd reads as parseconf.c does. A line is a comment when # is its very
// first byte; blanks before a name are skipped; everything up to the first
// equals sign is the name and everything behind it the value, blanks and
// carriage return included. (parseconf.c of 3.0.3: str_getline,
// vsf_parseconf_load_setting.)
func (r *reader) vsftpd() {
	for i, whole := range r.doc.lines {
		text := chomp(whole)
		if text == "" || text[0] == '#' || isBlank(text) {
			continue
		}
		n := i + 1
		start := indent(text)
		name, value, has := strings.Cut(text[start:], "=")
		d := &Directive{Name: name, Pos: r.at(n, start+1), Raw: text}
		if has {
			d.Args, d.At = []string{value}, []Pos{r.at(n, start+len(name)+2)}
		}
		switch {
		case name != "" && name[0] == '#':
			r.problem(IndentedComment, d.Pos, "")
			continue
		case name == "":
			r.problem(NoName, d.Pos, "")
			continue
		case isSpace(name[len(name)-1]):
			d.Name = strings.TrimRight(name, " \t\n\v\f\r")
			if has {
				r.problem(BlankBeforeEquals, r.at(n, start+len(d.Name)+1), d.Name)
			}
		}
		r.add(d)
	}
}
