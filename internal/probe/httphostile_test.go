package probe_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

func wanting(root string) ftptest.Fault {
	if root == "" {
		return ftptest.Fault{}
	}
	return ftptest.Fault{Want: []string{root}}
}

// drip writes a text byte by byte, with pauses.
func drip(c net.Conn, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Whatever a server does, a check ends within ten seconds and replays.
func TestHostileWeb(t *testing.T) {
	t.Parallel()
	const multi = "HTTP/1.1 207 Multi-Status\r\nDAV: 1\r\nContent-Type: application/xml\r\n"
	for name, talk := range map[string]func(net.Conn){
		"silent":          func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"dripping head":   func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: b\r\n", 1000)) },
		"dripping body":   func(c net.Conn) { drip(c, multi+"\r\n"+strings.Repeat("<a>", 1000)) },
		"endless head":    func(c net.Conn) { endless(c, "HTTP/1.1 200 OK\r\n", "X-Filler: "+strings.Repeat("y", 1000)+"\r\n") },
		"endless line":    func(c net.Conn) { endless(c, "HTTP/1.1 200 ", "z") },
		"endless body":    func(c net.Conn) { endless(c, multi+"\r\n", "<a/>") },
		"endless interim": func(c net.Conn) { endless(c, "", "HTTP/1.1 102 Processing\r\n\r\n") },
		"chunk flood": func(c net.Conn) {
			endless(c, multi+"Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("e", 500)+"\r\na\r\n")
		},
		"1 GiB":          answers(multi + "Content-Length: 1073741824\r\n\r\n<D:multistatus xmlns:D=\"DAV:\">"),
		"xml bomb":       answers(multi + "Content-Length: 158\r\n\r\n" + `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><D:multistatus xmlns:D="DAV:"><D:x>&b;&b;&b;&b;</D:x></D:multistatus>`),
		"deep xml":       answers(multi + "Content-Length: 30029\r\n\r\n" + `<D:multistatus xmlns:D="DAV:">` + strings.Repeat("<a>", 10_000)),
		"garbage":        answers("\x00\xff\xfe" + strings.Repeat("\x1b[31m", 50)),
		"terminal codes": answers("HTTP/1.1 403 \x1b[2J\r\nServer: \x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n"),
		"bad length":     answers("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
		"two lengths":    answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
		"smuggled":       answers("HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"a\r\n b\", nonce=\"" + strings.Repeat("n", 5000) + "\"\r\nContent-Length: 0\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := checkWebHostile(t, "dav://lab@"+rawly(t, talk)+"/dav/")
			if rep.Status == finding.OK {
				t.Errorf("a hostile server is called healthy: %s", told(rep))
			}
		})
	}
}

func endless(c net.Conn, begin, more string) {
	if _, err := io.WriteString(c, begin); err != nil {
		return
	}
	block := strings.Repeat(more, 1+32<<10/len(more))
	for {
		if _, err := io.WriteString(c, block); err != nil {
			return
		}
	}
}

func checkWebHostile(t *testing.T, target string) *finding.Report {
	t.Helper()
	return checkWeb(t, target, probe.Options{})
}

// FuzzForeignWebRecording changes the bytes of one answer in the recording of a
// check: whatever stands in a file that somebody sent, the check ends, with
// evidence for what it says.
func FuzzForeignWebRecording(f *testing.F) {
	type taped struct {
		lines  [][]byte
		target observe.Target
	}
	var tapes []taped
	for _, isSecure := range []bool{false, true} {
		addr, ca := serve(f, digest(share(f)), isSecure)
		scheme := map[bool]string{false: "dav", true: "davs"}[isSecure]
		target, err := observe.ParseTarget(scheme + "://lab:secret@" + addr + "/dav/")
		if err != nil {
			f.Fatal(err)
		}
		target.Password = webPassword
		w := observe.Live()
		rec := w.Record()
		probe.Run(f.Context(), w, target, probe.Options{Op: "upload", CAFile: ca}, nil)
		var b bytes.Buffer
		if err := rec.Write(&b, w.Started(), nil); err != nil {
			f.Fatal(err)
		}
		tapes = append(tapes, taped{bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n")), target})
	}
	for step := range uint16(40) {
		f.Add(step%2 == 0, step*3, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "")
		f.Add(step%2 == 0, step*3, "", "reset")
	}
	f.Add(true, uint16(20), "HTTP/1.1 301 x\r\nLocation: //[::1\r\nContent-Length: 0\r\n\r\n", "")
	f.Fuzz(func(t *testing.T, isSecure bool, step uint16, data, fail string) {
		tape := tapes[map[bool]int{false: 0, true: 1}[isSecure]]
		n := 1 + int(step)%(len(tape.lines)-1)
		var e struct{ K string }
		if err := json.Unmarshal(tape.lines[n], &e); err != nil {
			t.Fatal(err)
		}
		value, err := json.Marshal(map[string]any{"k": e.K, "v": map[string]any{"data": data, "fail": fail, "n": len(data)}})
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.Clone(tape.lines)
		lines[n] = value
		w, _, err := observe.Replay(bytes.NewReader(bytes.Join(lines, []byte("\n"))))
		if err != nil {
			t.Fatalf("step %s: %v", e.K, err)
		}
		begun := time.Now()
		rep := probe.Run(t.Context(), w, tape.target, probe.Options{Op: "upload"}, nil)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("step %s: the replay took %s", e.K, took)
		}
		for _, g := range rep.Findings {
			if len(g.Evidence) == 0 {
				t.Errorf("step %s: %s has no evidence", e.K, g.Code)
			}
		}
	})
}
