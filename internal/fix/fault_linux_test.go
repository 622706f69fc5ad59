package fix_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// at is a script that runs when the program comes to a step of a plan. In the
// plan "all": 1 check, 2 journal, 3 snapshot, 4 guard, 5 to 10 the changes,
// 11 proof, 12 confirm or undo.
func at(step int, script string) string { return atOf("", step, script) }

// atOf is at, for the program that has the name in $AT.
func atOf(name string, step int, script string) string {
	return fmt.Sprintf("cat >/mnt/%sat-%d <<'END'\n%s\nEND\n", name, step, script)
}

const say = "cat /mnt/said\n"

// What goes wrong on a machine: each is refused or undone, with its reason.
func TestFaults(t *testing.T) {
	needs(t)
	other := func(way, how string) string { return strings.TrimSuffix(run(way, 0, how), "\n") }
	for _, c := range []struct {
		name, script string
		want         string
		wants        []string // further lines
		not          string
	}{
		{name: "changed after the plan", script: run("vsftpd", 0, "changed") + "cat /srv/vsftpd.conf\n" + say, want: "exit 3\nanother's\n", wants: []string{"refused: changed: /srv/vsftpd.conf"}},
		{
			name: "changed after the guard", script: at(5, "echo another >/srv/vsftpd.conf") + run("vsftpd", 0, "-") + "cat /srv/vsftpd.conf\n" + say,
			want: "exit 4\nanother\n", wants: []string{"undone: changed: /srv/vsftpd.conf"},
		},
		{
			name: "made after the guard", script: at(5, "echo another >/srv/new.conf") + run("create", 0, "-") + "cat /srv/new.conf\n" + say,
			want: "exit 4\nanother\n", wants: []string{"undone: changed: /srv/new.conf"},
		},
		{
			name: "another mode after the guard", script: at(5, "chmod 0700 /srv/upload") + run("modes", 0, "-") + "stat -c %a /srv/upload\n" + say,
			want: "exit 4\n2700\n", wants: []string{"undone: changed: /srv/upload"},
		},
		{
			name: "read-only", script: "mount -o remount,ro /srv\n" + run("vsftpd", 0, "-") + "mount -o remount,rw /srv\n" + differ + say,
			want: "exit 3\nSAME\n", wants: []string{"refused: unwritable: /srv"},
		},
		{
			name: "read-only in the midst", script: at(8, "mount -o remount,ro /etc/cron.d 2>/dev/null; mount -o remount,ro /usr/local/bin") + run("shell", 0, "unproved") + differ + say,
			want: "exit 1\n", wants: []string{"not everything could be brought back"}, not: "SAME",
		},
		{name: "its check refuses it", script: run("rejected", 0, "-") + differ + say, want: "exit 4\nSAME\n", wants: []string{"undone: rejected: /etc/proftpd.conf"}},
		{name: "its start hangs", script: run("hangs", 0, "-") + differ + say, want: "exit 4\nSAME\n", wants: []string{"undone: late: "}},
		{name: "it does not start", script: "ln -s /bin/false /etc/init.d/failing; picture >/mnt/before\n" + run("fails", 0, "-") + differ + say, want: "exit 4\nSAME\n", wants: []string{"undone: failed: /etc/init.d/failing start"}},
		{name: "the journal is a link", script: "ln -s /srv /var/lib/ftpdoctor\n" + run("vsftpd", 0, "-") + differ + say, want: "exit 3\nSAME\n", wants: []string{"refused: unsafe: /var/lib/ftpdoctor"}},
		{name: "the journal is another's", script: "mkdir -p /var/lib/ftpdoctor/journal; chown daemon /var/lib/ftpdoctor/journal\n" + run("vsftpd", 0, "-") + differ + say, want: "exit 3\nSAME\n", wants: []string{"refused: unsafe: /var/lib/ftpdoctor/journal"}},
		{name: "all may write to the journal", script: "mkdir -p /var/lib/ftpdoctor/journal; chmod 1777 /var/lib/ftpdoctor\n" + run("vsftpd", 0, "-") + differ + say, want: "exit 3\nSAME\n", wants: []string{"refused: unsafe: /var/lib/ftpdoctor"}},
		{name: "the journal is read-only", script: "mkdir /var/lib/ftpdoctor; mount -t tmpfs -o ro,mode=755 none /var/lib/ftpdoctor\n" + run("vsftpd", 0, "-") + differ + say, want: "exit 3\nSAME\n", wants: []string{"refused: unwritable: /var/lib/ftpdoctor/journal"}},
		{
			name: "no guard", script: "printf '#!/bin/sh\\ncase \"$*\" in *trap*) exit 1 ;; esac\nexec /usr/bin/setsid \"$@\"\\n' >/usr/local/bin/setsid; chmod 755 /usr/local/bin/setsid; picture >/mnt/before\n" + run("all", 0, "-") + differ + say,
			want: "exit 3\nSAME\n", wants: []string{"refused: unguarded"},
		},
		{
			name: "a guard that ends at once", script: "printf '#!/bin/sh\\ncase \"$*\" in *trap*) echo 999999 >\"$6/guard\"; exit ;; esac\nexec /usr/bin/setsid \"$@\"\\n' >/usr/local/bin/setsid; chmod 755 /usr/local/bin/setsid; picture >/mnt/before\n" + run("all", 0, "-") + differ + say,
			want: "exit 3\nSAME\n", wants: []string{"refused: unguarded"},
		},
		{
			name: "nothing for the next start", script: "mount -t tmpfs -o ro none /etc/cron.d; picture >/mnt/before\n" + run("all", 0, "-") + differ + say,
			want: "exit 3\nSAME\n", wants: []string{"refused: unguarded"},
		},
		{ // the next run undoes it
			name: "the guard is ended too", script: at(8, `kill -9 -- -"$(cat /var/lib/ftpdoctor/journal/*/guard)"`) + run("all", 8, "-") + run("all", 0, "settle") + differ + say,
			want: "exit 137\nSAME\n", wants: []string{"result: <nil>"},
		},
		{ // a number that another process has by now
			name: "another has the guard's number", script: at(8, `kill -9 -- -"$(cat /var/lib/ftpdoctor/journal/*/guard)"; setsid sleep 999 </dev/null >/dev/null 2>&1 & echo $! >/mnt/stranger; cat /mnt/stranger >"$(echo /var/lib/ftpdoctor/journal/*/guard)"`) +
				run("all", 8, "-") + run("all", 0, "settle") + "kill $(cat /mnt/stranger) && echo alive\n" + differ,
			want: "exit 137\nalive\nSAME\n",
		},
		{
			name: "the guard is faster", script: at(11, "sleep 25") + run("all", 0, "-") + differ + say,
			want: "exit 4\nSAME\n", wants: []string{"undone: late: "},
		},
		{ // all times on the machine are wrong
			name: "the clock jumps", script: at(11, "printf '#!/bin/sh\\nexec /bin/date -d \"+400 days\" \"$@\"\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date; AT=none/ "+other("all", "settle")+"; rm /usr/local/bin/date") + run("all", 0, "-") + say,
			want: "", wants: []string{"result: <nil>"}, not: "exit",
		},
		{ // both at the same: who comes second has nothing to do any more
			name: "two at once, the same", script: atOf("b", 3, "AT=none/ "+other("vsftpd", "-")+"; cp /mnt/said /mnt/first") + "AT=b " + run("vsftpd", 0, "-") + "head -c 11 /srv/vsftpd.conf\ncat /mnt/first /mnt/said\n",
			want: "exit 3\nlisten=YES\n", wants: []string{"result: <nil>", "result: refused: changed: /srv/vsftpd.conf"},
		},
		{ // the first waits for its proof while the second comes to its guard
			name: "two at once, different", script: atOf("a", 7, "touch /mnt/there; i=0; until [ -e /mnt/through ] || [ $i = 100 ]; do i=$((i+1)); sleep 0.1; done") +
				atOf("b", 3, "export AT=a; { "+strings.Replace(other("vsftpd", "-"), "/mnt/said", "/mnt/first", 1)+"; } >/dev/null 2>&1 & until [ -e /mnt/there ]; do sleep 0.1; done") +
				"AT=b " + run("restart", 0, "-") + "touch /mnt/through; rest; cat /mnt/first /mnt/said\n",
			want: "exit 3\n", wants: []string{"result: <nil>", "result: refused: busy: 2"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := must(t, c.script)
			ok := strings.HasPrefix(got, c.want) && (c.not == "" || !strings.Contains(got, c.not))
			for _, w := range c.wants {
				ok = ok && strings.Contains(got, w)
			}
			if !ok {
				t.Errorf("%s", got)
			}
		})
	}
}

