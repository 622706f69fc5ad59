package capture

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"ftpdoctor/internal/tlswire"
)

// role tells what a TLS connection is for.
type role uint8

const (
	roleUnknown role = iota
	roleControl      // of FTP
	roleData         // of FTP
	roleWeb
)

// tlsDialogue is a TLS connection: the handshake as far as it is in clear, and
// behind it the kinds and sizes of records.
type tlsDialogue struct {
	*script
	a    *Analysis
	c    *conn
	role role

	streams [2]tlsStream
	hello   side // who sent the ClientHello
	began   moment
	offered *tlswire.ClientHelloInfo
	answer  tlswire.Answer
	said    moment // of the first record of the server
	shaken  bool   // both sides have turned to encryption, and the client has not given up
	doneAt  moment
	alerts  []tlsAlert
	foreign [2][]byte // first bytes of a side that does not speak TLS
	told    struct{ hello, cert bool }
	// firstCipher is the size of the client's first encrypted record: of an
	// alert, or of Finished.
	firstCipher int
	recorded    [2]int64 // bytes of application data
	lastSmall   [2]bool  // the last encrypted record had the size of an alert
	after       int      // records of the server behind the client's first encrypted one
}

// tlsAlert is an alert; hidden: encrypted, only its kind or size is seen.
type tlsAlert struct {
	m      moment
	from   side
	alert  tlswire.Alert
	hidden bool
}

// tlsStream reads the records of one direction.
type tlsStream struct {
	head   []byte // of the record that comes next, up to 5 bytes
	left   int    // bytes of the record's body still to come
	typ    byte
	size   int
	clear  []byte // records of the handshake, whole, until encryption begins
	cipher bool   // encryption has begun
	lost   bool   // bytes are missing: where records begin is not known
	over   bool   // not TLS
	count  int
	tries  int
}

const (
	recordCCS         = 20
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23
	maxClear          = 96 << 10
	maxTries          = 64
	// alert13 is the size of an encrypted alert of TLS 1.3: two bytes, the
	// kind, and a tag of 16 (RFC 8446 §5.2).
	alert13 = 2 + 1 + 16
	// empty13 is the size of an encrypted Certificate message without any
	// certificate: what a client says that was asked for one and has none.
	empty13 = 4 + 1 + 3 + 1 + 16
)

func newTLS(a *Analysis, c *conn, s *script) *tlsDialogue {
	if s == nil {
		s = &script{}
	}
	return &tlsDialogue{script: s, a: a, c: c}
}

func (d *tlsDialogue) gap(_ moment, from side, _ int64) { d.streams[from].lost = true }

func (d *tlsDialogue) end(moment) {}

func (d *tlsDialogue) bytes(m moment, from side, b []byte) {
	s := &d.streams[from]
	for len(b) > 0 && !s.lost && !s.over {
		if s.left > 0 {
			n := min(s.left, len(b))
			if !s.cipher && len(s.clear) < maxClear {
				s.clear = append(s.clear, b[:n]...)
			}
			s.left -= n
			b = b[n:]
			if s.left == 0 {
				d.record(m, from)
			}
			continue
		}
		n := min(5-len(s.head), len(b))
		s.head = append(s.head, b[:n]...)
		b = b[n:]
		if s.count == 0 && !d.plausible(m, from, b) {
			return
		}
		if len(s.head) < 5 {
			continue
		}
		s.typ, s.size = s.head[0], int(s.head[3])<<8|int(s.head[4])
		s.left = s.size
		if s.typ < recordCCS || s.typ > 24 || s.head[1] != 3 || s.size > 17<<10 {
			s.lost = true
			return
		}
		if !s.cipher && len(s.clear) < maxClear {
			s.clear = append(s.clear, s.head...)
		}
		s.head = s.head[:0]
		s.count++
		if s.left == 0 {
			d.record(m, from)
		}
	}
	if s.over {
		d.keepForeign(from, b)
	}
}

// plausible looks at the first bytes of a side.
func (d *tlsDialogue) plausible(m moment, from side, rest []byte) bool {
	s := &d.streams[from]
	head := s.head
	ssl2 := len(head) >= 3 && head[0]&0x80 != 0 && (head[2] == 1 || head[2] == 4)
	if len(head) > 0 && (head[0] < recordCCS || head[0] > 24) && !ssl2 || len(head) > 1 && !ssl2 && head[1] != 3 {
		s.over = true
		d.keepForeign(from, head)
		d.keepForeign(from, rest)
		d.trouble(m, from, firstLine(string(d.foreign[from])))
		return false
	}
	if ssl2 {
		s.lost = true
		return false
	}
	return true
}

func (d *tlsDialogue) keepForeign(from side, b []byte) {
	if room := 256 - len(d.foreign[from]); room > 0 {
		d.foreign[from] = append(d.foreign[from], b[:min(room, len(b))]...)
	}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimLeft(s, "\r\n"), "\n")
	return cutText(strings.TrimRight(s, "\r"), 200)
}

