package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/audit"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
)

// auditFlags are the flags of audit.
type auditFlags struct {
	since, until, user, ip string
	zone, host             string
	format, failOn         string
	follow                 bool
	verbose                int
}

const auditExamples = `  ftpdoctor audit /var/log/vsftpd.log
  ftpdoctor audit /var/log/vsftpd.log*                    with what was rotated away, gzip and zstd too
  ftpdoctor audit /var/log/auth.log --since 24h --user alice
  ftpdoctor audit /var/log/proftpd/*.log --ip 203.0.113.0/24
  journalctl -o json -u ssh | ftpdoctor audit -
  ftpdoctor audit u_ex261123.log --format json
  ftpdoctor audit Security.evtx System.evtx               Windows event logs
  ftpdoctor audit vsftpd.log --format ndjson              every event, for a log store
  ftpdoctor audit --follow /var/log/vsftpd.log            what fails, as it happens`

const auditExamplesZh = `  ftpdoctor audit /var/log/vsftpd.log
  ftpdoctor audit /var/log/vsftpd.log*                    连同已轮转的日志，含 gzip 和 zstd
  ftpdoctor audit /var/log/auth.log --since 24h --user alice
  ftpdoctor audit /var/log/proftpd/*.log --ip 203.0.113.0/24
  journalctl -o json -u ssh | ftpdoctor audit -
  ftpdoctor audit u_ex261123.log --format json
  ftpdoctor audit Security.evtx System.evtx               Windows 事件日志
  ftpdoctor audit vsftpd.log --format ndjson              逐条输出事件，供日志平台使用
  ftpdoctor audit --follow /var/log/vsftpd.log            实时显示出现的故障`

const auditLong = `Reads logs of file servers in one pass and says who fails, why and since when:
failed logins and their causes, guessed passwords and where they come from,
logins in the clear, TLS failures by client, aborted and slow transfers, volume
by user, the busiest hours.

The format is found by the content: vsftpd (its own log and xferlog), ProFTPD
(SystemLog, TransferLog, ExtendedLog, mod_tls, mod_sftp), Pure-FTPd (syslog,
clf, w3c, stats), OpenSSH's sshd and SFTP server, IIS, FileZilla Server; behind
syslog (RFC 3164, RFC 5424), or from journalctl -o json; .evtx files of Windows.
Lines that are not understood are counted and shown.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 a log
could not be read or recognised.`

const auditLongZh = `一次读完文件服务器的日志，指出谁在失败、为什么、从何时开始：登录失败及其原因、
暴力猜解密码及来源、明文登录、按客户端统计的 TLS 失败、中断和缓慢的传输、
各用户的流量、最繁忙的时段。

日志格式按内容识别：vsftpd（自有日志和 xferlog）、ProFTPD（SystemLog、TransferLog、
ExtendedLog、mod_tls、mod_sftp）、Pure-FTPd（syslog、clf、w3c、stats）、OpenSSH 的
sshd 和 SFTP 服务、IIS、FileZilla Server；也可来自 syslog（RFC 3164、RFC 5424）或
journalctl -o json；以及 Windows 的 .evtx 文件。无法理解的行会被计数并显示。

退出码：0 没有达到 --fail-on 的发现，1 有发现，2 用法错误，3 有日志无法读取或识别。`

var auditFormats = []string{"text", "json", "ndjson"}

func newAudit(p *program) *cobra.Command {
	f := &auditFlags{}
	c := &cobra.Command{
		Use:     "audit FILE…",
		Short:   "Read server logs: who fails, why and since when",
		Long:    auditLong,
		Example: auditExamples,
		RunE: func(c *cobra.Command, args []string) error {
			return p.audit(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "", "only what happened since then: 24h, 7d, 2026-11-23, \"2026-11-23 14:00\", RFC 3339")
	fl.StringVar(&f.until, "until", "", "only what happened before that")
	fl.StringVar(&f.user, "user", "", "only this user")
	fl.StringVar(&f.ip, "ip", "", "only this address or network, for example 203.0.113.0/24")
	fl.StringVar(&f.zone, "zone", "", "zone of times that state none, for example Asia/Shanghai or +08:00 (default: this machine's)")
	fl.StringVar(&f.host, "host", "", "name of the server in findings (default: this machine's)")
	fl.BoolVar(&f.follow, "follow", false, "wait for more at the end of the last file, through its rotation")
	fl.StringVar(&f.format, "format", "text", "output: "+strings.Join(auditFormats, ", "))
	fl.StringVar(&f.failOn, "fail-on", "warning", "exit with 1 from this severity on: notice, warning, error, never")
	fl.CountVarP(&f.verbose, "verbose", "v", "show remedies, and every table in full")
	for flag, values := range map[string][]string{"format": auditFormats, "fail-on": {"notice", "warning", "error", "never"}} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	english := c.HelpFunc()
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		if lang, err := p.language(); err == nil && lang == finding.Chinese {
			c.Short, c.Long, c.Example = "分析服务器日志：谁在失败、为什么、从何时开始", auditLongZh, auditExamplesZh
		}
		english(c, args)
	})
	return c
}

