package tlswire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Answer is what a server said up to ServerHelloDone, or up to where encryption
// begins: with TLS 1.3 that is right after its ServerHello.
type Answer struct {
	Version    uint16 // 0: no ServerHello came; SSL20: it answered in SSLv2
	Cipher     uint16
	Group      uint16 // from key_share or an elliptic ServerKeyExchange; 0: none stated
	HelloRetry bool   // TLS 1.3 HelloRetryRequest: Group is what the server wants a share for

	Certificates  [][]byte // DER as sent, leaf first; up to TLS 1.2, where they come in clear
	CertBytes     int      // length of the Certificate message
	CertRequested bool     // the server asks for a client certificate; up to TLS 1.2
	DHBits        int      // size of the Diffie-Hellman prime; 0: no DHE
	SigAlg        uint16   // of the ServerKeyExchange, TLS 1.2; 0: not stated

	Alert    *Alert  // the alert that ended the handshake
	Warnings []Alert // warnings on the way, such as unrecognized_name

	Extensions           []uint16 // of the ServerHello, in order
	ALPN                 string   // up to TLS 1.2
	OCSPStapled          bool     // a CertificateStatus came; up to TLS 1.2
	SessionTicketExt     bool
	ExtendedMasterSecret bool // RFC 7627
	SecureRenegotiation  bool // RFC 5746
	Resumed              bool // the server took up the ticket offered; up to TLS 1.2
	// Downgraded means that the server also speaks a higher version and says so
	// in its random value (RFC 8446 §4.1.3).
	Downgraded bool

	NotTLS []byte // first bytes, 512 at most, of a peer that does not speak TLS
}

// Limits on what one answer may hold. The largest honest one known carries a
// list of some hundred CA names and a chain of a dozen certificates.
const (
	maxHandshake    = 64 << 10  // all messages but Certificate
	maxCertificates = 256 << 10 // the Certificate message
	maxRecords      = 2048
	maxNotTLS       = 512
)

// ReadAnswer reads a server's answer to a ClientHello. It may read past it, and
// leaves deadlines to the reader. A fatal alert is an answer: Answer.Alert is
// set and the error nil. On error the Answer holds what was understood before:
// ErrNotTLS, ErrTooLarge, a *MalformedError, or the reader's own error (io.EOF
// when the peer closed between records, io.ErrUnexpectedEOF within one). When
// the stream ends after warnings, the last is reported as Alert too.
func ReadAnswer(r io.Reader) (Answer, error) {
	s := answerReader{records: recordReader{r: r}}
	err := s.run()
	if err != nil && s.answer.Alert == nil && len(s.answer.Warnings) > 0 && errors.Is(err, io.EOF) {
		s.answer.Alert = &s.answer.Warnings[len(s.answer.Warnings)-1]
	}
	return s.answer, err
}

type answerReader struct {
	records recordReader
	answer  Answer
	pending []byte // handshake bytes not yet a whole message
	alert   []byte // alert bytes not yet a whole alert
	spent   int    // handshake bytes other than Certificate
}

func (s *answerReader) run() error {
	if notTLS, err := s.records.sniff(); err != nil || notTLS {
		return s.foreign(err)
	}
	for {
		typ, body, err := s.records.next()
		if err != nil {
			return fmt.Errorf("read TLS record: %w", err)
		}
		if typ != recordHandshake && len(s.pending) > 0 {
			return malformed("record", "handshake message interrupted")
		}
		var done bool
		switch typ {
		case recordAlert:
			done = s.takeAlert(body)
		case recordHandshake:
			s.pending = append(s.pending, body...)
			done, err = s.takeMessages()
		case recordChangeCipherSpec:
			// Before a ServerHello it means nothing (RFC 8446 §5); after one it
			// begins the encryption of a resumed session.
			if done = s.answer.Version != 0; done {
				s.answer.Resumed = len(s.answer.Certificates) == 0
			}
		default:
			err = malformed("record", "application data before the handshake")
		}
		if done || err != nil {
			return err
		}
	}
}

// foreign keeps the first words of a peer that does not speak TLS 1.x.
func (s *answerReader) foreign(err error) error {
	first := s.records.buf
	if isSSLv2(first) {
		s.answer.Version = SSL20
		return s.sslv2()
	}
	if len(first) > 0 && !looksLikeTLS(first) {
		s.answer.NotTLS = bytes.Clone(first[:min(len(first), maxNotTLS)])
		return ErrNotTLS
	}
	return fmt.Errorf("read TLS record: %w", err)
}

