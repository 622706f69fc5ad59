package lab

import (
	"context"
	"errors"
	"time"
)

// sftpControls are healthy servers, each way to log in, and what looks odd and
// works.
func sftpControls() []Scenario {
	upload := Proof{Run: "head -c 300000 /dev/urandom >up.bin; " + sftp("put up.bin", "get up.bin down.bin", "rm up.bin") + "; cmp up.bin down.bin && echo the same; rm up.bin down.bin", Match: `the same`}
	download := func(size string) Proof {
		return Proof{Run: sftp("get data.bin") + "; stat -c '%s bytes' data.bin; rm data.bin", Match: "(?m)^" + size + " bytes"}
	}
	agentKey := func(ctx context.Context, n *Net) error {
		k, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		return errors.Join(n.Authorize(ctx, "lab", k.public), n.agent(ctx, k))
	}
	encrypted := func(ctx context.Context, n *Net) error {
		k, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		if err := errors.Join(n.Authorize(ctx, "lab", k.public), n.agent(ctx, k), n.keepKey("ed25519", k)); err != nil {
			return err
		}
		return onHome("ssh-keygen -q -p -P '' -N 'another secret' -f .ssh/id_ed25519")(ctx, n)
	}
	byAgent := Proof{Run: sftpAs("lab", "-o IdentityAgent=home/agent", "ls -l"), Match: `Server accepts key: .* agent[\s\S]*using "publickey"[\s\S]*hello\.txt`}
	data := on(server, "head -c 1000000 /dev/urandom >/home/lab/data.bin")
	proftpdKey := then(proftpdSSH("SFTPAuthMethods publickey\n"), authorized("ed25519"),
		on(server, "install -d -o lab /home/lab/.sftp; ssh-keygen -e -f /home/lab/.ssh/authorized_keys >/home/lab/.sftp/authorized_keys"))
	jail := then(account(UserKnobs{HomeOwner: "root", Shell: "/usr/sbin/nologin"}), onlySSHD("Subsystem sftp internal-sftp\nMatch User lab\nChrootDirectory %h\nForceCommand internal-sftp"),
		on(server, "install -d -o lab /home/lab/incoming"))
	port := func(s Scenario, target, options, host string) Scenario {
		s.Args, s.Proof.Run = []string{target}, sftpAs("lab", options, "ls -l")
		s.Setup = then(s.Setup, func(_ context.Context, n *Net) error { return n.KnowHost(host) })
		return s
	}
	return []Scenario{
		sftpControl("openssh", "OpenSSH as Debian sets it up, with a password.", sshd(""), sftpByPassword),
		sftpControl("openssh-key", "OpenSSH for keys only, with an Ed25519 key.", then(keysOnly, authorized("ed25519")), sftpByKey).byKey(),
		sftpControl("openssh-key-rsa", "The same with an RSA key.", then(keysOnly, authorized("rsa")), sftpByKey).byKey(),
		sftpControl("openssh-key-ecdsa", "The same with an ECDSA key.", then(keysOnly, authorized("ecdsa")), sftpByKey).byKey(),
		sftpControl("openssh-agent", "The key is in the agent only.", then(keysOnly, agentKey), byAgent).byAgent(),
		sftpControl("openssh-agent-encrypted", "The key file has a passphrase, and the agent holds the key.", then(keysOnly, encrypted), byAgent).byAgent(),
		sftpControl("openssh-certificate", "The key is certified by an authority that the server trusts.",
			then(userCertificate(time.Hour), sshd("PasswordAuthentication no\nTrustedUserCAKeys /etc/ssh/user_ca.pub")),
			Proof{Run: sftp("ls -l"), Match: `Server accepts key: .*ED25519-CERT[\s\S]*hello\.txt`}).byKey(),
		sftpControl("openssh-second-key", "The first key is not authorised, the second is.", then(keysOnly, clientKey("ecdsa"), authorized("ed25519")), sftpByKey).byKey(),
		sftpControl("openssh-key-then-password", "The key is not authorised, and the password is right.", then(sshd(""), clientKey("ed25519")), sftpByPassword),
		sftpControl("openssh-both", "The server wants a key and a password, and gets both.", then(sshd("AuthenticationMethods publickey,password"), authorized("ed25519")),
			Proof{Run: sftp("ls -l"), Match: `using "publickey" with partial success[\s\S]*using "password"[\s\S]*hello\.txt`}),
		sftpControl("openssh-keyboard-interactive", "The password is asked for by keyboard-interactive only.", sshd("PasswordAuthentication no\nKbdInteractiveAuthentication yes"),
			Proof{Run: sftp("ls -l"), Match: `using "keyboard-interactive"[\s\S]*hello\.txt`}),
		sftpControl("chroot", "internal-sftp in a chroot of root, with a directory that is the user's; the shell is nologin.", jail,
			Proof{Run: sftp("pwd", "ls -l"), Match: `working directory: /\s[\s\S]*incoming`}),
		sftpControl("banner", "A banner before the login, and start-up files that write to stderr.",
			then(file("/etc/issue.net", "Authorised use only. 仅限授权用户。\n"), sshd("Banner /etc/issue.net"), file("/home/lab/.bashrc", "echo welcome >&2\nstty erase ^H\n")),
			Proof{Run: sftp("ls -l"), Match: `Authorised use only[\s\S]*hello\.txt`}),
		sftpControl("weak-algorithms", "Old algorithms are offered beside new ones, for one old partner: a warning.",
			sshd("KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1\nCiphers +3des-cbc,aes128-cbc\nMACs +hmac-md5\nHostKeyAlgorithms +ssh-rsa"), sftpByPassword).degraded(),
		sftpControl("no-post-quantum", "A key exchange of yesterday: curves, and nothing against quantum computers.", sshd("KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256"), sftpByPassword),
		sftpControl("dropbear", "dropbear with OpenSSH's SFTP server.", dropbear(), sftpByPassword).degraded(),
		sftpControl("dropbear-key", "dropbear for keys only.", then(dropbear("-s"), authorized("ed25519")), sftpByKey).byKey().degraded(),
		sftpControl("proftpd", "ProFTPD's mod_sftp with a password.", proftpdSSH(""), sftpByPassword).degraded(),
		sftpControl("proftpd-key", "ProFTPD's mod_sftp for keys only.", proftpdKey, sftpByKey).byKey().degraded(),
		port(sftpControl("other-port", "sshd listens on 2222, and the URL says so.", sshd("Port 2222"), sftpByPassword), "sftp://lab@"+FTPName+":2222/", "-P 2222", "["+FTPName+"]:2222"),
		sftpControl("ipv6-only-name", "The name has only an AAAA record, and IPv6 works.", then(sshd(""), func(_ context.Context, n *Net) error {
			n.Zone.Remove(FTPName)
			return n.Zone.Add(FTPName + ". AAAA " + ServerIP6)
		}), sftpByPassword),
		sftpControl("strict-firewall", "The server's firewall drops all but SSH.",
			then(sshd(""), filter(server, "input", "ct state established,related accept", "tcp dport 22 accept", "drop")), sftpByPassword),
		sftpControl("one-session", "One session per address at a time: enough for who closes what he opens.", sshd("MaxStartups 1\nMaxAuthTries 2\nMaxSessions 1"), sftpByPassword),
		sftpControl("download", "A file of a megabyte can be fetched.", then(sshd(""), data), download("1000000")).check("--op", "download", sftpTarget+"data.bin"),
		sftpControl("download-dropbear", "The same with dropbear.", then(dropbear(), data), download("1000000")).degraded().check("--op", "download", sftpTarget+"data.bin"),
		sftpControl("download-proftpd", "The same with ProFTPD.", then(proftpdSSH(""), data), download("1000000")).degraded().check("--op", "download", sftpTarget+"data.bin"),
		sftpControl("upload", "A file can be put, read back and removed.", sshd(""), upload).check("--op", "upload", sftpTarget),
		sftpControl("upload-key", "The same by a key.", then(keysOnly, authorized("ed25519")), upload).byKey().check("--op", "upload", sftpTarget),
		sftpControl("upload-dropbear", "The same with dropbear.", dropbear(), upload).degraded().check("--op", "upload", sftpTarget),
		sftpControl("upload-proftpd", "The same with ProFTPD.", proftpdSSH(""), upload).degraded().check("--op", "upload", sftpTarget),
	}
}

