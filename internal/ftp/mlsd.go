package ftp

import (
	"bytes"
	"errors"
	"strings"
)

// ErrNoFacts is returned for a line that is not one of MLSD.
var ErrNoFacts = errors.New("not a line of MLSD")

// maxFacts bounds the facts of one line; a dozen are known.
const maxFacts = 64

// ParseMLSD reads a line of MLSD, or one of MLST, which has a space before it
// (RFC 3659 §7.2): facts, one space, the name, which may begin with spaces. A
// line end is passed over. The facts size, modify, type, perm, unique, and those
// of Unix that servers add are understood, in whatever case.
func ParseMLSD(line []byte) (Entry, error) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > 1 && line[0] == ' ' && looksLikeFacts(line[1:]) {
		line = line[1:]
	}
	facts, name, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(name) == 0 || bytes.IndexByte(line, '\n') >= 0 {
		return Entry{}, ErrNoFacts
	}
	if len(facts) > 0 && facts[len(facts)-1] != ';' {
		return Entry{}, ErrNoFacts
	}
	e := Entry{Name: bytes.Clone(name), Type: Other, Size: -1}
	count := 0
	for fact := range bytes.SplitSeq(facts, []byte(";")) {
		if len(fact) == 0 {
			continue
		}
		key, value, ok := bytes.Cut(fact, []byte("="))
		if !ok || len(key) == 0 {
			return Entry{}, ErrNoFacts
		}
		if count++; count > maxFacts {
			break
		}
		e.fact(strings.ToLower(string(key)), string(value))
	}
	return e, nil
}

func (e *Entry) fact(key, value string) {
	switch key {
	case "type":
		e.Type, e.Target = factType(value)
	case "size", "sizd": // sizd: Pure-FTPd, of directories
		if n, ok := wholeNumber([]byte(value)); ok {
			e.Size = n
		}
	case "modify":
		if t, precision, err := parseTimeVal(value); err == nil {
			e.Time, e.TimePrecision = t, precision
		}
	case "perm":
		e.Perm = value
	case "unique":
		e.Unique = value
	case "unix.mode":
		e.Mode = value
	case "unix.ownername":
		e.Owner = value
	case "unix.groupname":
		e.Group = value
	case "unix.owner", "unix.uid":
		if e.Owner == "" {
			e.Owner = value
		}
	case "unix.group", "unix.gid":
		if e.Group == "" {
			e.Group = value
		}
	}
}

// factType reads the fact type (RFC 3659 §7.5.1). Links have no type of their
// own: OS.unix=symlink, OS.unix=slink:TARGET.
func factType(value string) (Type, string) {
	lower := strings.ToLower(value)
	switch lower {
	case "file":
		return File, ""
	case "dir", "cdir", "pdir":
		return Dir, ""
	}
	if !strings.HasPrefix(lower, "os.unix=") {
		return Other, ""
	}
	kind, target, _ := strings.Cut(value[len("os.unix="):], ":")
	switch strings.ToLower(kind) {
	case "slink", "symlink":
		return Link, target
	}
	return Other, ""
}

// looksLikeFacts tells whether a line begins with key=value; as MLSD's do.
func looksLikeFacts(line []byte) bool {
	i := 0
	for i < len(line) && i < 32 && (isLetter(line[i]) || line[i] == '.' || line[i] == '-' || line[i] == '_') {
		i++
	}
	if i == 0 || i >= len(line) || line[i] != '=' {
		return false
	}
	facts, _, ok := bytes.Cut(line, []byte(" "))
	return ok && facts[len(facts)-1] == ';'
}
