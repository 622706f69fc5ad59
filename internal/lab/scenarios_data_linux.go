package lab

import "context"

const (
	curlTLS = curl + "--ssl-reqd ftp://" + FTPName + "/"
	// As clients do that know no EPSV and take the announced address.
	curlPASV = curl + "--disable-epsv --no-ftp-skip-pasv-ip ftp://" + FTPName + "/"
	// With listen_ipv6=YES, vsftpd 3.0.3 announces 0.0.0.0 for any pasv_address.
	listen4 = "listen=YES\nlisten_ipv6=NO\n"
	// What clients print when there is no way to a port.
	noData = `(?s)imed out|imeout|refused|Failed to connect|Couldn't connect|Can't (open|connect)|nreachable|o route`
)

// announces is a proof that the PASV answer has this address, and leads
// nowhere.
func announces(address string) Proof {
	return Proof{Run: curlPASV, Match: `(?s)227 Entering [Pp]assive [Mm]ode[: ]+\(?` + address + `,.*(` + noData + `)`, Not: listed}
}

// dataScenarios are faults of the data channel.
func dataScenarios() []Scenario {
	return append(append(addressScenarios(), passiveScenarios()...), activeScenarios()...)
}

// addressScenarios are PASV answers that lead elsewhere.
func addressScenarios() []Scenario {
	private := []string{"data/passive-private-address"}
	bad := []string{"data/passive-bad-address"}
	wrong := []string{"data/passive-wrong-address"}
	return []Scenario{
		fault("data/pasv-private", "pasv_address still has the address from behind the NAT; EPSV works.",
			private, vsftpd(listen4+"pasv_address=10.0.0.5"), announces(`10,0,0,5`)),
		fault("data/pasv-private-without-epsv", "The server announces its inner address and knows no EPSV.",
			private, vsftpd(listen4+"pasv_address=192.168.1.10\ncmds_denied=EPSV"), announces(`192,168,1,10`)).
			also("data/epsv-unsupported", "data/epsv-broken"),
		fault("data/pasv-private-tls", "ProFTPD announces its inner address, over TLS too, where no router can mend it.",
			private, proftpdTLS(CertKnobs{}, "MasqueradeAddress 172.16.4.2"),
			Proof{Run: curlPASV + " --ssl-reqd", Match: `(?s)SSL connection.*\(172,16,4,2,.*(` + noData + `)`}).overTLS(),
		fault("data/pasv-private-and-filtered", "The inner address is announced, and nobody forwarded the passive ports either.",
			append(private, "data/passive-filtered"),
			then(vsftpd(listen4+"pasv_address=10.0.0.5"), filter(edge, "forward", "tcp dport 40000-40050 drop")), announces(`10,0,0,5`)).
			also("data/passive-filtered", "data/passive-private-address"),
		fault("data/pasv-private-behind-nat", "The server moved behind the router's NAT: ports forwarded, and nobody told vsftpd its public address.",
			private, then(behindNAT, vsftpd("")), announces(`10,8,0,10`)),
		fault("data/pasv-private-nat-helper-tls", "The router's helper rewrites the inner address, but can't read TLS.",
			append(private, "data/helper-missing"), then(behindNAT, natHelper, vsftpdTLS(CertKnobs{}, "")),
			Proof{
				Run:   curlPASV + "; echo ===; " + curlPASV + " --ssl-reqd",
				Match: `(?s)227 Entering Passive Mode \(198,51,100,10,.*(` + listed + `).*===.*\(10,8,0,10,.*(` + noData + `)`,
			}).overTLS(),
		fault("data/pasv-zero", "pasv_address was set to the address that the server listens on: 0.0.0.0.",
			bad, vsftpd(listen4+"pasv_address=0.0.0.0"), announces(`0,0,0,0`)),
		fault("data/pasv-zero-listen-ipv6", "pasv_address is right, but with listen_ipv6=YES this vsftpd makes zeros of it.",
			bad, vsftpd("pasv_address="+ServerIP), announces(`0,0,0,0`)),
		fault("data/pasv-loopback", "MasqueradeAddress is the machine's name, which /etc/hosts makes 127.0.1.1.",
			bad, proftpd("MasqueradeAddress 127.0.1.1"), announces(`127,0,1,1`)),
		fault("data/pasv-host-name", "masquerade_address got a name where an address belongs.",
			bad, pyftpdlib(`handler.masquerade_address = "ftp.lab.example"`),
			Proof{Run: curlPASV, Match: `227 Entering passive mode \(ftp,lab,example,`, Not: listed}),
		fault("data/pasv-wrong-public", "The provider gave a new public address, and the setting still has the old one.",
			wrong, proftpd("MasqueradeAddress 198.51.100.77"), announces(`198,51,100,77`)),
		fault("data/pasv-public-inside", "The server is reached by its inner address through the VPN, and announces its public one, where only the web server answers.",
			wrong, then(alsoInside, on(edge, "ip addr add 198.51.100.77/24 dev dmz0"), vsftpd(listen4+"pasv_address=198.51.100.77")),
			Proof{Run: curl + "--disable-epsv --no-ftp-skip-pasv-ip ftp://10.8.0.10/", Match: `(?s)\(198,51,100,77,.*(` + noData + `)`}).
			check("ftp://lab@10.8.0.10/"),
		control("inside", "The server is reached by its inner address, and announces it.",
			then(alsoInside, vsftpd("")), Proof{Run: curl + "--disable-epsv --no-ftp-skip-pasv-ip ftp://10.8.0.10/", Match: `(?s)\(10,8,0,10,.*(` + listed + `)`}).
			check("ftp://lab@10.8.0.10/"),
		control("behind-nat", "The server is behind NAT and announces the router's public address.",
			then(behindNAT, vsftpd(listen4+"pasv_address="+ServerIP)),
			Proof{Run: curlPASV, Match: `(?s)\(198,51,100,10,.*(` + listed + `)`}),
		control("behind-nat-with-helper", "The server is behind NAT, and the router's helper rewrites what it announces.",
			then(behindNAT, natHelper, vsftpd("")), Proof{Run: curlPASV, Match: `(?s)\(198,51,100,10,.*(` + listed + `)`}),
	}
}

