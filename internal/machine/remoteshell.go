package machine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// errNoShell says that the account can log in and run nothing.
var errNoShell = errors.New("the account's shell runs no commands")

// shell is a POSIX shell on the machine that takes one command after another on
// its standard input. The login shell is given nothing to interpret but "exec
// /bin/sh", since it may be fish or csh. Marks that no program prints stand
// around what a command says: what start-up files print comes before the first.
type shell struct {
	session     *ssh.Session
	in          io.Writer
	out, errOut io.Reader
	ended       bool // by us, or by itself
	once        sync.Once
}

// prelude makes every command speak C and finds the programs of administrators.
var prelude = "PATH=${PATH:-/usr/bin:/bin}:" + strings.Join(sbin, ":") + "\nLC_ALL=C LANG=C\nexport PATH LC_ALL LANG\nunset LANGUAGE\n" +
	// A server ends what we give up on only for others than root, if at all.
	"t=; if command -v timeout >/dev/null 2>&1; then t='timeout -k 1 " + strconv.Itoa(int((Limit + 2*time.Second).Seconds())) + "'; fi\n"

func openShell(client *ssh.Client) (*shell, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	sh := &shell{session: session}
	var pipes [3]error
	sh.in, pipes[0] = session.StdinPipe()
	sh.out, pipes[1] = session.StdoutPipe()
	sh.errOut, pipes[2] = session.StderrPipe()
	if err := errors.Join(pipes[:]...); err != nil {
		sh.end()
		return nil, err
	}
	if err := session.Start("exec /bin/sh"); err != nil {
		sh.end()
		return nil, fmt.Errorf("%w: %w", errNoShell, err)
	}
	if _, err := io.WriteString(sh.in, prelude); err != nil && !errors.Is(err, io.EOF) {
		sh.end()
		return nil, fmt.Errorf("%w: %w", errNoShell, err)
	}
	return sh, nil // one that has ended already says so at its first command
}

// end ends the shell and what runs in it. It may be called more than once.
func (sh *shell) end() {
	sh.once.Do(func() {
		_ = sh.session.Signal(ssh.SIGKILL) // where the server knows it
		_ = sh.session.Close()
	})
}

// stream is what one of the two streams said.
type stream struct {
	data   []byte
	status string // what follows the mark at the end
	whole  bool   // up to that mark
	cut    bool
}

func (sh *shell) run(ctx context.Context, argv []string) (Output, error) {
	mark := newMark()
	_, writeErr := io.WriteString(sh.in, wrap(argv, mark))
	outs, errs := make(chan stream, 1), make(chan stream, 1) // whoever is given up on ends with the session
	go func() { outs <- collect(sh.out, mark) }()
	go func() { errs <- collect(sh.errOut, mark) }()
	var stdout, stderr stream
	for range 2 {
		select {
		case stdout = <-outs:
		case stderr = <-errs:
		case <-ctx.Done():
			sh.ended = true
			sh.end()
			return Output{}, ctx.Err()
		}
		if stdout.cut || stderr.cut {
			break
		}
	}
	if !stdout.whole || !stderr.whole {
		sh.ended = true
		sh.end()
	}
	out := Output{Cut: stdout.cut || stderr.cut, Exit: -1}
	if !out.Cut && (!stdout.whole || !stderr.whole) {
		if !bytes.Contains(stdout.data, []byte(mark)) {
			said := strings.TrimSpace(string(stdout.data) + " " + string(stderr.data))
			return out, fmt.Errorf("%w: it says %q", errNoShell, said[:min(len(said), 200)])
		}
		return out, errors.Join(errors.New("the connection ended"), writeErr)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(stdout.status)); err == nil && !out.Cut {
		out.Exit = exitOf(n)
	}
	return unwrap(out, stdout.data, stderr.data, mark)
}

// exitOf is the exit status as a shell tells it: from 129 on it is a signal.
func exitOf(status int) int {
	if status > 128 && status < 128+64 {
		return -1
	}
	return status
}

// maxNoise is what start-up files may print before the mark.
const maxNoise = 64 << 10

// collect reads up to the mark at the end, or as much as may be kept.
func collect(r io.Reader, mark string) (s stream) {
	end := []byte(mark + endMark)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		from := max(0, len(s.data)-len(end)-8) // the mark may lie across
		s.data = append(s.data, buf[:n]...)
		if i := bytes.Index(s.data[from:], end); i >= 0 {
			rest := s.data[from+i+len(end):]
			if line, _, ok := bytes.Cut(rest, []byte("\n")); ok {
				s.status, s.whole = string(line), true
				s.data = s.data[:from+i]
				return s
			}
		}
		if len(s.data) > MaxOutput+maxNoise {
			s.cut = true
			return s
		}
		if err != nil {
			return s
		}
	}
}

// newMark is a line that no program prints.
func newMark() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "ftpdoctor-" + hex.EncodeToString(b[:])
}

// What follows a mark.
const (
	missing = "-missing" // the command is not installed
	endMark = "-end"     // the command has ended
)

// wrap is the text that runs a command between marks. It is one compound
// command: the shell has read all of it before it begins.
func wrap(argv []string, mark string) string {
	probe := argv[0]
	if path.Base(probe) == "sudo" && len(argv) > 3 { // sudo -n -- COMMAND
		probe = argv[3]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\nif command -v %s >/dev/null 2>&1; then m=%s; else m=%s; fi\n", quote(probe), mark, mark+missing)
	b.WriteString("printf '%s\\n' $m; printf '%s\\n' $m >&2\n")
	if len(argv) > 4 && slices.Equal(argv[:2], []string{"/bin/sh", "-c"}) { // a script of ours: no other shell is needed
		fmt.Fprintf(&b, "( set -- %s\n%s\n) </dev/null\n", Quote(argv[4:]...), argv[2])
	} else {
		fmt.Fprintf(&b, "$t %s </dev/null\n", Quote(argv...))
	}
	fmt.Fprintf(&b, "m=$?; printf '%%s\\n' \"%[1]s $m\"; printf '%%s\\n' %[1]s >&2\n}\n", mark+endMark)
	return b.String()
}

// unwrap cuts what came before the mark.
func unwrap(out Output, stdout, stderr []byte, mark string) (Output, error) {
	_, stdout, _ = bytes.Cut(stdout, []byte(mark))
	_, stderr, _ = bytes.Cut(stderr, []byte(mark))
	if bytes.HasPrefix(stdout, []byte(missing)) {
		return Output{}, exec.ErrNotFound
	}
	out.Stdout, out.Stderr = bytes.TrimPrefix(stdout, []byte("\n")), bytes.TrimPrefix(stderr, []byte("\n"))
	for _, s := range []*[]byte{&out.Stdout, &out.Stderr} {
		if len(*s) > MaxOutput {
			*s, out.Cut, out.Exit = (*s)[:MaxOutput], true, -1
		}
	}
	return out, nil
}
