package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// listed is what curl prints of a listing that worked.
const listed = `226[ -][\s\S]*hello\.txt|hello\.txt[\s\S]*226[ -]`

// tlsTarget demands explicit TLS.
const tlsTarget = "ftpes://lab@" + FTPName + "/"

// implicitTarget demands TLS from the first byte.
const implicitTarget = "ftps://lab@" + FTPName + "/"

// Proofs that the service works, for healthy controls.
var (
	plainListing = Proof{Run: curl + "ftp://" + FTPName + "/", Match: listed}
	tlsListing   = Proof{Run: curl + "--ssl-reqd ftp://" + FTPName + "/", Match: `SSL connection using[\s\S]*(` + listed + `)`}
	// curl 7.88 sends its data ClientHello before the command, on which
	// pyftpdlib 1.5 closes the connection.
	lftpListing     = Proof{Run: lftpTLS + "ls'", Match: `PROT P[\s\S]*hello\.txt`}
	implicitListing = Proof{Run: curl + "ftps://" + FTPName + "/", Match: `SSL connection using[\s\S]*(` + listed + `)`}
)

// withCert makes a Setup: the account, a good certificate, then the server.
func withCert(k CertKnobs, start func(ctx context.Context, n *Net) (*Proc, error)) func(context.Context, *Net) error {
	return func(ctx context.Context, n *Net) error {
		if err := n.FTPUser(ctx); err != nil {
			return err
		}
		if _, err := n.InstallCert(k); err != nil {
			return err
		}
		_, err := start(ctx, n)
		return err
	}
}

// plain makes a Setup: the account, then the server.
func plain(start func(ctx context.Context, n *Net) (*Proc, error)) func(context.Context, *Net) error {
	return func(ctx context.Context, n *Net) error {
		if err := n.FTPUser(ctx); err != nil {
			return err
		}
		_, err := start(ctx, n)
		return err
	}
}

// serverControls are the servers as they should be, in the clear and with TLS.
func serverControls() []Scenario {
	control := func(name, story, target string, setup func(context.Context, *Net) error, proof Proof) Scenario {
		s := Scenario{Name: "healthy/" + name, Story: story, Args: []string{target}, Env: passwordEnv, Setup: setup, Proof: proof}
		if strings.HasPrefix(target, "ftp:") {
			s.MaxStatus = "degraded" // clear-text login deserves a warning
		}
		return s
	}
	return []Scenario{
		control("vsftpd", "vsftpd for local users, without TLS.", target, plainVSFTPD, plainListing),
		control("vsftpd-tls", "vsftpd with explicit TLS, required for login and data.", tlsTarget,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO\nforce_local_logins_ssl=YES\nforce_local_data_ssl=YES")
			}), tlsListing),
		control("vsftpd-implicit", "vsftpd with implicit TLS on port 990.", implicitTarget,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO\nimplicit_ssl=YES\nlisten_port=990")
			}), implicitListing),
		control("proftpd", "ProFTPD for local users, without TLS.", target,
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.ProFTPD(ctx, "") }), plainListing),
		control("proftpd-tls", "ProFTPD with explicit TLS, required.", tlsTarget,
			withCert(CertKnobs{RSA: 2048}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.ProFTPD(ctx, ProFTPDTLS+"TLSRequired on\nTLSOptions NoSessionReuseRequired")
			}), tlsListing),
		control("pureftpd", "Pure-FTPd for local users, without TLS.", target,
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx) }), plainListing),
		control("pureftpd-tls", "Pure-FTPd with explicit TLS, required for login and data.", tlsTarget,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx, "-Y", "3") }), tlsListing),
		control("pyftpdlib", "pyftpdlib without TLS.", target,
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.Pyftpdlib(ctx, "") }), plainListing),
		control("pyftpdlib-tls", "pyftpdlib with explicit TLS, required.", tlsTarget,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.Pyftpdlib(ctx, "handler.tls_control_required = True\nhandler.tls_data_required = True\n")
			}), lftpListing),
		control("inetutils", "GNU ftpd behind inetd and tcpd.", target,
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.InetutilsFTPD(ctx, "") }), plainListing),
	}
}

func healthyScenarios() []Scenario {
	return slices.Concat(serverControls(), setupControls(), odditiesControls())
}

