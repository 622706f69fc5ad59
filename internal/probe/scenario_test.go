package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
	"ftpdoctor/internal/report"
)

var update = flag.Bool("update", false, "write testdata/faults.golden")

// TestMain lets more checks run side by side than there are processors, because
// they wait for most of their time, and sees that no goroutine is left.
func TestMain(m *testing.M) {
	flag.Parse()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue && !fuzzing {
		_ = f.Value.Set("8")
	}
	goleak.VerifyTestMain(m)
}

// start starts a fault's server, or skips where this machine can't.
func start(t testing.TB, f ftptest.Fault) *ftptest.Server {
	t.Helper()
	s, err := ftptest.Start(f)
	if err != nil && strings.Contains(f.Script, "ipv6") {
		ln, noIPv6 := net.Listen("tcp", "[::1]:0")
		if noIPv6 != nil {
			t.Skipf("this machine has no IPv6: %v", noIPv6)
		}
		ln.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ask reads a fault's arguments as the command line would.
func ask(t testing.TB, f ftptest.Fault, s *ftptest.Server) (observe.Target, probe.Options) {
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
		case "--size":
			i++
			if o.Size, err = strconv.Atoi(f.Args[i]); err != nil {
				t.Fatal(err)
			}
		case "--active":
			o.Active = true
		default:
			t.Fatalf("%s: option %q is not known to this test", f.Name, f.Args[i])
		}
	}
	return target, o
}

// promised is the time within which whatever is broken is diagnosed.
const promised = 10 * time.Second

// TestFaults checks each demo fault. The findings of severity warning or worse
// are exactly those of testdata/faults.golden, the root cause is one that the
// fault wants, everything said has evidence and complete words in both languages,
// no secret is told, and the recording replays to the same bytes.
func TestFaults(t *testing.T) {
	t.Parallel()
	want := readGolden(t)
	g := &golden{want: want, got: map[string]string{}}
	t.Cleanup(func() { g.finish(t) })
	for _, f := range ftptest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, f)
			target, o := ask(t, f, s)
			w := observe.Live()
			rec := w.Record()
			begun := time.Now()
			rep := probe.Run(context.Background(), w, target, o, nil)
			if took := time.Since(begun); took > promised {
				t.Errorf("took %.1f s, more than %s", took.Seconds(), promised)
			}
			judgeFault(t, f, rep)
			g.compare(t, f.Name, set(rep))
			for _, lang := range finding.Langs {
				judgeWords(t, rep, lang)
			}
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			noSecret(t, f.Password, "the recording", tape.Bytes())
			noSecret(t, f.Password, "the report", asJSON(t, rep, finding.English))
			if s.Close(); t.Failed() {
				return
			}
			replays(t, tape.Bytes(), target, o, rep)
		})
	}
}

// replays compares the report with that of its own recording, in both
// languages, byte for byte. The server is gone by now.
func replays(t *testing.T, tape []byte, target observe.Target, o probe.Options, rep *finding.Report) {
	t.Helper()
	w, _, err := observe.Replay(bytes.NewReader(tape))
	if err != nil {
		t.Fatal(err)
	}
	target.Password = observe.Hidden
	again := probe.Run(context.Background(), w, target, o, nil)
	if n := w.Missed(); n > 0 {
		t.Errorf("the replay asked for %d steps that were not recorded", n)
	}
	for _, lang := range finding.Langs {
		if diff := cmp.Diff(string(asJSON(t, rep, lang)), string(asJSON(t, again, lang))); diff != "" {
			t.Errorf("the replay differs (-live +replay, %s):\n%s", lang, diff)
		}
	}
}

func judgeFault(t *testing.T, f ftptest.Fault, rep *finding.Report) {
	t.Helper()
	root := ""
	if rep.RootCause != nil {
		root = string(rep.RootCause.Code)
		if rep.RootCause.Confidence == "" {
			t.Error("the root cause has no confidence")
		}
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
		for _, e := range g.Evidence {
			if e.What == "" || e.Detail == "" || e.Source == "" {
				t.Errorf("%s: evidence without what, detail or source: %+v", g.Code, e)
			}
			if strings.Contains(e.Detail, "timeout after 0.0 ms") {
				t.Errorf("%s: a silence that nobody waited for: %s", g.Code, e.Detail)
			}
		}
		if g.Confidence == "" {
			t.Errorf("%s has no confidence", g.Code)
		}
		if g.Severity >= finding.Error && g.BecauseOf == "" && string(g.Code) != root {
			t.Errorf("%s stands beside the root cause %q", g.Code, root)
		}
	}
	for _, c := range rep.Checks {
		if c.Outcome == finding.Incomplete {
			t.Errorf("check %s could not finish looking: %s", c.Name, c.Because)
		}
		if c.Outcome == finding.Skipped && c.Because == "" {
			t.Errorf("check %s was skipped because of nothing", c.Name)
		}
	}
}

