package ftp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCommand(t *testing.T) {
	for _, tc := range []struct {
		line, verb, arg string
		err             error
	}{
		{"USER alice\r\n", "USER", "alice", nil},
		{"quit", "QUIT", "", nil},
		{"STOR  two spaces \r\n", "STOR", " two spaces ", nil},
		{"XSHA256 a.bin\n", "XSHA256", "a.bin", nil},
		{"\xff\xf4\xff\xf2ABOR\r\n", "ABOR", "", nil},
		{"STOR a\xff\xffb\r\n", "STOR", "a\xffb", nil},
		{"CWD \xd6\xd0\xce\xc4\r\n", "CWD", "\xd6\xd0\xce\xc4", nil},
		{"", "", "", ErrNoCommand},
		{" USER a\r\n", "", "", ErrNoCommand},
		{"GET/ HTTP/1.1\r\n", "", "", ErrNoCommand},
		{"\x16\x03\x01\x02", "", "", ErrNoCommand},
		{"USER a\r\nDELE b\r\n", "", "", ErrBadArgument},
		{"STOR a\r\r\n", "", "", ErrBadArgument},
		{"STOR a\x00b\r\n", "", "", ErrBadArgument},
	} {
		verb, arg, err := ParseCommand([]byte(tc.line))
		if verb != tc.verb || arg != tc.arg || !errors.Is(err, tc.err) {
			t.Errorf("%q: got %q, %q, %v", tc.line, verb, arg, err)
		}
	}
	for _, tc := range []struct {
		verb, arg, want string
		err             error
	}{
		{"NOOP", "", "NOOP\r\n", nil},
		{"STOR", " a\xffb", "STOR  a\xff\xffb\r\n", nil},
		{"CWD", "a\r\nDELE b", "", ErrBadArgument},
		{"CWD\r\nDELE", "b", "", ErrNoCommand},
		{"", "b", "", ErrNoCommand},
	} {
		got, err := FormatCommand(tc.verb, tc.arg)
		if string(got) != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q %q: got %q, %v", tc.verb, tc.arg, got, err)
		}
	}
}

