package sshwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// SFTP is a client of SFTP version 3 (draft-ietf-secsh-filexfer-02), as OpenSSH
// and nearly everybody speaks it. It reads exactly the packets that it asked
// for and nothing beyond. It is used by one goroutine at a time.
//
//	c := sshwire.NewSFTP(channel)
//	if err := c.Init(); err != nil { … }
//	home, err := c.RealPath(".")
type SFTP struct {
	rw io.ReadWriter
	id uint32

	// Version and Extensions are what the server answered to INIT.
	Version    uint32
	Extensions []Extension
}

// Extension is a pair of the server's VERSION, such as limits@openssh.com.
type Extension struct{ Name, Data string }

// MaxSFTPPacket bounds the packets that are read, in bytes; OpenSSH's own
// bound is the same.
const MaxSFTPPacket = 256 << 10

// Packet types (draft §3).
const (
	fxpInit     = 1
	fxpVersion  = 2
	fxpOpen     = 3
	fxpClose    = 4
	fxpRead     = 5
	fxpWrite    = 6
	fxpLstat    = 7
	fxpOpendir  = 11
	fxpReaddir  = 12
	fxpRemove   = 13
	fxpRealpath = 16
	fxpStat     = 17
	fxpStatus   = 101
	fxpHandle   = 102
	fxpData     = 103
	fxpName     = 104
	fxpAttrs    = 105
	fxpExtended = 200
	fxpReply    = 201
)

// The status codes: of version 3 (draft §7), and those of later versions that
// some servers send all the same.
const (
	StatusOK               = 0
	StatusEOF              = 1
	StatusNoSuchFile       = 2
	StatusPermissionDenied = 3
	StatusFailure          = 4
	StatusBadMessage       = 5
	StatusNoConnection     = 6
	StatusConnectionLost   = 7
	StatusUnsupported      = 8
	StatusNoSuchPath       = 10
	StatusFileExists       = 11
	StatusWriteProtect     = 12
	StatusNoSpace          = 14
	StatusQuotaExceeded    = 15
	StatusLockConflict     = 17
	StatusNotADirectory    = 19
	StatusInvalidFilename  = 20
)

var statusNames = map[uint32]string{
	StatusOK: "OK", StatusEOF: "EOF", StatusNoSuchFile: "NO_SUCH_FILE", StatusPermissionDenied: "PERMISSION_DENIED",
	StatusFailure: "FAILURE", StatusBadMessage: "BAD_MESSAGE", StatusNoConnection: "NO_CONNECTION",
	StatusConnectionLost: "CONNECTION_LOST", StatusUnsupported: "OP_UNSUPPORTED", 9: "INVALID_HANDLE",
	StatusNoSuchPath: "NO_SUCH_PATH", StatusFileExists: "FILE_ALREADY_EXISTS", StatusWriteProtect: "WRITE_PROTECT",
	13: "NO_MEDIA", StatusNoSpace: "NO_SPACE_ON_FILESYSTEM", StatusQuotaExceeded: "QUOTA_EXCEEDED", 16: "UNKNOWN_PRINCIPAL",
	StatusLockConflict: "LOCK_CONFLICT", 18: "DIR_NOT_EMPTY", StatusNotADirectory: "NOT_A_DIRECTORY",
	StatusInvalidFilename: "INVALID_FILENAME", 21: "LINK_LOOP",
}

// StatusError is a request that the server answered with a status.
type StatusError struct {
	Code    uint32
	Message string // the server's words
}

func (e *StatusError) Error() string {
	name := statusNames[e.Code]
	if name == "" {
		name = "status"
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%d) %s", name, e.Code, e.Message))
}

// NotSFTPError says that something else than SFTP came: mostly the text that a
// shell or its start-up files print, of which the first four characters were
// read as a length.
type NotSFTPError struct {
	First []byte // what was read
	Kind  byte   // the packet's type, if the length was a possible one
}

func (e *NotSFTPError) Error() string {
	return fmt.Sprintf("no SFTP packet: %q", e.First)
}

// Text is the text that the bytes begin with, and whether they begin with one.
func (e *NotSFTPError) Text() (string, bool) { return leadingText(e.First) }

// leadingText is the printable beginning of bytes; colours and line ends count
// as printable. A packet begins with a zero byte, which no text has.
func leadingText(b []byte) (string, bool) {
	end := 0
	for end < len(b) {
		r, n := utf8.DecodeRune(b[end:])
		if r < ' ' && !strings.ContainsRune("\r\n\t\x1b\a\b\f", r) || r == 0x7f {
			break
		}
		end += n
	}
	return string(b[:end]), end > 0
}

// ErrBadPacket is a packet that breaks the protocol.
var ErrBadPacket = errors.New("malformed SFTP packet")

// NewSFTP makes a client over a channel on which the subsystem runs.
func NewSFTP(rw io.ReadWriter) *SFTP { return &SFTP{rw: rw} }

// Over returns a client of the same session that reads and writes through
// something else for a while. Its requests have numbers of their own, so that
// the first client's do not depend on how many it made. Answers to them that are
// still to come when the first client goes on are passed over.
func (c *SFTP) Over(rw io.ReadWriter) *SFTP {
	return &SFTP{rw: rw, id: firstOver, Version: c.Version, Extensions: c.Extensions}
}

