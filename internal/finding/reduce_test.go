package finding

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stated makes a finding with an observation, as a check does.
func stated(d *Def, c Confidence) *Finding {
	return New(d, c).Saw("connecting to the port", "timeout after 5.0 s", "control connection")
}

func TestReduce(t *testing.T) {
	tests := []struct {
		name  string
		in    []*Finding
		root  Code
		folds map[Code]Code // symptom to cause
	}{
		{name: "nothing found"},
		{
			name: "advice is never the root",
			in:   []*Finding{stated(PerformanceSlowTransfer, Confirmed), stated(PerformanceHighLatency, Confirmed)},
		},
		{
			name: "what stopped the check goes before what is worse",
			in:   []*Finding{stated(DNSNXDOMAIN, Confirmed), stated(FileNotFound, Confirmed).Stop()},
			root: "file/not-found",
		},
		{
			name: "then the worse, whatever its layer",
			in:   []*Finding{stated(DNSDeadAddress, Confirmed), stated(AuthRejected, Confirmed)},
			root: "auth/rejected",
		},
		{
			name: "then the earlier layer",
			in:   []*Finding{stated(AuthRejected, Confirmed), stated(DNSNXDOMAIN, Confirmed)},
			root: "dns/nxdomain",
		},
		{
			name: "then the better established",
			in:   []*Finding{stated(DataActiveBlocked, Likely), stated(DataActiveRefused, Confirmed)},
			root: "data/active-refused",
		},
		{
			name: "severity is that of the finding, not of the definition",
			in:   []*Finding{stated(DNSNXDOMAIN, Confirmed).As(Warning), stated(FileNotFound, Confirmed)},
			root: "file/not-found",
		},
		{
			name:  "a symptom folds under its cause",
			in:    []*Finding{stated(DataPassiveFiltered, Confirmed), stated(DataPassivePrivateAddress, Confirmed)},
			root:  "data/passive-private-address",
			folds: map[Code]Code{"data/passive-filtered": "data/passive-private-address"},
		},
		{
			name:  "a cause takes over that its symptom stopped the check",
			in:    []*Finding{stated(DNSNXDOMAIN, Confirmed), stated(DataPassiveFiltered, Confirmed).Stop(), stated(DataPassivePrivateAddress, Confirmed)},
			root:  "data/passive-private-address",
			folds: map[Code]Code{"data/passive-filtered": "data/passive-private-address"},
		},
		{
			name:  "a likely cause folds a symptom that was confirmed: to see it is easier",
			in:    []*Finding{stated(DataPassiveFiltered, Confirmed), stated(DataPassivePrivateAddress, Likely)},
			root:  "data/passive-private-address",
			folds: map[Code]Code{"data/passive-filtered": "data/passive-private-address"},
		},
		{
			name: "a possible cause folds nothing",
			in:   []*Finding{stated(DataPassiveFiltered, Confirmed), stated(DataPassivePrivateAddress, Possible)},
			root: "data/passive-filtered",
		},
		{
			name: "advice explains no failure",
			in:   []*Finding{stated(DataPassiveFiltered, Confirmed), stated(DataPassivePrivateAddress, Confirmed).As(Warning)},
			root: "data/passive-filtered",
		},
		{
			name:  "advice is folded like a failure",
			in:    []*Finding{stated(PerformanceSlowTransfer, Confirmed), stated(NetPacketLoss, Confirmed)},
			root:  "net/packet-loss",
			folds: map[Code]Code{"performance/slow-transfer": "net/packet-loss"},
		},
		{
			name: "a chain of explanations ends at one place",
			in:   []*Finding{stated(DNSSlow, Confirmed), stated(DNSResolverUnreachable, Confirmed), stated(ClientNoNetwork, Confirmed)},
			root: "client/no-network",
			folds: map[Code]Code{
				"dns/resolver-unreachable": "client/no-network",
				"dns/slow":                 "client/no-network",
			},
		},
		{
			name:  "a chain holds though its middle was not found",
			in:    []*Finding{stated(DNSSlow, Confirmed), stated(ClientNoNetwork, Confirmed)},
			root:  "client/no-network",
			folds: map[Code]Code{"dns/slow": "client/no-network"},
		},
		{
			name: "the same cause in two places does not explain itself",
			in:   []*Finding{stated(DNSDeadAddress, Confirmed).About("192.0.2.1"), stated(DNSDeadAddress, Confirmed).About("192.0.2.2")},
			root: "dns/dead-address",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := Reduce(test.in)
			var code Code
			if root != nil {
				code = root.Code
			}
			if code != test.root {
				t.Errorf("root cause %q, want %q", code, test.root)
			}
			if root != nil && test.in[0].Code != root.Code {
				t.Errorf("%s comes first, want the root cause %s", test.in[0].Code, root.Code)
			}
			if got := folded(test.in); !maps.Equal(got, test.folds) {
				t.Errorf("folded %v, want %v", got, test.folds)
			}
		})
	}
}

