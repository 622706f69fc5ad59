package ftptest

import (
	"slices"
	"strings"
)

// fault makes an entry of the list: titles, codes and script.
func fault(name, en, zh string, want []string, script string) Fault {
	return Fault{
		Name: name, Title: map[string]string{"en": en, "zh": zh}, Want: want, Password: Password,
		Script: strings.TrimPrefix(script, "\n"),
	}
}

// scheme asks for the root folder by another scheme than ftp.
func (f Fault) scheme(scheme string) Fault {
	f.Target = func(s *Server) string { return s.URL(scheme) }
	return f
}

// path asks for a path instead of the root folder.
func (f Fault) path(path string) Fault {
	f.Target = func(s *Server) string { return strings.TrimSuffix(s.URL("ftp"), "/") + path }
	return f
}

// guest asks without an account, as anonymous.
func (f Fault) guest(path string) Fault {
	f.Target = func(s *Server) string { return "ftp://" + s.Addr() + path }
	f.Password = ""
	return f
}

func (f Fault) options(args ...string) Fault {
	f.Args = args
	return f
}

func (f Fault) advice(codes ...string) Fault {
	f.Advice = codes
	return f
}

func codes(list ...string) []string { return list }

// Faults lists the faults of `ftpdoctor demo`, layer by layer, the healthy
// servers first. The list and what it holds are the caller's.
func Faults() []Fault {
	return slices.Concat(healthyServers(), serviceFaults(), tlsFaults(), authFaults(), dataFaults(), fileFaults())
}

func healthyServers() []Fault {
	return []Fault{
		fault("healthy", "A healthy FTP server without encryption", "正常的 FTP 服务器（未加密）", nil, ""),
		fault("healthy-tls", "A healthy FTP server with explicit TLS", "正常的 FTP 服务器（显式 TLS）", nil, `
tls: explicit
`).scheme("ftpes"),
		fault("healthy-implicit", "A healthy FTP server with implicit TLS", "正常的 FTP 服务器（隐式 TLS）", nil, `
tls: implicit
`).scheme("ftps"),
		fault("healthy-ipv6", "A healthy FTP server on IPv6", "正常的 IPv6 FTP 服务器", nil, `
listen: ipv6
`),
		fault("healthy-upload", "A healthy FTP server that takes uploads", "正常的 FTP 服务器（可上传）", nil, "").options("--op", "upload").path("/upload/"),
		fault("security/anonymous-write", "Anybody may upload without an account", "任何人无需账号即可上传", nil, `
anonymous: write
`).guest("/upload/").options("--op", "upload").advice("security/anonymous-write"),
		fault("tls/cert-expiring", "The certificate ends in five days", "证书五天后到期", nil, `
tls: explicit
cert: expiring
`).scheme("ftpes").advice("tls/cert-expiring"),
	}
}

