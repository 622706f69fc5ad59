package transcript

import (
	"strings"
	"unicode"

	"ftpdoctor/internal/finding"
)

// Where programs quote the name that they could not resolve.
var namePlaces = []*pattern{
	expr(`(?i)getaddrinfo (?:ENOTFOUND|EAI_\w+) ?(\S*)`),
	expr(`(?i)could(?: not|n't) resolve host(?: ?name)?(?: \((?:nil|\w+)\))?:? ?['"“]?([^'"”;]*)`),
	expr(`(?i)UnknownHostException: ?([^\n]*)`),
	expr(`(?i)lookup (\S*?)(?: on \S+)?: no such host`),
	expr(`(?i)(?:remote name could not be resolved|无法解析远程名称)[:：] ?['"“]?([^'"”]*)`),
	expr(`(?i)unknown host:? ?['"]?(\S*)`),
	expr(`(?i)^(?:ftp|sftp|ssh|lftp|tnftp): (?:could not resolve hostname )?(\S+?): (?:Name or service|nodename|No address|Unknown|未知)`),
	expr(`(?i)无法解析主机(?:地址)?[:：“" ]*([^”":：\s]*)`),
	expr(`(?i)could not resolve hostname ([^:]*(?:://[^:]*(?::\d+\S*)?)?): `),
	expr(`(?i)host "([^"]*)" (?:does not exist|not found)`),
}

// placeholders are names that examples and forms hold.
var placeholders = expr(`(?i)^(?:undefined|null|none|nil|host(?:name)?|server(?:name)?|your[-_. ]?\S*|my[-_]?(?:server|host|ftp)|<\S*>?|\$\{?\w*\}?|%\w+%|\{\{?.*|xxx\S*|\*+|secrets\.\S+|ftp_?(?:host|server)|\[?object.*|ip|address|process\.env\S*|\(null\)|example|ftp\.example\.(?:com|org|net)|1\.2\.3\.4|x\.x\.x\.x|域名|主机|服务器\S*|主机地址)$`)

// judgeHost looks at the name itself before DNS is blamed.
func (l *log) judgeHost() []hit {
	for i, line := range l.lines {
		for _, place := range namePlaces {
			m := place.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			name := strings.TrimSpace(strings.TrimRight(m[1], " .,)”"))
			if j := strings.Index(name, " ("); j > 0 {
				name = name[:j]
			}
			if j := strings.Index(name, ": "); j > 0 {
				name = name[:j]
			}
			why := badName(name)
			if why == "" {
				if !strings.Contains(name, ".") && name != "" && !isAddress(name) {
					return []hit{{code: finding.DNSSearchDomain, weight: fits, line: i, what: "a name without a dot is completed with a search domain", alike: alikeName}}
				}
				continue
			}
			l.decoded = append(l.decoded, note{why, l.redact(name)})
			return []hit{{code: finding.ClientBadTarget, weight: names + 1, line: i, what: "the program took this for the server's name", with: map[string]string{"near": mended(name)}}}
		}
	}
	return nil
}

// badName tells why a string can't be a host's name; empty when it can.
func badName(name string) string {
	switch {
	case name == "":
		return ""
	case strings.Contains(name, "://"):
		return "a scheme is part of the name"
	case placeholders.MatchString(strings.Trim(name, `'"`)):
		return "the name is a placeholder"
	case strings.Contains(name, "/") || strings.Contains(name, `\`):
		return "a path is part of the name"
	case strings.ContainsAny(name, " \t"):
		return "a space is part of the name"
	case strings.Contains(name, "@"):
		return "a user is part of the name"
	case portInName.MatchString(name):
		return "a port is part of the name"
	case strings.ContainsFunc(name, wide):
		return "full-width characters are part of the name"
	case strings.Contains(name, "..") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-"):
		return "the name has an empty part"
	}
	return ""
}

var portInName = expr(`^[^:\[\]]+:\d{1,5}$`)

func wide(r rune) bool {
	return unicode.In(r, unicode.Common) && r >= 0xff01 && r <= 0xff5e || r == '。' || r == '：' || r == '\u200b' || r == '\u00a0'
}

// mended is the name without what does not belong.
func mended(name string) string {
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name = name[strings.LastIndexByte(name, '@')+1:]
	name, _, _ = strings.Cut(name, "/")
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimSpace(name)
	if usableHost(name) {
		return name
	}
	return ""
}
