package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// AddHost adds a machine to the segment of a bridge, the client's LAN
// ([Net.Gateway]) or the server's network ([Net.Edge]), with addresses given
// with their prefix length and the bridge as its default route.
func (n *Net) AddHost(ctx context.Context, router *Host, name string, addrs ...string) (*Host, error) {
	bridge, gw, gw6 := "lan0", GatewayIP, GatewayIP6
	if router == n.Edge {
		bridge, gw, gw6 = "dmz0", "198.51.100.1", "2001:db8:100::1"
	}
	n.mu.Lock()
	h := &Host{Name: name, NS: nsName(n.id, name), net: n}
	n.hosts = append(n.hosts, h)
	index := 100 + 2*len(n.hosts)
	n.mu.Unlock()
	err := ipBatch(ctx, "", fmt.Sprintf(`netns add %[1]s
link add name eth0 index %[2]d netns %[1]s type veth peer name port%[3]d index %[3]d netns %[4]s
`, h.NS, index, index+1, router.NS))
	if err != nil {
		return nil, err
	}
	if err := n.configure(ctx, h); err != nil {
		return nil, err
	}
	port := fmt.Sprintf("port%d", index+1)
	if err := ipBatch(ctx, router.NS, fmt.Sprintf("link set %s master %s\nlink set %s up\n", port, bridge, port)); err != nil {
		return nil, err
	}
	batch := "link set lo up\nlink set eth0 up\n"
	for _, a := range addrs {
		if strings.Contains(a, ":") {
			batch += "addr add " + a + " dev eth0 nodad\nroute replace default via " + gw6 + "\n"
			continue
		}
		batch += "addr add " + a + " dev eth0\nroute replace default via " + gw + "\n"
	}
	return h, ipBatch(ctx, h.NS, batch)
}

// Tun makes a tunnel interface whose far end hands each packet to deliver,
// which may write packets back. It ends with the lab.
func (h *Host) Tun(name string, deliver func(packet []byte, back io.Writer)) error {
	var fd int
	err := h.inside(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return err
		}
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	})
	if err != nil {
		return fmt.Errorf("make tunnel %s on %s: %w", name, h.Name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65536)
		for {
			k, err := f.Read(buf)
			if err != nil {
				return
			}
			deliver(slices.Clone(buf[:k]), f)
		}
	}()
	h.net.onClose(func() { f.Close(); <-done })
	return nil
}

// Latency delays everything that travels from the client to the server by d:
// the round trip takes d longer. The edge router then counts as two hops.
func (n *Net) Latency(ctx context.Context, d time.Duration) error {
	type timed struct {
		packet []byte
		due    time.Time
		back   io.Writer
	}
	queue := make(chan timed, 10_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range queue {
			time.Sleep(time.Until(p.due))
			_, _ = p.back.Write(p.packet) // closed with the lab
		}
	})
	n.onClose(func() { close(queue); wg.Wait() })
	err := n.Edge.Tun("delay0", func(packet []byte, back io.Writer) {
		select {
		case queue <- timed{packet, time.Now().Add(d), back}:
		default: // full, as a router's queue may be
		}
	})
	if err != nil {
		return err
	}
	_, err = n.Edge.Sh(ctx, `ip link set delay0 up
ip route add default dev delay0 table 100
ip -6 route add default dev delay0 table 100
ip rule add iif up0 to 198.51.100.0/24 lookup 100
ip -6 rule add iif up0 to 2001:db8:100::/64 lookup 100`)
	return err
}

// Accept serves TCP connections on the host with f, until the lab is closed.
func (h *Host) Accept(ctx context.Context, address string, f func(net.Conn)) error {
	l, err := h.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		open = map[net.Conn]bool{}
	)
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer func() {
					c.Close()
					mu.Lock()
					defer mu.Unlock()
					delete(open, c)
				}()
				f(c)
			})
		}
	})
	h.net.onClose(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return nil
}

// Silent keeps a connection open and says nothing.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// dial connects from the host, by the lab's names.
func (h *Host) dial(ctx context.Context, address string) (net.Conn, error) {
	if name, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(name) == nil {
		m, _ := h.net.Zone.answer(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA))
		for _, rr := range m.Answer {
			if a, ok := rr.(*dns.A); ok {
				address = net.JoinHostPort(a.A.String(), port)
			}
		}
	}
	var c net.Conn
	err := h.inside(func() (err error) {
		d := net.Dialer{Timeout: 5 * time.Second, FallbackDelay: -1}
		c, err = d.DialContext(ctx, "tcp", address)
		return err
	})
	return c, err
}

// splice copies both ways until both ends are done.
func splice(a, b net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(a, b); a.Close() })
	_, _ = io.Copy(b, a)
	b.Close()
	wg.Wait()
}

// WebProxy runs an HTTP proxy on the host that knows CONNECT, or nothing that
// carries FTP.
func (h *Host) WebProxy(ctx context.Context, address string, connect bool) error {
	return h.Accept(ctx, address, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if req.Method != http.MethodConnect || !connect {
			_, _ = io.WriteString(c, "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		to, err := h.dial(context.WithoutCancel(ctx), req.Host)
		if err != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		splice(c, to)
	})
}

// Balancer forwards connections to a server, after sending it a first line.
func (h *Host) Balancer(ctx context.Context, address, server, first string) error {
	return h.Accept(ctx, address, func(c net.Conn) {
		to, err := h.dial(context.WithoutCancel(ctx), server)
		if err != nil {
			return
		}
		_, _ = io.WriteString(to, first)
		splice(c, to)
	})
}

// Impersonate makes a host answer as the server does: it translates every TCP
// connection it gets.
func (h *Host) Impersonate(ctx context.Context, server string) error {
	if err := h.Sysctl("net.ipv4.ip_forward", "1"); err != nil {
		return err
	}
	return h.NFT(ctx, `table ip impersonate {
	chain pre {
		type nat hook prerouting priority dstnat
		iifname "eth0" fib daddr type local meta l4proto tcp dnat to `+server+`
	}
	chain post {
		type nat hook postrouting priority srcnat
		ct status dnat masquerade
	}
}
`)
}

// WebServer answers every HTTP request on the host with a page.
func (h *Host) WebServer(ctx context.Context, address string) error {
	return h.Accept(ctx, address, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<h1>hello</h1>")
		}
	})
}
