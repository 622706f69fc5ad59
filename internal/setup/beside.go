package setup

import (
	"fmt"
	"strings"
)

// service is what the files beside a configuration need to know of it.
type service struct {
	name    string // of the unit
	log     string // files to be rotated; empty: none of its own
	jail    string // of fail2ban
	listens int
	start   string // lines of the unit that start it otherwise
}

// beside adds what belongs to a server and is no configuration of its own.
func (o *Options) beside(set *Set, s service) {
	ports := fmt.Sprint(s.listens)
	if s.listens == 21 {
		ports = fmt.Sprintf("21, %d-%d", o.PassiveLow, o.PassiveHigh)
	}
	word := func(en, zh string) string { return text{en, zh}.in(o.Lang) }
	set.Files = append(set.Files, File{
		Path: "/etc/nftables.d/" + s.name + ".nft", Mode: 0o644, Why: word("an opening of the firewall", "防火墙放行"),
		Content: "# " + word("For the chain of hook input, before what drops: include \"/etc/nftables.d/"+s.name+".nft\"",
			"放在 hook input 的链中、丢弃规则之前：include \"/etc/nftables.d/"+s.name+".nft\"") + "\n" +
			"tcp dport { " + ports + " } ct state new accept\n",
	})
	if s.log != "" {
		set.Files = append(set.Files, File{
			Path: "/etc/logrotate.d/" + s.name, Mode: 0o644, Why: word("logs do not fill the disk", "日志不会占满磁盘"),
			Content: s.log + " {\n\tweekly\n\trotate 12\n\tcompress\n\tdelaycompress\n\tmissingok\n\tnotifempty\n\tcopytruncate\n}\n",
		})
	}
	start := ""
	if s.start != "" {
		start = "# " + word("with the one file that stands beside this", "使用旁边的这一个文件") + "\n" + s.start + "\n"
	}
	set.Files = append(set.Files, File{
		Path: "/etc/systemd/system/" + s.name + ".service.d/50-file-transfer.conf", Mode: 0o644, Why: word("it comes back by itself, and can do less harm", "自动恢复，并减少可能的危害"),
		Content: "[Service]\n" + start +
			"# " + word("a server that ended is started again", "结束的服务会重新启动") + "\nRestart=on-failure\nRestartSec=5\n" +
			"# " + word("each session has several connections", "每个会话有多个连接") + "\nLimitNOFILE=16384\n" +
			"# " + word("what a file server has no business with", "文件服务器无需接触的内容") + "\nPrivateTmp=yes\nProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\nRestrictRealtime=yes\nLockPersonality=yes\n",
	})
	set.Files = append(set.Files, File{
		Path: "/etc/fail2ban/jail.d/" + s.name + ".local", Mode: 0o644, Why: word("who guesses passwords stays out for an hour", "猜测密码者被封禁一小时"),
		Content: fmt.Sprintf("[%s]\nenabled = true\nmaxretry = 5\nfindtime = 10m\nbantime = 1h\nport = %s\n", s.jail, strings.ReplaceAll(strings.ReplaceAll(ports, " ", ""), "-", ":")),
	})
	set.Commands = append(set.Commands, "systemctl daemon-reload")
}

