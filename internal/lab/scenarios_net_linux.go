package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// rules makes a Setup: a healthy server, then filter rules on one host.
func rules(at func(n *Net) *Host, hook string, rules ...string) func(context.Context, *Net) error {
	return withVSFTPD(func(ctx context.Context, n *Net) error { return at(n).Filter(ctx, hook, rules...) })
}

func gateway(n *Net) *Host { return n.Gateway }
func edge(n *Net) *Host    { return n.Edge }
func server(n *Net) *Host  { return n.Server }

// withIPv6 makes a Setup: a healthy server with addresses of both families,
// then the fault.
func withIPv6(fault func(ctx context.Context, n *Net) error) func(context.Context, *Net) error {
	return withVSFTPD(func(ctx context.Context, n *Net) error {
		if err := n.Zone.Add(FTPName + ". AAAA " + ServerIP6); err != nil {
			return err
		}
		return fault(ctx, n)
	})
}

const (
	curlFTP  = curl + "ftp://" + FTPName + "/"
	pingHost = "ping -c2 -i 0.2 -W3 " + ServerIP
	// Beside a port that is shut the host itself answers.
	silentPort = `(?s)imeout was reached.* [12] received`
)

func netScenarios() []Scenario {
	return append(append(filterScenarios(), familyScenarios()...), pathScenarios()...)
}

