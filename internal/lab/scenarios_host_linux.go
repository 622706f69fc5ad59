package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// withHost lets the check look at the server's machine too, over SSH. What only
// one side could tell, both together must: the code given is the root cause.
func (s Scenario) withHost(want ...string) Scenario {
	s.Name = "host/" + strings.Replace(s.Name, "/", "-", 1)
	s.Host, s.Want, s.Candidates = true, want, false
	return s
}

// bothSides are scenarios of the layers above, seen from both sides, with what
// the machine makes of the symptom.
var bothSides = [][]string{
	// 530 says nothing; the machine knows.
	{"auth/wrong-password", "auth/rejected"},
	{"auth/user-unknown", "auth/user-unknown"},
	{"auth/user-unknown-proftpd", "auth/user-unknown"},
	{"auth/shell-not-listed", "auth/shell-not-listed"},
	{"auth/shell-not-listed-proftpd", "auth/shell-not-listed"},
	{"auth/account-locked", "auth/account-locked"},
	{"auth/account-expired", "auth/account-expired"},
	{"auth/password-expired", "auth/password-expired"},
	{"auth/ftpusers", "auth/user-denied"},
	{"auth/ftpusers-proftpd", "auth/user-denied"},
	{"auth/deny-list", "auth/user-denied"},
	{"auth/allow-list", "auth/user-denied"},
	{"auth/pam-module-missing", "auth/pam-broken"},
	{"auth/home-missing", "auth/home-missing"},
	{"auth/home-missing-proftpd", "auth/home-missing"},
	{"auth/home-closed", "auth/home-missing"},
	{"auth/chroot-writable", "auth/chroot-writable"},
	{"auth/uid-too-low", "auth/user-denied"},
	{"service/nologin", "auth/logins-closed", "service/unavailable"},
	// Nobody answers.
	{"service/not-started", "service/not-running"},
	{"service/loopback-only", "service/loopback-only"},
	{"service/ipv4-only", "service/wrong-listen-address"},
	{"service/http-on-21", "service/port-taken"},
	{"service/backlog-full", "service/backlog-full"},
	{"net/drop-at-server", "host/firewall-blocks"},
	{"net/prohibited-by-server", "host/firewall-blocks"},
	{"net/port-unreachable-by-server", "host/firewall-blocks"},
	{"net/drop-at-edge", "net/port-filtered"},
	// Accepted, then nothing or no.
	{"net/source-not-allowed-libwrap", "net/source-not-allowed"},
	{"service/wrappers-vsftpd", "net/source-not-allowed"},
	{"service/max-clients-vsftpd", "service/too-many-connections"},
	{"service/max-per-ip-vsftpd", "service/too-many-from-source"},
	{"service/inetd-cannot-exec", "service/aborts", "service/failed"},
	// Data and files.
	{"data/pasv-private-behind-nat", "config/nat-address-missing"},
	{"file/disk-full", "host/disk-full"},
	{"file/disk-full-pureftpd", "host/disk-full"},
	{"file/inodes", "host/inodes-exhausted"},
	{"file/read-only", "file/read-only"},
	// SFTP.
	{"auth/sftp-wrong-password", "auth/rejected"},
	{"auth/sftp-user-unknown", "auth/user-unknown"},
	{"auth/sftp-allow-users", "auth/user-denied"},
	{"auth/sftp-deny-users", "auth/user-denied"},
	{"auth/sftp-allow-groups", "auth/user-denied"},
	{"auth/sftp-shell-missing", "auth/shell-missing"},
	{"auth/sftp-account-locked", "auth/account-locked"},
	{"auth/sftp-account-expired", "auth/account-expired"},
	{"auth/sftp-pam-module-missing", "auth/pam-broken"},
	{"ssh/authorized-keys-unsafe-home", "ssh/authorized-keys-unsafe"},
	{"ssh/authorized-keys-unsafe-file", "ssh/authorized-keys-unsafe"},
	{"ssh/authorized-keys-unsafe-owner", "ssh/authorized-keys-unsafe"},
	{"ssh/chroot-ownership", "ssh/chroot-ownership"},
	{"file/sftp-disk-full", "host/disk-full"},
	// All is well: nothing at warning or above that is not true.
	{"healthy/vsftpd"},
	{"healthy/vsftpd-tls"},
	{"healthy/proftpd"},
	{"healthy/proftpd-tls"},
	{"healthy/pureftpd"},
	{"healthy/pureftpd-tls"},
	{"healthy/inetutils"},
	{"healthy/pyftpdlib"},
	{"healthy/sftp-openssh"},
	{"healthy/sftp-openssh-key"},
	{"healthy/sftp-chroot"},
	{"healthy/sftp-dropbear"},
	{"healthy/sftp-proftpd"},
	{"healthy/behind-nat"},
	{"healthy/chroot"},
	{"healthy/anonymous"},
}

