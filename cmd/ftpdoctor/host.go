package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/host"
	"ftpdoctor/internal/machine"
	"ftpdoctor/internal/report"
)

// wayIn are the flags that say how to get to the server's machine.
type wayIn struct {
	identity, knownHosts []string
	jump                 string
	noSudo               bool
}

// hostFlags are the flags of host.
type hostFlags struct {
	wayIn
	user      string
	port      uint16
	from      string
	wouldPass string
	failOn    string
	format    string
	verbose   int
	timeout   time.Duration
}

const hostExamples = `  ftpdoctor host                                          this machine
  ftpdoctor host ssh://admin@ftp.example.com              another, over SSH
  ftpdoctor host ssh://admin@ftp.example.com --user alice why can't she log in?
  ftpdoctor host --would-pass tcp/21 --from 203.0.113.9   what the firewall does
  ftpdoctor host ssh://admin@10.1.2.3 --jump ssh://admin@bastion.example.com
  ftpdoctor host --format json --fail-on warning`

func newHost(p *program) *cobra.Command {
	f := &hostFlags{}
	c := &cobra.Command{
		Use:   "host [ssh://[USER@]SERVER[:PORT]]",
		Short: "Look at the machine on which the server runs, here or over SSH",
		Long: `Inspects the machine of a file server: services, sockets, the firewall followed
rule by rule, the configuration held against reality, accounts, certificates,
disks and limits, and names what is wrong with the command, or the file and
line, that shows it.

Over SSH nothing is installed: commands run that only read, each within ten
seconds, and -v lists them. The agent and the keys of ~/.ssh or --identity log
in; a host key that known_hosts lacks is refused, with the line to add. What
needs root runs through sudo -n where that asks no password; what could not be
read is said.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage,
3 the machine could not be looked at.`,
		Example: hostExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.host(cmd.Context(), f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.user, "user", "", "look at this account: shell, lock, home, lists, keys")
	fl.Uint16Var(&f.port, "port", 0, "the service on this port (default: every file server)")
	fl.StringVar(&f.from, "from", "", "address of the client in question")
	fl.StringVar(&f.wouldPass, "would-pass", "", "only tell what the firewall does with a packet to this port, such as tcp/21; needs --from")
	fl.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from this severity on: critical, error, warning, notice, info or never")
	fl.StringVar(&f.format, "format", "text", "output: text, json, markdown")
	fl.CountVarP(&f.verbose, "verbose", "v", "show everything that was seen, and the commands that were run")
	fl.DurationVar(&f.timeout, "timeout", time.Minute, "bound on the whole inspection")
	fl.StringArrayVarP(&f.identity, "identity", "i", nil, "log in with this private key instead of the agent's and the usual ones")
	fl.StringArrayVar(&f.knownHosts, "known-hosts", nil, "compare the host key with this file instead of the user's and the system's")
	fl.StringVar(&f.jump, "jump", "", "log in to this machine first, and go on from there")
	fl.BoolVar(&f.noSudo, "no-sudo", false, "do not try sudo")
	_ = c.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(failLevels, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(hostFormats, cobra.ShellCompDirectiveNoFileComp))
	return c
}

var (
	failLevels  = []string{"critical", "error", "warning", "notice", "info", "never"}
	hostFormats = []string{"text", "json", "markdown"}
)

func (f *hostFlags) validate() (from netip.Addr, err error) {
	if !slices.Contains(failLevels, f.failOn) {
		return from, fmt.Errorf("--fail-on %q: there is %s", f.failOn, strings.Join(failLevels, ", "))
	}
	if !slices.Contains(hostFormats, f.format) {
		return from, fmt.Errorf("--format %q: there is %s", f.format, strings.Join(hostFormats, ", "))
	}
	if f.timeout <= 0 {
		return from, errors.New("--timeout must be more than 0, for example 1m")
	}
	if f.from != "" {
		if from, err = netip.ParseAddr(f.from); err != nil {
			return from, fmt.Errorf("--from %q is no IP address; for example 203.0.113.9", f.from)
		}
	}
	return from, nil
}

func (p *program) host(ctx context.Context, f *hostFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	from, err := f.validate()
	if err != nil {
		return err
	}
	at := "local"
	if len(args) == 1 {
		at = args[0]
	}
	open, err := f.opener(p, at)
	if err != nil {
		return err
	}
	proto, port, err := parseWouldPass(f.wouldPass, from)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	started := time.Now()
	m, err := open(ctx)
	if err != nil {
		return &exitError{exitUnknown, err}
	}
	defer func() { _ = m.Close() }() // nothing is lost with it
	if f.wouldPass != "" {
		return p.wouldPass(ctx, m, f, proto, port, from)
	}
	res, err := host.Inspect(ctx, m, host.Question{Port: f.port, User: f.user, Source: from})
	if err != nil {
		return &exitError{exitUnknown, fmt.Errorf("inspect %s: %w", m.Name(), err)}
	}
	finding.AtHost(res.Checks, res.Findings)
	rep := &finding.Report{
		Schema: finding.Schema, Target: m.Name(), Vantage: vantage(), Started: started, DurationS: time.Since(started).Seconds(),
		Checks: res.Checks, Findings: res.Findings, Facts: finding.Facts{Addresses: []string{}},
		NotAvailable: res.NotAvailable, Host: hostFacts(res, m),
	}
	rep.Conclude()
	rep.Localize(lang)
	o := report.Options{Lang: lang, Verbose: f.verbose, Color: colored(p.out), Width: width(p.out), ASCII: asciiOnly(), Command: "host"}
	if err := p.write([]*finding.Report{rep}, f.format, o); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if slices.ContainsFunc(rep.Findings, func(x *finding.Finding) bool { return f.failOn != "never" && x.Severity >= severityOf(f.failOn) }) {
		return &exitError{code: exitFindings}
	}
	if rep.Status == finding.Unknown {
		return &exitError{code: exitUnknown}
	}
	return nil
}

func severityOf(word string) (s finding.Severity) {
	_ = s.UnmarshalText([]byte(word)) // validated
	return s
}

func vantage() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// opener reads where the machine is; what it returns gets there.
func (f *wayIn) opener(p *program, at string) (func(context.Context) (*machine.Machine, error), error) {
	if at == "local" {
		return func(context.Context) (*machine.Machine, error) { return machine.Local(), nil }, nil
	}
	addr, err := machine.ParseAddress(at)
	if err != nil {
		return nil, err
	}
	o := machine.Options{Identity: f.identity, KnownHosts: f.knownHosts, NoSudo: f.noSudo, Passphrase: p.passphrase()}
	if f.jump != "" {
		jump, err := machine.ParseAddress(f.jump)
		if err != nil {
			return nil, fmt.Errorf("--jump: %w", err)
		}
		o.Jump = &jump
	}
	return func(ctx context.Context) (*machine.Machine, error) { return machine.Dial(ctx, addr, o) }, nil
}

// passphrase asks for that of a key, where somebody is there to type it.
func (p *program) passphrase() func(string) ([]byte, error) {
	in, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return func(file string) ([]byte, error) {
		fmt.Fprintf(p.err, "Passphrase for %s: ", file)
		words, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(p.err)
		return words, err
	}
}

// hostFacts is what was learnt, in the shape of JSON, and what was run for it.
func hostFacts(res *host.Result, m *machine.Machine) map[string]any {
	facts := map[string]any{}
	if b, err := json.Marshal(res.Facts); err == nil {
		_ = json.Unmarshal(b, &facts) // it was just written
	}
	facts["commands"] = commandsOf(m)
	return facts
}

// commandsOf lists what was run on the machine.
func commandsOf(m *machine.Machine) []any {
	commands := []any{}
	for _, c := range m.Ran() {
		one := map[string]any{"command": c.String(), "exit": c.Exit, "duration_s": float64(c.Took.Microseconds()) / 1e6}
		if c.Err != "" {
			one["error"] = c.Err
		}
		commands = append(commands, one)
	}
	return commands
}

// parseWouldPass reads tcp/21.
func parseWouldPass(s string, from netip.Addr) (proto string, port uint16, err error) {
	if s == "" {
		return "", 0, nil
	}
	proto, number, ok := strings.Cut(s, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || n == 0 || proto != "tcp" && proto != "udp" {
		return "", 0, fmt.Errorf("--would-pass %q: give protocol and port, such as tcp/21", s)
	}
	if !from.IsValid() {
		return "", 0, errors.New("--would-pass needs --from: the address of the client")
	}
	return proto, uint16(n), nil
}

// wouldPass prints what becomes of one packet.
func (p *program) wouldPass(ctx context.Context, m *machine.Machine, f *hostFlags, proto string, port uint16, from netip.Addr) error {
	x, err := host.WouldPass(ctx, m, proto, port, from)
	if err != nil {
		code := exitUnknown
		return &exitError{code, err}
	}
	if f.format == "json" {
		enc := json.NewEncoder(p.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(struct {
			*host.Passage
			Commands []any `json:"commands"`
		}{x, commandsOf(m)}); err != nil {
			return err
		}
	} else {
		p.printPassage(x, m, f.verbose)
	}
	switch x.Action {
	case "accept":
		return nil
	case "drop", "reject":
		return &exitError{code: exitFindings}
	default:
		return &exitError{code: exitUnknown}
	}
}

func (p *program) printPassage(x *host.Passage, m *machine.Machine, verbose int) {
	result := x.Action
	if x.With != "" {
		result += " with " + x.With
	}
	fmt.Fprintf(p.out, "%s from %s to %s port %d: %s\n", x.Proto, x.From, x.To, x.Port, result)
	for _, line := range [][2]string{{"rule", x.Rule}, {"where", x.Where}, {"made by", x.Tool}, {"file", x.File}} {
		if line[1] != "" {
			fmt.Fprintf(p.out, "  %-8s %s\n", line[0], line[1])
		}
	}
	for _, h := range x.Hangs {
		fmt.Fprintf(p.out, "  %-8s %s\n", "depends", h)
	}
	if verbose > 0 {
		for _, c := range m.Ran() {
			fmt.Fprintf(p.out, "  %-8s %s\n", "ran", c)
		}
	}
}
