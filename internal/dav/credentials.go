package dav

import (
	"crypto/md5" //nolint:gosec // RFC 7616 keeps it, and servers know nothing else
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Login is what a server lets in.
type Login struct{ User, Password string }

// ErrScheme: the challenge can't be met by this package.
var ErrScheme = errors.New("no scheme of authentication that is spoken here")

// Strongest picks the challenge that is to be met: Digest before Basic, because
// it does not hand over the password, and of Digests the one of the best hash.
func Strongest(all []Challenge) (Challenge, bool) {
	best, rank := Challenge{}, 0
	for _, c := range all {
		r := 0
		switch {
		case c.Scheme == "basic":
			r = 1
		case c.Scheme == "digest" && c.Params["nonce"] != "" && c.qop() != "auth-int":
			r = map[string]int{"MD5": 2, "SHA-256": 3, "SHA-512-256": 3}[c.algorithm()]
		}
		if r > rank {
			best, rank = c, r
		}
	}
	return best, rank > 0
}

// Stale tells that the password was right and only the nonce is too old
// (RFC 7616 §3.3).
func (c Challenge) Stale() bool { return strings.EqualFold(c.Params["stale"], "true") }

func (c Challenge) algorithm() string {
	a := strings.ToUpper(c.Params["algorithm"])
	if a == "" {
		return "MD5"
	}
	return strings.TrimSuffix(a, "-SESS")
}

// qop is the quality of protection that is used: auth, none (RFC 2069), or
// auth-int where the server wants nothing else.
func (c Challenge) qop() string {
	offered := strings.FieldsFunc(strings.ToLower(c.Params["qop"]), func(r rune) bool { return r == ',' || r == ' ' })
	switch {
	case len(offered) == 0:
		return ""
	case slices.Contains(offered, "auth"):
		return "auth"
	default:
		return "auth-int"
	}
}

// Authorization meets the challenge for one request. The count is that of
// requests made with this nonce, from 1 on. The client's nonce is drawn at
// random where cnonce is empty.
func (c Challenge) Authorization(l Login, method, target, cnonce string, count int) (string, error) {
	switch c.Scheme {
	case "basic":
		if strings.Contains(l.User, ":") {
			return "", fmt.Errorf("basic: a user with a colon: %w", ErrScheme)
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.User+":"+l.Password)), nil
	case "digest":
		return c.digest(l, method, target, cnonce, count)
	}
	return "", fmt.Errorf("%s: %w", c.Scheme, ErrScheme)
}

// digest computes the response of RFC 7616 §3.4.
func (c Challenge) digest(l Login, method, target, cnonce string, count int) (string, error) {
	make := map[string]func() hash.Hash{"MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}[c.algorithm()]
	if make == nil || c.qop() == "auth-int" {
		return "", fmt.Errorf("digest %s %s: %w", c.Params["algorithm"], c.Params["qop"], ErrScheme)
	}
	h := func(parts ...string) string {
		d := make()
		d.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(d.Sum(nil))
	}
	if cnonce == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		cnonce = hex.EncodeToString(b[:])
	}
	realm, nonce, qop := c.Params["realm"], c.Params["nonce"], c.qop()
	ha1 := h(l.User, realm, l.Password)
	if strings.HasSuffix(strings.ToUpper(c.Params["algorithm"]), "-SESS") {
		ha1 = h(ha1, nonce, cnonce)
	}
	ha2 := h(method, target)
	nc := fmt.Sprintf("%08x", count)
	response := h(ha1, nonce, ha2)
	if qop != "" {
		response = h(ha1, nonce, nc, cnonce, qop, ha2)
	}
	user := l.User
	userhash := strings.EqualFold(c.Params["userhash"], "true")
	if userhash {
		user = h(l.User, realm)
	}
	out := []string{
		"username=" + quote(user), "realm=" + quote(realm), "nonce=" + quote(nonce), "uri=" + quote(target), "response=" + quote(response),
	}
	if a := c.Params["algorithm"]; a != "" {
		out = append(out, "algorithm="+a)
	}
	if o, ok := c.Params["opaque"]; ok {
		out = append(out, "opaque="+quote(o))
	}
	if qop != "" {
		out = append(out, "qop="+qop, "nc="+nc, "cnonce="+quote(cnonce))
	}
	if userhash {
		out = append(out, "userhash=true")
	}
	return "Digest " + strings.Join(out, ", "), nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
