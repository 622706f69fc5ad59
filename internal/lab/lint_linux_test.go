package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// The judgement of package lint against the real programs: what they refuse,
// lint refuses; what they accept, lint calls no syntax error. Shown on the
// examples of Debian's packages and on hundreds of generated mistakes.

// answer is what a program says of a configuration.
type answer int

const (
	accepts answer = iota
	refuses
	cannotTell // something else than the text: a user or a file that is not there
)

// program is a server that can be asked about a configuration without serving.
type program struct {
	name     string
	kind     conf.Kind
	examples []string // configurations to begin with
	ask      func(ctx context.Context, dir, text string) (answer, string)
	changes  int // how many mistakes are made
}

// configFile puts a text where the program reads it.
func configFile(dir, text string) string {
	name := filepath.Join(dir, "test.conf")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		panic(err)
	}
	return name
}

// say runs a program and returns its words.
func say(ctx context.Context, root string, stdin *os.File, name string, args ...string) (string, int) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, filepath.Join(root, name), args...)
	// Programs of another release come with their own C library.
	if loader := filepath.Join(root, "lib64/ld-linux-x86-64.so.2"); os.Getenv("FTPDOCTOR_LINT_ROOT") != "" && root != "/" {
		lib := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
		c = exec.CommandContext(ctx, loader, append([]string{"--library-path", lib + ":" + filepath.Join(root, "lib/x86_64-linux-gnu"), filepath.Join(root, name)}, args...)...)
	}
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu")+":"+filepath.Join(root, "usr/lib/aarch64-linux-gnu"), "LC_ALL=C")
	c.Stdin = stdin
	out, err := c.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		return err.Error(), -1
	}
	return string(out), 0
}