// odditiesControls are services that work in surroundings that look suspicious.
func odditiesControls() []Scenario {
	control := func(name, story string, setup func(context.Context, *Net) error, run string) Scenario {
		return Scenario{
			Name: "healthy/" + name, Story: story, Args: []string{target}, Env: passwordEnv,
			MaxStatus: "degraded", // login in the clear
			Setup:     setup,
			Proof:     Proof{Run: run, Match: listed},
		}
	}
	with := func(s Scenario, change func(s *Scenario)) Scenario {
		change(&s)
		return s
	}
	return []Scenario{
		control("both-families", "The name has addresses of both families, and both work.",
			withIPv6(func(context.Context, *Net) error { return nil }), curl+"-6 ftp://"+FTPName+"/"),
		control("ipv6-only-name", "The name has only an AAAA record, and IPv6 works.",
			withIPv6(func(_ context.Context, n *Net) error {
				n.Zone.Remove(FTPName)
				return n.Zone.Add(FTPName + ". AAAA " + ServerIP6)
			}), curlFTP),
		control("client-without-ipv6", "The name has both records, and this network has no IPv6: IPv4 serves.",
			withIPv6(func(ctx context.Context, n *Net) error {
				_, err := n.Client.Sh(ctx, "ip -6 addr flush dev eth0 scope global; ip -6 route del default || true")
				return err
			}), curlFTP),
		control("two-addresses", "The name has two addresses, and both answer.",
			withVSFTPD(func(ctx context.Context, n *Net) error {
				if _, err := n.Server.Sh(ctx, "ip addr add 198.51.100.11/24 dev eth0"); err != nil {
					return err
				}
				return n.Zone.Add(FTPName + ". A 198.51.100.11")
			}), curl+"ftp://198.51.100.11/"),
		control("latency", "The server is on the other side of the world: 300 ms.",
			withVSFTPD(func(ctx context.Context, n *Net) error { return n.Latency(ctx, 300*time.Millisecond) }),
			"ping -c2 "+ServerIP+"; "+curlFTP),
		with(control("other-port", "The service listens on 2121, and the URL says so.",
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.VSFTPD(ctx, "listen_port=2121") }),
			curl+"ftp://"+FTPName+":2121/"),
			func(s *Scenario) { s.Args = []string{"ftp://lab@" + FTPName + ":2121/"} }),
		with(control("by-address", "The target is given as an address.", plainVSFTPD, curl+"ftp://"+ServerIP+"/"),
			func(s *Scenario) { s.Args = []string{"ftp://lab@" + ServerIP + "/"} }),
		control("greeting-after-2s", "The server takes two seconds to greet: slow, and within what every client bears.",
			plain(func(ctx context.Context, n *Net) (*Proc, error) {
				if err := n.Server.WriteFile("/etc/slow-ftpd", "#!/bin/sh\nsleep 2\nexec /usr/sbin/ftpd\n"); err != nil {
					return nil, err
				}
				return n.InetutilsFTPD(ctx, "ftp stream tcp4 nowait root /etc/slow-ftpd slow-ftpd")
			}), curlFTP),
		control("alias-chain", "The name is an alias of an alias.",
			zone(func(z *Zone) error {
				z.Remove(FTPName)
				return z.Add(FTPName+". CNAME files.lab.example.", "files.lab.example. CNAME s3.hosting.example.", "s3.hosting.example. A "+ServerIP)
			}), curlFTP),
		control("dnsmasq", "The resolver is dnsmasq on the office router, as in most offices.",
			withVSFTPD(func(ctx context.Context, n *Net) error {
				if _, err := n.Gateway.Start(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--user=root", "--pid-file=",
					"--no-resolv", "--server="+ResolverIP, "--cache-size=0", "--listen-address="+GatewayIP, "--bind-interfaces"); err != nil {
					return err
				}
				if err := n.Gateway.WaitListen(ctx, 53); err != nil {
					return err
				}
				return n.resolvers("nameserver " + GatewayIP)
			}), curlFTP),
		with(control("search-domain", "The short name is completed with the right search domain.",
			withVSFTPD(func(_ context.Context, n *Net) error {
				return n.resolvers("nameserver "+ResolverIP, "search lab.example")
			}), curl+"ftp://ftp/"),
			func(s *Scenario) { s.Args = []string{"ftp://lab@ftp/"} }),
		control("hosts-agrees", "The hosts file has the name, with the address that DNS has.",
			withVSFTPD(func(_ context.Context, n *Net) error {
				return n.Client.WriteFile("/etc/hosts", "127.0.0.1 localhost\n"+ServerIP+" "+FTPName+"\n")
			}), curlFTP),
		control("ping-blocked", "The server does not answer ping, as many do not.",
			rules(server, "input", "icmp type echo-request drop"), curlFTP),
		control("strict-firewall", "The server's firewall drops all but FTP and its passive ports.",
			rules(server, "input", "ct state established,related accept", "tcp dport { 21, 40000-40050 } accept", "drop"), curlFTP),
		control("silent-routers", "The routers answer neither ping nor expired packets.",
			withVSFTPD(func(ctx context.Context, n *Net) error {
				for _, h := range []*Host{n.Gateway, n.Edge} {
					if err := h.Filter(ctx, "output", "icmp type { echo-reply, time-exceeded, destination-unreachable } drop"); err != nil {
						return err
					}
				}
				return nil
			}), curlFTP),
		with(control("no-proxy", "The environment names a dead proxy, and exempts this server's domain.", plainVSFTPD,
			"ftp_proxy=http://"+GatewayIP+":3128 no_proxy=.lab.example "+curlFTP),
			func(s *Scenario) {
				s.Env = append([]string{"ftp_proxy=http://" + GatewayIP + ":3128", "no_proxy=.lab.example", "NO_PROXY=.lab.example"}, passwordEnv...)
			}),
		control("unrelated-rules", "This machine has rules and routes against other services and networks.",
			withVSFTPD(func(ctx context.Context, n *Net) error {
				if _, err := n.Client.Sh(ctx, "ip route add blackhole 10.0.0.0/8; ip route add unreachable 198.51.101.0/24"); err != nil {
					return err
				}
				return n.Client.Filter(ctx, "output", "tcp dport { 25, 445 } reject", "ip daddr 198.51.100.77 drop")
			}), curlFTP),
		{
			Name: "healthy/small-mtu", Story: "The way to the server takes 1300 bytes, and says so: path MTU discovery works.",
			Args: []string{tlsTarget}, Env: passwordEnv,
			Setup: withCert(CertKnobs{RSA: 2048, Names: manyNames()}, func(ctx context.Context, n *Net) (*Proc, error) {
				if err := n.farMTU(ctx, 1300); err != nil {
					return nil, err
				}
				return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO")
			}),
			Proof: Proof{Run: "ping -c1 -W1 -M do -s 1400 " + ServerIP + "; " + tlsListing.Run, Match: `(?s)(Frag needed|too long).*(` + tlsListing.Match + `)`},
		},
		with(control("anonymous", "Anonymous download, as of old.",
			func(ctx context.Context, n *Net) error {
				if err := n.User(ctx, "ftp", "*", UserKnobs{Home: "/srv/ftp", Shell: "/usr/sbin/nologin", HomeOwner: "root"}); err != nil {
					return err
				}
				_, err := n.VSFTPD(ctx, "anonymous_enable=YES\nlocal_enable=NO")
				return err
			}, "curl -sSv --max-time 10 ftp://"+FTPName+"/"),
			func(s *Scenario) { s.Args, s.Env = []string{"ftp://" + FTPName + "/"}, nil }),
		with(control("download", "A file of a megabyte can be fetched.",
			withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Server.Sh(ctx, "head -c 1000000 /dev/urandom >/home/lab/data.bin")
				return err
			}), ""),
			func(s *Scenario) {
				s.Args = []string{"--op", "download", "ftp://lab@" + FTPName + "/data.bin"}
				s.Proof = Proof{Run: curl + "-o /dev/null -w '%{size_download} bytes\n' ftp://" + FTPName + "/data.bin", Match: `1000000 bytes`}
			}),
		with(control("upload", "A file can be put, read back and removed.", plainVSFTPD, ""),
			func(s *Scenario) {
				s.Args = []string{"--op", "upload", target}
				s.Proof = Proof{Run: "head -c 300000 /dev/urandom >proof.bin; " + curl + "-T proof.bin -Q '-DELE proof.bin' ftp://" + FTPName + "/; rm proof.bin", Match: `(?s)226 Transfer complete.*250 Delete`}
			}),
	}
}

// manyNames make a certificate larger than a packet.
func manyNames() []string {
	names := []string{FTPName}
	for i := range 60 {
		names = append(names, fmt.Sprintf("customer-number-%02d.lab.example", i))
	}
	return names
}

// farMTU makes the link between gateway and edge smaller.
func (n *Net) farMTU(ctx context.Context, mtu int) error {
	if _, err := n.Edge.Sh(ctx, fmt.Sprintf("ip link set up0 mtu %d", mtu)); err != nil {
		return err
	}
	_, err := n.Gateway.Sh(ctx, fmt.Sprintf("ip link set wan0 mtu %d", mtu))
	return err
}
