package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// holdSSH opens connections from a host to the SSH server that never log in.
func holdSSH(at func(n *Net) *Host, count int) setup {
	return func(ctx context.Context, n *Net) error {
		for range count {
			c, err := at(n).dial(ctx, ServerIP+":22")
			if err != nil {
				return err
			}
			n.onClose(func() { c.Close() })
			// Its identification: now it is counted.
			if err := errors.Join(c.SetReadDeadline(time.Now().Add(patience)), readLine(c)); err != nil {
				return err
			}
		}
		return nil
	}
}

// readLine reads a line and forgets it.
func readLine(c net.Conn) error {
	b := make([]byte, 1)
	for b[0] != '\n' {
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
	}
	return nil
}

// hungSSHD is a server that is stopped. It is detached, since a stopped process
// stops nsenter with it.
func hungSSHD(ctx context.Context, n *Net) error {
	p, err := n.OpenSSH(ctx, "")
	if err != nil {
		return err
	}
	p.Stop()
	return then(account(UserKnobs{}), on(server, "/usr/sbin/sshd -f /etc/ssh/sshd_config </dev/null >/dev/null 2>&1"),
		func(ctx context.Context, n *Net) error {
			return errors.Join(n.Server.WaitListen(ctx, 22), n.KnowHost(FTPName))
		},
		on(server, "pkill -STOP -x sshd"))(ctx, n)
}

