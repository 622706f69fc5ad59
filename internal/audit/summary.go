package audit

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// Summary is what the logs say as a whole. Lists hold the most important
// entries; their totals are beside them.
type Summary struct {
	Logs     []LogSummary `json:"logs"`
	Lines    uint64       `json:"lines"`
	Events   uint64       `json:"events"`
	Filtered uint64       `json:"filtered,omitempty"` // events that were not asked for
	// Twins counts events that stand in logs of two kinds, and count once.
	Twins uint64     `json:"told_twice,omitempty"`
	First *time.Time `json:"first,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
	// Zone is that of times which state none; Assumed tells whether any did.
	Zone    string `json:"zone"`
	Assumed bool   `json:"zone_assumed"`
	Guessed bool   `json:"year_guessed"`

	Connections  uint64 `json:"connections"`
	Logins       uint64 `json:"logins"`
	FailedLogins uint64 `json:"failed_logins"`
	Uploads      uint64 `json:"uploads"`
	Downloads    uint64 `json:"downloads"`
	Aborted      uint64 `json:"aborted_transfers"`
	Slow         uint64 `json:"slow_transfers"`
	BytesUp      int64  `json:"bytes_up"`
	BytesDown    int64  `json:"bytes_down"`
	Deletes      uint64 `json:"deletes"`

	UserCount   int              `json:"user_count"`
	SourceCount int              `json:"source_count"`
	Users       []UserSummary    `json:"users"`
	Sources     []SourceSummary  `json:"sources"`
	Failures    []FailureSummary `json:"failures"`
	Attacks     []Attack         `json:"attacks"`
	// Transfers that did not end well, the newest, and slow ones, those that took
	// longest.
	Broken     []TransferSummary `json:"aborted"`
	Crawled    []TransferSummary `json:"slow"`
	TLS        []Count           `json:"tls"`
	Reasons    []Count           `json:"reasons"`
	Timeline   []Bucket          `json:"timeline"`
	HoursOfDay [24]uint64        `json:"hours_of_day"` // events
	Busiest    []Bucket          `json:"busiest_hours"`
	// Cut names the tables that were full, so that the lighter half of their
	// entries is missing: "sources", "users", "failures"; and "twins", where some
	// events of two logs may count twice.
	Cut []string `json:"cut"`

	findings []*finding.Finding
}

// LogSummary is what was read of one log.
type LogSummary struct {
	Name    string    `json:"name"`
	Dialect string    `json:"dialect"`
	Lines   uint64    `json:"lines"`
	Known   uint64    `json:"known"`
	Foreign uint64    `json:"foreign"` // lines of other programs
	Unknown uint64    `json:"unknown"`
	Strange []Example `json:"unknown_examples,omitempty"`
	Error   string    `json:"error,omitempty"`
	// Damage is what is not sound in a Windows event log; nil: nothing.
	Damage *Damage `json:"damage,omitempty"`
	// Written is when it was last written to, which decided the years.
	Written time.Time `json:"written"`
}

// Example is one line of a log.
type Example struct {
	Place string `json:"place"` // FILE:LINE
	Text  string `json:"text"`
}

// UserSummary is one user's use of the service.
type UserSummary struct {
	Name      string    `json:"name"`
	Logins    uint32    `json:"logins"`
	Failed    uint32    `json:"failed_logins"`
	Uploads   uint32    `json:"uploads"`
	Downloads uint32    `json:"downloads"`
	Aborted   uint32    `json:"aborted"`
	BytesUp   int64     `json:"bytes_up"`
	BytesDown int64     `json:"bytes_down"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// SourceSummary is the same of one address.
type SourceSummary struct {
	Address   string    `json:"address"`
	Events    uint64    `json:"events"`
	Logins    uint32    `json:"logins"`
	Failed    uint32    `json:"failed_logins"`
	TLSFailed uint32    `json:"tls_failures"`
	Transfers uint32    `json:"transfers"`
	BytesUp   int64     `json:"bytes_up"`
	BytesDown int64     `json:"bytes_down"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// FailureSummary says who met which cause, how often and when.
type FailureSummary struct {
	Reason string       `json:"reason"`
	Code   finding.Code `json:"code,omitempty"`
	User   string       `json:"user,omitempty"`
	Source string       `json:"source,omitempty"`
	Count  uint32       `json:"count"`
	First  time.Time    `json:"first"`
	Last   time.Time    `json:"last"`
	Place  string       `json:"place"` // of the first
	Line   string       `json:"line"`
}

// Attack is a source that guesses names and passwords.
type Attack struct {
	Source    string    `json:"source"`
	Failed    uint32    `json:"failed_logins"`
	Names     int       `json:"user_names"` // how many different ones, about
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Succeeded []string  `json:"succeeded,omitempty"` // users as which it then got in
}

// Count is something counted.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// Bucket is a piece of time.
type Bucket struct {
	Start    time.Time `json:"start"`
	Seconds  int64     `json:"seconds"`
	Events   uint64    `json:"events"`
	Logins   uint64    `json:"logins"`
	Failures uint64    `json:"failures"`
	Bytes    int64     `json:"bytes"`
}

// Findings are the judgement, the gravest first.
func (s *Summary) Findings() []*finding.Finding { return s.findings }

// Readable counts the logs that could be read and understood.
func (s *Summary) Readable() int {
	n := 0
	for _, l := range s.Logs {
		if l.Error == "" && (l.Known > 0 || l.Lines == 0) {
			n++
		}
	}
	return n
}

// How many entries the lists of a summary have at most.
const (
	topUsers    = 50
	topSources  = 50
	topFailures = 200
	topAttacks  = 50
	timeline    = 60
)

func (a *audit) time(millis int64) time.Time {
	if millis == 0 || millis == noTime {
		return time.Time{}
	}
	return time.UnixMilli(millis).In(a.options.Zone)
}

func (a *audit) summary(t *tally) *Summary {
	s := &Summary{
		Events: t.events, Filtered: t.filtered, Zone: a.zoneName(),
		Connections: sum(t.counts[Connect][:]), Logins: t.counts[Login][Success],
		Uploads: t.counts[Upload][Success], Downloads: t.counts[Download][Success], Deletes: t.counts[Delete][Success],
		Aborted: t.causes[aborted].n, Slow: t.slow, BytesUp: t.up, BytesDown: t.down,
		UserCount: len(t.users) - 1, SourceCount: len(t.sources) - 1,
		Attacks: []Attack{}, Failures: []FailureSummary{}, Cut: []string{},
	}
	if t.span.first != 0 {
		first, last := a.time(t.span.first), a.time(t.span.last)
		s.First, s.Last = &first, &last
	}
	for i := range t.users {
		t.users[i].failed = max(t.users[i].failed, t.users[i].echoed)
	}
	for i := range t.sources {
		src := &t.sources[i]
		src.failed = max(src.failed, src.echoed)
		s.FailedLogins += uint64(src.failed)
	}
	for _, l := range a.feed.logs {
		s.Lines += l.total
		s.Assumed, s.Guessed = s.Assumed || l.zoned, s.Guessed || l.guessed
		s.Logs = append(s.Logs, a.logSummary(l))
	}
	for name, cut := range map[string]bool{"sources": t.cutSources, "users": t.cutUsers, "failures": t.cutWho} {
		if cut {
			s.Cut = append(s.Cut, name)
		}
	}
	if s.Twins = t.twins; a.told.full {
		s.Cut = append(s.Cut, "twins")
	}
	slices.Sort(s.Cut)
	s.Broken, s.Crawled = a.transfers(&t.broken), a.transfers(&t.crawled)
	a.people(s, t)
	a.failures(s, t)
	a.hours(s, t)
	s.TLS = counted(t.ciphers)
	reasons := map[string]uint64{}
	for c, p := range t.causes {
		if p.n > 0 {
			reasons[cause(c).String()] = p.n
		}
	}
	s.Reasons = counted(reasons)
	j := &judge{audit: a, tally: t, summary: s}
	s.findings = j.findings()
	return s
}

func (a *audit) zoneName() string {
	name := a.options.Zone.String()
	if name == "Local" {
		name, _ = a.options.Now.In(a.options.Zone).Zone()
	}
	return name + " (" + a.options.Now.In(a.options.Zone).Format("-07:00") + ")"
}

func (a *audit) logSummary(l *log) LogSummary {
	out := LogSummary{Name: l.name, Lines: l.total, Known: l.known, Foreign: l.foreign, Unknown: l.unknown, Written: l.written, Dialect: unrecognised.name}
	if l.dialect != nil {
		out.Dialect = l.dialect.name
	}
	if l.err != nil {
		out.Error = l.err.Error()
	}
	if l.damage != nil && *l.damage != (Damage{}) {
		d := *l.damage
		out.Damage = &d
	}
	for _, x := range l.examples {
		out.Strange = append(out.Strange, a.example(x))
	}
	return out
}

func (a *audit) example(x example) Example {
	return Example{Place: a.feed.place(x.at), Text: x.text}
}

func sum(n []uint64) (total uint64) {
	for _, k := range n {
		total += k
	}
	return total
}

func counted(m map[string]uint64) []Count {
	out := make([]Count, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Count{strings.TrimSpace(name), m[name]})
	}
	slices.SortStableFunc(out, func(a, b Count) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// people lists the users by what they moved, and the sources by their events.
func (a *audit) people(s *Summary, t *tally) {
	s.Users, s.Sources = []UserSummary{}, []SourceSummary{}
	volume := func(id uint32) uint64 {
		u := &t.users[id]
		return uint64(u.up+u.down)<<8 + uint64(u.lines&0xff)
	}
	ids := heaviest(len(t.users), topUsers, volume)
	t.names.order(ids, volume)
	for _, id := range ids {
		u := &t.users[id]
		if u.logins == 0 && u.uploads+u.downloads == 0 {
			continue // only failed to log in; that stands elsewhere
		}
		s.Users = append(s.Users, UserSummary{
			Name: t.names.names[id], Logins: u.logins, Failed: u.failed, Uploads: u.uploads, Downloads: u.downloads, Aborted: u.aborted,
			BytesUp: u.up, BytesDown: u.down, First: a.time(u.first), Last: a.time(u.last),
		})
	}
	lines := func(id uint32) uint64 { return t.sources[id].lines }
	ids = heaviest(len(t.sources), topSources, lines)
	t.addresses.order(ids, lines)
	for _, id := range ids {
		src := &t.sources[id]
		s.Sources = append(s.Sources, SourceSummary{
			Address: t.addresses.names[id], Events: src.lines, Logins: src.logins, Failed: src.failed, TLSFailed: src.noTLS,
			Transfers: src.transfers, BytesUp: src.up, BytesDown: src.down, First: a.time(src.first), Last: a.time(src.last),
		})
	}
}

// failures lists who met which cause, the most frequent first.
func (a *audit) failures(s *Summary, t *tally) {
	keys := slices.Collect(maps.Keys(t.who))
	slices.SortFunc(keys, func(x, y whoKey) int {
		return cmp.Or(cmp.Compare(t.who[y].n, t.who[x].n), cmp.Compare(t.who[x].at, t.who[y].at), cmp.Compare(x.cause(), y.cause()))
	})
	for _, k := range keys[:min(len(keys), topFailures)] {
		s.Failures = append(s.Failures, a.failure(t, k))
	}
}

func (a *audit) failure(t *tally, k whoKey) FailureSummary {
	w := t.who[k]
	f := FailureSummary{
		Reason: k.cause().String(), User: t.names.names[k.user()], Source: t.addresses.names[k.source()], Count: w.n,
		First: a.time(w.first), Last: a.time(w.last), Line: w.line,
	}
	if d := causes[k.cause()].def; d != nil {
		f.Code = d.Code
	}
	if len(a.feed.logs) > 0 {
		f.Place = a.feed.place(w.at)
	}
	return f
}

// hours makes the timeline, in at most as many pieces as a terminal has room
// for, and the busiest hours.
func (a *audit) hours(s *Summary, t *tally) {
	keys := slices.Sorted(maps.Keys(t.hours))
	s.Timeline, s.Busiest = []Bucket{}, []Bucket{}
	dated := keys[:0:0]
	for _, k := range keys {
		if at, ok := hourTime(k); ok {
			dated = append(dated, k)
			s.HoursOfDay[at.In(a.options.Zone).Hour()] += uint64(t.hours[k].events)
		}
	}
	if len(dated) == 0 {
		return
	}
	span := dated[len(dated)-1] - dated[0] + 1
	step := int64(1)
	for _, wider := range []int64{1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24} {
		if step = wider; span/step <= timeline {
			break
		}
	}
	for span/step > timeline {
		step *= 2
	}
	for _, k := range dated {
		h := t.hours[k]
		start := dated[0] + (k-dated[0])/step*step
		at, _ := hourTime(start)
		for len(s.Timeline) == 0 || s.Timeline[len(s.Timeline)-1].Start.Before(at) {
			next := at
			if n := len(s.Timeline); n > 0 {
				next = s.Timeline[n-1].Start.Add(time.Duration(step) * time.Hour)
			}
			s.Timeline = append(s.Timeline, Bucket{Start: next.In(a.options.Zone), Seconds: step * 3600})
		}
		s.Timeline[len(s.Timeline)-1].add(h)
	}
	slices.SortStableFunc(dated, func(x, y int64) int { return cmp.Compare(t.hours[y].events, t.hours[x].events) })
	for _, k := range dated[:min(len(dated), 5)] {
		at, _ := hourTime(k)
		b := Bucket{Start: at.In(a.options.Zone), Seconds: 3600}
		b.add(t.hours[k])
		s.Busiest = append(s.Busiest, b)
	}
}

func (b *Bucket) add(h *hour) {
	b.Events += uint64(h.events)
	b.Logins += uint64(h.logins)
	b.Failures += uint64(h.failures)
	b.Bytes += h.bytes
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
