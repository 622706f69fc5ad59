package sshwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxIdentification is what RFC 4253 §4.2 allows for the identification
	// line, with its CR LF.
	maxIdentification = 255
	// maxLine, maxLinesBefore and maxBefore bound what comes before the
	// identification, which the RFC leaves open: lines and bytes as patient
	// clients take them (OpenSSH's ssh stops at 1024 lines of 8 KiB too).
	maxLine        = 8 << 10
	maxLinesBefore = 1024
	maxBefore      = 64 << 10
)

var (
	// ErrNotSSH means that the peer speaks something else, or nothing that
	// leads to an identification within the limits.
	ErrNotSSH = errors.New("peer does not speak SSH")
	// ErrProtocol1 means that the peer speaks nothing newer than SSH 1.
	ErrProtocol1 = errors.New("peer speaks only SSH protocol 1")
)

// MalformedError tells where the peer's bytes broke the protocol.
type MalformedError struct {
	Where  string // the message or layer, "KEXINIT"
	Reason string // what is wrong with it
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed SSH %s: %s", e.Where, e.Reason)
}

func malformed(where, reason string) error { return &MalformedError{Where: where, Reason: reason} }

// Identification is the line with which each side begins (RFC 4253 §4.2):
// SSH-Protocol-Software SP Comments.
type Identification struct {
	Protocol string   // "2.0", "1.99", "1.5"
	Software string   // "OpenSSH_9.2p1"
	Comments string   // "Debian-2+deb12u3"; empty: none
	Before   []string // lines that a server sent before it, without their ends
	Raw      string   // the line without its end
	// BareLF: the line ends in LF alone, which the RFC tolerates for old
	// implementations.
	BareLF bool
	// TooLong: more than the 255 bytes that the RFC allows; strict clients
	// refuse it.
	TooLong bool
}

// Protocol2 reports whether the peer speaks SSH 2; 1.99 means both (RFC 4253 §5.1).
func (i Identification) Protocol2() bool { return i.Protocol == "2.0" || i.Protocol == "1.99" }

// ParseIdentification reads the lines up to and with the identification at the
// start of what a server sent, and gives what follows. With an error
// Identification.Before still holds the lines that came; io.ErrUnexpectedEOF
// means that more bytes may make it an identification, ErrNotSSH that they
// can't.
func ParseIdentification(raw []byte) (id Identification, rest []byte, err error) {
	for rest = raw; ; {
		line, end, err := cutLine(rest)
		if err != nil {
			return id, rest, err
		}
		if bytes.HasPrefix(line, []byte("SSH-")) {
			id.BareLF = end == 1
			id.TooLong = len(line)+2 > maxIdentification
			return id, rest[len(line)+end:], id.parse(line)
		}
		id.Before = append(id.Before, string(line))
		rest = rest[len(line)+end:]
		if len(id.Before) > maxLinesBefore || len(raw)-len(rest) > maxBefore {
			return id, rest, fmt.Errorf("%d lines and no identification: %w", len(id.Before), ErrNotSSH)
		}
	}
}

// cutLine gives the first line without its end, and the length of the end.
func cutLine(b []byte) (line []byte, end int, err error) {
	i := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	line = b[:max(i, 0)]
	if i < 0 {
		line = b[:min(len(b), maxLine)]
	}
	if c := bytes.IndexFunc(line, binaryRune); c >= 0 {
		return nil, 0, fmt.Errorf("byte 0x%02x in a line of text: %w", line[c], ErrNotSSH)
	}
	if i < 0 {
		if len(b) >= maxLine {
			return nil, 0, fmt.Errorf("a line longer than %d bytes: %w", maxLine, ErrNotSSH)
		}
		return nil, 0, fmt.Errorf("identification: %w", io.ErrUnexpectedEOF)
	}
	if cut, ok := bytes.CutSuffix(line, []byte("\r")); ok {
		return cut, 2, nil
	}
	return line, 1, nil
}

// binaryRune tells what no banner contains; bells and escape sequences do occur.
func binaryRune(r rune) bool { return r < '\a' || r > '\r' && r < ' ' && r != '\x1b' }

func (i *Identification) parse(line []byte) error {
	i.Raw = string(line)
	var found bool
	i.Protocol, i.Software, found = strings.Cut(strings.TrimPrefix(i.Raw, "SSH-"), "-")
	i.Software, i.Comments, _ = strings.Cut(i.Software, " ")
	if !found {
		return malformed("identification", "no software version in it")
	}
	if !i.Protocol2() {
		return fmt.Errorf("identification %.40q: %w", i.Raw, ErrProtocol1)
	}
	return nil
}
