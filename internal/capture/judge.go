package capture

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// Report judges what the capture shows, in the codes of a live check. The
// evidence of each finding names the packets on which it rests: #12 +0.345s is
// the packet that Wireshark numbers 12, a third of a second after the first.
func (a *Analysis) Report() *finding.Report {
	j := &judge{a: a}
	r := &finding.Report{Schema: finding.Schema, Started: a.first.at.time()}
	if a.last.packet != 0 {
		r.DurationS = a.last.at.Sub(a.first.at).Seconds()
	}
	targets := a.targets()
	j.nameLookups(targets)
	j.linkFaults(targets)
	for _, t := range targets {
		j.target(t)
	}
	if len(targets) == 0 && len(j.findings) == 0 {
		j.steps = append(j.steps, finding.Check{Name: "connect", Layer: "net", Outcome: finding.Incomplete, Because: "the capture shows no session of FTP, SFTP or WebDAV"})
	}
	r.Target = j.targetURL(targets)
	r.Facts = j.facts
	r.Facts.Addresses = addresses(targets)
	r.Checks = j.checks()
	r.Findings = j.findings
	r.NotAvailable = append(r.NotAvailable, a.lacks()...)
	r.NotAvailable = append(r.NotAvailable, j.lacking...)
	r.Conclude()
	return r
}

// judge collects what is to be said.
type judge struct {
	a        *Analysis
	t        *target
	findings []*finding.Finding
	steps    []finding.Check
	facts    finding.Facts
	lacking  []string
}

// step notes a station of the way; of several targets the worst counts.
func (j *judge) step(name, layer string, began, ended moment, before int) {
	outcome := finding.Passed
	for _, f := range j.findings[before:] {
		if f.Severity >= finding.Warning {
			outcome = finding.Found
		}
		if f.Check == "" {
			f.Check = name
		}
	}
	d := 0.0
	if began.packet != 0 && ended.packet != 0 {
		d = max(0, ended.at.Sub(began.at).Seconds())
	}
	for i := range j.steps {
		if s := &j.steps[i]; s.Name == name {
			if outcome == finding.Found {
				s.Outcome = outcome
			}
			s.DurationS = max(s.DurationS, d)
			return
		}
	}
	j.steps = append(j.steps, finding.Check{Name: name, Layer: layer, Outcome: outcome, DurationS: d})
}

// unseen notes a station that can't be looked at.
func (j *judge) unseen(name, layer, why string) {
	if !slices.ContainsFunc(j.steps, func(c finding.Check) bool { return c.Name == name }) {
		j.steps = append(j.steps, finding.Check{Name: name, Layer: layer, Outcome: finding.Skipped, Because: why})
	}
}

// checks are the stations in the order of the way.
func (j *judge) checks() []finding.Check {
	slices.SortStableFunc(j.steps, func(a, b finding.Check) int {
		return cmp.Compare(finding.LayerRank(a.Layer), finding.LayerRank(b.Layer))
	})
	return j.steps
}

// find states a cause, once for each code and subject.
func (j *judge) find(f *finding.Finding) *finding.Finding {
	for _, g := range j.findings {
		if g.Code == f.Code && g.Subject == f.Subject {
			return g
		}
	}
	j.findings = append(j.findings, f)
	return f
}

// at names a packet as Wireshark does.
func (j *judge) at(m moment) string {
	if m.packet == 0 {
		return ""
	}
	return fmt.Sprintf("#%d +%.3fs", m.packet, m.at.Sub(j.a.first.at).Seconds())
}

// saw adds evidence with the packet that shows it.
func (j *judge) saw(f *finding.Finding, what, detail string, m moment) *finding.Finding {
	return f.SawAt(what, detail, j.at(m))
}

// about begins a finding on the target.
func (j *judge) about(d *finding.Def, c finding.Confidence, peer *conn) *finding.Finding {
	f := finding.New(d, c).With("host", j.t.String()).With("port", strconv.Itoa(int(j.t.port)))
	if peer != nil {
		f.With("address", peer.server.Addr().String()).With("peer", peer.server.Addr().String())
	}
	return f
}

