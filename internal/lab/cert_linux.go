package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// CertKnobs says what is wrong with a certificate. The zero value is a good one
// for [FTPName], issued by the lab's intermediate authority.
type CertKnobs struct {
	Names       []string      // DNS names; empty: FTPName
	NotBefore   time.Time     // zero: yesterday
	Lifetime    time.Duration // from NotBefore; 0: 90 days
	SelfSigned  bool
	NoChain     bool // the intermediate certificate is left out of the file
	UnknownRoot bool // issued by an authority that the client does not have
	Issuer      string
	RSA         int  // key size in bits; 0: ECDSA P-256
	SHA1        bool // signed with SHA-1; needs RSA
	Client      bool // for client authentication
}

// Cert is a certificate in PEM: Chain is what the server sends, Bundle is key
// and chain in one (as Pure-FTPd wants it).
type Cert struct {
	Chain, Key, Bundle string
	Issuers            string // Chain without the leaf
	Leaf               *x509.Certificate
}

// authority is the lab's root and intermediate.
type authority struct {
	root, inter       *x509.Certificate
	rootKey, interKey crypto.Signer
}

// issuers are made once per process: keys take time.
var (
	labAuthority     = sync.OnceValues(func() (*authority, error) { return newAuthority("Lab Root CA") })
	unknownAuthority = sync.OnceValues(func() (*authority, error) { return newAuthority("Intranet Root CA") })
)

func newAuthority(name string) (*authority, error) {
	a := &authority{}
	var err error
	if a.rootKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.interKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	ca := func(cn string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber:          serial(),
			Subject:               pkix.Name{CommonName: cn, Organization: []string{"Lab"}},
			NotBefore:             time.Now().Add(-30 * 24 * time.Hour),
			NotAfter:              time.Now().Add(3650 * 24 * time.Hour),
			IsCA:                  true,
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	root := ca(name)
	if a.root, _, err = sign(root, root, a.rootKey.Public(), a.rootKey); err != nil {
		return nil, err
	}
	a.inter, _, err = sign(ca(name+" Intermediate"), a.root, a.interKey.Public(), a.rootKey)
	return a, err
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // no randomness: nothing works
	}
	return n
}

func sign(tmpl, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, []byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	return c, der, err
}

// Cert issues a certificate.
func (n *Net) Cert(k CertKnobs) (*Cert, error) {
	source := labAuthority
	if k.UnknownRoot {
		source = unknownAuthority
	}
	a, err := source()
	if err == nil && k.Issuer != "" {
		a, err = newAuthority(k.Issuer)
	}
	if err != nil {
		return nil, err
	}
	var key crypto.Signer
	if k.RSA != 0 {
		key, err = rsa.GenerateKey(rand.Reader, k.RSA)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	if len(k.Names) == 0 {
		k.Names = []string{FTPName}
	}
	if k.NotBefore.IsZero() {
		k.NotBefore = time.Now().Add(-24 * time.Hour)
	}
	if k.Lifetime == 0 {
		k.Lifetime = 90 * 24 * time.Hour
	}
	usage := x509.ExtKeyUsageServerAuth
	if k.Client {
		usage = x509.ExtKeyUsageClientAuth
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: k.Names[0]},
		DNSNames:     k.Names,
		NotBefore:    k.NotBefore,
		NotAfter:     k.NotBefore.Add(k.Lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
	}
	parent, signer := a.inter, a.interKey
	var above [][]byte
	switch {
	case k.SelfSigned:
		parent, signer = tmpl, key
	case k.SHA1:
		// The authority's keys are ECDSA; an RSA intermediate signs with SHA-1.
		if parent, signer, err = rsaIntermediate(a); err != nil {
			return nil, err
		}
	}
	if !k.SelfSigned && !k.NoChain {
		above = append(above, parent.Raw)
	}
	if k.SHA1 {
		tmpl.SignatureAlgorithm = x509.SHA1WithRSA
	}
	leaf, der, err := sign(tmpl, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	c := &Cert{Leaf: leaf, Key: encode("PRIVATE KEY", keyDER)}
	for _, b := range above {
		c.Issuers += encode("CERTIFICATE", b)
	}
	c.Chain = encode("CERTIFICATE", der) + c.Issuers
	c.Bundle = c.Key + c.Chain
	return c, nil
}

func rsaIntermediate(a *authority) (*x509.Certificate, crypto.Signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	tmpl := *a.inter
	tmpl.Subject.CommonName = "Lab Old Intermediate"
	tmpl.SerialNumber = serial()
	tmpl.SignatureAlgorithm = 0
	tmpl.SubjectKeyId, tmpl.AuthorityKeyId = nil, nil
	tmpl.PublicKey, tmpl.PublicKeyAlgorithm = nil, 0
	c, _, err := sign(&tmpl, a.root, key.Public(), a.rootKey)
	return c, key, err
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// RootPEM is the lab's root, the only one that the client trusts.
func (n *Net) RootPEM() (string, error) {
	a, err := labAuthority()
	if err != nil {
		return "", err
	}
	return encode("CERTIFICATE", a.root.Raw), nil
}

// IntermediatePEM is the certificate that NoChain leaves out.
func (n *Net) IntermediatePEM() (string, error) {
	a, err := labAuthority()
	if err != nil {
		return "", err
	}
	return encode("CERTIFICATE", a.inter.Raw), nil
}

// writeTrust writes what SSL_CERT_FILE points to.
func (n *Net) writeTrust() error {
	root, err := n.RootPEM()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(n.dir, "ca.pem"), []byte(root), 0o644)
}

// InstallCert issues a certificate and writes it to the server:
// /etc/ssl/ftp.crt (chain), /etc/ssl/ftp.key, /etc/ssl/ftp.pem (both) and
// /etc/ssl/ftp.chain.crt (the chain without the leaf, may be empty).
func (n *Net) InstallCert(k CertKnobs) (*Cert, error) {
	c, err := n.Cert(k)
	if err != nil {
		return nil, err
	}
	for name, content := range map[string]string{
		"/etc/ssl/ftp.crt":       c.Chain,
		"/etc/ssl/ftp.key":       c.Key,
		"/etc/ssl/ftp.pem":       c.Bundle,
		"/etc/ssl/ftp.chain.crt": c.Issuers,
	} {
		if err := n.Server.WriteFile(name, content); err != nil {
			return nil, err
		}
	}
	return c, n.Server.Chmod("/etc/ssl/ftp.key", 0o600, -1)
}
