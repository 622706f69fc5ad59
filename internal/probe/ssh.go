package probe

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/sshwire"
)

// sshCheck reads the server's identification and its algorithms, and makes the
// key exchange. It tells the server nothing yet.
var sshCheck = &check{
	name: "ssh", layer: "ssh", asks: "does an SSH server answer, and with which algorithms",
	of:  []string{observe.SSH},
	run: greetSSH,
}

// fromSSH is the connection that the check goes on with.
const fromSSH = "SSH connection"

const (
	sshExchange = 6 * time.Second
	sshRepeat   = 2500 * time.Millisecond // of one further try
)

// sshSession is what was learnt of the SSH server, and the way on.
type sshSession struct {
	conn   *observe.SSHConn
	hello  observe.SSHHello
	start  observe.SSHStart
	server sshwire.Start
	known  []sshwire.KnownLine
	second *observe.SSHHello // of another connection; nil: none was made
	in     bool              // logged in
	banner string            // what the server said before the login
}

// identification is ours. A version with a minus would end the field.
func (r *run) identification() string {
	v := regexp.MustCompile(`[^A-Za-z0-9.]+`).ReplaceAllString(r.options.Version, "")
	if v == "" {
		return "SSH-2.0-ftpdoctor"
	}
	return "SSH-2.0-ftpdoctor_" + v
}

func greetSSH(ctx context.Context, r *run) {
	r.ssh = &sshSession{known: r.knownHosts()}
	s, h := r.conn.SSH(ctx, r.identification(), quickGreeting)
	r.goodbye = append(r.goodbye, s.Close)
	if h.Failure == observe.Timeout && len(h.Data) == 0 {
		late := r.sshSilence(ctx, s)
		if late == nil {
			return // a cause was stated
		}
		late.Took += h.Took
		if h = *late; h.Identified {
			r.slowSSH(h.Took)
		}
	}
	r.ssh.conn, r.ssh.hello = s, h
	if !h.Identified {
		r.notSSH(ctx, h)
		return
	}
	r.facts.Timings["greeting"] = seconds(h.Took)
	r.ssh.server = sshwire.ParseServerStart(h.Data)
	r.facts.Software = sshName(r.ssh.server.Ident)
	if !r.ssh.server.Ident.Protocol2() {
		r.find(finding.New(finding.SSHNoCommonAlgorithm, finding.Confirmed).Stop().
			Saw("the server speaks only a version of SSH that no client speaks any more", firstLine(string(h.Data)), fromSSH))
		return
	}
	r.exchange(ctx, s)
}

// exchange makes the key exchange and judges what the server offers.
func (r *run) exchange(ctx context.Context, s *observe.SSHConn) {
	st := s.Exchange(ctx, observe.SSHOptions{User: r.sshUser(), HostKeys: sshwire.PreferredHostKeys(r.ssh.known, r.target.Host, r.target.PortOr()), Timeout: sshExchange})
	r.ssh.start = st
	r.ssh.server = sshwire.ParseServerStart(st.Clear)
	r.facts.SSH = sshFacts(r.ssh.server)
	if st.OK() || st.Failure == observe.NoCommon {
		r.judgeAlgorithms(st)
		if st.OK() {
			r.facts.Timings["ssh"] = seconds(st.Took)
			r.facts.SSH["fingerprint"] = sshwire.Fingerprint(st.HostKey)
			r.facts.SSH["host_key"] = sshwire.KeyType(st.HostKey)
		}
		return
	}
	r.noExchange(ctx, st)
}

func (r *run) slowSSH(took time.Duration) {
	if took < lateGreeting {
		return
	}
	f := finding.New(finding.ServiceSlowGreeting, finding.Likely).With("seconds", fmt.Sprintf("%.1f", took.Seconds())).
		Saw("time until the greeting", observe.Human(took), fromSSH)
	if near5(took) {
		f.Saw("the delay is a multiple of a resolver's time-out of 5 s: the server looks up our name", observe.Human(took), fromSSH)
	}
	r.find(f)
}

// sshSayings are what SSH servers say instead of, or before, their identification.
var sshSayings = []saying{
	say(`Exceeded MaxStartups|Not allowed at this time|too many (connections|unauth)|maximum.*(connections|startups)`, finding.SSHThrottled),
	say(`banned|blacklist|blocked`, finding.AuthBanned),
	say(`not (allowed|permitted|authori[sz]ed|welcome)|refused|denied`, finding.NetSourceNotAllowed),
	say(`shutting down|maintenance|unavailable|pam_nologin|system is (going down|booting)`, finding.ServiceUnavailable),
}

