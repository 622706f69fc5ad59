package lab

import (
	"context"
	"io"
)

// nasIP is on the client's own network.
const nasIP = "192.168.77.50"

// onClient makes a Setup: a healthy server, then a script on the client.
func onClient(script string) func(context.Context, *Net) error {
	return withVSFTPD(func(ctx context.Context, n *Net) error {
		_, err := n.Client.Sh(ctx, script)
		return err
	})
}

// onGateway and onEdge are the same for the routers.
func onGateway(script string) func(context.Context, *Net) error {
	return withVSFTPD(func(ctx context.Context, n *Net) error {
		_, err := n.Gateway.Sh(ctx, script)
		return err
	})
}

func onEdge(script string) func(context.Context, *Net) error {
	return withVSFTPD(func(ctx context.Context, n *Net) error {
		_, err := n.Edge.Sh(ctx, script)
		return err
	})
}

func routeScenarios() []Scenario {
	const url = "ftp://" + FTPName + "/"
	const ping = "ping -c1 -W4 " + ServerIP
	return append(routeFarScenarios(), []Scenario{
		{
			Name:  "route/no-default-route",
			Story: "The default route is missing.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/no-route"},
			Setup: onClient("ip route del default; ip -6 route del default"),
			Proof: Proof{Run: curl + url + "; ip route get " + ServerIP, Match: `(?s)Could not resolve host.*Network is unreachable`},
		},
		{
			Name:  "route/no-default-route-address",
			Story: "The default route is missing, and the target is given as an address.",
			Args:  []string{"ftp://lab@" + ServerIP + "/"},
			Env:   passwordEnv,
			Want:  []string{"route/no-route"},
			Setup: onClient("ip route del default; ip -6 route del default"),
			Proof: Proof{Run: curl + "ftp://" + ServerIP + "/; " + ping, Match: `(?s)ftp_connect|Couldn't connect.*Network is unreachable`},
		},
		{
			Name:  "route/blackhole-on-client",
			Story: "An old script left a blackhole route for the server's network on this machine.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/blackhole"},
			Setup: onClient("ip route add blackhole 198.51.100.0/24"),
			Proof: Proof{Run: curl + url + "; ip route", Match: `(?s)Couldn't connect.*blackhole 198\.51\.100\.0/24`},
		},
		{
			Name:  "route/prohibit-on-client",
			Story: "A policy script put a prohibit route for the server on this machine.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/blackhole"},
			Setup: onClient("ip route add prohibit " + ServerIP + "/32"),
			Proof: Proof{Run: curl + url + "; ip route", Match: `(?s)Couldn't connect.*prohibit 198\.51\.100\.10`},
		},
		{
			Name:  "route/unreachable-on-client",
			Story: "The VPN client left an unreachable route behind on this machine.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/blackhole"},
			Setup: onClient("ip route add unreachable 198.51.100.0/24"),
			Proof: Proof{Run: curl + url + "; ip route", Match: `(?s)Couldn't connect.*unreachable 198\.51\.100\.0/24`},
		},
		{
			Name:  "route/netmask-too-narrow",
			Story: "The address was set with a /30 where a /24 belongs: the gateway is outside, and its route was refused.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/wrong-netmask"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.ServeDNS(ctx, n.Gateway, n.Zone); err != nil {
					return err
				}
				if err := n.resolvers("nameserver " + GatewayIP); err != nil {
					return err
				}
				// "Nexthop has invalid gateway" is what an administrator sees.
				_, err := n.Client.Sh(ctx, `ip addr del 192.168.77.20/24 dev eth0
ip addr add 192.168.77.20/30 dev eth0
ip -6 route del default
! ip route add default via `+GatewayIP)
				return err
			}),
			Proof: Proof{Run: curl + url + "; ip -br -4 addr; ip route get " + GatewayIP, Match: `(?s)Could not resolve.*192\.168\.77\.20/30.*nreachable`},
		},
		{
			Name:       "route/netmask-too-wide",
			Story:      "The address was set with a /16 where a /24 belongs: this machine looks for the server on its own link.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"route/wrong-netmask"},
			Candidates: true, // the server could also be a neighbour that is off
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if _, err := n.Gateway.Sh(ctx, `ip addr add 198.51.77.1/24 dev lan0
nft add rule ip nat postrouting ip saddr 198.51.77.0/24 oifname { "wan0", "dns0" } masquerade`); err != nil {
					return err
				}
				_, err := n.Client.Sh(ctx, `ip addr flush dev eth0 scope global
ip addr add 198.51.77.20/16 dev eth0
ip route add default via 198.51.77.1`)
				return err
			}),
			Proof: Proof{Run: curl + url + "; ip route get " + ServerIP + "; ip neigh; ip route add " + ServerIP + " via 198.51.77.1; " + curl + url + "; ip route del " + ServerIP + "; ip neigh flush dev eth0", Match: `(?s)(No route to host|imeout was reached).*198\.51\.100\.10 dev eth0 src.*198\.51\.100\.10 dev eth0 +(FAILED|INCOMPLETE).*(` + listed + `)`},
		},
		{
			Name:  "route/gateway-off",
			Story: "The default gateway is switched off.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/gateway-down"},
			Setup: onGateway("ip link set lan0 down"),
			Proof: Proof{Run: curl + url + "; ping -c1 -W4 " + GatewayIP + "; ip neigh", Match: `(?s)(Could not resolve|Resolving timed out).*192\.168\.77\.1 dev eth0 +(FAILED|INCOMPLETE)`},
		},
		{
			Name:  "route/gateway-wrong",
			Story: "The default route leads to an address where no router is.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/gateway-down"},
			Setup: onClient("ip route replace default via 192.168.77.254; ip -6 route del default"),
			Proof: Proof{Run: curl + url + "; ping -c1 -W4 " + ServerIP + "; ip neigh", Match: `(?s)(Could not resolve|Resolving timed out).*192\.168\.77\.254 dev eth0 +(FAILED|INCOMPLETE)`},
		},
		{
			Name:  "route/gateway-static-arp",
			Story: "Somebody entered the gateway's hardware address by hand, and the gateway was replaced.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/gateway-down"},
			Setup: onClient("ip neigh replace " + GatewayIP + " lladdr 02:00:00:00:99:99 dev eth0 nud permanent; ip -6 route del default"),
			Proof: Proof{Run: curl + url + "; ping -c1 -W2 " + GatewayIP + "; ip neigh", Match: `(?s)(Could not resolve|Resolving timed out).* 0 received.*02:00:00:00:99:99 PERMANENT`},
		},
		{
			Name:  "route/rule-by-port",
			Story: "A policy rule for another purpose blackholes port 21; everything else passes.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/blackhole"},
			Setup: withVSFTPD(onClient("ip rule add ipproto tcp dport 21 blackhole; ip -6 rule add ipproto tcp dport 21 blackhole")),
			Proof: Proof{Run: curl + url + "; " + pingHost + "; ip rule", Match: `(?s)[12] received.*dport 21 blackhole`, Not: listed},
		},
		{
			Name:  "route/dead-tunnel",
			Story: "The VPN died and left its interface and its route to the server's network.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/dead-tunnel"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.Client.Tun("tun0", func([]byte, io.Writer) {}); err != nil {
					return err
				}
				_, err := n.Client.Sh(ctx, `ip link set tun0 up
ip addr add 10.8.0.6/24 dev tun0
ip route add 198.51.100.0/24 dev tun0`)
				return err
			}),
			Proof: Proof{Run: curl + url + "; ip route get " + ServerIP + "; ping -c1 -W2 -I eth0 " + ServerIP, Match: `(?s)imeout was reached.*dev tun0.*1 received`},
		},
		{
			Name:  "route/neighbour-silent",
			Story: "The storage box on the office network is switched off.",
			Args:  []string{"ftp://lab@nas.lab.example/"},
			Env:   passwordEnv,
			Want:  []string{"route/neighbour-silent"},
			Setup: zone(func(z *Zone) error { return z.Add("nas.lab.example. A " + nasIP) }),
			Proof: Proof{Run: curl + "ftp://nas.lab.example/; ip neigh; " + curl + url, Match: `(?s)(No route to host|imeout was reached).*192\.168\.77\.50 dev eth0 +(FAILED|INCOMPLETE).*(` + listed + `)`},
		},
		{
			Name:  "route/duplicate-address",
			Story: "A printer was given the storage box's address; who answers is chance.",
			Args:  []string{"ftp://lab@nas.lab.example/"},
			Env:   passwordEnv,
			Want:  []string{"route/duplicate-address"},
			Also:  []string{"service/refused"}, // what the printer says
			Root:  true,                        // two answers to ARP are seen on a packet socket only
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				printer, err := n.AddHost(ctx, n.Gateway, "printer", nasIP+"/24")
				if err != nil {
					return err
				}
				if err := printer.WebServer(ctx, ":80"); err != nil {
					return err
				}
				nas, err := n.AddHost(ctx, n.Gateway, "nas", nasIP+"/24")
				if err != nil {
					return err
				}
				if err := nas.Impersonate(ctx, ServerIP); err != nil {
					return err
				}
				return n.Zone.Add("nas.lab.example. A " + nasIP)
			}),
			Proof: Proof{Run: "arping -c2 -w2 -I eth0 " + nasIP + " | grep -o '\\[.*\\]' | sort -u | wc -l; ip neigh flush dev eth0", Match: `^2\n`},
		},
	}...)
}

