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

// plainKeys are shown as their bare values.
var plainKeys = []string{"version", "cipher", "group"}

func (o Options) mapLine(m map[string]any) string {
	var parts []string
	for _, k := range plainKeys {
		if s := o.valueText(m[k]); s != "" {
			parts = append(parts, s)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		_, known := words["key:"+k]
		s := o.valueText(m[k])
		if slices.Contains(plainKeys, k) || s == "" || !known && o.Verbose == 0 {
			continue
		}
		parts = append(parts, o.word("key", k)+" "+s)
	}
	return strings.Join(parts, o.ascii(" · "))
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
