package lint

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"ftpdoctor/internal/conf"
)

// The algorithms of OpenSSH 9.2 (`ssh -Q`), and those that came after it.
var (
	sshCiphers = strings.Fields(`3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com
		aes256-gcm@openssh.com chacha20-poly1305@openssh.com rijndael-cbc@lysator.liu.se`)
	sshMACs = strings.Fields(`hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96 umac-64@openssh.com umac-128@openssh.com
		hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com
		hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com`)
	sshKex = strings.Fields(`diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group14-sha256 diffie-hellman-group16-sha512
		diffie-hellman-group18-sha512 diffie-hellman-group-exchange-sha1 diffie-hellman-group-exchange-sha256 ecdh-sha2-nistp256 ecdh-sha2-nistp384
		ecdh-sha2-nistp521 curve25519-sha256 curve25519-sha256@libssh.org sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com mlkem768x25519-sha256`)
	sshKeys = strings.Fields(`ssh-ed25519 ssh-ed25519-cert-v01@openssh.com sk-ssh-ed25519@openssh.com sk-ssh-ed25519-cert-v01@openssh.com
		ecdsa-sha2-nistp256 ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384 ecdsa-sha2-nistp384-cert-v01@openssh.com
		ecdsa-sha2-nistp521 ecdsa-sha2-nistp521-cert-v01@openssh.com sk-ecdsa-sha2-nistp256@openssh.com sk-ecdsa-sha2-nistp256-cert-v01@openssh.com
		webauthn-sk-ecdsa-sha2-nistp256@openssh.com ssh-dss ssh-dss-cert-v01@openssh.com ssh-rsa ssh-rsa-cert-v01@openssh.com rsa-sha2-256
		rsa-sha2-256-cert-v01@openssh.com rsa-sha2-512 rsa-sha2-512-cert-v01@openssh.com`)
	sshMethods = []string{"publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "gssapi-keyex", "none"}
)

// sshd's own weak ones: what its defaults have left out for years.
var sshWeak = []string{
	"3des", "-cbc", "rijndael", "arcfour", "blowfish", "cast128", "hmac-md5", "hmac-sha1", "umac-64", "-group1-", "group14-sha1", "exchange-sha1", "ssh-dss", "ssh-rsa",
}

// sshdForm finds what `sshd -t` refuses.
func sshdForm(c *config, problems []conf.Problem) {
	for _, p := range problems {
		c.note(map[conf.Fault]string{conf.OpenQuote: "open-quote", conf.NoName: "no-name", conf.NoValue: "missing-value", conf.Ignored: "ignored-line"}[p.Fault],
			hit{pos: p.Pos, width: max(1, len(p.Detail)), args: map[string]string{"name": p.Detail}})
	}
	// A drop-in says nothing of what the main file holds.
	c.whole = c.whole && !strings.Contains(c.main(), ".d/")
	subsystems, seen := map[string]*conf.Directive{}, map[string]*conf.Directive{}
	for d := range c.All() {
		if d.Is("Subsystem") && len(d.Args) > 1 && d.Parent == nil {
			if subsystems[d.Args[0]] != nil {
				c.note("subsystem-twice", c.value(d, 0))
			}
			subsystems[d.Args[0]] = d
		}
		c.sshdDirective(d)
		c.sshdShadowed(d, seen)
	}
}

// sshdLists may stand several times: each adds to those before.
var sshdLists = []string{
	"AcceptEnv", "AllowUsers", "AllowGroups", "DenyUsers", "DenyGroups", "HostKey", "HostCertificate", "ListenAddress", "Port", "Subsystem", "Include", "Match",
	"PermitOpen", "PermitListen", "SetEnv", "AuthorizedKeysFile", "LogVerbose",
}

// sshdShadowed: of two equal keywords outside of Match, or within the same
// block, the first counts.
func (c *config) sshdShadowed(d *conf.Directive, seen map[string]*conf.Directive) {
	if fold(d.Name, sshdLists...) || len(d.Args) == 0 {
		return
	}
	key := strings.ToLower(d.Name)
	if d.Parent != nil {
		key += " " + d.Parent.Pos.String()
	}
	first := seen[key]
	if first == nil {
		seen[key] = d
		return
	}
	if !fold(strings.Join(first.Args, " "), strings.Join(d.Args, " ")) {
		c.note("duplicate", c.at(d).with("line", first.Pos.String()).mend(c.doc(d).Delete(d)))
	}
}

// sshdMayBeEmpty are lists of which sshd takes none where only a comment follows.
var sshdMayBeEmpty = []string{
	"AcceptEnv", "AllowGroups", "AllowUsers", "AuthorizedKeysFile", "ChannelTimeout", "DenyGroups", "DenyUsers", "ForceCommand",
	"LogVerbose", "Protocol", "PubkeyAuthOptions", "SetEnv", "VersionAddendum",
}

func (c *config) sshdDirective(d *conf.Directive) {
	k, ok := sshdKnown().find(d.Name)
	if !ok {
		if c.marked(d) {
			return
		}
		if near := c.likely(d.Name, sshdKnown().names); near != "" {
			c.note("unknown-near", c.at(d).with("near", near).mend(c.doc(d).Replace(d, c.doc(d).Statement(near, d.Args...))))
			return
		}
		c.note("unknown", c.at(d))
		return
	}
	if v := k.col(3); v != "" {
		c.note("newer", c.at(d).with("version", v))
	}
	switch form := k.col(2); form {
	case "deprecated", "unsupported":
		c.note("deprecated", c.at(d).mend(c.doc(d).Delete(d)))
		return
	}
	if now := k.col(4); now != "" {
		c.note("renamed", c.at(d).with("near", now).mend(c.doc(d).Replace(d, c.doc(d).Statement(now, d.Args...))))
	}
	// A comment in the place of a value; without one the reader has told it.
	if len(d.Args) == 0 && strings.Contains(d.Raw, "#") && !fold(d.Name, sshdMayBeEmpty...) {
		c.note("missing-value", c.at(d))
		return
	}
	if d.Section {
		if bad := badMatch(d.Args); bad != "" && len(d.Args) > 0 {
			c.note("bad-match", c.at(d).with("value", bad))
		}
		return
	}
	if d.Within("Match") != nil && k.col(0) == "" {
		c.note("wrong-context", c.at(d))
		return
	}
	if len(d.Args) == 0 {
		return // told by the reader
	}
	if !sshdValue(d, k.col(2)) {
		c.note("bad-value", c.value(d, 0))
		return
	}
	if k.col(1) == "one" && len(d.Args) > 1 {
		c.note("extra-arguments", c.value(d, 1))
	}
}

// badMatch returns the part of a Match line that sshd does not take, or "".
// (servconf.c, match_cfg_line.)
func badMatch(args []string) string {
	if len(args) > 0 && fold(args[0], "all") {
		if len(args) > 1 {
			return args[1]
		}
		return ""
	}
	for i := 0; i < len(args); i += 2 {
		switch {
		case fold(args[i], "invalid-user") && i+1 < len(args):
			i-- // since 9.9; takes no pattern
		case !fold(args[i], "User", "Group", "Host", "Address", "LocalAddress", "LocalPort", "RDomain", "Version"), i+1 >= len(args), args[i+1] == "":
			return args[i]
		case fold(args[i], "LocalPort") && !digits(args[i+1]), fold(args[i], "Address", "LocalAddress") && !addresses(args[i+1]):
			return args[i+1]
		}
	}
	return ""
}

// addresses checks the networks of a pattern list: no bit may be set behind the
// mask. (addrmatch.c.)
func addresses(list string) bool {
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimPrefix(p, "!"); !strings.Contains(p, "/") {
			continue
		}
		if n, err := netip.ParsePrefix(p); err != nil || n != n.Masked() {
			return false
		}
	}
	return true
}

