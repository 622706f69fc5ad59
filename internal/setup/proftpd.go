package setup

import (
	"fmt"
	"strings"
)

// proftpd writes proftpd.conf.
func proftpd(o *Options) (*Set, error) {
	if older(o.Version, "1.3.5") {
		return nil, &Error{"--version", o.Version + " of ProFTPD is too old to be written for; 1.3.5 and later are"}
	}
	protocols := "TLSv1.2 TLSv1.3"
	if older(o.Version, "1.3.7") {
		protocols = "TLSv1.2"
	}
	conf := []setting{
		{"LoadModule mod_tls.c", text{"TLS is a module of its own (Debian: proftpd-mod-crypto)", "TLS 是独立模块（Debian：proftpd-mod-crypto）"}},
		{`ServerName "FTP"`, text{"the greeting names no software", "问候语不透露软件"}},
		{`ServerIdent on "FTP server ready"`, text{"nor its version", "也不透露版本"}},
		{"ServerType standalone", text{"it listens by itself", "自行监听"}},
		{"DefaultServer on", text{"it answers on every address", "在所有地址上应答"}},
		{"UseIPv6 on", text{"IPv6 and IPv4", "IPv6 与 IPv4"}},
		{"Port 21", text{"the port of FTP; TLS is asked for by AUTH", "FTP 端口；通过 AUTH 要求 TLS"}},
		{"User proftpd", text{"it gives up being root", "放弃 root 身份"}},
		{"Group nogroup", text{"and root's group", "以及 root 组"}},
		{"PidFile /run/proftpd.pid", text{"what the service manager reads", "供服务管理器读取"}},
		{"ScoreboardFile /run/proftpd/proftpd.scoreboard", text{"where it counts sessions", "统计会话之处"}},
		{"UseReverseDNS off", text{"no waiting for name servers before the greeting", "问候前不等待名称服务器"}},
		{"RequireValidShell on", text{"an account whose shell is not in /etc/shells stays out", "shell 不在 /etc/shells 中的账号不能登录"}},
		{"RootLogin off", text{"root has no business here", "root 不应在此登录"}},
		{"DefaultRoot ~", text{"nobody leaves the own directory", "用户不能离开自己的目录"}},
		{"Umask 022 022", text{"what is uploaded is written by its owner alone", "上传的内容只有属主可写"}},
		{fmt.Sprintf("MaxInstances %d", o.MaxClients+10), text{"a flood of connections does not fill the process table", "大量连接不会占满进程表"}},
		{fmt.Sprintf("MaxClients %d", o.MaxClients), text{"more wait outside, the machine stays usable", "超出者在外等待，机器保持可用"}},
		{fmt.Sprintf("MaxClientsPerHost %d", o.MaxPerIP), text{"one client that leaks connections does not shut out the others", "一个泄漏连接的客户端不会挡住其他人"}},
		{"MaxLoginAttempts 3", text{"who guesses is disconnected", "猜测密码者会被断开"}},
		{"TimeoutLogin 60", text{"a login takes no longer, in seconds", "登录限时，单位为秒"}},
		{"TimeoutIdle 300", text{"sessions that nobody uses end", "无人使用的会话会结束"}},
		{"<IfModule mod_xfer.c>", text{"since Debian 13 transfers are a module of their own", "自 Debian 13 起，传输是独立模块"}},
		{"  AllowOverwrite on", text{"a file may be sent again", "文件可以重新上传"}},
		{"  TimeoutNoTransfer 600", text{"sessions that transfer nothing end, too", "不传输任何内容的会话也会结束"}},
		{"  TimeoutStalled 120", text{"so do transfers that stand still", "停滞的传输也会结束"}},
		{line: "</IfModule>"},
		{"<IfModule mod_ls.c>", text{"and so are listings", "列表也是"}},
		{`  ListOptions "" maxfiles 10000 maxdepth 5`, text{"a listing of everything costs the machine much and clients little", "递归列表对机器代价大、对客户端用处小"}},
		{line: "</IfModule>"},
		{fmt.Sprintf("PassivePorts %d %d", o.PassiveLow, o.PassiveHigh), text{"the firewall opens the same range", "防火墙开放同一范围"}},
		when(o.Public != "", setting{"MasqueradeAddress " + o.Public, text{"what clients are told to connect to: the server's own address is not theirs", "告知客户端连接的地址：服务器自己的地址对它们无效"}}),
		{"SystemLog /var/log/proftpd/proftpd.log", text{"where audit and fail2ban look", "audit 与 fail2ban 读取的位置"}},
		{"TransferLog /var/log/proftpd/xferlog", text{"each transfer is written down", "记录每次传输"}},
		{"TLSEngine on", text{"passwords and files must not cross the network in clear", "密码与文件不得明文传输"}},
		{"TLSRequired on", text{"neither a login nor data without TLS", "没有 TLS 既不能登录也不传输数据"}},
		{"TLSProtocol " + protocols, text{"nothing older is spoken", "不使用更旧的版本"}},
		{"TLSCipherSuite " + strongSuites, text{"suites with forward secrecy and authenticated ciphers", "具有前向保密和认证加密的套件"}},
		{"TLSRSACertificateFile " + o.Certificate, text{"the certificate; for an ECDSA key the names are TLSECCertificateFile and TLSECCertificateKeyFile", "证书；ECDSA 密钥用 TLSECCertificateFile 和 TLSECCertificateKeyFile"}},
		{"TLSRSACertificateKeyFile " + o.Key, text{"readable for root alone", "只有 root 可读"}},
		{"TLSCertificateChainFile " + o.Certificate, text{"the same file again: of that above only the first certificate is sent", "再次指定同一文件：上面的文件只发送第一张证书"}},
		{"TLSVerifyClient off", text{"users show passwords, not certificates", "用户使用密码而非证书"}},
		{"TLSOptions NoSessionReuseRequired", text{"many clients cannot resume a session for data: without this they fail after the login", "许多客户端不能为数据连接恢复会话：没有此项时登录后即失败"}},
		{"TLSLog /var/log/proftpd/tls.log", text{"why a handshake failed", "握手失败的原因"}},
	}
	body := o.render(conf)
	if len(o.Users) > 0 {
		body += "\n# " + text{"who may log in", "谁可以登录"}.in(o.Lang) + "\n<Limit LOGIN>\n"
		for _, u := range o.Users {
			body += "  AllowUser " + u + "\n"
		}
		body += "  DenyAll\n</Limit>\n"
	}
	set := &Set{Files: []File{{Path: "/etc/proftpd/proftpd.conf", Mode: 0o644, Why: text{"the server's configuration", "服务器配置"}.in(o.Lang), Content: body}}}
	o.beside(set, service{name: "proftpd", log: "/var/log/proftpd/*.log /var/log/proftpd/xferlog", jail: "proftpd", listens: 21})
	set.Commands = append([]string{"proftpd --configtest"}, append(set.Commands, "systemctl restart proftpd")...)
	return set, nil
}

