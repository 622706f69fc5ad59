package fix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"ftpdoctor/internal/machine"
)

// File gives a file another content. Its mode, owner, extended attributes and
// access list stay; a new file gets the mode and owner named here.
type File struct {
	Path    string `json:"path"`
	Content string `json:"content"`
	// Before is the content on which Content builds; empty with Absent.
	Before string `json:"before,omitempty"`
	Absent bool   `json:"absent,omitempty"` // there is no such file yet
	Remove bool   `json:"remove,omitempty"` // it is taken away; Content is empty
	Mode   string `json:"mode,omitempty"`   // of a new file, in octal; empty: 0644
	Owner  string `json:"owner,omitempty"`  // of a new file, "user:group"; empty: root:root
	// Test is a command that must succeed with the new content in place, before
	// any service reads it: the server's own check of its syntax.
	Test []string `json:"test,omitempty"`
	// Secret keeps the content out of texts.
	Secret bool `json:"secret,omitempty"`
}

func (f *File) String() string {
	switch {
	case f.Absent:
		return "create " + f.Path
	case f.Remove:
		return "remove " + f.Path
	}
	return "edit " + f.Path
}

// Refusals of a plan.
var (
	ErrChanged = errors.New("somebody changed it since it was read")
	ErrSame    = errors.New("it is so already")
)

