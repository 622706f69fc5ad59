package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"ftpdoctor/internal/audit"
)

// The time between two looks at a log that is being written.
const followEvery = 250 * time.Millisecond

// tail reads a file that is being written, and what takes its name when it is
// rotated, until its context ends.
type tail struct {
	ctx  context.Context
	name string
	file *os.File
	read int64
	// told: there was something to read since the last pause.
	told bool
}

func follower(ctx context.Context, name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &tail{ctx: ctx, name: name, file: f}, nil
}

func (t *tail) Close() error { return t.file.Close() }

// Read returns [audit.ErrPause] at the end of what there is, and waits only when
// it has done so.
func (t *tail) Read(p []byte) (int, error) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		n, err := t.file.Read(p)
		t.read += int64(n)
		if n > 0 {
			t.told = true
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("follow: %w", err)
		}
		if t.told {
			t.told = false
			return 0, audit.ErrPause
		}
		if again, err := t.rotated(); err != nil || again {
			if err != nil {
				return 0, err
			}
			continue
		}
		select {
		case <-t.ctx.Done():
			return 0, io.EOF
		case <-tick.C:
		}
	}
}

// rotated tells whether there is something new under the name: another file,
// or the same one emptied (copytruncate). The old file has been read to its end.
func (t *tail) rotated() (bool, error) {
	now, err := os.Stat(t.name)
	if err != nil {
		return false, nil //nolint:nilerr // between two names; it will come
	}
	old, err := t.file.Stat()
	if err != nil {
		return false, fmt.Errorf("follow: %w", err)
	}
	switch {
	case !os.SameFile(now, old):
		f, err := os.Open(t.name)
		if err != nil {
			return false, nil //nolint:nilerr // it was there a moment ago
		}
		t.file.Close()
		t.file, t.read = f, 0
		return true, nil
	case now.Size() < t.read:
		if _, err := t.file.Seek(0, io.SeekStart); err != nil {
			return false, fmt.Errorf("follow: %w", err)
		}
		t.read = 0
		return true, nil
	}
	return false, nil
}
