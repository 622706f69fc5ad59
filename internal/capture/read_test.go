package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func readBytes(t testing.TB, b []byte) *Analysis {
	t.Helper()
	a, err := Read(t.Context(), bytes.NewReader(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The same SYN within every link that is read.
func TestLinks(t *testing.T) {
	syn4 := tcpOf{src: testClient, dst: testServer, seq: 1, flags: flagSYN, mss: 1460, ttl: 63}.ip()
	syn6 := tcpOf{src: testClient6, dst: testServer6, seq: 1, flags: flagSYN, mss: 1440, ttl: 63}.ip()
	tag := func(id uint16, kind uint16, body []byte) []byte {
		return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id), kind), body...)
	}
	cooked := func(ip []byte) []byte {
		return append(append(make([]byte, 14), binary.BigEndian.AppendUint16(nil, etherKind(ip))...), ip...)
	}
	cooked2 := func(ip []byte) []byte {
		return append(append(binary.BigEndian.AppendUint16(nil, etherKind(ip)), make([]byte, 18)...), ip...)
	}
	hopByHop := ipPacket(testClient6.Addr(), testServer6.Addr(), 0, 63, 0, 0, append([]byte{6, 0, 1, 4, 0, 0, 0, 0}, syn6[40:]...))
	for _, tt := range []struct {
		name string
		link uint32
		data []byte
		v6   bool
	}{
		{"Ethernet", linkEthernet, ethernet(etherIPv4, syn4), false},
		{"Ethernet with padding", linkEthernet, append(ethernet(etherIPv4, syn4), make([]byte, 10)...), false},
		{"Ethernet, IPv6", linkEthernet, ethernet(etherIPv6, syn6), true},
		{"Ethernet, frame check sequence announced", linkEthernet | 0x24000000, append(ethernet(etherIPv4, syn4), 1, 2, 3, 4), false},
		{"IPv6 with an extension header", linkEthernet, ethernet(etherIPv6, hopByHop), true},
		{"VLAN", linkEthernet, ethernet(etherVLAN, tag(7, etherIPv4, syn4)), false},
		{"VLAN in VLAN", linkEthernet, ethernet(etherService, tag(7, etherVLAN, tag(8, etherIPv6, syn6))), true},
		{"PPPoE", linkEthernet, ethernet(etherPPPoE, append([]byte{0x11, 0, 0, 1, 0, 46, 0, 0x21}, syn4...)), false},
		{"cooked", linkSLL, cooked(syn4), false},
		{"cooked, version 2", linkSLL2, cooked2(syn6), true},
		{"raw", linkRaw, syn4, false},
		{"raw, IPv6", linkRaw12, syn6, true},
		{"IPv4", linkIPv4, syn4, false},
		{"IPv6", linkIPv6, syn6, true},
		{"BSD loopback", linkNull, append([]byte{2, 0, 0, 0}, syn4...), false},
		{"OpenBSD loopback", linkLoop, append([]byte{0, 0, 0, 24}, syn6...), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newPcap(tt.link)
			f.add(tt.data)
			a := readBytes(t, f.Bytes())
			if len(a.conns) != 1 {
				t.Fatalf("found %d connections", len(a.conns))
			}
			c := a.conns[0]
			client, server, mss := testClient, testServer, uint16(1460)
			if tt.v6 {
				client, server, mss = testClient6, testServer6, 1440
			}
			if c.client != client || c.server != server || c.story.synTTL != 63 || c.story.mss[fromClient] != mss || c.story.syn.packet != 1 {
				t.Errorf("got %v → %v, %+v", c.client, c.server, c.story)
			}
		})
	}
}

func TestUnknownLink(t *testing.T) {
	f := newPcap(105) // wireless
	f.add(make([]byte, 60))
	if a := readBytes(t, f.Bytes()); len(a.lacks()) != 1 {
		t.Errorf("a link that is not read: %q", a.lacks())
	}
}

