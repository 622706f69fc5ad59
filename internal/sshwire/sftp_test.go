package sshwire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/sshwire"
)

// pipe is both ends' stream of one side.
type pipe struct {
	io.Reader
	io.Writer
}

// realServer starts OpenSSH's sftp-server as a child in a directory.
func realServer(t *testing.T, dir string) *sshwire.SFTP {
	t.Helper()
	path := os.Getenv("FTPDOCTOR_SFTP_SERVER")
	if path == "" {
		path = "/usr/lib/openssh/sftp-server"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no sftp-server on this machine (FTPDOCTOR_SFTP_SERVER names another place): %v", err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-d", dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("sftp-server: %v", err)
		}
	})
	c := sshwire.NewSFTP(pipe{out, in})
	if err := c.Init(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRealServer(t *testing.T) {
	dir := t.TempDir()
	content := make([]byte, 3<<20+17)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	if err := os.WriteFile(filepath.Join(dir, "data.bin"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	c := realServer(t, dir)
	if c.Version != 3 || !c.Has("limits@openssh.com") || !c.Has("statvfs@openssh.com") {
		t.Errorf("version %d, extensions %q", c.Version, c.Extensions)
	}
	if home, err := c.RealPath("."); err != nil || filepath.Base(home) != filepath.Base(dir) {
		t.Errorf("RealPath: %q, %v", home, err)
	}
	a, err := c.Stat("data.bin")
	if err != nil || a.Size != uint64(len(content)) || a.IsDir() || a.Mode() != 0o600 {
		t.Errorf("Stat: %+v, %v", a, err)
	}
	if l, err := c.Limits(); err != nil || l.Read == 0 {
		t.Errorf("Limits: %+v, %v", l, err)
	}
	if v, err := c.Volume("."); err != nil || v.Size < v.Available || v.Available == 0 {
		t.Errorf("Volume: %+v, %v", v, err)
	}
	h, err := c.Open("data.bin", sshwire.OpenRead)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if n, err := c.Fetch(h, &got, int64(a.Size), 1<<30); err != nil || n != int64(len(content)) || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("Fetch: %d of %d bytes, %v", n, len(content), err)
	}
	if err := c.Close(h); err != nil {
		t.Error(err)
	}
	stores(t, c, content)
	entries, more, err := c.List(".", 10)
	if err != nil || more || len(entries) != 1 || string(entries[0].Name) != "data.bin" {
		t.Errorf("List: %+v, %v, %v", entries, more, err)
	}
	var no *sshwire.StatusError
	if _, err := c.Stat("missing"); !errors.As(err, &no) || no.Code != sshwire.StatusNoSuchFile {
		t.Errorf("Stat of what is not there: %v", err)
	}
}

// stores writes a file, looks at it and removes it.
func stores(t *testing.T, c *sshwire.SFTP, content []byte) {
	t.Helper()
	h, err := c.Open("up.bin", sshwire.OpenWrite|sshwire.OpenCreate|sshwire.OpenNew)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Store(h, content); err != nil || n != int64(len(content)) {
		t.Errorf("Store: %d, %v", n, err)
	}
	if err := c.Close(h); err != nil {
		t.Error(err)
	}
	if a, err := c.Stat("up.bin"); err != nil || a.Size != uint64(len(content)) {
		t.Errorf("Stat: %+v, %v", a, err)
	}
	if err := c.Remove("up.bin"); err != nil {
		t.Error(err)
	}
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func str(s string) []byte { return append(u32(uint32(len(s))), s...) }

func pack(kind byte, parts ...[]byte) []byte {
	body := append([]byte{kind}, bytes.Join(parts, nil)...)
	return append(u32(uint32(len(body))), body...)
}

// talk is a server of which each answer is written by a function.
func talk(t *testing.T, serve func(server net.Conn)) *sshwire.SFTP {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); defer server.Close(); serve(server) }()
	t.Cleanup(func() { client.Close(); <-done })
	if err := client.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return sshwire.NewSFTP(client)
}

// request reads one packet of the client.
func request(c net.Conn) (kind byte, id []byte, rest []byte, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, nil, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(c, body); err != nil {
		return 0, nil, nil, err
	}
	return body[0], body[1:5], body[5:], nil
}

// TestShortAnswers: a server that answers with fewer bytes than were asked for
// loses none.
func TestShortAnswers(t *testing.T) {
	content := []byte(strings.Repeat("0123456789", 20000))
	c := talk(t, func(server net.Conn) {
		replies := make(chan []byte, 1<<10) // a pipe has no buffer, and the client asks ahead
		go func() {
			for r := range replies {
				if _, err := server.Write(r); err != nil {
					return
				}
			}
		}()
		defer close(replies)
		for {
			_, id, rest, err := request(server)
			if err != nil {
				return
			}
			at := binary.BigEndian.Uint64(rest[5:]) // behind a handle of one byte
			if at >= uint64(len(content)) {
				replies <- pack(101, id, u32(1), str("End of file"), str(""))
				continue
			}
			want := min(7000, uint64(binary.BigEndian.Uint32(rest[13:])))
			piece := content[at:min(at+want, uint64(len(content)))]
			replies <- pack(103, id, str(string(piece)))
		}
	})
	for _, size := range []int64{int64(len(content)), -1, 40000, 1 << 30} {
		var got bytes.Buffer
		if n, err := c.Fetch([]byte("h"), &got, size, 1<<31); err != nil || n != int64(len(content)) || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("size %d: %d of %d bytes, %v", size, n, len(content), err)
		}
	}
}

