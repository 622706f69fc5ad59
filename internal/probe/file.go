package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// fileCheck does what the user wants to do with files: download one, or write
// a test file, read it back, compare and remove it.
var fileCheck = &check{
	name: "file", layer: "file", asks: "can files be read and written",
	of: []string{observe.FTP},
	run: func(ctx context.Context, r *run) {
		if r.dataWorks == nil {
			return
		}
		switch r.options.op() {
		case "download":
			r.download(ctx)
		case "upload":
			r.upload(ctx)
		}
		if r.options.Soak > 0 {
			r.soak(ctx)
		}
	},
}

// directory is the directory that the target names; empty: where the login
// leads. A URL's path counts from there, and from the root where it begins with
// a second slash, also written %2F (RFC 1738 §3.2.2).
func (r *run) directory() string {
	p := strings.TrimPrefix(r.target.Path, "/")
	if r.options.op() != "list" && !strings.HasSuffix(p, "/") {
		dir, _ := path.Split(p)
		p = dir
	}
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	return p
}

// noDirectory: CWD was refused.
func (r *run) noDirectory(ctx context.Context, x exchange, dir string) *finding.Finding {
	text := x.reply.String()
	def := orDef(match(fileSayings, text), finding.FileNotFound)
	if above := path.Dir(dir); above == "." || r.ctl.say(ctx, "CWD", above).reply.Completion() {
		if r.dataWorks == nil {
			r.dataWorks = epsvOrPASV(r)
			defer func() { r.dataWorks = nil }()
		}
		there, looked := r.inListing(ctx, path.Base(dir))
		if looked {
			def = finding.FileNotFound
			if there {
				def = finding.FilePermissionDenied
			}
			return finding.New(def, finding.Confirmed).With("path", dir).With("reply", text).
				Saw("the reply to CWD", x.String(), fromControl).
				Saw("does the listing of the directory above show it", yesNo(there), fromExperiment)
		}
	}
	return finding.New(def, finding.Likely).With("path", dir).With("reply", text).
		Saw("the reply to CWD", x.String(), fromControl).
		Or(finding.FileNotFound, "there is no such directory").
		Or(finding.FilePermissionDenied, "this user may not enter it").
		DecideBy("list the directory above it; on the server: look at its mode and owner (namei -l)")
}

// looked judges a listing that worked.
func (r *run) looked(o outcome) {
	l := ftp.ParseListAt(o.drained.Head, listHead, r.root.Started())
	names := make([][]byte, 0, len(l.Entries))
	for _, e := range l.Entries {
		names = append(names, e.Name)
	}
	r.facts.Data["entries"] = len(l.Entries)
	r.facts.Timings["list"] = seconds(o.drained.Took)
	if guess, ev := ftp.NameEncoding(names); ev.ValidUTF8 < ev.Names {
		candidates := make([]string, len(ev.Candidates))
		for i, c := range ev.Candidates {
			candidates[i] = string(c)
		}
		f := finding.New(finding.ClientNameEncoding, finding.Likely).With("encoding", string(guess)).
			Saw("names of the listing that are not UTF-8", sampleNames(names), fromData).
			Saw("encodings that fit, the likeliest first", strings.Join(candidates, ", ")+": "+ev.Sample, fromData)
		if r.ctl.feats.Has("UTF8") {
			f.Confidence = finding.Confirmed
			f.Saw("the server says that its names are UTF-8", "FEAT: UTF8", fromControl)
		}
		r.find(f)
	}
	if o.drained.NoNotify {
		r.find(finding.New(finding.TLSNoCloseNotify, finding.Confirmed).
			Saw("the end of the data connection", finding.Say("FIN without close_notify")+", "+o.final.String(), fromData))
	}
	if o.tls != nil && o.tls.OK() {
		r.facts.Data["tls_resumed"] = o.tls.Resumed
	}
}

func sampleNames(names [][]byte) string {
	var s []string
	for _, n := range names {
		if bytes.ContainsFunc(n, func(c rune) bool { return c > 0x7e || c == '\uFFFD' }) {
			s = append(s, fmt.Sprintf("%q", n))
		}
		if len(s) == 3 {
			break
		}
	}
	return strings.Join(s, ", ")
}

