package transcript

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"ftpdoctor/internal/finding"
)

// rule is a signature: words that speak for a cause. Rules are data; each
// carries a text for which it must speak and one for which it must not.
type rule struct {
	code   *finding.Def
	weight int
	// match is looked for in each line, without regard to case.
	match string
	// to narrows it to replies that answer these commands ("STOR|MKD"; "-": before
	// any), or to statuses that answer these methods.
	to string
	// with must, and unless must not, be found somewhere in the text; not must
	// not be found in the line itself.
	with, unless, not string
	// within narrows it to lines that come while a session is there.
	from, until stage
	proto       string // ftp, sftp or webdav: only there
	good        bool   // replies that agree may say it, too
	alike       *alike
	yes, no     string
}

// alike is a group of causes that look the same, and what tells them apart.
type alike struct {
	others []alternative
	decide string // the command that separates them; a phrase
}

type alternative struct {
	code *finding.Def
	why  string // a phrase
}

// compiled is a rule, ready.
type compiled struct {
	rule
	match, to, with, unless, not *regexp.Regexp
	literals                     []string // one of them is in every text that matches; none: unknown
}

// compiledRules are made when the first text is judged: hundreds of expressions
// would cost every command its start.
var compiledRules = sync.OnceValue(compileRules)

func compileRules() []compiled {
	var out []compiled
	for _, r := range slices.Concat(serverRules, ftpRules, tlsRules, sshRules, httpRules, netRules, clientRules) {
		c := compiled{rule: r, match: insensitive(r.match), with: insensitive(r.with), unless: insensitive(r.unless), not: insensitive(r.not)}
		if r.to != "" {
			c.to = regexp.MustCompile(`^(?:` + r.to + `)$`)
		}
		c.literals = literalsOf(r.match)
		out = append(out, c)
	}
	return out
}

func insensitive(expr string) *regexp.Regexp {
	if expr == "" {
		return nil
	}
	return regexp.MustCompile(`(?i)` + expr)
}

// maxHits bounds how often one rule speaks.
const maxHits = 2

// applyRules asks every rule.
func (l *log) applyRules() []hit {
	var out []hit
	rules := compiledRules()
	for i := range rules {
		out = append(out, rules[i].apply(l)...)
	}
	return out
}

func (c *compiled) apply(l *log) []hit {
	if len(c.literals) > 0 && !slices.ContainsFunc(c.literals, func(s string) bool { return strings.Contains(l.lower, s) }) {
		return nil
	}
	if c.with != nil && !c.with.MatchString(l.lower) || c.unless != nil && c.unless.MatchString(l.lower) {
		return nil
	}
	if c.proto != "" && c.proto != l.protocol() {
		return nil
	}
	var out []hit
	for i, line := range l.said {
		if len(out) == maxHits {
			break
		}
		if line == "" || l.silent[i] && !c.good || !c.mayBe(l.lowered[i]) || !stands(c.match, line) || c.not != nil && c.not.MatchString(line) || !c.fits(l, i) {
			continue
		}
		out = append(out, hit{code: c.code, weight: c.weight, line: i, what: meaning(c.code), alike: c.rule.alike})
	}
	return out
}

// stands tells whether an expression matches whole words of a line: a number
// within a longer one is another number, and three letters within a word are
// nothing at all.
func stands(re *regexp.Regexp, line string) bool {
	for from := 0; from <= len(line); {
		m := re.FindStringIndex(line[from:])
		if m == nil {
			return false
		}
		a, b := from+m[0], from+m[1]
		short := b-a < 5
		cutFront := a > 0 && isWord(line[a-1]) && a < b && isWord(line[a]) && (short || isDigit(line[a]))
		cutBack := b < len(line) && isWord(line[b]) && a < b && isWord(line[b-1]) && (short || isDigit(line[b-1]))
		if !cutFront && !cutBack {
			return true
		}
		from = a + 1
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// mayBe is a quick look at a line, given in small letters.
func (c *compiled) mayBe(lower string) bool {
	if len(c.literals) == 0 {
		return true
	}
	return slices.ContainsFunc(c.literals, func(s string) bool { return strings.Contains(lower, s) })
}

// fits tells whether the line answers the right command at the right time.
func (c *compiled) fits(l *log, i int) bool {
	if c.from != start || c.until != start {
		at := l.stages()[i]
		if at < c.from || c.until != start && at > c.until {
			return false
		}
	}
	if c.to == nil {
		return true
	}
	e, ok := l.at(i)
	if !ok {
		return false
	}
	if e.verb == "" && c.to.MatchString("-") {
		return true
	}
	return c.to.MatchString(e.verb)
}

// literalsOf finds strings, in small letters, of which every text that matches
// holds one: a quick way to see that a rule has nothing to say.
func literalsOf(expr string) []string {
	re, err := syntax.Parse(`(?i)`+expr, syntax.Perl)
	if err != nil {
		return nil // the rule's own compilation reports it
	}
	lits := required(re.Simplify())
	for _, s := range lits {
		if len(s) < 2 {
			return nil
		}
	}
	return lits
}

// required gives the literals of one part; nil when there need be none.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			lits := required(sub)
			if lits == nil {
				return nil
			}
			all = append(all, lits...)
		}
		return all
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if lits := required(sub); lits != nil && (best == nil || shortest(lits) > shortest(best)) {
				best = lits
			}
		}
		return best
	}
	return nil
}

func shortest(lits []string) int {
	n := len(lits[0])
	for _, s := range lits {
		n = min(n, len(s))
	}
	return n
}
