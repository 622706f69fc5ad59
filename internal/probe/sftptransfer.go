package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// moved is what a transfer led to; a recording holds this and no content.
type moved struct {
	N       int64         `json:"n"`
	SHA256  string        `json:"sha256,omitempty"`
	Status  *uint32       `json:"status,omitempty"` // with which the server refused
	Message string        `json:"message,omitempty"`
	Bad     bool          `json:"bad,omitempty"`  // an answer broke the protocol
	Lost    *observe.Step `json:"lost,omitempty"` // the session ended
	took    time.Duration
}

func (m *moved) settle(err error) {
	if err == nil {
		return
	}
	if no, ok := errors.AsType[*sshwire.StatusError](err); ok {
		m.Status, m.Message = &no.Code, no.Message
	} else if errors.Is(err, sshwire.ErrBadPacket) {
		m.Bad = true
	} else if step, ok := errors.AsType[*observe.StepError](err); ok {
		m.Lost = &step.Step
	} else {
		m.Lost = &observe.Step{Failure: observe.Closed}
	}
}

// err is the error that settle was given.
func (m moved) err() error {
	switch {
	case m.Status != nil:
		return &sshwire.StatusError{Code: *m.Status, Message: m.Message}
	case m.Bad:
		return sshwire.ErrBadPacket
	case m.Lost != nil:
		return &observe.StepError{Step: *m.Lost, After: m.N}
	}
	return nil
}

// fetch reads an open file to its end without keeping it.
func (s *sftpSession) fetch(ctx context.Context, handle []byte, size, limit int64) moved {
	s.ch.SetBudget(ctx, sftpTotal)
	m, took := observe.Unrecorded(s.ch, "fetch", func(raw io.ReadWriter) (m moved) {
		sum := sha256.New()
		n, err := s.c.Over(raw).Fetch(handle, sum, size, limit)
		m.N, m.SHA256 = n, hex.EncodeToString(sum.Sum(nil))
		m.settle(err)
		return m
	})
	m.took = took
	return m
}

func (s *sftpSession) store(ctx context.Context, handle, content []byte) moved {
	s.ch.SetBudget(ctx, sftpTotal)
	m, took := observe.Unrecorded(s.ch, "store", func(raw io.ReadWriter) (m moved) {
		n, err := s.c.Over(raw).Store(handle, content)
		m.N = n
		m.settle(err)
		return m
	})
	m.took = took
	return m
}

func (s *sftpSession) download(ctx context.Context, p string) {
	r := s.r
	place, a, err := s.find(ctx, p)
	if err != nil {
		r.find(s.failed("STAT "+place, err, place).Stop())
		return
	}
	handle, err := s.do(ctx).Open(place, sshwire.OpenRead)
	if err != nil {
		f := s.failed("OPEN "+place, err, place).Stop()
		if a.HasMode {
			f.Saw("mode and owner", fmt.Sprintf("%v %d:%d", a.Mode(), a.UID, a.GID), fromSFTP)
		}
		r.find(f)
		return
	}
	size := int64(-1)
	if a.HasSize {
		size = int64(min(a.Size, 1<<60))
	}
	m := s.fetch(ctx, handle, size, 1<<60)
	switch err := m.err(); {
	case err != nil:
		r.find(s.failed("READ "+place, err, place).Stop().Saw("bytes that came", fmt.Sprint(m.N), fromSFTP))
		return
	case size >= 0 && m.N < size:
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", place).With("bytes", fmt.Sprint(m.N)).
			Saw("size that the server states", fmt.Sprint(size), fromSFTP).
			Saw("bytes that came", fmt.Sprint(m.N), fromSFTP))
	default:
		r.facts.Timings["download"] = seconds(m.took)
		r.data("bytes", m.N)
		r.data("sha256", m.SHA256)
	}
	if err := s.do(ctx).Close(handle); err != nil && statusOf(err) < 0 {
		r.find(s.failed("CLOSE "+place, err, place))
	}
}

