package audit

import (
	"bytes"
	"time"
)

// filezilla reads the log of FileZilla Server 1.x:
//
//	2025-01-20T14:25:32.947Z << [FTP Session 725 192.168.8.22 alice] 230 Login successful.
func (r *reader) filezilla(line []byte, e *event) kind {
	if len(line) < 28 || line[0] > '9' {
		return unknown
	}
	when, rest, ok := r.clock.iso(line, false)
	if !ok || len(rest) < 6 || rest[0] != ' ' || rest[3] != ' ' || rest[4] != '[' {
		return unknown
	}
	e.when = when
	sign := string(rest[1:3])
	rest = rest[5:]
	session, ok := clip(rest, "FTP Session ")
	if !ok {
		return quiet // the server itself, or its administration
	}
	session, text, ok := bytes.Cut(session, []byte("] "))
	if !ok {
		return unknown
	}
	id, who := word(session)
	if e.session, ok = atoi(id); !ok {
		return unknown
	}
	source, name := word(who)
	e.source, _ = address(source)
	if len(name) > 0 {
		e.user = name
	}
	e.message = text
	switch sign {
	case ">>":
		return r.filezillaCommand(text, e)
	case "<<":
		return r.filezillaReply(text, e)
	case "!!":
		return filezillaError(text, e)
	}
	return quiet
}

func (r *reader) filezillaCommand(b []byte, e *event) kind {
	verb, arg := word(b)
	e.action, e.message = Command, verb
	r.commands(e.session, b)
	if equalFold(verb, "USER") {
		e.user = arg
		r.asks(e.source, arg)
	}
	return known
}

// filezillaReply reads a reply.
func (r *reader) filezillaReply(b []byte, e *event) kind {
	if len(b) < 4 || b[3] == '-' {
		return quiet
	}
	code, ok := atoi(b[:3])
	if !ok {
		return quiet
	}
	switch code {
	case 220:
		e.action, e.outcome = Connect, Success
	case 230, 232:
		e.action, e.outcome, e.showsTLS = Login, Success, true
	case 234:
		e.action, e.outcome = TLSControl, Success
	case 221:
		e.action, e.outcome = Logout, Success
	case 530:
		e.action, e.outcome, e.cause = Login, Failure, rejected
		if c := find(b, replies); c != noCause {
			e.cause = c
		}
		if len(e.user) == 0 {
			e.user = r.asked(e.source)
		}
	case 226, 250:
		verb, arg := word(r.commanded(e.session))
		e.action, e.outcome, e.path = verbAction(verb), Success, arg
		if e.action == Command || e.action == Login {
			return quiet
		}
	default:
		if code < 400 {
			return quiet
		}
		e.outcome = Failure
		if e.cause = replyCause(int(code), b[4:]); e.cause == noCause {
			return quiet
		}
		verb, arg := word(r.commanded(e.session))
		if a := verbAction(verb); a == Upload || a == Download {
			e.action, e.path = a, arg
		}
	}
	return known
}

func filezillaError(b []byte, e *event) kind {
	e.outcome = Failure
	if contains(b, "GnuTLS") || contains(b, "TLS") {
		e.action = TLSControl
		if e.cause = find(b, tlsErrors, gnuTLS); e.cause == noCause {
			e.cause = tlsHandshake
		}
		return known
	}
	if e.cause = find(b, systemErrors); e.cause == noCause {
		return quiet
	}
	return known
}

// gnuTLS are the words of GnuTLS, which FileZilla Server uses.
var gnuTLS = []said{
	{"error -12", tlsClient},  // GNUTLS_E_FATAL_ALERT_RECEIVED
	{"error -21", tlsCipher},  // GNUTLS_E_UNKNOWN_CIPHER_SUITE
	{"error -87", tlsCipher},  // GNUTLS_E_NO_CIPHER_SUITES
	{"error -8:", tlsVersion}, // GNUTLS_E_UNSUPPORTED_VERSION_PACKET
}

// filezillaOld reads the log of FileZilla Server 0.9, whose date is written as
// the machine is set to:
//
//	(000700) 12/18/2019 15:51:17 PM - alice (192.0.2.7)> 230 Logged on
func (r *reader) filezillaOld(line []byte, e *event) kind {
	if len(line) < 30 || line[0] != '(' {
		return unknown
	}
	id, rest, ok := number(line[1:])
	rest, ok2 := clip(rest, ") ")
	if !ok || !ok2 {
		return unknown
	}
	e.session = id
	i := bytes.Index(rest, []byte(" - "))
	j := bytes.Index(rest, []byte(")> "))
	if i < 8 || j < i {
		return unknown
	}
	if e.when, ok = r.anyDate(rest[:i]); !ok {
		return unknown
	}
	who, text := rest[i+3:j], rest[j+3:]
	k := bytes.LastIndexByte(who, '(')
	if k < 1 {
		return unknown
	}
	e.source, _ = address(who[k+1:])
	if name := bytes.TrimRight(who[:k], " "); string(name) != "(not logged in)" {
		e.user = name
	}
	e.message = text
	switch {
	case starts(text, "Connected on port"):
		e.action, e.outcome = Connect, Success
		return known
	case starts(text, "TLS connection established"), starts(text, "SSL connection established"):
		e.action, e.outcome = TLSControl, Success
		return known
	case starts(text, "disconnected"):
		e.action, e.outcome = Logout, Success
		return known
	case len(text) > 3 && text[0] >= '1' && text[0] <= '5' && text[3] == ' ':
		k := r.filezillaReply(text, e)
		if e.action == Connect || e.action == Logout || e.action == TLSControl {
			return quiet // told by the lines above
		}
		return k
	case len(text) > 3 && text[3] == '-':
		return quiet
	}
	verb, _ := word(text)
	for _, c := range verb {
		if c < 'A' || c > 'Z' {
			return quiet
		}
	}
	return r.filezillaCommand(text, e)
}

// anyDate reads a date of three numbers and a time, with AM and PM or without.
// Which number is the month is a matter of the machine: the year has four
// digits, a number above 12 is the day, '/' means month first and '.' day first.
func (r *reader) anyDate(b []byte) (int64, bool) {
	rest, clockText := word(b)
	var n [3]int64
	sep := byte(0)
	for i := range n {
		var ok bool
		if n[i], rest, ok = number(rest); !ok || i < 2 && len(rest) == 0 {
			return 0, false
		}
		if i < 2 {
			sep, rest = rest[0], rest[1:]
		}
	}
	y, m, d := n[2], n[0], n[1]
	switch {
	case n[0] > 31:
		y, m, d = n[0], n[1], n[2]
	case sep == '.' || sep == '-' || n[0] > 12:
		m, d = n[1], n[0]
	}
	if y < 100 {
		y += 2000
	}
	h, rest, ok := number(clockText)
	if !ok || len(rest) < 6 || rest[0] != ':' || rest[3] != ':' {
		return 0, false
	}
	switch half := bytes.TrimLeft(rest[6:], " "); {
	case starts(half, "PM") && h < 12:
		h += 12
	case starts(half, "AM") && h == 12:
		h = 0
	}
	base, ok := hourOf(int(y), time.Month(m), int(d), int(h), r.clock.zone)
	if !ok {
		return 0, false
	}
	r.clock.zoned = true
	return minSec(base, rest)
}
