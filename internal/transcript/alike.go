package transcript

import "ftpdoctor/internal/finding"

// The groups of look-alikes. The command of a group is the one that tells its
// members apart, ready to be pasted.
var (
	checkIt = "run it where it fails: ftpdoctor check {target}"

	alikeRefused = &alike{[]alternative{
		{finding.ServiceNotRunning, "the service is installed and not started"},
		{finding.ServiceLoopbackOnly, "the service listens on its own machine only"},
		{finding.ServiceWrongPort, "the service listens on another port"},
		{finding.NetPortRejected, "a firewall says no in the server's name"},
		{finding.DNSWrongAddress, "the name leads to another machine"},
	}, "on the server: ss -ltnp; from the client: ftpdoctor check {target}"}

	alikeTimeout = &alike{[]alternative{
		{finding.NetHostDown, "nothing answers at this address at all"},
		{finding.ServiceBacklogFull, "the server hangs and takes no new connections"},
		{finding.RouteBlackhole, "a router on the way swallows the packets"},
		{finding.DNSWrongAddress, "the name leads to another machine"},
		{finding.ClientFirewall, "a firewall of this machine drops what goes out"},
	}, checkIt}

	alikeUnreachable = &alike{[]alternative{
		{finding.NetPortRejected, "a firewall says no with an ICMP message"},
		{finding.RouteUnreachableUpstream, "a router on the way knows no way there"},
		{finding.RouteNeighbourSilent, "the machine does not answer on its own link: it is off, or the address is wrong"},
		{finding.NetHostDown, "nothing answers at this address at all"},
		{finding.NetIPv6Broken, "the name has an IPv6 address, and IPv6 does not work here"},
		{finding.RouteNoRoute, "this machine has no route there"},
	}, checkIt}

	alikeNoRoute = &alike{[]alternative{
		{finding.NetIPv6Broken, "the name has an IPv6 address, and IPv6 does not work here"},
		{finding.ClientNoNetwork, "no interface of this machine is up"},
		{finding.RouteUnreachableUpstream, "a router on the way knows no way there"},
	}, "on this machine: ip route get {address}; then: ftpdoctor check {target}"}

	alikeName = &alike{[]alternative{
		{finding.DNSResolverUnreachable, "the configured name server does not answer"},
		{finding.ClientBadTarget, "what stands in the host field is no host name"},
		{finding.DNSSearchDomain, "a short name is completed with a wrong domain"},
		{finding.DNSNoAddress, "the name exists and has no address"},
		{finding.DNSWrongResolver, "the name is known to another resolver only, as that of a VPN"},
		{finding.ClientNameService, "this machine's name service does not ask DNS"},
	}, "dig {host}; then: ftpdoctor check {target}"}

	alikeResolver = &alike{[]alternative{
		{finding.DNSServfail, "the zone's own name servers are broken"},
		{finding.ClientNoNetwork, "no interface of this machine is up"},
		{finding.DNSNXDOMAIN, "the name does not exist"},
		{finding.DNSNoResolver, "no name server is configured on this machine"},
		{finding.RouteNoRoute, "this machine has no route there"},
	}, "dig {host}; then: ftpdoctor check {target}"}

	alikePassive = &alike{[]alternative{
		{finding.DataPassivePrivateAddress, "the server announces an address that can't be reached from here"},
		{finding.ConfigPortRangeNotOpen, "the passive range of the configuration is not the one that the firewall opens"},
		{finding.DataHelperMissing, "a firewall would have to read the control connection, and can't"},
		{finding.ClientFirewall, "a firewall of this machine drops what goes out"},
		{finding.DataEPSVBroken, "a box on the way spoils EPSV, PASV works"},
	}, "ftpdoctor check {target} tries the announced port on both addresses, EPSV and active mode"}

	alikeEPSVRefused = &alike{[]alternative{
		{finding.DataEPSVUnsupported, "the server does not know EPSV"},
		{finding.DataEPSVBroken, "a box on the way spoils EPSV, PASV works"},
	}, "ftpdoctor check {target} tries the announced port on both addresses, EPSV and active mode"}

	alikePrivate = &alike{[]alternative{
		{finding.DataPassiveFiltered, "the passive ports may be blocked as well"},
		{finding.DataHelperMissing, "a firewall would have to read the control connection, and can't"},
		{finding.ConfigNATAddressMissing, "the server was never told its public address"},
	}, "from outside of the server's network: ftpdoctor check {target}"}

	alikeActive = &alike{[]alternative{
		{finding.DataActivePrivateAddress, "the client names an address that the server can't reach"},
		{finding.DataPassiveFiltered, "the passive ports are dropped or rejected"},
		{finding.DataHelperMissing, "a firewall would have to read the control connection, and can't"},
		{finding.ClientFirewall, "a firewall of this machine drops what comes in"},
	}, "compare both modes: ftpdoctor check {target} and ftpdoctor check {target} --active"}

	alikeLogin = &alike{[]alternative{
		{finding.AuthUserUnknown, "the account does not exist"},
		{finding.ClientCredentialsMangled, "user name or password were altered on the way"},
		{finding.AuthUserDenied, "a list of the server denies this user"},
		{finding.AuthShellNotListed, "the account's shell is not in /etc/shells"},
		{finding.SSHAuthMethodNotOffered, "the server does not take this kind of login"},
		{finding.AuthAccountLocked, "the account is locked or has expired"},
		{finding.AuthPAMBroken, "the service's PAM file is broken: every login fails"},
	}, "on the server, while you try again: journalctl -f -t vsftpd -t proftpd -t pure-ftpd -t sshd"}

	alikeOOPS = &alike{[]alternative{
		{finding.AuthHomeMissing, "the login directory is another one than meant, or is missing"},
		{finding.ServiceAborts, "the server gives up because of its own set-up"},
		{finding.ConfigUnknownDirective, "the server does not know a line of its configuration"},
		{finding.AuthRejected, "user or password are not accepted"},
	}, "on the server: vsftpd's own words: curl -v ftp://{host}/; journalctl -t vsftpd; ftpdoctor check {target}"}

	alikePermission = &alike{[]alternative{
		{finding.FileUploadsDisabled, "the server's settings forbid writing"},
		{finding.FileNotFound, "the file or directory is not there"},
		{finding.FileOverwriteDenied, "the file exists and must not be replaced"},
		{finding.FileReadOnly, "the file system is read-only"},
		{finding.HostSELinuxDenied, "SELinux denies it, whatever the modes say"},
	}, "ftpdoctor check {target} --op upload; on the server: ls -ld on each directory of the path"}

	alikeWrite = &alike{[]alternative{
		{finding.FileQuotaExceeded, "the account's quota is used up"},
		{finding.FilePermissionDenied, "modes or owner forbid it"},
		{finding.FileReadOnly, "the file system is read-only"},
		{finding.FileNameRefused, "the server does not take this name"},
	}, "on the server: df -h; df -i; and: ftpdoctor check {target} --op upload"}

	alikeMissing = &alike{[]alternative{
		{finding.FilePermissionDenied, "modes or owner forbid it"},
		{finding.AuthHomeMissing, "the login directory is another one than meant, or is missing"},
		{finding.ClientNameEncoding, "the name's characters are encoded in another way"},
	}, "list the directory above and compare: ftpdoctor check {target} --op download"}

	alikeTrust = &alike{[]alternative{
		{finding.TLSChainIncomplete, "the server does not send the intermediate certificate"},
		{finding.TLSCertSelfSigned, "the certificate is signed by itself"},
		{finding.TLSCertUntrusted, "the issuer is not known to this client"},
		{finding.TLSIntercepted, "a box on the way ends TLS with a certificate of its own"},
		{finding.ClientTrustStoreOutdated, "this client's root certificates are too old"},
	}, "ftpdoctor check {target} reads the chain as it is sent"}

	alikeHandshake = &alike{[]alternative{
		{finding.TLSVersionMismatch, "client and server share no version of TLS"},
		{finding.TLSNoCommonCipher, "client and server share no cipher or group"},
		{finding.TLSNoCertificate, "the server has no usable certificate or key"},
		{finding.TLSClientCertRequired, "the server wants a certificate of the client"},
		{finding.TLSSNIRequired, "the server needs the name within the handshake"},
		{finding.NetInspectionReset, "a box on the way does not let TLS pass"},
	}, "ftpdoctor check {target} offers each version and suite by itself"}

	alikeDataTLS = &alike{[]alternative{
		{finding.TLSDataSessionReuseRequired, "the server wants the data connection to resume the TLS session"},
		{finding.DataPassiveFiltered, "the passive ports are dropped or rejected"},
		{finding.TLSNoCloseNotify, "TLS ends without close_notify, the data may be complete"},
		{finding.DataHelperMissing, "a firewall would have to read the control connection, and can't"},
		{finding.TLSDataHandshakeFailed, "TLS on the data connection fails otherwise"},
	}, "ftpdoctor check {target} tries data connections with and without resumption"}

	alikeHung = &alike{[]alternative{
		{finding.ServiceSlowGreeting, "the server looks up the client's name first"},
		{finding.TLSImplicitExpected, "TLS must come first on this port"},
		{finding.NetTransparentProxy, "a box on the way accepts every connection"},
		{finding.ServiceOtherProtocol, "another protocol is spoken there"},
		{finding.RouteMTUBlackhole, "large packets vanish on the way"},
	}, checkIt}

	alikeClosed = &alike{[]alternative{
		{finding.SSHThrottled, "the server takes no more sessions that are not logged in"},
		{finding.AuthBanned, "this address is banned after failed logins"},
		{finding.ServiceTooManyConnections, "the server's limit of sessions is reached"},
		{finding.ServiceFailed, "the program ends as soon as it is started"},
		{finding.NetInspectionReset, "a box on the way ends the session"},
		{finding.NetProxyProtocol, "a balancer's PROXY line is expected, or sent to who does not know it"},
	}, "try ten times with a pause, and from another address: ftpdoctor check {target}; on the server: its log"}

	alikeThrottled = &alike{[]alternative{
		{finding.NetSourceNotAllowed, "the server or a firewall does not let this address in"},
		{finding.AuthBanned, "this address is banned after failed logins"},
		{finding.NetInspectionReset, "a box on the way ends the session"},
		{finding.ServiceOtherProtocol, "another protocol is spoken there"},
		{finding.SSHServerConfig, "sshd can't go on because of its own set-up"},
	}, "try ten times with a pause: ftpdoctor check {target}; on the server: journalctl -t sshd"}

	alikeKey = &alike{[]alternative{
		{finding.SSHKeyRejected, "the server does not accept the key"},
		{finding.SSHAuthorizedKeysUnsafe, "the server ignores authorized_keys because of modes or owners"},
		{finding.SSHNoCommonSignature, "the key may be authorised, its signature algorithm is refused"},
		{finding.SSHKeyUnusable, "the client could not use its key file"},
		{finding.SSHAuthMethodNotOffered, "the server does not take this kind of login"},
		{finding.AuthUserUnknown, "the account does not exist"},
	}, "on the server: journalctl -t sshd; on the client: ftpdoctor check {target} -v"}

	alikeSubsystem = &alike{[]alternative{
		{finding.SSHServerConfig, "the path of the SFTP server is wrong, or sshd's set-up stops it"},
		{finding.SSHSFTPNotEnabled, "the SFTP subsystem is switched off"},
		{finding.SSHNologinShell, "the account's shell ends the session"},
		{finding.SSHShellNoise, "start-up files write into the protocol"},
		{finding.SSHChrootOwnership, "the chroot directory is not root's alone"},
	}, "on the server: sshd -T | grep -i subsystem; journalctl -t sshd; and: ftpdoctor check {target}"}

	alikeAfterLogin = &alike{[]alternative{
		{finding.SSHChrootOwnership, "the chroot directory is not root's alone"},
		{finding.SSHNologinShell, "the account's shell ends the session"},
		{finding.SSHServerConfig, "the path of the SFTP server is wrong, or sshd's set-up stops it"},
		{finding.SSHSFTPNotEnabled, "the SFTP subsystem is switched off"},
		{finding.SSHShellNoise, "start-up files write into the protocol"},
	}, "on the server: journalctl -t sshd; ssh into the account must print nothing: ssh <user>@{host} true | od -c"}

	alikeDAV = &alike{[]alternative{
		{finding.HTTPWrongPath, "WebDAV is under another path"},
		{finding.HTTPMethodBlocked, "a proxy or filter blocks this method"},
		{finding.HTTPNoWebDAV, "there is no WebDAV at this path"},
		{finding.HTTPRedirected, "the request was sent on to another address"},
	}, "curl -i -X OPTIONS on this path and those above it: which answers with a DAV header? ftpdoctor check {target}"}

	alikeForbidden = &alike{[]alternative{
		{finding.FilePermissionDenied, "modes or owner forbid it"},
		{finding.HTTPMethodBlocked, "a proxy or filter blocks this method"},
		{finding.AuthUserDenied, "a list of the server denies this user"},
		{finding.HTTPForbidden, "the web server forbids it"},
		{finding.HTTPNoWebDAV, "there is no WebDAV at this path"},
	}, "on the server: the error log names the rule; ftpdoctor check {target}"}

	alikeGateway = &alike{[]alternative{
		{finding.ServiceUnavailable, "the service is under maintenance"},
		{finding.ServiceResourceExhausted, "the server is out of memory, descriptors or processes"},
		{finding.HTTPServerError, "the server behind fails on this request"},
	}, "on the proxy: its error log names the server behind; ftpdoctor check {target}"}

	alikeServerError = &alike{[]alternative{
		{finding.FilePermissionDenied, "modes or owner forbid it"},
		{finding.FileDiskFull, "the disk is full"},
		{finding.HTTPGatewayError, "the server behind the proxy does not answer"},
	}, "on the server: the error log names the reason; df -h"}

	alikeRedirector = &alike{[]alternative{
		{finding.DNSNXDOMAIN, "the name does not exist"},
		{finding.HTTPNoWebDAV, "there is no WebDAV at this path"},
		{finding.TLSCertUntrusted, "the issuer is not known to this client"},
		{finding.AuthRejected, "user or password are not accepted"},
	}, "sc query WebClient; reg query HKLM\\SYSTEM\\CurrentControlSet\\Services\\WebClient\\Parameters; ftpdoctor check {target}"}

	alikeDropped = &alike{[]alternative{
		{finding.NetIdleTimeout, "a box on the way forgets the idle control connection"},
		{finding.ServiceUnavailable, "the server ends sessions by itself"},
		{finding.NetPacketLoss, "packets are lost on the way"},
		{finding.NetInspectionReset, "a box on the way ends the session"},
		{finding.ServiceResourceExhausted, "the server is out of memory, descriptors or processes"},
	}, "ftpdoctor check {target} --soak 6m; on the server: its log at that second"}

	alikeUpload = &alike{[]alternative{
		{finding.FilePermissionDenied, "modes or owner forbid it"},
		{finding.FileDiskFull, "the disk is full"},
		{finding.FileQuotaExceeded, "the account's quota is used up"},
		{finding.FileNameRefused, "the server does not take this name"},
		{finding.FileOverwriteDenied, "the file exists and must not be replaced"},
	}, "ftpdoctor check {target} --op upload; on the server: ls -ld on the directory, df -h"}
)

