// Package firewall says what a packet filter does with a packet. It reads the
// rule sets of Linux as their own tools print them (`nft -j list ruleset`,
// `iptables-save` and `ip6tables-save` of both backends) into one model and
// evaluates them as the kernel does: hooks, priorities, base chains, jumps,
// verdict maps, sets, connection tracking, translation of addresses.
//
// What it hides: two languages, their quirks, and that nftables prints its
// rules without the conditions that it deems implied. What it promises: a
// verdict names the rule that decided, and where the outcome hangs on something
// that no list of rules tells (a rate, a MAC address, the content of an ipset
// that was not given), the verdict is Unknown and says on what it hangs. It does
// so only if it matters: a condition that can't be judged is followed both ways,
// and if both ways end alike, that is the verdict.
//
//	rules, err := firewall.ParseNFT(out, nil)
//	v := rules.Judge(firewall.Input, firewall.Packet{
//		Src: netip.MustParseAddrPort("203.0.113.9:0"), // 0: any ephemeral port
//		Dst: netip.MustParseAddrPort("198.51.100.7:21"),
//		Proto: firewall.TCP, In: "eth0",
//	})
//	// v.Action == firewall.Drop, v.Rule.Text == "tcp dport 21 drop"
//
// The package works on values alone; it is tested against the kernel.
package firewall

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// Family is the address family of a table, by the word that nft has for it.
type Family string

// The families of tables.
const (
	IP     Family = "ip"     // IPv4
	IP6    Family = "ip6"    // IPv6
	Inet   Family = "inet"   // both
	Netdev Family = "netdev" // whatever one device receives or sends
)

// Hook is where on its way through the machine a packet is judged.
type Hook uint8

// The ways of a packet.
const (
	Input   Hook = iota // it comes in and is for the machine: ingress, prerouting, input
	Output              // the machine sends it: output, postrouting
	Forward             // it passes through: ingress, prerouting, forward, postrouting
)

func (h Hook) String() string { return [...]string{"input", "output", "forward"}[h] }

// Proto is an IP protocol number.
type Proto uint8

// The protocols that have ports or types in this package.
const (
	ICMP   Proto = 1
	TCP    Proto = 6
	UDP    Proto = 17
	ICMPv6 Proto = 58
)

func (p Proto) String() string {
	for _, e := range protocols {
		if e.number == uint64(p) {
			return e.name
		}
	}
	return strconv.Itoa(int(p))
}

// State is what connection tracking holds a packet for. The zero value is New:
// the first packet of a connection.
type State uint8

// The states of connection tracking.
const (
	New State = iota
	Established
	Related
	Invalid
	Untracked
)

func (s State) String() string {
	return [...]string{"new", "established", "related", "invalid", "untracked"}[s]
}

