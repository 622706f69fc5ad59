package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// accountSection looks at the account in question: lists, the account itself,
// its shell, its home, its keys and what it may write. A cause of a refused
// login is stated only where the login was not seen to work.
var accountSection = &section{name: "account", layer: "auth", systems: []string{linux}, run: account}

func account(_ context.Context, p *part) {
	user := p.q.user()
	if user == "" {
		p.skipped = "no account was asked for"
		return
	}
	p.skipped = "no server runs that has accounts of its own or of the system"
	for _, s := range p.asked() {
		if s.Family == HTTP || !s.running() {
			continue
		}
		e := entrance{part: p, s: s, user: user}
		e.pam = p.pamRules(s)
		if s.Kind == "openssh" {
			e.sshd = e.effectiveSSH()
		}
		if p.q.Login != Works {
			e.pamIntact()
			e.lists()
		}
		if !e.find() {
			continue
		}
		p.skipped = ""
		if p.q.Login != Works {
			e.trusted()
			e.shell()
			e.shadow()
			e.keys()
		}
		if s.Family == SSH && p.q.Login == Works && p.q.Data == Fails {
			e.shell()
		}
		e.home()
		e.subsystem()
		e.upload()
		if s.Family == SSH || p.q.Port != 0 {
			break // one service has the port
		}
	}
}

// entrance is one account at one server.
type entrance struct {
	*part
	s    *Server
	user string
	pam  []pamRule
	acct *Account
	sshd map[string][]string // what sshd would do with this user; nil: not known
	// denied: a list keeps the user out, whatever else is wrong.
	denied bool
}

// refuse states why the user can't log in.
func (e *entrance) refuse(f *finding.Finding) *finding.Finding {
	if e.q.Login == Fails {
		f.Stop()
	}
	return e.findAt(f, e.s.port()).About(e.user).With("user", e.user)
}

// pamRules reads the server's PAM file with what it includes.
func (p *part) pamRules(s *Server) []pamRule {
	service := s.settings.pamService()
	if service == "" {
		return nil
	}
	if s.Kind == "proftpd" && !s.settings.get("AuthPAMConfig").set() {
		service = path.Base(p.first("/etc/pam.d/proftpd", "/etc/pam.d/ftp"))
	}
	return p.pamFile("/etc/pam.d/"+path.Base(service), 0)
}

func (p *part) pamFile(file string, depth int) []pamRule {
	if depth > 8 {
		return nil
	}
	var all []pamRule
	for _, r := range parsePAM(file, p.text(file)) {
		all = append(all, r)
		if r.Control == "include" || r.Control == "substack" {
			name := r.Module
			if !strings.HasPrefix(name, "/") {
				name = path.Join(path.Dir(file), name)
			}
			for _, in := range p.pamFile(name, depth+1) {
				if r.Kind == "" || in.Kind == "" || in.Kind == r.Kind {
					all = append(all, in)
				}
			}
		}
	}
	return all
}

// runs tells whether the server's PAM file has a module.
func (e *entrance) runsModule(name string) (pamRule, bool) {
	i := slices.IndexFunc(e.pam, func(r pamRule) bool { return path.Base(r.Module) == name })
	if i < 0 {
		return pamRule{}, false
	}
	return e.pam[i], true
}

func (r pamRule) place() string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

// moduleDirs are where modules are, by distribution.
var moduleDirs = []string{
	"/lib/*-linux-gnu/security", "/usr/lib/*-linux-gnu/security", "/lib64/security", "/usr/lib64/security", "/lib/security", "/usr/lib/security", "/usr/local/lib/security",
}

