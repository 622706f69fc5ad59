package observe

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// answerTTLLive sends a SYN and reads the TTL of the segment that answers, on
// a raw socket, which gets a copy of every segment (raw(7)).
func answerTTLLive(ctx context.Context, to netip.AddrPort, timeout time.Duration) AnswerTTL {
	var a AnswerTTL
	if !to.Addr().Is4() {
		a.Failure = NotSupported
		return a
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		a.Failure, a.Errno = NotPermitted, err.Error()
		return a
	}
	defer unix.Close(fd)
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, _ := dialLive(ctx, to, DialOptions{Timeout: timeout}); c != nil {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}()
	a.Failure = Timeout
	buf := make([]byte, 2048)
	for end := start.Add(timeout); time.Now().Before(end) && ctx.Err() == nil; {
		tv := unix.NsecToTimeval(max(time.Until(end), time.Millisecond).Nanoseconds())
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			break
		}
		if ttl, flags, ok := segmentFrom(buf[:n], to); ok {
			a.Failure, a.TTL, a.Reset = None, ttl, flags&0x04 != 0
			break
		}
	}
	<-done
	a.Took = time.Since(start)
	return a
}

// segmentFrom reads an IPv4 packet that holds a TCP segment from an address.
func segmentFrom(b []byte, from netip.AddrPort) (ttl int, flags byte, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return 0, 0, false
	}
	head := int(b[0]&0x0f) * 4
	if head < 20 || len(b) < head+14 || netip.AddrFrom4([4]byte(b[12:16])) != from.Addr() {
		return 0, 0, false
	}
	if binary.BigEndian.Uint16(b[head:]) != from.Port() {
		return 0, 0, false
	}
	return int(b[8]), b[head+13], true
}
