package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"ftpdoctor/internal/finding"
)

// Bounds of the plugin's output: Nagios reads 8 KiB (MAX_PLUGIN_OUTPUT_LENGTH);
// the first line has to fit in a list and in a text message.
const (
	maxPlugin    = 8 << 10
	maxFirstLine = 400
	maxPerfdata  = 40
	maxLongLine  = 600
)

// Nagios writes the output of a monitoring plugin (Monitoring Plugins
// Development Guidelines, "Plugin Output for Nagios"): one line with the state,
// the sentence and the performance data, then lines with the details. Times are
// in seconds. At most 8 KiB; the character | stands only before the data.
func Nagios(w io.Writer, r *finding.Report, o Options) error {
	o = o.normal()
	v := newView(r, o)
	first := "FTP " + nagiosState(v.Status) + " - " + o.bounded(o.pluginText(v.nagiosSentence(o)), maxFirstLine)
	out := first + " | " + perfdata(v.Report) + "\n"
	for _, l := range v.longOutput(o) {
		l = o.bounded(o.pluginText(l), maxLongLine) + "\n"
		if len(out)+len(l) > maxPlugin-64 {
			out += strings.TrimSpace(o.say("shortened")) + "\n"
			break
		}
		out += l
	}
	_, err := io.WriteString(w, out)
	return err
}

// nagiosState is the word of the plugin convention, in every language the same.
func nagiosState(s finding.Status) string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s.ExitCode()]
}

func (o Options) pluginText(s string) string {
	return strings.ReplaceAll(oneLine(s), "|", "/")
}

// nagiosSentence is what goes to a pager.
func (v *view) nagiosSentence(o Options) string {
	switch {
	case v.Status == finding.OK:
		return o.say("nagios:ok", duration(v.DurationS))
	case v.RootCause != nil:
		return o.say("nagios:in", v.headline(o), o.word("confidence", string(v.RootCause.Confidence)))
	case v.Status == finding.Unknown && len(v.unfinished()) > 0:
		return v.headline(o) + " " + o.unfinishedLine(v.unfinished()[0])
	default:
		return v.headline(o)
	}
}

// perfdata gives 'label'=value[UOM];warn;crit;min of what was measured.
func perfdata(r *finding.Report) string {
	out := []string{fmt.Sprintf("time=%ss;;;0", seconds(r.DurationS))}
	seen := map[string]bool{"time": true, "cert_days": true}
	for _, k := range slices.Sorted(maps.Keys(r.Facts.Timings)) {
		label, v := perfLabel(k), r.Facts.Timings[k]
		if seen[label] || math.IsNaN(v) || math.IsInf(v, 0) || len(out) == maxPerfdata {
			continue
		}
		seen[label] = true
		out = append(out, fmt.Sprintf("%s=%ss;;;0", label, seconds(v)))
	}
	if days, ok := number(r.Facts.TLS["cert_days"]); ok && !math.IsNaN(days) && !math.IsInf(days, 0) {
		out = append(out, fmt.Sprintf("cert_days=%.0f", days))
	}
	return strings.Join(out, " ")
}

func seconds(s float64) string {
	if math.IsNaN(s) || math.IsInf(s, 0) {
		s = 0
	}
	return fmt.Sprintf("%.3f", s)
}

// perfLabel keeps a label free of the characters that mean something in the
// performance data, and short.
func perfLabel(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r == '_' || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 32)]
}

// longOutput is the rest: for the page of the service.
func (v *view) longOutput(o Options) []string {
	var out []string
	say := func(key, text string) { out = append(out, o.say(key)+o.say("colon")+text) }
	seen := o.say("from-text")
	if !v.Started.IsZero() {
		seen = o.say("from", firstOf(v.Vantage, "-"), v.Started.Format("2006-01-02 15:04:05 -0700"))
	}
	out = append(out, strings.TrimSpace(v.Target+" "+seen))
	for _, c := range v.unfinished() {
		say("unfinished", o.unfinishedLine(c))
	}
	if rc := v.RootCause; rc != nil {
		out = append(out, o.causeHeading(rc.Confidence)+o.say("colon")+rc.Title+o.say("parenthesis", rc.Code))
		for _, c := range rc.Candidates {
			say("candidates", o.candidate(c))
		}
		if rc.Decide != "" {
			out = append(out, o.say("decide", rc.Decide))
		}
	}
	if v.root != nil {
		out = append(out, o.whoActs(v.root))
		for _, e := range v.root.Evidence {
			say("evidence", o.evidenceLine(e))
		}
	}
	for _, f := range v.consequences {
		say("consequences", f.Title+o.say("parenthesis", f.Code))
	}
	for _, f := range v.others {
		if f.Severity >= finding.Warning || o.Verbose > 0 {
			say("also-found", o.word("severity", f.Severity.String())+o.say("colon")+f.Title+o.say("parenthesis", f.Code))
		}
	}
	if v.root != nil {
		for _, r := range v.root.Remedies {
			if r.System == "" {
				say("fix", o.word("where", r.Who)+o.say("colon")+r.Text)
			}
		}
	}
	return out
}
