package report

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// columns is the measure of width. Characters of ambiguous width count as one
// whatever the locale: a report must not change with the environment, and
// today's terminals draw them so.
var columns = &runewidth.Condition{StrictEmojiNeutral: true}

// width of a string in columns.
func width(s string) int { return columns.StringWidth(s) }

// pad fills s with spaces up to w columns.
func pad(s string, w int) string { return s + strings.Repeat(" ", max(0, w-width(s))) }

// padLeft is pad at the left side.
func padLeft(s string, w int) string { return strings.Repeat(" ", max(0, w-width(s))) + s }

// cut shortens s to w columns, with more at its end when something is missing.
func cut(s string, w int, more string) string {
	if width(s) <= w {
		return s
	}
	if width(more) >= w {
		return columns.Truncate(s, w, "")
	}
	return columns.Truncate(s, w, more)
}

// bounded keeps the beginning of a long text, limit characters of it, and says
// that something is missing.
func (o Options) bounded(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:limit]), " \n") + o.say("shortened")
}

// Characters that no line of Chinese begins or ends with (after GB/T 15834).
const (
	neverFirst = "，。；：、！？）」』”’》】〉…·％,.;:!?)]}%"
	neverLast  = "（「『“‘《【〈([{"
)

// atom is what a line break must not divide.
type atom struct {
	text  string
	width int
	space bool // a space stands before it
}

// atoms divides a text: words between spaces, and single characters in
// Chinese, with the punctuation that belongs to them.
func atoms(s string) []atom {
	var out []atom
	space, glue, wideBefore := false, false, false
	for _, r := range s {
		if r == ' ' || r == '\n' {
			space, glue = true, false
			continue
		}
		w := columns.RuneWidth(r)
		wide := w == 2
		joins := len(out) > 0 && !space && (glue || w == 0 || !wide && !wideBefore || strings.ContainsRune(neverFirst, r))
		if joins {
			last := &out[len(out)-1]
			last.text += string(r)
			last.width += w
		} else {
			out = append(out, atom{string(r), w, space && len(out) > 0})
		}
		if w > 0 {
			wideBefore = wide
		}
		space, glue = false, strings.ContainsRune(neverLast, r)
	}
	return out
}

// wrap fills lines of at most w columns.
func wrap(s string, w int) []string {
	w = max(w, 8)
	var lines []string
	var line strings.Builder
	used := 0
	flush := func() {
		lines = append(lines, line.String())
		line.Reset()
		used = 0
	}
	for _, a := range atoms(s) {
		gap := 0
		if a.space && used > 0 {
			gap = 1
		}
		if used > 0 && used+gap+a.width > w {
			flush()
			gap = 0
		}
		if gap == 1 {
			line.WriteByte(' ')
			used++
		}
		for _, r := range a.text {
			rw := columns.RuneWidth(r)
			if used+rw > w { // only an atom wider than a line comes here
				flush()
			}
			line.WriteRune(r)
			used += rw
		}
	}
	if line.Len() > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}

// duration writes seconds for people: 312 ms, 1.24 s, 2 min 5 s.
func duration(s float64) string {
	switch {
	case s < 0 || math.IsNaN(s) || math.IsInf(s, 0):
		return "?"
	case s < 0.0005:
		return "<1 ms"
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 9.995:
		return fmt.Sprintf("%.2f s", s)
	case s < 99.95:
		return fmt.Sprintf("%.1f s", s)
	default:
		whole := int(math.Round(min(s, 1e9)))
		return fmt.Sprintf("%d min %d s", whole/60, whole%60)
	}
}
