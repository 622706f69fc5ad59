package probe

import (
	"bytes"
	"context"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// hostKeyCheck compares the server's key with the known ones, before the user
// or a password is told to it.
var hostKeyCheck = &check{
	name: "host-key", layer: "ssh", asks: "is it the server that this machine knows",
	of:  []string{observe.SSH},
	run: func(_ context.Context, r *run) { r.judgeHostKey() },
}

func (r *run) judgeHostKey() {
	key := r.ssh.start.HostKey
	kind, print := keyKind(key), fingerprint(key)
	shown := kind + " " + print
	var other []knownHost
	for _, k := range r.ssh.known {
		if k.marker == "@revoked" && sameKey(k, key) {
			r.find(finding.New(finding.SSHHostKeyChanged, finding.Confirmed).Stop().With("file", k.file).With("line", strings.TrimPrefix(k.where(), k.file+":")).
				Saw("the key that the server shows", shown, fromSSH).
				Saw("it is marked as revoked", k.where(), fromThisMachine))
			return
		}
	}
	if strings.Contains(kind, "-cert-") {
		r.hostCertificate(key, shown)
		return
	}
	for _, k := range r.ssh.known {
		switch {
		case k.marker != "":
		case sameKey(k, key):
			r.facts.SSH["known_host"] = k.where()
			return
		default:
			other = append(other, k)
		}
	}
	for _, k := range other {
		if k.kind != kind {
			continue
		}
		r.find(finding.New(finding.SSHHostKeyChanged, finding.Confirmed).Stop().With("file", k.file).With("line", strings.TrimPrefix(k.where(), k.file+":")).
			Saw("the key that the server shows", shown, fromSSH).
			Saw("the key that is known for it", k.where()+": "+k.kind+" "+fingerprint(k.key), fromThisMachine))
		return
	}
	f := finding.New(finding.SSHHostKeyUnknown, finding.Confirmed).Saw("the key that the server shows", shown, fromSSH)
	if len(other) == 0 {
		f.Saw("entries for it in known_hosts", "0", fromThisMachine)
	}
	for _, k := range other {
		f.Saw("keys of another type are known for it", k.where()+": "+k.kind+" "+fingerprint(k.key), fromThisMachine)
	}
	r.find(f)
}

// hostCertificate asks whether an authority that is known signed the key, for
// this name and time.
func (r *run) hostCertificate(key observe.Bytes, shown string) {
	public, err := ssh.ParsePublicKey(key)
	cert, ok := public.(*ssh.Certificate)
	if err != nil || !ok {
		r.find(finding.New(finding.SSHHostKeyUnknown, finding.Confirmed).Saw("the key that the server shows", shown, fromSSH))
		return
	}
	plain := cert.Key.Marshal()
	for _, k := range r.ssh.known {
		if k.marker == "" && bytes.Equal(k.key, plain) {
			r.facts.SSH["known_host"] = k.where()
			return
		}
		if k.marker != "@cert-authority" || !bytes.Equal(k.key, cert.SignatureKey.Marshal()) {
			continue
		}
		why := r.badCertificate(cert)
		if why == "" {
			r.facts.SSH["known_host"] = k.where()
			return
		}
		r.find(finding.New(finding.SSHHostKeyChanged, finding.Confirmed).Stop().With("file", k.file).With("line", strings.TrimPrefix(k.where(), k.file+":")).
			Saw("the key that the server shows", shown, fromSSH).
			Saw("its certificate is not good", why, fromSSH))
		return
	}
	r.find(finding.New(finding.SSHHostKeyUnknown, finding.Confirmed).
		Saw("the key that the server shows", shown, fromSSH).
		Saw("the authority that signed it is not known", fingerprint(cert.SignatureKey.Marshal()), fromThisMachine))
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
