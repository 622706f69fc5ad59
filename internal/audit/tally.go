package audit

import (
	"bytes"
	"math"
	"math/bits"
	"net/netip"
	"time"
)

// The bounds of the tables of one worker. A table that grows beyond its bound
// loses the lighter half, and the summary says so.
const (
	maxSources  = 32 << 10
	maxUsers    = 16 << 10
	maxWho      = 32 << 10
	maxHours    = 100_000 // eleven years
	maxCiphers  = 256
	maxExamples = 5
)

// span is the time between the first and the last of something.
type span struct{ first, last int64 }

func (s *span) add(when int64) {
	if when == noTime {
		return
	}
	if s.first == 0 || when < s.first {
		s.first = when
	}
	if when > s.last {
		s.last = when
	}
}

func (s *span) merge(o span) {
	if o.first != 0 {
		s.add(o.first)
		s.add(o.last)
	}
}

// source is what is known of one address.
type source struct {
	span
	lines               uint64
	logins, failed      uint32
	echoed              uint32 // failures as PAM tells them
	auth                uint32 // AUTH commands
	tls, tlsData, noTLS uint32 // handshakes on control and data connections; failures
	secure              uint32 // logins that are no matter of TLS: SSH's, anonymous ones
	up, down            int64
	transfers           uint32
	lastLogin           int64
	active              bool   // the last data connection was the client's to accept
	names               uint64 // a sketch of the user names that failed
	users               few    // who failed from here
	as                  few    // who logged in from here
}

// distinct estimates from a sketch of 64 bits how many different names set it.
func distinct(sketch uint64) int {
	zero := 64 - bits.OnesCount64(sketch)
	if zero == 0 {
		return 256
	}
	return int(math.Round(-64 * math.Log(float64(zero)/64)))
}

// user is what is known of one user name.
type user struct {
	span
	lines          uint64
	logins, failed uint32
	echoed         uint32
	lastLogin      int64
	failures       newest
	from           few // where the failures came from
	up, down       int64
	uploads        uint32
	downloads      uint32
	aborted, slow  uint32
}

// hour is what happened in one hour.
type hour struct {
	events, logins, failures, transfers uint32
	bytes                               int64
}

// whoKey says who met a cause: the numbers of user and source and the cause, in
// one number, since that is found fastest.
type whoKey uint64

func keyOf(user, source uint32, c cause) whoKey {
	return whoKey(user)<<36 | whoKey(source)<<8 | whoKey(c)
}

func (k whoKey) user() uint32   { return uint32(k >> 36) }
func (k whoKey) source() uint32 { return uint32(k>>8) & (1<<28 - 1) }
func (k whoKey) cause() cause   { return cause(k) }

// who counts it, with the first line of the log.
type who struct {
	span
	n    uint32
	at   position
	line string
	// shared: not the file service alone.
	shared bool
}

// example is a line worth showing.
type example struct {
	at   position
	text string
}

// examples keeps the first few in the order of the log.
type examples []example

func (x *examples) add(at position, text []byte) {
	list := *x
	if len(list) == maxExamples && list[len(list)-1].at <= at {
		return
	}
	x.insert(example{at, clippedText(text)})
}

func (x *examples) insert(e example) {
	list := append(*x, e)
	for i := len(list) - 1; i > 0 && list[i-1].at > list[i].at; i-- {
		list[i-1], list[i] = list[i], list[i-1]
	}
	*x = list[:min(len(list), maxExamples)]
}

const maxText = 240

func clippedText(b []byte) string {
	b = redacted(b)
	if len(b) > maxText {
		return string(b[:maxText]) + "…"
	}
	return string(b)
}

// perCause counts what failed for one reason.
type perCause struct {
	span
	n uint64
}

// tally is what one worker has counted. Tallies of parts of a log add up to
// that of the whole, in any order.
type tally struct {
	filter filter

	events   uint64
	filtered uint64
	twins    uint64 // events that another log had told
	span     span
	counts   [nActions][nOutcomes]uint64
	up, down int64

	addresses *table
	sources   []source
	names     *table
	users     []user
	hours     map[int64]*hour
	hour      *hour // the last one
	hourKey   int64
	who       map[whoKey]*who
	causes    [nCauses]perCause
	ciphers   map[string]uint64

	slow, sized uint64   // of the transfers large enough to be timed
	broken      topMoved // transfers that were aborted
	crawled     topMoved // and that were slow
	// showsTLS: the log is of a kind that would show TLS, had there been any.
	showsTLS bool

	cutSources, cutUsers, cutWho bool
}

func newTally(f filter) *tally {
	return &tally{
		filter: f, addresses: newTable(), sources: make([]source, 1), names: newTable(), users: make([]user, 1),
		hours: map[int64]*hour{}, who: map[whoKey]*who{}, ciphers: map[string]uint64{}, hourKey: math.MinInt64,
	}
}

