package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"ftpdoctor/internal/finding"
)

var update = flag.Bool("update", false, "write the golden files")

// build makes a report as a check would hand it over.
func build(target string, tookS float64, checks []finding.Check, findings ...*finding.Finding) *finding.Report {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	for _, f := range findings {
		f.With("host", u.Hostname()).With("port", "21").With("address", "203.0.113.7").With("target", target)
	}
	return &finding.Report{
		Schema: finding.Schema, Target: target, Vantage: "laptop",
		Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), DurationS: tookS,
		Checks: checks, Findings: findings,
		Facts: finding.Facts{Addresses: []string{"203.0.113.7"}, Timings: map[string]float64{}},
	}
}

// way lists the checks of a run: those before the stop passed, the stop itself,
// the rest skipped because of it.
func way(stop string, outcome finding.Outcome, because string, stopS float64) []finding.Check {
	all := []finding.Check{
		{Name: "client", Layer: "client", DurationS: 0.0002},
		{Name: "resolve", Layer: "dns", DurationS: 0.0031},
		{Name: "route", Layer: "route", DurationS: 0.0011},
		{Name: "connect", Layer: "net", DurationS: 0.012},
		{Name: "greeting", Layer: "service", DurationS: 0.031},
		{Name: "tls", Layer: "tls", DurationS: 0.042},
		{Name: "login", Layer: "auth", DurationS: 0.048},
		{Name: "data", Layer: "data", DurationS: 0.087},
		{Name: "file", Layer: "file", DurationS: 0.023},
		{Name: "tls-depth", Layer: "tls", DurationS: 0.064},
	}
	stopped := false
	for i := range all {
		c := &all[i]
		switch {
		case stopped:
			c.Outcome, c.Because, c.DurationS = finding.Skipped, stop, 0
		case c.Name == stop:
			c.Outcome, c.Because, c.DurationS = outcome, because, stopS
			stopped = true
		default:
			c.Outcome = finding.Passed
		}
	}
	return all
}

// cases are the reports of the golden files.
func cases() map[string]*finding.Report {
	healthy := build("ftpes://ftp.example.com/", 0.412, way("", "", "", 0),
		finding.New(finding.TLSNoPostQuantum, finding.Confirmed).Saw("the key exchange", "X25519", "TLS handshake"))
	healthy.Facts.Software, healthy.Facts.System = "ProFTPD 1.3.8", "UNIX"
	healthy.Facts.TLS = map[string]any{"version": "TLS 1.3", "cipher": "TLS_AES_256_GCM_SHA384", "group": "X25519", "cert_days": 61, "post_quantum": false, "issuer": "CN=Example CA"}
	healthy.Facts.Data = map[string]any{"works": []string{"EPSV", "PASV"}, "passive_ports": []int{50012, 50071}, "tls_resumed": true, "entries": 3}
	healthy.Facts.Timings = map[string]float64{"connect": 0.012, "greeting": 0.031, "tls": 0.042, "login": 0.048, "data": 0.087}
	healthy.NotAvailable = []string{"raw sockets (CAP_NET_RAW)"}

	private := build("ftp://lab@ftp.example.com/", 6.32, way("data", finding.Found, "", 5.21),
		finding.New(finding.DataPassiveFiltered, finding.Likely).
			Saw("the connection to the announced port", "10.0.0.5:50000: silence for 5 s", "data connection").Stop(),
		finding.New(finding.DataPassivePrivateAddress, finding.Confirmed).
			With("announced", "10.0.0.5:50000").With("peer", "203.0.113.7").
			Saw("the answer to PASV", "227 Entering Passive Mode (10,0,0,5,195,80)", "control connection").
			Saw("the same port at the control connection's address", "203.0.113.7:50000 accepts after 12 ms", "data connection").
			Stop(),
		finding.New(finding.SecurityClearTextLogin, finding.Confirmed).
			Saw("the login", "USER and PASS were sent without TLS; the server offers none", "control connection"))
	private.Facts.Software = "vsFTPd 3.0.3"
	private.Facts.Timings = map[string]float64{"connect": 0.012, "data": 5.21}
	private.RuledOut = []finding.Candidate{
		{Code: finding.DataPassiveFiltered.Code, Why: "the port answers at the other address"},
		{Code: finding.DataEPSVBroken.Code, Why: "EPSV works"},
	}

	filtered := build("ftp://ftp.example.com/", 8.04, way("connect", finding.Found, "", 8.01),
		finding.New(finding.NetPortFiltered, finding.Likely).With("hop", "198.51.100.1").
			Saw("the connection to the port", "203.0.113.7:21: silence for 4 s, 3 SYNs", "TCP").
			Saw("another port of the same host", "203.0.113.7:4: refused after 11 ms, TTL 62", "TCP").
			Saw("SYNs with a small TTL", "last answer from 198.51.100.1 at TTL 2, ICMP time exceeded", "error queue of the socket").
			Or(finding.ServiceBacklogFull, "a full accept queue is as silent as a filter").
			Or(finding.AuthBanned, "a ban of this address drops in the same way").
			DecideBy("check from another network, or look at the server: ss -ltn").Stop())
	filtered.NotAvailable = []string{"raw sockets (CAP_NET_RAW)"}

	rejected := build("ftpes://lab@ftp.example.com/", 3.4, way("login", finding.Found, "", 3.02),
		finding.New(finding.AuthRejected, finding.Confirmed).With("user", "lab").With("reply", "530 Login incorrect.").
			Saw("the answer to PASS", "530 Login incorrect.", "control connection").
			Saw("the time until the answer", "3.0 s", "control connection").Stop())
	rejected.Facts.Software = "vsFTPd 3.0.3"
	rejected.Facts.TLS = map[string]any{"version": "TLS 1.2", "cert_days": 12.0}

	nxdomain := build("ftp://ftp.exmaple.com/", 0.024, way("resolve", finding.Found, "", 0.021),
		finding.New(finding.DNSNXDOMAIN, finding.Confirmed).With("name", "ftp.exmaple.com").With("near", "ftp.example.com").
			With("resolver", "192.0.2.53").
			Saw("the answer of the name server", "192.0.2.53: NXDOMAIN for A and AAAA in 9 ms", "DNS").
			Saw("the zone above", "exmaple.com: NXDOMAIN", "DNS").Stop())
	nxdomain.Facts.Addresses = nil

	unknown := build("ftp://ftp.example.com/", 30.01, way("data", finding.Incomplete, "the check was interrupted, or its time was up", 28.9))
	unknown.Facts.Software = "vsFTPd 3.0.3"

	all := map[string]*finding.Report{
		"two-of-a-layer": twoOfALayer(), "healthy": healthy, "passive-private-address": private, "port-filtered": filtered,
		"rejected": rejected, "nxdomain": nxdomain, "unknown": unknown,
	}
	for _, r := range all {
		r.Conclude()
	}
	return all
}

