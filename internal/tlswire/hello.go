package tlswire

import (
	"cmp"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Hello is what a ClientHello offers. The zero value offers nothing; start from
// HelloFor, Modern, Legacy10 or PostQuantum.
type Hello struct {
	Version    uint16 // highest version offered, SSL30 to TLS13
	MinVersion uint16 // lowest in supported_versions when Version is TLS13; 0: only TLS13
	Ciphers    []uint16
	Groups     []uint16 // empty: no supported_groups extension
	SigAlgs    []uint16 // empty: no signature_algorithms extension; sent from TLS 1.2 on
	ServerName string   // empty or an IP literal: no SNI (RFC 6066 §3)
	// KeyShares names the groups to send real key shares for. Empty with TLS 1.3
	// asks the server to choose by HelloRetryRequest (RFC 8446 §4.2.8).
	KeyShares []uint16
	ALPN      []string // empty: no ALPN extension
	// SessionTicket is a ticket to resume with (RFC 5077 §3.2), up to TLS 1.2.
	// nil: no extension; empty but not nil: says only that tickets are welcome.
	SessionTicket []byte
	OCSP          bool // ask for a stapled OCSP response (RFC 6066 §8)
}

var (
	classicGroups = []uint16{GroupX25519, GroupP256, GroupP384, GroupP521, GroupX448}
	// enumerationGroups adds what only odd servers insist on. The ffdhe groups
	// stay out: a server that knows RFC 7919 would then hide the Diffie-Hellman
	// group that it gives to everybody else.
	enumerationGroups = append(slices.Clone(classicGroups), 26, 27, 28, 22, 21, 19)
	tls13Groups       = append(slices.Clone(classicGroups), 0x0100, 0x0101, 0x0102, 0x0103, 0x0104,
		GroupX25519MLKEM768, GroupSecP256r1MLKEM768, GroupSecP384r1MLKEM1024, 31, 32, 33, 41)

	modernSigAlgs = []uint16{
		0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
		0x0401, 0x0501, 0x0601,
	}
	// allSigAlgs adds SHA-224, SHA-1, DSA, MD5 and the newest, so that no
	// certificate is refused for its signature.
	allSigAlgs = append(slices.Clone(modernSigAlgs), 0x0303, 0x0301, 0x0203, 0x0201,
		0x0402, 0x0502, 0x0602, 0x0302, 0x0202, 0x0101, 0x081A, 0x081B, 0x081C, 0x0904, 0x0905, 0x0906, 0x0708)

	tls13Ciphers = []uint16{0x1302, 0x1303, 0x1301, 0x1304, 0x1305, 0x00C6, 0x00C7, 0x1306, 0x1307, 0xC0B4, 0xC0B5}
)

// HelloFor offers one version only, with every suite that a certificate or an
// anonymous exchange can serve in it, the strongest first and the anonymous
// ones last. To enumerate, remove the server's choice (Without) and ask again.
// Up to TLS 1.2 a ClientHello cannot exclude lower versions: compare
// Answer.Version. An unknown version gives a Hello that Marshal refuses.
func HelloFor(version uint16) Hello {
	h := Hello{Version: version}
	if version == TLS13 {
		h.Ciphers = slices.Clone(tls13Ciphers)
		h.Groups = slices.Clone(tls13Groups)
		h.SigAlgs = slices.Clone(allSigAlgs)
		h.KeyShares = []uint16{GroupX25519, GroupP256}
		return h
	}
	h.Ciphers = ciphersFor(version)
	if version >= TLS10 {
		h.Groups = slices.Clone(enumerationGroups)
		h.SessionTicket = []byte{}
		h.OCSP = true
	}
	if version >= TLS12 {
		h.SigAlgs = slices.Clone(allSigAlgs)
	}
	return h
}

// Modern offers what a present-day client does: TLS 1.2 and 1.3, forward
// secrecy first, a hybrid post-quantum and a classic key share. The list of
// suites is that of OpenSSL's defaults, on which most FTP clients stand.
func Modern() Hello {
	return Hello{
		Version: TLS13, MinVersion: TLS12,
		Ciphers: []uint16{
			0x1302, 0x1303, 0x1301,
			0xC02C, 0xC030, 0x009F, 0xCCA9, 0xCCA8, 0xCCAA, 0xC02B, 0xC02F, 0x009E,
			0xC024, 0xC028, 0x006B, 0xC023, 0xC027, 0x0067, 0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033,
			0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F,
		},
		Groups:        append([]uint16{GroupX25519MLKEM768}, classicGroups...),
		SigAlgs:       slices.Clone(modernSigAlgs),
		KeyShares:     []uint16{GroupX25519MLKEM768, GroupX25519},
		SessionTicket: []byte{},
		OCSP:          true,
	}
}

// PostQuantum offers TLS 1.3 with X25519MLKEM768 as the only key exchange
// (draft-ietf-tls-ecdhe-mlkem): a server that answers it is ready.
func PostQuantum() Hello {
	return Hello{
		Version: TLS13,
		Ciphers: []uint16{0x1302, 0x1303, 0x1301},
		Groups:  []uint16{GroupX25519MLKEM768}, KeyShares: []uint16{GroupX25519MLKEM768},
		SigAlgs: slices.Clone(modernSigAlgs),
	}
}

// Legacy10 offers what clients of the time before TLS 1.2 did: TLS 1.1 at most,
// CBC, 3DES and RC4.
func Legacy10() Hello {
	return Hello{
		Version: TLS11,
		Ciphers: []uint16{
			0xC00A, 0xC014, 0x0039, 0x0038, 0x0035, 0xC009, 0xC013, 0x0033, 0x0032, 0x002F,
			0xC008, 0xC012, 0x0016, 0x0013, 0x000A, 0xC007, 0xC011, 0x0005, 0x0004,
		},
		Groups:        []uint16{GroupP256, GroupP384, GroupP521},
		SessionTicket: []byte{},
	}
}

// Without returns a copy that does not offer these suites.
func (h Hello) Without(ciphers ...uint16) Hello {
	left := make([]uint16, 0, len(h.Ciphers))
	for _, c := range h.Ciphers {
		if !slices.Contains(ciphers, c) {
			left = append(left, c)
		}
	}
	h.Ciphers = left
	return h
}

// ciphersFor lists the suites to offer up to TLS 1.2, the likely ones first:
// some old servers read only the first 64, others fail beyond 128.
func ciphersFor(version uint16) []uint16 {
	var list []uint16
	for c, name := range cipherNames {
		if offerable(name) && minVersion(name) <= version {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b uint16) int {
		return cmp.Or(cmp.Compare(rank(cipherNames[a]), rank(cipherNames[b])), cmp.Compare(b, a))
	})
	return list
}

var offeredKeyExchanges = []string{
	"TLS_ECDHE_ECDSA_", "TLS_ECDHE_RSA_", "TLS_DHE_RSA_", "TLS_RSA_", "TLS_DHE_DSS_",
	"TLS_ECDH_anon_", "TLS_DH_anon_",
}

// rareBulk are bulk ciphers offered with RSA certificates only, to stay within
// the number of suites that old servers stand.
var rareBulk = []string{"_ARIA_", "_CAMELLIA_256_GCM", "_CAMELLIA_128_GCM", "_SEED_", "_CAMELLIA_128_CBC_SHA256", "_CAMELLIA_256_CBC_SHA384"}

func offerable(name string) bool {
	if strings.Contains(name, "PSK") || strings.Contains(name, "SCSV") {
		return false
	}
	if !slices.ContainsFunc(offeredKeyExchanges, func(kx string) bool { return strings.HasPrefix(name, kx) }) {
		return false
	}
	rare := slices.ContainsFunc(rareBulk, func(bulk string) bool { return strings.Contains(name, bulk) })
	return !rare || strings.Contains(name, "_RSA_WITH_")
}

// minVersion is the first version in which a suite makes sense: AEAD and SHA-2
// came with TLS 1.2 (RFC 5246 §5), elliptic curves need TLS extensions (RFC 8422).
func minVersion(name string) uint16 {
	switch {
	case strings.HasSuffix(name, "_SHA256"), strings.HasSuffix(name, "_SHA384"), strings.Contains(name, "_CCM"):
		return TLS12
	case strings.HasPrefix(name, "TLS_EC"):
		return TLS10
	default:
		return SSL30
	}
}

// bulkOrder ranks bulk ciphers; what no entry matches comes between.
var bulkOrder = []string{
	"_AES_256_GCM", "_CHACHA20", "_AES_128_GCM", "_AES_256_CBC", "_AES_128_CBC", "_3DES_", "_RC4_128_",
	"_AES_256_CCM", "_AES_128_CCM", "_CAMELLIA_", "_ARIA_", "_SEED_", "_IDEA_", "_DES_CBC_SHA", "_EXPORT", "_NULL_",
}

func rank(name string) int {
	bulk := slices.IndexFunc(bulkOrder, func(part string) bool { return strings.Contains(name, part) })
	if strings.Contains(name, "_EXPORT") {
		bulk = slices.Index(bulkOrder, "_EXPORT")
	}
	kx := slices.IndexFunc(offeredKeyExchanges, func(p string) bool { return strings.HasPrefix(name, p) })
	if strings.Contains(name, "_anon_") {
		bulk += len(bulkOrder)
	}
	return bulk*len(offeredKeyExchanges) + kx
}

// Marshal returns the ClientHello in one record, or in several when it is longer
// than a record may be. Each call draws new randomness and new key shares.
func (h Hello) Marshal() ([]byte, error) {
	if h.Version < SSL30 || h.Version > TLS13 {
		return nil, fmt.Errorf("marshal ClientHello: cannot offer %s", VersionName(h.Version))
	}
	if len(h.Ciphers) == 0 {
		return nil, fmt.Errorf("marshal ClientHello: no cipher suites offered")
	}
	message, err := h.message()
	if err != nil {
		return nil, fmt.Errorf("marshal ClientHello: %w", err)
	}
	// The record version of a first hello is low for servers that are picky about
	// it (RFC 8446 §5.1, RFC 5246 §E.1).
	recordVersion := min(h.Version, TLS10)
	var records cryptobyte.Builder
	for part := range slices.Chunk(message, maxPlaintext) {
		records.AddUint8(recordHandshake)
		records.AddUint16(recordVersion)
		records.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(part) })
	}
	return records.Bytes()
}

