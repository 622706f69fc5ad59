package transcript

import "ftpdoctor/internal/finding"

// netRules are the words for what listens and what lets through, where they
// name the cause; bare time-outs and refusals are judged by when they come.
var netRules = []rule{
	{
		code: finding.DNSResolverUnreachable, weight: shows, match: `Temporary failure in name resolution|EAI_AGAIN|Resolving timed out|WSATRY_AGAIN|\b11002\b|域名解析(?:出现)?暂时(?:失败|性错误|性失败)|未知的名称或服务器暂时|暂时不能解析|connection timed out; no servers could be reached|no servers could be reached|lookup \S+ on \S+: (?:read udp|dial|write udp)|lookup \S+: (?:i/o timeout|no such host on \[::1\])|DNS (?:query )?time-?out|Name resolution timed out|dns.*timed out|解析超时|名称解析.*暂时|Try again later.*(?:name|resol)|Temporary failure resolving|` + resolverElsewhere, alike: alikeResolver,
		yes: `socket.gaierror: [Errno -3] Temporary failure in name resolution`, no: `Name or service not known`,
	},
	{
		code: finding.DNSNoAddress, weight: shows, match: `No address associated with|WSANO_DATA|\b11004\b|EAI_NODATA|主机名?没有(?:关联|相关联)的?地址|没有与(?:主机名|名称)(?:相)?关联的地址|NODATA|no A(?:AAA)? record|Host has no address|ENODATA|名称没有`, alike: alikeName, unless: `upload|sftp`,
		yes: `ftp: mail.example.net: No address associated with hostname`, no: `Name or service not known`,
	},
	{
		code: finding.DNSServfail, weight: shows + 2, match: `SERVFAIL|server misbehaving|ESERVFAIL|Server failure`, alike: alikeResolver, unless: `127\.0\.0\.53:53: server misbehaving.*temporary`,
		yes: `lookup ftp.example.net on 192.0.2.53:53: server misbehaving`, no: `NXDOMAIN`,
	},
	{code: finding.DNSDNSSECBogus, weight: names, match: `DNSSEC (?:validation|validate|bogus)|validation failure|EDE: \d+ \((?:DNSSEC|Signature)|no signatures? .*DNSSEC`, yes: `; EDE: 6 (DNSSEC Bogus)`, no: `DNSSEC: unsigned`},
	{code: finding.DNSResolverRefuses, weight: shows, match: `status: REFUSED|EREFUSED|query refused|DNS.*REFUSED|NameServer refused`, yes: `;; ->>HEADER<<- opcode: QUERY, status: REFUSED, id: 7`, no: `Connection refused`},
	{
		code: finding.DNSNXDOMAIN, weight: shows - 3, match: `未知的?主机|NXDOMAIN|ENOTFOUND|errorCode=19\b|Name or service not known|未知的名称或服务|no such host|Could not resolve host|Couldn't resolve host|couldn't resolve|Can't resolve host|unknown host|UnknownHostException|nodename nor servname|No such host is known|不知道这样的主机|WSAHOST_NOT_FOUND|\b11001\b|Host (?:name )?(?:lookup failed|not found|does not exist)|EAI_NONAME|无法解析(?:主机|远程|服务器)|remote name could not be resolved|php_network_getaddresses|getaddrinfo failed|Errno 11001|Errno -2\]|curl: \(6\)|找不到主机|未知主机|主机名(?:解析|未找到)|Name has no usable address|unable to resolve|name resolution (?:failed|failure)|Unresolved (?:host|address)|UnresolvedAddressException|cannot resolve|gethostbyname|解析(?:主机|域名).*失败|无法解析|` + nameElsewhere,
		unless: `temporary failure|eai_again|no address associated|server misbehaving|resolving timed out|resolve proxy|i/o timeout|refused|暂时|could not resolve proxy|without reverse`, alike: alikeName,
		yes: `curl: (6) Could not resolve host: ftp.example.net`, no: `Temporary failure in name resolution`,
	},
	{
		code: finding.DNSSearchDomain, weight: shows, match: `(?:could not resolve|not known|no such host|NXDOMAIN|unknown host|无法解析|ENOTFOUND)`, with: `(?:full|fqdn|fully qualified|complete) (?:host ?|domain ?)?name[^\n]{0,30}(?:works|resolves|ok)|search domain|short name|短名|完整域名.*(?:可以|正常)`,
		yes: "Could not resolve host: nas\n(the full name resolves)", no: `Could not resolve host: nas.example.net`,
	},
	{
		code: finding.DNSWrongResolver, weight: shows, match: `(?:could not resolve|not known|no such host|NXDOMAIN|unknown host|无法解析|ENOTFOUND)`, with: `\bvpn\b|split.?(?:horizon|dns)|internal (?:dns|name ?server)|nslookup[^\n]*(?:works|resolves|finds)|8\.8\.8\.8|内网 ?DNS`,
		yes: "Could not resolve host: files.corp.example\nwith the VPN off it fails", no: `Could not resolve host`,
	},
	{
		code: finding.ClientHostsOverride, weight: shows + 4, match: `/etc/hosts|hosts file|drivers\\etc\\hosts|hosts 文件`, with: `(?:resolves to|wrong|old|127\.0\.[01]\.1|stale|refused|不对|错误)`, unless: `hosts\.(?:deny|allow)|known_hosts`,
		yes: "Connection refused\n/etc/hosts still has the old address", no: `/etc/hosts.allow`,
	},
	{code: finding.RouteInternalAddress, weight: shows, match: `172\.(?:1[7-9]|2\d|3[01])\.0\.\d+|docker(?:0| network| bridge)`, with: `(?:no route|unreachable|timed out|refused)`, unless: `227 |pasv|port [0-9]+,`, yes: "connect to 172.17.0.2 port 21: No route to host", no: `listening on 172.17.0.2`},
	{
		code: finding.NetIPv6Broken, weight: shows + 4, match: `(?:No route to host|Network is unreachable|EHOSTUNREACH|ENETUNREACH|Errno 65|Errno 113|Errno 101|timed out)`, with: `(?:system'?s?|native|own|command.?line|openssh)[^\n]{0,30}(?:ssh|sftp|ftp|curl|client)[^\n]{0,30}(?:fine|works?|connects|ok)|with -4 (?:it )?works|-4[^\n]{0,10}works|forc(?:e|ing) ipv4|inet4`, unless: `proxy|vpn`,
		yes: "[Errno 65] No route to host\n(the system's ssh client connects fine)", no: `No route to host`,
	},
	{
		code: finding.NetHairpinNAT, weight: names - 5, match: `(?:timed out|refused|unreachable|超时|fail|could not connect)`, with: `hairpin|nat loopback|nat reflection|回流|public (?:ip|address|name)[^\n]{0,40}(?:from )?(?:inside|within|lan)|(?:inside|within|from)[^\n]{0,15}(?:lan|local network|same network)[^\n]{0,40}public (?:ip|address|name)|outside[^\n]{0,30}works?[^\n]{0,60}(?:inside|lan)|works? from (?:the )?(?:outside|internet|4g|mobile)[^\n]{0,60}(?:not|fails?)[^\n]{0,30}(?:inside|lan|home)`, unless: `227 |passive`,
		yes: "connection timed out\nfrom the LAN with the public address; works from outside", no: `connection timed out`,
	},
	{
		code: finding.NetInspectionReset, weight: shows + 3, match: `reset|forcibly closed|ECONNRESET|重置|强迫关闭`, from: greeted, until: secured, with: `(?:works?|ok|fine|connects?) (?:from|on|via|over|with) (?:another|a different|other|my (?:phone|mobile|home)|mobile|home|a vpn|the vpn|4g|5g|hotspot)|(?:phone|mobile|another|home|vpn)\b[^\n]{0,40}\b(?:works?|fine|ok)\b|换(?:个|一个)?网络.*(?:可以|正常)|only (?:fails|happens|from|in|at) (?:the )?(?:office|company|work)`, alike: alikeHandshake,
		yes: "220 ready\nAUTH TLS\n234 go\nConnection reset by peer\n(works from home)", no: "Connection reset by peer\n(works from home)",
	},
	{
		code: finding.NetSourceNotAllowed, weight: shows + 2, match: `(?:timed out|closed|reset|refused|not available|421|EOF)`, with: `(?:works?|ok|fine|connects?) (?:from|on|via|over|with) (?:another|a different|other|my (?:phone|mobile|home)|mobile|home|a vpn|the vpn|4g|5g|hotspot)|(?:whitelist|allow-?list|white list)|another (?:network|machine|server|ip|location)[^\n]{0,20}(?:works|fine|ok)|换(?:个|一个)?网络.*(?:可以|正常)|白名单|only (?:fails|happens) (?:from|on|in) (?:github|the ci|ci|our|this)`, unless: `227 |229 |pasv|maxstartups|proxy|passive|data connection|password|login|after login`,
		yes: "421 Service not available\n(works from another network)", no: `421 Service not available`,
	},
	{
		// Dropped on the way from here, and not closed by the server.
		code: finding.NetPortFiltered, weight: shows + 3, match: `(?:connect|连接)[^\n]{0,80}(?:timed out|timeout|超时)|(?:timed out|timeout|超时)[^\n]{0,40}connect`, with: `(?:works?|ok|fine|connects?) (?:from|on|via|over|with) (?:another|a different|other|my (?:phone|mobile|home)|mobile|home|a vpn|the vpn|4g|5g|hotspot)|another (?:network|machine|server|ip|location)[^\n]{0,20}(?:works|fine|ok)|换(?:个|一个)?网络.*(?:可以|正常)`, unless: `227 |229 |pasv|passive|listing|data connection|handshake|epsv|login|welcome|whitelist|allow-?list|白名单`, from: start, until: start, alike: alikeTimeout,
		yes: "Failed to connect to ftp.example.com port 21: Connection timed out\n(works from home)", no: `Failed to connect to ftp.example.com port 21: Connection timed out`,
	},
	{
		code: finding.NetPortFiltered, weight: shows - 6, match: `(?:timed out|超时|timeout)`, with: `github actions?|\brunner\b|firewall|防火墙|\bisp\b|provider blocks|port (?:21|22|990) (?:is )?(?:blocked|closed|filtered)|security group|安全组|telnet[^\n]*(?:fail|hang|time)|ufw|firewalld|nmap[^\n]*filtered|filtered`, unless: `227 |229 |pasv|passive|listing|data connection|handshake|epsv`, from: start, until: start, alike: alikeTimeout,
		yes: "Connection timed out\nthe security group has no rule for 21", no: `Connection timed out`,
	},
	{
		code: finding.RouteBlackhole, weight: shows, match: `connect(?:\(\d?\))?: invalid argument|connect[^\n]{0,40}: Invalid argument|connect EINVAL|connect: 无效的参数|^ls: (?:Invalid argument|无效的参数)`, alike: alikeNoRoute,
		yes: `dial tcp 198.51.100.10:21: connect: invalid argument`, no: `dial tcp 198.51.100.10:21: connect: connection refused`,
	},
	{
		code: finding.TLSHandshakeStalls, weight: fits, match: `Unable to establish SSL connection|无法建立 ?SSL ?连接`, unless: `wrong version|certificate|alert`, alike: alikeHandshake,
		yes: `Unable to establish SSL connection.`, no: `SSL connection using TLSv1.3`,
	},
	{
		code: finding.ServiceHung, weight: fits + 2, match: `(?:no|never (?:sends?|gets?|shows?)(?: an?| the)?|without (?:an?|the)) (?:\w+ )?(?:greeting|banner|welcome)|nothing (?:comes|happens|is said|else comes)|没有欢迎|不返回欢迎|收不到欢迎`, with: `connected|connects|connection established|已连接|连接已建立|能连上`, unless: `\b220[ -]|990|reset|refused|timed out`, alike: alikeHung,
		yes: "Connected to 192.0.2.9.\n(no greeting at all)", no: "Connected to 192.0.2.9.\n220 ready",
	},
	{
		code: finding.ClientFirewall, weight: shows + 5, match: `connect to (?:the host|address) [^\n]{0,60}Permission denied|WSAEACCES|\b10013\b|EPERM|connect: Operation not permitted|以一种访问权限不允许的方式|^ls: (?:Permission denied|权限不够)$|forbidden by its access permissions|connect: Permission denied|connect EACCES|Operation not permitted.*connect|sendto: Operation not permitted|(?:antivirus|windows defender|kaspersky|norton|mcafee|\beset\b|\b360\b|杀毒软件|安全软件)[^\n]{0,40}(?:block|disab|off|拦截|关闭)|disabl\w+ (?:the )?(?:antivirus|windows firewall|local firewall)`, unless: `425|data|227|stor |put |chmod|pasv|certificate|intercept`,
		yes: `connect: An attempt was made to access a socket in a way forbidden by its access permissions (10013)`, no: `open: Permission denied`,
	},
	{
		code: finding.NetOnlyOtherPorts, weight: shows, match: `(?:timed out|refused|reset|blocked|超时)`, with: `only (?:port )?(?:443|80)\b|only (?:web|https?)|https works|80 and 443|(?:browsing|web) works|corporate (?:network|firewall)|只(?:开放|允许).*(?:443|80)`, unless: `227 |229 `,
		yes: "connection timed out\nonly port 443 is let out", no: `connection timed out`,
	},
	{code: finding.NetProxyProtocol, weight: names, match: `PROXY (?:TCP[46]|UNKNOWN)|proxy[_ -]protocol|send-proxy|Bad protocol version identification 'PROXY`, yes: `Bad protocol version identification 'PROXY TCP4 192.0.2.1 192.0.2.2 5 22'`, no: `PROXY`},
	{
		code: finding.RouteMTUBlackhole, weight: names - 4, match: `(?:^|[\s"'(:=,，。（])(?:MTU|MSS)\b|fragmentation needed|clamp|PPPoE|black ?hole`, with: `mtu|mss|hang|timed out|stall|timeout|卡`, unless: `mtu[^\n]{0,10}1500 (?:is )?fine|massif`,
		yes: `the upload stalls, MTU 1400 in the tunnel`, no: `interface eth0`,
	},
	{code: finding.RouteUnreachableUpstream, weight: shows, match: `Destination (?:Host|Net) Unreachable|icmp .*unreachable|TTL expired in transit`, with: `from \d|reply from|icmp`, unless: `prohibited`, yes: `From 192.0.2.254 icmp_seq=1 Destination Net Unreachable`, no: `Network is unreachable`},
	{code: finding.RouteLoop, weight: names - 4, match: `TTL expired in transit|Time to live exceeded|routing loop`, yes: `From 192.0.2.1 icmp_seq=1 Time to live exceeded`, no: `ttl=64`},
	{code: finding.NetPacketLoss, weight: shows, match: `[1-9]\d?(?:\.\d+)?% packet loss|retransmi\w+|丢包`, unless: `100% packet loss`, yes: `10 packets transmitted, 6 received, 40% packet loss`, no: `0% packet loss`},
	{code: finding.NetHostDown, weight: shows - 4, match: `100% packet loss|host (?:seems|is) down|Host is down|EHOSTDOWN|WSAEHOSTDOWN|\b10064\b|主机(?:已)?关闭`, unless: `ping (?:is )?(?:blocked|disabled)`, alike: alikeTimeout, yes: `5 packets transmitted, 0 received, 100% packet loss`, no: `0% packet loss`},
	{
		code: finding.ServiceLoopbackOnly, weight: names - 2, match: `(?:127\.0\.0\.1|\[?::1\]?|localhost):(?:21|22|990|2121|2222|80|443)\b.*(?:LISTEN|users)|LISTEN.*(?:127\.0\.0\.1|\[?::1\]?):(?:21|22|990|2121)|listen_address=127\.0\.0\.1|ListenAddress (?:127\.0\.0\.1|::1)|works? (?:on|from|via|with) (?:localhost|127\.0\.0\.1|the server itself|the (?:server|host) locally)|localhost[^\n]{0,20}works|本机(?:可以|正常)`, with: `refused|10061|拒绝|cannot connect|timed out`, unless: `firewall|227 |229 |timed out`,
		yes: "Connection refused\nLISTEN 0 32 127.0.0.1:21 0.0.0.0:*", no: "LISTEN 0 32 0.0.0.0:21",
	},
	{
		code: finding.ServiceWrongPort, weight: shows + 4, match: `refused|timed out|超时|拒绝|fail|EOF|could not connect`, with: `(?:listens|runs|is|running|listening) on (?:port )?(?:2[0-9]{2,4}|[3-9]\d{3,4})|(?:wrong|different|custom|non-?standard|another) port|moved to (?:port )?\d+|default port|端口(?:号)?(?:写错|不对|错误|改)|port \d+ (?:works|answers)`, unless: `227 |229 |passive`,
		yes: "Connection refused\nthe server listens on port 2121", no: `Connection refused`,
	},
	{
		code: finding.TLSHandshakeStalls, weight: fits, match: `handshake (?:timed out|timeout)|SSL connection timeout|TLS handshake timeout|握手超时|Timed? ?out .*(?:TLS|SSL|handshake)|(?:TLS|SSL)[^\n]*timed? ?out`, unless: `data|227|ssh_msg_kex`, alike: alikeHandshake,
		yes: `net/http: TLS handshake timeout`, no: `Connection timed out`,
	},
	{code: finding.NetTransparentProxy, weight: shows, match: `transparent proxy|every port (?:accepts|answers|is open)|all ports (?:are |seem )?open|透明代理`, yes: `nmap: all ports are open, telnet connects to any`, no: `proxy`},
	{code: finding.RouteDeadTunnel, weight: shows, match: `(?:timed out|unreachable|超时)`, with: `(?:vpn|tunnel|wireguard|openvpn)[^\n]{0,40}(?:disconnect|stale|left|old|down|off)[^\n]{0,40}(?:works|route)|via tun\d|dev (?:tun|wg|ppp)\d`, unless: `227 `, yes: "timed out\n192.0.2.0/24 via tun0 of the old VPN", no: `timed out`},
	{code: finding.DNSDeadAddress, weight: shows, match: `(?:timed out|refused|超时)`, with: `one of (?:the |its |several )?(?:two |three )?(?:A records|addresses|ips)|round.?robin|sometimes[^\n]{0,60}(?:other|different|second) (?:address|ip)|multiple A records`, yes: "timed out\none of two addresses of the name is dead", no: `timed out`},
	{code: finding.DNSWrongAddress, weight: shows, match: `(?:timed out|refused|other host|wrong (?:server|host|machine)|超时|mismatch)`, with: `(?:resolves|points|pointing) to (?:the )?(?:old|wrong|another|cloudflare|a different)|behind cloudflare|dns (?:record|entry) (?:is |was )?(?:old|wrong|stale|not updated)|moved to a new (?:server|ip)|cloudflare|解析到(?:旧|错|cloudflare)|(?:dns|propagat)[^\n]{0,30}(?:not|old)`, unless: `error 5\d\d|ray id`, yes: "timed out\nthe name points to the old address", no: `timed out`},
	{code: finding.ServiceSlowGreeting, weight: shows, match: `UseReverseDNS|reverse dns|IdentLookups|UseDNS|(?:slow|late|delay\w*|takes) [^\n]{0,40}(?:greeting|banner|login|connect)|(?:greeting|banner|welcome)[^\n]{0,40}(?:slow|late|delay|takes \d+)|连接(?:很|非常)?慢`, unless: `refused|530|denied`, yes: `login takes 20 seconds until the banner, UseReverseDNS on`, no: `PTR reverse lookup ok`},
	{code: finding.PerformanceSlowTransfer, weight: fits, match: `\b(?:\d+(?:\.\d+)? ?(?:KB|KiB|kB|B)/s)[^\n]{0,40}(?:slow|only)|(?:transfer|upload|download|speed)s? (?:is|are|was) (?:very |so |extremely )?slow|传输(?:速度)?(?:很|太|非常)?慢|速度(?:很|太)慢`, alike: alikeSlow, yes: `the upload is very slow, 40 KB/s`, no: `1200 KB/s`},
	{code: finding.DataHelperMissing, weight: shows + 3, match: `nf_conntrack_ftp|ip_conntrack_ftp|nf_nat_ftp|conntrack helper|ALG\b|ftp helper|helper module`, with: `227|pasv|passive|data|hang|list|ls\b|425|被动`, unless: `disabl\w+ (?:the )?(?:sip )?alg`, yes: "227 Entering Passive Mode (192,0,2,1,4,5).\nnf_conntrack_ftp is not loaded", no: `passive ports open`},
	{code: finding.ConfigPortRangeNotOpen, weight: shows + 3, match: `(?:passive|pasv)[^\n]{0,40}(?:ports?|range)[^\n]{0,60}(?:not (?:opened|open|forwarded|published|mapped|exposed)|closed|blocked|firewall|never opened)|(?:not (?:opened|open|forwarded|published|mapped|exposed)|forgot to (?:open|publish|expose|forward))[^\n]{0,60}(?:passive|pasv)|被动(?:模式)?端口.*(?:未|没)(?:有)?(?:开放|放行|映射)|-p 21:21(?: \S+)*$`, with: `227|229|timed out|refused|data|list|425|超时`, unless: `-p \d+-\d+:`, yes: "425 Can't open data connection.\nthe passive port range is not opened in the firewall", no: `passive range 50000`},
}

