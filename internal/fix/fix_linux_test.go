package fix_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ftpdoctor/internal/fix"
	"ftpdoctor/internal/machine"
)

// The tests change a machine: namespaces of mounts, processes and network in
// which /var/lib, /srv, /etc/init.d and /etc/cron.d are empty. The test binary runs itself
// there, under a shell that outlives it.

// inside is set where the binary is to apply a plan: "PLAN STEP HOW".
const inside = "FTPDOCTOR_FIX_INSIDE"

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(inside)); len(words) == 3 {
		step, _ := strconv.Atoi(words[1])
		os.Exit(apply(words[0], step, words[2]))
	}
	os.Exit(m.Run())
}

// ways are plans of every kind of change, over the machine that setUp makes.
var ways = map[string]func() []fix.Change{
	"edit": func() []fix.Change {
		return []fix.Change{{File: &fix.File{Path: "/srv/vsftpd.conf", Content: strings.Repeat("listen=YES\n", 9000)}}}
	},
	"create": func() []fix.Change { return []fix.Change{{File: &fix.File{Path: "/srv/new.conf", Content: "x\n"}}} },
	"link":   func() []fix.Change { return []fix.Change{{File: &fix.File{Path: "/srv/link.conf", Content: "x\n"}}} },
	"remove": func() []fix.Change { return []fix.Change{{File: &fix.File{Path: "/srv/vsftpd.conf", Remove: true}}} },
	"modes": func() []fix.Change {
		return []fix.Change{{Mode: &fix.Mode{Path: "/srv/upload", Mode: "0770", Owner: "daemon:daemon"}}}
	},
	"mkdir": func() []fix.Change {
		return []fix.Change{{Mode: &fix.Mode{Path: "/srv/upload/in", Mode: "0733", Owner: "daemon", Make: true}}}
	},
	"nft": func() []fix.Change {
		return []fix.Change{{Rule: &fix.Rule{Tool: "nft", Table: "inet filter", Chain: "input", Match: "tcp dport 21 accept"}}}
	},
	"iptables": func() []fix.Change {
		return []fix.Change{{Rule: &fix.Rule{Tool: "iptables-legacy", Table: "filter", Chain: "INPUT", Match: "-p tcp --dport 21 -j ACCEPT"}}}
	},
	"start": func() []fix.Change {
		return []fix.Change{{Service: &fix.Service{Manager: fix.SysV, Unit: "resting", Action: fix.Start}}}
	},
	"all": func() []fix.Change {
		return []fix.Change{
			{Service: &fix.Service{Manager: fix.SysV, Unit: "server", Action: fix.Restart}},
			{File: &fix.File{Path: "/srv/server.conf", Content: "new\n", Test: []string{"grep", "-q", "new", "/srv/server.conf"}}},
			{File: &fix.File{Path: "/srv/new.conf", Content: "x\n", Mode: "0600", Owner: "daemon:daemon"}},
			{Mode: &fix.Mode{Path: "/srv/upload", Mode: "0770"}},
			{Rule: &fix.Rule{Tool: "nft", Table: "inet filter", Chain: "input", Match: "tcp dport { 21, 50000-50100 } accept"}},
			{Command: &fix.Command{Do: []string{"touch", "/srv/flag"}, Undo: []string{"rm", "/srv/flag"}, Done: []string{"test", "-e", "/srv/flag"}}},
		}
	},
}

