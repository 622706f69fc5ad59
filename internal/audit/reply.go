package audit

import "bytes"

// replyText reads a reply of the server as some logs quote it whole. The
// outcome of transfers and logins stands in other lines of these logs; here only
// what nothing else tells is taken: why.
func replyText(b []byte, e *event) kind {
	e.action = NoAction
	if len(b) < 4 {
		return quiet
	}
	code, ok := atoi(b[:3])
	if !ok {
		return quiet
	}
	if code < 400 {
		return quiet
	}
	e.outcome = Failure
	e.cause = replyCause(int(code), b[4:])
	if e.cause == noCause || e.cause == rejected || e.cause == fileOther || e.cause == aborted {
		return quiet // stated by another line of the log
	}
	return known
}

// replyCause judges a reply by its words, then by its code (RFC 959 §4.2).
func replyCause(code int, text []byte) cause {
	if c := find(text, replies); c != noCause {
		return c
	}
	switch code {
	case 421:
		if bytes.Contains(text, []byte("imeout")) || bytes.Contains(text, []byte("Idle")) || bytes.Contains(text, []byte("idle")) {
			return idle
		}
		return noCause
	case 425:
		return passiveFailed
	case 426, 451:
		return aborted
	case 430, 532:
		return rejected
	case 452:
		return diskFull
	case 552:
		return quota
	case 530:
		if starts(text, "Permission denied") {
			return userDenied
		}
		return rejected
	case 522:
		return find(text, tlsErrors)
	case 550, 553, 450:
		if c := find(text, systemErrors); c != noCause {
			return c
		}
		return fileOther
	}
	return noCause
}
