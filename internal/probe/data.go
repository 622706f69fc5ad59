package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// dataCheck opens data connections in every way that clients use and lists a
// directory over each: a way that this check does not need may be the only one
// that a user's client has.
var dataCheck = &check{
	name: "data", layer: "data", asks: "can data connections be opened, in every way that clients use",
	of:  []string{observe.FTP},
	run: data,
}

const (
	dataDial     = 2 * time.Second
	dataPause    = 3 * time.Second
	dataTotal    = 15 * time.Second
	listHead     = 1 << 20
	listLimit    = 16 << 20
	announceDial = 1500 * time.Millisecond
	stalledReply = 500 * time.Millisecond
)

// dataConn is a data connection being opened.
type dataConn struct {
	how       string // EPSV, PASV, EPRT, PORT
	setup     exchange
	announced netip.AddrPort // what the server named; EPSV: with the peer's address
	badAddr   error          // why its answer could not be read
	conn      *observe.Conn
	dialed    observe.Dialed
	listener  *observe.Listener // active mode: the connection comes later
}

// dataOptions say what differs from the usual.
type dataOptions struct {
	noResume bool // do not offer the control connection's TLS session
	mss      int
	verb     string // LIST where empty
	arg      string
	send     []byte // upload
	limit    int64
}

// outcome is a transfer, step by step; what was not reached is zero.
type outcome struct {
	dataConn
	opened  observe.Step // of the data connection
	prelim  exchange
	tls     *observe.TLSState
	drained observe.Drained
	sent    observe.Sent
	options dataOptions
	final   exchange
}

// stalled: bytes stopped moving on an open data connection.
func (o outcome) stalled() bool {
	return o.drained.Failure == observe.Timeout || o.sent.Failure == observe.Timeout ||
		o.tls != nil && o.tls.Failure == observe.Timeout ||
		o.options.send != nil && o.sent.OK() && o.prelim.reply.Preliminary() && o.final.failure() == observe.Timeout
}

func (o outcome) ok() bool {
	return o.final.err == nil && o.final.reply.Completion() && o.opened.OK() && o.drained.OK() && o.sent.OK()
}

func (o outcome) String() string {
	switch {
	case o.setup.err != nil || o.setup.verb != "" && !o.setup.reply.Completion():
		return o.setup.String()
	case o.badAddr != nil:
		return o.setup.String() + ": " + o.badAddr.Error()
	case !o.opened.OK():
		s := o.how
		if o.announced.IsValid() {
			s += " " + o.announced.String()
		}
		return s + ": " + told(o.opened)
	case o.prelim.err != nil || o.prelim.reply.Code >= 400:
		return o.how + ", " + o.prelim.String()
	case o.tls != nil && !o.tls.OK():
		return o.how + ", TLS: " + describeState(*o.tls) + ", " + o.final.String()
	case !o.drained.OK():
		return finding.Say("%s, %s bytes, then %s", o.how, fmt.Sprint(o.drained.N), told(o.drained.Step))
	case !o.sent.OK():
		return finding.Say("%s, %s bytes sent, then %s, %s", o.how, fmt.Sprint(o.sent.N), told(o.sent.Step), o.final.String())
	default:
		return o.how + ", " + o.final.String()
	}
}

func data(ctx context.Context, r *run) {
	if r.ctl.tls != nil {
		r.protect(ctx, r.ctl)
		if !r.ctl.prot {
			r.find(finding.New(finding.TLSDataProtectionRefused, finding.Confirmed).With("reply", r.facts.Data["prot"].(string)).
				Saw("the answer to PROT P", r.facts.Data["prot"].(string), fromControl))
		}
	}
	r.ctl.say(ctx, "TYPE", "A")
	if d := r.directory(); d != "" {
		if x := r.ctl.say(ctx, "CWD", d); x.err == nil && x.reply.Permanent() {
			r.find(r.noDirectory(ctx, x, d).Stop())
			return
		}
	}
	if r.options.Active {
		r.active(ctx)
		return
	}
	r.passive(ctx)
}

// protect asks for encrypted data connections (RFC 4217 §8, §9).
func (r *run) protect(ctx context.Context, c *control) {
	c.say(ctx, "PBSZ", "0")
	x := c.say(ctx, "PROT", "P")
	c.prot = x.err == nil && x.reply.Completion()
	if c == r.ctl {
		r.facts.Data = map[string]any{"prot": x.String()}
	}
}

