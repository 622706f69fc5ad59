package sshwire_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/sshwire"
)

// keyFiles are private keys without a passphrase, by format.
func keyFiles(t testing.TB) map[string][]byte {
	t.Helper()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"PEM RSA": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})}
	for name, key := range map[string]any{"OpenSSH ed25519": edwards, "OpenSSH RSA": rsaKey, "OpenSSH ECDSA": curve} {
		block, err := ssh.MarshalPrivateKey(key, "a comment")
		if err != nil {
			t.Fatal(err)
		}
		files[name] = pem.EncodeToMemory(block)
	}
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	files["PKCS8 RSA"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if der, err = x509.MarshalECPrivateKey(curve); err != nil {
		t.Fatal(err)
	}
	files["PEM EC"] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return files
}

func TestInspectPrivateKeys(t *testing.T) {
	kinds := map[string]struct {
		format  sshwire.KeyFormat
		kind    string
		comment string
	}{
		"OpenSSH ed25519": {sshwire.FormatOpenSSH, "ssh-ed25519", "a comment"},
		"OpenSSH RSA":     {sshwire.FormatOpenSSH, "ssh-rsa", "a comment"},
		"OpenSSH ECDSA":   {sshwire.FormatOpenSSH, "ecdsa-sha2-nistp384", "a comment"},
		"PEM RSA":         {sshwire.FormatPEM, "ssh-rsa", ""},
		"PEM EC":          {sshwire.FormatPEM, "ecdsa-sha2-nistp384", ""},
		"PKCS8 RSA":       {sshwire.FormatPKCS8, "ssh-rsa", ""},
	}
	for name, data := range keyFiles(t) {
		want, got := kinds[name], sshwire.Inspect(data)
		if got.Format != want.format || got.Type != want.kind || got.Comment != want.comment || got.Encrypted || got.Problem != "" {
			t.Errorf("%s: %+v", name, got)
		}
		signer, err := ssh.ParsePrivateKey(data)
		if err != nil {
			t.Fatal(err)
		}
		if got.Public == nil || !bytes.Equal(got.Public.Marshal(), signer.PublicKey().Marshal()) {
			t.Errorf("%s: the public half is another", name)
		}
	}
}

func TestInspectEncrypted(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "a comment", []byte(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	got := sshwire.Inspect(pem.EncodeToMemory(block))
	if !got.Encrypted || got.Format != sshwire.FormatOpenSSH || got.Cipher != "aes256-ctr" || got.Type != "ssh-ed25519" || got.Problem != "" || got.Comment != "" {
		t.Errorf("%+v", got)
	}
	if got.Public == nil || sshwire.Fingerprint(got.Public.Marshal()) != sshwire.Fingerprint(public.Marshal()) {
		t.Error("the public half is readable without the passphrase, and is another")
	}

	old := &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: make([]byte, 64)}
	got = sshwire.Inspect(pem.EncodeToMemory(old))
	if !got.Encrypted || got.Format != sshwire.FormatPEM || got.Cipher != "AES-128-CBC" || got.Type != "ssh-rsa" || got.Problem != "" || got.Public != nil {
		t.Errorf("%+v", got)
	}
	got = sshwire.Inspect(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 3, 2, 1, 0}}))
	if !got.Encrypted || got.Format != sshwire.FormatPKCS8 || got.Type != "" || got.Problem != "" {
		t.Errorf("%+v", got)
	}
}

// damages are what happens to key files on their way, and what it is called.
var damages = []struct {
	name    string
	do      func([]byte) []byte
	openSSH sshwire.KeyProblem // of a file in OpenSSH's format
	pem     sshwire.KeyProblem // of one in PEM
}{
	{"none", func(b []byte) []byte { return b }, "", ""},
	{"Windows' ends of lines", replace("\n", "\r\n"), sshwire.KeyCRLF, ""},
	{"no final newline", func(b []byte) []byte { return bytes.TrimSpace(b) }, sshwire.KeyNoNewline, ""},
	{"byte order mark", before("\uFEFF"), sshwire.KeyByteOrder, ""},
	{"UTF-16", inUTF16, sshwire.KeyUTF16, sshwire.KeyUTF16},
	{"text before", before("my key:\n"), sshwire.KeyTextBefore, ""},
	{"an empty line before", before("\n"), sshwire.KeyTextBefore, ""},
	{"text after", func(b []byte) []byte { return append(bytes.Clone(b), "the end\n"...) }, "", ""},
	{"indented", func(b []byte) []byte { return replace("\n", "\n  ")(before("  ")(b)) }, sshwire.KeySpaces, sshwire.KeySpaces},
	{"spaces at the ends of lines", replace("\n", " \n"), sshwire.KeySpaces, ""},
	{"on one line", replace("\n", " "), sshwire.KeyLinesLost, sshwire.KeyLinesLost},
	{"Macintosh's ends of lines", replace("\n", "\r"), sshwire.KeyLinesLost, sshwire.KeyLinesLost},
	{"escaped", replace("\n", `\n`), sshwire.KeyEscaped, sshwire.KeyEscaped},
	{"cut in half", func(b []byte) []byte { return b[:len(b)/2] }, sshwire.KeyTruncated, sshwire.KeyTruncated},
	{"without the last line", func(b []byte) []byte { return b[:bytes.Index(b, []byte("-----END"))] }, sshwire.KeyTruncated, sshwire.KeyTruncated},
	{"a strange character", func(b []byte) []byte { return slices.Concat(b[:100], []byte("%"), b[101:]) }, sshwire.KeyDamaged, sshwire.KeyDamaged},
}

