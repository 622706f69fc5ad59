// Package probe makes the active check of one target: layer by layer, each
// check with the control experiments that tell its causes from those that look
// the same. It turns what package observe sees into findings.
//
// A check is one file and one line in [checks]. It states its findings as soon
// as it has the evidence; a failure of the target is never an error of the
// check. When a check states a finding that stops the way, the checks behind it
// are skipped because of it, never passed.
//
// Everything that a check does to the world goes through observe, in a scope
// of its own, and every decision depends only on what observe returned: a
// recording therefore replays to the same report.
package probe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// Options say what the user wants to know. The zero value lists a directory.
type Options struct {
	Op             string        `json:"op,omitempty"`     // list (default), download, upload
	Size           int           `json:"size,omitempty"`   // of the test file, bytes; 0: 256 KiB
	Active         bool          `json:"active,omitempty"` // the server connects to us
	Family         int           `json:"family,omitempty"` // 4, 6; 0: both
	AllowClearText bool          `json:"allow_clear_text,omitempty"`
	AllowUntrusted bool          `json:"allow_untrusted,omitempty"` // send the password also where the certificate proves nothing
	CAFile         string        `json:"ca_file,omitempty"`
	Timeout        time.Duration `json:"timeout,omitempty"`     // bound on the whole check; 0: 30 s
	Soak           time.Duration `json:"soak,omitempty"`        // idle for so long and see whether the connection lives
	Identity       []string      `json:"identity,omitempty"`    // SSH: private keys to log in with; none: the agent's and the usual files; "none": no key
	KnownHosts     []string      `json:"known_hosts,omitempty"` // SSH: instead of the user's and the system's
	Version        string        `json:"-"`

	found bool // by a survey: nobody asked for this very service
}

const (
	defaultSize    = 256 << 10
	defaultTimeout = 30 * time.Second
)

func (o Options) op() string {
	if o.Op == "" {
		return "list"
	}
	return o.Op
}

func (o Options) size() int {
	if o.Size <= 0 {
		return defaultSize
	}
	return o.Size
}

// check is one station of the way.
type check struct {
	name, layer string
	asks        string   // what it wants to know; a phrase
	of          []string // the protocols whose way it is on (observe.Target.Protocol); nil: all
	// applies tells why the check is not made for this target; empty: it is.
	applies func(observe.Target, Options) string
	run     func(context.Context, *run)
}

// checks in the order of the way. A check sees what those before it learnt.
var checks = []*check{
	clientCheck, proxyCheck, resolveCheck, routeCheck, servicesCheck, connectCheck, greetingCheck,
	tlsCheck, loginCheck, dataCheck, fileCheck, tlsDepthCheck,
	httpsCheck, httpCheck, davCheck,
	sshCheck, hostKeyCheck, sshLoginCheck, sftpCheck,
}

// onTheWay are the checks of one protocol.
func onTheWay(protocol string) []*check {
	return slices.DeleteFunc(slices.Clone(checks), func(c *check) bool {
		return c.of != nil && !slices.Contains(c.of, protocol)
	})
}

// Planned is a line of the plan.
type Planned struct {
	Name, Layer, Asks string
	Skipped           string // why it will not be made; empty: it will
}

// Plan tells which checks will be made, in order: a function of target and
// options alone.
func Plan(t observe.Target, o Options) []Planned {
	var out []Planned
	for _, c := range onTheWay(t.Protocol()) {
		p := Planned{Name: c.name, Layer: c.layer, Asks: c.asks}
		if c.applies != nil {
			p.Skipped = c.applies(t, o)
		}
		out = append(out, p)
	}
	return out
}

// Observer is told about each check that ended, for a live line.
type Observer func(finding.Check)

// run is one check of one target under way: what was learnt so far.
type run struct {
	w       *observe.World // the scope of the check under way
	root    *observe.World
	target  observe.Target
	options Options

	report      *finding.Report
	mu          sync.Mutex
	findings    []*finding.Finding
	ruledOut    []finding.Candidate
	facts       finding.Facts
	missing     []string // privileges
	stopped     string   // the check beyond which the way does not go
	interrupted bool     // nothing more is judged
	partial     string   // why the check under way could not finish looking

	later       sync.WaitGroup // experiments that go on beside the way
	deferred    []func()       // statements to be made when they are through, in order
	self        observe.Self
	links       observe.LinkTable
	addresses   []netip.Addr // of the target, in the order in which they are tried
	dialed      map[netip.Addr]observe.Dialed
	peer        netip.AddrPort // where the first connection leads
	conn        *observe.Conn  // the first connection; of FTP the control connection
	asked       *serverAnswer  // the answer of the name servers that was taken; nil: none was asked
	quiet       *silence       // what the experiments on a missing greeting brought; nil: none were made
	ctl         *control       // of FTP: the control connection, logged in or not
	loggedIn    bool
	suspectLoss bool                                                      // something had to be sent twice
	renewals    int                                                       // control connections that had to be replaced
	dataWorks   func(context.Context, *control, *observe.World) *dataConn // the way of opening a data connection that worked

	ssh       *sshSession  // of SSH: what was learnt of the server
	accepting []netip.Addr // the addresses that accept connections; the way goes by the first
	alone     bool         // this run is about one address of several

	secured  *observe.TLSState // of HTTP: the handshake with the server; nil: none was made
	proxy    *httpProxy        // of HTTP: the proxy that the connections lead through; nil: none
	services []observe.Target  // of a bare host: what answers on the usual ports
	web      *site             // of HTTP: where requests go
	dav      *resource         // of HTTP: what PROPFIND told; nil: nothing
	pages    *visit            // of HTTP: the answer to a GET of a name that nobody has
	http2    http2Try          // of HTTP: a request over HTTP/2, where the server takes it
	passed   []string          // of HTTP: checks that the proxy makes superfluous

	leftBehind bool     // a test file may still be on the server
	goodbye    []func() // ends what the checks opened, politely, last first
}

