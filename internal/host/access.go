package host

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// accessSection looks at who is let in before anybody is asked for a name, and
// at what closes every login.
var accessSection = &section{name: "access", layer: "net", systems: []string{linux}, run: access}

func access(_ context.Context, p *part) {
	for _, s := range p.asked() {
		if !s.running() {
			continue
		}
		p.wrappers(s)
		switch s.Kind {
		case "openssh":
			p.setUp(s)
			p.startups(s)
			p.perSource(s)
		case "proftpd":
			p.limitLogin(s)
			p.modBan(s)
		}
		if s.Family != HTTP && p.q.Login != Works {
			p.closed(s)
		}
	}
}

// wrappers applies hosts.allow and hosts.deny, where the server obeys them.
func (p *part) wrappers(s *Server) {
	source := p.q.Source.Unmap()
	if !source.IsValid() || p.q.Connect == Works && p.q.Login == Works {
		return
	}
	daemon, why := p.wrapped(s)
	if daemon == "" {
		return
	}
	allow := parseWrappers("/etc/hosts.allow", p.text("/etc/hosts.allow"))
	deny := parseWrappers("/etc/hosts.deny", p.text("/etc/hosts.deny"))
	verdict, rule := judgeWrappers(allow, deny, daemon, source, p.text)
	place := fmt.Sprintf("%s:%d", rule.File, rule.Line)
	switch verdict {
	case wrapDeny:
		p.findAt(finding.New(finding.NetSourceNotAllowed, finding.Confirmed).Stop().About(s.Kind), s.port()).
			With("other", source.String()).With("file", rule.File).With("line", itoa(rule.Line)).
			SawAt("the rule that keeps the client's address out", rule.Text, place).
			SawAt("the server obeys hosts.allow and hosts.deny", why, s.Kind)
	case wrapUnknown:
		p.lacks("whether hosts.allow and hosts.deny let the client in: a rule hangs on a name")
	}
}

// wrapped tells under what name a server asks libwrap, and how that is known;
// an empty name: it does not ask.
func (p *part) wrapped(s *Server) (daemon, why string) {
	switch {
	case s.Kind == "vsftpd":
		if v := s.settings.get("tcp_wrappers"); v.yes() {
			return "vsftpd", "tcp_wrappers=" + v.Text + " (" + v.Place + ")"
		}
		return "", ""
	case s.Kind == "proftpd":
		if on := s.settings.everywhere("WrapEngine"); slices.ContainsFunc(on, value.yes) {
			return "proftpd", "WrapEngine on (" + on[0].Place + ")"
		}
		return "", ""
	case strings.HasPrefix(s.Via, "xinetd"), strings.HasPrefix(s.Via, "inetd"), strings.Contains(s.Via, "-inetd"):
		k := kindNamed(s.Kind)
		return k.programs[len(k.programs)-1], s.Via
	case s.PID == 0:
		return "", ""
	}
	maps := "/proc/" + itoa(s.PID) + "/maps"
	if text, err := p.read(maps); err == nil && strings.Contains(text, "libwrap.so") {
		return path.Base(s.Program), maps + ": libwrap.so"
	} else if err != nil && !p.sys.Root {
		p.lacks("whether the server obeys hosts.allow and hosts.deny (needs root)")
	}
	return "", ""
}

// setUp asks sshd whether it can work with what it has: the process of each
// session starts anew, and fails as this one does.
func (p *part) setUp(s *Server) {
	if !p.sys.Root || p.q.Login == Works {
		return
	}
	argv := []string{sshdProgram(s), "-T"}
	if s.Config != "" {
		argv = append(argv, "-f", s.Config)
	}
	r := p.run(argv...)
	said := lastLine(r.err)
	if r.failed != nil || r.exit == 0 || said == "" {
		return
	}
	f := finding.New(finding.SSHServerConfig, finding.Confirmed).About(s.Kind).With("reply", said).With("file", s.Config).
		SawAt("sshd can't work with its set-up, and says why", said, strings.Join(argv, " "))
	if p.q.Port != 0 {
		f.Stop()
	} else {
		f.As(finding.Warning) // what runs may go on with what it read before
	}
	p.findAt(f, s.port())
}

func sshdProgram(s *Server) string {
	if s.Program == "" {
		return "/usr/sbin/sshd"
	}
	return s.Program
}

var (
	startupTitle = regexp.MustCompile(`\[listener\] (\d+) of (\d+)-(\d+) startups`)
	sshdDrops    = regexp.MustCompile(`drop connection #?\d* ?from \[?([0-9a-fA-F.:]+)\]?.*|(?:beginning|exited) MaxStartups throttling.*|.*(?:penalty|PerSourcePenalties).*`)
)

