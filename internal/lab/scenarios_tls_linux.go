package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// sClient is the handshake that OpenSSL makes; options may follow.
const sClient = "</dev/null openssl s_client -CAfile $SSL_CERT_FILE -verify_hostname " + FTPName + " -starttls ftp -connect " + FTPName + ":21 "

// opensslConf makes the server's OpenSSL, which the machine's defaults would
// hold to today's strength, do as these lines say.
func opensslConf(lines string) setup {
	return file("/etc/ssl/openssl.cnf", "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n"+lines)
}

// oldStrength lets the server offer what OpenSSL 3 refuses by default.
const oldStrength = "CipherString = DEFAULT:@SECLEVEL=0\n"

// tlsScenarios are faults of TLS.
func tlsScenarios() []Scenario {
	return slices.Concat(overTLS(demandScenarios()), overTLS(negotiationScenarios()), overTLS(certScenarios()), opportunisticScenarios())
}

// opportunisticScenarios are those of clients that take TLS if it is there.
func opportunisticScenarios() []Scenario {
	return []Scenario{
		fault("tls/implicit-expected-on-21", "ProFTPD has UseImplicitSSL for the server on port 21.", []string{"tls/implicit-expected"},
			proftpdTLS(CertKnobs{}, "TLSOptions UseImplicitSSL"),
			Proof{Run: curlFTP + "; echo ===; " + curl + "ftps://" + FTPName + ":21/", Match: implicitOnly}),
		control("tls-required", "TLS is required, and the address says ftp: the client takes what AUTH offers.",
			vsftpdTLS(CertKnobs{}, "force_local_logins_ssl=YES\nforce_local_data_ssl=YES"),
			Proof{Run: curlFTP + "; echo ===; " + curlTLS, Match: `(?s)530 Non-anonymous sessions must use encryption.*===.*(` + listed + `)`}),
	}
}

// implicitOnly is the proof that the port is silent until TLS begins.
const implicitOnly = `(?s)(?:imed out|imeout|response reading failed).*===.*SSL connection.*(` + listed + `)`

// overTLS makes scenarios of the usual target check it with explicit TLS.
func overTLS(list []Scenario) []Scenario {
	for i, s := range list {
		if s.Args[0] == target {
			list[i] = s.overTLS()
		}
	}
	return list
}

