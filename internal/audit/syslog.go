package audit

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// program reads the messages of one program.
type program func(message []byte, e *event) kind

// programOf finds the reader of a program's messages by the name it gives to
// syslog.
func programOf(name []byte) program {
	switch string(name) {
	case "vsftpd":
		return vsftpdSyslog
	case "sshd", "sshd-session", "sshd-auth", "internal-sftp", "sftp-server":
		return sshd
	case "pure-ftpd":
		return pureFTPd
	case "proftpd":
		return proftpdSyslog
	}
	return nil
}

// syslog reads what syslog daemons write: RFC 3164 with or without a priority,
// the same with times of RFC 3339 (rsyslog's default today), and RFC 5424.
//
//	Nov 23 14:27:48 ftp vsftpd[36]: [lab] FAIL LOGIN: Client "192.0.2.7"
//	2026-11-23T14:27:48.998701+00:00 ftp vsftpd[36]: …
//	<86>1 2026-11-23T14:27:48.998701Z ftp vsftpd 36 - - …
func (r *reader) syslog(line []byte, e *event) kind {
	b := line
	if len(b) > 2 && b[0] == '<' {
		_, rest, ok := number(b[1:])
		if !ok || len(rest) < 3 || rest[0] != '>' {
			return unknown
		}
		if b = rest[1:]; b[0] == '1' && b[1] == ' ' {
			return r.rfc5424(b[2:], e)
		}
	}
	if len(b) < 20 {
		return r.continued(line)
	}
	rest, ok := []byte(nil), false
	if b[0] <= '9' {
		e.when, rest, ok = r.clock.iso(b, false)
	} else if e.when, ok = r.clock.stamp(b); ok {
		rest = b[15:]
	}
	if !ok || len(rest) < 4 || rest[0] != ' ' {
		return r.continued(line)
	}
	host, rest := word(rest[1:])
	if len(host) > 1 && host[len(host)-1] == ':' { // as it is on the local socket: without a host
		return r.message(host[:len(host)-1], rest, e)
	}
	i := bytes.Index(rest, []byte(": "))
	if i < 0 {
		if ends(rest, ":") {
			return foreign // an empty message
		}
		return unknown
	}
	return r.message(rest[:i], rest[i+2:], e)
}

// message reads what follows the tag "vsftpd[36]".
func (r *reader) message(tag, text []byte, e *event) kind {
	name := tag
	if bytes.IndexByte(tag, ' ') >= 0 {
		return unknown
	}
	if before, after, ok := bytes.Cut(tag, []byte{'['}); ok {
		name = before
		if pid, _, ok := number(after); ok {
			e.session = pid
		}
	}
	read := programOf(name)
	if read == nil {
		return foreign
	}
	r.last = e.when
	return read(text, e)
}

// continued: a message that had a line break in it goes on without a frame.
func (r *reader) continued(line []byte) kind {
	if starts(line, "Please reconnect using TLS security mechanisms") {
		return quiet
	}
	return unknown
}

// rfc5424 reads what follows "<86>1 " (RFC 5424 §6): time, host, program,
// process, id and structured data.
func (r *reader) rfc5424(b []byte, e *event) kind {
	when, rest, ok := r.clock.iso(b, false)
	if !ok {
		if len(b) == 0 || b[0] != '-' {
			return unknown
		}
		rest, when = b[1:], noTime
	}
	if len(rest) < 10 || rest[0] != ' ' {
		return unknown
	}
	e.when = when
	_, rest = word(rest[1:])
	name, rest := word(rest)
	pid, rest := word(rest)
	_, rest = word(rest)
	if n, ok := atoi(pid); ok {
		e.session = n
	}
	if len(rest) == 0 {
		return unknown
	}
	if rest[0] == '[' { // structured data; ']' within it is escaped
		for i := 1; i < len(rest); i++ {
			if rest[i] == ']' && rest[i-1] != '\\' && (i+1 == len(rest) || rest[i+1] != '[') {
				rest = rest[i:]
				break
			}
		}
	}
	if len(rest) < 3 {
		return foreign
	}
	read := programOf(name)
	if read == nil {
		return foreign
	}
	r.last = when
	return read(bytes.TrimPrefix(rest[2:], []byte("\xef\xbb\xbf")), e)
}

// journal reads the lines of `journalctl -o json`.
func (r *reader) journal(line []byte, e *event) kind {
	if len(line) < 20 || line[0] != '{' || line[len(line)-1] != '}' {
		return unknown
	}
	micros, ok := atoi(r.member(line, `"__REALTIME_TIMESTAMP":`))
	if !ok {
		return unknown
	}
	e.when = micros / 1000
	r.last = e.when
	name := r.member(line, `"SYSLOG_IDENTIFIER":`)
	if name == nil {
		name = r.member(line, `"_COMM":`)
	}
	read := programOf(name)
	if read == nil {
		return foreign
	}
	if pid, ok := atoi(r.member(line, `"_PID":`)); ok {
		e.session = pid
	}
	r.scratch = r.scratch[:0]
	message := r.member(line, `"MESSAGE":`)
	if message == nil {
		return foreign
	}
	return read(message, e)
}

// member finds a member of an object by its key with quotes and colon. A quote
// within a string is escaped, so that the key with its quotes stands nowhere
// else.
func (r *reader) member(line []byte, key string) []byte {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte(key))
		if i < 0 {
			return nil
		}
		at := from + i
		from = at + len(key)
		if at == 0 || line[at-1] != '{' && line[at-1] != ',' && line[at-1] != ' ' {
			continue
		}
		b := bytes.TrimLeft(line[from:], " ")
		if len(b) > 0 && b[0] == '[' {
			return r.byteArray(b[1:])
		}
		if len(b) > 1 && b[0] == '"' {
			return r.unquoted(b[1:])
		}
	}
}

// unquoted reads a JSON string behind its opening quote.
func (r *reader) unquoted(b []byte) []byte {
	i := bytes.IndexAny(b, `"\`)
	if i < 0 {
		return nil
	}
	if b[i] == '"' {
		return b[:i]
	}
	out := len(r.scratch)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return r.scratch[out:]
		case c != '\\' || i+1 >= len(b):
			r.scratch = append(r.scratch, c)
		default:
			i++
			switch b[i] {
			case 'n', 'r', 't', 'b', 'f':
				r.scratch = append(r.scratch, ' ')
			case 'u':
				if i+4 < len(b) {
					n, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 32)
					if err == nil {
						r.scratch = utf8.AppendRune(r.scratch, rune(n))
					}
					i += 4
				}
			default:
				r.scratch = append(r.scratch, b[i])
			}
		}
	}
	return nil
}

// byteArray reads [72, 101, …], as which the journal exports what is not UTF-8.
func (r *reader) byteArray(b []byte) []byte {
	out := len(r.scratch)
	for len(b) > 0 && b[0] != ']' {
		n, rest, ok := number(bytes.TrimLeft(b, " "))
		if !ok || n > 255 || len(rest) == 0 {
			return nil
		}
		r.scratch = append(r.scratch, byte(n))
		if b = rest; b[0] == ',' {
			b = b[1:]
		}
	}
	return r.scratch[out:]
}

// vsftpdSyslog reads vsftpd with syslog_enable=YES, and what PAM says in its
// name.
func vsftpdSyslog(b []byte, e *event) kind {
	if starts(b, "pam_") || starts(b, "PAM ") {
		return pam(b, e)
	}
	return vsftpdMessage(b, e)
}