// Run checks one target. The report is concluded but not localized. It returns
// within the time-out of the options plus a second.
func Run(ctx context.Context, w *observe.World, t observe.Target, o Options, tell Observer) *finding.Report {
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	timeout += o.Soak
	if !w.Replaying() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	w.Hide(t.Password)
	if t.Protocol() == observe.Any {
		return survey(ctx, w, t, o, tell)
	}
	r := newRun(w, t, o)
	r.walk(ctx, onTheWay(t.Protocol()), tell)
	return r.conclude(ctx)
}

func newRun(w *observe.World, t observe.Target, o Options) *run {
	self := w.Self()
	return &run{
		root: w, target: t, options: o, self: self,
		dialed: map[netip.Addr]observe.Dialed{}, facts: finding.Facts{Addresses: []string{}, Timings: map[string]float64{}},
		report: &finding.Report{
			Schema: finding.Schema, Target: t.String(), Vantage: self.Hostname,
			Started: w.Started().UTC().Truncate(time.Second), Checks: []finding.Check{}, Findings: []*finding.Finding{},
		},
	}
}

// walk makes checks in order.
func (r *run) walk(ctx context.Context, way []*check, tell Observer) {
	for _, c := range way {
		done := r.make(ctx, c)
		r.report.Checks = append(r.report.Checks, done)
		if tell != nil {
			tell(done)
		}
	}
}

// conclude ends the run and gives its report.
func (r *run) conclude(ctx context.Context) *finding.Report {
	r.finish(ctx)
	rep := r.report
	rep.Findings = append(rep.Findings, r.findings...)
	rep.RuledOut, rep.Facts, rep.NotAvailable = r.ruledOut, r.facts, r.missing
	rep.DurationS = seconds(r.root.Scope("end").Elapsed())
	r.redact()
	r.renameSources()
	rep.Conclude()
	return rep
}

// make runs one check and says how it ended.
func (r *run) make(ctx context.Context, c *check) finding.Check {
	done := finding.Check{Name: c.name, Layer: c.layer}
	if r.stopped != "" {
		done.Outcome, done.Because = finding.Skipped, r.stopped
		return done
	}
	if c.applies != nil {
		if why := c.applies(r.target, r.options); why != "" {
			done.Outcome, done.Because = finding.Skipped, why
			return done
		}
	}
	if slices.Contains(r.passed, c.name) {
		done.Outcome, done.Because = finding.Skipped, proxied
		return done
	}
	r.w, r.partial = r.root.Scope(c.name), ""
	before := len(r.findings)
	start := r.w.Elapsed()
	c.run(ctx, r)
	done.DurationS = seconds(r.w.Elapsed() - start)
	if r.w.Interrupted(ctx) {
		// What was cut short looks like a fault and is none.
		r.findings = r.findings[:before]
		r.stopped, r.interrupted = c.name, true
		done.Outcome, done.Because = finding.Incomplete, "the check was interrupted, or its time was up"
		if r.leftBehind {
			done.Because = "the check was interrupted, or its time was up; its test file ftpdoctor-…-test may still be on the server"
		}
		return done
	}
	r.facts.Timings[c.name] = done.DurationS
	done.Outcome = finding.Passed
	for _, f := range r.findings[before:] {
		f.Check = c.name
		if f.Severity >= finding.Warning {
			done.Outcome = finding.Found
		}
		if f.Stops && r.stopped == "" {
			r.stopped = c.name
		}
	}
	if r.partial != "" && done.Outcome == finding.Passed {
		done.Outcome, done.Because = finding.Incomplete, r.partial
	}
	return done
}

