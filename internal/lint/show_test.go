package lint_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// TestPasswordsAreNotShown: whatever is wrong with a line, the password in it is
// in no output, and its edits neither.
func TestPasswordsAreNotShown(t *testing.T) {
	const secret = "Gr8.secret"
	for _, c := range []struct {
		kind conf.Kind
		src  string
	}{
		{conf.ProFTPD, "ServerType standalone\nSQLConnectInfo db@localhost user " + secret + " 1 2 3 4 5 6 7 8 9\n"},
		{conf.ProFTPD, "SQLConectInfo db@localhost user " + secret + "\n"},
		{conf.ProFTPD, "ServerType standalone\nSQLConnectInfo db user \"" + secret + " x\" </x\n"},
		{conf.ProFTPD, "ServerType standalone\n<Limit LOGIN>\nSQLConnectInfo db@localhost user \\\n  " + secret + "\n</Limit>\n"},
		{conf.ProFTPD, "ServerType standalone\n<Limit LOGIN>\nLDAPBindDN cn=admin " + secret + "\n</Limit>\n"},
		{conf.ProFTPD, "ServerType standalone\nUserPassword alice " + secret + " \nRadiusAuthServer 192.0.2.1 " + secret + "\n"},
		{conf.ProFTPD, "MyPassword " + secret + "\n"},
		{conf.IIS, "<configuration><sites><site name='a'><ftpServer><security><authentication><anonymousAuthentication enabled='yes' userName='x' password='" + secret + "' paasword='" + secret + "' /></authentication></security></ftpServer></site></sites></configuration>"},
	} {
		doc, problems := conf.Parse(c.kind, "f", []byte(c.src))
		res := lint.Check(conf.Single(doc), problems)
		if len(res.Problems) == 0 {
			t.Errorf("nothing is wrong with %q", c.src)
		}
		var b bytes.Buffer
		for _, l := range finding.Langs {
			if err := lint.Text(&b, res, lint.Style{Lang: l, Verbose: true}); err != nil {
				t.Fatal(err)
			}
			if err := lint.JSON(&b, []*lint.Result{res}, l, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if err := lint.SARIF(&b, []*lint.Result{res}, l, ""); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q: the password is shown:\n%s", c.src, b.String())
		}
	}
}

// TestLongLines: of a line of megabytes the part around the place is shown, and a
// message quotes no more than a reader can take in.
func TestLongLines(t *testing.T) {
	for kind, src := range map[conf.Kind]string{
		conf.VSFTPD:   "listen=" + strings.Repeat("x", 10<<20) + "\n",
		conf.ProFTPD:  "Port 21\n" + strings.Repeat("y", 10<<20) + " z\n",
		conf.PureFTPD: "MaxIdleTime " + strings.Repeat("x ", 5<<20) + "\n",
		conf.SSHD:     "Ciphers " + strings.Repeat("aes,", 2<<20) + "\n",
		conf.IIS:      "<configuration>" + strings.Repeat("<site name='a'><ftpServer><nix/></ftpServer></site>", 100_000) + "</configuration>",
	} {
		doc, problems := conf.Parse(kind, "f", []byte(src))
		res := lint.Check(conf.Single(doc), problems)
		var b bytes.Buffer
		if err := lint.Text(&b, res, lint.Style{}); err != nil {
			t.Fatal(err)
		}
		if err := lint.JSON(&b, []*lint.Result{res}, finding.English, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if len(res.Problems) == 0 || b.Len() > 10<<20 {
			t.Errorf("%s: %d problems, %d bytes shown", kind, len(res.Problems), b.Len())
		}
		if res.Omitted == 0 && kind == conf.IIS {
			t.Errorf("%d problems and none is left out", len(res.Problems))
		}
	}
}