// filterScenarios are packet filters on the way and at the host.
func filterScenarios() []Scenario {
	return []Scenario{
		{
			Name:  "net/drop-at-gateway",
			Story: "The office firewall silently drops outgoing FTP.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-filtered"},
			Setup: rules(gateway, "forward", "tcp dport 21 drop"),
			Proof: Proof{Run: curlFTP + "; " + pingHost, Match: silentPort},
		},
		{
			Name:       "net/drop-at-edge",
			Story:      "The data centre's edge router silently drops FTP.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"net/port-filtered"},
			Candidates: true, // the host's filter and a full accept queue look the same
			Setup:      rules(edge, "forward", "tcp dport 21 drop"),
			Proof:      Proof{Run: curlFTP + "; " + pingHost, Match: silentPort},
		},
		{
			Name:       "net/drop-at-server",
			Story:      "The server's own firewall silently drops FTP.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"net/port-filtered"},
			Candidates: true,
			Setup:      rules(server, "input", "tcp dport 21 drop"),
			Proof:      Proof{Run: curlFTP + "; " + pingHost, Match: silentPort},
		},
		{
			Name:       "net/default-deny-at-server",
			Story:      "The server's firewall lets in only established traffic and ping.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"net/port-filtered"},
			Candidates: true,
			Setup:      rules(server, "input", "ct state established,related accept", "icmp type echo-request accept", "meta l4proto tcp drop"),
			Proof:      Proof{Run: curlFTP + "; " + pingHost, Match: silentPort},
		},
		{
			Name:  "net/reset-at-gateway",
			Story: "The office firewall answers outgoing FTP with a reset.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Setup: rules(gateway, "forward", "tcp dport 21 reject with tcp reset"),
			Proof: Proof{Run: curlFTP + "; " + pingHost + "; " + rstTTL, Match: `(?s)refused.* 2 received.*ttl 64`},
		},
		{
			Name:  "net/reset-at-edge",
			Story: "The edge router answers FTP with a reset in the server's name.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Root:  true, // from the last router only the reset's TTL gives it away, which takes a packet socket
			Setup: rules(edge, "forward", "tcp dport 21 reject with tcp reset"),
			Proof: Proof{Run: curlFTP + "; " + pingHost + "; " + rstTTL, Match: `(?s)refused.*ttl=62.*ttl 63`},
		},
		{
			Name:  "net/prohibited-by-edge",
			Story: "The edge router's access list refuses FTP with ICMP administratively prohibited.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Setup: rules(edge, "forward", "tcp dport 21 reject with icmpx admin-prohibited"),
			Proof: Proof{Run: watchICMP(curlFTP) + pingHost, Match: `(?s)203\.0\.113\.1 > .*admin prohibited.* 2 received`},
		},
		{
			Name:  "net/prohibited-by-server",
			Story: "firewalld on the server has no rule for FTP: ICMP administratively prohibited from the host itself.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Setup: rules(server, "input", "tcp dport 21 reject with icmpx admin-prohibited"),
			Proof: Proof{Run: watchICMP(curlFTP) + pingHost, Match: `(?s)198\.51\.100\.10 > .*admin prohibited.* 2 received`},
		},
		{
			Name:  "net/port-unreachable-by-server",
			Story: "An iptables REJECT on the server, with its default ICMP port unreachable.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/port-rejected"},
			Also:  []string{"auth/banned"},
			Setup: rules(server, "input", "tcp dport 21 reject"),
			Proof: Proof{Run: watchICMP(curlFTP) + pingHost, Match: `(?s)198\.51\.100\.10 > .*tcp port 21 unreachable.* 2 received`},
		},
		{
			Name:  "net/only-443",
			Story: "The network lets out web traffic only.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/only-other-ports"},
			Also:  []string{"net/port-filtered"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.httpsServer(ctx); err != nil {
					return err
				}
				return n.Gateway.Filter(ctx, "forward", "ct state established,related accept", "udp dport 53 accept", "tcp dport { 53, 443 } accept", `iifname "lan0" drop`)
			}),
			Proof: Proof{Run: curlFTP + "; " + curl + "https://" + FTPName + "/; " + pingHost, Match: `(?s)imeout was reached.*200 OK.* 0 received`},
		},
		{
			Name:  "net/only-443-reset",
			Story: "The network lets out web traffic only, and resets all else.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/only-other-ports", "net/port-rejected"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.httpsServer(ctx); err != nil {
					return err
				}
				return n.Gateway.Filter(ctx, "forward", "ct state established,related accept", "tcp dport { 53, 443 } accept", `iifname "lan0" meta l4proto tcp reject with tcp reset`)
			}),
			Proof: Proof{Run: curlFTP + "; " + curl + "https://" + FTPName + "/; " + pingHost, Match: `(?s)refused.*200 OK.* 2 received`},
		},
		{
			Name:  "net/source-not-allowed-libwrap",
			Story: "hosts.deny refuses everybody but the head office.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/source-not-allowed"},
			Setup: plain(func(ctx context.Context, n *Net) (*Proc, error) {
				if err := n.Server.WriteFile("/etc/hosts.deny", "ALL: ALL\n"); err != nil {
					return nil, err
				}
				if err := n.Server.WriteFile("/etc/hosts.allow", "ALL: 203.0.113.200\n"); err != nil {
					return nil, err
				}
				return n.InetutilsFTPD(ctx, "")
			}),
			// tcpd waits for five seconds.
			Proof: Proof{Run: curl + "--connect-timeout 9 ftp://" + FTPName + "/", Match: `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`, Not: `< 220`},
		},
		{
			Name:  "net/source-not-allowed-by-address",
			Story: "The server knows its partners' addresses and drops connections of all others unheard.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/source-not-allowed"},

			Candidates: true, // a service that can't start its program closes at once too
			Setup: plain(func(ctx context.Context, n *Net) (*Proc, error) {
				return n.Pyftpdlib(ctx, `class Guarded(handler):
    def handle(self):
        if self.remote_ip not in ("203.0.113.200",):
            self.close()
        else:
            super().handle()
handler = Guarded
`)
			}),
			Proof: Proof{Run: curlFTP, Match: `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`, Not: `< 220`},
		},
	}
}

// rstTTL prints the TTL of the reset that a SYN to port 21 gets.
const rstTTL = `{ timeout 5 tcpdump -i eth0 -nnvl -c1 'tcp[tcpflags] & tcp-rst != 0 and src host ` + ServerIP + `' 2>&1 & }; sleep 0.5; ` +
	`curl -s --max-time 3 ftp://` + ServerIP + `/ >/dev/null; wait`

// watchICMP runs a client and prints the ICMP errors that come meanwhile.
func watchICMP(client string) string {
	return `timeout 4 tcpdump -i eth0 -nnl 'icmp[0] = 3' 2>&1 & sleep 0.5; ` + client + `; wait; `
}

