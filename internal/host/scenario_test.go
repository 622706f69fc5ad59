package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/machine"
)

// pairPEM makes a certificate with its key.
func pairPEM(from, until time.Time) (cert, key string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ftp1"}, DNSNames: []string{"ftp1"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	if err != nil {
		panic(err)
	}
	kd, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kd}))
}

func printOf(cert string) string {
	b, _ := pem.Decode([]byte(cert))
	sum := sha256.Sum256(b.Bytes)
	return hex.EncodeToString(sum[:])
}

// The questions that a check asks.
func refused() Question {
	return Question{Port: 21, Protocol: FTP, Source: client, ServerAddr: server, Connect: Fails}
}

func rejected() Question {
	return Question{Port: 21, Protocol: FTP, Source: client, ServerAddr: server, User: "alice", Password: true, Connect: Works, Login: Fails}
}

func noData() Question {
	return Question{Port: 21, Protocol: FTP, TLS: true, Source: client, ServerAddr: server, User: "alice", Connect: Works, Login: Works, Data: Fails}
}

func noUpload() Question {
	return Question{
		Port: 21, Protocol: FTP, TLS: true, Source: client, ServerAddr: server, User: "alice", Upload: true, Path: "/upload",
		Connect: Works, Login: Works, Data: Works, Transfer: Fails,
	}
}

func rejectedSSH() Question {
	return Question{Port: 22, Protocol: SSH, Source: client, ServerAddr: server, User: "alice", Key: true, Connect: Works, Login: Fails}
}

var (
	client = netip.MustParseAddr("203.0.113.9")
	server = netip.MustParseAddr("192.0.2.10")
)

// stopped takes vsftpd off the machine's processes and sockets.
func stopped(m *told) {
	m.say("ps -eo pid=,ppid=,user=,comm=,args=", "    812       1 root     vsftpd          /usr/sbin/vsftpd /etc/vsftpd.conf\n", "")
	out := string(m.commands[ssTable].Stdout)
	m.commands[ssTable] = says(out[strings.IndexByte(out, '\n')+1:])
	m.say("systemctl", "ActiveState=active\nSubState=running\nResult=success\nUnitFileState=enabled\nFragmentPath=/lib/systemd/system/vsftpd.service\nMainPID=812",
		"ActiveState=inactive\nSubState=dead\nResult=success\nUnitFileState=enabled\nFragmentPath=/lib/systemd/system/vsftpd.service\nMainPID=0")
}

func failed(m *told) {
	stopped(m)
	m.say("systemctl", "ActiveState=inactive\nSubState=dead\nResult=success\nUnitFileState=enabled\nFragmentPath=/lib/systemd/system/vsftpd.service",
		"ActiveState=failed\nSubState=failed\nResult=exit-code\nUnitFileState=enabled\nFragmentPath=/lib/systemd/system/vsftpd.service")
}

func journal(m *told, command string, messages ...string) {
	out := ""
	for i, text := range messages {
		out += fmt.Sprintf(`{"MESSAGE":%q,"SYSLOG_IDENTIFIER":"vsftpd","_PID":"812","__REALTIME_TIMESTAMP":"%d"}`+"\n", text, now.Add(time.Duration(i-60)*time.Second).UnixMicro())
	}
	m.commands[command] = says(out)
}

// vsftpd changes a line of its configuration.
func vsftpd(old, text string) func(*told) {
	return func(m *told) { m.replace("/etc/vsftpd.conf", old, text) }
}

func shadow(entry string) func(*told) {
	return func(m *told) { m.replace("/etc/shadow", "alice:$y$j9T$x$y:20000:0:99999:7:::", entry) }
}

// systemless takes the service manager away.
func systemless(m *told) {
	m.commands["systemctl"] = fails(1, "System has not been booted with systemd as init system (PID 1). Can't operate.\n")
	m.commands["journalctl"] = fails(1, "No journal files were found.\n")
}

