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
	"slices"
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
		if len(pairs) == 0 {
			continue
		}
		shown := p.served(s)
		shown.matched = p.shows(pairs, shown.print)
		stale := p.staleOf(pairs)
		for i, x := range pairs {
			p.certificate(s, x, shown, i == stale)
		}
	}
}

// shown is the certificate that a server shows.
type shown struct {
	print   string // SHA-256; empty: not known
	from    string // where it was seen
	matched bool   // it is one of those on disk
}

// shows tells whether one of the files holds the certificate.
func (p *part) shows(pairs []pair, print string) bool {
	for _, x := range pairs {
		if chain := parseCertificates(p.text(x.Cert)); len(chain) > 0 && printOfCert(chain[0]) == print {
			return true
		}
	}
	return false
}

// staleOf is the pair that the server would show if it had loaded the files:
// the one for the name that people use, else the first.
func (p *part) staleOf(pairs []pair) int {
	for i, x := range pairs {
		if chain := parseCertificates(p.text(x.Cert)); len(chain) > 0 && p.q.Host != "" && chain[0].VerifyHostname(p.q.Host) == nil {
			return i
		}
	}
	return 0
}

func printOfCert(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// certificate judges one pair of files against what the server shows; asked is
// set for the pair that it should show.
func (p *part) certificate(s *Server, x pair, seen shown, asked bool) {
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
	print := printOfCert(leaf)
	p.fact(func(f *Facts) {
		c := Certificate{File: x.Cert, Key: x.Key, Subject: leaf.Subject.String(), Names: leaf.DNSNames, NotAfter: leaf.NotAfter, SHA256: print}
		if asked {
			c.Served = seen.print
		}
		f.Certificates = append(f.Certificates, c)
	})
	p.keyFits(s, x, leaf)
	if asked && seen.print != "" && !seen.matched {
		p.findAt(finding.New(finding.ConfigNotLoaded, finding.Confirmed).As(finding.Error).About(s.Kind), s.port()).
			With("name", s.Kind).With("file", x.Cert).
			SawAt("SHA-256 of the certificate that is served", seen.print, seen.from).
			SawAt("SHA-256 of the certificate on disk", finding.Say("%s, valid until %s", print, stamp(leaf.NotAfter)), x.Cert)
		return // what is on disk is not what users meet
	}
	p.dates(s, x, leaf, asked)
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

// dates judges those of a certificate. One that is not for the name in question
// is no fault of what was asked.
func (p *part) dates(s *Server, x pair, leaf *x509.Certificate, asked bool) {
	now := p.clock().now
	if now.IsZero() {
		return
	}
	saw := func(f *finding.Finding) {
		if !asked {
			f.As(min(f.Severity, finding.Warning))
		}
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

// served is the certificate that the server shows: as the check saw it, else
// from a handshake on the machine itself.
func (p *part) served(s *Server) shown {
	if p.q.Certificate != "" && s.listensOn(p.q.Port) {
		return shown{print: strings.ToLower(strings.ReplaceAll(p.q.Certificate, ":", "")), from: "TLS"}
	}
	i := slices.IndexFunc(s.Listeners, func(x Listener) bool { return s.Family == FTP || s.Family == HTTP && (x.Port == 443 || x.Port == 8443) })
	if i < 0 || !s.running() {
		return shown{}
	}
	x := s.Listeners[i]
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
	if p.q.Host != "" {
		argv = append(argv, "-servername", p.q.Host)
	}
	if s.Family == FTP && x.Port != 990 && !s.settings.get("implicit_ssl").yes() {
		argv = append(argv, "-starttls", "ftp")
	}
	chain := parseCertificates(p.run(argv...).out)
	if len(chain) == 0 {
		return shown{}
	}
	return shown{print: printOfCert(chain[0]), from: strings.Join(argv, " ")}
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
