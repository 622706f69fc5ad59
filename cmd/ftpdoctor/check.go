package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
	"ftpdoctor/internal/report"
)

// checkFlags are the flags of check, and of demo, which passes them on.
type checkFlags struct {
	options      probe.Options
	format       string
	v4, v6       bool
	verbose      int
	passwordFile string
	targetsFile  string
	record       string
	replay       string
	plan         bool
	parallel     int
	hostAt       string
	jump         string
	hostIdentity []string
}

const checkExamples = `  ftpdoctor check ftp.example.com
  ftpdoctor check ftp://ftp.example.com/pub/              as anonymous
  ftpdoctor check ftpes://alice@ftp.example.com/          TLS required
  ftpdoctor check ftps://alice@ftp.example.com/in/ --op upload
  ftpdoctor check sftp://alice@ftp.example.com/in/ --identity ~/.ssh/upload_key
  ftpdoctor check davs://alice@files.example.com/dav/
  ftpdoctor check ftp://alice@ftp.example.com/ --active
  ftpdoctor check ftp://alice@ftp.example.com/ --host ssh://admin@ftp.example.com
  ftpdoctor check ftp://h/ --format nagios                as a monitoring plugin
  ftpdoctor check --targets servers.txt --format json
  ftpdoctor check ftp://h/ --record fault.rec             keep it for a colleague
  ftpdoctor check --replay fault.rec --lang zh            look at it again, offline`

func newCheck(p *program) *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use:   "check TARGET…",
		Short: "Check servers and name the root cause",
		Long: `Checks each target layer by layer: this machine, the name, the way, the port,
the greeting, TLS, the login, data connections, files. Where something fails,
control experiments tell the cause from those that look the same.

TARGET is ftp://, ftpes:// (explicit TLS required), ftps:// (implicit TLS),
sftp://, davs:// and dav:// (WebDAV; https:// and http:// too), or a bare host,
which is looked at on every usual port. The password comes from
FTPDOCTOR_PASSWORD, --password-file, netrc, the URL, or a prompt; keys from the
agent, ~/.ssh and --identity. Nothing of it is printed or stored, and one login
is tried.

With --host the server's machine is looked at too (see ftpdoctor host --help),
and one root cause is named from both sides.

Exit codes: 0 ok, 1 warnings, 2 failed, 3 unknown or wrong usage.`,
		Example: checkExamples,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return usageAsUnknown(p.check(cmd.Context(), f, args))
		},
	}
	f.register(c)
	fl := c.Flags()
	fl.StringVar(&f.hostAt, "host", "", "look at the server's machine too: ssh://[USER@]SERVER[:PORT], or local")
	fl.StringVar(&f.jump, "jump", "", "with --host: log in to this machine first, and go on from there")
	fl.StringArrayVar(&f.hostIdentity, "host-identity", nil, "with --host: log in there with this private key instead of the agent's and the usual ones")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUnknown, err} })
	return c
}

func (f *checkFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.options.Op, "op", "list", "what the user wants to do: list, download or upload")
	fl.IntVar(&f.options.Size, "size", 256<<10, "size in bytes of the test file of --op upload")
	fl.BoolVar(&f.options.Active, "active", false, "active mode: the server connects to this machine")
	fl.BoolVarP(&f.v4, "ipv4", "4", false, "IPv4 only")
	fl.BoolVarP(&f.v6, "ipv6", "6", false, "IPv6 only")
	fl.BoolVar(&f.options.AllowClearText, "allow-clear-text", false, "let the password cross in clear even where TLS is offered")
	fl.BoolVar(&f.options.AllowUntrusted, "allow-untrusted", false, "send the password also where the certificate does not prove whose server it is")
	fl.StringVar(&f.options.CAFile, "ca-file", "", "trust the certificates of this PEM file too")
	fl.StringArrayVarP(&f.options.Identity, "identity", "i", nil, "SFTP: log in with this private key instead of the agent's and the usual ones; none: with no key")
	fl.StringArrayVar(&f.options.KnownHosts, "known-hosts", nil, "SFTP: compare the host key with this file instead of the user's and the system's")
	fl.DurationVar(&f.options.Timeout, "timeout", 30*time.Second, "bound on the whole check of one target")
	fl.DurationVar(&f.options.Soak, "soak", 0, "leave the control connection idle for so long, and see whether it lives")
	fl.StringVar(&f.format, "format", "text", "output: "+strings.Join(report.Formats(), ", "))
	fl.CountVarP(&f.verbose, "verbose", "v", "show everything that was seen")
	fl.StringVar(&f.passwordFile, "password-file", "", "read the password from the first line of this file")
	fl.StringVar(&f.targetsFile, "targets", "", "read targets from this file, one a line (- for standard input)")
	fl.StringVar(&f.record, "record", "", "keep every step in this file, free of secrets")
	fl.StringVar(&f.replay, "replay", "", "make the diagnosis again from such a file, without a network")
	fl.BoolVar(&f.plan, "plan", false, "print which checks would be made, and make none")
	fl.IntVar(&f.parallel, "parallel", 32, "how many targets are checked at once")
	for flag, values := range map[string][]string{"op": {"list", "download", "upload"}, "format": report.Formats()} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// usageAsUnknown gives wrong usage of check the code that monitoring systems
