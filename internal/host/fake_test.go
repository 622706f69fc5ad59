package host

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/machine"
)

// told is a machine of which it stands written what it says: commands with
// their output, files with their content and mode. What is not written is not there.
type told struct {
	mu       sync.Mutex
	system   machine.System
	commands map[string]machine.Output
	files    map[string]fileTold
	asked    []string
}

type fileTold struct {
	text     string
	mode     fs.FileMode // 0: 0644
	uid, gid int
	size     int64 // 0: that of the text
	modified time.Time
	target   string
	denied   bool
}

func (m *told) Run(_ context.Context, argv ...string) (machine.Output, error) {
	line := strings.Join(argv, " ")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, line)
	if o, ok := m.commands[line]; ok {
		return o, nil
	}
	// What is said whatever stands behind the first words.
	for n := len(argv) - 1; n > 0; n-- {
		if o, ok := m.commands[strings.Join(argv[:n], " ")]; ok {
			return o, nil
		}
	}
	return machine.Output{}, fmt.Errorf("run %s: %w", argv[0], exec.ErrNotFound)
}

func (m *told) ReadFile(_ context.Context, name string) ([]byte, error) {
	f, ok := m.files[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	case f.denied:
		return nil, fmt.Errorf("read %s: %w", name, fs.ErrPermission)
	}
	return []byte(f.text), nil
}

func (m *told) Stat(_ context.Context, name string) (machine.File, error) {
	f, ok := m.files[name]
	if !ok {
		for other := range m.files { // a directory of which only the content is told
			if strings.HasPrefix(other, strings.TrimSuffix(name, "/")+"/") {
				return machine.File{Path: name, Mode: fs.ModeDir | 0o755}, nil
			}
		}
		return machine.File{}, fmt.Errorf("stat %s: %w", name, fs.ErrNotExist)
	}
	mode := f.mode
	if mode == 0 {
		mode = 0o644
	}
	size := f.size
	if size == 0 {
		size = int64(len(f.text))
	}
	return machine.File{Path: name, Mode: mode, UID: f.uid, GID: f.gid, Size: size, Modified: f.modified, Target: f.target}, nil
}

func (m *told) Glob(_ context.Context, pattern string) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		if ok, _ := path.Match(pattern, name); ok {
			out = append(out, name)
		}
	}
	return out, nil
}

func (m *told) System() machine.System { return m.system }

// says is the output of a command that ended well.
func says(out string) machine.Output { return machine.Output{Stdout: []byte(out)} }

// fails is a command that ended with a complaint.
func fails(exit int, complaint string) machine.Output {
	return machine.Output{Stderr: []byte(complaint), Exit: exit}
}

// with is a copy of the machine that tells something else.
func (m *told) with(change func(*told)) *told {
	c := &told{system: m.system, commands: maps.Clone(m.commands), files: maps.Clone(m.files)}
	change(c)
	return c
}

// replace changes a text within a file.
func (m *told) replace(name, old, text string) {
	f := m.files[name]
	if !strings.Contains(f.text, old) {
		panic(name + " does not hold " + old)
	}
	f.text = strings.ReplaceAll(f.text, old, text)
	m.files[name] = f
}

// say changes a text within the output of a command.
func (m *told) say(command, old, text string) {
	o, ok := m.commands[command]
	if !ok || !strings.Contains(string(o.Stdout), old) {
		panic(command + " does not say " + old)
	}
	m.commands[command] = says(strings.ReplaceAll(string(o.Stdout), old, text))
}

// The moment at which the machine is looked at, and its kernel's age then.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const uptime = 100000

const (
	showUnits = "systemctl show --no-pager --property=" + showProperties + " UNITS"
	ssTable   = "ss -Htlnpe"
	nftRules  = "nft -j list ruleset"
)

