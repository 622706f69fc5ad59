package capture

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// lineKind tells what a line of a dialogue is.
type lineKind uint8

const (
	aCommand lineKind = iota // of FTP or HTTP, from the client
	aReply                   // of FTP or HTTP, from the server
	aNote                    // what is not said in words: a TLS message, a data connection, a gap
)

// line is one thing said in a dialogue, as a reader wants to see it; secrets
// are masked already.
type line struct {
	m    moment
	from side
	kind lineKind
	verb string // of a command; of a reply, that of the command which it answers
	code int    // of a reply
	text string
	took time.Duration // of a reply: since its command
	bad  bool          // something failed here
}

// script is what was said in one connection, bounded: of a long one the
// beginning and the end are kept.
type script struct {
	lines   []line
	skipped int
}

const (
	usualLines  = 16 // of a session with one transfer
	keepFirst   = 120
	keepLast    = 120
	maxLineText = 600 // bytes kept of what was said
)

func (s *script) add(l line) {
	if len(l.text) > maxLineText {
		l.text = strings.ToValidUTF8(l.text[:maxLineText], "") + "…"
	}
	if !utf8.ValidString(l.text) {
		l.text = strings.ToValidUTF8(l.text, "\uFFFD")
	}
	if len(s.lines) >= keepFirst+2*keepLast {
		n := copy(s.lines[keepFirst:], s.lines[keepFirst+keepLast:])
		clear(s.lines[keepFirst+n:])
		s.lines = s.lines[:keepFirst+n]
		s.skipped += keepLast
	}
	if s.lines == nil {
		s.lines = make([]line, 0, usualLines)
	}
	s.lines = append(s.lines, l)
}

func (s *script) note(m moment, from side, text string) {
	s.add(line{m: m, from: from, kind: aNote, text: text})
}

func (s *script) trouble(m moment, from side, text string) {
	s.add(line{m: m, from: from, kind: aNote, text: text, bad: true})
}

// lineBuffer cuts a stream into lines. It forgets what it has handed out, since
// that may have been a secret.
type lineBuffer struct {
	held []byte
	lost bool // the line is too long, or bytes are missing: its rest is passed over
}

// maxWireLine bounds a line that is waited for.
const maxWireLine = 16 << 10

// add hands each complete line to f, with its end. The bytes are valid until f
// returns.
func (b *lineBuffer) add(p []byte, f func(line []byte)) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			b.hold(p)
			return
		}
		part := p[:end+1]
		p = p[end+1:]
		if b.lost {
			b.lost = false
			continue
		}
		if len(b.held) == 0 {
			f(part)
			continue
		}
		b.hold(part)
		if !b.lost {
			f(b.held)
		}
		b.lost = false
		b.forget()
	}
}

func (b *lineBuffer) hold(p []byte) {
	if b.lost {
		return
	}
	if len(b.held)+len(p) > maxWireLine {
		b.forget()
		b.lost = true
		return
	}
	b.held = append(b.held, p...)
}

func (b *lineBuffer) forget() {
	clear(b.held)
	b.held = b.held[:0]
}

// gap: bytes are missing here.
func (b *lineBuffer) gap() {
	b.forget()
	b.lost = true
}
