package ftp

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrNoValue is returned where a reply does not hold the number or time that it should.
var ErrNoValue = errors.New("no value in the reply")

// ParseSize reads the text of a 213 reply to SIZE, in bytes (RFC 3659 §4).
func ParseSize(text string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil {
		return 0, ErrNoValue
	}
	return int64(n), nil
}

// ParseTime reads a time-val, YYYYMMDDHHMMSS[.s…], which is UTC (RFC 3659
// §2.3). A leap second becomes the second after it. Years that a server without
// foresight wrote as 19100 and up are put right.
func ParseTime(text string) (time.Time, error) {
	t, _, err := parseTimeVal(strings.TrimSpace(text))
	return t, err
}

func parseTimeVal(s string) (time.Time, Precision, error) {
	whole, fraction, dotted := strings.Cut(s, ".")
	if len(whole) == 15 && strings.HasPrefix(whole, "191") { // tm_year printed behind "19"
		whole = "20" + whole[3:]
	}
	if len(whole) != 14 || strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, NoTime, ErrNoValue
	}
	year, month, day := number(whole[:4]), number(whole[4:6]), number(whole[6:8])
	hour, minute, second := number(whole[8:10]), number(whole[10:12]), number(whole[12:])
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, NoTime, ErrNoValue
	}
	nanos, precision := 0, Second
	if dotted && fraction != "" {
		nanos, precision = number((fraction + "000000000")[:9]), Subsecond
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if second < 60 && t.Day() != day { // the 31st of a short month
		return time.Time{}, NoTime, ErrNoValue
	}
	return t, precision, nil
}

// FormatTime gives the time-val of t, to the second, or to the millisecond where
// t has a fraction (RFC 3659 §2.3).
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() >= int(time.Millisecond) {
		return t.Format("20060102150405.000")
	}
	return t.Format("20060102150405")
}

// OpeningSize finds the size in bytes that many servers announce in a 150
// reply: "Opening BINARY mode data connection for a.bin (1234 bytes)".
func OpeningSize(text string) (int64, bool) {
	open := strings.LastIndexByte(text, '(')
	if open < 0 {
		return 0, false
	}
	digits, unit, ok := strings.Cut(text[open+1:], " ")
	if !ok || !strings.HasPrefix(strings.ToLower(unit), "byte") {
		return 0, false
	}
	n, err := ParseSize(digits)
	return n, err == nil
}

// number reads the few digits that s consists of.
func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
