package probe

import (
	"maps"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// sshName is the software of an identification as people write it.
func sshName(id sshwire.Identification) string {
	return strings.TrimSpace(strings.ReplaceAll(id.Software, "_", " "))
}

// sshFacts is what a server says of itself in clear.
func sshFacts(s sshwire.Start) map[string]any {
	m := map[string]any{"software": strings.TrimSpace(s.Ident.Software + " " + s.Ident.Comments), "protocol": s.Ident.Protocol}
	if k := s.KEXINIT; k != nil {
		maps.Copy(m, map[string]any{
			"kex": k.KeyExchanges(), "host_keys": k.HostKeys, "ciphers": k.Offer(sshwire.KindCipher), "macs": k.Offer(sshwire.KindMAC),
			"compression": k.Offer(sshwire.KindCompression), "post_quantum": len(sshwire.PostQuantum(k)) > 0,
		})
	}
	return m
}

// breakage is which programs can't connect, by what that means.
type breakage struct {
	names     []string
	people    *sshwire.Broken // one that people log in with today: OpenSSH or PuTTY and its kin
	everybody bool            // none of those gets in
	library   bool            // the present version of a library does not
}

// clientFamily is what a program's versions have in common.
func clientFamily(c sshwire.Client) string {
	name, _, _ := strings.Cut(c.Name, " ")
	return name
}

func whoBreaks(k *sshwire.KEXINIT) (b breakage) {
	broken := sshwire.WhoBreaks(k)
	isBroken := func(c sshwire.Client) bool {
		return slices.ContainsFunc(broken, func(x sshwire.Broken) bool { return x.Client.Name == c.Name })
	}
	b.everybody = true
	for i, c := range sshwire.Clients {
		family := clientFamily(c)
		people := family == "OpenSSH" || family == "PuTTY"
		latest := i+1 == len(sshwire.Clients) || clientFamily(sshwire.Clients[i+1]) != family
		switch bad := isBroken(c); {
		case people && c.Common && !bad:
			b.everybody = false
		case !people && latest && bad:
			b.library = true
		}
	}
	for i, x := range broken {
		b.names = append(b.names, x.Client.Name)
		family := clientFamily(x.Client)
		if b.people == nil && x.Client.Common && (family == "OpenSSH" || family == "PuTTY") {
			b.people = &broken[i]
		}
	}
	return b
}

// judgeAlgorithms says who can't come in, and what nobody should use any more.
func (r *run) judgeAlgorithms(st observe.SSHStart) {
	k := r.ssh.server.KEXINIT
	if k == nil {
		return
	}
	b := whoBreaks(k)
	r.facts.SSH["who_breaks"] = b.names
	const (
		programs = "programs that can't connect"
		offers   = "what the server offers"
	)
	switch {
	case b.people != nil:
		server := strings.Join(b.people.ServerOffers, ", ")
		f := finding.New(finding.SSHNoCommonAlgorithm, finding.Confirmed).With("ciphers", server).
			Saw("the list without a common entry", finding.Say(string(b.people.Kind)), fromSSH).
			Saw(offers, server, fromSSH).
			Saw("what today's clients offer", b.people.Client.Name+": "+strings.Join(b.people.ClientOffers, ", "), fromManuals).
			Saw(programs, strings.Join(b.names, "; "), fromManuals)
		if !b.everybody {
			f.As(finding.Error)
		}
		r.find(f.Stop())
	case st.Failure == observe.NoCommon:
		r.partial = "this program has no algorithm in common with the server, and today's clients have"
		r.stopped = "ssh"
	case b.library:
		r.find(finding.New(finding.SSHNoCommonAlgorithm, finding.Confirmed).As(finding.Warning).
			Saw(programs, strings.Join(b.names, "; "), fromManuals))
	}
	r.judgeWeakness(k)
	if len(sshwire.PostQuantum(k)) == 0 {
		r.find(finding.New(finding.SSHNoPostQuantum, finding.Confirmed).
			Saw("key exchanges that the server offers", strings.Join(k.KeyExchanges(), ", "), fromSSH))
	}
}

func (r *run) judgeWeakness(k *sshwire.KEXINIT) {
	var names, why []string
	for _, w := range sshwire.WeakAlgorithms(k) {
		names = append(names, w.Name)
		why = append(why, w.Name+" ("+finding.Say(string(w.Why))+")")
	}
	cut := sshwire.Terrapin(k)
	if len(names)+len(cut) == 0 {
		return
	}
	f := finding.New(finding.SSHWeakAlgorithms, finding.Confirmed).With("ciphers", strings.Join(append(names, cut...), ", "))
	if len(why) > 0 {
		f.Saw("weak algorithms that the server offers", strings.Join(why, ", "), fromSSH)
	}
	if len(cut) > 0 {
		f.Saw("no strict key exchange: the beginning of a session can be cut (CVE-2023-48795)", strings.Join(cut, ", "), fromSSH)
	}
	r.find(f)
}
