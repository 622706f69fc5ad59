package lint

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
)

// The sections of ProFTPD and the letters by which the table of directives
// names them; s is the server itself.
var proftpdContexts = map[string]byte{"global": 'g', "virtualhost": 'v', "anonymous": 'a', "directory": 'd', "limit": 'l', "class": 'c'}

// proftpdSections tells where each section may begin; conditional ones may
// anywhere. (Compare pr_parser and mod_core of 1.3.8.)
var proftpdSections = map[string]string{
	"global": "s", "virtualhost": "s", "class": "s", "anonymous": "sgv", "directory": "sgvad", "limit": "sgvad",
}

// proftpdStatic are the modules that Debian's program has built in; without
// LoadModule there are no others.
var proftpdStatic = []string{
	"mod_core", "mod_xfer", "mod_rlimit", "mod_auth_unix", "mod_auth_file", "mod_auth", "mod_ls", "mod_log", "mod_site", "mod_delay",
	"mod_facts", "mod_dso", "mod_auth_pam", "mod_cap", "mod_ctrls", "mod_lang",
}

// proftpdContext is the innermost section that is not conditional.
func proftpdContext(d *conf.Directive) byte {
	for p := d.Parent; p != nil; p = p.Parent {
		if l, ok := proftpdContexts[strings.ToLower(p.Name)]; ok {
			return l
		}
		if !conf.IsConditional(p) {
			return '?' // mod_ifsession and the like: as where they stand
		}
	}
	return 's'
}

// contextName words a section for a message.
func contextName(l byte) string {
	for name, letter := range map[string]byte{"<Global>": 'g', "<VirtualHost>": 'v', "<Anonymous>": 'a', "<Directory>": 'd', "<Limit>": 'l', "<Class>": 'c'} {
		if letter == l {
			return name
		}
	}
	return "server config"
}

// proftpdForm finds what `proftpd -t` refuses. Of values it knows switches,
// numbers of arguments, and those of a few directives.
func proftpdForm(c *config, problems []conf.Problem) {
	main := false
	loaded := map[string]bool{}
	for _, m := range proftpdStatic {
		loaded[m] = true
	}
	if c.whole {
		for d := range c.All() {
			main = main || d.Parent == nil && d.Is("ServerType")
		}
	}
	for _, u := range c.Unread() {
		switch d := u.Include.Directive; {
		case d == nil:
		case errors.Is(u.Err, conf.ErrTooDeep):
			c.note("include-loop", c.value(d, 0))
		default:
			c.note("include-missing", c.value(d, 0))
		}
	}
	c.whole = main
	maybe := map[*conf.Directive]bool{}
	for d := range c.All() {
		if d.Parent != nil && (c.off[d.Parent] || c.ignored(d)) {
			c.off[d] = d.Section
			continue
		}
		if d.Parent != nil && maybe[d.Parent] {
			maybe[d] = true
		}
		switch {
		case d.Is("LoadModule"):
			loaded[strings.ToLower(strings.TrimSuffix(d.Arg(0), ".c"))] = true
		case d.Section && d.Is("IfModule"):
			c.proftpdIfModule(d, loaded, maybe)
			continue
		case conf.IsConditional(d):
			maybe[d] = true
			continue
		}
		c.proftpdDirective(d, loaded, maybe[d])
	}
	c.proftpdFaults(problems)
	c.proftpdMoved()
}

// proftpdMoved: modules that were built in up to Debian 12 are files of their own
// since, which its modules.conf loads.
func (c *config) proftpdMoved() {
	if !c.whole {
		return
	}
	told := map[string]bool{}
	for _, d := range c.Named("LoadModule") {
		told[strings.ToLower(strings.TrimSuffix(d.Arg(0), ".c"))] = true
	}
	for d := range c.All() {
		k, ok := proftpdKnown().find(d.Name)
		m := k.col(0)
		if !ok || d.Section || told[m] || !fold(m, "mod_xfer", "mod_ls", "mod_delay") || c.ignored(d) || d.Within("IfModule") != nil {
			continue
		}
		told[m] = true
		c.note("module-moved", c.at(d).with("module", m))
	}
}

