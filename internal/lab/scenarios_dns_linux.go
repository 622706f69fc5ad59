package lab

import (
	"context"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// otherResolver is a second address of the DNS host, for a second resolver.
const otherResolver = "192.0.2.54"

// deadResolver is an address where no machine is.
const deadResolver = "192.0.2.99"

// zone makes a Setup: a healthy server, then changes to what the resolver says.
func zone(change func(z *Zone) error) func(context.Context, *Net) error {
	return withVSFTPD(func(_ context.Context, n *Net) error { return change(n.Zone) })
}

// resolvers writes the client's resolver configuration.
func (n *Net) resolvers(lines ...string) error {
	return n.Client.WriteFile("/etc/resolv.conf", strings.Join(lines, "\n")+"\n")
}

// secondResolver makes otherResolver answer from a zone of its own.
func (n *Net) secondResolver(ctx context.Context, z *Zone) error {
	second, err := n.AddHost(ctx, n.Gateway, "dns2")
	if err != nil {
		return err
	}
	// A routed address, so that it looks like any other resolver out there.
	if _, err := second.Sh(ctx, "ip addr add 192.168.77.3/24 dev eth0; ip addr add "+otherResolver+"/32 dev lo; ip route add default via "+GatewayIP); err != nil {
		return err
	}
	if _, err := n.Gateway.Sh(ctx, "ip route add "+otherResolver+"/32 via 192.168.77.3"); err != nil {
		return err
	}
	return n.ServeDNS(ctx, second, z)
}

// webHost adds a machine with a web server and no FTP beside the server.
func (n *Net) webHost(ctx context.Context) error {
	web, err := n.AddHost(ctx, n.Edge, "web", webIP+"/24")
	if err != nil {
		return err
	}
	return web.WebServer(ctx, ":80")
}

const webIP = "198.51.100.20"

func dnsScenarios() []Scenario {
	const url = "ftp://" + FTPName + "/"
	byAddress := curl + "ftp://" + ServerIP + "/"
	dead := Proof{
		Run:   curl + url + "; dig +time=2 +tries=1 " + FTPName + "; " + byAddress,
		Match: `(?s)(Could not resolve host|Resolving timed out).*(no servers could be reached|timed out).*(` + listed + `)`,
	}
	named := func(rcode string) Proof {
		return Proof{
			Run:   "dig " + FTPName + "; " + curl + url + "; " + byAddress,
			Match: `(?s)status: ` + rcode + `.*Could not resolve host.*(` + listed + `)`,
		}
	}
	return append(dnsNameScenarios(), []Scenario{
		{
			Name:  "dns/servfail",
			Story: "The zone's name servers are broken; the resolver says SERVFAIL.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/servfail"},
			Setup: zone(func(z *Zone) error { z.Quirk(FTPName, Quirk{Rcode: dns.RcodeServerFailure}); return nil }),
			Proof: named("SERVFAIL"),
		},
		{
			Name:  "dns/dnssec-bogus",
			Story: "The zone's signatures ran out; a validating resolver says SERVFAIL.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/dnssec-bogus"},
			Setup: zone(func(z *Zone) error { z.Quirk(FTPName, Quirk{Bogus: true}); return nil }),
			Proof: Proof{
				Run:   "dig " + FTPName + "; dig +cdflag " + FTPName + "; " + curl + url,
				Match: `(?s)status: SERVFAIL.*status: NOERROR.*198\.51\.100\.10.*Could not resolve host`,
			},
		},
		{
			Name:  "dns/refused",
			Story: "The resolver does not serve this network any more and answers REFUSED.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/resolver-refuses"},
			Setup: zone(func(z *Zone) error { z.Quirk("*", Quirk{Rcode: dns.RcodeRefused}); return nil }),
			Proof: named("REFUSED"),
		},
		{
			Name:  "dns/resolver-drops",
			Story: "The resolver's firewall drops queries.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/resolver-unreachable"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.DNS.Filter(ctx, "input", "udp dport 53 drop", "tcp dport 53 drop")
			}),
			Proof: dead,
		},
		{
			Name:  "dns/resolver-gone",
			Story: "The configured resolver was switched off.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/resolver-unreachable"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error { return n.resolvers("nameserver " + deadResolver) }),
			Proof: dead,
		},
		{
			Name:  "dns/resolver-closed",
			Story: "The router is set as resolver, and its DNS service is not running.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/resolver-unreachable"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error { return n.resolvers("nameserver " + GatewayIP) }),
			Proof: Proof{
				Run:   curl + url + "; dig +time=2 +tries=1 " + FTPName + "; " + byAddress,
				Match: `(?s)Could not resolve host.*connection refused.*(` + listed + `)`,
			},
		},
		{
			Name:  "dns/first-resolver-dead",
			Story: "The first of two resolvers was switched off; every look-up waits for it.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/slow", "dns/resolver-unreachable"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.DNS.Filter(ctx, "input", "ip daddr "+deadResolver+" drop"); err != nil {
					return err
				}
				if _, err := n.DNS.Sh(ctx, "ip addr add "+deadResolver+"/24 dev eth0"); err != nil {
					return err
				}
				return n.resolvers("nameserver "+deadResolver, "nameserver "+ResolverIP)
			}),
			Proof: Proof{
				Run:   "bash -c 'time -p getent hosts " + FTPName + "'; dig +time=1 +tries=1 @" + deadResolver + " " + FTPName,
				Match: `(?s)198\.51\.100\.10.*real ([5-9]|1\d)\..*(timed out|no servers)`,
			},
		},
		{
			Name:  "dns/slow-resolver",
			Story: "The resolver is overloaded and takes three seconds for each answer.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/slow"},
			Setup: zone(func(z *Zone) error { z.Quirk("*", Quirk{Delay: 3 * time.Second}); return nil }),
			Proof: Proof{Run: "dig " + FTPName, Match: `(?s)198\.51\.100\.10.*Query time: 3\d\d\d msec`},
		},
		{
			Name:  "dns/slow-without-aaaa",
			Story: "A DNS box on the way swallows AAAA queries; every look-up waits for them.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/slow"},
			Setup: zone(func(z *Zone) error { z.Quirk("*", Quirk{NoAAAA: true}); return nil }),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; dig +time=1 +tries=1 AAAA " + FTPName + "; bash -c 'time -p getent ahosts " + FTPName + "'",
				Match: `(?s)198\.51\.100\.10.*(timed out|no servers).*real ([5-9]|1\d)\.`,
			},
		},
		{
			Name:  "dns/no-resolver",
			Story: "resolv.conf was emptied by a failed network script.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/no-resolver"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error { return n.resolvers("# generated") }),
			Proof: Proof{
				Run:   curl + url + "; grep -c nameserver /etc/resolv.conf; " + byAddress,
				Match: `(?s)Could not resolve host.*\n0\n.*(` + listed + `)`,
			},
		},
		{
			Name:  "dns/dead-address",
			Story: "The name has two addresses; the second machine was taken out without its record.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/dead-address"},
			Setup: zone(func(z *Zone) error { return z.Add(FTPName + ". A 198.51.100.11") }),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; " + byAddress + "; " + curl + "ftp://198.51.100.11/",
				Match: `(?s)198\.51\.100\.1[01]\n198\.51\.100\.1[01].*(` + listed + `).*(No route to host|imeout was reached)`,
			},
		},
		{
			Name:  "dns/dead-address-refused",
			Story: "One of two addresses leads to a machine that lives and has no FTP server.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/dead-address"},
			Also:  []string{"service/refused"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.webHost(ctx); err != nil {
					return err
				}
				return n.Zone.Add(FTPName + ". A " + webIP)
			}),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; " + byAddress + "; " + curl + "ftp://" + webIP + "/",
				Match: `(?s)198\.51\.100\.[12]0\n198\.51\.100\.[12]0.*(` + listed + `).*refused`,
			},
		},
		{
			Name:  "dns/stale-record",
			Story: "The server moved, and the resolver still answers with the old address; the zone's own name server is right.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/wrong-address", "dns/inconsistent"},
			Also:  []string{"service/refused"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.webHost(ctx); err != nil {
					return err
				}
				if err := n.Zone.Replace("ns.lab.example. A " + otherResolver); err != nil {
					return err
				}
				if err := n.secondResolver(ctx, n.Zone.Clone()); err != nil {
					return err
				}
				return n.Zone.Replace(FTPName + ". A " + webIP)
			}),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; dig +short @" + otherResolver + " " + FTPName + "; " + curl + url + "; " + byAddress,
				Match: `(?s)198\.51\.100\.20\n198\.51\.100\.10\n.*refused.*(` + listed + `)`,
			},
		},
		{
			Name:  "dns/inconsistent",
			Story: "Two resolvers of this machine disagree, and the first is wrong.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"dns/inconsistent", "dns/wrong-address"},
			Also:  []string{"service/refused"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.webHost(ctx); err != nil {
					return err
				}
				if err := n.secondResolver(ctx, n.Zone.Clone()); err != nil {
					return err
				}
				if err := n.resolvers("nameserver "+ResolverIP, "nameserver "+otherResolver); err != nil {
					return err
				}
				return n.Zone.Replace(FTPName + ". A " + webIP)
			}),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; dig +short @" + otherResolver + " " + FTPName + "; " + curl + url + "; " + byAddress,
				Match: `(?s)198\.51\.100\.20\n198\.51\.100\.10\n.*refused.*(` + listed + `)`,
			},
		},
		{
			Name:  "dns/wrong-resolver",
			Story: "The VPN's resolver knows the internal name, but the provider's stands first and denies it.",
			Args:  []string{"ftp://lab@files.corp.example/"},
			Env:   passwordEnv,
			Want:  []string{"dns/wrong-resolver", "dns/inconsistent"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				internal := n.Zone.Clone()
				if err := internal.Add("files.corp.example. A " + ServerIP); err != nil {
					return err
				}
				if err := n.secondResolver(ctx, internal); err != nil {
					return err
				}
				return n.resolvers("nameserver "+ResolverIP, "nameserver "+otherResolver)
			}),
			Proof: Proof{
				Run:   "dig files.corp.example; dig +short @" + otherResolver + " files.corp.example; " + curl + "ftp://files.corp.example/",
				Match: `(?s)NXDOMAIN.*198\.51\.100\.10.*Could not resolve host`,
			},
		},
	}...)
}

