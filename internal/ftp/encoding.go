package ftp

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Encoding is a way in which names are written as bytes.
type Encoding string

// The encodings that NameEncoding tells apart.
const (
	UnknownEncoding Encoding = "" // undecidable, or none of these
	ASCII           Encoding = "ASCII"
	UTF8            Encoding = "UTF-8"
	GBK             Encoding = "GBK" // GB 2312 and GB 18030 included
	Big5            Encoding = "Big5"
	ShiftJIS        Encoding = "Shift-JIS"
	EUCJP           Encoding = "EUC-JP"
	EUCKR           Encoding = "EUC-KR"       // with CP949
	Windows1252     Encoding = "Windows-1252" // Latin-1 included
	Windows1251     Encoding = "Windows-1251"
	KOI8R           Encoding = "KOI8-R"
)

// decoder gives nil where the bytes need no decoding.
func (e Encoding) decoder() encoding.Encoding {
	switch e {
	case GBK:
		return simplifiedchinese.GB18030
	case Big5:
		return traditionalchinese.Big5
	case ShiftJIS:
		return japanese.ShiftJIS
	case EUCJP:
		return japanese.EUCJP
	case EUCKR:
		return korean.EUCKR
	case Windows1252:
		return charmap.Windows1252
	case Windows1251:
		return charmap.Windows1251
	case KOI8R:
		return charmap.KOI8R
	}
	return nil
}

// Decode gives a name in UTF-8; false when its bytes do not fit the encoding.
// What does not fit becomes U+FFFD.
func (e Encoding) Decode(name []byte) (string, bool) {
	enc := e.decoder()
	if enc == nil {
		return strings.ToValidUTF8(string(name), "\uFFFD"), utf8.Valid(name)
	}
	b, err := enc.NewDecoder().Bytes(name)
	if err != nil {
		return strings.ToValidUTF8(string(name), "\uFFFD"), false
	}
	return string(b), !bytes.ContainsRune(b, utf8.RuneError)
}

// EncodingEvidence is why NameEncoding thinks so.
type EncodingEvidence struct {
	Names      int        // names with bytes outside ASCII, of those looked at
	ValidUTF8  int        // of these, the ones that are valid UTF-8
	Mixed      bool       // some are UTF-8 and some can't be
	Candidates []Encoding // what fits, the likeliest first; the guess alone when it is decided
	Sample     string     // a name as the first candidate reads it
}

// maxNameBytes bounds what is looked at.
const maxNameBytes = 16 << 10

// NameEncoding tells in what encoding the names of a listing are. It is
// statistics: the pairs of bytes that an encoding allows, and how common the
// characters are that come out. With a single short name it is often
// undecidable: then the guess is UnknownEncoding and the candidates are named.
// Where some names are UTF-8 and some can't be, the guess is about the latter.
func NameEncoding(names [][]byte) (Encoding, EncodingEvidence) {
	var ev EncodingEvidence
	var valid, other [][]byte
	budget := maxNameBytes
	for _, name := range names {
		if isASCII(name) || len(name) > maxLine {
			continue
		}
		if budget -= len(name); budget < 0 {
			break
		}
		ev.Names++
		if utf8.Valid(name) {
			valid = append(valid, name)
		} else {
			other = append(other, name)
		}
	}
	ev.ValidUTF8 = len(valid)
	switch {
	case ev.Names == 0:
		ev.Candidates = []Encoding{ASCII}
		return ASCII, ev
	case len(other) > 0 && slices.ContainsFunc(valid, surelyUTF8):
		ev.Mixed = true
	case len(other) > 0:
		other = append(other, valid...) // short names that are valid by chance
	default:
		return fromUTF8(valid, ev)
	}
	ranked := rank(other)
	return decide(ranked, other, ev)
}

// fromUTF8 judges names that are all valid UTF-8. A name in GBK may be, too, in
// two-byte sequences only: D2 BB is 一 in GBK and һ in UTF-8.
func fromUTF8(names [][]byte, ev EncodingEvidence) (Encoding, EncodingEvidence) {
	ev.Candidates, ev.Sample = []Encoding{UTF8}, string(names[0])
	if slices.ContainsFunc(names, surelyUTF8) || !slices.ContainsFunc(names, notLatin) {
		return UTF8, ev
	}
	odd, count := 0, 0
	for _, name := range names {
		for _, r := range string(name) {
			if r >= utf8.RuneSelf {
				count++
				if !familiar(r) {
					odd++
				}
			}
		}
	}
	ranked := rank(names)
	if len(ranked) == 0 || ranked[0].score < rivalScore {
		return UTF8, ev
	}
	rival := ranked[0].encoding
	if rival != GBK && rival != Big5 && rival != EUCKR {
		return UTF8, ev
	}
	switch {
	case odd == 0 && count >= 4:
		return UTF8, ev
	case odd*2 > count && count >= 3:
		ev.Candidates = []Encoding{rival, UTF8}
		ev.Sample, _ = rival.Decode(names[0])
		return rival, ev
	case odd > 0:
		ev.Candidates = []Encoding{rival, UTF8}
		ev.Sample, _ = rival.Decode(names[0])
	default:
		ev.Candidates = []Encoding{UTF8, rival}
	}
	return UnknownEncoding, ev
}

