package probe

import (
	"context"
	"net/netip"
	"slices"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// maxOthers bounds how many further addresses are gone all the way: one more
// session each, after the first has ended.
const maxOthers = 2

// otherAddresses goes the same way by the other addresses that accept
// connections, those of the other family first. A name with several addresses
// is a server per address, or a firewall per family: what works by one and
// fails by another fails for the users whose programs take that other one.
//
// Only where all went well by the first: a login that was refused is not tried
// a second time.
func (r *run) otherAddresses(ctx context.Context) {
	if r.stopped != "" || len(r.accepting) < 2 || r.interrupted {
		return
	}
	for _, f := range r.findings {
		if f.Severity >= finding.Error {
			return
		}
	}
	first := r.accepting[0]
	others := slices.Clone(r.accepting[1:])
	slices.SortStableFunc(others, func(a, b netip.Addr) int { return rank(a.Is4() == first.Is4()) - rank(b.Is4() == first.Is4()) })
	others = others[:min(len(others), maxOthers)]
	w := r.root.Scope("others")
	reports := each(w, others, func(w *observe.World, a netip.Addr) *finding.Report { return r.wayBy(ctx, w, a) })
	for i, rep := range reports {
		if f := failedThere(rep); f != nil {
			f.Subject = others[i].String()
			r.findings = append(r.findings, f.As(min(f.Severity, finding.Error)).With("address", others[i].String()).With("family", family(others[i])).
				Saw("the address by which it fails", others[i].String(), fromExperiment).
				Saw("the same by way of another address", first.String()+": "+finding.Say("ok"), fromExperiment))
		}
	}
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// wayBy goes the way to one address only.
func (r *run) wayBy(ctx context.Context, w *observe.World, a netip.Addr) *finding.Report {
	o := r.options
	o.Op, o.Soak = "list", 0
	s := newRun(w, r.target, o)
	s.alone, s.links, s.addresses, s.facts.Addresses = true, r.links, []netip.Addr{a}, []string{a.String()}
	s.walk(ctx, slices.DeleteFunc(beyondTheHost(r.target.Protocol()), func(c *check) bool { return c == tlsDepthCheck || c == fileCheck }), nil)
	return s.conclude(ctx)
}

// failedThere is the root cause of a way that failed. That the connection was
// not accepted this time, or that a limit on sessions was met, is not said of
// the address.
func failedThere(rep *finding.Report) *finding.Finding {
	rc := rep.RootCause
	if rc == nil || rc.Confidence == finding.Possible {
		return nil
	}
	switch rc.Code {
	case finding.ServiceTooManyConnections.Code, finding.ServiceTooManyFromSource.Code, finding.ServiceTooManyForUser.Code, finding.AuthBanned.Code:
		return nil
	}
	i := slices.IndexFunc(rep.Findings, func(f *finding.Finding) bool { return f.Code == rc.Code && f.BecauseOf == "" })
	connected := slices.ContainsFunc(rep.Checks, func(c finding.Check) bool { return c.Name == connectCheck.name && c.Outcome == finding.Passed })
	if i < 0 || !connected {
		return nil
	}
	return rep.Findings[i]
}
