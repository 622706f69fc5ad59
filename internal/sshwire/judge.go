package sshwire

import (
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Weak is an offer that a server should take back.
type Weak struct {
	Kind Kind
	Name string
	Why  Reason
}

// Reason is why an algorithm is weak; people read it.
type Reason string

// The reasons.
const (
	WeakNone      Reason = "no protection at all"
	WeakSHA1      Reason = "rests on SHA-1" // RFC 9142 §1.1, RFC 8332 §1
	WeakGroup1    Reason = "a group of 1024 bits, and SHA-1"
	WeakRSA1024   Reason = "an RSA key of 1024 bits, and SHA-1"
	WeakDSA       Reason = "DSA of 1024 bits, and SHA-1"
	WeakRC4       Reason = "RC4, whose output is biased" // RFC 8758
	WeakBlock64   Reason = "blocks of 64 bits"           // Sweet32, CVE-2016-2183
	WeakCBC       Reason = "CBC mode, open to plaintext recovery"
	WeakMD5       Reason = "rests on MD5"
	WeakTruncated Reason = "a MAC cut to 96 bits"
)

// WeakAlgorithms lists the weak ones of a server's offer, in its order. RSA with
// SHA-1 counts only where the server has no SHA-2 for the same key: beside it,
// it is there for old clients and chosen by nobody else.
func WeakAlgorithms(server *KEXINIT) []Weak {
	var out []Weak
	for _, kind := range []Kind{KindKEX, KindHostKey, KindCipher, KindMAC} {
		names := server.Offer(kind)
		for _, name := range names {
			why := weakness(kind, name)
			if name == ssh.KeyAlgoRSA && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "rsa-sha2-") }) {
				why = ""
			}
			if why != "" {
				out = append(out, Weak{kind, name, why})
			}
		}
	}
	return out
}

// weakness says what is weak about an algorithm; empty: nothing.
func weakness(kind Kind, name string) Reason {
	if name == "none" {
		return WeakNone
	}
	switch kind {
	case KindKEX:
		return weakKEX(name)
	case KindHostKey:
		switch {
		case strings.HasPrefix(name, "ssh-dss"), strings.HasSuffix(name, "-sign-dss"):
			return WeakDSA
		case name == ssh.KeyAlgoRSA, name == ssh.CertAlgoRSAv01, name == "x509v3-sign-rsa":
			return WeakSHA1
		}
	case KindCipher:
		switch {
		case strings.HasPrefix(name, "arcfour"):
			return WeakRC4
		case hasPrefix(name, "3des-", "des-", "blowfish-", "cast128-", "idea-"):
			return WeakBlock64
		case strings.HasSuffix(name, "-cbc"), strings.Contains(name, "-cbc@"):
			return WeakCBC
		}
	case KindMAC:
		switch {
		case strings.HasPrefix(name, "hmac-md5"):
			return WeakMD5
		case strings.HasSuffix(name, "-96"), strings.Contains(name, "-96-etm@"):
			return WeakTruncated
		}
	}
	return ""
}

func weakKEX(name string) Reason {
	switch {
	case strings.HasPrefix(name, "rsa1024-"):
		return WeakRSA1024
	case hasPrefix(name, "diffie-hellman-group1-", "gss-group1-"):
		return WeakGroup1
	case strings.HasSuffix(name, "-sha1"), strings.HasPrefix(name, "gss-") && strings.Contains(name, "-sha1-"):
		return WeakSHA1
	}
	return ""
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// PostQuantum lists the key exchanges that withstand a recording which somebody
// breaks with a quantum computer later: the hybrids with ML-KEM, NTRU Prime,
// Kyber and the like (draft-ietf-sshm-mlkem-hybrid-kex,
// draft-ietf-sshm-ntruprime-ssh).
func PostQuantum(server *KEXINIT) []string {
	return slices.DeleteFunc(server.KeyExchanges(), func(name string) bool {
		return !slices.ContainsFunc([]string{"mlkem", "sntrup", "kyber", "frodokem", "mceliece"}, func(part string) bool {
			return strings.Contains(name, part)
		})
	})
}

// Terrapin lists the ciphers with which a server is open to prefix truncation
// (CVE-2023-48795): ChaCha20-Poly1305, and CBC where an encrypt-then-MAC is
// offered too. nil: there are none, or the server knows strict key exchange,
// which protects it with every client that knows it as well.
func Terrapin(server *KEXINIT) []string {
	if slices.Contains(server.KEX, markerStrictServer) {
		return nil
	}
	etm := slices.ContainsFunc(server.Offer(KindMAC), func(name string) bool { return strings.Contains(name, "-etm@") })
	var out []string
	for _, name := range server.Offer(KindCipher) {
		cbc := strings.HasSuffix(name, "-cbc") || strings.Contains(name, "-cbc@")
		if strings.HasPrefix(name, "chacha20-poly1305") || cbc && etm {
			out = append(out, name)
		}
	}
	return out
}
