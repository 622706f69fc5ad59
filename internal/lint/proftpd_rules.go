package lint

import (
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
)

var proftpdRules = []rule{
	{
		name: "byte-order-mark", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the file begins with a byte order mark, as Windows editors write it; ProFTPD takes it for a part of the first name and does not start", "文件以字节顺序标记（BOM）开头，Windows 编辑器会写入它；ProFTPD 把它当作第一个名称的一部分，无法启动"},
		bad:  "\ufeffPort 21\n", good: "Port 21\n",
	},
	{
		name: "bad-tag", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the head of a section must end with >; ProFTPD does not start", "段的开头必须以 > 结束；ProFTPD 无法启动"},
		bad:  "<Limit LOGIN\n", good: "<Limit LOGIN>\nDenyAll\n</Limit>\n",
	},
	{
		name: "unclosed", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"<{name}> is never closed; ProFTPD does not start", "<{name}> 没有结束标记；ProFTPD 无法启动"},
		bad:  "<Limit LOGIN>\nDenyAll\n", good: "<Limit LOGIN>\nDenyAll\n</Limit>\n",
	},
	{
		name: "not-open", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"</{name}> closes what is not open; ProFTPD does not start", "</{name}> 没有对应的开头；ProFTPD 无法启动"},
		bad:  "</Limit>\n", good: "<Limit LOGIN>\nDenyAll\n</Limit>\n",
	},
	{
		name: "end-arguments", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"nothing may follow the end of a section, and “{name}” does; ProFTPD does not start", "段的结束标记之后不能有内容，而这里有“{name}”；ProFTPD 无法启动"},
		bad:  "<Limit LOGIN>\nDenyAll\n</Limit> LOGIN\n", good: "<Limit LOGIN>\nDenyAll\n</Limit>\n",
	},
	{
		name: "end-not-alone", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"this section is skipped, and the end of a skipped section must stand alone in its line; in line {line} a blank or a comment follows it, so ProFTPD does not start", "本段会被跳过，而被跳过的段，其结束标记必须独占一行；第 {line} 行的结束标记后有空格或注释，因此 ProFTPD 无法启动"},
		bad:  "ServerType standalone\n<IfModule mod_tls.c>\n</IfModule> # TLS\n", good: "ServerType standalone\n<IfModule mod_tls.c>\n</IfModule>\n",
	},
	{
		name: "stray-condition", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Notice,
		says: text{"<{name}> and </{name}> do not pair up; ProFTPD bears it as long as the condition is true", "<{name}> 与 </{name}> 不成对；只要条件成立，ProFTPD 就不会报错"},
		bad:  "</IfModule>\n", good: "<IfModule mod_core.c>\n</IfModule>\n",
	},
	{
		name: "extra-arguments", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} takes fewer parameters: “{value}” is too much; ProFTPD does not start", "{name} 的参数过多：“{value}”是多余的；ProFTPD 无法启动"},
		bad:  "<Limit LOGIN>\nDenyAll now\n</Limit>\n", good: "<Limit LOGIN>\nDenyAll\n</Limit>\n",
	},
	{
		name: "missing-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} lacks parameters; ProFTPD does not start", "{name} 缺少参数；ProFTPD 无法启动"},
		bad:  "PassivePorts 50000\n", good: "PassivePorts 50000 50199\n",
	},
	{
		name: "bad-boolean", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} takes on or off, not “{value}”; ProFTPD does not start", "{name} 只接受 on 或 off，不接受“{value}”；ProFTPD 无法启动"},
		bad:  "AllowOverwrite maybe\n", good: "AllowOverwrite on\n",
	},
	{
		name: "bad-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} can't be {value}; ProFTPD does not start", "{name} 不能是 {value}；ProFTPD 无法启动"},
		bad:  "Umask 999\n", good: "Umask 022\n",
	},
	{
		name: "unknown-near", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"ProFTPD knows no {name}; {near} is probably meant. It does not start", "ProFTPD 没有 {name} 指令，可能是想写 {near}；ProFTPD 无法启动"},
		bad:  "PassivePort 50000 50199\n", good: "PassivePorts 50000 50199\n",
	},
	{
		name: "unknown", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"ProFTPD knows no {name}, and does not start", "ProFTPD 没有 {name} 指令，无法启动"},
		bad:  "Xyzzyplugh on\n", good: "Port 21\n",
	},
	{
		name: "wrong-context", code: finding.ConfigWrongContext, kind: Syntax, severity: finding.Critical,
		says: text{"{name} is not allowed in {context}; ProFTPD does not start", "{name} 不能写在 {context} 中；ProFTPD 无法启动"},
		bad:  "<Anonymous ~ftp>\nPort 21\n</Anonymous>\n", good: "Port 21\n",
	},
	{
		name: "default-server-twice", code: finding.ConfigContradiction, kind: Syntax, severity: finding.Critical,
		says: text{"DefaultServer is on at {line} already: only one server can be the default; ProFTPD does not start", "{line} 处已有 DefaultServer on：只能有一个默认服务器；ProFTPD 无法启动"},
		bad:  "DefaultServer on\n<VirtualHost 127.0.0.7>\nDefaultServer on\n</VirtualHost>\n", good: "DefaultServer on\n<VirtualHost 127.0.0.7>\nServerName b\n</VirtualHost>\n",
	},
	{
		name: "module-not-loaded", code: finding.ConfigModuleNotLoaded, kind: Unknown, severity: finding.Critical,
		says: text{"{name} belongs to {module}, which no LoadModule loads; ProFTPD does not start", "{name} 属于 {module}，而没有 LoadModule 加载它；ProFTPD 无法启动"},
		bad:  "ServerType standalone\nTLSEngine on\n", good: "ServerType standalone\nLoadModule mod_tls.c\nTLSEngine on\n",
	},
	{
		name: "module-moved", code: finding.ConfigModuleNotLoaded, kind: Deprecated, severity: finding.Notice,
		says: text{"{name} belongs to {module}, which is built in up to Debian 12 and a module to load since Debian 13: without its LoadModule ProFTPD does not start there", "{name} 属于 {module}：在 Debian 12 及以前它是内置的，从 Debian 13 起需要加载；没有对应的 LoadModule，ProFTPD 在那里无法启动"},
		bad:  "ServerType standalone\nAllowOverwrite on\n", good: "ServerType standalone\nLoadModule mod_xfer.c\nAllowOverwrite on\n",
	},
	{
		name: "section-inactive", code: finding.ConfigModuleNotLoaded, kind: Shadowed, severity: finding.Warning,
		says: text{"{module} is not loaded: everything in this section is silently ignored", "{module} 没有加载：本段的全部内容被静默忽略"},
		bad:  "ServerType standalone\n<IfModule mod_tls.c>\nTLSEngine on\n</IfModule>\n", good: "ServerType standalone\nLoadModule mod_tls.c\n<IfModule mod_tls.c>\nTLSEngine on\n</IfModule>\n",
	},
	{
		name: "include-loop", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"files include each other without end at {value}; ProFTPD crashes at its start", "文件在 {value} 处无限相互包含；ProFTPD 启动时会崩溃"},
		bad:  "Include proftpd.conf\n", good: "Port 21\n",
	},
	{
		name: "include-missing", code: finding.ConfigIncludeMissing, kind: Shadowed, severity: finding.Warning,
		says: text{"{value} is included and could not be read: what it should set is not set", "包含的 {value} 无法读取：其中的设置不会生效"},
		bad:  "Include /nowhere/tls.conf\n", good: "Port 21\n",
	},
	{
		name: "duplicate", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"{name} stands here and at {line} with another value: only one of them counts", "{name} 在此处和 {line} 有不同的值：只有一个生效"},
		bad:  "Umask 022\nUmask 077\n", good: "Umask 022\n",
		look: proftpdDuplicates,
	},
	{
		name: "loopback-only", code: finding.ConfigLoopbackOnly, kind: Contradictory, severity: finding.Error,
		says: text{"the server listens on {value} only: no other machine can reach it", "服务器只监听 {value}：其他机器都无法连接"},
		bad:  "DefaultAddress 127.0.0.1\nSocketBindTight on\n", good: "DefaultAddress 192.0.2.1\nSocketBindTight on\n",
		look: func(c *config) []hit {
			if v, d := c.pf("DefaultAddress"); d != nil && loopback(v) {
				return one(c.value(d, 0))
			}
			return nil
		},
	},
	{
		name: "no-tls", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"TLSEngine is not on for {server}: passwords travel in clear text", "{server} 没有启用 TLSEngine：密码以明文传输"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nLoadModule mod_tls.c\nTLSEngine on\n",
		look: proftpdClear,
	},
	{
		name: "tls-optional", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"TLS is offered and TLSRequired is not on: a client that does not ask for it sends its password in clear text", "提供了 TLS 而 TLSRequired 未启用：不请求 TLS 的客户端会以明文发送密码"},
		bad:  "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired off\n", good: "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\n",
		look: proftpdTLSOptional,
	},
	{
		name: "data-in-clear", code: finding.ConfigClearTextData, kind: Unsafe, severity: finding.Warning,
		says: text{"TLSRequired {value} protects the control connection only: listings and files may travel in clear text", "TLSRequired {value} 只保护控制连接：列表和文件可能以明文传输"},
		bad:  "TLSRequired ctrl\n", good: "TLSRequired on\n",
		look: pfIs("TLSRequired", "on", func(d *conf.Directive) bool {
			return fold(d.Arg(0), "ctrl", "control", "auth", "auth+!data", "!data")
		}),
	},
	{
		name: "old-tls", code: finding.ConfigOldTLSVersion, kind: Weak, severity: finding.Warning,
		says: text{"TLSProtocol {value} lets in versions before TLS 1.2", "TLSProtocol {value} 允许 TLS 1.2 以前的版本"},
		bad:  "TLSProtocol SSLv23\n", good: "TLSProtocol TLSv1.2 TLSv1.3\n",
		look: pfIs("TLSProtocol", "TLSv1.2 TLSv1.3", weakTLS),
	},
	{
		name: "weak-ciphers", code: finding.ConfigWeakCiphers, kind: Weak, severity: finding.Warning,
		says: text{"TLSCipherSuite {value} lets in ciphers that no longer protect", "TLSCipherSuite {value} 允许已失去保护作用的密码套件"},
		bad:  "TLSCipherSuite ALL\n", good: "TLSCipherSuite HIGH:!aNULL:!MD5\n",
		look: pfIs("TLSCipherSuite", "HIGH:!aNULL:!MD5:!3DES", func(d *conf.Directive) bool { return weakCiphers(strings.Join(d.Args, ":")) != "" }),
	},
	{
		name: "session-reuse", code: finding.ConfigSessionReuseRequired, kind: Contradictory, severity: finding.Notice,
		says: text{"without TLSOptions NoSessionReuseRequired, clients that do not resume the TLS session can log in and not list or transfer", "没有 TLSOptions NoSessionReuseRequired 时，不恢复 TLS 会话的客户端能登录，却无法列目录和传输"},
		bad:  "LoadModule mod_tls.c\nTLSEngine on\n", good: "LoadModule mod_tls.c\nTLSEngine on\nTLSOptions NoSessionReuseRequired\n",
		look: proftpdSessionReuse,
	},
	{
		name: "no-certificate", code: finding.ConfigCertificateMissing, kind: Contradictory, severity: finding.Critical,
		says: text{"TLSEngine is on and no certificate is named (TLSRSACertificateFile, TLSECCertificateFile)", "TLSEngine 已启用却没有指定证书（TLSRSACertificateFile、TLSECCertificateFile）"},
		bad:  "LoadModule mod_tls.c\nTLSEngine on\n", good: "LoadModule mod_tls.c\nTLSEngine on\nTLSRSACertificateFile /etc/ssl/f.pem\n",
		look: proftpdNoCertificate,
	},
	{
		name: "required-without-engine", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Error,
		says: text{"TLSRequired is on and TLSEngine is not: no TLS is offered, and none is required either", "TLSRequired 已启用而 TLSEngine 未启用：既不提供 TLS，也不会要求 TLS"},
		bad:  "LoadModule mod_tls.c\nTLSRequired on\n", good: "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\n",
		look: func(c *config) []hit {
			if c.proftpdTLS() != nil || len(c.Unread()) > 0 {
				return nil
			}
			return pfIs("TLSRequired", "", func(d *conf.Directive) bool { return !isOff(d) })(c)
		},
	},
	{
		name: "anonymous", code: finding.ConfigAnonymousAccess, kind: Unsafe, severity: finding.Notice,
		says: text{"this section lets anybody in without an account", "本段允许任何人不用账号登录"},
		bad:  "<Anonymous ~ftp>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Anonymous>\n", good: "Port 21\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("Anonymous") {
				if d.Section {
					out = append(out, c.at(d))
				}
			}
			return out
		},
	},
	{
		name: "anonymous-write", code: finding.ConfigAnonymousWrite, kind: Unsafe, severity: finding.Warning,
		says: text{"no <Limit WRITE> with DenyAll stands in this section: anybody may write where the file system lets the server", "本段没有带 DenyAll 的 <Limit WRITE>：凡是文件系统允许服务器写入的地方，任何人都能写"},
		bad:  "<Anonymous ~ftp>\nUser ftp\n</Anonymous>\n", good: "<Anonymous ~ftp>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Anonymous>\n",
		look: anonymousWrites,
	},
	{
		name: "uploads-public", code: finding.ConfigUploadsPublic, kind: Unsafe, severity: finding.Warning,
		says: text{"STOR is allowed here and READ is not denied: what strangers upload can be fetched by others", "这里允许 STOR 而没有禁止 READ：陌生人上传的内容可被他人下载"},
		bad:  "<Anonymous ~ftp>\n<Directory incoming>\n<Limit STOR>\nAllowAll\n</Limit>\n</Directory>\n</Anonymous>\n",
		good: "<Anonymous ~ftp>\n<Directory incoming>\n<Limit READ>\nDenyAll\n</Limit>\n<Limit STOR>\nAllowAll\n</Limit>\n</Directory>\n</Anonymous>\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("AllowAll") {
				limit := d.Parent
				if limit == nil || !limit.Is("Limit") || !fold("STOR", limit.Args...) && !fold("WRITE", limit.Args...) || d.Within("Anonymous") == nil {
					continue
				}
				if in := limit.Parent; in != nil && !c.limited(in, "READ", "RETR", "ALL") {
					out = append(out, c.at(limit))
				}
			}
			return out
		},
	},
	{
		name: "not-chrooted", code: finding.ConfigNotChrooted, kind: Unsafe, severity: finding.Notice,
		says: text{"there is no DefaultRoot: users see the whole file system", "没有 DefaultRoot：用户可以看到整个文件系统"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nDefaultRoot ~\n",
		look: pfLacks("DefaultRoot", "~"),
	},
	{
		name: "not-inherited", code: finding.ConfigNotInherited, kind: Shadowed, severity: finding.Warning,
		says: text{"what stands outside of <Global> holds for the main server alone: this host goes without {names}", "写在 <Global> 之外的设置只对主服务器有效：本主机没有 {names}"},
		bad:  "DefaultRoot ~\n<VirtualHost 192.0.2.7>\nServerName b\n</VirtualHost>\n", good: "<Global>\nDefaultRoot ~\n</Global>\n<VirtualHost 192.0.2.7>\nServerName b\n</VirtualHost>\n",
		look: proftpdNotInherited,
	},
	{
		name: "root-login", code: finding.ConfigRootLoginAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"RootLogin is on: whoever guesses one password owns the machine", "RootLogin 为 on：猜中一个密码就能控制整台机器"},
		bad:  "RootLogin on\n", good: "RootLogin off\n",
		look: pfIs("RootLogin", "off", isOn),
	},
	{
		name: "ftpusers-ignored", code: finding.ConfigRootLoginAllowed, kind: Unsafe, severity: finding.Notice,
		says: text{"UseFtpUsers off: the list of system accounts that must not log in is ignored", "UseFtpUsers 为 off：禁止登录的系统账号名单被忽略"},
		bad:  "UseFtpUsers off\n", good: "UseFtpUsers on\n",
		look: pfIs("UseFtpUsers", "on", isOff),
	},
	{
		name: "any-shell", code: finding.ConfigShellNotRequired, kind: Unsafe, severity: finding.Notice,
		says: text{"RequireValidShell off: accounts whose shell was taken away can still log in", "RequireValidShell 为 off：已被取消 shell 的账号仍可登录"},
		bad:  "RequireValidShell off\n", good: "RequireValidShell on\n",
		look: pfIs("RequireValidShell", "on", func(d *conf.Directive) bool {
			return isOff(d) && d.Within("Anonymous") == nil // whose account has no shell, and no password
		}),
	},
	{
		name: "empty-passwords", code: finding.ConfigEmptyPasswords, kind: Unsafe, severity: finding.Warning,
		says: text{"AllowEmptyPasswords is on: an account without a password is open to all", "AllowEmptyPasswords 为 on：没有密码的账号对所有人开放"},
		bad:  "AllowEmptyPasswords on\n", good: "AllowEmptyPasswords off\n",
		look: pfIs("AllowEmptyPasswords", "off", isOn),
	},
	{
		name: "sql-empty-passwords", code: finding.ConfigEmptyPasswords, kind: Unsafe, severity: finding.Warning,
		says: text{"SQLAuthTypes Empty: an account whose password is an empty text in the database is open to all", "SQLAuthTypes 含 Empty：数据库中密码为空的账号对所有人开放"},
		bad:  "SQLAuthTypes Empty Crypt\n", good: "SQLAuthTypes Crypt\n",
		look: sqlAuthType("Empty"),
	},
	{
		name: "sql-readable-passwords", code: finding.ConfigPasswordsReadable, kind: Weak, severity: finding.Warning,
		says: text{"SQLAuthTypes Plaintext: passwords stand readable in the database, and whoever gets a copy of it has them all", "SQLAuthTypes 含 Plaintext：数据库中的密码是可读的，谁拿到副本就拿到全部密码"},
		bad:  "SQLAuthTypes Plaintext\n", good: "SQLAuthTypes Crypt\n",
		look: sqlAuthType("Plaintext"),
	},
	{
		name: "allow-list-open", code: finding.ConfigAllowListOpen, kind: Unsafe, severity: finding.Warning,
		says: text{"{name} without DenyAll or Order deny,allow: everybody else is allowed too", "{name} 没有配合 DenyAll 或 Order deny,allow：其他人同样被允许"},
		bad:  "<Limit LOGIN>\nAllow from 192.0.2.0/24\n</Limit>\n", good: "<Limit LOGIN>\nAllow from 192.0.2.0/24\nDenyAll\n</Limit>\n",
		look: proftpdAllowOpen,
	},
	{
		name: "no-connection-limit", code: finding.ConfigNoConnectionLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"neither MaxInstances nor MaxClients limits the sessions: each takes a process", "MaxInstances 和 MaxClients 都没有限制会话数：每个会话占一个进程"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nMaxInstances 100\n",
		look: func(c *config) []hit {
			for _, n := range []string{"MaxInstances", "MaxClients"} {
				for _, d := range c.each(n) {
					if !fold(d.Arg(0), "none") {
						return nil
					}
				}
			}
			if !c.whole {
				return nil
			}
			return one(c.missing().mend(c.Docs()[0].Set("MaxInstances", "100")))
		},
	},
	{
		name: "no-per-source-limit", code: finding.ConfigNoPerSourceLimit, kind: Unlimited, severity: finding.Notice,
		says: text{"there is no MaxClientsPerHost: one address may take all sessions", "没有 MaxClientsPerHost：一个地址就能占满所有会话"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nMaxClientsPerHost 10\n",
		look: pfLacks("MaxClientsPerHost", "20"),
	},
	{
		name: "no-timeout", code: finding.ConfigNoTimeout, kind: Unlimited, severity: finding.Warning,
		says: text{"{name} 0 means for ever: sessions that do nothing are kept", "{name} 为 0 表示永不超时：什么都不做的会话会一直保留"},
		bad:  "TimeoutIdle 0\n", good: "TimeoutIdle 600\n",
		look: proftpdTimeouts,
	},
	{
		name: "no-login-limit", code: finding.ConfigNoLoginLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"MaxLoginAttempts {value}: passwords can be guessed in one session", "MaxLoginAttempts {value}：可以在一个会话中反复猜测密码"},
		bad:  "MaxLoginAttempts none\n", good: "MaxLoginAttempts 3\n",
		look: pfIs("MaxLoginAttempts", "3", func(d *conf.Directive) bool { return fold(d.Arg(0), "none") || number(d.Arg(0)) > 10 }),
	},
	{
		name: "passive-range-missing", code: finding.ConfigPassiveRangeMissing, kind: Contradictory, severity: finding.Warning,
		says: text{"there is no PassivePorts: any port may be used, and no firewall can open just these", "没有 PassivePorts：可能使用任意端口，防火墙无法只放行这些端口"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nPassivePorts 50000 50199\n",
		look: pfLacks("PassivePorts", "50000", "50199"),
	},
	{
		name: "passive-range-invalid", code: finding.ConfigPassiveRangeInvalid, kind: Syntax, severity: finding.Critical,
		says: text{"PassivePorts {range} is impossible: both must be from 1024 to 65535, the lower one first; ProFTPD does not start", "PassivePorts {range} 不可能成立：两端都必须在 1024 到 65535 之间，较小的在前；ProFTPD 无法启动"},
		bad:  "PassivePorts 900 999\n", good: "PassivePorts 50000 50199\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("PassivePorts") {
				if low, high := leading(d.Arg(0)), leading(d.Arg(1)); len(d.Args) > 1 && (low < 1024 || high > 65535 || high < 1024 || low > high) {
					out = append(out, c.value(d, 0).with("range", d.Arg(0)+"–"+d.Arg(1)))
				}
			}
			return out
		},
	},
	{
		name: "passive-range-small", code: finding.ConfigPassiveRangeSmall, kind: Contradictory, severity: finding.Warning,
		says: text{"the passive range has {ports} ports: transfers fail when it is used up", "被动端口只有 {ports} 个：用尽后传输会失败"},
		bad:  "PassivePorts 50000 50004\n", good: "PassivePorts 50000 50199\n",
		look: func(c *config) []hit {
			d, ports := proftpdPorts(c)
			need := 10
			if v, x := c.pf("MaxInstances"); x != nil {
				need = max(need, number(v))
			}
			if d == nil || ports < 1 || ports >= need {
				return nil
			}
			return one(c.value(d, 0).with("ports", strconv.Itoa(ports)))
		},
	},
	{
		name: "passive-address", code: finding.ConfigPassiveAddress, kind: Contradictory, severity: finding.Error,
		says: text{"MasqueradeAddress {value} is what every client is told, and can't be reached from outside of its network", "MasqueradeAddress {value} 会告诉每个客户端，而在其所在网络之外无法到达"},
		bad:  "MasqueradeAddress 10.0.0.5\n", good: "MasqueradeAddress 198.51.100.7\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("MasqueradeAddress") {
				out = append(out, unusableAt(c.value(d, 0), d.Arg(0))...)
			}
			return out
		},
	},
	{
		name: "bounce", code: finding.ConfigBounceAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"AllowForeignAddress {value}: the server opens data connections with third parties", "AllowForeignAddress {value}：服务器会与第三方建立数据连接"},
		bad:  "AllowForeignAddress on\n", good: "AllowForeignAddress off\n",
		look: pfIs("AllowForeignAddress", "off", isOn),
	},
	{
		name: "umask-open", code: finding.ConfigUmaskTooOpen, kind: Unsafe, severity: finding.Warning,
		says: text{"Umask {value}: every account of the machine may change what is uploaded", "Umask {value}：本机任何账号都能改动上传的文件"},
		bad:  "Umask 000\n", good: "Umask 022 022\n",
		look: pfIs("Umask", "022 022", func(d *conf.Directive) bool { n := octal(d.Arg(0)); return n >= 0 && n&0o002 == 0 }),
	},
	{
		name: "umask-shut", code: finding.ConfigUmaskTooStrict, kind: Contradictory, severity: finding.Warning,
		says: text{"Umask {value}: not even the owner may read or write again what is uploaded", "Umask {value}：连文件所有者都无法再读取或写入上传的文件"},
		bad:  "Umask 0777\n", good: "Umask 077\n",
		look: pfIs("Umask", "077", func(d *conf.Directive) bool { n := octal(d.Arg(0)); return n >= 0 && n <= 0o777 && n&0o600 != 0 }),
	},
	{
		name: "not-logged", code: finding.ConfigTransfersNotLogged, kind: Unlimited, severity: finding.Notice,
		says: text{"TransferLog is none: transfers leave no trace", "TransferLog 为 none：传输不留任何记录"},
		bad:  "TransferLog none\n", good: "TransferLog /var/log/proftpd/xferlog\n",
		look: func(c *config) []hit {
			if len(c.each("ExtendedLog")) > 0 {
				return nil
			}
			return pfIs("TransferLog", "", func(d *conf.Directive) bool { return fold(d.Arg(0), "none") })(c)
		},
	},
	{
		name: "debug", code: finding.ConfigDebugLeftOn, kind: Unlimited, severity: finding.Notice,
		says: text{"{name} {value} is for finding faults: the log grows with every command", "{name} {value} 用于排查故障：每条命令都会写入日志"},
		bad:  "DebugLevel 9\n", good: "DebugLevel 0\n",
		look: pfIs("DebugLevel", "0", func(d *conf.Directive) bool { return number(d.Arg(0)) > 2 }),
	},
	{
		name: "version-disclosed", code: finding.ConfigVersionDisclosed, kind: Weak, severity: finding.Info,
		says: text{"without ServerIdent off or a text of its own, the greeting names the program and, before 1.3.6, its version", "没有 ServerIdent off 或自定义文字时，欢迎信息会写明程序名，1.3.6 之前还有版本"},
		bad:  "ServerType standalone\n", good: "ServerType standalone\nServerIdent off\n",
		look: pfLacks("ServerIdent"),
	},
	{
		name: "slow-lookups", code: finding.ConfigSlowLookups, kind: Unlimited, severity: finding.Notice,
		says: text{"{name} is on: a dead resolver or a filtered port 113 delays every login", "{name} 为 on：解析器失效或 113 端口被过滤时，每次登录都会变慢"},
		bad:  "UseReverseDNS on\n", good: "UseReverseDNS off\n",
		look: func(c *config) []hit {
			return append(pfIs("UseReverseDNS", "off", isOn)(c), pfIs("IdentLookups", "off", isOn)(c)...)
		},
	},
	{
		name: "recursive-listing", code: finding.ConfigRecursiveListing, kind: Unlimited, severity: finding.Notice,
		says: text{"ListOptions asks for -R: every listing reads the whole tree", "ListOptions 含 -R：每次列目录都会读遍整棵目录树"},
		bad:  "ListOptions \"-lR\"\n", good: "ListOptions \"-l\" maxfiles 2000\n",
		look: pfIs("ListOptions", "", func(d *conf.Directive) bool {
			return strings.HasPrefix(d.Arg(0), "-") && strings.Contains(d.Arg(0), "R")
		}),
	},
	{
		name: "as-root", code: finding.ConfigRunsAsRoot, kind: Unsafe, severity: finding.Warning,
		says: text{"{name} root: between privileged steps the server works as root", "{name} root：服务器在特权步骤之外也以 root 身份工作"},
		bad:  "User root\n", good: "User proftpd\n",
		look: func(c *config) []hit {
			return append(pfIs("User", "", func(d *conf.Directive) bool { return d.Arg(0) == "root" })(c), pfIs("Group", "", func(d *conf.Directive) bool { return fold(d.Arg(0), "root", "wheel") })(c)...)
		},
	},
}

// sqlAuthType finds the lines that accept passwords stored in one way. The order
// of the others is kept.
func sqlAuthType(kind string) func(*config) []hit {
	return func(c *config) []hit {
		var out []hit
		for _, d := range c.each("SQLAuthTypes") {
			for i, a := range d.Args {
				if !fold(a, kind) {
					continue
				}
				h := c.value(d, i)
				if rest := slices.Delete(slices.Clone(d.Args), i, i+1); len(rest) > 0 && kind == "Empty" {
					h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, rest...)))
				}
				out = append(out, h)
			}
		}
		return out
	}
}
