package audit

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"ftpdoctor/internal/finding"
)

var update = flag.Bool("update", false, "write the wanted readings anew")

// written is when the logs of the tests were last written to.
var written = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func input(name, text string) Input {
	return Input{Name: name, Written: written, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func audited(t *testing.T, o Options, size int, in ...Input) *Summary {
	t.Helper()
	o.Now, o.Host = written, "ftp.example.com"
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	s, err := run(t.Context(), in, o, size)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reading is a summary for people, to be compared.
func reading(s *Summary) string {
	var b strings.Builder
	for _, l := range s.Logs {
		fmt.Fprintf(&b, "%s: %d lines, %d known, %d of others, %d unknown %s\n", l.Dialect, l.Lines, l.Known, l.Foreign, l.Unknown, l.Error)
		for _, x := range l.Strange {
			fmt.Fprintf(&b, "  ? %s %s\n", x.Place, x.Text)
		}
	}
	if s.First != nil {
		fmt.Fprintf(&b, "%s to %s\n", s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "%d events, %d connections, %d logins, %d failed, %d uploads of %d bytes, %d downloads of %d, %d aborted, %d deleted\n",
		s.Events, s.Connections, s.Logins, s.FailedLogins, s.Uploads, s.BytesUp, s.Downloads, s.BytesDown, s.Aborted, s.Deletes)
	for _, u := range s.Users {
		fmt.Fprintf(&b, "user %s: %d logins, %d failed, %d up, %d down\n", u.Name, u.Logins, u.Failed, u.BytesUp, u.BytesDown)
	}
	for _, f := range s.Failures {
		fmt.Fprintf(&b, "failure %s %s %q %s %d at %s\n", f.Reason, f.Code, f.User, f.Source, f.Count, f.Place)
	}
	for i, list := range [][]TransferSummary{s.Broken, s.Crawled} {
		for _, m := range list {
			size := int64(-1)
			if m.Bytes != nil {
				size = *m.Bytes
			}
			fmt.Fprintf(&b, "%s %s %q %s %s %d bytes, %d a second at %s\n", []string{"aborted", "slow"}[i], m.Direction, m.User, m.Source, m.Path, size, m.Rate, m.Place)
		}
	}
	for _, c := range s.TLS {
		fmt.Fprintf(&b, "tls %s %d\n", c.Name, c.Count)
	}
	for _, f := range s.Findings() {
		fmt.Fprintf(&b, "finding %s %s %s\n", f.Severity, f.Code, f.Subject)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "  %s (%s): %s\n", e.What, e.Source, e.Detail)
		}
	}
	return b.String()
}

// TestLogs reads logs that the servers themselves have written (IIS's and
// FileZilla Server's are written after published ones), and compares what was
// understood with what was wanted; and the same in small pieces by several
// workers.
func TestLogs(t *testing.T) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil || len(names) < 15 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".log"), func(t *testing.T) {
			log, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in := input(filepath.Base(name), string(log))
			got := reading(audited(t, Options{Workers: 1}, chunkSize, in))
			golden(t, strings.TrimSuffix(name, ".log")+".want", got)
			if strings.Contains(got, "  ? ") {
				t.Errorf("lines of a real log are not understood")
			}
			if strings.HasPrefix(got, "filezilla") {
				return // replies are read with the commands before them, in the same piece
			}
			for _, size := range []int{1024, 4096} {
				if diff := cmp.Diff(got, reading(audited(t, Options{Workers: 3}, size, in))); diff != "" {
					t.Errorf("by three workers in pieces of %d (-one +three):\n%s", size, diff)
				}
			}
		})
	}
}

// golden compares a reading with the one that is wanted.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("reading (-want +got):\n%s", diff)
	}
}

func codes(s *Summary) []string {
	var out []string
	for _, f := range s.Findings() {
		out = append(out, f.Severity.String()+" "+string(f.Code))
	}
	return out
}

