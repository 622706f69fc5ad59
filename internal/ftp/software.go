package ftp

import (
	"bytes"
	"regexp"
	"strings"
)

// product is how one server names itself. The pattern's first group, when there
// is one and it matched, is the version.
type product struct {
	name    string
	pattern *regexp.Regexp
}

func says(name, pattern string) product {
	return product{name, regexp.MustCompile("(?i)" + pattern)}
}

// version begins with a digit; "v" and "version" before it are passed over.
const version = `(?:[ /_-]*\(?(?:version|ver\.?|v\.?)?[ _]?([0-9]+(?:\.[0-9a-z]+)*(?:[-_+~]?(?:rc|beta|alpha|p|pre)[0-9]*)?))?`

// greetings are the words that servers say of themselves, first match wins:
// those built upon another server stand before it.
var greetings = []product{
	says("QNAP", `NASFTPD Turbo station`+version),
	says("Synology", `(?:Synology|DiskStation|RackStation)[^\r\n]{0,40}FTP server ready`),
	says("vsFTPd", `\bvsftpd\b`+version),
	says("ProFTPD", `\bProFTPD\b`+version),
	says("Pure-FTPd", `\bPure-?FTPd\b`+version),
	says("pyftpdlib", `\bpyftpdlib\b`+version),
	says("FileZilla Server", `\bFileZilla Server\b(?: version)?`+version),
	says("Microsoft FTP Service", `\bMicrosoft FTP Service\b`+version),
	says("GNU inetutils", `\bGNU inetutils\b`+version),
	says("wu-ftpd", `\bVersion wu-([0-9][0-9.]*)`),
	says("wu-ftpd", `\bwu-?ftpd\b`+version),
	says("Linux-ftpd", `\bLinux-ftpd-([0-9][0-9.]*)`),
	says("tnftpd", `\btnftpd\b`+version),
	says("NetBSD-ftpd", `\bNetBSD-ftpd\b`+version),
	says("SFTPGo", `\bSFTPGo\b`+version),
	says("CrushFTP", `\bCrushFTP\b`+version),
	says("Serv-U", `\bServ-U\b(?: FTP[ -]Server)?(?: v| version )?`+version),
	says("WS_FTP Server", `\bWS_FTP Server\b`+version),
	says("Xlight FTP", `\bXlight(?: FTP)?(?: Server)?`+version),
	says("Gene6 FTP Server", `\b(?:Gene6|G6) FTP Server\b`+version),
	says("Titan FTP Server", `\bTitan FTP Server\b`+version),
	says("Cerberus FTP Server", `\bCerberus FTP Server\b`+version),
	says("glFTPd", `\bglFTPd\b`+version),
	says("bftpd", `\bbftpd\b`+version),
	says("Apache FtpServer", `\bApache FtpServer\b`+version),
	says("Wing FTP Server", `\bWing FTP Server\b`+version),
	says("CompleteFTP", `\bComplete ?FTP\b`+version),
	says("Core FTP Server", `\bCore FTP Server\b`+version),
	says("GlobalSCAPE EFT", `\b(?:GlobalSCAPE|EFT Server)\b[^\r\n0-9]{0,40}`+version),
	says("zFTPServer", `\bzFTPServer\b`+version),
	says("freeFTPd", `\bfreeFTPd\b`+version),
	says("SlimFTPd", `\bSlimFTPd\b`+version),
	says("TYPSoft FTP Server", `\bTYPSoft FTP Server\b`+version),
	says("3CDaemon", `\b3CDaemon\b[^\r\n0-9]{0,20}`+version),
	says("War-FTPD", `\bWar-?FTPD\b`+version),
	says("Rumpus", `\bRumpus\b`+version),
	says("Quick 'n Easy FTP Server", `\bQuick 'n Easy FTP Server\b`+version),
	says("NcFTPd", `\bNcFTPd\b`+version),
	says("Twisted", `\bTwisted\b`+version),
	says("rclone", `\bRclone\b`+version),
	says("MikroTik", `\bMikroTik FTP server(?: \(MikroTik)?`+version),
	says("VxWorks", `\bVxWorks\b`+version),
	says("IBM z/OS FTP", `\bIBM FTP CS\b ?(V[0-9]+R[0-9]+)?`),
	says("IBM i FTP", `\bQTCP at\b`),
	says("SunOS ftpd", `\bFTP server \(SunOS`+version),
	says("OpenBSD ftpd", `\bFTP server \(Version`+version+`/OpenBSD`),
	says("FreeBSD ftpd", `\bFTP server \(Version ([0-9.]+)LS\)`),
	says("HP JetDirect", `\bJD FTP Server Ready`),
	says("BusyBox ftpd", `^(?:220 )?Operation successful\s*$`),
}

