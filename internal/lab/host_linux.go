package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is one machine of the lab: a network namespace, and for the server mount
// and pid namespaces too.
type Host struct {
	Name string // client, gateway, edge, server, dns, or the name given to AddHost
	NS   string // name of the network namespace, as `ip netns` shows it

	net *Net
	// pid is that of the first process of the host's own pid namespace; 0 when
	// the host has none.
	pid int
}

// inside runs f on a thread that is in the host's network namespace: sockets
// and processes made by f belong to it. The thread is not used again.
func (h *Host) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		fd, err := unix.Open("/run/netns/"+h.NS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- fmt.Errorf("open namespace %s: %w", h.NS, err)
			return
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter namespace %s: %w", h.NS, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Listen opens a listening socket on the host, for what no real server does.
// It is closed with the lab.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var l net.Listener
	err := h.inside(func() (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", h.Name, err)
	}
	h.net.onClose(func() { l.Close() })
	return l, nil
}

// ListenPacket opens a datagram socket on the host. It is closed with the lab.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	var c net.PacketConn
	err := h.inside(func() (err error) {
		c, err = new(net.ListenConfig).ListenPacket(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", h.Name, err)
	}
	h.net.onClose(func() { c.Close() })
	return c, nil
}

// command prepares argv to run on the host, as root, in its own process group.
// Start it inside the host.
func (h *Host) command(ctx context.Context, argv ...string) *exec.Cmd {
	switch {
	case h.pid != 0:
		argv = append([]string{"nsenter", "--target", strconv.Itoa(h.pid), "--mount", "--uts", "--pid", "--net", "--"}, argv...)
	case h.ownFiles():
		// Binds the files of /etc/netns/NS over those of /etc.
		argv = append([]string{"ip", "netns", "exec", h.NS}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = h.net.environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		if errors.Is(err, unix.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// ownFiles tells whether /etc/netns holds files for the host.
func (h *Host) ownFiles() bool {
	_, err := os.Stat(netnsDir(h.NS))
	return err == nil
}

func netnsDir(ns string) string { return filepath.Join("/etc/netns", ns) }

// Sh runs a shell script on the host, as root, and returns its output, stdout
// and stderr in one. A non-zero exit status is an error that quotes the output.
func (h *Host) Sh(ctx context.Context, script string) (string, error) {
	var out bytes.Buffer
	cmd := h.command(ctx, "/bin/sh", "-ec", script)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := h.inside(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return out.String(), fmt.Errorf("on %s: %s: %w: %s", h.Name, firstLine(script), err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// Proc is a process that the lab keeps running.
type Proc struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// Start runs argv on the host until the lab is closed. Its output goes to a log
// file, and its standard input is /dev/null (vsftpd needs one).
func (h *Host) Start(ctx context.Context, argv ...string) (*Proc, error) {
	p := &Proc{done: make(chan struct{})}
	log, err := os.CreateTemp(h.net.dir, h.Name+"-"+filepath.Base(argv[0])+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", argv[0], h.Name, err)
	}
	defer log.Close()
	p.log = log.Name()
	// The process outlives ctx, which bounds the set-up only.
	p.cmd = h.command(context.WithoutCancel(ctx), argv...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := h.inside(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", argv[0], h.Name, err)
	}
	h.net.started(p)
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log; that it ended, in done
		close(p.done)
	}()
	return p, nil
}

// Log returns what the process has written so far.
func (p *Proc) Log() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

// Pid is the process on this machine; for a host with a pid namespace it is the
// nsenter in front of the real one.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Stop ends the process and its group.
func (p *Proc) Stop() {
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	<-p.done
}

// files opens the host's own files, and translates a path to one below them.
// An [os.Root], since a link in there may be absolute: followed from outside,
// it would lead to a file of the machine.
func (h *Host) files(name string) (*os.Root, string, error) {
	switch {
	case h.pid != 0:
		root, err := os.OpenRoot(filepath.Join("/proc", strconv.Itoa(h.pid), "root"))
		return root, strings.TrimPrefix(filepath.Clean(name), "/"), err
	case h.ownFiles() && filepath.Dir(name) == "/etc":
		root, err := os.OpenRoot(netnsDir(h.NS))
		return root, filepath.Base(name), err
	}
	return nil, "", fmt.Errorf("%s: %w: %s has no files of its own there", name, fs.ErrInvalid, h.Name)
}

// WriteFile writes a file of the host (mode 0644, or 0755 when it starts with
// "#!"), and makes its directory; a link in its place is replaced. The server
// has its own /etc, /home, /srv, /run, /tmp, /mnt, /var/log, /var/lib and
// /var/spool; the client has only files right below /etc. Directories of the
// machine are refused.
func (h *Host) WriteFile(name, content string) error {
	if err := h.writeFile(name, content); err != nil {
		return fmt.Errorf("write file on %s: %w", h.Name, err)
	}
	return nil
}

func (h *Host) writeFile(name, content string) error {
	if h.pid != 0 && !private(name) {
		return fmt.Errorf("%s belongs to the machine: %w", name, fs.ErrPermission)
	}
	root, rel, err := h.files(name)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	if info, err := root.Lstat(rel); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := root.Remove(rel); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(content, "#!") {
		mode = 0o755
	}
	return root.WriteFile(rel, []byte(content), mode)
}

// ReadFile reads a file of the host.
func (h *Host) ReadFile(name string) (string, error) {
	root, rel, err := h.files(name)
	if err != nil {
		return "", fmt.Errorf("read file on %s: %w", h.Name, err)
	}
	defer root.Close()
	b, err := root.ReadFile(rel)
	if err != nil {
		return "", fmt.Errorf("read file on %s: %w", h.Name, err)
	}
	return string(b), nil
}

// Chmod changes the mode of a file of the host, and its owner unless uid is
// negative.
func (h *Host) Chmod(name string, mode fs.FileMode, uid int) error {
	root, rel, err := h.files(name)
	if err == nil {
		defer root.Close()
		if err = root.Chmod(rel, mode); err == nil && uid >= 0 {
			err = root.Chown(rel, uid, uid)
		}
	}
	if err != nil {
		return fmt.Errorf("change file on %s: %w", h.Name, err)
	}
	return nil
}

// NFT loads a rule set (the text of an nft script) on the host.
func (h *Host) NFT(ctx context.Context, ruleset string) error {
	var out bytes.Buffer
	cmd := h.command(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := h.inside(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("load rules on %s: %w: %s", h.Name, err, strings.TrimSpace(out.String()))
	}
	return nil
}

// Filter adds rules to a chain of the host: hook is input, output, forward or
// prerouting. Several calls add several chains; a drop in any counts.
func (h *Host) Filter(ctx context.Context, hook string, rules ...string) error {
	h.net.mu.Lock()
	h.net.chains++
	name := fmt.Sprintf("fault%d", h.net.chains)
	h.net.mu.Unlock()
	return h.NFT(ctx, fmt.Sprintf("table inet %s {\n\tchain %s {\n\t\ttype filter hook %s priority 0\n\t\t%s\n\t}\n}\n",
		name, hook, hook, strings.Join(rules, "\n\t\t")))
}

// Sysctl sets a kernel setting of the host's network, such as
// net.ipv4.ip_forward.
func (h *Host) Sysctl(name, value string) error {
	return h.inside(func() error {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		if err := os.WriteFile(file, []byte(value), 0); err != nil {
			return fmt.Errorf("on %s: %w", h.Name, err)
		}
		return nil
	})
}

// WaitListen waits until something listens on each of the TCP ports of the
// host, for at most 20 s.
func (h *Host) WaitListen(ctx context.Context, ports ...int) error {
	return poll(ctx, fmt.Sprintf("%s to listen on %v", h.Name, ports), func() (bool, error) {
		var open map[int]bool
		err := h.inside(func() (err error) {
			open, err = listening()
			return err
		})
		for _, p := range ports {
			if !open[p] {
				return false, err
			}
		}
		return true, err
	})
}

// listening reads which TCP ports this thread's namespace listens on.
func listening() (map[int]bool, error) {
	open := map[int]bool{}
	for _, name := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			const listen = "0A"
			if len(f) < 4 || f[3] != listen {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				open[int(port)] = true
			}
		}
	}
	return open, nil
}

// patience bounds what is ready within a second on a machine that is not
// overloaded.
const patience = 20 * time.Second

// poll calls ready every few milliseconds, until patience is over.
func poll(ctx context.Context, what string, ready func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ready()
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}