// Every format, order and clock gives the same packets at the same times.
func TestFormats(t *testing.T) {
	one := ethernet(etherIPv4, tcpOf{src: testClient, dst: testServer, seq: 1, flags: flagSYN}.ip())
	two := ethernet(etherIPv4, tcpOf{src: testServer, dst: testClient, seq: 9, ack: 2, flags: flagSYN | flagACK}.ip())
	pcap := func(order binary.ByteOrder, nano bool) []byte {
		f := newPcapOf(linkEthernet, order, nano)
		f.add(one)
		f.add(two)
		return f.Bytes()
	}
	for _, tt := range []struct {
		name string
		file []byte
	}{
		{"pcap", pcap(binary.LittleEndian, false)},
		{"pcap, other order", pcap(binary.BigEndian, false)},
		{"pcap, nanoseconds", pcap(binary.LittleEndian, true)},
		{"pcap, nanoseconds, other order", pcap(binary.BigEndian, true)},
		{"pcap, gzip", gzipped(pcap(binary.LittleEndian, false))},
		{"pcapng", pcapngOf(binary.LittleEndian, 6, 1e6, one, two)},
		{"pcapng, other order", pcapngOf(binary.BigEndian, 6, 1e6, one, two)},
		{"pcapng, nanoseconds", pcapngOf(binary.LittleEndian, 9, 1e9, one, two)},
		{"pcapng, powers of two", pcapngOf(binary.LittleEndian, 0x80|20, 1<<20, one, two)},
		{"pcapng, gzip", gzipped(pcapngOf(binary.BigEndian, 6, 1e6, one, two))},
		{"pcapng, two sections", append(pcapngOf(binary.BigEndian, 6, 1e6), pcapngOf(binary.LittleEndian, 6, 1e6, one, two)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := readBytes(t, tt.file)
			if len(a.conns) != 1 || a.damage != "" {
				t.Fatalf("%d connections, %q", len(a.conns), a.damage)
			}
			s := &a.conns[0].story
			if d := s.syn.at.Sub(testBegin).Abs(); d > 2*time.Microsecond {
				t.Errorf("the first packet is of %v", s.syn.at.time())
			}
			if d := (s.rtt - time.Millisecond).Abs(); d > 2*time.Microsecond {
				t.Errorf("the round trip took %v", s.rtt)
			}
			if s.synAck.packet != a.count {
				t.Errorf("the last packet has number %d of %d", s.synAck.packet, a.count)
			}
		})
	}
}

