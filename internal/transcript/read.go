package transcript

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// kind tells what a line is.
type kind int

const (
	other   kind = iota // a remark, a program's own words, a stack trace
	command             // sent to the server
	reply               // an FTP reply
	request             // HTTP, sent
	status              // HTTP, received
	banner              // an identification: SSH-2.0-…
)

// event is a line that is part of a dialogue.
type event struct {
	kind   kind
	line   int
	verb   string // of a command or a request, in upper case; of a reply or status, what it answers
	arg    string
	code   int
	text   string
	more   bool // the first line of several
	quoted bool // taken from within an error message, not from the dialogue itself
}

// log is a text, read.
type log struct {
	lines   []string // without control sequences, each at most maxLine bytes
	said    []string // the lines as rules read them: replies as code, space, text
	lowered []string // the lines in small letters
	lower   string   // the same in one, for a quick look
	events  []event
	// byLine finds the event of a line; -1: none.
	byLine  []int
	silent  []bool // commands and replies that agree: no word of them speaks of a fault
	decoded []note
	secrets []string // words that must not come back

	// found on demand
	stage              []stage
	looked             bool
	scheme, host, port string
	proto              string
	peerAt             *string
}

// note is something that had to be computed from the text.
type note struct{ what, detail string }

const (
	maxLine  = 4 << 10
	maxLines = 8_000 // of more, the first and the last are read
)

var ansi = expr("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\\\-_]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)")

// read takes a text apart.
func read(text string) *log {
	l := &log{}
	text = decode(text)
	text = strings.TrimPrefix(text, "\uFEFF")
	if strings.Contains(text, "\x1b") {
		text = ansi.get().ReplaceAllString(text, "")
	}
	if !strings.Contains(text, "\n") && strings.Count(text, `\n`) > 1 {
		text = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n").Replace(text) // pasted from a string literal
	}
	for _, line := range outerLines(text, maxLines) {
		line = strings.TrimRight(line, "\r\n \t")
		line = strings.ReplaceAll(line, "\r", " ")
		if len(line) > maxLine {
			line = strings.ToValidUTF8(line[:maxLine], "")
		}
		l.lines = append(l.lines, line)
		lower := strings.ToLower(line)
		if aboutItself.MatchString(line) {
			lower = ""
		}
		l.lowered = append(l.lowered, lower)
	}
	l.findSecrets()
	l.byLine = make([]int, len(l.lines))
	within, left := 0, 0 // the code of a reply of several lines, and how many may follow
	for i, line := range l.lines {
		l.byLine[i] = -1
		e, ok := parseLine(line)
		if within != 0 {
			left--
			switch {
			case ok && e.kind == reply && e.code == within, left == 0:
				within = 0
			case !marked.MatchString(line):
				continue
			default:
				within = 0
			}
		}
		if ok && e.kind == reply && e.more {
			within, left = e.code, 60
		}
		if ok {
			e.line = i
			l.byLine[i] = len(l.events)
			l.events = append(l.events, e)
		}
	}
	l.said = slices.Clone(l.lines)
	for i, line := range l.said {
		if m := boundCurl.FindStringSubmatch(line); m != nil {
			l.said[i] = "curl: (" + m[1] + m[3] + ") " + m[2] + m[4]
			l.lowered[i] = strings.ToLower(l.said[i])
		}
	}
	for _, e := range l.events {
		if e.kind == reply && !e.quoted {
			l.said[e.line] = strconv.Itoa(e.code) + " " + e.text
			l.lowered[e.line] = strings.ToLower(l.said[e.line])
		}
	}
	l.pair()
	l.inferVerbs()
	l.silence()
	l.lower = strings.Join(l.lowered, "\n")
	return l
}

// aboutItself: a program lists its modules, or a library warns of its future.
// Their names would be taken for what the session is about.
var aboutItself = expr(`^\S+>>>\s+[\w:]+\([\d._]+\)$|DeprecationWarning|^\s+from \S+ import |^debug3: Ignored env|Config file .* not found - using defaults`)

// boundCurl: what curl's libraries for Python and PHP say, which has the numbers
// of the program.
var boundCurl = expr(`pycurl\.error: \((\d+), ['"](.*?)['"]\)|^errno=(\d+) error=(.*)$`)

// ownVersion: the identification in the line is the client's own.
var ownVersion = expr(`(?i)local version|local ident|we claim version|client version`)

// outerLines gives the lines of a text; of more than n, the first and the last.
func outerLines(text string, n int) []string {
	var first, last []string
	for line := range strings.Lines(text) {
		if len(first) < n/2 {
			first = append(first, line)
			continue
		}
		if len(last) == n {
			last = append(last[:0], last[n/2:]...)
		}
		last = append(last, line)
	}
	if len(last) > n/2 {
		last = last[len(last)-n/2:]
	}
	return append(first, last...)
}

