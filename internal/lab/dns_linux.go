package lab

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Zone is what a resolver of the lab answers from: records, and names that
// misbehave. It may be changed while it is served.
type Zone struct {
	mu      sync.Mutex
	records []dns.RR
	quirks  map[string]Quirk
}

// Quirk is how the resolver misbehaves for a name. The zero value does not.
type Quirk struct {
	Rcode  int           // dns.RcodeServerFailure, …; 0: as the records say
	Bogus  bool          // SERVFAIL unless the query has CD set: a validating resolver and a broken signature
	Signed bool          // a validating resolver and a good signature: AD, to who asks for it
	Silent bool          // no answer at all
	NoAAAA bool          // no answer to AAAA queries
	Delay  time.Duration // before the answer
}

// anyName is the key of the quirk of all names.
const anyName = "*"

// NewZone makes a zone from lines of a zone file, with full owner names.
func NewZone(lines ...string) (*Zone, error) {
	z := &Zone{quirks: map[string]Quirk{}}
	return z, z.Add(lines...)
}

func defaultZone() *Zone {
	z, err := NewZone(
		". SOA a.root. admin.root. 1 3600 600 86400 60",
		"example. SOA ns.lab.example. admin.lab.example. 1 3600 600 86400 60",
		"example. NS ns.lab.example.",
		"lab.example. SOA ns.lab.example. admin.lab.example. 1 3600 600 86400 60",
		"lab.example. NS ns.lab.example.",
		"ns.lab.example. A "+ResolverIP,
		"ftp.lab.example. A "+ServerIP,
		"10.100.51.198.in-addr.arpa. PTR ftp.lab.example.",
		"2.113.0.203.in-addr.arpa. PTR host2.customer.example.",
		"host2.customer.example. A "+PublicIP,
	)
	if err != nil {
		panic(err) // the lines above
	}
	return z
}

// Add adds records, written as in a zone file with full owner names; the TTL is
// 60 s unless given.
func (z *Zone) Add(lines ...string) error {
	for _, l := range lines {
		rr, err := dns.NewRR("$TTL 60\n" + l)
		if err != nil {
			return fmt.Errorf("zone line %q: %w", l, err)
		}
		z.mu.Lock()
		z.records = append(z.records, rr)
		z.mu.Unlock()
	}
	return nil
}

// Remove removes all records of the names.
func (z *Zone) Remove(names ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, name := range names {
		z.records = slices.DeleteFunc(z.records, func(rr dns.RR) bool {
			return strings.EqualFold(rr.Header().Name, dns.Fqdn(name))
		})
	}
}

// Replace removes all records of the owner names of lines, then adds lines.
func (z *Zone) Replace(lines ...string) error {
	for _, l := range lines {
		owner, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		z.Remove(owner)
	}
	return z.Add(lines...)
}

// Quirk makes one name, or all ("*"), misbehave.
func (z *Zone) Quirk(name string, q Quirk) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if name != anyName {
		name = strings.ToLower(dns.Fqdn(name))
	}
	z.quirks[name] = q
}

// Clone returns a copy, for a second resolver that disagrees.
func (z *Zone) Clone() *Zone {
	z.mu.Lock()
	defer z.mu.Unlock()
	c := &Zone{records: slices.Clone(z.records), quirks: map[string]Quirk{}}
	maps.Copy(c.quirks, z.quirks)
	return c
}

// lookup returns the records of a name and type, and whether the name exists
// (has records, or has names below it).
func (z *Zone) lookup(name string, qtype uint16) (found []dns.RR, exists bool) {
	name = strings.ToLower(name)
	for _, rr := range z.records {
		owner := strings.ToLower(rr.Header().Name)
		if owner == name {
			exists = true
			if rr.Header().Rrtype == qtype || qtype == dns.TypeANY || (rr.Header().Rrtype == dns.TypeCNAME && qtype != dns.TypeCNAME) {
				found = append(found, rr)
			}
		}
		if name == "." || strings.HasSuffix(owner, "."+name) {
			exists = true
		}
	}
	return found, exists
}