// sslv2 reads an SSLv2 SERVER-HELLO, a message with a record header of two bytes.
func (s *answerReader) sslv2() error {
	length := int(s.records.buf[0]&0x7F)<<8 | int(s.records.buf[1])
	if err := s.records.fill(2 + length); err != nil {
		return fmt.Errorf("read SSLv2 record: %w", err)
	}
	body := cryptobyte.String(s.records.buf[2 : 2+length])
	var typ, hit, certType uint8
	var version, certLen, specsLen, idLen uint16
	if !body.ReadUint8(&typ) {
		return malformed("SSLv2 record", "empty")
	}
	if typ == 0 { // an error; its codes match no alert
		s.answer.Alert = &Alert{Level: AlertFatal, Description: 40}
		return nil
	}
	var cert []byte
	if !body.ReadUint8(&hit) || !body.ReadUint8(&certType) || !body.ReadUint16(&version) ||
		!body.ReadUint16(&certLen) || !body.ReadUint16(&specsLen) || !body.ReadUint16(&idLen) ||
		!body.ReadBytes(&cert, int(certLen)) {
		return malformed("SSLv2 SERVER-HELLO", "too short")
	}
	if len(cert) > 0 {
		s.answer.Certificates, s.answer.CertBytes = [][]byte{cert}, len(cert)
	}
	return nil
}

// takeAlert reports whether the alerts in a record end the handshake.
func (s *answerReader) takeAlert(body []byte) bool {
	s.alert = append(s.alert, body...)
	for len(s.alert) >= 2 {
		alert := Alert{Level: s.alert[0], Description: s.alert[1]}
		s.alert = s.alert[2:]
		if alert.Fatal() {
			s.answer.Alert = &alert
			return true
		}
		if len(s.answer.Warnings) < 16 {
			s.answer.Warnings = append(s.answer.Warnings, alert)
		}
	}
	return false
}

// takeMessages handles every whole handshake message that has come.
func (s *answerReader) takeMessages() (done bool, err error) {
	for len(s.pending) >= 4 {
		typ := s.pending[0]
		length := int(s.pending[1])<<16 | int(s.pending[2])<<8 | int(s.pending[3])
		if typ == msgCertificate {
			if length > maxCertificates {
				return false, fmt.Errorf("read Certificate of %d bytes: %w", length, ErrTooLarge)
			}
		} else if s.spent+length > maxHandshake {
			return false, fmt.Errorf("read handshake message of %d bytes: %w", length, ErrTooLarge)
		}
		if len(s.pending) < 4+length {
			return false, nil
		}
		if typ != msgCertificate {
			s.spent += 4 + length
		}
		body := s.pending[4 : 4+length]
		s.pending = s.pending[4+length:]
		if done, err = s.message(typ, body); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

func (s *answerReader) message(typ byte, body []byte) (done bool, err error) {
	if typ == msgHelloRequest {
		return false, nil
	}
	if (typ == msgServerHello) != (s.answer.Version == 0) {
		return false, malformed("handshake", fmt.Sprintf("unexpected message type %d", typ))
	}
	switch typ {
	case msgServerHello:
		err = s.answer.serverHello(body)
		return s.answer.Version > TLS12, err // 1.3: the rest is encrypted
	case msgCertificate:
		return false, s.answer.certificate(body)
	case msgCertificateStatus:
		s.answer.OCSPStapled = len(body) > 4 // type and length (RFC 6066 §8)
	case msgServerKeyExchange:
		return false, s.answer.serverKeyExchange(body)
	case msgCertificateRequest:
		s.answer.CertRequested = true
	case msgServerHelloDone:
		return true, nil
	case msgNewSessionTicket: // resumption with a fresh ticket, RFC 5077 §3.1
	default:
		return false, malformed("handshake", fmt.Sprintf("unexpected message type %d", typ))
	}
	return false, nil
}

// helloRetryRandom is SHA-256("HelloRetryRequest"): a ServerHello with this
// random value is a HelloRetryRequest (RFC 8446 §4.1.3).
const helloRetryRandom = "\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91" +
	"\xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C"

// serverHello reads RFC 8446 §4.1.3, RFC 5246 §7.4.1.3.
func (a *Answer) serverHello(body []byte) error {
	s := cryptobyte.String(body)
	var version, cipher uint16
	var random []byte
	var sessionID cryptobyte.String
	var compression uint8
	if !s.ReadUint16(&version) || !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&sessionID) ||
		!s.ReadUint16(&cipher) || !s.ReadUint8(&compression) || len(sessionID) > 32 {
		return malformed("ServerHello", "too short")
	}
	if version>>8 != 3 {
		return malformed("ServerHello", fmt.Sprintf("version 0x%04X", version))
	}
	a.Version, a.Cipher = version, cipher
	a.HelloRetry = string(random) == helloRetryRandom
	a.Downgraded = bytes.HasPrefix(random[24:], []byte("DOWNGRD")) && random[31] <= 1
	if s.Empty() { // extensions are optional up to TLS 1.2
		return nil
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return malformed("ServerHello", "extensions cut short")
	}
	for !extensions.Empty() {
		var id uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&data) {
			return malformed("ServerHello", "extension cut short")
		}
		a.Extensions = append(a.Extensions, id)
		if !a.extension(id, data) {
			return malformed("ServerHello", fmt.Sprintf("extension %d", id))
		}
	}
	return nil
}

