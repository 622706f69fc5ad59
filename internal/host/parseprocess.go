package host

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"
	"time"
)

// Process is a running program.
type Process struct {
	PID, Parent int
	UID         string
	Name        string   // of the program, as the kernel knows it
	Args        []string // as the process shows them; it may have changed them
}

// parsePS reads `ps -eo pid=,ppid=,user=,comm=,args=`. The name may hold blanks
// only where the process set it so; then the arguments tell.
func parsePS(out string) []Process {
	var all []Process
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || len(all) >= maxRows {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		parent, err2 := strconv.Atoi(f[1])
		if err != nil || err2 != nil {
			continue
		}
		all = append(all, Process{PID: pid, Parent: parent, UID: f[2], Name: path.Base(f[3]), Args: f[4:]})
	}
	return all
}

// parseCmdline reads /proc/PID/cmdline: arguments ended by NUL. A process that
// wrote a title over them has one argument with blanks.
func parseCmdline(text string) []string {
	text = strings.TrimRight(text, "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

// startTicks reads the time at which a process began from /proc/PID/stat, in
// hundredths of a second since the kernel's start (proc(5), field 22). The name
// in parentheses may hold anything.
func startTicks(stat string) (time.Duration, bool) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	f := strings.Fields(stat[i+1:])
	if len(f) < 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[19], 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, false
	}
	return time.Duration(n) * 10 * time.Millisecond, true
}

// parseClock reads the seconds of the epoch and, on a second line, /proc/uptime.
func parseClock(out string) clock {
	first, rest, _ := strings.Cut(strings.TrimSpace(out), "\n")
	var c clock
	whole, frac, _ := strings.Cut(strings.TrimSpace(first), ".")
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s < 0 || s > 1<<40 {
		return clock{}
	}
	if len(frac) > 9 {
		frac = frac[:9]
	}
	ns, err := strconv.ParseInt(frac+strings.Repeat("0", 9-len(frac)), 10, 64)
	if err != nil {
		ns = 0 // "%N" where date does not know it
	}
	c.now = time.Unix(s, ns)
	if f := strings.Fields(rest); len(f) > 0 {
		if up, err := strconv.ParseFloat(f[0], 64); err == nil && up > 0 && up < 1e10 {
			c.uptime = time.Duration(up * float64(time.Second))
		}
	}
	return c
}

// openFiles reads the soft limit of open files from /proc/PID/limits; 0: unknown.
func openFiles(limits string) int {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			f := strings.Fields(rest)
			if len(f) > 0 {
				n, _ := strconv.Atoi(f[0])
				return max(n, 0)
			}
		}
	}
	return 0
}

// unit is a service of a service manager.
type unit struct {
	Name     string
	Load     string // loaded, not-found, masked
	Active   string // active, inactive, failed, activating
	Sub      string
	Result   string // why it failed: exit-code, oom-kill, …
	Enabled  string // UnitFileState
	Triggers []string
	File     string
	PID      int
	Status   int // of the main process
	Restarts int
	Start    time.Duration // of the main process, since the kernel's start
	Changed  time.Duration // of the state
	Manager  string        // who says so; the command
}

// parseShow reads `systemctl show` of several units: blocks of KEY=VALUE with an
// empty line between.
func parseShow(out string) []unit {
	var all []unit
	for block := range strings.SplitSeq(strings.ReplaceAll(out, "\r\n", "\n"), "\n\n") {
		u := unit{Manager: "systemctl show"}
		for line := range strings.Lines(block) {
			k, v, ok := strings.Cut(strings.TrimRight(line, "\n"), "=")
			if ok {
				u.set(k, v)
			}
		}
		if u.Name != "" && len(all) < maxRows {
			all = append(all, u)
		}
	}
	return all
}

func (u *unit) set(k, v string) {
	number := func() int { n, _ := strconv.Atoi(v); return n }
	since := func() time.Duration {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > 1<<53 {
			return 0
		}
		return time.Duration(n) * time.Microsecond
	}
	switch k {
	case "Id":
		u.Name = v
	case "LoadState":
		u.Load = v
	case "ActiveState":
		u.Active = v
	case "SubState":
		u.Sub = v
	case "Result":
		u.Result = v
	case "UnitFileState":
		u.Enabled = v
	case "TriggeredBy":
		u.Triggers = strings.Fields(v)
	case "FragmentPath":
		u.File = v
	case "MainPID":
		u.PID = number()
	case "ExecMainStatus":
		u.Status = number()
	case "NRestarts":
		u.Restarts = number()
	case "ExecMainStartTimestampMonotonic":
		u.Start = since()
	case "StateChangeTimestampMonotonic":
		u.Changed = since()
	}
}

// logLine is one message of a log.
type logLine struct {
	When       time.Time // zero: not known
	Identifier string
	PID        int
	Text       string
}

// parseJournal reads `journalctl -o json`: one object a line. A message that is
// not UTF-8 comes as a list of bytes; one that is too long as null.
func parseJournal(out string) []logLine {
	var all []logLine
	for line := range strings.Lines(out) {
		if len(all) >= maxRows {
			break
		}
		var e struct {
			Message    json.RawMessage `json:"MESSAGE"`
			Identifier json.RawMessage `json:"SYSLOG_IDENTIFIER"`
			PID        json.RawMessage `json:"_PID"`
			When       json.RawMessage `json:"__REALTIME_TIMESTAMP"`
		}
		if json.Unmarshal([]byte(line), &e) != nil {
			continue
		}
		l := logLine{Text: journalText(e.Message), Identifier: journalText(e.Identifier)}
		if l.Text == "" {
			continue
		}
		l.PID, _ = strconv.Atoi(journalText(e.PID))
		if us, err := strconv.ParseInt(journalText(e.When), 10, 64); err == nil && us > 0 {
			l.When = time.UnixMicro(us)
		}
		all = append(all, l)
	}
	return all
}

