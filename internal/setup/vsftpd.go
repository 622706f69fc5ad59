package setup

import (
	"fmt"
	"strings"
)

const userDir = "/srv/ftp"

// vsftpd writes vsftpd.conf(5).
func vsftpd(o *Options) (*Set, error) {
	if older(o.Version, "3.0.0") {
		return nil, &Error{"--version", o.Version + " of vsftpd is too old to be written for; 3.0.2 and later are"}
	}
	set := &Set{}
	conf := []setting{
		{"listen_ipv6=YES", text{"one socket for IPv6 and IPv4", "一个套接字同时服务 IPv6 与 IPv4"}},
		{"listen=NO", text{"listen and listen_ipv6 exclude each other", "listen 与 listen_ipv6 互斥"}},
		{"anonymous_enable=NO", text{"the built-in default lets anybody in", "内置默认值允许任何人登录"}},
		{"local_enable=YES", text{"accounts of this machine", "本机账号"}},
		{"write_enable=YES", text{"uploads; modes and owners decide where", "允许上传；由权限和属主决定位置"}},
		{"local_umask=022", text{"the leading 0 makes it octal", "开头的 0 表示八进制"}},
		{"pam_service_name=vsftpd", text{"passwords are checked as /etc/pam.d/vsftpd says", "按 /etc/pam.d/vsftpd 校验密码"}},
		{"check_shell=YES", text{"an account whose shell is not in /etc/shells stays out", "shell 不在 /etc/shells 中的账号不能登录"}},
		{"chroot_local_user=YES", text{"nobody leaves the own directory", "用户不能离开自己的目录"}},
		{"user_sub_token=$USER", text{"the user's name in local_root", "local_root 中代表用户名"}},
		{"local_root=" + userDir + "/$USER", text{
			"a directory of root's with one of the user's in it: vsftpd refuses a chroot that is writable",
			"目录归 root 所有，其中再有用户自己的目录：vsftpd 拒绝可写的 chroot",
		}},
		{"secure_chroot_dir=/run/vsftpd/empty", text{"an empty directory of root's, where vsftpd locks itself in", "root 所有的空目录，vsftpd 把自己关在其中"}},
	}
	if len(o.Users) > 0 {
		conf = append(conf,
			setting{"userlist_enable=YES", text{"who may log in stands in a list", "由名单决定谁可以登录"}},
			setting{"userlist_deny=NO", text{"the list names those who may, not those who must not", "名单列出允许的用户，而非禁止的用户"}},
			setting{"userlist_file=/etc/vsftpd.allowed", text{"one name in each line", "每行一个用户名"}})
		set.Files = append(set.Files, File{
			Path: "/etc/vsftpd.allowed", Mode: 0o600, Why: text{"who may log in", "谁可以登录"}.in(o.Lang), Content: strings.Join(o.Users, "\n") + "\n",
		})
	}
	conf = append(conf,
		setting{"ssl_enable=YES", text{"passwords and files must not cross the network in clear", "密码与文件不得明文传输"}},
		setting{"rsa_cert_file=" + o.Certificate, text{"the certificate with its intermediates, of any kind of key", "证书及中间证书，密钥类型不限"}},
		setting{"rsa_private_key_file=" + o.Key, text{"readable for root alone", "只有 root 可读"}},
		setting{"force_local_logins_ssl=YES", text{"no login without TLS", "没有 TLS 不能登录"}},
		setting{"force_local_data_ssl=YES", text{"no data without TLS", "没有 TLS 不传输数据"}},
		setting{"ssl_ciphers=" + strongSuites, text{"suites of TLS 1.2 alone: with these nothing older is spoken; TLS 1.3 has its own", "只含 TLS 1.2 的套件：更旧的版本因此不可用；TLS 1.3 另有套件"}},
		setting{"ssl_tlsv1=NO", text{"TLS 1.0 is not offered", "不提供 TLS 1.0"}},
		setting{"ssl_sslv2=NO", text{"SSL 2 is not offered", "不提供 SSL 2"}},
		setting{"ssl_sslv3=NO", text{"SSL 3 is not offered", "不提供 SSL 3"}},
		setting{"require_ssl_reuse=NO", text{"many clients cannot resume a session for data: with YES they fail after the login", "许多客户端不能为数据连接恢复会话：设为 YES 时登录后即失败"}},
		setting{"pasv_enable=YES", text{"clients behind NAT need passive mode", "NAT 后的客户端需要被动模式"}},
		setting{fmt.Sprintf("pasv_min_port=%d", o.PassiveLow), text{"the firewall opens the same range", "防火墙开放同一范围"}},
		setting{fmt.Sprintf("pasv_max_port=%d", o.PassiveHigh), text{"one port for each transfer at once", "每个同时进行的传输占一个端口"}},
		when(o.Public != "", setting{"pasv_address=" + o.Public, text{"what clients are told to connect to: the server's own address is not theirs", "告知客户端连接的地址：服务器自己的地址对它们无效"}}),
		when(o.Public != "" && nameRE.MatchString(o.Public) && strings.ContainsFunc(o.Public, isLetter), setting{"pasv_addr_resolve=YES", text{"that is a name", "该地址是一个名称"}}),
		setting{fmt.Sprintf("max_clients=%d", o.MaxClients), text{"more wait outside, the machine stays usable", "超出者在外等待，机器保持可用"}},
		setting{fmt.Sprintf("max_per_ip=%d", o.MaxPerIP), text{"one client that leaks connections does not shut out the others", "一个泄漏连接的客户端不会挡住其他人"}},
		setting{"max_login_fails=3", text{"who guesses is disconnected", "猜测密码者会被断开"}},
		setting{"delay_failed_login=2", text{"and waits, in seconds", "并且等待，单位为秒"}},
		setting{"idle_session_timeout=300", text{"sessions that nobody uses end", "无人使用的会话会结束"}},
		setting{"data_connection_timeout=120", text{"so do transfers that stand still", "停滞的传输也会结束"}},
		setting{"ls_recurse_enable=NO", text{"a listing of everything costs the machine much and clients little", "递归列表对机器代价大、对客户端用处小"}},
		setting{"xferlog_enable=YES", text{"each transfer is written down", "记录每次传输"}},
		setting{"xferlog_std_format=NO", text{"with logins and failures, which the standard format has not", "包含登录与失败，标准格式没有这些"}},
		setting{"vsftpd_log_file=/var/log/vsftpd.log", text{"where audit and fail2ban look", "audit 与 fail2ban 读取的位置"}},
		when(older(o.Version, "3.0.4") || o.Version == "", setting{"seccomp_sandbox=NO", text{"the sandbox of 3.0.3 does not know the system calls of today's C library, and kills sessions", "3.0.3 的沙箱不认识当今 C 库的系统调用，会杀死会话"}}),
	)
	set.Files = append([]File{{
		Path: "/etc/vsftpd.conf", Mode: 0o600, Why: text{"the server's configuration", "服务器配置"}.in(o.Lang), Content: o.render(conf),
	}}, set.Files...)
	o.beside(set, service{name: "vsftpd", log: "/var/log/vsftpd.log", jail: "vsftpd", listens: 21})
	set.Commands = append(o.directories(), append(set.Commands, "systemctl restart vsftpd")...)
	return set, nil
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// directories makes what each user sees: a directory of root's, and in it one to
// write into.
func (o *Options) directories() []string {
	users := o.Users
	if len(users) == 0 {
		users = []string{"USER"}
	}
	var out []string
	for _, u := range users {
		out = append(out, fmt.Sprintf("install -d -o root -g root -m 755 %s/%s", userDir, u), fmt.Sprintf("install -d -o %s -g %s -m 750 %s/%s/files", u, u, userDir, u))
	}
	return out
}
