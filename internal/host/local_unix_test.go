//go:build unix

package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// local is this machine, for tests.
type local struct{}

func (local) Run(ctx context.Context, argv ...string) (Output, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		err = nil
	}
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return Output{out.Bytes(), diag.Bytes(), code}, err
}

func (local) ReadFile(_ context.Context, path string) ([]byte, error) { return os.ReadFile(path) }

func (local) Glob(_ context.Context, pattern string) ([]string, error) { return filepath.Glob(pattern) }

func (local) Stat(_ context.Context, path string) (File, error) {
	l, err := os.Lstat(path)
	if err != nil {
		return File{}, err
	}
	f := File{Path: path}
	f.Target, _ = os.Readlink(path)
	if i, err := os.Stat(path); err == nil {
		l = i
	}
	f.Mode, f.Size, f.Modified = l.Mode(), l.Size(), l.ModTime()
	if s, ok := l.Sys().(*syscall.Stat_t); ok {
		f.UID, f.GID = int(s.Uid), int(s.Gid)
		if u, err := user.LookupId(strconv.Itoa(f.UID)); err == nil {
			f.User = u.Username
		}
	}
	return f, nil
}

func (local) System() System {
	return System{OS: runtime.GOOS, Root: os.Getuid() == 0}
}
