package audit

import (
	"bytes"
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Options are what to look for and how.
type Options struct {
	// Since and Until bound the events by their time; zero: no bound.
	Since, Until time.Time
	User         string       // only this user
	Sources      netip.Prefix // only these addresses; not valid: all
	// Zone is that of times which state none. Nil: this machine's.
	Zone *time.Location
	// Host is the name of the server, for findings that name it.
	Host string
	// Now is the time of a log of which nothing else tells when it was written.
	Now time.Time
	// Workers is how many goroutines read; 0: as many as processors.
	Workers int
	// Each is called for every event, in the order of the logs, by one
	// goroutine. The event is valid during the call only.
	Each func(*Event)
	// Pause is called whenever a log that is still being written has nothing more
	// for now, see [ErrPause]. The logs are then read by one goroutine.
	Pause func(*Summary)
}

// Run reads the logs to their end. An input that can't be read is noted in the
// summary; only the end of the context is an error.
func Run(ctx context.Context, inputs []Input, o Options) (*Summary, error) {
	return run(ctx, inputs, o, chunkSize)
}

func run(ctx context.Context, inputs []Input, o Options, size int) (*Summary, error) {
	a := begin(inputs, o)
	a.size = size
	n := o.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if o.Each != nil || o.Pause != nil {
		n = 1
	}
	workers := make([]*worker, n)
	for i := range workers {
		workers[i] = newWorker(a, n > 1)
	}
	var turns []int
	a.feed.inputs, turns = a.inTurns(inputs)
	for i, limit := range turns {
		a.feed.limit, a.turn.next = limit, a.feed.order
		var wg sync.WaitGroup
		for _, w := range workers {
			w.twins = len(turns) > 1
			wg.Go(func() { w.run(ctx) })
		}
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i+1 < len(turns) {
			for _, w := range workers {
				a.told.merge(&w.own)
				w.own = twins{}
			}
		}
	}
	total := workers[0].tally
	for _, w := range workers[1:] {
		total.merge(w.tally)
	}
	return a.summary(total), nil
}

// audit is one run.
type audit struct {
	feed    *feed
	options Options
	filter  filter
	turn    turnstile
	told    twins // what logs of kinds that were read before have told
	size    int   // of a chunk
}

func begin(inputs []Input, o Options) *audit {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	a := &audit{feed: &feed{inputs: inputs, zone: o.Zone, now: o.Now}, options: o}
	a.filter = filter{user: o.User, prefix: o.Sources}
	if !o.Since.IsZero() {
		a.filter.since = o.Since.UnixMilli()
	}
	if !o.Until.IsZero() {
		a.filter.until = o.Until.UnixMilli()
	}
	a.filter.on = a.filter.since != 0 || a.filter.until != 0 || o.User != "" || o.Sources.IsValid()
	a.turn.init()
	return a
}

// session is who a session belongs to.
type session struct{ user, source string }

// orphan is an event whose session began in an earlier chunk.
type orphan struct {
	event event
	at    position
	line  []byte
}

// turnstile lets the workers pass one by one, in the order of the chunks, to
// hand on what they know of sessions.
type turnstile struct {
	mu   sync.Mutex
	cond sync.Cond
	next uint64
	live map[int64]session
}

func (t *turnstile) init() {
	t.cond.L = &t.mu
	t.live = map[int64]session{}
}

// maxSessions bounds the sessions that are remembered.
const maxSessions = 16 << 10

func remember(m map[int64]session, id int64, s session) {
	if len(m) >= maxSessions {
		clear(m) // sessions whose end was never logged
	}
	m[id] = s
}

// worker reads chunks and counts.
type worker struct {
	*audit
	alone    bool
	buf      []byte
	tally    *tally
	reader   reader
	log      *log
	event    event
	public   Event
	sessions map[int64]session // those that began in this chunk; alone: all
	ended    map[int64]bool
	orphans  []orphan
	base     uint64
	twins    bool // another kind of log follows or was before
	own      twins
}

// count is the lines of one chunk by their kind.
type count struct{ lines, known, foreign, unknown uint32 }

func newWorker(a *audit, several bool) *worker {
	return &worker{audit: a, alone: !several, buf: make([]byte, a.size), tally: newTally(a.filter), sessions: map[int64]session{}, ended: map[int64]bool{}}
}

func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		c, ok := w.feed.next(w.buf)
		if !ok {
			return
		}
		if w.alone {
			w.base = c.log.total
		}
		w.chunk(c)
		w.tally.bound()
		if c.pause && w.options.Pause != nil {
			w.options.Pause(w.summary(w.tally))
		}
	}
	w.turn.mu.Lock() // whoever gives up lets the others pass
	w.turn.next = 1 << 62
	w.turn.mu.Unlock()
	w.turn.cond.Broadcast()
}

