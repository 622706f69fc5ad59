package lint

import (
	"fmt"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

var vsftpdRules = []rule{
	{
		name: "byte-order-mark", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the file begins with a byte order mark, as Windows editors write it; vsftpd takes it for a part of the first name and does not start", "文件以字节顺序标记（BOM）开头，Windows 编辑器会写入它；vsftpd 把它当作第一个名称的一部分，无法启动"},
		bad:  "\ufefflisten=YES\n", good: "listen=YES\n",
	},
	{
		name: "blank-before-equals", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"vsftpd allows no blank before the equals sign: it takes “{name} ” for another name and does not start", "vsftpd 不允许等号前有空格：它把“{name} ”当成另一个名称，因而无法启动"},
		bad:  "listen =YES\n", good: "listen=YES\n",
	},
	{
		name: "indented-comment", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"a comment must begin in the first column; this line is read as a setting and vsftpd does not start", "注释必须从第一列开始；这一行被当作设置读取，vsftpd 无法启动"},
		bad:  " # a comment\n", good: "# a comment\n",
	},
	{
		name: "no-name", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"there is no name before the equals sign", "等号前没有名称"},
		bad:  "=YES\n", good: "listen=YES\n",
	},
	{
		name: "missing-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} has no value; vsftpd does not start", "{name} 没有值；vsftpd 无法启动"},
		bad:  "listen=\n", good: "listen=YES\n",
	},
	{
		name: "bad-boolean", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} takes YES or NO, not “{value}”; vsftpd does not start", "{name} 只接受 YES 或 NO，不接受“{value}”；vsftpd 无法启动"},
		bad:  "listen=on\n", good: "listen=yes\n",
	},
	{
		name: "blank-at-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"a blank or a carriage return beside the value of {name} counts as part of it; vsftpd does not start", "{name} 的值旁边的空格或回车符被当作值的一部分；vsftpd 无法启动"},
		bad:  "listen=YES \n", good: "listen=YES\n",
	},
	{
		name: "comment-behind-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"vsftpd knows no comments behind a value: this one counts as part of {name}; vsftpd does not start", "vsftpd 不支持值后面的注释：它会成为 {name} 的值的一部分；vsftpd 无法启动"},
		bad:  "anonymous_enable=NO # nobody\n", good: "# nobody\nanonymous_enable=NO\n",
	},
	{
		name: "unknown-near", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"vsftpd knows no {name}; {near} is probably meant. It does not start", "vsftpd 没有 {name} 这个设置，可能是想写 {near}；vsftpd 无法启动"},
		bad:  "anonymous_enabled=NO\n", good: "anonymous_enable=NO\n",
	},
	{
		name: "unknown", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"vsftpd knows no {name}, and does not start", "vsftpd 没有 {name} 这个设置，无法启动"},
		bad:  "xyzzy=1\n", good: "listen=YES\n",
	},
	{
		name: "newer", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Notice,
		says: text{"{name} exists since vsftpd {version}; an older one refuses to start", "{name} 从 vsftpd {version} 起才有；更旧的版本会拒绝启动"},
		bad:  "ssl_tlsv12=YES\n", good: "ssl_tlsv1=YES\n",
	},
	{
		name: "red-hat-name", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Warning,
		says: text{"{name} is a name of Red Hat's builds; others, as Debian's, know {near} since 3.0.4 and refuse to start at this one", "{name} 是红帽版本的名称；其他版本（如 Debian）从 3.0.4 起使用 {near}，遇到这个名称会拒绝启动"},
		bad:  "ssl_tlsv1_2=YES\n", good: "ssl_tlsv1=NO\n",
	},
	{
		name: "number-misread", code: finding.ConfigValueMisread, kind: Shadowed, severity: finding.Warning,
		says: text{"vsftpd reads “{value}” as {number} and says nothing", "vsftpd 把“{value}”读作 {number}，而且不作任何提示"},
		bad:  "max_clients=many\n", good: "max_clients=50\n",
	},
	{
		name: "decimal-mode", code: finding.ConfigValueMisread, kind: Shadowed, severity: finding.Warning,
		says: text{"{name}={value} is a decimal number, that is {number}; a mode needs a leading 0", "{name}={value} 被当作十进制数，即 {number}；权限值必须以 0 开头"},
		bad:  "local_umask=22\n", good: "local_umask=022\n",
	},
	{
		name: "blanks-in-value", code: finding.ConfigValueMisread, kind: Shadowed, severity: finding.Warning,
		says: text{"blanks and quotes count as part of the value of {name}", "空格和引号会成为 {name} 的值的一部分"},
		bad:  "anon_root=/srv/ftp \n", good: "anon_root=/srv/ftp\n",
	},
	{
		name: "comment-in-value", code: finding.ConfigValueMisread, kind: Shadowed, severity: finding.Error,
		says: text{"vsftpd knows no comments behind a value: this one counts as part of {name}", "vsftpd 不支持值后面的注释：它会成为 {name} 的值的一部分"},
		bad:  "rsa_cert_file=/etc/ssl/f.pem # ours\n", good: "# ours\nrsa_cert_file=/etc/ssl/f.pem\n",
	},
	{
		name: "duplicate", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"{name} is set again in line {line}; the last one takes effect", "{name} 在第 {line} 行再次设置；以最后一次为准"},
		bad:  "listen=NO\nlisten=YES\n", good: "listen=YES\n",
	},
	{
		name: "without-effect", code: finding.ConfigOptionWithoutEffect, kind: Shadowed, severity: finding.Notice,
		says: text{"{name} has no effect while {needs} is NO", "{needs} 为 NO 时，{name} 不起作用"},
		bad:  "anonymous_enable=YES\nanon_upload_enable=YES\n", good: "anonymous_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\n",
		look: vsftpdWithoutEffect,
	},
	{
		name: "no-access", code: finding.ConfigNoAccessPossible, kind: Contradictory, severity: finding.Critical,
		says: text{"neither anonymous nor local users may log in: vsftpd refuses every session", "匿名用户和本地用户都不能登录：vsftpd 拒绝所有会话"},
		bad:  "anonymous_enable=NO\nlocal_enable=NO\n", good: "anonymous_enable=NO\nlocal_enable=YES\n",
		look: func(c *config) []hit {
			if c.vsYes("anonymous_enable") || c.vsYes("local_enable") {
				return nil
			}
			return one(c.vsAt("local_enable").mend(c.set("local_enable", "YES")))
		},
	},
	{
		name: "listen-twice", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Critical,
		says: text{"listen and listen_ipv6 exclude each other; vsftpd does not start. listen_ipv6=YES alone serves IPv4 too", "listen 与 listen_ipv6 互斥，vsftpd 无法启动；只写 listen_ipv6=YES 也能服务 IPv4"},
		bad:  "listen=YES\nlisten_ipv6=YES\n", good: "listen=NO\nlisten_ipv6=YES\n",
		look: vsIs("listen", "YES", "listen_ipv6"),
	},
	{
		name: "loopback-only", code: finding.ConfigLoopbackOnly, kind: Contradictory, severity: finding.Error,
		says: text{"vsftpd listens on {value} only: no other machine can reach it", "vsftpd 只监听 {value}：其他机器都无法连接"},
		bad:  "listen=YES\nlisten_address=127.0.0.1\n", good: "listen=YES\nlisten_address=192.0.2.1\n",
		look: func(c *config) []hit {
			for _, n := range []string{"listen_address", "listen_address6"} {
				if loopback(c.vs(n)) {
					return one(c.vsAt(n))
				}
			}
			return nil
		},
	},
	{
		name: "no-tls", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"local users log in and ssl_enable is NO: passwords travel in clear text", "允许本地用户登录而 ssl_enable 为 NO：密码以明文传输"},
		bad:  "local_enable=YES\nssl_enable=NO\n", good: "local_enable=YES\nssl_enable=YES\nrsa_cert_file=/etc/ssl/f.pem\n",
		look: func(c *config) []hit {
			if !c.vsYes("local_enable") || c.vsYes("ssl_enable") {
				return nil
			}
			return one(c.vsAt("ssl_enable"))
		},
	},
	{
		name: "tls-optional", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"TLS is offered and not required: a client that does not ask for it sends its password in clear text", "提供了 TLS 却不强制：不请求 TLS 的客户端会以明文发送密码"},
		bad:  "local_enable=YES\nssl_enable=YES\nforce_local_logins_ssl=NO\n", good: "local_enable=YES\nssl_enable=YES\nforce_local_logins_ssl=YES\n",
		look: vsIs("force_local_logins_ssl", "NO", "ssl_enable", "local_enable"),
	},
	{
		name: "data-in-clear", code: finding.ConfigClearTextData, kind: Unsafe, severity: finding.Warning,
		says: text{"the login is encrypted, listings and files need not be", "登录加密，列表和文件却不强制加密"},
		bad:  "local_enable=YES\nssl_enable=YES\nforce_local_data_ssl=NO\n", good: "local_enable=YES\nssl_enable=YES\n",
		look: vsIs("force_local_data_ssl", "NO", "ssl_enable", "local_enable"),
	},
	{
		name: "sslv2", code: finding.ConfigOldTLSVersion, kind: Weak, severity: finding.Warning,
		says: text{"SSL 2 is broken, and no client needs it", "SSL 2 已被攻破，也没有客户端需要它"},
		bad:  "ssl_enable=YES\nssl_sslv2=YES\n", good: "ssl_enable=YES\nssl_sslv2=NO\n",
		look: vsIs("ssl_sslv2", "YES", "ssl_enable"),
	},
	{
		name: "sslv3", code: finding.ConfigOldTLSVersion, kind: Weak, severity: finding.Warning,
		says: text{"SSL 3 is broken, and no client needs it", "SSL 3 已被攻破，也没有客户端需要它"},
		bad:  "ssl_enable=YES\nssl_sslv3=YES\n", good: "ssl_enable=YES\nssl_sslv3=NO\n",
		look: vsIs("ssl_sslv3", "YES", "ssl_enable"),
	},
	{
		name: "tlsv1", code: finding.ConfigOldTLSVersion, kind: Weak, severity: finding.Notice,
		says: text{"{name}=YES lets in TLS 1.0 or 1.1 wherever OpenSSL still has them; TLS 1.2 and 1.3 do not need it", "{name}=YES 会在 OpenSSL 仍支持时允许 TLS 1.0 或 1.1；TLS 1.2 和 1.3 不需要它"},
		bad:  "ssl_enable=YES\nssl_tlsv1=YES\nssl_ciphers=HIGH\n", good: "ssl_enable=YES\nssl_tlsv1=NO\nssl_ciphers=HIGH\n",
		look: func(c *config) []hit {
			if _, ok := c.Get("ssl_ciphers"); !ok || !c.vsYes("ssl_enable") {
				return nil // the only cipher of the default is one of TLS 1.2
			}
			var out []hit
			for _, n := range []string{"ssl_tlsv1", "ssl_tlsv11", "ssl_tlsv1_1"} {
				if _, ok := c.Get(n); ok {
					out = append(out, vsIs(n, "YES")(c)...)
				}
			}
			return out
		},
	},
	{
		name: "weak-ciphers", code: finding.ConfigWeakCiphers, kind: Weak, severity: finding.Warning,
		says: text{"ssl_ciphers lets in {value}; set HIGH:!aNULL:!MD5:!3DES", "ssl_ciphers 允许 {value}；应设为 HIGH:!aNULL:!MD5:!3DES"},
		bad:  "ssl_enable=YES\nssl_ciphers=DES-CBC3-SHA\n", good: "ssl_enable=YES\nssl_ciphers=HIGH:!aNULL:!MD5:!3DES\n",
		look: func(c *config) []hit {
			if weak := weakCiphers(c.vs("ssl_ciphers")); weak != "" && c.vsYes("ssl_enable") {
				return one(c.vsAt("ssl_ciphers").with("value", weak).mend(c.set("ssl_ciphers", "HIGH:!aNULL:!MD5:!3DES")))
			}
			return nil
		},
	},
	{
		name: "session-reuse", code: finding.ConfigSessionReuseRequired, kind: Contradictory, severity: finding.Notice,
		says: text{"require_ssl_reuse is YES: clients that do not resume the TLS session can log in and not list or transfer", "require_ssl_reuse 为 YES：不恢复 TLS 会话的客户端能登录，却无法列目录和传输"},
		bad:  "ssl_enable=YES\n", good: "ssl_enable=YES\nrequire_ssl_reuse=NO\n",
		look: vsIs("require_ssl_reuse", "YES", "ssl_enable"),
	},
	{
		name: "no-certificate", code: finding.ConfigCertificateMissing, kind: Contradictory, severity: finding.Critical,
		says: text{"ssl_enable is YES and no certificate is named; the built-in path /usr/share/ssl/certs/vsftpd.pem rarely exists, and without it vsftpd refuses to start", "ssl_enable 为 YES 却没有指定证书；内置路径 /usr/share/ssl/certs/vsftpd.pem 通常不存在，vsftpd 会因此拒绝启动"},
		bad:  "ssl_enable=YES\n", good: "ssl_enable=YES\nrsa_cert_file=/etc/ssl/f.pem\n",
		look: func(c *config) []hit {
			_, rsa := c.Get("rsa_cert_file")
			_, dsa := c.Get("dsa_cert_file")
			if !c.vsYes("ssl_enable") || rsa || dsa {
				return nil
			}
			return one(c.vsAt("ssl_enable"))
		},
	},
	{
		name: "implicit-on-21", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Warning,
		says: text{"implicit_ssl is YES on port 21, where clients expect a greeting in clear text; implicit TLS has port 990", "implicit_ssl 为 YES 而端口是 21，客户端在那里期待明文欢迎信息；隐式 TLS 的端口是 990"},
		bad:  "listen=YES\nssl_enable=YES\nimplicit_ssl=YES\n", good: "listen=YES\nssl_enable=YES\nimplicit_ssl=YES\nlisten_port=990\n",
		look: func(c *config) []hit {
			if !c.vsYes("ssl_enable") || !c.vsYes("implicit_ssl") || c.vsNumber("listen_port") != 21 {
				return nil
			}
			return one(c.vsAt("implicit_ssl").mend(c.set("listen_port", "990")))
		},
	},
	{
		name: "anonymous", code: finding.ConfigAnonymousAccess, kind: Unsafe, severity: finding.Notice,
		says: text{"anybody may log in without an account", "任何人不用账号就能登录"},
		bad:  "anonymous_enable=YES\n", good: "anonymous_enable=NO\n",
		look: func(c *config) []hit {
			if _, ok := c.Get("anonymous_enable"); !ok {
				return nil
			}
			return vsTells("anonymous_enable", "YES")(c)
		},
	},
	{
		name: "anonymous-default", code: finding.ConfigAnonymousAccess, kind: Unsafe, severity: finding.Notice,
		says: text{"anonymous_enable is not set: by default vsftpd lets anybody in without an account (Debian's build does not)", "没有设置 anonymous_enable：vsftpd 默认允许任何人不用账号登录（Debian 的版本除外）"},
		bad:  "listen=YES\n", good: "anonymous_enable=NO\n",
		look: func(c *config) []hit {
			if _, ok := c.Get("anonymous_enable"); ok {
				return nil
			}
			return one(c.missing().mend(c.set("anonymous_enable", "NO")))
		},
	},
	{
		name: "anonymous-write", code: finding.ConfigAnonymousWrite, kind: Unsafe, severity: finding.Warning,
		says: text{"anybody may write without an account ({name})", "任何人不用账号就能写入（{name}）"},
		bad:  "anonymous_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\n", good: "anonymous_enable=YES\nwrite_enable=YES\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"anon_upload_enable", "anon_mkdir_write_enable", "anon_other_write_enable"} {
				out = append(out, vsIs(n, "YES", "anonymous_enable", "write_enable")(c)...)
			}
			return out
		},
	},
	{
		name: "uploads-public", code: finding.ConfigUploadsPublic, kind: Unsafe, severity: finding.Warning,
		says: text{"what strangers upload can be fetched at once by others ({name}): the server becomes their exchange", "陌生人上传的内容立即可被他人下载（{name}）：服务器会成为他们的交换站"},
		bad:  "anonymous_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\nanon_world_readable_only=NO\n", good: "anonymous_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\n",
		look: func(c *config) []hit {
			if !c.vsYes("anonymous_enable") || !c.vsYes("write_enable") || !c.vsYes("anon_upload_enable") {
				return nil
			}
			if !c.vsYes("anon_world_readable_only") {
				return one(c.vsAt("anon_world_readable_only").mend(c.set("anon_world_readable_only", "YES")))
			}
			if c.vsNumber("anon_umask")&0o004 == 0 {
				return one(c.vsAt("anon_umask").mend(c.set("anon_umask", "077")))
			}
			return nil
		},
	},
	{
		name: "not-chrooted", code: finding.ConfigNotChrooted, kind: Unsafe, severity: finding.Notice,
		says: text{"local users see the whole file system (chroot_local_user is NO)", "本地用户可以看到整个文件系统（chroot_local_user 为 NO）"},
		bad:  "local_enable=YES\n", good: "local_enable=YES\nchroot_local_user=YES\n",
		look: func(c *config) []hit {
			if !c.vsYes("local_enable") || c.vsYes("chroot_local_user") || c.vsYes("chroot_list_enable") || c.vsYes("guest_enable") {
				return nil
			}
			return one(c.vsAt("chroot_local_user").mend(c.set("chroot_local_user", "YES")))
		},
	},
	{
		name: "chroot-writable", code: finding.ConfigChrootWritable, kind: Unsafe, severity: finding.Warning,
		says: text{"allow_writeable_chroot=YES switches off the check that a user's root can't be written by the user", "allow_writeable_chroot=YES 关闭了“用户根目录不可由用户写入”的检查"},
		bad:  "allow_writeable_chroot=YES\n", good: "allow_writeable_chroot=NO\n",
		look: vsTells("allow_writeable_chroot", "YES"),
	},
	{
		name: "chroot-home", code: finding.ConfigChrootHome, kind: Contradictory, severity: finding.Notice,
		says: text{"users are locked into their homes, which they usually may write: vsftpd then refuses the session (500 OOPS: refusing to run with writable root inside chroot())", "用户被锁定在主目录中，而主目录通常对其可写：vsftpd 会拒绝会话（500 OOPS: refusing to run with writable root inside chroot()）"},
		bad:  "local_enable=YES\nchroot_local_user=YES\n", good: "local_enable=YES\nchroot_local_user=YES\nlocal_root=/srv/ftp/$USER\nuser_sub_token=$USER\n",
		look: func(c *config) []hit {
			for _, n := range []string{"local_root", "user_config_dir", "passwd_chroot_enable"} {
				if _, ok := c.Get(n); ok {
					return nil
				}
			}
			if c.vsYes("allow_writeable_chroot") || c.vsYes("guest_enable") {
				return nil
			}
			return vsTells("chroot_local_user", "YES", "local_enable")(c)
		},
	},
	{
		name: "chroot-list-inverted", code: finding.ConfigListInverted, kind: Shadowed, severity: finding.Notice,
		says: text{"with chroot_local_user=YES the chroot list names those who are NOT locked in", "chroot_local_user=YES 时，chroot 名单列出的是不受限制的用户"},
		bad:  "local_enable=YES\nchroot_local_user=YES\nchroot_list_enable=YES\n", good: "local_enable=YES\nchroot_local_user=YES\n",
		look: vsTells("chroot_list_enable", "YES", "chroot_local_user", "local_enable"),
	},
	{
		name: "userlist-inverted", code: finding.ConfigListInverted, kind: Shadowed, severity: finding.Notice,
		says: text{"with userlist_deny=NO the list names the only users who may log in", "userlist_deny=NO 时，只有名单中的用户可以登录"},
		bad:  "userlist_enable=YES\nuserlist_deny=NO\n", good: "userlist_enable=YES\n",
		look: func(c *config) []hit {
			if file := c.vs("userlist_file"); !c.vsYes("userlist_enable") || c.vsYes("userlist_deny") || file != "" && file != "/etc/vsftpd.user_list" {
				return nil // a file of another name was made for it
			}
			return one(c.vsAt("userlist_deny"))
		},
	},
	{
		name: "any-shell", code: finding.ConfigShellNotRequired, kind: Unsafe, severity: finding.Notice,
		says: text{"check_shell=NO: accounts whose shell was taken away can still log in", "check_shell=NO：已被取消 shell 的账号仍可登录"},
		bad:  "check_shell=NO\n", good: "check_shell=YES\n",
		look: vsIs("check_shell", "NO"),
	},
	{
		name: "no-connection-limit", code: finding.ConfigNoConnectionLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"max_clients is 0: any number of sessions, a process each", "max_clients 为 0：会话数没有上限，每个会话占一个进程"},
		bad:  "listen=YES\nmax_clients=0\n", good: "listen=YES\nmax_clients=100\n",
		look: func(c *config) []hit {
			if !c.vsYes("listen") && !c.vsYes("listen_ipv6") || c.vsNumber("max_clients") > 0 {
				return nil
			}
			return one(c.vsAt("max_clients").mend(c.set("max_clients", "200")))
		},
	},
	{
		name: "no-per-source-limit", code: finding.ConfigNoPerSourceLimit, kind: Unlimited, severity: finding.Notice,
		says: text{"max_per_ip is 0: one address may take all sessions", "max_per_ip 为 0：一个地址就能占满所有会话"},
		bad:  "listen=YES\nmax_per_ip=0\n", good: "listen=YES\nmax_per_ip=10\n",
		look: func(c *config) []hit {
			if !c.vsYes("listen") && !c.vsYes("listen_ipv6") || c.vsNumber("max_per_ip") > 0 {
				return nil
			}
			return one(c.vsAt("max_per_ip").mend(c.set("max_per_ip", "20")))
		},
	},
	{
		name: "no-timeout", code: finding.ConfigNoTimeout, kind: Unlimited, severity: finding.Warning,
		says: text{"{name} is {number}: sessions that do nothing are kept", "{name} 为 {number}：什么都不做的会话会一直保留"},
		bad:  "idle_session_timeout=0\n", good: "idle_session_timeout=300\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"idle_session_timeout", "data_connection_timeout"} {
				if v := c.vsNumber(n); v == 0 || v > 86400 {
					out = append(out, c.vsAt(n).with("number", strconv.Itoa(v)).mend(c.set(n, "300")))
				}
			}
			return out
		},
	},
	{
		name: "no-login-limit", code: finding.ConfigNoLoginLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"{name} is {number}: passwords can be guessed fast and in one session", "{name} 为 {number}：可以在一个会话中快速猜测密码"},
		bad:  "delay_failed_login=0\n", good: "max_login_fails=3\n",
		look: func(c *config) []hit {
			var out []hit
			if c.vsNumber("delay_failed_login") == 0 {
				out = append(out, c.vsAt("delay_failed_login").with("number", "0").mend(c.set("delay_failed_login", "1")))
			}
			if v := c.vsNumber("max_login_fails"); v == 0 || v > 10 {
				out = append(out, c.vsAt("max_login_fails").with("number", strconv.Itoa(v)).mend(c.set("max_login_fails", "3")))
			}
			return out
		},
	},
	{
		name: "passive-range-missing", code: finding.ConfigPassiveRangeMissing, kind: Contradictory, severity: finding.Warning,
		says: text{"pasv_min_port and pasv_max_port are not both set: any port may be used, and no firewall can open just these", "pasv_min_port 和 pasv_max_port 没有都设置：可能使用任意端口，防火墙无法只放行这些端口"},
		bad:  "pasv_min_port=50000\n", good: "pasv_min_port=50000\npasv_max_port=50199\n",
		look: func(c *config) []hit {
			if _, _, set := vsftpdRange(c); set || !c.vsYes("pasv_enable") {
				return nil
			}
			h := c.missing()
			for _, n := range []string{"pasv_max_port", "pasv_min_port"} {
				if _, ok := c.Get(n); ok {
					h = c.vsAt(n)
				}
			}
			return one(h.mend(c.set("pasv_min_port", "50000"), c.set("pasv_max_port", "50199")))
		},
	},
	{
		name: "passive-range-invalid", code: finding.ConfigPassiveRangeInvalid, kind: Contradictory, severity: finding.Error,
		says: text{"the passive range {range} is impossible: vsftpd ignores it or can open no port", "被动端口范围 {range} 不可能成立：vsftpd 会忽略它，或者打不开任何端口"},
		bad:  "pasv_min_port=60000\npasv_max_port=50000\n", good: "pasv_min_port=50000\npasv_max_port=50199\n",
		look: func(c *config) []hit {
			low, high, set := vsftpdRange(c)
			if !set || low <= high && high <= 65535 && low >= 1024 {
				return nil
			}
			return one(c.vsAt("pasv_max_port").with("range", fmt.Sprintf("%d–%d", low, high)))
		},
	},
	{
		name: "passive-range-small", code: finding.ConfigPassiveRangeSmall, kind: Contradictory, severity: finding.Warning,
		says: text{"the passive range has {ports} ports for {clients} clients: transfers fail when it is used up", "被动端口只有 {ports} 个，而客户端上限为 {clients}：用尽后传输会失败"},
		bad:  "listen=YES\nmax_clients=100\npasv_min_port=50000\npasv_max_port=50009\n", good: "listen=YES\nmax_clients=100\npasv_min_port=50000\npasv_max_port=50199\n",
		look: func(c *config) []hit {
			low, high, set := vsftpdRange(c)
			clients, least := c.vsNumber("max_clients"), 10
			ports := high - low + 1
			if _, ok := c.Get("max_clients"); ok {
				least = max(least, clients)
			}
			if !set || low > high || ports >= least {
				return nil
			}
			said := strconv.Itoa(clients)
			if clients == 0 {
				said = "∞"
			}
			return one(c.vsAt("pasv_max_port").with("ports", strconv.Itoa(ports)).with("clients", said))
		},
	},
	{
		name: "passive-disabled", code: finding.ConfigPassiveDisabled, kind: Contradictory, severity: finding.Warning,
		says: text{"pasv_enable is NO: clients behind NAT can log in and not list or transfer", "pasv_enable 为 NO：NAT 之后的客户端能登录，却无法列目录和传输"},
		bad:  "pasv_enable=NO\n", good: "pasv_enable=YES\n",
		look: vsIs("pasv_enable", "NO"),
	},
	{
		name: "passive-address", code: finding.ConfigPassiveAddress, kind: Contradictory, severity: finding.Error,
		says: text{"pasv_address={value} is what every client is told, and can't be reached from outside of its network", "pasv_address={value} 会告诉每个客户端，而在其所在网络之外无法到达"},
		bad:  "pasv_address=10.0.0.5\n", good: "pasv_address=198.51.100.7\n",
		look: func(c *config) []hit {
			return unusableAt(c.vsAt("pasv_address"), strings.TrimSpace(c.vs("pasv_address")))
		},
	},
	{
		name: "passive-address-name", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Error,
		says: text{"pasv_address={value} is a name, which counts only with pasv_addr_resolve=YES", "pasv_address={value} 是域名，只有 pasv_addr_resolve=YES 时才有效"},
		bad:  "pasv_address=ftp.example.com\n", good: "pasv_address=ftp.example.com\npasv_addr_resolve=YES\n",
		look: func(c *config) []hit {
			v := strings.TrimSpace(c.vs("pasv_address"))
			if v == "" || strings.Trim(v, "0123456789.:") == "" || c.vsYes("pasv_addr_resolve") {
				return nil
			}
			return one(c.vsAt("pasv_address").mend(c.set("pasv_addr_resolve", "YES")))
		},
	},
	{
		name: "bounce", code: finding.ConfigBounceAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"{name}=YES: the server opens data connections with third parties, or lets them take over transfers", "{name}=YES：服务器会与第三方建立数据连接，或让第三方接管传输"},
		bad:  "port_promiscuous=YES\n", good: "port_promiscuous=NO\n",
		look: func(c *config) []hit {
			return append(vsIs("pasv_promiscuous", "YES")(c), vsIs("port_promiscuous", "YES")(c)...)
		},
	},
	{
		name: "umask-open", code: finding.ConfigUmaskTooOpen, kind: Unsafe, severity: finding.Warning,
		says: text{"{name}={value}: every account of the machine may change what is uploaded", "{name}={value}：本机任何账号都能改动上传的文件"},
		bad:  "local_umask=000\n", good: "local_umask=022\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"local_umask", "anon_umask"} {
				if d, ok := c.Get(n); ok && vsftpdNumber(d.Arg(0))&0o002 == 0 {
					out = append(out, c.value(d, 0).mend(c.set(n, "022")))
				}
			}
			return out
		},
	},
	{
		name: "umask-shut", code: finding.ConfigUmaskTooStrict, kind: Contradictory, severity: finding.Warning,
		says: text{"{name}={value}: not even the owner may read or write again what is uploaded", "{name}={value}：连文件所有者都无法再读取或写入上传的文件"},
		bad:  "local_umask=0777\n", good: "local_umask=077\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"local_umask", "anon_umask"} {
				if d, ok := c.Get(n); ok && vsftpdNumber(d.Arg(0))&0o600 != 0 && vsftpdNumber(d.Arg(0)) <= 0o777 {
					out = append(out, c.value(d, 0).mend(c.set(n, "077")))
				}
			}
			return out
		},
	},
	{
		name: "not-logged", code: finding.ConfigTransfersNotLogged, kind: Unlimited, severity: finding.Notice,
		says: text{"xferlog_enable is NO: transfers leave no trace", "xferlog_enable 为 NO：传输不留任何记录"},
		bad:  "xferlog_enable=NO\n", good: "xferlog_enable=YES\n",
		look: vsIs("xferlog_enable", "NO"),
	},
	{
		name: "debug", code: finding.ConfigDebugLeftOn, kind: Unlimited, severity: finding.Notice,
		says: text{"{name}=YES is for finding faults: the log grows with every command", "{name}=YES 用于排查故障：每条命令都会写入日志"},
		bad:  "debug_ssl=YES\n", good: "debug_ssl=NO\n",
		look: func(c *config) []hit {
			return append(vsIs("log_ftp_protocol", "YES")(c), vsIs("debug_ssl", "YES")(c)...)
		},
	},
	{
		name: "recursive-listing", code: finding.ConfigRecursiveListing, kind: Unlimited, severity: finding.Notice,
		says: text{"ls_recurse_enable=YES: one “ls -R” reads the whole tree", "ls_recurse_enable=YES：一条“ls -R”就会读遍整棵目录树"},
		bad:  "ls_recurse_enable=YES\n", good: "ls_recurse_enable=NO\n",
		look: vsIs("ls_recurse_enable", "YES"),
	},
	{
		name: "isolation", code: finding.ConfigIsolationOff, kind: Weak, severity: finding.Warning,
		says: text{"{name} switches off what keeps a break-in within one session's process", "{name} 关闭了把入侵限制在单个会话进程内的隔离"},
		bad:  "one_process_model=YES\n", good: "one_process_model=NO\n",
		look: func(c *config) []hit {
			return append(vsIs("one_process_model", "YES")(c), vsIs("run_as_launching_user", "YES")(c)...)
		},
	},
	{
		name: "as-root", code: finding.ConfigRunsAsRoot, kind: Unsafe, severity: finding.Warning,
		says: text{"{name}=root: what strangers do is done, or owned, by root", "{name}=root：陌生人的操作以 root 身份进行，或归 root 所有"},
		bad:  "guest_enable=YES\nguest_username=root\n", good: "guest_enable=YES\nguest_username=ftp\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"guest_username", "nopriv_user", "ftp_username"} {
				if c.vs(n) == "root" {
					out = append(out, c.vsAt(n))
				}
			}
			return out
		},
	},
}
