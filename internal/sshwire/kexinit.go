package sshwire

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// KEXINIT is the offer of algorithms that each side sends first (RFC 4253
// §7.1), every list in the order of the sender's preference. The two lists of
// languages, which nobody uses, are left out.
type KEXINIT struct {
	Cookie         [16]byte
	KEX            []string // key exchanges and markers, see KeyExchanges
	HostKeys       []string
	CiphersC2S     []string // client to server
	CiphersS2C     []string
	MACsC2S        []string
	MACsS2C        []string
	CompressionC2S []string
	CompressionS2C []string
	// FirstFollows: the sender has guessed, and sends the first packet of the
	// key exchange without waiting.
	FirstFollows bool
}

// Names that stand among the key exchanges and are none: they announce that
// the sender understands something.
const (
	markerExtInfoServer = "ext-info-s"                   // RFC 8308 §2.1
	markerExtInfoClient = "ext-info-c"                   // RFC 8308 §2.1
	markerStrictServer  = "kex-strict-s-v00@openssh.com" // OpenSSH PROTOCOL §1.10
)

func isMarker(name string) bool {
	return name == markerExtInfoServer || name == markerExtInfoClient ||
		strings.HasPrefix(name, "kex-strict-")
}

// KeyExchanges gives the key exchanges without the markers between them.
func (k *KEXINIT) KeyExchanges() []string {
	return slices.DeleteFunc(slices.Clone(k.KEX), isMarker)
}

// lists are the name-lists in the order of the wire.
func (k *KEXINIT) lists() []*[]string {
	return []*[]string{
		&k.KEX, &k.HostKeys, &k.CiphersC2S, &k.CiphersS2C,
		&k.MACsC2S, &k.MACsS2C, &k.CompressionC2S, &k.CompressionS2C,
	}
}

// ParseKEXINIT reads the payload of a packet.
func ParseKEXINIT(payload []byte) (*KEXINIT, error) {
	if len(payload) == 0 || payload[0] != msgKEXINIT {
		return nil, malformed("KEXINIT", "another message")
	}
	var k KEXINIT
	f := fields{b: payload[1:]}
	copy(k.Cookie[:], f.take(uint32(len(k.Cookie))))
	for _, list := range k.lists() {
		names, err := parseNames(f.bytes())
		if err != nil {
			return nil, err
		}
		*list = names
	}
	f.bytes() // languages, client to server
	f.bytes() // and server to client
	k.FirstFollows = f.bool()
	f.uint32() // reserved
	if f.short {
		return nil, malformed("KEXINIT", "it ends too early")
	}
	return &k, nil
}

// parseNames reads a name-list (RFC 4251 §5). Empty names, which some servers
// leave behind a last comma, are nothing to negotiate.
func parseNames(b []byte) ([]string, error) {
	for _, c := range b {
		if c <= ' ' || c >= 0x7F {
			return nil, malformed("name-list", fmt.Sprintf("byte 0x%02x in a name", c))
		}
	}
	names := strings.Split(string(b), ",")
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	if len(names) == 0 {
		return nil, nil
	}
	return names, nil
}

// Disconnect is the reason that a peer gives when it ends the connection
// (RFC 4253 §11.1).
type Disconnect struct {
	Code uint32
	Text string // at most 1 KiB; a stranger's words, to be shown as such
}

// disconnectNames are those of RFC 4253 §11.1, in order from 1.
var disconnectNames = []string{
	"HOST_NOT_ALLOWED_TO_CONNECT", "PROTOCOL_ERROR", "KEY_EXCHANGE_FAILED", "RESERVED",
	"MAC_ERROR", "COMPRESSION_ERROR", "SERVICE_NOT_AVAILABLE", "PROTOCOL_VERSION_NOT_SUPPORTED",
	"HOST_KEY_NOT_VERIFIABLE", "CONNECTION_LOST", "BY_APPLICATION", "TOO_MANY_CONNECTIONS",
	"AUTH_CANCELLED_BY_USER", "NO_MORE_AUTH_METHODS_AVAILABLE", "ILLEGAL_USER_NAME",
}

