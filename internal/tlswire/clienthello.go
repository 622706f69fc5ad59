package tlswire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// ClientHelloInfo is what a client offered, as read from its bytes. GREASE
// values are left out of every list.
type ClientHelloInfo struct {
	Version       uint16   // highest version offered
	LegacyVersion uint16   // client_version: what a server before TLS 1.3 goes by
	Versions      []uint16 // supported_versions; empty: the client does not know TLS 1.3
	SSLv2         bool     // sent in SSLv2 framing (RFC 5246 §E.2)
	ServerName    string   // SNI; empty: none
	Ciphers       []uint16
	Groups        []uint16
	SigAlgs       []uint16
	KeyShares     []uint16 // groups that shares came for
	ALPN          []string
	Extensions    []uint16 // in order
	SessionID     []byte
	// Resuming: a ticket or a pre-shared key was offered. A session ID alone does
	// not tell, for TLS 1.3 clients always send one.
	Resuming            bool
	EarlyData           bool
	SessionTicketExt    bool
	SecureRenegotiation bool // by extension or by signalling suite
	Fallback            bool // TLS_FALLBACK_SCSV: a second try at a lower version
}

// ParseClientHello reads the ClientHello at the start of a client's stream: one
// or more records, or one message of SSLv2 framing. What follows it is ignored.
// Errors: ErrNotTLS, ErrTooLarge, a *MalformedError, io.ErrUnexpectedEOF when
// more bytes are needed. An error from the extensions on comes with what was
// read before it.
func ParseClientHello(b []byte) (ClientHelloInfo, error) {
	if len(b) > 4 && b[0]&0x80 != 0 && b[2] == msgClientHello && (b[3] == 3 || b[3] == 0) {
		return parseSSLv2ClientHello(b)
	}
	records := recordReader{r: bytes.NewReader(b)}
	if notTLS, err := records.sniff(); notTLS {
		return ClientHelloInfo{}, ErrNotTLS
	} else if err != nil {
		return ClientHelloInfo{}, fmt.Errorf("read ClientHello: %w", atEnd(err))
	}
	var message []byte
	for {
		typ, body, err := records.next()
		if err != nil {
			return ClientHelloInfo{}, fmt.Errorf("read ClientHello: %w", atEnd(err))
		}
		if typ != recordHandshake {
			return ClientHelloInfo{}, malformed("record", fmt.Sprintf("type %d where a ClientHello should be", typ))
		}
		message = append(message, body...)
		if len(message) < 4 {
			continue
		}
		if message[0] != msgClientHello {
			return ClientHelloInfo{}, malformed("handshake", fmt.Sprintf("message type %d where a ClientHello should be", message[0]))
		}
		length := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
		if length > maxHandshake {
			return ClientHelloInfo{}, fmt.Errorf("read ClientHello of %d bytes: %w", length, ErrTooLarge)
		}
		if len(message) >= 4+length {
			return parseClientHello(message[4 : 4+length])
		}
	}
}

// atEnd makes the end of the bytes at hand one error, wherever it falls.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseClientHello(body []byte) (ClientHelloInfo, error) {
	var info ClientHelloInfo
	s := cryptobyte.String(body)
	var random []byte
	var sessionID, ciphers, compressions cryptobyte.String
	if !s.ReadUint16(&info.LegacyVersion) || !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&sessionID) ||
		!s.ReadUint16LengthPrefixed(&ciphers) || !s.ReadUint8LengthPrefixed(&compressions) {
		return info, malformed("ClientHello", "too short")
	}
	info.Version = min(info.LegacyVersion, TLS12)
	if len(sessionID) > 0 {
		info.SessionID = bytes.Clone(sessionID)
	}
	list, ok := uint16s(ciphers)
	if !ok {
		return info, malformed("ClientHello", "odd length of cipher list")
	}
	info.takeCiphers(list)
	if s.Empty() {
		return info, nil
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return info, malformed("ClientHello", "extensions cut short")
	}
	for !extensions.Empty() {
		var id uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&data) {
			return info, malformed("ClientHello", "extension cut short")
		}
		if IsGREASE(id) {
			continue
		}
		info.Extensions = append(info.Extensions, id)
		if !info.extension(id, data) {
			return info, malformed("ClientHello", fmt.Sprintf("extension %d", id))
		}
	}
	// The list overrules client_version (RFC 8446 §4.2.1); drafts are not compared.
	known := slices.DeleteFunc(slices.Clone(info.Versions), func(v uint16) bool { return v>>8 != 3 })
	if len(known) > 0 {
		info.Version = slices.Max(known)
	}
	return info, nil
}

