package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// packetSocket is a socket of AF_PACKET (packet(7)). It is of the cooked kind:
// packets begin with their network header whatever the link is, so that one
// filter does for all.
type packetSocket struct {
	fd    int
	buf   []byte // room for the header of cooked captures, then the packet
	oob   []byte
	drops int
}

const (
	sllHeader   = 16
	readFor     = 200 * time.Millisecond
	receiveRoom = 32 << 20
)

func listen(l LiveOptions) (tap, error) {
	index := 0
	if l.Interface != "any" {
		i, err := net.InterfaceByName(l.Interface)
		if err != nil {
			return nil, fmt.Errorf("interface %q: there is %s and any", l.Interface, strings.Join(interfaces(), ", "))
		}
		index = i.Index
	}
	filter, err := bpf.Assemble(filterFor(l.Ports))
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	// Protocol 0: nothing comes before the filter is in its place.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil, ErrNoPrivilege
	}
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	s := &packetSocket{fd: fd, buf: make([]byte, sllHeader+snapFull), oob: make([]byte, 256)}
	if err := s.prepare(index, filter); err != nil {
		s.close()
		return nil, fmt.Errorf("listen on %s: %w", l.Interface, err)
	}
	return s, nil
}

func interfaces() []string {
	all, _ := net.Interfaces() // for the text of an error alone
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

func (s *packetSocket) prepare(index int, filter []bpf.RawInstruction) error {
	code := make([]unix.SockFilter, len(filter))
	for i, x := range filter {
		code[i] = unix.SockFilter{Code: x.Op, Jt: x.Jt, Jf: x.Jf, K: x.K}
	}
	if err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}); err != nil {
		return fmt.Errorf("set the filter: %w", err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("ask for times: %w", err)
	}
	wait := unix.NsecToTimeval(int64(readFor))
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return fmt.Errorf("bound the waiting: %w", err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveRoom); err != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveRoom) // as much as is allowed
	}
	if index != 0 { // on a mirror port the packets are meant for others; where the link has no such mode, it needs none
		_ = unix.SetsockoptPacketMreq(s.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC})
	}
	return unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: index})
}

func bigEndian(v uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)})
}

func (s *packetSocket) read() (frame, error) {
	var n, oobn int
	var link *unix.SockaddrLinklayer
	for link == nil {
		var from unix.Sockaddr
		var err error
		n, oobn, _, from, err = unix.Recvmsg(s.fd, s.buf[sllHeader:], s.oob, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENETDOWN): // it may come up again
			return frame{}, nil
		case err != nil:
			return frame{}, fmt.Errorf("read packets: %w", err)
		}
		if l, ok := from.(*unix.SockaddrLinklayer); ok && (l.Hatype != unix.ARPHRD_LOOPBACK || l.Pkttype != unix.PACKET_OUTGOING) {
			link = l // on the loopback each packet comes again as one that was received
		}
	}
	head := s.buf[:sllHeader]
	clear(head)
	binary.BigEndian.PutUint16(head, uint16(link.Pkttype))
	binary.BigEndian.PutUint16(head[2:], link.Hatype)
	binary.BigEndian.PutUint16(head[4:], uint16(link.Halen))
	copy(head[6:14], link.Addr[:])
	proto := bigEndian(link.Protocol)
	binary.BigEndian.PutUint16(head[14:], proto)
	b := s.buf[sllHeader : sllHeader+n]
	return frame{m: moment{at: s.time(oobn)}, link: linkSLL, data: s.buf[:sllHeader+n], whole: sllHeader + wholeLength(proto, b)}, nil
}

// time is when the kernel saw the packet.
func (s *packetSocket) time(oobn int) instant {
	all, err := unix.ParseSocketControlMessage(s.oob[:oobn])
	if err == nil {
		for _, c := range all {
			if c.Header.Level == unix.SOL_SOCKET && c.Header.Type == unix.SO_TIMESTAMPNS && len(c.Data) >= 16 {
				return instantOf(int64(binary.NativeEndian.Uint64(c.Data)), int64(binary.NativeEndian.Uint64(c.Data[8:])))
			}
		}
	}
	return instant(time.Now().UnixNano())
}

// wholeLength is the length of a packet of which the filter may have left only
// the beginning.
func wholeLength(proto uint16, b []byte) int {
	n := 0
	switch {
	case proto == etherIPv4 && len(b) >= 4:
		n = int(binary.BigEndian.Uint16(b[2:]))
	case proto == etherIPv6 && len(b) >= 6:
		n = 40 + int(binary.BigEndian.Uint16(b[4:]))
	}
	return max(n, len(b))
}

