package host

import (
	"testing"

	"ftpdoctor/internal/finding"
)

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
