package host

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/firewall"
)

// firewallSection follows the packets of the session in question through the
// machine's rule sets.
var firewallSection = &section{name: "firewall", layer: "net", systems: []string{linux}, run: filters}

// anywhere stands for a client of whom nothing is known.
var anywhere = netip.MustParseAddr("9.9.9.9")

// ruleset is what the machine's packet filters hold.
type ruleset struct {
	rules   *firewall.Ruleset
	sources []string // the commands that told
	denied  bool     // it takes root to read them
	broken  []string // what could not be understood
}

// Passage is what becomes of the first packet of a connection.
type Passage struct {
	From    netip.Addr `json:"from"`
	To      netip.Addr `json:"to"`
	Proto   string     `json:"proto"`
	Port    uint16     `json:"port"`
	Through uint16     `json:"through,omitempty"` // the last port of a range that fares alike
	Action  string     `json:"action"`            // accept, drop, reject, unknown
	With    string     `json:"with,omitempty"`    // what a reject answers
	Rule    string     `json:"rule,omitempty"`    // that decides, as its tool prints it
	Where   string     `json:"where,omitempty"`   // table, chain and number
	Tool    string     `json:"tool,omitempty"`    // that made the rule, as far as names tell
	File    string     `json:"file,omitempty"`    // in which it stands, as far as can be found, with its line
	Hangs   []string   `json:"hangs_on,omitempty"`
}

// blocked tells whether the connection surely does not come in.
func (p Passage) blocked() bool { return p.Action == "drop" || p.Action == "reject" }

// findRuleset reads every rule set that the machine has. A tool that would have
// to load the old tables to print them is asked only where they are loaded.
func (l *look) findRuleset() ruleset {
	var rs ruleset
	var sets []*firewall.Ruleset
	take := func(parse func([]byte) (*firewall.Ruleset, error), argv ...string) string {
		r := l.run(argv...)
		name := strings.Join(argv, " ")
		switch {
		case r.failed != nil:
			return ""
		case r.exit != 0:
			if strings.Contains(r.err, "not permitted") || strings.Contains(r.err, "ermission denied") || strings.Contains(r.err, "must be root") {
				rs.denied = true
			}
			return ""
		}
		set, err := parse([]byte(r.out))
		if err != nil {
			rs.broken = append(rs.broken, name)
			return ""
		}
		sets, rs.sources = append(sets, set), append(rs.sources, name)
		return r.out
	}
	iptables := func(f firewall.Family) func([]byte) (*firewall.Ruleset, error) {
		return func(b []byte) (*firewall.Ruleset, error) { return firewall.ParseIPTables(b, f) }
	}
	nft := take(l.parseNFT, "nft", "-j", "list", "ruleset")
	ipset := false
	note := func(out string) { ipset = ipset || strings.Contains(out, "--match-set") }
	if nft == "" || strings.Contains(nft, `"xt"`) {
		note(take(iptables(firewall.IP), "iptables-save"))
		note(take(iptables(firewall.IP6), "ip6tables-save"))
	}
	if nft != "" && strings.TrimSpace(l.text("/proc/net/ip_tables_names")) != "" {
		note(take(iptables(firewall.IP), "iptables-legacy-save"))
	}
	if nft != "" && strings.TrimSpace(l.text("/proc/net/ip6_tables_names")) != "" {
		note(take(iptables(firewall.IP6), "ip6tables-legacy-save"))
	}
	if ipset {
		take(firewall.ParseIPSets, "ipset", "save")
	}
	if len(sets) > 0 {
		rs.rules = firewall.Join(sets...)
	}
	return rs
}

// parseNFT reads nft's listing, and what the listing hides from the kernel's
// instructions.
func (l *look) parseNFT(listing []byte) (*firewall.Ruleset, error) {
	rs, err := firewall.ParseNFT(listing, nil)
	if err != nil || !rs.Hides() {
		return rs, err
	}
	code := l.run("nft", "--debug=netlink", "list", "ruleset")
	if !code.ok() {
		return rs, nil
	}
	return firewall.ParseNFT(listing, []byte(code.out))
}

