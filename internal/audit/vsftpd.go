package audit

import "bytes"

// vsftpd reads its own log (vsftpd_log_file with xferlog_std_format=NO):
//
//	Mon Nov 23 14:25:49 2026 [pid 58] [lab] OK DOWNLOAD: Client "192.0.2.7", "/x", 19 bytes, 24.71Kbyte/sec
func (r *reader) vsftpd(line []byte, e *event) kind {
	if len(line) < 36 {
		return unknown
	}
	when, ok := r.clock.ctime(line)
	if !ok || string(line[24:30]) != " [pid " {
		return unknown
	}
	e.when = when
	pid, rest, ok := number(line[30:])
	if !ok || len(rest) < 2 || rest[0] != ']' || rest[1] != ' ' {
		return unknown
	}
	e.session = pid
	return vsftpdMessage(rest[2:], e)
}

// vsftpdMessage reads what is the same in its own log and in syslog. A user's
// name is the client's to choose and may imitate the rest of the line, so a line
// counts only when it is read to its end.
func vsftpdMessage(b []byte, e *event) kind {
	if len(b) == 0 {
		return unknown
	}
	if b[0] != '[' {
		return vsftpdVerb(b, e)
	}
	for from := 1; ; {
		i := bytes.IndexByte(b[from:], ']')
		if i < 0 || from+i+2 > len(b) {
			return unknown
		}
		at := from + i
		if at+1 < len(b) && b[at+1] == ' ' {
			e.user = b[1:at]
			if k := vsftpdVerb(b[at+2:], e); k != unknown {
				return k
			}
		}
		from = at + 1
	}
}

// vsftpdVerbs are the operations, by their words.
var vsftpdVerbs = []struct {
	word   string
	action Action
}{
	{"LOGIN", Login},
	{"DOWNLOAD", Download},
	{"UPLOAD", Upload},
	{"APPEND", Upload},
	{"DELETE", Delete},
	{"MKDIR", MakeDir},
	{"RMDIR", RemoveDir},
	{"RENAME", Rename},
	{"CHMOD", Command},
}

func vsftpdVerb(b []byte, e *event) kind {
	if len(b) == 0 {
		return unknown
	}
	switch b[0] {
	case 'O':
		if rest, ok := clip(b, "OK "); ok {
			e.outcome = Success
			return vsftpdOperation(rest, e)
		}
	case 'F':
		if rest, ok := clip(b, "FAIL "); ok {
			e.outcome = Failure
			return vsftpdOperation(rest, e)
		}
		if rest, ok := clip(b, "FTP command: "); ok {
			return vsftpdQuoted(rest, e, vsftpdCommand)
		}
		if rest, ok := clip(b, "FTP response: "); ok {
			return vsftpdQuoted(rest, e, replyText)
		}
	case 'C':
		if rest, ok := clip(b, "CONNECT: "); ok {
			if e.source, rest, ok = vsftpdClient(rest); !ok || len(rest) > 0 && !starts(rest, ", \"Connection refused") {
				return unknown
			}
			e.action, e.outcome = Connect, Success
			if len(rest) > 0 {
				e.outcome, e.message, e.cause = Failure, rest[2:], find(rest, replies)
				if e.cause == noCause {
					e.cause = sourceDenied
				}
			}
			return known
		}
	case 'D':
		if rest, ok := clip(b, "DEBUG: "); ok {
			return vsftpdQuoted(rest, e, vsftpdDebug)
		}
	}
	return unknown
}

// vsftpdClient reads `Client "ADDRESS"`.
func vsftpdClient(b []byte) (source, rest []byte, ok bool) {
	if len(b) < 10 || string(b[:8]) != `Client "` {
		return nil, nil, false
	}
	i := bytes.IndexByte(b[8:], '"')
	if i <= 0 {
		return nil, nil, false
	}
	source, ok = address(b[8 : 8+i])
	return source, b[9+i:], ok
}