// expect of a plugin.
func usageAsUnknown(err error) error {
	var exit *exitError
	if err == nil || errors.As(err, &exit) && (exit.err == nil || exit.code != exitUsage) {
		return err
	}
	if exit != nil {
		return &exitError{exitUnknown, exit.err}
	}
	return &exitError{exitUnknown, err}
}

func (f *checkFlags) validate() error {
	switch {
	case !slices.Contains([]string{"list", "download", "upload"}, f.options.Op):
		return fmt.Errorf("--op %q: there is list, download and upload", f.options.Op)
	case !slices.Contains(report.Formats(), f.format):
		return fmt.Errorf("--format %q: there is %s", f.format, strings.Join(report.Formats(), ", "))
	case f.v4 && f.v6:
		return errors.New("-4 and -6 exclude each other; leave both out for both families")
	case f.options.Size < 1 || f.options.Size > 1<<30:
		return errors.New("--size must be from 1 byte to 1 GiB")
	case f.options.Timeout <= 0:
		return errors.New("--timeout must be more than 0, for example 30s")
	case f.options.Soak < 0:
		return errors.New("--soak must not be negative; for example 6m")
	case f.hostAt == "" && (f.jump != "" || len(f.hostIdentity) > 0):
		return errors.New("--jump and --host-identity need --host: the machine to log in to")
	case f.hostAt != "" && f.record != "":
		return errors.New("--record keeps what a check sees from outside; leave --host out")
	case f.parallel < 1:
		return errors.New("--parallel must be at least 1")
	}
	if f.v4 {
		f.options.Family = 4
	}
	if f.v6 {
		f.options.Family = 6
	}
	f.options.Version = version()
	return nil
}

// question is what a recording is asked again.
type question struct {
	Target      string        `json:"target"`
	HasPassword bool          `json:"has_password,omitempty"`
	Options     probe.Options `json:"options"`
}

func (p *program) check(ctx context.Context, f *checkFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	if err := f.validate(); err != nil {
		return err
	}
	if f.replay != "" {
		return p.replay(ctx, f, lang)
	}
	targets, err := f.targets(args, p.in)
	if err != nil {
		return err
	}
	if f.plan {
		return p.printPlan(targets, f, lang)
	}
	if f.record != "" && len(targets) > 1 {
		return errors.New("--record keeps the check of one target; name one")
	}
	reports := make([]*finding.Report, len(targets))
	errs := make([]error, len(targets))
	slots := make(chan struct{}, max(f.parallel, 1))
	live := newProgress(p.err, len(targets), lang)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			reports[i], errs[i] = p.checkOne(ctx, t, f, live.observer(t))
			live.finished()
		})
	}
	wg.Wait()
	live.clear()
	reports = slices.DeleteFunc(reports, func(r *finding.Report) bool { return r == nil }) // interrupted before their turn
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return p.show(reports, f, lang)
}