// sftpSubsystemScenarios are logins that work, and an SFTP that does not begin.
func sftpSubsystemScenarios() []Scenario {
	fails := func(slug, story, code string, s setup, match string) Scenario {
		return sftpFault("ssh/"+slug, story, []string{code}, s, Proof{Run: sftp("ls"), Match: `(?s)Authenticated to .*` + match, Not: "hello"})
	}
	noServer := on(server, "mount --bind /dev/null /usr/lib/openssh/sftp-server")
	home := func(script string) setup { return then(sshd(""), file("/home/lab/.bashrc", script)) }
	jail := func(script string) setup {
		return then(sshd("Subsystem sftp internal-sftp\nMatch User lab\nChrootDirectory /home/lab"), on(server, script))
	}
	const closed = `(Connection closed|Broken pipe|Connection reset)`
	const config, noise, chroot, off = "ssh/server-config", "ssh/shell-noise", "ssh/chroot-ownership", "ssh/sftp-not-enabled"
	return []Scenario{
		fails("sftp-not-enabled", "The Subsystem line was commented out.", off, sshd("#Subsystem sftp /usr/lib/openssh/sftp-server"), `subsystem request failed`),
		fails("sftp-not-enabled-dropbear", "dropbear, without the package that has an SFTP server.", config, then(dropbear(), noServer), closed).also(off),
		fails("server-config-path", "The Subsystem line has the path of another distribution.", config, sshd("Subsystem sftp /usr/libexec/openssh/sftp-server"), `Exit status 127.*`+closed),
		fails("server-config-not-executable", "The SFTP server lost its execute bit.", config, then(sshd(""), noServer), `Exit status 126.*`+closed),
		fails("server-config-forced-command", "ForceCommand of a Match block runs a backup script for this account.", config,
			then(file("/etc/backup.sh", "#!/bin/sh\nexit 3\n"), sshd("Match User lab\nForceCommand /etc/backup.sh")), closed),
		fails("server-config-no-sessions", "MaxSessions 0 of a Match block for tunnels holds for this account too.", config, sshd("Match User lab\nMaxSessions 0"), `open failed: connect failed: open failed`),
		fails("nologin-shell", "The account got nologin as its shell, since it is for SFTP only.", "ssh/nologin-shell", then(account(UserKnobs{Shell: "/usr/sbin/nologin"}), onlySSHD("")), `Received message too long 1416128883`),
		fails("false-shell", "The account got /bin/false as its shell.", "ssh/nologin-shell", then(account(UserKnobs{Shell: "/bin/false"}), onlySSHD("")), closed).hostDecides().also(config),
		fails("shell-noise", "A colleague's .bashrc says hello.", noise, home("echo Welcome back\n"), `Received message too long 1466264675`),
		fails("shell-noise-colour", "A start-up file prints the machine's status in colour.", noise, home("printf '\\033[32mall well\\033[0m\\n'\n"), `Received message too long 458961714`),
		fails("shell-noise-version-manager", "A version manager prints one digit and a new line.", noise, home("echo 8\n"), `Received message too long`),
		fails("forced-command-text", "The key's forced command prints a text.", noise,
			then(file("/etc/status.sh", "#!/bin/sh\nuptime\n"), sshd("Match User lab\nForceCommand /etc/status.sh")), `Received message too long`).also(config),
		fails("chroot-ownership", "The chroot belongs to the user.", chroot, jail("true"), closed).hostDecides(),
		fails("chroot-ownership-group", "The chroot belongs to root, and its group may write.", chroot, jail("chown root: /home/lab; chmod 775 /home/lab"), closed).hostDecides(),
		fails("chroot-missing", "The chroot directory was never made.", chroot, then(sshd("Subsystem sftp internal-sftp\nMatch User lab\nChrootDirectory /srv/jail/%u")), closed).hostDecides().also(config),
		fails("chroot-without-server", "The chroot is right, and the SFTP server is the program outside of it.", config,
			then(account(UserKnobs{HomeOwner: "root"}), onlySSHD("Match User lab\nChrootDirectory /home/lab")), closed).hostDecides().also(chroot),
	}
}

