package firewall_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"ftpdoctor/internal/firewall"
)

// The kernel judges as well: random rule sets are loaded into a network
// namespace, random packets are sent through it, and what became of each is
// compared with Judge. A packet carries its number in its IP header (the
// identification of IPv4, the flow label of IPv6). Chains before all others note
// that it came, chains after all others note that it got through and where to,
// and drop it, so that nothing answers and no connection is confirmed. What
// comes back to the sender is the answer of a reject.

// observer is the table that notes packets. Test packets leave with a TTL of 77;
// what the machine sends by itself has another.
const observer = `
table inet zz {
	set came4 { typeof ip id; size 65535; flags dynamic; }
	set came6 { typeof ip6 flowlabel; size 65535; flags dynamic; }
	set in4 { typeof ip id . ip daddr . th dport; size 65535; flags dynamic; }
	set in6 { typeof ip6 flowlabel . ip6 daddr . th dport; size 65535; flags dynamic; }
	set out4 { typeof ip id . ip daddr . th dport; size 65535; flags dynamic; }
	set out6 { typeof ip6 flowlabel . ip6 daddr . th dport; size 65535; flags dynamic; }
	chain first {
		type filter hook prerouting priority -2147483648
		ip ttl 77 add @came4 { ip id }
		ip6 hoplimit 77 add @came6 { ip6 flowlabel }
	}
	chain begin {
		type filter hook output priority -2147483648
		ip ttl 77 add @came4 { ip id }
		ip6 hoplimit 77 add @came6 { ip6 flowlabel }
	}
	chain last {
		type filter hook input priority 2147483646
		ip ttl 77 add @in4 { ip id . ip daddr . th dport } drop
		ip6 hoplimit 77 add @in6 { ip6 flowlabel . ip6 daddr . th dport } drop
		ct state established counter
	}
	chain end {
		type filter hook postrouting priority 2147483646
		ip ttl 76-77 add @out4 { ip id . ip daddr . th dport } drop
		ip6 hoplimit 76-77 add @out6 { ip6 flowlabel . ip6 daddr . th dport } drop
	}
}
`

// bench is a machine under test with its neighbours: two namespaces, one thread
// in each. They go when the threads end.
type bench struct {
	dut, peer *inNamespace
	site
	raw4, raw6 int
	misread    func([]byte) []byte // spoils what the tools print; nil: nothing does
	dirty      bool                // legacy tables hold rules
}

// inNamespace is a thread that lives in a network namespace of its own.
type inNamespace struct {
	work chan func()
	fd   int
}

func newNamespace(t *testing.T) *inNamespace {
	t.Helper()
	n := &inNamespace{work: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and the namespace with it
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		ready <- err
		for f := range n.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		t.Skipf("no network namespace can be made: %v", err)
	}
	t.Cleanup(func() {
		unix.Close(n.fd)
		close(n.work)
	})
	return n
}

// do runs f in the namespace.
func (n *inNamespace) do(f func() error) error {
	done := make(chan error)
	n.work <- func() { done <- f() }
	return <-done
}

// run runs a command in the namespace.
func (n *inNamespace) run(stdin string, argv ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	err := n.do(func() error {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
		return cmd.Run()
	})
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, errs.String())
	}
	return out.Bytes(), err
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: rules can't be loaded into a kernel")
	}
	for _, tool := range []string{"nft", "iptables-nft-restore", "iptables-legacy-restore", "ip6tables-nft-restore", "ip6tables-legacy-restore"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	b := &bench{dut: newNamespace(t), peer: newNamespace(t), site: site{host: &firewall.Host{}}}
	for i, name := range []string{"in0", "in1", "out0"} {
		b.links = append(b.links, &link{
			name:  name,
			addr4: netip.MustParsePrefix([]string{"192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24"}[i]),
			addr6: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::1/64", i+1)),
		})
	}
	if err := b.dut.do(b.wire); err != nil {
		t.Fatalf("network of the test: %v", err)
	}
	if err := b.peer.do(b.listen); err != nil {
		t.Fatalf("sockets of the test: %v", err)
	}
	t.Cleanup(func() {
		for _, l := range b.links {
			unix.Close(l.peerSocket)
		}
		unix.Close(b.raw4)
		unix.Close(b.raw6)
	})
	return b
}

