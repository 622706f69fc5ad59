package transcript

import "ftpdoctor/internal/finding"

// tlsRules are the words of TLS libraries: OpenSSL, GnuTLS, SChannel, NSS,
// BoringSSL, Go, Java, .NET, Node.
var tlsRules = []rule{
	{
		code: finding.TLSCertExpired, weight: names, match: `certificate (?:has |is |was )?expired|certificate_expired|CERT_HAS_EXPIRED|SEC_E_CERT_EXPIRED|0x80090328|CERT_E_EXPIRED|0x800B0101|certificate (?:is |chain )?(?:uses )?expired|The certificate chain uses expired|证书(?:已经?|已)?(?:过期|失效|到期)|NotAfter|CertificateExpiredException|expired certificate|SSL_ERROR_EXPIRED_CERT|has expired or is not yet valid: current time \S+ is after|cert(?:ificate)? .{0,40}\bexpired|ERR_CERT_DATE_INVALID`, unless: `not yet valid: current time \S+ is before|account|user certificate.*ssh|certificate invalid: expired.*ssh`,
		yes: `curl: (60) SSL certificate problem: certificate has expired`, no: `account has expired`,
	},
	{
		code: finding.TLSCertNotYetValid, weight: names, match: `certificate is not yet (?:valid|activated)|CERT_NOT_YET_VALID|not yet valid|NotBefore|CertificateNotYetValidException|证书(?:尚未|还未|未)生效|not activated`, unless: `is after `,
		yes: `SSL certificate problem: certificate is not yet valid`, no: `certificate has expired`,
	},
	{
		code: finding.TLSCertNameMismatch, weight: names - 1, match: `Hostname mismatch|certificate does(?: not|n't) match (?:the )?(?:server|host) ?name|not valid for any names|hostname .*does(?: not|n't) match|ERR_TLS_CERT_ALTNAME_INVALID|Hostname/IP (?:does not match|doesn't match)|altnames|subject ?(?:alternative|alt) ?names?.*(?:not match|no match|mismatch)|no alternative certificate subject name matches|SSL: no alternative|certificate subject name .*does not match|certificate is (?:not )?valid for .*, not |cannot validate certificate for .* because it doesn't contain any IP SANs|CERT_E_CN_NO_MATCH|0x800B010F|SEC_E_WRONG_PRINCIPAL|0x80090322|RemoteCertificateNameMismatch|(?:certificate )?common name .*(?:not match|doesn't match|mismatch|invalid)|owner does not match|certificate (?:name|hostname) mismatch|证书.*(?:主机名|域名|名称).*(?:不匹配|不符|不一致)|主机名.*不匹配|No subject alternative (?:DNS )?names? (?:matching|present)|name does not match|CN (?:does not|doesn't) match|No name matching .* found|target principal name is incorrect|peer certificate .*does not match|doesn't match any of the subject alternative names|certificate verify failed: IP address mismatch|不包含.*主机名|主机名.*请求的|no alternative`,
		yes: `ssl.SSLCertVerificationError: certificate verify failed: Hostname mismatch, certificate is not valid for 'ftp.example.net'.`, no: `algorithm mismatch`,
	},
	{
		code: finding.TLSCertSelfSigned, weight: names - 2, match: `self[- ]signed certificate(?: \(18\))?$|DEPTH_ZERO_SELF_SIGNED_CERT|18 \(self[- ]signed|verify error:num=18|自签名证书|自签署|自签发|self[- ]signed(?: cert)?`, unless: `self[- ]signed certificate in (?:certificate )?chain|SELF_SIGNED_CERT_IN_CHAIN|num=19|unable to get`,
		yes: `Error: DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate`, no: `self-signed certificate in certificate chain`,
	},
	{
		code: finding.TLSCertUntrusted, weight: names - 8, match: `self[- ]signed certificate in (?:certificate )?chain|SELF_SIGNED_CERT_IN_CHAIN|num=19`, alike: alikeTrust,
		yes: `SSL certificate problem: self-signed certificate in certificate chain`, no: `self-signed certificate`,
	},
	{
		code: finding.TLSIntercepted, weight: names + 2, match: `(?:issuer|issued by|CN ?=|O ?=)[^\n]*(?:Fortinet|FortiGate|Zscaler|Palo Alto|Sophos|Kaspersky|Avast|AVG |ESET|Bitdefender|Blue ?Coat|Cisco Umbrella|Netskope|Check ?Point|WatchGuard|SonicWall|Web/Mail Shield|Burp|mitmproxy|Charles Proxy|Squid|Barracuda|Untangle|inspection)|(?:antivirus|firewall|proxy|zscaler|kaspersky|avast|fortinet)[^\n]{0,40}(?:intercept|inspect|replac|scan|man.in.the.middle|re-?sign)|TLS inspection|SSL (?:inspection|interception)`, with: `certificate|ssl|tls|证书`,
		yes: "issuer: C=US; O=Fortinet; CN=FGT60\nSSL certificate problem: unable to get local issuer certificate", no: `issuer: C=US; O=Let's Encrypt; CN=R3`,
	},
	{
		code: finding.TLSChainIncomplete, weight: shows, match: `unable to verify the first certificate|UNABLE_TO_VERIFY_LEAF_SIGNATURE|num=21|incomplete (?:certificate )?chain|chain (?:is )?incomplete|missing intermediate|intermediate (?:certificate|cert|CA)s?|PartialChain|A certificate chain could not be built|证书链不完整|缺少中间证书`, alike: alikeTrust,
		yes: `Error: unable to verify the first certificate`, no: `certificate has expired`,
	},
	{
		code: finding.ClientTrustStoreOutdated, weight: shows + 5, match: `certificate|issuer|trust`, with: `(?:windows (?:xp|7|server 2003|2008)|java [67]\b|java 1\.[67]|openssl 1\.0|centos ?[56]|android [4-7]|debian [78]|ubuntu 1[46])[\s\S]*(?:let'?s encrypt|isrg|dst root)|(?:let'?s encrypt|isrg|dst root)[\s\S]*(?:windows (?:xp|7)|java [67]|openssl 1\.0|centos ?[56]|android [4-7]|old (?:root|ca|trust)|outdated)|DST Root CA X3|ca-certificates (?:is |are |was )?(?:old|outdated)|(?:old|outdated) (?:ca-certificates|root certificates|trust ?store|CA bundle)|(?:browsers?|others?|newer|other machines?) (?:accept|trust|work)`, unless: `self[- ]signed|fortinet|hostname|mismatch|not yet valid`,
		yes: "certificate verify failed (_ssl.c:600)\nDST Root CA X3 on centos 6", no: `certificate verify failed`,
	},
	{
		code: finding.TLSCertUntrusted, weight: shows - 4, match: `unable to get (?:local )?issuer certificate|未能为 ?SSL/TLS ?安全通道建立信任关系|Could not establish trust relationship|远程证书无效|remote certificate (?:is|was) (?:invalid|rejected)|UNABLE_TO_GET_ISSUER_CERT|signed by unknown authority|unknown (?:certificate )?(?:authority|ca|issuer)|unknown_ca|PKIX path (?:building|validation)|SunCertPathBuilderException|SEC_E_UNTRUSTED_ROOT|0x80090325|CERT_E_UNTRUSTEDROOT|0x800B0109|Not trusted|not trusted|untrusted|Certificate verification|certificate verify failed|RemoteCertificateChainErrors|remote certificate (?:is |was )?(?:invalid|rejected)|Peer'?s? certificate issuer|颁发者未知|unable to locally verify|issuer is not|cannot be verified|num=20|issuer is unknown|不受信任|不被信任|无法验证.*证书|证书.*(?:验证失败|校验失败|不可信)|根据验证过程，远程证书无效|颁发机构|curl: \(60\)|SEC_ERROR_UNKNOWN_ISSUER|CERT_E_CHAINING|0x800B010A|server cert verification failed|Trust anchor|trustAnchors|server certificate verification failed`,
		unless: `expired|not yet|mismatch|altname|self[- ]signed|does(?: not|n't) match|no alternative|ee key too small|md too weak|过期|不匹配|first certificate|请求的主机名|尚未生效|还未生效|未激活|not activated|principal name`, alike: alikeTrust,
		yes: `x509: certificate signed by unknown authority`, no: `certificate has expired`,
	},
	{
		code: finding.TLSCertWeakKey, weight: names, match: `(?:ee|ca) key too small|EE_KEY_TOO_SMALL|key too (?:small|weak|short)|certificate.*(?:key|bits).*(?:weak|small|insecure)|weak (?:rsa )?key|insecure algorithm.*key`, unless: `dh key too small|dh_key|ssh`,
		yes: `SSL certificate problem: EE certificate key too weak`, no: `dh key too small`,
	},
	{
		code: finding.TLSCertWeakSignature, weight: names, match: `digest algorithm too weak|digest algorithm too weak|(?:ca |ee )?md too weak|CA_MD_TOO_WEAK|insecure signature algorithm|signature algorithm .*(?:weak|insecure)|signed using an? insecure|insecure algorithm|disabled algorithm.*(?:SHA1|MD5)|SHA-?1 signature.*reject|MD5withRSA|algorithm constraints check failed.*(?:SHA1|MD5)`, with: `cert|tls|ssl|x509`,
		yes: `error:0A00018E:SSL routines::ca md too weak`, no: `ssh-rsa (SHA-1) signature`,
	},
	{
		code: finding.TLSCertRevoked, weight: names, match: `certificate (?:has been |is |was )?revoked|CERT_REVOKED|证书已(?:被)?吊销|CRYPT_E_REVOKED|0x80092010|certificate_revoked`,
		yes: `TLS alert, certificate revoked`, no: `revocation status unknown`,
	},
	{
		code: finding.TLSDHTooSmall, weight: names, match: `dh[_ ]key[_ ]too[_ ]small|DH_KEY_TOO_SMALL|Diffie-Hellman prime.*(?:not acceptable|too (?:small|short))|GNUTLS_E_DH_PRIME_UNACCEPTABLE|GnuTLS error -63|weak (?:server )?ephemeral Diffie|SSL_ERROR_WEAK_SERVER_EPHEMERAL_DH_KEY|Prime size must be|DH (?:prime|parameters?|key) .*(?:small|short|weak|acceptable)|Could not generate DH keypair|server's DH|Diffie-Hellman.*(?:小于|太短|不可接受)|modulus too small|DHPublicKey does not comply|bad dh p length|(?:-hellman).*(?:可接受|素数)`, unless: `ssh_dispatch`,
		yes: `error:0A00018A:SSL routines::dh key too small`, no: `Using DH key exchange`,
	},
	{
		code: finding.TLSVersionTooOld, weight: names - 5, match: `legacy sigalg disallowed|unsupported[_ ]protocol|UNSUPPORTED_PROTOCOL|tlsv1 alert protocol version|protocol[_ ]version|ERR_SSL_UNSUPPORTED_PROTOCOL|SSL_ERROR_UNSUPPORTED_VERSION|wrong ssl version|SSLV3_ALERT_PROTOCOL|version too low|ERR_SSL_VERSION_OR_CIPHER_MISMATCH|GnuTLS error -9\b|GNUTLS_E_UNSUPPORTED_VERSION_PACKET|server (?:selected|chose) (?:unsupported|an? (?:old|unsupported)) protocol version|tls: server selected unsupported protocol version 30[12]|no (?:appropriate|supported) protocol|SEC_E_UNSUPPORTED_FUNCTION|0x80090302|legacy (?:version|TLS)|不支持的(?:TLS )?(?:协议|版本)|收到.*版本.*(?:不支持|警告)|协议版本|TLSv1(?:\.[01])?.*(?:not enabled|disabled|no longer)|Server chose TLSv1|only supports TLS ?1\.[01]|client (?:and server )?(?:don't|do not|doesn't) support(?: a common)? (?:SSL |TLS )?protocol|A packet with illegal or unsupported version|unsupported version was received`, unless: `socks|http version|ssh|protocol version 2\.0|local protocol version|bad ?version|only tls ?1\.3|tls ?1\.3 only|client (?:supports )?only tls ?1\.[01]`,
		yes: `ssl.SSLError: [SSL: UNSUPPORTED_PROTOCOL] unsupported protocol (_ssl.c:1007)`, no: `Remote protocol version 2.0`,
	},
	{
		code: finding.TLSVersionMismatch, weight: shows - 4, match: `未能创建 ?SSL/TLS ?安全通道|Could not create SSL/TLS secure channel`, alike: alikeHandshake,
		yes: `System.Net.WebException: The request was aborted: Could not create SSL/TLS secure channel.`, no: `Could not establish trust relationship for the SSL/TLS secure channel.`,
	},
	{
		code: finding.TLSVersionMismatch, weight: names - 4, match: `protocol[_ ]version|no protocols? (?:available|in common)|inappropriate[_ ]fallback|common (?:TLS )?(?:protocol|version)|PROTOCOL_VERSION|no appropriate protocol|SEC_E_ALGORITHM_MISMATCH|0x80090331|client and server cannot communicate|(?:客户端和服务器无法通信|因为它们不具有共同的算法)`, with: `(?:client|\.net|java|windows (?:7|xp|server 2008)|python 2|framework|openssl 0|delphi|old(?:er)?)[\s\S]{0,80}(?:tls ?1\.0|only|old|3\.5|4\.[05])|tls ?1\.[23] (?:only|required)|only tls ?1\.[23]|ServicePointManager|common algorithm|共同的算法|no protocols available|minimum tls|server (?:requires|accepts only|now requires)`,
		yes: `The client and server cannot communicate, because they do not possess a common algorithm`, no: `unsupported protocol`,
	},
	{
		code: finding.TLSNoCommonCipher, weight: shows + 5, match: `no shared cipher|no cipher(?:s|suites?)? (?:available|in common|match|overlap|suites? in common)|SSL_ERROR_NO_CYPHER_OVERLAP|NO_SHARED_CIPHER|insufficient[_ ]security|no (?:common|supported) (?:cipher|encryption|group|curve)s?|GnuTLS error -(?:87|21)\b|GNUTLS_E_UNKNOWN_CIPHER_SUITE|GNUTLS_E_NO_CIPHER|no suitable (?:cipher|shared|key share|curve|group)|unsupported (?:elliptic )?curve|wrong curve|cipher (?:suite )?(?:mismatch|not supported)|没有.*(?:共同|相同)的?(?:加密|密码)|could not negotiate a (?:supported|common) cipher|无法协商.*(?:密码|加密)|no_shared_group|密码套件`, unless: `ssh|bad cipher`,
		yes: `SSL routines:tls_post_process_client_hello:no shared cipher`, no: `no matching cipher found (ssh)`,
	},
	{
		code: finding.TLSNoCommonCipher, weight: fits + 5, match: `handshake[_ ]failure|alert handshake|SSLV3_ALERT_HANDSHAKE_FAILURE|sslv3 alert|SSL_ERROR_HANDSHAKE_FAILURE|GnuTLS error -12\b|Handshake failed|握手失败|SSL alert number 40|fatal alert (?:has been )?received|严重警告|致命错误警告|TLS 警告|received fatal alert|curl: \(35\)`, unless: `ssh|unexpected message|protocol_?version|protocol version|unknown_ca|bad certificate|certificate required|certificate_required|wrong version|unsupported protocol|expired|record layer|unexpected_message|internal_error|reset|mismatch|packet length|timed out|eof|dh key|syscall|data connection|no shared|session reuse`, alike: alikeHandshake,
		yes: `error:0A000410:SSL routines::sslv3 alert handshake failure`, no: `ssh: handshake failed: EOF`,
	},
	{
		code: finding.TLSClientCertRequired, weight: names - 4, match: `certificate required|certificate_required|CERTIFICATE_REQUIRED|peer did not return a certificate|client (?:certificate|cert) (?:is )?(?:required|needed|missing|not (?:provided|sent|presented))|requires? a client certificate|No client certificate|alert bad certificate|sslv3 alert bad certificate|SSL alert number (?:42|116)|mutual TLS|ERR_BAD_SSL_CLIENT_AUTH_CERT|400 No required SSL certificate|需要客户端证书|客户端证书|PEER_DID_NOT_RETURN_A_CERTIFICATE|Certificate is required|需要证书`, unless: `unprotected|no certificate .*server`,
		yes: `tlsv13 alert certificate required`, no: `Server requested a client certificate (none needed)`,
	},
	{
		code: finding.TLSSNIRequired, weight: names - 5, match: `unrecognized[_ ]name|UNRECOGNIZED_NAME|SNI (?:is )?(?:required|missing|needed)|requires? SNI|server name indication|without SNI|SSL alert number 112|No SNI provided`,
		yes: `tlsv1 unrecognized name`, no: `SNI: ftp.example.net sent`,
	},
	{
		code: finding.TLSExplicitExpected, weight: names - 6, match: `意外的数据包格式|unexpected packet format|wrong version number|WRONG_VERSION_NUMBER|unknown protocol|SSL23_GET_SERVER_HELLO|packet length|packet_length_too_long|record_overflow|first record does not look like a TLS handshake|Unrecognized SSL message|plaintext connection\?|received a record with version|SSL_ERROR_RX_RECORD_TOO_LONG|GnuTLS error -15|An unexpected TLS packet was received|SEC_E_INVALID_TOKEN|0x80090308|The handshake failed due to an unexpected packet format|frame size|Cannot determine the frame size|bad record type|http_request|not an SSL/TLS record|收到(?:了)?(?:一个)?(?:意外|非预期|意料之外)的 TLS|意外的 TLS (?:数据)?包|握手失败，因为.*数据包格式|NotSslRecordException|unexpected message|expected a TLS handshake|server gave HTTP response to HTTPS client|packet format|非预期的数据包`,
		unless: `http request|https?://|http/1|ssh-2|server gave http|smtp|proxy|:443|webdav|propfind|mysql|starttls|unsupported protocol|unsupported_protocol|tlsv1 alert|data connection|:80\b`,
		yes:    `error:0A00010B:SSL routines::wrong version number`, no: `protocol version`,
	},
	{
		code: finding.TLSExplicitExpected, weight: names - 2, match: `\b(?:first bytes|instead of|got|received|原始)[^\n]{0,30}['"]?220[ -]|explicit (?:TLS|SSL|FTPS|mode)[^\n]{0,40}works?|works? with explicit|use explicit|改(?:用|为)显式`, with: `tls|ssl|ftps|990|implicit|隐式`,
		yes: `TLS handshake on 990: received "220 ready"`, no: `220 ready`,
	},
	{
		code: finding.TLSImplicitExpected, weight: shows, match: `(?:timed out|timeout|no (?:greeting|welcome|banner)|hangs?|超时|EOF|closed|Connection reset|no response|not respond)`, with: `(?:port |:)990\b|implicit (?:tls|ssl|ftps|mode)?[^\n]{0,20}works?|works? with implicit`, unless: `ssl connection|tls connection established|refused|ftps://|implicit tls: yes|227|229`,
		yes: "Connected to h port 990\ntimed out waiting for the welcome message", no: `port 21 timed out`,
	},
	{
		code: finding.TLSNoCloseNotify, weight: shows, match: `close[_ ]notify|GnuTLS\W+\w+ -110\b|non-properly terminated|GnuTLS error -110|was not properly terminated|-110: The TLS connection was non-properly|truncation attack|非正常(?:终止|关闭)|SSL_read.*unexpected eof|unexpected eof while reading|curl: \(56\).*(?:SSL|eof)|missing close|没有正确(?:终止|关闭)`, alike: alikeDataTLS, unless: `handshake|ssl_connect|curl: \(35\)`,
		yes: `GnuTLS error -110: The TLS connection was non-properly terminated.`, no: `TLS connection established`,
	},
	{
		code: finding.TLSDataHandshakeFailed, weight: fits, match: `(?:TLS|SSL|GnuTLS|handshake|握手|ECONNRESET|EPIPE|socket disconnected before secure TLS|EOF)`, from: opening, with: `prot p|auth tls|ftps|tls connection established`, unless: `prot p\n\s*5|timed out|timeout|session reuse|close.notify|-110|reuse|226 |refused|resum|超时`, alike: alikeDataTLS,
		yes: "AUTH TLS\n234 go\nPROT P\n200 ok\nPASV\n227 Entering Passive Mode (192,0,2,1,4,5).\nLIST\n150 ok\nGnuTLS error -12", no: "AUTH TLS\n234 go\nGnuTLS error -12",
	},
	{
		code: finding.ClientClockWrong, weight: shows, match: `(?:clock|system time|date) (?:is |was )?(?:wrong|off|skew|incorrect|in the (?:past|future))|clock skew|1970|系统时间(?:不|错)|时间不(?:对|正确)|dead CMOS`, with: `certificate|证书|not yet valid|expired|tls|ssl`,
		yes: "certificate is not yet valid\nsystem clock is wrong: 1970", no: `certificate has expired`,
	},
}
