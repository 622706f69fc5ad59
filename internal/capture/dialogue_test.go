package capture

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
)

// labCauses are the root causes of the captures in testdata/lab, which were
// recorded on the client of the fault lab while the check ran; empty: healthy.
var labCauses = map[string]string{
	"data-pasv-private": "data/passive-private-address", "data-pasv-zero": "data/passive-bad-address", "data-pasv-loopback": "data/passive-bad-address",
	"data-active-refused": "data/active-refused", "data-epsv-swallowed": "data/epsv-broken", "data-range-reset-at-edge": "data/passive-filtered",
	"auth-wrong-password": "auth/rejected", "auth-chroot-writable": "auth/rejected", // by its code alone: Options.Words knows the words
	"service-max-clients-vsftpd": "service/unavailable", "auth-anonymous-disabled-vsftpd": "auth/anonymous-disabled",
	"net-prohibited-by-edge": "net/port-rejected", "net-reset-at-edge": "net/port-rejected", "net-proxy-protocol": "net/proxy-protocol",
	"net-inspection-resets-user": "net/inspection-reset", "net-host-down": "net/host-down", "net-no-common-family-6": "net/no-common-family",
	"dns-nxdomain-zone": "dns/nxdomain", "dns-servfail": "dns/servfail", "dns-dangling-cname": "dns/dangling-cname", "route-neighbour-silent": "route/neighbour-silent",
	"service-ssh-on-21": "service/other-protocol", "service-not-started": "service/refused",
	"file-missing": "file/not-found", "file-disk-full": "file/disk-full", "tls-not-offered-vsftpd": "tls/not-offered", "tls-only-tls10": "tls/version-too-old",
	"tls-client-cert-vsftpd": "tls/client-cert-required", "route-mtu-blackhole-tls": "route/mtu-blackhole",
	"healthy-vsftpd": "", "healthy-anonymous": "", "ssh-no-common-kex": "ssh/no-common-algorithm", "http-plain-to-tls-nginx": "http/tls-to-plain",
}

