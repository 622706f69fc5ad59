package tlswire

import (
	"fmt"
	"strings"
)

// Protocol versions as they stand on the wire.
const (
	SSL20 uint16 = 0x0002
	SSL30 uint16 = 0x0300
	TLS10 uint16 = 0x0301
	TLS11 uint16 = 0x0302
	TLS12 uint16 = 0x0303
	TLS13 uint16 = 0x0304
)

// Named groups (IANA "TLS Supported Groups") that this package can send key
// shares for, besides those it only lists.
const (
	GroupP256               uint16 = 0x0017
	GroupP384               uint16 = 0x0018
	GroupP521               uint16 = 0x0019
	GroupX25519             uint16 = 0x001D
	GroupX448               uint16 = 0x001E
	GroupSecP256r1MLKEM768  uint16 = 0x11EB
	GroupX25519MLKEM768     uint16 = 0x11EC
	GroupSecP384r1MLKEM1024 uint16 = 0x11ED
)

// Signalling cipher suite values: they travel in the cipher list and are never
// chosen.
const (
	renegotiationSCSV uint16 = 0x00FF // RFC 5746 §3.3
	fallbackSCSV      uint16 = 0x5600 // RFC 7507 §2
)

// IsGREASE reports whether v is one of the reserved values that clients mix into
// their lists to keep servers tolerant (RFC 8701 §2). They mean nothing.
func IsGREASE(v uint16) bool { return v&0x0F0F == 0x0A0A && v>>8 == v&0xFF }

// VersionName returns the usual name of a protocol version, "TLS 1.2".
func VersionName(v uint16) string {
	switch v {
	case SSL20:
		return "SSLv2"
	case SSL30:
		return "SSLv3"
	case TLS10:
		return "TLS 1.0"
	case TLS11:
		return "TLS 1.1"
	case TLS12:
		return "TLS 1.2"
	case TLS13:
		return "TLS 1.3"
	}
	if v>>8 == 0x7F { // the drafts of RFC 8446 numbered themselves so
		return fmt.Sprintf("TLS 1.3 draft %d", v&0xFF)
	}
	return fmt.Sprintf("unknown version 0x%04X", v)
}

// CipherName returns the IANA name of a cipher suite.
func CipherName(c uint16) string {
	if name, ok := cipherNames[c]; ok {
		return name
	}
	return unknown("cipher", c)
}

func unknown(what string, v uint16) string {
	if IsGREASE(v) {
		return fmt.Sprintf("GREASE 0x%04X", v)
	}
	return fmt.Sprintf("unknown %s 0x%04X", what, v)
}

// groupNames is the IANA registry "TLS Supported Groups".
var groupNames = map[uint16]string{
	1: "sect163k1", 2: "sect163r1", 3: "sect163r2", 4: "sect193r1", 5: "sect193r2",
	6: "sect233k1", 7: "sect233r1", 8: "sect239k1", 9: "sect283k1", 10: "sect283r1",
	11: "sect409k1", 12: "sect409r1", 13: "sect571k1", 14: "sect571r1",
	15: "secp160k1", 16: "secp160r1", 17: "secp160r2", 18: "secp192k1", 19: "secp192r1",
	20: "secp224k1", 21: "secp224r1", 22: "secp256k1",
	GroupP256: "secp256r1", GroupP384: "secp384r1", GroupP521: "secp521r1",
	26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
	GroupX25519: "x25519", GroupX448: "x448",
	31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13",
	34: "GC256A", 35: "GC256B", 36: "GC256C", 37: "GC256D", 38: "GC512A", 39: "GC512B", 40: "GC512C",
	41: "curveSM2", 0x0100: "ffdhe2048", 0x0101: "ffdhe3072", 0x0102: "ffdhe4096",
	0x0103: "ffdhe6144", 0x0104: "ffdhe8192",
	0x0200: "MLKEM512", 0x0201: "MLKEM768", 0x0202: "MLKEM1024",
	GroupSecP256r1MLKEM768: "SecP256r1MLKEM768", GroupX25519MLKEM768: "X25519MLKEM768",
	GroupSecP384r1MLKEM1024: "SecP384r1MLKEM1024", 0x6399: "X25519Kyber768Draft00",
	0xFF01: "arbitrary_explicit_prime_curves", 0xFF02: "arbitrary_explicit_char2_curves",
}

