package capture

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
)

// path is a client and a server with a router between them, of which the test
// has the packets at both ends.
type path struct {
	t                      *testing.T
	client, router, server *space
	stop                   []func()
	files                  [2]string
}

const (
	pathServer = "10.9.1.2"
	pathRouter = "10.9.0.254"
)

func newPath(t *testing.T) *path {
	t.Helper()
	p := &path{t: t, client: newSpace(t), router: newSpace(t), server: newSpace(t)}
	for i, s := range []*space{p.client, p.server} {
		s.command("ip", "link", "add", "eth0", "type", "veth", "peer", "name", fmt.Sprintf("r%d", i), "netns", fmt.Sprint(p.router.tid))
		s.command("ip", "addr", "add", fmt.Sprintf("10.9.%d.%d/24", i, i+1), "dev", "eth0")
		s.command("ip", "link", "set", "eth0", "up")
		s.command("ip", "route", "add", "default", "via", fmt.Sprintf("10.9.%d.254", i))
		p.router.command("ip", "addr", "add", fmt.Sprintf("10.9.%d.254/24", i), "dev", fmt.Sprintf("r%d", i))
		p.router.command("ip", "link", "set", fmt.Sprintf("r%d", i), "up")
	}
	p.router.command("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	for i, s := range []*space{p.client, p.server} {
		file, stop := tcpdump(t, s, "-i", "eth0", "-s", "0")
		p.files[i] = file
		p.stop = append(p.stop, stop)
	}
	return p
}

// rules sets what the router does with packets; hook is forward or a chain of nat.
func (p *path) rules(text string) {
	p.t.Helper()
	p.router.command("nft", "add table ip t; add chain ip t f { type filter hook forward priority 0; }; "+text)
}

// done ends the captures and compares them.
func (p *path) done() (*Alignment, *finding.Report, *Analysis) {
	p.t.Helper()
	for _, stop := range p.stop {
		stop()
	}
	here := readFile(p.t, p.files[0], Options{Align: true})
	there := readFile(p.t, p.files[1], Options{Align: true})
	al := here.Align(there)
	if al == nil {
		p.t.Fatalf("nothing in common: %d and %d connections", len(here.conns), len(there.conns))
	}
	r := here.Report()
	al.Apply(r)
	return al, r, here
}

func (p *path) want(r *finding.Report, code finding.Code, confirmed bool) {
	p.t.Helper()
	if r.RootCause == nil || r.RootCause.Code != code || confirmed != (r.RootCause.Confidence == finding.Confirmed) {
		p.t.Errorf("root cause %+v, want %s", r.RootCause, code)
		for _, f := range r.Findings {
			p.t.Logf("%s %s %v", f.Code, f.Confidence, f.Evidence)
		}
	}
}

func TestAlignHealthy(t *testing.T) {
	p := newPath(t)
	vsftpd(t, p.server)
	c := login(t, p.client, pathServer)
	n := c.retrieve(pathServer, "pub/file")
	c.do("QUIT")
	wait(t, 50*time.Millisecond)
	al, r, _ := p.done()
	if r.RootCause != nil {
		t.Errorf("root cause %+v", r.RootCause)
	}
	if len(al.Pairs) != 2 || len(al.Missing) > 0 || al.UncertainS > 0.1 || al.OffsetS > al.UncertainS || -al.OffsetS > al.UncertainS {
		t.Errorf("%+v", al)
	}
	for _, x := range al.Pairs {
		for _, w := range []Way{x.ToServer, x.ToClient} {
			if w.Hops != 1 || w.Never != 0 || len(w.Forged) > 0 || len(w.Changed) > 0 || w.LostSYN > 0 {
				t.Errorf("%s: %+v", x.Server, w)
			}
		}
	}
	if w := al.Pairs[1].ToClient; w.Arrived != int64(n) {
		t.Errorf("%d bytes arrived of %d", w.Arrived, n)
	}
}

func TestAlignFaults(t *testing.T) {
	connect := func(p *path) {
		c, err := p.client.dial(pathServer + ":21")
		if err == nil {
			c.Close()
		}
	}
	for _, tt := range []struct {
		name      string
		rules     string
		do        func(p *path)
		want      *finding.Def
		confirmed bool
	}{
		{"SYN dropped on the way", "add rule ip t f tcp dport 21 drop", connect, finding.NetPortFiltered, false},
		{"refused on the way", "add rule ip t f tcp dport 21 reject with tcp reset", connect, finding.NetPortRejected, true},
		{"answers dropped on the way back", "add rule ip t f tcp sport 21 drop", connect, finding.RouteAsymmetric, false},
		{"one port dropped on the way, another not", "add rule ip t f tcp dport 990 drop", func(p *path) {
			connect(p)
			if c, err := p.client.dial(pathServer + ":990"); err == nil {
				c.Close()
			}
		}, finding.NetPortFiltered, true},
		{"large segments dropped on the way", "add rule ip t f ip saddr 10.9.1.2 meta length gt 1000 drop", func(p *path) {
			c := login(p.t, p.client, pathServer)
			r := c.do("EPSV")
			var port int
			if _, err := fmt.Sscanf(r[strings.Index(r, "|||"):], "|||%d|", &port); err != nil {
				p.t.Fatal(err)
			}
			d, err := p.client.dial(net.JoinHostPort(pathServer, fmt.Sprint(port)))
			if err != nil {
				p.t.Fatal(err)
			}
			defer d.Close()
			c.do("RETR pub/file")
			_ = d.SetReadDeadline(time.Now().Add(6 * time.Second)) // the server tries again and again
			_, _ = io.Copy(io.Discard, d)
		}, finding.RouteMTUBlackhole, true},
		{"reset by a box between", "", func(p *path) {
			c := login(p.t, p.client, pathServer)
			p.rules("add rule ip t f tcp dport 21 reject with tcp reset")
			_, _ = c.conn.Write([]byte("NOOP\r\n"))
			_ = c.conn.SetReadDeadline(time.Now().Add(3 * time.Second))
			_, _ = io.Copy(io.Discard, c.conn)
		}, finding.NetInspectionReset, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPath(t)
			vsftpd(t, p.server)
			if tt.rules != "" {
				p.rules(tt.rules)
			}
			// A look-alike that arrives: the two captures have something in common.
			if tt.want != finding.RouteMTUBlackhole {
				if c, err := p.client.dial(pathServer + ":2222"); err == nil {
					c.Close()
				}
			}
			tt.do(p)
			wait(t, 100*time.Millisecond)
			_, r, _ := p.done()
			confirmed := tt.confirmed || tt.want == finding.NetPortFiltered
			p.want(r, tt.want.Code, confirmed)
		})
	}
}

// Behind address translation the sequence numbers still tell.
func TestAlignTranslated(t *testing.T) {
	p := newPath(t)
	vsftpd(t, p.server)
	p.rules("add chain ip t d { type nat hook prerouting priority -100; }; add rule ip t d tcp dport 21 dnat to 10.9.1.2; " +
		"add chain ip t s { type nat hook postrouting priority 100; }; add rule ip t s masquerade")
	c := login(t, p.client, pathRouter)
	c.do("QUIT")
	wait(t, 50*time.Millisecond)
	al, _, _ := p.done()
	i := slices.IndexFunc(al.Pairs, func(x *Pair) bool { return x.Server == pathRouter+":21" })
	if i < 0 {
		t.Fatalf("the session was not found at the server: %+v", al)
	}
	if x := al.Pairs[i]; x.ServerThere != pathServer+":21" || !strings.HasPrefix(x.ClientThere, "10.9.1.254:") {
		t.Errorf("%+v", x)
	}
}
