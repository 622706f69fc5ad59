package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/setup"
)

type configFlags struct {
	setup.Options
	tls     string
	passive string
	out     string
	force   bool
	format  string
}

const configLong = `Writes the configuration of a file server as one would wish to find it: TLS
demanded and nothing older than 1.2, sessions limited, users kept in their own
directory, transfers written down; each line below its reason. Beside it stand
the opening of the firewall, the rotation of the log, lines for the unit and a
jail for those who guess passwords, and the commands that remain.

Without --out it is shown; with it the files are written below a directory, to
be compared and copied. Nothing of this machine is changed. What is written is
tried on the real servers: they take it, lint finds nothing in it, check
neither.

Exit codes: 0 written; 2 wrong usage, or a file is there already.`

const configLongZh = `写出理想的文件服务器配置：必须使用 TLS 且不低于 1.2，限制会话数，
用户留在自己的目录中，记录传输；每一行上方都有理由。旁边还有防火墙放行、日志轮转、
服务单元的补充、针对猜测密码者的封禁规则，以及剩余要执行的命令。

没有 --out 时只显示；有 --out 时把文件写到该目录下，以便比较和复制。不改变本机的任何内容。
写出的配置在真实服务器上试过：服务器接受它，lint 和 check 都没有发现问题。

退出码：0 已写出；2 用法错误，或文件已存在。`

const configExamples = `  ftpdoctor config vsftpd --tls /etc/ssl/ftp.crt,/etc/ssl/ftp.key
  ftpdoctor config proftpd --tls /etc/ssl/ftp.crt,/etc/ssl/ftp.key --version 1.3.6
  ftpdoctor config vsftpd --tls CRT,KEY --public-address 203.0.113.9 --passive 50000-50100
  ftpdoctor config sshd --users kim,lee --out ./new
  ftpdoctor config iis --max-clients 200 > ftp-site.txt`

func newConfig(p *program) *cobra.Command {
	f := &configFlags{}
	c := &cobra.Command{
		Use:       "config " + strings.Join(setup.Servers(), "|"),
		Short:     "Write a good configuration for a server",
		Long:      configLong,
		Example:   configExamples,
		Args:      cobra.ExactArgs(1),
		ValidArgs: setup.Servers(),
		RunE:      func(_ *cobra.Command, args []string) error { return p.config(f, args[0]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.tls, "tls", "", "certificate and key on the server: CERTIFICATE,KEY")
	fl.StringVar(&f.passive, "passive", "50000-50100", "ports of data connections")
	fl.StringVar(&f.Public, "public-address", "", "address or name that clients know, where the server is behind NAT")
	fl.StringSliceVar(&f.Users, "users", nil, "who may log in; without it, all accounts that may")
	fl.IntVar(&f.MaxClients, "max-clients", 50, "sessions at once")
	fl.IntVar(&f.MaxPerIP, "max-per-ip", 5, "sessions at once from one address")
	fl.StringVar(&f.Version, "version", "", "version of the server, where it is not that of Debian 12")
	fl.StringVar(&f.out, "out", "", "write the files below this directory")
	fl.BoolVar(&f.force, "force", false, "with --out: overwrite files")
	fl.StringVar(&f.format, "format", "text", "output: text, json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	english := c.HelpFunc()
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		if lang, err := p.language(); err == nil && lang == finding.Chinese {
			c.Short, c.Long = "为服务器写出良好的配置", configLongZh
		}
		english(c, args)
	})
	return c
}

func (p *program) config(f *configFlags, server string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	f.Lang = lang
	if !slices.Contains([]string{"text", "json"}, f.format) {
		return fmt.Errorf("--format %q: there is text and json", f.format)
	}
	if f.tls != "" {
		var ok bool
		if f.Certificate, f.Key, ok = strings.Cut(f.tls, ","); !ok {
			return fmt.Errorf("--tls %q: give the certificate and its key: --tls CERTIFICATE,KEY", f.tls)
		}
	}
	low, high, ok := strings.Cut(f.passive, "-")
	f.PassiveLow, err = strconv.Atoi(low)
	if err == nil {
		f.PassiveHigh, err = strconv.Atoi(high)
	}
	if !ok || err != nil {
		return fmt.Errorf("--passive %q: give a range, as 50000-50100", f.passive)
	}
	set, err := setup.Write(server, f.Options)
	switch {
	case errors.Is(err, setup.ErrUnknownServer):
		return fmt.Errorf("%w; there is %s", err, strings.Join(setup.Servers(), ", "))
	case errors.Is(err, setup.ErrNoTLS):
		return fmt.Errorf("%w; name one that the server has: --tls /etc/ssl/ftp.crt,/etc/ssl/ftp.key", err)
	case err != nil:
		return err
	}
	if f.out != "" {
		return p.writeSet(f, set)
	}
	if f.format == "json" {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(set)
	}
	showSet(p.out, set, lang)
	return nil
}

// showSet prints the files one below the other.
func showSet(w io.Writer, set *setup.Set, lang finding.Lang) {
	for _, f := range set.Files {
		fmt.Fprintf(w, "━━ %s  (%04o)  %s\n\n%s\n", f.Path, f.Mode, f.Why, f.Content)
	}
	heading := "then, as root"
	if lang == finding.Chinese {
		heading = "然后以 root 身份执行"
	}
	fmt.Fprintf(w, "━━ %s\n\n", heading)
	for _, c := range set.Commands {
		fmt.Fprintln(w, "  "+c)
	}
}

// writeSet writes the files below a directory: all of them, or none where one is
// there already.
func (p *program) writeSet(f *configFlags, set *setup.Set) error {
	name := func(file setup.File) string { return filepath.Join(f.out, filepath.FromSlash(file.Path)) }
	for _, file := range set.Files {
		if _, err := os.Lstat(name(file)); !f.force && !errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitUsage, fmt.Errorf("%s is there already; nothing was written (--force overwrites)", name(file))}
		}
	}
	for _, file := range set.Files {
		if err := os.MkdirAll(filepath.Dir(name(file)), 0o755); err != nil {
			return &exitError{exitUsage, err}
		}
		if err := os.WriteFile(name(file), []byte(file.Content), file.Mode); err != nil {
			return &exitError{exitUsage, err}
		}
		fmt.Fprintln(p.out, name(file))
	}
	return nil
}
