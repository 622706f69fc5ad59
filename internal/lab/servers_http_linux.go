package lab

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// davRealm is the realm of the web servers' passwords.
const davRealm = "Files"

// DAVFiles makes what web servers serve: a page at /, the collection /dav/
// (/srv/dav, of www-data) with hello.txt in it, and the account lab with the
// lab's password, for Basic and for Digest.
func (n *Net) DAVFiles(ctx context.Context) error {
	if err := n.DAVUser(ctx, "lab", Password); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"/srv/www/index.html": "<h1>Lab</h1>\n",
		"/srv/dav/hello.txt":  "hello from the lab\n",
	} {
		if err := n.Server.WriteFile(name, content); err != nil {
			return err
		}
	}
	_, err := n.Server.Sh(ctx, "chown -R www-data:www-data /srv/dav")
	return err
}

// DAVUser adds an account to the web servers' password files.
func (n *Net) DAVUser(ctx context.Context, name, password string) error {
	hash, err := output(ctx, "/", "openssl", "passwd", "-apr1", password)
	if err != nil {
		return fmt.Errorf("make web account %s: %w", name, err)
	}
	ha1 := md5.Sum([]byte(name + ":" + davRealm + ":" + password)) // RFC 7616 section 3.4.2
	for file, line := range map[string]string{
		"/etc/web/users":  name + ":" + strings.TrimSpace(hash),
		"/etc/web/digest": name + ":" + davRealm + ":" + hex.EncodeToString(ha1[:]),
	} {
		old, _ := n.Server.ReadFile(file) // absent at first
		if err := n.Server.WriteFile(file, old+line+"\n"); err != nil {
			return fmt.Errorf("make web account %s: %w", name, err)
		}
	}
	return nil
}

// tlsInstalled tells whether [Net.InstallCert] has been called.
func (n *Net) tlsInstalled() bool {
	pem, err := n.Server.ReadFile("/etc/ssl/ftp.crt")
	return err == nil && pem != ""
}

