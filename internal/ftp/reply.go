// Package ftp is the wire of the File Transfer Protocol: replies, commands,
// addresses of data connections, features and listings, exact to the byte. It
// does no input or output of its own beyond an io.Reader handed to it, so that
// a client, a server, a capture and a log all read the same way.
//
// It promises bounded memory and no panic on any bytes, and it keeps what it
// was given: a malformed reply comes back with its bytes and with what is wrong
// with it, because that is what a diagnosis is made of.
package ftp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Defect is a way in which a reply breaks the protocol, or stretches it.
type Defect string

// The defects.
const (
	BareLF      Defect = "line ends in LF without CR"               // RFC 959 §5.3.1 and §3.1.1.5.2: the telnet end of line is CRLF
	BareCR      Defect = "CR within a line"                         //
	NUL         Defect = "NUL byte"                                 //
	NoCode      Defect = "line without a reply code"                // RFC 959 §4.2
	BadCode     Defect = "reply code outside 100 to 599"            //
	CodeChanged Defect = "last line has another code than first"    // RFC 959 §4.2
	LongLine    Defect = "line longer than 8 KiB was cut"           //
	TelnetBytes Defect = "telnet commands in the reply"             // RFC 854
	NonASCII    Defect = "bytes outside ASCII that are not UTF-8"   // RFC 2640 §2.2
	Unfinished  Defect = "connection ended within the reply"        //
	NoSpace     Defect = "no space or hyphen behind the code"       //
	ExtraLines  Defect = "lines before the reply that are no reply" //
)

// Limits of one reply.
const (
	maxLine  = 8 << 10
	maxLines = 1000
	maxReply = 256 << 10
)

// Reply is one reply of a server (RFC 959 §4.2).
type Reply struct {
	Code    int      // 0: none could be read
	Lines   []string // the text of each line, without the code, separator and line end
	Raw     []byte   // as received, line by line, cut lines without their rest
	Defects []Defect
}

// Text is the text of the last line, which is what most replies consist of.
func (r Reply) Text() string {
	if len(r.Lines) == 0 {
		return ""
	}
	return r.Lines[len(r.Lines)-1]
}

// All joins the text of all lines.
func (r Reply) All() string { return strings.Join(r.Lines, "\n") }

// String is the reply as a log shows it: the code and all text in one line.
func (r Reply) String() string {
	if r.Code == 0 {
		return strings.TrimRight(string(r.Raw), "\r\n")
	}
	return fmt.Sprintf("%d %s", r.Code, strings.Join(r.Lines, " / "))
}

// Class is the first digit of the code (RFC 959 §4.2.1).
func (r Reply) Class() int { return r.Code / 100 }

// Preliminary: another reply follows.
func (r Reply) Preliminary() bool { return r.Class() == 1 }

// Completion: done.
func (r Reply) Completion() bool { return r.Class() == 2 }

// Intermediate: the server waits for more.
func (r Reply) Intermediate() bool { return r.Class() == 3 }

// Transient: it did not work this time.
func (r Reply) Transient() bool { return r.Class() == 4 }

// Permanent: it will not work.
func (r Reply) Permanent() bool { return r.Class() == 5 }

// Has tells whether a defect was found.
func (r Reply) Has(d Defect) bool { return slices.Contains(r.Defects, d) }

// The errors of a Reader besides those of its source.
var (
	ErrNotFTP  = errors.New("not a reply of FTP")
	ErrTooLong = errors.New("the reply is longer than 256 KiB or 1,000 lines")
)

// Reader reads replies. What comes in lines that are no reply at all is kept
// too, up to the limits.
type Reader struct{ br *bufio.Reader }

// NewReader reads from src.
func NewReader(src io.Reader) *Reader { return &Reader{bufio.NewReaderSize(src, maxLine)} }

// Buffered returns bytes that came behind the last reply. Before TLS starts
// there must be none: what was slipped in there would count as encrypted.
func (r *Reader) Buffered() []byte {
	b, _ := r.br.Peek(r.br.Buffered())
	return bytes.Clone(b)
}

