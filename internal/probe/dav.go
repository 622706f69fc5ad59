package probe

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// davCheck does with files what the user wants to do, and says which clients
// would fail where this one gets through.
var davCheck = &check{
	name: "dav", layer: "file", asks: "can files be read and written, and which clients would fail",
	of: []string{observe.HTTP},
	run: func(ctx context.Context, r *run) {
		if r.dav == nil {
			return
		}
		r.quota()
		switch r.options.op() {
		case "download":
			r.davDownload(ctx)
		case "upload":
			r.davUpload(ctx)
		}
		r.whoFails()
	},
}

const (
	davPause = 10 * time.Second // without a byte
	davTotal = 10 * time.Minute // of a download; the time-out of the check ends it sooner
	davWrite = 20 * time.Second // of an upload and its answer
)

// quota judges what the server says of room (RFC 4331). Some write negative
// numbers where there is no limit.
func (r *run) quota() {
	if r.dav.propfind.status() != 207 {
		return
	}
	self := r.dav.self
	if self.Used != dav.Unknown && self.Used >= 0 {
		r.data("quota_used", self.Used)
	}
	if self.Available == dav.Unknown || self.Available < 0 {
		return
	}
	r.data("quota_available", self.Available)
	if self.Available > 0 && (r.options.op() != "upload" || self.Available >= int64(r.options.size())) {
		return
	}
	severity := finding.Warning
	if r.options.op() == "upload" {
		severity = finding.Error
	}
	r.find(finding.New(finding.FileQuotaExceeded, finding.Confirmed).As(severity).With("path", r.target.Path).
		Saw("the room that is left, as the server says", finding.Say("%s bytes", fmt.Sprint(self.Available)), fromServer))
}

// davDownload reads the file of the target, keeps no more than its hash, and
// compares the size.
func (r *run) davDownload(ctx context.Context) {
	if r.dav.self.Collection || strings.HasSuffix(r.dav.path, "/") {
		r.partial = "download needs the path of a file in the URL"
		return
	}
	v, d := r.dav.site.fetch(ctx, r.w.Scope("get"), r.dav.path)
	switch {
	case v.answer == nil:
		r.noAnswer(ctx, r.dav, v)
	case v.status() == 404 || v.status() == 410:
		r.find(r.answered(finding.FileNotFound, finding.Confirmed, v).With("path", r.target.Path))
	case v.status() == 403:
		r.find(r.answered(finding.FilePermissionDenied, finding.Confirmed, v).With("path", r.target.Path))
	case v.status() != 200:
		r.judgeStatus(ctx, r.dav, v)
	case !d.OK():
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).Stop().With("path", r.target.Path).With("bytes", fmt.Sprint(d.N)).
			Saw("the download broke off", told(d.Step), fromServer).
			Saw("bytes that came", fmt.Sprintf("%d of %d", d.N, v.answer.Length), fromServer))
	case r.dav.self.Size >= 0 && d.N != r.dav.self.Size:
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", r.target.Path).With("bytes", fmt.Sprint(d.N)).
			Saw("size that the server states", fmt.Sprintf("%d (getcontentlength)", r.dav.self.Size), fromServer).
			Saw("bytes that came", fmt.Sprint(d.N), fromServer))
	default:
		r.facts.Timings["download"] = seconds(d.Took)
		r.data("sha256", d.SHA256)
		r.data("bytes", d.N)
	}
}

// fetch gets a file on a connection of its own, without keeping it.
func (s *site) fetch(ctx context.Context, w *observe.World, path string) (visit, observe.Drained) {
	own := s.aside(w)
	defer own.close()
	v := visit{method: "GET", target: path}
	if v.err = own.open(ctx, observe.DialOptions{}); v.err != nil {
		return v, observe.Drained{}
	}
	b, authorized, err := own.request(v.method, path, order{fields: []dav.Field{{Name: "Connection", Value: "close"}}})
	if v.authorized = authorized; err != nil {
		v.err = err
		return v, observe.Drained{}
	}
	own.conn.Bind(ctx).SetBudget(webTimeout)
	start := w.Elapsed()
	_, v.unsent = own.conn.Write(b)
	v.answer, v.err = own.rd.Head(v.method)
	v.took = w.Elapsed() - start
	if v.status() != 200 {
		return v, observe.Drained{}
	}
	own.conn.SetTimeout(davPause)
	const limit = 1 << 40
	return v, own.conn.Digest(func(raw io.Reader) io.Reader { return own.rd.Body(raw, 2*limit) }, 0, limit, davTotal)
}

// windowsLimit is FileSizeLimitInBytes of the Windows redirector.
const windowsLimit = 50_000_000

// whoFails names the clients that have rules of their own.
func (r *run) whoFails() {
	res := r.dav
	var windows []string
	if c := res.site.login; c != nil && c.challenge.Scheme == "basic" && !res.site.secure {
		windows = append(windows, finding.Say("Basic over http: BasicAuthLevel"))
	}
	davHere := res.propfind.status() == 207
	if davHere && res.options.answer != nil && !res.options.answer.HasClass("2") {
		windows = append(windows, finding.Say("no LOCK: DAV class 2 is missing"))
		r.find(finding.New(finding.ClientLibraryLimit, finding.Confirmed).As(finding.Notice).With("software", "macOS Finder").With("reply", "DAV: "+orNone(strings.Join(res.options.answer.Classes(), ", "))).
			Saw("classes that the server offers; the Finder of macOS writes only with class 2", describeOptions(res.options), fromServer))
	}
	if res.self.Size > windowsLimit {
		windows = append(windows, finding.Say("%s bytes: FileSizeLimitInBytes is %s", fmt.Sprint(res.self.Size), fmt.Sprint(windowsLimit)))
	}
	if davHere && len(windows) > 0 {
		r.find(finding.New(finding.ClientWebDAVRedirector, finding.Confirmed).As(finding.Notice).With("reply", windows[0]).
			Saw("what the WebDAV client of Windows does not do as it is delivered", strings.Join(windows, "; "), fromServer))
	}
}
