package lab

import "context"

// account makes a Setup of the account lab with a peculiarity.
func account(k UserKnobs) setup {
	return func(ctx context.Context, n *Net) error { return n.User(ctx, "lab", Password, k) }
}

// The servers alone, for accounts that are not the usual one.
func onlyVSFTPD(conf string) setup {
	return func(ctx context.Context, n *Net) error { _, err := n.VSFTPD(ctx, conf); return err }
}

func onlyProFTPD(conf string) setup {
	return func(ctx context.Context, n *Net) error { _, err := n.ProFTPD(ctx, conf); return err }
}

func onlyPureFTPD(args ...string) setup {
	return func(ctx context.Context, n *Net) error { _, err := n.PureFTPD(ctx, args...); return err }
}

const curlAnonymous = "curl -sSv --max-time 10 ftp://" + FTPName + "/"

// authScenarios are logins that are refused.
func authScenarios() []Scenario {
	return append(rejectedScenarios(), deniedScenarios()...)
}

// rejectedScenarios all end in the same 530: only the server's side knows why.
func rejectedScenarios() []Scenario {
	rejected := func(slug, story, code string, s setup) Scenario {
		want := []string{"auth/rejected"}
		if code != want[0] {
			want = append([]string{code}, want...)
		}
		return fault("auth/"+slug, story, want, s, Proof{Run: curlFTP, Match: `(?s)> PASS .*\s+< 530 Login incorrect`}).hostDecides()
	}
	changed := func(ctx context.Context, n *Net) error { return n.User(ctx, "lab", "changed-Last-Week", UserKnobs{}) }
	nologin := account(UserKnobs{Shell: "/usr/sbin/nologin"})
	denied := file("/etc/ftpusers", "root\nlab\n")
	return []Scenario{
		rejected("wrong-password", "The password was changed last week.", "auth/rejected", then(changed, onlyVSFTPD(""))),
		rejected("wrong-password-proftpd", "The same with ProFTPD.", "auth/rejected", then(changed, onlyProFTPD(""))),
		rejected("user-unknown", "The account was never made on this server.", "auth/user-unknown", onlyVSFTPD("")),
		rejected("user-unknown-proftpd", "The same with ProFTPD.", "auth/user-unknown", onlyProFTPD("")),
		rejected("shell-not-listed", "The account got nologin as its shell, which /etc/shells does not list.", "auth/shell-not-listed", then(nologin, onlyVSFTPD(""))),
		rejected("shell-not-listed-proftpd", "The same with ProFTPD's RequireValidShell.", "auth/shell-not-listed", then(nologin, onlyProFTPD(""))),
		rejected("account-locked", "The account was locked with usermod -L.", "auth/account-locked", then(account(UserKnobs{Locked: true}), onlyVSFTPD(""))),
		rejected("account-expired", "The contractor's account ran out.", "auth/account-expired", then(account(UserKnobs{Expired: true}), onlyVSFTPD(""))),
		rejected("password-expired", "The password must be changed at the next login.", "auth/password-expired", then(account(UserKnobs{OldPass: true}), onlyVSFTPD(""))),
		rejected("ftpusers", "The account is in /etc/ftpusers, which PAM reads after the password.", "auth/user-denied", then(denied, vsftpd(""))),
		rejected("ftpusers-proftpd", "The same with ProFTPD's UseFtpUsers.", "auth/user-denied", then(denied, proftpd(""))),
		rejected("ftpusers-inetutils", "The same with GNU ftpd.", "auth/user-denied", then(denied, inetutils(""))),
		rejected("pam-module-missing", "The PAM file names a module that went with an update.", "auth/pam-broken",
			then(file("/etc/pam.d/vsftpd", "auth required pam_mysql.so user=ftp\naccount required pam_mysql.so user=ftp\n"), vsftpd(""))),
		rejected("home-missing-proftpd", "The home directory was not made; ProFTPD does not say so.", "auth/home-missing", then(account(UserKnobs{NoHome: true}), onlyProFTPD(""))),
	}
}

