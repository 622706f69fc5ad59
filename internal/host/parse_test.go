package host

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/machine"
)

var compareAddr = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func endAt(a, b string) connection {
	return connection{netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)}
}

func TestParseSS(t *testing.T) {
	// iproute2 6.1 of Debian 12; the wildcard socket is one of both families.
	out := `LISTEN 0      32                 *:21              *:*    users:(("vsftpd",pid=812,fd=3)) ino:20001 sk:1001 cgroup:/system.slice/vsftpd.service v6only:0 <->
LISTEN 129    128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=640,fd=3),("sshd",pid=641,fd=3)) ino:20002 sk:2 cgroup:/system.slice/ssh.service <->
LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=640,fd=4)) ino:20003 sk:3 v6only:1 <->
LISTEN 0      4096      127.0.0.53%lo:53      0.0.0.0:*    uid:101 ino:1 sk:9 <->
ESTAB  0      0      192.0.2.10:22 203.0.113.9:50022
LISTEN 0      5      broken
`
	want := []Listener{
		{Address: addr("::"), Port: 21, Both: true, Limit: 32, PID: 812, Program: "vsftpd", inode: 20001},
		{Address: addr("0.0.0.0"), Port: 22, Queue: 129, Limit: 128, PID: 640, Program: "sshd", inode: 20002},
		{Address: addr("::"), Port: 22, Limit: 128, PID: 640, Program: "sshd", inode: 20003},
		{Address: addr("127.0.0.53"), Port: 53, Limit: 4096, inode: 1},
	}
	if diff := cmp.Diff(want, parseSS(out), compareAddr, cmp.AllowUnexported(Listener{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseEstablished(t *testing.T) {
	out := "0      0      192.0.2.10:22        203.0.113.9:50022\n0 0 [::ffff:192.0.2.10]:21 [::ffff:203.0.113.9]:5000\nESTAB 0 0 [2001:db8::10]:21 [2001:db8::1]:5001\n"
	want := []connection{
		endAt("192.0.2.10:22", "203.0.113.9:50022"), endAt("192.0.2.10:21", "203.0.113.9:5000"), endAt("[2001:db8::10]:21", "[2001:db8::1]:5001"),
	}
	if diff := cmp.Diff(want, parseEstablished(out), compareAddr, cmp.AllowUnexported(connection{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseProcNet(t *testing.T) {
	listening, connections := parseProcNet(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0015 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 121 1 0000000006150bdb 100 0 0 10 0
   1: 0A0200C0:0016 097100CB:C366 01 00000000:00000000 02:000A7DB2 00000000     0        0 122 2 0000000006150bdb 20 4 30 10 -1
`)
	six, _ := parseProcNet(`   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1 0 100 0 0 10 0
   1: B80D0120000000000000000010000000:0015 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 78 1 0 100 0 0 10 0
`)
	want := []Listener{
		{Address: addr("127.0.0.1"), Port: 21, Queue: 3, inode: 121},
		{Address: addr("::"), Port: 22, Both: true, inode: 77},
		{Address: addr("2001:db8::10"), Port: 21, inode: 78},
	}
	if diff := cmp.Diff(want, append(listening, six...), compareAddr, cmp.AllowUnexported(Listener{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(connections) != 1 || connections[0] != endAt("192.0.2.10:22", "203.0.113.9:50022") {
		t.Errorf("connections: %v", connections)
	}
}

func TestParseNetstat(t *testing.T) {
	// Windows in German: the state is translated, the foreign address is not.
	listening, connections := parseNetstat(`
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:21             0.0.0.0:0              ABHÖREN          1780
  TCP    [::]:21                [::]:0                 ABHÖREN          1780
  TCP    192.0.2.10:21          203.0.113.9:50000      ESTABLISHED      1780
  UDP    0.0.0.0:123            *:*                                     900
`, windows)
	want := []Listener{{Address: addr("0.0.0.0"), Port: 21, PID: 1780}, {Address: addr("::"), Port: 21, PID: 1780}}
	if diff := cmp.Diff(want, listening, compareAddr, cmp.AllowUnexported(Listener{})); diff != "" {
		t.Errorf("windows (-want +got):\n%s", diff)
	}
	if len(connections) != 1 || connections[0] != endAt("192.0.2.10:21", "203.0.113.9:50000") {
		t.Errorf("windows: %v", connections)
	}
	listening, connections = parseNetstat(`Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp46      0      0  *.21                   *.*                    LISTEN
tcp4       0      0  127.0.0.1.631          *.*                    LISTEN
tcp6       0      0  fe80::1%lo0.88         *.*                    LISTEN
tcp4       0      0  192.0.2.10.21          203.0.113.9.50000      ESTABLISHED
`, darwin)
	want = []Listener{{Address: addr("::"), Port: 21, Both: true}, {Address: addr("127.0.0.1"), Port: 631}, {Address: addr("fe80::1"), Port: 88}}
	if diff := cmp.Diff(want, listening, compareAddr, cmp.AllowUnexported(Listener{})); diff != "" {
		t.Errorf("macOS (-want +got):\n%s", diff)
	}
	if len(connections) != 1 {
		t.Errorf("macOS: %v", connections)
	}
}

func TestParseLsof(t *testing.T) {
	got := parseLsof("p350\ncsshd\nf3\nn*:22\nf4\nn*:22\np77\ncproftpd\nf0\nn127.0.0.1:21\nf1\nn[::1]:21\n")
	want := []Listener{
		{Address: addr("::"), Port: 22, PID: 350, Program: "sshd", Both: true},
		{Address: addr("127.0.0.1"), Port: 21, PID: 77, Program: "proftpd"},
		{Address: addr("::1"), Port: 21, PID: 77, Program: "proftpd"},
	}
	if diff := cmp.Diff(want, got, compareAddr, cmp.AllowUnexported(Listener{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseShow(t *testing.T) {
	// systemd 252; the service of a socket unit, and one that is not there.
	got := parseShow(`Id=ssh.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=oom-kill
UnitFileState=disabled
TriggeredBy=ssh.socket other.socket
FragmentPath=/lib/systemd/system/ssh.service
MainPID=0
ExecMainStatus=255
NRestarts=5
ExecMainStartTimestampMonotonic=40000000000
StateChangeTimestampMonotonic=40000100000

Id=proftpd.service
LoadState=not-found
ActiveState=inactive
SubState=dead
MainPID=0
`)
	want := []unit{
		{
			Name: "ssh.service", Load: "loaded", Active: "failed", Sub: "failed", Result: "oom-kill", Enabled: "disabled",
			Triggers: []string{"ssh.socket", "other.socket"}, File: "/lib/systemd/system/ssh.service", Status: 255, Restarts: 5,
			Start: 40000 * time.Second, Changed: 40000*time.Second + 100*time.Millisecond, Manager: "systemctl show",
		},
		{Name: "proftpd.service", Load: "not-found", Active: "inactive", Sub: "dead", Manager: "systemctl show"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseJournal(t *testing.T) {
	got := parseJournal(`{"MESSAGE":"500 OOPS: cannot read config","SYSLOG_IDENTIFIER":"vsftpd","_PID":"812","__REALTIME_TIMESTAMP":"1700000000123456","PRIORITY":"3"}
{"MESSAGE":[70,114,195,188,104,255],"SYSLOG_IDENTIFIER":"proftpd","__REALTIME_TIMESTAMP":"1700000001000000"}
{"MESSAGE":null,"_PID":"9"}
not json
`)
	want := []logLine{
		{When: time.UnixMicro(1700000000123456), Identifier: "vsftpd", PID: 812, Text: "500 OOPS: cannot read config"},
		{When: time.UnixMicro(1700000001000000), Identifier: "proftpd", Text: "Früh\uFFFD"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestComplaint(t *testing.T) {
	tests := []struct{ log, want string }{
		// ProFTPD 1.3.8 of Debian with a misspelt directive.
		{
			`{"MESSAGE":"Starting proftpd.service - ProFTPD FTP Server...","SYSLOG_IDENTIFIER":"systemd","_PID":"1"}
{"MESSAGE":"fatal: unknown configuration directive 'PasivePorts' on line 12 of '/etc/proftpd/proftpd.conf'","SYSLOG_IDENTIFIER":"proftpd","_PID":"900"}
{"MESSAGE":"warning: unable to include '/etc/proftpd/conf.d/': aborting","SYSLOG_IDENTIFIER":"proftpd","_PID":"900"}
{"MESSAGE":"proftpd.service: Main process exited, code=exited, status=1/FAILURE","SYSLOG_IDENTIFIER":"systemd","_PID":"1"}`,
			"fatal: unknown configuration directive 'PasivePorts' on line 12 of '/etc/proftpd/proftpd.conf'",
		},
		// vsftpd says it to nobody: systemd's line is all there is.
		{
			`{"MESSAGE":"Started vsftpd.service - vsftpd FTP server.","SYSLOG_IDENTIFIER":"systemd"}
{"MESSAGE":"vsftpd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT","SYSLOG_IDENTIFIER":"systemd"}
{"MESSAGE":"vsftpd.service: Failed with result 'exit-code'.","SYSLOG_IDENTIFIER":"systemd"}`,
			"vsftpd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT",
		},
		{`{"MESSAGE":"Server listening on 0.0.0.0 port 22.","SYSLOG_IDENTIFIER":"sshd"}
{"MESSAGE":"Received signal 15; terminating.","SYSLOG_IDENTIFIER":"sshd"}`, "Received signal 15; terminating."},
		{``, ""},
	}
	for _, tt := range tests {
		if got, _ := complaint(parseJournal(tt.log)); got.Text != tt.want {
			t.Errorf("%q, want %q", got.Text, tt.want)
		}
	}
}

func TestParseSupervisors(t *testing.T) {
	tests := []struct{ manager, line, name, active, enabled string }{
		{"sv status", "run: /etc/service/vsftpd: (pid 812) 95s; run: log: (pid 700) 95s", "vsftpd", "active", "enabled"},
		{"sv status", "down: vsftpd: 1s, normally up, want up", "vsftpd", "failed", "enabled"},
		{"sv status", "down: vsftpd: 5s", "vsftpd", "inactive", "enabled"},
		{"svstat", "/service/vsftpd: up (pid 1320) 4 seconds", "vsftpd", "active", "enabled"},
		{"svstat", "/service/vsftpd: down 3 seconds, normally up", "vsftpd", "failed", "enabled"},
		{"supervisorctl status", "vsftpd                           RUNNING   pid 812, uptime 0:01:02", "vsftpd", "active", "enabled"},
		{"supervisorctl status", "vsftpd                           BACKOFF   Exited too quickly (process log may have details)", "vsftpd", "failed", "enabled"},
		{"supervisorctl status", "vsftpd                           STOPPED   Not started", "vsftpd", "inactive", "enabled"},
		{"rc-status", " vsftpd                                            [  started  ]", "vsftpd", "active", "enabled"},
		{"rc-status", " vsftpd                                            [  crashed  ]", "vsftpd", "failed", "enabled"},
	}
	for _, tt := range tests {
		got := parseSupervisors(tt.manager, tt.line+"\n")
		if len(got) != 1 || got[0].Name != tt.name || got[0].Active != tt.active || got[0].Enabled != tt.enabled {
			t.Errorf("%s: %s: %+v", tt.manager, tt.line, got)
		}
	}
	for _, noise := range []string{"Dynamic Runlevel: manual", "unix:///var/run/supervisor.sock no such file", "warning: x: unable to open supervise/ok"} {
		for _, m := range []string{"sv status", "supervisorctl status", "rc-status"} {
			for _, u := range parseSupervisors(m, noise) {
				if u.Active == "active" || u.Active == "failed" {
					t.Errorf("%s reads %q as %+v", m, noise, u)
				}
			}
		}
	}
}

func TestParseOOM(t *testing.T) {
	got := parseOOM(parseDmesg(`[12345.678901] vsftpd invoked oom-killer: gfp_mask=0xcc0, order=0
[12345.679000] Out of memory: Killed process 812 (vsftpd) total-vm:812000kB, anon-rss:700000kB, file-rss:0kB, UID:0
[12346.000000] Memory cgroup out of memory: Killed process 900 (proftpd) total-vm:1kB
[12347.000000] oom_reaper: reaped process 812 (vsftpd), now anon-rss:0kB
`, clock{now: now, uptime: 20000 * time.Second}))
	if len(got) != 2 || got["proftpd"].Text == "" {
		t.Fatalf("%v", got)
	}
	if want := now.Add(-(20000*time.Second - 12345679*time.Millisecond)); !got["vsftpd"].When.Equal(want) {
		t.Errorf("at %s, want %s", got["vsftpd"].When, want)
	}
}

func TestProcess(t *testing.T) {
	got := parsePS("    812       1 root     vsftpd          /usr/sbin/vsftpd /etc/vsftpd.conf\nbroken line\n")
	want := []Process{{PID: 812, Parent: 1, UID: "root", Name: "vsftpd", Args: []string{"/usr/sbin/vsftpd", "/etc/vsftpd.conf"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The name may hold blanks and parentheses.
	if d, ok := startTicks("640 (sshd: a) b) S 1 640 640 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4000050 1 1 1"); !ok || d != 40000*time.Second+500*time.Millisecond {
		t.Errorf("started after %v %v", d, ok)
	}
	c := parseClock("1700000000.250000000\n1000.50 3000.00\n")
	if !c.now.Equal(time.Unix(1700000000, 250000000)) || c.uptime != 1000500*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if at := c.at(1000 * time.Second); !at.Equal(c.now.Add(-500 * time.Millisecond)) {
		t.Errorf("at %s", at)
	}
	if c := parseClock("1700000000.%N\n"); c.now.Unix() != 1700000000 { // BusyBox
		t.Errorf("%+v", c)
	}
}

func TestKindOf(t *testing.T) {
	tests := map[string]Process{
		"openssh":   {Name: "sshd", Args: []string{"sshd:", "/usr/sbin/sshd", "-D", "[listener]"}},
		"proftpd":   {Name: "proftpd", Args: []string{"proftpd:", "(accepting", "connections)"}},
		"pure-ftpd": {Name: "pure-ftpd-mysql", Args: []string{"pure-ftpd", "(SERVER)"}},
		"pyftpdlib": {Name: "python3", Args: []string{"python3", "-m", "pyftpdlib", "-p", "21"}},
		"":          {Name: "ftpdoctor", Args: []string{"ftpdoctor", "check", "ftp://x"}},
	}
	for want, p := range tests {
		got := ""
		if k := kindOf(p); k != nil {
			got = k.name
		}
		if got != want {
			t.Errorf("%v is %q, want %q", p.Args, got, want)
		}
	}
}

func TestSuperServers(t *testing.T) {
	got := parseInetd("# ftp off\nftp stream tcp4 nowait root /usr/sbin/in.ftpd in.ftpd -l\nftp stream tcp nowait root /usr/sbin/tcpd /usr/sbin/vsftpd\nbroken line\n")
	want := []inetdEntry{{"/usr/sbin/in.ftpd", "in.ftpd", 2}, {"/usr/sbin/tcpd", "/usr/sbin/vsftpd", 3}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(inetdEntry{})); diff != "" {
		t.Errorf("inetd (-want +got):\n%s", diff)
	}
	got = parseXinetd("defaults\n{\n}\nservice ftp\n{\n\tdisable = no\n\tserver\t= /usr/sbin/vsftpd\n}\nservice x\n{\n disable = yes\n server = /usr/sbin/x\n}\n")
	want = []inetdEntry{{"/usr/sbin/vsftpd", "", 7}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(inetdEntry{})); diff != "" {
		t.Errorf("xinetd (-want +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		section string
		denies  bool
	}{
		{"Order allow,deny\nAllow from 203.0.113.200\nDenyAll", true},
		{"Order allow,deny\nAllow from 203.0.113.0/24\nDenyAll", false},
		{"Deny from 203.0.113.\nAllow from all", false},
		{"Order deny,allow\nDeny from 203.0.113.9", true},
		{"DenyAll\nAllowUser alice", false}, // it hangs on the user
		{"Allow from .example.com\nDenyAll", false},
		{"Allow from 10.0.0.0/8, 192.168.0.0/16\nDeny from all", true},
	}
	for _, tt := range tests {
		set, _ := conf.ParseSet(conf.ProFTPD, "/p", func(string) ([]byte, error) {
			return []byte("<Limit LOGIN>\n" + tt.section + "\n</Limit>\n<Directory /x>\n<Limit LOGIN>\nDenyAll\n</Limit>\n</Directory>\n"), nil
		}, func(string) ([]string, error) { return nil, nil })
		all := limitsOf(set, "LOGIN")
		if len(all) != 1 || all[0].denies(addr("203.0.113.9")) != tt.denies {
			t.Errorf("%q: %+v", tt.section, all)
		}
	}
}

func TestParseIPAddr(t *testing.T) {
	want := []Interface{
		{Name: "lo", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("2001:db8::10/64")}},
	}
	got := parseIPAddr(`[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK"],"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
		{"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},{"local":"2001:db8::10","prefixlen":64},{"local":"bad","prefixlen":1}]}]`)
	if diff := cmp.Diff(want, got, compareAddr); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, out := range map[string]string{
		"macOS": "lo0: flags=8049<UP,LOOPBACK> mtu 16384\n\tinet 127.0.0.1 netmask 0xff000000\nen0: flags=8863<UP> mtu 1500\n\tinet6 fe80::1%en0 prefixlen 64\n\tinet 192.0.2.10 netmask 0xffffff00 broadcast 192.0.2.255\n",
		"linux": "eth0: flags=4163<UP>  mtu 1500\n        inet 192.0.2.10  netmask 255.255.255.0\nlo: flags=73<UP>\n        inet 127.0.0.1\n",
	} {
		found := false
		for _, i := range parseIfconfig(out) {
			for _, a := range i.Addresses {
				found = found || a.Addr() == addr("192.0.2.10")
			}
		}
		if !found {
			t.Errorf("%s: %v", name, parseIfconfig(out))
		}
	}
	win := parseIPConfig("Ethernet-Adapter Ethernet0:\r\n\r\n   IPv4-Adresse  . . . . . . . . . . : 192.0.2.10(Bevorzugt) \r\n   Subnetzmaske  . . . . . . . . . . : 255.255.255.0\r\n   Verbindungslokale IPv6-Adresse  . : fe80::1%12(Bevorzugt) \r\n   DNS-Server  . . . . . . . . . . . : 192.0.2.53\r\n")
	if len(win) != 1 || len(win[0].Addresses) != 2 || win[0].Addresses[0].Addr() != addr("192.0.2.10") {
		t.Errorf("windows: %v", win)
	}
}

func TestForeignServices(t *testing.T) {
	// PowerShell 5.1 and 7: Win32_Service; then Get-Service, whose state is a number; one object.
	got := parseGetService("\ufeff" + `[{"Name":"FTPSVC","State":"Running","StartMode":"Auto","ProcessId":1780,"ExitCode":0},{"Name":"sshd","State":"Stopped","StartMode":"Manual","ProcessId":0,"ExitCode":1067},{"Name":"W3SVC","State":"Stopped","StartMode":"Disabled","ProcessId":0,"ExitCode":1077}]`)
	states := ""
	for _, u := range got {
		states += u.Name + "=" + u.Active + "/" + u.Enabled + " "
	}
	if states != "FTPSVC=active/enabled sshd=failed/disabled W3SVC=inactive/disabled " {
		t.Error(states)
	}
	one := parseGetService(`{"Status":4,"Name":"ftpsvc","DisplayName":"Microsoft FTP Service","StartType":2}`)
	if len(one) != 1 || one[0].Active != "active" || one[0].Enabled != "enabled" {
		t.Errorf("%+v", one)
	}
	mac := parseLaunchctl("PID\tStatus\tLabel\n350\t0\tcom.openssh.sshd\n-\t78\torg.proftpd\n-\t0\tcom.apple.ftpd\n")
	states = ""
	for _, u := range mac {
		states += u.Name + "=" + u.Active + " "
	}
	if states != "com.openssh.sshd=active org.proftpd=failed com.apple.ftpd=inactive " {
		t.Error(states)
	}
	if names := parseTasklist("\"svchost.exe\",\"1780\",\"Services\",\"0\",\"21,504 K\"\r\n"); names[1780] != "svchost" {
		t.Errorf("%v", names)
	}
}

func TestParseAccounts(t *testing.T) {
	all := parsePasswd("root:x:0:0:root:/root:/bin/bash\n# comment\n+::::::\nalice:x:1001:1001:Alice,,,:/home/alice:/bin/false\nbroken\n")
	if a, ok := accountOf(all, "alice"); !ok || a.Home != "/home/alice" || a.Shell != "/bin/false" || a.Line != 4 {
		t.Errorf("%+v", a)
	}
	names, gids := parseGroups("root:x:0:\nftp:x:116:bob,alice\nalice:x:1001:\nx:x:9:malice\n", "alice", 1001)
	if strings.Join(names, " ") != "ftp alice" || len(gids) != 2 {
		t.Errorf("%v %v", names, gids)
	}
	s, ok := parseShadow("root:*:1::::::\nalice:!$6$x:19000:0:90:7:14:20000:\n", "alice")
	if !ok || !s.locked() || s.Changed != 19000 || s.Max != 90 || s.Idle != 14 || s.Expire != 20000 {
		t.Errorf("%+v", s)
	}
	if s, _ := parseShadow("alice:$6$x::::::\n", "alice"); s.Changed != 0 && s.locked() {
		t.Errorf("%+v", s)
	}
	if l := parseList("# shells\n/bin/sh\n /bin/bash # the usual\n\n"); l["/bin/sh"] != 2 || l["/bin/bash"] != 3 || len(l) != 2 {
		t.Errorf("%v", l)
	}
}

func TestParsePAM(t *testing.T) {
	got := parsePAM("f", `#%PAM-1.0
auth	[success=1 default=ignore]	pam_unix.so nullok # comment
-session optional pam_systemd.so
@include common-account
auth include system-auth
account required \
   pam_access.so accessfile=/etc/x
`)
	want := []pamRule{
		{Kind: "auth", Control: "[success=1 default=ignore]", Module: "pam_unix.so", Args: []string{"nullok"}, File: "f", Line: 2},
		{Kind: "session", Control: "optional", Module: "pam_systemd.so", File: "f", Line: 3},
		{Control: "include", Module: "common-account", File: "f", Line: 4},
		{Kind: "auth", Control: "include", Module: "system-auth", File: "f", Line: 5},
		{Kind: "account", Control: "required", Module: "pam_access.so", Args: []string{"accessfile=/etc/x"}, File: "f", Line: 6},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[4].arg("accessfile") != "/etc/x" {
		t.Error("argument")
	}
}

func TestParseDF(t *testing.T) {
	got := parseDF("Filesystem     1024-blocks      Used Available Capacity Mounted on\n/dev/sda1         20511312  19444352        12     100% /\n//nas/ftp share    100       50        50      50% /srv/ftp data\ntmpfs                    0         0         0       -  /x\n")
	if len(got) != 3 || got[0].Available != 12 || got[0].Mount != "/" || got[1].Mount != "/srv/ftp data" || got[1].Device != "//nas/ftp share" || !got[2].NotCounted {
		t.Errorf("%+v", got)
	}
	inodes := parseDF("Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n/dev/sdb1            -      -       -     - /srv\n")
	if len(inodes) != 1 || !inodes[0].NotCounted {
		t.Errorf("%+v", inodes)
	}
	m, ok := mountOf(parseMounts("/dev/sda1 / ext4 rw,relatime 0 0\n/dev/sdb1 /srv\\040x ext4 ro,noatime 0 0\ntmpfs /s tmpfs rw 0 0\n"), "/srv x/up")
	if !ok || m.Point != "/srv x" || !m.ReadOnly {
		t.Errorf("%+v", m)
	}
}

func TestParseQuota(t *testing.T) {
	got := parseQuota("Disk quotas for user alice (uid 1001): \n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n      /dev/sda1  102400*  90000  102400 1700000000      12       0       0       0\n")
	want := []quota{{"/dev/sda1", 102400, 90000, 102400, 12, 0, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := parseQuota("Disk quotas for user alice (uid 1001): none\n"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestParseDenials(t *testing.T) {
	// RHEL 9: one that was refused, one that SELinux let through because it is permissive, a port.
	avc := parseAVC(`type=AVC msg=audit(1700000000.123:456): avc:  denied  { write } for  pid=812 comm="vsftpd" name="upload" dev="sda1" ino=42 scontext=system_u:system_r:ftpd_t:s0-s0:c0.c1023 tcontext=unconfined_u:object_r:default_t:s0 tclass=dir permissive=0
type=AVC msg=audit(1700000001.123:457): avc:  denied  { read } for  pid=812 comm="vsftpd" name="x" permissive=1
type=AVC msg=audit(1700000002.5:458): avc:  denied  { name_bind } for  pid=812 comm="vsftpd" src=2121 scontext=system_u:system_r:ftpd_t:s0 tclass=tcp_socket permissive=0
`)
	if len(avc) != 2 || avc[0].Path != "upload" || avc[0].Operation != "write" || avc[1].Path != "port 2121" || avc[0].When.UnixMilli() != 1700000000123 {
		t.Errorf("%+v", avc)
	}
	armor := parseAppArmor(`audit: type=1400 audit(1700000000.123:77): apparmor="DENIED" operation="open" class="file" profile="/usr/sbin/vsftpd" name="/srv/x" pid=812 comm="vsftpd" requested_mask="w" denied_mask="w" fsuid=1001 ouid=0
audit: type=1400 audit(1700000000.123:78): apparmor="ALLOWED" operation="open" profile="vsftpd" name="/srv/y"
`)
	if len(armor) != 1 || armor[0].Profile != "/usr/sbin/vsftpd" || armor[0].Path != "/srv/x" {
		t.Errorf("%+v", armor)
	}
}

func TestWrappers(t *testing.T) {
	tests := []struct {
		allow, deny, source string
		want                wrapVerdict
		line                int
	}{
		{"", "", "203.0.113.9", wrapNone, 0},
		{"", "ALL: ALL", "203.0.113.9", wrapDeny, 1},
		{"vsftpd: 203.0.113.", "ALL: ALL", "203.0.113.9", wrapAllow, 1},
		{"vsftpd: 203.0.113.0/255.255.255.0", "ALL: ALL", "203.0.113.9", wrapAllow, 1},
		{"# c\n\nvsftpd: 203.0.112.0/23", "ALL: ALL", "203.0.113.9", wrapAllow, 3},
		{"sshd: ALL", "ALL: ALL", "203.0.113.9", wrapDeny, 1},
		{"ALL EXCEPT sshd: 203.0.113.9", "ALL:ALL", "203.0.113.9", wrapAllow, 1},
		{"ALL: ALL EXCEPT 203.0.113.9", "ALL: ALL", "203.0.113.9", wrapDeny, 1},
		{"vsftpd: [2001:db8::]/32", "ALL: ALL", "2001:db8::9", wrapAllow, 1},
		{"vsftpd: [2001:db8::9]", "ALL: ALL", "2001:db8::9", wrapAllow, 1},
		{"vsftpd: 203.0.113.9: deny", "", "203.0.113.9", wrapDeny, 1},
		{"", "vsftpd: ALL: allow", "203.0.113.9", wrapAllow, 1},
		{"vsftpd: .example.com", "ALL: ALL", "203.0.113.9", wrapUnknown, 1},
		{"", "vsftpd: /etc/denied", "203.0.113.9", wrapDeny, 1},
		{"", "vsftpd: 203.0.113.*", "203.0.113.9", wrapDeny, 1},
		{"", "vsftpd : ALL : spawn (/bin/echo %h) & : deny", "203.0.113.9", wrapDeny, 1},
		{"vsftpd: LOCAL", "ALL: ALL", "127.0.0.1", wrapAllow, 1},
	}
	for _, tt := range tests {
		got, rule := judgeWrappers(parseWrappers("a", tt.allow), parseWrappers("d", tt.deny), "vsftpd", addr(tt.source), func(string) string { return "192.0.2.1\n203.0.113.0/24\n" })
		if got != tt.want || rule.Line != tt.line {
			t.Errorf("allow %q, deny %q: %d by line %d, want %d by %d", tt.allow, tt.deny, got, rule.Line, tt.want, tt.line)
		}
	}
}

func TestModes(t *testing.T) {
	f := machine.File{Mode: 0o750, UID: 0, GID: 100}
	if a := allows(f, 1001, []int{1001}); a.enter || a.read {
		t.Errorf("others: %+v", a)
	}
	if a := allows(f, 1001, []int{1001, 100}); !a.enter || a.write {
		t.Errorf("group: %+v", a)
	}
	if a := allows(machine.File{Mode: 0o077, UID: 1001, GID: 1001}, 1001, []int{1001}); a.enter || a.write {
		t.Errorf("the owner's class counts, whatever the others may: %+v", a)
	}
	if got := strings.Join(ancestors("/home/alice//x/"), " "); got != "/ /home /home/alice /home/alice/x" {
		t.Error(got)
	}
	acl := "user::rwx\nuser:alice:rwx\t#effective:r-x\ngroup::r-x\ngroup:ftp:rwx\nmask::r-x\nother::---\ndefault:user:alice:rwx\n"
	if aclAllows(acl, "alice", nil, "w") || !aclAllows(acl, "alice", nil, "x") || aclAllows(acl, "bob", []string{"ftp"}, "w") || !aclAllows(acl, "bob", []string{"ftp"}, "rx") {
		t.Error("access list")
	}
}

func TestOthers(t *testing.T) {
	if source, offset, ok, known := parseChrony("C0000201,192.0.2.1,3,1700000000.1,-0.000012,0.000010,0.000030,-1.2,0.0,0.1,0.01,0.002,64.2,Normal\n"); !known || !ok || source != "192.0.2.1" || offset != -0.000012 {
		t.Error(source, offset, ok, known)
	}
	if _, _, ok, known := parseChrony("00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n"); !known || ok {
		t.Error("chrony that is not synchronised")
	}
	if x := parsePressure("some avg10=1.00 avg60=25.50 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00\n"); x != 25.5 {
		t.Error(x)
	}
	if n := openFiles("Limit  Soft Limit\nMax open files            1024                 524288               files\n"); n != 1024 {
		t.Error(n)
	}
	if c := parseCounters("TcpExt: A ListenOverflows\nTcpExt: 1 77\nIpExt: B\nIpExt: 2\n"); c["TcpExtListenOverflows"] != 77 || c["IpExtB"] != 2 {
		t.Error(c)
	}
	dev, own := parseRoute(`[{"dst":"203.0.113.9","dev":"eth0","prefsrc":"192.0.2.10"}]`)
	if dev != "eth0" || own != addr("192.0.2.10") {
		t.Error(dev, own)
	}
	argv := []string{"/usr/sbin/pure-ftpd", "-l", "pam", "-p", "40000:40050", "-P203.0.113.7", "--maxclientsnumber=5", "-S", ",2121"}
	o := pureOptions(argv)
	if o["PassivePortRange"] != "40000:40050" || o["ForcePassiveIP"] != "203.0.113.7" || o["MaxClientsNumber"] != "5" || o["Bind"] != ",2121" {
		t.Error(o)
	}
	if n := bestLine("# ufw\n*filter\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n-A ufw-user-input -p tcp --dport 21 -j DROP\n", ruleWord.FindAllString("-A ufw-user-input -p tcp -m tcp --dport 21 -j DROP", -1)); n != 4 {
		t.Error(n)
	}
}

func TestParseJails(t *testing.T) {
	// As fail2ban 1.0.2 prints it.
	const status = "Status\n|- Number of jail:\t2\n`- Jail list:\tsshd, vsftpd\n"
	if got := parseJails(status); !slices.Equal(got, []string{"sshd", "vsftpd"}) {
		t.Errorf("%q", got)
	}
	if got := parseJails("Status\n|- Number of jail:\t0\n`- Jail list:\t\n"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := parseJails("Jail list: --help, a"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("an option for a name: %q", got)
	}
}
