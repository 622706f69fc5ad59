package capture

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"ftpdoctor/internal/finding"
)

const (
	slowLookup    = time.Second
	painfulLookup = 2 * time.Second
)

// lookup is what became of a name at one resolver.
type lookup struct {
	name     string
	resolver netip.AddrPort
	first    moment
	v4, v6   *query
}

func (l *lookup) each() []*query {
	return slices.DeleteFunc([]*query{l.v4, l.v6}, func(q *query) bool { return q == nil })
}

func (l *lookup) silent() bool {
	return !slices.ContainsFunc(l.each(), func(q *query) bool { return !q.unanswered() })
}

func (l *lookup) addresses() (all []netip.Addr) {
	for _, q := range l.each() {
		all = append(all, q.answers...)
	}
	return all
}

// rcode is the worse of the two.
func (l *lookup) rcode() int {
	for _, q := range l.each() {
		if !q.unanswered() && q.rcode != dns.RcodeSuccess && len(l.addresses()) == 0 {
			return q.rcode
		}
	}
	return dns.RcodeSuccess
}

func (l *lookup) took() (d time.Duration) {
	for _, q := range l.each() {
		if !q.unanswered() {
			d = max(d, q.took())
		}
	}
	return d
}

func (l *lookup) alias() string {
	for _, q := range l.each() {
		if n := len(q.aliases); n > 0 {
			return q.aliases[n-1]
		}
	}
	return ""
}

func (l *lookup) answered() moment {
	for _, q := range l.each() {
		if !q.unanswered() {
			return q.answered
		}
	}
	return moment{}
}

func (l *lookup) String() string {
	s := l.resolver.Addr().String() + ": " + l.name + " "
	if l.silent() {
		return s + finding.Say("no answer")
	}
	s += dns.RcodeToString[l.rcode()]
	if a := l.alias(); a != "" {
		s += " → " + a
	}
	for _, a := range l.addresses() {
		s += " " + a.String()
	}
	return s + " (" + human(l.took()) + ")"
}

// lookups puts the questions together, one for each name and resolver.
func (n *names) lookups() []*lookup {
	var out []*lookup
	for _, q := range n.order {
		if !q.forAddress() || q.checking || strings.HasSuffix(q.key.name, ".arpa.") {
			continue
		}
		i := slices.IndexFunc(out, func(l *lookup) bool { return l.name == q.name() && l.resolver == q.key.resolver })
		if i < 0 {
			out = append(out, &lookup{name: q.name(), resolver: q.key.resolver, first: q.asked})
			i = len(out) - 1
		}
		slot := &out[i].v4
		if q.key.qtype == dns.TypeAAAA {
			slot = &out[i].v6
		}
		if *slot == nil || (*slot).unanswered() && !q.unanswered() {
			*slot = q
		}
	}
	return out
}

// nameLookups judges the look-ups of the names that were meant.
func (j *judge) nameLookups(targets []*target) {
	all := j.a.names.lookups()
	if len(all) == 0 {
		return
	}
	before := len(j.findings)
	j.t = &target{name: all[0].name, hosts: []*host{{}}, port: 21}
	if len(targets) > 0 {
		j.t = targets[0]
	}
	var resolvers []netip.AddrPort
	for _, l := range all {
		if !slices.Contains(resolvers, l.resolver) {
			resolvers = append(resolvers, l.resolver)
		}
	}
	known := slices.IndexFunc(all, func(l *lookup) bool { return len(l.addresses()) > 0 })
	var meant []*lookup // of the first name: what else is looked up may be a guess
	for _, l := range all {
		if l.name == all[0].name {
			meant = append(meant, l)
		}
	}
	switch {
	case known < 0:
		j.nothingKnown(all)
	case len(targets) == 0 && all[known].name != all[0].name && all[0].rcode() == dns.RcodeNameError && !strings.HasPrefix(all[known].name, all[0].name+"."):
		j.nothingKnown(meant)
	default:
		j.resolversBefore(all, all[known])
		j.nothingSent(targets, all)
	}
	j.step("resolve", "dns", all[0].first, all[max(known, 0)].answered(), before)
}