// setUp makes the machine. server reads its configuration when it starts.
const setUp = `set -eu
mount -t tmpfs -o size=32m none /var/lib; mount -t tmpfs -o size=2m none /srv; mount -t tmpfs none /etc/init.d; mount -t tmpfs none /etc/cron.d
mkdir /srv/upload /srv/run /srv/upload/kept; chmod 2750 /srv/upload; chown root:mail /srv/upload
printf 'listen=NO\n' >/srv/vsftpd.conf; chmod 640 /srv/vsftpd.conf; chown root:mail /srv/vsftpd.conf
setfattr -n user.note -v kept /srv/vsftpd.conf 2>/dev/null || :
setfacl -m u:daemon:r /srv/vsftpd.conf 2>/dev/null || :
setfacl -m u:daemon:rwx /srv/upload 2>/dev/null || :
ln -s vsftpd.conf /srv/link.conf; echo old >/srv/server.conf
for s in server resting; do
cat >/etc/init.d/$s <<'END'
#!/bin/sh
pid=/srv/run/${0##*/}
alive() { kill -0 "$(cat $pid 2>/dev/null)" 2>/dev/null; }
case $1 in
start) alive || { cat /srv/server.conf >$pid.conf; setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >$pid; } ;;
stop) alive && kill "$(cat $pid)"; rm -f $pid $pid.conf ;;
restart) "$0" stop; "$0" start ;;
status) alive ;;
esac
END
chmod 755 /etc/init.d/$s
done
/etc/init.d/server start
nft -f - <<END
table inet filter {
	set allowed { type ipv4_addr; elements = { 192.0.2.1 } }
	chain input { type filter hook input priority 0; policy drop; ip saddr @allowed accept; }
}
END
iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT 2>/dev/null || :
picture() {
	(cd /srv && find . -path ./run -prune -o -printf '%p %y %m %u:%g %l\n' | sort
	find . -type f ! -path './run/*' -exec sha256sum {} + | sort
	find . ! -type l ! -path './run/*' | sort | xargs getfacl -n 2>/dev/null; find . ! -type l | sort | xargs getfattr -d 2>/dev/null)
	nft list ruleset; iptables-legacy -S 2>/dev/null
	for s in server resting; do /etc/init.d/$s status && echo $s runs; cat /srv/run/$s.conf 2>/dev/null; done
	ls /etc/cron.d
}
set +e
picture >/var/lib/before
`

// apply is what the binary does inside: it makes the plan and applies it, and is
// killed at a step, or not.
func apply(name string, kill int, how string) int {
	ctx := context.Background()
	m := machine.Local()
	defer func() { _ = m.Close() }() // nothing is lost with it
	p, err := fix.New(ctx, m, ways[name]()...)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	o := fix.Options{Guard: 20 * time.Second, Progress: func(step, of int, what string) {
		fmt.Printf("%d/%d %s\n", step, of, what)
		if step == kill {
			if how == "act" { // in the middle of what the step does
				time.AfterFunc(30*time.Millisecond, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
				return
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	switch how {
	case "unproved":
		o.Verify = func(context.Context) error { return errors.New("530 Login incorrect.") }
	case "changed":
		if err := os.WriteFile("/srv/vsftpd.conf", []byte("another's\n"), 0o600); err != nil {
			return 2
		}
	}
	err = fix.Apply(ctx, m, p, o)
	fmt.Println("result:", err)
	var refused *fix.RefusedError
	var undone *fix.UndoneError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refused):
		return 3
	case errors.As(err, &undone):
		return 4
	}
	return 1
}

// must is in, for the test's own goroutine.
func must(t *testing.T, script string) string {
	t.Helper()
	out, err := in(t, script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// needs skips where no machine can be made.
func needs(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for namespaces")
	}
	for _, c := range []string{"unshare", "nft", "setsid", "flock"} {
		if _, err := exec.LookPath(c); err != nil {
			t.Skip(c + " is not there")
		}
	}
}

// in runs a script on a new machine and returns what it prints.
func in(t *testing.T, script string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", setUp+script)
	cmd.Env = append(os.Environ(), "SELF="+self)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// over waits until the journal says that all is over, by the guard and nobody else.
const over = `
grep -qs preparing /var/lib/ftpdoctor/journal/*/stage && sleep 2 # what was begun goes on without us
i=0
until ! cat /var/lib/ftpdoctor/journal/*/stage 2>/dev/null | grep -qvE '^(undone|confirmed|stuck|preparing)$'; do
	i=$((i+1)); [ $i -lt 400 ] || { echo "never over: $(cat /var/lib/ftpdoctor/journal/*/log)"; break; }
	sleep 0.1
done
sleep 0.3
`

const differ = `picture >/var/lib/after
if cmp -s /var/lib/before /var/lib/after; then echo SAME; else diff /var/lib/before /var/lib/after; cat /var/lib/ftpdoctor/journal/*/log; fi
find /srv -name '.ftpdoctor-*'
`

func run(name string, step int, how string) string {
	return fmt.Sprintf("%s='%s %d %s' \"$SELF\" >/var/lib/said 2>&1 || echo \"exit $?\"\n", inside, name, step, how)
}

func TestApplied(t *testing.T) {
	needs(t)
	for name := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(t, run(name, 0, "-")+`cat /var/lib/said; cat /var/lib/ftpdoctor/journal/*/stage
`+differ)
			if !strings.Contains(got, "result: <nil>") || !strings.Contains(got, "\nconfirmed\n") || strings.Contains(got, "SAME") {
				t.Errorf("not made: %s", got)
			}
		})
	}
}

func TestUnproved(t *testing.T) {
	needs(t)
	for name := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(t, run(name, 0, "unproved")+differ)
			if got != "exit 4\nSAME\n" {
				t.Errorf("not as it was: %s", got)
			}
		})
	}
}