// pamIntact checks that the service's PAM file is there, and so are the modules
// and files that it names.
func (e *entrance) pamIntact() {
	service := e.s.settings.pamService()
	explicit := e.s.settings.get("pam_service_name", "AuthPAMConfig")
	broken := func(what, detail, place string) {
		e.refuse(finding.New(finding.AuthPAMBroken, finding.Confirmed)).With("file", place).
			SawAt("the PAM service of the server", service, "/etc/pam.d/"+service).
			SawAt(what, detail, place)
	}
	if len(e.pam) == 0 {
		if explicit.set() && service != "" && e.missing("/etc/pam.d/"+path.Base(service)) && e.exists("/etc/pam.d") {
			broken("the PAM file of this name is not there", service, explicit.Place)
		}
		return
	}
	var modules []string
	for _, d := range moduleDirs {
		modules = append(modules, e.glob(d+"/pam_unix.so")...)
	}
	for _, r := range e.pam {
		if r.Control == "include" || r.Control == "substack" {
			name := r.Module
			if !strings.HasPrefix(name, "/") {
				name = path.Join(path.Dir(r.File), name)
			}
			if e.missing(name) {
				broken("a file that the PAM file includes is not there", name, r.place())
				return
			}
			continue
		}
		if r.Kind != "auth" && r.Kind != "account" || r.Control == "optional" {
			continue
		}
		if !e.moduleThere(r.Module, modules) {
			broken("a module that the PAM file names is not there", r.Module, r.place())
			return
		}
		if file, ok := e.pamNeeds(r); ok && e.missing(file) {
			broken("a file that a PAM module needs is not there", file, r.place())
			return
		}
	}
}

// moduleThere: known holds pam_unix.so wherever modules are; without any it
// can't be told.
func (e *entrance) moduleThere(module string, known []string) bool {
	if len(known) == 0 {
		return true
	}
	if strings.HasPrefix(module, "/") {
		return !e.missing(module)
	}
	return slices.ContainsFunc(known, func(unix string) bool { return !e.missing(path.Join(path.Dir(unix), module)) })
}

// pamNeeds is the file without which a module refuses everybody.
func (e *entrance) pamNeeds(r pamRule) (string, bool) {
	switch path.Base(r.Module) {
	case "pam_listfile.so":
		// Without its file it answers as onerr says, and that is fail by default.
		return r.arg("file"), r.arg("file") != "" && r.arg("onerr") != "succeed"
	case "pam_userdb.so":
		return r.arg("db") + ".db", r.arg("db") != ""
	case "pam_pwdfile.so":
		if v := r.arg("pwdfile"); v != "" {
			return v, true
		}
		if i := slices.Index(r.Args, "pwdfile"); i >= 0 && i+1 < len(r.Args) {
			return r.Args[i+1], true
		}
	}
	return "", false
}

// lists looks for the user in everything that denies, and is missed in
// everything that allows.
func (e *entrance) lists() {
	deny := func(def string, place string) {
		e.denied = true
		e.refuse(finding.New(finding.AuthUserDenied, finding.Confirmed)).With("file", place).
			SawAt("the list that keeps the user out", def, place)
	}
	for _, r := range e.pam {
		if path.Base(r.Module) != "pam_listfile.so" || r.arg("item") != "user" || e.denied {
			continue
		}
		file := r.arg("file")
		text, err := e.read(file)
		if err != nil {
			continue
		}
		line := parseList(text)[e.user]
		switch {
		case r.arg("sense") == "deny" && line > 0:
			deny(fmt.Sprintf("sense=deny: %s", e.user), fmt.Sprintf("%s:%d", file, line))
		case r.arg("sense") == "allow" && line == 0:
			deny(finding.Say("%s does not name %s", "sense=allow", e.user), file)
		}
	}
	switch e.s.Kind {
	case "vsftpd":
		e.userlist(deny)
	case "inetutils":
		if line := parseList(e.text("/etc/ftpusers"))[e.user]; line > 0 && !e.denied {
			deny("/etc/ftpusers", fmt.Sprintf("/etc/ftpusers:%d", line))
		}
	case "proftpd":
		v := e.s.settings.get("UseFtpUsers")
		if line := parseList(e.text("/etc/ftpusers"))[e.user]; line > 0 && (!v.set() || v.yes()) && !e.denied {
			deny("UseFtpUsers", fmt.Sprintf("/etc/ftpusers:%d", line))
		}
	case "openssh":
		e.sshLists(deny)
	}
}

// userlist is vsftpd's own: with userlist_deny=NO it allows.
func (e *entrance) userlist(deny func(string, string)) {
	get := e.s.settings.get
	if !get("userlist_enable").yes() || e.denied {
		return
	}
	file := get("userlist_file").or("/etc/vsftpd.user_list")
	if !get("userlist_file").set() && e.missing(file) {
		file = "/etc/vsftpd/user_list"
	}
	text, err := e.read(file)
	if err != nil {
		return
	}
	line := parseList(text)[e.user]
	denies := get("userlist_deny").or("YES")
	switch {
	case (value{Text: denies}).yes() && line > 0:
		deny("userlist_deny="+denies, fmt.Sprintf("%s:%d", file, line))
	case !(value{Text: denies}).yes() && line == 0:
		deny(finding.Say("%s does not name %s", "userlist_deny="+denies, e.user), file)
	}
}