// askVSFTPD starts it as inetd would, and without a connection: it reads its file, then
// complains that there is none.
func askVSFTPD(root string) func(context.Context, string, string) (answer, string) {
	return func(ctx context.Context, dir, text string) (answer, string) {
		said, err := os.OpenFile(filepath.Join(dir, "said"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return cannotTell, err.Error()
		}
		defer said.Close()
		say(ctx, root, said, "usr/sbin/vsftpd", configFile(dir, text), "-olisten=NO", "-olisten_ipv6=NO")
		out, err := os.ReadFile(said.Name())
		if err != nil {
			return cannotTell, err.Error()
		}
		switch s := string(out); {
		case strings.Contains(s, "in config file"):
			return refuses, s
		case strings.Contains(s, "not configured for standalone"), strings.Contains(s, "SSL:"):
			return accepts, s
		default:
			return cannotTell, s
		}
	}
}

var proftpdSays = regexp.MustCompile(`fatal: (.*)`)

func askProFTPD(root string) func(context.Context, string, string) (answer, string) {
	return func(ctx context.Context, dir, text string) (answer, string) {
		out, code := say(ctx, root, nil, "usr/sbin/proftpd", "-t", "-c", configFile(dir, text))
		if code == 0 {
			return accepts, out
		}
		m := proftpdSays.FindStringSubmatch(out)
		if m == nil {
			return cannotTell, out
		}
		// What is not there on this machine says nothing about the text.
		if regexp.MustCompile(`Unknown (user|group)|No such file|unable to (use|open|load|get|resolve)|not exist|does not resolve|error resolving|must be an absolute path|is a symbolic link|error loading module 'mod_[a-z0-9_]+\.c'`).MatchString(m[1]) {
			return cannotTell, m[1]
		}
		return refuses, m[1]
	}
}

// askSSHD: the user sshd and the directory for privilege separation are looked
// for when the file has been read.
func askSSHD(root, key string) func(context.Context, string, string) (answer, string) {
	return func(ctx context.Context, dir, text string) (answer, string) {
		out, code := say(ctx, root, nil, "usr/sbin/sshd", "-t", "-f", configFile(dir, text), "-h", key)
		if code == 0 || strings.Contains(out, "Privilege separation user sshd does not exist") || strings.Contains(out, "Missing privilege separation directory") {
			return accepts, out
		}
		if strings.Contains(out, "bad addr or host") || strings.Contains(out, "no hostkeys available") || strings.Contains(out, "Unable to load host key") {
			return cannotTell, out
		}
		return refuses, out
	}
}

// askPureFTPD: an impossible TLS level at the end of the file makes it end when
// it has read everything before.
func askPureFTPD(root string) func(context.Context, string, string) (answer, string) {
	return func(ctx context.Context, dir, text string) (answer, string) {
		out, _ := say(ctx, root, nil, "usr/sbin/pure-ftpd", configFile(dir, strings.TrimSuffix(text, "\n")+"\nTLS 9\n"))
		if strings.Contains(out, "syntax error line") || strings.Contains(out, "property not found line") {
			return refuses, out
		}
		return accepts, out
	}
}

// askWrapper runs Debian's script on a directory of options, given as text with
// a line “==> NAME” before each.
func askWrapper(root string) func(context.Context, string, string) (answer, string) {
	return func(ctx context.Context, dir, text string) (answer, string) {
		script, err := os.ReadFile(filepath.Join(root, "usr/sbin/pure-ftpd-wrapper"))
		if err != nil {
			return cannotTell, err.Error()
		}
		etc := filepath.Join(dir, "etc")
		if err := writeOptions(etc, text); err != nil {
			return cannotTell, err.Error()
		}
		wrapper := filepath.Join(dir, "wrapper")
		if err := os.WriteFile(wrapper, bytes.ReplaceAll(script, []byte("/etc/pure-ftpd"), []byte(etc)), 0o755); err != nil {
			return cannotTell, err.Error()
		}
		out, code := say(ctx, "/", nil, "usr/bin/perl", wrapper, "--show-options")
		switch {
		case code == 0:
			return accepts, out
		case strings.Contains(out, "No such file"), strings.Contains(out, "No such socket"):
			return cannotTell, out
		}
		return refuses, out
	}
}

func writeOptions(etc, text string) error {
	if err := os.RemoveAll(etc); err != nil {
		return err
	}
	for _, d := range []string{"conf", "auth"} {
		if err := os.MkdirAll(filepath.Join(etc, d), 0o755); err != nil {
			return err
		}
	}
	for _, part := range strings.Split("\n"+text, "\n==> ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		if strings.ContainsAny(name, "/\x00") || name == "" || name == "." || name == ".." {
			continue
		}
		if err := os.WriteFile(filepath.Join(etc, "conf", name), []byte(body), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lintRefuses is lint's verdict on the file, or the directory, that the program was
// given: the messages of what it would refuse.
func lintRefuses(k conf.Kind, dir string) []string {
	main := filepath.Join(dir, "test.conf")
	if k == conf.PureFTPDDir {
		main = filepath.Join(dir, "etc", "conf")
	}
	var out []string
	for _, p := range lint.Check(conf.ParseSet(k, main, os.ReadFile, filepath.Glob)).Problems {
		if p.Severity == finding.Critical && (p.Kind == lint.Syntax || p.Kind == lint.Unknown || p.Rule == "openssh/subsystem-twice") {
			out = append(out, fmt.Sprintf("%d: %s: %s", p.Pos.Line, p.Rule, p.Message(finding.English)))
		}
	}
	return out
}

// read returns an example, unpacked where it is gzipped.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return string(b)
}

// examples reads those that fit a pattern, below the packages' root.
func examples(t *testing.T, root string, patterns ...string) []string {
	t.Helper()
	var out []string
	for _, p := range patterns {
		names, err := filepath.Glob(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			out = append(out, read(t, n))
		}
	}
	if len(out) == 0 {
		t.Fatalf("no example: %v", patterns)
	}
	return out
}

// The words and marks that mistakes are made of.
var wrongWords = strings.Fields(`yes no on off YES NO maybe true 1 0 -1 99999 70000 022 8x none x "" = # " \ < > </Limit> <Limit> all any /x 5m 1:2:3 Port TLS`)

// mistake changes a text as people do, by one slip.
func mistake(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	var used []int // lines that say something
	for i, l := range lines {
		if s := strings.TrimSpace(l); s != "" && s[0] != '#' && !strings.HasPrefix(s, "==>") {
			used = append(used, i)
		}
	}
	if len(used) == 0 {
		return text
	}
	i := used[r.IntN(len(used))]
	line := strings.TrimSuffix(lines[i], "\n")
	words := strings.Fields(line)
	at := r.IntN(len(line) + 1)
	end := "\n"
	switch r.IntN(14) {
	case 0: // a letter is lost
		line = line[:max(at-1, 0)] + line[at:]
	case 1: // a mark too many
		marks := " =#\"\\<>xX0\t:,-'"
		line = line[:at] + string(marks[r.IntN(len(marks))]) + line[at:]
	case 2: // two letters swapped
		if at > 1 {
			line = line[:at-2] + string(line[at-1]) + string(line[at-2]) + line[at:]
		}
	case 3: // the line twice
		line += "\n" + line
	case 4: // the line lost
		line, end = "", ""
	case 5: // the last word lost
		line = strings.Join(words[:len(words)-1], " ")
	case 6: // a word too many
		line += " " + wrongWords[r.IntN(len(wrongWords))]
	case 7: // another value
		words[len(words)-1] = wrongWords[r.IntN(len(wrongWords))]
		line = strings.Join(words, " ")
	case 8: // another value behind an equals sign
		name, _, _ := strings.Cut(line, "=")
		line = name + "=" + wrongWords[r.IntN(len(wrongWords))]
	case 9: // blanks at both ends
		line = "  " + line + " "
	case 10: // as edited on Windows
		line += "\r"
	case 11: // moved to the end
		return strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "") + line + "\n"
	case 12: // another case
		line = strings.ToUpper(line[:at]) + line[at:]
	case 13: // the next line belongs to it
		line, end = line+" \\", "\n"
	}
	lines = slices.Clone(lines)
	lines[i] = line + end
	return strings.Join(lines, "")
}

// hostKey makes a key for sshd.
func hostKey(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name).CombinedOutput(); err != nil {
		t.Skipf("no host key: %v: %s", err, out)
	}
	return name
}

