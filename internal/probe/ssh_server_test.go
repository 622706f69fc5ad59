package probe_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// sshPassword is the right one of the test servers.
const sshPassword = "Correct-horse-battery"

// sshFault is a scripted SSH server and what a check of it finds.
type sshFault struct {
	name   string
	conf   func(*ssh.ServerConfig)                // of the login; nil: the password is taken
	sub    func(ssh.Channel, <-chan *ssh.Request) // the session; nil: SFTP
	raw    func(net.Conn, int)                    // instead of SSH: the n-th connection
	files  *memFiles                              // nil: a few
	known  func(ssh.PublicKey) string             // of known_hosts; nil: the right line
	ask    func(*testing.T, *observe.Target, *probe.Options)
	want   string // the findings of severity warning or worse, as set gives them
	root   string
	advice []string
}

// sshServer is a running one.
type sshServer struct {
	t     testing.TB
	fault sshFault
	ln    net.Listener
	host  ssh.Signer
	conf  *ssh.ServerConfig
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
	tried []string // ways to log in that were tried, in order
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func startSSH(t testing.TB, f sshFault) *sshServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{t: t, fault: f, ln: ln, host: newSigner(t)}
	s.conf = &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-TestServer_1.0",
		PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) != sshPassword {
				return nil, errors.New("no")
			}
			return nil, nil
		},
		AuthLogCallback: func(_ ssh.ConnMetadata, method string, _ error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tried = append(s.tried, method)
		},
	}
	s.conf.MACs = []string{ssh.HMACSHA256ETM, ssh.HMACSHA256}
	if f.conf != nil {
		f.conf(s.conf)
	}
	s.conf.AddHostKey(s.host)
	s.wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() { defer c.Close(); s.serve(c, n) })
		}
	})
	t.Cleanup(s.Close)
	return s
}

// Close ends every connection and waits for it.
func (s *sshServer) Close() {
	s.ln.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *sshServer) serve(c net.Conn, n int) {
	if s.fault.raw != nil {
		s.fault.raw(c, n)
		return
	}
	conn, channels, requests, err := ssh.NewServerConn(c, s.conf)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	for next := range channels {
		ch, requests, err := next.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { defer func() { _ = ch.Close() }(); s.session(ch, requests) })
	}
}

func (s *sshServer) session(ch ssh.Channel, requests <-chan *ssh.Request) {
	if s.fault.sub != nil {
		s.fault.sub(ch, requests)
		return
	}
	if !accept(requests) {
		return
	}
	files := s.fault.files
	if files == nil {
		files = newFiles()
	}
	files.serve(ch)
	exit(ch, 0)
}

// accept takes the request for the subsystem.
func accept(requests <-chan *ssh.Request) bool {
	for r := range requests {
		if r.Type == "subsystem" {
			_ = r.Reply(true, nil) // the client may be gone
			return true
		}
		_ = r.Reply(false, nil)
	}
	return false
}

func exit(ch ssh.Channel, status uint32) {
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status})) // the client may be gone
}

// shell is a session in which a shell says something and ends.
func shell(says string, status int) func(ssh.Channel, <-chan *ssh.Request) {
	return func(ch ssh.Channel, requests <-chan *ssh.Request) {
		if !accept(requests) {
			return
		}
		_, _ = io.WriteString(ch, says) // the client may be gone
		if status < 0 {
			newFiles().serve(ch)
			return
		}
		exit(ch, uint32(status))
	}
}

