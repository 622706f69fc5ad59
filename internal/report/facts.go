package report

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// fact is one line of what was learnt.
type fact struct{ label, text string }

// factLines words the facts; keys that this package has a word for get it, the
// others name themselves and are shown on request.
func (o Options) factLines(f finding.Facts) []fact {
	var out []fact
	add := func(key, text string) {
		if text != "" {
			out = append(out, fact{o.say("fact:" + key), text})
		}
	}
	software := oneLine(f.Software)
	if f.System != "" {
		software = firstOf(software, "?") + o.say("parenthesis", oneLine(f.System))
	}
	add("software", software)
	add("tls", o.mapLine(f.TLS))
	add("ssh", o.mapLine(f.SSH))
	add("data", o.mapLine(f.Data))
	if o.Verbose > 0 {
		add("addresses", strings.Join(f.Addresses, o.say("list-comma")))
		add("features", strings.Join(f.Features, o.say("list-comma")))
		var times []string
		for _, k := range slices.Sorted(maps.Keys(f.Timings)) {
			times = append(times, k+" "+duration(f.Timings[k]))
		}
		add("timings", strings.Join(times, o.say("list-comma")))
	}
	return out
}

var (
	leadingKeys = []string{"version", "group", "works"}
	plainKeys   = []string{"version", "group"} // their values name themselves
)

// mapLine words a map of facts: what matters most first, then by key.
func (o Options) mapLine(m map[string]any) string {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(k string) bool { return slices.Contains(leadingKeys, k) })
	var parts []string
	for _, k := range slices.Concat(leadingKeys, keys) {
		if s := o.keyText(k, m[k]); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, o.ascii(" · "))
}

// keyText words one key: known ones in the reader's language, others as they
// are, on request.
func (o Options) keyText(k string, v any) string {
	text := o.valueText(v)
	_, known := words["key:"+k]
	truth, isTruth := v.(bool)
	switch {
	case text != "" && slices.Contains(plainKeys, k):
		return text
	case text == "" || !known && o.Verbose == 0:
		return ""
	case !known:
		return oneLine(k) + " " + text
	case !isTruth:
		return o.say("key:"+k, text)
	case truth:
		return o.say("key:" + k)
	default:
		return ""
	}
}

// valueText writes a value out of a map of facts on one line, bounded.
func (o Options) valueText(v any) string {
	if v == nil {
		return ""
	}
	var s string
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Slice, reflect.Array:
		var parts []string
		for i := range min(rv.Len(), 16) {
			parts = append(parts, o.valueText(rv.Index(i).Interface()))
		}
		s = strings.Join(parts, o.say("list-comma"))
	case reflect.Float32, reflect.Float64:
		s = strconv.FormatFloat(rv.Float(), 'g', -1, 64)
	default:
		s = fmt.Sprint(v)
	}
	return o.bounded(oneLine(s), maxDetail)
}

// number reads a number as it stands in a map of facts, fresh or out of JSON.
func number(v any) (float64, bool) {
	rv := reflect.ValueOf(v)
	switch {
	case !rv.IsValid():
		return 0, false
	case rv.CanInt():
		return float64(rv.Int()), true
	case rv.CanUint():
		return float64(rv.Uint()), true
	case rv.CanFloat():
		return rv.Float(), true
	}
	return 0, false
}
