package transcript

import (
	"strconv"
	"strings"
)

// What a line tells beyond the dialogue: the step that a program was at when it
// failed. Libraries name it in their own words: the function that was called,
// the operation before the colon, the frame of a stack trace.

var (
	// PHP says what the server said, without its number, behind the function.
	phpCall = expr(`\bftp_(?:ssl_)?(\w+)\(\): ?(.*?)(?: in .{1,200} on line \d+)?$`)

	// A library's operation before the failure of a connection: "list: dial tcp …".
	dataStep = expr(`(?i)(?:^|[\s:])(?:list|nlst|mlsd|stor|retr|append|ls|dir|readdir|upload|download|put|get|open|create) ?(?:failed)?: (?:dial|read|write|connect)\b|\b(?:dir|ls|get|put|list) failed\b`)

	// Reading waits for what the peer says: the connection stands.
	readStep = expr(`(?i)read timed out|getline\(\)|reader\.readline|in readline|(?:waiting for|reading|receiv\w+) (?:the |an? )?(?:initial |server )?(?:connect )?(?:reply|response|greeting|banner|welcome)|unexpected EOF on command channel|timed out while waiting for server|could not read reply|Timed out waiting for initial|\.__getreply|in parse_response`)

	// Logging in comes after the greeting: "login: read tcp …".
	loginStep = expr(`(?i)(?:^|[\s:])(?:login|user|pass) ?(?:failed)?: (?:read|write|EOF|unexpected)\b|^cannot log ?in\b`)

	// curl words a time-out by how far it came: before the connection stands it is
	// the connection that timed out.
	curlWaits = expr(`(?i)Operation timed out after \d+ milliseconds with 0 `)

	// The handshake of TLS.
	tlsStep = expr(`(?i)curl: \(35\)|(?:tls|ssl)\W{0,3}handshake|handshake (?:failure|timed out|timeout)|SSL_connect|gnutls_handshake|SslStream|AuthenticateAsClient|SSL routines|\bEPROTO\b|SSL_do_handshake|SslProtocols`)

	// A listing as Unix writes it, or facts of MLSD: data has arrived.
	listingLine = expr(`^(?:[-dlbcps][-rwxsStT]{9}[+.@]?\s+\d+ \S+|(?:[\w.]+=[^;]*;){3,} ?\S)`)

	// SFTP came to its end as it should.
	sftpDone = expr(`(?i)Opened sftp connection|command exit status 0|debug1: Exit status 0|Remote working directory is|Transferred: sent .*in .* seconds\.?\s*$|SFTP session established`)
)

// phpVerbs are the commands behind the functions of PHP, and the number with
// which servers refuse them.
var phpVerbs = map[string]struct {
	verb string
	code int
}{
	"login": {"PASS", 530}, "nlist": {"NLST", 550}, "rawlist": {"LIST", 550}, "mlsd": {"MLSD", 550}, "get": {"RETR", 550}, "fget": {"RETR", 550}, "nb_get": {"RETR", 550},
	"put": {"STOR", 550}, "fput": {"STOR", 550}, "nb_put": {"STOR", 550}, "append": {"APPE", 550}, "mkdir": {"MKD", 550}, "rmdir": {"RMD", 550}, "chdir": {"CWD", 550},
	"delete": {"DELE", 550}, "rename": {"RNTO", 550}, "size": {"SIZE", 550}, "pasv": {"PASV", 500}, "raw": {"", 500}, "site": {"SITE", 500}, "chmod": {"SITE", 550}, "pwd": {"PWD", 550},
}

// phpEvent reads a warning of PHP's functions as the reply that it repeats.
func phpEvent(line string) (event, bool) {
	m := phpCall.FindStringSubmatch(line)
	if m == nil {
		return event{}, false
	}
	v, known := phpVerbs[m[1]]
	text := strings.TrimSpace(m[2])
	if !known || text == "" || failure(text, strings.ToLower(text)) != "" || strings.HasPrefix(text, "php_") {
		return event{}, false
	}
	if e, ok := asReply(text); ok {
		e.verb = v.verb
		return e, true
	}
	return event{kind: reply, verb: v.verb, code: v.code, text: text}, true
}

// statedCode: a number that a library calls a status.
var statedCode = expr(`(?i)(?:status(?: ?code)?|状态码?|response code)\s*[=:：]\s*([45]\d\d)\b`)

// statedEvent reads a number that is called a status as a reply or as a status
// of HTTP, whichever the line speaks of.
func statedEvent(line string) (event, bool) {
	m := statedCode.FindStringSubmatch(line)
	if m == nil {
		return event{}, false
	}
	code, _ := strconv.Atoi(m[1])
	lower := strings.ToLower(line)
	if strings.Contains(lower, "ftp") && !strings.Contains(lower, "http") {
		verb := ""
		if code == 530 {
			verb = "PASS"
		}
		return event{kind: reply, verb: verb, code: code, text: "(no text)", quoted: true}, true
	}
	return event{}, false
}

// expectedRE: a library names the number that it waited for and the one that came.
var expectedRE = expr(`(?i)(?:waiting for|expected|expecting|instead of)\D{0,6}([1-3]\d\d|33x)\b[^\n]{0,30}?\b(?:but got|got|received|but was)\D{0,4}([45]\d\d)\b[^\w]*(.*)$`)