func TestRedactCommand(t *testing.T) {
	for in, want := range map[string]string{
		"PASS hunter2":                      "PASS ****",
		"pass hunter2\r\n":                  "pass ****\r\n",
		"Pass\thunter2":                     "Pass ****",
		"PASS  hunter2 with spaces":         "PASS ****",
		"PASS":                              "PASS",
		"PASS \r\n":                         "PASS \r\n",
		"ACCT hunter2":                      "ACCT ****",
		"ADAT aHVudGVyMg==":                 "ADAT ****",
		"PASS=hunter2":                      "PASS ****",
		"SITE PSWD hunter2 hunter3":         "SITE PSWD ****",
		"SITE  chpass hunter2":              "SITE  chpass ****",
		"SITE CHMOD 644 hunter2":            "SITE CHMOD 644 hunter2",
		"---> PASS hunter2":                 "---> PASS ****",
		"\xff\xf4PASS hunter2":              "\xff\xf4PASS ****",
		"USER bob\r\nPASS hunter2\r\nPWD":   "USER bob\r\nPASS ****\r\nPWD",
		"USER bob\rPASS hunter2":            "USER bob\rPASS ****",
		"USER PASS":                         "USER PASS",
		"PASSIVE is no command of a secret": "PASSIVE is no command of a secret",
		"":                                  "",
	} {
		if got := RedactCommand(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPASV(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		err        error
	}{
		{"Entering Passive Mode (192,168,1,2,195,80).", "192.168.1.2:50000", nil}, // vsftpd
		{"Entering Passive Mode (10,0,0,5,195,80)", "10.0.0.5:50000", nil},        // ProFTPD, Pure-FTPd, IIS, FileZilla
		{"=127,0,0,1,4,5", "127.0.0.1:1029", nil},                                 // RFC 1123 §4.1.2.6
		{"Passive Mode OK 1,2,3,4,5,6", "1.2.3.4:1286", nil},
		{"Server 2 of 3: enter 1, 2, 3, 4, 5, 6 now", "1.2.3.4:1286", nil},
		{"进入被动模式（10,0,0,5,195,80）", "10.0.0.5:50000", nil},
		{"(see manual) 1,2,3,4,5,6", "1.2.3.4:1286", nil},
		{"Entering Passive Mode (001,002,003,004,005,006)", "1.2.3.4:1286", nil},
		{"Entering Passive Mode (0,0,0,0,195,80)", "0.0.0.0:50000", nil},
		{"Entering Passive Mode (10,0,0,5,0,0)", "10.0.0.5:0", ErrRange},
		{"Entering Passive Mode (10,0,0,5,256,80)", "invalid AddrPort", ErrRange},
		{"Entering Passive Mode (10,0,0,5,99999999999999999999,80)", "invalid AddrPort", ErrRange},
		{"Entering Passive Mode (10.0.0.5:50000)", "invalid AddrPort", ErrNoAddress},
		{"Entering Passive Mode (10,0,0,5,195)", "invalid AddrPort", ErrNoAddress},
		{"Entering Passive Mode", "invalid AddrPort", ErrNoAddress},
		{"", "invalid AddrPort", ErrNoAddress},
	} {
		got, err := ParsePASV(tc.text)
		if got.String() != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q: got %v, %v", tc.text, got, err)
		}
	}
}

func TestEPSV(t *testing.T) {
	for _, tc := range []struct {
		text string
		want uint16
		err  error
	}{
		{"Entering Extended Passive Mode (|||6446|)", 6446, nil},
		{"Extended Passive mode OK (|||58741|)", 58741, nil}, // Pure-FTPd
		{"Entering Extended Passive Mode (!!!6446!)", 6446, nil},
		{"Entering Extended Passive Mode ((((6446()", 6446, nil},
		{"Entering Extended Passive Mode (|1|192.168.1.1|6446|)", 6446, nil},
		{"Entering Extended Passive Mode (|2|2001:db8::1|6446|).", 6446, nil},
		{"Extended Passive Mode |||6446|", 6446, nil},
		{"Extended (really) Passive Mode (|||6446|)", 6446, nil},
		{"Entering Extended Passive Mode (|||0|)", 0, ErrRange},
		{"Entering Extended Passive Mode (|||65536|)", 0, ErrRange},
		{"Entering Extended Passive Mode (|||-1|)", 0, ErrNoAddress},
		{"Entering Extended Passive Mode (|||6446)", 0, ErrNoAddress},
		{"Entering Extended Passive Mode (1116446 1)", 0, ErrNoAddress},
		{"Entering Passive Mode (10,0,0,5,195,80)", 0, ErrNoAddress},
		{"(", 0, ErrNoAddress},
	} {
		got, err := ParseEPSV(tc.text)
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q: got %v, %v", tc.text, got, err)
		}
	}
}

