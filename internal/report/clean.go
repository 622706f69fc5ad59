package report

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ftpdoctor/internal/finding"
)

// printable makes foreign text safe to show: what a terminal would obey or
// hide (C0 and C1 controls, direction overrides, zero-width and unassigned
// characters, towers of combining marks) becomes \uXXXX, an invalid byte \xNN. Lines may stay: CRLF and LF
// come out as LF, and whoever prints decides on them. Tabs and odd spaces become
// a space.
func printable(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	marks := 0 // combining marks in a row
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case marks > maxMarks:
			b.WriteString(escaped(r))
			marks = 0
		case r == '\n', r == '\u3000', unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\t', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			b.WriteString(escaped(r))
		}
		i += n
	}
	return b.String()
}

// maxMarks is how many combining marks one character may carry; no writing
// needs more, and more of them paint over the lines above and below.
const maxMarks = 4

// plain is the quick way for what is nearly everything.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escaped(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// valid makes invalid bytes visible as \xNN and leaves the rest, for formats
// that have their own escapes.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

var asciiOf = strings.NewReplacer(
	"✓", "+", "✗", "x", "–", "-", "—", "-", "│", "|", "┆", ":", "·", "-", "•", "*", "…", "...",
	"“", `"`, "”", `"`, "‘", "'", "’", "'", "→", "->", "≥", ">=", "≤", "<=", "×", "x", "\u00a0", " ",
)

// ascii writes what is not ASCII by its number: in a terminal of another
// encoding the bytes of UTF-8 may be commands (0x9B is CSI in ISO 8859). Chinese
// asked for explicitly stays.
func (o Options) ascii(s string) string {
	if !o.ASCII {
		return s
	}
	s = asciiOf.Replace(s)
	if o.Lang == finding.Chinese || plain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r > '~' {
			b.WriteString(escaped(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// maxString bounds every string that people read, in bytes; pieces of evidence
// have a tighter bound.
const maxString = 8 << 10

// forDisplay is the cleaning of every format that people read.
func (o Options) forDisplay() func(string) string {
	return func(s string) string {
		if len(s) > maxString {
			end := maxString
			for end > 0 && !utf8.RuneStart(s[end]) {
				end--
			}
			s = s[:end] + o.say("shortened")
		}
		return o.ascii(printable(s))
	}
}

// clean returns a deep copy of the report with f applied to every string in it,
// also in fields that do not exist yet.
func clean(r *finding.Report, f func(string) string) *finding.Report {
	out := copied(reflect.ValueOf(r), f).Interface().(*finding.Report)
	if out == nil {
		out = &finding.Report{Schema: finding.Schema, Status: finding.Unknown}
	}
	return out
}

func copied(v reflect.Value, f func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(copied(v.Elem(), f))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(copied(v.Elem(), f))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(copied(v.Index(i), f))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(copied(it.Key(), f), copied(it.Value(), f))
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			break
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(copied(v.Field(i), f))
			}
		}
	}
	return out
}
