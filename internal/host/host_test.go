package host

import (
	"encoding/json"
	"net/netip"
	"runtime"
	"testing"

	"ftpdoctor/internal/finding"
)

// On the machine that runs the tests an inspection must end, know the machine,
// and say nothing that is not so. What it finds is shown with -v.
func TestThisMachine(t *testing.T) {
	if runtime.GOOS != linux {
		t.Skip("the collectors of other systems are tested on recordings")
	}
	r, err := Inspect(t.Context(), local{}, Question{})
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, r)
	facts, err := json.MarshalIndent(r.Facts, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\nnot available: %q", facts, r.NotAvailable)
	for _, c := range r.Checks {
		t.Logf("%-14s %-8s %s %.3f s %s", c.Name, c.Layer, c.Outcome, c.DurationS, c.Because)
	}
	for _, f := range r.Findings {
		t.Logf("%s %s %s %v", f.Code, f.Severity, f.Confidence, f.Evidence)
	}
	if r.Facts.Name == "" || len(r.Facts.Interfaces) == 0 || r.Facts.Uptime == 0 || len(r.Facts.Disks) == 0 || r.Facts.Memory["total"] == 0 {
		t.Errorf("this machine was not recognised: %s", facts)
	}
}

// checkResult holds what must be so of every result.
func checkResult(t *testing.T, r *Result) {
	t.Helper()
	if len(r.Checks) != len(sections) {
		t.Errorf("%d checks of %d sections", len(r.Checks), len(sections))
	}
	for _, f := range r.Findings {
		if finding.Lookup(f.Code) == nil || len(f.Evidence) == 0 {
			t.Errorf("%s: a finding without a definition or without evidence", f.Code)
		}
		for _, e := range f.Evidence {
			if e.What == "" || e.Source == "" {
				t.Errorf("%s: evidence without what or whence: %+v", f.Code, e)
			}
		}
		for _, name := range []string{"host", "port", "address", "target"} {
			if f.Args[name] == "" {
				t.Errorf("%s does not know {%s}", f.Code, name)
			}
		}
	}
}

func TestWouldPassHere(t *testing.T) {
	if runtime.GOOS != linux {
		t.Skip("rules of Linux")
	}
	x, err := WouldPass(t.Context(), local{}, "tcp", 21, netip.MustParseAddr("203.0.113.9"))
	if err != nil {
		t.Skip(err)
	}
	t.Logf("%+v", *x)
	if x.Action == "" || x.Port != 21 {
		t.Errorf("%+v", x)
	}
}