// surelyUTF8: a sequence of three bytes or more does not come about by chance.
func surelyUTF8(name []byte) bool {
	for _, r := range string(name) {
		if r >= 0x800 {
			return true
		}
	}
	return false
}

// notLatin: not all characters outside ASCII are letters amid those of ASCII, as in café.
func notLatin(name []byte) bool {
	text := string(name)
	before := rune(0)
	for i, r := range text {
		if r >= utf8.RuneSelf {
			after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if r < 0xC0 || r > 0x17F || !isASCIILetter(before) && !isASCIILetter(after) {
				return true
			}
		}
		before = r
	}
	return false
}

// familiar: a letter below U+0800 of an alphabet in daily use.
func familiar(r rune) bool {
	switch {
	case r >= 0xC0 && r <= 0x17F, r >= 0x386 && r <= 0x3CE, r >= 0x410 && r <= 0x44F,
		r == 'ё', r == 'Ё', r >= 0x454 && r <= 0x457, r >= 0x5D0 && r <= 0x5EA, r >= 0x621 && r <= 0x652:
		return true
	}
	return false
}

// fit is how well an encoding explains names; the mean over their bytes outside ASCII.
type fit struct {
	encoding Encoding
	score    float64
	bytes    int
}

// What a score must reach, set by trial on names in eight languages.
const (
	minScore   = 0.2  // to be a candidate
	sureScore  = 0.6  // to be the answer
	leadScore  = 0.35 // above the next, to be the answer
	rivalScore = 1.2  // to cast doubt on names that are valid UTF-8
	sureBytes  = 8    // fewer bytes outside ASCII need twice the lead
)

