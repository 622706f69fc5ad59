package audit

import "bytes"

// sshd reads the messages of OpenSSH's server and of its SFTP server, which
// logs under another process number:
//
//	Failed password for invalid user admin from 192.0.2.7 port 40000 ssh2
//	session opened for local user lab from [192.0.2.7]
//	close "/home/lab/x" bytes read 0 written 300000
func sshd(b []byte, e *event) kind {
	if len(b) < 4 {
		return unknown
	}
	b = bytes.TrimSuffix(b, []byte(" [preauth]"))
	b = bytes.TrimSuffix(b, []byte(" [postauth]"))
	b, _ = clip(b, "error: ")
	e.message = b
	switch b[0] {
	case 'A':
		return sshdAuth(b, e)
	case 'F':
		return sshdAuth(b, e)
	case 'I', 'C', 'D', 'U':
		if k := sshdClient(b, e); k != unknown {
			return k
		}
	case 'm':
		if k := sshdClient(b, e); k != unknown {
			return k
		}
		if k := sftpServer(b, e); k != unknown {
			return k
		}
	case 'p', 'P':
		if starts(b, "pam_") || starts(b, "PAM ") {
			return pam(b, e)
		}
		if rest, ok := clip(b, "posix-"); ok {
			return sftpServer(rest, e)
		}
	default:
		if k := sftpServer(b, e); k != unknown {
			return k
		}
	}
	return sshdOther(b, e)
}

// endpoint reads what ends in "ADDRESS port N": what stands before it, and the
// address. Anything may stand before, so it is read from the end.
func endpoint(b []byte) (before, source []byte, ok bool) {
	i := lastIndex(b, " port ")
	if i < 0 {
		return nil, nil, false
	}
	before, source = lastWord(b[:i])
	source, ok = address(source)
	return before, source, ok
}

// sshdAuth reads "Accepted METHOD for USER from ADDRESS port N ssh2: KEY" and
// "Failed METHOD for invalid user USER from …".
func sshdAuth(b []byte, e *event) kind {
	good := b[0] == 'A'
	verb, rest := word(b)
	method, rest := word(rest)
	rest, ok := clip(rest, "for ")
	if !ok || good && string(verb) != "Accepted" || !good && string(verb) != "Failed" {
		return sshdOther(b, e)
	}
	i := lastIndex(rest, " from ")
	if i < 0 {
		return unknown
	}
	e.user = rest[:i]
	e.source, _ = word(rest[i+6:])
	e.source, _ = address(e.source)
	e.action, e.secure = Login, true
	if good {
		e.outcome, e.turn = Success, begins
		return known
	}
	e.outcome = Failure
	if name, ok := clip(e.user, "invalid user "); ok {
		e.user, e.echo, e.cause = name, true, unknownUser // told by "Invalid user"
		return known
	}
	switch {
	case string(method) == "none":
		return quiet // clients ask so for the list of methods
	case string(method) == "publickey":
		e.cause = keyRejected
	default:
		e.cause = rejected
	}
	return known
}

// sshdClient reads lines that name a client by address and port.
func sshdClient(b []byte, e *event) kind {
	switch {
	case starts(b, "Invalid user "):
		before, source, ok := endpoint(b)
		if !ok { // before OpenSSH 7.2 without a port
			before, source = lastWord(b)
		}
		name, ok := clip(before, "Invalid user ")
		if !ok {
			return unknown
		}
		e.user, e.source = bytes.TrimSuffix(name, []byte(" from")), source
		e.action, e.outcome, e.cause, e.secure = Login, Failure, unknownUser, true
		return known
	case starts(b, "Connection from "):
		source, _ := word(b[16:])
		e.source, _ = address(source)
		e.action, e.outcome = Connect, Success
		return known
	case starts(b, "User "):
		return sshdUser(b, e)
	case starts(b, "Unable to negotiate with "):
		source, _ := word(b[25:])
		e.source, _ = address(source)
		e.outcome, e.cause = Failure, sshAlgorithms
		return known
	case starts(b, "Disconnecting "), starts(b, "maximum authentication attempts exceeded"):
		head, _, _ := bytes.Cut(b, []byte(": "))
		before, source, ok := endpoint(head)
		if !ok {
			return quiet
		}
		e.source, e.outcome = source, Failure
		_, e.user = lastWord(bytes.TrimSuffix(before, []byte(" from")))
		if b[0] == 'm' || contains(b, "Too many authentication failures") {
			e.cause = tooManyAttempts
			return known
		}
		return quiet
	case starts(b, "Disconnected from user "):
		before, source, ok := endpoint(b)
		name, ok2 := clip(before, "Disconnected from user ")
		if !ok || !ok2 {
			return unknown
		}
		e.user, e.source, e.action, e.outcome, e.turn = name, source, Logout, Success, over
		return known
	case starts(b, "Connection closed by "), starts(b, "Connection reset by "), starts(b, "Disconnected from "), starts(b, "Did not receive identification"),
		starts(b, "Connection timed out"), starts(b, "Close session"), starts(b, "Corrupted MAC"), starts(b, "Could not "), starts(b, "Client "), starts(b, "Deprecated"):
		return quiet
	case starts(b, "Connection refused by tcp wrapper"):
		e.outcome, e.cause = Failure, sourceDenied
		return known
	}
	return unknown
}