// pureftpd writes the configuration of Pure-FTPd as one file, which the program
// itself reads since 1.0.47.
func pureftpd(o *Options) (*Set, error) {
	if older(o.Version, "1.0.47") {
		return nil, &Error{"--version", o.Version + " of Pure-FTPd is too old to be written for; 1.0.47 and later are"}
	}
	conf := []setting{
		{"ChrootEveryone yes", text{"nobody leaves the own directory", "用户不能离开自己的目录"}},
		{"NoAnonymous yes", text{"the built-in default lets anybody in", "内置默认值允许任何人登录"}},
		{"UnixAuthentication yes", text{"accounts of this machine", "本机账号"}},
		{"MinUID 1000", text{"accounts of the system stay out", "系统账号不能登录"}},
		{"TLS 3", text{"neither a login nor data without TLS", "没有 TLS 既不能登录也不传输数据"}},
		{"TLSCipherSuite " + strongSuites, text{"suites of TLS 1.2 alone: with these nothing older is spoken; TLS 1.3 has its own", "只含 TLS 1.2 的套件：更旧的版本因此不可用；TLS 1.3 另有套件"}},
		{"CertFileAndKey \"" + o.Certificate + "\" \"" + o.Key + "\"", text{"the certificate with its intermediates, and its key, readable for root alone", "证书及中间证书，以及只有 root 可读的密钥"}},
		{fmt.Sprintf("PassivePortRange %d %d", o.PassiveLow, o.PassiveHigh), text{"the firewall opens the same range", "防火墙开放同一范围"}},
		when(o.Public != "", setting{"ForcePassiveIP " + o.Public, text{"what clients are told to connect to: the server's own address is not theirs", "告知客户端连接的地址：服务器自己的地址对它们无效"}}),
		{fmt.Sprintf("MaxClientsNumber %d", o.MaxClients), text{"more wait outside, the machine stays usable", "超出者在外等待，机器保持可用"}},
		{fmt.Sprintf("MaxClientsPerIP %d", o.MaxPerIP), text{"one client that leaks connections does not shut out the others", "一个泄漏连接的客户端不会挡住其他人"}},
		{"MaxIdleTime 5", text{"sessions that nobody uses end, in minutes", "无人使用的会话会结束，单位为分钟"}},
		{"LimitRecursion 10000 5", text{"a listing of everything costs the machine much and clients little", "递归列表对机器代价大、对客户端用处小"}},
		{"DontResolve yes", text{"no waiting for name servers before the greeting", "问候前不等待名称服务器"}},
		{"Umask 133:022", text{"what is uploaded is written by its owner alone", "上传的内容只有属主可写"}},
		{"ProhibitDotFilesWrite yes", text{"nobody plants .ssh or .forward", "不能放置 .ssh 或 .forward"}},
		{"CustomerProof yes", text{"a user cannot lock herself out of her own files", "用户不会把自己挡在自己的文件之外"}},
		{"VerboseLog no", text{"each command in the log is for finding faults only", "记录每条命令只用于查错"}},
		{"SyslogFacility ftp", text{"logins and failures", "登录与失败"}},
		{"AltLog clf:/var/log/pure-ftpd/transfer.log", text{"each transfer is written down", "记录每次传输"}},
		{"Daemonize no", text{"the service manager watches it", "由服务管理器监管"}},
	}
	set := &Set{Files: []File{{Path: "/etc/pure-ftpd/pure-ftpd.conf", Mode: 0o644, Why: text{"the server's configuration; Debian's own start reads /etc/pure-ftpd/conf instead, the unit beside it starts it with this", "服务器配置；Debian 自带的启动方式读取 /etc/pure-ftpd/conf，旁边的单元文件改用本文件"}.in(o.Lang), Content: o.render(conf)}}}
	if len(o.Users) > 0 {
		return nil, &Error{"--users", "Pure-FTPd knows no list of accounts; it lets in who has a shell of /etc/shells and a UID from 1000 on"}
	}
	o.beside(set, service{
		name: "pure-ftpd", log: "/var/log/pure-ftpd/*.log", jail: "pure-ftpd", listens: 21,
		start: "Type=simple\nExecStart=\nExecStart=/usr/sbin/pure-ftpd /etc/pure-ftpd/pure-ftpd.conf",
	})
	set.Commands = append(set.Commands, "systemctl restart pure-ftpd")
	return set, nil
}

