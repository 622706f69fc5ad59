package sshwire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// KnownLine is a line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
type KnownLine struct {
	File string // as it shall be called in a verdict
	N    int    // from 1
	Text string
}

// Where is the line as ssh writes it: FILE:LINE.
func (l KnownLine) Where() string { return l.File + ":" + strconv.Itoa(l.N) }

// HostKeyStatus is what the known_hosts files say about a server's key.
type HostKeyStatus string

// The statuses, as OpenSSH's ssh decides between them.
const (
	HostKeyKnown       HostKeyStatus = "known"
	HostKeyUnknown     HostKeyStatus = "unknown" // there is no key for this name
	HostKeyChanged     HostKeyStatus = "changed" // there are keys, and this is none of them
	HostKeyRevoked     HostKeyStatus = "revoked"
	HostKeyByAuthority HostKeyStatus = "by-authority" // its certificate is signed by a known authority
)

// KnownKey is a key of a known_hosts file.
type KnownKey struct {
	KnownLine
	Type        string
	Fingerprint string // see Fingerprint
	marker      string // "@cert-authority", "@revoked" or empty
	blob        []byte
	names       string
}

// BrokenLine is a line for a host that ssh passes over.
type BrokenLine struct {
	KnownLine
	Why Reason // one of those below
}

// Why a line of known_hosts counts for nothing.
const (
	BrokenUTF16     Reason = "the file is in UTF-16"
	BrokenMark      Reason = "a byte order mark stands before the name"
	BrokenMarker    Reason = "an unknown marker"
	BrokenShort     Reason = "the line ends too early"
	BrokenHash      Reason = "the hashed name is damaged"
	BrokenKey       Reason = "the key is damaged"
	BrokenProtocol1 Reason = "a key of SSH protocol 1"
)

// HostKeyVerdict is what known_hosts files say about one key of one server.
type HostKeyVerdict struct {
	Status HostKeyStatus
	// By decides: the line that matches, or the first whose key differs, one of
	// the same type before the others. Zero when Unknown.
	By KnownKey
	// SameType: Changed, and a line holds another key of the same type. Without
	// it the server may only have lost the key that is known.
	SameType bool
	// BadCertificate says why the certificate that the server showed counts for
	// nothing; its key counted then as a plain one. Empty: it was good, or none.
	BadCertificate Reason
	BadDetail      string // what stands behind it: the names that it is for
	Broken         []BrokenLine
}

// Lookup judges a server's key (wire form, RFC 4253 §6.6) as OpenSSH's ssh does.
// Lines for the name with the port count; where there are none, a key that is
// known for the name alone will do.
func Lookup(lines []KnownLine, host string, port int, key []byte, now time.Time) HostKeyVerdict {
	keys, broken := parseKnownHosts(lines)
	shown := shownKey{plain: key}
	if public, err := ssh.ParsePublicKey(key); err == nil {
		if cert, ok := public.(*ssh.Certificate); ok {
			shown = shownKey{plain: cert.Key.Marshal(), authority: cert.SignatureKey.Marshal()}
			shown.bad, shown.detail = badCertificate(cert, strings.ToLower(host), now)
		}
	}
	v := shown.judge(linesFor(keys, hostPort(host, port)))
	if v.Status == HostKeyUnknown && hostPort(host, port) != strings.ToLower(host) {
		bare := shown.judge(linesFor(keys, strings.ToLower(host)))
		if bare.Status == HostKeyKnown || bare.Status == HostKeyByAuthority {
			v = bare
		}
	}
	for _, b := range broken {
		if ForHost(b.Text, host, port) {
			v.Broken = append(v.Broken, b)
		}
	}
	return v
}

// shownKey is what a server showed: a key, or a certificate with a key in it.
type shownKey struct {
	plain     []byte
	authority []byte // nil: no certificate
	bad       Reason // why the certificate counts for nothing
	detail    string
}

