// Package machine is a machine to look at: the one that this program runs on,
// or another over SSH, on which nothing is installed.
//
// It hides how a command gets there, quoting for the remote shell, what start-up
// files print in between, sudo, the difference between a read of a file here and
// there, and the host key. It promises that both kinds answer alike, that every
// command ends within its time limit and its output within a bound, that
// commands speak C (LC_ALL), that no more sessions are open at once than a
// server with usual settings allows, and that an unknown or changed host key is
// never accepted.
//
// It runs what it is given: that commands only read is the caller's duty, and
// [Machine.Ran] shows what was run.
//
//	m, err := machine.Dial(ctx, machine.Address{User: "admin", Host: "ftp.example.com"}, machine.Options{})
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	out, err := m.Run(ctx, "ss", "-Hltn")
package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds on one command.
const (
	// Limit is how long a command may take, unless its context ends before.
	Limit = 10 * time.Second
	// MaxOutput bounds each of its two streams, and the size of a file.
	MaxOutput = 4 << 20
)

// ErrTooLarge says that a file is larger than MaxOutput. Its beginning comes
// with it.
var ErrTooLarge = errors.New("larger than 4 MiB")

// Output is what a command said.
type Output struct {
	Stdout, Stderr []byte
	Exit           int  // exit status; -1: ended by a signal (or 129 to 191, by which shells tell one), or cut
	Cut            bool // it said more than MaxOutput, and was ended
}

// Command is one thing that was done on the machine. Files that were read, and
// patterns that were expanded, are here as the command that would show the same.
type Command struct {
	Argv    []string
	Root    bool // through sudo
	Started time.Time
	Took    time.Duration
	Exit    int
	Err     string // why there is no exit status; empty: there is
}

// String is the command as one would type it.
func (c Command) String() string {
	argv := c.Argv
	if c.Root {
		argv = append([]string{"sudo", "-n"}, argv...)
	}
	return Quote(argv...)
}

// File is what is known of a file; that of a link is of what it leads to.
type File struct {
	Path        string
	Mode        fs.FileMode
	UID, GID    int    // -1: this system has none
	User, Group string // names; empty where the number has none
	Size        int64
	Modified    time.Time
	Target      string // Path is a link: where it leads in the end
}

// System is what kind of machine it is.
type System struct {
	OS           string        // as GOOS: linux, darwin, freebsd, windows
	Distribution string        // ID of os-release: debian, rhel; empty elsewhere
	Version      string        // VERSION_ID of os-release: 12
	Name         string        // PRETTY_NAME of os-release
	Kernel       string        // uname -r
	Host         string        // its own name
	User         string        // as whom we look
	Root         bool          // as root, or through sudo without a password
	Clock        time.Duration // its clock minus ours, to within half the round trip
}

// way is how a command reaches the machine.
type way interface {
	// run runs argv, within ctx, and bounds its output. A command that is not
	// there is exec.ErrNotFound.
	run(ctx context.Context, argv []string) (Output, error)
	close() error
}

// Machine is a machine to look at. Its methods may be called concurrently.
type Machine struct {
	name  string
	way   way
	local bool // files are read directly
	from  netip.Addr

	system func() System
	sudo   func() bool // sudo without a password works for something

	mu  sync.Mutex
	ran []Command
}

// Name says which machine it is: "local", or "ssh://user@host:port".
func (m *Machine) Name() string { return m.name }

// System says what kind of machine it is.
func (m *Machine) System() System { return m.system() }

// From is the address from which we come, as the machine sees it; invalid: not
// known, since it is this machine, or another one is in between.
func (m *Machine) From() netip.Addr { return m.from }

// Ran lists what was done so far, in the order in which it began.
func (m *Machine) Ran() []Command {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.ran)
	slices.SortStableFunc(out, func(a, b Command) int { return a.Started.Compare(b.Started) })
	return out
}

// Close ends the connection. Commands under way end with an error.
func (m *Machine) Close() error { return m.way.close() }

// asRoot are the commands that refuse to answer, or answer less, for others
// than root.
var asRoot = []string{
	"aa-status", "apparmor_status", "auditctl", "ausearch", "chage", "conntrack", "dmesg", "doveadm", "fail2ban-client", "firewall-cmd", "fuser", "ip6tables-save", "iptables-save",
	"ebtables-save", "faillock", "getfacl", "ipset", "journalctl", "lsof", "nft", "pam_tally2", "passwd", "proftpd", "pure-ftpwho", "quota", "repquota", "sestatus", "ss", "sshd", "ufw", "vsftpd",
}

// Run runs a command, without a shell. An exit status other than 0 is no error.
// A command that is not installed is exec.ErrNotFound; one that takes longer
// than Limit is context.DeadlineExceeded.
//
// A command that says more to root runs through `sudo -n` where we are not root
// and sudo asks no password; where sudo refuses this command, it runs without.
func (m *Machine) Run(ctx context.Context, argv ...string) (Output, error) {
	if len(argv) == 0 || argv[0] == "" {
		return Output{}, errors.New("run: no command is given")
	}
	if slices.Contains(asRoot, path.Base(argv[0])) && m.sudo() {
		out, err := m.record(ctx, argv, true, func(ctx context.Context) (Output, error) { return m.withSudo(ctx, argv) })
		if !sudoRefused(out, err) {
			return out, err
		}
	}
	return m.record(ctx, argv, false, func(ctx context.Context) (Output, error) { return m.way.run(ctx, argv) })
}

