package capture

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ftpdoctor/internal/finding"
)

// live records an interface of a namespace until stop is called.
func live(t *testing.T, s *space, l LiveOptions) (stop func() *Analysis, done <-chan struct{}) {
	t.Helper()
	var tap tap
	var err error
	s.do(func() { tap, err = listen(l) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	var a *Analysis
	go func() {
		defer close(ended)
		a, err = record(ctx, tap, l, Options{})
	}()
	once := false
	stop = func() *Analysis {
		if !once {
			once = true
			select { // what is on its way
			case <-time.After(300 * time.Millisecond):
			case <-ended:
			}
			cancel()
			<-ended
			tap.close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	t.Cleanup(func() { stop() })
	return stop, ended
}

func TestLive(t *testing.T) {
	cl, sv := pair(t)
	vsftpd(t, sv)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, host := range []string{"10.9.0.2", "fd09::2"} {
		for _, device := range []string{"eth0", "any"} {
			t.Run(host+" "+device, func(t *testing.T) {
				var kept bytes.Buffer
				stop, _ := live(t, cl, LiveOptions{Interface: device, Keep: &kept})
				c := login(t, cl, host)
				got := c.retrieve(host, "pub/file")
				c.do("QUIT")
				a := stop()
				sessionOf(t, a, got)
				if n := kept.Len(); n > got {
					t.Errorf("kept %d bytes of a transfer of %d: the data connection should be cut short", n, got)
				}
				again, err := Read(t.Context(), &kept, Options{})
				if err != nil {
					t.Fatal(err)
				}
				sessionOf(t, again, got)
				if again.count != a.count {
					t.Errorf("the file holds %d packets, recorded were %d", again.count, a.count)
				}
			})
		}
	}
}

// sessionOf expects one session with one transfer, and no secret.
func sessionOf(t *testing.T, a *Analysis, size int) {
	t.Helper()
	var control, data *conn
	for _, c := range a.conns {
		switch d, ok := c.dialogue.(*ftpDialogue); {
		case ok && d.loggedIn:
			control = c
		case c.expected != nil:
			data = c
		}
	}
	if control == nil || data == nil {
		t.Fatalf("found control %v, data %v of %d connections", control != nil, data != nil, len(a.conns))
	}
	d, ok := control.dialogue.(*ftpDialogue)
	if !ok || !d.loggedIn || !d.quit {
		t.Errorf("the dialogue was not read: %+v", d)
	}
	for _, l := range d.lines {
		if strings.Contains(l.text, secretOfTest) {
			t.Errorf("the password is kept: %s", l.text)
		}
	}
	s := &data.story
	if n := s.bytes[fromServer]; n != int64(size) {
		t.Errorf("counted %d bytes of %d", n, size)
	}
	if s.syn.packet == 0 || s.synAck.packet == 0 || s.rtt <= 0 || s.rtt > time.Second || s.fin[fromServer].packet == 0 || s.unacked[fromServer] != 0 {
		t.Errorf("the story of the data connection: %+v", s)
	}
	if r := a.Report(); r.RootCause != nil {
		t.Errorf("a healthy session is judged %s", r.RootCause.Code)
	}
}

// A recording that waits for a fault ends with it, and keeps the last packets.
func TestUntilFault(t *testing.T) {
	cl, _ := pair(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var kept bytes.Buffer
	stop, done := live(t, cl, LiveOptions{Interface: "eth0", UntilFault: true, Ring: time.Minute, Keep: &kept})
	if c, err := cl.dial("10.9.0.2:21"); err == nil { // nobody listens there
		c.Close()
		t.Fatal("somebody listens where nobody should")
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the recording goes on")
	}
	r := stop().Report()
	if r.RootCause == nil || r.RootCause.Code != finding.ServiceRefused.Code {
		t.Fatalf("root cause %+v, want %s", r.RootCause, finding.ServiceRefused.Code)
	}
	again, err := Read(t.Context(), &kept, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := again.Report(); r.RootCause == nil || r.RootCause.Code != finding.ServiceRefused.Code {
		t.Errorf("the file that was kept shows %+v", r.RootCause)
	}
}

func TestLiveEnds(t *testing.T) {
	s := newSpace(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := LiveOptions{Interface: "lo", For: 300 * time.Millisecond}
	_, done := live(t, s, l)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the recording goes on")
	}
	if _, err := Live(t.Context(), LiveOptions{Interface: "nosuch0"}, Options{}); err == nil || !strings.Contains(err.Error(), "nosuch0") {
		t.Errorf("an interface that does not exist: %v", err)
	}
}

// On the loopback each packet passes twice.
func TestLiveLoopback(t *testing.T) {
	s := newSpace(t)
	vsftpd(t, s)
	stop, _ := live(t, s, LiveOptions{Interface: "lo"})
	c := login(t, s, "127.0.0.1")
	got := c.retrieve("127.0.0.1", "pub/file")
	c.do("QUIT")
	a := stop()
	sessionOf(t, a, got)
	for _, c := range a.conns {
		if c.story.again != [2]int{} {
			t.Errorf("%v: %v segments counted as repeated", c.server, c.story.again)
		}
	}
}

func TestKeeperRing(t *testing.T) {
	var out bytes.Buffer
	k := newKeeper(&out, 10*time.Second)
	begin := instantOf(1_700_000_000, 0)
	for i := range 100 {
		f := frame{m: moment{begin.Add(time.Duration(i) * time.Second), i + 1}, link: linkSLL, data: []byte{byte(i)}, whole: 1}
		if err := k.keep(&f); err != nil {
			t.Fatal(err)
		}
	}
	first, err := k.finish()
	if err != nil || first != 90 {
		t.Errorf("the ring begins with packet %d (%v), want 90", first, err)
	}
	f, err := open(&out)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		x, err := f.next()
		if err != nil {
			break
		}
		got = append(got, x.data...)
	}
	if want := []byte{89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	k = newKeeper(broken{}, 0)
	for range 10_000 {
		if err = k.keep(&frame{data: make([]byte, 100)}); err != nil {
			break
		}
	}
	if !errors.Is(err, errBroken) {
		t.Errorf("a full disk goes unnoticed: %v", err)
	}
}

var errBroken = errors.New("no space left")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
