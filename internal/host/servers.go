package host

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// kind is what is known of a server program by its name alone.
type kind struct {
	name, family string
	programs     []string // as the kernel names the process
	units        []string
	binaries     []string
	configs      []string // the usual main files, the first that exists counts
	pidfile      string
}

// kinds are the servers that an inspection knows by name.
var kinds = []*kind{
	{
		name: "vsftpd", family: FTP, programs: []string{"vsftpd"}, units: []string{"vsftpd.service", "vsftpd@vsftpd.service"},
		binaries: []string{"/usr/sbin/vsftpd", "/usr/local/sbin/vsftpd"},
		configs:  []string{"/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf", "/usr/local/etc/vsftpd.conf"},
	},
	{
		name: "proftpd", family: FTP, programs: []string{"proftpd"}, units: []string{"proftpd.service"},
		binaries: []string{"/usr/sbin/proftpd", "/usr/local/sbin/proftpd"},
		configs:  []string{"/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/usr/local/etc/proftpd.conf"},
		pidfile:  "/run/proftpd.pid",
	},
	{
		name: "pure-ftpd", family: FTP, programs: []string{"pure-ftpd", "pure-ftpd-mysql", "pure-ftpd-postgresql", "pure-ftpd-ldap"},
		units:    []string{"pure-ftpd.service", "pure-ftpd-mysql.service", "pure-ftpd-postgresql.service", "pure-ftpd-ldap.service"},
		binaries: []string{"/usr/sbin/pure-ftpd", "/usr/sbin/pure-ftpd-mysql", "/usr/local/sbin/pure-ftpd"},
		configs:  []string{"/etc/pure-ftpd/conf", "/etc/pure-ftpd/pure-ftpd.conf", "/etc/pure-ftpd.conf", "/usr/local/etc/pure-ftpd.conf"},
		pidfile:  "/run/pure-ftpd/pure-ftpd.pid",
	},
	{
		name: "openssh", family: SSH, programs: []string{"sshd"}, units: []string{"ssh.service", "sshd.service", "ssh.socket", "sshd.socket"},
		binaries: []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd"},
		configs:  []string{"/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config"},
		pidfile:  "/run/sshd.pid",
	},
	{
		name: "apache", family: HTTP, programs: []string{"apache2", "httpd"}, units: []string{"apache2.service", "httpd.service"},
		binaries: []string{"/usr/sbin/apache2", "/usr/sbin/httpd"},
		configs:  []string{"/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/etc/apache24/httpd.conf"},
		pidfile:  "/run/apache2/apache2.pid",
	},
	{
		name: "nginx", family: HTTP, programs: []string{"nginx"}, units: []string{"nginx.service"},
		binaries: []string{"/usr/sbin/nginx", "/usr/local/sbin/nginx"},
		configs:  []string{"/etc/nginx/nginx.conf", "/usr/local/etc/nginx/nginx.conf"}, pidfile: "/run/nginx.pid",
	},
	{name: "inetutils", family: FTP, programs: []string{"ftpd", "in.ftpd"}, binaries: []string{"/usr/sbin/ftpd", "/usr/sbin/in.ftpd"}},
	{name: "dropbear", family: SSH, programs: []string{"dropbear"}, units: []string{"dropbear.service"}, binaries: []string{"/usr/sbin/dropbear"}},
	{name: "pyftpdlib", family: FTP},
	{name: "filezilla-server", family: FTP, programs: []string{"filezilla-server", "filezilla-serve"}, units: []string{"filezilla-server.service"}},
	{name: "sftpgo", family: SSH, programs: []string{"sftpgo"}, units: []string{"sftpgo.service"}},
}

// superServers start other programs for each connection.
var superServers = []string{"systemd", "xinetd", "inetd", "openbsd-inetd", "inetutils-inetd", "tcpserver", "tcpsvd", "init"}

func kindNamed(name string) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