// behindNAT moves the server to 10.8.0.10; the edge forwards its old address.
var behindNAT = then(
	on(server, `ip route del default
ip addr flush dev eth0 scope global
ip addr add 10.8.0.10/24 dev eth0
ip route add default via 10.8.0.1`),
	on(edge, `ip addr add 10.8.0.1/24 dev dmz0
nft -f - <<END
table ip forwards {
	chain pre {
		type nat hook prerouting priority dstnat
		ip daddr `+ServerIP+` dnat to 10.8.0.10
	}
	chain post {
		type nat hook postrouting priority srcnat
		ip saddr 10.8.0.10 oifname "up0" snat to `+ServerIP+`
	}
}
END`),
	// The provider carries no private addresses.
	on(gateway, "ip route add blackhole 10.0.0.0/8"))

// alsoInside gives the server an inner address besides, routed to the client.
var alsoInside = then(
	on(server, "ip addr add 10.8.0.10/24 dev eth0"),
	on(edge, "ip addr add 10.8.0.1/24 dev dmz0"))

// natHelper lets the edge read and rewrite FTP.
func natHelper(ctx context.Context, n *Net) error {
	return n.Edge.NFT(ctx, ftpHelper)
}

// ftpHelper assigns the connection tracking helper to port 21: since Linux 4.7
// none is assigned by itself.
const ftpHelper = `table inet helper {
	ct helper ftp {
		type "ftp" protocol tcp
	}
	chain pre {
		type filter hook prerouting priority 0
		tcp dport 21 ct helper set "ftp"
	}
}
`