// proftpdFaults tells what the form shows. An <IfModule> whose module is there
// has no end that ProFTPD would look for; one that is skipped is skipped up to a
// line that holds its end and not a byte more, not even a blank.
func (c *config) proftpdFaults(problems []conf.Problem) {
	skipped := map[conf.Pos]bool{}
	for d := range c.off {
		if conf.IsConditional(d) {
			skipped[d.Pos] = true
			if d.Close > 0 && !strings.EqualFold(d.End, "</"+d.Name+">") {
				c.note("end-not-alone", c.at(d).with("line", strconv.Itoa(d.Close)))
			}
		}
	}
	for _, p := range problems {
		h := hit{pos: p.Pos, width: max(1, len(p.Detail)), args: map[string]string{"name": p.Detail}}
		rule := map[conf.Fault]string{conf.BadTag: "bad-tag", conf.Unclosed: "unclosed", conf.NotOpen: "not-open", conf.EndArguments: "end-arguments"}[p.Fault]
		if fold(p.Detail, "IfModule", "IfDefine") && (p.Fault == conf.NotOpen || p.Fault == conf.Unclosed && !skipped[p.Pos]) {
			rule = "stray-condition"
		}
		c.note(rule, h)
	}
}

// proftpdIfModule decides whether a section counts. Without the list of loaded
// modules, as in a part of a configuration, it is open.
func (c *config) proftpdIfModule(d *conf.Directive, loaded map[string]bool, maybe map[*conf.Directive]bool) {
	name, negated := strings.CutPrefix(strings.ToLower(strings.TrimSuffix(d.Arg(0), ".c")), "!")
	if loaded[name] != negated {
		return
	}
	if !c.whole {
		maybe[d] = true
		return
	}
	c.off[d] = true
	if negated {
		return
	}
	for _, x := range c.Children(d) { // an empty section, or one that only includes, is no loss
		if !x.Section && !x.Is("Include") {
			c.note("section-inactive", c.value(d, 0).with("module", name))
			return
		}
	}
}

func (c *config) proftpdDirective(d *conf.Directive, loaded map[string]bool, maybe bool) {
	ctx := proftpdContext(d)
	if d.Section {
		where, ok := proftpdSections[strings.ToLower(d.Name)]
		switch {
		case !ok && !strings.HasPrefix(strings.ToLower(d.Name), "if"):
			c.proftpdUnknown(d, []string{"Global", "VirtualHost", "Anonymous", "Directory", "Limit", "Class", "IfModule", "IfDefine"}, maybe)
		case ok && ctx != '?' && !strings.ContainsRune(where, rune(ctx)):
			c.note("wrong-context", c.at(d).with("name", "<"+d.Name+">").with("context", contextName(ctx)))
		case len(d.Args) == 0 && fold(d.Name, "Limit", "Directory", "Anonymous", "VirtualHost", "Class", "IfModule"):
			c.note("missing-value", c.at(d).with("name", "<"+d.Name+">"))
		case len(d.Args) > 0 && d.Is("Global"):
			c.note("extra-arguments", c.value(d, 0).with("name", "<"+d.Name+">"))
		}
		return
	}
	k, ok := proftpdKnown().find(d.Name)
	if !ok {
		if c.marked(d) {
			return
		}
		c.proftpdUnknown(d, proftpdKnown().names, maybe)
		return
	}
	if m := k.col(0); !loaded[m] && !c.loadedInBase(m, loaded) {
		if c.whole && !maybe {
			c.note("module-not-loaded", c.at(d).with("module", m))
		}
		return
	}
	if d.Is("From") && ctx != 'c' && ctx != '?' {
		c.note("wrong-context", c.at(d).with("context", contextName(ctx)))
		return
	}
	if where := k.col(3); where != "" && ctx != '?' && ctx != 'c' && !strings.ContainsRune(where, rune(ctx)) {
		c.note("wrong-context", c.at(d).with("context", contextName(ctx)))
		return
	}
	if !c.proftpdNumber(d, k) {
		return
	}
	if k.col(4) == "bool" && !proftpdBool(d.Arg(0)) {
		c.note("bad-boolean", c.value(d, 0))
		return
	}
	if d.Is("DefaultServer") && isOn(d) && !maybe {
		if c.defaultServer != nil {
			c.note("default-server-twice", c.at(d).with("line", c.defaultServer.Pos.String()).mend(c.doc(d).Delete(d)))
		}
		c.defaultServer = d
	}
	if !proftpdValue(d) {
		c.note("bad-value", c.proftpdBadValue(d))
	}
}