// message builds the handshake message, RFC 8446 §4.1.2.
func (h Hello) message() ([]byte, error) {
	random := make([]byte, 64)
	rand.Read(random) // never fails: crypto/rand crashes the program instead
	// TLS 1.3 sends a session ID for the sake of boxes on the way (RFC 8446 §D.4);
	// a ticket needs one so that resumption can be recognised (RFC 5077 §3.4).
	sessionID := random[32:32]
	if h.Version == TLS13 || len(h.SessionTicket) > 0 {
		sessionID = random[32:]
	}
	ciphers := h.Ciphers
	if h.Version == SSL30 && !slices.Contains(ciphers, renegotiationSCSV) {
		ciphers = append(slices.Clone(ciphers), renegotiationSCSV)
	}
	var extensions []byte
	if h.Version > SSL30 { // SSLv3 servers may stumble over extensions
		var err error
		if extensions, err = h.extensions(); err != nil {
			return nil, err
		}
	}
	// Some boxes hang on hellos of 256 to 511 bytes: RFC 7685 pads past them.
	const fixedLen = 4 + 2 + 32 + 1 + 2 + 2 + 2
	length := fixedLen + len(sessionID) + 2*len(ciphers) + len(extensions)
	if len(extensions) > 0 && length > 255 && length < 512 {
		padding := make([]byte, max(512-length-4, 1))
		extensions = append(extensions, 0, extPadding, byte(len(padding)>>8), byte(len(padding)))
		extensions = append(extensions, padding...)
	}

	var b cryptobyte.Builder
	b.AddUint8(msgClientHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(min(h.Version, TLS12)) // legacy_version
		b.AddBytes(random[:32])
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(sessionID) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addUint16s(b, ciphers) })
		b.AddBytes([]byte{1, 0}) // no compression
		if len(extensions) > 0 {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(extensions) })
		}
	})
	return b.Bytes()
}

