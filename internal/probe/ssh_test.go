package probe_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// says is a server that says something and then closes, or is silent.
func says(words string, wait time.Duration) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		_, _ = io.WriteString(c, words) // the client may be gone
		_ = c.SetReadDeadline(time.Now().Add(wait))
		_, _ = io.Copy(io.Discard, c)
	}
}

func modern(c *ssh.ServerConfig) {
	c.KeyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519}
}

// with makes the configuration of a login of several settings.
func with(set ...func(*ssh.ServerConfig)) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		modern(c)
		for _, f := range set {
			f(c)
		}
	}
}

func wrongPassword(_ *testing.T, target *observe.Target, _ *probe.Options) {
	target.Password = "not the right one"
}

func noPassword(_ *testing.T, target *observe.Target, _ *probe.Options) {
	target.Password, target.HasPass = "", false
}

// keyFile gives the check a key of its own, and no password.
func keyFile(mode os.FileMode, content func(*testing.T) []byte) func(*testing.T, *observe.Target, *probe.Options) {
	return func(t *testing.T, target *observe.Target, o *probe.Options) {
		t.Helper()
		noPassword(t, target, o)
		path := filepath.Join(t.TempDir(), "id")
		if err := os.WriteFile(path, content(t), mode); err != nil {
			t.Fatal(err)
		}
		o.Identity = []string{path}
	}
}

func keysOnly(c *ssh.ServerConfig) {
	c.PasswordCallback = nil
	c.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, errors.New("no") }
}

// keyboard asks questions and takes the right password for the first.
func keyboard(questions ...string) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		c.PasswordCallback = nil
		c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for i, q := range questions {
				a, err := ask("", "", []string{q}, []bool{false})
				if err != nil || i == 0 && a[0] != sshPassword || i > 0 {
					return nil, errors.New("no")
				}
			}
			return nil, nil
		}
	}
}

// slowPassword answers late, as PAM does that waits for somebody else.
func slowPassword(late time.Duration) func(*ssh.ServerConfig) {
	return func(c *ssh.ServerConfig) {
		judge := c.PasswordCallback
		c.PasswordCallback = func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			time.Sleep(late) // this is the fault
			return judge(m, password)
		}
	}
}

func op(what string, size int, path string) func(*testing.T, *observe.Target, *probe.Options) {
	return func(_ *testing.T, target *observe.Target, o *probe.Options) {
		o.Op, o.Size, target.Path = what, size, path
	}
}

func files(change func(*memFiles)) *memFiles {
	m := newFiles()
	change(m)
	return m
}

const (
	statusFailure = 4
	statusDenied  = 3
	opWrite       = 6
	opOpen        = 3
	opDir         = 11
)