// kindOf tells what server a process is.
func kindOf(p Process) *kind {
	// A title such as "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups" hides the
	// program's name before its colon.
	first := ""
	if len(p.Args) > 0 {
		first = path.Base(strings.TrimSuffix(p.Args[0], ":"))
	}
	for _, k := range kinds {
		for _, name := range k.programs {
			if p.Name == name || len(name) > 15 && p.Name == name[:15] || first == name {
				return k
			}
		}
	}
	if strings.HasPrefix(p.Name, "python") && slices.ContainsFunc(p.Args, func(a string) bool { return strings.Contains(a, "pyftpdlib") }) {
		return kindNamed("pyftpdlib")
	}
	return nil
}

// findProcesses lists the processes; none where they can't be listed.
func (l *look) findProcesses() []Process {
	if l.sys.OS == windows {
		return nil
	}
	if r := l.run("ps", "-eo", "pid=,ppid=,user=,comm=,args="); r.ok() {
		return slices.DeleteFunc(parsePS(r.out), l.contained)
	}
	var all []Process
	for _, dir := range l.glob("/proc/[0-9]*") {
		if len(all) >= maxRows {
			break
		}
		stat := l.text(dir + "/stat")
		i, j := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
		if i < 0 || j < i {
			continue
		}
		if ps := parsePS(path.Base(dir) + " 0 ? " + strings.ReplaceAll(stat[i+1:j], " ", "_") + " " + strings.Join(parseCmdline(l.text(dir+"/cmdline")), " ")); len(ps) > 0 {
			ps[0].Parent = parentOf(stat[j+1:])
			all = append(all, ps[0])
		}
	}
	return all
}

// contained tells whether a server's process lives in a container, with a
// network of its own: its files and sockets are not the machine's.
func (l *look) contained(p Process) bool {
	if kindOf(p) == nil || l.sys.OS != linux {
		return false
	}
	own, its := l.link("/proc/self/ns/net"), l.link("/proc/"+itoa(p.PID)+"/ns/net")
	return own != "" && its != "" && own != its
}