func serviceFaults() []Fault {
	return []Fault{
		fault("service/refused", "Nothing listens on the port", "端口上没有服务监听", codes("service/refused"), `
listen: closed
`),
		fault("service/hung", "The program accepts and says nothing", "程序接受连接后没有任何响应", codes("service/hung"), `
connect → hang
`),
		fault("service/slow-greeting", "The greeting takes five seconds", "欢迎信息延迟五秒", codes("service/slow-greeting"), `
connect → wait 5s
	pass
`),
		fault("service/slow-greeting-lines", "The first line of the greeting comes at once, the last after four seconds", "欢迎语首行立即到达，末行延迟四秒", codes("service/slow-greeting"), `
connect → raw "220-Looking up your host name\r\n"
	wait 4s
	raw "220 Welcome.\r\n"
`),
		fault("service/other-protocol-ssh", "An SSH server answers on the port", "端口上应答的是 SSH 服务器", codes("service/other-protocol"), `
connect → raw "SSH-2.0-OpenSSH_9.6\r\n"
	hang
`),
		fault("service/other-protocol-http", "A web server answers on the port", "端口上应答的是网页服务器", codes("service/other-protocol"), `
connect → await
	raw "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad Request\n"
	close
`),
		fault("service/other-protocol-smtp", "A mail server answers on the port", "端口上应答的是邮件服务器", codes("service/other-protocol"), `
220 mail.example.com ESMTP Postfix
HELP → 214 2.0.0 https://www.postfix.org/smtp.8.html
NOOP → 250 2.0.0 Ok
QUIT → 221 2.0.0 Bye
	close
* → 502 5.5.2 Error: command not recognized
`),
		fault("service/too-many-connections", "The server's limit of sessions is reached", "服务器会话数已达上限", codes("service/too-many-connections"), `
connect → 421 There are too many connected users, please try later.
	close
`),
		fault("service/too-many-from-source", "The limit of sessions per address is reached", "单个地址的会话数已达上限", codes("service/too-many-from-source"), `
connect → 421 There are too many connections from your internet address.
	close
`),
		fault("service/too-many-for-user", "The limit of sessions per account is reached", "单个账号的会话数已达上限", codes("service/too-many-for-user"), `
PASS → 530 Sorry, the maximum number of clients (1) for this user are already connected.
`),
		fault("service/unavailable", "The server is down for maintenance and says so", "服务器声明正在维护", codes("service/unavailable"), `
connect → 421 Service not available: server is shutting down for maintenance.
	close
`),
		fault("service/aborts", "The program stops over an error in its configuration", "程序因自身配置错误而退出", codes("service/aborts"), `
connect → 500 OOPS: unrecognised variable in config file: allow_writeable_chrot
	close
`),
		fault("service/bad-greeting", "The greeting is no FTP reply", "欢迎信息不符合 FTP 协议", codes("service/bad-greeting"), `
connect → raw "Welcome to the file server\r\n"
`),
		fault("net/source-not-allowed", "The connection is closed before the greeting", "连接在欢迎信息之前被关闭", codes("net/source-not-allowed"), `
connect → close
`),
		fault("net/inspection-reset", "A box on the way resets on AUTH TLS", "中间设备在 AUTH TLS 时重置连接", codes("net/inspection-reset"), `
tls: explicit
AUTH → reset
`).scheme("ftpes"),
	}
}