// options reads the flags.
func (f *auditFlags) options(now time.Time) (o audit.Options, err error) {
	o = audit.Options{User: f.user, Host: f.host, Now: now, Zone: time.Local}
	if !slices.Contains(auditFormats, f.format) {
		return o, fmt.Errorf("--format %q: there is %s", f.format, strings.Join(auditFormats, ", "))
	}
	if f.zone != "" {
		if o.Zone, err = zoneOf(f.zone); err != nil {
			return o, err
		}
	}
	if o.Since, err = moment(f.since, now, o.Zone); err != nil {
		return o, fmt.Errorf("--since %w", err)
	}
	if o.Until, err = moment(f.until, now, o.Zone); err != nil {
		return o, fmt.Errorf("--until %w", err)
	}
	if !o.Until.IsZero() && o.Until.Before(o.Since) {
		return o, errors.New("--until is before --since")
	}
	if f.ip != "" {
		if a, err := netip.ParseAddr(f.ip); err == nil {
			o.Sources = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		} else if o.Sources, err = netip.ParsePrefix(f.ip); err != nil {
			return o, fmt.Errorf("--ip %q: neither an address nor a network such as 203.0.113.0/24", f.ip)
		}
	}
	if o.Host == "" {
		o.Host, _ = os.Hostname() // findings read well without
	}
	return o, nil
}

// zoneOf reads a zone by its name or its distance from UTC.
func zoneOf(s string) (*time.Location, error) {
	if t, err := time.Parse("-07:00", s); err == nil {
		_, offset := t.Zone()
		return time.FixedZone(s, offset), nil
	}
	if strings.EqualFold(s, "utc") || s == "Z" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(s)
	if err != nil {
		return nil, fmt.Errorf("--zone %q: no such zone; for example Asia/Shanghai or +08:00", s)
	}
	return zone, nil
}

// moment reads a time, or how long ago.
func moment(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: neither a time such as 2026-11-23 or \"2026-11-23 14:00\" nor how long ago such as 24h or 7d", s)
}

// threshold is the severity at which the exit code becomes 1; false: never.
func threshold(s string) (finding.Severity, bool, error) {
	if s == "never" {
		return 0, false, nil
	}
	var severity finding.Severity
	if err := severity.UnmarshalText([]byte(s)); err != nil {
		return 0, false, fmt.Errorf("--fail-on %q: there is notice, warning, error, never", s)
	}
	return severity, true, nil
}

func (p *program) audit(ctx context.Context, f *auditFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	started := time.Now()
	o, err := f.options(started)
	if err != nil {
		return err
	}
	least, fails, err := threshold(f.failOn)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return errors.New("no log is given; name files, or - for standard input")
	}
	inputs, err := p.logs(ctx, args, f.follow)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(p.out, 64<<10)
	runCtx := ctx
	if f.follow { // an interrupt ends the log, not the audit
		runCtx = context.WithoutCancel(ctx)
	}
	var broken error // of the output
	switch {
	case f.format == "ndjson":
		o.Each = func(e *audit.Event) {
			if broken == nil {
				broken = e.WriteECS(out)
			}
		}
		o.Pause = func(*audit.Summary) { _ = out.Flush() } // an error comes again with the next write
	case f.follow:
		o.Pause = p.tellNews(lang)
	}
	s, err := audit.Run(runCtx, inputs, o)
	if err != nil {
		return err
	}
	if f.format == "ndjson" {
		if err := errors.Join(broken, out.Flush()); err != nil {
			return err
		}
	} else if err := p.showAudit(s, o, f, lang, started); err != nil {
		return err
	}
	return verdictOf(s, least, fails, p.err)
}