// A configuration that has everything, for mistakes to be made in.
const (
	richVSFTPD = `listen=YES
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
max_clients=50
pasv_min_port=50000
pasv_max_port=50199
pasv_address=198.51.100.7
ftpd_banner=Welcome = here
userlist_enable=YES
userlist_file=/etc/vsftpd.user_list
idle_session_timeout=600
# the end
`
	richProFTPD = `LoadModule mod_sql.c
Port 21
User root
Group root
DefaultAddress 127.0.0.1
TimeoutSession 3600 group staff
MaxInstances 50
TransferRate RETR 100:1024 user alice
TransferRate STOR 50
MaxRetrieveFileSize 1 Gb
MaxStoreFileSize 100 Mb user bob
SQLBackend sqlite3
SQLConnectInfo /nonexistent/db user word
SQLAuthTypes Crypt
SQLUserInfo users userid passwd uid gid homedir shell
SQLGroupInfo groups groupname gid members
SQLNamedQuery count SELECT "count(*) from users"
DisplayLogin welcome.msg
ListOptions "-l" maxfiles 2000 strict
ControlsInterval 5
DebugLevel 0
SyslogLevel warn
AllowFilter ".*"
PathDenyFilter "\.ht"
<Global>
  DefaultRoot ~
  Umask 022 027
  PassivePorts 50000 50199
  TLSEngine on
  TLSRequired auth+data
  TLSProtocol TLSv1.2 TLSv1.3
  TLSOptions NoSessionReuseRequired EnableDiags
</Global>
<Class local>
  From 192.0.2.0/24
</Class>
<VirtualHost 127.0.0.9>
  ServerName "second host"
  MaxClients 10 "Sorry, %m"
  <Limit LOGIN>
    Order deny,allow
    AllowClass local
    DenyAll
  </Limit>
  <Directory /srv/in>
    HideFiles ^\.ht user !root
    AllowOverwrite on
    <Limit STOR MKD>
      AllowUser alice
      DenyAll
    </Limit>
  </Directory>
</VirtualHost>
`
	richSSHD = `Port 22
AddressFamily any
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxAuthTries 6
MaxStartups 10:30:100
LoginGraceTime 2m
ClientAliveInterval 60
Ciphers aes256-gcm@openssh.com,aes256-ctr
KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256
MACs hmac-sha2-256-etm@openssh.com
AllowUsers alice "bob" carol@192.0.2.1
AcceptEnv LANG LC_*
X11Forwarding no
LogLevel VERBOSE
SyslogFacility AUTH
UsePAM yes
AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u
Subsystem sftp internal-sftp -l INFO
Match Group sftp
    ChrootDirectory /srv/sftp/%u
    ForceCommand internal-sftp
    DisableForwarding yes
Match User dave Address 192.0.2.0/24
    PasswordAuthentication yes
`
)

