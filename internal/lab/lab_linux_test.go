package lab

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// needLab skips a test that needs root and the fetched servers, or fails it
// where FTPDOCTOR_LAB=require says that they must be there.
func needLab(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the lab is not for -short")
	}
	if err := prepare(t.Context()); err != nil {
		if os.Getenv("FTPDOCTOR_LAB") == "require" {
			t.Fatal(err)
		}
		t.Skipf("no lab here: %v", err)
	}
}

// sideBySide is how many labs the tests build at once: they wait more than they
// work, but a proof that starves fails.
const sideBySide = 4

// TestProofs builds every scenario and shows its fault by an independent
// client. FTPDOCTOR_LAB_ONLY, a comma-separated list of prefixes, picks some.
func TestProofs(t *testing.T) {
	needLab(t)
	defer goleak.VerifyNone(t)
	var prefixes []string
	if only := os.Getenv("FTPDOCTOR_LAB_ONLY"); only != "" {
		prefixes = strings.Split(only, ",")
	}
	scenarios, err := Select(List(), prefixes...)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := Prove(t.Context(), scenarios, sideBySide, func(r Result) {
		if !r.Verdict.Good() {
			t.Errorf("%s: %s: %s\n%s", r.Scenario.Name, r.Verdict, r.Reason, r.Output)
			return
		}
		t.Logf("%s: proven, set up in %.2f s", r.Scenario.Name, r.Setup)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(summary.Results), len(scenarios); got != want {
		t.Errorf("%d results, want %d", got, want)
	}
}

// inQuestion names the faults that are in what is asked, not in the lab: their
// proofs hold in a healthy lab too.
var inQuestion = []string{
	"client/bad-target", "client/proxy-dead", "client/password-with-quotes", "dns/nxdomain", "dns/search-domain-missing",
	"data/active-private", "tls/not-offered-vsftpd", "auth/anonymous-disabled-vsftpd", "file/directory-missing",
	"auth/sftp-root",
	"http/wrong-path-root", "http/tls-to-plain-80", "http/plain-to-tls-apache", "file/dav-directory-missing", "client/dav-proxy-gone",
}

// nothingWrong is the lab that a scenario asks for, without its fault: plain
// vsftpd, OpenSSH that takes password and key of a client that knows it, or
// Apache with WebDAV at /dav/ over HTTP and HTTPS.
func nothingWrong(s Scenario) setup {
	switch scheme, _, _ := strings.Cut(s.Args[len(s.Args)-1], ":"); scheme {
	case "sftp":
		return then(sshd(""), authorized("ed25519"))
	case "dav", "davs":
		return apacheTLS(CertKnobs{}, "")
	}
	if !strings.Contains(s.Args[len(s.Args)-1], "://") && strings.Contains(s.Name, "survey/") {
		return fiveServices
	}
	return plainVSFTPD
}

// TestProofsNeedTheirFault runs the proofs of the faults in a lab with nothing
// wrong: one that matches there proves nothing.
func TestProofsNeedTheirFault(t *testing.T) {
	needLab(t)
	var healthy []Scenario
	for _, s := range List() {
		if s.Healthy() || slices.ContainsFunc(inQuestion, func(p string) bool { return strings.HasPrefix(s.Name, p) }) {
			continue
		}
		s.Setup = nothingWrong(s)
		healthy = append(healthy, s)
	}
	_, err := Prove(t.Context(), healthy, sideBySide, func(r Result) {
		if r.Verdict != Vacuous {
			t.Errorf("%s: the proof holds without the fault, or %s\n%s", r.Scenario.Name, r.Reason, r.Output)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
