package transcript

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// pattern is an expression that is compiled when it is first needed: hundreds of
// them would cost every command of the program its start.
type pattern struct {
	expr string
	once sync.Once
	re   *regexp.Regexp
}

func expr(s string) *pattern { return &pattern{expr: s} }

func (p *pattern) get() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.expr) })
	return p.re
}

func (p *pattern) MatchString(s string) bool            { return p.get().MatchString(s) }
func (p *pattern) FindString(s string) string           { return p.get().FindString(s) }
func (p *pattern) FindStringSubmatch(s string) []string { return p.get().FindStringSubmatch(s) }

// words is an expression with a quick look before it.
type words struct {
	pattern
	looked   sync.Once
	literals []string // one of them is in every text that matches; none: unknown
}

func look(s string) *words { return &words{pattern: pattern{expr: s}} }

// in tells whether the words are in a line, given as it is and in small letters.
func (w *words) in(line, lower string) bool {
	w.looked.Do(func() { w.literals = literalsOf(w.expr) })
	if len(w.literals) > 0 && !slices.ContainsFunc(w.literals, func(s string) bool { return strings.Contains(lower, s) }) {
		return false
	}
	return w.get().MatchString(line)
}
