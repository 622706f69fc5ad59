package observe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const goos = "linux"

func isTunnel(device string) bool {
	l, err := netlink.LinkByName(device)
	if err != nil {
		return false
	}
	return slices.Contains([]string{"tun", "tuntap", "wireguard", "gre", "gretap", "ipip", "sit", "ip6tnl", "vti", "xfrm", "ppp"}, l.Type())
}

var routeKinds = map[int]string{
	unix.RTN_UNICAST: "unicast", unix.RTN_LOCAL: "local", unix.RTN_BLACKHOLE: "blackhole",
	unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw",
	unix.RTN_BROADCAST: "broadcast", unix.RTN_MULTICAST: "multicast",
}

func routeLive(to netip.Addr) Route {
	start := time.Now()
	var r Route
	answers, err := netlink.RouteGet(net.IP(to.AsSlice()))
	r.Took = time.Since(start)
	r.Failure, r.Errno = classify(err)
	if err == nil && len(answers) > 0 {
		a := answers[0]
		r.Gateway, r.Source = addrOf(a.Gw), addrOf(a.Src)
		r.Kind = routeKinds[a.Type]
		if l, err := netlink.LinkByIndex(a.LinkIndex); err == nil {
			r.Interface = l.Attrs().Name
		}
	}
	r.Others = covering(to)
	if len(r.Others) > 0 {
		r.Prefix = r.Others[0].Prefix
		if err != nil {
			r.Kind = r.Others[0].Kind
		}
		r.Others = r.Others[1:]
	}
	return r
}

// covering lists the routes of the main table that cover an address, the most
// specific first. Policy rules are the kernel's to judge: RouteGet has done it.
func covering(to netip.Addr) []Way {
	family := netlink.FAMILY_V4
	if to.Is6() {
		family = netlink.FAMILY_V6
	}
	var routes []netlink.Route
	for range 3 { // a dump that changed meanwhile is asked for again
		var err error
		routes, err = netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err == nil || !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	var out []Way
	for _, r := range routes {
		p := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if family == netlink.FAMILY_V6 {
			p = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if r.Dst != nil {
			ones, _ := r.Dst.Mask.Size()
			p = netip.PrefixFrom(addrOf(r.Dst.IP), ones)
		}
		if !p.Contains(to) {
			continue
		}
		w := Way{Prefix: p, Gateway: addrOf(r.Gw), Kind: routeKinds[r.Type]}
		if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
			w.Interface = l.Attrs().Name
		}
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b Way) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	return out
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

var neighbourStates = map[int]string{
	netlink.NUD_NONE: "none", netlink.NUD_INCOMPLETE: "incomplete", netlink.NUD_REACHABLE: "reachable",
	netlink.NUD_STALE: "stale", netlink.NUD_DELAY: "delay", netlink.NUD_PROBE: "probe", netlink.NUD_FAILED: "failed",
	netlink.NUD_NOARP: "noarp", netlink.NUD_PERMANENT: "permanent",
}

func neighbourLive(a netip.Addr, device string) Neighbour {
	start := time.Now()
	n := Neighbour{State: "none"}
	l, err := netlink.LinkByName(device)
	if err == nil {
		var list []netlink.Neigh
		list, err = netlink.NeighList(l.Attrs().Index, 0)
		for _, e := range list {
			if addrOf(e.IP) == a {
				n.State, n.MAC = neighbourStates[e.State], e.HardwareAddr.String()
			}
		}
	}
	n.Took = time.Since(start)
	n.Failure, n.Errno = classify(err)
	return n
}

func whoHasLive(ctx context.Context, a netip.Addr, device string, wait time.Duration) Claim {
	var c Claim
	start := time.Now()
	err := arp(ctx, a, device, wait, &c)
	c.Took = time.Since(start)
	if err != nil {
		c.Failure, c.Errno = classify(err)
		if c.Failure == Denied {
			c.Failure = NotPermitted
		}
	}
	slices.Sort(c.MACs)
	return c
}

func arp(ctx context.Context, a netip.Addr, device string, wait time.Duration, c *Claim) error {
	ifc, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	const etherTypeARP = 0x0806
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(etherTypeARP)))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Protocol: htons(etherTypeARP), Ifindex: ifc.Index, Halen: 6}
	copy(to.Addr[:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(etherTypeARP), Ifindex: ifc.Index}); err != nil {
		return err
	}
	source := netip.IPv4Unspecified() // a probe as in RFC 5227 §2.1.1 disturbs nobody's table
	packet := make([]byte, 28)
	binary.BigEndian.PutUint16(packet[0:], 1)
	binary.BigEndian.PutUint16(packet[2:], 0x0800)
	packet[4], packet[5] = 6, 4
	binary.BigEndian.PutUint16(packet[6:], 1)
	copy(packet[8:], ifc.HardwareAddr)
	copy(packet[14:], source.AsSlice())
	copy(packet[24:], a.AsSlice())
	if err := unix.Sendto(fd, packet, 0, to); err != nil {
		return err
	}
	end := time.Now().Add(wait)
	buf := make([]byte, 128)
	for time.Now().Before(end) && ctx.Err() == nil {
		left := max(time.Until(end), time.Millisecond)
		tv := unix.NsecToTimeval(left.Nanoseconds())
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			break // time is up
		}
		if n < 28 || binary.BigEndian.Uint16(buf[6:]) != 2 || netip.AddrFrom4([4]byte(buf[14:18])) != a {
			continue
		}
		if mac := net.HardwareAddr(buf[8:14]).String(); !slices.Contains(c.MACs, mac) {
			c.MACs = append(c.MACs, mac)
		}
	}
	return nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func knockLive(ctx context.Context, to netip.AddrPort, ttl int, timeout time.Duration) Echo {
	var e Echo
	start := time.Now()
	watch := &socketWatch{options: DialOptions{TTL: ttl}}
	defer watch.close()
	d := net.Dialer{ControlContext: watch.control}
	nc, err := d.DialContext(ctx, "udp", to.String())
	if err == nil {
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(timeout))
		stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Now()) })
		if _, err = nc.Write([]byte{0}); err == nil {
			_, err = nc.Read(make([]byte, 64))
		}
		stop()
	}
	e.Took = time.Since(start)
	e.Failure, e.Errno = classify(err)
	if e.ICMP = watch.icmp(); e.ICMP != nil {
		e.From = e.ICMP.From
	}
	return e
}
