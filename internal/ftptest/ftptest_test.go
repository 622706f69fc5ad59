package ftptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// verify checks the server's chain as a client does that trusts the server's root.
func verify(s *Server, cs tls.ConnectionState) error {
	inter := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		inter.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: s.Host(), Roots: s.CertPool(), Intermediates: inter})
	return err
}

func TestFaultList(t *testing.T) {
	seen := map[string]bool{}
	all := slices.Concat(Faults(), Hostile())
	for _, f := range all {
		_, short, _ := strings.Cut(f.Name, "/")
		for _, name := range []string{f.Name, short} {
			if name != "" && seen[name] {
				t.Errorf("%s: name twice", name)
			}
			seen[name] = true
		}
		for _, lang := range []string{"en", "zh"} {
			if title := f.Title[lang]; title == "" || strings.Contains(title, "\n") {
				t.Errorf("%s: title %s is %q", f.Name, lang, title)
			}
		}
		for _, code := range append(slices.Clone(f.Want), f.Advice...) {
			if !strings.Contains(code, "/") {
				t.Errorf("%s: %q is no code", f.Name, code)
			}
		}
		t.Run(f.Name, func(t *testing.T) {
			s := start(t, f)
			u, err := url.Parse(s.Target())
			if err != nil || u.Host != s.Addr() {
				t.Errorf("target %q: %v", s.Target(), err)
			}
			if _, ok := u.User.Password(); ok {
				t.Errorf("password in %q", s.Target())
			}
		})
	}
	if len(Faults()) < 30 {
		t.Errorf("%d faults", len(Faults()))
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"passive-disabled": "data/passive-disabled", "data/passive-disabled": "data/passive-disabled",
		"healthy": "healthy", "drip": "hostile/drip", "": "", "nothing": "",
	} {
		if f, ok := Find(name); f.Name != want || ok != (want != "") {
			t.Errorf("Find(%q) = %q, %v", name, f.Name, ok)
		}
	}
}

func TestRefused(t *testing.T) {
	s := start(t, Fault{Script: "listen: closed"})
	_, err := net.Dial("tcp", s.Addr())
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.Errno(10061)) {
		t.Errorf("dial: %v", err)
	}
}