// takeCiphers keeps the suites and turns the signalling values into flags.
func (c *ClientHelloInfo) takeCiphers(list []uint16) {
	for _, cipher := range list {
		switch cipher {
		case renegotiationSCSV:
			c.SecureRenegotiation = true
		case fallbackSCSV:
			c.Fallback = true
		default:
			c.Ciphers = append(c.Ciphers, cipher)
		}
	}
}

func (c *ClientHelloInfo) extension(id uint16, data cryptobyte.String) (ok bool) {
	var list cryptobyte.String
	switch id {
	case extServerName:
		if !data.ReadUint16LengthPrefixed(&list) {
			return false
		}
		for !list.Empty() {
			var kind uint8
			var name cryptobyte.String
			if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&name) {
				return false
			}
			if kind == 0 && c.ServerName == "" {
				c.ServerName = string(name)
			}
		}
	case extSupportedGroups:
		if !data.ReadUint16LengthPrefixed(&list) {
			return false
		}
		c.Groups, ok = uint16s(list)
		return ok
	case extSignatureAlgorithms:
		if !data.ReadUint16LengthPrefixed(&list) {
			return false
		}
		c.SigAlgs, ok = uint16s(list)
		return ok
	case extSupportedVersions:
		if !data.ReadUint8LengthPrefixed(&list) {
			return false
		}
		c.Versions, ok = uint16s(list)
		return ok
	case extALPN:
		if !data.ReadUint16LengthPrefixed(&list) {
			return false
		}
		for !list.Empty() {
			var protocol cryptobyte.String
			if !list.ReadUint8LengthPrefixed(&protocol) {
				return false
			}
			if len(protocol) != 2 || !IsGREASE(uint16(protocol[0])<<8|uint16(protocol[1])) {
				c.ALPN = append(c.ALPN, string(protocol))
			}
		}
	case extKeyShare:
		if !data.ReadUint16LengthPrefixed(&list) {
			return false
		}
		for !list.Empty() {
			var group uint16
			var share cryptobyte.String
			if !list.ReadUint16(&group) || !list.ReadUint16LengthPrefixed(&share) {
				return false
			}
			if !IsGREASE(group) {
				c.KeyShares = append(c.KeyShares, group)
			}
		}
	case extSessionTicket:
		c.SessionTicketExt = true
		c.Resuming = c.Resuming || len(data) > 0
	case extPreSharedKey:
		c.Resuming = true
	case extEarlyData:
		c.EarlyData = true
	case extRenegotiationInfo:
		c.SecureRenegotiation = true
	}
	return true
}

// uint16s reads a list without its GREASE values; false when a byte is left over.
func uint16s(s cryptobyte.String) ([]uint16, bool) {
	var list []uint16
	var v uint16
	for s.ReadUint16(&v) {
		if !IsGREASE(v) {
			list = append(list, v)
		}
	}
	return list, s.Empty()
}

// parseSSLv2ClientHello reads the framing in which clients of the SSLv3 era
// offered higher versions (RFC 5246 §E.2).
func parseSSLv2ClientHello(b []byte) (ClientHelloInfo, error) {
	info := ClientHelloInfo{SSLv2: true}
	length := int(b[0]&0x7F)<<8 | int(b[1])
	if len(b) < 2+length {
		return info, fmt.Errorf("read SSLv2 ClientHello: %w", io.ErrUnexpectedEOF)
	}
	s := cryptobyte.String(b[2 : 2+length])
	var typ uint8
	var specsLen, idLen, challengeLen uint16
	var specs []byte
	if !s.ReadUint8(&typ) || !s.ReadUint16(&info.LegacyVersion) || !s.ReadUint16(&specsLen) ||
		!s.ReadUint16(&idLen) || !s.ReadUint16(&challengeLen) || !s.ReadBytes(&specs, int(specsLen)) || specsLen%3 != 0 {
		return info, malformed("SSLv2 ClientHello", "too short")
	}
	info.Version = info.LegacyVersion
	var ciphers []uint16
	for ; len(specs) > 0; specs = specs[3:] {
		if specs[0] == 0 { // others are SSLv2's own kinds
			ciphers = append(ciphers, uint16(specs[1])<<8|uint16(specs[2]))
		}
	}
	info.takeCiphers(ciphers)
	return info, nil
}

// ClearAlerts returns the alerts that stand unencrypted in a stream of records,
// up to where it turns to ciphertext or ends. In a client's stream up to TLS 1.2
// they tell why the client refused the server: unknown_ca, certificate_expired.
func ClearAlerts(b []byte) []Alert {
	records := recordReader{r: bytes.NewReader(b)}
	var alerts []Alert
	for {
		typ, body, err := records.next()
		if err != nil || typ == recordChangeCipherSpec || typ == recordApplicationData {
			return alerts
		}
		if typ == recordAlert && len(body) == 2 {
			alerts = append(alerts, Alert{Level: body[0], Description: body[1]})
		}
	}
}