// mtuHole makes the far link take 1300 bytes, and filters the message that says
// so.
func mtuHole(ctx context.Context, n *Net) error {
	if err := n.farMTU(ctx, 1300); err != nil {
		return err
	}
	if err := n.Gateway.Filter(ctx, "output", "icmp type destination-unreachable icmp code frag-needed drop", "icmpv6 type packet-too-big drop"); err != nil {
		return err
	}
	return n.Edge.Filter(ctx, "output", "icmp type destination-unreachable icmp code frag-needed drop", "icmpv6 type packet-too-big drop")
}

// routeFarScenarios are faults beyond the client's own network.
func routeFarScenarios() []Scenario {
	const url = "ftp://" + FTPName + "/"
	const ping = "ping -c2 -i 0.2 -W4 " + ServerIP
	files := func(ctx context.Context, n *Net) error {
		_, err := n.Server.Sh(ctx, `for i in $(seq 300); do echo x >/home/lab/report-of-the-quarter-number-$i.txt; done`)
		return err
	}
	return []Scenario{
		{
			Name:  "route/gateway-unreachable-route",
			Story: "The office router has an unreachable route for the server's network.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/blackhole", "route/unreachable-upstream"},
			Setup: onGateway("ip route add unreachable 198.51.100.0/24"),
			Proof: Proof{Run: curl + url + "; " + ping, Match: `(?s)No route to host.*From 192\.168\.77\.1 .*Destination Host Unreachable`},
		},
		{
			Name:  "route/edge-lost-route",
			Story: "The provider's router lost its route to the server's network.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/unreachable-upstream"},
			Setup: onEdge("ip route del 198.51.100.0/24 dev dmz0"),
			Proof: Proof{Run: curl + url + "; " + ping, Match: `(?s)From 203\.0\.113\.1 .*Destination Net Unreachable`},
		},
		{
			Name:  "route/edge-prohibit-route",
			Story: "The provider's router prohibits the server's whole network.",
			Args:  []string{target},
			Env:   passwordEnv,
			// A firewall that rejects everything to this address sends the same.
			Want:  []string{"route/blackhole", "route/unreachable-upstream", "net/port-rejected"},
			Setup: onEdge("ip route add prohibit " + ServerIP + "/32"),
			Proof: Proof{Run: curl + url + "; " + ping, Match: `(?s)From 203\.0\.113\.1 .*Packet filtered`},
		},
		{
			Name:       "route/edge-blackhole-route",
			Story:      "The provider swallows everything to the server's address, as against an attack.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"route/blackhole"},
			Candidates: true, // from here as silent as a host that is off
			Setup:      onEdge("ip route add blackhole " + ServerIP + "/32"),
			Proof:      Proof{Run: curl + url + "; " + ping, Match: `(?s)imeout was reached.* 0 received`},
		},
		{
			Name:       "route/no-way-back",
			Story:      "The server lost its default route: requests arrive and no answer leaves.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"route/asymmetric", "net/host-down"},
			Candidates: true,
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Server.Sh(ctx, "ip route del default")
				return err
			}),
			Proof: Proof{Run: curl + url + "; " + ping, Match: `(?s)imeout was reached.* 0 received`, Not: `nreachable`},
		},
		{
			Name:  "route/loop",
			Story: "The edge router and a router behind it send the server's packets to each other.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/loop"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				core, err := n.AddHost(ctx, n.Edge, "core", "198.51.100.2/24")
				if err != nil {
					return err
				}
				for _, s := range append(routerSettings, [2]string{"net.ipv4.conf.all.send_redirects", "0"}, [2]string{"net.ipv4.conf.eth0.send_redirects", "0"}) {
					if err := core.Sysctl(s[0], s[1]); err != nil {
						return err
					}
				}
				if _, err := core.Sh(ctx, "ip route add "+ServerIP+"/32 via 198.51.100.1"); err != nil {
					return err
				}
				if err := n.Edge.Sysctl("net.ipv4.conf.all.send_redirects", "0"); err != nil {
					return err
				}
				_, err = n.Edge.Sh(ctx, "ip route add "+ServerIP+"/32 via 198.51.100.2")
				return err
			}),
			Proof: Proof{Run: curl + url + "; " + ping, Match: `(?s)(imeout was reached|No route to host).*Time to live exceeded`},
		},
		{
			Name:  "route/mtu-blackhole-tls",
			Story: "The way to the server takes 1300 bytes and nobody says so: the TLS handshake hangs.",
			Args:  []string{tlsTarget},
			Env:   passwordEnv,
			Want:  []string{"route/mtu-blackhole"},
			Setup: func(ctx context.Context, n *Net) error {
				err := withCert(CertKnobs{RSA: 2048, Names: manyNames()}, func(ctx context.Context, n *Net) (*Proc, error) {
					return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO")
				})(ctx, n)
				if err != nil {
					return err
				}
				return mtuHole(ctx, n)
			},
			Proof: Proof{
				Run:   curl + "--ssl-reqd " + url + "; ping -c1 -W2 -M do -s 1000 " + ServerIP + "; ping -c1 -W2 -M do -s 1400 " + ServerIP,
				Match: `(?s)AUTH SSL.*SSL connection timeout.* 1 received.* 0 received`,
			},
		},
		{
			Name:  "route/mtu-blackhole-listing",
			Story: "The way to the server takes 1300 bytes and nobody says so: login works, a long listing hangs.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/mtu-blackhole"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := files(ctx, n); err != nil {
					return err
				}
				return mtuHole(ctx, n)
			}),
			Proof: Proof{
				Run:   curl + url + "; ping -c1 -W2 -M do -s 1000 " + ServerIP + "; ping -c1 -W2 -M do -s 1400 " + ServerIP,
				Match: `(?s)150 Here comes.*imed out.* 1 received.* 0 received`,
				Not:   `hello\.txt`,
			},
		},
		{
			Name:  "route/mtu-blackhole-upload",
			Story: "The way to the server takes 1300 bytes and nobody says so: small files arrive, large ones hang.",
			Args:  []string{"--op", "upload", target},
			Env:   passwordEnv,
			Want:  []string{"route/mtu-blackhole"},
			Setup: withVSFTPD(mtuHole),
			Proof: Proof{
				Run:   plainListing.Run + "; head -c 300000 /dev/zero >proof.bin; " + curl + "-T proof.bin ftp://" + FTPName + "/; ping -c1 -W2 -M do -s 1400 " + ServerIP,
				Match: `(?s)(` + listed + `).*150 Ok to send data.*imed out.* 0 received`,
			},
		},
		{
			Name:  "route/internal-address",
			Story: "The record was made from the container's own address, which exists only inside the server.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"route/internal-address"},
			Also:  []string{"dns/wrong-address"},
			Setup: zone(func(z *Zone) error { return z.Replace(FTPName + ". A 172.17.0.5") }),
			Proof: Proof{
				Run:   "dig +short " + FTPName + "; " + curl + url + "; " + curl + "ftp://" + ServerIP + "/",
				Match: `(?s)172\.17\.0\.5.*(nreachable|No route|imeout was reached|Couldn't connect).*(` + listed + `)`,
			},
		},
	}
}
