package ftp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReply(t *testing.T) {
	for _, tc := range []struct {
		name    string
		in      string
		code    int
		lines   []string
		defects []Defect
		err     error // nil: none
	}{
		{"one line", "220 (vsFTPd 3.0.3)\r\n", 220, []string{"(vsFTPd 3.0.3)"}, nil, nil},
		{"code alone", "200\r\n", 200, []string{""}, nil, nil},
		{"code and space", "230 \r\n", 230, []string{""}, nil, nil},
		{
			"Pure-FTPd greeting", "220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are user number 1 of 50 allowed.\r\n220 You will be disconnected after 15 minutes of inactivity.\r\n", 220,
			[]string{"--------- Welcome to Pure-FTPd [privsep] [TLS] ----------", "You are user number 1 of 50 allowed.", "You will be disconnected after 15 minutes of inactivity."},
			nil, nil,
		},
		{"lines without code", "211-Features:\r\n EPRT\r\n REST STREAM\r\n211 End\r\n", 211, []string{"Features:", " EPRT", " REST STREAM", "End"}, nil, nil},
		{"no text in the lines", "230-\r\n230-hello\r\n230 ok\r\n", 230, []string{"", "hello", "ok"}, nil, nil},
		{"another code within", "230-Files:\r\n250 of them\r\n230 ok\r\n", 230, []string{"Files:", "250 of them", "ok"}, []Defect{InnerCode}, nil},
		{"a number that is no code within", "230-Files:\r\n1234 of them\r\n230 ok\r\n", 230, []string{"Files:", "1234 of them", "ok"}, nil, nil},
		{"ends with another code", "230-Hello\r\n220 done\r\n", 230, []string{"Hello", "220 done"}, []Defect{InnerCode, Unfinished, CodeChanged}, io.ErrUnexpectedEOF},
		{"bare LF", "220 ready\n", 220, []string{"ready"}, []Defect{BareLF}, nil},
		{"two CR", "220 ready\r\r\n", 220, []string{"ready"}, []Defect{BareCR}, nil},
		{"CR and NUL within", "220 a\rb\x00c\r\n", 220, []string{"a\rb\x00c"}, []Defect{NUL, BareCR}, nil},
		{"telnet", "\xff\xfb\x01220 a\xff\xffb\r\n", 220, []string{"a\xffb"}, []Defect{TelnetBytes, NonASCII}, nil},
		{"GBK", "530 \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc\r\n", 530, []string{"\xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc"}, []Defect{NonASCII}, nil},
		{"UTF-8 is no defect", "530 登录失败\r\n", 530, []string{"登录失败"}, nil, nil},
		{"no space", "220Ready\r\n", 220, []string{"Ready"}, []Defect{NoSpace}, nil},
		{"code out of range", "999 what\r\n", 999, []string{"what"}, []Defect{BadCode}, nil},
		{"code 000", "000 what\r\n", 0, []string{"what"}, []Defect{BadCode}, nil},
		{"empty line before", "\r\n226 done\r\n", 226, []string{"done"}, []Defect{ExtraLines}, nil},
		{"vsftpd OOPS", "500 OOPS: vsftpd: refusing to run with writable root inside chroot()\r\n", 500, []string{"OOPS: vsftpd: refusing to run with writable root inside chroot()"}, nil, nil},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 0, []string{"SSH-2.0-OpenSSH_9.2"}, []Defect{NoCode}, ErrNotFTP},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", 0, []string{"HTTP/1.1 400 Bad Request"}, []Defect{NoCode}, ErrNotFTP},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x28", 0, nil, []Defect{NoCode}, ErrNotFTP},
		{"loader's words without an end", "error while loading shared libraries", 0, []string{"error while loading shared libraries"}, []Defect{NoCode, Unfinished}, ErrNotFTP},
		{"nothing", "", 0, nil, nil, io.EOF},
		{"cut in the code", "22", 0, []string{"22"}, []Defect{NoCode, Unfinished}, io.ErrUnexpectedEOF},
		{"cut in the text", "421 Serv", 421, []string{"Serv"}, []Defect{Unfinished}, io.ErrUnexpectedEOF},
		{"cut between lines", "220-Hello\r\n", 220, []string{"Hello"}, []Defect{Unfinished}, io.ErrUnexpectedEOF},
		{"cut within the last line", "220-Hello\r\n220 wor", 220, []string{"Hello", "wor"}, []Defect{Unfinished}, io.ErrUnexpectedEOF},
		{"empty lines without end", strings.Repeat("\r\n", maxLine), 0, []string{""}, []Defect{ExtraLines, NoCode}, ErrNotFTP},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for how, src := range map[string]io.Reader{"at once": strings.NewReader(tc.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.in))} {
				if how != "at once" && tc.name == "TLS alert" {
					continue // what is seen at once is what was there
				}
				r := NewReader(src)
				got, err := r.Reply()
				if !errors.Is(err, tc.err) {
					t.Errorf("%s: error %v, want %v", how, err, tc.err)
				}
				if diff := cmp.Diff(Reply{Code: tc.code, Lines: tc.lines, Defects: tc.defects}, Reply{Code: got.Code, Lines: got.Lines, Defects: got.Defects}); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", how, diff)
				}
				if !strings.HasPrefix(tc.in, string(got.Raw)) || err == nil && len(got.Raw)+len(r.Buffered()) != len(tc.in) && how == "at once" {
					t.Errorf("%s: Raw %q is not what came", how, got.Raw)
				}
			}
		})
	}
}

