package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// The thresholds of the judgement; docs/audit.md states them.
const (
	guessNames    = 5  // so many different names from one address, with
	guessFailures = 10 // so many failed logins, are guesses
	hammer        = 50 // so many failures of fewer names are guesses too, when
	hammerSeconds = 15 // they come faster than one in so many seconds on average
	guessRatio    = 10 // and failures outnumber successes by so much

	repeated = 3  // what failed so often, and not since succeeded, fails
	stubborn = 10 // a name that never logged in: so often from one address
	scanned  = 5  // SSH negotiations that fail: what scanners do less often

	slowShare = 10 // percent of the timed transfers
	slowLeast = 10 // of so many at least
	dataShare = 5  // percent of the transfers whose data connection failed

	shownWho      = 5
	shownExamples = 3
)

// judge turns a tally into findings.
type judge struct {
	*audit
	tally     *tally
	summary   *Summary
	attackers map[uint32]bool
	by        map[cause][]whoKey // the most frequent first
	explained map[uint32]bool    // users of whom the log says why, beyond that they are denied
}

func (j *judge) findings() []*finding.Finding {
	j.by = map[cause][]whoKey{}
	for k := range j.tally.who {
		j.by[k.cause()] = append(j.by[k.cause()], k)
	}
	for _, keys := range j.by {
		slices.SortFunc(keys, func(x, y whoKey) int {
			return cmp.Or(cmp.Compare(j.tally.who[y].n, j.tally.who[x].n), cmp.Compare(j.tally.who[x].at, j.tally.who[y].at))
		})
	}
	var all []*finding.Finding
	add := func(f *finding.Finding) {
		if f != nil {
			all = append(all, f)
		}
	}
	add(j.bruteForce())
	j.explain()
	for c := noCause + 1; c < nCauses; c++ {
		if len(j.by[c]) > 0 && causes[c].def != nil {
			add(j.judge(c))
		}
	}
	add(j.clearText())
	add(j.weakTLS())
	add(j.slow())
	slices.SortStableFunc(all, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(finding.LayerRank(a.Code.Layer()), finding.LayerRank(b.Code.Layer())), strings.Compare(string(a.Code), string(b.Code)))
	})
	return all
}

// explain notes the users of whom the log says why they can't log in.
func (j *judge) explain() {
	j.explained = map[uint32]bool{}
	for c := shellNotListed; c <= pamBroken; c++ {
		for _, k := range j.by[c] {
			j.explained[k.user()] = k.user() != 0 || j.explained[k.user()]
		}
	}
}

// verdict is what one entry of who met what means.
type verdict int

const (
	nothing verdict = iota
	passing         // worth a notice
	unsafe          // a warning
	failing         // an error: it fails, now
)

func (j *judge) judge(c cause) *finding.Finding {
	worst := nothing
	var chosen []whoKey
	for _, k := range j.by[c] {
		v := j.verdict(k)
		if v > worst {
			worst, chosen = v, nil
		}
		if v == worst && v != nothing {
			chosen = append(chosen, k)
		}
	}
	if worst == nothing {
		return nil
	}
	severity := map[verdict]finding.Severity{passing: finding.Notice, unsafe: finding.Warning, failing: finding.Error}[worst]
	f := finding.New(causes[c].def, finding.Likely).As(severity)
	j.about(f, c, chosen)
	return f
}

