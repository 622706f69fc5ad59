package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
)

// davCleanUp bounds the removal of the test file, also when the check was
// interrupted.
const davCleanUp = 3 * time.Second

// davUpload writes a test file under a name of its own, reads it back, compares,
// locks, renames and removes it.
func (r *run) davUpload(ctx context.Context) {
	name, _ := r.testName()
	dir := r.dav.path
	if !strings.HasSuffix(dir, "/") {
		dir = parent(dir)
	}
	path := dir + dav.EscapePath(name)
	content := testContent(r.options.size(), r.root.Started())
	moved := dir + "moved-" + dav.EscapePath(name)
	left := []string{path} // what has to be removed, where it should be first
	defer func() { r.davRemove(ctx, left) }()
	put := r.dav.site.ask(ctx, "PUT", path, order{
		fields: []dav.Field{{Name: "Content-Type", Value: "application/octet-stream"}}, body: content, timeout: davWrite, limit: maxStray,
	})
	if !put.good() {
		r.find(r.notPut(ctx, put, path, content))
		return
	}
	r.facts.Timings["upload"] = seconds(put.took)
	r.compare(ctx, path, content)
	if r.target.User == "" {
		r.find(finding.New(finding.SecurityAnonymousWrite, finding.Confirmed).
			Saw("an upload without an account", put.String(), fromServer))
	}
	if r.dav.options.answer != nil && r.dav.options.answer.HasClass("2") {
		r.lockAndUnlock(ctx, path)
	}
	left = []string{path, moved}
	if r.rename(ctx, path, moved) {
		left = []string{moved, path}
	}
}

// compare reads the file back.
func (r *run) compare(ctx context.Context, path string, content []byte) {
	v, d := r.dav.site.fetch(ctx, r.w.Scope("back"), path)
	sum := sha256.Sum256(content)
	switch {
	case v.status() == 200 && d.OK() && d.SHA256 == hex.EncodeToString(sum[:]):
	case v.status() == 200:
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", path).With("bytes", fmt.Sprint(d.N)).
			Saw("bytes sent", fmt.Sprint(len(content)), fromServer).
			Saw("bytes read back", finding.Say("%s, SHA-256 differs", fmt.Sprint(d.N))+", "+told(d.Step), fromServer))
	case v.status() == 403 || v.status() == 401: // a drop box that lets nobody read
		f := r.answered(finding.FilePermissionDenied, finding.Confirmed, v).As(finding.Notice).With("path", path)
		f.Stops = false
		r.find(f)
	default:
		r.find(finding.New(finding.HTTPServerError, finding.Likely).With("reply", v.outcome()).With("command", "GET").
			Saw("reading the test file back", v.String(), fromServer))
	}
}

// lockAndUnlock does what Windows and macOS do before they write.
func (r *run) lockAndUnlock(ctx context.Context, path string) {
	s := r.dav.site
	lock := s.ask(ctx, "LOCK", path, order{
		fields: []dav.Field{{Name: "Timeout", Value: "Second-60"}, {Name: "Depth", Value: "0"}, {Name: "Content-Type", Value: "application/xml; charset=utf-8"}},
		body:   dav.LockBody("ftpdoctor"), limit: maxStray,
	})
	token := ""
	if lock.good() {
		if token = lock.answer.LockToken(); token == "" {
			token, _ = dav.ParseLock(lock.answer.Body)
		}
	}
	if lock.status() == 423 {
		r.find(r.answered(finding.HTTPLocked, finding.Confirmed, lock).With("path", path))
		return
	}
	if token == "" || strings.ContainsAny(token, "<> \r\n") {
		r.find(finding.New(finding.HTTPMethodBlocked, finding.Likely).As(finding.Warning).With("command", "LOCK").With("reply", lock.outcome()).
			Saw("locking the test file, as Windows and macOS do before they write", lock.String(), fromServer).
			Saw("OPTIONS at this path", describeOptions(r.dav.options), fromServer))
		return
	}
	unlock := s.ask(ctx, "UNLOCK", path, order{fields: []dav.Field{{Name: "Lock-Token", Value: "<" + token + ">"}}, limit: maxStray})
	if !unlock.good() {
		r.find(finding.New(finding.HTTPMethodBlocked, finding.Likely).As(finding.Warning).With("command", "UNLOCK").With("reply", unlock.outcome()).
			Saw("unlocking the test file again", unlock.String(), fromServer).
			Saw("OPTIONS at this path", describeOptions(r.dav.options), fromServer))
	}
}

