//go:build unix

package host

import (
	"encoding/json"
	"net/netip"
	"runtime"
	"testing"

	"ftpdoctor/internal/machine"
)

// On the machine that runs the tests an inspection must end, know the machine,
// and say nothing that is not so. What it finds is shown with -v.
func TestThisMachine(t *testing.T) {
	if runtime.GOOS != linux {
		t.Skip("the collectors of other systems are tested on recordings")
	}
	r, err := Inspect(t.Context(), machine.Local(), Question{})
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

func TestWouldPassHere(t *testing.T) {
	if runtime.GOOS != linux {
		t.Skip("rules of Linux")
	}
	x, err := WouldPass(t.Context(), machine.Local(), "tcp", 21, netip.MustParseAddr("203.0.113.9"))
	if err != nil {
		t.Skip(err)
	}
	t.Logf("%+v", *x)
	if x.Action == "" || x.Port != 21 {
		t.Errorf("%+v", x)
	}
}
