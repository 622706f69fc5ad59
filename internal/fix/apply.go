package fix

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/machine"
)

// Guard is how long after its setting the guard undoes what nobody confirmed,
// unless Options say otherwise.
const Guard = 3 * time.Minute

var leastGuard = 20 * time.Second

// Options are how a plan is applied.
type Options struct {
	// Verify proves the change; an error undoes it. nil: the services' own word.
	Verify func(context.Context) error
	// Redial opens another connection to the machine when this one is lost, which
	// a change of a firewall or of its SSH server may do. nil: it is not tried.
	Redial func(context.Context) (*machine.Machine, error)
	// Guard is how long all of it may take: 20 s to 1 h. 0: [Guard].
	Guard time.Duration
	// Progress is told each step when it begins: its number among all, and what it is.
	Progress func(step, of int, what string)
}

// RefusedError says that nothing was done, and why.
type RefusedError struct {
	Reason  Reason
	Subject string // the file, the service, the other change
}

// Reason is why a plan is refused, or a change failed.
type Reason string

// The reasons.
const (
	Changed    Reason = "changed"    // somebody changed it since the plan was made
	Unwritable Reason = "unwritable" // it cannot be written: full, read-only, or not permitted
	Unsaved    Reason = "unsaved"    // no snapshot of it could be made
	Unguarded  Reason = "unguarded"  // the guard could not be set
	Missing    Reason = "missing"    // the machine lacks a program that is needed
	Busy       Reason = "busy"       // another change is under way
	Unsafe     Reason = "unsafe"     // others than root could write to the journal
	Linked     Reason = "linked"     // a link stands in the path, where others could turn it
	Rejected   Reason = "rejected"   // the server's own check refuses the new configuration
	Failed     Reason = "failed"     // what was to be done did not work
	Unproved   Reason = "unproved"   // it was done, and the fault is still there
	Late       Reason = "late"       // the guard was faster
)

func (e *RefusedError) Error() string { return "refused: " + string(e.Reason) + ": " + e.Subject }

// UndoneError says that the change was made, in part or in whole, and that
// everything is again as it was.
type UndoneError struct {
	Reason  Reason
	Subject string
	Detail  string // what the command or the server said
	Err     error  // of Verify
}

func (e *UndoneError) Error() string {
	s := "undone: " + string(e.Reason) + ": " + e.Subject
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

func (e *UndoneError) Unwrap() error { return e.Err }

// CutError says that the machine can no longer be reached: it undoes the change
// by itself.
type CutError struct {
	ID  string
	At  time.Time // by our clock
	Err error
}

func (e *CutError) Error() string {
	return "cut off from the machine, which undoes the change by itself at " + e.At.Format(time.TimeOnly) + ": " + e.Err.Error()
}
func (e *CutError) Unwrap() error { return e.Err }

// StuckError says that something could not be brought back.
type StuckError struct{ ID, Detail string }

func (e *StuckError) Error() string {
	return "not everything could be brought back; see " + Home + "/" + e.ID + ": " + e.Detail
}

// application is a plan being applied.
type application struct {
	*Plan
	Options
	m        *machine.Machine
	own      bool // m is of our own dialling
	deadline time.Time
	step     int
}

// Apply carries a plan out. It returns nil when the change is made, proved and
// confirmed; otherwise the error says what has become of it: [RefusedError],
// [UndoneError], [CutError] or [StuckError]. What ctx ends is undone.
func Apply(ctx context.Context, m *machine.Machine, p *Plan, o Options) error {
	if len(p.Changes) == 0 {
		return ErrEmpty
	}
	if o.Guard == 0 {
		o.Guard = Guard
	}
	o.Guard = min(max(o.Guard, leastGuard), time.Hour)
	a := &application{Plan: p, Options: o, m: m}
	defer func() {
		if a.own {
			_ = a.m.Close() // nothing is lost with it
		}
	}()
	if err := a.prepare(ctx); err != nil {
		a.abandon(ctx)
		return err
	}
	if err := a.make(ctx); err != nil {
		return a.takeBack(ctx, err)
	}
	return a.confirm(ctx)
}

func (a *application) tell(what string) {
	a.step++
	if a.Progress != nil {
		a.Progress(a.step, len(a.Changes)+6, what)
	}
}

// refusal reads what a script refused.
func refusal(out machine.Output) *RefusedError {
	for line := range strings.Lines(string(out.Stderr)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "refused: "); ok {
			reason, subject, _ := strings.Cut(rest, " ")
			return &RefusedError{Reason(reason), subject}
		}
	}
	return nil
}

// run runs a script that may refuse.
func (a *application) run(ctx context.Context, script string, args ...string) (machine.Output, error) {
	out, err := a.m.Change(ctx, script, args...)
	if err != nil || out.Exit == 0 {
		return out, err
	}
	if r := refusal(out); r != nil {
		return out, r
	}
	return out, fmt.Errorf("exit status %d: %s", out.Exit, strings.TrimSpace(string(out.Stderr)))
}