// httpsServer answers on port 443 of the server, with the lab's certificate.
func (n *Net) httpsServer(ctx context.Context) error {
	c, err := n.Cert(CertKnobs{})
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair([]byte(c.Chain), []byte(c.Key))
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	return n.Server.Accept(ctx, ":443", func(raw net.Conn) {
		c := tls.Server(raw, config)
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n")
		c.Close()
	})
}

// familyScenarios are those in which one address family fails.
func familyScenarios() []Scenario {
	v4, v6 := curl+"-4 ftp://"+FTPName+"/", curl+"-6 ftp://"+FTPName+"/"
	return []Scenario{
		{
			Name:  "net/ipv6-dropped",
			Story: "The name has an AAAA record, and a router on the way drops IPv6.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/ipv6-broken"},
			Setup: withIPv6(func(ctx context.Context, n *Net) error {
				return n.Edge.Filter(ctx, "forward", "ip6 daddr "+ServerIP6+" drop")
			}),
			Proof: Proof{Run: v6 + "; " + v4, Match: `(?s)imeout was reached.*(` + listed + `)`},
		},
		{
			Name:  "net/ipv6-unreachable",
			Story: "The provider's IPv6 is down: its router says unreachable.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/ipv6-broken"},
			Setup: withIPv6(func(ctx context.Context, n *Net) error {
				_, err := n.Edge.Sh(ctx, "ip -6 route add unreachable "+ServerIP6+"/128")
				return err
			}),
			Proof: Proof{Run: v6 + "; ping -6 -c1 -W2 " + ServerIP6 + "; " + v4, Match: `(?s)connect to 2001:db8:100::10.*(No route to host|unreachable).*From 2001:db8:113::1 .*[Uu]nreachable.*(` + listed + `)`},
		},
		{
			Name:  "net/ipv4-dropped",
			Story: "IPv6 works, and a router on the way drops IPv4 to the server.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/ipv4-broken"},
			Setup: withIPv6(func(ctx context.Context, n *Net) error {
				return n.Edge.Filter(ctx, "forward", "ip daddr "+ServerIP+" drop")
			}),
			Proof: Proof{Run: v4 + "; " + v6, Match: `(?s)imeout was reached.*(` + listed + `)`},
		},
		{
			Name:  "net/no-common-family-6",
			Story: "The server has IPv6 only, and this network has none.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/no-common-family"},
			Setup: withIPv6(func(ctx context.Context, n *Net) error {
				n.Zone.Remove(FTPName)
				if err := n.Zone.Add(FTPName + ". AAAA " + ServerIP6); err != nil {
					return err
				}
				_, err := n.Client.Sh(ctx, "ip -6 addr flush dev eth0 scope global; ip -6 route del default || true")
				return err
			}),
			Proof: Proof{Run: "dig +short AAAA " + FTPName + "; " + v6 + "; ip -6 addr", Match: `(?s)2001:db8:100::10.*(Could not resolve|Couldn't connect|Immediate connect fail)`, Not: `inet6 2001`},
		},
		{
			Name:  "net/no-common-family-4",
			Story: "The server has IPv4 only, and this network has IPv6 only, without translation.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/no-common-family"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if _, err := n.Client.Sh(ctx, "ip -4 addr flush dev eth0"); err != nil {
					return err
				}
				return n.resolvers("nameserver " + ResolverIP6)
			}),
			Proof: Proof{Run: "dig +short " + FTPName + "; " + v4 + "; ip -4 addr", Match: `(?s)198\.51\.100\.10.*(Could not resolve|Couldn't connect|Immediate connect fail)`, Not: `inet 192`},
		},
	}
}