// dnsNameScenarios are the faults of the name itself.
func dnsNameScenarios() []Scenario {
	absent := func(name, rcode string) Proof {
		return Proof{
			Run:   "dig " + name + "; " + curl + "ftp://" + name + "/; " + curl + "ftp://" + FTPName + "/",
			Match: `(?s)status: ` + rcode + `.*ANSWER: 0.*Could not resolve host.*(` + listed + `)`,
		}
	}
	return []Scenario{
		{
			Name:  "dns/nxdomain-typo",
			Story: "The name is misspelt: the right one is a letter away.",
			Args:  []string{"ftp://lab@ftpp.lab.example/"},
			Env:   passwordEnv,
			Want:  []string{"dns/nxdomain"},
			Setup: plainVSFTPD,
			Proof: absent("ftpp.lab.example", "NXDOMAIN"),
		},
		{
			Name:  "dns/nxdomain-zone",
			Story: "The domain was never registered, or has lapsed.",
			Args:  []string{"ftp://lab@ftp.lab-files.example/"},
			Env:   passwordEnv,
			Want:  []string{"dns/nxdomain"},
			Setup: plainVSFTPD,
			Proof: absent("ftp.lab-files.example", "NXDOMAIN"),
		},
		{
			Name:  "dns/no-address",
			Story: "The name has a mail record and no address.",
			Args:  []string{"ftp://lab@files.lab.example/"},
			Env:   passwordEnv,
			Want:  []string{"dns/no-address"},
			Setup: zone(func(z *Zone) error { return z.Add("files.lab.example. MX 10 mail.lab.example.") }),
			Proof: absent("files.lab.example", "NOERROR"),
		},
		{
			Name:  "dns/dangling-cname",
			Story: "The alias points to a cloud host that was deleted.",
			Args:  []string{"ftp://lab@files.lab.example/"},
			Env:   passwordEnv,
			Want:  []string{"dns/dangling-cname"},
			Setup: zone(func(z *Zone) error { return z.Add("files.lab.example. CNAME tenant42.hosting.example.") }),
			Proof: Proof{
				Run:   "dig files.lab.example; " + curl + "ftp://files.lab.example/",
				Match: `(?s)NXDOMAIN.*CNAME\s+tenant42\.hosting\.example.*Could not resolve host`,
			},
		},
		{
			Name:  "dns/search-domain",
			Story: "The short name is completed with the domain of the new company, where it does not exist.",
			Args:  []string{"ftp://lab@ftp/"},
			Env:   passwordEnv,
			Want:  []string{"dns/search-domain"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error {
				return n.resolvers("nameserver "+ResolverIP, "search corp.example")
			}),
			Proof: Proof{
				Run:   curl + "ftp://ftp/; dig +search +showsearch ftp; " + curl + "ftp://" + FTPName + "/",
				Match: `(?s)Could not resolve host: ftp\b.*ftp\.corp\.example.*(` + listed + `)`,
			},
		},
		{
			Name:  "dns/search-domain-missing",
			Story: "The search domain was lost from resolv.conf; the short name used to work.",
			Args:  []string{"ftp://lab@ftp/"},
			Env:   passwordEnv,
			Want:  []string{"dns/search-domain", "dns/nxdomain"}, // nothing here tells what the domain was
			Setup: plainVSFTPD,
			Proof: Proof{
				Run:   curl + "ftp://ftp/; " + curl + "ftp://" + FTPName + "/",
				Match: `(?s)Could not resolve host: ftp\b.*(` + listed + `)`,
			},
		},
	}
}
