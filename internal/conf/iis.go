package conf

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// iis reads XML: each element is a directive and a section, with the lines of
// its start tag. Bytes that are no UTF-8, or another encoding than the one
// declared, do not matter as long as tags are ASCII.
func (r *reader) iis() {
	src := strings.Join(r.doc.lines, "")
	outside := r.parent
	d := xml.NewDecoder(strings.NewReader(sameLength(src)))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	lines := newOffsets(r.doc.lines)
	for {
		begin := int(d.InputOffset())
		tok, err := d.RawToken()
		end := int(d.InputOffset())
		if err != nil {
			if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
				r.problem(BadXML, r.at(min(syntax.Line, max(len(r.doc.lines), 1)), 1), syntax.Msg)
			} else if !errors.Is(err, io.EOF) {
				r.problem(BadXML, lines.pos(r, begin), err.Error())
			}
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			x := &Directive{Name: t.Name.Local, Pos: lines.pos(r, begin), Raw: src[begin:end], Section: true}
			x.EndLine = lines.pos(r, max(begin, end-1)).Line
			r.attributes(x, t, begin, end, src, lines)
			r.add(x)
			r.enter(x)
		case xml.EndElement:
			r.endElement(t.Name.Local, lines.pos(r, begin), outside)
		}
	}
	for x := r.parent; x != outside; x = x.Parent {
		r.problem(Unclosed, x.Pos, x.Name)
	}
}

func (r *reader) endElement(name string, at Pos, outside *Directive) {
	if r.parent == outside {
		r.problem(NotOpen, at, name)
		return
	}
	if r.parent.Name != name {
		r.problem(NotOpen, at, name)
	}
	r.parent.Close = at.Line
	r.parent = r.parent.Parent
}

// attributes finds the place of each value within the start tag. The decoder
// gives them in the order of the text.
func (r *reader) attributes(x *Directive, t xml.StartElement, begin, end int, src string, lines *offsets) {
	i := begin
	for _, a := range t.Attr {
		name := a.Name.Local
		if a.Name.Space != "" {
			name = a.Name.Space + ":" + name
		}
		at := i
		for at < end { // the next quoted value is that of this attribute
			if c := src[at]; c == '"' || c == '\'' {
				break
			}
			at++
		}
		if at < end {
			if n := strings.IndexByte(src[at+1:end], src[at]); n >= 0 {
				i = at + n + 2
			}
		}
		x.Attrs = append(x.Attrs, Attr{Name: name, Value: a.Value, Pos: lines.pos(r, min(at+1, end))})
	}
}

// sameLength replaces each invalid byte by one question mark, so that offsets
// stay what they are.
func sameLength(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, c := range s {
		if c == '\uFFFD' && !strings.HasPrefix(s[i:], "\uFFFD") {
			b.WriteByte('?')
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// offsets turns offsets into places; they are asked for in rising order, but
// for the attributes of one tag.
type offsets struct {
	starts []int
	last   int
}

func newOffsets(lines []string) *offsets {
	o := &offsets{starts: make([]int, 0, len(lines))}
	n := 0
	for _, l := range lines {
		o.starts = append(o.starts, n)
		n += len(l)
	}
	return o
}

func (o *offsets) pos(r *reader, off int) Pos {
	for o.last > 0 && o.starts[o.last] > off {
		o.last--
	}
	for o.last+1 < len(o.starts) && o.starts[o.last+1] <= off {
		o.last++
	}
	if len(o.starts) == 0 {
		return r.at(1, 1)
	}
	return r.at(o.last+1, off-o.starts[o.last]+1)
}
