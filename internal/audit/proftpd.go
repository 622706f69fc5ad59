package audit

import "bytes"

// proftpd reads ProFTPD's SystemLog:
//
//	2026-11-23 14:28:57,756 ftp proftpd[41] 198.51.100.10 (203.0.113.2[203.0.113.2]): USER lab: Login successful.
func (r *reader) proftpd(line []byte, e *event) kind {
	if len(line) < 30 || line[0] > '9' {
		return unknown
	}
	when, rest, ok := r.clock.iso(line, false)
	if !ok || len(rest) < 4 || rest[0] != ' ' {
		return unknown
	}
	_, rest = word(rest[1:])
	pid, ok := clip(rest, "proftpd[")
	if !ok {
		return unknown
	}
	e.when = when
	if e.session, rest, ok = number(pid); !ok || len(rest) < 3 || rest[0] != ']' {
		return unknown
	}
	if rest[1] == ':' { // not yet serving anybody
		return quiet
	}
	i := bytes.Index(rest, []byte("): "))
	if open := bytes.IndexByte(rest, '('); i >= 0 && open >= 0 && open < i {
		e.source, _ = proftpdClient(rest[open+1 : i])
		return proftpdMessage(rest[i+3:], e)
	}
	if i = bytes.Index(rest, []byte(": ")); i >= 0 {
		return proftpdServer(rest[i+2:], e)
	}
	return unknown
}

// proftpdSyslog reads the same as it goes to syslog:
//
//	198.51.100.10 (203.0.113.2[203.0.113.2]) - USER lab: Login successful.
func proftpdSyslog(b []byte, e *event) kind {
	if starts(b, "pam_") || starts(b, "PAM ") {
		return pam(b, e)
	}
	if i := bytes.Index(b, []byte(") - ")); i >= 0 {
		if open := bytes.IndexByte(b, '('); open >= 0 && open < i {
			e.source, _ = proftpdClient(b[open+1 : i])
			return proftpdMessage(b[i+4:], e)
		}
	}
	if _, text, ok := bytes.Cut(b, []byte(" - ")); ok {
		return proftpdServer(text, e)
	}
	return proftpdServer(b, e)
}

// proftpdClient reads "name[address]".
func proftpdClient(b []byte) ([]byte, bool) {
	i := bytes.LastIndexByte(b, '[')
	if i < 0 || b[len(b)-1] != ']' {
		return nil, false
	}
	return address(b[i+1 : len(b)-1])
}

// proftpdServer reads what is about no client.
func proftpdServer(b []byte, e *event) kind {
	for _, s := range []string{"ProFTPD ", "received SIG", "mod_", "Configuration", "error opening scoreboard", "warning:", "notice:", "Parsing", "reload", "using", "compiled"} {
		if starts(b, s) {
			return quiet
		}
	}
	if c := find(b, proftpdSays, systemErrors); c != noCause {
		e.cause, e.outcome, e.message = c, Failure, b
		return known
	}
	return unknown
}

var proftpdSays = []said{
	{"Invalid shell", shellNotListed},
	{"Limit configuration denies login", userDenied},
	{"Limit access denies login", userDenied},
	{"User in /etc/ftpusers", userDenied},
	{"Root login attempted", userDenied},
	{"Password expired", passwordExpired},
	{"disabled due to password expiration", accountExpired},
	{"Account expired", accountExpired},
	{"Account disabled", accountLocked},
	{"no such user found", unknownUser},
	{"No such user found", unknownUser},
	{"Incorrect password", rejected},
	{"Login failed", rejected},
	{"chdir(", homeMissing},
	{"max clients per host", tooManyFromSource},
	{"MaxClientsPerHost", tooManyFromSource},
	{"max connections per host", tooManyFromSource},
	{"MaxConnectionsPerHost", tooManyFromSource},
	{"MaxClientsPerUser", tooManyForUser},
	{"max clients per user", tooManyForUser},
	{"max clients", tooMany},
	{"MaxClients", tooMany},
	{"MaxInstances", tooMany},
	{"maximum number of clients", tooMany},
	{"connection denied", sourceDenied},
	{"Connection from", sourceDenied},
	{"refused connection", sourceDenied},
	{"Passive data transfer failed", passiveFailed},
	{"unable to find open port in PassivePorts", resources},
	{"Data connection closed", aborted},
	{"Transfer aborted", aborted},
	{"Transfer timed out", aborted},
	{"Refused PORT", portRefused},
	{"Refused EPRT", portRefused},
	{"quota", quota},
	{"imeout", idle},
}

// proftpdAside are beginnings of messages that tell nothing which others do
// not, or of no consequence for a client.
var proftpdAside = []string{
	"failed to open wtmp", "mod_", "Maximum login attempts", "Preparing to chroot", "Environment successfully chroot", "dispatching",
	"USER ", "notice: unable to open", "warning:", "ROOT PRIVS", "opening scoreboard", "error setting", "no matching vhost", "Ident", "localtime",
	"SSH2 session", "client", "disconnecting",
}

