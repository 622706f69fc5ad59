package probe

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// fingerprintTimeout is short: most zones have no such records.
const fingerprintTimeout = time.Second

// fingerprintsInDNS adds what the zone says of a key that is not on record here
// (SSHFP, RFC 4255). It proves something only where the resolver vouches for
// the zone's signature (the AD bit, RFC 4035 §3.2.3).
func (r *run) fingerprintsInDNS(ctx context.Context, key []byte, f *finding.Finding) {
	if r.asked == nil {
		return
	}
	reply := r.w.Ask(ctx, r.asked.server, observe.Question{Name: r.asked.name, Type: "SSHFP", Validated: true}, fingerprintTimeout)
	verdict := compareSSHFP(reply.Answer, key)
	if verdict == "" {
		return
	}
	signed := "not authenticated by DNSSEC"
	if reply.Authenticated {
		signed = "authenticated by DNSSEC"
	}
	r.facts.SSH["sshfp"] = map[string]any{"matches": verdict == fingerprintMatches, "authenticated": reply.Authenticated}
	f.Saw("the fingerprint in DNS (SSHFP)", verdict+", "+signed, fromDNS)
	if verdict == fingerprintDiffers && f.Severity < finding.Warning {
		f.As(finding.Warning)
	}
}

const (
	fingerprintMatches = "matches"
	fingerprintDiffers = "another key"
)

// compareSSHFP compares a key with the records for its type; empty: there is no
// record for it that can be compared.
func compareSSHFP(records []observe.Record, key []byte) string {
	plain := sshwire.PlainKey(key)
	algorithm := ""
	switch kind := sshwire.KeyType(plain); {
	case kind == "ssh-rsa":
		algorithm = "1"
	case kind == "ssh-dss":
		algorithm = "2"
	case strings.HasPrefix(kind, "ecdsa-sha2-"):
		algorithm = "3" // RFC 6594
	case kind == "ssh-ed25519":
		algorithm = "4" // RFC 7479
	}
	verdict := ""
	for _, rr := range records {
		words := strings.Fields(rr.Data)
		if rr.Type != "SSHFP" || len(words) < 3 || words[0] != algorithm {
			continue
		}
		said, err := hex.DecodeString(strings.Join(words[2:], ""))
		if err != nil {
			continue
		}
		var sum []byte
		switch words[1] {
		case "1":
			s := sha1.Sum(plain)
			sum = s[:]
		case "2":
			s := sha256.Sum256(plain)
			sum = s[:]
		default:
			continue
		}
		if bytes.Equal(said, sum) {
			return fingerprintMatches
		}
		verdict = fingerprintDiffers
	}
	return verdict
}
