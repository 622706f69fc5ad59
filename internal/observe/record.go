package observe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// recordingVersion is the format of a recording: a header line and then one
// JSON line for each step.
const recordingVersion = 1

// maxRecording bounds what Replay reads.
const maxRecording = 64 << 20

// Header begins a recording. Question holds whatever the caller needs to ask
// the same question again; it must be free of secrets.
type Header struct {
	Recording int             `json:"ftpdoctor_recording"`
	Started   time.Time       `json:"started"`
	Question  json.RawMessage `json:"question"`
}

type entry struct {
	Key   string          `json:"k"`
	Value json.RawMessage `json:"v"`
}

type written struct {
	Key   string `json:"k"`
	Value any    `json:"v"`
}

// Recorder keeps every step of a world.
type Recorder struct {
	secrets *redactor
	mu      sync.Mutex
	entries map[string]json.RawMessage
}

// Record makes w keep every step from now on. The recording is written by
// [Recorder.WriteTo] when the session is over.
func (w *World) Record() *Recorder {
	r := &Recorder{secrets: w.secrets, entries: map[string]json.RawMessage{}}
	w.recorder = r
	return r
}

func (r *Recorder) add(key string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("observe: step %s can't be recorded: %v", key, err)) // a step type that is no JSON is a programmer's error
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[key] = b
}

// redacted hides the secrets in the strings of a step. That is done at the end,
// because some become known only after a step that carried them, and string by
// string, because JSON writes some characters differently.
func (r *Recorder) redacted(step json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(step))
	dec.UseNumber() // a float64 would round
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return r.hideIn(v), nil
}

func (r *Recorder) hideIn(v any) any {
	switch v := v.(type) {
	case string:
		return r.secrets.redact(v)
	case []any:
		for i := range v {
			v[i] = r.hideIn(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = r.hideIn(v[k])
		}
	}
	return v
}

// Write writes the recording, its steps sorted by key.
func (r *Recorder) Write(out io.Writer, started time.Time, question any) error {
	q, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	bw := bufio.NewWriter(out)
	enc := json.NewEncoder(bw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(Header{recordingVersion, started, q}); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(r.entries)) {
		v, err := r.redacted(r.entries[k])
		if err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		if err := enc.Encode(written{k, v}); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

// ErrNotRecording is returned for a file that is no recording of ours.
var ErrNotRecording = errors.New("not a recording made by --record")

// Replay reads a recording and returns a world that repeats it.
func Replay(in io.Reader) (*World, Header, error) {
	sc := bufio.NewScanner(io.LimitReader(in, maxRecording))
	sc.Buffer(make([]byte, 0, 64<<10), 8<<20)
	var h Header
	if !sc.Scan() {
		if err := sc.Err(); err != nil {
			return nil, h, fmt.Errorf("recording: %w", err)
		}
		return nil, h, ErrNotRecording
	}
	if err := json.Unmarshal(sc.Bytes(), &h); err != nil || h.Recording == 0 {
		return nil, h, ErrNotRecording
	}
	if h.Recording != recordingVersion {
		return nil, h, fmt.Errorf("recording has format %d, this program reads %d", h.Recording, recordingVersion)
	}
	tape := map[string]json.RawMessage{}
	for line := 2; sc.Scan(); line++ {
		var e entry
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			return nil, h, fmt.Errorf("recording, line %d: %w", line, err)
		}
		tape[e.Key] = e.Value
	}
	if err := sc.Err(); err != nil {
		return nil, h, fmt.Errorf("recording: %w", err)
	}
	return &World{session: &session{started: h.Started, secrets: &redactor{}, seq: map[string]int{}, tape: tape}}, h, nil
}

// Missed counts the steps that a replayed world was asked for and did not have.
func (w *World) Missed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed
}

// Bytes are foreign bytes that stay readable in a recording: valid UTF-8 as it
// is, otherwise each byte as the character of the same number, marked by a
// leading U+FFFF.
type Bytes []byte

const latinMark = '\uFFFF'

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) && !containsRune(b, latinMark) {
		return json.Marshal(string(b))
	}
	runes := make([]rune, 0, len(b)+1)
	runes = append(runes, latinMark)
	for _, c := range b {
		runes = append(runes, rune(c))
	}
	return json.Marshal(string(runes))
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(in []byte) error {
	var s string
	if err := json.Unmarshal(in, &s); err != nil {
		return err
	}
	runes := []rune(s)
	if len(runes) == 0 || runes[0] != latinMark {
		*b = Bytes(s)
		return nil
	}
	out := make(Bytes, 0, len(runes)-1)
	for _, c := range runes[1:] {
		out = append(out, byte(c))
	}
	*b = out
	return nil
}

func containsRune(b []byte, r rune) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == r && n > 1 {
			return true
		}
		b = b[n:]
	}
	return false
}
