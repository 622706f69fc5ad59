package transcript

import (
	"net/url"
	"strconv"
	"strings"

	"ftpdoctor/internal/ftp"
)

// Where secrets stand in what people paste. The first group is the secret.
var secretPlaces = []*pattern{
	expr(`(?i)\b(?:PASS|ACCT|ADAT)['"]?[ :=]+['"]?([^\s'"]+.*?)['"]?(?:\\r\\n)?['"]?$`),
	expr(`(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s]+?)@[^\s@]`),
	expr(`(?i)\b(?:proxy-)?authorization['"]?\s*[:=]\s*['"]?(?:\w+ )?([^\s'",][^'"]*)`),
	expr(`(?i)(?:\b(?:password|passwd|pwd|passphrase|secret|api[_-]?key|access[_-]?key|token)|密码|口令|密碼)['"]?\s*(?:：|=>|[:=：]|is|是|为)\s*['"]?([^\s'",;)]+)`),
	expr(`(?i)(?:^|\s)(?:-u|--user)[ =]['"]?[^\s:'"]+:([^\s'"]+)`),
	expr(`(?i)(?:^|\s)(?:-pw|--password|--ftp-password|--http-password|--pass)[ =]['"]?([^\s'"]+)`),
	expr(`(?i)\bsshpass (?:-p ?)['"]?([^\s'"]+)`),
	expr(`(?i)\blftp\b.*\s-u ['"]?[^\s,'"]+,([^\s'"]+)`),
	expr(`(?i)\b(?:machine|host) .*\bpassword ([^\s]+)`),
	expr(`(?i)^\s*(?:ftp> ?)?(?:quote pass|user \S+) (\S+)\s*$`),
	expr(`(?i)\b(?:set-)?cookie: *[^=;\s]+=([^;\s]+)`),
	expr(`(?i)\blogin\s*\(\s*['"][^'"]*['"]\s*,\s*['"]([^'"]+)['"]`),
	expr(`(?i)\bftp_login\s*\([^,]+,\s*['"][^'"]*['"]\s*,\s*['"]([^'"]+)['"]`),
	expr(`(?i)\bnew Ftp\s*\(\s*(?:['"][^'"]*['"]\s*,\s*)?(?:\d+\s*,\s*)?['"][^'"]*['"]\s*,\s*['"]([^'"]+)['"]`),
	expr(`(?i)\bNetworkCredential\s*\(\s*['"][^'"]*['"]\s*,\s*['"]([^'"]+)['"]`),
}

// keyBlock is the beginning of a private key.
var keyBlock = expr(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`)

const hidden = "****"

// notSecret are words that stand where a secret would and are none.
var notSecret = expr(`(?i)^(?:[*x•.●-]+|required|incorrect|for|prompt|auth\w*|login|accepted|not|yes|no|true|false|null|undefined|none|basic|digest|negotiate|ntlm|failed|\(hidden\)|<hidden>|\[?redacted\]?|password|PASSWORD|\$\{?\w+\}?|%\w+%|<\w+>|错误|command.*|commands?|ok|,+|okay)[.,:;]?$`)

// findSecrets notes what must not be repeated.
func (l *log) findSecrets() {
	seen := map[string]bool{}
	note := func(s string) {
		s = strings.TrimSpace(s)
		if len(s) < 3 || seen[s] || notSecret.MatchString(s) || len(l.secrets) > 200 {
			return
		}
		seen[s] = true
		l.secrets = append(l.secrets, s)
		for _, coded := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
			if plain, err := coded(s); err == nil && plain != s && len(plain) > 2 && !seen[plain] {
				seen[plain] = true
				l.secrets = append(l.secrets, plain)
			}
		}
	}
	inKey := false
	for i, line := range l.lines {
		switch {
		case keyBlock.MatchString(line):
			inKey = true
		case strings.HasPrefix(strings.TrimSpace(line), "-----END"):
			inKey = false
		case inKey:
			note(line)
		}
		if !mayHoldSecret(l.lowered[i]) {
			continue
		}
		for _, place := range secretPlaces {
			for _, m := range place.get().FindAllStringSubmatch(line, 4) {
				note(m[1])
			}
		}
	}
}

func mayHoldSecret(lower string) bool {
	for _, word := range []string{
		"pass", "acct", "adat", "://", "auth", "pwd", "secret", "key", "token", "密码", "口令", "密碼", "-u", "--user", "user ", "cookie", "login", "ftp(", "credential",
	} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// redact takes the secrets out of what is shown.
func (l *log) redact(s string) string {
	s = ftp.RedactCommand(s)
	for _, secret := range l.secrets {
		s = strings.ReplaceAll(s, secret, hidden)
	}
	if m := secretPlaces[1].get().FindStringSubmatchIndex(s); m != nil && s[m[2]:m[3]] != hidden {
		s = s[:m[2]] + hidden + s[m[3]:]
	}
	return s
}

// quote gives a line as evidence: its number, and its words without secrets.
func (l *log) quote(i int) string {
	if i < 0 || i >= len(l.lines) {
		return ""
	}
	s := strings.TrimSpace(l.redact(l.lines[i]))
	if len(l.lines) == 1 {
		return s
	}
	return strconv.Itoa(i+1) + ": " + s
}
