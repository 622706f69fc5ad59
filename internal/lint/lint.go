// Package lint judges the configuration of a file server without running it:
// what the server would refuse, what it would silently read otherwise than it
// was meant, what contradicts itself, what is unsafe, weak or unlimited, and
// what has no effect.
//
// It hides what each server knows (its directives, their values, where they may
// stand) and the rules. It promises that nothing is called a syntax error that
// the server accepts, that every complaint has its place, a message in English
// and Chinese, a page (a code config/…), and, where the remedy is mechanical,
// the edit that mends it, as data. It is pure: package conf's documents come in,
// values go out.
//
//	doc, problems := conf.Parse(conf.VSFTPD, "/etc/vsftpd.conf", src)
//	for _, p := range lint.Check(conf.Single(doc), problems).Problems {
//		fmt.Println(p.Pos, p.Message(finding.English))
//	}
package lint

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
)

// Kind says in what way a line is wrong.
type Kind string

// The kinds.
const (
	Syntax        Kind = "syntax"        // the server refuses the file
	Unknown       Kind = "unknown"       // the server does not know the name
	Deprecated    Kind = "deprecated"    // it is ignored or will be
	Contradictory Kind = "contradictory" // it cannot work together with something else
	Unsafe        Kind = "unsafe"        // somebody can do what nobody meant to allow
	Weak          Kind = "weak"          // protection that no longer protects
	Unlimited     Kind = "unlimited"     // one client can use up what is for all
	Shadowed      Kind = "shadowed"      // it has no effect, or another than it seems
)

// Kinds lists the kinds.
var Kinds = []Kind{Syntax, Unknown, Deprecated, Contradictory, Unsafe, Weak, Unlimited, Shadowed}

// text is a message in both languages with the same placeholders {x}.
type text struct{ en, zh string }

// rule is one thing that can be wrong. Its bad example yields it, its good one
// does not; a test makes sure of both.
type rule struct {
	name      string // unique within the server; the rule is called server/name
	code      *finding.Def
	kind      Kind
	severity  finding.Severity
	says      text
	bad, good string
	look      func(*config) []hit
}

// Rule describes a rule.
type Rule struct {
	ID        string // server/name
	Server    string
	Code      finding.Code
	Kind      Kind
	Severity  finding.Severity
	Bad, Good string
	says      text
}

// Message is what the rule says, with its placeholders as {x}.
func (r Rule) Message(l finding.Lang) string { return r.says.in(l) }

func (t text) in(l finding.Lang) string {
	if l == finding.Chinese {
		return t.zh
	}
	return t.en
}

// Problem is one line that is wrong.
type Problem struct {
	Rule     string           `json:"rule"`
	Code     finding.Code     `json:"code"`
	Kind     Kind             `json:"kind"`
	Severity finding.Severity `json:"severity"`
	// Pos is the place; Line 0 when the fault is that something is missing.
	Pos   conf.Pos `json:"position"`
	Width int      `json:"width,omitempty"` // bytes from Pos on that are meant
	// Line is the text of the line to be shown: passwords in it are masked, and
	// of a very long line it is the part around the place.
	Line string `json:"line,omitempty"`
	// Edits mend it. They are to be applied together. They hold lines as they
	// stand in the file, so those of a line with a password are never shown.
	Edits []conf.Edit `json:"edits,omitempty"`

	says   text
	args   map[string]string
	from   int  // where in Line the place is
	meant  int  // and how many bytes of Line are meant
	moved  bool // the place in Line is not the place in the line
	secret bool // the edits must not be shown
}

// Message words the problem.
func (p Problem) Message(l finding.Lang) string {
	s := p.says.in(l)
	for k, v := range p.args {
		s = strings.ReplaceAll(s, "{"+k+"}", clip(v, maxQuoted))
	}
	return s
}

// maxQuoted bounds what a message quotes of a file.
const maxQuoted = 120

// clip shortens a text to some characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}

// Result is the judgement on one configuration.
type Result struct {
	Kind     conf.Kind
	Main     string // the main file
	Files    []string
	Problems []Problem
	// Unread lists what is included and could not be read: what it holds is
	// not judged, and nothing is said of what might stand there.
	Unread []conf.Unread
	// Omitted counts the problems that are left out because the same rule has
	// told very many already.
	Omitted int
}

// server is a program and all that is known of it.
type server struct {
	key   string // as finding's systems are called
	kinds []conf.Kind
	rules []rule
	form  func(*config, []conf.Problem) // finds what the form alone shows
}

