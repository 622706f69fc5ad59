package lab

import "context"

// listed is what curl prints of a listing that worked.
const listed = `226 [\s\S]*hello\.txt|hello\.txt[\s\S]*226 `

func healthyScenarios() []Scenario {
	return []Scenario{
		{
			Name:      "healthy/vsftpd",
			Story:     "vsftpd as it comes, without TLS, for local users.",
			Args:      []string{target},
			Env:       passwordEnv,
			MaxStatus: "degraded", // clear-text login deserves a warning
			Setup:     plainVSFTPD,
			Proof:     Proof{Run: curl + "ftp://" + FTPName + "/", Match: listed},
		},
		{
			Name:  "healthy/vsftpd-tls",
			Story: "vsftpd with explicit TLS and a certificate of the trusted authority.",
			Args:  []string{"ftpes://lab@" + FTPName + "/"},
			Env:   passwordEnv,
			Setup: func(ctx context.Context, n *Net) error {
				if err := n.FTPUser(ctx); err != nil {
					return err
				}
				if _, err := n.InstallCert(CertKnobs{}); err != nil {
					return err
				}
				_, err := n.VSFTPD(ctx, VSFTPDTLS+"force_local_logins_ssl=YES\nforce_local_data_ssl=YES\n")
				return err
			},
			Proof: Proof{Run: curl + "--ssl-reqd ftp://" + FTPName + "/", Match: listed, Not: "unable to get local issuer"},
		},
	}
}
