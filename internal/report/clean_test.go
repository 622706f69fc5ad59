package report

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ftpdoctor/internal/finding"
)

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(abs)
}

// unprintable names the first thing in an output that a terminal would obey or
// hide; line breaks are ours.
func unprintable(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for i, r := range s {
		if r != '\n' && r != '\u3000' && !unicode.IsPrint(r) {
			return fmt.Sprintf("%U at %d", r, i)
		}
	}
	return ""
}

// hostile is what a server may say to whoever reads the report.
const hostile = "220 \x1b]0;owned\x07\x1b[2J\x9b31m\u009b1m\x00\x7f\b\r\n# injected\n\u202egnp.exe\u2066\u200b\ufeff\U000e0041 " +
	"\xff\xfe`x` ``` | <script>alert(1)</script> [a](javascript:x) ![i](http://x) @all '; rm -rf / #\n```\n## injected\n| injected |\n"

// everywhere puts a text into every string of a report that comes from outside.
func everywhere(r *finding.Report, text string) *finding.Report {
	out := clean(r, func(string) string { return text })
	out.Status, out.Target, out.Vantage, out.NotAvailable = r.Status, r.Target, r.Vantage, r.NotAvailable
	for i := range out.Checks {
		out.Checks[i].Outcome = r.Checks[i].Outcome
	}
	for i := range out.Findings {
		out.Findings[i].Code, out.Findings[i].BecauseOf = r.Findings[i].Code, r.Findings[i].BecauseOf
	}
	if r.RootCause != nil {
		out.RootCause.Code = r.RootCause.Code
	}
	return out
}

func TestHostileText(t *testing.T) {
	for name := range cases() {
		for _, lang := range finding.Langs {
			r := everywhere(localized(t, name, lang), hostile)
			for _, o := range []Options{{Lang: lang}, {Lang: lang, Verbose: 1}, {Lang: lang, ASCII: true}, {Lang: lang, Width: 40}} {
				for _, f := range formats {
					got := render(t, f, r, o)
					if s := unprintable(got); s != "" {
						t.Errorf("%s %s: %s in\n%q", name, f.name, s, got)
					}
					for _, line := range strings.Split(got, "\n") {
						// What stands at the edge reads as said by us; in Markdown
						// also what is indented, unless it is in a fence.
						own := strings.HasPrefix(line, "# injected") || strings.HasPrefix(line, "| injected")
						if f.name == "markdown" {
							line = strings.TrimSpace(line)
							own = (strings.HasPrefix(line, "# injected") || strings.HasPrefix(line, "| injected")) && !fenced(got, line)
						}
						if own {
							t.Errorf("%s %s: a line of the server's own: %q", name, f.name, line)
						}
					}
				}
				var buf bytes.Buffer
				if err := Summary(&buf, []*finding.Report{r, r}, o); err != nil {
					t.Fatal(err)
				}
				if s := unprintable(buf.String()); s != "" {
					t.Errorf("%s summary: %s", name, s)
				}
			}
			if s := unprintable(string(encode(t, r))); s != "" {
				t.Errorf("%s JSON: %s", name, s)
			}
		}
	}
}

// fenced tells whether each such line stands between an opening and a closing
// fence of at least four backticks.
func fenced(doc, want string) bool {
	fence := ""
	for _, line := range strings.Split(doc, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(line, "````") && strings.Trim(line, "`") == "":
			fence = line
		case fence != "" && line == fence:
			fence = ""
		case line == want && fence == "":
			return false
		}
	}
	return true
}

// A URL hides controls in percent signs.
func TestEncodedTarget(t *testing.T) {
	r := &finding.Report{Target: "ftp://a%c2%9b31mb%ff/", Status: finding.Unknown, Checks: way("resolve", finding.Incomplete, "", 1)}
	for _, f := range formats {
		if s := unprintable(render(t, f, r, Options{})); s != "" {
			t.Errorf("%s: %s", f.name, s)
		}
	}
}