// sshServiceScenarios are faults of the way to the SSH server and of what
// listens there.
func sshServiceScenarios() []Scenario {
	const away = `Connection refused`
	otherProtocol := func(slug, story string, s setup, match string) Scenario {
		return sftpFault("service/sftp-"+slug, story, []string{"service/other-protocol"}, s, Proof{Run: sftp("ls"), Match: match})
	}
	web := func(port string) setup {
		return func(ctx context.Context, n *Net) error { return n.Server.WebServer(ctx, ":"+port) }
	}
	closed := func(slug, story string, want []string, s setup) Scenario {
		return sftpFault(slug, story, want, s, Proof{Run: sftp("ls"), Match: `(?s)Connection established.*(Connection closed|Connection reset|Exceeded MaxStartups)`, Not: "Authenticated"})
	}
	onWeb := otherProtocol("to-web-server", "The URL has the port of the web server.", then(sshd(""), web("8080")), `(?s)Connection established.*(banner|identification).*(Connection closed|timed out|invalid)`).
		check("sftp://lab@" + FTPName + ":8080/")
	onWeb.Proof.Run = sftpAs("lab", "-P 8080", "ls")
	return []Scenario{
		sftpFault("service/sftp-not-started", "sshd was not enabled after the installation.", []string{"service/refused"}, func(context.Context, *Net) error { return nil },
			Proof{Run: sftp("ls") + "; " + pingHost, Match: away + `[\s\S]* [12] received`}),
		sftpFault("service/sftp-other-port", "sshd was moved to 2222, and nobody told the users.", []string{"service/wrong-port"}, sshd("Port 2222"),
			Proof{Run: sftp("ls") + "; " + sftpAs("lab", "-P 2222 -o StrictHostKeyChecking=no", "ls"), Match: away + `[\s\S]*hello\.txt`}).also("service/refused"),
		sftpFault("service/sftp-ipv4-only", "The name has both addresses, and sshd has AddressFamily inet.", []string{"service/wrong-listen-address"},
			then(sshd("AddressFamily inet"), func(_ context.Context, n *Net) error { return n.Zone.Add(FTPName + ". AAAA " + ServerIP6) }),
			Proof{Run: sftpAs("lab", "-6", "ls") + "; " + sftpAs("lab", "-4", "ls"), Match: away + `[\s\S]*hello\.txt`}).also("net/ipv6-broken", "dns/dead-address"),
		sftpFault("service/sftp-hung", "sshd is stopped: the kernel accepts, nobody speaks.", []string{"service/hung"}, hungSSHD,
			Proof{Run: sftp("ls") + "; " + pingHost, Match: `(?s)Connection established.*(Connection timed out during banner exchange).* [12] received`}),
		otherProtocol("ftp-on-22", "An FTP server was put on port 22, to pass a firewall.", vsftpd("listen_port=22"), `(?s)banner line 0: 220 `),
		otherProtocol("http-on-22", "A web server took the port.", web("22"), `(?s)Connection established.*(HTTP/1\.1 400|Connection timed out during banner|Connection closed)`),
		onWeb,
		fault("service/openssh-on-21", "sshd listens on port 21, which a firewall lets through.", []string{"service/other-protocol"}, sshd("Port 21"),
			Proof{Run: curlFTP, Match: `SSH-2\.0-OpenSSH|[Ww]eird server reply`}),
		sftpFault("net/sftp-drop-at-edge", "The data centre's edge router silently drops SSH.", []string{"net/port-filtered"}, then(sshd(""), filter(edge, "forward", "tcp dport 22 drop")),
			Proof{Run: sftp("ls") + "; " + pingHost, Match: `(?s)Connection timed out.* [12] received`}).hostDecides(),
		sftpFault("route/sftp-mtu-blackhole", "The way to the server takes 1300 bytes and nobody says so: a long listing hangs.", []string{"route/mtu-blackhole"},
			then(sshd(""), on(server, "cd /home/lab; seq -f report-of-the-quarter-number-%03.0f.txt 300 | xargs touch"), mtuHole),
			Proof{
				Run:   strings.Replace(sftp("ls"), "timeout 15", "timeout 10", 1) + "; ping -c1 -W2 -M do -s 1000 " + ServerIP + "; ping -c1 -W2 -M do -s 1400 " + ServerIP,
				Match: `(?s)Connection established.* 1 received.* 0 received`, Not: `hello\.txt`,
			}),
		sftpFault("auth/sftp-banned", "fail2ban has banned this address with a reject rule after failed logins.", []string{"net/port-rejected"},
			then(sshd(""), filter(server, "input", "ip saddr "+PublicIP+" tcp dport 22 reject with icmp port-unreachable")),
			Proof{Run: sftp("ls") + "; " + pingHost, Match: away + `[\s\S]* [12] received`}).also("auth/banned"),
		closed("net/sftp-wrappers", "hosts.deny refuses this address, and Debian's sshd asks it.", []string{"net/source-not-allowed", "ssh/throttled"},
			then(sshd(""), file("/etc/hosts.deny", "sshd: ALL\n"))).hostDecides(),
		closed("ssh/throttled", "Connections that never log in use up MaxStartups.", []string{"ssh/throttled"},
			then(sshd("MaxStartups 2:100:2\nLoginGraceTime 0"), holdSSH(edge, 2))),
		closed("ssh/throttled-per-source", "A client that never closes uses up PerSourceMaxStartups; other sources are served.", []string{"ssh/throttled"},
			then(sshd("PerSourceMaxStartups 1\nLoginGraceTime 0"), holdSSH(client, 1))),
		closed("ssh/throttled-dropbear", "Five connections of this address that never log in: dropbear takes no more.", []string{"ssh/throttled"},
			then(dropbear(), holdSSH(client, 5))).hostDecides(),
		closed("ssh/server-config-privilege-separation", "A clean-up job removed /run/sshd while sshd was running.", []string{"ssh/server-config"},
			then(sshd(""), on(server, "rmdir /run/sshd"))).hostDecides().also("service/aborts"),
	}
}