// sshLists are AllowUsers and its kin. sshd itself says what holds for this
// user, where it can be asked.
func (e *entrance) sshLists(deny func(string, string)) {
	if e.sshd == nil {
		return
	}
	groups := e.groupsOf()
	in := func(patterns []string, names ...string) (string, bool) {
		for _, pattern := range patterns {
			name, from, at := strings.Cut(pattern, "@")
			if at && e.q.Source.IsValid() && !globs(from, e.q.Source.String()) {
				if pre, ok := wrapPrefix(from); !ok || !pre.Contains(e.q.Source.Unmap()) {
					continue
				}
			}
			for _, n := range names {
				if globs(name, n) {
					return pattern, true
				}
			}
		}
		return "", false
	}
	place := e.s.Config
	switch {
	case len(e.sshd["denyusers"]) > 0 && has(in(e.sshd["denyusers"], e.user)):
		deny("DenyUsers "+strings.Join(e.sshd["denyusers"], " "), place)
	case len(e.sshd["allowusers"]) > 0 && !has(in(e.sshd["allowusers"], e.user)):
		deny("AllowUsers "+strings.Join(e.sshd["allowusers"], " "), place)
	case len(e.sshd["denygroups"]) > 0 && has(in(e.sshd["denygroups"], groups...)):
		deny("DenyGroups "+strings.Join(e.sshd["denygroups"], " "), place)
	case len(e.sshd["allowgroups"]) > 0 && !has(in(e.sshd["allowgroups"], groups...)):
		deny("AllowGroups "+strings.Join(e.sshd["allowgroups"], " "), place)
	case e.user == "root" && slices.Equal(e.sshd["permitrootlogin"], []string{"no"}):
		deny("PermitRootLogin no", place)
	}
}

func has(_ string, found bool) bool { return found }

func (e *entrance) groupsOf() []string {
	primary := -1
	if a, ok := accountOf(parsePasswd(e.run("getent", "passwd", e.user).out), e.user); ok {
		primary = a.GID
	}
	names, _ := parseGroups(e.run("getent", "group").out, e.user, primary)
	return names
}

// effectiveSSH asks sshd what it would do with the user (sshd -T -C).
func (e *entrance) effectiveSSH() map[string][]string {
	argv := []string{sshdProgram(e.s), "-T"}
	if e.s.Config != "" {
		argv = append(argv, "-f", e.s.Config)
	}
	from := "192.0.2.1"
	if e.q.Source.IsValid() {
		from = e.q.Source.String()
	}
	r := e.run(append(argv, "-C", "user="+e.user+",host="+from+",addr="+from)...)
	if r.ok() {
		return parseSSHD(r.out)
	}
	if !e.sys.Root {
		e.lacks("what sshd holds for this user (sshd -T needs root)")
	}
	return nil
}

// lastLine is the last line that says something.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// subsystem: the SFTP server that sshd is to start must be set up and be there.
func (e *entrance) subsystem() {
	if e.sshd == nil || e.q.Data == Works || e.q.Login == Fails {
		return
	}
	words := e.sshd["subsystem"]
	i := slices.Index(words, "sftp")
	forced := strings.Join(e.sshd["forcecommand"], " ")
	switch {
	case strings.HasPrefix(forced, "internal-sftp"):
	case i < 0 || i+1 >= len(words):
		e.findAt(finding.New(finding.SSHSFTPNotEnabled, finding.Confirmed).Stop().About(e.s.Kind), e.s.port()).With("file", e.s.Config).
			SawAt("the configuration has no SFTP subsystem", "Subsystem", e.s.Config)
	case strings.HasPrefix(words[i+1], "/") && e.chrootDirectory() == "" && e.missing(words[i+1]):
		e.findAt(finding.New(finding.SSHServerConfig, finding.Confirmed).Stop().About(e.s.Kind), e.s.port()).
			With("path", words[i+1]).With("file", e.s.Config).With("reply", words[i+1]).
			SawAt("the program of the SFTP subsystem is not there", words[i+1], e.s.Config)
	}
}

