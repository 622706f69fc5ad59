package lab

import (
	"context"
	"io"
	"net"
	"strings"
	"time"
)

// davControls are web servers as they should be.
func davControls() []Scenario {
	ok := func(name, story string, s setup, p Proof) Scenario {
		c := control("dav-"+name, story, s, p).check(davTarget)
		c.MaxStatus = ""
		return c
	}
	clear := func(name, story string, s setup, p Proof) Scenario {
		return control("dav-"+name, story, s, p).check(plainDAVTarget)
	}
	with := func(s Scenario, change func(s *Scenario)) Scenario { change(&s); return s }
	// What nginx before Apache needs for MOVE: a Destination as Apache knows itself.
	const proxied = "location / {\nset $to $http_destination;\nif ($http_destination ~ ^https://[^/]+(/.*)$) { set $to http://$host$1; }\n" +
		"proxy_pass http://127.0.0.1:8080;\nproxy_set_header Host $host;\nproxy_set_header Destination $to;\nproxy_set_header X-Forwarded-Proto https;\nclient_max_body_size 0;\n}\n"
	put := davPut + davURL + "; " + curl + "-X DELETE " + davURL + "up.bin"
	stored := `(?s) 201 .*HTTP/\S+ 204`
	// cadaver takes the account from .netrc.
	cadaver := "mkdir -p cadaver; echo machine " + FTPName + " login lab password " + Password + " >cadaver/.netrc; head -c 65536 /dev/zero >up.bin; " +
		"printf 'ls\nput up.bin\nlock up.bin\nunlock up.bin\nmove up.bin moved.bin\ndelete moved.bin\nquit\n' | HOME=$PWD/cadaver timeout 15 cadaver " + plainDAVURL
	anonymous := "<Location /dav>\nAuthType None\nRequire all granted\n</Location>"
	return []Scenario{
		ok("apache", "Apache with mod_dav, Basic over TLS.", apacheTLS(CertKnobs{}, ""), davListing),
		ok("apache-digest-tls", "Apache with mod_dav, Digest over TLS.", apacheTLS(CertKnobs{}, ApacheDigest), Proof{Run: propfind + "--digest " + davURL, Match: `Authorization: Digest[\s\S]*` + davListed}),
		clear("apache-digest", "Apache with mod_dav, Digest and no TLS.", apache(ApacheDigest), Proof{Run: propfind + "--digest " + plainDAVURL, Match: `Authorization: Digest[\s\S]*` + davListed}),
		clear("apache-basic", "Apache with mod_dav, Basic without TLS, as on many an old NAS.", apache(""),
			Proof{Run: cadaver, Match: `(?s)hello\.txt.*Uploading up\.bin.*succeeded.*Locking.*succeeded.*Moving.*succeeded.*Deleting.*succeeded`}),
		with(ok("apache-anonymous", "Everybody may read, without an account.", apacheTLS(CertKnobs{}, anonymous), Proof{Run: strings.Replace(propfind, "--user lab:"+Password, "", 1) + davURL, Match: davListed}),
			func(s *Scenario) { s.Args, s.Env = []string{"davs://" + FTPName + "/dav/"}, nil }),
		ok("apache-upload", "A file can be put, read back and removed.", apacheTLS(CertKnobs{}, ""), Proof{Run: put, Match: stored}).uploads(),
		ok("apache-digest-upload", "The same with Digest.", apacheTLS(CertKnobs{}, ApacheDigest), Proof{Run: strings.ReplaceAll(put, curl, curl+"--digest "), Match: stored}).uploads(),
		with(ok("apache-download", "A file of a megabyte can be fetched.", then(apacheTLS(CertKnobs{}, ""), on(server, "head -c 1000000 /dev/urandom >/srv/dav/data.bin")),
			Proof{Run: curl + "-o /dev/null -w '%{size_download} bytes\n' " + davURL + "data.bin", Match: `1000000 bytes`}),
			func(s *Scenario) { s.Args = []string{"--op", "download", davTarget + "data.bin"} }),
		ok("nginx", "nginx with both of its WebDAV modules, Basic over TLS.", nginxTLS(CertKnobs{}, NginxDAV), davListing),
		ok("nginx-http2", "The same with HTTP/2.", nginxTLS(CertKnobs{}, "listen 443 ssl http2;\nlisten [::]:443 ssl http2;\n"+NginxDAV),
			Proof{Run: curl + "-X PROPFIND -H 'Depth: 1' " + davURL, Match: `HTTP/2 207[\s\S]*/dav/hello\.txt`}),
		ok("nginx-upload", "A file can be put through nginx, read back and removed.", nginxTLS(CertKnobs{}, NginxDAV), Proof{Run: put, Match: stored}).uploads(),
		clear("lighttpd", "lighttpd with mod_webdav, Basic without TLS.", lighttpd(""), plainDAVListing),
		clear("lighttpd-upload", "A file can be put to lighttpd, read back and removed.", lighttpd(""), Proof{Run: strings.ReplaceAll(put, davURL, plainDAVURL), Match: stored}).uploads(),
		ok("behind-proxy", "nginx ends TLS before Apache.", nginxBefore(proxied, ""), davListing),
		ok("behind-proxy-upload", "A file can be put, moved and removed through nginx before Apache.", nginxBefore(proxied, ""),
			Proof{Run: davPut + davURL + "; " + curl + "-X MOVE -H 'Destination: " + davURL + "moved.bin' " + davURL + "up.bin; " + curl + "-X DELETE " + davURL + "moved.bin", Match: `(?s) 201 .* 201.* 204`}).uploads(),
		with(ok("other-port", "WebDAV is on port 8443, and the URL says so.", apacheTLS(CertKnobs{}, "Listen 8443"), Proof{Run: propfind + "https://" + FTPName + ":8443/dav/", Match: davListed}),
			func(s *Scenario) { s.Args = []string{"davs://lab@" + FTPName + ":8443/dav/"} }),
		with(clear("other-port-plain", "WebDAV is on port 5005 without TLS, as on a NAS.", apache("Listen 5005"), Proof{Run: propfind + "http://" + FTPName + ":5005/dav/", Match: davListed}),
			func(s *Scenario) { s.Args = []string{"dav://lab@" + FTPName + ":5005/dav/"} }),
		ok("ipv6-only", "The name has only an AAAA record, and IPv6 works.", then(apacheTLS(CertKnobs{}, ""), ipv6Only), Proof{Run: "dig +short A " + FTPName + "; " + propfind + davURL, Match: `Trying \[?2001:db8:100::10[\s\S]*` + davListed}),
		with(ok("slash-missing", "The URL lacks the slash at its end, which Apache adds with a redirect.", apacheTLS(CertKnobs{}, ""),
			Proof{Run: propfind + "-L https://" + FTPName + "/dav", Match: davListed}),
			func(s *Scenario) { s.Args, s.MaxStatus = []string{"davs://lab@" + FTPName + "/dav"}, "degraded" }),
		ok("large-directory", "A directory of 3,000 files.", then(apacheTLS(CertKnobs{}, ""), on(server, "cd /srv/dav; seq -f 'report-%05.0f.csv' 3000 | xargs touch")),
			Proof{Run: propfind + davURL, Match: ` 207 [\s\S]*report-03000\.csv`}),
		ok("odd-names", "File names with spaces, ampersands, percent signs and Chinese.", then(apacheTLS(CertKnobs{}, ""), on(server, "cd /srv/dav; touch '年度 报告.pdf' 'R&D <2>.txt' '100%25.txt' 'a#b?c.txt'")),
			Proof{Run: propfind + davURL, Match: ` 207 [\s\S]*%e5%b9%b4`}),
		ok("empty-directory", "An empty collection.", then(nginxTLS(CertKnobs{}, NginxDAV), on(server, "rm /srv/dav/hello.txt")), Proof{Run: propfind + davURL, Match: ` 207 [\s\S]*<D:href>/dav/</D:href>`, Not: `hello\.txt`}),
		ok("several-names", "A certificate with several names, an RSA key and its chain.", apacheTLS(CertKnobs{Names: []string{"lab.example", FTPName}, RSA: 2048}, ""), davListing),
	}
}

