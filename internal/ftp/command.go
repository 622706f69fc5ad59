package ftp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// The errors of commands.
var (
	// ErrBadArgument is returned for an argument that would end the command early.
	ErrBadArgument = errors.New("argument holds CR, LF or NUL")
	// ErrNoCommand is returned for a line that does not begin with a verb.
	ErrNoCommand = errors.New("no command")
)

// maxVerb is twice the longest verb known.
const maxVerb = 16

// FormatCommand gives the bytes of a command (RFC 959 §5.3). The byte 255 is
// doubled, as the telnet protocol beneath wants it (RFC 854).
func FormatCommand(verb, arg string) ([]byte, error) {
	if strings.ContainsAny(arg, "\r\n\x00") {
		return nil, fmt.Errorf("%.16q: %w", verb, ErrBadArgument)
	}
	if !isVerb(verb) {
		return nil, fmt.Errorf("%.16q: %w", verb, ErrNoCommand)
	}
	line := verb
	if arg != "" {
		line += " " + arg
	}
	return []byte(strings.ReplaceAll(line, "\xff", "\xff\xff") + "\r\n"), nil
}

// ParseCommand reads a command line, with or without its end. The verb comes
// back in upper case, the argument as it is but for telnet commands: what stands
// behind the one space that separates them, further spaces included.
func ParseCommand(line []byte) (verb, arg string, err error) {
	if bytes.IndexByte(line, iac) >= 0 {
		line = stripTelnet(line)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if bytes.ContainsAny(line, "\r\n\x00") {
		return "", "", ErrBadArgument
	}
	verb, arg, _ = strings.Cut(string(line), " ")
	if !isVerb(verb) {
		return "", "", fmt.Errorf("%.16q: %w", verb, ErrNoCommand)
	}
	return strings.ToUpper(verb), arg, nil
}

// isVerb: a letter, then letters and digits, as in XSHA256.
func isVerb(s string) bool {
	if s == "" || len(s) > maxVerb || isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// RedactCommand hides the argument of the commands that carry a secret (PASS,
// ACCT, ADAT and the password commands of SITE), whatever stands before the verb
// (telnet commands, a log's arrow). Each line of a text is treated alike, and
// the line ends stay.
func RedactCommand(line string) string {
	if strings.IndexByte(line, '\n') < 0 && strings.IndexByte(line, '\r') < 0 {
		return redactLine(line)
	}
	var b strings.Builder
	for line != "" {
		i := strings.IndexAny(line, "\r\n")
		if i < 0 {
			i = len(line)
		}
		b.WriteString(redactLine(line[:i]))
		j := i
		for j < len(line) && (line[j] == '\r' || line[j] == '\n') {
			j++
		}
		b.WriteString(line[i:j])
		line = line[j:]
	}
	return b.String()
}

func redactLine(line string) string {
	start := 0
	for start < len(line) && !isLetter(line[start]) {
		start++
	}
	verb := letters(line[start:])
	end := start + len(verb)
	switch strings.ToUpper(verb) {
	case "PASS", "ACCT", "ADAT":
	case "SITE":
		rest := strings.TrimLeft(line[end:], " \t")
		sub := letters(rest)
		switch strings.ToUpper(sub) {
		case "PSWD", "PASS", "PASSWD", "PASSWORD", "CHPASS", "CPWD", "GPASS":
			end = len(line) - len(rest) + len(sub)
		default:
			return line
		}
	default:
		return line
	}
	if strings.TrimLeft(line[end:], " \t") == "" {
		return line
	}
	return line[:end] + " ****"
}

// letters is the run of ASCII letters that s begins with.
func letters(s string) string {
	i := 0
	for i < len(s) && isLetter(s[i]) {
		i++
	}
	return s[:i]
}

// The telnet commands (RFC 854). Clients send IP and DM before ABOR (RFC 959 §4.1.3).
const (
	iac = 0xFF
	sb  = 250 // begins a subnegotiation
	se  = 240 // ends it
)

// stripTelnet drops telnet commands: IAC WILL x and its like, IAC SB … IAC SE,
// IAC x. IAC IAC is the byte 255 itself, and IAC before anything else is no
// command but a letter of some code page.
func stripTelnet(b []byte) []byte {
	out := make([]byte, 0, len(b))
	noEnd := false // no IAC SE behind here: searched once only
	for i := 0; i < len(b); i++ {
		if b[i] != iac || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch c := b[i]; {
		case c == iac:
			out = append(out, iac)
		case c > sb:
			i++ // WILL, WONT, DO, DONT and their option
		case c == sb:
			if noEnd {
				break
			}
			end := bytes.Index(b[i:], []byte{iac, se})
			if end < 0 {
				noEnd = true
				break
			}
			i += end + 1
		case c < se:
			out = append(out, iac, c)
		}
	}
	return out
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
