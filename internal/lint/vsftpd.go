package lint

import (
	"fmt"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
)

// vs is the value that takes effect in vsftpd.conf: the last one, or the
// default; of switches YES or NO.
func (c *config) vs(name string) string {
	k, _ := vsftpdKnown().find(name)
	v := k.col(1)
	if d, ok := c.Get(name); ok && len(d.Args) > 0 {
		v = d.Args[0]
	}
	if k.col(0) == "bool" {
		v = strings.TrimSpace(uncommented(v)) // as it is meant: the form is judged apart
		if yesNo(v) == "" {
			v = switchMeant(v)
		}
		return yesNo(v)
	}
	return v
}

// uncommented is a value without what was meant as a comment behind it; vsftpd
// knows none there.
func uncommented(v string) string {
	for i := 1; i < len(v); i++ {
		if v[i] == '#' && (v[i-1] == ' ' || v[i-1] == '\t') {
			return strings.TrimRight(v[:i], " \t")
		}
	}
	return v
}

func (c *config) vsYes(name string) bool { return c.vs(name) == "YES" }

// vsNumber reads a number as vsftpd does: octal behind a leading zero, and up to
// the first byte that is no digit.
func (c *config) vsNumber(name string) int { return vsftpdNumber(c.vs(name)) }

func vsftpdNumber(s string) int {
	s = strings.TrimLeft(s, " \t")
	base := 10
	if strings.HasPrefix(s, "0") {
		base = 8
	}
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] < '0'+byte(base) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], base, 64)
	if err != nil {
		return 0
	}
	return int(n)
}

// yesNo reads a switch as parseconf.c does; "" where vsftpd refuses it.
func yesNo(s string) string {
	switch strings.ToUpper(s) {
	case "YES", "TRUE", "1":
		return "YES"
	case "NO", "FALSE", "0":
		return "NO"
	}
	return ""
}

// vsAt is the place at which a value is set, or the lack of it.
func (c *config) vsAt(name string) hit {
	if d, ok := c.Get(name); ok {
		return c.value(d, 0).with("name", name)
	}
	return c.missing().with("name", name)
}

// vsIs is a rule on one switch, with the value that mends it.
func vsIs(name, value string, when ...string) func(*config) []hit {
	tell := vsTells(name, value, when...)
	return func(c *config) []hit {
		out := tell(c)
		for i := range out {
			out[i] = out[i].mend(c.set(name, map[string]string{"YES": "NO", "NO": "YES"}[value]))
		}
		return out
	}
}

// vsTells is a rule on one switch that may well be meant so, or whose other value
// alone would mend nothing.
func vsTells(name, value string, when ...string) func(*config) []hit {
	return func(c *config) []hit {
		for _, w := range when { // other switches that must be on for it to matter
			if !c.vsYes(w) {
				return nil
			}
		}
		if c.vs(name) != value {
			return nil
		}
		return one(c.vsAt(name))
	}
}

// vsftpdForm finds what parseconf.c refuses, and what it reads otherwise than
// it is written. It never refuses a number: letters count as 0.
func vsftpdForm(c *config, problems []conf.Problem) {
	c.whole = true // it includes nothing
	for _, p := range problems {
		h := hit{pos: p.Pos, width: 1, args: map[string]string{"name": p.Detail}}
		doc := c.Doc(p.Pos.File)
		line := doc.Line(p.Pos.Line)
		old := &conf.Directive{Pos: p.Pos, EndLine: p.Pos.Line}
		switch p.Fault {
		case conf.BlankBeforeEquals:
			name, value, _ := strings.Cut(strings.TrimLeft(line, " \t"), "=")
			c.note("blank-before-equals", h.mend(doc.Replace(old, strings.TrimSpace(name)+"="+strings.TrimSpace(value))))
		case conf.IndentedComment:
			c.note("indented-comment", h.mend(doc.Replace(old, strings.TrimSpace(line))))
		default:
			c.note("no-name", h)
		}
	}
	seen := map[string]*conf.Directive{}
	for d := range c.All() {
		c.vsftpdDirective(d)
		if first := seen[d.Name]; first != nil {
			c.note("duplicate", c.at(first).with("line", strconv.Itoa(d.Pos.Line)).mend(c.doc(first).Delete(first)))
		}
		seen[d.Name] = d
	}
}

