package finding

import "slices"

// Side says from where something was seen, in a report that has two sides.
type Side string

// The sides. Empty: the report has one.
const (
	ClientSide Side = "client" // from outside, as a user comes
	HostSide   Side = "host"   // on the server's machine
)

// HostLayer is the layer of the checks made on the server's machine: the far
// end of the way.
const HostLayer = "host"

// maxOfSymptom bounds what a cause shows of each of its symptoms.
const maxOfSymptom = 2

// AtHost makes the checks and findings of an inspection those of the far end of
// the way, where names of checks made from outside may be the same.
func AtHost(checks []Check, findings []*Finding) {
	for i := range checks {
		checks[i].Name, checks[i].Layer = "host-"+checks[i].Name, HostLayer
	}
	for _, f := range findings {
		if f.Check != "" {
			f.Check = "host-" + f.Check
		}
	}
}

// Beside adds to a check made from outside what an inspection of the server's
// machine found (see [AtHost]), and concludes anew: the cause that only the
// machine can tell explains the symptom that only the client can see. Each piece
// of evidence then says which side saw it, and the root cause shows that of both.
//
// What both sides state is stated once. What a client could not tell apart and
// the machine can is decided: candidates that rulesOut takes, and that were not
// found, are ruled out.
func (r *Report) Beside(checks []Check, findings []*Finding, rulesOut func(Code) (Candidate, bool)) {
	r.Checks = append(r.Checks, checks...)
	mark(r.Findings, ClientSide)
	mark(findings, HostSide)
	for _, f := range findings {
		i := slices.IndexFunc(r.Findings, func(g *Finding) bool { return g.Code == f.Code })
		if i < 0 || f.Severity < Error {
			r.Findings = append(r.Findings, f)
			continue
		}
		r.Findings[i].agree(f)
	}
	r.decide(rulesOut)
	r.Conclude()
	r.showSymptoms()
}

func mark(findings []*Finding, s Side) {
	for _, f := range findings {
		for i := range f.Evidence {
			f.Evidence[i].Side = s
		}
	}
}

// agree takes over what the other side says of the same cause.
func (f *Finding) agree(other *Finding) {
	f.Evidence = append(f.Evidence, other.Evidence...)
	if other.Confidence.rank() >= f.Confidence.rank() {
		f.Confidence, f.Candidates, f.Decide = other.Confidence, other.Candidates, other.Decide
	}
	f.Severity = max(f.Severity, other.Severity)
	f.Stops = f.Stops || other.Stops
	for name, value := range other.Args {
		if f.Args[name] == "" {
			f.With(name, value)
		}
	}
}

// decide takes away the candidates that the machine would have shown, had they
// been so.
func (r *Report) decide(rulesOut func(Code) (Candidate, bool)) {
	found := func(c Code) bool {
		return slices.ContainsFunc(r.Findings, func(g *Finding) bool { return g.Code == c })
	}
	for _, f := range r.Findings {
		before := len(f.Candidates)
		f.Candidates = slices.DeleteFunc(f.Candidates, func(c Candidate) bool {
			why, out := rulesOut(c.Code)
			if !out || found(c.Code) {
				return false
			}
			r.RuledOut = append(r.RuledOut, why)
			return true
		})
		if before > 0 && len(f.Candidates) == 0 {
			f.Decide = ""
			if f.Confidence == Possible {
				f.Confidence = Likely
			}
		}
	}
}

// showSymptoms gives the root cause the evidence of the other side's symptoms.
func (r *Report) showSymptoms() {
	if r.RootCause == nil {
		return
	}
	at := slices.IndexFunc(r.Findings, func(f *Finding) bool { return f.Code == r.RootCause.Code && f.BecauseOf == "" })
	if at < 0 {
		return
	}
	root := r.Findings[at]
	for _, f := range r.Findings {
		if f.BecauseOf != root.Code || f.Severity < Error {
			continue
		}
		n := 0
		for _, e := range f.Evidence {
			if n < maxOfSymptom && e.Side != "" && !root.hasSide(e.Side) || n > 0 && n < maxOfSymptom {
				root.Evidence = append(root.Evidence, e)
				n++
			}
		}
	}
}

func (f *Finding) hasSide(s Side) bool {
	return slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.Side == s })
}