// notSSH: what came instead of an identification.
func (r *run) notSSH(ctx context.Context, h observe.SSHHello) {
	first := string(h.Data)
	proto := protocolOf(first)
	if proto == "" && regexp.MustCompile(`^220[ -]`).MatchString(first) {
		proto = "FTP"
	}
	def := match(sshSayings, first)
	switch {
	case proto != "":
		r.find(finding.New(finding.ServiceOtherProtocol, finding.Confirmed).Stop().With("protocol", proto).With("reply", shorten(firstLine(first))).
			Saw("the first bytes", fmt.Sprintf("%q", shorten(firstLine(first))), fromSSH))
	case def != nil:
		f := finding.New(def, finding.Confirmed).Stop().With("reply", shorten(first)).
			Saw("the server's words before it ended the connection", shorten(first), fromSSH)
		r.find(f)
	case len(first) == 0:
		r.closedBeforeSSH(ctx, h.Step, "the connection was accepted and ended without a word")
	default:
		r.find(finding.New(finding.ServiceBadGreeting, finding.Confirmed).Stop().With("reply", shorten(first)).
			Saw("the first bytes", fmt.Sprintf("%q", shorten(first)), fromSSH).
			Saw("no identification of SSH followed", told(h.Step), fromSSH))
	}
}

// sshAgain connects once more and reads the server's first words.
func (r *run) sshAgain(ctx context.Context, w *observe.World, wait time.Duration) observe.SSHHello {
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial})
	if !d.OK() {
		return observe.SSHHello{Step: d.Step}
	}
	defer conn.Close()
	s, h := conn.SSH(ctx, r.identification(), wait)
	s.Close()
	return h
}

func helloString(h observe.SSHHello) string {
	if h.Identified || len(h.Data) > 0 {
		return shorten(firstLine(string(h.Data)))
	}
	return told(h.Step)
}

// closedBeforeSSH: accepted, then ended before or just after the identification.
// Two further tries, with pauses, tell a limit of the moment from a rule; more
// of them would add to the limit.
func (r *run) closedBeforeSSH(ctx context.Context, first observe.Step, what string) {
	if r.ssh.second == nil && r.acceptsAll(ctx) {
		r.transparentProxy("the first connection", told(first))
		return
	}
	f := finding.New(finding.NetSourceNotAllowed, finding.Likely).Stop().Saw(what, told(first), fromSSH)
	pauses := []time.Duration{time.Second, 2 * time.Second}
	if r.ssh.second != nil {
		pauses = pauses[:1] // each try takes its time: the second was made beside the first
	}
	for i, pause := range pauses {
		var h observe.SSHHello
		if r.ssh.second != nil {
			h = *r.ssh.second
		} else {
			r.w.Sleep(ctx, pause)
			h = r.sshAgain(ctx, r.w.Scope(fmt.Sprint("again", i)), sshRepeat)
		}
		if def := match(sshSayings, string(h.Data)); !h.Identified && def != nil {
			r.find(finding.New(def, finding.Confirmed).Stop().With("reply", shorten(string(h.Data))).
				Saw(what, told(first), fromSSH).
				Saw("the server's words before it ended the connection", shorten(string(h.Data)), fromExperiment))
			return
		}
		if h.Identified {
			r.find(finding.New(finding.SSHThrottled, finding.Likely).Stop().
				Saw(what, told(first), fromSSH).
				Saw("a further try after a pause", helloString(h), fromExperiment))
			return
		}
		f.Saw("a further try after a pause", helloString(h), fromExperiment)
	}
	if first.Took > wrapperDelay-300*time.Millisecond && first.Took < wrapperDelay+1500*time.Millisecond {
		f.Saw("the delay of 5 s is that of tcp_wrappers and of reverse look-ups", observe.Human(first.Took), fromSSH)
	}
	r.find(f.Or(finding.NetSourceNotAllowed, "an allow list (tcp_wrappers, the server's own, a security group) does not name this address").
		Or(finding.SSHThrottled, "the limit of connections without a login is reached (MaxStartups), or this source is shut out for a while (PerSourcePenalties)").
		Or(finding.SSHServerConfig, "sshd can't start its process for the session: host keys, /run/sshd or its configuration").
		Or(finding.AuthBanned, "this source is banned after failed logins (fail2ban)").
		Or(finding.NetProxyProtocol, "the server expects the PROXY protocol of a load balancer").
		DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd); sshd -t; or try from another address"))
}