// rename moves the test file. Where that is refused with the whole URL as the
// destination and not with its path alone, a proxy in front has another scheme
// or name than the server behind it and does not translate (RFC 4918 §10.3).
func (r *run) rename(ctx context.Context, from, to string) bool {
	s := r.dav.site
	move := func(destination string) visit {
		return s.ask(ctx, "MOVE", from, order{
			fields: []dav.Field{{Name: "Destination", Value: destination}, {Name: "Overwrite", Value: "F"}}, limit: maxStray,
		})
	}
	first := move(s.origin() + to)
	if first.good() {
		return true
	}
	f := finding.New(finding.HTTPMethodBlocked, finding.Likely).With("command", "MOVE").With("reply", first.outcome()).
		Saw("renaming the test file", first.String(), fromServer)
	if first.answer != nil {
		if who := first.answer.Who(); who != "" {
			f.Saw("which boxes show themselves in the answer", who, fromServer)
		}
	}
	other := "http"
	if !s.secure {
		other = "https"
	}
	destinations := []string{to, other + "://" + s.authority() + to}
	for _, d := range destinations {
		again := move(d)
		if again.good() {
			f.Confidence = finding.Confirmed
			r.find(f.Saw("the same with another form of the destination: a proxy does not translate it for the server behind it", d+": "+again.answer.Line(), fromExperiment))
			return true
		}
	}
	r.find(f.Saw("the same with another form of the destination", strings.Join(destinations, ", ")+": "+finding.Say("fails too"), fromExperiment).
		Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
		Or(finding.HTTPServerError, "the server itself fails on it").
		DecideBy("on the server: does the request arrive, and what does the error log say at that moment"))
	return false
}

// davRemove takes away what the test left, also after the check was interrupted.
func (r *run) davRemove(ctx context.Context, paths []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), davCleanUp)
	defer cancel()
	s := r.dav.site.aside(r.w.Scope("clean"))
	defer s.close()
	var last visit
	gone := false
	for _, p := range paths {
		v := s.ask(ctx, "DELETE", p, order{timeout: davCleanUp, limit: maxStray})
		if v.status() != 404 && v.status() != 410 || last.method == "" {
			last = v
		}
		gone = gone || v.good()
	}
	if gone || last.status() == 404 || last.status() == 410 {
		return
	}
	there := s.try(ctx, "HEAD", paths[0])
	if there.status() != 200 {
		return
	}
	f := finding.New(finding.HTTPMethodBlocked, finding.Likely).With("command", "DELETE").With("reply", last.outcome())
	r.find(f.Saw("the test file could not be removed and stays on the server", paths[0]+": "+last.String(), fromServer))
}

// notPut finds out why a file could not be written.
func (r *run) notPut(ctx context.Context, v visit, path string, content []byte) *finding.Finding {
	s := r.dav.site.aside(r.w.Scope("smaller"))
	defer s.close()
	small := func(size int) visit {
		return s.ask(ctx, "PUT", path, order{body: content[:min(len(content), size)], timeout: webTimeout, limit: maxStray})
	}
	if v.answer == nil {
		less := small(1000)
		if less.good() && v.unsent != nil {
			return finding.New(finding.HTTPTooLarge, finding.Likely).Stop().With("bytes", fmt.Sprint(len(content))).
				Saw("the upload", v.String(), fromServer).
				Saw("the same with fewer bytes", "1000: "+less.String(), fromExperiment)
		}
		if less.good() {
			return finding.New(finding.DataStalled, finding.Likely).Stop().
				Saw("the upload", v.String(), fromServer).
				Saw("the same with fewer bytes", "1000: "+less.String(), fromExperiment)
		}
		return finding.New(finding.HTTPMethodBlocked, finding.Likely).Stop().With("command", "PUT").With("reply", v.outcome()).
			Saw("the upload", v.String(), fromServer).
			Saw("the same with fewer bytes", "1000: "+less.String(), fromExperiment).
			Or(finding.HTTPMethodBlocked, "a box on the way does not let this method pass").
			Or(finding.ServiceAborts, "the server's process dies of this request").
			DecideBy("on the server: does the request arrive, and what does the error log say at that moment")
	}
	f := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		return r.answered(d, c, v).With("path", path)
	}
	switch status := v.status(); status {
	case 413:
		return r.tooLarge(f(finding.HTTPTooLarge, finding.Confirmed), len(content), small)
	case 507:
		return r.noRoom(v).With("path", path)
	case 423:
		return f(finding.HTTPLocked, finding.Confirmed)
	case 404, 409:
		return f(finding.FileNotFound, finding.Confirmed).
			Or(finding.FileNotFound, "there is no such directory").
			DecideBy("list the directory above it; on the server: look at its mode and owner (namei -l)")
	case 401:
		return f(finding.FilePermissionDenied, finding.Confirmed)
	case 502, 503, 504:
		return f(finding.HTTPGatewayError, finding.Likely)
	case 415, 422:
		return f(finding.FileNameRefused, finding.Likely)
	}
	return r.writeRefused(ctx, v, s, path, f)
}

