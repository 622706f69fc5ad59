package ftp

import (
	"bytes"
	"time"
)

// isMode tells whether a line begins with a mode such as drwxr-xr-x.
func isMode(line []byte) bool {
	if len(line) < 10 || bytes.IndexByte([]byte("-dlbcpsDCMPn?w"), line[0]) < 0 {
		return false
	}
	for _, c := range line[1:10] {
		if bytes.IndexByte([]byte("-rwxsStTlLRWXf?"), c) < 0 {
			return false
		}
	}
	return true
}

// parseUnix reads a line of ls -l in its many forms. Owner and group may be
// missing or hold spaces, so the date is looked for: the first date with a
// number before it, the size. What follows it and one space is the name.
func parseUnix(line []byte, now time.Time) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	e := Entry{Mode: string(line[:10]), Size: -1, Type: unixType(line[0])}
	for i := 2; i < n-1; i++ {
		size, sized := unixSize(fs.of(line, i-1))
		if !sized {
			continue
		}
		t, precision, used := unixDate(line, &fs, i, now)
		if used == 0 {
			continue
		}
		name := fs.behind(line, i+used-1)
		if len(name) == 0 {
			return e, false
		}
		e.Size, e.Time, e.TimePrecision = size, t, precision
		e.owners(line, &fs, i-1)
		if e.Type != File && e.Type != Dir && e.Type != Link {
			e.Size = -1
		}
		if e.Type == Link {
			if before, target, ok := bytes.Cut(name, []byte(" -> ")); ok && len(before) > 0 {
				name, e.Target = before, string(target)
			}
		}
		e.Name = bytes.Clone(name)
		return e, true
	}
	return e, false
}

func unixType(c byte) Type {
	switch c {
	case '-':
		return File
	case 'd':
		return Dir
	case 'l':
		return Link
	}
	return Other
}

// unixSize reads the word before the date: a number, or, of a human-readable
// listing, one with a unit, which is too coarse to keep.
func unixSize(word []byte) (int64, bool) {
	if n, ok := wholeNumber(word); ok {
		return n, true
	}
	if n := len(word); n > 1 && bytes.IndexByte([]byte("KMGTBkb"), word[n-1]) >= 0 && isDigit(word[0]) &&
		len(bytes.Trim(word[:n-1], "0123456789.,KMGT")) == 0 {
		return -1, true
	}
	if i := bytes.IndexByte(word, ','); i > 0 && i < len(word)-1 { // major,minor of a device
		_, major := wholeNumber(word[:i])
		_, minor := wholeNumber(word[i+1:])
		return -1, major && minor
	}
	return 0, false
}

// owners takes what stands between the mode and the size, field number size.
func (e *Entry) owners(line []byte, fs *fields, size int) {
	first := 1
	if size > 1 && fs.at[0][1] <= 11 { // else the count of links is glued to the mode
		if _, ok := wholeNumber(fs.of(line, 1)); ok && size > 2 {
			first = 2
		}
	}
	last := size - 1
	if last >= first { // major number of a device, written "8, 0"
		if w := fs.of(line, last); w[len(w)-1] == ',' {
			last--
		}
	}
	if last >= first {
		e.Owner = string(fs.of(line, first))
	}
	if last > first {
		e.Group = string(line[fs.at[first+1][0]:fs.at[last][1]])
	}
}

// unixDate reads a date that begins at field i and tells how many fields it
// takes, 0 when there is none.
func unixDate(line []byte, fs *fields, i int, now time.Time) (time.Time, Precision, int) {
	word := fs.of(line, i)
	if !isDigit(word[0]) {
		if month := monthName(word); month != 0 && i+2 < fs.n { // Nov 23 04:32, Nov 23 2019
			if day, ok := dayNumber(fs.of(line, i+1)); ok {
				return clockOrYear(line, fs, i+2, 2, month, day, now)
			}
		}
		return time.Time{}, NoTime, 0
	}
	if t, precision, used := numericDate(line, fs, i, now); used > 0 {
		return t, precision, used
	}
	if month, rest := cutCJK(word, cjkMonth); month > 0 && month <= 12 { // 11月 23 04:32, 11月23日 04:32
		if len(rest) == 0 && i+2 < fs.n {
			if day, ok := dayNumber(fs.of(line, i+1)); ok {
				return clockOrYear(line, fs, i+2, 2, time.Month(month), day, now)
			}
		}
		if day, ok := dayNumber(rest); ok && i+1 < fs.n {
			return clockOrYear(line, fs, i+1, 1, time.Month(month), day, now)
		}
		return time.Time{}, NoTime, 0
	}
	if year, rest := cutCJK(word, cjkYear); year >= 1900 { // 2024年11月23日 04:32
		month, rest := cutCJK(rest, cjkMonth)
		day, ok := dayNumber(rest)
		if !ok || month <= 0 || month > 12 {
			return time.Time{}, NoTime, 0
		}
		return withClock(line, fs, i+1, 1, year, time.Month(month), day)
	}
	if day, ok := dayNumber(word); ok && i+2 < fs.n { // 23 Nov 04:32
		if month := monthName(fs.of(line, i+1)); month != 0 {
			return clockOrYear(line, fs, i+2, 2, month, day, now)
		}
	}
	return time.Time{}, NoTime, 0
}

