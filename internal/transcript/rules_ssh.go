package transcript

import "ftpdoctor/internal/finding"

// sshRules are the words of SSH and SFTP: clients, libraries, and sshd's log.
var sshRules = []rule{
	// sshd's log
	{
		code: finding.SSHChrootOwnership, weight: names, match: `bad ownership or modes for chroot|chroot(?:directory)? .*(?:must be owned by root|not owned by root)|chroot path does not begin at root`,
		yes: `sshd[7]: fatal: bad ownership or modes for chroot directory "/srv/in"`, no: `sshd[7]: Authentication refused: bad ownership or modes for directory /home/u`,
	},
	{
		code: finding.SSHServerConfig, weight: names - 10, match: `fatal: .*chroot\(.*No such file|chroot.*"[^"]*": no such file`,
		yes: `sshd[7]: fatal: chroot("/srv/none"): No such file or directory [postauth]`, no: `No such file or directory`,
	},
	{
		code: finding.SSHAuthorizedKeysUnsafe, weight: names, match: `Authentication refused: bad ownership or modes`,
		yes: `sshd[9]: Authentication refused: bad ownership or modes for directory /home/deploy`, no: `bad ownership or modes for chroot directory "/"`,
	},
	{
		code: finding.SSHServerConfig, weight: names, match: `subsystem: cannot stat|Missing privilege separation directory|Privilege separation user \S+ does not exist|sshd_config(?:\.d/\S+)?:? line \d+: |(?:Bad|Deprecated|Unsupported) (?:configuration )?option(?:: |s? in).*|sshd: no hostkeys available|Directive '\w+' is not allowed within a Match block|subsystem: exec\(\) failed|session opening (?:refused|rejected)|no more sessions|Could not load host key`,
		unless: `command-line: line \d+: bad configuration|\.ssh/config`,
		yes:    `sshd[5]: error: subsystem: cannot stat /usr/lib/openssh/sftp-server: No such file or directory`, no: `subsystem request for sftp by user u`,
	},
	{
		code: finding.SSHServerConfig, weight: shows, match: `sftp-server: (?:not found|No such file)|sftp-server['"]?: (?:No such file|command not found)|exec: .*sftp-server|/sftp-server: (?:Permission denied|没有那个文件|权限不够)|no such (?:file|path).*sftp-server`,
		yes: `bash: /usr/libexec/sftp-server: No such file or directory`, no: `Subsystem sftp /usr/libexec/sftp-server`,
	},
	{
		code: finding.AuthUserDenied, weight: names, match: `User \S+ from \S+ not allowed because (?:not listed in|listed in|none of user's groups|a group is listed)|not allowed because (?:not listed in AllowUsers|listed in DenyUsers|a group is listed in DenyGroups)|ROOT LOGIN REFUSED`,
		yes: `sshd[4]: User bob from 192.0.2.7 not allowed because not listed in AllowUsers`, no: `sshd[4]: User bob not allowed because account is locked`,
	},
	{
		code: finding.AuthAccountLocked, weight: names, match: `not allowed because account is locked|account .* has been locked|account (?:is|was) locked|Account locked due to \d+|pam_tally|pam_faillock\(.*(?:consecutive login failures|temporarily locked)|帐户已锁定|账户被锁定|帐号被锁|530.*account.*(?:locked|disabled)|The referenced account is currently locked out`,
		yes: `sshd[3]: User web not allowed because account is locked`, no: `file is locked by another process`,
	},
	{
		code: finding.AuthShellMissing, weight: names, match: `not allowed because shell \S+ (?:does not exist|is not executable)`,
		yes: `User web not allowed because shell /bin/zsh does not exist`, no: `Invalid shell: '/bin/false'`,
	},
	{
		code: finding.AuthAccountExpired, weight: names, match: `account (?:has |is )?expired|Your account has expired|账号已过期|帐户已过期|pam_unix\(\w+:account\): account \S+ has expired`,
		yes: `pam_unix(sshd:account): account kim has expired (account expired)`, no: `certificate has expired`,
	},
	{
		code: finding.AuthPasswordExpired, weight: names, match: `password (?:has |is |was )?expired|you (?:are required to|must) change your password|PASSWD_CHANGEREQ|change your password immediately|密码已过期|密码过期|password change required|requires? (?:a )?password change`,
		yes: `You are required to change your password immediately (administrator enforced).`, no: `Password authentication is not supported`,
	},
	{
		code: finding.AuthUserUnknown, weight: names - 5, match: `Invalid user \S+ from|Failed (?:password|none) for invalid user|check pass; user unknown|illegal user|Login attempt for nonexistent user|no such user(?: found)?(?: from|$| in)|USER \S+: no such user|user unknown`, unless: `not allowed because`,
		yes: `sshd[12]: Invalid user ftp7 from 192.0.2.44 port 40022`, no: `Failed password for root from 192.0.2.4`,
	},
	{
		code: finding.AuthLoginsClosed, weight: shows, match: `pam_nologin|System is (?:booting up|going down)|Unprivileged users are not permitted to log in|nologin: .*maintenance`,
		yes: `System is going down. Unprivileged users are not permitted to log in anymore.`, no: `This account is currently not available.`,
	},
	{
		code: finding.AuthPAMBroken, weight: shows, match: `PAM unable to dlopen|PAM adding faulty module|PAM: .*Module is unknown|pam_open_session.*Module is unknown|Critical error - immediate abort|PAM _pam_init_handlers`,
		yes: `vsftpd: PAM unable to dlopen(pam_ldap.so): /lib/security/pam_ldap.so: cannot open shared object file`, no: `pam_unix(vsftpd:auth): authentication failure`,
	},
	{
		code: finding.SSHThrottled, weight: names, match: `MaxStartups|past Maxstartups|beginning MaxStartups|PerSource(?:Penalties|MaxStartups)|drop connection #\d+ from|Exceeded MaxStartups|Not allowed at this time`,
		yes: `sshd[8]: error: beginning MaxStartups throttling`, no: `kex_exchange_identification: Connection closed by remote host`,
	},
	{
		code: finding.SSHTooManyAttempts, weight: names, match: `Too many authentication failures|maximum authentication attempts exceeded|认证失败次数(?:过多|太多)|too many auth(?:entication)? (?:attempts|failures)|Max(?:imum)? auth(?:entication)? (?:tries|attempts) (?:reached|exceeded)`,
		yes: `Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures`, no: `Too many connections from your IP`,
	},
	{
		code: finding.AuthBanned, weight: names - 5, match: `fail2ban[^\n]*\bBan \b|mod_ban|mod_ban\S*:|Login denied: host .*banned|you (?:are|have been) (?:temporarily )?(?:banned|blocked)|IP(?: address)? (?:is|has been|was) (?:temporarily )?(?:banned|blocked|blacklisted|auto-?banned)|denyhosts|your ip .*blocked|has been (?:auto.?)?banned|IP .{0,40}(?:被封|被禁止|已被屏蔽)|530.*\bbanned\b|421.*\bbanned\b|blocked due to too many`,
		yes: `fail2ban.actions [71]: NOTICE [vsftpd] Ban 192.0.2.81`, no: `fail2ban is installed`,
	},

	// negotiation
	{
		code: finding.SSHNoCommonAlgorithm, weight: names, match: `No matching [\w ]{1,30}algorithm found|No compatible .{0,40}algorithms? found|no matching (?:key exchange method|host key type|cipher|MAC|compression)|no common algorithms?|Algorithm negotiation fail|Couldn't agree an? |Could ?n.t agree (?:on )?|Unable to (?:negotiate|reach a settlement)|no acceptable (?:kex|ciphers?|macs?|host keys?)|Incompatible ssh (?:peer|server)|Incompatible ssh|Handshake failed: no matching|Unable to exchange encryption keys|could not negotiate|negotiation failed: no|key exchange (?:algorithm )?(?:failed|negotiation)|Server .* no matching|no match(?:ing)? (?:for )?(?:method )?(?:kex|hostkey|cipher|mac|server host key|client->server)|kex error : no match|cannot negotiate|no hostkey alg|LIBSSH2_ERROR_KEX_FAILURE|KEX_FAILURE|无法协商|密钥交换.*失败|算法协商失败|No suitable (?:key exchange|cipher|mac)|Failed to negotiate (?:key exchange|host key|encryption)|NegotiateAlgorithms|failed to negotiate a transport component|Key exchange negotiation failed`,
		unless: `no mutual signature|Connection closed by .* \[preauth\] only`,
		yes:    `Unable to negotiate with 192.0.2.8 port 22: no matching host key type found. Their offer: ssh-rsa`, no: `debug1: kex: algorithm: curve25519-sha256`,
	},
	{
		code: finding.SSHNoCommonSignature, weight: names, match: `no mutual signature|userauth_pubkey: (?:key type|signature algorithm) \S+ not in PubkeyAccepted|not in PubkeyAccepted(?:KeyTypes|Algorithms)|unsupported (?:public )?key (?:type|algorithm):? ssh-rsa|signature type ssh-rsa|key type ssh-rsa not in|error in libcrypto.*ssh-rsa|ssh-rsa.*(?:no longer (?:supported|accepted)|disabled)|rsa-sha2.*not (?:supported|accepted)|server-sig-algs.*ssh-rsa\b.*fail`,
		yes: `send_pubkey_test: no mutual signature algorithm`, no: `no matching host key type found. Their offer: ssh-rsa`,
	},
	{
		code: finding.SSHNoCommonSignature, weight: shows, match: `signature algorithm|ssh-rsa|SHA-?1 signature`, with: `(?:permission denied|auth(?:entication)? fail\w*|publickey)[\s\S]*(?:upgrad|after [^\n]{0,20}update|ubuntu 22|fedora 3[3-9]|rhel ?9|el9|crypto-?polic)|(?:upgrad|ubuntu 22|crypto-?polic)[\s\S]*(?:permission denied|auth fail|publickey)`, unless: `no matching host key|their offer|unprotected private key|verification failed`,
		yes: `sshd: after the upgrade to Ubuntu 22.04 publickey fails: signature algorithm ssh-rsa not accepted`, no: `Their offer: ssh-rsa`,
	},
	{
		code: finding.TLSDHTooSmall, weight: shows, match: `ssh_dispatch_run_fatal: .*DH GEX group out of range|Server sent p length out of range|prime size must be (?:multiple of 64|.*range)|DH_GEX.*(?:small|range)`,
		yes: `ssh_dispatch_run_fatal: Connection to 192.0.2.9 port 22: DH GEX group out of range`, no: `DH GEX`,
	},
	{
		code: finding.SSHWeakAlgorithms, weight: shows, match: `Invalid key length|key (?:size|length) (?:\d+ )?(?:is )?(?:too small|below)|RSA key .*too (?:small|short)|bits.*too small`, with: `ssh|sftp`, unless: `ee key too small|ca key too small`,
		yes: `ssh: Bad server host key: Invalid key length`, no: `ssh: Load key: invalid format`,
	},

	// host keys
	{
		code: finding.SSHHostKeyChanged, weight: names, match: `REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed|WARNING - POTENTIAL SECURITY BREACH|host key does not match the one|BadHostKeyException|HostKey has been changed|host key has changed|REVOKED HOST KEY|Host key .*(?:mismatch|changed)|knownhosts: key mismatch|主机密钥(?:已|发生)?(?:改变|变更|不匹配|更改)|server'?s? host key .*(?:does not match|differs|mismatch)|fingerprint (?:mismatch|does ?n.t match|changed|verification failed)|Host key verification failed.*changed|key mismatch|HOST_KEY_MISMATCH|RSA host key for \S+ was revoked`,
		yes: `ssh: handshake failed: knownhosts: key mismatch`, no: `ssh: handshake failed: knownhosts: key is unknown`,
	},
	{
		code: finding.SSHHostKeyUnknown, weight: shows + 5, match: `key is unknown|No (?:RSA|ECDSA|ED25519) host key is known|host key is not cached|authenticity of host .* can't be established|UnknownHostKey|not found in known_hosts|Server \S+ not found in known_hosts|No matching host key fingerprint|no hostkey .* known|reject HostKey|Host key is (?:not verified|unknown)|主机密钥.*(?:未知|未缓存)|No host key (?:is )?known|HostKeyNotVerifiable|Could not verify .* host key with fingerprint`, unless: `has changed|mismatch|security breach|permission denied`,
		yes: `paramiko.ssh_exception.SSHException: Server 'files.example.net' not found in known_hosts`, no: `knownhosts: key mismatch`,
	},
	{
		code: finding.SSHHostKeyChanged, weight: shows, match: `Host key verification failed`, with: `(?:ip|address|server|host|machine|vm)\b[^\n]{0,40}\b(?:changed|moved|reinstalled|rebuilt|migrated|new)\b|(?:换了|重装|迁移)`, alike: alikeHostKey,
		yes: "Host key verification failed.\nThe IP of this URL has changed.", no: `Host key verification failed.`,
	},
	{
		code: finding.SSHHostKeyUnknown, weight: fits, match: `Host key verification failed`, unless: `has changed|mismatch|security breach|revoked|no matching|identification`, alike: alikeHostKey,
		yes: `Host key verification failed.`, no: `Host key for h has changed`,
	},

	// keys and logins
	{
		code: finding.AuthLoginsClosed, weight: fits + 5, match: `Connection closed by|closed by remote host|Connection reset by`, with: `authentications that can continue|next authentication method`, unless: `permission denied|authenticated to|too many authentication|partial success`, alike: alikeAccount,
		yes: "debug1: Next authentication method: password\nConnection closed by 192.0.2.1 port 22", no: `Connection closed by 192.0.2.1 port 22`,
	},
	{
		code: finding.SSHKeyUnusable, weight: shows + 6, match: `^\S*: Permission denied \((?:[\w-]+,)*publickey`, with: `server accepts key`, unless: `authenticated to|sign_and_send_pubkey`,
		yes: "debug1: Server accepts key: /home/kim/.ssh/id_ed25519\nkim@h: Permission denied (publickey).", no: `kim@h: Permission denied (publickey).`,
	},
	{
		code: finding.SSHKeyUnusable, weight: shows, match: `SSHException: Invalid key$`, alike: alikeKey,
		yes: `paramiko.ssh_exception.SSHException: Invalid key`, no: `paramiko.ssh_exception.SSHException: No existing session`,
	},
	{
		code: finding.SSHKeyUnusable, weight: names - 2, match: `UNPROTECTED PRIVATE KEY FILE|bad permissions|Load key ".*": (?:invalid format|error in libcrypto|Permission denied|bad permissions|incorrect passphrase|Is a directory|No such file)|Identity file \S+ not accessible|key_load_(?:public|private)\S*: (?:invalid format|No such file|incorrect pass)|invalid privatekey|not a valid (?:\S+ )?private key|cannot parse privateKey|Unsupported key format|Encrypted (?:private )?(?:OpenSSH )?(?:private )?key detected|private key .*(?:encrypted|passphrase)|PasswordRequiredException|Unable to (?:use|load) (?:key|private key) file|couldn't load private key|unable to parse (?:private )?key|passphrase.*(?:required|missing|incorrect|wrong|protected)|bad decrypt|key is (?:password|passphrase) protected|Permissions \d+ for .* are too open|asn1: structure error|ssh: no key found|no key found|failed to parse private key|not a valid RSA private key file|not a valid OPENSSH private key|private key .*(?:wrong|unsupported|invalid|unknown) format|Malformed (?:private )?key|Invalid key file|wrong key format|私钥.*(?:格式|无效|权限)|Permissions for .* are too open|bcrypt.*(?:passphrase|key)|error:.*no start line|PEM_read_bio`,
		unless: `-----BEGIN CERTIFICATE|ssl_ctx_use|no suitable certificate|rsa_cert_file|tlsrsacertificate`,
		yes:    `Load key "/home/u/.ssh/id_ed25519": invalid format`, no: `Offering public key: /home/u/.ssh/id_rsa`,
	},
	{
		code: finding.SSHKeyUnusable, weight: shows, match: `Unknown (?:public )?key type|unsupported (?:public )?key type|not a valid DSA private key|not a valid EC private key|unpack requires|unknown private key`, unless: `no matching|unable to negotiate`, alike: alikeKey,
		yes: `paramiko.ssh_exception.SSHException: not a valid DSA private key file`, no: `key type: ssh-ed25519 offered`,
	},
	{
		code: finding.SSHAuthMethodNotOffered, weight: names, match: `SSH authentication methods available: (?:publickey|gssapi[\w-]*|hostbased|,)+$`, with: `authentication failure`, alike: alikeKey,
		yes: "* SSH authentication methods available: publickey\n* Authentication failure", no: "* SSH authentication methods available: publickey,password\n* Authentication failure",
	},
	{
		code: finding.SSHAuthMethodNotOffered, weight: shows + 4, match: `All configured authentication methods failed|No suitable authentication|Permission denied \(keyboard-interactive\)`, with: `(?:winscp|filezilla|putty|openssh|securecrt|cyberduck|terminal|command line|sftp command)\b[^\n]{0,40}\b(?:works?|connects?|no problem|fine|ok|can)\b`, alike: alikeKey,
		yes: "All configured authentication methods failed\nWinSCP connects with the same password", no: `All configured authentication methods failed`,
	},
	{
		code: finding.SSHAuthMethodNotOffered, weight: shows + 6, match: `All configured authentication methods failed|Permission denied \(`, with: `Accepted keyboard-interactive`, alike: alikeKey,
		yes: "All configured authentication methods failed\nsshd[7]: Accepted keyboard-interactive/pam for kim", no: `sshd[7]: Accepted password for kim`,
	},
	{
		code: finding.SSHAuthMethodNotOffered, weight: shows + 5, match: `attempted methods \[none\]|No auth methods could be used|No supported authentication methods (?:available|left)|Bad authentication type|BadAuthenticationType|no suitable authentication method|No more authentication methods available|does ?n.t (?:support|allow|accept) (?:password|keyboard|publickey)|Password authentication (?:is )?(?:disabled|not (?:supported|allowed))|allowed_types|allowed types|All configured authentication methods failed.*(?:publickey only)|服务器不支持.*(?:认证|验证)方式|Disconnected: No supported authentication|unsupported authentication method|(?:keyboard-interactive|password) (?:authentication )?(?:is )?not (?:allowed|enabled|supported|offered)`,
		unless: `no mutual signature|too many authentication`,
		yes:    `paramiko.ssh_exception.BadAuthenticationType: Bad authentication type; allowed types: ['publickey']`, no: `Permission denied (publickey,password).`,
	},
	{
		code: finding.SSHKeyRejected, weight: names - 15, match: `Server refused our key|服务器拒绝了我们的密钥|Server rejected our key|Failed publickey for|Connection closed by authenticating user|key (?:was )?(?:rejected|refused|not accepted) by (?:the )?server|public.?key .*(?:rejected|refused|not accepted)|Unable to authenticate using .*key|Username/PublicKey combination invalid|Authentication failed \(username/publickey\)|LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED|Public key authentication .*failed`, not: `unable to (?:extract|open)`, unless: `load key|invalid format|unprotected|not in pubkeyaccepted|bad ownership|no mutual|passphrase`, alike: alikeKey,
		yes: `Server refused our key`, no: `Server accepts key: id_rsa`,
	},
	{
		code: finding.AuthSecondFactorRequired, weight: shows, match: `verification code|one-time (?:password|code)|OTP (?:required|code)|two-?factor|2FA|two-?step|Partial success|authenticat\w+ .*partial|keyboard-interactive.*Verification|验证码|动态口令|双因素|MFA (?:required|is)|Duo two-factor|app(?:lication)?[- ]password`, unless: `not.*(?:2fa|two-factor) enabled`,
		yes: `Authenticated with partial success. Verification code:`, no: `exit code 1`,
	},

	// the session
	{
		code: finding.SSHShellNoise, weight: names, match: `received message too long|packet too long|Received too large.*packet|message too long|Garbage packet received|bad packet length|Packet length .* (?:exceeds|too)|Unexpected packet length|Bad packet length|包(?:太长|过长)|信息太长|Expected SSH_FXP_VERSION|expected (?:a )?version packet|unexpected packet (?:type|length)|inputStream is closed.*\.bashrc|Received unexpected end-of-file.*version|接收到(?:了)?(?:过大|太大)的|SFTP packet.*too (?:large|big)|invalid packet received|Packet too (?:large|big)|sequence number mismatch.*version|failed to negotiate SFTP protocol|Ensure the remote shell produces no output|sftp: .*protocol .*text`,
		unless: `ssh: bad packet length .* \[preauth\]|message authentication code incorrect`,
		yes:    `Received message too long 1416128883`, no: `the message is long`,
	},
	{
		code: finding.SSHServerConfig, weight: shows, match: `Exit status 127|exit status 126|exit-status 127`, with: `subsystem`, alike: alikeSubsystem,
		yes: "debug1: Sending subsystem: sftp\ndebug1: Exit status 127", no: "debug1: Exit status 127",
	},
	{
		code: finding.SSHNologinShell, weight: fits + 2, match: `Exit status (?:1|254|255)$`, alike: alikeAfterLogin,
		yes: `debug1: Exit status 1`, no: `debug1: Exit status 0`,
	},
	{
		code: finding.SSHSFTPNotEnabled, weight: shows, match: `Received exit code 12[67] while establishing SFTP`, alike: alikeAfterLogin,
		yes: `Error: Received exit code 127 while establishing SFTP session`, no: `Error: Received exit code 1 while establishing SFTP session`,
	},
	{
		// sshd turns an account away when its password was right
		code: finding.AuthAccountExpired, weight: shows, match: `unexpectedly closed network connection$|Connection closed by \S+ port \d+$|ConnectionLost`, with: `sent password\n|beginning auth for user`, unless: `access granted|access denied|authenticated to`, alike: alikeAccount,
		yes: "Sent password\nRemote side unexpectedly closed network connection", no: `Remote side unexpectedly closed network connection`,
	},
	{
		code: finding.SSHServerConfig, weight: fits + 2, match: `Exit status 12[67]$`, alike: alikeAfterLogin,
		yes: `debug1: Exit status 127`, no: `debug1: Exit status 1`,
	},
	{
		code: finding.SSHNologinShell, weight: names, match: `This account is currently not available|This account is not available|此帐户(?:当前)?不可用|这个帐户目前不可用|shell (?:is|set to) (?:/usr)?/s?bin/(?:nologin|false)|(?:This service allows|allows) sftp connections only.*shell`, unless: `invalid shell`,
		yes: `This account is currently not available.`, no: `chsh: shell changed`,
	},
	{
		code: finding.SSHSFTPNotEnabled, weight: shows + 8, match: `invoke_subsystem|Server refused to start a shell/command|Session request failed|failed to send channel request|subsystem request failed|Unable to start subsystem|Unable to (?:request|open|start) (?:the )?sftp|(?:request|start)\w* (?:of )?(?:the )?sftp (?:subsystem)? ?(?:failed|refused|denied)|server refused (?:to start|our request for).*(?:sftp|subsystem)|Primary command failed|服务器拒绝.*SFTP|ssh: subsystem request failed|EOF.*subsystem|failed to (?:request|send|open) .*subsystem|couldn't initialise SFTP|Neither SFTP|Channel request for subsystem|Unable to startup channel|Cannot initialize SFTP protocol|无法初始化 SFTP 协议|doesn't support SFTP|Could not start SFTP|exec request failed on channel|unknown subsystem|subsystem request for sftp .*failed|failed to start SFTP|SFTP 子系统|Failed to (?:initialize|start) SFTP|failed to open sftp|sftp not (?:enabled|supported|found)`,
		unless: `cannot stat|received message too long|packet too long|currently not available|bad ownership|exec\(\) failed|no more sessions|administratively prohibited|chroot|fatal:|session opening|connection to sftp server closed by peer only`, alike: alikeSubsystem,
		yes: `subsystem request failed on channel 0`, no: `debug1: Sending subsystem: sftp`,
	},
	{
		code: finding.SSHShellNoise, weight: fits + 5, match: `unable to initiali[sz]e SFTP: could not connect|Failure initializing sftp session|waiting for response from SFTP subsystem`, unless: `primary command failed|refused to start`, alike: alikeAfterLogin,
		yes: `Fatal: unable to initialise SFTP: could not connect`, no: `Fatal: Network error: Connection refused`,
	},
	{
		code: finding.SSHServerConfig, weight: shows, match: `(?:channel 0: )?open failed: (?:connect failed|administratively prohibited|resource shortage)|open failed: administratively|(?:channel )?open failure|Channel open failure|MaxSessions|PTY allocation request failed`, unless: `sftp 子系统`,
		yes: `channel 0: open failed: administratively prohibited: open failed`, no: `channel 0: open confirm`,
	},
	{
		code: finding.SSHChrootOwnership, weight: fits + 5, match: `client_loop: send disconnect: Broken pipe|Connection to \S+ closed by remote host|Connection reset by|Broken pipe|Couldn't read packet|server unexpectedly closed network connection|服务器意外关闭了?网络连接|Connection closed|EOF during negotiation|server connection closed`, with: `chroot`, from: loggedIn, alike: alikeAfterLogin,
		yes: "Authenticated to h ([192.0.2.1]:22) using \"password\".\nChrootDirectory /srv/in\nclient_loop: send disconnect: Broken pipe", no: `client_loop: send disconnect: Broken pipe`,
	},
	{
		code: finding.SSHChrootOwnership, weight: fits - 5, match: `Connection to \S+ closed by remote host|Connection reset by|Broken pipe|Couldn't read packet|server unexpectedly closed|服务器意外关闭|Connection closed|EOF during negotiation|Connection to server closed|Unexpected end|EOF`, from: loggedIn, with: `sftp|ssh`, unless: `received message too long|subsystem request|hours|minutes|after a while|keepalive`, proto: "sftp", alike: alikeAfterLogin,
		yes: "Authenticated to h ([192.0.2.1]:22) using \"password\".\nsftp> \nclient_loop: send disconnect: Broken pipe", no: `sftp: client_loop: send disconnect: Broken pipe`,
	},
	{
		code: finding.SSHThrottled, weight: shows, match: `kex_exchange_identification: (?:read: )?Connection (?:closed|reset)|ssh_exchange_identification: (?:read: )?Connection (?:closed|reset)|ssh_exchange_identification: Connection closed|Error reading SSH protocol banner|No SSH identification string|Connection (?:closed|reset) by \S+ port \d+(?:$|[^\[]*$)|remote host closed connection during identification|Connection lost before handshake|connection is closed by foreign host|handshake failed: EOF|handshake: EOF|handshake failed: read tcp .*connection reset|server unexpectedly closed network connection|服务器意外关闭了?网络连接|Server closed network connection|Remote side unexpectedly closed network connection|Connection reset by \S+ port|banner exchange: Connection to \S+ port \d+: (?:Connection reset|could not read)|Failed (?:getting|to get) banner|Connection terminated by the remote host|Unable to exchange|session is down|end of IO Stream Read|ssh_exchange_identification: read`,
		unless: `authentications that can continue|accepted (?:password|publickey)|authenticated to|\[preauth\]|invalid user|authentication succeeded|partial success|bad ownership|maxauthtries|permission denied|too many authentication|subsystem|not allowed because|220[ -]|http/1|proxycommand|access granted|libwrap|hosts\.deny|refused connect|cannot stat`, alike: alikeThrottled,
		yes: `kex_exchange_identification: Connection closed by remote host`, no: `Connection closed by authenticating user u 192.0.2.1 port 22 [preauth]`,
	},
	{
		code: finding.NetSourceNotAllowed, weight: names, match: `refused connect from|libwrap refused|tcpwrap|hosts[._]deny|hosts\.allow|Connection refused by tcp wrapper|tcp_wrappers|Client .* not allowed by ACL|Access from \S+ (?:is )?denied`,
		yes: `sshd[5]: refused connect from 192.0.2.4 (192.0.2.4)`, no: `connect: Connection refused`,
	},
}