func (w *worker) chunk(c chunk) {
	if w.log != c.log {
		w.log = c.log
		w.reader = reader{clock: clock{zone: c.log.zone, written: c.log.written}}
	}
	w.reader.layout = c.columns
	var n count
	var strange examples
	d, r, e := c.log.dialect, &w.reader, &w.event
	for data := c.data; len(data) > 0; {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		n.lines++
		if k := len(line); k > 0 && line[k-1] == '\r' {
			line = line[:k-1]
		}
		e.reset()
		switch d.read(r, line, e) {
		case known:
			n.known++
			at := positionOf(c.log, c.seq, n.lines)
			if e.turn != aside && d.sessions && !w.inSession(e, at, line) {
				continue
			}
			w.count(e, at, line)
		case quiet:
			n.known++
		case foreign:
			n.foreign++
		default:
			if len(line) == 0 {
				n.known++
				continue
			}
			n.unknown++
			strange.add(positionOf(c.log, c.seq, n.lines), line)
		}
	}
	if d.sessions && !w.alone {
		w.pass(c)
	}
	c.log.add(c, n, strange)
	c.log.note(&w.reader.clock)
}

// note keeps what was assumed about the times of a log.
func (l *log) note(c *clock) {
	if !c.guessed && !c.zoned {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guessed, l.zoned = l.guessed || c.guessed, l.zoned || c.zoned
}

func (w *worker) count(e *event, at position, line []byte) {
	if w.twins && w.again(e) {
		w.tally.twins++
		return
	}
	w.tally.add(e, at, line)
	if w.options.Each != nil && (!w.filter.on || w.filter.wants(e)) {
		w.public.set(e, w.log, w.base+uint64(at&(1<<20-1)), line)
		w.options.Each(&w.public)
	}
}

// inSession completes an event by what its session is known to be. It tells
// whether the event can be counted now.
func (w *worker) inSession(e *event, at position, line []byte) bool {
	switch e.turn {
	case begins:
		remember(w.sessions, e.session, session{text(e.user), text(e.source)})
		return true
	case over:
		delete(w.sessions, e.session)
		w.ended[e.session] = true
		return true
	}
	if s, ok := w.sessions[e.session]; ok {
		s.complete(e)
		return true
	}
	if w.alone || w.ended[e.session] {
		return true
	}
	o := orphan{event: *e, at: at}
	o.event.path, o.event.target, o.event.message, o.event.tlsVersion, o.event.tlsCipher = nil, nil, nil, nil, nil
	o.event.source, o.event.user = bytes.Clone(e.source), bytes.Clone(e.user)
	if e.cause == aborted {
		o.event.path = bytes.Clone(e.path)
	}
	if e.cause != noCause {
		o.line = bytes.Clone(line)
	}
	w.orphans = append(w.orphans, o)
	return false
}

func (s session) complete(e *event) {
	if len(e.user) == 0 {
		e.user = []byte(s.user)
	}
	if len(e.source) == 0 {
		e.source = []byte(s.source)
	}
}

// pass waits for the chunks before this one, completes the events of sessions
// that began there, and hands on the sessions that go on.
func (w *worker) pass(c chunk) {
	t := &w.turn
	t.mu.Lock()
	for t.next < c.order {
		t.cond.Wait()
	}
	for i := range w.orphans {
		o := &w.orphans[i]
		if s, ok := t.live[o.event.session]; ok {
			s.complete(&o.event)
		}
		w.tally.add(&o.event, o.at, o.line)
	}
	for id := range w.ended {
		delete(t.live, id)
	}
	for id, s := range w.sessions {
		remember(t.live, id, s)
	}
	t.next = max(t.next, c.order+1)
	t.mu.Unlock()
	t.cond.Broadcast()
	clear(w.sessions)
	clear(w.ended)
	w.orphans = w.orphans[:0]
}
