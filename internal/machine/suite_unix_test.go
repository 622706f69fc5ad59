//go:build unix

package machine

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testMachine is the suite that every kind of machine passes: it sees the
// files of this test, and runs as who runs the test.
func testMachine(t *testing.T, m *Machine) {
	t.Run("run", func(t *testing.T) { testRun(t, m) })
	t.Run("bounds", func(t *testing.T) { testBounds(t, m) })
	t.Run("files", func(t *testing.T) { testFiles(t, m) })
	t.Run("stat", func(t *testing.T) { testStat(t, m) })
	t.Run("glob", func(t *testing.T) { testGlob(t, m) })
	t.Run("system", func(t *testing.T) { testSystem(t, m) })
}

func testRun(t *testing.T, m *Machine) {
	ctx := t.Context()
	sh := func(script string) Output {
		t.Helper()
		out, err := m.Run(ctx, "sh", "-c", script)
		if err != nil {
			t.Fatalf("sh -c %q: %v", script, err)
		}
		return out
	}
	got := sh("echo to stdout; echo to stderr >&2; exit 3")
	want := Output{Stdout: []byte("to stdout\n"), Stderr: []byte("to stderr\n"), Exit: 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got := sh("kill -9 $$"); got.Exit != -1 {
		t.Errorf("exit of what a signal ended = %d, want -1", got.Exit)
	}
	if got := sh("cat; echo $LC_ALL"); string(got.Stdout) != "C\n" {
		t.Errorf("standard input and LC_ALL: %q, want nothing and C", got.Stdout)
	}
	if got := sh("command -v ip || command -v ifconfig"); len(got.Stdout) == 0 {
		t.Error("programs of administrators are not found")
	}
	if got := sh(`printf '\000\377\r\n'`); string(got.Stdout) != "\x00\xff\r\n" {
		t.Errorf("bytes: %q", got.Stdout)
	}
	for _, arg := range []string{"", " ", "$HOME", "`id`", "a'b", `a"b`, `a\b`, `a\\b`, "a\nb", "*", "~", "-n", "!x", "%s", "&& id", ";id", "ä\xff", "\t", "a'\\''b", "#x"} {
		out, err := m.Run(ctx, "printf", "%s|", arg, "end")
		if err != nil || string(out.Stdout) != arg+"|end|" {
			t.Errorf("argument %q arrives as %q, %v", arg, out.Stdout, err)
		}
	}
	if _, err := m.Run(ctx, "no-such-program-of-ours", "x"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is not there: %v, want exec.ErrNotFound", err)
	}
	if _, err := m.Run(ctx, "/no/such/program"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a path that is not there: %v, want exec.ErrNotFound", err)
	}
	if _, err := m.Run(ctx); err == nil {
		t.Error("no command: no error")
	}
	ran := m.Ran()
	if len(ran) == 0 || ran[len(ran)-1].Err == "" || ran[len(ran)-1].Exit != -1 {
		t.Errorf("Ran ends in %+v, want the program that is not there", ran[len(ran)-1])
	}
}

func testBounds(t *testing.T, m *Machine) {
	out, err := m.Run(t.Context(), "sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done")
	if err != nil || !out.Cut || len(out.Stdout) != MaxOutput || out.Exit != -1 {
		t.Errorf("endless output: %d bytes, cut %t, exit %d, %v", len(out.Stdout), out.Cut, out.Exit, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = m.Run(ctx, "sh", "-c", "sleep 60; :")
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
		t.Errorf("a command that hangs: %v after %v, want context.DeadlineExceeded at once", err, took)
	}
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			out, err := m.Run(t.Context(), "sh", "-c", "sleep 0.05; echo done")
			if err != nil || string(out.Stdout) != "done\n" {
				t.Errorf("one of many at once: %q, %v", out.Stdout, err)
			}
		})
	}
	wg.Wait()
}

