package firewall

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// hooksOf are the hooks and priorities of the tables that iptables has (the
// kernel's include/uapi/linux/netfilter_ipv4.h).
var hooksOf = map[string]map[string]struct {
	hook stage
	prio int
}{
	"raw":      {"PREROUTING": {atPrerouting, -300}, "OUTPUT": {atOutput, -300}},
	"mangle":   {"PREROUTING": {atPrerouting, -150}, "INPUT": {atInput, -150}, "FORWARD": {atForward, -150}, "OUTPUT": {atOutput, -150}, "POSTROUTING": {atPostrouting, -150}},
	"nat":      {"PREROUTING": {atPrerouting, -100}, "INPUT": {atInput, 100}, "OUTPUT": {atOutput, -100}, "POSTROUTING": {atPostrouting, 100}},
	"filter":   {"INPUT": {atInput, 0}, "FORWARD": {atForward, 0}, "OUTPUT": {atOutput, 0}},
	"security": {"INPUT": {atInput, 50}, "FORWARD": {atForward, 50}, "OUTPUT": {atOutput, 50}},
}

// ParseIPTables reads what iptables-save (f is IP) or ip6tables-save (f is IP6)
// prints, of whichever backend; the text says which it is. Matches and targets
// that it does not know are kept as such: they make a verdict Unknown if it
// hangs on them. An error means that this is not such a listing.
func ParseIPTables(save []byte, f Family) (*Ruleset, error) {
	rs := &Ruleset{ipsets: map[string]*ipset{}}
	source := IPTablesLegacy
	var t *table
	lines := bufio.NewScanner(bytes.NewReader(save))
	lines.Buffer(nil, max(64<<10, len(save)+1))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "", line == "COMMIT":
		case line[0] == '#':
			if strings.Contains(line, "(nf_tables)") || strings.Contains(line, "tables-nft-save") || strings.Contains(line, "xtables-save") {
				source = IPTablesNFT
			}
			if strings.HasPrefix(line, "# Warning:") || strings.HasPrefix(line, "# Table") {
				rs.Notes = append(rs.Notes, strings.TrimPrefix(line, "# "))
			}
		case line[0] == '*':
			t = newTable(source, f, line[1:])
			rs.tables = append(rs.tables, t)
		case t == nil:
			return nil, fmt.Errorf("read iptables-save: line %d is in no table", n)
		case line[0] == ':':
			t.declare(line[1:])
		default:
			_, counted, _ := strings.Cut(line, "] ")
			if line[0] != '[' {
				counted = line
			}
			if !strings.HasPrefix(counted, "-A ") {
				return nil, fmt.Errorf("read iptables-save: line %d is neither chain nor rule", n)
			}
			t.parseRule(counted)
		}
	}
	return rs.finish(), lines.Err()
}

// declare takes in a line such as "INPUT DROP [12:720]".
func (t *table) declare(line string) {
	name, rest, _ := strings.Cut(line, " ")
	policy, _, _ := strings.Cut(rest, " ")
	c := t.chain(name)
	if at, ok := hooksOf[t.name][name]; ok {
		action := Accept
		if policy == "DROP" {
			action = Drop
		}
		c.base(string(at.hook), t.name == "nat", at.prio, action)
		c.decide.Text = "-P " + name + " " + policy
	}
}

// parseRule takes in a line such as "-A INPUT -p tcp -m tcp --dport 21 -j DROP".
func (t *table) parseRule(line string) {
	words := splitWords(line)
	r := &Rule{Text: line}
	p := &ruleParser{t: t, rule: r}
	if len(words) > 2 {
		p.parse(words[2:])
	}
	r.steps, r.targets = p.steps, p.targets
	name := ""
	if len(words) > 1 {
		name = words[1]
	}
	t.chain(name).add(r)
}

