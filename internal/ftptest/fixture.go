package ftptest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// Fixture is a scenario read from a file: a server, what to ask of it, and what
// must be found.
type Fixture struct {
	Fault
	Comment string
	Found   []Found // exactly these of severity warning or worse, in any order; empty: healthy
}

// Found is one finding that a fixture wants.
type Found struct {
	Code, Severity string
	Root           bool
	Because        string // the code that explains it; empty: none
}

var severities = []string{"critical", "error", "warning", "notice", "info"}

// ParseFixture reads a fixture; see the package comment. The name becomes the
// fault's. An error names the section and line.
func ParseFixture(name string, data []byte) (*Fixture, error) {
	a := txtar.Parse(data)
	f := &Fixture{Fault: Fault{Name: name, Password: Password}, Comment: strings.TrimSpace(string(a.Comment))}
	seen := map[string]bool{}
	for _, section := range a.Files {
		if seen[section.Name] {
			return nil, fmt.Errorf("fixture %s: section %q twice", name, section.Name)
		}
		seen[section.Name] = true
		var err error
		switch text := string(section.Data); section.Name {
		case "server":
			f.Script = text
			_, err = parseScript(text)
		case "check":
			err = eachLine(text, f.setCheck)
		case "want":
			err = eachLine(text, f.addWant)
		default:
			err = fmt.Errorf("no such section")
		}
		if err != nil {
			return nil, fmt.Errorf("fixture %s: %s: %w", name, section.Name, err)
		}
	}
	if !seen["server"] || !seen["want"] {
		return nil, fmt.Errorf("fixture %s: sections server and want are needed", name)
	}
	return f, nil
}

// eachLine calls do for each line that is neither blank nor a comment.
func eachLine(text string, do func(line string) error) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (f *Fixture) setCheck(line string) error {
	name, value, ok := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch {
	case !ok:
		return fmt.Errorf("%q is not of the form name: value", line)
	case name == "target":
		if _, err := url.Parse(strings.ReplaceAll(value, "{addr}", "127.0.0.1:21")); err != nil {
			return fmt.Errorf("target: %w", err)
		}
		f.Target = func(s *Server) string { return strings.ReplaceAll(value, "{addr}", s.Addr()) }
	case name == "password":
		f.Password = value
	case name == "args":
		f.Args = strings.Fields(value)
	default:
		return fmt.Errorf("no setting %q", name)
	}
	return nil
}

func (f *Fixture) addWant(line string) error {
	words := strings.Fields(line)
	if len(words) < 2 || !strings.Contains(words[0], "/") || !slices.Contains(severities, words[1]) {
		return fmt.Errorf("%q does not begin with a code and a severity", line)
	}
	w := Found{Code: words[0], Severity: words[1]}
	switch rest := words[2:]; {
	case len(rest) == 0:
	case len(rest) == 1 && rest[0] == "root":
		w.Root = true
		f.Want = append(f.Want, w.Code)
	case len(rest) == 2 && rest[0] == "because":
		w.Because = rest[1]
	default:
		return fmt.Errorf("%q is neither root nor because CODE", strings.Join(rest, " "))
	}
	if len(f.Want) > 1 {
		return fmt.Errorf("a second root")
	}
	f.Found = append(f.Found, w)
	return nil
}
