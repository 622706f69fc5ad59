package probe

import (
	"slices"
	"strings"

	"ftpdoctor/internal/sshwire"
)

// sshServer is what a server says in clear: its identification and its KEXINIT
// (RFC 4253 §4.2 and §7.1).
type sshServer struct {
	protocol string // 2.0, 1.99
	software string // OpenSSH_9.2p1
	comment  string // Debian-2+deb12u3
	complete bool   // the KEXINIT was read; the lists follow
	kex      []string
	hostKeys []string
	ciphers  []string // from the server to us
	macs     []string
}

// parseSSHServer reads what a server sent up to its KEXINIT.
func parseSSHServer(b []byte) sshServer {
	start := sshwire.ParseServerStart(b)
	s := sshServer{protocol: start.Ident.Protocol, software: start.Ident.Software, comment: start.Ident.Comments}
	if k := start.KEXINIT; k != nil {
		s.complete = true
		s.kex, s.hostKeys, s.ciphers, s.macs = k.KEX, k.HostKeys, k.CiphersS2C, k.MACsS2C
	}
	return s
}

// name is the software as people write it.
func (s sshServer) name() string {
	return strings.TrimSpace(strings.ReplaceAll(s.software, "_", " "))
}

// methods leaves out what stands in the list and is no method.
func methods(kex []string) []string {
	return (&sshwire.KEXINIT{KEX: kex}).KeyExchanges()
}

// sshClient is what a program offers by default.
type sshClient struct {
	called                       string
	common                       bool // many people use it today: a server without it has a fault
	kex, hostKeys, ciphers, macs []string
}

func list(s string) []string { return strings.Fields(s) }

const (
	rsaSHA2   = "rsa-sha2-512 rsa-sha2-256"
	ecdsaKeys = "ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
	ecdh      = "ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521"
	curve     = "curve25519-sha256 curve25519-sha256@libssh.org"
	ctr       = "aes128-ctr aes192-ctr aes256-ctr"
	gcm       = "aes128-gcm@openssh.com aes256-gcm@openssh.com"
	chacha    = "chacha20-poly1305@openssh.com"
	dhSHA2    = "diffie-hellman-group-exchange-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512 diffie-hellman-group14-sha256"
	macSHA2   = "hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-sha2-256 hmac-sha2-512"
)

