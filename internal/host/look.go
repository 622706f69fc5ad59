package host

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/machine"
)

// look is one inspection: the machine, the question, and what several sections
// want to know, each learnt once.
type look struct {
	ctx context.Context // of the inspection; what is learnt once outlives the section that asked first
	m   Machine
	q   Question
	sys machine.System

	commands memo[string, ran]
	contents memo[string, content]
	stats    memo[string, stated]
	globs    memo[string, []string]

	name       func() string
	clock      func() clock
	interfaces func() []Interface
	processes  func() []Process
	sockets    func() sockets
	units      func() units
	servers    func() []*Server
	ruleset    func() ruleset
}

func newLook(ctx context.Context, m Machine, q Question) *look {
	l := &look{ctx: ctx, m: m, q: q, sys: m.System()}
	l.name = sync.OnceValue(l.findName)
	l.clock = sync.OnceValue(l.findClock)
	l.interfaces = sync.OnceValue(l.findInterfaces)
	l.processes = sync.OnceValue(l.findProcesses)
	l.sockets = sync.OnceValue(l.findSockets)
	l.units = sync.OnceValue(l.findUnits)
	l.servers = sync.OnceValue(l.findServers)
	l.ruleset = sync.OnceValue(l.findRuleset)
	return l
}

// memo learns each thing once, also when several ask at a time.
type memo[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]func() V
}

func (m *memo[K, V]) of(k K, learn func() V) V {
	m.mu.Lock()
	if m.all == nil {
		m.all = map[K]func() V{}
	}
	f := m.all[k]
	if f == nil {
		f = sync.OnceValue(learn)
		m.all[k] = f
	}
	m.mu.Unlock()
	return f()
}

// ran is what came of a command.
type ran struct {
	out, err string // standard output and standard error
	exit     int
	failed   error // it could not be run
}

// ok tells whether the command ran and said that all is well.
func (r ran) ok() bool { return r.failed == nil && r.exit == 0 }

// run runs a command, once for all who want it.
func (l *look) run(argv ...string) ran {
	return l.commands.of(strings.Join(argv, "\x00"), func() ran {
		o, err := l.m.Run(l.ctx, argv...)
		return ran{string(o.Stdout), string(o.Stderr), o.Exit, err}
	})
}

type content struct {
	text string
	err  error
}

// read reads a file, once for all who want it.
func (l *look) read(path string) (string, error) {
	c := l.contents.of(path, func() content {
		b, err := l.m.ReadFile(l.ctx, path)
		return content{string(b), err}
	})
	return c.text, c.err
}

// text is the content of a file; empty where it can't be read.
func (l *look) text(path string) string {
	s, err := l.read(path)
	if err != nil {
		return ""
	}
	return s
}

type stated struct {
	file machine.File
	err  error
}

func (l *look) stat(path string) (machine.File, error) {
	s := l.stats.of(path, func() stated {
		f, err := l.m.Stat(l.ctx, path)
		return stated{f, err}
	})
	return s.file, s.err
}

// exists tells whether there is such a file, and false also where that can't be seen.
func (l *look) exists(path string) bool {
	_, err := l.stat(path)
	return err == nil
}

// missing tells whether there surely is no such file.
func (l *look) missing(path string) bool {
	_, err := l.stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// link is what a symbolic link holds, which of the kernel's own links is no
// path; empty: it is none, or can't be read.
func (l *look) link(path string) string {
	r := l.run("readlink", path)
	if !r.ok() {
		return ""
	}
	return strings.TrimSpace(r.out)
}

func (l *look) glob(pattern string) []string {
	return l.globs.of(pattern, func() []string {
		names, err := l.m.Glob(l.ctx, pattern)
		if err != nil {
			return nil
		}
		return names
	})
}

// first is the first of the files that exists, or "".
func (l *look) first(paths ...string) string {
	for _, p := range paths {
		if l.exists(p) {
			return p
		}
	}
	return ""
}

func (l *look) findName() string {
	if s := strings.TrimSpace(l.text("/proc/sys/kernel/hostname")); s != "" {
		return s
	}
	if r := l.run("hostname"); r.ok() && strings.TrimSpace(r.out) != "" {
		return strings.TrimSpace(r.out)
	}
	return "localhost"
}

// clock is the machine's own time, and what its kernel counts from.
type clock struct {
	now    time.Time     // zero: could not be read
	uptime time.Duration // since the kernel started; 0: unknown
}

// at turns a time since the start of the kernel into one of the clock.
func (c clock) at(since time.Duration) time.Time {
	if c.now.IsZero() || c.uptime == 0 {
		return time.Time{}
	}
	return c.now.Add(since - c.uptime)
}

// findClock reads both in one command: they are compared to hundredths.
func (l *look) findClock() clock {
	if l.sys.OS == linux {
		r := l.run("sh", "-c", "date +%s.%N; cat /proc/uptime")
		if r.ok() {
			return parseClock(r.out)
		}
	}
	r := l.run("date", "+%s")
	if !r.ok() {
		return clock{}
	}
	return parseClock(r.out)
}

// isLocal tells whether an interface of the machine has the address.
func (l *look) isLocal(a netip.Addr) bool {
	for _, i := range l.interfaces() {
		for _, p := range i.Addresses {
			if p.Addr() == a.Unmap() {
				return true
			}
		}
	}
	return false
}