func (r *run) download(ctx context.Context) {
	name := r.target.Path
	if name == "" || strings.HasSuffix(name, "/") {
		r.partial = "download needs the path of a file in the URL"
		return
	}
	r.ctl.say(ctx, "TYPE", "I")
	size := int64(-1)
	if x := r.ctl.say(ctx, "SIZE", path.Base(name)); x.err == nil && x.reply.Code == 213 {
		if n, err := ftp.ParseSize(x.reply.Text()); err == nil {
			size = n
		}
	}
	o := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{verb: "RETR", arg: path.Base(name), limit: 1 << 40})
	switch {
	case !o.ok() && o.prelim.reply.Code >= 400:
		r.find(r.notReadable(ctx, o, name))
	case !o.ok():
		r.find(r.transferFailed(ctx, o).Stop().Saw("the download", o.String(), fromData))
	case size >= 0 && o.drained.N != size:
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", name).With("bytes", fmt.Sprint(o.drained.N)).
			Saw("size that the server states", fmt.Sprint(size), fromControl).
			Saw("bytes that came", fmt.Sprint(o.drained.N), fromData))
	default:
		r.facts.Timings["download"] = seconds(o.drained.Took)
	}
}

// notReadable tells a missing file from a forbidden one by the listing.
func (r *run) notReadable(ctx context.Context, o outcome, name string) *finding.Finding {
	text := o.prelim.reply.String()
	there, _ := r.inListing(ctx, path.Base(name))
	def := orDef(match(fileSayings, text), finding.FileNotFound)
	switch {
	case there && def == finding.FileNotFound:
		def = finding.FilePermissionDenied
	case !there && (def == finding.FilePermissionDenied || def == finding.FileNotFound):
		def = finding.FileNotFound
	}
	return finding.New(def, finding.Confirmed).Stop().With("path", name).With("reply", text).
		Saw("the reply to RETR", o.prelim.String(), fromControl).
		Saw("does the listing show the file", yesNo(there), fromExperiment)
}

// inListing tells whether the listing of the present directory shows a name,
// and whether there was a listing.
func (r *run) inListing(ctx context.Context, name string) (there, looked bool) {
	r.ctl.say(ctx, "TYPE", "A")
	o := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{})
	for _, e := range ftp.ParseListAt(o.drained.Head, listHead, r.root.Started()).Entries {
		if string(e.Name) == name {
			return true, o.ok()
		}
	}
	return false, o.ok()
}

func yesNo(b bool) string {
	if b {
		return finding.Say("yes")
	}
	return finding.Say("no")
}

// upload writes a test file under a name of its own, reads it back, compares
// and removes it.
func (r *run) upload(ctx context.Context) {
	r.ctl.say(ctx, "TYPE", "I")
	content := testContent(r.options.size(), r.root.Started())
	name, ext := r.testName()
	o := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{verb: "STOR", arg: name, send: content})
	if r.w.Interrupted(ctx) { // nothing more may be said on this connection but good-bye
		r.remove(r.ctl, name, true)
		return
	}
	if !o.ok() {
		r.find(r.notWritten(ctx, o, name, ext, content).Stop())
		r.remove(r.ctl, name, o.sent.N > 0)
		return
	}
	r.facts.Timings["upload"] = seconds(o.sent.Took)
	defer func() { r.remove(r.ctl, name, true) }()
	back := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{verb: "RETR", arg: name, limit: int64(len(content)) * 2})
	sum := sha256.Sum256(content)
	switch {
	case back.ok() && back.drained.SHA256 != hex.EncodeToString(sum[:]):
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", name).With("bytes", fmt.Sprint(back.drained.N)).
			Saw("bytes sent", fmt.Sprint(len(content)), fromData).
			Saw("bytes read back", finding.Say("%s, SHA-256 differs", fmt.Sprint(back.drained.N)), fromData))
	case !back.ok() && back.prelim.reply.Code < 400:
		r.find(r.transferFailed(ctx, back).Stop().Saw("reading the test file back", back.String(), fromData))
	case !back.ok(): // a drop box that lets nobody read
		r.find(finding.New(finding.FilePermissionDenied, finding.Confirmed).As(finding.Notice).With("path", name).With("reply", back.prelim.reply.String()).
			Saw("reading the test file back", back.String(), fromData))
	}
	again := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{verb: "STOR", arg: name, send: content[:min(len(content), 1024)]})
	if again.prelim.reply.Permanent() {
		r.find(finding.New(finding.FileOverwriteDenied, finding.Confirmed).As(finding.Notice).With("path", name).With("reply", again.prelim.reply.String()).
			Saw("writing the test file a second time", again.prelim.String(), fromControl))
	}
	if r.anonymous() {
		r.find(finding.New(finding.SecurityAnonymousWrite, finding.Confirmed).
			Saw("an upload without an account", o.final.String(), fromControl))
	}
}

