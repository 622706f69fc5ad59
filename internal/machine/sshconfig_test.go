package machine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asSSH is what `ssh -G` makes of a configuration.
func asSSH(t *testing.T, file string, at Address) map[string][]string {
	t.Helper()
	args := []string{"-G", "-F", file}
	if at.User != "" {
		args = append(args, "-l", at.User)
	}
	if at.Port != 0 {
		args = append(args, "-p", strconv.Itoa(at.Port))
	}
	out, err := exec.CommandContext(t.Context(), "ssh", append(args, at.Host)...).Output()
	if err != nil {
		return nil
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[key] = append(all[key], value)
	}
	return all
}

// compareSSH reads a configuration and compares with ssh itself.
func compareSSH(t *testing.T, text string, at Address) (same bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := asSSH(t, file, at)
	c, err := readClientConfig([]string{file}, at)
	if want == nil {
		return true // ssh refuses it, and minds more than is read here
	}
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return false
	}
	got, o, err := c.apply(at, Options{})
	jump := "none"
	if err != nil {
		jump = "error" // ProxyCommand, or several machines
	} else if o.Jump != nil {
		jump = o.Jump.String()
	}
	if got.Port == 0 {
		got.Port = 22
	}
	same = true
	check := func(what, a, b string) {
		if a != b {
			same = false
			t.Errorf("%s: %q, ssh has %q, for %v in\n%s", what, a, b, at, text)
		}
	}
	check("host", strings.ToLower(got.Host), want["hostname"][0])
	check("user", got.User, want["user"][0])
	check("port", strconv.Itoa(got.Port), want["port"][0])
	if len(o.files) > 0 && err == nil {
		var files []string
		for _, f := range want["identityfile"] {
			files = append(files, c.expand(f, got.Port))
		}
		check("keys", strings.Join(o.files, " "), strings.Join(files, " "))
	}
	switch theirs := slices.Concat(want["proxyjump"], want["proxycommand"]); {
	case len(theirs) == 0 || theirs[0] == "none":
		check("jump", jump, "none")
	case len(want["proxyjump"]) > 0 && !strings.Contains(theirs[0], ","):
		a, err := ParseAddress(theirs[0])
		if err != nil {
			t.Fatal(err)
		}
		check("jump", jump, a.String())
	default:
		check("jump", jump, "error")
	}
	if v := want["hostkeyalias"]; len(v) > 0 || o.alias != "" {
		check("alias", o.alias, strings.Join(v, ""))
	}
	return same
}

func TestClientConfig(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("ssh is not there")
	}
	more := filepath.Join(t.TempDir(), "more")
	if err := os.WriteFile(more, []byte("User included\nHost other\n Port 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "# nothing\n\n", "Host prod\n  HostName ftp.example.com\n  User admin\n  Port 2200\n",
		"Host prod\n HostName one\nHost *\n HostName two\n User x\n", "User first\nHost prod\nUser second\n",
		"Host !prod *\n User not\nHost p?od\n User yes\n", "Host *.example.com prod !prod\n User x\n", "Host=prod\nPort=77\nUser = \"a b\"\n",
		"Host prod\n HostName %h.example.com\n", "Host PROD\n User upper\n", "HostName Ftp.Example.COM\n",
		"Match host prod\n User m\n", "Match originalhost prod user root\n User never\n", "Host prod\n HostName real\nMatch host real\n Port 5\n",
		"Match all\n Port 6\n", "Match !host prod\n Port 7\nMatch host !prod,*\n Port 8\n", "Match user admin\n Port 9\n",
		"Host prod\n IdentityFile ~/.ssh/a\n IdentityFile %d/.ssh/%h\nHost *\n IdentityFile ~/.ssh/a\n IdentityFile \"/k k\"\n IdentitiesOnly yes\n",
		"ProxyJump admin@bastion:2222\n", "ProxyJump none\nProxyCommand nc %h %p\n", "ProxyCommand nc %h %p\nProxyJump b\n", "ProxyJump a,b\n",
		"HostKeyAlias known\nUserKnownHostsFile ~/.ssh/x /y\n", "Include " + more + "\nPort 3\n", "Host prod\n Include " + more + "\nPort 4\n",
		"Host nobody\n Include " + more + "\n", "Port 2200 # a remark\nUser 'q'\n", "User a\\\"b\n", "Host\tprod\n\tUser\ttab\n",
	} {
		for _, at := range []Address{{Host: "prod"}, {Host: "prod", User: "admin"}, {Host: "other", Port: 2022}} {
			compareSSH(t, text, at)
		}
	}
}

// Configurations that nobody would write, the same every time.
func TestClientConfigAsSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("ssh is not there")
	}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	for range 150 {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			switch r.IntN(9) {
			case 0, 1:
				fmt.Fprintf(&b, "Host %s %s\n", pick("*", "prod", "p*", "!prod", "?rod", "x"), pick("", "*.example.com", "!p*", "other", "*"))
			case 2:
				fmt.Fprintf(&b, "Match %s %s\n", pick("host", "originalhost", "user", "!host", "!user"), pick("prod", "p*,!prod", "root", "*", "admin,root"))
			case 3:
				fmt.Fprintf(&b, "  HostName %s\n", pick("a.example.com", "%h.example.com", "192.0.2.1"))
			case 4:
				fmt.Fprintf(&b, "  User%s%s\n", pick(" ", "=", " = ", "\t"), pick("admin", "root", "\"x y\""))
			case 5:
				fmt.Fprintf(&b, "  Port %s\n", pick("22", "2200", "65535"))
			case 6:
				fmt.Fprintf(&b, "  IdentityFile %s\n", pick("~/.ssh/k", "/k", "%d/k"))
			case 7:
				fmt.Fprintf(&b, "  ProxyJump %s\n", pick("none", "bastion", "admin@bastion:22", "a,b"))
			case 8:
				fmt.Fprintf(&b, "  %s %s\n", pick("ForwardAgent", "Compression", "ServerAliveInterval", "HostKeyAlias"), pick("yes", "no"))
			}
		}
		text := strings.ReplaceAll(b.String(), "ServerAliveInterval yes", "ServerAliveInterval 5")
		text = strings.ReplaceAll(text, "ServerAliveInterval no", "ServerAliveInterval 6")
		if !compareSSH(t, text, Address{Host: pick("prod", "other", "a.example.com"), User: pick("", "root")}) {
			return
		}
	}
}

func FuzzClientConfig(f *testing.F) {
	f.Add("Host a !b\n Include x*\nMatch host a user \"b\n")
	f.Add("ProxyJump a@b:22\nIdentityFile '%d'\\\"\nPort=99999\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := Address{Host: "prod"}
		c, err := readClientConfig([]string{file}, at)
		if err != nil {
			return
		}
		if got, _, err := c.apply(at, Options{}); err == nil && (got.Port < 0 || got.Port > 65535) {
			t.Errorf("port %d", got.Port)
		}
	})
}
