package probe_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
	"ftpdoctor/internal/report"
)

// forever writes the same bytes until nobody reads any more.
func forever(first, again string, pause time.Duration) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		if _, err := io.WriteString(c, first); err != nil {
			return
		}
		for {
			if _, err := io.WriteString(c, again); err != nil {
				return
			}
			if pause > 0 {
				_ = c.SetReadDeadline(time.Now().Add(pause))
				if _, err := io.Copy(io.Discard, c); err == nil {
					return // the client has gone
				}
			}
		}
	}
}

// packetOf is a packet of SSH in clear.
func packetOf(payload string) string {
	padding := 8 - (5+len(payload))%8
	if padding < 4 {
		padding += 8
	}
	return string(be(uint32(1+len(payload)+padding))) + string(rune(padding)) + payload + strings.Repeat("\x00", padding)
}

// raw session: what comes instead of SFTP.
func session(words ...string) func(ssh.Channel, <-chan *ssh.Request) {
	return func(ch ssh.Channel, requests <-chan *ssh.Request) {
		if !accept(requests) {
			return
		}
		for {
			for _, w := range words {
				if _, err := io.WriteString(ch, w); err != nil {
					return
				}
			}
		}
	}
}

const ident = "SSH-2.0-Hostile_1\r\n"

var sshHostile = []sshFault{
	{name: "endless lines before the identification", raw: forever("", "not yet\r\n", 0)},
	{name: "endless line", raw: forever("SSH-", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0)},
	{name: "a byte at a time", raw: forever("", "S", 50*time.Millisecond)},
	{name: "an identification of controls", raw: forever("SSH-2.0-\x1b[31m\x00\x07red\r\n", "\x1b]0;x\x07", 0)},
	{name: "packet of a MiB", raw: forever(ident+"\x00\x10\x00\x00\x05\x14", strings.Repeat("a", 4096), 0)},
	{name: "packet of 4 GiB", raw: forever(ident+"\xff\xff\xff\xff\x05\x14", strings.Repeat("a", 4096), 0)},
	{name: "flood of ignored packets", raw: forever(ident, packetOf("\x02\x00\x00\x00\x01a"), 0)},
	{name: "flood of KEXINIT", raw: forever(ident, packetOf("\x14"+strings.Repeat("\x00", 61)), 0)},
	{name: "KEXINIT of lists that overrun", raw: forever(ident+packetOf("\x14"+strings.Repeat("\x00", 16)+"\xff\xff\xff\xff"), "", time.Second)},
	{name: "drip in the key exchange", raw: forever(ident, "\x00", 50*time.Millisecond)},
	{name: "SFTP packet of 4 GiB", conf: modern, sub: session("\xff\xff\xff\xff\x02")},
	{name: "SFTP flood", conf: modern, sub: session("\x00\x00\x00\x05\x02\x00\x00\x00\x03")},
	{name: "endless text", conf: modern, sub: session("Welcome \x1b[31m\x07\n")},
	{name: "endless listing", conf: modern, files: files(func(m *memFiles) { m.endless = true })},
	{
		name: "endless banners", sub: nil,
		conf: with(func(c *ssh.ServerConfig) {
			c.BannerCallback = func(ssh.ConnMetadata) string { return strings.Repeat("\x1b[31mwelcome ", 3000) }
		}),
	},
	{name: "endless prompts", conf: with(keyboard(append([]string{"Password: "}, strings.Split(strings.Repeat("Password: ", 200), " ")...)...))},
}

// TestSSHHostile: whatever an SSH server does, a check ends in time and in
// bounded memory, its recording replays, and no format passes on what a terminal
// would obey or hide.
func TestSSHHostile(t *testing.T) {
	t.Parallel()
	for _, f := range sshHostile {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := startSSH(t, f)
			target, o := s.ask(t)
			w := observe.Live()
			rec := w.Record()
			begun := time.Now()
			rep := probe.Run(context.Background(), w, target, o, nil)
			if took := time.Since(begun); took > promised {
				t.Errorf("took %.1f s, more than %s", took.Seconds(), promised)
			}
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			if tape.Len() > 4<<20 {
				t.Errorf("the recording has %d bytes", tape.Len())
			}
			noSecret(t, sshPassword, "the recording", tape.Bytes())
			s.Close()
			replays(t, tape.Bytes(), target, o, rep)
			for name, format := range formats {
				for _, lang := range finding.Langs {
					var b bytes.Buffer
					if err := format(&b, localized(t, rep, lang), report.Options{Lang: lang, Verbose: 1}); err != nil {
						t.Fatal(err)
					}
					if c := obeyed(b.String()); c != "" {
						t.Errorf("%s, %s: %s reaches the output", name, lang, c)
					}
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if m.HeapInuse > 512<<20 {
				t.Errorf("%d MiB of heap in use", m.HeapInuse>>20)
			}
		})
	}
}

// TestSSHInterrupted: a check that was cut short ends at once and judges nothing
// that it did not see.
func TestSSHInterrupted(t *testing.T) {
	t.Parallel()
	s := startSSH(t, findSSH(t, "hung in the key exchange"))
	target, o := s.ask(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := time.Now()
	rep := probe.Run(ctx, observe.Live(), target, o, func(c finding.Check) {
		if c.Name == "connect" {
			time.AfterFunc(300*time.Millisecond, cancel)
		}
	})
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %.1f s to stop", took.Seconds())
	}
	judgeUnfinished(t, rep)
}

// TestSSHUploadInterrupted: a test file that was half written is removed.
func TestSSHUploadInterrupted(t *testing.T) {
	t.Parallel()
	m := files(func(m *memFiles) { m.slow = 5 * time.Millisecond })
	s := startSSH(t, sshFault{name: "slow", conf: modern, files: m, ask: op("upload", 8<<20, "/home/lab/")})
	target, o := s.ask(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var interrupted time.Time
	m.begun = sync.OnceFunc(func() {
		time.AfterFunc(200*time.Millisecond, func() { interrupted = time.Now(); cancel() })
	})
	rep := probe.Run(ctx, observe.Live(), target, o, nil)
	if took := time.Since(interrupted); took > 8*time.Second { // what is on its way, and the removal, under the race detector
		t.Errorf("it took %.1f s to stop", took.Seconds())
	}
	judgeUnfinished(t, rep)
	s.Close()
	if m.requests < 20 || len(m.files) != 1 {
		t.Errorf("after %d requests the server holds %d files", m.requests, len(m.files))
	}
}
