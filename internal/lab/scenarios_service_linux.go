package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// setup makes a fault, or a part of it.
type setup = func(ctx context.Context, n *Net) error

// then makes a Setup of several, in this order.
func then(steps ...setup) setup {
	return func(ctx context.Context, n *Net) error {
		for _, step := range steps {
			if err := step(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}
}

// The account lab, and a server with these settings after the defaults.
func vsftpd(conf string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.VSFTPD(ctx, conf) })
}

func proftpd(conf string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.ProFTPD(ctx, conf) })
}

func pureFTPD(args ...string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx, args...) })
}

func pyftpdlib(script string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.Pyftpdlib(ctx, script) })
}

func inetutils(service string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.InetutilsFTPD(ctx, service) })
}

// vsftpdByInetd lets inetd start vsftpd for each connection: what stops it is
// told to the client.
func vsftpdByInetd(conf string) setup {
	return then(file("/etc/vsftpd.conf", vsftpdDefaults+"listen_ipv6=NO\n"+conf),
		inetutils("ftp stream tcp4 nowait root /usr/sbin/vsftpd vsftpd /etc/vsftpd.conf"))
}

// The same with explicit TLS offered. Session reuse is not asked for: that is a
// fault of its own.
func vsftpdTLS(k CertKnobs, conf string) setup {
	return withCert(k, func(ctx context.Context, n *Net) (*Proc, error) {
		return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO\n"+conf)
	})
}

func proftpdTLS(k CertKnobs, conf string) setup {
	if k.RSA == 0 {
		k.RSA = 2048 // what TLSRSACertificateFile takes
	}
	return withCert(k, func(ctx context.Context, n *Net) (*Proc, error) {
		return n.ProFTPD(ctx, overridden(ProFTPDTLS, conf)+"TLSOptions NoSessionReuseRequired\n"+conf)
	})
}

