package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"net/netip"
	"time"
)

// The tests' packets are built by hand: each test states the bytes that it is about.

var (
	testClient  = netip.MustParseAddrPort("192.0.2.10:40000")
	testServer  = netip.MustParseAddrPort("198.51.100.21:21")
	testClient6 = netip.MustParseAddrPort("[2001:db8::10]:40000")
	testServer6 = netip.MustParseAddrPort("[2001:db8::21]:21")
	testBegin   = instant(time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC).UnixNano())
)

// tcpOf is a segment to be built.
type tcpOf struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	window   uint16
	mss      uint16
	payload  []byte
	ttl      byte
	id       uint16
}

func (x tcpOf) bytes() []byte {
	head := 20
	if x.mss != 0 {
		head = 24
	}
	b := make([]byte, head, head+len(x.payload))
	binary.BigEndian.PutUint16(b, x.src.Port())
	binary.BigEndian.PutUint16(b[2:], x.dst.Port())
	binary.BigEndian.PutUint32(b[4:], x.seq)
	binary.BigEndian.PutUint32(b[8:], x.ack)
	b[12], b[13] = byte(head/4)<<4, x.flags
	binary.BigEndian.PutUint16(b[14:], x.window)
	if x.mss != 0 {
		b[20], b[21] = 2, 4
		binary.BigEndian.PutUint16(b[22:], x.mss)
	}
	return append(b, x.payload...)
}

// ip wraps it in IPv4 or IPv6.
func (x tcpOf) ip() []byte {
	ttl := x.ttl
	if ttl == 0 {
		ttl = 64
	}
	return ipPacket(x.src.Addr(), x.dst.Addr(), 6, ttl, x.id, 0, x.bytes())
}

// ipPacket builds a packet; fragment is the field of IPv4's header.
func ipPacket(src, dst netip.Addr, proto, ttl byte, id, fragment uint16, body []byte) []byte {
	if src.Is6() {
		b := make([]byte, 40, 40+len(body))
		b[0], b[6], b[7] = 0x60, proto, ttl
		binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
		copy(b[8:], src.AsSlice())
		copy(b[24:], dst.AsSlice())
		return append(b, body...)
	}
	b := make([]byte, 20, 20+len(body))
	b[0], b[8], b[9] = 0x45, ttl, proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(body)))
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], fragment)
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	return append(b, body...)
}

func udpPacket(src, dst netip.AddrPort, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	return ipPacket(src.Addr(), dst.Addr(), 17, 64, 0, 0, append(b, payload...))
}

// etherKind is the type of an IP packet.
func etherKind(ip []byte) uint16 {
	if ip[0]>>4 == 6 {
		return etherIPv6
	}
	return etherIPv4
}

func ethernet(kind uint16, body []byte) []byte {
	b := make([]byte, 12, 14+len(body))
	b = binary.BigEndian.AppendUint16(b, kind)
	return append(b, body...)
}

// pcapFile is a capture that grows.
type pcapFile struct {
	bytes.Buffer
	order binary.ByteOrder
	nano  bool
	at    instant
}

func newPcap(link uint32) *pcapFile { return newPcapOf(link, binary.LittleEndian, false) }

func newPcapOf(link uint32, order binary.ByteOrder, nano bool) *pcapFile {
	f := &pcapFile{order: order, nano: nano, at: testBegin}
	head := make([]byte, 24)
	order.PutUint32(head, pcapMagic)
	if nano {
		order.PutUint32(head, pcapNanoMagic)
	}
	order.PutUint16(head[4:], 2)
	order.PutUint16(head[6:], 4)
	order.PutUint32(head[16:], 262144)
	order.PutUint32(head[20:], link)
	f.Write(head)
	return f
}

// add writes a packet a millisecond after the one before it.
func (f *pcapFile) add(data []byte) { f.addCut(data, len(data)) }

