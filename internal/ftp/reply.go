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
	BareLF      Defect = "line ends in LF without CR"             // RFC 959 §3.1.1.5.2, RFC 1123 §4.1.2.4: the end of a line is CRLF
	BareCR      Defect = "CR within a line"                       // RFC 854: CR is followed by LF or NUL
	NUL         Defect = "NUL byte"                               //
	NoCode      Defect = "line without a reply code"              // RFC 959 §4.2
	BadCode     Defect = "reply code outside 100 to 599"          // RFC 959 §4.2.1; 6yz are the protected replies of RFC 2228 §4
	CodeChanged Defect = "last line has another code than first"  // RFC 959 §4.2: the reply never ended
	InnerCode   Defect = "line within looks like the last line"   // RFC 959 §4.2 allows it, yet some clients stop there
	LongLine    Defect = "line longer than 8 KiB was cut"         //
	TelnetBytes Defect = "telnet commands in the reply"           // RFC 854
	NonASCII    Defect = "bytes outside ASCII that are not UTF-8" // RFC 2640 §2.2
	Unfinished  Defect = "connection ended within the reply"      //
	NoSpace     Defect = "no space or hyphen behind the code"     // RFC 959 §4.2
	ExtraLines  Defect = "empty lines before the reply"           //
)

// Limits of one reply. The longest honest ones are greetings of some kilobytes
// and STAT listings.
const (
	maxLine  = 8 << 10
	maxLines = 1000
	maxReply = 256 << 10
)

// Reply is one reply of a server (RFC 959 §4.2).
type Reply struct {
	// Code is 0 when none could be read.
	Code int
	// Lines is the text of each line, without the code, its separator and the
	// line end. The bytes are the server's and may be in any encoding; telnet
	// commands are taken out.
	Lines []string
	// Raw is what was received, but for the middle of over-long lines.
	Raw []byte
	// Defects lists each defect once, in the order in which they were met.
	Defects []Defect
}

// Text is the text of the last line, the one that RFC 959 makes the reply; it
// is empty where a server says everything in the lines before.
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
	return fmt.Sprintf("%03d %s", r.Code, strings.Join(r.Lines, " / "))
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

func (r *Reply) add(d Defect) {
	if !slices.Contains(r.Defects, d) {
		r.Defects = append(r.Defects, d)
	}
}

// The errors of a Reader besides those of its source.
var (
	ErrNotFTP  = errors.New("not a reply of FTP")
	ErrTooLong = errors.New("the reply is longer than 256 KiB or 1,000 lines")
)

// Reader reads replies one by one. It reads ahead, as far as one read of its
// source yields.
type Reader struct{ br *bufio.Reader }

// NewReader reads from src.
func NewReader(src io.Reader) *Reader { return &Reader{bufio.NewReaderSize(src, maxLine)} }

// Buffered returns bytes that came behind the last reply. Before TLS starts
// there must be none: what was slipped in there would count as encrypted.
func (r *Reader) Buffered() []byte {
	b, _ := r.br.Peek(r.br.Buffered())
	return bytes.Clone(b)
}

// Reply reads one reply.
//
// The error is io.EOF when the stream ended before a reply, io.ErrUnexpectedEOF
// when it ended within one, the source's own error (a time-out, a reset),
// ErrTooLong, or ErrNotFTP when the first line is no reply; [Protocol] may know
// what it is. With any of them the Reply holds what was got so far, also the
// code and text of a line that never ended. The next call begins with the bytes
// that follow.
//
// Bytes no text line begins with are ErrNotFTP as soon as they are seen: a peer
// that speaks TLS would else be waited for until the deadline.
func (r *Reader) Reply() (Reply, error) {
	var p Reply
	for {
		binary, err := r.binary()
		if err != nil && len(p.Raw) == 0 {
			return p, fmt.Errorf("read FTP reply: %w", err)
		}
		if err != nil {
			return p, r.cutOff(&p, err)
		}
		if binary {
			p.Raw = append(p.Raw, r.Buffered()...)
			r.br.Discard(r.br.Buffered())
			p.add(NoCode)
			return p, ErrNotFTP
		}
		line, err := r.line(&p)
		if err == nil && line == "" && len(p.Raw) < maxLine {
			p.add(ExtraLines)
			continue
		}
		if err != nil && len(p.Raw) == 0 {
			return p, fmt.Errorf("read FTP reply: %w", err)
		}
		more, ok := p.first(line)
		switch {
		case err != nil && !ok && strings.Trim(line, "0123456789") != "":
			return p, fmt.Errorf("%w: %w", ErrNotFTP, r.cutOff(&p, err))
		case err != nil:
			return p, r.cutOff(&p, err)
		case !ok:
			return p, ErrNotFTP
		case !more:
			return p, nil
		}
		break
	}
	for {
		line, err := r.line(&p)
		if err != nil {
			if line != "" {
				p.next(line)
			}
			return p, r.cutOff(&p, err)
		}
		if p.next(line) {
			return p, nil
		}
		if len(p.Lines) >= maxLines || len(p.Raw) >= maxReply {
			return p, ErrTooLong
		}
	}
}

