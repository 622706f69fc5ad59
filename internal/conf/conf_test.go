package conf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/conf"
)

// outline writes what was read, one directive a line: sections around it, name,
// arguments in brackets, place.
func outline(all func(func(*conf.Directive) bool)) string {
	var b strings.Builder
	for d := range all {
		for range d.Context() {
			b.WriteString("  ")
		}
		fmt.Fprintf(&b, "%s %q @%d:%d", d.Name, d.Args, d.Pos.Line, d.Pos.Col)
		for _, p := range d.At {
			fmt.Fprintf(&b, ",%d:%d", p.Line, p.Col)
		}
		for _, a := range d.Attrs {
			fmt.Fprintf(&b, " %s=%q@%d:%d", a.Name, a.Value, a.Pos.Line, a.Pos.Col)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     conf.Kind
		src      string
		want     string
		problems string // "fault line:col detail"
	}{
		{"vsftpd", conf.VSFTPD, "# c\n\nlisten=YES \n  a=b=c\nlisten\r\nx=\n", `
listen ["YES "] @3:1,3:8
a ["b=c"] @4:3,4:5
listen [] @5:1
x [""] @6:1,6:3
`, ""},
		{"vsftpd, blanks", conf.VSFTPD, " # c\nlisten = YES\n=x", "\nlisten [\" YES\"] @2:1,2:9\n", "1 1:2 ; 0 2:7 listen; 7 3:1 "},
		{"proftpd", conf.ProFTPD, "ServerName \"a b\" # c\n<Limit READ \\\n  WRITE>\n DenyAll\n</Limit>\n# c \\\nPort 21\n", `
ServerName ["a b"] @1:1,1:12
Limit ["READ" "WRITE"] @2:1,2:8,3:3
  DenyAll [] @4:2
Port ["21"] @7:1,7:6
`, ""},
		{"proftpd, sections", conf.ProFTPD, "<Global>\n<Limit LOGIN>\n</Global>\n</Limit>\n<Anonymous ~x>\n<Directory", `
Global [] @1:1
  Limit ["LOGIN"] @2:1,2:8
Anonymous ["~x"] @5:1,5:12
`, "3 2:1 Limit; 4 4:1 Limit; 2 6:1 <Directory; 3 5:1 Anonymous"},
		{"proftpd, conditions", conf.ProFTPD, "<IfModule a>\n<Limit X>\n</IfModule>\nA \\b\n</Limit>\nC\n</IfModule> x\n", `
IfModule ["a"] @1:1,1:11
  Limit ["X"] @2:1,2:8
    A ["\\b"] @4:1,4:3
C [] @6:1
`, "5 7:13 x; 4 7:1 IfModule"},
		{"proftpd, nothing to join", conf.ProFTPD, "A b \\\r\nC d \\", "\nA [\"b\" \"\\\\\"] @1:1,1:3,1:5\nC [\"d\"] @2:1,2:3\n", ""},
		{"pure-ftpd", conf.PureFTPD, "# c\nUmask  133:022\nNoAnonymous = yes\n  AltLog clf:/a b\nBind\n", `
Umask ["133:022"] @2:1,2:8
NoAnonymous ["yes"] @3:1,3:15
AltLog ["clf:/a" "b"] @4:3,4:10,4:17
Bind [] @5:1
`, "8 5:1 Bind"},
		{"pure-ftpd directory", conf.PureFTPDDir, "# c\n 1000 2000 \n", "\nMinUID [\"1000 2000\"] @2:2,2:2\n", ""},
		{"sshd", conf.SSHD, "port=22\nAllowUsers a \"b c\" 'd' # e\nMatch User=x Group \"y z\"\n\tForceCommand \"a\nMatch all\nX11Forwarding no", `
port ["22"] @1:1,1:6
AllowUsers ["a" "b c" "d"] @2:1,2:12,2:14,2:20
Match ["User" "x" "Group" "y z"] @3:1,3:7,3:12,3:14,3:20
  ForceCommand [] @4:2
Match ["all"] @5:1,5:7
  X11Forwarding ["no"] @6:1,6:15
`, "6 4:2 ForceCommand"},
		{"sshd, quotes in keywords", conf.SSHD, "Por\"t\" 22\nPor\"t 22\n", "\nPort [\"22\"] @1:1,1:8\n", "9 2:1 Por\"t 22"},
		{"sshd, passed over", conf.SSHD, "\"Port 22\n = Port 1\n=\n", "\nPort [\"1\"] @2:4,2:9\n", "9 1:1 \"Port 22"},
		{"sshd, nothing behind", conf.SSHD, "Port\n\f\n", "\nPort [] @1:1\n", "8 1:1 Port; 7 2:1 "},
		{"iis", conf.IIS, "<?xml version=\"1.0\"?>\r\n<a>\r\n  <site name='x &amp; y'\r\n    id=\"1\" />\r\n<!-- c --></a>", `
a [] @2:1
  site [] @3:3 name="x & y"@3:15 id="1"@4:9
`, ""},
		{"iis, not closed", conf.IIS, "<a><b></a>", "\na [] @1:1\n  b [] @1:4\n", "4 1:7 a; 3 1:1 a"},
		{"iis, broken", conf.IIS, "<a>\n<b x=1/></a>", "\na [] @1:1\n", "10 2:1 unquoted or missing attribute value in element; 3 1:1 a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "f"
			if c.kind == conf.PureFTPDDir {
				name = "/etc/pure-ftpd/conf/MinUID"
			}
			doc, problems := conf.Parse(c.kind, name, []byte(c.src))
			if got := "\n" + outline(doc.All()); got != c.want {
				t.Errorf("got%s\nwant%s", got, c.want)
			}
			var told []string
			for _, p := range problems {
				told = append(told, fmt.Sprintf("%d %d:%d %s", p.Fault, p.Pos.Line, p.Pos.Col, p.Detail))
			}
			if got := strings.Join(told, "; "); got != c.problems {
				t.Errorf("problems %s, want %s", got, c.problems)
			}
			if got := string(doc.Bytes()); got != c.src {
				t.Errorf("printed %q", got)
			}
		})
	}
}