// verdict judges one who.
func (j *judge) verdict(k whoKey) verdict {
	w, src := j.tally.who[k], &j.tally.sources[k.source()]
	c := k.cause()
	if w.shared && (k.user() == 0 || j.tally.users[k.user()].logins == 0) {
		return passing // nothing tells that the file service has to do with it
	}
	if c.login() {
		return j.login(k, w)
	}
	switch c {
	case tlsVersion, tlsCipher, tlsClient, tlsRequired:
		if w.n >= repeated && src.tls == 0 {
			return unsafe
		}
		return passing
	case sshAlgorithms:
		if w.n >= scanned && src.logins == 0 && !j.attackers[k.source()] {
			return unsafe
		}
		return passing
	case sshThrottled:
		return unsafe
	case tlsReuse, tlsData, tlsClientCert, tlsNoCertificate, sshSubsystem, sshChroot, sshShell, tooMany, aborts, resources, diskFull, quota, readOnly:
		if j.attackers[k.source()] {
			return passing
		}
		return failing
	case serviceFailed:
		if j.tally.users[k.user()].lastLogin > w.last {
			return passing // it runs again
		}
		return failing
	case tooManyFromSource, tooManyForUser:
		if w.n >= repeated {
			return failing
		}
		return unsafe
	case activeFailed, passiveFailed:
		transfers := sum(j.tally.counts[Upload][:]) + sum(j.tally.counts[Download][:])
		if n := j.tally.causes[c].n; n >= repeated && n*100 >= transfers*dataShare {
			return failing
		}
		return passing
	case permission:
		if w.n >= repeated {
			return unsafe
		}
		return passing
	}
	return passing // sourceDenied, portRefused, notFound, nameRefused, overwrite: mostly meant so
}

// login judges why somebody could not log in.
func (j *judge) login(k whoKey, w *who) verdict {
	u, src := &j.tally.users[k.user()], &j.tally.sources[k.source()]
	if j.attackers[k.source()] {
		return nothing // told under brute force
	}
	if j.explained[k.user()] && (k.cause() == rejected || k.cause() == keyRejected || k.cause() == userDenied) {
		return nothing
	}
	since := k.user() != 0 && u.lastLogin > w.last
	switch k.cause() {
	case rejected, keyRejected:
		if since || k.user() == 0 {
			return nothing
		}
		if u.logins > 0 {
			if n, _ := u.failures.after(u.lastLogin); n >= repeated {
				return failing
			}
			return nothing
		}
		return stubbornness(w)
	case unknownUser, tooManyAttempts:
		return stubbornness(w)
	case anonymousOff, userDenied:
		if since {
			return passing
		}
		if k.cause() == userDenied && u.logins > 0 {
			return failing
		}
		return max(passing, stubbornness(w))
	default:
		if since || k.user() == 0 && src.lastLogin > w.last {
			return passing
		}
		return failing
	}
}

// stubbornness: somebody who never gets in and goes on trying is a program
// with a wrong password; who tries less is anybody.
func stubbornness(w *who) verdict {
	switch {
	case w.n >= stubborn:
		return unsafe
	case w.n >= repeated:
		return passing
	default:
		return nothing
	}
}

// about fills a finding with who is concerned and with lines of the log.
func (j *judge) about(f *finding.Finding, c cause, keys []whoKey) {
	total := uint64(0)
	users, sources := map[uint32]bool{}, map[uint32]bool{}
	for _, k := range keys {
		total += uint64(j.tally.who[k].n)
		users[k.user()], sources[k.source()] = true, true
	}
	user, peer := j.tally.names.names[keys[0].user()], j.tally.addresses.names[keys[0].source()]
	j.subject(f, users, sources)
	if len(users) == 1 {
		f.With("user", user)
		if c == serviceFailed {
			f.With("name", user)
		}
	}
	if len(sources) == 1 {
		f.With("peer", peer)
	}
	f.With("count", strconv.FormatUint(total, 10)).With("host", j.options.Host)
	for _, k := range keys[:min(len(keys), shownWho)] {
		j.saw(f, "who, from where, how often, from when to when", j.who(k), j.feed.place(j.tally.who[k].at))
		if u := &j.tally.users[k.user()]; k.user() != 0 && u.lastLogin != 0 && c.login() {
			j.saw(f, "the last login of that user that succeeded", j.time(u.lastLogin).Format(timeForm), "")
		}
	}
	if n := len(keys) - shownWho; n > 0 {
		j.saw(f, "how many others there are", strconv.Itoa(n), "")
	}
	j.lines(f, keys)
}

const timeForm = "2006-01-02 15:04:05"

// subject names whom a finding is about.
func (j *judge) subject(f *finding.Finding, users, sources map[uint32]bool) {
	delete(users, 0)
	delete(sources, 0)
	names, all := j.tally.names.names, users
	if len(users) == 0 {
		names, all = j.tally.addresses.names, sources
	}
	var list []string
	for id := range all {
		list = append(list, names[id])
	}
	slices.Sort(list)
	if n := len(list); n > 3 {
		list = append(list[:3], "… ("+strconv.Itoa(n)+")")
	}
	f.About(strings.Join(list, ", "))
}