// sshKeyScenarios are keys that don't open.
func sshKeyScenarios() []Scenario {
	const denied = `Offering public key[\s\S]*Permission denied`
	rejected := func(slug, story string, s setup, more ...string) Scenario {
		return sftpFault("ssh/"+slug, story, append(more, "ssh/key-rejected"), s, Proof{Run: sftp("ls"), Match: denied, Not: "hello"}).byKey().hostDecides()
	}
	unsafe := func(slug, story, script string) Scenario {
		return rejected("authorized-keys-"+slug, story, then(keysOnly, authorized("ed25519"), on(server, script)), "ssh/authorized-keys-unsafe")
	}
	unusable := func(slug, story, script, match string) Scenario {
		return sftpFault("ssh/key-unusable-"+slug, story, []string{"ssh/key-unusable"}, then(keysOnly, authorized("ed25519"), onHome("cd .ssh\n"+script)),
			Proof{Run: sftp("ls"), Match: match + `[\s\S]*Permission denied`, Not: "hello"}).byKey()
	}
	notOffered := func(slug, story string, s setup, match string) Scenario {
		return sftpFault("ssh/auth-method-not-offered-"+slug, story, []string{"ssh/auth-method-not-offered"}, s, Proof{Run: sftp("ls"), Match: match, Not: "hello"})
	}
	tooMany := func(_ context.Context, n *Net) error {
		for _, kind := range []string{"ed25519", "ecdsa"} {
			if _, err := n.clientKey(kind); err != nil {
				return err
			}
		}
		return nil
	}
	fullAgent := func(ctx context.Context, n *Net) error {
		var keys []sshKey
		for range 7 {
			k, err := newSSHKey("ed25519")
			if err != nil {
				return err
			}
			keys = append(keys, k)
		}
		return errors.Join(n.Authorize(ctx, "lab", keys[6].public), n.agent(ctx, keys...))
	}
	withAgent := sftpFault("ssh/too-many-attempts-agent", "The agent holds seven keys, and the seventh is the right one.", []string{"ssh/too-many-attempts"},
		then(keysOnly, fullAgent), Proof{Run: sftpAs("lab", "-o IdentityAgent=home/agent", "ls"), Match: `Too many authentication failures`, Not: "hello"}).byAgent()
	return []Scenario{
		rejected("key-rejected", "The user's new key was never sent to the administrator.", then(keysOnly, clientKey("ed25519"))),
		rejected("key-rejected-dropbear", "The same with dropbear.", then(dropbear("-s"), clientKey("ed25519"))),
		rejected("key-rejected-proftpd", "The same with ProFTPD.", then(proftpdSSH("SFTPAuthMethods publickey\n"), clientKey("rsa"))),
		rejected("key-rejected-certificate-expired", "The user's certificate ran out yesterday, and the key by itself is not authorised.",
			then(userCertificate(-time.Hour), sshd("PasswordAuthentication no\nTrustedUserCAKeys /etc/ssh/user_ca.pub"))),
		rejected("key-rejected-other-file", "AuthorizedKeysFile was set to a directory of root, into which the key was not copied.",
			then(sshd("PasswordAuthentication no\nAuthorizedKeysFile /etc/ssh/keys/%u"), authorized("ed25519"))),
		unsafe("unsafe-home", "The home was opened to the group of a shared project.", "chgrp 100 /home/lab; chmod 775 /home/lab"),
		unsafe("unsafe-file", "authorized_keys was made writable for everybody.", "chmod 666 /home/lab/.ssh/authorized_keys"),
		unsafe("unsafe-owner", "authorized_keys belongs to another user after a restore.", "chown 2999 /home/lab/.ssh/authorized_keys"),
		unusable("too-open", "The key was copied from a USB stick: everybody can read it.", "chmod 644 id_ed25519", `UNPROTECTED PRIVATE KEY FILE`),
		unusable("ppk", "The key was made by PuTTYgen and copied as it is.", "puttygen id_ed25519 -O private -o ppk; mv ppk id_ed25519; chmod 600 id_ed25519; head -1 id_ed25519 | grep PuTTY", `Load key \S+: (error in libcrypto|invalid format)`),
		unusable("public", "The public key was copied over the private one.", "cat id_ed25519.pub >id_ed25519; rm id_ed25519.pub", `Load key \S+: (error in libcrypto|invalid format)`),
		unusable("truncated", "The key was pasted without its last lines.", "head -3 id_ed25519 >k; cat k >id_ed25519; rm k id_ed25519.pub", `Load key \S+: (error in libcrypto|invalid format)`),
		unusable("encrypted", "The key has a passphrase, and the job that uses it has none.", "ssh-keygen -q -p -P '' -N 'another secret' -f id_ed25519", `(Enter passphrase for key|passphrase)`),
		notOffered("password", "Passwords were switched off; the job has one and no key.", keysOnly, `Permission denied \(publickey\)`),
		notOffered("password-dropbear", "The same with dropbear -s.", dropbear("-s"), `Permission denied \(publickey\)`),
		notOffered("key", "Keys were switched off for a partner; the job has one and no password.",
			then(sshd("PubkeyAuthentication no"), authorized("ed25519")), `can continue: password[\s\S]*Permission denied \(password\)`).byKey().asked("-o PasswordAuthentication=no"),
		sftpFault("ssh/too-many-attempts", "MaxAuthTries is 2, and the client offers each key that it has.", []string{"ssh/too-many-attempts"},
			then(sshd("PasswordAuthentication no\nMaxAuthTries 1"), tooMany), Proof{Run: sftp("ls"), Match: `Too many authentication failures`}).byKey(),
		withAgent,
	}
}

