package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"ftpdoctor/internal/finding"
)

// Summary writes one table over several targets: target, state, root cause with
// its confidence, and time.
func Summary(w io.Writer, rs []*finding.Report, o Options) error {
	o = o.normal()
	p := &printer{bufio.NewWriter(w), o}
	rows := [][4]string{{o.say("column:target"), o.say("column:status"), o.say("column:cause"), o.say("column:time")}}
	counts := map[finding.Status]int{}
	styles := []string{bold}
	for _, r := range rs {
		v := newView(r, o)
		counts[v.Status]++
		styles = append(styles, statusStyle(v.Status))
		rows = append(rows, [4]string{oneLine(v.Target), o.word("status", string(v.Status)), v.summaryCause(o), duration(v.DurationS)})
	}
	var w4 [4]int
	for _, row := range rows {
		for i, cell := range row {
			w4[i] = max(w4[i], width(cell))
		}
	}
	// The target may have half of what the fixed columns leave, more where the
	// causes need less; the causes get the rest. What is longer goes on below.
	room := o.Width - w4[1] - w4[3] - 6
	w4[0] = min(w4[0], max(room/2, room-w4[2]))
	w4[2] = min(w4[2], room-w4[0])
	for i, row := range rows {
		targets, causes := wrap(row[0], w4[0]), wrap(row[2], w4[2])
		for n := range max(len(targets), len(causes)) {
			target, state, cause, took := at(targets, n), "", at(causes, n), ""
			if n == 0 {
				state, took = row[1], row[3]
			}
			p.line(strings.Join([]string{
				pad(target, w4[0]), p.paint(styles[i], pad(state, w4[1])), pad(cause, w4[2]), padLeft(took, w4[3]),
			}, "  "))
		}
	}
	p.gap()
	var totals []string
	for _, s := range []finding.Status{finding.Failed, finding.Degraded, finding.Unknown, finding.OK} {
		if counts[s] > 0 {
			totals = append(totals, fmt.Sprintf("%d %s", counts[s], o.word("status", string(s))))
		}
	}
	p.para("", o.say("summary", len(rs), strings.Join(totals, o.say("list-comma"))))
	return p.w.Flush()
}

// at is a line of a cell, or nothing below its end.
func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return ""
}

// summaryCause is the root cause and its confidence; without one, the worst
// that was found or what could not be finished.
func (v *view) summaryCause(o Options) string {
	switch {
	case v.RootCause != nil:
		return string(v.RootCause.Code) + o.say("parenthesis", o.word("confidence", string(v.RootCause.Confidence)))
	case v.Status == finding.Unknown && len(v.unfinished()) > 0:
		return oneLine(o.unfinishedLine(v.unfinished()[0]))
	case len(v.others) > 0 && v.others[0].Severity >= finding.Warning:
		return string(v.others[0].Code)
	default:
		return o.ascii("–")
	}
}
