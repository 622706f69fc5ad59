package host

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Web servers have languages of their own, of which an inspection wants a
// handful of directives, wherever they stand. A line that names one is enough.

// webPatterns find a directive and its value on a line.
var webPatterns = map[string]*regexp.Regexp{
	"nginx":  regexp.MustCompile(`^\s*(ssl_certificate_key|ssl_certificate|include)\s+("[^"]+"|'[^']+'|[^\s;]+)\s*;`),
	"apache": regexp.MustCompile(`(?i)^\s*(SSLCertificateKeyFile|SSLCertificateFile|IncludeOptional|Include|ServerRoot)\s+("[^"]+"|[^\s"]+)\s*$`),
}

// Bounds of what a web server's configuration may include.
const (
	maxWebFiles = 256
	maxWebDepth = 8
)

// webDirectives reads the directives of a web server's configuration with its
// includes: those that matter, in the order of reading, with the files read.
func (l *look) webDirectives(kind, main string) (all []directive, files []string) {
	pattern := webPatterns[kind]
	root := path.Dir(main)
	seen := map[string]bool{}
	var read func(name string, depth int)
	read = func(name string, depth int) {
		if depth > maxWebDepth || len(files) >= maxWebFiles || seen[name] {
			return
		}
		seen[name] = true
		text, err := l.read(name)
		if err != nil {
			return
		}
		files = append(files, name)
		n := 0
		for line := range strings.Lines(text) {
			n++
			m := pattern.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
			if m == nil {
				continue
			}
			d := directive{strings.ToLower(m[1]), value{strings.Trim(m[2], `"'`), fmt.Sprintf("%s:%d", name, n)}}
			switch d.name {
			case "serverroot":
				root = d.Text
			case "include", "includeoptional":
				target := d.Text
				if !strings.HasPrefix(target, "/") {
					target = path.Join(root, target)
				}
				names := []string{target}
				if strings.ContainsAny(target, "*?[") {
					names = l.glob(target)
				}
				for _, f := range names {
					read(f, depth+1)
				}
			default:
				all = append(all, d)
			}
		}
	}
	read(main, 0)
	return all, files
}

// directive is one of a web server's, by its name in small letters.
type directive struct {
	name string
	value
}

// webPairs joins each certificate with the key that follows it.
func webPairs(all []directive) []pair {
	var out []pair
	for i, d := range all {
		if d.name != "ssl_certificate" && d.name != "sslcertificatefile" {
			continue
		}
		p := pair{Cert: d.Text, Key: d.Text, Place: d.Place}
		for _, k := range all[i+1:] {
			if k.name == d.name {
				break
			}
			if strings.Contains(k.name, "key") {
				p.Key = k.Text
				break
			}
		}
		known := false
		for _, o := range out {
			known = known || o.Cert == p.Cert && o.Key == p.Key
		}
		// What has a variable in its name is chosen for each session.
		if !known && strings.HasPrefix(p.Cert, "/") && !strings.ContainsAny(p.Cert+p.Key, "$") {
			out = append(out, p)
		}
	}
	return out
}
