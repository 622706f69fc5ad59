package probe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// resolveCheck turns the name into addresses, by the way that other programs
// take (hosts file, name service order, search list), and asks each configured
// name server by itself.
var resolveCheck = &check{
	name: "resolve", layer: "dns", asks: "what does the name mean, and do all name servers say so",
	applies: func(t observe.Target, _ Options) string {
		if observe.IsAddress(t.Host) {
			return "the target is an address"
		}
		return ""
	},
	run: resolve,
}

const (
	askTimeout  = 4500 * time.Millisecond // the C library gives each server 5 s
	slowDNS     = time.Second
	painfulDNS  = 2 * time.Second
	maxNames    = 6 // of the search list
	maxFindName = 8 // similar names that are tried
)

// naming is how this machine resolves names.
type naming struct {
	conf    observe.ResolverConfig
	hosts   []netip.Addr // of the target's name, from the hosts file
	line    string       // that line
	service []string     // the hosts line of nsswitch.conf
}

// serverAnswer is what one name server said about one name.
type serverAnswer struct {
	server netip.AddrPort
	name   string
	v4, v6 observe.Reply
}

func (a serverAnswer) silent() bool { return !a.v4.OK() && !a.v6.OK() }

// rcode is the worse of the two, since either breaks some clients.
func (a serverAnswer) rcode() string {
	for _, r := range []observe.Reply{a.v4, a.v6} {
		if r.OK() && r.Rcode != "NOERROR" {
			if other := []observe.Reply{a.v4, a.v6}; len(other[0].Addresses())+len(other[1].Addresses()) > 0 {
				continue // one family answered with addresses: the name is fine
			}
			return r.Rcode
		}
	}
	return "NOERROR"
}

func (a serverAnswer) took() time.Duration { return max(a.v4.Took, a.v6.Took) }

func (a serverAnswer) addresses() []netip.Addr {
	return append(a.v6.Addresses(), a.v4.Addresses()...)
}

func (a serverAnswer) records() []observe.Record {
	if a.v4.OK() && len(a.v4.Answer) > 0 {
		return a.v4.Answer
	}
	return a.v6.Answer
}

// conclusive: the C library takes this answer and asks no further server.
func (a serverAnswer) conclusive() bool {
	return !a.silent() && (a.rcode() == "NOERROR" || a.rcode() == "NXDOMAIN")
}

func (a serverAnswer) String() string {
	if a.silent() {
		return a.server.Addr().String() + ": " + told(a.v4.Step)
	}
	s := fmt.Sprintf("%s: %s %s", a.server.Addr(), a.name, a.rcode())
	for _, rr := range a.records() {
		if rr.Type == "CNAME" {
			s += " → " + strings.TrimSuffix(rr.Data, ".")
		}
	}
	for _, addr := range a.addresses() {
		s += " " + addr.String()
	}
	return s + " (" + observe.Human(a.took()) + ")"
}

func resolve(ctx context.Context, r *run) {
	if r.self.System == "windows" {
		r.resolveBySystem(ctx)
		return
	}
	n := r.naming()
	if len(n.hosts) > 0 && slices.Contains(n.service, "files") {
		r.resolveByHosts(ctx, n)
		return
	}
	if !asksDNS(n.service) {
		r.resolvePastNameService(ctx, n)
		return
	}
	if len(n.conf.Servers) == 0 {
		// resolv.conf(5): without a server the C library asks this machine.
		local := netip.MustParseAddrPort("127.0.0.1:53")
		n.conf.Servers = []netip.AddrPort{local}
		if a := r.ask(ctx, r.w.Scope("default"), local, r.target.Host); a.silent() {
			r.find(finding.New(finding.DNSNoResolver, finding.Confirmed).Stop().With("file", "/etc/resolv.conf").
				Saw("name servers in the resolver configuration", "0", "/etc/resolv.conf").
				Saw("asking this machine, as programs then do", told(a.v4.Step), fromDNS))
			return
		}
	}
	r.resolveByDNS(ctx, n)
}