// clockOrYear ends a date of which used fields are read: a clock, whose year is
// to be guessed unless it follows, or a year.
func clockOrYear(line []byte, fs *fields, i, used int, month time.Month, day int, now time.Time) (time.Time, Precision, int) {
	word := fs.of(line, i)
	if hour, minute, second, precision := clock(word); precision != NoTime {
		if i+2 < fs.n && precision == Second { // ls -lT: Nov 23 04:32:11 2019
			if year, ok := wholeNumber(fs.of(line, i+1)); ok && year >= 1900 && year <= 9999 && fs.at[i+1][1]-fs.at[i+1][0] == 4 {
				if t, ok := dateTime(int(year), month, day, hour, minute, second); ok {
					return t, precision, used + 2
				}
			}
		}
		t, ok := withoutYear(month, day, hour, minute, second, now)
		if !ok {
			return t, NoTime, 0
		}
		return t, precision, used + 1
	}
	if year, rest := cutCJK(word, cjkYear); year > 0 && len(rest) == 0 {
		word = word[:4]
	}
	year, ok := wholeNumber(word)
	if !ok || len(word) != 4 {
		return time.Time{}, NoTime, 0
	}
	t, ok := dateTime(int(year), month, day, 0, 0, 0)
	if !ok {
		return t, NoTime, 0
	}
	return t, Day, used + 1
}

// withClock ends a date that has its year: a clock follows or does not.
func withClock(line []byte, fs *fields, i, used, year int, month time.Month, day int) (time.Time, Precision, int) {
	if i < fs.n-1 {
		if hour, minute, second, precision := clock(fs.of(line, i)); precision != NoTime {
			t, ok := dateTime(year, month, day, hour, minute, second)
			if !ok {
				return t, NoTime, 0
			}
			used++
			if i+1 < fs.n-1 && precision >= Second && isZone(fs.of(line, i+1)) { // ls --full-time
				used++
			}
			return t, precision, used
		}
	}
	t, ok := dateTime(year, month, day, 0, 0, 0)
	if !ok {
		return t, NoTime, 0
	}
	return t, Day, used
}

// numericDate reads 2024-11-23, 2024/11/23, 23.11.2024 and 11-23 04:32.
func numericDate(line []byte, fs *fields, i int, now time.Time) (time.Time, Precision, int) {
	a, b, c, parts := dateParts(fs.of(line, i))
	switch {
	case parts == 3 && a >= 1900:
		return withClock(line, fs, i+1, 1, a, time.Month(b), c)
	case parts == 3 && c >= 1900:
		return withClock(line, fs, i+1, 1, c, time.Month(b), a)
	case parts == 2 && i+2 < fs.n && a <= 12 && b <= 31 && bytes.IndexByte(fs.of(line, i), '-') > 0:
		if hour, minute, second, precision := clock(fs.of(line, i+1)); precision != NoTime {
			if t, ok := withoutYear(time.Month(a), b, hour, minute, second, now); ok {
				return t, precision, 2
			}
		}
	}
	return time.Time{}, NoTime, 0
}

// dateParts reads two or three numbers with one and the same separator between.
func dateParts(word []byte) (a, b, c, parts int) {
	if len(word) < 3 || len(word) > 10 {
		return 0, 0, 0, 0
	}
	var n [3]int
	digits, separator := 0, byte(0)
	for _, ch := range word {
		switch {
		case isDigit(ch):
			n[parts] = n[parts]*10 + int(ch-'0')
			if digits++; digits > 4 {
				return 0, 0, 0, 0
			}
		case (ch == '-' || ch == '/' || ch == '.') && digits > 0 && parts < 2 && (separator == 0 || ch == separator):
			separator = ch
			parts++
			digits = 0
		default:
			return 0, 0, 0, 0
		}
	}
	if digits == 0 {
		return 0, 0, 0, 0
	}
	return n[0], n[1], n[2], parts + 1
}

// clock reads 04:32, 4:32, 04:32:11 and 04:32:11.000000000; NoTime when it is no clock.
func clock(word []byte) (hour, minute, second int, precision Precision) {
	i := bytes.IndexByte(word, ':')
	if i < 1 || i > 2 {
		return 0, 0, 0, NoTime
	}
	h, ok := wholeNumber(word[:i])
	rest := word[i+1:]
	if !ok || h > 23 || len(rest) < 2 {
		return 0, 0, 0, NoTime
	}
	m, ok := wholeNumber(rest[:2])
	if !ok || m > 59 {
		return 0, 0, 0, NoTime
	}
	if rest = rest[2:]; len(rest) == 0 {
		return int(h), int(m), 0, Minute
	}
	if len(rest) < 3 || rest[0] != ':' {
		return 0, 0, 0, NoTime
	}
	s, ok := wholeNumber(rest[1:3])
	if !ok || s > 60 || len(rest) > 3 && rest[3] != '.' {
		return 0, 0, 0, NoTime
	}
	return int(h), int(m), int(s), Second
}

