package fix_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ftpdoctor/internal/fix"
	"ftpdoctor/internal/machine"
)

// The tests change a machine: namespaces of mounts, processes and network, which
// testdata/machine.sh makes. The test binary runs itself there, under a shell
// that outlives it.
//
//go:embed testdata/machine.sh
var setUp string

// inside is set where the binary is to apply a plan: "WAY STEP HOW".
const inside = "FTPDOCTOR_FIX_INSIDE"

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(inside)); len(words) == 3 {
		step, _ := strconv.Atoi(words[1])
		os.Exit(work(words[0], step, words[2]))
	}
	os.Exit(m.Run())
}

// The changes of which the ways consist.

func file(name, content string) fix.Change {
	return fix.Change{File: &fix.File{Path: name, Content: content}}
}

func tried(name, content string, test ...string) fix.Change {
	return fix.Change{File: &fix.File{Path: name, Content: content, Test: test}}
}

func created(name, content, mode, owner string) fix.Change {
	return fix.Change{File: &fix.File{Path: name, Content: content, Mode: mode, Owner: owner}}
}

func removed(name string) fix.Change { return fix.Change{File: &fix.File{Path: name, Remove: true}} }

func mode(name, mode, owner string) fix.Change {
	return fix.Change{Mode: &fix.Mode{Path: name, Mode: mode, Owner: owner}}
}

func directory(name, mode, owner string) fix.Change {
	return fix.Change{Mode: &fix.Mode{Path: name, Mode: mode, Owner: owner, Make: true}}
}

func rule(tool, table, chain, match string) fix.Change {
	return fix.Change{Rule: &fix.Rule{Tool: tool, Table: table, Chain: chain, Match: match}}
}

func service(manager fix.Manager, unit string, action fix.Action) fix.Change {
	return fix.Change{Service: &fix.Service{Manager: manager, Unit: unit, Action: action}}
}

func command(do, undo, done string) fix.Change {
	return fix.Change{Command: &fix.Command{Do: strings.Fields(do), Undo: strings.Fields(undo), Done: strings.Fields(done)}}
}

// edited is a file of the machine with an old text replaced by a new one.
func edited(name, old, text string) fix.Change {
	b, _ := os.ReadFile(name) // what is not there is refused by the plan
	return file(name, strings.Replace(string(b), old, text, 1))
}

const set = "element inet filter allowed { 192.0.2.9 }"

