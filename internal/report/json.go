package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"ftpdoctor/internal/finding"
)

// several is the shape of more than one report.
type several struct {
	Schema  int               `json:"schema"`
	Reports []*finding.Report `json:"reports"`
}

// JSON writes one report as an object, several as {"schema":1,"reports":[…]}.
// The shape is published as docs/report.schema.json and only grows. Characters
// that a terminal would obey or hide are written as JSON escapes, which a
// program reads back as they were; an invalid byte becomes the text \xNN.
func JSON(w io.Writer, rs []*finding.Report, _ Options) error {
	cleaned := make([]*finding.Report, len(rs))
	for i, r := range rs {
		cleaned[i] = complete(clean(r, valid))
	}
	var v any = several{finding.Schema, cleaned}
	if len(cleaned) == 1 {
		v = cleaned[0]
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write report as JSON: %w", err)
	}
	_, err := w.Write(escapeInvisible(buf.Bytes()))
	return err
}

// complete gives the lists that are always there, so that no reader has to
// tell null from empty.
func complete(r *finding.Report) *finding.Report {
	if r.Schema == 0 {
		r.Schema = finding.Schema
	}
	r.Checks = orEmpty(r.Checks)
	r.Findings = orEmpty(r.Findings)
	r.Facts.Addresses = orEmpty(r.Facts.Addresses)
	if r.RootCause != nil {
		r.RootCause.Candidates = orEmpty(r.RootCause.Candidates)
	}
	for i := range r.Services {
		if r.Services[i].Report != nil {
			complete(r.Services[i].Report)
		}
	}
	for _, f := range r.Findings {
		f.Evidence = orEmpty(f.Evidence)
		f.Remedies = orEmpty(f.Remedies)
	}
	return r
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// escapeInvisible writes what is not printable as \uXXXX. In JSON from the
// encoder such characters stand only inside of strings; line breaks and the
// C0 controls are taken care of by the encoder.
func escapeInvisible(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r < 0x7f, unicode.IsPrint(r):
			out = append(out, b[i:i+n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}
