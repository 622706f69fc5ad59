package lint_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// kindOf is the form in which the examples of a server's rules are written.
func kindOf(t *testing.T, r lint.Rule, example string) (conf.Kind, string) {
	t.Helper()
	switch r.Server {
	case "vsftpd":
		return conf.VSFTPD, "vsftpd.conf"
	case "proftpd":
		return conf.ProFTPD, "proftpd.conf"
	case "pure-ftpd":
		return conf.PureFTPD, "pure-ftpd.conf"
	case "openssh":
		return conf.SSHD, "sshd_config"
	case "iis":
		return conf.IIS, "applicationHost.config"
	}
	t.Fatalf("%s: no such server", r.ID)
	return 0, ""
}

// check judges an example. Of Pure-FTPd's directory the example has the form
// "==> NAME", then the file's lines.
func check(t *testing.T, r lint.Rule, example string) *lint.Result {
	t.Helper()
	if strings.HasPrefix(example, "==> ") {
		return lint.Check(directory(example))
	}
	k, name := kindOf(t, r, example)
	if strings.Contains(example, "Include "+name) { // itself
		return lint.Check(conf.ParseSet(k, name, func(string) ([]byte, error) { return []byte(example), nil }, func(p string) ([]string, error) { return []string{p}, nil }))
	}
	doc, problems := conf.Parse(k, name, []byte(example))
	return lint.Check(conf.Single(doc), problems)
}

// directory is a set of the files of an example.
func directory(example string) (*conf.Set, []conf.Problem) {
	files := map[string]string{}
	var names []string
	for _, part := range strings.Split(example, "==> ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		files["conf/"+name] = body
		names = append(names, "conf/"+name)
	}
	return conf.ParseSet(conf.PureFTPDDir, "conf",
		func(path string) ([]byte, error) { return []byte(files[path]), nil },
		func(string) ([]string, error) { return names, nil })
}

func has(res *lint.Result, rule string) bool {
	return slices.ContainsFunc(res.Problems, func(p lint.Problem) bool { return p.Rule == rule })
}

// TestExamples: the bad example of each rule yields it, the good one does not;
// and where the problem has edits, the file is well once they are made.
func TestExamples(t *testing.T) {
	for _, r := range lint.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			res := check(t, r, r.Bad)
			if !has(res, r.ID) {
				t.Errorf("not found in\n%s", r.Bad)
			}
			if has(check(t, r, r.Good), r.ID) {
				t.Errorf("found in the good example\n%s", r.Good)
			}
			if strings.HasPrefix(r.Bad, "==> ") {
				return
			}
			for _, p := range res.Problems {
				if p.Rule == r.ID && len(p.Edits) > 0 {
					mended(t, r, p)
				}
			}
		})
	}
}

// mended applies the edits of a problem.
func mended(t *testing.T, r lint.Rule, p lint.Problem) {
	t.Helper()
	k, name := kindOf(t, r, r.Bad)
	doc, _ := conf.Parse(k, name, []byte(r.Bad))
	changed, err := doc.Apply(p.Edits...)
	if err != nil {
		t.Fatal(err)
	}
	_, problems := conf.Parse(k, name, changed.Bytes())
	again := lint.Check(conf.Single(changed), problems)
	for _, q := range again.Problems {
		if q.Rule == p.Rule && q.Pos.Line == p.Pos.Line && q.Message(finding.English) == p.Message(finding.English) {
			t.Errorf("still there after its edits:\n%s", changed.Bytes())
		}
	}
}

// TestRules holds what every rule has.
func TestRules(t *testing.T) {
	count, seen := map[string]int{}, map[string]bool{}
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	for _, r := range lint.Rules() {
		count[r.Server]++
		if seen[r.ID] {
			t.Errorf("%s: twice", r.ID)
		}
		seen[r.ID] = true
		if !slices.Contains(lint.Kinds, r.Kind) || r.Code.Layer() != "config" || r.Bad == "" || r.Good == "" {
			t.Errorf("%s: incomplete: %+v", r.ID, r)
		}
		en, zh := r.Message(finding.English), r.Message(finding.Chinese)
		if en == "" || zh == "" || strings.HasSuffix(en, ".") || strings.HasSuffix(zh, "。") {
			t.Errorf("%s: messages in both languages, without a stop at their end: %s / %s", r.ID, en, zh)
		}
		a, b := placeholder.FindAllString(en, -1), placeholder.FindAllString(zh, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			t.Errorf("%s: placeholders %v and %v", r.ID, a, b)
		}
	}
	for server, least := range map[string]int{"vsftpd": 25, "proftpd": 25, "pure-ftpd": 15, "openssh": 15, "iis": 15} {
		t.Logf("%s: %d rules", server, count[server])
		if count[server] < least {
			t.Errorf("%s has %d rules, want at least %d", server, count[server], least)
		}
	}
}

// TestMessagesAreFilled: no placeholder is left in what a user reads.
func TestMessagesAreFilled(t *testing.T) {
	left := regexp.MustCompile(`\{[a-z]+\}`)
	for _, r := range lint.Rules() {
		for _, p := range check(t, r, r.Bad).Problems {
			for _, l := range finding.Langs {
				if m := p.Message(l); left.MatchString(m) {
					t.Errorf("%s: %s", p.Rule, m)
				}
			}
		}
	}
}

// TestHostileSize: what can't be a configuration is not judged, and that is said.
func TestHostileSize(t *testing.T) {
	for _, src := range []string{strings.Repeat("<Limit A>\n", 1000), strings.Repeat("A\n", 600_001), strings.Repeat("<IfModule x>\n", 400_000)} {
		doc, problems := conf.Parse(conf.ProFTPD, "f", []byte(src))
		if res := lint.Check(conf.Single(doc), problems); len(res.Problems) > 0 || len(res.Unread) != 1 || res.Unread[0].Err == nil {
			t.Errorf("%d problems, unread %v", len(res.Problems), res.Unread)
		}
	}
}