func TestGet(t *testing.T) {
	for _, c := range []struct {
		kind conf.Kind
		src  string
		name string
		line int // 0: none
	}{
		{conf.VSFTPD, "a=1\na=2\nA=3", "a", 2},
		{conf.PureFTPD, "a 1\nA 2\n", "a", 2},
		{conf.SSHD, "Match all\nPort 1\n", "port", 0},
		{conf.SSHD, "Port 1\nport 2\n", "PORT", 1},
		{conf.ProFTPD, "<Global>\nUmask 1\n</Global>\nUmask 2\nUmask 3", "umask", 4},
		{conf.ProFTPD, "<VirtualHost x>\nUmask 1\n</VirtualHost>\n<IfModule y>\n<Global>\nUmask 2\n</Global>\n</IfModule>", "umask", 6},
		{conf.ProFTPD, "<Anonymous x>\nUmask 1\n</Anonymous>", "umask", 0},
	} {
		doc, _ := conf.Parse(c.kind, "f", []byte(c.src))
		got, ok := doc.Get(c.name)
		if ok != (c.line > 0) || ok && got.Pos.Line != c.line {
			t.Errorf("%q, %s: %v", c.src, c.name, got)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		name string
		kind conf.Kind
		src  string
		edit func(*conf.Document) []conf.Edit
		want string
	}{
		{"change", conf.VSFTPD, "a=1\r\n b=2 \r\n", func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set("b", "3"), d.Set("a", "0")} }, "a=0\r\nb=3\r\n"},
		{"append", conf.VSFTPD, "a=1", func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set("b", "3"), d.Set("c", "4")} }, "a=1\nb=3\nc=4\n"},
		{"before Match", conf.SSHD, "A b\nMatch all\n  C d\n", func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set("C", "e f")} }, "A b\nC \"e f\"\nMatch all\n  C d\n"},
		{"within", conf.ProFTPD, "  <Limit \\\n  X>\n  </Limit>\n", func(d *conf.Document) []conf.Edit {
			limit := slices.Collect(d.All())[0]
			return []conf.Edit{d.InsertAfter(limit, "DenyAll")}
		}, "  <Limit \\\n  X>\n    DenyAll\n  </Limit>\n"},
		{"delete", conf.ProFTPD, "A b \\\n c\nD e", func(d *conf.Document) []conf.Edit {
			return []conf.Edit{d.Delete(slices.Collect(d.All())[0])}
		}, "D e"},
		{"twice the same", conf.PureFTPD, "A b\n", func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set("a", "c"), d.Set("a", "c")} }, "A c\n"},
		{"attribute", conf.IIS, "<a b='1'\n c=\"2\" />", func(d *conf.Document) []conf.Edit {
			return []conf.Edit{d.SetAttr(slices.Collect(d.All())[0], "c", "<3>")}
		}, "<a b='1'\n c=\"&lt;3>\" />"},
		{"new attribute", conf.IIS, "x <a />", func(d *conf.Document) []conf.Edit {
			return []conf.Edit{d.SetAttr(slices.Collect(d.All())[0], "c", "3")}
		}, "x <a c=\"3\" />"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, _ := conf.Parse(c.kind, "f", []byte(c.src))
			changed, err := doc.Apply(c.edit(doc)...)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(changed.Bytes()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if string(doc.Bytes()) != c.src {
				t.Errorf("the document itself has changed")
			}
		})
	}
}

