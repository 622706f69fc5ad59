package lab

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ftpdoctor/internal/finding"
)

// standIn is a program in the place of ftpdoctor. What it says depends on its
// last argument.
const standIn = `#!/bin/sh
[ "$1 $2 $3" = "check --format json" ] || exit 3
for last; do :; done
report() { echo '{"schema":1,"status":"'$1'","root_cause":'$2',"findings":[]}'; }
case $last in
fault) report failed '{"code":"net/port-filtered","confidence":"confirmed"}' ;;
other) report failed '{"code":"dns/slow","confidence":"confirmed"}' ;;
well) report ok null ;;
text) echo 'panic: something' ;;
leak) report ok null; echo "tried $FTPDOCTOR_PASSWORD" >&2 ;;
hang) sleep 60 ;;
where)
	id=$(id -u)
	grep -q "nameserver 192.0.2.53" /etc/resolv.conf || id=no-resolv-conf
	ip addr | grep -q 192.168.77.20 || id=elsewhere
	[ -w "$HOME" ] || id=no-home
	[ -r "$SSL_CERT_FILE" ] || id=no-trust
	report failed '{"code":"uid/'$id'","confidence":"confirmed"}' ;;
esac
`

func stubScenario(name, arg string, want ...string) Scenario {
	return Scenario{
		Name: name, Story: "-", Args: []string{arg}, Env: passwordEnv, Want: want,
		Setup: func(context.Context, *Net) error { return nil },
		Proof: Proof{Run: "echo shown", Match: "shown"},
	}
}

