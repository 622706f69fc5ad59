package probe

import (
	"context"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// activeWait bounds the wait for the server's connection: two lost SYNs.
const (
	activeWait  = 4 * time.Second
	activeReply = 2 * time.Second // for the reply after it
)

// activeWay has the server connect to a port of ours: EPRT over IPv6, PORT
// over IPv4, as clients do.
func activeWay(r *run) func(context.Context, *control, *observe.World) *dataConn {
	return func(ctx context.Context, c *control, w *observe.World) *dataConn {
		own := c.conn.Dialed().Local.Addr()
		l, s := w.Listen(ctx, own)
		if l == nil {
			return &dataConn{how: "active", badAddr: errNoListener, dialed: observe.Dialed{Step: s}}
		}
		d := &dataConn{how: "PORT", listener: l, announced: l.Addr}
		arg := ""
		if own.Is4() {
			arg = ftp.FormatPORT(l.Addr)
		} else {
			d.how, arg = "EPRT", ftp.FormatEPRT(l.Addr)
		}
		d.setup = c.say(ctx, d.how, arg)
		if d.setup.err != nil || !d.setup.reply.Completion() {
			l.Close()
			d.listener = nil
		}
		return d
	}
}

// active lists with the server connecting to us.
func (r *run) active(ctx context.Context) {
	o := r.listing(ctx, r.ctl, activeWay(r), dataOptions{})
	if o.ok() {
		r.dataWorks = activeWay(r)
		r.noteModes(o, outcome{})
		r.looked(o)
		return
	}
	own := r.ctl.conn.Dialed().Local.Addr()
	say := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		return finding.New(d, c).Stop().With("announced", o.announced.String()).With("reply", o.final.reply.String()).
			Saw("a listing in active mode", o.setup.String()+"; "+o.String(), fromData)
	}
	private := isPrivate(own) && !isPrivate(r.peer.Addr())
	switch {
	case o.refusedSetup() && private:
		r.find(say(finding.DataActivePrivateAddress, finding.Likely).With("reply", o.setup.reply.String()).
			Saw("the address that we name is private, and the server's is not", own.String()+" / "+r.peer.Addr().String(), fromThisMachine).
			Or(finding.DataActivePrivateAddress, "the server sees us under another address and refuses the one that we name").
			Or(finding.DataActiveRefused, "the server allows no active mode").
			DecideBy("try active mode from a machine on the server's network; or use passive mode"))
	case o.refusedSetup():
		r.find(say(finding.DataActiveRefused, finding.Confirmed).With("reply", o.setup.reply.String()))
	case !o.opened.OK() && private:
		r.find(say(finding.DataActiveBlocked, finding.Confirmed).
			Saw("the address that we name is private, and the server's is not", own.String()+" / "+r.peer.Addr().String(), fromThisMachine))
		r.find(finding.New(finding.DataActivePrivateAddress, finding.Possible).As(finding.Notice).With("announced", o.announced.String()).
			Saw("the address that we name is private, and the server's is not", own.String()+" / "+r.peer.Addr().String(), fromThisMachine))
	case !o.opened.OK():
		r.find(say(finding.DataActiveBlocked, finding.Confirmed))
	default:
		r.find(r.transferFailed(ctx, o).Stop().Saw("a listing in active mode", o.String(), fromData))
	}
}
