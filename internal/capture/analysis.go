package capture

import (
	"net/netip"
	"slices"
	"time"

	"ftpdoctor/internal/finding"
)

// Options say how a capture is read.
type Options struct {
	// Words judges a dialogue as explain would judge its text; nil: refusals are
	// judged by their codes alone.
	Words func(dialogue string) []*finding.Finding
}

// Analysis is what a capture holds.
type Analysis struct {
	options     Options
	first, last moment
	conns       []*conn
	flows       map[flowKey]*flow
	names       names
	link        links
	echoes      map[netip.Addr]moment // who answered a ping
	awaited     []*expectation

	fragments map[fragmentKey]*fragmented
	unread    map[int]int // packets of links that are not known, by their type
	snapped   int         // packets that were cut short when they were recorded
	overflow  int         // connections beyond the limit
	damage    string      // why the file ended before its end; a phrase
}

const (
	maxConns   = 20_000
	maxAwaited = 512
	maxICMP    = 6
)

func newAnalysis(o Options) *Analysis {
	return &Analysis{options: o, flows: map[flowKey]*flow{}, echoes: map[netip.Addr]moment{}, fragments: map[fragmentKey]*fragmented{}, unread: map[int]int{}}
}

// expect notes a data connection that was announced.
func (a *Analysis) expect(e expectation) *expectation {
	if len(a.awaited) >= maxAwaited {
		a.awaited = slices.Delete(a.awaited, 0, maxAwaited/2)
	}
	a.awaited = append(a.awaited, &e)
	return &e
}

// lateFor is how long an announcement waits for its connection.
const lateFor = 5 * time.Minute

// meets finds the announcement that a new connection meets: the one for
// exactly its address, or for its port at an address of the control connection.
func (a *Analysis) meets(c *conn) *expectation {
	for _, exact := range []bool{true, false} {
		for i := len(a.awaited) - 1; i >= 0; i-- {
			e := a.awaited[i]
			if e.met != nil || e.server.Port() != c.server.Port() || e.client != c.client.Addr() || c.first.at.Sub(e.m.at) > lateFor {
				continue
			}
			control := e.from.c.server.Addr()
			if !e.passive {
				control = e.from.c.client.Addr()
			}
			if e.server.Addr() == c.server.Addr() || !exact && control == c.server.Addr() {
				e.met = c
				a.awaited = slices.Delete(a.awaited, i, i+1)
				return e
			}
		}
	}
	return nil
}

// lacks tells what could not be read.
func (a *Analysis) lacks() []string {
	var out []string
	if a.damage != "" {
		out = append(out, a.damage)
	}
	if a.snapped > 0 {
		out = append(out, "packets were cut short when they were recorded (snap length): what they carried is known in part")
	}
	if a.overflow > 0 {
		out = append(out, "the capture holds more connections than are kept apart: the later ones were left out")
	}
	if len(a.unread) > 0 {
		out = append(out, "some packets are of a link or network protocol that is not read here")
	}
	return out
}
