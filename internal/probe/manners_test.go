package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// find gives a demo fault.
func find(t testing.TB, name string) ftptest.Fault {
	t.Helper()
	f, ok := ftptest.Find(name)
	if !ok {
		t.Fatalf("there is no demo fault %s", name)
	}
	return f
}

// said counts the commands of a verb that a server was sent, and keeps their
// arguments.
func said(s *ftptest.Server, verb string) (args []string) {
	for _, line := range s.Dialogue() {
		if v, arg, _ := strings.Cut(line, " "); strings.EqualFold(v, verb) {
			args = append(args, arg)
		}
	}
	return args
}

// TestOneLogin: a password that was refused is not tried again, nowhere.
func TestOneLogin(t *testing.T) {
	t.Parallel()
	f := find(t, "auth/rejected")
	s := start(t, f)
	target, o := ask(t, f, s)
	probe.Run(t.Context(), observe.Live(), target, o, nil)
	if n := len(said(s, "PASS")); n != 1 {
		t.Errorf("%d logins were tried, want 1", n)
	}
}

// TestGoodbye: a session that was opened is closed with QUIT, and a healthy
// server is left within a few commands.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	f := find(t, "healthy")
	s := start(t, f)
	target, o := ask(t, f, s)
	probe.Run(t.Context(), observe.Live(), target, o, nil)
	logins, goodbyes, all := len(said(s, "PASS")), len(said(s, "QUIT")), s.Dialogue()
	if logins != 1 || goodbyes != logins || !strings.EqualFold(all[len(all)-1], "QUIT") {
		t.Errorf("%d logins, %d goodbyes; the last word was %q", logins, goodbyes, all[len(all)-1])
	}
	if len(all) > 20 {
		t.Errorf("%d commands: %q", len(all), all)
	}
}

// TestUploadLeavesNothing: each test file that was written has a name of its
// own, and is removed again; without --op upload nothing is written.
func TestUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	f := find(t, "healthy-upload")
	s := start(t, f)
	target, o := ask(t, f, s)
	probe.Run(t.Context(), observe.Live(), target, o, nil)
	stored, deleted := said(s, "STOR"), said(s, "DELE")
	if len(stored) == 0 {
		t.Fatal("nothing was uploaded")
	}
	for _, name := range stored {
		if !slices.Contains(deleted, name) {
			t.Errorf("%s was written and not removed", name)
		}
	}
	for _, verb := range []string{"STOR", "APPE", "MKD", "DELE", "RNFR", "SITE"} {
		quiet := start(t, f)
		target, o := ask(t, f, quiet)
		o.Op = "list"
		probe.Run(t.Context(), observe.Live(), target, o, nil)
		if args := said(quiet, verb); len(args) > 0 {
			t.Errorf("--op list says %s %q", verb, args)
		}
	}
}

// TestNoPasswordInClear: where TLS was asked for, or is offered, and does not
// come about, the password stays here.
func TestNoPasswordInClear(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"tls/not-offered", "tls/no-certificate", "tls/handshake-stalls", "tls/required", "tls/version-mismatch",
		"tls/cert-expired", "tls/cert-self-signed", "tls/cert-untrusted", "tls/cert-name-mismatch", "net/inspection-reset",
	} {
		f := find(t, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if step := passwordInClear(t, f); step != "" {
				t.Errorf("the password was sent in clear: step %s", step)
			}
		})
		if name == "tls/not-offered" || name == "tls/no-certificate" {
			continue // AUTH TLS is refused, and ftp:// asks for nothing better
		}
		plain := f
		plain.Target = nil // ftp://, as most people write it
		t.Run(name+" as ftp", func(t *testing.T) {
			t.Parallel()
			if step := passwordInClear(t, plain); step != "" {
				t.Errorf("the password was sent in clear: step %s", step)
			}
		})
	}
	t.Run("this test can see it", func(t *testing.T) {
		if passwordInClear(t, find(t, "healthy")) == "" {
			t.Error("a login without TLS was not seen")
		}
	})
}

// passwordInClear checks a fault and finds a PASS on a connection on which no
// handshake was made before.
func passwordInClear(t *testing.T, f ftptest.Fault) (step string) {
	t.Helper()
	s := start(t, f)
	target, o := ask(t, f, s)
	w := observe.Live()
	rec := w.Record()
	probe.Run(t.Context(), w, target, o, nil)
	var tape bytes.Buffer
	if err := rec.Write(&tape, w.Started(), nil); err != nil {
		t.Fatal(err)
	}
	var encrypted, passes []string
	for line := range bytes.Lines(tape.Bytes()) {
		var e struct {
			K string
			V json.RawMessage
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		var v struct{ Data, Fail string }
		if json.Unmarshal(e.V, &v) != nil {
			continue // a step of another shape
		}
		if conn, ok := strings.CutSuffix(e.K, "/tls#1"); ok && v.Fail == "" {
			encrypted = append(encrypted, conn)
		}
		if strings.HasPrefix(v.Data, "PASS") {
			passes = append(passes, e.K)
		}
	}
	for _, p := range passes {
		if conn, _, _ := strings.Cut(p, "/write#"); !slices.Contains(encrypted, conn) {
			return p
		}
	}
	return ""
}

// TestInterrupted: a check that was cut short judges nothing that it did not
// see, says what it did not look at, and ends at once.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	f := find(t, "data/stalled")
	s := start(t, f)
	target, o := ask(t, f, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := time.Now()
	rep := probe.Run(ctx, observe.Live(), target, o, func(c finding.Check) {
		if c.Name == "login" {
			time.AfterFunc(300*time.Millisecond, cancel) // within the wait for data
		}
	})
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %.1f s to stop", took.Seconds())
	}
	judgeUnfinished(t, rep)
}

// TestTimeUp: the bound on the whole check holds, plus a second.
func TestTimeUp(t *testing.T) {
	t.Parallel()
	f := find(t, "service/hung")
	s := start(t, f)
	target, o := ask(t, f, s)
	o.Timeout = time.Second
	begun := time.Now()
	rep := probe.Run(t.Context(), observe.Live(), target, o, nil)
	if took := time.Since(begun); took > o.Timeout+time.Second {
		t.Errorf("took %.1f s, with a bound of %s", took.Seconds(), o.Timeout)
	}
	judgeUnfinished(t, rep)
}

func judgeUnfinished(t *testing.T, rep *finding.Report) {
	t.Helper()
	if rep.Status != finding.Unknown || rep.RootCause != nil {
		t.Errorf("status %s, root cause %+v; want unknown and none", rep.Status, rep.RootCause)
	}
	incomplete := false
	for _, c := range rep.Checks {
		incomplete = incomplete || c.Outcome == finding.Incomplete
		if incomplete && c.Outcome == finding.Passed {
			t.Errorf("check %s passed after the end", c.Name)
		}
	}
	if !incomplete {
		t.Errorf("no check is incomplete: %+v", rep.Checks)
	}
}
