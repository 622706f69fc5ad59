package probe

import (
	"context"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// hostKeyCheck compares the server's key with the known ones, before the user
// or a password is told to it.
var hostKeyCheck = &check{
	name: "host-key", layer: "ssh", asks: "is it the server that this machine knows",
	of:  []string{observe.SSH},
	run: func(_ context.Context, r *run) { r.judgeHostKey() },
}

func (r *run) judgeHostKey() {
	key, err := ssh.ParsePublicKey(r.ssh.start.HostKey)
	if err != nil { // of a type that the library does not know, which it never asks for
		r.find(finding.New(finding.SSHHostKeyUnknown, finding.Confirmed).
			Saw("the key that the server shows", err.Error(), fromSSH))
		return
	}
	shown := key.Type() + " " + sshwire.Fingerprint(key)
	v := sshwire.Lookup(r.ssh.known, r.target.Host, r.target.PortOr(), key)
	where := v.By.File + ":" + strconv.Itoa(v.By.Line)
	changed := func() *finding.Finding {
		return r.find(finding.New(finding.SSHHostKeyChanged, finding.Confirmed).Stop().With("file", v.By.File).With("line", strconv.Itoa(v.By.Line)).
			Saw("the key that the server shows", shown, fromSSH))
	}
	switch v.Status {
	case sshwire.HostKeyRevoked:
		changed().Saw("it is marked as revoked", where, fromThisMachine)
	case sshwire.HostKeyByAuthority:
		if why := r.badCertificate(key.(*ssh.Certificate)); why != "" {
			changed().Saw("its certificate is not good", why, fromSSH)
			return
		}
		r.facts.SSH["known_host"] = where
	case sshwire.HostKeyKnown:
		r.facts.SSH["known_host"] = where
	case sshwire.HostKeyChanged:
		what := "the key that is known for it"
		if !v.SameType {
			what = "keys of another type are known for it"
		}
		changed().Saw(what, where+": "+v.By.Type+" "+v.By.Fingerprint, fromThisMachine)
	default:
		f := finding.New(finding.SSHHostKeyUnknown, finding.Confirmed).Saw("the key that the server shows", shown, fromSSH)
		if cert, ok := key.(*ssh.Certificate); ok {
			f.Saw("the authority that signed it is not known", sshwire.Fingerprint(cert.SignatureKey), fromThisMachine)
		} else {
			f.Saw("entries for it in known_hosts", "0", fromThisMachine)
		}
		r.find(f)
	}
}

// badCertificate says what is wrong with a host certificate; empty: nothing.
func (r *run) badCertificate(cert *ssh.Certificate) string {
	if cert.CertType != ssh.HostCert {
		return finding.Say("no host certificate")
	}
	if !hostMatches(cert.ValidPrincipals, r.target.Host) {
		return finding.Say("it is for %s", strings.Join(cert.ValidPrincipals, ", "))
	}
	named := r.target.Host
	if len(cert.ValidPrincipals) > 0 {
		named = cert.ValidPrincipals[0] // whether it names the host was asked above, with wildcards
	}
	check := ssh.CertChecker{Clock: func() time.Time { return r.root.Started() }}
	if err := check.CheckCert(named, cert); err != nil {
		return err.Error()
	}
	return ""
}
