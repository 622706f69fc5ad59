package transcript

import "ftpdoctor/internal/finding"

const (
	writes = `STOR|STOU|APPE|MKD|XMKD|DELE|RMD|XRMD|RNFR|RNTO|SITE|MFMT`
	stores = `STOR|STOU|APPE`
	reads  = `RETR|SIZE|MDTM|CWD|CDUP|LIST|NLST|MLSD|MLST|STAT`
	opens  = `PASV|EPSV|PORT|EPRT|LIST|NLST|MLSD|RETR|STOR|STOU|APPE|REST|TYPE`
)

// serverRules are the words that servers say of themselves, in replies and in
// their own logs.
var serverRules = []rule{
	{
		code: finding.AuthChrootWritable, weight: names, match: `refusing to run with writable root inside chroot|writable root inside chroot`,
		yes: `500 OOPS: vsftpd: refusing to run with writable root inside chroot()`, no: `500 OOPS: cannot change directory:/home/x`,
	},
	{
		// curl leaves out the words; a login is refused with 530, and with 500 by vsftpd's "OOPS".
		code: finding.AuthChrootWritable, weight: shows, match: `Access denied: 500\b`, alike: alikeOOPS,
		yes: `curl: (67) Access denied: 500`, no: `curl: (67) Access denied: 530`,
	},
	{
		code: finding.ServiceOtherProtocol, weight: names - 6, match: `\b50[02]\b.*\bUSER\b.*(?:not (?:recogni[sz]ed|implemented|understood)|unrecogni[sz]ed|unknown)|\b50[02]\b.*(?:unrecogni[sz]ed|unknown|invalid)\b.*\bUSER\b`,
		yes: `500 Error: command "USER" not recognized`, no: `530 USER not recognized`,
	},
	{
		code: finding.AuthHomeMissing, weight: names, match: `OOPS: (?:cannot|can't|could not) change directory|无法更改目录.*OOPS|chdir\w*: .*home|home directory (?:not (?:available|found|accessible)|does not exist|missing|not accessible|inaccessible)|User cannot log in, home directory inaccessible|can't change directory to \[?/[^\]]*\]?.*home|cannot access home|No such file or directory.*home dir|用户无法登录，主目录不可访问|主目录(?:不存在|无法访问)|chroot to .*failed|unable to chdir to|Can't change directory to your home|home directory.*inaccessible`,
		yes: `500 OOPS: cannot change directory:/home/kim`, no: `550 Failed to change directory.`,
	},
	{
		code: finding.AuthShellNotListed, weight: names, match: `Invalid shell|shell .*not (?:in|listed|found in) .?/etc/shells|pam_shells|not in /etc/shells|RequireValidShell|has an? (?:invalid|nonstandard) shell|pam_shells\(`,
		yes: `USER u (Login failed): Invalid shell: '/bin/false'`, no: `shell request failed on channel 0`,
	},
	{
		code: finding.AuthShellNotListed, weight: shows + 3, match: `(?:530|Login (?:incorrect|failed)|Authentication failed|登录失败)`, with: `:(?:/usr)?(?:/s?bin/(?:nologin|false)|/\S+/\w*sh)\n[\s\S]*(?:/etc/shells|/bin/)|/etc/shells|nologin shell|shell (?:is|was|set to|of) \S*(?:nologin|false)|usermod -s|(?:-s|--shell) (?:/usr)?/s?bin/(?:nologin|false)`, unless: `ssl|tls required|too many`,
		yes: "530 Login incorrect.\nftp:x:1009:1009::/srv:/usr/sbin/nologin\n$ cat /etc/shells\n/bin/sh", no: `530 Login incorrect.`,
	},
	{
		code: finding.AuthUserDenied, weight: names, match: `userlist_|in /etc/(?:vsftpd/)?(?:ftpusers|user_list)|UseFtpUsers|UseFtpUsers restrictions|User .* not permitted|Limit (?:access|configuration) denies login|Limit access denies|denied by Limit|<Limit LOGIN>`, unless: `not permitted to log in anymore`,
		yes: `USER kim (Login failed): Limit configuration denies login`, no: `pam_unix(ftp:auth): authentication failure`,
	},
	{
		code: finding.ConfigUnknownDirective, weight: names + 1, match: `unrecogni[sz]ed variable in config|unknown configuration directive|missing value\(s\) in config|bad bool value in config|Bad configuration option|Unsupported option|Invalid command '\S+', perhaps misspelled|unknown directive "|bad \S+ value in config`,
		unless: `command-line: line`,
		yes:    `500 OOPS: unrecognised variable in config file: pasv_adress`, no: `500 OOPS: cannot change directory:/home/x`,
	},
	{
		code: finding.ServiceAborts, weight: names - 4, match: `500 OOPS|OOPS: `, not: `cannot change directory|writable root|config file|ssl:|certificate|private key|dh param|bad bool|tls_|rsa_|tunable|priv_sock_get_cmd|child died|cap_set|listen|socket_bind|sysutil_bind`,
		yes: `500 OOPS: not found: directory given in 'secure_chroot_dir':/var/run/empty`, no: `500 Unknown command.`,
	},
	{
		code: finding.ServiceAborts, weight: names - 6, match: `OOPS: (?:priv_sock_get_cmd|child died|vsf_sysutil|cap_set|prctl|.*clone|fork)|priv_sock_get_(?:cmd|result)|seccomp|child died`,
		yes: `500 OOPS: priv_sock_get_cmd`, no: `500 OOPS: cannot change directory:/`,
	},
	{
		code: finding.ServicePortTaken, weight: names - 2, match: `Address already in use|EADDRINUSE|address in use|could not bind listening|Unable to bind|Only one usage of each socket address|10048|地址已(?:在|被)使用|WSAEADDRINUSE|端口.*被占用|bind: .*in use`, not: `^ftp: bind:`, unless: `passive port|425 |PASV`,
		yes: `500 OOPS: could not bind listening IPv4 socket`, no: `bind address 0.0.0.0`,
	},
	{
		code: finding.TLSNoCertificate, weight: names, match: `OOPS: SSL: (?:cannot load|.*key|.*certificate)|cannot load RSA (?:certificate|private key)|no (?:suitable|usable) certificate|Unable to load certificate|TLSRSACertificateFile.*(?:unable|No such|not|missing|error)|error (?:loading|reading) .*(?:certificate|private key)|key values mismatch|unable to use .*certificate|no certificate (?:assigned|configured|selected|found|installed)|No certificate|SSL_CTX_use_(?:PrivateKey|certificate)|missing (?:TLS )?certificate|Could not load .*cert|Cannot load cert|certificate file .*(?:not found|No such|does not exist)|private key .*does(?: not|n't) match|Sorry, TLS certificate|SSL certificate was not set|Server is not configured .*certificate|未(?:选择|配置|设置).*证书|没有(?:选择|配置)?.*证书|mod_tls.*(?:certificate|key).*(?:unable|failed|error)|431 .*|cannot read .*\.pem|Unable to (?:find|access|load|read) .*(?:\.pem|\.crt|certificate)|server has no certificate|SSL: cannot load`, unless: `client certificate|peer did not|rsa_client|-----begin`,
		yes: `500 OOPS: SSL: cannot load RSA certificate`, no: `SSL certificate problem: self signed certificate`,
	},
	{
		code: finding.TLSNoCertificate, weight: shows, match: `Policy requires SSL|534 `, to: `AUTH`, unless: `local policy`,
		yes: "AUTH TLS\n534 Policy requires SSL.", no: "USER x\n534 Policy requires SSL.",
	},
	{
		code: finding.TLSNoCertificate, weight: shows, match: `534 |local policy on server does not allow TLS|本地策略|431 |454 `, to: `AUTH`,
		yes: "AUTH TLS\n534 Local policy on server does not allow TLS secure connections.", no: "USER x\n234 go",
	},

	// limits
	{
		code: finding.ServiceTooManyFromSource, weight: names, match: `too many (?:connections|sessions|clients|logins|users)[^.]{0,30}(?:from|for) (?:your|this|the same|one|that|an?) (?:internet |ip|host|address|source)|maximum number of (?:connections|clients|sessions|logins)(?: \(\d+\))? (?:for|from|per) (?:your|this|each) (?:host|IP|address|internet)|too many connections? \(\d+\) from this IP|There are too many connections from your internet address|maximum (?:number of )?(?:connections|sessions|clients)(?: allowed)? (?:per|from|for) (?:your |the same |this |one |single )?(?:IP|host|address|source)|connections? (?:limit )?(?:per|from|for) (?:your|this|the same) (?:IP|address|host)|too many .{0,20}per IP|MaxClientsPerHost|MaxConnectionsPerHost|max_per_ip|(?:No|Not) more .*from (?:this|your) (?:IP|host|address)|当前 ?IP .*连接.*(?:过多|上限|超过)|同一 ?IP.*(?:连接|登录)|来自(?:您|你|此|该)的? ?(?:IP|地址|主机).*(?:过多|太多|超过)|Connection limit .*per IP|from the same IP|your IP (?:already )?has`,
		yes: `421 There are too many connections from your internet address.`, no: `421 Too many users are connected, please try again later.`,
	},
	{
		code: finding.ServiceTooManyForUser, weight: names, match: `(?:maximum|max|limit)[^.]{0,50}(?:for|per|by|of) (?:this|the same|your|each|that) (?:user|account|login)|too many (?:connections|sessions|logins|simultaneous (?:logins|connections))[^.]{0,24}(?:for|by|as|per|with|from|of) (?:this|the same|your|same) (?:user|account|login|credential)|User \S+ (?:has )?(?:already )?(?:reached|exceeded|logged in)[^.]{0,40}(?:limit|maximum|times|many)|MaxClientsPerUser|maximum (?:allowed )?(?:logins|login sessions|simultaneous logins)|(?:maximum|max\.?) (?:number of )?(?:login|session|connection)s? (?:\(\d+\) )?(?:for|per) (?:this |your )?(?:user|account|login)|already logged in (?:too many|the maximum)|同一(?:用户|账号|帐号).*(?:连接|登录)|该(?:用户|账号|帐号).*(?:过多|上限|最大)|exceed\w* (?:the )?(?:maximum )?(?:number of )?(?:connections|sessions|logins) (?:for|per) user|connections per user|I can't accept more than \d+ connections as the same user|user .*session limit|connections (?:using|with) this (?:account|user)`,
		yes: `530 Sorry, the maximum number of clients (2) for this user are already connected.`, no: `530 User cannot log in.`,
	},
	{
		code: finding.ServiceTooManyConnections, weight: names - 2, match: `\d+ users \(the maximum\) are already logged in|too many (?:users|connections|clients|sessions|connected users)|maximum number of (?:allowed )?(?:clients|connections|users|sessions)|maximum (?:connections?|clients?|users?|sessions?|logins) (?:limit )?(?:was |has been |is )?(?:reached|exceeded)|(?:connection|session|user|client)s? limit (?:was |has been |is )?(?:reached|exceeded)|server (?:is )?(?:too busy|full)|no more (?:connections|users|clients)|MaxClients\b|MaxInstances|max_clients|connection refused: too many|reached (?:the )?(?:maximum|max) (?:number of )?(?:connections|clients|users)|FTP server .*(?:full|busy)|(?:连接|用户|会话)数?(?:量)?(?:过多|太多|已达上限|已满|超过)|已达到?(?:到)?最大(?:连接|用户|客户)|服务器(?:繁忙|忙|连接数)|maximum connection|ran out of connections|421 .*(?:busy|limit|maximum|many)|Maximum login limit has been reached|exceeded .*maximum .*connections|connection count`,
		unless: `too many authentication|of open files|MaxStartups`, alike: nil,
		yes: `421 Too many users are connected, please try again later.`, no: `421 Timeout.`,
	},
	{
		code: finding.ClientConnectionLeak, weight: names - 1, match: `(?:does ?n.t|never|not) (?:get )?clos(?:e|ed|es|ing)(?: the| its| any| these| old)? (?:ftp |sftp |data |control )?(?:connection|session|client|socket)|connection leak|(?:连接|会话)(?:没有|未|不)(?:被)?(?:关闭|释放)|leak(?:s|ed|ing)? (?:connections|sessions|sockets)|after (?:about |around )?\d+ (?:uploads|files|transfers|sessions|connections|requests)|connections? (?:are|is|keep) (?:never|not) (?:closed|released)|用完没有关闭|没有关闭连接`, with: `too many|maximum|421|limit|上限|过多|refus|max`, unless: `\(10\) for your host`,
		yes: "421 Too many connections\n(the job never closes its sessions)", no: `421 Too many connections`,
	},
	{
		code: finding.ServiceResourceExhausted, weight: names - 3, match: `too many open files|打开的文件过多|cannot allocate memory|out of memory|无法分配内存|resource temporarily unavailable|EMFILE|ENFILE|fork(?:\(\))?: (?:retry|Resource|Cannot)|unable to fork|no buffer space|WSAENOBUFS|10055|insufficient system resources|cannot fork|No (?:more )?processes|pthread_create|421 .*(?:fork|memory|resource)`, unless: `file is locked|errno 35`,
		yes: `421 Service not available: Cannot fork: Resource temporarily unavailable`, no: `memory: 512 MB free`,
	},
	{
		code: finding.ServiceOOMKilled, weight: names, match: `Out of memory: Kill(?:ed)? process|oom-kill|oom_reaper|OOMKilled|status=9/KILL`,
		yes: `kernel: Out of memory: Killed process 811 (proftpd)`, no: `out of memory`,
	},
	{
		code: finding.ServiceUnavailable, weight: shows, match: `421 .*(?:shutting|shut ?down|closing|maintenance|not available|unavailable|offline)|120 |server (?:is )?(?:going )?(?:down|offline|in maintenance)|under maintenance|(?:系统|服务器?)(?:正在)?维护|closed for maintenance|FTP server shut down|530 .*(?:maintenance|shutdown|shut down)|服务不可用|Service not available, (?:remote server has closed|closing)`, not: `remote server has closed connection$`, unless: `oops|too many|maximum|timeout|idle|no-transfer|hosts.deny|tls|ssl`,
		yes: `421 Service not available, remote server has closed connection (maintenance)`, no: `421 Timeout.`,
	},
	{
		code: finding.ServiceNotEnabled, weight: shows, match: `disabled; (?:vendor )?preset|not start(?:ed)? (?:on|at|after) (?:boot|reboot)|after (?:a |the )?reboot`, with: `refused|inactive|not running|not started`, unless: `ufw|firewall|iptables`,
		yes: `Connection refused (after a reboot the service did not come back)`, no: `Active: active (running)`,
	},
	{
		code: finding.ServiceFailed, weight: names - 8, match: `Active: failed|Failed to start .*(?:ftp|ssh|FTP|SSH)|code=exited, status=[1-9]|start request repeated too quickly|crash ?loop|Segmentation fault|segfault|core dumped|panic: |Main process exited`, unless: `oops|bad configuration|unrecognised|address already in use|permission denied \(publickey`,
		yes: `vsftpd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT`, no: `Active: active (running)`,
	},
	{
		code: finding.ServiceNotRunning, weight: names - 8, match: `Active: inactive|(?:vsftpd|proftpd|pure-ftpd|sshd?|ftpd?|ftpsvc)\S* (?:is )?(?:not running|stopped|is not running)|service .*(?:not running|is stopped|not started)|(?:STATE\s*: 1 +STOPPED)|服务(?:没有|未)(?:启动|运行)|inactive \(dead\)`, unless: `webclient|web client`,
		yes: `Active: inactive (dead)`, no: `Active: active (running)`,
	},
	{
		code: finding.HostDiskFull, weight: names + 1, match: `\b100% +/\S*`, with: `upload|stor |put |write|failure|error|df `,
		yes: "PUT /a\ndf\n/dev/sda1 20G 20G 0 100% /srv", no: `transferred 100% of file`,
	},
	{
		code: finding.HostSELinuxDenied, weight: names - 2, match: `avc:\s+denied|SELinux is preventing|ftpd_full_access|ftp_home_dir|allow_ftpd|setsebool|selinux.*(?:enforcing|denied|blocks|prevent)|setenforce 0`,
		yes: `type=AVC msg=audit(1.2:3): avc:  denied  { write } for pid=7 comm="vsftpd"`, no: `SELinux: disabled`,
	},
	{
		code: finding.HostAppArmorDenied, weight: names - 2, match: `apparmor="DENIED"`,
		yes: `audit: apparmor="DENIED" operation="open" profile="/usr/sbin/vsftpd"`, no: `apparmor="ALLOWED"`,
	},
	{
		code: finding.HostConntrackFull, weight: names, match: `nf_conntrack: table full`,
		yes: `kernel: nf_conntrack: nf_conntrack: table full, dropping packet`, no: `nf_conntrack loaded`,
	},
	{
		code: finding.ServiceBadGreeting, weight: shows, match: `dial: short response|Waiting for [^\d(]\S* but got|(?:invalid|malformed|unparseable|unexpected|bad|weird) (?:server |ftp |server's )?(?:reply|response|greeting|answer)|MalformedServerReplyException|Cannot parse (?:response|reply|a status)|Got a \d+ (?:ftp-server )?response when 220|Weird server reply|Could not parse reply|non-?FTP (?:reply|response)|ftplib\.error_proto|error_reply`, unless: `invalid response: [45]\d\d |ssh-|http/1|smtp|<html|\*get\* '(?:220|230)|530|421 |Could not parse response code`,
		yes: `org.apache.commons.net.MalformedServerReplyException: Could not parse reply code.`, no: `ftplib.error_perm: 530 Login incorrect.`,
	},
	{
		code: finding.SecurityBounceAllowed, weight: fits, match: `bounce attack|FTP bounce|Possible FTP bounce`, unless: `500|501|425`, alike: alikeActive,
		yes: `proftpd[7]: Refused PORT 192.0.2.1 (bounce attack)`, no: `mail bounced`,
	},
}