// firstOver is where the numbers of such requests begin.
const firstOver = 1 << 31

// Init begins the session. Its error is a *NotSFTPError if something else came.
func (c *SFTP) Init() error {
	notSent := c.write([]byte{fxpInit, 0, 0, 0, 3}) // who ended already may have said why
	head := make([]byte, 5)
	n, err := io.ReadFull(c.rw, head)
	length := binary.BigEndian.Uint32(head)
	switch {
	case err != nil && n > 0:
		return errors.Join(&NotSFTPError{First: head[:n]}, err)
	case err != nil:
		return errors.Join(err, notSent)
	case length < 5 || length > MaxSFTPPacket:
		return &NotSFTPError{First: head}
	case head[4] != fxpVersion:
		return &NotSFTPError{First: head, Kind: head[4]}
	}
	body := make([]byte, length-1)
	if _, err := io.ReadFull(c.rw, body); err != nil {
		return err
	}
	return c.version(body)
}

func (c *SFTP) version(body []byte) error {
	p := packet{body}
	var ok bool
	if c.Version, ok = p.uint32(); !ok {
		return ErrBadPacket
	}
	for len(p.b) > 0 {
		name, ok := p.string()
		data, ok2 := p.string()
		if !ok || !ok2 {
			return nil // some servers end with a byte too many; the version counts
		}
		c.Extensions = append(c.Extensions, Extension{string(name), string(data)})
	}
	return nil
}

// Has tells whether the server has an extension.
func (c *SFTP) Has(name string) bool {
	for _, e := range c.Extensions {
		if e.Name == name {
			return true
		}
	}
	return false
}

func (c *SFTP) write(body []byte) error {
	_, err := c.rw.Write(append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))), body...))
	return err
}

// send begins a request and returns its number.
func (c *SFTP) send(kind byte, fields ...any) (uint32, error) {
	c.id++
	body := binary.BigEndian.AppendUint32([]byte{kind}, c.id)
	for _, f := range fields {
		switch f := f.(type) {
		case uint32:
			body = binary.BigEndian.AppendUint32(body, f)
		case uint64:
			body = binary.BigEndian.AppendUint64(body, f)
		case string:
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(f))), f...)
		case []byte:
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(f))), f...)
		}
	}
	return c.id, c.write(body)
}

// receive reads one answer.
func (c *SFTP) receive() (kind byte, id uint32, p packet, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c.rw, head); err != nil {
		return 0, 0, p, err
	}
	length := binary.BigEndian.Uint32(head)
	if length < 5 || length > MaxSFTPPacket {
		return 0, 0, p, fmt.Errorf("length %d: %w", length, ErrBadPacket)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.rw, body); err != nil {
		return 0, 0, p, err
	}
	return body[0], binary.BigEndian.Uint32(body[1:]), packet{body[5:]}, nil
}

// ask makes a request and reads its answer, which must be of the kind wanted.
// Answers to earlier requests that were given up are passed over.
// A status instead is a *StatusError, also StatusOK where a status is not what
// is wanted.
func (c *SFTP) ask(want, kind byte, fields ...any) (packet, error) {
	sent, err := c.send(kind, fields...)
	if err != nil {
		return packet{}, err
	}
	got, id, p, err := c.receive()
	for range maxAnswers {
		if err != nil || id >= sent && (id < firstOver || sent >= firstOver) {
			break
		}
		got, id, p, err = c.receive() // that was of a request or a transfer that was given up
	}
	switch {
	case err != nil:
		return p, err
	case id != sent:
		return p, fmt.Errorf("answer %d to request %d: %w", id, sent, ErrBadPacket)
	}
	return p, expect(want, got, &p)
}

func expect(want, got byte, p *packet) error {
	switch {
	case got == fxpStatus:
		code, ok := p.uint32()
		if !ok {
			return ErrBadPacket
		}
		text, _ := p.string() // some servers leave it out
		if code == StatusOK && want == fxpStatus {
			return nil
		}
		return &StatusError{code, string(text[:min(len(text), maxStatusText)])}
	case got != want:
		return fmt.Errorf("type %d where %d belongs: %w", got, want, ErrBadPacket)
	}
	return nil
}

const maxStatusText = 512

// packet reads fields from the front.
type packet struct{ b []byte }

func (p *packet) uint32() (uint32, bool) {
	if len(p.b) < 4 {
		return 0, false
	}
	v := binary.BigEndian.Uint32(p.b)
	p.b = p.b[4:]
	return v, true
}

func (p *packet) uint64() (uint64, bool) {
	if len(p.b) < 8 {
		return 0, false
	}
	v := binary.BigEndian.Uint64(p.b)
	p.b = p.b[8:]
	return v, true
}

func (p *packet) string() ([]byte, bool) {
	n, ok := p.uint32()
	if !ok || uint64(n) > uint64(len(p.b)) {
		return nil, false
	}
	s := p.b[:n]
	p.b = p.b[n:]
	return s, true
}