// iis writes a script for Windows' PowerShell, which the administrator runs.
func iis(o *Options) (*Set, error) {
	if o.Certificate != "" || o.Key != "" {
		return nil, &Error{"--tls", "IIS takes a certificate from Windows' store by its thumbprint; the script asks for it"}
	}
	word := func(en, zh string) string { return "# " + text{en, zh}.in(o.Lang) + "\n" }
	var b strings.Builder
	b.WriteString("#requires -RunAsAdministrator\nparam(\n  [Parameter(Mandatory)][string]$Site,\n  [Parameter(Mandatory)][string]$Thumbprint\n)\n$ErrorActionPreference = 'Stop'\nImport-Module WebAdministration\n" +
		"$path = \"IIS:\\Sites\\$Site\"\nif (-not (Test-Path $path)) { throw \"There is no site $Site: Get-Website lists them.\" }\n" +
		"if (-not (Test-Path \"Cert:\\LocalMachine\\My\\$Thumbprint\")) { throw \"There is no certificate $Thumbprint in LocalMachine\\My.\" }\n")
	set := func(name string, value any, en, zh string) {
		v := fmt.Sprint(value)
		if s, ok := value.(string); ok && !strings.HasPrefix(s, "$") {
			v = "'" + strings.ReplaceAll(s, "'", "''") + "'"
		}
		b.WriteString("\n" + word(en, zh) + "Set-ItemProperty $path -Name ftpServer." + name + " -Value " + v + "\n")
	}
	set("security.ssl.serverCertHash", "$Thumbprint", "the certificate of the store", "证书存储中的证书")
	set("security.ssl.controlChannelPolicy", "SslRequire", "no login without TLS", "没有 TLS 不能登录")
	set("security.ssl.dataChannelPolicy", "SslRequire", "no data without TLS", "没有 TLS 不传输数据")
	set("security.authentication.anonymousAuthentication.enabled", "$false", "nobody without an account", "没有账号不能登录")
	set("security.authentication.basicAuthentication.enabled", "$true", "accounts of Windows", "Windows 账号")
	set("userIsolation.mode", "IsolateAllDirectories", "nobody leaves the own directory: LocalUser\\NAME below the site's", "用户不能离开自己的目录：站点目录下的 LocalUser\\NAME")
	set("connections.maxConnections", o.MaxClients, "more wait outside, the machine stays usable", "超出者在外等待，机器保持可用")
	set("connections.controlChannelTimeout", 120, "sessions that nobody uses end, in seconds", "无人使用的会话会结束，单位为秒")
	set("connections.dataChannelTimeout", 60, "so do transfers that stand still", "停滞的传输也会结束")
	if o.Public != "" {
		set("firewallSupport.externalIp4Address", o.Public, "what clients are told to connect to: the server's own address is not theirs", "告知客户端连接的地址：服务器自己的地址对它们无效")
	}
	users := "*"
	if len(o.Users) > 0 {
		users = strings.Join(o.Users, ",")
	}
	b.WriteString("\n" + word("who may log in, to read and write", "谁可以登录并读写") +
		"Clear-WebConfiguration -Filter system.ftpServer/security/authorization -PSPath IIS:\\ -Location $Site\n" +
		"Add-WebConfigurationProperty -Filter system.ftpServer/security/authorization -PSPath IIS:\\ -Location $Site -Name . -Value @{accessType='Allow'; users='" + users + "'; permissions='Read,Write'}\n" +
		"\n" + word("the range of data connections is one for all sites", "数据连接的端口范围由所有站点共用") +
		fmt.Sprintf("Set-WebConfigurationProperty -Filter system.ftpServer/firewallSupport -PSPath IIS:\\ -Name lowDataChannelPort -Value %d\n", o.PassiveLow) +
		fmt.Sprintf("Set-WebConfigurationProperty -Filter system.ftpServer/firewallSupport -PSPath IIS:\\ -Name highDataChannelPort -Value %d\n", o.PassiveHigh) +
		fmt.Sprintf("New-NetFirewallRule -DisplayName 'FTP' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 21,%d-%d | Out-Null\n", o.PassiveLow, o.PassiveHigh) +
		"Restart-Service ftpsvc\n")
	return &Set{
		Files:    []File{{Path: "ftp-site.ps1", Mode: 0o644, Why: text{"a script for PowerShell, to be run as administrator", "PowerShell 脚本，以管理员身份运行"}.in(o.Lang), Content: b.String()}},
		Commands: []string{`powershell -ExecutionPolicy Bypass -File ftp-site.ps1 -Site "Default FTP Site" -Thumbprint THUMBPRINT`},
	}, nil
}