func replace(from, to string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) }
}

func before(text string) func([]byte) []byte {
	return func(b []byte) []byte { return append([]byte(text), b...) }
}

func inUTF16(b []byte) []byte {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func TestInspectDamaged(t *testing.T) {
	for name, data := range keyFiles(t) {
		for _, d := range damages {
			want := d.pem
			if strings.HasPrefix(name, "OpenSSH") {
				want = d.openSSH
			}
			got := sshwire.Inspect(d.do(data))
			if got.Problem != want {
				t.Errorf("%s, %s: %q, want %q", name, d.name, got.Problem, want)
			}
			if got.Format != sshwire.Inspect(data).Format {
				t.Errorf("%s, %s: taken for %q", name, d.name, got.Format)
			}
		}
	}
}

// What OpenSSH's own reader can use is what has no problem.
func TestInspectAgainstSSHKeygen(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	dir := t.TempDir()
	files := keyFiles(t)
	for _, name := range []string{"OpenSSH ed25519", "PEM RSA", "PEM EC", "PKCS8 RSA"} {
		data := files[name]
		for i, d := range damages {
			file := filepath.Join(dir, fmt.Sprint(strings.ReplaceAll(name, " ", "-"), i))
			damaged := d.do(data)
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), program, "-y", "-P", "", "-f", file).Output()
			got := sshwire.Inspect(damaged)
			if (err == nil) != (got.Problem == "") {
				t.Errorf("%s, %s: ssh-keygen: %v, ours: %q", name, d.name, err, got.Problem)
			}
			if err != nil || got.Public == nil {
				continue
			}
			if want := strings.Fields(string(out)); authorized(got.Public) != want[0]+" "+want[1] {
				t.Errorf("%s, %s: the public half is another", name, d.name)
			}
		}
	}
}

