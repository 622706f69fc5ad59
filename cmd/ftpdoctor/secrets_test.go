package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/report"
)

// secret is unlike any other text, and holds what URLs, JSON, shells and
// character sets write differently.
const secret = `Zq8vTn5Wk"x%+ü=\9/KwRj4Hs7`

// forms are the ways in which a secret could be told.
func forms(t *testing.T) map[string]string {
	t.Helper()
	plain, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte(secret)
	return map[string]string{
		"as it is": secret, "in JSON": strings.Trim(string(plain), `"`), "quoted": strings.Trim(strconv.QuoteToASCII(secret), `"`),
		"in a URL": url.QueryEscape(secret), "in a path": url.PathEscape(secret), "as user info": strings.TrimPrefix(url.UserPassword("", secret).String(), ":"),
		"base64": base64.StdEncoding.EncodeToString(b), "base64 for URLs": base64.RawURLEncoding.EncodeToString(b),
		"its beginning": secret[:9], "its end": secret[len(secret)-8:],
	}
}

// TestSecrets checks every demo fault with a password of its own and searches
// what the program writes, in every format and language, on both outputs, and
// into the recording.
func TestSecrets(t *testing.T) {
	told := forms(t)
	slots := make(chan struct{}, 12) // they wait for most of their time
	var wg sync.WaitGroup
	for _, f := range ftptest.Faults() {
		dir := t.TempDir()
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for where, text := range everyOutput(t, f, dir) {
				if len(text) == 0 && !strings.Contains(where, "stderr") {
					t.Errorf("%s: %s is empty", f.Name, where)
				}
				for form, s := range told {
					if bytes.Contains(text, []byte(s)) {
						t.Errorf("%s: the password is in %s (%s)", f.Name, where, form)
					}
				}
			}
		})
	}
	wg.Wait()
}

// everyOutput checks a fault once, live, and then its recording in every format.
func everyOutput(t *testing.T, f ftptest.Fault, dir string) map[string][]byte {
	if f.Password == ftptest.Password {
		f.Script = "user: " + ftptest.User + " " + secret + "\n" + f.Script
	}
	if f.Password != "" {
		f.Password = secret
	}
	s, err := ftptest.Start(f)
	if err != nil {
		t.Logf("%s: not checked here: %v", f.Name, err)
		return nil
	}
	defer s.Close()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Error(err)
		}
		return path
	}
	tape := filepath.Join(dir, "a.rec")
	args := append([]string{
		"check", s.Target(), "--ca-file", file("ca.pem", s.CertPEM()), "--record", tape, "-v", "--lang", "en",
	}, f.Args...)
	if f.Password != "" {
		args = append(args, "--password-file", file("password", []byte(secret+"\n")))
	}
	out := map[string][]byte{}
	say := func(name string, args ...string) {
		var stdout, stderr bytes.Buffer
		if code := run(args, strings.NewReader(""), &stdout, &stderr); code > 2 || len(f.Want) == 0 && code == 2 { // the password is the right one
			t.Errorf("%s: %s: exit code %d: %s", f.Name, name, code, stderr.String())
		}
		out[name], out[name+", stderr"] = stdout.Bytes(), stderr.Bytes()
	}
	say("the live check", args...)
	for _, format := range report.Formats() {
		for _, lang := range finding.Langs {
			name := format + " " + string(lang)
			say(name, "check", "--replay", tape, "--format", format, "--lang", string(lang))
			say(name+" -v", "check", "--replay", tape, "--format", format, "--lang", string(lang), "-v")
		}
	}
	if out["the recording"], err = os.ReadFile(tape); err != nil {
		t.Error(err)
	}
	if live, again := out["the live check"], out["text en -v"]; !bytes.Equal(live, again) {
		t.Errorf("%s: the replay differs:\n%s\n%s", f.Name, live, again)
	}
	return out
}

// TestSecretsOfPastedText: what is pasted holds passwords, and none comes back.
func TestSecretsOfPastedText(t *testing.T) {
	told := forms(t)
	for _, text := range []string{
		"USER kim\n331 Password please\nPASS " + secret + "\n530 Login incorrect.",
		"curl -u kim:" + url.QueryEscape(secret) + " ftp://files.example.com/\ncurl: (67) Access denied: 530",
		"ftp://kim:" + url.PathEscape(secret) + "@files.example.com/: Connection refused",
		"> Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(secret)) + "\n< HTTP/1.1 401 Unauthorized",
	} {
		for _, format := range report.Formats() {
			for _, lang := range finding.Langs {
				var stdout, stderr bytes.Buffer
				if code := run([]string{"explain", "-", "-v", "--format", format, "--lang", string(lang)}, strings.NewReader(text), &stdout, &stderr); code != exitFindings {
					t.Errorf("%q: exit code %d: %s", text, code, stderr.String())
				}
				for form, s := range told {
					if bytes.Contains(stdout.Bytes(), []byte(s)) || bytes.Contains(stderr.Bytes(), []byte(s)) {
						t.Errorf("%q: the password is in %s %s (%s)", text, format, lang, form)
					}
				}
			}
		}
	}
}
