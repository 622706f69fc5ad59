package lint

import (
	"bytes"
	"path"
	"strings"

	"ftpdoctor/internal/conf"
)

// Usual lists where configurations are found, by system and distribution. A
// directory holds one file per option (Pure-FTPd).
func Usual() []string {
	return []string{
		"/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf", "/usr/local/etc/vsftpd.conf",
		"/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/usr/local/etc/proftpd.conf",
		"/etc/pure-ftpd/conf", "/etc/pure-ftpd/pure-ftpd.conf", "/etc/pure-ftpd.conf", "/usr/local/etc/pure-ftpd.conf",
		"/etc/ssh/sshd_config",
		`C:\Windows\System32\inetsrv\config\applicationHost.config`, `C:\ProgramData\ssh\sshd_config`,
	}
}

// Names are the words by which a user may name a kind, and the kinds.
var Names = map[string]conf.Kind{
	"vsftpd": conf.VSFTPD, "proftpd": conf.ProFTPD, "pure-ftpd": conf.PureFTPD, "pure-ftpd-dir": conf.PureFTPDDir,
	"sshd": conf.SSHD, "openssh": conf.SSHD, "iis": conf.IIS,
}

// Detect finds the kind of a configuration: by the name of the file, then by
// what stands in it.
func Detect(name string, src []byte) (conf.Kind, bool) {
	whole := strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	base := path.Base(whole)
	for _, n := range []struct {
		is   bool
		kind conf.Kind
	}{
		{strings.HasSuffix(path.Dir(whole), "pure-ftpd/conf"), conf.PureFTPDDir},
		{strings.Contains(base, "vsftpd"), conf.VSFTPD},
		{strings.Contains(base, "proftpd") || strings.Contains(whole, "/proftpd/"), conf.ProFTPD},
		{strings.HasPrefix(base, "pure-ftpd") || strings.HasPrefix(base, "pureftpd"), conf.PureFTPD},
		{strings.Contains(base, "sshd_config") || strings.Contains(whole, "/sshd_config.d/"), conf.SSHD},
		{base == "applicationhost.config" || base == "administration.config", conf.IIS},
	} {
		if n.is {
			return n.kind, true
		}
	}
	return byContent(src)
}

// byContent reads the text as each kind, and takes the one that knows most of
// its names: at least half of them.
func byContent(src []byte) (conf.Kind, bool) {
	head := bytes.TrimLeft(bytes.TrimPrefix(src, []byte("\ufeff")), " \t\r\n")
	if bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<configuration")) {
		return conf.IIS, true
	}
	best, most := conf.VSFTPD, 0
	for _, k := range []conf.Kind{conf.VSFTPD, conf.SSHD, conf.ProFTPD, conf.PureFTPD} {
		t := map[conf.Kind]*table{conf.VSFTPD: vsftpdKnown(), conf.SSHD: sshdKnown(), conf.ProFTPD: proftpdKnown(), conf.PureFTPD: pureftpdKnown()}[k]
		doc, _ := conf.Parse(k, "", src)
		all, knows := 0, 0
		for d := range doc.All() {
			all++
			if _, ok := t.find(d.Name); ok || d.Section {
				knows++
			}
		}
		if knows > most && 2*knows >= all {
			best, most = k, knows
		}
	}
	return best, most > 0
}
