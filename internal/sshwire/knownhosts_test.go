package sshwire_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"ftpdoctor/internal/sshwire"
)

func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newECDSA(t testing.TB) ssh.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// certify signs a host certificate for the name, until a time in Unix seconds.
func certify(t testing.TB, key ssh.PublicKey, authority ssh.Signer, name string, until uint64) *ssh.Certificate {
	t.Helper()
	cert := &ssh.Certificate{Key: key, CertType: ssh.HostCert, ValidPrincipals: []string{name}, ValidBefore: until}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return cert
}

// authorized writes a key as known_hosts has it.
func authorized(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// knownCase is a known_hosts file in which words are replaced: KEY, OTHER
// (another key of the same type), TYPE (a key of another type), CA, HASH (the
// name with its port, hashed), NAME (with its port).
type knownCase struct {
	name, text string
	want       sshwire.HostKeyStatus
	line       int
	sameType   bool
	broken     []int
	cert       string // the server shows this certificate of the CA: see certificates
}

// certificates are for these names, until these times.
var certificates = map[string]struct {
	name  string
	until uint64
}{
	"good":     {"127.0.0.1", ssh.CertTimeInfinity},
	"wildcard": {"127.*", ssh.CertTimeInfinity},
	"other":    {"other.example.com", ssh.CertTimeInfinity},
	"expired":  {"127.0.0.1", 1_000_000_000},
}

// linesOf are the lines of a file.
func linesOf(file, text string) (out []sshwire.KnownLine) {
	for line := range strings.Lines(text) {
		out = append(out, sshwire.KnownLine{File: file, N: len(out) + 1, Text: strings.TrimRight(line, "\r\n")})
	}
	return out
}

var knownCases = []knownCase{
	{name: "empty", want: sshwire.HostKeyUnknown},
	{name: "plain", text: "# a comment\n\nNAME KEY a comment\n", want: sshwire.HostKeyKnown, line: 3},
	{name: "Windows' ends of lines", text: "other KEY\r\nNAME KEY\r\n", want: sshwire.HostKeyKnown, line: 2},
	{name: "hashed", text: "HASH KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "another key", text: "NAME OTHER\n", want: sshwire.HostKeyChanged, line: 1, sameType: true},
	{name: "another key, hashed", text: "other KEY\nHASH OTHER\n", want: sshwire.HostKeyChanged, line: 2, sameType: true},
	{name: "another type", text: "NAME TYPE\n", want: sshwire.HostKeyChanged, line: 1},
	{name: "another key and another type", text: "NAME TYPE\nNAME OTHER\n", want: sshwire.HostKeyChanged, line: 2, sameType: true},
	{name: "several, one is right", text: "NAME TYPE\nNAME OTHER\nNAME KEY\n", want: sshwire.HostKeyKnown, line: 3},
	{name: "for another host", text: "other.example.com KEY\n", want: sshwire.HostKeyUnknown},
	{name: "list", text: "other.example.com,NAME KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "wildcard", text: "[127.*.?]:* KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "wildcard, and not this one", text: "[*]:*,!NAME KEY\n", want: sshwire.HostKeyUnknown},
	{name: "revoked", text: "NAME KEY\n@revoked * KEY\n", want: sshwire.HostKeyRevoked, line: 2},
	{name: "another one revoked", text: "@revoked * OTHER\nNAME KEY\n", want: sshwire.HostKeyKnown, line: 2},
	{name: "without the port", text: "127.0.0.1 KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "another without the port", text: "127.0.0.1 OTHER\n", want: sshwire.HostKeyUnknown},
	{name: "revoked without the port", text: "@revoked 127.0.0.1 KEY\n", want: sshwire.HostKeyUnknown},
	{name: "known, revoked without the port", text: "NAME KEY\n@revoked 127.0.0.1 KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "another with the port, the right one without", text: "NAME OTHER\n127.0.0.1 KEY\n", want: sshwire.HostKeyChanged, line: 1, sameType: true},
	{name: "hashed without the port", text: "BARE KEY\n", want: sshwire.HostKeyKnown, line: 1},
	{name: "another type without the port", text: "127.0.0.1 TYPE\n", want: sshwire.HostKeyUnknown},
	{name: "an authority, and no certificate", text: "@cert-authority NAME CA\n", want: sshwire.HostKeyUnknown},
	{
		name: "broken lines", text: "NAME\nNAME ssh-ed25519\nNAME ssh-ed25519 AAAA\n|1|x|y KEY\n@else NAME KEY\nNAME 1024 35 12345\nNAME KEY\n",
		want: sshwire.HostKeyKnown, line: 7, broken: []int{1, 2, 3, 5, 6}, // whose the hash is cannot be told
	},
	{name: "PowerShell's UTF-16", text: "\xFF\xFE1\x002\x007\x00.\x000\x00.\x000\x00.\x001\x00 \x00k\x00", want: sshwire.HostKeyUnknown, broken: []int{1}},
	{name: "byte order mark", text: "\uFEFFNAME KEY\n", want: sshwire.HostKeyUnknown, broken: []int{1}},

	{name: "certificate", text: "@cert-authority [127.0.0.*]:* CA\n", want: sshwire.HostKeyByAuthority, line: 1, cert: "good"},
	{name: "certificate of a stranger", text: "@cert-authority NAME OTHER\n", want: sshwire.HostKeyUnknown, cert: "good"},
	{name: "certificate, its key known", text: "NAME KEY\n", want: sshwire.HostKeyKnown, line: 1, cert: "good"},
	{name: "certificate, another key known", text: "NAME OTHER\n", want: sshwire.HostKeyChanged, line: 1, sameType: true, cert: "good"},
	{name: "certificate by a wildcard", text: "@cert-authority NAME CA\n", want: sshwire.HostKeyUnknown, cert: "wildcard"},
	{name: "certificate for another", text: "@cert-authority NAME CA\n", want: sshwire.HostKeyUnknown, cert: "other"},
	{name: "certificate for another, its key known", text: "@cert-authority NAME CA\nNAME KEY\n", want: sshwire.HostKeyKnown, line: 2, cert: "other"},
	{name: "certificate has expired", text: "@cert-authority NAME CA\n", want: sshwire.HostKeyUnknown, cert: "expired"},
	{name: "certificate has expired, another key known", text: "@cert-authority NAME CA\nNAME OTHER\n", want: sshwire.HostKeyChanged, line: 2, sameType: true, cert: "expired"},
	{name: "certificate, authority without the port", text: "@cert-authority 127.0.0.1 CA\n", want: sshwire.HostKeyByAuthority, line: 1, cert: "good"},
	{name: "authority revoked", text: "@cert-authority NAME CA\n@revoked * CA\n", want: sshwire.HostKeyRevoked, line: 2, cert: "good"},
}

// knownServer is a server for the cases, with or without a certificate.
type knownServer struct {
	key, authority ssh.Signer
	certs          map[string]*ssh.Certificate
	other, kind    ssh.PublicKey
}

func newKnownServer(t testing.TB) knownServer {
	s := knownServer{key: newKey(t), authority: newKey(t), other: newKey(t).PublicKey(), kind: newECDSA(t).PublicKey(), certs: map[string]*ssh.Certificate{}}
	for name, c := range certificates {
		s.certs[name] = certify(t, s.key.PublicKey(), s.authority, c.name, c.until)
	}
	return s
}

func (s knownServer) text(format string, port int) string {
	name := fmt.Sprintf("[127.0.0.1]:%d", port)
	return strings.NewReplacer("KEY", authorized(s.key.PublicKey()), "OTHER", authorized(s.other), "TYPE", authorized(s.kind), "BARE", knownhosts.HashHostname("127.0.0.1"),
		"CA", authorized(s.authority.PublicKey()), "HASH", knownhosts.HashHostname(name), "NAME", name).Replace(format)
}

// shown is the key or certificate that the server of a case shows.
func (s knownServer) shown(c knownCase) []byte {
	if cert := s.certs[c.cert]; cert != nil {
		return cert.Marshal()
	}
	return s.key.PublicKey().Marshal()
}

func TestLookup(t *testing.T) {
	s := newKnownServer(t)
	for _, test := range knownCases {
		t.Run(test.name, func(t *testing.T) {
			v := sshwire.Lookup(linesOf("file", s.text(test.text, 2222)), "127.0.0.1", 2222, s.shown(test), time.Now())
			if v.Status != test.want || v.By.N != test.line || v.SameType != test.sameType {
				t.Errorf("got %s, line %d, same type %v; want %s, line %d, %v", v.Status, v.By.N, v.SameType, test.want, test.line, test.sameType)
			}
			if test.line > 0 && v.By.Where() != fmt.Sprintf("file:%d", test.line) {
				t.Errorf("decided by %s", v.By.Where())
			}
			if want := test.cert != "" && test.want != sshwire.HostKeyByAuthority && test.want != sshwire.HostKeyRevoked; (v.BadCertificate != "") != want {
				t.Errorf("bad certificate: %q", v.BadCertificate)
			}
			var broken []int
			for _, b := range v.Broken {
				if broken = append(broken, b.N); b.Why == "" || b.File != "file" {
					t.Errorf("no reason or file: %+v", b)
				}
			}
			if diff := cmp.Diff(test.broken, broken); diff != "" {
				t.Errorf("broken lines (-want +got):\n%s", diff)
			}
		})
	}
}

// What ssh does with the same files and the same server.
func TestLookupAgainstSSH(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("ssh is not installed")
	}
	s := newKnownServer(t)
	ports := map[string]int{"": keyServer(t, s.key)}
	for name, cert := range s.certs {
		certified, err := ssh.NewCertSigner(cert, s.key)
		if err != nil {
			t.Fatal(err)
		}
		ports[name] = keyServer(t, s.key, certified)
	}
	says := map[string]sshwire.HostKeyStatus{
		"IDENTIFICATION HAS CHANGED": sshwire.HostKeyChanged, "REVOKED HOST KEY": sshwire.HostKeyRevoked, "host key is known for": sshwire.HostKeyUnknown,
		"matches the ED25519 host key": sshwire.HostKeyKnown, "matches the ED25519-CERT host certificate": sshwire.HostKeyByAuthority,
	}
	for _, test := range knownCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port, algorithm := ports[test.cert], "ssh-ed25519"
			if test.cert != "" {
				algorithm = "ssh-ed25519-cert-v01@openssh.com"
			}
			file := filepath.Join(t.TempDir(), "known_hosts")
			if err := os.WriteFile(file, []byte(s.text(test.text, port)), 0o600); err != nil {
				t.Fatal(err)
			}
			// It cannot log in; what it says before is what counts.
			out, _ := exec.CommandContext(t.Context(), program, "-v", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
				"-o", "UserKnownHostsFile="+file, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlgorithms="+algorithm,
				"-o", "IdentityFile=none", "-p", strconv.Itoa(port), "nobody@127.0.0.1").CombinedOutput()
			got := sshwire.HostKeyStatus("")
			// A certificate that is not good is followed by the plain key, and a name with
			// a port by the one without, whose failure then counts for nothing.
			if at := strings.LastIndex(string(out), "Retry with plain key"); at >= 0 {
				out = out[at:]
			}
			if before, _, found := strings.Cut(string(out), "checking without port identifier"); found && !strings.Contains(string(out), "found matching key w/out port") {
				out = append([]byte(before), "host key is known for"...)
			}
			for words, status := range says {
				if strings.Contains(string(out), words) {
					got = status
				}
			}
			if got != test.want {
				t.Errorf("ssh: %q, ours %q\n%s", got, test.want, out)
			}
		})
	}
}

