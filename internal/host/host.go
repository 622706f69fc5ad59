// Package host inspects the machine on which a file server runs and turns what
// the machine tells into findings: services and their sockets, the firewall
// followed packet by packet, the configuration held against reality, accounts,
// certificates, and what a machine runs out of.
//
// It hides which tools and files of which system tell what. It only reads, and
// touches the world through its [Machine] alone; what could not be read is said,
// with what it would take. What [Question] tells of a check made from outside
// decides what matters: a cause of a refused login is none where the login works.
//
// A section is one file and one line in [sections]. Readers of foreign output
// are pure functions.
//
//	r, err := host.Inspect(ctx, m, host.Question{Port: 21, User: "alice", Source: addr})
//	for _, f := range r.Findings { … }
package host

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/finding"
)

// Seen is what a check made from outside saw of one step.
type Seen int

// What a check can have seen.
const (
	Untried Seen = iota
	Works
	Fails
)

// Question is what somebody wants to know of a machine. The zero value asks for
// everything; what is known from a check makes the answer sharper.
type Question struct {
	Target     string     // the URL of the service, for the commands that verify
	Host       string     // the name that people use for the machine
	Port       uint16     // of the control connection; 0: every file server
	Protocol   string     // ftp, ssh or http; empty: by the port, or all
	TLS        bool       // the session is, or is to be, encrypted
	User       string     // the account; empty or anonymous: none is looked at
	Source     netip.Addr // where the client comes from, as the machine sees it
	ServerAddr netip.Addr // the address that the client connects to
	Upload     bool       // the user wants to write
	Path       string     // the directory in question, as the user sees it

	Active      bool           // the server is to connect to the client
	Passive     netip.AddrPort // what the server announced for a passive transfer
	Certificate string         // SHA-256 of the certificate that was served, hexadecimal
	Password    bool           // the login was tried with a password
	Key         bool           // the login was tried with a key

	Connect, Greeting, Login, Data, Transfer Seen // what worked from outside
}

// protocol is the family of servers in question; empty: all.
func (q Question) protocol() string {
	if q.Protocol != "" {
		return q.Protocol
	}
	switch q.Port {
	case 21, 990:
		return FTP
	case 22:
		return SSH
	case 80, 443:
		return HTTP
	}
	return ""
}

// user is the account to look at; nobody where it is anonymous.
func (q Question) user() string {
	if strings.EqualFold(q.User, "anonymous") || strings.EqualFold(q.User, "ftp") {
		return ""
	}
	return q.User
}

// Result is what the machine told.
type Result struct {
	Checks       []finding.Check    // one for each section
	Findings     []*finding.Finding // not reduced, not localized
	Facts        Facts
	NotAvailable []string // phrases: what could not be read, and what it takes
}

// section is one part of an inspection.
type section struct {
	name, layer string
	systems     []string // GOOS; nil: all
	run         func(context.Context, *part)
}

// sections in the order of the report; they run side by side.
var sections = []*section{
	servicesSection, socketsSection, firewallSection, configSection, certificatesSection,
	accountSection, accessSection, resourcesSection, denialsSection, clockSection,
}

const (
	linux   = "linux"
	windows = "windows"
	darwin  = "darwin"
)

// abreast is how many sections run at a time: enough to hide the way to the
// machine, few enough for sshd's limit of sessions (MaxSessions 10).
const abreast = 4