func tlsFaults() []Fault {
	list := []Fault{
		fault("tls/required", "The server takes no login without TLS", "服务器要求登录前必须启用 TLS", codes("tls/required", "tls/no-certificate"), `
tls: required
AUTH → 500 AUTH not understood.
`),
		fault("tls/not-offered", "Encryption is asked for and the server has none", "要求加密，但服务器不支持", codes("tls/not-offered", "tls/no-certificate"), ""),
		fault("tls/no-certificate", "The server is set to TLS and has no certificate", "服务器启用了 TLS 但没有证书", codes("tls/no-certificate"), `
AUTH → 431 Unable to accept security mechanism: no certificate.
FEAT → 211-Features:
	raw " AUTH TLS\r\n PBSZ\r\n PROT\r\n EPSV\r\n PASV\r\n"
	211 End
`),
		fault("tls/handshake-stalls", "The server agrees to TLS and then says nothing", "服务器同意 TLS 后不再响应", codes("tls/handshake-stalls"), `
tls: explicit
AUTH → 234 Proceed with negotiation.
	hang
`),
		fault("tls/data-protection-refused", "The server refuses to encrypt data", "服务器拒绝加密数据通道", codes("tls/data-protection-refused"), `
tls: explicit
PROT P → 536 Requested PROT level not supported by mechanism.
`),
		fault("tls/data-session-reuse-required", "Data must resume the control connection's TLS session", "数据通道必须复用控制连接的 TLS 会话", codes("tls/data-session-reuse-required"), `
tls: explicit
session-reuse: required
`),
		fault("tls/cert-expired", "The certificate ended a week ago", "证书一周前已过期", codes("tls/cert-expired"), `
tls: explicit
cert: expired
`),
		fault("tls/cert-not-yet-valid", "The certificate begins in a week", "证书一周后才生效", codes("tls/cert-not-yet-valid"), `
tls: explicit
cert: not-yet
`),
		fault("tls/cert-name-mismatch", "The certificate is for another name", "证书的名称不符", codes("tls/cert-name-mismatch"), `
tls: explicit
cert: wrong-name
`),
		fault("tls/cert-self-signed", "The certificate is self-signed", "证书为自签名", codes("tls/cert-self-signed"), `
tls: explicit
cert: self-signed
`),
		fault("tls/cert-untrusted", "The certificate comes from an unknown authority", "证书由未知机构签发", codes("tls/cert-untrusted"), `
tls: explicit
cert: unknown-ca
`),
		fault("tls/chain-incomplete", "The intermediate certificate is missing", "缺少中间证书", codes("tls/chain-incomplete"), `
tls: explicit
cert: incomplete
`),
		fault("tls/cert-weak-key", "The certificate's key is RSA 1024", "证书使用 1024 位 RSA 弱密钥", codes("tls/cert-weak-key"), `
tls: explicit
cert: weak-key
`),
		fault("tls/version-mismatch", "The server speaks TLS 1.0 only", "服务器仅支持 TLS 1.0", codes("tls/version-too-old", "tls/version-mismatch"), `
tls: explicit
tls-versions: 1.0
`),
		fault("tls/client-cert-required", "The server wants a client certificate", "服务器要求客户端证书", codes("tls/client-cert-required"), `
tls: explicit
client-cert: required
`),
	}
	for i := range list {
		if list[i].Name != "tls/required" {
			list[i] = list[i].scheme("ftpes")
		}
	}
	return append(
		list,
		fault("tls/implicit-expected", "The port expects TLS at once", "该端口要求立即进行 TLS 握手", codes("tls/implicit-expected"), `
tls: implicit
`),
		fault("tls/explicit-expected", "TLS at once, on a port that greets in clear", "在明文端口上直接进行 TLS 握手", codes("tls/explicit-expected"), `
tls: explicit
`).scheme("ftps"),
	)
}

func authFaults() []Fault {
	wrong := fault("auth/rejected", "The password is wrong", "密码错误", codes("auth/rejected"), "")
	wrong.Password = "not-the-password"
	return []Fault{
		wrong,
		fault("auth/anonymous-disabled", "Anonymous login is off", "匿名登录已关闭", codes("auth/anonymous-disabled"), `
anonymous: off
`).guest("/"),
		fault("auth/user-denied", "The account is on the deny list", "账号在拒绝名单中", codes("auth/user-denied"), `
USER → 530 Permission denied.
`),
		fault("auth/chroot-writable", "vsftpd refuses a writable chroot", "vsftpd 拒绝可写的 chroot 根目录", codes("auth/chroot-writable"), `
PASS → 500 OOPS: vsftpd: refusing to run with writable root inside chroot()
	close
`),
		fault("auth/home-missing", "The account's home folder does not exist", "账号的主目录不存在", codes("auth/home-missing"), `
PASS → 500 OOPS: cannot change directory:/home/demo
	close
`),
	}
}

