package finding

import (
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Lang is a language of the report.
type Lang string

// The languages; both are complete.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Langs lists the languages.
var Langs = []Lang{English, Chinese}

//go:embed pages
var pages embed.FS

// Readable is the page as a text for people, outside of a report: what only a
// report knows stands there as <name>.
func (p *Page) Readable() string {
	s := groupRE.ReplaceAllString(p.Source, "$1")
	return placeholderRE.ReplaceAllString(s, "<$1>")
}

// Remedy is what one party can do about a cause.
type Remedy struct {
	Who      string   `json:"who"`              // client, network or server
	System   string   `json:"system,omitempty"` // the system it is for; empty: any
	Text     string   `json:"text"`
	Commands []string `json:"commands,omitempty"`
	Verify   string   `json:"verify,omitempty"` // the command that shows that it worked
}

// Page is the text on one code in one language.
type Page struct {
	Title    string
	Sentence string // with placeholders {x} and optional groups [[…]]
	Sections []Section
	Remedies []Remedy
	Source   string // the page as written
}

// Section is a headed part of a page.
type Section struct{ Heading, Body string }

// the headings of a page, by language and in order; fixIndex is the one that
// holds the remedies.
var headings = map[Lang][]string{
	English: {"What it means", "How it is decided", "Fix", "Prevention"},
	Chinese: {"含义", "判断依据", "修复", "预防"},
}

const fixIndex = 2

// PageOf returns the page of a code.
func PageOf(c Code, lang Lang) (*Page, error) {
	b, err := pages.ReadFile("pages/" + string(lang) + "/" + string(c) + ".md")
	if err != nil {
		return nil, fmt.Errorf("page of %s: %w", c, err)
	}
	p, err := parsePage(string(b), lang)
	if err != nil {
		return nil, fmt.Errorf("page of %s (%s): %w", c, lang, err)
	}
	return p, nil
}

// parsePage reads the form that CONTRIBUTING.md describes.
func parsePage(src string, lang Lang) (*Page, error) {
	p := &Page{Source: src}
	head, rest, ok := strings.Cut(src, "\n## ")
	if !ok {
		return nil, fmt.Errorf("no section")
	}
	title, sentence, ok := strings.Cut(strings.TrimSpace(head), "\n")
	if !ok || !strings.HasPrefix(title, "# ") {
		return nil, fmt.Errorf("must begin with a line “# Title” and a sentence")
	}
	p.Title = strings.TrimSpace(title[2:])
	p.Sentence = unwrap(sentence, lang)
	for _, part := range strings.Split(rest, "\n## ") {
		h, body, _ := strings.Cut(part, "\n")
		p.Sections = append(p.Sections, Section{strings.TrimSpace(h), strings.TrimSpace(body)})
	}
	want := headings[lang]
	if len(p.Sections) != len(want) {
		return nil, fmt.Errorf("has %d sections, wants %d", len(p.Sections), len(want))
	}
	for i, s := range p.Sections {
		if s.Heading != want[i] {
			return nil, fmt.Errorf("section %d is %q, wants %q", i+1, s.Heading, want[i])
		}
	}
	remedies, err := parseRemedies(p.Sections[fixIndex].Body, lang)
	p.Remedies = remedies
	return p, err
}

var verifyLabel = map[Lang]string{English: "Verify:", Chinese: "验证："}

func parseRemedies(body string, lang Lang) ([]Remedy, error) {
	var out []Remedy
	for _, part := range strings.Split("\n"+body, "\n### ")[1:] {
		h, text, _ := strings.Cut(part, "\n")
		who, system, _ := strings.Cut(strings.TrimSpace(h), " · ")
		if !slices.Contains([]string{"client", "network", "server"}, who) {
			return nil, fmt.Errorf("remedy by %q: must be client, network or server", who)
		}
		r := Remedy{Who: who, System: system}
		var prose []string
		for _, line := range strings.Split(text, "\n") {
			switch {
			case strings.HasPrefix(line, verifyLabel[lang]):
				r.Verify = strings.Trim(strings.TrimSpace(strings.TrimPrefix(line, verifyLabel[lang])), "`")
			case strings.HasPrefix(line, "    "):
				r.Commands = append(r.Commands, line[4:])
			default:
				prose = append(prose, line)
			}
		}
		r.Text = unwrap(strings.Join(prose, "\n"), lang)
		if r.Text == "" {
			return nil, fmt.Errorf("remedy %q has no text", h)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no remedy")
	}
	return out, nil
}

// unwrap joins the lines of a text; Chinese has no space between words.
func unwrap(s string, lang Lang) string {
	var b strings.Builder
	for _, line := range strings.Split(s, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if b.Len() > 0 && (lang != Chinese || asciiEdge(b.String(), line)) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// asciiEdge tells whether a space is wanted where two lines of Chinese meet:
// only between Latin words.
func asciiEdge(before, after string) bool {
	return before[len(before)-1] < 0x80 && after[0] < 0x80
}

var (
	groupRE       = regexp.MustCompile(`(?s)\[\[(.*?)\]\]`)
	placeholderRE = regexp.MustCompile(`\{([a-z]+)\}`)
)

// Placeholders lists the names used in a text, sorted.
func Placeholders(s string) []string {
	seen := map[string]bool{}
	for _, m := range placeholderRE.FindAllStringSubmatch(s, -1) {
		seen[m[1]] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// fill replaces placeholders. An optional group [[…]] is dropped when one of
// its names is unknown; elsewhere an unknown name stays visible as <name>, to
// be filled in by the reader.
func fill(s string, args map[string]string) string {
	s = groupRE.ReplaceAllStringFunc(s, func(g string) string {
		g = g[2 : len(g)-2]
		for _, name := range Placeholders(g) {
			if args[name] == "" {
				return ""
			}
		}
		return g
	})
	return placeholderRE.ReplaceAllStringFunc(s, func(p string) string {
		name := p[1 : len(p)-1]
		if v := args[name]; v != "" {
			return v
		}
		return "<" + name + ">"
	})
}

// Localize fills titles, sentences and remedies and translates the phrases.
// A remedy for a system is kept when it is for the software of the target, or
// when that software is not known.
func (r *Report) Localize(lang Lang) {
	for _, f := range r.Findings {
		for name, v := range f.Args {
			f.Args[name] = Said(v, lang)
		}
		for i, e := range f.Evidence {
			f.Evidence[i] = Evidence{What: Phrase(e.What, lang), Detail: Said(e.Detail, lang), Source: Phrase(e.Source, lang), Side: e.Side}
		}
		p, err := PageOf(f.Code, lang)
		if err != nil {
			f.Title, f.Sentence = string(f.Code), string(f.Code)
			continue
		}
		f.Title, f.Sentence = p.Title, fill(p.Sentence, f.Args)
		f.Remedies = applicable(p.Remedies, f.Args, r.Facts.Software)
		localizeCandidates(f.Candidates, lang)
		f.Decide = fill(Phrase(f.Decide, lang), harmless(f.Args))
		if r.RootCause != nil && r.RootCause.Code == f.Code && f.BecauseOf == "" {
			r.RootCause.Title, r.RootCause.Sentence = f.Title, f.Sentence
			if r.RootCause.Decide != "" {
				r.RootCause.Decide = f.Decide // with the commands filled in
			}
		}
	}
	if rc := r.RootCause; rc != nil {
		localizeCandidates(rc.Candidates, lang)
		rc.Decide = Phrase(rc.Decide, lang)
	}
	localizeCandidates(r.RuledOut, lang)
	for i := range r.Checks {
		r.Checks[i].Because = Phrase(r.Checks[i].Because, lang)
	}
	for _, s := range r.Services {
		if s.Report != nil {
			s.Report.Localize(lang)
		}
	}
	for i := range r.NotAvailable {
		r.NotAvailable[i] = Phrase(r.NotAvailable[i], lang)
	}
}

func localizeCandidates(cs []Candidate, lang Lang) {
	for i := range cs {
		if p, err := PageOf(cs[i].Code, lang); err == nil {
			cs[i].Title = p.Title
		}
		cs[i].Why = Phrase(cs[i].Why, lang)
	}
}

// serverSystems are the systems that are server software: their remedies are
// dropped when the target runs another one.
var serverSystems = []string{
	"vsftpd", "proftpd", "pure-ftpd", "pyftpdlib", "inetutils", "iis", "filezilla-server", "openssh",
	"apache", "nginx",
}

// fronts are programs that often stand before the server as a proxy and put
// their own name into its answers: what runs behind them is not known.
var fronts = []string{"nginx", "openresty", "cloudflare", "envoy", "varnish", "squid"}

// SystemOf gives the key of a software's remedies, or "".
func SystemOf(software string) string {
	// A bare "Apache" is the web server too, "Apache FtpServer" and
	// "Apache-Coyote/1.1" are not: the slash ends the word.
	s := strings.ToLower(software) + "/"
	for _, known := range []struct{ word, key string }{
		{"vsftpd", "vsftpd"},
		{"proftpd", "proftpd"},
		{"mod_sftp", "proftpd"},
		{"pure-ftpd", "pure-ftpd"},
		{"pyftpdlib", "pyftpdlib"},
		{"inetutils", "inetutils"},
		{"filezilla", "filezilla-server"},
		{"openssh", "openssh"},
		{"apache/", "apache"},
		{"nginx", "nginx"},
	} {
		if strings.Contains(s, known.word) {
			return known.key
		}
	}
	if strings.Contains(s, "microsoft ftp") || strings.Contains(s, "microsoft-iis") {
		return "iis"
	}
	return ""
}

// behindFront tells whether the software named may be a proxy's.
func behindFront(software string) bool {
	s := strings.ToLower(software)
	return slices.ContainsFunc(fronts, func(f string) bool { return strings.Contains(s, f) })
}

// harmless leaves of the arguments what may stand in a line that somebody
// copies into a shell. A server's reply or a file's name that could end the word
// there stays a <name> for the reader to fill in.
func harmless(args map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range args {
		if shellWord.MatchString(v) {
			out[k] = v
		}
	}
	return out
}

var shellWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=\[\]-]+$`)

func applicable(all []Remedy, args map[string]string, software string) []Remedy {
	here := SystemOf(software)
	known := software != "" && !behindFront(software)
	out := []Remedy{}
	for _, r := range all {
		if known && slices.Contains(serverSystems, r.System) && r.System != here {
			continue
		}
		plain := harmless(args)
		r.Text, r.Verify = fill(r.Text, args), fill(r.Verify, plain)
		commands := make([]string, len(r.Commands))
		for i, c := range r.Commands {
			commands[i] = fill(c, plain)
		}
		r.Commands = commands
		out = append(out, r)
	}
	return out
}
