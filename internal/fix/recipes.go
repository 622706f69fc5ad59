package fix

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/machine"
)

// recipe plans what mends a finding, or says why it can't.
type recipe func(*site, *finding.Finding) error

// recipes are all of them. A recipe is one function, and one line here.
var recipes = map[finding.Code]recipe{
	finding.AuthShellNotListed.Code:          transferShell,
	finding.AuthShellMissing.Code:            transferShell,
	finding.AuthAccountExpired.Code:          byHand(whyUnlock, "chage -E -1 {user}"),
	finding.AuthPasswordExpired.Code:         byHand(whyNewPassword, "passwd {user}"),
	finding.AuthAccountLocked.Code:           byHand(whyUnlock, "passwd -u {user}"),
	finding.HostDiskFull.Code:                byHand(whyRoom, "df -h {path}", "du -xhd1 {path} | sort -h | tail", "journalctl --vacuum-size=500M"),
	finding.AuthHomeMissing.Code:             home,
	finding.AuthBanned.Code:                  unban,
	finding.AuthChrootWritable.Code:          chrootWritable,
	finding.AuthLoginsClosed.Code:            loginsClosed,
	finding.ServiceNotRunning.Code:           start,
	finding.ServiceFailed.Code:               start,
	finding.ServiceNotEnabled.Code:           enable,
	finding.ConfigNotLoaded.Code:             notLoaded,
	finding.ConfigNATAddressMissing.Code:     publicAddress,
	finding.DataPassivePrivateAddress.Code:   publicAddress,
	finding.DataPassiveDisabled.Code:         passiveOn,
	finding.TLSDataSessionReuseRequired.Code: reuseNotRequired,
	finding.FileUploadsDisabled.Code:         uploadsOn,
	finding.HostFirewallBlocks.Code:          openControl,
	finding.ConfigPortRangeNotOpen.Code:      openPassive,
	finding.SSHChrootOwnership.Code:          chrootOwnership,
	finding.SSHAuthorizedKeysUnsafe.Code:     keysUnsafe,
	finding.SSHSFTPNotEnabled.Code:           sftpOn,
}

// byHand leaves to a person what no program should do, with the commands.
func byHand(why string, commands ...string) recipe {
	return func(s *site, f *finding.Finding) error {
		args := []string{}
		for _, name := range []string{"user", "path", "file"} {
			v := f.Args[name]
			if v == "" {
				v = "<" + name + ">"
			} else {
				v = machine.Quote(v)
			}
			args = append(args, "{"+name+"}", v)
		}
		filled := make([]string, 0, len(commands))
		for _, c := range commands {
			filled = append(filled, strings.NewReplacer(args...).Replace(c))
		}
		s.manual = append(s.manual, Manual{Why: why, Commands: filled})
		return nil
	}
}

// ftpOnly is a shell for accounts that transfer files and do nothing else. It
// is listed in /etc/shells without /sbin/nologin being listed, which many other
// services take for a lock.
const ftpOnly = "/usr/local/bin/ftponly"

func transferShell(s *site, f *finding.Finding) error {
	user := s.facts.Account
	if user == nil || !accountName.MatchString(user.Name) {
		return refuse(whyTheAccountIsNotKnown)
	}
	if f.Code == finding.AuthShellMissing.Code && strings.HasPrefix(s.report.Target, "sftp:") {
		// sshd has a shell start the SFTP server.
		return s.rewrite("/etc/passwd", whyShellThatIsThere, func(text string) (string, error) {
			return field(text, user.Name, 6, "/bin/sh")
		}, ChangesAccount)
	}
	if !s.is("-e", ftpOnly) {
		c, err := s.file(ftpOnly, whyAShellForAccountsThatTransfer)
		if err != nil {
			return err
		}
		c.File.Mode = "0755"
		s.texts[ftpOnly] = "#!/bin/sh\necho \"This account is for file transfer only.\"\nexit 1\n"
	}
	listed := func(text string) (string, error) {
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == ftpOnly {
				return text, nil
			}
		}
		return endLine(text) + ftpOnly + "\n", nil
	}
	if err := s.rewrite("/etc/shells", whyListIt, listed); err != nil && !errors.Is(err, ErrSame) {
		return err
	}
	return s.rewrite("/etc/passwd", whyGiveItToTheAccount, func(text string) (string, error) {
		return field(text, user.Name, 6, ftpOnly)
	}, ChangesAccount)
}

var accountName = regexp.MustCompile(`^[a-z_][a-z0-9_.-]*\$?$`)

