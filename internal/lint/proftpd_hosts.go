package lint

import (
	"strings"

	"ftpdoctor/internal/conf"
)

// ProFTPD's servers: the main one and each <VirtualHost>. What stands at the top
// of the file is the main server's alone; only <Global> holds for all. (ProFTPD's
// documentation of <Global>; fixup_servers of 1.3.8.)

// hosts lists the servers that take FTP sessions; nil is the main one, which
// Port 0 switches off.
func (c *config) hosts() []*conf.Directive {
	var out []*conf.Directive
	for _, h := range append([]*conf.Directive{nil}, c.each("VirtualHost")...) {
		if h != nil && !h.Section {
			continue
		}
		if d := c.own(h, "Port"); d != nil && d.Arg(0) == "0" {
			continue
		}
		if d := c.of(h, "SFTPEngine"); d != nil && isOn(d) {
			continue
		}
		out = append(out, h)
	}
	return out
}

// hostOf is the section that a directive is a setting of: a <VirtualHost>, the
// <Global>, or nil for the main server; ok is false within others.
func hostOf(d *conf.Directive) (section *conf.Directive, ok bool) {
	for p := d.Parent; p != nil; p = p.Parent {
		switch {
		case conf.IsConditional(p):
		case p.Is("VirtualHost"), p.Is("Global"):
			return p, true
		default:
			return nil, false
		}
	}
	return nil, true
}

// settings maps each server to what is set in it; all that stands in <Global> is
// under the key of global.
type settings map[*conf.Directive]map[string]*conf.Directive

var global = &conf.Directive{Name: "Global"}

// serverSettings reads them once.
func (c *config) serverSettings() settings {
	if c.servers != nil {
		return c.servers
	}
	c.servers = settings{}
	for d := range c.All() {
		section, ok := hostOf(d)
		if !ok || d.Section || c.ignored(d) {
			continue
		}
		if section != nil && section.Is("Global") {
			section = global
		}
		if c.servers[section] == nil {
			c.servers[section] = map[string]*conf.Directive{}
		}
		if name := strings.ToLower(d.Name); c.servers[section][name] == nil {
			c.servers[section][name] = d
		}
	}
	return c.servers
}

// own is a setting that stands in a server itself, or nil.
func (c *config) own(host *conf.Directive, name string) *conf.Directive {
	return c.serverSettings()[host][strings.ToLower(name)]
}

// of is a setting as it holds for a server: its own, or that of <Global>.
func (c *config) of(host *conf.Directive, name string) *conf.Directive {
	if d := c.own(host, name); d != nil {
		return d
	}
	return c.own(global, name)
}

// hostAt is the place of a server.
func (c *config) hostAt(host *conf.Directive) hit {
	if host == nil {
		return c.missing().with("server", "server config")
	}
	return c.at(host).with("server", "<VirtualHost "+strings.Join(host.Args, " ")+">")
}

// encrypted lists, of the servers that offer TLS, the line that makes them.
func (c *config) encrypted(look func(host, engine *conf.Directive) []hit) []hit {
	var out []hit
	seen := map[conf.Pos]bool{}
	for _, h := range c.hosts() {
		engine := c.of(h, "TLSEngine")
		if engine == nil || !isOn(engine) {
			continue
		}
		for _, x := range look(h, engine) {
			if !seen[x.pos] {
				out = append(out, x)
			}
			seen[x.pos] = true
		}
	}
	return out
}

// proftpdClear finds servers without TLS. Where none has it that is told once.
func proftpdClear(c *config) []hit {
	if !c.whole {
		return nil
	}
	any := c.proftpdTLS() != nil
	var out []hit
	for _, h := range c.hosts() {
		engine := c.of(h, "TLSEngine")
		switch {
		case engine != nil && isOn(engine):
			continue
		case engine != nil:
			out = append(out, c.value(engine, 0).with("server", c.hostAt(h).args["server"]))
		default:
			out = append(out, c.hostAt(h))
		}
		if !any {
			break
		}
	}
	return out
}

func proftpdTLSOptional(c *config) []hit {
	return c.encrypted(func(h, engine *conf.Directive) []hit {
		switch d := c.of(h, "TLSRequired"); {
		case d == nil:
			return one(c.at(engine).mend(c.doc(engine).InsertAfter(engine, "TLSRequired on")))
		case isOff(d) || fold(d.Arg(0), "data"):
			return one(c.value(d, 0).mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, "on"))))
		}
		return nil
	})
}

func proftpdSessionReuse(c *config) []hit {
	return c.encrypted(func(h, engine *conf.Directive) []hit {
		options := c.of(h, "TLSOptions")
		switch {
		case options == nil:
			return one(c.at(engine).mend(c.doc(engine).InsertAfter(engine, "TLSOptions NoSessionReuseRequired")))
		case fold("NoSessionReuseRequired", options.Args...):
			return nil
		}
		for _, d := range c.each("TLSOptions") { // each line adds to those before
			if s, _ := hostOf(d); fold("NoSessionReuseRequired", d.Args...) && (s == h || s != nil && s.Is("Global")) {
				return nil
			}
		}
		return one(c.at(options).mend(c.doc(options).Replace(options, c.doc(options).Statement(options.Name, append(append([]string{}, options.Args...), "NoSessionReuseRequired")...))))
	})
}

func proftpdNoCertificate(c *config) []hit {
	if len(c.Unread()) > 0 {
		return nil
	}
	return c.encrypted(func(h, engine *conf.Directive) []hit {
		for _, n := range []string{"TLSRSACertificateFile", "TLSECCertificateFile", "TLSDSACertificateFile", "TLSPKCS12File"} {
			if c.of(h, n) != nil {
				return nil
			}
		}
		return one(c.at(engine))
	})
}

// inheritable are the settings that people expect to hold for virtual hosts too.
var inheritable = []string{
	"DefaultRoot", "PassivePorts", "MasqueradeAddress", "AuthUserFile", "AuthOrder", "AllowOverwrite", "Umask", "MaxClientsPerHost", "MaxLoginAttempts", "RootLogin",
}

// proftpdNotInherited finds virtual hosts for which a setting of the main server
// does not hold.
func proftpdNotInherited(c *config) []hit {
	var out []hit
	if len(c.Unread()) > 0 {
		return nil
	}
	for _, h := range c.hosts() {
		if h == nil {
			continue
		}
		var names []string
		hit := c.at(h)
		for _, n := range inheritable {
			if d := c.own(nil, n); d != nil && c.of(h, n) == nil {
				names = append(names, d.Name)
				hit = hit.mend(c.doc(d).Replace(d, "<Global>\n  "+c.doc(d).Statement(d.Name, d.Args...)+"\n</Global>"))
			}
		}
		if len(names) > 0 {
			out = append(out, hit.with("names", strings.Join(names, ", ")))
		}
	}
	return out
}
