package ftp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The errors of the address parsers.
var (
	ErrNoAddress = errors.New("no address in it")
	ErrRange     = errors.New("a number of the address is out of range")
)

// ParsePASV finds the six numbers h1,h2,h3,h4,p1,p2 in the text of a 227
// reply. Their form is not fixed: clients must look for the first digit (RFC
// 1123 §4.1.2.6).
func ParsePASV(text string) (netip.AddrPort, error) {
	if i := strings.IndexByte(text, '('); i >= 0 {
		if a, err := sixNumbers(text[i+1:]); err == nil || errors.Is(err, ErrRange) {
			return a, err
		}
	}
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) || i > 0 && isDigit(text[i-1]) {
			continue
		}
		if a, err := sixNumbers(text[i:]); err == nil || errors.Is(err, ErrRange) {
			return a, err
		}
	}
	return netip.AddrPort{}, ErrNoAddress
}

// sixNumbers reads six numbers that stand at the beginning of s.
func sixNumbers(s string) (netip.AddrPort, error) {
	var n [6]int
	for k := range n {
		s = strings.TrimLeft(s, " ")
		i := 0
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == 0 {
			return netip.AddrPort{}, ErrNoAddress
		}
		v, err := strconv.Atoi(s[:min(i, 9)])
		if err != nil {
			return netip.AddrPort{}, ErrNoAddress
		}
		n[k], s = v, strings.TrimLeft(s[i:], " ")
		if k < 5 {
			if s == "" || s[0] != ',' {
				return netip.AddrPort{}, ErrNoAddress
			}
			s = s[1:]
		}
	}
	for _, v := range n {
		if v > 255 {
			return netip.AddrPort{}, ErrRange
		}
	}
	a := netip.AddrFrom4([4]byte{byte(n[0]), byte(n[1]), byte(n[2]), byte(n[3])})
	return netip.AddrPortFrom(a, uint16(n[4]<<8|n[5])), nil
}

// ParseEPSV finds |||port| in the text of a 229 reply (RFC 2428 §3). The
// delimiter may be any character of 33 to 126; protocol and address, which
// must be empty, are passed over when a server fills them in.
func ParseEPSV(text string) (uint16, error) {
	open := strings.IndexByte(text, '(')
	if open < 0 || open+1 >= len(text) {
		return 0, ErrNoAddress
	}
	body := text[open+1:]
	d := body[0]
	if d < 33 || d > 126 || isDigit(d) {
		return 0, ErrNoAddress
	}
	parts := strings.SplitN(body[1:], string(d), 5)
	if len(parts) < 4 {
		return 0, ErrNoAddress
	}
	n, err := strconv.ParseUint(parts[2], 10, 32)
	if err != nil {
		return 0, ErrNoAddress
	}
	if n == 0 || n > 65535 {
		return 0, ErrRange
	}
	return uint16(n), nil
}

// FormatPORT gives the argument of PORT; the address must be IPv4.
func FormatPORT(a netip.AddrPort) string {
	b := a.Addr().Unmap().As4()
	return fmt.Sprintf("%d,%d,%d,%d,%d,%d", b[0], b[1], b[2], b[3], a.Port()>>8, a.Port()&0xff)
}

// FormatEPRT gives the argument of EPRT (RFC 2428 §2).
func FormatEPRT(a netip.AddrPort) string {
	family := 1
	if a.Addr().Unmap().Is6() {
		family = 2
	}
	return fmt.Sprintf("|%d|%s|%d|", family, a.Addr().Unmap().WithZone(""), a.Port())
}

// ParsePORT reads the argument of PORT.
func ParsePORT(arg string) (netip.AddrPort, error) { return sixNumbers(arg) }

// ParseEPRT reads the argument of EPRT.
func ParseEPRT(arg string) (netip.AddrPort, error) {
	if len(arg) < 7 || arg[0] < 33 || arg[0] > 126 {
		return netip.AddrPort{}, ErrNoAddress
	}
	parts := strings.Split(arg[1:], arg[:1])
	if len(parts) != 4 {
		return netip.AddrPort{}, ErrNoAddress
	}
	a, err := netip.ParseAddr(parts[1])
	if err != nil || (parts[0] == "1") != a.Is4() || a.Zone() != "" {
		return netip.AddrPort{}, ErrNoAddress
	}
	port, err := strconv.ParseUint(parts[2], 10, 16)
	if err != nil {
		return netip.AddrPort{}, ErrRange
	}
	return netip.AddrPortFrom(a, uint16(port)), nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