// field replaces a field of an account's line.
func field(text, name string, n int, value string) (string, error) {
	var out strings.Builder
	found := false
	for line := range strings.Lines(text) {
		w := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if w[0] == name && len(w) > n && !found {
			found, w[n] = true, value
			line = strings.Join(w, ":") + "\n"
		}
		out.WriteString(line)
	}
	if !found {
		return "", refuse(whyTheAccountIsNotInThe)
	}
	return out.String(), nil
}

func endLine(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return text + "\n"
	}
	return text
}

// home makes the home directory where it is missing; one that cannot be entered
// is opened for passing, on the way to it.
func home(s *site, f *finding.Finding) error {
	a := s.facts.Account
	if a == nil || !path.IsAbs(a.Home) {
		return refuse(whyTheAccountIsNotKnown)
	}
	if s.is("-d", a.Home) {
		return refuse(whyTheDirectoryIsThereWhoMay)
	}
	if !s.is("-d", path.Dir(a.Home)) {
		return refuse(whyParentMissing, path.Dir(a.Home))
	}
	s.add(Change{Why: whyMakeTheHomeDirectory, Risks: []Risk{ChangesAccount}, Mode: &Mode{Path: a.Home, Mode: "0750", Owner: fmt.Sprintf("%d:%d", a.UID, a.GID), Make: true}})
	return nil
}

// chrootWritable takes from the account the right to write at the top of what
// it is locked into, and gives it a directory for its uploads.
func chrootWritable(s *site, f *finding.Finding) error {
	a, root := s.facts.Account, f.Args["path"]
	if a == nil || !path.IsAbs(root) || path.Clean(root) == "/" {
		return refuse(whyTheDirectoryIsNotKnown)
	}
	s.add(Change{Why: whyTheAccountMayNoLongerWrite, Risks: []Risk{ChangesAccount}, Mode: &Mode{Path: root, Mode: "a-w"}})
	if !s.is("-e", path.Join(root, "upload")) {
		s.add(Change{Why: whyADirectoryForItsUploads, Mode: &Mode{Path: path.Join(root, "upload"), Mode: "0755", Owner: fmt.Sprintf("%d:%d", a.UID, a.GID), Make: true}})
	}
	return nil
}

// unban lifts fail2ban's ban of one address. What banned it bans it again if it
// goes on to fail.
func unban(s *site, f *finding.Finding) error {
	jail, address := f.Args["jail"], f.Args["other"]
	if _, err := netip.ParseAddr(address); err != nil || !serviceName.MatchString(jail) || strings.HasPrefix(jail, "-") {
		return refuse(whyNoJail)
	}
	s.add(Change{Why: whyUnban, Risks: []Risk{ChangesElsewhere, WeakensSecurity}, Command: &Command{
		Do:   []string{"fail2ban-client", "set", jail, "unbanip", address},
		Undo: []string{"fail2ban-client", "set", jail, "banip", address},
		Done: []string{"/bin/sh", "-c", `banned=$(fail2ban-client get "$1" banip) && ! echo "$banned" | tr ' ' '\n' | grep -qxF "$2"`, "sh", jail, address},
	}})
	return nil
}

func loginsClosed(s *site, f *finding.Finding) error {
	name := f.Args["file"]
	if name != "/etc/nologin" && name != "/run/nologin" && name != "/var/run/nologin" && path.Base(name) != "shutmsg" {
		return refuse(whyTheFileIsNotOneThat)
	}
	c, err := s.file(name, whyOpenLogInsAgain, ChangesAccount)
	if err != nil {
		return err
	}
	c.File.Remove = true
	return nil
}

func start(s *site, f *finding.Finding) error {
	x, err := s.server(f)
	if err != nil {
		return err
	}
	if x.Enabled == "masked" {
		if err := s.service(x, Unmask); err != nil {
			return err
		}
	}
	if err := s.service(x, Start); err != nil {
		return err
	}
	if x.Enabled == "disabled" {
		return s.service(x, Enable)
	}
	return nil
}

func enable(s *site, f *finding.Finding) error {
	x, err := s.server(f)
	if err != nil {
		return err
	}
	return s.service(x, Enable)
}

func notLoaded(s *site, f *finding.Finding) error {
	x, err := s.server(f)
	if err != nil {
		return err
	}
	return s.reload(x)
}

