package lab

import (
	"context"
	"net"
	"slices"
	"strings"
)

// Targets of WebDAV: with TLS and without.
const (
	davTarget      = "davs://lab@" + FTPName + "/dav/"
	plainDAVTarget = "dav://lab@" + FTPName + "/dav/"
)

const (
	davURL      = "https://" + FTPName + "/dav/"
	plainDAVURL = "http://" + FTPName + "/dav/"

	// propfind lists a collection with curl; a URL follows. It logs in with
	// Basic.
	propfind = curl + "--http1.1 -X PROPFIND -H 'Depth: 1' "
	// davPut stores a file of 64 KiB; a URL of a directory follows.
	davPut = "head -c 65536 /dev/zero >up.bin; " + curl + "--http1.1 -H 'Expect:' -T up.bin "

	// davListed is what propfind prints of a listing that worked.
	davListed = `HTTP/[0-9.]+ 207[\s\S]*/dav/hello\.txt`
)

// Proofs that the service works.
var (
	davListing      = Proof{Run: propfind + davURL, Match: `SSL connection using[\s\S]*` + davListed}
	plainDAVListing = Proof{Run: propfind + plainDAVURL, Match: davListed}
)

// The files of the web servers, and a server with these settings after the
// defaults, without TLS.
func apache(conf string) setup {
	return then(davFiles, func(ctx context.Context, n *Net) error { _, err := n.Apache(ctx, conf); return err })
}

func nginx(conf string) setup {
	return then(davFiles, func(ctx context.Context, n *Net) error { _, err := n.Nginx(ctx, conf, ""); return err })
}

func davFiles(ctx context.Context, n *Net) error { return n.DAVFiles(ctx) }

func lighttpd(conf string) setup {
	return then(davFiles, func(ctx context.Context, n *Net) error { _, err := n.Lighttpd(ctx, conf); return err })
}

// certificate installs one: what starts after it speaks TLS too.
func certificate(k CertKnobs) setup {
	return func(_ context.Context, n *Net) error { _, err := n.InstallCert(k); return err }
}

// The same with TLS on port 443, too.
func apacheTLS(k CertKnobs, conf string) setup { return then(certificate(k), apache(conf)) }

func nginxTLS(k CertKnobs, conf string) setup { return then(certificate(k), nginx(conf)) }

// nginxBefore is nginx with TLS before Apache, which listens on 8080 without,
// on the same machine.
func nginxBefore(front, back string) setup {
	return then(certificate(CertKnobs{}), davFiles, func(ctx context.Context, n *Net) error {
		if _, err := n.Nginx(ctx, front, ""); err != nil {
			return err
		}
		_, err := n.Apache(ctx, "Listen 127.0.0.1:8080\n"+back)
		return err
	})
}

// davFault is a fault of the usual target over TLS.
func davFault(name, story string, want []string, s setup, p Proof) Scenario {
	return fault(name, story, want, s, p).check(davTarget)
}

// uploads makes the check try an upload.
func (s Scenario) uploads() Scenario {
	s.Args = append([]string{"--op", "upload"}, s.Args...)
	return s
}

// httpScenarios are faults of WebDAV and of the web in front of it.
func httpScenarios() []Scenario {
	return slices.Concat(davControls(), noDAVScenarios(), gatewayScenarios(), redirectScenarios(), methodScenarios(), serverErrorScenarios(),
		davTLSScenarios(), davAuthScenarios(), davFileScenarios(), davProxyScenarios(), davPortScenarios())
}