func lintPrograms(t *testing.T, root string) []program {
	t.Helper()
	proftpdHead := "ModulePath " + filepath.Join(root, "usr/lib/proftpd") + "\nServerType standalone\nLoadModule mod_tls.c\nLoadModule mod_ban.c\nLoadModule mod_quotatab.c\n"
	users := regexp.MustCompile(`(?mi)^(\s*)(User|Group)\s+\S+`)
	hosts := regexp.MustCompile(`(?m)^<VirtualHost\s[^>]*>`)
	var proftpd []string
	for _, e := range examples(t, root, "usr/share/proftpd/templates/proftpd.conf", "usr/share/proftpd/templates/tls.conf", "usr/share/proftpd/templates/virtuals.conf",
		"usr/share/doc/proftpd-core/sample-configurations/basic.conf", "usr/share/doc/proftpd-core/sample-configurations/anonymous.conf",
		"usr/share/doc/proftpd-core/sample-configurations/virtual.conf", "usr/share/doc/proftpd-core/sample-configurations/complex-virtual.conf.gz") {
		e = users.ReplaceAllString(e, "${1}${2} root")
		// What is not on this machine would hide what is wrong with the text.
		e = hosts.ReplaceAllString(e, "<VirtualHost 127.0.0.9>")
		e = strings.ReplaceAll(e, "/var/log/proftpd/", t.TempDir()+"/")
		e = strings.NewReplacer("AuthUserFile", "# AuthUserFile", "AuthGroupFile", "# AuthGroupFile").Replace(e)
		e = strings.ReplaceAll(e, "Include /etc/proftpd/", "# Include /etc/proftpd/")
		proftpd = append(proftpd, proftpdHead+e)
	}
	proftpd = append(proftpd, proftpdHead+richProFTPD)
	options := examples(t, root, "etc/pure-ftpd/pure-ftpd.conf", "usr/share/doc/pure-ftpd/pure-ftpd.conf.gz")
	var dir strings.Builder
	for _, name := range []string{"MinUID", "AltLog", "NoAnonymous", "FSCharset", "TLSCipherSuite"} {
		fmt.Fprintf(&dir, "==> %s\n%s\n", name, strings.TrimSpace(read(t, filepath.Join(root, "etc/pure-ftpd/conf", name))))
	}
	dir.WriteString("==> PassivePortRange\n50000 50199\n==> Umask\n133 022\n==> TLS\n2\n==> TrustedIP\n10.1.1.1\n==> UserBandwidth\n8:16\n==> LimitRecursion\n10000 8\n==> SyslogFacility\nftp\n")
	return []program{
		{"vsftpd", conf.VSFTPD, append(examples(t, root, "etc/vsftpd.conf", "usr/share/doc/vsftpd/examples/*/vsftpd.conf"), richVSFTPD), askVSFTPD(root), 400},
		{"proftpd -t", conf.ProFTPD, proftpd, askProFTPD(root), 300},
		{"pure-ftpd", conf.PureFTPD, options, askPureFTPD(root), 300},
		{"pure-ftpd-wrapper", conf.PureFTPDDir, []string{dir.String()}, askWrapper(root), 120},
		{"sshd -t", conf.SSHD, append(examples(t, root, "usr/share/openssh/sshd_config"), richSSHD), askSSHD(root, hostKey(t)), 300},
	}
}