// systs and helps are what servers let slip in the replies to SYST and HELP
// when their greeting is silent.
var (
	systs = []product{
		says("Apache FtpServer", `\bApache FtpServer\b`+version),
		says("Microsoft FTP Service", `^Windows_NT\b`),
		says("FileZilla Server", `\bemulated by FileZilla\b`),
		says("IBM z/OS FTP", `\bMVS is the operating system`),
		says("IBM i FTP", `\bOS/400 is the remote operating system`),
		says("CrushFTP", `\bCrushFTP\b`+version),
	}
	helps = []product{
		says("Pure-FTPd", `\bPure-?FTPd\b`+version),
		says("ProFTPD", `\bProFTPD\b`+version),
		says("vsFTPd", `(?s)^The following commands are recognized\.\s+ABOR ACCT ALLO APPE CDUP.*Help OK\.`),
		says("pyftpdlib", `\bpyftpdlib\b`+version),
		says("FileZilla Server", `\bFileZilla\b`+version),
	}
)

// maxWords bounds what is searched of each text.
const maxWords = 16 << 10

// Software names the server and its version by what it says: the text of the
// greeting and, where known, of the replies to SYST and HELP, without codes. Both
// are empty when unknown; often the version alone is. What a server says can be
// set by its administrator, so it is a hint and no proof.
func Software(greeting, syst, help string) (name, version string) {
	for _, source := range []struct {
		text     string
		products []product
	}{{greeting, greetings}, {syst, systs}, {help, helps}} {
		if source.text == "" {
			continue
		}
		text := source.text[:min(len(source.text), maxWords)]
		for _, p := range source.products {
			m := p.pattern.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			if len(m) > 1 {
				version = m[1]
			}
			return p.name, version
		}
	}
	return "", ""
}

// Protocol names what a peer speaks by the first bytes that it sent: ftp, smtp,
// ssh, http, tls, pop3, imap, nntp, rfb, mysql, telnet, text or binary; empty when nothing
// came. SMTP and NNTP answer with codes like those of FTP and are known by their words.
func Protocol(first []byte) string {
	text := bytes.TrimLeft(first, "\r\n \t")
	if len(text) == 0 {
		return ""
	}
	for _, m := range []struct{ prefix, protocol string }{
		{"SSH-", "ssh"},
		{"HTTP/", "http"},
		{"<!DOCTYPE", "http"},
		{"<html", "http"},
		{"+OK", "pop3"},
		{"* OK", "imap"},
		{"* BYE", "imap"},
		{"RFB 0", "rfb"},
	} {
		if len(text) >= len(m.prefix) && bytes.EqualFold(text[:len(m.prefix)], []byte(m.prefix)) {
			return m.protocol
		}
	}
	switch c := text[0]; {
	case (c == 0x15 || c == 0x16) && len(text) > 1 && text[1] == 3:
		return "tls"
	case len(text) > 5 && text[3] == 0 && text[4] == 10 && isDigit(text[5]): // protocol 10 of MySQL
		return "mysql"
	case c == iac && len(text) > 1 && text[1] > sb:
		if rest := bytes.TrimLeft(stripTelnet(text), "\r\n "); len(rest) > 0 && rest[0] != iac {
			if p := Protocol(rest); p == "ftp" || p == "smtp" {
				return p
			}
		}
		return "telnet"
	}
	line, _, _ := strings.Cut(string(text[:min(len(text), 512)]), "\n")
	if code, _, words, ok := splitCode(strings.TrimRight(line, "\r")); ok && code >= 100 && code <= 599 {
		upper := strings.ToUpper(words)
		switch {
		case strings.Contains(upper, "SMTP"):
			return "smtp"
		case (code == 200 || code == 201) && (strings.Contains(upper, "NNTP") || strings.Contains(upper, "NEWS") || strings.Contains(upper, "INN")):
			return "nntp"
		}
		return "ftp"
	}
	for _, c := range line {
		if c < ' ' && c != '\t' && c != '\r' && c != 0x1B {
			return "binary"
		}
	}
	return "text"
}
