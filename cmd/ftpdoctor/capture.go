package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/capture"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
	"ftpdoctor/internal/transcript"
)

// captureFlags are the flags of capture.
type captureFlags struct {
	device, write string // record from an interface, and keep the packets
	ports         []int
	span, ring    time.Duration
	untilFault    bool
	other         string // a capture of the same sessions from the other side

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
no capture, or shows no session of a file service; 5 recording needs a privilege.`

const captureLongZh = `读取抓包文件并指出原因，使用与实时检查相同的代码：什么被拒绝、丢弃或重置，由谁所为；
客户端与服务器说了什么；通告了哪些数据连接，哪些真正建立。

FILE 为 tcpdump、Wireshark、tshark 或 dumpcap 产生的 pcap 或 pcapng，也可以是 gzip 压缩的；
- 表示标准输入。可解析 FTP、加密开始之前的 FTPS 与 SSH、明文 HTTP 与 WebDAV、DNS、ARP 和 ICMP。

证据中的包号与 Wireshark 一致：#12 +0.345s 即第 12 号包。包中的密码不会被输出。不向任何地方发送数据。

退出码：0 抓包中没有故障；1 有故障；2 用法错误；3 文件不是抓包，或其中没有文件服务的会话；
5 录制需要权限。`

const captureExamples = `  ftpdoctor capture session.pcap
  ftpdoctor capture session.pcapng.gz --diagrams          every session as a sequence diagram
  ftpdoctor capture session.pcap --format html > session.html
  tcpdump -i eth0 -w - host ftp.example.com | ftpdoctor capture -
  ftpdoctor capture -i eth0 --for 60s                     record, and judge (Linux, root)
  ftpdoctor capture -i any --until-fault --ring 60s --write fault.pcap
  ftpdoctor capture client.pcap --other server.pcap       where packets died between the two`

const captureExamplesZh = `  ftpdoctor capture session.pcap
  ftpdoctor capture session.pcapng.gz --diagrams          每个会话的时序图
  ftpdoctor capture session.pcap --format html > session.html
  tcpdump -i eth0 -w - host ftp.example.com | ftpdoctor capture -
  ftpdoctor capture -i eth0 --for 60s                     抓包并判断（Linux，root）
  ftpdoctor capture -i any --until-fault --ring 60s --write fault.pcap
  ftpdoctor capture client.pcap --other server.pcap       报文在两者之间何处丢失`

func captureFormats() []string { return append(slices.Clone(report.Formats()), "html") }

func newCapture(p *program) *cobra.Command {
	f := &captureFlags{}
	c := &cobra.Command{
		Use:     "capture FILE|-|-i INTERFACE",
		Short:   "Name the cause from recorded packets",
		Long:    captureLong,
		Example: captureExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.capture(c.Context(), f, args)
		},
	}
	fl := c.Flags()
	fl.StringVarP(&f.device, "interface", "i", "", "record from this interface (Linux, root), any for all; Ctrl-C ends it")
	fl.DurationVar(&f.span, "for", 0, "with -i: record for so long, for example 60s")
	fl.DurationVar(&f.ring, "ring", 0, "with -i and --write: keep only so much of the past, for example 60s")
	fl.BoolVar(&f.untilFault, "until-fault", false, "with -i: end the recording when a fault shows")
	fl.IntSliceVar(&f.ports, "port", nil, "with -i: a further port of a file service, recorded whole")
	fl.StringVar(&f.write, "write", "", "with -i: keep the packets in this file, as pcap")
	fl.StringVar(&f.other, "other", "", "a capture of the same sessions from the server's side: where packets died or were changed")
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
	if err := f.agree(args); err != nil {
		return err
	}
	o := capture.Options{Words: judgeWords, Align: f.other != ""}
	var a *capture.Analysis
	if f.device != "" {
		a, err = p.record(ctx, f, o)
	} else {
		a, err = p.readCapture(ctx, args, o)
	}
	if err != nil {
		return err
	}
	var al *capture.Alignment
	if f.other != "" {
		b, err := p.readCapture(ctx, []string{f.other}, o)
		if err != nil {
			return err
		}
		if al = a.Align(b); al == nil {
			return &exitError{exitUnknown, fmt.Errorf("%s and %s have no connection in common", args[0], f.other)}
		}
	}
	r := a.Report()
	if al != nil {
		al.Apply(r)
	}
	if err := p.showCapture(a, al, r, f, lang); err != nil {
		return err
	}
	return explainExit(r, least)
}

// agree refuses flags that do not go together.
func (f *captureFlags) agree(args []string) error {
	switch {
	case f.device != "" && len(args) > 0:
		return errors.New("either a file or -i, not both")
	case f.device == "" && (f.span != 0 || f.ring != 0 || f.untilFault || f.write != "" || len(f.ports) > 0):
		return errors.New("--for, --ring, --until-fault, --port and --write go with -i")
	case f.ring != 0 && f.write == "":
		return errors.New("--ring says how much of the past --write keeps: give both")
	case f.other != "" && (len(args) == 0 || args[0] == "-"):
		return errors.New("--other compares two files; name the client's as FILE")
	case f.span < 0 || f.ring < 0:
		return errors.New("--for and --ring are not negative")
	}
	for _, p := range f.ports {
		if p < 1 || p > 65535 {
			return fmt.Errorf("--port %d: ports go from 1 to 65535", p)
		}
	}
	return nil
}

func (p *program) readCapture(ctx context.Context, args []string, o capture.Options) (*capture.Analysis, error) {
	in, closeIn, err := p.packets(args)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeIn() }() // it was only read
	a, err := capture.Read(ctx, in, o)
	if errors.Is(err, capture.ErrNotCapture) {
		return nil, &exitError{exitUnknown, err}
	}
	return a, err
}

// record listens to an interface until something ends it. Packets hold
// passwords: what is kept is for its owner alone.
func (p *program) record(ctx context.Context, f *captureFlags, o capture.Options) (a *capture.Analysis, err error) {
	l := capture.LiveOptions{Interface: f.device, For: f.span, UntilFault: f.untilFault, Ring: f.ring}
	for _, port := range f.ports {
		l.Ports = append(l.Ports, uint16(port))
	}
	if f.write != "" {
		file, err := os.OpenFile(f.write, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		l.Keep = file
	}
	stopped, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.span == 0 && isTerminal(p.err) {
		fmt.Fprintln(p.err, "recording; Ctrl-C ends it and shows what was seen")
	}
	a, err = capture.Live(stopped, l, o)
	switch {
	case errors.Is(err, capture.ErrNoPrivilege):
		return nil, &exitError{exitRefused, err}
	case errors.Is(err, capture.ErrNotSupported):
		return nil, &exitError{exitUnknown, err}
	}
	return a, err
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

func (p *program) showCapture(a *capture.Analysis, al *capture.Alignment, r *finding.Report, f *captureFlags, lang finding.Lang) error {
	r.Localize(lang)
	o := report.Options{Lang: lang, Verbose: f.verbose, Color: colored(p.out), Width: width(p.out), ASCII: asciiOnly()}
	if f.format == "json" {
		if al != nil {
			return report.JSONWith(p.out, r, "capture", map[string]any{"sessions": a.Sessions(), "alignment": al}, o)
		}
		return report.JSONWith(p.out, r, "sessions", a.Sessions(), o)
	}
	v := captureView{a.Sessions(), lang, f}
	if f.format == "html" {
		return v.html(p.out, r)
	}
	if err := p.write([]*finding.Report{r}, f.format, o); err != nil || f.format != "text" {
		return err
	}
	sections := v.sections()
	if al != nil {
		sections = append([]report.Section{v.alignment(al)}, sections...)
	}
	return report.Sections(p.out, sections, o)
}