// TestLintAgrees asks the real programs.
func TestLintAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("asks real servers")
	}
	if err := Fetch(t.Context()); err != nil {
		if os.Getenv("FTPDOCTOR_LAB") == "require" {
			t.Fatal(err)
		}
		t.Skipf("no servers here: %v", err)
	}
	for _, p := range lintPrograms(t, lintRoot(t)) {
		t.Run(p.name, func(t *testing.T) { agree(t, p) })
	}
}

// lintRoot is where the packages are unpacked: the lab's, or those of another
// release with what they depend on, named by FTPDOCTOR_LINT_ROOT.
func lintRoot(t *testing.T) string {
	t.Helper()
	if root := os.Getenv("FTPDOCTOR_LINT_ROOT"); root != "" {
		return root
	}
	root, err := packageRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// lintSeed is the same every time, unless FTPDOCTOR_LINT_SEED is a number, or
// random. lintMistakes multiplies how many are made.
func lintSeed(t *testing.T) uint64 {
	t.Helper()
	switch s := os.Getenv("FTPDOCTOR_LINT_SEED"); s {
	case "":
		return 1
	case "random":
		seed := rand.Uint64()
		t.Logf("FTPDOCTOR_LINT_SEED=%d", seed)
		return seed
	default:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func lintMistakes(t *testing.T, n int) int {
	t.Helper()
	times := os.Getenv("FTPDOCTOR_LINT_TIMES")
	if times == "" {
		return n
	}
	k, err := strconv.Atoi(times)
	if err != nil {
		t.Fatal(err)
	}
	return n * k
}

// varying is what differs from one message of a kind to the next.
var varying = regexp.MustCompile(`'[^']*'|\d+`)

// exampleText is an example of a rule as a program can be asked about it.
func exampleText(p program, root, text string) string {
	if p.kind != conf.ProFTPD {
		return text
	}
	head := "ModulePath " + filepath.Join(root, "usr/lib/proftpd") + "\n"
	for _, m := range []string{"mod_tls.c", "mod_sql.c"} {
		if !strings.Contains(text, m) {
			head += "LoadModule " + m + "\n"
		}
	}
	return head + regexp.MustCompile(`(?m)^(User|Group) (ftp|proftpd|nogroup)$`).ReplaceAllString(text, "$1 root")
}

// TestLintExamples asks the real programs about the examples of the rules: they
// refuse the bad ones that lint calls refused, take the good ones, and take the
// bad ones once the edits of the rule are made.
func TestLintExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("asks real servers")
	}
	if err := Fetch(t.Context()); err != nil {
		if os.Getenv("FTPDOCTOR_LAB") == "require" {
			t.Fatal(err)
		}
		t.Skipf("no servers here: %v", err)
	}
	root := lintRoot(t)
	for _, p := range lintPrograms(t, root) {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			refused, good, mended := 0, 0, 0
			for _, r := range lint.Rules() {
				if r.Server != lint.System(p.kind) || strings.HasPrefix(r.Bad, "==> ") != (p.kind == conf.PureFTPDDir) || strings.Contains(r.Bad, "Include ") {
					continue
				}
				if a, said := p.ask(t.Context(), dir, exampleText(p, root, r.Good)); a == refuses {
					t.Errorf("%s: the good example is refused: %s", r.ID, said)
				}
				good++
				never := r.Severity == finding.Critical && (r.Kind == lint.Syntax || r.Kind == lint.Unknown)
				// What a rule says may be of a module that is not loaded or of a start, not of reading.
				unread := slices.Contains([]string{"proftpd/module-not-loaded", "proftpd/end-not-alone"}, r.ID)
				if a, said := p.ask(t.Context(), dir, exampleText(p, root, r.Bad)); never && !unread && a == accepts {
					t.Errorf("%s: the bad example is accepted: %s", r.ID, said)
				} else if never {
					refused++
				}
				if p.kind == conf.PureFTPDDir {
					continue
				}
				doc, problems := conf.Parse(p.kind, "test.conf", []byte(r.Bad))
				var edits []conf.Edit
				for _, x := range lint.Check(conf.Single(doc), problems).Problems {
					if x.Rule == r.ID {
						edits = append(edits, x.Edits...)
					}
				}
				if len(edits) == 0 {
					continue
				}
				changed, err := doc.Apply(edits...)
				if err != nil {
					t.Errorf("%s: %v", r.ID, err)
					continue
				}
				if a, said := p.ask(t.Context(), dir, exampleText(p, root, string(changed.Bytes()))); a == refuses {
					t.Errorf("%s: refused once its edits are made: %s\n%s", r.ID, said, changed.Bytes())
				}
				mended++
			}
			t.Logf("%d bad examples refused, %d good ones taken, %d mended ones taken", refused, good, mended)
		})
	}
}