// finish waits for what goes on beside the way, says good-bye and states what
// was found last.
func (r *run) finish(ctx context.Context) {
	if r.ctl != nil && !r.interrupted {
		r.linkQuality()
	}
	if r.ctl != nil {
		r.ctl.quit()
	}
	for _, end := range slices.Backward(r.goodbye) {
		end()
	}
	if !r.alone {
		r.otherAddresses(ctx)
	}
	if !r.interrupted {
		r.askAuthority()
	}
	r.later.Wait()
	if r.interrupted {
		return
	}
	for _, state := range r.deferred {
		state()
	}
}

// beside runs an experiment beside the way; its statement is made at the end.
func (r *run) beside(name string, experiment func(*observe.World) (state func())) {
	w := r.root.Scope("beside").Scope(name)
	slot := len(r.deferred)
	r.deferred = append(r.deferred, func() {})
	r.later.Go(func() {
		state := experiment(w)
		r.mu.Lock()
		defer r.mu.Unlock()
		if state != nil {
			r.deferred[slot] = state
		}
	})
}

// find states a finding.
func (r *run) find(f *finding.Finding) *finding.Finding {
	f.With("host", r.target.Host).With("target", r.target.String()).With("user", userOr(r.target.User))
	if f.Args["port"] == "" {
		f.With("port", strconv.Itoa(r.target.PortOr()))
	}
	if f.Args["address"] == "" && r.peer.IsValid() {
		f.With("address", r.peer.Addr().String())
	}
	if f.Args["address"] == "" && len(r.addresses) > 0 {
		f.With("address", r.addresses[0].String())
	}
	if f.Args["address"] == "" {
		f.With("address", r.target.Host)
	}
	r.findings = append(r.findings, f)
	return f
}

// exclude notes what an experiment ruled out.
func (r *run) exclude(d *finding.Def, why string) {
	r.ruledOut = append(r.ruledOut, finding.Candidate{Code: d.Code, Why: why})
}

// lacks notes a privilege that was missing, once.
func (r *run) lacks(what string) {
	if slices.Contains(r.missing, what) {
		return
	}
	r.missing = append(r.missing, what)
}

// redact hides secrets in everything that the report will show.
func (r *run) redact() {
	for _, f := range r.findings {
		for i := range f.Evidence {
			f.Evidence[i].Detail = bounded(r.root.Redact(f.Evidence[i].Detail))
		}
		for k, v := range f.Args {
			f.Args[k] = bounded(r.root.Redact(v))
		}
		f.Subject = bounded(r.root.Redact(f.Subject))
	}
	r.facts.Software = bounded(r.root.Redact(r.facts.Software))
}

// maxDetail bounds what one observation shows of foreign text, in bytes.
const maxDetail = 600

func bounded(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return s[:maxDetail] + fmt.Sprintf(" … (%d bytes)", len(s))
}

func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

func userOr(user string) string {
	if user == "" {
		return "anonymous"
	}
	return user
}

// all runs experiments side by side, each in a scope of its own, and waits.
func all(w *observe.World, experiments map[string]func(*observe.World)) {
	var wg sync.WaitGroup
	for name, f := range experiments {
		scope := w.Scope(name)
		wg.Go(func() { f(scope) })
	}
	wg.Wait()
}

// each runs the same experiment on several things side by side; the results
// stand in the order of the things.
func each[T, R any](w *observe.World, things []T, f func(*observe.World, T) R) []R {
	out := make([]R, len(things))
	var wg sync.WaitGroup
	for i, t := range things {
		scope := w.Scope(strconv.Itoa(i))
		wg.Go(func() { out[i] = f(scope, t) })
	}
	wg.Wait()
	return out
}

// BadTarget is the report on a text that can't be a target.
func BadTarget(w *observe.World, e *observe.TargetError) *finding.Report {
	self := w.Self()
	f := finding.New(finding.ClientBadTarget, finding.Confirmed).Stop().About(e.Given).
		With("target", e.Given).With("host", e.Given).With("near", e.Meant).With("other", bounded(e.Given)).
		Saw("the target as it was given", e.Given, fromThisMachine).
		Saw("what is wrong with it", finding.Say(string(e.Why)), fromThisMachine)
	if e.Meant != "" {
		f.Saw("what was probably meant", e.Meant, fromThisMachine)
	}
	rep := &finding.Report{
		Schema: finding.Schema, Target: e.Given, Vantage: self.Hostname, Started: w.Started().UTC().Truncate(time.Second),
		Findings: []*finding.Finding{f},
		Facts:    finding.Facts{Addresses: []string{}},
	}
	rep.Checks = append(rep.Checks, finding.Check{Name: "target", Layer: "client", Outcome: finding.Found})
	for _, c := range onTheWay(observe.FTP) {
		rep.Checks = append(rep.Checks, finding.Check{Name: c.name, Layer: c.layer, Outcome: finding.Skipped, Because: "target"})
	}
	rep.Conclude()
	return rep
}
