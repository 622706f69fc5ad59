package observe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// silent is a port of loopback that answers no SYN: its queue of connections
// that wait to be accepted is full (listen(2)).
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	for range 8 {
		c, _ := Live().Dial(t.Context(), to, DialOptions{Timeout: 100 * time.Millisecond})
		if c == nil {
			return to
		}
		t.Cleanup(c.Close)
	}
	t.Fatal("the queue does not fill")
	return to
}

// TestDialSilence: silence is a time-out after the time that was given, unless
// the caller gives up before.
func TestDialSilence(t *testing.T) {
	to := silent(t)
	c, d := Live().Dial(t.Context(), to, DialOptions{Timeout: 200 * time.Millisecond})
	if c != nil || d.Failure != Timeout || d.Took < 200*time.Millisecond || d.Took > 2*time.Second || d.ICMP != nil {
		t.Errorf("%+v", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if c, d := Live().Dial(ctx, to, DialOptions{Timeout: time.Minute}); c != nil || d.Failure != Canceled || d.Took > 10*time.Second {
		t.Errorf("given up: %+v", d)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, d := Live().Dial(ctx, to, DialOptions{Timeout: time.Minute}); c != nil || d.Failure != Timeout {
		t.Errorf("the caller's time was up: %+v", d)
	}
}

// TestDialOptions: the kernel takes the segment size and tells the round trip.
func TestDialOptions(t *testing.T) {
	s := server(t, "")
	c, d := Live().Dial(t.Context(), addrOfServer(t, s), DialOptions{MSS: 1000, TTL: 5})
	if c == nil {
		t.Fatal(d.Step)
	}
	defer c.Close()
	if d.MSS <= 0 || d.MSS > 1000 || d.RTT <= 0 {
		t.Errorf("segment size %d, round trip %s", d.MSS, d.RTT)
	}
	if n := c.Counters(); !n.OK() || n.Retransmits != 0 {
		t.Errorf("counters %+v", n)
	}
}

// TestKnock: a closed UDP port of a host that is there answers with ICMP, and
// the sender is read from the error queue without privilege.
func TestKnock(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	e := Live().Knock(t.Context(), netip.AddrPortFrom(local, 1), 0, 2*time.Second)
	if e.ICMP == nil || e.From != local || e.ICMP.Name() != "port unreachable" {
		t.Errorf("%+v, %v", e, e.ICMP)
	}
}

// TestRoute: the way to loopback is local; an address of a documentation prefix
// has a way or none, and both are told in a class.
func TestRoute(t *testing.T) {
	r := Live().Route(netip.MustParseAddr("127.0.0.1"))
	if !r.OK() || r.Interface != "lo" || r.Kind != "local" {
		t.Errorf("%+v", r)
	}
}

func FuzzErrorQueueOffender(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{10, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) { offender(b) })
}

func FuzzSegment(f *testing.F) {
	f.Add([]byte("\x45\x00\x00\x28\x00\x00\x40\x00\x40\x06\x00\x00\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x50\x04\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ttl, _, ok := segmentFrom(b, netip.MustParseAddrPort("127.0.0.1:21")); ok && (ttl < 0 || ttl > 255) {
			t.Fatalf("TTL %d", ttl)
		}
	})
}
