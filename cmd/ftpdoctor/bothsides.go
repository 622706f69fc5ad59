package main

import (
	"context"
	"net/netip"
	"slices"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/host"
	"ftpdoctor/internal/machine"
	"ftpdoctor/internal/observe"
)

// lookAtHost inspects the server's machine beside a check of the service on it,
// and makes one report of both. The way in is opened while the check runs; the
// inspection comes after it, since it needs what the check saw, and since the
// server's logs then speak of it too.
//
// A machine that can't be looked at makes the check neither better nor worse:
// the report says so.
func lookAtHost(ctx context.Context, t observe.Target, f *checkFlags, open func(context.Context) (*machine.Machine, error), check func() *finding.Report) *finding.Report {
	type opened struct {
		m   *machine.Machine
		err error
	}
	way := make(chan opened, 1)
	go func() {
		m, err := open(ctx)
		way <- opened{m, err}
	}()
	rep := check()
	o := <-way
	if o.err != nil {
		return withoutHost(rep, o.err)
	}
	defer func() { _ = o.m.Close() }() // nothing is lost with it
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	res, err := host.Inspect(ctx, o.m, ask(t, f, rep, o.m))
	if err != nil {
		return withoutHost(rep, err)
	}
	finding.AtHost(res.Checks, res.Findings)
	rep.NotAvailable = append(rep.NotAvailable, res.NotAvailable...)
	rep.Host = hostFacts(res, o.m)
	rep.Beside(res.Checks, res.Findings, res.RulesOut)
	return rep
}

// withoutHost says that the other side was not seen.
func withoutHost(rep *finding.Report, err error) *finding.Report {
	rep.Checks = append(rep.Checks, finding.Check{Name: "host-login", Layer: finding.HostLayer, Outcome: finding.Incomplete, Because: err.Error()})
	rep.Conclude()
	return rep
}

// ask is what a check wants to know of the machine behind it.
func ask(t observe.Target, f *checkFlags, rep *finding.Report, m *machine.Machine) host.Question {
	q := host.Question{
		Target: t.String(), Host: t.Host, Protocol: t.Protocol(), TLS: t.Scheme == "ftps" || t.Scheme == "ftpes",
		User: t.User, Path: t.Path, Upload: f.options.Op == "upload", Active: f.options.Active,
		Password: t.HasPass, Key: t.Protocol() == observe.SSH && f.hasKeys() && !slices.Equal(f.options.Identity, []string{"none"}),
	}
	if t.Protocol() == observe.Any {
		q.Protocol = ""
	} else {
		q.Port = uint16(t.PortOr()) //nolint:gosec // a port
	}
	from := m.From().Unmap()
	for _, text := range rep.Facts.Addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		if !q.ServerAddr.IsValid() {
			q.ServerAddr = a
		}
		if from.IsValid() && a.Unmap().Is4() == from.Is4() { // as that family sees us
			q.ServerAddr, q.Source = a, from
			break
		}
	}
	return q.After(rep)
}