// userCertificate gives the client a key with a certificate that ends after
// this time, and the server its authority.
func userCertificate(left time.Duration) setup {
	return func(_ context.Context, n *Net) error {
		ca, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		k, err := n.clientKey("ed25519")
		if err != nil {
			return err
		}
		until := time.Now().Add(left)
		cert := &ssh.Certificate{
			Key: k.signer.PublicKey(), Serial: 1, CertType: ssh.UserCert, KeyId: "lab", ValidPrincipals: []string{"lab"},
			ValidAfter: uint64(until.Add(-48 * time.Hour).Unix()), ValidBefore: uint64(until.Unix()),
		}
		if err := cert.SignCert(rand.Reader, ca.signer); err != nil {
			return fmt.Errorf("sign user key: %w", err)
		}
		return errors.Join(n.Server.WriteFile("/etc/ssh/user_ca.pub", ca.public+"\n"),
			n.homeFile(".ssh/id_ed25519-cert.pub", string(ssh.MarshalAuthorizedKey(cert)), 0o644))
	}
}

// asked gives the proof's client another option.
func (s Scenario) asked(options string) Scenario {
	s.Proof.Run = sftpAs("lab", options, "ls")
	return s
}

// keysOnly is a server as most guides want it.
func keysOnly(ctx context.Context, n *Net) error {
	return sshd("PasswordAuthentication no")(ctx, n)
}

