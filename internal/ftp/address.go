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
	// ErrFamily: EPRT names a protocol other than 1 (IPv4) and 2 (IPv6), or one
	// that is not the address's. A server answers 522 (RFC 2428 §2).
	ErrFamily = errors.New("network protocol not supported")
)

// ParsePASV finds the six numbers h1,h2,h3,h4,p1,p2 in the text of a 227
// reply (RFC 959 §4.1.2). Their form is not fixed, parentheses may be missing,
// so a client looks for the digits (RFC 1123 §4.1.2.6); those in parentheses
// win. ErrRange when the numbers are there and one is over 255 or the port is
// 0; with a port of 0 the address is returned too.
func ParsePASV(text string) (netip.AddrPort, error) {
	if _, after, ok := strings.Cut(text, "("); ok {
		if a, _, err := sixNumbers(after); !errors.Is(err, ErrNoAddress) {
			return a, err
		}
	}
	for i := range len(text) {
		if !isDigit(text[i]) || i > 0 && isDigit(text[i-1]) {
			continue
		}
		if a, _, err := sixNumbers(text[i:]); !errors.Is(err, ErrNoAddress) {
			return a, err
		}
	}
	return netip.AddrPort{}, ErrNoAddress
}

// sixNumbers reads six numbers that stand at the beginning of s and returns
// what follows them.
func sixNumbers(s string) (a netip.AddrPort, rest string, err error) {
	var n [6]int
	outside := false
	for k := range n {
		s = strings.TrimLeft(s, " ")
		i := 0
		for i < len(s) && isDigit(s[i]) {
			n[k] = min(n[k]*10+int(s[i]-'0'), 1000)
			i++
		}
		if i == 0 {
			return netip.AddrPort{}, s, ErrNoAddress
		}
		outside = outside || n[k] > 255
		s = s[i:]
		if k == 5 {
			break
		}
		s = strings.TrimLeft(s, " ")
		if s == "" || s[0] != ',' {
			return netip.AddrPort{}, s, ErrNoAddress
		}
		s = s[1:]
	}
	if outside {
		return netip.AddrPort{}, s, ErrRange
	}
	ip := netip.AddrFrom4([4]byte{byte(n[0]), byte(n[1]), byte(n[2]), byte(n[3])})
	a = netip.AddrPortFrom(ip, uint16(n[4]<<8|n[5]))
	if a.Port() == 0 {
		return a, s, ErrRange
	}
	return a, s, nil
}

// ParseEPSV finds |||port| in the text of a 229 reply (RFC 2428 §3). The
// delimiter may be any character of 33 to 126 that is no digit; protocol and
// address, which must be empty, are passed over where a server fills them in.
// Parentheses may be missing.
func ParseEPSV(text string) (port uint16, err error) {
	for rest := text; ; {
		i := strings.IndexByte(rest, '(')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if port, err := delimitedPort(rest); !errors.Is(err, ErrNoAddress) {
			return port, err
		}
	}
	if i := strings.Index(text, "|||"); i >= 0 {
		return delimitedPort(text[i:])
	}
	return 0, ErrNoAddress
}

// maxDelimited bounds <d>proto<d>address<d>port<d>; an IPv6 address has 45 characters at most.
const maxDelimited = 80

// delimitedPort reads <d>[proto]<d>[address]<d>port<d> at the beginning of s.
func delimitedPort(s string) (uint16, error) {
	s = s[:min(len(s), maxDelimited)]
	if s == "" || s[0] < 33 || s[0] > 126 || isDigit(s[0]) {
		return 0, ErrNoAddress
	}
	parts := strings.SplitN(s[1:], s[:1], 4)
	if len(parts) < 4 {
		return 0, ErrNoAddress
	}
	return portNumber(parts[2])
}

func portNumber(s string) (uint16, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, ErrNoAddress
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, ErrRange
	}
	return uint16(n), nil
}

// FormatPORT gives the argument of PORT, which is also what stands in a 227
// reply (RFC 959 §4.1.2); empty when the address is not IPv4.
func FormatPORT(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	if !ip.Is4() {
		return ""
	}
	b := ip.As4()
	return fmt.Sprintf("%d,%d,%d,%d,%d,%d", b[0], b[1], b[2], b[3], a.Port()>>8, a.Port()&0xff)
}

// FormatEPRT gives the argument of EPRT (RFC 2428 §2), without a zone; empty
// when there is no address.
func FormatEPRT(a netip.AddrPort) string {
	ip := a.Addr().Unmap().WithZone("")
	if !ip.IsValid() {
		return ""
	}
	family := 1
	if ip.Is6() {
		family = 2
	}
	return fmt.Sprintf("|%d|%s|%d|", family, ip, a.Port())
}

// ParsePORT reads the argument of PORT: six numbers and nothing else (RFC 959
// §4.1.2). Errors as ParsePASV.
func ParsePORT(arg string) (netip.AddrPort, error) {
	a, rest, err := sixNumbers(arg)
	if strings.Trim(rest, " ") != "" {
		return netip.AddrPort{}, ErrNoAddress
	}
	return a, err
}

// ParseEPRT reads the argument of EPRT (RFC 2428 §2). The errors: ErrNoAddress,
// ErrRange, ErrFamily.
func ParseEPRT(arg string) (netip.AddrPort, error) {
	arg = strings.TrimRight(arg, " ")
	if len(arg) < 7 || len(arg) > maxDelimited || arg[0] < 33 || arg[0] > 126 || isDigit(arg[0]) {
		return netip.AddrPort{}, ErrNoAddress
	}
	parts := strings.Split(arg[1:], arg[:1])
	if len(parts) != 4 || parts[3] != "" {
		return netip.AddrPort{}, ErrNoAddress
	}
	if parts[0] != "1" && parts[0] != "2" {
		return netip.AddrPort{}, ErrFamily
	}
	ip, err := netip.ParseAddr(parts[1])
	if err != nil || ip.Zone() != "" {
		return netip.AddrPort{}, ErrNoAddress
	}
	if (parts[0] == "1") != ip.Is4() {
		return netip.AddrPort{}, ErrFamily
	}
	port, err := portNumber(parts[2])
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ip, port), nil
}