// Reply reads one reply. With an error, the Reply holds what was got so far.
// ErrNotFTP means that the first line is no reply: Raw has it.
func (r *Reader) Reply() (Reply, error) {
	var p Reply
	code, more, err := r.first(&p)
	if err != nil {
		return p, err
	}
	p.Code = code
	for more {
		if len(p.Lines) >= maxLines || len(p.Raw) >= maxReply {
			return p, ErrTooLong
		}
		line, err := r.line(&p)
		if err != nil {
			p.add(Unfinished)
			return p, err
		}
		c, hyphen, text, ok := splitCode(line)
		switch {
		case ok && c == code && !hyphen:
			more = false
			p.Lines = append(p.Lines, text)
		case ok && c == code: // a server that repeats the code on each line (RFC 959 §4.2 allows text of any form)
			p.Lines = append(p.Lines, text)
		case ok && !hyphen && r.endsHere(c):
			p.add(CodeChanged)
			more = false
			p.Lines = append(p.Lines, text)
		default:
			p.Lines = append(p.Lines, strings.TrimPrefix(line, " "))
		}
	}
	return p, nil
}

// endsHere: a line with another valid code and a space, with nothing behind it
// in the buffer, ends the reply of a server that mixes its codes.
func (r *Reader) endsHere(code int) bool { return code >= 100 && code <= 599 && r.br.Buffered() == 0 }

// first reads up to the first line with a code.
func (r *Reader) first(p *Reply) (code int, more bool, err error) {
	line, err := r.line(p)
	if err != nil {
		if len(p.Raw) > 0 {
			p.add(Unfinished)
			if _, _, _, ok := splitCode(line); !ok {
				p.add(NoCode)
				return 0, false, errors.Join(ErrNotFTP, err)
			}
		}
		return 0, false, err
	}
	code, hyphen, text, ok := splitCode(line)
	if !ok {
		p.add(NoCode)
		p.Lines = append(p.Lines, line)
		return 0, false, ErrNotFTP
	}
	if code < 100 || code > 599 {
		p.add(BadCode)
	}
	if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		p.add(NoSpace)
	}
	p.Lines = append(p.Lines, text)
	return code, hyphen, nil
}

// line reads one line without its end; what exceeds the limit is dropped.
func (r *Reader) line(p *Reply) (string, error) {
	raw, err := r.br.ReadSlice('\n')
	keep := bytes.Clone(raw)
	for errors.Is(err, bufio.ErrBufferFull) {
		p.add(LongLine)
		dropped := 0
		for errors.Is(err, bufio.ErrBufferFull) {
			raw, err = r.br.ReadSlice('\n')
			if dropped += len(raw); dropped > maxReply {
				p.Raw = append(p.Raw, keep...)
				return string(keep), ErrTooLong
			}
		}
		keep = append(keep, '\r', '\n')
	}
	p.Raw = append(p.Raw, keep...)
	if err != nil {
		return string(keep), err
	}
	keep = p.clean(keep)
	return string(keep), nil
}

// clean takes off the line end and telnet commands and notes what was odd.
func (p *Reply) clean(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = bytes.TrimRight(line, "\r")
	} else {
		p.add(BareLF)
	}
	if bytes.IndexByte(line, 0) >= 0 {
		p.add(NUL)
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		p.add(BareCR)
	}
	if bytes.IndexByte(line, 0xFF) >= 0 && !utf8.Valid(line) {
		if stripped := stripTelnet(line); len(stripped) != len(line) {
			p.add(TelnetBytes)
			line = stripped
		}
	}
	if !utf8.Valid(line) {
		p.add(NonASCII)
	}
	return line
}

func (p *Reply) add(d Defect) {
	if !slices.Contains(p.Defects, d) {
		p.Defects = append(p.Defects, d)
	}
}

// stripTelnet drops IAC sequences (RFC 854): IAC WILL/WONT/DO/DONT x, IAC x;
// IAC IAC is the byte 255 itself.
func stripTelnet(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != 0xFF || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch {
		case b[i] == 0xFF:
			out = append(out, 0xFF)
		case b[i] >= 251 && b[i] <= 254:
			i++
		case b[i] < 240:
			out = append(out, 0xFF, b[i]) // no command: a letter of some code page
		}
	}
	return out
}

func splitCode(line string) (code int, hyphen bool, text string, ok bool) {
	if len(line) < 3 {
		return 0, false, "", false
	}
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(line[i]-'0')
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	switch line[3] {
	case '-':
		return code, true, line[4:], true
	case ' ', '\t':
		return code, false, line[4:], true
	}
	if line[3] >= '0' && line[3] <= '9' {
		return 0, false, "", false
	}
	return code, false, line[3:], true
}
