package lint

import (
	"path"
	"regexp"
	"strings"

	"ftpdoctor/internal/conf"
)

// The forms of values of pure-ftpd.conf, as the program's own patterns have
// them (ftpd.c of 1.0.50), matched from the beginning to the end of the value.
var pureForms = map[string]*regexp.Regexp{
	"bool":            regexp.MustCompile(`(?i)^(yes|no|on|off|true|false|1|0)$`),
	"digits":          regexp.MustCompile(`^\d+$`),
	"digits:digits":   regexp.MustCompile(`^\d+:\d+$`),
	"digits+digits":   regexp.MustCompile(`^\d+\s+\d+$`),
	"digits+[digits]": regexp.MustCompile(`^\d+(\s+\d+)?$`),
	"word+word":       regexp.MustCompile(`^\S+\s+\S.*$`),
	"nospace":         regexp.MustCompile(`^\S+$`),
	"alnum":           regexp.MustCompile(`^[A-Za-z0-9]+$`),
	"any":             regexp.MustCompile(`^.+$`),

	// those of pure-ftpd-wrapper
	"yes-no":     regexp.MustCompile(`(?i)^(yes|on|1|no|off|0)$`),
	"number":     regexp.MustCompile(`^\d*$`),
	"one-or-two": regexp.MustCompile(`^(\d+(\s+|:)\d+|:?\d+|\d+:.*)$`),
	"two":        regexp.MustCompile(`^\d+\s+\d+$`),
	"two-signed": regexp.MustCompile(`^(-1|-?0|\d+)\s+(-1|-?0|\d+)$`),
	"two-octal":  regexp.MustCompile(`^[0-7]{3}\s+[0-7]{3}$`),
	"word":       regexp.MustCompile(`^\w+$`),
	"file":       regexp.MustCompile(`^.+$`),
	"auth":       regexp.MustCompile(`^.*$`),
	"anything":   regexp.MustCompile(`^.*$`), // the wrapper means to check it and passes everything
	"skipped":    regexp.MustCompile(`^.*$`),
}

var dirForms = map[string]string{"bool": "yes-no", "digits": "number"}

// wrapperName is a file that pure-ftpd-wrapper looks at; it skips all others.
var wrapperName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]+$`)

// pureftpdForm finds what the program, or Debian's wrapper, refuses.
func pureftpdForm(c *config, problems []conf.Problem) {
	for _, p := range problems {
		if k, ok := pureftpdKnown().find(p.Detail); p.Fault == conf.NoValue && ok && k.col(0) == "bool" && strings.ContainsAny(c.Doc(p.Pos.File).Line(p.Pos.Line), "=:") {
			c.note("empty-switch", hit{pos: p.Pos, width: len(p.Detail), args: map[string]string{"name": p.Detail}})
			continue
		}
		c.note(map[conf.Fault]string{conf.NoName: "unknown", conf.NoValue: "missing-value"}[p.Fault],
			hit{pos: p.Pos, width: max(1, len(p.Detail)), args: map[string]string{"name": p.Detail}})
	}
	c.whole = len(c.Docs()) > 1 || c.Kind() == conf.PureFTPD
	if c.Kind() == conf.PureFTPDDir {
		c.pureftpdFiles()
		return
	}
	seen := map[string]*conf.Directive{}
	for d := range c.All() {
		k, ok := pureftpdKnown().find(d.Name)
		if !ok {
			c.pureUnknown(d, pureftpdKnown().names)
			continue
		}
		if len(d.Args) == 0 {
			continue // told by the reader
		}
		if form := pureForms[k.col(0)]; form != nil && !form.MatchString(pureValue(d)) {
			c.note("bad-value", c.pureMend(d, k.col(0)))
		}
		key := strings.ToLower(d.Name)
		if first := seen[key]; first != nil && pureValue(first) != pureValue(d) && !fold(d.Name, "PureDB", "ExtAuth", "AltLog", "Include") {
			c.note("duplicate", c.at(d).with("line", first.Pos.String()))
		}
		seen[key] = d
	}
}

// pureValue is everything behind the name.
func pureValue(d *conf.Directive) string {
	if len(d.At) == 0 {
		return ""
	}
	i := min(d.At[0].Col-1, len(d.Raw))
	return strings.TrimSpace(d.Raw[i:])
}

// pureMend offers the usual confusion between the two forms of a pair.
func (c *config) pureMend(d *conf.Directive, form string) hit {
	v := pureValue(d)
	h := c.value(d, 0).with("value", v)
	v, _, _ = strings.Cut(v, "#")
	v = strings.Trim(strings.TrimSpace(v), `"'`)
	switch form {
	case "digits:digits":
		v = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '\t' || r == ':' || r == '-' }), ":")
	case "digits+digits", "digits+[digits]":
		v = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '\t' || r == ':' || r == '-' }), " ")
	case "bool":
		v = strings.ToLower(switchMeant(v))
	}
	if re := pureForms[form]; re.MatchString(v) {
		h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, v)))
	}
	return h
}

