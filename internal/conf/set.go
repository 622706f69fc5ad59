package conf

import (
	"errors"
	"iter"
	"path"
	"slices"
	"strings"
)

// Bounds of what one configuration may include. sshd stops at a depth of 16.
const (
	maxDepth = 16
	maxFiles = 512
)

// Include is a directive that names other files.
type Include struct {
	Directive *Directive
	Pattern   string // as written; may hold wildcards
}

// Includes lists the files that the document names for reading in its place.
func (d *Document) Includes() []Include {
	if d.kind == VSFTPD || d.kind == PureFTPDDir || d.kind == IIS {
		return nil
	}
	var out []Include
	for _, x := range d.directives {
		if x.Is("Include") && !x.Section {
			for _, p := range x.Args {
				out = append(out, Include{x, p})
			}
		}
	}
	return out
}

// ErrTooDeep says that files include each other without end, or as good as.
var ErrTooDeep = errors.New("included too deep, as files do that include each other")

// Unread is a file that is named and was not read.
type Unread struct {
	Include Include
	File    string // empty: nothing fits the pattern
	Err     error
}

// Set is a main file with everything that it includes, in the order in which
// the server reads it. Of PureFTPDDir it is all files of the directory.
type Set struct {
	kind       Kind
	docs       []*Document
	directives []*Directive
	unread     []Unread
	// Indexes, so that who judges thousands of sections need not go through
	// everything for each of them.
	byName   map[string][]*Directive
	children map[*Directive][]*Directive
	byFile   map[string]*Document
}

// index is made once, when all is read.
func (s *Set) index() *Set {
	s.byName, s.children, s.byFile = map[string][]*Directive{}, map[*Directive][]*Directive{}, map[string]*Document{}
	for _, x := range s.directives {
		key := key(s.kind, x.Name)
		s.byName[key] = append(s.byName[key], x)
		s.children[x.Parent] = append(s.children[x.Parent], x)
	}
	for _, d := range s.docs {
		if s.byFile[d.name] == nil {
			s.byFile[d.name] = d
		}
	}
	return s
}

// key is equal for names that are the same to the server.
func key(k Kind, name string) string {
	if k == VSFTPD || k == IIS {
		return name
	}
	return strings.ToLower(name)
}

// ParseSet reads a configuration with its includes by means of the functions
// given. glob returns the names that fit a pattern. A directive of an included
// file has the section of its Include as its Parent. Of PureFTPDDir main is the
// directory. What can't be read is listed in Unread and is no problem of form,
// but of the main file.
func ParseSet(k Kind, main string, read func(path string) ([]byte, error), glob func(pattern string) ([]string, error)) (*Set, []Problem) {
	s := &Set{kind: k}
	w := &walk{Set: s, read: read, glob: glob, main: main}
	if k == PureFTPDDir {
		files, err := glob(strings.TrimSuffix(main, "/") + "/*")
		if err != nil {
			s.unread = append(s.unread, Unread{File: main, Err: err})
		}
		for _, f := range files {
			w.file(f, nil, nil, 0)
		}
		return s.index(), w.problems
	}
	w.file(main, nil, nil, 0)
	return s.index(), w.problems
}

// Single makes a set of one document, whose includes stay unread.
func Single(d *Document) *Set {
	s := &Set{kind: d.kind, docs: []*Document{d}, directives: d.directives}
	for _, in := range d.Includes() {
		s.unread = append(s.unread, Unread{Include: in})
	}
	return s.index()
}

type walk struct {
	*Set
	read     func(string) ([]byte, error)
	glob     func(string) ([]string, error)
	main     string
	problems []Problem
}

func (w *walk) file(name string, parent *Directive, from *Include, depth int) {
	if len(w.docs) >= maxFiles {
		return // the first that was too deep, or the number, says enough
	}
	src, err := []byte(nil), ErrTooDeep
	if depth <= maxDepth {
		src, err = w.read(name)
	}
	if err != nil {
		u := Unread{File: name, Err: err}
		if from != nil {
			u.Include = *from
		}
		w.unread = append(w.unread, u)
		return
	}
	doc, problems := parse(w.kind, name, src, parent)
	w.docs = append(w.docs, doc)
	w.problems = append(w.problems, problems...)
	includes := doc.Includes()
	for _, x := range doc.directives {
		w.directives = append(w.directives, x)
		for len(includes) > 0 && includes[0].Directive == x {
			w.include(includes[0], depth)
			includes = includes[1:]
		}
	}
}

func (w *walk) include(in Include, depth int) {
	pattern := in.Pattern
	if pattern == "" {
		return
	}
	if !strings.HasPrefix(pattern, "/") && !strings.Contains(pattern, `:\`) {
		// sshd takes them from /etc/ssh, Pure-FTPd from where it was started:
		// here from where the main file is.
		pattern = path.Join(path.Dir(w.main), pattern)
	}
	files, err := w.glob(pattern)
	if w.kind == ProFTPD && len(files) == 1 { // of a directory it includes every file
		if _, failed := w.read(files[0]); strings.HasSuffix(pattern, "/") || isDirectory(failed) {
			pattern = strings.TrimSuffix(files[0], "/") + "/*"
			files, err = w.glob(pattern)
		}
	}
	if err == nil && len(files) == 0 && strings.ContainsAny(pattern, "*?[") {
		return // nothing fits, and no server minds
	}
	if err != nil || len(files) == 0 {
		w.unread = append(w.unread, Unread{Include: in, Err: err})
		return
	}
	slices.Sort(files)
	for _, f := range files {
		w.file(f, in.Directive.Parent, &in, depth+1)
	}
}

// isDirectory tells by its words whether a file could not be read because it is a
// directory: those of the system, or of cat on another machine.
func isDirectory(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "is a directory")
}

// Kind returns the kind of the configuration.
func (s *Set) Kind() Kind { return s.kind }

// Docs returns the documents in the order of reading, the main one first.
func (s *Set) Docs() []*Document { return s.docs }

// Doc returns the document of that name, or nil.
func (s *Set) Doc(name string) *Document { return s.byFile[name] }

// Unread returns what was named and not read.
func (s *Set) Unread() []Unread { return s.unread }

// All returns the directives of all files, those of an included file behind its
// Include.
func (s *Set) All() iter.Seq[*Directive] { return slices.Values(s.directives) }

// Named lists the directives of that name, in order, in whatever sections they
// are. The slice is not to be changed.
func (s *Set) Named(name string) []*Directive { return s.byName[key(s.kind, name)] }

// Children lists what stands directly within a section, in order; nil stands for
// the top. The slice is not to be changed.
func (s *Set) Children(section *Directive) []*Directive { return s.children[section] }

// Get is [Document.Get] over all files.
func (s *Set) Get(name string) (*Directive, bool) {
	return effective(s.kind, slices.Values(s.Named(name)), name)
}
