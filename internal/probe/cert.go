package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

const (
	expiringSoon = 14 * 24 * time.Hour
	minRSA       = 2048 // NIST SP 800-57 part 1, 112 bits of security
	minEC        = 224
	maxNamesSeen = 8
)

// inspectors are words in the issuer of certificates that products make which
// look into TLS.
var inspectors = regexp.MustCompile(`(?i)fortinet|fortigate|zscaler|sophos|kaspersky|avast|avg technologies|\beset\b|palo alto|blue ?coat|check ?point|watchguard|sonicwall|untangle|netskope|forcepoint|websense|barracuda|cisco umbrella|bitdefender|mitmproxy|charles proxy|fiddler|squid|sangfor|深信服|qianxin|360 ?secur|trend micro|mcafee|symantec web|smoothwall|lightspeed|contentkeeper|securly`)

// certificate judges the chain that the server sent.
func (r *run) certificate(ctx context.Context, st *observe.TLSState) {
	if len(st.Certs) == 0 {
		return // resumed: judged before
	}
	leaf, err := x509.ParseCertificate(st.Certs[0])
	v := r.w.Verify(ctx, st.Certs, observe.VerifyOptions{Name: r.target.Host, CAFile: r.options.CAFile, Fetch: true})
	if err != nil || v.Failure == observe.Malformed {
		r.find(finding.New(finding.TLSCertUntrusted, finding.Confirmed).Saw("the certificate can't be read", ownWords.Replace(v.Reason+v.Errno), fromControl))
		return
	}
	now := r.w.Now()
	c := chainView{run: r, leaf: leaf, sent: len(st.Certs), v: v, now: now}
	r.facts.TLS["subject"], r.facts.TLS["issuer"] = nameOf(leaf.Subject.String()), nameOf(leaf.Issuer.String())
	sum := sha256.Sum256(leaf.Raw)
	r.facts.TLS["names"], r.facts.TLS["sha256"] = c.names(), hex.EncodeToString(sum[:])
	r.facts.TLS["not_after"] = leaf.NotAfter.UTC().Format(time.RFC3339)
	r.facts.TLS["cert_days"] = int(leaf.NotAfter.Sub(now).Hours() / 24)
	c.dates()
	c.trust(st.Certs)
	c.name()
	c.strength(st.Certs)
	c.keepBack()
}

// chainView is what the judgements on a chain share.
type chainView struct {
	*run
	leaf *x509.Certificate
	sent int
	v    observe.Verified
	now  time.Time

	unproved *finding.Finding // why it is not proved whose server this is; nil: it is
}

func (c *chainView) about(d *finding.Def, conf finding.Confidence) *finding.Finding {
	return finding.New(d, conf).About(nameOf(c.leaf.Subject.String())).
		With("subject", c.names()).With("issuer", nameOf(c.leaf.Issuer.String())).With("date", dayOf(c.leaf.NotAfter)).
		Saw("the server's certificate", finding.Say("%s, issuer %s, %s to %s", c.names(), nameOf(c.leaf.Issuer.String()), dayOf(c.leaf.NotBefore), dayOf(c.leaf.NotAfter)), fromControl)
}

func (c *chainView) names() string {
	var all []string
	all = append(all, c.leaf.DNSNames...)
	for _, ip := range c.leaf.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return nameOf(c.leaf.Subject.CommonName)
	}
	s := strings.Join(all[:min(len(all), maxNamesSeen)], ", ")
	if len(all) > maxNamesSeen {
		s += fmt.Sprintf(" … (%d)", len(all))
	}
	return nameOf(s)
}