// davTLSScenarios are faults of TLS in front of HTTP.
func davTLSScenarios() []Scenario {
	const day = 24 * time.Hour
	plainToTLS, alone := []string{"http/tls-to-plain"}, `unable to get local issuer certificate`
	refused := func(code, slug, story string, s setup, match string) Scenario {
		return davFault("tls/dav-"+slug, story, []string{"tls/" + code}, s, Proof{Run: propfind + davURL, Match: `(?s)` + match + `.*curl: \(60\)`})
	}
	dav := func(k CertKnobs) setup { return apacheTLS(k, "") }
	ngx := func(k CertKnobs) setup { return nginxTLS(k, NginxDAV) }
	return []Scenario{
		davFault("http/tls-to-plain-80", "The URL says davs and port 80, where plain HTTP is spoken.", plainToTLS, apacheTLS(CertKnobs{}, ""),
			Proof{Run: propfind + "https://" + FTPName + ":80/dav/; echo ===; " + plainDAVListing.Run, Match: `(?s)wrong version number.*===.*` + davListed}).check("davs://lab@" + FTPName + ":80/dav/"),
		davFault("http/tls-to-plain-443", "TLS was switched off in the virtual host of port 443.", plainToTLS, apache("Listen 443"),
			Proof{Run: propfind + davURL + "; echo ===; " + propfind + "http://" + FTPName + ":443/dav/", Match: `(?s)wrong version number.*===.*` + davListed}),
		fault("http/plain-to-tls-apache", "The URL says dav and port 443, where Apache speaks TLS.", plainToTLS, apacheTLS(CertKnobs{}, ""),
			Proof{Run: curl + "http://" + FTPName + ":443/dav/; " + propfind + "http://" + FTPName + ":443/dav/", Match: `speaking plain HTTP to an SSL-enabled server port`, Not: ` 207 `}).check("dav://lab@" + FTPName + ":443/dav/"),
		fault("http/plain-to-tls-nginx", "The URL says dav and port 443, where nginx speaks TLS.", plainToTLS, nginxTLS(CertKnobs{}, NginxDAV),
			Proof{Run: propfind + "http://" + FTPName + ":443/dav/", Match: `plain HTTP request was sent to HTTPS port`}).check("dav://lab@" + FTPName + ":443/dav/"),
		refused("cert-expired", "cert-expired", "Nobody renewed the certificate.", dav(CertKnobs{NotBefore: time.Now().Add(-100 * day)}), `certificate has expired`),
		refused("cert-self-signed", "cert-self-signed", "The NAS made a certificate for itself.", ngx(CertKnobs{SelfSigned: true}), `self-signed certificate`),
		refused("cert-name-mismatch", "cert-other-name", "The certificate is that of another name.", dav(CertKnobs{Names: []string{"www.lab.example"}}), `no alternative certificate subject name matches`),
		refused("chain-incomplete", "chain-incomplete", "The intermediate certificate was not put into nginx's file.", ngx(CertKnobs{NoChain: true}), alone),
		refused("cert-untrusted", "cert-private-authority", "The certificate comes from the intranet's authority, which this client does not have.", dav(CertKnobs{UnknownRoot: true}), alone+`|self-signed certificate in certificate chain`),
		davFault("tls/dav-only-tls10", "The old appliance speaks TLS 1.0 only.", []string{"tls/version-too-old", "tls/version-mismatch"},
			then(opensslConf("MinProtocol = TLSv1\nMaxProtocol = TLSv1\n"+oldStrength), nginxTLS(CertKnobs{RSA: 2048}, "ssl_protocols TLSv1;\nssl_ciphers DEFAULT:@SECLEVEL=0;\n"+NginxDAV)),
			Proof{Run: propfind + davURL + "; echo ===; </dev/null openssl s_client -tls1 -cipher DEFAULT:@SECLEVEL=0 -connect " + FTPName + ":443 | grep -a Cipher", Match: `(?s)(alert|SSL_ERROR|handshake).*===.*TLSv1.*Cipher is ECDHE`, Not: ` 207 `}),
		davFault("tls/dav-client-cert", "Apache wants a client certificate.", []string{"tls/client-cert-required"}, apacheTLS(CertKnobs{}, "SSLVerifyClient require\nSSLCACertificateFile /etc/ssl/ftp.chain.crt"),
			Proof{Run: propfind + davURL, Match: `(?s)Request CERT.*(certificate required|alert|SSL_ERROR|bad certificate)`, Not: ` 207 `}),
		davFault("tls/dav-client-cert-path", "Apache wants a client certificate for this path only, which TLS 1.3 lets it ask few clients for.", []string{"tls/client-cert-required"},
			apacheTLS(CertKnobs{}, "SSLCACertificateFile /etc/ssl/ftp.chain.crt\n<Location /dav>\nSSLVerifyClient require\n</Location>"),
			Proof{Run: propfind + davURL + "; echo ===; " + curl + "https://" + FTPName + "/", Match: `(?s)Request CERT.*certificate required.*===.* 200 `}),
		davFault("tls/dav-client-cert-nginx", "nginx wants a client certificate, and says so in HTTP.", []string{"tls/client-cert-required"}, nginxTLS(CertKnobs{}, "ssl_verify_client on;\nssl_client_certificate /etc/ssl/ftp.chain.crt;\n"+NginxDAV),
			Proof{Run: propfind + davURL, Match: `No required SSL certificate was sent`}),
	}
}

