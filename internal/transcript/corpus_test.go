package transcript

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/finding"
)

// sample is a transcript of the corpus: what somebody pasted, and the codes
// that are right.
type sample struct {
	name, source, text string
	accepts            []finding.Code
}

// healthy stands among the codes of a session in which nothing failed.
const healthy finding.Code = "healthy"

// samples reads testdata: lab, second, third, fourth, fifth and sixth were recorded from real clients
// in the fault lab (see record.sh), threads and second/thread.* are from public
// threads, source noted. The rules were written on half of lab and threads; the others
// came later, each to judge the rules by texts they did not know.
func samples(t testing.TB) []sample {
	t.Helper()
	var out []sample
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head, text, ok := strings.Cut(string(b), "\n\n")
		if !ok {
			t.Fatalf("%s: no empty line after the head", name)
		}
		s := sample{name: strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(name, "testdata/")), ".txt"), text: text}
		for line := range strings.Lines(head) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "accepts":
				for code := range strings.SplitSeq(value, ",") {
					s.accepts = append(s.accepts, finding.Code(strings.TrimSpace(code)))
				}
			case "source", "scenario":
				s.source = value
			}
		}
		if len(s.accepts) == 0 || s.source == "" {
			t.Errorf("%s: names no code or no source", name)
		}
		out = append(out, s)
	}
	return out
}

// held tells whether a sample belongs to the half on which no rule was written.
func (s sample) held() bool {
	h := fnv.New32a()
	h.Write([]byte(s.name))
	return h.Sum32()>>8&1 == 1
}

// judged is where the right code came out: 0 first, 1 a candidate, 2 nowhere.
func (s sample) judged(r *finding.Report) int {
	if r.RootCause == nil {
		if slices.Contains(s.accepts, healthy) {
			return 0
		}
		return 2
	}
	if slices.Contains(s.accepts, r.RootCause.Code) {
		return 0
	}
	for _, c := range r.RootCause.Candidates {
		if slices.Contains(s.accepts, c.Code) {
			return 1
		}
	}
	return 2
}
