package audit

import (
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
	// text is user, source and path, one behind the other.
	text         []byte
	user, source int // where they end
}

// topMoved keeps the transfers of the greatest weight, and of equals the first
// of the log. In a log in the order of time every new one may belong to them: they
// are gathered, with room that is used again, and sorted now and then.
type topMoved struct {
	list []moved
	last moved // of those that were kept when it was sorted last
}

const gathered = 4 * listed

func compareMoved(a, b moved) int {
	return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.at, b.at))
}

// takes tells whether a transfer of a weight may be among those that are kept.
func (t *topMoved) takes(weight int64, at position) bool {
	return t.last.at == 0 || compareMoved(moved{weight: weight, at: at}, t.last) < 0
}

// next gives the room for one more.
func (t *topMoved) next() *moved {
	if len(t.list) == gathered {
		t.cut()
	}
	if cap(t.list) == 0 {
		t.list = make([]moved, 0, gathered)
	}
	t.list = t.list[:len(t.list)+1]
	return &t.list[len(t.list)-1]
}

func (t *topMoved) cut() {
	slices.SortFunc(t.list, compareMoved)
	if len(t.list) >= listed {
		t.list, t.last = t.list[:listed], t.list[listed-1]
	}
}

func (t *topMoved) merge(o *topMoved) {
	for _, m := range o.list {
		if t.takes(m.weight, m.at) {
			*t.next() = m
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
	path, more := e.path, ""
	if len(path) > maxText {
		path, more = path[:maxText], "…"
	}
	m := to.next()
	m.weight, m.at, m.when, m.bytes, m.rate, m.action = weight, at, e.when, e.bytes, e.rateOf(), e.action
	m.text = append(append(m.text[:0], e.user...), e.source...)
	m.user, m.source = len(e.user), len(m.text)
	m.text = append(append(m.text, path...), more...)
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

func (a *audit) transfers(t *topMoved) []TransferSummary {
	t.cut()
	out := make([]TransferSummary, 0, len(t.list))
	for _, m := range t.list {
		s := TransferSummary{
			User: string(m.text[:m.user]), Source: string(m.text[m.user:m.source]), Path: string(m.text[m.source:]),
			Rate: m.rate, Place: a.feed.place(m.at),
		}
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
