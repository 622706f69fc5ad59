package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"ftpdoctor/internal/finding"
)

func overviewReport() *finding.Report {
	f := finding.New(finding.AuthRejected, finding.Likely).As(finding.Error).About("alice\x1b[31m").With("user", "alice").
		Saw("the line in the log", "a long line\u202e of somebody "+strings.Repeat("else ", 40), "vsftpd.log:5")
	return &finding.Report{Schema: 1, Target: "vsftpd.log", Status: finding.Failed, Findings: []*finding.Finding{
		f, finding.New(finding.FileNotFound, finding.Likely).As(finding.Notice).Saw("the line in the log", "x", "vsftpd.log:6"),
	}}
}

func overviewSections() []Section {
	rows := [][]string{{"a user of a very long name indeed, which no table has room for", "2001:db8::1234:5678:9abc:def0", "wrong name or password", "1,234,567", "11-23 14:00"}}
	return []Section{
		{Title: "What happened", Lines: []string{strings.Repeat("words ", 30)}},
		{Title: "Who", Table: &Table{Head: []string{"user", "address", "reason", "times", "since"}, Rows: rows, Left: 3, More: "and 5 more"}},
		{Title: "When", Chart: &Chart{Values: []uint64{0, 1, 50, 100}, Height: 2, Ticks: "0123"}},
	}
}

func TestOverview(t *testing.T) {
	for _, lang := range finding.Langs {
		for _, ascii := range []bool{false, true} {
			r := overviewReport()
			r.Localize(lang)
			var b bytes.Buffer
			if err := Overview(&b, "one\ntwo", r, overviewSections(), Options{Lang: lang, ASCII: ascii, Verbose: 1}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if width(line) > 80 && !strings.HasPrefix(line, "        ") { // commands are not broken
					t.Errorf("%s: %d columns: %s", lang, width(line), line)
				}
				if strings.ContainsAny(line, "\x1b\u202e") {
					t.Errorf("foreign controls: %q", line)
				}
			}
			for _, want := range []string{"one\ntwo\n", "auth/rejected", "file/not-found", "vsftpd.log:5", "1,234,567", "and 5 more", "0123", "ftpdoctor explain auth/rejected"} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%s: %q is missing in:\n%s", lang, want, b.String())
				}
			}
			chart := map[bool]string{false: "     █\n   ▁██\n", true: "     #\n   .##\n"}[ascii]
			if !strings.Contains(b.String(), chart) {
				t.Errorf("the chart is not there:\n%s", b.String())
			}
		}
	}
}

func TestOverviewOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := Overview(&b, "x", &finding.Report{}, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "x\n\nNothing found that needs attention.\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A report with a member of a command's own is a report.
func TestJSONWith(t *testing.T) {
	r := overviewReport()
	r.Localize(finding.English)
	var plain, with bytes.Buffer
	if err := JSON(&plain, []*finding.Report{r}, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := JSONWith(&with, r, "audit", map[string]any{"lines": 5, "name": "a\u202eb"}, Options{}); err != nil {
		t.Fatal(err)
	}
	var a, b map[string]any
	if err := json.Unmarshal(plain.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(with.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	own := b["audit"].(map[string]any)
	if own["lines"] != 5.0 || own["name"] != "a\u202eb" || bytes.ContainsRune(with.Bytes(), '\u202e') {
		t.Errorf("own member: %v", own)
	}
	delete(b, "audit")
	if len(a) != len(b) {
		t.Errorf("members: %d without, %d with", len(a), len(b))
	}
}
