package fix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/machine"
)

// Entry is one change in the journal of a machine.
type Entry struct {
	ID       string    `json:"id"`
	Stage    Stage     `json:"stage"`
	Deadline time.Time `json:"deadline,omitzero"` // when the guard undoes it, by the machine's clock
	Guarded  bool      `json:"guarded"`           // the guard is there
	Plan     *Plan     `json:"plan,omitempty"`    // nil: it cannot be read
	Log      []string  `json:"log,omitempty"`     // of Look

	left bool // it has a guard or new contents, and nobody who would take them away
}

// ErrNoEntry says that the journal has no such change.
var ErrNoEntry = errors.New("the journal has no such change")

var entryID = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$`)

// listScript prints a line for each change: its ID, stage, deadline, and whether
// its guard lives, is gone, or was taken away.
const listScript = prelude + `safe
for dir in ` + Home + `/*; do
	[ -s "$dir/stage" ] || continue
	id=${dir##*/}
	g=gone
	case $(cat "$dir/guard" 2>/dev/null) in
	"") [ -e "$dir/new" ] || g=off ;;
	systemd) ! systemctl is-active --quiet "ftpdoctor-$id-timer.timer" "ftpdoctor-$id-timer.service" || g=lives ;;
	*) ! grep -qaF "$dir" "/proc/$(cat "$dir/guard")/cmdline" 2>/dev/null || g=lives ;;
	esac
	if [ "$g $(cat "$dir/stage")" = "gone preparing" ] && [ -z "$(find "$dir/stage" -mmin +10)" ]; then g=off; fi # somebody may be at it
	echo "$id $(cat "$dir/stage") $(cat "$dir/deadline" 2>/dev/null || echo 0) $g"
done
`

// List is what the journal of a machine holds, oldest first.
func List(ctx context.Context, m *machine.Machine) ([]Entry, error) {
	entries, err := list(ctx, m)
	for i := range entries {
		entries[i].Plan = readPlan(ctx, m, entries[i].ID)
	}
	return entries, err
}

// list leaves out the plans.
func list(ctx context.Context, m *machine.Machine) ([]Entry, error) {
	out, err := m.Change(ctx, listScript)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	if r := refusal(out); r != nil {
		return nil, r
	}
	var all []Entry
	for line := range strings.Lines(string(out.Stdout)) {
		w := strings.Fields(line)
		if len(w) != 4 || !entryID.MatchString(w[0]) {
			continue
		}
		e := Entry{ID: w[0], Stage: Stage(w[1]), Guarded: w[3] == "lives", left: w[3] == "gone"}
		if n, err := strconv.ParseInt(w[2], 10, 64); err == nil && n > 0 {
			e.Deadline = time.Unix(n, 0).UTC()
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func readPlan(ctx context.Context, m *machine.Machine, id string) *Plan {
	out, err := m.Change(ctx, `cat "$1"`, path.Join(Home, id, "plan.json"))
	if err != nil || out.Exit != 0 {
		return nil
	}
	var p Plan
	if json.Unmarshal(out.Stdout, &p) != nil {
		return nil
	}
	return &p
}

// Look is one change, with its log.
func Look(ctx context.Context, m *machine.Machine, id string) (Entry, error) {
	entries, err := list(ctx, m)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range entries {
		if e.ID != id {
			continue
		}
		e.Plan = readPlan(ctx, m, id)
		out, err := m.Change(ctx, `cat "$1"`, path.Join(Home, id, "log"))
		if err != nil {
			return e, err
		}
		e.Log = strings.Split(strings.TrimSpace(string(out.Stdout)), "\n")
		return e, nil
	}
	return Entry{}, fmt.Errorf("%s: %w", id, ErrNoEntry)
}

// Confirm keeps a change that waits for it: one that was made, and whose maker
// is gone.
func Confirm(ctx context.Context, m *machine.Machine, id string) error {
	if _, err := Look(ctx, m, id); err != nil {
		return err
	}
	out, err := m.Change(ctx, header(id)+confirmScript)
	if err != nil {
		return err
	}
	if s := Stage(strings.TrimSpace(string(out.Stdout))); s != Confirmed {
		return &RefusedError{Reason: Late, Subject: id + " (" + string(s) + ")"}
	}
	return nil
}

// Rollback undoes a change, also one that was confirmed. What somebody else
// changed in the same files since then would be lost: that is refused unless
// forced.
func Rollback(ctx context.Context, m *machine.Machine, id string, force bool) error {
	e, err := Look(ctx, m, id)
	if err != nil {
		return err
	}
	switch e.Stage {
	case Undone:
		return nil
	case Preparing:
		return tidy(ctx, m, id)
	}
	if e.Stage == Confirmed && !force {
		if e.Plan == nil {
			return &RefusedError{Reason: Unsaved, Subject: "plan.json"}
		}
		for _, c := range e.Plan.Changes {
			if c.File == nil || c.File.Secret {
				continue
			}
			now, err := m.ReadFile(ctx, c.File.Path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if string(now) != c.File.Content || c.File.Remove && err == nil {
				return &RefusedError{Reason: Changed, Subject: c.File.Path}
			}
		}
	}
	a := &application{Plan: &Plan{ID: id}, m: m, deadline: e.Deadline}
	stage, detail, err := a.undo(ctx, "operator")
	if err != nil {
		return err
	}
	if stage != Undone {
		return &StuckError{ID: id, Detail: detail}
	}
	return nil
}

// tidy takes away what a change that is over, or was never begun, left.
func tidy(ctx context.Context, m *machine.Machine, id string) error {
	_, err := m.Change(ctx, header(id)+`lock 5 || exit 0
case $(stage) in preparing) put undone && disarm ;; undone|confirmed|stuck) disarm ;; esac`)
	return err
}

// Settle ends what others left behind: a change that nobody confirmed, and whose
// guard is gone (with the machine's last start), is undone now.
func Settle(ctx context.Context, m *machine.Machine) error {
	entries, err := list(ctx, m)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.Guarded:
			continue
		case e.Stage.Over() || e.Stage == Preparing:
			if e.left {
				if err := tidy(ctx, m, e.ID); err != nil {
					return err
				}
			}
			continue
		}
		a := &application{Plan: &Plan{ID: e.ID}, m: m, deadline: e.Deadline}
		stage, detail, err := a.undo(ctx, "start")
		if err != nil {
			return err
		}
		if stage != Undone {
			return &StuckError{ID: e.ID, Detail: detail}
		}
	}
	return nil
}