// addCut keeps only the beginning of it.
func (f *pcapFile) addCut(data []byte, keep int) {
	head := make([]byte, 16)
	part := f.at.time().Nanosecond()
	if !f.nano {
		part /= 1000
	}
	f.order.PutUint32(head, uint32(f.at.time().Unix()))
	f.order.PutUint32(head[4:], uint32(part))
	f.order.PutUint32(head[8:], uint32(min(keep, len(data))))
	f.order.PutUint32(head[12:], uint32(len(data)))
	f.Write(head)
	f.Write(data[:min(keep, len(data))])
	f.at = f.at.Add(time.Millisecond)
}

// talk is a connection whose packets are built one after the other.
type talk struct {
	f              *pcapFile
	client, server netip.AddrPort
	seq            [2]uint32
	id             uint16
	ttl            [2]byte
	mss            uint16
}

func newTalk(f *pcapFile) *talk {
	return &talk{f: f, client: testClient, server: testServer, seq: [2]uint32{1000, 0xfffffff0}, ttl: [2]byte{64, 57}, mss: 1460}
}

// segment builds one of a side, at a distance from where its stream stands.
func (k *talk) segment(from side, flags byte, offset int, payload string) []byte {
	k.id++
	x := tcpOf{src: k.client, dst: k.server, seq: k.seq[from] + uint32(offset), ack: k.seq[from.other()], flags: flags, window: 512, payload: []byte(payload), ttl: k.ttl[from], id: k.id}
	if from == fromServer {
		x.src, x.dst = x.dst, x.src
	}
	if flags&flagSYN != 0 {
		x.mss = k.mss
	}
	if flags&flagACK == 0 {
		x.ack = 0
	}
	return ethernet(etherKind(x.ip()), x.ip())
}

// say sends what is next in the stream of a side.
func (k *talk) say(from side, payload string) {
	k.f.add(k.segment(from, flagACK|8, 0, payload))
	k.seq[from] += uint32(len(payload))
}

func (k *talk) ack(from side) { k.f.add(k.segment(from, flagACK, 0, "")) }

func (k *talk) open() {
	k.f.add(k.segment(fromClient, flagSYN, 0, ""))
	k.seq[fromClient]++
	k.f.add(k.segment(fromServer, flagSYN|flagACK, 0, ""))
	k.seq[fromServer]++
	k.ack(fromClient)
}

func (k *talk) close(from side) {
	k.f.add(k.segment(from, flagFIN|flagACK, 0, ""))
	k.seq[from]++
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// pcapngOf wraps packets of Ethernet in pcapng, with a clock of the resolution.
func pcapngOf(order binary.AppendByteOrder, resolution byte, perSecond uint64, packets ...[]byte) []byte {
	block := func(kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(len(body) + 12)
		b := order.AppendUint32(nil, kind)
		b = order.AppendUint32(b, n)
		b = append(b, body...)
		return order.AppendUint32(b, n)
	}
	section := order.AppendUint32(nil, byteOrderMagic)
	section = order.AppendUint16(section, 1)
	section = order.AppendUint16(section, 0)
	section = append(section, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	out := block(blockSection, section)
	out = append(out, block(0xbad, []byte("a block of somebody's own, passed over"))...)
	device := order.AppendUint16(nil, linkEthernet)
	device = order.AppendUint16(device, 0)
	device = order.AppendUint32(device, 0)
	device = order.AppendUint16(device, optionResolution)
	device = order.AppendUint16(device, 1)
	device = append(device, resolution, 0, 0, 0)
	device = append(device, 0, 0, 0, 0)
	out = append(out, block(blockInterface, device)...)
	at := testBegin
	for _, p := range packets {
		ticks := uint64(at.time().Unix())*perSecond + uint64(float64(at.time().Nanosecond())/1e9*float64(perSecond))
		body := order.AppendUint32(nil, 0)
		body = order.AppendUint32(body, uint32(ticks>>32))
		body = order.AppendUint32(body, uint32(ticks))
		body = order.AppendUint32(body, uint32(len(p)))
		body = order.AppendUint32(body, uint32(len(p)))
		out = append(out, block(blockEnhanced, append(body, p...))...)
		at = at.Add(time.Millisecond)
	}
	return out
}
