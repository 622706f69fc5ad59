package lab

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// syslogd writes what arrives at /dev/log as syslog daemons do: in the
// traditional format, in rsyslog's of today, and after RFC 5424. A message that
// has a line break in it goes to the file as it is.
const syslogd = `
import os, socket, datetime
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log"); os.chmod("/dev/log", 0o666)
old, iso, new = (open("/var/log/syslog" + end, "a", 1) for end in ("", ".iso", ".5424"))
print("ready", flush=True)
while True:
    pri, rest = s.recv(65536).decode("utf-8", "replace").rstrip("\n\0")[1:].split(">", 1)
    rest = rest[16:]
    now = datetime.datetime.now(datetime.timezone.utc)
    old.write(now.strftime("%b ") + ("%2d" % now.day) + now.strftime(" %H:%M:%S ") + "ftp " + rest + "\n")
    iso.write(now.isoformat() + " ftp " + rest + "\n")
    tag, message = rest.split(": ", 1)
    program, _, pid = tag.rstrip("]").partition("[")
    new.write("<%s>1 %s ftp %s %s - - %s\n" % (pri, now.isoformat().replace("+00:00", "Z"), program, pid or "-", message))
`

// syslog gives the server a /dev of its own, with a log in it.
func (n *Net) syslog(ctx context.Context) error {
	_, err := n.Server.Sh(ctx, `mount -t tmpfs -o mode=755 lab /dev
		for d in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do set -- $d; mknod -m 666 /dev/$1 c $2 $3; done
		ln -s /proc/self/fd /dev/fd; mkdir /dev/pts /dev/shm; mount -t devpts -o ptmxmode=0666,newinstance lab /dev/pts; ln -s pts/ptmx /dev/ptmx
		touch /var/log/wtmp`)
	if err != nil {
		return err
	}
	if err := n.Server.WriteFile("/etc/syslogd.py", syslogd); err != nil {
		return err
	}
	p, err := n.Server.Start(ctx, "/usr/bin/python3", "-u", "/etc/syslogd.py")
	if err != nil {
		return err
	}
	return poll(ctx, "syslog", func() (bool, error) { return strings.Contains(p.Log(), "ready"), nil })
}

// again stops a server and starts it as its own daemon: with a terminal, some
// log to that instead of to their files.
func (n *Net) again(ctx context.Context, p *Proc, port int, command string) error {
	p.Stop()
	<-p.Done()
	if _, err := n.Server.Sh(ctx, "rm -f /run/proftpd.pid; "+command+" </dev/null >/dev/null 2>&1"); err != nil {
		return err
	}
	return n.Server.WaitListen(ctx, port)
}

func proftpdDaemon(conf string) setup {
	return func(ctx context.Context, n *Net) error {
		p, err := n.ProFTPD(ctx, conf)
		if err != nil {
			return err
		}
		if strings.Contains(conf, "SyslogFacility") {
			if _, err := n.Server.Sh(ctx, "sed -i '/^SystemLog/d' /etc/proftpd/proftpd.conf"); err != nil {
				return err
			}
		}
		return n.again(ctx, p, 21, "/usr/sbin/proftpd --config /etc/proftpd/proftpd.conf")
	}
}

func sshDaemon(conf string) setup {
	return func(ctx context.Context, n *Net) error {
		p, err := n.OpenSSH(ctx, conf)
		if err != nil {
			return err
		}
		return n.again(ctx, p, 22, "/usr/sbin/sshd -f /etc/ssh/sshd_config")
	}
}

// useFTP does what users do, and what goes wrong for them: 4 logins that fail,
// 14 that don't (15 where an expired password is let in), 4 uploads, 3
// downloads, a file deleted, and transfers that break off.
const useFTP = `set +e
mkdir w; cd w; head -c 300000 /dev/urandom >up.bin; printf 'hello\n' >a.txt; head -c 30000000 /dev/zero >big.bin
H=` + FTPName + `; U=lab:` + Password + `; C="curl -sS"
$C -u lab:wrong ftp://$H/
$C -u nobodyhere:wrong ftp://$H/
$C -u noshell:` + Password + ` ftp://$H/
$C -u expired:` + Password + ` ftp://$H/
$C -u $U ftp://$H/
$C -u $U ftp://$H/hello.txt
$C -u $U -T up.bin ftp://$H/up.bin
$C -u $U -T a.txt "ftp://$H/mit%20blank%20%22q%22.txt"
$C -u $U ftp://$H/nothere.txt
$C -u $U -T a.txt ftp://$H/ro/a.txt
$C -u $U -Q 'MKD newdir' -Q 'RNFR up.bin' -Q 'RNTO up2.bin' -Q 'SITE CHMOD 600 up2.bin' ftp://$H/
$C -u $U -Q 'DELE up2.bin' -Q 'RMD newdir' ftp://$H/
$C -u $U -T big.bin ftp://$H/big.bin
$C --max-time 1 --limit-rate 100k -u $U -o /dev/null ftp://$H/big.bin
$C -u $U -T big.bin ftp://$H/small/big.bin
$C --ssl-reqd -u $U ftp://$H/hello.txt
$C --ssl-reqd -u $U -T a.txt ftp://$H/tls.txt
$C --tls-max 1.2 --ssl-reqd -u $U ftp://$H/hello.txt
openssl s_client -tls1 -cipher DEFAULT@SECLEVEL=0 -starttls ftp -connect $H:21 </dev/null
openssl s_client -tls1_2 -cipher NULL-SHA256:@SECLEVEL=0 -starttls ftp -connect $H:21 </dev/null
true
`