// proftpdBadValue is the place of what is wrong. An option that mod_tls has no
// longer, or never had, can be left out.
func (c *config) proftpdBadValue(d *conf.Directive) hit {
	if !d.Is("TLSOptions") {
		return c.value(d, 0)
	}
	i := slices.IndexFunc(d.Args, func(a string) bool { return !fold(a, tlsOptions...) })
	h := c.value(d, i)
	keep := slices.DeleteFunc(slices.Clone(d.Args), func(a string) bool { return !fold(a, tlsOptions...) })
	if near := c.likely(d.Args[i], tlsOptions); near != "" {
		keep = append(keep, near)
	}
	if len(keep) == 0 {
		return h.mend(c.doc(d).Delete(d))
	}
	return h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, keep...)))
}

// proftpdNumber tells whether a directive has a number of parameters that ProFTPD
// takes, and notes where not.
func (c *config) proftpdNumber(d *conf.Directive, k known) bool {
	n := len(d.Args)
	if n < number(k.col(1)) {
		c.note("missing-value", c.at(d))
		return false
	}
	most := k.col(2)
	switch {
	case most == "":
	case most == "even" || most == "odd":
		if (n%2 == 0) != (most == "even") {
			c.note("missing-value", c.at(d))
			return false
		}
	case strings.Contains(most, ","): // these and no others
		all := strings.Split(most, ",")
		if slices.Contains(all, strconv.Itoa(n)) {
			return true
		}
		if last := number(all[len(all)-1]); n > last {
			c.note("extra-arguments", c.value(d, last))
		} else {
			c.note("missing-value", c.at(d))
		}
		return false
	case n > number(most):
		c.note("extra-arguments", c.value(d, number(most)))
		return false
	}
	return true
}

// loadedInBase: a directive of a part of mod_sql or mod_wrap2 counts with any of
// its parts, as some stand in more than one.
func (c *config) loadedInBase(module string, loaded map[string]bool) bool {
	for _, base := range []string{"mod_sql", "mod_wrap2", "mod_quotatab", "mod_tls", "mod_sftp"} {
		if strings.HasPrefix(module, base) && loaded[base] {
			return true
		}
	}
	return false
}

func (c *config) proftpdUnknown(d *conf.Directive, names []string, maybe bool) {
	if maybe {
		return // the section may well not count
	}
	if near := c.likely(d.Name, names); near != "" {
		h := c.at(d).with("near", near)
		if !d.Section && len(d.At) > 0 {
			h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(near, d.Args...)))
		}
		c.note("unknown-near", h)
		return
	}
	c.note("unknown", c.at(d))
}

// proftpdBool follows get_boolean.
func proftpdBool(s string) bool {
	return fold(s, "on", "off", "yes", "no", "true", "false", "1", "0")
}

// on reads a switch: its value, or the default.
func proftpdOn(s string, def bool) bool {
	switch {
	case fold(s, "on", "yes", "true", "1"):
		return true
	case fold(s, "off", "no", "false", "0"):
		return false
	}
	return def
}

var (
	proftpdDuration = regexp.MustCompile(`(?i)^\d+$|^\d+.*(h|hr|m|min|s|sec)$|^\d+:\d+:\d+`)
	proftpdOctal    = regexp.MustCompile(`^[+-]?[0-7]*$`)
	proftpdModule   = regexp.MustCompile(`^mod_[a-z0-9_]+\.c$`)
)