func TestInspectOthers(t *testing.T) {
	s := newKnownServer(t)
	for _, test := range []struct {
		name, data string
		format     sshwire.KeyFormat
		kind       string
		problem    sshwire.KeyProblem
		public     bool
		encrypted  bool
	}{
		{name: "nothing", problem: sshwire.KeyEmpty},
		{name: "empty lines", data: " \r\n\n", problem: sshwire.KeyEmpty},
		{name: "zeros, after a crash", data: strings.Repeat("\x00", 400), problem: sshwire.KeyEmpty},
		{name: "a password", data: "hello\n", problem: sshwire.KeyNotAKey},
		{name: "a web page", data: "<html>404</html>", problem: sshwire.KeyNotAKey},
		{name: "public", data: authorized(s.other) + " me@here\n", format: sshwire.FormatPublic, kind: "ssh-ed25519", problem: sshwire.KeyIsPublic, public: true},
		{name: "certificate", data: authorized(s.certs["good"]), format: sshwire.FormatCertificate, kind: "ssh-ed25519-cert-v01@openssh.com", problem: sshwire.KeyIsPublic, public: true},
		{name: "RFC 4716", data: publicSSH2, format: sshwire.FormatPublicSSH2, kind: "ssh-ed25519", problem: sshwire.KeyIsPublic, public: true},
		{name: "RFC 4716, cut", data: publicSSH2[:120], format: sshwire.FormatPublicSSH2, problem: sshwire.KeyTruncated},
		{name: "PEM public", data: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", format: sshwire.FormatPublicPEM, problem: sshwire.KeyIsPublic},
		{name: "X.509", data: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", format: sshwire.FormatX509, problem: sshwire.KeyIsPublic},
		{name: "PKCS #12", data: "\x30\x82\x09\x99\x02\x01\x03", format: sshwire.FormatDER, problem: sshwire.KeyForeign},
		{name: "PPK 2", data: ppk2, format: sshwire.FormatPPK2, kind: "ssh-ed25519", problem: sshwire.KeyForeign, public: true},
		{name: "PPK 3", data: strings.ReplaceAll(ppk3, "\n", "\r\n"), format: sshwire.FormatPPK3, kind: "ssh-ed25519", problem: sshwire.KeyForeign, public: true, encrypted: true},
		{name: "PPK 3, cut", data: ppk3[:strings.Index(ppk3, "Private-MAC")], format: sshwire.FormatPPK3, kind: "ssh-ed25519", problem: sshwire.KeyTruncated, public: true, encrypted: true},
		{name: "PPK that counts too many", data: "PuTTY-User-Key-File-3: x\nPublic-Lines: 999999999\n", format: sshwire.FormatPPK3, kind: "x", problem: sshwire.KeyTruncated},
		{name: "ssh.com", data: "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n", format: sshwire.FormatSSH2, problem: sshwire.KeyForeign},
		{name: "protocol 1", data: "SSH PRIVATE KEY FILE FORMAT 1.1\n\x00", format: sshwire.FormatSSH1, problem: sshwire.KeyUnsupported},
		{name: "parameters before the key", data: "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n" + string(keyFiles(t)["PEM EC"]), format: sshwire.FormatPEM, kind: "ecdsa-sha2-nistp384", public: true},
		{name: "no OpenSSH in it", data: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", format: sshwire.FormatOpenSSH, problem: sshwire.KeyDamaged},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := sshwire.Inspect([]byte(test.data))
			if got.Format != test.format || got.Type != test.kind || got.Problem != test.problem || got.Encrypted != test.encrypted || (got.Public != nil) != test.public {
				t.Errorf("%+v", got)
			}
		})
	}
	if got := sshwire.Inspect([]byte(ppk3)); got.Comment != "made for a test" || got.Cipher != "aes256-cbc" || sshwire.Fingerprint(got.Public.Marshal()) != sshwire.Fingerprint(sshwire.Inspect([]byte(ppk2)).Public.Marshal()) {
		t.Errorf("two files of one key: %+v", got)
	}
}

// FuzzInspect: whatever the file is, no panic, and no secret in what is said.
func FuzzInspect(f *testing.F) {
	for _, data := range keyFiles(f) {
		for _, d := range damages {
			f.Add(d.do(data))
		}
	}
	for _, text := range []string{ppk2, ppk3, publicSSH2, "PuTTY-User-Key-File-2: x\nPrivate-Lines: -1\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k := sshwire.Inspect(data)
		if len(k.Comment) > 256 || len(k.Type) > 256 {
			t.Errorf("not bounded: %d and %d bytes", len(k.Comment), len(k.Type))
		}
		if k.Problem == "" && k.Format == "" {
			t.Error("neither a format nor a problem")
		}
	})
}

// One key, made for this test by puttygen 0.78 and used nowhere: with a
// passphrase, without one, and its public half.
const (
	ppk3 = `PuTTY-User-Key-File-3: ssh-ed25519
Encryption: aes256-cbc
Comment: made for a test
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAICSnGdmfDk76pwkvOyjy/ydBup4p73D41IkRVtG4
uPLd
Key-Derivation: Argon2id
Argon2-Memory: 64
Argon2-Passes: 1
Argon2-Parallelism: 1
Argon2-Salt: 4a91b3ad76cbc6638493e3e2888d988b
Private-Lines: 1
pPN4YKSvtzw1FGOl+k6VBitAMf45fEIsXSnH1wO4PMaO+Xct4/gF5tnhy+Ntyr/Z
Private-MAC: aac643807a71121fad898869b87d9416f7a201bfd12a70bcbe4d2ae0fd2c9494
`
	ppk2 = `PuTTY-User-Key-File-2: ssh-ed25519
Encryption: none
Comment: made for a test
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAICSnGdmfDk76pwkvOyjy/ydBup4p73D41IkRVtG4
uPLd
Private-Lines: 1
AAAAIHleJZ3H0tQJCQmQfcL2mFfEpSCm59m4OgYOF+eB6fbr
Private-MAC: 4682274e7ad3843224c99f530d19a229519eac01
`
	publicSSH2 = `---- BEGIN SSH2 PUBLIC KEY ----
Comment: "made for a test"
AAAAC3NzaC1lZDI1NTE5AAAAICSnGdmfDk76pwkvOyjy/ydBup4p73D41IkRVtG4
uPLd
---- END SSH2 PUBLIC KEY ----
`
)