// ftpRules judge replies by the commands that they answer.
var ftpRules = []rule{
	// TLS demanded or absent
	{
		code: finding.TLSRequired, weight: names, match: `(?:SSL|TLS|encryption|secure connection|FTPS)[/\w ]{0,40}(?:is )?(?:required|mandatory|must|needed)|(?:must|have to|need to|required to|please) (?:first )?(?:use|be using|upgrade|issue|send|setup|secure) .{0,40}(?:SSL|TLS|encrypt|secure|AUTH)|requires? (?:the use of )?(?:an? )?(?:explicit )?(?:secure|encrypt\w+|SSL|TLS|FTPS)|Non-anonymous sessions must use encryption|cleartext sessions(?: and weak ciphers)? (?:are )?not accepted|(?:plain|insecure|clear.?text|unencrypted|non-secure)[\w ()/]{0,30}(?:FTP|connection|session|login|protocol)s?[\w ]{0,20}(?:not (?:allowed|accepted|permitted|supported)|disabled|denied|refused|rejected|disallowed)|without TLS|Use AUTH (?:TLS|first)|AUTH command (?:first|required)|Have to use explicit|(?:必须|需要|要求|请)使用.{0,12}(?:TLS|SSL|加密)|Policy requires SSL|I'm sorry.*TLS|only (?:allows|accepts|supports) (?:FTPS|TLS|secure|encrypted|explicit)|SSL connection required|Must perform authentication|secur\w+ .*AUTH TLS|TLS session of .* is required|534 .*requires SSL`, not: `OOPS|unrecogni|ssl_tlsv|config`,
		unless: `session reuse|unprotected data|data connection must|require_ssl_reuse|certificate required|AUTH TLS\W+.{0,12}\d{3}[^\n]{0,40}(?:534|431)|prot p required|auth tls\n[^\n]*(?:534|policy)|auth ssl\n[^\n]*534`,
		yes:    "USER kim\n530 Non-anonymous sessions must use encryption.", no: `530 Login incorrect.`,
	},
	{
		code: finding.TLSRequired, weight: shows, match: `(?:5[0-9][0-9]|421)\b.*(?:SSL|TLS|encrypt|secure)`, to: `USER|PASS|-|CWD|SYST|FEAT`, unless: `session reuse|certificate|not supported|unavailable|prot p|auth tls\n[^\n]*534`,
		yes: "USER kim\n550 SSL/TLS required on the control channel", no: "USER kim\n331 Password required",
	},
	{
		code: finding.TLSDataSessionReuseRequired, weight: names, match: `session reuse|reuse (?:of )?(?:the )?(?:SSL|TLS) session|did not reuse|ssl_session_reuse|require_ssl_reuse|NoSessionReuseRequired|TLS session of (?:the )?data connection (?:has not resumed|not resumed|does not match)|session (?:has )?not (?:been )?resumed|没有(?:恢复|重用|复用).*会话|会话(?:重用|复用)|session resum(?:e|ption).*(?:required|failed|must)|resume the (?:TLS|SSL) session|Session ID .*reuse|522 SSL connection failed|TLS session resum`, unless: `session reuse: (?:yes|true)|schannel.*supports session`,
		yes: `522 SSL connection failed: session reuse required`, no: `TLS session ID: 1234`,
	},
	{
		code: finding.TLSDataSessionReuseRequired, weight: shows, match: `425 Unable to build data connection: Operation not permitted|450 TLS session|425 .*(?:TLS|SSL)|522 `, to: `LIST|NLST|MLSD|RETR|STOR|STOU|APPE|PASV|EPSV`,
		yes: "MLSD\n425 Unable to build data connection: Operation not permitted", no: "MLSD\n425 Unable to build data connection: Connection timed out",
	},
	{
		code: finding.TLSDataProtectionRefused, weight: shows, match: `(?:5\d\d|421|431) `, to: `PROT|PBSZ|CCC`, unless: `5\d\d .*PBSZ first`,
		yes: "PROT P\n534 Unwilling to accept security parameters", no: "PROT P\n200 OK",
	},
	{
		code: finding.TLSDataProtectionRefused, weight: shows + 5, match: `(?:521|522|536|533|550|530|425|503|450) .*(?:data (?:connections?|channel)|PROT)[^.]{0,60}(?:encrypt|TLS|SSL|protect|PROT P|secure|required)|unprotected data|PROT P required|requires? (?:PROT P|encrypted data|data (?:channel )?(?:encryption|protection))|SSL/TLS required on the data channel|Data connections must be encrypted|data connection must be encrypted|PROT C|Insecure data connection`, unless: `session|prot c\n\s*200`,
		yes: "LIST\n522 SSL/TLS required on the data channel", no: "LIST\n150 Here comes the listing.",
	},
	{
		code: finding.TLSNotOffered, weight: shows + 8, match: `(?:50\d|530|534|421|431|550|454|452|500) `, to: `AUTH`, unless: `534 |431 |454 `,
		yes: "AUTH TLS\n502 Command not implemented.", no: "AUTH TLS\n234 Proceed with negotiation.",
	},
	{
		code: finding.TLSNotOffered, weight: names - 5, match: `Requested SSL level failed|does ?n[o']t support (?:explicit )?(?:FTP over )?(?:TLS|SSL|FTPS|AUTH)|AUTH TLS (?:not supported|failed)|TLS is not (?:supported|available|offered)|(?:server )?(?:不支持|未启用|没有启用) ?(?:TLS|SSL|AUTH|FTPS|FTP over TLS|显式)|curl: \(64\)|ssl_force.*not supported|SSL not available on this server|Failed to (?:set|setup) secure|ftp:ssl-force is set and server does not support|服务器不支持 SSL|SECURITY_NOT_SUPPORTED|Explicit TLS .*not supported|533 SSL not available|The server does not support (?:SSL|TLS)`, unless: `534 |431 |tlsv1|version|data connection|protocol version`,
		yes: `ls: Fatal error: ftp:ssl-force is set and server does not support or allow SSL`, no: `AUTH TLS`,
	},

	// login
	{
		code: finding.AuthAnonymousDisabled, weight: names - 4, match: `(?:430|530|500|550|421|331|532|503) .*(?:anonymous|guest)[^.]{0,30}(?:not|only|denied|disabled|unable|can't|cannot|no )|anonymous (?:access|login|logins|user|users|sessions?|FTP) (?:is |are )?(?:not |denied|disabled|refused)|(?:no|not) anonymous|(?:不允许|禁止|禁用)匿名|匿名(?:用户|登录|访问)?.{0,8}(?:不|禁)|Sorry, no ANONYMOUS access`, not: `private system`, unless: `must use encryption|only anonymous|anonymous only`,
		yes: `530 Sorry, no ANONYMOUS access allowed.`, no: `230 Anonymous access granted`,
	},
	{
		code: finding.AuthAnonymousDisabled, weight: shows, match: `(?:530|430|500|550|421) `, to: `PASS|USER`, with: `user anonymous|user ftp\b|anonymous@|logging in as anonymous|as anonymous`, unless: `too many|maximum|must use|login correct|user (?:[b-eg-z]|a[^n]|f[^t])\w*\n`,
		yes: "USER anonymous\n331 Please specify the password.\nPASS ****\n530 Login incorrect.", no: "USER kim\n530 Login incorrect.",
	},
	{
		// vsFTPd says this of its lists, and "Login incorrect" of the password
		code: finding.AuthUserDenied, weight: shows, match: `\b530\b\W{1,6}Permission denied\.`, alike: alikeLogin,
		yes: `Waiting for ('230', '33x') but got 530 [' Permission denied.']`, no: `530 Login incorrect.`,
	},
	{
		code: finding.AuthUserDenied, weight: shows, match: `(?:530|430|550|500|421|532) `, to: `USER`, unless: `password|ssl|tls|encrypt|secure|too many|maximum|must use|auth|many|policy|limit|anonymous only|cannot log in|already connected|logged in|ban`,
		yes: "USER kim\n530 Permission denied.", no: "USER kim\n331 Please specify the password.",
	},
	{
		code: finding.AuthUserDenied, weight: shows + 2, match: `530 .*(?:FTP server is anonymous only|only anonymous|anonymous (?:users )?only)|anonymous only|not (?:allowed|authorized|permitted) to (?:log ?in|use|access)|access denied for user|user .*(?:is )?not (?:allowed|authorized|permitted)|530.*(?:denied by|not in) .*list|530 Permission denied|login not (?:permitted|allowed)|user account .*disabled`, unless: `publickey|host key|stor|mkd |250 `,
		yes: `530 This FTP server is anonymous only.`, no: `530 Login incorrect.`,
	},
	{code: finding.AuthPasswordExpired, weight: names, match: `530.*(?:password.*(?:expired|must be changed)|change .*password)`, yes: `530 Password expired, please change.`, no: `530 Login incorrect.`},
	{code: finding.AuthAccountLocked, weight: names, match: `530.*(?:account|user).*(?:lock|disabled|suspend)`, yes: `530 User account has been disabled.`, no: `530 Login incorrect.`},
	{code: finding.AuthSecondFactorRequired, weight: shows, good: true, match: `(?:331|336|332|530) .*(?:OTP|one-time|verification|token|code|challenge|s/key|2FA)`, yes: `331 Enter verification code`, no: `331 Password required`},
	{
		code: finding.ClientCredentialsMangled, weight: names - 6, match: `(?:530|430|401|Permission denied|auth\w* fail|Login incorrect|登录失败|密码错误|invalid (?:username|login|credential))`, with: `special char|escap|backslash|\\\\\\\\|quot(?:e|ing)|@ in (?:the )?(?:user|password)|url.?encod|%40|特殊字符|转义|编码|trailing (?:space|newline|whitespace)|newline|empty password|password (?:is )?(?:empty|truncated|cut)|carriage return|(?:with|contain\w*|has|includes?) (?:an? )?(?:[#$%&@!^]|hash|dollar|ampersand|percent)|same (?:credentials|password|login|account|user).{0,40}(?:works?|working|ok|succeed|fine)|credentials (?:work|are (?:correct|right|fine))|works? (?:in|with|using|from|on) (?:filezilla|winscp|cyberduck|transmit|cuteftp|lftp|curl|another client|(?:the )?command line|an? (?:other )?(?:ftp|sftp) client)|(?:filezilla|winscp|cyberduck|curl)[^\n]{0,30}(?:works|connects|can log in|logs in|fine|ok\b|可以|正常)|typed by hand|when typed|手动输入`, unless: `\d{3}[^\n]*(?:ssl|tls|encrypt)|too many|maximum|publickey|keyboard-interactive|host key|no matching|unlisted|algorithm|invalid shell|anonymous`,
		yes: "530 User cannot log in.\n(the same credentials work in FileZilla)", no: `530 User cannot log in.`,
	},
	{
		code: finding.AuthRejected, weight: shows - 2, match: `(?:530|430|531|535)\b`, to: `PASS|-|`, unless: `too many|maximum|must use|not allowed because|invalid shell|anonymous`, alike: alikeLogin,
		yes: "PASS ****\n530 Login incorrect.", no: "USER kim\n530 Permission denied.",
	},
	{
		code: finding.AuthRejected, weight: shows - 4, match: `\bFAIL LOGIN\b|Login (?:incorrect|failed|authentication failed|or password incorrect)|(?:login|logon) (?:was )?(?:incorrect|failed|denied|unsuccessful)|Authentication failed|AuthenticationException|auth(?:entication)? (?:fail(?:ed|ure)?|failure|rejected|error)|Auth fail|(?:invalid|incorrect|wrong|bad) (?:user ?name|username|password|login|credentials?|user|passwd)|Access denied|(?:not|could ?n.t|unable to) log(?:ged)? in\b|Not logged in|password (?:was |is )?(?:not accepted|incorrect|rejected|wrong|invalid)|Failed password for|All configured authentication methods failed|unable to authenticate|Permission denied,? please try again|Permission denied \((?:[\w-]+,)*(?:password|keyboard-interactive)|登录(?:失败|不正确|认证失败)|登入失敗|密码(?:错误|不正确|验证失败)|用户名或密码|认证失败|身份验证失败|无法登录|Critical error: Could not connect.*530|curl: \(67\)|error_perm: 530|530 |failed to (?:log ?in|authenticate)|1326|0x8007052e|logon failure|ftp_login\(\)|User cannot log in|LIBSSH2_ERROR_AUTHENTICATION_FAILED|HTTP Basic: Access denied|authentication credentials|Too many login failures`,
		not: `attempted methods \[none\]`, unless: `证书无效|certificate (?:is|was) (?:invalid|rejected)|握手失败|not allowed because|invalid shell|allowed types|no supported authentication|no mutual signature|unprotected private|too many authentication|server refused our key|no matching|bad ownership|writable root|certificate|530 .*(?:ssl|tls|encrypt)|http/1|unauthorized|smtp|proxy auth|pam unable|account is locked|has expired|mutual|load key|550 |553 |must use|too many conn`, alike: alikeLogin,
		yes: `530 Login authentication failed`, no: `Permission denied (publickey).`,
	},
	{
		code: finding.AuthRejected, weight: fits, match: `Permission denied \((?:[\w-]+,)*publickey(?:,[\w-]+)*,(?:password|keyboard-interactive)`, unless: `server refused|load key|no mutual|not allowed|too many`, alike: alikeLogin,
		yes: `kim@h: Permission denied (publickey,password).`, no: `kim@h: Permission denied (publickey).`,
	},
	{
		code: finding.SSHKeyRejected, weight: shows - 5, match: `Permission denied \((?:publickey|gssapi-keyex|gssapi-with-mic|hostbased|,)+\)|Permission denied \(publickey|权限(?:不够|被拒绝).*publickey|No more authentication methods to try|USERAUTH fail|Authentication failed\.? ?\(?publickey|unable to authenticate, attempted methods \[none publickey\]|ssh: unable to authenticate, attempted methods \[none publickey|Exhausted available authentication methods|publickey auth(?:entication)? fail`, unless: `unprotected private|load key|not allowed because|no mutual signature|too many authentication|bad ownership|server refused our key|password\)|keyboard-interactive\)|invalid format|passwordauthentication|not accessible|passphrase`, alike: alikeKey,
		yes: `deploy@h: Permission denied (publickey).`, no: `deploy@h: Permission denied (publickey,password).`,
	},

	// data connections
	{
		code: finding.DataPassiveDisabled, weight: shows - 1, match: `55\d .*(?:permission denied|disabled|not allowed|not permitted)`, to: `EPSV`, unless: `\b227 `, alike: alikeEPSVRefused,
		yes: "EPSV\n550 Permission denied.", no: "EPSV\n500 Unknown command.",
	},
	{
		code: finding.DataPassiveDisabled, weight: names + 1, match: `(?:50\d|550|53\d|451) `, to: `PASV`, not: `OOPS|port .*exhaust|no (?:free|available) port|tls|ssl|logged in|log ?in with|must use`,
		yes: "PASV\n550 Permission denied.", no: "PASV\n227 Entering Passive Mode (192,0,2,1,4,5).",
	},
	{
		code: finding.DataPortsExhausted, weight: shows + 6, match: `(?:425|421|500|451|452|550|426) .*`, to: `PASV|EPSV|LPSV`, not: `not available|OOPS: (?:un|inv|can|not)|unrecogni[sz]ed|Timeout`, unless: `550 permission|50[0-9] (?:command|unknown|not|syntax)|not logged in|login with`,
		yes: "PASV\n421 Could not listen for passive connection: all ports in range in use", no: "PASV\n550 Permission denied.",
	},
	{
		code: finding.DataPortsExhausted, weight: names, match: `no (?:free|available) (?:passive |data )?ports?\b|(?:no|all|out of|ran out of|run out of) (?:more )?(?:free |available )?(?:passive |data )?ports?(?: are| is)? (?:available|free|in use|left|used|exhausted)|out of (?:passive|data) ports|vsf_sysutil_bind|maximum number of attempts|passive port.*(?:exhaust|in use|unavailable)|PassivePorts.*(?:unavailable|in use|range)|Cannot assign requested address|Unable to find open port|maximum number of attempts to find a listening port exceeded|被动端口.*(?:用尽|不足|耗尽)|no available (?:passive )?port|can't find a (?:free )?(?:passive )?port|unable to (?:bind|find) .*passive`, unless: `curl: \(7\)|getsockname|could not bind listening ipv4`,
		yes: `500 OOPS: vsf_sysutil_bind|maximum number of attempts to find a listening port exceeded`, no: `port 21 in use`,
	},
	{
		code: finding.DataEPSVUnsupported, weight: shows, match: `(?:50\d|522|550) `, to: `EPSV`, with: `\[?[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:]+\]?|ipv6`,
		yes: "Connected to 2001:db8::5\nEPSV\n500 Unknown command.", no: "EPSV\n500 Unknown command.\nPASV\n227 ok",
	},
	{
		code: finding.DataEPSVUnsupported, weight: symptom, match: `(?:50\d|522|550) `, to: `EPSV`, unless: `227 |\b4\d\d |553 |550 `, alike: alikePassive,
		yes: "EPSV\n500 Unknown command.", no: "EPSV\n229 Entering (|||4|)",
	},
	{
		code: finding.DataActivePrivateAddress, weight: names, match: `Illegal PORT|I won't open a connection to|(?:Rejected|Refus\w+|invalid) (?:data )?(?:PORT|IP|address)\b.*(?:PORT|address)|Illegal EPRT|PORT (?:address|IP) (?:does not match|mismatch|is private)|won't open a? ?connection to 1|Possible FTP bounce|bounce|Rejected data connection to foreign address|Invalid PORT|PORT command.*(?:private|unroutable|different)`, unless: `227 |mailbox`,
		yes: "PORT 192,168,1,9,200,4\n500 Illegal PORT command.", no: "PORT 192,168,1,9,200,4\n200 PORT command successful.",
	},
	{
		code: finding.DataEPSVBroken, weight: shows + 4, match: `EPSV|\b229 `, with: `(?:PASV (?:first|instead)|with PASV|when I use PASV|disable-epsv|without EPSV|EPSV (?:off|disabled)|ftp:prefer-epsv (?:no|false))[^\n]{0,60}(?:work|help|fine|ok)|(?:works?|fixed|helps?)[^\n]{0,40}(?:with|by|using|after) (?:PASV|disable-epsv|--disable-epsv|without EPSV|disabling EPSV)`, good: true, alike: alikePassive,
		yes: "229 Entering Extended Passive Mode (|||52012|)\nETIMEDOUT\nWhen I let it try PASV first, everything works.", no: "229 Entering Extended Passive Mode (|||52012|)\nETIMEDOUT",
	},
	{
		code: finding.DataActiveBlocked, weight: fits + 4, match: `curl: \((?:10|12|30)\)|FTP PORT failed|failed to do PORT`, alike: alikeActive,
		yes: `curl: (30) Failed to do PORT`, no: `curl: (28) Connection timed out`,
	},
	{
		code: finding.DataPASVBroken, weight: shows, match: `curl: \(13\)`, alike: alikePassive,
		yes: `curl: (13) FTP: unknown PASV reply`, no: `curl: (14) Bad IP in 227 reply`,
	},
	{
		// in passive mode PHP says php_connect_nonb
		code: finding.DataActiveBlocked, weight: fits + 8, match: `ftp_(?:nlist|rawlist|mlsd|f?get|f?put|append)\(\): (?:Connection|Operation) timed out`, alike: alikeActive,
		yes: `Warning: ftp_nlist(): Connection timed out in a.php on line 1`, no: `Warning: ftp_nlist(): php_connect_nonb() failed: Operation now in progress (115) in a.php on line 1`,
	},
	{
		code: finding.DataEPSVUnsupported, weight: shows, match: `Failed EPSV attempt`,
		yes: `curl: (8) Failed EPSV attempt, exiting`, no: `Failed EPSV attempt. Disabling EPSV`, not: `Disabling`,
	},
	{
		code: finding.DataPortsExhausted, weight: fits + 12, match: `Bad PASV/EPSV response: (?:4|500)`, unless: `> epsv`, alike: alikePassive,
		yes: `curl: (13) Bad PASV/EPSV response: 500`, no: `curl: (13) unknown PASV reply`,
	},
	{
		code: finding.DataActiveRefused, weight: shows + 5, match: `(?:50\d|550|53\d|522|425) `, to: `PORT|EPRT`, not: `tls|ssl`, unless: `illegal port|i won't|bounce|foreign`,
		yes: "PORT 192,0,2,9,200,4\n550 Permission denied.", no: "PORT 192,0,2,9,200,4\n200 OK",
	},
	{
		code: finding.DataSourceMismatch, weight: names - 5, match: `Security: Bad IP connecting|(?:data )?connection (?:from|to|by) .*(?:different|foreign|unexpected|wrong|another|other) (?:host|IP|address|source)|IP(?:s)? (?:address(?:es)? )?(?:do(?:es)? ?n.t|not) match|Peer IP|does not match (?:the )?(?:peer|control|client)|mismatch.*(?:data|control) (?:connection|address)|SECURITY VIOLATION: Passive connection|Rejected data connection from|425 .*(?:bad IP|same IP|mismatch|foreign|not allowed from)|AllowForeignAddress|pasv_promiscuous|Illegal (?:data )?connection from|Host attempting data connection .* is not|passive mode: host .* does not match|Unexpected IP address`,
		yes: `425 Security: Bad IP connecting.`, no: `425 Can't open data connection.`,
	},
	{
		code: finding.TLSDataHandshakeFailed, weight: shows, match: `(?:425|426|450|451|522|435) .*(?:TLS|SSL)|(?:TLS|SSL) (?:negotiation|handshake|connection) (?:on|for|of) (?:the )?data|data (?:connection|channel|socket).*(?:TLS|SSL|handshake).*(?:fail|error|not)|unable to open data connection: TLS negotiation failed|Failed TLS negotiation on data channel`, unless: `session reuse|reuse ssl|did not reuse|resumed`, alike: alikeDataTLS,
		yes: `425 Unable to build data connection: TLS handshake failed`, no: `425 Can't open data connection.`,
	},

	// files
	{
		code: finding.FileQuotaExceeded, weight: names, match: `quota|exceeded storage allocation|配额|限额|超出.*(?:空间|配额)|` + quotaElsewhere, not: `no space|quota: (?:unlimited|none)|insufficient`, unless: `df -h|no space left|http/\S+ 507`,
		yes: `552 Transfer aborted. Disk quota exceeded`, no: `552 Requested file action aborted: disk full`,
	},
	{
		code: finding.FileQuotaExceeded, weight: shows - 5, match: `552 `, to: stores + `|`, unless: `disk full|no space|quota`, alike: alikeQuota,
		yes: "STOR a\n552 Requested file action aborted.", no: "STOR a\n553 Could not create file.",
	},
	{
		code: finding.FileDiskFull, weight: names, match: `No space left|disk (?:is )?full|ENOSPC|(?:insufficient|not enough|out of|no more) (?:disk |storage )?space|Insufficient Storage|设备上没有空间|磁盘(?:空间)?(?:已满|不足|满)|空间不足|there is not enough space|ERROR_DISK_FULL|0x80070070|SSH_FX_NO_SPACE|452 |device full|cannot write.*space|write error: .*space|552 .*full|507 Insufficient|` + fullElsewhere, unless: `quota`,
		yes: `451 Error during write to file: No space left on device`, no: `552 quota exceeded`,
	},
	{
		code: finding.FileReadOnly, weight: names, match: `Read-only file ?system|EROFS|只读文件系统|write.protected|SSH_FX_WRITE_PROTECT|read.only (?:mode|server|share|mount)|server is read.?only|` + readOnlyElsewhere,
		yes: `553 Could not create file: Read-only file system`, no: `-r--r--r-- a.txt`,
	},
	{
		code: finding.FileUploadsDisabled, weight: shows, match: `550 Permission denied\.?$|550 .*(?:write|upload)s?.*(?:disabled|not allowed|not permitted|forbidden)|(?:550|553|500|502|530|532|534|450|451) .*(?:not (?:enough|sufficient) privileges|Access (?:is )?denied by (?:configuration|settings)|command (?:is )?(?:disabled|not allowed)|uploads? (?:are )?(?:disabled|not)|read.?only|no write)`, to: writes, unless: `chmod|ls -ld|selinux`, alike: alikeReadOnlyService,
		yes: "STOR a.txt\n550 Permission denied.", no: "RETR a.txt\n550 Permission denied.",
	},
	{
		code: finding.FileUploadsDisabled, weight: names - 5, match: `write_enable|write enable|anon_upload_enable|uploads? (?:are |is )?disabled|Anonymous (?:users )?(?:can ?not|may not|are not allowed to) (?:upload|overwrite)|(?:服务器)?(?:禁止|不允许)上传|anonymous.*upload.*not`, with: `55\d|500|denied|fail|refus|失败|禁止`, unless: `write_enable=yes`,
		yes: "553 Could not create file.\nvsftpd.conf: #write_enable", no: `write_enable=YES`,
	},
	{
		code: finding.FileOverwriteDenied, weight: shows, match: `(?:550|553|521|450|451|554|503) .*(?:exists|overwrite|already)|file (?:already )?exists|Overwrite permission denied|overwrit\w+ (?:is )?(?:not|denied|disabled)|文件已存在|FileAlreadyExists|SSH_FX_FILE_ALREADY_EXISTS|412 Precondition|can.?t overwrite|AllowOverwrite`, unless: `mkd|mkcol|mkdir|directory already exists|cannot create directory`,
		yes: "STOR a\n550 a: Overwrite permission denied", no: "STOR a\n226 Transfer complete",
	},
	{
		code: finding.FileNameRefused, weight: shows + 4, match: `(?:filename|file name|name)s? (?:is |was )?(?:not (?:allowed|valid|acceptable|permitted)|invalid|illegal|prohibited|too long)|(?:illegal|invalid|forbidden|prohibited|bad) (?:file ?name|filename|character|name|path)|(?:name|path) too long|ENAMETOOLONG|文件名(?:太长|过长|不合法|非法|无效)|PathAllowFilter|PathDenyFilter|Forbidden filename|SSH_FX_INVALID_FILENAME|denied by (?:a )?filter|Prohibited file name|extension .*not allowed|550 .*Forbidden`, unless: `not a valid hostname|host name|user ?name|common name|403`, to: ``,
		yes: `553 Prohibited file name: .ftpquota`, no: `Invalid username`,
	},
	{
		code: finding.FileLocked, weight: shows, match: `(?:450|550|451|426) .*(?:busy|in use|being used|lock)|being used by another process|text file busy|file (?:is )?(?:locked|in use|busy)|sharing violation|另一个程序正在使用|文件被(?:占用|锁定)|SSH_FX_LOCK_CONFLICT`, unless: `account|user|port|address already`,
		yes: `550 The process cannot access the file because it is being used by another process.`, no: `421 Server busy`,
	},
	{
		code: finding.FilePermissionDenied, weight: shows, match: `(?:550|553|450|451|532|501|530) .*(?:permission|denied|access|privilege|EACCES|not allowed|权限|拒绝|operation not permitted)`, to: writes + `|` + reads, unless: `550 Permission denied\.$`, alike: alikePermission,
		yes: "STOR a\n550 a: Permission denied", no: "STOR a\n550 a: No such file or directory",
	},
	{
		code: finding.FilePermissionDenied, weight: fits + 5, match: `(?:553|550|450|451) `, to: stores + `|MKD|XMKD|DELE|RNTO|RMD`, unless: `exists|no space|quota|read-only|no such|not found|file name|filename|permission denied|oops|425|426|data conn`, alike: alikeUpload,
		yes: "STOR a\n553 Could not create file.", no: "RETR a\n550 Failed to open file.",
	},
	{
		code: finding.FilePermissionDenied, weight: shows - 8, match: `553 Could not create|Could not create file|(?:remote )?(?:open|mkdir|write|setstat|rename|unlink|stat|create|remote)\S*.{0,80}Permission denied|权限不够|Permission denied|EACCES|SSH_FX_PERMISSION_DENIED|拒绝访问|Access is denied|UnauthorizedAccessException|Can't open that file: Permission|Insufficient permission|` + deniedElsewhere, not: `publickey|password\)|keyboard-interactive\)|please try again|550 permission denied\.?$|login|load key|unprotected|not accessible|10013|connect|listen|bind|socket|private key|bad permissions|identity|gssapi|sftp-server|denied, please|authentication|known_hosts|\.ssh/`, alike: alikePermission,
		yes: `remote open("/srv/a.bin"): Permission denied`, no: `kim@h: Permission denied (publickey).`,
	},
	{
		code: finding.FilePermissionDenied, weight: fits + 5, match: `Failed FTP upload: (?:55[03]|45[01])`, alike: alikeUpload,
		yes: `curl: (25) Failed FTP upload: 553`, no: `curl: (25) Failed FTP upload: 552`,
	},
	{
		code: finding.FileNotFound, weight: shows + 2, match: `(?:550|553|450|451|501|556) .*(?:no such|not found|does ?n.t exist|doesn't exist|cannot find|can't find|couldn't find|not exist|不存在|找不到|failed to (?:change|open)|Can't change directory)`, to: reads + `|` + writes + `|`, unless: `home/|\bhome dir|oops|writable`, alike: alikeMissing,
		yes: "CWD /in\n550 /in: No such file or directory", no: "CWD /in\n250 OK",
	},
	{
		code: finding.FileNotFound, weight: shows - 5, match: `550 Failed to (?:change directory|open file)|550 `, to: reads, unless: `550 permission denied\.`, alike: alikeMissing,
		yes: "CWD /in\n550 Failed to change directory.", no: "STOR a\n550 x",
	},
	{
		// curl's words for a refused RETR.
		code: finding.FileNotFound, weight: fits, match: `RETR response: 5\d\d`, alike: alikeMissing,
		yes: `curl: (78) RETR response: 550`, no: `RETR response: 226`,
	},
	{
		code: finding.FileNotFound, weight: shows - 8, match: `文件不可用|File unavailable|No such file(?: or directory)?|File ".*" not found|SSH_FX_NO_SUCH_(?:FILE|PATH)|file (?:was )?not found|没有那个文件或目录|没有此文件|FileNotFound|curl: \(78\)|does not exist|ENOENT|ERROR_FILE_NOT_FOUND|文件(?:不存在|未找到)|目录不存在|directory not found|路径不存在|curl: \(9\)|Server denied you to change to the given directory|` + missingElsewhere, not: `sftp-server|chroot|oops|identity file|load key|\.ssh/|known_hosts|\.pem|\.crt|certificate|private key|not allowed because|user .{0,30}does not exist|shell|key_load|debug\d:|libssl|shared object|module|config file|(?:bash|zsh|-sh): |host .{0,30}does not exist|domain|cannot stat|hostname`, alike: alikeMissing,
		yes: `remote open("/in/a.bin"): No such file or directory`, no: `Load key "/x": No such file or directory`,
	},
	{
		code: finding.FileDiskFull, weight: fits + 3, match: `\b4: Failure$|(?:451|452|426|550) .*writ|Failure writing|error (?:during )?writ|write.*: Failure|SSH_FX_FAILURE|(?:put|upload|open|write|close|sftp|remote|OSError|IOError)\S*.{0,80}: "?Failure"?\.?$|Failed to? write|426 Failure|^Failure$`, not: `authentication failure|pam_unix|connection failure|tls|ssl|reading|mkdir|resolution|login|host key|network stream|kex|no space|quota|key ex|permission denied`, with: `write|writ|stor|put|upload|send|上传`, alike: alikeWrite,
		yes: `write remote "/srv/a.bin": Failure`, no: `pam_unix(sshd:auth): authentication failure`,
	},
	{
		code: finding.FileDiskFull, weight: shows, match: `size mismatch in put`, alike: alikeWrite,
		yes: `OSError: size mismatch in put!  0 != 300000`, no: `size mismatch in get!`,
	},
	{
		code: finding.FileCorrupted, weight: shows, match: `checksum|(?:size|hash|md5|sha\d*|crc)s? (?:mis-?match|differs?|do(?:es)? ?n.t match|not match)|corrupt|(?:file )?(?:is )?(?:truncated|incomplete|cut short|damaged|损坏|不完整|校验)|ASCII mode|ascii (?:transfer|type)|bare linefeeds|文件(?:损坏|大小不一致)|transfer closed|curl: \(18\) transfer with \d+ bytes remaining|bytes (?:received|remaining) .*expected|unexpected EOF.*size|partial file`, unless: `using ascii mode to transfer files|switching to ascii|opening ascii|200 type set to a|mac on input|in put!|packet corrupt|corrupted mac|checksum offload|known_hosts|key|425`,
		yes: `WARNING! 183 bare linefeeds received in ASCII mode`, no: `Using ASCII mode to transfer files.`,
	},
	{
		code: finding.ClientNameEncoding, weight: shows, match: `UnicodeDecodeError|UnicodeEncodeError|codec can't (?:decode|encode)|乱码|garbled|mojibake|invalid (?:continuation|start) byte|\?{3,}\.\w{2,4}\b|文件名.*(?:编码|乱码)|illegal byte sequence|Invalid or incomplete multibyte|charset|OPTS UTF8.*(?:50\d)|服务器不支持非 ASCII|Malformed UTF`, unless: `charset=|default-charset|accept-charset|status: server does not support non-ascii|content-type`, with: `name|file|list|dir|文件|目录|decode|nlst|mlsd`,
		yes: `UnicodeDecodeError: 'utf-8' codec can't decode byte 0xb2 in position 62: invalid start byte (listing)`, no: `Content-Type: text/html; charset=utf-8`,
	},
	{
		code: finding.NetIdleTimeout, weight: shows, match: `(?:waiting for|no|without|missing|never (?:gets?|comes|receives|sees))[^\n]{0,20}\b226\b|421 .*(?:timeout|timed out|idle|no.?transfer|inactiv|seconds)|(?:idle|inactivity|no transfer|keep.?alive).{0,20}time-?out|No transfer timeout|Timeout \(\d+ seconds\): closing|空闲.*超时|connection (?:has been |was )?(?:idle|inactive)|client_loop.*keepalive|after (?:\d+ |a few |some |several |about \d+ |\w+ )?(?:minutes|min|hour|hours|seconds of inactivity)|分钟后|Timeout, server .* not responding|control connection (?:timed out|is dead|lost|closed) (?:during|while|after)|long (?:upload|download|transfer)s?.*(?:disconnect|timeout|closed|fail)|Control connection timed out`, not: `you will be disconnected`, unless: `timed out after \d+ (?:ms|milli)|certificate|20 seconds of inactivity|renew|resolv|timeout after 10 seconds|handshake|port .*timed|data connection timed|session reuse`,
		yes: `421 No-transfer-time exceeded. Closing control connection.`, no: `Connection timed out after 20 seconds of inactivity`,
	},
	{
		code: finding.DataPASVBroken, weight: shows + 3, match: `(?:invalid|unexpected|malformed|cannot parse|could not parse|failed to parse|bad|Couldn't interpret).{0,30}(?:PASV|227|passive)|Weird PASV reply|curl: \(14\)|unknown 227`, unless: `0,0,0,0`, alike: alikePassive,
		yes: `curl: (14) Couldn't interpret the 227-reply`, no: `227 Entering Passive Mode (192,0,2,1,4,5).`,
	},
}