func proftpdMessage(b []byte, e *event) kind {
	e.message = b
	switch {
	case starts(b, "FTP session opened"), starts(b, "SSH2 session opened"):
		e.action, e.outcome = Connect, Success
		return known
	case starts(b, "FTP session closed"), starts(b, "SSH2 session closed"):
		e.action, e.outcome = Logout, Success
		return known
	case starts(b, "USER "), starts(b, "ANON "):
		return proftpdUser(b, e)
	case starts(b, "SECURITY VIOLATION"):
		e.action, e.outcome, e.cause, e.user = Login, Failure, userDenied, []byte("root")
		return known
	}
	if rest, ok := clip(b, "mod_auth_pam/"); ok {
		e.user, _ = between(rest, "PAM(", ")")
		switch {
		case contains(rest, "no longer valid"), contains(rest, "password has expired"):
			e.cause = passwordExpired
		case contains(rest, "account has expired"):
			e.cause = accountExpired
		default:
			return quiet // told again by USER … (Login failed)
		}
		e.outcome = Failure
		return known
	}
	if name, ok := between(b, "notice: user ", ": "); ok && contains(b, "aborting transfer") {
		e.user, e.outcome = name, Failure
		if e.cause = find(b, systemErrors); e.cause == noCause {
			e.cause = aborted
		}
		return known
	}
	if c := find(b, proftpdSays, systemErrors); c != noCause && !starts(b, "failed to open wtmp") && !starts(b, "mod_") {
		e.outcome, e.cause = Failure, c
		if name, ok := between(b, "account for user '", "'"); ok {
			e.user = name
		} else if c == homeMissing {
			e.user, _ = word(b)
		}
		return known
	}
	for _, s := range proftpdAside {
		if starts(b, s) {
			return quiet
		}
	}
	return unknown
}

// proftpdUser reads "USER lab (Login failed): …", "USER lab: Login
// successful." and "USER lab: no such user found …". The name is the client's to
// choose: the end of the message counts.
func proftpdUser(b []byte, e *event) kind {
	e.action = Login
	rest := b[5:]
	if ends(rest, ": Login successful.") {
		e.outcome, e.user = Success, rest[:len(rest)-len(": Login successful.")]
		return known
	}
	if i := lastIndex(rest, " (Login failed): "); i > 0 {
		e.outcome, e.user = Failure, rest[:i]
		if e.cause = find(rest[i:], proftpdSays); e.cause == noCause {
			e.cause = rejected
		}
		return known
	}
	if i := lastIndex(rest, ": no such user found"); i > 0 {
		e.outcome, e.user, e.cause = Failure, rest[:i], unknownUser
		return known
	}
	e.action = NoAction
	return quiet
}

// modules reads the logs of mod_tls and mod_sftp, which name the client by the
// number of its process alone:
//
//	2026-11-23 14:15:37,309 mod_tls/2.9.2[58]: TLSv1.3 connection accepted, using cipher TLS_AES_256_GCM_SHA384 (256 bits)
func (r *reader) modules(line []byte, e *event) kind {
	if starts(line, "  (") { // OpenSSL's words for the line before
		i := bytes.Index(line, []byte("error:"))
		if i < 0 {
			return unknown
		}
		e.when, e.action, e.outcome, e.message = r.last, TLSControl, Failure, line[i:]
		if r.last == 0 {
			e.when = noTime
		}
		if e.cause = find(line, tlsErrors); e.cause == noCause {
			e.cause = tlsHandshake
		}
		return known
	}
	if len(line) < 30 || line[0] > '9' {
		return unknown
	}
	when, rest, ok := r.clock.iso(line, false)
	if !ok || !starts(rest, " mod_") {
		return unknown
	}
	e.when, r.last = when, when
	i := bytes.IndexByte(rest, '[')
	j := bytes.Index(rest, []byte("]: "))
	if i < 0 || j < i {
		return unknown
	}
	if e.session, ok = atoi(rest[i+1 : j]); !ok {
		return unknown
	}
	text := rest[j+3:]
	e.message = text
	if starts(rest, " mod_tls/") {
		return modTLS(text, e)
	}
	if starts(rest, " mod_sftp") {
		return modSFTP(text, e)
	}
	return quiet
}

func modTLS(b []byte, e *event) kind {
	if i := bytes.Index(b, []byte("connection accepted, using cipher ")); i > 0 {
		e.action, e.outcome = TLSControl, Success
		e.tlsVersion, _ = word(b)
		if contains(b[:i], " data ") {
			e.action = TLSData
		}
		e.tlsCipher, _ = word(b[i+len("connection accepted, using cipher "):])
		return known
	}
	if contains(b, "did not reuse") {
		e.action, e.outcome, e.cause = TLSData, Failure, tlsReuse
		return known
	}
	for _, s := range []string{
		"unable to accept TLS connection", // OpenSSL's words follow
		"added ", "client supports", "client reused", "Protection set", "SSL/TLS", "TLS/TLS", "TLS Negotiation", "TLS negotiation", "starting TLS", "using ", "connection reset",
		"supporting", "[stat]", "[info]", "error initializing", "client sent SNI", "peer certificate", "set ", "loading", "ignoring", "notice:", "warning:", "skipping",
	} {
		if starts(b, s) {
			return quiet
		}
	}
	if contains(b, "certificate") && (contains(b, "unable") || contains(b, "error")) {
		e.outcome, e.cause = Failure, tlsNoCertificate
		return known
	}
	return unknown
}

func modSFTP(b []byte, e *event) kind {
	if rest, ok := clip(b, "client ("); ok {
		i := lastIndex(rest, ") connected to server")
		j := bytes.LastIndexByte(rest[:max(i, 0)], ':')
		if i < 0 || j < 0 {
			return unknown
		}
		e.source, _ = address(rest[:j])
		e.action, e.outcome, e.turn = Connect, Success, begins
		return known
	}
	e.turn = within
	if name, ok := between(b, "user '", "' authenticated via '"); ok {
		e.action, e.outcome, e.user, e.secure = Login, Success, name, true
		return known
	}
	if starts(b, "no shared ") {
		e.outcome, e.cause = Failure, sshAlgorithms
		return known
	}
	return quiet
}
