package audit

// merge adds what another worker has counted.
func (t *tally) merge(o *tally) {
	t.events += o.events
	t.filtered += o.filtered
	t.twins += o.twins
	t.span.merge(o.span)
	for a := range o.counts {
		for i, n := range o.counts[a] {
			t.counts[a][i] += n
		}
	}
	t.up += o.up
	t.down += o.down
	t.slow += o.slow
	t.sized += o.sized
	t.broken.merge(&o.broken)
	t.crawled.merge(&o.crawled)
	t.showsTLS = t.showsTLS || o.showsTLS
	t.cutSources = t.cutSources || o.cutSources
	t.cutUsers = t.cutUsers || o.cutUsers
	t.cutWho = t.cutWho || o.cutWho
	sources := make([]uint32, len(o.sources))
	for id := range sources {
		sources[id] = t.addresses.id([]byte(o.addresses.names[id]), 2*maxSources)
		if int(sources[id]) == len(t.sources) {
			t.sources = append(t.sources, source{})
		}
	}
	users := make([]uint32, len(o.users))
	for id := range users {
		users[id] = t.names.id([]byte(o.names.names[id]), 2*maxUsers)
		if int(users[id]) == len(t.users) {
			t.users = append(t.users, user{})
		}
	}
	for id := range o.sources {
		t.sources[sources[id]].merge(&o.sources[id], users)
	}
	for id := range o.users {
		t.users[users[id]].merge(&o.users[id], sources)
	}
	for k, w := range o.who {
		t.whoOf(keyOf(users[k.user()], sources[k.source()], k.cause())).merge(w)
	}
	for c := range o.causes {
		t.causes[c].merge(&o.causes[c])
	}
	for key, h := range o.hours {
		mine := t.hours[key]
		if mine == nil {
			mine = &hour{}
			t.hours[key] = mine
		}
		mine.events += h.events
		mine.logins += h.logins
		mine.failures += h.failures
		mine.transfers += h.transfers
		mine.bytes += h.bytes
	}
	for name, n := range o.ciphers {
		t.ciphers[name] += n
	}
}

func (p *perCause) merge(o *perCause) {
	p.n += o.n
	p.span.merge(o.span)
}

func (s *source) merge(o *source, users []uint32) {
	s.span.merge(o.span)
	s.lines += o.lines
	s.logins += o.logins
	s.failed += o.failed
	s.echoed += o.echoed
	s.auth += o.auth
	s.tls += o.tls
	s.secure += o.secure
	s.tlsData += o.tlsData
	s.noTLS += o.noTLS
	s.up += o.up
	s.down += o.down
	s.transfers += o.transfers
	s.lastLogin = max(s.lastLogin, o.lastLogin)
	s.names |= o.names
	s.users.merge(&o.users, users)
	s.as.merge(&o.as, users)
}

func (u *user) merge(o *user, sources []uint32) {
	u.span.merge(o.span)
	u.lines += o.lines
	u.logins += o.logins
	u.failed += o.failed
	u.echoed += o.echoed
	u.lastLogin = max(u.lastLogin, o.lastLogin)
	u.failures.merge(&o.failures)
	u.from.merge(&o.from, sources)
	u.up += o.up
	u.down += o.down
	u.uploads += o.uploads
	u.downloads += o.downloads
	u.aborted += o.aborted
	u.slow += o.slow
}
