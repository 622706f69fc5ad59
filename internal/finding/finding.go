// Package finding is the waist of ftpdoctor: the vocabulary in which every
// source of facts (a live check, a host inspection, a capture, a log) says what
// it found, and from which every use (a report, an alert, a repair) reads.
//
// It holds the catalogue of causes ([Def], one per code, with a page in English
// and Chinese), the statement of one cause about one target ([Finding]), the
// reduction of many findings to one root cause ([Reduce]) and the [Report].
// It is pure: no network, no clock, no files but the embedded pages.
//
//	f := finding.New(finding.DataPassivePrivateAddress, finding.Confirmed).
//		With("announced", "10.0.0.5:50000").
//		Saw("the answer to PASV", "227 Entering Passive Mode (10,0,0,5,195,80)", "control connection").
//		Stop()
//	root := finding.Reduce([]*finding.Finding{f})
package finding

import (
	"fmt"
	"slices"
	"strings"
)

// Code names a cause as layer/slug. A released code is never renamed.
type Code string

// Layer is the part before the slash.
func (c Code) Layer() string {
	layer, _, _ := strings.Cut(string(c), "/")
	return layer
}

// layers is the way a connection takes: what comes first has to work first.
var layers = []string{
	"client", "dns", "route", "net", "service", "tls", "ssh", "http", "auth", "data", "file",
	"host", "config", "security", "performance",
}

// LayerRank orders layers by the way a connection takes; unknown layers come last.
func LayerRank(layer string) int {
	if i := slices.Index(layers, layer); i >= 0 {
		return i
	}
	return len(layers)
}

// Severity is the consequence of a cause for the users of the service.
type Severity int

// The severities, mildest first.
const (
	Info     Severity = iota // a fact
	Notice                   // worth knowing
	Warning                  // works today, will break or is unsafe
	Error                    // some clients or operations fail or suffer, now
	Critical                 // nobody can use the service
)

var severityNames = [...]string{"info", "notice", "warning", "error", "critical"}

func (s Severity) String() string {
	if s < Info || s > Critical {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityNames[s]
}

// MarshalText gives the name used in JSON.
func (s Severity) MarshalText() ([]byte, error) {
	if s < Info || s > Critical {
		return nil, fmt.Errorf("finding: no such severity: %d", int(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads the name used in JSON.
func (s *Severity) UnmarshalText(b []byte) error {
	i := slices.Index(severityNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("finding: no such severity: %q", b)
	}
	*s = Severity(i)
	return nil
}

// Confidence says how well a cause is established.
type Confidence string

// The confidences. Only a confirmed or likely cause folds its symptoms.
const (
	Confirmed Confidence = "confirmed" // an experiment excluded the look-alikes
	Likely    Confidence = "likely"    // the evidence points here; a look-alike was not excluded
	Possible  Confidence = "possible"  // one of several that fit
)

func (c Confidence) rank() int {
	switch c {
	case Confirmed:
		return 2
	case Likely:
		return 1
	default:
		return 0
	}
}

// Def is one entry of the catalogue. Its words stand on its pages.
type Def struct {
	Code     Code
	Severity Severity // where a finding says nothing else
	// Explains lists the causes that are mere symptoms where this one is
	// present. Because they are variables, a circular explanation does not
	// compile.
	Explains []*Def
}

var catalogue = map[Code]*Def{}

func define(d Def) *Def {
	if catalogue[d.Code] != nil {
		panic("finding: defined twice: " + string(d.Code))
	}
	catalogue[d.Code] = &d
	return &d
}

// Lookup returns the definition of a code, or nil.
func Lookup(c Code) *Def { return catalogue[c] }

// Catalogue returns all definitions in the order of layers, then of codes.
func Catalogue() []*Def {
	all := make([]*Def, 0, len(catalogue))
	for _, d := range catalogue {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *Def) int {
		if r := LayerRank(a.Code.Layer()) - LayerRank(b.Code.Layer()); r != 0 {
			return r
		}
		return strings.Compare(string(a.Code), string(b.Code))
	})
	return all
}

// explains tells whether d accounts for c, directly or through others.
func (d *Def) explains(c Code) bool {
	for _, e := range d.Explains {
		if e.Code == c || e.explains(c) {
			return true
		}
	}
	return false
}

// Evidence is one observation.
type Evidence struct {
	What   string `json:"what"`             // what was looked at; a phrase of the catalogue of phrases
	Detail string `json:"detail,omitempty"` // what was seen: replies, addresses, times; our own words within are marked by [Say]
	Source string `json:"source,omitempty"` // where it was seen; a phrase
	Side   Side   `json:"side,omitempty"`   // in a report of both sides: which saw it
}

// Candidate is a cause that fits, or was ruled out, and why.
type Candidate struct {
	Code  Code   `json:"code"`
	Title string `json:"title,omitempty"` // filled by [Report.Localize]
	Why   string `json:"why"`             // a phrase
}

// Finding states one cause about one target.
type Finding struct {
	Code       Code        `json:"code"`
	Severity   Severity    `json:"severity"`
	Confidence Confidence  `json:"confidence"`
	Check      string      `json:"check,omitempty"` // the check that stated it; empty: stated when the way was over
	Subject    string      `json:"subject,omitempty"`
	Title      string      `json:"title"`    // filled by [Report.Localize]
	Sentence   string      `json:"sentence"` // filled by [Report.Localize]
	Evidence   []Evidence  `json:"evidence"`
	BecauseOf  Code        `json:"because_of,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	Decide     string      `json:"decide,omitempty"` // the experiment that would decide between the candidates; a phrase
	Remedies   []Remedy    `json:"remedies"`         // filled by [Report.Localize]

	// Args fill the placeholders of the page.
	Args map[string]string `json:"args,omitempty"`
	// Stops is set when the check could not go on beyond this cause: of
	// several causes the one that stops is the root.
	Stops bool `json:"stops,omitempty"`
}

// New begins a finding of the definition's severity.
func New(d *Def, c Confidence) *Finding {
	return &Finding{Code: d.Code, Severity: d.Severity, Confidence: c, Args: map[string]string{}}
}

// With sets a placeholder of the page. An empty value counts as unknown.
func (f *Finding) With(name, value string) *Finding {
	if value != "" {
		f.Args[name] = value
	}
	return f
}

// About sets the subject.
func (f *Finding) About(subject string) *Finding { f.Subject = subject; return f }

// As replaces the definition's severity, where the consequence is another one here.
func (f *Finding) As(s Severity) *Finding { f.Severity = s; return f }

// Stop marks the finding as the one beyond which the check could not go.
func (f *Finding) Stop() *Finding { f.Stops = true; return f }

// Saw adds an observation.
func (f *Finding) Saw(what, detail, source string) *Finding {
	f.Evidence = append(f.Evidence, Evidence{What: what, Detail: detail, Source: source})
	return f
}

// SawAt adds an observation made at a place that is called the same in every
// language: a command, or a file and its line.
func (f *Finding) SawAt(what, detail, place string) *Finding {
	f.Evidence = append(f.Evidence, Evidence{What: what, Detail: detail, Source: place})
	return f
}

// Or adds a cause that fits as well.
func (f *Finding) Or(d *Def, why string) *Finding {
	f.Candidates = append(f.Candidates, Candidate{Code: d.Code, Why: why})
	return f
}

// DecideBy names the experiment that would decide between the candidates.
func (f *Finding) DecideBy(experiment string) *Finding { f.Decide = experiment; return f }
