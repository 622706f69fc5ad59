package probe_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask reads a fault's arguments as the command line would.
func ask(t *testing.T, f ftptest.Fault, s *ftptest.Server) (observe.Target, probe.Options) {
	t.Helper()
	target, err := observe.ParseTarget(s.Target())
	if err != nil {
		t.Fatal(err)
	}
	if f.Password != "" {
		target.Password, target.HasPass = f.Password, true
	}
	o := probe.Options{CAFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(o.CAFile, s.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(f.Args); i++ {
		switch f.Args[i] {
		case "--op":
			i++
			o.Op = f.Args[i]
		case "--active":
			o.Active = true
		default:
			t.Fatalf("%s: option %q is not known to this test", f.Name, f.Args[i])
		}
	}
	return target, o
}

// TestFaults checks each demo fault: the root cause is the one that is wanted,
// a healthy server has none, everything said has evidence and complete words in
// both languages, no secret is told, and the recording replays to the same.
func TestFaults(t *testing.T) {
	for _, f := range ftptest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s, err := ftptest.Start(f)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			target, o := ask(t, f, s)
			w := observe.Live()
			rec := w.Record()
			rep := probe.Run(context.Background(), w, target, o, nil)
			judgeFault(t, f, rep)
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			if f.Password != "" && strings.Contains(tape.String(), f.Password) {
				t.Error("the password is in the recording")
			}
			again, _, err := observe.Replay(&tape)
			if err != nil {
				t.Fatal(err)
			}
			target.Password = observe.Hidden
			replayed := probe.Run(context.Background(), again, target, o, nil)
			if n := again.Missed(); n > 0 {
				t.Errorf("the replay asked for %d steps that were not recorded", n)
			}
			for _, lang := range finding.Langs {
				if a, b := text(t, rep, lang), text(t, replayed, lang); a != b {
					t.Errorf("the replay differs (%s):\n%s\n%s", lang, a, b)
				}
				if f.Password != "" && strings.Contains(text(t, rep, lang), f.Password) {
					t.Error("the password is in the report")
				}
			}
		})
	}
}

func judgeFault(t *testing.T, f ftptest.Fault, rep *finding.Report) {
	t.Helper()
	root := ""
	if rep.RootCause != nil {
		root = string(rep.RootCause.Code)
	}
	if len(f.Want) == 0 && root != "" || len(f.Want) > 0 && !slices.Contains(f.Want, root) {
		t.Errorf("root cause %q, want one of %q", root, f.Want)
	}
	for _, advice := range f.Advice {
		if !slices.ContainsFunc(rep.Findings, func(g *finding.Finding) bool { return string(g.Code) == advice }) {
			t.Errorf("%s is not among the findings", advice)
		}
	}
	for _, g := range rep.Findings {
		if len(g.Evidence) == 0 {
			t.Errorf("%s has no evidence", g.Code)
		}
		if g.Severity >= finding.Error && g.BecauseOf == "" && string(g.Code) != root {
			t.Errorf("%s stands beside the root cause %q", g.Code, root)
		}
	}
}

// text is everything that a report says, as one string.
func text(t *testing.T, rep *finding.Report, lang finding.Lang) string {
	t.Helper()
	var b strings.Builder
	copied := *rep
	copied.Findings = nil
	for _, f := range rep.Findings {
		g := *f
		g.Evidence = slices.Clone(f.Evidence)
		g.Candidates = slices.Clone(f.Candidates)
		copied.Findings = append(copied.Findings, &g)
	}
	copied.Localize(lang)
	for _, f := range copied.Findings {
		b.WriteString(string(f.Code) + " " + f.Title + " " + f.Sentence + "\n")
		if strings.ContainsAny(f.Sentence, "{}") || strings.Contains(f.Sentence, "[[") {
			t.Errorf("%s: a placeholder is left: %s", f.Code, f.Sentence)
		}
		for _, e := range f.Evidence {
			b.WriteString("  " + e.What + ": " + e.Detail + " (" + e.Source + ")\n")
		}
	}
	return b.String()
}

// TestHostile: whatever a server does, a check ends in time.
func TestHostile(t *testing.T) {
	for _, f := range ftptest.Hostile() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s, err := ftptest.Start(f)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			target, o := ask(t, f, s)
			o.Timeout = 15 * time.Second
			rep := probe.Run(context.Background(), observe.Live(), target, o, nil)
			if limit := 20.0; rep.DurationS > limit {
				t.Errorf("took %.1f s, more than %.0f", rep.DurationS, limit)
			}
			text(t, rep, finding.English)
		})
	}
}

func TestPlanIsAFunctionOfTheQuestion(t *testing.T) {
	target := observe.Target{Scheme: "ftp", Host: "192.0.2.1"}
	plan := probe.Plan(target, probe.Options{})
	if len(plan) < 8 {
		t.Fatalf("the plan has %d checks", len(plan))
	}
	for _, p := range plan {
		if (p.Name == "resolve") != (p.Skipped != "") {
			t.Errorf("%s: skipped because %q", p.Name, p.Skipped)
		}
	}
}
