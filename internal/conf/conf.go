// Package conf reads the configuration files of file servers as documents that
// lose nothing: what is printed is byte for byte what was read.
//
// It hides how each server reads its file: where a comment begins, what quotes
// and a backslash do, which of two equal lines takes effect, what nests, what is
// included. It knows no directive by name but those that shape the file
// (Include, Match, sections); which names exist and what they may hold is for
// its users to judge. It works on bytes alone: files are read by functions that
// the caller gives.
//
// Parse never refuses: whatever the bytes are, there is a document, and what the
// server would stumble over is a [Problem] with its place. Time and memory are
// linear in the size of what is read.
//
//	doc, problems := conf.Parse(conf.VSFTPD, "/etc/vsftpd.conf", src)
//	if d, ok := doc.Get("anonymous_enable"); ok {
//		fmt.Println(d.Pos, d.Arg(0))
//	}
//	changed, err := doc.Apply(doc.Set("anonymous_enable", "NO"))
package conf

import (
	"fmt"
	"iter"
	"strings"
)

// Kind is a form of configuration.
type Kind int

// The kinds.
const (
	VSFTPD      Kind = iota // vsftpd.conf: name=value, nothing else
	ProFTPD                 // proftpd.conf: lines and nested sections
	PureFTPD                // pure-ftpd.conf: name and values
	PureFTPDDir             // one file of Debian's /etc/pure-ftpd/conf: its name is the option, its line the value
	SSHD                    // sshd_config: keywords and Match blocks
	IIS                     // applicationHost.config: XML
)