func filters(_ context.Context, p *part) {
	rs := p.ruleset()
	if rs.denied {
		p.lacks("the rules of the firewall (needs root)")
	}
	for range rs.broken {
		p.lacks("a rule set of the firewall: what its tool printed could not be read")
	}
	if rs.rules == nil {
		if rs.denied || len(rs.broken) > 0 {
			p.partial = "the rules of the firewall could not be read"
		}
		return
	}
	p.fact(func(f *Facts) {
		f.Firewall = &FirewallFacts{Sources: rs.sources, Judged: []Passage{}}
	})
	source, known := p.q.Source.Unmap(), p.q.Source.IsValid()
	if !known {
		source = anywhere
	}
	if source.IsLoopback() {
		return // nobody filters his own
	}
	ports := []uint16{}
	if p.q.Port != 0 {
		ports = append(ports, p.q.Port)
	}
	for _, s := range p.asked() {
		if p.q.Port == 0 && s.Family == FTP && s.running() && !slices.Contains(ports, s.port()) {
			ports = append(ports, s.port())
		}
	}
	for _, port := range ports {
		open := p.control(port, source, known)
		if open {
			p.passives(port, source, known)
		}
		if p.q.Active && known && p.q.Data == Fails {
			p.active(source)
		}
	}
}

// control follows the connection to the port itself; false where it is blocked.
func (p *part) control(port uint16, source netip.Addr, known bool) bool {
	x := p.pass(firewall.TCP, port, port, source)[0]
	p.judged(x)
	if !x.blocked() {
		if x.Action == "unknown" && p.q.Connect != Works {
			p.lacks("whether the firewall lets the connection in: it hangs on what no list of rules tells")
		}
		return x.Action == "accept"
	}
	if p.q.Connect == Works {
		return true
	}
	def := finding.HostFirewallBlocks
	if x.ban() {
		def = finding.AuthBanned
	}
	f := x.evidence(finding.New(def, finding.Confirmed)).With("other", source.String())
	if def == finding.AuthBanned {
		p.jail(f, source)
	}
	if !known {
		f.As(finding.Notice) // perhaps some networks only are to come in
	} else {
		f.Stop()
	}
	p.findAt(f, port)
	return false
}

// jail asks fail2ban which of its jails banned the address, and until when.
func (p *part) jail(f *finding.Finding, source netip.Addr) {
	for _, jail := range parseJails(p.run("fail2ban-client", "status").out) {
		argv := []string{"fail2ban-client", "get", jail, "banip", "--with-time"}
		for line := range strings.Lines(p.run(argv...).out) {
			if address, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.TrimSpace(address) == source.String() {
				f.With("jail", jail).SawAt("the jail that banned the address, since when and until when",
					jail+": "+strings.Join(strings.Fields(line), " "), strings.Join(argv, " "))
				return
			}
		}
	}
}

// parseJails reads the names that `fail2ban-client status` lists.
func parseJails(out string) []string {
	for line := range strings.Lines(out) {
		if _, list, ok := strings.Cut(line, "Jail list:"); ok {
			return slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }), func(name string) bool {
				return strings.HasPrefix(name, "-")
			})
		}
	}
	return nil
}

// judged keeps what became of a packet for the facts.
func (p *part) judged(all ...Passage) {
	p.fact(func(f *Facts) {
		f.Firewall.Judged = append(f.Firewall.Judged, all...)
		for _, x := range all {
			for _, h := range x.Hangs {
				if !slices.Contains(f.Firewall.Unmodelled, h) {
					f.Firewall.Unmodelled = append(f.Firewall.Unmodelled, h)
				}
			}
		}
	})
}

// passives follows connections to the passive ports of the server on the port.
func (p *part) passives(port uint16, source netip.Addr, known bool) {
	if p.q.Data == Works {
		return
	}
	for _, s := range p.asked() {
		if s.Family != FTP || !s.running() || s.port() != port && !s.listensOn(port) {
			continue
		}
		r, set := s.settings.passive()
		if !set {
			r = p.ephemeral()
		}
		if helper := p.ruleset().rules.HelperFor(p.packet(firewall.TCP, port, source)); helper != "" {
			p.fact(func(f *Facts) { f.Firewall.Helper = helper })
			if helper == "ftp" && !p.q.TLS {
				return // it reads the control connection and lets the data in
			}
		}
		spans := p.pass(firewall.TCP, r.Lo, r.Hi, source)
		p.judged(spans...)
		p.closedSpan(s, r, spans, source, known)
	}
}

