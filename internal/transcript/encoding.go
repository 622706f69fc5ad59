package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	encodingutf16 "golang.org/x/text/encoding/unicode"
)

// sampled is how much of a text tells its encoding.
const sampled = 64 << 10

// decode makes UTF-8 of what Windows' programs write: UTF-16 with its mark, and
// the code pages of Chinese and of Western Europe.
func decode(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return decoded(text, encodingutf16.UTF16(encodingutf16.LittleEndian, encodingutf16.UseBOM))
	case utf8.ValidString(text):
		return text
	}
	sample := text[:min(len(text), sampled)]
	if looksChinese(sample) {
		return decoded(text, simplifiedchinese.GB18030)
	}
	high := 0
	for i := range len(sample) {
		if sample[i] >= 0x80 {
			high++
		}
	}
	if high*4 < len(sample) && !strings.ContainsRune(sample, 0) && !mostlyUTF8(sample) {
		return decoded(text, charmap.Windows1252)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func decoded(text string, e encoding.Encoding) string {
	s, err := e.NewDecoder().String(text)
	if err != nil {
		s = text
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// looksChinese tells whether a text that is no UTF-8 makes sense in GB 18030:
// characters in daily use, and hardly any error.
func looksChinese(sample string) bool {
	s, err := simplifiedchinese.GB18030.NewDecoder().String(sample)
	if err != nil {
		return false
	}
	han, bad := 0, 0
	for _, r := range s {
		switch {
		case r == utf8.RuneError, r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != 0x1b:
			bad++
		case unicode.Is(unicode.Han, r):
			han++
		}
	}
	return han >= 2 && bad*20 <= han && !mostlyUTF8(sample)
}

// mostlyUTF8: UTF-8 with a few bytes that were damaged.
func mostlyUTF8(sample string) bool {
	good, bad := 0, 0
	for _, r := range sample {
		switch {
		case r == utf8.RuneError:
			bad++
		case r >= utf8.RuneSelf:
			good++
		}
	}
	return good > bad
}
