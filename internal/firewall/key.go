package firewall

import (
	"net/netip"
)

// field is something that rules read from a packet or from what the machine
// knows of it.
type field uint8

const (
	fNone field = iota // not modelled
	fSource
	fDestination
	fProtocol
	fSourcePort
	fDestinationPort
	fTCPFlags
	fType
	fCode
	fFamily    // NFPROTO_IPV4, NFPROTO_IPV6
	fEtherType // of the packet's family
	fPacketType
	fMark
	fIn
	fOut
	fState
	fStatus
	fConnMark
	fDirection
	fHelper
	fConnSource
	fConnDestination
	fConnSourcePort
	fConnDestinationPort
	fConnProtocol
	fConnFamily
	fSourceType      // what the routing table holds the address for
	fDestinationType // the same
	fReversePath     // the interface on the way back to the source
	fExtension       // an extension header or option of IP
)

// key is a field with what must hold for the packet to have it.
type key struct {
	field     field
	proto     Proto  // 0: any
	family    Family // empty: either
	reply     bool   // of the connection's reply direction
	onDevice  bool   // of an address type: on the packet's own interface
	transport bool   // of a port: read from wherever ports would be
	masked    bool
	mask      value
	why       string // of a field that is not modelled
}

// Bits of ct state and ct status, as the kernel numbers them.
const (
	stateInvalid     = 1
	stateEstablished = 2
	stateRelated     = 4
	stateNew         = 8
	stateUntracked   = 64

	statusExpected  = 1
	statusSeenReply = 2
	statusAssured   = 4
	statusConfirmed = 8
	statusSNAT      = 16
	statusDNAT      = 32
)

// Address types of the routing table (rtnetlink(7), RTN_…) and packet types.
const (
	typeUnicast   = 1
	typeLocal     = 2
	typeBroadcast = 3
	typeMulticast = 5

	packetHost      = 0
	packetBroadcast = 1
	packetMulticast = 2
)

var bitOf = [...]uint64{New: stateNew, Established: stateEstablished, Related: stateRelated, Invalid: stateInvalid, Untracked: stateUntracked}

// load reads the field.
func (k *key) load(r *run, t *thread) operand {
	if k.proto != 0 && k.proto != r.packet.Proto || k.family != "" && k.family != r.family {
		return operand{}
	}
	var o operand
	switch k.field {
	case fNone:
		return hiddenBy(k.why)
	case fSource:
		o = addressOperand(t.src)
	case fDestination:
		o = addressOperand(t.dst)
	case fProtocol:
		o = number(num(uint64(r.packet.Proto)))
	case fSourcePort, fDestinationPort:
		o = k.port(r, t)
	case fTCPFlags:
		o = number(num(uint64(r.flags)))
	case fType:
		o = number(num(uint64(r.packet.Type)))
	case fCode:
		o = number(num(uint64(r.packet.Code)))
	case fFamily:
		o = number(num(map[Family]uint64{IP: 2, IP6: 10}[r.family]))
	case fEtherType:
		o = number(num(map[Family]uint64{IP: 0x0800, IP6: 0x86dd}[r.family]))
	case fPacketType:
		o = r.packetType(t)
	case fMark:
		o = t.mark.operand()
	case fIn:
		o = r.device(r.in, r.hasIn(), "the interface by which the packet comes")
	case fOut:
		o = r.device(t.out, r.stage.hasOut(), "the interface by which the packet leaves")
	case fSourceType:
		o = r.addressType(t.src, false, k.onDevice)
	case fDestinationType:
		o = r.addressType(t.dst, !t.moved, k.onDevice)
		if t.here == yes {
			o = number(num(typeLocal))
		}
	case fReversePath:
		r.assume("the way back to the packet's source is the way by which it came")
		o = word("exists")
	case fExtension:
		o = word("missing")
	default:
		o = k.connection(r, t)
	}
	if k.masked {
		if o.port {
			r.narrow(o.span) // what holds under the mask says nothing of the next port
			o.port = false
		}
		return o.masked(k.mask)
	}
	return o
}

func (k *key) port(r *run, t *thread) operand {
	if !hasPorts(r.packet.Proto) {
		if k.transport {
			return hiddenBy("the first bytes of a packet that has no ports")
		}
		return operand{}
	}
	if k.field == fSourcePort {
		return ports(t.sport, false)
	}
	return ports(t.dport, t.asked)
}

func ports(p [2]uint16, asked bool) operand {
	o := between(num(uint64(p[0])), num(uint64(p[1])))
	o.port = asked
	o.why = "the port, which is not known"
	return o
}

// hasPorts tells whether the protocol begins with two ports.
func hasPorts(p Proto) bool {
	switch p {
	case TCP, UDP, 132, 33, 136: // SCTP, DCCP, UDP-Lite
		return true
	}
	return false
}

