package ftptest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/ftp"
)

// command is what a healthy server does on one command.
type command struct {
	do    func(s *session, arg string) error
	early bool // allowed before login
}

// commands of the healthy server. A function, because HELP and FEAT look at it.
func commands() map[string]command {
	return map[string]command{
		"USER": {(*session).cmdUser, true}, "PASS": {(*session).cmdPass, true},
		"ACCT": {fixed("202 Superfluous."), true}, "QUIT": {(*session).cmdQuit, true},
		"AUTH": {(*session).cmdAuth, true}, "PBSZ": {(*session).cmdPbsz, true}, "PROT": {(*session).cmdProt, true},
		"CCC":  {fixed("533 Command protection level denied for policy reasons."), true}, // RFC 4217 §6
		"FEAT": {(*session).cmdFeat, true}, "OPTS": {(*session).cmdOpts, true}, "HELP": {(*session).cmdHelp, true},
		"NOOP": {fixed("200 NOOP ok."), true}, "STAT": {(*session).cmdStat, false}, "SYST": {(*session).cmdSyst, true},
		"PWD": {(*session).cmdPwd, false}, "XPWD": {(*session).cmdPwd, false},
		"CWD": {(*session).cmdCwd, false}, "CDUP": {(*session).cmdCdup, false},
		"TYPE": {(*session).cmdType, false}, "MODE": {(*session).cmdMode, false}, "STRU": {(*session).cmdStru, false},
		"PASV": {(*session).cmdPasv, false}, "EPSV": {(*session).cmdEpsv, false},
		"PORT": {(*session).cmdPort, false}, "EPRT": {(*session).cmdEprt, false},
		"LIST": {(*session).cmdList, false}, "NLST": {(*session).cmdNlst, false},
		"MLSD": {(*session).cmdMlsd, false}, "MLST": {(*session).cmdMlst, false},
		"SIZE": {(*session).cmdSize, false}, "MDTM": {(*session).cmdMdtm, false},
		"REST": {(*session).cmdRest, false}, "RETR": {(*session).cmdRetr, false},
		"STOR": {writing((*session).cmdStor), false}, "APPE": {writing((*session).cmdAppe), false},
		"DELE": {writing((*session).cmdDele), false}, "MKD": {writing((*session).cmdMkd), false},
		"RMD": {writing((*session).cmdRmd), false}, "RNFR": {writing((*session).cmdRnfr), false},
		"RNTO": {writing((*session).cmdRnto), false}, "ABOR": {(*session).cmdAbor, false},
		"ALLO": {fixed("202 ALLO command ignored."), false},
	}
}

// healthy does what a healthy server does about a command.
func (s *session) healthy(verb, arg string) error {
	if verb == connectEvent {
		return s.greet()
	}
	c, known := commands()[verb]
	switch {
	case !known || s.srv.script.without[verb]:
		return s.reply("502 Command not implemented.")
	case !s.loggedIn && !c.early:
		return s.reply("530 Please login with USER and PASS.")
	}
	return c.do(s, arg)
}

func fixed(reply string) func(*session, string) error {
	return func(s *session, _ string) error { return s.reply(reply) }
}

// writing guards a command that changes files.
func writing(do func(*session, string) error) func(*session, string) error {
	return func(s *session, arg string) error {
		if !s.writable() {
			return s.reply("550 Permission denied.")
		}
		return do(s, arg)
	}
}

func (s *session) writable() bool {
	return !s.anonymous || s.srv.script.anonymous == "write"
}

// path gives the absolute path that an argument means.
func (s *session) path(arg string) string {
	if strings.HasPrefix(arg, "/") {
		return path.Clean(arg)
	}
	return path.Join(s.cwd, arg)
}

func (s *session) cmdUser(arg string) error {
	s.loggedIn, s.anonymous = false, false
	if s.srv.script.tls == "required" && !s.secure {
		return s.reply("530 Non-anonymous sessions must use encryption.")
	}
	s.user, s.asked = arg, true
	return s.reply("331 Please specify the password.")
}

