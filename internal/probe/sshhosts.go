package probe

import (
	"strings"

	"ftpdoctor/internal/sshwire"
)

// knownHosts reads the files that OpenSSH reads, and keeps the lines that are
// for the target.
func (r *run) knownHosts() (out []sshwire.KnownLine) {
	files := r.options.KnownHosts
	if len(files) == 0 {
		home := r.home()
		if home != "" {
			files = []string{home + "/.ssh/known_hosts", home + "/.ssh/known_hosts2"}
		}
		files = append(files, "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
	}
	for _, f := range files {
		lines := r.w.LinesOf(f, func(line string) bool { return sshwire.ForHost(line, r.target.Host, r.target.PortOr()) })
		for _, l := range lines.Lines {
			out = append(out, sshwire.KnownLine{File: f, N: l.N, Text: l.Text})
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