// judge decides by the keys that are known.
func (s shownKey) judge(known []KnownKey) (v HostKeyVerdict) {
	v.Status = HostKeyUnknown
	for _, k := range known {
		if k.marker == markerRevoked && (bytes.Equal(k.blob, s.plain) || s.authority != nil && bytes.Equal(k.blob, s.authority)) {
			v.Status, v.By = HostKeyRevoked, k
			return v
		}
	}
	if s.authority != nil {
		v.BadCertificate = CertOfStranger
	}
	for _, k := range known {
		if k.marker == markerAuthority && s.authority != nil && bytes.Equal(k.blob, s.authority) {
			if v.BadCertificate, v.BadDetail = s.bad, s.detail; s.bad == "" {
				v.Status, v.By = HostKeyByAuthority, k
				return v
			}
		}
	}
	// A certificate that nobody vouches for counts as the plain key in it.
	for _, k := range known {
		if k.marker == "" && bytes.Equal(k.blob, s.plain) {
			v.Status, v.By = HostKeyKnown, k
			return v
		}
	}
	kind := KeyType(s.plain)
	for _, k := range known {
		if k.marker != "" {
			continue
		}
		if same := k.Type == kind; v.Status != HostKeyChanged || same && !v.SameType {
			v.Status, v.By, v.SameType = HostKeyChanged, k, same
		}
	}
	return v
}

// Why a certificate counts for nothing.
const (
	CertOfStranger Reason = "no authority that is known signed it"
	CertNotOfHost  Reason = "no host certificate"
	CertOtherNames Reason = "it is for other names"
	CertNotNow     Reason = "it is not valid at this time"
	CertBroken     Reason = "its signature or an option in it is not good"
)

// badCertificate says what is wrong with a host certificate; empty: nothing.
func badCertificate(cert *ssh.Certificate, host string, now time.Time) (Reason, string) {
	second := uint64(now.Unix())
	check := ssh.CertChecker{Clock: func() time.Time { return now }}
	switch {
	case cert.CertType != ssh.HostCert:
		return CertNotOfHost, ""
	case len(cert.ValidPrincipals) > 0 && !slices.Contains(cert.ValidPrincipals, host): // to the letter: ssh takes no wildcards there
		return CertOtherNames, strings.Join(cert.ValidPrincipals, ", ")
	case second < cert.ValidAfter, cert.ValidBefore != ssh.CertTimeInfinity && second >= cert.ValidBefore:
		return CertNotNow, ""
	case check.CheckCert(host, cert) != nil:
		return CertBroken, ""
	}
	return "", ""
}

// PreferredHostKeys are the host key algorithms to ask for first, so that a
// server with several keys shows the one that is known, in the order in which
// ssh prefers them. Empty: none is known for the name and port.
func PreferredHostKeys(lines []KnownLine, host string, port int) []string {
	keys, _ := parseKnownHosts(lines)
	var certs, plain []string
	for _, k := range linesFor(keys, hostPort(host, port)) {
		switch k.marker {
		case markerAuthority: // of any type it may sign
			certs = []string{
				ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
				ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
			}
		case "":
			plain = append(plain, k.Type)
		}
	}
	for _, kind := range parsedTypes {
		switch {
		case !slices.Contains(plain, kind):
		case kind == ssh.KeyAlgoRSA:
			certs = append(certs, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			certs = append(certs, kind)
		}
	}
	return certs
}

// ForHost tells whether a line is for a host, with its port or without, even if
// ssh can't read it.
func ForHost(line, host string, port int) bool {
	if strings.Contains(line, "\x00") {
		line = strings.TrimLeft(strings.TrimPrefix(strings.ReplaceAll(line, "\x00", ""), "\xFF\xFE"), "?\uFFFD")
	}
	words := strings.Fields(strings.TrimPrefix(line, "\uFEFF"))
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		words = words[1:]
	}
	return len(words) > 0 && !strings.HasPrefix(words[0], "#") &&
		(namesHost(words[0], hostPort(host, port)) || namesHost(words[0], strings.ToLower(host)))
}