// cleanUp bounds the removal of a test file.
const cleanUp = 2 * time.Second

// remove takes the test file away, also when the check was interrupted in the
// meantime; a refusal is told, because the file stays.
func (r *run) remove(c *control, name string, written bool) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanUp)
	defer cancel()
	x := c.sayWithin(ctx, "DELE", name, cleanUp)
	if x.err == nil && ofTransfer[x.reply.Code] { // the interrupted transfer's, which nobody read
		x = c.read(ctx, cleanUp)
	}
	if x.err == nil && x.reply.Completion() {
		return
	}
	r.leftBehind = r.leftBehind || written
	if written {
		r.find(finding.New(finding.FilePermissionDenied, finding.Confirmed).As(finding.Notice).With("path", name).With("reply", x.reply.String()).
			Saw("the test file could not be removed and stays on the server", name+": "+x.String(), fromControl))
	}
}

// ofTransfer are the replies that speak of a transfer (RFC 959 §5.4); DELE is
// answered with 250.
var ofTransfer = map[int]bool{125: true, 150: true, 225: true, 226: true, 425: true, 426: true, 451: true, 552: true}

// testName is unique; it takes the extension that the user's path has, since
// servers may refuse by it.
func (r *run) testName() (name, ext string) {
	ext = path.Ext(r.target.Path)
	if strings.HasSuffix(r.target.Path, "/") || len(ext) > 12 {
		ext = ""
	}
	return fmt.Sprintf("ftpdoctor-%d-test", r.root.Started().UnixNano()%1e9) + ext, ext
}

// testContent is pseudo-random, so that nothing on the way can compress or
// guess it, and has every kind of line end in it, so that ASCII mode shows.
func testContent(size int, seed time.Time) []byte {
	out := make([]byte, 0, size+64)
	sum := sha256.Sum256(strconv.AppendInt(nil, seed.UnixNano(), 10))
	for len(out) < size {
		sum = sha256.Sum256(sum[:])
		out = append(out, sum[:]...)
		out = append(out, "\r\n\n\r\x00\xff"...)
	}
	return out[:size]
}

