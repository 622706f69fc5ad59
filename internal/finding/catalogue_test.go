package finding

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The pages are the only place of the words, so these tests hold their form:
// what CONTRIBUTING.md says of a page is checked here.

const (
	maxTitle        = 70 // runes; two thirds of a terminal's line
	maxTitleChinese = 34 // each is twice as wide
)

var (
	// A report always knows these, so they may stand outside of optional groups.
	alwaysKnown = []string{"address", "host", "port", "target"}

	// These are known to some findings.
	sometimesKnown = []string{
		"announced", "bytes", "ciphers", "command", "count", "date", "days", "encoding", "family",
		"file", "gateway", "hop", "interface", "issuer", "limit", "line", "mac", "mss", "name", "near",
		"other", "path", "peer", "prefix", "protocol", "proxy", "range", "reply", "resolver", "route",
		"seconds", "sender", "software", "subject", "user", "version",
	}

	// The systems for which there are remedies.
	systems = []string{
		"debian", "rhel", "windows", "macos", "linux", "freebsd",
		"vsftpd", "proftpd", "pure-ftpd", "pyftpdlib", "inetutils", "iis", "filezilla-server", "openssh",
		"apache", "nginx", "haproxy", "squid",
		"nftables", "iptables", "ufw", "firewalld", "cisco",
		"curl", "lftp", "filezilla", "winscp", "cyberduck", "cadaver", "davfs2", "rclone",
	}
)

// eachPage runs a test for each code, on its pages in both languages.
func eachPage(t *testing.T, f func(t *testing.T, en, zh *Page)) {
	t.Helper()
	for _, d := range Catalogue() {
		t.Run(string(d.Code), func(t *testing.T) {
			en, err := PageOf(d.Code, English)
			if err != nil {
				t.Fatal(err)
			}
			zh, err := PageOf(d.Code, Chinese)
			if err != nil {
				t.Fatal(err)
			}
			f(t, en, zh)
		})
	}
}

func TestDefinitions(t *testing.T) {
	slug := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, d := range Catalogue() {
		layer, name, _ := strings.Cut(string(d.Code), "/")
		if !slices.Contains(layers, layer) {
			t.Errorf("%s: there is no layer %q", d.Code, layer)
		}
		if !slug.MatchString(name) {
			t.Errorf("%s: a code is layer/words-in-small-letters", d.Code)
		}
		if d.Severity < Info || d.Severity > Critical {
			t.Errorf("%s: severity %d", d.Code, d.Severity)
		}
		for i, e := range d.Explains {
			if slices.Contains(d.Explains[:i], e) {
				t.Errorf("%s explains %s twice", d.Code, e.Code)
			}
		}
		if Lookup(d.Code) != d {
			t.Errorf("%s can't be looked up", d.Code)
		}
	}
}