func TestNoCapture(t *testing.T) {
	for _, text := range []string{"", "\xd4", "220 ready\r\n", "GIF89a", "\x1f\x8b", "\xd4\xc3\xb2\xa1"} {
		if _, err := Read(t.Context(), strings.NewReader(text), Options{}); err == nil {
			t.Errorf("%q passes for a capture", text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, endless(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("reading goes on behind its end: %v", err)
	}
}

// endless is a capture without end.
func endless() io.Reader {
	f := newPcap(linkEthernet)
	head := slices.Clone(f.Bytes())
	f.Reset()
	f.add(make([]byte, 60))
	return io.MultiReader(bytes.NewReader(head), &repeat{b: f.Bytes()})
}

type repeat struct {
	b  []byte
	at int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.b[r.at:])
	r.at = (r.at + n) % len(r.b)
	return n, nil
}

// sample is a whole session, in clear, with a data connection.
func sample() []byte {
	f := newPcap(linkEthernet)
	k := newTalk(f)
	k.open()
	k.say(fromServer, "220 ready\r\n")
	k.say(fromClient, "USER test\r\n")
	k.say(fromServer, "331 password\r\n")
	k.say(fromClient, "PASS "+secretWord+"\r\n")
	k.say(fromServer, "230 welcome\r\n")
	k.say(fromClient, "PASV\r\n")
	k.say(fromServer, "227 Entering Passive Mode (198,51,100,21,195,80)\r\n")
	d := newTalk(f)
	d.client = netip.AddrPortFrom(testClient.Addr(), 40001)
	d.server = netip.AddrPortFrom(testServer.Addr(), 195*256+80)
	d.open()
	k.say(fromClient, "LIST\r\n")
	k.say(fromServer, "150 here it comes\r\n")
	d.say(fromServer, strings.Repeat("-rw-r--r-- 1 0 0 1 Jan 1 00:00 a\r\n", 20))
	d.ack(fromClient)
	d.close(fromServer)
	d.close(fromClient)
	d.ack(fromServer)
	k.say(fromServer, "226 done\r\n")
	k.say(fromClient, "QUIT\r\n")
	k.say(fromServer, "221 bye\r\n")
	k.close(fromServer)
	k.close(fromClient)
	k.ack(fromServer)
	return f.Bytes()
}

const secretWord = "Secret-of-the-sample"

func TestSample(t *testing.T) {
	a := readBytes(t, sample())
	if len(a.conns) != 2 {
		t.Fatalf("found %d connections", len(a.conns))
	}
	d := a.conns[0].dialogue.(*ftpDialogue)
	if !d.loggedIn || !d.quit || len(d.transfers) != 1 || d.transfers[0].conn() != a.conns[1] {
		t.Errorf("the session: %+v", d)
	}
	if s := a.conns[1].story; s.bytes != [2]int64{0, 20 * 34} || s.unacked != [2]int64{} || s.again != [2]int{} {
		t.Errorf("the data connection: %+v", s)
	}
	if all := fmt.Sprintf("%+v", d.lines); strings.Contains(all, secretWord) {
		t.Error("the password is kept")
	}
	if len(a.lacks()) != 0 {
		t.Errorf("lacks %q", a.lacks())
	}
}

// A file that breaks off anywhere is read up to there, and the report says so.
func TestBreaksOff(t *testing.T) {
	whole := sample()
	want := readBytes(t, whole)
	for n := 24; n < len(whole); n++ {
		a := readBytes(t, whole[:n])
		if atBorder := a.damage == ""; atBorder != isBorder(whole, n) {
			t.Fatalf("cut at %d: damage %q", n, a.damage)
		}
		if a.count > want.count || n > 200 && a.count == 0 {
			t.Fatalf("cut at %d: %d packets", n, a.count)
		}
	}
	z := gzipped(whole)
	if a := readBytes(t, z[:len(z)-20]); a.damage == "" || a.count == 0 {
		t.Errorf("a broken gzip file: %d packets, damage %q", a.count, a.damage)
	}
	ng := pcapngOf(binary.LittleEndian, 6, 1e6, make([]byte, 60), make([]byte, 60))
	if a := readBytes(t, ng[:len(ng)-5]); a.damage == "" || a.count != 1 {
		t.Errorf("a broken pcapng file: %d packets, damage %q", a.count, a.damage)
	}
}

// isBorder tells whether a packet of a pcap file ends at n.
func isBorder(b []byte, n int) bool {
	at := 24
	for at < n {
		at += 16 + int(binary.LittleEndian.Uint32(b[at+8:]))
	}
	return at == n
}

func TestDamage(t *testing.T) {
	f := newPcap(linkEthernet)
	f.add(make([]byte, 60))
	at := f.Len()
	f.add(make([]byte, 60))
	b := f.Bytes()
	binary.LittleEndian.PutUint32(b[at+8:], 1<<31)
	if a := readBytes(t, b); a.damage == "" || a.count != 1 {
		t.Errorf("a packet of two gigabytes: %d packets, damage %q", a.count, a.damage)
	}
	ng := pcapngOf(binary.LittleEndian, 6, 1e6, make([]byte, 60), make([]byte, 60))
	for name, spoil := range map[string]func([]byte){
		"size of a block":         func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-92+4:], 13) },
		"huge block":              func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-92+4:], 1<<31) },
		"unknown interface":       func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-92+8:], 9) },
		"more than the block has": func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-92+20:], 1<<20) },
	} {
		b := slices.Clone(ng)
		spoil(b)
		if a := readBytes(t, b); a.damage == "" || a.count != 1 {
			t.Errorf("%s: %d packets, damage %q", name, a.count, a.damage)
		}
	}
}

func TestSnapped(t *testing.T) {
	f := newPcap(linkEthernet)
	k := newTalk(f)
	k.open()
	long := "220 " + strings.Repeat("a", 200) + "\r\n"
	f.addCut(k.segment(fromServer, flagACK, 0, long), 96)
	k.seq[fromServer] += uint32(len(long))
	k.say(fromClient, "QUIT\r\n")
	k.say(fromServer, "221 bye\r\n")
	a := readBytes(t, f.Bytes())
	s := a.conns[0].story
	if !s.snapped || s.bytes[fromServer] != int64(len(long)+9) || s.unacked[fromServer] != 9 {
		t.Errorf("the story: %+v", s)
	}
	if !slices.Contains(a.lacks(), "packets were cut short when they were recorded (snap length): what they carried is known in part") {
		t.Errorf("lacks %q", a.lacks())
	}
	if d := a.conns[0].dialogue.(*ftpDialogue); !d.quit {
		t.Error("what came behind the gap was not read")
	}
}