func (a *Answer) extension(id uint16, data cryptobyte.String) bool {
	switch id {
	case extSupportedVersions: // RFC 8446 §4.2.1: the version that counts, 0x0304 or above
		var version uint16
		if !data.ReadUint16(&version) || version <= TLS12 {
			return false
		}
		a.Version = version
	case extKeyShare: // a HelloRetryRequest names the group only
		return data.ReadUint16(&a.Group)
	case extALPN:
		var list, protocol cryptobyte.String
		if !data.ReadUint16LengthPrefixed(&list) || !list.ReadUint8LengthPrefixed(&protocol) {
			return false
		}
		a.ALPN = string(protocol)
	case extSessionTicket:
		a.SessionTicketExt = true
	case extExtendedMasterSecret:
		a.ExtendedMasterSecret = true
	case extRenegotiationInfo:
		a.SecureRenegotiation = true
	}
	return true
}

// certificate reads RFC 5246 §7.4.2.
func (a *Answer) certificate(body []byte) error {
	a.CertBytes = len(body)
	a.Certificates = nil
	s := cryptobyte.String(body)
	var list cryptobyte.String
	if !s.ReadUint24LengthPrefixed(&list) {
		return malformed("Certificate", "list cut short")
	}
	for !list.Empty() {
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) {
			return malformed("Certificate", "certificate cut short")
		}
		if len(der) > 0 { // a list of empty entries would cost more memory than bytes
			a.Certificates = append(a.Certificates, bytes.Clone(der))
		}
	}
	return nil
}

// serverKeyExchange reads RFC 8422 §5.4 and RFC 5246 §7.4.3. What other key
// exchanges put there is left alone.
func (a *Answer) serverKeyExchange(body []byte) error {
	s := cryptobyte.String(body)
	name := cipherNames[a.Cipher]
	switch {
	case strings.Contains(name, "PSK"), strings.Contains(name, "ECCPWD"):
		return nil
	case strings.HasPrefix(name, "TLS_ECDHE_"), strings.HasPrefix(name, "TLS_ECDH_anon_"):
		var curveType uint8
		var point cryptobyte.String
		if !s.ReadUint8(&curveType) {
			return malformed("ServerKeyExchange", "empty")
		}
		if curveType != 3 { // explicit curves, forbidden by RFC 8422 §5.4
			return nil
		}
		if !s.ReadUint16(&a.Group) || !s.ReadUint8LengthPrefixed(&point) {
			return malformed("ServerKeyExchange", "curve cut short")
		}
	case strings.HasPrefix(name, "TLS_DHE_"), strings.HasPrefix(name, "TLS_DH_anon_"):
		var prime, generator, public cryptobyte.String
		if !s.ReadUint16LengthPrefixed(&prime) || !s.ReadUint16LengthPrefixed(&generator) ||
			!s.ReadUint16LengthPrefixed(&public) {
			return malformed("ServerKeyExchange", "Diffie-Hellman parameters cut short")
		}
		a.DHBits = bitLen(prime)
	default:
		return nil
	}
	if a.Version == TLS12 && !strings.Contains(name, "_anon_") && !s.ReadUint16(&a.SigAlg) {
		return malformed("ServerKeyExchange", "signature cut short")
	}
	return nil
}

func bitLen(n []byte) int {
	n = bytes.TrimLeft(n, "\x00")
	if len(n) == 0 {
		return 0
	}
	return (len(n)-1)*8 + bits.Len8(n[0])
}