// debian is a healthy server: systemd, vsftpd with TLS and a passive range, sshd,
// and a firewall that lets both in.
func debian() *told {
	m := &told{
		system: machine.System{OS: linux, Distribution: "debian", Version: "12", Root: true},
		commands: map[string]machine.Output{
			"sh -c date +%s.%N; cat /proc/uptime": says(fmt.Sprintf("%d.000000000\n%d.00 190000.00\n", now.Unix(), uptime)),
			"ip -j address": says(`[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},
				{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24},{"family":"inet6","local":"2001:db8::10","prefixlen":64}]}]`),
			"ip -j route get 203.0.113.9": says(`[{"dst":"203.0.113.9","gateway":"192.0.2.1","dev":"eth0","prefsrc":"192.0.2.10","flags":[],"uid":0,"cache":[]}]`),
			"ip -j route get 9.9.9.9":     says(`[{"dst":"9.9.9.9","gateway":"192.0.2.1","dev":"eth0","prefsrc":"192.0.2.10"}]`),
			"ps -eo pid=,ppid=,user=,comm=,args=": says(`      1       0 root     systemd         /sbin/init
    812       1 root     vsftpd          /usr/sbin/vsftpd /etc/vsftpd.conf
    640       1 root     sshd            sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups
`),
			ssTable: says(`LISTEN 0      32           *:21              *:*    users:(("vsftpd",pid=812,fd=3)) ino:20001 sk:1 cgroup:/system.slice/vsftpd.service v6only:0 <->
LISTEN 0      128    0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=640,fd=3)) ino:20002 sk:2 cgroup:/system.slice/ssh.service <->
LISTEN 0      128       [::]:22           [::]:*    users:(("sshd",pid=640,fd=4)) ino:20003 sk:3 cgroup:/system.slice/ssh.service v6only:1 <->
`),
			"ss -Htn state established": says("0      0      192.0.2.10:22    203.0.113.9:50022\n"),
			"systemctl": says(`Id=vsftpd.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
FragmentPath=/lib/systemd/system/vsftpd.service
MainPID=812
ExecMainStatus=0
NRestarts=0
ExecMainStartTimestampMonotonic=50000000000
StateChangeTimestampMonotonic=50000100000
TriggeredBy=

Id=ssh.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
FragmentPath=/lib/systemd/system/ssh.service
MainPID=640
ExecMainStatus=0
NRestarts=0
ExecMainStartTimestampMonotonic=40000000000
StateChangeTimestampMonotonic=40000100000

Id=proftpd.service
LoadState=not-found
ActiveState=inactive
SubState=dead
`),
			"getent passwd":       fails(2, ""),
			"getent passwd alice": says("alice:x:1001:1001:Alice,,,:/home/alice:/bin/bash\n"),
			"getent passwd ftp":   says("ftp:x:110:116:ftp daemon,,,:/srv/ftp:/usr/sbin/nologin\n"),
			"getent group":        says("root:x:0:\nusers:x:100:alice,bob\nalice:x:1001:\n"),
			"journalctl":          says(""),
			"timedatectl show -p NTP -p NTPSynchronized -p CanNTP": says("NTP=yes\nCanNTP=yes\nNTPSynchronized=yes\n"),
			"df -P -k": says("Filesystem     1024-blocks      Used Available Capacity Mounted on\n/dev/sda1         20511312   9444352  10012345      49% /\n"),
			"df -P -i": says("Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n/dev/sda1      1310720  90000 1220720    7% /\n"),
			nftRules:   says(nftTable("")),
		},
		files: map[string]fileTold{
			"/proc/sys/kernel/hostname": {text: "ftp1\n"},
			"/proc/812/cmdline":         {text: "/usr/sbin/vsftpd\x00/etc/vsftpd.conf\x00"},
			"/proc/812/stat":            {text: "812 (vsftpd) S 1 812 812 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 5000000 1 1 1"},
			"/proc/812/limits":          {text: "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n"},
			"/proc/812/fd/0":            {}, "/proc/812/fd/3": {},
			"/proc/812/maps":                             {text: "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/libwrap.so.0.7.6\n"},
			"/proc/640/cmdline":                          {text: "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\x00"},
			"/proc/640/stat":                             {text: "640 (sshd) S 1 640 640 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4000000 1 1 1"},
			"/proc/640/maps":                             {text: "7f0000000000-7f0000001000 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/libcrypto.so.3\n"},
			"/proc/meminfo":                              {text: "MemTotal:        4000000 kB\nMemFree:          200000 kB\nMemAvailable:    3000000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n"},
			"/proc/mounts":                               {text: "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\nproc /proc proc rw,nosuid 0 0\n/dev/sdb1 /srv ext4 rw,relatime 0 0\n"},
			"/proc/net/netstat":                          {text: "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 3\n"},
			"/proc/sys/net/ipv4/ip_local_port_range":     {text: "32768\t60999\n"},
			"/proc/sys/net/netfilter/nf_conntrack_count": {text: "12\n"},
			"/proc/sys/net/netfilter/nf_conntrack_max":   {text: "65536\n"},
			"/proc/sys/fs/file-nr":                       {text: "1000\t0\t9223372036854775807\n"},
			"/usr/sbin/vsftpd":                           {mode: 0o755}, "/usr/sbin/sshd": {mode: 0o755}, "/bin/bash": {mode: 0o755},
			"/etc/ssh/sshd_config": {text: "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n", modified: now.Add(-90 * 24 * time.Hour)},
			"/etc/vsftpd.conf": {text: `listen=NO
listen_ipv6=YES
anonymous_enable=NO
local_enable=YES
write_enable=YES
chroot_local_user=YES
secure_chroot_dir=/var/run/vsftpd/empty
pam_service_name=vsftpd
pasv_min_port=40000
pasv_max_port=40050
ssl_enable=YES
rsa_cert_file=/etc/ssl/ftp.crt
rsa_private_key_file=/etc/ssl/ftp.key
`, modified: now.Add(-90 * 24 * time.Hour)},
			"/etc/shells":               {text: "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n"},
			"/etc/shadow":               {text: "root:*:19000:0:99999:7:::\nalice:$y$j9T$x$y:20000:0:99999:7:::\n", mode: 0o640},
			"/etc/ftpusers":             {text: "# not these\nroot\ndaemon\n"},
			"/etc/pam.d/vsftpd":         {text: vsftpdPAM},
			"/etc/pam.d/common-auth":    {text: "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\nauth\trequired\tpam_permit.so\n"},
			"/etc/pam.d/common-account": {text: "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so\naccount\trequired\tpam_permit.so\n"},
			"/etc/pam.d/common-session": {text: "session\trequired\tpam_permit.so\n"},
			"/etc/pam.d/sshd":           {text: "@include common-auth\naccount    required     pam_nologin.so\n@include common-account\n"},
			"/home":                     {mode: fs.ModeDir | 0o755}, "/": {mode: fs.ModeDir | 0o755}, "/srv": {mode: fs.ModeDir | 0o755},
			"/home/alice":        {mode: fs.ModeDir | 0o555, uid: 1001, gid: 1001},
			"/home/alice/upload": {mode: fs.ModeDir | 0o775, uid: 0, gid: 100},
		},
	}
	for _, module := range []string{"unix", "deny", "permit", "listfile", "shells", "nologin"} {
		m.files["/lib/x86_64-linux-gnu/security/pam_"+module+".so"] = fileTold{}
	}
	cert, key := pairPEM(now.Add(-24*time.Hour), now.Add(300*24*time.Hour))
	m.files["/etc/ssl/ftp.crt"] = fileTold{text: cert}
	m.files["/etc/ssl/ftp.key"] = fileTold{text: key, mode: 0o600}
	m.commands["openssl"] = says("CONNECTED(00000003)\n---\nServer certificate\n" + cert + "subject=CN = ftp1\n---\nDONE\n")
	return m
}

const vsftpdPAM = `# Standard behaviour for ftpd(8).
auth	required	pam_listfile.so item=user sense=deny file=/etc/ftpusers onerr=succeed

# Standard pam includes
@include common-account
@include common-session
@include common-auth
auth	required	pam_shells.so
`

// nftTable is a table of nft with an input chain that drops, what is let in,
// and the rules given, each with its comma before it.
func nftTable(rules string) string {
	accept := func(handle int, port string) string {
		return fmt.Sprintf(`{"rule":{"family":"inet","table":"filter","chain":"input","handle":%d,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":%s}},{"accept":null}]}}`, handle, port)
	}
	return `{"nftables":[{"metainfo":{"version":"1.0.6","release_name":"Lester Gooch #5","json_schema_version":1}},
{"table":{"family":"inet","name":"filter","handle":1}},
{"chain":{"family":"inet","table":"filter","name":"input","handle":1,"type":"filter","hook":"input","prio":0,"policy":"drop"}},
{"rule":{"family":"inet","table":"filter","chain":"input","handle":2,"expr":[{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"accept":null}]}}` +
		rules + `,
` + accept(8, "21") + `,
` + accept(9, "22") + `,
` + accept(10, `{"range":[40000,40050]}`) + `]}`
}