// verbs are the commands of FTP that clients send.
const verbs = `USER|PASS|ACCT|CWD|CDUP|SMNT|QUIT|REIN|PORT|PASV|TYPE|STRU|MODE|RETR|STOR|STOU|APPE|ALLO|REST|RNFR|RNTO|ABOR|DELE|RMD|XRMD|MKD|XMKD|PWD|XPWD|LIST|NLST|SITE|SYST|STAT|HELP|NOOP|FEAT|OPTS|AUTH|PBSZ|PROT|CCC|EPSV|EPRT|LPSV|LPRT|SIZE|MDTM|MFMT|MLSD|MLST|CLNT|HOST|LANG|AVBL|XCRC|XMD5|HASH|CSID`

// methods are those of HTTP and WebDAV.
const methods = `GET|HEAD|POST|PUT|DELETE|OPTIONS|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|REPORT|SEARCH`

var (
	// What programs put before a line: times, levels, names of threads and
	// classes, process numbers, the client's address.
	prefix = expr(`^(?:` +
		`\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?` + `|` +
		`\[?\d\d?:\d\d:\d\d(?:[.,]\d+)?(?: [AP]M)?\]?` + `|` +
		`[A-Z][a-z]{2} {1,2}\d\d? \d\d:\d\d:\d\d(?: [\w.-]+)?` + `|` +
		`[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d\d? \d\d:\d\d:\d\d \d{4}` + `|` +
		`\d{1,2}/\d{1,2}/\d{2,4} \d\d?:\d\d(?::\d\d)?(?: [AP]M)?` + `|` +
		`\[(?i:debug|info|warn|warning|error|trace|connection|client|server|ftp|main|\d+|pid \d+)\]` + `|` +
		`(?i:debug|info|trace|verbose)[ :]+` + `|` +
		`(?:[\w-]+)\[\d+\]:` + `|` +
		`\(\d+\)` + `|` +
		`#\d+` + `|` +
		`[.!|] ?(?:\d{4}-\d\d-\d\d)` + `)[\s:,-]*`)

	filezilla = expr(`^(?i:(?:Trace|跟踪|Status|状态|狀態|Command|命令|指令|Response|响应|回应|回應|Reply|Answer|Error|错误|錯誤)\s*[:：]\s*)`)

	sent     = expr(`^(?:-+> ?|>+ |C: ?|=> ?|\*cmd\* |\*put\* |Cmd: ?|FTP> |>>> ?|→ ?|client: ?|Sending(?: command)?: ?|sent: ?|--> )\s*['"]?(.*)$`)
	marked   = expr(`^\s*(?:-+> |> |\*cmd\*|Cmd:|(?:Command|命令)[:：]|\[connection\] >)`)
	received = expr(`^(?:<-+ ?|<+ |S: ?|<= ?|\*resp\* |<<< ?|← ?|server: ?|Received: ?|received: ?|client: |recv: ?)\s*['"]?(.*)$`)

	verbRE    = expr(`^(` + verbs + `)(?:\s+(.*))?$`)
	requestRE = expr(`^(` + methods + `)\s+(\S+)`)
	replyRE   = expr(`^([1-6]\d\d)([ :-]) ?(.*)$`)
	bareCode  = expr(`^([2-6]\d\d)$`)
	httpRE    = expr(`HTTP/[\d.]+"?,? ([1-5]\d\d)\b ?(.*)`)
	sshRE     = expr(`(SSH-[12]\.[0-9]+-[\x21-\x7e]+)`)

	// A reply inside an exception: "error_perm: 530 Login incorrect.",
	// "FTPError: 550 …", "(530) Not logged in", "Code: 534 Message: …".
	quotedReply = expr(`(?:^|[\s:'"(\[])(?:code[ :=]*)?([45]\d\d)(?:[-: )\]]+|\s*,\s*|\s+message:\s*|-)(?:message:\s*)?['"]?([A-Z\p{Han}/"'][^\n]{2,})`)
	// What a user typed at the prompt of a client, as the command that it becomes.
	typed = expr(`^(?:ftp|lftp [^>]*|ncftp [^>]*|sftp|psftp)> ?(\w+)\s*(.*)$`)
	// vsftpd's log of the protocol, pyftpdlib's and FileZilla Server's.
	serverDialogue = expr(`FTP (command|response): Client "([^"]+)"(?:, "([^"]*)")?`)
	filezillaSrv   = expr(`\((?:not logged in|[^)]*)\)\s*\((?:\d{1,3}\.){3}\d{1,3}\)>\s*(.*)$`)
	pythonStep     = expr(`(?:voidcmd|sendcmd)\(f?['"](` + verbs + `)\b`)
	wgetStep       = expr(`==> (` + verbs + `)(?: [^.]*)? \.\.\. ?(.*)$`)
)

