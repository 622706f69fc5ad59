package capture

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
)

// relay builds two captures of one connection: what each packet is at the one
// end and, after a delay, at the other.
type relay struct {
	k           *talk
	here, there *pcapFile
	ahead       time.Duration // of the server's clock
	delay       [2]time.Duration
}

func newRelay() *relay {
	r := &relay{here: newPcap(linkEthernet), there: newPcap(linkEthernet), ahead: 90 * time.Second, delay: [2]time.Duration{10 * time.Millisecond, 14 * time.Millisecond}}
	r.k = newTalk(newPcap(linkEthernet))
	r.k.ttl = [2]byte{64, 64}
	return r
}

// pass records a packet at both ends; what change returns arrives, nil: nothing.
func (r *relay) pass(from side, b []byte, change func([]byte) []byte) {
	at := r.k.f.at
	r.k.f.at = at.Add(50 * time.Millisecond)
	sender, receiver := r.here, r.there
	sentAt, cameAt := at, at.Add(r.ahead+r.delay[from])
	if from == fromServer {
		sender, receiver = receiver, sender
		sentAt, cameAt = at.Add(r.ahead), at.Add(r.delay[from])
	}
	if b != nil {
		sender.at = sentAt
		sender.add(b)
	}
	came := append([]byte(nil), b...)
	if len(came) > 0 {
		came[14+8] -= 3 // three routers
	}
	if change != nil {
		came = change(came)
	}
	if came != nil {
		receiver.at = cameAt
		receiver.add(came)
	}
}

func (r *relay) say(from side, text string, change func([]byte) []byte) {
	r.pass(from, r.k.segment(from, flagACK|8, 0, text), change)
	r.k.seq[from] += uint32(len(text))
}

func (r *relay) open() {
	r.pass(fromClient, r.k.segment(fromClient, flagSYN, 0, ""), nil)
	r.k.seq[fromClient]++
	r.pass(fromServer, r.k.segment(fromServer, flagSYN|flagACK, 0, ""), nil)
	r.k.seq[fromServer]++
	r.pass(fromClient, r.k.segment(fromClient, flagACK, 0, ""), nil)
}

