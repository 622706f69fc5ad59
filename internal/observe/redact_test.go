package observe

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, secret, in, want string }{
		{"as it is", "Top-secret.1", "PASS Top-secret.1\r\n", "PASS ****\r\n"},
		{"twice", "Top-secret.1", "Top-secret.1Top-secret.1", "********"},
		{"in a URL", "p@ss word/1", "ftp://u:" + url.QueryEscape("p@ss word/1") + "@h/", "ftp://u:****@h/"},
		{"in a path", "p@ss word/1", "ftp://u:" + url.PathEscape("p@ss word/1") + "@h/", "ftp://u:****@h/"},
		{"base64", "Top-secret.1", "Basic " + base64.StdEncoding.EncodeToString([]byte("Top-secret.1")), "Basic ****"},
		{"quoted", "a\"b\\c\x01d", strconv.Quote("a\"b\\c\x01d"), `"****"`},
		{"Chinese", "密码很长", "530 密码很长 不对", "530 **** 不对"},
		{"short, as a word", "abc", "PASS abc\r\n", "PASS ****\r\n"},
		{"short, within words", "abc", "the abcde of xabc", "the abcde of xabc"},
		{"none", "", "nothing to hide", "nothing to hide"},
	} {
		w := Live()
		w.Hide(c.secret)
		if got := w.Redact(c.in); got != c.want {
			t.Errorf("%s: Redact(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// TestRedactTheLongestFirst: a secret that holds another leaves no rest.
func TestRedactTheLongestFirst(t *testing.T) {
	w := Live()
	w.Hide("hunter")
	w.Hide("hunter2-long")
	if got := w.Redact("PASS hunter2-long, hunter"); got != "PASS ****, ****" {
		t.Errorf("got %q", got)
	}
}

// TestNoSecretInRecording: whatever carries a secret, no step keeps it.
func TestNoSecretInRecording(t *testing.T) {
	for _, secret := range []string{"Top-secret.1", `q<u>o&t"e\d`, "密码很长", "p%40ss word"} {
		s := server(t, "connect → pass\n* → 200 you said {arg}")
		t.Setenv("FTPDOCTOR_TEST_SECRET", secret)
		recorded := tape(t, func(w *World) {
			w.Hide(secret)
			w.Environment("FTPDOCTOR_TEST_SECRET")
			c, d := w.Dial(t.Context(), addrOfServer(t, s), DialOptions{})
			if c == nil {
				t.Fatal(d)
			}
			defer c.Close()
			buf := make([]byte, 512)
			_, _ = c.Read(buf)
			_, _ = c.Write([]byte("PASS " + secret + "\r\n"))
			_, _ = c.Read(buf)
			_, _ = c.Write([]byte("\xff\xfe PASS " + secret + "\r\n")) // not UTF-8
		})
		if !bytes.Contains(recorded, []byte(Hidden)) {
			t.Fatalf("%q: nothing was hidden:\n%s", secret, recorded)
		}
		for name, form := range map[string]string{
			"as it is":   secret,
			"in JSON":    strings.Trim(strconv.Quote(secret), `"`),
			"in a URL":   url.QueryEscape(secret),
			"in a path":  url.PathEscape(secret),
			"base64":     base64.StdEncoding.EncodeToString([]byte(secret)),
			"HTML-safe":  strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, `"`, `\"`, `\`, `\\`).Replace(secret),
			"JSON twice": strings.Trim(strconv.Quote(strings.Trim(strconv.Quote(secret), `"`)), `"`),
		} {
			if bytes.Contains(recorded, []byte(form)) {
				t.Errorf("%q is in the recording (%s):\n%s", secret, name, recorded)
			}
		}
	}
}

// TestSecretThatBecomesKnownLate: a secret hidden after a step that carried it
// is not in the recording either.
func TestSecretThatBecomesKnownLate(t *testing.T) {
	t.Setenv("FTPDOCTOR_TEST_SECRET", "http://u:Top-secret.1@proxy/")
	recorded := tape(t, func(w *World) {
		w.Environment("FTPDOCTOR_TEST_SECRET")
		w.Hide("Top-secret.1")
	})
	if bytes.Contains(recorded, []byte("Top-secret.1")) {
		t.Errorf("the secret is in the recording:\n%s", recorded)
	}
}