// startups: sshd's own title counts the connections without a login; its log
// names those that it dropped.
func (p *part) startups(s *Server) {
	if p.q.Login == Works {
		return
	}
	title := ""
	for _, x := range p.processes() {
		if x.PID == s.PID {
			title = strings.Join(x.Args, " ")
		}
	}
	if m := startupTitle.FindStringSubmatch(title); m != nil && number(m[1]) >= number(m[2]) && number(m[2]) > 0 {
		p.findAt(finding.New(finding.SSHThrottled, finding.Confirmed).About(s.Kind), s.port()).
			With("count", m[1]).With("limit", m[2]).
			SawAt("connections without a login now, and where dropping begins (MaxStartups)", m[0], "ps")
		return
	}
	if !p.q.Source.IsValid() {
		return
	}
	line, whence := p.dropped(s)
	if line.Text == "" {
		return
	}
	p.findAt(finding.New(finding.SSHThrottled, finding.Confirmed).About(s.Kind), s.port()).
		With("reply", line.Text).With("other", p.q.Source.String()).
		SawAt("sshd dropped a connection from the client's address", line.Text, whence)
}

// perSource: sshd counts the connections of one address that have not logged in
// (PerSourceMaxStartups). From outside of it all connections can be counted.
func (p *part) perSource(s *Server) {
	limit := s.settings.get("PerSourceMaxStartups")
	if !p.q.Source.IsValid() || limit.number() == 0 || p.q.Login == Works {
		return
	}
	n := 0
	for _, c := range p.sockets().connections {
		if s.listensOn(c.local.Port()) && c.peer.Addr() == p.q.Source.Unmap() {
			n++
		}
	}
	if n < limit.number() {
		return
	}
	p.findAt(finding.New(finding.SSHThrottled, finding.Likely).About(s.Kind), s.port()).
		With("count", itoa(n)).With("limit", limit.Text).With("other", p.q.Source.String()).
		SawAt("sessions now from the client's address", fmt.Sprintf("%s: %d", p.q.Source, n), p.sockets().source).
		SawAt("the limit in the configuration", "PerSourceMaxStartups "+limit.Text, limit.Place)
}

// dropped is the last line of sshd's log, of the last minutes, that tells of a
// connection from the client's address that was dropped.
func (p *part) dropped(s *Server) (logLine, string) {
	var lines []logLine
	whence := ""
	if r := p.run("journalctl", "-t", "sshd", "-n", "300", "--no-pager", "-o", "json"); r.ok() && r.out != "" {
		lines, whence = parseJournal(r.out), "journalctl -t sshd"
	} else {
		for _, file := range []string{"/var/log/auth.log", "/var/log/secure"} {
			r := p.run("tail", "-n", "300", file)
			if !r.ok() {
				continue
			}
			whence = file
			for text := range strings.Lines(r.out) {
				if strings.Contains(text, "sshd") {
					lines = append(lines, logLine{Text: strings.TrimSpace(text), When: p.syslogTime(text)})
				}
			}
		}
	}
	for _, l := range slices.Backward(lines) {
		if !p.recent(l.When, 5*time.Minute) {
			break
		}
		if sshdDrops.MatchString(l.Text) && mentions(l.Text, p.q.Source.Unmap()) {
			return l, whence
		}
	}
	return logLine{}, ""
}

// syslogTime reads the time of a line of the system's log: RFC 3339, or without
// a year and in the machine's own zone, which the clock's zone stands for only
// roughly; a line whose time can't be read counts as old.
func (l *look) syslogTime(text string) time.Time {
	stampText, _, _ := strings.Cut(text, " ")
	if t, err := time.Parse(time.RFC3339Nano, stampText); err == nil {
		return t
	}
	return time.Unix(1, 0)
}

// mentions tells whether a text names an address, as a word of its own.
func mentions(text string, a netip.Addr) bool {
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool {
		return r != '.' && r != ':' && (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F')
	}), func(w string) bool {
		x, err := netip.ParseAddr(strings.TrimRight(w, ".:"))
		return err == nil && x.Unmap() == a
	})
}

// closed: /etc/nologin keeps everybody but root out, where the server looks at it.
func (p *part) closed(s *Server) {
	if p.q.User == "root" || p.q.User != "" && p.q.user() == "" {
		return
	}
	why := ""
	for _, r := range p.pamRules(s) {
		if path.Base(r.Module) == "pam_nologin.so" {
			why = r.place()
		}
	}
	if why == "" && s.Kind != "openssh" && s.Kind != "inetutils" {
		return
	}
	for _, file := range []string{"/etc/nologin", "/run/nologin"} {
		f, err := p.stat(file)
		if err != nil {
			continue
		}
		x := finding.New(finding.AuthLoginsClosed, finding.Confirmed).About(s.Kind).With("file", file)
		if p.q.Login == Fails {
			x.Stop()
		}
		p.findAt(x, s.port()).
			SawAt("the file that closes log-ins", strings.TrimSpace(p.text(file))+" ("+stamp(f.Modified)+")", file)
		if why != "" {
			x.SawAt("the server's PAM file looks at it", "pam_nologin.so", why)
		}
		return
	}
}
