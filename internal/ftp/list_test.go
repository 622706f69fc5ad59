package ftp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// today is the day of the listings below.
var today = time.Date(2024, 11, 24, 12, 0, 0, 0, time.UTC)

func at(s string) time.Time {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	panic("no date: " + s)
}

func TestParseListLines(t *testing.T) {
	n := func(s string) []byte { return []byte(s) }
	for _, tc := range []struct {
		name, line, style string
		want              Entry
	}{
		{
			"vsftpd", "-rw-r--r--    1 1000     1000         1234 Nov 23 04:32 a b.txt", "unix",
			Entry{Name: n("a b.txt"), Type: File, Size: 1234, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "1000", Group: "1000"},
		},
		{
			"ProFTPD", "drwxr-xr-x   2 ftp      ftp          4096 Nov 25 04:32 pub", "unix",
			Entry{Name: n("pub"), Type: Dir, Size: 4096, Time: at("2024-11-25 04:32"), TimePrecision: Minute, Mode: "drwxr-xr-x", Owner: "ftp", Group: "ftp"},
		},
		{
			"last year's", "-rw-r--r-- 1 a b 5 Dec 31 23:59 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2023-12-31 23:59"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"29 February", "-rw-r--r-- 1 a b 5 Feb 29 10:00 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-02-29 10:00"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"year, name with leading space", "-rw-r--r-- 1 a b 5 Nov 23  2019  x ", "unix",
			Entry{Name: n(" x "), Type: File, Size: 5, Time: at("2019-11-23"), TimePrecision: Day, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"link", "lrwxrwxrwx 1 root root 7 Nov 23 04:32 bin -> usr/bin", "unix",
			Entry{Name: n("bin"), Type: Link, Size: 7, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "lrwxrwxrwx", Owner: "root", Group: "root", Target: "usr/bin"},
		},
		{
			"device", "brw-rw---- 1 root disk 8, 0 Nov 23 04:32 sda", "unix",
			Entry{Name: n("sda"), Type: Other, Size: -1, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "brw-rw----", Owner: "root", Group: "disk"},
		},
		{
			"device of BSD", "crw-rw-rw-  1 root  wheel  3,2 Nov 23 04:32 null", "unix",
			Entry{Name: n("null"), Type: Other, Size: -1, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "crw-rw-rw-", Owner: "root", Group: "wheel"},
		},
		{
			"no group", "-rw-r--r--   1 owner    1234 Nov 23 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 1234, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "owner"},
		},
		{
			"group with a space", "-rw-r--r--   1 alice domain users 1234 Nov 23 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 1234, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "alice", Group: "domain users"},
		},
		{
			"access list, big count glued on", "drwxrwx---+1000 a b 4096 Nov 23 04:32 x", "unix",
			Entry{Name: n("x"), Type: Dir, Size: 4096, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "drwxrwx---", Owner: "a", Group: "b"},
		},
		{
			"IIS in Unix style", "-rwxrwxrwx   1 owner    group            1234 Nov 23  2023 web.config", "unix",
			Entry{Name: n("web.config"), Type: File, Size: 1234, Time: at("2023-11-23"), TimePrecision: Day, Mode: "-rwxrwxrwx", Owner: "owner", Group: "group"},
		},
		{
			"NetPresenz", "drwxrwxr-x               folder        2 May 10  1996 network", "unix",
			Entry{Name: n("network"), Type: Dir, Size: 2, Time: at("1996-05-10"), TimePrecision: Day, Mode: "drwxrwxr-x", Owner: "folder"},
		},
		{
			"ISO date", "-rw-r--r-- 1 a b 5 2024-03-02 04:32 x y", "unix",
			Entry{Name: n("x y"), Type: File, Size: 5, Time: at("2024-03-02 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"full ISO date", "-rw-r--r-- 1 a b 5 2024-03-02 04:32:11.123456789 +0800 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-03-02 04:32:11"), TimePrecision: Second, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"BSD with seconds and year", "-rw-r--r--  1 a  b  5 Nov 23 04:32:11 2019 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2019-11-23 04:32:11"), TimePrecision: Second, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"German", "-rw-r--r-- 1 a b 5 23. Okt 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-10-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"French, UTF-8", "-rw-r--r-- 1 a b 5 23 févr. 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-02-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"French, Latin-1", "-rw-r--r-- 1 a b 5 23 ao\xfbt 2019 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2019-08-23"), TimePrecision: Day, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Russian", "-rw-r--r-- 1 a b 5 ноя 23 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Chinese, UTF-8", "-rw-r--r-- 1 a b 5 11月 23 04:32 文件", "unix",
			Entry{Name: n("文件"), Type: File, Size: 5, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Chinese, GBK", "-rw-r--r-- 1 a b 5 11\xd4\xc2 23  2019 \xce\xc4\xbc\xfe", "unix",
			Entry{Name: n("\xce\xc4\xbc\xfe"), Type: File, Size: 5, Time: at("2019-11-23"), TimePrecision: Day, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Chinese, month and day joined", "-rw-r--r-- 1 a b 5 11月23日 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Chinese, whole date", "-rw-r--r-- 1 a b 5 2019年11月23日 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2019-11-23"), TimePrecision: Day, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"Korean", "-rw-r--r-- 1 a b 5 11월 23일 2019년 x", "unix",
			Entry{Name: n("x"), Type: File, Size: 5, Time: at("2019-11-23"), TimePrecision: Day, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"human-readable", "-rw-r--r-- 1 a b 1.5M Nov 23 04:32 x", "unix",
			Entry{Name: n("x"), Type: File, Size: -1, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"a name like a date", "-rw-r--r-- 1 a b 5 Nov 23 04:32 7 Nov 22 2019 x", "unix",
			Entry{Name: n("7 Nov 22 2019 x"), Type: File, Size: 5, Time: at("2024-11-23 04:32"), TimePrecision: Minute, Mode: "-rw-r--r--", Owner: "a", Group: "b"},
		},
		{
			"IIS", "11-23-24  04:32PM                 1234 a b.txt", "dos",
			Entry{Name: n("a b.txt"), Type: File, Size: 1234, Time: at("2024-11-23 16:32"), TimePrecision: Minute},
		},
		{
			"IIS, four digits", "11-23-2024  12:05AM       <DIR>           lead", "dos",
			Entry{Name: n(" lead"), Type: Dir, Size: -1, Time: at("2024-11-23 00:05"), TimePrecision: Minute},
		},
		{
			"IIS, last century", "01-02-99  12:05PM       <DIR>          old", "dos",
			Entry{Name: n("old"), Type: Dir, Size: -1, Time: at("1999-01-02 12:05"), TimePrecision: Minute},
		},
		{
			"DOS, day first and 24 hours", "23.11.2024  16:32    1,234,567 x", "dos",
			Entry{Name: n("x"), Type: File, Size: 1234567, Time: at("2024-11-23 16:32"), TimePrecision: Minute},
		},
		{
			"DOS in China", "2024/11/23  16:32    <DIR>          文档", "dos",
			Entry{Name: n("文档"), Type: Dir, Size: -1, Time: at("2024-11-23 16:32"), TimePrecision: Minute},
		},
		{
			"DOS link", "11/23/2024  04:32 PM    <SYMLINKD>     a b [C:\\x]", "dos",
			Entry{Name: n("a b"), Type: Link, Size: -1, Time: at("2024-11-23 16:32"), TimePrecision: Minute, Target: `C:\x`},
		},
		{
			"EPLF", "+i8388621.48594,m825718503,r,s280,up644,\tdjb.html", "eplf",
			Entry{Name: n("djb.html"), Type: File, Size: 280, Time: at("1996-03-01 22:15:03"), TimePrecision: Second, Mode: "644", Unique: "8388621.48594"},
		},
		{"EPLF directory", "+/,\t514 x", "eplf", Entry{Name: n("514 x"), Type: Dir, Size: -1}},
		{
			"NetWare", "d [R----F--] supervisor            512       Jan 16 18:53    login", "netware",
			Entry{Name: n("login"), Type: Dir, Size: 512, Time: at("2024-01-16 18:53"), TimePrecision: Minute, Mode: "[R----F--]", Owner: "supervisor"},
		},
		{
			"VMS", "CORE.DIR;1          1/9         8-SEP-2019 16:09:11.02  [GRP,SYSTEM]  (RWE,RWE,RE,RE)", "vms",
			Entry{Name: n("CORE.DIR;1"), Type: Dir, Size: -1, Time: at("2019-09-08 16:09:11"), TimePrecision: Second, Mode: "(RWE,RWE,RE,RE)", Owner: "SYSTEM", Group: "GRP"},
		},
		{
			"AS/400", "PEP             36864 11/23/24 14:00:34 *STMF      A B.TXT", "as400",
			Entry{Name: n("A B.TXT"), Type: File, Size: 36864, Time: at("2024-11-23 14:00:34"), TimePrecision: Second, Owner: "PEP"},
		},
		{
			"AS/400 directory", "QSYS            77824 02/23/00 15:09:55 *DIR       home/", "as400",
			Entry{Name: n("home"), Type: Dir, Size: 77824, Time: at("2000-02-23 15:09:55"), TimePrecision: Second, Owner: "QSYS"},
		},
		{"AS/400 member", "PEP             *MEM       X.MBR", "as400", Entry{Name: n("X.MBR"), Type: File, Size: -1, Owner: "PEP"}},
		{
			"MLSD", "type=file;size=1234;modify=20241123043211;UNIX.mode=0644;UNIX.ownername=a; x y", "mlsd",
			Entry{Name: n("x y"), Type: File, Size: 1234, Time: at("2024-11-23 04:32:11"), TimePrecision: Second, Mode: "0644", Owner: "a"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ParseListAt([]byte(tc.line+"\r\n"), 0, today)
			want := Listing{Entries: []Entry{tc.want}, Style: tc.style}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseListWholes(t *testing.T) {
	for _, tc := range []struct {
		name, in, style string
		names, unparsed []string
	}{
		{"empty", "", "", nil, nil},
		{"GNU", "total 12\r\ndrwxr-xr-x 2 a a 4096 Nov 23 04:32 .\r\n-rw-r--r-- 1 a a 1 Nov 23 04:32 b\r\n", "unix", []string{".", "b"}, nil},
		{"Chinese, bare LF", "总用量 12\n-rw-r--r-- 1 a a 1 11月 23 04:32 b\n", "unix", []string{"b"}, nil},
		{"GBK", "\xd7\xdc\xd3\xc3\xc1\xbf 12\r\n-rw-r--r-- 1 a a 1 11\xd4\xc2 23 04:32 b\r\n", "unix", []string{"b"}, nil},
		{"names only", "a.txt\r\nb 12\r\n", "", nil, []string{"a.txt", "b 12"}},
		{"an error amid", "-rw-r--r-- 1 a a 1 Nov 23 04:32 b\r\nls: cannot open c: Permission denied\r\n", "unix", []string{"b"}, []string{"ls: cannot open c: Permission denied"}},
		{"no such day", "-rw-r--r-- 1 a a 1 Feb 31 04:32 b\r\n", "", nil, []string{"-rw-r--r-- 1 a a 1 Feb 31 04:32 b"}},
		{
			"VMS with a long name", "\r\nDirectory DKA0:[USER]\r\n\r\nA_VERY_LONG_NAME_OF_A_FILE.TXT;12\r\n      3/4  23-NOV-2024 04:32:11 [A] (RWED,RWED,RE,)\r\nB.TXT;1 %RMS-E-PRV, insufficient privilege\r\n\r\nTotal of 2 files, 7 blocks.\r\n",
			"vms",
			[]string{"A_VERY_LONG_NAME_OF_A_FILE.TXT;12"},
			[]string{"B.TXT;1 %RMS-E-PRV, insufficient privilege"},
		},
		{"VMS name without data", "A.TXT;1\r\nB.TXT;1\r\n", "", nil, []string{"A.TXT;1", "B.TXT;1"}},
		{
			"z/OS data sets", "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\r\nWPTA01 3290   2004/03/04  1    3  FB      80  3125  PO  82.LOADLIB\r\nWPTA01 3290   2004/03/04  1    3  FB      80  3125  PS  A.SEQ\r\nMigrated                                                OLD.DATA\r\n",
			"mvs",
			[]string{"82.LOADLIB", "A.SEQ", "OLD.DATA"},
			nil,
		},
		{
			"z/OS members", " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\r\nBUILDALL  01.01 2004/03/04 2004/03/04 09:00    24    24     0 ADMIN\r\nPLAIN\r\n",
			"mvs",
			[]string{"BUILDALL", "PLAIN"},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ParseListAt([]byte(tc.in), 0, today)
			var names, unparsed []string
			for _, e := range got.Entries {
				names = append(names, string(e.Name))
			}
			for _, l := range got.Unparsed {
				unparsed = append(unparsed, string(l))
			}
			if got.Style != tc.style || cmp.Diff(tc.names, names) != "" || cmp.Diff(tc.unparsed, unparsed) != "" || got.Truncated {
				t.Errorf("style %q, names %q, unparsed %q, truncated %v", got.Style, names, unparsed, got.Truncated)
			}
		})
	}
}

func TestParseListLimit(t *testing.T) {
	in := []byte(strings.Repeat("-rw-r--r-- 1 a a 1 Nov 23 04:32 b\r\nnot a line\r\n", 10))
	got := ParseListAt(in, 5, today)
	if len(got.Entries) != 3 || len(got.Unparsed) != 2 || !got.Truncated {
		t.Errorf("%d entries, %d unparsed, truncated %v", len(got.Entries), len(got.Unparsed), got.Truncated)
	}
	if got := ParseListAt(in, 20, today); got.Truncated {
		t.Error("exactly at the limit: truncated")
	}
	long := ParseListAt(bytes.Repeat([]byte("x"), 3*maxLine), 0, today)
	if len(long.Unparsed) != 1 || len(long.Unparsed[0]) != maxLine {
		t.Errorf("%d lines", len(long.Unparsed))
	}
	if got := ParseList([]byte("-rw-r--r-- 1 a a 1 Jan  1 00:00 b\n"), 0).Entries[0].Time; got.After(time.Now().Add(25*time.Hour)) || time.Since(got) > 367*24*time.Hour {
		t.Errorf("a date without year became %v", got)
	}
}

func TestParseMLSD(t *testing.T) {
	for _, tc := range []struct {
		line string
		want Entry
		err  error
	}{
		{
			"modify=20241123043211.123;perm=flcdmpe;type=cdir;unique=801U4000002;UNIX.group=0;UNIX.mode=0755;UNIX.owner=0; .\r\n", // ProFTPD
			Entry{Name: []byte("."), Type: Dir, Size: -1, Time: at("2024-11-23 04:32:11").Add(123 * time.Millisecond), TimePrecision: Subsecond, Mode: "0755", Owner: "0", Group: "0", Perm: "flcdmpe", Unique: "801U4000002"},
			nil,
		},
		{
			"type=dir;sizd=4096;modify=20241123043211;UNIX.mode=0755;UNIX.uid=1000;UNIX.gid=1000;unique=g; a  b", // Pure-FTPd
			Entry{Name: []byte("a  b"), Type: Dir, Size: 4096, Time: at("2024-11-23 04:32:11"), TimePrecision: Second, Mode: "0755", Owner: "1000", Group: "1000", Unique: "g"},
			nil,
		},
		{" Type=file;Size=12; /a/b", Entry{Name: []byte("/a/b"), Type: File, Size: 12}, nil}, // MLST
		{"type=OS.unix=slink:/target;size=7; l", Entry{Name: []byte("l"), Type: Link, Size: 7, Target: "/target"}, nil},
		{"type=OS.unix=symlink; l", Entry{Name: []byte("l"), Type: Link, Size: -1}, nil},
		{"type=OS.unix=chr-1/2; tty", Entry{Name: []byte("tty"), Type: Other, Size: -1}, nil},
		{" no facts", Entry{Name: []byte("no facts"), Type: Other, Size: -1}, nil},
		{"type=file;  lead", Entry{Name: []byte(" lead"), Type: File, Size: -1}, nil},
		{"type=file;size=x;modify=y; \xd6\xd0", Entry{Name: []byte("\xd6\xd0"), Type: File, Size: -1}, nil},
		{"type=file;size=1", Entry{}, ErrNoFacts},
		{"type=file;size=1 x", Entry{}, ErrNoFacts},
		{"type; x", Entry{}, ErrNoFacts},
		{"a.txt", Entry{}, ErrNoFacts},
		{"type=file; a\ntype=file; b", Entry{}, ErrNoFacts},
		{"", Entry{}, ErrNoFacts},
	} {
		got, err := ParseMLSD([]byte(tc.line))
		if !errors.Is(err, tc.err) {
			t.Errorf("%q: %v", tc.line, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", tc.line, diff)
		}
	}
}

func FuzzList(f *testing.F) {
	for _, s := range []string{
		"total 1\r\n-rw-r--r-- 1 a b 5 Nov 23 04:32 x\r\n", "11-23-24  04:32PM  <DIR>  x\r\n", "+i1,m1,r,s2,\tx\n", "d [R--] a 1 Jan 1 2020 x\n",
		"A.B;1\r\n 1/2 1-NOV-2024 04:32 [A]\r\n", "Volume Dsname\nA B C D E F PO X\n", "A 1 1/2/24 1:00:00 *DIR x/\n", "type=dir; x\n", "lrwxrwxrwx 1 a b 5 11月 23日 2019年 x -> y\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		got := ParseListAt(b, 50, today)
		if !bytes.Equal(b, before) {
			t.Fatal("the input was changed")
		}
		if len(got.Entries)+len(got.Unparsed) > 50 || (got.Style == "") != (len(got.Entries) == 0) {
			t.Fatalf("%d entries, %d unparsed, style %q", len(got.Entries), len(got.Unparsed), got.Style)
		}
		for _, e := range got.Entries {
			if len(e.Name) == 0 || !bytes.Contains(b, e.Name) || e.Size < -1 || e.Type == "" || (e.TimePrecision == NoTime) != e.Time.IsZero() {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func FuzzMLSD(f *testing.F) {
	for _, s := range []string{"type=file;size=1;modify=20241123043211; x", " type=cdir; .", "type=OS.unix=slink:/a; b", ";; x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseMLSD(b)
		if err != nil {
			return
		}
		if len(e.Name) == 0 || !bytes.Contains(b, e.Name) || e.Size < -1 || e.Type == "" {
			t.Fatalf("%+v", e)
		}
		if bytes.HasSuffix(e.Name, []byte("\r")) {
			return // would be the line end
		}
		// The facts that were understood, written again, read the same.
		again, err := ParseMLSD(fmt.Appendf(nil, "size=%d;perm=%s;unique=%s; %s", e.Size, e.Perm, e.Unique, e.Name))
		if err != nil || !bytes.Equal(again.Name, e.Name) || again.Perm != e.Perm && !strings.Contains(e.Perm, " ") {
			t.Fatalf("%+v reads as %+v, %v", e, again, err)
		}
	})
}

func BenchmarkParseList(b *testing.B) {
	for name, line := range map[string]string{
		"unix": "-rw-r--r--    1 1000     1000         1234 Nov 23 04:32 a file of some length.txt\r\n",
		"dos":  "11-23-24  04:32PM                 1234 a file of some length.txt\r\n",
		"mlsd": "type=file;size=1234;modify=20241123043211;perm=adfrw;unique=801U4000002;UNIX.mode=0644; a file of some length.txt\r\n",
		"none": "a file of some length.txt\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			in := []byte(strings.Repeat(line, 10_000))
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				ParseListAt(in, 0, today)
			}
		})
	}
}
