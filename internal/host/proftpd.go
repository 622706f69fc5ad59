package host

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
)

// limit is a <Limit> section of ProFTPD outside of directories: what it says of
// addresses. What hangs on users, groups or classes is not judged.
type limit struct {
	place               string
	denyFirst           bool // Order deny,allow
	allow, deny         []string
	allowAll, denyAll   bool
	other               bool // something else is said
	allowLine, denyLine string
}

// limitsOf are the sections for one of the commands, of the server as a whole.
func limitsOf(set *conf.Set, commands ...string) []limit {
	var all []limit
	if set == nil {
		return nil
	}
	index := map[*conf.Directive]int{}
	for d := range set.All() {
		if d.Section && d.Is("Limit") {
			if d.Within("Directory") == nil && d.Within("Anonymous") == nil && slices.ContainsFunc(d.Args, func(a string) bool {
				return slices.ContainsFunc(commands, func(c string) bool { return strings.EqualFold(a, c) })
			}) {
				index[d] = len(all)
				all = append(all, limit{place: fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)})
			}
			continue
		}
		i, ok := index[d.Parent]
		if !ok || d.Parent == nil {
			continue
		}
		all[i].add(d)
	}
	return all
}

// add takes a directive of the section.
func (l *limit) add(d *conf.Directive) {
	place := fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)
	from := slices.DeleteFunc(strings.FieldsFunc(strings.Join(d.Args, " "), func(r rune) bool { return r == ',' || r == ' ' }),
		func(w string) bool { return strings.EqualFold(w, "from") })
	switch {
	case d.Is("Order"):
		l.denyFirst = strings.HasPrefix(strings.ToLower(strings.Join(d.Args, "")), "deny")
	case d.Is("AllowAll"):
		l.allowAll = true
	case d.Is("DenyAll"):
		l.denyAll, l.denyLine = true, place
	case d.Is("Allow"):
		l.allow, l.allowLine = append(l.allow, from...), place
	case d.Is("Deny"):
		l.deny, l.denyLine = append(l.deny, from...), place
	default:
		l.other = true
	}
}

// denies tells whether the section surely keeps the address out: by Order
// allow,deny what is allowed is allowed, else what is denied is denied; by
// deny,allow only what is denied and not allowed (ProFTPD, Order).
func (l limit) denies(source netip.Addr) bool {
	if l.other || l.allowAll {
		return false
	}
	allowed, ok1 := fromList(l.allow, source)
	denied, ok2 := fromList(l.deny, source)
	if !ok1 || !ok2 {
		return false
	}
	if allowed {
		return false
	}
	return denied || l.denyAll
}

// fromList tells whether an address stands in a list; ok is false where a name
// in it would have to be looked up.
func fromList(list []string, source netip.Addr) (in, ok bool) {
	ok = true
	for _, w := range list {
		switch clientFits(strings.ToUpper(w), source, func(string) string { return "" }, 0) {
		case wrapAllow:
			in = true
		case wrapUnknown:
			if !strings.EqualFold(w, "none") {
				ok = false
			}
		}
	}
	return in, ok || in
}

// limitLogin: <Limit LOGIN> may know no client from this address.
func (p *part) limitLogin(s *Server) {
	source := p.q.Source.Unmap()
	if !source.IsValid() || p.q.Login == Works {
		return
	}
	for _, l := range limitsOf(s.settings.set, "LOGIN", "ALL") {
		if !l.denies(source) {
			continue
		}
		p.findAt(finding.New(finding.NetSourceNotAllowed, finding.Confirmed).Stop().About(s.Kind), s.port()).
			With("other", source.String()).With("file", l.place).
			SawAt("the rule that keeps the client's address out", "<Limit LOGIN>", l.denyLine)
		return
	}
}

// limitWrite: <Limit WRITE> may deny uploads to everybody.
func (p *part) limitWrite(s *Server) {
	for _, l := range limitsOf(s.settings.set, "WRITE", "STOR", "ALL") {
		if l.denyAll && !l.other && len(l.allow) == 0 {
			p.findAt(finding.New(finding.FileUploadsDisabled, finding.Confirmed).About(s.Kind), s.port()).
				With("file", l.place).SawAt("a setting of the configuration", "<Limit WRITE> DenyAll", l.denyLine)
			return
		}
	}
}

var modBan = regexp.MustCompile(`(?i)denied due to (host|user|class) ban|\bbanned\b`)

// modBan: ProFTPD keeps its own bans in memory and tells of them in its log
// alone. Where no log can be read, a server that bans and that ends connections
// without a greeting has most likely banned.
func (p *part) modBan(s *Server) {
	on := s.settings.everywhere("BanEngine")
	if !p.q.Source.IsValid() || p.q.Login == Works || !slices.ContainsFunc(on, value.yes) {
		return
	}
	files := s.settings.logs()
	for _, v := range s.settings.everywhere("BanLog") {
		files = append(files, v.Text)
	}
	for _, file := range files {
		r := p.run("tail", "-n", "200", file)
		lines := strings.Split(strings.TrimSpace(r.out), "\n")
		for _, line := range slices.Backward(lines) {
			if r.ok() && modBan.MatchString(line) && mentions(line, p.q.Source.Unmap()) {
				p.findAt(finding.New(finding.AuthBanned, finding.Confirmed).Stop().About(s.Kind), s.port()).
					With("other", p.q.Source.String()).
					SawAt("the line of the log that tells of the ban", strings.TrimSpace(line), file).
					SawAt("the setting that bans", "BanEngine on", on[0].Place)
				return
			}
		}
	}
	events := s.settings.everywhere("BanOnEvent")
	if p.q.Greeting != Fails || len(events) == 0 {
		return
	}
	p.findAt(finding.New(finding.AuthBanned, finding.Likely).Stop().About(s.Kind), s.port()).
		With("other", p.q.Source.String()).
		SawAt("the setting that bans", "BanEngine on", on[0].Place).
		SawAt("the setting that bans", "BanOnEvent "+events[0].Text, events[0].Place)
}
