package setup

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

var full = Options{
	Certificate: "/etc/ssl/ftp.crt", Key: "/etc/ssl/ftp.key", Public: "203.0.113.9", Users: []string{"kim", "lab"}, MaxClients: 40, MaxPerIP: 4, PassiveLow: 40000, PassiveHigh: 40050,
}

// Package lint finds nothing in what is written, in either language.
func TestLintFindsNothing(t *testing.T) {
	for _, lang := range finding.Langs {
		for server, kind := range map[string]conf.Kind{"vsftpd": conf.VSFTPD, "proftpd": conf.ProFTPD, "pure-ftpd": conf.PureFTPD, "sshd": conf.SSHD} {
			for _, o := range []Options{full, {Certificate: full.Certificate, Key: full.Key}} {
				o.Lang = lang
				switch server {
				case "pure-ftpd":
					o.Users = nil
				case "sshd":
					o.Certificate, o.Key, o.Public = "", "", ""
				}
				set, err := Write(server, o)
				if err != nil {
					t.Fatal(err)
				}
				files := map[string]string{}
				for _, f := range set.Files {
					files[f.Path] = f.Content
				}
				main := set.Files[0]
				body := main.Content
				if server == "sshd" { // as sshd_config includes it
					body = "Subsystem sftp internal-sftp\nPermitRootLogin no\n" + body
				}
				read, problems := conf.ParseSet(kind, main.Path, func(string) ([]byte, error) { return []byte(body), nil }, func(string) ([]string, error) { return nil, nil })
				for _, p := range lint.Check(read, problems).Problems {
					if server == "sshd" && p.Pos.Line <= 2 {
						continue // of what is around it
					}
					t.Errorf("%s %s: line %d: %s: %s", server, lang, p.Pos.Line, p.Rule, p.Message(finding.English))
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		server string
		change func(*Options)
		want   string
	}{
		{"vsftpd", func(o *Options) { o.Certificate = "" }, ErrNoTLS.Error()},
		{"vsftpd", func(o *Options) { o.Certificate = "ftp.crt" }, "--tls"},
		{"vsftpd", func(o *Options) { o.Key = "/etc/a\nanonymous_enable=YES" }, "--tls"},
		{"proftpd", func(o *Options) { o.PassiveLow = 21 }, "--passive"},
		{"proftpd", func(o *Options) { o.PassiveHigh = o.PassiveLow + 3 }, "--passive"},
		{"vsftpd", func(o *Options) { o.Public = "a b" }, "--public-address"},
		{"vsftpd", func(o *Options) { o.Users = []string{"kim\nroot"} }, "--users"},
		{"pure-ftpd", func(*Options) {}, "--users"},
		{"sshd", func(*Options) {}, "sshd"},
		{"iis", func(*Options) {}, "--tls"},
		{"vsftpd", func(o *Options) { o.MaxPerIP = 1000 }, "--max-per-ip"},
		{"vsftpd", func(o *Options) { o.Version = "2.3.5" }, "--version"},
		{"wu-ftpd", func(*Options) {}, ErrUnknownServer.Error()},
	} {
		o := full
		c.change(&o)
		if _, err := Write(c.server, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.server, err, c.want)
		}
	}
	if _, err := Write("nothing", full); !errors.Is(err, ErrUnknownServer) {
		t.Error(err)
	}
}

// Each line says why it stands there, and no version gets what it does not know.
func TestEveryLineHasItsReason(t *testing.T) {
	for _, server := range Servers() {
		o := Options{Certificate: full.Certificate, Key: full.Key}
		if server == "sshd" || server == "iis" {
			o.Certificate, o.Key = "", ""
		}
		set, err := Write(server, o)
		if err != nil {
			t.Fatal(err)
		}
		last := ""
		for line := range strings.Lines(set.Files[0].Content) {
			line = strings.TrimSpace(line)
			if server != "iis" && line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "</") && !strings.HasPrefix(last, "#") {
				t.Errorf("%s: %q has no reason", server, line)
			}
			last = line
		}
		if len(set.Commands) == 0 || len(set.Files) == 0 {
			t.Errorf("%s: %+v", server, set)
		}
	}
	old, err := Write("proftpd", Options{Certificate: full.Certificate, Key: full.Key, Version: "1.3.6e"})
	if err != nil || strings.Contains(old.Files[0].Content, "TLSv1.3") {
		t.Error("ProFTPD 1.3.6 does not know TLSv1.3", err)
	}
}

func ExampleWrite() {
	set, _ := Write("vsftpd", Options{Certificate: "/etc/ssl/ftp.crt", Key: "/etc/ssl/ftp.key"})
	for _, f := range set.Files {
		fmt.Println(f.Path)
	}
	// Output:
	// /etc/vsftpd.conf
	// /etc/nftables.d/vsftpd.nft
	// /etc/logrotate.d/vsftpd
	// /etc/systemd/system/vsftpd.service.d/50-file-transfer.conf
	// /etc/fail2ban/jail.d/vsftpd.local
}
