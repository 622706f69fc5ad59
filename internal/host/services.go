package host

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// servicesSection looks at what should run: units, processes, what the kernel
// killed, and the line of the log that says why.
var servicesSection = &section{name: "services", layer: "service", run: services}

func services(_ context.Context, p *part) {
	killed := p.killed()
	stated := map[string]bool{} // families of which a cause was stated
	idle := map[string]*Server{}
	asked := p.asked()
	for _, s := range asked {
		u, managed := p.unitNamed(s)
		switch {
		case s.running():
			p.runs(s, u, managed, killed)
			stated[s.Family] = true
		case p.q.Connect == Works:
			// The service answers: what does not run is not what people use.
		case managed && p.failed(s, u, killed):
			stated[s.Family] = true
		case idle[s.Family] == nil || p.likelier(s, idle[s.Family]):
			idle[s.Family] = s
		}
	}
	for _, family := range []string{FTP, SSH, HTTP} {
		if s := idle[family]; s != nil && !stated[family] {
			u, managed := p.unitNamed(s)
			p.stopped(s, u, managed, killed)
		}
	}
	if len(asked) == 0 && p.q.Port != 0 && p.q.Connect != Works {
		p.nothing()
	}
}

// unitNamed is the unit of a server.
func (p *part) unitNamed(s *Server) (unit, bool) {
	k := kindNamed(s.Kind)
	if k == nil {
		return unit{}, false
	}
	return p.unitOf(k)
}

// likelier tells which of two installed servers that do not run is the one that
// should: it is enabled, or configured, or was so later.
func (p *part) likelier(a, b *Server) bool {
	rank := func(s *Server) (r int) {
		if s.Enabled == "enabled" {
			r += 4
		}
		if p.q.Port != 0 && s.settings.port() == p.q.Port {
			r += 2
		}
		if s.Config != "" {
			r++
		}
		return r
	}
	if x, y := rank(a), rank(b); x != y {
		return x > y
	}
	x, err := p.stat(a.Config)
	y, err2 := p.stat(b.Config)
	return err == nil && err2 == nil && x.Modified.After(y.Modified)
}

// runs: what a service that runs may hide.
func (p *part) runs(s *Server, u unit, managed bool, killed map[string]logLine) {
	if s.exec != "" && p.q.Login != Works && p.missing(s.exec) {
		f := finding.New(finding.ServiceFailed, finding.Confirmed).With("name", s.Kind).With("reply", s.exec+": No such file or directory").
			SawAt("the program that is to be started for each connection", s.exec, s.execAt).
			SawAt("the program is not there", s.exec, s.exec)
		p.stops(f, s)
	}
	if managed && u.Manager == "systemctl show" && s.Via == "" && (u.Enabled == "disabled" || u.Enabled == "masked") && !p.triggered(u) {
		p.findAt(finding.New(finding.ServiceNotEnabled, finding.Confirmed), s.port()).About(s.Kind).
			With("name", u.Name).
			SawAt("the unit runs and is not enabled", fmt.Sprintf("%s: ActiveState=%s UnitFileState=%s", u.Name, u.Active, u.Enabled), "systemctl show "+u.Name)
	}
	if line, ok := killed[s.Kind]; ok || p.killedProgram(s, killed, &line) {
		p.findAt(finding.New(finding.ServiceOOMKilled, finding.Confirmed).As(finding.Warning), s.port()).About(s.Kind).
			With("name", s.Kind).With("date", stamp(line.When)).
			SawAt("the kernel ended a process of the service for want of memory", line.Text, p.kernelLog().source).
			SawAt("the service runs again", fmt.Sprintf("PID %d", s.PID), "ps")
	}
}

// triggered: a socket unit that is enabled starts it.
func (p *part) triggered(u unit) bool {
	return slices.ContainsFunc(u.Triggers, func(name string) bool {
		t, ok := p.units().named(name)
		return !ok || t.Active == "active" || t.Enabled == "enabled"
	})
}