// overridden leaves out of a ProFTPD configuration the directives that conf
// gives anew: of two the first would count.
func overridden(defaults, conf string) string {
	var b strings.Builder
	for line := range strings.Lines(defaults) {
		directive, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+conf, "\n"+directive+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// on runs a script on a host.
func on(at func(n *Net) *Host, script string) setup {
	return func(ctx context.Context, n *Net) error {
		_, err := at(n).Sh(ctx, script)
		return err
	}
}

// file writes a file of the server.
func file(name, content string) setup {
	return func(_ context.Context, n *Net) error { return n.Server.WriteFile(name, content) }
}

// filter adds packet filter rules to a host.
func filter(at func(n *Net) *Host, hook string, rules ...string) setup {
	return func(ctx context.Context, n *Net) error { return at(n).Filter(ctx, hook, rules...) }
}

func client(n *Net) *Host { return n.Client }

// fault is a scenario that checks the usual target with the right password.
// The first of want is the most exact of the codes that are right.
func fault(name, story string, want []string, s setup, p Proof) Scenario {
	return Scenario{Name: name, Story: story, Args: []string{target}, Env: passwordEnv, Want: want, Setup: s, Proof: p}
}

// control is a healthy service: a login in the clear deserves a warning, no
// more.
func control(name, story string, s setup, p Proof) Scenario {
	c := fault("healthy/"+name, story, nil, s, p)
	c.MaxStatus = "degraded"
	return c
}

// check replaces the arguments of the check.
func (s Scenario) check(args ...string) Scenario {
	s.Args = args
	return s
}

// overTLS checks with explicit TLS, where a control must be without blemish.
func (s Scenario) overTLS() Scenario {
	s.Args, s.MaxStatus = []string{tlsTarget}, ""
	return s
}

// also allows further true statements beside the root cause.
func (s Scenario) also(codes ...string) Scenario {
	s.Also = codes
	return s
}

// hostDecides says that from outside the cause is only one of several.
func (s Scenario) hostDecides() Scenario {
	s.Candidates = true
	return s
}

// hold opens sessions from a host, sends each these commands, and leaves them
// open.
func hold(at func(n *Net) *Host, count int, commands ...string) setup {
	return func(ctx context.Context, n *Net) error {
		for range count {
			c, err := at(n).dial(ctx, ServerIP+":21")
			if err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
			n.onClose(func() { c.Close() })
			if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
			if err := converse(c, commands); err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
		}
		return nil
	}
}

// login are the commands that log in.
var login = []string{"USER lab", "PASS " + Password}

// converse waits for the greeting, and for a reply to each command.
func converse(c net.Conn, commands []string) error {
	r := bufio.NewReader(c)
	for i := 0; ; i++ {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if len(line) > 3 && line[3] == ' ' && line[0] >= '1' && line[0] <= '5' { // the last line, RFC 959 section 4.2
				break
			}
		}
		if i == len(commands) {
			return nil
		}
		if _, err := io.WriteString(c, commands[i]+"\r\n"); err != nil {
			return err
		}
	}
}

// serviceScenarios are faults of what listens, or does not.
func serviceScenarios() []Scenario {
	return slices.Concat(listenScenarios(), limitScenarios(), abortScenarios(), silenceScenarios())
}

// listenScenarios are ports without a service, or with another one.
func listenScenarios() []Scenario {
	refused := []string{"service/refused"}
	other := []string{"service/other-protocol"}
	// A second machine of the same name, with a program of its own on port 21.
	second := func(f func(net.Conn)) setup {
		return withVSFTPD(func(ctx context.Context, n *Net) error {
			h, err := n.AddHost(ctx, n.Edge, "second", webIP+"/24")
			if err != nil {
				return err
			}
			if err := h.Accept(ctx, ":21", f); err != nil {
				return err
			}
			return n.Zone.Add(FTPName + ". A " + webIP)
		})
	}
	noListener := Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)refused.* [12] received`}
	python := func(args ...string) setup {
		return func(ctx context.Context, n *Net) error {
			_, err := n.startServer(ctx, 21, append([]string{"/usr/bin/python3", "-m"}, args...)...)
			return err
		}
	}
	ssh := func(ctx context.Context, n *Net) error {
		return n.Server.Accept(ctx, ":21", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
			Silent(c)
		})
	}
	return []Scenario{
		fault("service/not-started", "The server was rebooted, and the service is not enabled.", refused, func(context.Context, *Net) error { return nil }, noListener),
		fault("service/loopback-only", "listen_address is 127.0.0.1.", []string{"service/loopback-only", "service/refused"},
			vsftpd("listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1"), noListener).hostDecides(),
		fault("service/other-port", "The service was moved to 2121, and nobody told the users.", []string{"service/wrong-port"},
			vsftpd("listen_port=2121"), bothWays(curlFTP, `refused`, curl+"ftp://"+FTPName+":2121/")).also("service/refused"),
		fault("service/implicit-port-only", "Only the implicit port 990 is served.", []string{"service/wrong-port", "tls/implicit-expected"},
			vsftpdTLS(CertKnobs{}, "implicit_ssl=YES\nlisten_port=990"), bothWays(curlFTP, `refused`, implicitListing.Run)).also("service/refused"),
		fault("service/ipv4-only", "The name has both addresses, and the server listens on IPv4 only.", []string{"service/wrong-listen-address"},
			then(vsftpd("listen=YES\nlisten_ipv6=NO"), func(_ context.Context, n *Net) error { return n.Zone.Add(FTPName + ". AAAA " + ServerIP6) }),
			bothWays(curl+"-6 ftp://"+FTPName+"/", `refused`, curl+"-4 ftp://"+FTPName+"/")).also("net/ipv6-broken", "dns/dead-address"),
		fault("service/hung-at-one-address", "The name has two addresses; at the second the kernel accepts, and the program hangs.", []string{"service/hung"},
			second(Silent), bothWays("timeout 15 "+curl+"ftp://"+webIP+"/", `timed out|imeout|^$`, curl+"ftp://"+ServerIP+"/")),
		fault("service/other-at-one-address", "The name has two addresses; the second was given to a mail server.", other,
			second(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1\r\n"); Silent(c) }),
			bothWays(curl+"ftp://"+webIP+"/", `SSH-2\.0|[Ww]eird server reply`, curl+"ftp://"+ServerIP+"/")),
		fault("service/ssh-on-21", "sshd was put on port 21, to pass a firewall.", other, ssh, Proof{Run: curlFTP, Match: `SSH-2\.0-OpenSSH|[Ww]eird server reply`}),
		fault("service/smtp-on-21", "A mail server took the port: it greets with 220, too.", other, python("smtpd", "-n", "-c", "DebuggingServer", "0.0.0.0:21"),
			Proof{Run: curlFTP, Match: `(?s)< 220 \S+ Python SMTP.*> USER.*< 500 Error: command`}),
		fault("service/http-on-21", "A web server took the port.", other, python("http.server", "21"),
			Proof{Run: curl + "http://" + FTPName + ":21/; " + curlFTP, Match: `(?s)HTTP/1\.0 200 OK.*timed out`}),
	}
}

// limitScenarios are limits that are reached.
func limitScenarios() []Scenario {
	many, source, user := []string{"service/too-many-connections"}, []string{"service/too-many-from-source"}, []string{"service/too-many-for-user"}
	limit := func(slug, story string, want []string, s setup, match string) Scenario {
		return fault("service/"+slug, story, want, s, Proof{Run: curlFTP, Match: match})
	}
	return []Scenario{
		limit("max-clients-vsftpd", "max_clients is reached.", many, then(vsftpd("max_clients=1"), hold(edge, 1)), `421 There are too many connected users`),
		limit("max-clients-pureftpd", "Pure-FTPd's -c is reached.", many, then(pureFTPD("-c", "1"), hold(edge, 1)), `421 1 users \(the maximum\) are already logged in`),
		limit("max-clients-proftpd", "MaxClients is reached, which ProFTPD says after the password.", many, then(proftpd("MaxClients 1"), hold(edge, 1, login...)), `530 Sorry, the maximum number of allowed clients`),
		limit("max-clients-pyftpdlib", "max_cons is reached.", many, then(pyftpdlib("FTPServer.max_cons = 1"), hold(edge, 1)), `421 Too many connections\. Service`),
		limit("max-instances-proftpd", "MaxInstances is reached: ProFTPD closes without a word.", many, then(proftpd("MaxInstances 1"), hold(edge, 1)),
			`(?s)Connected to.*(response reading failed|Recv failure|got nothing)`).hostDecides(),
		limit("max-per-ip-vsftpd", "A client that never closes holds all sessions that max_per_ip allows this address.", source, then(vsftpd("max_per_ip=1"), hold(client, 1)), `421 There are too many connections from your internet address`),
		limit("max-per-ip-pureftpd", "Pure-FTPd's -C is reached for this address.", source, then(pureFTPD("-C", "1"), hold(client, 1)), `421 Too many connections \(1\) from this IP`),
		limit("max-per-ip-proftpd", "MaxClientsPerHost is reached, which ProFTPD says after the password.", source, then(proftpd("MaxClientsPerHost 1"), hold(client, 1, login...)), `530 Sorry, the maximum number of clients \(1\) from your host`),
		limit("max-per-user-proftpd", "MaxClientsPerUser is reached by somebody else with the same account.", user, then(proftpd("MaxClientsPerUser 1"), hold(edge, 1, login...)), `530 Sorry, the maximum number of clients \(1\) for this user`),
		control("one-session-per-address", "The server allows one session per address: enough for who closes what he opens.", vsftpd("max_per_ip=1"),
			Proof{Run: curlFTP + "; " + curlFTP, Match: `(?s)(` + listed + `).*(` + listed + `)`, Not: `421`}),
	}
}

// abortScenarios are servers that refuse to go on.
func abortScenarios() []Scenario {
	aborts := []string{"service/aborts"}
	oops := func(slug, story string, s setup, match string) Scenario {
		return fault("service/"+slug, story, aborts, s, Proof{Run: curlFTP, Match: match, Not: listed})
	}
	const noGreeting = `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`
	return []Scenario{
		oops("secure-chroot-missing", "The start script no longer makes secure_chroot_dir.", vsftpd("secure_chroot_dir=/run/nowhere"), `500 OOPS: vsftpd: not found: directory given in 'secure_chroot_dir'`),
		oops("privilege-user-missing", "nopriv_user names an account that the image does not have.", vsftpd("nopriv_user=ftpsecure"), `500 OOPS: cannot locate user entry:ftpsecure`),
		oops("directive-misspelt", "A directive was misspelt; inetd starts the server for each connection.", vsftpdByInetd("pasv_adress="+ServerIP+"\n"), `500 OOPS: unrecognised variable in config file: pasv_adress`),
		oops("user-directive-misspelt", "A directive was misspelt in the user's own configuration.",
			then(file("/etc/vsftpd/users/lab", "local_rooot=/srv\n"), vsftpd("user_config_dir=/etc/vsftpd/users")), `(?s)PASS.*500 OOPS: unrecognised variable in config file: local_rooot`),
		fault("service/inetd-cannot-exec", "inetd.conf names a program that is not there.", []string{"service/failed", "service/aborts"},
			inetutils("ftp stream tcp4 nowait root /usr/sbin/in.ftpd in.ftpd"), Proof{Run: curlFTP, Match: noGreeting, Not: `< 220`}).hostDecides(),
		fault("service/nologin", "/etc/nologin keeps users out during maintenance.", []string{"service/unavailable"},
			then(file("/etc/nologin", "down for maintenance until noon\n"), inetutils("")), Proof{Run: curlFTP, Match: `(?s)down for maintenance.*530 System not available`}),
		fault("service/wrappers-vsftpd", "hosts.deny refuses this address, and vsftpd says only that the service is not available.", []string{"net/source-not-allowed", "service/unavailable"},
			then(file("/etc/hosts.deny", "vsftpd: ALL\n"), vsftpd("tcp_wrappers=YES")), Proof{Run: curlFTP, Match: `421 Service not available`}),
		fault("service/limit-login-proftpd", "ProFTPD's <Limit LOGIN> allows the head office only.", []string{"net/source-not-allowed"},
			proftpd("<Limit LOGIN>\nOrder allow,deny\nAllow from 203.0.113.200\nDenyAll\n</Limit>"), Proof{Run: curlFTP, Match: noGreeting, Not: `< 220`}),
		fault("service/noise-before-greeting", "A wrapper script prints a line before the server greets.", []string{"service/bad-greeting"},
			then(file("/etc/ftpd-wrapper", "#!/bin/sh\necho Welcome to our file server\nexec /usr/sbin/ftpd\n"), inetutils("ftp stream tcp4 nowait root /etc/ftpd-wrapper ftpd-wrapper")),
			Proof{Run: curlFTP, Match: `< Welcome to our file server\s+< 220 `}),
		control("long-greeting", "A greeting, and a welcome after login, of many lines.",
			then(file("/etc/banner", strings.Repeat("Access is for authorised users only. 仅限授权用户。\n220 is our house number\n", 12)), vsftpd("banner_file=/etc/banner")),
			Proof{Run: curlFTP, Match: `(?s)220-Access is.*220 .*(` + listed + `)`}),
	}
}

// daemon starts vsftpd detached, as init scripts do, so that it can be stopped.
func daemon(ctx context.Context, n *Net) error {
	return then(func(ctx context.Context, n *Net) error { return n.FTPUser(ctx) },
		file("/etc/vsftpd.conf", vsftpdDefaults+"background=YES\n"),
		on(server, "/usr/sbin/vsftpd /etc/vsftpd.conf </dev/null >/dev/null 2>&1"),
		func(ctx context.Context, n *Net) error { return n.Server.WaitListen(ctx, 21) })(ctx, n)
}

// silenceScenarios are servers that are late, or say nothing at all.
func silenceScenarios() []Scenario {
	stop := on(server, "pkill -STOP -x vsftpd")
	fill := func(ctx context.Context, n *Net) error {
		for range 200 {
			c, err := n.Edge.dial(ctx, ServerIP+":21")
			if err != nil {
				return nil // no answer: full
			}
			n.onClose(func() { c.Close() })
		}
		return errors.New("the accept queue does not fill")
	}
	// The resolver of the server gives up after five seconds.
	noReverse := then(file("/etc/resolv.conf", "nameserver "+ResolverIP+"\noptions attempts:1\n"), func(_ context.Context, n *Net) error {
		n.Zone.Quirk("2.113.0.203.in-addr.arpa", Quirk{Silent: true})
		return nil
	})
	late := Proof{Run: "date +%s; " + strings.Replace(curlFTP, "--connect-timeout 5", "--connect-timeout 9", 1) + " -w 'greeted after %{time_pretransfer}\n'", Match: `(?s)greeted after [5-9]\.`}
	return []Scenario{
		fault("service/hung", "The server process is stopped (or dead-locked): the kernel accepts, nobody speaks.", []string{"service/hung"},
			then(daemon, stop), Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)Connected to.*timed out.* [12] received`, Not: `< 220`}),
		fault("service/backlog-full", "The server is hung, and its accept queue is full: the kernel drops new connections.", []string{"service/backlog-full"},
			then(daemon, stop, fill), Proof{Run: curlFTP + "; " + pingHost, Match: silentPort}).hostDecides().also("net/port-filtered"),
		fault("service/reverse-dns-proftpd", "ProFTPD looks up the client's name, and its resolver does not answer.", []string{"service/slow-greeting"},
			then(noReverse, proftpd("UseReverseDNS on")), late),
		fault("service/reverse-dns-pureftpd", "Pure-FTPd without -H looks up the client's name, and its resolver does not answer.", []string{"service/slow-greeting"},
			then(noReverse, plain(func(ctx context.Context, n *Net) (*Proc, error) {
				return n.startServer(ctx, 21, "/usr/sbin/pure-ftpd", "-E", "-u", "1000", "-l", "unix", "-p", "40000:40050")
			})), late),
	}
}
