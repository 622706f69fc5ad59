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
`

// journal are those that work on one journal. $dir and $id are set before.
const journal = prelude + `stage() { cat "$dir/stage" 2>/dev/null; }
put() { echo "$1" >"$dir/stage.new" && sync_file "$dir/stage.new" && mv -f "$dir/stage.new" "$dir/stage" && sync_file "$dir"; }
say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*" >>"$dir/log"; }
# Whoever works on the journal holds its lock. One that holds it too long is ended.
lock() {
	exec 9>>"$dir/lock"
	flock -w "$1" 9 && return 0
	holder=$(cat "$dir/holder" 2>/dev/null)
	[ -n "$holder" ] && kill -9 -- "-$holder" 2>/dev/null
	flock -w 5 9
}
disarm() {
	case $(cat "$dir/guard" 2>/dev/null) in
	systemd) systemctl stop "ftpdoctor-$id-timer.timer" 2>/dev/null ;;
	"") ;;
	*) [ "${1:-}" = guard ] || kill -- "-$(cat "$dir/guard")" 2>/dev/null ;;
	esac
	rm -f "$dir/guard"
	if [ -e "/etc/systemd/system/ftpdoctor-$id.service" ]; then
		systemctl disable "ftpdoctor-$id.service" 2>/dev/null
		rm -f "/etc/systemd/system/ftpdoctor-$id.service"
		systemctl daemon-reload 2>/dev/null
	fi
	rm -f "/etc/cron.d/ftpdoctor-$id"
}
`

// header begins a script that is kept in the journal.
func header(id string) string {
	return "#!/bin/sh\nid=" + id + "\ndir=" + Home + "/$id\n" + journal
}

// undoScript brings everything back. It needs nothing of this program, may run
// at any moment after the snapshot, more than once, and be ended at any moment
// and run again.
func (p *Plan) undoScript() string {
	var b strings.Builder
	b.WriteString(header(p.ID))
	b.WriteString(`who=${1:-operator}
lock 90 || exit 75
case $(stage) in
undone) exit 0 ;;
confirmed) [ "$who" = operator ] || exit 0 ;;
preparing) put undone; exit 0 ;;
esac
put undoing || exit 74
say "undo: $who"
failed=0
`)
	for i := len(p.Changes) - 1; i >= 0; i-- {
		if c := &p.Changes[i]; c.Service == nil {
			b.WriteString(told(i) + c.kind().undo(i+1))
		}
	}
	for i := len(p.Changes) - 1; i >= 0; i-- {
		if c := &p.Changes[i]; c.Service != nil {
			fmt.Fprintf(&b, "if [ -e \"$dir/begun-%d\" ]; then\n%s%sfi\n", i+1, told(i), c.kind().undo(i+1))
		}
	}
	b.WriteString(`if [ $failed = 0 ]; then put undone; say "undone"; else put stuck; say "stuck: not everything could be brought back"; fi
disarm "$who"
exit $failed
`)
	return b.String()
}

// told keeps what a step of the undoing complains of.
func told(i int) string { return fmt.Sprintf("exec 2>>\"$dir/undo-%d.err\"\n", i+1) }

// actScript makes one change. It says how that went in a file, for whoever made
// it run may be gone by then.
func (p *Plan) actScript(i int) string {
	n := i + 1
	return header(p.ID) + fmt.Sprintf(`lock 30 || exit 75
echo $$ >"$dir/holder"
case $(stage) in armed|acting) ;; *) echo 75 >"$dir/exit-%[1]d"; exit 75 ;; esac
put acting || exit 74
: >"$dir/begun-%[1]d" && sync_file "$dir/begun-%[1]d"
say "change %[1]d begins"
(
exec 9>&-
%[2]s
) 2>"$dir/err-%[1]d"
code=$?
rm -f "$dir/holder"
say "change %[1]d ended: $code"
echo $code >"$dir/exit.new" && sync_file "$dir/exit.new" && mv -f "$dir/exit.new" "$dir/exit-%[1]d"
`, n, p.Changes[i].kind().act(n))
}

// checkScript refuses the plan if the machine is not as it was looked at.
func (p *Plan) checkScript() string {
	var b strings.Builder
	b.WriteString(prelude + "for c in sha256sum flock setsid stat cmp mv; do command -v $c >/dev/null || refuse missing $c; done\n")
	for i := range p.Changes {
		b.WriteString(p.Changes[i].kind().check(i + 1))
	}
	return b.String()
}

// saveScript takes the snapshot.
func (p *Plan) saveScript() string {
	var b strings.Builder
	b.WriteString(header(p.ID) + "mkdir -p \"$dir/save\" || refuse unsaved \"$dir\"\n")
	for i := range p.Changes {
		b.WriteString(p.Changes[i].kind().save(i + 1))
	}
	b.WriteString("for f in \"$dir\"/save/* \"$dir\"/new/* \"$dir/save\" \"$dir\"; do [ ! -e \"$f\" ] || sync_file \"$f\"; done\n")
	return b.String()
}

// armScript sets the guard: a timer outside of every process of ours, and what
// makes the next start of the machine undo the change if it goes down before.
// $1 is the time in seconds.
func (p *Plan) armScript() string {
	return header(p.ID) + `rm -f "$dir/guard"
echo $(($(date +%s) + $1)) >"$dir/deadline"
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
	cat >"/etc/systemd/system/ftpdoctor-$id.service" <<END || refuse unguarded
[Unit]
Description=ftpdoctor: undo the change $id, which nobody confirmed
ConditionPathExists=$dir/undo.sh
[Service]
Type=oneshot
ExecStart=/bin/sh $dir/undo.sh boot
[Install]
WantedBy=multi-user.target
END
	systemctl daemon-reload && systemctl --quiet enable "ftpdoctor-$id.service" || refuse unguarded
	systemd-run --quiet --collect --unit="ftpdoctor-$id-timer" --on-active="$1" --timer-property=AccuracySec=1s /bin/sh "$dir/undo.sh" guard || refuse unguarded
	echo systemd >"$dir/guard"
else
	if [ -d /etc/cron.d ]; then
		echo "@reboot root /bin/sh $dir/undo.sh boot" >"/etc/cron.d/ftpdoctor-$id" || refuse unguarded
	fi
	setsid sh -c 'trap "" HUP; echo $$ >"$2/guard"; sleep "$1"; exec sh "$2/undo.sh" guard' sh "$1" "$dir" </dev/null >/dev/null 2>&1 &
	i=0
	until [ -s "$dir/guard" ]; do i=$((i+1)); [ $i -lt 50 ] || refuse unguarded; sleep 0.1; done
	kill -0 "$(cat "$dir/guard")" || refuse unguarded
fi
put armed || refuse unguarded
say "armed: $1 s"
`
}
