package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
	"ftpdoctor/internal/observe"
)

// greetingCheck waits for the server's first words. On an implicit TLS port it
// makes the handshake first.
var greetingCheck = &check{
	name: "greeting", layer: "service", asks: "does an FTP server greet, in time and in good order",
	of:  []string{observe.FTP},
	run: greet,
}

const (
	quickGreeting = 2500 * time.Millisecond
	longGreeting  = 5500 * time.Millisecond
	lateGreeting  = 3 * time.Second // from which on people complain
	wrapperDelay  = 5 * time.Second
)

func greet(ctx context.Context, r *run) {
	if r.target.Scheme == "ftps" && !r.implicitTLS(ctx) {
		return
	}
	x := r.ctl.read(ctx, quickGreeting)
	waited := x.took
	if x.failure() == observe.Timeout && len(x.reply.Raw) == 0 {
		late := r.experimentsOnSilence(ctx)
		if late == nil {
			return // a cause was stated
		}
		waited += late.took
		x = *late
	} else if x.failure() == observe.Timeout {
		x = r.restOfGreeting(ctx, x)
		waited = x.took
	}
	r.judgeGreeting(ctx, x, waited)
}

// restOfGreeting waits for the end of a greeting that began: some servers send
// its first line, and the next when they have looked up our name.
func (r *run) restOfGreeting(ctx context.Context, begun exchange) exchange {
	rest := r.ctl.read(ctx, longGreeting)
	rest.took += begun.took
	if len(rest.reply.Raw) == 0 {
		begun.took = rest.took
		if rest.failure() != observe.Timeout {
			begun.err = rest.err
		}
		return begun
	}
	raw := slices.Concat(begun.reply.Raw, rest.reply.Raw)
	rest.reply, rest.err = ftp.NewReader(bytes.NewReader(raw)).Reply()
	return rest
}

// judgeGreeting judges what came first.
func (r *run) judgeGreeting(ctx context.Context, x exchange, waited time.Duration) {
	reply := x.reply
	first := string(reply.Raw)
	switch {
	case protocolOf(first) != "":
		r.otherProtocol(first)
	case errors.Is(x.err, ftp.ErrNotFTP), x.err != nil && len(reply.Raw) > 0, errors.Is(x.err, ftp.ErrTooLong):
		f := finding.New(finding.ServiceBadGreeting, finding.Confirmed).Stop().With("reply", shorten(first)).
			Saw("the first bytes", fmt.Sprintf("%q", shorten(first)), fromControl).
			Saw("what breaks the protocol", defects(reply, x.err), fromControl)
		if x.failure() == observe.Timeout {
			f.Confidence = finding.Likely
			f.Or(finding.ServiceBadGreeting, "the greeting has no end: its last line, or the end of that line, is missing in the server's set-up").
				Or(finding.ServiceHung, "the program hangs in the middle of its greeting").
				DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
		}
		r.find(f)
	case x.err != nil:
		r.closedBeforeGreeting(ctx, x, waited)
	case reply.Code == 220:
		r.greeted(reply, waited)
	case reply.Code == 120:
		r.find(finding.New(finding.ServiceUnavailable, finding.Confirmed).Stop().With("reply", reply.String()).
			Saw("the greeting", reply.String(), fromControl))
	default:
		cause := match(serverSayings, reply.String())
		if cause == nil {
			cause = finding.ServiceUnavailable
			if reply.Permanent() || reply.Code < 400 {
				cause = finding.ServiceBadGreeting
			}
			if reply.Code == 530 {
				cause = finding.NetSourceNotAllowed
			}
		}
		r.find(finding.New(cause, finding.Confirmed).As(finding.Critical).Stop().With("reply", reply.String()).
			Saw("the greeting", reply.String(), fromControl))
	}
}

func (r *run) greeted(reply ftp.Reply, waited time.Duration) {
	name, version := ftp.Software(reply.All(), "", "")
	r.facts.Software = strings.TrimSpace(name + " " + version)
	r.facts.Timings["greeting"] = seconds(waited)
	if waited >= lateGreeting {
		f := finding.New(finding.ServiceSlowGreeting, finding.Likely).With("seconds", fmt.Sprintf("%.1f", waited.Seconds())).
			Saw("time until the greeting", observe.Human(waited), fromControl)
		if near5(waited) {
			f.Saw("the delay is a multiple of a resolver's time-out of 5 s: the server looks up our name", observe.Human(waited), fromControl)
		}
		r.find(f)
	}
	broken := reply.Defects
	for _, d := range broken {
		if d == ftp.BareLF || d == ftp.NonASCII {
			continue // many clients live with it
		}
		r.find(finding.New(finding.ServiceBadGreeting, finding.Confirmed).As(finding.Warning).With("reply", shorten(string(reply.Raw))).
			Saw("what breaks the protocol", finding.Say(string(d)), fromControl))
		break
	}
}

// near5 tells whether a delay is near a multiple of 5 s.
func near5(d time.Duration) bool {
	rest := d % (5 * time.Second)
	return d > 4*time.Second && (rest < 700*time.Millisecond || rest > 4700*time.Millisecond)
}