// parentOf reads the parent behind the name of /proc/PID/stat.
func parentOf(rest string) int {
	f := strings.Fields(rest)
	if len(f) < 2 {
		return 0
	}
	n := 0
	for _, c := range f[1] {
		if c < '0' || c > '9' || n > 1<<24 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// sockets is what listens and what is connected.
type sockets struct {
	listeners   []Listener
	connections []connection
	source      string // the command or files
	known       bool   // the table could be read
}

func (l *look) findSockets() sockets {
	switch l.sys.OS {
	case windows:
		r := l.run("netstat", "-ano", "-p", "TCP")
		r6 := l.run("netstat", "-ano", "-p", "TCPv6")
		ls, cs := parseNetstat(r.out+r6.out, windows)
		return sockets{l.windowsPrograms(ls), cs, "netstat -ano", r.ok()}
	case darwin:
		return l.darwinSockets()
	}
	if r := l.run("ss", "-Htlnpe"); r.ok() {
		s := sockets{listeners: parseSS(r.out), source: "ss -Htlnpe", known: true}
		s.connections = parseEstablished(l.run("ss", "-Htn", "state", "established").out)
		return s
	}
	s := sockets{source: "/proc/net/tcp, /proc/net/tcp6"}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := l.read(name)
		if err != nil {
			continue
		}
		s.known = true
		ls, cs := parseProcNet(text)
		s.listeners, s.connections = append(s.listeners, ls...), append(s.connections, cs...)
	}
	l.ownSockets(s.listeners)
	return s
}

// ownSockets finds the processes of sockets by their inodes, among the servers
// that are known by name: the rest is nobody's question.
func (l *look) ownSockets(all []Listener) {
	for _, p := range l.processes() {
		if kindOf(p) == nil && !slices.Contains(superServers, p.Name) {
			continue
		}
		open := l.run("ls", "-l", "/proc/"+itoa(p.PID)+"/fd").out
		for i := range all {
			if all[i].PID == 0 && strings.Contains(open, "socket:["+utoa(all[i].inode)+"]") {
				all[i].PID, all[i].Program = p.PID, p.Name
			}
		}
	}
}

// units is what service managers say.
type units struct {
	all     []unit
	manager string // of the machine: systemd, openrc, launchd, windows, or empty
}

func (u units) named(name string) (unit, bool) {
	i := slices.IndexFunc(u.all, func(x unit) bool { return x.Name == name && x.Load != "not-found" })
	if i < 0 {
		return unit{}, false
	}
	return u.all[i], true
}

// showProperties are those that parseShow reads.
const showProperties = "Id,LoadState,ActiveState,SubState,Result,UnitFileState,TriggeredBy,FragmentPath,MainPID,ExecMainStatus,NRestarts," +
	"ExecMainStartTimestampMonotonic,StateChangeTimestampMonotonic"

func (l *look) findUnits() units {
	switch l.sys.OS {
	case windows:
		return l.windowsUnits()
	case darwin:
		return l.darwinUnits()
	}
	argv := []string{"systemctl", "show", "--no-pager", "--property=" + showProperties}
	for _, k := range kinds {
		argv = append(argv, k.units...)
	}
	argv = append(argv, "xinetd.service", "inetd.service", "openbsd-inetd.service", "vsftpd.socket", "proftpd.socket", "pure-ftpd.socket")
	if r := l.run(argv...); r.ok() && strings.Contains(r.out, "LoadState=") {
		return units{parseShow(r.out), "systemd"}
	}
	var u units
	if services := l.glob("/etc/service/*"); len(services) > 0 {
		u.add("sv status", l.run(append([]string{"sv", "status"}, services...)...))
	}
	if services := l.glob("/service/*"); len(services) > 0 {
		u.add("svstat", l.run(append([]string{"svstat"}, services...)...))
	}
	if l.first("/etc/supervisord.conf", "/etc/supervisor/supervisord.conf") != "" {
		u.add("supervisorctl status", l.run("supervisorctl", "status"))
	}
	if l.exists("/sbin/openrc-run") {
		u.manager = "openrc"
		u.add("rc-status", l.run("rc-status", "--all", "--nocolor"))
	}
	return u
}

func (u *units) add(manager string, r ran) {
	if r.failed == nil {
		u.all = append(u.all, parseSupervisors(manager, r.out)...)
	}
}

// findServers puts processes, units and sockets together.
func (l *look) findServers() []*Server {
	if l.sys.OS == windows || l.sys.OS == darwin {
		return l.foreignServers()
	}
	var all []*Server
	for _, k := range kinds {
		s := &Server{Kind: k.name, Family: k.family}
		u, managed := l.unitOf(k)
		if managed {
			s.Unit, s.State, s.Enabled = u.Name, u.Active, u.Enabled
			if u.Changed > 0 {
				s.reloaded = l.clock().at(u.Changed)
			}
		}
		p, running := l.mainProcess(k, u)
		if running {
			s.PID, s.Command, s.argv = p.PID, strings.Join(p.Args, " "), l.argvOf(p)
			s.Listeners = l.listenersOf(k, p)
			s.Started = l.startOf(p.PID)
		}
		s.Program = l.first(k.binaries...)
		if running {
			if exe := l.link("/proc/" + itoa(s.PID) + "/exe"); exe != "" {
				s.Program = strings.TrimSuffix(exe, " (deleted)")
			}
		}
		if len(s.Listeners) == 0 {
			l.viaSuperServer(k, s) // a process may be that of one session
		}
		s.Config = l.configOf(k, s)
		if managed || running || s.Via != "" || s.Program != "" {
			s.settings = l.readSettings(s)
			all = append(all, s)
		}
	}
	return all
}

// unitOf is the unit of a kind that tells most: one that runs, then one that
// failed, then one that would start by itself.
func (l *look) unitOf(k *kind) (unit, bool) {
	var best unit
	found, rank := false, -1
	for _, u := range l.units().all {
		base := strings.TrimSuffix(u.Name, ".service")
		if u.Load == "not-found" || strings.HasSuffix(u.Name, ".socket") ||
			!slices.Contains(k.units, u.Name) && base != k.name && !slices.Contains(k.programs, base) {
			continue
		}
		r := 0
		switch {
		case u.Active == "active":
			r = 3
		case u.Active == "failed" || u.Active == "activating":
			r = 2
		case u.Enabled == "enabled":
			r = 1
		}
		if r > rank {
			best, found, rank = u, true, r
		}
	}
	return best, found
}

// mainProcess is the one that the unit names, else the one of the kind that
// listens, else the one whose parent is of another kind.
func (l *look) mainProcess(k *kind, u unit) (Process, bool) {
	var mine []Process
	for _, p := range l.processes() {
		if kindOf(p) == k {
			mine = append(mine, p)
		}
	}
	pick := func(fits func(Process) bool) (Process, bool) {
		if i := slices.IndexFunc(mine, fits); i >= 0 {
			return mine[i], true
		}
		return Process{}, false
	}
	if p, ok := pick(func(p Process) bool { return u.PID != 0 && p.PID == u.PID }); ok {
		return p, true
	}
	listens := func(p Process) bool {
		return slices.ContainsFunc(l.sockets().listeners, func(s Listener) bool { return s.PID == p.PID })
	}
	if p, ok := pick(listens); ok {
		return p, true
	}
	return pick(func(p Process) bool {
		return !slices.ContainsFunc(mine, func(o Process) bool { return o.PID == p.Parent })
	})
}

// listenersOf are the listening sockets of a server: those of its processes.
// Without root the owner of a socket is hidden; then a socket on the usual port
// counts.
func (l *look) listenersOf(k *kind, main Process) []Listener {
	var pids []int
	for _, p := range l.processes() {
		if p.PID == main.PID || kindOf(p) == k && p.Parent == main.PID {
			pids = append(pids, p.PID)
		}
	}
	var all []Listener
	for _, s := range l.sockets().listeners {
		if s.PID != 0 && slices.Contains(pids, s.PID) || s.PID == 0 && slices.Contains(usualPorts[k.family], s.Port) {
			all = append(all, s)
		}
	}
	return all
}

var usualPorts = map[string][]uint16{FTP: {21, 990}, SSH: {22}, HTTP: {80, 443}}

// argvOf is the command line of a process: its own words where it left them.
func (l *look) argvOf(p Process) []string {
	if argv := parseCmdline(l.text("/proc/" + itoa(p.PID) + "/cmdline")); len(argv) > 1 {
		return argv
	}
	args := slices.Clone(p.Args)
	// "sshd: /usr/sbin/sshd -D [listener] …"
	if len(args) > 1 && strings.HasSuffix(args[0], ":") && strings.HasPrefix(args[1], "/") {
		args = args[1:]
	}
	return args
}

// startOf is when a process began; zero: not known.
func (l *look) startOf(pid int) time.Time {
	ticks, ok := startTicks(l.text("/proc/" + itoa(pid) + "/stat"))
	if !ok {
		return time.Time{}
	}
	return l.clock().at(ticks)
}

// viaSuperServer notes who starts the server for each connection, and where.
func (l *look) viaSuperServer(k *kind, s *Server) {
	for _, u := range l.units().all {
		base := strings.TrimSuffix(u.Name, ".socket")
		if strings.HasSuffix(u.Name, ".socket") && u.Active == "active" && (base == k.name || slices.Contains(k.units, base+".service")) {
			s.Via, s.Listeners = u.Name, l.heldBy("systemd", "init")
			return
		}
	}
	for _, name := range []string{"xinetd", "inetd", "openbsd-inetd", "inetutils-inetd"} {
		if !slices.ContainsFunc(l.processes(), func(p Process) bool { return p.Name == name }) {
			continue
		}
		files, read := []string{"/etc/inetd.conf"}, parseInetd
		if name == "xinetd" {
			files, read = append([]string{"/etc/xinetd.conf"}, l.glob("/etc/xinetd.d/*")...), parseXinetd
		}
		for _, file := range files {
			for _, e := range read(l.text(file)) {
				if slices.Contains(k.programs, path.Base(e.program)) || path.Base(e.program) == "tcpd" && slices.Contains(k.programs, path.Base(e.argv0)) {
					s.Via, s.Listeners = name+" ("+file+")", l.heldBy(name)
					s.exec, s.execAt = e.program, fmt.Sprintf("%s:%d", file, e.line)
					return
				}
			}
		}
	}
}

// inetdEntry is a service of a super-server.
type inetdEntry struct {
	program, argv0 string
	line           int
}

// parseInetd reads inetd.conf(5): service, socket, protocol, wait, user, program, arguments.
func parseInetd(text string) []inetdEntry {
	var all []inetdEntry
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(line)
		if len(f) < 6 || strings.HasPrefix(f[0], "#") || len(all) >= maxRows {
			continue
		}
		e := inetdEntry{program: f[5], line: n}
		if len(f) > 6 {
			e.argv0 = f[6]
		}
		all = append(all, e)
	}
	return all
}

