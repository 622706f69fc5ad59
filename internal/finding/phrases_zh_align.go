package finding

// phrasesZhAlign are the phrases of two captures that are compared.
var phrasesZhAlign = map[string]string{
	"the capture at the client":                                                                                "客户端的抓包",
	"the capture at the server":                                                                                "服务器端的抓包",
	"the client sends a SYN":                                                                                   "客户端发出了 SYN",
	"the SYN does not arrive":                                                                                  "SYN 没有到达",
	"somebody else answers in the server's name":                                                               "有设备以服务器的名义应答",
	"the SYN arrives at the server":                                                                            "SYN 到达了服务器",
	"the server does not answer":                                                                               "服务器没有应答",
	"the server answers, and the answer does not come back":                                                    "服务器作了应答，但应答没有返回",
	"a packet arrives that the side whose address it bears never sent":                                         "收到一个报文，其源地址所属的一方从未发送过它",
	"segments of this size are sent and never arrive":                                                          "这种大小的报文段发出后始终没有到达",
	"the largest segment that arrives":                                                                         "能够到达的最大报文段",
	"bytes that are lost between the two captures":                                                             "在两处抓包之间丢失的字节数",
	"a filter between the two captures drops what comes to this port":                                          "两处抓包之间的防火墙丢弃发往该端口的报文",
	"a router between the two captures drops everything for this host":                                         "两处抓包之间的路由器丢弃发往该主机的所有报文",
	"the server's own packet filter drops it":                                                                  "服务器自身的防火墙将其丢弃",
	"the program accepts no more connections and its queue is full":                                            "程序不再接受连接，监听队列已满",
	"answers leave the server by another way and are dropped there":                                            "应答从另一条路径离开服务器，并在途中被丢弃",
	"a filter on the way back drops the answers":                                                               "返回路径上的防火墙丢弃了应答",
	"on the server: look at the listen queue (ss -ltn) and at the packet filter (nft list ruleset)":            "在服务器上：查看监听队列（ss -ltn）和防火墙规则（nft list ruleset）",
	"on the server: which way do answers take (ip route get), and is that the way on which the questions came": "在服务器上：查看应答走哪条路径（ip route get），是否与请求到来的路径相同",
	"from where the client's capture was made: ftpdoctor check {target}, which tries other ports of the host":  "在客户端抓包的机器上运行：ftpdoctor check {target}，它会尝试该主机的其他端口",
}
