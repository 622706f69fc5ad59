// Package capture judges what packets show: a pcap or pcapng file of somebody's
// sessions with a file server ends in the codes and the report of a live check.
//
// It hides link types, fragments, the order of segments, and the protocols
// within: FTP with its data connections, TLS and SSH as far as they are in
// clear, HTTP, DNS, ARP and ICMP. It promises that every finding names the
// packets on which it rests, that secrets in the packets never come back, that
// where packets do not decide the candidates are named, and that memory stays
// bounded whatever the file is.
//
//	a, err := capture.Read(ctx, file, capture.Options{})
//	report := a.Report()
//	report.RootCause.Code // data/passive-private-address
package capture

import (
	"math"
	"net/netip"
	"time"
)

// side tells who sent.
type side uint8

const (
	fromClient side = iota // who opened the connection
	fromServer
)

func (s side) other() side { return 1 - s }

// instant is a time in nanoseconds since 1970 (UTC); 0: none is known. It is no
// time.Time since a capture has millions of packets, and each moment that is
// kept would be twice as large and hold a pointer.
type instant int64

// instantOf clamps what lies before 1970 or behind the year 2262.
func instantOf(sec, nano int64) instant {
	if sec < 0 || sec >= math.MaxInt64/int64(time.Second) {
		return 0
	}
	return instant(sec*int64(time.Second) + nano)
}

func (t instant) Sub(earlier instant) time.Duration { return time.Duration(t - earlier) }
func (t instant) Add(d time.Duration) instant       { return t + instant(d) }
func (t instant) After(u instant) bool              { return t > u }
func (t instant) Before(u instant) bool             { return t < u }
func (t instant) IsZero() bool                      { return t == 0 }

func (t instant) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// moment is when a packet was seen, and its number as Wireshark counts, from 1;
// 0: never.
type moment struct {
	at     instant
	packet int
}

// conn is one TCP connection.
type conn struct {
	client, server netip.AddrPort
	first, last    moment
	story          story
	dialogue       dialogue     // nil: nobody's, bytes are only counted
	expected       *expectation // the announcement that it meets; nil: none
	flow           *flow        // what reading it needs; nil: it is over
	marks          []mark       // of its segments, where they are to be aligned
}

// dialogue reads the bytes of a connection in order.
type dialogue interface {
	bytes(m moment, from side, b []byte)
	gap(m moment, from side, n int64) // bytes that the capture lacks
	end(m moment)
}

// expectation is a data connection that was announced.
type expectation struct {
	from    *ftpDialogue
	client  netip.Addr     // who will open it
	server  netip.AddrPort // where to
	passive bool
	m       moment
	met     *conn // nil: not yet
}

// story is what TCP itself tells of a connection.
type story struct {
	syn         moment // the first SYN; packet 0: the capture begins later
	synTTL      uint8
	synAgain    int    // SYNs repeated
	lastSyn     moment // the last SYN
	synAck      moment
	synAckTTL   uint8
	synAckAgain int           // SYN-ACKs repeated
	opened      moment        // the client's ACK of it
	rtt         time.Duration // from SYN to SYN-ACK: the way from here to the server and back
	ackRTT      time.Duration // from SYN-ACK to ACK: the way from here to the client and back
	reset       moment        // the first RST
	resetFrom   side          // whose address it bears
	resetTTL    uint8
	resetID     uint16
	ttl         [2]uint8  // of each side's latest packet but RSTs, as seen here: a RST with another one is not the peer's own
	id          [2]uint16 // and its identification (IPv4)
	fin         [2]moment
	mss         [2]uint16
	bytes       [2]int64 // of payload, each byte once
	packets     [2]int
	lastData    [2]moment
	again       [2]int   // segments repeated
	unacked     [2]int64 // bytes that the other side never acknowledged
	largest     [2]int   // largest segment that was acknowledged
	lostLarge   [2]int   // size of the largest segment that never came through though it was repeated
	zeroWindow  [2]int
	disorder    [2]int
	idle        time.Duration // the longest pause
	idleFrom    moment
	icmp        []icmpError
	snapped     bool
}

// icmpError is an ICMP error about a connection or a datagram.
type icmpError struct {
	m        moment
	sender   netip.Addr
	typ      uint8
	code     uint8
	v6       bool
	mtu      int
	quoted   netip.AddrPort // where the packet went that caused it
	from     netip.AddrPort
	quoteTTL uint8
}