// resolveBySystem leaves it to the system where its configuration is no file.
func (r *run) resolveBySystem(ctx context.Context) {
	l := r.w.Lookup(ctx, r.target.Host, askTimeout*2)
	switch {
	case len(l.Addresses) > 0:
		r.take(l.Addresses)
	case l.Failure == observe.Absent:
		r.find(finding.New(finding.DNSNXDOMAIN, finding.Likely).Stop().With("name", r.target.Host).
			Saw("the system's resolver", string(l.Failure), fromDNS))
	default:
		r.find(finding.New(finding.DNSResolverUnreachable, finding.Likely).Stop().
			Saw("the system's resolver", told(l.Step), fromDNS))
	}
}

func (r *run) naming() naming {
	n := naming{service: []string{"files", "dns"}}
	n.conf = observe.ParseResolvConf(r.w.ReadFile("/etc/resolv.conf").Text)
	if f := r.w.ReadFile("/etc/nsswitch.conf"); f.OK() {
		if s := nameService(f.Text); len(s) > 0 {
			n.service = s
		}
	}
	n.hosts, n.line = inHosts(r.w.ReadFile("/etc/hosts").Text, r.target.Host)
	return n
}

// nameService reads the hosts line of nsswitch.conf(5).
func nameService(text string) []string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "hosts:"); ok {
			return strings.Fields(strings.ToLower(rest))
		}
	}
	return nil
}

// asksDNS follows the order up to a service that asks name servers. "return"
// after a service that answers for every name ends the search; after the mDNS
// services it does so for names in .local only.
func asksDNS(service []string) bool {
	for i, s := range service {
		if s == "dns" || s == "resolve" {
			return true
		}
		if strings.HasPrefix(s, "[") && strings.Contains(s, "notfound=return") && i > 0 && !strings.HasPrefix(service[i-1], "mdns") {
			return false
		}
	}
	return false
}

func inHosts(text, name string) (addrs []netip.Addr, line string) {
	for l := range strings.Lines(text) {
		entry, _, _ := strings.Cut(l, "#")
		f := strings.Fields(entry)
		if len(f) < 2 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil || !slices.ContainsFunc(f[1:], func(n string) bool {
			return strings.EqualFold(strings.TrimSuffix(n, "."), strings.TrimSuffix(name, "."))
		}) {
			continue
		}
		if line == "" {
			line = strings.TrimSpace(entry)
		}
		addrs = append(addrs, a.Unmap())
	}
	return addrs, line
}

// resolveByHosts takes the hosts file's word, and asks DNS beside, so that it
// can be told whether that word leads elsewhere.
func (r *run) resolveByHosts(ctx context.Context, n naming) {
	r.take(n.hosts)
	r.beside("hosts", func(w *observe.World) func() {
		var dns []netip.Addr
		if len(n.conf.Servers) > 0 {
			dns = r.ask(ctx, w, n.conf.Servers[0], r.target.Host).addresses()
		}
		if len(dns) == 0 || slices.ContainsFunc(dns, func(a netip.Addr) bool { return slices.Contains(n.hosts, a) }) {
			return nil
		}
		alive := r.greets(ctx, w, dns)
		return func() { r.judgeHosts(n, dns, alive) }
	})
}

// greets tells which of the addresses greets as a file server on our port.
func (r *run) greets(ctx context.Context, w *observe.World, addrs []netip.Addr) string {
	for i, a := range addrs[:min(len(addrs), 2)] {
		conn, d := w.Scope(fmt.Sprint("greets", i)).Dial(ctx, netip.AddrPortFrom(a, uint16(r.target.PortOr())), observe.DialOptions{Timeout: quickDial})
		if !d.OK() {
			continue
		}
		conn.SetBudget(2 * time.Second)
		first := firstBytes(conn)
		conn.Close()
		if strings.HasPrefix(first, "220") || r.target.Scheme == "ftps" {
			return a.String()
		}
	}
	return ""
}