// An incomplete chain can be completed from where the certificate says.
func TestIssuerIsServed(t *testing.T) {
	s := start(t, Fault{Script: "tls: implicit\ncert: incomplete"})
	c, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cs := c.ConnectionState()
	if n := len(cs.PeerCertificates); n != 1 {
		t.Fatalf("%d certificates sent", n)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(cs.PeerCertificates[0].IssuingCertificateURL[0])
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	der, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	cs.PeerCertificates = append(cs.PeerCertificates, issuer)
	if err := verify(s, cs); err != nil {
		t.Error(err)
	}
}

func TestCertKinds(t *testing.T) {
	leaf := func(kinds string) *x509.Certificate {
		var k certKnobs
		if err := k.set(strings.Fields(kinds)); err != nil {
			t.Fatal(err)
		}
		c, err := issue(k, "")
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf
	}
	if c := leaf("weak-key"); c.PublicKeyAlgorithm != x509.RSA || c.PublicKey.(interface{ Size() int }).Size() != 128 {
		t.Errorf("weak key: %v", c.PublicKeyAlgorithm)
	}
	if c := leaf("self-signed expired"); c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil || time.Now().Before(c.NotAfter) {
		t.Error("self-signed expired: not both")
	}
	if c := leaf("many-names"); len(c.DNSNames) <= manyNames {
		t.Errorf("many names: %d", len(c.DNSNames))
	}
	if c := leaf("expiring"); time.Until(c.NotAfter) > 6*24*time.Hour || time.Until(c.NotAfter) < 4*24*time.Hour {
		t.Errorf("expiring: %v", c.NotAfter)
	}
}

// A client that resumes the control connection's session gets its data, on both
// versions of TLS; one that does not is told so.
func TestSessionReuse(t *testing.T) {
	for _, version := range []string{"1.2", "1.3"} {
		for _, resume := range []bool{true, false} {
			s := start(t, Fault{Script: "tls: required\nsession-reuse: required\ntls-versions: " + version})
			config := &tls.Config{RootCAs: s.CertPool(), ServerName: "localhost"}
			if resume {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
			}
			w := dial(t, s)
			steps := func(list ...string) {
				t.Helper()
				if err := w.all(list...); err != nil {
					t.Fatalf("TLS %s, resume %v: %v", version, resume, err)
				}
			}
			steps("< ^220 ", "> AUTH TLS", "< ^234 ")
			c := tls.Client(w.conn, config)
			w.conn, w.in = c, bufio.NewReader(c)
			steps("login", "> PBSZ 0", "< ^200 ", "> PROT P", "< ^200 ", "pasv", "> LIST", "< ^150 ")
			w.data = tls.Client(w.data, config)
			if resume {
				steps("data hello.txt", "< ^226 ")
			} else {
				w.data.(*tls.Conn).Handshake()
				steps("< ^522 .*session reuse required")
			}
			w.data.Close()
		}
	}
}

func TestNthAndGuards(t *testing.T) {
	s := start(t, Fault{Script: `
		connect #2 → 421 second
			close
		tls: explicit
		[plain] SYST → 215 clear
		[tls] SYST → 215 secret
		NOOP #2 → 200 two
		MKD *.d|x -> 550 no
		HELP|STAT → 214 {arg} of {peer} in {h} at {c1},{c2}
	`})
	w := dial(t, s)
	if err := w.all("< ^220 ", "> SYST", "< ^215 clear$", "> noop", "< ^200 NOOP ok", "> NOOP", "< ^200 two", "> NOOP", "< ^200 NOOP ok",
		"> HELP me", `< ^214 me of 127.0.0.1 in 127,0,0,1 at \d+,\d+$`, "> AUTH TLS", "< ^234 ", "tls ^ok$", "> SYST", "< ^215 secret$"); err != nil {
		t.Error(err)
	}
	if err := dial(t, s).all("< ^421 second", "eof"); err != nil {
		t.Error(err)
	}
	if err := dial(t, s).all("< ^220 "); err != nil {
		t.Error(err)
	}
	want := []string{"SYST", "NOOP", "NOOP", "NOOP", "HELP me", "AUTH TLS", "SYST"}
	if diff := cmp.Diff(want, s.Dialogue()); diff != "" {
		t.Errorf("dialogue (-want +got):\n%s", diff)
	}
}

func TestDataFaults(t *testing.T) {
	for script, steps := range map[string][]string{
		"data: download stall 3":   {"> RETR hello.txt", "< ^150 ", "stalled after", "> ABOR", "< ^426 ", "< ^226 "},
		"data: reset 5":            {"> STOR x", "< ^150 ", "upload 100000", "< ^426 "},
		"data: drip 1ms":           {"> RETR hello.txt", "< ^150 ", "data ^Hello.\n$", "< ^226 "},
		"data: corrupt":            {"> RETR hello.txt", "< ^150 ", "data ^hello.\n$", "< ^226 "},
		"data: upload truncate 10": {"> STOR x", "< ^150 ", "upload 100", "< ^226 ", "> SIZE x", "< ^213 10$"},
	} {
		s := start(t, Fault{Script: script})
		w := dial(t, s)
		if err := w.all("< ^220 ", "login", "pasv"); err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if step == "stalled after" {
				if _, err := io.ReadFull(w.data, make([]byte, 3)); err != nil {
					t.Error(err)
				}
				step = "stalled"
			}
			if err := w.do(step); err != nil {
				t.Errorf("%s: %s: %v", script, step, err)
			}
		}
	}
}

