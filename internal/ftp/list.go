package ftp

import (
	"bytes"
	"time"
)

// Type is what an entry of a directory is.
type Type string

// The types.
const (
	File  Type = "file"
	Dir   Type = "dir" // also what a listing says of itself and its parent
	Link  Type = "link"
	Other Type = "other" // device, pipe, socket, or a kind of its own system
)

// Precision is how exact a time is.
type Precision int

// The precisions, in rising order.
const (
	NoTime Precision = iota
	Day
	Minute
	Second
	Subsecond
)

// Entry is one file or directory of a listing. What a listing does not tell is
// empty.
type Entry struct {
	Name []byte // as sent, in whatever encoding; not a path unless the server sends paths
	Type Type
	Size int64 // bytes; -1: not told, or told in blocks or records
	// Time is UTC in MLSD and EPLF. In LIST it is the server's local time, whose
	// zone is not told, written down as if it were UTC. Zero: not told.
	Time          time.Time
	TimePrecision Precision
	Mode          string // as sent: drwxr-xr-x, 0644, [RWCEAFMS], (RWED,RWED,RE,)
	Owner, Group  string
	Target        string // of a link
	Perm          string // the fact perm of MLSD (RFC 3659 §7.5.5)
	Unique        string // the fact unique of MLSD, the identifier of EPLF
}

// Listing is what LIST brought. LIST has no format (RFC 959 §4.1.3: "the server
// may wish to use its own").
type Listing struct {
	Entries []Entry
	// Style is the family of most entries: unix, dos, mlsd, eplf, netware, vms,
	// mvs, as400; empty when there are none.
	Style string
	// Unparsed are the lines that no style fits, each cut at 8 KiB; headings and
	// totals are left out.
	Unparsed  [][]byte
	Truncated bool // more lines came than the limit allows
}

// DefaultListLimit is the limit of ParseList when none is given.
const DefaultListLimit = 100_000

// ParseList reads a listing of any known style, up to limit entries and
// unparsed lines together; DefaultListLimit when limit is not positive. Dates
// without a year are the latest that are not in the future, counted from now.
func ParseList(b []byte, limit int) Listing { return ParseListAt(b, limit, time.Now()) }

// ParseListAt is ParseList on a given day, for recordings.
func ParseListAt(b []byte, limit int, now time.Time) Listing {
	if limit <= 0 {
		limit = DefaultListLimit
	}
	p := listParser{now: now.UTC(), styles: map[string]int{}}
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(bytes.TrimLeft(line, " \t\x00")) == 0 {
			continue
		}
		if len(p.out.Entries)+len(p.out.Unparsed) >= limit {
			p.out.Truncated = true
			break
		}
		p.line(line)
	}
	p.flush()
	for style, n := range p.styles {
		if best := p.styles[p.out.Style]; n > best || n == best && style < p.out.Style {
			p.out.Style = style
		}
	}
	return p.out
}

// listParser is a listing half read.
type listParser struct {
	now     time.Time
	out     Listing
	styles  map[string]int
	mvs     string // the heading seen: "dsname" or "member"; empty: none
	pending []byte // a VMS name whose data stand in the next line
}

func (p *listParser) entry(style string, e Entry) {
	p.styles[style]++
	p.out.Entries = append(p.out.Entries, e)
}

func (p *listParser) flush() {
	if p.pending != nil {
		p.out.Unparsed = append(p.out.Unparsed, p.pending)
		p.pending = nil
	}
}

func (p *listParser) line(line []byte) {
	if len(line) > maxLine {
		p.flush()
		p.out.Unparsed = append(p.out.Unparsed, bytes.Clone(line[:maxLine]))
		return
	}
	if p.pending != nil {
		joined := append(p.pending, line...)
		if e, ok := parseVMS(joined); ok && line[0] == ' ' {
			p.pending = nil
			p.entry("vms", e)
			return
		}
		p.flush()
	}
	if p.heading(line) {
		return
	}
	if style, e, ok := p.parse(line); ok {
		p.entry(style, e)
		return
	}
	if isVMSName(line) {
		p.pending = append(make([]byte, 0, len(line)+80), line...)
		return
	}
	p.out.Unparsed = append(p.out.Unparsed, bytes.Clone(line))
}

