// Package transcript judges what people already hold in their hands: a pasted
// error message, a client's log, a few lines of a server's log, mixed with what
// they say about it. It ends in the codes and the report of a live check.
//
// It hides how some forty programs write down commands, replies and errors, in
// English and Chinese. It promises that a reply is judged by the command that it
// answers, that the first error counts and later ones are taken for its
// consequences, that an ambiguous text yields candidates and the command that
// decides between them, that secrets in the text never come back, and that time
// and memory stay bounded whatever the text is ([MaxInput]).
//
//	report := transcript.Explain("curl: (60) SSL certificate problem: certificate has expired")
//	report.RootCause.Code // tls/cert-expired
package transcript

import (
	"cmp"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
)

// MaxInput is how many bytes of a text are read. Of a longer one the beginning
// and the end are kept, half each: a log begins with who speaks to whom, and
// ends with what went wrong.
const MaxInput = 10 << 20

// maxCandidates bounds the causes named beside the first.
const maxCandidates = 6

// Explain judges a text. The report's target is the server that the text
// speaks of, or empty; its checks are the steps that the text shows.
func Explain(text string) *finding.Report {
	text, wasCut := cut(text)
	l := read(text)
	r := &finding.Report{Schema: finding.Schema, Target: l.target()}
	r.Facts.Software = l.software()
	r.Facts.Addresses = l.addresses()
	if wasCut || len(l.lines) == maxLines {
		r.NotAvailable = append(r.NotAvailable, lacks("the text is long; its middle was not read"))
	}
	hits := l.judge()
	r.Checks = l.steps(hits)
	if len(hits) > 0 {
		r.Findings = []*finding.Finding{l.state(hits)}
	} else if !l.complete() && l.gotOver() < 0 {
		r.Checks = append(r.Checks, finding.Check{
			Name: "text", Layer: "service", Outcome: finding.Incomplete, Because: "nothing in the text names a fault that is known here",
		})
	}
	r.Conclude()
	return r
}

// lacks words what could not be looked at.
func lacks(phrase string) string { return phrase }

// cut keeps the beginning and the end of a text that is too long.
func cut(text string) (string, bool) {
	if len(text) <= MaxInput {
		return text, false
	}
	return text[:MaxInput/2] + "\n" + text[len(text)-MaxInput/2:], true
}

// hit is one cause that a line of the text speaks for.
type hit struct {
	code   *finding.Def
	weight int    // how much the words say; see the constants
	line   int    // where, from 0; -1: the text as a whole
	what   string // what was recognised; a phrase
	with   map[string]string
	alike  *alike
}

// The weights: how surely words name a cause.
const (
	names   = 90 // the peer or the program says it in so many words
	shows   = 70 // the words fit one cause, as good as always
	fits    = 50 // the words fit several causes; this one most often
	symptom = 30 // the words say what happened, not why
	debris  = 10 // what follows upon anything that fails
)

// state makes the finding of the best hit; the others become candidates.
func (l *log) state(hits []hit) *finding.Finding {
	best := hits[0]
	f := finding.New(best.code, best.confidence()).Stop()
	f.Severity = max(f.Severity, finding.Error) // somebody asks because it fails
	host, port := l.hostPort()
	f.With("host", host).With("address", cmp.Or(l.peer(), host)).With("port", port).With("target", l.target())
	for k, v := range best.with {
		f.With(k, v)
	}
	l.evidence(f, hits)
	for _, c := range candidates(hits) {
		f.Or(c.code, c.why)
	}
	switch {
	case best.alike != nil:
		f.DecideBy(best.alike.decide)
	case f.Confidence != finding.Confirmed:
		f.DecideBy("run it where it fails, and read the way up to the first fault: ftpdoctor check {target}")
	}
	return f
}

func (h hit) confidence() finding.Confidence {
	switch {
	case h.weight >= names-10 && h.alike == nil:
		return finding.Confirmed
	case h.weight >= shows:
		return finding.Likely
	default:
		return finding.Possible
	}
}