var (
	sshTime  = regexp.MustCompile(`(?i)^(\d+[smhdw]?)+$`)
	sshRekey = regexp.MustCompile(`(?i)^(default|none|0|\d+[kmg]?)$`)
)

// sshdValue checks a value by the form of the table.
func sshdValue(d *conf.Directive, form string) bool {
	v := d.Args[0]
	if slices.Contains(d.Args, "") && !fold(d.Name, "ForceCommand", "VersionAddendum", "Subsystem") {
		return false
	}
	switch form {
	case "any", "":
		return true
	case "int":
		return digits(v) && number(v) >= 0 && number(v) < 1<<31 || d.Is("PerSourceMaxStartups") && v == "none"
	case "time":
		return sshTime.MatchString(v) || fold(v, "none") && d.Is("UnusedConnectionTimeout")
	case "port":
		n := number(v)
		return n >= 1 && n <= 65535 || fold(v, "ssh", "ftp", "http", "https", "telnet") // or another name of /etc/services
	case "environment":
		want := d.Is("SetEnv")
		return !slices.ContainsFunc(d.Args, func(a string) bool { return strings.Contains(a, "=") != want })
	case "startups":
		return maxStartups(v)
	case "absolute":
		return strings.HasPrefix(v, "/") || fold(v, "none")
	case "subsystem":
		return len(d.Args) > 1
	case "rekey":
		return sshRekey.MatchString(v) && (!digits(v) || number(v) == 0 || number(v) >= 16) && (len(d.Args) < 2 || fold(d.Args[1], "none") || sshTime.MatchString(d.Args[1]))
	case "ciphers":
		return algorithms(v, sshCiphers, false)
	case "macs":
		return algorithms(v, sshMACs, false)
	case "kex":
		return algorithms(v, sshKex, false)
	case "keys":
		return algorithms(v, sshKeys, true)
	case "methods":
		return authMethods(d.Args)
	}
	return fold(v, strings.Split(form, "|")...)
}