// parse tries the styles; the first bytes rule most of them out.
func (p *listParser) parse(line []byte) (string, Entry, bool) {
	if isMode(line) {
		if e, ok := parseUnix(line, p.now); ok {
			return "unix", e, true
		}
	}
	switch c := line[0]; {
	case isDigit(c):
		if e, ok := parseDOS(line); ok {
			return "dos", e, true
		}
	case c == '+':
		if e, ok := parseEPLF(line); ok {
			return "eplf", e, true
		}
	case c == 'd' || c == '-':
		if e, ok := parseNetWare(line, p.now); ok {
			return "netware", e, true
		}
	}
	if looksLikeFacts(line) {
		if e, err := ParseMLSD(line); err == nil {
			return "mlsd", e, true
		}
	}
	if p.mvs != "" {
		if e, ok := parseMVS(line, p.mvs); ok {
			return "mvs", e, true
		}
		return "", Entry{}, false
	}
	if bytes.IndexByte(line, ';') > 0 {
		if e, ok := parseVMS(line); ok {
			return "vms", e, true
		}
	}
	if bytes.IndexByte(line, '*') > 0 {
		if e, ok := parseAS400(line); ok {
			return "as400", e, true
		}
	}
	return "", Entry{}, false
}

// totals are the words before the number in the first line of ls -l.
var totals = map[string]bool{
	"total": true, "insgesamt": true, "gesamt": true, "totale": true, "totalt": true, "razem": true, "итого": true, "celkem": true,
	"总计": true, "总用量": true, "總計": true, "合計": true, "合计": true, "합계": true, "toplam": true, "yhteensä": true, "összesen": true,
}

// heading takes the lines that belong to a listing and are no entry.
func (p *listParser) heading(line []byte) bool {
	var fs fields
	n := fs.split(line)
	switch {
	case n == 2 && isTotal(fs.of(line, 0), fs.of(line, 1)):
		return true
	case n >= 2 && bytes.Equal(fs.of(line, 0), []byte("Volume")) && bytes.Equal(fs.of(line, n-1), []byte("Dsname")):
		p.mvs = "dsname"
		return true
	case n >= 2 && bytes.Equal(fs.of(line, 0), []byte("Name")) && bytes.Equal(fs.of(line, 1), []byte("VV.MM")):
		p.mvs = "member"
		return true
	case n == 2 && bytes.Equal(fs.of(line, 0), []byte("Directory")) && bytes.IndexByte(line, '[') > 0 && line[len(line)-1] == ']':
		return true // VMS
	case n >= 4 && bytes.HasPrefix(line, []byte("Total of ")) && bytes.Contains(line, []byte(" file")):
		return true // VMS
	}
	return false
}

func isTotal(word, number []byte) bool {
	word = bytes.TrimSuffix(bytes.TrimSuffix(word, []byte(":")), []byte("："))
	if !isDigit(number[0]) || len(bytes.Trim(number, "0123456789.,KMGT")) > 0 {
		return false
	}
	// The word of another language, in an encoding other than UTF-8.
	return totals[string(word)] || totals[string(bytes.ToLower(word))] || len(word) <= 12 && bytes.Trim(word, "\x00") != nil && allHigh(word)
}

// allHigh: every second byte at least is outside ASCII, as in double-byte text.
func allHigh(word []byte) bool {
	high := 0
	for _, c := range word {
		if c >= 0x80 {
			high++
		}
	}
	return high > 0 && high*2 >= len(word)
}

// fields are the places of the words of a line, the first 32.
type fields struct {
	at [32][2]int
	n  int
}

func (f *fields) split(line []byte) int {
	f.n = 0
	for i := 0; i < len(line) && f.n < len(f.at); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			i++
		}
		f.at[f.n] = [2]int{start, i}
		f.n++
	}
	return f.n
}

func (f *fields) of(line []byte, i int) []byte { return line[f.at[i][0]:f.at[i][1]] }

// behind is what follows field i and one space.
func (f *fields) behind(line []byte, i int) []byte {
	end := f.at[i][1]
	if end < len(line) {
		end++
	}
	return line[end:]
}

// wholeNumber reads digits and nothing else.
func wholeNumber(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// dateTime is time.Date for what a listing says; false when there is no such day or hour.
func dateTime(year int, month time.Month, day, hour, minute, second int) (time.Time, bool) {
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || year < 1900 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, min(second, 59), 0, time.UTC)
	return t, t.Day() == day
}
