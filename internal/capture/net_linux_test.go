package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// space is a network namespace of a test's own. It lives as long as its thread.
type space struct {
	t   *testing.T
	tid int
	ask chan func()
}

// newSpace makes a namespace in which nothing but the loopback is.
func newSpace(t *testing.T) *space {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	s := &space{t: t, ask: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, the namespace with it
		err := unix.Unshare(unix.CLONE_NEWNET)
		s.tid = unix.Gettid()
		ready <- err
		if err != nil {
			return
		}
		for f := range s.ask {
			f()
		}
	}()
	if err := <-ready; err != nil {
		t.Skipf("unshare the network: %v", err)
	}
	t.Cleanup(func() { close(s.ask) })
	s.command("ip", "link", "set", "lo", "up")
	return s
}

// do runs f in the namespace. What it opens stays there, whoever uses it.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.ask <- func() { defer close(done); f() }
	<-done
}

// command runs a program to its end.
func (s *space) command(name string, args ...string) {
	s.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		s.t.Skipf("%s is not installed", name)
	}
	var out []byte
	s.do(func() { out, err = exec.CommandContext(s.t.Context(), path, args...).CombinedOutput() })
	if err != nil {
		s.t.Skipf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// start runs a program until the test ends, or stop is called.
func (s *space) start(name string, args ...string) (stop func(), stderr *bytes.Buffer) {
	s.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		s.t.Skipf("%s is not installed", name)
	}
	c := exec.CommandContext(context.WithoutCancel(s.t.Context()), path, args...)
	stderr = &bytes.Buffer{}
	c.Stderr = stderr
	s.do(func() { err = c.Start() })
	if err != nil {
		s.t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = c.Process.Signal(os.Interrupt)
			_ = c.Wait()
		}
	}
	s.t.Cleanup(stop)
	return stop, stderr
}

// dial connects from within the namespace.
func (s *space) dial(addr string) (c net.Conn, err error) {
	s.do(func() {
		c, err = (&net.Dialer{Timeout: 3 * time.Second}).DialContext(s.t.Context(), "tcp", addr)
	})
	return c, err
}

// pair joins two namespaces: 10.9.0.1 and fd09::1 here, .2 and ::2 there.
func pair(t *testing.T) (client, server *space) {
	t.Helper()
	client, server = newSpace(t), newSpace(t)
	client.command("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1", "netns", fmt.Sprint(server.tid))
	for _, x := range []struct {
		s           *space
		dev, a4, a6 string
	}{{client, "eth0", "10.9.0.1/24", "fd09::1/64"}, {server, "eth1", "10.9.0.2/24", "fd09::2/64"}} {
		x.s.command("ip", "addr", "add", x.a4, "dev", x.dev)
		x.s.command("ip", "addr", "add", x.a6, "dev", x.dev, "nodad")
		x.s.command("ip", "link", "set", x.dev, "up")
	}
	return client, server
}

const secretOfTest = "Pw-that-nobody-may-see"

// vsftpd starts a real server at an address of the namespace.
func vsftpd(t *testing.T, s *space, more ...string) {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "pub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "pub", "file"), bytes.Repeat([]byte("0123456789abcdef"), 32<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := "listen=NO\nlisten_ipv6=YES\nbackground=NO\nanonymous_enable=YES\nno_anon_password=NO\nanon_root=" + root +
		"\nseccomp_sandbox=NO\nconnect_from_port_20=NO\nsecure_chroot_dir=" + dir + "\n" + strings.Join(more, "\n") + "\n"
	file := filepath.Join(dir, "vsftpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr := s.start("vsftpd", file)
	for range 100 {
		if c, err := s.dial("[::1]:21"); err == nil {
			c.Close()
			return
		}
		wait(t, 20*time.Millisecond)
	}
	t.Skipf("vsftpd does not start: %s", stderr)
}

// wait lets something else happen: another process, of which nothing else tells.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// client is a simple client of FTP.
type client struct {
	t    *testing.T
	s    *space
	conn net.Conn
	buf  []byte
}

func login(t *testing.T, s *space, host string) *client {
	t.Helper()
	c := &client{t: t, s: s}
	var err error
	if c.conn, err = s.dial(net.JoinHostPort(host, "21")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	c.reply()
	c.do("USER ftp")
	if r := c.do("PASS " + secretOfTest); !strings.HasPrefix(r, "230") {
		t.Skipf("the server lets nobody in: %s", r)
	}
	return c
}

// reply reads one reply, of one line.
func (c *client) reply() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for !bytes.Contains(c.buf, []byte("\n")) {
		b := make([]byte, 1024)
		n, err := c.conn.Read(b)
		if err != nil {
			c.t.Fatalf("reading a reply: %v", err)
		}
		c.buf = append(c.buf, b[:n]...)
	}
	line, rest, _ := bytes.Cut(c.buf, []byte("\n"))
	c.buf = rest
	return strings.TrimSpace(string(line))
}

func (c *client) do(command string) string {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(command + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
	return c.reply()
}

// retrieve fetches a file over a passive data connection.
func (c *client) retrieve(host, name string) int {
	c.t.Helper()
	r := c.do("EPSV")
	var port uint16
	i := strings.Index(r, "|||")
	if i < 0 {
		c.t.Fatalf("EPSV: %s", r)
	}
	if _, err := fmt.Sscanf(r[i:], "|||%d|", &port); err != nil {
		c.t.Fatalf("EPSV: %s", r)
	}
	data, err := c.s.dial(netip.AddrPortFrom(netip.MustParseAddr(host), port).String())
	if err != nil {
		c.t.Fatal(err)
	}
	defer data.Close()
	c.do("RETR " + name)
	n, b := 0, make([]byte, 64<<10)
	for {
		k, err := data.Read(b)
		n += k
		if err != nil {
			break
		}
	}
	c.reply()
	return n
}

// tcpdump records an interface until stop is called, and returns the file.
func tcpdump(t *testing.T, s *space, args ...string) (file string, stop func()) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "capture")
	end, stderr := s.start("tcpdump", append([]string{"-n", "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-w", file}, args...)...)
	for range 250 {
		if info, err := os.Stat(file); err == nil && info.Size() >= 24 {
			return file, func() { settled(t, file); end() }
		}
		wait(t, 20*time.Millisecond)
	}
	t.Skipf("tcpdump does not start: %s", stderr)
	return "", nil
}

// settled waits until a busy machine has written what was recorded.
func settled(t *testing.T, file string) {
	size := int64(-1)
	for range 25 {
		info, err := os.Stat(file)
		if err != nil || info.Size() == size {
			return
		}
		size = info.Size()
		wait(t, 200*time.Millisecond)
	}
}

func readFile(t *testing.T, file string, o Options) *Analysis {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := Read(t.Context(), f, o)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return a
}