func TestPORTAndEPRT(t *testing.T) {
	for _, a := range []string{"10.1.2.3:50000", "[2001:db8::1]:21", "[::ffff:10.1.2.3]:80"} {
		want := netip.MustParseAddrPort(a)
		if got, err := ParseEPRT(FormatEPRT(want)); err != nil || got != netip.AddrPortFrom(want.Addr().Unmap(), want.Port()) {
			t.Errorf("EPRT of %s: %v, %v", a, got, err)
		}
	}
	v6 := netip.MustParseAddrPort("[fe80::1%eth0]:21")
	if got := FormatEPRT(v6); got != "|2|fe80::1|21|" {
		t.Errorf("EPRT: %q", got)
	}
	if got := FormatPORT(v6) + FormatPORT(netip.AddrPort{}) + FormatEPRT(netip.AddrPort{}); got != "" {
		t.Errorf("PORT of what is not IPv4: %q", got)
	}
	if got := FormatPORT(netip.MustParseAddrPort("10.1.2.3:50000")); got != "10,1,2,3,195,80" {
		t.Errorf("PORT: %q", got)
	}
	for arg, want := range map[string]error{
		"10,1,2,3,195,80": nil, "10,1,2,3,195,80 ": nil, "10,1,2,3,195,80,1": ErrNoAddress, "10,1,2,3,195": ErrNoAddress,
		"10,1,2,3,256,80": ErrRange, "10,1,2,3,0,0": ErrRange, "": ErrNoAddress,
	} {
		if _, err := ParsePORT(arg); !errors.Is(err, want) {
			t.Errorf("PORT %q: %v, want %v", arg, err, want)
		}
	}
	for arg, want := range map[string]error{
		"|1|10.1.2.3|50000|": nil, "!2!2001:db8::1!21!": nil, "|3|10.1.2.3|50000|": ErrFamily, "|2|10.1.2.3|50000|": ErrFamily,
		"|1|::1|50000|": ErrFamily, "|1|10.1.2.3|70000|": ErrRange, "|1|10.1.2.3|0|": ErrRange, "|1|10.1.2.3|x|": ErrNoAddress,
		"|1|10.1.2|50000|": ErrNoAddress, "|1|10.1.2.3|50000": ErrNoAddress, "|2|fe80::1%1|21|": ErrNoAddress, "": ErrNoAddress,
	} {
		if _, err := ParseEPRT(arg); !errors.Is(err, want) {
			t.Errorf("EPRT %q: %v, want %v", arg, err, want)
		}
	}
}