// wire makes the interfaces of the machine under test.
func (b *bench) wire() error {
	settings := map[string]string{
		"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1",
		"net/ipv4/icmp_ratelimit": "0", "net/ipv6/icmp/ratelimit": "0", "net/ipv4/icmp_msgs_per_sec": "1000000", "net/ipv4/icmp_msgs_burst": "1000000",
		"net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/default/rp_filter": "0", "net/ipv6/conf/default/accept_dad": "0",
		"net/ipv4/conf/all/send_redirects": "0", "net/ipv4/conf/default/send_redirects": "0",
		"net/netfilter/nf_conntrack_tcp_loose": "0", "net/netfilter/nf_conntrack_tcp_be_liberal": "1",
	}
	for name, v := range settings {
		if err := os.WriteFile("/proc/sys/"+name, []byte(v), 0o644); err != nil {
			return err
		}
	}
	if lo, err := netlink.LinkByName("lo"); err != nil || netlink.LinkSetUp(lo) != nil {
		return errors.Join(err, errors.New("lo does not come up"))
	}
	for i, l := range b.links {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.Index = l.name, 10+i
		v := &netlink.Veth{LinkAttrs: attrs, PeerName: "p" + strconv.Itoa(i), PeerNamespace: netlink.NsFd(b.peer.fd)}
		if err := netlink.LinkAdd(v); err != nil {
			return fmt.Errorf("veth: %w", err)
		}
		dev, err := netlink.LinkByName(l.name)
		if err != nil {
			return err
		}
		l.mac = dev.Attrs().HardwareAddr
		// Without ARP every neighbour is reachable at once.
		if err := errors.Join(netlink.LinkSetARPOff(dev), netlink.LinkSetUp(dev)); err != nil {
			return err
		}
		for _, p := range []netip.Prefix{l.addr4, l.addr6} {
			a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, Flags: unix.IFA_F_NODAD}
			if err := netlink.AddrAdd(dev, a); err != nil {
				return fmt.Errorf("address %s: %w", p, err)
			}
			b.host.Addresses = append(b.host.Addresses, firewall.Address{Interface: l.name, Prefix: p})
		}
	}
	b.host.Addresses = append(b.host.Addresses,
		firewall.Address{Interface: "lo", Prefix: netip.MustParsePrefix("127.0.0.1/8")},
		firewall.Address{Interface: "lo", Prefix: netip.MustParsePrefix("::1/128")})
	for _, far := range []string{"10.0.0.0/8", "2001:db8:a::/48"} {
		p := netip.MustParsePrefix(far)
		dst := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: 10, Dst: dst}); err != nil {
			return fmt.Errorf("route to %s: %w", far, err)
		}
	}
	var err4, err6 error
	b.raw4, err4 = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	b.raw6, err6 = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	return errors.Join(err4, err6)
}

// listen opens the sockets at the other ends.
func (b *bench) listen() error {
	for i, l := range b.links {
		name := "p" + strconv.Itoa(i)
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644); err != nil {
			return err
		}
		dev, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		l.peer, l.peerIndex = dev.Attrs().HardwareAddr, dev.Attrs().Index
		if err := errors.Join(netlink.LinkSetARPOff(dev), netlink.LinkSetUp(dev)); err != nil {
			return err
		}
		all := int(binary.BigEndian.Uint16([]byte{unix.ETH_P_ALL & 0xff, unix.ETH_P_ALL >> 8}))
		l.peerSocket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(l.peerSocket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
			return err
		}
		if err := unix.Bind(l.peerSocket, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: l.peerIndex}); err != nil {
			return err
		}
	}
	return nil
}