// ask makes the target and the options of a check of the server.
func (s *sshServer) ask(t *testing.T) (observe.Target, probe.Options) {
	t.Helper()
	host, port, err := net.SplitHostPort(s.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	line := "[" + host + "]:" + port + " " + string(ssh.MarshalAuthorizedKey(s.host.PublicKey()))
	if s.fault.known != nil {
		line = s.fault.known(s.host.PublicKey())
	}
	line = strings.ReplaceAll(line, "HOST", "["+host+"]:"+port)
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	target := observe.Target{Scheme: "sftp", Host: host, Port: n, User: "lab", Password: sshPassword, HasPass: true, Path: "/"}
	o := probe.Options{KnownHosts: []string{known}, Identity: []string{"none"}}
	if s.fault.ask != nil {
		s.fault.ask(t, &target, &o)
	}
	return target, o
}

// memFiles is an SFTP server of a few files, with faults.
type memFiles struct {
	mu       sync.Mutex
	files    map[string][]byte
	refuse   map[byte]uint32 // request → status
	short    bool            // reads answer with half, and stop before the end
	volume   *[11]uint64     // statvfs; nil: not known
	endless  bool            // listings never end
	begun    func()          // is told of each write, which then takes
	slow     time.Duration   // so long
	corrupt  bool            // what is written is not what lies there
	requests int
}

func newFiles() *memFiles {
	return &memFiles{files: map[string][]byte{"/home/lab/hello.txt": []byte("hello\n")}, refuse: map[byte]uint32{}}
}

func be(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func sshString(s string) []byte { return append(be(uint32(len(s))), s...) }

func reply(kind byte, parts ...[]byte) []byte {
	body := []byte{kind}
	for _, p := range parts {
		body = append(body, p...)
	}
	return append(be(uint32(len(body))), body...)
}

func statusReply(id []byte, code uint32, text string) []byte {
	return reply(101, id, be(code), sshString(text), sshString(""))
}

func (m *memFiles) serve(rw io.ReadWriter) {
	head := make([]byte, 4)
	for {
		if _, err := io.ReadFull(rw, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(rw, body); err != nil || len(body) < 5 {
			return
		}
		var out []byte
		if body[0] == 1 {
			out = reply(2, be(3), sshString("statvfs@openssh.com"), sshString("2"))
		} else {
			out = m.answer(body[0], body[1:5], body[5:])
		}
		if _, err := rw.Write(out); err != nil {
			return
		}
	}
}

func (m *memFiles) answer(kind byte, id, rest []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	n := binary.BigEndian.Uint32(rest)
	name := string(rest[4 : 4+n])
	rest = rest[4+n:]
	if code, ok := m.refuse[kind]; ok {
		return statusReply(id, code, "refused")
	}
	content, there := m.files[name]
	switch kind {
	case 16: // REALPATH
		return reply(104, id, be(1), sshString("/home/lab"), sshString(""), be(0))
	case 7, 17: // LSTAT, STAT
		if name == "/home/lab" || name == "/" {
			return reply(105, id, be(4), be(0o040755))
		}
		if !there {
			return statusReply(id, 2, "No such file")
		}
		return reply(105, id, be(1|4), be(0), be(uint32(len(content))), be(0o100644))
	case 11: // OPENDIR
		return reply(102, id, sshString(name))
	case 12: // READDIR
		if m.endless {
			return reply(104, id, be(1), sshString("x"), sshString("x"), be(0))
		}
		return statusReply(id, 1, "End of file")
	case 3: // OPEN
		flags := binary.BigEndian.Uint32(rest)
		if !there && flags&8 == 0 {
			return statusReply(id, 2, "No such file")
		}
		if flags&8 != 0 {
			m.files[name] = nil
		}
		return reply(102, id, sshString(name))
	case 5: // READ
		at, want := binary.BigEndian.Uint64(rest), uint64(binary.BigEndian.Uint32(rest[8:]))
		end := uint64(len(content))
		if m.short {
			end, want = end/2, want/2
		}
		if at >= end {
			return statusReply(id, 1, "End of file")
		}
		return reply(103, id, sshString(string(content[at:min(at+want, end)])))
	case 6: // WRITE
		if m.begun != nil {
			m.begun()
			time.Sleep(m.slow)
		}
		at := binary.BigEndian.Uint64(rest)
		data := rest[12:]
		if m.corrupt {
			data = []byte(strings.ReplaceAll(string(data), "\r\n", "\n"))
		}
		m.files[name] = append(content[:min(at, uint64(len(content)))], data...)
		return statusReply(id, 0, "")
	case 13: // REMOVE
		delete(m.files, name)
		return statusReply(id, 0, "")
	case 4: // CLOSE
		return statusReply(id, 0, "")
	case 200:
		if m.volume != nil {
			out := []byte{}
			for _, v := range m.volume {
				out = binary.BigEndian.AppendUint64(out, v)
			}
			return reply(201, id, out)
		}
	}
	return statusReply(id, 8, "not supported")
}