// record takes a record that is whole.
func (d *tlsDialogue) record(m moment, from side) {
	s := &d.streams[from]
	d.lastSmall[from] = false
	switch {
	case s.typ == recordAlert && s.size == 2 && !s.cipher:
		d.alert(m, from, s)
	case s.typ == recordAlert:
		d.alerts = appendAlert(d.alerts, tlsAlert{m: m, from: from, hidden: true})
	case s.typ == recordHandshake && !s.cipher:
		d.handshake(m, from, s)
	case s.typ == recordCCS:
		if !d.tls13() {
			d.turn(m, from, s)
		}
	case s.typ == recordApplication:
		d.lastSmall[from] = s.size == alert13 && d.tls13()
		if from != d.hello && d.streams[d.hello].cipher {
			d.after++
		}
		if !s.cipher {
			d.turn(m, from, s)
			if from == d.hello {
				d.firstCipher = s.size
			}
		} else {
			d.recorded[from] += int64(s.size)
		}
	}
	d.settle(m)
}

func appendAlert(all []tlsAlert, a tlsAlert) []tlsAlert {
	if len(all) < 16 {
		all = append(all, a)
	}
	return all
}

func (d *tlsDialogue) alert(m moment, from side, s *tlsStream) {
	body := s.clear[len(s.clear)-2:]
	a := tlswire.Alert{Level: body[0], Description: body[1]}
	d.alerts = appendAlert(d.alerts, tlsAlert{m: m, from: from, alert: a})
	text := "Alert: " + a.String()
	if a.Fatal() && a.Description != 0 {
		d.trouble(m, from, text)
	} else {
		d.note(m, from, text)
	}
}

// handshake reads what is there of the handshake.
func (d *tlsDialogue) handshake(m moment, from side, s *tlsStream) {
	if s.tries++; s.tries > maxTries {
		return
	}
	if d.offered == nil && len(s.clear) > 5 && s.clear[5] == 1 {
		info, err := tlswire.ParseClientHello(s.clear)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if info.LegacyVersion == 0 {
			return
		}
		d.offered, d.hello, d.began = &info, from, m
		d.note(m, from, "ClientHello "+describeOffer(&info))
		return
	}
	if d.offered == nil || from == d.hello {
		return
	}
	if d.said.packet == 0 {
		d.said = m
	}
	answer, _ := tlswire.ReadAnswer(bytes.NewReader(s.clear))
	answer.NotTLS = nil
	d.answer = answer
	switch {
	case answer.HelloRetry: // the real one comes
		d.note(m, from, "HelloRetryRequest "+describeAnswer(&answer))
		s.clear = s.clear[:0]
		return
	case answer.Version != 0 && !d.told.hello:
		d.told.hello = true
		d.note(m, from, "ServerHello "+describeAnswer(&answer))
	}
	if len(answer.Certificates) > 0 && !d.told.cert {
		d.told.cert = true
		d.note(m, from, "Certificate "+describeChain(d.chain()))
	}
}

// turn: from here on this side encrypts.
func (d *tlsDialogue) turn(m moment, from side, s *tlsStream) {
	if s.cipher {
		return
	}
	s.cipher = true
	if from != d.hello && d.offered != nil { // the last word on what was in clear
		d.handshake(m, from, s)
	}
	s.clear = nil
}

func (d *tlsDialogue) tls13() bool { return d.answer.Version == tlswire.TLS13 }

// settle sees whether the handshake is over.
func (d *tlsDialogue) settle(m moment) {
	if d.shaken || d.offered == nil || !d.streams[0].cipher || !d.streams[1].cipher {
		return
	}
	if d.tls13() && d.firstCipher == alert13 {
		return // the client has refused
	}
	d.shaken, d.doneAt = true, m
	d.note(m, d.hello, "TLS "+"handshake complete")
}

// refusedHidden tells whether the client gave up with an alert that is encrypted.
func (d *tlsDialogue) refusedHidden() bool { return d.tls13() && d.firstCipher == alert13 }

// failed returns the fatal alert that ended the handshake, and who sent it.
func (d *tlsDialogue) failed() (tlsAlert, bool) {
	for _, a := range d.alerts {
		if !a.hidden && a.alert.Fatal() && a.alert.Description != 0 {
			return a, true
		}
	}
	return tlsAlert{}, false
}

// chain is the certificates that came in clear.
func (d *tlsDialogue) chain() []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range d.answer.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			break
		}
		out = append(out, c)
	}
	return out
}

func describeOffer(i *tlswire.ClientHelloInfo) string {
	s := tlswire.VersionName(i.Version)
	if i.ServerName != "" {
		s += ", SNI " + cutText(i.ServerName, 100)
	}
	if i.Resuming {
		s += ", resuming"
	}
	return s
}

func describeAnswer(a *tlswire.Answer) string {
	s := tlswire.VersionName(a.Version)
	if a.Cipher != 0 {
		s += ", " + tlswire.CipherName(a.Cipher)
	}
	if a.Resumed {
		s += ", resumed"
	}
	return s
}

func describeChain(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return ""
	}
	s := chain[0].Subject.String()
	if len(chain[0].DNSNames) > 0 {
		s = strings.Join(chain[0].DNSNames[:min(3, len(chain[0].DNSNames))], ", ")
	}
	return fmt.Sprintf("%s (%s), %s", cutText(s, 120), chain[0].NotAfter.UTC().Format("2006-01-02"), cutText(chain[0].Issuer.String(), 120))
}