// sshd writes a piece of sshd_config(5) for accounts that move files and do
// nothing else; the administrators' own logins are left as they are.
func sshd(o *Options) (*Set, error) {
	if older(o.Version, "7.4") {
		return nil, &Error{"--version", o.Version + " of OpenSSH is too old to be written for; 7.4 and later are"}
	}
	if o.Public != "" || o.Certificate != "" {
		return nil, &Error{"sshd", "SFTP has one connection and keys of its own: --tls and --public-address have no place"}
	}
	who := "Group sftponly"
	if len(o.Users) > 0 {
		who = "User " + strings.Join(o.Users, ",")
	}
	body := o.render([]setting{
		{"", text{"Accounts that move files and do nothing else. All others stay as they are.", "只传输文件的账号。其他账号不受影响。"}},
		{"Match " + who, text{"down to the end of this file", "直到本文件末尾"}},
		{"  ChrootDirectory /srv/sftp/%u", text{"a directory of root's with one of the user's in it: sshd refuses one that others may write", "目录归 root 所有，其中再有用户自己的目录：sshd 拒绝他人可写的目录"}},
		{"  ForceCommand internal-sftp -l INFO", text{"needs no program in the chroot, and writes each transfer down", "chroot 内不需要任何程序，并记录每次传输"}},
		{"  PermitTTY no", text{"no shell", "不提供 shell"}},
		{"  AllowTcpForwarding no", text{"the account is no way into the network", "账号不能成为进入网络的通道"}},
		{"  AllowAgentForwarding no", text{"nor to other machines", "也不能通向其他机器"}},
		{"  X11Forwarding no", text{"nothing to be shown", "无需图形显示"}},
		{"  PermitTunnel no", text{"no tunnel", "不允许隧道"}},
		{"  MaxAuthTries 4", text{"enough for a client with some keys, few for who guesses", "对有几把密钥的客户端足够，对猜测者很少"}},
		{"  ClientAliveInterval 60", text{"a dead client is noticed", "能察觉已失效的客户端"}},
		{"  ClientAliveCountMax 5", text{"after five minutes", "五分钟后"}},
	})
	set := &Set{Files: []File{{Path: "/etc/ssh/sshd_config.d/50-sftp.conf", Mode: 0o644, Why: text{"read by sshd_config's Include, which Debian and RHEL have since OpenSSH 8.2; an older one takes it at the end of sshd_config", "由 sshd_config 的 Include 读取（Debian 与 RHEL 自 OpenSSH 8.2 起）；更旧的版本请加在 sshd_config 末尾"}.in(o.Lang), Content: body}}}
	users := o.Users
	if len(users) == 0 {
		users = []string{"USER"}
		set.Commands = append(set.Commands, "groupadd -f sftponly", "usermod -aG sftponly USER")
	}
	for _, u := range users {
		set.Commands = append(set.Commands, fmt.Sprintf("install -d -o root -g root -m 755 /srv/sftp/%s", u), fmt.Sprintf("install -d -o %s -g %s -m 750 /srv/sftp/%s/files", u, u, u))
	}
	set.Commands = append(set.Commands, "sshd -t", "systemctl reload ssh")
	o.beside(set, service{name: "ssh", jail: "sshd", listens: 22})
	return set, nil
}
