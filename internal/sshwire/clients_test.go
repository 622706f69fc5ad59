package sshwire_test

import (
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/sshwire"
)

// capturedBytes are what a real server sent, as hexadecimal in testdata.
func capturedBytes(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func captured(t *testing.T, name string) *sshwire.KEXINIT {
	t.Helper()
	start := sshwire.ParseServerStart(capturedBytes(t, name))
	if start.Err != nil || start.Ident.Software != "OpenSSH_9.2p1" || len(start.Rest) > 0 {
		t.Fatalf("%s: %+v", name, start)
	}
	return start.KEXINIT
}

func client(t *testing.T, name string) sshwire.Client {
	t.Helper()
	i := slices.IndexFunc(sshwire.Clients, func(c sshwire.Client) bool { return strings.HasPrefix(c.Name, name) })
	if i < 0 {
		t.Fatalf("no client %q in the table", name)
	}
	return sshwire.Clients[i]
}

func TestClients(t *testing.T) {
	names := map[string]bool{}
	for _, c := range sshwire.Clients {
		if names[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		names[c.Name] = true
		for _, kind := range []sshwire.Kind{sshwire.KindKEX, sshwire.KindHostKey, sshwire.KindCipher, sshwire.KindMAC, sshwire.KindCompression} {
			offer := c.Offer.Offer(kind)
			if len(offer) == 0 {
				t.Errorf("%s offers no %s", c.Name, kind)
			}
			if sorted := slices.Sorted(slices.Values(offer)); len(slices.Compact(sorted)) != len(offer) {
				t.Errorf("%s offers a %s twice: %q", c.Name, kind, offer)
			}
		}
		if _, missing := sshwire.Negotiate(&c.Offer, &c.Offer); missing != "" {
			t.Errorf("%s has no %s in common with itself", c.Name, missing)
		}
	}
}

// A name that is misspelt in the table would break a client for ever; each must
// be one that some other program offers too, or be excused.
func TestClientsSpelling(t *testing.T) {
	seen := map[string]int{}
	for _, c := range sshwire.Clients {
		for _, kind := range []sshwire.Kind{sshwire.KindKEX, sshwire.KindHostKey, sshwire.KindCipher, sshwire.KindMAC} {
			for _, name := range c.Offer.Offer(kind) {
				seen[name]++
			}
		}
	}
	for _, once := range []string{
		"mlkem768nistp256-sha256", "mlkem1024nistp384-sha384", "umac-64-etm@openssh.com",
		"hmac-ripemd160-etm@openssh.com",
	} {
		delete(seen, once)
	}
	for name, n := range seen {
		if n < 2 {
			t.Errorf("%s is offered by one client only: is it spelt right?", name)
		}
	}
}

// sameOffer compares a client's real KEXINIT with the table.
func sameOffer(t *testing.T, want sshwire.KEXINIT, got *sshwire.KEXINIT) {
	t.Helper()
	got.KEX = got.KeyExchanges()
	ignore := cmpopts.IgnoreFields(sshwire.KEXINIT{}, "Cookie", "CompressionC2S", "CompressionS2C")
	if diff := cmp.Diff(want, *got, ignore); diff != "" {
		t.Errorf("-table +client:\n%s", diff)
	}
}

// clientStart lets a client connect to an address on loopback, and gives what
// it sends first: the formats of both sides are alike.
func clientStart(t *testing.T, connect func(addr string)) *sshwire.KEXINIT {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		connect(listener.Addr().String())
	}()
	c, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := serverStart(t, c)
	c.Close()
	<-connected
	if s.Err != nil {
		t.Fatalf("what the client sent: %v", s.Err)
	}
	return s.KEXINIT
}

func TestGoClientIsAsInTheTable(t *testing.T) {
	got := clientStart(t, func(addr string) {
		// It fails when the test has seen enough.
		_, _ = ssh.Dial("tcp", addr, &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(nil), Timeout: 10 * time.Second})
	})
	sameOffer(t, client(t, "Go x/crypto (rclone").Offer, got)
}