// twoOfALayer is a server of SFTP with faults of two checks of one layer, one
// that was stated when the way was over, and long evidence.
func twoOfALayer() *finding.Report {
	checks := []finding.Check{
		{Name: "connect", Layer: "net", DurationS: 0.012, Outcome: finding.Passed},
		{Name: "ssh", Layer: "ssh", DurationS: 0.031, Outcome: finding.Found},
		{Name: "host-key", Layer: "ssh", DurationS: 0.001, Outcome: finding.Found},
		{Name: "ssh-login", Layer: "auth", Outcome: finding.Skipped, Because: "host-key"},
	}
	weak := finding.New(finding.SSHWeakAlgorithms, finding.Confirmed).With("ciphers", "3des-cbc").
		Saw("weak algorithms that the server offers", "diffie-hellman-group1-sha1 ("+finding.Say("a group of 1024 bits, and SHA-1")+"), "+
			"ssh-dss ("+finding.Say("DSA of 1024 bits, and SHA-1")+"), 3des-cbc ("+finding.Say("blocks of 64 bits")+"), arcfour ("+
			finding.Say("RC4, whose output is biased")+")", "SSH connection")
	weak.Check = "ssh"
	changed := finding.New(finding.SSHHostKeyChanged, finding.Confirmed).With("file", "/home/lab/.ssh/known_hosts").With("line", "3").
		Saw("the key that the server shows", "ssh-ed25519 SHA256:2Vw0d3nhHT0bHHOTi6CJbGQ4l5Vd8ppJgJpq5rVe2uE", "SSH connection").Stop()
	changed.Check = "host-key"
	late := finding.New(finding.NetPacketLoss, finding.Likely).As(finding.Warning).Saw("attempts that got no answer, of all", "2/8", "experiment")
	return build("sftp://lab@ftp.example.com/", 0.2, checks, weak, changed, late)
}

// localized gives the case in a language; every case is built anew, as
// localizing changes a report.
func localized(t *testing.T, name string, lang finding.Lang) *finding.Report {
	t.Helper()
	r := cases()[name]
	if r == nil {
		t.Fatalf("no case %q", name)
	}
	r.Localize(lang)
	for _, f := range r.Findings {
		if f.Title == string(f.Code) {
			t.Errorf("%s has no page in %s", f.Code, lang)
		}
	}
	return r
}

