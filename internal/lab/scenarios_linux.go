package lab

import (
	"context"
	"slices"
)

// List returns all scenarios, healthy controls first, then by layer, then those
// of both sides.
func List() []Scenario {
	one := slices.Concat(
		healthyScenarios(),
		clientScenarios(),
		dnsScenarios(),
		routeScenarios(),
		netScenarios(),
		serviceScenarios(),
		tlsScenarios(),
		authScenarios(),
		dataScenarios(),
		fileScenarios(),
		sshScenarios(),
		surveyScenarios(),
		httpScenarios(),
	)
	return append(one, hostScenarios(one)...)
}

// target is what most scenarios check: the account lab on the usual name.
const target = "ftp://lab@" + FTPName + "/"

// passwordEnv hands the password over as users should.
var passwordEnv = []string{"FTPDOCTOR_PASSWORD=" + Password}

// curl is the independent client of most proofs.
const curl = "curl -sSv --max-time 12 --connect-timeout 8 --user lab:" + Password + " "

// lftpTLS logs in with explicit TLS, data protected, by the client that most
// scripts use; commands and a closing apostrophe follow.
const lftpTLS = `lftp -c 'set ssl:ca-file '$SSL_CERT_FILE'; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; ` +
	`set net:max-retries 1; set net:timeout 5; debug 5; open -u lab,` + Password + ` ` + FTPName + `; `

// plainVSFTPD is the healthy server that network faults stand in front of.
func plainVSFTPD(ctx context.Context, n *Net) error {
	if err := n.FTPUser(ctx); err != nil {
		return err
	}
	_, err := n.VSFTPD(ctx, "")
	return err
}

// withVSFTPD makes a Setup: a healthy server, then the fault.
func withVSFTPD(fault func(ctx context.Context, n *Net) error) func(context.Context, *Net) error {
	return func(ctx context.Context, n *Net) error {
		if err := plainVSFTPD(ctx, n); err != nil {
			return err
		}
		return fault(ctx, n)
	}
}