func TestFragments(t *testing.T) {
	seg := tcpOf{src: testClient, dst: testServer, seq: 5, ack: 1, flags: flagACK, payload: []byte("USER somebody with a long name\r\n")}
	cut := func(id uint16, whole []byte, at, n int, more bool) []byte {
		field := uint16(at / 8)
		if more {
			field |= 0x2000
		}
		return ethernet(etherIPv4, ipPacket(seg.src.Addr(), seg.dst.Addr(), 6, 64, id, field, whole[at:at+n]))
	}
	b := seg.bytes()
	f := newPcap(linkEthernet)
	f.add(cut(1, b, 24, len(b)-24, false)) // the last first
	f.add(cut(1, b, 8, 16, true))
	f.add(cut(1, b, 0, 8, true))
	f.add(cut(2, b, 0, 24, true)) // the rest of this one never comes
	f.add(cut(3, b, 0, 24, true)) // and this one overlaps
	f.add(cut(3, b, 16, 16, true))
	f.add(cut(3, b, 24, len(b)-24, false))
	a := readBytes(t, f.Bytes())
	if len(a.conns) != 1 || a.conns[0].story.bytes[fromClient] != int64(len(seg.payload)) || a.conns[0].story.again[fromClient] != 0 {
		t.Fatalf("%d connections", len(a.conns))
	}
	if a.unjoined != 2 {
		t.Errorf("%d packets never got whole, want 2", a.unjoined)
	}

	seg.src, seg.dst = testClient6, testServer6
	b = seg.bytes()
	cut6 := func(at, n int, more byte) []byte {
		head := []byte{6, 0, byte(at >> 8), byte(at) | more, 0, 0, 0, 7}
		return ethernet(etherIPv6, ipPacket(seg.src.Addr(), seg.dst.Addr(), 44, 64, 0, 0, append(head, b[at:at+n]...)))
	}
	f = newPcap(linkEthernet)
	f.add(cut6(0, 16, 1))
	f.add(cut6(16, len(b)-16, 0))
	if a := readBytes(t, f.Bytes()); len(a.conns) != 1 || a.conns[0].story.bytes[fromClient] != int64(len(seg.payload)) {
		t.Errorf("IPv6: %d connections", len(a.conns))
	}
}

func TestICMP(t *testing.T) {
	router := netip.MustParseAddr("203.0.113.1")
	router6 := netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		name     string
		src, dst netip.AddrPort
		sender   netip.Addr
		typ      byte
		code     byte
		mtu      int
		want     string
	}{
		{"prohibited", testClient, testServer, router, 3, 13, 0, "admin prohibited"},
		{"fragmentation needed", testClient, testServer, router, 3, 4, 1400, "fragmentation needed"},
		{"time exceeded", testClient, testServer, router, 11, 0, 0, "time exceeded"},
		{"IPv6, too big", testClient6, testServer6, router6, 2, 0, 1280, "packet too big"},
		{"IPv6, prohibited", testClient6, testServer6, router6, 1, 1, 0, "admin prohibited"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			syn := tcpOf{src: tt.src, dst: tt.dst, seq: 1, flags: flagSYN, ttl: 3}.ip()
			body := make([]byte, 8)
			body[0], body[1] = tt.typ, tt.code
			proto := byte(1)
			quote := syn[:28]
			if tt.src.Addr().Is6() {
				proto, quote = 58, syn[:48]
				binary.BigEndian.PutUint32(body[4:], uint32(tt.mtu))
			} else {
				binary.BigEndian.PutUint16(body[6:], uint16(tt.mtu))
			}
			f := newPcap(linkEthernet)
			f.add(ethernet(etherKind(syn), syn))
			x := ipPacket(tt.sender, tt.src.Addr(), proto, 60, 0, 0, append(body, quote...))
			f.add(ethernet(etherKind(x), x))
			a := readBytes(t, f.Bytes())
			if len(a.conns) != 1 || len(a.conns[0].story.icmp) != 1 {
				t.Fatalf("%d connections", len(a.conns))
			}
			i := a.conns[0].story.icmp[0]
			if i.sender != tt.sender || i.quoted != tt.dst || i.from != tt.src || i.mtu != tt.mtu || i.quoteTTL != 3 || icmpName(i) != tt.want || i.m.packet != 2 {
				t.Errorf("got %+v (%s)", i, icmpName(i))
			}
		})
	}
}

