// Package observe is the one place through which a check touches the world:
// names are resolved, connections dialled, bytes read and written, TLS
// handshakes made, the machine's own routes and files looked at, and the clock
// read, each as one timed and classified step. It knows nothing of findings: a
// step says what happened (refused, silent, reset after how many bytes, an ICMP
// message and its sender), never what it means.
//
// It promises that every step is bounded in time and memory; that secrets given
// to [World.Hide] leave it only as ****; and that a [World] made by [Replay]
// repeats a recorded session, step for step, without a network and without
// waiting.
//
// Steps are told apart by the scope in which they happen: whoever runs two
// things at once gives each its own [World.Scope], and so a recording does not
// depend on who was faster.
//
//	w := observe.Live()
//	conn, d := w.Scope("tcp").Dial(ctx, addr, observe.DialOptions{Timeout: 5 * time.Second})
//	if d.Failure == observe.Refused { … }
package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Failure classifies how a step failed; empty means that it did not.
type Failure string

// The classes of failure.
const (
	None         Failure = ""
	Refused      Failure = "refused"          // a RST, or an ICMP that the kernel reports as one, in answer to a SYN
	Timeout      Failure = "timeout"          // silence until the bound
	Reset        Failure = "reset"            // RST on an open connection
	Closed       Failure = "closed"           // FIN: the peer ended in good order
	NetUnreach   Failure = "net-unreachable"  // ENETUNREACH
	HostUnreach  Failure = "host-unreachable" // EHOSTUNREACH
	Denied       Failure = "denied"           // EPERM or EACCES: this machine forbids it
	NoAddress    Failure = "no-local-address" // EADDRNOTAVAIL
	Invalid      Failure = "invalid"          // EINVAL: a blackhole route answers so
	Alert        Failure = "tls-alert"        // the peer sent a TLS alert
	NotTLS       Failure = "not-tls"          // the peer's bytes are no TLS
	BadTLS       Failure = "bad-tls"          // the handshake failed for another reason
	TooMuch      Failure = "too-much"         // a bound on size was reached
	Absent       Failure = "absent"           // no such file, no such thing
	NotPermitted Failure = "not-permitted"    // the step needs a privilege that we lack
	NotSupported Failure = "not-supported"    // this system can't do it
	Malformed    Failure = "malformed"        // the answer could not be parsed
	Canceled     Failure = "canceled"         // the caller gave up
	NotRecorded  Failure = "not-recorded"     // replay: the recording has no such step
	OtherFailure Failure = "other"            // see Errno
)

// ICMP is a message about one of our packets.
type ICMP struct {
	Type int        `json:"type"`
	Code int        `json:"code"`
	From netip.Addr `json:"from"`
}

// Name gives the usual name of type and code (RFC 792, RFC 1812 §5.2.7, RFC 4443).
func (m ICMP) Name() string {
	names := map[[2]int]string{
		{3, 0}: "net unreachable", {3, 1}: "host unreachable", {3, 2}: "protocol unreachable",
		{3, 3}: "port unreachable", {3, 4}: "fragmentation needed", {3, 5}: "source route failed",
		{3, 9}: "net prohibited", {3, 10}: "host prohibited", {3, 13}: "admin prohibited", {11, 0}: "time exceeded",
	}
	if m.From.Is6() && !m.From.Is4In6() {
		names = map[[2]int]string{
			{1, 0}: "no route", {1, 1}: "admin prohibited", {1, 2}: "beyond scope", {1, 3}: "address unreachable",
			{1, 4}: "port unreachable", {1, 5}: "policy failed", {1, 6}: "reject route", {2, 0}: "packet too big", {3, 0}: "time exceeded",
		}
	}
	if n := names[[2]int{m.Type, m.Code}]; n != "" {
		return n
	}
	return "ICMP " + strconv.Itoa(m.Type) + "/" + strconv.Itoa(m.Code)
}

func (m ICMP) String() string { return m.Name() + " from " + m.From.String() }