func agree(t *testing.T, p program) {
	if _, err := exec.LookPath("perl"); err != nil && p.kind == conf.PureFTPDDir {
		t.Skip("Debian's wrapper is written in Perl")
	}
	for i, e := range p.examples {
		dir := t.TempDir()
		a, said := p.ask(t.Context(), dir, e)
		if problems := lintRefuses(p.kind, dir); a == accepts && len(problems) > 0 || a == refuses {
			t.Errorf("example %d: the program says %d %s, lint says %v", i, a, said, problems)
		}
	}
	var counts [3]int
	reasons := map[string]int{} // of those that tell nothing
	var mu sync.Mutex
	var wg sync.WaitGroup
	const workers = 2
	seed := lintSeed(t)
	p.changes = lintMistakes(t, p.changes)
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			dir := t.TempDir()
			for range p.changes / workers {
				text := p.examples[r.IntN(len(p.examples))]
				for range 1 + r.IntN(2) {
					text = mistake(r, text)
				}
				a, said := p.ask(t.Context(), dir, text)
				problems := lintRefuses(p.kind, dir)
				mu.Lock()
				counts[a]++
				if a == cannotTell {
					reasons[varying.ReplaceAllString(strings.TrimSpace(said), "…")]++
				}
				mu.Unlock()
				switch {
				case a == refuses && len(problems) == 0:
					t.Errorf("refused: %s; lint says nothing:\n%s", strings.TrimSpace(said), numbered(text))
				case a == accepts && len(problems) > 0:
					t.Errorf("accepted; lint says %v:\n%s", problems, numbered(text))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d examples; %d mistakes: %d accepted, %d refused, %d for other reasons: %v", len(p.examples), p.changes, counts[accepts], counts[refuses], counts[cannotTell], reasons)
	if counts[accepts] < p.changes/10 || counts[refuses] < p.changes/10 {
		t.Errorf("too few of one kind to show anything: %v", counts)
	}
}

// numbered is the part of a text that says something, with line numbers.
func numbered(text string) string {
	var b strings.Builder
	for i, l := range strings.Split(text, "\n") {
		if s := strings.TrimSpace(l); s != "" && s[0] != '#' {
			fmt.Fprintf(&b, "%4d %q\n", i+1, l)
		}
	}
	return b.String()
}