// sshT is what sshd -T -C says.
func sshT(lines string) func(*told) {
	return func(m *told) {
		m.commands["/usr/sbin/sshd"] = says("port 22\nusepam yes\nstrictmodes yes\npermitrootlogin without-password\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\nsubsystem sftp /usr/lib/openssh/sftp-server\nchrootdirectory none\nforcecommand none\n" + lines)
	}
}

func together(changes ...func(*told)) func(*told) {
	return func(m *told) {
		for _, c := range changes {
			c(m)
		}
	}
}

func TestScenarios(t *testing.T) {
	oldCert, _ := pairPEM(now.Add(-400*24*time.Hour), now.Add(-24*time.Hour))
	expired, expiredKey := pairPEM(now.Add(-400*24*time.Hour), now.Add(-24*time.Hour))
	_, otherKey := pairPEM(now, now.Add(time.Hour))
	tests := []struct {
		name   string
		change func(*told)
		q      Question
		want   string // codes with their severity where it is not the definition's; nothing else may be found
	}{
		{"healthy, asked for everything", func(*told) {}, Question{}, ""},
		{"healthy, refused all the same", func(*told) {}, refused(), ""},
		{"healthy, rejected: a wrong password", func(*told) {}, rejected(), ""},
		{"healthy, no data: something on the way", func(*told) {}, noData(), ""},
		{"healthy, ssh", sshT(""), rejectedSSH(), ""},

		{"not running", stopped, refused(), "service/not-running"},
		{"not running, nobody asked", stopped, Question{}, "service/not-running"},
		{"not running, without systemd", together(stopped, systemless), refused(), "service/not-running"},
		{"failed", together(failed, func(m *told) {
			journal(m, "journalctl -u vsftpd.service -n 60 --no-pager -o json", "500 OOPS: unrecognised variable in config file: pasv_min_prt")
		}), refused(), "service/failed"},
		{"failed: the port is taken", together(failed, func(m *told) {
			journal(m, "journalctl -u vsftpd.service -n 60 --no-pager -o json", "500 OOPS: could not bind listening IPv4 socket")
			m.say("ps -eo pid=,ppid=,user=,comm=,args=", "    640 ", "    900       1 root     python3         python3 -m http.server 21\n    640 ")
			m.say(ssTable, "LISTEN 0      128    0.0.0.0:22", "LISTEN 0 5 0.0.0.0:21 0.0.0.0:* users:((\"python3\",pid=900,fd=3)) ino:9 sk:9\nLISTEN 0      128    0.0.0.0:22")
		}), refused(), "service/port-taken"},
		{"killed for memory", together(stopped, func(m *told) {
			journal(m, "journalctl -k -n 2000 --no-pager -o json", "Out of memory: Killed process 812 (vsftpd) total-vm:812000kB, anon-rss:700000kB")
		}), refused(), "service/oom-killed"},
		{"not enabled", func(m *told) {
			m.say("systemctl", "UnitFileState=enabled\nFragmentPath=/lib/systemd/system/vsftpd", "UnitFileState=disabled\nFragmentPath=/lib/systemd/system/vsftpd")
		}, Question{}, "service/not-enabled"},
		{"runit: down and wanted up", together(stopped, systemless, func(m *told) {
			m.files["/etc/service/vsftpd"] = fileTold{mode: fs.ModeDir | 0o755}
			m.commands["sv status /etc/service/vsftpd"] = says("down: /etc/service/vsftpd: 1s, normally up, want up; run: log: (pid 700) 95s\n")
		}), refused(), "service/failed"},
		{"supervisord: fatal", together(stopped, systemless, func(m *told) {
			m.files["/etc/supervisor/supervisord.conf"] = fileTold{}
			m.commands["supervisorctl status"] = machine.Output{Stdout: []byte("vsftpd    FATAL     Exited too quickly (process log may have details)\n"), Exit: 3}
		}), refused(), "service/failed"},

		{"loopback only", func(m *told) { m.say(ssTable, "*:21 ", "127.0.0.1:21 ") }, refused(), "service/loopback-only"},
		{"another address", func(m *told) { m.say(ssTable, "*:21 ", "[2001:db8::10]:21 ") }, refused(), "service/wrong-listen-address"},
		{"another port", func(m *told) { m.say(ssTable, "*:21 ", "*:2121 ") }, refused(), "service/wrong-port"},
		{"the queue is full", func(m *told) { m.say(ssTable, "LISTEN 0      32           *:21", "LISTEN 33      32           *:21") }, refused(), "service/backlog-full"},

		{"firewall drops", func(m *told) {
			m.commands[nftRules] = says(nftTable(`,{"rule":{"family":"inet","table":"filter","chain":"input","handle":5,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"203.0.113.0","len":24}}}},{"drop":null}]}}`))
		}, refused(), "host/firewall-blocks"},
		{"firewall bans", func(m *told) {
			m.commands[nftRules] = says(strings.ReplaceAll(nftTable(`,{"set":{"family":"inet","name":"addr-set-vsftpd","table":"f2b-table","type":"ipv4_addr","handle":1,"elem":["203.0.113.9"]}},{"rule":{"family":"inet","table":"f2b-table","chain":"f2b-chain","handle":5,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@addr-set-vsftpd"}},{"reject":{"type":"icmp","expr":"port-unreachable"}}]}}`),
				`{"chain":{"family":"inet","table":"filter"`,
				`{"table":{"family":"inet","name":"f2b-table","handle":2}},{"chain":{"family":"inet","table":"f2b-table","name":"f2b-chain","handle":1,"type":"filter","hook":"input","prio":-1,"policy":"accept"}},{"chain":{"family":"inet","table":"filter"`))
			m.commands["fail2ban-client status"] = says("Status\n|- Number of jail:\t1\n`- Jail list:\tvsftpd\n")
			m.commands["fail2ban-client get vsftpd banip --with-time"] = says("203.0.113.9 \t2026-11-23 19:00:00 + 600 = 2026-11-23 19:10:00\n")
		}, refused(), "auth/banned"},
		{"passive range not open", vsftpd("pasv_min_port=40000\npasv_max_port=40050", "pasv_min_port=50000\npasv_max_port=50099"), noData(), "config/port-range-not-open"},
		{"passive range not open, nobody asked", vsftpd("pasv_min_port=40000\npasv_max_port=40050", "pasv_min_port=50000\npasv_max_port=50099"), Question{}, "config/port-range-not-open=warning"},
		{"no passive range", vsftpd("pasv_min_port=40000\npasv_max_port=40050\n", ""), noData(), "config/port-range-not-open"},

		{"behind NAT, not told", func(*told) {}, func() Question {
			q := noData()
			q.ServerAddr, q.Passive = netip.MustParseAddr("198.51.100.7"), netip.MustParseAddrPort("192.0.2.10:40001")
			return q
		}(), "config/nat-address-missing"},
		{"a wrong address is set", vsftpd("ssl_enable=YES", "pasv_address=198.51.100.99\nssl_enable=YES"), noData(), "data/passive-wrong-address"},
		{"passive mode is off", vsftpd("ssl_enable=YES", "pasv_enable=NO\nssl_enable=YES"), noData(), "data/passive-disabled"},
		{"all passive ports are taken", together(vsftpd("pasv_max_port=40050", "pasv_max_port=40001"), func(m *told) {
			m.commands["ss -Htn state established"] = says("0 0 [::ffff:192.0.2.10]:40000 [::ffff:203.0.113.9]:5000\n0 0 192.0.2.10:40001 203.0.113.9:5001\n")
		}), noData(), "data/ports-exhausted"},
		{"too many sessions", together(vsftpd("ssl_enable=YES", "max_clients=1\nmax_per_ip=5\nssl_enable=YES"), func(m *told) {
			m.commands["ss -Htn state established"] = says("0 0 [::ffff:192.0.2.10]:21 [::ffff:203.0.113.77]:5000\n")
		}), refused(), "service/too-many-connections"},

		{"certificate not loaded", func(m *told) { m.commands["openssl"] = says(oldCert) }, noData(), "config/not-loaded=error"},
		{"certificate not loaded, seen from outside", func(*told) {}, func() Question {
			q := noData()
			q.Certificate = strings.ToUpper(printOf(oldCert))
			return q
		}(), "config/not-loaded=error"},
		{"certificate expired", func(m *told) {
			m.files["/etc/ssl/ftp.crt"], m.files["/etc/ssl/ftp.key"] = fileTold{text: expired}, fileTold{text: expiredKey}
			m.commands["openssl"] = says(expired)
		}, Question{}, "tls/cert-expired"},
		{"key of another certificate", func(m *told) { m.files["/etc/ssl/ftp.key"] = fileTold{text: otherKey} }, refused(), "host/certificate-unreadable"},
		{"no certificate file", func(m *told) { delete(m.files, "/etc/ssl/ftp.crt") }, refused(), "host/certificate-unreadable"},
		{"configuration not loaded", func(m *told) {
			f := m.files["/etc/vsftpd.conf"]
			f.modified = now.Add(-time.Minute)
			m.files["/etc/vsftpd.conf"] = f
		}, Question{}, "config/not-loaded"},
		{"configuration not loaded, without systemd", together(systemless, func(m *told) {
			f := m.files["/etc/vsftpd.conf"]
			f.modified = now.Add(-time.Minute)
			m.files["/etc/vsftpd.conf"] = f
		}), Question{}, "config/not-loaded=notice"},

		{"no such user", func(m *told) { m.commands["getent passwd alice"] = fails(2, "") }, rejected(), "auth/user-unknown"},
		{"shell not listed", func(m *told) { m.say("getent passwd alice", "/bin/bash", "/bin/false") }, rejected(), "auth/shell-not-listed"},
		{"locked", shadow("alice:!$y$j9T$x$y:20000:0:99999:7:::"), rejected(), "auth/account-locked"},
		{"account expired", shadow("alice:$y$j9T$x$y:20000:0:99999:7::20100:"), rejected(), "auth/account-expired"},
		{"password expired", shadow("alice:$y$j9T$x$y:20000:0:90:7:::"), rejected(), "auth/password-expired"},
		{"password must be changed", shadow("alice:$y$j9T$x$y:0:0:99999:7:::"), rejected(), "auth/password-expired"},
		{"on the deny list", func(m *told) { m.replace("/etc/ftpusers", "daemon", "alice") }, rejected(), "auth/user-denied"},
		{"on vsftpd's list", together(vsftpd("ssl_enable=YES", "userlist_enable=YES\nssl_enable=YES"), func(m *told) {
			m.files["/etc/vsftpd.user_list"] = fileTold{text: "bob\nalice\n"}
		}), rejected(), "auth/user-denied"},
		{"not on vsftpd's list", together(vsftpd("ssl_enable=YES", "userlist_enable=YES\nuserlist_deny=NO\nssl_enable=YES"), func(m *told) {
			m.files["/etc/vsftpd.user_list"] = fileTold{text: "bob\n"}
		}), rejected(), "auth/user-denied"},
		{"local users are off", vsftpd("local_enable=YES", "local_enable=NO"), rejected(), "auth/user-denied"},
		{"PAM module missing", func(m *told) { delete(m.files, "/lib/x86_64-linux-gnu/security/pam_shells.so") }, rejected(), "auth/pam-broken"},
		{"PAM file missing", func(m *told) { delete(m.files, "/etc/pam.d/vsftpd") }, rejected(), "auth/pam-broken"},
		{"PAM include missing", func(m *told) { delete(m.files, "/etc/pam.d/common-auth") }, rejected(), "auth/pam-broken"},
		{"home missing", func(m *told) { delete(m.files, "/home/alice"); delete(m.files, "/home/alice/upload") }, rejected(), "auth/home-missing"},
		{"home closed", func(m *told) { m.files["/home/alice"] = fileTold{mode: fs.ModeDir | 0o700, uid: 0} }, rejected(), "auth/home-missing"},
		{"home open by an access list", func(m *told) {
			m.files["/home/alice"] = fileTold{mode: fs.ModeDir | 0o750, uid: 0}
			m.commands["getfacl -c -p /home/alice"] = says("user::rwx\nuser:alice:r-x\ngroup::r-x\nmask::r-x\nother::---\n")
		}, rejected(), ""},
		{"writable chroot", func(m *told) { m.files["/home/alice"] = fileTold{mode: fs.ModeDir | 0o755, uid: 1001} }, rejected(), "auth/chroot-writable"},
		{"log-ins closed", func(m *told) {
			m.files["/etc/nologin"] = fileTold{text: "Back at noon.\n", modified: now.Add(-time.Hour)}
			m.replace("/etc/pam.d/vsftpd", "@include common-account", "account required pam_nologin.so\n@include common-account")
		}, rejected(), "auth/logins-closed"},
		{"wrappers deny", together(vsftpd("ssl_enable=YES", "tcp_wrappers=YES\nssl_enable=YES"), func(m *told) {
			m.files["/etc/hosts.deny"] = fileTold{text: "# nobody\nvsftpd: ALL EXCEPT 192.0.2.\n"}
		}), refused(), "net/source-not-allowed"},
		{"wrappers allow", together(vsftpd("ssl_enable=YES", "tcp_wrappers=YES\nssl_enable=YES"), func(m *told) {
			m.files["/etc/hosts.allow"] = fileTold{text: "vsftpd: 203.0.113.0/255.255.255.0\n"}
			m.files["/etc/hosts.deny"] = fileTold{text: "ALL: ALL\n"}
		}), refused(), ""},
		{"the login works: no cause of a refusal counts", shadow("alice:!$y$j9T$x$y:20000:0:99999:7:::"), noData(), ""},

		{"sshd denies", sshT("allowusers bob\n"), rejectedSSH(), "auth/user-denied"},
		{"sshd: no such shell", together(sshT(""), func(m *told) { m.say("getent passwd alice", "/bin/bash", "/bin/zsh") }), rejectedSSH(), "auth/shell-missing"},
		{"sshd: keys that others may change", together(sshT(""), func(m *told) {
			m.files["/home/alice/.ssh"] = fileTold{mode: fs.ModeDir | 0o777, uid: 1001}
			m.files["/home/alice/.ssh/authorized_keys"] = fileTold{mode: 0o600, uid: 1001}
		}), rejectedSSH(), "ssh/authorized-keys-unsafe"},
		{"sshd: chroot of the user", together(sshT(""), func(m *told) {
			m.commands["/usr/sbin/sshd"] = says("strictmodes yes\nchrootdirectory %h\nforcecommand internal-sftp\n")
		}), func() Question { q := rejectedSSH(); q.Login, q.Data = Works, Fails; return q }(), "ssh/chroot-ownership"},
		{"sshd: MaxStartups", together(sshT(""), func(m *told) {
			m.say("ps -eo pid=,ppid=,user=,comm=,args=", "0 of 10-100 startups", "12 of 10-100 startups")
		}), rejectedSSH(), "ssh/throttled"},

		{"upload: no right to write", func(m *told) { m.files["/home/alice/upload"] = fileTold{mode: fs.ModeDir | 0o755} }, noUpload(), "file/permission-denied"},
		{"upload: read-only", func(m *told) {
			m.replace("/proc/mounts", "/dev/sdb1 /srv ext4 rw", "/dev/sdb1 /home/alice/upload ext4 ro")
		}, noUpload(), "file/read-only"},
		{"upload: off", vsftpd("write_enable=YES", "#write_enable=YES"), noUpload(), "file/uploads-disabled"},
		{"upload: quota", func(m *told) {
			m.commands["quota -w -p -u alice"] = machine.Output{Exit: 1, Stdout: []byte("Disk quotas for user alice (uid 1001): \n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n      /dev/sda1  102400*  90000  102400 1700000000      12       0       0       0\n")}
		}, noUpload(), "file/quota-exceeded"},
		{"disk full", func(m *told) {
			m.commands["df -P -k"] = says("Filesystem     1024-blocks      Used Available Capacity Mounted on\n/dev/sda1         20511312  19444352        12     100% /\n")
		}, noUpload(), "host/disk-full"},
		{"inodes", func(m *told) {
			m.commands["df -P -i"] = says("Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n/dev/sda1      1310720 1310720       0  100% /\n")
		}, Question{}, "host/inodes-exhausted"},
		{"descriptors", func(m *told) {
			m.replace("/proc/812/limits", "1024                 524288", "2                    524288")
		}, refused(), "host/descriptors-exhausted"},
		{"connection table", func(m *told) { m.replace("/proc/sys/net/netfilter/nf_conntrack_count", "12", "65536") }, refused(), "host/conntrack-full"},
		{"memory", func(m *told) { m.replace("/proc/meminfo", "MemAvailable:    3000000", "MemAvailable:      20000") }, Question{}, "host/memory-pressure=error"},
		{"log", func(m *told) { m.files["/var/log/vsftpd.log"] = fileTold{size: 3 << 30} }, Question{}, "host/log-oversized"},
		{"clock", func(m *told) {
			m.say("timedatectl show -p NTP -p NTPSynchronized -p CanNTP", "NTPSynchronized=yes", "NTPSynchronized=no")
		}, Question{}, "host/time-unsynchronised"},
		{"SELinux", func(m *told) {
			m.files["/sys/fs/selinux/enforce"] = fileTold{text: "1"}
			m.commands["ausearch"] = says(fmt.Sprintf("type=AVC msg=audit(%d.123:456): avc:  denied  { write } for  pid=812 comm=\"vsftpd\" name=\"upload\" dev=\"sda1\" ino=42 scontext=system_u:system_r:ftpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=dir permissive=0\n", now.Unix()-60))
		}, noUpload(), "host/selinux-denied"},
		{"AppArmor", func(m *told) {
			m.files["/sys/module/apparmor/parameters/enabled"] = fileTold{text: "Y\n"}
			journal(m, "journalctl -k -n 2000 --no-pager -o json", fmt.Sprintf("audit: type=1400 audit(%d.123:77): apparmor=\"DENIED\" operation=\"mknod\" profile=\"/usr/sbin/vsftpd\" name=\"/srv/x\" pid=812 comm=\"vsftpd\" requested_mask=\"c\" denied_mask=\"c\" fsuid=1001 ouid=1001", now.Unix()-60))
		}, noUpload(), "host/apparmor-denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := debian().with(tt.change)
			r, err := Inspect(t.Context(), m, tt.q)
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, r)
			var got []string
			for _, f := range r.Findings {
				code := string(f.Code)
				if f.Severity != finding.Lookup(f.Code).Severity {
					code += "=" + f.Severity.String()
				}
				got = append(got, code)
			}
			slices.Sort(got)
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("found %q, want %q", s, tt.want)
				for _, f := range r.Findings {
					t.Logf("%s %v", f.Code, f.Evidence)
				}
			}
			if len(r.NotAvailable) > 0 {
				t.Errorf("not available: %q", r.NotAvailable)
			}
		})
	}
}