func TestOpenSSHClientIsAsInTheTable(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("ssh is not installed")
	}
	version, err := exec.CommandContext(t.Context(), program, "-V").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(version), "OpenSSH_9.2p1") {
		t.Skipf("the table is compared with 9.2; this is %s", version)
	}
	got := clientStart(t, func(addr string) {
		_, port, _ := net.SplitHostPort(addr)
		// It fails when the test has seen enough.
		_ = exec.CommandContext(t.Context(), program, "-F", "none", "-o", "BatchMode=yes",
			"-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-p", port, "nobody@127.0.0.1").Run()
	})
	if !slices.Contains(got.KEX, "sntrup761x25519-sha512") { // Debian's package has it since a late update
		got.KEX = slices.Insert(got.KEX, 0, "sntrup761x25519-sha512")
	}
	sameOffer(t, client(t, "OpenSSH 9.2").Offer, got)
}

func server(kex, hostKeys, ciphers, macs string) *sshwire.KEXINIT {
	list := func(s string) []string { return strings.Fields(s) }
	return &sshwire.KEXINIT{
		KEX: list(kex), HostKeys: list(hostKeys), CiphersC2S: list(ciphers), CiphersS2C: list(ciphers),
		MACsC2S: list(macs), MACsS2C: list(macs), CompressionC2S: list("none"), CompressionS2C: list("none"),
	}
}