func folded(findings []*Finding) map[Code]Code {
	out := map[Code]Code{}
	for _, f := range findings {
		if f.BecauseOf != "" {
			out[f.Code] = f.BecauseOf
		}
	}
	return out
}

func TestReduceCarriesDoubt(t *testing.T) {
	f := stated(NetPortFiltered, Likely).
		Or(NetSourceNotAllowed, "the server may admit only some addresses").
		DecideBy("try from another address")
	got := Reduce([]*Finding{f})
	want := &RootCause{
		Code: "net/port-filtered", Confidence: Likely,
		Candidates: []Candidate{{Code: "net/source-not-allowed", Why: "the server may admit only some addresses"}},
		Decide:     "try from another address",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("root cause (-want +got):\n%s", diff)
	}
	if sure := Reduce([]*Finding{stated(NetPortFiltered, Confirmed)}); sure.Candidates == nil {
		t.Error("no candidates must be an empty list: JSON says [] and not null")
	}
}

func TestConclude(t *testing.T) {
	looked := Check{Name: "tcp", Layer: "net", Outcome: Passed}
	unable := Check{Name: "file", Layer: "file", Outcome: Incomplete, Because: "download needs the path of a file in the URL"}
	passedOver := Check{Name: "tls", Layer: "tls", Outcome: Skipped, Because: "tcp"}
	broken, advice, fact := stated(AuthRejected, Confirmed), stated(PerformanceSlowTransfer, Confirmed), stated(PerformanceHighLatency, Confirmed)
	tests := []struct {
		name     string
		checks   []Check
		findings []*Finding
		want     Status
		exit     int
	}{
		{"all passed", []Check{looked}, nil, OK, 0},
		{"what is worth knowing is fine", []Check{looked}, []*Finding{fact}, OK, 0},
		{"a warning", []Check{looked}, []*Finding{fact, advice}, Degraded, 1},
		{"an error", []Check{looked}, []*Finding{advice, broken}, Failed, 2},
		{"not looked is not fine", []Check{looked, unable}, nil, Unknown, 3},
		{"nor merely a warning", []Check{looked, unable}, []*Finding{advice}, Unknown, 3},
		{"but a failure is one whatever was not looked at", []Check{looked, unable}, []*Finding{broken}, Failed, 2},
		{"what was not asked for leaves nothing open", []Check{looked, passedOver}, nil, OK, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &Report{Checks: test.checks, Findings: test.findings}
			r.Conclude()
			if r.Status != test.want || r.Status.ExitCode() != test.exit {
				t.Errorf("status %s (exit %d), want %s (%d)", r.Status, r.Status.ExitCode(), test.want, test.exit)
			}
			if (r.RootCause != nil) != (test.want == Failed) {
				t.Errorf("status %s with the root cause %v", r.Status, r.RootCause)
			}
		})
	}
}

func TestConcludeRulesOutOnce(t *testing.T) {
	r := &Report{
		Findings: []*Finding{stated(AuthRejected, Confirmed)},
		RuledOut: []Candidate{
			{Code: AuthRejected.Code, Why: "another check found it after all"},
			{Code: NetPortRejected.Code, Why: "the first reason"},
			{Code: NetPortRejected.Code, Why: "the second reason"},
		},
	}
	r.Conclude()
	want := []Candidate{{Code: NetPortRejected.Code, Why: "the first reason"}}
	if diff := cmp.Diff(want, r.RuledOut); diff != "" {
		t.Errorf("ruled out (-want +got):\n%s", diff)
	}
}