// aboutName begins a finding on a look-up.
func (j *judge) aboutName(d *finding.Def, c finding.Confidence, l *lookup) *finding.Finding {
	m := l.answered()
	if m.packet == 0 {
		m = l.first
	}
	f := finding.New(d, c).With("host", l.name).With("name", l.name).With("resolver", l.resolver.Addr().String())
	return j.saw(f, "the answer of the name server", l.String(), m)
}

// nothingKnown: no look-up brought an address.
func (j *judge) nothingKnown(all []*lookup) {
	talking := slices.DeleteFunc(slices.Clone(all), (*lookup).silent)
	if len(talking) == 0 {
		if j.a.last.at.Sub(all[0].first.at) < patience {
			return
		}
		f := j.aboutName(finding.DNSResolverUnreachable, finding.Confirmed, all[0]).Stop()
		if all[0].v4 != nil && all[0].v4.refused {
			f.Saw("the name server's machine answers with ICMP: nothing listens there", all[0].resolver.String(), "the capture")
		}
		j.find(f)
		return
	}
	l := talking[0]
	for _, o := range talking { // the name itself tells more than its completions
		if len(o.name) < len(l.name) && strings.HasPrefix(l.name, o.name+".") {
			l = o
		}
	}
	for _, o := range talking {
		if o.rcode() == dns.RcodeNameError || o.rcode() == dns.RcodeSuccess {
			continue
		}
		if o.rcode() == dns.RcodeRefused {
			j.find(j.aboutName(finding.DNSResolverRefuses, finding.Confirmed, o).Stop())
			return
		}
		j.servfail(o)
		return
	}
	completed := slices.ContainsFunc(talking, func(o *lookup) bool { return o != l && strings.HasPrefix(o.name, l.name+".") })
	switch {
	case l.alias() != "":
		j.find(j.aboutName(finding.DNSDanglingCNAME, finding.Confirmed, l).Stop().With("other", l.alias()))
	case l.rcode() == dns.RcodeSuccess:
		j.find(j.aboutName(finding.DNSNoAddress, finding.Confirmed, l).Stop())
	case !strings.Contains(l.name, ".") || completed:
		f := j.aboutName(finding.DNSSearchDomain, finding.Likely, l).Stop()
		j.find(f.Or(finding.DNSSearchDomain, "a short name is completed with a wrong domain").
			Or(finding.DNSNXDOMAIN, "the name does not exist").
			DecideBy("dig {host}; then: ftpdoctor check {target}"))
	default:
		j.find(j.aboutName(finding.DNSNXDOMAIN, finding.Confirmed, l).Stop())
	}
}

// nothingSent: the name has addresses, and no packet was sent to any. What kept
// it back is in this machine, and packets do not show it, but for one case: the
// name has addresses of a family only that is not spoken here.
func (j *judge) nothingSent(targets []*target, all []*lookup) {
	if len(targets) > 0 || len(j.a.conns) > 0 || j.a.last.at.Sub(all[0].first.at) < 3*time.Millisecond {
		return
	}
	var v4, v6 []netip.Addr
	for _, l := range all {
		for _, a := range l.addresses() {
			if a.Is4() {
				v4 = append(v4, a)
			} else {
				v6 = append(v6, a)
			}
		}
	}
	l := all[0]
	for _, x := range all {
		if len(x.addresses()) > 0 {
			l = x
		}
	}
	f := j.aboutName(finding.RouteNoRoute, finding.Possible, l).As(finding.Error)
	client := l.each()[0].key.client.Addr()
	switch {
	case len(v4) == 0 && client.Is4(), len(v6) == 0 && client.Is6() && !client.IsLoopback():
		family := "IPv6"
		if len(v6) == 0 {
			family = "IPv4"
		}
		f = j.aboutName(finding.NetNoCommonFamily, finding.Likely, l).As(finding.Critical).With("family", family).With("address", l.addresses()[0].String())
		f.Or(finding.NetNoCommonFamily, "the name has addresses of one family only, and this machine has no way for it")
	case len(v4) > 0:
		f.With("address", v4[0].String())
	}
	f.Or(finding.RouteNoRoute, "this machine has no route there").
		Or(finding.RouteBlackhole, "a route of this machine swallows the packets").
		Or(finding.ClientFirewall, "a filter of this machine drops what goes out").
		Or(finding.ClientProxyIntercepts, "the program goes by way of a proxy").
		DecideBy("on this machine: ip route get {address}; then: ftpdoctor check {target}")
	j.find(f.Stop().Saw("after the look-up no packet went to the address", l.addresses()[0].String(), "the capture"))
}