func defects(reply ftp.Reply, err error) string {
	var s []string
	for _, d := range reply.Defects {
		s = append(s, finding.Say(string(d)))
	}
	if err != nil && !errors.Is(err, ftp.ErrNotFTP) {
		s = append(s, toldError(err))
	}
	return strings.Join(s, "; ")
}

func shorten(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}

func (r *run) otherProtocol(first string) {
	proto := protocolOf(first)
	if proto == "TLS" {
		r.find(finding.New(finding.TLSImplicitExpected, finding.Likely).Stop().
			Saw("the first bytes are a TLS record", fmt.Sprintf("%q", shorten(first)), fromControl))
		return
	}
	r.find(finding.New(finding.ServiceOtherProtocol, finding.Confirmed).Stop().With("protocol", proto).With("reply", shorten(first)).
		Saw("the first bytes", fmt.Sprintf("%q", shorten(firstLine(first))), fromControl))
}

// closedBeforeGreeting: accepted, then ended without a word.
func (r *run) closedBeforeGreeting(ctx context.Context, x exchange, waited time.Duration) {
	how := x.String() + " after " + observe.Human(waited)
	var again exchange
	if r.quiet != nil {
		again = r.quiet.second
	} else {
		if r.acceptsAll(ctx) {
			r.transparentProxy("the first connection", how)
			return
		}
		// Once more after a pause: a limit of the moment lets the second try in.
		r.w.Sleep(ctx, time.Second)
		again = r.secondGreeting(ctx, quickGreeting)
	}
	if again.err == nil && again.reply.Code == 220 {
		r.find(finding.New(finding.ServiceTooManyConnections, finding.Possible).As(finding.Error).Stop().
			Saw("the first connection", how, fromControl).
			Saw("a second try after a pause", again.String(), fromExperiment))
		return
	}
	f := finding.New(finding.NetSourceNotAllowed, finding.Likely).Stop().
		Saw("the connection was accepted and ended without a word", how, fromControl).
		Saw("a second try after a pause", again.String()+" ("+observe.Human(again.took)+")", fromExperiment)
	if waited > wrapperDelay-300*time.Millisecond && waited < wrapperDelay+1500*time.Millisecond {
		f.Saw("the delay of 5 s is that of tcp_wrappers and of reverse look-ups", observe.Human(waited), fromControl)
	}
	f.Or(finding.NetSourceNotAllowed, "an allow list (tcp_wrappers, the server's own, a security group) does not name this address").
		Or(finding.ServiceFailed, "the super-server (inetd, systemd) accepts and can't start the program").
		Or(finding.ServiceTooManyConnections, "the limit on connections is reached").
		Or(finding.NetProxyProtocol, "the server expects the PROXY protocol of a load balancer").
		DecideBy("on the server: read the log of the moment (journalctl -u vsftpd, /var/log/auth.log); or try from another address")
	r.find(f)
}

// secondGreeting opens one more connection and reads what comes first.
func (r *run) secondGreeting(ctx context.Context, wait time.Duration) exchange {
	w := r.w.Scope("second")
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial})
	if !d.OK() {
		return exchange{err: &observe.StepError{Step: d.Step}, took: d.Took}
	}
	defer conn.Close()
	return newControl(w, conn).read(ctx, wait)
}

// acceptsAll tells whether a port that is surely closed accepts as well, which
// only a box that accepts in the host's name does.
func (r *run) acceptsAll(ctx context.Context) bool {
	accepted := each(r.w.Scope("closed"), []int{surelyClosed, 64999}, func(w *observe.World, p int) bool {
		return tryPort(ctx, w, r.peer.Addr(), p, 0).OK()
	})
	return accepted[0] && accepted[1]
}

func (r *run) transparentProxy(what, detail string) {
	r.find(finding.New(finding.NetTransparentProxy, finding.Confirmed).Stop().
		Saw(what, detail, fromControl).
		Saw("ports that are surely closed accept too", fmt.Sprintf("%d, %d", surelyClosed, 64999), fromExperiment))
}

// silence holds what the experiments on a connection without a greeting brought.
type silence struct {
	late      exchange
	second    exchange
	tls       observe.TLSState
	http      string
	acceptAll bool
	smallMSS  string
}