func (s *packetSocket) dropped() int {
	if st, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		s.drops += int(st.Drops) // the kernel begins anew with each question
	}
	return s.drops
}

func (s *packetSocket) close() { _ = unix.Close(s.fd) } // nothing is written to it

// filterFor lets through whole: ARP, ICMP, name service, TCP of control
// connections, and the TLS handshakes of others; and of other TCP the
// beginning. Everything else stays in the kernel.
func filterFor(more []uint16) []bpf.Instruction {
	p := &program{}
	ports := append(slices.Clone(servicePorts), more...)
	p.add(bpf.LoadExtension{Num: bpf.ExtProto})
	p.jump(etherARP, "full")
	p.jump(etherIPv4, "v4")
	p.jump(etherIPv6, "v6")
	p.to("none")

	p.label("v4")
	p.add(bpf.LoadAbsolute{Off: 9, Size: 1})
	p.jump(1, "full")
	p.add(bpf.LoadAbsolute{Off: 6, Size: 2})
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	p.unless(0, "full") // a fragment that is not the first
	p.add(bpf.LoadMemShift{Off: 0})
	p.add(bpf.LoadAbsolute{Off: 9, Size: 1})
	p.jump(6, "tcp")
	p.unless(17, "none")
	p.to("udp")

	p.label("v6")
	p.add(bpf.LoadAbsolute{Off: 6, Size: 1})
	p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 40})
	p.jump(6, "tcp")
	p.jump(17, "udp")
	for _, next := range []uint32{0, 43, 44, 58, 60} { // ICMP, and what extension headers hide
		p.jump(next, "full")
	}
	p.to("none")

	p.label("udp")
	for _, off := range []uint32{0, 2} {
		p.add(bpf.LoadIndirect{Off: off, Size: 2})
		p.jump(dnsPort, "full")
	}
	p.to("none")

	p.label("tcp") // X: where TCP's header begins
	for _, off := range []uint32{0, 2} {
		p.add(bpf.LoadIndirect{Off: off, Size: 2})
		for _, port := range ports {
			p.jump(uint32(port), "full")
		}
	}
	p.add(bpf.LoadIndirect{Off: 12, Size: 1})
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})
	p.add(bpf.ALUOpX{Op: bpf.ALUOpAdd})
	p.add(bpf.TAX{}) // X: where the payload begins
	p.add(bpf.LoadExtension{Num: bpf.ExtLen})
	p.beyondX("small") // there is none: to load from there would drop the packet
	p.add(bpf.LoadIndirect{Off: 0, Size: 1})
	p.jump(recordHandshake, "full")
	p.to("small")

	p.label("small")
	p.add(bpf.RetConstant{Val: snapData})
	p.label("none")
	p.add(bpf.RetConstant{Val: 0})
	p.label("full")
	p.add(bpf.RetConstant{Val: snapFull})
	return p.assemble()
}

// program is a filter whose jumps name labels.
type program struct {
	code   []bpf.Instruction
	labels map[string]int
	jumps  map[int]string
}

func (p *program) add(i bpf.Instruction) { p.code = append(p.code, i) }

func (p *program) label(name string) {
	if p.labels == nil {
		p.labels = map[string]int{}
	}
	p.labels[name] = len(p.code)
}

// to jumps in any case. Only this jump reaches far, so that the others stand
// around one.
func (p *program) to(label string) {
	if p.jumps == nil {
		p.jumps = map[int]string{}
	}
	p.jumps[len(p.code)] = label
	p.add(bpf.Jump{})
}

// jump goes to label where the accumulator has the value.
func (p *program) jump(value uint32, label string) {
	p.add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value, SkipTrue: 1})
	p.to(label)
}

// unless goes to label where it has not.
func (p *program) unless(value uint32, label string) {
	p.add(bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: 1})
	p.to(label)
}

// beyondX goes to label where the accumulator is not greater than X.
func (p *program) beyondX(label string) {
	p.add(bpf.JumpIfX{Cond: bpf.JumpGreaterThan, SkipTrue: 1})
	p.to(label)
}

func (p *program) assemble() []bpf.Instruction {
	for at, name := range p.jumps {
		p.code[at] = bpf.Jump{Skip: uint32(p.labels[name] - at - 1)}
	}
	return p.code
}