// davAuthScenarios are logins that are refused, or of a kind that few clients
// know.
func davAuthScenarios() []Scenario {
	changed := func(start func(context.Context, *Net) error) setup {
		return then(start, on(server, "rm /etc/web/*"), func(ctx context.Context, n *Net) error { return n.DAVUser(ctx, "lab", "changed-Last-Week") })
	}
	rejected := []string{"auth/rejected"}
	return []Scenario{
		davFault("auth/dav-wrong-password", "The password was changed last week; Apache asks with Basic.", rejected, changed(apacheTLS(CertKnobs{}, "")),
			Proof{Run: propfind + davURL, Match: `(?s)Authorization: Basic.*401 Unauthorized`}).hostDecides(),
		davFault("auth/dav-wrong-password-digest", "The same with Digest.", rejected, changed(apacheTLS(CertKnobs{}, ApacheDigest)),
			Proof{Run: propfind + "--digest " + davURL, Match: `(?s)Authorization: Digest.*401 Unauthorized`}).hostDecides(),
		davFault("auth/dav-wrong-password-nginx", "The same with nginx.", rejected, changed(nginxTLS(CertKnobs{}, NginxDAV)),
			Proof{Run: propfind + davURL, Match: `(?s)Authorization: Basic.*401 Unauthorized`}).hostDecides(),
		davFault("auth/dav-user-denied", "The directory belongs to another team: Apache says 401 to all others.", []string{"auth/user-denied", "auth/rejected"}, apacheTLS(CertKnobs{}, "<Location /dav>\nRequire user alice\n</Location>"),
			Proof{Run: propfind + davURL, Match: `(?s)Authorization: Basic.*401 Unauthorized`}).hostDecides(),
		davFault("auth/dav-user-denied-403", "The same with AuthzSendForbiddenOnFailure: 403.", []string{"auth/user-denied", "http/forbidden"}, apacheTLS(CertKnobs{}, "<Location /dav>\nRequire user alice\nAuthzSendForbiddenOnFailure On\n</Location>"),
			Proof{Run: propfind + davURL, Match: `(?s)Authorization: Basic.*403 Forbidden`}),
		davFault("auth/dav-negotiate-only", "Only Kerberos is offered, for members of the domain.", []string{"client/library-limit"}, nginxTLS(CertKnobs{}, "location / {\nadd_header WWW-Authenticate Negotiate always;\nreturn 401;\n}"),
			Proof{Run: propfind + davURL, Match: `(?s)WWW-Authenticate: Negotiate`, Not: `WWW-Authenticate: (Basic|Digest)`}),
		davFault("auth/dav-ntlm-only", "Only NTLM and Kerberos are offered, as IIS does by default.", []string{"client/library-limit"}, nginxTLS(CertKnobs{}, "location / {\nadd_header WWW-Authenticate Negotiate always;\nadd_header WWW-Authenticate NTLM always;\nreturn 401;\n}"),
			Proof{Run: propfind + davURL, Match: `(?s)WWW-Authenticate: NTLM`, Not: `WWW-Authenticate: (Basic|Digest)`}),
	}
}

