package lint

import (
	"slices"
	"strings"

	"ftpdoctor/internal/conf"
)

// What is shown of a line: never a password, and not megabytes.

// place is a line of a file.
type place struct {
	file string
	line int
}

// span is a part of a line, in bytes from its beginning.
type span struct{ from, to int }

// secrets lists the directives that hold a password or another shared secret,
// with the first of the arguments that may be one.
var secrets = map[string]int{
	"sqlconnectinfo": 2, "sqlnamedconnectinfo": 4, "ldapbinddn": 1, "ldapdninfo": 1, "userpassword": 1, "grouppassword": 1,
	"radiusauthserver": 1, "radiusacctserver": 1, "redisserver": 1, "snmpcommunity": 0, "snmpnotify": 0,
}

// firstSecret is the first argument of a directive that must not be shown, or -1.
// A name that is mistyped or unknown is taken for what it was meant to be.
func firstSecret(name string) int {
	low := strings.ToLower(name)
	if i, ok := secrets[low]; ok {
		return i
	}
	if _, ok := proftpdKnown().find(name); ok {
		return -1
	}
	if strings.Contains(low, "pass") || strings.Contains(low, "secret") {
		return 0
	}
	first := -1
	for known, i := range secrets {
		if len(low) < maxName && distance(low, known) <= len(known)/3 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

// maxName is longer than the name of any directive.
const maxName = 64

// secretFrom is firstSecret, remembered.
func (c *config) secretFrom(name string) int {
	first, ok := c.secretNames[name]
	switch {
	case ok:
		return first
	case len(c.secretNames) >= maxLikely:
		return 0 // nobody has so many names
	}
	first = firstSecret(name)
	c.secretNames[name] = first
	return first
}

// findSecrets notes where passwords stand.
func (c *config) findSecrets() {
	for d := range c.All() {
		for _, a := range d.Attrs {
			if low := strings.ToLower(a.Name); a.Value != "" && len(low) < maxName && (strings.Contains(low, "pass") || distance(low, "password") <= 2) {
				c.maskAttr(a.Pos)
			}
		}
		if c.Kind() != conf.ProFTPD {
			continue
		}
		for i := c.secretFrom(d.Name); i >= 0 && i < len(d.At); i++ {
			c.maskWord(d.At[i])
		}
	}
}

// maskWord masks a word up to the next blank; all the rest of the line where it
// begins with a quote.
func (c *config) maskWord(p conf.Pos) {
	line := c.Doc(p.File).Line(p.Line)
	from := min(p.Col-1, len(line))
	end := strings.IndexAny(line[from:], " \t")
	if end < 0 || strings.HasPrefix(line[from:], `"`) {
		end = len(line) - from
	}
	at := place{p.File, p.Line}
	c.masks[at] = append(c.masks[at], span{from, from + end})
}

// maskAttr masks the value of an attribute up to its closing quote.
func (c *config) maskAttr(p conf.Pos) {
	line := c.Doc(p.File).Line(p.Line)
	from := min(max(p.Col-1, 1), len(line))
	end := -1
	if from > 0 {
		end = strings.IndexByte(line[from:], line[from-1])
	}
	if end < 0 {
		end = len(line) - from
	}
	at := place{p.File, p.Line}
	c.masks[at] = append(c.masks[at], span{from, from + end})
}

// masked stands for a password.
const masked = "****"

// open lists the arguments of a directive with the secret ones masked.
func (c *config) open(d *conf.Directive) []string {
	if c.Kind() != conf.ProFTPD {
		return d.Args
	}
	first := c.secretFrom(d.Name)
	if first < 0 || first >= len(d.Args) {
		return d.Args
	}
	out := slices.Clone(d.Args[:first])
	for range d.Args[first:] {
		out = append(out, masked)
	}
	return out
}

// Of a line longer than longLine the part around the place is shown.
const (
	longLine = 4096
	around   = 300
)

// show fills in what a problem shows of its line, and withholds edits that must
// not or can't be shown.
func (c *config) show(p *Problem) {
	size := 0
	for _, e := range p.Edits {
		size += len(e.Old) + len(e.New)
		for l := range max(1, strings.Count(e.Old, "\n")) {
			p.secret = p.secret || e.Old != "" && len(c.masks[place{e.File, e.Line + l}]) > 0
		}
	}
	if size > maxEdit {
		p.Edits = nil
	}
	doc := c.Doc(p.Pos.File)
	if doc == nil || p.Pos.Line == 0 {
		return
	}
	line := doc.Line(p.Pos.Line)
	from := min(p.Pos.Col-1, len(line))
	to := min(from+max(p.Width, 1), len(line))
	begin, end := 0, len(line)
	if len(line) > longLine {
		begin, end = max(0, from-around), min(len(line), from+around)
		to = min(to, end)
	}
	p.moved = begin > 0
	var b strings.Builder
	p.from, p.meant = from-begin, to-from
	for i := begin; i < end; {
		if s, ok := within(c.masks[place{p.Pos.File, p.Pos.Line}], i); ok {
			// Places behind it and around it move by as much as it is longer.
			last := min(s.to, end)
			grown := len(masked) - (last - i)
			switch {
			case last <= from:
				p.from += grown
				p.moved = true
			case i >= from && last <= to:
				p.meant += grown
			case i < to:
				p.from, p.meant = b.Len(), len(masked)
			}
			b.WriteString(masked)
			i = last
			continue
		}
		b.WriteByte(line[i])
		i++
	}
	p.Line = b.String()
	p.from = min(max(p.from, 0), len(p.Line))
	p.meant = min(max(p.meant, 0), len(p.Line)-p.from)
}

// within finds the mask that holds a byte of the line.
func within(masks []span, i int) (span, bool) {
	for _, s := range masks {
		if s.from <= i && i < s.to {
			return s, true
		}
	}
	return span{}, false
}