// epsvWay opens by EPSV (RFC 2428): the server names a port only.
func epsvWay(r *run) func(context.Context, *control, *observe.World) *dataConn {
	return r.passiveWay("EPSV", func(d *dataConn) {
		port, err := ftp.ParseEPSV(d.setup.reply.Text())
		d.announced, d.badAddr = netip.AddrPortFrom(r.peer.Addr(), port), err
	})
}

// pasvWay opens by PASV at the control peer's address, as most clients do when
// the server names another; what a client that believes the server would meet
// is [run.judgeAnnounced]'s to find out.
func pasvWay(r *run) func(context.Context, *control, *observe.World) *dataConn {
	return r.passiveWay("PASV", func(d *dataConn) {
		d.announced, d.badAddr = ftp.ParsePASV(d.setup.reply.All())
	})
}

func (r *run) passiveWay(verb string, parse func(*dataConn)) func(context.Context, *control, *observe.World) *dataConn {
	return func(ctx context.Context, c *control, w *observe.World) *dataConn {
		d := &dataConn{how: verb, setup: c.say(ctx, verb, "")}
		if d.setup.err != nil || !d.setup.reply.Completion() {
			return d
		}
		if parse(d); d.badAddr != nil || d.announced.Port() == 0 {
			if d.badAddr == nil {
				d.badAddr = ftp.ErrRange
			}
			return d
		}
		d.conn, d.dialed = w.Dial(ctx, netip.AddrPortFrom(r.peer.Addr(), d.announced.Port()), observe.DialOptions{Timeout: dataDial, MSS: c.mss})
		r.sawPort(d.announced.Port())
		return d
	}
}

func (r *run) sawPort(p uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts.Data == nil {
		r.facts.Data = map[string]any{}
	}
	ports, _ := r.facts.Data["passive_ports"].([]int)
	r.facts.Data["passive_ports"] = append(ports, int(p))
}

// listing makes one transfer by a way of opening data connections.
func (r *run) listing(ctx context.Context, c *control, way func(context.Context, *control, *observe.World) *dataConn, o dataOptions) outcome {
	c.dialed++
	c.mss = o.mss
	d := way(ctx, c, c.w.Scope("data"+strconv.Itoa(c.dialed)))
	out := outcome{dataConn: *d, options: o}
	if d.setup.err != nil || d.setup.verb != "" && !d.setup.reply.Completion() || d.badAddr != nil {
		out.opened.Failure = observe.Absent
		return out
	}
	if out.opened = d.dialed.Step; d.listener == nil && d.conn == nil {
		return out
	}
	defer func() {
		if d.conn != nil {
			d.conn.Close()
		}
		if d.listener != nil {
			d.listener.Close()
		}
	}()
	verb := o.verb
	if verb == "" {
		verb = "LIST"
	}
	if d.listener != nil {
		// The server connects when it has the command; its reply may come
		// before or after.
		if line, err := ftp.FormatCommand(verb, o.arg); err == nil {
			c.conn.SetTimeout(replyTimeout)
			_, _ = c.conn.Write(line)
		}
		d.conn, d.dialed = d.listener.Accept(ctx, activeWait)
		out.dialed, out.opened = d.dialed, d.dialed.Step
		out.prelim = c.read(ctx, activeReply)
		out.prelim.verb = verb
	} else {
		out.prelim = c.sayWithin(ctx, verb, o.arg, replyTimeout)
	}
	if out.prelim.err != nil || out.prelim.reply.Code >= 400 || d.conn == nil {
		out.final = out.prelim
		return out
	}
	r.transfer(ctx, c, d.conn, o, &out)
	if out.prelim.reply.Preliminary() {
		wait := replyTimeout
		if out.stalled() {
			wait = stalledReply // the server does not know yet
		}
		out.final = c.read(ctx, wait)
		out.final.verb = verb
	} else {
		out.final = out.prelim
	}
	return out
}

// transfer moves the bytes of one data connection.
func (r *run) transfer(ctx context.Context, c *control, conn *observe.Conn, o dataOptions, out *outcome) {
	conn.Bind(ctx)
	conn.SetTimeout(dataPause)
	if c.prot {
		opt := observe.TLSOptions{ServerName: r.target.Host, Max: c.maxTLS, Timeout: replyTimeout, Resume: c.conn}
		if o.noResume {
			opt.Resume = nil
		}
		st := conn.Handshake(ctx, opt)
		out.tls = &st
		if !st.OK() {
			out.drained.Step = st.Step
			conn.Close()
			return
		}
	}
	if o.send != nil {
		out.sent = conn.Send(o.send, dataTotal)
	} else {
		limit := o.limit
		if limit == 0 {
			limit = listLimit
		}
		out.drained = conn.Drain(listHead, limit, dataTotal)
	}
	conn.Close()
}

