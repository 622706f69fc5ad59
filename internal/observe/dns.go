package observe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Question asks one name server one thing.
type Question struct {
	Name             string // fully qualified or not; taken as it is, with a dot added
	Type             string // A, AAAA, CNAME, SOA, NS, PTR …
	CheckingDisabled bool   // CD bit (RFC 4035 §3.2.2): no validation of signatures
	Validated        bool   // AD bit (RFC 6840 §5.7): say whether the signatures were validated
}

// Record is one resource record.
type Record struct {
	Name string `json:"name"`
	Type string `json:"type"`
	TTL  uint32 `json:"ttl"`
	Data string `json:"data"`
}

// Reply is what a name server said.
type Reply struct {
	Step
	Rcode     string   `json:"rcode,omitempty"` // NOERROR, NXDOMAIN, SERVFAIL, REFUSED …
	Answer    []Record `json:"answer,omitempty"`
	Authority []Record `json:"authority,omitempty"`
	Tries     int      `json:"tries,omitempty"`
	// Authenticated: the name server says that it validated the signatures of all
	// of it (AD bit, RFC 4035 §3.2.3), and was asked to say.
	Authenticated bool `json:"authenticated,omitempty"`
}

// Addresses returns the addresses in the answer.
func (r Reply) Addresses() []netip.Addr {
	var out []netip.Addr
	for _, rr := range r.Answer {
		if rr.Type == "A" || rr.Type == "AAAA" {
			if a, err := netip.ParseAddr(rr.Data); err == nil {
				out = append(out, a)
			}
		}
	}
	return out
}

// maxRecords bounds what is kept of an answer.
const maxRecords = 64

// Ask sends a question to one name server: by UDP, twice if the first is lost,
// then by TCP when the answer was cut short.
func (w *World) Ask(ctx context.Context, server netip.AddrPort, q Question, timeout time.Duration) Reply {
	name := "dns " + server.String() + " " + q.Type + " " + q.Name
	if q.CheckingDisabled {
		name += " cd"
	}
	return do(w, name, func() Reply { return askLive(ctx, server, q, timeout) })
}

func askLive(ctx context.Context, server netip.AddrPort, q Question, timeout time.Duration) Reply {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name), dns.StringToType[q.Type])
	m.CheckingDisabled = q.CheckingDisabled
	m.AuthenticatedData = q.Validated
	m.SetEdns0(1232, false)
	var r Reply
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	in, tries, err := askUDP(ctx, server, m, timeout)
	r.Tries = tries
	if err == nil && in.Truncated {
		c := &dns.Client{Net: "tcp", Timeout: timeout}
		in, _, err = c.ExchangeContext(ctx, m, server.String())
	}
	r.Took = time.Since(start)
	if err != nil {
		r.Failure, r.Errno = classify(err)
		if r.Failure == OtherFailure && strings.Contains(err.Error(), "dns: ") {
			r.Failure = Malformed
		}
		return r
	}
	r.Rcode = dns.RcodeToString[in.Rcode]
	r.Authenticated = q.Validated && in.AuthenticatedData
	r.Answer, r.Authority = records(in.Answer), records(in.Ns)
	return r
}

// askUDP sends the question, and once more when half of the time is over. Both
// go out by one socket, so that a late answer to the first is taken as well.
func askUDP(ctx context.Context, server netip.AddrPort, m *dns.Msg, timeout time.Duration) (in *dns.Msg, tries int, err error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "udp", server.String())
	if err != nil {
		return nil, 1, err
	}
	defer nc.Close()
	conn := &dns.Conn{Conn: nc, UDPSize: 1232}
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Now()) })
	defer stop()
	end := time.Now().Add(timeout)
	for tries = 1; tries <= 2; tries++ {
		_ = nc.SetDeadline(time.Now().Add(time.Until(end) / time.Duration(3-tries)))
		if tries == 2 {
			// Some firewalls drop what has an OPT record; the C library sends none.
			m = m.Copy()
			m.Extra = nil
		}
		if err = conn.WriteMsg(m); err != nil {
			return nil, tries, err
		}
		for {
			if in, err = conn.ReadMsg(); err != nil {
				break
			}
			if in.Id == m.Id {
				return in, tries, nil
			}
		}
		if ctx.Err() != nil {
			return nil, tries, ctx.Err()
		}
		if f, _ := classify(err); f != Timeout {
			return nil, tries, err
		}
	}
	return nil, 2, err
}

func records(in []dns.RR) []Record {
	out := make([]Record, 0, min(len(in), maxRecords))
	for _, rr := range in[:min(len(in), maxRecords)] {
		h := rr.Header()
		data := strings.TrimPrefix(rr.String(), h.String())
		switch v := rr.(type) {
		case *dns.A:
			data = v.A.String()
		case *dns.AAAA:
			data = v.AAAA.String()
		case *dns.CNAME:
			data = v.Target
		case *dns.PTR:
			data = v.Ptr
		}
		out = append(out, Record{Name: h.Name, Type: dns.TypeToString[h.Rrtype], TTL: h.Ttl, Data: data})
	}
	// Servers rotate their answers; order must not tell two runs apart.
	if slices.ContainsFunc(out, func(r Record) bool { return r.Type == "A" || r.Type == "AAAA" }) {
		slices.SortStableFunc(out, func(a, b Record) int {
			if a.Type == b.Type && a.Name == b.Name {
				return strings.Compare(a.Data, b.Data)
			}
			return 0
		})
	}
	return out
}

// Looked is the answer of the system's own resolver.
type Looked struct {
	Step
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// Lookup asks the system's resolver, the way other programs do.
func (w *World) Lookup(ctx context.Context, host string, timeout time.Duration) Looked {
	return do(w, "lookup "+host, func() Looked {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		start := time.Now()
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		l := Looked{Step: Step{Took: time.Since(start)}}
		l.Failure, l.Errno = classify(err)
		for _, a := range addrs {
			l.Addresses = append(l.Addresses, a.Unmap())
		}
		slices.SortFunc(l.Addresses, netip.Addr.Compare)
		return l
	})
}

// ReverseName gives the name under which an address has its PTR record.
func ReverseName(a netip.Addr) string {
	name, err := dns.ReverseAddr(a.String())
	if err != nil {
		return ""
	}
	return name
}

// ResolverConfig is what resolv.conf(5) says.
type ResolverConfig struct {
	Servers []netip.AddrPort
	Search  []string
	Ndots   int
	Timeout time.Duration // per try; resolv.conf's default is 5 s
}

// ParseResolvConf reads resolv.conf(5). As the C library does, it takes the
// first three servers and the last search or domain line.
func ParseResolvConf(text string) ResolverConfig {
	c := ResolverConfig{Ndots: 1, Timeout: 5 * time.Second}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") || strings.HasPrefix(f[0], ";") {
			continue
		}
		switch f[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(f[1]); err == nil && len(c.Servers) < 3 {
				c.Servers = append(c.Servers, netip.AddrPortFrom(a, 53))
			}
		case "search", "domain":
			c.Search = f[1:]
		case "options":
			for _, o := range f[1:] {
				name, value, _ := strings.Cut(o, ":")
				n, err := strconv.Atoi(value)
				if err != nil {
					continue
				}
				switch name {
				case "ndots":
					c.Ndots = min(max(n, 0), 15)
				case "timeout":
					c.Timeout = time.Duration(min(max(n, 1), 30)) * time.Second
				}
			}
		}
	}
	return c
}
