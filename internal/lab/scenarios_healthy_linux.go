package lab

import (
	"context"
	"strings"
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
				return n.VSFTPD(ctx, VSFTPDTLS+"force_local_logins_ssl=YES\nforce_local_data_ssl=YES")
			}), tlsListing),
		control("vsftpd-implicit", "vsftpd with implicit TLS on port 990.", implicitTarget,
			withCert(CertKnobs{}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.VSFTPD(ctx, VSFTPDTLS+"implicit_ssl=YES\nlisten_port=990")
			}), implicitListing),
		control("proftpd", "ProFTPD for local users, without TLS.", target,
			plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.ProFTPD(ctx, "") }), plainListing),
		control("proftpd-tls", "ProFTPD with explicit TLS, required.", tlsTarget,
			withCert(CertKnobs{RSA: 2048}, func(ctx context.Context, n *Net) (*Proc, error) {
				return n.ProFTPD(ctx, ProFTPDTLS+"TLSRequired on")
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
	return serverControls()
}