// noDAVScenarios are paths without WebDAV, and those that nobody may enter.
func noDAVScenarios() []Scenario {
	noDAV, wrongPath, forbidden := []string{"http/no-webdav"}, []string{"http/wrong-path"}, []string{"http/forbidden"}
	pythonHTTP := func(ctx context.Context, n *Net) error {
		_, err := n.startServer(ctx, 80, "/usr/bin/python3", "-m", "http.server", "80", "--directory", "/srv")
		return err
	}
	head := "; echo ===; " + curl + "-I "
	return []Scenario{
		davFault("http/no-webdav-nginx", "The site was moved to a plain nginx, which only shows files.", noDAV, nginxTLS(CertKnobs{}, "autoindex on;"),
			Proof{Run: propfind + davURL + head + davURL + "hello.txt", Match: `(?s)405 Not Allowed.*===.*HTTP/\S+ 200`}),
		davFault("http/no-webdav-nginx-core", "nginx got dav_methods, and not the module that has PROPFIND.", noDAV,
			nginxTLS(CertKnobs{}, strings.NewReplacer("dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;", "", "dav_ext_lock zone=locks;", "").Replace(NginxDAV)),
			Proof{Run: propfind + davURL + "; echo ===; " + davPut + davURL, Match: `(?s)405 Not Allowed.*===.*HTTP/\S+ 201`}),
		davFault("http/no-webdav-apache", "The update came with a new configuration, without the line Dav On.", noDAV, apacheTLS(CertKnobs{}, "Dav Off"),
			Proof{Run: propfind + davURL + head + davURL + "hello.txt", Match: `(?s)405 Method Not Allowed.*===.*HTTP/\S+ 200`}),
		fault("http/no-webdav-501", "Somebody shares a directory with Python's small web server.", noDAV, then(davFiles, pythonHTTP),
			Proof{Run: propfind + plainDAVURL, Match: `501 Unsupported method`}).check(plainDAVTarget),
		davFault("http/wrong-path-root", "WebDAV is at /dav/, and the user gives the server's name only.", wrongPath, apacheTLS(CertKnobs{}, ""),
			Proof{Run: propfind + "https://" + FTPName + "/; echo ===; " + propfind + davURL, Match: `(?s)405 Method Not Allowed.*===.*` + davListed}).check("davs://lab@" + FTPName + "/"),
		davFault("http/wrong-path-other", "The instructions still name the path of the old server.", append(wrongPath, "file/not-found"), nginxTLS(CertKnobs{}, NginxDAV),
			Proof{Run: propfind + "https://" + FTPName + "/webdav/; echo ===; " + propfind + davURL, Match: `(?s)(404 Not Found|405 Not Allowed).*===.*` + davListed}).check("davs://lab@" + FTPName + "/webdav/"),
		davFault("http/forbidden-source", "Only the head office may enter.", append(forbidden, "net/source-not-allowed"),
			apacheTLS(CertKnobs{}, "<Location /dav>\n<RequireAll>\nRequire ip 203.0.113.200\nRequire valid-user\n</RequireAll>\n</Location>"),
			Proof{Run: propfind + davURL + "; echo ===; " + curl + "https://" + FTPName + "/", Match: `(?s)403 Forbidden.*===.*HTTP/\S+ 200`}),
		davFault("http/forbidden-source-nginx", "The same with nginx.", append(forbidden, "net/source-not-allowed"), nginxTLS(CertKnobs{}, "allow 203.0.113.200;\ndeny all;\n"+NginxDAV),
			Proof{Run: propfind + davURL, Match: `403 Forbidden`}),
		davFault("http/forbidden-modes", "The directory was restored from a backup, and belongs to root.", append(forbidden, "file/permission-denied"),
			then(apacheTLS(CertKnobs{}, ""), on(server, "chown root:root /srv/dav; chmod 700 /srv/dav")),
			Proof{Run: propfind + davURL, Match: `403 Forbidden`}),
		davFault("http/forbidden-dotfiles", "A rule against hidden files also covers the directory of this team.", append(forbidden, "file/permission-denied"),
			then(nginxTLS(CertKnobs{}, "location ~ /[.] { deny all; }\n"+NginxDAV), on(server, "install -d -o www-data /srv/dav/.team")),
			Proof{Run: propfind + davURL + ".team/; echo ===; " + propfind + davURL, Match: `(?s)403 Forbidden.*===.*` + davListed}).check(davTarget + ".team/"),
	}
}

// gatewayScenarios are proxies before a server that does not do its part.
func gatewayScenarios() []Scenario {
	gateway := []string{"http/gateway-error"}
	const proxied = "location / {\nproxy_pass http://127.0.0.1:8080;\nproxy_read_timeout 2s;\nproxy_set_header Host $host;\nclient_max_body_size 0;\n}\n"
	backend := func(f func(net.Conn)) setup {
		return func(ctx context.Context, n *Net) error { return n.Server.Accept(ctx, "127.0.0.1:8080", f) }
	}
	byApache := apacheTLS(CertKnobs{}, "Dav Off\nProxyTimeout 2\nProxyPass /dav http://127.0.0.1:8080/dav\n<Location /dav>\nAuthType None\nRequire all granted\n</Location>")
	crash := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	says := func(slug, story string, s setup, match string) Scenario {
		return davFault("http/gateway-"+slug, story, gateway, s, Proof{Run: propfind + davURL, Match: match})
	}
	maintenance := says("maintenance", "The proxy was switched to maintenance for the night, and nobody switched it back.",
		nginxTLS(CertKnobs{}, "location / {\nadd_header Retry-After 3600 always;\nreturn 503;\n}"), `503 Service Temporarily Unavailable[\s\S]*Retry-After`)
	maintenance.Want = append(gateway, "service/unavailable")
	return []Scenario{
		says("refused", "The server behind nginx is not running.", nginxTLS(CertKnobs{}, proxied), `502 Bad Gateway`),
		says("refused-apache", "The server behind Apache is not running: Apache says 503.", byApache, `503 Service Unavailable`),
		says("hangs", "The server behind nginx hangs.", then(nginxTLS(CertKnobs{}, proxied), backend(Silent)), `504 Gateway Time-out`),
		says("crash-apache", "The server behind Apache crashes at each request.", then(byApache, backend(crash)), `502 Proxy Error`),
		maintenance,
		davFault("http/gateway-move", "nginx ends TLS and passes the Destination of MOVE on as it is: Apache behind it says 502.", append(gateway, "http/method-blocked"),
			nginxBefore(proxied, ""),
			Proof{
				Run:   propfind + davURL + "; echo ===; " + davPut + davURL + "; " + curl + "--http1.1 -X MOVE -H 'Destination: " + davURL + "moved.bin' " + davURL + "up.bin",
				Match: `(?s)` + davListed + `.*===.* 201 .*502 Bad Gateway`,
			}).uploads(),
	}
}

