package lint

import (
	"fmt"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// Examples: the smallest configurations that show the fault.
const (
	iisHead = "<configuration><system.applicationHost><sites><site name=\"a\" id=\"1\"><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings>\n"
	iisTail = "</site></sites></system.applicationHost>\n"
	iisEnd  = "</configuration>\n"
)

// iisSite is an example with FTP settings of one site; iisServer adds what holds
// for the server.
func iisSite(ftp string) string {
	return iisHead + "<ftpServer>" + ftp + "</ftpServer>" + iisTail + iisEnd
}

func iisServer(ftp string) string {
	return iisHead + iisTail + "<system.ftpServer>" + ftp + "</system.ftpServer>" + iisEnd
}

// iisBoth has settings of the site and of the server.
func iisBoth(site, ftp string) string {
	return iisHead + "<ftpServer>" + site + "</ftpServer>" + iisTail + "<system.ftpServer>" + ftp + "</system.ftpServer>" + iisEnd
}

const iisAnonymous = "<security><authentication><anonymousAuthentication enabled=\"true\" /></authentication></security>"

var iisRules = []rule{
	{
		name: "bad-xml", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"this is no well-formed XML: {value}. IIS does not start any site", "XML 格式不正确：{value}。IIS 无法启动任何站点"},
		bad:  "<configuration>\n<site id=1 /></configuration>", good: "<configuration>\n<site id=\"1\" /></configuration>",
	},
	{
		name: "unclosed", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"<{name}> is never closed", "<{name}> 没有结束标记"},
		bad:  "<configuration><sites></configuration>", good: "<configuration><sites></sites></configuration>",
	},
	{
		name: "not-open", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"</{name}> closes what is not open", "</{name}> 没有对应的开头"},
		bad:  "<configuration></sites></configuration>", good: "<configuration></configuration>",
	},
	{
		name: "unknown-element", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"the schema of IIS has no <{name}> here, but {near}; the service refuses the file", "IIS 的架构在此处没有 <{name}>，而有 {near}；服务会拒绝该文件"},
		bad:  iisSite("<securty />"), good: iisSite("<security />"),
	},
	{
		name: "unknown-attribute", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"<{element}> has no attribute {name}, but {near}; the service refuses the file", "<{element}> 没有属性 {name}，而有 {near}；服务会拒绝该文件"},
		bad:  iisSite("<connections maxConnection=\"5\" />"), good: iisSite("<connections maxConnections=\"5\" />"),
	},
	{
		name: "bad-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} of <{element}> can't be “{value}”; the service refuses the file", "<{element}> 的 {name} 不能是“{value}”；服务会拒绝该文件"},
		bad:  iisSite("<security><ssl controlChannelPolicy=\"Require\" /></security>"), good: iisSite("<security><ssl controlChannelPolicy=\"SslRequire\" /></security>"),
	},
	{
		name: "tls-optional", code: finding.ConfigClearTextAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"controlChannelPolicy is SslAllow: a client that does not ask for TLS sends its password in clear text", "controlChannelPolicy 为 SslAllow：不请求 TLS 的客户端会以明文发送密码"},
		bad:  iisSite("<security><ssl controlChannelPolicy=\"SslAllow\" /></security>"), good: iisSite("<security><ssl controlChannelPolicy=\"SslRequire\" /></security>"),
		look: iisAttr("ftpServer/security/ssl", "controlChannelPolicy", "SslRequire", "SslRequire", is("SslAllow")),
	},
	{
		name: "data-in-clear", code: finding.ConfigClearTextData, kind: Unsafe, severity: finding.Warning,
		says: text{"dataChannelPolicy is {value}: listings and files may travel in clear text", "dataChannelPolicy 为 {value}：列表和文件可能以明文传输"},
		bad:  iisSite("<security><ssl dataChannelPolicy=\"SslDeny\" /></security>"), good: iisSite("<security><ssl dataChannelPolicy=\"SslRequire\" /></security>"),
		look: iisAttr("ftpServer/security/ssl", "dataChannelPolicy", "SslRequire", "SslRequire", is("SslAllow", "SslDeny")),
	},
	{
		name: "no-certificate", code: finding.ConfigCertificateMissing, kind: Contradictory, severity: finding.Critical,
		says: text{"the site {site} requires TLS, as IIS does by default, and has no certificate (serverCertHash): every login gets 534", "站点 {site} 要求 TLS（IIS 的默认值），却没有证书（serverCertHash）：每次登录都得到 534"},
		bad:  iisSite("<security><ssl controlChannelPolicy=\"SslRequire\" /></security>"), good: iisSite("<security><ssl serverCertHash=\"00AA\" /></security>"),
		look: func(c *config) []hit {
			var out []hit
			for _, site := range c.ftpSites() {
				hash, _ := c.siteAttr(site, "ftpServer/security/ssl", "serverCertHash")
				policy, at := c.siteAttr(site, "ftpServer/security/ssl", "controlChannelPolicy")
				if hash != "" || fold(policy, "SslAllow") {
					continue
				}
				h := c.named(site)
				if at != nil {
					h.pos, h.width = at.Pos, len(at.Name)+1
				}
				out = append(out, h)
			}
			return out
		},
	},
	{
		name: "anonymous", code: finding.ConfigAnonymousAccess, kind: Unsafe, severity: finding.Notice,
		says: text{"anonymousAuthentication is enabled: anybody may log in without an account", "启用了 anonymousAuthentication：任何人不用账号就能登录"},
		bad:  iisSite("<security><authentication><anonymousAuthentication enabled=\"true\" /></authentication></security>"),
		good: iisSite("<security><authentication><anonymousAuthentication enabled=\"false\" /></authentication></security>"),
		look: iisAttr("ftpServer/security/authentication/anonymousAuthentication", "enabled", "false", "", is("true")),
	},
	{
		name: "anonymous-write", code: finding.ConfigAnonymousWrite, kind: Unsafe, severity: finding.Warning,
		says: text{"this rule lets users “{users}”, which includes strangers, write", "此规则允许用户“{users}”（包括陌生人）写入"},
		bad:  iisBoth(iisAnonymous, "<security><authorization><add accessType=\"Allow\" users=\"?\" permissions=\"Read, Write\" /></authorization></security>"),
		good: iisBoth(iisAnonymous, "<security><authorization><add accessType=\"Allow\" users=\"?\" permissions=\"Read\" /></authorization></security>"),
		look: iisWrites,
	},
	{
		name: "as-administrator", code: finding.ConfigRunsAsRoot, kind: Unsafe, severity: finding.Warning,
		says: text{"anonymous users act as {value}", "匿名用户以 {value} 的身份操作"},
		bad:  iisSite("<security><authentication><anonymousAuthentication enabled=\"true\" userName=\"Administrator\" /></authentication></security>"),
		good: iisSite("<security><authentication><anonymousAuthentication enabled=\"true\" userName=\"IUSR\" /></authentication></security>"),
		look: iisAttr("ftpServer/security/authentication/anonymousAuthentication", "userName", "IUSR", "IUSR", func(v string) bool {
			return strings.Contains(strings.ToLower(v), "admin") || fold(v, "SYSTEM", "LocalSystem")
		}),
	},
	{
		name: "no-access", code: finding.ConfigNoAccessPossible, kind: Contradictory, severity: finding.Critical,
		says: text{"the site {site} has every kind of authentication off: nobody can log in", "站点 {site} 的所有身份验证方式都已关闭：谁也无法登录"},
		bad:  iisSite("<security><authentication><anonymousAuthentication enabled=\"false\" /><basicAuthentication enabled=\"false\" /></authentication></security>"),
		good: iisSite("<security><authentication><basicAuthentication enabled=\"true\" /></authentication></security>"),
		look: func(c *config) []hit {
			const at = "ftpServer/security/authentication/"
			var out []hit
			for _, site := range c.ftpSites() {
				basic, d := c.siteAttr(site, at+"basicAuthentication", "enabled")
				anonymous, _ := c.siteAttr(site, at+"anonymousAuthentication", "enabled")
				certificate, _ := c.siteAttr(site, at+"clientCertAuthentication", "enabled")
				custom := len(c.iisElements(at+"customAuthentication/providers/add")) > 0
				if d != nil && !fold("true", basic, anonymous, certificate) && !custom {
					h := c.named(site)
					h.pos, h.width = d.Pos, len(d.Name)+1
					out = append(out, h.mend(c.doc(d).SetAttr(d, "enabled", "true")))
				}
			}
			return out
		},
	},
	{
		name: "no-authorization", code: finding.ConfigNoAccessPossible, kind: Contradictory, severity: finding.Error,
		says: text{"no authorization rule allows anybody into the site {site}: every login gets 530, as IIS denies what no rule allows", "没有任何授权规则允许访问站点 {site}：每次登录都得到 530，因为 IIS 拒绝未被允许的一切"},
		bad:  iisServer("<security><authorization /></security>"), good: iisServer("<security><authorization><add accessType=\"Allow\" users=\"*\" permissions=\"Read\" /></authorization></security>"),
		look: iisNobody,
	},
	{
		name: "not-isolated", code: finding.ConfigNotChrooted, kind: Unsafe, severity: finding.Notice,
		says: text{"userIsolation is {value}: users may walk into each other's directories as far as file permissions let them", "userIsolation 为 {value}：只要文件权限允许，用户就能进入彼此的目录"},
		bad:  iisSite("<userIsolation mode=\"None\" />"), good: iisSite("<userIsolation mode=\"IsolateAllDirectories\" />"),
		look: iisAttr("ftpServer/userIsolation", "mode", "None", "", is("None", "StartInUsersDirectory")),
	},
	{
		name: "allow-list-open", code: finding.ConfigAllowListOpen, kind: Unsafe, severity: finding.Warning,
		says: text{"addresses are allowed one by one while allowUnlisted is true: all others are allowed too", "逐个允许了地址，而 allowUnlisted 为 true：其他地址同样被允许"},
		bad:  iisServer("<security><ipSecurity><add ipAddress=\"192.0.2.1\" allowed=\"true\" /></ipSecurity></security>"),
		good: iisServer("<security><ipSecurity allowUnlisted=\"false\"><add ipAddress=\"192.0.2.1\" allowed=\"true\" /></ipSecurity></security>"),
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.iisElements("system.ftpServer/security/ipSecurity") {
				unlisted, _ := d.Attr("allowUnlisted")
				if fold(unlisted.Value, "false") {
					continue
				}
				for _, x := range c.Children(d) {
					if a, _ := x.Attr("allowed"); fold(a.Value, "true") {
						out = append(out, c.at(d).mend(c.doc(d).SetAttr(d, "allowUnlisted", "false")))
						break
					}
				}
			}
			return out
		},
	},
	{
		name: "no-login-limit", code: finding.ConfigNoLoginLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"denyByFailure is off: passwords can be guessed without end", "denyByFailure 未启用：可以无限次猜测密码"},
		bad:  iisServer("<security><authentication><denyByFailure enabled=\"false\" /></authentication></security>"),
		good: iisServer("<security><authentication><denyByFailure enabled=\"true\" maxFailure=\"4\" /></authentication></security>"),
		look: iisAttr("system.ftpServer/security/authentication/denyByFailure", "enabled", "false", "true", is("false")),
	},
	{
		name: "no-connection-limit", code: finding.ConfigNoConnectionLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"the site {site} has no maxConnections: any number of sessions", "站点 {site} 没有设置 maxConnections：会话数没有上限"},
		bad:  iisSite(""), good: iisSite("<connections maxConnections=\"200\" />"),
		look: func(c *config) []hit {
			var out []hit
			for _, site := range c.ftpSites() {
				v, at := c.siteAttr(site, "ftpServer/connections", "maxConnections")
				if v != "" && v != "4294967295" {
					continue
				}
				h := c.named(site)
				if at != nil {
					h = h.mend(c.doc(at).SetAttr(at, "maxConnections", "200"))
				}
				out = append(out, h)
			}
			return out
		},
	},
	{
		name: "no-timeout", code: finding.ConfigNoTimeout, kind: Unlimited, severity: finding.Warning,
		says: text{"{name} is {value} seconds: sessions that do nothing are kept", "{name} 为 {value} 秒：什么都不做的会话会一直保留"},
		bad:  iisSite("<connections controlChannelTimeout=\"999999\" />"), good: iisSite("<connections controlChannelTimeout=\"120\" />"),
		look: func(c *config) []hit {
			long := func(v string) bool { return number(v) > 86400 }
			return append(iisAttr("ftpServer/connections", "controlChannelTimeout", "120", "120", long)(c),
				iisAttr("ftpServer/connections", "unauthenticatedTimeout", "30", "30", long)(c)...)
		},
	},
	{
		name: "passive-range-missing", code: finding.ConfigPassiveRangeMissing, kind: Contradictory, severity: finding.Warning,
		says: text{"system.ftpServer/firewallSupport sets no range: any port may be used, and no firewall can open just these", "system.ftpServer/firewallSupport 没有设置端口范围：可能使用任意端口，防火墙无法只放行这些端口"},
		bad:  iisServer("<firewallSupport />"), good: iisServer("<firewallSupport lowDataChannelPort=\"50000\" highDataChannelPort=\"50199\" />"),
		look: func(c *config) []hit {
			d, low, _ := c.iisPorts()
			switch {
			case low > 0 || len(c.ftpSites()) == 0:
				return nil
			case d == nil:
				return one(c.missing())
			}
			return one(c.at(d))
		},
	},
	{
		name: "passive-range-invalid", code: finding.ConfigPassiveRangeInvalid, kind: Contradictory, severity: finding.Error,
		says: text{"the passive range {range} is impossible", "被动端口范围 {range} 不可能成立"},
		bad:  iisServer("<firewallSupport lowDataChannelPort=\"60000\" highDataChannelPort=\"50199\" />"), good: iisServer("<firewallSupport lowDataChannelPort=\"50000\" highDataChannelPort=\"50199\" />"),
		look: func(c *config) []hit {
			d, low, high := c.iisPorts()
			if d == nil || low == 0 && high == 0 || low >= 1024 && low <= high && high <= 65535 {
				return nil
			}
			return one(c.at(d).with("range", fmt.Sprintf("%d–%d", low, high)))
		},
	},
	{
		name: "passive-range-small", code: finding.ConfigPassiveRangeSmall, kind: Contradictory, severity: finding.Warning,
		says: text{"the passive range has {ports} ports for all sites together: transfers fail when it is used up", "所有站点共用的被动端口只有 {ports} 个：用尽后传输会失败"},
		bad:  iisServer("<firewallSupport lowDataChannelPort=\"50000\" highDataChannelPort=\"50009\" />"), good: iisServer("<firewallSupport lowDataChannelPort=\"50000\" highDataChannelPort=\"50199\" />"),
		look: func(c *config) []hit {
			d, low, high := c.iisPorts()
			if d == nil || low == 0 || high < low || high-low >= 49 {
				return nil
			}
			return one(c.at(d).with("ports", strconv.Itoa(high-low+1)))
		},
	},
	{
		name: "passive-address", code: finding.ConfigPassiveAddress, kind: Contradictory, severity: finding.Error,
		says: text{"externalIp4Address {value} is what every client is told, and can't be reached from outside of its network", "externalIp4Address {value} 会告诉每个客户端，而在其所在网络之外无法到达"},
		bad:  iisSite("<firewallSupport externalIp4Address=\"10.0.0.5\" />"), good: iisSite("<firewallSupport externalIp4Address=\"198.51.100.7\" />"),
		look: func(c *config) []hit {
			var out []hit
			for _, h := range iisAttr("ftpServer/firewallSupport", "externalIp4Address", "", "", func(v string) bool { return unusable(v) != "" })(c) {
				out = append(out, unusableAt(h, h.args["value"])...)
			}
			return out
		},
	},
	{
		name: "bounce", code: finding.ConfigBounceAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"{name} is false: data connections with third parties are allowed", "{name} 为 false：允许与第三方建立数据连接"},
		bad:  iisSite("<security><dataChannelSecurity matchClientAddressForPort=\"false\" /></security>"), good: iisSite("<security><dataChannelSecurity matchClientAddressForPort=\"true\" /></security>"),
		look: func(c *config) []hit {
			const at = "ftpServer/security/dataChannelSecurity"
			return append(iisAttr(at, "matchClientAddressForPort", "true", "true", is("false"))(c), iisAttr(at, "matchClientAddressForPasv", "true", "true", is("false"))(c)...)
		},
	},
	{
		name: "not-logged", code: finding.ConfigTransfersNotLogged, kind: Unlimited, severity: finding.Notice,
		says: text{"logFile is off: transfers leave no trace", "logFile 已关闭：传输不留任何记录"},
		bad:  iisSite("<logFile enabled=\"false\" />"), good: iisSite("<logFile enabled=\"true\" />"),
		look: iisAttr("ftpServer/logFile", "enabled", "true", "true", is("false")),
	},
	{
		name: "version-disclosed", code: finding.ConfigVersionDisclosed, kind: Weak, severity: finding.Info,
		says: text{"suppressDefaultBanner is not true: the greeting names Microsoft FTP Service", "suppressDefaultBanner 不是 true：欢迎信息会写明 Microsoft FTP Service"},
		bad:  iisSite("<messages />"), good: iisSite("<messages suppressDefaultBanner=\"true\" />"),
		look: iisAttr("ftpServer/messages", "suppressDefaultBanner", "false", "true", is("false")),
	},
	{
		name: "loopback-only", code: finding.ConfigLoopbackOnly, kind: Contradictory, severity: finding.Error,
		says: text{"the binding {value} is for this machine alone: no other can reach it", "绑定 {value} 只对本机有效：其他机器都无法连接"},
		bad:  strings.ReplaceAll(iisSite(""), "*:21:", "127.0.0.1:21:"), good: iisSite(""),
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.Named("binding") {
				info, ok := d.Attr("bindingInformation")
				protocol, _ := d.Attr("protocol")
				host, _, _ := strings.Cut(info.Value, ":")
				if ok && fold(protocol.Value, "ftp") && loopback(host) {
					h := c.at(d).with("value", info.Value)
					h.pos, h.width = info.Pos, len(info.Value)
					out = append(out, h)
				}
			}
			return out
		},
	},
	{
		name: "binding-twice", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Error,
		says: text{"the binding {value} belongs to another site already: only one of them can start", "绑定 {value} 已属于另一个站点：只有一个站点能启动"},
		bad:  "<sites><site><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings></site>\n<site><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings></site></sites>",
		good: "<sites><site><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings></site>\n<site><bindings><binding protocol=\"ftp\" bindingInformation=\"*:2121:\" /></bindings></site></sites>",
		look: func(c *config) []hit {
			seen := map[string]bool{}
			var out []hit
			for _, d := range c.Named("binding") {
				info, ok := d.Attr("bindingInformation")
				protocol, _ := d.Attr("protocol")
				if !ok || !fold(protocol.Value, "ftp") {
					continue
				}
				if seen[info.Value] {
					h := c.at(d).with("value", info.Value)
					h.pos, h.width = info.Pos, len(info.Value)
					out = append(out, h)
				}
				seen[info.Value] = true
			}
			return out
		},
	},
	{
		name: "slow-lookups", code: finding.ConfigSlowLookups, kind: Unlimited, severity: finding.Notice,
		says: text{"enableReverseDns is true: a dead resolver delays every login", "enableReverseDns 为 true：解析器失效时，每次登录都会变慢"},
		bad:  iisServer("<security><ipSecurity enableReverseDns=\"true\" /></security>"), good: iisServer("<security><ipSecurity enableReverseDns=\"false\" /></security>"),
		look: iisAttr("system.ftpServer/security/ipSecurity", "enableReverseDns", "false", "false", is("true")),
	},
}