// pathScenarios are hosts that are off and boxes that meddle.
func pathScenarios() []Scenario {
	openPorts := "for p in 21 9 2 4711; do curl -sSv --max-time 2 telnet://" + ServerIP + ":$p </dev/null 2>&1 | grep -a Connected; done"
	return []Scenario{
		{
			Name:  "net/host-down",
			Story: "The server is switched off; its router says so after it has asked in vain.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/host-down"},
			Also:  []string{"route/unreachable-upstream"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.webHost(ctx); err != nil {
					return err
				}
				if _, err := n.Server.Sh(ctx, "ip link set eth0 down"); err != nil {
					return err
				}
				// What the router has learnt of the server would last some seconds.
				_, err := n.Edge.Sh(ctx, "ip neigh flush dev dmz0")
				return err
			}),
			Proof: Proof{Run: "ping -c1 -W5 " + ServerIP + "; " + curlFTP, Match: `(?s)From 203\.0\.113\.1 .*Destination Host Unreachable.*(No route to host|imeout was reached)`},
		},
		{
			Name:       "net/host-down-silent",
			Story:      "The server is switched off, and its router keeps quiet; its neighbour answers.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"net/host-down"},
			Candidates: true,
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.webHost(ctx); err != nil {
					return err
				}
				if err := n.Edge.Filter(ctx, "output", "icmp type destination-unreachable drop"); err != nil {
					return err
				}
				_, err := n.Server.Sh(ctx, "ip link set eth0 down")
				return err
			}),
			Proof: Proof{Run: curlFTP + "; " + pingHost + "; ping -c1 -W2 " + webIP, Match: `(?s)imeout was reached.* 0 received.* 1 received`},
		},
		{
			Name:  "net/transparent-proxy-silent",
			Story: "A box of the network accepts every connection in the server's name and says nothing.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/transparent-proxy"},
			Setup: withVSFTPD(transparent(Silent)),
			Proof: Proof{Run: openPorts + "; " + curlFTP, Match: `(?s)(Connected.*){4}(imed out|timeout|imeout)`, Not: `< 220`},
		},
		{
			Name:  "net/transparent-proxy-closes",
			Story: "A box of the network accepts every connection in the server's name, and closes what is not HTTP.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/transparent-proxy"},
			Setup: withVSFTPD(transparent(func(c net.Conn) {
				_ = c.SetReadDeadline(time.Now().Add(time.Second)) // then it is not HTTP
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://login.lab.example/\r\nContent-Length: 0\r\n\r\n")
				}
			})),
			Proof: Proof{Run: openPorts + "; " + curlFTP, Match: `(?s)(Connected.*){5}`, Not: `< 220`},
		},
		{
			Name:  "net/inspection-resets-auth",
			Story: "The firewall's inspection resets the connection at AUTH TLS.",
			Args:  []string{tlsTarget},
			Env:   passwordEnv,
			Want:  []string{"net/inspection-reset"},
			Setup: func(ctx context.Context, n *Net) error {
				err := withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
					return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO")
				})(ctx, n)
				if err != nil {
					return err
				}
				return n.Gateway.Filter(ctx, "forward", "tcp dport 21 @ih,0,32 0x41555448 reject with tcp reset")
			},
			Proof: Proof{Run: curl + "--ssl-reqd ftp://" + FTPName + "/; " + curlFTP, Match: `(?s)AUTH SSL.*reset by peer.*(` + listed + `)`},
		},
		{
			Name:  "net/inspection-resets-user",
			Story: "Data loss prevention resets clear-text logins at USER.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/inspection-reset"},
			Setup: rules(gateway, "forward", "tcp dport 21 @ih,0,32 0x55534552 reject with tcp reset"),
			Proof: Proof{Run: curlFTP, Match: `(?s)< 220.*USER lab.*reset by peer`},
		},
		{
			Name:  "net/inspection-resets-hello",
			Story: "Inspection resets TLS on a port that is not 443, at the ClientHello.",
			Args:  []string{tlsTarget},
			Env:   passwordEnv,
			Want:  []string{"net/inspection-reset"},
			Setup: func(ctx context.Context, n *Net) error {
				err := withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
					return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO")
				})(ctx, n)
				if err != nil {
					return err
				}
				return n.Edge.Filter(ctx, "forward", "tcp dport 21 @ih,0,16 0x1603 reject with tcp reset")
			},
			Proof: Proof{Run: curl + "--ssl-reqd ftp://" + FTPName + "/; " + curlFTP, Match: `(?s)< 234.*reset by peer.*(` + listed + `)`},
		},
		{
			Name:  "net/packet-loss",
			Story: "The line loses three packets in ten on the way back.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/packet-loss"},
			Setup: rules(edge, "forward", "ip saddr "+ServerIP+" numgen random mod 100 < 30 drop"),
			Proof: Proof{Run: "ping -q -c 60 -i 0.02 -W2 " + ServerIP, Match: ` (1[2-9]|[2-4]\d)(\.\d+)?% packet loss`},
		},
		{
			Name:  "net/idle-timeout",
			Story: "The office router forgets the control connection while a long download keeps it idle.",
			Args:  []string{"--op", "download", "ftp://lab@" + FTPName + "/big.bin"},
			Env:   passwordEnv,
			Want:  []string{"net/idle-timeout"},
			Setup: func(ctx context.Context, n *Net) error {
				if err := n.FTPUser(ctx); err != nil {
					return err
				}
				if _, err := n.Server.Sh(ctx, "head -c 2000000 /dev/zero >/home/lab/big.bin"); err != nil {
					return err
				}
				if _, err := n.VSFTPD(ctx, "local_max_rate=400000"); err != nil {
					return err
				}
				if err := n.Gateway.Sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "2"); err != nil {
					return err
				}
				if err := n.Gateway.Sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"); err != nil {
					return err
				}
				return n.Gateway.Filter(ctx, "forward", "ct state invalid drop")
			},
			Proof: Proof{
				Run:   curl + "-o /dev/null -w '%{size_download} bytes\\n' ftp://" + FTPName + "/big.bin; " + curl + "ftp://" + FTPName + "/",
				Match: `(?s)150 Opening.*FTP response timeout.*2000000 bytes.*(` + listed + `)`,
				Not:   `226 Transfer complete`,
			},
		},
		{
			Name:       "net/hairpin",
			Story:      "The server stands in this office, and its public address is used from inside.",
			Args:       []string{target},
			Env:        passwordEnv,
			Want:       []string{"net/hairpin-nat"},
			Candidates: true, // that it works from outside is seen only there
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				nas, err := n.AddHost(ctx, n.Gateway, "nas", nasIP+"/24")
				if err != nil {
					return err
				}
				if err := nas.Impersonate(ctx, ServerIP); err != nil {
					return err
				}
				if err := n.Gateway.NFT(ctx, "table ip divert {\n chain pre {\n type nat hook prerouting priority dstnat\n ip daddr "+PublicIP+" tcp dport { 21, 40000-40050 } dnat to "+nasIP+"\n }\n}\n"); err != nil {
					return err
				}
				return n.Zone.Replace(FTPName + ". A " + PublicIP)
			}),
			Proof: Proof{Run: curlFTP + "; " + curl + "ftp://" + nasIP + "/; ping -c1 -W2 " + PublicIP, Match: `(?s)imeout was reached.*(` + listed + `).*ttl=64`},
		},
		{
			Name:  "net/proxy-protocol",
			Story: "The balancer before the server was set to send the PROXY line, and the server does not know it.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"net/proxy-protocol"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.Edge.Balancer(ctx, ":2121", ServerIP+":21", "PROXY TCP4 "+PublicIP+" "+ServerIP+" 40001 21\r\n"); err != nil {
					return err
				}
				return n.Edge.NFT(ctx, "table ip divert {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname \"up0\" ip daddr "+ServerIP+" tcp dport 21 redirect to :2121\n }\n}\n")
			}),
			Proof: Proof{Run: curlFTP, Match: `(?s)< 220 .*> USER.*< 530 Please login with USER and PASS`},
		},
	}
}

// transparent makes the gateway take every TCP connection that passes it.
func transparent(f func(net.Conn)) func(context.Context, *Net) error {
	return func(ctx context.Context, n *Net) error {
		if err := n.Gateway.Accept(ctx, ":3129", f); err != nil {
			return err
		}
		return n.Gateway.NFT(ctx, "table inet proxy {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname \"lan0\" meta l4proto tcp fib daddr type != local redirect to :3129\n }\n}\n")
	}
}