func isZone(word []byte) bool {
	if len(word) != 5 || word[0] != '+' && word[0] != '-' {
		return false
	}
	_, ok := wholeNumber(word[1:])
	return ok
}

// withoutYear picks the latest year in which the date is not over a day ahead
// of now: the server's clock may stand in another zone.
func withoutYear(month time.Month, day, hour, minute, second int, now time.Time) (time.Time, bool) {
	for year := now.Year() + 1; year >= now.Year()-8; year-- { // eight years bring a 29 February
		t, ok := dateTime(year, month, day, hour, minute, second)
		if ok && !t.After(now.Add(24*time.Hour)) {
			return t, true
		}
	}
	return time.Time{}, false
}

// dayNumber reads 1 to 31, with a dot, a comma or the word for day behind.
func dayNumber(word []byte) (int, bool) {
	if day, rest := cutCJK(word, cjkDay); day > 0 {
		return day, day <= 31 && len(rest) == 0
	}
	word = bytes.TrimRight(word, ".,")
	day, ok := wholeNumber(word)
	return int(day), ok && len(word) <= 2 && day >= 1 && day <= 31
}

// The words for year, month and day in Chinese, Japanese and Korean: UTF-8, GBK,
// Big5, Shift-JIS, EUC-JP, UTF-8 (Korean), EUC-KR.
var (
	cjkYear  = [...]string{"年", "\xC4\xEA", "\xA6\x7E", "\x94\x4E", "\xC7\xAF", "년", "\xB3\xE2"}
	cjkMonth = [...]string{"月", "\xD4\xC2", "\xA4\xEB", "\x8C\x8E", "\xB7\xEE", "월", "\xBF\xF9"}
	cjkDay   = [...]string{"日", "\xC8\xD5", "\xA4\xE9", "\x93\xFA", "\xC6\xFC", "일", "\xC0\xCF"}
)

// cutCJK reads a number of up to four digits and the word behind it; 0 when it
// is not there.
func cutCJK(word []byte, units [7]string) (n int, rest []byte) {
	i := 0
	for i < len(word) && i < 4 && isDigit(word[i]) {
		n = n*10 + int(word[i]-'0')
		i++
	}
	if i == 0 || i == len(word) {
		return 0, word
	}
	for _, unit := range units {
		if rest, ok := bytes.CutPrefix(word[i:], []byte(unit)); ok {
			return n, rest
		}
	}
	return 0, word
}

// months are the names that ls writes: English, German, French, Spanish,
// Italian, Portuguese, Dutch, Scandinavian, Polish, Finnish, lower case, without
// dots and without letters outside ASCII, so that their encoding is no matter.
var months = map[string]time.Month{
	"jan": 1, "january": 1, "januar": 1, "janv": 1, "ene": 1, "gen": 1, "sty": 1, "tammi": 1,
	"feb": 2, "february": 2, "fvr": 2, "fv": 2, "fev": 2, "febr": 2, "lut": 2, "helmi": 2,
	"mar": 3, "march": 3, "mr": 3, "mrz": 3, "mars": 3, "mrt": 3, "maalis": 3, "maart": 3,
	"apr": 4, "april": 4, "avr": 4, "avril": 4, "abr": 4, "kwi": 4, "huhti": 4,
	"may": 5, "mai": 5, "mag": 5, "maj": 5, "mei": 5, "touko": 5,
	"jun": 6, "june": 6, "juni": 6, "juin": 6, "giu": 6, "cze": 6, "kes": 6,
	"jul": 7, "july": 7, "juli": 7, "juil": 7, "lug": 7, "lip": 7, "hein": 7,
	"aug": 8, "august": 8, "aot": 8, "ago": 8, "sie": 8, "elo": 8,
	"sep": 9, "sept": 9, "september": 9, "set": 9, "wrz": 9, "syys": 9,
	"oct": 10, "october": 10, "okt": 10, "ott": 10, "out": 10, "paz": 10, "pa": 10, "loka": 10,
	"nov": 11, "november": 11, "lis": 11, "marras": 11,
	"dec": 12, "december": 12, "dez": 12, "dc": 12, "dic": 12, "des": 12, "gru": 12, "joulu": 12,
}

// monthsRussian are the first three letters in UTF-8.
var monthsRussian = map[string]time.Month{
	"янв": 1, "фев": 2, "мар": 3, "апр": 4, "май": 5, "мая": 5, "июн": 6, "июл": 7, "авг": 8, "сен": 9, "окт": 10, "ноя": 11, "дек": 12,
}

// monthName gives 0 for a word that is no month.
func monthName(word []byte) time.Month {
	var buf [12]byte
	n, high := 0, false
	for _, c := range word {
		switch {
		case c >= 0x80:
			high = true
		case isLetter(c) && n < len(buf):
			buf[n] = c | 0x20
			n++
		case c != '.' && c != ',' && c != '\'':
			return 0
		}
	}
	if n == 0 && len(word) >= 6 && len(word) <= 12 {
		return monthsRussian[string(word[:6])]
	}
	if n < 2 || n == 2 && !high || n > 9 {
		return 0
	}
	return months[string(buf[:n])]
}
