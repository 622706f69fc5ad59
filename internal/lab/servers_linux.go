package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// UserKnobs says what is special about an account. The zero value is an
// ordinary one: home /home/NAME with the file hello.txt, shell /bin/bash.
type UserKnobs struct {
	Home      string // empty: /home/NAME
	NoHome    bool   // the home directory is not made
	HomeMode  fs.FileMode
	Shell     string // empty: /bin/bash
	Locked    bool   // "!" before the password hash
	Expired   bool   // the account ran out
	OldPass   bool   // the password must be changed
	UID       int    // 0: the next free one from 2000
	HomeOwner string // "root": the home belongs to root
}

// appendFile adds text to a file of the host.
func (h *Host) appendFile(name, text string) error {
	old, err := h.ReadFile(name)
	if err != nil {
		return err
	}
	return h.WriteFile(name, old+text)
}

// User makes an account on the server.
func (n *Net) User(ctx context.Context, name, password string, k UserKnobs) error {
	if k.Home == "" {
		k.Home = "/home/" + name
	}
	if k.Shell == "" {
		k.Shell = "/bin/bash"
	}
	if k.HomeMode == 0 {
		k.HomeMode = 0o755
	}
	if k.UID == 0 {
		passwd, err := n.Server.ReadFile("/etc/passwd")
		if err != nil {
			return err
		}
		k.UID = 2000 + strings.Count(passwd, "\n")
	}
	hash, err := output(ctx, "/", "openssl", "passwd", "-6", password)
	if err != nil {
		return fmt.Errorf("make user %s: %w", name, err)
	}
	hash = strings.TrimSpace(hash)
	if k.Locked {
		hash = "!" + hash
	}
	changed, expires := time.Now().Unix()/86400, ""
	if k.OldPass {
		changed = 0 // "must be changed at next login", shadow(5)
	}
	if k.Expired {
		expires = "19000" // in 2022
	}
	for _, f := range [][2]string{
		{"/etc/passwd", fmt.Sprintf("%s:x:%d:%d:%s:%s:%s\n", name, k.UID, k.UID, name, k.Home, k.Shell)},
		{"/etc/group", fmt.Sprintf("%s:x:%d:\n", name, k.UID)},
		{"/etc/shadow", fmt.Sprintf("%s:%s:%d:0:99999:7::%s:\n", name, hash, changed, expires)},
	} {
		if err := n.Server.appendFile(f[0], f[1]); err != nil {
			return fmt.Errorf("make user %s: %w", name, err)
		}
	}
	if k.NoHome {
		return nil
	}
	if err := n.Server.WriteFile(k.Home+"/hello.txt", "hello from the lab\n"); err != nil {
		return fmt.Errorf("make user %s: %w", name, err)
	}
	owner := k.UID
	if k.HomeOwner == "root" {
		owner = 0
	}
	return errors.Join(n.Server.Chmod(k.Home+"/hello.txt", 0o644, k.UID), n.Server.Chmod(k.Home, k.HomeMode, owner))
}

// vsftpdDefaults make a healthy server: local users in the clear, passive ports
// 40000 to 40050, both families. Its sandbox is off: today's C library makes
// system calls that this version does not know, and the session is killed.
const vsftpdDefaults = `listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
seccomp_sandbox=NO
pam_service_name=vsftpd
secure_chroot_dir=/run/vsftpd/empty
pasv_min_port=40000
pasv_max_port=40050
xferlog_enable=YES
`

// VSFTPDTLS are the lines that make vsftpd speak explicit TLS with the
// certificate of [Net.InstallCert]. By default vsftpd demands that data
// connections resume the session, which shuts clients out:
// require_ssl_reuse=NO lifts that.
const VSFTPDTLS = `ssl_enable=YES
rsa_cert_file=/etc/ssl/ftp.crt
rsa_private_key_file=/etc/ssl/ftp.key
ssl_tlsv1=NO
ssl_sslv2=NO
ssl_sslv3=NO
ssl_ciphers=HIGH
force_local_logins_ssl=NO
force_local_data_ssl=NO
`

// VSFTPD starts vsftpd with defaults and the lines of conf after them (the last
// value counts), as /etc/vsftpd.conf, and waits until it listens.
func (n *Net) VSFTPD(ctx context.Context, conf string) (*Proc, error) {
	text := vsftpdDefaults + conf + "\n"
	if err := n.Server.WriteFile("/etc/vsftpd.conf", text); err != nil {
		return nil, err
	}
	return n.startServer(ctx, setting(text, "=", "listen_port", 21), "/usr/sbin/vsftpd", "/etc/vsftpd.conf")
}

