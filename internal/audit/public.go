package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Event is one event of a log in the words of the Elastic Common Schema.
type Event struct {
	Time      time.Time // zero: not stated
	Log       string
	Line      uint64
	Dialect   string
	Action    string // see [Action]
	Outcome   string // success, failure or unknown
	Reason    string // why it failed; empty: not stated
	Code      string // of the finding that goes with the reason
	Source    string
	User      string
	Service   string // of Windows that the event is about
	Path      string
	Target    string        // of a rename
	Bytes     int64         // -1: not stated
	Duration  time.Duration // -1: not stated
	Session   int64         // process or session number; -1: not stated
	TLS       string        // version
	TLSCipher string
	Original  string // the line
}

func (p *Event) set(e *event, l *log, line uint64, original []byte) {
	*p = Event{
		Log: l.name, Line: line, Dialect: l.dialect.name, Action: e.action.String(), Outcome: e.outcome.String(), Reason: e.cause.String(),
		Source: string(e.source), User: string(e.user), Path: string(e.path), Target: string(e.target), Bytes: e.bytes, Duration: -1,
		Session: e.session, TLS: string(e.tlsVersion), TLSCipher: string(e.tlsCipher), Original: string(redacted(original)),
	}
	if e.when != noTime {
		p.Time = time.UnixMilli(e.when).In(l.zone)
	}
	if e.millis >= 0 && e.millis < 1<<40 {
		p.Duration = time.Duration(e.millis) * time.Millisecond
	}
	if e.action == ServiceStart || e.action == ServiceStop || e.cause == serviceFailed {
		p.Service, p.User = p.User, ""
	}
	if d := causes[e.cause].def; d != nil {
		p.Code = string(d.Code)
	}
}

// WriteECS writes the event as one line of JSON with the field names of the
// Elastic Common Schema 8.
func (p *Event) WriteECS(w io.Writer) error {
	o := ecs{
		Event: ecsEvent{Action: p.Action, Outcome: p.Outcome, Reason: p.Reason, Code: p.Code, Module: "ftp", Dataset: "ftp." + p.Dialect, Original: valid(p.Original)},
		Log:   ecsLog{File: ecsFile{Path: valid(p.Log)}, Offset: p.Line},
	}
	if !p.Time.IsZero() {
		o.Time = p.Time.Format("2006-01-02T15:04:05.000Z07:00")
	}
	if p.Duration >= 0 {
		o.Event.Duration = int64(p.Duration)
	}
	if p.Source != "" {
		o.Source = &ecsSource{Address: valid(p.Source)}
		if isIP(p.Source) {
			o.Source.IP = p.Source
		}
	}
	if p.User != "" {
		o.User = &ecsName{Name: valid(p.User)}
	}
	if p.Service != "" {
		o.Service = &ecsName{Name: valid(p.Service)}
	}
	if p.Path != "" {
		o.File = &ecsTarget{Path: valid(p.Path), Target: valid(p.Target)}
	}
	if p.Bytes >= 0 {
		o.File = orNew(o.File)
		o.File.Size = &p.Bytes
	}
	if p.Session >= 0 {
		o.Process = &ecsProcess{PID: p.Session}
	}
	if p.TLS != "" {
		o.TLS = &ecsTLS{Version: p.TLS, Cipher: valid(p.TLSCipher)}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func orNew(t *ecsTarget) *ecsTarget {
	if t == nil {
		return &ecsTarget{}
	}
	return t
}

func valid(s string) string { return strings.ToValidUTF8(s, "�") }

// The shape of an event in ECS.
type (
	ecs struct {
		Time    string      `json:"@timestamp,omitempty"`
		Event   ecsEvent    `json:"event"`
		Source  *ecsSource  `json:"source,omitempty"`
		User    *ecsName    `json:"user,omitempty"`
		Service *ecsName    `json:"service,omitempty"`
		File    *ecsTarget  `json:"file,omitempty"`
		TLS     *ecsTLS     `json:"tls,omitempty"`
		Process *ecsProcess `json:"process,omitempty"`
		Log     ecsLog      `json:"log"`
	}
	ecsEvent struct {
		Action   string `json:"action,omitempty"`
		Outcome  string `json:"outcome"`
		Reason   string `json:"reason,omitempty"`
		Code     string `json:"code,omitempty"`
		Duration int64  `json:"duration,omitempty"` // nanoseconds
		Module   string `json:"module"`
		Dataset  string `json:"dataset"`
		Original string `json:"original"`
	}
	ecsSource struct {
		IP      string `json:"ip,omitempty"`
		Address string `json:"address"`
	}
	ecsName struct {
		Name string `json:"name"`
	}
	ecsTarget struct {
		Path   string `json:"path,omitempty"`
		Target string `json:"target_path,omitempty"`
		Size   *int64 `json:"size,omitempty"`
	}
	ecsTLS struct {
		Version string `json:"version"`
		Cipher  string `json:"cipher,omitempty"`
	}
	ecsProcess struct {
		PID int64 `json:"pid"`
	}
	ecsLog struct {
		File   ecsFile `json:"file"`
		Offset uint64  `json:"line"`
	}
	ecsFile struct {
		Path string `json:"path"`
	}
)