func (c *config) pureUnknown(d *conf.Directive, names []string) {
	if c.marked(d) {
		return
	}
	if near := c.likely(d.Name, names); near != "" {
		h := c.at(d).with("near", near)
		if c.Kind() == conf.PureFTPD {
			h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(near, d.Args...)))
		}
		c.note("unknown-near", h)
		return
	}
	c.note("unknown", c.at(d))
}

// pureftpdFiles judges Debian's directory: the name of each file is an option.
func (c *config) pureftpdFiles() {
	for _, doc := range c.Docs() {
		name := path.Base(strings.ReplaceAll(doc.Name(), `\`, "/"))
		if !wrapperName.MatchString(name) {
			if strings.HasPrefix(name, ".") {
				continue // nobody takes that for an option
			}
			c.note("file-ignored", hit{pos: conf.Pos{File: doc.Name()}, args: map[string]string{"name": name}})
			continue
		}
		k, ok := pureftpdDirKnown().find(name)
		if !ok {
			h := hit{pos: conf.Pos{File: doc.Name()}, args: map[string]string{"name": name}}
			if near := c.likely(name, pureftpdDirKnown().names); near != "" {
				c.note("unknown-near", h.with("near", near))
			} else {
				c.note("unknown", h)
			}
			continue
		}
		form := k.col(0)
		if f := dirForms[form]; f != "" {
			form = f
		}
		first := true
		for d := range doc.All() {
			if !first {
				c.note("second-line", c.value(d, 0))
				break
			}
			if !pureForms[form].MatchString(d.Arg(0)) {
				c.note("bad-value", c.value(d, 0))
				break
			}
			if form == "skipped" {
				c.note("skipped", c.value(d, 0))
			}
			first = form == "yes-no" && fold(d.Arg(0), "no", "off", "0") // an option that yields nothing lets the next line speak
		}
	}
}

// pu is the value of an option that takes effect, or the default. Of switches
// a yes anywhere counts: a no only adds nothing.
func (c *config) pu(name, def string) (string, *conf.Directive) {
	var found *conf.Directive
	for _, d := range c.each(name) {
		if found == nil || !pureYes(pureValue(found)) {
			found = d
		}
	}
	if found == nil {
		return def, nil
	}
	if c.Kind() == conf.PureFTPDDir {
		return found.Arg(0), found
	}
	return pureValue(found), found
}

func pureYes(v string) bool { return fold(v, "yes", "on", "1", "true") }

// puOn is a rule on a switch; def says what holds where nothing is said.
func puOn(name string, def, bad bool) func(*config) []hit {
	return func(c *config) []hit {
		v, d := c.pu(name, map[bool]string{true: "yes", false: "no"}[def])
		if pureYes(v) != bad || d == nil && !c.whole {
			return nil
		}
		return one(c.puAt(name, d, map[bool]string{true: "no", false: "yes"}[bad]))
	}
}

// puAt is the place of an option with the edit that gives it a value. A file
// that is not there has no edit.
func (c *config) puAt(name string, d *conf.Directive, mended ...string) hit {
	if d == nil {
		h := c.missing().with("name", name)
		if c.Kind() == conf.PureFTPD && len(mended) > 0 {
			h = h.mend(c.Docs()[0].Set(name, mended...))
		}
		return h
	}
	h := c.value(d, 0).with("name", d.Name)
	if len(mended) > 0 {
		h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, mended...)))
	}
	return h
}

// pureVirtualOnly: accounts of the system can't log in, as users come from a
// database and from nowhere else; the numbers of virtual users are often those of
// a service.
func (c *config) pureVirtualOnly() bool {
	for _, n := range []string{"UnixAuthentication", "PAMAuthentication"} {
		if v, _ := c.pu(n, "no"); pureYes(v) {
			return false
		}
	}
	for _, n := range []string{"PureDB", "MySQLConfigFile", "PGSQLConfigFile", "LDAPConfigFile", "ExtAuth"} {
		if _, d := c.pu(n, ""); d != nil {
			return c.Kind() == conf.PureFTPD // Debian keeps the methods in another directory
		}
	}
	return false
}

// pair reads two numbers.
func pair(v string) (a, b int) {
	f := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == '\t' || r == ':' })
	if len(f) != 2 {
		return -1, -1
	}
	return number(f[0]), number(f[1])
}

// umaskPair joins a pair of octal numbers in the form of the file.
func (c *config) umaskPair(a, b string) []string {
	if c.Kind() == conf.PureFTPD {
		return []string{a + ":" + b}
	}
	return []string{a, b}
}