// upload writes a test file under a name of its own, reads it back, compares
// and removes it.
func (s *sftpSession) upload(ctx context.Context, dir string) {
	r := s.r
	content := testContent(r.options.size(), r.root.Started())
	name, ext := r.testName()
	p := path.Join(dir, name)
	handle, err := s.do(ctx).Open(p, sshwire.OpenWrite|sshwire.OpenCreate|sshwire.OpenNew)
	if err == nil || statusOf(err) < 0 { // without an answer it may be there
		defer s.remove(p)
	}
	if err != nil {
		r.find(s.notWritten(ctx, "OPEN", err, p, dir, ext, 0).Stop())
		return
	}
	m := s.store(ctx, handle, content)
	request, failure := "WRITE", m.err()
	if failure == nil || statusOf(failure) >= 0 {
		if err := s.do(ctx).Close(handle); failure == nil && err != nil {
			request, failure = "CLOSE", err
		}
	}
	if failure != nil {
		r.find(s.notWritten(ctx, request, failure, p, dir, "", m.N).Stop())
		return
	}
	r.facts.Timings["upload"] = seconds(m.took)
	s.readBack(ctx, p, content)
}

// readBack compares what lies on the server with what was sent.
func (s *sftpSession) readBack(ctx context.Context, p string, content []byte) {
	r := s.r
	sum := sha256.Sum256(content)
	handle, err := s.do(ctx).Open(p, sshwire.OpenRead)
	if statusOf(err) >= 0 { // a drop box that lets nobody read
		r.find(finding.New(finding.FilePermissionDenied, finding.Confirmed).As(finding.Notice).With("path", p).With("reply", toldError(err)).
			Saw("reading the test file back", toldError(err), fromSFTP))
		return
	}
	if err != nil {
		r.find(s.failed("OPEN "+p, err, p).Stop())
		return
	}
	back := s.fetch(ctx, handle, int64(len(content)), int64(len(content))*2)
	switch err := back.err(); {
	case err != nil:
		r.find(s.failed("READ "+p, err, p).Stop().Saw("bytes that came", fmt.Sprint(back.N), fromSFTP))
		return
	case back.N != int64(len(content)) || back.SHA256 != hex.EncodeToString(sum[:]):
		r.find(finding.New(finding.FileCorrupted, finding.Confirmed).With("path", p).With("bytes", fmt.Sprint(back.N)).
			Saw("bytes sent", fmt.Sprint(len(content)), fromSFTP).
			Saw("bytes read back", finding.Say("%s, SHA-256 differs", fmt.Sprint(back.N)), fromSFTP))
	}
	r.facts.Timings["read_back"] = seconds(back.took)
	_ = s.do(ctx).Close(handle) // of a file that was read nothing can be lost
}

// sftpRemove bounds the removal, which is made also after an interruption.
const sftpRemove = 3 * time.Second

// remove takes the test file away; a refusal is told, because the file stays.
func (s *sftpSession) remove(p string) {
	ctx, cancel := context.WithTimeout(context.Background(), sftpRemove)
	defer cancel()
	s.ch.SetBudget(ctx, sftpRemove)
	if err := s.c.Remove(p); err != nil {
		s.r.find(finding.New(finding.FilePermissionDenied, finding.Confirmed).As(finding.Notice).With("path", p).With("reply", toldError(err)).
			Saw("the test file could not be removed and stays on the server", p+": "+toldError(err), fromSFTP))
	}
}