// who writes one entry in a way that every language reads.
func (j *judge) who(k whoKey) string {
	w := j.tally.who[k]
	name := j.tally.names.names[k.user()]
	if src := j.tally.addresses.names[k.source()]; src != "" {
		if name != "" {
			name += " "
		}
		name += "← " + src
	}
	if name != "" {
		name += " · "
	}
	return fmt.Sprintf("%s%d× · %s", name, w.n, j.period(w.span))
}

// period writes a span; what lies within one day is short.
func (j *judge) period(s span) string {
	if s.first == 0 {
		return "?"
	}
	first, last := j.time(s.first), j.time(s.last)
	switch {
	case s.first == s.last:
		return first.Format(timeForm)
	case first.Format("20060102") == last.Format("20060102"):
		return first.Format(timeForm) + " – " + last.Format("15:04:05")
	default:
		return first.Format(timeForm) + " – " + last.Format(timeForm)
	}
}

// saw adds evidence; its source is a place in a log, the same in every language.
func (j *judge) saw(f *finding.Finding, what, detail, place string) {
	f.Evidence = append(f.Evidence, finding.Evidence{What: what, Detail: detail, Source: place})
}

// lines shows the first lines of some who, in the order of the log.
func (j *judge) lines(f *finding.Finding, keys []whoKey) {
	keys = slices.Clone(keys[:min(len(keys), shownExamples)])
	slices.SortFunc(keys, func(x, y whoKey) int { return cmp.Compare(j.tally.who[x].at, j.tally.who[y].at) })
	for i, k := range keys {
		w := j.tally.who[k]
		place := j.feed.place(w.at)
		j.saw(f, "the line in the log", w.line, place)
		if i == 0 {
			file, line, _ := cutLast(place, ":")
			f.With("file", file).With("line", line)
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// guesses tells whether a source tries out names or passwords.
func (s *source) guesses() bool {
	if s.failed < guessFailures || uint64(s.failed) < guessRatio*uint64(s.logins) {
		return false
	}
	if distinct(s.names) >= guessNames {
		return true
	}
	return s.failed >= hammer && s.logins == 0 && (s.last-s.first)/int64(s.failed) < hammerSeconds*1000
}

func (j *judge) bruteForce() *finding.Finding {
	j.attackers = map[uint32]bool{}
	for id := 1; id < len(j.tally.sources); id++ {
		if j.tally.sources[id].guesses() {
			j.attackers[uint32(id)] = true
		}
	}
	if len(j.attackers) == 0 {
		return nil
	}
	ids := slices.Collect(maps.Keys(j.attackers))
	j.tally.addresses.order(ids, func(id uint32) uint64 { return uint64(j.tally.sources[id].failed) })
	f := finding.New(finding.SecurityBruteForce, finding.Confirmed)
	top := &j.tally.sources[ids[0]]
	f.With("count", strconv.Itoa(int(top.failed))).With("peer", j.tally.addresses.names[ids[0]]).With("host", j.options.Host)
	sources := map[uint32]bool{}
	for i, id := range ids {
		a := j.attack(id)
		sources[id] = true
		if i < topAttacks {
			j.summary.Attacks = append(j.summary.Attacks, a)
		}
		if i < shownExamples { // the others stand in a table
			j.saw(f, "an address that guesses: failed logins, about how many user names, from when to when",
				fmt.Sprintf("%s · %d · %d · %s", a.Source, a.Failed, a.Names, j.period(j.tally.sources[id].span)), j.firstPlace(id))
		}
		if len(a.Succeeded) > 0 {
			f.As(finding.Error)
			j.saw(f, "an address that guesses has logged in as", a.Source+" → "+strings.Join(a.Succeeded, ", "), "")
		}
	}
	if n := len(ids) - shownExamples; n > 0 {
		j.saw(f, "how many others there are", strconv.Itoa(n), "")
	}
	j.subject(f, map[uint32]bool{}, sources)
	return f
}

func (j *judge) attack(id uint32) Attack {
	src := &j.tally.sources[id]
	a := Attack{
		Source: j.tally.addresses.names[id], Failed: src.failed, Names: min(distinct(src.names), int(src.failed)),
		First: j.time(src.first), Last: j.time(src.last),
	}
	for i, n := range src.as.n {
		if n > 0 {
			a.Succeeded = append(a.Succeeded, j.tally.names.names[src.as.id[i]])
		}
	}
	return a
}

// firstPlace is where a source failed first, if that is still known.
func (j *judge) firstPlace(source uint32) string {
	first := ^position(0)
	for k, w := range j.tally.who {
		if k.source() == source {
			first = min(first, w.at)
		}
	}
	if first == ^position(0) {
		return ""
	}
	return j.feed.place(first)
}

// clearText: a login on a control connection without TLS. Logs do not say so of
// a login, but where they show TLS at all, an address that logged in more often
// than it began TLS did so in the clear.
func (j *judge) clearText() *finding.Finding {
	shown := j.tally.counts[TLSControl][Success]+j.tally.counts[TLSControl][NoOutcome] > 0
	if !shown && !j.tally.showsTLS {
		return nil
	}
	total := uint64(0)
	sources := map[uint32]bool{}
	var ids []uint32
	for id := 1; id < len(j.tally.sources); id++ {
		if n := j.tally.sources[id].clear(); n > 0 {
			total += uint64(n)
			sources[uint32(id)] = true
			ids = append(ids, uint32(id))
		}
	}
	if total == 0 {
		return nil
	}
	clear := func(id uint32) uint32 { return j.tally.sources[id].clear() }
	j.tally.addresses.order(ids, func(id uint32) uint64 { return uint64(clear(id)) })
	f := finding.New(finding.SecurityClearTextLogin, finding.Confirmed).With("count", strconv.FormatUint(total, 10)).With("host", j.options.Host)
	for _, id := range ids[:min(len(ids), shownWho)] {
		src := &j.tally.sources[id]
		j.saw(f, "logins with a password, and how many of them without TLS", fmt.Sprintf("%s · %d · %d", j.tally.addresses.names[id], src.logins-src.secure, clear(id)), "")
	}
	if n := len(ids) - shownWho; n > 0 {
		j.saw(f, "how many others there are", strconv.Itoa(n), "")
	}
	j.subject(f, map[uint32]bool{}, sources)
	return f
}

// weakTLS: connections of versions that are no longer safe (RFC 8996).
func (j *judge) weakTLS() *finding.Finding {
	var f *finding.Finding
	for _, c := range j.summary.TLS {
		version, cipher, _ := strings.Cut(c.Name, " ")
		switch version {
		case "TLSv1", "TLSv1.0", "TLSv1.1", "SSLv3", "SSLv2", "TLS1.0", "TLS1.1":
		default:
			continue
		}
		if f == nil {
			f = finding.New(finding.SecurityWeakTLS, finding.Confirmed).With("version", version).With("host", j.options.Host)
		}
		j.saw(f, "connections with this version and cipher", fmt.Sprintf("%s %s · %d×", version, cipher, c.Count), "")
	}
	return f
}

// slow: many of the transfers that are large enough to be timed are slow.
func (j *judge) slow() *finding.Finding {
	t := j.tally
	if t.sized < slowLeast || t.slow*100 < t.sized*slowShare {
		return nil
	}
	f := finding.New(finding.PerformanceSlowTransfer, finding.Likely).With("host", j.options.Host)
	j.saw(f, "transfers of 1 MiB and more, and how many of them ran below 64 KiB/s", fmt.Sprintf("%d · %d", t.sized, t.slow), "")
	by := func(id uint32) uint64 { return uint64(t.users[id].slow) }
	ids := heaviest(len(t.users), shownWho, by)
	t.names.order(ids, by)
	users := map[uint32]bool{}
	for _, id := range ids {
		if n := t.users[id].slow; n > 0 {
			users[id] = true
			j.saw(f, "slow transfers of one user", fmt.Sprintf("%s · %d×", t.names.names[id], n), "")
		}
	}
	j.subject(f, users, map[uint32]bool{})
	return f
}