// sshAuthScenarios are logins over SSH that are refused.
func sshAuthScenarios() []Scenario {
	rejected := func(slug, story, code string, s setup) Scenario {
		want := []string{"auth/rejected"}
		if code != want[0] {
			want = append([]string{code}, want...)
		}
		return sftpFault("auth/sftp-"+slug, story, want, s, Proof{Run: sftp("ls"), Match: `asked for: .*[Pp]assword[\s\S]*Permission denied`, Not: "hello"}).hostDecides()
	}
	changed := func(ctx context.Context, n *Net) error { return n.User(ctx, "lab", "changed-Last-Week", UserKnobs{}) }
	known := func(start setup) setup {
		return then(start, func(_ context.Context, n *Net) error { return n.KnowHost(FTPName) })
	}
	onlyDropbear := func(ctx context.Context, n *Net) error { _, err := n.Dropbear(ctx); return err }
	onlyMod := func(ctx context.Context, n *Net) error { _, err := n.ProFTPDSFTP(ctx, ""); return err }
	pam := func(text string) setup { return file("/etc/pam.d/sshd", text) }
	code := pam("auth required pam_unix.so\nauth required pam_google_authenticator.so\naccount required pam_unix.so\nsession required pam_unix.so\n")
	secret := on(server, `printf 'JBSWY3DPEHPK3PXP4KFRUE2QAE\n" RATE_LIMIT 3 30\n" TOTP_AUTH\n12345678\n' >/home/lab/.google_authenticator; chown lab: /home/lab/.google_authenticator; chmod 400 /home/lab/.google_authenticator`)
	second := func(slug, story string, s setup, match string) Scenario {
		return sftpFault("auth/sftp-second-factor"+slug, story, []string{"auth/second-factor-required"}, then(s, code, secret), Proof{Run: sftp("ls"), Match: match + `[\s\S]*Permission denied`, Not: "hello"})
	}
	says := func(slug, story string, want []string, s setup, match string) Scenario {
		return sftpFault("auth/sftp-"+slug, story, want, s, Proof{Run: sftp("ls"), Match: match, Not: "hello"})
	}
	root := rejected("root", "PermitRootLogin is prohibit-password, and the URL says root.", "auth/user-denied", sshd("PermitRootLogin prohibit-password")).check("sftp://root@" + FTPName + "/")
	root.Proof.Run = sftpAs("root", "", "ls")
	return []Scenario{
		rejected("wrong-password", "The password was changed last week.", "auth/rejected", then(changed, onlySSHD(""))),
		rejected("wrong-password-dropbear", "The same with dropbear.", "auth/rejected", then(changed, known(onlyDropbear))),
		rejected("wrong-password-proftpd", "The same with ProFTPD.", "auth/rejected", then(changed, known(onlyMod))),
		rejected("user-unknown", "The account was never made on this server.", "auth/user-unknown", onlySSHD("")),
		rejected("allow-users", "AllowUsers names the administrators only.", "auth/user-denied", sshd("AllowUsers root admin")),
		rejected("deny-users", "DenyUsers names the account.", "auth/user-denied", sshd("DenyUsers lab")),
		rejected("allow-groups", "AllowGroups names a group of which the account is no member.", "auth/user-denied", sshd("AllowGroups sftpusers")),
		root,
		rejected("shell-missing", "The account's shell was uninstalled.", "auth/shell-missing", then(account(UserKnobs{Shell: "/usr/bin/fish"}), onlySSHD(""))),
		rejected("shell-not-listed-dropbear", "dropbear asks /etc/shells, which lacks nologin.", "auth/shell-not-listed", then(account(UserKnobs{Shell: "/usr/sbin/nologin"}), known(onlyDropbear))),
		rejected("account-locked", "The account was locked with usermod -L.", "auth/account-locked", then(account(UserKnobs{Locked: true}), onlySSHD(""))),
		rejected("pam-module-missing", "The PAM file names a module that went with an update.", "auth/pam-broken",
			then(sshd(""), pam("auth required pam_ldap.so\naccount required pam_unix.so\nsession required pam_unix.so\n"))),
		says("nologin", "/etc/nologin keeps users out during maintenance.", []string{"service/unavailable", "auth/rejected"}, then(sshd(""), file("/etc/nologin", "down for maintenance until noon\n")), `down for maintenance until noon`),
		says("account-expired", "The contractor's account ran out.", []string{"auth/account-expired", "auth/rejected"}, then(account(UserKnobs{Expired: true}), onlySSHD("")), `account has expired`).hostDecides(),
		says("password-expired", "The password must be changed at the next login.", []string{"auth/password-expired"}, then(account(UserKnobs{OldPass: true}), onlySSHD("")), `(?i)password has expired|required to change your password`),
		second("", "PAM asks for a one-time code after the password.", sshd("PasswordAuthentication no\nKbdInteractiveAuthentication yes"), `asked for: .*Verification code`),
		second("-after-key", "A one-time code is asked for after the key.", then(sshd("PasswordAuthentication no\nKbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive"), authorized("ed25519")),
			`(?s)Authenticated using "publickey" with partial success.*asked for: .*Verification code`),
		// OpenSSH doubles a delay of its own until it covers the time that PAM took:
		// the login takes up to twice as long.
		sftpFault("auth/sftp-slow-login", "PAM asks a directory server that is gone, and goes on after five seconds.", []string{"performance/slow-login"},
			then(sshd(""), pam("auth optional pam_exec.so quiet /bin/sleep 4.6\nauth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n")),
			Proof{Run: "a=$(date +%s); " + sftp("ls") + "; b=$(date +%s); echo took $((b-a)) seconds", Match: `(?s)hello\.txt.*took ([4-9]|1[0-9]) seconds`}),
		sftpFault("auth/sftp-slower-login", "PAM asks a directory server that is gone, and goes on after seven seconds.", []string{"performance/slow-login"},
			then(sshd(""), pam("auth optional pam_exec.so quiet /bin/sleep 7\nauth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n")),
			Proof{Run: "a=$(date +%s); " + strings.Replace(sftp("ls"), "timeout 15", "timeout 40", 1) + "; b=$(date +%s); echo took $((b-a)) seconds", Match: `(?s)hello\.txt.*took ([7-9]|1[0-9]|2[0-9]) seconds`}),
	}
}
