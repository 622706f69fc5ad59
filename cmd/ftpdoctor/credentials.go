package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/term"

	"ftpdoctor/internal/observe"
)

// credentials completes user and password: URL, then environment, password
// file, netrc, and at last a prompt, on a terminal only.
func (p *program) credentials(t *observe.Target, f *checkFlags) error {
	if t.User == "" {
		t.User = os.Getenv("FTPDOCTOR_USER")
	}
	if t.HasPass {
		return nil
	}
	if f.passwordFile != "" {
		pass, err := firstLineOf(f.passwordFile)
		if err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
		t.Password, t.HasPass = pass, true
		return nil
	}
	if pass, ok := os.LookupEnv("FTPDOCTOR_PASSWORD"); ok {
		t.Password, t.HasPass = pass, true
		return nil
	}
	if login, pass, ok := fromNetrc(t.Host, t.User); ok {
		t.User, t.Password, t.HasPass = login, pass, true
		return nil
	}
	if t.User == "" || strings.EqualFold(t.User, "anonymous") {
		return nil
	}
	keys := t.Protocol() == observe.SSH || t.Protocol() == observe.Any && f.hasKeys()
	in, ok := p.in.(*os.File)
	if keys && (f.hasKeys() || !ok || !term.IsTerminal(int(in.Fd()))) {
		return nil
	}
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fmt.Errorf("no password for %s; set FTPDOCTOR_PASSWORD or give --password-file", t)
	}
	fmt.Fprintf(p.err, "Password for %s: ", t)
	pass, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(p.err)
	if err != nil {
		return fmt.Errorf("reading the password: %w", err)
	}
	t.Password, t.HasPass = string(pass), true
	return nil
}

// hasKeys: a login over SSH may need no password.
func (f *checkFlags) hasKeys() bool {
	if len(f.options.Identity) > 0 || os.Getenv("SSH_AUTH_SOCK") != "" {
		return true
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return false
	}
	found, err := filepath.Glob(filepath.Join(home, ".ssh", "id_*"))
	return err == nil && len(found) > 0
}

func firstLineOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// fromNetrc reads ~/.netrc (or $NETRC), as ftp(1) and curl do.
func fromNetrc(host, user string) (login, password string, ok bool) {
	path := os.Getenv("NETRC")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", "", false
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path = filepath.Join(home, name)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return "", "", false
	}
	return parseNetrc(string(b), host, user)
}

// parseNetrc finds the first entry for the host, and for the user if one is
// given; "default" matches every host.
func parseNetrc(text, host, user string) (login, password string, ok bool) {
	words := strings.Fields(text)
	matching := false
	found := func() bool { return matching && password != "" && (user == "" || user == login) }
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "machine", "default":
			if found() {
				return login, password, true
			}
			login, password = "", ""
			matching = words[i] == "default" || strings.EqualFold(next, host)
			if words[i] == "machine" {
				i++
			}
		case "login":
			login, i = next, i+1
		case "password":
			password, i = next, i+1
		case "account", "macdef":
			i++
		}
	}
	if found() {
		return login, password, true
	}
	return "", "", false
}