// closedSpan states the largest part of the passive range that is closed.
func (p *part) closedSpan(s *Server, r portRange, spans []Passage, source netip.Addr, known bool) {
	var worst Passage
	size, closed := 0, 0
	for _, x := range spans {
		n := int(x.Through) - int(x.Port) + 1
		if x.blocked() {
			closed += n
			if n > size {
				worst, size = x, n
			}
		}
	}
	// Of the kernel's whole range some ports may well be closed for another reason.
	if closed == 0 || r.Place == "" && closed*10 < r.size()*9 {
		return
	}
	f := worst.evidence(finding.New(finding.ConfigPortRangeNotOpen, finding.Confirmed)).With("range", r.String()).With("other", source.String()).About(s.Kind)
	if r.Place != "" {
		f.SawAt("the passive range in the configuration", r.String(), r.Place)
	} else {
		f.SawAt("no passive range is set: the kernel chooses", r.String(), "/proc/sys/net/ipv4/ip_local_port_range")
	}
	f.SawAt("passive ports that are closed", fmt.Sprintf("%d / %d", closed, r.size()), strings.Join(p.ruleset().sources, ", "))
	if !known {
		f.As(finding.Warning)
	}
	p.findAt(f, s.port())
}

// ephemeral is the range from which the kernel takes ports that nobody chose.
func (l *look) ephemeral() portRange {
	f := strings.Fields(l.text("/proc/sys/net/ipv4/ip_local_port_range"))
	if len(f) == 2 {
		if r, ok := rangeOf(number(f[0]), number(f[1]), ""); ok {
			return r
		}
	}
	return portRange{32768, 60999, ""} // Linux, Documentation/networking/ip-sysctl.rst
}

// active follows a connection from the server's data port to the client.
func (p *part) active(client netip.Addr) {
	rs := p.ruleset()
	own := p.packet(firewall.TCP, 0, client)
	spans := rs.rules.JudgeRange(firewall.Output, firewall.Packet{
		Src: netip.AddrPortFrom(own.Dst.Addr(), 20), Dst: netip.AddrPortFrom(client, 1024), Proto: firewall.TCP, Out: own.In, Host: own.Host,
	}, 1024, 65535)
	for _, s := range spans {
		x := p.passage(s, client, own.Dst.Addr())
		if !x.blocked() {
			return
		}
		if s.Hi == 65535 {
			p.judged(x)
			p.find(x.evidence(finding.New(finding.DataActiveBlocked, finding.Confirmed)).With("other", client.String()))
		}
	}
}

// pass judges the first packet to each of a range of ports.
func (l *look) pass(proto firewall.Proto, lo, hi uint16, source netip.Addr) []Passage {
	packet := l.packet(proto, lo, source)
	var all []Passage
	for _, s := range l.ruleset().rules.JudgeRange(firewall.Input, packet, lo, hi) {
		all = append(all, l.passage(s, source, packet.Dst.Addr()))
	}
	return all
}

// packet is the first of a connection from outside, as it comes in.
func (l *look) packet(proto firewall.Proto, port uint16, source netip.Addr) firewall.Packet {
	in, own := l.towards(source)
	to := l.q.ServerAddr.Unmap()
	if !to.IsValid() || !l.isLocal(to) || to.Is4() != source.Is4() {
		to = own // in front of the machine somebody translates
	}
	host := &firewall.Host{}
	for _, i := range l.interfaces() {
		for _, a := range i.Addresses {
			host.Addresses = append(host.Addresses, firewall.Address{Interface: i.Name, Prefix: a})
		}
	}
	if len(host.Addresses) == 0 {
		host = nil
	}
	return firewall.Packet{Src: netip.AddrPortFrom(source, 0), Dst: netip.AddrPortFrom(to, port), Proto: proto, In: in, Host: host}
}

// towards is the interface by which answers to a client leave, and the address
// that they carry: by symmetry that by which the client comes.
func (l *look) towards(client netip.Addr) (device string, own netip.Addr) {
	device, own = parseRoute(l.run("ip", "-j", "route", "get", client.String()).out)
	if !own.IsValid() {
		own = netip.IPv4Unspecified()
		if client.Is6() {
			own = netip.IPv6Unspecified()
		}
		for _, i := range l.interfaces() {
			for _, a := range i.Addresses {
				if a.Addr().Is4() == client.Is4() && !a.Addr().IsLoopback() {
					return device, a.Addr()
				}
			}
		}
	}
	return device, own
}

// parseRoute reads `ip -j route get`.
func parseRoute(out string) (device string, own netip.Addr) {
	var routes []struct {
		Dev, PrefSrc string
	}
	if json.Unmarshal([]byte(out), &routes) != nil || len(routes) == 0 {
		return "", netip.Addr{}
	}
	own, _ = netip.ParseAddr(routes[0].PrefSrc)
	return routes[0].Dev, own
}

