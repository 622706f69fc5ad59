package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// sftpCheck begins SFTP and does with files what the user wants to do.
var sftpCheck = &check{
	name: "sftp", layer: "file", asks: "does SFTP begin, and can files be listed, read and written",
	of:      []string{observe.SSH},
	applies: asSomebody,
	run:     sftp,
}

const (
	sftpTimeout = 6 * time.Second        // of one request
	sftpNoise   = 700 * time.Millisecond // for the rest of a text
	sftpEnd     = 1500 * time.Millisecond
	sftpTotal   = 10 * time.Minute // of a transfer; the time-out of the check ends it sooner
	sftpEntries = 5000             // of a listing
)

const fromSFTP = "SFTP session"

// sftpSession is an SFTP session under way.
type sftpSession struct {
	r    *run
	ch   *observe.SSHChannel
	c    *sshwire.SFTP
	home string
}

// do bounds one request.
func (s *sftpSession) do(ctx context.Context) *sshwire.SFTP {
	s.ch.SetBudget(ctx, sftpTimeout)
	return s.c
}

func sftp(ctx context.Context, r *run) {
	if r.ssh == nil || !r.ssh.in {
		return
	}
	begun := r.w.Elapsed()
	ch, opened := r.ssh.conn.Subsystem(ctx, "sftp", sftpTimeout)
	switch {
	case !opened.OK():
		r.endedAfterLogin(opened)
		return
	case opened.Rejected != "":
		r.find(finding.New(finding.SSHServerConfig, finding.Likely).Stop().With("reply", opened.Rejected).
			Saw("the server opens no session", opened.Rejected, fromSSH).
			Or(finding.SSHServerConfig, "the configuration allows this user no session (MaxSessions, a Match block, a restricted key)").
			Or(finding.SSHSFTPNotEnabled, "the server has no SFTP for this user").
			DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd)"))
		return
	case opened.Refused:
		r.find(finding.New(finding.SSHSFTPNotEnabled, finding.Confirmed).Stop().With("reply", "subsystem request failed").
			Saw("the request for the subsystem sftp", finding.Say(string(observe.Refused)), fromSSH))
		return
	}
	r.goodbye = append(r.goodbye, ch.Close)
	s := &sftpSession{r: r, ch: ch, c: sshwire.NewSFTP(ch)}
	if err := s.do(ctx).Init(); err != nil {
		s.notBegun(ctx, err)
		return
	}
	r.facts.Timings["sftp"] = seconds(r.w.Elapsed() - begun)
	s.learn(ctx)
	home, err := s.do(ctx).RealPath(".")
	if err != nil {
		r.find(s.failed("REALPATH .", err, ".").Stop())
		return
	}
	s.home = home
	s.files(ctx)
}

// learn keeps what the server tells of itself.
func (s *sftpSession) learn(ctx context.Context) {
	r := s.r
	r.facts.SSH["sftp_version"] = s.c.Version
	for _, e := range s.c.Extensions {
		r.facts.Features = append(r.facts.Features, shorten(e.Name))
		if len(r.facts.Features) == 40 {
			break
		}
	}
	if s.c.Has("limits@openssh.com") {
		if l, err := s.do(ctx).Limits(); err == nil {
			r.facts.SSH["sftp_limits"] = map[string]any{"packet": l.Packet, "read": l.Read, "write": l.Write, "handles": l.Handles}
		}
	}
}

// endedAfterLogin: the login was accepted, and the connection ended before a
// session was there.
func (r *run) endedAfterLogin(o observe.SSHOpened) {
	words := ""
	if o.Disconnect != nil {
		words = o.Disconnect.Message
	}
	if def := match(loginEnds, words); def != nil {
		r.find(finding.New(def, finding.Confirmed).Stop().With("reply", shorten(words)).
			Saw("the server's words before it ended the connection", shorten(words), fromSSH))
		return
	}
	if f := r.bannerCause(); f != nil {
		r.find(f.Stop().Saw("the login was accepted, and the connection ended at once", told(o.Step), fromSSH))
		return
	}
	if o.Failure == observe.Timeout {
		r.find(finding.New(finding.ServiceHung, finding.Likely).Stop().With("seconds", fmt.Sprintf("%.0f", o.Took.Seconds())).
			Saw("no answer to the request for a session", told(o.Step), fromSSH).
			Or(finding.ServiceHung, "the server's process for this session hangs").
			Or(finding.AuthPAMBroken, "PAM waits when it opens the session").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
		return
	}
	r.find(r.chroot(finding.New(finding.SSHChrootOwnership, finding.Likely).Stop().
		Saw("the login was accepted, and the connection ended at once", strings.TrimSpace(told(o.Step)+" "+words), fromSSH)))
}

// bannerCause is what the server said during a login that it accepted and that
// leads nowhere: the password has expired, and there is no terminal to ask for
// a new one.
func (r *run) bannerCause() *finding.Finding {
	words := strings.TrimSpace(r.ssh.banner)
	def := match(loginEnds, words)
	if def != finding.AuthPasswordExpired && def != finding.AuthAccountExpired && def != finding.AuthAccountLocked {
		return nil
	}
	return finding.New(def, finding.Confirmed).With("reply", shorten(words)).
		Saw("the server's words before the login", shorten(words), fromSSH)
}

// chroot adds what else ends a connection after the login.
func (r *run) chroot(f *finding.Finding) *finding.Finding {
	return f.Or(finding.SSHChrootOwnership, "ChrootDirectory, or a directory above it, does not belong to root, is writable for others, or is missing").
		Or(finding.SSHServerConfig, "the configuration for this user is at fault (Match block, forced command, path of sftp-server)").
		Or(finding.AuthPasswordExpired, "the password has expired and must be changed").
		Or(finding.AuthHomeMissing, "the home directory can't be entered").
		Or(finding.AuthPAMBroken, "PAM can't open the session").
		Or(finding.ServiceAborts, "the server's process for this session died").
		DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd); namei -l of the directory that ChrootDirectory names")
}

