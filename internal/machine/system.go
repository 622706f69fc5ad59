package machine

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// localSystem is what this machine is.
func localSystem() System {
	s := System{OS: runtime.GOOS}
	s.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		s.User = u.Username
	}
	if runtime.GOOS != "windows" {
		ctx, cancel := context.WithTimeout(context.Background(), Limit)
		defer cancel()
		if out, err := exec.CommandContext(ctx, "uname", "-r").Output(); err == nil {
			s.Kernel = strings.TrimSpace(string(out))
		}
	}
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if b, err := readHere(name); err == nil {
			s.release(string(b))
			break
		}
	}
	return s
}

// release reads os-release(5).
func (s *System) release(text string) {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			s.Distribution = value
		case "VERSION_ID":
			s.Version = value
		case "PRETTY_NAME":
			s.Name = value
		}
	}
}

// systemScript asks all at once: each question costs a round trip.
const systemScript = `uname -s; uname -r; uname -n; id -un; id -u; date +%s.%N; echo "$SSH_CONNECTION"; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null; :`

// remoteSystem asks what the machine is, which is the first command there.
func (m *Machine) remoteSystem(ctx context.Context) (System, error) {
	began := time.Now()
	out, err := m.record(ctx, []string{"sh", "-c", systemScript}, false, func(ctx context.Context) (Output, error) {
		return m.way.run(ctx, []string{"/bin/sh", "-c", systemScript})
	})
	if err != nil {
		return System{}, err
	}
	s, clock, from, err := parseSystem(string(out.Stdout))
	m.from = from
	if err == nil && !clock.IsZero() {
		s.Clock = clock.Sub(began.Add(time.Since(began) / 2))
	}
	return s, err
}

func parseSystem(text string) (s System, clock time.Time, from netip.Addr, err error) {
	f := strings.SplitN(text, "\n", 8)
	if len(f) < 8 {
		return s, clock, from, errors.New("it does not answer as a Unix")
	}
	// SSH_CONNECTION: address and port of the client, then of the server (ssh(1)).
	client, _, _ := strings.Cut(f[6], " ")
	if from, err = netip.ParseAddr(client); err != nil {
		from = netip.Addr{}
	}
	s = System{OS: strings.ToLower(f[0]), Kernel: f[1], Host: f[2], User: f[3], Root: f[4] == "0"}
	whole, fraction, _ := strings.Cut(f[5], ".")
	if sec, err := strconv.ParseInt(whole, 10, 64); err == nil {
		var nsec int64
		if len(fraction) == 9 { // BSD's date has no %N, and prints an N
			nsec, _ = strconv.ParseInt(fraction, 10, 64)
		}
		clock = time.Unix(sec, nsec)
	}
	s.release(f[7])
	return s, clock, from, nil
}