// ways are plans of every kind of change.
var ways = map[string]func() []fix.Change{
	"vsftpd": func() []fix.Change { // with an access list and attributes
		return []fix.Change{file("/srv/vsftpd.conf", strings.Repeat("listen=YES\n", 9000))}
	},
	"proftpd": func() []fix.Change {
		return []fix.Change{tried("/etc/proftpd.conf", "MaxInstances 50\n", "grep", "-q", "^MaxInstances", "/etc/proftpd.conf")}
	},
	"pure-ftpd": func() []fix.Change { // a file for each setting
		return []fix.Change{file("/etc/pure-ftpd/PassivePortRange", "40000 40100\n"), file("/etc/pure-ftpd/ForcePassiveIP", "192.0.2.1\n"), file("/etc/pure-ftpd/NoChmod", "yes\n")}
	},
	"sshd": func() []fix.Change {
		return []fix.Change{file("/etc/sshd_test.conf", "UsePAM no\nSubsystem sftp internal-sftp\n"), file("/srv/server.conf", "new\n"), service(fix.SysV, "server", fix.Reload)}
	},
	"link":   func() []fix.Change { return []fix.Change{file("/srv/link.conf", "x\n")} },
	"create": func() []fix.Change { return []fix.Change{created("/srv/new.conf", "x\n", "0600", "daemon:daemon")} },
	"remove": func() []fix.Change { return []fix.Change{removed("/etc/nologin")} },
	"modes":  func() []fix.Change { return []fix.Change{mode("/srv/upload", "0770", "daemon:daemon")} },
	"setgid": func() []fix.Change { return []fix.Change{mode("/srv/upload/kept", "2775", "")} },
	"mkdir":  func() []fix.Change { return []fix.Change{directory("/srv/upload/in", "0733", "daemon")} },
	"nft": func() []fix.Change { // running, and for the next start
		return []fix.Change{rule("nft", "inet filter", "input", "tcp dport { 21, 50000-50100 } accept"), edited("/etc/nftables.conf", "accept;\n", "accept;\n\t\ttcp dport { 21, 50000-50100 } accept\n")}
	},
	"nft-set": func() []fix.Change {
		return []fix.Change{command("nft add "+set, "nft delete "+set, "nft get "+set), edited("/etc/nftables.conf", "192.0.2.1 }", "192.0.2.1, 192.0.2.9 }")}
	},
	"iptables-legacy": func() []fix.Change {
		return []fix.Change{rule("iptables-legacy", "filter", "INPUT", "-p tcp --dport 21 -j ACCEPT"), edited("/etc/iptables/rules.v4", "-A INPUT", "-A INPUT -p tcp --dport 21 -j ACCEPT\n-A INPUT")}
	},
	"iptables-nft": func() []fix.Change {
		return []fix.Change{rule("iptables-nft", "filter", "INPUT", "-p tcp --dport 50000:50100 -j ACCEPT")}
	},
	"start":  func() []fix.Change { return []fix.Change{service(fix.SysV, "resting", fix.Start)} },
	"enable": func() []fix.Change { return []fix.Change{service(fix.SysV, "resting", fix.Enable)} },
	"restart": func() []fix.Change {
		return []fix.Change{file("/srv/server.conf", "new\n"), service(fix.SysV, "server", fix.Restart)}
	},
	"runit": func() []fix.Change {
		return []fix.Change{file("/srv/kept.conf", "new\n"), service(fix.Runit, "kept", fix.Restart)}
	},
	"runit-stop": func() []fix.Change {
		return []fix.Change{service(fix.Runit, "kept", fix.Stop)}
	},
	"shell": func() []fix.Change { // of an account
		return []fix.Change{
			created("/usr/local/bin/ftponly", "#!/bin/sh\nexit 1\n", "0755", ""),
			edited("/etc/shells", "/bin/sh\n", "/bin/sh\n/usr/local/bin/ftponly\n"), edited("/etc/passwd", ":/usr/sbin/nologin\n", ":/usr/local/bin/ftponly\n"),
		}
	},
	"ban": func() []fix.Change {
		return []fix.Change{command("fail2ban-client set vsftpd unbanip 192.0.2.7", "fail2ban-client set vsftpd banip 192.0.2.7", "test ! -s /srv/banned")}
	},
	"all": func() []fix.Change {
		return []fix.Change{
			service(fix.SysV, "server", fix.Restart),
			tried("/srv/server.conf", "new\n", "grep", "-q", "new", "/srv/server.conf"),
			created("/srv/new.conf", "x\n", "0600", "daemon:daemon"),
			mode("/srv/upload", "0770", ""),
			rule("nft", "inet filter", "input", "tcp dport 21 accept"),
			command("touch /srv/flag", "rm /srv/flag", "test -e /srv/flag"),
		}
	},
}

// odd are plans that come to nothing.
var odd = map[string]func() []fix.Change{
	"rejected": func() []fix.Change {
		return []fix.Change{file("/srv/server.conf", "new\n"), tried("/etc/proftpd.conf", "MaxInstanzen 50\n", "grep", "-q", "^MaxInstances", "/etc/proftpd.conf"), service(fix.SysV, "server", fix.Restart)}
	},
	"fails": func() []fix.Change {
		return []fix.Change{file("/srv/server.conf", "new\n"), service(fix.SysV, "failing", fix.Start)}
	},
	"hangs": func() []fix.Change { // without its configuration
		return []fix.Change{removed("/srv/server.conf"), service(fix.SysV, "server", fix.Restart)}
	},
	"closes": func() []fix.Change {
		return []fix.Change{file("/srv/server.conf", "new\n"), rule("nft", "inet filter", "input", "tcp dport 2200 drop"), service(fix.SysV, "server", fix.Restart)}
	},
}