var typedVerbs = map[string]string{
	"ls": "LIST", "dir": "LIST", "nlist": "NLST", "get": "RETR", "mget": "RETR", "recv": "RETR", "put": "STOR", "mput": "STOR",
	"send": "STOR", "mkdir": "MKD", "rmdir": "RMD", "delete": "DELE", "rm": "DELE", "rename": "RNFR", "cd": "CWD", "user": "USER",
	"passive": "PASV", "pwd": "PWD", "append": "APPE",
}

// parseLine reads one line of a dialogue.
func parseLine(line string) (event, bool) {
	s := strings.TrimSpace(line)
	if s == "" {
		return event{}, false
	}
	if m := serverDialogue.FindStringSubmatch(s); m != nil {
		if m[1] == "command" {
			return asCommand(m[3])
		}
		return asReply(m[3])
	}
	if m := filezillaSrv.FindStringSubmatch(s); m != nil {
		if e, ok := asReply(m[1]); ok {
			return e, true
		}
		return asCommand(m[1])
	}
	if e, ok := phpEvent(s); ok {
		return e, true
	}
	if m := pythonStep.FindStringSubmatch(s); m != nil {
		return event{kind: command, verb: m[1]}, true
	}
	if m := wgetStep.FindStringSubmatch(s); m != nil {
		return event{kind: command, verb: m[1]}, true
	}
	if m := typed.FindStringSubmatch(s); m != nil {
		if v := typedVerbs[strings.ToLower(m[1])]; v != "" {
			return event{kind: command, verb: v, arg: m[2]}, true
		}
		return asCommand(s[strings.Index(s, ">")+1:])
	}
	// WinSCP writes the direction before the time.
	s = strings.TrimPrefix(strings.TrimPrefix(s, ". "), "! ")
	if m := regexpWinSCP.FindStringSubmatch(s); m != nil {
		s = m[1] + " " + m[2]
	}
	for range 4 {
		n := len(prefix.FindString(s))
		if n == 0 || n == len(s) || replyRE.MatchString(s) {
			break
		}
		s = s[n:]
	}
	if n := len(filezilla.FindString(s)); n > 0 {
		s = strings.TrimSpace(s[n:])
	}
	if m := sent.FindStringSubmatch(s); m != nil {
		if e, ok := asCommand(m[1]); ok {
			return e, true
		}
		if e, ok := asRequest(m[1]); ok {
			return e, true
		}
	}
	if m := received.FindStringSubmatch(s); m != nil {
		e, ok := parseBare(m[1], true)
		return e, ok && e.kind != command && e.kind != request
	}
	if e, ok := parseBare(s, strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t ")); ok && !e.quoted {
		return e, true
	}
	if e, ok := expectedEvent(s); ok {
		return e, true
	}
	if e, ok := statedEvent(s); ok {
		return e, true
	}
	if e, ok := parseMarked(s); ok {
		return e, true
	}
	return parseBare(s, strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t "))
}

var regexpWinSCP = expr(`^([<>]) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d+ (.*)$`)

// parseBare reads what is left without marks. An indented line is no command: it
// belongs to what stands above.
func parseBare(s string, indented bool) (event, bool) {
	if m := sshRE.FindStringSubmatch(s); m != nil && !ownVersion.MatchString(s) {
		return event{kind: banner, text: m[1]}, true
	}
	if m := httpRE.FindStringSubmatch(s); m != nil {
		code, _ := strconv.Atoi(m[1])
		e := event{kind: status, code: code, text: strings.TrimSpace(m[2])}
		if q := regexpAccess.FindStringSubmatch(s); q != nil {
			e.verb = q[1]
		}
		return e, true
	}
	if e, ok := asReply(s); ok {
		return e, true
	}
	if e, ok := asCommand(s); ok {
		return e, !indented
	}
	if e, ok := asExchange(s); ok {
		return e, true
	}
	if e, ok := asRequest(s); ok {
		return e, true
	}
	lower := strings.ToLower(s)
	if m := quotedReply.FindStringSubmatch(s); m != nil && !listingLine.MatchString(s) && !strings.Contains(lower, "http") && !strings.Contains(lower, "webdav") && !strings.Contains(lower, "propfind") {
		code, _ := strconv.Atoi(m[1])
		return event{kind: reply, code: code, text: strings.TrimRight(m[2], `'") `), quoted: true}, true
	}
	return event{}, false
}

// a line of a web server's access log
var regexpAccess = expr(`"(` + methods + `) \S+ HTTP/`)

func asCommand(s string) (event, bool) {
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(strings.ReplaceAll(s, `\r\n`, "")), `'"`))
	m := verbRE.FindStringSubmatch(s)
	if m == nil {
		return event{}, false
	}
	if len(m[2]) > 200 || m[1] == "HOST" && strings.Contains(s, ":") {
		return event{}, false
	}
	return event{kind: command, verb: m[1], arg: strings.TrimSpace(m[2])}, true
}

