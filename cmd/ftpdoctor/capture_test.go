package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ftpdoctor/internal/finding"
)

// packets makes a capture (pcap, raw IPv4) of a session with a server's port 21,
// from lines: "> TEXT" of the client, "< TEXT" of the server, "syn ADDRESS:PORT"
// for an attempt that brings no answer, "wait SECONDS".
func packets(lines string) []byte {
	var b bytes.Buffer
	le := binary.LittleEndian
	b.Write([]byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0})
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	client, server := netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("203.0.113.80:21")
	seq := map[netip.AddrPort]uint32{client: 1000, server: 9000}
	send := func(from, to netip.AddrPort, flags byte, payload string) {
		at = at.Add(10 * time.Millisecond)
		p := make([]byte, 40, 40+len(payload))
		p[0], p[8], p[9] = 0x45, 64, 6
		binary.BigEndian.PutUint16(p[2:], uint16(40+len(payload)))
		copy(p[12:], from.Addr().AsSlice())
		copy(p[16:], to.Addr().AsSlice())
		binary.BigEndian.PutUint16(p[20:], from.Port())
		binary.BigEndian.PutUint16(p[22:], to.Port())
		binary.BigEndian.PutUint32(p[24:], seq[from])
		binary.BigEndian.PutUint32(p[28:], seq[to])
		p[32], p[33] = 0x50, flags
		binary.BigEndian.PutUint16(p[34:], 65000)
		p = append(p, payload...)
		seq[from] += uint32(len(payload))
		if flags&3 != 0 {
			seq[from]++
		}
		var head [16]byte
		le.PutUint32(head[:], uint32(at.Unix()))
		le.PutUint32(head[4:], uint32(at.Nanosecond()/1000))
		le.PutUint32(head[8:], uint32(len(p)))
		le.PutUint32(head[12:], uint32(len(p)))
		b.Write(head[:])
		b.Write(p)
	}
	const fin, syn, push, ack = 1, 2, 8, 16
	send(client, server, syn, "")
	send(server, client, syn|ack, "")
	send(client, server, ack, "")
	tries := uint16(0)
	for l := range strings.Lines(lines) {
		l = strings.TrimRight(l, "\r\n")
		switch {
		case strings.HasPrefix(l, "> "):
			send(client, server, push|ack, l[2:]+"\r\n")
		case strings.HasPrefix(l, "< "):
			send(server, client, push|ack, l[2:]+"\r\n")
		case strings.HasPrefix(l, "syn "):
			tries++
			from := netip.AddrPortFrom(client.Addr(), 41000+tries)
			for range 2 {
				seq[from] = 5000
				send(from, netip.MustParseAddrPort(l[4:]), syn, "")
				at = at.Add(time.Second)
			}
		case strings.HasPrefix(l, "wait "):
			n, _ := strconv.Atoi(l[5:])
			at = at.Add(time.Duration(n) * time.Second)
		}
	}
	send(client, server, fin|ack, "")
	return b.Bytes()
}

// pcap SCRIPT FILE writes a capture for a test.
func pcap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pcap SCRIPT FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), packets(ts.ReadFile(args[0])), 0o600))
}

// TestSecretsOfPackets: packets hold passwords, and none comes back, in any
// format or language, whole or in part, wherever it stands.
func TestSecretsOfPackets(t *testing.T) {
	told := forms(t)
	for name, lines := range map[string]string{
		"refused":  "< 220 (vsFTPd 3.0.5)\n> USER kim\n< 331 Please specify the password.\n> PASS " + secret + "\n< 530 Login incorrect.",
		"accepted": "< 220 ready\n> user kim\n< 331 go\n>  pass " + secret + "\n< 230 in\n> ACCT " + secret + "\n< 230 in\n> SITE CHPASSWD kim " + secret + "\n< 200 ok\n> PASV\n< 227 Entering Passive Mode (10,0,0,5,195,80).\nsyn 10.0.0.5:50000\n> LIST\nwait 4",
		"web":      "> PROPFIND /dav/?token=" + url.QueryEscape(secret) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("kim:"+secret)) + "\r\n\r\n< HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
		"repeated": "< 220 ready\n> USER kim\n< 331 go\n> PASS " + secret + "\n< 530-no user with " + secret + "\r\n530 " + secret + " is wrong",
		"one line": "< 220 ready\n> USER kim\r\nPASS " + secret + "\n< 331 go\n< 530 no",
	} {
		if name == "web" {
			lines = strings.ReplaceAll(strings.ReplaceAll(lines, "\r\n< ", "\n< "), "\r\n", "\n> ")
		}
		file := filepath.Join(t.TempDir(), "a.pcap")
		if err := os.WriteFile(file, packets(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, format := range captureFormats() {
			for _, lang := range finding.Langs {
				var stdout, stderr bytes.Buffer
				run([]string{"capture", file, "-v", "--diagrams", "--format", format, "--lang", string(lang)}, strings.NewReader(""), &stdout, &stderr)
				if stdout.Len() == 0 {
					t.Errorf("%s: nothing came: %s", name, stderr.String())
				}
				for form, s := range told {
					if bytes.Contains(stdout.Bytes(), []byte(s)) || bytes.Contains(stderr.Bytes(), []byte(s)) {
						t.Errorf("%s: the password is in %s %s (%s)", name, format, lang, form)
					}
				}
			}
		}
	}
}
