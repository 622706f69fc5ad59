package probe

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// places are the paths that the target's path can mean, the likelier first.
// Most programs take it from the root, OpenSSH and curl's /~/ from where the
// login leads.
func (s *sftpSession) places(p string) []string {
	if rest, ok := strings.CutPrefix(p, "/~/"); ok {
		return []string{path.Join(s.home, rest)}
	}
	if strings.Trim(p, "/") == "" {
		return []string{s.home}
	}
	absolute := path.Clean("/" + p)
	if strings.HasPrefix(p, "//") {
		return []string{absolute}
	}
	if below := path.Join(s.home, p); below != absolute {
		return []string{absolute, below}
	}
	return []string{absolute}
}

// find is the first of the places that is there.
func (s *sftpSession) find(ctx context.Context, p string) (string, sshwire.Attrs, error) {
	var first error
	for _, place := range s.places(p) {
		a, err := s.do(ctx).Stat(place)
		if err == nil {
			return place, a, nil
		}
		if statusOf(err) != sshwire.StatusNoSuchFile && statusOf(err) != sshwire.StatusNoSuchPath {
			return place, a, err
		}
		if first == nil {
			first = err
		}
	}
	return s.places(p)[0], sshwire.Attrs{}, first
}

// statusOf is the status of an answer, or -1.
func statusOf(err error) int {
	if no, ok := errors.AsType[*sshwire.StatusError](err); ok {
		return int(no.Code)
	}
	return -1
}

// files does what the user wants to do.
func (s *sftpSession) files(ctx context.Context) {
	r := s.r
	r.data("home", s.home)
	p := r.target.Path
	op := r.options.op()
	dir := p
	if op != "list" && !strings.HasSuffix(p, "/") {
		dir, _ = path.Split(p)
	}
	switch op {
	case "download":
		if p == "" || strings.HasSuffix(p, "/") {
			r.partial = "download needs the path of a file in the URL"
			return
		}
		s.download(ctx, p)
	case "upload":
		if place, ok := s.list(ctx, dir); ok {
			s.upload(ctx, place)
		}
	default:
		s.list(ctx, dir)
	}
}

// list reads a directory, or looks at what is no directory.
func (s *sftpSession) list(ctx context.Context, p string) (place string, ok bool) {
	r := s.r
	begun := r.w.Elapsed()
	place, a, err := s.find(ctx, p)
	if err != nil {
		r.find(s.failed("STAT "+place, err, place).Stop())
		return place, false
	}
	if a.HasMode && !a.IsDir() {
		r.data("bytes", a.Size)
		return place, true
	}
	entries, more, err := s.do(ctx).List(place, sftpEntries)
	if err != nil && len(entries) == 0 {
		f := s.failed("OPENDIR "+place, err, place)
		if a.HasMode {
			f.Saw("mode and owner", fmt.Sprintf("%v %d:%d", a.Mode(), a.UID, a.GID), fromSFTP)
		}
		if r.options.op() == "upload" { // a drop box that lets nobody look
			r.find(f.As(finding.Notice))
			return place, true
		}
		r.find(f.Stop())
		return place, false
	}
	r.facts.Timings["list"] = seconds(r.w.Elapsed() - begun)
	r.data("entries", len(entries))
	if more {
		r.data("entries_more", true)
	}
	s.names(entries)
	return place, true
}

// names finds names that are not UTF-8.
func (s *sftpSession) names(entries []sshwire.Entry) {
	names := make([][]byte, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name)
	}
	guess, ev := ftp.NameEncoding(names)
	if ev.ValidUTF8 >= ev.Names {
		return
	}
	candidates := make([]string, len(ev.Candidates))
	for i, c := range ev.Candidates {
		candidates[i] = string(c)
	}
	s.r.find(finding.New(finding.ClientNameEncoding, finding.Likely).With("encoding", string(guess)).
		Saw("names of the listing that are not UTF-8", sampleNames(names), fromSFTP).
		Saw("encodings that fit, the likeliest first", strings.Join(candidates, ", ")+": "+ev.Sample, fromSFTP))
}

// failed judges a refused request by its status, then by its words.
func (s *sftpSession) failed(request string, err error, p string) *finding.Finding {
	what := request + " → " + toldError(err)
	no, ok := errors.AsType[*sshwire.StatusError](err)
	if !ok {
		return s.broken(what, err)
	}
	reply := no.Error()
	say := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		return finding.New(d, c).With("path", p).With("reply", reply).Saw("the answer to the request", what, fromSFTP)
	}
	byStatus := map[uint32]*finding.Def{
		sshwire.StatusNoSuchFile: finding.FileNotFound, sshwire.StatusNoSuchPath: finding.FileNotFound,
		sshwire.StatusPermissionDenied: finding.FilePermissionDenied, sshwire.StatusWriteProtect: finding.FileReadOnly,
		sshwire.StatusNoSpace: finding.FileDiskFull, sshwire.StatusQuotaExceeded: finding.FileQuotaExceeded,
		sshwire.StatusLockConflict: finding.FileLocked, sshwire.StatusInvalidFilename: finding.FileNameRefused,
		sshwire.StatusFileExists: finding.FileOverwriteDenied, sshwire.StatusNotADirectory: finding.FileNotFound,
	}
	if d := byStatus[no.Code]; d != nil {
		if m := match(fileSayings, no.Message); m != nil && no.Code == sshwire.StatusPermissionDenied {
			d = m
		}
		return say(d, finding.Confirmed)
	}
	if d := match(fileSayings, no.Message); d != nil {
		return say(d, finding.Confirmed)
	}
	return say(finding.FilePermissionDenied, finding.Likely).
		Or(finding.FilePermissionDenied, "this user may not do that there").
		Or(finding.FileNotFound, "there is no such directory").
		DecideBy("on the server: as that user, do the same (sudo -u USER ls -la DIR)")
}

// broken: the session did not survive a request.
func (s *sftpSession) broken(what string, err error) *finding.Finding {
	if observe.FailureOf(err) == observe.Timeout {
		return finding.New(finding.ServiceHung, finding.Likely).With("seconds", fmt.Sprintf("%.0f", sftpTimeout.Seconds())).
			Saw("no answer to the request", what, fromSFTP).
			Or(finding.ServiceHung, "the SFTP server hangs, mostly on a file system that does not answer").
			Or(finding.RouteMTUBlackhole, "large packets get lost on the way").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
	}
	if errors.Is(err, sshwire.ErrBadPacket) {
		return finding.New(finding.ServiceBadGreeting, finding.Confirmed).With("reply", toldError(err)).
			Saw("what breaks the protocol", what, fromSFTP)
	}
	return finding.New(finding.ServiceAborts, finding.Likely).With("reply", toldError(err)).
		Saw("the session ended in the middle", what, fromSFTP).
		Or(finding.ServiceAborts, "the server's process for this session died").
		Or(finding.NetInspectionReset, "a box on the way ends the session").
		DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd)")
}