// The disk is full from a step on, of bytes or of files: where the journal is,
// and where the server's files are.
func TestFullDisk(t *testing.T) {
	needs(t)
	for kind, fill := range map[string]string{
		"bytes": "head -c 80000000 /dev/zero >/srv/fill; head -c 80000000 /dev/zero >/var/lib/fill",
		"files": "cd /srv && mkdir fill && cd fill && seq 4000 | xargs touch; cd /var/lib && mkdir fill && cd fill && seq 4000 | xargs touch; :",
	} {
		for step := 1; step <= 12; step++ {
			if !everything() && step != 5 && step != 11 {
				continue
			}
			t.Run(fmt.Sprintf("%s at %d", kind, step), func(t *testing.T) {
				t.Parallel()
				// Before the disk is emptied again it is as it was, but for what fills it.
				got := must(t, at(step, "("+fill+") 2>/dev/null")+run("all", 0, "unproved")+"rest; find /srv -name '.ftpdoctor*'; cat /srv/server.conf; rm -rf /srv/fill /var/lib/fill\n"+
					run("all", 0, "settle")+differ)
				if got != "exit 4\nold\nSAME\n" && got != "exit 3\nold\nSAME\n" {
					t.Errorf("%s", got)
				}
			})
		}
	}
}

// With systemd the guard is a timer of its own, and the next start has a unit.
// What it is told is tried here on programs that do the same; on a machine of
// systemd's it has not run.
func TestSystemd(t *testing.T) {
	needs(t)
	t.Setenv("SYSTEMD", "yes")
	got := must(t, run("all", 0, "-")+"cat /var/lib/ftpdoctor/journal/*/stage\nsed 's/2[0-9]*-[0-9]*-[0-9a-f]*/ID/g' /mnt/systemd; ls /etc/systemd/system; pgrep -f journal | grep -vx 1; :\n")
	const want = `confirmed
systemd-run --quiet --collect --unit=ftpdoctor-ID-timer --on-active=20 --timer-property=AccuracySec=1s /bin/sh /var/lib/ftpdoctor/journal/ID/undo.sh guard
systemctl daemon-reload
systemctl --quiet enable ftpdoctor-ID.service
systemctl disable ftpdoctor-ID.service
systemctl daemon-reload
systemctl stop ftpdoctor-ID-timer.timer
multi-user.target.wants
`
	if got != want {
		t.Errorf("%s", got)
	}
	if got := must(t, run("all", 9, "-")+differ); got != "exit 137\nSAME\n" {
		t.Errorf("killed: %s", got)
	}
	if said, change := end(t, "all", flows[0], "power", 45); !strings.Contains(said, "SAME\n") {
		t.Errorf("power off: %s%s", said, change)
	}
	got = must(t, "printf '#!/bin/sh\\nexit 1\\n' >/usr/local/bin/systemd-run; picture >/mnt/before\n"+run("all", 0, "-")+differ+say)
	if !strings.HasPrefix(got, "exit 3\nSAME\n") || !strings.Contains(got, "refused: unguarded") {
		t.Errorf("no timer: %s", got)
	}
}

