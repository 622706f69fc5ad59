package fix

import (
	"fmt"
	"strings"
)

// Home is where journals are kept on the machine that is changed, for root
// alone. One that is over stays, for the record, and so that what was confirmed
// can be undone.
const Home = "/var/lib/ftpdoctor/journal"

// Stage is how far a change has come, as its journal says.
type Stage string

// The stages. Only from Armed on something may have been changed.
const (
	Preparing Stage = "preparing" // snapshot under way: nothing is changed yet
	Armed     Stage = "armed"     // the guard is set
	Acting    Stage = "acting"
	Acted     Stage = "acted" // all changes are made, and being proved
	Confirmed Stage = "confirmed"
	Undoing   Stage = "undoing"
	Undone    Stage = "undone"
	Stuck     Stage = "stuck" // something could not be brought back: the log says what
)

// Over tells that nothing is going to happen any more.
func (s Stage) Over() bool { return s == Confirmed || s == Undone || s == Stuck }

// prelude are the functions that all scripts use. They get along with what
// POSIX, GNU coreutils or BusyBox, and util-linux have.
const prelude = `set -u
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
umask 077
refuse() { echo "refused: $*" >&2; exit 70; }
digest() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
sync_file() { sync "$1" 2>/dev/null || sync; }
copy() { cp -a --preserve=all -- "$1" "$2" 2>/dev/null || cp -p -- "$1" "$2"; }
look() { stat -c '%a %u:%g' -- "$1"; }
same() {
	[ -f "$1" ] && [ ! -L "$1" ] && cmp -s -- "$1" "$2" && [ "$(look "$1")" = "$(look "$2")" ]
}
# A journal in which others than root can write would have root run their scripts.
safe() {
	for d in ` + above + ` ` + Home + `; do
		[ -e "$d" ] || [ -L "$d" ] || continue
		[ -d "$d" ] && [ ! -L "$d" ] && [ "$(stat -c %u "$d")" = 0 ] || refuse unsafe "$d"
		case $(stat -c %A "$d") in ?????w*|????????w*) refuse unsafe "$d" ;; esac
	done
}
# One change at a time: $1 is the one that asks.
busy() {
	exec 8>>` + Home + `/.lock
	flock -w 5 8 || refuse busy ` + Home + `
	for d in ` + Home + `/*; do
		[ "${d##*/}" != "$1" ] || continue
		case $(cat "$d/stage" 2>/dev/null) in armed|acting|acted|undoing) refuse busy "${d##*/}" ;; esac
	done
}
`

const above = "/var/lib/ftpdoctor"

// journal are those that work on one journal. $dir and $id are set before.
const journal = prelude + `stage() { cat "$dir/stage" 2>/dev/null; }
write() { echo "$2" >"$1.new" && sync_file "$1.new" && mv -f "$1.new" "$1" && sync_file "$dir"; }
# A journal has some room of its own, which a disk that is full by now leaves it.
keep() { write "$@" 2>/dev/null || { rm -f "$dir/room"; write "$@"; }; }
put() { keep "$dir/stage" "$1"; }
say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*" >>"$dir/log"; }
# Whoever works on the journal holds its lock.
lock() {
	exec 9>>"$dir/lock"
	flock -w "$1" 9 || return 1
	echo $$ >"$dir/holder" || : # the disk may be full
}
# A number may belong to another process by now.
ours() { grep -qaF "$dir" "/proc/$1/cmdline" 2>/dev/null; }
# The undoing ends what holds the lock: a change soon, another undoing late.
seize() {
	for t in 5 90; do
		lock $t && return 0
		h=$(cat "$dir/holder" 2>/dev/null)
		[ -n "$h" ] && ours "$h" || continue
		[ $t = 90 ] || grep -qa /act- "/proc/$h/cmdline" || continue
		kill -9 -- "-$h" 2>/dev/null || kill -9 "$h"
	done
	lock 5
}
# A service that hangs does not keep the undoing from its end.
patiently() { if command -v timeout >/dev/null; then timeout -k 5 45 "$@"; else "$@"; fi; }
boot() { echo "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(cut -d ' ' -f 22 /proc/1/stat 2>/dev/null)"; }
# disarm takes away what stands ready for the undoing, the guard last. It may be
# ended and run again.
disarm() {
	if [ -f "$dir/kept" ]; then while read -r f; do rm -f -- "$f"; done <"$dir/kept"; fi
	rm -rf "$dir/new" "$dir/room" "/etc/cron.d/ftpdoctor-$id"
	if [ -e "/etc/systemd/system/ftpdoctor-$id.service" ]; then
		systemctl disable "ftpdoctor-$id.service" 2>/dev/null
		rm -f "/etc/systemd/system/ftpdoctor-$id.service"
		systemctl daemon-reload 2>/dev/null
	fi
	g=$(cat "$dir/guard" 2>/dev/null)
	rm -f "$dir/guard"
	case $g in
	"") ;;
	systemd) systemctl stop "ftpdoctor-$id-timer.timer" 2>/dev/null ;;
	*) if [ "${1:-}" != guard ] && ours "$g"; then kill -- "-$g" 2>/dev/null; fi ;;
	esac
}
`

// header begins a script that is kept in the journal.
func header(id string) string {
	return "#!/bin/sh\nid=" + id + "\ndir=" + Home + "/$id\n" + journal
}

