package ftp

import (
	"errors"
	"slices"
	"strings"
)

// Features is what a server says it can do (RFC 2389 §3).
type Features struct {
	Lines  []string // as the server wrote them, without the leading space
	Auth   []string // mechanisms of AUTH, in upper case: TLS, SSL, TLS-C, TLS-P (RFC 4217 §17), GSSAPI
	MLST   []string // facts of MLST, in lower case, without the asterisk of those that are on (RFC 3659 §7.8)
	MLSTOn []string // those of MLST that are sent now
	Hash   []string // algorithms of HASH, in upper case, without the asterisk
	Lang   []string // languages of LANG, in upper case, without the asterisk (RFC 2640 §4)
}

// maxFeatures bounds what is kept; the longest list known has about 60 lines.
const maxFeatures = 200

// ParseFEAT reads the reply to FEAT. What stands between the first and the last
// line are features, whether or not the server repeats the code before each.
func ParseFEAT(r Reply) Features {
	var f Features
	if !r.Completion() || len(r.Lines) < 3 {
		return f
	}
	for _, line := range r.Lines[1 : len(r.Lines)-1] {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(f.Lines) == maxFeatures {
			break
		}
		f.Lines = append(f.Lines, line)
		name, rest := cutFeature(line)
		switch strings.ToUpper(name) {
		case "AUTH":
			f.Auth = append(f.Auth, featureList(strings.ToUpper(rest))...)
		case "HASH":
			f.Hash = append(f.Hash, withoutMark(featureList(strings.ToUpper(rest)))...)
		case "LANG":
			f.Lang = append(f.Lang, withoutMark(featureList(strings.ToUpper(rest)))...)
		case "MLST":
			facts := featureList(strings.ToLower(rest))
			f.MLST = append(f.MLST, withoutMark(facts)...)
			for _, fact := range facts {
				if on, ok := strings.CutSuffix(fact, "*"); ok {
					f.MLSTOn = append(f.MLSTOn, on)
				}
			}
		}
	}
	return f
}

// cutFeature parts a feature from its parameters; some servers write AUTH:TLS.
func cutFeature(line string) (name, rest string) {
	i := strings.IndexAny(line, " \t:;")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i+1:])
}

func featureList(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == ';' || c == ',' || c == '\t' })
}

func withoutMark(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSuffix(s, "*")
	}
	return out
}

// Has tells whether a feature is listed by its first word, in whatever case:
// UTF8, EPSV, EPRT, SIZE, MDTM, MFMT, TVFS, CLNT, HOST, CCC, PBSZ, PROT, XCRC,
// XMD5, XSHA, PRET.
func (f Features) Has(name string) bool {
	return slices.ContainsFunc(f.Lines, func(l string) bool {
		word, _ := cutFeature(l)
		return strings.EqualFold(word, name)
	})
}

// Arg is what stands behind a feature's first word; empty when it is not listed.
func (f Features) Arg(name string) string {
	for _, l := range f.Lines {
		if word, rest := cutFeature(l); strings.EqualFold(word, name) {
			return rest
		}
	}
	return ""
}

// TLS tells whether AUTH TLS is listed, under one of its names (RFC 4217 §17).
func (f Features) TLS() bool {
	return slices.ContainsFunc(f.Auth, func(m string) bool { return m == "TLS" || m == "TLS-C" || m == "SSL" || m == "TLS-P" })
}

// UTF8 tells whether names are promised to be in UTF-8 (RFC 2640 §3.2).
func (f Features) UTF8() bool { return f.Has("UTF8") || f.Has("UTF-8") }

// Resume tells whether REST works in stream mode (RFC 3659 §5.4).
func (f Features) Resume() bool {
	return f.Has("REST") && strings.Contains(strings.ToUpper(f.Arg("REST")), "STREAM")
}

// Checksums lists the ways to have the server compute a checksum of a file, as
// commands: HASH, XCRC, XMD5, XSHA, XSHA1, XSHA256, XSHA512, MD5, CRC.
func (f Features) Checksums() []string {
	var out []string
	for _, name := range []string{"HASH", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512", "MD5", "CRC"} {
		if f.Has(name) {
			out = append(out, name)
		}
	}
	return out
}

// ErrNoPath is returned where a reply names no path.
var ErrNoPath = errors.New("no quoted path in the reply")

// PathReply reads the path of a 257 reply, in which quotes are doubled (RFC 959
// appendix II).
func PathReply(r Reply) (string, error) {
	for _, s := range r.Lines {
		_, s, ok := strings.Cut(s, `"`)
		if !ok {
			continue
		}
		if path, ok := unquote(s); ok {
			return path, nil
		}
	}
	return "", ErrNoPath
}

// unquote reads up to the quote that ends s; doubled ones stand for themselves.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for {
		part, rest, ok := strings.Cut(s, `"`)
		b.WriteString(part)
		if !ok {
			return "", false
		}
		if !strings.HasPrefix(rest, `"`) {
			return b.String(), true
		}
		b.WriteByte('"')
		s = rest[1:]
	}
}

// QuotePath is a path as a 257 reply holds it.
func QuotePath(path string) string { return `"` + strings.ReplaceAll(path, `"`, `""`) + `"` }