func testFiles(t *testing.T, m *Machine) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	exact, large := strings.Repeat("x", MaxOutput), strings.Repeat("y", MaxOutput+1)
	for name, content := range map[string]string{"plain": "a\nb\n", "empty": "", "no newline": "x", "-n": "dash", "with 'quote' and $x": "q", "bytes": "\x00\xff", "exact": exact} {
		got, err := m.ReadFile(t.Context(), write(name, content))
		if err != nil || string(got) != content {
			t.Errorf("ReadFile(%s) = %d bytes, %v; want %d", name, len(got), err, len(content))
		}
	}
	got, err := m.ReadFile(t.Context(), write("large", large))
	if !errors.Is(err, ErrTooLarge) || !bytes.Equal(got, []byte(large[:MaxOutput])) {
		t.Errorf("ReadFile of what is too large: %d bytes, %v", len(got), err)
	}
	if got, err := m.ReadFile(t.Context(), "/proc/self/status"); err != nil || !strings.Contains(string(got), "Name:") {
		if _, err := os.Stat("/proc/self/status"); err == nil {
			t.Errorf("ReadFile of /proc: %q, %v", got, err)
		}
	}
	if _, err := m.ReadFile(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile of nothing: %v, want fs.ErrNotExist", err)
	}
	if _, err := m.ReadFile(t.Context(), dir); err == nil {
		t.Error("ReadFile of a directory: no error")
	}
	fifo := filepath.Join(dir, "fifo")
	if out, err := exec.CommandContext(t.Context(), "mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	if _, err := m.ReadFile(t.Context(), fifo); !errors.Is(err, errIrregular) {
		t.Errorf("ReadFile of a pipe: %v, want %v", err, errIrregular)
	}
}

func testStat(t *testing.T, m *Machine) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	modified := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	if err := errors.Join(os.WriteFile(at("file"), []byte("hello"), 0o640), os.Chmod(at("file"), 0o640), os.Chtimes(at("file"), modified, modified),
		os.Mkdir(at("dir"), 0o755), os.Chmod(at("dir"), 0o770|os.ModeSticky|os.ModeSetgid),
		os.Symlink("file", at("link")), os.Symlink(at("link"), at("link to link")), os.Symlink("nowhere", at("dangling"))); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"file": "", "dir": "", "link": "file", "link to link": "file"} {
		want, err := statHere(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if target != "" {
			target = filepath.Join(real, target)
		}
		got, err := m.Stat(t.Context(), at(name))
		if err != nil {
			t.Errorf("Stat(%s): %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" || got.Target != target {
			t.Errorf("Stat(%s), target %q (-want +got):\n%s", name, got.Target, diff)
		}
	}
	for _, name := range []string{"none", "dangling", "none/below"} {
		if _, err := m.Stat(t.Context(), at(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%s): %v, want fs.ErrNotExist", name, err)
		}
	}
	if f, err := m.Stat(t.Context(), "/dev/null"); err != nil || f.Mode&fs.ModeCharDevice == 0 || f.User != "root" || f.UID != 0 {
		t.Errorf("Stat(/dev/null) = %+v, %v", f, err)
	}
}

func testGlob(t *testing.T, m *Machine) {
	dir := t.TempDir()
	for _, name := range []string{"b.conf", "a.conf", ".hidden.conf", "c d.conf", "e'f.conf", "$x.conf", "x.txt", "[y].conf"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.lnk")); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][]string{
		"*.conf":       {"$x.conf", "[y].conf", "a.conf", "b.conf", "c d.conf", "e'f.conf"},
		".*.conf":      {".hidden.conf"},
		"[ab].conf":    {"a.conf", "b.conf"},
		"[^a].conf":    {"b.conf"},
		"[a-b].*":      {"a.conf", "b.conf"},
		"?.txt":        {"x.txt"},
		"c d.*":        {"c d.conf"},
		"e'f.c*":       {"e'f.conf"},
		"$x.con?":      {"$x.conf"},
		`\[y\].c*`:     {"[y].conf"},
		"*.lnk":        {"dangling.lnk"},
		"a.conf":       {"a.conf"},
		"*.none":       nil,
		"none/*":       nil,
		"$(id).conf*":  nil,
		"`id`;id#.*":   nil,
		"a.conf b.con": nil,
	} {
		got, err := m.Glob(t.Context(), filepath.Join(dir, pattern))
		for i, name := range got {
			got[i] = strings.TrimPrefix(name, dir+"/")
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Glob(%s): %v (-want +got):\n%s", pattern, err, diff)
		}
	}
	if _, err := m.Glob(t.Context(), "/[a"); err == nil {
		t.Error("Glob of a bad pattern: no error")
	}
}

func testSystem(t *testing.T, m *Machine) {
	want := localSystem()
	got := m.System()
	if got.OS != want.OS || got.Distribution != want.Distribution || got.Version != want.Version || got.Kernel != want.Kernel || got.User != want.User || got.Root != isRoot() {
		t.Errorf("System = %+v, want %+v", got, want)
	}
	if got.Clock.Abs() > time.Second {
		t.Errorf("its clock is ours, and is said to differ by %v", got.Clock)
	}
}

func TestLocal(t *testing.T) { testMachine(t, Local()) }