func (r *run) judgeHosts(n naming, dns []netip.Addr, alive string) {
	f := finding.New(finding.ClientHostsOverride, finding.Confirmed).With("line", n.line).With("file", "/etc/hosts").With("other", joinAddrs(dns)).
		Saw("the hosts file", n.line, "/etc/hosts").
		Saw("the name servers", joinAddrs(dns), fromDNS)
	switch {
	case r.stopped == "" && !r.failed():
		f.As(finding.Notice)
	case alive != "":
		f.Saw("the address of the name servers greets as a file server", alive, fromExperiment)
	default:
		f.Confidence = finding.Likely
	}
	r.find(f)
}

func (r *run) failed() bool {
	return slices.ContainsFunc(r.findings, func(f *finding.Finding) bool { return f.Severity >= finding.Error })
}

// resolvePastNameService: no service in the order asks DNS.
func (r *run) resolvePastNameService(ctx context.Context, n naming) {
	f := finding.New(finding.ClientNameService, finding.Confirmed).Stop().With("file", "/etc/nsswitch.conf").With("line", "hosts: "+strings.Join(n.service, " ")).
		Saw("the order of name services", "hosts: "+strings.Join(n.service, " "), "/etc/nsswitch.conf")
	if len(n.conf.Servers) > 0 {
		a := r.ask(ctx, r.w, n.conf.Servers[0], r.target.Host)
		if len(a.addresses()) == 0 {
			f.Confidence = finding.Likely
		}
		f.Saw("a name server asked directly", a.String(), fromDNS)
	}
	r.find(f)
}

// ask asks one server for both families.
func (r *run) ask(ctx context.Context, w *observe.World, server netip.AddrPort, name string) serverAnswer {
	a := serverAnswer{server: server, name: name}
	all(w, map[string]func(*observe.World){
		"a": func(w *observe.World) { a.v4 = w.Ask(ctx, server, observe.Question{Name: name, Type: "A"}, askTimeout) },
		"aaaa": func(w *observe.World) {
			a.v6 = w.Ask(ctx, server, observe.Question{Name: name, Type: "AAAA"}, askTimeout)
		},
	})
	return a
}

// names lists what the C library asks for, in its order (resolv.conf(5), search and ndots).
func (n naming) names(host string) []string {
	if before, ok := strings.CutSuffix(host, "."); ok {
		return []string{before}
	}
	var searched []string
	for _, s := range n.conf.Search[:min(len(n.conf.Search), maxNames)] {
		if s = strings.Trim(s, "."); s != "" {
			searched = append(searched, host+"."+s)
		}
	}
	if strings.Count(host, ".") >= n.conf.Ndots {
		return append([]string{host}, searched...)
	}
	return append(searched, host)
}

func (r *run) resolveByDNS(ctx context.Context, n naming) {
	names := n.names(r.target.Host)
	var answers []serverAnswer // of the name that decided, by server
	var asked []serverAnswer   // the first server's, by name
	for i, name := range names {
		answers = each(r.w.Scope(fmt.Sprint("name", i)), n.conf.Servers, func(w *observe.World, s netip.AddrPort) serverAnswer {
			return r.ask(ctx, w, s, name)
		})
		best := effective(answers)
		if best == nil {
			break
		}
		asked = append(asked, *best)
		if best.rcode() == "NOERROR" && len(best.addresses()) > 0 || slices.ContainsFunc(answers, func(a serverAnswer) bool { return len(a.addresses()) > 0 }) {
			break
		}
	}
	best := effective(answers)
	if best == nil {
		r.noServer(ctx, answers)
		return
	}
	r.serversBefore(ctx, answers, best)
	r.facts.Timings["dns"] = seconds(best.took())
	if len(best.addresses()) == 0 {
		for i := range asked { // the name itself tells more than its completions
			if asked[i].name == r.target.Host {
				best = &asked[i]
			}
		}
		r.noAddress(ctx, n, best, answers, asked)
		return
	}
	r.take(best.addresses())
	r.asked = best
	if best.name != r.target.Host && strings.Contains(r.target.Host, ".") {
		r.completedName(ctx, n, best)
	}
	r.compareServers(ctx, answers, best)
}

// effective is the answer that programs get: the first conclusive one.
func effective(answers []serverAnswer) *serverAnswer {
	for i := range answers {
		if answers[i].conclusive() {
			return &answers[i]
		}
	}
	return nil
}