// filter is what the reader of the log is interested in.
type filter struct {
	on           bool
	since, until int64 // milliseconds; until 0: no end
	user         string
	prefix       netip.Prefix // of sources; not valid: all
}

func (f *filter) wants(e *event) bool {
	if e.when != noTime && (e.when < f.since || f.until != 0 && e.when >= f.until) {
		return false
	}
	if f.user != "" && string(e.user) != f.user {
		return false
	}
	if f.prefix.IsValid() {
		a, err := netip.ParseAddr(string(e.source))
		return err == nil && f.prefix.Contains(a.Unmap())
	}
	return true
}

// Transfers of at least this size are judged by their speed; below
// slowRate bytes per second they are slow.
const (
	sizeToTime = 1 << 20
	slowRate   = 64 << 10
)

// add counts one event. line is what it was read from.
func (t *tally) add(e *event, at position, line []byte) {
	if t.filter.on && !t.filter.wants(e) {
		t.filtered++
		return
	}
	t.events++
	t.showsTLS = t.showsTLS || e.showsTLS
	t.counts[e.action][e.outcome]++
	h := t.at(e.when)
	h.events++
	sid := t.addresses.id(e.source, maxSources)
	if int(sid) == len(t.sources) {
		t.sources = append(t.sources, source{})
	}
	src := &t.sources[sid]
	src.lines++
	src.add(e.when)
	uid := uint32(0)
	if len(e.user) > 0 {
		uid = t.names.id(e.user, maxUsers)
		if int(uid) == len(t.users) {
			t.users = append(t.users, user{})
		}
		u := &t.users[uid]
		u.lines++
		u.add(e.when)
	}
	switch e.action {
	case Login:
		t.login(e, sid, uid, h)
	case Upload, Download:
		t.transfer(e, src, &t.users[uid], h, at)
	case TLSControl, TLSData:
		t.tls(e, src)
	case Command:
		t.dataMode(e, src)
	case ServiceStart: // a service takes the place of a user: to run is its success
		if e.when != noTime {
			t.users[uid].lastLogin = max(t.users[uid].lastLogin, e.when)
		}
	}
	if e.cause == aborted {
		t.users[uid].aborted++
		t.list(&t.broken, e.when, e, at)
	}
	if e.cause != noCause {
		t.fail(e, sid, uid, h, at, line)
	}
}