func (l *look) passage(s firewall.Span, from, to netip.Addr) Passage {
	v := s.Verdict
	x := Passage{
		From: from, To: to, Proto: "tcp", Port: s.Lo, Through: s.Hi, Action: v.Action.String(), With: v.With, Hangs: v.Unmodelled,
	}
	if v.Rule == nil {
		return x
	}
	x.Rule, x.Tool = v.Rule.Text, v.Rule.Owner.Tool
	x.Where = fmt.Sprintf("%s: table %s %s, chain %s", v.Rule.Source, v.Rule.Family, v.Rule.Table, v.Rule.Chain)
	if v.Rule.Number > 0 {
		x.Where += fmt.Sprintf(", rule %d", v.Rule.Number)
	}
	if v.Rule.Owner.Detail != "" {
		x.Tool += " (" + v.Rule.Owner.Detail + ")"
	}
	x.File = l.fileOf(v.Rule)
	return x
}

// fileOf finds the rule in one of the files of its tool: the line that has most
// of the rule's words, and at least its port or half of them.
func (l *look) fileOf(r *firewall.Rule) string {
	words := ruleWord.FindAllString(r.Text, -1)
	fallback := ""
	for _, pattern := range r.Owner.Files {
		names := []string{pattern}
		if strings.ContainsAny(pattern, "*?") {
			names = l.glob(pattern)
		}
		for _, name := range names {
			text, err := l.read(name)
			if err != nil {
				continue
			}
			if fallback == "" {
				fallback = name
			}
			if n := bestLine(text, words); n > 0 {
				return fmt.Sprintf("%s:%d", name, n)
			}
		}
	}
	return fallback
}

var ruleWord = regexp.MustCompile(`[A-Za-z0-9_.:/@-]{2,}`)

// bestLine is the line, from 1, that has most of the words; 0: none has two
// thirds of them.
func bestLine(text string, words []string) int {
	best, most, n := 0, 0, 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		have := ruleWord.FindAllString(line, -1)
		count := 0
		for _, w := range words {
			if slices.Contains(have, w) {
				count++
			}
		}
		if count > most {
			best, most = n, count
		}
	}
	if most*3 < len(words)*2 || most == 0 {
		return 0
	}
	return best
}

// ban tells whether the rule is one of a program that bans addresses.
func (p Passage) ban() bool { return banRule.MatchString(p.Tool + " " + p.Where + " " + p.Rule) }

var banRule = regexp.MustCompile(`(?i)\b(fail2ban|f2b[-_]|sshguard|crowdsec|csf|denyhosts|blocklistd)|@\S*(ban|blacklist|blocklist|f2b)|--match-set \S*(ban|blacklist|blocklist|f2b)`)

// evidence is what a report says of the deciding rule.
func (p Passage) evidence(f *finding.Finding) *finding.Finding {
	what := fmt.Sprintf("tcp %s → %s:%d", p.From, p.To, p.Port)
	if p.Through > p.Port {
		what += fmt.Sprintf("-%d", p.Through)
	}
	result := p.Action
	if p.With != "" {
		result += " with " + p.With
	}
	f.With("reply", p.Rule).With("file", p.File).
		SawAt("what becomes of the first packet of a connection", what+": "+result, p.Where).
		SawAt("the rule that decides", p.Rule, p.Where)
	if p.File != "" {
		f.SawAt("where the rule stands", p.File, p.Tool)
	}
	return f
}

// WouldPass tells what becomes of the first packet of a connection from an
// address to a port of the machine: of tcp or udp.
func WouldPass(ctx context.Context, m Machine, proto string, port uint16, from netip.Addr) (*Passage, error) {
	l := newLook(ctx, m, Question{})
	rs := l.ruleset()
	switch {
	case rs.rules == nil && rs.denied:
		return nil, ErrNeedsRoot
	case rs.rules == nil && len(rs.broken) > 0:
		return nil, fmt.Errorf("read the rules of the firewall: %s printed what can't be read", strings.Join(rs.broken, ", "))
	case rs.rules == nil:
		x := Passage{From: from, Proto: proto, Port: port, Action: "unknown", Hangs: []string{"no tool tells the rules of the firewall (nft, iptables-save)"}}
		return &x, nil
	}
	p := firewall.TCP
	if proto == "udp" {
		p = firewall.UDP
	}
	x := l.pass(p, port, port, from.Unmap())[0]
	x.Proto, x.Through = proto, 0
	return &x, nil
}
