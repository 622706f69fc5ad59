package finding

var phrasesZh = map[string]string{}
