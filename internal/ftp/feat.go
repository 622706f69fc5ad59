package ftp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Features is what a server says it can do (RFC 2389 §3).
type Features struct {
	Lines []string // as the server wrote them, without the leading space
	Auth  []string // mechanisms of AUTH, in upper case
	MLST  []string // facts of MLST, in lower case, without the asterisk of those that are on
}

// maxFeatures bounds what is kept.
const maxFeatures = 200

// ParseFEAT reads the reply to FEAT.
func ParseFEAT(r Reply) Features {
	var f Features
	if !r.Completion() || len(r.Lines) < 2 {
		return f
	}
	for _, line := range r.Lines[1:min(len(r.Lines), maxFeatures+1)] {
		line = strings.TrimSpace(line)
		if line == "" || strings.EqualFold(line, "end") || strings.HasPrefix(strings.ToLower(line), "end ") {
			continue
		}
		f.Lines = append(f.Lines, line)
		name, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(name) {
		case "AUTH":
			for m := range strings.FieldsFuncSeq(strings.ToUpper(rest), func(c rune) bool { return c == ' ' || c == ';' || c == ',' }) {
				f.Auth = append(f.Auth, m)
			}
		case "MLST":
			for fact := range strings.SplitSeq(strings.ToLower(rest), ";") {
				if fact = strings.TrimSuffix(strings.TrimSpace(fact), "*"); fact != "" {
					f.MLST = append(f.MLST, fact)
				}
			}
		}
	}
	return f
}

// Has tells whether a feature is listed by its first word.
func (f Features) Has(name string) bool {
	return slices.ContainsFunc(f.Lines, func(l string) bool {
		word, _, _ := strings.Cut(l, " ")
		return strings.EqualFold(word, name)
	})
}

// TLS tells whether AUTH TLS is listed, under one of its names (RFC 4217 §17).
func (f Features) TLS() bool {
	return slices.ContainsFunc(f.Auth, func(m string) bool { return m == "TLS" || m == "TLS-C" || m == "SSL" || m == "TLS-P" })
}

// ErrNoPath is returned where a reply names no path.
var ErrNoPath = errors.New("no quoted path in the reply")

// PathReply reads the path of a 257 reply, in which quotes are doubled (RFC 959 appendix II).
func PathReply(r Reply) (string, error) {
	s := r.Text()
	open := strings.IndexByte(s, '"')
	if open < 0 {
		return "", ErrNoPath
	}
	var b strings.Builder
	for i := open + 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), nil
	}
	return "", ErrNoPath
}

// ParseSize reads the text of a 213 reply to SIZE (RFC 3659 §4).
func ParseSize(text string) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(text), 10, 64)
}

// ParseTime reads YYYYMMDDHHMMSS[.sss], which is UTC (RFC 3659 §2.3).
func ParseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	layout := "20060102150405"
	if strings.Contains(text, ".") {
		layout += ".999999999"
	}
	return time.ParseInLocation(layout, text, time.UTC)
}
