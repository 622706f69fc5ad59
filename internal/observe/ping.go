package observe

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

func itoa(n int) string { return strconv.Itoa(n) }

func pingLive(ctx context.Context, to netip.Addr, timeout time.Duration) Echo {
	var e Echo
	start := time.Now()
	err := ping(ctx, to, timeout, &e)
	e.Took = time.Since(start)
	e.Failure, e.Errno = classify(err)
	if e.Failure == Denied {
		e.Failure = NotPermitted
	}
	return e
}

// pinging is what differs between the families.
type pinging struct {
	plain, raw, any string
	protocol        int
	request         icmp.Type
	reply           icmp.Type
}

func ping(ctx context.Context, to netip.Addr, timeout time.Duration, e *Echo) error {
	p := pinging{"udp4", "ip4:icmp", "0.0.0.0", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply}
	if to.Is6() {
		p = pinging{"udp6", "ip6:ipv6-icmp", "::", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply}
	}
	c, err := icmp.ListenPacket(p.plain, p.any)
	var dst net.Addr = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	raw := false
	if err != nil {
		if c, err = icmp.ListenPacket(p.raw, p.any); err != nil {
			return err
		}
		dst, raw = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}, true
	}
	defer c.Close()
	id := int(time.Now().UnixNano() & 0xffff)
	msg, err := (&icmp.Message{Type: p.request, Body: &icmp.Echo{ID: id, Seq: 1, Data: []byte("ftpdoctor")}}).Marshal(nil)
	if err != nil {
		return err
	}
	_ = c.SetDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer stop()
	if _, err := c.WriteTo(msg, dst); err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, err := icmp.ParseMessage(p.protocol, buf[:n])
		if err != nil || m.Type != p.reply {
			continue
		}
		if echo, ok := m.Body.(*icmp.Echo); ok && (!raw || echo.ID == id) {
			e.From = to
			return nil
		}
	}
}
