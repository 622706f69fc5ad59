package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Edit is a change of whole lines, as data: it can be shown, kept, and applied
// later to the same file or refused where the file has changed since.
type Edit struct {
	File string `json:"file"`
	Line int    `json:"line"` // the first line that is replaced; what is inserted comes before it
	// Old is the text that is replaced, with its line ends; empty: New is inserted.
	Old string `json:"old"`
	New string `json:"new"` // empty: Old is deleted
}

// Apply makes the edits in a copy of the document. It fails when the text that
// an edit replaces does not stand there, or when two edits overlap. Of two
// equal edits, which several findings may ask for, one is made.
func (d *Document) Apply(edits ...Edit) (*Document, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return cmp.Compare(a.Line, b.Line) })
	sorted = slices.Compact(sorted)
	var out strings.Builder
	done := 0 // lines
	for _, e := range sorted {
		if e.File != d.name {
			return nil, fmt.Errorf("edit of %s: this is %s", e.File, d.name)
		}
		from := e.Line - 1
		n := lineCount(e.Old)
		if from < done || from+n > len(d.lines) {
			return nil, fmt.Errorf("edit of %s:%d: overlaps another, or is outside of the file", e.File, e.Line)
		}
		if strings.Join(d.lines[from:from+n], "") != e.Old {
			return nil, fmt.Errorf("edit of %s:%d: the file has changed", e.File, e.Line)
		}
		writeLines(&out, d.lines[done:from])
		if e.New != "" {
			endLine(&out, d)
		}
		out.WriteString(e.New)
		done = from + n
	}
	if done < len(d.lines) && len(sorted) > 0 {
		endLine(&out, d)
	}
	writeLines(&out, d.lines[done:])
	changed, _ := Parse(d.kind, d.name, []byte(out.String())) // the caller judges the new text if it wants to
	return changed, nil
}

func lineCount(s string) int {
	n := strings.Count(s, "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		n++
	}
	return n
}

func writeLines(b *strings.Builder, lines []string) {
	for _, l := range lines {
		b.WriteString(l)
	}
}

// endLine ends a last line that had no line end, before something is put behind it.
func endLine(b *strings.Builder, d *Document) {
	if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteString(d.newline())
	}
}

// newline is the line end of the document.
func (d *Document) newline() string {
	if len(d.lines) > 0 && strings.HasSuffix(d.lines[0], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// text returns lines as they stand, the first and last counted from 1.
func (d *Document) text(first, last int) string {
	return strings.Join(d.lines[first-1:min(last, len(d.lines))], "")
}

// Statement words a directive in the form of the document, without indentation
// and line end. Values are quoted where the form needs it.
func (d *Document) Statement(name string, args ...string) string {
	switch d.kind {
	case VSFTPD:
		return name + "=" + strings.Join(args, " ")
	case PureFTPDDir:
		return strings.Join(args, " ")
	}
	words := []string{name}
	for _, a := range args {
		if d.kind != PureFTPD && (a == "" || strings.ContainsAny(a, " \t#")) {
			a = `"` + a + `"`
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// Set gives a directive a value: the one that takes effect is changed, or else
// one is added: at the end, or in sshd's file before the first Match block.
// Not for XML; see [Document.SetAttr].
func (d *Document) Set(name string, args ...string) Edit {
	if x, ok := d.Get(name); ok {
		return d.Replace(x, d.Statement(x.Name, args...))
	}
	line := len(d.lines) + 1
	if d.kind == SSHD {
		for _, x := range d.directives {
			if x.Section {
				line = x.Pos.Line
				break
			}
		}
	}
	return Edit{File: d.name, Line: line, New: d.Statement(name, args...) + d.newline()}
}

// Replace puts a statement in the place of a directive and keeps its indentation.
func (d *Document) Replace(x *Directive, statement string) Edit {
	old := d.text(x.Pos.Line, x.EndLine)
	in := old[:indent(old)]
	if d.kind == VSFTPD {
		in = "" // the line is the form's only blank-free place
	}
	return Edit{File: d.name, Line: x.Pos.Line, Old: old, New: in + statement + endOf(old)}
}

// endOf is the line end of a text, as it stands.
func endOf(s string) string {
	switch {
	case strings.HasSuffix(s, "\r\n"):
		return "\r\n"
	case strings.HasSuffix(s, "\n"):
		return "\n"
	}
	return ""
}

// Delete removes a directive with its lines; of a section its head alone.
func (d *Document) Delete(x *Directive) Edit {
	return Edit{File: d.name, Line: x.Pos.Line, Old: d.text(x.Pos.Line, x.EndLine)}
}

// InsertAfter puts a statement on a line of its own behind a directive, within
// it where it is a section, indented to fit.
func (d *Document) InsertAfter(x *Directive, statement string) Edit {
	head := d.text(x.Pos.Line, x.EndLine)
	in := strings.TrimRight(head[:indent(head)], "\r\n")
	if x.Section {
		in += "  "
	}
	return Edit{File: d.name, Line: x.EndLine + 1, New: in + statement + d.newline()}
}

// SetAttr gives an attribute of an XML element a value. The element keeps its
// other attributes and its form.
func (d *Document) SetAttr(x *Directive, name, value string) Edit {
	old := d.text(x.Pos.Line, x.EndLine)
	from := x.Pos.Col - 1
	tag := old[from : from+len(x.Raw)]
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "'", "&apos;").Replace(value)
	changed := ""
	if a, ok := x.Attr(name); ok {
		at := d.offsetIn(x, a.Pos)
		end := at + strings.IndexByte(tag[at:], tag[at-1])
		changed = tag[:at] + escaped + tag[end:]
	} else {
		at := strings.LastIndexByte(tag, '>')
		if at > 0 && tag[at-1] == '/' {
			at--
		}
		head := strings.TrimRight(tag[:at], " \t")
		changed = head + " " + name + `="` + escaped + `"` + tag[len(head):]
	}
	return Edit{File: d.name, Line: x.Pos.Line, Old: old, New: old[:from] + changed + old[from+len(x.Raw):]}
}

// offsetIn is the offset of a place from the beginning of an element.
func (d *Document) offsetIn(x *Directive, p Pos) int {
	n := 0
	for l := x.Pos.Line; l < p.Line; l++ {
		n += len(d.lines[l-1])
	}
	return n + p.Col - x.Pos.Col
}
