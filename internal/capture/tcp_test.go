package capture

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What a connection tells, from its packets.
func TestStory(t *testing.T) {
	full := strings.Repeat("x", 1460)
	for _, tt := range []struct {
		name  string
		talk  func(k *talk)
		check func(s *story) bool
	}{
		{"SYN without answer", func(k *talk) {
			for i := range 4 {
				k.f.add(k.segment(fromClient, flagSYN, 0, ""))
				k.f.at = k.f.at.Add(time.Duration(1<<i) * time.Second)
			}
		}, func(s *story) bool {
			return s.synAgain == 3 && s.synAck.packet == 0 && s.lastSyn.packet == 4 && s.bytes == [2]int64{}
		}},
		{"refused", func(k *talk) {
			k.f.add(k.segment(fromClient, flagSYN, 0, ""))
			k.f.add(k.segment(fromServer, flagRST|flagACK, 0, ""))
		}, func(s *story) bool {
			return s.reset.packet == 2 && s.resetFrom == fromServer && s.resetTTL == 57 && s.resetID == 2
		}},
		{"reset by somebody between", func(k *talk) {
			k.open()
			k.say(fromServer, "220 ready\r\n")
			k.ttl[fromServer] = 63
			k.f.add(k.segment(fromServer, flagRST, 0, ""))
		}, func(s *story) bool {
			return s.resetTTL == 63 && s.ttl[fromServer] == 57 && s.id[fromServer] == 4 && s.resetID == 5
		}},
		{"round trips to both sides", func(k *talk) { k.open() }, func(s *story) bool {
			return s.rtt == time.Millisecond && s.ackRTT == time.Millisecond && s.mss == [2]uint16{1460, 1460}
		}},
		{"SYN-ACK repeated", func(k *talk) {
			k.f.add(k.segment(fromClient, flagSYN, 0, ""))
			k.f.add(k.segment(fromServer, flagSYN|flagACK, 0, ""))
			k.f.at = k.f.at.Add(time.Second)
			k.f.add(k.segment(fromServer, flagSYN|flagACK, 0, ""))
		}, func(s *story) bool { return s.synAckAgain == 1 && s.opened.packet == 0 }},
		{"sent again", func(k *talk) {
			k.open()
			k.say(fromServer, full)
			k.f.at = k.f.at.Add(300 * time.Millisecond)
			k.f.add(k.segment(fromServer, flagACK, -1460, full))
			k.ack(fromClient)
		}, func(s *story) bool {
			return s.again == [2]int{0, 1} && s.bytes[fromServer] == 1460 && s.unacked[fromServer] == 0 && s.largest[fromServer] == 1460 && s.lostLarge[fromServer] == 0
		}},
		{"recorded twice", func(k *talk) {
			k.open()
			b := k.segment(fromServer, flagACK, 0, full)
			k.f.add(b)
			k.f.add(b)
			k.seq[fromServer] += 1460
			k.ack(fromClient)
		}, func(s *story) bool { return s.again == [2]int{} && s.packets == [2]int{3, 2} }},
		{"overtaken", func(k *talk) {
			k.open()
			k.f.add(k.segment(fromServer, flagACK, 5, "67890"))
			k.f.add(k.segment(fromServer, flagACK, 0, "12345"))
			k.seq[fromServer] += 10
			k.ack(fromClient)
		}, func(s *story) bool {
			return s.disorder == [2]int{0, 1} && s.again == [2]int{} && s.bytes[fromServer] == 10
		}},
		{"lost before the capture, and sent again", func(k *talk) {
			k.open()
			k.f.add(k.segment(fromServer, flagACK, 5, "67890"))
			k.f.at = k.f.at.Add(300 * time.Millisecond)
			k.f.add(k.segment(fromServer, flagACK, 0, "12345"))
			k.seq[fromServer] += 10
			k.ack(fromClient)
		}, func(s *story) bool { return s.disorder == [2]int{} && s.again == [2]int{0, 1} }},
		{"black hole of large segments", func(k *talk) {
			k.open()
			k.say(fromClient, "small")
			k.ack(fromServer)
			for range 4 {
				k.f.add(k.segment(fromClient, flagACK, 0, full))
				k.f.at = k.f.at.Add(time.Second)
			}
			k.seq[fromClient] += 1460
		}, func(s *story) bool {
			return s.lostLarge[fromClient] == 1460 && s.largest[fromClient] == 5 && s.unacked[fromClient] == 1460 && s.again[fromClient] == 3
		}},
		{"black hole that the sender finds", func(k *talk) {
			k.open()
			for range 3 {
				k.f.add(k.segment(fromClient, flagACK, 0, full))
				k.f.at = k.f.at.Add(time.Second)
			}
			k.say(fromClient, full[:500])
			k.ack(fromServer)
		}, func(s *story) bool { return s.lostLarge[fromClient] == 1460 && s.largest[fromClient] == 500 }},
		{"black hole before us", func(k *talk) {
			k.open()
			k.f.add(k.segment(fromServer, flagACK, 1460, "tail"))
			k.ack(fromClient)
			k.f.add(k.segment(fromServer, flagACK, 1460, "tail"))
		}, func(s *story) bool { return s.lostLarge[fromServer] == 1460 && s.bytes[fromServer] == 0 }},
		{"segments that the card will cut", func(k *talk) {
			k.open()
			k.say(fromServer, strings.Repeat("x", 14600))
			k.ack(fromClient)
		}, func(s *story) bool { return s.largest[fromServer] == 1460 && s.bytes[fromServer] == 14600 }},
		{"window of zero, twice", func(k *talk) {
			k.open()
			for range 2 {
				for range 3 {
					b := k.segment(fromClient, flagACK, 0, "")
					b[14+20+14], b[14+20+15] = 0, 0
					k.f.add(b)
				}
				k.ack(fromClient)
			}
		}, func(s *story) bool { return s.zeroWindow == [2]int{2, 0} }},
		{"pause", func(k *talk) {
			k.open()
			k.f.at = k.f.at.Add(time.Minute)
			k.say(fromServer, "220 late\r\n")
		}, func(s *story) bool { return s.idle == time.Minute+time.Millisecond && s.idleFrom.packet == 3 }},
		{"keep-alive", func(k *talk) {
			k.open()
			k.say(fromClient, "NOOP\r\n")
			k.ack(fromServer)
			k.f.at = k.f.at.Add(time.Minute)
			k.f.add(k.segment(fromClient, flagACK, -1, "\n"))
		}, func(s *story) bool { return s.again == [2]int{} && s.bytes[fromClient] == 6 }},
		{"closed by the server", func(k *talk) {
			k.open()
			k.close(fromServer)
			k.close(fromClient)
			k.ack(fromServer)
		}, func(s *story) bool {
			return s.fin[fromServer].packet == 4 && s.fin[fromClient].packet == 5 && s.unacked == [2]int64{}
		}},
		{"the capture lacks what was received", func(k *talk) {
			k.open()
			k.seq[fromServer] += 700
			k.ack(fromClient)
			k.f.at = k.f.at.Add(time.Second)
			k.say(fromServer, "tail")
			k.ack(fromClient)
		}, func(s *story) bool { return s.bytes[fromServer] == 704 && s.lostLarge[fromServer] == 0 }},
		{"the capture begins late", func(k *talk) {
			k.say(fromServer, "200 ok\r\n")
			k.ack(fromClient)
		}, func(s *story) bool { return s.bytes == [2]int64{0, 8} && s.syn.packet == 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newPcap(linkEthernet)
			tt.talk(newTalk(f))
			a := readBytes(t, f.Bytes())
			if len(a.conns) != 1 {
				t.Fatalf("found %d connections", len(a.conns))
			}
			if c := a.conns[0]; !tt.check(&c.story) || c.client != testClient || c.server != testServer {
				t.Errorf("%v → %v: %+v", c.client, c.server, c.story)
			}
		})
	}
}