// passive lists by EPSV and by PASV and judges both together.
func (r *run) passive(ctx context.Context) {
	epsv := r.listing(ctx, r.ctl, epsvWay(r), dataOptions{})
	var pasv outcome
	if epsv.stalled() && epsv.opened.OK() {
		r.nothingPassive(ctx, epsv, pasv)
		return
	}
	v4 := r.peer.Addr().Is4()
	if r.ctl.dead || epsv.unfinished() {
		r.renew(ctx)
	}
	if v4 && r.ctl != nil && !r.ctl.dead {
		pasv = r.listing(ctx, r.ctl, pasvWay(r), dataOptions{})
	}
	r.noteModes(epsv, pasv)
	if pasv.announced.IsValid() || pasv.badAddr != nil {
		r.judgeAnnounced(ctx, pasv)
	}
	switch {
	case epsv.ok():
		r.dataWorks = epsvWay(r)
		r.looked(epsv)
		if v4 && !pasv.ok() && pasv.badAddr == nil {
			r.judgePASVAlone(pasv)
		}
	case pasv.ok():
		r.dataWorks = pasvWay(r)
		r.looked(pasv)
		if epsv.setup.err != nil || epsv.setup.reply.Completion() {
			r.find(finding.New(finding.DataEPSVBroken, finding.Confirmed).With("reply", epsv.setup.reply.String()).
				Saw("a listing by EPSV", epsv.String(), fromData).Saw("a listing by PASV", pasv.String(), fromData))
		}
	default:
		r.nothingPassive(ctx, epsv, pasv)
	}
	if r.ctl.dead && r.dataWorks != nil {
		r.renew(ctx)
	}
}

// unfinished: the server still waits for a data connection that will not come,
// and would answer the next command late.
func (o outcome) unfinished() bool {
	return o.final.failure() == observe.Timeout || o.setup.failure() == observe.Timeout
}

// renew replaces a control connection that died by one that is where it was.
func (r *run) renew(ctx context.Context) {
	r.ctl.drop()
	r.renewals++
	if r.renewals > maxRenewals {
		return
	}
	w := r.root.Scope("control" + strconv.Itoa(r.renewals+1))
	c := r.session(ctx, w)
	if c == nil || !r.enter(ctx, c) {
		if c != nil {
			c.drop()
		}
		return
	}
	r.changeDirectory(ctx, c)
	r.ctl = c
}

const maxRenewals = 3

func (r *run) noteModes(epsv, pasv outcome) {
	if r.facts.Data == nil {
		r.facts.Data = map[string]any{}
	}
	var works []string
	for _, o := range []outcome{epsv, pasv} {
		if o.ok() {
			works = append(works, o.how)
		}
	}
	r.facts.Data["works"] = works
	if epsv.tls != nil && epsv.tls.OK() {
		r.facts.Data["tls_resumed"] = epsv.tls.Resumed
	}
	delete(r.facts.Data, "prot")
}

// judgePASVAlone: EPSV works and PASV does not.
func (r *run) judgePASVAlone(pasv outcome) {
	f := finding.New(finding.DataPASVBroken, finding.Confirmed).With("reply", pasv.setup.reply.String()).
		Saw("a listing by EPSV", "ok", fromData).Saw("a listing by PASV", pasv.String(), fromData)
	for _, other := range r.findings {
		if other.Code.Layer() == "data" { // the address that PASV names is judged already
			return
		}
	}
	r.find(f)
}

