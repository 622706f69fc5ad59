package audit

import "time"

// clock reads the times of one log. Logs state the same hour over and over, so
// the beginning of the last hour seen is kept.
type clock struct {
	zone *time.Location // of times that state none
	// written is when the log was last written to: a time without a year lies in
	// the year before it.
	written time.Time

	key  [3]uint64
	base int64 // seconds since 1970 of the hour that key names

	offset    uint64 // the last zone read, as bytes
	offsetSec int64

	guessed bool // a year was guessed
	zoned   bool // a time without a zone was read
}

// months by the packed letters of their names.
var months = func() map[uint32]time.Month {
	m := map[uint32]time.Month{}
	for i := time.January; i <= time.December; i++ {
		name := i.String()
		m[uint32(name[0])|uint32(name[1])<<8|uint32(name[2])<<16] = i
	}
	return m
}()

func monthOf(b []byte) time.Month {
	return months[uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16]
}

func year(b []byte) int {
	hi, lo := two(b), two(b[2:])
	if hi < 0 || lo < 0 {
		return -1
	}
	return hi*100 + lo
}

// hour is the beginning of an hour, or false where there is no such hour.
func hourOf(y int, m time.Month, d, h int, zone *time.Location) (int64, bool) {
	if y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31 || h < 0 || h > 23 {
		return 0, false
	}
	return time.Date(y, m, d, h, 0, 0, 0, zone).Unix(), true
}

// minSec reads ":MM:SS" and adds it to the hour.
func minSec(base int64, b []byte) (int64, bool) {
	m, s := two(b[1:]), two(b[4:])
	if b[0] != ':' || b[3] != ':' || uint(m) > 59 || uint(s) > 60 {
		return 0, false
	}
	return (base + int64(m*60+s)) * 1000, true
}

// ctime reads "Mon Nov 23 14:10:00 2026" (asctime(3), 24 bytes) in local time.
func (c *clock) ctime(b []byte) (int64, bool) {
	if len(b) < 24 || b[3] != ' ' || b[19] != ' ' {
		return 0, false
	}
	key := [3]uint64{le64(b[4:]), uint64(le32(b[20:])), uint64(b[12])}
	if key != c.key {
		base, ok := hourOf(year(b[20:]), monthOf(b[4:]), two(b[8:]), two(b[11:]), c.zone)
		if !ok {
			return 0, false
		}
		c.key, c.base, c.zoned = key, base, true
	}
	return minSec(c.base, b[13:])
}

// stamp reads "Nov 23 14:10:00" (RFC 3164 §4.1.2, 15 bytes): local time
// without a year.
func (c *clock) stamp(b []byte) (int64, bool) {
	if len(b) < 15 || b[3] != ' ' || b[6] != ' ' {
		return 0, false
	}
	key := [3]uint64{le64(b), uint64(b[8]), 1}
	if key != c.key {
		m, d, h := monthOf(b), two(b[4:]), two(b[7:])
		y := c.written.Year()
		base, ok := hourOf(y, m, d, h, c.zone)
		if ok && base > c.written.Unix()+26*3600 { // a day for a zone that is wrong
			base, ok = hourOf(y-1, m, d, h, c.zone)
		}
		if !ok {
			return 0, false
		}
		c.key, c.base, c.guessed, c.zoned = key, base, true, true
	}
	return minSec(c.base, b[9:])
}

// iso reads "2026-11-23T14:10:00" with a blank or a T, an optional fraction
// after '.' or ',' and an optional zone; without one, local time (or UTC when
// utc is set). It returns what follows.
func (c *clock) iso(b []byte, utc bool) (when int64, rest []byte, ok bool) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[10] != 'T' && b[10] != ' ' {
		return 0, nil, false
	}
	rest = b[19:]
	millis := int64(0)
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		unit := int64(100)
		i := 1
		for i < len(rest) && rest[i]-'0' <= 9 {
			millis += unit * int64(rest[i]-'0')
			unit /= 10
			i++
		}
		rest = rest[i:]
	}
	zone, shift := c.zone, int64(0)
	if utc {
		zone = time.UTC
	}
	switch {
	case len(rest) > 0 && rest[0] == 'Z':
		rest, zone = rest[1:], time.UTC
	case len(rest) >= 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		if shift, ok = c.shift(rest[0], rest[1:], rest[4:]); !ok {
			return 0, nil, false
		}
		rest, zone = rest[6:], time.UTC
	case !utc:
		c.zoned = true
	}
	local := uint64(2)
	if zone == time.UTC {
		local = 3
	}
	key := [3]uint64{le64(b), le64(b[5:]), local}
	if key != c.key {
		base, ok := hourOf(year(b), time.Month(two(b[5:])), two(b[8:]), two(b[11:]), zone)
		if !ok {
			return 0, nil, false
		}
		c.key, c.base = key, base
	}
	when, ok = minSec(c.base, b[13:])
	return when + millis - shift*1000, rest, ok
}

// shift reads the hours and minutes of a zone east of Greenwich, in seconds.
func (c *clock) shift(sign byte, hh, mm []byte) (int64, bool) {
	key := uint64(sign) | uint64(hh[0])<<8 | uint64(hh[1])<<16 | uint64(mm[0])<<24 | uint64(mm[1])<<32
	if key != c.offset {
		h, m := two(hh), two(mm)
		if h < 0 || h > 15 || m < 0 || m > 59 {
			return 0, false
		}
		c.offset, c.offsetSec = key, int64(h*3600+m*60)
		if sign == '-' {
			c.offsetSec = -c.offsetSec
		}
	}
	return c.offsetSec, true
}

// common reads "23/Nov/2026:14:10:00 +0000" (the Common Log Format, 26 bytes).
func (c *clock) common(b []byte) (int64, bool) {
	if len(b) < 26 || b[2] != '/' || b[6] != '/' || b[11] != ':' || b[20] != ' ' {
		return 0, false
	}
	shift, ok := c.shift(b[21], b[22:], b[24:])
	if !ok {
		return 0, false
	}
	key := [3]uint64{le64(b), le64(b[6:]), 4}
	if key != c.key {
		base, ok := hourOf(year(b[7:]), monthOf(b[3:]), two(b), two(b[12:]), time.UTC)
		if !ok {
			return 0, false
		}
		c.key, c.base = key, base
	}
	when, ok := minSec(c.base, b[14:])
	return when - shift*1000, ok
}