func (s *session) cmdPass(arg string) error {
	if !s.asked {
		return s.reply("503 Login with USER first.")
	}
	s.asked = false
	name := strings.ToLower(s.user)
	guest := (name == "anonymous" || name == "ftp") && s.srv.script.anonymous != "off"
	if !guest && (s.user != s.srv.script.user || arg != s.srv.script.password) {
		return s.reply("530 Login incorrect.")
	}
	s.loggedIn, s.anonymous = true, guest
	return s.reply("230 Login successful.")
}

func (s *session) cmdQuit(string) error {
	if err := s.reply("221 Goodbye."); err != nil {
		return err
	}
	return s.finish()
}

func (s *session) cmdAuth(arg string) error {
	switch {
	case s.srv.tls == nil:
		return s.reply("502 Command not implemented.")
	case s.secure:
		return s.reply("503 TLS is active already.")
	case !slices.Contains([]string{"TLS", "TLS-C", "SSL", "TLS-P"}, strings.ToUpper(arg)):
		return s.reply("504 Unknown AUTH type.")
	}
	if err := s.reply("234 Proceed with negotiation."); err != nil {
		return err
	}
	s.loggedIn, s.asked = false, false // RFC 4217 §4: the session starts anew
	return s.startTLS()
}

func (s *session) cmdPbsz(string) error {
	if !s.secure {
		return s.reply("503 PBSZ needs TLS first.")
	}
	return s.reply("200 PBSZ set to 0.")
}

func (s *session) cmdProt(arg string) error {
	if !s.secure {
		return s.reply("503 PROT needs TLS first.")
	}
	switch strings.ToUpper(arg) {
	case "P", "C":
		s.protected = strings.EqualFold(arg, "P")
		return s.reply("200 PROT now " + map[bool]string{true: "Private.", false: "Clear."}[s.protected])
	case "S", "E":
		return s.reply("536 PROT not supported.")
	}
	return s.reply("504 PROT not recognized.")
}

func (s *session) cmdFeat(string) error {
	b := "211-Features:\r\n"
	for _, f := range []string{"AUTH TLS", "EPRT", "EPSV", "MDTM", "MLST type*;size*;modify*;perm*;", "PASV", "PBSZ", "PROT", "REST STREAM", "SIZE", "UTF8"} {
		name, _, _ := strings.Cut(f, " ")
		secure := name == "AUTH" || name == "PBSZ" || name == "PROT"
		if s.srv.script.without[name] || secure && s.srv.tls == nil {
			continue
		}
		b += " " + f + "\r\n"
	}
	return s.replyRaw(b + "211 End\r\n")
}

func (s *session) cmdOpts(arg string) error {
	switch f := strings.Fields(strings.ToUpper(arg)); {
	case len(f) > 0 && (f[0] == "UTF8" || f[0] == "UTF-8") && !s.srv.script.without["UTF8"]:
		return s.reply("200 Always in UTF8 mode.")
	case len(f) > 0 && f[0] == "MLST":
		return s.reply("200 MLST OPTS type;size;modify;perm;")
	}
	return s.reply("501 Option not understood.")
}

