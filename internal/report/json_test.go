package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ftpdoctor/internal/finding"
)

const schemaFile = "../../docs/report.schema.json"

// strict compiles the published schema with every object closed, so that a key
// that the schema does not describe fails.
func strict(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var loader jsonschema.FileLoader
	doc, err := loader.Load(schemaURL(t))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	return compile(t, doc)
}

func schemaURL(t *testing.T) string {
	t.Helper()
	return "file://" + absolute(t, schemaFile)
}

func compile(t *testing.T, doc any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, child := range v {
			closeObjects(child)
		}
	case []any:
		for _, child := range v {
			closeObjects(child)
		}
	}
}

func encode(t *testing.T, rs ...*finding.Report) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := JSON(&buf, rs, Options{}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return v
}

func TestJSONHoldsSchema(t *testing.T) {
	schema := strict(t)
	var every []*finding.Report
	for name := range cases() {
		for _, lang := range finding.Langs {
			r := localized(t, name, lang)
			every = append(every, r)
			if err := schema.Validate(decode(t, encode(t, r))); err != nil {
				t.Errorf("%s %s: %v", name, lang, err)
			}
		}
	}
	for _, rs := range [][]*finding.Report{every, {}, {{Status: finding.Unknown}}} {
		if err := schema.Validate(decode(t, encode(t, rs...))); err != nil {
			t.Errorf("%d reports: %v", len(rs), err)
		}
	}
}

// The schema refuses what it should.
func TestSchemaRefuses(t *testing.T) {
	schema := strict(t)
	for name, change := range map[string]func(map[string]any){
		"unknown status":   func(m map[string]any) { m["status"] = "fine" },
		"no root cause":    func(m map[string]any) { delete(m, "root_cause") },
		"other version":    func(m map[string]any) { m["schema"] = 2 },
		"findings null":    func(m map[string]any) { m["findings"] = nil },
		"undescribed key":  func(m map[string]any) { m["extra"] = 1 },
		"code without way": func(m map[string]any) { m["root_cause"].(map[string]any)["code"] = "refused" },
		"start is no time": func(m map[string]any) { m["started"] = "yesterday" },
	} {
		m := decode(t, encode(t, localized(t, "port-filtered", finding.English))).(map[string]any)
		change(m)
		if schema.Validate(m) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A program reads back what was written, and a reader of the source sees no
// control character.
func TestJSONReadsBack(t *testing.T) {
	r := localized(t, "passive-private-address", finding.Chinese)
	r.Facts.Software = "ftpd \x1b[31m\u009b1m\u202e\U000e0041\u2028<&>\xff 中文 😀"
	b := encode(t, r)
	if s := unprintable(string(b)); s != "" {
		t.Errorf("%s in\n%s", s, b)
	}
	var got finding.Report
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := *r
	want.Facts.Software = strings.ReplaceAll(r.Facts.Software, "\xff", `\xff`)
	if diff := cmp.Diff(&want, &got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if !bytes.Contains(b, []byte("<&>")) {
		t.Error("HTML characters are escaped: hard to read")
	}
}
