package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// shownProblem is a problem in a report.
type shownProblem struct {
	Problem
	Message string `json:"message"`
}

// shownUnread is a file that could not be read.
type shownUnread struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// Document is the JSON of one result: a report in the shape of all reports,
// and beside it the problems one by one.
type Document struct {
	*finding.Report
	Server   string         `json:"server"`
	Files    []string       `json:"files"`
	Problems []shownProblem `json:"problems"`
	Omitted  int            `json:"omitted,omitempty"` // problems left out, of rules that have told very many
	Unread   []shownUnread  `json:"unread,omitempty"`
}

// Report states the result as findings: one for each code, its evidence the
// lines. The time is the caller's.
func (r *Result) Report(l finding.Lang, started time.Time) *Document {
	rep := &finding.Report{Schema: finding.Schema, Target: r.Main, Started: started, Facts: finding.Facts{Addresses: []string{}, Software: software[System(r.Kind)]}, Findings: []*finding.Finding{}}
	d := &Document{Report: rep, Server: System(r.Kind), Files: r.Files, Problems: []shownProblem{}, Omitted: r.Omitted}
	outcome := finding.Passed
	byCode := map[finding.Code]*finding.Finding{}
	for _, p := range r.Problems {
		outcome = finding.Found
		if p.secret {
			p.Edits = nil
		}
		d.Problems = append(d.Problems, shownProblem{p, p.Message(l)})
		f := byCode[p.Code]
		if f == nil {
			f = finding.New(finding.Lookup(p.Code), finding.Confirmed).As(p.Severity).About(r.Main).
				With("file", p.Pos.File).With("target", r.Main).With("software", System(r.Kind))
			if p.Pos.Line > 0 {
				f.With("line", fmt.Sprint(p.Pos.Line))
			}
			if p.Code == finding.ConfigIncludeMissing.Code {
				f.With("path", p.args["value"])
			}
			if p.Code == finding.ConfigPassiveAddress.Code {
				f.With("address", p.args["value"])
			}
			f.With("range", p.args["range"])
			byCode[p.Code] = f
			rep.Findings = append(rep.Findings, f)
		}
		f.Severity = max(f.Severity, p.Severity)
		if p.Severity == finding.Critical && (p.Kind == Syntax || p.Kind == Unknown) {
			f.Stop() // what else is wrong matters once the server starts
		}
		where := p.Pos.File
		if p.Pos.Line > 0 {
			where = p.Pos.String()
		}
		f.Evidence = append(f.Evidence, finding.Evidence{What: p.Message(l), Detail: p.Line, Source: where})
	}
	for _, u := range r.Unread {
		name, why := u.File, words["absent"].in(l)
		if name == "" {
			name = u.Include.Pattern
		}
		if u.Err != nil {
			why = u.Err.Error()
		}
		d.Unread = append(d.Unread, shownUnread{name, why})
	}
	rep.Checks = []finding.Check{{Name: "lint", Layer: "config", Outcome: outcome}}
	rep.Conclude()
	rep.Localize(l)
	return d
}

// software names the programs as their own greetings do.
var software = map[string]string{"vsftpd": "vsFTPd", "proftpd": "ProFTPD", "pure-ftpd": "Pure-FTPd", "openssh": "OpenSSH", "iis": "Microsoft FTP Service"}

// JSON writes one result as an object, several as {"schema":1,"reports":[…]}.
func JSON(w io.Writer, rs []*Result, l finding.Lang, started time.Time) error {
	docs := make([]*Document, len(rs))
	for i, r := range rs {
		docs[i] = r.Report(l, started)
	}
	var v any = map[string]any{"schema": finding.Schema, "reports": docs}
	if len(docs) == 1 {
		v = docs[0]
	}
	return encode(w, v)
}

func encode(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// SARIF 2.1.0, as code hosts and editors read it (OASIS, sarif-v2.1.0, §3).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		SemanticVersion string      `json:"version,omitempty"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		Name             string         `json:"name"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Properties       map[string]any `json:"properties"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact sarifArtifact `json:"artifactLocation"`
			Region   *sarifRegion  `json:"region,omitempty"`
		} `json:"physicalLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
)

// sarifLevels are SARIF's three levels (§3.27.10).
var sarifLevels = map[finding.Severity]string{finding.Info: "note", finding.Notice: "note", finding.Warning: "warning", finding.Error: "error", finding.Critical: "error"}

// SARIF writes the results as one run. Columns count UTF-16 code units.
func SARIF(w io.Writer, rs []*Result, l finding.Lang, version string) error {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "ftpdoctor", SemanticVersion: version, Rules: []sarifRule{}}
	used := map[string]bool{}
	for _, r := range rs {
		for _, p := range r.Problems {
			used[p.Rule] = true
			run.Results = append(run.Results, sarifResultOf(p, l))
		}
	}
	for _, r := range Rules() {
		if !used[r.ID] {
			continue
		}
		page, err := finding.PageOf(r.Code, l)
		if err != nil {
			return err
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: r.ID, Name: string(r.Code), ShortDescription: sarifText{page.Title}, FullDescription: sarifText{page.Readable()},
			Properties: map[string]any{"tags": []string{string(r.Kind), r.Server}},
		})
	}
	return encode(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifResultOf(p Problem, l finding.Lang) sarifResult {
	res := sarifResult{RuleID: p.Rule, Level: sarifLevels[p.Severity], Message: sarifText{p.Message(l)}}
	var at sarifLocation
	at.Physical.Artifact.URI = uri(p.Pos.File)
	if p.Pos.Line > 0 {
		at.Physical.Region = &sarifRegion{StartLine: p.Pos.Line}
		if !p.moved {
			at.Physical.Region.StartColumn, at.Physical.Region.EndColumn = utf16(p.Line[:p.from])+1, utf16(p.Line[:p.from+p.meant])+1
		}
	}
	res.Locations = []sarifLocation{at}
	changes := map[string]*sarifChange{}
	if p.secret {
		p.Edits = nil
	}
	for _, e := range p.Edits {
		c := changes[e.File]
		if c == nil {
			c = &sarifChange{Artifact: sarifArtifact{uri(e.File)}}
			changes[e.File] = c
		}
		lines := len(split(e.Old))
		rep := sarifReplacement{Deleted: sarifRegion{StartLine: e.Line, StartColumn: 1, EndLine: e.Line + lines, EndColumn: 1}}
		if e.New != "" {
			rep.Inserted = &sarifText{e.New}
		}
		c.Replacements = append(c.Replacements, rep)
	}
	if len(changes) > 0 {
		fix := sarifFix{Description: sarifText{p.Message(l)}}
		for _, f := range slices.Sorted(maps.Keys(changes)) {
			fix.Changes = append(fix.Changes, *changes[f])
		}
		res.Fixes = []sarifFix{fix}
	}
	return res
}

// uri is the name of a file as SARIF wants it: relative as given, absolute where
// it has a drive.
func uri(name string) string {
	p := strings.ReplaceAll(name, `\`, "/")
	if len(p) > 1 && p[1] == ':' {
		return (&url.URL{Scheme: "file", Path: "/" + p}).String()
	}
	return (&url.URL{Path: p}).String()
}

// utf16 counts code units.
func utf16(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