// davFileScenarios are refusals and failures of storage.
func davFileScenarios() []Scenario {
	upload := func(slug, story string, want []string, s setup, match string) Scenario {
		return davFault("file/dav-"+slug, story, want, s, Proof{Run: propfind + davURL + "; echo ===; " + davPut + davURL, Match: `(?s)` + davListed + `.*===.*` + match}).uploads()
	}
	mount := func(options, more string) setup {
		return on(server, "mount -t tmpfs -o mode=755,"+options+" lab /srv/dav; echo hello >/srv/dav/hello.txt; chown -R www-data /srv/dav\n"+more)
	}
	small, ro := mount("size=40k", ""), mount("size=10m", "mount -o remount,ro /srv/dav")
	rooted := on(server, "chown root:root /srv/dav; chmod 755 /srv/dav")
	missing := []string{"file/not-found"}
	return []Scenario{
		upload("disk-full", "The disk is full; Apache says so.", []string{"file/disk-full"}, then(apacheTLS(CertKnobs{}, ""), small), `507 Insufficient Storage`),
		upload("disk-full-nginx", "The disk is full; nginx says only that it failed.", []string{"file/disk-full", "http/server-error"}, then(nginxTLS(CertKnobs{}, NginxDAV), small), `500 Internal Server Error`).hostDecides(),
		upload("read-only", "The file system was mounted read-only after an error.", []string{"file/read-only", "file/permission-denied", "http/server-error"}, then(apacheTLS(CertKnobs{}, ""), ro), `(403|500) `).hostDecides(),
		upload("read-only-nginx", "The same with nginx.", []string{"file/read-only", "http/server-error"}, then(nginxTLS(CertKnobs{}, NginxDAV), ro), `500 Internal Server Error`).hostDecides(),
		upload("permission-denied", "The directory was restored from a backup, and belongs to root.", []string{"file/permission-denied", "http/server-error"}, then(apacheTLS(CertKnobs{}, ""), rooted), `(403|500) `).hostDecides(),
		upload("permission-denied-nginx", "The same with nginx.", []string{"file/permission-denied", "http/server-error"}, then(nginxTLS(CertKnobs{}, NginxDAV), rooted), `500 Internal Server Error`).hostDecides(),
		davFault("file/dav-missing", "The file was collected and removed by somebody else.", missing, then(apacheTLS(CertKnobs{}, ""), on(server, "rm /srv/dav/hello.txt")),
			Proof{Run: curl + davURL + "hello.txt", Match: `404 Not Found`}).check("--op", "download", davTarget+"hello.txt"),
		davFault("file/dav-directory-missing", "The directory of the URL does not exist on the new server.", missing, then(nginxTLS(CertKnobs{}, NginxDAV)),
			Proof{Run: propfind + davURL + "reports/; echo ===; " + propfind + davURL, Match: `(?s)404 Not Found.*===.*` + davListed}).check(davTarget + "reports/"),
		davFault("file/dav-unreadable", "The file belongs to root and is closed.", []string{"file/permission-denied", "http/forbidden"}, then(apacheTLS(CertKnobs{}, ""), on(server, "chown root /srv/dav/hello.txt; chmod 600 /srv/dav/hello.txt")),
			Proof{Run: curl + davURL + "hello.txt", Match: `403 Forbidden`}).check("--op", "download", davTarget+"hello.txt"),
	}
}

