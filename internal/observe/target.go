package observe

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/width"
)

// Target is what a user wants to reach.
type Target struct {
	Scheme   string // ftp, ftpes, ftps, sftp, dav, davs, http, https; empty: a bare host
	Host     string // as given, without brackets
	Port     int    // 0: the scheme's own
	User     string
	Password string // never printed: String leaves it out
	HasPass  bool
	Path     string // decoded, as a user means it
}

// defaultPorts by scheme.
var defaultPorts = map[string]int{
	"": 21, "ftp": 21, "ftpes": 21, "ftps": 990, "sftp": 22, "dav": 80, "davs": 443, "http": 80, "https": 443,
}

// The protocols of Target.Protocol.
const (
	FTP  = "ftp"
	SSH  = "ssh"
	HTTP = "http"
	Any  = "any" // whatever a bare host offers
)

// Protocol is what is spoken to the target: FTP, SSH or HTTP; Any without a scheme.
func (t Target) Protocol() string {
	switch t.Scheme {
	case "":
		return Any
	case "sftp":
		return SSH
	case "dav", "davs", "http", "https":
		return HTTP
	default:
		return FTP
	}
}

// PortOr returns the port to connect to.
func (t Target) PortOr() int {
	if t.Port != 0 {
		return t.Port
	}
	return defaultPorts[t.Scheme]
}

// HostPort joins host and port.
func (t Target) HostPort() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.PortOr())) }

// String is the URL without the password.
func (t Target) String() string {
	u := url.URL{Scheme: t.Scheme, Path: t.Path}
	if u.Scheme == "" {
		host := t.Host
		if t.Port != 0 {
			host = t.HostPort()
		}
		if t.User != "" {
			host = url.User(t.User).String() + "@" + host
		}
		return host
	}
	if t.User != "" {
		u.User = url.User(t.User)
	}
	u.Host = t.Host
	if strings.Contains(t.Host, ":") {
		u.Host = "[" + t.Host + "]"
	}
	if t.Port != 0 {
		u.Host += ":" + strconv.Itoa(t.Port)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// TargetError says why a text can't be a target, and what was probably meant.
type TargetError struct {
	Given string
	Why   Reason
	Meant string // a target that would do, or empty
}

func (e *TargetError) Error() string {
	s := fmt.Sprintf("%q: %s", e.Given, e.Why)
	if e.Meant != "" {
		s += "; did you mean " + e.Meant + " ?"
	}
	return s
}

// Reason is what is wrong with a target; people read it.
type Reason string

// The reasons of a TargetError.
const (
	WhyEmpty       Reason = "no host is given"
	WhyScheme      Reason = "the scheme is not one that this program knows"
	WhyTwice       Reason = "the scheme stands there twice"
	WhyWide        Reason = "it holds full-width characters"
	WhySpace       Reason = "it holds spaces or invisible characters"
	WhyPort        Reason = "the port is not a number from 1 to 65535"
	WhyWindowsPath Reason = "that is a path of Windows, not a URL"
	WhyQuotes      Reason = "it holds quotation marks or brackets of a text"
	WhyHost        Reason = "the host name has a character that no name can have"
	WhyLength      Reason = "the host name is longer than a name can be"
	WhyPlaceholder Reason = "the host is a placeholder"
	WhySlashes     Reason = "the slashes after the scheme are not two"
	WhyAddress     Reason = "it looks like an IPv4 address and is none"
)

var (
	schemeRE  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):(\\{1,4}|/{0,5})`)
	windowsRE = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\)`)
	hostRE    = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)
	dottedRE  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`)
)

// ParseTarget reads a URL or a bare host. What can't be a target gives a
// *TargetError with the likely intent; the error never holds a password.
func ParseTarget(given string) (Target, error) {
	t, why, mended := parseTarget(given)
	if why == "" {
		return t, nil
	}
	e := &TargetError{Given: withoutPassword(given), Why: why}
	if m, again, _ := parseTarget(mended); again == "" {
		e.Meant = m.String()
	}
	return Target{}, e
}

// parseTarget returns the reason against a text and the text mended.
func parseTarget(s string) (t Target, why Reason, mended string) {
	if narrow := width.Narrow.String(s); narrow != s && hasWide(s) {
		return t, WhyWide, narrow
	}
	if clean := strings.Map(dropInvisible, s); clean != s {
		return t, WhySpace, clean
	}
	if clean := strings.Trim(s, "\"'`<>“”‘’「」,;"); clean != s {
		return t, WhyQuotes, clean
	}
	if windowsRE.MatchString(s) {
		return t, WhyWindowsPath, meantByWindowsPath(s)
	}
	rest := s
	if m := schemeRE.FindStringSubmatch(s); m != nil && (m[2] != "" || isScheme(m[1])) {
		scheme := strings.ToLower(m[1])
		rest = s[len(m[0]):]
		if !isScheme(scheme) {
			return t, WhyScheme, "ftp://" + rest
		}
		if m[2] != "//" {
			return t, WhySlashes, scheme + "://" + rest
		}
		if second := schemeRE.FindStringSubmatch(rest); second != nil && second[2] != "" && isScheme(second[1]) {
			return t, WhyTwice, rest
		}
		t.Scheme = scheme
	}
	return authority(t, rest)
}

