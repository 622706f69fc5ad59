package probe

import (
	"context"
	"crypto/tls"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/tlswire"
)

// The matrix of session reuse: TLS 1.2 and 1.3, listing and upload, once and
// several times in a row, with the session of the control connection resumed
// and without. Each version has one session of its own, on which what may end
// the control connection is tried last.

// neverResume are clients whose data connections begin a new TLS session:
// CPython issue 63699 for ftplib; NET-408 of Apache Commons Net; the manual of
// FluentFTP ("FTPS connection" in its wiki) for .NET's SslStream.
const neverResume = "Python ftplib, Java Commons Net, .NET (FtpWebRequest, FluentFTP without GnuTLS)"

// trial is one data connection of the matrix.
type trial struct {
	version uint16
	what    string // list, list again, upload
	resume  bool
	outcome
}

func (t trial) String() string {
	if t.ok() && t.tls != nil && t.tls.Resumed {
		return t.outcome.String() + ", " + finding.Say("session resumed")
	}
	return t.outcome.String()
}

// refuses: the server let the connection come about, or said why not, and then
// did not want it.
func (t trial) refuses() bool {
	return !t.ok() && (t.opened.OK() || t.demandsReuse()) && !t.outcome.stalled()
}

func (t trial) demandsReuse() bool {
	return match(dataSayings, t.final.reply.String()) == finding.TLSDataSessionReuseRequired
}

// reuse fills the matrix and judges it.
func (r *run) reuse(ctx context.Context) {
	agreed := r.ctl.tls.Version
	trials := r.trials(ctx, agreed)
	if agreed == tls.VersionTLS13 {
		trials = append(trials, r.trials(ctx, tls.VersionTLS12)...)
	}
	r.noteReuse(trials)
	r.judgeReuse(trials)
}

// trials are those of one TLS version; none where no session came about.
func (r *run) trials(ctx context.Context, version uint16) []trial {
	w := r.w.Scope("reuse").Scope(tlswire.VersionName(version))
	c := r.session(ctx, w)
	if c == nil {
		return nil
	}
	defer c.quit()
	c.maxTLS = version
	if !r.enter(ctx, c) || c.tls == nil || !c.prot {
		return nil
	}
	r.changeDirectory(ctx, c)
	var all []trial
	try := func(what string, resume bool, o dataOptions) {
		if c.dead {
			return
		}
		o.noResume = !resume
		all = append(all, trial{version, what, resume, r.listing(ctx, c, r.dataWorks, o)})
	}
	try("list", true, dataOptions{})
	try("list again", true, dataOptions{})
	try("list", false, dataOptions{})
	if !c.dead && r.options.op() == "upload" {
		name, _ := r.testName()
		content := testContent(1<<10, r.root.Started())
		c.say(ctx, "TYPE", "I")
		defer func() { r.remove(c, name, len(all) > 3 && all[3].ok()) }()
		try("upload", true, dataOptions{verb: "STOR", arg: name, send: content})
		try("upload", false, dataOptions{verb: "STOR", arg: name, send: content})
	}
	return all
}

// noteReuse keeps the matrix as a fact.
func (r *run) noteReuse(trials []trial) {
	matrix := map[string]any{}
	for _, t := range trials {
		matrix[finding.Said(cell(t), finding.English)] = bounded(r.root.Redact(finding.Said(t.String(), finding.English)))
	}
	if len(matrix) > 0 && r.facts.TLS != nil {
		r.facts.TLS["session_reuse"] = matrix
	}
}

func cell(t trial) string {
	how := finding.Say("without resumption")
	if t.resume {
		how = finding.Say("with resumption")
	}
	return tlswire.VersionName(t.version) + ", " + finding.Say(t.what) + ", " + how
}

// judgeReuse states what clients meet that behave otherwise than this check.
func (r *run) judgeReuse(trials []trial) {
	var refused, broken, fine []trial
	for _, t := range trials {
		switch {
		case t.ok():
			fine = append(fine, t)
		case !t.resume && t.refuses():
			refused = append(refused, t)
		case t.resume && t.refuses():
			broken = append(broken, t)
		}
	}
	resumes := func(version uint16) bool {
		for _, t := range fine {
			if t.version == version && t.resume && t.tls != nil && t.tls.Resumed {
				return true
			}
		}
		return false
	}
	var demanded []trial
	for _, t := range refused {
		if resumes(t.version) || t.demandsReuse() {
			demanded = append(demanded, t)
		}
	}
	switch {
	case len(demanded) > 0:
		f := finding.New(finding.TLSDataSessionReuseRequired, finding.Confirmed).With("reply", demanded[0].final.reply.String()).
			Saw("a data connection that resumes the session of the control connection", "ok", fromData)
		for _, t := range demanded {
			f.Saw("a data connection that does not", cell(t)+": "+t.String(), fromExperiment)
		}
		r.find(f.Saw("clients that do not resume, and fail here", neverResume, fromManuals))
	case len(refused) == 0 && len(fine) > 0:
		r.exclude(finding.TLSDataSessionReuseRequired, "a data connection without resumption was accepted")
	}
	r.judgeBroken(broken, fine)
}

// judgeBroken: with the session resumed as it should be, some data connections
// fail where others work. The version, or the second use of a ticket, is what
// clients differ in.
func (r *run) judgeBroken(broken, fine []trial) {
	if len(broken) == 0 || len(fine) == 0 {
		return
	}
	var who []string
	f := finding.New(finding.TLSDataHandshakeFailed, finding.Confirmed).With("reply", broken[0].final.reply.String()).
		With("version", tlswire.VersionName(broken[0].version))
	for _, t := range fine {
		if t.resume {
			f.Saw("a data connection that resumes the session of the control connection", cell(t)+": "+t.String(), fromExperiment)
		}
	}
	for _, t := range broken {
		f.Saw("a data connection that resumes it and fails", cell(t)+": "+t.String(), fromExperiment)
		who = append(who, cell(t))
	}
	f.Saw("clients that do the same fail", strings.Join(who, "; "), fromExperiment)
	r.find(f)
}

// changeDirectory brings a further session to where the target's path leads.
func (r *run) changeDirectory(ctx context.Context, c *control) {
	if d := r.directory(); d != "" {
		c.say(ctx, "CWD", d)
	}
}
