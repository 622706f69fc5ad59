package capture

import (
	"encoding/binary"
	"net/netip"
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
func (a *Analysis) frame(f frame) {
	if f.m.at.IsZero() {
		f.m.at = a.last.at
	}
	if a.first.packet == 0 {
		a.first = f.m
	}
	a.last = f.m
	if f.cut {
		a.snapped++
	}
	b := f.data
	kind := uint16(0)
	switch f.link {
	case linkEthernet:
		if len(b) < 14 {
			return
		}
		kind, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	case linkSLL:
		if len(b) < 16 {
			return
		}
		kind, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case linkSLL2:
		if len(b) < 20 {
			return
		}
		kind, b = binary.BigEndian.Uint16(b), b[20:]
	case linkNull, linkLoop:
		if len(b) < 5 {
			return
		}
		b = b[4:]
	case linkRaw, linkRaw12, linkRaw14, linkIPv4, linkIPv6:
	default:
		a.unread[f.link]++
		return
	}
	for tags := 0; (kind == 0x8100 || kind == 0x88a8 || kind == 0x9100) && len(b) >= 4 && tags < 4; tags++ {
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if kind == 0x8864 && len(b) >= 8 { // PPPoE
		b = b[8:]
		kind = 0
	}
	if kind == 0 && len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			kind = etherIPv4
		case 6:
			kind = etherIPv6
		}
	}
	switch kind {
	case etherIPv4:
		a.ipv4(f.m, b, f.cut)
	case etherIPv6:
		a.ipv6(f.m, b, f.cut)
	case etherARP:
		a.arp(f.m, b)
	}
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
	src, dst netip.Addr
	ttl      uint8
	proto    uint8
	body     []byte
	cut      bool
}

func (a *Analysis) ipv4(m moment, b []byte, cut bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || head > len(b) {
		return
	}
	if total >= head && total <= len(b) {
		b = b[:total] // what is behind is padding
	}
	p := packet{m: m, src: netip.AddrFrom4([4]byte(b[12:16])), dst: netip.AddrFrom4([4]byte(b[16:20])), ttl: b[8], proto: b[9], body: b[head:], cut: cut}
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 {
		key := fragmentKey{p.src, p.dst, uint32(binary.BigEndian.Uint16(b[4:])), p.proto}
		if p.body = a.fragment(key, int(frag&0x1fff)*8, frag&0x2000 != 0, p.body); p.body == nil {
			return
		}
	}
	a.ip(p)
}

func (a *Analysis) ipv6(m moment, b []byte, cut bool) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 && 40+n <= len(b) {
		b = b[:40+n]
	}
	p := packet{m: m, src: netip.AddrFrom16([16]byte(b[8:24])), dst: netip.AddrFrom16([16]byte(b[24:40])), ttl: b[7], proto: b[6], body: b[40:], cut: cut}
	for range 8 { // extension headers (RFC 8200 §4)
		switch p.proto {
		case 0, 43, 60: // hop-by-hop, routing, destination
			if len(p.body) < 8 || len(p.body) < 8+int(p.body[1])*8 {
				return
			}
			p.proto, p.body = p.body[0], p.body[8+int(p.body[1])*8:]
			continue
		case 44: // fragment
			if len(p.body) < 8 {
				return
			}
			next, field := p.body[0], binary.BigEndian.Uint16(p.body[2:])
			key := fragmentKey{p.src, p.dst, binary.BigEndian.Uint32(p.body[4:]), next}
			p.proto = next
			if p.body = a.fragment(key, int(field&^7), field&1 != 0, p.body[8:]); p.body == nil {
				return
			}
			continue
		}
		break
	}
	a.ip(p)
}

// fragmentKey tells the fragments of one packet from others.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

// fragmented is a packet of which some fragments came.
type fragmented struct {
	body []byte
	have int
	size int // of the whole; 0: not known yet
}

const (
	maxFragmented = 64
	maxWhole      = 65535
)

// fragment keeps a fragment, and returns the whole packet with its last one.
// Overlapping fragments count twice, and such a packet never gets whole: they
// are an attack.
func (a *Analysis) fragment(key fragmentKey, at int, more bool, b []byte) []byte {
	if at == 0 && !more {
		return b // a fragment header around a whole packet
	}
	if at+len(b) > maxWhole {
		return nil
	}
	f := a.fragments[key]
	if f == nil {
		if len(a.fragments) >= maxFragmented {
			clear(a.fragments)
		}
		f = &fragmented{}
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
	if f.size == 0 || f.have != f.size {
		return nil
	}
	delete(a.fragments, key)
	return f.body[:f.size]
}

func (a *Analysis) ip(p packet) {
	switch p.proto {
	case 6:
		a.tcp(p)
	case 17:
		if len(p.body) >= 8 {
			src := netip.AddrPortFrom(p.src, binary.BigEndian.Uint16(p.body))
			dst := netip.AddrPortFrom(p.dst, binary.BigEndian.Uint16(p.body[2:]))
			if src.Port() == dnsPort || dst.Port() == dnsPort {
				a.names.packet(p.m, src, dst, p.body[8:])
			}
		}
	case 1, 58:
		a.icmp(p)
	}
}

// icmp takes an ICMP packet (RFC 792, RFC 4443), and for IPv6 those of
// neighbour discovery (RFC 4861 §4.3).
func (a *Analysis) icmp(p packet) {
	b := p.body
	if len(b) < 8 {
		return
	}
	v6 := p.proto == 58
	switch {
	case !v6 && b[0] == 0, v6 && b[0] == 129:
		if _, ok := a.echoes[p.src]; !ok && len(a.echoes) < maxNeighbours {
			a.echoes[p.src] = p.m
		}
		return
	case v6 && b[0] == 135 && len(b) >= 24:
		a.link.packet(p.m, true, [6]byte{}, p.src, netip.AddrFrom16([16]byte(b[8:24])))
		return
	case v6 && b[0] == 136 && len(b) >= 32 && b[24] == 2:
		a.link.packet(p.m, false, [6]byte(b[26:32]), netip.AddrFrom16([16]byte(b[8:24])), p.dst)
		return
	case !v6 && b[0] != 3 && b[0] != 11, v6 && (b[0] < 1 || b[0] > 4):
		return
	}
	e := icmpError{m: p.m, sender: p.src, typ: b[0], code: b[1], v6: v6, mtu: int(binary.BigEndian.Uint16(b[6:]))}
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
