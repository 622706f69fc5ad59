package audit

import "bytes"

// The providers of Windows' events that tell of file services.
const (
	securityProvider = "Microsoft-Windows-Security-Auditing"
	serviceProvider  = "Service Control Manager"
	schannelProvider = "Schannel"
	opensshProvider  = "OpenSSH"
)

// wanted tells whether the data of an event is of interest.
func wanted(provider, id []byte) bool {
	switch string(provider) {
	case opensshProvider:
		return true
	case securityProvider:
		switch string(id) {
		case "4624", "4625", "4648", "4740", "4771", "4776":
			return true
		}
	case serviceProvider, "Service Control Manager Eventlog Provider":
		switch string(id) {
		case "7000", "7001", "7009", "7022", "7023", "7024", "7031", "7034", "7036", "7038", "7041":
			return true
		}
	case schannelProvider:
		switch string(id) {
		case "36870", "36871", "36874", "36887", "36888":
			return true
		}
	}
	return false
}

// kept tells whether a part of the data is of interest. Of Security's events,
// which have two dozen, only some are.
func kept(provider, name []byte) bool {
	if string(provider) != securityProvider {
		return true
	}
	switch string(name) {
	case "TargetUserName", "TargetDomainName", "Status", "SubStatus", "LogonType", "LogonProcessName", "AuthenticationPackageName", "WorkstationName", "Workstation",
		"ProcessName", "IpAddress", "IpPort", "PreAuthType", "ServiceName":
		return true
	}
	return false
}

// windowsEvent is the data of an event that readers look at.
type windowsEvent struct {
	user, domain, status, substatus, logonType, process, address, workstation []byte
	params                                                                    [4][]byte // param1 …
	binary, payload, program                                                  []byte
	kind, alert, state, protocol, caller                                      []byte // Schannel's
}

func (w *windowsEvent) set(name, value []byte) {
	switch string(name) {
	case "TargetUserName":
		w.user = value
	case "TargetDomainName":
		w.domain = value
	case "Status":
		w.status = value
	case "SubStatus":
		w.substatus = value
	case "LogonType":
		w.logonType = value
	case "ProcessName":
		w.process = value
	case "IpAddress":
		w.address = value
	case "Workstation", "WorkstationName":
		w.workstation = value
	case "param1", "param2", "param3", "param4":
		w.params[name[5]-'1'] = value
	case "Binary":
		w.binary = value
	case "payload":
		w.payload = value
	case "process":
		w.program = value
	case "Type":
		w.kind = value
	case "AlertDesc":
		w.alert = value
	case "ErrorState":
		w.state = value
	case "Protocol":
		w.protocol = value
	case "CallerProcessImageName":
		w.caller = value
	}
}

// windows reads the lines that [eventLog] makes of the Windows event log.
func (r *reader) windows(line []byte, e *event) kind {
	if len(line) < 24 {
		return unknown
	}
	b := line
	if b[0] != '-' {
		when, rest, ok := r.clock.iso(line, true)
		if !ok || line[0] < '1' || line[0] > '9' {
			return unknown
		}
		e.when, b = when, rest
	} else {
		b = b[1:]
	}
	if len(b) < 2 || b[0] != ' ' {
		return unknown
	}
	_, b = word(b[1:])
	source, b := word(b)
	number_, b := word(b)
	i := bytes.LastIndexByte(source, '/')
	if i < 1 || len(number_) < 2 || number_[0] != '#' {
		return unknown
	}
	provider := source[:i]
	id, ok := atoi(source[i+1:])
	if !ok {
		return unknown
	}
	if len(b) > 1 && b[0] == '[' {
		pid, rest := word(b)
		if n, ok := atoi(bytes.Trim(pid, "[]")); ok {
			e.session = n
		}
		b = rest
	}
	if len(b) == 0 {
		return foreign
	}
	var w windowsEvent
	r.scratch = r.scratch[:0]
	for len(b) > 0 {
		name, rest, ok := bytes.Cut(b, []byte(`="`))
		if !ok {
			return unknown
		}
		value, rest, ok := r.doubled(rest)
		if !ok {
			return unknown
		}
		w.set(name, value)
		b = bytes.TrimLeft(rest, " ")
	}
	switch string(provider) {
	case securityProvider:
		return r.security(id, &w, e)
	case opensshProvider:
		return openSSH(&w, e)
	case schannelProvider:
		return schannel(id, &w, e)
	}
	if starts(provider, "Service_Control_Manager") {
		return serviceControl(id, &w, e)
	}
	return foreign
}

