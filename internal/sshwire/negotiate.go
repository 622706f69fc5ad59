package sshwire

import (
	"slices"
	"strings"
)

// Kind is a list of a KEXINIT, both directions together.
type Kind string

// The kinds, in the order in which they are agreed on.
const (
	KindKEX         Kind = "key exchange"
	KindHostKey     Kind = "host key"
	KindCipher      Kind = "cipher"
	KindMAC         Kind = "MAC"
	KindCompression Kind = "compression"
)

// Offer gives the algorithms of a kind that the sender offers in either
// direction, in its order and without markers.
func (k *KEXINIT) Offer(kind Kind) []string {
	switch kind {
	case KindKEX:
		return k.KeyExchanges()
	case KindHostKey:
		return slices.Clone(k.HostKeys)
	case KindCipher:
		return union(k.CiphersC2S, k.CiphersS2C)
	case KindMAC:
		return union(k.MACsC2S, k.MACsS2C)
	default:
		return union(k.CompressionC2S, k.CompressionS2C)
	}
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Algorithms are what a client and a server agree on.
type Algorithms struct {
	KEX, HostKey                   string
	CipherC2S, CipherS2C           string
	MACC2S, MACS2C                 string // empty: the cipher authenticates by itself
	CompressionC2S, CompressionS2C string
}

// Negotiate agrees as RFC 4253 §7.1 says: the first name of the client's list
// that is on the server's. missing is the first kind that has none in common,
// and empty when all have. (The RFC's further condition, that a key exchange
// may ask for a host key that can encrypt, concerns none in use.)
func Negotiate(client, server *KEXINIT) (a Algorithms, missing Kind) {
	for _, step := range []struct {
		kind           Kind
		chosen         *string
		client, server []string
		needless       func() bool
	}{
		{KindKEX, &a.KEX, client.KeyExchanges(), server.KeyExchanges(), nil},
		{KindHostKey, &a.HostKey, client.HostKeys, server.HostKeys, nil},
		{KindCipher, &a.CipherC2S, client.CiphersC2S, server.CiphersC2S, nil},
		{KindCipher, &a.CipherS2C, client.CiphersS2C, server.CiphersS2C, nil},
		{KindMAC, &a.MACC2S, client.MACsC2S, server.MACsC2S, func() bool { return AEAD(a.CipherC2S) }},
		{KindMAC, &a.MACS2C, client.MACsS2C, server.MACsS2C, func() bool { return AEAD(a.CipherS2C) }},
		{KindCompression, &a.CompressionC2S, client.CompressionC2S, server.CompressionC2S, nil},
		{KindCompression, &a.CompressionS2C, client.CompressionS2C, server.CompressionS2C, nil},
	} {
		if step.needless != nil && step.needless() {
			continue
		}
		*step.chosen = firstCommon(step.client, step.server)
		if *step.chosen == "" {
			return a, step.kind
		}
	}
	return a, ""
}

func firstCommon(client, server []string) string {
	for _, name := range client {
		if slices.Contains(server, name) {
			return name
		}
	}
	return ""
}

// AEAD tells whether a cipher authenticates by itself, so that no MAC is agreed
// on (OpenSSH PROTOCOL §1.6, PROTOCOL.chacha20poly1305; RFC 5647).
func AEAD(cipher string) bool {
	return strings.HasPrefix(cipher, "aes") && strings.HasSuffix(cipher, "-gcm@openssh.com") ||
		strings.HasPrefix(cipher, "chacha20-poly1305") || strings.HasPrefix(cipher, "AEAD_")
}

// Broken is a client that can't agree with a server.
type Broken struct {
	Client       Client
	Kind         Kind // the first that has nothing in common
	ClientOffers []string
	ServerOffers []string
}

// WhoBreaks tells which of the Clients, with their defaults, get no connection.
func WhoBreaks(server *KEXINIT) []Broken {
	var out []Broken
	for _, c := range Clients {
		if _, kind := Negotiate(&c.Offer, server); kind != "" {
			out = append(out, Broken{Client: c, Kind: kind, ClientOffers: c.Offer.Offer(kind), ServerOffers: server.Offer(kind)})
		}
	}
	return out
}