// verdictOf chooses the exit code.
func verdictOf(s *audit.Summary, least finding.Severity, fails bool, errOut io.Writer) error {
	bad := false
	for _, l := range s.Logs {
		switch {
		case l.Error != "":
			fmt.Fprintf(errOut, "ftpdoctor: %s: %s\n", l.Name, l.Error)
			bad = true
		case l.Lines > 0 && l.Known == 0 && l.Foreign == 0:
			fmt.Fprintf(errOut, "ftpdoctor: %s: not a log of a kind that is read here\n", l.Name)
			bad = true
		}
	}
	if bad {
		return &exitError{code: exitUnknown}
	}
	if fails && slices.ContainsFunc(s.Findings(), func(f *finding.Finding) bool { return f.Severity >= least }) {
		return &exitError{code: exitFindings}
	}
	return nil
}

// logs opens what is named, rotated sets in the order of time.
func (p *program) logs(ctx context.Context, args []string, follow bool) ([]audit.Input, error) {
	var names []string
	for _, a := range args {
		if _, err := os.Lstat(a); err != nil && a != "-" && strings.ContainsAny(a, "*?[") { // no shell has done it
			if found, err := filepath.Glob(a); err == nil && len(found) > 0 {
				names = append(names, found...)
				continue
			}
		}
		names = append(names, a)
	}
	names = audit.InOrder(names)
	inputs := make([]audit.Input, len(names))
	for i, name := range names {
		if name == "-" {
			inputs[i] = audit.Input{Name: "-", Live: true, Open: func() (io.ReadCloser, error) { return io.NopCloser(p.in), nil }}
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, &exitError{exitUsage, err}
		case info.IsDir():
			return nil, &exitError{exitUsage, fmt.Errorf("%s is a directory; name the logs in it", name)}
		}
		inputs[i] = audit.Input{Name: name, Written: info.ModTime(), Open: func() (io.ReadCloser, error) { return os.Open(name) }}
		if follow && i == len(names)-1 {
			inputs[i].Live = true
			inputs[i].Written = time.Now().Add(24 * time.Hour) // what is still to come has this year too
			inputs[i].Open = func() (io.ReadCloser, error) { return follower(ctx, name) }
		}
	}
	return inputs, nil
}

// showAudit writes the summary.
func (p *program) showAudit(s *audit.Summary, o audit.Options, f *auditFlags, lang finding.Lang, started time.Time) error {
	r := &finding.Report{Schema: finding.Schema, Vantage: o.Host, Started: started, DurationS: time.Since(started).Seconds(), Findings: s.Findings()}
	for _, l := range s.Logs {
		c := finding.Check{Name: l.Name, Layer: "host", Outcome: finding.Passed}
		if l.Error != "" || l.Known == 0 && l.Lines > 0 && l.Foreign == 0 {
			c.Outcome = finding.Incomplete
		}
		r.Checks = append(r.Checks, c)
	}
	r.Target = strings.Join(namesOf(s), " ")
	r.Status = statusOf(r)
	r.Localize(lang)
	options := report.Options{Lang: lang, Color: colored(p.out), ASCII: asciiOnly(), Width: width(p.out), Verbose: f.verbose}
	if f.format == "json" {
		return report.JSONWith(p.out, r, "audit", s, options)
	}
	return report.Overview(p.out, auditTitle(s, lang), r, auditSections(s, lang, f.verbose), options)
}

func namesOf(s *audit.Summary) []string {
	var names []string
	for _, l := range s.Logs {
		names = append(names, l.Name)
	}
	return names
}

// statusOf is the status without a root cause: a log tells of many targets.
func statusOf(r *finding.Report) finding.Status {
	worst := finding.Info
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	switch {
	case worst >= finding.Error:
		return finding.Failed
	case slices.ContainsFunc(r.Checks, func(c finding.Check) bool { return c.Outcome == finding.Incomplete }):
		return finding.Unknown
	case worst == finding.Warning:
		return finding.Degraded
	}
	return finding.OK
}

// tellNews prints findings as they appear or grow graver.
func (p *program) tellNews(lang finding.Lang) func(*audit.Summary) {
	told := map[string]finding.Severity{}
	return func(s *audit.Summary) {
		r := &finding.Report{Findings: s.Findings()}
		r.Localize(lang)
		for _, f := range r.Findings {
			key := string(f.Code) + "\x00" + f.Subject
			before, known := told[key]
			if known && before >= f.Severity {
				continue
			}
			told[key] = f.Severity
			var b bytes.Buffer
			fmt.Fprintf(&b, "%s %s: %s – %s (%s)", time.Now().Format("2006-01-02 15:04:05"), f.Severity, f.Title, f.Subject, f.Code)
			fmt.Fprintln(p.out, strings.ToValidUTF8(strings.Map(visible, b.String()), "?"))
		}
	}
}
