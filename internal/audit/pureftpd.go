package audit

import "bytes"

// pureFTPd reads the messages that Pure-FTPd sends to syslog:
//
//	(lab@192.0.2.7) [NOTICE] /home/lab/x uploaded  (300000 bytes, 188292.98KB/sec)
func pureFTPd(b []byte, e *event) kind {
	if starts(b, "pam_") || starts(b, "PAM ") {
		return pam(b, e)
	}
	i := bytes.Index(b, []byte(") ["))
	if len(b) < 8 || b[0] != '(' || i < 3 {
		return unknown
	}
	at := bytes.LastIndexByte(b[:i], '@')
	if at < 1 {
		return unknown
	}
	name := b[1:at]
	e.source, _ = address(b[at+1 : i])
	if string(name) != "?" {
		e.user = name
	}
	j := bytes.Index(b[i+3:], []byte("] "))
	if j < 1 {
		return unknown
	}
	level, text := b[i+3:i+3+j], b[i+3+j+2:]
	if len(text) == 0 {
		return quiet
	}
	e.message = text
	switch level[0] {
	case 'N': // NOTICE
		if k := pureNotice(text, e); k != unknown {
			return k
		}
	case 'I': // INFO
		return pureInfo(text, e)
	case 'D': // DEBUG
		return pureDebug(text, e)
	}
	return pureWarning(text, e)
}

func pureInfo(b []byte, e *event) kind {
	switch {
	case starts(b, "New connection from "):
		e.action, e.outcome = Connect, Success
		return known
	case ends(b, " is now logged in"):
		e.action, e.outcome, e.showsTLS = Login, Success, true
		e.user = b[:len(b)-len(" is now logged in")]
		return known
	case starts(b, "Anonymous user logged in"):
		e.action, e.outcome, e.user = Login, Success, []byte("anonymous")
		return known
	case starts(b, "Logout"):
		e.action, e.outcome = Logout, Success
		return known
	case starts(b, "TLS: Enabled "):
		e.action, e.outcome = TLSControl, Success
		if e.user != nil {
			e.action = TLSData
		}
		version, rest, _ := bytes.Cut(b[len("TLS: Enabled "):], []byte(" with "))
		cipher, _, _ := bytes.Cut(rest, []byte(", "))
		e.tlsVersion, e.tlsCipher = version, cipher
		return known
	case starts(b, "Timeout"):
		e.cause, e.outcome = idle, Failure
		return known
	}
	if c := find(b, pureSays); c != noCause {
		return pureWarning(b, e)
	}
	return quiet
}

func pureNotice(b []byte, e *event) kind {
	const unit = "KB/sec)"
	if ends(b, unit) {
		i := bytes.LastIndexByte(b, '(')
		if i < 12 {
			return unknown
		}
		size, rest, ok := number(b[i+1:])
		rest, ok2 := clip(rest, " bytes, ")
		if !ok || !ok2 {
			return unknown
		}
		rate, ok := thousandths(rest[:len(rest)-len(unit)])
		if !ok {
			return unknown
		}
		path := bytes.TrimRight(b[:i], " ")
		switch {
		case ends(path, " uploaded"):
			e.action, e.path = Upload, path[:len(path)-len(" uploaded")]
		case ends(path, " downloaded"):
			e.action, e.path = Download, path[:len(path)-len(" downloaded")]
		default:
			return unknown
		}
		e.outcome, e.bytes = Success, size
		if rate > 0 && rate < 1<<50 {
			e.rate = rate * 1024 / 1000
		}
		return known
	}
	if rest, ok := clip(b, "Deleted "); ok {
		e.action, e.outcome, e.path = Delete, Success, rest
		return known
	}
	if rest, ok := clip(b, "File successfully renamed or moved: ["); ok {
		from, to, _ := bytes.Cut(rest, []byte("]->["))
		e.action, e.outcome, e.path, e.target = Rename, Success, from, bytes.TrimSuffix(to, []byte("]"))
		return known
	}
	return unknown
}

// pureDebug reads "Command [retr] [x]", as -d logs them.
func pureDebug(b []byte, e *event) kind {
	rest, ok := clip(b, "Command [")
	if !ok {
		return quiet
	}
	verb, arg, ok := bytes.Cut(rest, []byte("] ["))
	if !ok {
		return unknown
	}
	e.action, e.message = Command, verb
	if equalFold(verb, "USER") {
		e.user = bytes.TrimSuffix(arg, []byte("]"))
	}
	return known
}

var pureSays = []said{
	{"Authentication failed for user", rejected},
	{"Too many authentication failures", noCause},
	{"Home directory not available", homeMissing},
	{"account disabled (uid", userDenied},
	{"Only anonymous FTP", userDenied},
	{"No anonymous login", anonymousOff},
	{"the maximum) are already logged in", tooMany},
	{"from this IP", tooManyFromSource},
	{"connections as the same user", tooManyForUser},
	{"cleartext sessions", tlsRequired},
	{"cannot be opened with this PROT", tlsRequired},
	{"Cipher too weak", tlsCipher},
	{"Transfer aborted (quota)", quota},
	{"Transfer aborted", aborted},
	{"Error during read from data connection", aborted},
	{"Error during write to file", diskFull},
	{"Quota exceeded", quota},
	{"Disk full", diskFull},
	{"Could not open data connection", activeFailed},
	{"The connection couldn't be accepted", passiveFailed},
	{"Unable to open a passive connection", passiveFailed},
	{"I won't open a connection to", portRefused},
	{"Active mode is disabled", portRefused},
	{"that file doesn't exist", notFound},
	{"Anonymous users may not overwrite", overwrite},
	{"Prohibited", nameRefused},
	{"Out of memory", resources},
	{"All reserved TCP ports are busy", resources},
	{"Configuration error", aborts},
	{"Unable to set up", aborts},
	{"Unable to start", aborts},
	{"Unable to read the indexed puredb file", aborts},
	{"Unable to find the 'ftp' account", aborts},
	{"Timeout", idle},
	{"Can't change directory", notFound},
}

func pureWarning(b []byte, e *event) kind {
	e.outcome = Failure
	if name, ok := between(b, "Authentication failed for user [", "]"); ok {
		e.action, e.cause, e.user = Login, rejected, name
		return known
	}
	if name, ok := between(b, "Can't login as [", "]"); ok {
		e.user = name
	}
	if starts(b, "TLS [") {
		e.action = TLSControl
		if e.cause = find(b, tlsErrors); e.cause == noCause {
			e.cause = tlsHandshake
		}
		return known
	}
	// What the system says is more exact than the server's own words before it.
	if e.cause = find(b, systemErrors, pureSays); e.cause == noCause {
		e.cause = fileOther
	}
	switch e.cause {
	case anonymousOff, userDenied, homeMissing:
		e.action = Login
	}
	return known
}
