package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// maxLabs bounds how many labs stand side by side.
const maxLabs = 64

// stateDir holds a directory and a lock file per lab.
func stateDir() string { return filepath.Join(os.TempDir(), "ftpdoctor-lab") }

func labDir(id int) string { return filepath.Join(stateDir(), strconv.Itoa(id)) }

func nsPrefix(id int) string { return fmt.Sprintf("ftplab%d-", id) }

func nsName(id int, host string) string { return nsPrefix(id) + host }

func supported() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root: it makes network namespaces")
	}
	return nil
}

// claim takes the first free number. Leftovers of a lab whose process died are
// cleared away.
func claim(ctx context.Context) (*Net, error) {
	if err := os.MkdirAll(stateDir(), 0o755); err != nil {
		return nil, fmt.Errorf("claim a lab: %w", err)
	}
	for id := 1; id <= maxLabs; id++ {
		lock := flock.New(labDir(id) + ".lock")
		ok, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("claim a lab: %w", err)
		}
		if !ok {
			continue
		}
		if err := demolish(id); err != nil {
			return nil, errors.Join(err, lock.Unlock())
		}
		if err := os.Mkdir(labDir(id), 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("claim a lab: %w", err), lock.Unlock())
		}
		return &Net{id: id, dir: labDir(id), lock: lock}, ctx.Err()
	}
	return nil, fmt.Errorf("claim a lab: all %d are in use", maxLabs)
}

// Down removes what crashed labs left behind, and says which labs it removed
// and which it left because their process lives.
func Down(ctx context.Context) (removed, alive []int, err error) {
	if err := supported(); err != nil {
		return nil, nil, err
	}
	for id := 1; id <= maxLabs && ctx.Err() == nil; id++ {
		if !leftover(id) {
			continue
		}
		lock := flock.New(labDir(id) + ".lock")
		ok, lockErr := lock.TryLock()
		if lockErr != nil {
			return removed, alive, fmt.Errorf("lock lab %d: %w", id, lockErr)
		}
		if !ok {
			alive = append(alive, id)
			continue
		}
		err = errors.Join(err, demolish(id), lock.Unlock())
		removed = append(removed, id)
	}
	return removed, alive, err
}

// leftover tells whether anything of lab id is there.
func leftover(id int) bool {
	_, err := os.Stat(labDir(id))
	return err == nil || len(namespaces(id)) > 0
}

func namespaces(id int) []string {
	found, _ := filepath.Glob("/run/netns/" + nsPrefix(id) + "*") // the pattern is well-formed
	for i, f := range found {
		found[i] = filepath.Base(f)
	}
	return found
}

// noteProcess records a process in the lab's file, by pid and start time: a pid
// alone may be somebody else's by the time we read it.
func noteProcess(dir string, pid int) {
	start, ok := startTime(pid)
	if !ok {
		return // ended already
	}
	f, err := os.OpenFile(filepath.Join(dir, "processes"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return // Close knows the process anyway; only a crash would leave it
	}
	defer f.Close()
	fmt.Fprintln(f, pid, start)
}

// startTime reads field 22 of /proc/PID/stat, in clock ticks since boot.
func startTime(pid int) (string, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	// The second field, the name, may hold spaces and brackets.
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	f := strings.Fields(rest)
	const index = 22 - 3
	if len(f) <= index {
		return "", false
	}
	return f[index], true
}

// demolish ends every process of lab id and removes its namespaces and files.
// The caller holds the lab's lock.
func demolish(id int) error {
	var errs []error
	noted, _ := os.ReadFile(filepath.Join(labDir(id), "processes"))
	for line := range strings.Lines(string(noted)) {
		var pid int
		var start string
		if _, err := fmt.Sscan(line, &pid, &start); err != nil {
			continue
		}
		if now, ok := startTime(pid); ok && now == start {
			_ = unix.Kill(-pid, unix.SIGKILL)
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	// What ours have started and left, such as daemons, is found by the
	// namespace, which is ours alone.
	spaces := namespaces(id)
	if len(spaces) > 0 {
		inodes := map[string]bool{}
		for _, ns := range spaces {
			var st unix.Stat_t
			if unix.Stat("/run/netns/"+ns, &st) == nil {
				inodes[fmt.Sprintf("net:[%d]", st.Ino)] = true
			}
		}
		links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && inodes[to] {
				if pid, err := strconv.Atoi(strings.Split(l, "/")[2]); err == nil && pid != os.Getpid() {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			}
		}
		var batch strings.Builder
		for _, ns := range spaces {
			fmt.Fprintf(&batch, "netns del %s\n", ns)
		}
		cmd := exec.Command("ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(batch.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("remove namespaces: %w: %s", err, out))
		}
	}
	dirs, _ := filepath.Glob("/etc/netns/" + nsPrefix(id) + "*")
	for _, d := range append(dirs, labDir(id)) {
		if err := os.RemoveAll(d); err != nil {
			errs = append(errs, err)
		}
	}
	_ = os.Remove("/etc/netns") // only if nobody else keeps files there
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take lab %d down: %w", id, err)
	}
	return nil
}
