package probe

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// A host without a scheme is looked at on every usual port. What answers is
// checked as if its URL had been given, side by side; one report tells of all,
// and which of them a user should prefer. Where nothing answers, the question
// is about the host, and the way to its FTP port is diagnosed.

// servicesCheck knocks at the usual ports.
var servicesCheck = &check{
	name: "services", layer: "net", asks: "which file services answer on the usual ports",
	of:  []string{observe.Any},
	run: func(ctx context.Context, r *run) { r.services = r.knock(ctx) },
}

// door is a port, and the scheme of what mostly answers there. Where another
// may, the first bytes decide.
type door struct {
	port   int
	scheme string
	sure   bool
}

var usualDoors = []door{
	{22, "sftp", true},
	{443, "davs", true},
	{990, "ftps", true},
	{21, "ftp", true},
	{80, "dav", true},
	{2022, "sftp", false},
	{2222, "sftp", false},
	{2121, "ftp", false},
}

// ranks are the services in the order in which a user should prefer them: what
// proves the server and hides everything comes before what doesn't, and one
// connection before several, because firewalls let it pass.
var ranks = []string{"sftp", "davs", "ftpes", "ftps", "dav", "ftp"}

// doors are those to knock at: the usual ones, or the one that was given.
func (r *run) doors() []door {
	p := r.target.Port
	if p == 0 {
		return usualDoors
	}
	for _, d := range usualDoors {
		if d.port == p {
			return []door{d}
		}
	}
	return []door{{port: p, scheme: "ftp"}}
}

// knock returns the targets behind the doors that open, at any address.
func (r *run) knock(ctx context.Context) []observe.Target {
	found := each(r.w, r.doors(), func(w *observe.World, d door) *observe.Target {
		for i, a := range r.oneOfEachFamily() {
			conn, _ := w.Scope(strconv.Itoa(i)).Dial(ctx, netip.AddrPortFrom(a, uint16(d.port)), observe.DialOptions{Timeout: quickDial})
			if conn == nil {
				continue
			}
			t := r.target
			t.Scheme, t.Port = d.scheme, 0
			if !d.sure {
				t.Scheme = schemeOf(ctx, conn, d.scheme)
			}
			conn.Close()
			if t.PortOr() != d.port {
				t.Port = d.port
			}
			return &t
		}
		return nil
	})
	var out []observe.Target
	for _, t := range found {
		if t != nil {
			out = append(out, *t)
		}
	}
	return out
}

// oneOfEachFamily: a port that is open at one address need not be at another,
// but eight ports times every address would be a scan.
func (r *run) oneOfEachFamily() []netip.Addr {
	var out []netip.Addr
	for _, a := range r.addresses {
		if !slices.ContainsFunc(out, func(b netip.Addr) bool { return a.Is4() == b.Is4() }) {
			out = append(out, a)
		}
	}
	return out
}

// schemeOf reads what the service says first.
func schemeOf(ctx context.Context, conn *observe.Conn, otherwise string) string {
	conn.Bind(ctx).SetBudget(quickDial)
	switch first := firstBytes(conn); {
	case strings.HasPrefix(first, "SSH-"):
		return "sftp"
	case strings.HasPrefix(first, "220"), strings.HasPrefix(first, "421"), strings.HasPrefix(first, "530"):
		return "ftp"
	default:
		return otherwise
	}
}

// survey checks a bare host.
func survey(ctx context.Context, w *observe.World, t observe.Target, o Options, tell Observer) *finding.Report {
	o.found = true
	host := newRun(w, t, o)
	host.walk(ctx, onTheWay(observe.Any), tell)
	if host.stopped != "" {
		return host.conclude(ctx)
	}
	reports := map[observe.Target]*finding.Report{}
	whoAsks(host.services)
	web := func(t observe.Target) bool { return t.Protocol() == observe.HTTP }
	others := slices.DeleteFunc(slices.Clone(host.services), web)
	if len(others) < 2 { // is there more than one?
		host.checkServices(ctx, reports, web)
	}
	files := slices.DeleteFunc(slices.Clone(host.services), func(t observe.Target) bool { return withoutFiles(reports[t]) })
	if len(files) > 1 {
		host.checkServices(ctx, reports, func(t observe.Target) bool { return reports[t] == nil })
		return host.together(ctx, reports)
	}
	// One service, or none: the report is about it alone.
	host.target.Scheme = host.doors()[0].scheme
	if t.Port == 0 {
		host.target.Scheme = "ftp"
	}
	if len(files) == 1 {
		host.target = files[0]
	}
	host.report.Checks = slices.DeleteFunc(host.report.Checks, func(c finding.Check) bool { return c.Name == servicesCheck.name })
	host.walk(ctx, beyondTheHost(host.target.Protocol()), tell)
	return host.conclude(ctx)
}

// beyondTheHost are the checks of a protocol that come after those of the host.
func beyondTheHost(protocol string) []*check {
	return slices.DeleteFunc(onTheWay(protocol), func(c *check) bool {
		return c.of == nil
	})
}