func listAnswers(answers []serverAnswer) string {
	var s []string
	for _, a := range answers {
		s = append(s, a.String())
	}
	return strings.Join(s, "; ")
}

// noServer: nobody gave a usable answer.
func (r *run) noServer(ctx context.Context, answers []serverAnswer) {
	var talking *serverAnswer
	for i := range answers {
		if !answers[i].silent() {
			talking = &answers[i]
			break
		}
	}
	if talking == nil {
		f := finding.New(finding.DNSResolverUnreachable, finding.Confirmed).Stop().With("resolver", answers[0].server.Addr().String()).
			Saw("asking each configured name server", listAnswers(answers), fromDNS)
		// The way to the name server may be what is broken. What lies beyond
		// the first hop is told as evidence: the name server is the cause.
		if way := r.explainSilence(ctx, r.w.Scope("way"), answers[0].server.Addr(), 53, answers[0].v4.Step); way != nil {
			if nearby(way.Code) {
				r.find(way)
			} else {
				f.Evidence = append(f.Evidence, way.Evidence...)
			}
		}
		r.find(f)
		return
	}
	switch talking.rcode() {
	case "REFUSED":
		r.find(finding.New(finding.DNSResolverRefuses, finding.Confirmed).Stop().With("resolver", talking.server.Addr().String()).
			Saw("asking each configured name server", listAnswers(answers), fromDNS))
	default:
		cd := r.w.Scope("cd").Ask(ctx, talking.server, observe.Question{Name: talking.name, Type: "A", CheckingDisabled: true}, askTimeout)
		if cd.OK() && cd.Rcode == "NOERROR" && len(cd.Answer) > 0 {
			r.find(finding.New(finding.DNSDNSSECBogus, finding.Confirmed).Stop().With("resolver", talking.server.Addr().String()).With("name", talking.name).
				Saw("asking each configured name server", listAnswers(answers), fromDNS).
				Saw("the same with the checking of signatures disabled", cd.Rcode+" "+joinAddrs(cd.Addresses()), fromExperiment))
			return
		}
		r.exclude(finding.DNSDNSSECBogus, "with the checking of signatures disabled the answer is the same")
		r.find(finding.New(finding.DNSServfail, finding.Confirmed).Stop().With("resolver", talking.server.Addr().String()).With("name", talking.name).
			Saw("asking each configured name server", listAnswers(answers), fromDNS).
			Saw("the same with the checking of signatures disabled", orNone(cd.Rcode), fromExperiment))
	}
}

// nearby: causes on this machine and its own link.
func nearby(c finding.Code) bool {
	switch c {
	case finding.RouteNoRoute.Code, finding.RouteBlackhole.Code, finding.RouteWrongNetmask.Code, finding.RouteGatewayDown.Code,
		finding.RouteDeadTunnel.Code, finding.ClientFirewall.Code, finding.RouteLoop.Code, finding.NetNoCommonFamily.Code:
		return true
	}
	return false
}

// serversBefore states what the servers before the deciding one cost: a silent
// one makes each program wait for its time-out.
func (r *run) serversBefore(_ context.Context, answers []serverAnswer, best *serverAnswer) {
	before := true
	for i := range answers {
		a := &answers[i]
		if a == best {
			before = false
			continue
		}
		sev := finding.Warning // a second server that would be missed only when the first fails
		if before {
			sev = finding.Error
		}
		switch {
		case a.silent():
			r.find(finding.New(finding.DNSResolverUnreachable, finding.Confirmed).As(sev).With("resolver", a.server.Addr().String()).With("other", best.server.Addr().String()).
				Saw("asking each configured name server", listAnswers(answers), fromDNS))
			if before {
				r.find(finding.New(finding.DNSSlow, finding.Likely).With("resolver", a.server.Addr().String()).With("seconds", "5").
					Saw("a name server that is asked first does not answer", a.server.Addr().String(), fromDNS))
			}
		case a.rcode() == "REFUSED":
			r.find(finding.New(finding.DNSResolverRefuses, finding.Confirmed).As(finding.Warning).With("resolver", a.server.Addr().String()).
				Saw("asking each configured name server", listAnswers(answers), fromDNS))
		case a.rcode() == "SERVFAIL":
			r.find(finding.New(finding.DNSServfail, finding.Confirmed).As(finding.Warning).With("resolver", a.server.Addr().String()).
				Saw("asking each configured name server", listAnswers(answers), fromDNS))
		}
	}
	if took := best.took(); took >= slowDNS {
		sev := finding.Warning
		if took >= painfulDNS {
			sev = finding.Error
		}
		r.find(finding.New(finding.DNSSlow, finding.Confirmed).As(sev).With("resolver", best.server.Addr().String()).With("seconds", fmt.Sprintf("%.1f", took.Seconds())).
			Saw("time of the answer", best.String(), fromDNS))
	}
}

