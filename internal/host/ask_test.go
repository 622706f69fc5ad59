package host

import (
	"testing"

	"ftpdoctor/internal/finding"
)

func TestAfter(t *testing.T) {
	check := func(name string, o finding.Outcome, because string) finding.Check {
		return finding.Check{Name: name, Outcome: o, Because: because}
	}
	tests := []struct {
		name     string
		checks   []finding.Check
		findings []*finding.Finding
		protocol string
		want     [5]Seen // connect, greeting, login, data, transfer
	}{
		{
			name: "refused",
			checks: []finding.Check{
				check("connect", finding.Found, ""), check("greeting", finding.Skipped, "connect"), check("login", finding.Skipped, "connect"),
			},
			findings: []*finding.Finding{finding.New(finding.ServiceRefused, finding.Confirmed)},
			want:     [5]Seen{Fails, Untried, Untried, Untried, Untried},
		},
		{
			name: "rejected, after advice about clear text",
			checks: []finding.Check{
				check("connect", finding.Passed, ""), check("greeting", finding.Passed, ""), check("login", finding.Found, ""), check("data", finding.Skipped, "login"),
			},
			findings: []*finding.Finding{finding.New(finding.AuthRejected, finding.Likely)},
			want:     [5]Seen{Works, Works, Fails, Untried, Untried},
		},
		{
			name: "the listing fails and the way goes on",
			checks: []finding.Check{
				check("connect", finding.Passed, ""), check("greeting", finding.Passed, ""), check("login", finding.Found, ""), check("data", finding.Found, ""), check("tls-depth", finding.Passed, ""),
			},
			findings: []*finding.Finding{finding.New(finding.SecurityClearTextLogin, finding.Confirmed), finding.New(finding.DataPassiveFiltered, finding.Confirmed)},
			want:     [5]Seen{Works, Works, Works, Fails, Untried},
		},
		{
			name:     "healthy SFTP",
			checks:   []finding.Check{check("connect", finding.Passed, ""), check("ssh", finding.Passed, ""), check("ssh-login", finding.Passed, ""), check("sftp", finding.Passed, "")},
			protocol: SSH, want: [5]Seen{Works, Works, Works, Works, Works},
		},
	}
	for _, tt := range tests {
		rep := &finding.Report{Checks: tt.checks, Findings: tt.findings, Target: "ftp://x"}
		q := Question{Protocol: tt.protocol}.After(rep)
		if got := [5]Seen{q.Connect, q.Greeting, q.Login, q.Data, q.Transfer}; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if q.Target != "ftp://x" {
			t.Errorf("%s: target %q", tt.name, q.Target)
		}
	}
	announced := finding.New(finding.DataPassivePrivateAddress, finding.Confirmed).With("announced", "10.0.0.5:50000")
	q := Question{}.After(&finding.Report{
		Findings: []*finding.Finding{announced},
		Facts:    finding.Facts{TLS: map[string]any{"version": "TLS 1.3", "sha256": "ab"}},
	})
	if q.Passive.String() != "10.0.0.5:50000" || q.Certificate != "ab" || !q.TLS {
		t.Errorf("%+v", q)
	}
}