// beginScript makes the journal, unless another change is under way. Its files
// that the undoing writes are there from the start, and some room for the rest.
const beginScript = `safe
mkdir -p ` + Home + ` && chmod 700 ` + Home + ` && : >>` + Home + `/.lock || refuse unwritable ` + Home + `
busy ""
mkdir "$dir" "$dir/new" && : >"$dir/lock" && : >"$dir/log" && : >"$dir/undo.err" && : >"$dir/undo.out" &&
	head -c 65536 /dev/urandom >"$dir/room" && put preparing || { rm -rf "$dir"; refuse unwritable ` + Home + `; }
`

// prepare brings the machine to the point from which everything can be undone.
func (a *application) prepare(ctx context.Context) error {
	a.tell("check")
	if err := Settle(ctx, a.m); err != nil {
		return err
	}
	if _, err := a.run(ctx, a.checkScript()); err != nil {
		return err
	}
	a.tell("journal")
	if _, err := a.run(ctx, header(a.ID)+beginScript); err != nil {
		return err
	}
	if err := a.upload(ctx); err != nil {
		return err
	}
	a.tell("snapshot")
	if _, err := a.run(ctx, a.saveScript()); err != nil {
		return err
	}
	a.tell("guard")
	a.deadline = time.Now().Add(a.Guard)
	_, err := a.run(ctx, a.armScript(), strconv.Itoa(int(a.Guard.Seconds())))
	return err
}

// upload puts the scripts, the plan and the new contents into the journal.
func (a *application) upload(ctx context.Context) error {
	shown := *a.Plan
	shown.Changes = nil
	for _, c := range a.Changes {
		if c.File != nil && c.File.Secret {
			f := *c.File
			f.Content, f.Before = "", ""
			c.File = &f
		}
		shown.Changes = append(shown.Changes, c)
	}
	text, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return err
	}
	files := map[string]string{"plan.json": string(text) + "\n", "undo.sh": a.undoScript()}
	for i, c := range a.Changes {
		files["act-"+strconv.Itoa(i+1)+".sh"] = a.actScript(i)
		if c.File != nil {
			files["new/"+strconv.Itoa(i+1)] = c.File.Content
		}
	}
	for name, content := range files {
		if err := a.put(ctx, Home+"/"+a.ID+"/"+name, content); err != nil {
			return err
		}
	}
	return nil
}

// chunk is as much as one argument of a command may hold on every system.
const chunk = 48 << 10

// put writes a file of the journal.
func (a *application) put(ctx context.Context, name, content string) error {
	for first := true; first || content != ""; first = false {
		part := content[:min(len(content), chunk)]
		content = content[len(part):]
		redirect := ">>"
		if first {
			redirect = ">"
		}
		if _, err := a.run(ctx, prelude+`printf %s "$2" | base64 -d `+redirect+`"$1" || refuse unwritable "$1"`, name, base64.StdEncoding.EncodeToString([]byte(part))); err != nil {
			return err
		}
	}
	return nil
}

// abandon closes a journal with which nothing was changed.
func (a *application) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), machine.Limit)
	defer cancel()
	_, _ = a.m.Change(ctx, header(a.ID)+abandonScript) // the guard does it otherwise
}

const abandonScript = `[ -d "$dir" ] && lock 5 || exit 0
case $(stage) in preparing|armed) put undone; disarm ;; esac
`

// make makes the changes and has them proved.
func (a *application) make(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, a.deadline.Add(-5*time.Second)) // who is late leaves it to the guard
	defer cancel()
	for i := range a.Changes {
		a.tell(a.Changes[i].String())
		if err := a.act(ctx, i); err != nil {
			return err
		}
	}
	a.tell("proof")
	switch out, err := a.reach(ctx, header(a.ID)+`lock 5 && { [ "$(stage)" = acted ] || [ "$(stage)" = acting ] && put acted; }`); {
	case err != nil && out.Exit > 0:
		return &UndoneError{Reason: Late}
	case err != nil:
		return err
	}
	if a.Verify == nil {
		return nil
	}
	if err := a.Verify(ctx); err != nil {
		return &UndoneError{Reason: Unproved, Detail: err.Error(), Err: err}
	}
	return nil
}