// Two machines answer for one address.
func TestARPConflict(t *testing.T) {
	f := newPcap(linkEthernet)
	arp := func(op byte, mac byte, sender, target string) {
		b := []byte{0, 1, 8, 0, 6, 4, 0, op, 2, 0, 0, 0, 0, mac}
		b = append(b, netip.MustParseAddr(sender).AsSlice()...)
		b = append(b, 0, 0, 0, 0, 0, 0)
		b = append(b, netip.MustParseAddr(target).AsSlice()...)
		f.add(ethernet(etherARP, b))
	}
	arp(1, 1, "192.0.2.10", "192.0.2.21")
	arp(2, 2, "192.0.2.21", "192.0.2.10")
	arp(2, 3, "192.0.2.21", "192.0.2.10")
	a := readBytes(t, f.Bytes())
	r := a.link.asked[netip.MustParseAddr("192.0.2.21")]
	if r == nil || len(r.macs) != 2 || r.conflict.packet != 3 {
		t.Errorf("the search for the address: %+v", r)
	}
}

// Whatever a capture holds, memory stays bounded, and what matters is kept.
func TestManyConnections(t *testing.T) {
	f := newPcap(linkEthernet)
	k := newTalk(f)
	k.open()
	k.say(fromServer, "220 ready\r\n")
	for i := range 3 * maxConns {
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1234)
		x := tcpOf{src: src, dst: netip.AddrPortFrom(testServer.Addr(), 9999), seq: 1, flags: flagSYN}.ip()
		f.add(ethernet(etherIPv4, x))
	}
	k.say(fromClient, "QUIT\r\n")
	k.say(fromServer, "221 bye\r\n")
	a := readBytes(t, f.Bytes())
	if len(a.conns) > maxConns || a.overflow != 3*maxConns+1-len(a.conns) {
		t.Errorf("kept %d connections, dropped %d", len(a.conns), a.overflow)
	}
	d, ok := a.conns[0].dialogue.(*ftpDialogue)
	if !ok || !d.quit || len(d.lines) != 3 {
		t.Error("the one session that says something was not kept")
	}
	if !slices.Contains(a.lacks(), "the capture holds more connections than are kept apart: some were left out") {
		t.Errorf("lacks %q", a.lacks())
	}
}

// Dialogues beyond the limit are dropped, those without trouble first.
func TestManyDialogues(t *testing.T) {
	f := newPcap(linkEthernet)
	const sessions = 600
	for i := range sessions {
		k := newTalk(f)
		k.client = netip.AddrPortFrom(testClient.Addr(), uint16(20000+i))
		k.open()
		k.say(fromServer, "220 ready\r\n")
		if i == 0 {
			k.say(fromClient, "RETR a\r\n")
			k.say(fromServer, "550 no such file\r\n")
		}
		for range 60 {
			k.say(fromClient, "NOOP\r\n")
			k.say(fromServer, "200 ok\r\n")
		}
		k.close(fromClient)
		k.close(fromServer)
		f.at = f.at.Add(time.Minute)
	}
	a := readBytes(t, f.Bytes())
	total := 0
	for _, c := range a.conns {
		total += c.weight()
	}
	if total > maxDialogue+sweepEvery*500 || a.overflow == 0 || len(a.conns) < sessions/8 {
		t.Errorf("kept %d sessions of %d bytes, dropped %d", len(a.conns), total, a.overflow)
	}
	if a.conns[0].client.Port() != 20000 {
		t.Error("the session with a fault was dropped before those without")
	}
}
