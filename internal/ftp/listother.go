package ftp

import (
	"bytes"
	"strings"
	"time"
)

// parseDOS reads a line of IIS or of another Windows server:
//
//	11-23-24  04:32PM       <DIR>          pub
//	11-23-2024  16:32                 1234 a b.txt
//
// The first number is the month unless it can't be one. The name of a directory
// stands ten columns behind <DIR>, that of a file one behind the size.
func parseDOS(line []byte) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	if n < 4 {
		return Entry{}, false
	}
	a, b, c, parts := dateParts(fs.of(line, 0))
	if parts != 3 {
		return Entry{}, false
	}
	year, month, day := c, a, b
	if a >= 1900 {
		year, month, day = a, b, c
	}
	if month > 12 || bytes.IndexByte(fs.of(line, 0), '.') > 0 {
		month, day = day, month
	}
	switch {
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	word, next := fs.of(line, 1), 2
	half := halfDay(word)
	if half != 0 {
		word = word[:len(word)-2]
	} else if half = halfDay(fs.of(line, 2)); half != 0 && len(fs.of(line, 2)) == 2 {
		next = 3
	}
	hour, minute, second, precision := clock(word)
	if precision == NoTime || half != 0 && (hour < 1 || hour > 12) || next >= n-1 {
		return Entry{}, false
	}
	if half != 0 {
		hour %= 12
	}
	if half == 'P' {
		hour += 12
	}
	e := Entry{Size: -1, Type: File, TimePrecision: precision}
	var ok bool
	if e.Time, ok = dateTime(year, time.Month(month), day, hour, minute, second); !ok {
		return Entry{}, false
	}
	name := fs.behind(line, next)
	switch what := strings.ToUpper(string(fs.of(line, next))); what {
	case "<DIR>":
		e.Type = Dir
		name = dirColumn(name)
	case "<JUNCTION>", "<SYMLINKD>", "<SYMLINK>":
		e.Type = Link
		name = bytes.TrimLeft(name, " ")
		if i := bytes.LastIndex(name, []byte(" [")); i > 0 && name[len(name)-1] == ']' {
			name, e.Target = name[:i], string(name[i+2:len(name)-1])
		}
	default:
		if e.Size, ok = wholeNumber(bytes.ReplaceAll([]byte(what), []byte(","), nil)); !ok {
			return Entry{}, false
		}
	}
	e.Name = bytes.Clone(name)
	return e, len(name) > 0
}

// halfDay is 'A' or 'P' for a word that ends in AM or PM, else 0.
func halfDay(word []byte) byte {
	n := len(word)
	if n < 2 || word[n-1]|0x20 != 'm' {
		return 0
	}
	switch word[n-2] | 0x20 {
	case 'a':
		return 'A'
	case 'p':
		return 'P'
	}
	return 0
}

// dirColumn takes the padding behind <DIR> off, and no more, for a name may
// begin with spaces. One space of the ten is gone already.
func dirColumn(name []byte) []byte {
	const padding = 9
	if len(name) > padding && len(bytes.Trim(name[:padding], " ")) == 0 {
		return name[padding:]
	}
	return bytes.TrimLeft(name, " ")
}

// parseEPLF reads a line of Easily Parsed List Format: +facts<TAB>name
// (https://cr.yp.to/ftp/list/eplf.html).
func parseEPLF(line []byte) (Entry, bool) {
	facts, name, ok := bytes.Cut(line[1:], []byte("\t"))
	if !ok || len(name) == 0 {
		return Entry{}, false
	}
	e := Entry{Name: bytes.Clone(name), Type: Other, Size: -1}
	for fact := range bytes.SplitSeq(facts, []byte(",")) {
		if len(fact) == 0 {
			continue
		}
		switch value := fact[1:]; fact[0] {
		case '/':
			e.Type = Dir
		case 'r':
			if e.Type == Other {
				e.Type = File
			}
		case 's':
			if n, ok := wholeNumber(value); ok {
				e.Size = n
			}
		case 'm':
			if n, ok := wholeNumber(value); ok && n < 1<<38 {
				e.Time, e.TimePrecision = time.Unix(n, 0).UTC(), Second
			}
		case 'i':
			e.Unique = string(value)
		case 'u':
			if len(value) > 1 && value[0] == 'p' {
				e.Mode = string(value[1:])
			}
		}
	}
	return e, true
}

// parseNetWare reads "d [RWCEAFMS] owner  512 Nov 23 04:32  name".
func parseNetWare(line []byte, now time.Time) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	if n < 7 || fs.at[0][1] != 1 {
		return Entry{}, false
	}
	rights := fs.of(line, 1)
	if len(rights) < 3 || rights[0] != '[' || rights[len(rights)-1] != ']' {
		return Entry{}, false
	}
	for i := 4; i < n-1; i++ {
		size, ok := wholeNumber(fs.of(line, i-1))
		if !ok {
			continue
		}
		t, precision, used := unixDate(line, &fs, i, now)
		if used == 0 {
			continue
		}
		name := bytes.TrimLeft(fs.behind(line, i+used-1), " ")
		e := Entry{
			Name: bytes.Clone(name), Type: unixType(line[0]), Size: size, Time: t, TimePrecision: precision,
			Mode: string(rights), Owner: string(line[fs.at[2][0]:fs.at[i-2][1]]),
		}
		return e, len(name) > 0
	}
	return Entry{}, false
}

// isVMSName tells whether a line is a name alone: NAME.EXT;12.
func isVMSName(line []byte) bool {
	i := bytes.LastIndexByte(line, ';')
	if i < 1 || bytes.ContainsAny(line, " \t") {
		return false
	}
	_, ok := wholeNumber(line[i+1:])
	return ok
}

