package host

import (
	"slices"

	"ftpdoctor/internal/finding"
)

// shows are the causes that a section shows where they are there, so that what
// it did not find is ruled out.
var shows = map[string][]*finding.Def{
	"account": {
		finding.AuthUserUnknown, finding.AuthShellNotListed, finding.AuthShellMissing, finding.AuthAccountLocked, finding.AuthAccountExpired,
		finding.AuthPasswordExpired, finding.AuthHomeMissing, finding.AuthPAMBroken, finding.SSHAuthorizedKeysUnsafe,
	},
	// Bans and lists of addresses or users can be of programs that are not known here.
	"access":   {finding.AuthLoginsClosed},
	"sockets":  {finding.ServiceLoopbackOnly, finding.ServiceBacklogFull},
	"services": {finding.ServiceNotRunning, finding.ServiceFailed, finding.ServiceOOMKilled},
	"firewall": {finding.HostFirewallBlocks},
}

// RulesOut tells whether the machine would have shown a cause, and did not. It
// takes root to be sure.
func (r *Result) RulesOut(c finding.Code) (finding.Candidate, bool) {
	if !r.Facts.Root || slices.ContainsFunc(r.Findings, func(f *finding.Finding) bool { return f.Code == c }) {
		return finding.Candidate{}, false
	}
	for _, check := range r.Checks {
		name := sectionOf(check.Name)
		looked := check.Outcome == finding.Passed || check.Outcome == finding.Found
		if looked && slices.ContainsFunc(shows[name], func(d *finding.Def) bool { return d.Code == c }) {
			return finding.Candidate{Code: c, Why: "the server's machine shows nothing of it"}, true
		}
	}
	return finding.Candidate{}, false
}

// sectionOf is the section of a check, also after [finding.AtHost].
func sectionOf(check string) string {
	for _, s := range sections {
		if check == s.name || check == "host-"+s.name {
			return s.name
		}
	}
	return ""
}