// Flags of TCP, for Packet.Flags (RFC 9293 §3.1).
const (
	FIN uint8 = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// Packet is what is asked about, as it looks where the machine first sees it.
type Packet struct {
	// Src and Dst are addresses of one family. A source port of 0 stands for any
	// port of 1024 and above. Ports count with TCP, UDP, SCTP, DCCP and UDP-Lite.
	Src, Dst netip.AddrPort
	Proto    Proto
	// Type and Code are those of ICMP and ICMPv6.
	Type, Code uint8
	// Flags are those of TCP; 0 stands for SYN if State is New, for ACK otherwise.
	Flags uint8
	State State
	// Reply says that the packet goes against the direction in which its
	// connection was opened.
	Reply bool
	// In and Out are the interfaces by which the packet comes and leaves; empty
	// means not known, and rules that ask for one can't be judged.
	In, Out string
	// Mark is the packet's mark when it comes to the first rule.
	Mark uint32
	// ConnMark is its connection's mark; nil means 0 for a new connection and not
	// known for another.
	ConnMark *uint32
	// Helper names the connection tracking helper that expected the connection;
	// empty means none for a new one and not known for another.
	Helper string
	// Host is the machine's own addresses; nil means not known.
	Host *Host
}

// Host is what the verdict on some rules hangs on besides the rules.
type Host struct{ Addresses []Address }

// Address is an address of the machine on one of its interfaces.
type Address struct {
	Interface string
	Prefix    netip.Prefix // the address itself with the length of its network's prefix
}

// Action is what becomes of a packet.
type Action uint8

// The outcomes. Reject is a drop that tells the sender.
const (
	Unknown Action = iota
	Accept
	Drop
	Reject
)

func (a Action) String() string {
	return [...]string{"unknown", "accept", "drop", "reject"}[a]
}

// Verdict is what becomes of a packet and why.
type Verdict struct {
	Action Action
	// Rule is the one that decided: that dropped or rejected the packet, or the
	// last that accepted it. If a chain's policy decided, it is a rule of number 0
	// which stands for the policy, and Policy is true. Nil: nothing filters here
	// (then Policy is true as well), or Action is Unknown.
	Rule   *Rule
	Policy bool
	// With is what a Reject answers: "tcp reset", "icmp host-prohibited",
	// "icmpv6 port-unreachable" …; empty: one of several, see Unmodelled.
	With string
	// Hook is the way that the packet took. It differs from what was asked when a
	// translation of its address sends it elsewhere.
	Hook Hook
	// Path are the rules that the packet matched, in order.
	Path []Step
	// Unmodelled are the expressions on which an Unknown verdict hangs. In
	// another verdict they are those on which it hangs where an accepted packet
	// goes, or what a rejected one is answered.
	Unmodelled []string
	// Possible are the outcomes between which an Unknown verdict can't decide.
	Possible []Outcome
	// Assumed is what was taken for granted and not known.
	Assumed []string
	// DNAT is the destination after translation; not valid: it stays as it was,
	// or the rule leaves the choice to the kernel.
	DNAT netip.AddrPort
}

// Step is a rule that the packet matched on its way.
type Step struct{ Rule *Rule }

// Outcome is one of several that are possible.
type Outcome struct {
	Action Action
	Rule   *Rule // as in Verdict
	With   string
}

// Rule is one rule, or the policy of a chain.
type Rule struct {
	Source  Source
	Family  Family
	Table   string
	Chain   string
	Number  int    // its place in the chain, from 1; 0: the chain's policy
	Handle  int    // as nft numbers it; 0: not known
	Text    string // as the tool prints it
	Comment string
	Owner   Owner

	steps   []step
	targets []string // chains and sets that it names
}

// Source is the tool that printed a rule.
type Source uint8

// The tools, and the part of the kernel that they talk to.
const (
	NFT            Source = iota // nft
	IPTablesNFT                  // iptables on top of nf_tables
	IPTablesLegacy               // iptables with its own tables
)

func (s Source) String() string {
	return [...]string{"nft", "iptables-nft", "iptables-legacy"}[s]
}

// Ruleset is the rules of a machine, or those that one tool printed. It does
// not change once it is made and can be used by several goroutines.
type Ruleset struct {
	// Notes are what the tools said besides: tables that they could not read, or
	// another backend that has rules as well.
	Notes  []string
	tables []*table
	ipsets map[string]*ipset
	hides  bool
}

// table is a table of either language.
type table struct {
	source  Source
	family  Family
	name    string
	chains  map[string]*chain
	ordered []*chain // in the order of creation
	sets    map[string]*nftSet
	helpers map[string]helperObject
	dormant tri // yes: its chains are not attached
}

// chain is a list of rules. A base chain has a hook.
type chain struct {
	table  *table
	name   string
	hook   string // as nft calls it; empty: reached by jumps alone
	nat    bool   // of type nat: sees the first packet of a connection only
	prio   int
	policy Action
	device []string // the devices of an ingress or egress chain; empty: not known
	rules  []*Rule
	decide *Rule // stands for the policy
}

// helperObject is nft's `ct helper`.
type helperObject struct {
	helper string // "ftp"
	proto  Proto
	family Family
}

func newTable(source Source, f Family, name string) *table {
	return &table{
		source: source, family: f, name: name, chains: map[string]*chain{},
		sets: map[string]*nftSet{}, helpers: map[string]helperObject{},
	}
}

// chain finds or makes a chain.
func (t *table) chain(name string) *chain {
	c, ok := t.chains[name]
	if !ok {
		c = &chain{table: t, name: name}
		t.chains[name] = c
		t.ordered = append(t.ordered, c)
	}
	return c
}

// base makes the chain a base chain.
func (c *chain) base(hook string, nat bool, prio int, policy Action) {
	c.hook, c.nat, c.prio, c.policy = hook, nat, prio, policy
	c.decide = &Rule{
		Source: c.table.source, Family: c.table.family, Table: c.table.name, Chain: c.name,
		Text: "policy " + policy.String(),
	}
}

// add appends a rule and numbers it.
func (c *chain) add(r *Rule) {
	r.Source, r.Family, r.Table, r.Chain = c.table.source, c.table.family, c.table.name, c.name
	r.Number = len(c.rules) + 1
	c.rules = append(c.rules, r)
}

// finish says whose the rules are. It takes the whole of a table to know.
func (rs *Ruleset) finish() *Ruleset {
	for _, t := range rs.tables {
		for _, c := range t.ordered {
			for _, r := range c.rules {
				r.Owner = owner(t, r)
			}
			if c.decide != nil {
				c.decide.Owner = owner(t, c.decide)
			}
		}
	}
	return rs
}

// Join makes one rule set of several: what nft, iptables and ip6tables of both
// backends print about one machine. A packet must pass them all. Tables that
// both nft and iptables on top of nf_tables print are taken from iptables,
// because nft prints the extensions of iptables without their content.
func Join(sets ...*Ruleset) *Ruleset {
	out := &Ruleset{ipsets: map[string]*ipset{}}
	for _, rs := range sets {
		if rs == nil {
			continue
		}
		for _, n := range rs.Notes {
			if !slices.Contains(out.Notes, n) {
				out.Notes = append(out.Notes, n)
			}
		}
		maps.Copy(out.ipsets, rs.ipsets)
	}
	// nft lists all tables of nf_tables in the order in which they were made.
	for _, source := range []Source{NFT, IPTablesNFT, IPTablesLegacy} {
		for _, rs := range sets {
			if rs != nil {
				out.take(rs.tables, source)
			}
		}
	}
	return out
}

// take adds the tables of one source.
func (rs *Ruleset) take(tables []*table, source Source) {
	for _, t := range tables {
		if t.source != source {
			continue
		}
		i := slices.IndexFunc(rs.tables, func(o *table) bool {
			return source == IPTablesNFT && o.source == NFT && o.family == t.family && o.name == t.name
		})
		if i >= 0 {
			rs.tables[i] = t
			continue
		}
		rs.tables = append(rs.tables, t)
	}
}

// Empty tells whether there is no rule and no policy but accept.
func (rs *Ruleset) Empty() bool {
	for r := range rs.Rules() {
		if r.Number > 0 || r.Text != "policy accept" {
			return false
		}
	}
	return true
}

// Rules gives every rule and policy, table by table and chain by chain.
func (rs *Ruleset) Rules() iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for _, t := range rs.tables {
			for _, c := range t.ordered {
				for _, r := range c.rules {
					if !yield(r) {
						return
					}
				}
				if c.decide != nil && !yield(c.decide) {
					return
				}
			}
		}
	}
}