func (p *part) killedProgram(s *Server, killed map[string]logLine, line *logLine) bool {
	k := kindNamed(s.Kind)
	if k == nil {
		return false
	}
	for _, name := range k.programs {
		if l, ok := killed[name]; ok {
			*line = l
			return true
		}
	}
	return false
}

// failed states why a unit did not stay up; false where the unit has not failed.
func (p *part) failed(s *Server, u unit, killed map[string]logLine) bool {
	looping := u.Active == "activating" && u.Sub == "auto-restart"
	if u.Active != "failed" && !looping {
		return false
	}
	state := fmt.Sprintf("ActiveState=%s SubState=%s Result=%s ExecMainStatus=%d NRestarts=%d", u.Active, u.Sub, u.Result, u.Status, u.Restarts)
	source := u.Manager + " " + u.Name
	if u.Manager != "systemctl show" {
		state = u.Sub
	}
	why, whence := p.lastWords(s, u)
	var line logLine
	if u.Result == "oom-kill" || p.killedProgram(s, killed, &line) {
		f := finding.New(finding.ServiceOOMKilled, finding.Confirmed).With("name", u.Name).With("date", stamp(line.When)).
			SawAt("the state of the unit", state, source)
		if line.Text != "" {
			f.SawAt("the kernel ended a process of the service for want of memory", line.Text, p.kernelLog().source)
		}
		p.stops(f, s)
		return true
	}
	if addressInUse.MatchString(why.Text) && p.taken(s, why, whence) {
		return true
	}
	f := finding.New(finding.ServiceFailed, finding.Confirmed).With("name", u.Name).With("reply", why.Text).
		SawAt("the state of the unit", state, source)
	if why.Text != "" {
		f.SawAt("the line of the log that says why", why.Text, whence)
	}
	p.brokenConfig(f, s)
	p.stops(f, s)
	return true
}

// brokenConfig adds what is wrong with the form of the configuration, where
// that is why the service does not start.
func (p *part) brokenConfig(f *finding.Finding, s *Server) {
	for i, problem := range s.settings.problems {
		if i == 3 {
			break
		}
		f.With("file", problem.Pos.File).With("line", itoa(problem.Pos.Line)).
			SawAt("a line of the configuration that the server can't read", problem.Detail, fmt.Sprintf("%s:%d", problem.Pos.File, problem.Pos.Line))
	}
}

// stops states a cause for which nothing answers on the port.
func (p *part) stops(f *finding.Finding, s *Server) {
	if p.q.Port != 0 {
		f.Stop()
	}
	p.findAt(f, s.port()).About(s.Kind)
}

// stopped: installed, not failed, and nothing of it runs.
func (p *part) stopped(s *Server, u unit, managed bool, killed map[string]logLine) {
	port := s.port()
	if holder, ok := p.holder(port); ok {
		k := kindNamed(s.Kind)
		if p.q.Port != 0 && (k == nil || !p.ofFamily(holder, k.family)) {
			p.taken(s, logLine{}, "")
		}
		return // another server has the port: this one is not the one that people use
	}
	var line logLine
	if p.killedProgram(s, killed, &line) {
		p.stops(finding.New(finding.ServiceOOMKilled, finding.Confirmed).With("name", s.Kind).With("date", stamp(line.When)).
			SawAt("the kernel ended a process of the service for want of memory", line.Text, p.kernelLog().source).
			SawAt("no process of the service runs", s.Kind, "ps"), s)
		return
	}
	if f := p.leftBehind(s); f != nil {
		p.stops(f, s)
		return
	}
	f := finding.New(finding.ServiceNotRunning, finding.Confirmed).With("name", nameOf(s, u))
	switch {
	case managed && u.Manager == "systemctl show":
		f.SawAt("the state of the unit", fmt.Sprintf("ActiveState=%s SubState=%s UnitFileState=%s", u.Active, u.Sub, u.Enabled), "systemctl show "+u.Name)
	case managed:
		f.SawAt("the state of the unit", u.Sub, u.Manager+" "+u.Name)
	default:
		f.SawAt("the program is installed", s.Program, s.Program)
	}
	f.SawAt("no process of the service runs", s.Kind, "ps")
	if p.sockets().known {
		f.SawAt("nothing listens on the port", itoa(int(port)), p.sockets().source)
	}
	if p.q.Port == 0 && u.Enabled != "enabled" {
		f.As(finding.Notice) // nobody asked for it, and nothing says that it should run
	}
	p.brokenConfig(f, s)
	p.stops(f, s)
}

