package transcript

import "ftpdoctor/internal/finding"

const davMethods = `PROPFIND|PROPPATCH|MKCOL|MOVE|COPY|LOCK|UNLOCK|REPORT|SEARCH`

// httpRules are the words of WebDAV: statuses by what they answer, clients,
// proxies and web servers.
var httpRules = []rule{
	{
		code: finding.HTTPTooLarge, weight: names, match: `\b413\b|Request Entity Too Large|Payload Too Large|Content Too Large|client_max_body_size|LimitRequestBody|client intended to send too large body|maxAllowedContentLength|413\.1|请求实体(?:过|太)大|404\.13|upload_max_filesize|post_max_size|larger than the configured limit`, with: `http|dav|nginx|apache|put|413`, unless: `4130|(?:22|21) \S*413`,
		yes: `HTTP/1.1 413 Request Entity Too Large`, no: `4130 bytes received`,
	},
	{
		code: finding.ClientWebDAVRedirector, weight: names - 1, match: `FileSizeLimitInBytes|exceeds the limit allowed|0x800700DF|file size exceeds the limit|文件大小超(?:过|出)(?:允许的)?限制|BasicAuthLevel|WebClient|WebDAV redirector|Microsoft-WebDAV-MiniRedir|DavWWWRoot|MRxDAV|Web 客户端|ERROR_BAD_NET_NAME|0x80070043|0x80070035`, unless: `webclientrequest|reactor|org\.springframework|system\.net\.webclient|webclient\.(?:upload|download)|\b50[0-9] |http/1\.1 4(?:05|04)`, alike: alikeRedirector,
		yes: `STATE : 1 STOPPED (WebClient)`, no: `System.Net.WebClient.UploadFile`,
	},
	{
		code: finding.ClientWebDAVRedirector, weight: shows, match: `System error (?:67|53|59|1244|224|1920|1790|5)\b|系统错误 ?(?:67|53|59|1244|224|1790)|发生系统错误 (?:67|53|59|1244|224|1790)|找不到网络名|The network name cannot be found|network path was not found|找不到网络路径|The folder you entered does not appear to be valid|(?:您)?输入的文件夹(?:似乎)?无效|error 0x8007|Map Network Drive|映射网络驱动器`, with: `http|dav|net use|\\\\|系统错误|system error|0x8007|folder|文件夹`, alike: alikeRedirector,
		yes: `System error 67 has occurred. (net use)`, no: `System error: network`,
	},
	{
		code: finding.HTTPLocked, weight: names, match: `\b423\b|WebDAV locked|resource is locked|Locked \(423|lock(?:ed)? by (?:another )?user|FileLocked|LockedException|文件被锁定`, with: `http|dav|lock|put|423`,
		yes: `HTTP/1.1 423 Locked`, no: `4230 files`,
	},
	{
		code: finding.FileDiskFull, weight: names, match: `HTTP/\S+ 507|507 Insufficient Storage|Insufficient Storage|507 insufficient`, unless: `quota`,
		yes: `< HTTP/1.1 507 Insufficient Storage`, no: `507 quota`,
	},
	{
		code: finding.FileQuotaExceeded, weight: names + 1, match: `507.*quota|quota.*(?:507|exceeded|reached|full)|out of quota|quota exceeded`, proto: "webdav",
		yes: `HTTP/1.1 507 Insufficient Storage (quota exceeded)`, no: `HTTP/1.1 507 Insufficient Storage`,
	},
	{
		code: finding.HTTPRedirectLoop, weight: names, match: `redirect(?:ion|ed)? (?:loop|too many times)|too many redirects|ERR_TOO_MANY_REDIRECTS|Maximum \(\d+\) redirects|stopped after \d+ redirects|重定向次数过多|重定向循环|curl: \(47\)|exceeded maxRedirects|Exceeded \d+ redirects`,
		yes: `curl: (47) Maximum (50) redirects followed`, no: `301 Moved Permanently`,
	},
	{
		code: finding.HTTPRedirected, weight: shows - 5, match: `\b30[12378]\b|Moved Permanently|Temporary Redirect|redirected to|重定向到`, with: `http|dav`, unless: `40[0-9] |5\d\d |30[12] bytes|following redirect|sshd?\[|ftp>|port 30`, alike: alikeDAV,
		yes: `HTTP/1.1 301 Moved Permanently`, no: `port 30100`,
	},
	{
		code: finding.HTTPTLSToPlain, weight: names, match: `plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled|server gave HTTP response to HTTPS client|client sent an HTTP request to an HTTPS server|\bhttp_request\b|:http request\b|HTTP request to an HTTPS|This combination of host and port requires TLS|Received HTTP/0\.9|first record does not look like a TLS handshake.*http|497`, with: `http|dav`,
		yes: `400 The plain HTTP request was sent to HTTPS port`, no: `HTTP/1.1 200 OK`,
	},
	{
		code: finding.HTTPTLSToPlain, weight: shows, match: `Empty reply from server|curl: \(52\)|socket hang up|ServerDisconnected|EOF`, with: `http://\S*:443|dav://\S*:443|port 443[\s\S]*> (?:propfind|get|put|options) `, unless: `tls handshake|ssl connection|https://|davs://`,
		yes: "http://h.example.net:443/dav/\nEmpty reply from server", no: "https://h.example.net:443/dav/\nEmpty reply from server",
	},
	{
		code: finding.HTTPTLSToPlain, weight: names - 6, match: `wrong version number|WRONG_VERSION_NUMBER|first record does not look like a TLS handshake|unknown protocol|packet length too long|unexpected TLS packet|未预期的 TLS 数据包|record too long|malformed HTTP (?:response|status)|SSL_ERROR_RX_RECORD_TOO_LONG|GnuTLS error -15|EPROTO`, with: `https?:|davs?:|:443|:80\b|http/1|webdav`, unless: `ssh-2|ftps?://|ftpes|proxy|auth tls`,
		yes: `https://h: error:0A00010B:SSL routines::wrong version number`, no: `ftps://h wrong version number`,
	},
	{
		code: finding.ClientProxyIntercepts, weight: names - 4, match: `Proxy CONNECT aborted|Received HTTP code \d+ from proxy|407 Proxy Authentication|Proxy Authentication Required|CONNECT tunnel failed|ProxyError|tunneling socket could not be established|curl: \(5\)|Could not resolve proxy|代理服务器(?:需要|拒绝|验证)|unable to connect to (?:the )?proxy|Proxy server .*(?:refus|not respond)|Unsupported proxy|X-Squid-Error|ERR_ACCESS_DENIED 0|via the (?:http )?proxy|proxy (?:returned|replied|responded|error)|failed to connect to proxy|proxyconnect tcp|socks\S* .*(?:fail|refus)`, unless: `reverse proxy|nginx|proxy_pass|proftpd-mod_proxy`,
		yes: `curl: (56) Received HTTP code 403 from proxy after CONNECT`, no: `reverse proxy nginx`,
	},
	{
		code: finding.ClientProxyIgnored, weight: shows, match: `(?:timed out|refused|unreachable|超时)`, with: `(?:ignores|does ?n.t (?:use|honou?r|respect)|without using|bypass\w*|not using) (?:the )?(?:http |configured |system )*proxy|(?:behind|requires?) a (?:corporate |company )?proxy|不(?:走|使用)代理|curl[^\n]*-x[^\n]*works`,
		yes: "connection timed out\nthe library ignores the proxy", no: `connection timed out`,
	},
	{
		code: finding.HTTPGatewayError, weight: names - 3, match: `\b50[234]\b|Bad Gateway|Gateway Time-?out|Service (?:Temporarily )?Unavailable|upstream (?:timed out|prematurely|sent)|connect\(\) failed .* while connecting to upstream|no live upstreams|AH0111\d|网关(?:错误|超时)`, with: `http|dav|nginx|apache|upstream|gateway|proxy`, not: `[:(]50[234][:)]|_http_`, unless: `(?:50[24]|421) command|auth tls|502 .*not implemented|503 (?:bad sequence|login)|maintenance|\d+\.50[234]\b|pasv`, proto: "webdav", alike: alikeGateway,
		yes: `HTTP/1.1 502 Bad Gateway`, no: `502 Command not implemented.`,
	},
	{code: finding.ServiceUnavailable, weight: shows, match: `\b503\b|Service (?:Temporarily )?Unavailable`, with: `maintenance|维护`, yes: `HTTP/1.1 503 Service Unavailable (maintenance mode)`, no: `HTTP/1.1 502 Bad Gateway`},
	{
		code: finding.AuthRejected, weight: shows - 3, match: `\b401\b|Unauthorized|Authorization Required|authentication failed|认证失败|未授权|not authenticated`, with: `http|dav`, unless: `\b(?:403|405|404|207|50\d)\b|201 created|publickey|sftp:|530 |propfind[^\n]*\n[^\n]*401[\s\S]*(?:20[0147] |413)|ntlm|negotiate`, alike: alikeLogin,
		yes: `HTTP/1.1 401 Unauthorized`, no: `HTTP/1.1 403 Forbidden`,
	},
	{
		code: finding.ClientLibraryLimit, weight: shows, match: `\b401\b|WWW-Authenticate`, with: `WWW-Authenticate: (?:NTLM|Negotiate)|only (?:NTLM|Negotiate|Kerberos|Digest)|NTLM authentication`, unless: `www-authenticate: (?:basic|digest)`,
		yes: "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: NTLM", no: "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic",
	},
	{
		code: finding.HTTPForbidden, weight: shows - 5, match: `\b403\b|Forbidden|client denied by server configuration|访问被拒绝`, with: `http|dav|403|authz_core`, unless: `201 created|407|from proxy|553|mod_security|modsecurity|waf|cloudflare|forbidden filename|request blocked|ftp>|invalid shell`, proto: "webdav", alike: alikeForbidden,
		yes: `HTTP/1.1 403 Forbidden`, no: `553 Forbidden filename`,
	},
	{
		code: finding.HTTPMethodBlocked, weight: shows + 3, match: `mod_?security|\bWAF\b|request blocked|request (?:was )?rejected by|web application firewall|Cloudflare|verb.*(?:not allowed|filter)|LimitExcept|limit_except|HTTP verb|denyUrl|method .{0,20}(?:blocked|forbidden|denied)|405\.0|RequestFiltering|404\.6`, with: `40[35]|blocked|denied|forbid|404\.6`,
		yes: `ModSecurity: Access denied with code 403 (PUT)`, no: `403 Forbidden`,
	},
	{
		code: finding.HTTPMethodBlocked, weight: shows - 2, match: `\b405\b|\b501\b|\b403\b|Method Not Allowed|Not Implemented`, to: `PUT|DELETE|MOVE|MKCOL|COPY|LOCK`, unless: `propfind[^\n]*\n?[^\n]*405|mkcol .*exists|client denied`, alike: alikeDAV,
		yes: "PUT /a\nHTTP/1.1 405 Method Not Allowed", no: "PROPFIND /a\nHTTP/1.1 405 Method Not Allowed",
	},
	{
		code: finding.HTTPWrongPath, weight: shows, match: `\b40[45]\b|\b501\b`, with: `remote\.php?l?\b|/owncloud|/nextcloud|/cloud/|/remote/|dav/files|seafdav|(?:wrong|correct|right|proper) (?:url|path|endpoint)|正确的(?:路径|地址)|vault`, unless: `20[17] |put /`, to: davMethods + `|OPTIONS|GET|-|`, proto: "webdav", alike: alikeDAV,
		yes: "PROPFIND /remote.ph/dav/\nHTTP/1.1 405 Not Allowed", no: "PROPFIND /\nHTTP/1.1 405 Not Allowed",
	},
	{
		// The client says only that it did not work; the URL asks for TLS where none is spoken.
		code: finding.HTTPTLSToPlain, weight: shows, match: `(?:not|un)[ -]?(?:DAV enabled|accessible|able to connect)|could not (?:connect|access)`, with: `(?:https|davs)://[^/\s"]+:80(?:/|\b)`, unless: `refused|timed out|certificate|40[134]`, alike: alikeDAV,
		yes: "The URL https://www.example.com:80/dav/ is not DAV enabled or not accessible.", no: "The URL https://www.example.com/dav/ is not DAV enabled or not accessible.",
	},
	{
		code: finding.HTTPNoWebDAV, weight: shows - 2, match: `\b405\b|\b501\b|Method Not Allowed|Not Implemented|Unsupported method|not (?:a )?WebDAV(?:-enabled)?|does(?: not|n't) support (?:the )?(?:WebDAV|PROPFIND|DAV)|not a valid (?:webdav|dav)|DAV (?:is )?not enabled|无 WebDAV|不支持 ?WebDAV|Could not access .*\(not WebDAV-enabled|has no DAV|is not DAV enabled|PROPFIND .*(?:405|501)|405 .*PROPFIND`, with: `http|dav`, unless: `put /|move /|from proxy|20[17] |delete /`, alike: alikeDAV,
		yes: "PROPFIND /\nHTTP/1.1 405 Not Allowed", no: "PUT /a\nHTTP/1.1 413 Too Large",
	},
	{
		code: finding.FileNotFound, weight: fits + 4, match: `\b404\b|Not Found`, proto: "webdav", unless: `404\.|403 |405 |50[0234] |409 |host (?:was )?not|subsystem|command not found`, alike: alikeDAV,
		yes: "GET /a.bin\nHTTP/1.1 404 Not Found", no: `404.13`,
	},
	{
		code: finding.HTTPWrongPath, weight: fits + 6, match: `\b404\b|\b409\b`, to: `PROPFIND|OPTIONS|MKCOL`, unless: `403 |405 |50[0234] `, alike: alikeDAV,
		yes: "PROPFIND /dav\nHTTP/1.1 404 Not Found", no: "GET /a\nHTTP/1.1 404 Not Found",
	},
	{
		code: finding.FileNotFound, weight: fits + 4, match: `\b409 Conflict|\b409 \(Conflict\)|(?:状态码|status)\D{0,4}409|AncestorsNotFound|Parent (?:node|directory|collection) (?:does not|doesn't) exist`, with: `http|dav`, alike: alikeDAV,
		yes: `HTTP/1.1 409 Conflict`, no: `HTTP/1.1 404`,
	},
	{
		code: finding.FilePermissionDenied, weight: shows, match: `Permission denied|denied .{0,20}\(13\)|\(13\)\s?Permission|\(13: |could not (?:create|write)|EACCES|NotWritable|not writable`, with: `http|dav|nginx|\[crit\]|occ `, unless: `publickey|password|10013|sshd`,
		yes: `nginx: [crit] open() "/srv/dav/a" failed (13: Permission denied)`, no: `sshd: Permission denied`,
	},
	{
		code: finding.HTTPServerError, weight: shows - 4, match: `\b500\b|Internal Server Error|服务器内部错误|\.htaccess: |DavLockDB|could not open the lock database`, with: `http|dav|htaccess|apache`, proto: "webdav", unless: `500 (?:oops|unknown|illegal|command|syntax|i won)|no space|disk full|enospc|100% +/|permission denied|port 500|500 ?mb|quota`, alike: alikeServerError,
		yes: `HTTP/1.1 500 Internal Server Error`, no: `500 Unknown command.`,
	},
	{
		code: finding.HTTPHTTP2Broken, weight: shows, match: `Empty reply from server|connection closed|reset by peer`, with: `(?m)^> [a-z]+ \S+ http/2`, not: `left intact`, alike: nil,
		yes: "> PROPFIND /dav/ HTTP/2\n* Empty reply from server", no: "> PROPFIND /dav/ HTTP/1.1\n* Empty reply from server",
	},
	{
		code: finding.HTTPTLSToPlain, weight: shows, match: `: 400\b|\b400 Bad Request`, with: `\bhttp://[^/\s]+:443\b|\bdav://[^/\s]+:443\b`,
		yes: "connect: Connect http://dav.example.net:443/dav/: 400", no: "GET http://dav.example.net/dav/: 400",
	},
	{
		code: finding.HTTPHTTP2Broken, weight: names - 4, match: `HTTP/2 stream \d+ was not closed cleanly|HTTP/2 framing layer|curl: \((?:16|92)\)|ERR_HTTP2|nghttp2|http2: .*(?:error|frame|server sent)|Remote peer returned unexpected data while we expected SETTINGS`,
		yes: `curl: (92) HTTP/2 stream 1 was not closed cleanly: PROTOCOL_ERROR`, no: `using HTTP/2`,
	},
}