// set is what a report says of severity warning or worse, in lines for the
// golden file.
func set(rep *finding.Report) string {
	lines := []string{"\t" + string(rep.Status)}
	for _, f := range rep.Findings {
		if f.Severity < finding.Warning {
			continue
		}
		place := ""
		switch {
		case f.BecauseOf != "":
			place = " because " + string(f.BecauseOf)
		case rep.RootCause != nil && rep.RootCause.Code == f.Code:
			place = " root"
		}
		lines = append(lines, fmt.Sprintf("\t%s %s %s%s", f.Severity, f.Code, f.Confidence, place))
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n"
}

const goldenFile = "testdata/faults.golden"

// golden is the reviewed set of findings of each fault.
type golden struct {
	want map[string]string
	mu   sync.Mutex
	got  map[string]string
}

// readGolden reads blocks of a fault's name and its indented lines.
func readGolden(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(goldenFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(string(b)) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			out[name] += line
		default:
			name = strings.TrimSpace(line)
		}
	}
	return out
}

func (g *golden) compare(t *testing.T, name, got string) {
	t.Helper()
	g.mu.Lock()
	g.got[name] = got
	g.mu.Unlock()
	if diff := cmp.Diff(g.want[name], got); diff != "" && !*update {
		t.Errorf("findings differ (-want +got); -update accepts them:\n%s", diff)
	}
}

// finish writes the file where that was asked for, and finds what is stale in it.
func (g *golden) finish(t *testing.T) {
	all := map[string]bool{"data/passive-filtered": true} // the one that not every system can show
	for _, f := range ftptest.Faults() {
		all[f.Name] = true
	}
	for name := range g.want {
		if !all[name] && !*update {
			t.Errorf("%s: there is no fault %s; -update removes it", goldenFile, name)
		}
	}
	if !*update {
		return
	}
	maps.Copy(g.want, g.got)
	var b strings.Builder
	b.WriteString("# What a check of each demo fault finds, of severity warning or worse: the\n" +
		"# status, then severity, code, confidence and place. Anything else is wrong.\n")
	for _, name := range slices.Sorted(maps.Keys(g.want)) {
		if all[name] {
			b.WriteString(name + "\n" + g.want[name])
		}
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// localized is a copy of the report with its words in a language.
func localized(t testing.TB, rep *finding.Report, lang finding.Lang) *finding.Report {
	t.Helper()
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var out finding.Report
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	out.Localize(lang)
	return &out
}

func asJSON(t testing.TB, rep *finding.Report, lang finding.Lang) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, []*finding.Report{localized(t, rep, lang)}, report.Options{Lang: lang}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	notFilled = regexp.MustCompile(`\{[a-z]+\}|\[\[|\]\]`)
	unknown   = regexp.MustCompile(`<[a-z]+>`)
	english   = regexp.MustCompile(`\b[A-Za-z]?[a-z]+('[a-z]+)?(,? [a-z]+('[a-z]+)?){2,}`)
)

// foreignWords are what stands in evidence in the language in which it came:
// replies of servers, what is quoted, names of statuses, and words of Go's
// parsers.
var foreignWords = regexp.MustCompile(`(^|[^0-9])[1-5][0-9][0-9][ -].*|"[^"]*"|[A-Z_]{4,} \([0-9]+\).*|http: message cannot.*|chunked encoding.*`)

// judgeWords finds what is missing in the words of a report: names that were
// not filled in, empty titles, Chinese without a Chinese character.
func judgeWords(t *testing.T, rep *finding.Report, lang finding.Lang) {
	t.Helper()
	local := localized(t, rep, lang)
	if b := asJSON(t, rep, lang); bytes.ContainsAny(b, finding.Say("", "")) {
		t.Errorf("the mark of a phrase is left (%s): %s", lang, b)
	}
	words := func(where, s string) {
		t.Helper()
		switch {
		case s == "":
			t.Errorf("%s: no words (%s)", where, lang)
		case notFilled.MatchString(s):
			t.Errorf("%s: a placeholder is left (%s): %s", where, lang, s)
		case lang == finding.Chinese && !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }):
			t.Errorf("%s: not in Chinese: %s", where, s)
		}
	}
	for _, f := range local.Findings {
		words(string(f.Code)+", title", f.Title)
		words(string(f.Code)+", sentence", f.Sentence)
		if m := unknown.FindString(f.Sentence); m != "" {
			t.Errorf("%s: the sentence does not know its %s (%s): %s", f.Code, m, lang, f.Sentence)
		}
		for _, e := range f.Evidence {
			words(string(f.Code)+", what was seen", e.What)
			words(string(f.Code)+", where it was seen", e.Source)
			if m := english.FindString(foreignWords.ReplaceAllString(e.Detail, "")); lang == finding.Chinese && m != "" {
				t.Errorf("%s: English in Chinese evidence: %q in %s", f.Code, m, e.Detail)
			}
		}
		for _, c := range f.Candidates {
			words(string(f.Code)+", candidate", c.Title)
			words(string(f.Code)+", why", c.Why)
		}
		if f.Decide != "" {
			words(string(f.Code)+", what decides", f.Decide)
		}
		if len(f.Remedies) == 0 {
			t.Errorf("%s has no remedy", f.Code)
		}
		for _, r := range f.Remedies {
			for _, s := range append([]string{r.Text, r.Verify}, r.Commands...) {
				if notFilled.MatchString(s) {
					t.Errorf("%s: a placeholder is left in a remedy (%s): %s", f.Code, lang, s)
				}
			}
		}
	}
	if rc := local.RootCause; rc != nil {
		words("root cause", rc.Title)
		words("root cause", rc.Sentence)
	}
	for _, c := range local.RuledOut {
		words("ruled out "+string(c.Code), c.Title)
		words("ruled out "+string(c.Code), c.Why)
	}
}

