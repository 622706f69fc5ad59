package observe

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketWatch sets options on a socket before it connects and keeps a second
// descriptor of it, because the error queue, in which the kernel notes who said
// no (ip(7), IP_RECVERR), must be read after the dialer has closed its own.
type socketWatch struct {
	options DialOptions
	fd      int
	have    bool
}

func (s *socketWatch) control(_ context.Context, network, _ string, c syscall.RawConn) error {
	s.close() // of an earlier address
	return c.Control(func(fd uintptr) {
		v6 := network == "tcp6" || network == "udp6"
		f := int(fd)
		// Options that the kernel refuses cost evidence, not the connection.
		if v6 {
			_ = unix.SetsockoptInt(f, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		} else {
			_ = unix.SetsockoptInt(f, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		}
		if s.options.TTL > 0 {
			if v6 {
				_ = unix.SetsockoptInt(f, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, s.options.TTL)
			} else {
				_ = unix.SetsockoptInt(f, unix.IPPROTO_IP, unix.IP_TTL, s.options.TTL)
			}
		}
		if s.options.MSS > 0 {
			_ = unix.SetsockoptInt(f, unix.IPPROTO_TCP, unix.TCP_MAXSEG, s.options.MSS)
		}
		if dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			s.fd, s.have = dup, true
		}
	})
}

func (s *socketWatch) close() {
	if s.have {
		_ = unix.Close(s.fd)
		s.have = false
	}
}

// icmp reads the message that made the socket fail, if one did.
func (s *socketWatch) icmp() *ICMP {
	if !s.have {
		return nil
	}
	return readErrorQueue(s.fd)
}

func readErrorQueue(fd int) *ICMP {
	oob := make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(fd, make([]byte, 256), oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return nil
	}
	for _, m := range messages {
		if m.Header.Type != unix.IP_RECVERR && m.Header.Type != unix.IPV6_RECVERR {
			continue
		}
		const size = int(unsafe.Sizeof(unix.SockExtendedErr{}))
		if len(m.Data) < size {
			continue
		}
		ee := (*unix.SockExtendedErr)(unsafe.Pointer(&m.Data[0]))
		if ee.Origin != unix.SO_EE_ORIGIN_ICMP && ee.Origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		return &ICMP{Type: int(ee.Type), Code: int(ee.Code), From: offender(m.Data[size:])}
	}
	return nil
}

// offender is the sender's address behind the extended error (SO_EE_OFFENDER).
func offender(b []byte) netip.Addr {
	if len(b) < 8 {
		return netip.Addr{}
	}
	switch family := *(*uint16)(unsafe.Pointer(&b[0])); family {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case unix.AF_INET6:
		if len(b) >= 24 {
			return netip.AddrFrom16([16]byte(b[8:24]))
		}
	}
	return netip.Addr{}
}

func tcpInfo(c *net.TCPConn) (rtt time.Duration, mss int) {
	info := rawTCPInfo(c)
	if info == nil {
		return 0, 0
	}
	return time.Duration(info.Rtt) * time.Microsecond, int(info.Snd_mss)
}

func rawTCPInfo(c *net.TCPConn) *unix.TCPInfo {
	rc, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var info *unix.TCPInfo
	_ = rc.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	return info
}

// retransmits counts the segments of a connection that were sent again.
func retransmits(c *net.TCPConn) int {
	if info := rawTCPInfo(c); info != nil {
		return int(info.Total_retrans)
	}
	return 0
}
