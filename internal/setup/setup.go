// Package setup writes the configuration of a file server as an administrator
// would wish to find it: TLS demanded, sessions limited, one directory for each
// user that nobody leaves, what happens logged; and beside it what belongs to
// it: openings in the firewall, rotation of the log, a unit that restarts, a
// jail for those who guess passwords.
//
// It hides what each server calls things and which of its versions knows what.
// It promises that the server accepts what it writes, that package lint finds
// nothing in it, and that each line says why it stands there. It writes text
// only: nothing is changed on any machine.
//
//	set, err := setup.Write("vsftpd", setup.Options{Certificate: crt, Key: key})
//	for _, f := range set.Files { … }
package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// Options say what the server is to serve. The zero value of a limit is its
// default.
type Options struct {
	Lang        finding.Lang // of the reasons beside the lines
	Version     string       // of the server, as "3.0.3"; empty: one that Debian has today
	Certificate string       // path on the server; with its intermediates
	Key         string       // path on the server
	PassiveLow  int          // the range of data connections; both 0: 50000 to 50100
	PassiveHigh int
	Public      string   // the address that clients know, behind NAT; empty: the server's own
	Users       []string // who may log in; none: every account with a valid shell
	MaxClients  int      // sessions at once; 0: 50
	MaxPerIP    int      // of these from one address; 0: 5
}

// Set is what was written.
type Set struct {
	Server string `json:"server"`
	Files  []File `json:"files"`
	// Commands are to be run by the administrator, in their order.
	Commands []string `json:"commands"`
}

// File is a file of the server.
type File struct {
	Path    string      `json:"path"`
	Mode    fs.FileMode `json:"mode"`
	Why     string      `json:"why"`
	Content string      `json:"content"`
}

// The errors of what was asked for.
var (
	ErrUnknownServer = errors.New("no such server")
	ErrNoTLS         = errors.New("no certificate: without TLS passwords cross the network in clear")
)

// Error says which option can't be.
type Error struct{ Option, Why string }

func (e *Error) Error() string { return e.Option + ": " + e.Why }

// text is a phrase in both languages.
type text struct{ en, zh string }

func (t text) in(l finding.Lang) string {
	if l == finding.Chinese {
		return t.zh
	}
	return t.en
}

// writers make the configuration of each server.
var writers = map[string]func(*Options) (*Set, error){
	"vsftpd": vsftpd, "proftpd": proftpd, "pure-ftpd": pureftpd, "sshd": sshd, "iis": iis,
}

// Servers are the names that [Write] knows.
func Servers() []string { return []string{"vsftpd", "proftpd", "pure-ftpd", "sshd", "iis"} }

// Write writes the configuration of a server. The error is one of this package's.
func Write(server string, o Options) (*Set, error) {
	w := writers[server]
	if w == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownServer, server)
	}
	if o.MaxClients == 0 {
		o.MaxClients = 50
	}
	if o.MaxPerIP == 0 {
		o.MaxPerIP = 5
	}
	if o.PassiveLow == 0 && o.PassiveHigh == 0 {
		o.PassiveLow, o.PassiveHigh = 50000, 50100
	}
	if err := o.check(server); err != nil {
		return nil, err
	}
	set, err := w(&o)
	if err != nil {
		return nil, err
	}
	set.Server = server
	return set, nil
}

var (
	// userRE is what useradd(8) takes.
	userRE = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	nameRE = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
)

func (o *Options) check(server string) error {
	if server != "sshd" && server != "iis" {
		if o.Certificate == "" || o.Key == "" {
			return ErrNoTLS
		}
		for _, p := range []string{o.Certificate, o.Key} {
			if !path.IsAbs(p) || strings.ContainsAny(p, " \t\n\"'\\#") {
				return &Error{"--tls", fmt.Sprintf("%q is no absolute path without blanks", p)}
			}
		}
	}
	switch {
	case o.PassiveLow < 1024 || o.PassiveHigh > 65535 || o.PassiveLow > o.PassiveHigh:
		return &Error{"--passive", fmt.Sprintf("%d-%d is no range of ports between 1024 and 65535", o.PassiveLow, o.PassiveHigh)}
	case o.PassiveHigh-o.PassiveLow+1 < o.MaxClients && server != "sshd":
		return &Error{"--passive", fmt.Sprintf("%d ports are too few for %d sessions", o.PassiveHigh-o.PassiveLow+1, o.MaxClients)}
	case o.MaxClients < 1 || o.MaxPerIP < 1 || o.MaxPerIP > o.MaxClients:
		return &Error{"--max-per-ip", fmt.Sprintf("%d of %d sessions is no limit", o.MaxPerIP, o.MaxClients)}
	}
	if _, err := netip.ParseAddr(o.Public); o.Public != "" && err != nil && !nameRE.MatchString(o.Public) {
		return &Error{"--public-address", fmt.Sprintf("%q is no address and no name", o.Public)}
	}
	for _, u := range o.Users {
		if !userRE.MatchString(u) {
			return &Error{"--users", fmt.Sprintf("%q is no name of an account", u)}
		}
	}
	return nil
}

// setting is a line of a configuration and its reason. One without a line is a
// heading; one without a reason ends a section.
type setting struct {
	line string
	why  text
}

// render writes settings, each below its reason.
func (o *Options) render(settings []setting) string {
	var b strings.Builder
	for _, s := range settings {
		if s.line == "" && s.why == (text{}) {
			continue
		}
		if s.why != (text{}) {
			b.WriteString("\n# " + s.why.in(o.Lang) + "\n")
		}
		if s.line != "" {
			b.WriteString(s.line + "\n")
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// when leaves a setting out where it has no place.
func when(is bool, s setting) setting {
	if !is {
		return setting{}
	}
	return s
}

// older tells whether a version comes before another; an empty one is today's.
func older(version, than string) bool {
	if version == "" {
		return false
	}
	return slices.Compare(numbers(version), numbers(than)) < 0
}

func numbers(s string) []int {
	var out []int
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		n := 0
		for _, c := range part {
			n = min(n*10+int(c-'0'), 1<<20)
		}
		out = append(out, n)
	}
	return out
}

// strongSuites are suites of TLS 1.2 with forward secrecy and an authenticated
// cipher (RFC 9325 §4.2); those of TLS 1.3 are chosen elsewhere and all strong.
const strongSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