// doubled reads what stands before the closing quote; a quote within is doubled.
func (r *reader) doubled(b []byte) (value, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, nil, false
	}
	if i+1 == len(b) || b[i+1] != '"' {
		return b[:i], b[i+1:], true
	}
	from := len(r.scratch)
	for ; ; i = bytes.IndexByte(b, '"') {
		if i < 0 {
			return nil, nil, false
		}
		r.scratch = append(r.scratch, b[:i]...)
		if b = b[i+1:]; len(b) == 0 || b[0] != '"' {
			return r.scratch[from:], b, true
		}
		r.scratch, b = append(r.scratch, '"'), b[1:]
	}
}

// The types of logons ([4624(S)]'s documentation).
const (
	logonNetwork   = 3
	logonService   = 5
	logonClearText = 8 // the service had the password itself, as FTP's has
)

// fileService tells whether a process that logs somebody on is that of a file
// service, and whether that is SSH. IIS's FTP service has no program of its own:
// it lives in svchost.exe, and logs on with the password that it got.
func fileService(process []byte, logon int64) (ours, ssh bool) {
	name := process[bytes.LastIndexByte(process, '\\')+1:]
	var lower [64]byte
	n := copy(lower[:], name)
	for i, c := range lower[:n] {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	switch program := string(lower[:n]); program {
	case "svchost.exe", "inetinfo.exe":
		return logon == logonClearText, false
	case "w3wp.exe": // WebDAV
		return logon == logonClearText || logon == logonNetwork, false
	default:
		ssh = bytes.Contains(lower[:n], []byte("ssh"))
		return ssh || fileServer(lower[:n]), ssh
	}
}

// fileServer tells whether a name, in lower case, is one of a file server. It
// is looked for within the name, since names of services are translated.
func fileServer(name []byte) bool {
	for _, s := range []string{"ftp", "ssh", "filezilla", "serv-u", "cerberus", "bitvise", "bvssh", "webdav"} {
		if contains(name, s) {
			return !contains(name, "tftp") && !contains(name, "agent")
		}
	}
	return false
}

// security reads the events of the Security log about logons and accounts.
func (r *reader) security(id int64, w *windowsEvent, e *event) kind {
	e.user = w.user
	if string(w.address) != "-" {
		e.source, _ = address(w.address)
	}
	switch id {
	case 4624, 4625, 4648:
		logon, _ := atoi(w.logonType)
		ours, ssh := fileService(w.process, logon)
		if !ours {
			return foreign
		}
		// sshd works as an account of its own for every connection.
		if ssh && (string(w.domain) == "VIRTUAL USERS" || logon == logonService) {
			return quiet
		}
		if id == 4648 { // a logon with a password given is tried; how it ends stands in 4624 or 4625
			e.action = Credentials
			return known
		}
		e.action, e.outcome, e.secure = Login, Success, ssh
		if id == 4625 {
			e.outcome = Failure
			if e.cause = ntCause(w.substatus); e.cause == noCause {
				if e.cause = ntCause(w.status); e.cause == noCause {
					e.cause = rejected
				}
			}
		}
		return known
	case 4740:
		e.outcome, e.cause, e.shared = Failure, accountLocked, true
		e.source = nil
		if len(w.domain) > 0 { // the caller's computer stands in the place of the domain
			e.source = bytes.TrimLeft(w.domain, `\`)
		}
		return known
	case 4771:
		e.action, e.outcome, e.echo, e.shared = Login, Failure, true, true
		e.cause = kerberosCause(w.status)
		return known
	case 4776:
		if e.source == nil && len(w.workstation) > 0 {
			e.source = bytes.TrimLeft(w.workstation, `\`)
		}
		if string(w.status) == "0x0" {
			return quiet // what then becomes of the logon stands in 4624 or 4625
		}
		e.action, e.outcome, e.echo, e.shared = Login, Failure, true, true
		if e.cause = ntCause(w.status); e.cause == noCause {
			e.cause = rejected
		}
		return known
	}
	return foreign
}

// hexNumber reads 0xC000006D.
func hexNumber(b []byte) uint64 {
	b, ok := clip(b, "0x")
	if !ok || len(b) > 16 {
		return 0
	}
	n := uint64(0)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | uint64(c|0x20-'a'+10)
		default:
			return 0
		}
	}
	return n
}

// ntCause reads the status of a logon ([MS-ERREF] §2.3.1).
func ntCause(status []byte) cause {
	switch hexNumber(status) {
	case 0xc0000064:
		return unknownUser
	case 0xc000006a:
		return rejected
	case 0xc000006e, 0xc000006f, 0xc0000070, 0xc000015b, 0xc0000413: // restriction, hours, workstation, logon type, selective authentication
		return userDenied
	case 0xc0000071, 0xc0000224:
		return passwordExpired
	case 0xc0000072, 0xc0000234: // disabled, locked out
		return accountLocked
	case 0xc0000193:
		return accountExpired
	}
	return noCause // among them 0xc000006d, "name or password"
}

// kerberosCause reads the error of a refused pre-authentication (RFC 4120
// §7.5.9).
func kerberosCause(status []byte) cause {
	switch hexNumber(status) {
	case 0x6: // KDC_ERR_C_PRINCIPAL_UNKNOWN
		return unknownUser
	case 0x1, 0x17: // the client's entry, its password has expired
		return passwordExpired
	case 0x12: // KDC_ERR_CLIENT_REVOKED
		return accountLocked
	case 0xc: // KDC_ERR_POLICY
		return userDenied
	}
	return rejected
}

// openSSH reads what OpenSSH for Windows logs: the same words as elsewhere.
func openSSH(w *windowsEvent, e *event) kind {
	if len(w.payload) == 0 || len(w.program) > 0 && programOf(bytes.TrimSuffix(w.program, []byte(".exe"))) == nil {
		return foreign
	}
	payload := bytes.TrimRight(w.payload, " ")
	for _, level := range []string{"error: ", "fatal: ", "debug1: ", "debug2: ", "debug3: "} {
		if rest, ok := clip(payload, level); ok {
			if level[0] == 'd' {
				return quiet
			}
			payload = rest
		}
	}
	return sshd(payload, e)
}

// serviceControl reads what the Service Control Manager says of a file service.
// The service stands in the place of the user: it is whom the event is about.
func serviceControl(id int64, w *windowsEvent, e *event) kind {
	name := w.params[0]
	if id == 7009 { // the first is the time that was waited
		name = w.params[1]
	}
	lower := bytes.ToLower(name)
	key := serviceKey(w.binary) // the name that no language changes
	if !fileServer(lower) && !fileServer(bytes.ToLower(key)) {
		return foreign
	}
	e.user = name
	switch id {
	case 7036:
		e.outcome = Success
		switch state := w.binary; {
		case contains(state, "2F0031000000"):
			e.action = ServiceStop
		case contains(state, "2F0034000000"):
			e.action = ServiceStart
		case equalFold(bytes.ToUpper(w.params[1]), "STOPPED"):
			e.action = ServiceStop
		case equalFold(bytes.ToUpper(w.params[1]), "RUNNING"):
			e.action = ServiceStart
		default:
			return quiet
		}
	default: // could not start, ended by itself or hung
		e.outcome, e.cause = Failure, serviceFailed
	}
	return known
}

// serviceKey reads the name of a service from the data beside an event: UTF-16
// in hexadecimal, up to a slash or a zero.
func serviceKey(data []byte) []byte {
	var out []byte
	for ; len(data) >= 4 && len(out) < 64; data = data[4:] {
		c := hexNumber(append([]byte("0x"), data[:2]...))
		if string(data[2:4]) != "00" || c == 0 || c == '/' {
			break
		}
		out = append(out, byte(c))
	}
	return out
}

// schannel reads what Windows' TLS says of the handshakes of all programs. It
// names no client, and the program only from Windows 10 on.
func schannel(id int64, w *windowsEvent, e *event) kind {
	if string(w.kind) == "client" {
		return foreign // a connection that this machine opened
	}
	if len(w.caller) > 0 {
		lower := bytes.ToLower(w.caller)
		if !fileServer(lower) && !contains(lower, "svchost") && !contains(lower, "w3wp") && !contains(lower, "lsass") {
			return foreign
		}
	}
	e.action, e.outcome, e.shared = TLSControl, Failure, true
	e.tlsVersion = w.protocol
	switch id {
	case 36870: // the private key can't be used
		e.cause = tlsNoCertificate
	case 36874:
		e.cause = tlsCipher
	case 36887, 36888:
		e.cause = alertCause(w.alert)
	default:
		e.cause = tlsHandshake
	}
	return known
}

// alertCause reads an alert by its number (RFC 8446 §6).
func alertCause(alert []byte) cause {
	switch string(alert) {
	case "40", "71":
		return tlsCipher
	case "70":
		return tlsVersion
	case "42", "43", "44", "45", "46", "48":
		return tlsClient
	case "116":
		return tlsClientCert
	}
	return tlsHandshake
}