// startWeb starts a web server and waits for all ports in its configuration.
func (n *Net) startWeb(ctx context.Context, config string, listen *regexp.Regexp, argv ...string) (*Proc, error) {
	var ports []int
	for _, m := range listen.FindAllStringSubmatch(config, -1) {
		if p, err := strconv.Atoi(m[1]); err == nil {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 {
		return nil, fmt.Errorf("start %s: no port in its configuration", argv[0])
	}
	p, err := n.startServer(ctx, ports[0], argv...)
	if err != nil {
		return nil, err
	}
	return p, n.Server.WaitListen(ctx, ports...)
}

// apacheModules are those that Debian enables, and what WebDAV and proxies need.
var apacheModules = strings.Fields(`mpm_event authn_core authn_file authz_core authz_host authz_user auth_basic auth_digest
	alias autoindex dir env headers mime reqtimeout rewrite setenvif socache_shmcb ssl dav dav_fs proxy proxy_http`)

// apacheDefaults make a healthy server: a page at /, and WebDAV at /dav for
// those who log in.
const apacheDefaults = `ServerName ` + FTPName + `
PidFile /run/apache2/apache2.pid
Mutex file:/run/apache2
ErrorLog /var/log/apache2/error.log
User www-data
Group www-data
StartServers 1
MinSpareThreads 5
MaxSpareThreads 50
ThreadsPerChild 25
TypesConfig /etc/mime.types
KeepAliveTimeout 5
DavLockDB /var/lib/dav/lock
DocumentRoot /srv/www
Alias /dav /srv/dav
<Directory /srv>
Options Indexes FollowSymLinks
Require all granted
</Directory>
<Location /dav>
Dav On
AuthType Basic
AuthName ` + davRealm + `
AuthUserFile /etc/web/users
Require valid-user
</Location>
`

// ApacheDigest are the lines that ask for Digest instead of Basic.
const ApacheDigest = `<Location /dav>
AuthType Digest
AuthDigestProvider file
AuthDigestDomain /dav/
AuthUserFile /etc/web/digest
</Location>
`

var apacheListen = regexp.MustCompile(`(?m)^Listen (?:\S+:)?(\d+)`)

// Apache starts Apache with mod_dav, with defaults and conf after them (of two
// sections for one place the last counts), as /etc/apache2/lab.conf, and waits
// until it listens: on 80, and with TLS on 443 if a certificate is installed,
// or on the ports that conf gives, where 443 and 8443 speak TLS. [Net.DAVFiles]
// makes what it serves. The first line "Dav Off" leaves WebDAV out.
func (n *Net) Apache(ctx context.Context, conf string) (*Proc, error) {
	var b strings.Builder
	for _, m := range apacheModules {
		fmt.Fprintf(&b, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	own := apacheListen.MatchString(conf)
	if !own {
		b.WriteString("Listen 80\n")
	}
	defaults := apacheDefaults
	conf, off := strings.CutPrefix(conf, "Dav Off")
	if off { // mod_dav does not let a later section switch it off
		defaults = strings.Replace(defaults, "Dav On\n", "", 1)
	}
	b.WriteString(defaults)
	if n.tlsInstalled() {
		if !own {
			b.WriteString("Listen 443\n")
		}
		b.WriteString("<VirtualHost *:443 *:8443>\nRewriteEngine On\nRewriteOptions Inherit\nSSLEngine on\nSSLCertificateFile /etc/ssl/ftp.crt\nSSLCertificateKeyFile /etc/ssl/ftp.key\n</VirtualHost>\n")
	}
	b.WriteString(conf + "\n")
	if err := n.Server.WriteFile("/etc/apache2/lab.conf", b.String()); err != nil {
		return nil, err
	}
	if _, err := n.Server.Sh(ctx, "mkdir -p /run/apache2 /var/log/apache2 /var/lib/dav; chown www-data /var/lib/dav"); err != nil {
		return nil, err
	}
	return n.startWeb(ctx, b.String(), apacheListen, "/usr/sbin/apache2", "-f", "/etc/apache2/lab.conf", "-DFOREGROUND")
}

// NginxDAV is a location of nginx with its two WebDAV modules: what core nginx
// has is not enough for any client.
const NginxDAV = `location /dav/ {
	auth_basic ` + davRealm + `;
	auth_basic_user_file /etc/web/users;
	dav_methods PUT DELETE MKCOL COPY MOVE;
	dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
	dav_ext_lock zone=locks;
	client_max_body_size 0;
	autoindex on;
}
`

var nginxListen = regexp.MustCompile(`listen (?:[0-9.]+:)?(\d+)`)

// Nginx starts nginx, whose one server has the lines of conf, and whose
// document root is /srv: /dav/ is /srv/dav. It listens on 80, and with TLS on
// 443 if a certificate is installed, or as conf says. More, if not empty,
// stands beside that server.
func (n *Net) Nginx(ctx context.Context, conf, more string) (*Proc, error) {
	if !nginxListen.MatchString(conf) {
		conf = "listen 80;\nlisten [::]:80;\n" + conf
		if n.tlsInstalled() {
			conf = "listen 443 ssl;\nlisten [::]:443 ssl;\n" + conf
		}
	}
	certificate := ""
	if n.tlsInstalled() {
		certificate = "ssl_certificate /etc/ssl/ftp.crt;\nssl_certificate_key /etc/ssl/ftp.key;\n"
	}
	text := `load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
user www-data;
worker_processes 1;
daemon off;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 100; }
http {
access_log /var/log/nginx/access.log;
client_body_temp_path /srv/.upload;
proxy_temp_path /var/lib/nginx/proxy;
fastcgi_temp_path /var/lib/nginx/fastcgi;
uwsgi_temp_path /var/lib/nginx/uwsgi;
scgi_temp_path /var/lib/nginx/scgi;
dav_ext_lock_zone zone=locks:1m;
ssl_protocols TLSv1.2 TLSv1.3;
` + certificate + `server {
server_name _;
root /srv;
location = / { root /srv/www; index index.html; }
` + conf + "\n}\n" + more + "\n}\n"
	if err := n.Server.WriteFile("/etc/nginx/nginx.conf", text); err != nil {
		return nil, err
	}
	if _, err := n.Server.Sh(ctx, "mkdir -p /var/log/nginx /var/lib/nginx"); err != nil {
		return nil, err
	}
	return n.startWeb(ctx, text, nginxListen, "/usr/sbin/nginx", "-c", "/etc/nginx/nginx.conf")
}

// NginxStream starts an nginx that knows nothing of HTTP: its one server has the
// lines of conf, and the certificate that is installed.
func (n *Net) NginxStream(ctx context.Context, conf string) error {
	text := `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1;
daemon off;
pid /run/nginx-stream.pid;
error_log /var/log/nginx/stream.log;
events { worker_connections 100; }
stream {
ssl_certificate /etc/ssl/ftp.crt;
ssl_certificate_key /etc/ssl/ftp.key;
server {
` + conf + `
}
}
`
	if err := n.Server.WriteFile("/etc/nginx/stream.conf", text); err != nil {
		return err
	}
	if _, err := n.Server.Sh(ctx, "mkdir -p /var/log/nginx /var/lib/nginx"); err != nil {
		return err
	}
	_, err := n.startWeb(ctx, text, nginxListen, "/usr/sbin/nginx", "-c", "/etc/nginx/stream.conf")
	return err
}

var lighttpdListen = regexp.MustCompile(`server.port = (\d+)`)

// Lighttpd starts lighttpd with mod_webdav at /dav/ for those who log in, on
// port 80 and without TLS, with the lines of conf after the defaults.
func (n *Net) Lighttpd(ctx context.Context, conf string) (*Proc, error) {
	text := `server.modules = ("mod_auth", "mod_authn_file", "mod_webdav")
server.document-root = "/srv"
server.port = 80
server.username = "www-data"
server.groupname = "www-data"
server.errorlog = "/var/log/lighttpd.log"
server.upload-dirs = ("/var/lib/lighttpd")
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "/etc/web/users"
auth.require = ("/dav/" => ("method" => "basic", "realm" => "` + davRealm + `", "require" => "valid-user"))
$HTTP["url"] =~ "^/dav/" {
	webdav.activate = "enable"
	webdav.sqlite-db-name = "/var/lib/lighttpd/webdav.db"
}
` + conf + "\n"
	if err := n.Server.WriteFile("/etc/lighttpd/lab.conf", text); err != nil {
		return nil, err
	}
	if _, err := n.Server.Sh(ctx, "install -d -o www-data /var/lib/lighttpd; install -o www-data /dev/null /var/log/lighttpd.log"); err != nil {
		return nil, err
	}
	return n.startWeb(ctx, text, lighttpdListen, "/usr/sbin/lighttpd", "-D", "-f", "/etc/lighttpd/lab.conf")
}

// proxyIP is the address of the machine that [Net.Tinyproxy] runs on, on the
// client's network.
const proxyIP = "192.168.77.8"

// Tinyproxy adds a machine to the client's network, with a forward proxy on
// port 3128 whose configuration ends with conf.
func (n *Net) Tinyproxy(ctx context.Context, conf string) error {
	h, err := n.AddHost(ctx, n.Gateway, "proxy", proxyIP+"/24")
	if err != nil {
		return err
	}
	if err := os.Mkdir(netnsDir(h.NS), 0o755); err != nil { // removed with the lab
		return fmt.Errorf("start tinyproxy: %w", err)
	}
	if err := h.WriteFile("/etc/resolv.conf", "nameserver "+ResolverIP+"\n"); err != nil {
		return err
	}
	name := filepath.Join(n.dir, "tinyproxy.conf")
	if err := os.WriteFile(name, []byte("Port 3128\nTimeout 60\nMaxClients 20\nLogLevel Info\nViaProxyName \"office\"\n"+conf+"\n"), 0o644); err != nil {
		return fmt.Errorf("start tinyproxy: %w", err)
	}
	if _, err := h.Start(ctx, "tinyproxy", "-d", "-c", name); err != nil {
		return err
	}
	return h.WaitListen(ctx, 3128)
}
