// Package fix changes a machine so that the change proves itself or is undone.
//
// A [Plan] is data: what is changed, why, what it risks, and how the text or the
// rule looks afterwards. [Apply] carries it out. It hides the journal on the
// machine, the snapshot of everything that is touched, the guard outside of this
// process that undoes the change unless it is confirmed in time, and that all
// this is done by shell scripts, so that nothing has to be installed there.
//
// It promises: nothing is changed before the snapshot is on the disk and the
// guard is set; a change that was not confirmed (because its proof failed, this
// process was killed, the connection was cut, or the machine lost its power) is
// undone to the byte, modes and owners included; a change is refused if somebody
// else changed the same in between or another change is under way; what has been
// confirmed can still be undone by its ID.
//
//	plan, err := fix.New(ctx, m, changes...)
//	…
//	err = fix.Apply(ctx, m, plan, fix.Options{Verify: check})
package fix

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/machine"
)

// Schema is the version of a plan's JSON.
const Schema = 1

// Risk is what a change may do besides mending. Whoever applies a plan accepts
// each by its name.
type Risk string

// The risks.
const (
	DropsSessions    Risk = "drops-sessions"    // transfers under way end
	RestartsService  Risk = "restarts-service"  // the service is away for a moment
	OpensPort        Risk = "opens-port"        // more of the machine can be reached
	WeakensSecurity  Risk = "weakens-security"  // something is allowed that was not
	ChangesAccount   Risk = "changes-account"   // who may log in, or where to
	ChangesElsewhere Risk = "changes-elsewhere" // another program's state, which it keeps itself
)

// Risks lists all of them, in the order in which they are told.
var Risks = []Risk{DropsSessions, RestartsService, OpensPort, WeakensSecurity, ChangesAccount, ChangesElsewhere}

// Plan is what is going to be done. It is made in full before anything is
// changed, can be kept as JSON, and is refused if what it builds on has changed.
type Plan struct {
	Schema  int            `json:"schema"`
	ID      string         `json:"id"`
	Machine string         `json:"machine"`          // as its Name says
	Target  string         `json:"target,omitempty"` // whose check found the fault
	Mends   []finding.Code `json:"mends,omitempty"`
	Made    time.Time      `json:"made"`
	Changes []Change       `json:"changes"`
	// Manual is what must not be done by a program, as commands for a person.
	Manual []Manual `json:"manual,omitempty"`
}

// Manual is a step that is left to a person.
type Manual struct {
	Why      string   `json:"why"` // a phrase
	Commands []string `json:"commands"`
}

// Change is one step of a plan: exactly one of its kinds is set.
type Change struct {
	Why     string   `json:"why,omitempty"` // a phrase
	Risks   []Risk   `json:"risks,omitempty"`
	File    *File    `json:"file,omitempty"`
	Mode    *Mode    `json:"mode,omitempty"`
	Rule    *Rule    `json:"rule,omitempty"`
	Service *Service `json:"service,omitempty"`
	Command *Command `json:"command,omitempty"`
}

// kind is what every kind of change has.
type kind interface {
	// look notes on what the change builds, and refuses what cannot be done.
	look(ctx context.Context, m *machine.Machine) error
	// The others are shell scripts, run in the journal's directory with the
	// functions of prelude. check fails, by `refuse WHY`, if the machine is not as
	// it was looked at; save keeps what is about to be changed; act changes it; undo brings back
	// what save kept, whether act has run, in part or not at all, and more than
	// once.
	check(n int) string
	save(n int) string
	act(n int) string
	undo(n int) string
	// String is one line that says what is done.
	String() string
}

func (c *Change) kind() kind {
	switch {
	case c.File != nil:
		return c.File
	case c.Mode != nil:
		return c.Mode
	case c.Rule != nil:
		return c.Rule
	case c.Service != nil:
		return c.Service
	case c.Command != nil:
		return c.Command
	}
	return nil
}

// String is one line that says what is done.
func (c *Change) String() string {
	if k := c.kind(); k != nil {
		return k.String()
	}
	return "nothing"
}

// ErrEmpty says that a plan changes nothing.
var ErrEmpty = errors.New("the plan changes nothing")

// New makes a plan of changes for a machine, and looks at what they build on.
// Changes of files come first, services last, whatever the order given.
func New(ctx context.Context, m *machine.Machine, changes ...Change) (*Plan, error) {
	var id [4]byte
	_, _ = rand.Read(id[:]) // it never fails
	now := time.Now().UTC().Truncate(time.Second)
	p := &Plan{Schema: Schema, ID: now.Format("20060102-150405-") + hex.EncodeToString(id[:]), Machine: m.Name(), Made: now, Changes: slices.Clone(changes)}
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return a.rank() - b.rank() })
	for i := range p.Changes {
		k := p.Changes[i].kind()
		if k == nil {
			return nil, fmt.Errorf("change %d: %w", i+1, ErrEmpty)
		}
		if err := k.look(ctx, m); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
	}
	return p, nil
}

// rank orders changes: services read what the others wrote.
func (c *Change) rank() int {
	switch {
	case c.Service != nil:
		return 1
	default:
		return 0
	}
}

// Risks are those of all changes, each once.
func (p *Plan) Risks() []Risk {
	var all []Risk
	for _, r := range Risks {
		if slices.ContainsFunc(p.Changes, func(c Change) bool { return slices.Contains(c.Risks, r) }) {
			all = append(all, r)
		}
	}
	return all
}