// setting returns the last integer value of a key in a configuration text.
func setting(text, sep, key string, value int) int {
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), sep)
		if !ok || !strings.EqualFold(k, key) {
			continue
		}
		if i, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			value = i
		}
	}
	return value
}

// startServer starts a server and waits for its port; a server that ends before
// is an error that quotes what it said.
func (n *Net) startServer(ctx context.Context, port int, argv ...string) (*Proc, error) {
	p, err := n.Server.Start(ctx, argv...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.Done():
			cancel(fmt.Errorf("%s ended: %s", argv[0], strings.TrimSpace(p.Log())))
		case <-ctx.Done():
		}
	}()
	if err := n.Server.WaitListen(ctx, port); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

// proftpdDefaults make a healthy server, with TLS loaded and off.
const proftpdDefaults = `LoadModule mod_tls.c
ServerName "Lab"
ServerType standalone
DefaultServer on
UseIPv6 on
Port 21
Umask 022
MaxInstances 30
User proftpd
Group nogroup
UseReverseDNS off
TimesGMT off
PidFile /run/proftpd.pid
ScoreboardFile /run/proftpd/proftpd.scoreboard
SystemLog /var/log/proftpd/proftpd.log
TransferLog /var/log/proftpd/xferlog
PassivePorts 40000 40050
RequireValidShell on
`

// ProFTPDTLS are the lines that make ProFTPD speak explicit TLS with the
// certificate of [Net.InstallCert]. By default it demands that data connections
// resume the session: "TLSOptions NoSessionReuseRequired" lifts that.
const ProFTPDTLS = `<IfModule mod_tls.c>
TLSEngine on
TLSLog /var/log/proftpd/tls.log
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile /etc/ssl/ftp.crt
TLSRSACertificateKeyFile /etc/ssl/ftp.key
TLSVerifyClient off
TLSRequired off
</IfModule>
`

// ProFTPD starts ProFTPD with defaults and conf after them, as
// /etc/proftpd/proftpd.conf, and waits until it is ready. With TLS on, the
// issuers of the installed certificate become its TLSCertificateChainFile,
// unless conf names one. An ECDSA certificate needs TLSECCertificateFile and
// TLSECCertificateKeyFile.
func (n *Net) ProFTPD(ctx context.Context, conf string) (*Proc, error) {
	defaults := proftpdDefaults
	if strings.Contains("\n"+conf, "\nPort ") { // of two, the first would count
		defaults = strings.Replace(defaults, "Port 21\n", "", 1)
	}
	text := defaults + conf + "\n"
	if strings.Contains(conf, "TLSEngine on") && !strings.Contains(conf, "TLSCertificateChainFile") {
		if chain, err := n.Server.ReadFile("/etc/ssl/ftp.chain.crt"); err == nil && chain != "" {
			text += "TLSCertificateChainFile /etc/ssl/ftp.chain.crt\n"
		}
	}
	if err := n.Server.WriteFile("/etc/proftpd/proftpd.conf", text); err != nil {
		return nil, err
	}
	if err := n.serviceAccount("proftpd", 1901, "/run/proftpd"); err != nil {
		return nil, err
	}
	p, err := n.startServer(ctx, setting(text, " ", "Port", 21), "/usr/sbin/proftpd", "--nodaemon", "--config", "/etc/proftpd/proftpd.conf")
	if err != nil {
		return nil, err
	}
	// It opens its port, closes it and opens it again; the pid file comes last.
	err = poll(ctx, "ProFTPD's pid file", func() (bool, error) {
		_, err := n.Server.ReadFile("/run/proftpd.pid")
		return err == nil, nil
	})
	return p, err
}

// serviceAccount makes the account under which a daemon runs, unless it is
// there.
func (n *Net) serviceAccount(name string, uid int, home string) error {
	passwd, err := n.Server.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	if strings.Contains("\n"+passwd, "\n"+name+":") {
		return nil
	}
	if err := n.Server.appendFile("/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:/usr/sbin/nologin\n", name, uid, uid, home)); err != nil {
		return err
	}
	return n.Server.appendFile("/etc/group", fmt.Sprintf("%s:x:%d:\n", name, uid))
}