// judgeAnnounced looks at the address that PASV names with the eyes of a
// client that believes it.
func (r *run) judgeAnnounced(ctx context.Context, pasv outcome) {
	a, peer := pasv.announced, r.peer.Addr()
	reply := pasv.setup.reply.String()
	say := func(d *finding.Def, c finding.Confidence) *finding.Finding {
		f := finding.New(d, c).With("reply", reply).With("peer", peer.String()).
			Saw("the answer to PASV", reply, fromControl).
			Saw("address of the control connection's peer", peer.String(), fromControl)
		if a.IsValid() {
			f.With("announced", a.String())
		}
		return f
	}
	if pasv.badAddr != nil {
		r.find(say(finding.DataPassiveBadAddress, finding.Confirmed).Saw("what breaks the protocol", pasv.badAddr.Error(), fromControl))
		return
	}
	if a.Addr() == peer {
		return
	}
	if a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().IsLoopback() && !peer.IsLoopback() || a.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		r.find(say(finding.DataPassiveBadAddress, finding.Confirmed).Saw("the same port at the peer's address", pasv.String(), fromExperiment))
		return
	}
	if r.isOwn(a.Addr()) && peer.IsLoopback() {
		return // a server on this machine that names the machine's address
	}
	tried := finding.Say("not tried: the check of a server on this machine does not leave it")
	if !peer.IsLoopback() {
		// The experiment: only a connection, nothing is sent.
		conn, d := r.w.Scope("announced").Dial(ctx, a, observe.DialOptions{Timeout: announceDial})
		if conn != nil {
			conn.ResetClose()
			if !pasv.ok() || !isPrivate(a.Addr()) || isPrivate(peer) {
				return // a server with several addresses
			}
		}
		tried = told(d.Step)
	}
	def := finding.DataPassiveWrongAddress
	if isPrivate(a.Addr()) && (!isPrivate(peer) || !r.sameNetwork(a.Addr())) {
		def = finding.DataPassivePrivateAddress
	}
	conf := finding.Likely
	if pasv.ok() {
		conf = finding.Confirmed
	}
	r.find(say(def, conf).
		Saw("connecting to the address that PASV names", a.String()+": "+tried, fromExperiment).
		Saw("the same port at the peer's address", pasv.String(), fromExperiment))
}