// useSFTP is the same over SSH: 3 passwords that are wrong or of nobody, a
// key that is refused, 3 logins that work.
const useSFTP = `set +e
mkdir w; cd w; head -c 300000 /dev/urandom >up.bin; printf 'hello\n' >a.txt
H=` + FTPName + `
O="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
printf '#!/bin/sh\necho $ASKED\n' >ask.sh; chmod 755 ask.sh; export SSH_ASKPASS=$PWD/ask.sh SSH_ASKPASS_REQUIRE=force DISPLAY=:0
pw() { ASKED=$2 setsid sftp $O -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 $1@$H; }
printf 'ls\nput up.bin\nput a.txt "mit blank.txt"\nget up.bin got\nmkdir d\nrename up.bin up2.bin\nrm up2.bin\nrmdir d\n' | pw lab ` + Password + `
printf 'get nothere\n' | pw lab ` + Password + `
printf 'put a.txt ro/a.txt\n' | pw lab ` + Password + `
echo ls | pw lab wrong
echo ls | pw nobodyhere wrong
echo ls | pw locked ` + Password + `
echo ls | pw expired ` + Password + `
sftp -b /dev/null $O -o KexAlgorithms=diffie-hellman-group1-sha1 lab@$H
python3 -c 'import socket; s=socket.create_connection(("'$H'",22)); s.close()'
python3 -c 'import socket; s=socket.create_connection(("'$H'",22)); s.send(b"GET / HTTP/1.0\r\n\r\n"); s.recv(100)'
true
`

// counted is what an audit counts of one log.
type counted struct {
	Dialect                            string
	Unknown                            int
	Logins, Failed, Up, Down, Del, Cut int
}