// servers lists them all. It is a function because rules refer to the tables.
func servers() []server {
	return []server{
		{"vsftpd", []conf.Kind{conf.VSFTPD}, vsftpdRules, vsftpdForm},
		{"proftpd", []conf.Kind{conf.ProFTPD}, proftpdRules, proftpdForm},
		{"pure-ftpd", []conf.Kind{conf.PureFTPD, conf.PureFTPDDir}, pureftpdRules, pureftpdForm},
		{"openssh", []conf.Kind{conf.SSHD}, sshdRules, sshdForm},
		{"iis", []conf.Kind{conf.IIS}, iisRules, iisForm},
	}
}

func serverOf(k conf.Kind) server {
	all := servers()
	i := slices.IndexFunc(all, func(s server) bool { return slices.Contains(s.kinds, k) })
	return all[max(i, 0)]
}

// System is the key under which the pages of findings speak of the server.
func System(k conf.Kind) string { return serverOf(k).key }

// Rules lists every rule.
func Rules() []Rule {
	var out []Rule
	for _, s := range servers() {
		for _, r := range s.rules {
			out = append(out, Rule{s.key + "/" + r.name, s.key, r.code.Code, r.kind, r.severity, r.bad, r.good, r.says})
		}
	}
	return out
}

// Check judges a configuration. The problems are those of reading it.
func Check(set *conf.Set, problems []conf.Problem) *Result {
	s := serverOf(set.Kind())
	c := newConfig(set)
	res := &Result{Kind: set.Kind(), Main: c.main(), Unread: set.Unread()}
	for _, d := range set.Docs() {
		res.Files = append(res.Files, d.Name())
	}
	if err := tooLarge(set); err != nil {
		res.Unread = append(slices.Clone(res.Unread), conf.Unread{File: c.main(), Err: err})
		return res
	}
	s.form(c, problems)
	for _, r := range s.rules {
		hits := c.formal[r.name]
		if r.look != nil {
			hits = r.look(c)
		}
		if len(hits) > maxHits {
			res.Omitted += len(hits) - maxHits
			hits = hits[:maxHits]
		}
		for _, h := range hits {
			p := Problem{
				Rule: s.key + "/" + r.name, Code: r.code.Code, Kind: r.kind, Severity: r.severity,
				Pos: h.pos, Width: h.width, Edits: h.edits, says: r.says, args: h.args,
			}
			if h.severity != nil {
				p.Severity = *h.severity
			}
			c.show(&p)
			res.Problems = append(res.Problems, p)
		}
	}
	order := map[string]int{}
	for i, f := range res.Files {
		order[f] = i
	}
	slices.SortStableFunc(res.Problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(lineKey(a), lineKey(b)),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
			cmp.Compare(b.Severity, a.Severity),
		)
	})
	return res
}

// Bounds of what is judged and told. No server has so many lines or levels; the
// rules take time in proportion to the lines.
const (
	maxDirectives = 600_000
	maxNesting    = 64
	maxHits       = 3000 // of one rule
	maxEdit       = 64 << 10
)

// tooLarge tells why a configuration can't be one, or nil.
func tooLarge(set *conf.Set) error {
	n, depth := 0, map[*conf.Directive]int{}
	for d := range set.All() {
		if n++; n > maxDirectives {
			return fmt.Errorf("more than %d directives: this is no configuration", maxDirectives)
		}
		if d.Section {
			if depth[d] = depth[d.Parent] + 1; depth[d] > maxNesting {
				return fmt.Errorf("sections are nested more than %d deep: this is no configuration", maxNesting)
			}
		}
	}
	return nil
}

// lineKey puts what is missing behind what is there.
func lineKey(p Problem) int {
	if p.Pos.Line == 0 {
		return 1 << 40
	}
	return p.Pos.Line
}

// Worst is the gravest severity; ok is false when nothing was found.
func (r *Result) Worst() (worst finding.Severity, ok bool) {
	for _, p := range r.Problems {
		worst = max(worst, p.Severity)
	}
	return worst, len(r.Problems) > 0
}

// hit is one place at which a rule applies.
type hit struct {
	pos   conf.Pos
	width int
	args  map[string]string
	edits []conf.Edit
	// severity, where it is another than the rule's.
	severity *finding.Severity
}

// as gives one hit another severity than the rule's.
func (h hit) as(s finding.Severity) hit {
	h.severity = &s
	return h
}

// with fills a placeholder of the message.
func (h hit) with(name, value string) hit {
	args := map[string]string{name: value}
	for k, v := range h.args {
		if k != name {
			args[k] = v
		}
	}
	h.args = args
	return h
}

// mend adds the edit that would mend it.
func (h hit) mend(e ...conf.Edit) hit {
	h.edits = append(slices.Clone(h.edits), e...)
	return h
}