func addUint16s(b *cryptobyte.Builder, list []uint16) {
	for _, v := range list {
		b.AddUint16(v)
	}
}

func (h Hello) extensions() ([]byte, error) {
	var b cryptobyte.Builder
	add := func(id uint16, body func(b *cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(body)
	}
	list16 := func(list []uint16) func(b *cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addUint16s(b, list) })
		}
	}
	if name := sniName(h.ServerName); name != "" {
		add(extServerName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0) // host_name
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
			})
		})
	}
	old := h.Version < TLS13 || (h.MinVersion != 0 && h.MinVersion < TLS13)
	if old {
		add(extExtendedMasterSecret, func(*cryptobyte.Builder) {})
	}
	if h.OCSP {
		add(extStatusRequest, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0, 0, 0, 0}) })
	}
	if len(h.Groups) > 0 {
		add(extSupportedGroups, list16(h.Groups))
		if old {
			add(extECPointFormats, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) }) // uncompressed
		}
	}
	if old && h.SessionTicket != nil {
		add(extSessionTicket, func(b *cryptobyte.Builder) { b.AddBytes(h.SessionTicket) })
	}
	if len(h.ALPN) > 0 {
		add(extALPN, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, protocol := range h.ALPN {
					b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(protocol)) })
				}
			})
		})
	}
	if len(h.SigAlgs) > 0 && h.Version >= TLS12 {
		add(extSignatureAlgorithms, list16(h.SigAlgs))
	}
	if old { // an empty list of one byte: first handshake (RFC 5746 §3.4)
		add(extRenegotiationInfo, func(b *cryptobyte.Builder) { b.AddUint8(0) })
	}
	if h.Version == TLS13 {
		shares, err := keyShares(h.KeyShares)
		if err != nil {
			return nil, err
		}
		add(extKeyShare, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(shares) })
		})
		add(extPSKModes, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 1}) }) // psk_dhe_ke
		add(extSupportedVersions, func(b *cryptobyte.Builder) {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
				lowest := h.MinVersion
				if lowest == 0 {
					lowest = TLS13
				}
				for v := TLS13; v >= max(lowest, SSL30); v-- {
					b.AddUint16(v)
				}
			})
		})
	}
	return b.Bytes()
}

