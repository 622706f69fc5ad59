package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Quote writes arguments so that a POSIX shell reads them back unchanged.
func Quote(argv ...string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = quote(a)
	}
	return strings.Join(out, " ")
}

func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=./:,@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// runner runs a command: plainly, or through sudo.
type runner func(ctx context.Context, argv []string) (Output, error)

// errSudo says that sudo refused to run what would read a file.
var errSudo = errors.New("sudo refuses")

// script runs a shell script with $1, and makes its complaint an error.
func script(ctx context.Context, run runner, op, text, arg string) ([]byte, error) {
	out, err := run(ctx, []string{"/bin/sh", "-c", text, "sh", arg})
	if err != nil {
		return nil, err
	}
	return out.Stdout, complaint(out, op, arg)
}

// complaint is the error that a script's exit status and words stand for.
func complaint(out Output, op, name string) error {
	if sudoRefused(out, nil) {
		return errSudo
	}
	if out.Exit == 0 {
		return nil
	}
	said := strings.TrimSpace(string(out.Stderr))
	failed := func(err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }
	switch {
	case strings.Contains(said, "Permission denied"):
		return failed(fs.ErrPermission)
	case strings.Contains(said, "No such file or directory"):
		return failed(fs.ErrNotExist)
	case said == irregular:
		return failed(errIrregular)
	case said == "":
		said = fmt.Sprintf("exit status %d", out.Exit)
	}
	return failed(errors.New(said))
}

const irregular = "irregular"

var readScript = `if [ -e "$1" ] && [ ! -f "$1" ]; then echo ` + irregular + ` >&2; exit 1; fi; exec head -c ` + strconv.Itoa(MaxOutput+1) + ` -- "$1"` // one more than the bound, which then cuts it

func readVia(ctx context.Context, run runner, name string) ([]byte, error) {
	out, err := run(ctx, []string{"/bin/sh", "-c", readScript, "sh", name})
	switch {
	case err != nil:
		return nil, err
	case out.Cut:
		return out.Stdout, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	if err := complaint(out, "open", name); err != nil {
		return nil, err
	}
	return out.Stdout, nil
}

// The fields of a file, by the two kinds of stat(1): mode in hexadecimal, uid,
// gid, size, time of change, and the names of the owners. The second line is
// where a link leads.
const (
	statGNU = `stat -L -c '%f %u %g %s %Y %U %G' -- "$1" || exit; stat -L -c %y -- "$1"; if [ -L "$1" ]; then readlink -f -- "$1"; fi; :`
	statBSD = `stat -L -f '%Xp %u %g %z %m %Su %Sg' -- "$1" || exit; echo; if [ -L "$1" ]; then realpath -- "$1"; fi; :`
)

func (m *Machine) statVia(ctx context.Context, run runner, name string) (File, error) {
	text := statBSD
	if m.system().OS == "linux" {
		text = statGNU
	}
	out, err := script(ctx, run, "stat", text, name)
	if err != nil {
		return File{}, err
	}
	return parseStat(name, string(out))
}

func parseStat(name, out string) (File, error) {
	first, rest, _ := strings.Cut(out, "\n")
	fine, target, _ := strings.Cut(rest, "\n")
	f := strings.Fields(first)
	bad := &fs.PathError{Op: "stat", Path: name, Err: fmt.Errorf("answer %q is none of stat", first)}
	if len(f) != 7 {
		return File{}, bad
	}
	var n [4]int64
	for i := range n {
		v, err := strconv.ParseInt(f[i+1], 10, 64)
		if err != nil {
			return File{}, bad
		}
		n[i] = v
	}
	mode, err := strconv.ParseUint(f[0], 16, 32)
	if err != nil {
		return File{}, bad
	}
	file := File{
		Path: name, Mode: modeOf(uint32(mode)), UID: int(n[0]), GID: int(n[1]), Size: n[2], Modified: time.Unix(n[3], 0),
		User: owner(f[5], n[0]), Group: owner(f[6], n[1]), Target: strings.TrimSuffix(target, "\n"),
	}
	if t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", fine); err == nil && t.Unix() == n[3] {
		file.Modified = t.Local()
	}
	return file, nil
}

// owner is a name; GNU writes UNKNOWN and BSD the number where there is none.
func owner(name string, id int64) string {
	if name == "UNKNOWN" || name == strconv.FormatInt(id, 10) {
		return ""
	}
	return name
}

// modeOf reads st_mode, whose numbers are the same on every Unix (sys/stat.h).
func modeOf(st uint32) fs.FileMode {
	mode := fs.FileMode(st & 0o777)
	switch st & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o010000:
		mode |= fs.ModeNamedPipe
	case 0o140000:
		mode |= fs.ModeSocket
	case 0o020000:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case 0o060000:
		mode |= fs.ModeDevice
	}
	for bit, m := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if st&bit != 0 {
			mode |= m
		}
	}
	return mode
}

// maxPattern bounds a pattern, whose expansion is the remote shell's work.
const maxPattern = 4096

func globVia(ctx context.Context, run runner, pattern string) ([]string, error) {
	if len(pattern) > maxPattern || strings.ContainsRune(pattern, 0) {
		return nil, path.ErrBadPattern
	}
	out, err := script(ctx, run, "expand", `for f in `+shellPattern(pattern)+`; do if [ -e "$f" ] || [ -L "$f" ]; then printf '%s\0' "$f"; fi; done`, pattern)
	if err != nil {
		return nil, err
	}
	var found []string
	for name := range bytes.SplitSeq(out, []byte{0}) {
		if len(name) > 0 {
			found = append(found, string(name))
		}
	}
	slices.Sort(found)
	return found, nil
}

// shellPattern quotes all of a pattern but its wildcards.
func shellPattern(pattern string) string {
	var b strings.Builder
	class := false // within [...]
	start := 0     // where the class began
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString("'" + strings.ReplaceAll(pattern[i:i+1], "'", `'\''`) + "'")
		case c == '[' && !class:
			class, start = true, i
			b.WriteByte(c)
		case c == '^' && class && i == start+1:
			b.WriteByte('!')
		case c == ']' && class, c == '-' && class:
			class = class && c != ']'
			b.WriteByte(c)
		case !class && (c == '*' || c == '?'):
			b.WriteByte(c)
		case c == '\'':
			b.WriteString(`\'`)
		default:
			b.WriteString("'" + pattern[i:i+1] + "'")
		}
	}
	return b.String()
}
