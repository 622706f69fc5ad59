package finding

// phrasesZhHTTP translates the phrases of the checks of HTTP and WebDAV.
var phrasesZhHTTP = map[string]string{}