func TestEditsRefused(t *testing.T) {
	doc, _ := conf.Parse(conf.VSFTPD, "f", []byte("a=1\nb=2\n"))
	for _, edits := range [][]conf.Edit{
		{{File: "g", Line: 1}},
		{{File: "f", Line: 1, Old: "a=2\n"}},
		{{File: "f", Line: 3, Old: "c\n"}},
		{{File: "f", Line: 0, New: "c\n"}},
		{{File: "f", Line: 1, Old: "a=1\nb=2\n"}, {File: "f", Line: 2, Old: "b=2\n"}},
	} {
		if _, err := doc.Apply(edits...); err == nil {
			t.Errorf("%v is accepted", edits)
		}
	}
}

// files is a file system of a few texts.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (f files) glob(pattern string) ([]string, error) {
	var out []string
	for name := range f {
		if ok, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			out = append(out, name)
		}
	}
	return out, nil
}

func TestSet(t *testing.T) {
	f := files{
		"/etc/ssh/sshd_config":          "Include sshd_config.d/*.conf\nPort 22\nMatch User x\nInclude /none\n Include /etc/m\n",
		"/etc/ssh/sshd_config.d/b.conf": "Port 2\n",
		"/etc/ssh/sshd_config.d/a.conf": "Match all\nX11Forwarding no\n",
		"/etc/m":                        "ForceCommand c\n",
	}
	s, problems := conf.ParseSet(conf.SSHD, "/etc/ssh/sshd_config", f.read, f.glob)
	want := `Include ["sshd_config.d/*.conf"] @1:1,1:9
Match ["all"] @1:1,1:7
  X11Forwarding ["no"] @2:1,2:15
Port ["2"] @1:1,1:6
Port ["22"] @2:1,2:6
Match ["User" "x"] @3:1,3:7,3:12
  Include ["/none"] @4:1,4:9
  Include ["/etc/m"] @5:2,5:10
  ForceCommand ["c"] @1:1,1:14
`
	if got := outline(s.All()); got != want {
		t.Errorf("got\n%s", got)
	}
	if port, ok := s.Get("Port"); !ok || port.Arg(0) != "2" {
		t.Errorf("Port is %v", port)
	}
	if u := s.Unread(); len(u) != 1 || u[0].Include.Pattern != "/none" || len(problems) != 0 {
		t.Errorf("unread %v, problems %v", u, problems)
	}
}