// proftpdValue checks the values that proftpd checks at its start, of the
// directives that most configurations have.
func proftpdValue(d *conf.Directive) bool {
	v := d.Arg(0)
	switch strings.ToLower(d.Name) {
	case "port":
		return number(v) <= 65535 // what is no number counts as 0
	case "servertype":
		return fold(v, "standalone", "inetd")
	case "umask":
		return !slices.ContainsFunc(d.Args, func(a string) bool { return !proftpdOctal.MatchString(a) }) // of any size
	case "maxinstances", "maxclients", "maxclientsperhost", "maxclientsperuser", "maxhostsperuser", "maxloginattempts", "maxconnectionsperhost":
		return fold(v, "none") || digits(v) && number(v) > 0
	case "controlsmaxclients", "controlsauthfreshness":
		return digits(v) && number(v) > 0
	case "controlsinterval":
		return leading(v) > 0
	case "debuglevel":
		return digits(v)
	case "tcpbacklog":
		return leading(v) >= 1 && leading(v) <= 255
	case "timeoutidle", "timeoutlogin", "timeoutnotransfer", "timeoutstalled", "timeoutlinger", "timeoutsession",
		"tlstimeouthandshake", "tlsstaplingtimeout", "exectimeout", "ldapconnecttimeout", "ldapquerytimeout":
		return proftpdDuration.MatchString(v)
	case "sysloglevel":
		return fold(v, "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
	case "processtitles":
		return fold(v, "terse", "verbose")
	case "sqlengine":
		return proftpdBool(v) || fold(v, "auth", "log")
	case "transferrate":
		rate, _, _ := strings.Cut(d.Arg(1), ":")
		_, err := strconv.ParseFloat(rate, 64)
		return err == nil && !slices.ContainsFunc(strings.Split(v, ","), func(x string) bool { return !fold(x, "APPE", "RETR", "STOR", "STOU") })
	case "defaultroot":
		return strings.HasPrefix(v, "/") || strings.HasPrefix(v, "~")
	case "allow", "deny":
		return !(fold(v, "from") && len(d.Args) == 1) && netACL(d.Args)
	case "from":
		return netACL(d.Args)
	case "sqlauthtypes":
		return !slices.ContainsFunc(d.Args, func(a string) bool { return !fold(a, sqlAuthTypes...) })
	case "maxretrievefilesize", "maxstorefilesize":
		return v == "*" || len(d.Args) > 1 && digits(v) && number(v) > 0 && fold(d.Args[1], "Gb", "Mb", "Kb", "B") && (len(d.Args) < 3 || fold(d.Args[2], "user", "group", "class"))
	case "listoptions":
		return listOptions(d.Args[1:])
	case "tlsoptions":
		return !slices.ContainsFunc(d.Args, func(a string) bool { return !fold(a, tlsOptions...) })
	case "displaychdir":
		return len(d.Args) < 2 || proftpdBool(d.Args[1])
	case "loadmodule":
		return proftpdModule.MatchString(v)
	case "defaulttransfermode":
		return fold(v, "ascii", "binary")
	case "tlsprotocol":
		for _, w := range d.Args {
			if !fold(strings.TrimLeft(w, "+-"), "SSLv23", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "ALL") {
				return false
			}
		}
	case "tlsrequired":
		return proftpdBool(v) || fold(v, "both", "control", "ctrl", "data", "!data", "auth", "auth+data", "data+auth", "auth+!data", "ctrl+data", "data+ctrl", "both+auth", "auth+both")
	case "order":
		both := strings.ReplaceAll(strings.Join(d.Args, ","), ",,", ",")
		return fold(both, "allow,deny", "deny,allow")
	}
	return true
}

// tlsOptions are those of mod_tls, 1.3.7 to 1.3.9.
var tlsOptions = strings.Fields(`AllowClientRenegotiation AllowClientRenegotiations AllowDotLogin AllowPerUser AllowWeakDH AllowWeakSecurity
	CommonNameRequired dNSNameRequired EnableDiags ExportCertData IgnoreSNI iPAddressRequired NoAutoECDH NoEmptyFragments NoSessionReuseRequired
	StdEnvVars UseImplicitSSL`)

// sqlAuthTypes are those of mod_sql, its backends and mod_sql_passwd.
var sqlAuthTypes = strings.Fields("Argon2 Backend bcrypt Crypt Empty MD5 OpenSSL PBKDF2 Plaintext scrypt SHA1 SHA256 SHA512")

// netACL checks the addresses with masks among who is named.
func netACL(words []string) bool {
	for _, w := range words {
		for one := range strings.SplitSeq(w, ",") {
			address, mask, has := strings.Cut(strings.TrimPrefix(one, "!"), "/")
			if !has {
				continue
			}
			a, err := netip.ParseAddr(address)
			if err != nil || !digits(mask) || number(mask) > a.BitLen() {
				return false
			}
		}
	}
	return true
}

// listOptions checks what stands behind the first parameter of ListOptions.
func listOptions(words []string) bool {
	for i := 0; i < len(words); i++ {
		switch {
		case fold(words[i], "strict", "LISTOnly", "NLSTOnly", "noErrorIfAbsent", "NoAdjustedSymlinks", "SortedNLST"):
		case fold(words[i], "maxfiles", "maxdirs", "maxdepth") && i+1 < len(words) && leading(words[i+1]) > 0:
			i++
		default:
			return false
		}
	}
	return true
}

// leading is the number that a text begins with, or -1.
func leading(s string) int {
	return number(s[:len(s)-len(strings.TrimLeft(s, "0123456789"))])
}

// pf finds a directive's value for the server as a whole.
func (c *config) pf(name string) (string, *conf.Directive) {
	for _, context := range []byte{'s', 'g'} {
		for _, d := range c.each(name) {
			if proftpdContext(d) == context {
				return d.Arg(0), d
			}
		}
	}
	return "", nil
}

// pfIs is a rule on one value wherever it stands; mended is what to write.
func pfIs(name, mended string, bad func(*conf.Directive) bool) func(*config) []hit {
	return func(c *config) []hit {
		var out []hit
		for _, d := range c.each(name) {
			if !bad(d) {
				continue
			}
			h := c.value(d, 0).with("name", d.Name)
			if mended != "" {
				h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, strings.Fields(mended)...)))
			}
			out = append(out, h)
		}
		return out
	}
}

