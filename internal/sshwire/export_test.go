package sshwire

import (
	"encoding/binary"
	"strings"
)

// What the tests say as a server.

// WriteKEXINIT gives the payload of a packet, for WritePacket.
func WriteKEXINIT(k *KEXINIT) []byte {
	b := append([]byte{msgKEXINIT}, k.Cookie[:]...)
	for _, list := range k.lists() {
		b = appendString(b, strings.Join(*list, ","))
	}
	b = appendString(b, "")
	b = appendString(b, "")
	follows := byte(0)
	if k.FirstFollows {
		follows = 1
	}
	b = append(b, follows)
	return binary.BigEndian.AppendUint32(b, 0)
}

// WritePacket frames a payload as an unencrypted packet. The padding is zeros,
// which is as good as any where nothing is encrypted.
func WritePacket(payload []byte) []byte {
	const block, minPadding = 8, 4
	padding := block - (5+len(payload))%block
	if padding < minPadding {
		padding += block
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	b = append(b, byte(padding))
	b = append(b, payload...)
	return append(b, make([]byte, padding)...)
}
