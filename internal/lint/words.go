package lint

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// nearest returns the known name that was probably meant, or "": at most a
// third of its letters differ. Blanks, dashes and underscores that were mixed up
// count as one difference.
func nearest(name string, known []string) string {
	best, least := "", max(1, len(name)/3)+1
	low := strings.ToLower(name)
	if len(low) > 64 {
		return ""
	}
	for _, k := range known {
		if d := distance(low, strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// digits tells whether a text is a decimal number and nothing else.
func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// number reads a decimal number; -1 where it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// octal reads an octal number; -1 where it is none.
func octal(s string) int {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

// fold tells whether a word is one of those, in whatever case.
func fold(s string, of ...string) bool {
	return slices.ContainsFunc(of, func(o string) bool { return strings.EqualFold(s, o) })
}

// unusable says why an address can't be announced to clients of the internet:
// "private", "loopback", "unspecified", or "" where it can, or is a name.
func unusable(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	switch {
	case a.IsUnspecified():
		return "unspecified"
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast(), shared.Contains(a):
		return "private"
	}
	return ""
}

// unusableAt makes the hit of an announced address. A private one is right where
// all clients are in its network, so it is a warning; others fail for everybody.
func unusableAt(h hit, address string) []hit {
	switch unusable(address) {
	case "":
		return nil
	case "private":
		return one(h.as(finding.Warning))
	}
	return one(h)
}

// loopback tells whether an address is only reachable on the machine itself.
func loopback(s string) bool {
	if fold(s, "localhost", "ip6-localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return err == nil && a.IsLoopback()
}

// weakCiphers names what an OpenSSL cipher list lets in that no longer
// protects, or "". What a list excludes with ! or - does not count.
func weakCiphers(list string) string {
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		if strings.HasPrefix(word, "!") || strings.HasPrefix(word, "-") {
			continue
		}
		up := strings.ToUpper(strings.TrimPrefix(word, "+"))
		if up == "@SECLEVEL=0" {
			return word
		}
		if slices.Contains([]string{"ALL", "COMPLEMENTOFALL", "LOW", "EXP", "EXPORT", "MEDIUM", "NULL", "ENULL", "ANULL", "ADH", "AECDH", "DES", "SSLV2", "SSLV3"}, up) && !excluded(list, up) {
			return word
		}
		for _, bad := range []string{"RC4", "DES-CBC", "3DES", "EXP-", "NULL-", "-MD5", "IDEA", "SEED"} {
			if strings.Contains(up, bad) {
				return word
			}
		}
	}
	return ""
}

// excluded: ALL and its like are bearable when the weak ones are taken out again.
func excluded(list, word string) bool {
	up := strings.ToUpper(list)
	return word == "ALL" && (strings.Contains(up, "!ANULL") || strings.Contains(up, "!ADH")) && (strings.Contains(up, "!LOW") || strings.Contains(up, "!ENULL"))
}