// experimentsOnSilence: accepted, and not a word. It goes on waiting, and
// meanwhile tries what else may speak there. It returns the greeting if one
// came late, or nil when it stated the cause.
func (r *run) experimentsOnSilence(ctx context.Context) *exchange {
	var s silence
	waiting, enough := context.WithCancel(ctx) // once another protocol answered, waiting is of no use
	defer enough()
	all(r.w.Scope("quiet"), map[string]func(*observe.World){
		"late":   func(*observe.World) { s.late = r.ctl.read(waiting, longGreeting) },
		"second": func(*observe.World) { s.second = r.secondGreeting(waiting, 4*time.Second) },
		"tls": func(w *observe.World) {
			if s.tls = r.tryTLS(ctx, w, r.peer, 0); s.tls.OK() {
				enough()
			}
		},
		"http": func(w *observe.World) {
			if s.http = r.tryHTTP(waiting, w); protocolOf(s.http) == "HTTP" {
				enough()
			}
		},
		"proxy": func(*observe.World) { s.acceptAll = r.acceptsAll(ctx) },
		"mss":   func(w *observe.World) { s.smallMSS = r.trySmall(waiting, w) },
	})
	r.quiet = &s
	quiet := s.late.failure() == observe.Timeout || s.late.failure() == observe.Canceled
	switch {
	case s.acceptAll:
		r.transparentProxy("the connection was accepted, and nothing came", s.late.String())
	case s.tls.OK() && quiet:
		r.find(finding.New(finding.TLSImplicitExpected, finding.Confirmed).Stop().
			Saw("the server says nothing", s.late.String(), fromControl).
			Saw("a TLS handshake on the same port", "ok", fromExperiment))
	case protocolOf(s.http) == "HTTP":
		r.otherProtocol(s.http)
	case !quiet:
		return &s.late
	case strings.HasPrefix(s.smallMSS, "220"):
		r.find(finding.New(finding.RouteMTUBlackhole, finding.Confirmed).Stop().With("mss", fmt.Sprint(smallMSS)).
			Saw("the server says nothing", observe.Human(quickGreeting+longGreeting), fromControl).
			Saw("with small segments the greeting comes", firstLine(s.smallMSS), fromExperiment))
	case s.second.err == nil && s.second.reply.Code == 220:
		return &exchange{reply: s.second.reply, took: longGreeting}
	default:
		f := finding.New(finding.ServiceHung, finding.Likely).Stop().With("seconds", fmt.Sprintf("%.0f", (quickGreeting+longGreeting).Seconds())).
			Saw("the connection was accepted, and nothing came", s.late.String(), fromControl).
			Saw("a second connection", s.second.String(), fromExperiment).
			Saw("a TLS handshake on the same port", told(s.tls.Step), fromExperiment).
			Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.ServiceSlowGreeting, "the server may wait still longer for its resolver or for ident").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move")
		r.exclude(finding.TLSImplicitExpected, "the port does not answer a TLS handshake either")
		r.exclude(finding.NetTransparentProxy, "a surely closed port does not accept")
		r.find(f)
	}
	return nil
}

func (r *run) tryTLS(ctx context.Context, w *observe.World, to netip.AddrPort, mss int) observe.TLSState {
	conn, d := w.Dial(ctx, to, observe.DialOptions{Timeout: quickDial, MSS: mss})
	if !d.OK() {
		return observe.TLSState{Step: d.Step}
	}
	defer conn.Close()
	return conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Timeout: 4 * time.Second})
}

func (r *run) tryHTTP(ctx context.Context, w *observe.World) string {
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial})
	if !d.OK() {
		return ""
	}
	defer conn.Close()
	conn.Bind(ctx).SetBudget(3 * time.Second)
	if _, err := io.WriteString(conn, "OPTIONS / HTTP/1.0\r\n\r\n"); err != nil {
		return ""
	}
	return firstBytes(conn)
}

// smallMSS is a segment size that passes every link in use.
const smallMSS = 1000

func (r *run) trySmall(ctx context.Context, w *observe.World) string {
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial, MSS: smallMSS})
	if !d.OK() {
		return ""
	}
	defer conn.Close()
	conn.Bind(ctx).SetBudget(4 * time.Second)
	return firstBytes(conn)
}

// implicitTLS makes the handshake that an ftps:// port begins with.
func (r *run) implicitTLS(ctx context.Context) bool {
	st := r.ctl.conn.Handshake(ctx, observe.TLSOptions{ServerName: r.target.Host, Timeout: replyTimeout})
	if st.OK() {
		r.ctl.tls = &st
		r.ctl.rd = ftp.NewReader(r.ctl.conn)
		return true
	}
	if st.Failure == observe.NotTLS {
		first := r.secondGreeting(ctx, quickGreeting)
		raw := string(first.reply.Raw)
		if proto := protocolOf(raw); proto != "" && proto != "TLS" {
			r.otherProtocol(raw)
			return false
		}
		r.find(finding.New(finding.TLSExplicitExpected, finding.Confirmed).Stop().With("reply", shorten(raw)).
			Saw("the answer to a TLS handshake", st.Errno, fromControl).
			Saw("the port greets in clear text", first.String(), fromExperiment))
		return false
	}
	if st.Failure == observe.Timeout && st.Received == 0 {
		if first := r.secondGreeting(ctx, quickGreeting); first.err == nil {
			r.find(finding.New(finding.TLSExplicitExpected, finding.Confirmed).Stop().With("reply", first.reply.String()).
				Saw("the answer to a TLS handshake", told(st.Step), fromControl).
				Saw("the port greets in clear text", first.String(), fromExperiment))
			return false
		}
	}
	r.handshakeFailed(ctx, st)
	return false
}