// hostScenarios are those in which both sides together decide.
func hostScenarios(others []Scenario) []Scenario {
	var list []Scenario
	for _, b := range bothSides {
		i := slices.IndexFunc(others, func(s Scenario) bool { return s.Name == b[0] })
		if i < 0 {
			panic("lab: no scenario " + b[0] + " to look at from both sides")
		}
		list = append(list, others[i].withHost(b[1:]...))
	}
	return append(list, machineScenarios()...)
}

// fail2ban is what fail2ban's action nftables-multiport makes of a ban.
func fail2ban(jail, port, address string) string {
	return `table inet f2b-table {
	set addr-set-` + jail + ` {
		type ipv4_addr
		elements = { ` + address + ` }
	}
	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		tcp dport ` + port + ` ip saddr @addr-set-` + jail + ` reject with icmp port-unreachable
	}
}
`
}

// nftables loads a rule set of the server from its usual file.
func nftables(rules string) setup {
	return then(file("/etc/nftables.conf", rules), on(server, "nft -f /etc/nftables.conf"))
}

// machineScenarios are causes that live on the machine alone.
func machineScenarios() []Scenario {
	both := func(slug, story, want string, s setup, p Proof) Scenario {
		return fault("host/"+slug, story, []string{want}, s, p).withHost(want).named("host/" + slug)
	}
	refusedThere := Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)(refused|nreachable).* [12] received`}
	expired := CertKnobs{NotBefore: time.Now().Add(-100 * 24 * time.Hour)}
	renew := func(ctx context.Context, n *Net) error {
		_, err := n.InstallCert(CertKnobs{})
		return err
	}
	const openControl = "ct state established,related accept\n\t\ticmp type echo-request accept\n\t\tip6 nexthdr icmpv6 accept\n\t\tiif lo accept\n\t\ttcp dport { 21, 2200 } accept\n"
	table := func(rules, policy string) string {
		return "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy " + policy + ";\n\t\t" + rules + "\t}\n}\n"
	}
	// moreFiles leaves the server as many descriptors as it has, and some more.
	moreFiles := func(some int) setup {
		return on(server, fmt.Sprintf(`pid=$(ss -Hltnp 'sport = :21' | sed -n '1s/.*pid=\([0-9]*\).*/\1/p'); n=0; while [ -e /proc/$pid/fd/$n ]; do n=$((n+1)); done; prlimit --pid "$pid" --nofile=$((n+%d))`, some))
	}
	list := []Scenario{
		both("descriptors", "LimitNOFILE is far too low: the sessions that are open leave none for a data connection.", "host/descriptors-exhausted",
			then(pyftpdlib(""), hold(edge, 4), moreFiles(1)),
			Proof{Run: curlFTP, Match: `(?s)230 Login successful.*(response reading failed|Recv failure|got nothing|refused|imed out)`}),
		both("descriptors-vsftpd", "The unit of vsftpd got a LimitNOFILE so low that no session can open a file.", "host/descriptors-exhausted",
			then(vsftpd(""), moreFiles(0)),
			Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)Connected to.* [12] received`, Not: `< 230`}),
		both("banned-by-proftpd", "ProFTPD bans this address after failed logins, and keeps a log of it.", "auth/banned",
			then(proftpd("LoadModule mod_ban.c\nBanEngine on\nBanTable /run/ban.tab\nBanLog /var/log/proftpd/ban.log\nBanOnEvent MaxLoginAttempts 1/01:00:00 01:00:00\nMaxLoginAttempts 1"),
				on(client, "curl -s --max-time 8 -u lab:forgotten ftp://"+ServerIP+"/ || true")),
			Proof{Run: curlFTP, Match: `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`, Not: `< 220`}),
		both("fail2ban", "fail2ban has put this address into its set after failed logins.", "auth/banned",
			then(vsftpd(""), func(ctx context.Context, n *Net) error { return n.Server.NFT(ctx, fail2ban("vsftpd", "21", PublicIP)) }), refusedThere),
		both("fail2ban-sshd", "The same for SSH: the administrator's own port is not banned.", "auth/banned",
			then(sshd(""), func(ctx context.Context, n *Net) error { return n.Server.NFT(ctx, fail2ban("sshd", "22", PublicIP)) }),
			Proof{Run: sftp("ls") + "; " + pingHost, Match: `Connection refused[\s\S]* [12] received`}).check("sftp://lab@" + FTPName + "/"),
		both("nftables-policy", "nftables.conf lets in SSH alone, by policy.", "host/firewall-blocks",
			then(vsftpd(""), nftables(table("ct state established,related accept\n\t\ticmp type echo-request accept\n\t\ttcp dport { 22, 2200 } accept\n", "drop"))),
			Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)(imed out|imeout).* [12] received`}),
		both("iptables-legacy-drop", "An old script drops FTP from outside with iptables of the old kind.", "host/firewall-blocks",
			then(vsftpd(""), on(server, "iptables-legacy -N FTPIN; iptables-legacy -A INPUT -i lo -j ACCEPT; iptables-legacy -A INPUT -p tcp -m multiport --dports 20,21 -j FTPIN; iptables-legacy -A FTPIN -s 10.0.0.0/8 -j RETURN; iptables-legacy -A FTPIN -j DROP")),
			Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)(imed out|imeout).* [12] received`}),
		both("iptables-nft-reject", "A script rejects FTP with iptables, which writes into nf_tables.", "host/firewall-blocks",
			then(vsftpd(""), on(server, "iptables-nft -A INPUT -p tcp --dport 21 -m conntrack --ctstate NEW -j REJECT --reject-with icmp-admin-prohibited")),
			Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)No route to host.* [12] received`}),
		both("iptables-passive-closed", "rules.v4 lets in port 21 and what belongs to it, and no helper knows what belongs to it.", "config/port-range-not-open",
			then(vsftpd(""), on(server, "iptables-nft -A INPUT -i lo -j ACCEPT; iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; iptables-nft -A INPUT -p icmp -j ACCEPT; iptables-nft -A INPUT -p tcp -m multiport --dports 21,2200 -j ACCEPT; iptables-nft -P INPUT DROP")),
			Proof{Run: curlFTP, Match: `(?s)230 Login successful.*(imed out|imeout)`}),
		control("host/reset-for-ipv6", "A rule for IPv6 alone, which nft lists as if it were for both.",
			then(vsftpd(""), nftables(table("meta nfproto ipv6 tcp dport 21 reject with tcp reset\n", "accept"))), Proof{Run: curlFTP, Match: listed}).check("-4", target).withHost().named("host/reset-for-ipv6"),
		both("source-blocked", "A rule of nftables.conf drops the network of this client.", "host/firewall-blocks",
			then(vsftpd(""), nftables(table("ip saddr 203.0.113.0/24 tcp dport 21 drop\n", "accept"))),
			Proof{Run: curlFTP + "; " + pingHost, Match: `(?s)(imed out|imeout).* [12] received`}),
		both("passive-range-closed", "The firewall lets in port 21, and not the passive range of vsftpd.conf.", "config/port-range-not-open",
			then(vsftpd(""), nftables(table(openControl, "drop"))),
			Proof{Run: curlFTP, Match: `(?s)230 Login successful.*(imed out|imeout)`}),
		both("passive-range-moved", "The firewall opens 50000 to 50050, and ProFTPD uses another range.", "config/port-range-not-open",
			then(proftpd(""), nftables(table(openControl+"\t\ttcp dport 50000-50050 accept\n", "drop"))),
			Proof{Run: curlFTP, Match: `(?s)230 User lab logged in.*(imed out|imeout)`}),
		both("certificate-not-loaded", "The certificate was renewed on disk, and vsftpd still serves the one that it read when it started.", "config/not-loaded",
			then(vsftpdTLS(expired, ""), renew), Proof{Run: sClient + "; " + curlTLS, Match: `(?s)certificate has expired.*curl: \(60\)`}).overTLS(),
		both("upload-directory-of-root", "The upload directory was made by root.", "file/permission-denied",
			then(vsftpd(""), on(server, "mkdir /home/lab/incoming")), Proof{Run: put("/home/lab/incoming"), Match: `553 Could not create file`}).
			check("--op", "upload", target+"incoming/"),
		both("shell-missing", "The account's shell was uninstalled, and PAM asks for one that exists.", "auth/shell-not-listed",
			then(account(UserKnobs{Shell: "/usr/bin/fish"}), onlyVSFTPD("")), Proof{Run: curlFTP, Match: `(?s)> PASS .*\s+< 530 Login incorrect`}),
		both("hosts-allow", "hosts.allow lets in the head office only, before inetd's tcpd.", "net/source-not-allowed",
			then(inetutils(""), file("/etc/hosts.allow", "sshd: ALL\nftpd: 192.0.2.\n"), file("/etc/hosts.deny", "ALL: ALL\n")),
			Proof{Run: curlFTP, Match: `(?s)Connected to.*(response reading failed|Recv failure|got nothing)`, Not: `< 220`}),
	}
	return list
}

// named replaces the name.
func (s Scenario) named(name string) Scenario {
	s.Name = name
	return s
}
