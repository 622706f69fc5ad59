package finding

import "strings"

// The marks of a phrase within a text. They are of the private use area, which
// nothing but this file gives a meaning; what foreign bytes say with them is
// translated if it is a phrase, and stripped in any case.
const (
	phraseBegin = '\uE0F0'
	phraseArg   = '\uE0F1'
	phraseEnd   = '\uE0F2'
)

// Say marks a phrase that stands within a detail or an argument, between what
// is the same in every language, so that [Report.Localize] translates it:
//
//	f.Saw("bytes read back", finding.Say("%s, SHA-256 differs", "17"), source)
//
// The arguments take the places of %s; a translation that wants them in another
// order names them %[2]s. They may hold phrases that are marked themselves.
func Say(phrase string, args ...string) string {
	var b strings.Builder
	b.WriteRune(phraseBegin)
	b.WriteString(phrase)
	for _, a := range args {
		b.WriteRune(phraseArg)
		b.WriteString(a)
	}
	b.WriteRune(phraseEnd)
	return b.String()
}

// Said puts the phrases that [Say] marked into words.
func Said(s string, lang Lang) string {
	for range maxNested {
		end := strings.IndexRune(s, phraseEnd)
		if end < 0 {
			break
		}
		after := s[end+len(string(phraseEnd)):]
		begin := strings.LastIndex(s[:end], string(phraseBegin)) // the innermost
		if begin < 0 {
			s = s[:end] + after
			continue
		}
		parts := strings.Split(s[begin+len(string(phraseBegin)):end], string(phraseArg))
		s = s[:begin] + insert(Phrase(parts[0], lang), parts[1:]) + after
	}
	return strings.Map(func(r rune) rune {
		if r == phraseBegin || r == phraseArg || r == phraseEnd {
			return -1
		}
		return r
	}, s)
}

// maxNested bounds how many phrases one text may hold; a server could send more.
const maxNested = 200

// insert puts the arguments at their places.
func insert(phrase string, args []string) string {
	var b strings.Builder
	next := 0
	for {
		before, rest, ok := strings.Cut(phrase, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		at := next
		if len(rest) > 3 && rest[0] == '[' && rest[2] == ']' && rest[3] == 's' {
			at, rest = int(rest[1]-'1'), rest[4:]
		} else if strings.HasPrefix(rest, "s") {
			next, rest = next+1, rest[1:]
		} else {
			b.WriteByte('%')
			at = -1
		}
		if at >= 0 && at < len(args) {
			b.WriteString(args[at])
		}
		phrase = rest
	}
}
