package finding

import "time"

// Schema is the version of the report's JSON shape; the shape only grows.
const Schema = 1

// Status is the state of the target in one word.
type Status string

// The states, and the exit codes of `check` that go with them.
const (
	OK       Status = "ok"       // 0
	Degraded Status = "degraded" // 1: warnings
	Failed   Status = "failed"   // 2: an error or worse
	Unknown  Status = "unknown"  // 3: the check could not finish looking
)

// ExitCode follows the convention of monitoring plugins.
func (s Status) ExitCode() int {
	switch s {
	case OK:
		return 0
	case Degraded:
		return 1
	case Failed:
		return 2
	default:
		return 3
	}
}

// Outcome tells how a check ended. Not checked never reads as fine.
type Outcome string

// The outcomes.
const (
	Passed     Outcome = "passed"
	Found      Outcome = "found"
	Skipped    Outcome = "skipped"    // because of another check, or not asked for
	Incomplete Outcome = "incomplete" // could not finish looking
)

// Check is one station of the way.
type Check struct {
	Name      string  `json:"name"`
	Layer     string  `json:"layer"`
	Outcome   Outcome `json:"outcome"`
	DurationS float64 `json:"duration_s"`
	Because   string  `json:"because,omitempty"` // the name of another check, or a phrase
}

// Facts is what was learnt about the target, whatever its health.
type Facts struct {
	Addresses []string           `json:"addresses"`
	Software  string             `json:"software,omitempty"`
	System    string             `json:"system,omitempty"` // family of the operating system as SYST or the greeting tell
	TLS       map[string]any     `json:"tls,omitempty"`
	SSH       map[string]any     `json:"ssh,omitempty"`
	Features  []string           `json:"features,omitempty"`
	Timings   map[string]float64 `json:"timings,omitempty"` // seconds by phase
	Data      map[string]any     `json:"data,omitempty"`    // data channel: modes that worked, passive ports seen
}

// Report is the result of one check of one target.
type Report struct {
	Schema    int         `json:"schema"`
	Target    string      `json:"target"`
	Vantage   string      `json:"vantage"`
	Started   time.Time   `json:"started"`
	DurationS float64     `json:"duration_s"`
	Status    Status      `json:"status"`
	RootCause *RootCause  `json:"root_cause"`
	Checks    []Check     `json:"checks"`
	Findings  []*Finding  `json:"findings"`
	RuledOut  []Candidate `json:"ruled_out,omitempty"`
	Facts     Facts       `json:"facts"`
	// Services are those of a host that was given without a scheme, the best
	// first, where there are several.
	Services []Service `json:"services,omitempty"`
	// NotAvailable lists what this machine or user could not look at, each
	// with the capability that is missing. Phrases.
	NotAvailable []string `json:"not_available,omitempty"`
	// Host is what an inspection of the server's machine learnt.
	Host map[string]any `json:"host,omitempty"`
}

// Service is one of the services that a host offers.
type Service struct {
	Target    string  `json:"target"` // the URL that a user should take
	Port      int     `json:"port"`
	Preferred bool    `json:"preferred,omitempty"`
	Software  string  `json:"software,omitempty"` // where there is no report
	Report    *Report `json:"report,omitempty"`   // nil: a web server without WebDAV
}

// Conclude reduces the findings and sets RootCause and Status.
func (r *Report) Conclude() {
	r.RootCause = Reduce(r.Findings)
	worst := Info
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	switch {
	case worst >= Error:
		r.Status = Failed
	case r.stoppedShort():
		r.Status = Unknown
	case worst == Warning:
		r.Status = Degraded
	default:
		r.Status = OK
	}
	r.RuledOut = withoutFound(r.RuledOut, r.Findings)
}

// stoppedShort: a check that could not finish leaves the state unknown.
func (r *Report) stoppedShort() bool {
	for _, c := range r.Checks {
		if c.Outcome == Incomplete {
			return true
		}
	}
	return false
}

// withoutFound drops what was ruled out by one check and found by another.
func withoutFound(out []Candidate, found []*Finding) []Candidate {
	has := map[Code]bool{}
	for _, f := range found {
		has[f.Code] = true
	}
	kept := out[:0]
	for _, c := range out {
		if !has[c.Code] {
			has[c.Code] = true // once is enough
			kept = append(kept, c)
		}
	}
	return kept
}