func human(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
	}
}

// targetURL is what check would be given.
func (j *judge) targetURL(all []*target) string {
	if len(all) == 0 {
		for _, q := range j.a.names.order {
			if q.forAddress() {
				return q.name()
			}
		}
		return ""
	}
	t := all[0]
	for _, o := range all { // the one that shows most
		if o.weight() > t.weight() {
			t = o
		}
	}
	scheme, usual := t.scheme()
	host := t.String()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port != usual {
		host += ":" + strconv.Itoa(int(t.port))
	}
	return scheme + "://" + host + "/"
}

func (t *target) weight() int {
	n := 0
	for _, h := range t.hosts {
		for _, c := range h.tries {
			if c.dialogue != nil {
				n++
			}
		}
	}
	return n
}

// scheme is that of the target's URL, with its usual port.
func (t *target) scheme() (string, uint16) {
	switch {
	case t.port == 990:
		return "ftps", 990
	case t.port == 21:
		return "ftp", 21
	case t.port == 22:
		return "sftp", 22
	case t.port == 443:
		return "davs", 443
	case t.port == 80:
		return "dav", 80
	case len(dialogues[*ftpDialogue](t)) > 0 || t.port == 21 || t.port == 2121:
		return "ftp", 21
	case len(dialogues[*sshDialogue](t)) > 0 || t.port == 22 || t.port == 2222:
		return "sftp", 22
	case t.port == 443 || t.port == 8443:
		return "davs", 443
	case len(dialogues[*httpDialogue](t)) > 0 || t.port == 80 || t.port == 8080:
		return "dav", 80
	}
	return "ftp", 21
}

func addresses(all []*target) []string {
	out := []string{}
	for _, t := range all {
		for _, h := range t.hosts {
			if s := h.addr.String(); !slices.Contains(out, s) && len(out) < 20 {
				out = append(out, s)
			}
		}
	}
	return out
}

// target judges one target, from the first packet to the last word.
func (j *judge) target(t *target) {
	j.t = t
	before := len(j.findings)
	open := j.connecting(t)
	j.step("connect", "net", t.began, lastAnswer(open), before)
	if len(open) == 0 {
		return
	}
	scheme, _ := t.scheme()
	switch scheme {
	case "sftp":
		j.ssh(t, open)
	case "dav", "davs":
		j.web(t, open)
	default:
		j.ftp(t, open)
	}
	j.quality(t)
}

func lastAnswer(open []*conn) moment {
	if len(open) == 0 {
		return moment{}
	}
	return open[0].story.synAck
}

// quality judges the way itself, where sessions came about.
func (j *judge) quality(t *target) {
	sent, again := 0, 0
	var worst *conn
	for _, h := range t.hosts {
		for _, c := range slices.Concat(h.tries, h.data, h.back) {
			if c.isSweep(t) || j.a.fate(c) != fateOpen {
				continue
			}
			s := &c.story
			if s.unacked[0]+s.unacked[1] > 0 || s.lostLarge[0]+s.lostLarge[1] > 0 {
				continue // not loss now and then: from some point on nothing came through
			}
			n := s.again[0] + s.again[1] + s.synAgain
			sent += s.packets[0] + s.packets[1]
			again += n
			if worst == nil || n > worst.story.again[0]+worst.story.again[1]+worst.story.synAgain {
				worst = c
			}
		}
	}
	if sent < 30 || again < 3 || again*100/sent < 3 || slices.ContainsFunc(j.findings, func(f *finding.Finding) bool { return f.Code == finding.RouteMTUBlackhole.Code }) {
		return
	}
	f := j.about(finding.NetPacketLoss, finding.Confirmed, worst).With("percent", strconv.Itoa(again*100/sent)).With("count", strconv.Itoa(again))
	if again*100/sent >= 8 {
		f.As(finding.Error)
	}
	j.find(j.saw(f, "packets that had to be sent again", finding.Say("%s of %s", strconv.Itoa(again), strconv.Itoa(sent)), worst.first))
}