func dataFaults() []Fault {
	list := []Fault{
		fault("data/passive-private-address", "PASV gives a private address behind NAT", "PASV 返回 NAT 后的内网地址", codes("data/passive-private-address"), `
PASV → 227 Entering Passive Mode (10,0,0,5,{p1},{p2}).
`),
		fault("data/passive-bad-address", "PASV gives the address 0.0.0.0", "PASV 返回地址 0.0.0.0", codes("data/passive-bad-address"), `
PASV → 227 Entering Passive Mode (0,0,0,0,{p1},{p2}).
`),
		fault("data/passive-wrong-address", "PASV gives an address that is not the server's", "PASV 返回的不是服务器的地址", codes("data/passive-wrong-address"), `
PASV → 227 Entering Passive Mode (203,0,113,7,{p1},{p2}).
`),
		fault("data/passive-disabled", "The server forbids passive mode", "服务器禁用了被动模式", codes("data/passive-disabled"), `
PASV|EPSV → 550 Permission denied.
`),
		fault("data/epsv-broken", "EPSV names a port that is closed; PASV works", "EPSV 返回的端口未开放，PASV 正常", codes("data/epsv-broken"), `
EPSV → 229 Entering Extended Passive Mode (|||{closed}|)
`),
		fault("data/pasv-broken", "PASV names a port that is closed; EPSV works", "PASV 返回的端口未开放，EPSV 正常", codes("data/pasv-broken"), `
PASV → 227 Entering Passive Mode ({h},{c1},{c2}).
`),
		fault("data/passive-refused", "The passive ports are closed", "被动端口均被拒绝", codes("data/passive-filtered"), `
data: refuse
`),
		fault("data/stalled", "The data connection opens and no byte moves", "数据连接已建立但没有数据", codes("data/stalled"), `
data: stall
`),
		fault("data/active-refused", "The server refuses active mode", "服务器拒绝主动模式", codes("data/active-refused"), `
active: off
`).options("--active"),
		fault("data/active-blocked", "The server can't connect back", "服务器无法回连客户端", codes("data/active-blocked"), `
active: blocked
`).options("--active"),
		fault("data/source-mismatch", "The server takes data from another address than it sees", "数据连接与控制连接的来源地址不一致", codes("data/source-mismatch"), `
LIST|NLST|MLSD|RETR|STOR|APPE → 425 Security: Bad IP connecting.
`),
	}
	if CanDrop {
		list = append(list, fault("data/passive-filtered", "The passive ports are dropped by a firewall", "被动端口被防火墙丢弃", codes("data/passive-filtered"), `
data: drop
`))
	}
	return list
}

func fileFaults() []Fault {
	uploads := []Fault{
		fault("file/permission-denied", "The folder may not be written", "目录没有写入权限", codes("file/permission-denied"), `
STOR|APPE → 550 {arg}: Permission denied
`),
		fault("file/uploads-disabled", "The server is set to read only", "服务器配置为禁止上传", codes("file/uploads-disabled"), `
STOR|APPE|DELE|MKD|RMD|RNFR|RNTO|SITE → 550 Permission denied.
`),
		fault("file/disk-full", "The server's disk is full", "服务器磁盘已满", codes("file/disk-full"), `
STOR|APPE →
	150 Ok to send data.
	receive 65536
	552 Transfer aborted. No space left on device
`),
		fault("file/quota-exceeded", "The account's quota is used up", "账号的磁盘配额已用尽", codes("file/quota-exceeded"), `
STOR|APPE →
	150 Ok to send data.
	receive 65536
	552 Transfer aborted. Disk quota exceeded
`),
		fault("file/name-refused", "The server refuses the file's name", "服务器拒绝该文件名", codes("file/name-refused"), `
STOR|APPE → 553 Prohibited file name: {arg}
`),
		fault("file/corrupted", "Uploads arrive altered", "上传的文件内容被改变", codes("file/corrupted"), `
data: upload corrupt
`),
	}
	for i := range uploads {
		uploads[i] = uploads[i].path("/upload/").options("--op", "upload")
	}
	return append(
		uploads,
		fault("file/not-found", "The file to download does not exist", "要下载的文件不存在", codes("file/not-found"), "").
			path("/pub/missing.bin").options("--op", "download"),
		fault("file/truncated", "Downloads end early, and the server calls them complete", "下载提前结束，服务器却报告完成", codes("file/corrupted"), `
data: download truncate 100000
`).path("/pub/1M.bin").options("--op", "download"),
		fault("client/name-encoding", "File names are GBK, not UTF-8", "文件名使用 GBK 编码，不是 UTF-8", codes("client/name-encoding"), `
without: UTF8
file: "/\xd6\xd0\xce\xc4\xce\xc4\xb5\xb5.txt" "GBK\n"
file: "/\xb2\xc6\xce\xf1\xb1\xa8\xb1\xed.xls" 2048
`),
	)
}