// certScenarios are certificates that clients refuse.
func certScenarios() []Scenario {
	const day = 24 * time.Hour
	refused := func(code, slug, story string, s setup, match string) Scenario {
		return fault("tls/"+slug, story, []string{"tls/" + code}, s, Proof{Run: sClient + "; " + curlTLS, Match: `(?s)` + match + `.*curl: \(60\)`})
	}
	vs := func(k CertKnobs) setup { return vsftpdTLS(k, "") }
	pro := func(k CertKnobs) setup { return proftpdTLS(k, "") }
	pure := func(k CertKnobs) setup {
		return withCert(k, func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx, "-Y", "2") })
	}
	expired := CertKnobs{NotBefore: time.Now().Add(-100 * day)}
	const alone = `unable to get local issuer certificate`
	list := []Scenario{
		refused("cert-expired", "cert-expired", "Nobody renewed the certificate.", vs(expired), `certificate has expired`),
		refused("cert-expired", "cert-expired-pureftpd", "The certificate was renewed on disk for the web server only.", pure(expired), `certificate has expired`),
		refused("cert-not-yet-valid", "cert-not-yet-valid", "The certificate starts next week.", pro(CertKnobs{NotBefore: time.Now().Add(7 * day)}), `certificate is not yet valid`),
		refused("cert-name-mismatch", "cert-other-name", "The web server's certificate was copied to the FTP server.", pure(CertKnobs{Names: []string{"www.lab.example"}}), `[Hh]ostname mismatch`),
		refused("cert-self-signed", "cert-self-signed", "The package made a self-signed certificate at installation.", vs(CertKnobs{SelfSigned: true}), `self-signed certificate`),
		refused("cert-untrusted", "cert-private-authority", "The certificate comes from the intranet's authority, which this client does not have.",
			vs(CertKnobs{UnknownRoot: true}), alone+`|self-signed certificate in certificate chain`),
		refused("chain-incomplete", "chain-incomplete", "The intermediate certificate was not put into the file.", vs(CertKnobs{NoChain: true}), alone),
		refused("chain-incomplete", "chain-incomplete-proftpd", "TLSCertificateChainFile was forgotten.", pro(CertKnobs{NoChain: true}), alone),
		refused("cert-weak-key", "cert-1024-bit", "The certificate has an RSA key of 1024 bits, from 2009's procedure.",
			then(opensslConf(oldStrength), vsftpdTLS(CertKnobs{RSA: 1024}, "ssl_ciphers=DEFAULT:@SECLEVEL=0")), `EE certificate key too weak|key too small`),
		refused("cert-weak-signature", "cert-sha1", "The certificate is signed with SHA-1.",
			then(opensslConf(oldStrength), vsftpdTLS(CertKnobs{RSA: 2048, SHA1: true}, "ssl_ciphers=DEFAULT:@SECLEVEL=0")), `CA signature digest algorithm too weak`),
		fault("tls/cert-name-by-address", "The target is given as an address, which no certificate names.", []string{"tls/cert-name-mismatch"}, vs(CertKnobs{}),
			Proof{Run: curl + "--ssl-reqd ftp://" + ServerIP + "/", Match: `no alternative certificate subject name matches`}).check("ftpes://lab@" + ServerIP + "/"),
		fault("tls/cert-expired-implicit", "The certificate of the implicit port has run out.", []string{"tls/cert-expired"},
			vsftpdTLS(expired, "implicit_ssl=YES\nlisten_port=990"),
			Proof{Run: curl + "ftps://" + FTPName + "/", Match: `certificate has expired`}).check(implicitTarget),
		control("cert-wildcard", "A wildcard certificate.", vs(CertKnobs{Names: []string{"*.lab.example"}}), tlsListing),
		control("cert-several-names", "A certificate with several names, an RSA key and its chain.", pro(CertKnobs{Names: []string{"lab.example", FTPName}}), tlsListing),
	}
	soon := control("", "The certificate runs out in five days.", vs(CertKnobs{NotBefore: time.Now().Add(-85 * day)}), tlsListing).overTLS()
	soon.Name, soon.MaxStatus = "tls/cert-expiring", "degraded"
	return append(list, soon)
}