// sniName returns the name to send: no IP literals, no root dot (RFC 6066 §3).
func sniName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ""
	}
	return name
}

// keyShares returns the KeyShareEntry list (RFC 8446 §4.2.8). The private halves
// are dropped: no handshake gets as far as to need them.
func keyShares(groups []uint16) ([]byte, error) {
	var b cryptobyte.Builder
	for _, group := range groups {
		share, err := keyShare(group)
		if err != nil {
			return nil, fmt.Errorf("key share for %s: %w", GroupName(group), err)
		}
		b.AddUint16(group)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
	}
	return b.Bytes()
}

func keyShare(group uint16) ([]byte, error) {
	switch group {
	case GroupX25519:
		return ecdhShare(ecdh.X25519())
	case GroupP256:
		return ecdhShare(ecdh.P256())
	case GroupP384:
		return ecdhShare(ecdh.P384())
	case GroupP521:
		return ecdhShare(ecdh.P521())
	case GroupX25519MLKEM768: // the only hybrid with ML-KEM first
		classic, err := ecdhShare(ecdh.X25519())
		if err != nil {
			return nil, err
		}
		key, err := mlkem.GenerateKey768()
		if err != nil {
			return nil, err
		}
		return append(key.EncapsulationKey().Bytes(), classic...), nil
	case GroupSecP256r1MLKEM768:
		classic, err := ecdhShare(ecdh.P256())
		if err != nil {
			return nil, err
		}
		key, err := mlkem.GenerateKey768()
		if err != nil {
			return nil, err
		}
		return append(classic, key.EncapsulationKey().Bytes()...), nil
	case GroupSecP384r1MLKEM1024:
		classic, err := ecdhShare(ecdh.P384())
		if err != nil {
			return nil, err
		}
		key, err := mlkem.GenerateKey1024()
		if err != nil {
			return nil, err
		}
		return append(classic, key.EncapsulationKey().Bytes()...), nil
	default:
		return nil, fmt.Errorf("no implementation")
	}
}

func ecdhShare(curve ecdh.Curve) ([]byte, error) {
	key, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}