type format struct {
	name  string
	write func(io.Writer, *finding.Report, Options) error
}

var formats = []format{{"text", Text}, {"markdown", Markdown}, {"nagios", Nagios}}

func render(t *testing.T, f format, r *finding.Report, o Options) string {
	t.Helper()
	var buf bytes.Buffer
	if err := f.write(&buf, r, o); err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return buf.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// git may have written CRLF on Windows.
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s differs (-want +got); -update accepts it:\n%s", path, diff)
	}
}

func TestGolden(t *testing.T) {
	for name := range cases() {
		for _, lang := range finding.Langs {
			for _, f := range formats {
				id := name + "." + string(lang) + "." + f.name
				t.Run(id, func(t *testing.T) {
					golden(t, id, render(t, f, localized(t, name, lang), Options{Lang: lang}))
				})
			}
		}
	}
}

// Commands stand six columns in and are never broken; all else keeps the width.
func TestTextKeepsWidth(t *testing.T) {
	for name := range cases() {
		for _, lang := range finding.Langs {
			for _, w := range []int{40, 60, 80, 120} {
				for _, verbose := range []int{0, 1} {
					r := localized(t, name, lang)
					got := render(t, formats[0], r, Options{Lang: lang, Width: w, Verbose: verbose})
					commands := map[string]bool{}
					_, command := newView(r, Options{Lang: lang}).nextStep(Options{}.normal())
					commands[command] = true
					for _, d := range finding.Catalogue() {
						commands["ftpdoctor explain "+string(d.Code)] = true
					}
					for _, f := range r.Findings {
						for _, rem := range f.Remedies {
							commands[rem.Verify] = true
							for _, c := range rem.Commands {
								commands[strings.TrimSpace(c)] = true
							}
						}
					}
					for _, line := range strings.Split(got, "\n") {
						if width(line) > w && !commands[strings.TrimSpace(line)] {
							t.Errorf("%s %s: %d columns of %d: %q", name, lang, width(line), w, line)
						}
						if strings.TrimRight(line, " ") != line {
							t.Errorf("%s %s: ends in a space: %q", name, lang, line)
						}
					}
				}
			}
		}
	}
}

// The words say what colours say: without them the text is the same.
func TestColorAddsOnlyStyles(t *testing.T) {
	style := regexp.MustCompile("\x1b\\[[0-9]+m")
	for name := range cases() {
		r := localized(t, name, finding.English)
		plain := render(t, formats[0], r, Options{})
		colored := render(t, formats[0], r, Options{Color: true})
		if colored == plain {
			t.Errorf("%s: no colours", name)
		}
		var bare []string
		for _, l := range strings.Split(style.ReplaceAllString(colored, ""), "\n") {
			bare = append(bare, strings.TrimRight(l, " "))
		}
		if diff := cmp.Diff(plain, strings.Join(bare, "\n")); diff != "" {
			t.Errorf("%s: colours change the text (-plain +coloured):\n%s", name, diff)
		}
	}
}