// config is a configuration as the rules see it.
type config struct {
	*conf.Set
	formal map[string][]hit // what form shows, by the name of the rule
	// whole: this is a server's main file and not a part that another includes,
	// so that what is not in it is not said anywhere.
	whole         bool
	off           map[*conf.Directive]bool     // sections that do not count (IfModule)
	defaultServer *conf.Directive              // of ProFTPD, as it is read
	servers       settings                     // of ProFTPD
	sites         map[inSite]*conf.Directive   // settings of IIS's sites
	access        map[string][]*conf.Directive // IIS's authorization by the path of its location
	paths         map[string][]*conf.Directive // elements of IIS by their path
	got           map[string]*conf.Directive   // what Get has found
	near          map[string]string            // names that nobody knows, and what was probably meant
	masks         map[place][]span             // the passwords of each line
	secretNames   map[string]int               // where the secrets of a directive begin
}

func newConfig(set *conf.Set) *config {
	c := &config{
		Set: set, formal: map[string][]hit{}, off: map[*conf.Directive]bool{}, paths: map[string][]*conf.Directive{},
		got: map[string]*conf.Directive{}, near: map[string]string{}, masks: map[place][]span{}, secretNames: map[string]int{},
	}
	c.whole = len(set.Unread()) == 0
	c.findSecrets()
	return c
}

// main is the name of the main file, or of the directory of options.
func (c *config) main() string {
	docs := c.Docs()
	switch {
	case len(docs) == 0:
		return ""
	case c.Kind() == conf.PureFTPDDir && len(docs) > 1:
		return path.Dir(docs[0].Name())
	}
	return docs[0].Name()
}

// note records a hit for a rule that form decides.
func (c *config) note(rule string, h hit) { c.formal[rule] = append(c.formal[rule], h) }

// Get remembers what the set says, as rules ask for the same of every section.
func (c *config) Get(name string) (*conf.Directive, bool) {
	d, ok := c.got[name]
	if !ok {
		d, _ = c.Set.Get(name)
		c.got[name] = d
	}
	return d, d != nil
}

// at is the place of a directive's name.
func (c *config) at(d *conf.Directive) hit {
	return hit{pos: d.Pos, width: max(1, len(d.Name)), args: map[string]string{"name": d.Name, "value": strings.Join(c.open(d), " ")}}
}

// value is the place of an argument, or of the name where there is none.
func (c *config) value(d *conf.Directive, i int) hit {
	h := c.at(d)
	if i < len(d.At) {
		h.pos, h.width = d.At[i], max(1, len(d.Args[i]))
		h.args["value"] = c.open(d)[i]
	}
	return h
}

// missing is the place of something that is not there.
func (c *config) missing() hit { return hit{pos: conf.Pos{File: c.main()}, args: map[string]string{}} }

// doc is the document of a directive.
func (c *config) doc(d *conf.Directive) *conf.Document { return c.Doc(d.Pos.File) }

// set is the edit that gives a directive a value: where it stands, or in the
// main file.
func (c *config) set(name string, args ...string) conf.Edit {
	if d, ok := c.Get(name); ok {
		return c.doc(d).Replace(d, c.doc(d).Statement(d.Name, args...))
	}
	return c.Docs()[0].Set(name, args...)
}

// each yields the directives of that name that count.
func (c *config) each(name string) []*conf.Directive {
	var out []*conf.Directive
	for _, d := range c.Named(name) {
		if !c.ignored(d) {
			out = append(out, d)
		}
	}
	return out
}

// byteOrderMark is what some editors put before everything else in UTF-8.
const byteOrderMark = "\ufeff"

// marked tells of a byte order mark before the first name of a file.
func (c *config) marked(d *conf.Directive) bool {
	if d.Pos.Line != 1 || !strings.HasPrefix(d.Name, byteOrderMark) {
		return false
	}
	h := c.at(d).mend(c.doc(d).Replace(d, strings.TrimPrefix(strings.TrimRight(d.Raw, "\r"), byteOrderMark)))
	h.width = len(byteOrderMark)
	c.note("byte-order-mark", h)
	return true
}

// likely is the known name that was probably meant, or "". Where very many
// names are unknown the rest is no longer compared.
func (c *config) likely(name string, known []string) string {
	if s, ok := c.near[name]; ok || len(c.near) >= maxLikely {
		return s
	}
	s := nearest(name, known)
	c.near[name] = s
	return s
}

const maxLikely = 500

// ignored tells whether a directive stands in a section that does not count.
func (c *config) ignored(d *conf.Directive) bool {
	if len(c.off) == 0 {
		return false
	}
	for p := d.Parent; p != nil; p = p.Parent {
		if c.off[p] {
			return true
		}
	}
	return false
}

// one makes a list of a hit.
func one(h hit) []hit { return []hit{h} }