// What the dialogues of the faults leave out.
func TestOtherCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		steps  []string
	}{
		"before login": {"", []string{
			"< ^220 ", "> PASS x", "< ^503 ", "> HELP", "< ^214-", "< ^ ABOR ACCT .*USER", "< ^214 ", "> PBSZ 0", "< ^503 ", "> PROT P", "< ^503 ",
			"> OPTS UTF8 ON", "< ^200 ", "> OPTS MLST size;", "< ^200 ", "> OPTS MAGIC", "< ^501 ", "> NOOP\x00", "< ^502 ", "> ACCT x", "< ^202 ",
		}},
		"modes": {"software: iis\nwithout: MDTM", []string{
			"< ^220 Microsoft", "> SYST", "< ^215 Windows_NT", "login", "> MODE S", "< ^200 ", "> MODE Z", "< ^504 ", "> STRU F", "< ^200 ", "> STRU R", "< ^504 ",
			"> TYPE A", "< ^200 ", "> TYPE E", "< ^504 ", "> CWD pub", "< ^250 ", "> CDUP", "< ^250 ", "> PWD", `< ^257 "/"`, "> CWD hello.txt", "< ^550 ",
			"> EPSV 2", "< ^522 ", "> EPSV ALL", "< ^200 ", "> MLSD hello.txt", "< ^501 ", "> MDTM hello.txt", "< ^502 ", "> SIZE pub", "< ^550 ",
		}},
		"files": {"", []string{
			"< ^220 ", "login", "> RNTO x", "< ^503 ", "> RNFR pub", "< ^350 ", "> RNTO pub/inside", "< ^550 ", "> RMD pub", "< ^550 ", "> RMD /", "< ^550 ",
			"> MKD pub", "< ^550 ", "> STOR none/x", "< ^553 ", "> STOR pub", "< ^553 ", "> REST -1", "< ^501 ",
			"> RNFR pub", "< ^350 ", "> RNTO moved", "< ^250 ", "> SIZE moved/two.txt", "< ^213 8$", "> DELE moved/two.txt", "< ^250 ", "> SIZE moved/two.txt", "< ^550 ",
		}},
		"guest":   {"anonymous: on", []string{"< ^220 ", "> USER FTP", "< ^331 ", "> PASS x", "< ^230 ", "> STOR x", "< ^550 ", "> MKD x", "< ^550 "}},
		"secure":  {"tls: explicit", []string{"< ^220 ", "> AUTH GSSAPI", "< ^504 ", "> AUTH TLS", "< ^234 ", "tls ^ok$", "> AUTH TLS", "< ^503 ", "> PROT S", "< ^536 ", "> PROT X", "< ^504 ", "> CCC", "< ^533 "}},
		"refuse":  {"data: refuse", []string{"< ^220 ", "login", "port PASV", "refused", "> LIST", "silent", "> ABOR", "< ^425 ", "< ^226 "}},
		"receive": {"STOR → receive all\n\t226 thanks", []string{"< ^220 ", "login", "> STOR x", "< ^425 ", "pasv", "> STOR x", "upload 9", "< ^226 thanks"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := dial(t, start(t, Fault{Script: tc.script})).all(tc.steps...); err != nil {
				t.Error(err)
			}
		})
	}
}

// The reader's bounds: an endless line is answered and forgotten.
func TestLongLine(t *testing.T) {
	w := dial(t, start(t, Fault{}))
	if err := w.all("< ^220 ", "> "+strings.Repeat("A", 3*maxLine), "< ^500 ", "> \xff\xf4\xff\xf2ABOR", "< ^530 ", "> NOOP", "< ^200 "); err != nil {
		t.Error(err)
	}
}