// wire is the packet as it crosses the link.
func (c *trial) wire() []byte {
	p := c.packet
	var l4 []byte
	switch p.Proto {
	case firewall.TCP:
		l4 = make([]byte, 20)
		binary.BigEndian.PutUint32(l4[4:], uint32(c.id)<<8)
		binary.BigEndian.PutUint32(l4[8:], uint32(c.id)<<8)
		l4[12], l4[13] = 5<<4, p.Flags
		binary.BigEndian.PutUint16(l4[14:], 65000)
	case firewall.UDP:
		l4 = make([]byte, 12)
		binary.BigEndian.PutUint16(l4[4:], 12)
	default:
		l4 = make([]byte, 8)
		l4[0], l4[1] = p.Type, p.Code
		binary.BigEndian.PutUint16(l4[4:], uint16(c.id))
		switch {
		case c.about != nil:
			inner := trial{id: c.id, packet: *c.about}
			l4 = append(l4, inner.wire()...)
		default:
			l4 = append(l4, make([]byte, 72)...)
		}
	}
	if p.Proto == firewall.TCP || p.Proto == firewall.UDP {
		binary.BigEndian.PutUint16(l4[0:], p.Src.Port())
		binary.BigEndian.PutUint16(l4[2:], p.Dst.Port())
	}
	at := map[firewall.Proto]int{firewall.TCP: 16, firewall.UDP: 6, firewall.ICMP: 2, firewall.ICMPv6: 2}[p.Proto]
	src, dst := p.Src.Addr().AsSlice(), p.Dst.Addr().AsSlice()
	pseudo := append(append([]byte{}, src...), dst...)
	pseudo = append(pseudo, 0, 0, byte(len(l4)>>8), byte(len(l4)), 0, byte(p.Proto))
	if p.Proto == firewall.ICMP {
		pseudo = nil
	}
	binary.BigEndian.PutUint16(l4[at:], checksum(append(pseudo, l4...)))
	if p.Src.Addr().Is4() {
		h := make([]byte, 20)
		h[0], h[8], h[9] = 0x45, 77, byte(p.Proto)
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(l4)))
		binary.BigEndian.PutUint16(h[4:], uint16(c.id))
		copy(h[12:], src)
		copy(h[16:], dst)
		binary.BigEndian.PutUint16(h[10:], checksum(h))
		return append(h, l4...)
	}
	h := make([]byte, 40)
	binary.BigEndian.PutUint32(h, 6<<28|uint32(c.id))
	binary.BigEndian.PutUint16(h[4:], uint16(len(l4)))
	h[6], h[7] = byte(p.Proto), 77
	copy(h[8:], src)
	copy(h[24:], dst)
	return append(h, l4...)
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// send lets the machine under test receive the packet, or send it.
func (b *bench) send(c *trial) error {
	data := c.wire()
	if c.hook == firewall.Output {
		if c.packet.Dst.Addr().Is4() {
			if err := unix.SetsockoptInt(b.raw4, unix.SOL_SOCKET, unix.SO_MARK, int(c.packet.Mark)); err != nil {
				return err
			}
			err := unix.Sendto(b.raw4, data, 0, &unix.SockaddrInet4{Addr: c.packet.Dst.Addr().As4()})
			return allowRefusal(err)
		}
		if err := unix.SetsockoptInt(b.raw6, unix.SOL_SOCKET, unix.SO_MARK, int(c.packet.Mark)); err != nil {
			return err
		}
		err := unix.Sendto(b.raw6, data, 0, &unix.SockaddrInet6{Addr: c.packet.Dst.Addr().As16()})
		return allowRefusal(err)
	}
	for _, l := range b.links {
		if l.name != c.packet.In {
			continue
		}
		ether := uint16(unix.ETH_P_IP)
		if c.packet.Dst.Addr().Is6() {
			ether = unix.ETH_P_IPV6
		}
		frame := append(append([]byte{}, l.mac...), l.peer...)
		frame = binary.BigEndian.AppendUint16(frame, ether)
		return unix.Sendto(l.peerSocket, append(frame, data...), 0, &unix.SockaddrLinklayer{Ifindex: l.peerIndex, Protocol: ether<<8 | ether>>8, Halen: 6})
	}
	return fmt.Errorf("no link %q", c.packet.In)
}

// allowRefusal takes it that a packet which rules drop is reported to its sender.
func allowRefusal(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EHOSTUNREACH),
		errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPROTO):
		return nil
	}
	return err
}

// establish makes the connection to which the packet belongs known to the
// kernel, as one that has seen traffic in both directions.
func establish(p firewall.Packet) error {
	forward := [2]netip.AddrPort{p.Src, p.Dst}
	if p.Reply {
		forward = [2]netip.AddrPort{p.Dst, p.Src}
	}
	family := uint8(unix.AF_INET)
	src, dst := nl.CTA_IP_V4_SRC, nl.CTA_IP_V4_DST
	if p.Src.Addr().Is6() {
		family, src, dst = unix.AF_INET6, nl.CTA_IP_V6_SRC, nl.CTA_IP_V6_DST
	}
	tuple := func(kind int, from, to netip.AddrPort) *nl.RtAttr {
		out := nl.NewRtAttr(unix.NLA_F_NESTED|kind, nil)
		ip := out.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_IP, nil)
		ip.AddRtAttr(src, from.Addr().AsSlice())
		ip.AddRtAttr(dst, to.Addr().AsSlice())
		proto := out.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_TUPLE_PROTO, nil)
		proto.AddRtAttr(nl.CTA_PROTO_NUM, []byte{byte(p.Proto)})
		proto.AddRtAttr(nl.CTA_PROTO_SRC_PORT, nl.BEUint16Attr(from.Port()))
		proto.AddRtAttr(nl.CTA_PROTO_DST_PORT, nl.BEUint16Attr(to.Port()))
		return out
	}
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_NEW, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	req.AddData(tuple(nl.CTA_TUPLE_ORIG, forward[0], forward[1]))
	req.AddData(tuple(nl.CTA_TUPLE_REPLY, forward[1], forward[0]))
	const seenReply, assured, confirmed = 2, 4, 8
	req.AddData(nl.NewRtAttr(nl.CTA_STATUS, nl.BEUint32Attr(seenReply|assured|confirmed)))
	req.AddData(nl.NewRtAttr(nl.CTA_TIMEOUT, nl.BEUint32Attr(600)))
	if p.ConnMark != nil {
		req.AddData(nl.NewRtAttr(nl.CTA_MARK, nl.BEUint32Attr(*p.ConnMark)))
	}
	if p.Proto == firewall.TCP {
		info := nl.NewRtAttr(unix.NLA_F_NESTED|nl.CTA_PROTOINFO, nil)
		info.AddRtAttr(unix.NLA_F_NESTED|nl.CTA_PROTOINFO_TCP, nil).AddRtAttr(nl.CTA_PROTOINFO_TCP_STATE, []byte{nl.TCP_CONNTRACK_ESTABLISHED})
		req.AddData(info)
	}
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

