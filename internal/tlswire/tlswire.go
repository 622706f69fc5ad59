// Package tlswire builds TLS ClientHellos and reads what servers answer, as
// bytes. It hides the wire format of SSLv3 to TLS 1.3: records, handshake
// messages, extensions, key shares, alerts.
//
// It exists because crypto/tls refuses to offer what an enumeration must offer
// (old versions, RC4, export and anonymous suites) and hides what a diagnosis
// must see (the certificate of a handshake that fails, the size of a
// Diffie-Hellman group, whether a client certificate was asked for). No
// handshake is ever completed: the answer is read up to the point where the
// server waits for the client, or where encryption begins.
//
// It promises bounded memory and no panic whatever the peer sends, and does no
// network I/O: the caller writes the bytes, owns the deadline and closes.
//
//	hello := tlswire.HelloFor(tlswire.TLS10)
//	hello.ServerName = "ftp.example.com"
//	b, err := hello.Marshal()
//	// write b to the connection
//	answer, err := tlswire.ReadAnswer(conn)
//	// answer.Alert, or answer.Version and answer.Cipher
package tlswire

import (
	"errors"
	"fmt"
)

// Content types of records (RFC 8446 §B.1).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
)

// Handshake message types (RFC 8446 §B.3 and the older ones it lists as reserved).
const (
	msgHelloRequest       = 0
	msgClientHello        = 1
	msgServerHello        = 2
	msgNewSessionTicket   = 4
	msgCertificate        = 11
	msgServerKeyExchange  = 12
	msgCertificateRequest = 13
	msgServerHelloDone    = 14
	msgCertificateStatus  = 22
)

// Extensions (IANA "TLS ExtensionType Values").
const (
	extServerName           = 0
	extStatusRequest        = 5
	extSupportedGroups      = 10
	extECPointFormats       = 11
	extSignatureAlgorithms  = 13
	extALPN                 = 16
	extPadding              = 21
	extExtendedMasterSecret = 23
	extSessionTicket        = 35
	extPreSharedKey         = 41
	extEarlyData            = 42
	extSupportedVersions    = 43
	extPSKModes             = 45
	extKeyShare             = 51
	extRenegotiationInfo    = 0xFF01
)

const (
	recordHeaderLen = 5
	// maxPlaintext is the largest record before encryption (RFC 8446 §5.1).
	maxPlaintext = 1 << 14
)

var (
	// ErrNotTLS means that the peer speaks something else; Answer.NotTLS holds
	// its first bytes.
	ErrNotTLS = errors.New("peer does not speak TLS")
	// ErrTooLarge means that the peer sent more than any real handshake needs.
	ErrTooLarge = errors.New("TLS handshake exceeds the limits")
)

// MalformedError tells where the peer's bytes broke the protocol.
type MalformedError struct {
	Where  string // the message or layer, "ServerHello"
	Reason string // what is wrong with it
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed TLS %s: %s", e.Where, e.Reason)
}

func malformed(where, reason string) error { return &MalformedError{Where: where, Reason: reason} }

// Alert is what a peer says when it ends or qualifies a handshake (RFC 8446 §6).
type Alert struct {
	Level       uint8 // 1 warning, 2 fatal
	Description uint8
}

// Alert levels.
const (
	AlertWarning uint8 = 1
	AlertFatal   uint8 = 2
)

// Name returns the IANA name of the description, "handshake_failure".
func (a Alert) Name() string { return AlertName(a.Description) }

// Fatal reports whether the connection ends with this alert. close_notify comes
// as a warning and ends it too.
func (a Alert) Fatal() bool { return a.Level != AlertWarning || a.Description == 0 }

func (a Alert) String() string {
	level := "warning"
	if a.Level != AlertWarning {
		level = "fatal"
	}
	return level + " " + a.Name()
}