func TestLabCaptures(t *testing.T) {
	files, err := filepath.Glob("testdata/lab/*.pcap.gz")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	for _, name := range files {
		short := strings.TrimSuffix(filepath.Base(name), ".pcap.gz")
		t.Run(short, func(t *testing.T) {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			a, err := Read(t.Context(), file, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := a.Report()
			want, known := labCauses[short]
			got := ""
			if r.RootCause != nil {
				got = string(r.RootCause.Code)
			}
			if !known || got != want {
				t.Errorf("root cause %q, want %q", got, want)
			}
			for _, f := range r.Findings {
				if len(f.Evidence) == 0 {
					t.Errorf("%s has no evidence", f.Code)
				}
				r.Localize(finding.Chinese)
				if f.Sentence == "" || f.Title == "" {
					t.Errorf("%s has no words", f.Code)
				}
			}
		})
	}
}

// converse feeds a dialogue: a line that begins with > is of the client, one with <
// of the server; each is one segment, with \r\n behind it.
func converse(a *Analysis, d dialogue, lines string) {
	m := moment{at: instantOf(1, 0)}
	for l := range strings.Lines(lines) {
		m.packet++
		m.at = m.at.Add(time.Millisecond)
		from := fromClient
		if l[0] == '<' {
			from = fromServer
		}
		d.bytes(m, from, []byte(strings.TrimSuffix(l[2:], "\n")+"\r\n"))
	}
	d.end(m)
	a.last = m
}

func testConn(port uint16) *conn {
	return &conn{client: netip.MustParseAddrPort("192.0.2.7:40000"), server: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.80"), port), first: moment{instantOf(1, 0), 1}}
}

// A reply belongs to its command, also where commands are sent ahead, where a
// reply has many lines, and where 150 comes before 226.
func TestFTPPairs(t *testing.T) {
	a := newAnalysis(Options{})
	d := newFTP(a, testConn(21))
	converse(a, d, `< 220-Welcome
<  220 is not the end
< 220 ready
> USER kim
> PASS hush
< 331 go on
< 230 in
> PASV
< 227 Entering Passive Mode (10,0,0,5,195,80).
> LIST
< 150 here it comes
< 226 done
> RETR a
< 550 no
`)
	var got []string
	for _, x := range d.answers {
		got = append(got, x.verb+" "+strings.TrimSpace(x.reply.String()[:3]))
	}
	if s := strings.Join(got, ", "); s != " 220, USER 331, PASS 230, PASV 227, LIST 150, LIST 226, RETR 550" {
		t.Error(s)
	}
	if !d.loggedIn || !d.clearPass || d.user != "kim" {
		t.Errorf("logged in %v, in clear %v, user %q", d.loggedIn, d.clearPass, d.user)
	}
	if len(d.transfers) != 2 || d.transfers[0].announced.String() != "10.0.0.5:50000" || d.transfers[0].final == nil {
		t.Errorf("transfers: %+v", d.transfers)
	}
	for _, l := range d.lines {
		if strings.Contains(l.text, "hush") {
			t.Errorf("the password is in %q", l.text)
		}
	}
}

// Bytes that the capture lacks must not shift replies to other commands.
func TestFTPGap(t *testing.T) {
	a := newAnalysis(Options{})
	d := newFTP(a, testConn(21))
	m := moment{instantOf(1, 0), 1}
	d.bytes(m, fromServer, []byte("220 ready\r\n"))
	d.bytes(m, fromClient, []byte("PASV\r\n"))
	d.gap(m, fromServer, 51)
	d.bytes(m, fromServer, []byte("rest of it\r\n226 done\r\n"))
	for _, x := range d.answers {
		if x.verb == "PASV" {
			t.Errorf("%s answers PASV", x.reply.String())
		}
	}
}

func TestHTTPBodies(t *testing.T) {
	a := newAnalysis(Options{})
	d := newHTTP(a, testConn(80))
	m := moment{instantOf(1, 0), 1}
	for _, s := range []struct {
		from side
		text string
	}{
		{fromClient, "PUT /a?k=v HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nGET / HT"},
		{fromClient, "TP/1OPTIONS / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic a2lt\r\n\r\n"},
		{fromServer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 507 Full\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r"},
		{fromServer, "\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nAllow: PUT\r\n\r\n"},
	} {
		d.bytes(m, s.from, []byte(s.text))
	}
	d.end(m)
	if len(d.exchanges) != 2 || d.exchanges[0].status != 507 || d.exchanges[0].request.method != "PUT" || d.exchanges[1].request.method != "OPTIONS" {
		t.Fatalf("%+v", d.exchanges)
	}
	if string(d.exchanges[0].body) != "abcd" || d.exchanges[0].request.target != "/a?…" || !d.clearPass {
		t.Errorf("body %q, target %q, in clear %v", d.exchanges[0].body, d.exchanges[0].request.target, d.clearPass)
	}
}

// FuzzDialogues feeds each dialogue with any bytes, in any order of sides and
// in any pieces, and judges what came of it.
func FuzzDialogues(f *testing.F) {
	f.Add(uint8(0), []byte("1220 hi\r\n0USER a\r\n1331 x\r\n0PASV\r\n1227 (1,2,3,4,5,6)\r\n0LIST\r\n1425 no\r\n0AUTH TLS\r\n1234 ok\r\n0\x16\x03\x01\x00\x01\x01"))
	f.Add(uint8(1), []byte("0GET / HTTP/1.1\r\n\r\n1HTTP/1.1 401 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"))
	f.Add(uint8(2), []byte("1SSH-2.0-x\r\n0SSH-2.0-y\r\n1\x00\x00\x00\x0c\x0a\x14"))
	f.Add(uint8(3), []byte("0\x16\x03\x01\x00\x05\x01\x00\x00\x01\x031\x15\x03\x03\x00\x02\x02\x28"))
	f.Add(uint8(4), []byte("0\x16\x03\x01\x00\x05\x01\x00\x00\x01\x031abc"))
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		a := newAnalysis(Options{})
		c := testConn([]uint16{21, 80, 22, 990, 443}[kind%5])
		c.story.synAck = moment{instantOf(1, 0), 2}
		a.conns = append(a.conns, c)
		m := moment{instantOf(1, 0), 2}
		a.first = m
		for len(b) > 0 {
			n := min(len(b), 1+int(b[0]>>1))
			from := side(b[0] & 1)
			part := b[1:n]
			b = b[n:]
			m.packet++
			m.at = m.at.Add(time.Duration(len(part)) * 20 * time.Millisecond)
			c.last, a.last = m, m
			c.story.bytes[from] += int64(len(part))
			c.story.lastData[from] = m
			if c.dialogue == nil && len(part) > 0 {
				c.dialogue = recognise(a, c, from, part)
			}
			switch {
			case c.dialogue == nil:
			case len(part) == 7:
				c.dialogue.gap(m, from, 7)
			default:
				c.dialogue.bytes(m, from, part)
			}
		}
		if c.dialogue != nil {
			c.dialogue.end(m)
		}
		r := a.Report()
		r.Localize(finding.Chinese)
		a.Sessions()
	})
}

// FuzzNames feeds the reader of look-ups.
func FuzzNames(f *testing.F) {
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"), true)
	f.Fuzz(func(t *testing.T, b []byte, response bool) {
		a := newAnalysis(Options{})
		client, server := netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("192.0.2.53:53")
		a.names.packet(moment{instantOf(1, 0), 1}, client, server, b)
		if len(b) > 3 {
			b[2] |= 0x80
		}
		a.names.packet(moment{instantOf(2, 0), 2}, server, client, b)
		a.first, a.last = moment{instantOf(1, 0), 1}, moment{instantOf(9, 0), 3}
		a.Report()
	})
}