// evidence quotes the lines on which the judgement rests.
func (l *log) evidence(f *finding.Finding, hits []hit) {
	seen := map[string]bool{}
	for _, h := range hits {
		if h.code != hits[0].code && h.weight < shows || len(f.Evidence) >= 5 {
			continue
		}
		detail := l.quote(h.line)
		if seen[detail] {
			continue
		}
		seen[detail] = true
		f.Saw(h.what, detail, "the text")
	}
	for _, d := range l.decoded {
		f.Saw(d.what, d.detail, "decoded")
	}
	if s := l.lastGood(); s != "" {
		f.Saw("the last step that worked", s, "the text")
	}
}

// candidates are the look-alikes of the best hit and what else the text speaks
// for, once each, the likelier first.
func candidates(hits []hit) []alternative {
	best := hits[0]
	var out []alternative
	add := func(code *finding.Def, why string) {
		if code != best.code && len(out) < maxCandidates && !slices.ContainsFunc(out, func(a alternative) bool { return a.code == code }) {
			out = append(out, alternative{code, why})
		}
	}
	// What the text itself speaks for comes before what is merely alike.
	for _, h := range hits[1:] {
		if h.weight >= fits && len(out) < 2 {
			add(h.code, h.what)
		}
	}
	if best.alike != nil {
		for _, a := range best.alike.others {
			add(a.code, a.why)
		}
	}
	for _, h := range hits[1:] {
		if h.weight > debris {
			add(h.code, h.what)
		}
	}
	return out
}

// judge collects what the rules and the decoders say and puts the best first:
// the words that say most, and of those the earliest.
func (l *log) judge() []hit {
	hits := l.applyRules()
	hits = append(hits, l.judgeHost()...)
	hits = append(hits, l.judgeData()...)
	hits = append(hits, l.judgeNetwork()...)
	hits = append(hits, l.judgeSSH()...)
	l.discount(hits)
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(b.weight-a.weight, a.line-b.line)
	})
	return slices.DeleteFunc(hits, func(h hit) bool { return h.weight <= 0 })
}

// software is the server's family, as far as the text tells.
func (l *log) software() string {
	for _, e := range l.events {
		if e.kind == reply && e.code == 220 || e.kind == banner {
			if name, version := ftp.Software(e.text, "", ""); name != "" {
				return strings.TrimSpace(name + " " + version)
			}
			if version, ok := strings.CutPrefix(e.text, "SSH-"); ok {
				_, rest, _ := strings.Cut(version, "-")
				return strings.ReplaceAll(rest, "_", " ")
			}
		}
	}
	for _, known := range []struct{ word, name string }{
		{"vsftpd", "vsFTPd"},
		{"proftpd", "ProFTPD"},
		{"pure-ftpd", "Pure-FTPd"},
		{"microsoft ftp service", "Microsoft FTP Service"},
		{"filezilla server", "FileZilla Server"},
		{"sshd[", "OpenSSH"},
		{"server: nginx", "nginx"},
		{"server: apache", "Apache"},
	} {
		if strings.Contains(l.lower, known.word) {
			return known.name
		}
	}
	return ""
}

// gotOver is the line at which a session shows that it works after all: data
// came to its end, and nothing failed, was refused or was remarked upon after
// it. What was said of the way there before was got over. -1: there is none.
func (l *log) gotOver() int {
	at, moved := -1, -1
	for i, line := range l.lines {
		e := l.event(i)
		switch {
		case e != nil && e.kind == reply && (e.code == 150 || e.code == 125):
			moved = i
		case e == nil && failure(line, l.lowered[i]) != "":
			at, moved = -1, -1
		case e != nil && e.kind == reply && e.code == 226 && moved >= 0, listingLine.MatchString(strings.TrimSpace(line)), sftpDone.MatchString(line):
			at = i
		case e != nil && e.kind == reply && e.code >= 400, e != nil && e.kind == status && e.code >= 400:
			at = -1
		}
	}
	return at
}

