package host

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// certificatesSection reads the certificate files that the configuration names
// and compares them with what the server shows.
var certificatesSection = &section{name: "certificates", layer: "tls", run: certificates}

// soon is when a certificate that runs out becomes a warning.
const soon = 14 * 24 * time.Hour

func certificates(_ context.Context, p *part) {
	for _, s := range p.asked() {
		pairs := s.settings.pairs()
		served, from := "", ""
		if len(pairs) > 0 {
			served, from = p.served(s)
		}
		for i, x := range pairs {
			p.certificate(s, x, served, from, len(pairs) == 1 && i == 0)
		}
	}
}

// certificate judges one pair of files. served is the fingerprint of what the
// server shows; it can be compared only where there is one pair.
func (p *part) certificate(s *Server, x pair, served, from string, only bool) {
	text, err := p.read(x.Cert)
	if err != nil {
		p.unusable(s, x, x.Cert, err)
		return
	}
	chain := parseCertificates(text)
	if len(chain) == 0 {
		p.findAt(finding.New(finding.HostCertificateUnreadable, finding.Confirmed).About(s.Kind), s.port()).
			With("file", x.Cert).With("reply", finding.Say("no certificate in PEM form")).
			SawAt("the setting that names the file", x.Cert, x.Place).
			SawAt("the file holds no certificate in PEM form", x.Cert, x.Cert)
		return
	}
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	print := hex.EncodeToString(sum[:])
	p.fact(func(f *Facts) {
		f.Certificates = append(f.Certificates, Certificate{
			File: x.Cert, Key: x.Key, Subject: leaf.Subject.String(), Names: leaf.DNSNames, NotAfter: leaf.NotAfter, SHA256: print, Served: served,
		})
	})
	p.keyFits(s, x, leaf)
	if only && served != "" && served != print {
		p.findAt(finding.New(finding.ConfigNotLoaded, finding.Confirmed).As(finding.Error).About(s.Kind), s.port()).
			With("name", s.Kind).With("file", x.Cert).
			SawAt("SHA-256 of the certificate that is served", served, from).
			SawAt("SHA-256 of the certificate on disk", finding.Say("%s, valid until %s", print, stamp(leaf.NotAfter)), x.Cert)
		return // what is on disk is not what users meet
	}
	p.dates(s, x, leaf)
}

// unusable: a file that the configuration names can't be read.
func (p *part) unusable(s *Server, x pair, file string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		if !p.sys.Root {
			p.lacks("the certificate and key files (needs root)")
		}
		return
	}
	why := finding.Say("no such file")
	if to := p.link(file); to != "" {
		why = finding.Say("a link that leads to nothing: %s", to)
	}
	f := finding.New(finding.HostCertificateUnreadable, finding.Confirmed).About(s.Kind).With("file", file).With("reply", why).
		SawAt("the setting that names the file", file, x.Place).
		SawAt("the file is not there", why, file)
	if p.q.Login == Works {
		f.As(finding.Warning) // it works without: now, or until the next restart
	}
	p.findAt(f, s.port())
}

// keyFits checks that the key is readable and belongs to the certificate.
func (p *part) keyFits(s *Server, x pair, leaf *x509.Certificate) {
	text, err := p.read(x.Key)
	if err != nil {
		p.unusable(s, x, x.Key, err)
		return
	}
	key, why := parseKey(text)
	if key == nil && why == "" {
		return // encrypted, or of a kind that is not known here
	}
	fits := false
	if key != nil {
		if pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); ok {
			fits = pub.Equal(leaf.PublicKey)
		}
		why = finding.Say("the key does not belong to the certificate")
	}
	if fits {
		return
	}
	severity := finding.Critical
	if p.q.Login == Works {
		severity = finding.Warning
	}
	p.findAt(finding.New(finding.HostCertificateUnreadable, finding.Confirmed).As(severity).About(s.Kind), s.port()).
		With("file", x.Key).With("reply", why).
		SawAt("the setting that names the file", x.Cert, x.Place).
		SawAt("the key file can't be used with the certificate", why, x.Key)
}

func (p *part) dates(s *Server, x pair, leaf *x509.Certificate) {
	now := p.clock().now
	if now.IsZero() {
		return
	}
	saw := func(f *finding.Finding) {
		p.findAt(f.About(x.Cert), s.port()).With("file", x.Cert).With("date", leaf.NotAfter.UTC().Format(time.DateOnly)).
			With("subject", strings.Join(leaf.DNSNames, ", ")).
			SawAt("the certificate on disk", stamp(leaf.NotBefore)+" – "+stamp(leaf.NotAfter), x.Cert)
	}
	left := leaf.NotAfter.Sub(now)
	switch {
	case left < 0:
		saw(finding.New(finding.TLSCertExpired, finding.Confirmed).With("days", itoa(int(-left.Hours()/24))))
	case leaf.NotBefore.After(now):
		saw(finding.New(finding.TLSCertNotYetValid, finding.Confirmed))
	case left < soon:
		saw(finding.New(finding.TLSCertExpiring, finding.Confirmed).With("days", itoa(int(left.Hours()/24))))
	}
}

// served is the fingerprint of the certificate that the server shows: as the
// check saw it, else from a handshake on the machine itself.
func (p *part) served(s *Server) (print, from string) {
	if p.q.Certificate != "" && s.listensOn(p.q.Port) {
		return strings.ToLower(strings.ReplaceAll(p.q.Certificate, ":", "")), "TLS"
	}
	if s.Family != FTP || !s.running() || len(s.Listeners) == 0 {
		return "", ""
	}
	x := s.Listeners[0]
	host := x.Address.String()
	switch {
	case x.Address.IsUnspecified() && (x.Address.Is4() || x.Both):
		host = "127.0.0.1"
	case x.Address.IsUnspecified():
		host = "[::1]"
	case x.Address.Is6():
		host = "[" + host + "]"
	}
	argv := []string{"openssl", "s_client", "-connect", host + ":" + itoa(int(x.Port))}
	if x.Port != 990 && !s.settings.get("implicit_ssl").yes() {
		argv = append(argv, "-starttls", "ftp")
	}
	chain := parseCertificates(p.run(argv...).out)
	if len(chain) == 0 {
		return "", ""
	}
	sum := sha256.Sum256(chain[0].Raw)
	return hex.EncodeToString(sum[:]), path.Base(argv[0]) + " s_client -connect " + argv[3]
}

// maxChain bounds how many certificates of a file are read.
const maxChain = 32

// parseCertificates reads the certificates of a text that holds PEM blocks
// among others.
func parseCertificates(text string) []*x509.Certificate {
	var all []*x509.Certificate
	for rest := []byte(text); len(all) < maxChain; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" && b.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(b.Bytes); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// parseKey reads a private key. A nil key without a reason: one that can't be
// judged here, for it is encrypted or of another kind.
func parseKey(text string) (key crypto.Signer, why string) {
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return nil, finding.Say("no private key in PEM form")
		}
		if !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			continue
		}
		if b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" || bytes.Contains(b.Bytes, []byte("openssh-key")) {
			return nil, ""
		}
		var parsed any
		var err error
		switch b.Type {
		case "RSA PRIVATE KEY":
			parsed, err = x509.ParsePKCS1PrivateKey(b.Bytes)
		case "EC PRIVATE KEY":
			parsed, err = x509.ParseECPrivateKey(b.Bytes)
		default:
			parsed, err = x509.ParsePKCS8PrivateKey(b.Bytes)
		}
		if err != nil {
			return nil, ""
		}
		if s, ok := parsed.(crypto.Signer); ok {
			return s, ""
		}
		return nil, ""
	}
}
