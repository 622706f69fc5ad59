package machine

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshd is OpenSSH on loopback, in a mount namespace with its own accounts.
type sshd struct {
	port    int
	dir     string
	hostKey ssh.PublicKey
	log     string
}

func (s *sshd) address(user string) Address { return Address{user, "127.0.0.1", s.port} }

func (s *sshd) key() string   { return filepath.Join(s.dir, "id") }
func (s *sshd) known() string { return filepath.Join(s.dir, "known_hosts") }

func (s *sshd) options() Options {
	return Options{Identity: []string{s.key()}, KnownHosts: []string{s.known()}}
}

// findSSHD is an sshd that is installed, or the lab's.
func findSSHD(t *testing.T) string {
	t.Helper()
	if file, err := lookPath("sshd"); err == nil {
		return file
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		file := filepath.Join(cache, "ftpdoctor-lab/root/usr/sbin/sshd")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	if os.Getenv("FTPDOCTOR_LAB") == "require" {
		t.Fatal("no sshd here")
	}
	t.Skip("no sshd here: install openssh-server")
	return ""
}

// startSSHD starts sshd, with accounts root and fish-user, whose login shell is
// the script given.
func startSSHD(t *testing.T, conf, shell string) *sshd {
	t.Helper()
	binary := findSSHD(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a mount namespace")
	}
	s := &sshd{dir: t.TempDir()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(errors.Join(os.Chmod(s.dir, 0o755), os.Chmod(filepath.Dir(s.dir), 0o755)))
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(s.dir, name)
		must(os.WriteFile(name, []byte(text), mode))
		return name
	}
	keyPair := func(name string) ssh.PublicKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(err)
		block, err := ssh.MarshalPrivateKey(key, "test")
		must(err)
		write(name, string(pem.EncodeToMemory(block)), 0o600)
		public, err := ssh.NewPublicKey(key.Public())
		must(err)
		return public
	}
	s.hostKey = keyPair("host_key")
	authorized := write("authorized_keys", string(ssh.MarshalAuthorizedKey(keyPair("id"))), 0o644)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s.port = l.Addr().(*net.TCPAddr).Port
	must(l.Close())
	write("known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, ssh.MarshalAuthorizedKey(s.hostKey)), 0o600)
	loginShell := write("shell", shell, 0o755)
	passwd, err := os.ReadFile("/etc/passwd")
	must(err)
	// The tester's own start-up files are no part of the test.
	passwd = append([]byte("root:x:0:0:root:"+s.dir+":/bin/sh\n"), regexp.MustCompile(`(?m)^root:.*\n`).ReplaceAll(passwd, nil)...)
	passwd = append(passwd, "other:x:2345:2345::/:"+loginShell+"\n"...)
	if !bytes.Contains(passwd, []byte("\nsshd:")) {
		passwd = append(passwd, "sshd:x:2346:65534::/run/sshd:/usr/sbin/nologin\n"...)
	}
	write("passwd", string(passwd), 0o644)
	write("shadow", "root:*:20000::::::\nother:*:20000::::::\n", 0o600)
	config := write("sshd_config", fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host_key\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\n%s\n",
		s.port, s.dir, authorized, conf), 0o644)
	root := strings.TrimSuffix(binary, "/usr/sbin/sshd")
	libs, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu")
	script := fmt.Sprintf("mount --make-rprivate /\nmount -t tmpfs -o mode=755 none /run\nmkdir /run/sshd\nmount --bind %[1]s/passwd /etc/passwd\nmount --bind %[1]s/shadow /etc/shadow\nexec %[2]s -D -e -f %[3]s\n",
		s.dir, binary, config)
	s.log = filepath.Join(s.dir, "log")
	log, err := os.Create(s.log)
	must(err)
	defer log.Close()
	cmd := exec.Command("/bin/sh", "-ec", script)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libs, ":"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	must(cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the first of its namespace of processes: all end
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("sshd:\n%s", text)
		}
	})
	for until := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.port))
		if err == nil {
			_ = c.Close()
			return s
		}
		if time.Now().After(until) {
			text, _ := os.ReadFile(s.log)
			t.Fatalf("sshd does not listen: %s", text)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *sshd) dial(t *testing.T, user string, o Options) *Machine {
	t.Helper()
	m, err := Dial(t.Context(), s.address(user), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return m
}

func TestSSH(t *testing.T) {
	s := startSSHD(t, "", "#!/bin/sh\n")
	testMachine(t, s.dial(t, "root", s.options()))
}

// A server that allows less than usual, and an account whose start-up files
// speak.
func TestSSHWithFewSessions(t *testing.T) {
	s := startSSHD(t, "MaxSessions 2", "#!/bin/sh\n")
	m := s.dial(t, "root", s.options())
	testBounds(t, m)
}

func TestSSHOddShells(t *testing.T) {
	for name, tt := range map[string]struct {
		shell string
		fails bool
	}{
		"speaks":   {"#!/bin/sh\necho Welcome to the machine; echo Mind the gap >&2\nexec /bin/sh \"$@\"\n", false},
		"nologin":  {"#!/bin/sh\necho This account is currently not available.\nexit 1\n", true},
		"no words": {"#!/bin/sh\nexit 0\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSSHD(t, "", tt.shell)
			m, err := Dial(t.Context(), s.address("other"), s.options())
			if tt.fails {
				if !errors.Is(err, errNoShell) {
					t.Errorf("Dial = %v, want %v", err, errNoShell)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			out, err := m.Run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 4")
			if err != nil || string(out.Stdout) != "out\n" || string(out.Stderr) != "err\n" || out.Exit != 4 {
				t.Errorf("Run = %q, %q, %d, %v", out.Stdout, out.Stderr, out.Exit, err)
			}
			if m.System().Root || m.System().User != "other" {
				t.Errorf("System = %+v", m.System())
			}
			closed := filepath.Join(s.dir, "closed")
			if err := errors.Join(os.Mkdir(closed, 0o700), os.WriteFile(filepath.Join(closed, "x"), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			if _, err := m.ReadFile(t.Context(), closed+"/x"); !errors.Is(err, os.ErrPermission) {
				t.Errorf("ReadFile without permission: %v", err)
			}
			if _, err := m.Stat(t.Context(), closed+"/x"); !errors.Is(err, os.ErrPermission) {
				t.Errorf("Stat without permission: %v", err)
			}
		})
	}
}

func TestSSHHostKey(t *testing.T) {
	s := startSSHD(t, "", "#!/bin/sh\n")
	try := func(text string) *HostKeyError {
		t.Helper()
		file := filepath.Join(t.TempDir(), "known_hosts")
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := s.options()
		o.KnownHosts = []string{file}
		m, err := Dial(t.Context(), s.address("root"), o)
		if err == nil {
			_ = m.Close()
			return nil
		}
		e, ok := errors.AsType[*HostKeyError](err)
		if !ok {
			t.Fatalf("Dial = %v, want a *HostKeyError", err)
		}
		return e
	}
	host := fmt.Sprintf("[127.0.0.1]:%d ", s.port)
	right := host + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey)))
	e := try("")
	if e == nil || len(e.Known) != 0 || e.Line != right || !strings.Contains(e.Error(), right) || e.Fingerprint != ssh.FingerprintSHA256(s.hostKey) {
		t.Errorf("unknown: %+v, want the line\n%s", e, right)
	}
	if e != nil && try(e.Line+"\n") != nil {
		t.Error("the line that the error gives does not make the key known")
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	if e := try("# ours\n" + host + string(ssh.MarshalAuthorizedKey(public))); e == nil || len(e.Known) != 1 || !strings.HasSuffix(e.Known[0], ":2") || !strings.Contains(e.Error(), "has changed") {
		t.Errorf("changed: %+v", e)
	}
	if e := try("@revoked " + right + "\n"); e == nil || !e.Revoked {
		t.Errorf("revoked: %+v", e)
	}
	text, err := os.ReadFile(s.log)
	if err != nil || bytes.Contains(text, []byte("Failed")) {
		t.Errorf("somebody tried to log in to a server that is not known: %s", text)
	}
}

func TestSSHLogin(t *testing.T) {
	s := startSSHD(t, "", "#!/bin/sh\n")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SSH_AUTH_SOCK", "")
	fails := func(change func(*Options)) string {
		t.Helper()
		o := s.options()
		change(&o)
		m, err := Dial(t.Context(), s.address("root"), o)
		if err == nil {
			_ = m.Close()
			t.Fatal("Dial: no error")
		}
		if _, ok := errors.AsType[*LoginError](err); !ok {
			t.Fatalf("Dial = %v, want a *LoginError", err)
		}
		return err.Error()
	}
	if got := fails(func(o *Options) { o.Identity = nil }); !strings.Contains(got, "no key to offer") {
		t.Errorf("no key: %s", got)
	}
	if got := fails(func(o *Options) { o.Identity = []string{s.dir + "/none"} }); !strings.Contains(got, "no such file") {
		t.Errorf("missing key: %s", got)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(other, "")
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(s.dir, "wrong")
	if err := os.WriteFile(wrong, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fails(func(o *Options) { o.Identity = []string{wrong} }); !strings.Contains(got, "with "+wrong) {
		t.Errorf("wrong key: %s", got)
	}
	if err := os.Chmod(wrong, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := fails(func(o *Options) { o.Identity = []string{wrong} }); !strings.Contains(got, "chmod 600") {
		t.Errorf("open key: %s", got)
	}

	text, err := os.ReadFile(s.key())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	block, err = ssh.MarshalPrivateKeyWithPassphrase(*key.(*ed25519.PrivateKey), "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(s.dir, "locked")
	if err := os.WriteFile(locked, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fails(func(o *Options) { o.Identity = []string{locked} }); !strings.Contains(got, "has a passphrase") {
		t.Errorf("locked key: %s", got)
	}
	o := s.options()
	o.Identity = []string{locked}
	o.Passphrase = func(string) ([]byte, error) { return []byte("open sesame"), nil }
	s.dial(t, "root", o)
}

// A server behind another: the second connection goes through the first, and
// its host key is compared as well.
func TestSSHJump(t *testing.T) {
	first, second := startSSHD(t, "", "#!/bin/sh\n"), startSSHD(t, "", "#!/bin/sh\n")
	o := second.options()
	o.Identity = append(o.Identity, first.key())
	at := first.address("root")
	o.Jump = &at
	if _, err := Dial(t.Context(), second.address("root"), o); err == nil {
		t.Fatal("the host key of the first is unknown, and Dial has no error")
	}
	o.KnownHosts = append(o.KnownHosts, first.known())
	m := second.dial(t, "root", o)
	out, err := m.Run(t.Context(), "sh", "-c", "echo $SSH_CONNECTION")
	if err != nil || !strings.HasSuffix(string(out.Stdout), fmt.Sprintf(" %d\n", second.port)) {
		t.Errorf("Run = %q, %v", out.Stdout, err)
	}
	text, err := os.ReadFile(first.log)
	if err != nil || !bytes.Contains(text, []byte("Accepted publickey")) {
		t.Errorf("nobody has logged in to the first: %s, %v", text, err)
	}
}