// discount takes weight from what is a consequence, or was got over.
func (l *log) discount(hits []hit) {
	loggedInAt, userAt, dataFailed := -1, -1, -1
	for _, e := range l.events {
		if e.kind == command && e.verb == "USER" {
			userAt = e.line // the client went on in the clear
		}
		if e.kind == reply && e.code == 230 {
			loggedInAt = e.line
		}
	}
	for i, s := range l.stages() {
		if s == loggedIn && loggedInAt < 0 {
			loggedInAt = i
		}
		if s >= opening && dataFailed < 0 && failure(l.lines[i], l.lowered[i]) != "" && l.byLine[i] < 0 {
			dataFailed = i
		}
	}
	over := l.gotOver()
	for i := range hits {
		h := &hits[i]
		switch layer := h.code.Code.Layer(); {
		case h.line < 0:
		case (h.code == finding.SSHThrottled || h.code == finding.NetSourceNotAllowed) && strings.Contains(l.lower, "sent password\n"):
			h.weight = min(h.weight, symptom) // it had let the client come as far as this
		case h.code == finding.SSHChrootOwnership && h.weight < shows && exitStatus.MatchString(l.lower):
			h.weight = min(h.weight, symptom) // a program was started, and ended by itself
		case h.line < over && h.code == finding.SSHSFTPNotEnabled:
			// the client found another way, others won't
		case h.code == finding.FilePermissionDenied && l.stages()[h.line] == moving && l.answers(h.line, 426, 451, 452, 552):
			h.weight = min(h.weight, symptom) // the file was open by then
		case h.line < over && h.code == finding.DataPassiveBadAddress && !strings.HasPrefix(h.with["announced"], "0.0.0.0"):
			// the next client believes it
		case h.line < over && (layer != "file" && layer != "http" && layer != "service" && layer != "security" && layer != "config" && layer != "host"):
			h.weight = 0
		case h.code == finding.SSHHostKeyUnknown && wentOn.MatchString(l.lower):
			h.weight = min(h.weight, symptom) // somebody said yes
		case h.code == finding.TLSNotOffered && h.line < userAt:
			h.weight = min(h.weight, symptom)
		case h.line < loggedInAt && slices.Contains(ofLogin, h.code),
			h.line < loggedInAt && h.code.Code.Layer() == "auth",
			h.line < loggedInAt && (h.code == finding.TLSNotOffered || h.code == finding.TLSNoCertificate):
			h.weight = min(h.weight, symptom)
		case dataFailed >= 0 && h.line > dataFailed && l.passiveBefore(dataFailed) &&
			(h.code == finding.DataActivePrivateAddress || h.code == finding.DataActiveRefused || h.code == finding.DataActiveBlocked || h.code == finding.DataPortsExhausted || h.code == finding.ServicePortTaken):
			h.weight = min(h.weight, symptom)
		}
	}
}

// answers tells whether a line is a reply with one of these numbers.
func (l *log) answers(line int, codes ...int) bool {
	e, ok := l.at(line)
	return ok && e.kind == reply && slices.Contains(codes, e.code)
}

// ofLogin are the causes that a login which works after all refutes.
var ofLogin = []*finding.Def{finding.SSHKeyRejected, finding.SSHKeyUnusable, finding.SSHAuthMethodNotOffered, finding.SSHAuthorizedKeysUnsafe}

// exitStatus: sshd started what was asked for, and it ended.
var exitStatus = expr(`exit status [1-9]`)

// passiveBefore tells whether passive mode was agreed before a line.
func (l *log) passiveBefore(line int) bool {
	for _, e := range l.events {
		if e.line < line && e.kind == reply && (e.code == 227 || e.code == 229) {
			return true
		}
	}
	return false
}

// wentOn: a session of SSH came beyond the host key.
var wentOn = expr(`store key in cache\?[^\n]*\) \S|using username|access (?:granted|denied)|authenticated to|sent password|permission denied|no supported authentication|authentications that can continue`)