func TestScriptErrors(t *testing.T) {
	for script, want := range map[string]string{
		"PASV 227 x":               "neither a greeting",
		"PASV → sing":              `no action "sing"`,
		"PASV →":                   "does nothing",
		"\nPASV #0 → close":        "line 2: #0 counts from 1",
		"x: y":                     `no knob "x"`,
		"tls: perhaps":             "none of none, explicit",
		"tls-versions: 1.3-1.0":    "no range",
		"cert: fake":               `no kind "fake"`,
		"data: explode":            `no kind "explode"`,
		"data: upload refuse":      "same in both directions",
		"data: stall -1":           "negative",
		"file: name":               "quoted name",
		`file: "/a" 99999999999`:   "size or quoted text",
		"connect → raw 220":        "invalid syntax",
		"connect → repeat 3 close": "repeat wants",
		"connect → wait long":      "invalid duration",
		"connect → close now":      "takes nothing",
		"user: alone":              "name and a password",
		"A \x9a→":                  "not UTF-8",
		"tls: none\n\tclose":       "follows no rule",
	} {
		if _, err := Start(Fault{Script: script}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", script, err, want)
		}
	}
}

const fixtureText = `
Address translation that the server does not know of.
-- server --
220 ready
PASV → 227 Entering Passive Mode (10,0,0,5,195,80)
-- check --
target: ftps://demo@{addr}/pub/
password: other
args: --op upload -4
-- want --
# the cause
data/passive-private-address error root
data/passive-filtered         error because data/passive-private-address
`

func TestFixture(t *testing.T) {
	f, err := ParseFixture("nat", []byte(fixtureText))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, f.Fault)
	if err := dial(t, s).all("< ^220 ready$", "login", "> PASV", "< 10,0,0,5,195,80"); err != nil {
		t.Error(err)
	}
	got := []any{f.Comment, f.Name, f.Password, f.Args, f.Want, s.Target(), f.Found}
	want := []any{
		"Address translation that the server does not know of.", "nat", "other",
		[]string{"--op", "upload", "-4"},
		[]string{"data/passive-private-address"},
		"ftps://demo@" + s.Addr() + "/pub/",
		[]Found{
			{Code: "data/passive-private-address", Severity: "error", Root: true},
			{Code: "data/passive-filtered", Severity: "error", Because: "data/passive-private-address"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFixtureErrors(t *testing.T) {
	const head = "-- server --\n220 x\n"
	for text, want := range map[string]string{
		"":                                   "are needed",
		head:                                 "are needed",
		head + "-- want --\na/b bad\n":       "code and a severity",
		head + "-- want --\na/b error maybe": "neither root",
		head + "-- want --\na/b error root\nc/d error root": "second root",
		head + "-- wont --\n":                               "no such section",
		head + head:                                         "twice",
		"-- server --\nnonsense\n":                          "line 1",
		head + "-- check --\ncolour: red\n":                 "no setting",
		head + "-- check --\ntarget\n":                      "not of the form",
	} {
		if _, err := ParseFixture("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func FuzzParseFixture(f *testing.F) {
	f.Add([]byte(fixtureText))
	for _, x := range slices.Concat(Faults(), Hostile()) {
		f.Add([]byte("-- server --\n" + x.Script + "-- want --\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fx, err := ParseFixture("fuzz", data)
		if err == nil {
			if _, err := parseScript(fx.Script); err != nil {
				t.Errorf("the fixture was accepted, its script is not: %v", err)
			}
		}
	})
}

// A session survives whatever a client sends, and the server closes at once.
func FuzzSession(f *testing.F) {
	f.Add([]byte("USER demo\r\nPASS " + Password + "\r\nMKD a\r\nRNFR a\r\nRNTO a/b\r\nREST 99\r\nRETR hello.txt\r\nRMD /\r\n"))
	f.Add([]byte("USER demo\r\nPASS " + Password + "\r\nEPRT ||||\r\nPORT 1,2,3\r\nEPRT |1|127.0.0.1|99999|\r\nCWD ..\r\nAPPE /\r\nSTOR \r\nLIST -\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := start(t, Fault{})
		w := dial(t, s)
		w.conn.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			w.conn.Write(data)
			w.conn.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(io.Discard, w.conn)
		s.Close()
	})
}
