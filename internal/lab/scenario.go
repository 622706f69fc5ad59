package lab

import (
	"context"
	"time"
)

// Password is the password that scenarios use for the accounts they make. It
// is unlike any other text, so that a leak into an output can be seen: the
// runner fails a scenario whose output holds it.
const Password = "Lab-pw.7Qz2x"

// Scenario is one fault (or a healthy control), how to make it, how to prove it
// and what the check must say about it.
type Scenario struct {
	Name  string // layer/slug, unique
	Story string // one line: what an administrator would have done

	Args []string // what follows `ftpdoctor check`
	Env  []string // KEY=value, on top of what the runner sets (SSL_CERT_FILE, PATH, HOME); $HOME in it is the check's home

	// Want holds the codes that are right as root cause. Empty means healthy:
	// any root cause is a false alarm.
	Want []string

	// Candidates says that only the server's side could decide: a code of Want
	// must be the root cause or among its candidates, and the report must say
	// which experiment would decide.
	Candidates bool

	// Also holds codes of severity error or worse that may stand beside the
	// root cause. Consequences (because_of a code of Want) need no mention. Any
	// other error or critical finding is a false statement.
	Also []string

	// MaxStatus is, for a healthy control, the worst status allowed: "ok"
	// (also when empty) or "degraded".
	MaxStatus string

	// Host lets the check look at the server's machine too, as the
	// administrator over SSH (`--host ssh://…`).
	Host bool

	// Root says that the client can decide only as root. The runner skips such
	// a scenario when it runs unprivileged.
	Root bool

	// Setup makes the fault, after the topology is up. It starts the servers
	// too: a bare topology has none.
	Setup func(ctx context.Context, n *Net) error

	Proof Proof
}

// Healthy tells whether the scenario is a control without fault.
func (s Scenario) Healthy() bool { return len(s.Want) == 0 }

// Proof is what an independent client sees of the fault: without it a scenario
// might test nothing.
type Proof struct {
	Run   string        // shell script, run on the client; its exit status does not matter
	Match string        // regular expression that its output (stdout and stderr) must match
	Not   string        // regular expression that its output must not match; empty: none
	Limit time.Duration // 0 means 20 s
}

// Verdict is the judgement on one run of one scenario.
type Verdict string

// The verdicts. Named, Candidate (where allowed) and Healthy are right.
const (
	Named      Verdict = "named"       // the root cause is the right one
	Candidate  Verdict = "candidate"   // the right one is among the candidates, and the deciding experiment is named
	Healthy    Verdict = "healthy"     // nothing wrong and nothing claimed
	Unsure     Verdict = "unsure"      // the right one is a candidate only, though the client could have decided; or no experiment is named
	Missed     Verdict = "missed"      // no root cause, but there is a fault
	Wrong      Verdict = "wrong"       // another root cause, or a false statement beside the right one
	FalseAlarm Verdict = "false alarm" // a root cause, an error or a bad status where all is well
	Vacuous    Verdict = "vacuous"     // the proof did not show the fault
	Broken     Verdict = "broken"      // the binary crashed, hung, leaked the password or printed no report; or the set-up failed
	Skipped    Verdict = "skipped"     // needs root, and this run is unprivileged
)

// Good tells whether the verdict is what one wants to see.
func (v Verdict) Good() bool {
	return v == Named || v == Candidate || v == Healthy || v == Skipped
}
