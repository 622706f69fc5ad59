package capture

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// names are the look-ups of a capture.
type names struct {
	queries map[queryKey]*query
	order   []*query // as they were first asked
	lost    int      // that did not fit
}

// queryKey tells one look-up from another.
type queryKey struct {
	client, resolver netip.AddrPort
	id               uint16
	name             string
	qtype            uint16
}

// query is one question, asked once or more often.
type query struct {
	key      queryKey
	asked    moment // for the first time
	again    int    // repetitions
	answered moment
	rcode    int
	answers  []netip.Addr
	aliases  []string
	extended []string // extended errors (RFC 8914), as code and text
	checking bool     // asked with the CD bit: the resolver need not validate
	cut      bool
	refused  bool // the port of the resolver is closed (ICMP)
}

const maxQueries = 4096

func (q *query) took() time.Duration { return q.answered.at.Sub(q.asked.at) }

func (q *query) unanswered() bool { return q.answered.packet == 0 }

// dnsPort is where name servers listen.
const dnsPort = 53

// packet takes a datagram from or to a name server.
func (n *names) packet(m moment, src, dst netip.AddrPort, payload []byte) {
	if len(payload) < 12 || len(payload) > 64<<10 {
		return
	}
	var msg dns.Msg
	if err := msg.Unpack(payload); err != nil && len(msg.Question) == 0 || len(msg.Question) != 1 {
		return
	}
	k := queryKey{id: msg.Id, name: strings.ToLower(msg.Question[0].Name), qtype: msg.Question[0].Qtype}
	if n.queries == nil {
		n.queries = map[queryKey]*query{}
	}
	if !msg.Response {
		if dst.Port() != dnsPort {
			return
		}
		k.client, k.resolver = src, dst
		if q := n.queries[k]; q != nil {
			q.again++
			return
		}
		if len(n.order) >= maxQueries {
			n.lost++
			return
		}
		q := &query{key: k, asked: m, checking: msg.CheckingDisabled}
		n.queries[k] = q
		n.order = append(n.order, q)
		return
	}
	if src.Port() != dnsPort {
		return
	}
	k.client, k.resolver = dst, src
	q := n.queries[k]
	if q == nil || !q.unanswered() {
		return
	}
	q.answered, q.rcode, q.cut = m, msg.Rcode, msg.Truncated
	for _, rr := range msg.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			if a, ok := netip.AddrFromSlice(rr.A); ok && len(q.answers) < 16 {
				q.answers = append(q.answers, a.Unmap())
			}
		case *dns.AAAA:
			if a, ok := netip.AddrFromSlice(rr.AAAA); ok && len(q.answers) < 16 {
				q.answers = append(q.answers, a)
			}
		case *dns.CNAME:
			if len(q.aliases) < 8 {
				q.aliases = append(q.aliases, cutText(strings.TrimSuffix(rr.Target, "."), 255))
			}
		}
	}
	if opt := msg.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok && len(q.extended) < 4 {
				q.extended = append(q.extended, cutText(dns.ExtendedErrorCodeToString[e.InfoCode]+" "+e.ExtraText, 200))
			}
		}
	}
}

// unreachable: an ICMP error came for a query.
func (n *names) unreachable(client, resolver netip.AddrPort) {
	for _, q := range n.order {
		if q.key.client == client && q.key.resolver == resolver {
			q.refused = true
		}
	}
}

// nameOf finds the name that led to an address; empty: none.
func (n *names) nameOf(a netip.Addr) string {
	for _, q := range n.order {
		if slices.Contains(q.answers, a) {
			return q.name()
		}
	}
	return ""
}

// together tells whether one answer names both addresses.
func (n *names) together(x, y netip.Addr) bool {
	return slices.ContainsFunc(n.order, func(q *query) bool { return slices.Contains(q.answers, x) && slices.Contains(q.answers, y) })
}

func (q *query) name() string { return cutText(strings.TrimSuffix(q.key.name, "."), 255) }

// forAddress tells whether an address was asked for.
func (q *query) forAddress() bool {
	return q.key.qtype == dns.TypeA || q.key.qtype == dns.TypeAAAA
}