func TestRunJudges(t *testing.T) {
	needLab(t)
	binary := filepath.Join(t.TempDir(), "standin")
	if err := os.WriteFile(binary, []byte(standIn), 0o755); err != nil {
		t.Fatal(err)
	}
	vacuous := stubScenario("vacuous", "well")
	vacuous.Proof.Match = "something else"
	rooted := stubScenario("rooted", "well")
	rooted.Root = true
	broken := stubScenario("set-up", "well")
	broken.Setup = func(_ context.Context, n *Net) error { return n.Zone.Add("no record") }
	tests := []struct {
		s            Scenario
		unprivileged bool
		want         Verdict
	}{
		{stubScenario("named", "fault", "net/port-filtered"), false, Named},
		{stubScenario("wrong", "other", "net/port-filtered"), false, Wrong},
		{stubScenario("missed", "well", "net/port-filtered"), false, Missed},
		{stubScenario("healthy", "well"), false, Healthy},
		{stubScenario("false-alarm", "fault"), false, FalseAlarm},
		{stubScenario("text", "text"), false, Broken},
		{stubScenario("leak", "leak"), false, Broken},
		{stubScenario("hang", "hang"), false, Broken},
		{stubScenario("root", "where", "uid/0"), false, Named},
		{stubScenario("nobody", "where", "uid/65534"), true, Named},
		{vacuous, false, Vacuous},
		{rooted, true, Skipped},
		{broken, false, Broken},
	}
	for _, unprivileged := range []bool{false, true} {
		o := Options{Binary: binary, Parallel: 3, Unprivileged: unprivileged, Limit: 3 * time.Second}
		var want []Verdict
		for _, tt := range tests {
			if tt.unprivileged == unprivileged {
				o.Scenarios = append(o.Scenarios, tt.s)
				want = append(want, tt.want)
			}
		}
		summary, err := Run(t.Context(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range summary.Results {
			if r.Verdict != want[i] {
				t.Errorf("%s: verdict %q (%s), want %q\n%s", r.Scenario.Name, r.Verdict, r.Reason, want[i], r.Output)
			}
		}
		var table strings.Builder
		if err := summary.Print(&table); err != nil {
			t.Fatal(err)
		}
		if unprivileged {
			continue
		}
		if want := "lab: 11 scenarios, 3 named, 1 wrong, 1 false alarms\n"; !strings.HasSuffix(table.String(), want) {
			t.Errorf("summary ends in\n%s\nwant %s", table.String(), want)
		}
	}
}

// TestReportShape holds this package's reading of a report against the writer's.
func TestReportShape(t *testing.T) {
	def := finding.Lookup("net/port-filtered")
	if def == nil {
		t.Fatal("net/port-filtered is not in the catalogue")
	}
	b, err := json.Marshal(finding.Report{Schema: finding.Schema, Status: finding.Failed, RootCause: finding.Reduce([]*finding.Finding{finding.New(def, finding.Confirmed)}), Findings: []*finding.Finding{finding.New(def, finding.Confirmed)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseReport(b)
	if err != nil {
		t.Fatal(err)
	}
	if v, reason := judge(Scenario{Want: []string{"net/port-filtered"}}, r); v != Named {
		t.Errorf("judge = %q (%s), want named; report: %s", v, reason, b)
	}
	if got := r.Findings[0].Severity; got != "error" && got != "critical" {
		t.Errorf("severity %q, want error or critical", got)
	}
}

func TestList(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range List() {
		layer, slug, ok := strings.Cut(s.Name, "/")
		if !ok || layer == "" || slug == "" || seen[s.Name] {
			t.Errorf("name %q is not layer/slug, or not unique", s.Name)
		}
		seen[s.Name] = true
		if s.Story == "" || len(s.Args) == 0 || s.Setup == nil || s.Proof.Run == "" || s.Proof.Match == "" {
			t.Errorf("%s lacks a story, arguments, a set-up or a proof", s.Name)
		}
		for _, expr := range []string{s.Proof.Match, s.Proof.Not} {
			if _, err := regexp.Compile(expr); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
		for _, code := range append(append([]string(nil), s.Want...), s.Also...) {
			if finding.Lookup(finding.Code(code)) == nil {
				t.Errorf("%s: %s is not in the catalogue", s.Name, code)
			}
		}
		if s.Healthy() && (s.Candidates || len(s.Also) > 0) || !s.Healthy() && s.MaxStatus != "" {
			t.Errorf("%s mixes what is for controls with what is for faults", s.Name)
		}
		for _, a := range s.Args {
			if strings.Contains(a, Password) {
				t.Errorf("%s hands the password over in its arguments", s.Name)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	all := []Scenario{{Name: "dns/a"}, {Name: "dns/b"}, {Name: "net/a"}}
	got, err := Select(all, "dns/", "dns/b")
	if err != nil || len(got) != 2 {
		t.Errorf("Select = %d scenarios, %v; want 2", len(got), err)
	}
	if _, err := Select(all, "ssh/"); err == nil {
		t.Error("Select of nothing: no error")
	}
}

// crashing is the environment variable that makes the test binary build a lab
// and wait to be killed.
const crashing = "FTPDOCTOR_LAB_CRASH"

func TestMain(m *testing.M) {
	if os.Getenv(crashing) == "" {
		os.Exit(m.Run())
	}
	n, err := New(context.Background())
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	p, err := n.Gateway.Start(context.Background(), "sleep", "1000")
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(crashed{ID: n.ID(), Pid: p.Pid(), NS: n.Client.NS})
	select {}
}

type crashed struct {
	ID, Pid int
	NS      string
}

// TestDownAfterCrash kills a process that has built a lab: what it left is
// found and removed.
func TestDownAfterCrash(t *testing.T) {
	needLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashing+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var left crashed
	decodeErr := json.NewDecoder(out).Decode(&left)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if decodeErr != nil {
		t.Fatalf("the child built no lab: %v", decodeErr)
	}
	if _, ok := startTime(left.Pid); !ok {
		t.Fatal("the child's process ended with it: nothing to clean up")
	}
	if _, _, err := Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = poll(t.Context(), "the child's process to end", func() (bool, error) {
		err := unix.Kill(left.Pid, 0)
		_, running := startTime(left.Pid)
		return err == unix.ESRCH || !running, nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, p := range []string{"/run/netns/" + left.NS, netnsDir(left.NS), labDir(left.ID)} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s is still there", p)
		}
	}
}

// TestMachineUntouched compares what a lab must not change.
func TestMachineUntouched(t *testing.T) {
	needLab(t)
	state := func() string {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c",
			"ip addr; ip route; ip -6 route; nft list ruleset; sha256sum /etc/passwd /etc/shadow /etc/hosts /etc/resolv.conf; hostname; ls /home /srv /var/log /usr /usr/local /usr/local/bin").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return regexp.MustCompile(`valid_lft \d+sec preferred_lft \d+sec`).ReplaceAllString(string(out), "")
	}
	before := state()
	n, err := New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := plainVSFTPD(t.Context(), n); err != nil {
		t.Error(err)
	}
	if during := state(); during != before {
		t.Errorf("while a lab stands:\n%s\nbefore:\n%s", during, before)
	}
	if err := n.Server.WriteFile("/opt/lab", "x"); err == nil {
		t.Error("WriteFile wrote outside the server's own directories")
	}
	// A link to a file of the machine is replaced, not followed.
	outside := filepath.Join(t.TempDir(), "outside")
	if _, err := n.Server.Sh(t.Context(), "ln -s "+outside+" /etc/link"); err != nil {
		t.Error(err)
	}
	if err := n.Server.WriteFile("/etc/link", "x"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("WriteFile followed a link out of the server")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if after := state(); after != before {
		t.Errorf("after a lab:\n%s\nbefore:\n%s", after, before)
	}
}

// BenchmarkNew measures set-up and tear-down of the topology.
func BenchmarkNew(b *testing.B) {
	if err := prepare(b.Context()); err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		n, err := New(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
