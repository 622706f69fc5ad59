package observe

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"ftpdoctor/internal/ftptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var alike = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// server starts a scripted server.
func server(t testing.TB, script string) *ftptest.Server {
	t.Helper()
	s, err := ftptest.Start(ftptest.Fault{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func addrOfServer(t testing.TB, s *ftptest.Server) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tape records what use does and returns the recording.
func tape(t testing.TB, use func(*World)) []byte {
	t.Helper()
	w := Live()
	rec := w.Record()
	use(w)
	var b bytes.Buffer
	if err := rec.Write(&b, w.Started(), map[string]string{"target": "ftp://h/"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// everything makes one step of each kind and returns what each told.
func everything(t *testing.T, w *World, to netip.AddrPort, file string) (told []any) {
	t.Helper()
	ctx := context.Background()
	tell := func(v ...any) { told = append(told, v...) }
	conn, d := w.Scope("main").Dial(ctx, to, DialOptions{})
	if conn == nil {
		t.Fatal(d.Step)
	}
	defer conn.Close()
	buf := make([]byte, 256)
	read := func() {
		n, err := conn.Read(buf)
		tell(string(buf[:n]), err, conn.Received())
	}
	read()
	n, err := conn.Write([]byte("AUTH TLS\r\n"))
	tell(d, n, err)
	read()
	state := conn.Handshake(ctx, TLSOptions{ServerName: "localhost"})
	tell(state, w.Verify(ctx, state.Certs, VerifyOptions{Name: "localhost"}))
	n, err = conn.Write([]byte("USER demo\r\n"))
	tell(n, err)
	read()
	tell(conn.Counters())
	closed, cd := w.Dial(ctx, netip.AddrPortFrom(to.Addr(), 1), DialOptions{})
	tell(closed == nil, cd)

	l, step := w.Listen(ctx, netip.MustParseAddr("127.0.0.1"))
	if l == nil {
		t.Fatal(step)
	}
	defer l.Close()
	nobody, nd := l.Accept(ctx, time.Millisecond)
	out, od := w.Scope("out").Dial(ctx, l.Addr, DialOptions{})
	in, id := l.Accept(ctx, time.Second)
	tell(l.Addr, step, nobody == nil, nd, od, id)
	var drained Drained
	var wg sync.WaitGroup
	wg.Go(func() { drained = in.Drain(4, 1<<20, time.Second); in.Close() })
	tell(out.Send([]byte("\x00\xff a file\r\n"), time.Second))
	wg.Wait()
	tell(drained)
	out.Close()

	tell(w.ReadFile(file), w.ReadFile(file+".absent"), w.Self(), w.Links(), w.Route(to.Addr()))
	tell(w.Environment("HOME", "NO_SUCH_VARIABLE_HERE"), w.Elapsed(), w.Now(), w.Started())
	canceled, cancel := context.WithCancel(ctx)
	tell(w.Interrupted(canceled))
	cancel()
	tell(w.Interrupted(canceled))
	return told
}

// TestReplayTellsTheSame: a recording repeats every kind of step, after the
// server is gone, and without waiting.
func TestReplayTellsTheSame(t *testing.T) {
	s := server(t, "tls: explicit")
	to := addrOfServer(t, s)
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 192.0.2.53\n# ü\x00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var live []any
	recorded := tape(t, func(w *World) { live = everything(t, w, to, file) })
	s.Close()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w, h, err := Replay(bytes.NewReader(recorded))
	if err != nil {
		t.Fatal(err)
	}
	if h.Recording != 1 || string(h.Question) != `{"target":"ftp://h/"}` || !w.Replaying() {
		t.Errorf("header %+v, %s", h, h.Question)
	}
	again := everything(t, w, to, file)
	if n := w.Missed(); n > 0 {
		t.Errorf("%d steps were not found", n)
	}
	if diff := cmp.Diff(live, again, alike, cmp.Comparer(sameError)); diff != "" {
		t.Errorf("the replay tells something else (-live +replay):\n%s", diff)
	}
	begun := time.Now()
	w.Sleep(t.Context(), time.Hour)
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("a replay slept %s", took)
	}
}

func sameError(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// TestRecordingDoesNotDependOnOrder: who was faster does not show.
func TestRecordingDoesNotDependOnOrder(t *testing.T) {
	use := func(order ...string) func(*World) {
		return func(w *World) {
			for _, scope := range order {
				w.Scope(scope).Environment("NO_SUCH_VARIABLE_HERE")
			}
		}
	}
	steps := func(b []byte) string { _, rest, _ := bytes.Cut(b, []byte("\n")); return string(rest) }
	if a, b := steps(tape(t, use("a", "b", "a"))), steps(tape(t, use("b", "a", "a"))); a != b || a == "" {
		t.Errorf("two orders, two recordings:\n%s\n%s", a, b)
	}
}

// TestScopesSideBySide: worlds of one session may be used at the same time.
func TestScopesSideBySide(t *testing.T) {
	recorded := tape(t, func(w *World) {
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				for range 50 {
					w.Scope(name).Elapsed()
					w.Hide("secret of " + name)
					w.Redact("x")
				}
			})
		}
		wg.Wait()
	})
	if n := bytes.Count(recorded, []byte("\n")); n != 1+4*50 {
		t.Errorf("%d lines, want a header and 200 steps", n)
	}
}

// TestReplayOfAnotherSession: what was not recorded says so, and is counted.
func TestReplayOfAnotherSession(t *testing.T) {
	w, _, err := Replay(bytes.NewReader(tape(t, func(w *World) { w.Self() })))
	if err != nil {
		t.Fatal(err)
	}
	if s := w.Self(); !s.OK() || s.System == "" {
		t.Errorf("the recorded step says %+v", s)
	}
	ctx := t.Context()
	conn, d := w.Dial(ctx, netip.MustParseAddrPort("192.0.2.1:21"), DialOptions{})
	if conn != nil || d.Failure != NotRecorded {
		t.Errorf("dial: %v, %+v", conn, d)
	}
	if l, s := w.Listen(ctx, netip.MustParseAddr("127.0.0.1")); l != nil || s.Failure != NotRecorded {
		t.Errorf("listen: %v, %+v", l, s)
	}
	if r := w.Ask(ctx, netip.MustParseAddrPort("192.0.2.53:53"), Question{Name: "h", Type: "A"}, time.Second); r.Failure != NotRecorded {
		t.Errorf("ask: %+v", r)
	}
	if s := w.Self(); s.Failure != NotRecorded {
		t.Errorf("a second time: %+v", s)
	}
	if n := w.Missed(); n != 4 {
		t.Errorf("missed %d steps, want 4", n)
	}
}

func TestReplayRefuses(t *testing.T) {
	const header = `{"ftpdoctor_recording":1,"started":"2026-01-02T03:04:05Z","question":null}` + "\n"
	for name, c := range map[string]struct{ in, want string }{
		"nothing":           {"", ErrNotRecording.Error()},
		"text":              {"hello\n", ErrNotRecording.Error()},
		"other JSON":        {`{"a":1}` + "\n", ErrNotRecording.Error()},
		"a later format":    {`{"ftpdoctor_recording":2}` + "\n", "recording has format 2, this program reads 1"},
		"a broken step":     {header + `{"k":"self#1","v":{}}` + "\n" + `{"k":` + "\n", "recording, line 3"},
		"a step too long":   {header + `{"k":"` + strings.Repeat("x", 9<<20) + `","v":{}}`, "token too long"},
		"a header too long": {strings.Repeat("x", 9<<20), "token too long"},
	} {
		_, _, err := Replay(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if c.want == ErrNotRecording.Error() && !errors.Is(err, ErrNotRecording) {
			t.Errorf("%s: the error is not ErrNotRecording", name)
		}
	}
}

// FuzzReplay: a file of somebody else is refused or replayed, and every kind of
// step ends.
func FuzzReplay(f *testing.F) {
	s := server(f, "")
	to := addrOfServer(f, s)
	f.Add(tape(f, func(w *World) {
		if c, _ := w.Dial(context.Background(), to, DialOptions{}); c != nil {
			_, _ = c.Read(make([]byte, 64))
			_, _ = c.Write([]byte("NOOP\r\n"))
			c.Close()
		}
		w.Self()
		w.Environment("HOME")
	}))
	const header = `{"ftpdoctor_recording":1,"started":"2026-01-02T03:04:05Z","question":null}` + "\n"
	f.Add([]byte(header + `{"k":"dial 127.0.0.1:21#1","v":{"ns":1,"remote":"127.0.0.1:21"}}` + "\n" +
		`{"k":"dial 127.0.0.1:21#1/read#1","v":{"ns":1,"data":"` + strings.Repeat("x", 100) + `"}}` + "\n"))
	f.Add([]byte(header + `{"k":"self#1","v":null}` + "\n" + `{"k":"listen 127.0.0.1#1","v":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, _, err := Replay(bytes.NewReader(b))
		if err != nil {
			return
		}
		ctx := t.Context()
		if c, d := w.Dial(ctx, netip.MustParseAddrPort("127.0.0.1:21"), DialOptions{}); c != nil {
			_ = d.String()
			buf := make([]byte, 16)
			for range 4 {
				if n, err := c.Read(buf); n < 0 || n > len(buf) || err != nil && n > 0 {
					t.Fatalf("Read = %d, %v", n, err)
				}
			}
			if n, err := c.Write(buf); err == nil && n != len(buf) {
				t.Fatalf("Write = %d, nil", n)
			}
			_ = c.Handshake(ctx, TLSOptions{ServerName: "h"})
			_ = c.Drain(1, 1, time.Second)
			_ = c.Send(buf, time.Second)
			c.Close()
		}
		if l, _ := w.Listen(ctx, netip.MustParseAddr("127.0.0.1")); l != nil {
			l.Accept(ctx, time.Second)
			l.Close()
		}
		_, _, _, _, _ = w.Self(), w.Links(), w.Environment("HOME"), w.Now(), w.ReadFile("/etc/hosts")
		_ = w.Ask(ctx, netip.MustParseAddrPort("192.0.2.53:53"), Question{Name: "h", Type: "A"}, time.Second).Addresses()
	})
}

// FuzzBytes: any bytes survive a recording as they are.
func FuzzBytes(f *testing.F) {
	for _, s := range []string{"", "220 ready\r\n", "\x00\xff", "\uFFFFab", "ü\xfc", "\xef\xbf", "a\u2028<>&\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := Bytes(in).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b) {
			t.Fatalf("%q: not UTF-8", b)
		}
		var out Bytes
		if err := out.UnmarshalJSON(b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in, out) {
			t.Fatalf("%q → %s → %q", in, b, out)
		}
	})
}

// FuzzBytesFromOthers: any JSON is taken or refused.
func FuzzBytesFromOthers(f *testing.F) {
	for _, s := range []string{`"a"`, `"￿ÿ"`, `"￿中"`, `null`, `1`, `"\ud800"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, in []byte) {
		var out Bytes
		_ = out.UnmarshalJSON(in)
	})
}