func TestEveryPageHasItsCode(t *testing.T) {
	for _, lang := range Langs {
		root := "pages/" + string(lang)
		err := fs.WalkDir(pages, root, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			code, isPage := strings.CutSuffix(strings.TrimPrefix(name, root+"/"), ".md")
			if !isPage || Lookup(Code(code)) == nil {
				t.Errorf("%s is the page of no code", path.Clean(name))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTitles(t *testing.T) {
	seen := map[string]string{}
	eachPage(t, func(t *testing.T, en, zh *Page) {
		for _, p := range []struct {
			title string
			limit int
		}{{en.Title, maxTitle}, {zh.Title, maxTitleChinese}} {
			if n := utf8.RuneCountInString(p.title); n == 0 || n > p.limit {
				t.Errorf("title has %d characters, at most %d fit: %s", n, p.limit, p.title)
			}
			if strings.HasSuffix(p.title, ".") || strings.HasSuffix(p.title, "。") {
				t.Errorf("a title ends without a stop: %s", p.title)
			}
			if strings.ContainsAny(p.title, "{[") {
				t.Errorf("a title has no placeholders: %s", p.title)
			}
			if other := seen[p.title]; other != "" {
				t.Errorf("%s has the same title: %s", other, p.title)
			}
			seen[p.title] = t.Name()
		}
		if !hasHan(zh.Title) || hasHan(en.Title) {
			t.Errorf("a title in the wrong language: %q, %q", en.Title, zh.Title)
		}
	})
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

func TestSentences(t *testing.T) {
	eachPage(t, func(t *testing.T, en, zh *Page) {
		if !strings.HasSuffix(en.Sentence, ".") {
			t.Errorf("the sentence must end with a full stop: %s", en.Sentence)
		}
		if !strings.HasSuffix(zh.Sentence, "。") || strings.Count(zh.Sentence, "。") != 1 {
			t.Errorf("must be one sentence that ends with 。: %s", zh.Sentence)
		}
		if got, want := Placeholders(zh.Sentence), Placeholders(en.Sentence); !slices.Equal(got, want) {
			t.Errorf("placeholders: Chinese has %v, English %v", got, want)
		}
		for _, s := range []string{en.Sentence, zh.Sentence} {
			checkPlaceholders(t, s)
			// The sentence must read well whatever is known.
			for _, args := range []map[string]string{nil, everything()} {
				full := fill(s, args)
				if strings.ContainsAny(full, "{}[]") {
					t.Errorf("left over from placeholders or groups: %s", full)
				}
				if strings.Contains(full, "  ") || strings.Contains(full, " .") || strings.Contains(full, " ,") {
					t.Errorf("a hole in the sentence: %q", full)
				}
			}
		}
	})
}

// everything knows all placeholders.
func everything() map[string]string {
	all := map[string]string{}
	for _, name := range slices.Concat(alwaysKnown, sometimesKnown) {
		all[name] = "x"
	}
	return all
}

func checkPlaceholders(t *testing.T, sentence string) {
	t.Helper()
	for _, name := range Placeholders(groupRE.ReplaceAllString(sentence, "")) {
		if !slices.Contains(alwaysKnown, name) {
			t.Errorf("{%s} is not always known and must stand in an optional group [[…]]: %s", name, sentence)
		}
	}
	for _, name := range Placeholders(sentence) {
		if !slices.Contains(alwaysKnown, name) && !slices.Contains(sometimesKnown, name) {
			t.Errorf("no check knows {%s}: %s", name, sentence)
		}
	}
	groups := groupRE.FindAllString(sentence, -1)
	if len(groups) > 2 {
		t.Errorf("%d optional groups are too many: %s", len(groups), sentence)
	}
	for _, g := range groups {
		if len(Placeholders(g)) == 0 {
			t.Errorf("the optional group %s holds no placeholder", g)
		}
	}
}

func TestRemedies(t *testing.T) {
	eachPage(t, func(t *testing.T, en, zh *Page) {
		for lang, p := range map[Lang]*Page{English: en, Chinese: zh} {
			general := false
			for _, r := range p.Remedies {
				name := string(lang) + ": " + r.Who + " " + r.System
				if r.Verify == "" {
					t.Errorf("%s: no command that verifies it", name)
				}
				if r.System == "" {
					general = true
				} else if !slices.Contains(systems, r.System) {
					t.Errorf("%s: unknown system", name)
				}
				for _, s := range append([]string{r.Text, r.Verify}, r.Commands...) {
					for _, placeholder := range Placeholders(s) {
						if !slices.Contains(alwaysKnown, placeholder) && !slices.Contains(sometimesKnown, placeholder) {
							t.Errorf("%s: no check knows {%s}: %s", name, placeholder, s)
						}
					}
				}
			}
			if !general {
				t.Errorf("%s: every remedy is for some system; one must say it for any", lang)
			}
		}
		if got, want := remedyKeys(zh), remedyKeys(en); !slices.Equal(got, want) {
			t.Errorf("remedies: Chinese has %v, English %v", got, want)
			return
		}
		for i, r := range en.Remedies {
			if len(r.Commands) != len(zh.Remedies[i].Commands) {
				t.Errorf("%s %s: the commands differ between the languages", r.Who, r.System)
			}
			if r.Verify != zh.Remedies[i].Verify {
				t.Errorf("%s %s: verified by %q and %q", r.Who, r.System, r.Verify, zh.Remedies[i].Verify)
			}
		}
	})
}

func remedyKeys(p *Page) []string {
	var out []string
	for _, r := range p.Remedies {
		out = append(out, r.Who+" "+r.System)
	}
	return out
}

func TestSectionsSaySomething(t *testing.T) {
	eachPage(t, func(t *testing.T, en, zh *Page) {
		for _, s := range en.Sections {
			if len(strings.Fields(s.Body)) < 5 {
				t.Errorf("%s says nothing", s.Heading)
			}
		}
		for _, s := range zh.Sections {
			if utf8.RuneCountInString(s.Body) < 12 || !hasHan(s.Body) {
				t.Errorf("%s says nothing", s.Heading)
			}
		}
	})
}
