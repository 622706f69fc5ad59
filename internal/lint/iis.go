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
	seen := map[*conf.Directive]bool{}
	for _, d := range c.Named("binding") {
		if a, _ := d.Attr("protocol"); !fold(a.Value, "ftp") {
			continue
		}
		if site := d.Within("site"); site != nil && !seen[site] {
			seen[site] = true
			out = append(out, site)
		}
	}
	return out
}

// inSite is an element of the FTP settings of a site; that of the defaults of all
// sites is under the key of nil.
type inSite struct {
	site *conf.Directive
	path string
}

// siteElement finds an element of a site, or of the defaults of all sites.
func (c *config) siteElement(site *conf.Directive, path string) *conf.Directive {
	if c.sites == nil {
		c.sites = map[inSite]*conf.Directive{}
		for p, all := range c.paths {
			for _, d := range all {
				if s := d.Within("site"); s != nil || d.Within("siteDefaults") != nil {
					c.sites[inSite{s, p}] = d
				}
			}
		}
	}
	return c.sites[inSite{site, path}]
}

// siteAttr is an attribute of a site's FTP settings, or of the defaults of all
// sites, and the site's own element.
func (c *config) siteAttr(site *conf.Directive, path, name string) (string, *conf.Directive) {
	own := c.siteElement(site, path)
	for _, d := range []*conf.Directive{own, c.siteElement(nil, path)} {
		if d == nil {
			continue
		}
		if a, ok := d.Attr(name); ok {
			return a.Value, own
		}
	}
	return "", own
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

// siteRules lists the authorization rules that hold for a site: those of the
// server, less and more what the site's <location> says. (Rules of a directory
// within the site are not among them.)
func (c *config) siteRules(site *conf.Directive) []*conf.Directive {
	name, _ := site.Attr("name")
	if c.access == nil {
		c.access = map[string][]*conf.Directive{}
		for _, d := range c.iisElements("system.ftpServer/security/authorization") {
			path := ""
			if l := d.Within("location"); l != nil {
				a, _ := l.Attr("path")
				path = strings.ToLower(strings.Trim(a.Value, "/"))
			}
			c.access[path] = append(c.access[path], c.Children(d)...)
		}
	}
	var out []*conf.Directive
	for _, x := range slices.Concat(c.access[""], c.access[strings.ToLower(name.Value)]) {
		switch x.Name {
		case "clear":
			out = nil
		case "remove":
			out = slices.DeleteFunc(out, func(y *conf.Directive) bool { return ruleKey(x) == ruleKey(y) })
		case "add":
			out = append(out, x)
		}
	}
	return out
}

// ruleKey is equal for a rule and the element that removes it.
func ruleKey(d *conf.Directive) string {
	var key []string
	for _, n := range []string{"users", "roles", "permissions"} {
		a, _ := d.Attr(n)
		words := strings.FieldsFunc(strings.ToLower(a.Value), func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(words)
		key = append(key, strings.Join(words, ","))
	}
	return strings.Join(key, "|")
}

// iisWrites finds rules that let strangers write to a site where anonymous login
// is on.
func iisWrites(c *config) []hit {
	var out []hit
	told := map[*conf.Directive]bool{}
	for _, site := range c.ftpSites() {
		if on, _ := c.siteAttr(site, "ftpServer/security/authentication/anonymousAuthentication", "enabled"); !fold(on, "true") {
			continue
		}
		for _, d := range c.siteRules(site) {
			access, _ := d.Attr("accessType")
			users, _ := d.Attr("users")
			permissions, _ := d.Attr("permissions")
			strangers := slices.ContainsFunc(strings.Split(users.Value, ","), func(u string) bool { return fold(strings.TrimSpace(u), "?", "*") })
			if told[d] || !strangers || !fold(access.Value, "allow") || !strings.Contains(strings.ToLower(permissions.Value), "write") {
				continue
			}
			told[d] = true
			h := c.at(d).with("users", users.Value).mend(c.doc(d).SetAttr(d, "permissions", "Read"))
			h.pos, h.width = permissions.Pos, max(1, len(permissions.Value))
			out = append(out, h)
		}
	}
	return out
}

// iisNobody finds sites without a rule that allows anything: IIS denies what no
// rule allows.
func iisNobody(c *config) []hit {
	var out []hit
	if len(c.iisElements("system.ftpServer")) == 0 {
		return nil // a part of a configuration: the rules stand elsewhere
	}
	for _, site := range c.ftpSites() {
		if !slices.ContainsFunc(c.siteRules(site), func(d *conf.Directive) bool { a, ok := d.Attr("accessType"); return !ok || fold(a.Value, "allow") }) {
			out = append(out, c.named(site))
		}
	}
	return out
}
