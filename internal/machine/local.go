package machine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// here runs commands on this machine.
type here struct{}

func (here) close() error { return nil }

func (here) run(ctx context.Context, argv []string) (Output, error) {
	file, err := lookPath(argv[0])
	if err != nil {
		return Output{}, notFound(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stdout, stderr := &bounded{max: MaxOutput, full: cancel}, &bounded{max: MaxOutput, full: cancel}
	cmd := exec.CommandContext(ctx, file, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ownGroup(cmd)
	cmd.WaitDelay = time.Second // a child that keeps our pipe open does not hold us
	err = cmd.Run()
	out := Output{Stdout: stdout.bytes(), Stderr: stderr.bytes(), Cut: stdout.cut || stderr.cut}
	if cmd.ProcessState != nil {
		out.Exit = exitOf(cmd.ProcessState.ExitCode()) // as a shell tells it
	}
	var exit *exec.ExitError
	switch {
	case out.Cut:
		out.Exit = -1
		return out, nil
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err == nil, errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay):
		return out, nil
	default:
		return out, notFound(err)
	}
}

// bounded keeps the first max bytes, and calls full when more come.
type bounded struct {
	kept bytes.Buffer // no embedded one: its ReadFrom would go around the bound
	max  int
	full func()
	cut  bool
}

func (b *bounded) bytes() []byte { return b.kept.Bytes() }

func (b *bounded) Write(p []byte) (int, error) {
	room := b.max - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.cut = true
	b.kept.Write(p[:room])
	b.full()
	return len(p), nil // what comes after is for nobody
}

// sbin are where programs of administrators are, which are not in every user's
// PATH.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"}

// searchPath is PATH with the directories of administrators.
func searchPath() string {
	if runtime.GOOS == "windows" {
		return os.Getenv("PATH")
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, d := range sbin {
		if !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// lookPath finds a program as a shell with searchPath would.
func lookPath(name string) (string, error) {
	if strings.ContainsRune(name, '/') || runtime.GOOS == "windows" {
		return exec.LookPath(name)
	}
	for _, dir := range filepath.SplitList(searchPath()) {
		if dir == "" {
			continue
		}
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return "", exec.ErrNotFound
}

// environment is ours, in C.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "LC_") || name == "LANG" || name == "LANGUAGE" || name == "PATH" && runtime.GOOS != "windows"
	})
	if runtime.GOOS != "windows" {
		env = append(env, "PATH="+searchPath())
	}
	return append(env, "LC_ALL=C", "LANG=C")
}

var errIrregular = errors.New("no regular file")

func readHere(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIrregular}
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxOutput+1))
	if err == nil && len(b) > MaxOutput {
		b, err = b[:MaxOutput], &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return b, err
}

func statHere(name string) (File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return File{}, err
	}
	f := File{Path: name, Mode: info.Mode(), Size: info.Size(), Modified: info.ModTime(), UID: -1, GID: -1}
	owners(&f, info)
	if link, err := os.Lstat(name); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if f.Target, err = filepath.EvalSymlinks(name); err != nil {
			return File{}, err
		}
	}
	return f, nil
}

func globHere(pattern string) ([]string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(name string) bool { return hiddenMatch(pattern, name) })
	slices.Sort(found)
	return found, nil
}

// hiddenMatch tells whether a wildcard has matched a leading dot, which it does
// in Go and not in a shell.
func hiddenMatch(pattern, name string) bool {
	p, n := strings.Split(filepath.ToSlash(pattern), "/"), strings.Split(filepath.ToSlash(name), "/")
	for i := range min(len(p), len(n)) {
		if strings.HasPrefix(n[i], ".") && !strings.HasPrefix(p[i], ".") && !strings.HasPrefix(p[i], `\.`) {
			return true
		}
	}
	return false
}
