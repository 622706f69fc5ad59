package audit

import "bytes"

// The columns of W3C logs that are read; what IIS and Pure-FTPd call them.
const (
	noColumn column = iota
	dateColumn
	timeColumn
	clientColumn
	userColumn
	methodColumn
	pathColumn
	statusColumn
	windowsColumn // sc-win32-status
	sentColumn    // bytes
	receivedColumn
	takenColumn // milliseconds
	sessionColumn
	nColumns
)

var columnNames = map[string]column{
	"date": dateColumn, "time": timeColumn, "c-ip": clientColumn, "cs-username": userColumn, "cs-method": methodColumn,
	"cs-uri-stem": pathColumn, "sc-status": statusColumn, "sc-win32-status": windowsColumn, "sc-bytes": sentColumn,
	"cs-bytes": receivedColumn, "time-taken": takenColumn, "x-session": sessionColumn,
}

const fieldsMark = "#Fields:"

// layoutOf reads a line "#Fields: date time c-ip …".
func layoutOf(line []byte) *layout {
	l := &layout{}
	for _, name := range bytes.Fields(line[len(fieldsMark):]) {
		l.fields = append(l.fields, columnNames[string(name)])
	}
	return l
}

// lastLayout finds what holds after a chunk.
func lastLayout(data []byte, before *layout) *layout {
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(fieldsMark))
		if i < 0 {
			return before
		}
		at := from + i
		from = at + len(fieldsMark)
		if at == 0 || data[at-1] == '\n' {
			line, _, _ := bytes.Cut(data[at:], []byte{'\n'})
			before = layoutOf(trimCR(line))
		}
	}
}

// w3c reads the W3C extended log format of IIS and of Pure-FTPd:
//
//	#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status …
//
// Its times are in UTC.
func (r *reader) w3c(line []byte, e *event) kind {
	if len(line) == 0 {
		return unknown
	}
	if line[0] == '#' {
		if starts(line, fieldsMark) {
			r.layout = layoutOf(line)
		}
		return quiet
	}
	if r.layout == nil {
		return unknown
	}
	var at [nColumns][]byte
	rest := line
	for _, c := range r.layout.fields {
		if rest == nil {
			return unknown
		}
		var field []byte
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			field, rest = rest[:i], rest[i+1:]
		} else {
			field, rest = rest, nil
		}
		at[c] = field
	}
	if rest != nil || !r.w3cTime(&at, line, e) {
		return unknown
	}
	e.source, _ = address(dash(at[clientColumn]))
	e.user = dash(at[userColumn])
	if i := bytes.IndexByte(e.user, '\\'); i >= 0 { // DOMAIN\user
		e.user = e.user[i+1:]
	}
	e.path = dash(at[pathColumn])
	e.millis = orMinus(at[takenColumn])
	status, _ := atoi(at[statusColumn])
	windows, _ := atoi(at[windowsColumn])
	method := at[methodColumn]
	if i := bytes.IndexByte(method, ']'); i >= 0 && len(method) > 0 && method[0] == '[' { // [session]verb
		method = method[i+1:]
	}
	if !w3cAction(method, e) {
		return unknown
	}
	if string(e.message) == "USER" {
		r.asks(e.source, e.path)
		e.user, e.path = e.path, nil
	}
	e.judge(int(status), nil)
	switch e.action {
	case Login:
		e.path, e.showsTLS = nil, true
		if len(e.user) == 0 {
			e.user = r.asked(e.source)
		}
	case Upload:
		if e.bytes = orMinus(at[receivedColumn]); at[receivedColumn] == nil {
			e.bytes = orMinus(at[sentColumn])
		}
	case Download:
		e.bytes = orMinus(at[sentColumn])
	}
	if e.outcome == Failure || e.action == Login && windows != 0 {
		e.windows(windows)
	}
	return known
}

func (r *reader) w3cTime(at *[nColumns][]byte, line []byte, e *event) bool {
	if at[dateColumn] == nil || at[timeColumn] == nil {
		return at[timeColumn] != nil || at[clientColumn] != nil
	}
	// Both stand at the beginning of the line, side by side, wherever this
	// format is written.
	if r.layout.fields[0] != dateColumn || r.layout.fields[1] != timeColumn {
		return true
	}
	when, _, ok := r.clock.iso(line, true)
	e.when = when
	return ok
}

