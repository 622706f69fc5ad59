package host

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// wrapRule is a line of hosts.allow or hosts.deny (hosts_access(5)).
type wrapRule struct {
	Daemons, Clients []string
	Options          []string // behind the second colon; "deny" and "allow" decide
	File             string
	Line             int
	Text             string
}

// parseWrappers reads hosts.allow or hosts.deny. An address of IPv6 stands in
// brackets, so that its colons end nothing.
func parseWrappers(file, text string) []wrapRule {
	var all []wrapRule
	n, pending, start := 0, "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if pending == "" {
			start = n
		}
		if head, more := strings.CutSuffix(line, "\\"); more && len(pending) < 1<<16 {
			pending += head
			continue
		}
		line, pending = strings.TrimSpace(pending+line), ""
		if line == "" || line[0] == '#' || len(all) >= maxRows {
			continue
		}
		parts := wrapSplit(line)
		if len(parts) < 2 {
			continue
		}
		list := func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
		}
		r := wrapRule{Daemons: list(parts[0]), Clients: list(parts[1]), File: file, Line: start, Text: line}
		for _, o := range parts[2:] {
			r.Options = append(r.Options, strings.TrimSpace(o))
		}
		all = append(all, r)
	}
	return all
}

// wrapSplit splits at colons outside of brackets and not behind a backslash.
func wrapSplit(s string) []string {
	var out []string
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth = max(0, depth-1)
		case ':':
			if depth == 0 && (i == 0 || s[i-1] != '\\') {
				out = append(out, s[from:i])
				from = i + 1
			}
		}
	}
	return append(out, s[from:])
}

// wrapVerdict is what hosts_access(5) says of a client.
type wrapVerdict int

const (
	wrapNone wrapVerdict = iota // no rule speaks of it: it is let in
	wrapAllow
	wrapDeny
	wrapUnknown // it hangs on a name, or on a program that is run
)

// judgeWrappers applies the two files: the first rule of hosts.allow that fits
// lets in, then the first of hosts.deny that fits denies (hosts_options(5): a
// rule may say the opposite).
func judgeWrappers(allow, deny []wrapRule, daemon string, source netip.Addr, files func(string) string) (wrapVerdict, wrapRule) {
	for i, table := range [][]wrapRule{allow, deny} {
		for _, r := range table {
			switch r.fits(daemon, source, files) {
			case wrapUnknown:
				return wrapUnknown, r
			case wrapAllow:
				verdict := []wrapVerdict{wrapAllow, wrapDeny}[i]
				for _, o := range r.Options {
					switch word, _, _ := strings.Cut(strings.ToUpper(o), " "); word {
					case "DENY":
						verdict = wrapDeny
					case "ALLOW":
						verdict = wrapAllow
					case "ACLEXEC":
						return wrapUnknown, r
					}
				}
				return verdict, r
			}
		}
	}
	return wrapNone, wrapRule{}
}

// fits: wrapAllow it does, wrapNone it does not, wrapUnknown it hangs on a name.
func (r wrapRule) fits(daemon string, source netip.Addr, files func(string) string) wrapVerdict {
	if d := wrapList(r.Daemons, func(p string) wrapVerdict { return daemonFits(p, daemon) }); d != wrapAllow {
		return d
	}
	return wrapList(r.Clients, func(p string) wrapVerdict { return clientFits(p, source, files, 0) })
}

// wrapList applies a list with EXCEPT, which nests to the right.
func wrapList(list []string, fits func(string) wrapVerdict) wrapVerdict {
	except := slices.IndexFunc(list, func(s string) bool { return strings.EqualFold(s, "EXCEPT") })
	head := list
	if except >= 0 {
		head = list[:except]
	}
	found := wrapNone
	for _, p := range head {
		switch fits(p) {
		case wrapAllow:
			found = wrapAllow
		case wrapUnknown:
			if found == wrapNone {
				found = wrapUnknown
			}
		}
		if found == wrapAllow {
			break
		}
	}
	if except < 0 || found == wrapNone {
		return found
	}
	switch wrapList(list[except+1:], fits) {
	case wrapAllow:
		return wrapNone
	case wrapUnknown:
		return wrapUnknown
	}
	return found
}

func daemonFits(pattern, daemon string) wrapVerdict {
	pattern, _, _ = strings.Cut(pattern, "@")
	if strings.EqualFold(pattern, "ALL") || pattern == daemon {
		return wrapAllow
	}
	return wrapNone
}

// clientFits judges one pattern of a client by its address alone; a name that
// would have to be looked up is unknown.
func clientFits(pattern string, source netip.Addr, files func(string) string, depth int) wrapVerdict {
	if _, at, ok := strings.Cut(pattern, "@"); ok && !strings.HasPrefix(pattern, "@") {
		pattern = at
	}
	yes := func(b bool) wrapVerdict {
		if b {
			return wrapAllow
		}
		return wrapNone
	}
	upper := strings.ToUpper(pattern)
	switch {
	case upper == "ALL":
		return wrapAllow
	case upper == "LOCAL":
		return yes(source.IsLoopback()) // else a name without a dot, which an address of the outside has not
	case upper == "UNKNOWN" || upper == "PARANOID" || upper == "KNOWN":
		return wrapUnknown
	case strings.HasPrefix(pattern, "/"):
		if depth > 3 {
			return wrapUnknown
		}
		found := wrapNone
		for _, p := range strings.Fields(files(pattern)) {
			if v := clientFits(p, source, files, depth+1); v != wrapNone {
				found = v
			}
			if found == wrapAllow {
				break
			}
		}
		return found
	case strings.HasPrefix(pattern, "@"):
		return wrapUnknown // a netgroup
	case strings.HasSuffix(pattern, ".") && source.Is4():
		return yes(strings.HasPrefix(source.String()+".", pattern))
	}
	if p, ok := wrapPrefix(pattern); ok {
		return yes(p.Contains(source))
	}
	if a, err := netip.ParseAddr(strings.Trim(pattern, "[]")); err == nil {
		return yes(a.Unmap() == source)
	}
	if strings.Trim(pattern, "0123456789.*?") == "" {
		return yes(globs(pattern, source.String()))
	}
	return wrapUnknown
}

// wrapPrefix reads net/mask, net/length and [net]/length.
func wrapPrefix(s string) (netip.Prefix, bool) {
	host, mask, ok := strings.Cut(s, "/")
	if !ok {
		host, mask, ok = strings.Cut(strings.Trim(s, "[]"), "/")
	}
	if !ok {
		return netip.Prefix{}, false
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return netip.Prefix{}, false
	}
	bits, err := strconv.Atoi(strings.Trim(mask, "]"))
	if err != nil {
		m, err := netip.ParseAddr(mask)
		if err != nil || !m.Is4() {
			return netip.Prefix{}, false
		}
		bits = ones(m.As4())
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// ones counts the leading ones of a mask; -1 where others follow a zero.
func ones(m [4]byte) int {
	n, ended := 0, false
	for _, b := range m {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return -1
			}
			ended = ended || !one
			if one {
				n++
			}
		}
	}
	return n
}

// globs matches * and ? without a regular expression's blow-up.
func globs(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