// notWritten judges a refused or broken upload: by what the server says, by the
// file system's own figures, and by trying what separates the look-alikes.
func (s *sftpSession) notWritten(ctx context.Context, request string, err error, p, dir, ext string, written int64) *finding.Finding {
	reply := toldError(err)
	status := statusOf(err)
	if status < 0 {
		return s.failed(request+" "+p, err, p).Saw("bytes that the server confirmed", fmt.Sprint(written), fromSFTP)
	}
	v, noVolume := s.do(ctx).Volume(dir)
	tell := func(f *finding.Finding) *finding.Finding {
		f.With("path", p).With("reply", reply).Saw("the upload", request+" "+p+" → "+reply, fromSFTP).
			Saw("bytes that the server confirmed", fmt.Sprint(written), fromSFTP)
		if noVolume == nil {
			f.Saw("the file system of the directory", volumeString(v), fromSFTP)
		}
		return f
	}
	if noVolume == nil {
		switch need := uint64(s.r.options.size()); {
		case v.ReadOnly:
			return tell(finding.New(finding.FileReadOnly, finding.Confirmed))
		case v.Available < need && status != sshwire.StatusPermissionDenied, v.Files > 0 && v.FreeFiles == 0:
			return tell(finding.New(finding.FileDiskFull, finding.Confirmed).With("bytes", fmt.Sprint(written)))
		}
	}
	if status == sshwire.StatusPermissionDenied && request == "OPEN" && ext != "" {
		if s.writable(ctx, strings.TrimSuffix(p, ext)) {
			return tell(finding.New(finding.FileNameRefused, finding.Confirmed).With("name", "*"+ext))
		}
	}
	if status == sshwire.StatusPermissionDenied && request == "OPEN" {
		return s.mayNotWrite(ctx, tell, dir)
	}
	if status != sshwire.StatusFailure {
		f := s.failed(request+" "+p, err, p)
		return tell(finding.New(finding.Lookup(f.Code), f.Confidence))
	}
	if def := match(fileSayings, reply); def != nil {
		return tell(finding.New(def, finding.Confirmed))
	}
	if request == "OPEN" {
		return tell(finding.New(finding.FilePermissionDenied, finding.Likely)).
			Or(finding.FileReadOnly, "the file system is mounted read-only").
			Or(finding.FilePermissionDenied, "this user may not write into the directory").
			Or(finding.FileDiskFull, "no space or no inode is left").
			Or(finding.FileQuotaExceeded, "the account's allotment is used up").
			DecideBy("on the server: as that user, touch a file in the directory (sudo -u USER touch DIR/x); df -h and df -i")
	}
	likelier := finding.FileDiskFull
	if noVolume == nil { // there is room, and so it is not the disk
		likelier = finding.FileQuotaExceeded
	}
	return tell(finding.New(likelier, finding.Likely).With("bytes", fmt.Sprint(written))).
		Or(finding.FileDiskFull, "the disk is full").
		Or(finding.FileQuotaExceeded, "the account's allotment is used up").
		DecideBy("on the server: df -h and quota -u for the user")
}

// mayNotWrite: a server that lets nobody write refuses as one where this user
// may not. The home, if that is another directory, and the modes tell.
func (s *sftpSession) mayNotWrite(ctx context.Context, tell func(*finding.Finding) *finding.Finding, dir string) *finding.Finding {
	a, err := s.do(ctx).Stat(dir)
	mode := "?"
	if err == nil && a.HasMode {
		mode = fmt.Sprintf("%v %d:%d", a.Mode(), a.UID, a.GID)
	}
	f := tell(finding.New(finding.FilePermissionDenied, finding.Likely)).Saw("mode and owner of the directory", mode, fromSFTP)
	if dir != s.home && s.writable(ctx, path.Join(s.home, path.Base(dir)+"-ftpdoctor-test")) {
		f.Confidence = finding.Confirmed
		return f.Saw("a file in the home directory", finding.Say("written"), fromExperiment)
	}
	return f.Or(finding.FilePermissionDenied, "this user may not write into the directory").
		Or(finding.FileUploadsDisabled, "the server is set up to be read-only (sftp-server -R, a rule of the server)").
		Or(finding.FileReadOnly, "the file system is mounted read-only").
		DecideBy("on the server: as that user, touch a file in the directory (sudo -u USER touch DIR/x); sshd -T | grep -i subsystem")
}

// writable tries to make an empty file, and removes it.
func (s *sftpSession) writable(ctx context.Context, p string) bool {
	handle, err := s.do(ctx).Open(p, sshwire.OpenWrite|sshwire.OpenCreate|sshwire.OpenNew)
	if err != nil {
		return false
	}
	_ = s.do(ctx).Close(handle) // it is empty
	s.remove(p)
	return true
}

func volumeString(v sshwire.Volume) string {
	s := finding.Say("%s of %s bytes free for users, %s of %s inodes", fmt.Sprint(v.Available), fmt.Sprint(v.Size), fmt.Sprint(v.FreeFiles), fmt.Sprint(v.Files))
	if v.ReadOnly {
		s += ", " + finding.Say("read-only")
	}
	return s
}
