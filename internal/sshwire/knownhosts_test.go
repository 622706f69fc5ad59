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

func newECDSA(t testing.TB) ssh.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// certify signs a host certificate for the name.
func certify(t testing.TB, key ssh.PublicKey, authority ssh.Signer, name string) *ssh.Certificate {
	t.Helper()
	cert := &ssh.Certificate{Key: key, CertType: ssh.HostCert, ValidPrincipals: []string{name}, ValidBefore: ssh.CertTimeInfinity}
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
	cert       bool // the server shows a certificate of the CA
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
	{name: "an authority, and no certificate", text: "@cert-authority NAME CA\n", want: sshwire.HostKeyUnknown},
	{
		name: "broken lines", text: "NAME\nNAME ssh-ed25519\nNAME ssh-ed25519 AAAA\n|1|x|y KEY\n@else NAME KEY\nNAME 1024 35 12345\nNAME KEY\n",
		want: sshwire.HostKeyKnown, line: 7, broken: []int{1, 2, 3, 4, 5, 6},
	},
	{name: "PowerShell's UTF-16", text: "\xFF\xFEN\x00A\x00M\x00E\x00", want: sshwire.HostKeyUnknown, broken: []int{1}},
	{name: "byte order mark", text: "\uFEFFNAME KEY\n", want: sshwire.HostKeyUnknown, broken: []int{1}},

	{name: "certificate", text: "@cert-authority [127.0.0.*]:* CA\n", want: sshwire.HostKeyByAuthority, line: 1, cert: true},
	{name: "certificate of a stranger", text: "@cert-authority NAME OTHER\n", want: sshwire.HostKeyUnknown, cert: true},
	{name: "certificate, its key known", text: "NAME KEY\n", want: sshwire.HostKeyKnown, line: 1, cert: true},
	{name: "certificate, another key known", text: "NAME OTHER\n", want: sshwire.HostKeyChanged, line: 1, sameType: true, cert: true},
	{name: "authority revoked", text: "@cert-authority NAME CA\n@revoked * CA\n", want: sshwire.HostKeyRevoked, line: 2, cert: true},
}

// knownServer is a server for the cases, with or without a certificate.
type knownServer struct {
	key, authority ssh.Signer
	cert           *ssh.Certificate
	other, kind    ssh.PublicKey
}

func newKnownServer(t testing.TB) knownServer {
	s := knownServer{key: newKey(t), authority: newKey(t), other: newKey(t).PublicKey(), kind: newECDSA(t)}
	s.cert = certify(t, s.key.PublicKey(), s.authority, "127.0.0.1")
	return s
}

func (s knownServer) text(format string, port int) string {
	name := fmt.Sprintf("[127.0.0.1]:%d", port)
	return strings.NewReplacer("KEY", authorized(s.key.PublicKey()), "OTHER", authorized(s.other), "TYPE", authorized(s.kind),
		"CA", authorized(s.authority.PublicKey()), "HASH", knownhosts.HashHostname(name), "NAME", name).Replace(format)
}

