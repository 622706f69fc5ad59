package finding

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A client sees "530", the machine knows why.
func TestBeside(t *testing.T) {
	client := func() *Report {
		rejected := New(AuthRejected, Likely).Stop().Saw("reply to PASS", "530 Login incorrect.", "control connection").
			Or(AuthUserUnknown, "servers do not say which").Or(AuthShellNotListed, "servers do not say which").DecideBy("look at the server")
		r := &Report{Checks: []Check{{Name: "login", Layer: "auth", Outcome: Found}}, Findings: []*Finding{rejected}}
		r.Conclude()
		return r
	}
	decided := func(c Code) (Candidate, bool) {
		return Candidate{Code: c}, c.Layer() == "auth" && c != AuthRejected.Code
	}

	r := client()
	shell := New(AuthShellNotListed, Confirmed).SawAt("login shell", "/bin/false", "/etc/passwd:35")
	shell.Check = "account"
	checks, findings := []Check{{Name: "account", Layer: "auth", Outcome: Found}}, []*Finding{shell}
	AtHost(checks, findings)
	r.Beside(checks, findings, decided)
	if r.RootCause == nil || r.RootCause.Code != AuthShellNotListed.Code || r.RootCause.Confidence != Confirmed || r.Status != Failed {
		t.Fatalf("root cause %+v, status %s", r.RootCause, r.Status)
	}
	want := []Evidence{
		{"login shell", "/bin/false", "/etc/passwd:35", HostSide},
		{"reply to PASS", "530 Login incorrect.", "control connection", ClientSide},
	}
	if diff := cmp.Diff(want, r.Findings[0].Evidence); diff != "" {
		t.Errorf("evidence of both sides (-want +got):\n%s", diff)
	}
	if c := r.Checks[1]; c.Name != "host-account" || c.Layer != HostLayer || r.Findings[0].Check != "host-account" {
		t.Errorf("checks %+v, stated by %s", r.Checks, r.Findings[0].Check)
	}

	// The machine shows nothing: the password is wrong.
	r = client()
	r.Beside([]Check{{Name: "account", Layer: "auth", Outcome: Passed}}, nil, decided)
	if r.RootCause == nil || r.RootCause.Code != AuthRejected.Code || len(r.RootCause.Candidates) != 0 || r.RootCause.Decide != "" || len(r.RuledOut) != 2 {
		t.Errorf("root cause %+v, ruled out %+v", r.RootCause, r.RuledOut)
	}

	// Both say the same: it is said once.
	r = &Report{Findings: []*Finding{New(TLSCertExpired, Confirmed).Saw("not after", "2020", "TLS")}}
	r.Beside(nil, []*Finding{New(TLSCertExpired, Likely).SawAt("not after", "2020", "/etc/ssl/ftp.crt")}, decided)
	if len(r.Findings) != 1 || len(r.Findings[0].Evidence) != 2 || r.Findings[0].Confidence != Confirmed {
		t.Errorf("findings %+v", r.Findings[0])
	}
}
