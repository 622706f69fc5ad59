package probe

import (
	"context"
	"strconv"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// hostKeyCheck compares the server's key with the known ones, before the user
// or a password is told to it.
var hostKeyCheck = &check{
	name: "host-key", layer: "ssh", asks: "is it the server that this machine knows",
	of:  []string{observe.SSH},
	run: func(ctx context.Context, r *run) { r.judgeHostKey(ctx) },
}

func (r *run) judgeHostKey(ctx context.Context) {
	key := r.ssh.start.HostKey
	v := sshwire.Lookup(r.ssh.known, r.target.Host, r.target.PortOr(), key, r.root.Started())
	var f *finding.Finding
	switch v.Status {
	case sshwire.HostKeyKnown, sshwire.HostKeyByAuthority:
		r.facts.SSH["known_host"] = v.By.Where()
		return
	case sshwire.HostKeyUnknown:
		f = finding.New(finding.SSHHostKeyUnknown, finding.Confirmed)
	default:
		f = finding.New(finding.SSHHostKeyChanged, finding.Confirmed).Stop().With("file", v.By.File).With("line", strconv.Itoa(v.By.N))
	}
	f.Saw("the key that the server shows", sshwire.KeyType(key)+" "+sshwire.Fingerprint(key), fromSSH)
	known := v.By.Where() + ": " + v.By.Type + " " + v.By.Fingerprint
	switch {
	case v.Status == sshwire.HostKeyRevoked:
		f.Saw("it is marked as revoked", v.By.Where(), fromThisMachine)
	case v.Status == sshwire.HostKeyUnknown:
		f.Saw("entries for it in known_hosts", "0", fromThisMachine)
	case v.SameType:
		f.Saw("the key that is known for it", known, fromThisMachine)
	default:
		f.Saw("only a key of another type is known for it, which clients take for a change", known, fromThisMachine)
	}
	if v.BadCertificate != "" {
		why := finding.Say(string(v.BadCertificate))
		if v.BadDetail != "" {
			why += ": " + v.BadDetail
		}
		f.Saw("its certificate is not good", why, fromSSH)
	}
	for _, b := range v.Broken {
		f.Saw("a line for it that counts for nothing", b.Where()+": "+finding.Say(string(b.Why)), fromThisMachine)
	}
	r.fingerprintsInDNS(ctx, key, f)
	r.find(f)
}
