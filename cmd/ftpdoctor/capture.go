package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/capture"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
	"ftpdoctor/internal/transcript"
)

// captureFlags are the flags of capture.
type captureFlags struct {
	format, failOn string
	diagrams       bool
	verbose        int
}

const captureLong = `Reads a recording of packets and names the cause, in the codes of a live check:
what was refused, dropped or reset and by whom, what client and server said to
each other, which data connections were announced and which came about.

FILE is pcap or pcapng, also within gzip, from tcpdump, Wireshark, tshark or
dumpcap; - reads standard input. Read are FTP, FTPS up to where encryption
begins, SSH likewise, HTTP and WebDAV in clear, DNS, ARP and ICMP.

The evidence names packets as Wireshark numbers them: #12 +0.345s is packet 12.
Passwords in the packets are not repeated. Nothing is sent anywhere.

Exit codes: 0 no fault in the capture; 1 a fault; 2 wrong usage; 3 the file is
no capture, or shows no session of a file service.`

const captureLongZh = `读取抓包文件并指出原因，使用与实时检查相同的代码：什么被拒绝、丢弃或重置，由谁所为；
客户端与服务器说了什么；通告了哪些数据连接，哪些真正建立。

FILE 为 tcpdump、Wireshark、tshark 或 dumpcap 产生的 pcap 或 pcapng，也可以是 gzip 压缩的；
- 表示标准输入。可解析 FTP、加密开始之前的 FTPS 与 SSH、明文 HTTP 与 WebDAV、DNS、ARP 和 ICMP。

证据中的包号与 Wireshark 一致：#12 +0.345s 即第 12 号包。包中的密码不会被输出。不向任何地方发送数据。

退出码：0 抓包中没有故障；1 有故障；2 用法错误；3 文件不是抓包，或其中没有文件服务的会话。`

const captureExamples = `  ftpdoctor capture session.pcap
  ftpdoctor capture session.pcapng.gz --diagrams          every session as a sequence diagram
  ftpdoctor capture session.pcap --format html > session.html
  tcpdump -i eth0 -w - host ftp.example.com | ftpdoctor capture -`

const captureExamplesZh = `  ftpdoctor capture session.pcap
  ftpdoctor capture session.pcapng.gz --diagrams          每个会话的时序图
  ftpdoctor capture session.pcap --format html > session.html
  tcpdump -i eth0 -w - host ftp.example.com | ftpdoctor capture -`

func captureFormats() []string { return append(slices.Clone(report.Formats()), "html") }

func newCapture(p *program) *cobra.Command {
	f := &captureFlags{}
	c := &cobra.Command{
		Use:     "capture FILE|-",
		Short:   "Name the cause from recorded packets",
		Long:    captureLong,
		Example: captureExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.capture(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.diagrams, "diagrams", false, "draw each session as a sequence diagram; without it, the first one in which something fails")
	fl.StringVar(&f.format, "format", "text", "output: "+strings.Join(captureFormats(), ", "))
	fl.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from this severity on: notice, warning, error or critical")
	fl.CountVarP(&f.verbose, "verbose", "v", "show every finding, session and piece of evidence in full")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(captureFormats(), cobra.ShellCompDirectiveNoFileComp))
	english := c.HelpFunc()
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		if lang, err := p.language(); err == nil && lang == finding.Chinese {
			c.Short, c.Long, c.Example = "从抓包中找出原因", captureLongZh, captureExamplesZh
		}
		english(c, args)
	})
	return c
}

func (p *program) capture(ctx context.Context, f *captureFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	var least finding.Severity
	if err := least.UnmarshalText([]byte(f.failOn)); err != nil {
		return fmt.Errorf("--fail-on %q: there is notice, warning, error and critical", f.failOn)
	}
	if !slices.Contains(captureFormats(), f.format) {
		return fmt.Errorf("--format %q: there is %s", f.format, strings.Join(captureFormats(), ", "))
	}
	in, closeIn, err := p.packets(args)
	if err != nil {
		return err
	}
	defer closeIn()
	a, err := capture.Read(ctx, in, capture.Options{Words: judgeWords})
	if errors.Is(err, capture.ErrNotCapture) {
		return &exitError{exitUnknown, err}
	}
	if err != nil {
		return err
	}
	r := a.Report()
	if err := p.showCapture(a, r, f, lang); err != nil {
		return err
	}
	return explainExit(r, least)
}

// judgeWords lets explain judge a dialogue.
func judgeWords(dialogue string) []*finding.Finding { return transcript.Explain(dialogue).Findings }

// packets opens what is named.
func (p *program) packets(args []string) (io.Reader, func() error, error) {
	switch {
	case len(args) == 0 && mustBeTyped(p.in):
		return nil, nil, errors.New("no capture is given; name a file, or - for standard input")
	case len(args) == 0 || args[0] == "-":
		return p.in, func() error { return nil }, nil
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, nil, &exitError{exitUsage, err}
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, nil, &exitError{exitUsage, fmt.Errorf("%s is a directory; name a capture in it", args[0])}
	}
	return file, file.Close, nil
}

func (p *program) showCapture(a *capture.Analysis, r *finding.Report, f *captureFlags, lang finding.Lang) error {
	r.Localize(lang)
	o := report.Options{Lang: lang, Verbose: f.verbose, Color: colored(p.out), Width: width(p.out), ASCII: asciiOnly()}
	if f.format == "json" {
		return report.JSONWith(p.out, r, "sessions", a.Sessions(), o)
	}
	v := captureView{a.Sessions(), lang, f}
	if f.format == "html" {
		return v.html(p.out, r)
	}
	if err := p.write([]*finding.Report{r}, f.format, o); err != nil || f.format != "text" {
		return err
	}
	return report.Sections(p.out, v.sections(), o)
}