// redirectScenarios are redirects that clients can't follow to the end.
func redirectScenarios() []Scenario {
	loop, redirected := []string{"http/redirect-loop"}, []string{"http/redirected"}
	follow := curl + "--http1.1 -L --max-redirs 5 -X PROPFIND -H 'Depth: 1' "
	const proxied = "location / {\nproxy_pass http://127.0.0.1:8080;\nproxy_set_header Host $host;\n}\n"
	other := func(_ context.Context, n *Net) error { return n.Zone.Add("files.lab.example. A " + ServerIP) }
	return []Scenario{
		davFault("http/redirect-loop-tls", "nginx ends TLS, and Apache behind it sends everybody who comes without TLS to https.", loop,
			nginxBefore(proxied, "Redirect permanent / https://"+FTPName+"/"), Proof{Run: follow + davURL, Match: `Maximum \(5\) redirects followed`}),
		davFault("http/redirect-loop-slash", "One rule adds the slash at the end, and another takes it away.", loop,
			nginxTLS(CertKnobs{}, "location = /dav/ { return 301 /dav; }\nlocation = /dav { return 301 /dav/; }\n"+strings.Replace(NginxDAV, "location /dav/", "location ^~ /dav/", 1)),
			Proof{Run: follow + davURL, Match: `Maximum \(5\) redirects followed`}),
		fault("http/redirected-login", "A sign-on portal was put in front: who has no cookie is sent to its page.", append(redirected, "http/no-webdav"),
			then(certificate(CertKnobs{Names: []string{FTPName, "files.lab.example"}}), other, nginx("location /dav/ { return 302 https://files.lab.example/login?to=$uri; }\nlocation /login { default_type text/html; return 200 '<form>'; }")),
			Proof{Run: propfind + davURL + "; echo ===; " + curl + "-L " + davURL, Match: `(?s) 302 .*ocation: https://files\.lab\.example/login.*===.*<form>`}).check(davTarget),
		fault("http/redirected-host-gone", "The service moved to another name, which was never made.", append(redirected, "dns/nxdomain"),
			nginxTLS(CertKnobs{}, "location / { return 301 https://cloud.lab.example$uri; }"),
			Proof{Run: curl + "--http1.1 -L -X PROPFIND " + davURL, Match: `(?s) 301 .*Could not resolve host: cloud\.lab\.example`}).check(davTarget),
	}
}

