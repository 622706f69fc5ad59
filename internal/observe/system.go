package observe

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strings"
	"time"
)

// File is the content of a small file of this machine.
type File struct {
	Step
	Text string `json:"text,omitempty"`
}

const maxFile = 256 << 10

// ReadFile reads a file of this machine, its first 256 KiB.
func (w *World) ReadFile(path string) File {
	return do(w, "file "+path, func() File {
		start := time.Now()
		f, err := os.Open(path)
		var b []byte
		if err == nil {
			b, err = io.ReadAll(io.LimitReader(f, maxFile))
			_ = f.Close()
		}
		out := File{Step: Step{Took: time.Since(start)}, Text: string(b)}
		out.Failure, out.Errno = classify(err)
		return out
	})
}

// Environment is a set of environment variables.
type Environment struct {
	Step
	Values map[string]string `json:"values"`
}

// Environment reads the named variables; unset ones are left out.
func (w *World) Environment(names ...string) map[string]string {
	return do(w, "env "+strings.Join(names, " "), func() Environment {
		values := map[string]string{}
		for _, n := range names {
			if v, ok := os.LookupEnv(n); ok {
				w.Hide(passwordIn(v)) // of each variable, also of those that are not obeyed
				values[n] = v
			}
		}
		return Environment{Values: values}
	}).Values
}

// passwordIn finds the password of a URL, also of one without scheme, as proxy
// variables hold them.
func passwordIn(value string) string {
	at := strings.LastIndex(value, "@")
	if at < 0 {
		return ""
	}
	userinfo := value[:at]
	if i := strings.Index(userinfo, "//"); i >= 0 {
		userinfo = userinfo[i+2:]
	}
	_, password, _ := strings.Cut(userinfo, ":")
	return password
}

// Self is this machine.
type Self struct {
	Step
	Hostname   string `json:"hostname"`
	System     string `json:"system"` // GOOS
	Privileged bool   `json:"privileged"`
}

// Self tells who asks.
func (w *World) Self() Self {
	return do(w, "self", func() Self {
		h, _ := os.Hostname()
		u, err := user.Current()
		return Self{Hostname: h, System: goos, Privileged: err == nil && u.Uid == "0"}
	})
}

// Link is a network interface.
type Link struct {
	Name     string         `json:"name"`
	Up       bool           `json:"up"`      // administratively
	Carrier  bool           `json:"carrier"` // and connected
	Loopback bool           `json:"loopback"`
	Tunnel   bool           `json:"tunnel"` // point-to-point or of a kind that carries packets within packets
	MTU      int            `json:"mtu"`
	Prefixes []netip.Prefix `json:"prefixes,omitempty"`
}

// LinkTable is all interfaces.
type LinkTable struct {
	Step
	Links []Link `json:"links"`
}

// Links reads the interfaces of this machine.
func (w *World) Links() LinkTable {
	return do(w, "links", func() LinkTable {
		var t LinkTable
		ifs, err := net.Interfaces()
		t.Failure, t.Errno = classify(err)
		for _, i := range ifs {
			l := Link{
				Name: i.Name, MTU: i.MTU, Up: i.Flags&net.FlagUp != 0, Carrier: i.Flags&net.FlagRunning != 0,
				Loopback: i.Flags&net.FlagLoopback != 0, Tunnel: i.Flags&net.FlagPointToPoint != 0 || isTunnel(i.Name),
			}
			addrs, _ := i.Addrs()
			for _, a := range addrs {
				if n, ok := a.(*net.IPNet); ok {
					if ip, ok := netip.AddrFromSlice(n.IP); ok {
						ones, _ := n.Mask.Size()
						l.Prefixes = append(l.Prefixes, netip.PrefixFrom(ip.Unmap(), ones))
					}
				}
			}
			t.Links = append(t.Links, l)
		}
		return t
	})
}

// Route is the kernel's own answer to: which way to this address?
type Route struct {
	Step
	Gateway   netip.Addr   `json:"gateway,omitzero"` // invalid: on the link
	Interface string       `json:"interface,omitempty"`
	Source    netip.Addr   `json:"source,omitzero"`
	Prefix    netip.Prefix `json:"prefix,omitzero"`  // the route that was chosen, where it could be told
	Kind      string       `json:"kind,omitempty"`   // unicast, local, blackhole, unreachable, prohibit
	Others    []Way        `json:"others,omitempty"` // further routes of the main table that cover the address, the most specific first
}

// Way is an entry of the routing table.
type Way struct {
	Prefix    netip.Prefix `json:"prefix"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Interface string       `json:"interface,omitempty"`
	Kind      string       `json:"kind"`
}

// Route asks the kernel. Where the system does not tell, Failure is NotSupported.
func (w *World) Route(to netip.Addr) Route {
	return do(w, "route "+to.String(), func() Route { return routeLive(to) })
}

// Neighbour is the state of a machine on the same link.
type Neighbour struct {
	Step
	State string `json:"state,omitempty"` // reachable, stale, delay, probe, failed, incomplete, permanent, none
	MAC   string `json:"mac,omitempty"`
}

// Neighbour reads the kernel's table of neighbours.
func (w *World) Neighbour(a netip.Addr, device string) Neighbour {
	return do(w, "neighbour "+a.String()+" "+device, func() Neighbour { return neighbourLive(a, device) })
}

// Claim asks the link who has an IPv4 address, and returns the hardware
// addresses of all that answer within the time (ARP, RFC 826). It needs the
// capability CAP_NET_RAW.
type Claim struct {
	Step
	MACs []string `json:"macs,omitempty"`
}

// WhoHas broadcasts an ARP request on a device.
func (w *World) WhoHas(ctx context.Context, a netip.Addr, device string, wait time.Duration) Claim {
	return do(w, "whohas "+a.String()+" "+device, func() Claim { return whoHasLive(ctx, a, device, wait) })
}

// Echo is the answer to a ping or to a datagram to a closed port.
type Echo struct {
	Step
	From netip.Addr `json:"from,omitzero"` // who answered
}

// Ping sends one ICMP echo request, without privilege where the system lets
// (ping_group_range in icmp(7)).
func (w *World) Ping(ctx context.Context, to netip.Addr, timeout time.Duration) Echo {
	return do(w, "ping "+to.String(), func() Echo { return pingLive(ctx, to, timeout) })
}

// Knock sends an empty datagram to a UDP port that is surely closed. A host
// that is alive and not shy answers "port unreachable" (RFC 1122 §4.1.3.1);
// Step.ICMP holds that answer, or a router's. TTL 0 is the system's own.
func (w *World) Knock(ctx context.Context, to netip.AddrPort, ttl int, timeout time.Duration) Echo {
	name := "knock " + to.String()
	if ttl > 0 {
		name += " ttl=" + itoa(ttl)
	}
	return do(w, name, func() Echo { return knockLive(ctx, to, ttl, timeout) })
}

// AnswerTTL is the hop limit that was left of the segment which answered a SYN.
type AnswerTTL struct {
	Step
	TTL   int  `json:"ttl,omitempty"`
	Reset bool `json:"reset,omitempty"` // it was a RST
}

// AnswerTTL connects and reads the TTL of the first answer. Two machines at
// different distances show by it, also where both answer in one name. It needs
// the capability CAP_NET_RAW.
func (w *World) AnswerTTL(ctx context.Context, to netip.AddrPort, timeout time.Duration) AnswerTTL {
	return do(w, "answer-ttl "+to.String(), func() AnswerTTL { return answerTTLLive(ctx, to, timeout) })
}