func dash(b []byte) []byte {
	if len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

func orMinus(b []byte) int64 {
	if n, ok := atoi(b); ok {
		return n
	}
	return -1
}

// w3cAction reads a method: a command of FTP, or what IIS and Pure-FTPd call
// an event.
func w3cAction(method []byte, e *event) bool {
	switch string(method) {
	case "ControlChannelOpened":
		e.action, e.outcome = Connect, Success
	case "ControlChannelClosed", "DataChannelOpened", "DataChannelClosed":
		e.action = NoAction
	case "created":
		e.action = Upload
	case "sent":
		e.action = Download
	case "appended":
		e.action = Upload
	default:
		if len(method) < 3 || len(method) > 8 {
			return false
		}
		e.action = verbAction(method)
		e.message = method
	}
	return true
}

// verbAction is what a command of FTP does.
func verbAction(verb []byte) Action {
	switch string(verb) {
	case "PASS":
		return Login
	case "RETR", "GET":
		return Download
	case "STOR", "STOU", "APPE", "PUT":
		return Upload
	case "DELE", "DELETE":
		return Delete
	case "RNTO":
		return Rename
	case "MKD", "XMKD":
		return MakeDir
	case "RMD", "XRMD":
		return RemoveDir
	case "LIST", "NLST", "MLSD":
		return List
	case "AUTH":
		return TLSControl
	case "QUIT":
		return Logout
	}
	return Command
}

// judge gives an event of a command its outcome by the code of the reply, and
// its cause by the text where there is one.
func (e *event) judge(code int, text []byte) {
	switch {
	case code == 0 || code == 332 || code == 331 || code == 334:
		if e.action == Login {
			e.action = Command // half a login
		}
	case code < 400:
		e.outcome = Success
	default:
		e.outcome = Failure
		switch e.action {
		case Login:
			if e.cause = find(text, replies); e.cause == noCause {
				e.cause = loginCause(code)
			}
		case Upload, Download, List:
			e.cause = replyCause(code, text)
		case Delete, Rename, MakeDir, RemoveDir:
			e.cause = find(text, systemErrors)
			if e.cause == noCause {
				e.cause = fileOther
			}
		case TLSControl:
			if code != 431 && code != 534 {
				e.action, e.outcome = Command, NoOutcome // not offered
			} else {
				e.cause = tlsNoCertificate
			}
		}
	}
}

func loginCause(code int) cause {
	switch code {
	case 521, 522, 534:
		return tlsRequired
	case 421:
		return tooMany
	case 500, 501, 502, 503:
		return noCause // out of order; nobody's password was looked at
	}
	return rejected
}

// windows reads the error of Windows beside a reply of IIS, which says what
// the reply does not ([MS-ERREF] §2.2).
func (e *event) windows(status int64) {
	switch status {
	case 1326, 86: // ERROR_LOGON_FAILURE, ERROR_INVALID_PASSWORD
		e.cause = rejected
	case 1317: // ERROR_NO_SUCH_USER
		e.cause = unknownUser
	case 1327, 1331, 1385, 1328: // restriction, disabled, logon type not granted, hours
		e.cause = userDenied
	case 1330, 1907: // ERROR_PASSWORD_EXPIRED, ERROR_PASSWORD_MUST_CHANGE
		e.cause = passwordExpired
	case 1793: // ERROR_ACCOUNT_EXPIRED
		e.cause = accountExpired
	case 1909: // ERROR_ACCOUNT_LOCKED_OUT
		e.cause = accountLocked
	case 5: // ERROR_ACCESS_DENIED
		if e.action == Login {
			e.cause = userDenied
		} else {
			e.cause = permission
		}
	case 2, 3: // ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND
		if e.action == Login {
			e.cause = homeMissing
		} else {
			e.cause = notFound
		}
	case 39, 112: // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
		e.cause = diskFull
	case 1295: // ERROR_DISK_QUOTA_EXCEEDED
		e.cause = quota
	case 19: // ERROR_WRITE_PROTECT
		e.cause = readOnly
	case 64, 121, 995, 1236, 10053, 10054: // the network name is gone, aborted, reset
		if e.action == Upload || e.action == Download || e.action == List {
			e.cause = aborted
		}
	case 10060, 10061: // WSAETIMEDOUT, WSAECONNREFUSED
		e.cause = passiveFailed
	}
	if e.action == Login && e.cause != noCause {
		e.outcome = Failure
	}
}