// sftpFileScenarios are storage that refuses, over SFTP.
func sftpFileScenarios() []Scenario {
	put := "head -c 262144 /dev/zero >up.bin; " + sftp("put up.bin") + "; rm up.bin"
	upload := func(slug, story, code string, s setup, match string) Scenario {
		return sftpFault("file/sftp-"+slug, story, []string{code}, s, Proof{Run: put, Match: `Authenticated to[\s\S]*` + match}).check("--op", "upload", sftpTarget)
	}
	download := func(slug, story, code string, s setup, match string) Scenario {
		return sftpFault("file/sftp-"+slug, story, []string{code}, s, Proof{Run: sftp("get hello.txt") + "; rm -f hello.txt", Match: `Authenticated to[\s\S]*` + match}).check("--op", "download", sftpTarget+"hello.txt")
	}
	mount := func(options, more string) setup {
		return on(server, "mount -t tmpfs -o mode=755,"+options+" lab /home/lab; echo hello >/home/lab/hello.txt; chown lab /home/lab\n"+more)
	}
	missing, denied := "file/not-found", "file/permission-denied"
	remove, protect := on(server, "rm /home/lab/hello.txt"), on(server, "chown root /home/lab/hello.txt; chmod 600 /home/lab/hello.txt")
	closed := sftpFault("file/sftp-directory-closed", "The directory of the URL belongs to root and is closed.", []string{denied},
		then(sshd(""), on(server, "install -d -m 700 /home/lab/reports")), Proof{Run: sftp("ls -l", "ls reports"), Match: `reports[\s\S]*Permission denied`}).check(sftpTarget + "home/lab/reports/")
	gone := sftpFault("file/sftp-directory-missing", "The home was restored without the directory of the URL.", []string{missing},
		then(sshd(""), on(server, "mkdir /home/lab/data")), Proof{Run: sftp("ls -l", "ls /home/lab/reports"), Match: ` data\s[\s\S]*Can't ls: "/home/lab/reports" not found`}).check(sftpTarget + "home/lab/reports/")
	full, readOnly := "file/disk-full", "file/read-only"
	quota := then(on(server, `mkdir -p /etc/proftpd; cd /etc/proftpd
ftpquota --create-table --type=limit
ftpquota --create-table --type=tally
ftpquota --add-record --type=limit --name=lab --quota-type=user --bytes-upload=1000 --limit-type=hard --units=byte
ftpquota --add-record --type=tally --name=lab --quota-type=user
ftpquota --update-record --type=tally --name=lab --quota-type=user --bytes-upload=2000 --units=byte`),
		proftpdSSH("LoadModule mod_quotatab.c\nLoadModule mod_quotatab_file.c\nQuotaEngine on\nQuotaLimitTable file:/etc/proftpd/ftpquota.limittab\nQuotaTallyTable file:/etc/proftpd/ftpquota.tallytab\n"))
	return []Scenario{
		download("missing", "The file was collected and removed by somebody else.", missing, then(sshd(""), remove), `(not found|No such file)`),
		download("missing-dropbear", "The same with dropbear.", missing, then(dropbear(), remove), `(not found|No such file)`),
		download("missing-proftpd", "The same with ProFTPD.", missing, then(proftpdSSH(""), remove), `(not found|No such file)`),
		download("unreadable", "The file belongs to root and is closed.", denied, then(sshd(""), protect), `hello\.txt.*Permission denied`),
		closed,
		gone,
		upload("directory-of-root", "The home belongs to root after a restore.", denied, then(sshd(""), on(server, "chown root: /home/lab")), `up\.bin.*Permission denied`),
		upload("directory-of-root-proftpd", "The same with ProFTPD.", denied, then(proftpdSSH(""), on(server, "chown root: /home/lab")), `up\.bin.*Permission denied`),
		upload("uploads-disabled", "sftp-server runs with -R, read-only.", "file/uploads-disabled", sshd("Subsystem sftp /usr/lib/openssh/sftp-server -R"), `up\.bin.*Permission denied`).hostDecides().also(denied),
		upload("disk-full", "The disk is full; OpenSSH says only Failure.", full, then(sshd(""), mount("size=64k", "")), `up\.bin.*Failure`),
		upload("disk-full-dropbear", "The same with dropbear.", full, then(dropbear(), mount("size=64k", "")), `up\.bin.*Failure`),
		upload("disk-full-proftpd", "The same with ProFTPD.", full, then(proftpdSSH(""), mount("size=64k", "")), `up\.bin.*(Failure|[Nn]o space)`),
		upload("quota", "The account has used up its virtual quota; ProFTPD says only Failure.", "file/quota-exceeded", quota, `up\.bin.*(Failure|quota|Quota)`).hostDecides().also(full),
		upload("inodes", "No inode is left on the disk.", full, then(sshd(""), mount("size=10m,nr_inodes=4", "touch /home/lab/a /home/lab/b")), `up\.bin.*Failure`),
		upload("read-only", "The file system was mounted read-only after an error.", readOnly, then(sshd(""), mount("size=10m", "mount -o remount,ro /home/lab")), `up\.bin.*(Failure|Permission denied|Read-only)`),
	}
}