func vsftpdOperation(b []byte, e *event) kind {
	for i := range vsftpdVerbs {
		v := &vsftpdVerbs[i]
		n := len(v.word)
		if len(b) < n+2 || b[0] != v.word[0] || string(b[:n]) != v.word || b[n] != ':' {
			continue
		}
		source, rest, ok := vsftpdClient(b[n+2:])
		if !ok {
			return unknown
		}
		e.source, e.action = source, v.action
		switch v.action {
		case Login:
			if e.outcome == Failure {
				e.cause = rejected
			}
			// An anonymous login states the password, which is an address by custom.
			if len(rest) > 0 && (!starts(rest, `, anon password "`) && !starts(rest, `, "`) || rest[len(rest)-1] != '"') {
				return unknown
			}
			return known
		case Download, Upload:
			return vsftpdTransfer(rest, e)
		default:
			if len(rest) < 4 || rest[0] != ',' || rest[len(rest)-1] != '"' {
				return unknown
			}
			e.path = rest[3 : len(rest)-1]
			if e.outcome == Failure {
				e.cause = fileOther
			}
			return known
		}
	}
	return unknown
}

// vsftpdTransfer reads `, "PATH", 19 bytes, 24.71Kbyte/sec`, from its end,
// since a path may hold anything.
func vsftpdTransfer(b []byte, e *event) kind {
	const unit = "Kbyte/sec"
	if len(b) < 4+len(unit) || b[0] != ',' || b[2] != '"' || !ends(b, unit) {
		if len(b) > 4 && b[0] == ',' && b[len(b)-1] == '"' { // refused before it began
			e.path = b[3 : len(b)-1]
			e.cause = fileOther
			return known
		}
		return unknown
	}
	end := len(b) - len(unit)
	i := end
	for i > 0 && b[i-1] != ' ' {
		i--
	}
	rate, ok := thousandths(b[i:end])
	if !ok || i < 6 || b[i-2] != ',' {
		return unknown
	}
	b = b[:i-2] // ends in `"` or in ` bytes`
	e.bytes = 0
	if ends(b, " bytes") {
		n := len(b) - len(" bytes")
		for i = n; i > 0 && b[i-1]-'0' <= 9; i-- {
		}
		if e.bytes, ok = atoi(b[i:n]); !ok || i < 6 || b[i-2] != ',' {
			return unknown
		}
		b = b[:i-2]
	}
	if len(b) < 4 || b[len(b)-1] != '"' {
		return unknown
	}
	e.path = b[3 : len(b)-1]
	if e.bytes > 0 && rate > 0 && rate < 1<<50 {
		e.rate = rate * 1024 / 1000
		if e.rate > 0 && e.bytes < 1<<50 {
			e.millis = e.bytes * 1000 / e.rate
		}
	}
	if e.outcome == Failure {
		e.cause = aborted
		if e.bytes == 0 {
			e.cause = fileOther
		}
	}
	return known
}

// vsftpdQuoted reads `Client "ADDRESS", "TEXT"`.
func vsftpdQuoted(b []byte, e *event, read func([]byte, *event) kind) kind {
	source, rest, ok := vsftpdClient(b)
	if !ok || len(rest) < 4 || rest[0] != ',' || rest[2] != '"' || rest[len(rest)-1] != '"' {
		return unknown
	}
	e.source, e.message = source, rest[3:len(rest)-1]
	return read(e.message, e)
}

// vsftpdCommand reads a command of log_ftp_protocol. What it did stands in
// other lines; only AUTH is nowhere else.
func vsftpdCommand(b []byte, e *event) kind {
	verb, arg := word(b)
	e.action = Command
	switch {
	case equalFold(verb, "AUTH"):
		e.action, e.outcome = TLSControl, NoOutcome
	case equalFold(verb, "USER"):
		e.user, e.showsTLS = arg, true
	case equalFold(verb, "PASS"):
		e.message = b[:4]
	}
	return known
}

func vsftpdDebug(b []byte, e *event) kind {
	e.action = TLSControl
	if e.user != nil {
		e.action = TLSData
	}
	if rest, ok := clip(b, "SSL version: "); ok {
		e.outcome = Success
		version, rest, _ := bytes.Cut(rest, []byte(", SSL cipher: "))
		cipher, _, _ := bytes.Cut(rest, []byte(", "))
		e.tlsVersion, e.tlsCipher = version, cipher
		return known
	}
	if starts(b, "SSL_accept failed") || contains(b, "failed") {
		e.outcome, e.cause = Failure, find(b, tlsErrors)
		if e.cause == noCause {
			e.cause = tlsHandshake
		}
		return known
	}
	if contains(b, "No SSL session reuse on data channel") {
		e.action, e.outcome, e.cause = TLSData, Failure, tlsReuse
		return known
	}
	return quiet
}

func equalFold(b []byte, upper string) bool {
	if len(b) != len(upper) {
		return false
	}
	for i := range b {
		if b[i]&^0x20 != upper[i] {
			return false
		}
	}
	return true
}