// sshdUser reads "User lab from 192.0.2.7 not allowed because …".
func sshdUser(b []byte, e *event) kind {
	i := bytes.Index(b, []byte(" not allowed because "))
	if i < 5 {
		return quiet // "User child is on pid 92"
	}
	why := b[i:]
	e.user = b[5:i]
	if j := bytes.LastIndex(e.user, []byte(" from ")); j >= 0 {
		e.source, _ = address(e.user[j+6:])
		e.user = e.user[:j]
	}
	e.outcome, e.action, e.echo, e.turn, e.secure = Failure, Login, true, within, true
	switch {
	case contains(why, "account is locked"):
		e.cause = accountLocked
	case contains(why, "does not exist"), contains(why, "is not executable"):
		e.cause = sshShell
	default:
		e.cause = userDenied
	}
	return known
}

// sftpServer reads what the SFTP server logs at level INFO and above.
func sftpServer(b []byte, e *event) kind {
	switch {
	case starts(b, "session opened for local user "), starts(b, "session closed for local user "):
		i := lastIndex(b, " from [")
		if i < 30 || b[len(b)-1] != ']' {
			return unknown
		}
		e.user = b[30:i]
		e.source, _ = address(b[i+7 : len(b)-1])
		e.turn = begins
		if b[8] == 'c' {
			e.turn = over
		}
		return known
	case starts(b, `close "`):
		return sftpClose(b, e)
	case starts(b, `remove name "`), starts(b, `rmdir name "`), starts(b, `mkdir name "`):
		e.action, e.outcome, e.turn = Delete, Success, within
		if b[1] == 'm' {
			e.action = RemoveDir
		} else if b[0] == 'm' {
			e.action = MakeDir
		}
		e.path, _ = between(b, `"`, `"`)
		return known
	case starts(b, "rename old "):
		e.action, e.outcome, e.turn = Rename, Success, within
		e.path, _ = between(b, `old "`, `" new`)
		e.target, _ = between(b, `new "`, `"`)
		return known
	case starts(b, "sent status "):
		return sftpStatus(b[len("sent status "):], e)
	case starts(b, "forced close "):
		k := sftpClose(b[7:], e)
		if k == known { // the client went away with the file open
			e.outcome, e.cause = Failure, aborted
		}
		return k
	case starts(b, "subsystem request for "):
		if !contains(b, "failed") {
			return quiet
		}
		e.user, _ = between(b, "by user ", " failed")
		e.outcome, e.cause, e.turn = Failure, sshSubsystem, within
		return known
	case starts(b, "open "), starts(b, "opendir "), starts(b, "closedir "), starts(b, "set "), starts(b, "symlink "), starts(b, "stat "), starts(b, "statvfs "),
		starts(b, "lstat "), starts(b, "fstat "), starts(b, "read "), starts(b, "readlink "), starts(b, "realpath "), starts(b, "rename "), starts(b, "received client version"),
		starts(b, "reverse mapping"), starts(b, "limits"), starts(b, "hardlink "), starts(b, "fsync "), starts(b, "lsetstat "), starts(b, "copy-data"), starts(b, "request "),
		starts(b, "forced-command"), starts(b, "translate "), starts(b, "hostkeys "), starts(b, "home-directory"), starts(b, "fsetstat"), starts(b, "users-groups-by-id"), starts(b, "expand-path"):
		return quiet
	}
	return unknown
}