// work is what the binary does inside: it makes the plan and applies it, and is
// killed at a step, or not.
func work(way string, kill int, how string) int {
	ctx := context.Background()
	m := machine.Local()
	defer func() { _ = m.Close() }() // nothing is lost with it
	if err := os.WriteFile("/mnt/program", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return 2
	}
	var err error
	var redial func(context.Context) (*machine.Machine, error)
	if how == "ssh" {
		redial = overSSH
		there, err := redial(ctx)
		if err != nil {
			fmt.Println(err)
			return 2
		}
		defer func() { _ = there.Close() }() // it may be cut
		m = there
	}
	switch how {
	case "settle":
		err = fix.Settle(ctx, m)
	case "rollback":
		var all []fix.Entry
		if all, err = fix.List(ctx, m); err == nil && len(all) == 1 {
			err = fix.Rollback(ctx, m, all[0].ID, false)
		}
	default:
		changes, ok := ways[way]
		if !ok {
			changes = odd[way]
		}
		err = apply(ctx, m, redial, changes(), kill, how)
	}
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

// overSSH is a way to the same machine.
func overSSH(ctx context.Context) (*machine.Machine, error) {
	return machine.Dial(ctx, machine.Address{User: "root", Host: "127.0.0.1", Port: 2200},
		machine.Options{Identity: []string{"/mnt/key"}, KnownHosts: []string{"/mnt/known"}, Agent: "none", Config: []string{"none"}, Timeout: 2 * time.Second})
}

func apply(ctx context.Context, m *machine.Machine, redial func(context.Context) (*machine.Machine, error), changes []fix.Change, kill int, how string) error {
	p, err := fix.New(ctx, m, changes...)
	if err != nil {
		return err
	}
	guard, err := time.ParseDuration(os.Getenv("GUARD")) // where the machine is slow and nobody waits for it
	if err != nil {
		guard = 20 * time.Second
	}
	o := fix.Options{Redial: redial, Guard: guard, Progress: func(step, of int, what string) {
		fmt.Printf("%d/%d %s\n", step, of, what)
		if script := fmt.Sprintf("/mnt/%sat-%d", os.Getenv("AT"), step); exists(script) { // what happens meanwhile
			if out, err := exec.CommandContext(ctx, "/bin/sh", script).CombinedOutput(); err != nil {
				fmt.Printf("%s: %v: %s\n", script, err, out)
			}
		}
		if step == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	switch how {
	case "unproved":
		o.Verify = func(context.Context) error { return errors.New("530 Login incorrect.") }
	case "changed":
		if err := os.WriteFile("/srv/vsftpd.conf", []byte("another's\n"), 0o600); err != nil {
			return err
		}
	}
	return fix.Apply(ctx, m, p, o)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
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
	for _, c := range []string{"unshare", "nft", "iptables-legacy", "iptables-nft", "setsid", "flock", "setfacl", "setfattr", "update-rc.d"} {
		if _, err := exec.LookPath(c); err != nil {
			t.Skip(c + " is not there")
		}
	}
	if runit() == "" {
		delete(ways, "runit")
		delete(ways, "runit-stop")
		t.Log("without runit: it is not there, and could not be downloaded")
	}
}

// runit is where its programs are: it is unpacked and not installed, for it would
// start.
var runit = sync.OnceValue(func() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(cache, "ftpdoctor-runit")
	const fetch = `set -e; mkdir -p "$1"; cd "$1"; exec 9>lock; flock 9; [ ! -x root/usr/bin/runsvdir ] || exit 0; apt-get -qq download runit; dpkg -x runit_*.deb root`
	if exec.Command("/bin/sh", "-c", fetch, "sh", dir).Run() != nil {
		return ""
	}
	return filepath.Join(dir, "root/usr/bin")
})

// in runs a script on a new machine and returns what it prints.
func in(t *testing.T, script string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", setUp+script)
	cmd.Env = append(os.Environ(), "SELF="+self, "RUNIT="+runit(), "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+runit(), "LANG=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const differ = `rest; picture >/mnt/after
if cmp -s /mnt/before /mnt/after; then echo SAME; else diff /mnt/before /mnt/after; cat /var/lib/ftpdoctor/journal/*/log /var/lib/ftpdoctor/journal/*/undo.err; fi
`

func run(way string, step int, how string) string {
	return fmt.Sprintf("%s='%s %d %s' \"$SELF\" >/mnt/said 2>&1 || echo \"exit $?\"\n", inside, way, step, how)
}

func TestApplied(t *testing.T) {
	needs(t)
	for i, name := range slices.Sorted(maps.Keys(ways)) {
		if !everything() && i%2 != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(t, run(name, 0, "-")+`cat /mnt/said; cat /var/lib/ftpdoctor/journal/*/stage
`+differ)
			if !strings.Contains(got, "result: <nil>") || !strings.Contains(got, "\nconfirmed\n") || strings.Contains(got, "SAME") {
				t.Errorf("not made: %s", got)
			}
		})
	}
}

func TestUnproved(t *testing.T) {
	needs(t)
	for i, name := range slices.Sorted(maps.Keys(ways)) {
		if !everything() && i%6 != 1 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(t, run(name, 0, "unproved")+differ)
			if got != "exit 4\nSAME\n" {
				t.Errorf("not as it was: %s", got)
			}
		})
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
	linked := filepath.Join(t.TempDir(), "link") // whoever owns it could turn it
	if err := errors.Join(os.Symlink(filepath.Dir(name), linked), os.Symlink(name, name+".link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change fix.Change
	}{
		{"a link", fix.Change{Mode: &fix.Mode{Path: name + ".link", Mode: "0644"}}},
		{"a link on the way", fix.Change{Mode: &fix.Mode{Path: linked + "/a.conf", Owner: "1000"}}},
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
