package probe

import (
	"regexp"
	"strings"

	"ftpdoctor/internal/finding"
)

// Servers word the same refusal in many ways. A saying is a pattern of such a
// text, in the words of the servers that were read or tried, and its cause.
type saying struct {
	re    *regexp.Regexp
	cause *finding.Def
}

func say(pattern string, cause *finding.Def) saying {
	return saying{regexp.MustCompile(`(?i)` + pattern), cause}
}

func match(sayings []saying, text string) *finding.Def {
	for _, s := range sayings {
		if s.re.MatchString(text) {
			return s.cause
		}
	}
	return nil
}

// serverSayings can stand in any reply that ends or refuses a session. The
// more special pattern stands first.
var serverSayings = []saying{
	say(`OOPS:.*(refusing to run with writable root|writable root inside chroot)`, finding.AuthChrootWritable),
	say(`OOPS:.*cannot change directory`, finding.AuthHomeMissing),
	say(`OOPS:.*(cannot read user list|userlist|unrecognised variable|config|cannot open|missing value|bad bool|not found|cannot locate user specified|vsf_sysutil_recv_peek|priv_sock|run two copies)`, finding.ServiceAborts),
	say(`^500 OOPS`, finding.ServiceAborts),
	say(`users? \(the maximum\)`, finding.ServiceTooManyConnections),
	say(`(too many|maximum|limit|only \d+|more than \d+).*(from|per|your)[^.]*(IP|address|host|machine)|(IP|host|address).*(too many|maximum|limit)`, finding.ServiceTooManyFromSource),
	say(`too many (connections|sessions|logins).*(this|for|per|your) (user|account|login|name)|(user|account).*(too many|maximum|limit)|maximum number of (clients|connections|logins).*(this user|this account|user)`, finding.ServiceTooManyForUser),
	say(`too many (users|connections|clients|sessions)|maximum (number|login|client|user|connection|allowed)|users? \(the maximum\)|connections? limit|sessions? limit|server (is )?(full|busy)|maximum.*reached|already logged in|there are too many connected|login limit`, finding.ServiceTooManyConnections),
	say(`shutting? ?down|shut down|maintenance|temporarily (unavailable|disabled|closed)|service (is )?not available|not ready|try again later|server (is )?(off|down)|closing control`, finding.ServiceUnavailable),
}

// loginSayings are for the replies to USER and PASS.
var loginSayings = []saying{
	say(`(must|have to|need to|please|should).*(use|enable).*(TLS|SSL|encrypt|secure)|(TLS|SSL|encryption|secure connection|AUTH).*(required|mandatory|is needed|first)|non-anonymous sessions must use encryption|policy requires SSL|cleartext sessions are not accepted|not allowed.*(plain|clear|unencrypted)|(plain|clear|unencrypted).*(not|disabled|forbidden|rejected)`, finding.TLSRequired),
	say(`(one[- ]time|OTP|verification code|second factor|two[- ]factor|token code|authenticator|challenge|passcode)`, finding.AuthSecondFactorRequired),
	say(`password (has |is )?(been )?(expired|aged)|expired password|change your password|password must be changed`, finding.AuthPasswordExpired),
	say(`account (has |is )?(been )?expired|expired account`, finding.AuthAccountExpired),
	say(`account (has |is )?(been )?(currently )?(locked|disabled|suspended|deactivated)|(locked|disabled|suspended) account|user (is )?disabled`, finding.AuthAccountLocked),
	say(`home directory (inaccessible|not available|does not exist|not found)|(cannot|can't|unable to|could not|couldn't|failed to) (access|change|chdir|cd|enter|find|set).*(home|directory|root)|no such home|home dir`, finding.AuthHomeMissing),
	say(`(user|account|login).*(access )?(denied|not allowed|not permitted|forbidden|refused|unwelcome)|(may|can) not (use|access).*ftp|not on the allow`, finding.AuthUserDenied),
	say(`anonymous.*(not|disabled|only|unavail|denied|off)|no anonymous|can't do anonymous|only (regular|registered)`, finding.AuthAnonymousDisabled),
	say(`banned|blacklist|blocked|black list`, finding.AuthBanned),
}

