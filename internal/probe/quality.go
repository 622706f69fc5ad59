package probe

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

const (
	lossTries   = 20
	lossTimeout = 800 * time.Millisecond // shorter than the kernel's wait before it sends a SYN again
	minLost     = 2
	highLatency = 300 * time.Millisecond
)

// linkQuality reads what the kernel counted on the control connection. A
// single segment sent again may be chance; it is the reason to look closer.
func (r *run) linkQuality() {
	w := r.root.Scope("quality")
	d := r.ctl.conn.Dialed()
	if d.RTT >= highLatency {
		r.find(finding.New(finding.PerformanceHighLatency, finding.Confirmed).With("seconds", fmt.Sprintf("%.2f", d.RTT.Seconds())).
			Saw("round-trip time", observe.Human(d.RTT), fromControl))
	}
	again := r.ctl.conn.Counters().Retransmits
	if again == 0 && !r.suspectLoss || r.peer.Addr().IsLoopback() {
		return
	}
	lost, answered := r.countLost(w)
	if lost < minLost || answered == 0 {
		return
	}
	r.find(finding.New(finding.NetPacketLoss, finding.Confirmed).With("count", fmt.Sprintf("%d / %d", lost, lost+answered)).
		Saw("segments of the control connection that had to be sent again", fmt.Sprint(again), fromControl).
		Saw("attempts that got no answer, of all", fmt.Sprintf("%d / %d", lost, lost+answered), fromExperiment))
}

// countLost knocks at a closed port, or pings where that is silent.
func (r *run) countLost(w *observe.World) (lost, answered int) {
	ctx := context.Background()
	closed := each(w.Scope("closed"), make([]int, lossTries), func(w *observe.World, _ int) bool {
		conn, d := w.Dial(ctx, portOf(r.peer.Addr(), surelyClosed), observe.DialOptions{Timeout: lossTimeout})
		if conn != nil {
			conn.ResetClose()
		}
		return d.Failure != observe.Timeout
	})
	lost, answered = tally(closed)
	if answered > 0 {
		return lost, answered
	}
	return tally(each(w.Scope("ping"), make([]int, lossTries), func(w *observe.World, _ int) bool {
		return w.Ping(ctx, r.peer.Addr(), lossTimeout).OK()
	}))
}

func tally(answers []bool) (lost, answered int) {
	for _, a := range answers {
		if a {
			answered++
		} else {
			lost++
		}
	}
	return lost, answered
}

// duplicates asks, beside the way, whether two machines answer for an address
// on our own link: which of them we meet is chance.
func (r *run) duplicates(ctx context.Context) {
	for _, a := range r.addresses {
		if !a.Is4() || !r.sameNetwork(a) || r.isOwn(a) {
			continue
		}
		r.beside("duplicates", func(w *observe.World) func() {
			c := r.claims(ctx, w, a)
			return func() { r.judgeClaims(a, c) }
		})
		return
	}
}

func (r *run) judgeClaims(a netip.Addr, c observe.Claim) {
	if len(c.MACs) < 2 {
		return
	}
	for _, f := range r.findings {
		if f.Code == finding.RouteDuplicateAddress.Code {
			return
		}
	}
	r.find(finding.New(finding.RouteDuplicateAddress, finding.Confirmed).With("address", a.String()).With("mac", strings.Join(c.MACs, ", ")).
		Saw("machines that answer for the address", strings.Join(c.MACs, ", "), fromExperiment))
}