// parseVMS reads "NAME.EXT;1  12/14  23-NOV-2024 04:32:11.00 [OWNER] (RWED,…)".
// Sizes are in blocks of 512 bytes, so they are not kept. The version stays part
// of the name; .DIR;1 is a directory.
func parseVMS(line []byte) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	if n < 3 || !isVMSName(fs.of(line, 0)) {
		return Entry{}, false
	}
	e := Entry{Name: bytes.Clone(fs.of(line, 0)), Type: File, Size: -1}
	base, _, _ := bytes.Cut(e.Name, []byte(";"))
	if bytes.HasSuffix(bytes.ToUpper(base), []byte(".DIR")) {
		e.Type = Dir
	}
	for i := 1; i < n; i++ {
		word := fs.of(line, i)
		switch {
		case e.Time.IsZero() && bytes.Count(word, []byte("-")) == 2:
			parts := bytes.SplitN(word, []byte("-"), 3)
			day, ok := dayNumber(parts[0])
			year, ok2 := wholeNumber(parts[2])
			if !ok || !ok2 {
				return e, false
			}
			hour, minute, second, precision := 0, 0, 0, NoTime
			if i+1 < n {
				hour, minute, second, precision = clock(fs.of(line, i+1))
			}
			if e.Time, ok = dateTime(int(year), monthName(parts[1]), day, hour, minute, second); !ok {
				return e, false
			}
			e.TimePrecision = max(precision, Day)
		case word[0] == '[':
			e.Owner = string(bytes.Trim(word, "[]"))
			if group, owner, ok := strings.Cut(e.Owner, ","); ok {
				e.Group, e.Owner = group, owner
			}
		case word[0] == '(':
			e.Mode = string(word)
		}
	}
	return e, !e.Time.IsZero()
}

// parseMVS reads a row of z/OS under the heading of data sets or of members.
// Sizes are in tracks or records, so they are not kept.
func parseMVS(line []byte, heading string) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	if n == 0 {
		return Entry{}, false
	}
	e := Entry{Name: bytes.Clone(bytes.Trim(fs.of(line, n-1), "'")), Type: File, Size: -1}
	if heading == "member" {
		e.Name = bytes.Clone(fs.of(line, 0))
		if n == 1 {
			return e, true
		}
		if n < 8 {
			return e, false
		}
		e.slashDate(fs.of(line, 3))
		if hour, minute, second, precision := clock(fs.of(line, 4)); precision != NoTime && e.TimePrecision == Day {
			e.Time = e.Time.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
			e.TimePrecision = precision
		}
		e.Owner = string(fs.of(line, n-1))
		return e, e.TimePrecision != NoTime
	}
	switch first := string(fs.of(line, 0)); {
	case n == 2 && first == "Migrated", first == "ARCIVE", n >= 2 && first == "VSAM":
		e.Type = Other
		return e, true
	case n == 3 && first == "Pseudo":
		e.Type = Dir
		return e, true
	}
	if n < 6 {
		return e, false
	}
	e.slashDate(fs.of(line, 2))
	switch org := string(fs.of(line, n-2)); {
	case strings.HasPrefix(org, "PO"):
		e.Type = Dir
	case org == "VSAM" || org == "GDG":
		e.Type = Other
	}
	return e, true
}

// slashDate reads 2024/11/23; **NONE** leaves the time empty.
func (e *Entry) slashDate(word []byte) {
	if a, b, c, parts := dateParts(word); parts == 3 && a >= 1900 {
		if t, ok := dateTime(a, time.Month(b), c, 0, 0, 0); ok {
			e.Time, e.TimePrecision = t, Day
		}
	}
}

// parseAS400 reads "OWNER  36864 11/23/24 04:32:11 *FILE  NAME" and the short
// "OWNER *MEM NAME". The date is in the format of the job, month first by default.
func parseAS400(line []byte) (Entry, bool) {
	var fs fields
	n := fs.split(line)
	star := -1
	for i := 1; i < min(n-1, 6); i++ {
		if w := fs.of(line, i); len(w) > 2 && w[0] == '*' && isLetter(w[1]) {
			star = i
			break
		}
	}
	if star < 0 {
		return Entry{}, false
	}
	e := Entry{Owner: string(fs.of(line, 0)), Type: Other, Size: -1}
	switch star {
	case 1:
	case 4:
		size, ok := wholeNumber(fs.of(line, 1))
		a, b, c, parts := dateParts(fs.of(line, 2))
		hour, minute, second, precision := clock(fs.of(line, 3))
		if !ok || parts != 3 || precision == NoTime {
			return Entry{}, false
		}
		if a > 12 { // year or day first
			if b <= 12 && c <= 31 {
				a, b, c = b, c, a
			} else {
				a, b = b, a
			}
		}
		switch {
		case c < 70:
			c += 2000
		case c < 100:
			c += 1900
		}
		if e.Time, ok = dateTime(c, time.Month(a), b, hour, minute, second); !ok {
			return Entry{}, false
		}
		e.Size, e.TimePrecision = size, precision
	default:
		return Entry{}, false
	}
	name := bytes.Clone(bytes.TrimLeft(fs.behind(line, star), " "))
	switch kind := string(fs.of(line, star)); kind {
	case "*DIR", "*LIB", "*FLR", "*DDIR":
		e.Type = Dir
	case "*STMF", "*DSTMF", "*MEM", "*DOC", "*FILE":
		e.Type = File
	case "*SYMLNK":
		e.Type = Link
	}
	if dir, ok := bytes.CutSuffix(name, []byte("/")); ok {
		e.Type, name = Dir, dir
	}
	e.Name = name
	return e, len(name) > 0
}
