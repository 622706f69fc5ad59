package finding

// phrasesZhSides are the phrases of a report of both sides.
var phrasesZhSides = map[string]string{
	"the server's machine shows nothing of it": "服务器主机上没有这种迹象",
}