// The guard keeps its time though the machine has much to do.
func TestGuardUnderLoad(t *testing.T) {
	needs(t)
	if !everything() {
		t.Skip("takes half a minute of load")
	}
	got := must(t, at(9, "for i in 1 2 3 4; do (while :; do :; done) >/dev/null 2>&1 & echo $! >>/mnt/load; done")+run("all", 9, "-")+
		"until grep -q undone /var/lib/ftpdoctor/journal/*/stage; do sleep 1; done; kill $(cat /mnt/load)\n"+differ+
		"cd /var/lib/ftpdoctor/journal/*/ && echo $(($(date -d \"$(sed -n 's/ undo: guard//p' log)\" +%s) - $(cat deadline))) s late\n")
	if !strings.HasPrefix(got, "exit 137\nSAME\n") {
		t.Errorf("%s", got)
	}
	t.Log(strings.TrimPrefix(got, "exit 137\nSAME\n"))
}

// ssh starts an SSH server on the machine, for the program to come by.
func ssh(t *testing.T) string {
	t.Helper()
	binary := "/usr/sbin/sshd"
	if !exists(binary) {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		root := filepath.Join(cache, "ftpdoctor-lab/root")
		if binary = filepath.Join(root, "usr/sbin/sshd"); !exists(binary) {
			t.Skip("no sshd here: install openssh-server")
		}
		libs, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu")
		binary = "env LD_LIBRARY_PATH=" + strings.Join(libs, ":") + " " + binary
	}
	return `ip link set lo up; mkdir -p /run/sshd; chmod 755 /run /run/sshd
grep -q ^sshd: /etc/passwd || echo 'sshd:x:2346:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow; sed -i 's|^root:.*|root:x:0:0::/mnt:/bin/sh|' /etc/passwd
ssh-keygen -q -t ed25519 -N '' -f /mnt/key; ssh-keygen -q -t ed25519 -N '' -f /mnt/host_key; chmod 700 /mnt
echo "[127.0.0.1]:2200 $(cat /mnt/host_key.pub)" >/mnt/known
printf '%s\n' 'Port 2200' 'ListenAddress 127.0.0.1' 'HostKey /mnt/host_key' 'AuthorizedKeysFile /mnt/key.pub' 'StrictModes no' 'UsePAM no' 'UseDNS no' 'PidFile none' 'PermitRootLogin yes' >/mnt/sshd_config
` + binary + ` -D -e -f /mnt/sshd_config </dev/null >/mnt/sshd.log 2>&1 &
until ss -Htln | grep -q :2200; do sleep 0.1; done
set -- $(pgrep -x sshd)
gone() { i=0; while [ $i -lt 300 ] && grep -qvxE 'undone|confirmed' /var/lib/ftpdoctor/journal/*/stage; do i=$((i+1)); sleep 0.2; done; nft delete table inet cut 2>/dev/null; kill $(pgrep -x sshd); rest; }
picture | grep -v sshd >/mnt/before
`
}

