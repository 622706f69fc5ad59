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

	"golang.org/x/crypto/ssh"
)

// KnownHostsFile is a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
type KnownHostsFile struct {
	Name string // as it shall be called in a verdict
	Text string
}

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

// KnownKey is a line of a known_hosts file.
type KnownKey struct {
	File        string
	Line        int    // from 1
	Marker      string // "@cert-authority", "@revoked" or empty
	Hosts       string // the names as written; empty: hashed
	Type        string
	Fingerprint string // see Fingerprint
	blob        []byte
	names       string
}

// BrokenLine is a line that ssh passes over.
type BrokenLine struct {
	File string
	Line int
	Why  string // one of the reasons below
}

// Why a line of known_hosts counts for nothing.
const (
	BrokenUTF16     = "the file is in UTF-16"
	BrokenMark      = "a byte order mark stands before the name"
	BrokenMarker    = "an unknown marker"
	BrokenShort     = "the line ends too early"
	BrokenHash      = "the hashed name is damaged"
	BrokenKey       = "the key is damaged"
	BrokenProtocol1 = "a key of SSH protocol 1"
)

// HostKeyVerdict is what known_hosts files say about one key of one server.
type HostKeyVerdict struct {
	Status HostKeyStatus
	// File and Line decide: the line that matches, or the first whose key
	// differs, one of the same type before the others. Empty when Unknown.
	File string
	Line int
	// SameType: Changed, and a line holds another key of the same type. Without
	// it the server may only have lost the key that is known.
	SameType    bool
	Known       []KnownKey // all lines for this name and port
	AtAddress   []KnownKey // lines for its addresses alone, which ssh no longer asks by default (CheckHostIP)
	Elsewhere   []KnownKey // the same key under other names, at most 10 lines
	BrokenLines []BrokenLine
}

// Lookup judges a server's key as OpenSSH's ssh does. Lines for the name with
// the port count; where there are none, those for the name alone are asked too.
// Whether a certificate is valid for the name and at this time is not judged.
func Lookup(files []KnownHostsFile, host string, port int, addresses []string, key ssh.PublicKey) HostKeyVerdict {
	lines, broken := parseKnownHosts(files)
	v := HostKeyVerdict{Status: HostKeyUnknown, BrokenLines: broken}
	v.Known = linesFor(lines, hostPort(host, port))
	for _, address := range addresses {
		for _, k := range linesFor(lines, hostPort(address, port)) {
			if !contains(v.Known, k) && !contains(v.AtAddress, k) {
				v.AtAddress = append(v.AtAddress, k)
			}
		}
	}
	v.judge(key)
	if v.Status == HostKeyUnknown && hostPort(host, port) != strings.ToLower(host) {
		bare := v
		bare.Known = linesFor(lines, strings.ToLower(host))
		if bare.judge(key); bare.Status != HostKeyUnknown && bare.Status != HostKeyChanged {
			v = bare
		}
	}
	const enough = 10
	for _, k := range lines {
		if bytes.Equal(k.blob, key.Marshal()) && k.Marker == "" && len(v.Elsewhere) < enough && !contains(v.Known, k) && !contains(v.AtAddress, k) {
			v.Elsewhere = append(v.Elsewhere, k)
		}
	}
	return v
}

func contains(lines []KnownKey, k KnownKey) bool {
	return slices.ContainsFunc(lines, func(o KnownKey) bool { return o.File == k.File && o.Line == k.Line })
}