// rank orders the encodings that all names are valid in, the best fit first.
func rank(names [][]byte) []fit {
	var ranked []fit
	for _, e := range []Encoding{GBK, Big5, ShiftJIS, EUCJP, EUCKR, Windows1252, Windows1251, KOI8R} {
		f := fit{encoding: e}
		valid := true
		for _, name := range names {
			text, ok := e.Decode(name)
			if !ok {
				valid = false
				break
			}
			for _, c := range name {
				if c >= utf8.RuneSelf {
					f.bytes++
				}
			}
			f.score += likelihood(e, text)
		}
		if valid && f.bytes > 0 {
			f.score /= float64(f.bytes)
			if f.score >= minScore {
				ranked = append(ranked, f)
			}
		}
	}
	slices.SortStableFunc(ranked, func(a, b fit) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return ranked
}

func decide(ranked []fit, names [][]byte, ev EncodingEvidence) (Encoding, EncodingEvidence) {
	if len(ranked) == 0 {
		return UnknownEncoding, ev
	}
	ev.Sample, _ = ranked[0].encoding.Decode(names[0])
	lead := leadScore
	if ranked[0].bytes < sureBytes {
		lead *= 2
	}
	if ranked[0].score >= sureScore && (len(ranked) == 1 || ranked[0].score-ranked[1].score >= lead) {
		ev.Candidates = []Encoding{ranked[0].encoding}
		return ranked[0].encoding, ev
	}
	for _, f := range ranked[:min(len(ranked), 3)] {
		ev.Candidates = append(ev.Candidates, f.encoding)
	}
	return UnknownEncoding, ev
}

// likelihood sums up how common the characters outside ASCII are in the language
// of an encoding, in points for each byte of the original.
func likelihood(e Encoding, text string) float64 {
	if e == Windows1252 || e == Windows1251 || e == KOI8R {
		return alphabetic(e, text)
	}
	score := 0.0
	for _, r := range text {
		if r >= utf8.RuneSelf {
			score += 2 * eastAsian(e, r)
		}
	}
	return score
}

// eastAsian rates one character in points per byte of two.
func eastAsian(e Encoding, r rune) float64 {
	switch {
	case r >= 0xE000 && r <= 0xF8FF, unicode.IsControl(r):
		return -3
	case r >= 0x3000 && r <= 0x303F, r >= 0xFF01 && r <= 0xFF5E, r == '·', r == '—', r == '…', r == '“', r == '”':
		return 0.8 // punctuation and full-width letters, of all of them
	}
	switch e {
	case GBK:
		return rated(r, commonSimplified, simplifiedLevel1())
	case Big5:
		return rated(r, commonTraditional, traditionalLevel1())
	case EUCKR:
		switch {
		case commonKorean[r]:
			return 2
		case koreanLevel1()[r]:
			return 1
		}
		return -1.5
	case ShiftJIS, EUCJP:
		switch {
		case r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FC:
			return 2
		case r >= 0xFF61 && r <= 0xFF9F: // half-width: one byte in Shift-JIS, and rare
			return -0.7
		case commonJapanese[r]:
			return 2
		}
		return rated(r, nil, nil)
	}
	return -1
}

// rated gives 2 for a common Chinese character, less for one of the first level,
// and takes off for one that is rare or no Han character.
func rated(r rune, common, level1 map[rune]bool) float64 {
	switch {
	case common[r]:
		return 2
	case level1[r]:
		return 0.9
	case unicode.Is(unicode.Han, r):
		if level1 == nil {
			return 0.1
		}
		return -0.8
	}
	return -1.5
}

// The first levels of GB 2312 (3,755 characters) and of Big5 (5,401), and the
// 2,350 syllables of KS X 1001.
var (
	koreanLevel1 = sync.OnceValue(func() map[rune]bool {
		return plane(korean.EUCKR, 0xB0, 0xC8)
	})
	simplifiedLevel1 = sync.OnceValue(func() map[rune]bool {
		return plane(simplifiedchinese.GBK, 0xB0, 0xD7)
	})
	traditionalLevel1 = sync.OnceValue(func() map[rune]bool {
		return plane(traditionalchinese.Big5, 0xA4, 0xC6)
	})
)

// plane is the characters of two bytes, of which the first lies between two bounds.
func plane(enc encoding.Encoding, from, to byte) map[rune]bool {
	set := make(map[rune]bool, 6000)
	decoder := enc.NewDecoder()
	for lead := from; lead <= to; lead++ {
		for trail := 0x40; trail <= 0xFE; trail++ {
			if trail < 0xA1 && (trail > 0x7E || enc != traditionalchinese.Big5) {
				continue
			}
			b, err := decoder.Bytes([]byte{lead, byte(trail)})
			if r, _ := utf8.DecodeRune(b); err == nil && unicode.In(r, unicode.Han, unicode.Hangul) {
				set[r] = true
			}
		}
	}
	return set
}

// alphabetic rates text of a one-byte encoding. In Latin text letters outside
// ASCII stand alone among those of ASCII; in Cyrillic text they make up words,
// lower case behind the first.
func alphabetic(e Encoding, text string) float64 {
	score := 0.0
	before := rune(' ')
	for i, r := range text {
		if r < utf8.RuneSelf {
			before = r
			continue
		}
		after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		if e == Windows1252 {
			score += latin(before, r, after)
		} else {
			score += cyrillic(before, r)
		}
		before = r
	}
	return score
}

func latin(before, r, after rune) float64 {
	switch {
	case r == '’' && isASCIILetter(before):
		return 1
	case !unicode.IsLetter(r):
		if before >= utf8.RuneSelf || after >= utf8.RuneSelf {
			return -1.5
		}
		return -0.3 // ©, °, £ stand alone now and then
	case strings.ContainsRune("ÐÞðþ¤Ýý", r):
		return -0.8
	case before >= utf8.RuneSelf && after >= utf8.RuneSelf && after != utf8.RuneError:
		return -1.2
	case unicode.IsUpper(r) && unicode.IsLower(before):
		return -1
	case before >= utf8.RuneSelf || after >= utf8.RuneSelf && after != utf8.RuneError: // öß, çã
		return 0.3
	case isASCIILetter(before) || isASCIILetter(after):
		return 1.8
	}
	return 0.3
}

func cyrillic(before, r rune) float64 {
	if !unicode.Is(unicode.Cyrillic, r) || !(r >= 0x410 && r <= 0x44F || r == 'ё' || r == 'Ё') {
		return -2
	}
	capital := 1.0
	if unicode.IsUpper(r) && unicode.Is(unicode.Cyrillic, before) {
		if unicode.IsLower(before) {
			return -1.5
		}
		capital = 0.6 // words in capitals are the rarer ones; KOI8-R and Windows-1251 swap the cases
	}
	switch {
	case isASCIILetter(before):
		return -1
	case strings.ContainsRune("оеаинтсрвл", unicode.ToLower(r)):
		return 1.6 * capital
	case strings.ContainsRune("ъщэфцю", unicode.ToLower(r)), strings.ContainsRune("ЬЫ", r):
		return 0
	}
	return 0.8 * capital
}

func isASCIILetter(r rune) bool { return r < utf8.RuneSelf && isLetter(byte(r)) }

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