var (
	shellRefuses = regexp.MustCompile(`(?i)(account|login|shell).*(not available|unavailable|disabled|not allowed|denied|expired|restricted)|nologin|not allowed to (log|sign) ?in|no shell|sftp connections? only`)
	noProgram    = regexp.MustCompile(`(?i)no such file|not found|permission denied|cannot execute|exec format|can't open`)
)

// notBegun judges what came instead of SFTP.
func (s *sftpSession) notBegun(ctx context.Context, err error) {
	r := s.r
	var not *sshwire.NotSFTPError
	text := ""
	if errors.As(err, &not) {
		if observe.FailureOf(err) == observe.OtherFailure && !errors.Is(err, io.EOF) {
			not.First = append(not.First, s.rest(ctx)...)
		}
		text, _ = not.Text()
	} else if observe.FailureOf(err) == observe.Timeout {
		r.find(finding.New(finding.SSHShellNoise, finding.Likely).Stop().
			Saw("SFTP does not begin", toldError(err), fromSFTP).
			Or(finding.SSHShellNoise, "a start-up file of the shell waits for input, or starts another program").
			Or(finding.ServiceHung, "the SFTP server hangs, mostly on a file system that does not answer").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
		return
	}
	end := s.ch.End(ctx, sftpEnd)
	said := strings.TrimSpace(string(end.Stderr))
	tell := func(f *finding.Finding) *finding.Finding {
		if not != nil {
			f.Saw("what came instead of an SFTP packet", fmt.Sprintf("%q", shorten(text)), fromSFTP)
			f.Saw("the length that clients read from its first four characters", lengthOf(not.First), fromSFTP)
		}
		if said != "" {
			f.Saw("what the server's side wrote to stderr", shorten(said), fromSFTP)
		}
		return f.Saw("how the session ended", toldEnd(end), fromSFTP).Stop()
	}
	if f := r.bannerCause(); f != nil && not == nil {
		r.find(tell(f))
		return
	}
	r.find(tell(r.sftpCause(not, text, said, end)))
}

// lengthOf is the number in "Received message too long".
func lengthOf(first []byte) string {
	if len(first) < 4 {
		return "?"
	}
	return fmt.Sprint(uint32(first[0])<<24 | uint32(first[1])<<16 | uint32(first[2])<<8 | uint32(first[3]))
}

func (r *run) sftpCause(not *sshwire.NotSFTPError, text, said string, end observe.SSHEnd) *finding.Finding {
	closed := end.OK()
	failed := end.Exited && end.Status != 0
	switch {
	case not != nil && text == "":
		return finding.New(finding.ServiceBadGreeting, finding.Confirmed).With("reply", fmt.Sprintf("%q", not.First))
	case not != nil && (shellRefuses.MatchString(text) || closed && end.Status == 1 && end.Exited):
		return finding.New(finding.SSHNologinShell, finding.Confirmed).With("reply", shorten(strings.TrimSpace(text)))
	case not != nil && failed && noProgram.MatchString(text+said):
		return finding.New(finding.SSHServerConfig, finding.Confirmed).With("reply", shorten(strings.TrimSpace(text)))
	case not != nil:
		return finding.New(finding.SSHShellNoise, finding.Confirmed).With("reply", shorten(strings.TrimSpace(text)))
	case end.Gone && !end.Exited:
		return r.chroot(finding.New(finding.SSHChrootOwnership, finding.Likely))
	case shellRefuses.MatchString(said):
		return finding.New(finding.SSHNologinShell, finding.Confirmed).With("reply", shorten(said))
	case failed && end.Status == 1 && said == "":
		return finding.New(finding.SSHNologinShell, finding.Likely).
			Or(finding.SSHNologinShell, "the account's shell ends at once (/bin/false)").
			Or(finding.SSHServerConfig, "the configuration for this user is at fault (Match block, forced command, path of sftp-server)").
			Or(finding.SSHChrootOwnership, "the chroot has no such program").
			DecideBy("on the server: the account's shell (getent passwd), sshd -T -C user=…, and its log of the moment")
	case failed && end.Status != 1:
		return finding.New(finding.SSHServerConfig, finding.Confirmed).With("reply", strings.TrimSpace(toldEnd(end)+" "+shorten(said)))
	}
	return finding.New(finding.SSHServerConfig, finding.Likely).With("reply", strings.TrimSpace(toldEnd(end)+" "+shorten(said))).
		Or(finding.SSHServerConfig, "the configuration for this user is at fault (Match block, forced command, path of sftp-server)").
		Or(finding.SSHNologinShell, "the account's shell ends at once (/bin/false)").
		Or(finding.SSHChrootOwnership, "the chroot has no such program").
		Or(finding.AuthPasswordExpired, "the password has expired and must be changed").
		DecideBy("on the server: the account's shell (getent passwd), sshd -T -C user=…, and its log of the moment")
}

// rest reads what follows a text.
func (s *sftpSession) rest(ctx context.Context) []byte {
	s.ch.SetBudget(ctx, sftpNoise)
	buf := make([]byte, 1024)
	n := 0
	for n < len(buf) {
		m, err := s.ch.Read(buf[n:])
		n += m
		if err != nil || slices.Contains(buf[:n], 0) {
			break
		}
	}
	return buf[:n]
}