func TestReplySequence(t *testing.T) {
	r := NewReader(strings.NewReader("331 Password\r\n230-Welcome\r\n230 ok\r\nUSER injected\r\n"))
	for _, want := range []int{331, 230} {
		if got, err := r.Reply(); err != nil || got.Code != want {
			t.Fatalf("got %v, %v, want %d", got, err, want)
		}
	}
	if got := string(r.Buffered()); got != "USER injected\r\n" {
		t.Errorf("buffered %q", got)
	}
	if got, err := r.Reply(); !errors.Is(err, ErrNotFTP) || got.All() != "USER injected" {
		t.Errorf("got %q, %v", got.All(), err)
	}
}

func TestReplyKeepsTheErrorOfItsSource(t *testing.T) {
	reset := errors.New("connection reset by peer")
	got, err := NewReader(io.MultiReader(strings.NewReader("220-Hello\r\n220"), iotest.ErrReader(reset))).Reply()
	if !errors.Is(err, reset) || got.Code != 220 || !got.Has(Unfinished) || string(got.Raw) != "220-Hello\r\n220" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReplyLimits(t *testing.T) {
	long := "220 " + strings.Repeat("x", 20_000) + "\r\n200 next\r\n"
	r := NewReader(strings.NewReader(long))
	got, err := r.Reply()
	if err != nil || !got.Has(LongLine) || len(got.Text()) != maxLine-4 || !bytes.HasSuffix(got.Raw, []byte("x\r\n")) {
		t.Errorf("long line: %d bytes, %v, %v", len(got.Text()), got.Defects, err)
	}
	if got, err := r.Reply(); err != nil || got.Code != 200 {
		t.Errorf("behind the long line: %v, %v", got, err)
	}
	for name, in := range map[string]string{
		"lines":        "220-a\r\n" + strings.Repeat("b\r\n", 2*maxLines),
		"bytes":        "220-a\r\n" + strings.Repeat(strings.Repeat("b", 1000)+"\r\n", 500),
		"endless line": "220 " + strings.Repeat("b", 2*maxReply),
	} {
		got, err := NewReader(strings.NewReader(in)).Reply()
		if !errors.Is(err, ErrTooLong) || got.Code != 220 && name != "endless line" || len(got.Raw) > maxReply+maxLine || len(got.Lines) > maxLines {
			t.Errorf("%s: code %d, %d lines, %d bytes, %v", name, got.Code, len(got.Lines), len(got.Raw), err)
		}
	}
}

func TestReplyClasses(t *testing.T) {
	for class, is := range map[int]func(Reply) bool{1: Reply.Preliminary, 2: Reply.Completion, 3: Reply.Intermediate, 4: Reply.Transient, 5: Reply.Permanent} {
		for code := 100; code < 600; code += 50 {
			if got := is(Reply{Code: code}); got != (code/100 == class) {
				t.Errorf("class %d of %d: %v", class, code, got)
			}
		}
	}
	r := Reply{Code: 230, Lines: []string{"a", "b"}}
	if r.Text() != "b" || r.All() != "a\nb" || r.String() != "230 a / b" {
		t.Errorf("%q %q %q", r.Text(), r.All(), r.String())
	}
}

func TestProtocol(t *testing.T) {
	for in, want := range map[string]string{
		"220 (vsFTPd 3.0.3)\r\n":            "ftp",
		"220-FileZilla Server\r\n":          "ftp",
		"500 OOPS: cannot bind\r\n":         "ftp",
		"220 mx.example.com ESMTP Postfix":  "smtp",
		"200 news.example.com InterNetNews": "nntp",
		"SSH-2.0-OpenSSH_9.2p1\r\n":         "ssh",
		"HTTP/1.1 400 Bad Request\r\n":      "http",
		"<!DOCTYPE HTML>":                   "http",
		"\x15\x03\x01\x00\x02\x02\x28":      "tls",
		"\x16\x03\x03\x00\x31":              "tls",
		"+OK Dovecot ready.\r\n":            "pop3",
		"* OK [CAPABILITY IMAP4rev1]":       "imap",
		"RFB 003.008\n":                     "rfb",
		"J\x00\x00\x00\x0a8.0.36\x00":       "mysql",
		"\xff\xfd\x18\xff\xfd\x20":          "telnet",
		"\xff\xfb\x01220 ready\r\n":         "ftp",
		"\x00\x00\x00\x00":                  "binary",
		"hello there\r\n":                   "text",
		"":                                  "",
	} {
		if got := Protocol([]byte(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"220 ready\r\n", "211-F\r\n A\r\n211 E\r\n", "230-a\r\n230-b\r\n230 c\r\n", "220-\xff\xfb\x01\n999 x\r\n220", "\x15\x03\x01",
		"SSH-2.0-x\r\n", "\r\n\r\n200 \r\n", "220 \xff\xfa\x18\x01\xff\xf0 x\r\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, slow := NewReader(bytes.NewReader(b)), NewReader(iotest.HalfReader(bytes.NewReader(b)))
		total := 0
		for {
			got, err := r.Reply()
			if total += len(got.Raw); total > len(b) {
				t.Fatalf("Raw holds more than came")
			}
			if !got.Has(LongLine) && !bytes.Contains(b, got.Raw) {
				t.Fatalf("Raw %q did not come", got.Raw)
			}
			if len(got.Lines) > maxLines || len(got.Raw) > maxReply+maxLine+2 {
				t.Fatalf("over the limits: %d lines, %d bytes", len(got.Lines), len(got.Raw))
			}
			if err == nil && (len(got.Lines) == 0 || got.Has(Unfinished)) {
				t.Fatalf("no error and %+v", got)
			}
			_ = got.Text() + got.All() + got.String()
			Software(got.All(), "", "")
			Protocol(got.Raw)
			// How the bytes are cut up must not matter, but for a peer that is no FTP server.
			if errors.Is(err, ErrNotFTP) {
				return
			}
			again, err2 := slow.Reply()
			if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (err2 == nil) {
				t.Fatalf("depends on the segments: %v, %v\n%s", err, err2, diff)
			}
			if err != nil {
				return
			}
			// What was read reads the same again.
			once, err := NewReader(bytes.NewReader(got.Raw)).Reply()
			if err != nil || once.Code != got.Code || cmp.Diff(once.Lines, got.Lines) != "" {
				t.Fatalf("Raw %q reads as %+v, %v; was %+v", got.Raw, once, err, got)
			}
		}
	})
}
