package tlswire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// newCertificate makes a self-signed P-256 certificate for ftp.example.com.
func newCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ftp.example.com"},
		DNSNames: []string{"ftp.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// startGo serves TLS handshakes with crypto/tls on loopback.
func startGo(t *testing.T, config *tls.Config) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				// The handshake cannot succeed: our side never goes on.
				_ = tls.Server(conn, config).Handshake()
			}()
		}
	}()
	return listener.Addr().String()
}

func ask(t *testing.T, addr string, h Hello) Answer {
	t.Helper()
	answer, err := tryAsk(addr, h)
	if err != nil {
		t.Fatalf("ReadAnswer: %v (answer %+v)", err, answer)
	}
	return answer
}

func tryAsk(addr string, h Hello) (Answer, error) {
	b, err := h.Marshal()
	if err != nil {
		return Answer{}, err
	}
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(b); err != nil {
		return Answer{}, err
	}
	return ReadAnswer(conn)
}

func TestGoServer(t *testing.T) {
	cert := newCertificate(t)
	addr := startGo(t, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10,
		ClientAuth: tls.RequestClientCert, NextProtos: []string{"ftp"},
	})
	for _, version := range []uint16{TLS10, TLS11, TLS12} {
		t.Run(VersionName(version), func(t *testing.T) {
			hello := HelloFor(version)
			hello.ServerName, hello.ALPN = "ftp.example.com", []string{"ftp"}
			got := ask(t, addr, hello)
			if got.Version != version || got.Alert != nil || len(got.Certificates) != 1 ||
				!bytes.Equal(got.Certificates[0], cert.Certificate[0]) {
				t.Fatalf("got %+v", got)
			}
			if got.CertBytes != 6+len(cert.Certificate[0]) {
				t.Errorf("CertBytes = %d for a certificate of %d", got.CertBytes, len(cert.Certificate[0]))
			}
			if !got.CertRequested || got.ALPN != "ftp" || !got.SecureRenegotiation || !got.ExtendedMasterSecret ||
				!got.SessionTicketExt || !got.Downgraded {
				t.Errorf("got %+v", got)
			}
			if got.Group != GroupX25519 {
				t.Errorf("group %s", GroupName(got.Group))
			}
			if wantSigAlg := version == TLS12; (got.SigAlg != 0) != wantSigAlg {
				t.Errorf("signature scheme %s", SigAlgName(got.SigAlg))
			}
		})
	}
	t.Run("TLS 1.3", func(t *testing.T) {
		got := ask(t, addr, HelloFor(TLS13))
		if got.Version != TLS13 || got.Cipher>>8 != 0x13 || got.Group != GroupX25519MLKEM768 && got.Group != GroupX25519 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("modern", func(t *testing.T) {
		got := ask(t, addr, Modern())
		if got.Version != TLS13 || got.Group != GroupX25519MLKEM768 || got.HelloRetry || got.Downgraded {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("post-quantum", func(t *testing.T) {
		got := ask(t, addr, PostQuantum())
		if got.Version != TLS13 || got.Group != GroupX25519MLKEM768 || got.HelloRetry {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("every key share", func(t *testing.T) {
		for _, group := range []uint16{
			GroupX25519, GroupP256, GroupP384, GroupP521,
			GroupX25519MLKEM768, GroupSecP256r1MLKEM768, GroupSecP384r1MLKEM1024,
		} {
			hello := PostQuantum()
			hello.Groups, hello.KeyShares = []uint16{group}, []uint16{group}
			if got := ask(t, addr, hello); got.Group != group || got.HelloRetry {
				t.Errorf("%s: got %+v", GroupName(group), got)
			}
		}
	})
	t.Run("no key share asks for a retry", func(t *testing.T) {
		hello := HelloFor(TLS13)
		hello.KeyShares, hello.Groups = nil, []uint16{GroupP384}
		if got := ask(t, addr, hello); !got.HelloRetry || got.Version != TLS13 || got.Group != GroupP384 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("legacy", func(t *testing.T) {
		if got := ask(t, addr, Legacy10()); got.Version != TLS11 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestGoServerRefuses(t *testing.T) {
	cert := newCertificate(t)
	old := startGo(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}})
	strict := startGo(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}})
	for _, test := range []struct {
		name, addr string
		hello      Hello
		want       string
	}{
		{"version too low", old, HelloFor(TLS10), "protocol_version"},
		{"version too high", old, HelloFor(TLS13), "protocol_version"},
		{"only 1.3", strict, HelloFor(TLS12), "protocol_version"},
		{"no post-quantum", strict, PostQuantum(), "handshake_failure"},
		{"no common cipher", old, Hello{Version: TLS12, Ciphers: []uint16{0x0005}}, "handshake_failure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, test.addr, test.hello)
			if got.Alert == nil || got.Alert.Name() != test.want || !got.Alert.Fatal() || got.Version != 0 {
				t.Errorf("got %+v, want alert %s", got, test.want)
			}
		})
	}
}

// group2 is the 1024-bit group of RFC 2409 §6.2, below what clients accept.
const group2 = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"

// startOpenSSL runs openssl s_server with an RSA certificate and these flags.
func startOpenSSL(t *testing.T, flags ...string) (addr string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skipf("no openssl here: %v", err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if out, err := exec.Command(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ftp.example.com",
		"-days", "2", "-keyout", file("key.pem"), "-out", file("cert.pem")).CombinedOutput(); err != nil {
		t.Fatalf("openssl req: %v\n%s", err, out)
	}
	prime, _ := new(big.Int).SetString(group2, 16)
	der, err := asn1.Marshal(struct{ P, G *big.Int }{prime, big.NewInt(2)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("dh.pem"), pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"s_server", "-accept", "127.0.0.1:0", "-key", file("key.pem"), "-cert", file("cert.pem"),
		"-key2", file("key.pem"), "-cert2", file("cert.pem"), "-dhparam", file("dh.pem"),
	}, flags...)
	if !slices.Contains(flags, "-cipher") { // at the default level it refuses the small group
		args = append(args, "-cipher", "DEFAULT:@SECLEVEL=0")
	}
	cmd := exec.Command(openssl, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdin, err := cmd.StdinPipe() // s_server ends when its input does
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []byte
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	chunk := make([]byte, 512)
	for { // "ACCEPT 127.0.0.1:40123" names the port that port 0 became
		n, err := out.Read(chunk)
		seen = append(seen, chunk[:n]...)
		if _, rest, ok := strings.Cut(string(seen), "ACCEPT "); ok {
			if line, _, whole := strings.Cut(rest, "\n"); whole {
				addr = strings.TrimSpace(line)
				break
			}
		}
		if err != nil {
			t.Fatalf("openssl s_server %v: %v\n%s%s", flags, err, seen, complaints.String())
		}
	}
	go func() { // keep its output flowing
		for {
			if _, err := out.Read(chunk); err != nil {
				return
			}
		}
	}()
	return addr
}

func TestOpenSSLOldVersions(t *testing.T) {
	for flag, version := range map[string]uint16{"-tls1": TLS10, "-tls1_1": TLS11, "-tls1_2": TLS12, "-tls1_3": TLS13} {
		t.Run(VersionName(version), func(t *testing.T) {
			addr := startOpenSSL(t, flag, "-cipher", "ALL:@SECLEVEL=0")
			got := ask(t, addr, HelloFor(version))
			if got.Version != version || got.Alert != nil {
				t.Errorf("got %+v", got)
			}
			if version < TLS13 && len(got.Certificates) != 1 {
				t.Errorf("%d certificates", len(got.Certificates))
			}
			other := TLS13
			if version == TLS13 {
				other = TLS10
			}
			if got := ask(t, addr, HelloFor(other)); got.Alert == nil || got.Alert.Name() != "protocol_version" {
				t.Errorf("%s: got %+v", VersionName(other), got)
			}
		})
	}
}

func TestOpenSSLSmallDH(t *testing.T) {
	addr := startOpenSSL(t, "-tls1_2", "-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0")
	got := ask(t, addr, HelloFor(TLS12))
	if got.Cipher != 0x0033 || got.DHBits != 1024 || got.SigAlg == 0 || got.Group != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestOpenSSLClientCertificateRequested(t *testing.T) {
	addr := startOpenSSL(t, "-tls1_2", "-Verify", "1")
	if got := ask(t, addr, HelloFor(TLS12)); !got.CertRequested || got.Version != TLS12 {
		t.Errorf("got %+v", got)
	}
}

func TestOpenSSLUnrecognizedName(t *testing.T) {
	for _, fatal := range []bool{false, true} {
		t.Run(fmt.Sprintf("fatal=%v", fatal), func(t *testing.T) {
			flags := []string{"-tls1_2", "-servername", "ftp.example.com"}
			if fatal {
				flags = append(flags, "-servername_fatal")
			}
			addr := startOpenSSL(t, flags...)
			hello := HelloFor(TLS12)
			hello.ServerName = "other.example.net"
			got := ask(t, addr, hello)
			if fatal {
				if got.Alert == nil || got.Alert.Name() != "unrecognized_name" {
					t.Errorf("got %+v", got)
				}
				return
			}
			if got.Alert != nil || len(got.Warnings) != 1 || got.Warnings[0].Name() != "unrecognized_name" || len(got.Certificates) != 1 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestOpenSSLEnumeration removes each choice and asks again, as a probe does, and
// must find exactly the suites that the server is set to.
func TestOpenSSLEnumeration(t *testing.T) {
	addr := startOpenSSL(t, "-tls1_2", "-cipher",
		"AES128-SHA:CAMELLIA256-SHA:NULL-MD5:ADH-AES256-SHA:AECDH-AES128-SHA:ECDHE-RSA-CHACHA20-POLY1305:AES256-CCM8:ECDHE-ARIA128-GCM-SHA256:@SECLEVEL=0")
	want := []uint16{0x0001, 0x002F, 0x003A, 0x0084, 0xC018, 0xC060, 0xC0A1, 0xCCA8}
	var got []uint16
	hello := HelloFor(TLS12)
	for len(got) <= len(want) {
		answer := ask(t, addr, hello)
		if answer.Alert != nil {
			if answer.Alert.Name() != "handshake_failure" {
				t.Errorf("ended with %v", answer.Alert)
			}
			break
		}
		got = append(got, answer.Cipher)
		hello = hello.Without(answer.Cipher)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %04X, want %04X", got, want)
	}
}

func TestOpenSSLGroupOfTLS13(t *testing.T) {
	addr := startOpenSSL(t, "-tls1_3", "-groups", "P-521:ffdhe2048")
	if got := ask(t, addr, HelloFor(TLS13)); !got.HelloRetry || got.Group != GroupP521 || got.Cipher == 0 {
		t.Errorf("got %+v", got)
	}
	if got := ask(t, addr, PostQuantum()); got.Alert == nil {
		t.Errorf("got %+v", got)
	}
}