// deniedScenarios are refusals that say why.
func deniedScenarios() []Scenario {
	says := func(slug, story string, want []string, s setup, match string) Scenario {
		return fault("auth/"+slug, story, want, s, Proof{Run: curlFTP, Match: match})
	}
	anonymous := func(slug, story string, s setup, match string) Scenario {
		c := fault("auth/anonymous-disabled-"+slug, story, []string{"auth/anonymous-disabled"}, s, Proof{Run: curlAnonymous, Match: match})
		c.Args, c.Env = []string{"ftp://" + FTPName + "/"}, nil
		return c
	}
	denied, home := []string{"auth/user-denied"}, []string{"auth/home-missing"}
	chroot := []string{"auth/chroot-writable"}
	const beforePassword = `> USER lab\s+< 530 Permission denied`
	return []Scenario{
		says("deny-list", "The account is on vsftpd's deny list.", denied,
			then(file("/etc/vsftpd.user_list", "root\nlab\n"), vsftpd("userlist_enable=YES")), beforePassword),
		says("allow-list", "vsftpd has an allow list, and the new account is not on it.", denied,
			then(file("/etc/vsftpd.user_list", "alice\nbob\n"), vsftpd("userlist_enable=YES\nuserlist_deny=NO")), beforePassword),
		says("anonymous-only", "local_enable was never set: the server is for anonymous users only.", append(denied, "auth/rejected"),
			func(ctx context.Context, n *Net) error {
				if err := n.User(ctx, "ftp", "*", UserKnobs{Home: "/srv/ftp", Shell: "/usr/sbin/nologin", HomeOwner: "root"}); err != nil {
					return err
				}
				return vsftpd("local_enable=NO\nanonymous_enable=YES")(ctx, n)
			}, `530 This FTP server is anonymous only`),
		says("uid-too-low", "Pure-FTPd's MinUID is above the account's.", append(denied, "auth/rejected"),
			then(account(UserKnobs{UID: 500}), onlyPureFTPD()), `530 Sorry, but I can't trust you`),
		says("home-missing", "The home directory was not made.", home, then(account(UserKnobs{NoHome: true}), onlyVSFTPD("")), `500 OOPS: cannot change directory:/home/lab`),
		says("home-missing-pureftpd", "The same with Pure-FTPd.", home, then(account(UserKnobs{NoHome: true}), onlyPureFTPD()), `421 Home directory not available`),
		says("home-closed", "The home directory belongs to root after a restore, and is closed to others.", home,
			then(account(UserKnobs{HomeMode: 0o700, HomeOwner: "root"}), onlyVSFTPD("")), `500 OOPS: cannot change directory:/home/lab`),
		says("chroot-writable", "chroot_local_user=YES, and the users own their home.", chroot, vsftpd("chroot_local_user=YES"), `500 OOPS: vsftpd: refusing to run with writable root inside chroot`),
		says("chroot-list", "The account was put on the chroot list.", chroot,
			then(file("/etc/vsftpd.chroot_list", "lab\n"), vsftpd("chroot_list_enable=YES\nchroot_list_file=/etc/vsftpd.chroot_list")), `500 OOPS: vsftpd: refusing to run with writable root`),
		anonymous("vsftpd", "The URL names no user, and anonymous login is off.", vsftpd(""), `> USER anonymous[\s\S]*< 530 Login incorrect`),
		anonymous("proftpd", "The same with ProFTPD.", proftpd(""), `220 ProFTPD[\s\S]*> USER anonymous[\s\S]*< 530 Login incorrect`),
		anonymous("pureftpd", "The same with Pure-FTPd.", pureFTPD("-E"), `< 530 Login authentication failed`),
		anonymous("pyftpdlib", "The same with pyftpdlib.", pyftpdlib(""), `< 530 Anonymous access not allowed`),
		fault("auth/banned", "ProFTPD bans this address after failed logins.", []string{"auth/banned", "net/source-not-allowed"},
			then(proftpd("LoadModule mod_ban.c\nBanEngine on\nBanTable /run/ban.tab\nBanOnEvent MaxLoginAttempts 1/01:00:00 01:00:00\nMaxLoginAttempts 1"),
				on(client, "curl -s --max-time 8 -u lab:forgotten ftp://"+ServerIP+"/ || true")),
			Proof{Run: curlFTP, Match: `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`, Not: `< 220`}).hostDecides(),
		fault("auth/slow-login", "PAM asks a directory server that is gone, and goes on after six seconds.", []string{"performance/slow-login"},
			then(file("/etc/pam.d/proftpd", "auth optional pam_exec.so quiet /bin/sleep 6\nauth required pam_unix.so\naccount required pam_unix.so\n"), proftpd("")),
			Proof{Run: curl + "-o /dev/null --max-time 15 --connect-timeout 15 -w 'took %{time_total}\n' ftp://" + FTPName + "/", Match: `(?s)230 User lab logged in.*took ([6-9]|1[0-9])\.`}),
		control("chroot", "The user is in a chroot that is not writable, with a directory that is.",
			then(account(UserKnobs{HomeOwner: "root"}), onlyVSFTPD("chroot_local_user=YES"), on(server, "install -d -o lab /home/lab/upload")), plainListing),
	}
}