func (m *Machine) withSudo(ctx context.Context, argv []string) (Output, error) {
	return m.way.run(ctx, append([]string{"sudo", "-n", "--"}, argv...))
}

// sudoRefused tells whether it was sudo that said no, not the command. These
// are its words for "a password is required", "not allowed", "not found".
func sudoRefused(out Output, err error) bool {
	return err == nil && out.Exit == 1 && strings.HasPrefix(string(out.Stderr), "sudo: ") ||
		err == nil && out.Exit == 1 && strings.HasPrefix(string(out.Stderr), "Sorry, user ")
}

// record bounds a step and notes it.
func (m *Machine) record(ctx context.Context, argv []string, root bool, f func(context.Context) (Output, error)) (Output, error) {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	c := Command{Argv: slices.Clone(argv), Root: root, Started: time.Now()}
	out, err := f(ctx)
	c.Took, c.Exit = time.Since(c.Started), out.Exit
	if err != nil {
		c.Exit, c.Err = -1, err.Error()
		if _, ok := errors.AsType[*fs.PathError](err); !ok { // which names its operation and path itself
			err = fmt.Errorf("%s: %w", argv[0], err)
		}
	}
	m.mu.Lock()
	m.ran = append(m.ran, c)
	m.mu.Unlock()
	return out, err
}

// step is record for what is not the output of a command.
func step[T any](ctx context.Context, m *Machine, argv []string, root bool, f func(context.Context) (T, error)) (T, error) {
	var v T
	_, err := m.record(ctx, argv, root, func(ctx context.Context) (_ Output, err error) {
		v, err = f(ctx)
		return Output{}, err
	})
	return v, err
}

// tryAsRoot does it plainly, and again through sudo where it was not permitted.
func tryAsRoot[T any](ctx context.Context, m *Machine, argv []string, plain, root func(context.Context) (T, error)) (T, error) {
	v, err := step(ctx, m, argv, false, plain)
	if !errors.Is(err, fs.ErrPermission) || !m.sudo() {
		return v, err
	}
	again, err2 := step(ctx, m, argv, true, root)
	if errors.Is(err2, errSudo) {
		return v, err
	}
	return again, err2
}

// ReadFile reads a regular file, of those in /proc too. One larger than
// MaxOutput is cut, and ErrTooLarge.
func (m *Machine) ReadFile(ctx context.Context, name string) ([]byte, error) {
	plain := func(ctx context.Context) ([]byte, error) { return readVia(ctx, m.way.run, name) }
	if m.local {
		plain = func(context.Context) ([]byte, error) { return readHere(name) }
	}
	return tryAsRoot(ctx, m, []string{"cat", name}, plain,
		func(ctx context.Context) ([]byte, error) { return readVia(ctx, m.withSudo, name) })
}

// Stat says what a file is. A link is followed.
func (m *Machine) Stat(ctx context.Context, name string) (File, error) {
	plain := func(ctx context.Context) (File, error) { return m.statVia(ctx, m.way.run, name) }
	if m.local {
		plain = func(context.Context) (File, error) { return statHere(name) }
	}
	return tryAsRoot(ctx, m, []string{"stat", "-L", name}, plain,
		func(ctx context.Context) (File, error) { return m.statVia(ctx, m.withSudo, name) })
}

// Glob expands a pattern of *, ? and [], as a shell does: a leading dot must be
// matched by a dot, and the result is sorted. No match is no error.
func (m *Machine) Glob(ctx context.Context, pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("expand %q: %w", pattern, err)
	}
	plain := func(ctx context.Context) ([]string, error) { return globVia(ctx, m.way.run, pattern) }
	if m.local {
		plain = func(context.Context) ([]string, error) { return globHere(pattern) }
	}
	argv := []string{"ls", "-d", pattern}
	found, err := step(ctx, m, argv, false, plain)
	if err != nil || len(found) > 0 || !m.sudo() {
		return found, err
	}
	// An unreadable directory looks like an empty one.
	again, err := step(ctx, m, argv, true, func(ctx context.Context) ([]string, error) { return globVia(ctx, m.withSudo, pattern) })
	if errors.Is(err, errSudo) {
		return nil, nil
	}
	return again, err
}

// Local is the machine that this program runs on.
func Local() *Machine {
	m := &Machine{name: "local", local: true, way: here{}}
	m.sudo = sync.OnceValue(func() bool { return !isRoot() && runtime.GOOS != "windows" && m.canSudo(context.Background(), "-l") })
	m.system = sync.OnceValue(func() System {
		s := localSystem()
		s.Root = isRoot() || m.sudo() && m.canSudo(context.Background(), "true")
		return s
	})
	return m
}

// canSudo asks sudo itself, without a password.
func (m *Machine) canSudo(ctx context.Context, what string) bool {
	argv := []string{"sudo", "-n", what}
	out, err := m.record(ctx, argv, false, func(ctx context.Context) (Output, error) { return m.way.run(ctx, argv) })
	return err == nil && out.Exit == 0
}

// notFound makes the system's errors for a missing program one.
func notFound(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return exec.ErrNotFound
	}
	return err
}