// TestLogsOfRealServers drives logins, failures, transfers and TLS at real
// servers and reads their logs: every line is understood, and what happened is
// counted.
func TestLogsOfRealServers(t *testing.T) {
	needLab(t)
	binary := filepath.Join(t.TempDir(), "ftpdoctor")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "ftpdoctor/cmd/ftpdoctor").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	noReuse := "require_ssl_reuse=NO\nxferlog_std_format=NO\n"
	slots := make(chan struct{}, 3)
	for name, c := range map[string]struct {
		start setup
		use   string
		want  map[string]counted // by log
	}{
		"vsftpd": {
			vsftpdAlone(VSFTPDTLS + noReuse + "vsftpd_log_file=/var/log/vsftpd.log\ndual_log_enable=YES\nxferlog_file=/var/log/xferlog\ndebug_ssl=YES"), useFTP,
			map[string]counted{
				"vsftpd.log": {"vsftpd", 0, 14, 4, 4, 3, 1, 2}, "xferlog": {"xferlog", 0, 0, 0, 4, 3, 0, 2}, "syslog": {"syslog", 0, 0, 2, 0, 0, 0, 0},
			},
		},
		"vsftpd with its dialogue": {
			vsftpdAlone(VSFTPDTLS + noReuse + "log_ftp_protocol=YES\ndebug_ssl=YES"), useFTP,
			map[string]counted{"vsftpd.log": {"vsftpd", 0, 14, 4, 4, 3, 1, 2}},
		},
		"vsftpd to syslog": {
			vsftpdAlone(VSFTPDTLS + noReuse + "syslog_enable=YES"), useFTP,
			map[string]counted{"syslog": {"syslog", 0, 14, 4, 4, 3, 1, 2}, "syslog.iso": {"syslog", 0, 14, 4, 4, 3, 1, 2}, "syslog.5424": {"syslog", 0, 14, 4, 4, 3, 1, 2}},
		},
		"ProFTPD": {
			proftpdDaemon(strings.Replace(ProFTPDTLS, "TLSEngine on", "TLSEngine on\nTLSOptions NoSessionReuseRequired", 1) + "ExtendedLog /var/log/proftpd/extended.log ALL\n"), useFTP,
			map[string]counted{
				"proftpd.log": {"proftpd", 0, 0, 4, 0, 0, 0, 2}, "extended.log": {"clf", 0, 14, 4, 4, 3, 1, 2}, "xferlog": {"xferlog", 0, 0, 0, 4, 3, 1, 2}, "tls.log": {"proftpd-modules", 0, 0, 0, 0, 0, 0, 0},
			},
		},
		"ProFTPD to syslog": {
			proftpdDaemon(ProFTPDTLS + "SyslogFacility LOCAL7\n"), useFTP,
			map[string]counted{"syslog": {"syslog", 0, 0, 4, 0, 0, 0, 2}, "syslog.5424": {"syslog", 0, 0, 4, 0, 0, 0, 2}},
		},
		"Pure-FTPd": {
			func(ctx context.Context, n *Net) error {
				return second(n.PureFTPD(ctx, "-Y", "1", "-O", "clf:/var/log/pure-ftpd/clf.log"))
			}, useFTP,
			map[string]counted{"syslog": {"syslog", 0, 14, 4, 5, 4, 1, 0}, "syslog.iso": {"syslog", 0, 14, 4, 5, 4, 1, 0}, "clf.log": {"clf", 0, 0, 0, 5, 4, 0, 0}},
		},
		"Pure-FTPd with commands": {
			func(ctx context.Context, n *Net) error {
				return second(n.PureFTPD(ctx, "-Y", "1", "-d", "-O", "w3c:/var/log/pure-ftpd/w3c.log"))
			}, useFTP,
			map[string]counted{"syslog": {"syslog", 0, 14, 4, 5, 4, 1, 0}, "w3c.log": {"w3c", 0, 0, 0, 5, 4, 0, 0}},
		},
		"Pure-FTPd's statistics": {
			func(ctx context.Context, n *Net) error {
				return second(n.PureFTPD(ctx, "-Y", "1", "-O", "stats:/var/log/pure-ftpd/stats.log"))
			}, useFTP,
			map[string]counted{"stats.log": {"pure-ftpd-stats", 0, 0, 0, 5, 4, 0, 0}},
		},
		"OpenSSH": {
			sshDaemon("LogLevel INFO\nSubsystem sftp internal-sftp -l VERBOSE -f AUTH\n"), useSFTP,
			map[string]counted{"syslog": {"syslog", 0, 3, 4, 2, 1, 1, 0}, "syslog.iso": {"syslog", 0, 3, 4, 2, 1, 1, 0}, "syslog.5424": {"syslog", 0, 3, 4, 2, 1, 1, 0}},
		},
		"OpenSSH with sftp-server": {
			sshDaemon("LogLevel VERBOSE\nSubsystem sftp /usr/lib/openssh/sftp-server -l INFO\n"), useSFTP,
			map[string]counted{"syslog": {"syslog", 0, 3, 4, 2, 1, 1, 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			n, err := New(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			if err := prepareLogs(t.Context(), n, c.start); err != nil {
				t.Fatal(err)
			}
			said, err := n.Client.Sh(t.Context(), "cd "+n.home()+" 2>/dev/null || cd /tmp; "+c.use)
			if err != nil {
				t.Fatal(err)
			}
			for log, want := range c.want {
				file := n.log(t, log)
				got := audited(t, binary, file)
				if diff := cmp.Diff(want, got); diff != "" {
					text, _ := os.ReadFile(file)
					t.Errorf("%s (-want +got):\n%s\nthe clients said:\n%s\nthe log:\n%s", log, diff, said, text)
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// vsftpdAlone starts vsftpd and makes no account.
func vsftpdAlone(conf string) setup {
	return func(ctx context.Context, n *Net) error { return second(n.VSFTPD(ctx, conf)) }
}

// prepareLogs makes the accounts and the places that useFTP and useSFTP use,
// and starts the server.
func prepareLogs(ctx context.Context, n *Net, start setup) error {
	if err := n.syslog(ctx); err != nil {
		return err
	}
	if _, err := n.InstallCert(CertKnobs{}); err != nil {
		return err
	}
	for user, k := range map[string]UserKnobs{"lab": {}, "noshell": {Shell: "/bin/false"}, "locked": {Locked: true}, "expired": {Expired: true}} {
		if err := n.User(ctx, user, Password, k); err != nil {
			return err
		}
	}
	_, err := n.Server.Sh(ctx, "mkdir /home/lab/ro /home/lab/small; chmod 555 /home/lab/ro; mount -t tmpfs -o size=100k,mode=777 lab /home/lab/small")
	return errors.Join(err, start(ctx, n))
}

// log copies a log of the server to where the audit can read it.
func (n *Net) log(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/var/log/", "/var/log/proftpd/", "/var/log/pure-ftpd/"} {
		if text, err := n.Server.ReadFile(dir + name); err == nil {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return file
		}
	}
	t.Fatalf("there is no log %s", name)
	return ""
}

func audited(t *testing.T, binary, file string) counted {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "audit", "--format", "json", "--fail-on", "never", file).Output()
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	var r struct {
		Audit struct {
			Logs []struct {
				Dialect string
				Unknown int
			}
			Logins, Uploads, Downloads, Deletes int
			Failed                              int `json:"failed_logins"`
			Aborted                             int `json:"aborted_transfers"`
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a := r.Audit
	return counted{a.Logs[0].Dialect, a.Logs[0].Unknown, a.Logins, a.Failed, a.Uploads, a.Downloads, a.Deletes, a.Aborted}
}