// noAddress judges a name that leads to no address.
func (r *run) noAddress(ctx context.Context, n naming, best *serverAnswer, answers, asked []serverAnswer) {
	name := best.name
	for _, a := range answers { // another server knows it
		if len(a.addresses()) > 0 {
			r.find(finding.New(finding.DNSWrongResolver, finding.Confirmed).Stop().With("resolver", best.server.Addr().String()).With("other", a.server.Addr().String()).With("name", name).
				Saw("asking each configured name server", listAnswers(answers), fromDNS))
			return
		}
	}
	if last := lastCNAME(best.records()); last != "" {
		r.find(finding.New(finding.DNSDanglingCNAME, finding.Confirmed).Stop().With("name", name).With("other", last).
			Saw("the chain of aliases ends at a name without address", best.String(), fromDNS))
		return
	}
	if best.rcode() == "NOERROR" {
		r.find(finding.New(finding.DNSNoAddress, finding.Confirmed).Stop().With("name", name).
			Saw("the name exists, and has neither A nor AAAA", best.String(), fromDNS))
		return
	}
	if short := !strings.Contains(strings.TrimSuffix(r.target.Host, "."), "."); short && len(n.conf.Search) > 0 {
		f := finding.New(finding.DNSSearchDomain, finding.Likely).Stop().With("name", asked[0].name).
			Saw("names asked for", listAnswers(asked), fromDNS).
			Saw("the search list", strings.Join(n.conf.Search, " "), "/etc/resolv.conf")
		if full := r.anyExists(ctx, "full", best.server, fullNames(r.target.Host, n.conf.Search)); full != "" {
			f.Confidence = finding.Confirmed
			f.With("near", full).Saw("this full name exists", full, fromExperiment)
		}
		r.find(f)
		return
	}
	f := finding.New(finding.DNSNXDOMAIN, finding.Confirmed).Stop().With("name", name).
		Saw("asking each configured name server", listAnswers(answers), fromDNS)
	if soa := zoneOf(best.v4.Authority); soa != "" {
		f.Saw("the zone that says so", soa, fromDNS)
	}
	if near := r.anyExists(ctx, "near", best.server, nearNames(name)); near != "" {
		f.With("near", near).Saw("a similar name exists", near, fromExperiment)
	}
	r.find(f)
}

// anyExists asks for several names at once and returns the first that exists.
func (r *run) anyExists(ctx context.Context, scope string, server netip.AddrPort, names []string) string {
	found := each(r.w.Scope(scope), names, func(w *observe.World, name string) bool {
		return len(r.ask(ctx, w, server, name).addresses()) > 0
	})
	for i, yes := range found {
		if yes {
			return names[i]
		}
	}
	return ""
}

// fullNames are the short name under the parents of the search domains.
func fullNames(host string, search []string) []string {
	var out []string
	for _, s := range search {
		for s = strings.Trim(s, "."); ; {
			_, parent, ok := strings.Cut(s, ".")
			if !ok || !strings.Contains(parent, ".") && len(out) > 0 {
				break
			}
			out, s = append(out, host+"."+parent), parent
		}
	}
	return out[:min(len(out), maxFindName)]
}