// maxStartups reads start, or start:rate:full, and what follows a number, as
// sscanf does.
func maxStartups(v string) bool {
	var n [3]int
	read, err := fmt.Sscanf(v, "%d:%d:%d", &n[0], &n[1], &n[2])
	switch {
	case read == 3:
		return n[0] <= n[2] && n[1] >= 1 && n[1] <= 100 && n[0] >= 1
	case read == 1 && err != nil && !strings.HasPrefix(strings.TrimLeft(v, "0123456789"), ":"):
		return n[0] >= 1
	}
	return false
}

// algorithms checks a list as kex_names_valid and its kin do. Behind - there
// are patterns, which may fit nothing; among kinds of keys a pattern must fit one.
func algorithms(list string, known []string, patterns bool) bool {
	if strings.HasPrefix(list, "-") {
		return true
	}
	if list = strings.TrimLeft(list, "+^"); list == "" {
		return false
	}
	for name := range strings.SplitSeq(list, ",") {
		fits := func(k string) bool {
			ok, err := path.Match(name, k)
			return patterns && err == nil && ok
		}
		if name != "" && !slices.Contains(known, name) && !slices.ContainsFunc(known, fits) {
			return false
		}
	}
	return true
}

func authMethods(args []string) bool {
	for _, a := range args {
		if fold(a, "any") {
			return len(args) == 1
		}
		for m := range strings.SplitSeq(a, ",") {
			name, _, _ := strings.Cut(m, ":")
			if !slices.Contains(sshMethods, name) {
				return false
			}
		}
	}
	return true
}

// weakIn names the first weak algorithm that a list brings in, or "". A list
// that takes away is no fault.
func weakIn(list string) string {
	if strings.HasPrefix(list, "-") {
		return ""
	}
	for name := range strings.SplitSeq(strings.TrimLeft(list, "+^"), ",") {
		for _, w := range sshWeak {
			if strings.Contains(name, w) && !strings.Contains(name, "sha1-etm") && name != "hmac-sha1" {
				return name
			}
		}
	}
	return ""
}

// without is a list without its weak algorithms.
func without(list string) string {
	sign := list[:len(list)-len(strings.TrimLeft(list, "+^"))]
	var keep []string
	for name := range strings.SplitSeq(list[len(sign):], ",") {
		if weakIn(name) == "" {
			keep = append(keep, name)
		}
	}
	if len(keep) == 0 {
		return ""
	}
	return sign + strings.Join(keep, ",")
}

// ss is the value that takes effect outside of Match blocks.
func (c *config) ss(name, def string) (string, *conf.Directive) {
	if d, ok := c.Get(name); ok {
		return d.Arg(0), d
	}
	return def, nil
}

// ssIs is a rule on one value wherever it stands.
func ssIs(name, mended string, bad func(*conf.Directive) bool) func(*config) []hit {
	return func(c *config) []hit {
		var out []hit
		for _, d := range c.each(name) {
			if len(d.Args) == 0 || !bad(d) {
				continue
			}
			h := c.value(d, 0)
			if mended != "" {
				h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, strings.Fields(mended)...)))
			}
			out = append(out, h)
		}
		return out
	}
}

// isYes reads a switch of sshd.
func isYes(d *conf.Directive) bool { return fold(d.Arg(0), "yes") }

// within returns a keyword of a section, or nil.
func (c *config) within(section *conf.Directive, name string) *conf.Directive {
	for _, d := range c.Children(section) {
		if d.Is(name) {
			return d
		}
	}
	return nil
}

// isSFTP tells whether a ForceCommand makes sessions SFTP only.
func isSFTP(d *conf.Directive) bool {
	return strings.HasPrefix(d.Arg(0), "internal-sftp") || strings.Contains(d.Arg(0), "sftp-server")
}

// effectiveIn is the keyword of a section, or of the whole, as it applies there:
// sshd takes the first value that it meets.
func (c *config) effectiveIn(section *conf.Directive, name string) *conf.Directive {
	if d, ok := c.Get(name); ok && (section == nil || before(d, section)) {
		return d
	}
	if section != nil {
		return c.within(section, name)
	}
	return nil
}