// cutOff notes that the source failed within the reply.
func (r *Reader) cutOff(p *Reply, err error) error {
	if errors.Is(err, ErrTooLong) {
		return err
	}
	p.add(Unfinished)
	if p.Has(InnerCode) && len(p.Lines) > 1 {
		if _, hyphen, _, ok := splitCode(p.Text()); ok && !hyphen {
			p.add(CodeChanged)
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read FTP reply: %w", err)
}

// first takes the first line: whether more lines follow, and whether it is a
// reply's line at all.
func (r *Reply) first(line string) (more, ok bool) {
	code, hyphen, text, ok := splitCode(line)
	if !ok {
		r.add(NoCode)
		r.Lines = append(r.Lines, line)
		return false, false
	}
	if code < 100 || code > 599 {
		r.add(BadCode)
	}
	if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		r.add(NoSpace)
	}
	r.Code = code
	r.Lines = append(r.Lines, text)
	return hyphen, true
}

// next takes a further line of a reply and tells whether it was the last: the
// one with the first line's code and no hyphen (RFC 959 §4.2). Lines between
// may repeat the code with a hyphen, which is taken off, or say anything else.
func (r *Reply) next(line string) (last bool) {
	code, hyphen, text, ok := splitCode(line)
	switch {
	case ok && code == r.Code && (len(line) == 3 || line[3] == ' '):
		r.Lines = append(r.Lines, text)
		return true
	case ok && code == r.Code && hyphen:
		r.Lines = append(r.Lines, text)
	default:
		if ok && !hyphen && len(line) > 3 && line[3] == ' ' && code >= 100 && code <= 599 {
			r.add(InnerCode)
		}
		r.Lines = append(r.Lines, line)
	}
	return false
}

// binary tells whether the next byte is one that no line of text begins with.
// It waits for that byte. Its error is the source's and is told once: a second
// read would wait for another time-out.
func (r *Reader) binary() (bool, error) {
	b, err := r.br.Peek(1)
	if err != nil {
		return false, err
	}
	c := b[0]
	return c < ' ' && c != '\r' && c != '\n' && c != '\t' || c == 0x7F || c == 0x80, nil
}

// line reads one line and returns it without its end. What exceeds maxLine is
// dropped, up to the size that a whole reply may have. With an error the line
// is what came of it.
func (r *Reader) line(p *Reply) (string, error) {
	part, err := r.br.ReadSlice('\n')
	line := bytes.Clone(part)
	p.Raw = append(p.Raw, line...)
	for dropped := 0; errors.Is(err, bufio.ErrBufferFull); {
		p.add(LongLine)
		last := line[len(line)-1]
		if len(part) > 0 {
			last = part[len(part)-1]
		}
		part, err = r.br.ReadSlice('\n')
		if dropped += len(part); dropped > maxReply {
			return string(line), ErrTooLong
		}
		if err == nil { // keep the line's own end
			end := "\n"
			if len(part) > 1 && part[len(part)-2] == '\r' || len(part) == 1 && last == '\r' {
				end = "\r\n"
			}
			line = append(line, end...)
			p.Raw = append(p.Raw, end...)
		}
	}
	return string(p.clean(line, err == nil)), err
}

// clean takes off the line end and telnet commands and notes what was odd.
func (r *Reply) clean(line []byte, ended bool) []byte {
	if ended {
		line = line[:len(line)-1]
		if trimmed, ok := bytes.CutSuffix(line, []byte("\r")); ok {
			line = bytes.TrimRight(trimmed, "\r")
			if len(line) != len(trimmed) {
				r.add(BareCR)
			}
		} else {
			r.add(BareLF)
		}
	}
	if bytes.IndexByte(line, 0) >= 0 {
		r.add(NUL)
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		r.add(BareCR)
	}
	if bytes.IndexByte(line, iac) >= 0 {
		if stripped := stripTelnet(line); len(stripped) != len(line) {
			r.add(TelnetBytes)
			line = stripped
		}
	}
	if !utf8.Valid(line) {
		r.add(NonASCII)
	}
	return line
}

// splitCode takes a line apart. Behind the code may stand a space, a hyphen,
// nothing, or, with servers that err, anything but a digit.
func splitCode(line string) (code int, hyphen bool, text string, ok bool) {
	if len(line) < 3 {
		return 0, false, "", false
	}
	for i := range 3 {
		if !isDigit(line[i]) {
			return 0, false, "", false
		}
		code = code*10 + int(line[i]-'0')
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	switch c := line[3]; {
	case c == '-':
		return code, true, line[4:], true
	case c == ' ', c == '\t':
		return code, false, line[4:], true
	case isDigit(c):
		return 0, false, "", false
	}
	return code, false, line[3:], true
}