// clientRules are about the machine and the program that ask.
var clientRules = []rule{
	{
		code: finding.ClientBadTarget, weight: names, match: `URL (?:using bad/illegal format|rejected)|curl: \(3\)|curl: \(1\) Protocol|Protocol "\S*" (?:not supported|disabled)|Unsupported (?:scheme|protocol|URL)|Invalid (?:URI|URL|hostname|host name|port)|unknown (?:URL )?(?:scheme|protocol)|no protocol:|Port (?:number )?(?:was not|ended with|out of range|must be)|ERR_SOCKET_BAD_PORT|ERR_INVALID_URL|servname not supported for ai_socktype|ai_socktype|不支持的协议|无效的(?:URI|URL|主机|端口)|Unsupported protocol|missing (?:address|host|protocol scheme)|too many colons in address|URI scheme is not valid|hostname contains invalid characters|nodename.*:21|bad port|错误的?端口|WSATYPE_NOT_FOUND|\b10109\b|首选端口|端口.*无效|illegal character in (?:scheme|authority|hostname)|invalid port|format of the URI could not be determined|Unknown protocol|(?:ftps?|ftpes|sftp|https?|davs?)://[^/\s:@\[\]]+(?:@[^/\s:@\[\]]+)?:\d*[A-Za-z]\w*(?:/|\s|$)`, unless: `wrong version|ssl routines|tls`,
		yes: `curl: (3) URL using bad/illegal format or missing URL`, no: `curl: (6) Could not resolve host: h.example.net`,
	},
	{code: finding.ClientNoNetwork, weight: shows + 3, match: `ENETDOWN|Network is down|WSAENETDOWN|\b10050\b|网络已?断开|没有(?:可用的)?网络|no (?:network|internet) (?:connection|connectivity)|ERR_INTERNET_DISCONNECTED|NO-CARRIER`, yes: `connect: Network is down`, no: `Network is unreachable`},
	{
		code: finding.RouteNoRoute, weight: shows - 2, match: `Network (?:is )?unreachable|ENETUNREACH|网络不可达|网络无法访问|WSAENETUNREACH|\b10051\b|Errno 101|network unreachable|套接字操作尝试一个无法连接的网络|无法连接到?网络`, unless: `dest(?:ination)? net`, alike: alikeNoRoute,
		yes: `connect to address 192.0.2.4: Network is unreachable`, no: `Destination Net Unreachable from 192.0.2.1`,
	},
	{
		code: finding.DataActiveBlocked, weight: shows, match: `enterLocalActiveMode|active mode|enterLocalPassiveMode|set_pasv\(False\)|UsePassive ?= ?false|主动模式|ftp_pasv\([^,]+, ?false|(?:hutool|commons-net|FTPClient)[\s\S]*(?:success = false|null|returns? false|hang|卡)|success = false|returned? false|listFiles\(\) (?:returns|hangs)|storeFile (?:returns|hangs)`, with: `filezilla|works|可以|正常|可正常|hang|timeout|timed out|false|425|卡住|超时|block|returns? (?:null|empty|false)`, unless: `227 |229 |entering passive mode|550|530|553|enterLocalPassiveMode\(\) (?:is )?(?:already )?called`, alike: alikeActive,
		yes: "ftpClient.storeFile returns false\nactive mode; works in FileZilla", no: `Entering Passive Mode, works`,
	},
	{code: finding.ClientLibraryLimit, weight: shows - 2, match: `not (?:supported|implemented) (?:by|in) (?:this|the) (?:client|library|version)|library does(?: not|n't) support|NotImplemented(?:Error|Exception)|unsupported (?:feature|operation)|does not support (?:SFTP|FTPS|TLS session (?:reuse|resumption)|implicit)|该客户端不支持|protocol not supported|Protocol "sftp" not supported`, unless: `server does(?: not|n't)|remote|http|501`, alike: alikeHandshake, yes: `NotImplementedError: this library does not support session resumption`, no: `server does not support UTF8`},
}