// passiveScenarios are passive ports that can't be reached or had.
func passiveScenarios() []Scenario {
	filtered := []string{"data/passive-filtered"}
	const ports = "tcp dport 40000-40050 "
	noListing := Proof{Run: curlFTP, Match: `(?s)229 Entering.*(` + noData + `)`, Not: listed}
	blocked := func(name, story string, at func(n *Net) *Host, hook, rule string) Scenario {
		return fault("data/"+name, story, filtered, then(vsftpd(""), filter(at, hook, rule)), noListing)
	}
	byFamily := func(name, story, to, fails, works string) Scenario {
		return fault("data/"+name, story, filtered, withIPv6(filter(edge, "forward", to+ports+"drop")),
			Proof{Run: curl + fails + " ftp://" + FTPName + "/; echo ===; " + curl + works + " ftp://" + FTPName + "/", Match: `(?s)229 Entering.*(` + noData + `).*===.*(` + listed + `)`})
	}
	return []Scenario{
		blocked("range-dropped-at-gateway", "The office firewall drops all outgoing ports that nobody asked for.", gateway, "forward", ports+"drop"),
		blocked("range-dropped-at-edge", "The data centre's firewall lets in port 21 and drops the passive ports.", edge, "forward", ports+"drop"),
		blocked("range-dropped-at-server", "The server's firewall has a rule for port 21, and none for the passive ports.", server, "input", ports+"drop"),
		blocked("range-rejected-at-server", "firewalld on the server prohibits the passive ports.", server, "input", ports+"reject with icmpx admin-prohibited"),
		blocked("range-reset-at-edge", "The edge firewall answers the passive ports with a reset.", edge, "forward", ports+"reject with tcp reset"),
		byFamily("range-dropped-ipv6", "The firewall opens the passive ports for IPv4 only, and the name has both.", "ip6 daddr "+ServerIP6+" ", "-6", "-4"),
		byFamily("range-dropped-ipv4", "The new firewall rules for the passive ports are for IPv6 only.", "ip daddr "+ServerIP+" ", "-4", "-6"),
		fault("data/range-not-configured", "The firewall opens 50000 to 50009, and the server was never told to stay within.",
			filtered, then(vsftpd("pasv_min_port=0\npasv_max_port=0"),
				filter(server, "input", "ct state established,related accept", "tcp dport { 21, 50000-50009 } accept", "meta l4proto tcp drop")), noListing),
		fault("data/gateway-without-helper", "The office firewall lets out port 21, and its FTP helper is not loaded.",
			append(filtered, "data/helper-missing"), then(vsftpd(""),
				filter(gateway, "forward", "ct state established,related accept", "meta l4proto udp accept", "tcp dport { 21, 53 } accept", `iifname "lan0" meta l4proto tcp drop`)), noListing),
		fault("data/helper-and-tls", "The firewall opens passive ports as its FTP helper reads them, which TLS hides.",
			append([]string{"data/helper-missing"}, filtered...), then(vsftpdTLS(CertKnobs{}, ""), guarded),
			Proof{Run: curlFTP + "; echo ===; " + curlTLS, Match: `(?s)(` + listed + `).*===.*SSL connection.*229 Entering.*(` + noData + `)`}).
			check(tlsTarget).hostDecides(),
		fault("data/helper-and-other-port", "The firewall's FTP helper reads port 21, and the service was moved to 2121.",
			append([]string{"data/helper-missing"}, filtered...), then(vsftpd("listen_port=2121"), guarded),
			Proof{Run: curl + "ftp://" + FTPName + ":2121/", Match: `(?s)229 Entering.*(` + noData + `)`, Not: listed}).
			check("ftp://lab@" + FTPName + ":2121/").hostDecides(),
		control("one-passive-port", "The passive range is one port, which nobody else uses.", vsftpd("pasv_min_port=40000\npasv_max_port=40000"),
			Proof{Run: curlFTP + "; " + curlPASV, Match: `(?s)(` + listed + `).*227 Entering.*(` + listed + `)`}),
		control("stateful-edge-with-helper", "The firewall opens passive ports as its FTP helper reads them.",
			then(vsftpd(""), guarded), Proof{Run: curlFTP, Match: listed}),
		fault("data/pasv-disabled", "pasv_enable=NO, to save the firewall rule.",
			[]string{"data/passive-disabled"}, vsftpd("pasv_enable=NO"),
			Proof{Run: curlFTP, Match: `(?s)EPSV\s+.*< 550 Permission denied.*PASV\s.*< 550 Permission denied`}).
			also("data/active-private-address", "data/active-blocked"),
		fault("data/pasv-denied", "A hardening guide denied PASV; EPSV works, which old clients do not know.",
			[]string{"data/pasv-broken"}, vsftpd("cmds_denied=PASV"),
			Proof{Run: curlFTP + "; echo ===; " + curlPASV, Match: `(?s)(` + listed + `).*===.*PASV\s+.*< 550 Permission denied`}),
		control("epsv-refused", "An old server without EPSV, over IPv4: every client goes on with PASV.",
			vsftpd("cmds_denied=EPSV"), Proof{Run: curlFTP, Match: `(?s)EPSV\s+.*< 550 .*(` + listed + `)`}),
		fault("data/epsv-unsupported", "A server without EPSV got an IPv6 address.",
			[]string{"data/epsv-unsupported"}, then(ipv6Only, vsftpd("cmds_denied=EPSV")),
			Proof{Run: curlFTP, Match: `(?s)EPSV\s+.*< 550`, Not: listed}).also("data/pasv-broken", "data/passive-disabled"),
		fault("data/epsv-swallowed", "The firewall's inspection does not know EPSV and drops it; PASV passes.",
			[]string{"data/epsv-broken"}, then(vsftpd(""), filter(gateway, "forward", "tcp dport 21 @ih,0,32 0x45505356 drop")),
			Proof{Run: curlFTP + "; echo ===; " + curlPASV, Match: `(?s)> EPSV.*(imed out|imeout).*===.*(` + listed + `)`}),
		fault("data/ports-exhausted", "The passive range is one port, and another session has it.",
			[]string{"data/ports-exhausted"}, then(vsftpd("pasv_min_port=40000\npasv_max_port=40000"), hold(edge, 1, append(login[:2:2], "PASV")...)),
			Proof{Run: curlFTP, Match: `(?s)230 Login.*< 500 OOPS: vsf_sysutil_bind`}).also("service/aborts"),
		fault("data/ports-exhausted-fallback", "The passive range is two ports, both taken: the server goes outside, where the firewall drops.",
			append([]string{"data/ports-exhausted"}, filtered...), then(pyftpdlib("handler.passive_ports = [40000, 40001]"), hold(edge, 2, append(login[:2:2], "PASV")...),
				filter(server, "input", "ct state established,related accept", "tcp dport { 21, 40000-40001 } accept", "meta l4proto tcp drop")), noListing),
		fault("data/stalled", "A virus scanner on the way holds all that comes over data connections.",
			[]string{"data/stalled"}, then(vsftpd(""), filter(edge, "forward", "tcp sport 40000-40050 meta length > 90 drop")),
			Proof{Run: curlFTP, Match: `(?s)150 Here comes.*(imed out|imeout)`, Not: `hello\.txt`}),
		fault("data/source-mismatch", "The provider's NAT has several addresses, and sends data by another one than control.",
			[]string{"data/source-mismatch"}, then(vsftpd(""),
				on(gateway, "ip addr add 203.0.113.3/24 dev wan0; nft insert rule ip nat postrouting ip saddr 192.168.77.0/24 "+ports+"snat to 203.0.113.3")),
			Proof{Run: curlFTP, Match: `(?s)229 Entering.*(425|426|Security)`, Not: listed}),
	}
}