func TestASCII(t *testing.T) {
	for name := range cases() {
		r := localized(t, name, finding.English)
		for _, f := range formats {
			for _, c := range render(t, f, r, Options{ASCII: true, Verbose: 1}) {
				if c > unicode.MaxASCII {
					t.Errorf("%s %s: %q is not ASCII", name, f.name, c)
					break
				}
			}
		}
	}
	got := render(t, formats[0], localized(t, "passive-private-address", finding.English), Options{ASCII: true})
	for _, want := range []string{"x data channel", "+ login", "- files"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A report given to a writer stays as it was.
func TestWritersChangeNothing(t *testing.T) {
	for name := range cases() {
		r := localized(t, name, finding.English)
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range formats {
			render(t, f, r, Options{ASCII: true})
		}
		after, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before), string(after)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSummary(t *testing.T) {
	for _, lang := range finding.Langs {
		var rs []*finding.Report
		for _, name := range []string{"healthy", "passive-private-address", "port-filtered", "rejected", "nxdomain", "unknown"} {
			rs = append(rs, localized(t, name, lang))
		}
		rs[5].Target = "ftp://a-very-long-name.of-a-department.of-a-company.example.com:2121/a/directory/"
		var buf bytes.Buffer
		if err := Summary(&buf, rs, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		golden(t, "summary."+string(lang), buf.String())
		for _, l := range strings.Split(buf.String(), "\n") {
			if width(l) > defaultWidth {
				t.Errorf("%d columns: %q", width(l), l)
			}
		}
	}
}

func TestNagios(t *testing.T) {
	want := map[string]string{
		"healthy": "FTP OK - ", "passive-private-address": "FTP CRITICAL - ", "unknown": "FTP UNKNOWN - ",
	}
	for name, prefix := range want {
		for _, lang := range finding.Langs {
			first, _, _ := strings.Cut(render(t, formats[2], localized(t, name, lang), Options{Lang: lang}), "\n")
			if !strings.HasPrefix(first, prefix) {
				t.Errorf("%s: %q does not begin with %q", name, first, prefix)
			}
			text, data, _ := strings.Cut(first, " | ")
			if strings.Contains(text, "|") || !strings.HasPrefix(data, "time=") {
				t.Errorf("%s: wrong bars or data in %q", name, first)
			}
		}
	}
	first, _, _ := strings.Cut(render(t, formats[2], localized(t, "healthy", finding.English), Options{}), "\n")
	_, data, _ := strings.Cut(first, " | ")
	if want := "time=0.412s;;;0 connect=0.012s;;;0 data=0.087s;;;0 greeting=0.031s;;;0 login=0.048s;;;0 tls=0.042s;;;0 cert_days=61"; data != want {
		t.Errorf("performance data\n got %q\nwant %q", data, want)
	}
}

// Every own wording exists in both languages, with the same verbs.
func TestWordsInBothLanguages(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for key, p := range words {
		if p.en == "" || p.zh == "" {
			t.Errorf("%s: a language is missing", key)
		}
		if diff := cmp.Diff(verb.FindAllString(p.en, -1), verb.FindAllString(p.zh, -1)); diff != "" {
			t.Errorf("%s: other verbs: %s", key, diff)
		}
	}
	for _, set := range []struct {
		name   string
		values []string
	}{
		{"status", []string{"ok", "degraded", "failed", "unknown"}},
		{"outcome", []string{"passed", "found", "skipped", "incomplete"}},
		{"severity", []string{"info", "notice", "warning", "error", "critical"}},
		{"confidence", []string{"confirmed", "likely", "possible"}},
		{"confidence-long", []string{"confirmed", "likely", "possible"}},
		{"who", []string{"client", "network", "server"}},
		{"where", []string{"client", "network", "server"}},
	} {
		for _, value := range set.values {
			if _, ok := words[set.name+":"+value]; !ok {
				t.Errorf("no word for %s %s", set.name, value)
			}
		}
	}
	for _, d := range finding.Catalogue() {
		if _, ok := words["layer:"+d.Code.Layer()]; !ok {
			t.Errorf("no word for layer %s", d.Code.Layer())
		}
	}
}

// A key that is asked for must be in the table: say falls back to the key.
func TestWordsExist(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`(?:say|pair|heading)\("([^"]+)"|return "(next:[a-z]+)"|key := "([^"]+)"|key = "([^"]+)"`)
	used := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllStringSubmatch(string(src), -1) {
			key := m[1] + m[2] + m[3] + m[4]
			used[key] = true
			if _, ok := words[key]; !ok && !strings.HasSuffix(key, ":") {
				t.Errorf("%s asks for the word %q, which does not exist", name, key)
			}
		}
	}
	for key := range words {
		set, _, inSet := strings.Cut(key, ":")
		if inSet && set != "next" && set != "nagios" && set != "md" && set != "column" {
			continue
		}
		if !used[key] {
			t.Errorf("nothing asks for the word %q", key)
		}
	}
}

func TestDuration(t *testing.T) {
	for s, want := range map[float64]string{
		0: "<1 ms", 0.0004: "<1 ms", 0.003: "3 ms", 0.31249: "312 ms", 0.9996: "1.00 s", 1.236: "1.24 s", 12.34: "12.3 s", 125: "2 min 5 s", -1: "?",
	} {
		if got := duration(s); got != want {
			t.Errorf("duration(%v) = %q, want %q", s, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for s, want := range map[string]string{
		"ftp://lab@ftp.example.com:21/a_b": "ftp://lab@ftp.example.com:21/a_b",
		"ftp://h/a b":                      "'ftp://h/a b'",
		"ftp://h/$(id)'x":                  `'ftp://h/$(id)'\''x'`,
		"":                                 "''",
	} {
		if got := shellWord(s); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		w    int
		want []string
	}{
		{"", 10, []string{""}},
		{"one two three", 8, []string{"one two", "three"}},
		{"abcdefghijkl", 8, []string{"abcdefgh", "ijkl"}},
		{"服务器在被动模式下，给出地址", 18, []string{"服务器在被动模式", "下，给出地址"}},
		{"地址（10.0.0.5）不对", 10, []string{"地址", "（10.0.0.5", "）不对"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.in, c.w)); diff != "" {
			t.Errorf("wrap(%q, %d): %s", c.in, c.w, diff)
		}
	}
}
