//go:build unix

package machine

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// nonblock makes the opening of a pipe that nobody writes to return.
const nonblock = syscall.O_NONBLOCK

// ownGroup makes the end of a command that of its children too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}

func isRoot() bool { return os.Geteuid() == 0 }

func owners(f *File, info fs.FileInfo) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	f.UID, f.GID = int(st.Uid), int(st.Gid)
	if u, err := user.LookupId(strconv.Itoa(f.UID)); err == nil {
		f.User = u.Username
	}
	if g, err := user.LookupGroupId(strconv.Itoa(f.GID)); err == nil {
		f.Group = g.Name
	}
}