// undoScript brings everything back that was begun. It needs nothing of this
// program, may run at any moment, more than once, and be ended at any moment and
// run again.
func (p *Plan) undoScript() string {
	var b strings.Builder
	b.WriteString(header(p.ID))
	b.WriteString(`who=${1:-operator}
seize || exit 75
case $(stage) in
armed|acting|acted|undoing|stuck) ;;
confirmed) if [ "$who" != operator ]; then disarm "$who"; exit 0; fi ;;
undone) disarm "$who"; exit 0 ;;
*) put undone; disarm "$who"; exit 0 ;;
esac
rebooted=no
[ "$(boot)" = "$(cat "$dir/boot" 2>/dev/null)" ] || rebooted=yes
put undoing # or not: what follows matters more
say "undo: $who"
failed=0
`)
	// Services read what the others brought back. After a start of the machine
	// they may have read what was made, though it was not yet their turn.
	for _, service := range []bool{false, true} {
		for i := len(p.Changes) - 1; i >= 0; i-- {
			if c := &p.Changes[i]; (c.Service != nil) == service {
				begun := fmt.Sprintf(`[ -e "$dir/begun-%d" ]`, i+1)
				if service {
					begun += ` || [ $rebooted = yes ]`
				}
				fmt.Fprintf(&b, "if %s; then (\nexec 9>&- 2>>\"$dir/undo.err\"\n%sexit $failed\n) || failed=1; fi\n", begun, c.kind().undo(i+1))
			}
		}
	}
	b.WriteString(`if [ $failed = 0 ]; then
	put undone || rm -f "$dir/stage"
	say "undone"
else
	put stuck
	say "stuck: not everything could be brought back"
fi
disarm "$who"
exit $failed
`)
	return b.String()
}

// actScript makes one change. It says how that went in a file, for whoever made
// it run may be gone by then. To run it again does nothing.
func (p *Plan) actScript(i int) string {
	n := i + 1
	k := p.Changes[i].kind()
	return header(p.ID) + fmt.Sprintf(`lock 30 || exit 75
[ ! -e "$dir/begun-%[1]d" ] && [ ! -e "$dir/exit-%[1]d" ] || exit 0
case $(stage) in armed|acting) ;; *) keep "$dir/exit-%[1]d" 75; exit 75 ;; esac
put acting || exit 74
say "change %[1]d begins"
(
exec 9>&-
%[2]s
: >"$dir/begun-%[1]d" && sync_file "$dir/begun-%[1]d" && sync_file "$dir" || refuse unwritable "$dir"
%[3]s
) 2>"$dir/err-%[1]d"
code=$?
say "change %[1]d ended: $code"
keep "$dir/exit-%[1]d" $code
`, n, k.check(n), k.act(n))
}

// checks refuse the plan if the machine is not as it was looked at.
func (p *Plan) checks() string {
	var b strings.Builder
	for i := range p.Changes {
		b.WriteString(p.Changes[i].kind().check(i + 1))
	}
	return b.String()
}

// checkScript refuses what could not be undone there, or builds on what is no more.
func (p *Plan) checkScript() string {
	return prelude + "for c in sha256sum flock setsid stat cmp mv; do command -v $c >/dev/null || refuse missing $c; done\n" + p.checks()
}

// saveScript takes the snapshot.
func (p *Plan) saveScript() string {
	var b strings.Builder
	b.WriteString(header(p.ID) + "mkdir -p \"$dir/save\" || refuse unsaved \"$dir\"\n")
	for i := range p.Changes {
		b.WriteString(p.Changes[i].kind().save(i + 1))
	}
	b.WriteString("for f in \"$dir\"/save/* \"$dir\"/new/* \"$dir\"/kept \"$dir/save\" \"$dir\"; do [ ! -e \"$f\" ] || sync_file \"$f\"; done\n")
	return b.String()
}

// armScript sets the guard: a timer outside of every process of ours, and what
// makes the next start of the machine undo the change if it goes down before.
// $1 is the time in seconds. From here on nobody else changes the machine; what
// was changed until now is refused.
func (p *Plan) armScript() string {
	var b strings.Builder
	b.WriteString(header(p.ID) + `busy "$id"
[ "$(stage)" = preparing ] || refuse late "$id"
rm -f "$dir/guard"
boot >"$dir/boot" && echo $(($(date +%s) + $1)) >"$dir/deadline" || refuse unwritable "$dir"
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
	systemd-run --quiet --collect --unit="ftpdoctor-$id-timer" --on-active="$1" --timer-property=AccuracySec=1s /bin/sh "$dir/undo.sh" guard || refuse unguarded
	echo systemd >"$dir/guard" || refuse unguarded
	cat >"/etc/systemd/system/ftpdoctor-$id.service" <<END || refuse unguarded
[Unit]
Description=ftpdoctor: undo the change $id, which nobody confirmed
RequiresMountsFor=$dir
ConditionPathExists=$dir/undo.sh
[Service]
Type=oneshot
ExecStart=/bin/sh $dir/undo.sh boot
[Install]
WantedBy=multi-user.target
END
	systemctl daemon-reload && systemctl --quiet enable "ftpdoctor-$id.service" || refuse unguarded
else
	setsid sh -c 'trap "" HUP; cd /; echo $$ >"$2/guard"; sleep "$1"; exec sh "$2/undo.sh" guard' sh "$1" "$dir" </dev/null >/dev/null 2>&1 8>&- &
	i=0
	until [ -s "$dir/guard" ]; do i=$((i+1)); [ $i -lt 30 ] || refuse unguarded; sleep 0.1; done
	ours "$(cat "$dir/guard")" || refuse unguarded
	if [ -d /etc/cron.d ]; then
		echo "@reboot root /bin/sh $dir/undo.sh boot" >"/etc/cron.d/ftpdoctor-$id" && sync_file "/etc/cron.d/ftpdoctor-$id" || refuse unguarded
	fi
fi
` + p.checks())
	for i := range p.Changes {
		if f := p.Changes[i].File; f != nil {
			b.WriteString(f.room())
		}
	}
	b.WriteString("put armed || refuse unguarded\nsay \"armed: $1 s\"\n")
	return b.String()
}
