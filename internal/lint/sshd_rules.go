package lint

import (
	"errors"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
)

var sshdRules = []rule{
	{
		name: "byte-order-mark", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the file begins with a byte order mark, as Windows editors write it; sshd takes it for a part of the first name and does not start", "文件以字节顺序标记（BOM）开头，Windows 编辑器会写入它；sshd 把它当作第一个名称的一部分，无法启动"},
		bad:  "\ufeffPort 22\n", good: "Port 22\n",
	},
	{
		name: "open-quote", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"a quote is not closed; sshd does not start", "引号没有闭合；sshd 无法启动"},
		bad:  "Banner \"/etc/issue\nPort 22\n", good: "Banner \"/etc/issue\"\n",
	},
	{
		name: "no-name", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"the line begins with no keyword; sshd does not start", "这一行开头没有关键字；sshd 无法启动"},
		bad:  "\f\n", good: "Port 22\n",
	},
	{
		name: "ignored-line", code: finding.ConfigOptionWithoutEffect, kind: Shadowed, severity: finding.Warning,
		says: text{"sshd passes over this line without a word: its keyword is empty, or in a quote that is not closed", "sshd 会静默跳过这一行：关键字为空，或处在没有闭合的引号中"},
		bad:  "\"PermitRootLogin no\n", good: "PermitRootLogin no\n",
	},
	{
		name: "missing-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} has no value; sshd does not start", "{name} 没有值；sshd 无法启动"},
		bad:  "PermitRootLogin\n", good: "PermitRootLogin no\n",
	},
	{
		name: "bad-value", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} can't be “{value}”; sshd does not start", "{name} 不能是“{value}”；sshd 无法启动"},
		bad:  "PasswordAuthentication maybe\n", good: "PasswordAuthentication no\n",
	},
	{
		name: "extra-arguments", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"{name} takes one value, and something follows it; sshd does not start", "{name} 只接受一个值，后面却还有内容；sshd 无法启动"},
		bad:  "Port 22 2222\n", good: "Port 22\nPort 2222\n",
	},
	{
		name: "bad-match", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"Match can't be understood at “{value}”; sshd does not start", "Match 在“{value}”处无法理解；sshd 无法启动"},
		bad:  "Match Users alice\n", good: "Match User alice\n",
	},
	{
		name: "subsystem-twice", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Critical,
		says: text{"the subsystem {value} is defined a second time; sshd does not start", "子系统 {value} 被重复定义；sshd 无法启动"},
		bad:  "Subsystem sftp internal-sftp\nSubsystem sftp /usr/lib/openssh/sftp-server\n", good: "Subsystem sftp internal-sftp\n",
	},
	{
		name: "unknown-near", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"sshd knows no {name}; {near} is probably meant. It does not start", "sshd 没有 {name} 这个关键字，可能是想写 {near}；sshd 无法启动"},
		bad:  "PermitRootLogins no\n", good: "PermitRootLogin no\n",
	},
	{
		name: "unknown", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Critical,
		says: text{"sshd knows no {name}, and does not start", "sshd 没有 {name} 这个关键字，无法启动"},
		bad:  "Xyzzyplugh yes\n", good: "Port 22\n",
	},
	{
		name: "newer", code: finding.ConfigUnknownDirective, kind: Unknown, severity: finding.Notice,
		says: text{"{name} exists since OpenSSH {version}; an older one refuses to start", "{name} 从 OpenSSH {version} 起才有；更旧的版本会拒绝启动"},
		bad:  "PerSourcePenalties yes\n", good: "MaxStartups 10:30:100\n",
	},
	{
		name: "wrong-context", code: finding.ConfigWrongContext, kind: Syntax, severity: finding.Critical,
		says: text{"{name} is not allowed in a Match block, which goes on to the next Match or the end of the file; sshd does not start", "{name} 不能写在 Match 块中，而 Match 块一直延续到下一个 Match 或文件末尾；sshd 无法启动"},
		bad:  "Match User alice\nPort 2222\n", good: "Port 2222\nMatch User alice\n",
	},
	{
		name: "include-missing", code: finding.ConfigIncludeMissing, kind: Shadowed, severity: finding.Warning,
		says: text{"{value} is included and could not be read: what it should set is not set", "包含的 {value} 无法读取：其中的设置不会生效"},
		bad:  "Include /dev/null/unreadable\n", good: "Port 22\n",
		look: func(c *config) []hit {
			var out []hit
			for _, u := range c.Unread() {
				if d := u.Include.Directive; d != nil && !errors.Is(u.Err, conf.ErrTooDeep) && !strings.ContainsAny(u.Include.Pattern, "*?[") {
					out = append(out, c.value(d, 0).with("value", u.Include.Pattern))
				}
			}
			return out
		},
	},
	{
		name: "include-loop", code: finding.ConfigSyntaxError, kind: Syntax, severity: finding.Critical,
		says: text{"files include each other more than 16 deep at {value}; sshd does not start", "文件在 {value} 处相互包含超过 16 层；sshd 无法启动"},
		bad:  "Include sshd_config\n", good: "Port 22\n",
		look: func(c *config) []hit {
			for _, u := range c.Unread() {
				if d := u.Include.Directive; d != nil && errors.Is(u.Err, conf.ErrTooDeep) {
					return one(c.value(d, 0).with("value", u.Include.Pattern))
				}
			}
			return nil
		},
	},
	{
		name: "deprecated", code: finding.ConfigDeprecatedDirective, kind: Deprecated, severity: finding.Notice,
		says: text{"{name} is ignored by today's sshd", "如今的 sshd 会忽略 {name}"},
		bad:  "UsePrivilegeSeparation yes\n", good: "UsePAM yes\n",
	},
	{
		name: "renamed", code: finding.ConfigDeprecatedDirective, kind: Deprecated, severity: finding.Notice,
		says: text{"{name} is an old name of {near}", "{name} 是 {near} 的旧名称"},
		bad:  "ChallengeResponseAuthentication no\n", good: "KbdInteractiveAuthentication no\n",
	},
	{
		name: "duplicate", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"{name} stands at {line} already: sshd obeys the first and ignores this one", "{name} 在 {line} 已经设置：sshd 以第一个为准，忽略这一行"},
		bad:  "PermitRootLogin yes\nPermitRootLogin no\n", good: "PermitRootLogin no\n",
	},
	{
		name: "swallowed-by-match", code: finding.ConfigShadowedDirective, kind: Shadowed, severity: finding.Warning,
		says: text{"this line belongs to the Match block of {line}, which goes on to the next Match or the end of the file", "这一行属于 {line} 的 Match 块：它一直延续到下一个 Match 或文件末尾"},
		bad:  "Match User alice\n  X11Forwarding no\nPasswordAuthentication no\n", good: "PasswordAuthentication no\nMatch User alice\n  X11Forwarding no\n",
		look: swallowed,
	},
	{
		name: "sftp-missing", code: finding.ConfigSFTPMissing, kind: Contradictory, severity: finding.Error,
		says: text{"there is no Subsystem sftp: logins work, SFTP does not", "没有 Subsystem sftp：能登录，但 SFTP 不可用"},
		bad:  "Port 22\n", good: "Subsystem sftp internal-sftp\n",
		look: func(c *config) []hit {
			for _, d := range c.each("Subsystem") {
				if d.Arg(0) == "sftp" {
					return nil
				}
			}
			if !c.whole {
				return nil
			}
			return one(c.missing().mend(c.Docs()[0].Set("Subsystem", "sftp", "internal-sftp")))
		},
	},
	{
		name: "sftp-outside-chroot", code: finding.ConfigSFTPChrootBroken, kind: Contradictory, severity: finding.Error,
		says: text{"users of this chroot are given {value}, which does not exist within it: their sessions end at once; internal-sftp needs no file", "该 chroot 的用户得到的是 {value}，而它在 chroot 里面不存在：会话立即结束；internal-sftp 不需要任何文件"},
		bad:  "Subsystem sftp /usr/lib/openssh/sftp-server\nMatch Group sftp\nChrootDirectory /srv/sftp/%u\n", good: "Subsystem sftp internal-sftp\nMatch Group sftp\nChrootDirectory /srv/sftp/%u\n",
		look: externalInChroot,
	},
	{
		name: "chroot-relative", code: finding.ConfigSFTPChrootBroken, kind: Contradictory, severity: finding.Error,
		says: text{"ChrootDirectory {value} is no absolute path: the sessions end at once", "ChrootDirectory {value} 不是绝对路径：会话会立即结束"},
		bad:  "Match Group sftp\nChrootDirectory sftp/%u\n", good: "Match Group sftp\nChrootDirectory /srv/sftp/%u\n",
		look: (*config).chrootFaults,
	},
	{
		name: "chroot-home", code: finding.ConfigChrootHome, kind: Contradictory, severity: finding.Notice,
		says: text{"ChrootDirectory {value} is the users' home, which usually belongs to them: sshd wants each part of the path to be root's and writable by nobody else, and ends the session otherwise", "ChrootDirectory {value} 是用户的主目录，通常属于用户自己：sshd 要求路径的每一级都属于 root 且他人不可写，否则结束会话"},
		bad:  "Match Group sftp\nChrootDirectory %h\nForceCommand internal-sftp\n", good: "Match Group sftp\nChrootDirectory /srv/sftp/%u\nForceCommand internal-sftp\n",
		look: ssIs("ChrootDirectory", "", func(d *conf.Directive) bool {
			v := strings.TrimRight(d.Arg(0), "/")
			return v == "%h" || v == "/home/%u"
		}),
	},
	{
		name: "match-not-allowed", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Notice,
		says: text{"{name} {value} is not among {list}: those users are refused before this block matters, unless they are let in by another of its names", "{name} {value} 不在 {list} 之中：除非另有一项允许，这些用户会先被拒绝，本段对他们不起作用"},
		bad:  "AllowGroups admins\nMatch Group sftp\nX11Forwarding no\n", good: "AllowGroups admins sftp\nMatch Group sftp\nX11Forwarding no\n",
		look: matchNotAllowed,
	},
	{
		name: "sftp-only-incomplete", code: finding.ConfigSFTPOnlyIncomplete, kind: Unsafe, severity: finding.Warning,
		says: text{"users are locked into {value} and there is no ForceCommand internal-sftp: they may still ask for a shell or a command", "用户被限制在 {value}，却没有 ForceCommand internal-sftp：他们仍可请求 shell 或命令"},
		bad:  "Match Group sftp\n  ChrootDirectory /srv/sftp/%u\n", good: "Match Group sftp\n  ChrootDirectory /srv/sftp/%u\n  ForceCommand internal-sftp\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("ChrootDirectory") {
				if d.Parent != nil && !fold(d.Arg(0), "none", "") && c.effectiveIn(d.Parent, "ForceCommand") == nil {
					out = append(out, c.value(d, 0).mend(c.doc(d).InsertAfter(d, "ForceCommand internal-sftp")))
				}
			}
			return out
		},
	},
	{
		name: "forwarding", code: finding.ConfigForwardingAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"users who are meant to move files only may still forward ports into the network behind the server ({name} is not no)", "本应只能传文件的用户仍可把端口转发到服务器背后的网络（{name} 不是 no）"},
		bad:  "Match Group sftp\n  ForceCommand internal-sftp\n", good: "Match Group sftp\n  ForceCommand internal-sftp\n  DisableForwarding yes\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("ForceCommand") {
				if left := c.forwardingOpen(d.Parent); isSFTP(d) && left != "" {
					out = append(out, c.at(d).with("name", left).mend(c.doc(d).InsertAfter(d, "DisableForwarding yes")))
				}
			}
			return out
		},
	},
	{
		name: "root-login", code: finding.ConfigRootLoginAllowed, kind: Unsafe, severity: finding.Warning,
		says: text{"PermitRootLogin yes: whoever guesses one password owns the machine", "PermitRootLogin yes：猜中一个密码就能控制整台机器"},
		bad:  "PermitRootLogin yes\n", good: "PermitRootLogin prohibit-password\n",
		look: func(c *config) []hit {
			if !c.sshPasswords() {
				return nil
			}
			return ssIs("PermitRootLogin", "prohibit-password", isYes)(c)
		},
	},
	{
		name: "empty-passwords", code: finding.ConfigEmptyPasswords, kind: Unsafe, severity: finding.Warning,
		says: text{"PermitEmptyPasswords yes: an account without a password is open to all", "PermitEmptyPasswords yes：没有密码的账号对所有人开放"},
		bad:  "PermitEmptyPasswords yes\n", good: "PermitEmptyPasswords no\n",
		look: ssIs("PermitEmptyPasswords", "no", isYes),
	},
	{
		name: "passwords-through-pam", code: finding.ConfigPasswordsAccepted, kind: Unsafe, severity: finding.Warning,
		says: text{"PasswordAuthentication no alone does not end passwords: KbdInteractiveAuthentication is yes, and PAM asks for one there", "仅有 PasswordAuthentication no 不能禁用密码：KbdInteractiveAuthentication 为 yes，PAM 会在那里询问密码"},
		bad:  "PasswordAuthentication no\nUsePAM yes\n", good: "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM yes\n",
		look: func(c *config) []hit {
			v, d := c.ss("PasswordAuthentication", "yes")
			pam, _ := c.ss("UsePAM", "no")
			if d == nil || !fold(v, "no") || !fold(pam, "yes") || c.sshKeyboard() != "yes" || len(c.each("AuthenticationMethods")) > 0 || len(c.Unread()) > 0 {
				return nil
			}
			h := c.value(d, 0)
			for _, n := range sshKeyboardNames {
				if x, ok := c.Get(n); ok {
					return one(h.mend(c.doc(x).Replace(x, c.doc(x).Statement(x.Name, "no"))))
				}
			}
			return one(h.mend(c.doc(d).InsertAfter(d, "KbdInteractiveAuthentication no")))
		},
	},
	{
		name: "strict-modes", code: finding.ConfigStrictModesOff, kind: Unsafe, severity: finding.Warning,
		says: text{"StrictModes no: who may write another's home directory may log in as that user", "StrictModes no：谁能写入他人的主目录，谁就能以其身份登录"},
		bad:  "StrictModes no\n", good: "StrictModes yes\n",
		look: ssIs("StrictModes", "yes", func(d *conf.Directive) bool { return fold(d.Arg(0), "no") }),
	},
	{
		name: "weak-ciphers", code: finding.ConfigWeakSSHAlgorithms, kind: Weak, severity: finding.Warning,
		says: text{"{name} brings back {value}, which sshd's own defaults leave out", "{name} 重新启用了 {value}，而 sshd 的默认设置早已排除它"},
		bad:  "Ciphers aes128-ctr,3des-cbc\n", good: "Ciphers aes128-ctr,aes256-ctr\n",
		look: func(c *config) []hit {
			var out []hit
			for _, n := range []string{"Ciphers", "MACs", "KexAlgorithms", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes"} {
				for _, d := range c.each(n) {
					weak := weakIn(d.Arg(0))
					if weak == "" {
						continue
					}
					h := c.value(d, 0).with("name", d.Name).with("value", weak)
					if rest := without(d.Arg(0)); rest != "" {
						h = h.mend(c.doc(d).Replace(d, c.doc(d).Statement(d.Name, rest)))
					}
					out = append(out, h)
				}
			}
			return out
		},
	},
	{
		name: "loopback-only", code: finding.ConfigLoopbackOnly, kind: Contradictory, severity: finding.Error,
		says: text{"sshd listens on {value} only: no other machine can reach it", "sshd 只监听 {value}：其他机器都无法连接"},
		bad:  "ListenAddress 127.0.0.1\n", good: "ListenAddress 192.0.2.1\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("ListenAddress") {
				host := d.Arg(0)
				if h, _, ok := strings.Cut(host, "]:"); ok {
					host = h
				} else if strings.Count(host, ":") == 1 {
					host, _, _ = strings.Cut(host, ":")
				}
				if !loopback(host) {
					return nil
				}
				out = append(out, c.value(d, 0))
			}
			return out
		},
	},
	{
		name: "no-connection-limit", code: finding.ConfigNoConnectionLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"MaxStartups {value} lets in very many connections before anybody has logged in", "MaxStartups {value} 允许大量尚未登录的连接"},
		bad:  "MaxStartups 1000\n", good: "MaxStartups 10:30:100\n",
		look: ssIs("MaxStartups", "10:30:100", func(d *conf.Directive) bool {
			first, _, _ := strings.Cut(d.Arg(0), ":")
			return number(first) > 200
		}),
	},
	{
		name: "few-startups", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Warning,
		says: text{"MaxStartups {value} drops connections at random as soon as a handful log in at once, as batch jobs do", "MaxStartups {value}：几个连接同时登录（批处理作业常如此）就会被随机丢弃"},
		bad:  "MaxStartups 2:50:5\n", good: "MaxStartups 10:30:100\n",
		look: ssIs("MaxStartups", "10:30:100", func(d *conf.Directive) bool {
			first, _, _ := strings.Cut(d.Arg(0), ":")
			n := number(first)
			return n >= 0 && n < 5
		}),
	},
	{
		name: "no-timeout", code: finding.ConfigNoTimeout, kind: Unlimited, severity: finding.Warning,
		says: text{"LoginGraceTime {value} means for ever: connections that never log in use up MaxStartups", "LoginGraceTime {value} 表示永不超时：从不登录的连接会占满 MaxStartups"},
		bad:  "LoginGraceTime 0\n", good: "LoginGraceTime 60\n",
		look: ssIs("LoginGraceTime", "60", func(d *conf.Directive) bool { return strings.Trim(d.Arg(0), "0smhdwSMHDW") == "" }),
	},
	{
		name: "no-login-limit", code: finding.ConfigNoLoginLimit, kind: Unlimited, severity: finding.Warning,
		says: text{"MaxAuthTries {value}: passwords can be guessed in one connection", "MaxAuthTries {value}：可以在一个连接中反复猜测密码"},
		bad:  "MaxAuthTries 100\n", good: "MaxAuthTries 6\n",
		look: ssIs("MaxAuthTries", "6", func(d *conf.Directive) bool { return number(d.Arg(0)) > 10 }),
	},
	{
		name: "few-auth-tries", code: finding.ConfigContradiction, kind: Contradictory, severity: finding.Warning,
		says: text{"MaxAuthTries {value}: each key of an agent counts, so people with several keys are refused before the right one is tried", "MaxAuthTries {value}：代理中的每个密钥都计一次，密钥多的用户还没轮到正确的密钥就被拒绝"},
		bad:  "MaxAuthTries 1\n", good: "MaxAuthTries 6\n",
		look: ssIs("MaxAuthTries", "6", func(d *conf.Directive) bool { n := number(d.Arg(0)); return n >= 0 && n < 3 }),
	},
	{
		name: "no-method", code: finding.ConfigNoAccessPossible, kind: Contradictory, severity: finding.Critical,
		says: text{"neither keys nor passwords may be used: nobody can log in", "密钥和密码都不允许使用：谁也无法登录"},
		bad:  "PubkeyAuthentication no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n", good: "PubkeyAuthentication yes\nPasswordAuthentication no\n",
		look: func(c *config) []hit {
			var last *conf.Directive
			for _, n := range []string{"PubkeyAuthentication", "PasswordAuthentication", "KbdInteractiveAuthentication"} {
				v, d := c.ss(n, "yes")
				if !fold(v, "no") {
					return nil
				}
				last = d
			}
			for _, n := range []string{"GSSAPIAuthentication", "HostbasedAuthentication"} {
				if v, _ := c.ss(n, "no"); fold(v, "yes") {
					return nil
				}
			}
			for d := range c.All() { // a Match block may allow it to some
				if d.Parent != nil && strings.HasSuffix(strings.ToLower(d.Name), "authentication") && isYes(d) {
					return nil
				}
			}
			if last == nil || !c.whole {
				return nil
			}
			return one(c.value(last, 0))
		},
	},
	{
		name: "keep-alive-pointless", code: finding.ConfigOptionWithoutEffect, kind: Shadowed, severity: finding.Notice,
		says: text{"ClientAliveCountMax has no effect while ClientAliveInterval is 0", "ClientAliveInterval 为 0 时，ClientAliveCountMax 不起作用"},
		bad:  "ClientAliveCountMax 3\n", good: "ClientAliveInterval 60\nClientAliveCountMax 3\n",
		look: func(c *config) []hit {
			v, _ := c.ss("ClientAliveInterval", "0")
			if d, ok := c.Get("ClientAliveCountMax"); ok && c.whole && strings.Trim(v, "0s") == "" {
				return one(c.at(d))
			}
			return nil
		},
	},
	{
		name: "debug", code: finding.ConfigDebugLeftOn, kind: Unlimited, severity: finding.Notice,
		says: text{"LogLevel {value} is for finding faults, and writes what users do into the log", "LogLevel {value} 用于排查故障，会把用户的操作写进日志"},
		bad:  "LogLevel DEBUG3\n", good: "LogLevel VERBOSE\n",
		look: ssIs("LogLevel", "VERBOSE", func(d *conf.Directive) bool { return strings.HasPrefix(strings.ToUpper(d.Arg(0)), "DEBUG") }),
	},
	{
		name: "not-logged", code: finding.ConfigTransfersNotLogged, kind: Unlimited, severity: finding.Notice,
		says: text{"the sftp server is given no -l INFO: transfers leave no trace", "sftp 服务没有带 -l INFO：传输不留任何记录"},
		bad:  "Subsystem sftp internal-sftp\n", good: "Subsystem sftp internal-sftp -l INFO\n",
		look: func(c *config) []hit {
			var out []hit
			for _, d := range c.each("Subsystem") {
				if d.Arg(0) == "sftp" && len(d.Args) > 1 && !strings.Contains(" "+strings.Join(d.Args[1:], " "), " -l") {
					out = append(out, c.at(d).mend(c.doc(d).Replace(d, strings.Join(append([]string{d.Name}, append(d.Args, "-l", "INFO")...), " "))))
				}
			}
			for _, d := range c.each("ForceCommand") { // what it says stands instead of the subsystem's options
				if command := strings.Join(d.Args, " "); isSFTP(d) && !strings.Contains(command, " -l") {
					out = append(out, c.at(d).mend(c.doc(d).Replace(d, d.Name+" "+command+" -l INFO")))
				}
			}
			return out
		},
	},
	{
		name: "slow-lookups", code: finding.ConfigSlowLookups, kind: Unlimited, severity: finding.Notice,
		says: text{"UseDNS yes: a dead resolver delays every login", "UseDNS yes：解析器失效时，每次登录都会变慢"},
		bad:  "UseDNS yes\n", good: "UseDNS no\n",
		look: ssIs("UseDNS", "no", isYes),
	},
}