var alikeReadOnlyService = &alike{[]alternative{
	{finding.FilePermissionDenied, "modes or owner forbid it"},
	{finding.FileReadOnly, "the file system is read-only"},
	{finding.AuthUserDenied, "a list of the server denies this user"},
	{finding.HostSELinuxDenied, "SELinux denies it, whatever the modes say"},
}, "on the server: grep -i write_enable /etc/vsftpd*.conf; try another directory: ftpdoctor check {target} --op upload"}

var alikeAccount = &alike{[]alternative{
	{finding.AuthAccountExpired, "the account has expired"},
	{finding.AuthUserDenied, "a list of the server denies this user"},
	{finding.AuthPAMBroken, "the service's PAM file is broken: every login fails"},
	{finding.AuthLoginsClosed, "logins are closed for all but root"},
	{finding.ServiceUnavailable, "the service is under maintenance"},
	{finding.SSHTooManyAttempts, "too many keys or passwords were tried"},
}, "on the server: journalctl -t sshd; on the client: ftpdoctor check {target} -v"}

var alikeCutUpload = &alike{[]alternative{
	{finding.FileQuotaExceeded, "the account's quota is used up"},
	{finding.NetIdleTimeout, "a box on the way forgets the idle control connection"},
	{finding.TLSDataHandshakeFailed, "TLS on the data connection fails otherwise"},
	{finding.NetInspectionReset, "a box on the way ends the session"},
	{finding.DataStalled, "the data connection moves nothing"},
}, "on the server: df -h; df -i; and: ftpdoctor check {target} --op upload"}

var (
	alikeQuota = &alike{[]alternative{
		{finding.FileDiskFull, "the disk is full"},
		{finding.FilePermissionDenied, "modes or owner forbid it"},
	}, "on the server: df -h; df -i; and: ftpdoctor check {target} --op upload"}

	alikeHostKey = &alike{[]alternative{
		{finding.SSHHostKeyChanged, "the host key is another one than before"},
		{finding.SSHNoCommonAlgorithm, "client and server share no algorithm"},
	}, "ssh-keygen -F {host}; ssh-keyscan {host}; ftpdoctor check {target}"}

	alikeSlow = &alike{[]alternative{
		{finding.NetPacketLoss, "packets are lost on the way"},
		{finding.RouteMTUBlackhole, "large packets vanish on the way"},
	}, checkIt}
)