func before(a, b *conf.Directive) bool {
	return a.Pos.File != b.Pos.File || a.Pos.Line < b.Pos.Line
}

// forwardingOpen lists, for a section of SFTP users, which forwarding is left.
func (c *config) forwardingOpen(section *conf.Directive) string {
	if d := c.effectiveIn(section, "DisableForwarding"); d != nil && isYes(d) {
		return ""
	}
	if d := c.effectiveIn(section, "AllowTcpForwarding"); d == nil || !fold(d.Arg(0), "no") {
		return "AllowTcpForwarding"
	}
	return ""
}

// swallowed finds keywords that probably were meant for the whole server and
// stand in the last Match block: less indented than the block's first one, or
// behind a blank line at the margin.
func swallowed(c *config) []hit {
	var out []hit
	first := map[*conf.Directive]*conf.Directive{}
	for d := range c.All() {
		m := d.Parent
		if m == nil || !m.Is("Match") || d.Section {
			continue
		}
		if first[m] == nil {
			first[m] = d
			continue
		}
		if d.Pos.Col < first[m].Pos.Col && d.Pos.File == m.Pos.File {
			out = append(out, c.at(d).with("line", m.Pos.String()))
		}
	}
	return out
}

// chrootFaults finds those that are no absolute path.
func (c *config) chrootFaults() []hit {
	var out []hit
	for _, d := range c.each("ChrootDirectory") {
		if v := d.Arg(0); v != "" && !fold(v, "none") && !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "%h") {
			out = append(out, c.value(d, 0))
		}
	}
	return out
}

// externalInChroot finds chroots whose users get an sftp-server from outside
// of them.
func externalInChroot(c *config) []hit {
	var out []hit
	for _, d := range c.each("ChrootDirectory") {
		if v := d.Arg(0); v == "" || fold(v, "none") {
			continue
		}
		force := c.effectiveIn(d.Parent, "ForceCommand")
		command, at := "", force
		if force != nil {
			command = force.Arg(0)
		} else {
			for _, s := range c.each("Subsystem") {
				if fold(s.Arg(0), "sftp") && len(s.Args) > 1 {
					command, at = s.Args[1], s
				}
			}
		}
		if strings.HasPrefix(command, "/") && strings.Contains(command, "sftp-server") {
			h := c.value(d, 0).with("value", command)
			if at == force {
				h = h.mend(c.doc(at).Replace(at, "ForceCommand internal-sftp"))
			} else {
				h = h.mend(c.doc(at).Replace(at, "Subsystem sftp internal-sftp"))
			}
			out = append(out, h)
		}
	}
	return out
}

// sshKeyboardNames are the names by which the same switch has gone.
var sshKeyboardNames = []string{"KbdInteractiveAuthentication", "ChallengeResponseAuthentication", "SkeyAuthentication"}

// sshKeyboard is the value of keyboard-interactive authentication, yes by default.
func (c *config) sshKeyboard() string {
	for _, n := range sshKeyboardNames {
		if v, d := c.ss(n, "yes"); d != nil {
			return strings.ToLower(v)
		}
	}
	return "yes"
}

// sshPasswords tells whether passwords may be used by anybody.
func (c *config) sshPasswords() bool {
	for _, n := range append([]string{"PasswordAuthentication"}, sshKeyboardNames...) {
		if slices.ContainsFunc(c.each(n), isYes) {
			return true
		}
	}
	v, _ := c.ss("PasswordAuthentication", "yes")
	return fold(v, "yes") || c.sshKeyboard() == "yes"
}

// matchNotAllowed finds Match blocks for users or groups that an earlier list
// leaves out. Patterns are not compared.
func matchNotAllowed(c *config) []hit {
	var out []hit
	for attribute, keyword := range map[string]string{"User": "AllowUsers", "Group": "AllowGroups"} {
		var allowed []string
		for _, d := range c.each(keyword) {
			if d.Parent == nil {
				allowed = append(allowed, d.Args...)
			}
		}
		if len(allowed) == 0 || strings.ContainsAny(strings.Join(allowed, ""), "*?!") {
			continue
		}
		for _, m := range c.each("Match") {
			if len(m.Args) != 2 || !fold(m.Args[0], attribute) || strings.ContainsAny(m.Args[1], "*?!,") || c.within(m, keyword) != nil {
				continue
			}
			if !slices.ContainsFunc(allowed, func(a string) bool { name, _, _ := strings.Cut(a, "@"); return name == m.Args[1] }) {
				out = append(out, c.value(m, 1).with("name", m.Args[0]).with("list", keyword+" "+strings.Join(allowed, " ")))
			}
		}
	}
	return out
}
