package audit

import (
	"bytes"
	"encoding/binary"
	"math"
)

// atoi reads a decimal number that fills b.
func atoi(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// number reads the decimal number at the beginning of b and returns the rest.
func number(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i < 18 && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	return n, b[i:], i > 0
}

// thousandths reads a number with or without a fraction, which fills b, in
// thousandths.
func thousandths(b []byte) (int64, bool) {
	n, rest, ok := number(b)
	if !ok || n > math.MaxInt64/1000 {
		return 0, false
	}
	n *= 1000
	if len(rest) == 0 {
		return n, true
	}
	if rest[0] != '.' {
		return 0, false
	}
	unit := int64(100)
	for _, c := range rest[1:] {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n += unit * int64(c)
		unit /= 10
	}
	return n, true
}

// two reads two digits; a blank stands for a leading zero.
func two(b []byte) int {
	hi, lo := b[0], b[1]-'0'
	if hi == ' ' {
		hi = '0'
	}
	if hi -= '0'; hi > 9 || lo > 9 {
		return -1
	}
	return int(hi)*10 + int(lo)
}

// clip removes a prefix.
func clip(b []byte, prefix string) ([]byte, bool) {
	if len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix {
		return b[len(prefix):], true
	}
	return b, false
}

func starts(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

func ends(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

// word cuts at the first blank.
func word(b []byte) (first, rest []byte) {
	first, rest, _ = bytes.Cut(b, []byte{' '})
	return first, rest
}

// lastWord cuts at the last blank.
func lastWord(b []byte) (before, last []byte) {
	if i := bytes.LastIndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:]
	}
	return nil, b
}

// lastIndex finds the last place of a mark of a few bytes that begins with a
// rare one; on short texts that is faster than the general way.
func lastIndex(b []byte, mark string) int {
	for i := len(b) - len(mark); i >= 0; i-- {
		if b[i] == mark[0] && b[i+1] == mark[1] && string(b[i:i+len(mark)]) == mark {
			return i
		}
	}
	return -1
}

// between returns what stands between two marks, the first of each.
func between(b []byte, open, shut string) ([]byte, bool) {
	i := bytes.Index(b, []byte(open))
	if i < 0 {
		return nil, false
	}
	b = b[i+len(open):]
	if i = bytes.Index(b, []byte(shut)); i < 0 {
		return nil, false
	}
	return b[:i], true
}

// address strips what an IPv4 address is wrapped in, and tells whether b can
// be an address or a host's name at all.
func address(b []byte) ([]byte, bool) {
	if len(b) == 0 || len(b) > 255 {
		return nil, false
	}
	if b[0] == ':' || b[0] == '[' {
		if b[0] == '[' && b[len(b)-1] == ']' {
			b = b[1 : len(b)-1]
		}
		if rest, ok := clip(b, "::ffff:"); ok && bytes.IndexByte(rest, '.') > 0 {
			b = rest
		}
	}
	return b, len(b) > 0
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
