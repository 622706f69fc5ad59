package sshwire_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/sshwire"
)

func TestParseIdentification(t *testing.T) {
	long := "SSH-2.0-" + strings.Repeat("x", 300)
	for _, test := range []struct {
		sent string
		want sshwire.Identification
		rest string
	}{
		{"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\nnext", sshwire.Identification{
			Protocol: "2.0", Software: "OpenSSH_9.2p1", Comments: "Debian-2+deb12u3", Raw: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
		}, "next"},
		{"SSH-1.99-Cisco-1.25\n", sshwire.Identification{Protocol: "1.99", Software: "Cisco-1.25", Raw: "SSH-1.99-Cisco-1.25", BareLF: true}, ""},
		{"Welcome\r\n\nto us\nSSH-2.0-x\r\n", sshwire.Identification{
			Protocol: "2.0", Software: "x", Raw: "SSH-2.0-x", Before: []string{"Welcome", "", "to us"},
		}, ""},
		{"SSH-2.0-1.82_sshlib GlobalSCAPE\r\n", sshwire.Identification{
			Protocol: "2.0", Software: "1.82_sshlib", Comments: "GlobalSCAPE", Raw: "SSH-2.0-1.82_sshlib GlobalSCAPE",
		}, ""},
		{long + "\r\n", sshwire.Identification{Protocol: "2.0", Software: long[8:], Raw: long, TooLong: true}, ""},
	} {
		got, rest, err := sshwire.ParseIdentification([]byte(test.sent))
		if err != nil || string(rest) != test.rest {
			t.Errorf("%q: rest %q, %v", test.sent, rest, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.sent, diff)
		}
		for i := range len(test.sent) - len(test.rest) {
			if _, _, err := sshwire.ParseIdentification([]byte(test.sent[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%.20q cut at %d: %v", test.sent, i, err)
			}
		}
	}
}

func TestNoIdentification(t *testing.T) {
	for sent, want := range map[string]error{
		"":                                     io.ErrUnexpectedEOF,
		"Exceeded MaxStartups\r\n":             io.ErrUnexpectedEOF,
		"220 ftp.example.com ready\r\n":        io.ErrUnexpectedEOF,
		"\x15\x03\x01\x00\x02\x02\x46":         sshwire.ErrNotSSH,
		strings.Repeat("x", 9000):              sshwire.ErrNotSSH,
		strings.Repeat("x\r\n", 1100):          sshwire.ErrNotSSH,
		strings.Repeat("SH"+pad(8000)+"\n", 9): sshwire.ErrNotSSH,
		"SSH-1.5-1.2.27\r\n":                   sshwire.ErrProtocol1,
	} {
		start := sshwire.ParseServerStart([]byte(sent))
		if !errors.Is(start.Err, want) {
			t.Errorf("%.30q: got %v, want %v", sent, start.Err, want)
		}
		if start.Incomplete() != errors.Is(want, io.ErrUnexpectedEOF) {
			t.Errorf("%.30q: incomplete is %v", sent, start.Incomplete())
		}
	}
	if got := sshwire.ParseServerStart([]byte("Exceeded MaxStartups\r\n")).Ident.Before; !slices.Equal(got, []string{"Exceeded MaxStartups"}) {
		t.Errorf("what came instead of an identification is lost: %q", got)
	}
}

func pad(n int) string { return strings.Repeat(" ", n) }

var offer = sshwire.KEXINIT{
	Cookie: [16]byte{1, 2, 3}, KEX: []string{"curve25519-sha256", "ext-info-s", "kex-strict-s-v00@openssh.com"},
	HostKeys: []string{"ssh-ed25519"}, CiphersC2S: []string{"aes128-ctr", "aes256-ctr"}, CiphersS2C: []string{"aes256-ctr"},
	MACsC2S: []string{"hmac-sha2-256"}, MACsS2C: []string{"hmac-sha2-512"}, CompressionC2S: []string{"none"},
	CompressionS2C: []string{"none", "zlib"}, FirstFollows: true,
}

// wire is an identification and packets with these payloads.
func wire(payloads ...[]byte) []byte {
	b := []byte("SSH-2.0-test\r\n")
	for _, p := range payloads {
		b = append(b, sshwire.WritePacket(p)...)
	}
	return b
}

func disconnect(code byte, text string) []byte {
	return slices.Concat([]byte{1, 0, 0, 0, code}, str(text), str(""))
}

func TestParseServerStart(t *testing.T) {
	kexinit := sshwire.WriteKEXINIT(&offer)
	ignore := append([]byte{2}, str("nothing")...)
	for _, test := range []struct {
		name string
		sent []byte
		want sshwire.Start
	}{
		{"as usual", wire(kexinit), sshwire.Start{KEXINIT: &offer}},
		{"encrypted from NEWKEYS on", append(wire(ignore, kexinit, []byte{31, 0}, []byte{21}), "crypt"...), sshwire.Start{KEXINIT: &offer, Rest: []byte("crypt")}},
		{"refused", wire(kexinit, disconnect(3, "no match")), sshwire.Start{KEXINIT: &offer, Disconnect: &sshwire.Disconnect{Code: 3, Text: "no match"}}},
		{"refused at once", wire(disconnect(12, "full")), sshwire.Start{Disconnect: &sshwire.Disconnect{Code: 12, Text: "full"}}},
		{"without the text", wire([]byte{1, 0, 0, 0, 11}), sshwire.Start{Disconnect: &sshwire.Disconnect{Code: 11}}},
		{"text after KEXINIT", append(wire(kexinit), "bye"...), sshwire.Start{KEXINIT: &offer, Rest: []byte("bye")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.Ident = sshwire.Identification{Protocol: "2.0", Software: "test", Raw: "SSH-2.0-test"}
			got := sshwire.ParseServerStart(test.sent)
			if len(got.Rest) == 0 {
				got.Rest = nil
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := offer.KeyExchanges(); !slices.Equal(got, []string{"curve25519-sha256"}) {
		t.Errorf("key exchanges without markers: %q", got)
	}
}

func TestServerStartMayEndAnywhere(t *testing.T) {
	sent := wire(append([]byte{2}, str("")...), sshwire.WriteKEXINIT(&offer))
	for i := range sent {
		if start := sshwire.ParseServerStart(sent[:i]); !start.Incomplete() || start.KEXINIT != nil {
			t.Errorf("cut at %d: %v, KEXINIT %v", i, start.Err, start.KEXINIT)
		}
	}
}

func TestMalformedStarts(t *testing.T) {
	lists := bytes.Repeat(str(""), 10)
	for name, sent := range map[string][]byte{
		"a packet of a MiB":     append(wire(), 0, 0x10, 0, 0, 4, 20),
		"all padding":           append(wire(), 0, 0, 0, 12, 12, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"an empty packet":       append(wire(), 0, 0, 0, 1, 0),
		"NEWKEYS first":         wire([]byte{21}),
		"KEXINIT cut short":     wire(slices.Concat([]byte{20}, make([]byte, 16), lists)),
		"a list that overflows": wire(slices.Concat([]byte{20}, make([]byte, 16), u32(1<<31), lists)),
		"a space in a name":     wire(slices.Concat([]byte{20}, make([]byte, 16), str("a b"), lists, make([]byte, 5))),
	} {
		start := sshwire.ParseServerStart(sent)
		if _, ok := errors.AsType[*sshwire.MalformedError](start.Err); !ok || start.KEXINIT != nil {
			t.Errorf("%s: %v, %v", name, start.Err, start.KEXINIT)
		}
	}
	start := sshwire.ParseServerStart(append(wire(), "Protocol mismatch.\n"...))
	if start.Text != "Protocol mismatch." || start.Incomplete() {
		t.Errorf("text in the place of a packet: %q, %v", start.Text, start.Err)
	}
}

func FuzzServerStart(f *testing.F) {
	kexinit := sshwire.WriteKEXINIT(&offer)
	f.Add([]byte("220 hello\r\nSSH-1.99-x y\n"))
	f.Add(append([]byte("SSH-2.0-x\r\n"), "Protocol mismatch.\n"...))
	f.Add(wire(kexinit, []byte{31, 0}, []byte{21}))
	f.Add(wire(disconnect(2, "no"), kexinit))
	for _, name := range []string{"openssh-9.2-default.hex", "openssh-9.2-legacy.hex"} {
		f.Add(capturedBytes(f, name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		start := sshwire.ParseServerStart(raw)
		if !bytes.HasSuffix(raw, start.Rest) {
			t.Errorf("the rest %q is not the end of what was sent", start.Rest)
		}
		if (start.KEXINIT != nil || start.Disconnect != nil) == (start.Err != nil) {
			t.Errorf("KEXINIT %v, disconnect %v and error %v", start.KEXINIT, start.Disconnect, start.Err)
		}
		if start.KEXINIT == nil {
			return
		}
		again, err := sshwire.ParseKEXINIT(sshwire.WriteKEXINIT(start.KEXINIT))
		if err != nil {
			t.Fatalf("what was read and written again is refused: %v", err)
		}
		if diff := cmp.Diff(start.KEXINIT, again); diff != "" {
			t.Errorf("read, written and read again (-want +got):\n%s", diff)
		}
	})
}

// serverStart is what a server on the other end of c says until it has sent its
// KEXINIT.
func serverStart(t *testing.T, c net.Conn) sshwire.Start {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "SSH-2.0-test\r\n"); err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for chunk := make([]byte, 4096); ; {
		n, err := c.Read(chunk)
		raw = append(raw, chunk[:n]...)
		if start := sshwire.ParseServerStart(raw); err != nil || !start.Incomplete() {
			return start
		}
	}
}

// goServer serves key exchanges on loopback with a key of its own.
func goServer(t *testing.T) (addr string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.KeyExchanges = []string{"mlkem768x25519-sha256", "curve25519-sha256", "diffie-hellman-group14-sha256"}
	config.AddHostKey(signer)
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
				// It fails where the peer leaves after the key exchange.
				_, _, _, _ = ssh.NewServerConn(c, config)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestGoServer(t *testing.T) {
	c, err := net.Dial("tcp", goServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := serverStart(t, c)
	if start.Err != nil {
		t.Fatal(start.Err)
	}
	want := []string{"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group14-sha256"}
	if got := start.KEXINIT.KeyExchanges(); !slices.Equal(got, want) {
		t.Errorf("key exchanges %q, want %q", got, want)
	}
	if got := start.KEXINIT.HostKeys; !slices.Equal(got, []string{"ssh-ed25519"}) {
		t.Errorf("host keys %q", got)
	}
}

// What ssh -vv prints of a server's KEXINIT is what we read of it.
func TestAgainstSSH(t *testing.T) {
	client, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("ssh is not installed")
	}
	addr := goServer(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := serverStart(t, c)
	if start.Err != nil {
		t.Fatal(start.Err)
	}
	_, port, _ := net.SplitHostPort(addr)
	// It cannot get further than the host key, which nobody knows.
	out, _ := exec.CommandContext(t.Context(), client, "-vv", "-F", "none", "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-p", port, "nobody@127.0.0.1").CombinedOutput()
	seen := proposal(string(out))
	k := start.KEXINIT
	for label, got := range map[string][]string{
		"KEX algorithms": k.KEX, "host key algorithms": k.HostKeys, "ciphers ctos": k.CiphersC2S, "ciphers stoc": k.CiphersS2C,
		"MACs ctos": k.MACsC2S, "MACs stoc": k.MACsS2C, "compression ctos": k.CompressionC2S, "compression stoc": k.CompressionS2C,
	} {
		if want, ok := seen[label]; !ok || want != strings.Join(got, ",") {
			t.Errorf("%s: we read %q, ssh %q", label, got, want)
		}
	}
}

// proposal reads the server's lists in the output of ssh -vv.
func proposal(out string) map[string]string {
	_, out, _ = strings.Cut(strings.ReplaceAll(out, "\r", ""), "peer server KEXINIT proposal")
	seen := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		label, names, ok := strings.Cut(strings.TrimPrefix(line, "debug2: "), ": ")
		if _, twice := seen[label]; ok && !twice {
			seen[label] = names
		}
	}
	return seen
}

func TestOpenSSHServer(t *testing.T) {
	const sshd = "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("sshd is not installed")
	}
	dir := t.TempDir()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("HostKey %s/key\nKexAlgorithms diffie-hellman-group14-sha1\nCiphers aes256-cbc,aes128-ctr\nMACs hmac-md5,hmac-sha1\nUsePAM no\n", dir)
	for name, text := range map[string]string{"key": string(pem.EncodeToMemory(block)), "config": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), sshd, "-t", "-f", filepath.Join(dir, "config")).CombinedOutput(); err != nil {
		t.Skipf("sshd does not start here: %s", out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	socket, err := theirs.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	server := exec.CommandContext(t.Context(), sshd, "-i", "-e", "-f", filepath.Join(dir, "config"))
	server.Stdin, server.Stdout = socket, socket
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Wait() }() // it fails when the test has seen enough
	start := serverStart(t, ours)
	ours.Close()
	if start.Err != nil {
		t.Fatal(start.Err)
	}
	k := start.KEXINIT
	for _, list := range [][2]string{
		{strings.Join(k.KeyExchanges(), ","), "diffie-hellman-group14-sha1"},
		{strings.Join(k.CiphersS2C, ","), "aes256-cbc,aes128-ctr"},
		{strings.Join(k.MACsC2S, ","), "hmac-md5,hmac-sha1"},
		{start.Ident.Software[:8], "OpenSSH_"},
	} {
		if list[0] != list[1] {
			t.Errorf("got %q, want %q", list[0], list[1])
		}
	}
}
