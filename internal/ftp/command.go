package ftp

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadArgument is returned for an argument that would end the command early.
var ErrBadArgument = errors.New("argument holds CR, LF or NUL")

// FormatCommand gives the bytes of a command (RFC 959 §5.3). The byte 255 is
// doubled, as the telnet protocol beneath wants it.
func FormatCommand(verb, arg string) ([]byte, error) {
	if strings.ContainsAny(verb+arg, "\r\n\x00") {
		return nil, fmt.Errorf("%s: %w", verb, ErrBadArgument)
	}
	line := verb
	if arg != "" {
		line += " " + arg
	}
	return []byte(strings.ReplaceAll(line, "\xff", "\xff\xff") + "\r\n"), nil
}

// ParseCommand reads a command line, with or without its end. The verb comes
// back in upper case.
func ParseCommand(line []byte) (verb, arg string, err error) {
	s := strings.TrimRight(string(stripTelnet(line)), "\r\n")
	if strings.ContainsAny(s, "\r\n\x00") {
		return "", "", ErrBadArgument
	}
	verb, arg, _ = strings.Cut(s, " ")
	verb = strings.ToUpper(verb)
	if verb == "" || len(verb) > 16 {
		return "", "", fmt.Errorf("no command: %q", s[:min(len(s), 32)])
	}
	for _, c := range verb {
		if c < 'A' || c > 'Z' {
			return "", "", fmt.Errorf("no command: %q", s[:min(len(s), 32)])
		}
	}
	return verb, arg, nil
}

// RedactCommand hides the argument of the commands that carry a secret.
func RedactCommand(line string) string {
	trimmed := strings.TrimLeft(line, " ")
	verb, arg, found := strings.Cut(trimmed, " ")
	if !found || arg == "" {
		return line
	}
	switch strings.ToUpper(verb) {
	case "PASS", "ACCT", "ADAT":
		return line[:len(line)-len(trimmed)] + verb + " ****"
	}
	return line
}
