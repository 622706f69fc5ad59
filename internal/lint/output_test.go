package lint_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// TestTextFits: no line is wider than asked for, but for edits, which stay as
// they are; and each problem is told with its code.
func TestTextFits(t *testing.T) {
	columns := &runewidth.Condition{StrictEmojiNeutral: true}
	for _, r := range lint.Rules() {
		res := check(t, r, r.Bad)
		for _, l := range finding.Langs {
			for _, width := range []int{40, 80} {
				var b bytes.Buffer
				if err := lint.Text(&b, res, lint.Style{Lang: l, Width: width}); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(b.String()) {
					if n := columns.StringWidth(strings.TrimSuffix(line, "\n")); n > width {
						t.Errorf("%s, %s: %d columns of %d: %s", r.ID, l, n, width, line)
					}
				}
				if !strings.Contains(b.String(), string(r.Code)) {
					t.Errorf("%s: its code is missing", r.ID)
				}
			}
		}
	}
}

// TestCaret: the caret stands under the word that is meant, also in a long line
// and behind wide characters and tabs.
func TestCaret(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"listen=maybe\n", "    1 | listen=maybe\n      |        ^^^^^\n"},
		{"\tlisten=on\n", "    1 |     listen=on\n      |            ^^\n"},
		{"xferlog_enable=日志\n", "    1 | xferlog_enable=日志\n      |                ^^^^\n"},
		{"listen=" + strings.Repeat("x", 200) + "\n", "    1 | listen=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\n      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"},
		{"listen=\x1b[2J\u202e\n", "    1 | listen=\\x1b[2J\\u202e\n      |        ^^^^^^^^^^^^^\n"},
	} {
		doc, problems := conf.Parse(conf.VSFTPD, "f", []byte(c.src))
		var b bytes.Buffer
		if err := lint.Text(&b, lint.Check(conf.Single(doc), problems), lint.Style{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%q: want\n%s in\n%s", c.src, c.want, b.String())
		}
	}
}