// parseXinetd reads xinetd.conf(5): the server of each service that is not disabled.
func parseXinetd(text string) []inetdEntry {
	var all []inetdEntry
	var e inetdEntry
	disabled, n := false, 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		k, v, ok := strings.Cut(line, "=")
		switch k, v = strings.TrimSpace(k), strings.TrimSpace(v); {
		case ok && k == "server":
			e.program, e.line = v, n
		case ok && k == "disable":
			disabled = v == "yes"
		case line == "}":
			if e.program != "" && !disabled && len(all) < maxRows {
				all = append(all, e)
			}
			e, disabled = inetdEntry{}, false
		}
	}
	return all
}

// heldBy are the listening sockets of a program.
func (l *look) heldBy(programs ...string) []Listener {
	var all []Listener
	for _, s := range l.sockets().listeners {
		if slices.Contains(programs, s.Program) {
			all = append(all, s)
		}
	}
	return all
}

// asked are the servers that the question is about.
func (l *look) asked() []*Server {
	var all []*Server
	family := l.q.protocol()
	for _, s := range l.servers() {
		if l.q.Port != 0 && (s.listensOn(l.q.Port) || s.settings.port() == l.q.Port) || l.q.Port == 0 && (family == "" || s.Family == family) {
			all = append(all, s)
		}
	}
	if len(all) > 0 || l.q.Port == 0 {
		return all
	}
	for _, s := range l.servers() {
		if s.Family == family {
			all = append(all, s)
		}
	}
	return all
}

func (s *Server) listensOn(port uint16) bool {
	return slices.ContainsFunc(s.Listeners, func(x Listener) bool { return x.Port == port })
}

func (s *Server) running() bool { return s.PID != 0 || s.Via != "" }

// port is the one on which the server is to be reached.
func (s *Server) port() uint16 {
	if p := s.settings.port(); p != 0 {
		return p
	}
	if len(s.Listeners) > 0 {
		return s.Listeners[0].Port
	}
	if ports := usualPorts[s.Family]; len(ports) > 0 {
		return ports[0]
	}
	return 0
}

func (l *look) findInterfaces() []Interface {
	switch l.sys.OS {
	case linux:
		if r := l.run("ip", "-j", "address"); r.ok() {
			return parseIPAddr(r.out)
		}
		return parseIfconfig(l.run("ifconfig", "-a").out)
	case windows:
		return parseIPConfig(l.run("ipconfig", "/all").out)
	}
	return parseIfconfig(l.run("ifconfig", "-a").out)
}
