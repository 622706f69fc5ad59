//go:build unix

package observe

import (
	"os"
	"syscall"
)

// ownFile tells whether a file belongs to who runs this program.
func ownFile(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
