package finding

// phrasesZhLog translates the phrases of evidence that comes from logs.
var phrasesZhLog = map[string]string{
	"an address that guesses has logged in as":                                             "猜解密码的地址曾以该用户登录成功",
	"an address that guesses: failed logins, about how many user names, from when to when": "猜解密码的地址：登录失败次数、大约多少个用户名、起止时间",

	"connections with this version and cipher": "使用该版本和套件的连接",

	"how many others there are": "其余数量",

	"logins with a password, and how many of them without TLS": "使用密码的登录，以及其中没有 TLS 的次数",

	"slow transfers of one user": "单个用户的缓慢传输",

	"the last login of that user that succeeded": "该用户最近一次成功登录",
	"the line in the log":                        "日志中的行",

	"transfers of 1 MiB and more, and how many of them ran below 64 KiB/s": "1 MiB 及以上的传输，以及其中低于 64 KiB/s 的次数",

	"who, from where, how often, from when to when": "用户、来源、次数、起止时间",
}