// sshClients are the defaults of programs in use, from their sources and manuals.
var sshClients = []sshClient{
	{"OpenSSH 9.x, 10.x", true, list("mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com " + curve + " " + ecdh + " " + dhSHA2),
		list("ssh-ed25519 " + ecdsaKeys + " sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com " + rsaSHA2), list(chacha + " " + gcm + " " + ctr),
		list("umac-64-etm@openssh.com umac-128-etm@openssh.com hmac-sha1-etm@openssh.com umac-64@openssh.com umac-128@openssh.com hmac-sha1 " + macSHA2)},
	{"PuTTY 0.8x, WinSCP 6, FileZilla 3", true, list("mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com curve448-sha512 " + curve + " " + ecdh + " " + dhSHA2 + " diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha1"),
		list("ssh-ed25519 ssh-ed448 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa ssh-dss"), list(ctr + " aes256-cbc aes192-cbc aes128-cbc " + chacha + " " + gcm + " 3des-ctr 3des-cbc"),
		list(macSHA2 + " hmac-sha1 hmac-sha1-etm@openssh.com hmac-sha1-96 hmac-md5")},
	{"JSch (mwiede)", false, list("mlkem768x25519-sha256 sntrup761x25519-sha512 " + curve + " " + ecdh + " " + dhSHA2), list("ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2), list(ctr + " " + gcm),
		list(macSHA2 + " hmac-sha1-etm@openssh.com hmac-sha1")},
	{"paramiko 3", false, list(curve + " " + ecdh + " " + dhSHA2 + " diffie-hellman-group14-sha1 diffie-hellman-group1-sha1"), list("ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa"), list(ctr + " " + gcm + " aes128-cbc aes192-cbc aes256-cbc 3des-cbc"),
		list(macSHA2 + " hmac-sha1 hmac-md5 hmac-sha1-96")},
	{"libssh2 1.11 (curl, PHP)", false, list(curve + " " + ecdh + " " + dhSHA2 + " diffie-hellman-group14-sha1"), list("ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa"), list(gcm + " " + ctr + " " + chacha),
		list(macSHA2 + " hmac-sha1-etm@openssh.com hmac-sha1")},
	{"Go x/crypto (rclone, SFTPGo)", false, list("mlkem768x25519-sha256 " + curve + " " + ecdh + " diffie-hellman-group14-sha256 diffie-hellman-group14-sha1"), list("ssh-ed25519 " + ecdsaKeys + " " + rsaSHA2 + " ssh-rsa"), list(gcm + " " + chacha + " " + ctr),
		list(macSHA2 + " hmac-sha1 hmac-sha1-96")},
}

// without tells which of the lists has nothing in common with the client; empty: none.
func (c sshClient) without(s sshServer) string {
	in := func(ours, theirs []string) string {
		for _, a := range ours {
			if slices.Contains(theirs, a) {
				return a
			}
		}
		return ""
	}
	cipher := in(c.ciphers, s.ciphers)
	aead := strings.Contains(cipher, "gcm@") || strings.HasPrefix(cipher, "chacha20")
	switch {
	case in(c.kex, s.kex) == "":
		return listKex
	case in(c.hostKeys, s.hostKeys) == "":
		return listHostKey
	case cipher == "":
		return listCipher
	case !aead && in(c.macs, s.macs) == "":
		return listMAC
	}
	return ""
}

// The lists of a KEXINIT, as evidence names them.
const (
	listKex     = "key exchange"
	listHostKey = "host key"
	listCipher  = "cipher"
	listMAC     = "MAC"
)

// offer is the list of that name.
func (s sshServer) offer(name string) []string {
	return map[string][]string{listKex: methods(s.kex), listHostKey: s.hostKeys, listCipher: s.ciphers, listMAC: s.macs}[name]
}

func (c sshClient) offer(name string) []string {
	return map[string][]string{listKex: c.kex, listHostKey: c.hostKeys, listCipher: c.ciphers, listMAC: c.macs}[name]
}

// weak are the offers that clients of today refuse, or should.
func (s sshServer) weak() []string {
	var out []string
	add := func(all []string, bad func(string) bool) {
		for _, a := range all {
			if bad(a) && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	add(s.kex, func(a string) bool { return strings.HasSuffix(a, "-sha1") || strings.HasPrefix(a, "rsa1024") })
	add(s.hostKeys, func(a string) bool { return strings.HasPrefix(a, "ssh-dss") })
	add(s.ciphers, func(a string) bool {
		return strings.HasSuffix(a, "-cbc") || strings.Contains(a, "-cbc@") || strings.HasPrefix(a, "arcfour") || a == "none"
	})
	add(s.macs, func(a string) bool {
		return strings.HasPrefix(a, "hmac-md5") || strings.HasPrefix(a, "hmac-sha1-96") || strings.HasPrefix(a, "hmac-ripemd") || a == "none"
	})
	return out
}

// prefixTruncation tells whether the server is open to CVE-2023-48795 (Terrapin).
func (s sshServer) prefixTruncation() bool {
	etm := slices.ContainsFunc(s.macs, func(a string) bool { return strings.Contains(a, "-etm@") })
	cbc := slices.ContainsFunc(s.ciphers, func(a string) bool { return strings.HasSuffix(a, "-cbc") })
	return !slices.Contains(s.kex, "kex-strict-s-v00@openssh.com") && (slices.Contains(s.ciphers, chacha) || etm && cbc)
}

// postQuantum tells whether a hybrid key exchange is offered.
func (s sshServer) postQuantum() bool {
	return slices.ContainsFunc(s.kex, func(a string) bool {
		return strings.HasPrefix(a, "mlkem") || strings.HasPrefix(a, "sntrup") || strings.Contains(a, "kyber")
	})
}