// demandScenarios are those in which one side wants TLS, or wants it otherwise.
func demandScenarios() []Scenario {
	notOffered := []string{"tls/not-offered"}
	implicit := []string{"tls/implicit-expected"}
	explicit := []string{"tls/explicit-expected"}
	at := func(scheme string, port string) string { return scheme + "://lab@" + FTPName + ":" + port + "/" }
	on990 := vsftpdTLS(CertKnobs{}, "implicit_ssl=YES\nlisten_port=990")
	return []Scenario{
		fault("tls/not-offered-vsftpd", "vsftpd without ssl_enable, and the client insists on TLS.", notOffered, vsftpd(""),
			Proof{Run: curlTLS, Match: `(?s)AUTH TLS\s+< 530 Please login`}),
		fault("tls/not-offered-proftpd", "ProFTPD without its TLS module in use.", notOffered, proftpd(""),
			Proof{Run: curlTLS, Match: `(?s)AUTH TLS\s+< 500 AUTH not understood`}),
		fault("tls/not-offered-pureftpd", "Pure-FTPd with TLS off.", notOffered, pureFTPD("-Y", "0"),
			Proof{Run: curlTLS, Match: `(?s)AUTH TLS\s+< 5`, Not: `vsFTPd`}),
		fault("tls/not-offered-inetutils", "An old ftpd that has no TLS.", notOffered, inetutils(""),
			Proof{Run: curlTLS, Match: `(?s)AUTH TLS\s+< 5`, Not: `vsFTPd`}),
		fault("tls/implicit-expected", "Port 990 with a client set to explicit TLS.", implicit, on990,
			Proof{Run: curl + "--ssl-reqd " + at("ftp", "990") + "; echo ===; " + implicitListing.Run, Match: implicitOnly}).check(at("ftpes", "990")),
		fault("tls/implicit-expected-plain", "Port 990 with a client set to plain FTP.", implicit, on990,
			Proof{Run: curl + at("ftp", "990") + "; echo ===; " + implicitListing.Run, Match: implicitOnly}).check(at("ftp", "990")),
		fault("tls/explicit-expected", "The client is set to implicit TLS, on port 21.", explicit, vsftpdTLS(CertKnobs{}, ""),
			Proof{Run: curl + "ftps://" + FTPName + ":21/; echo ===; " + curlTLS, Match: `(?s)wrong version number.*===.*SSL connection.*(` + listed + `)`}).check(at("ftps", "21")),
		fault("tls/explicit-expected-on-990", "The server was put on port 990 without implicit TLS.", explicit,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx, "-Y", "1", "-S", "990") }),
			Proof{Run: curl + "ftps://" + FTPName + "/", Match: `wrong version number`}).check(implicitTarget),
		fault("tls/prot-refused", "TLSRequired was set to protect the login only, and not the data.", []string{"tls/data-protection-refused"},
			proftpdTLS(CertKnobs{}, "TLSRequired auth+!data"),
			Proof{Run: curlTLS, Match: `(?s)PROT P\s.*< 53[0-9] `}),
		fault("tls/session-reuse-vsftpd", "vsftpd demands session reuse on data connections, its default.", []string{"tls/data-session-reuse-required"},
			vsftpdTLS(CertKnobs{}, "require_ssl_reuse=YES"),
			Proof{Run: curlTLS + "; echo ===; " + lftpNoReuse, Match: `(?s)(` + listed + `).*===.*(522|session reuse)`}),
		fault("tls/session-reuse-proftpd", "ProFTPD demands session reuse on data connections, its default.", []string{"tls/data-session-reuse-required"},
			withCert(CertKnobs{RSA: 2048}, func(ctx context.Context, n *Net) (*Proc, error) { return n.ProFTPD(ctx, ProFTPDTLS) }),
			Proof{Run: curlTLS + "; echo ===; " + lftpNoReuse, Match: `(?s)(` + listed + `).*===.*425 `}),
		fault("tls/client-cert-vsftpd", "vsftpd wants a client certificate.", []string{"tls/client-cert-required"},
			vsftpdTLS(CertKnobs{}, "require_cert=YES\nvalidate_cert=YES\nca_certs_file=/etc/ssl/ftp.chain.crt"),
			Proof{Run: curlTLS + "; " + sClient, Match: `(?s)Request CERT.*Acceptable client certificate CA names`, Not: listed}),
		fault("tls/client-cert-proftpd", "ProFTPD wants a client certificate.", []string{"tls/client-cert-required"},
			proftpdTLS(CertKnobs{}, "TLSVerifyClient on\nTLSCACertificateFile /etc/ssl/ftp.chain.crt"),
			Proof{Run: curlTLS + "; " + sClient, Match: `(?s)Request CERT.*Acceptable client certificate CA names`, Not: listed}),
		fault("tls/no-certificate-vsftpd", "vsftpd's certificate file was moved; inetd starts it for each connection.", []string{"tls/no-certificate", "service/aborts"},
			vsftpdByInetd(VSFTPDTLS), Proof{Run: curlTLS, Match: `500 OOPS: SSL: cannot load RSA certificate`}),
		fault("tls/key-mismatch-vsftpd", "The certificate was renewed, and the key is still the old one.", []string{"tls/no-certificate", "service/aborts"},
			func(ctx context.Context, n *Net) error {
				if _, err := n.InstallCert(CertKnobs{}); err != nil {
					return err
				}
				other, err := n.Cert(CertKnobs{})
				if err != nil {
					return err
				}
				return then(file("/etc/ssl/ftp.key", other.Key), vsftpdByInetd(VSFTPDTLS))(ctx, n)
			}, Proof{Run: curlTLS, Match: `500 OOPS: SSL: cannot load RSA private key`}),
		fault("tls/no-certificate-proftpd", "ProFTPD has TLS on and no certificate.", []string{"tls/no-certificate"},
			proftpd("TLSEngine on\nTLSLog /var/log/proftpd/tls.log"), Proof{Run: curlTLS, Match: `(?s)AUTH TLS\s+< 431 `}),
	}
}