// parseSSHD reads `sshd -T`: a keyword in small letters and its arguments;
// repeated ones add up.
func parseSSHD(out string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) > 1 && len(all) < maxRows {
			all[f[0]] = append(all[f[0]], f[1:]...)
		}
	}
	return all
}

// find looks the account up where this server keeps its accounts. False: there
// is none, or it can't be told.
func (e *entrance) find() bool {
	if found, known := e.virtual(); known {
		if !found {
			e.skipped = "the server keeps its accounts where they can't be read"
		}
		return found
	}
	r := e.run("getent", "passwd", e.user)
	a, ok := accountOf(parsePasswd(r.out), e.user)
	source := "getent passwd"
	if r.failed != nil {
		a, ok = accountOf(parsePasswd(e.text("/etc/passwd")), e.user)
		source = "/etc/passwd"
	}
	if !ok {
		e.skipped = ""
		if e.q.Login != Works {
			e.refuse(finding.New(finding.AuthUserUnknown, finding.Confirmed)).
				SawAt("the account is not in the user database", e.user, source)
		}
		return false
	}
	e.take(a, source)
	return true
}

func (e *entrance) take(a passwdEntry, source string) {
	e.acct = &Account{Name: a.Name, UID: a.UID, GID: a.GID, Home: a.Home, Shell: a.Shell, Source: source}
	e.acct.Groups, e.acct.gids = parseGroups(e.run("getent", "group").out, a.Name, a.GID)
	e.acct.gids = append(e.acct.gids, a.GID)
	acct := e.acct
	e.fact(func(f *Facts) { f.Account = acct })
}

// virtual: servers with a user file of their own. known false: the system's
// accounts count.
func (e *entrance) virtual() (found, known bool) {
	get := e.s.settings.get
	switch e.s.Kind {
	case "vsftpd":
		if get("guest_enable").yes() {
			_, unix := e.runsModule("pam_unix.so")
			return false, !unix // who is let in hangs on PAM's own database
		}
	case "proftpd":
		files := e.s.settings.everywhere("AuthUserFile")
		if len(files) == 0 {
			return false, false
		}
		for _, f := range files {
			text, err := e.read(f.Text)
			if err != nil {
				continue
			}
			if a, ok := accountOf(parsePasswd(text), e.user); ok {
				e.take(a, fmt.Sprintf("%s:%d", f.Text, a.Line))
				return true, true
			}
		}
		return false, false
	case "pyftpdlib", "filezilla-server", "sftpgo":
		return false, true // accounts of their own
	case "pure-ftpd":
		for _, name := range []string{"/etc/pure-ftpd/pureftpd.passwd", "/etc/pureftpd.passwd"} {
			// name:password:uid:gid:gecos:home/./:…
			for line := range strings.Lines(e.text(name)) {
				f := strings.Split(strings.TrimRight(line, "\n"), ":")
				if len(f) > 5 && f[0] == e.user {
					e.take(passwdEntry{Name: f[0], UID: number(f[2]), GID: number(f[3]), Home: strings.TrimSuffix(f[5], "/./")}, name)
					return true, true
				}
			}
		}
		for _, v := range []string{"PureDB", "MySQLConfigFile", "PGSQLConfigFile", "LDAPConfigFile", "ExtAuth"} {
			if get(v).set() && !e.run("getent", "passwd", e.user).ok() {
				return false, true // its database can't be read here
			}
		}
	}
	return false, false
}

func number(s string) int { return value{Text: s}.number() }

// trusted: Pure-FTPd lets no account in whose number is below MinUID.
func (e *entrance) trusted() {
	v := e.s.settings.get("MinUID")
	if e.s.Kind != "pure-ftpd" || v.number() <= e.acct.UID {
		return
	}
	e.refuse(finding.New(finding.AuthUserDenied, finding.Confirmed)).With("file", v.Place).With("limit", v.Text).
		SawAt("the number of the account, and the least that is let in", fmt.Sprintf("uid %d, MinUID %s", e.acct.UID, v.Text), v.Place)
}

