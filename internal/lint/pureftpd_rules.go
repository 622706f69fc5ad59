package lint

import (
	"fmt"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

var pureftpdRules = []rule{
	{
		name: "byte-order-mark", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the file begins with a byte order mark, as Windows editors write it; Pure-FTPd takes it for a part of the first name and does not start", "文件以字节顺序标记（BOM）开头，Windows 编辑器会写入它；Pure-FTPd 把它当作第一个名称的一部分，无法启动"},
		bad:  "\ufeffMaxIdleTime 15\n", good: "MaxIdleTime 15\n",
	},
	{
		name: "missing-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} has no value; Pure-FTPd does not start", "{name} 没有值；Pure-FTPd 无法启动"},
		bad:  "MaxIdleTime\n", good: "MaxIdleTime 15\n",
	},
	{
		name: "empty-switch", code: finding.ConfigValueMisread, kind: Shadowed, severity: finding.Warning,
		says: text{"{name} has nothing behind its sign: Pure-FTPd reads that as no", "{name} 的等号或冒号后没有内容：Pure-FTPd 把它读作 no"},
		bad:  "NoAnonymous =\n", good: "NoAnonymous = yes\n",
	},
	{
		name: "bad-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} can't be “{value}”; Pure-FTPd does not start", "{name} 不能是“{value}”；Pure-FTPd 无法启动"},
		bad:  "PassivePortRange 50000:50199\n", good: "PassivePortRange 50000 50199\n",
	},
	{
		name: "unknown-near", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"Pure-FTPd knows no {name}; {near} is probably meant. It does not start", "Pure-FTPd 没有 {name} 选项，可能是想写 {near}；Pure-FTPd 无法启动"},
		bad:  "MaxClientNumber 50\n", good: "MaxClientsNumber 50\n",
	},
	{
		name: "unknown", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"Pure-FTPd knows no {name}, and does not start", "Pure-FTPd 没有 {name} 选项，无法启动"},
		bad:  "Xyzzyplugh yes\n", good: "NoAnonymous yes\n",
	},
	{
		name: "file-ignored", code: finding.ConfigOptionWithoutEffect, kind: Shadowed, severity: finding.Notice,
		says: text{"the file {name} is ignored: the wrapper reads names of letters and digits only", "文件 {name} 被忽略：包装脚本只读取由字母和数字组成的文件名"},
		bad:  "==> MinUID.bak\n1000\n==> MinUID\n1000\n", good: "==> MinUID\n1000\n==> TLS\n2\n",
	},
	{
		name: "second-line", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"only the first line of the file counts; this one is ignored", "文件中只有第一行有效，这一行被忽略"},
		bad:  "==> MinUID\n1000\n2000\n==> TLS\n2\n", good: "==> MinUID\n1000\n==> TLS\n2\n",
	},
	{
		name: "skipped", code: finding.ConfigDeprecatedDirective, kind: Deprecated, severity: finding.Info,
		says: text{"Pure-FTPd since 1.0.48 knows no {name}; Debian's wrapper skips the file", "Pure-FTPd 从 1.0.48 起没有 {name}，Debian 的包装脚本会跳过该文件"},
		bad:  "==> FSCharset\nUTF-8\n==> TLS\n2\n", good: "==> MinUID\n1000\n==> TLS\n2\n",
	},
	{
		name: "duplicate", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"{name} stands at {line} with another value: of numbers the last counts, of switches any yes", "{name} 在 {line} 有不同的值：数值以最后一个为准，开关只要有一个 yes 就算数"},
		bad:  "MaxIdleTime 15\nMaxIdleTime 30\n", good: "MaxIdleTime 15\n",
	},
	{
		name: "no-access", code: finding.ConfigNoAccessPossible, kind: Contradictory, severity: finding.Critical,
		says: text{"AnonymousOnly and NoAnonymous together let nobody in", "AnonymousOnly 与 NoAnonymous 同时启用：谁也无法登录"},
		bad:  "AnonymousOnly yes\nNoAnonymous yes\n", good: "NoAnonymous yes\n",
		look: func(c *config) []hit {
			only, d := c.pu("AnonymousOnly", "no")
			none, _ := c.pu("NoAnonymous", "no")
			if !pureYes(only) || !pureYes(none) {
				return nil
			}
			return one(c.puAt("AnonymousOnly", d, "no"))
		},
	},
	{
		name: "families-excluded", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Error,
		says: text{"IPV4Only and IPV6Only exclude each other", "IPV4Only 与 IPV6Only 互斥"},
		bad:  "IPV4Only yes\nIPV6Only yes\n", good: "IPV4Only yes\n",
		look: func(c *config) []hit {
			four, _ := c.pu("IPV4Only", "no")
			six, d := c.pu("IPV6Only", "no")
			if !pureYes(four) || !pureYes(six) {
				return nil
			}
			return one(c.puAt("IPV6Only", d, "no"))
		},
	},
	{
		name: "loopback-only", code: finding.ConfigLoopbackOnly, kind: Contradictory, severity: finding.Error,
		says: text{"Bind {value}: no other machine can reach the server", "Bind {value}：其他机器都无法连接"},
		bad:  "Bind 127.0.0.1,21\n", good: "Bind 192.0.2.1,21\n",
		look: func(c *config) []hit {
			v, d := c.pu("Bind", "")
			host, _, _ := strings.Cut(v, ",")
			if d == nil || !loopback(host) {
				return nil
			}
			return one(c.puAt("Bind", d))
		},
	},
	{
		name: "no-tls", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"TLS {value}: passwords may travel in clear text (2 requires TLS for logins, 3 for data too)", "TLS {value}：密码可能以明文传输（2 要求登录加密，3 还要求数据加密）"},
		bad:  "TLS 1\n", good: "TLS 2\n",
		look: func(c *config) []hit {
			v, d := c.pu("TLS", "0")
			only, _ := c.pu("AnonymousOnly", "no")
			if number(v) >= 2 || pureYes(only) || d == nil && !c.whole {
				return nil
			}
			return one(c.puAt("TLS", d, "2").with("value", v))
		},
	},
	{
		name: "data-in-clear", code: finding.ConfigClearTextData, kind: Unsafe, severity: finding.Notice,
		says: text{"TLS 2 protects logins; listings and files may travel in clear text, unless 3", "TLS 2 只保护登录；除非设为 3，列表和文件可能以明文传输"},
		bad:  "TLS 2\n", good: "TLS 3\n",
		look: func(c *config) []hit {
			v, d := c.pu("TLS", "0")
			if v != "2" {
				return nil
			}
			return one(c.puAt("TLS", d, "3"))
		},
	},
	{
		name: "tls-out-of-range", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Critical,
		says: text{"TLS is 0 to 3, not {value}; Pure-FTPd ends without a word", "TLS 的取值是 0 到 3，不能是 {value}；Pure-FTPd 会无声退出"},
		bad:  "TLS 4\n", good: "TLS 3\n",
		look: func(c *config) []hit {
			if v, d := c.pu("TLS", "0"); number(v) > 3 {
				return one(c.puAt("TLS", d, "3"))
			}
			return nil
		},
	},
	{
		name: "weak-ciphers", code: finding.ConfigWeakCiphers, kind: Weak, severity: finding.Warning,
		says: text{"TLSCipherSuite {value} lets in ciphers that no longer protect", "TLSCipherSuite {value} 允许已失去保护作用的密码套件"},
		bad:  "TLSCipherSuite ALL:RC4-SHA\n", good: "TLSCipherSuite HIGH:!aNULL:!MD5:!3DES\n",
		look: func(c *config) []hit {
			v, d := c.pu("TLSCipherSuite", "")
			if weakCiphers(strings.TrimPrefix(v, "-S:")) == "" {
				return nil
			}
			return one(c.puAt("TLSCipherSuite", d, "HIGH:!aNULL:!MD5:!3DES"))
		},
	},
	{
		name: "anonymous", code: finding.ConfigAnonymousAccess, kind: Unsafe, severity: finding.Notice,
		says: text{"NoAnonymous is not yes: anybody may log in without an account, once there is a user ftp", "NoAnonymous 不是 yes：只要存在 ftp 用户，任何人不用账号就能登录"},
		bad:  "NoAnonymous no\n", good: "NoAnonymous yes\n",
		look: func(c *config) []hit {
			out := puOn("NoAnonymous", false, false)(c)
			for i := range out {
				out[i].edits = nil // it may well be meant so
			}
			return out
		},
	},
	{
		name: "anonymous-write", code: finding.ConfigAnonymousWrite, kind: Unsafe, severity: finding.Warning,
		says: text{"anonymous users may upload (AnonymousCantUpload is not yes)", "匿名用户可以上传（AnonymousCantUpload 不是 yes）"},
		bad:  "NoAnonymous no\nAnonymousCantUpload no\n", good: "NoAnonymous no\nAnonymousCantUpload yes\n",
		look: func(c *config) []hit {
			none, _ := c.pu("NoAnonymous", "no")
			if pureYes(none) {
				return nil
			}
			return puOn("AnonymousCantUpload", false, false)(c)
		},
	},
	{
		name: "uploads-public", code: finding.ConfigUploadsPublic, kind: Unsafe, severity: finding.Warning,
		says: text{"AntiWarez is not yes: what strangers upload can be fetched by others at once", "AntiWarez 不是 yes：陌生人上传的内容立即可被他人下载"},
		bad:  "NoAnonymous no\nAntiWarez no\n", good: "NoAnonymous no\nAntiWarez yes\n",
		look: func(c *config) []hit {
			none, _ := c.pu("NoAnonymous", "no")
			cant, _ := c.pu("AnonymousCantUpload", "no")
			if pureYes(none) || pureYes(cant) {
				return nil
			}
			return puOn("AntiWarez", false, false)(c)
		},
	},
	{
		name: "not-chrooted", code: finding.ConfigNotChrooted, kind: Unsafe, severity: finding.Notice,
		says: text{"ChrootEveryone is not yes: users see the whole file system", "ChrootEveryone 不是 yes：用户可以看到整个文件系统"},
		bad:  "ChrootEveryone no\n", good: "ChrootEveryone yes\n",
		look: func(c *config) []hit {
			if _, trusted := c.pu("TrustedGID", ""); trusted != nil {
				return nil
			}
			return puOn("ChrootEveryone", false, false)(c)
		},
	},
	{
		name: "system-accounts", code: finding.ConfigRootLoginAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"MinUID {value}: accounts of the system and of services, whose numbers are below 1000, may log in", "MinUID {value}：编号小于 1000 的系统账号和服务账号可以登录"},
		bad:  "MinUID 0\n", good: "MinUID 1000\n",
		look: func(c *config) []hit {
			v, d := c.pu("MinUID", "")
			if d == nil || number(v) >= 100 || number(v) > 0 && c.pureVirtualOnly() {
				return nil
			}
			return one(c.puAt("MinUID", d, "1000"))
		},
	},
	{
		name: "no-connection-limit", code: finding.ConfigNoConnectionLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"MaxClientsNumber {value}: that many sessions, a process each, are as good as no limit", "MaxClientsNumber {value}：每个会话占一个进程，这么多等于没有上限"},
		bad:  "MaxClientsNumber 100000\n", good: "MaxClientsNumber 50\n",
		look: func(c *config) []hit {
			v, d := c.pu("MaxClientsNumber", "50")
			if n := number(v); d == nil || n > 0 && n <= 5000 {
				return nil
			}
			return one(c.puAt("MaxClientsNumber", d, "50"))
		},
	},
	{
		name: "no-per-source-limit", code: finding.ConfigNoPerSourceLimit, kind: Unlimited, severity: finding.Notice,
		says: text{"MaxClientsPerIP is not set: one address may take all sessions", "没有设置 MaxClientsPerIP：一个地址就能占满所有会话"},
		bad:  "NoAnonymous yes\n", good: "MaxClientsPerIP 8\n",
		look: func(c *config) []hit {
			v, d := c.pu("MaxClientsPerIP", "0")
			if number(v) > 0 || !c.whole {
				return nil
			}
			return one(c.puAt("MaxClientsPerIP", d, "8"))
		},
	},
	{
		name: "no-timeout", code: finding.ConfigNoTimeout, kind: Unlimited, severity: finding.Warning,
		says: text{"MaxIdleTime {value} minutes: sessions that do nothing are kept", "MaxIdleTime {value} 分钟：什么都不做的会话会一直保留"},
		bad:  "MaxIdleTime 100000\n", good: "MaxIdleTime 15\n",
		look: func(c *config) []hit {
			v, d := c.pu("MaxIdleTime", "15")
			if n := number(v); d == nil || n > 0 && n <= 1440 {
				return nil
			}
			return one(c.puAt("MaxIdleTime", d, "15"))
		},
	},
	{
		name: "passive-range-missing", code: finding.ConfigPassiveRangeMissing, kind: Contradictory, severity: finding.Warning,
		says: text{"PassivePortRange is not set: any port may be used, and no firewall can open just these", "没有设置 PassivePortRange：可能使用任意端口，防火墙无法只放行这些端口"},
		bad:  "NoAnonymous yes\n", good: "PassivePortRange 50000 50199\n",
		look: func(c *config) []hit {
			if _, d := c.pu("PassivePortRange", ""); d != nil || !c.whole {
				return nil
			}
			return one(c.puAt("PassivePortRange", nil, "50000", "50199"))
		},
	},
	{
		name: "passive-range-invalid", code: finding.ConfigPassiveRangeInvalid, kind: Contradictory, severity: finding.Error,
		says: text{"the passive range {range} is impossible: the server refuses to start, or opens no port", "被动端口范围 {range} 不可能成立：服务器会拒绝启动，或者打不开任何端口"},
		bad:  "PassivePortRange 60000 50000\n", good: "PassivePortRange 50000 50199\n",
		look: func(c *config) []hit {
			v, d := c.pu("PassivePortRange", "")
			low, high := pair(v)
			if d == nil || low < 0 || low >= 1024 && low <= high && high <= 65535 {
				return nil
			}
			return one(c.puAt("PassivePortRange", d).with("range", fmt.Sprintf("%d–%d", low, high)))
		},
	},
	{
		name: "passive-range-small", code: finding.ConfigPassiveRangeSmall, kind: Contradictory, severity: finding.Warning,
		says: text{"the passive range has {ports} ports for {clients} clients: transfers fail when it is used up", "被动端口只有 {ports} 个，而客户端上限为 {clients}：用尽后传输会失败"},
		bad:  "PassivePortRange 50000 50009\n", good: "PassivePortRange 50000 50199\n",
		look: func(c *config) []hit {
			v, d := c.pu("PassivePortRange", "")
			low, high := pair(v)
			clients, _ := c.pu("MaxClientsNumber", "50")
			if d == nil || low < 0 || high < low || high-low+1 >= number(clients) {
				return nil
			}
			return one(c.puAt("PassivePortRange", d).with("ports", strconv.Itoa(high-low+1)).with("clients", clients))
		},
	},
	{
		name: "passive-address", code: finding.ConfigPassiveAddress, kind: Contradictory, severity: finding.Error,
		says: text{"ForcePassiveIP {value} is what every client is told, and can't be reached from outside of its network", "ForcePassiveIP {value} 会告诉每个客户端，而在其所在网络之外无法到达"},
		bad:  "ForcePassiveIP 192.168.0.1\n", good: "ForcePassiveIP 198.51.100.7\n",
		look: func(c *config) []hit {
			v, d := c.pu("ForcePassiveIP", "")
			if d == nil {
				return nil
			}
			return unusableAt(c.puAt("ForcePassiveIP", d), v)
		},
	},
	{
		name: "bounce", code: finding.ConfigBounceAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"{name} is yes: the server opens data connections with third parties", "{name} 为 yes：服务器会与第三方建立数据连接"},
		bad:  "AllowAnonymousFXP yes\n", good: "AllowAnonymousFXP no\n",
		look: func(c *config) []hit {
			return append(puOn("AllowAnonymousFXP", false, true)(c), puOn("AllowUserFXP", false, true)(c)...)
		},
	},
	{
		name: "umask-open", code: finding.ConfigUmaskTooOpen, kind: Unsafe, severity: finding.Warning,
		says: text{"Umask {value}: every account of the machine may change what is uploaded", "Umask {value}：本机任何账号都能改动上传的文件"},
		bad:  "Umask 000:000\n", good: "Umask 133:022\n",
		look: func(c *config) []hit {
			v, d := c.pu("Umask", "")
			file, _, _ := strings.Cut(strings.ReplaceAll(v, " ", ":"), ":")
			if n := octal(file); d == nil || n < 0 || n&0o002 != 0 {
				return nil
			}
			return one(c.puAt("Umask", d, c.umaskPair("133", "022")...))
		},
	},
	{
		name: "umask-shut", code: finding.ConfigUmaskTooStrict, kind: Contradictory, severity: finding.Warning,
		says: text{"Umask {value}: not even the owner may read or write again what is uploaded", "Umask {value}：连文件所有者都无法再读取或写入上传的文件"},
		bad:  "Umask 777:777\n", good: "Umask 133:022\n",
		look: func(c *config) []hit {
			v, d := c.pu("Umask", "")
			file, _, _ := strings.Cut(strings.ReplaceAll(v, " ", ":"), ":")
			if n := octal(file); d == nil || n < 0 || n&0o600 == 0 {
				return nil
			}
			return one(c.puAt("Umask", d, c.umaskPair("133", "022")...))
		},
	},
	{
		name: "not-logged", code: finding.ConfigTransfersNotLogged, kind: Unlimited, severity: finding.Notice,
		says: text{"AltLog is not set: transfers stand only in the system log, if at all", "没有设置 AltLog：传输最多只出现在系统日志中"},
		bad:  "NoAnonymous yes\n", good: "AltLog clf:/var/log/pure-ftpd/transfer.log\n",
		look: func(c *config) []hit {
			if _, d := c.pu("AltLog", ""); d != nil || !c.whole {
				return nil
			}
			return one(c.puAt("AltLog", nil, "clf:/var/log/pure-ftpd/transfer.log"))
		},
	},
	{
		name: "debug", code: finding.ConfigDebugLeftOn, kind: Unlimited, severity: finding.Notice,
		says: text{"VerboseLog is yes: the log grows with every command", "VerboseLog 为 yes：每条命令都会写入日志"},
		bad:  "VerboseLog yes\n", good: "VerboseLog no\n",
		look: puOn("VerboseLog", false, true),
	},
	{
		name: "slow-lookups", code: finding.ConfigSlowLookups, kind: Unlimited, severity: finding.Notice,
		says: text{"DontResolve is not yes: a dead resolver delays every login", "DontResolve 不是 yes：解析器失效时，每次登录都会变慢"},
		bad:  "DontResolve no\n", good: "DontResolve yes\n",
		look: puOn("DontResolve", false, false),
	},
	{
		name: "recursive-listing", code: finding.ConfigRecursiveListing, kind: Unlimited, severity: finding.Notice,
		says: text{"LimitRecursion {value} lets one “ls -R” read a very large tree", "LimitRecursion {value}：一条“ls -R”就能读遍巨大的目录树"},
		bad:  "LimitRecursion 10000000 100\n", good: "LimitRecursion 10000 8\n",
		look: func(c *config) []hit {
			v, d := c.pu("LimitRecursion", "")
			files, depth := pair(v)
			if d == nil || files >= 0 && files <= 1000000 && depth <= 32 {
				return nil
			}
			return one(c.puAt("LimitRecursion", d, "10000", "8"))
		},
	},
}
