package host

import (
	"context"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
)

// denialsSection looks for what SELinux and AppArmor refused the servers.
var denialsSection = &section{name: "denials", layer: "host", systems: []string{linux}, run: denials}

// lately is how old a refusal may be to matter to what is seen now.
const lately = time.Hour

func denials(_ context.Context, p *part) {
	enforcing := strings.TrimSpace(p.text("/sys/fs/selinux/enforce")) == "1"
	if enforcing {
		p.deny(finding.HostSELinuxDenied, p.avc)
	}
	if strings.HasPrefix(p.text("/sys/module/apparmor/parameters/enabled"), "Y") {
		p.deny(finding.HostAppArmorDenied, p.armor)
	}
}

// deny states the last refusal of each server.
func (p *part) deny(def *finding.Def, read func() ([]denial, string)) {
	all, source := read()
	for _, s := range p.asked() {
		k := kindNamed(s.Kind)
		if k == nil {
			continue
		}
		for _, d := range slices.Backward(all) {
			if d.When.IsZero() || !p.recent(d.When, lately) || !concerns(d, k) {
				continue
			}
			f := finding.New(def, finding.Confirmed).About(s.Kind).With("name", d.Program).With("path", d.Path).
				SawAt("the last refusal", d.Line, source).
				SawAt("when it was", stamp(d.When), source)
			if p.q.Login == Works && p.q.Data == Works && p.q.Transfer != Fails {
				f.As(finding.Warning) // it did not stop what the check did
			}
			p.findAt(f, s.port())
			break
		}
	}
}

// concerns tells whether a refusal hit one of the server's programs.
func concerns(d denial, k *kind) bool {
	return slices.ContainsFunc(k.programs, func(name string) bool {
		return d.Program == name || d.Profile == name || strings.HasSuffix(d.Profile, "/"+name) || k.name == "openssh" && d.Program == "sftp-server"
	})
}

func (p *part) avc() ([]denial, string) {
	if r := p.run("ausearch", "-m", "avc", "-ts", "recent", "--raw"); r.ok() {
		return parseAVC(r.out), "ausearch -m avc"
	}
	r := p.run("tail", "-n", "5000", "/var/log/audit/audit.log")
	if !r.ok() && !p.sys.Root {
		p.lacks("what SELinux refused (the audit log needs root)")
	}
	return parseAVC(r.out), "/var/log/audit/audit.log"
}

func (p *part) armor() ([]denial, string) {
	log := p.kernelLog()
	var text strings.Builder
	for _, l := range log.lines {
		text.WriteString(l.Text + "\n")
	}
	all := parseAppArmor(text.String())
	for i, d := range all {
		for _, l := range log.lines {
			if d.When.IsZero() && l.Text == d.Line {
				all[i].When = l.When
			}
		}
	}
	if r := p.run("tail", "-n", "5000", "/var/log/audit/audit.log"); r.ok() {
		if more := parseAppArmor(r.out); len(more) > 0 {
			return more, "/var/log/audit/audit.log"
		}
	}
	return all, log.source
}