// expectedEvent reads the reply that came; what was waited for tells the command.
func expectedEvent(line string) (event, bool) {
	m := expectedRE.FindStringSubmatch(line)
	if m == nil {
		return event{}, false
	}
	code, _ := strconv.Atoi(m[2])
	verb := map[string]string{"229": "EPSV", "227": "PASV", "230": "PASS", "33x": "PASS", "331": "USER", "234": "AUTH", "150": "LIST", "250": "CWD", "257": "MKD"}[m[1]]
	return event{kind: reply, verb: verb, code: code, text: strings.Trim(m[3], `'")] `)}, true
}

// implied is the step that a line names for itself.
func implied(line string) stage {
	if m := phpCall.FindStringSubmatch(line); m != nil {
		switch phpVerbs[m[1]].verb {
		case "LIST", "NLST", "MLSD", "RETR", "STOR", "APPE":
			return opening
		case "PASS":
			return greeted
		}
		return start
	}
	switch {
	case dataStep.MatchString(line):
		return opening
	case tlsStep.MatchString(line):
		return securing
	case loginStep.MatchString(line):
		return greeted
	case readStep.MatchString(line), curlWaits.MatchString(line):
		return connected
	}
	return start
}

var (
	// Any mark of direction, whatever a program puts before it.
	arrowRE = expr(`^[^<>\s][^<>]{0,100}?(?:\([^)]*\))?[^<>]{0,20}(>>>|<<<|--->|<---|-->|<--)\s*(.*)$`)
	// One word and a colon, in any language: "Befehl: PASV", "Risposta: 227 …".
	taggedRE = expr(`^(\p{L}[\p{L} ]{0,18})\s?[:：]\s*(.+)$`)
	// The numbers that servers of FTP use.
	ftpCodes = " 110 120 125 150 200 202 211 212 213 214 215 220 221 225 226 227 228 229 230 232 234 235 250 257 331 332 334 335 336 350 421 425 426 430 431 434 435 450 451 452 454 500 501 502 503 504 521 522 530 532 533 534 535 536 537 550 551 552 553 554 555 "
)

// parseMarked reads a line of a dialogue by marks that say so in any program's
// way, when none of the known ways fits.
func parseMarked(s string) (event, bool) {
	if m := arrowRE.FindStringSubmatch(s); m != nil {
		if strings.Contains(m[1], ">") {
			return asCommand(m[2])
		}
		e, ok := parseBare(m[2], true)
		return e, ok && e.kind != command && e.kind != request
	}
	m := taggedRE.FindStringSubmatch(s)
	if m == nil || strings.EqualFold(m[1], "status") {
		return event{}, false
	}
	if e, ok := asReply(m[2]); ok && e.text != "" && strings.Contains(ftpCodes, " "+strconv.Itoa(e.code)+" ") {
		return e, true
	}
	if e, ok := asCommand(m[2]); ok && (e.arg != "" || e.verb != "HELP" && e.verb != "SITE" && e.verb != "HOST") {
		return e, true
	}
	return event{}, false
}

// namesVerb: the reply itself names the command that it answers.
var namesVerb = expr(`^['"]?(` + verbs + `)['"]? ?:?(?: command)?\b.*(?:n.t\b|not |un\w+|illegal|denied|invalid|refused|disabled|fail)`)

// inferVerbs finds what replies answer in logs that show replies only.
func (l *log) inferVerbs() {
	commands := false
	for _, e := range l.events {
		commands = commands || e.kind == command
	}
	before := 0
	for i := range l.events {
		e := &l.events[i]
		if e.kind != reply || e.quoted {
			continue
		}
		if e.verb == "" && e.code >= 400 {
			next := ""
			if e.line+1 < len(l.lowered) {
				next = clientSays(l.lowered[e.line+1])
			}
			switch m := namesVerb.FindStringSubmatch(e.text); {
			case m != nil:
				e.verb = m[1]
			case commands:
			case next != "":
				e.verb = next
			case before == 331:
				e.verb = "PASS"
			case before == 227 || before == 229 || before == 150 || before == 125:
				e.verb = "LIST"
				if e.line > 0 && strings.Contains(l.lower, "local: ") && strings.Contains(l.lower, "remote: ") {
					e.verb = "RETR"
				}
			}
		}
		before = e.code
	}
}

// remarkRE: prose, not what programs print: in brackets, or a sentence.
var remarkRE = expr(`^[(（]|[，。；]|^(?:[A-Za-z'"\d]+[,;]? ){7,}[\w'"]+[.!]?$`)

// isRemark tells whether a line is what somebody says about the session.
func isRemark(line string) bool { return remarkRE.MatchString(strings.TrimSpace(line)) }

// clientSays is the command of which a client says on the next line that it did
// not come about.
func clientSays(lower string) string {
	switch {
	case strings.Contains(lower, "passive mode refused"), strings.Contains(lower, "passive mode failed"):
		return "PASV"
	case strings.HasPrefix(lower, "ftp: bind:"):
		return "PORT"
	}
	return ""
}