// keyServer serves key exchanges with these keys and lets nobody log in.
func keyServer(t *testing.T, keys ...ssh.Signer) (port int) {
	t.Helper()
	config := &ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
		return nil, fmt.Errorf("nobody may")
	}}
	for _, key := range keys {
		config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _, _, _ = ssh.NewServerConn(c, config) // nobody gets in
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestLookupReadsSeveralFiles(t *testing.T) {
	s := newKnownServer(t)
	lines := slices.Concat(linesOf("a", s.text("ftp.example.com TYPE\n", 22)), linesOf("b", s.text("x KEY\nFtp.Example.com KEY\n", 22)))
	v := sshwire.Lookup(lines, "FTP.example.com", 22, s.shown(knownCase{}), time.Now())
	if v.Status != sshwire.HostKeyKnown || v.By.Where() != "b:2" || v.By.Type != "ssh-ed25519" || v.By.Fingerprint != sshwire.Fingerprint(s.shown(knownCase{})) {
		t.Errorf("%+v", v)
	}
}

func TestForHost(t *testing.T) {
	s := newKnownServer(t)
	for line, want := range map[string]bool{
		"NAME KEY": true, "HASH KEY": true, "127.0.0.1 KEY": true, "BARE KEY": true, "@revoked * KEY": true, "NAME": true, "\uFEFFNAME KEY": true,
		"\x001\x002\x007\x00.\x000\x00.\x000\x00.\x001\x00 \x00": true,
		"": false, "# NAME KEY": false, "127.0.0.2 KEY": false, "[127.0.0.1]:22 KEY": false, "|1|x|y KEY": false, "@revoked": false,
	} {
		if got := sshwire.ForHost(s.text(line, 2222), "127.0.0.1", 2222); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

// preferredCases are known_hosts files, and the algorithms to be asked for
// first; then the type of the key that ssh gets from a server with two.
var preferredCases = []struct{ text, want, gets string }{
	{"", "", "ssh-ed25519"},
	{"NAME KEY\n", "ssh-ed25519", "ssh-ed25519"},
	{"NAME TYPE\n", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
	{"HASH TYPE\nNAME KEY\n", "ssh-ed25519 ecdsa-sha2-nistp256", "ssh-ed25519"},
	{"127.0.0.1 TYPE\n", "", "ssh-ed25519"},
	{"@revoked NAME TYPE\nx OTHER\n", "", "ssh-ed25519"},
	{"NAME ssh-rsa " + rsaBlob + "\nNAME TYPE\n", "ecdsa-sha2-nistp256 rsa-sha2-512 rsa-sha2-256", "ecdsa-sha2-nistp256"},
}

func TestPreferredHostKeys(t *testing.T) {
	s := newKnownServer(t)
	for _, test := range preferredCases {
		got := sshwire.PreferredHostKeys(linesOf("file", s.text(test.text, 2022)), "127.0.0.1", 2022)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
	got := sshwire.PreferredHostKeys(linesOf("file", s.text("127.0.0.1 TYPE\n@cert-authority * CA\n", 22)), "127.0.0.1", 22)
	if !strings.Contains(got[0], "-cert-") || got[len(got)-1] != "ecdsa-sha2-nistp256" {
		t.Errorf("an authority for all: %q", got)
	}
}

// What ssh asks for, with the same files.
func TestPreferredHostKeysAgainstSSH(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("ssh is not installed")
	}
	s := newKnownServer(t)
	port := keyServer(t, s.key, newECDSA(t))
	for _, test := range preferredCases {
		file := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(file, []byte(s.text(test.text, port)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.CommandContext(t.Context(), program, "-v", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
			"-o", "UserKnownHostsFile="+file, "-o", "GlobalKnownHostsFile=/dev/null", "-p", strconv.Itoa(port), "nobody@127.0.0.1").CombinedOutput()
		if !strings.Contains(string(out), "Server host key: "+test.gets) {
			t.Errorf("%q: not %s\n%s", test.text, test.gets, out)
		}
	}
}

// rsaBlob is an RSA key of 1024 bits, made for this test.
var rsaBlob = base64.StdEncoding.EncodeToString(slices.Concat(str("ssh-rsa"), str("\x01\x00\x01"), str("\x00"+strings.Repeat("\xC7", 128))))

func TestFingerprint(t *testing.T) {
	// As ssh-keygen -l prints it.
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEb4aCzgCY1yATTxXbKu7WlW0tOd4k7bHGAsJdDNpTGY"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sshwire.Fingerprint(key.Marshal()); got != "SHA256:kuk/s35TSuoYGIQlQWoMsKAFRuOuLsoIRMC94dvk84I" {
		t.Errorf("SHA-256: %s", got)
	}
	s := newKnownServer(t)
	if sshwire.Fingerprint(s.certs["good"].Marshal()) != sshwire.Fingerprint(s.key.PublicKey().Marshal()) {
		t.Error("the fingerprint of a certificate is not that of its key")
	}
	if got := sshwire.KeyType(s.certs["good"].Marshal()); got != "ssh-ed25519-cert-v01@openssh.com" {
		t.Errorf("type %s", got)
	}
}

// FuzzLookup: whatever stands in the file, it is read in good time, and what is
// said of a line is true.
func FuzzLookup(f *testing.F) {
	s := newKnownServer(f)
	for _, c := range knownCases {
		f.Add(s.text(c.text, 2222), "127.0.0.1")
	}
	f.Add(strings.Repeat("*", 60)+"a ssh-rsa AAAA", strings.Repeat("b", 250))
	f.Fuzz(func(t *testing.T, text, host string) {
		if len(text) > 8192 || len(host) > 253 {
			return
		}
		begun := time.Now()
		lines := linesOf("f", text)
		v := sshwire.Lookup(lines, host, 2222, s.certs["good"].Marshal(), begun)
		sshwire.PreferredHostKeys(lines, host, 2222)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		if (v.Status == sshwire.HostKeyUnknown) == (v.By.N > 0) || v.By.N > len(lines) {
			t.Errorf("%s by line %d", v.Status, v.By.N)
		}
		if v.Status == sshwire.HostKeyKnown && !strings.Contains(text, strings.Fields(authorized(s.key.PublicKey()))[1]) {
			t.Error("known without the key in the file")
		}
	})
}