// The connection by which a machine is changed is cut, for good or for a while, by
// others or by the change itself.
func TestCut(t *testing.T) {
	needs(t)
	sshd := ssh(t)
	const cut = "nft -f - <<X\ntable inet cut {\nchain input { type filter hook input priority -10; tcp dport 2200 drop; }\n}\nX"
	compare := strings.ReplaceAll(differ, "picture >", "picture | grep -v sshd >")
	for name, c := range map[string]struct{ script, want string }{
		"not at all":       {run("all", 0, "ssh") + "gone\n" + say, "result: <nil>"},
		"by a rule":        {at(8, cut) + run("all", 0, "ssh") + "gone\n" + compare + say, "SAME\n"},
		"at the proof":     {at(11, cut) + run("all", 0, "ssh") + "gone\n" + compare + say, "SAME\n"},
		"by the change":    {run("closes", 0, "ssh") + "gone\n" + compare + say, "SAME\n"},
		"for a while":      {at(8, cut+"\n(sleep 4; nft delete table inet cut) </dev/null >/dev/null 2>&1 &") + run("all", 0, "ssh") + "gone\n" + say, "result: <nil>"},
		"with the program": {at(8, cut) + run("all", 8, "ssh") + "gone\n" + compare + say, "SAME\n"},
		"before the guard": {at(4, cut) + run("all", 0, "ssh") + "gone\n" + compare + say, "SAME\n"},
	} {
		if !everything() && name != "by the change" && name != "for a while" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := must(t, sshd+c.script); !strings.Contains(got, c.want) {
				t.Errorf("%s", got)
			}
		})
	}
}