// TestJSON: the shape of all reports, and the problems beside it.
func TestJSON(t *testing.T) {
	doc, problems := conf.Parse(conf.VSFTPD, "/etc/vsftpd.conf", []byte("listen=YES \nanonymous_enable=NO\nanonymous_enable=NO \n"))
	var b bytes.Buffer
	if err := lint.JSON(&b, []*lint.Result{lint.Check(conf.Single(doc), problems)}, finding.Chinese, time.Unix(0, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		finding.Report
		Server   string
		Problems []struct {
			Rule, Message string
			Edits         []conf.Edit
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != finding.Schema || got.Status != finding.Failed || got.Server != "vsftpd" || got.RootCause == nil || got.RootCause.Code != "config/syntax-error" {
		t.Errorf("got %+v", got)
	}
	var syntax *finding.Finding
	for _, f := range got.Findings {
		if len(f.Evidence) == 0 || f.Title == "" || len(f.Remedies) == 0 {
			t.Errorf("%s: incomplete: %+v", f.Code, f)
		}
		if f.Code == "config/syntax-error" {
			syntax = f
		}
	}
	if syntax == nil || len(syntax.Evidence) != 2 || syntax.Evidence[1].Source != "/etc/vsftpd.conf:3:18" {
		t.Errorf("got %+v", syntax)
	}
	if p := got.Problems[0]; p.Rule != "vsftpd/blank-at-value" || !strings.Contains(p.Message, "空格") || len(p.Edits) != 1 || p.Edits[0].New != "listen=YES\n" {
		t.Errorf("got %+v", p)
	}
}

// TestSARIF: every result names a rule that the run describes, and a region.
func TestSARIF(t *testing.T) {
	var results []*lint.Result
	for _, r := range lint.Rules() {
		results = append(results, check(t, r, r.Bad))
	}
	var b bytes.Buffer
	if err := lint.SARIF(&b, results, finding.English, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Tool.Driver.Rules) != len(lint.Rules()) {
		t.Fatalf("%s, %d runs, %d rules of %d", log.Version, len(log.Runs), len(log.Runs[0].Tool.Driver.Rules), len(lint.Rules()))
	}
	known := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		known[r.ID] = true
	}
	for _, r := range log.Runs[0].Results {
		at := r.Locations[0].PhysicalLocation
		if !known[r.RuleID] || r.Message.Text == "" || at.ArtifactLocation.URI == "" || at.Region.StartLine > 0 && at.Region.EndColumn < at.Region.StartColumn {
			t.Errorf("%+v", r)
		}
	}
}

// TestSARIFNames: files are named by URIs.
func TestSARIFNames(t *testing.T) {
	for name, want := range map[string]string{
		"etc/my conf.conf": `"uri": "etc/my%20conf.conf"`, `C:\inetsrv\a.config`: `"uri": "file:///C:/inetsrv/a.config"`, "/etc/vsftpd.conf": `"uri": "/etc/vsftpd.conf"`,
	} {
		doc, problems := conf.Parse(conf.VSFTPD, name, []byte("listen=on\n"))
		var b bytes.Buffer
		if err := lint.SARIF(&b, []*lint.Result{lint.Check(conf.Single(doc), problems)}, finding.English, ""); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %s", name, want)
		}
	}
}

// TestDetect: the name decides, then what stands in the file.
func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      conf.Kind
		ok        bool
	}{
		{"/etc/vsftpd/vsftpd.conf", "", conf.VSFTPD, true},
		{"/etc/proftpd/conf.d/x.conf", "", conf.ProFTPD, true},
		{"/etc/pure-ftpd/conf/MinUID", "", conf.PureFTPDDir, true},
		{"/etc/ssh/sshd_config.d/50-cloud.conf", "", conf.SSHD, true},
		{`C:\Windows\System32\inetsrv\config\applicationHost.config`, "", conf.IIS, true},
		{"-", "anonymous_enable=NO\nlocal_enable=YES\n", conf.VSFTPD, true},
		{"-", "ServerType standalone\n<Limit LOGIN>\n</Limit>\n", conf.ProFTPD, true},
		{"x.conf", "ChrootEveryone yes\nMaxClientsNumber 50\n", conf.PureFTPD, true},
		{"x", "PermitRootLogin no\nMatch User a\n", conf.SSHD, true},
		{"x", "\ufeff<?xml version='1.0'?><configuration/>", conf.IIS, true},
		{"x", "hello world\n", 0, false},
		{"x", "", 0, false},
	} {
		if k, ok := lint.Detect(c.name, []byte(c.src)); ok != c.ok || ok && k != c.want {
			t.Errorf("%s, %q: %v, %v", c.name, c.src, k, ok)
		}
	}
}

// FuzzCheck: whatever the bytes, there is a judgement, its places lie within the
// file, its edits can be made, and what is printed is harmless.
func FuzzCheck(f *testing.F) {
	for _, r := range lint.Rules() {
		for k := range conf.IIS + 1 {
			if lint.System(k) == r.Server {
				f.Add(int(k), []byte(r.Bad))
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind int, src []byte) {
		k := conf.Kind(uint(kind) % uint(conf.IIS+1))
		doc, problems := conf.Parse(k, "conf/MinUID", src)
		res := lint.Check(conf.Single(doc), problems)
		for _, p := range res.Problems {
			if p.Pos.Line < 0 || p.Pos.Line > max(1, doc.Lines()) || p.Message(finding.English) == "" {
				t.Fatalf("%+v", p)
			}
			if len(p.Edits) > 0 {
				if _, err := doc.Apply(p.Edits...); err != nil {
					t.Fatalf("%s: %v", p.Rule, err)
				}
			}
		}
		var b bytes.Buffer
		if err := lint.Text(&b, res, lint.Style{Lang: finding.Chinese, Verbose: true}); err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x202e }); i >= 0 {
			t.Fatalf("a control character is printed: %q", b.Bytes()[i:min(i+20, b.Len())])
		}
		if err := lint.JSON(&b, []*lint.Result{res}, finding.English, time.Time{}); err != nil {
			t.Fatal(err)
		}
	})
}