// hostPort is the name under which known_hosts has a server.
func hostPort(host string, port int) string {
	host = strings.ToLower(host)
	if port == 22 || port == 0 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

const (
	markerAuthority = "@cert-authority"
	markerRevoked   = "@revoked"
)

func parseKnownHosts(lines []KnownLine) (keys []KnownKey, broken []BrokenLine) {
	for _, line := range lines {
		k, why := parseKnownHost(line.Text)
		if why != "" {
			broken = append(broken, BrokenLine{line, why})
		} else if k.blob != nil {
			k.KnownLine = line
			keys = append(keys, k)
		}
	}
	return keys, broken
}

// parseKnownHost reads a line. Neither a key nor a reason: there is nothing in it.
func parseKnownHost(line string) (k KnownKey, why Reason) {
	if strings.Contains(line, "\x00") {
		return k, BrokenUTF16
	}
	if strings.HasPrefix(line, "\uFEFF") {
		return k, BrokenMark
	}
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return k, ""
	}
	if strings.HasPrefix(words[0], "@") {
		if words[0] != markerAuthority && words[0] != markerRevoked {
			return k, BrokenMarker
		}
		k.marker, words = words[0], words[1:]
	}
	if len(words) < 3 {
		return k, BrokenShort
	}
	k.names, k.Type = words[0], words[1]
	if _, _, ok := cutHash(k.names); strings.HasPrefix(k.names, "|") && !ok {
		return k, BrokenHash
	}
	if _, err := strconv.Atoi(k.Type); err == nil {
		return k, BrokenProtocol1
	}
	blob, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil || KeyType(blob) != k.Type {
		return k, BrokenKey
	}
	// Types that the library does not know are compared as bytes all the same.
	if _, err := ssh.ParsePublicKey(blob); err != nil && slices.Contains(parsedTypes, k.Type) {
		return k, BrokenKey
	}
	k.blob, k.Fingerprint = blob, Fingerprint(blob)
	return k, ""
}

// parsedTypes are the keys that a library can read whenever they are sound, in
// the order in which ssh asks for them.
var parsedTypes = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}

// linesFor gives the lines whose names are for a host, written as hostPort does.
func linesFor(lines []KnownKey, name string) []KnownKey {
	var out []KnownKey
	for _, k := range lines {
		if namesHost(k.names, name) {
			out = append(out, k)
		}
	}
	return out
}

func namesHost(names, name string) bool {
	if salt, sum, ok := cutHash(names); ok {
		mac := hmac.New(sha1.New, salt)
		mac.Write([]byte(name))
		return hmac.Equal(mac.Sum(nil), sum)
	}
	found := false
	for pattern := range strings.SplitSeq(strings.ToLower(names), ",") {
		pattern, not := strings.CutPrefix(pattern, "!")
		if matches(pattern, name) {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// cutHash reads a hashed name: |1|salt|HMAC-SHA1 of the name, both in base64.
func cutHash(names string) (salt, sum []byte, ok bool) {
	rest, ok := strings.CutPrefix(names, "|1|")
	if !ok {
		return nil, nil, false
	}
	saltText, sumText, _ := strings.Cut(rest, "|")
	salt, err := base64.StdEncoding.DecodeString(saltText)
	if err != nil || len(salt) != sha1.Size {
		return nil, nil, false
	}
	sum, err = base64.StdEncoding.DecodeString(sumText)
	return salt, sum, err == nil && len(sum) == sha1.Size
}

// matches compares with a pattern of * and ?, in time that grows with the
// product of the lengths.
func matches(pattern, name string) bool {
	star, retry, p := -1, 0, 0
	for n := 0; n < len(name); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			retry++
			p, n = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// KeyType is the type at the start of a key's wire form (RFC 4253 §6.6); empty:
// there is none.
func KeyType(key []byte) string {
	f := fields{b: key}
	return string(f.bytes())
}

// Fingerprint is the SHA-256 of a key as OpenSSH writes it, "SHA256:…"
// (ssh-keygen(1)). That of a certificate is that of the key in it.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(PlainKey(key))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// PlainKey is the key in a certificate; a plain key is itself.
func PlainKey(key []byte) []byte {
	if public, err := ssh.ParsePublicKey(key); err == nil {
		if cert, ok := public.(*ssh.Certificate); ok {
			return cert.Key.Marshal()
		}
	}
	return key
}
