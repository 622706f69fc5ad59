package ftptest

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// CanDrop tells whether "data: drop" works on this system.
const CanDrop = true

// dropPort opens a port whose SYNs get no answer, without a firewall: the accept
// queue has room for one connection, and we take it ourselves. Linux then drops
// further SYNs (tcp_conn_request).
func dropPort(host netip.Addr) (port uint16, stop func(), err error) {
	family, address := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if host.Is6() {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: host.As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("open silent port: %w", err)
	}
	if err := unix.Bind(fd, address); err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("open silent port: %w", err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("open silent port: %w", err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("open silent port: %w", err)
	}
	switch a := bound.(type) {
	case *unix.SockaddrInet4:
		port = uint16(a.Port)
	case *unix.SockaddrInet6:
		port = uint16(a.Port)
	}
	plug, err := net.Dial("tcp", net.JoinHostPort(host.String(), strconv.Itoa(int(port))))
	if err != nil {
		unix.Close(fd)
		return 0, nil, fmt.Errorf("open silent port: %w", err)
	}
	return port, func() {
		plug.Close()
		unix.Close(fd)
	}, nil
}