// authority reads what stands behind the scheme.
func authority(t Target, rest string) (Target, Reason, string) {
	prefix := ""
	if t.Scheme != "" {
		prefix = t.Scheme + "://"
	}
	hostport, path, hasPath := strings.Cut(rest, "/")
	if at := strings.LastIndex(hostport, "@"); at >= 0 {
		user, pass, has := strings.Cut(hostport[:at], ":")
		t.User, t.Password, t.HasPass = unescape(user), unescape(pass), has
		prefix += hostport[:at+1]
		hostport = hostport[at+1:]
	}
	if hasPath {
		t.Path = "/" + unescape(path)
		path = "/" + path
	}
	host, port, why := splitPort(hostport)
	if why != "" {
		return t, why, prefix + host + path
	}
	t.Port = port
	if host == "" {
		return t, WhyEmpty, ""
	}
	if strings.ContainsAny(host, "{}<>$%") || strings.EqualFold(host, "hostname") || strings.EqualFold(host, "your-server") {
		if _, err := netip.ParseAddr(host); err != nil { // a zone is no placeholder
			return t, WhyPlaceholder, ""
		}
	}
	why, mended := checkHost(&t, host)
	if why != "" && mended != "" {
		mended = prefix + mended + path
	}
	return t, why, mended
}

func checkHost(t *Target, host string) (why Reason, mended string) {
	if a, err := netip.ParseAddr(host); err == nil {
		t.Host = a.String()
		return "", ""
	}
	if dottedRE.MatchString(host) {
		return WhyAddress, mendAddress(host)
	}
	ascii := host
	if !isASCII(host) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(host); err != nil {
			return WhyHost, ""
		}
	}
	switch {
	case strings.Contains(host, `\`):
		return WhyHost, strings.ReplaceAll(host, `\`, "/")
	case strings.Contains(host, ".."):
		return WhyHost, strings.ReplaceAll(host, "..", ".")
	case len(ascii) > 253:
		return WhyLength, ""
	case !hostRE.MatchString(ascii):
		return WhyHost, strings.Trim(strings.ReplaceAll(host, ",", "."), ".-!?")
	}
	for _, label := range strings.Split(ascii, ".") {
		if len(label) > 63 {
			return WhyLength, ""
		}
	}
	t.Host = strings.ToLower(ascii)
	return "", ""
}

// mendAddress drops leading zeros, which some programs write and others read
// as octal.
func mendAddress(s string) string {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		if p = strings.TrimLeft(p, "0"); p == "" {
			p = "0"
		}
		parts[i] = p
	}
	if _, err := netip.ParseAddr(strings.Join(parts, ".")); err != nil {
		return ""
	}
	return strings.Join(parts, ".")
}

func splitPort(s string) (host string, port int, why Reason) {
	if strings.HasPrefix(s, "[") {
		end := strings.Index(s, "]")
		if end < 0 {
			return strings.TrimPrefix(s, "["), 0, WhyHost
		}
		host, s = s[1:end], s[end+1:]
		if s == "" {
			return host, 0, ""
		}
		s = strings.TrimPrefix(s, ":")
	} else if _, err := netip.ParseAddr(s); err == nil {
		return s, 0, ""
	} else {
		var found bool
		if host, s, found = strings.Cut(s, ":"); !found {
			return host, 0, ""
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return host, 0, WhyPort
	}
	return host, n, ""
}

func isScheme(s string) bool {
	_, ok := defaultPorts[strings.ToLower(s)]
	return ok && s != ""
}

// meantByWindowsPath reads \\server\share\file as a server and its path.
func meantByWindowsPath(s string) string {
	if !strings.HasPrefix(s, `\\`) {
		return ""
	}
	return "ftp://" + strings.ReplaceAll(strings.TrimLeft(s, `\`), `\`, "/")
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// withoutPassword hides what stands between the first colon and the last @ of
// the authority, however broken the rest is.
func withoutPassword(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	start := 0
	if i := strings.Index(s[:at], "//"); i >= 0 {
		start = i + 2
	}
	colon := strings.Index(s[start:at], ":")
	if colon < 0 {
		return s
	}
	return s[:start+colon+1] + Hidden + s[at:]
}

func hasWide(s string) bool {
	for _, r := range s {
		if k := width.LookupRune(r).Kind(); k == width.EastAsianFullwidth {
			return true
		}
		if r == '。' || r == '、' {
			return true
		}
	}
	return false
}

func dropInvisible(r rune) rune {
	if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || r == utf8.RuneError {
		return -1
	}
	return r
}

func isASCII(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