func nameOf(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

func (c *chainView) dates() {
	switch left := c.leaf.NotAfter.Sub(c.now); {
	case c.now.Before(c.leaf.NotBefore):
		c.find(c.about(finding.TLSCertNotYetValid, finding.Confirmed).With("date", dayOf(c.leaf.NotBefore)).
			Saw("the clock of this machine", c.now.UTC().Format(time.RFC3339), fromThisMachine))
	case left < 0:
		c.find(c.about(finding.TLSCertExpired, finding.Confirmed).With("days", fmt.Sprint(int(-left.Hours()/24))).
			Saw("the clock of this machine", c.now.UTC().Format(time.RFC3339), fromThisMachine))
	case c.v.IssuerExpired != "":
		c.find(c.about(finding.TLSCertExpired, finding.Confirmed).
			Saw("a further certificate of the chain has expired", nameOf(c.v.IssuerExpired), fromControl))
	case left < expiringSoon && c.leaf.NotAfter.Sub(c.leaf.NotBefore) > 2*expiringSoon:
		c.find(c.about(finding.TLSCertExpiring, finding.Confirmed).With("days", fmt.Sprint(int(left.Hours()/24))).
			Saw("the clock of this machine", c.now.UTC().Format(time.RFC3339), fromThisMachine))
	}
}

// trust tells apart why a chain ends in no root of this machine.
func (c *chainView) trust(sent []observe.Bytes) {
	if c.v.Trusted {
		return
	}
	issuer := c.leaf.Issuer.String()
	last, err := x509.ParseCertificate(sent[len(sent)-1])
	if err != nil {
		last = c.leaf
	}
	selfSigned := c.leaf.Subject.String() == issuer && c.sent == 1
	rootSent := last.Subject.String() == last.Issuer.String() && c.sent > 1
	reason := func(f *finding.Finding) *finding.Finding {
		return f.Saw("verified with the roots of this machine", ownWords.Replace(c.v.Reason), fromThisMachine).
			Saw("certificates sent", fmt.Sprint(c.sent), fromControl)
	}
	switch {
	case inspectors.MatchString(issuer) || inspectors.MatchString(last.Issuer.String()):
		c.unproved = c.find(reason(c.about(finding.TLSIntercepted, finding.Likely)))
	case c.v.Completed:
		c.find(reason(c.about(finding.TLSChainIncomplete, finding.Confirmed)).
			Saw("with the issuer's certificate fetched, the chain verifies", c.v.FetchedFrom, fromExperiment))
	case selfSigned:
		c.unproved = c.find(reason(c.about(finding.TLSCertSelfSigned, finding.Confirmed)))
	case rootSent:
		c.unproved = c.find(reason(c.about(finding.TLSCertUntrusted, finding.Confirmed)))
	default:
		// The issuer was not sent and is no root here: a missing intermediate,
		// or a private authority whose root this machine lacks.
		c.unproved = c.find(reason(c.notAnchored(last)).
			Or(finding.TLSChainIncomplete, "the server does not send the intermediate certificate").
			Or(finding.TLSCertUntrusted, "the authority is a private one whose root this machine does not have").
			DecideBy("on the server: does the certificate file hold the whole chain (openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs)"))
	}
}

var intermediateWords = regexp.MustCompile(`(?i)intermediate|issuing|subordinate|\bsub[- ]?ca\b|\b(R|E)\d+\b|\bG\d\b|\bCA ?\d`)

func (c *chainView) notAnchored(last *x509.Certificate) *finding.Finding {
	if len(last.IssuingCertificateURL) > 0 || intermediateWords.MatchString(last.Issuer.String()) {
		return c.about(finding.TLSChainIncomplete, finding.Likely)
	}
	return c.about(finding.TLSCertUntrusted, finding.Likely)
}

func (c *chainView) name() {
	if c.v.NameOK {
		return
	}
	f := c.about(finding.TLSCertNameMismatch, finding.Confirmed).With("name", c.target.Host).
		Saw("the name that was asked for", c.target.Host, fromThisMachine)
	if observe.IsAddress(c.target.Host) && c.opportunistic() {
		f.As(finding.Notice) // somebody who types an address does not expect its name in the certificate
	}
	if c.find(f); c.unproved == nil {
		c.unproved = f
	}
}

// keepBack ends the way before a password goes to a server of which it is not
// proved whose it is, where the user demands encryption. ftp:// takes what
// there is, and would send it in clear too.
func (c *chainView) keepBack() {
	if c.unproved == nil || c.opportunistic() || c.anonymous() || c.options.AllowUntrusted {
		return
	}
	c.unproved.Stop().Saw("the password was kept back", finding.Say("--allow-untrusted would send it all the same"), fromThisMachine)
}

func (c *chainView) strength(sent []observe.Bytes) {
	for i, raw := range sent {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			continue
		}
		if weak := weakKey(cert); weak != "" {
			c.find(c.about(finding.TLSCertWeakKey, finding.Confirmed).With("count", strings.Fields(weak)[1]).
				Saw("the key of a certificate of the chain", fmt.Sprintf("%s: %s", nameOf(cert.Subject.String()), weak), fromControl))
		}
		selfSigned := cert.Subject.String() == cert.Issuer.String()
		if weakSignature(cert) && !selfSigned {
			c.find(c.about(finding.TLSCertWeakSignature, finding.Confirmed).
				Saw("the signature of a certificate of the chain", fmt.Sprintf("%s: %s", nameOf(cert.Subject.String()), cert.SignatureAlgorithm), fromControl))
		}
		if i >= 4 {
			break
		}
	}
}

func weakKey(cert *x509.Certificate) string {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA {
			return fmt.Sprintf("RSA %d", n)
		}
	case *ecdsa.PublicKey:
		if n := k.Curve.Params().BitSize; n < minEC {
			return fmt.Sprintf("EC %d", n)
		}
	}
	return ""
}

func weakSignature(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}
