package finding

// phrasesZhSSH translates the phrases of the checks of SSH and SFTP.
var phrasesZhSSH = map[string]string{}
