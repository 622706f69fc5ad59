package ftptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// certKnobs says what is wrong with the server's certificate. The zero value is
// a good one for localhost, 127.0.0.1 and ::1.
type certKnobs struct {
	expired, notYet, expiring bool
	wrongName                 bool
	selfSigned                bool
	unknownCA                 bool
	incomplete                bool
	weakKey                   bool
	manyNames                 bool
}

func (k *certKnobs) set(kinds []string) error {
	if len(kinds) == 0 {
		return fmt.Errorf("wants a kind")
	}
	for _, kind := range kinds {
		flag := map[string]*bool{
			"expired": &k.expired, "not-yet": &k.notYet, "expiring": &k.expiring, "wrong-name": &k.wrongName,
			"self-signed": &k.selfSigned, "unknown-ca": &k.unknownCA, "incomplete": &k.incomplete,
			"weak-key": &k.weakKey, "many-names": &k.manyNames,
		}[kind]
		if flag == nil {
			return fmt.Errorf("no kind %q", kind)
		}
		*flag = true
	}
	return nil
}

// authority is a certification authority: a root and the intermediate that issues.
type authority struct {
	root, inter       *x509.Certificate
	rootKey, interKey *ecdsa.PrivateKey
}

// The authorities are made once per process. Clients that use [Server.CertPool]
// trust the first.
var (
	trusted = sync.OnceValues(func() (*authority, error) { return newAuthority("ftptest Root CA") })
	unknown = sync.OnceValues(func() (*authority, error) { return newAuthority("Intranet Root CA") })
)

func newAuthority(name string) (*authority, error) {
	a := &authority{}
	var err error
	if a.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	if a.interKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject:   pkix.Name{CommonName: name},
			NotBefore: time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(10, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	root := ca(name)
	if a.root, err = sign(root, root, a.rootKey.Public(), a.rootKey); err != nil {
		return nil, err
	}
	a.inter, err = sign(ca(name+" Intermediate"), a.root, a.interKey.Public(), a.rootKey)
	return a, err
}

// sign issues a certificate under a random serial number.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// manyNames is how many names the certificate of that kind has: more than
// anybody should print, few enough for a TLS handshake message.
const manyNames = 10_000

// issue makes the server's certificate. aia is where the issuer's certificate
// is served; empty: nowhere.
func issue(k certKnobs, aia string) (*tls.Certificate, error) {
	key, err := newKey(k.weakKey)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "localhost"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(0, 0, 90),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if k.weakKey {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	switch {
	case k.expired:
		t.NotBefore, t.NotAfter = now.AddDate(0, 0, -97), now.AddDate(0, 0, -7)
	case k.notYet:
		t.NotBefore, t.NotAfter = now.AddDate(0, 0, 7), now.AddDate(0, 0, 97)
	case k.expiring:
		t.NotBefore, t.NotAfter = now.AddDate(0, 0, -85), now.AddDate(0, 0, 5)
	}
	if k.wrongName {
		t.Subject.CommonName, t.DNSNames, t.IPAddresses = "files.example.com", []string{"files.example.com"}, nil
	}
	if k.manyNames {
		for i := range manyNames {
			t.DNSNames = append(t.DNSNames, fmt.Sprintf("n%05d.example", i))
		}
	}
	if k.selfSigned {
		leaf, err := sign(t, t, key.Public(), key)
		if err != nil {
			return nil, err
		}
		return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
	}
	issuer := trusted
	if k.unknownCA {
		issuer = unknown
	}
	ca, err := issuer()
	if err != nil {
		return nil, err
	}
	if aia != "" {
		t.IssuingCertificateURL = []string{aia}
	}
	leaf, err := sign(t, ca.inter, key.Public(), ca.interKey)
	if err != nil {
		return nil, err
	}
	chain := [][]byte{leaf.Raw}
	if !k.incomplete {
		chain = append(chain, ca.inter.Raw)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}

func newKey(weak bool) (crypto.Signer, error) {
	if weak {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			return nil, fmt.Errorf("make key: %w", err)
		}
		return key, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}
