package firewall

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ipset is a set of the kernel's own that iptables asks (ipset(8)).
type ipset struct {
	parts   []string // of an element: ip, net, port, iface
	members []ipMember
	lists   []string // of a list:set
	bad     string   // an element or a type that could not be read
}

// ipMember is one element. A port takes two parts: protocol and number.
type ipMember struct {
	dims    []dim
	nomatch bool
	bits    int // how narrow its networks are: the narrowest decides
}

// ParseIPSets reads what `ipset save` prints. Join its result with the rules
// that ask these sets; sets that nobody supplied make their rules unjudgeable.
func ParseIPSets(save []byte) (*Ruleset, error) {
	rs := &Ruleset{ipsets: map[string]*ipset{}}
	lines := bufio.NewScanner(bytes.NewReader(save))
	lines.Buffer(nil, max(64<<10, len(save)+1))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) >= 3 && words[0] == "create":
			s := &ipset{}
			_, parts, ok := strings.Cut(words[2], ":")
			if s.parts = strings.Split(parts, ","); !ok {
				s.bad = "set type " + words[2]
			}
			rs.ipsets[words[1]] = s
		case len(words) >= 3 && words[0] == "add" && rs.ipsets[words[1]] != nil:
			rs.ipsets[words[1]].add(words[2], slices.Contains(words[3:], "nomatch"))
		default:
			return nil, fmt.Errorf("read ipset save: line %d is neither set nor element", n)
		}
	}
	return rs, lines.Err()
}

// add takes in an element such as "192.0.2.0/24,tcp:21".
func (s *ipset) add(text string, nomatch bool) {
	if len(s.parts) == 1 && s.parts[0] == "set" {
		s.lists = append(s.lists, text)
		return
	}
	m := ipMember{nomatch: nomatch}
	values := strings.Split(text, ",")
	if len(values) != len(s.parts) {
		s.bad = text
		return
	}
	for i, v := range values {
		switch s.parts[i] {
		case "ip", "net":
			d, bits, ok := addressDim(v)
			if !ok {
				s.bad = text
				return
			}
			m.dims, m.bits = append(m.dims, d), m.bits+bits
		case "port":
			proto, port, both := strings.Cut(v, ":")
			if !both {
				proto, port = "", v
			}
			n, known := numberOf(protocols, proto)
			lo, hi, ranged := strings.Cut(port, "-")
			if !ranged {
				hi = lo
			}
			a, ok1 := kPort.parse(lo)
			b, ok2 := kPort.parse(hi)
			if !ok1 || !ok2 || both && (!known || !hasPorts(Proto(n))) {
				s.bad = text
				return
			}
			m.dims = append(m.dims, dim{span: single(num(n)), any: !both}, dim{span: span{a, b}})
		case "iface":
			m.dims = append(m.dims, dim{isText: true, text: v})
		default:
			s.bad = text
			return
		}
	}
	s.members = append(s.members, m)
}

func addressDim(v string) (dim, int, bool) {
	if from, to, ranged := strings.Cut(v, "-"); ranged {
		a, err1 := netip.ParseAddr(from)
		b, err2 := netip.ParseAddr(to)
		if err1 != nil || err2 != nil || a.Is4() != b.Is4() {
			return dim{}, 0, false
		}
		return dim{span: span{addressValue(a), addressValue(b)}}, 0, true
	}
	p, err := parsePrefix(v)
	if err != nil {
		return dim{}, 0, false
	}
	return dim{span: prefixSpan(p)}, p.Bits(), true
}

// member tells whether the packet is in the set. directions say for each part
// of an element whether to look at the source or the destination.
func (s *ipset) member(r *run, t *thread, directions []string, depth int) (tri, string) {
	if len(s.lists) > 0 {
		return s.listed(r, t, directions, depth)
	}
	if s.bad != "" && len(s.members) == 0 {
		return maybe, s.bad
	}
	if len(directions) < len(s.parts) {
		return no, ""
	}
	var keys []operand
	for i, part := range s.parts {
		src := directions[i] == "src"
		load := func(from, to field) operand {
			k := key{field: to}
			if src {
				k.field = from
			}
			return k.load(r, t)
		}
		switch part {
		case "ip", "net":
			keys = append(keys, load(fSource, fDestination))
		case "port":
			keys = append(keys, load(fProtocol, fProtocol), load(fSourcePort, fDestinationPort))
		case "iface":
			keys = append(keys, load(fIn, fOut))
		default:
			return maybe, s.bad
		}
	}
	best, found, why := -1, no, s.bad
	for _, m := range s.members {
		sure, reason := (element{dims: m.dims}).match(r, keys)
		switch {
		case sure == maybe:
			found, why = maybe, reason
		case sure == yes && found != maybe && m.bits > best:
			best, found = m.bits, truth(!m.nomatch)
		}
	}
	if found == no && s.bad != "" {
		return maybe, s.bad
	}
	return found, why
}

func (s *ipset) listed(r *run, t *thread, directions []string, depth int) (tri, string) {
	out, why := no, ""
	for _, name := range s.lists {
		other := r.rs.ipsets[name]
		if other == nil || depth > 8 {
			return maybe, "ipset " + name
		}
		found, reason := other.member(r, t, directions, depth+1)
		if found == yes {
			return yes, ""
		}
		if found == maybe {
			out, why = maybe, reason
		}
	}
	return out, why
}

// matchSet reads module set.
func (p *ruleParser) matchSet(of []option, text string) bool {
	if len(of) != 1 || of[0].name != "--match-set" || len(of[0].values) != 2 {
		return false
	}
	o := of[0]
	directions := strings.Split(o.values[1], ",")
	p.targets = append(p.targets, o.values[0])
	p.add(&test{text, func(r *run, t *thread) (tri, string) {
		s := r.rs.ipsets[o.values[0]]
		if s == nil {
			return maybe, "the content of ipset " + o.values[0]
		}
		found, why := s.member(r, t, directions, 0)
		if found == no && strings.Contains(t.touched, "\x00"+o.values[0]+"\x00") {
			found, why = maybe, ""
		}
		if o.negate {
			found = found.not()
		}
		return found, why
	}})
	return true
}