// fate is what the kernel made of a packet.
type fate struct {
	came     bool
	action   firewall.Action
	hook     firewall.Hook
	to       netip.AddrPort // where it went, if it was accepted
	with     string
	answered bool
}

// watch sends packets and sees what becomes of them.
func (b *bench) watch(trials []*trial) (map[int]*fate, error) {
	err := b.dut.do(func() error {
		if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
			return fmt.Errorf("flush connections: %w", err)
		}
		for _, c := range trials {
			p := c.packet
			if c.about != nil {
				p = *c.about
			}
			if p.State == firewall.Established {
				if err := establish(p); err != nil {
					return fmt.Errorf("make connection %v: %w", p, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.answers(map[int]*fate{}) // of the machine before
	for _, c := range trials {
		if err := b.send(c); err != nil {
			return nil, fmt.Errorf("send %+v: %w", c.packet, err)
		}
	}
	for try := 0; ; try++ {
		fates := map[int]*fate{}
		for _, c := range trials {
			fates[c.id] = &fate{action: firewall.Drop}
		}
		if err := b.read(fates); err != nil {
			return nil, err
		}
		missing := 0
		for _, f := range fates {
			if !f.came {
				missing++
			}
		}
		if missing == 0 || try == 20 {
			b.answers(fates)
			return fates, nil
		}
		time.Sleep(5 * time.Millisecond) // nothing tells when the kernel is done with a frame
	}
}

// read asks the observer's sets.
func (b *bench) read(fates map[int]*fate) error {
	out, err := b.dut.run("", "nft", "-j", "list", "table", "inet", "zz")
	if err != nil {
		return err
	}
	var listing struct {
		Nftables []struct {
			Set *struct {
				Name string
				Elem []any
			}
		}
	}
	if err := json.Unmarshal(out, &listing); err != nil {
		return err
	}
	for _, o := range listing.Nftables {
		if o.Set == nil {
			continue
		}
		for _, e := range o.Set.Elem {
			if m, ok := e.(map[string]any); ok {
				if c, ok := m["concat"].([]any); ok && len(c) == 3 {
					f := fates[int(c[0].(float64))]
					if f == nil {
						continue
					}
					f.action, f.to = firewall.Accept, netip.AddrPortFrom(netip.MustParseAddr(c[1].(string)), uint16(c[2].(float64)))
					f.hook = firewall.Input
					if strings.HasPrefix(o.Set.Name, "out") {
						f.hook = firewall.Forward
					}
				}
				continue
			}
			if f := fates[int(e.(float64))]; f != nil && strings.HasPrefix(o.Set.Name, "came") {
				f.came = true
			}
		}
	}
	return nil
}

// answers reads what came back to the senders.
func (b *bench) answers(fates map[int]*fate) {
	buf := make([]byte, 2048)
	for _, l := range b.links {
		for {
			n, from, err := unix.Recvfrom(l.peerSocket, buf, 0)
			if err != nil {
				break
			}
			if a, ok := from.(*unix.SockaddrLinklayer); ok && a.Pkttype == unix.PACKET_OUTGOING || n < 34 {
				continue
			}
			id, with := answerOf(buf[14:n])
			if f := fates[id]; f != nil && with != "" && f.action != firewall.Accept {
				f.action, f.with, f.answered = firewall.Reject, with, true
			}
		}
	}
}

var (
	icmpCodes  = map[byte]string{0: "net-unreachable", 1: "host-unreachable", 2: "prot-unreachable", 3: "port-unreachable", 9: "net-prohibited", 10: "host-prohibited", 13: "admin-prohibited"}
	icmp6Codes = map[byte]string{0: "no-route", 1: "admin-prohibited", 3: "addr-unreachable", 4: "port-unreachable", 5: "policy-fail", 6: "reject-route"}
)

// answerOf reads which packet an answer is to.
func answerOf(b []byte) (id int, with string) {
	proto, l4 := b[9], b[20:]
	if b[0]>>4 == 6 {
		if len(b) < 60 {
			return 0, ""
		}
		proto, l4 = b[6], b[40:]
	}
	switch {
	case proto == 6 && len(l4) >= 20 && l4[13]&4 != 0: // RST
		if l4[13]&16 != 0 {
			return int((binary.BigEndian.Uint32(l4[8:]) - 1) >> 8), "tcp reset"
		}
		return int(binary.BigEndian.Uint32(l4[4:]) >> 8), "tcp reset"
	case proto == 1 && len(l4) >= 28 && l4[0] == 3 && l4[8+8] >= 76:
		return int(binary.BigEndian.Uint16(l4[8+4:])), "icmp " + icmpCodes[l4[1]]
	case proto == 58 && len(l4) >= 48 && l4[0] == 1 && l4[8+7] >= 76:
		return int(binary.BigEndian.Uint32(l4[8:]) & 0xfffff), "icmpv6 " + icmp6Codes[l4[1]]
	}
	return 0, ""
}

// rules is a random rule set as the kernel has it and as we read it.
type rules struct {
	what   string // the tools that it was made with
	script string // to load it again
	parsed *firewall.Ruleset
	quiet  bool // answers of rejects can't get lost on their way
}

// judge is what is tested; tests of the test have others.
type judge func(*firewall.Ruleset, firewall.Hook, firewall.Packet) firewall.Verdict

// tally is what came of it.
type tally struct {
	cases, open, lost int
	wrong             []string
	by                map[string]int
}

// judgement compares one verdict with the packet's fate.
func (s *tally) judgement(rs *rules, c *trial, told firewall.Packet, v firewall.Verdict, f *fate) {
	if !f.came {
		s.lost++
		return
	}
	wrong := func(what string) {
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %s\n%v %+v\nverdict: %v %q %s\nkernel: %+v\n%s",
			rs.what, what, c.hook, told, v.Action, v.With, ruleText(v), *f, rs.script))
	}
	same := func(a firewall.Action, with string) bool {
		if a == firewall.Reject && !f.answered && f.action == firewall.Drop {
			return !rs.quiet || silent(c.packet)
		}
		return a == f.action && (a != firewall.Reject || with == f.with || with == "")
	}
	if v.Action == firewall.Unknown {
		s.open++
		for _, o := range v.Possible {
			if same(o.Action, o.With) {
				return
			}
		}
		wrong("the kernel did what is not among the possible outcomes " + fmt.Sprint(v.Possible))
		return
	}
	s.cases++
	s.by[rs.what]++
	s.by[v.Action.String()]++
	s.by[c.hook.String()]++
	s.by[c.packet.State.String()]++
	switch {
	case !same(v.Action, v.With):
		wrong("another outcome")
	case v.Action != firewall.Accept || len(v.Unmodelled) > 0:
	case c.hook != firewall.Output && v.Hook != f.hook:
		wrong("it went elsewhere")
	case v.DNAT.IsValid() && v.DNAT.Addr() != f.to.Addr():
		wrong("another address after translation")
	case v.DNAT.IsValid() && hasPorts(c.packet) && v.DNAT.Port() != f.to.Port():
		wrong("another port after translation")
	case !v.DNAT.IsValid() && f.to.Addr() != c.packet.Dst.Addr() && told.Host != nil && !loose(rs):
		wrong("a translation was overlooked")
	}
}

// silent tells that nobody answers such a packet: it is an error itself.
func silent(p firewall.Packet) bool {
	return p.Proto == firewall.ICMP && p.Type == 3 || p.Proto == firewall.ICMPv6 && p.Type < 128
}

// loose tells that a rule set has translations whose outcome the kernel chooses.
func loose(rs *rules) bool {
	return strings.Contains(rs.script, "redirect") || strings.Contains(rs.script, "REDIRECT")
}

func hasPorts(p firewall.Packet) bool { return p.Proto == firewall.TCP || p.Proto == firewall.UDP }

func ruleText(v firewall.Verdict) string {
	if v.Rule == nil {
		return fmt.Sprint(v.Unmodelled)
	}
	out := fmt.Sprintf("%s %s %s #%d %q, to %v", v.Rule.Family, v.Rule.Table, v.Rule.Chain, v.Rule.Number, v.Rule.Text, v.DNAT)
	for _, s := range v.Path {
		out += fmt.Sprintf("\n  by %s %s #%d %s", s.Rule.Table, s.Rule.Chain, s.Rule.Number, s.Rule.Text)
	}
	return out
}

// packets is how many go through one rule set.
const packets = 160

// compare makes rule sets and packets until there are as many cases as wanted,
// or enough disagreements.
func (b *bench) compare(t *testing.T, seed uint64, want, enough int, decide judge) *tally {
	t.Helper()
	s := &tally{by: map[string]int{}}
	for n := uint64(0); s.cases < want; n++ {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, n)), site: b.site}
		rs, err := b.load(g)
		if err != nil {
			t.Fatalf("seed %d, rule set %d: %v", seed, n, err)
		}
		var trials []*trial
		for i := range packets {
			trials = append(trials, g.trial(i+1))
		}
		fates, err := b.watch(trials)
		if err != nil {
			t.Fatalf("seed %d, rule set %d: %v", seed, n, err)
		}
		if few := trials[0].packet; n%8 == 0 && hasPorts(few) {
			few.Host = b.host
			sameByRange(t, rs.parsed, trials[0].hook, few, g)
		}
		for _, c := range trials {
			told := g.told(c)
			s.judgement(rs, c, told, decide(rs.parsed, c.hook, told), fates[c.id])
		}
		if len(s.wrong) >= enough {
			break
		}
	}
	return s
}

