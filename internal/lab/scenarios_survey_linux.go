package lab

import "context"

// fiveServices is a host with SFTP, FTP with TLS, implicit TLS, and WebDAV with
// and without TLS.
func fiveServices(ctx context.Context, n *Net) error {
	web := func(ctx context.Context, n *Net) error {
		if err := n.DAVFiles(ctx); err != nil {
			return err
		}
		if err := n.DAVUser(ctx, "lab", Password); err != nil {
			return err
		}
		_, err := n.Apache(ctx, "")
		return err
	}
	implicit := func(ctx context.Context, n *Net) error {
		_, err := n.ProFTPD(ctx, ProFTPDTLS+"Port 990\nTLSOptions UseImplicitSSL NoSessionReuseRequired")
		return err
	}
	return then(vsftpdTLS(CertKnobs{RSA: 2048}, ""), implicit, onlySSHD(""), web)(ctx, n)
}

// surveyScenarios are hosts that are asked for without a scheme.
func surveyScenarios() []Scenario {
	onlySFTP := sshd("")
	allWork := tlsListing.Run + "\n" + implicitListing.Run + "\n" + sftp("ls -l") + "\n" +
		curl + "-X PROPFIND -H 'Depth: 1' -o /dev/null https://" + FTPName + "/dav/"
	bare := func(name, story string, want []string, s setup, p Proof) Scenario {
		return fault(name, story, want, s, p).check("lab@" + FTPName)
	}
	return []Scenario{
		bare("healthy/five-services", "SFTP, FTP with TLS, implicit TLS and WebDAV on one host, and all of them work.", nil, fiveServices,
			Proof{Run: allWork, Match: `(?s)hello\.txt.*hello\.txt.*hello\.txt.*207`}).degraded(),
		bare("healthy/only-sftp", "A bare host that offers SFTP alone.", nil, onlySFTP, sftpByPassword),
		bare("healthy/web-beside-ftp", "A web server without WebDAV beside the FTP server is no fault.", nil,
			then(vsftpdTLS(CertKnobs{}, ""), func(ctx context.Context, n *Net) error {
				_, err := n.Nginx(ctx, "", "")
				return err
			}), tlsListing).degraded(),
		bare("survey/ftp-data-filtered", "Of five services FTP alone fails: a firewall drops its passive ports.",
			[]string{"data/passive-filtered"}, then(fiveServices, filter(edge, "forward", "tcp dport 40000-40050 drop")),
			Proof{Run: tlsListing.Run + "\n" + sftp("ls -l"), Match: `(?s)curl: \(28\).*hello\.txt`}),
		bare("survey/nothing-answers", "A firewall rejects every usual port.", []string{"net/port-rejected"},
			then(vsftpdTLS(CertKnobs{}, ""), filter(edge, "forward", "tcp dport { 21, 22, 80, 443, 990, 2022, 2121, 2222 } reject with icmpx admin-prohibited")),
			Proof{Run: tlsListing.Run, Match: `curl: \(7\)`}),
	}
}
