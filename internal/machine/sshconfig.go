package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// clientConfig is what ssh_config(5) says about one host: of each setting the
// first that was found, of identities all. Nothing in it is ever run.
type clientConfig struct {
	host, asUser string // as they were given
	home, local  string // of who runs this program

	set      map[string]setting
	identity []string
}

// setting is a value and where it stands.
type setting struct{ value, place string }

// Bounds on files that somebody else may have written.
const (
	maxClientConfig  = 1 << 20
	maxIncludeDepth  = 16 // as OpenSSH's
	maxIncludedFiles = 256
)

// usualConfigs are the files that ssh reads, in its order.
func usualConfigs() []string {
	files := []string{"/etc/ssh/ssh_config"}
	if home, err := os.UserHomeDir(); err == nil {
		files = append([]string{filepath.Join(home, ".ssh", "config")}, files...)
	}
	return files
}

// readClientConfig reads the files in order. One that is not there is no error.
func readClientConfig(files []string, at Address) (*clientConfig, error) {
	c := &clientConfig{host: at.Host, asUser: at.User, set: map[string]setting{}}
	c.home, _ = os.UserHomeDir() // unknown: what begins with ~ is then not found
	if u, err := user.Current(); err == nil {
		c.local = u.Username
	}
	r := &configReader{clientConfig: c}
	for _, name := range files {
		base := "/etc/ssh"
		if c.home != "" && strings.HasPrefix(name, filepath.Join(c.home, ".ssh")+string(filepath.Separator)) {
			base = filepath.Join(c.home, ".ssh")
		}
		if err := r.file(name, base, true, 0); err != nil {
			return nil, err
		}
	}
	return c, nil
}

type configReader struct {
	*clientConfig
	files int
}

// file reads one file; active tells whether its first lines apply.
func (r *configReader) file(name, base string, active bool, depth int) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration of ssh: %w", err)
	}
	r.files++
	if len(text) > maxClientConfig || r.files > maxIncludedFiles || depth > maxIncludeDepth {
		return fmt.Errorf("read the configuration of ssh: %s: too much to read", name)
	}
	whole := active
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxClientConfig+1)
	for n := 1; lines.Scan(); n++ {
		key, args, err := configLine(lines.Text())
		place := fmt.Sprintf("%s:%d", name, n)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", place, err)
		case key == "":
		case key == "host":
			active = whole && matchesAny(args, r.host)
		case key == "match":
			active = whole && r.match(args)
		case key == "include" && active:
			if err := r.include(args, base, depth); err != nil {
				return err
			}
		case active && len(args) > 0:
			r.take(key, args, place)
		}
	}
	return lines.Err()
}

