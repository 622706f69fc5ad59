package host

import (
	"context"
	"io/fs"
	"time"
)

// Machine is what an inspection needs of a machine: commands that read, files,
// and what it is. A command that is not there gives an error that is
// exec.ErrNotFound, a file fs.ErrNotExist or fs.ErrPermission; a command's exit
// status is no error.
type Machine interface {
	Run(ctx context.Context, argv ...string) (Output, error)
	ReadFile(ctx context.Context, path string) ([]byte, error)
	Stat(ctx context.Context, path string) (File, error)
	Glob(ctx context.Context, pattern string) ([]string, error)
	System() System
}

// Output is what a command wrote and how it ended.
type Output struct {
	Stdout, Stderr []byte
	Exit           int
}

// File is what is known of a file without opening it.
type File struct {
	Path        string
	Mode        fs.FileMode
	UID, GID    int
	User, Group string
	Size        int64
	Modified    time.Time
	Target      string // of a symbolic link
}

// System is what kind of machine it is.
type System struct {
	OS, Distribution, Version, Kernel string
	Root                              bool // everything may be read
	Clock                             time.Duration
}