// methodScenarios are methods, sizes and files that are refused.
func methodScenarios() []Scenario {
	blocked, locked, large := []string{"http/method-blocked"}, []string{"http/locked"}, []string{"http/too-large"}
	const except = "<Location /dav>\n<LimitExcept GET HEAD OPTIONS PROPFIND>\nRequire all denied\n</LimitExcept>\n</Location>"
	filtered := func(methods string, status string) string {
		return "location / {\nif ($request_method ~ ^(" + methods + ")$) { return " + status + "; }\nproxy_pass http://127.0.0.1:8080;\nproxy_set_header Host $host;\nset $to $http_destination;\nif ($to ~ ^https://(.*)$) { set $to http://$1; }\nproxy_set_header Destination $to;\nclient_max_body_size 0;\n}\n"
	}
	put := propfind + davURL + "; echo ===; " + davPut + davURL
	upload := func(slug, story string, want []string, s setup, run, match string) Scenario {
		return davFault("http/"+slug, story, want, s, Proof{Run: run, Match: `(?s)` + davListed + `.*===.*` + match}).uploads()
	}
	del := propfind + davURL + "; echo ===; " + davPut + davURL + "; " + curl + "--http1.1 -X DELETE " + davURL + "up.bin"
	lock := on(server, `curl -sS -f -k -u lab:`+Password+` -X LOCK -H 'Timeout: Second-3600' -H 'Depth: infinity' --data '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Alice at the front desk</D:owner></D:lockinfo>' http://127.0.0.1/dav/`)
	return []Scenario{
		upload("method-blocked-limit", "LimitExcept lets everybody read and nobody write.", append(blocked, "file/uploads-disabled"), apacheTLS(CertKnobs{}, except), put, `403 Forbidden`),
		upload("method-blocked-proxy", "The proxy in front lets GET and PROPFIND pass, and no PUT.", append(blocked, "file/uploads-disabled"), nginxBefore(filtered("PUT|DELETE|MOVE|MKCOL", "405"), ""), put, `405 Not Allowed`),
		upload("method-blocked-waf", "A filter in front answers DELETE with 403: it takes it for an attack.", blocked, nginxBefore(filtered("DELETE", "403"), ""), del, ` 201 .*403 Forbidden`),
		upload("method-blocked-move", "The proxy in front does not know MOVE.", blocked, nginxBefore(filtered("MOVE", "501"), ""),
			put+"; "+curl+"--http1.1 -X MOVE -H 'Destination: "+davURL+"moved.bin' "+davURL+"up.bin", ` 201 .*501 Not Implemented`),
		davFault("http/method-blocked-propfind", "The proxy in front lets only the methods of browsers pass.", append(blocked, "http/forbidden"), nginxBefore(filtered("PROPFIND|PUT|DELETE|MOVE|MKCOL|COPY|LOCK|UNLOCK|PROPPATCH", "403"), ""),
			Proof{Run: propfind + davURL + "; echo ===; " + curl + "-I " + davURL + "hello.txt; " + curl + "-X OPTIONS " + davURL, Match: `(?s)403 Forbidden.*===.* 200.*< DAV: 1,2`}),
		upload("too-large-nginx", "client_max_body_size is small.", large, nginxTLS(CertKnobs{}, strings.Replace(NginxDAV, "client_max_body_size 0", "client_max_body_size 16k", 1)), put, `413 Request Entity Too Large`),
		upload("too-large-apache", "LimitRequestBody was set for forms, and counts for uploads.", large, apacheTLS(CertKnobs{}, "LimitRequestBody 20000"), put, `413 `),
		upload("too-large-proxy", "The proxy in front has the default limit of another distribution.", large, nginxBefore(strings.Replace(filtered("TRACE", "405"), "client_max_body_size 0", "client_max_body_size 16k", 1), ""), put, `413 Request Entity Too Large`),
		upload("locked-apache", "Alice's computer has locked the directory, and crashed.", append(locked, "file/locked"), then(apacheTLS(CertKnobs{}, ""), lock), put, `423 Locked`),
		upload("locked-nginx", "The same with nginx.", append(locked, "file/locked"), then(nginxTLS(CertKnobs{}, NginxDAV), lock), put, `423 `),
	}
}

// serverErrorScenarios are requests at which the server fails.
func serverErrorScenarios() []Scenario {
	failed := []string{"http/server-error"}
	// nginx ends TLS and passes the stream on as it is.
	stream := func(alpn string) setup {
		return then(certificate(CertKnobs{}), davFiles, func(ctx context.Context, n *Net) error {
			if _, err := n.Apache(ctx, "Listen 127.0.0.1:8080\n"); err != nil {
				return err
			}
			return n.NginxStream(ctx, "listen 443 ssl;\nssl_alpn "+alpn+";\nproxy_pass 127.0.0.1:8080;")
		})
	}
	twice := curl + "-X OPTIONS " + davURL + "; echo ===; " + propfind + davURL
	return []Scenario{
		davFault("http/http2-broken-stream", "A balancer ends TLS and promises HTTP/2; the server behind it knows HTTP/1.1 only.", []string{"http/http2-broken"}, stream("h2 http/1.1"),
			Proof{Run: twice, Match: `(?s)server accepted h2.*(HTTP/2|HTTP2|nghttp2).*===.*` + davListed, Not: `HTTP/2 [2-5]\d\d`}),
		davFault("http/server-error-htaccess", "Somebody put a misspelt directive into .htaccess.", failed,
			then(apacheTLS(CertKnobs{}, "<Directory /srv>\nAllowOverride All\n</Directory>"), file("/srv/dav/.htaccess", "Optoins -Indexes\n")),
			Proof{Run: propfind + davURL + "; echo ===; " + curl + "https://" + FTPName + "/", Match: `(?s)500 Internal Server Error.*===.* 200 `}),
		davFault("http/server-error-lock-database", "The directory of DavLockDB belongs to root since the update: uploads fail.", failed,
			then(apacheTLS(CertKnobs{}, ""), on(server, "rm -f /var/lib/dav/*; chown root /var/lib/dav; chmod 700 /var/lib/dav")),
			Proof{Run: curl + "-I " + davURL + "hello.txt; echo ===; " + davPut + davURL, Match: `(?s) 200 .*===.*500 Internal Server Error`}).uploads(),
	}
}