// GroupName returns the IANA name of a key exchange group.
func GroupName(g uint16) string {
	if name, ok := groupNames[g]; ok {
		return name
	}
	return unknown("group", g)
}

// sigAlgNames is the IANA registry "TLS SignatureScheme".
var sigAlgNames = map[uint16]string{
	0x0401: "rsa_pkcs1_sha256", 0x0501: "rsa_pkcs1_sha384", 0x0601: "rsa_pkcs1_sha512",
	0x0403: "ecdsa_secp256r1_sha256", 0x0503: "ecdsa_secp384r1_sha384", 0x0603: "ecdsa_secp521r1_sha512",
	0x0704: "eccsi_sha256", 0x0708: "sm2sig_sm3",
	0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519", 0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256", 0x080A: "rsa_pss_pss_sha384", 0x080B: "rsa_pss_pss_sha512",
	0x081A: "ecdsa_brainpoolP256r1tls13_sha256", 0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
	0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
	0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
	0x0201: "rsa_pkcs1_sha1", 0x0203: "ecdsa_sha1",
}

// SigAlgName returns the IANA name of a signature scheme. Pairs of hash and
// signature that only TLS 1.2 knew are spelled out from RFC 5246 §7.4.1.4.1:
// "dsa_sha256".
func SigAlgName(s uint16) string {
	if name, ok := sigAlgNames[s]; ok {
		return name
	}
	hash := map[uint16]string{1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}[s>>8]
	signature := map[uint16]string{0: "anonymous", 1: "rsa", 2: "dsa", 3: "ecdsa"}[s&0xFF]
	if hash == "" || signature == "" {
		return unknown("signature scheme", s)
	}
	return signature + "_" + hash
}

// alertNames is the IANA registry "TLS Alerts", and the SSLv3 alerts that it
// took over (RFC 6101 §5.4.2).
var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
	22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate",
	42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 52: "too_many_cids_requested",
	60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
	86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
	109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable",
	112: "unrecognized_name", 113: "bad_certificate_status_response", 114: "bad_certificate_hash_value",
	115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
	121: "ech_required",
}

// AlertName returns the IANA name of an alert description.
func AlertName(description uint8) string {
	if name, ok := alertNames[description]; ok {
		return name
	}
	return fmt.Sprintf("unknown alert %d", description)
}

// WeakCipher says whether a suite must no longer be used, and why, in a few
// words of English fit for evidence. The worst reason wins. Suites that are
// merely old (CBC, static RSA) are not weak in this sense: see ForwardSecret.
func WeakCipher(c uint16) (why string, weak bool) {
	why = weakness(c)
	if why != "" && strings.HasSuffix(cipherNames[c], "_MD5") {
		why += "; MD5 as message authentication"
	}
	return why, why != ""
}

// weakness names the worst fault of a suite. MD5 never stands alone in one.
func weakness(c uint16) string {
	name := cipherNames[c]
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case c == 0xC0B4 || c == 0xC0B5, has("_NULL_"):
		return "no encryption (NULL; RFC 9325 §4.1)"
	case has("_anon_"):
		return "the server is not authenticated (anonymous; RFC 9325 §4.1)"
	case has("_EXPORT"):
		return "export grade, 40 or 56 bits (RFC 9325 §4.1)"
	case has("_RC4_"):
		return "RC4 is broken (RFC 7465)"
	case has("_RC2_"):
		return "RC2 is broken"
	case has("_DES_") || has("_DES40_"):
		return "single DES, 56 bits at most (RFC 5469)"
	case has("_3DES_"):
		return "3DES has blocks of 64 bits (Sweet32, CVE-2016-2183)"
	case has("_IDEA_"):
		return "IDEA has blocks of 64 bits (RFC 5469)"
	}
	return ""
}

// ForwardSecret reports whether recorded traffic stays secret when the server's
// key is stolen later: an ephemeral key exchange, which TLS 1.3 always has.
func ForwardSecret(c uint16) bool {
	name := cipherNames[c]
	return isTLS13Cipher(c) || strings.Contains(name, "DHE_") || strings.Contains(name, "DH_anon_")
}

// isTLS13Cipher reports whether the suite names no key exchange and so belongs
// to TLS 1.3 alone (RFC 8446 §B.4, RFC 8998, RFC 9150).
func isTLS13Cipher(c uint16) bool {
	return c>>8 == 0x13 || c == 0x00C6 || c == 0x00C7 || c == 0xC0B4 || c == 0xC0B5
}
