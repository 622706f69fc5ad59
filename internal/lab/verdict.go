package lab

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// report is the part of the check's JSON (schema 1) that a verdict needs.
type report struct {
	Schema    int    `json:"schema"`
	Status    string `json:"status"`
	RootCause *struct {
		Code       string      `json:"code"`
		Confidence string      `json:"confidence"`
		Sentence   string      `json:"sentence"`
		Candidates []candidate `json:"candidates"`
		Decide     string      `json:"decide"`
	} `json:"root_cause"`
	Findings []struct {
		Code      string `json:"code"`
		Severity  string `json:"severity"`
		BecauseOf string `json:"because_of"`
	} `json:"findings"`
}

type candidate struct {
	Code string `json:"code"`
}

// parseReport reads the check's output: one JSON object, with nothing around it.
func parseReport(out []byte) (*report, error) {
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if r.Schema != 1 || r.Status == "" {
		return nil, fmt.Errorf("read report: schema %d and status %q are no report", r.Schema, r.Status)
	}
	return &r, nil
}

// judge compares a report with what the scenario wants. The reason is empty
// when there is nothing to complain about.
func judge(s Scenario, r *report) (v Verdict, reason string) {
	stray := strays(s, r)
	if s.Healthy() {
		return judgeHealthy(s, r, stray)
	}
	root := r.RootCause
	if root == nil {
		return Missed, "no root cause, status " + r.Status
	}
	among := slices.ContainsFunc(root.Candidates, func(c candidate) bool { return slices.Contains(s.Want, c.Code) })
	switch {
	case slices.Contains(s.Want, root.Code):
		if len(stray) > 0 {
			return Wrong, "also claims " + strings.Join(stray, ", ")
		}
		if !s.Candidates || root.Confidence == "confirmed" && len(root.Candidates) == 0 {
			return Named, "" // a server that says the cause in so many words leaves nothing to decide
		}
	case among && root.Confidence == "confirmed":
		return Wrong, "confirms " + root.Code
	case !among:
		return Wrong, cmp.Or(root.Sentence, "another cause")
	}
	switch {
	case !s.Candidates:
		return Unsure, "only among the candidates of " + root.Code
	case root.Decide == "":
		return Unsure, "no deciding experiment"
	case len(stray) > 0:
		return Wrong, "also claims " + strings.Join(stray, ", ")
	}
	return Candidate, ""
}

func judgeHealthy(s Scenario, r *report, stray []string) (Verdict, string) {
	switch {
	case r.RootCause != nil:
		return FalseAlarm, r.RootCause.Sentence
	case len(stray) > 0:
		return FalseAlarm, "claims " + strings.Join(stray, ", ")
	case r.Status != "ok" && (s.MaxStatus != "degraded" || r.Status != "degraded"):
		return FalseAlarm, "status " + r.Status
	}
	return Healthy, ""
}

// strays lists the findings of severity error or worse that nothing accounts for.
func strays(s Scenario, r *report) []string {
	var open []string // presented as candidates, not as statements
	if root := r.RootCause; s.Candidates && root != nil && root.Confidence != "confirmed" {
		open = append(open, root.Code)
		for _, c := range root.Candidates {
			open = append(open, c.Code)
		}
	}
	var list []string
	for _, f := range r.Findings {
		if f.Severity != "error" && f.Severity != "critical" {
			continue
		}
		if slices.Contains(s.Want, f.Code) || slices.Contains(s.Also, f.Code) || slices.Contains(list, f.Code) {
			continue
		}
		if slices.Contains(s.Want, f.BecauseOf) || slices.Contains(s.Also, f.BecauseOf) {
			continue
		}
		if slices.Contains(open, f.Code) || slices.Contains(open, f.BecauseOf) {
			continue
		}
		list = append(list, f.Code)
	}
	return list
}