// guarded makes the edge a stateful firewall with an FTP helper, which reads
// port 21.
var guarded = then(natHelper, filter(edge, "forward", "ct state established,related accept", "tcp dport { 21, 2121 } accept", `iifname "up0" meta l4proto tcp drop`))

// ipv6Only leaves the name with its IPv6 address only, which is routed without
// translation.
func ipv6Only(_ context.Context, n *Net) error {
	n.Zone.Remove(FTPName)
	return n.Zone.Add(FTPName + ". AAAA " + ServerIP6)
}

// activeScenarios are servers that shall connect back.
func activeScenarios() []Scenario {
	const curlActive = curl + "--ftp-port - ftp://" + FTPName + "/"
	private := []string{"data/active-private-address"}
	blocked := []string{"data/active-blocked"}
	illegal := Proof{Run: curlActive, Match: `(?s)(EPRT|PORT) .*192[.,]168[.,]77[.,]20.*< 50[0-9] `, Not: listed}
	silent := Proof{Run: curlActive, Match: `(?s)EPRT \|2\|2001:db8:77::20\|.*< 200.*(imed out|imeout|accept)`, Not: listed}
	active := func(name, story string, want []string, s setup, p Proof) Scenario {
		return fault("data/"+name, story, want, s, p).check("--active", target)
	}
	working := func(name, story string, s setup, p Proof) Scenario {
		return control(name, story, s, p).check("--active", target)
	}
	return []Scenario{
		active("active-private", "Active mode from behind NAT: vsftpd refuses the client's inner address.", private, vsftpd(""), illegal),
		active("active-nat-proftpd", "ProFTPD takes the NAT's public address instead, where no port is open.", append(blocked, private...), proftpd(""),
			Proof{Run: curlActive, Match: `(?s)EPRT \|1\|192\.168\.77\.20\|.*< 200.*< 425 Unable to build data connection`, Not: listed}),
		active("active-private-pureftpd", "The same with Pure-FTPd.", private, pureFTPD(), illegal),
		active("active-private-promiscuous", "The server takes any address, and tries to reach the client's inner one.",
			append(private, blocked...), vsftpd("port_promiscuous=YES\nconnect_timeout=5"),
			Proof{Run: curlActive, Match: `(?s)EPRT \|1\|192\.168\.77\.20\|.*< 200.*(< 425|imed out|imeout)`, Not: listed}),
		active("active-private-tls", "The office router's helper mends active mode in the clear, and can't read TLS.",
			append(private, "data/helper-missing"), then(vsftpdTLS(CertKnobs{}, ""), officeHelper),
			Proof{Run: curlActive + "; echo ===; " + curl + "--ssl-reqd --ftp-port - ftp://" + FTPName + "/", Match: `(?s)(` + listed + `).*===.*SSL connection.*< 500 Illegal`}).
			check("--active", tlsTarget),
		active("active-blocked", "The office firewall lets in nothing that was not asked for, over IPv6 too.", blocked,
			then(ipv6Only, vsftpd(""), filter(gateway, "forward", "ct state established,related accept", `iifname "wan0" drop`)), silent),
		active("active-blocked-at-client", "This machine's firewall lets in nothing that was not asked for.",
			append(blocked, "client/firewall"), then(ipv6Only, vsftpd(""), filter(client, "input", "ct state established,related accept", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept", "drop")), silent).
			also("client/firewall", "data/active-blocked"),
		active("active-blocked-at-server", "The server's firewall lets out nothing that it was not asked for.", blocked,
			then(ipv6Only, vsftpd(""), filter(server, "output", "ct state new tcp flags syn drop")), silent),
		active("active-refused", "port_enable=NO.", []string{"data/active-refused"}, then(ipv6Only, vsftpd("port_enable=NO")),
			Proof{Run: curlActive, Match: `(?s)EPRT .*< 550 Permission denied`, Not: listed}),
		working("active-ipv6", "Active mode over IPv6, which is routed.", then(ipv6Only, vsftpd("")), Proof{Run: curlActive, Match: `(?s)EPRT \|2\|.*(` + listed + `)`}),
		working("active-routed", "Active mode over IPv4 between two sites of one company, without translation.",
			then(vsftpd(""), on(gateway, "nft flush chain ip nat postrouting"), on(edge, "ip route add 192.168.77.0/24 via "+PublicIP)),
			Proof{Run: curlActive, Match: `(?s)EPRT \|1\|192\.168\.77\.20\|.*(` + listed + `)`}),
		working("active-nat-with-helper", "Active mode from behind NAT, whose helper rewrites the client's address.",
			then(vsftpd(""), officeHelper), Proof{Run: curlActive, Match: listed}),
	}
}

// officeHelper lets the client's router read and rewrite FTP.
func officeHelper(ctx context.Context, n *Net) error {
	return n.Gateway.NFT(ctx, ftpHelper)
}
