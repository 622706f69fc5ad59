package probe

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

const (
	authorityTimeout = 2 * time.Second
	maxAuthorities   = 2
)

// askAuthority asks the name servers of the zone itself, once the address that
// ours gave leads to no such service: a record that was changed lives on in
// caches and in forgotten copies of a zone.
func (r *run) askAuthority() {
	if r.asked == nil || r.stopped != "connect" && r.stopped != "greeting" {
		return
	}
	ctx := context.Background()
	w := r.root.Scope("authority")
	for _, server := range r.authorities(ctx, w) {
		a := r.ask(ctx, w.Scope(server.String()), server, r.asked.name)
		if len(a.addresses()) == 0 || overlap(a.addresses(), r.asked.addresses()) {
			continue
		}
		alive := r.greets(ctx, w, a.addresses())
		if alive == "" {
			continue
		}
		r.find(finding.New(finding.DNSWrongAddress, finding.Confirmed).With("resolver", r.asked.server.Addr().String()).With("other", alive).
			Saw("the answer of the name server of this machine", r.asked.String(), fromDNS).
			Saw("the answer of the zone's own name server", a.String(), fromDNS).
			Saw("the address of the other name server greets as a file server", alive, fromExperiment))
		return
	}
}

// authorities finds the name servers of the zone that holds the name.
func (r *run) authorities(ctx context.Context, w *observe.World) []netip.AddrPort {
	var out []netip.AddrPort
	for zone := r.asked.name; strings.Contains(zone, "."); _, zone, _ = strings.Cut(zone, ".") {
		ns := w.Ask(ctx, r.asked.server, observe.Question{Name: zone, Type: "NS"}, authorityTimeout)
		for _, rr := range ns.Answer {
			if rr.Type != "NS" || len(out) == maxAuthorities {
				continue
			}
			for _, a := range r.ask(ctx, w.Scope(rr.Data), r.asked.server, strings.TrimSuffix(strings.TrimSpace(rr.Data), ".")).v4.Addresses() {
				out = append(out, netip.AddrPortFrom(a, 53))
				break
			}
		}
		if len(out) > 0 || !ns.OK() {
			break
		}
	}
	return out
}