func (r *relay) align(t *testing.T) (*Alignment, *finding.Report) {
	t.Helper()
	read := func(f *pcapFile) *Analysis {
		a, err := Read(t.Context(), &f.Buffer, Options{Align: true})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := read(r.here)
	al := a.Align(read(r.there))
	if al == nil {
		t.Fatal("nothing in common")
	}
	rep := a.Report()
	al.Apply(rep)
	return al, rep
}

func TestAlignClocks(t *testing.T) {
	r := newRelay()
	r.open()
	r.say(fromServer, "220 ready\r\n", nil)
	r.say(fromClient, "QUIT\r\n", nil)
	al, _ := r.align(t)
	// 90 s, and half of the difference of the two delays that nothing can tell.
	if d := al.OffsetS - 89.998; d > 1e-4 || d < -1e-4 || al.UncertainS < 0.0119 || al.UncertainS > 0.0121 || al.Compared != 5 {
		t.Errorf("offset %v ± %v from %d packets", al.OffsetS, al.UncertainS, al.Compared)
	}
	if p := al.Pairs[0]; p.ToServer.Hops != 3 || p.ToClient.Hops != 3 {
		t.Errorf("%+v", p)
	}
}

func TestAlignChanged(t *testing.T) {
	r := newRelay()
	r.open()
	r.say(fromServer, "220 ready\r\n", nil)
	r.say(fromClient, "PASV\r\n", nil)
	r.say(fromServer, "227 Entering Passive Mode (10,0,0,5,195,80)\r\n", func(b []byte) []byte {
		return bytes.Replace(b, []byte("10,0,0,5,195,80"), []byte("19,0,0,5,195,80"), 1)
	})
	al, _ := r.align(t)
	w := al.Pairs[0].ToClient
	if len(w.Changed) != 1 || !strings.Contains(w.Changed[0].Sent, "(10,0,0,5") || !strings.Contains(w.Changed[0].Arrived, "(19,0,0,5") || w.Changed[0].PacketTo != 6 {
		t.Errorf("%+v", w)
	}
}

func TestAlignLoss(t *testing.T) {
	r := newRelay()
	r.open()
	for i := range 400 {
		text := strings.Repeat(string(rune('a'+i%26)), 1000)
		if i%10 == 3 { // every tenth is lost, and comes with the next try
			r.pass(fromServer, r.k.segment(fromServer, flagACK, 0, text), func([]byte) []byte { return nil })
		}
		r.say(fromServer, text, nil)
		r.pass(fromClient, r.k.segment(fromClient, flagACK, 0, ""), nil)
	}
	al, rep := r.align(t)
	w := al.Pairs[0].ToClient
	if w.Sent != 440_000 || w.Arrived != 400_000 || w.Never != 0 || w.LostAt == 0 {
		t.Errorf("%+v", w)
	}
	if !has(rep, finding.NetPacketLoss, finding.Error) {
		t.Errorf("findings %v", rep.Findings)
	}
}

func has(r *finding.Report, d *finding.Def, s finding.Severity) bool {
	for _, f := range r.Findings {
		if f.Code == d.Code {
			return f.Severity == s && f.Confidence == finding.Confirmed && len(f.Evidence) > 0
		}
	}
	return false
}

// A reset that nobody sent.
func TestAlignForged(t *testing.T) {
	r := newRelay()
	r.open()
	r.say(fromServer, "220 ready\r\n", nil)
	r.say(fromClient, "AUTH TLS\r\n", nil)
	forged := r.k.segment(fromServer, flagRST, 0, "")
	r.pass(fromServer, nil, func([]byte) []byte { return forged })
	r.say(fromServer, "234 go on\r\n", func([]byte) []byte { return nil })
	al, rep := r.align(t)
	w := al.Pairs[0].ToClient
	if len(w.Forged) != 1 || w.Forged[0].What != "RST" || w.Forged[0].TTL != 64 || w.Forged[0].PeerIs != 61 || w.Never != 11 {
		t.Errorf("%+v", w)
	}
	if rep.RootCause == nil || rep.RootCause.Code != finding.NetInspectionReset.Code {
		t.Errorf("root cause %+v", rep.RootCause)
	}
}

// A capture that missed packets of its own machine accuses nobody.
func TestAlignIncomplete(t *testing.T) {
	r := newRelay()
	r.open()
	r.say(fromServer, "220 ready\r\n", nil)
	for _, s := range []struct {
		flags byte
		text  string
	}{{flagACK, "421 too long\r\n"}, {flagFIN | flagACK, ""}} {
		missed := r.k.segment(fromServer, s.flags, 0, s.text)
		missed[14+8] -= 3
		r.pass(fromServer, nil, func([]byte) []byte { return missed })
		r.k.seq[fromServer] += uint32(len(s.text))
	}
	r.say(fromClient, "QUIT\r\n", nil)
	al, rep := r.align(t)
	if w := al.Pairs[0].ToClient; len(w.Forged) > 0 {
		t.Errorf("%+v", w)
	}
	if rep.RootCause != nil && rep.RootCause.Code == finding.NetInspectionReset.Code {
		t.Errorf("root cause %+v", rep.RootCause)
	}
}

func TestAlignNothingInCommon(t *testing.T) {
	one, two := newRelay(), newRelay()
	one.open()
	two.k.client, two.k.server = testClient6, testServer6
	two.k.seq = [2]uint32{77, 78}
	two.open()
	a, err := Read(t.Context(), &one.here.Buffer, Options{Align: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(t.Context(), &two.there.Buffer, Options{Align: true})
	if err != nil {
		t.Fatal(err)
	}
	if al := a.Align(b); al != nil {
		t.Errorf("%+v", al)
	}
}