// exchangeRE: a request and what came of it, on one line.
var exchangeRE = expr(`\b(` + methods + `)\b[^\n]{0,80}?(?:→|->|=>|returned|answered|gives|返回)\s*(?:HTTP/\S+ )?([45]\d\d)\b ?(.*)`)

func asExchange(s string) (event, bool) {
	m := exchangeRE.FindStringSubmatch(s)
	if m == nil {
		return event{}, false
	}
	code, _ := strconv.Atoi(m[2])
	return event{kind: status, verb: m[1], code: code, text: m[3]}, true
}

func asRequest(s string) (event, bool) {
	m := requestRE.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || !strings.HasPrefix(m[2], "/") && !strings.Contains(m[2], "://") && m[2] != "*" {
		return event{}, false
	}
	return event{kind: request, verb: m[1], arg: m[2]}, true
}

func asReply(s string) (event, bool) {
	s = strings.Trim(strings.TrimSpace(s), `'"`)
	s = strings.TrimSuffix(strings.TrimSuffix(s, `\n`), `\r`)
	if m := bareCode.FindStringSubmatch(s); m != nil {
		code, _ := strconv.Atoi(m[1])
		return event{kind: reply, code: code}, true
	}
	m := replyRE.FindStringSubmatch(s)
	if m == nil || m[3] == "" {
		return event{}, false
	}
	if m[2] == ":" && m[3][0] >= '0' && m[3][0] <= '9' {
		return event{}, false
	}
	code, _ := strconv.Atoi(m[1])
	return event{kind: reply, code: code, text: m[3], more: m[2] == "-"}, true
}

// pair gives each reply the command that it answers: the oldest that has no
// answer yet, as commands may be sent ahead.
func (l *log) pair() {
	var pending []string
	last, asked := "", ""
	for i := range l.events {
		e := &l.events[i]
		switch e.kind {
		case command:
			if len(pending) > 8 {
				pending = pending[:0]
			}
			if e.verb == last && len(pending) > 0 {
				continue // said twice, as wget -d does
			}
			pending = append(pending, e.verb)
			last = e.verb
		case reply:
			if e.verb != "" {
				continue // it says itself what it answers
			}
			if e.quoted {
				e.verb = last
				continue
			}
			if len(pending) == 0 {
				e.verb = last
				continue
			}
			e.verb = pending[0]
			if continues := i+1 < len(l.events) && l.events[i+1].kind == reply && l.events[i+1].code == e.code && l.events[i+1].line == e.line+1; e.code >= 200 && !continues {
				pending = pending[1:]
			}
		case request:
			asked = e.verb
		case status:
			if e.verb == "" {
				e.verb = asked
			}
		}
	}
}

// at is the event of a line, if it has one.
func (l *log) at(line int) (event, bool) {
	if line < 0 || line >= len(l.byLine) || l.byLine[line] < 0 {
		return event{}, false
	}
	return l.events[l.byLine[line]], true
}

// addresses lists the addresses that the text tells to be the server's.
func (l *log) addresses() []string {
	if p := l.peer(); p != "" {
		return []string{p}
	}
	return nil
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// afterLogin are words with which servers answer everything before a login.
var afterLogin = expr(`(?i)log ?in with USER|please log ?in|not logged in|please authenticate|login first|请登录`)

// silence marks the lines of a dialogue that speak of no fault, and those that
// only say that the login had not worked.
func (l *log) silence() {
	l.silent = make([]bool, len(l.lines))
	for i, line := range l.lines {
		l.silent[i] = normalEnd.in(line, l.lowered[i])
	}
	for _, e := range l.events {
		switch {
		case e.kind == command, e.kind == request, e.kind == banner:
			l.silent[e.line] = !bareError.MatchString(l.lines[e.line])
		case e.kind == reply && e.code >= 100 && e.code < 400:
			l.silent[e.line] = true
		case e.kind == reply && e.code == 530 && e.verb != "USER" && e.verb != "PASS" && e.verb != "AUTH" && e.verb != "" && afterLogin.MatchString(e.text):
			l.silent[e.line] = true
		case e.kind == status && e.code < 300:
			l.silent[e.line] = true
		}
	}
}

// bareError: a line that names a command and an error at once.
var bareError = expr(`(?i)error|fail|denied|invalid|mismatch|closed|SSH-2\.0-[^ ]+'`)
