package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"ftpdoctor/internal/sshwire"
)

// sshDialogue is an SSH connection: what both sides say before encryption
// begins, and how much they exchange behind it.
type sshDialogue struct {
	script
	a *Analysis
	c *conn

	streams [2]sshStream
	hostKey string // type and fingerprint
	agreed  sshwire.Algorithms
	missing sshwire.Kind // the kind of algorithm that the sides have no common one of
	left    *sshwire.Disconnect
	leftBy  side
	lastMsg byte
}

// sshStream is one direction.
type sshStream struct {
	held   []byte
	first  []byte // the first bytes, at most 512
	at     moment
	ident  *sshwire.Identification
	bad    bool // not SSH
	kex    *sshwire.KEXINIT
	cipher bool
	after  int64 // bytes behind NEWKEYS
	lost   bool
}

const (
	maxSSHHeld    = 80 << 10
	msgDisconnect = 1
	msgKEXINIT    = 20
	msgNEWKEYS    = 21
	msgKEXReply   = 31 // of most methods (RFC 4253 §8, RFC 5656 §4)
	msgGEXReply   = 33 // RFC 4419 §5
)

func newSSH(a *Analysis, c *conn) *sshDialogue { return &sshDialogue{a: a, c: c} }

func (d *sshDialogue) bytes(m moment, from side, b []byte) {
	s := &d.streams[from]
	if s.at.packet == 0 {
		s.at = m
	}
	if room := 512 - len(s.first); room > 0 {
		s.first = append(s.first, b[:min(room, len(b))]...)
	}
	switch {
	case s.cipher:
		s.after += int64(len(b))
		return
	case s.lost || s.bad || len(s.held)+len(b) > maxSSHHeld:
		return
	}
	s.held = append(s.held, b...)
	if s.ident == nil && !d.identify(m, from, s) {
		return
	}
	for !s.cipher {
		payload, rest, err := sshwire.CutPacket(s.held)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			d.trouble(m, from, firstLine(string(s.held)))
			s.lost, s.held = true, nil
			return
		}
		s.held = rest
		d.message(m, from, s, payload)
	}
	s.after += int64(len(s.held))
	s.held = nil
}

// identify waits for the line with which each side begins.
func (d *sshDialogue) identify(m moment, from side, s *sshStream) bool {
	id, rest, err := sshwire.ParseIdentification(s.held)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return false
	case err != nil && !errors.Is(err, sshwire.ErrProtocol1):
		s.bad, s.held = true, nil
		d.trouble(m, from, firstLine(string(s.first)))
		return false
	}
	s.ident, s.held = &id, rest
	d.note(m, from, identificationOf(s.first))
	return true
}

func identificationOf(first []byte) string {
	for l := range strings.Lines(string(first)) {
		if strings.HasPrefix(l, "SSH-") {
			return firstLine(l)
		}
	}
	return firstLine(string(first))
}

func (d *sshDialogue) message(m moment, from side, s *sshStream, payload []byte) {
	if len(payload) == 0 {
		return
	}
	d.lastMsg = payload[0]
	switch payload[0] {
	case msgKEXINIT:
		k, err := sshwire.ParseKEXINIT(payload)
		if err != nil {
			return
		}
		s.kex = k
		d.note(m, from, "KEXINIT")
		if c, srv := d.streams[fromClient].kex, d.streams[fromServer].kex; c != nil && srv != nil {
			d.agreed, d.missing = sshwire.Negotiate(c, srv)
		}
	case msgNEWKEYS:
		s.cipher = true
		d.note(m, from, "NEWKEYS")
	case msgDisconnect:
		if x, err := sshwire.ParseDisconnect(payload); err == nil {
			d.left, d.leftBy = &x, from
			d.trouble(m, from, fmt.Sprintf("DISCONNECT %s: %s", x.Name(), cutText(x.Text, 200)))
		}
	case msgKEXReply, msgGEXReply:
		if from == fromServer && d.hostKey == "" {
			if key := sshString(payload[1:]); sshwire.KeyType(key) != "" {
				d.hostKey = sshwire.KeyType(key) + " " + sshwire.Fingerprint(key)
				d.note(m, from, "host key "+d.hostKey)
			}
		}
	}
}

// sshString reads a string of RFC 4251 §5; nil where it is not whole.
func sshString(b []byte) []byte {
	if len(b) < 4 {
		return nil
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil
	}
	return b[4 : 4+n]
}

func (d *sshDialogue) gap(_ moment, from side, n int64) {
	s := &d.streams[from]
	if s.cipher {
		s.after += n
		return
	}
	s.lost, s.held = true, nil
}

func (d *sshDialogue) end(moment) {
	for i := range d.streams {
		d.streams[i].held = nil
	}
}

// encrypted tells whether both sides came to encryption.
func (d *sshDialogue) encrypted() bool {
	return d.streams[fromClient].cipher && d.streams[fromServer].cipher
}