// notWritten judges a refused or broken upload by when it ended and how it was
// worded, and by trying what separates the look-alikes.
func (r *run) notWritten(ctx context.Context, o outcome, name, ext string, content []byte) *finding.Finding {
	text := o.final.reply.String()
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.With("path", name).With("reply", text).Saw("the upload", "STOR "+name+": "+o.String(), fromData)
	}
	if !o.prelim.reply.Preliminary() && o.prelim.reply.Code < 400 {
		return evidence(r.transferFailed(ctx, o))
	}
	early := o.prelim.reply.Code >= 400
	if early && ext != "" {
		plain := strings.TrimSuffix(name, ext)
		if other := r.listing(ctx, r.ctl, r.dataWorks, dataOptions{verb: "STOR", arg: plain, send: content[:min(len(content), 1024)]}); other.ok() {
			r.remove(r.ctl, plain, true)
			return evidence(finding.New(finding.FileNameRefused, finding.Confirmed).With("name", "*"+ext)).
				Saw("the same without the extension", other.final.String(), fromExperiment)
		}
	}
	if o.final.reply.Code == 552 && match(fileSayings, text) == nil {
		return evidence(finding.New(finding.FileQuotaExceeded, finding.Likely)).
			Or(finding.FileQuotaExceeded, "the account's allotment is used up").
			Or(finding.FileDiskFull, "the disk is full").
			DecideBy("on the server: df -h and quota -u for the user")
	}
	vsftpd := strings.HasPrefix(strings.ToLower(r.facts.Software), "vsftpd")
	def := match(fileSayings, text)
	switch {
	case vsftpd && text == "550 Permission denied." && early:
		// vsftpd words 550 "Permission denied." for a command that its
		// configuration forbids, 553 for what the file system refuses.
		return evidence(finding.New(finding.FileUploadsDisabled, finding.Likely)).
			Or(finding.FileUploadsDisabled, "the server's configuration lets nobody write (vsftpd: write_enable, cmds_denied)").
			Or(finding.FilePermissionDenied, "this user may not write into the directory").
			Or(finding.FileNameRefused, "the server's configuration denies this name (vsftpd: deny_file)").
			DecideBy("on the server: look at write_enable, cmds_denied and deny_file in its configuration")
	case o.final.reply.Code == 553 && (def == nil || def == finding.FilePermissionDenied):
		return r.notCreated(ctx, evidence(finding.New(finding.FilePermissionDenied, finding.Likely)))
	case !early && (o.final.reply.Code == 451 || o.final.reply.Code == 426 || o.final.reply.Code == 452) && (def == nil || def == finding.FilePermissionDenied):
		return evidence(finding.New(finding.FileDiskFull, finding.Likely).With("bytes", fmt.Sprint(o.sent.N))).
			Or(finding.FileDiskFull, "the disk is full").
			Or(finding.FileQuotaExceeded, "the account's allotment is used up").
			DecideBy("on the server: df -h and quota -u for the user")
	case def != nil && def != finding.FileNotFound:
		f := evidence(finding.New(def, finding.Confirmed))
		if def == finding.FilePermissionDenied {
			f.Confidence = finding.Likely
			return r.notCreated(ctx, f)
		}
		return f
	case early:
		return r.notCreated(ctx, evidence(finding.New(finding.FilePermissionDenied, finding.Likely)))
	}
	return evidence(r.transferFailed(ctx, o))
}

// notCreated adds what else refuses to make a file, and what the listing shows
// of the directory.
func (r *run) notCreated(ctx context.Context, f *finding.Finding) *finding.Finding {
	if x := r.ctl.say(ctx, "PWD", ""); x.err == nil {
		if p, err := ftp.PathReply(x.reply); err == nil {
			f.Saw("the directory", p, fromControl)
		}
	}
	return f.Or(finding.FilePermissionDenied, "this user may not write into the directory").
		Or(finding.FileReadOnly, "the file system is mounted read-only").
		Or(finding.FileDiskFull, "no space or no inode is left").
		Or(finding.FileQuotaExceeded, "the account's allotment is used up").
		DecideBy("on the server: as that user, touch a file in the directory (sudo -u USER touch DIR/x); df -h and df -i")
}

// soak leaves the control connection idle and asks whether it lives.
func (r *run) soak(ctx context.Context) {
	r.w.Sleep(ctx, r.options.Soak)
	x := r.ctl.sayWithin(ctx, "NOOP", "", replyTimeout)
	if x.err == nil && x.reply.Completion() {
		r.exclude(finding.NetIdleTimeout, "the idle control connection still answers")
		return
	}
	if x.reply.Code == 421 { // the server's own rule, which it announces
		r.find(finding.New(finding.NetIdleTimeout, finding.Confirmed).As(finding.Notice).With("seconds", fmt.Sprint(int(r.options.Soak.Seconds()))).With("reply", x.reply.String()).
			Saw("the idle control connection", x.String(), fromControl))
		return
	}
	fresh := r.secondGreeting(ctx, quickGreeting)
	f := finding.New(finding.NetIdleTimeout, finding.Likely).With("seconds", fmt.Sprint(int(r.options.Soak.Seconds()))).
		Saw("the idle control connection", observe.Human(r.options.Soak)+": "+x.String(), fromControl).
		Saw("a new connection at that moment", fresh.String(), fromExperiment)
	if fresh.err == nil && fresh.reply.Code == 220 {
		f.Confidence = finding.Confirmed
	}
	r.find(f.Stop())
}