// PureFTPD starts Pure-FTPd with defaults (accounts of the system, passive
// ports 40000 to 40050, no reverse look-ups) and args after them, and waits
// until it listens on port, which is 21 unless args has -S. For TLS install a
// certificate and give -Y 1 (offered), 2 (required) or 3 (data too).
func (n *Net) PureFTPD(ctx context.Context, args ...string) (*Proc, error) {
	port := 21
	for i, a := range args {
		if a == "-S" && i+1 < len(args) {
			_, p, _ := strings.Cut(","+args[i+1], ",")
			if k := strings.LastIndexByte(p, ','); k >= 0 {
				p = p[k+1:]
			}
			if v, err := strconv.Atoi(p); err == nil {
				port = v
			}
		}
	}
	if pem, err := n.Server.ReadFile("/etc/ssl/ftp.pem"); err == nil {
		if err := n.Server.WriteFile("/etc/ssl/private/pure-ftpd.pem", pem); err != nil {
			return nil, err
		}
	}
	argv := append([]string{"/usr/sbin/pure-ftpd", "-H", "-E", "-u", "1000", "-l", "unix", "-p", "40000:40050", "-c", "50", "-C", "20"}, args...)
	return n.startServer(ctx, port, argv...)
}

// pyftpdlibProlog is what a pyftpdlib script finds: handler is FTPHandler, or
// TLS_FTPHandler with the installed certificate when there is one, and the
// account lab with the lab's password in /srv/ftp.
const pyftpdlibProlog = `import os, logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.servers import FTPServer
from pyftpdlib.handlers import FTPHandler
logging.basicConfig(level=logging.INFO)
handler = FTPHandler
if os.path.exists("/etc/ssl/ftp.pem"):
    from pyftpdlib.handlers import TLS_FTPHandler
    handler = TLS_FTPHandler
    handler.certfile = "/etc/ssl/ftp.pem"
authorizer = DummyAuthorizer()
authorizer.add_user("lab", "` + Password + `", "/srv/ftp", perm="elradfmwMT")
handler.authorizer = authorizer
handler.passive_ports = range(40000, 40051)
handler.use_sendfile = False
address = ("::", 21)
`

const pyftpdlibEpilog = `
server = FTPServer(address, handler)
server.serve_forever()
`

// Pyftpdlib starts a pyftpdlib server and waits until port 21, or that of
// address, listens. The script may change what its prolog made: handler,
// authorizer, address.
func (n *Net) Pyftpdlib(ctx context.Context, script string) (*Proc, error) {
	port := 21
	for line := range strings.Lines(script) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "address = ("); ok {
			_, p, _ := strings.Cut(rest, ",")
			if v, err := strconv.Atoi(strings.Trim(p, " )")); err == nil {
				port = v
			}
		}
	}
	for name, content := range map[string]string{
		"/srv/ftp/hello.txt": "hello from the lab\n",
		"/etc/ftpd.py":       pyftpdlibProlog + script + pyftpdlibEpilog,
	} {
		if err := n.Server.WriteFile(name, content); err != nil {
			return nil, err
		}
	}
	return n.startServer(ctx, port, "/usr/bin/python3", "-u", "/etc/ftpd.py")
}

// InetutilsFTPD starts inetd with tcpd and GNU ftpd behind it. A non-empty
// service line replaces the usual one (see inetd.conf(5)), of which the default
// is "ftp stream tcp nowait root /usr/sbin/tcpd /usr/sbin/ftpd". Allow and deny
// lists are /etc/hosts.allow and /etc/hosts.deny.
func (n *Net) InetutilsFTPD(ctx context.Context, service string) (*Proc, error) {
	if service == "" {
		service = "ftp stream tcp4 nowait root /usr/sbin/tcpd /usr/sbin/ftpd"
	}
	if err := n.Server.WriteFile("/etc/inetd.conf", service+"\n"); err != nil {
		return nil, err
	}
	port := 21
	if p, err := strconv.Atoi(strings.Fields(service)[0]); err == nil {
		port = p
	}
	return n.startServer(ctx, port, "/usr/sbin/inetutils-inetd", "--debug", "/etc/inetd.conf")
}

// FTPUser makes the account lab with the lab's password: what most scenarios
// log in as.
func (n *Net) FTPUser(ctx context.Context) error {
	return n.User(ctx, "lab", Password, UserKnobs{})
}