func (r *configReader) include(patterns []string, base string, depth int) error {
	for _, p := range patterns {
		p = r.tilde(p)
		if !filepath.IsAbs(p) {
			p = filepath.Join(base, p)
		}
		found, err := filepath.Glob(p)
		if err != nil {
			continue // a pattern that fits nothing
		}
		for _, f := range found {
			if err := r.file(f, base, true, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// configLine takes a line apart: the keyword in lower case, and its arguments.
func configLine(line string) (key string, args []string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), nil, nil
	}
	key, rest := strings.ToLower(line[:end]), strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if key == "proxycommand" { // all of it
		return key, []string{rest}, nil
	}
	for rest != "" && rest[0] != '#' {
		var word strings.Builder
		quote := byte(0)
		i := 0
		for ; i < len(rest); i++ {
			ch := rest[i]
			switch {
			case ch == '\\' && i+1 < len(rest) && strings.IndexByte(`"'\`, rest[i+1]) >= 0:
				i++
				word.WriteByte(rest[i])
				continue
			case quote != 0 && ch == quote:
				quote = 0
				continue
			case quote == 0 && (ch == '"' || ch == '\''):
				quote = ch
				continue
			}
			if quote == 0 && (ch == ' ' || ch == '\t') {
				break
			}
			word.WriteByte(ch)
		}
		if quote != 0 {
			return "", nil, errors.New("a quotation mark is not closed")
		}
		args = append(args, word.String())
		rest = strings.TrimLeft(rest[i:], " \t")
	}
	return key, args, nil
}

// matchesAny is how Host compares: one pattern fits, and none with ! does.
func matchesAny(patterns []string, name string) bool {
	found := false
	for _, p := range patterns {
		negated := strings.HasPrefix(p, "!")
		if !wildcard(strings.TrimPrefix(p, "!"), name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// wildcard compares with * and ?.
func wildcard(pattern, name string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(name) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == name[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// match judges the criteria of a Match line. What would have to be run, or needs
// a second reading, does not match.
func (r *configReader) match(args []string) bool {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		name = strings.ToLower(name)
		negated := strings.HasPrefix(name, "!")
		name = strings.TrimPrefix(name, "!")
		if name == "all" {
			return len(args) == 1 && !negated
		}
		if name == "canonical" || name == "final" {
			if negated {
				continue // the first reading is neither
			}
			return false
		}
		if !joined {
			if i++; i == len(args) {
				return false
			}
			value = args[i]
		}
		var subject string
		switch name {
		case "host":
			subject = r.hostName()
		case "originalhost":
			subject = r.host
		case "user":
			subject = r.remoteUser()
		case "localuser":
			subject = r.local
		default:
			return false
		}
		if matchesAny(strings.Split(value, ","), subject) == negated {
			return false
		}
	}
	return len(args) > 0
}

// take notes a setting, unless an earlier one holds.
func (r *configReader) take(key string, args []string, place string) {
	switch key {
	case "identityfile":
		if !slices.Contains(r.identity, args[0]) {
			r.identity = append(r.identity, args[0])
		}
		return
	case "proxyjump", "proxycommand": // which of them comes first holds
		if _, ok := r.set["proxyjump"]; ok {
			return
		}
		if _, ok := r.set["proxycommand"]; ok {
			return
		}
	}
	if _, ok := r.set[key]; !ok {
		r.set[key] = setting{strings.Join(args, " "), place}
	}
}

func (c *clientConfig) tilde(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && c.home != "" {
		return filepath.Join(c.home, rest)
	}
	return name
}

func (c *clientConfig) remoteUser() string {
	if c.asUser != "" {
		return c.asUser
	}
	if s, ok := c.set["user"]; ok {
		return s.value
	}
	return c.local
}

// hostName is the name to connect to.
func (c *clientConfig) hostName() string {
	s, ok := c.set["hostname"]
	if !ok {
		return c.host
	}
	return strings.NewReplacer("%%", "%", "%h", c.host).Replace(s.value)
}

// expand puts in what stands for other things in the names of files.
func (c *clientConfig) expand(name string, port int) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	short, _, _ := strings.Cut(host, ".")
	name = strings.NewReplacer("%%", "%", "%d", c.home, "%h", c.hostName(), "%n", c.host, "%p", strconv.Itoa(port),
		"%r", c.remoteUser(), "%u", c.local, "%l", host, "%L", short).Replace(name)
	name = os.Expand(name, func(key string) string { return os.Getenv(key) })
	return c.tilde(name)
}

// apply completes address and options with what the configuration says; what
// was given in so many words holds.
func (c *clientConfig) apply(at Address, o Options) (Address, Options, error) {
	if s, ok := c.set["port"]; ok && at.Port == 0 {
		port, err := strconv.Atoi(s.value)
		if err != nil || port < 1 || port > 65535 {
			return at, o, fmt.Errorf("%s: Port %q is not from 1 to 65535", s.place, s.value)
		}
		at.Port = port
	}
	port := at.Port
	if port == 0 {
		port = 22
	}
	at.Host, at.User = c.hostName(), c.remoteUser()
	if s, ok := c.set["hostkeyalias"]; ok {
		o.alias = s.value
	}
	if len(o.Identity) == 0 {
		for _, f := range c.identity {
			if f = c.expand(f, port); f != "none" {
				o.files = append(o.files, f)
			}
		}
		if s := c.set["identitiesonly"]; strings.EqualFold(s.value, "yes") && len(o.files) > 0 {
			o.Identity = o.files
		}
	}
	if s, ok := c.set["userknownhostsfile"]; ok && len(o.KnownHosts) == 0 {
		for f := range strings.FieldsSeq(s.value) {
			if f = c.expand(f, port); f != "none" && path.Clean(f) != "/dev/null" {
				o.KnownHosts = append(o.KnownHosts, f)
			}
		}
		o.KnownHosts = append(o.KnownHosts, systemKnownHosts...)
	}
	if o.Jump == nil {
		jump, err := c.jump()
		if err != nil {
			return at, o, err
		}
		o.Jump = jump
	}
	return at, o, nil
}

// jump is the machine to go through.
func (c *clientConfig) jump() (*Address, error) {
	if s, ok := c.set["proxycommand"]; ok && !strings.EqualFold(s.value, "none") {
		return nil, fmt.Errorf("%s: ProxyCommand is not run; name the machine to go through with --jump", s.place)
	}
	s, ok := c.set["proxyjump"]
	if !ok || strings.EqualFold(s.value, "none") {
		return nil, nil
	}
	if strings.Contains(s.value, ",") {
		return nil, fmt.Errorf("%s: ProxyJump over several machines; log in from the nearest, or name one with --jump", s.place)
	}
	a, err := ParseAddress(s.value)
	if err != nil {
		return nil, fmt.Errorf("%s: ProxyJump: %w", s.place, err)
	}
	return &a, nil
}
