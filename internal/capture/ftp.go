package capture

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/ftp"
)

// ftpDialogue is a control connection of FTP, in clear or from AUTH on in TLS.
type ftpDialogue struct {
	script
	a *Analysis
	c *conn

	in      [2]lineBuffer
	reply   []byte // of several lines, so far
	within  string // the code with which its first line began; empty: none
	waiting []ftpCommand

	greeting  *ftpAnswer
	answers   []*ftpAnswer // every reply that refuses, and those that tell how far it came
	software  string
	system    string
	user      string
	features  []string
	loggedIn  bool
	clearPass bool // a password crossed in clear
	passAt    moment
	pass      string       // so that a reply that repeats it can be masked
	auth      bool         // AUTH was accepted
	secure    *tlsDialogue // nil: in clear
	foreign   []byte       // first bytes of the client that are no command
	proto     string       // of the server's first bytes where it is not FTP
	transfers []*transfer
	private   bool // PROT P was agreed
	quit      bool
	gaps      int64
	unasked   *ftpAnswer // a reply behind the greeting though the client had said nothing
	broken    []ftp.Defect
}

// ftpCommand is a command that waits for its reply.
type ftpCommand struct {
	verb, arg string // arg: masked where it is a secret
	m         moment
}

// ftpAnswer is a reply with what it answers.
type ftpAnswer struct {
	verb, arg string
	reply     ftp.Reply
	m, asked  moment
	took      time.Duration
}

func (x *ftpAnswer) String() string {
	s := x.reply.String()
	if x.verb != "" {
		s = strings.TrimSpace(x.verb+" "+x.arg) + " → " + s
	}
	return s
}

const (
	usualReplies = 16 // of a session with one transfer
	maxWaiting   = 64
	maxReply     = 64 << 10
	maxTransfers = 400
	maxAnswers   = 400
)

func newFTP(a *Analysis, c *conn) *ftpDialogue { return &ftpDialogue{a: a, c: c} }

func (d *ftpDialogue) bytes(m moment, from side, b []byte) {
	if d.secure != nil {
		d.secure.bytes(m, from, b)
		return
	}
	if from == fromClient {
		if len(d.foreign) > 0 || d.isForeign(b) {
			d.takeForeign(m, b)
			return
		}
		d.in[from].add(b, func(l []byte) { d.command(m, l) })
		return
	}
	for len(b) > 0 && d.secure == nil {
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			end = len(b)
		}
		d.in[from].add(b[:end], func(l []byte) { d.replyLine(m, l) })
		b = b[end:]
	}
	if d.secure != nil && len(b) > 0 {
		d.secure.bytes(m, from, b)
	}
}

// isForeign tells whether the client's first bytes are TLS.
func (d *ftpDialogue) isForeign(b []byte) bool {
	return len(d.in[fromClient].held) == 0 && len(b) > 2 && b[0] == 0x16 && b[1] == 3
}

func (d *ftpDialogue) takeForeign(m moment, b []byte) {
	if len(d.foreign) == 0 {
		d.trouble(m, fromClient, "ClientHello")
	}
	if room := 512 - len(d.foreign); room > 0 {
		d.foreign = append(d.foreign, b[:min(room, len(b))]...)
	}
}

func (d *ftpDialogue) gap(m moment, from side, n int64) {
	if d.secure != nil {
		d.secure.gap(m, from, n)
		return
	}
	d.gaps += n
	d.in[from].gap()
	clear(d.waiting) // which reply answers which command is not known any more
	d.waiting = d.waiting[:0]
	d.reply, d.within = d.reply[:0], ""
}

func (d *ftpDialogue) end(m moment) {
	defer func() { d.pass = "" }()
	for i := range d.in {
		if from := side(i); from == fromServer && len(d.in[i].held) > 0 && d.secure == nil {
			d.replyLine(m, d.in[i].held)
		}
		d.in[i].forget()
	}
	if len(d.reply) > 0 {
		d.finishReply(m)
	}
	if d.secure != nil {
		d.secure.end(m)
	}
}

