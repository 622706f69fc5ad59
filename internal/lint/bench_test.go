package lint_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/lint"
)

// manyHosts is a ProFTPD configuration of a provider: virtual hosts with users,
// limits and directories, of at least so many bytes.
func manyHosts(hosts, size int) string {
	var b strings.Builder
	b.WriteString("LoadModule mod_tls.c\nServerType standalone\nPort 21\nUser proftpd\nGroup nogroup\nMaxInstances 100\n<Global>\nDefaultRoot ~\n</Global>\n")
	for i := range hosts {
		fmt.Fprintf(&b, "<VirtualHost 10.%d.%d.%d>\n  ServerName \"customer %d\"\n  Umask 022 022\n  <IfModule mod_tls.c>\n    TLSEngine on\n    TLSRequired off\n  </IfModule>\n",
			i>>16, i>>8&255, i&255, i)
		for n := 0; b.Len() < (i+1)*(size/hosts); n++ {
			fmt.Fprintf(&b, "  <Directory /srv/customer%d/dir%d>\n    # the files of project %d\n    AllowOverwrite on\n    <Limit WRITE>\n      AllowUser user%d\n      DenyAll\n    </Limit>\n    <Limit READ>\n      AllowUser other%d\n    </Limit>\n  </Directory>\n", i, n, n, n, n)
		}
		b.WriteString("</VirtualHost>\n")
	}
	return b.String()
}

// BenchmarkLint reads, judges and prints large configurations; time and memory
// grow in proportion.
func BenchmarkLint(b *testing.B) {
	match := func(n int) string {
		return strings.Repeat("Match User a\n  ChrootDirectory /srv/%u\n  ForceCommand internal-sftp\n", n)
	}
	site := "<site name=\"a\" id=\"1\"><bindings><binding protocol=\"ftp\" bindingInformation=\"*:21:\" /></bindings><ftpServer><security><ssl controlChannelPolicy=\"SslAllow\" /></security></ftpServer></site>\n"
	for _, c := range []struct {
		name string
		kind conf.Kind
		src  string
	}{
		{"proftpd/1MiB", conf.ProFTPD, manyHosts(400, 1<<20)},
		{"proftpd/5MiB", conf.ProFTPD, manyHosts(2000, 5<<20)},
		{"sshd/1MiB", conf.SSHD, match(15_000)},
		{"sshd/4MiB", conf.SSHD, match(60_000)},
		{"iis/1MiB", conf.IIS, "<configuration><system.applicationHost><sites>" + strings.Repeat(site, 5000) + "</sites></system.applicationHost></configuration>"},
		{"iis/4MiB", conf.IIS, "<configuration><system.applicationHost><sites>" + strings.Repeat(site, 20_000) + "</sites></system.applicationHost></configuration>"},
		{"vsftpd/4MiB", conf.VSFTPD, strings.Repeat("anonymous_enable=NO\n", 200_000)},
		{"pure-ftpd/4MiB", conf.PureFTPD, strings.Repeat("MaxIdleTime 15\nxyzzy 1\n", 170_000)},
		{"proftpd/unknown", conf.ProFTPD, strings.Repeat("Xyzzy 1\n", 500_000)},
		{"proftpd/ends", conf.ProFTPD, strings.Repeat("<Limit A>\n</IfModule>\n</Global>\n", 60_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				doc, problems := conf.Parse(c.kind, "f", []byte(c.src))
				res := lint.Check(conf.Single(doc), problems)
				if err := lint.Text(io.Discard, res, lint.Style{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