// journalText is a field of the journal: a string, a list of bytes, or several of them.
func journalText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var numbers []int
	if json.Unmarshal(raw, &numbers) == nil {
		b := make([]byte, 0, len(numbers))
		for _, n := range numbers {
			b = append(b, byte(n))
		}
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var several []string
	if json.Unmarshal(raw, &several) == nil && len(several) > 0 {
		return several[0]
	}
	return ""
}

// parseSupervisors reads what small service managers say, each a line for a
// service: runit's sv, daemontools' svstat, s6-svstat, supervisord.
func parseSupervisors(manager, out string) []unit {
	var all []unit
	for line := range strings.Lines(out) {
		u, ok := supervised(manager, strings.TrimSpace(line))
		if ok && len(all) < maxRows {
			all = append(all, u)
		}
	}
	return all
}

func supervised(manager, line string) (unit, bool) {
	u := unit{Manager: manager, Load: "loaded", Enabled: "enabled"}
	switch manager {
	case "sv status", "svstat":
		// run: vsftpd: (pid 812) 95s; down: vsftpd: 1s, normally up, want up
		// /service/vsftpd: up (pid 1320) 4 seconds
		head, rest, ok := strings.Cut(line, ": ")
		if !ok {
			return u, false
		}
		state, name := head, ""
		if manager == "sv status" {
			name, rest, ok = strings.Cut(rest, ":")
			if !ok {
				return u, false
			}
		} else {
			name = head
			state, _, _ = strings.Cut(rest, " ")
		}
		u.Name, u.Sub = path.Base(strings.TrimSpace(name)), line
		switch {
		case state == "run" || state == "up":
			u.Active = "active"
		case strings.Contains(rest, "normally up"), strings.Contains(rest, "want up"), state == "finish":
			u.Active, u.Result = "failed", "exit-code"
		default:
			u.Active = "inactive"
		}
		if _, after, ok := strings.Cut(rest, "(pid "); ok {
			u.PID, _ = strconv.Atoi(strings.TrimRight(strings.Fields(after + " )")[0], ")"))
		}
		if strings.Contains(rest, "normally down") {
			u.Enabled = "disabled"
		}
		return u, u.Name != ""
	case "supervisorctl status":
		// vsftpd   RUNNING   pid 812, uptime 0:01:02
		f := strings.Fields(line)
		if len(f) < 2 {
			return u, false
		}
		u.Name, u.Sub = f[0], line
		switch f[1] {
		case "RUNNING", "STARTING":
			u.Active = "active"
		case "BACKOFF", "FATAL", "EXITED":
			u.Active, u.Result = "failed", "exit-code"
		case "STOPPED", "STOPPING":
			u.Active = "inactive"
		default:
			return u, false
		}
		if len(f) > 3 && f[2] == "pid" {
			u.PID, _ = strconv.Atoi(strings.TrimRight(f[3], ","))
		}
		return u, true
	case "rc-status":
		// vsftpd      [  started  ]
		name, state, ok := strings.Cut(line, "[")
		if !ok {
			return u, false
		}
		u.Name, u.Sub = strings.TrimSpace(name), line
		switch w := strings.Fields(strings.TrimSuffix(strings.TrimSpace(state), "]")); {
		case len(w) == 0:
			return u, false
		case w[0] == "started":
			u.Active = "active"
		case w[0] == "crashed":
			u.Active, u.Result = "failed", "exit-code"
		default:
			u.Active = "inactive"
		}
		return u, u.Name != ""
	}
	return u, false
}

// parseOOM finds what the kernel killed for want of memory: the name of the
// process, and the line.
func parseOOM(lines []logLine) map[string]logLine {
	all := map[string]logLine{}
	for _, l := range lines {
		// Out of memory: Killed process 812 (vsftpd) total-vm:… ; older kernels: Kill process
		// Memory cgroup out of memory: Killed process 812 (vsftpd) …
		i := strings.Index(l.Text, "illed process ")
		if i < 0 || !strings.Contains(strings.ToLower(l.Text), "out of memory") {
			continue
		}
		_, rest, ok := strings.Cut(l.Text[i:], "(")
		name, _, ok2 := strings.Cut(rest, ")")
		if ok && ok2 && name != "" {
			all[name] = l
		}
	}
	return all
}

// parseDmesg reads the kernel's ring: "[   12.345678] text", seconds since the start.
func parseDmesg(out string, c clock) []logLine {
	var all []logLine
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		l := logLine{Text: line}
		if stamp, text, ok := strings.Cut(strings.TrimPrefix(line, "["), "] "); ok && strings.HasPrefix(line, "[") {
			if s, err := strconv.ParseFloat(strings.TrimSpace(stamp), 64); err == nil && s >= 0 && s < 1e10 {
				l.Text, l.When = text, c.at(time.Duration(s*float64(time.Second)))
			}
		}
		if len(all) < maxRows {
			all = append(all, l)
		}
	}
	return all
}