// sftpClose reads `close "PATH" bytes read N written M`.
func sftpClose(b []byte, e *event) kind {
	i := lastIndex(b, `" bytes read `)
	if i < 7 {
		return unknown
	}
	read, rest, ok := number(b[i+13:])
	rest, ok2 := clip(rest, " written ")
	if !ok || !ok2 {
		return unknown
	}
	written, _, ok := number(rest)
	if !ok {
		return unknown
	}
	e.path, e.outcome, e.turn = b[7:i], Success, within
	e.action, e.bytes = Download, read
	if written > 0 || read == 0 {
		e.action, e.bytes = Upload, written
	}
	return known
}

// sftpStatus reads the status of a request that failed, which the server logs
// at level VERBOSE.
func sftpStatus(b []byte, e *event) kind {
	e.outcome, e.turn = Failure, within
	switch {
	case starts(b, "No such file"):
		e.cause = notFound
	case starts(b, "Permission denied"):
		e.cause = permission
	case starts(b, "Failure"):
		e.cause = fileOther
	default:
		return quiet // success, end of file
	}
	return known
}

var sshdSays = []said{
	{"bad ownership or modes for chroot", sshChroot},
	{"chroot path", sshChroot},
	{"bad ownership or modes", keysUnsafe},
	{"bad owner or modes", keysUnsafe},
	{"signature algorithm", keySignature},
	{"key type ssh-rsa not in", keySignature},
	{"MaxStartups", sshThrottled},
	{"PerSourcePenalties", sshThrottled},
	{"penalty", sshThrottled},
	{"no matching ", sshAlgorithms},
	{"by PAM account configuration", userDenied},
	{"subsystem not found", sshSubsystem},
	{"Too many open files", resources},
	{"Cannot allocate memory", resources},
	{"fork: ", resources},
}

// sshdAside are beginnings of messages of no consequence, or that others tell
// as well.
var sshdAside = []string{
	"Server listening", "Received ", "Starting session", "Postponed ", "kex_exchange_identification", "banner exchange", "Bad protocol version", "fatal: Timeout",
	"Timeout ", "ssh_dispatch_run_fatal", "fatal: ", "send_error", "Exiting on signal", "rexec", "Accepted key", "Found matching", "Read error", "Bind to port", "PAM: ",
	"Address ", "Nasty PTR", "reprocess config", "reexec", "mm_", "Protocol major", "Bad packet", "userauth_pubkey", "beginning ", "exited ", "Authentication", "ROOT LOGIN",
	"drop connection", "last message", "Protocol ", "buffer_get", "packet_", "key_", "input_userauth", "Failed to ", "chan", "debug", "Terminating", "lastlog_", "syslogin_",
	"refusing", "auth: ", "monitor", "login_", "Missing privilege", "sshd", "no hostkeys", "srclimit_", "Attempt", "exec", "Allocated", "Failed", "dispatch_protocol_error", "mux",
}

func sshdOther(b []byte, e *event) kind {
	if c := find(b, sshdSays); c != noCause {
		e.outcome, e.cause, e.turn = Failure, c, within
		if _, source, ok := endpoint(b); ok {
			e.source = source
		} else if s, ok := between(b, "from [", "]:"); ok {
			e.source = s
		}
		if name, ok := between(b, "denied for user ", " by PAM"); ok {
			e.user = name
		}
		return known
	}
	if rest, ok := clip(b, "PAM: "); ok && contains(rest, " from ") { // error: PAM: Authentication failure for lab from 192.0.2.7
		i := lastIndex(rest, " from ")
		j := lastIndex(rest[:i], " for ")
		if j < 0 {
			return quiet
		}
		e.user, e.source = bytes.TrimPrefix(rest[j+5:i], []byte("illegal user ")), rest[i+6:]
		e.action, e.outcome, e.cause, e.echo = Login, Failure, rejected, true
		return known
	}
	for _, s := range sshdAside {
		if starts(b, s) {
			return quiet
		}
	}
	return unknown
}
