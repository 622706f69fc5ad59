package capture

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Link types (https://www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw12    = 12
	linkRaw14    = 14
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// frame takes one packet.
func (a *Analysis) frame(f *frame) {
	if f.m.at.IsZero() {
		f.m.at = a.last.at // blocks without a time
	}
	if a.first.packet == 0 {
		a.first = f.m
	}
	a.last = f.m
	b, kind, ok := unwrap(f.link, f.data)
	if !ok {
		if len(a.unread) < 64 {
			a.unread[f.link]++
		}
		return
	}
	a.p = packet{m: f.m, missing: f.whole - len(f.data)}
	switch kind {
	case etherIPv4:
		a.ipv4(&a.p, b)
	case etherIPv6:
		a.ipv6(&a.p, b)
	case etherARP:
		a.arp(f.m, b)
	}
	if a.count++; a.count >= a.sweepAt {
		a.sweep()
		a.sweepAt = a.count + max(sweepEvery, 16*len(a.conns))
	}
}

const (
	etherVLAN    = 0x8100
	etherService = 0x88a8 // a VLAN within a VLAN (IEEE 802.1ad)
	etherQinQ    = 0x9100 // the same, before the standard
	etherPPPoE   = 0x8864
)

// unwrap takes the link's header off and names the protocol within it; 0: none
// that is known. ok is false for a link that is not read here.
func unwrap(link int, b []byte) (rest []byte, kind uint16, ok bool) {
	switch link {
	case linkEthernet:
		if len(b) < 14 {
			return nil, 0, true
		}
		kind, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	case linkSLL:
		if len(b) < 16 {
			return nil, 0, true
		}
		kind, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case linkSLL2:
		if len(b) < 20 {
			return nil, 0, true
		}
		kind, b = binary.BigEndian.Uint16(b), b[20:]
	case linkNull, linkLoop: // the address family, whose numbers differ by system
		if len(b) < 4 {
			return nil, 0, true
		}
		b = b[4:]
		return b, version(b), true
	case linkRaw, linkRaw12, linkRaw14, linkIPv4, linkIPv6:
		return b, version(b), true
	default:
		return nil, 0, false
	}
	for tags := 0; (kind == etherVLAN || kind == etherService || kind == etherQinQ) && len(b) >= 4 && tags < 4; tags++ {
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if kind == etherPPPoE && len(b) >= 8 { // RFC 2516: six bytes, then PPP's protocol
		b = b[8:]
		kind = version(b)
	}
	return b, kind, true
}

// version tells by the first bits which IP it is.
func version(b []byte) uint16 {
	if len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			return etherIPv4
		case 6:
			return etherIPv6
		}
	}
	return 0
}

// arp takes an ARP packet (RFC 826).
func (a *Analysis) arp(m moment, b []byte) {
	if len(b) < 28 || binary.BigEndian.Uint16(b[2:]) != etherIPv4 || b[4] != 6 || b[5] != 4 {
		return
	}
	op := binary.BigEndian.Uint16(b[6:])
	if op != 1 && op != 2 {
		return
	}
	a.link.packet(m, op == 1, [6]byte(b[8:14]), netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28])))
}

// packet is one IP packet, whole.
type packet struct {
	m        moment
	src, dst [16]byte // IPv4 as RFC 4291 §2.5.5.2 maps it
	v6       bool
	ttl      uint8
	proto    uint8
	id       uint16 // of IPv4
	body     []byte
	missing  int // bytes of the body that the capture lacks
}

func address(b [16]byte) netip.Addr { return netip.AddrFrom16(b).Unmap() }

func (a *Analysis) ipv4(p *packet, b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || head > len(b) {
		return
	}
	switch {
	case total == 0: // cut up later, by the network card
	case total < head:
		return
	case total <= len(b):
		b, p.missing = b[:total], 0 // what is behind is padding
	default:
		p.missing = total - len(b)
	}
	p.src[10], p.src[11], p.dst[10], p.dst[11] = 0xff, 0xff, 0xff, 0xff
	copy(p.src[12:], b[12:16])
	copy(p.dst[12:], b[16:20])
	p.id, p.ttl, p.proto, p.body = binary.BigEndian.Uint16(b[4:]), b[8], b[9], b[head:]
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 {
		key := fragmentKey{p.src, p.dst, uint32(p.id), p.proto}
		if p.body = a.fragment(key, p, int(frag&0x1fff)*8, frag&0x2000 != 0, p.body); p.body == nil {
			return
		}
	}
	a.ip(p)
}

func (a *Analysis) ipv6(p *packet, b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	switch n := 40 + int(binary.BigEndian.Uint16(b[4:])); {
	case n == 40: // a jumbogram, or cut up later by the network card
	case n <= len(b):
		b, p.missing = b[:n], 0
	default:
		p.missing = n - len(b)
	}
	p.v6 = true
	copy(p.src[:], b[8:24])
	copy(p.dst[:], b[24:40])
	p.ttl, p.proto, p.body = b[7], b[6], b[40:]
	for range 8 { // extension headers (RFC 8200 §4)
		switch p.proto {
		case 0, 43, 60: // hop-by-hop, routing, destination
			if len(p.body) < 8 || len(p.body) < 8+int(p.body[1])*8 {
				return
			}
			p.proto, p.body = p.body[0], p.body[8+int(p.body[1])*8:]
		case 44: // fragment
			if len(p.body) < 8 {
				return
			}
			next, field := p.body[0], binary.BigEndian.Uint16(p.body[2:])
			key := fragmentKey{p.src, p.dst, binary.BigEndian.Uint32(p.body[4:]), next}
			p.proto = next
			if p.body = a.fragment(key, p, int(field&^7), field&1 != 0, p.body[8:]); p.body == nil {
				return
			}
		default:
			a.ip(p)
			return
		}
	}
}

