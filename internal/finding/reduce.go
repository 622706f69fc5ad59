package finding

import (
	"cmp"
	"slices"
	"strings"
)

// RootCause is the one finding whose removal would move the check on.
type RootCause struct {
	Code       Code        `json:"code"`
	Confidence Confidence  `json:"confidence"`
	Title      string      `json:"title"`
	Sentence   string      `json:"sentence"`
	Candidates []Candidate `json:"candidates"`
	Decide     string      `json:"decide"`
}

// Reduce folds symptoms under their causes (it sets BecauseOf), sorts the
// findings so that the root comes first and each cause before its
// consequences, and returns the root cause, or nil when nothing of severity
// Error or worse was found: advice never becomes a root cause.
//
// A cause folds a symptom when its definition explains the symptom's code and
// is more than possible. What is then left, not confirmed, and has a confirmed
// finding among its candidates, is folded under that one: one source named the
// possibilities, another one saw which it is. Of the causes left, one that stopped the
// check goes before one that did not; then the worse; then the earlier layer.
func Reduce(findings []*Finding) *RootCause {
	for _, symptom := range findings {
		symptom.BecauseOf = ""
		if cause := bestCause(findings, symptom); cause != nil {
			symptom.BecauseOf = cause.Code
			cause.Stops = cause.Stops || symptom.Stops
		}
	}
	for _, symptom := range findings {
		if cause := confirmedCandidate(findings, symptom); cause != nil {
			symptom.BecauseOf = cause.Code
			cause.Stops = cause.Stops || symptom.Stops
		}
	}
	slices.SortStableFunc(findings, compare)
	var root *Finding
	for _, f := range findings {
		if f.BecauseOf == "" && f.Severity >= Error {
			root = f
			break
		}
	}
	if root == nil {
		return nil
	}
	rc := &RootCause{
		Code: root.Code, Confidence: root.Confidence,
		Candidates: slices.Clone(root.Candidates), Decide: root.Decide,
	}
	if rc.Candidates == nil {
		rc.Candidates = []Candidate{}
	}
	return rc
}

// bestCause finds the cause that explains the symptom. A cause that another
// one explains does not count, so that a chain of explanations ends at one
// place; of those left the best established is taken, then the one furthest up
// the way.
func bestCause(findings []*Finding, symptom *Finding) *Finding {
	var causes []*Finding
	for _, f := range findings {
		if f.mayFold(symptom) {
			causes = append(causes, f)
		}
	}
	var best *Finding
	for _, f := range causes {
		explained := slices.ContainsFunc(causes, func(c *Finding) bool { return Lookup(c.Code).explains(f.Code) })
		if !explained && (best == nil || compareCause(f, best) < 0) {
			best = f
		}
	}
	return best
}

// confirmedCandidate finds the confirmed finding, itself no symptom, that is one
// of the candidates of one that is not confirmed, or explains it.
func confirmedCandidate(findings []*Finding, symptom *Finding) *Finding {
	if symptom.BecauseOf != "" || symptom.Confidence == Confirmed {
		return nil
	}
	for _, c := range symptom.Candidates {
		for _, f := range findings {
			if (f.Code == c.Code || Lookup(f.Code).explains(c.Code)) && f.Code != symptom.Code && !Lookup(symptom.Code).explains(f.Code) && f.Confidence == Confirmed && f.BecauseOf == "" && f.Severity >= symptom.Severity {
				return f
			}
		}
	}
	return nil
}

// mayFold tells whether f explains the symptom and is established well enough.
func (f *Finding) mayFold(symptom *Finding) bool {
	switch {
	case f.Confidence == Possible:
		return false
	case f.Severity < Error && symptom.Severity >= Error:
		return false // advice explains no failure
	}
	return Lookup(f.Code).explains(symptom.Code)
}

func compareCause(a, b *Finding) int {
	return cmp.Or(
		b.Confidence.rank()-a.Confidence.rank(),
		LayerRank(a.Code.Layer())-LayerRank(b.Code.Layer()),
		strings.Compare(string(a.Code), string(b.Code)),
	)
}

// compare orders findings for the reader: causes before consequences, the one
// that stopped the check first, then by severity, layer and confidence.
func compare(a, b *Finding) int {
	if c := b2i(a.BecauseOf != "") - b2i(b.BecauseOf != ""); c != 0 {
		return c
	}
	if c := b2i(b.Severity >= Error) - b2i(a.Severity >= Error); c != 0 {
		return c
	}
	if a.Severity >= Error {
		if c := b2i(b.Stops) - b2i(a.Stops); c != 0 {
			return c
		}
	}
	if c := int(b.Severity) - int(a.Severity); c != 0 {
		return c
	}
	if c := LayerRank(a.Code.Layer()) - LayerRank(b.Code.Layer()); c != 0 {
		return c
	}
	if c := b.Confidence.rank() - a.Confidence.rank(); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(string(a.Code), string(b.Code)), strings.Compare(a.Subject, b.Subject)) // any order, but always the same
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
