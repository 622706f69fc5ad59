package firewall

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// object is what nft prints in braces.
type object = map[string]any

// ParseNFT reads what `nft -j list ruleset` prints. Expressions that it does not
// know are kept as such: they make a verdict Unknown if it hangs on them. code
// is what `nft --debug=netlink list ruleset` prints; nil will do unless the
// listing Hides something. An error means that this is not such a listing.
func ParseNFT(text, code []byte) (*Ruleset, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var listing struct {
		Objects []object `json:"nftables"`
	}
	if err := dec.Decode(&listing); err != nil {
		return nil, fmt.Errorf("read nft rule set: %w", err)
	}
	if listing.Objects == nil {
		return nil, errors.New("read nft rule set: no list of objects")
	}
	p := &nftParser{rs: &Ruleset{ipsets: map[string]*ipset{}}, tables: map[[2]string]*table{}, asks: hiddenFamilies(code)}
	for _, o := range listing.Objects {
		p.declare(o)
	}
	for _, o := range listing.Objects {
		if rule, ok := o["rule"].(object); ok {
			p.rule(rule)
		}
	}
	return p.rs.finish(), nil
}

// nftParser builds a rule set from nft's objects.
type nftParser struct {
	rs     *Ruleset
	tables map[[2]string]*table
	asks   map[ruleID]Family
}

// table finds or makes the table that an object belongs to.
func (p *nftParser) table(family, name string) *table {
	id := [2]string{family, name}
	t, ok := p.tables[id]
	if !ok {
		t = newTable(NFT, Family(family), name)
		p.tables[id] = t
		p.rs.tables = append(p.rs.tables, t)
	}
	return t
}

// declare takes in an object that rules refer to.
func (p *nftParser) declare(o object) {
	for kind, v := range o {
		d, ok := v.(object)
		if !ok {
			continue
		}
		switch kind {
		case "table":
			t := p.table(str(d["family"]), str(d["name"]))
			t.dormant = dormant(d["flags"], t.name)
		case "chain":
			t := p.table(str(d["family"]), str(d["table"]))
			c := t.chain(str(d["name"]))
			if hook := str(d["hook"]); hook != "" {
				policy := Accept
				if str(d["policy"]) == "drop" {
					policy = Drop
				}
				c.base(hook, str(d["type"]) == "nat", int(integer(d["prio"])), policy)
				c.device = words(d["dev"])
			}
		case "set", "map":
			t := p.table(str(d["family"]), str(d["table"]))
			s := &nftSet{name: str(d["name"]), elements: list(d["elem"])}
			t.sets[s.name] = s
		case "ct helper":
			t := p.table(str(d["family"]), str(d["table"]))
			proto, _ := numberOf(protocols, str(d["protocol"]))
			t.helpers[str(d["name"])] = helperObject{str(d["type"]), Proto(proto), Family(str(d["l3proto"]))}
		}
	}
}

// dormant reads a table's flags. nft before 1.0.8 prints the table's name where
// its flags belong, so that nobody can tell what they are.
func dormant(flags any, name string) tri {
	all := words(flags)
	switch {
	case slices.Contains(all, "dormant"):
		return yes
	case slices.Contains(all, name):
		return maybe
	}
	return no
}

// rule takes in a rule.
func (p *nftParser) rule(d object) {
	t := p.table(str(d["family"]), str(d["table"]))
	c := t.chain(str(d["chain"]))
	r := &Rule{Handle: int(integer(d["handle"])), Comment: str(d["comment"])}
	e := &exprParser{t: t}
	e.asks, e.told = p.asks[ruleID{string(t.family), t.name, c.name, r.Handle}]
	for _, s := range list(d["expr"]) {
		e.statement(s)
	}
	r.steps = e.steps
	p.rs.hides = p.rs.hides || e.hides
	r.Text = nftText(list(d["expr"]), r.Comment)
	r.targets = e.targets
	c.add(r)
}

// nftSet is a named set or map, read for the keys with which rules use it.
type nftSet struct {
	name     string
	elements []any
	cache    map[string]*compiledSet
}

type compiledSet struct {
	lookup *lookup
	data   []any // what a map's elements lead to
}

// The rest is about values of JSON.

func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// words are a word or a list of them.
func words(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	for _, w := range list(v) {
		out = append(out, str(w))
	}
	return out
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// integer reads a number, or the word that stands for a priority.
func integer(v any) int64 {
	switch v := v.(type) {
	case json.Number:
		n, _ := v.Int64()
		return n
	case string:
		n, err := strconv.ParseInt(v, 0, 64)
		if err == nil {
			return n
		}
		return map[string]int64{"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}[v]
	}
	return 0
}

// only gives the one member of an object, or of a word that stands for one.
func only(v any) (string, any) {
	switch v := v.(type) {
	case string:
		return v, nil
	case object:
		if len(v) == 1 {
			for k, inner := range v {
				return k, inner
			}
		}
	}
	return "", nil
}
