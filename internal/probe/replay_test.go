package probe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
	"ftpdoctor/internal/report"
)

// FuzzForeignRecording changes one step of a recording and makes the diagnosis
// from it: whatever stands in a file that somebody sent, the check ends, and
// its report can be written in every format.
func FuzzForeignRecording(f *testing.F) {
	type taped struct {
		lines  [][]byte
		target observe.Target
	}
	tapes := map[byte]taped{}
	for i, name := range []string{"healthy", "healthy-tls", "healthy-upload", "data/passive-refused", "service/refused"} {
		fault := find(f, name)
		s := start(f, fault)
		target, o := ask(f, fault, s)
		w := observe.Live()
		rec := w.Record()
		probe.Run(f.Context(), w, target, o, nil)
		s.Close()
		var b bytes.Buffer
		if err := rec.Write(&b, w.Started(), nil); err != nil {
			f.Fatal(err)
		}
		tapes[byte(i)] = taped{bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n")), target}
		for step := range uint16(8) {
			f.Add(byte(i), step*16+1, []byte(`{"ns":-1,"fail":"timeout","data":"2","n":-5}`))
		}
	}
	f.Add(byte(0), uint16(30), []byte(`{"ns":1,"data":"￿ÿû"}`))
	f.Add(byte(0), uint16(30), []byte(`null`))
	f.Add(byte(1), uint16(30), []byte(`{"certs":["x"],"version":772}`))
	f.Fuzz(func(t *testing.T, which byte, step uint16, value []byte) {
		if !json.Valid(value) {
			return
		}
		tape := tapes[which%byte(len(tapes))]
		n := 1 + int(step)%(len(tape.lines)-1)
		var e struct{ K string }
		if err := json.Unmarshal(tape.lines[n], &e); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(bytes.Join(tape.lines[:n], []byte("\n")))
		changed = fmt.Appendf(changed, "\n{\"k\":%q,\"v\":%s}\n", e.K, compact.Bytes())
		changed = append(changed, bytes.Join(tape.lines[n+1:], []byte("\n"))...)
		w, _, err := observe.Replay(bytes.NewReader(changed))
		if err != nil {
			t.Fatalf("step %s: %v", e.K, err)
		}
		begun := time.Now()
		rep := probe.Run(t.Context(), w, tape.target, probe.Options{}, nil)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("step %s = %s: the replay took %s", e.K, value, took)
		}
		for name, format := range formats {
			var b bytes.Buffer
			if err := format(&b, localized(t, rep, finding.English), report.Options{Verbose: 1}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