func nameOf(s *Server, u unit) string {
	if u.Name != "" {
		return u.Name
	}
	return s.Kind
}

// leftBehind: a server that ended in good order takes its pid file away.
func (p *part) leftBehind(s *Server) *finding.Finding {
	k := kindNamed(s.Kind)
	if k == nil || k.pidfile == "" {
		return nil
	}
	pid := strings.TrimSpace(p.text(k.pidfile))
	if pid == "" || strings.Trim(pid, "0123456789") != "" || !p.missing("/proc/"+pid) {
		return nil
	}
	f := finding.New(finding.ServiceFailed, finding.Likely).With("name", s.Kind).
		SawAt("a pid file that names no process: the server did not end in good order", pid, k.pidfile).
		SawAt("no process of the service runs", s.Kind, "ps")
	if why, whence := p.lastWords(s, unit{}); why.Text != "" {
		f.With("reply", why.Text).SawAt("the line of the log that says why", why.Text, whence)
	}
	p.brokenConfig(f, s)
	return f
}

// holder is the socket that listens on a port for others than the machine itself.
func (l *look) holder(port uint16) (Listener, bool) {
	for _, s := range l.sockets().listeners {
		if s.Port == port {
			return s, true
		}
	}
	return Listener{}, false
}

// ofFamily tells whether a listening program is, or may start, a server of the family.
func (l *look) ofFamily(h Listener, family string) bool {
	if h.Program == "" || slices.Contains(superServers, h.Program) {
		return true // not known
	}
	for _, p := range l.processes() {
		if p.PID == h.PID {
			k := kindOf(p)
			return k != nil && k.family == family
		}
	}
	return false
}

var addressInUse = regexp.MustCompile(`(?i)address already in use|could not bind listening|bind.*\b98\b|eaddrinuse`)

// taken states that another program has the port of a service.
func (p *part) taken(s *Server, why logLine, whence string) bool {
	h, ok := p.holder(s.port())
	if !ok || s.listensOn(h.Port) {
		return false
	}
	command := h.Program
	for _, x := range p.processes() {
		if x.PID == h.PID {
			command = strings.Join(x.Args, " ")
		}
	}
	f := finding.New(finding.ServicePortTaken, finding.Confirmed).With("software", h.Program).With("name", s.Kind).
		SawAt("who listens on the port", fmt.Sprintf("%s: %s (PID %d)", endpoint(h), command, h.PID), p.sockets().source)
	if why.Text != "" {
		f.SawAt("the line of the log that says why", why.Text, whence)
	} else {
		f.SawAt("no process of the service runs", s.Kind, "ps")
	}
	p.stops(f, s)
	return true
}

func endpoint(l Listener) string {
	host := l.Address.String()
	if l.Both {
		host = "*"
	} else if l.Address.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + itoa(int(l.Port))
}

// nothing: no server that is known by name has anything to do with the port.
func (p *part) nothing() {
	h, ok := p.holder(p.q.Port)
	if ok || !p.sockets().known {
		_ = h
		return
	}
	p.find(finding.New(finding.ServiceNotRunning, finding.Likely).Stop().
		SawAt("nothing listens on the port", itoa(int(p.q.Port)), p.sockets().source).
		SawAt("no server for this port is installed that is known by name", p.q.protocol(), "ps"))
}