// command takes a line of the client.
func (d *ftpDialogue) command(m moment, raw []byte) {
	verb, arg, err := ftp.ParseCommand(raw)
	if err != nil {
		return
	}
	switch verb {
	case "PASS", "ACCT", "ADAT":
		if verb == "PASS" && arg != "" {
			d.pass = arg
			d.clearPass = d.clearPass || !anonymous(d.user)
			if d.passAt.packet == 0 {
				d.passAt = m
			}
		}
		arg = "****"
	case "USER":
		d.user = cutText(arg, 80)
	case "SITE":
		sub, rest, _ := strings.Cut(arg, " ")
		if arg = sub; rest != "" && !slices.Contains(openSites, strings.ToUpper(sub)) {
			arg += " ****"
		} else if rest != "" {
			arg += " " + rest
		}
	case "PORT", "EPRT":
		d.activeOffer(m, verb, arg)
	case "LIST", "NLST", "MLSD", "RETR", "STOR", "APPE", "STOU":
		d.startTransfer(m, verb, arg)
	case "QUIT":
		d.quit = true
	}
	if !slices.Contains(knownVerbs, verb) {
		verb, arg = "?", "****" // what is no command may be a secret that was typed in the wrong place
	}
	arg = cutText(arg, 300)
	d.add(line{m: m, from: fromClient, kind: aCommand, verb: verb, text: strings.TrimSpace(verb + " " + arg)})
	if len(d.waiting) < maxWaiting {
		d.waiting = append(d.waiting, ftpCommand{verb, arg, m})
	}
}

// openSites are subcommands of SITE whose arguments are no secrets.
var openSites = []string{"CHMOD", "CHGRP", "UMASK", "UTIME", "HELP", "IDLE", "SYMLINK", "MKDIR", "RMDIR", "CPFR", "CPTO", "QUOTA", "WHO", "UTF8"}

// knownVerbs are the commands of the standards and those in common use.
var knownVerbs = strings.Fields(`USER PASS ACCT CWD XCWD CDUP XCUP SMNT REIN QUIT PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE
	RMD XRMD MKD XMKD PWD XPWD LIST NLST SITE SYST STAT HELP NOOP AUTH ADAT PROT PBSZ CCC MIC CONF ENC EPRT EPSV LPRT LPSV FEAT OPTS LANG
	MDTM MLST MLSD SIZE HOST CLNT MFMT MFCT MFF XCRC XMD5 XSHA XSHA1 XSHA256 XSHA512 HASH MD5 MMD5 RANG COMB AVBL CSID ESTA ESTP LPWD XRSQ XSEM`)

func anonymous(user string) bool {
	return user == "" || strings.EqualFold(user, "anonymous") || strings.EqualFold(user, "ftp")
}