// fragmentKey tells the fragments of one packet from others.
type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	proto    uint8
}

// fragmented is a packet of which some fragments came.
type fragmented struct {
	body  []byte
	have  int
	size  int // of the whole; 0: not known yet
	began instant
}

const (
	maxFragmented = 64
	maxWhole      = 65535
	// fragmentsWait is how long a receiver waits for the rest (RFC 8200 §4.5).
	fragmentsWait = time.Minute
)

// fragment keeps a fragment, and returns the whole packet with its last one.
// Overlapping fragments count twice, and such a packet never gets whole: they
// are an attack (RFC 5722).
func (a *Analysis) fragment(key fragmentKey, p *packet, at int, more bool, b []byte) []byte {
	if at == 0 && !more {
		return b // a fragment header around a whole packet
	}
	if at+len(b) > maxWhole || p.missing > 0 {
		a.unjoined++
		return nil
	}
	f := a.fragments[key]
	if f != nil && p.m.at.Sub(f.began) > fragmentsWait {
		a.unjoined++
		f = nil
	}
	if f == nil {
		if len(a.fragments) >= maxFragmented {
			a.unjoined += len(a.fragments)
			clear(a.fragments)
		}
		f = &fragmented{began: p.m.at}
		a.fragments[key] = f
	}
	if len(f.body) < at+len(b) {
		f.body = append(f.body, make([]byte, at+len(b)-len(f.body))...)
	}
	copy(f.body[at:], b)
	f.have += len(b)
	if !more {
		f.size = at + len(b)
	}
	if f.size == 0 || f.have != f.size || f.size > len(f.body) {
		return nil
	}
	delete(a.fragments, key)
	return f.body[:f.size]
}

func (a *Analysis) ip(p *packet) {
	switch p.proto {
	case 6:
		a.tcp(p)
	case 17:
		if len(p.body) >= 8 {
			from, to := binary.BigEndian.Uint16(p.body), binary.BigEndian.Uint16(p.body[2:])
			if from == dnsPort || to == dnsPort {
				a.names.packet(p.m, netip.AddrPortFrom(address(p.src), from), netip.AddrPortFrom(address(p.dst), to), p.body[8:])
			}
		}
	case 1, 58:
		a.icmp(p)
	}
}

// icmp takes an ICMP packet (RFC 792, RFC 4443), and for IPv6 those of
// neighbour discovery (RFC 4861 §4.3).
func (a *Analysis) icmp(p *packet) {
	b := p.body
	if len(b) < 8 {
		return
	}
	v6 := p.proto == 58
	switch {
	case !v6 && b[0] == 0, v6 && b[0] == 129:
		if _, ok := a.echoes[address(p.src)]; !ok && len(a.echoes) < maxNeighbours {
			a.echoes[address(p.src)] = p.m
		}
		return
	case v6 && b[0] == 135 && len(b) >= 24:
		a.link.packet(p.m, true, [6]byte{}, address(p.src), netip.AddrFrom16([16]byte(b[8:24])))
		return
	case v6 && b[0] == 136 && len(b) >= 32 && b[24] == 2:
		a.link.packet(p.m, false, [6]byte(b[26:32]), netip.AddrFrom16([16]byte(b[8:24])), address(p.dst))
		return
	case !v6 && b[0] != 3 && b[0] != 11, v6 && (b[0] < 1 || b[0] > 4):
		return
	}
	e := icmpError{m: p.m, sender: address(p.src), typ: b[0], code: b[1], v6: v6, mtu: int(binary.BigEndian.Uint16(b[6:]))}
	if v6 {
		e.mtu = int(binary.BigEndian.Uint32(b[4:]))
	}
	proto, ok := e.quote(b[8:])
	if !ok {
		return
	}
	switch proto {
	case 6:
		if f := a.flows[keyOf(e.from, e.quoted)]; f != nil && len(f.c.story.icmp) < maxICMP {
			f.c.story.icmp = append(f.c.story.icmp, e)
		}
	case 17:
		if e.quoted.Port() == dnsPort {
			a.names.unreachable(e.from, e.quoted)
		}
	}
}

// quote reads the head of the packet that an error quotes.
func (e *icmpError) quote(b []byte) (proto uint8, ok bool) {
	var src, dst netip.Addr
	switch {
	case !e.v6 && len(b) >= 28 && b[0]>>4 == 4:
		head := int(b[0]&15) * 4
		if head < 20 || len(b) < head+4 {
			return 0, false
		}
		src, dst, proto, e.quoteTTL = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9], b[8]
		b = b[head:]
	case e.v6 && len(b) >= 44 && b[0]>>4 == 6:
		src, dst, proto, e.quoteTTL = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6], b[7]
		b = b[40:]
	default:
		return 0, false
	}
	e.from = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	e.quoted = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return proto, true
}