// fileSayings are for the replies to commands that read and write files.
var fileSayings = []saying{
	say(`quota|allocation exceeded|exceeded storage|storage allocation`, finding.FileQuotaExceeded),
	say(`no space|disk (is )?full|not enough (disk )?space|insufficient (disk |storage )?space|out of space|device full|filesystem full|磁盘(空间)?(已满|不足)`, finding.FileDiskFull),
	say(`read[- ]only (file ?system|filesystem|volume|mode)|EROFS|只读`, finding.FileReadOnly),
	say(`(already )?exists|overwrite|cannot replace|not overwrit|existing file|APPE/STOU`, finding.FileOverwriteDenied),
	say(`(illegal|invalid|forbidden|bad|disallowed|not allowed|prohibited) (file ?name|filename|name|path|character)|(file ?name|filename|name) (is )?(illegal|invalid|forbidden|not allowed|denied|too long|contains)|name not allowed|forbidden filename|prohibited file`, finding.FileNameRefused),
	say(`being used by another|in use|locked|resource busy|text file busy|sharing violation|being (uploaded|downloaded)`, finding.FileLocked),
	say(`upload(s|ing)? (is |are )?(disabled|not allowed|denied|forbidden|not permitted)|anonymous users (can't|cannot|may not) upload|write (access )?(disabled|not enabled)|command (is )?disabled|not allowed to (store|upload|write)|STOR.*(disabled|not allowed)`, finding.FileUploadsDisabled),
	say(`no such file|not found|does not exist|doesn't exist|cannot find|can't find|couldn't find|no such directory|找不到|不存在|failed to open file`, finding.FileNotFound),
	say(`permission|access (is )?denied|not authori[sz]ed|not permitted|权限|拒绝访问|could not create file|operation not permitted|prohibited|forbidden`, finding.FilePermissionDenied),
}

// dataSayings are for the replies that speak of the data connection.
var dataSayings = []saying{
	say(`session (re-?use|resum)|reuse.*session|(SSL|TLS) (session )?.*(reuse|resumption)|must resume|use session resumption`, finding.TLSDataSessionReuseRequired),
	say(`(protection|PROT|TLS|SSL|encrypt).*(required|must|needed|denied|not (supported|allowed))|data connections? must be encrypted|clear data`, finding.TLSDataProtectionRefused),
	say(`(possible )?(port theft|hijack)|security: bad ip|bad ip connecting|not the same|(foreign|other|different|wrong) (ip )?(address|host)|address mismatch|IP.*(mismatch|differ)|won't open a connection to|will not open`, finding.DataSourceMismatch),
	say(`priv_sock_get_int|vsf_sysutil_bind`, finding.DataPortsExhausted),
	say(`no (free|available|unused) (ports?|port)|unable to (find|bind|allocate).*port|cannot (find|bind|allocate).*port|address already in use|ports? exhausted|vsf_sysutil_bind|out of ports`, finding.DataPortsExhausted),
}

// protocolOf names the protocol that speaks these first bytes; empty: FTP, or unknown.
func protocolOf(first string) string {
	up := strings.ToUpper(firstLine(first))
	switch {
	case strings.HasPrefix(first, "SSH-"):
		return "SSH"
	case strings.HasPrefix(up, "HTTP/"), strings.HasPrefix(up, "<!DOCTYPE"), strings.HasPrefix(up, "<HTML"):
		return "HTTP"
	case len(first) > 2 && (first[0] == 0x15 || first[0] == 0x16) && first[1] == 3:
		return "TLS"
	case strings.HasPrefix(up, "220") && (strings.Contains(up, "SMTP") || strings.Contains(up, "POSTFIX") || strings.Contains(up, "EXIM") || strings.Contains(up, "SENDMAIL")):
		return "SMTP"
	case strings.HasPrefix(up, "+OK"):
		return "POP3"
	case strings.HasPrefix(up, "* OK"):
		return "IMAP"
	case strings.HasPrefix(first, "RFB "):
		return "VNC"
	case strings.HasPrefix(first, "\xff\xfb"), strings.HasPrefix(first, "\xff\xfd"):
		return "Telnet"
	case len(first) > 4 && first[3] == 0 && (first[4] == 0x0a || first[4] == 0xff):
		return "MySQL"
	case strings.HasPrefix(up, "@RSYNCD:"):
		return "rsync"
	}
	return ""
}