// cutText makes foreign text fit to be kept.
func cutText(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// replyLine takes a line of the server (RFC 959 §4.2).
func (d *ftpDialogue) replyLine(m moment, raw []byte) {
	if len(d.reply)+len(raw) > maxReply {
		d.finishReply(m)
	}
	d.reply = append(d.reply, raw...)
	code := ""
	if len(raw) >= 3 && digits(raw[:3]) {
		code = string(raw[:3])
	}
	switch {
	case d.within == "" && code != "" && len(raw) > 3 && raw[3] == '-':
		d.within = code
	case d.within == "":
		d.finishReply(m)
	case code == d.within && (len(raw) == 3 || raw[3] != '-'):
		d.finishReply(m)
	}
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// finishReply takes a whole reply.
func (d *ftpDialogue) finishReply(m moment) {
	raw := d.reply
	reply, said, err := readReply(raw, d.greeting == nil)
	d.reply, d.within = d.reply[:0], ""
	if err != nil && reply.Code == 0 {
		if errors.Is(err, ftp.ErrNotFTP) && len(bytes.TrimSpace(raw)) > 0 {
			if d.greeting == nil {
				d.greeting = &ftpAnswer{reply: reply, m: m, asked: d.c.first, took: m.at.Sub(d.opened().at)}
			}
			d.trouble(m, fromServer, strings.TrimRight(string(raw), "\r\n"))
		}
		return
	}
	if d.pass != "" && strings.Contains(said, d.pass) && !anonymous(d.user) {
		said = strings.ReplaceAll(said, d.pass, "****")
		for i, l := range reply.Lines {
			reply.Lines[i] = strings.ReplaceAll(l, d.pass, "****")
		}
		reply.Raw = nil
	}
	x := &ftpAnswer{reply: reply, m: m, asked: d.opened()}
	if len(d.waiting) > 0 && (d.greeting != nil || reply.Code != 220) {
		w := d.waiting[0]
		x.verb, x.arg, x.asked = w.verb, w.arg, w.m
		if !reply.Preliminary() {
			d.waiting = slices.Delete(d.waiting, 0, 1)
		}
	}
	x.took = m.at.Sub(x.asked.at)
	d.add(line{m: m, from: fromServer, kind: aReply, verb: x.verb, code: reply.Code, text: said, took: x.took, bad: reply.Code >= 400})
	d.answer(x)
}

// readReply reads a reply, and words it. Nearly all are one plain line, for which
// no reader with its buffer is needed. The bytes themselves are kept only of one
// that may not be FTP at all.
func readReply(raw []byte, first bool) (reply ftp.Reply, said string, err error) {
	text, ok := bytes.CutSuffix(raw, []byte("\r\n"))
	plain := ok && len(text) > 4 && digits(text[:3]) && text[0] >= '1' && text[0] <= '5' && text[3] == ' '
	for _, c := range text {
		plain = plain && c >= ' ' && c < 0x7F
	}
	if !plain {
		reply, err = ftp.NewReader(bytes.NewReader(bytes.Clone(raw))).Reply()
		return reply, reply.String(), err
	}
	code := int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
	said = string(text)
	reply = ftp.Reply{Code: code, Lines: []string{said[4:]}}
	if first {
		reply.Raw = bytes.Clone(raw)
	}
	return reply, said, nil
}

// opened is the moment from which the greeting is waited for.
func (d *ftpDialogue) opened() moment { return d.c.first }

// answer judges nothing; it keeps what the judge needs.
func (d *ftpDialogue) answer(x *ftpAnswer) {
	if x.verb == "" && d.greeting == nil && x.reply.Code != 421 || d.greeting == nil && x.verb == "" {
		d.greeting = x
		name, version := ftp.Software(x.reply.All(), "", "")
		d.software = strings.TrimSpace(name + " " + version)
		d.broken = x.reply.Defects
		d.proto = ftp.Protocol(x.reply.Raw)
	}
	if x.verb == "" && d.greeting != nil && d.greeting.m != x.m && d.gaps == 0 && d.unasked == nil && d.c.story.bytes[fromClient] == 0 &&
		x.reply.Code >= 400 && x.reply.Code != 421 && d.c.story.fin[fromClient].packet == 0 && x.m.at.Sub(d.greeting.m.at) < 5*time.Second && d.greeting.reply.Code == 220 {
		d.unasked = x
	}
	done := x.reply.Completion()
	switch x.verb {
	case "SYST":
		if name, _ := ftp.Software("", x.reply.Text(), ""); d.software == "" && name != "" {
			d.software = name
		}
		d.system = cutText(x.reply.Text(), 80)
	case "FEAT":
		if done {
			d.features = ftp.ParseFEAT(x.reply).Lines
		}
	case "PASS", "USER", "ACCT":
		if done && x.reply.Code != 202 {
			d.loggedIn = true
		}
	case "AUTH":
		if done {
			d.auth = true
			d.secure = newTLS(d.a, d.c, &d.script)
			d.secure.role = roleControl
		}
	case "PROT":
		d.private = done && strings.EqualFold(x.arg, "P")
	case "PASV", "EPSV":
		if done {
			d.passiveOffer(x)
		}
	}
	d.transferReply(x)
	if len(d.answers) < maxAnswers {
		if d.answers == nil {
			d.answers = make([]*ftpAnswer, 0, usualReplies)
		}
		d.answers = append(d.answers, x)
	}
}

// transfer is one data connection with what was said about it.
type transfer struct {
	how       string         // PASV, EPSV, PORT, EPRT
	announced netip.AddrPort // EPSV: with the address of the control connection
	offered   moment
	badOffer  string // why the reply could not be read
	reply     string // the reply, or the command, that announces it
	refused   *ftpAnswer

	verb, arg string
	started   moment
	prelim    *ftpAnswer
	final     *ftpAnswer
	expected  *expectation // nil: none was possible
}

// conn is the connection that met the announcement; nil: none.
func (t *transfer) conn() *conn {
	if t.expected == nil {
		return nil
	}
	return t.expected.met
}

func (t *transfer) passive() bool { return t.how == "PASV" || t.how == "EPSV" }

// last is the transfer that is being agreed on or runs.
func (d *ftpDialogue) last() *transfer {
	if len(d.transfers) == 0 {
		return nil
	}
	return d.transfers[len(d.transfers)-1]
}

func (d *ftpDialogue) begin(t *transfer) {
	if len(d.transfers) >= maxTransfers { // the newest matter, and the first
		copy(d.transfers[maxTransfers/2:], d.transfers[maxTransfers/2+1:])
		d.transfers = d.transfers[:maxTransfers-1]
	}
	d.transfers = append(d.transfers, t)
}

// passiveOffer takes a 227 or 229 reply.
func (d *ftpDialogue) passiveOffer(x *ftpAnswer) {
	t := &transfer{how: x.verb, offered: x.m, reply: x.reply.String()}
	peer := d.c.server.Addr()
	switch x.reply.Code {
	case 229:
		port, err := ftp.ParseEPSV(x.reply.All())
		if err != nil {
			t.badOffer = err.Error()
		} else {
			t.announced = netip.AddrPortFrom(peer, port)
		}
	default:
		at, err := ftp.ParsePASV(x.reply.All())
		if err != nil {
			t.badOffer = err.Error()
		}
		t.announced = at
	}
	d.begin(t)
	if t.announced.IsValid() && t.announced.Port() != 0 {
		t.expected = d.a.expect(expectation{from: d, client: d.c.client.Addr(), server: t.announced, passive: true, m: x.m})
	}
}

// activeOffer takes PORT or EPRT.
func (d *ftpDialogue) activeOffer(m moment, verb, arg string) {
	t := &transfer{how: verb, offered: m, reply: verb + " " + cutText(arg, 80)}
	parse := ftp.ParsePORT
	if verb == "EPRT" {
		parse = ftp.ParseEPRT
	}
	at, err := parse(arg)
	if err != nil {
		t.badOffer = err.Error()
	}
	t.announced = at
	d.begin(t)
	if at.IsValid() && at.Port() != 0 {
		// The side that opens is the server; it comes from its own address.
		t.expected = d.a.expect(expectation{from: d, client: d.c.server.Addr(), server: at, passive: false, m: m})
	}
}

// startTransfer notes the command that uses what was agreed on.
func (d *ftpDialogue) startTransfer(m moment, verb, arg string) {
	t := d.last()
	if t == nil || t.verb != "" || t.final != nil {
		t = &transfer{offered: m}
		d.begin(t)
	}
	t.verb, t.arg, t.started = verb, cutText(arg, 200), m
}

// transferReply keeps what the server says of a transfer.
func (d *ftpDialogue) transferReply(x *ftpAnswer) {
	t := d.last()
	if t == nil {
		return
	}
	switch {
	case (x.verb == "PORT" || x.verb == "EPRT") && x.reply.Code >= 400 && t.how == x.verb && t.verb == "":
		t.refused = x
	case t.verb == "" || x.verb != t.verb:
	case x.reply.Preliminary():
		t.prelim = x
	default:
		t.final = x
	}
}