// kernelLog is what the kernel said, from the journal or its ring.
type kernelLog struct {
	lines  []logLine
	source string
}

func (p *part) kernelLog() kernelLog {
	if p.sys.OS != linux {
		return kernelLog{}
	}
	if r := p.run("journalctl", "-k", "-n", "2000", "--no-pager", "-o", "json"); r.ok() && strings.Contains(r.out, "MESSAGE") {
		return kernelLog{parseJournal(r.out), "journalctl -k"}
	}
	r := p.run("dmesg")
	if !r.ok() {
		if !p.sys.Root {
			p.lacks("the kernel's log (needs root)")
		}
		return kernelLog{}
	}
	return kernelLog{parseDmesg(r.out, p.clock()), "dmesg"}
}

func (p *part) killed() map[string]logLine {
	all := parseOOM(p.kernelLog().lines)
	for name, line := range all {
		if !p.recent(line.When, 24*time.Hour) {
			delete(all, name) // of another day: it says nothing of now
		}
	}
	return all
}

// recent tells whether something happened so lately that it can matter now.
func (l *look) recent(when time.Time, within time.Duration) bool {
	now := l.clock().now
	return when.IsZero() || now.IsZero() || now.Sub(when) < within
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

// lastWords is the line of the log that says why a service ended: of its last
// lines the first that complains, else the last that is the program's own.
func (p *part) lastWords(s *Server, u unit) (logLine, string) {
	if u.Name != "" && u.Manager == "systemctl show" {
		r := p.run("journalctl", "-u", u.Name, "-n", "60", "--no-pager", "-o", "json")
		if line, ok := complaint(parseJournal(r.out)); ok {
			return line, "journalctl -u " + u.Name
		}
	}
	for _, file := range append(s.settings.logs(), "/var/log/syslog", "/var/log/messages", "/var/log/daemon.log") {
		r := p.run("tail", "-n", "200", file)
		if !r.ok() {
			continue
		}
		general := strings.HasSuffix(file, "/syslog") || strings.HasSuffix(file, "/messages") || strings.HasSuffix(file, "/daemon.log")
		var lines []logLine
		for text := range strings.Lines(r.out) {
			text = strings.TrimSpace(text)
			if text != "" && (!general || strings.Contains(text, s.Kind)) {
				lines = append(lines, logLine{Text: text})
			}
		}
		if line, ok := complaint(lines); ok && complains.MatchString(line.Text) {
			return line, file
		}
	}
	return logLine{}, ""
}

var complains = regexp.MustCompile(`(?i)\b(500 oops|fatal|error|failed to|cannot|can't|could not|unable|unrecogni[sz]ed|unknown|not found|no such|denied|refus|invalid|missing|bad |already in use|abort|panic|out of memory|segfault)`)

// complaint picks the line that says why. systemd's own lines tell only that.
func complaint(lines []logLine) (logLine, bool) {
	var own []logLine
	for _, l := range lines {
		if l.Identifier != "systemd" && strings.TrimSpace(l.Text) != "" {
			own = append(own, l)
		}
	}
	for i := len(own) - 1; i >= 0 && i >= len(own)-20; i-- {
		if complains.MatchString(own[i].Text) {
			// A program says the cause first, then that it gives up.
			if i > 0 && own[i-1].PID == own[i].PID && own[i].PID != 0 && complains.MatchString(own[i-1].Text) && strings.Contains(strings.ToLower(own[i].Text), "abort") {
				return own[i-1], true
			}
			return own[i], true
		}
	}
	if len(own) > 0 {
		return own[len(own)-1], true
	}
	for _, l := range lines {
		if strings.Contains(l.Text, "Failed") || strings.Contains(l.Text, "code=") {
			return l, true
		}
	}
	return logLine{}, false
}
