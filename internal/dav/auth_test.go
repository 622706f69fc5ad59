package dav_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ftpdoctor/internal/dav"
)

func TestChallenges(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		want   string // schemes
		realm  string // of the last
	}{
		{[]string{`Basic realm="a, b"`}, "basic", "a, b"},
		{[]string{`Basic realm="say \"hi\"", charset="UTF-8"`}, "basic", `say "hi"`},
		{[]string{`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`}, "newauth, basic", "simple"},
		{[]string{`Digest realm="d", nonce="n", algorithm=SHA-256, qop="auth, auth-int"`, `Digest realm="e", nonce="n", algorithm=MD5`}, "digest SHA-256, digest MD5", "e"},
		{[]string{"Negotiate", "NTLM"}, "negotiate, ntlm", ""},
		{[]string{"Negotiate, NTLM, Basic realm=x"}, "negotiate, ntlm, basic", "x"},
		{[]string{"Negotiate YIIabcdefghijklmnop==, Basic realm=y"}, "negotiate, basic", "y"},
		{[]string{`Bearer`}, "bearer", ""},
		{[]string{`Basic realm = "spaced"`}, "basic", "spaced"},
		{[]string{`, ,Basic realm=z, ,`}, "basic", "z"},
		{[]string{``, ` `}, "", ""},
		{[]string{`Basic realm="open`}, "basic", ""},
	} {
		all := dav.ParseChallenges(tt.fields)
		if got := dav.Schemes(all); got != tt.want {
			t.Errorf("%q: schemes %q, want %q", tt.fields, got, tt.want)
		}
		if n := len(all); n > 0 && all[n-1].Params["realm"] != tt.realm {
			t.Errorf("%q: realm %q, want %q", tt.fields, all[n-1].Params["realm"], tt.realm)
		}
	}
}

func TestStrongest(t *testing.T) {
	for in, want := range map[string]string{
		`Basic realm=a, Digest realm=b, nonce=n`:                              "digest",
		`Digest realm=a, nonce=n, Digest realm=b, nonce=n, algorithm=SHA-256`: "digest SHA-256",
		`Digest realm=b, nonce=n, qop=auth-int, Basic realm=x`:                "basic",
		`Digest realm=b, nonce=n, algorithm=TOKEN, Basic realm=x`:             "basic",
		`Negotiate, NTLM`:               "",
		`Bearer realm=x`:                "",
		`Digest realm=b, Basic realm=x`: "basic",
	} {
		c, ok := dav.Strongest(dav.ParseChallenges([]string{in}))
		if got := dav.Schemes([]dav.Challenge{c}); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// The examples of RFC 7616 §3.9.1, RFC 2617 §3.5 and RFC 7617 §2.
func TestAuthorization(t *testing.T) {
	const nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	l := dav.Login{User: "Mufasa", Password: "Circle of Life"}
	for _, tt := range []struct{ challenge, cnonce, target, want string }{
		{`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="` + nonce + `", opaque="FQhe"`, cnonce, "/dir/index.html", `response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`},
		{`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="` + nonce + `"`, cnonce, "/dir/index.html", `response="8ca523f5e9506fed4657c9700eebdbec"`},
	} {
		c := dav.ParseChallenges([]string{tt.challenge})[0]
		got, err := c.Authorization(l, "GET", tt.target, tt.cnonce, 1)
		if err != nil || !strings.Contains(got, tt.want) || strings.Contains(got, l.Password) {
			t.Errorf("%s: %s, %v", tt.challenge, got, err)
		}
	}
	old := dav.ParseChallenges([]string{`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=auth`})[0]
	if got, _ := old.Authorization(dav.Login{User: "Mufasa", Password: "Circle Of Life"}, "GET", "/dir/index.html", "0a4f113b", 1); !strings.Contains(got, `response="6629fae49393a05397450978507c4ef1"`) {
		t.Error(got)
	}
	basic := dav.Challenge{Scheme: "basic"}
	if got, err := basic.Authorization(dav.Login{User: "Aladdin", Password: "open sesame"}, "GET", "/", "", 1); err != nil || got != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" {
		t.Errorf("%s, %v", got, err)
	}
	for _, c := range []dav.Challenge{{Scheme: "ntlm"}, {Scheme: "digest", Params: map[string]string{"algorithm": "X"}}} {
		if _, err := c.Authorization(l, "GET", "/", "", 1); !errors.Is(err, dav.ErrScheme) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := basic.Authorization(dav.Login{User: "a:b"}, "GET", "/", "", 1); !errors.Is(err, dav.ErrScheme) {
		t.Errorf("a colon in the user: %v", err)
	}
	hashed := dav.ParseChallenges([]string{`Digest realm="r", nonce="n", userhash=true, algorithm=SHA-512-256-sess, qop=auth, stale=TRUE`})[0]
	got, err := hashed.Authorization(l, "GET", "/", "c", 2)
	if err != nil || strings.Contains(got, "Mufasa") || !strings.Contains(got, "nc=00000002") || !hashed.Stale() {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzChallenges(f *testing.F) {
	for _, s := range []string{`Basic realm="a"`, `Digest realm="d", nonce="n", qop="auth", stale=true`, `Negotiate YII==, NTLM`, `a b=c d e="\`, `x=,=y`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all := dav.ParseChallenges([]string{s})
		if len(all) > 16 {
			t.Fatalf("%d challenges", len(all))
		}
		if diff := cmp.Diff(all, dav.ParseChallenges([]string{s})); diff != "" {
			t.Fatal(diff)
		}
		if c, ok := dav.Strongest(all); ok {
			if _, err := c.Authorization(dav.Login{User: "u", Password: "p"}, "GET", "/", "c", 1); err != nil {
				t.Fatalf("the strongest of %q can't be met: %v", s, err)
			}
		}
	})
}