// sshSilence finds out why nothing comes. It returns the identification if one
// came late, or nil when it stated the cause.
func (r *run) sshSilence(ctx context.Context, s *observe.SSHConn) *observe.SSHHello {
	var late, second observe.SSHHello
	var tls observe.TLSState
	var http, small string
	var acceptAll bool
	waiting, enough := context.WithCancel(ctx)
	defer enough()
	all(r.w.Scope("quiet"), map[string]func(*observe.World){
		"late": func(*observe.World) {
			if late = s.Wait(waiting, longGreeting); late.Identified {
				enough()
			}
		},
		"second": func(w *observe.World) { second = r.sshAgain(waiting, w, 4*time.Second) },
		"tls": func(w *observe.World) {
			if tls = r.tryTLS(ctx, w, r.peer, 0); tls.OK() {
				enough()
			}
		},
		"http": func(w *observe.World) {
			if http = r.tryHTTP(waiting, w); protocolOf(http) == "HTTP" {
				enough()
			}
		},
		"proxy": func(*observe.World) { acceptAll = r.acceptsAll(ctx) },
		"mss":   func(w *observe.World) { small = r.trySmall(waiting, w) },
	})
	silent := late.Failure == observe.Timeout || late.Failure == observe.Canceled
	other := func(proto, what, detail string) {
		r.find(finding.New(finding.ServiceOtherProtocol, finding.Confirmed).Stop().With("protocol", proto).
			Saw("the server says nothing", told(late.Step), fromSSH).Saw(what, detail, fromExperiment))
	}
	switch {
	case !silent:
		r.ssh.second = &second
		return &late
	case acceptAll:
		r.transparentProxy("the connection was accepted, and nothing came", told(late.Step))
	case tls.OK():
		other("TLS", "a TLS handshake on the same port", "ok")
	case protocolOf(http) == "HTTP":
		other("HTTP", "a request of HTTP on the same port", shorten(firstLine(http)))
	case strings.HasPrefix(small, "SSH-"):
		r.find(finding.New(finding.RouteMTUBlackhole, finding.Confirmed).Stop().With("mss", fmt.Sprint(smallMSS)).
			Saw("the server says nothing", told(late.Step), fromSSH).
			Saw("with small segments the greeting comes", firstLine(small), fromExperiment))
	default:
		r.exclude(finding.NetTransparentProxy, "a surely closed port does not accept")
		r.find(finding.New(finding.ServiceHung, finding.Likely).Stop().With("seconds", fmt.Sprintf("%.0f", (quickGreeting+longGreeting).Seconds())).
			Saw("the connection was accepted, and nothing came", told(late.Step), fromSSH).
			Saw("a second connection", helloString(second), fromExperiment).
			Saw("a TLS handshake on the same port", told(tls.Step), fromExperiment).
			Or(finding.ServiceHung, "the program hangs: the kernel accepts for it").
			Or(finding.ServiceSlowGreeting, "the server may wait still longer for its resolver or for ident").
			Or(finding.SSHThrottled, "the limit of connections without a login is reached, and the server lets the next one wait").
			DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
	}
	return nil
}

// noExchange: the identification came, and no keys.
func (r *run) noExchange(ctx context.Context, st observe.SSHStart) {
	reply := ""
	if st.Disconnect != nil {
		reply = disconnected(st.Disconnect.Code, st.Disconnect.Message)
	}
	switch {
	case st.Failure == observe.Disconnected:
		def := match(sshSayings, st.Disconnect.Message)
		switch {
		case def != nil:
		case st.Disconnect.Code == 3: // SSH_DISCONNECT_KEY_EXCHANGE_FAILED
			def = finding.SSHNoCommonAlgorithm
		default:
			def = finding.ServiceAborts
		}
		r.find(finding.New(def, finding.Confirmed).Stop().With("reply", reply).
			Saw("the server ended the key exchange", reply, fromSSH))
	case (st.Failure == observe.Closed || st.Failure == observe.Reset) && r.ssh.server.KEXINIT == nil:
		r.closedAfterHello(ctx, st)
	case st.Failure == observe.Timeout:
		r.stalledExchange(ctx, st)
	case st.Failure == observe.BadSSH:
		r.find(finding.New(finding.ServiceBadGreeting, finding.Confirmed).Stop().With("reply", shorten(firstLine(string(r.ssh.hello.Data)))).
			Saw("what breaks the protocol", st.Errno, fromSSH))
	default:
		r.find(finding.New(finding.ServiceAborts, finding.Likely).Stop().With("reply", told(st.Step)).
			Saw("the server ended the key exchange", told(st.Step), fromSSH).
			Or(finding.ServiceAborts, "the server's process for this session died").
			Or(finding.NetInspectionReset, "a box on the way ends the session").
			DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd)"))
	}
}

// closedAfterHello: it identified itself and ended: throttling, or a box on the
// way that does not like SSH. FIN or RST says nothing: a server that closes
// without having read our KEXINIT answers with a RST.
func (r *run) closedAfterHello(ctx context.Context, st observe.SSHStart) {
	if rest := strings.TrimSpace(r.ssh.server.Text); rest != "" {
		if def := match(sshSayings, rest); def != nil {
			r.find(finding.New(def, finding.Confirmed).Stop().With("reply", shorten(rest)).
				Saw("the server's words before it ended the connection", shorten(rest), fromSSH))
			return
		}
	}
	r.closedAgain(ctx, st)
}

// closedAgain tells whether a further connection gets to the key exchange.
func (r *run) closedAgain(ctx context.Context, st observe.SSHStart) {
	what := "the server identified itself and ended the connection"
	r.w.Sleep(ctx, time.Second)
	again := r.exchangeOnce(ctx, r.w.Scope("again"), 0, sshRepeat)
	if again.OK() {
		r.find(finding.New(finding.SSHThrottled, finding.Likely).Stop().
			Saw(what, told(st.Step), fromSSH).
			Saw("a further try after a pause", told(again.Step), fromExperiment))
		return
	}
	r.find(finding.New(finding.SSHThrottled, finding.Likely).Stop().
		Saw(what, told(st.Step), fromSSH).
		Saw("a further try after a pause", told(again.Step), fromExperiment).
		Or(finding.SSHThrottled, "the limit of connections without a login is reached (MaxStartups), or this source is shut out for a while (PerSourcePenalties)").
		Or(finding.NetInspectionReset, "a box on the way does not let these words pass").
		Or(finding.NetSourceNotAllowed, "an allow list (tcp_wrappers, the server's own, a security group) does not name this address").
		Or(finding.SSHServerConfig, "sshd can't start its process for the session: host keys, /run/sshd or its configuration").
		DecideBy("on the server: read the log of the moment (journalctl -u ssh -t sshd); sshd -t; or try from another address"))
}

// exchangeOnce goes as far as the key exchange on a connection of its own.
func (r *run) exchangeOnce(ctx context.Context, w *observe.World, mss int, wait time.Duration) observe.SSHStart {
	conn, d := w.Dial(ctx, r.peer, observe.DialOptions{Timeout: quickDial, MSS: mss})
	if !d.OK() {
		return observe.SSHStart{Step: d.Step}
	}
	defer conn.Close()
	s, h := conn.SSH(ctx, r.identification(), wait)
	defer s.Close()
	if !h.Identified {
		if h.OK() {
			h.Failure = observe.Malformed
		}
		return observe.SSHStart{Step: h.Step}
	}
	return s.Exchange(ctx, observe.SSHOptions{User: r.sshUser(), Timeout: wait})
}

// stalledExchange: small segments pass a hole in which full ones vanish.
func (r *run) stalledExchange(ctx context.Context, st observe.SSHStart) {
	small := r.exchangeOnce(ctx, r.w.Scope("mss"), smallMSS, sshRepeat)
	got := finding.Say("%s, %s bytes received", told(st.Step), fmt.Sprint(st.Received))
	if small.OK() {
		r.find(finding.New(finding.RouteMTUBlackhole, finding.Confirmed).Stop().With("mss", fmt.Sprint(smallMSS)).
			Saw("the key exchange got no answer", got, fromSSH).
			Saw("with small segments it succeeds", told(small.Step), fromExperiment))
		return
	}
	r.exclude(finding.RouteMTUBlackhole, "small segments make no difference")
	r.find(finding.New(finding.ServiceHung, finding.Likely).Stop().With("seconds", fmt.Sprintf("%.0f", sshExchange.Seconds())).
		Saw("the key exchange got no answer", got, fromSSH).
		Saw("with small segments", told(small.Step), fromExperiment).
		Or(finding.ServiceHung, "the server's process for this session hangs").
		Or(finding.NetInspectionReset, "a box on the way swallows SSH").
		DecideBy("on the server: what does the process do (ps, strace -p), and does its log move"))
}

// sshUser is the user to log in as; SSH knows no anonymous ones, and a client
// without a name takes that of its own user.
func (r *run) sshUser() string {
	if r.target.User != "" {
		return r.target.User
	}
	env := r.w.Environment("USER", "LOGNAME", "USERNAME")
	for _, n := range []string{"USER", "LOGNAME", "USERNAME"} {
		if env[n] != "" {
			return env[n]
		}
	}
	return "root"
}