// Inspect looks at the machine. An error means that it could not be looked at
// at all; what single parts could not see is in the result.
func Inspect(ctx context.Context, m Machine, q Question) (*Result, error) {
	l := newLook(ctx, m, q)
	parts := make([]*part, len(sections))
	slots := make(chan struct{}, abreast)
	var wg sync.WaitGroup
	for i, s := range sections {
		parts[i] = &part{look: l, section: s}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			parts[i].make(ctx)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.result(parts), nil
}

// result puts the parts together, in the order of the sections.
func (l *look) result(parts []*part) *Result {
	r := &Result{Findings: []*finding.Finding{}, Facts: l.facts()}
	for _, p := range parts {
		r.Checks = append(r.Checks, p.done)
		r.Findings = append(r.Findings, p.findings...)
		for _, tell := range p.told {
			tell(&r.Facts)
		}
		for _, m := range p.lacking {
			if !slices.Contains(r.NotAvailable, m) {
				r.NotAvailable = append(r.NotAvailable, m)
			}
		}
	}
	return r
}

// part is one section under way.
type part struct {
	*look
	section  *section
	done     finding.Check
	findings []*finding.Finding
	lacking  []string
	partial  string // a phrase: why the section could not finish looking
	skipped  string // a phrase: why there was nothing to look at
	told     []func(*Facts)
}

// make runs the section and says how it ended.
func (p *part) make(ctx context.Context) {
	p.done = finding.Check{Name: p.section.name, Layer: p.section.layer}
	if p.section.systems != nil && !slices.Contains(p.section.systems, p.sys.OS) {
		p.done.Outcome, p.done.Because = finding.Skipped, "not looked at on this operating system"
		return
	}
	start := time.Now()
	p.section.run(ctx, p)
	p.done.DurationS = float64(time.Since(start).Microseconds()) / 1e6
	p.done.Outcome = finding.Passed
	if p.skipped != "" {
		p.done.Outcome, p.done.Because = finding.Skipped, p.skipped
	}
	for _, f := range p.findings {
		if f.Severity >= finding.Warning {
			p.done.Outcome, p.done.Because = finding.Found, ""
		}
	}
	if p.partial != "" && p.done.Outcome == finding.Passed {
		p.done.Outcome, p.done.Because = finding.Incomplete, p.partial
	}
}

// fact notes something for the result; it is called when all parts are through.
func (p *part) fact(tell func(*Facts)) { p.told = append(p.told, tell) }

// lacks notes what could not be read, once, with what it takes.
func (p *part) lacks(what string) {
	if !slices.Contains(p.lacking, what) {
		p.lacking = append(p.lacking, what)
	}
}

// find states a finding about the service in question.
func (p *part) find(f *finding.Finding) *finding.Finding { return p.findAt(f, p.q.Port) }

// findAt states a finding about the service on a port.
func (p *part) findAt(f *finding.Finding, port uint16) *finding.Finding {
	f.With("host", p.hostName())
	if port == 0 {
		port = 21
	}
	if f.Args["port"] == "" {
		f.With("port", strconv.Itoa(int(port)))
	}
	if f.Args["address"] == "" {
		f.With("address", p.address())
	}
	if f.Args["target"] == "" {
		f.With("target", p.target(port))
	}
	if f.Args["user"] == "" {
		f.With("user", p.q.User)
	}
	p.findings = append(p.findings, f)
	return f
}

// hostName is what people call the machine.
func (l *look) hostName() string {
	if l.q.Host != "" {
		return l.q.Host
	}
	return l.name()
}

// address is the one that clients connect to, as far as is known.
func (l *look) address() string {
	if l.q.ServerAddr.IsValid() {
		return l.q.ServerAddr.String()
	}
	for _, i := range l.interfaces() {
		for _, a := range i.Addresses {
			if a.Addr().IsGlobalUnicast() && !a.Addr().IsLinkLocalUnicast() {
				return a.Addr().String()
			}
		}
	}
	return l.hostName()
}

// target is a URL for the commands that verify.
func (l *look) target(port uint16) string {
	if l.q.Target != "" {
		return l.q.Target
	}
	switch port {
	case 22:
		return "sftp://" + l.hostName()
	case 443:
		return "https://" + l.hostName() + "/"
	case 80:
		return "http://" + l.hostName() + "/"
	case 990:
		return "ftps://" + l.hostName()
	case 21:
		return "ftp://" + l.hostName()
	}
	return "ftp://" + l.hostName() + ":" + strconv.Itoa(int(port))
}

// ErrNeedsRoot says that what was asked can be read by root alone.
var ErrNeedsRoot = errors.New("the rules of the firewall can be read by root alone")
