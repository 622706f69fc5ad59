package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ftpdoctor/internal/audit"
)

// readUntilPause collects what a followed log gives before it pauses or ends.
func readUntilPause(t *testing.T, r io.Reader) (text string, end error) {
	t.Helper()
	buf := make([]byte, 7)
	for {
		n, err := r.Read(buf)
		text += string(buf[:n])
		if err != nil {
			return text, err
		}
	}
}

// A followed log is read through rotation by a new file, and by emptying.
func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	write := func(name, text string, how int) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(name, "one\n", os.O_TRUNC)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := follower(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	expect := func(want string) {
		t.Helper()
		if got, err := readUntilPause(t, r); got != want || !errors.Is(err, audit.ErrPause) {
			t.Errorf("read %q and %v, want %q", got, err, want)
		}
	}
	expect("one\n")
	write(name, "two\n", os.O_APPEND)
	expect("two\n")
	if err := os.Rename(name, name+".1"); err == nil { // Windows lets nobody rename an open file
		write(name+".1", "late\n", os.O_APPEND)
		expect("late\n")
		write(name, "three\n", os.O_TRUNC)
		expect("three\n")
	}
	write(name, "4\n", os.O_TRUNC)
	expect("4\n")
	cancel()
	if got, err := readUntilPause(t, r); got != "" || !errors.Is(err, io.EOF) {
		t.Errorf("at its end: %q, %v", got, err)
	}
	if _, err := follower(ctx, name+".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log that is not there: %v", err)
	}
}