func TestSetOfDirectory(t *testing.T) {
	f := files{"/d/MinUID": "1000\n", "/d/TLS": "# none\n1\n", "/other": "x"}
	s, _ := conf.ParseSet(conf.PureFTPDDir, "/d", f.read, f.glob)
	if tls, ok := s.Get("tls"); !ok || tls.Arg(0) != "1" || tls.Pos.Line != 2 || len(s.Docs()) != 2 {
		t.Errorf("%v in %d files", tls, len(s.Docs()))
	}
}

// ProFTPD includes every file of a directory, as Debian's conf.d; an empty one
// is no loss.
func TestSetIncludesDirectories(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"conf.d", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"main":     "Include " + dir + "/conf.d/\nInclude " + dir + "/conf.d\nInclude " + dir + "/empty/\nInclude " + dir + "/none\n",
		"conf.d/a": "Port 1\n", "conf.d/b": "Umask 022\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := conf.ParseSet(conf.ProFTPD, filepath.Join(dir, "main"), os.ReadFile, filepath.Glob)
	if n := len(s.Named("port")); n != 2 || len(s.Docs()) != 5 || len(s.Unread()) != 1 {
		t.Errorf("%d ports in %d files, unread %v", n, len(s.Docs()), s.Unread())
	}
}

// A file that includes itself ends.
func TestSetEndless(t *testing.T) {
	f := files{"/a": "Include /a\nInclude /a\n"}
	s, _ := conf.ParseSet(conf.ProFTPD, "/a", f.read, f.glob)
	if n := len(s.Docs()); n == 0 || n > 512 {
		t.Errorf("%d files", n)
	}
	s, _ = conf.ParseSet(conf.ProFTPD, "/missing", f.read, f.glob)
	if u := s.Unread(); len(u) != 1 || !errors.Is(u[0].Err, fs.ErrNotExist) {
		t.Errorf("unread %v", u)
	}
}

// FuzzParse: whatever the bytes, printing gives them back, places lie within the
// file, sections nest, and edits do what they say.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"listen=YES\n# c\n a = b\r\n", "<Limit A \\\n B>\n \"x y\" # c\n</Limit>\n", "Umask 1:2\nTLS 1\n", "Match User \"a b\" Group=c\nX 'y' \\\"z\n",
		"<?xml version='1.0'?><a b='c'><d e=\"f&quot;\"/></a>", "\"\n<\n</\n<>\n\\", "\xff\xfe<a\x00b='\xff'>\n", "<a b='1' b=\"2\nx\"\n/>",
	} {
		for k := range conf.IIS + 1 {
			f.Add(int(k), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind int, src []byte) {
		k := conf.Kind(uint(kind) % uint(conf.IIS+1))
		doc, problems := conf.Parse(k, "f", src)
		if got := doc.Bytes(); !bytes.Equal(got, src) {
			t.Fatalf("printed %q", got)
		}
		within := func(p conf.Pos) {
			if p.Line < 1 || p.Line > max(doc.Lines(), 1) || p.Col < 1 || p.Col > len(src)+1 {
				t.Fatalf("%v is outside", p)
			}
		}
		for _, p := range problems {
			within(p.Pos)
		}
		for d := range doc.All() {
			within(d.Pos)
			for _, p := range d.At {
				within(p)
			}
			for _, a := range d.Attrs {
				within(a.Pos)
			}
			if d.Parent != nil && !d.Parent.Section || len(d.At) != len(d.Args) && k != conf.IIS {
				t.Fatalf("%+v", d)
			}
			for _, e := range []conf.Edit{doc.Delete(d), doc.Replace(d, "x"), doc.InsertAfter(d, "x")} {
				if _, err := doc.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			if k != conf.IIS {
				continue
			}
			for _, a := range d.Attrs {
				changed, err := doc.Apply(doc.SetAttr(d, a.Name, "new"))
				if err != nil || !strings.Contains(string(changed.Bytes()), "new") {
					t.Fatalf("%s: %v", a.Name, err)
				}
			}
		}
	})
}