// TimeExceeded tells whether a router dropped the packet because its TTL ran out.
func (m ICMP) TimeExceeded() bool {
	if m.From.Is6() && !m.From.Is4In6() {
		return m.Type == 3
	}
	return m.Type == 11
}

// Step is what every step tells.
type Step struct {
	Took    time.Duration `json:"ns"`
	Failure Failure       `json:"fail,omitempty"`
	Errno   string        `json:"errno,omitempty"` // the system's words
	ICMP    *ICMP         `json:"icmp,omitempty"`  // what a router or host said about our packet
}

// OK tells that the step did not fail.
func (s Step) OK() bool { return s.Failure == None }

func (s *Step) setFailure(f Failure) { s.Failure = f }

// String words the step for evidence, alike in every language.
func (s Step) String() string {
	switch {
	case s.ICMP != nil:
		return "ICMP " + s.ICMP.String() + " after " + Human(s.Took)
	case s.Failure == None:
		return "ok after " + Human(s.Took)
	case s.Failure == OtherFailure && s.Errno != "":
		return s.Errno
	default:
		return string(s.Failure) + " after " + Human(s.Took)
	}
}

// Human words a duration with the precision that its size deserves.
func Human(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// World is what a check can touch. Its methods may be used from several
// goroutines as long as each works in its own [World.Scope].
type World struct {
	*session
	scope string
}

// session is shared by all scopes of a world.
type session struct {
	started time.Time
	secrets *redactor

	mu       sync.Mutex
	seq      map[string]int
	recorder *Recorder                  // nil: not recording
	tape     map[string]json.RawMessage // nil: live
	missed   int
}

// Live returns a world that is the real one.
func Live() *World {
	return &World{session: &session{started: time.Now(), secrets: &redactor{}, seq: map[string]int{}}}
}

// Scope returns the same world for steps that are told apart by name.
func (w *World) Scope(name string) *World {
	return &World{session: w.session, scope: w.scope + name + "/"}
}

// Replaying tells whether this world is a recording.
func (w *World) Replaying() bool { return w.tape != nil }

// Started is when the world was made, or the recording.
func (w *World) Started() time.Time { return w.started }

// Elapsed is the time since Started.
func (w *World) Elapsed() time.Duration {
	return do(w, "clock", func() clock { return clock{Ns: time.Since(w.started)} }).Ns
}

// Now is the present time of the world.
func (w *World) Now() time.Time { return w.started.Add(w.Elapsed()) }

type clock struct {
	Ns time.Duration `json:"ns"`
}

// Sleep waits, except in a recording; it ends early with the context.
func (w *World) Sleep(ctx context.Context, d time.Duration) {
	if w.Replaying() {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Interrupted tells whether the caller gave up, or the time was up. It is kept
// in a recording, because nothing that happened after it may be judged.
func (w *World) Interrupted(ctx context.Context) bool {
	return do(w, "interrupted", func() interruption { return interruption{ctx.Err() != nil} }).Yes
}

type interruption struct {
	Yes bool `json:"yes"`
}

// do runs one step, or takes its result from the recording. The n-th step of
// a name within a scope is that name's n-th result.
func do[T any](w *World, name string, live func() T) T {
	key := w.key(name)
	if w.tape != nil {
		return fromTape[T](w, key)
	}
	v := live()
	w.keep(key, v)
	return v
}

// key numbers the steps of one name.
func (w *World) key(name string) string {
	k := w.scope + name
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq[k]++
	return k + "#" + strconv.Itoa(w.seq[k])
}

func (w *World) keep(key string, v any) {
	if w.recorder != nil {
		w.recorder.add(key, v)
	}
}

func fromTape[T any](w *World, key string) T {
	var v T
	raw, ok := w.tape[key]
	if ok {
		if err := json.Unmarshal(raw, &v); err == nil {
			return v
		}
	}
	w.mu.Lock()
	w.missed++
	w.mu.Unlock()
	if f, ok := any(&v).(interface{ setFailure(Failure) }); ok {
		f.setFailure(NotRecorded)
	}
	return v
}
