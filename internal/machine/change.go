package machine

import (
	"context"
	"errors"
)

// ErrNotRoot says that the machine can be looked at, but not changed: we are
// not root there, and sudo asks for a password or allows less than a shell.
var ErrNotRoot = errors.New("changing this machine needs root, or sudo without a password")

// Change runs a shell script as root, with $1 and the following. It is the one
// way to alter a machine; everything else in this package only reads. An exit
// status other than 0 is no error. What takes longer than Limit is the script's
// to put in the background.
func (m *Machine) Change(ctx context.Context, script string, args ...string) (Output, error) {
	argv := append([]string{"/bin/sh", "-c", script, "sh"}, args...)
	if m.isRoot(ctx) {
		return m.record(ctx, argv, false, func(ctx context.Context) (Output, error) { return m.way.run(ctx, argv) })
	}
	if !m.sudo() {
		return Output{}, ErrNotRoot
	}
	out, err := m.record(ctx, argv, true, func(ctx context.Context) (Output, error) { return m.withSudo(ctx, argv) })
	if sudoRefused(out, err) {
		return out, ErrNotRoot
	}
	return out, err
}

// isRoot tells whether commands run as root without sudo.
func (m *Machine) isRoot(ctx context.Context) bool {
	if m.local {
		return isRoot()
	}
	out, err := m.Run(ctx, "id", "-u")
	return err == nil && string(out.Stdout) == "0\n"
}