var kindNames = [...]string{"vsftpd", "proftpd", "pure-ftpd", "pure-ftpd-dir", "sshd", "iis"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Pos is a place in a file. Line and Col count from 1; Col counts bytes.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Directive is one statement, or the head of a section: <Limit LOGIN> and
// Match User x are directives too, and the Parent of those within.
type Directive struct {
	Name string // as written, without < and >
	// Args are the values without their quotes, and At their places. A setting
	// of vsftpd has one, which is everything behind the equals sign, blanks
	// too; or none, where there is no equals sign.
	Args []string
	At   []Pos
	// Attrs are the attributes of an XML element, which has no Args.
	Attrs []Attr
	Pos   Pos
	// Raw is the text as it stands in the file: its lines without the last line
	// end; of an XML element the start tag alone.
	Raw     string
	EndLine int        // the last line of the text
	Section bool       // others may have it as their Parent
	Parent  *Directive // the section around it; nil at the top
	// Close is the line of the end of a section, 0 where it is not closed.
	Close int
	// End is the text of that line, of ProFTPD, which minds what is behind </IfModule>.
	End string
}

// Attr is an attribute of an XML element.
type Attr struct {
	Name, Value string
	Pos         Pos // of the value, behind its quote
}

// Arg returns the i-th argument, or "".
func (d *Directive) Arg(i int) string {
	if i < len(d.Args) {
		return d.Args[i]
	}
	return ""
}

// Attr returns the value of an attribute; XML of IIS writes names in one case.
func (d *Directive) Attr(name string) (Attr, bool) {
	for _, a := range d.Attrs {
		if a.Name == name {
			return a, true
		}
	}
	return Attr{}, false
}

// Is compares the name as servers do that do not mind the case.
func (d *Directive) Is(name string) bool { return strings.EqualFold(d.Name, name) }

// Within returns the innermost section of that name around the directive, or nil.
func (d *Directive) Within(name string) *Directive {
	for p := d.Parent; p != nil; p = p.Parent {
		if p.Is(name) {
			return p
		}
	}
	return nil
}

// Context lists the sections around the directive, the outermost first.
func (d *Directive) Context() []*Directive {
	var out []*Directive
	for p := d.Parent; p != nil; p = p.Parent {
		out = append(out, p)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// Fault is what is wrong with the form of a file.
type Fault int

// The faults. The server refuses to start at each but Ignored.
const (
	BlankBeforeEquals Fault = iota // vsftpd: the blank counts as part of the name
	IndentedComment                // vsftpd: a comment must begin in the first column
	BadTag                         // a section's head without its >
	Unclosed                       // a section that is never closed
	NotOpen                        // the end of a section that is not open
	EndArguments                   // something behind the end of a section
	OpenQuote                      // a quote that is not closed
	NoName                         // a line that begins with something that is no name
	NoValue                        // a name without a value
	Ignored                        // sshd: a line that is passed over without a word
	BadXML                         // not well-formed
)

// Problem is a fault and its place.
type Problem struct {
	Pos    Pos
	Fault  Fault
	Detail string // the word in question, or the XML reader's message; may be empty
}

// Document is one file.
type Document struct {
	kind       Kind
	name       string
	lines      []string // with their line ends
	directives []*Directive
}

// Parse reads one file. The name is used in positions; of PureFTPDDir its last
// part is the name of the option.
func Parse(k Kind, name string, src []byte) (*Document, []Problem) {
	return parse(k, name, src, nil)
}

// parse reads a file that stands within a section of another.
func parse(k Kind, name string, src []byte, parent *Directive) (*Document, []Problem) {
	d := &Document{kind: k, name: name, lines: strings.SplitAfter(string(src), "\n")}
	if n := len(d.lines) - 1; d.lines[n] == "" {
		d.lines = d.lines[:n]
	}
	r := &reader{doc: d, parent: parent}
	switch k {
	case VSFTPD:
		r.vsftpd()
	case ProFTPD:
		r.proftpd()
	case PureFTPD:
		r.pureftpd()
	case PureFTPDDir:
		r.pureftpdDir()
	case SSHD:
		r.sshd()
	case IIS:
		r.iis()
	}
	return d, r.problems
}

// Kind returns the kind that the document was read as.
func (d *Document) Kind() Kind { return d.kind }

// Name returns the name of the file.
func (d *Document) Name() string { return d.name }

// Bytes returns the document as it was read.
func (d *Document) Bytes() []byte { return []byte(strings.Join(d.lines, "")) }

// Line returns the text of a line without its end; the first is 1.
func (d *Document) Line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return strings.TrimRight(d.lines[n-1], "\r\n")
}

// Lines is the number of lines.
func (d *Document) Lines() int { return len(d.lines) }

// All returns the directives in the order of the file.
func (d *Document) All() iter.Seq[*Directive] {
	return func(yield func(*Directive) bool) {
		for _, x := range d.directives {
			if !yield(x) {
				return
			}
		}
	}
}

// Get returns the directive that takes effect for the server as a whole.
// vsftpd and Pure-FTPd obey the last of several, sshd the first one outside of
// Match blocks. ProFTPD obeys, of those outside of other sections, the first; then
// the first in <Global>. IIS merges: the last element of that name.
func (d *Document) Get(name string) (*Directive, bool) { return effective(d.kind, d.All(), name) }

func effective(k Kind, all iter.Seq[*Directive], name string) (*Directive, bool) {
	var found *Directive
	rank := 0
	for x := range all {
		if !same(k, x.Name, name) {
			continue
		}
		switch k {
		case VSFTPD, PureFTPD, PureFTPDDir, IIS:
			found = x
		case SSHD:
			if x.Within("Match") == nil {
				return x, true
			}
		case ProFTPD:
			if r := serverRank(x); r > rank {
				found, rank = x, r
			}
		}
	}
	return found, found != nil
}

// same compares names by the rule of the server: vsftpd and XML mind the case.
func same(k Kind, a, b string) bool {
	if k == VSFTPD || k == IIS {
		return a == b
	}
	return strings.EqualFold(a, b)
}

// serverRank is 2 for a directive of the server as a whole, 1 for one in
// <Global>, 0 for those in other sections. <IfModule> and its like do not count.
func serverRank(x *Directive) int {
	rank := 2
	for p := x.Parent; p != nil; p = p.Parent {
		switch {
		case IsConditional(p):
		case p.Is("Global"):
			rank = 1
		default:
			return 0
		}
	}
	return rank
}

// IsConditional tells whether a section of ProFTPD only says when its content
// counts, and is transparent otherwise.
func IsConditional(d *Directive) bool {
	return d.Section && (d.Is("IfModule") || d.Is("IfDefine") || d.Is("IfVersion"))
}

// maxNesting bounds the depth of sections; no server's file comes near it. It
// makes what goes from a section outwards take bounded time.
const maxNesting = 256

// reader is the state of reading one document.
type reader struct {
	doc      *Document
	parent   *Directive
	problems []Problem
}

// enter makes a section the parent of what follows. Beyond the bound the heads
// of sections are read and nothing is within them; their ends are not open then.
func (r *reader) enter(d *Directive) {
	depth := 1
	for p := d.Parent; p != nil; p = p.Parent {
		depth++
	}
	if depth <= maxNesting {
		r.parent = d
	}
}

func (r *reader) at(line, col int) Pos { return Pos{r.doc.name, line, col} }

func (r *reader) problem(f Fault, at Pos, detail string) {
	r.problems = append(r.problems, Problem{at, f, detail})
}

func (r *reader) add(d *Directive) *Directive {
	d.Parent = r.parent
	if d.EndLine == 0 {
		d.EndLine = d.Pos.Line
	}
	r.doc.directives = append(r.doc.directives, d)
	return d
}

// text of a line without its end.
func chomp(line string) string { return strings.TrimSuffix(line, "\n") }

// isSpace follows C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isBlank(s string) bool {
	for i := range len(s) {
		if !isSpace(s[i]) {
			return false
		}
	}
	return true
}

// indent is the number of blanks at the beginning.
func indent(s string) int {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}
