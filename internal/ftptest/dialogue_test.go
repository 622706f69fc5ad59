package ftptest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The steps of a raw dialogue:
//
//	> TEXT       send a line
//	< REGEXP     read a line that matches
//	login        USER and PASS, both accepted
//	tls REGEXP   TLS handshake, whose verification ends as REGEXP says ("ok" when well)
//	notls REGEXP TLS handshake that fails as REGEXP says
//	eof, reset   how the server ends the connection
//	silent       no byte for a moment, and the connection stays open
//	flood N      at least N bytes without more ado
//	port VERB    ask for a data port, by PASV or EPSV
//	pasv, epsv   the same, and connect to it on the server's own address
//	data REGEXP  what arrives on the data connection until its end
//	length N     N bytes arrive on the data connection until its end
//	upload N     send N bytes on the data connection and end it
//	refused      the data port refuses
//	dropped      the data port gives no answer for a moment
//	stalled      no byte on the data connection for a moment
//	active       PORT with a port of ours
//	uncalled     nobody connects to it for a moment

// wire is a client that knows nothing of FTP but lines.
type wire struct {
	t    *testing.T
	srv  *Server
	conn net.Conn
	in   *bufio.Reader
	data net.Conn
	port int
	ln   net.Listener
}

// moment is how long a dialogue waits for what must not come.
const moment = 150 * time.Millisecond

func dial(t *testing.T, srv *Server) *wire {
	t.Helper()
	c, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{t: t, srv: srv, conn: c, in: bufio.NewReaderSize(c, 1<<16)}
}

// do does one step.
func (w *wire) do(step string) error {
	word, arg, _ := strings.Cut(step, " ")
	w.conn.SetDeadline(time.Now().Add(10 * time.Second))
	switch word {
	case ">":
		_, err := io.WriteString(w.conn, arg+"\r\n")
		return err
	case "<":
		line, err := w.in.ReadString('\n')
		if err != nil {
			return err
		}
		return match(arg, strings.TrimRight(line, "\r\n"))
	case "login":
		return w.all("> USER "+User, "< ^331 ", "> PASS "+Password, "< ^230 ")
	case "tls":
		return w.secure(arg)
	case "notls":
		err := w.secure("")
		if err == nil {
			return errors.New("handshake succeeded")
		}
		return match(arg, err.Error())
	case "eof", "reset":
		_, err := w.in.ReadByte()
		if word == "eof" && err == io.EOF || word == "reset" && isReset(err) {
			return nil
		}
		return fmt.Errorf("connection ended with %w", err)
	case "silent":
		w.conn.SetReadDeadline(time.Now().Add(moment))
		if _, err := w.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("not silent: %w", err)
		}
	case "flood":
		n, err := strconv.ParseInt(arg, 10, 64)
		if err == nil {
			_, err = io.CopyN(io.Discard, w.in, n)
		}
		return err
	case "port":
		return w.passive(arg)
	case "pasv", "epsv":
		if err := w.passive(strings.ToUpper(word)); err != nil {
			return err
		}
		c, err := net.Dial("tcp", net.JoinHostPort(w.srv.Host(), strconv.Itoa(w.port)))
		if err != nil {
			return err
		}
		w.data = c
		w.t.Cleanup(func() { c.Close() })
	case "active":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		w.ln = ln
		w.t.Cleanup(func() { ln.Close() })
		hi, lo := pasvNumbers(ln.Addr().(*net.TCPAddr).AddrPort().Port())
		return w.do("> PORT 127,0,0,1," + hi + "," + lo)
	case "uncalled":
		w.ln.(*net.TCPListener).SetDeadline(time.Now().Add(moment))
		if _, err := w.ln.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("called: %w", err)
		}
	default:
		return w.doData(word, arg)
	}
	return nil
}

func (w *wire) doData(word, arg string) error {
	if word == "refused" || word == "dropped" {
		limit := moment
		if word == "refused" {
			limit = 10 * time.Second // Windows tries again before it believes a RST
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(w.srv.Host(), strconv.Itoa(w.port)), limit)
		if err == nil {
			c.Close()
			return errors.New("connected")
		}
		var timeout net.Error
		if silent := errors.As(err, &timeout) && timeout.Timeout(); silent != (word == "dropped") {
			return err
		}
		return nil
	}
	w.data.SetDeadline(time.Now().Add(10 * time.Second))
	switch word {
	case "data":
		b, err := io.ReadAll(w.data)
		if err != nil {
			return err
		}
		return match(arg, string(b))
	case "length":
		n, err := io.Copy(io.Discard, w.data)
		if err != nil {
			return err
		}
		return match("^"+arg+"$", strconv.FormatInt(n, 10))
	case "upload":
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		w.data.Write(filler(n)) // a server may hang up before the end
		return w.data.Close()
	case "stalled":
		w.data.SetDeadline(time.Now().Add(moment))
		if _, err := w.data.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("not stalled: %w", err)
		}
		return nil
	}
	return fmt.Errorf("no step %q", word)
}