// checkOne checks one target, live.
func (p *program) checkOne(ctx context.Context, given string, f *checkFlags, tell probe.Observer) (*finding.Report, error) {
	w := observe.Live()
	t, err := observe.ParseTarget(given)
	if bad, ok := errors.AsType[*observe.TargetError](err); ok {
		return p.badTarget(w, bad, f)
	}
	if err != nil {
		return nil, err
	}
	if err := p.credentials(&t, f); err != nil {
		return nil, err
	}
	if f.options.CAFile != "" {
		if _, err := os.Stat(f.options.CAFile); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	save := f.recording(w, t.String(), t.HasPass)
	check := func() *finding.Report { return probe.Run(ctx, w, t, f.options, tell) }
	if f.hostAt == "" {
		rep := check()
		return rep, save()
	}
	way := wayIn{identity: f.hostIdentity, knownHosts: f.options.KnownHosts, jump: f.jump}
	open, err := way.opener(p, f.hostAt)
	if err != nil {
		return nil, err
	}
	rep := lookAtHost(ctx, t, f, open, check)
	return rep, save()
}

func (p *program) badTarget(w *observe.World, bad *observe.TargetError, f *checkFlags) (*finding.Report, error) {
	save := f.recording(w, bad.Given, false)
	rep := probe.BadTarget(w, bad)
	return rep, save()
}

// recording begins to record, where that was asked for; save writes the file.
func (f *checkFlags) recording(w *observe.World, target string, hasPassword bool) (save func() error) {
	if f.record == "" {
		return func() error { return nil }
	}
	rec := w.Record()
	return func() error {
		var buf bytes.Buffer
		if err := rec.Write(&buf, w.Started(), question{target, hasPassword, f.options}); err != nil {
			return err
		}
		if err := os.WriteFile(f.record, buf.Bytes(), 0o600); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
		return nil
	}
}

// replay makes the diagnosis from a recording.
func (p *program) replay(ctx context.Context, f *checkFlags, lang finding.Lang) error {
	file, err := os.Open(f.replay)
	if err != nil {
		return fmt.Errorf("--replay: %w", err)
	}
	defer file.Close()
	w, h, err := observe.Replay(file)
	if err != nil {
		return fmt.Errorf("--replay %s: %w", f.replay, err)
	}
	var q question
	if err := json.Unmarshal(h.Question, &q); err != nil {
		return fmt.Errorf("--replay %s: its question can't be read: %w", f.replay, err)
	}
	t, err := observe.ParseTarget(q.Target)
	if bad, ok := errors.AsType[*observe.TargetError](err); ok {
		return p.show([]*finding.Report{probe.BadTarget(w, bad)}, f, lang)
	}
	if err != nil {
		return fmt.Errorf("--replay %s: %w", f.replay, err)
	}
	if q.HasPassword {
		t.Password, t.HasPass = observe.Hidden, true
	}
	rep := probe.Run(ctx, w, t, q.Options, nil)
	if n := w.Missed(); n > 0 && ctx.Err() == nil {
		return fmt.Errorf("--replay %s: %d steps of the check are not in it; it was cut, or made by another version", f.replay, n)
	}
	return p.show([]*finding.Report{rep}, f, lang)
}

// targets are the arguments and the lines of the file.
func (f *checkFlags) targets(args []string, in io.Reader) ([]string, error) {
	targets := slices.Clone(args)
	if f.targetsFile != "" {
		src := in
		if f.targetsFile != "-" {
			file, err := os.Open(f.targetsFile)
			if err != nil {
				return nil, fmt.Errorf("--targets: %w", err)
			}
			defer file.Close()
			src = file
		}
		b, err := io.ReadAll(io.LimitReader(src, 16<<20))
		if err != nil {
			return nil, fmt.Errorf("--targets: %w", err)
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				targets = append(targets, line)
			}
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("no target is given; for example: ftpdoctor check ftp.example.com")
	}
	return targets, nil
}

func (p *program) printPlan(targets []string, f *checkFlags, lang finding.Lang) error {
	for _, given := range targets {
		t, err := observe.ParseTarget(given)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.out, t.String())
		for i, c := range probe.Plan(t, f.options) {
			asks := finding.Phrase(c.Asks, lang)
			if c.Skipped != "" {
				asks = "– " + finding.Phrase(c.Skipped, lang)
			}
			fmt.Fprintf(p.out, "%3d  %-8s %-10s %s\n", i+1, c.Layer, c.Name, asks)
		}
	}
	return nil
}

// show writes the reports and returns the worst status as an exit code.
func (p *program) show(reports []*finding.Report, f *checkFlags, lang finding.Lang) error {
	worst := finding.OK
	for _, r := range reports {
		if worse(r.Status, worst) {
			worst = r.Status
		}
		r.Localize(lang)
	}
	o := report.Options{Lang: lang, Verbose: f.verbose, Color: colored(p.out), Width: width(p.out), ASCII: asciiOnly()}
	if err := p.write(reports, f.format, o); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if code := worst.ExitCode(); code != exitOK {
		return &exitError{code: code}
	}
	return nil
}

func (p *program) write(reports []*finding.Report, format string, o report.Options) error {
	if format == "json" {
		return report.JSON(p.out, reports, o)
	}
	one := map[string]func(io.Writer, *finding.Report, report.Options) error{
		"text": report.Text, "nagios": report.Nagios, "markdown": report.Markdown,
	}[format]
	if format == "text" && len(reports) > 1 {
		if err := report.Summary(p.out, reports, o); err != nil || o.Verbose == 0 {
			return err
		}
	}
	for _, r := range reports {
		if err := one(p.out, r, o); err != nil {
			return err
		}
	}
	return nil
}

// worse orders statuses: failed is worse than unknown is worse than degraded.
func worse(a, b finding.Status) bool {
	rank := map[finding.Status]int{finding.OK: 0, finding.Degraded: 1, finding.Unknown: 2, finding.Failed: 3}
	return rank[a] > rank[b]
}

func colored(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(n, 100)
		}
	}
	return 80
}

// asciiOnly: the locale says in so many words that it is not UTF-8.
func asciiOnly() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			up := strings.ToUpper(v)
			return up == "C" || up == "POSIX" || strings.Contains(v, ".") && !strings.Contains(up, "UTF-8") && !strings.Contains(up, "UTF8")
		}
	}
	return false
}
