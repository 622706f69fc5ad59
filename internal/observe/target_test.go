package observe

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ftp.example.com", "ftp.example.com"},
		{"ftp://ftp.example.com", "ftp://ftp.example.com/"},
		{"FTP://u:p%40ss@FTP.Example.com:2121/a%20b/", "ftp://u@ftp.example.com:2121/a%20b/"},
		{"ftps://[2001:db8::1]/x", "ftps://[2001:db8::1]/x"},
		{"2001:db8::1", "2001:db8::1"},
		{"ftp://[2001:db8::1]:2121", "ftp://[2001:db8::1]:2121/"},
		{"ftp://münchen.example/", "ftp://xn--mnchen-3ya.example/"},
		{"ftp://u:a:b@c@host/", "ftp://u@host/"},
	} {
		got, err := ParseTarget(c.in)
		if err != nil || got.String() != c.want {
			t.Errorf("ParseTarget(%q) = %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	if got, _ := ParseTarget("ftp://u:a:b@c@host/"); got.Password != "a:b@c" {
		t.Errorf("password = %q", got.Password)
	}
}

func TestParseTargetLikelyIntent(t *testing.T) {
	for _, c := range []struct {
		in    string
		why   Reason
		meant string
	}{
		{"", WhyEmpty, ""},
		{"ftp://", WhyEmpty, ""},
		{"ftp://ftp://ftp.example.com/", WhyTwice, "ftp://ftp.example.com/"},
		{"ftp：//ftp．example．com/", WhyWide, "ftp://ftp.example.com/"},
		{"ftp://ftp.example.com:/", WhyPort, "ftp://ftp.example.com/"},
		{"ftp.example.com:", WhyPort, "ftp.example.com"},
		{"ftp://ftp.example.com:99999/", WhyPort, "ftp://ftp.example.com/"},
		{" ftp.example.com ", WhySpace, "ftp.example.com"},
		{"ftp.exa mple.com", WhySpace, "ftp.example.com"},
		{"\u200bftp.example.com", WhySpace, "ftp.example.com"},
		{`\\ftp.example.com\pub`, WhyWindowsPath, "ftp://ftp.example.com/pub"},
		{`C:\data\file.txt`, WhyWindowsPath, ""},
		{"“ftp.example.com”", WhyQuotes, "ftp.example.com"},
		{"ftp:/ftp.example.com/", WhySlashes, "ftp://ftp.example.com/"},
		{`ftp:\\ftp.example.com`, WhySlashes, "ftp://ftp.example.com/"},
		{"ftb://ftp.example.com", WhyScheme, "ftp://ftp.example.com/"},
		{"ftp..example.com", WhyHost, "ftp.example.com"},
		{"ftp://192.168.1.300/", WhyAddress, ""},
		{"192.168.001.010", WhyAddress, "192.168.1.10"},
		{"ftp://<host>/", WhyPlaceholder, ""},
		{"ftp://u:secret@ftp..example.com/", WhyHost, "ftp://u@ftp.example.com/"},
	} {
		_, err := ParseTarget(c.in)
		var te *TargetError
		if !errors.As(err, &te) {
			t.Errorf("ParseTarget(%q): error %v, want a TargetError", c.in, err)
			continue
		}
		if te.Why != c.why || te.Meant != c.meant {
			t.Errorf("ParseTarget(%q): %q, meant %q; want %q, %q", c.in, te.Why, te.Meant, c.why, c.meant)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseTarget(%q): the password is in the error: %v", c.in, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"ftp://u:p@h:1/x", "[::1]:2", "ftp：//x", `\\a\b`, "ftp://ftp://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTarget(s)
		if err != nil {
			return
		}
		again, err := ParseTarget(got.String())
		if err != nil {
			t.Fatalf("%q parses as %q, which does not parse: %v", s, got, err)
		}
		if again.String() != got.String() {
			t.Fatalf("%q → %q → %q", s, got, again)
		}
	})
}