// judge decides by the Known lines.
func (v *HostKeyVerdict) judge(key ssh.PublicKey) {
	cert, isCert := key.(*ssh.Certificate)
	plain, authority := key.Marshal(), []byte(nil)
	if isCert {
		plain, authority = cert.Key.Marshal(), cert.SignatureKey.Marshal()
	}
	decide := func(status HostKeyStatus, k KnownKey) {
		v.Status, v.File, v.Line = status, k.File, k.Line
	}
	for _, k := range v.Known {
		if k.Marker == markerRevoked && (bytes.Equal(k.blob, plain) || isCert && bytes.Equal(k.blob, authority)) {
			decide(HostKeyRevoked, k)
			return
		}
	}
	for _, k := range v.Known {
		if k.Marker == markerAuthority && isCert && bytes.Equal(k.blob, authority) {
			decide(HostKeyByAuthority, k)
			return
		}
	}
	// A certificate that nobody vouches for counts as the plain key in it.
	for _, k := range v.Known {
		if k.Marker == "" && bytes.Equal(k.blob, plain) {
			decide(HostKeyKnown, k)
			return
		}
	}
	kind := blobType(plain)
	for _, k := range v.Known {
		if k.Marker != "" {
			continue
		}
		if same := k.Type == kind; v.Status != HostKeyChanged || same && !v.SameType {
			decide(HostKeyChanged, k)
			v.SameType = same
		}
	}
}

// PreferredHostKeys are the host key algorithms to ask for first, so that a
// server with several keys shows the one that is known. Empty: none is.
func PreferredHostKeys(files []KnownHostsFile, host string, port int) []string {
	lines, _ := parseKnownHosts(files)
	known := linesFor(lines, hostPort(host, port))
	if len(known) == 0 {
		known = linesFor(lines, strings.ToLower(host))
	}
	var certs, plain []string
	for _, k := range known {
		switch {
		case k.Marker == markerAuthority: // of any type it may sign
			certs = []string{
				ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
				ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
			}
		case k.Marker == "" && k.Type == ssh.KeyAlgoRSA:
			plain = union(plain, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA})
		case k.Marker == "":
			plain = union(plain, []string{k.Type})
		}
	}
	return append(certs, plain...)
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

func parseKnownHosts(files []KnownHostsFile) (lines []KnownKey, broken []BrokenLine) {
	for _, file := range files {
		if strings.HasPrefix(file.Text, "\xFF\xFE") || strings.HasPrefix(file.Text, "\xFE\xFF") {
			broken = append(broken, BrokenLine{file.Name, 1, BrokenUTF16})
			continue
		}
		n := 0
		for line := range strings.Lines(file.Text) {
			n++
			k, why := parseKnownHost(line)
			if why != "" {
				broken = append(broken, BrokenLine{file.Name, n, why})
			} else if k.blob != nil {
				k.File, k.Line = file.Name, n
				lines = append(lines, k)
			}
		}
	}
	return lines, broken
}

// parseKnownHost reads a line. Neither a key nor a reason: there is nothing in it.
func parseKnownHost(line string) (k KnownKey, why string) {
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
		k.Marker, words = words[0], words[1:]
	}
	if len(words) < 3 {
		return k, BrokenShort
	}
	k.names, k.Type = words[0], words[1]
	if strings.HasPrefix(k.names, "|") {
		if _, _, ok := cutHash(k.names); !ok {
			return k, BrokenHash
		}
	} else {
		k.Hosts = k.names
	}
	if _, err := strconv.Atoi(k.Type); err == nil {
		return k, BrokenProtocol1
	}
	blob, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil || blobType(blob) != k.Type {
		return k, BrokenKey
	}
	// Types that the library does not know are compared as bytes all the same.
	if _, err := ssh.ParsePublicKey(blob); err != nil && slices.Contains(parsedTypes, k.Type) {
		return k, BrokenKey
	}
	k.blob, k.Fingerprint = blob, fingerprintSHA256(blob)
	return k, ""
}

// parsedTypes are the keys that a library can read whenever they are sound.
var parsedTypes = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}

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

// blobType is the type at the start of a key's wire form (RFC 4253 §6.6).
func blobType(blob []byte) string {
	f := fields{b: blob}
	return string(f.bytes())
}

// Fingerprint is the SHA-256 of a key as OpenSSH writes it, "SHA256:…"
// (ssh-keygen(1)). That of a certificate is that of the key in it.
func Fingerprint(key ssh.PublicKey) string { return ssh.FingerprintSHA256(plainKey(key)) }

// FingerprintMD5 is the older form, "MD5:16:27:ac:…" (RFC 4716 §4).
func FingerprintMD5(key ssh.PublicKey) string {
	return "MD5:" + ssh.FingerprintLegacyMD5(plainKey(key))
}

func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

func fingerprintSHA256(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
