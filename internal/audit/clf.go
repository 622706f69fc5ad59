package audit

import "bytes"

// clf reads ProFTPD's ExtendedLog and Pure-FTPd's clf log, which follow the
// Common Log Format:
//
//	192.0.2.7 UNKNOWN lab [23/Nov/2026:14:15:30 +0000] "RETR hello.txt" 226 19
//	192.0.2.7 - lab [23/Nov/2026:14:24:04 -0000] "GET /home/lab/hello.txt" 200 19
func (r *reader) clf(line []byte, e *event) kind {
	i := bytes.IndexByte(line, '[')
	if i < 6 || len(line) < i+32 || line[i+27] != ']' || line[i+28] != ' ' || line[i+29] != '"' || line[i-1] != ' ' {
		return unknown
	}
	when, ok := r.clock.common(line[i+1:])
	if !ok {
		return unknown
	}
	e.when = when
	source, rest := word(line[:i-1])
	ident, name := word(rest)
	if len(ident) == 0 || len(name) == 0 {
		return unknown
	}
	if e.source, ok = address(source); !ok {
		return unknown
	}
	e.user = dash(name)
	// A path may hold quotes; what follows the last one are numbers.
	j := bytes.LastIndexByte(line, '"')
	if j < i+30 || j+4 > len(line) || line[j+1] != ' ' {
		return unknown
	}
	request := line[i+30 : j]
	status, size := word(line[j+2:])
	verb, arg := word(request)
	code := int64(0)
	if code, ok = atoi(status); !ok && string(status) != "-" {
		return unknown
	}
	if bytes.IndexByte(size, ' ') >= 0 || contains(arg, " HTTP/") {
		return unknown // a web server's
	}
	e.message = verb
	e.action = verbAction(verb)
	e.path = arg
	if e.action == Login {
		e.path = nil
	} else if e.action == Command && string(verb) == "USER" {
		e.user, e.path = arg, nil
	}
	switch string(verb) {
	case "NEWKEYS": // ProFTPD's mod_sftp: what follows is encrypted
		e.action, e.outcome, e.path = TLSControl, Success, nil
		return known
	case "USER":
		r.asks(e.source, arg)
	case "QUIT", "TYPE", "FEAT", "SYST":
		e.showsTLS = true // all commands are logged, not some classes of them
	}
	e.judge(int(code), nil)
	if e.action == Login && len(e.user) == 0 {
		e.user = r.asked(e.source)
	}
	e.bytes = -1
	if e.action == Upload || e.action == Download {
		e.bytes = orMinus(size)
	}
	return known
}

// xferlog reads the log of transfers that began with wu-ftpd (xferlog(5)):
//
//	Mon Nov 23 14:15:30 2026 0 192.0.2.7 19 /home/lab/hello.txt b _ o r lab ftp 0 * c
func (r *reader) xferlog(line []byte, e *event) kind {
	if len(line) < 50 {
		return unknown
	}
	when, ok := r.clock.ctime(line)
	if !ok || line[24] != ' ' {
		return unknown
	}
	e.when = when
	seconds, rest, ok := number(line[25:])
	if !ok || len(rest) < 2 || rest[0] != ' ' {
		return unknown
	}
	source, rest := word(rest[1:])
	if e.source, ok = address(source); !ok {
		return unknown
	}
	size, rest, ok := number(rest)
	if !ok || len(rest) < 2 || rest[0] != ' ' {
		return unknown
	}
	e.bytes, e.millis = size, seconds*1000
	if seconds == 0 {
		e.millis = -1 // less than a second
	}
	// From the end, since a path may hold blanks: status, id, method, service,
	// user, access mode, direction, special action, type.
	var f [9][]byte
	for i := range f {
		rest, f[i] = lastWord(rest)
		if len(rest) < 2 || len(f[i]) == 0 {
			return unknown
		}
	}
	e.path, e.user = rest[1:], f[4]
	if len(f[0]) != 1 || len(f[6]) != 1 || len(f[8]) != 1 || len(f[5]) != 1 {
		return unknown
	}
	switch f[6][0] {
	case 'i':
		e.action = Upload
	case 'o':
		e.action = Download
	case 'd':
		e.action, e.bytes = Delete, -1
	default:
		return unknown
	}
	if f[5][0] == 'a' {
		e.user = []byte("anonymous") // the log has the password here
	}
	e.outcome = Success
	if f[0][0] == 'i' {
		e.outcome, e.cause = Failure, aborted
		if e.bytes <= 0 {
			e.cause = fileOther
		}
	}
	return known
}

// stats reads Pure-FTPd's stats log:
//
//	1795443418 6b044ada.36 lab 192.0.2.7 D 19 0 /home/lab/hello.txt
func (r *reader) stats(line []byte, e *event) kind {
	seconds, rest, ok := number(line)
	if !ok || seconds < 1e8 || seconds > 1e11 || len(rest) < 12 || rest[0] != ' ' {
		return unknown
	}
	id, rest := word(rest[1:])
	name, rest := word(rest)
	source, rest := word(rest)
	if bytes.IndexByte(id, '.') < 0 || len(name) == 0 || len(rest) < 6 || rest[1] != ' ' {
		return unknown
	}
	if e.source, ok = address(source); !ok {
		return unknown
	}
	e.when, e.user, e.outcome = seconds*1000, name, Success
	switch rest[0] {
	case 'U':
		e.action = Upload
	case 'D':
		e.action = Download
	default:
		return unknown
	}
	if e.bytes, rest, ok = number(rest[2:]); !ok || len(rest) < 2 || rest[0] != ' ' {
		return unknown
	}
	if e.millis, rest, ok = number(rest[1:]); !ok || len(rest) < 2 || rest[0] != ' ' {
		return unknown
	}
	if e.millis *= 1000; e.millis == 0 {
		e.millis = -1
	}
	e.path = rest[1:]
	return known
}