// davProxyScenarios are forward proxies between client and server.
func davProxyScenarios() []Scenario {
	const proxy = "http://" + proxyIP + ":3128"
	env := func(s Scenario, vars ...string) Scenario {
		s.Env = append(vars, passwordEnv...)
		return s
	}
	tiny := func(conf string) setup {
		return func(ctx context.Context, n *Net) error { return n.Tinyproxy(ctx, conf) }
	}
	through := "https_proxy=" + proxy + " http_proxy=" + proxy + " "
	both := func(failure string) Proof {
		return Proof{Run: through + propfind + davURL + "; echo ===; " + propfind + davURL, Match: `(?s)` + failure + `.*===.*` + davListed}
	}
	vars := []string{"https_proxy=" + proxy, "HTTPS_PROXY=" + proxy, "http_proxy=" + proxy}
	intercepts := []string{"client/proxy-intercepts"}
	onlyProxy := filter(gateway, "forward", `iifname "lan0" ip saddr != `+proxyIP+` ip protocol tcp drop`)
	works := control("dav-through-proxy", "Only the proxy may go out, and the environment names it.", then(apacheTLS(CertKnobs{}, ""), tiny(""), onlyProxy),
		Proof{Run: through + propfind + davURL, Match: `(?s)CONNECT .*200 .*` + davListed}).check(davTarget)
	works.MaxStatus = ""
	exempt := control("dav-no-proxy", "The environment names a dead proxy, and exempts this server's domain.", apacheTLS(CertKnobs{}, ""),
		Proof{Run: through + "no_proxy=.lab.example " + propfind + davURL, Match: davListed}).check(davTarget)
	return []Scenario{
		env(davFault("client/dav-proxy-gone", "The environment names a proxy that was switched off.", intercepts, apacheTLS(CertKnobs{}, ""), both(`(o route to host|imed out|imeout)`)), vars...),
		env(davFault("client/dav-proxy-refused", "The proxy's machine runs, and the proxy does not.", intercepts, then(apacheTLS(CertKnobs{}, ""), tiny(""), func(ctx context.Context, n *Net) error {
			return n.Client.Filter(ctx, "output", "ip daddr "+proxyIP+" tcp dport 9 drop")
		}), Proof{Run: "https_proxy=http://" + proxyIP + ":8080 " + propfind + davURL + "; echo ===; " + propfind + davURL, Match: `(?s)refused.*===.*` + davListed}),
			"https_proxy=http://"+proxyIP+":8080", "HTTPS_PROXY=http://"+proxyIP+":8080"),
		env(davFault("client/dav-proxy-login", "The proxy wants an account of its own, which the environment lacks.", intercepts, then(apacheTLS(CertKnobs{}, ""), tiny("BasicAuth office secret")), both(`407 Proxy Authentication Required`)), vars...),
		env(davFault("client/dav-proxy-refuses-connect", "The proxy allows CONNECT to other ports only.", intercepts, then(apacheTLS(CertKnobs{}, ""), tiny("ConnectPort 563")), both(`403 Access violation`)), vars...),
		env(works, vars...),
		env(control("dav-through-proxy-plain", "The same without TLS: the proxy passes requests on.", then(apache(""), tiny(""), onlyProxy),
			Proof{Run: through + propfind + plainDAVURL, Match: `(?s)PROPFIND http://.*HTTP/1\.[01] 207 .*Via: 1\.1 office.*/dav/hello\.txt`}).check(plainDAVTarget), vars...),
		env(control("dav-proxy-login", "The proxy wants an account, and the environment has it.", then(apacheTLS(CertKnobs{}, ""), tiny("BasicAuth office secret"), onlyProxy),
			Proof{Run: "https_proxy=http://office:secret@" + proxyIP + ":3128 " + propfind + davURL, Match: `(?s)CONNECT .*200 .*` + davListed}).check(davTarget),
			"https_proxy=http://office:secret@"+proxyIP+":3128", "HTTPS_PROXY=http://office:secret@"+proxyIP+":3128"),
		env(exempt, append(vars, "no_proxy=.lab.example", "NO_PROXY=.lab.example")...),
	}
}

