package ftptest

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server for a test, and skips where IPv6 is wanted and absent.
func start(t *testing.T, f Fault) *Server {
	t.Helper()
	s, err := Start(f)
	if strings.Contains(f.Script, "listen: ipv6") && err != nil {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// client finds another project's client, or skips.
func client(t *testing.T, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: %v", name, err)
	}
	return p
}

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LANG=C.UTF-8", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// withLogin is a URL with the account's password, for clients that know no
// other way.
func withLogin(s *Server, scheme, path string) string {
	u := url.URL{Scheme: scheme, User: url.UserPassword(User, Password), Host: s.Addr(), Path: path}
	return u.String()
}

func caFile(t *testing.T, s *Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, s.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// transports are the ways in which curl is sent to the healthy server. Active
// mode with TLS is left to lftp: curl 7.87 and 7.88 never begin TLS there
// (curl issue 10666).
var transports = []struct {
	name, script, scheme string
	args                 []string
}{
	{"clear", "", "ftp", nil},
	{"clear, PASV", "", "ftp", []string{"--disable-epsv"}},
	{"clear, EPRT", "", "ftp", []string{"--ftp-port", "-"}},
	{"clear, PORT", "", "ftp", []string{"--ftp-port", "-", "--disable-eprt"}},
	{"IPv6", "listen: ipv6", "ftp", nil},
	{"IPv6, EPRT", "listen: ipv6", "ftp", []string{"--ftp-port", "-"}},
	{"explicit", "tls: required", "ftp", []string{"--ssl-reqd"}},
	{"explicit, TLS 1.2", "tls: required\ntls-versions: 1.2", "ftp", []string{"--ssl-reqd"}},
	{"explicit, session reuse", "tls: required\nsession-reuse: required", "ftp", []string{"--ssl-reqd"}},
	{"explicit, control only", "tls: required", "ftp", []string{"--ssl-reqd", "--ftp-ssl-control"}},
	{"implicit", "tls: implicit", "ftps", nil},
	{"anonymous", "anonymous: write", "ftp", []string{"--user", "anonymous:me@example.com"}},
	{"dripping replies", "drip: 1ms", "ftp", nil},
}

func TestCurl(t *testing.T) {
	curl := client(t, "curl")
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel() // curl sleeps 0.2 s before each encrypted data connection
			s := start(t, Fault{Script: tr.script})
			base := append([]string{"-sS", "-v", "--cacert", caFile(t, s)}, tr.args...)
			if !strings.Contains(tr.script, "anonymous") {
				base = append(base, "--user", User+":"+Password)
			}
			do := func(args ...string) string {
				t.Helper()
				out, err := run(t, curl, append(base, args...)...)
				if err != nil {
					t.Fatalf("curl %q: %v\n%s", args, err, out)
				}
				return out
			}
			at := tr.scheme + "://" + s.Addr()
			if out := do(at + "/pub/"); !strings.Contains(out, "中文.txt") {
				t.Errorf("listing:\n%s", out)
			}
			dir := t.TempDir()
			local := filepath.Join(dir, "down")
			do("-o", local, at+"/pub/1M.bin")
			if got, _ := os.ReadFile(local); !bytes.Equal(got, filler(1<<20)) {
				t.Errorf("download: %d bytes", len(got))
			}
			half := filepath.Join(dir, "half")
			if err := os.WriteFile(half, filler(1 << 20)[:500_001], 0o600); err != nil {
				t.Fatal(err)
			}
			do("-C", "-", "-o", half, at+"/pub/1M.bin")
			if got, _ := os.ReadFile(half); !bytes.Equal(got, filler(1<<20)) {
				t.Errorf("resumed download: %d bytes", len(got))
			}
			do("-T", local, at+"/upload/up.bin")
			if got, _ := s.File("/upload/up.bin"); !bytes.Equal(got, filler(1<<20)) {
				t.Errorf("upload: %d bytes", len(got))
			}
			do("-a", "-T", local, at+"/upload/up.bin")
			if got, _ := s.File("/upload/up.bin"); len(got) != 2<<20 {
				t.Errorf("appended: %d bytes", len(got))
			}
			do("-Q", "DELE /upload/up.bin", at+"/")
			if _, ok := s.File("/upload/up.bin"); ok {
				t.Error("not deleted")
			}
			for _, line := range s.Dialogue() {
				if strings.Contains(line, Password) {
					t.Errorf("password in the dialogue: %s", line)
				}
			}
		})
	}
}

func TestLftp(t *testing.T) {
	lftp := client(t, "lftp")
	for _, tc := range []struct{ name, script, scheme, set string }{
		{"clear", "", "ftp", "set ftp:ssl-allow false"},
		{"active", "", "ftp", "set ftp:ssl-allow false; set ftp:passive-mode false"},
		{"explicit", "tls: required", "ftp", "set ftp:ssl-force true; set ftp:ssl-protect-data true"},
		{"explicit, active", "tls: required", "ftp", "set ftp:ssl-force true; set ftp:ssl-protect-data true; set ftp:passive-mode false"},
		{"implicit", "tls: implicit", "ftps", "set ftp:ssl-force true; set ftp:ssl-protect-data true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, Fault{Script: tc.script})
			dir := t.TempDir()
			local := filepath.Join(dir, "local.bin")
			if err := os.WriteFile(local, filler(700_000), 0o600); err != nil {
				t.Fatal(err)
			}
			script := strings.Join([]string{
				"set ssl:ca-file " + caFile(t, s), "set cmd:fail-exit true", "set net:timeout 5", "set net:max-retries 1", tc.set,
				"open " + withLogin(s, tc.scheme, "/"), "cd pub", "ls", "get 1M.bin -o " + filepath.Join(dir, "down"),
				"cd /upload", "put " + local + " -o new.bin", "mv new.bin moved.bin", "mkdir sub", "rmdir sub", "cls -l", "bye",
			}, "; ")
			out, err := run(t, lftp, "--norc", "-d", "-c", script)
			if err != nil {
				t.Fatalf("lftp: %v\n%s", err, out)
			}
			if got, _ := os.ReadFile(filepath.Join(dir, "down")); !bytes.Equal(got, filler(1<<20)) {
				t.Errorf("download: %d bytes\n%s", len(got), out)
			}
			if got, _ := s.File("/upload/moved.bin"); !bytes.Equal(got, filler(700_000)) {
				t.Errorf("upload: %d bytes\n%s", len(got), out)
			}
		})
	}
}

// A ticket of one control connection is none on another: the rule that vsftpd
// calls require_ssl_reuse must not be satisfied by just any session.
func TestSessionReuseRefused(t *testing.T) {
	curl := client(t, "curl")
	s := start(t, Fault{Script: "tls: required\nsession-reuse: required"})
	out, err := run(t, curl, "-sS", "-v", "--no-sessionid", "--ssl-reqd", "--cacert", caFile(t, s), "--user", User+":"+Password, "ftp://"+s.Addr()+"/")
	if err == nil || !strings.Contains(out, "session reuse required") {
		t.Errorf("curl without session reuse: %v\n%s", err, out)
	}
}