// tooLarge looks for the limit: between what passes and what does not.
func (r *run) tooLarge(f *finding.Finding, size int, put func(int) visit) *finding.Finding {
	f.With("bytes", fmt.Sprint(size))
	passes := 0
	for n := size / 4; n >= 1000; n /= 4 {
		v := put(n)
		f.Saw("the same with fewer bytes", fmt.Sprintf("%d: %s", n, v), fromExperiment)
		if v.good() {
			passes = n
			break
		}
		if v.status() != 413 {
			break
		}
	}
	if passes > 0 {
		f.With("limit", fmt.Sprint(passes))
	}
	return f
}

// writeRefused: 403, 405, 500 and others. Is it the right to write, a rule
// against the method, or the disk?
func (r *run) writeRefused(ctx context.Context, v visit, s *site, path string, f func(*finding.Def, finding.Confidence) *finding.Finding) *finding.Finding {
	dir := path + "-dir/"
	mkcol := s.try(ctx, "MKCOL", dir)
	if mkcol.good() {
		s.try(ctx, "DELETE", dir)
	}
	options := r.dav.options
	evidence := func(f *finding.Finding) *finding.Finding {
		return f.Saw("making a directory beside it", mkcol.String(), fromExperiment).
			Saw("OPTIONS at this path", describeOptions(options), fromServer)
	}
	otherBox := options.answer != nil && v.answer.Get("Server") != options.answer.Get("Server")
	pages := r.otherPage(ctx, r.dav, v)
	switch {
	case v.status() >= 500 && v.status() != 501:
		if small := s.ask(ctx, "PUT", path, order{timeout: webTimeout, limit: maxStray}); small.good() {
			return evidence(f(finding.FileDiskFull, finding.Likely)).
				Saw("the same with fewer bytes", "0: "+small.String(), fromExperiment).
				Or(finding.FileDiskFull, "the disk is full").
				Or(finding.FileQuotaExceeded, "the account's allotment is used up").
				Or(finding.HTTPServerError, "the server fails on it; its error log names the reason").
				DecideBy("on the server: df -h and quota -u for the user")
		}
		if mkcol.status() == 403 { // how Apache and nginx word what the file system refuses
			return evidence(f(finding.FilePermissionDenied, finding.Likely)).
				Or(finding.FilePermissionDenied, "the server's process may not write into the directory").
				Or(finding.FileReadOnly, "the file system is mounted read-only").
				Or(finding.HTTPServerError, "the server fails on it; its error log names the reason").
				DecideBy("on the server: read the error log of this moment; it names the reason")
		}
		return evidence(f(finding.HTTPServerError, finding.Likely)).
			Or(finding.HTTPServerError, "the server fails on it; its error log names the reason").
			Or(finding.FilePermissionDenied, "the server's process may not write into the directory").
			Or(finding.FileReadOnly, "the file system is mounted read-only").
			Or(finding.FileDiskFull, "no space or no inode is left").
			DecideBy("on the server: read the error log of this moment; it names the reason")
	case pages != "":
		return evidence(f(finding.HTTPMethodBlocked, finding.Confirmed)).
			Saw("whose pages these are: this answer, and one of the server at this path", pages, fromExperiment)
	case otherBox, mkcol.good():
		return evidence(f(finding.HTTPMethodBlocked, finding.Confirmed))
	case v.status() == 405 || v.status() == 501:
		def := finding.HTTPMethodBlocked
		if options.answer != nil && len(options.answer.Classes()) == 0 {
			def = finding.FileUploadsDisabled
		}
		return evidence(f(def, finding.Likely)).
			Or(def, "a box on the way, or a rule of the server, does not let this method pass").
			Or(finding.FileUploadsDisabled, "the server is set to read only").
			DecideBy("on the server: does the request arrive, and what does the error log say at that moment")
	case bytes.Contains(bytes.ToLower(v.answer.Body), []byte("quota")):
		return evidence(f(finding.FileQuotaExceeded, finding.Likely))
	}
	if page := v.answer.Page(); !r.dav.loggedIn && (page == "Apache" || page == "nginx") {
		// What the file system refuses, these two answer to PUT with 500.
		return evidence(f(finding.HTTPMethodBlocked, finding.Likely)).
			Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
			Or(finding.HTTPForbidden, "a rule of the server forbids writing to this account or address").
			Or(finding.FileUploadsDisabled, "the server is set to read only").
			DecideBy("on the server: read the error log of this moment; it names the reason")
	}
	return evidence(f(finding.FilePermissionDenied, finding.Likely)).
		Or(finding.FilePermissionDenied, "this user may not write into the directory").
		Or(finding.HTTPForbidden, "a rule of the server forbids writing to this account or address").
		Or(finding.HTTPMethodBlocked, "a box on the way, or a rule of the server, does not let this method pass").
		DecideBy("on the server: read the error log of this moment; it names the reason")
}
