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

// KnownKey is a line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE
// FORMAT").
type KnownKey struct {
	File        string
	Line        int    // from 1
	Marker      string // "@cert-authority", "@revoked" or empty
	Type        string
	Fingerprint string // see Fingerprint
	blob        []byte
	names       string
}

// HostKeyVerdict is what known_hosts files say about one key of one server.
type HostKeyVerdict struct {
	Status HostKeyStatus
	// By decides: the line that matches, or the first whose key differs, one of
	// the same type before the others. Zero when Unknown.
	By KnownKey
	// SameType: Changed, and By is a key of the same type. Without it the server
	// may only have lost the key that is known.
	SameType bool
}

// ReadKnownHost reads a line of a known_hosts file. False: ssh passes over it, or
// it is for another server. A line for the name alone counts too: see [Lookup].
func ReadKnownHost(line, host string, port int) (KnownKey, bool) {
	k, ok := parseKnownHost(line)
	return k, ok && (namesHost(k.names, hostPort(host, port)) || namesHost(k.names, strings.ToLower(host)))
}

// Lookup judges a server's key as OpenSSH's ssh does, by lines that
// [ReadKnownHost] took. Lines for the name with the port count; where there are
// none, those for the name alone are asked too. Whether a certificate is valid
// for the name and at this time is not judged.
func Lookup(lines []KnownKey, host string, port int, key ssh.PublicKey) HostKeyVerdict {
	v := judge(linesFor(lines, hostPort(host, port)), key)
	if v.Status == HostKeyUnknown {
		if bare := judge(linesFor(lines, strings.ToLower(host)), key); bare.Status != HostKeyChanged {
			v = bare
		}
	}
	return v
}

// judge decides by the lines for one name.
func judge(lines []KnownKey, key ssh.PublicKey) (v HostKeyVerdict) {
	cert, isCert := key.(*ssh.Certificate)
	plain, authority := key.Marshal(), []byte(nil)
	if isCert {
		plain, authority = cert.Key.Marshal(), cert.SignatureKey.Marshal()
	}
	for _, k := range lines {
		if k.Marker == markerRevoked && (bytes.Equal(k.blob, plain) || isCert && bytes.Equal(k.blob, authority)) {
			return HostKeyVerdict{Status: HostKeyRevoked, By: k}
		}
	}
	for _, k := range lines {
		if k.Marker == markerAuthority && isCert && bytes.Equal(k.blob, authority) {
			return HostKeyVerdict{Status: HostKeyByAuthority, By: k}
		}
	}
	// A certificate that nobody vouches for counts as the plain key in it.
	for _, k := range lines {
		if k.Marker == "" && bytes.Equal(k.blob, plain) {
			return HostKeyVerdict{Status: HostKeyKnown, By: k}
		}
	}
	v.Status = HostKeyUnknown
	kind := blobType(plain)
	for _, k := range lines {
		if k.Marker != "" {
			continue
		}
		if same := k.Type == kind; v.Status != HostKeyChanged || same && !v.SameType {
			v = HostKeyVerdict{Status: HostKeyChanged, By: k, SameType: same}
		}
	}
	return v
}

// PreferredHostKeys are the host key algorithms to ask for first, so that a
// server with several keys shows the one that is known. Empty: none is.
func PreferredHostKeys(lines []KnownKey, host string, port int) []string {
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

// parseKnownHost reads a line. False: ssh passes over it, or nothing stands in it.
func parseKnownHost(line string) (k KnownKey, ok bool) {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return k, false
	}
	if strings.HasPrefix(words[0], "@") {
		if words[0] != markerAuthority && words[0] != markerRevoked {
			return k, false
		}
		k.Marker, words = words[0], words[1:]
	}
	if len(words) < 3 {
		return k, false
	}
	k.names, k.Type = words[0], words[1]
	blob, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil || blobType(blob) != k.Type {
		return k, false
	}
	// Types that the library does not know are compared as bytes all the same.
	if _, err := ssh.ParsePublicKey(blob); err != nil && slices.Contains(parsedTypes, k.Type) {
		return k, false
	}
	k.blob, k.Fingerprint = blob, fingerprintSHA256(blob)
	return k, true
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

// Describe gives type and fingerprint of a key in its wire form (RFC 4253 §6.6),
// also where the library does not know the type.
func Describe(blob []byte) (kind, fingerprint string) {
	if key, err := ssh.ParsePublicKey(blob); err == nil {
		return key.Type(), Fingerprint(key)
	}
	return blobType(blob), fingerprintSHA256(blob)
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