// shell: PAM's pam_shells, ProFTPD's RequireValidShell, sshd's own check.
func (e *entrance) shell() {
	shell := e.acct.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	if e.s.Kind == "openssh" {
		e.sshShell(shell)
		return
	}
	rule, why := "", ""
	r, viaPAM := e.runsModule("pam_shells.so")
	switch v := e.s.settings.get("RequireValidShell"); {
	case e.s.Kind == "proftpd" && (!v.set() || v.yes()) && e.acct.Source == "getent passwd":
		rule, why = "RequireValidShell "+v.or("on"), v.Place
		if why == "" {
			why = e.s.Config
		}
	case viaPAM:
		rule, why = "pam_shells.so", r.place()
	case e.s.Kind == "inetutils" || e.s.Kind == "dropbear":
		rule, why = e.s.Kind, e.s.Program // it asks getusershell(3) itself
	default:
		return
	}
	text, err := e.read("/etc/shells")
	if err != nil || parseList(text)[shell] > 0 {
		return
	}
	e.refuse(finding.New(finding.AuthShellNotListed, finding.Confirmed)).With("other", shell).With("path", shell).With("file", "/etc/shells").
		SawAt("the account's login shell", shell, e.acct.Source).
		SawAt("the shell is not in /etc/shells", "/etc/shells", "/etc/shells").
		SawAt("the rule that asks for a listed shell", rule, why)
}

// sshShell: sshd refuses an account whose shell is not there; one that ends at
// once stops an SFTP server that is a program of its own.
func (e *entrance) sshShell(shell string) {
	if e.missing(shell) {
		e.refuse(finding.New(finding.AuthShellMissing, finding.Confirmed)).With("path", shell).With("other", shell).
			SawAt("the account's login shell", shell, e.acct.Source).
			SawAt("the shell is not there", shell, shell)
		return
	}
	base := path.Base(shell)
	if e.sshd == nil || base != "nologin" && base != "false" {
		return
	}
	subsystem, forced := strings.Join(e.sshd["subsystem"], " "), strings.Join(e.sshd["forcecommand"], " ")
	if strings.Contains(subsystem, "internal-sftp") || strings.Contains(forced, "internal-sftp") {
		return
	}
	e.refuse(finding.New(finding.SSHNologinShell, finding.Confirmed)).With("path", shell).With("other", shell).
		SawAt("the account's login shell", shell, e.acct.Source).
		SawAt("the SFTP server is a program that the shell starts", subsystem, "sshd -T")
}

// shadow: a lock, an end of the account, an end of the password.
func (e *entrance) shadow() {
	if e.acct.Source != "getent passwd" && e.acct.Source != "/etc/passwd" {
		return
	}
	text, err := e.read("/etc/shadow")
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || !e.sys.Root {
			e.lacks("whether the account is locked or has expired (/etc/shadow needs root)")
		}
		return
	}
	sh, ok := parseShadow(text, e.user)
	now := e.clock().now
	if !ok || now.IsZero() {
		return
	}
	today := int(now.Unix() / 86400)
	day := func(n int) string { return time.Unix(int64(n)*86400, 0).UTC().Format(time.DateOnly) }
	const place = "/etc/shadow"
	switch {
	case sh.Expire >= 0 && sh.Expire < today:
		e.refuse(finding.New(finding.AuthAccountExpired, finding.Confirmed)).With("date", day(sh.Expire)).
			SawAt("the day on which the account ended", day(sh.Expire), place)
	case sh.locked() && (e.s.Family != SSH || !e.q.Key):
		f := finding.New(finding.AuthAccountLocked, finding.Confirmed)
		if e.s.Family == SSH && !e.q.Password {
			f.As(finding.Notice) // a key lets it in
		}
		e.refuse(f).SawAt("the password is locked: its hash begins with", sh.Password[:1], place)
	case sh.Changed == 0:
		e.refuse(finding.New(finding.AuthPasswordExpired, finding.Confirmed)).
			SawAt("the password must be changed at the next login", "0", place)
	case sh.Changed > 0 && sh.Max >= 0 && sh.Max < 99999 && sh.Changed+sh.Max < today:
		e.refuse(finding.New(finding.AuthPasswordExpired, finding.Confirmed)).With("date", day(sh.Changed+sh.Max)).
			SawAt("the day on which the password ended", day(sh.Changed+sh.Max), place)
	}
}
