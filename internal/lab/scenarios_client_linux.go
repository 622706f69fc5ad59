package lab

import "context"

// bothWays is a proof that a request fails one way and the listing works the
// other way: the fault is in what differs.
func bothWays(failing, failure, working string) Proof {
	return Proof{
		Run:   failing + " 2>&1; echo; echo ===; " + working + " 2>&1",
		Match: `(?s)` + failure + `.*===.*(` + listed + `)`,
	}
}

func clientScenarios() []Scenario {
	url := "ftp://" + FTPName + "/"
	direct := curl + url
	byAddress := curl + "ftp://" + ServerIP + "/"
	const proxy = "http://" + GatewayIP + ":3128"
	return []Scenario{
		{
			Name:  "client/bad-target-port",
			Story: "Somebody typed the letter l for the digit 1 in the port.",
			Args:  []string{"ftp://lab@" + FTPName + ":2l/"},
			Env:   passwordEnv,
			Want:  []string{"client/bad-target"},
			Setup: plainVSFTPD,
			Proof: bothWays(curl+"ftp://"+FTPName+":2l/", `[Pp]ort number|bad/illegal`, direct),
		},
		{
			Name:  "client/bad-target-scheme",
			Story: "Somebody wrote a scheme that does not exist.",
			Args:  []string{"fttp://lab@" + FTPName + "/"},
			Env:   passwordEnv,
			Want:  []string{"client/bad-target"},
			Setup: plainVSFTPD,
			Proof: bothWays(curl+"fttp://"+FTPName+"/", `[Pp]rotocol "fttp" not supported`, direct),
		},
		{
			Name:  "client/bad-target-full-width",
			Story: "The address was pasted from a Chinese document, with a full-width colon before the port.",
			Args:  []string{"ftp://lab@" + FTPName + "：21/"},
			Env:   passwordEnv,
			Want:  []string{"client/bad-target"},
			Setup: plainVSFTPD,
			Proof: bothWays(curl+"'ftp://"+FTPName+"：21/'", `[Cc]ould not resolve|[Mm]alformed|[Bb]ad|IDN|[Rr]ejected`, direct),
		},
		{
			Name:  "client/hosts-stale",
			Story: "The hosts file still has the server's address from before the move.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/hosts-override"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error {
				return n.Client.WriteFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n198.51.100.99 "+FTPName+"\n")
			}),
			Proof: bothWays("getent hosts "+FTPName+"; dig +short "+FTPName+"; "+direct, `198\.51\.100\.99.*198\.51\.100\.10.*(imed out|imeout|o route)`, byAddress),
		},
		{
			Name:  "client/hosts-loopback",
			Story: "A developer's test line in the hosts file sends the name to this machine.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/hosts-override"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error {
				return n.Client.WriteFile("/etc/hosts", "127.0.0.1 localhost ftp.lab.example\n::1 localhost\n")
			}),
			Proof: bothWays("getent ahostsv4 "+FTPName+"; "+direct, `127\.0\.0\.1.*refused`, byAddress),
		},
		{
			Name:  "client/hosts-other-machine",
			Story: "The hosts file sends the name to the web server beside it, which lives.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/hosts-override"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				web, err := n.AddHost(ctx, n.Edge, "web", "198.51.100.20/24")
				if err != nil {
					return err
				}
				if err := web.WebServer(ctx, ":80"); err != nil {
					return err
				}
				return n.Client.WriteFile("/etc/hosts", "127.0.0.1 localhost\n198.51.100.20 "+FTPName+"\n")
			}),
			Proof: bothWays("getent ahostsv4 "+FTPName+"; "+direct, `198\.51\.100\.20.*refused`, byAddress),
		},
		{
			Name:  "client/proxy-dead",
			Story: "The environment names a proxy that was switched off; every client that honours it fails.",
			Args:  []string{target},
			Env:   append([]string{"ftp_proxy=" + proxy, "all_proxy=" + proxy, "ALL_PROXY=" + proxy}, passwordEnv...),
			Want:  []string{"client/proxy-intercepts"},
			Setup: plainVSFTPD,
			Proof: bothWays("ftp_proxy="+proxy+" "+direct, `refused`, direct),
		},
		{
			Name:  "client/proxy-http-only",
			Story: "The environment names the office's web proxy, which does not carry FTP.",
			Args:  []string{target},
			Env:   append([]string{"ftp_proxy=" + proxy, "http_proxy=" + proxy}, passwordEnv...),
			Want:  []string{"client/proxy-intercepts"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Gateway.WebProxy(ctx, ":3128", false)
			}),
			Proof: bothWays("ftp_proxy="+proxy+" "+direct, `405 Method Not Allowed`, direct),
		},
		{
			Name:  "client/proxy-ignored",
			Story: "Only the proxy may go out, the environment names it, and the client goes directly.",
			Args:  []string{target},
			Env:   append([]string{"all_proxy=" + proxy, "ALL_PROXY=" + proxy, "https_proxy=" + proxy}, passwordEnv...),
			Want:  []string{"client/proxy-ignored"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				if err := n.Gateway.WebProxy(ctx, ":3128", true); err != nil {
					return err
				}
				return n.Gateway.Filter(ctx, "forward", `iifname "lan0" ip protocol tcp drop`)
			}),
			Proof: bothWays(direct, `imeout was reached`, curl+"--proxytunnel --proxy "+proxy+" "+url),
		},
		{
			Name:  "client/link-down",
			Story: "The network cable is out (the interface is down).",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/no-network"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Client.Sh(ctx, "ip link set eth0 down; ip link set lo down")
				return err
			}),
			Proof: Proof{Run: direct + "; ip -br link", Match: `(?s)Could not resolve host.*eth0@\S+ +DOWN`},
		},
		{
			Name:  "client/no-carrier",
			Story: "The interface is up, and the switch port at the other end is off.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/no-network"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Gateway.Sh(ctx, "ip link set lan1 down")
				return err
			}),
			Proof: Proof{Run: direct + "; ip -br link", Match: `(?s)(Could not resolve host|Resolving timed out).*eth0@\S+ +(DOWN|LOWERLAYERDOWN).*NO-CARRIER`},
		},
		{
			Name:  "client/no-address",
			Story: "The interface is up and DHCP never gave it an address.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/no-network"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Client.Sh(ctx, "ip addr flush dev eth0 scope global")
				return err
			}),
			Proof: Proof{Run: direct + "; ip -br addr", Match: `(?s)Could not resolve host.*eth0@\S+ +UP`, Not: `192\.168`},
		},
		{
			Name:  "client/nsswitch-without-dns",
			Story: "nsswitch.conf lists only files for hosts.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/name-service"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error {
				return n.Client.WriteFile("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
			}),
			Proof: bothWays("dig +short "+FTPName+"; "+direct, `198\.51\.100\.10.*Could not resolve host`, byAddress),
		},
		{
			Name:  "client/nsswitch-stops-early",
			Story: "nsswitch.conf stops at the hosts file when the name is not there.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/name-service"},
			Setup: withVSFTPD(func(_ context.Context, n *Net) error {
				return n.Client.WriteFile("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files [NOTFOUND=return] dns\n")
			}),
			Proof: bothWays("dig +short "+FTPName+"; "+direct, `198\.51\.100\.10.*Could not resolve host`, byAddress),
		},
		{
			Name:  "client/password-with-quotes",
			Story: "The quotes of a settings file became part of the password.",
			Args:  []string{target},
			Env:   []string{"FTPDOCTOR_PASSWORD=\"" + Password + "\""},
			Want:  []string{"client/credentials-mangled"},
			// That the rest is the right password only a login could tell.
			Candidates: true,
			Setup:      plainVSFTPD,
			Proof:      bothWays("curl -sSv --max-time 10 --user 'lab:\""+Password+"\"' "+url, `530 Login incorrect`, direct),
		},
		{
			Name:  "client/names-in-gbk",
			Story: "Chinese file names were put by a client that speaks GBK; the server hands out their bytes.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/name-encoding"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				_, err := n.Server.Sh(ctx, `cd /home/lab; for name in '\261\250\261\355' '\262\342\312\324' '\272\317\315\254'; do touch "$(printf "$name.txt")"; done`)
				return err
			}),
			Proof: Proof{Run: curl + url + " | od -An -c | tr -d ' \n'", Match: `261250261355\.txt`},
		},
		{
			Name:  "client/firewall-drop",
			Story: "This machine's own firewall drops outgoing FTP.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/firewall"},
			Root:  true, // an unprivileged user can't read the rules, and the first router looks the same
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Client.Filter(ctx, "output", "tcp dport 21 drop")
			}),
			Proof: Proof{Run: direct + "; ping -c1 -W2 " + ServerIP + "; nft list ruleset", Match: `(?s)imeout was reached.*1 received.*tcp dport 21 drop`},
		},
		{
			Name:  "client/firewall-reject",
			Story: "This machine's own firewall refuses outgoing FTP, with an ICMP message to itself.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/firewall"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Client.Filter(ctx, "output", "tcp dport 21 reject with icmpx admin-prohibited")
			}),
			Proof: Proof{Run: direct + "; ping -c1 -W2 " + ServerIP + "; nft list ruleset", Match: `(?s)(o route to host|refused|not permitted|nreachable|imeout was reached).*1 received.*tcp dport 21 reject`},
		},
		{
			Name:  "client/firewall-reset",
			Story: "This machine's own firewall answers outgoing FTP with a reset.",
			Args:  []string{target},
			Env:   passwordEnv,
			Want:  []string{"client/firewall"},
			Setup: withVSFTPD(func(ctx context.Context, n *Net) error {
				return n.Client.Filter(ctx, "output", "tcp dport 21 reject with tcp reset")
			}),
			Proof: Proof{Run: direct + "; ping -c1 -W2 " + ServerIP + "; nft list ruleset", Match: `(?s)refused.*1 received.*tcp dport 21 reject`},
		},
	}
}