// Names of users are the client's to choose; they must not pass for lines.
func TestNamesThatImitateLines(t *testing.T) {
	for name, log := range map[string]string{
		"vsftpd":  `Mon Nov 23 14:25:32 2026 [pid 36] [x] OK LOGIN: Client "10.9.9.9"] FAIL LOGIN: Client "203.0.113.9"`,
		"sshd":    `Nov 23 14:25:32 ftp sshd[36]: Failed password for x from 10.9.9.9 port 1 ssh2 from 203.0.113.9 port 40000 ssh2`,
		"invalid": `Nov 23 14:25:32 ftp sshd[36]: Invalid user x from 10.9.9.9 port 1 from 203.0.113.9 port 40000`,
		"proftpd": `2026-11-23 14:28:57,756 ftp proftpd[41] 198.51.100.10 (203.0.113.9[203.0.113.9]): USER x: Login successful. (Login failed): Incorrect password`,
	} {
		s := audited(t, Options{}, chunkSize, input(name, log+"\n"))
		if s.Logins != 0 || s.FailedLogins != 1 || len(s.Sources) != 1 || s.Sources[0].Address != "203.0.113.9" {
			t.Errorf("%s: %d logins, %d failed, from %+v", name, s.Logins, s.FailedLogins, s.Sources)
		}
	}
}

func TestYearsAndZones(t *testing.T) {
	shanghai := time.FixedZone("UTC+8", 8*3600)
	for _, c := range []struct {
		name, line string
		zone       *time.Location
		written    time.Time
		want       string
		guessed    bool
	}{
		{"the year before", "Dec 31 23:59:59 ftp vsftpd[1]: CONNECT: Client \"192.0.2.1\"", time.UTC, time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), "2026-12-31T23:59:59Z", true},
		{"this year", "Jan  1 00:00:01 ftp vsftpd[1]: CONNECT: Client \"192.0.2.1\"", time.UTC, time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), "2027-01-01T00:00:01Z", true},
		{"a zone east of the writer's", "Nov 23 23:00:00 ftp vsftpd[1]: CONNECT: Client \"192.0.2.1\"", time.UTC, time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC), "2026-11-23T23:00:00Z", true},
		{"local time", "Mon Nov 23 08:00:00 2026 [pid 2] CONNECT: Client \"192.0.2.1\"", shanghai, written, "2026-11-23T00:00:00Z", false},
		{"stated zone", "2026-11-23T08:00:00.5+08:00 ftp vsftpd[1]: CONNECT: Client \"192.0.2.1\"", time.UTC, written, "2026-11-23T00:00:00Z", false},
		{"west", "192.0.2.1 UNKNOWN - [22/Nov/2026:19:30:00 -0430] \"QUIT\" 221 -", shanghai, written, "2026-11-23T00:00:00Z", false},
	} {
		in := input("x", c.line+"\n")
		in.Written = c.written
		s := audited(t, Options{Zone: c.zone}, chunkSize, in)
		if s.First == nil {
			t.Errorf("%s: no time: %s", c.name, reading(s))
			continue
		}
		if got := s.First.UTC().Truncate(time.Second).Format(time.RFC3339); got != c.want || s.Guessed != c.guessed {
			t.Errorf("%s: %s, guessed %v; want %s, %v", c.name, got, s.Guessed, c.want, c.guessed)
		}
	}
}

