package lab

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// ErrUnsupported says that this system can't run the lab.
var ErrUnsupported = errors.New("the lab needs Linux (network namespaces)")

// Options say how to run scenarios.
type Options struct {
	Binary       string     // the ftpdoctor binary
	Scenarios    []Scenario // what to run, in this order
	Parallel     int        // labs side by side; 0 means 2
	Unprivileged bool       // run the binary as nobody, without capabilities
	RecordDir    string     // when set, --record RecordDir/layer-slug.rec
	CaptureDir   string     // when set, the packets of client and server go to CaptureDir/layer-slug(.server).pcap, and the client's are judged
	Lang         string     // when set, --lang
	Fix          bool       // mend what was named on the server's machine, and check again

	// Limit is how long a check may take before it is killed; 0 means 30 s.
	Limit time.Duration
}

// Result is what became of one scenario.
type Result struct {
	Scenario   Scenario
	Verdict    Verdict
	Code       string // root cause named; empty: none
	Confidence string
	Seconds    float64 // that the check took
	Setup      float64 // seconds that topology and fault took
	Reason     string  // what is wrong, when the verdict is not good
	Mending    Mending // what became of Options.Fix
	Output     string  // of the check, or of the proof when that failed
	Captured   *Captured
}

// Captured is what the packets of the check say by themselves: with less at
// hand than the check, whose experiments and whose machine they may not show.
type Captured struct {
	Verdict    Verdict // empty: there was nothing to record
	Code       string  // root cause named; empty: none
	Confidence string
	Reason     string // why there is no verdict
}

// Mending is how an attempt to mend the fault of a scenario ended.
type Mending string

// The ends. Only the first three are in order.
const (
	Mended   Mending = "mended"    // and the check finds nothing any more
	NoRecipe Mending = "no recipe" // nothing was changed
	Undone   Mending = "undone"    // it did not help, and was put back
	Unmended Mending = "not mended"
)

// Summary is the outcome of a run.
type Summary struct {
	Results []Result
	Median  float64 // seconds of the check
	Max     float64
	Again   []string // scenarios that ended badly beside others and were repeated alone
}

// Count returns how many results have one of the verdicts.
func (s Summary) Count(verdicts ...Verdict) int {
	count := 0
	for _, r := range s.Results {
		if slices.Contains(verdicts, r.Verdict) {
			count++
		}
	}
	return count
}

// OK tells whether every verdict is good.
func (s Summary) OK() bool {
	return !slices.ContainsFunc(s.Results, func(r Result) bool { return !r.Verdict.Good() })
}

func summarize(results []Result) Summary {
	s := Summary{Results: results}
	var seconds []float64
	for _, r := range results {
		if r.Seconds > 0 {
			seconds = append(seconds, r.Seconds)
		}
	}
	if len(seconds) > 0 {
		slices.Sort(seconds)
		s.Median, s.Max = seconds[len(seconds)/2], seconds[len(seconds)-1]
	}
	return s
}

// Print writes the table, the figures and the last line. Named counts what was
// said rightly: root causes, candidates where only the host could decide, and
// healthy controls found healthy.
func (s Summary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCENARIO\tEXPECTED\tROOT CAUSE\tCONFIDENCE\tSECONDS\tVERDICT\t")
	for _, r := range s.Results {
		want := strings.Join(r.Scenario.Want, " | ")
		if want == "" {
			want = "(healthy)"
		}
		if r.Scenario.Candidates {
			want = "one of several: " + want
		}
		verdict := string(r.Verdict)
		if r.Mending != "" {
			verdict += ", " + string(r.Mending)
		}
		if r.Reason != "" {
			verdict += ": " + oneLine(r.Reason, 100)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f\t%s\t\n", r.Scenario.Name, want, orDash(r.Code), orDash(r.Confidence), r.Seconds, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	over := 0
	for _, r := range s.Results {
		if r.Seconds > (10 * time.Second).Seconds() {
			over++
		}
	}
	fmt.Fprintf(w, "seconds: median %.1f, maximum %.1f, %d over 10\n", s.Median, s.Max, over)
	if len(s.Again) > 0 {
		fmt.Fprintf(w, "repeated alone: %s\n", strings.Join(s.Again, ", "))
	}
	if others := s.Count(Missed, Unsure, Vacuous, Broken, Skipped); others > 0 {
		fmt.Fprintf(w, "missed %d, unsure %d, vacuous %d, broken %d, skipped %d\n", s.Count(Missed), s.Count(Unsure), s.Count(Vacuous), s.Count(Broken), s.Count(Skipped))
	}
	mended := map[Mending]int{}
	for _, r := range s.Results {
		mended[r.Mending]++
	}
	if mended[""] < len(s.Results) {
		fmt.Fprintf(w, "fix: %d mended, %d without a recipe, %d undone, %d not mended\n", mended[Mended], mended[NoRecipe], mended[Undone], mended[Unmended])
	}
	if err := s.printCaptures(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "lab: %d scenarios, %d named, %d wrong, %d false alarms\n",
		len(s.Results), s.Count(Named, Candidate, Healthy), s.Count(Wrong), s.Count(FalseAlarm))
	return err
}

// printCaptures writes what the captures say where it differs from the check.
func (s Summary) printCaptures(w io.Writer) error {
	all, agree := 0, 0
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range s.Results {
		c := r.Captured
		if c == nil {
			continue
		}
		all++
		if c.Verdict == Named || c.Verdict == Healthy || c.Code == r.Code && c.Verdict != Broken && c.Verdict != "" {
			agree++
			continue
		}
		fmt.Fprintf(t, "capture of %s\tcheck: %s\tcapture: %s\t%s\t%s %s\t\n", r.Scenario.Name, orDash(r.Code), orDash(c.Code), orDash(c.Confidence), c.Verdict, c.Reason)
	}
	if all == 0 {
		return nil
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "captures: %d of %d say the same\n", agree, all)
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func oneLine(s string, limit int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > limit {
		r = append(r[:limit-1], '…')
	}
	return string(r)
}

// Select returns the scenarios whose name starts with one of the prefixes; all
// when there is none. A prefix that fits nothing is an error.
func Select(scenarios []Scenario, prefixes ...string) ([]Scenario, error) {
	if len(prefixes) == 0 {
		return scenarios, nil
	}
	used := map[string]bool{}
	var list []Scenario
	for _, s := range scenarios {
		hit := false
		for _, p := range prefixes {
			if strings.HasPrefix(s.Name, p) {
				used[p], hit = true, true
			}
		}
		if hit {
			list = append(list, s)
		}
	}
	for _, p := range prefixes {
		if !used[p] {
			return nil, fmt.Errorf("no scenario starts with %q", p)
		}
	}
	return list, nil
}
