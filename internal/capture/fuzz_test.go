package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// FuzzRead: any file ends in a report, without panic and in bounded memory.
func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(gzipped(sample()))
	one := ethernet(etherIPv4, tcpOf{src: testClient, dst: testServer, seq: 1, flags: flagSYN}.ip())
	f.Add(pcapngOf(binary.LittleEndian, 6, 1e6, one))
	f.Add(pcapngOf(binary.BigEndian, 0x80|63, 1e6, one))
	for _, link := range []uint32{linkNull, linkRaw, linkSLL, linkSLL2, linkIPv6} {
		p := newPcap(link)
		p.add(one[14:])
		f.Add(p.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(t.Context(), bytes.NewReader(b), Options{Align: true})
		if err != nil {
			return
		}
		if r := a.Report(); r.Status.ExitCode() < 0 {
			t.Error("no status")
		}
		a.Align(a)
		if len(a.conns) > maxConns || len(a.fragments) > 0 {
			t.Errorf("%d connections, %d fragments", len(a.conns), len(a.fragments))
		}
	})
}

// FuzzFrame: any bytes as one packet of any link.
func FuzzFrame(f *testing.F) {
	syn := tcpOf{src: testClient, dst: testServer, seq: 1, flags: flagSYN, mss: 1460}.ip()
	syn6 := tcpOf{src: testClient6, dst: testServer6, seq: 1, flags: flagSYN, mss: 1460}.ip()
	f.Add(uint16(linkEthernet), ethernet(etherIPv4, syn), 0)
	f.Add(uint16(linkEthernet), ethernet(etherVLAN, append([]byte{0, 1, 0x86, 0xdd}, syn6...)), 0)
	f.Add(uint16(linkRaw), ipPacket(testClient.Addr(), testServer.Addr(), 1, 3, 0, 0, append([]byte{3, 4, 0, 0, 0, 0, 5, 0}, syn...)), 0)
	f.Add(uint16(linkRaw), ipPacket(testClient6.Addr(), testServer6.Addr(), 58, 255, 0, 0, append([]byte{136, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 24)...)), 0)
	f.Add(uint16(linkRaw), ipPacket(testClient6.Addr(), testServer6.Addr(), 44, 64, 0, 0, append([]byte{6, 0, 0, 1, 0, 0, 0, 7}, syn[20:]...)), 10)
	f.Add(uint16(linkRaw), udpPacket(netip.MustParseAddrPort("192.0.2.1:53"), testClient, make([]byte, 12)), 0)
	f.Fuzz(func(t *testing.T, link uint16, b []byte, cut int) {
		a := newAnalysis(Options{})
		for n := range 2 {
			x := frame{m: moment{testBegin.Add(time.Duration(n) * time.Second), n + 1}, link: int(link), data: b, whole: len(b) + max(0, min(cut, maxPacket))}
			a.frame(&x)
		}
		a.finish()
		for _, c := range a.conns {
			for _, n := range c.story.bytes {
				if n < 0 || n > 2*(maxPacket+65536) {
					t.Errorf("%d bytes from two packets of %d", n, len(b))
				}
			}
		}
	})
}

// FuzzSegments: whatever segments of one stream come, in whatever order, each
// byte is handed out at most once and in its place.
func FuzzSegments(f *testing.F) {
	f.Add([]byte{0, 10, 0, 10, 10, 0, 30, 10, 0, 20, 10, 0})
	f.Add([]byte{5, 200, 1, 0, 4, 1, 250, 250, 3, 9, 9, 2})
	content := make([]byte, 1024)
	for i := range content {
		content[i] = byte(i * 7)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		p := newPcap(linkEthernet)
		k := newTalk(p)
		k.open()
		a := newAnalysis(Options{})
		file, err := open(&p.Buffer)
		if err != nil {
			t.Fatal(err)
		}
		feed(t, a, file)
		d := &placed{t: t, content: content}
		a.conns[0].dialogue = d
		at := p.at
		for ; len(script) >= 3; script = script[3:] {
			from := int(script[0]) * 3
			to := min(len(content), from+int(script[1]))
			b := k.segment(fromServer, flagACK, from, string(content[from:to]))
			if script[2]&1 != 0 {
				k.seq[fromServer] += uint32(to)
				b = k.segment(fromClient, flagACK, 0, "")
				k.seq[fromServer] -= uint32(to)
			}
			at = at.Add(time.Duration(script[2]) * time.Millisecond)
			cut := 0
			if script[2]&2 != 0 && len(b) > 60 {
				cut = min(len(b)-54, int(script[1])/2)
			}
			x := frame{m: moment{at, a.count + 1}, link: linkEthernet, data: b[:len(b)-cut], whole: len(b)}
			a.frame(&x)
		}
		a.finish()
		if d.at > len(content) {
			t.Errorf("handed out %d bytes of %d", d.at, len(content))
		}
	})
}

// placed is a dialogue that compares each byte with the one that belongs there.
type placed struct {
	t       *testing.T
	content []byte
	at      int
}

func (d *placed) bytes(_ moment, from side, b []byte) {
	if from == fromServer && (d.at+len(b) > len(d.content) || !bytes.Equal(b, d.content[d.at:d.at+len(b)])) {
		d.t.Errorf("%d bytes at %d are not those of the stream", len(b), d.at)
	}
	d.at += len(b)
}
func (d *placed) gap(_ moment, _ side, n int64) { d.at += int(n) }
func (d *placed) end(moment)                    {}
