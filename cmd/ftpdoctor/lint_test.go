package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// sarifSchema is OASIS's schema of SARIF 2.1.0, as it comes with the linter that
// tools/golangci-lint pins.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "-C", filepath.Join("..", "..", "tools", "golangci-lint"), "list", "-m", "-f", "{{.Dir}}", "github.com/securego/gosec/v2")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
	dir, err := cmd.Output()
	if err != nil {
		t.Skipf("the linter's modules are not here: %v", err)
	}
	name := filepath.Join(strings.TrimSpace(string(dir)), "report", "sarif", "testdata", "sarif-schema-2.1.0.json")
	text, err := os.Open(name)
	if err != nil {
		t.Skipf("the linter's modules are not here: %v", err)
	}
	defer text.Close()
	doc, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLintSARIF: the log of every rule's example is valid against the schema of
// SARIF 2.1.0, in both languages.
func TestLintSARIF(t *testing.T) {
	schema := sarifSchema(t)
	var results []*lint.Result
	for _, r := range lint.Rules() {
		for k := range conf.IIS + 1 {
			if lint.System(k) == r.Server && k != conf.PureFTPDDir {
				doc, problems := conf.Parse(k, "etc/my "+r.Server+".conf", []byte(r.Bad))
				results = append(results, lint.Check(conf.Single(doc), problems))
			}
		}
	}
	for _, l := range finding.Langs {
		var b bytes.Buffer
		if err := lint.SARIF(&b, results, l, "v1.2.3"); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		var log struct {
			Runs []struct{ Results []json.RawMessage }
		}
		if err := json.Unmarshal(b.Bytes(), &log); err != nil || len(log.Runs[0].Results) < len(lint.Rules()) {
			t.Errorf("%s: %d results of %d rules: %v", l, len(log.Runs[0].Results), len(lint.Rules()), err)
		}
	}
}