func (c *config) vsftpdDirective(d *conf.Directive) {
	k, ok := vsftpdKnown().find(d.Name)
	if !ok {
		if c.marked(d) {
			return
		}
		h := c.at(d)
		if near := c.likely(d.Name, vsftpdKnown().names); near != "" {
			h = h.with("near", near).mend(c.doc(d).Replace(d, near+"="+strings.TrimSpace(d.Arg(0))))
			c.note("unknown-near", h)
			return
		}
		c.note("unknown", h)
		return
	}
	if ours, foreign := strings.CutPrefix(k.col(2), "redhat:"); foreign {
		if !strings.Contains(d.Pos.File, "/vsftpd/") { // Red Hat's place: its program reads the file
			c.note("red-hat-name", c.at(d).with("near", ours))
		}
	} else if k.col(2) != "" {
		c.note("newer", c.at(d).with("version", k.col(2)))
	}
	v := d.Arg(0)
	trimmed := strings.TrimSpace(v)
	comment := strings.TrimPrefix(v, uncommented(v))
	switch k.col(0) {
	case "bool":
		switch {
		case yesNo(v) != "":
		case v == "":
			c.note("missing-value", c.at(d))
		case yesNo(trimmed) != "":
			c.note("blank-at-value", c.value(d, 0).mend(c.doc(d).Replace(d, d.Name+"="+trimmed)))
		case comment != "" && yesNo(strings.TrimSpace(uncommented(v))) != "":
			c.note("comment-behind-value", c.behind(d, comment))
		default:
			h := c.value(d, 0)
			if mended := switchMeant(trimmed); mended != "" {
				h = h.mend(c.doc(d).Replace(d, d.Name+"="+mended))
			}
			c.note("bad-boolean", h)
		}
	case "number":
		if v == "" {
			c.note("missing-value", c.at(d))
			return
		}
		c.vsftpdNumber(d, v, trimmed)
	default:
		if comment != "" && d.Name != "ftpd_banner" {
			c.note("comment-in-value", c.behind(d, comment))
		} else if trimmed != v && trimmed != "" && d.Name != "ftpd_banner" {
			c.note("blanks-in-value", c.value(d, 0).mend(c.doc(d).Replace(d, d.Name+"="+trimmed)))
		} else if len(v) > 1 && strings.Trim(v, `"`) == v[1:len(v)-1] && d.Name != "ftpd_banner" {
			c.note("blanks-in-value", c.value(d, 0).mend(c.doc(d).Replace(d, d.Name+"="+v[1:len(v)-1])))
		}
	}
}

// behind is the place of a comment behind a value, with the edit that gives it a
// line of its own.
func (c *config) behind(d *conf.Directive, comment string) hit {
	v := d.Arg(0)
	h := c.value(d, 0)
	skip := len(v) - len(strings.TrimLeft(comment, " \t"))
	h.pos.Col += skip
	h.width = max(1, len(strings.TrimRight(v[skip:], " \t\r")))
	newline := "\n"
	if strings.HasSuffix(d.Raw, "\r") {
		newline = "\r\n"
	}
	return h.mend(c.doc(d).Replace(d, strings.TrimSpace(comment)+newline+d.Name+"="+strings.TrimSpace(uncommented(v))))
}

// switchMeant is the switch that a word was meant for, or "".
func switchMeant(s string) string {
	switch s = strings.Trim(s, `"'`); {
	case fold(s, "yes", "on", "enable", "enabled", "y", "true"):
		return "YES"
	case fold(s, "no", "off", "disable", "disabled", "n", "none", "false"):
		return "NO"
	}
	return ""
}