// nothingPassive: no listing worked.
func (r *run) nothingPassive(ctx context.Context, epsv, pasv outcome) {
	evidence := func(f *finding.Finding) *finding.Finding {
		f.Stop().Saw("a listing by EPSV", epsv.String(), fromData)
		if pasv.how != "" {
			f.Saw("a listing by PASV", pasv.String(), fromData)
		}
		return f
	}
	best := epsv
	if pasv.how != "" && (!epsv.opened.OK() || epsv.setup.reply.Code >= 500) {
		best = pasv
	}
	if epsv.refusedSetup() && (pasv.how == "" || pasv.refusedSetup()) {
		r.find(evidence(r.setupRefused(best, pasv.how == "")))
		return
	}
	if best.setup.failure() == observe.Timeout {
		r.find(evidence(finding.New(finding.ServiceHung, finding.Likely).
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")))
		return
	}
	if best.setup.err != nil {
		r.find(evidence(finding.New(finding.ServiceAborts, finding.Likely).With("reply", best.setup.String()).
			Or(finding.ServiceAborts, "the server ended the session").
			Or(finding.NetInspectionReset, "a box on the way ends the session").
			DecideBy("on the server: read the log of the moment (journalctl, /var/log)")))
		return
	}
	if !best.opened.OK() && best.badAddr == nil {
		r.find(evidence(r.portsClosed(ctx, epsv, pasv)))
		return
	}
	r.find(evidence(r.transferFailed(ctx, best)))
}

func (o outcome) refusedSetup() bool {
	return o.setup.verb != "" && o.setup.err == nil && o.setup.reply.Code >= 400
}

func (r *run) setupRefused(o outcome, v6 bool) *finding.Finding {
	text := o.setup.reply.String()
	def := match(dataSayings, text)
	switch {
	case def != nil:
	case match(serverSayings, text) != nil && (o.setup.reply.Code == 421 || o.setup.reply.Code == 500):
		def = match(serverSayings, text)
	case o.setup.reply.Code == 421 || o.setup.reply.Code == 425 || o.setup.reply.Code == 451:
		def = finding.DataPortsExhausted
	case v6: // there is no PASV over IPv6
		def = finding.DataEPSVUnsupported
	default:
		def = finding.DataPassiveDisabled
	}
	return finding.New(def, finding.Confirmed).With("reply", text)
}

// portsClosed: the ports that the server named can't be reached.
func (r *run) portsClosed(ctx context.Context, epsv, pasv outcome) *finding.Finding {
	var ports []string
	var last outcome
	for _, o := range []outcome{epsv, pasv} {
		if o.announced.IsValid() && !o.opened.OK() {
			ports = append(ports, strconv.Itoa(int(o.announced.Port())))
			last = o
		}
	}
	f := finding.New(finding.DataPassiveFiltered, finding.Confirmed).With("range", joinPorts(ports)).
		Saw("the control port of the same host", "ok", fromControl)
	var data, reference []observe.Dialed
	var plain *outcome
	all(r.w.Scope("closed"), map[string]func(*observe.World){
		"data":      func(w *observe.World) { data = sweep(ctx, w, r.peer.Addr(), int(last.announced.Port())) },
		"reference": func(w *observe.World) { reference = sweep(ctx, w, r.peer.Addr(), int(r.peer.Port())) },
		"plain":     func(w *observe.World) { plain = r.plainListing(ctx, w) },
	})
	if plain != nil && plain.ok() {
		return finding.New(finding.DataHelperMissing, finding.Confirmed).
			Saw("the same without TLS", plain.String(), fromExperiment)
	}
	if hop := dropper(data, reference); hop != "" {
		f.With("hop", hop).Saw("routers that answered packets of growing TTL", describeSweep(data), fromExperiment).
			Saw("packets to another port get further", describeSweep(reference), fromExperiment)
	}
	f.Or(finding.DataPassiveFiltered, "a packet filter does not let the passive ports in")
	if r.ctl.tls != nil && plain == nil {
		f.Or(finding.DataHelperMissing, "a firewall opens these ports only when it can read the control connection, and TLS hides it")
	} else if r.peer.Port() != 21 {
		f.Or(finding.DataHelperMissing, "a firewall opens these ports only for control connections on port 21")
	}
	if last.dialed.Failure == observe.Refused {
		f.Or(finding.DataSourceMismatch, "the server closes the port before we come")
	}
	if len(f.Candidates) > 1 {
		f.Confidence = finding.Likely
	}
	return f.DecideBy("on the server: list its passive range and its packet filter; on each firewall on the way: is the range let through")
}

// plainListing does the same without TLS, where nothing secret would cross in
// clear: as anonymous, or with consent.
func (r *run) plainListing(ctx context.Context, w *observe.World) *outcome {
	if r.ctl.tls == nil || r.target.Scheme == "ftps" || !r.anonymous() && !r.options.AllowClearText {
		return nil
	}
	c := r.session(ctx, w)
	if c == nil {
		return nil
	}
	defer c.quit()
	user, pass := r.credentials()
	if x := c.say(ctx, "USER", user); x.err != nil || !x.reply.Intermediate() {
		return nil
	}
	if x := c.say(ctx, "PASS", pass); x.err != nil || !x.reply.Completion() {
		return nil
	}
	o := r.listing(ctx, c, epsvWay(r), dataOptions{})
	return &o
}

func joinPorts(p []string) string {
	switch len(p) {
	case 0:
		return ""
	case 1:
		return p[0]
	default:
		return p[0] + ", " + p[1]
	}
}

// transferFailed: the connection opened, and the transfer did not work.
func (r *run) transferFailed(ctx context.Context, o outcome) *finding.Finding {
	text := o.final.reply.String()
	if def := match(dataSayings, text); def != nil {
		return finding.New(def, finding.Confirmed).With("reply", text)
	}
	if def := match(serverSayings, text); def != nil && (o.final.reply.Code == 421 || o.final.reply.Code == 500) {
		return finding.New(def, finding.Confirmed).With("reply", text)
	}
	if def := match(fileSayings, text); def != nil && o.final.reply.Permanent() && (o.tls == nil || o.tls.OK()) {
		return finding.New(def, finding.Confirmed).With("reply", text)
	}
	if o.stalled() {
		return r.judgeStall(ctx, o)
	}
	if o.drained.OK() && o.drained.N > 0 && o.final.err != nil {
		return r.controlLost(ctx, o)
	}
	switch {
	case o.tls != nil && !o.tls.OK():
		if o.final.reply.Code == 522 || o.final.reply.Code == 425 && o.tls.Failure != observe.Alert && !o.tls.Resumed {
			return finding.New(finding.TLSDataSessionReuseRequired, finding.Likely).With("reply", text)
		}
		return finding.New(finding.TLSDataHandshakeFailed, finding.Confirmed).With("reply", text)
	case o.final.reply.Code == 522 || o.final.reply.Code == 521 || o.final.reply.Code == 536:
		return finding.New(finding.TLSDataProtectionRefused, finding.Likely).With("reply", text)
	case o.final.reply.Code == 425:
		return finding.New(finding.DataSourceMismatch, finding.Likely).With("reply", text).
			Or(finding.DataSourceMismatch, "the server does not take the data connection for ours").
			Or(finding.DataPassiveFiltered, "a box on the way accepted the data connection in the server's name").
			DecideBy("on the server: does the data connection arrive (ss -tn), and from which address")
	case o.final.failure() == observe.Timeout:
		return finding.New(finding.DataStalled, finding.Likely).With("bytes", fmt.Sprint(o.drained.N)).
			Saw("no reply after the data connection", o.final.String(), fromControl).
			Or(finding.DataStalled, "the server's process for this session died").
			Or(finding.DataPassiveFiltered, "a box on the way accepted the data connection in the server's name").
			DecideBy("on the server: does the data connection arrive (ss -tn), and from which address")
	case o.final.err != nil:
		return finding.New(finding.ServiceAborts, finding.Likely).With("reply", o.final.String())
	case o.drained.Failure == observe.Reset:
		return finding.New(finding.DataStalled, finding.Likely).With("bytes", fmt.Sprint(o.drained.N))
	}
	return finding.New(finding.FilePermissionDenied, finding.Possible).As(finding.Error).With("reply", text)
}

// judgeStall makes the same transfer with small segments: if that goes
// through, large packets are what gets lost.
func (r *run) judgeStall(ctx context.Context, o outcome) *finding.Finding {
	if small := r.againSmall(ctx, o.options); small.ok() {
		return finding.New(finding.RouteMTUBlackhole, finding.Confirmed).With("mss", fmt.Sprint(smallMSS)).
			Saw("the same transfer with small segments", small.String(), fromExperiment)
	}
	r.exclude(finding.RouteMTUBlackhole, "with small segments the transfer stalls as well")
	return finding.New(finding.DataStalled, finding.Confirmed).With("bytes", fmt.Sprint(o.drained.N+o.sent.N)).With("seconds", fmt.Sprint(int(dataPause.Seconds())))
}

// controlLost: all bytes came, and the control connection did not live to tell.
func (r *run) controlLost(ctx context.Context, o outcome) *finding.Finding {
	fresh := r.secondGreeting(ctx, quickGreeting)
	f := finding.New(finding.NetIdleTimeout, finding.Likely).With("seconds", fmt.Sprintf("%.0f", o.drained.Took.Seconds())).
		Saw("the data connection", finding.Say("%s bytes in %s", fmt.Sprint(o.drained.N), observe.Human(o.drained.Took)), fromData).
		Saw("the control connection after it", o.final.String(), fromControl).
		Saw("a new connection at that moment", fresh.String(), fromExperiment)
	if fresh.err != nil || o.drained.Took < time.Second {
		f.Or(finding.NetIdleTimeout, "a box on the way forgets the control connection while it is idle").
			Or(finding.ServiceAborts, "the server's process for this session died").
			DecideBy("transfer a small file: if its end is confirmed, it is the idle time; on the server: read the log")
	}
	return f
}

// againSmall makes a transfer again, on a session of its own with small
// segments everywhere. An upload goes to a name of its own, and is removed.
func (r *run) againSmall(ctx context.Context, o dataOptions) outcome {
	w := r.w.Scope("small")
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial, MSS: smallMSS})
	if !d.OK() {
		return outcome{opened: d.Step}
	}
	c := r.sessionOn(ctx, w, conn)
	if c == nil || !r.enter(ctx, c) {
		conn.Close()
		return outcome{opened: observe.Step{Failure: observe.Closed}}
	}
	defer c.quit()
	if dir := r.directory(); dir != "" {
		c.say(ctx, "CWD", dir)
	}
	o.mss = smallMSS
	if o.verb != "" && o.verb != "LIST" {
		c.say(ctx, "TYPE", "I")
	}
	if o.send != nil {
		o.arg += "-2"
		defer func() { c.say(ctx, "DELE", o.arg) }()
	}
	return r.listing(ctx, c, epsvOrPASV(r), o)
}

// epsvOrPASV opens by EPSV, and by PASV where the server refuses that.
func epsvOrPASV(r *run) func(context.Context, *control, *observe.World) *dataConn {
	return func(ctx context.Context, c *control, w *observe.World) *dataConn {
		d := epsvWay(r)(ctx, c, w)
		if d.setup.err == nil && !d.setup.reply.Completion() {
			return pasvWay(r)(ctx, c, w.Scope("pasv"))
		}
		return d
	}
}

var errNoListener = errors.New("no local port could be opened")