// load makes a random rule set, loads it and reads it back.
func (b *bench) load(g *generator) (*rules, error) {
	rs := &rules{quiet: g.Chance(70)}
	withNFT, backend := false, ""
	switch g.IntN(10) {
	case 0, 1, 2, 3, 4:
		withNFT = true
	case 5, 6:
		backend = "legacy"
	case 7, 8:
		backend = "nft"
	case 9:
		withNFT, backend = true, []string{"legacy", "nft"}[g.IntN(2)]
	}
	nft := ""
	if withNFT {
		nft = g.nftables(rs.quiet)
		rs.what = "nft "
	}
	rs.script = nft
	empty := map[string]string{}
	for _, family := range []string{"iptables", "ip6tables"} {
		empty[family] = "*security\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n" +
			"*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"
	}
	if _, err := b.dut.run("flush ruleset\n"+observer+nft, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	var parts []*firewall.Ruleset
	if backend != "" {
		rs.what += "iptables-" + backend
		for _, family := range []string{"iptables", "ip6tables"} {
			script := g.iptables(family == "ip6tables", rs.quiet)
			rs.script += "# " + family + "\n" + script
			if _, err := b.dut.run(script, family+"-"+backend+"-restore"); err != nil {
				return nil, err
			}
			out, err := b.dut.run("", family+"-"+backend+"-save")
			if err != nil {
				return nil, err
			}
			part, err := firewall.ParseIPTables(b.seen(out), map[string]firewall.Family{"iptables": firewall.IP, "ip6tables": firewall.IP6}[family])
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
	}
	if backend != "legacy" && b.dirty {
		for _, family := range []string{"iptables", "ip6tables"} {
			if _, err := b.dut.run(empty[family], family+"-legacy-restore"); err != nil {
				return nil, err
			}
		}
	}
	b.dirty = backend == "legacy"
	if withNFT || backend == "nft" {
		out, err := b.dut.run("", "nft", "-j", "list", "ruleset")
		if err != nil {
			return nil, err
		}
		listing := b.seen(withoutObserver(out))
		part, err := firewall.ParseNFT(listing, nil)
		if err != nil {
			return nil, err
		}
		if part.Hides() {
			code, err := b.dut.run("", "nft", "--debug=netlink", "list", "ruleset")
			if err != nil {
				return nil, err
			}
			if part, err = firewall.ParseNFT(listing, code); err != nil {
				return nil, err
			}
		}
		parts = append(parts, part)
	}
	rs.parsed = firewall.Join(parts...)
	return rs, nil
}

// seen is what the parsers get to see of a listing.
func (b *bench) seen(out []byte) []byte {
	if b.misread == nil {
		return out
	}
	return b.misread(out)
}

// withoutObserver removes the table of the test from a listing.
func withoutObserver(out []byte) []byte {
	var listing struct {
		Nftables []map[string]map[string]any `json:"nftables"`
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	if dec.Decode(&listing) != nil {
		return out
	}
	kept := listing.Nftables[:0]
	for _, o := range listing.Nftables {
		ours := false
		for kind, d := range o {
			ours = ours || d["table"] == "zz" || kind == "table" && d["name"] == "zz"
		}
		if !ours {
			kept = append(kept, o)
		}
	}
	listing.Nftables = kept
	clean, err := json.Marshal(listing)
	if err != nil {
		return out
	}
	return clean
}

// wanted is how many cases a test makes, and from which seed: the same one every
// time, for a test should not fail for what nobody touched.
func wanted(t *testing.T, usual int) (int, uint64) {
	t.Helper()
	seed := uint64(1)
	switch s := os.Getenv("FIREWALL_SEED"); s {
	case "":
	case "random":
		seed = uint64(time.Now().UnixNano())
	default:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("FIREWALL_SEED: %v", err)
		}
		seed = n
	}
	if s := os.Getenv("FIREWALL_CASES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("FIREWALL_CASES: %v", err)
		}
		usual = n
	}
	if testing.Short() {
		usual = min(usual, 500)
	}
	return usual, seed
}

// The verdict is the kernel's. FIREWALL_CASES sets how many cases are made,
// FIREWALL_SEED which: "random" for new ones, or the number that an earlier run
// printed.
func TestKernelAgrees(t *testing.T) {
	b := newBench(t)
	want, seed := wanted(t, 3000)
	start := time.Now()
	s := b.compare(t, seed, want, 5, (*firewall.Ruleset).Judge)
	t.Logf("seed %d: %d cases in %.1f s, %d more with an open verdict, %d packets lost; %v",
		seed, s.cases, time.Since(start).Seconds(), s.open, s.lost, s.by)
	for _, w := range s.wrong {
		t.Errorf("seed %d: %s", seed, w)
	}
	if all := s.cases + s.open + s.lost; s.lost*200 > all || s.open*4 > all {
		t.Errorf("of %d packets %d were lost and %d have an open verdict: too many to mean anything", all, s.lost, s.open)
	}
}

// An evaluator with a mistake is found out, whatever the mistake.
func TestKernelFindsMistakes(t *testing.T) {
	b := newBench(t)
	_, seed := wanted(t, 0)
	// The first are found soon; the others are looked for when there is time for
	// many cases.
	for i, m := range []struct{ name, from, to string }{
		{"a policy is overlooked", `"policy":"drop"`, `"policy":"accept"`},
		{"nothing is translated", `{"dnat":`, `{"log":`},
		{"RETURN is taken for DROP", "-j RETURN", "-j DROP"},
		{"inequality is taken for equality", `"op":"!="`, `"op":"=="`},
		{"negation is overlooked", ` ! --`, ` --`},
		{"sources are taken for destinations", `"field":"saddr"`, `"field":"daddr"`},
		{"established is taken for new", "established", "new"},
		{"ESTABLISHED is taken for NEW", "ESTABLISHED", "NEW"},
		{"return is taken for drop", `{"return":null}`, `{"drop":null}`},
		{"goto is taken for jump", `{"goto":`, `{"jump":`},
		{"the wrong answer", `"expr":"admin-prohibited"`, `"expr":"port-unreachable"`},
		{"marks are not set", `"mangle":{"key":{"meta"`, `"log":{"key":{"meta"`},
		{"MARK is overlooked", "-j MARK ", "-j LOG "},
		{"an interface is taken for another", "in0", "in1"},
	} {
		if i >= 5 && os.Getenv("FIREWALL_CASES") == "" {
			break
		}
		t.Run(m.name, func(t *testing.T) {
			b.misread = func(out []byte) []byte { return bytes.ReplaceAll(out, []byte(m.from), []byte(m.to)) }
			s := b.compare(t, seed, 100000, 1, (*firewall.Ruleset).Judge)
			if len(s.wrong) == 0 {
				t.Errorf("seed %d: not found out in %d cases", seed, s.cases)
			}
			t.Logf("found out within %d cases", s.cases)
		})
	}
}

// A wrong evaluator is found out, even if it is wrong once.
func TestKernelDisagreesWithAWrongVerdict(t *testing.T) {
	b := newBench(t)
	_, seed := wanted(t, 0)
	n := 0
	s := b.compare(t, seed, 300, 5, func(rs *firewall.Ruleset, h firewall.Hook, p firewall.Packet) firewall.Verdict {
		v := rs.Judge(h, p)
		if v.Action == firewall.Unknown {
			return v
		}
		if n++; n == 200 {
			v.Action = map[firewall.Action]firewall.Action{firewall.Accept: firewall.Drop, firewall.Drop: firewall.Accept, firewall.Reject: firewall.Accept}[v.Action]
		}
		return v
	})
	if len(s.wrong) != 1 || s.cases < 200 {
		t.Errorf("seed %d: one verdict of %d was turned round, and %d disagreements were found", seed, s.cases, len(s.wrong))
	}
}

// HelperFor names the helper that the kernel assigns to a connection.
func TestKernelAssignsHelpers(t *testing.T) {
	b := newBench(t)
	const rules = `
table inet t {
	ct helper standard { type "ftp" protocol tcp; }
	ct helper four { type "ftp" protocol tcp; l3proto ip; }
	chain pre {
		type filter hook prerouting priority -150
		tcp dport 21 ct helper set "standard"
		tcp dport { 2121, 2122 } ct helper set "four"
		udp dport 21 ct helper set "standard"
		tcp dport 2122 drop
	}
	chain late {
		type filter hook input priority 0
		tcp dport 990 ct helper set "standard"
		tcp dport 991 ct helper set "standard" drop
	}
	chain early {
		type filter hook prerouting priority -300
		tcp dport 80 ct helper set "standard"
		tcp sport 20 notrack
	}
	chain quiet { # a reset would end the connection
		type filter hook output priority -400
		tcp flags rst drop
	}
}
`
	if _, err := b.dut.run("flush ruleset\n"+rules, "nft", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	out, err := b.dut.run("", "nft", "-j", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := firewall.ParseNFT(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	var trials []*trial
	for _, src := range []string{"192.0.2.10", "2001:db8:1::10"} {
		dst := map[string]string{"192.0.2.10": "192.0.2.1", "2001:db8:1::10": "2001:db8:1::1"}[src]
		for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP} {
			for _, sport := range []uint16{20, 40000} {
				for _, dport := range []uint16{21, 80, 990, 991, 2121, 2122, 4000} {
					trials = append(trials, &trial{id: len(trials) + 1, packet: firewall.Packet{
						Src: netip.AddrPortFrom(netip.MustParseAddr(src), sport), Dst: netip.AddrPortFrom(netip.MustParseAddr(dst), dport),
						Proto: proto, Flags: firewall.SYN, In: "in0", Host: b.host,
					}})
				}
			}
		}
	}
	for _, c := range trials {
		if err := b.send(c); err != nil {
			t.Fatal(err)
		}
	}
	var got map[[2]netip.AddrPort]string
	// TCP from port 40000 to the five ports that are not dropped, IPv4 and IPv6.
	for try := 0; len(got) < 10 && try < 20; try++ {
		time.Sleep(5 * time.Millisecond) // nothing tells when the kernel is done with a frame
		err = b.dut.do(func() error {
			got, err = helpers()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	assigned := 0
	for _, c := range trials {
		want := got[[2]netip.AddrPort{c.packet.Src, c.packet.Dst}]
		if c.packet.Proto == firewall.UDP {
			want = "" // helpers lists TCP
		}
		if name := rs.HelperFor(c.packet); name != want {
			t.Errorf("%v from %v to %v: helper %q, the kernel has %q", c.packet.Proto, c.packet.Src, c.packet.Dst, name, want)
		}
		if want != "" {
			assigned++
		}
	}
	if assigned != 5 {
		t.Errorf("the kernel assigned %d helpers, want 5", assigned)
	}
}

// helpers lists the TCP connections of the namespace with their helpers.
func helpers() (map[[2]netip.AddrPort]string, error) {
	out := map[[2]netip.AddrPort]string{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP)
		req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
		replies, err := req.Execute(unix.NETLINK_NETFILTER, 0)
		if err != nil {
			return nil, err
		}
		for _, reply := range replies {
			var ends [2]netip.Addr
			var ports [2]uint16
			name, proto := "", byte(0)
			err := attributes(reply[nl.SizeofNfgenmsg:], func(kind uint16, v []byte) error {
				switch kind {
				case nl.CTA_TUPLE_ORIG:
					return attributes(v, func(part uint16, v []byte) error {
						return attributes(v, func(kind uint16, v []byte) error {
							switch {
							case part == nl.CTA_TUPLE_IP && (kind == nl.CTA_IP_V4_SRC || kind == nl.CTA_IP_V6_SRC):
								ends[0], _ = netip.AddrFromSlice(v)
							case part == nl.CTA_TUPLE_IP:
								ends[1], _ = netip.AddrFromSlice(v)
							case kind == nl.CTA_PROTO_NUM:
								proto = v[0]
							case kind == nl.CTA_PROTO_SRC_PORT:
								ports[0] = binary.BigEndian.Uint16(v)
							case kind == nl.CTA_PROTO_DST_PORT:
								ports[1] = binary.BigEndian.Uint16(v)
							}
							return nil
						})
					})
				case 5: // CTA_HELP
					return attributes(v, func(kind uint16, v []byte) error {
						if kind == 1 { // CTA_HELP_NAME
							name = string(bytes.TrimRight(v, "\x00"))
						}
						return nil
					})
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			if proto == byte(firewall.TCP) {
				out[[2]netip.AddrPort{netip.AddrPortFrom(ends[0], ports[0]), netip.AddrPortFrom(ends[1], ports[1])}] = name
			}
		}
	}
	return out, nil
}

// attributes goes through netlink attributes.
func attributes(b []byte, each func(kind uint16, value []byte) error) error {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return fmt.Errorf("attribute of %d bytes in %d", size, len(b))
		}
		if err := each(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[4:size]); err != nil {
			return err
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}