// at gives the hour of a time.
func (t *tally) at(when int64) *hour {
	key := int64(math.MinInt64 + 1) // without a time
	if when != noTime {
		t.span.add(when)
		key = floorDiv(when, 3_600_000)
	}
	if key == t.hourKey {
		return t.hour
	}
	h := t.hours[key]
	if h == nil {
		h = &hour{}
		if len(t.hours) < maxHours {
			t.hours[key] = h
		}
	}
	t.hour, t.hourKey = h, key
	return h
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (t *tally) login(e *event, sid, uid uint32, h *hour) {
	src, u := &t.sources[sid], &t.users[uid]
	switch e.outcome {
	case Success:
		h.logins++
		src.logins++
		u.logins++
		src.as.add(uid, 1)
		if e.secure || anonymous(e.user) {
			src.secure++
		}
		if e.when != noTime {
			src.lastLogin, u.lastLogin = max(src.lastLogin, e.when), max(u.lastLogin, e.when)
		}
	case Failure:
		if e.shared {
			return
		}
		if e.echo {
			src.echoed++
			u.echoed++
			return
		}
		src.failed++
		u.failed++
		src.names |= 1 << (nameHash(e.user) & 63)
		src.users.add(uid, 1)
		u.from.add(sid, 1)
		if e.when != noTime {
			u.failures.add(e.when)
		}
	}
}

func anonymous(name []byte) bool { return string(name) == "anonymous" || string(name) == "ftp" }

// nameHash is the same for the same name in every worker.
func nameHash(name []byte) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range name {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h ^ h>>29
}

func (t *tally) transfer(e *event, src *source, u *user, h *hour, at position) {
	if e.bytes > 0 {
		h.bytes += e.bytes
		if e.action == Upload {
			t.up += e.bytes
			src.up += e.bytes
			u.up += e.bytes
		} else {
			t.down += e.bytes
			src.down += e.bytes
			u.down += e.bytes
		}
	}
	h.transfers++
	src.transfers++
	if e.action == Upload {
		u.uploads++
	} else {
		u.downloads++
	}
	if e.bytes >= sizeToTime && (e.rate > 0 || e.millis > 0) {
		t.sized++
		if rate := e.rateOf(); rate < slowRate {
			t.slow++
			u.slow++
			t.list(&t.crawled, e.bytes/max(rate, 1), e, at)
		}
	}
}

func (t *tally) tls(e *event, src *source) {
	switch {
	case e.outcome == Failure:
		src.noTLS++
	case e.outcome == NoOutcome:
		src.auth++
	case e.action == TLSData:
		src.tlsData++
	default:
		src.tls++
	}
	if e.outcome == Success && len(e.tlsVersion) > 0 {
		key := append(append(append(make([]byte, 0, 64), e.tlsVersion...), ' '), e.tlsCipher...)
		if n, ok := t.ciphers[string(key)]; ok || len(t.ciphers) < maxCiphers {
			t.ciphers[string(key)] = n + 1
		}
	}
}

// dataMode notes who opens the data connections of this source.
func (t *tally) dataMode(e *event, src *source) {
	verb, _ := word(e.message)
	switch {
	case equalFold(verb, "PORT"), equalFold(verb, "EPRT"):
		src.active = true
	case equalFold(verb, "PASV"), equalFold(verb, "EPSV"):
		src.active = false
	}
}

func (t *tally) fail(e *event, sid, uid uint32, h *hour, at position, line []byte) {
	if e.echo && (e.cause == rejected || e.cause == unknownUser) {
		return
	}
	c := e.cause
	if c == passiveFailed && t.sources[sid].active {
		c = activeFailed
	}
	h.failures++
	p := &t.causes[c]
	p.n++
	p.add(e.when)
	key := keyOf(uid, sid, c)
	w := t.who[key]
	if w == nil {
		if len(t.who) >= 2*maxWho {
			t.cutWho = true
			return
		}
		w = &who{at: at, line: clippedText(line), shared: e.shared}
		t.who[key] = w
	}
	w.n++
	w.add(e.when)
	if at < w.at {
		w.at, w.line = at, clippedText(line)
	}
}

// bound brings the tables back within their bounds; to be called between
// chunks, when no number of a table is in use.
func (t *tally) bound() {
	cutS, cutU := len(t.sources) > maxSources, len(t.users) > maxUsers
	if cutS || cutU {
		t.cutSources, t.cutUsers = t.cutSources || cutS, t.cutUsers || cutU
		keepS, keepU := maxSources, maxUsers
		if cutS {
			keepS /= 2
		}
		if cutU {
			keepU /= 2
		}
		t.renumber(
			t.addresses.keep(heaviest(len(t.sources), keepS, func(id uint32) uint64 { return t.sources[id].weight() })),
			t.names.keep(heaviest(len(t.users), keepU, func(id uint32) uint64 { return t.users[id].weight() })))
	}
	if len(t.who) > maxWho {
		t.cutWho = true
		for limit := uint32(1); len(t.who) > maxWho/2; limit *= 2 {
			for k, w := range t.who {
				if w.n <= limit {
					delete(t.who, k)
				}
			}
		}
	}
}

// clear is how many logins came before, or without, TLS: at least, since some
// logs show the command, some the handshake, some both.
func (s *source) clear() uint32 {
	return s.logins - min(s.logins, max(s.tls, s.auth)+s.secure)
}

// What succeeded or moved data weighs more than a failed attempt: a flood of
// addresses that guess passwords must not push out the users of the service.
func (s *source) weight() uint64 { return s.lines + 100*uint64(s.logins) + 100*uint64(s.transfers) }

func (u *user) weight() uint64 {
	return u.lines + 100*uint64(u.logins) + 100*uint64(u.uploads+u.downloads)
}

// renumber gives sources and users other numbers; those that have none any
// more become part of number 0.
func (t *tally) renumber(sources, users []uint32) {
	keptS, keptU := make([]source, len(t.addresses.names)), make([]user, len(t.names.names))
	for id := range t.sources {
		s := t.sources[id]
		old := s.users
		as := s.as
		s.users, s.as = few{}, few{}
		s.users.merge(&old, users)
		s.as.merge(&as, users)
		keptS[sources[id]].merge(&s, same)
	}
	for id := range t.users {
		u := t.users[id]
		old := u.from
		u.from = few{}
		u.from.merge(&old, sources)
		keptU[users[id]].merge(&u, same)
	}
	t.sources, t.users = keptS, keptU
	old := t.who
	t.who = make(map[whoKey]*who, len(old))
	for k, w := range old {
		t.whoOf(keyOf(users[k.user()], sources[k.source()], k.cause())).merge(w)
	}
}

func (t *tally) whoOf(k whoKey) *who {
	w := t.who[k]
	if w == nil {
		w = &who{at: math.MaxUint64}
		t.who[k] = w
	}
	return w
}

func (w *who) merge(o *who) {
	w.n += o.n
	w.shared = w.shared || o.shared
	w.span.merge(o.span)
	if o.at < w.at {
		w.at, w.line = o.at, o.line
	}
}

// hourTime is the beginning of an hour of the table, or false for the lines
// without a time.
func hourTime(key int64) (time.Time, bool) {
	if key == math.MinInt64+1 {
		return time.Time{}, false
	}
	return time.UnixMilli(key * 3_600_000).UTC(), true
}

// text is a copy of a part of a line.
func text(b []byte) string { return string(bytes.Clone(b)) }