func TestLookup(t *testing.T) {
	s := newKnownServer(t)
	for _, test := range knownCases {
		t.Run(test.name, func(t *testing.T) {
			shown := s.key.PublicKey()
			if test.cert {
				shown = s.cert
			}
			v := sshwire.Lookup([]sshwire.KnownHostsFile{{Name: "file", Text: s.text(test.text, 2222)}}, "127.0.0.1", 2222, nil, shown)
			if v.Status != test.want || v.Line != test.line || v.SameType != test.sameType {
				t.Errorf("got %s, line %d, same type %v; want %s, line %d, %v", v.Status, v.Line, v.SameType, test.want, test.line, test.sameType)
			}
			if (v.File == "file") != (test.line > 0) {
				t.Errorf("line %d of file %q", v.Line, v.File)
			}
			var broken []int
			for _, b := range v.BrokenLines {
				if broken = append(broken, b.Line); b.Why == "" || b.File != "file" {
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
	certified, err := ssh.NewCertSigner(s.cert, s.key)
	if err != nil {
		t.Fatal(err)
	}
	plainPort, certPort := keyServer(t, s.key), keyServer(t, s.key, certified)
	says := map[string]sshwire.HostKeyStatus{
		"IDENTIFICATION HAS CHANGED": sshwire.HostKeyChanged, "REVOKED HOST KEY": sshwire.HostKeyRevoked, "host key is known for": sshwire.HostKeyUnknown,
		"matches the ED25519 host key": sshwire.HostKeyKnown, "matches the ED25519-CERT host certificate": sshwire.HostKeyByAuthority,
	}
	for _, test := range knownCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port, algorithm := plainPort, "ssh-ed25519"
			if test.cert {
				port, algorithm = certPort, "ssh-ed25519-cert-v01@openssh.com"
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

func TestLookupSaysWhereElse(t *testing.T) {
	s := newKnownServer(t)
	text := strings.NewReplacer("KEY", authorized(s.key.PublicKey()), "OTHER", authorized(s.other)).Replace(
		"192.0.2.7 OTHER\nold.example.com,192.0.2.9 KEY\nFtp.Example.com KEY\n")
	v := sshwire.Lookup([]sshwire.KnownHostsFile{{Name: "a", Text: ""}, {Name: "b", Text: text}}, "FTP.example.com", 22, []string{"192.0.2.7"}, s.key.PublicKey())
	if v.Status != sshwire.HostKeyKnown || v.File != "b" || v.Line != 3 || len(v.Known) != 1 {
		t.Errorf("%+v", v)
	}
	if len(v.AtAddress) != 1 || v.AtAddress[0].Line != 1 || v.AtAddress[0].Fingerprint != sshwire.Fingerprint(s.other) {
		t.Errorf("at the address: %+v", v.AtAddress)
	}
	if len(v.Elsewhere) != 1 || v.Elsewhere[0].Hosts != "old.example.com,192.0.2.9" || v.Elsewhere[0].Type != "ssh-ed25519" {
		t.Errorf("elsewhere: %+v", v.Elsewhere)
	}
}

func TestPreferredHostKeys(t *testing.T) {
	s := newKnownServer(t)
	for text, want := range map[string]string{
		"":                             "",
		"NAME KEY\n":                   "ssh-ed25519",
		"HASH TYPE\nNAME KEY\n":        "ecdsa-sha2-nistp256 ssh-ed25519",
		"127.0.0.1 KEY\n":              "ssh-ed25519",
		"@revoked NAME KEY\nx OTHER\n": "",
		"NAME ssh-rsa " + rsaBlob + "\nNAME KEY\n": "rsa-sha2-512 rsa-sha2-256 ssh-rsa ssh-ed25519",
	} {
		got := sshwire.PreferredHostKeys([]sshwire.KnownHostsFile{{Text: s.text(text, 2022)}}, "127.0.0.1", 2022)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	files := []sshwire.KnownHostsFile{{Text: s.text("NAME KEY\n@cert-authority * CA\n", 22)}}
	got := sshwire.PreferredHostKeys(files, "127.0.0.1", 22)
	if !strings.Contains(got[0], "-cert-") || slices.Contains(got, "ssh-ed25519") {
		t.Errorf("an authority for all: %q", got) // the name with port 22 in brackets is none that ssh writes
	}
}

// rsaBlob is an RSA key of 1024 bits, made for this test.
var rsaBlob = base64.StdEncoding.EncodeToString(slices.Concat(str("ssh-rsa"), str("\x01\x00\x01"), str("\x00"+strings.Repeat("\xC7", 128))))

func TestFingerprints(t *testing.T) {
	// As ssh-keygen -l and ssh-keygen -l -E md5 print them.
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEb4aCzgCY1yATTxXbKu7WlW0tOd4k7bHGAsJdDNpTGY"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sshwire.Fingerprint(key); got != "SHA256:kuk/s35TSuoYGIQlQWoMsKAFRuOuLsoIRMC94dvk84I" {
		t.Errorf("SHA-256: %s", got)
	}
	if got := sshwire.FingerprintMD5(key); got != "MD5:2c:dd:ea:90:9b:af:72:41:89:ec:16:bf:81:58:be:8e" {
		t.Errorf("MD5: %s", got)
	}
	s := newKnownServer(t)
	if sshwire.Fingerprint(s.cert) != sshwire.Fingerprint(s.key.PublicKey()) {
		t.Error("the fingerprint of a certificate is not that of its key")
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
		v := sshwire.Lookup([]sshwire.KnownHostsFile{{Name: "f", Text: text}}, host, 2222, []string{"192.0.2.1"}, s.cert)
		sshwire.PreferredHostKeys([]sshwire.KnownHostsFile{{Name: "f", Text: text}}, host, 2222)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		if (v.Status == sshwire.HostKeyUnknown) == (v.Line > 0) || v.Line > strings.Count(text, "\n")+1 {
			t.Errorf("%s by line %d", v.Status, v.Line)
		}
		if v.Status == sshwire.HostKeyKnown && !strings.Contains(text, strings.Fields(authorized(s.key.PublicKey()))[1]) {
			t.Error("known without the key in the file")
		}
	})
}
