package sshwire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Message numbers (RFC 4250 §4.1.2).
const (
	msgDisconnect    = 1
	msgIgnore        = 2
	msgUnimplemented = 3
	msgDebug         = 4
	msgKEXINIT       = 20
	msgNewKeys       = 21
)

// maxPacket is what every implementation must be able to take (RFC 4253 §6.1),
// the length field included. No packet before encryption comes near it.
const maxPacket = 35000

// CutPacket takes the first packet of the unencrypted binary protocol (RFC 4253
// §6) off b and gives its payload. io.ErrUnexpectedEOF means that b ends within
// the packet, a MalformedError that it is none.
func CutPacket(b []byte) (payload, rest []byte, err error) {
	if len(b) < 4 {
		return nil, b, fmt.Errorf("packet: %w", io.ErrUnexpectedEOF)
	}
	length := binary.BigEndian.Uint32(b)
	// At least the padding's length and a message number.
	if length < 2 || length > maxPacket-4 {
		return nil, b, malformed("packet", fmt.Sprintf("length of %d bytes", length))
	}
	if len(b) < 5 {
		return nil, b, fmt.Errorf("packet: %w", io.ErrUnexpectedEOF)
	}
	padding := uint32(b[4])
	if padding+2 > length {
		return nil, b, malformed("packet", fmt.Sprintf("%d bytes of padding in %d", padding, length))
	}
	if uint32(len(b)-4) < length {
		return nil, b, fmt.Errorf("packet: %w", io.ErrUnexpectedEOF)
	}
	return b[5 : 4+length-padding], b[4+length:], nil
}

// fields reads the data types of RFC 4251 §5 one after the other; what is
// missing at the end is zero, and short tells that it is.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n uint32) []byte {
	if uint64(n) > uint64(len(f.b)) {
		f.short, f.b = true, nil
		return nil
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) uint32() uint32 {
	b := f.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (f *fields) bool() bool {
	b := f.take(1)
	return b != nil && b[0] != 0
}

func (f *fields) bytes() []byte { return f.take(f.uint32()) }

func appendString[T string | []byte](b []byte, s T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