func addressOperand(a netip.Addr) operand {
	if !a.IsValid() {
		return hiddenBy("the address after translation")
	}
	return number(addressValue(a))
}

// connection reads what connection tracking knows.
func (k *key) connection(r *run, t *thread) operand {
	if k.field == fState {
		return number(num(r.stateBit(t)))
	}
	switch {
	case t.track == templated && k.field == fDirection:
		return number(num(0))
	case t.track == templated:
		return hiddenBy("the connection before it is looked up")
	case t.track != tracked:
		return operand{}
	}
	first := r.packet.State == New
	switch k.field {
	case fStatus:
		return t.status.operand()
	case fConnMark:
		o := t.connmark.operand()
		o.why = "the mark of the connection"
		return o
	case fDirection:
		return number(num(map[bool]uint64{true: 1}[r.packet.Reply]))
	case fHelper:
		switch {
		case r.packet.Helper != "":
			return word(r.packet.Helper)
		case first:
			return operand{}
		}
		return hiddenBy("the helper that expected the connection")
	}
	if r.packet.State == Related && !hasPorts(r.packet.Proto) {
		return hiddenBy("the connection that the message is about")
	}
	switch k.field {
	case fConnProtocol:
		return number(num(uint64(r.packet.Proto)))
	case fConnFamily:
		return number(num(map[Family]uint64{IP: 2, IP6: 10}[r.family]))
	}
	if !hasPorts(r.packet.Proto) && (k.field == fConnSourcePort || k.field == fConnDestinationPort) {
		return hiddenBy("the ports of a connection that has none")
	}
	return k.tuple(r, t, first)
}

// tuple reads the addresses and ports that the connection was opened with.
func (k *key) tuple(r *run, t *thread, first bool) operand {
	if !first && k.reply != r.packet.Reply {
		return hiddenBy("the addresses of the connection's other direction")
	}
	src, dst, sport, dport, asked := r.src, r.dst, r.sport, r.dport, r.asked
	if k.reply && !r.packet.Reply { // of a new connection: the answers' addresses
		src, dst, sport, dport, asked = t.dst, t.src, t.dport, t.sport, false
		if t.asked && k.field == fConnSourcePort {
			asked = true
		}
	} else if k.field != fConnDestinationPort {
		asked = false
	}
	switch k.field {
	case fConnSource:
		return addressOperand(src)
	case fConnDestination:
		return addressOperand(dst)
	case fConnSourcePort:
		return ports(sport, asked)
	}
	return ports(dport, asked)
}

// stateBit is the packet's state for rules at this point of its way.
func (r *run) stateBit(t *thread) uint64 {
	switch t.track {
	case untracked:
		return stateUntracked
	case tracked:
		return bitOf[r.packet.State]
	case templated:
		return stateNew
	}
	return stateInvalid // before connection tracking has seen it
}

// device is the name of an interface. At hooks where there is none it reads as
// the empty word.
func (r *run) device(name string, there bool, why string) operand {
	if there && name == "" {
		return hiddenBy(why)
	}
	if !there {
		name = ""
	}
	return word(name)
}

// packetType is how the packet was addressed on the link.
func (r *run) packetType(t *thread) operand {
	o := r.addressType(r.dst, r.hook == Input, false)
	if o.state != known {
		return o
	}
	switch o.lo.lo {
	case typeBroadcast:
		return number(num(packetBroadcast))
	case typeMulticast:
		return number(num(packetMulticast))
	}
	return number(num(packetHost))
}

// addressType is what the routing table says of an address. asked: it is the
// destination that the caller named, so that the hook tells something of it.
func (r *run) addressType(a netip.Addr, asked, onDevice bool) operand {
	const why = "which addresses the machine has"
	switch {
	case !a.IsValid():
		return hiddenBy("the address after translation")
	case a.IsMulticast():
		return number(num(typeMulticast))
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return number(num(typeBroadcast))
	case a.IsLoopback() && !onDevice:
		return number(num(typeLocal))
	}
	h := r.packet.Host
	if h == nil {
		if asked && !onDevice && r.hook == Input {
			return number(num(typeLocal))
		}
		if asked && !onDevice && r.hook == Forward {
			return number(num(typeUnicast))
		}
		return hiddenBy(why)
	}
	if onDevice && r.in == "" {
		return hiddenBy("the interface by which the packet comes")
	}
	for _, l := range h.Addresses {
		if onDevice && l.Interface != r.in {
			continue
		}
		if l.Prefix.Addr() == a {
			return number(num(typeLocal))
		}
		if a.Is4() && l.Prefix.Addr().Is4() && l.Prefix.Bits() < 31 && prefixSpan(l.Prefix).hi == addressValue(a) {
			return number(num(typeBroadcast))
		}
	}
	return number(num(typeUnicast))
}