func (s *session) cmdHelp(string) error {
	var names []string
	for name := range commands() {
		if !s.srv.script.without[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return s.replyRaw("214-The following commands are recognized.\r\n " + strings.Join(names, " ") + "\r\n214 Help OK.\r\n")
}

func (s *session) cmdStat(string) error {
	return s.replyRaw("211-FTP server status:\r\n Connected to " + s.peer.String() + "\r\n211 End of status\r\n")
}

func (s *session) cmdSyst(string) error {
	if s.srv.script.software == "iis" {
		return s.reply("215 Windows_NT")
	}
	return s.reply("215 UNIX Type: L8")
}

func (s *session) cmdPwd(string) error {
	return s.reply("257 " + ftp.QuotePath(s.cwd) + " is the current directory")
}

func (s *session) cmdCwd(arg string) error {
	dir := s.path(arg)
	if n, ok := s.srv.tree.get(dir); !ok || !n.dir {
		return s.reply("550 Failed to change directory.")
	}
	s.cwd = dir
	return s.reply("250 Directory successfully changed.")
}

func (s *session) cmdCdup(string) error { return s.cmdCwd("..") }

func (s *session) cmdType(arg string) error {
	switch strings.ToUpper(arg) {
	case "I", "L 8":
		return s.reply("200 Switching to Binary mode.")
	case "A", "A N":
		return s.reply("200 Switching to ASCII mode.") // bytes are sent as they are, as vsftpd does by default
	}
	return s.reply("504 Type not implemented.")
}

func (s *session) cmdMode(arg string) error {
	if strings.EqualFold(arg, "S") {
		return s.reply("200 Mode set to S.")
	}
	return s.reply("504 Bad MODE command.")
}

func (s *session) cmdStru(arg string) error {
	if strings.EqualFold(arg, "F") {
		return s.reply("200 Structure set to F.")
	}
	return s.reply("504 Bad STRU command.")
}

func (s *session) cmdPasv(string) error {
	if s.srv.addr.Addr().Is6() {
		return s.reply("425 PASV has no IPv6; use EPSV.")
	}
	if err := s.openPassive(); err != nil {
		return s.reply("425 Can't open passive connection.")
	}
	hi, lo := pasvNumbers(s.passive.port)
	host := strings.ReplaceAll(s.srv.Host(), ".", ",")
	return s.reply("227 Entering Passive Mode (" + host + "," + hi + "," + lo + ").")
}

// cmdEpsv follows RFC 2428 §3.
func (s *session) cmdEpsv(arg string) error {
	family := "1"
	if s.srv.addr.Addr().Is6() {
		family = "2"
	}
	switch {
	case strings.EqualFold(arg, "ALL"):
		return s.reply("200 EPSV ALL ok.")
	case arg != "" && arg != family:
		return s.reply("522 Network protocol not supported, use (" + family + ")")
	}
	if err := s.openPassive(); err != nil {
		return s.reply("425 Can't open passive connection.")
	}
	return s.reply("229 Entering Extended Passive Mode (|||" + strconv.Itoa(int(s.passive.port)) + "|)")
}

func (s *session) cmdPort(arg string) error {
	a, err := ftp.ParsePORT(arg)
	if err != nil {
		return s.reply("501 Illegal PORT command.")
	}
	return s.setActive("PORT", a)
}

func (s *session) cmdEprt(arg string) error {
	a, err := ftp.ParseEPRT(arg)
	switch {
	case errors.Is(err, ftp.ErrFamily):
		return s.reply("522 Network protocol not supported, use (1,2)") // RFC 2428 §2
	case err != nil:
		return s.reply("501 Bad EPRT command.")
	}
	return s.setActive("EPRT", a)
}

// setActive takes the client's data port. Another host's is refused (RFC 2577
// §3), and so no script can make this server dial beyond loopback.
func (s *session) setActive(verb string, to netip.AddrPort) error {
	if s.srv.script.active == "off" || to.Addr() != s.peer || to.Port() < 1024 {
		return s.reply("500 Illegal " + verb + " command.")
	}
	s.closeData()
	s.active = to
	return s.reply("200 " + verb + " command successful. Consider using " + map[string]string{"PORT": "PASV.", "EPRT": "EPSV."}[verb])
}

// listed is the path that a listing command means, without options such as -la.
func (s *session) listed(arg string) string {
	for strings.HasPrefix(arg, "-") {
		_, arg, _ = strings.Cut(arg, " ")
	}
	return s.path(arg)
}

func (s *session) sendListing(arg string, line func(entry) string) error {
	list, ok := s.srv.tree.list(s.listed(arg))
	if !ok {
		return s.reply("550 No such file or directory.")
	}
	var b strings.Builder
	for _, e := range list {
		b.WriteString(line(e))
	}
	return s.startTransfer(download(strings.NewReader(b.String()), "directory listing"))
}

func (s *session) cmdList(arg string) error { return s.sendListing(arg, entry.long) }

func (s *session) cmdNlst(arg string) error {
	return s.sendListing(arg, func(e entry) string { return e.name + "\r\n" })
}

func (s *session) cmdMlsd(arg string) error {
	if n, ok := s.srv.tree.get(s.path(arg)); ok && !n.dir {
		return s.reply("501 Not a directory.") // RFC 3659 §7.2.1
	}
	return s.sendListing(arg, func(e entry) string { return e.facts(s.writable()) + "\r\n" })
}

func (s *session) cmdMlst(arg string) error {
	name := s.path(arg)
	n, ok := s.srv.tree.get(name)
	if !ok {
		return s.reply("550 No such file or directory.")
	}
	return s.replyRaw("250-Listing " + name + "\r\n " + entry{name, n}.facts(s.writable()) + "\r\n250 End\r\n")
}

func (s *session) cmdSize(arg string) error {
	n, ok := s.srv.tree.get(s.path(arg))
	if !ok || n.dir {
		return s.reply("550 Could not get file size.")
	}
	return s.reply(fmt.Sprintf("213 %d", len(n.data)))
}

func (s *session) cmdMdtm(arg string) error {
	n, ok := s.srv.tree.get(s.path(arg))
	if !ok || n.dir {
		return s.reply("550 Could not get file modification time.")
	}
	return s.reply("213 " + ftp.FormatTime(n.mod))
}

func (s *session) cmdRest(arg string) error {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 0 {
		return s.reply("501 Bad restart position.")
	}
	s.restart = n
	return s.reply(fmt.Sprintf("350 Restart position accepted (%d).", n))
}

func (s *session) cmdRetr(arg string) error {
	n, ok := s.srv.tree.get(s.path(arg))
	if !ok || n.dir {
		return s.reply("550 Failed to open file.")
	}
	data := n.data[min(s.restart, int64(len(n.data))):]
	s.restart = 0
	return s.startTransfer(download(bytes.NewReader(data), fmt.Sprintf("%s (%d bytes)", arg, len(n.data))))
}

func (s *session) cmdStor(arg string) error {
	offset := s.restart
	s.restart = 0
	return s.store(arg, offset)
}

func (s *session) cmdAppe(arg string) error {
	n, _ := s.srv.tree.get(s.path(arg))
	return s.store(arg, int64(len(n.data)))
}

// store takes an upload that begins at an offset of the file.
func (s *session) store(arg string, offset int64) error {
	name := s.path(arg)
	old, exists := s.srv.tree.get(name)
	dir, ok := s.srv.tree.get(path.Dir(name))
	if arg == "" || exists && old.dir || !ok || !dir.dir {
		return s.reply("553 Could not create file.")
	}
	keep := old.data[:min(offset, int64(len(old.data)))]
	return s.startTransfer(transferJob{
		opening: "150 Ok to send data.",
		store:   func(data []byte) bool { return s.srv.tree.put(name, slices.Concat(keep, data)) },
	})
}

func (s *session) cmdDele(arg string) error {
	if !s.srv.tree.remove(s.path(arg), false) {
		return s.reply("550 Delete operation failed.")
	}
	return s.reply("250 Delete operation successful.")
}

func (s *session) cmdMkd(arg string) error {
	dir := s.path(arg)
	if !s.srv.tree.mkdir(dir) {
		return s.reply("550 Create directory operation failed.")
	}
	return s.reply("257 " + ftp.QuotePath(dir) + " created")
}

func (s *session) cmdRmd(arg string) error {
	if !s.srv.tree.remove(s.path(arg), true) {
		return s.reply("550 Remove directory operation failed.")
	}
	return s.reply("250 Remove directory operation successful.")
}

func (s *session) cmdRnfr(arg string) error {
	name := s.path(arg)
	if _, ok := s.srv.tree.get(name); !ok {
		return s.reply("550 RNFR command failed.")
	}
	s.renameFrom = name
	return s.reply("350 Ready for RNTO.")
}

func (s *session) cmdRnto(arg string) error {
	from := s.renameFrom
	s.renameFrom = ""
	switch {
	case from == "":
		return s.reply("503 RNFR required first.")
	case !s.srv.tree.rename(from, s.path(arg)):
		return s.reply("550 Rename failed.")
	}
	return s.reply("250 Rename successful.")
}

// cmdAbor follows RFC 959 §4.1.3: a transfer under way ends with 426, and then
// comes the 226 for ABOR itself.
func (s *session) cmdAbor(string) error {
	if s.running == nil {
		return s.reply("225 No transfer to ABOR.")
	}
	s.stopTransfer()
	return s.reply("226 ABOR command successful.")
}