func (w *wire) all(steps ...string) error {
	for _, step := range steps {
		if err := w.do(step); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

func match(pattern, text string) error {
	if !regexp.MustCompile(pattern).MatchString(text) {
		return fmt.Errorf("%q does not match %s", text[:min(len(text), 300)], pattern)
	}
	return nil
}

// isReset knows Windows' number too.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.Errno(10054))
}

// secure makes the handshake without verification, and then verifies.
func (w *wire) secure(want string) error {
	c := tls.Client(w.conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		return err
	}
	w.conn, w.in = c, bufio.NewReader(c)
	if want == "" { // the server's verdict on the client comes with the first bytes
		_, err := w.in.Peek(1)
		return err
	}
	err := verify(w.srv, c.ConnectionState())
	if err == nil {
		err = errors.New("ok")
	}
	return match(want, err.Error())
}

// passive learns a data port.
func (w *wire) passive(verb string) error {
	if err := w.do("> " + verb); err != nil {
		return err
	}
	line, err := w.in.ReadString('\n')
	if err != nil {
		return err
	}
	n := regexp.MustCompile(`\d+`).FindAllString(line, -1)
	if len(n) == 7 {
		hi, _ := strconv.Atoi(n[5])
		lo, _ := strconv.Atoi(n[6])
		w.port = hi<<8 | lo
	} else if len(n) == 2 {
		w.port, _ = strconv.Atoi(n[1])
	} else {
		return fmt.Errorf("no data port in %q", line)
	}
	return nil
}

// dialogues show every fault, by name; the steps begin at the connection.
var dialogues = map[string][]string{
	"healthy": {
		"< ^220 ", "> SYST", "< ^215 ", "> PWD", "< ^530 ", "login", "> PWD", `< ^257 "/"`, "> TYPE I", "< ^200 ", "> NOPE", "< ^502 ",
		"pasv", "> LIST", "< ^150 ", "data hello.txt\r\n", "< ^226 ", "epsv", "> RETR hello.txt", "< ^150 ", "data ^Hello", "< ^226 ",
		"> LIST", "< ^425 ", "> AUTH TLS", "< ^502 ", "> ABOR", "< ^225 ", "> STAT", "< ^211-", "< ^ Conn", "< ^211 ",
		"> MLST hello.txt", "< ^250-", "< ^ type=file;size=7;", "< ^250 ", "> SIZE hello.txt", "< ^213 7$", "> MDTM hello.txt", "< ^213 20",
		"> REST 4", "< ^350 ", "pasv", "> RETR hello.txt", "< ^150 ", "data ^o.\n$", "< ^226 ",
		"> PORT 10,0,0,1,200,1", "< ^500 ", "> EPRT |1|127.0.0.1|22|", "< ^500 ", "> EPRT |3|x|1|", "< ^522 ",
		"> MKD a", "< ^257 ", "> RNFR a", "< ^350 ", "> RNTO b", "< ^250 ", "> RMD b", "< ^250 ", "> DELE none", "< ^550 ", "> QUIT", "< ^221 ", "eof",
	},
	"healthy-tls":              {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls ^ok$", "> PBSZ 0", "< ^200 ", "> PROT P", "< ^200 ", "login"},
	"healthy-implicit":         {"tls ^ok$", "< ^220 ", "login"},
	"healthy-ipv6":             {"< ^220 ", "login", "> PASV", "< ^425 ", "epsv", "> NLST", "< ^150 ", "data hello.txt"},
	"healthy-upload":           {"< ^220 ", "login", "pasv", "> STOR /upload/x", "< ^150 ", "upload 300000", "< ^226 ", "> SIZE /upload/x", "< ^213 300000$"},
	"security/anonymous-write": {"< ^220 ", "> USER anonymous", "< ^331 ", "> PASS me@", "< ^230 ", "pasv", "> STOR /upload/x", "< ^150 ", "upload 3", "< ^226 "},
	"tls/cert-expiring":        {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls ^ok$"},

	"service/refused":              nil, // see TestRefused
	"service/hung":                 {"silent"},
	"service/slow-greeting":        {"silent", "< ^220 "},
	"service/slow-greeting-lines":  {"< ^220-", "silent", "< ^220 "},
	"service/other-protocol-ssh":   {"< ^SSH-2.0-"},
	"service/other-protocol-http":  {"silent", "> ", "< ^HTTP/1.1 400 "},
	"service/other-protocol-smtp":  {"< ^220 .*ESMTP", "> USER demo", "< ^502 "},
	"service/too-many-connections": {"< ^421 .*too many connected users", "eof"},
	"service/too-many-from-source": {"< ^421 .*from your internet address", "eof"},
	"service/too-many-for-user":    {"< ^220 ", "> USER demo", "< ^331 ", "> PASS " + Password, "< ^530 .*for this user"},
	"service/unavailable":          {"< ^421 ", "eof"},
	"service/aborts":               {"< ^500 OOPS", "eof"},
	"service/bad-greeting":         {"< ^Welcome"},
	"net/source-not-allowed":       {"eof"},
	"net/inspection-reset":         {"< ^220 ", "> AUTH TLS", "reset"},

	"tls/required":                    {"< ^220 ", "> USER demo", "< ^530 .*encryption", "> AUTH TLS", "< ^500 "},
	"tls/not-offered":                 {"< ^220 ", "> AUTH TLS", "< ^502 "},
	"tls/no-certificate":              {"< ^220 ", "> FEAT", "< ^211-", "< ^ AUTH TLS", "< PBSZ", "< PROT", "< EPSV", "< PASV", "< ^211 ", "> AUTH TLS", "< ^431 "},
	"tls/handshake-stalls":            {"< ^220 ", "> AUTH TLS", "< ^234 ", "> ", "silent"},
	"tls/data-protection-refused":     {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls ^ok$", "> PBSZ 0", "< ^200 ", "> PROT P", "< ^536 "},
	"tls/data-session-reuse-required": nil, // see TestSessionReuse
	"tls/cert-expired":                {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls expired"},
	"tls/cert-not-yet-valid":          {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls not yet valid"},
	"tls/cert-name-mismatch":          {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls IP SANs"},
	"tls/cert-self-signed":            {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls unknown authority"},
	"tls/cert-untrusted":              {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls unknown authority"},
	"tls/chain-incomplete":            {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls unknown authority"},
	"tls/cert-weak-key":               {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls ^ok$"},
	"tls/version-mismatch":            {"< ^220 ", "> AUTH TLS", "< ^234 ", "notls protocol version"},
	"tls/client-cert-required":        {"< ^220 ", "> AUTH TLS", "< ^234 ", "notls certificate required"},
	"tls/implicit-expected":           {"silent"},
	"tls/explicit-expected":           {"< ^220 "},

	"auth/rejected":           {"< ^220 ", "> USER demo", "< ^331 ", "> PASS not-the-password", "< ^530 "},
	"auth/anonymous-disabled": {"< ^220 ", "> USER anonymous", "< ^331 ", "> PASS me@", "< ^530 "},
	"auth/user-denied":        {"< ^220 ", "> USER demo", "< ^530 "},
	"auth/chroot-writable":    {"< ^220 ", "> USER demo", "< ^331 ", "> PASS x", "< ^500 OOPS.*writable root", "eof"},
	"auth/home-missing":       {"< ^220 ", "> USER demo", "< ^331 ", "> PASS x", "< ^500 OOPS: cannot change directory", "eof"},

	"data/passive-private-address": {"< ^220 ", "login", "> PASV", `< ^227 .*\(10,0,0,5,`, "pasv", "> LIST", "< ^150 ", "data hello.txt", "< ^226 "},
	"data/passive-bad-address":     {"< ^220 ", "login", "> PASV", `< ^227 .*\(0,0,0,0,`, "epsv", "> LIST", "< ^150 ", "data hello.txt", "< ^226 "},
	"data/passive-wrong-address":   {"< ^220 ", "login", "> PASV", `< ^227 .*\(203,0,113,7,`, "pasv", "> LIST", "< ^150 ", "data hello.txt", "< ^226 "},
	"data/passive-disabled":        {"< ^220 ", "login", "> PASV", "< ^550 ", "> EPSV", "< ^550 ", "active", "< ^200 "},
	"data/epsv-broken":             {"< ^220 ", "login", "port EPSV", "refused", "pasv", "> LIST", "< ^150 ", "data hello.txt", "< ^226 "},
	"data/pasv-broken":             {"< ^220 ", "login", "port PASV", "refused", "epsv", "> LIST", "< ^150 ", "data hello.txt", "< ^226 "},
	"data/passive-refused":         {"< ^220 ", "login", "port PASV", "refused", "port EPSV", "refused", "> PWD", "< ^257 "},
	"data/passive-filtered":        {"< ^220 ", "login", "port PASV", "dropped", "port EPSV", "dropped", "> PWD", "< ^257 "},
	"data/stalled":                 {"< ^220 ", "login", "pasv", "> LIST", "< ^150 ", "stalled", "> ABOR", "< ^426 ", "< ^226 "},
	"data/active-refused":          {"< ^220 ", "login", "active", "< ^500 "},
	"data/active-blocked":          {"< ^220 ", "login", "active", "< ^200 ", "> LIST", "uncalled", "< ^425 "},
	"data/source-mismatch":         {"< ^220 ", "login", "pasv", "> LIST", "< ^425 "},

	"file/permission-denied": {"< ^220 ", "login", "pasv", "> STOR a", "< ^550 a: Permission denied", "> MKD m", "< ^257 "},
	"file/uploads-disabled":  {"< ^220 ", "login", "pasv", "> STOR a", "< ^550 ", "> MKD m", "< ^550 ", "> DELE none", "< ^550 Permission"},
	"file/disk-full":         {"< ^220 ", "login", "pasv", "> STOR a", "< ^150 ", "upload 262144", "< ^552 .*space"},
	"file/quota-exceeded":    {"< ^220 ", "login", "pasv", "> STOR a", "< ^150 ", "upload 262144", "< ^552 .*quota"},
	"file/name-refused":      {"< ^220 ", "login", "pasv", "> STOR a", "< ^553 .*: a$"},
	"file/corrupted":         {"< ^220 ", "login", "pasv", "> STOR a", "< ^150 ", "upload 3", "< ^226 ", "pasv", "> RETR a", "< ^150 ", `data ^\x20\x01\x02$`, "< ^226 "},
	"file/not-found":         {"< ^220 ", "login", "pasv", "> RETR /pub/missing.bin", "< ^550 "},
	"file/truncated":         {"< ^220 ", "login", "> SIZE /pub/1M.bin", "< ^213 1048576$", "pasv", "> RETR /pub/1M.bin", "< ^150 ", "length 100000", "< ^226 "},
	"client/name-encoding":   {"< ^220 ", "login", "> OPTS UTF8 ON", "< ^501 ", "pasv", "> NLST", "< ^150 ", `data hello.txt`, "< ^226 "},

	"hostile/endless-greeting": {"flood 3000000"},
	"hostile/endless-zeros":    {"flood 3000000"},
	"hostile/drip":             {"silent"},
	"hostile/huge-line":        {"flood 50000000", "< A\r?$"},
	"hostile/nuls":             {`< ^220 re\x00ady`},
	"hostile/multi-line-end":   {"< ^220-", "< ^221 "},
	"hostile/bare-lf":          {"flood 10", "silent"},
	"hostile/pasv-six-digits":  {"< ^220 ", "login", "> PASV", `< ^227 .*999999`},
	"hostile/pasv-third-host":  {"< ^220 ", "login", "> PASV", `< ^227 .*192,0,2,80`},
	"hostile/epsv-delimiters":  {"< ^220 ", "login", "> EPSV", `< ^229 .*\(!!!\d+!\)`},
	"hostile/epsv-garbage":     {"< ^220 ", "login", "> EPSV", `< ^229 .*99999999999`},
	"hostile/listing-escapes":  {"< ^220 ", "login", "pasv", "> LIST", "< ^150 ", "data \x1b\\[31m", "< ^226 "},
	"hostile/many-names":       {"< ^220 ", "> AUTH TLS", "< ^234 ", "tls ^ok$"},
	"hostile/two-replies":      {"< ^220 ", "> NOOP", "< ^200 ", "< ^200 and once more"},
	"hostile/mute-after-login": {"< ^220 ", "login", "> PWD", "silent"},
}

// patience is for a busy machine: on an idle one a server starts and ends in
// some milliseconds. What would never end, or only when a wait is over, takes longer.
const patience = 4 * time.Second

// Every fault starts and ends at once, and a client that knows nothing of this
// package sees the fault.
func TestFaultsShow(t *testing.T) {
	for _, f := range slices.Concat(Faults(), Hostile()) {
		t.Run(f.Name, func(t *testing.T) {
			steps, known := dialogues[f.Name]
			if !known {
				t.Fatal("no dialogue shows this fault")
			}
			begin := time.Now()
			s := start(t, f)
			if took := time.Since(begin); took > patience {
				t.Errorf("starting took %v", took)
			}
			if steps != nil {
				w := dial(t, s)
				if err := w.all(steps...); err != nil {
					t.Error(err)
				}
			}
			begin = time.Now()
			s.Close()
			if took := time.Since(begin); took > patience {
				t.Errorf("closing took %v", took)
			}
		})
	}
}

func TestDialoguesHaveFaults(t *testing.T) {
	for name := range dialogues {
		if f, ok := Find(name); (!ok || f.Name != name) && (CanDrop || name != "data/passive-filtered") {
			t.Errorf("dialogue of %q, which is no fault", name)
		}
	}
}