// nearNames are names that somebody may have meant: the usual names of file
// servers in the same zone, and slips of the finger in the first label.
func nearNames(name string) []string {
	first, zone, ok := strings.Cut(name, ".")
	if !ok {
		return nil
	}
	var out []string
	add := func(n string) {
		if n != name && !slices.Contains(out, n) && !strings.HasPrefix(n, ".") {
			out = append(out, n)
		}
	}
	for i := 0; i+1 < len(first); i++ { // two letters swapped
		b := []byte(first)
		b[i], b[i+1] = b[i+1], b[i]
		add(string(b) + "." + zone)
	}
	for i := range len(first) { // one letter too many
		add(first[:i] + first[i+1:] + "." + zone)
	}
	out = out[:min(len(out), 10)]
	for _, usual := range []string{"ftp", "sftp", "ftps", "files"} {
		add(usual + "." + zone)
	}
	return out
}

func lastCNAME(records []observe.Record) string {
	last := ""
	for _, rr := range records {
		if rr.Type == "CNAME" {
			last = strings.TrimSuffix(rr.Data, ".")
		}
	}
	return last
}

func zoneOf(authority []observe.Record) string {
	for _, rr := range authority {
		if rr.Type == "SOA" {
			return rr.Name
		}
	}
	return ""
}

// completedName: a full name was completed by the search list and got another
// machine's address.
func (r *run) completedName(ctx context.Context, _ naming, best *serverAnswer) {
	plain := r.ask(ctx, r.w.Scope("plain"), best.server, r.target.Host)
	if len(plain.addresses()) == 0 || overlap(plain.addresses(), best.addresses()) {
		return
	}
	r.find(finding.New(finding.DNSSearchDomain, finding.Confirmed).As(finding.Error).With("name", best.name).With("near", r.target.Host).
		Saw("names asked for", best.String(), fromDNS).
		Saw("the full name has another address", plain.String(), fromExperiment))
}

// compareServers looks at servers that answer otherwise. Different answers are
// often meant (load balancing), so they count only when ours leads nowhere.
func (r *run) compareServers(ctx context.Context, answers []serverAnswer, best *serverAnswer) {
	for i := range answers {
		other := &answers[i]
		if other == best || !other.conclusive() || overlap(other.addresses(), best.addresses()) {
			continue
		}
		if len(other.addresses()) == 0 {
			r.find(finding.New(finding.DNSInconsistent, finding.Confirmed).As(finding.Warning).With("resolver", other.server.Addr().String()).With("other", best.server.Addr().String()).
				Saw("asking each configured name server", listAnswers(answers), fromDNS))
			return
		}
		r.beside("inconsistent", func(w *observe.World) func() {
			alive := r.greets(ctx, w, other.addresses())
			return func() {
				if !r.failed() || alive == "" {
					return
				}
				r.find(finding.New(finding.DNSWrongAddress, finding.Confirmed).With("resolver", best.server.Addr().String()).With("other", alive).
					With("address", joinAddrs(best.addresses())).
					Saw("asking each configured name server", listAnswers(answers), fromDNS).
					Saw("the address of the other name server greets as a file server", alive, fromExperiment))
				r.find(finding.New(finding.DNSInconsistent, finding.Confirmed).With("resolver", best.server.Addr().String()).With("other", other.server.Addr().String()).
					Saw("asking each configured name server", listAnswers(answers), fromDNS).
					Saw("the address of the other name server greets as a file server", alive, fromExperiment))
			}
		})
		return
	}
}

// take notes the addresses that are to be tried: IPv6 first, as RFC 6724 has it.
func (r *run) take(addrs []netip.Addr) {
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return b2i(a.Is4()) - b2i(b.Is4()) })
	for _, a := range addrs {
		r.facts.Addresses = append(r.facts.Addresses, a.String())
		if f := r.options.Family; f == 4 && !a.Is4() || f == 6 && a.Is4() || slices.Contains(r.addresses, a) {
			continue
		}
		if len(r.addresses) < maxAddresses {
			r.addresses = append(r.addresses, a)
		}
	}
}

const maxAddresses = 8

func overlap(a, b []netip.Addr) bool {
	return slices.ContainsFunc(a, func(x netip.Addr) bool { return slices.Contains(b, x) })
}

func joinAddrs(addrs []netip.Addr) string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return orNone(strings.Join(s, ", "))
}

func orNone(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