func TestNotSFTP(t *testing.T) {
	for _, said := range []string{"Welcome back\n", "This account is currently not available.\n", "8\n\x00\x00\x00", "\x1b[32mall well", "你好，欢迎"} {
		c := talk(t, func(server net.Conn) {
			if _, _, _, err := request(server); err == nil {
				_, _ = server.Write([]byte(said)) // the client may have gone
			}
		})
		var not *sshwire.NotSFTPError
		if err := c.Init(); !errors.As(err, &not) {
			t.Errorf("%q: %v", said, err)
			continue
		}
		if text, ok := not.Text(); !ok || !strings.HasPrefix(said, strings.TrimRight(text, "\uFFFD")[:min(len(text), 2)]) {
			t.Errorf("%q: text %q, %v", said, text, ok)
		}
	}
}

// TestHostileLengths: a length of 4 GiB, and counts that the packet can't hold.
func TestHostileLengths(t *testing.T) {
	for name, reply := range map[string][]byte{
		"length":  u32(0xffffffff),
		"names":   pack(104, u32(1), u32(0xffffffff)),
		"string":  pack(104, u32(1), u32(1), u32(0xffffff), make([]byte, 40)),
		"id":      pack(104, u32(77), u32(0)),
		"type":    pack(99, u32(1)),
		"empty":   pack(104, u32(1)),
		"too few": u32(1),
	} {
		c := talk(t, func(server net.Conn) {
			if _, _, _, err := request(server); err == nil {
				_, _ = server.Write(reply) // the client may have gone
			}
		})
		if _, err := c.RealPath("."); !errors.Is(err, sshwire.ErrBadPacket) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEndlessListing: a directory without an end is left.
func TestEndlessListing(t *testing.T) {
	c := talk(t, func(server net.Conn) {
		for {
			kind, id, _, err := request(server)
			reply := map[byte][]byte{11: pack(102, id, str("h")), 4: pack(101, id, u32(0), str(""), str(""))}[kind]
			if kind == 12 {
				reply = pack(104, id, u32(1), str("x"), str("x"), u32(0))
			}
			if err != nil {
				return
			}
			if _, err := server.Write(reply); err != nil {
				return
			}
		}
	})
	entries, more, err := c.List("/", 100)
	if err != nil || !more || len(entries) != 100 {
		t.Errorf("%d entries, more %v, %v", len(entries), more, err)
	}
}

// FuzzSFTPPacket: whatever a server sends in answer, each request ends, without
// a panic and without much memory.
func FuzzSFTPPacket(f *testing.F) {
	f.Add(pack(2, u32(3), str("limits@openssh.com"), str("1")))
	f.Add(append(pack(2, u32(3)), pack(104, u32(1), u32(1), str("/home/lab"), str(""), u32(0))...))
	f.Add(append(pack(2, u32(3)), pack(105, u32(1), u32(0x8000000f), make([]byte, 28), u32(1), str("a"), str("b"))...))
	f.Add([]byte("This account is currently not available.\n"))
	f.Add(append(pack(2, u32(3)), append(pack(102, u32(1), str("h")), pack(104, u32(2), u32(2), str("a"), str("a"), u32(0), str("b"), str("b"), u32(0))...)...))
	f.Fuzz(func(t *testing.T, said []byte) {
		for _, ask := range []func(*sshwire.SFTP){
			func(c *sshwire.SFTP) { _, _ = c.RealPath(".") },
			func(c *sshwire.SFTP) { _, _ = c.Stat("x") },
			func(c *sshwire.SFTP) { _, _, _ = c.List(".", 10) },
			func(c *sshwire.SFTP) { _, _ = c.Volume(".") },
			func(c *sshwire.SFTP) { _, _ = c.Limits() },
			func(c *sshwire.SFTP) { _, _ = c.Fetch([]byte("h"), io.Discard, 1<<20, 1<<20) },
			func(c *sshwire.SFTP) { _, _ = c.Store([]byte("h"), make([]byte, 100_000)) },
		} {
			c := sshwire.NewSFTP(pipe{bytes.NewReader(said), io.Discard})
			err := c.Init()
			if not, ok := errors.AsType[*sshwire.NotSFTPError](err); ok {
				if text, ok := not.Text(); ok && text == "" {
					t.Error("a text of no character")
				}
			}
			if err == nil {
				ask(c)
			}
			// And without a beginning.
			ask(sshwire.NewSFTP(pipe{bytes.NewReader(said), io.Discard}))
		}
	})
}
