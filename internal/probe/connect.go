package probe

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// connectCheck connects to every address of the target. When one fails, the
// experiments of silence.go and refused.go find out why.
var connectCheck = &check{
	name: "connect", layer: "net", asks: "does the port accept connections, at every address",
	of:  []string{observe.FTP, observe.SSH, observe.HTTP},
	run: connect,
}

const (
	quickDial = 1500 * time.Millisecond // one lost SYN is sent again after 1 s
	longDial  = 5 * time.Second         // three tries of the kernel; a router gives up on ARP after 3 s
)

// attempt is what came of one address.
type attempt struct {
	addr   netip.Addr
	conn   *observe.Conn
	dialed observe.Dialed
}

func connect(ctx context.Context, r *run) {
	port := uint16(r.target.PortOr())
	tries := each(r.w, r.addresses, func(w *observe.World, a netip.Addr) attempt {
		conn, d := w.Dial(ctx, netip.AddrPortFrom(a, port), observe.DialOptions{Timeout: quickDial})
		return attempt{a, conn, d}
	})
	var good, bad []attempt
	for _, t := range tries {
		r.dialed[t.addr] = t.dialed
		if t.conn != nil {
			good = append(good, t)
		} else {
			bad = append(bad, t)
		}
	}
	if len(good) == 0 {
		r.allFailed(ctx, bad)
		return
	}
	r.use(good[0])
	for _, t := range good {
		r.accepting = append(r.accepting, t.addr)
	}
	for _, t := range good[1:] {
		t.conn.ResetClose()
	}
	if len(bad) > 0 {
		r.someFailed(ctx, good, bad)
	}
	if d := good[0].dialed; d.Took >= time.Second && d.RTT < time.Second {
		r.suspectLoss = true
	}
}

// use takes a connection as the one that the checks behind go on with.
func (r *run) use(t attempt) {
	r.peer, r.conn = t.dialed.Remote, t.conn
	if r.target.Protocol() == observe.FTP {
		r.ctl = newControl(r.root.Scope("control"), t.conn)
	} else {
		r.goodbye = append(r.goodbye, t.conn.Close)
	}
	r.facts.Timings["connect_rtt"] = seconds(t.dialed.Took)
}

// allFailed: nothing accepts. The first address speaks for all, but a route
// or firewall fault of any family is looked for on each.
func (r *run) allFailed(ctx context.Context, bad []attempt) {
	for _, t := range bad {
		if f := r.local(t.dialed); f != nil {
			r.find(f.Stop())
			return
		}
	}
	first := bad[len(bad)-1] // IPv4 where there is one: most users have it
	port := int(first.dialed.Remote.Port())
	if first.dialed.Failure == observe.Refused && first.dialed.ICMP == nil {
		r.refused(ctx, first)
		return
	}
	// A second, patient try goes on beside the experiments: it catches loss,
	// and the ICMP that a router sends when nobody answers its ARP.
	var late attempt
	var cause *finding.Finding
	all(r.w.Scope("silent"), map[string]func(*observe.World){
		"patience": func(w *observe.World) {
			if first.dialed.Failure != observe.Timeout {
				return
			}
			late.conn, late.dialed = w.Dial(ctx, first.dialed.Remote, observe.DialOptions{Timeout: longDial})
		},
		"why": func(w *observe.World) { cause = r.explainSilence(ctx, w, first.addr, port, first.dialed.Step) },
	})
	switch {
	case late.conn != nil:
		r.use(late)
		r.suspectLoss = true
		return
	case late.dialed.ICMP != nil && (cause == nil || cause.Code == finding.NetHostDown.Code):
		if f := r.judgeICMP(first.addr, port, late.dialed.Step, nil); f != nil {
			cause = f
		}
	}
	r.find(cause.Stop())
}

// local names what this machine itself did to the attempt.
func (r *run) local(d observe.Dialed) *finding.Finding {
	own := d.ICMP != nil && (r.isOwn(d.ICMP.From) || d.ICMP.From.IsLoopback() || !d.ICMP.From.IsValid())
	switch {
	case d.Failure == observe.Denied, own && d.Took < 500*time.Millisecond && !d.ICMP.TimeExceeded():
		if way := r.w.Route(d.Remote.Addr()); !way.OK() && way.Failure != observe.NotSupported {
			return r.noWay(d.Remote.Addr(), way)
		}
		return finding.New(finding.ClientFirewall, finding.Confirmed).With("port", strconv.Itoa(int(d.Remote.Port()))).
			Saw("this machine's own answer to the attempt", orNone(d.Errno)+" "+told(d.Step), fromThisMachine)
	case d.Failure == observe.NetUnreach, d.Failure == observe.Invalid:
		way := r.w.Route(d.Remote.Addr())
		if way.Failure != observe.NotSupported && !way.OK() {
			return r.noWay(d.Remote.Addr(), way)
		}
		if d.Failure == observe.Invalid && d.ICMP == nil { // so Linux answers for a route of type blackhole
			return finding.New(finding.RouteBlackhole, finding.Likely).With("route", "blackhole").
				Saw("this machine's own answer to the attempt", orNone(d.Errno), fromThisMachine).
				Saw("the table has a way to the address: a rule that looks at the port decides otherwise (ip rule)", wayString(way), fromKernel)
		}
		if d.ICMP == nil {
			return finding.New(finding.RouteNoRoute, finding.Likely).Saw("this machine's own answer to the attempt", d.Errno, fromThisMachine)
		}
	}
	return nil
}

// someFailed: the check goes on by a good address, but users whose programs
// take the bad one wait or fail. Why it is bad is found out beside the way.
func (r *run) someFailed(ctx context.Context, good, bad []attempt) {
	for i, t := range bad {
		d := t.dialed
		sameFamily := false
		for _, g := range good {
			sameFamily = sameFamily || g.addr.Is4() == t.addr.Is4()
		}
		if d.Failure == observe.NetUnreach && d.ICMP == nil {
			continue // programs pass over it at once
		}
		r.beside("dead"+strconv.Itoa(i), func(w *observe.World) func() {
			again := d
			if d.Failure == observe.Timeout {
				var conn *observe.Conn
				if conn, again = w.Dial(ctx, d.Remote, observe.DialOptions{Timeout: longDial - quickDial}); conn != nil {
					conn.ResetClose()
				}
			}
			return func() { r.judgeDead(t, again, good, sameFamily) }
		})
	}
}

func (r *run) judgeDead(t attempt, again observe.Dialed, good []attempt, sameFamily bool) {
	if again.OK() {
		r.suspectLoss = true
		return
	}
	def := finding.DNSDeadAddress
	if !sameFamily {
		def = finding.NetIPv6Broken
		if t.addr.Is4() {
			def = finding.NetIPv4Broken
		}
	}
	if !sameFamily && again.Failure == observe.Refused && again.ICMP == nil {
		def = finding.ServiceWrongListenAddress // the machine answers, its program does not listen there
	}
	var goods []string
	for _, g := range good {
		goods = append(goods, g.addr.String())
	}
	conf := finding.Confirmed
	if def == finding.ServiceWrongListenAddress {
		conf = finding.Likely
	}
	r.find(finding.New(def, conf).As(finding.Error).With("address", t.addr.String()).With("other", strings.Join(goods, ", ")).With("family", family(t.addr)).
		Saw("connecting to this address", t.addr.String()+": "+told(again.Step), fromExperiment).
		Saw("connecting to the other addresses", strings.Join(goods, ", ")+": ok", fromExperiment))
}