// isOn and isOff read switches for pfIs.
func isOn(d *conf.Directive) bool  { return proftpdOn(d.Arg(0), false) }
func isOff(d *conf.Directive) bool { return !proftpdOn(d.Arg(0), true) }

// pfLacks is a rule on a directive that a whole configuration should have.
func pfLacks(name string, mended ...string) func(*config) []hit {
	return func(c *config) []hit {
		if !c.whole || len(c.each(name)) > 0 {
			return nil
		}
		h := c.missing().with("name", name)
		if len(mended) > 0 {
			h = h.mend(c.Docs()[0].Set(name, mended...))
		}
		return one(h)
	}
}

// limited tells whether a <Limit> section within a section denies the commands.
func (c *config) limited(in *conf.Directive, commands ...string) bool {
	for _, d := range c.Children(in) {
		if !d.Section {
			continue
		}
		if d.Is("Limit") && slices.ContainsFunc(d.Args, func(a string) bool { return fold(a, commands...) }) && c.denies(d) || c.limited(d, commands...) {
			return true
		}
	}
	return false
}

// denies tells whether a <Limit> section denies all whom it does not name.
func (c *config) denies(limit *conf.Directive) bool {
	return slices.ContainsFunc(c.Children(limit), func(d *conf.Directive) bool {
		return d.Is("DenyAll") || d.Is("Deny") && (len(d.Args) == 0 || fold(d.Args[len(d.Args)-1], "all"))
	})
}

