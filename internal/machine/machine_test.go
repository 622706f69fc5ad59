package machine

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeWay answers commands from a func.
type fakeWay func(argv []string) (Output, error)

func (f fakeWay) run(_ context.Context, argv []string) (Output, error) { return f(argv) }
func (fakeWay) close() error                                           { return nil }

// TestSudo: what needs root goes through sudo, where sudo lets it.
func TestSudo(t *testing.T) {
	refused := Output{Exit: 1, Stderr: []byte("sudo: a password is required\n")}
	way := fakeWay(func(argv []string) (Output, error) {
		root := argv[0] == "sudo"
		if root {
			argv = argv[3:]
		}
		switch {
		case root && argv[0] == "journalctl":
			return refused, nil
		case argv[0] == "nosuch":
			return Output{}, exec.ErrNotFound
		case argv[0] != "/bin/sh":
			return Output{Stdout: []byte(map[bool]string{true: "as root", false: "as we"}[root])}, nil
		case root && slices.Contains(argv, "/etc/shadow"):
			return Output{Stdout: []byte("secret")}, nil
		case root && slices.Contains(argv, "/refused"):
			return refused, nil
		default:
			return Output{Exit: 1, Stderr: []byte("head: x: Permission denied\n")}, nil
		}
	})
	m := &Machine{way: way, sudo: func() bool { return true }, system: func() System { return System{OS: "linux"} }}
	for _, tt := range []struct{ name, want string }{{"nft", "as root"}, {"/usr/sbin/nft", "as root"}, {"uptime", "as we"}, {"journalctl", "as we"}} {
		out, err := m.Run(t.Context(), tt.name, "x")
		if err != nil || string(out.Stdout) != tt.want {
			t.Errorf("Run(%s) = %q, %v; want %q", tt.name, out.Stdout, err, tt.want)
		}
	}
	if _, err := m.Run(t.Context(), "nosuch"); !errors.Is(err, exec.ErrNotFound) || err.Error() != "nosuch: executable file not found in $PATH" {
		t.Errorf("Run(nosuch): %v", err)
	}
	if got, err := m.ReadFile(t.Context(), "/etc/shadow"); err != nil || string(got) != "secret" {
		t.Errorf("ReadFile of root's = %q, %v", got, err)
	}
	if _, err := m.ReadFile(t.Context(), "/refused"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("ReadFile that sudo refuses: %v, want fs.ErrPermission", err)
	}
	var ran []string
	for _, c := range m.Ran() {
		ran = append(ran, c.String())
	}
	want := []string{
		"sudo -n nft x", "sudo -n /usr/sbin/nft x", "uptime x", "sudo -n journalctl x", "journalctl x", "nosuch",
		"cat /etc/shadow", "sudo -n cat /etc/shadow", "cat /refused", "sudo -n cat /refused",
	}
	if diff := cmp.Diff(want, ran); diff != "" {
		t.Errorf("Ran (-want +got):\n%s", diff)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"ssh://admin@ftp.example.com":       {"admin", "ftp.example.com", 0},
		"ssh://admin@ftp.example.com:2222/": {"admin", "ftp.example.com", 2222},
		"admin@ftp.example.com":             {"admin", "ftp.example.com", 0},
		"ftp.example.com:2222":              {"", "ftp.example.com", 2222},
		"ssh://[2001:db8::1]":               {"", "2001:db8::1", 0},
		"ssh://a@[2001:db8::1]:22":          {"a", "2001:db8::1", 22},
	} {
		got, err := ParseAddress(text)
		if err != nil || got != want {
			t.Errorf("ParseAddress(%s) = %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseAddress(got.String()); err != nil || again.Host != got.Host || again.User != got.User {
			t.Errorf("ParseAddress(%s) = %+v, %v", got, again, err)
		}
	}
	for _, text := range []string{"", "ssh://", "ftp://h", "ssh://h:0", "ssh://h:99999", "ssh://u:secret@h", "ssh://h/path", "ssh://h?q", "ssh://-oProxyCommand=id", "ssh://h:x"} {
		if a, err := ParseAddress(text); err == nil {
			t.Errorf("ParseAddress(%q) = %+v, want an error", text, a)
		} else if strings.Contains(text, "secret") && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseAddress(%q) repeats the password: %v", text, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("81a4 0 0 5 1767323045 root root\n2026-01-02 03:04:05.123456789 +0000\n")
	f.Add("41ed 1000 1000 5 1767323045 UNKNOWN 1000\n\n/target\nwith newline\n")
	f.Add("x")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseStat("name", text)
		if err == nil && file.Path != "name" {
			t.Errorf("%+v", file)
		}
	})
}

func FuzzParseSystem(f *testing.F) {
	f.Add("Linux\n6.1.0\nhost\nroot\n0\n1767323045.123456789\n192.0.2.1 5 192.0.2.2 22\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian\"\n")
	f.Add("Darwin\n25\nmac\nme\n501\n1767323045.N\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, _, _, err := parseSystem(text)
		if err == nil && strings.Contains(s.User, "\n") {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add("a'b", "$x")
	f.Fuzz(func(t *testing.T, a, b string) {
		q := Quote(a, b)
		// Outside of apostrophes there are only plain characters and \'.
		in := false
		for i := 0; i < len(q); i++ {
			switch c := q[i]; {
			case c == '\'':
				in = !in
			case !in && c == '\\' && i+1 < len(q) && q[i+1] == '\'':
				i++
			case !in && strings.IndexByte("$`\"\\;&|<>()*?[]{}!#~\n\t", c) >= 0:
				t.Fatalf("%q is quoted as %s", []string{a, b}, q)
			}
		}
		if in {
			t.Fatalf("%q is quoted as %s", []string{a, b}, q)
		}
	})
}