// servfail: was it the checking of signatures?
func (j *judge) servfail(l *lookup) {
	for _, q := range j.a.names.order {
		if q.checking && q.name() == l.name && len(q.answers) > 0 {
			f := j.aboutName(finding.DNSDNSSECBogus, finding.Confirmed, l).Stop()
			j.find(j.saw(f, "the same with the checking of signatures disabled", q.answers[0].String(), q.answered))
			return
		}
		for _, e := range q.extended {
			if q.name() == l.name && (strings.HasPrefix(e, "DNSSEC") || strings.HasPrefix(e, "Signature")) {
				j.find(j.saw(j.aboutName(finding.DNSDNSSECBogus, finding.Confirmed, l).Stop(), "the name server's own words", e, q.answered))
				return
			}
		}
	}
	j.find(j.aboutName(finding.DNSServfail, finding.Confirmed, l).Stop())
}

// resolversBefore: a name has an address; what did it cost, and do all agree?
func (j *judge) resolversBefore(all []*lookup, good *lookup) {
	for _, l := range all {
		if l == good || l.name != good.name {
			continue
		}
		sev := finding.Warning
		if l.first.packet < good.first.packet {
			sev = finding.Error
		}
		switch {
		case l.silent() && j.a.last.at.Sub(l.first.at) >= patience:
			j.find(j.aboutName(finding.DNSResolverUnreachable, finding.Confirmed, l).As(sev).With("other", good.resolver.Addr().String()))
			if sev == finding.Error {
				j.find(j.aboutName(finding.DNSSlow, finding.Likely, l).With("seconds", "5"))
			}
		case l.silent():
		case l.rcode() == dns.RcodeNameError && sev == finding.Error:
			j.find(j.aboutName(finding.DNSWrongResolver, finding.Likely, l).As(finding.Error).With("other", good.resolver.Addr().String()))
		case l.rcode() == dns.RcodeRefused:
			j.find(j.aboutName(finding.DNSResolverRefuses, finding.Confirmed, l).As(finding.Warning))
		case l.rcode() == dns.RcodeServerFailure:
			j.find(j.aboutName(finding.DNSServfail, finding.Confirmed, l).As(finding.Warning))
		case len(l.addresses()) > 0 && !slices.ContainsFunc(l.addresses(), func(a netip.Addr) bool { return slices.Contains(good.addresses(), a) }):
			j.disagree(good, l)
		}
	}
	if took := good.took(); took >= slowLookup {
		f := j.aboutName(finding.DNSSlow, finding.Confirmed, good).As(finding.Warning).With("seconds", seconds(took))
		if took >= painfulLookup {
			f.As(finding.Error)
		}
		j.find(f)
	}
	for _, q := range good.each() { // one family unanswered: programs wait for it
		if q.unanswered() && j.a.last.at.Sub(q.asked.at) >= painfulLookup {
			f := j.aboutName(finding.DNSSlow, finding.Confirmed, good).As(finding.Error).With("seconds", strconv.Itoa(5))
			j.find(j.saw(f, "a question that brought no answer", dns.TypeToString[q.key.qtype], q.asked))
		}
	}
}

// disagree: two name servers of one name, and the first address is dead.
func (j *judge) disagree(good, other *lookup) {
	dead, alive := false, ""
	for range 2 { // either may be the one that is right
		for _, c := range j.a.conns {
			switch {
			case c.server.Port() != j.t.port:
			case slices.Contains(good.addresses(), c.server.Addr()):
				dead = dead || j.a.fate(c) != fateOpen && j.a.fate(c) != fateUnknown
			case slices.Contains(other.addresses(), c.server.Addr()) && j.a.fate(c) == fateOpen:
				alive = c.server.Addr().String()
			}
		}
		if dead && alive != "" {
			break
		}
		good, other, dead, alive = other, good, false, ""
	}
	def, sev := finding.DNSInconsistent, finding.Warning
	if dead && alive != "" {
		def, sev = finding.DNSWrongAddress, finding.Error
	}
	f := j.aboutName(def, finding.Confirmed, good).As(sev).With("other", alive)
	j.find(j.saw(f, "another name server says", other.String(), other.answered()))
}