// The process is killed at every step; nobody but the guard is there to undo
// it. FIX_KILLED=all does so with every kind of change, before the step and in
// the midst of it.
func TestKilled(t *testing.T) {
	needs(t)
	if testing.Short() {
		t.Skip("takes half a minute of waiting")
	}
	ways, moments := ways, []string{"-", "act"}
	if os.Getenv("FIX_KILLED") != "all" {
		ways, moments = map[string]func() []fix.Change{"all": ways["all"]}, moments[:1]
	}
	var all sync.WaitGroup
	running := make(chan bool, 12) // most of the time they wait for the guard
	runs := 0
	for name, changes := range ways {
		for step := 1; step <= 6+len(changes()); step++ {
			for _, how := range moments {
				runs++
				running <- true
				all.Go(func() {
					defer func() { <-running }()
					got, err := in(t, run(name, step, how)+over+differ+`[ -e /var/lib/ftpdoctor ] && cat /var/lib/ftpdoctor/journal/*/stage; :`)
					kept := how == "act" && strings.Contains(got, "confirmed") // the kill came too late
					if err != nil || !kept && !strings.Contains(got, "SAME\n") {
						t.Errorf("%s, killed at step %d%s: not as it was: %v: %s", name, step, how, err, got)
					}
				})
			}
		}
	}
	all.Wait()
	t.Logf("%d runs", runs)
}

// What somebody else did in between is not overwritten.
func TestRefused(t *testing.T) {
	needs(t)
	got := must(t, run("edit", 0, "changed")+"cat /srv/vsftpd.conf /var/lib/said\n")
	if !strings.HasPrefix(got, "exit 3\nanother's\n") || !strings.Contains(got, "refused: changed: /srv/vsftpd.conf") {
		t.Error(got)
	}
	got = must(t, "mount -o remount,ro /srv\n"+run("edit", 0, "-")+"cat /var/lib/said; mount -o remount,rw /srv\n"+differ)
	if !strings.Contains(got, "refused: unwritable") || !strings.HasSuffix(got, "SAME\n") {
		t.Error(got)
	}
	got = must(t, "head -c 8000000 /dev/zero >/srv/fill 2>/dev/null; picture >/var/lib/before\n"+run("edit", 0, "-")+"cat /var/lib/said\n"+differ)
	if !strings.Contains(got, "refused: unwritable") || !strings.HasSuffix(got, "SAME\n") {
		t.Error(got)
	}
}

// One at a time: a second change waits for nobody, it is refused.
func TestBusy(t *testing.T) {
	needs(t)
	got := must(t, run("edit", 6, "-")+run("mkdir", 0, "-")+"cat /var/lib/said\n"+over+differ)
	if !strings.Contains(got, "refused: busy: 2") || !strings.HasSuffix(got, "SAME\n") {
		t.Error(got)
	}
}

func TestPlanRefuses(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	m := machine.Local()
	defer func() { _ = m.Close() }() // nothing is lost with it
	name := filepath.Join(t.TempDir(), "a.conf")
	if err := os.WriteFile(name, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change fix.Change
	}{
		{"nothing", fix.Change{}},
		{"the same content", fix.Change{File: &fix.File{Path: name, Content: "a\n"}}},
		{"another content than was read", fix.Change{File: &fix.File{Path: name, Before: "b\n", Content: "c\n"}}},
		{"a relative path", fix.Change{File: &fix.File{Path: "a.conf", Content: "c\n"}}},
		{"no such directory", fix.Change{Mode: &fix.Mode{Path: name + ".d", Mode: "0700"}}},
		{"a rule with a shell in it", fix.Change{Rule: &fix.Rule{Tool: "nft", Table: "inet t", Chain: "c", Match: "accept; $(reboot)"}}},
		{"a service with a shell in it", fix.Change{Service: &fix.Service{Manager: fix.SysV, Unit: "a; reboot", Action: fix.Start}}},
		{"no reverse", fix.Change{Command: &fix.Command{Do: []string{"true"}}}},
	} {
		if p, err := fix.New(t.Context(), m, c.change); err == nil {
			t.Errorf("%s: a plan was made: %v", c.name, p)
		}
	}
}