// act makes one change, in the background of the machine: it goes on, or is
// undone, whatever becomes of us and of the connection.
func (a *application) act(ctx context.Context, i int) error {
	n := strconv.Itoa(i + 1)
	start := `cd / && setsid /bin/sh "$dir/act-$1.sh" </dev/null >"$dir/out-$1" 2>&1 &` + "\n:"
	if _, err := a.reach(ctx, header(a.ID)+start, n); err != nil {
		return err
	}
	for {
		out, err := a.reach(ctx, header(a.ID)+`i=0; until [ -e "$dir/exit-$1" ] || [ $i -ge 40 ]; do i=$((i+1)); sleep 0.1; done
[ -e "$dir/exit-$1" ] || ! flock -n "$dir/lock" true || [ -e "$dir/exit-$1" ] || { echo gone; exit 0; } # who works holds the lock
cat "$dir/exit-$1" 2>/dev/null; cat "$dir/err-$1" >&2 2>/dev/null; :`, n)
		if err != nil {
			return err
		}
		code := strings.TrimSpace(string(out.Stdout))
		switch {
		case code == "0":
			return nil
		case code == "75":
			return &UndoneError{Reason: Late, Subject: a.Changes[i].String()}
		case code != "":
			e := &UndoneError{Reason: Failed, Subject: a.Changes[i].String(), Detail: strings.TrimSpace(string(out.Stderr))}
			if r := refusal(out); r != nil {
				e.Reason, e.Subject = r.Reason, r.Subject
				e.Detail = strings.TrimSpace(strings.Replace(e.Detail, r.Error()[:len("refused: ")]+string(r.Reason)+" "+r.Subject, "", 1))
			}
			return e
		}
	}
}

// reach runs a script though the connection may be lost on the way: it is opened
// anew as long as there is time.
func (a *application) reach(ctx context.Context, script string, args ...string) (machine.Output, error) {
	for {
		once, cancel := context.WithTimeout(ctx, machine.Limit)
		out, err := a.run(once, script, args...)
		cancel()
		var refused *RefusedError
		if err == nil || errors.As(err, &refused) || out.Exit != 0 && out.Exit != -1 {
			return out, err
		}
		if ctx.Err() != nil || a.Redial == nil {
			return out, &CutError{ID: a.ID, At: a.deadline, Err: err}
		}
		m, dialErr := a.Redial(ctx)
		if dialErr == nil {
			if a.own {
				_ = a.m.Close()
			}
			a.m, a.own = m, true
			continue
		}
		select {
		case <-ctx.Done():
			return out, &CutError{ID: a.ID, At: a.deadline, Err: dialErr}
		case <-time.After(time.Second):
		}
	}
}

// takeBack undoes what was done. Where there is no way to the machine the guard
// does; when it has, there may be one again.
func (a *application) takeBack(ctx context.Context, cause error) error {
	end := time.Now().Add(2 * time.Minute)
	_, cut := errors.AsType[*CutError](cause)
	if cut && ctx.Err() == nil {
		end = a.deadline.Add(20 * time.Second)
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	stage, detail, err := a.undo(ctx, "failed")
	switch {
	case err != nil && cut:
		return cause
	case err != nil:
		return &CutError{ID: a.ID, At: a.deadline, Err: errors.Join(cause, err)}
	case stage != Undone:
		return &StuckError{ID: a.ID, Detail: detail}
	case cut && ctx.Err() == nil:
		return &UndoneError{Reason: Late, Err: cause}
	}
	if _, ok := errors.AsType[*UndoneError](cause); ok {
		return cause
	}
	return &UndoneError{Reason: Failed, Detail: cause.Error(), Err: cause}
}

// undo runs the journal's own script in the background and waits for its end.
func (a *application) undo(ctx context.Context, who string) (Stage, string, error) {
	a.tell("undo")
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if _, err := a.reach(ctx, header(a.ID)+`[ "$(stage)" != stuck ] || put undoing
cd / && setsid /bin/sh "$dir/undo.sh" "$1" </dev/null >"$dir/undo.out" 2>&1 &`+"\n:", who); err != nil {
		return "", "", err
	}
	for {
		out, err := a.reach(ctx, header(a.ID)+`over() { case $(stage) in undone|stuck|"") flock -n "$dir/lock" true ;; *) false ;; esac; }
i=0; until over || [ $i -ge 40 ]; do i=$((i+1)); sleep 0.1; done
over || ! flock -n "$dir/lock" true || over || { echo stuck; exit 0; } # who works holds the lock
over && { stage || echo undone; }; cat "$dir/undo.err" "$dir/undo.out" >&2; :`)
		if err != nil {
			return "", "", err
		}
		if s := Stage(strings.TrimSpace(string(out.Stdout))); s == Undone || s == Stuck {
			return s, strings.TrimSpace(string(out.Stderr)), nil
		}
	}
}

// confirm keeps the change, unless the guard was faster.
func (a *application) confirm(ctx context.Context) error {
	a.tell("confirm")
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), a.deadline.Add(10*time.Second)) // it is proved: who stops us now comes too late
	defer cancel()
	out, err := a.reach(ctx, header(a.ID)+confirmScript)
	if err != nil {
		return err
	}
	if Stage(strings.TrimSpace(string(out.Stdout))) != Confirmed {
		return &UndoneError{Reason: Late, Subject: a.ID}
	}
	return nil
}

// confirmScript keeps what is made, and prints what the journal says then. It
// may be run again.
const confirmScript = `if ! lock 5; then echo undoing; exit 0; fi
case $(stage) in
acted) put confirmed && say confirmed && disarm ;;
confirmed) disarm ;;
esac
stage
`