// answer makes the reply to a query; nil means silence.
func (z *Zone) answer(req *dns.Msg) (*dns.Msg, time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg).SetReply(req)
	m.RecursionAvailable = true
	if opt := req.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
	}
	if len(req.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return m, 0
	}
	q := req.Question[0]
	quirk, ok := z.quirks[strings.ToLower(q.Name)]
	if !ok {
		quirk = z.quirks[anyName]
	}
	switch {
	case quirk.Silent, quirk.NoAAAA && q.Qtype == dns.TypeAAAA:
		return nil, 0
	case quirk.Rcode != 0:
		m.Rcode = quirk.Rcode
		return m, quirk.Delay
	case quirk.Bogus && !req.CheckingDisabled:
		m.Rcode = dns.RcodeServerFailure
		if opt := m.IsEdns0(); opt != nil {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus})
		}
		return m, quirk.Delay
	}
	m.AuthenticatedData = quirk.Signed && req.AuthenticatedData
	name := q.Name
	for range 8 { // a chain of aliases
		found, exists := z.lookup(name, q.Qtype)
		if !exists {
			m.Rcode = dns.RcodeNameError
		}
		m.Answer = append(m.Answer, found...)
		alias, ok := firstAlias(found)
		if !ok || q.Qtype == dns.TypeANY {
			if len(found) == 0 {
				m.Ns = append(m.Ns, z.authority(name)...)
			}
			break
		}
		name = alias
	}
	return m, quirk.Delay
}

func firstAlias(rrs []dns.RR) (string, bool) {
	for _, rr := range rrs {
		if c, ok := rr.(*dns.CNAME); ok {
			return c.Target, true
		}
	}
	return "", false
}

// authority returns the SOA of the nearest zone above name.
func (z *Zone) authority(name string) []dns.RR {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if soa, _ := z.lookup(name[off:], dns.TypeSOA); len(soa) > 0 && soa[0].Header().Rrtype == dns.TypeSOA {
			return soa
		}
	}
	soa, _ := z.lookup(".", dns.TypeSOA)
	return soa
}

// ServeDNS answers on port 53 of every address of the host, over UDP and TCP,
// until the lab is closed.
func (n *Net) ServeDNS(ctx context.Context, h *Host, z *Zone) error {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		m, delay := z.answer(req)
		if m == nil {
			return
		}
		if delay > 0 {
			t := time.NewTimer(delay)
			defer t.Stop()
			<-t.C
		}
		_ = w.WriteMsg(m) // the asker may be gone
	})
	l, err := h.Listen(ctx, "tcp", ":53")
	if err != nil {
		return err
	}
	// A socket per address: an answer from a wildcard socket would leave with
	// whatever address the route prefers.
	addrs, err := h.addresses()
	if err != nil {
		return err
	}
	servers := []*dns.Server{{Listener: l, Handler: handler}}
	for _, a := range addrs {
		c, err := h.ListenPacket(ctx, "udp", net.JoinHostPort(a.String(), "53"))
		if err != nil {
			return err
		}
		servers = append(servers, &dns.Server{PacketConn: c, Handler: handler})
	}
	for _, s := range servers {
		ready, failed := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { failed <- s.ActivateAndServe() }()
		select {
		case <-ready:
		case err := <-failed:
			return fmt.Errorf("serve DNS on %s: %w", h.Name, err)
		}
		n.onClose(func() { _ = s.Shutdown(); <-failed })
	}
	return nil
}

// addresses lists the host's global addresses.
func (h *Host) addresses() ([]net.IP, error) {
	var list []net.IP
	err := h.inside(func() error {
		addrs, err := net.InterfaceAddrs()
		if err != nil {
			return err
		}
		for _, a := range addrs {
			// The loopback interface may carry an address of the outside.
			if ipn, ok := a.(*net.IPNet); ok && ipn.IP.IsGlobalUnicast() {
				list = append(list, ipn.IP)
			}
		}
		return nil
	})
	return list, err
}