// The same ends are used for one connection after the other.
func TestSameEnds(t *testing.T) {
	f := newPcap(linkEthernet)
	k := newTalk(f)
	for range 3 {
		k.open()
		k.say(fromServer, "220 ready\r\n")
		k.close(fromServer)
		k.close(fromClient)
		k.ack(fromServer)
		k.seq[fromClient] += 1_000_000
		k.seq[fromServer] += 1_000_000
	}
	a := readBytes(t, f.Bytes())
	if len(a.conns) != 3 {
		t.Fatalf("found %d connections, want 3", len(a.conns))
	}
	for _, c := range a.conns {
		if c.story.bytes[fromServer] != 11 || c.story.synAgain != 0 || c.flow != nil {
			t.Errorf("%+v", c.story)
		}
	}
}

// noted is a dialogue that keeps all.
type noted struct {
	got   [2][]byte
	gaps  [2]int64
	ended int
}

func (n *noted) bytes(_ moment, from side, b []byte) { n.got[from] = append(n.got[from], b...) }
func (n *noted) gap(_ moment, from side, k int64)    { n.gaps[from] += k }
func (n *noted) end(moment)                          { n.ended++ }

// Whatever the order in which segments come, and however often, each byte is
// handed out once and in its place; what never comes is a gap.
func TestStreamInAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		want := make([]byte, 1+rnd.IntN(5000))
		for i := range want {
			want[i] = byte(rnd.Uint32())
		}
		lossy := round%3 == 0
		f := newPcap(linkEthernet)
		k := newTalk(f)
		k.open()
		var parts [][2]int
		for at := 0; at < len(want); {
			n := min(len(want)-at, 1+rnd.IntN(700))
			if !lossy || rnd.IntN(4) > 0 {
				parts = append(parts, [2]int{max(0, at-rnd.IntN(30)), at + n})
			}
			at += n
		}
		rnd.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		a := newAnalysis(Options{})
		file, err := open(bytes.NewReader(f.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		feed(t, a, file)
		d := &noted{}
		a.conns[0].dialogue = d
		f = newPcap(linkEthernet)
		k.f = f
		seen := make([]bool, len(want))
		for _, p := range parts {
			f.add(k.segment(fromServer, flagACK, p[0], string(want[p[0]:p[1]])))
			for i := p[0]; i < p[1]; i++ {
				seen[i] = true
			}
		}
		k.seq[fromServer] += uint32(len(want))
		k.ack(fromClient) // it has received everything
		if file, err = open(bytes.NewReader(f.Bytes())); err != nil {
			t.Fatal(err)
		}
		feed(t, a, file)
		a.finish()
		var left []byte
		missing, last := int64(0), 0
		for i, ok := range seen {
			if ok {
				left = append(left, want[i])
				last = i + 1
			}
		}
		for _, ok := range seen[:last] {
			if !ok {
				missing++
			}
		}
		if !bytes.Equal(d.got[fromServer], left) || d.gaps[fromServer] != missing || d.ended != 1 {
			t.Fatalf("round %d: got %d of %d bytes, gaps of %d, want %d", round, len(d.got[fromServer]), len(left), d.gaps[fromServer], missing)
		}
	}
}

func feed(t testing.TB, a *Analysis, f framer) {
	t.Helper()
	for {
		x, err := f.next()
		if err != nil {
			return
		}
		x.m.packet = a.count + 1
		a.frame(&x)
	}
}

// A hole that is never filled must not hold back, nor keep, everything behind it.
func TestHoleIsBounded(t *testing.T) {
	f := newPcap(linkEthernet)
	k := newTalk(f)
	k.open()
	k.seq[fromServer] += 1000
	for range 2000 {
		k.say(fromServer, strings.Repeat("x", 1000))
	}
	a := newAnalysis(Options{})
	file, err := open(&f.Buffer)
	if err != nil {
		t.Fatal(err)
	}
	feed(t, a, file)
	d := &a.conns[0].flow.dirs[fromServer]
	if d.held > maxHeld+1000 || a.conns[0].story.bytes[fromServer] < 1_500_000 {
		t.Errorf("holds %d bytes, handed out %d", d.held, a.conns[0].story.bytes[fromServer])
	}
}