func TestNegotiate(t *testing.T) {
	openssh := client(t, "OpenSSH 9.2").Offer
	got, missing := sshwire.Negotiate(&openssh, captured(t, "openssh-9.2-default.hex"))
	want := sshwire.Algorithms{
		KEX: "sntrup761x25519-sha512", HostKey: "ssh-ed25519", CipherC2S: "chacha20-poly1305@openssh.com",
		CipherS2C: "chacha20-poly1305@openssh.com", CompressionC2S: "none", CompressionS2C: "none",
	}
	if missing != "" {
		t.Errorf("no %s in common", missing)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	gcm := "aes256-gcm@openssh.com"
	for _, test := range []struct {
		name   string
		server *sshwire.KEXINIT
		want   sshwire.Kind
	}{
		{"as usual", server("curve25519-sha256", "ssh-ed25519", "aes128-ctr", "hmac-sha2-256"), ""},
		{"an AEAD needs no MAC", server("curve25519-sha256", "ssh-ed25519", gcm, "hmac-unknown"), ""},
		{"markers are no key exchange", server("ext-info-c kex-strict-s-v00@openssh.com", "ssh-ed25519", gcm, ""), sshwire.KindKEX},
		{"only SHA-1 keys", server("curve25519-sha256", "ssh-rsa ssh-dss", gcm, "hmac-sha1"), sshwire.KindHostKey},
		{"only CBC", server("curve25519-sha256", "ssh-ed25519", "aes256-cbc", "hmac-sha1"), sshwire.KindCipher},
		{"only MD5", server("curve25519-sha256", "ssh-ed25519", "aes256-ctr", "hmac-md5"), sshwire.KindMAC},
		{"nothing at all", &sshwire.KEXINIT{}, sshwire.KindKEX},
	} {
		if _, got := sshwire.Negotiate(&openssh, test.server); got != test.want {
			t.Errorf("%s: missing %q, want %q", test.name, got, test.want)
		}
	}
	oneWay := server("curve25519-sha256", "ssh-ed25519", gcm, "")
	oneWay.CiphersS2C = []string{"aes256-cbc"}
	if _, got := sshwire.Negotiate(&openssh, oneWay); got != sshwire.KindCipher {
		t.Errorf("one direction without a cipher: missing %q", got)
	}
	oneWay = server("curve25519-sha256", "ssh-ed25519", gcm, "")
	oneWay.CompressionS2C = []string{"zlib"}
	if _, got := sshwire.Negotiate(&openssh, oneWay); got != sshwire.KindCompression {
		t.Errorf("compression forced: missing %q", got)
	}
}

func TestWhoBreaks(t *testing.T) {
	for _, test := range []struct {
		name   string
		server *sshwire.KEXINIT
		breaks map[string]sshwire.Kind // by the beginning of the name
		works  []string
	}{
		{
			"SHA-1 only", captured(t, "openssh-9.2-legacy.hex"),
			map[string]sshwire.Kind{"OpenSSH 9.2": sshwire.KindKEX, "OpenSSH 10": sshwire.KindKEX, "JSch 2.28": sshwire.KindKEX},
			[]string{"OpenSSH 5.3", "OpenSSH 8.0", "PuTTY 0.83", "JSch 0.1.55", "paramiko 4.0", "libssh2 1.8", "Go x/crypto (rclone", "SSH.NET 2016"},
		},
		{
			"Debian 12 as it comes", captured(t, "openssh-9.2-default.hex"),
			map[string]sshwire.Kind{"OpenSSH 5.3": sshwire.KindHostKey, "libssh2 1.8": sshwire.KindHostKey, "libssh2 1.11": "", "JSch 0.1.55": sshwire.KindHostKey, "SSH.NET 2016": sshwire.KindHostKey},
			[]string{"OpenSSH 6.6", "PuTTY 0.70", "paramiko 2.4", "SSH.NET 2020", "OpenSSH 10"},
		},
		{
			"post-quantum only", server("mlkem768x25519-sha256 kex-strict-s-v00@openssh.com", "ssh-ed25519", "aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com"),
			map[string]sshwire.Kind{"OpenSSH 9.2": sshwire.KindKEX, "paramiko 4.0": sshwire.KindKEX, "libssh2 1.11": sshwire.KindKEX, "SSH.NET 2024": sshwire.KindKEX},
			[]string{"OpenSSH 9.9", "OpenSSH 10", "PuTTY 0.83", "JSch 2.28", "Go x/crypto (rclone"},
		},
		{
			"only encrypt-then-MAC", server("curve25519-sha256@libssh.org", "ssh-ed25519", "aes256-ctr", "hmac-sha2-512-etm@openssh.com"),
			map[string]sshwire.Kind{"paramiko 2.4": sshwire.KindKEX, "PuTTY 0.70": sshwire.KindMAC, "SSH.NET 2020": sshwire.KindMAC, "libssh2 1.10": sshwire.KindMAC},
			[]string{"OpenSSH 6.6", "paramiko 2.9", "SSH.NET 2024", "libssh2 1.11", "PuTTY 0.83"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := map[string]sshwire.Kind{}
			for _, b := range sshwire.WhoBreaks(test.server) {
				got[b.Client.Name] = b.Kind
				if len(b.ClientOffers) == 0 {
					t.Errorf("%s: its offer is missing", b.Client.Name)
				}
				for _, name := range b.ClientOffers {
					if slices.Contains(b.ServerOffers, name) && b.Kind != sshwire.KindCompression {
						t.Errorf("%s: %s is in both offers", b.Client.Name, name)
					}
				}
			}
			for name, want := range test.breaks {
				if kind := got[client(t, name).Name]; kind != want {
					t.Errorf("%s breaks at %q, want %q", name, kind, want)
				}
			}
			for _, name := range test.works {
				if kind, broken := got[client(t, name).Name]; broken {
					t.Errorf("%s breaks at %s", name, kind)
				}
			}
		})
	}
}

func TestWeakAlgorithms(t *testing.T) {
	got := sshwire.WeakAlgorithms(server(
		"curve25519-sha256 diffie-hellman-group14-sha1 diffie-hellman-group1-sha1 gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g== rsa1024-sha1 ext-info-s",
		"ssh-ed25519 ssh-rsa ssh-dss", "aes256-gcm@openssh.com aes128-ctr aes128-cbc rijndael-cbc@lysator.liu.se 3des-ctr arcfour256 none",
		"hmac-sha2-256 hmac-sha1 hmac-sha1-96 hmac-md5-96 umac-64@openssh.com hmac-sha1-96-etm@openssh.com"))
	want := []sshwire.Weak{
		{sshwire.KindKEX, "diffie-hellman-group14-sha1", sshwire.WeakSHA1},
		{sshwire.KindKEX, "diffie-hellman-group1-sha1", sshwire.WeakGroup1},
		{sshwire.KindKEX, "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==", sshwire.WeakSHA1},
		{sshwire.KindKEX, "rsa1024-sha1", sshwire.WeakRSA1024},
		{sshwire.KindHostKey, "ssh-rsa", sshwire.WeakSHA1},
		{sshwire.KindHostKey, "ssh-dss", sshwire.WeakDSA},
		{sshwire.KindCipher, "aes128-cbc", sshwire.WeakCBC},
		{sshwire.KindCipher, "rijndael-cbc@lysator.liu.se", sshwire.WeakCBC},
		{sshwire.KindCipher, "3des-ctr", sshwire.WeakBlock64},
		{sshwire.KindCipher, "arcfour256", sshwire.WeakRC4},
		{sshwire.KindCipher, "none", sshwire.WeakNone},
		{sshwire.KindMAC, "hmac-sha1-96", sshwire.WeakTruncated},
		{sshwire.KindMAC, "hmac-md5-96", sshwire.WeakMD5},
		{sshwire.KindMAC, "hmac-sha1-96-etm@openssh.com", sshwire.WeakTruncated},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, good := range []*sshwire.KEXINIT{
		captured(t, "openssh-9.2-default.hex"),
		server("curve25519-sha256", "rsa-sha2-512 ssh-rsa", "aes256-ctr", "hmac-sha1"),
	} {
		if weak := sshwire.WeakAlgorithms(good); weak != nil {
			t.Errorf("nothing is weak there, got %v", weak)
		}
	}
}

func TestPostQuantum(t *testing.T) {
	for kex, want := range map[string]string{
		"curve25519-sha256 ecdh-sha2-nistp256":                                              "",
		"sntrup761x25519-sha512@openssh.com curve25519-sha256":                              "sntrup761x25519-sha512@openssh.com",
		"mlkem768x25519-sha256 mlkem768nistp256-sha256 mlkem1024nistp384-sha384 ext-info-s": "mlkem768x25519-sha256 mlkem768nistp256-sha256 mlkem1024nistp384-sha384",
		"x25519-kyber-512r3-sha256-d00@amazon.com":                                          "x25519-kyber-512r3-sha256-d00@amazon.com",
	} {
		if got := strings.Join(sshwire.PostQuantum(server(kex, "", "", "")), " "); got != want {
			t.Errorf("%s: got %q, want %q", kex, got, want)
		}
	}
}

func TestTerrapin(t *testing.T) {
	const etm, strict = "hmac-sha2-256-etm@openssh.com", "curve25519-sha256 kex-strict-s-v00@openssh.com"
	for _, test := range []struct{ kex, ciphers, macs, want string }{
		{"curve25519-sha256", "chacha20-poly1305@openssh.com aes128-gcm@openssh.com", "", "chacha20-poly1305@openssh.com"},
		{"curve25519-sha256", "aes128-cbc aes128-ctr", etm, "aes128-cbc"},
		{"curve25519-sha256", "aes128-cbc", "hmac-sha1", ""},
		{"curve25519-sha256", "aes128-ctr aes128-gcm@openssh.com", etm, ""},
		{strict, "chacha20-poly1305@openssh.com aes128-cbc", etm, ""},
	} {
		if got := strings.Join(sshwire.Terrapin(server(test.kex, "", test.ciphers, test.macs)), " "); got != test.want {
			t.Errorf("%s, %s, %s: got %q, want %q", test.kex, test.ciphers, test.macs, got, test.want)
		}
	}
}