// some draws findings as checks might state them, each code once.
func some(rng *rand.Rand) []*Finding {
	all := Catalogue()
	var out []*Finding
	for _, i := range rng.Perm(len(all))[:1+rng.IntN(8)] {
		d := all[i]
		f := stated(d, []Confidence{Confirmed, Likely, Possible}[rng.IntN(3)])
		if rng.IntN(4) == 0 {
			f.As([]Severity{Notice, Warning, Error, Critical}[rng.IntN(4)])
		}
		f.Stops = rng.IntN(3) == 0
		out = append(out, f)
		if len(d.Explains) > 0 { // a symptom is seldom alone
			e := d.Explains[rng.IntN(len(d.Explains))]
			if !slices.ContainsFunc(out, func(f *Finding) bool { return f.Code == e.Code }) {
				out = append(out, stated(e, Confirmed))
			}
		}
	}
	slices.SortFunc(out, func(a, b *Finding) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return slices.CompactFunc(out, func(a, b *Finding) bool { return a.Code == b.Code })
}

func shuffled(rng *rand.Rand, in []*Finding) []*Finding {
	out := make([]*Finding, len(in))
	for to, from := range rng.Perm(len(in)) {
		f := *in[from]
		out[to] = &f
	}
	return out
}

// Checks run side by side and in any order: what they found must say the same
// whoever was first.
func TestReduceIsOfTheSetNotOfTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		in := some(rng)
		a, b := shuffled(rng, in), shuffled(rng, in)
		rootA, rootB := Reduce(a), Reduce(b)
		if diff := cmp.Diff(rootA, rootB); diff != "" {
			t.Fatalf("the root cause depends on the order:\n%s\n%v", diff, describe(in))
		}
		if diff := cmp.Diff(folded(a), folded(b)); diff != "" {
			t.Fatalf("what is folded depends on the order:\n%s\n%v", diff, describe(in))
		}
	}
}

func TestReduceIsConsistent(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		in := shuffled(rng, some(rng))
		count := len(in)
		root := Reduce(in)
		byCode := map[Code]*Finding{}
		failure := false
		for _, f := range in {
			byCode[f.Code] = f
			failure = failure || f.Severity >= Error
		}
		if len(byCode) != count {
			t.Fatalf("%d findings became %d", count, len(byCode))
		}
		if (root != nil) != failure {
			t.Fatalf("root cause %v, and failures: %v\n%v", root, failure, describe(in))
		}
		for _, f := range in {
			if f.BecauseOf == "" {
				continue
			}
			cause := byCode[f.BecauseOf]
			switch {
			case cause == nil:
				t.Fatalf("%s is because of %s, which was not found", f.Code, f.BecauseOf)
			case cause.BecauseOf != "":
				t.Fatalf("%s is because of %s, itself a symptom of %s\n%v", f.Code, cause.Code, cause.BecauseOf, describe(in))
			case cause.Confidence == Possible:
				t.Fatalf("%s is folded under %s, which is merely possible", f.Code, cause.Code)
			}
		}
		if root != nil && (byCode[root.Code].BecauseOf != "" || byCode[root.Code].Severity < Error) {
			t.Fatalf("the root cause %s is a symptom or advice", root.Code)
		}
		if again := Reduce(in); cmp.Diff(root, again) != "" {
			t.Fatalf("reduced again, the root cause is another: %v, then %v", root, again)
		}
	}
}

func describe(findings []*Finding) string {
	s := ""
	for _, f := range findings {
		s += string(f.Code) + " " + f.Severity.String() + " " + string(f.Confidence)
		if f.Stops {
			s += " stops"
		}
		s += "\n"
	}
	return s
}

func TestASecondSourceDecidesBetweenCandidates(t *testing.T) {
	rejected := stated(AuthUserDenied, Likely).Stop().Or(TLSRequired, "x").Or(AuthSecondFactorRequired, "y")
	seen := stated(TLSRequired, Confirmed)
	root := Reduce([]*Finding{rejected, seen})
	if root == nil || root.Code != TLSRequired.Code {
		t.Fatalf("root %+v", root)
	}
	if rejected.BecauseOf != TLSRequired.Code || !seen.Stops {
		t.Errorf("because of %q, stops %v", rejected.BecauseOf, seen.Stops)
	}
	// Advice decides nothing, and what is confirmed needs no other cause.
	rejected = stated(AuthUserDenied, Likely).Or(TLSRequired, "x")
	if root := Reduce([]*Finding{rejected, stated(TLSRequired, Confirmed).As(Warning)}); root.Code != AuthUserDenied.Code {
		t.Errorf("advice became the root: %+v", root)
	}
	rejected = stated(AuthUserDenied, Confirmed).Or(TLSRequired, "x").Stop()
	if root := Reduce([]*Finding{rejected, stated(TLSRequired, Confirmed)}); root.Code != AuthUserDenied.Code {
		t.Errorf("what was confirmed was folded: %+v", root)
	}
}