// davPortScenarios are ports without a web server, or with another service.
func davPortScenarios() []Scenario {
	other := []string{"service/other-protocol"}
	sshBanner := func(ctx context.Context, n *Net) error {
		return n.Server.Accept(ctx, ":443", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
			Silent(c)
		})
	}
	// The children answer. Their parent goes on: nsenter would stop with it, and
	// the lab could not be taken down.
	stop := on(server, "for i in $(seq 50); do [ -s /run/apache2/apache2.pid ] && break; sleep 0.1; done; pkill -STOP -P $(cat /run/apache2/apache2.pid)")
	return []Scenario{
		davFault("service/dav-not-started", "The server was rebooted, and the service is not enabled.", []string{"service/refused"}, func(context.Context, *Net) error { return nil },
			Proof{Run: propfind + davURL + "; " + pingHost, Match: `(?s)refused.* [12] received`}),
		davFault("net/dav-port-filtered", "The firewall before the server does not let 443 in.", []string{"net/port-filtered"}, then(apacheTLS(CertKnobs{}, ""), filter(edge, "forward", "tcp dport 443 drop")),
			Proof{Run: propfind + davURL + "; " + pingHost + "; " + propfind + plainDAVURL, Match: `(?s)(imed out|imeout).* [12] received.*` + davListed}),
		fault("service/dav-hung", "All processes of the web server are stopped: the kernel accepts, nobody speaks.", []string{"service/hung"}, then(apache(""), stop),
			Proof{Run: propfind + plainDAVURL + "; " + pingHost, Match: `(?s)Connected to.*timed out.* [12] received`, Not: `HTTP/1\.1 [0-9]`}).check(plainDAVTarget),
		davFault("service/dav-hung-tls", "The same over TLS: the handshake gets no answer.", []string{"service/hung", "tls/handshake-stalls"}, then(apacheTLS(CertKnobs{}, ""), stop),
			Proof{Run: propfind + davURL + "; " + pingHost, Match: `(?s)Connected to.*(timed out|imeout).* [12] received`, Not: `HTTP/1\.1 [0-9]`}),
		fault("service/dav-ftp-on-80", "vsftpd was put on port 80, to pass a firewall.", other, vsftpd("listen_port=80"),
			Proof{Run: propfind + plainDAVURL + " --http0.9", Match: `220 \(vsFTPd`}).check(plainDAVTarget),
		davFault("service/dav-ssh-on-443", "sshd was put on port 443, to pass a firewall.", other, sshBanner,
			Proof{Run: propfind + davURL + "; " + propfind + "http://" + FTPName + ":443/ --http0.9", Match: `(?s)wrong version number.*SSH-2\.0-OpenSSH`}),
	}
}
