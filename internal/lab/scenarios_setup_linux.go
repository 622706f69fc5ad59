package lab

import (
	"context"
	"fmt"
	"strings"

	"ftpdoctor/internal/finding"
	generated "ftpdoctor/internal/setup"
)

// setupControls are the servers with the configurations that `ftpdoctor config`
// writes: they start, files go both ways, the check finds nothing, and TLS of
// before 1.2 is refused, which the proof shows. Only what systemd and the
// firewall would read is left out.
func setupControls() []Scenario {
	const old = "echo | timeout 5 openssl s_client -connect " + FTPName + ":21 -starttls ftp -tls1_1 -cipher DEFAULT@SECLEVEL=0 2>&1 | grep '^New, '; "
	control := func(name string, o generated.Options, start func(ctx context.Context, n *Net) error) Scenario {
		ftps := name != "sshd"
		s := Scenario{
			Name: "healthy/config-" + name, Story: name + " with the configuration that ftpdoctor config writes.",
			Args: []string{"--op", "upload", "ftpes://lab@" + FTPName + "/files/"}, Env: passwordEnv,
			Setup: func(ctx context.Context, n *Net) error {
				if err := n.FTPUser(ctx); err != nil {
					return err
				}
				if ftps {
					if _, err := n.InstallCert(CertKnobs{RSA: 2048}); err != nil {
						return err
					}
				}
				set, err := generated.Write(name, o)
				if err != nil {
					return err
				}
				if err := n.install(ctx, set); err != nil {
					return err
				}
				return start(ctx, n)
			},
			Proof: Proof{Run: old + curl + "--ssl-reqd -T /etc/hostname ftp://" + FTPName + "/files/", Match: `(?s)New, \(NONE\).*(?:SSL connection using TLSv1\.[23]).*226[ -]`, Not: `New, TLSv1\.1|New, SSLv3`},
		}
		return s
	}
	tls := generated.Options{Certificate: "/etc/ssl/ftp.crt", Key: "/etc/ssl/ftp.key", Users: []string{"lab"}, PassiveLow: 40000, PassiveHigh: 40050, Lang: finding.Chinese}
	pure := tls
	pure.Users = nil
	sftp := control("sshd", generated.Options{Users: []string{"lab"}}, func(ctx context.Context, n *Net) error {
		conf, err := n.Server.ReadFile("/etc/ssh/sshd_config.d/50-sftp.conf")
		if err != nil {
			return err
		}
		_, err = n.OpenSSH(ctx, "Subsystem sftp internal-sftp\n"+conf)
		return err
	})
	sftp.Args = []string{"--op", "upload", "sftp://lab@" + FTPName + "/files/"}
	const ssh = " -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=known_hosts lab@" + FTPName
	sftp.Proof = Proof{
		Run:   "cd $(mktemp -d); timeout 5 sshpass -p " + Password + " ssh" + ssh + " id </dev/null; echo ls | sshpass -p " + Password + " sftp" + ssh,
		Match: `sftp> ls\s+files`, Not: "uid=",
	}
	return []Scenario{
		control("vsftpd", tls, func(ctx context.Context, n *Net) error {
			_, err := n.startServer(ctx, 21, "/usr/sbin/vsftpd", "/etc/vsftpd.conf", "-obackground=NO")
			return err
		}),
		control("proftpd", tls, func(ctx context.Context, n *Net) error {
			if err := n.serviceAccount("proftpd", 1901, "/run/proftpd"); err != nil {
				return err
			}
			if _, err := n.Server.Sh(ctx, "proftpd --configtest -c /etc/proftpd/proftpd.conf; install -d -o lab -g lab /home/lab/files; chown lab /home/lab/files"); err != nil {
				return err
			}
			_, err := n.startServer(ctx, 21, "/usr/sbin/proftpd", "--nodaemon", "--config", "/etc/proftpd/proftpd.conf")
			return err
		}),
		control("pure-ftpd", pure, func(ctx context.Context, n *Net) error {
			if _, err := n.Server.Sh(ctx, "install -d -o lab -g lab /home/lab/files; install -d /var/log/pure-ftpd"); err != nil {
				return err
			}
			_, err := n.startServer(ctx, 21, "/usr/sbin/pure-ftpd", "/etc/pure-ftpd/pure-ftpd.conf")
			return err
		}),
		sftp,
	}
}

// install writes a set's files to the server and runs those of its commands that
// make directories.
func (n *Net) install(ctx context.Context, set *generated.Set) error {
	for _, f := range set.Files {
		if err := n.Server.WriteFile(f.Path, f.Content); err != nil {
			return err
		}
		if err := n.Server.Chmod(f.Path, f.Mode, 0); err != nil {
			return err
		}
	}
	for _, c := range set.Commands {
		if strings.HasPrefix(c, "install ") {
			if out, err := n.Server.Sh(ctx, c); err != nil {
				return fmt.Errorf("%s: %w: %s", c, err, out)
			}
		}
	}
	return nil
}
