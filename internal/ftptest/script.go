package ftptest

import (
	"crypto/tls"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// script is a parsed script: what differs from the healthy server.
type script struct {
	greeting []string // empty: the software's
	rules    []*rule

	listen    string // ipv4, ipv6, closed
	software  string
	user      string
	password  string
	anonymous string // off, on, write
	files     []extraFile
	without   map[string]bool
	active    string // on, off, blocked
	delay     time.Duration
	drip      time.Duration

	tls          string // none, explicit, required, implicit
	minTLS       uint16
	maxTLS       uint16
	cert         certKnobs
	clientCert   bool
	sessionReuse bool

	upload, download dataFault
}

type extraFile struct {
	name string
	data []byte
}

// dataFault is what goes wrong on a data channel.
type dataFault struct {
	kind  string // empty: nothing
	after int64  // bytes: stall, reset, truncate
	every time.Duration
}

// rule replaces what the server does on a command.
type rule struct {
	guard string // "", plain, tls
	verbs []string
	arg   *regexp.Regexp // nil: any
	nth   int            // 0: each time
	do    []action
}

// connectEvent is the verb of rules about the moment after accepting.
const connectEvent = "CONNECT"

// forever is the count of an endless repetition.
const forever = -1

// action is one thing that a rule does.
type action struct {
	kind  string // reply, raw, drip, wait, await, receive, send, pass, hang, close, reset
	text  string
	count int64         // raw: repetitions; receive: bytes, forever for all
	wait  time.Duration // wait, drip
}

var (
	replyLine = regexp.MustCompile(`^\d{3}([ -]|$)`)
	knobLine  = regexp.MustCompile(`^([a-z]+(?:-[a-z]+)*):\s*(.*)$`)
	headLine  = regexp.MustCompile(`^(?:\[(plain|tls)\]\s*)?([A-Z|]+|\*|connect)(?:\s+#(\d+))?(?:\s+(.*\S))?$`)
)

// parseScript reads the script language of the package comment. An error names
// the line.
func parseScript(text string) (*script, error) {
	s := &script{
		listen: "ipv4", software: "vsftpd", user: User, password: Password, anonymous: "off", active: "on", tls: "none",
		minTLS: tls.VersionTLS12, maxTLS: tls.VersionTLS13, without: map[string]bool{},
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("script is not UTF-8; bytes can be written as \\xff in quotes")
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	indent := sharedIndent(lines)
	var current *rule
	for i, line := range lines {
		line = strings.TrimRight(strings.TrimPrefix(line, indent), " \t")
		body := strings.TrimSpace(line)
		var err error
		switch {
		case body == "" || body[0] == '#':
			continue
		case line != body && current == nil:
			err = fmt.Errorf("indented, but follows no rule")
		case line != body:
			err = current.add(body)
		case replyLine.MatchString(line):
			s.greeting = append(s.greeting, line)
		case knobLine.MatchString(line):
			m := knobLine.FindStringSubmatch(line)
			current, err = nil, s.set(m[1], m[2])
		default:
			if current, err = parseRule(line); err == nil {
				s.rules = append(s.rules, current)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("script line %d: %w", i+1, err)
		}
	}
	for _, r := range s.rules {
		if len(r.do) == 0 {
			return nil, fmt.Errorf("script: rule for %s does nothing", strings.Join(r.verbs, "|"))
		}
	}
	return s, nil
}

// sharedIndent is the white space with which every line that has text begins,
// so that scripts can be indented in Go source.
func sharedIndent(lines []string) string {
	indent, seen := "", false
	for _, l := range lines {
		body := strings.TrimLeft(l, " \t")
		if body == "" {
			continue
		}
		own := l[:len(l)-len(body)]
		if !seen {
			indent, seen = own, true
		}
		for !strings.HasPrefix(own, indent) {
			indent = indent[:len(indent)-1]
		}
	}
	return indent
}

func parseRule(line string) (*rule, error) {
	head, rest, ok := strings.Cut(line, "→")
	if !ok {
		head, rest, ok = strings.Cut(line, "->")
	}
	if !ok {
		return nil, fmt.Errorf("%q is neither a greeting, a knob nor a rule", line)
	}
	m := headLine.FindStringSubmatch(strings.TrimSpace(head))
	if m == nil {
		return nil, fmt.Errorf("%q is no command", strings.TrimSpace(head))
	}
	r := &rule{guard: m[1], verbs: strings.Split(strings.ToUpper(m[2]), "|")}
	if m[3] != "" {
		n, err := strconv.Atoi(m[3])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("#%s counts from 1", m[3])
		}
		r.nth = n
	}
	if m[4] != "" {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(m[4]), `\*`, `.*`)
		r.arg = regexp.MustCompile(`(?is)^` + pattern + `$`)
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		return r, r.add(rest)
	}
	return r, nil
}

// add parses an action and appends it to the rule.
func (r *rule) add(text string) error {
	a, err := parseAction(text)
	if err != nil {
		return err
	}
	r.do = append(r.do, a)
	return nil
}

func parseAction(text string) (action, error) {
	if replyLine.MatchString(text) {
		return action{kind: "reply", text: text}, nil
	}
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	a := action{kind: word, count: 1}
	var err error
	switch word {
	case "pass", "hang", "close", "reset", "await":
		if rest != "" {
			err = fmt.Errorf("%s takes nothing", word)
		}
	case "raw", "send":
		a.text, err = strconv.Unquote(rest)
	case "repeat":
		n, quoted, ok := strings.Cut(rest, " raw ")
		if !ok {
			return a, fmt.Errorf("repeat wants: N raw \"…\"")
		}
		a.kind = "raw"
		if a.count, err = parseCount(n, "forever"); err == nil {
			a.text, err = strconv.Unquote(strings.TrimSpace(quoted))
		}
	case "receive":
		a.count, err = parseCount(rest, "all")
	case "wait":
		a.wait, err = time.ParseDuration(rest)
	case "drip":
		d, quoted, _ := strings.Cut(rest, " ")
		if a.wait, err = time.ParseDuration(d); err == nil {
			a.text, err = strconv.Unquote(strings.TrimSpace(quoted))
		}
	default:
		return a, fmt.Errorf("no action %q", word)
	}
	if err != nil {
		return a, fmt.Errorf("action %q: %w", text, err)
	}
	return a, nil
}

// parseCount reads a count of at least 0, or the word that means without end.
func parseCount(text, endless string) (int64, error) {
	if text == endless {
		return forever, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is negative", n)
	}
	return n, err
}

// set sets a knob.
func (s *script) set(name, value string) error {
	var err error
	switch name {
	case "listen":
		err = choose(&s.listen, value, "ipv4", "ipv6", "closed")
	case "software":
		err = choose(&s.software, value, "vsftpd", "proftpd", "pureftpd", "filezilla", "iis")
	case "user":
		f := strings.Fields(value)
		if len(f) != 2 {
			return fmt.Errorf("user wants a name and a password")
		}
		s.user, s.password = f[0], f[1]
	case "anonymous":
		err = choose(&s.anonymous, value, "off", "on", "write")
	case "file":
		err = s.addFile(value)
	case "without":
		for _, v := range strings.Fields(value) {
			s.without[strings.ToUpper(v)] = true
		}
	case "active":
		err = choose(&s.active, value, "on", "off", "blocked")
	case "delay":
		s.delay, err = time.ParseDuration(value)
	case "drip":
		s.drip, err = time.ParseDuration(value)
	case "tls":
		err = choose(&s.tls, value, "none", "explicit", "required", "implicit")
	case "tls-versions":
		err = s.setVersions(value)
	case "cert":
		err = s.cert.set(strings.Fields(value))
	case "client-cert":
		s.clientCert, err = true, choose(new(string), value, "required")
	case "session-reuse":
		s.sessionReuse, err = true, choose(new(string), value, "required")
	case "data":
		err = s.setData(value)
	default:
		return fmt.Errorf("no knob %q", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func choose(to *string, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		*to = value
		return nil
	}
	return fmt.Errorf("%q is none of %s", value, strings.Join(allowed, ", "))
}

func (s *script) addFile(value string) error {
	quoted, err := strconv.QuotedPrefix(value)
	if err != nil {
		return fmt.Errorf("quoted name: %w", err)
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return fmt.Errorf("quoted name: %w", err)
	}
	content := strings.TrimSpace(strings.TrimPrefix(value, quoted))
	var data []byte
	if size, err := strconv.ParseInt(content, 10, 32); err == nil {
		if size < 0 || size > maxFile {
			return fmt.Errorf("size %d is not between 0 and %d", size, maxFile)
		}
		data = filler(int(size))
	} else {
		text, err := strconv.Unquote(content)
		if err != nil {
			return fmt.Errorf("size or quoted text: %w", err)
		}
		data = []byte(text)
	}
	s.files = append(s.files, extraFile{name, data})
	return nil
}

func (s *script) setVersions(value string) error {
	known := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	lo, hi, ok := strings.Cut(value, "-")
	if !ok {
		hi = lo
	}
	s.minTLS, s.maxTLS = known[lo], known[hi]
	if s.minTLS == 0 || s.maxTLS == 0 || s.minTLS > s.maxTLS {
		return fmt.Errorf("%q is no range of 1.0 to 1.3", value)
	}
	return nil
}

func (s *script) setData(value string) error {
	f := strings.Fields(value)
	up, down := true, true
	if len(f) > 0 && (f[0] == "upload" || f[0] == "download") {
		up, down, f = f[0] == "upload", f[0] == "download", f[1:]
	}
	if len(f) == 0 || len(f) > 2 {
		return fmt.Errorf("wants one kind of fault")
	}
	d := dataFault{kind: f[0]}
	arg := append(f, "")[1]
	var err error
	switch d.kind {
	case "stall", "reset", "truncate":
		if arg != "" {
			d.after, err = parseCount(arg, "")
		}
	case "drip":
		d.every, err = time.ParseDuration(arg)
	case "refuse", "drop", "corrupt":
		if arg != "" {
			err = fmt.Errorf("%s takes nothing", d.kind)
		}
		if !up || !down {
			if d.kind != "corrupt" {
				err = fmt.Errorf("%s is the same in both directions", d.kind)
			}
		}
	default:
		err = fmt.Errorf("no kind %q", d.kind)
	}
	if up {
		s.upload = d
	}
	if down {
		s.download = d
	}
	return err
}

// fits tells whether the rule is about this command, without regard to how
// often it came.
func (r *rule) fits(verb, arg string, secure bool) bool {
	if r.guard == "tls" && !secure || r.guard == "plain" && secure {
		return false
	}
	if r.arg != nil && !r.arg.MatchString(arg) {
		return false
	}
	for _, v := range r.verbs {
		if v == verb || v == "*" && verb != connectEvent {
			return true
		}
	}
	return false
}