// Name gives the RFC's name of the code, "TOO_MANY_CONNECTIONS", or the number.
func (d Disconnect) Name() string {
	if d.Code >= 1 && int(d.Code) <= len(disconnectNames) {
		return disconnectNames[d.Code-1]
	}
	return fmt.Sprint(d.Code)
}

// ParseDisconnect reads the payload of a packet. The language, and even the
// text, may be missing: some servers forget them.
func ParseDisconnect(payload []byte) (Disconnect, error) {
	const maxText = 1 << 10
	if len(payload) < 5 || payload[0] != msgDisconnect {
		return Disconnect{}, malformed("DISCONNECT", "it ends too early, or is another message")
	}
	f := fields{b: payload[1:]}
	d := Disconnect{Code: f.uint32()}
	text := f.bytes()
	d.Text = strings.ToValidUTF8(string(text[:min(len(text), maxText)]), "\uFFFD")
	return d, nil
}

// Start is what a server says before anything is encrypted.
type Start struct {
	Ident      Identification
	KEXINIT    *KEXINIT    // nil: none came, or Err says what is wrong with it
	Disconnect *Disconnect // nil: none came in clear
	// Text is what stands in the place of the first packet when that is text, at
	// most 1 KiB: servers send "Protocol mismatch." and the like.
	Text string
	Rest []byte // what follows the last packet that was understood
	// Err says why there is no KEXINIT. nil: there is one, or a Disconnect came
	// first. io.ErrUnexpectedEOF: the bytes end too early, more may complete
	// them; ErrNotSSH, ErrProtocol1 or a MalformedError: they can't be completed.
	Err error
}

// ParseServerStart reads the identification and the packets in clear that
// follow it, from the bytes that a server sent since the connection was opened:
// up to NEWKEYS, to the first packet that is not understood, or to the end. The
// bytes may end anywhere.
func ParseServerStart(raw []byte) Start {
	var s Start
	s.Ident, s.Rest, s.Err = ParseIdentification(raw)
	if s.Err != nil {
		return s
	}
	for s.Disconnect == nil {
		payload, rest, err := CutPacket(s.Rest)
		if err == nil {
			err = s.packet(payload)
		} else if s.KEXINIT == nil {
			s.Text = textOf(s.Rest)
		}
		if err != nil {
			if s.KEXINIT == nil {
				s.Err = err
			}
			return s
		}
		s.Rest = rest
		if payload[0] == msgNewKeys {
			return s
		}
	}
	return s
}

func (s *Start) packet(payload []byte) error {
	switch payload[0] {
	case msgKEXINIT:
		if s.KEXINIT != nil {
			return malformed("packet", "a second KEXINIT in clear")
		}
		k, err := ParseKEXINIT(payload)
		s.KEXINIT = k
		return err
	case msgDisconnect:
		d, err := ParseDisconnect(payload)
		if err == nil {
			s.Disconnect = &d
		}
		return err
	case msgIgnore, msgUnimplemented, msgDebug:
		return nil
	}
	if s.KEXINIT == nil {
		return malformed("packet", fmt.Sprintf("message %d before KEXINIT", payload[0]))
	}
	return nil // of the key exchange itself
}

// textOf gives b when it begins like text rather than like a packet, whose
// length starts with a zero byte.
func textOf(b []byte) string {
	const maxText = 1 << 10
	b = b[:min(len(b), maxText)]
	if len(b) == 0 || b[0] == 0 {
		return ""
	}
	for _, r := range string(b) {
		if binaryRune(r) {
			return ""
		}
	}
	return strings.TrimRight(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n")
}

// Incomplete reports whether more bytes may complete the start: the server is
// silent, or has closed too early.
func (s Start) Incomplete() bool { return errors.Is(s.Err, io.ErrUnexpectedEOF) }
