package audit

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"
)

// listed is how many transfers of a kind are kept with all that is known.
const listed = 50

// moved is a transfer worth a line of its own.
type moved struct {
	weight int64 // what comes first
	at     position
	when   int64
	bytes  int64
	rate   int64 // bytes per second; 0: not stated
	action Action
	user   string
	source string
	path   string
}

// few of the greatest weight, and of equals the first of the log.
type topMoved []moved

func compareMoved(a, b moved) int {
	return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.at, b.at))
}

// takes tells whether a transfer of a weight would be kept.
func (t topMoved) takes(weight int64, at position) bool {
	return len(t) < listed || compareMoved(moved{weight: weight, at: at}, t[len(t)-1]) < 0
}

func (t *topMoved) insert(m moved) {
	list := *t
	i, _ := slices.BinarySearchFunc(list, m, compareMoved)
	*t = slices.Insert(list, i, m)
	if len(*t) > listed {
		*t = (*t)[:listed]
	}
}

func (t *topMoved) merge(o topMoved) {
	for _, m := range o {
		if t.takes(m.weight, m.at) {
			t.insert(m)
		}
	}
}

// rateOf is the speed of a transfer in bytes per second, or 0 where the log
// tells neither it nor the time.
func (e *event) rateOf() int64 {
	switch {
	case e.rate > 0:
		return e.rate
	case e.bytes > 0 && e.millis > 0:
		return int64(math.Round(float64(e.bytes) / float64(e.millis) * 1000))
	}
	return 0
}

// list keeps a transfer that was aborted, the newest first, or that was slow,
// those that cost most time first.
func (t *tally) list(to *topMoved, weight int64, e *event, at position) {
	if !to.takes(weight, at) {
		return
	}
	path := e.path
	if len(path) > maxText {
		path = append(bytes.Clone(path[:maxText]), "…"...)
	}
	to.insert(moved{
		weight: weight, at: at, when: e.when, bytes: e.bytes, rate: e.rateOf(), action: e.action,
		user: text(e.user), source: text(e.source), path: text(path),
	})
}

// TransferSummary is a transfer that was aborted or slow.
type TransferSummary struct {
	Time      *time.Time `json:"time,omitempty"`
	User      string     `json:"user,omitempty"`
	Source    string     `json:"source,omitempty"`
	Direction string     `json:"direction,omitempty"` // "upload", "download"; empty: not stated
	Path      string     `json:"path,omitempty"`
	Bytes     *int64     `json:"bytes,omitempty"` // moved until it ended
	Rate      int64      `json:"bytes_per_second,omitempty"`
	Place     string     `json:"place"`
}

func (a *audit) transfers(list topMoved) []TransferSummary {
	out := make([]TransferSummary, 0, len(list))
	for _, m := range list {
		s := TransferSummary{User: m.user, Source: m.source, Path: m.path, Rate: m.rate, Place: a.feed.place(m.at)}
		if m.action == Upload || m.action == Download {
			s.Direction = m.action.String()
		}
		if m.when != noTime {
			at := a.time(m.when)
			s.Time = &at
		}
		if m.bytes >= 0 {
			s.Bytes = &m.bytes
		}
		out = append(out, s)
	}
	return out
}
