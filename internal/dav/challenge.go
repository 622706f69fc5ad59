package dav

import (
	"strings"
)

// Challenge is one way of authentication that a server or proxy asks for
// (RFC 9110 §11.3).
type Challenge struct {
	Scheme  string            // in lower case: basic, digest, ntlm, negotiate, bearer …
	Token   string            // token68, where the scheme has one
	Params  map[string]string // names in lower case
	Invalid bool              // what followed could not be read
}

// maxChallenges bounds how many are taken, over all fields.
const maxChallenges = 16

// Challenges reads the WWW-Authenticate fields of an answer; several challenges
// may stand in one field, and a comma separates both challenges and parameters
// (RFC 9110 §11.6.1).
func (a *Answer) Challenges() []Challenge {
	return ParseChallenges(a.Header.Values("Www-Authenticate"))
}

// ProxyChallenges reads the Proxy-Authenticate fields.
func (a *Answer) ProxyChallenges() []Challenge {
	return ParseChallenges(a.Header.Values("Proxy-Authenticate"))
}

// ParseChallenges reads the values of such fields.
func ParseChallenges(fields []string) []Challenge {
	var out []Challenge
	for _, f := range fields {
		p := &challengeParser{s: f}
		for len(out) < maxChallenges {
			c, ok := p.next()
			if !ok {
				break
			}
			out = append(out, c)
		}
	}
	return out
}

// Schemes names the schemes for evidence, each once, in the server's order.
func Schemes(all []Challenge) string {
	var names []string
	seen := map[string]bool{}
	for _, c := range all {
		name := c.Scheme
		if alg := c.Params["algorithm"]; name == "digest" && alg != "" {
			name += " " + alg
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

type challengeParser struct {
	s string
	i int
}

func (p *challengeParser) skip(set string) {
	for p.i < len(p.s) && strings.IndexByte(set, p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *challengeParser) token() string {
	start := p.i
	for p.i < len(p.s) && isTokenByte(p.s[p.i]) {
		p.i++
	}
	return p.s[start:p.i]
}

// next reads one challenge: a scheme and either a token68 or parameters.
func (p *challengeParser) next() (Challenge, bool) {
	p.skip(" \t,")
	scheme := p.token()
	if scheme == "" {
		p.i = len(p.s)
		return Challenge{}, false
	}
	c := Challenge{Scheme: strings.ToLower(scheme), Params: map[string]string{}}
	p.skip(" \t")
	if t := p.token68(); t != "" {
		c.Token = t
		return c, true
	}
	for p.i < len(p.s) && len(c.Params) < 32 {
		p.skip(" \t,")
		before := p.i
		name := p.token()
		p.skip(" \t")
		if name == "" || p.i >= len(p.s) || p.s[p.i] != '=' {
			if name != "" {
				p.i = before // the scheme of the next challenge
			} else if p.i < len(p.s) {
				c.Invalid, p.i = true, len(p.s)
			}
			break
		}
		p.i++
		p.skip(" \t")
		value, ok := p.value()
		if !ok {
			c.Invalid, p.i = true, len(p.s)
			break
		}
		if name = strings.ToLower(name); c.Params[name] == "" {
			c.Params[name] = value
		}
	}
	return c, true
}

// token68 reads one where the challenge ends behind it: otherwise it is the
// name of a parameter, or of the next scheme.
func (p *challengeParser) token68() string {
	i := p.i
	for i < len(p.s) && (isTokenByte(p.s[i]) || p.s[i] == '/') {
		i++
	}
	for i < len(p.s) && p.s[i] == '=' {
		i++
	}
	end := i
	for i < len(p.s) && (p.s[i] == ' ' || p.s[i] == '\t') {
		i++
	}
	if end == p.i || i < len(p.s) && p.s[i] != ',' {
		return ""
	}
	t := p.s[p.i:end]
	if i < len(p.s) && !strings.HasSuffix(t, "=") && len(t) < 16 && !strings.Contains(t, "/") {
		return "" // "Negotiate, NTLM": a list of bare schemes
	}
	if i >= len(p.s) && schemes[strings.ToLower(t)] {
		return ""
	}
	p.i = end
	return t
}

var schemes = map[string]bool{"basic": true, "digest": true, "ntlm": true, "negotiate": true, "bearer": true, "kerberos": true}

// value reads a token or a quoted string (RFC 9110 §5.6.4).
func (p *challengeParser) value() (string, bool) {
	if p.i >= len(p.s) || p.s[p.i] != '"' {
		// Lax: some servers leave out the quotes around what is no token.
		start := p.i
		for p.i < len(p.s) && p.s[p.i] != ',' && p.s[p.i] != ' ' && p.s[p.i] != '\t' && p.s[p.i] != '"' {
			p.i++
		}
		return p.s[start:p.i], true
	}
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '"':
			p.i++
			return b.String(), true
		case '\\':
			if p.i++; p.i < len(p.s) {
				b.WriteByte(p.s[p.i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