// publicAddress announces the address to which clients connect.
func publicAddress(s *site, f *finding.Finding) error {
	x, err := s.server(f)
	if err != nil {
		return err
	}
	to, err := netip.ParseAddr(f.Args["peer"])
	if err != nil && len(s.report.Facts.Addresses) > 0 {
		to, err = netip.ParseAddr(s.report.Facts.Addresses[0])
	}
	if err != nil || !to.Unmap().Is4() {
		return refuse(whyTheAddressToWhichClientsConnect)
	}
	name, ok := map[string]string{"vsftpd": "pasv_address", "proftpd": "MasqueradeAddress", "pure-ftpd": "ForcePassiveIP"}[x.Kind]
	if !ok {
		return refuse(whyNoSetting, x.Kind)
	}
	if err := s.set(x, whyAnnounceTheAddressThatClientsReach, nil, name, to.Unmap().String()); err != nil {
		return err
	}
	return s.reload(x)
}

// setting is a recipe that gives one of a server's settings a value, by server.
func setting(why string, risks []Risk, by map[string][]string) recipe {
	return func(s *site, f *finding.Finding) error {
		x, err := s.server(f)
		if err != nil {
			return err
		}
		words, ok := by[x.Kind]
		if !ok {
			return refuse(whyNoSetting, x.Kind)
		}
		if err := s.set(x, why, risks, words[0], words[1:]...); err != nil {
			return err
		}
		return s.reload(x)
	}
}

var (
	passiveOn        = setting(whyAllowPassiveTransfers, nil, map[string][]string{"vsftpd": {"pasv_enable", "YES"}})
	uploadsOn        = setting(whyAllowChangesOfFiles, []Risk{WeakensSecurity}, map[string][]string{"vsftpd": {"write_enable", "YES"}})
	reuseNotRequired = setting(whyTakeDataConnectionsOfClientsThat, []Risk{WeakensSecurity},
		map[string][]string{"vsftpd": {"require_ssl_reuse", "NO"}, "proftpd": {"TLSOptions", "NoSessionReuseRequired"}})
)

// wherePlace takes apart where a rule stands.
var wherePlace = regexp.MustCompile(`^(nft|iptables-nft|iptables-legacy): table (\S+) (\S+), chain (\S+?)(?:, rule \d+)?$`)

// let inserts a rule before all others of the chain that keeps a packet out.
func (s *site) let(p passage) error {
	m := wherePlace.FindStringSubmatch(p.Where)
	if m == nil {
		return refuse(whyTheRuleThatKeepsItOut)
	}
	ports := fmt.Sprint(p.Port)
	through := p.Through > p.Port
	if m[1] == "nft" {
		if through {
			ports += "-" + fmt.Sprint(p.Through)
		}
		match := "tcp dport " + ports + " accept"
		s.add(Change{Why: whyLetTheConnectionIn, Risks: []Risk{OpensPort}, Rule: &Rule{Tool: "nft", Table: m[2] + " " + m[3], Chain: m[4], Match: match}})
		return s.keep("/etc/nftables.conf", match, []string{"nft", "-c", "-f", "/etc/nftables.conf"}, func(text string) (string, bool) {
			return afterHook(text, m[2]+" "+m[3], m[4], match)
		})
	}
	if through {
		ports += ":" + fmt.Sprint(p.Through)
	}
	tool, file := m[1], "/etc/iptables/rules.v4"
	if m[2] == "ip6" {
		tool, file = strings.Replace(m[1], "iptables", "ip6tables", 1), "/etc/iptables/rules.v6"
	}
	match := "-p tcp --dport " + ports + " -j ACCEPT"
	s.add(Change{Why: whyLetTheConnectionIn, Risks: []Risk{OpensPort}, Rule: &Rule{Tool: tool, Table: m[3], Chain: m[4], Match: match}})
	return s.keep(file, tool+" -I "+m[4]+" "+match, []string{tool + "-restore", "--test", file}, func(text string) (string, bool) {
		return beforeRules(text, m[3], m[4], match)
	})
}

// keep puts a rule into the file from which the firewall is loaded, where that
// is a file of rules; otherwise it is left to a person.
func (s *site) keep(name, rule string, test []string, insert func(string) (string, bool)) error {
	old, err := s.text(name)
	if err != nil {
		return err
	}
	text, ok := insert(old)
	if !ok {
		s.manual = append(s.manual, Manual{Why: whyKeepRule, Commands: []string{rule}})
		return nil
	}
	c, err := s.file(name, whyAfterStart, OpensPort)
	if err != nil {
		return err
	}
	c.File.Test = test
	s.texts[name] = text
	return nil
}

// afterHook inserts a rule of nft at the head of a base chain.
func afterHook(text, table, chain, rule string) (string, bool) {
	var out strings.Builder
	inTable, inChain, done := false, false, false
	for line := range strings.Lines(text) {
		out.WriteString(line)
		words := strings.Join(strings.Fields(line), " ")
		switch {
		case done:
		case strings.HasPrefix(words, "table "):
			inTable, inChain = words == "table "+table+" {", false
		case inTable && strings.HasPrefix(words, "chain "):
			inChain = words == "chain "+chain+" {"
		case inChain && strings.HasPrefix(words, "type "):
			indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
			out.WriteString(indent + rule + "\n")
			done = true
		}
	}
	return out.String(), done
}