var sshFaults = []sshFault{
	{name: "healthy", conf: modern, want: "ok"},
	{name: "healthy by keyboard-interactive", conf: with(keyboard("Password: ")), want: "ok"},
	{name: "healthy upload", conf: modern, ask: op("upload", 100_000, "/home/lab/"), want: "ok"},
	{name: "healthy download below the home", conf: modern, ask: op("download", 0, "/hello.txt"), want: "ok"},
	{name: "unknown host key", conf: modern, known: func(ssh.PublicKey) string { return "other ssh-ed25519 AAAA\n" }, want: "ok", advice: []string{"ssh/host-key-unknown"}},
	{
		name: "changed host key", conf: modern, root: "ssh/host-key-changed", want: "failed\n\terror ssh/host-key-changed confirmed root",
		known: func(ssh.PublicKey) string {
			return "HOST ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5W2cX1bmuZ0lDZVOhwWcL2xnmOjzHk1U5tEb6G0xXl\n"
		},
	},
	{
		// What OpenSSH's ssh makes of it: sshwire's TestLookupAgainstSSH.
		name: "only a key of another type is known", conf: modern, root: "ssh/host-key-changed", want: "failed\n\terror ssh/host-key-changed confirmed root",
		known: func(ssh.PublicKey) string { return "HOST " + ecdsaLine },
	},
	{
		name: "host key known without the port", conf: modern, want: "ok",
		known: func(k ssh.PublicKey) string { return "127.0.0.1 " + string(ssh.MarshalAuthorizedKey(k)) },
	},
	{
		name: "damaged line of known_hosts", conf: modern, want: "ok", advice: []string{"ssh/host-key-unknown"},
		known: func(k ssh.PublicKey) string { return "HOST " + string(ssh.MarshalAuthorizedKey(k))[:60] + "\n" },
	},
	{
		name: "revoked host key", conf: modern, root: "ssh/host-key-changed", want: "failed\n\terror ssh/host-key-changed confirmed root",
		known: func(k ssh.PublicKey) string { return "@revoked * " + string(ssh.MarshalAuthorizedKey(k)) },
	},
	{
		name: "weak algorithms", want: "degraded\n\twarning ssh/weak-algorithms confirmed",
		conf: func(c *ssh.ServerConfig) {
			c.KeyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, ssh.InsecureKeyExchangeDH1SHA1}
		},
	},
	{
		name: "no common key exchange", root: "ssh/no-common-algorithm",
		conf: func(c *ssh.ServerConfig) { c.KeyExchanges = []string{ssh.InsecureKeyExchangeDH1SHA1} },
		want: "failed\n\terror ssh/no-common-algorithm confirmed root\n\twarning ssh/weak-algorithms confirmed because ssh/no-common-algorithm",
	},
	{name: "wrong password", conf: modern, ask: wrongPassword, root: "auth/rejected", want: "failed\n\tcritical auth/rejected likely root"},
	{name: "wrong password by keyboard", conf: with(keyboard("Password: ")), ask: wrongPassword, root: "auth/rejected", want: "failed\n\tcritical auth/rejected likely root"},
	{name: "one-time code", conf: with(keyboard("Password: ", "Verification code: ")), root: "auth/second-factor-required", want: "failed\n\tcritical auth/second-factor-required confirmed root"},
	{name: "new password", conf: with(keyboard("Password: ", "New password: ")), root: "auth/password-expired", want: "failed\n\tcritical auth/password-expired confirmed root"},
	{name: "login without an answer", conf: with(slowPassword(11 * time.Second)), root: "performance/slow-login", want: "failed\n\terror performance/slow-login likely root"},
	{name: "login with a late answer", conf: with(slowPassword(6 * time.Second)), root: "performance/slow-login", want: "failed\n\terror performance/slow-login confirmed root"},
	{name: "refused late", conf: with(slowPassword(6 * time.Second)), ask: wrongPassword, root: "auth/rejected", want: "failed\n\tcritical auth/rejected likely root"},
	{name: "keys only", conf: with(keysOnly), root: "ssh/auth-method-not-offered", want: "failed\n\terror ssh/auth-method-not-offered confirmed root"},
	{name: "key refused", conf: with(keysOnly), ask: keyFile(0o600, newKey), root: "ssh/key-rejected", want: "failed\n\terror ssh/key-rejected likely root"},
	{name: "key too open", conf: with(keysOnly), ask: keyFile(0o644, newKey), root: "ssh/key-unusable", want: "failed\n\terror ssh/key-unusable confirmed root"},
	{
		name: "key of PuTTY", conf: with(keysOnly), root: "ssh/key-unusable", want: "failed\n\terror ssh/key-unusable confirmed root",
		ask: keyFile(0o600, func(*testing.T) []byte { return []byte("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n") }),
	},
	{
		name: "key with the ends of lines of Windows", conf: with(keysOnly), root: "ssh/key-unusable", want: "failed\n\terror ssh/key-unusable confirmed root",
		ask: keyFile(0o600, func(t *testing.T) []byte { return bytes.ReplaceAll(newKey(t), []byte("\n"), []byte("\r\n")) }),
	},
	{name: "nothing to log in with", conf: with(keysOnly), ask: noPassword, want: "unknown"},
	{name: "MaxStartups", raw: says("Exceeded MaxStartups\r\n", 0), root: "ssh/throttled", want: "failed\n\terror ssh/throttled confirmed root"},
	{name: "closed at once", raw: says("", 0), root: "net/source-not-allowed", want: "failed\n\tcritical net/source-not-allowed likely root"},
	{name: "closed after the identification", raw: says("SSH-2.0-OpenSSH_9.9\r\n", 0), root: "ssh/throttled", want: "failed\n\terror ssh/throttled likely root"},
	{name: "hung", raw: says("", time.Minute), root: "service/hung", want: "failed\n\tcritical service/hung likely root"},
	{name: "hung in the key exchange", raw: says("SSH-2.0-OpenSSH_9.9\r\n", time.Minute), root: "service/hung", want: "failed\n\tcritical service/hung likely root"},
	{name: "FTP", raw: says("220 ready\r\n", time.Minute), root: "service/other-protocol", want: "failed\n\tcritical service/other-protocol confirmed root"},
	{name: "HTTP", raw: says("HTTP/1.1 400 Bad Request\r\n\r\n", 0), root: "service/other-protocol", want: "failed\n\tcritical service/other-protocol confirmed root"},
	{name: "SSH 1", raw: says("SSH-1.5-OldThing\n", time.Second), root: "ssh/no-common-algorithm", want: "failed\n\tcritical ssh/no-common-algorithm confirmed root"},
	{name: "no subsystem", conf: modern, root: "ssh/sftp-not-enabled", want: "failed\n\tcritical ssh/sftp-not-enabled confirmed root", sub: func(ch ssh.Channel, requests <-chan *ssh.Request) {
		ssh.DiscardRequests(requests)
	}},
	{name: "nologin", conf: modern, sub: shell("This account is currently not available.\n", 1), root: "ssh/nologin-shell", want: "failed\n\terror ssh/nologin-shell confirmed root"},
	{name: "noise", conf: modern, sub: shell("Welcome back\n", -1), root: "ssh/shell-noise", want: "failed\n\terror ssh/shell-noise confirmed root"},
	{name: "noise of a digit", conf: modern, sub: shell("8\n", -1), root: "ssh/shell-noise", want: "failed\n\terror ssh/shell-noise confirmed root"},
	{name: "no program", conf: modern, sub: shell("", 127), root: "ssh/server-config", want: "failed\n\tcritical ssh/server-config confirmed root"},
	{name: "false shell", conf: modern, sub: shell("", 1), root: "ssh/nologin-shell", want: "failed\n\terror ssh/nologin-shell likely root"},
	{name: "missing file", conf: modern, ask: op("download", 0, "/gone.txt"), root: "file/not-found", want: "failed\n\terror file/not-found confirmed root"},
	{name: "closed directory", conf: modern, files: files(func(m *memFiles) { m.refuse[opDir] = statusDenied }), root: "file/permission-denied", want: "failed\n\terror file/permission-denied confirmed root"},
	{name: "short file", conf: modern, files: files(func(m *memFiles) { m.short = true }), ask: op("download", 0, "/hello.txt"), root: "file/corrupted", want: "failed\n\terror file/corrupted confirmed root"},
	{name: "altered file", conf: modern, files: files(func(m *memFiles) { m.corrupt = true }), ask: op("upload", 50_000, "/home/lab/"), root: "file/corrupted", want: "failed\n\terror file/corrupted confirmed root"},
	{
		name: "disk full", conf: modern, ask: op("upload", 50_000, "/home/lab/"), root: "file/disk-full", want: "failed\n\terror file/disk-full confirmed root",
		files: files(func(m *memFiles) {
			m.refuse[opWrite], m.volume = statusFailure, &[11]uint64{4096, 4096, 1000, 5, 0, 100, 50, 50}
		}),
	},
	{
		name: "read-only", conf: modern, ask: op("upload", 50_000, "/home/lab/"), root: "file/read-only", want: "failed\n\terror file/read-only confirmed root",
		files: files(func(m *memFiles) {
			m.refuse[opOpen], m.volume = statusFailure, &[11]uint64{4096, 4096, 1000, 500, 500, 100, 50, 50, 0, 1}
		}),
	},
	{
		name: "may not write", conf: modern, ask: op("upload", 50_000, "/home/lab/"), root: "file/permission-denied", want: "failed\n\terror file/permission-denied likely root",
		files: files(func(m *memFiles) { m.refuse[opOpen] = statusDenied }),
	},
}