// proftpdAllowOpen finds <Limit> sections that list who may, and let everybody:
// without Order deny,allow or DenyAll the default is to allow.
func proftpdAllowOpen(c *config) []hit {
	var out []hit
	for _, d := range c.each("Limit") {
		if !d.Section || c.denies(d) {
			continue
		}
		var allow *conf.Directive
		deny := false
		for _, x := range c.Children(d) {
			if x.Is("AllowAll") || x.Is("Order") && strings.HasPrefix(strings.ToLower(x.Arg(0)), "deny") {
				deny = true
			}
			if allow == nil && (x.Is("Allow") && !fold(strings.Join(x.Args, " "), "all", "from all") || x.Is("AllowUser") || x.Is("AllowGroup") || x.Is("AllowClass")) {
				allow = x
			}
		}
		if allow != nil && !deny {
			out = append(out, c.at(allow).mend(c.doc(allow).InsertAfter(allow, "DenyAll")))
		}
	}
	return out
}

// proftpdDuplicates finds single-valued directives of the server that stand twice
// in the same section.
func proftpdDuplicates(c *config) []hit {
	type place struct {
		section *conf.Directive
		name    string
	}
	seen := map[place]*conf.Directive{}
	var out []hit
	for d := range c.All() {
		if d.Section || c.ignored(d) || d.Parent != nil && conf.IsConditional(d.Parent) ||
			!fold(d.Name, "Port", "ServerName", "ServerType", "User", "Group", "Umask", "MaxInstances", "PassivePorts", "MasqueradeAddress", "TimeoutIdle", "TimeoutLogin",
				"TLSEngine", "TLSRequired", "TLSProtocol", "RequireValidShell", "MaxClients", "MaxClientsPerHost", "AllowOverwrite", "UseReverseDNS") {
			continue
		}
		at := place{d.Parent, strings.ToLower(d.Name)}
		if first := seen[at]; first != nil && strings.Join(first.Args, " ") != strings.Join(d.Args, " ") {
			out = append(out, c.at(d).with("line", first.Pos.String()))
		}
		seen[at] = d
	}
	return out
}

// proftpdTLS is the first TLSEngine that is on, or nil.
func (c *config) proftpdTLS() *conf.Directive {
	for _, d := range c.each("TLSEngine") {
		if isOn(d) {
			return d
		}
	}
	return nil
}

// weakTLS tells whether a list of protocols lets in what is older than TLS 1.2.
func weakTLS(d *conf.Directive) bool {
	on := map[string]bool{}
	for i, w := range d.Args {
		if i == 0 && (strings.HasPrefix(w, "+") || strings.HasPrefix(w, "-")) || fold(strings.TrimLeft(w, "+"), "all", "SSLv23") {
			for _, v := range []string{"SSLV3", "TLSV1", "TLSV1.1", "TLSV1.2", "TLSV1.3"} {
				on[v] = true
			}
		}
		on[strings.ToUpper(strings.TrimLeft(w, "+-"))] = !strings.HasPrefix(w, "-")
	}
	return on["SSLV3"] || on["TLSV1"] || on["TLSV1.1"]
}

// anonymousWrites finds <Anonymous> sections in which writing is not denied.
func anonymousWrites(c *config) []hit {
	var out []hit
	for _, d := range c.each("Anonymous") {
		if d.Section && !c.limited(d, "WRITE", "ALL", "STOR") {
			h := c.at(d).with("name", d.Arg(0))
			out = append(out, h.mend(c.doc(d).InsertAfter(d, "<Limit WRITE>\n    DenyAll\n  </Limit>")))
		}
	}
	return out
}

// proftpdTimeouts are those whose 0 means for ever.
func proftpdTimeouts(c *config) []hit {
	var out []hit
	for name, mended := range map[string]string{"TimeoutIdle": "600", "TimeoutLogin": "300", "TimeoutStalled": "3600", "TimeoutNoTransfer": "600"} {
		out = append(out, pfIs(name, mended, func(d *conf.Directive) bool { return strings.Trim(d.Arg(0), "0:") == "" && d.Arg(0) != "" })(c)...)
	}
	return out
}

func proftpdPorts(c *config) (d *conf.Directive, ports int) {
	for _, d := range c.each("PassivePorts") {
		return d, number(d.Arg(1)) - number(d.Arg(0)) + 1
	}
	return nil, 0
}