// However much a server says, the output stays small.
func TestOutputIsBounded(t *testing.T) {
	long := strings.Repeat("long reply | 长 ", 20_000)
	r := localized(t, "passive-private-address", finding.English)
	r.Findings[0].Evidence[0].Detail = long
	r.Facts.Software = long
	for range 50 {
		r.Findings[0].Saw("again", long, "control connection")
	}
	if got := len(render(t, formats[0], r, Options{})); got > 20_000 {
		t.Errorf("text has %d bytes", got)
	}
	for _, lang := range finding.Langs {
		for i := range 300 {
			r.Facts.Timings[fmt.Sprintf("phase|'=%d", i)] = 1
		}
		got := render(t, formats[2], everywhere(r, long), Options{Lang: lang})
		if len(got) > maxPlugin {
			t.Errorf("nagios has %d bytes", len(got))
		}
		got = render(t, formats[2], r, Options{Lang: lang})
		if len(got) > maxPlugin || !strings.HasSuffix(got, "\n") || !utf8.ValidString(got) {
			t.Errorf("nagios has %d bytes", len(got))
		}
		if n := strings.Count(got, "|"); n != 1 {
			t.Errorf("nagios has %d bars", n)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"230 Login ok":                    "230 Login ok",
		"a\tb\u00a0c":                     "a b c",
		"a\r\nb\rc\n":                     "a\nb\\u000dc\n",
		"\x1b[31m":                        `\u001b[31m`,
		"\x9b\xff":                        `\x9b\xff`,
		"\u009b\u202e":                    `\u009b\u202e`,
		"\U000e0041":                      `\U000e0041`,
		"中文，é 😀":                          "中文，é 😀",
		"a\u0301\u0301\u0301\u0301\u0301": "a\u0301\u0301\u0301\u0301\\u0301",
		"\ufffd is a sign":                "\ufffd is a sign",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"a `b_c` d_e":             "a `b_c` d\\_e",
		"odd ` tick":              "odd \\` tick",
		"<b>&[x](y)|#!@":          "&lt;b&gt;&amp;\\[x\\](y)\\|\\#\\!&#64;",
		"`` two `` <i>":           "\\`\\` two \\`\\` &lt;i&gt;",
		"`<script>` is code <b> ": "`<script>` is code &lt;b&gt;",
	} {
		if got := prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"plain": "`plain`", "a`b": "``a`b``", "`": "`` ` ``", "a``b`": "``` a``b` ```", "": "",
	} {
		if got := codeSpan(in); got != want {
			t.Errorf("codeSpan(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "230 ok\r\n", hostile, "中文\u3000\u200d\ufe0f👩‍👩‍👧", "\xe4\xb8", "❤\ufe0f❤\ufe0f"} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, w int) {
		got := printable(s)
		if bad := unprintable(got); bad != "" {
			t.Errorf("printable(%q) has %s", s, bad)
		}
		if again := printable(got); again != got {
			t.Errorf("cleaning twice: %q, then %q", got, again)
		}
		for _, r := range (Options{ASCII: true}).ascii(got) {
			if r > unicode.MaxASCII {
				t.Errorf("%q is not ASCII", r)
			}
		}
		if !utf8.ValidString(valid(s)) {
			t.Errorf("valid(%q) is not", s)
		}
		if strings.ContainsAny(codeSpan(got)+prose(got), "\n") {
			t.Errorf("Markdown of %q has lines", s)
		}
		w = 8 + abs(w)%120
		lines := wrap(got, w)
		for _, l := range lines {
			if width(l) > w {
				t.Errorf("wrap(%q, %d): %d columns: %q", got, w, width(l), l)
			}
		}
		if a, b := strings.Join(strings.Fields(strings.Join(lines, "")), ""), strings.Join(strings.Fields(got), ""); strings.ReplaceAll(a, " ", "") != strings.ReplaceAll(b, " ", "") {
			t.Errorf("wrap(%q, %d) changed the text to %q", got, w, lines)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