// lftpNoReuse is a client that does not resume the control connection's session.
const lftpNoReuse = `lftp -c 'set ftp:ssl-copy-sid no; set ssl:ca-file '$SSL_CERT_FILE'; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; ` +
	`set net:max-retries 1; set net:timeout 5; debug 5; open -u lab,` + Password + ` ` + FTPName + `; ls'`

// negotiationScenarios are handshakes that come to nothing.
func negotiationScenarios() []Scenario {
	const refused = `(?s)alert|SSL_ERROR|handshake|reset`
	noDH := []string{"tls/dh-too-small"}
	works := func(options string) string { return "; echo ===; " + sClient + options + " | grep -a Cipher" }
	return []Scenario{
		fault("tls/only-tls10", "An old server speaks TLS 1.0 only.", []string{"tls/version-too-old", "tls/version-mismatch"},
			then(opensslConf("MinProtocol = TLSv1\nMaxProtocol = TLSv1\n"+oldStrength), vsftpdTLS(CertKnobs{RSA: 2048}, "ssl_tlsv1=YES\nssl_ciphers=DEFAULT:@SECLEVEL=0")),
			Proof{Run: curlTLS + works("-tls1 -cipher DEFAULT:@SECLEVEL=0"), Match: refused + `.*===.*TLSv1.*Cipher is ECDHE`}),
		fault("tls/only-tls11", "ProFTPD was told TLSv1 and TLSv1.1 years ago.", []string{"tls/version-too-old", "tls/version-mismatch"},
			then(opensslConf("MinProtocol = TLSv1\n"+oldStrength), proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1 TLSv1.1\nTLSCipherSuite DEFAULT:@SECLEVEL=0")),
			Proof{Run: curlTLS + works("-tls1_1 -cipher DEFAULT:@SECLEVEL=0"), Match: refused + `.*===.*Cipher is ECDHE`}),
		fault("tls/no-common-cipher", "A national guideline left only Camellia in the cipher list.", []string{"tls/no-common-cipher"},
			proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1.2\nTLSCipherSuite ECDHE-RSA-CAMELLIA256-SHA384:ECDHE-RSA-CAMELLIA128-SHA256"),
			Proof{Run: curlTLS + works("-cipher CAMELLIA"), Match: refused + `.*===.*Cipher is ECDHE-RSA-CAMELLIA`}),
		fault("tls/no-common-group", "The server takes Brainpool curves only.", []string{"tls/no-common-cipher"},
			then(opensslConf("Groups = brainpoolP512r1\nMaxProtocol = TLSv1.2\n"), proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1.2\nTLSECDHCurve brainpoolP512r1\nTLSCipherSuite ECDHE-RSA-AES256-GCM-SHA384")),
			Proof{Run: curlTLS + works("-groups brainpoolP512r1"), Match: refused + `.*===.*Cipher is ECDHE`}),
		fault("tls/dh-too-small", "The Diffie-Hellman parameters are from 2010: 1024 bits.", noDH,
			then(opensslConf(oldStrength), on(server, "openssl dhparam -dsaparam -out /etc/ssl/dh.pem 1024"),
				proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1.2\nTLSCipherSuite DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0\nTLSDHParamFile /etc/ssl/dh.pem")),
			Proof{Run: curlTLS, Match: `dh key too small`}),
		fault("tls/handshake-stalls", "The firewall's inspection silently drops TLS on port 21.", []string{"tls/handshake-stalls"},
			then(vsftpdTLS(CertKnobs{}, ""), filter(gateway, "forward", "tcp dport 21 @ih,0,16 0x1603 drop")),
			Proof{Run: curlTLS + "; echo ===; " + curlFTP, Match: `(?s)< 234.*(imed out|imeout).*===.*(` + listed + `)`}),
		fault("tls/data-reset", "The firewall's inspection resets TLS on ports that it does not know.", []string{"net/inspection-reset", "tls/data-handshake-failed"},
			then(vsftpdTLS(CertKnobs{}, ""), filter(edge, "forward", "tcp dport 40000-40050 @ih,0,16 0x1603 reject with tcp reset")),
			Proof{Run: curlTLS + "; echo ===; " + curlFTP, Match: `(?s)< 230 .*229 Entering.*(reset|SSL_ERROR).*===.*(` + listed + `)`}).
			also("tls/data-handshake-failed", "net/inspection-reset"),
		fault("tls/intercepted", "The office firewall ends TLS with a certificate of its own.", []string{"tls/intercepted"},
			then(vsftpdTLS(CertKnobs{}, ""), intercept("Fortinet_CA_SSL")),
			Proof{Run: sClient + "; " + curlTLS, Match: `(?s)issuer=.*Fortinet_CA_SSL.*curl: \(60\)`}).also("tls/cert-untrusted"),
		control("tls-1.2-only", "TLS 1.2 and nothing else.", proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1.2"), tlsListing),
		control("tls-1.3-only", "TLS 1.3 and nothing else.", proftpdTLS(CertKnobs{}, "TLSProtocol TLSv1.3"), tlsListing),
	}
}

// intercept makes the gateway end explicit TLS with a certificate of its own.
func intercept(issuer string) setup {
	return func(ctx context.Context, n *Net) error {
		cert, err := n.Cert(CertKnobs{Issuer: issuer})
		if err != nil {
			return err
		}
		pair, err := tls.X509KeyPair([]byte(cert.Chain), []byte(cert.Key))
		if err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		err = n.Gateway.Accept(ctx, ":3130", func(c net.Conn) {
			to, err := n.Gateway.dial(ctx, ServerIP+":21")
			if err != nil {
				return
			}
			defer to.Close()
			a, b, err := upgrade(c, to, pair)
			if err != nil {
				return
			}
			splice(a, b)
		})
		if err != nil {
			return err
		}
		return n.Gateway.NFT(ctx, "table inet inspect {\n chain pre {\n type nat hook prerouting priority dstnat\n iifname \"lan0\" tcp dport 21 redirect to :3130\n }\n}\n")
	}
}

// upgrade passes a dialogue on, line by line, until the server agrees to TLS,
// and then speaks TLS with both.
func upgrade(client, server net.Conn, pair tls.Certificate) (net.Conn, net.Conn, error) {
	fromClient, fromServer := bufio.NewReader(client), bufio.NewReader(server)
	for asked := false; ; {
		reply := ""
		for len(reply) < 4 || reply[3] != ' ' {
			var err error
			if reply, err = fromServer.ReadString('\n'); err != nil {
				return nil, nil, err
			}
			if _, err := io.WriteString(client, reply); err != nil {
				return nil, nil, err
			}
		}
		if asked && strings.HasPrefix(reply, "234") {
			return tls.Server(client, &tls.Config{Certificates: []tls.Certificate{pair}}),
				tls.Client(server, &tls.Config{ServerName: FTPName, InsecureSkipVerify: true}), nil
		}
		command, err := fromClient.ReadString('\n')
		if err != nil {
			return nil, nil, err
		}
		asked = strings.HasPrefix(strings.ToUpper(command), "AUTH")
		if _, err := io.WriteString(server, command); err != nil {
			return nil, nil, err
		}
	}
}
