//go:build !unix

package machine

import (
	"io/fs"
	"os/exec"
)

const nonblock = 0

// ownGroup: the end of a command does not end its children on this system.
func ownGroup(*exec.Cmd) {}

// isRoot is told by no number on this system: what needs an administrator says
// so when it is refused.
func isRoot() bool { return false }

// owners are no numbers on this system.
func owners(*File, fs.FileInfo) {}