func read(t testing.TB, s string) Reply {
	t.Helper()
	r, err := NewReader(strings.NewReader(strings.ReplaceAll(s, "\n", "\r\n"))).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFEAT(t *testing.T) {
	for _, tc := range []struct {
		name, reply string
		want        Features
	}{
		{
			"vsftpd", "211-Features:\n AUTH TLS\n EPRT\n EPSV\n MDTM\n PASV\n PBSZ\n PROT\n REST STREAM\n SIZE\n TVFS\n211 End\n",
			Features{Lines: []string{"AUTH TLS", "EPRT", "EPSV", "MDTM", "PASV", "PBSZ", "PROT", "REST STREAM", "SIZE", "TVFS"}, Auth: []string{"TLS"}},
		},
		{
			"ProFTPD, code in each line",
			"211-Features:\n211-AUTH TLS\n211-HOST\n211-LANG zh-CN;en-US*\n211-MLST modify*;perm*;size*;type*;unique*;UNIX.group;UNIX.mode*;\n211-UTF8\n211 End\n",
			Features{
				Lines: []string{"AUTH TLS", "HOST", "LANG zh-CN;en-US*", "MLST modify*;perm*;size*;type*;unique*;UNIX.group;UNIX.mode*;", "UTF8"},
				Auth:  []string{"TLS"}, Lang: []string{"ZH-CN", "EN-US"},
				MLST:   []string{"modify", "perm", "size", "type", "unique", "unix.group", "unix.mode"},
				MLSTOn: []string{"modify", "perm", "size", "type", "unique", "unix.mode"},
			},
		},
		{
			"IIS", "211-Extended features supported:\n LANG EN*\n UTF8\n AUTH TLS;TLS-C;SSL;TLS-P;\n PBSZ\n PROT C;P;\n CCC\n HOST\n SIZE\n MDTM\n REST STREAM\n211 END\n",
			Features{
				Lines: []string{"LANG EN*", "UTF8", "AUTH TLS;TLS-C;SSL;TLS-P;", "PBSZ", "PROT C;P;", "CCC", "HOST", "SIZE", "MDTM", "REST STREAM"},
				Auth:  []string{"TLS", "TLS-C", "SSL", "TLS-P"}, Lang: []string{"EN"},
			},
		},
		{
			"FileZilla Server", "211-Features:\n HASH SHA-256*;SHA-512;SHA-1;MD5\n211 End\n",
			Features{Lines: []string{"HASH SHA-256*;SHA-512;SHA-1;MD5"}, Hash: []string{"SHA-256", "SHA-512", "SHA-1", "MD5"}},
		},
		{"none", "211 no-features\n", Features{}},
		{"unknown command", "500-Unknown\n x\n500 command.\n", Features{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ParseFEAT(read(t, tc.reply))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	f := ParseFEAT(read(t, "211-Features:\n AUTH:TLS\n REST STREAM\n utf8\n XMD5\n HASH CRC32\n211 End\n"))
	if !f.TLS() || !f.Resume() || !f.UTF8() || !f.Has("auth") || f.Has("EPSV") || f.Arg("rest") != "STREAM" {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff([]string{"HASH", "XMD5"}, f.Checksums()); diff != "" {
		t.Error(diff)
	}
}

func TestPathReply(t *testing.T) {
	for in, want := range map[string]string{
		"257 \"/home/a\" is the current directory\n": "/home/a",
		"257 \"/a \"\"b\"\"\" created\n":             `/a "b"`,
		"257 \"\"\n":                                 "",
		"257-hello\n257 \"/x\"\n":                    "/x",
	} {
		if got, err := PathReply(read(t, in)); err != nil || got != want {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"257 /home\n", "257 \"/home\n"} {
		if got, err := PathReply(read(t, in)); !errors.Is(err, ErrNoPath) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	if got, err := PathReply(Reply{Code: 257, Lines: []string{QuotePath(`a"b`)}}); err != nil || got != `a"b` {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestValues(t *testing.T) {
	for in, want := range map[string]string{
		"20241123043211": "2024-11-23T04:32:11Z", "20241123043211.5": "2024-11-23T04:32:11.5Z", " 20241123043211 ": "2024-11-23T04:32:11Z",
		"20161231235960": "2017-01-01T00:00:00Z", "191241123043211": "2024-11-23T04:32:11Z",
	} {
		if got, err := ParseTime(in); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "2024112304321", "20240231000000", "20241323000000", "20241123243211", "2024112304321x", "20241123043211.x", "+0241123043211"} {
		if got, err := ParseTime(in); !errors.Is(err, ErrNoValue) {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	at := time.Date(2024, 11, 23, 12, 32, 11, 250_000_000, time.FixedZone("", 8*3600))
	if got := FormatTime(at); got != "20241123043211.250" {
		t.Errorf("got %q", got)
	}
	if n, err := ParseSize(" 1234 "); err != nil || n != 1234 {
		t.Errorf("got %d, %v", n, err)
	}
	for _, in := range []string{"", "-1", "+1", "12 bytes", "99999999999999999999"} {
		if n, err := ParseSize(in); !errors.Is(err, ErrNoValue) {
			t.Errorf("%q: got %d, %v", in, n, err)
		}
	}
	for in, want := range map[string]int64{
		"Opening BINARY mode data connection for a (b).bin (1234 bytes).":    1234, // vsftpd
		"Opening BINARY mode data connection for a.bin (1 byte)":             1,
		"Opening ASCII mode data connection for file list":                   -1,
		"Opening data channel for file download from server of \"/a (b c)\"": -1,
		"4.5 kbytes to download (x":                                          -1,
	} {
		if got, ok := OpeningSize(in); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: got %d, %v", in, got, ok)
		}
	}
}

func TestSoftware(t *testing.T) {
	for greeting, want := range map[string][2]string{
		"(vsFTPd 3.0.3)":                                          {"vsFTPd", "3.0.3"},
		"vsFTPd 2.3.4+ (ext.1) ready...":                          {"vsFTPd", "2.3.4"},
		"ProFTPD 1.3.5rc3 Server (Debian) [::ffff:10.0.0.1]":      {"ProFTPD", "1.3.5rc3"},
		"ProFTPD Server (ProFTPD Default Installation)":           {"ProFTPD", ""},
		"NASFTPD Turbo station 1.3.5e Server (ProFTPD) [1.2.3.4]": {"QNAP", "1.3.5e"},
		"--------- Welcome to Pure-FTPd [privsep] [TLS]":          {"Pure-FTPd", ""},
		"pyftpdlib 1.5.6 ready.":                                  {"pyftpdlib", "1.5.6"},
		"pyftpdlib based ftpd ready.":                             {"pyftpdlib", ""},
		"host FTP server (GNU inetutils 1.9.4) ready.":            {"GNU inetutils", "1.9.4"},
		"Microsoft FTP Service":                                   {"Microsoft FTP Service", ""},
		"srv Microsoft FTP Service (Version 5.0).":                {"Microsoft FTP Service", "5.0"},
		"FileZilla Server version 0.9.60 beta":                    {"FileZilla Server", "0.9.60"},
		"FileZilla Server 1.7.0\nPlease visit":                    {"FileZilla Server", "1.7.0"},
		"host FTP server (Version wu-2.6.2(1) Mon) ready.":        {"wu-ftpd", "2.6.2"},
		"host FTP server (Version 6.4/OpenBSD/Linux-ftpd-0.17) r": {"Linux-ftpd", "0.17"},
		"host FTP server (Version 6.4/OpenBSD) ready.":            {"OpenBSD ftpd", "6.4"},
		"host FTP server (Version 6.00LS) ready.":                 {"FreeBSD ftpd", "6.00"},
		"host FTP server (tnftpd 20100324+GSSAPI) ready.":         {"tnftpd", "20100324"},
		"bftpd 4.6 at 10.0.0.1 ready.":                            {"bftpd", "4.6"},
		"glFTPd 2.01 Linux+TLS ready.":                            {"glFTPd", "2.01"},
		"Serv-U FTP Server v15.1 ready...":                        {"Serv-U", "15.1"},
		"Serv-U FTP-Server v2.5k for WinSock ready...":            {"Serv-U", "2.5k"},
		"Welcome to CrushFTP!":                                    {"CrushFTP", ""},
		"SFTPGo 2.5.6 ready":                                      {"SFTPGo", "2.5.6"},
		"srv X2 WS_FTP Server 7.6.1(57481268)":                    {"WS_FTP Server", "7.6.1"},
		"Xlight FTP Server 3.9 ready...":                          {"Xlight FTP", "3.9"},
		"Gene6 FTP Server v3.10.0 (Build 2) ready...":             {"Gene6 FTP Server", "3.10.0"},
		"Titan FTP Server 10.01 Ready.":                           {"Titan FTP Server", "10.01"},
		"Welcome to Cerberus FTP Server":                          {"Cerberus FTP Server", ""},
		"Synology FTP server ready.":                              {"Synology", ""},
		"Operation successful":                                    {"BusyBox ftpd", ""},
		"MikroTik FTP server (MikroTik 6.44.3) ready":             {"MikroTik", "6.44.3"},
		"FTPD1 IBM FTP CS V2R4 at SYS1, 04:32:11":                 {"IBM z/OS FTP", "V2R4"},
		"Welcome to our server, please behave":                    {"", ""},
		"":                                                        {"", ""},
	} {
		name, version := Software(greeting, "", "")
		if got := [2]string{name, version}; got != want {
			t.Errorf("%q: got %q, want %q", greeting, got, want)
		}
	}
	if name, _ := Software("Welcome", "UNIX emulated by FileZilla", ""); name != "FileZilla Server" {
		t.Errorf("by SYST: %q", name)
	}
	if name, _ := Software("Welcome", "UNIX Type: L8", "The following SITE commands are recognized\nPure-FTPd - http://pureftpd.org/"); name != "Pure-FTPd" {
		t.Errorf("by HELP: %q", name)
	}
}

func FuzzPASV(f *testing.F) {
	for _, s := range []string{"Entering Passive Mode (10,0,0,5,195,80).", "=1,2,3,4,5,6", "1 , 2,3,4,5,999", "((((1,2,3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParsePASV(s)
		if err != nil {
			return
		}
		if b, err := ParsePASV("x (" + FormatPORT(a) + ")"); err != nil || a != b {
			t.Fatalf("%v reads as %v, %v", a, b, err)
		}
	})
}

func FuzzEPSV(f *testing.F) {
	for _, s := range []string{"Mode (|||6446|)", "(!1!::1!1!)", "|||1|", "((((((((((1("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		port, err := ParseEPSV(s)
		if (err == nil) != (port != 0) {
			t.Fatalf("port %d with %v", port, err)
		}
	})
}

func FuzzPORT(f *testing.F) {
	for _, s := range []string{"10,0,0,5,195,80", "1,2,3,4,5", "1,2,3,4,5,6,7", " 1,2,3,4,5,256"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParsePORT(s)
		if err != nil {
			return
		}
		if b, err := ParsePORT(FormatPORT(a)); err != nil || a != b {
			t.Fatalf("%v reads as %v, %v", a, b, err)
		}
	})
}

func FuzzEPRT(f *testing.F) {
	for _, s := range []string{"|1|10.0.0.5|50000|", "!2!2001:db8::1!21!", "|2|::ffff:1.2.3.4|21|", "|||||||"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseEPRT(s)
		if err != nil {
			return
		}
		want := netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if b, err := ParseEPRT(FormatEPRT(a)); err != nil || b != want {
			t.Fatalf("%v reads as %v, %v", a, b, err)
		}
	})
}

func FuzzFEAT(f *testing.F) {
	f.Add("211-Features:\r\n AUTH TLS;SSL\r\n MLST a*;b;\r\n211 End\r\n")
	f.Add("211-\r\n211-LANG EN*\r\n HASH *\r\n211 End\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, _ := NewReader(strings.NewReader(s)).Reply()
		got := ParseFEAT(r)
		if len(got.Lines) > maxFeatures || len(got.MLSTOn) > len(got.MLST) {
			t.Fatalf("%+v", got)
		}
		for _, l := range got.Lines {
			if word, _ := cutFeature(l); !got.Has(word) {
				t.Fatalf("%q is listed and not found", l)
			}
		}
		if path, err := PathReply(r); err == nil {
			if again, err := PathReply(Reply{Lines: []string{QuotePath(path)}}); err != nil || again != path {
				t.Fatalf("path %q reads as %q, %v", path, again, err)
			}
		}
		for _, l := range r.Lines {
			if at, err := ParseTime(l); err == nil && at.Nanosecond() == 0 && at.Year() > 999 && at.Year() <= 9999 {
				if again, err := ParseTime(FormatTime(at)); err != nil || !again.Equal(at) {
					t.Fatalf("time %v reads as %v, %v", at, again, err)
				}
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{"USER a\r\n", "STOR  \xff\xffx", "\xff\xf4\xff\xf2ABOR\r\n", "PASS secret-word\r\n", "SITE PSWD a b", "\xff\xfa\xff\xf0NOOP"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		line := string(b)
		redacted := RedactCommand(line)
		if again := RedactCommand(redacted); again != redacted {
			t.Fatalf("%q redacts to %q, then to %q", line, redacted, again)
		}
		verb, arg, err := ParseCommand(b)
		if err != nil {
			return
		}
		formatted, err := FormatCommand(verb, arg)
		if err != nil {
			t.Fatalf("%q %q: %v", verb, arg, err)
		}
		verb2, arg2, err := ParseCommand(formatted)
		if err != nil || verb2 != verb || arg2 != arg {
			t.Fatalf("%q %q reads as %q %q, %v", verb, arg, verb2, arg2, err)
		}
		if verb == "PASS" && strings.Trim(arg, " \t") != "" {
			if got := RedactCommand(string(formatted)); got != "PASS ****\r\n" {
				t.Fatalf("%q redacts to %q", formatted, got)
			}
		}
	})
}