func noSecret(t testing.TB, secret, where string, text []byte) {
	t.Helper()
	if secret != "" && bytes.Contains(text, []byte(secret)) {
		t.Errorf("the password is in %s", where)
	}
}

// formats renders a report in every format.
var formats = map[string]func(*bytes.Buffer, *finding.Report, report.Options) error{
	"text":     func(b *bytes.Buffer, r *finding.Report, o report.Options) error { return report.Text(b, r, o) },
	"nagios":   func(b *bytes.Buffer, r *finding.Report, o report.Options) error { return report.Nagios(b, r, o) },
	"markdown": func(b *bytes.Buffer, r *finding.Report, o report.Options) error { return report.Markdown(b, r, o) },
	"json": func(b *bytes.Buffer, r *finding.Report, o report.Options) error {
		return report.JSON(b, []*finding.Report{r}, o)
	},
}

// TestHostile: whatever a server does, a check ends in time, its recording
// replays, and no format passes on what a terminal would obey or hide.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, f := range ftptest.Hostile() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, f)
			target, o := ask(t, f, s)
			w := observe.Live()
			rec := w.Record()
			begun := time.Now()
			rep := probe.Run(context.Background(), w, target, o, nil)
			if took := time.Since(begun); took > 35*time.Second {
				t.Errorf("took %.1f s", took.Seconds())
			}
			if root := rep.RootCause; root != nil && len(f.Want) > 0 && !slices.Contains(f.Want, string(root.Code)) {
				t.Errorf("root cause %q, want one of %q", root.Code, f.Want)
			}
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			s.Close()
			replays(t, tape.Bytes(), target, o, rep)
			for name, format := range formats {
				for _, lang := range finding.Langs {
					var b bytes.Buffer
					if err := format(&b, localized(t, rep, lang), report.Options{Lang: lang, Verbose: 1}); err != nil {
						t.Fatal(err)
					}
					if b.Len() > 1<<20 {
						t.Errorf("%s, %s: %d bytes", name, lang, b.Len())
					}
					if c := obeyed(b.String()); c != "" {
						t.Errorf("%s, %s: %s reaches the output", name, lang, c)
					}
				}
			}
		})
	}
}

// obeyed finds the first thing in a text that a terminal obeys or hides.
func obeyed(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range s {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
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
