package host

import (
	"net/netip"
	"testing"
	"time"
)

// What a machine prints is foreign: whatever it is, reading it ends, and what is
// kept of it is bounded.
func FuzzReaders(f *testing.F) {
	m := debian()
	for _, o := range m.commands {
		f.Add(string(o.Stdout))
	}
	for _, file := range m.files {
		f.Add(file.text)
	}
	f.Add("auth [success=1 default=ignore pam_x.so \\\n\\\n")
	f.Add("ALL EXCEPT EXCEPT : [::1 : \\: deny")
	f.Add("p1\ncx\nn*:21\n")
	f.Add("include /c;\nssl_certificate /c;\nInclude *\nSSLCertificateFile /c\n")
	f.Fuzz(func(t *testing.T, s string) {
		bounded := func(what string, n int) {
			if n > maxRows {
				t.Errorf("%s keeps %d", what, n)
			}
		}
		bounded("ss", len(parseSS(s)))
		a, b := parseProcNet(s)
		bounded("/proc/net/tcp", len(a)+len(b))
		for _, system := range []string{windows, darwin} {
			a, b = parseNetstat(s, system)
			bounded("netstat", len(a)+len(b))
		}
		bounded("established", len(parseEstablished(s)))
		bounded("lsof", len(parseLsof(s)))
		bounded("ps", len(parsePS(s)))
		bounded("show", len(parseShow(s)))
		lines := parseJournal(s)
		bounded("journal", len(lines))
		parseOOM(lines)
		complaint(lines)
		parseOOM(parseDmesg(s, parseClock(s)))
		for _, manager := range []string{"sv status", "svstat", "supervisorctl status", "rc-status"} {
			bounded(manager, len(parseSupervisors(manager, s)))
		}
		parseCounters(s)
		parseIPAddr(s)
		parseIfconfig(s)
		parseIPConfig(s)
		startTicks(s)
		openFiles(s)
		parseRoute(s)
		parseGetService(s)
		parseLaunchctl(s)
		parseTasklist(s)
		parseMeminfo(s)
		parseQuota(s)
		parseChrony(s)
		keyValues(s)
		if x := parsePressure(s); x < -1 || x > 100 {
			t.Errorf("pressure %v", x)
		}
		mountOf(parseMounts(s), "/srv/x")
		parseDF(s)
		parseAVC(s)
		parseAppArmor(s)
		parseSSHD(s)
		parseInetd(s)
		parseXinetd(s)
		parseCertificates(s)
		parseKey(s)
		pureOptions(parseCmdline(s))
		aclAllows(s, "alice", []string{"ftp"}, "w")
		bestLine(s, []string{"tcp", "dport"})
		mentions(s, netip.MustParseAddr("203.0.113.9"))
		ancestors(s)
		web := newLook(t.Context(), &told{files: map[string]fileTold{"/c": {text: s}}}, Question{})
		for kind := range webPatterns {
			all, files := web.webDirectives(kind, "/c")
			webPairs(all)
			bounded(kind, len(files))
		}
	})
}

// Accounts and rules decide who is let in: what is read of them must be what
// stands there.
func FuzzAccess(f *testing.F) {
	f.Add("alice:x:1001:1001::/home/alice:/bin/bash\n", "ALL: ALL", "vsftpd: 203.0.113.")
	f.Add(vsftpdPAM, "vsftpd : 203.0.113.0/255.255.0.255", "ALL EXCEPT x: ALL EXCEPT y EXCEPT z")
	f.Fuzz(func(t *testing.T, accounts, deny, allow string) {
		for _, e := range parsePasswd(accounts) {
			if e.Name == "" || e.Line < 1 {
				t.Errorf("an account without a name or a line: %+v", e)
			}
		}
		for name, line := range parseList(accounts) {
			if name == "" || line < 1 {
				t.Errorf("%q in line %d", name, line)
			}
		}
		parseShadow(accounts, "alice")
		parseGroups(accounts, "alice", 1001)
		for _, r := range parsePAM("f", accounts) {
			if r.Module == "" || r.Line < 1 {
				t.Errorf("%+v", r)
			}
		}
		start := time.Now()
		verdict, rule := judgeWrappers(parseWrappers("a", allow), parseWrappers("d", deny), "vsftpd", netip.MustParseAddr("203.0.113.9"), func(string) string { return deny })
		if verdict != wrapNone && rule.Line < 1 {
			t.Errorf("decided by no rule: %d", verdict)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
