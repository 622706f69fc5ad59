package probe

import (
	"path"
	"strings"

	"ftpdoctor/internal/sshwire"
)

// knownHosts reads the files that OpenSSH reads, and keeps the lines that are
// for the target.
func (r *run) knownHosts() []sshwire.KnownKey {
	files := r.options.KnownHosts
	if len(files) == 0 {
		home := r.home()
		if home != "" {
			files = []string{home + "/.ssh/known_hosts", home + "/.ssh/known_hosts2"}
		}
		files = append(files, "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
	}
	host, port := r.target.Host, r.target.PortOr()
	var out []sshwire.KnownKey
	for _, f := range files {
		lines := r.w.LinesOf(f, func(line string) bool { _, ok := sshwire.ReadKnownHost(line, host, port); return ok })
		for _, l := range lines.Lines {
			if k, ok := sshwire.ReadKnownHost(l.Text, host, port); ok {
				k.File, k.Line = f, l.N
				out = append(out, k)
			}
		}
	}
	return out
}

func (r *run) home() string {
	env := r.w.Environment("HOME", "USERPROFILE")
	if env["HOME"] != "" {
		return env["HOME"]
	}
	return strings.ReplaceAll(env["USERPROFILE"], `\`, "/")
}

// hostMatches tells whether a certificate's principals name the host; none means
// all. OpenSSH takes patterns too.
func hostMatches(principals []string, host string) bool {
	for _, p := range principals {
		if ok, err := path.Match(strings.ToLower(p), strings.ToLower(host)); ok && err == nil {
			return true
		}
	}
	return len(principals) == 0
}