// ecdsaLine is a key that no server here has.
const ecdsaLine = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPRH++i24N2M4YbdmqVSNv8iGOlD8pjZABnZNkVkA2Ohwqs1Mm2/mpMyMjQBRDoAQ2tkW6o08XSEfwaqYg/PYd8=\n"

// newKey is a private key that nobody knows.
func newKey(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// TestSSHFaults checks each scripted server. What TestFaults holds for FTP
// holds here: exactly these findings, evidence and words for all, no secret, and
// a recording that replays to the same bytes.
func TestSSHFaults(t *testing.T) {
	t.Parallel()
	for _, f := range sshFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := startSSH(t, f)
			target, o := s.ask(t)
			w := observe.Live()
			rec := w.Record()
			begun := time.Now()
			rep := probe.Run(context.Background(), w, target, o, nil)
			if took := time.Since(begun); took > promised {
				t.Errorf("took %.1f s, more than %s", took.Seconds(), promised)
			}
			if f.want != "unknown" {
				var want []string
				if f.root != "" {
					want = []string{f.root}
				}
				judgeFault(t, ftptest.Fault{Name: f.name, Want: want, Advice: f.advice}, rep)
			}
			if diff := cmp.Diff("\t"+f.want+"\n", set(rep)); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
			for _, lang := range finding.Langs {
				judgeWords(t, rep, lang)
			}
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{sshPassword, "not the right one", "PRIVATE KEY"} {
				noSecret(t, secret, "the recording", tape.Bytes())
				noSecret(t, secret, "the report", asJSON(t, rep, finding.English))
			}
			if s.Close(); t.Failed() {
				return
			}
			replays(t, tape.Bytes(), target, o, rep)
		})
	}
}

// TestSSHManners: a password is told once and never to a server whose key is
// another one; an upload leaves nothing.
func TestSSHManners(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"wrong password": 1, "wrong password by keyboard": 1, "changed host key": 0, "revoked host key": 0, "healthy": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSSH(t, findSSH(t, name))
			target, o := s.ask(t)
			probe.Run(t.Context(), observe.Live(), target, o, nil)
			s.Close()
			passwords := 0
			for _, m := range s.tried {
				if m != "none" {
					passwords++
				}
			}
			if passwords != want || len(s.conns) != 1 {
				t.Errorf("told %d times on %d connections, want %d on one: %q", passwords, len(s.conns), want, s.tried)
			}
		})
	}
	f := findSSH(t, "healthy upload")
	f.files = newFiles()
	s := startSSH(t, f)
	target, o := s.ask(t)
	probe.Run(t.Context(), observe.Live(), target, o, nil)
	s.Close()
	if len(f.files.files) != 1 {
		t.Errorf("the server holds %d files", len(f.files.files))
	}
}

func findSSH(t *testing.T, name string) sshFault {
	t.Helper()
	for _, f := range sshFaults {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("there is no fault %s", name)
	return sshFault{}
}