// beforeRules inserts a rule of iptables before the others of its chain.
func beforeRules(text, table, chain, rule string) (string, bool) {
	var out strings.Builder
	inTable, done := false, false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "*"):
			inTable = strings.TrimSpace(line) == "*"+table
		case inTable && !done && (strings.HasPrefix(line, "-A "+chain+" ") || strings.TrimSpace(line) == "COMMIT" && strings.Contains(out.String(), ":"+chain+" ")):
			out.WriteString("-A " + chain + " " + rule + "\n")
			done = true
		}
		out.WriteString(line)
	}
	return out.String(), done
}

// openControl opens the port of the service; where a policy keeps it out, which
// keeps out everything that is not named, the ports of its passive transfers too.
func openControl(s *site, f *finding.Finding) error {
	for _, p := range s.facts.Firewall.Judged {
		if p.Action != "drop" && p.Action != "reject" || p.Through > p.Port {
			continue
		}
		if err := s.let(p); err != nil {
			return err
		}
		if x, err := s.server(f); err == nil && strings.HasPrefix(p.Rule, "policy ") {
			if lo, hi, ok := s.passive(x); ok {
				p.Port, p.Through = lo, hi
				return s.let(p)
			}
		}
		return nil
	}
	return refuse(whyTheRuleThatKeepsItOut)
}

// passive is the range of a server's passive transfers, where one is set.
func (s *site) passive(x server) (lo, hi uint16, ok bool) {
	kind, known := confKinds[x.Kind]
	if !known || x.Config == "" {
		return 0, 0, false
	}
	b, err := s.m.ReadFile(s.ctx, x.Config)
	if err != nil {
		return 0, 0, false
	}
	d, _ := conf.Parse(kind, x.Config, b)
	arg := func(name string, i int) string {
		if v, ok := d.Get(name); ok {
			return v.Arg(i)
		}
		return ""
	}
	var from, to string
	switch x.Kind {
	case "vsftpd":
		from, to = arg("pasv_min_port", 0), arg("pasv_max_port", 0)
	case "proftpd":
		from, to = arg("PassivePorts", 0), arg("PassivePorts", 1)
	case "pure-ftpd":
		from, to = arg("PassivePortRange", 0), arg("PassivePortRange", 1)
	}
	a, err1 := strconv.ParseUint(from, 10, 16)
	z, err2 := strconv.ParseUint(to, 10, 16)
	return uint16(a), uint16(z), err1 == nil && err2 == nil && a > 0 && a < z
}

func openPassive(s *site, f *finding.Finding) error {
	n := 0
	for _, p := range s.facts.Firewall.Judged {
		if (p.Action == "drop" || p.Action == "reject") && p.Through > p.Port {
			if err := s.let(p); err != nil {
				return err
			}
			n++
		}
	}
	if n == 0 {
		return refuse(whyTheRuleThatKeepsItOut)
	}
	return nil
}

func chrootOwnership(s *site, f *finding.Finding) error {
	name := f.Args["path"]
	if !path.IsAbs(name) {
		return refuse(whyTheDirectoryIsNotKnown)
	}
	s.add(Change{Why: whySshdAsksThatRootOwnsIt, Risks: []Risk{ChangesAccount}, Mode: &Mode{Path: name, Mode: "go-w", Owner: "root"}})
	return nil
}

func keysUnsafe(s *site, f *finding.Finding) error {
	name := f.Args["path"]
	if !path.IsAbs(name) {
		name = f.Args["file"]
	}
	if !path.IsAbs(name) {
		return refuse(whyTheFileIsNotKnown)
	}
	c := Change{Why: whyNobodyElseMayWriteToIt, Risks: []Risk{ChangesAccount}, Mode: &Mode{Path: name, Mode: "go-w"}}
	if a := s.facts.Account; a != nil && a.UID > 0 && (name == a.Home || strings.HasPrefix(name, a.Home+"/")) {
		c.Mode.Owner = strconv.Itoa(a.UID) // sshd takes the user's and root's alone
	}
	s.add(c)
	return nil
}

func sftpOn(s *site, f *finding.Finding) error {
	x, err := s.server(f)
	if err != nil {
		return err
	}
	err = s.edit(x, whyOfferSftp, nil, func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set("Subsystem", "sftp", "internal-sftp")} })
	if err != nil {
		return err
	}
	return s.reload(x)
}
