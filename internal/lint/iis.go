package lint

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"ftpdoctor/internal/conf"
)

// The FTP part of IIS's schema (FTP_schema.xml of IIS 8 and later): element,
// attribute, form of the value. An attribute “any” stands for all.
//
//go:embed directives/iis.txt
var iisTable string

// iisKnown maps the path of an element to its attributes and their forms.
var iisKnown = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for line := range strings.Lines(iisTable) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]string{}
		}
		if f[1] != "-" {
			out[f[0]][f[1]] = f[2]
		}
	}
	return out
})

// iisPath is the path of an element from ftpServer or system.ftpServer on; ""
// outside of them.
func iisPath(d *conf.Directive) string {
	names := []string{d.Name}
	for p := d; ; p = p.Parent {
		if p != d {
			names = append(names, p.Name)
		}
		if p.Name == "ftpServer" || p.Name == "system.ftpServer" {
			slices.Reverse(names)
			return strings.Join(names, "/")
		}
		if p.Parent == nil || len(names) > 12 {
			return ""
		}
	}
}

func iisForm(c *config, problems []conf.Problem) {
	for _, p := range problems {
		c.note(map[conf.Fault]string{conf.BadXML: "bad-xml", conf.Unclosed: "unclosed", conf.NotOpen: "not-open"}[p.Fault],
			hit{pos: p.Pos, width: 1, args: map[string]string{"name": p.Detail, "value": p.Detail}})
	}
	for d := range c.All() {
		if d.Name == "section" || d.Name == "sectionGroup" {
			continue // the schema's own part speaks of the same names
		}
		if path := iisPath(d); path != "" {
			c.paths[path] = append(c.paths[path], d)
			c.iisElement(d, path)
		}
	}
}

func (c *config) iisElement(d *conf.Directive, path string) {
	attrs, ok := iisKnown()[path]
	if !ok {
		parent, _, _ := cutLast(path, "/")
		switch {
		case fold(d.Name, "add", "remove", "clear"), c.openEnded(parent):
		default:
			var siblings []string
			for p := range iisKnown() {
				if up, last, _ := cutLast(p, "/"); up == parent {
					siblings = append(siblings, last)
				}
			}
			slices.Sort(siblings)
			c.note("unknown-element", c.at(d).with("near", strings.Join(c.closest(d.Name, siblings), ", ")))
		}
		return
	}
	if attrs["any"] != "" {
		return
	}
	for _, a := range d.Attrs {
		form, ok := attrs[a.Name]
		h := hit{pos: a.Pos, width: max(1, len(a.Value)), args: map[string]string{"name": a.Name, "value": a.Value, "element": d.Name}}
		switch {
		case a.Name == "configSource" || a.Name == "configProtectionProvider" || strings.HasPrefix(a.Name, "lock"):
		case !ok:
			var names []string
			for n := range attrs {
				names = append(names, n)
			}
			slices.Sort(names)
			c.note("unknown-attribute", h.with("near", strings.Join(c.closest(a.Name, names), ", ")))
		case !iisValue(a.Value, form):
			c.note("bad-value", h)
		}
	}
}

// openEnded tells whether anything may stand within an element: its children
// are not listed.
func (c *config) openEnded(path string) bool {
	for path != "" {
		if attrs, ok := iisKnown()[path]; ok && attrs["any"] != "" || fold(path[strings.LastIndexByte(path, '/')+1:], "add", "providers") {
			return true
		}
		path, _, _ = cutLast(path, "/")
	}
	return false
}

// closest is the probable name, or all there are when none is near.
func (c *config) closest(name string, known []string) []string {
	if near := nearest(name, known); near != "" {
		return []string{near}
	}
	return known
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

func iisValue(v, form string) bool {
	switch form {
	case "bool":
		return fold(v, "true", "false")
	case "number":
		return digits(v)
	case "any":
		return true
	}
	return slices.Contains(strings.Split(form, "|"), v)
}

// iisElements lists the elements of that path.
func (c *config) iisElements(path string) []*conf.Directive { return c.paths[path] }

// iisAttr is a rule on an attribute: bad is asked for the value, or for def
// where the element stands and the attribute does not.
func iisAttr(path, name, def, mended string, bad func(string) bool) func(*config) []hit {
	return func(c *config) []hit {
		var out []hit
		for _, d := range c.iisElements(path) {
			v, pos := def, conf.Pos{}
			if a, ok := d.Attr(name); ok {
				v, pos = a.Value, a.Pos
			}
			if !bad(v) {
				continue
			}
			h := c.at(d).with("value", v).with("name", name)
			if pos.Line > 0 {
				h.pos, h.width = pos, max(1, len(v))
			}
			if mended != "" {
				h = h.mend(c.doc(d).SetAttr(d, name, mended))
			}
			out = append(out, h)
		}
		return out
	}
}

// is compares a value with some words.
func is(s ...string) func(string) bool { return func(v string) bool { return fold(v, s...) } }

// ftpSites lists the sites that have an FTP binding.
func (c *config) ftpSites() []*conf.Directive {
	var out []*conf.Directive
	for d := range c.All() {
		if d.Name != "binding" {
			continue
		}
		if a, _ := d.Attr("protocol"); !fold(a.Value, "ftp") {
			continue
		}
		if site := d.Within("site"); site != nil && !slices.Contains(out, site) {
			out = append(out, site)
		}
	}
	return out
}

// siteAttr is an attribute of a site's FTP settings, or of the defaults of all
// sites.
func (c *config) siteAttr(site *conf.Directive, path, name string) (string, *conf.Directive) {
	value, from := "", (*conf.Directive)(nil)
	for _, d := range c.iisElements(path) {
		a, ok := d.Attr(name)
		if d.Within("site") == site {
			if ok {
				return a.Value, d
			}
			from = d
		} else if d.Within("siteDefaults") != nil && ok && value == "" {
			value = a.Value
		}
	}
	return value, from
}

// named is the place of a site, with its name.
func (c *config) named(site *conf.Directive) hit {
	a, _ := site.Attr("name")
	return c.at(site).with("site", a.Value)
}

// iisPorts reads the passive range, which is one for all sites.
func (c *config) iisPorts() (d *conf.Directive, low, high int) {
	for _, d := range c.iisElements("system.ftpServer/firewallSupport") {
		l, _ := d.Attr("lowDataChannelPort")
		h, _ := d.Attr("highDataChannelPort")
		return d, max(0, number(l.Value)), max(0, number(h.Value))
	}
	return nil, 0, 0
}

// iisWrites finds rules that let strangers write: for anonymous users, or for
// all where anonymous login is on.
func iisWrites(c *config) []hit {
	anonymous := len(iisAttr("ftpServer/security/authentication/anonymousAuthentication", "enabled", "false", "", is("true"))(c)) > 0
	var out []hit
	for d := range c.All() {
		if d.Name != "add" || d.Parent == nil || iisPath(d.Parent) != "system.ftpServer/security/authorization" {
			continue
		}
		access, _ := d.Attr("accessType")
		users, ok := d.Attr("users")
		permissions, _ := d.Attr("permissions")
		strangers := false
		for u := range strings.SplitSeq(users.Value, ",") {
			u = strings.TrimSpace(u)
			strangers = strangers || u == "?" || u == "*" && anonymous
		}
		if ok && strangers && fold(access.Value, "allow") && strings.Contains(strings.ToLower(permissions.Value), "write") {
			h := c.at(d).with("users", users.Value).mend(c.doc(d).SetAttr(d, "permissions", "Read"))
			h.pos, h.width = permissions.Pos, max(1, len(permissions.Value))
			out = append(out, h)
		}
	}
	return out
}