// Hostile lists servers that attack the client: a check of them must end in
// time, within bounded memory, and print nothing that a terminal obeys. Want
// holds the root causes that make sense; empty: the check may say anything.
func Hostile() []Fault {
	return []Fault{
		fault("hostile/endless-greeting", "A greeting without end", "没有结尾的欢迎信息", codes("service/bad-greeting"), `
connect → repeat forever raw "220-still coming\r\n"
`),
		fault("hostile/endless-zeros", "Bytes without end and without a line", "没有换行的无穷数据", codes("service/bad-greeting"), `
connect → repeat forever raw "\x00"
`),
		fault("hostile/drip", "One byte a second", "每秒一个字节", codes("service/bad-greeting", "service/slow-greeting", "service/hung"), `
connect → drip 1s "220-this will take a while, and a while, and then a while more before it ends\r\n220 ready\r\n"
`),
		fault("hostile/huge-line", "A greeting of one huge line", "单行超长的欢迎信息", codes("service/bad-greeting"), `
connect → raw "220 "
	repeat 50000000 raw "A"
	raw "\r\n"
`),
		fault("hostile/nuls", "Control characters in the greeting", "欢迎信息中含控制字符", nil, `
connect → raw "220 re\x00ady\x1b[2J\x1b]0;owned\x07\xff\xfe\r\n"
`),
		fault("hostile/multi-line-end", "A multi-line greeting that ends with another code", "多行欢迎信息以不同代码结束", codes("service/bad-greeting"), `
connect → raw "220-one\r\n221 two\r\n"
`),
		fault("hostile/bare-lf", "Replies end in a bare LF", "应答以单独的 LF 结尾", nil, `
connect → raw "220 ready\n"
`),
		fault("hostile/pasv-six-digits", "PASV with numbers above 255", "PASV 中的数字大于 255", codes("data/passive-bad-address", "data/pasv-broken"), `
PASV → 227 Entering Passive Mode (127,0,0,1,999999,999999)
`),
		fault("hostile/pasv-third-host", "PASV points at a third host", "PASV 指向第三方主机", codes("data/passive-wrong-address"), `
PASV → 227 Entering Passive Mode (192,0,2,80,0,25)
`),
		fault("hostile/epsv-delimiters", "EPSV with odd delimiters", "EPSV 使用异常分隔符", nil, `
EPSV → 229 Entering Extended Passive Mode (!!!{port}!)
`),
		fault("hostile/epsv-garbage", "EPSV without a port", "EPSV 没有端口", codes("data/epsv-broken"), `
EPSV → 229 Entering Extended Passive Mode (|||99999999999|)
`),
		fault("hostile/listing-escapes", "A listing with terminal escape sequences", "目录列表中含终端转义序列", nil, `
LIST|MLSD|NLST → 150 Here comes the directory listing.
	send "-rw-r--r-- 1 a a 1 Jan 1 00:00 \x1b[31mred\x1b]0;owned\x07\r\n-rw-r--r-- 1 a a 1 Jan 1 00:00 ../../etc/passwd\r\n\x00\x00\r\n"
	226 Directory send OK.
`),
		fault("hostile/many-names", "A certificate with ten thousand names", "含一万个名称的证书", nil, `
tls: explicit
cert: many-names
`).scheme("ftpes"),
		fault("hostile/two-replies", "Two replies to each command", "每条命令返回两个应答", nil, `
NOOP|SYST|FEAT|PWD|TYPE → pass
	200 and once more
`),
		fault("hostile/mute-after-login", "Silence after the login", "登录后不再响应", nil, `
PASS → pass
	hang
`),
	}
}

// Find gives the fault of [Faults] or [Hostile] with that name, or with that
// name behind its layer: passive-disabled means data/passive-disabled.
func Find(name string) (Fault, bool) {
	for _, f := range slices.Concat(Faults(), Hostile()) {
		_, short, _ := strings.Cut(f.Name, "/")
		if name != "" && (f.Name == name || short == name) {
			return f, true
		}
	}
	return Fault{}, false
}