func TestInOrder(t *testing.T) {
	got := InOrder([]string{"vsftpd.log", "vsftpd.log.1", "vsftpd.log.10.gz", "vsftpd.log.2.gz", "auth.log-20261101.zst", "auth.log", "auth.log-20261108"})
	want := []string{"vsftpd.log.10.gz", "vsftpd.log.2.gz", "vsftpd.log.1", "vsftpd.log", "auth.log-20261101.zst", "auth.log-20261108", "auth.log"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompressed(t *testing.T) {
	text := strings.Repeat("Mon Nov 23 14:25:30 2026 [pid 37] CONNECT: Client \"203.0.113.2\"\n", 20000)
	var gz, zs bytes.Buffer
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gzip.NewWriter(&gz), z} {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, packed := range map[string]string{"plain": text, "gzip": gz.String(), "zstd": zs.String(), "without the last line break": strings.TrimSuffix(text, "\n"), "with a byte order mark": "\ufeff" + text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n")} {
		s := audited(t, Options{}, chunkSize, input(name, packed))
		if s.Lines != 20000 || s.Connections != 20000 || s.Logs[0].Error != "" {
			t.Errorf("%s: %d lines, %d connections: %s", name, s.Lines, s.Connections, s.Logs[0].Error)
		}
	}
	s := audited(t, Options{}, chunkSize, input("cut", gz.String()[:gz.Len()/2]), input("xz", "\xfd7zXZ\x00 and so on"), input("rest", text))
	if s.Logs[0].Error == "" || s.Logs[1].Error == "" || s.Connections < 20000 {
		t.Errorf("broken logs: %+v", s.Logs)
	}
}

func TestInputThatCannotBeOpened(t *testing.T) {
	bad := Input{Name: "gone", Open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }}
	s := audited(t, Options{}, chunkSize, bad, input("empty", ""), input("no log", "hello\nworld\n"))
	if s.Logs[0].Error == "" || s.Logs[1].Error != "" || s.Logs[2].Unknown != 2 {
		t.Errorf("%+v", s.Logs)
	}
}

// A line that is longer than a chunk is one line that is not understood, and
// the lines after it are read.
func TestLongLine(t *testing.T) {
	line := "Mon Nov 23 14:25:30 2026 [pid 37] CONNECT: Client \"203.0.113.2\"\n"
	for _, n := range []int{1000, 4095, 4096, 4097, 20000} {
		s := audited(t, Options{Workers: 2}, 4096, input("x", strings.Repeat(line, 3)+strings.Repeat("x", n)+"\n"+strings.Repeat(line, 3)))
		if s.Connections != 6 || s.Logs[0].Unknown == 0 {
			t.Errorf("%d bytes: %s", n, reading(s))
		}
	}
}

func TestFilters(t *testing.T) {
	log := ""
	for h := range 10 {
		log += fmt.Sprintf("Mon Nov 23 %02d:00:00 2026 [pid 2] [user%d] OK LOGIN: Client \"192.0.2.%d\"\n", h, h%2, h)
	}
	at := func(h int) time.Time { return time.Date(2026, 11, 23, h, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		o    Options
		want uint64
	}{
		"since": {Options{Since: at(4)}, 6}, "until": {Options{Until: at(4)}, 4}, "user": {Options{User: "user1"}, 5},
		"address": {Options{Sources: netip.MustParsePrefix("192.0.2.4/32")}, 1}, "network": {Options{Sources: netip.MustParsePrefix("192.0.2.0/29")}, 8},
		"all": {Options{Since: at(2), Until: at(8), User: "user0"}, 3},
	} {
		if s := audited(t, c.o, chunkSize, input("x", log)); s.Logins != c.want || s.Filtered != 10-c.want {
			t.Errorf("%s: %d logins, %d filtered; want %d", name, s.Logins, s.Filtered, c.want)
		}
	}
}

// A healthy log: users who mistype now and then, clients that look for files
// which are not there, a transfer that breaks off.
func TestHealthyLogIsQuiet(t *testing.T) {
	var b strings.Builder
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for i := range 5000 {
		at = at.Add(5 * time.Minute)
		stamp, u := at.Format(time.ANSIC), i%40
		if i%50 == 0 {
			fmt.Fprintf(&b, "%s [pid 2] [user%d] FAIL LOGIN: Client \"192.0.2.%d\"\n", stamp, u, u)
		}
		fmt.Fprintf(&b, "%s [pid 2] [user%d] OK LOGIN: Client \"192.0.2.%d\"\n", stamp, u, u)
		outcome := "OK"
		if i%100 == 3 {
			outcome = "FAIL"
		}
		fmt.Fprintf(&b, "%s [pid 2] [user%d] %s DOWNLOAD: Client \"192.0.2.%d\", \"/x\", 5000000 bytes, 9000.00Kbyte/sec\n", stamp, u, outcome, u)
		if i%70 == 0 {
			fmt.Fprintf(&b, "%s [pid 2] [user%d] FAIL DELETE: Client \"192.0.2.%d\", \"/nothere\"\n", stamp, u, u)
		}
	}
	s := audited(t, Options{}, chunkSize, input("vsftpd.log", b.String()))
	for _, f := range s.Findings() {
		if f.Severity >= finding.Warning {
			t.Errorf("%s %s: %+v", f.Severity, f.Code, f.Evidence)
		}
	}
	if s.Logins != 5000 || s.Aborted != 50 {
		t.Errorf("%d logins, %d aborted", s.Logins, s.Aborted)
	}
}

func lines(n int, form string, args func(i int) []any) string {
	var b strings.Builder
	for i := range n {
		at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC).Add(time.Duration(i) * 3 * time.Second)
		fmt.Fprintf(&b, at.Format(time.ANSIC)+" [pid 2] "+form+"\n", args(i)...)
	}
	return b.String()
}

func TestJudgement(t *testing.T) {
	good := lines(20, `[alice] OK LOGIN: Client "192.0.2.1"`, func(int) []any { return nil })
	for name, c := range map[string]struct {
		log  string
		want []string
	}{
		"many names from one address": {lines(12, `[name%d] FAIL LOGIN: Client "203.0.113.9"`, func(i int) []any { return []any{i} }), []string{"warning security/brute-force"}},
		"few tries":                   {lines(2, `[alice] FAIL LOGIN: Client "192.0.2.1"`, func(int) []any { return nil }), nil},
		"one name, hammered":          {lines(60, `[root] FAIL LOGIN: Client "203.0.113.9"`, func(int) []any { return nil }), []string{"warning security/brute-force"}},
		"guessed at last": {
			lines(60, `[name%d] FAIL LOGIN: Client "203.0.113.9"`, func(i int) []any { return []any{i % 9} }) + lines(1, `[bob] OK LOGIN: Client "203.0.113.9"`, func(int) []any { return nil }),
			[]string{"error security/brute-force"},
		},
		"a password that was changed": {
			good + strings.ReplaceAll(lines(5, `[alice] FAIL LOGIN: Client "192.0.2.1"`, func(int) []any { return nil }), " 01:", " 09:"),
			[]string{"error auth/rejected"},
		},
		"it works again": {
			good + strings.ReplaceAll(lines(5, `[alice] FAIL LOGIN: Client "192.0.2.1"`, func(int) []any { return nil }), " 01:", " 09:") +
				strings.ReplaceAll(lines(1, `[alice] OK LOGIN: Client "192.0.2.1"`, func(int) []any { return nil }), " 01:", " 10:"), nil,
		},
		"a client that demands what the server refuses": {
			lines(4, `DEBUG: Client "192.0.2.7", "SSL_accept failed: error:0A000102:SSL routines::unsupported protocol"`, func(int) []any { return nil }),
			[]string{"warning tls/version-mismatch"},
		},
		"one scanner": {
			lines(1, `DEBUG: Client "192.0.2.7", "SSL_accept failed: error:0A000102:SSL routines::unsupported protocol"`, func(int) []any { return nil }),
			[]string{"notice tls/version-mismatch"},
		},
		"no session reuse": {
			lines(1, `[lab] FTP response: Client "192.0.2.7", "522 SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page"`, func(int) []any { return nil }),
			[]string{"error tls/data-session-reuse-required"},
		},
		"a writable chroot": {
			lines(1, `[lab] FTP response: Client "192.0.2.7", "500 OOPS: vsftpd: refusing to run with writable root inside chroot()"`, func(int) []any { return nil }),
			[]string{"error auth/chroot-writable"},
		},
		"clear text beside TLS": {
			lines(3, `[lab] OK LOGIN: Client "192.0.2.7"`, func(int) []any { return nil }) + lines(1, `DEBUG: Client "192.0.2.7", "SSL version: TLSv1.3, SSL cipher: TLS_AES_256_GCM_SHA384, not reused, no cert"`, func(int) []any { return nil }),
			[]string{"warning security/clear-text-login"},
		},
		"weak TLS": {
			lines(1, `[lab] OK LOGIN: Client "192.0.2.7"`, func(int) []any { return nil }) + lines(1, `DEBUG: Client "192.0.2.7", "SSL version: TLSv1, SSL cipher: AES256-SHA, not reused, no cert"`, func(int) []any { return nil }),
			[]string{"warning security/weak-tls"},
		},
		"slow": {
			lines(20, `[lab] OK DOWNLOAD: Client "192.0.2.7", "/x", 5000000 bytes, %d.00Kbyte/sec`, func(i int) []any { return []any{20 + 300*(i%4)} }),
			[]string{"warning performance/slow-transfer"},
		},
	} {
		if diff := cmp.Diff(c.want, codes(audited(t, Options{}, chunkSize, input("x", c.log)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whether a login was in the clear can be told only from a log that would show
// TLS: ProFTPD may be set to log logins and transfers alone.
func TestClearTextNeedsALogThatShowsTLS(t *testing.T) {
	login := "192.0.2.7 UNKNOWN - [23/Nov/2026:14:15:18 +0000] \"USER lab\" 331 -\n192.0.2.7 UNKNOWN lab [23/Nov/2026:14:15:18 +0000] \"PASS (hidden)\" 230 -\n"
	quit := "192.0.2.7 UNKNOWN lab [23/Nov/2026:14:15:19 +0000] \"QUIT\" 221 -\n"
	auth := "192.0.2.7 UNKNOWN - [23/Nov/2026:14:15:17 +0000] \"AUTH TLS\" 234 -\n"
	for log, want := range map[string][]string{login: nil, login + quit: {"warning security/clear-text-login"}, auth + login + quit: nil, auth + login + login: {"warning security/clear-text-login"}} {
		if diff := cmp.Diff(want, codes(audited(t, Options{}, chunkSize, input("x", log)))); diff != "" {
			t.Errorf("%s(-want +got):\n%s", log, diff)
		}
	}
}

// A flood of addresses and names must not cost more memory than there is room
// for, nor push out those who use the service.
func TestBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some 30 MB")
	}
	var b strings.Builder
	b.WriteString(lines(50, `[alice] OK LOGIN: Client "192.0.2.1"`, func(int) []any { return nil }))
	b.WriteString(lines(200_000, `[n%d] FAIL LOGIN: Client "2001:db8::%x"`, func(i int) []any { return []any{i, i} }))
	s := audited(t, Options{Workers: 2}, chunkSize, input("x", b.String()))
	if s.SourceCount > 4*maxSources || s.UserCount > 4*maxUsers {
		t.Errorf("%d sources, %d users are remembered", s.SourceCount, s.UserCount)
	}
	if diff := cmp.Diff([]string{"sources", "users"}, s.Cut); diff != "" {
		t.Errorf("cut: %s", diff)
	}
	if s.FailedLogins != 200_000 {
		t.Errorf("%d failed logins are counted", s.FailedLogins)
	}
	if len(s.Users) == 0 || s.Users[0].Name != "alice" || s.Users[0].Logins != 50 {
		t.Errorf("users: %+v", s.Users)
	}
}

// A transfer that stands in two logs of one server counts once, whatever the
// order of the logs and however the work is divided.
func TestTwins(t *testing.T) {
	own, second := "", ""
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for i := range 300 {
		at = at.Add(7 * time.Second)
		outcome, mark := "OK", "c"
		if i%50 == 0 {
			outcome, mark = "FAIL", "i"
		}
		own += fmt.Sprintf("%s [pid 2] [alice] %s UPLOAD: Client \"::ffff:192.0.2.1\", \"/in/file %d.txt\", %d bytes, 9000.00Kbyte/sec\n", at.Format(time.ANSIC), outcome, i, 1000+i)
		second += fmt.Sprintf("%s 1 ::ffff:192.0.2.1 %d /in/file_%d.txt b _ i r alice ftp 0 * %s\n", at.Add(time.Duration(i%2)*time.Second).Format(time.ANSIC), 1000+i, i, mark)
	}
	extra := at.Add(time.Hour).Format(time.ANSIC) + " 1 192.0.2.1 77 /in/only-here.txt b _ i r alice ftp 0 * c\n"
	for _, in := range [][]Input{{input("vsftpd.log", own), input("xferlog", second+extra)}, {input("xferlog", second+extra), input("vsftpd.log", own)}} {
		for _, n := range []int{1, 3} {
			s := audited(t, Options{Workers: n}, 1024, in...)
			if s.Uploads != 294+1 || s.Aborted != 6 || s.Twins != 300 || s.Lines != 601 {
				t.Errorf("%d workers: %d uploads, %d aborted, %d twins, %d lines", n, s.Uploads, s.Aborted, s.Twins, s.Lines)
			}
		}
	}
	var events int
	s := audited(t, Options{Each: func(*Event) { events++ }}, chunkSize, input("a", second), input("b", second))
	if s.Uploads != 2*294 || s.Twins != 0 || events != 600 {
		t.Errorf("two logs of one kind: %d uploads, %d twins, %d events", s.Uploads, s.Twins, events)
	}
}

// What PAM says counts only where the server says nothing itself.
func TestFailuresAreCountedOnce(t *testing.T) {
	pam := "Nov 23 14:27:46 ftp vsftpd[36]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=lab rhost=192.0.2.7  user=lab\n"
	own := "Nov 23 14:27:48 ftp vsftpd[36]: [lab] FAIL LOGIN: Client \"192.0.2.7\"\n"
	for _, log := range []string{pam + own, pam, own} {
		if s := audited(t, Options{}, chunkSize, input("x", log)); s.FailedLogins != 1 {
			t.Errorf("%d failures in:\n%s", s.FailedLogins, log)
		}
	}
}

func TestPasswordsStayInTheLog(t *testing.T) {
	for line, want := range map[string]string{
		`203.0.113.2 UNKNOWN - [23/Nov/2026:14:15:18 +0000] "PASS s3 cret" 530 -`:                `203.0.113.2 UNKNOWN - [23/Nov/2026:14:15:18 +0000] "PASS ****" 530 -`,
		`203.0.113.2 UNKNOWN - [23/Nov/2026:14:15:18 +0000] "PASS (hidden)" 530 -`:               "",
		`2026-11-23T14:26:05.100Z >> [FTP Session 727 192.0.2.24] PASS s3 cret`:                  `2026-11-23T14:26:05.100Z >> [FTP Session 727 192.0.2.24] PASS ****`,
		`Mon Nov 23 14:26:33 2026 [pid 37] [lab] FTP command: Client "192.0.2.7", "PASS s3cret"`: `Mon Nov 23 14:26:33 2026 [pid 37] [lab] FTP command: Client "192.0.2.7", "PASS ****"`,
		`2026-11-23 10:02:00 203.0.113.21 40001 - - - - - 21 PASS *** 530 1326 41`:               "",
		`COMPASS north`: "",
	} {
		if want == "" {
			want = line
		}
		if got := string(redacted([]byte(line))); got != want {
			t.Errorf("%s\n%s, want\n%s", line, got, want)
		}
	}
	var out bytes.Buffer
	s := audited(t, Options{Each: func(e *Event) {
		if err := e.WriteECS(&out); err != nil {
			t.Error(err)
		}
	}}, chunkSize, input("x", strings.Repeat("203.0.113.2 UNKNOWN - [23/Nov/2026:14:15:18 +0000] \"PASS s3 cret\" 530 -\n", 60)+"what is PASS s3cret\n"))
	if all := out.String() + reading(s); strings.Contains(all, "s3") {
		t.Errorf("a password is shown:\n%s", all)
	}
}

func TestECS(t *testing.T) {
	var out bytes.Buffer
	audited(t, Options{Each: func(e *Event) {
		if err := e.WriteECS(&out); err != nil {
			t.Error(err)
		}
	}}, 1024, input("a.log", strings.Repeat("Mon Nov 23 14:25:50 2026 [pid 73] [lab] FAIL UPLOAD: Client \"::ffff:203.0.113.2\", \"/home/lab/ro/\xffa.txt\", 0.00Kbyte/sec\n", 40)))
	all := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last map[string]any
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil || len(all) != 40 {
		t.Fatal(len(all), err)
	}
	delete(last["event"].(map[string]any), "original")
	want := map[string]any{
		"@timestamp": "2026-11-23T14:25:50.000Z",
		"event":      map[string]any{"action": "upload", "outcome": "failure", "reason": "file-operation", "module": "ftp", "dataset": "ftp.vsftpd"},
		"source":     map[string]any{"ip": "203.0.113.2", "address": "203.0.113.2"},
		"user":       map[string]any{"name": "lab"},
		"file":       map[string]any{"path": "/home/lab/ro/�a.txt", "size": 0.0},
		"process":    map[string]any{"pid": 73.0},
		"log":        map[string]any{"file": map[string]any{"path": "a.log"}, "line": 40.0},
	}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
}

// pausing gives its parts one by one, with a pause after each.
type pausing struct {
	parts []string
	told  bool
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.told {
		p.told = false
		return 0, ErrPause
	}
	if len(p.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.parts[0])
	p.parts = p.parts[1:]
	p.told = true
	return n, nil
}

func (*pausing) Close() error { return nil }

// While a log is written, every whole line counts as soon as it is there.
func TestPause(t *testing.T) {
	line := "Mon Nov 23 14:25:30 2026 [pid 37] CONNECT: Client \"203.0.113.2\"\n"
	parts := []string{line + line[:20], line[20:], line + line, line[:30]}
	in := Input{Name: "x", Written: written, Open: func() (io.ReadCloser, error) { return &pausing{parts: parts}, nil }}
	var got []uint64
	s := audited(t, Options{Pause: func(s *Summary) { got = append(got, s.Connections) }}, chunkSize, in)
	if diff := cmp.Diff([]uint64{1, 2, 4}, got); diff != "" || s.Logs[0].Unknown != 1 {
		t.Errorf("%s\n%s", diff, reading(s))
	}
}

func TestEveryCauseHasAName(t *testing.T) {
	for c := noCause + 1; c < nCauses; c++ {
		if causes[c].name == "" {
			t.Errorf("cause %d has no name", c)
		}
		if i := slices.IndexFunc(causes[:c], func(o struct {
			name string
			def  *finding.Def
		},
		) bool {
			return o.name == causes[c].name
		}); i >= 0 {
			t.Errorf("causes %d and %d are called alike: %s", i, c, causes[c].name)
		}
	}
}

func TestNothingToRead(t *testing.T) {
	s := audited(t, Options{}, chunkSize)
	if s.Lines != 0 || len(s.Findings()) != 0 {
		t.Errorf("%s", reading(s))
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, []Input{input("x", "y\n")}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// FuzzReaders gives every dialect foreign lines: none panics, and a line is
// read the same way twice.
func FuzzReaders(f *testing.F) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		log, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range bytes.Split(log, []byte("\n")) {
			if i < 30 {
				f.Add(line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, d := range dialects {
			read := func() (event, kind) {
				r := &reader{clock: clock{zone: time.UTC, written: written}, layout: &layout{fields: []column{dateColumn, timeColumn, clientColumn, methodColumn, pathColumn, statusColumn, windowsColumn}}}
				var e event
				e.reset()
				k := d.read(r, line, &e)
				return e, k
			}
			e, k := read()
			if again, same := read(); k != same || e.action != again.action || e.cause != again.cause || !bytes.Equal(e.user, again.user) {
				t.Errorf("%s: read differently the second time", d.name)
			}
			if len(e.source)+len(e.user)+len(e.path) > 3*len(line)+16 {
				t.Errorf("%s: more was read than is there", d.name)
			}
		}
	})
}

// FuzzRun gives the whole reader foreign bytes, in small pieces by several
// workers: it counts every line, and one worker counts the same.
func FuzzRun(f *testing.F) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		log, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(log[:min(len(log), 3000)])
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		o := Options{Now: written, Zone: time.UTC, Workers: 1}
		in := []Input{input("x", string(log))}
		one, err := run(t.Context(), in, o, 1024)
		if err != nil {
			t.Fatal(err)
		}
		o.Workers = 3
		several, err := run(t.Context(), in, o, 1024)
		if err != nil {
			t.Fatal(err)
		}
		if one.Lines != several.Lines || one.Events != several.Events || one.FailedLogins != several.FailedLogins {
			t.Errorf("one worker: %d lines, %d events, %d failed; several: %d, %d, %d", one.Lines, one.Events, one.FailedLogins, several.Lines, several.Events, several.FailedLogins)
		}
		l := one.Logs[0]
		if l.Lines != l.Known+l.Foreign+l.Unknown {
			t.Errorf("lines are lost: %+v", l)
		}
	})
}