// comment tells whether something that looks like a comment stands behind a value.
func comment(v string) bool { return uncommented(v) != v }

// vsftpdModes are the numbers that mean nothing but in octal.
var vsftpdModes = []string{"local_umask", "anon_umask", "file_open_mode", "chown_upload_mode"}

func (c *config) vsftpdNumber(d *conf.Directive, v, trimmed string) {
	h := c.value(d, 0).with("number", strconv.Itoa(vsftpdNumber(v)))
	mode := fold(d.Name, vsftpdModes...)
	switch {
	case comment(trimmed) && digits(uncommented(trimmed)): // read as it is meant
	case !digits(trimmed), strings.HasPrefix(trimmed, "0") && octal(trimmed) < 0:
		c.note("number-misread", h)
	case mode && trimmed != "0" && !strings.HasPrefix(trimmed, "0"):
		c.note("decimal-mode", h.with("number", fmt.Sprintf("0%o", vsftpdNumber(v))).mend(c.doc(d).Replace(d, d.Name+"=0"+trimmed)))
	case !mode && len(trimmed) > 1 && strings.HasPrefix(trimmed, "0"):
		c.note("number-misread", h.mend(c.doc(d).Replace(d, d.Name+"="+strings.TrimLeft(trimmed, "0"))))
	}
}

// vsftpdNeeds lists settings that only count while another one is on.
var vsftpdNeeds = []struct{ name, needs string }{
	{"anon_upload_enable", "write_enable"},
	{"anon_mkdir_write_enable", "write_enable"},
	{"anon_other_write_enable", "write_enable"},
	{"anon_upload_enable", "anonymous_enable"},
	{"anon_mkdir_write_enable", "anonymous_enable"},
	{"anon_other_write_enable", "anonymous_enable"},
	{"anon_root", "anonymous_enable"},
	{"no_anon_password", "anonymous_enable"},
	{"anon_max_rate", "anonymous_enable"},
	{"local_root", "local_enable"},
	{"chroot_local_user", "local_enable"},
	{"guest_enable", "local_enable"},
	{"local_max_rate", "local_enable"},
	{"chroot_list_file", "chroot_list_enable"},
	{"userlist_deny", "userlist_enable"},
	{"userlist_file", "userlist_enable"},
	{"pasv_min_port", "pasv_enable"},
	{"pasv_max_port", "pasv_enable"},
	{"pasv_address", "pasv_enable"},
	{"pasv_addr_resolve", "pasv_enable"},
	{"force_local_logins_ssl", "ssl_enable"},
	{"force_local_data_ssl", "ssl_enable"},
	{"force_anon_logins_ssl", "ssl_enable"},
	{"force_anon_data_ssl", "ssl_enable"},
	{"implicit_ssl", "ssl_enable"},
	{"require_ssl_reuse", "ssl_enable"},
	{"ssl_ciphers", "ssl_enable"},
	{"allow_anon_ssl", "ssl_enable"},
	{"guest_username", "guest_enable"},
	{"virtual_use_local_privs", "guest_enable"},
	{"chown_username", "chown_uploads"},
	{"xferlog_std_format", "xferlog_enable"},
	{"banned_email_file", "deny_email_enable"},
	{"email_password_file", "secure_email_list_enable"},
	{"message_file", "dirmessage_enable"},
	{"validate_cert", "ssl_enable"},
	{"require_cert", "ssl_enable"},
}

func vsftpdWithoutEffect(c *config) []hit {
	var out []hit
	for _, n := range vsftpdNeeds {
		d, ok := c.Get(n.name)
		if ok && !c.vsYes(n.needs) && yesNo(d.Arg(0)) != "NO" && d.Arg(0) != "" {
			out = append(out, c.at(d).with("needs", n.needs))
		}
	}
	return out
}

func vsftpdRange(c *config) (low, high int, set bool) {
	low, high = c.vsNumber("pasv_min_port"), c.vsNumber("pasv_max_port")
	return low, high, low > 0 && high > 0
}