// whoAsks leaves the user out where a password is needed and none is given, and
// where a web server would get it in clear although it has TLS too.
func whoAsks(services []observe.Target) {
	secure := slices.ContainsFunc(services, func(t observe.Target) bool { return t.Scheme == "davs" })
	for i := range services {
		if t := &services[i]; t.Scheme == "dav" && secure || t.Protocol() != observe.SSH && !t.HasPass {
			t.User, t.Password, t.HasPass = "", "", false
		}
	}
}

// checkServices makes the checks of the services that are wanted, side by side.
// A web server that has its WebDAV under another path is asked there.
func (r *run) checkServices(ctx context.Context, reports map[observe.Target]*finding.Report, wanted func(observe.Target) bool) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, t := range r.services {
		if !wanted(t) {
			continue
		}
		wg.Go(func() {
			w := r.root.Scope("service").Scope(strconv.Itoa(t.PortOr()))
			rep := r.checkService(ctx, w, t)
			if p := otherPath(rep); p != "" {
				t.Path = p
				rep = r.checkService(ctx, w.Scope("path"), t)
			}
			mu.Lock()
			defer mu.Unlock()
			r.services[i], reports[t] = t, rep
		})
	}
	wg.Wait()
}

func (r *run) checkService(ctx context.Context, w *observe.World, t observe.Target) *finding.Report {
	s := newRun(w, t, r.options)
	s.links, s.addresses, s.facts.Addresses = r.links, slices.Clone(r.addresses), r.facts.Addresses
	s.walk(ctx, beyondTheHost(t.Protocol()), nil)
	return s.conclude(ctx)
}

// otherPath is where WebDAV answers, if not where it was asked for.
func otherPath(rep *finding.Report) string {
	for _, f := range rep.Findings {
		if f.Code == finding.HTTPWrongPath.Code {
			return f.Args["other"]
		}
	}
	return ""
}

// withoutFiles: a web server that shows no WebDAV is none of what was asked for,
// and no fault.
func withoutFiles(rep *finding.Report) bool {
	if rep == nil {
		return false
	}
	return slices.ContainsFunc(rep.Findings, func(f *finding.Finding) bool {
		return f.Code == finding.HTTPNoWebDAV.Code || f.Code == finding.HTTPWrongPath.Code || f.Code == finding.HTTPRedirected.Code && f.Stops
	})
}

// together makes one report of several services.
func (r *run) together(ctx context.Context, reports map[observe.Target]*finding.Report) *finding.Report {
	rep := r.conclude(ctx)
	for _, t := range r.services {
		s := finding.Service{Target: shown(t, reports[t]), Port: t.PortOr(), Report: reports[t]}
		if withoutFiles(reports[t]) {
			s.Report, s.Software, s.Target = nil, reports[t].Facts.Software, asWeb(t)
		}
		rep.Services = append(rep.Services, s)
	}
	slices.SortStableFunc(rep.Services, func(a, b finding.Service) int {
		return cmp.Compare(rankOf(a), rankOf(b))
	})
	for _, s := range rep.Services {
		if s.Report != nil {
			rep.Findings = append(rep.Findings, rootOf(s)...)
		}
	}
	rep.Conclude()
	preferred := false
	for i := range rep.Services {
		s := &rep.Services[i]
		if s.Report == nil {
			continue
		}
		rep.Status = worseOf(rep.Status, s.Report.Status)
		if !preferred && (s.Report.Status == finding.OK || s.Report.Status == finding.Degraded) {
			s.Preferred, preferred = true, true
		}
	}
	return rep
}

// asWeb is the URL of a web server that has no WebDAV.
func asWeb(t observe.Target) string {
	t.Scheme = map[string]string{"dav": "http", "davs": "https"}[t.Scheme]
	t.User = ""
	return t.String()
}

// shown is the URL that a user should take: FTP that can be encrypted must be.
func shown(t observe.Target, rep *finding.Report) string {
	if t.Scheme == "ftp" && rep != nil && rep.Facts.TLS != nil {
		t.Scheme = "ftpes"
	}
	return t.String()
}

// rankOf orders services; web servers without files come last.
func rankOf(s finding.Service) int {
	scheme, _, _ := strings.Cut(s.Target, ":")
	if s.Report == nil {
		return len(ranks)
	}
	return slices.Index(ranks, scheme)
}

// rootOf is the root cause of a service that failed, as a finding of the host.
func rootOf(s finding.Service) []*finding.Finding {
	rc := s.Report.RootCause
	if rc == nil {
		return nil
	}
	for _, f := range s.Report.Findings {
		if f.Code == rc.Code && f.BecauseOf == "" {
			g := *f
			g.Subject, g.Evidence = s.Target, slices.Clone(f.Evidence)
			g.Candidates = slices.Clone(f.Candidates)
			return []*finding.Finding{&g}
		}
	}
	return nil
}

// worseOf: failed is worse than unknown, that worse than degraded.
func worseOf(a, b finding.Status) finding.Status {
	order := []finding.Status{finding.OK, finding.Degraded, finding.Unknown, finding.Failed}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