func (f *File) look(ctx context.Context, m *machine.Machine) error {
	if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || strings.ContainsAny(f.Path, "\n\x00") {
		return errors.New("not an absolute path")
	}
	info, err := m.Stat(ctx, f.Path)
	if err == nil && info.Target != "" {
		f.Path = info.Target // the link stays
	}
	now, err := m.ReadFile(ctx, f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.Before == "" && !f.Remove:
		f.Absent = true
	case err != nil:
		return err
	case f.Absent:
		return ErrChanged
	case f.Before == "" && len(now) > 0:
		f.Before = string(now)
	case f.Before != string(now):
		return ErrChanged
	}
	if !f.Absent && !f.Remove && bytes.Equal(now, []byte(f.Content)) {
		return ErrSame
	}
	return nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (f *File) check(int) string {
	q := machine.Quote(f.Path)
	if f.Absent {
		return fmt.Sprintf("if [ -e %[1]s ] || [ -L %[1]s ]; then refuse changed %[1]s; fi\n", q)
	}
	return fmt.Sprintf("[ \"$(digest %[1]s)\" = %[2]s ] || refuse changed %[1]s\n", q, digest(f.Before))
}

// room tries whether the directory can be written to, and has room for the file.
func (f *File) room() string {
	t := machine.Quote(temporary(f.Path))
	return fmt.Sprintf("head -c %d /dev/zero >%s 2>/dev/null && sync_file %s || { rm -f %s; refuse unwritable %s; }\nrm -f %s\n", len(f.Content)+4096, t, t, t, machine.Quote(path.Dir(f.Path)), t)
}

// temporary is the name under which a file is written before it takes its place.
func temporary(name string) string { return path.Join(path.Dir(name), ".ftpdoctor-"+path.Base(name)) }

// former is another name of a file that is replaced, until that is confirmed: to
// bring it back takes no room on a disk that may be full by then.
func former(name string) string { return path.Join(path.Dir(name), ".ftpdoctor_was-"+path.Base(name)) }

func (f *File) save(n int) string {
	s := fmt.Sprintf("printf '%%s\\n' %s %s >>\"$dir/kept\" || refuse unsaved %s\n", machine.Quote(temporary(f.Path)), machine.Quote(former(f.Path)), machine.Quote(f.Path))
	if !f.Absent {
		s += fmt.Sprintf("copy %s \"$dir/save/%d\" || refuse unsaved %[1]s\n", machine.Quote(f.Path), n)
	}
	return s
}

func (f *File) act(n int) string {
	q, t, k, in := machine.Quote(f.Path), machine.Quote(temporary(f.Path)), machine.Quote(former(f.Path)), machine.Quote(path.Dir(f.Path))
	var b strings.Builder
	fmt.Fprintf(&b, "rm -f %s %s\n", t, k)
	if !f.Absent { // a file system without links gets a copy
		fmt.Fprintf(&b, "ln %[1]s %[3]s 2>/dev/null || { copy %[1]s %[2]s && sync_file %[2]s && mv -f %[2]s %[3]s; } || refuse unwritable %[1]s\n", q, t, k)
	}
	if f.Remove {
		fmt.Fprintf(&b, "rm -f %[1]s && sync_file %[2]s || refuse unwritable %[1]s\n", q, in)
		return b.String()
	}
	if f.Absent {
		mode, owner := f.Mode, f.Owner
		if mode == "" {
			mode = "0644"
		}
		if owner == "" {
			owner = "0:0"
		}
		fmt.Fprintf(&b, "cp \"$dir/new/%[2]d\" %[1]s && chown %[3]s %[1]s && chmod %[4]s %[1]s || refuse unwritable %[5]s\n", t, n, machine.Quote(owner), machine.Quote(mode), q)
	} else {
		fmt.Fprintf(&b, "copy %[1]s %[2]s && cat \"$dir/new/%[3]d\" >%[2]s || refuse unwritable %[1]s\n", q, t, n)
	}
	fmt.Fprintf(&b, "sync_file %[1]s && mv -f %[1]s %[2]s && sync_file %[3]s || refuse unwritable %[2]s\n", t, q, in)
	fmt.Fprintf(&b, "[ \"$(digest %[1]s)\" = %[2]s ] || refuse unwritable %[1]s\n", q, digest(f.Content))
	if len(f.Test) > 0 {
		fmt.Fprintf(&b, "%s >\"$dir/test-%d\" 2>&1 || { cat \"$dir/test-%[2]d\" >&2; refuse rejected %[3]s; }\n", machine.Quote(f.Test...), n, q)
	}
	return b.String()
}

// undo puts the file itself back, which still has its other name; once that was
// confirmed and is gone, the copy in the journal.
func (f *File) undo(n int) string {
	q, t, k, in := machine.Quote(f.Path), machine.Quote(temporary(f.Path)), machine.Quote(former(f.Path)), machine.Quote(path.Dir(f.Path))
	if f.Absent {
		return fmt.Sprintf("rm -f %s %s && sync_file %s || failed=1\n", t, q, in)
	}
	made := fmt.Sprintf("[ \"$(digest %s)\" = %s ]", q, digest(f.Content))
	if f.Remove {
		made = fmt.Sprintf("[ ! -e %s ]", q)
	}
	return fmt.Sprintf(`rm -f %[2]s
if [ -e %[3]s ]; then
	if [ %[1]s -ef %[3]s ]; then rm -f %[3]s; else mv -f %[3]s %[1]s; fi && sync_file %[4]s || failed=1
elif { %[5]s || [ "$who" = operator ]; } && ! same %[1]s "$dir/save/%[6]d"; then
	copy "$dir/save/%[6]d" %[2]s && sync_file %[2]s && mv -f %[2]s %[1]s && sync_file %[4]s || failed=1
fi
`, q, t, k, in, made, n)
}

// Mode gives a file or directory other permissions or another owner, or makes a
// directory.
type Mode struct {
	Path  string `json:"path"`
	Mode  string `json:"mode,omitempty"`  // in octal; empty: stays
	Owner string `json:"owner,omitempty"` // "user:group", or one of them; empty: stays
	Make  bool   `json:"make,omitempty"`  // a directory that is not there yet
	// What stood there, as `stat -c '%a %u:%g'` tells it; look notes it.
	Before string `json:"before,omitempty"`
}

func (c *Mode) String() string {
	words := []string{}
	if c.Make {
		words = append(words, "mkdir "+c.Path)
	}
	if c.Owner != "" {
		words = append(words, "chown "+c.Owner+" "+c.Path)
	}
	if c.Mode != "" {
		words = append(words, "chmod "+c.Mode+" "+c.Path)
	}
	return strings.Join(words, " && ")
}

// in enters the directory in which the path stands, and fails where a link leads
// there or stands there itself: who owns a part of the path could send root
// elsewhere, at any moment.
func (c *Mode) in() string {
	dir := path.Dir(c.Path)
	return fmt.Sprintf("cd -- %[1]s 2>/dev/null && [ \"$(pwd -P)\" = %[1]s ] && [ ! -L %[2]s ]", machine.Quote(dir), c.name())
}

// name is what it is called there.
func (c *Mode) name() string { return machine.Quote("./" + path.Base(c.Path)) }

func (c *Mode) look(ctx context.Context, m *machine.Machine) error {
	if !path.IsAbs(c.Path) || path.Clean(c.Path) != c.Path || c.Path == "/" || strings.ContainsAny(c.Path, "\n\x00") {
		return errors.New("not an absolute path")
	}
	out, err := m.Change(ctx, fmt.Sprintf("[ -d %s ] || { echo none; exit 0; }\n%s || exit 75\nif [ -e %[3]s ]; then stat -c '%%a %%u:%%g' -- %[3]s; else echo none; fi", machine.Quote(path.Dir(c.Path)), c.in(), c.name()))
	if err != nil {
		return err
	}
	if out.Exit == 75 {
		return &RefusedError{Reason: Linked, Subject: c.Path}
	}
	if out.Exit != 0 {
		return errors.New(strings.TrimSpace(string(out.Stderr)))
	}
	c.Before = strings.TrimSpace(string(out.Stdout))
	switch {
	case c.Make && c.Before != "none":
		return ErrChanged
	case !c.Make && c.Before == "none":
		return fs.ErrNotExist
	}
	return nil
}

func (c *Mode) check(int) string {
	return fmt.Sprintf("[ \"$(%[1]s && if [ -e %[2]s ]; then stat -c '%%a %%u:%%g' -- %[2]s; else echo none; fi)\" = %[3]s ] || refuse changed %[4]s\n", c.in(), c.name(), machine.Quote(c.Before), machine.Quote(c.Path))
}

// save keeps the access list as well: chmod alters its mask.
func (c *Mode) save(n int) string {
	if c.Make {
		return ""
	}
	return fmt.Sprintf("if command -v getfacl >/dev/null 2>&1; then getfacl -p -n -- %s >\"$dir/save/%d.acl\" 2>/dev/null || rm -f \"$dir/save/%[2]d.acl\"; fi\n", machine.Quote(c.Path), n)
}

func (c *Mode) act(int) string {
	q, name := machine.Quote(c.Path), c.name()
	s := fmt.Sprintf("%s || refuse changed %s\n", c.in(), q)
	if c.Make {
		s += fmt.Sprintf("mkdir %s || refuse unwritable %s\n", name, q)
	}
	if c.Owner != "" {
		s += fmt.Sprintf("chown -h %s -- %s || refuse unwritable %s\n", machine.Quote(c.Owner), name, q)
	}
	if c.Mode != "" {
		s += fmt.Sprintf("chmod %s -- %s || refuse unwritable %s\n", machine.Quote(c.Mode), name, q)
	}
	return s + "sync_file " + name + "\n"
}

func (c *Mode) undo(n int) string {
	name := c.name()
	if c.Make {
		return fmt.Sprintf("if %s && [ -d %[2]s ]; then rmdir -- %[2]s || failed=1; fi\n", c.in(), name) // what somebody put there stays, and is told
	}
	mode, owner, _ := strings.Cut(c.Before, " ")
	mode = "00" + mode // which takes a directory's special bits away too
	return fmt.Sprintf("%s && chown -h %s -- %[3]s && chmod %s -- %[3]s || failed=1\nif [ -f \"$dir/save/%[5]d.acl\" ]; then setfacl --restore=\"$dir/save/%[5]d.acl\" || failed=1; fi\nsync_file %[3]s\n", c.in(), owner, name, mode, n)
}