// splitWords splits a line as iptables-restore does: words may be in double
// quotes, where a backslash takes the next character as it is.
func splitWords(line string) []string {
	var out []string
	var word strings.Builder
	quoted, inWord := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted, inWord = !quoted, true
		case quoted && c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		case !quoted && (c == ' ' || c == '\t'):
			if inWord {
				out = append(out, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		out = append(out, word.String())
	}
	return out
}

// option is one option of a rule with its values.
type option struct {
	name   string
	negate bool
	values []string
}

func (o option) value() string {
	if len(o.values) == 0 {
		return ""
	}
	return o.values[0]
}

func (o option) String() string {
	s := strings.Join(append([]string{o.name}, o.values...), " ")
	if o.negate {
		return "! " + s
	}
	return s
}

// options splits words at those that begin with a dash.
func options(words []string) []option {
	var out []option
	negate := false
	for i, w := range words {
		next := i+1 < len(words) && strings.HasPrefix(words[i+1], "-")
		switch {
		case w == "!" && next:
			negate = true
		case w == "!" && len(out) > 0 && len(out[len(out)-1].values) == 0:
			out[len(out)-1].negate = true // as versions before 1.4.3 wrote it
		case len(w) > 1 && w[0] == '-' && !digits(w[1:]):
			out = append(out, option{name: w, negate: negate})
			negate = false
		case len(out) > 0:
			out[len(out)-1].values = append(out[len(out)-1].values, w)
		default:
			out = append(out, option{name: w})
		}
	}
	return out
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// ruleParser makes steps of the options of one rule.
type ruleParser struct {
	t       *table
	rule    *Rule
	steps   []step
	targets []string
	proto   Proto // of -p, if it is not negated
}

func (p *ruleParser) add(s step) { p.steps = append(p.steps, s) }

// parse reads a rule: the packet's own fields, modules each with its options,
// the target with its options.
func (p *ruleParser) parse(words []string) {
	module := ""
	var of []option // of the module at hand
	flush := func() {
		if module != "" {
			p.module(module, of)
		}
		module, of = "", nil
	}
	all := options(words)
	for i, o := range all {
		switch o.name {
		case "-j", "--jump", "-g", "--goto":
			flush()
			p.target(o.value(), o.name == "-g" || o.name == "--goto", all[i+1:])
			return
		case "-m", "--match":
			flush()
			module = o.value()
		case "-s", "--source", "-d", "--destination", "-p", "--protocol", "-i", "--in-interface", "-o", "--out-interface", "-f", "--fragment":
			flush()
			p.basic(o)
		case "-c", "--set-counters", "-4", "-6":
		default:
			of = append(of, o)
			if module == "" {
				p.add(hangs{o.String()})
				of = nil
			}
		}
	}
	flush()
}

// basic reads an option that every rule may have.
func (p *ruleParser) basic(o option) {
	v := o.value()
	switch o.name {
	case "-s", "--source":
		p.address(key{field: fSource}, o, v)
	case "-d", "--destination":
		p.address(key{field: fDestination}, o, v)
	case "-p", "--protocol":
		if v == "all" || v == "0" || v == "any" {
			return
		}
		n, ok := numberOf(protocols, v)
		if !ok {
			n64, err := kNumber.parse(v)
			if !err {
				p.add(hangs{o.String()})
				return
			}
			n = n64.lo
		}
		if !o.negate {
			p.proto = Proto(n)
		}
		p.compare(key{field: fProtocol}, o, span{num(n), num(n)})
	case "-i", "--in-interface":
		p.device(key{field: fIn}, o, v)
	case "-o", "--out-interface":
		p.device(key{field: fOut}, o, v)
	case "-f", "--fragment":
		p.add(&test{o.String(), func(*run, *thread) (tri, string) { return truth(o.negate), "" }})
	}
}

// compare adds a condition on a number.
func (p *ruleParser) compare(k key, o option, spans ...span) {
	var all []element
	for _, s := range spans {
		all = append(all, element{dims: []dim{{span: s}}})
	}
	p.add(&match{keys: []key{k}, set: newLookup(all, -1, ""), negate: o.negate, text: o.String()})
}

func (p *ruleParser) device(k key, o option, name string) {
	d := dim{isText: true, text: name}
	if begins, ok := strings.CutSuffix(name, "+"); ok {
		d.text, d.prefix = begins, true
	}
	p.add(&match{keys: []key{k}, set: newLookup([]element{{dims: []dim{d}}}, -1, ""), negate: o.negate, text: o.String()})
}

// address reads an address with a mask, which need not be a prefix.
func (p *ruleParser) address(k key, o option, v string) {
	family := kIPv4
	if p.t.family == IP6 {
		family = kIPv6
	}
	addr, mask, masked := strings.Cut(v, "/")
	base, ok := family.parse(addr)
	m := ones(map[kind]int{kIPv4: 32, kIPv6: 128}[family])
	if masked && ok {
		if digits(mask) && len(mask) < 4 && mask != "" {
			n := 0
			for _, c := range mask {
				n = n*10 + int(c-'0')
			}
			width := map[kind]int{kIPv4: 32, kIPv6: 128}[family]
			ok = n <= width
			m = m.clear(ones(width - n))
		} else {
			m, ok = family.parse(mask)
		}
	}
	if !ok {
		p.add(hangs{o.String()})
		return
	}
	k.masked, k.mask = true, m
	p.compare(k, o, single(base.and(m)))
}
