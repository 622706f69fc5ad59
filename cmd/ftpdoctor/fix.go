package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/fix"
	"ftpdoctor/internal/machine"
	"ftpdoctor/internal/observe"
)

// fixFlags are the flags of fix.
type fixFlags struct {
	checkFlags
	only     []string
	apply    bool
	yes      bool
	risks    []string
	guard    time.Duration
	list     bool
	status   string
	confirm  string
	rollback string
	force    bool
}

const fixExamples = `  ftpdoctor fix ftp://alice@ftp.example.com --host ssh://admin@ftp.example.com
  ftpdoctor fix ftp://alice@ftp.example.com --host ssh://admin@ftp.example.com --apply
  ftpdoctor fix report.json --host ssh://admin@ftp.example.com
  ftpdoctor fix ftp://localhost --only config/not-loaded --apply --yes --accept-risk restarts-service
  ftpdoctor fix --list --host ssh://admin@ftp.example.com
  ftpdoctor fix --rollback 20261123-181500-1a2b3c4d`

func newFix(p *program) *cobra.Command {
	f := &fixFlags{}
	c := &cobra.Command{
		Use:   "fix [TARGET|REPORT.json]",
		Short: "Mend what the check found, prove it by the same check, or put every byte back",
		Long: `Checks the target from both sides, plans what mends the root cause, and shows the
plan: differences of files, rules of the firewall, services, risks, and what
proves it. Nothing is changed without --apply.

With --apply each risk is asked for on a terminal; a script names them with
--accept-risk and says --yes. Then: snapshot, guard, change, the same check
again. If the check still finds the fault, if this program is killed or the
connection is cut, the machine puts everything back by itself: the guard runs
there, outside of this program. What was confirmed is undone by --rollback ID.

The machine is this one, or the one of --host. Changing it takes root, or sudo
without a password.

Exit codes: 0 mended or planned, 1 nothing here mends it, 2 wrong usage, 3 the
machine could not be looked at, 4 changed and put back, 5 refused: it lacks
consent or root, or somebody else is changing it.`,
		Example: fixExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.fix(cmd.Context(), f, args) },
	}
	f.register(c)
	fl := c.Flags()
	fl.StringVar(&f.hostAt, "host", "", "the machine to change: ssh://[USER@]SERVER[:PORT] (default: this one)")
	fl.StringVar(&f.jump, "jump", "", "with --host: log in to this machine first, and go on from there")
	fl.StringArrayVar(&f.hostIdentity, "host-identity", nil, "with --host: log in there with this private key instead of the agent's and the usual ones")
	fl.StringArrayVar(&f.only, "only", nil, "mend this finding instead of the root cause")
	fl.BoolVar(&f.apply, "apply", false, "make the changes")
	fl.BoolVar(&f.yes, "yes", false, "with --apply: ask nothing; every risk must be named with --accept-risk")
	fl.StringSliceVar(&f.risks, "accept-risk", nil, "accept a risk of the plan by its name")
	fl.DurationVar(&f.guard, "guard", fix.Guard, "put everything back unless it is proved within this time")
	fl.BoolVar(&f.list, "list", false, "list the changes that were made on the machine")
	fl.StringVar(&f.status, "status", "", "show one change and its log")
	fl.StringVar(&f.confirm, "confirm", "", "keep a change that was made and waits for it")
	fl.StringVar(&f.rollback, "rollback", "", "undo a change, also one that was confirmed")
	fl.BoolVar(&f.force, "force", false, "with --rollback: also where somebody changed the same files since")
	for _, name := range []string{"format", "targets", "record", "replay", "plan", "parallel", "soak"} {
		_ = fl.MarkHidden(name)
	}
	return c
}

func (p *program) fix(ctx context.Context, f *fixFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	if err := f.validate(); err != nil {
		return err
	}
	if !slices.Contains([]string{"text", "json"}, f.format) {
		return fmt.Errorf("--format %q: there is text, json", f.format)
	}
	at := f.hostAt
	if at == "" {
		at = "local"
	}
	way := wayIn{identity: f.hostIdentity, knownHosts: f.options.KnownHosts, jump: f.jump}
	open, err := way.opener(p, at)
	if err != nil {
		return err
	}
	if f.list || f.status != "" || f.confirm != "" || f.rollback != "" {
		m, err := open(ctx)
		if err != nil {
			return &exitError{exitUnknown, err}
		}
		defer func() { _ = m.Close() }() // nothing is lost with it
		return p.journal(ctx, m, f, lang)
	}
	if len(args) != 1 {
		return errors.New("name the target whose check found the fault, or the report of that check")
	}
	return p.mend(ctx, f, open, args[0], lang)
}

// mend makes the plan, and carries it out if it is asked to.
func (p *program) mend(ctx context.Context, f *fixFlags, open func(context.Context) (*machine.Machine, error), given string, lang finding.Lang) error {
	rep, recheck, err := p.fault(ctx, f, given)
	if err != nil {
		return err
	}
	m, err := open(ctx)
	if err != nil {
		return &exitError{exitUnknown, err}
	}
	defer func() { _ = m.Close() }() // nothing is lost with it
	if f.hostAt == "" {
		if err := isHere(rep); err != nil {
			return &exitError{exitRefused, err}
		}
	}
	var only []finding.Code
	for _, code := range f.only {
		only = append(only, finding.Code(code))
	}
	rep.Localize(lang)
	w := &fixWriter{p: p, lang: lang, width: width(p.out), color: colored(p.out)}
	plan, left, err := fix.For(ctx, m, rep, only...)
	if err != nil && !errors.Is(err, fix.ErrEmpty) {
		return p.failed(err, w)
	}
	if f.format == "json" {
		if err := w.json(plan, left); err != nil {
			return err
		}
	} else if err := w.plan(plan, rep, left); err != nil {
		return err
	}
	switch {
	case len(plan.Changes) == 0 && rep.RootCause == nil && len(f.only) == 0:
		return nil
	case len(plan.Changes) == 0:
		return &exitError{code: exitFindings}
	case !f.apply:
		return w.howToApply(plan)
	}
	if err := p.consent(f, plan, w); err != nil {
		return err
	}
	return p.apply(ctx, f, m, open, plan, recheck, w)
}

// fault is what is to be mended, from a report or by a check, and the check
// that proves that it is.
func (p *program) fault(ctx context.Context, f *fixFlags, given string) (*finding.Report, func(context.Context) (*finding.Report, error), error) {
	if f.hostAt == "" {
		f.hostAt = "local"
		defer func() { f.hostAt = "" }()
	}
	flags := f.checkFlags
	again := func(target string) func(context.Context) (*finding.Report, error) {
		return func(ctx context.Context) (*finding.Report, error) { return p.checkOne(ctx, target, &flags, nil) }
	}
	if strings.HasSuffix(given, ".json") {
		text, err := os.ReadFile(given)
		if err != nil {
			return nil, nil, err
		}
		var rep finding.Report
		if err := json.Unmarshal(text, &rep); err != nil {
			return nil, nil, fmt.Errorf("%s is no report of ftpdoctor check --format json: %w", given, err)
		}
		return &rep, again(rep.Target), nil
	}
	live := newProgress(p.err, 1, finding.English)
	rep, err := p.checkOne(ctx, given, &flags, live.observer(given))
	live.clear()
	return rep, again(given), err
}

// isHere makes sure that what is changed is what was checked.
func isHere(rep *finding.Report) error {
	t, err := observe.ParseTarget(rep.Target)
	if err != nil {
		return err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	addresses := slices.Clone(rep.Facts.Addresses)
	addresses = append(addresses, t.Host)
	for _, text := range addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		if a.IsLoopback() || slices.ContainsFunc(own, func(n net.Addr) bool {
			x, err := netip.ParsePrefix(n.String())
			return err == nil && x.Addr().Unmap() == a.Unmap()
		}) {
			return nil
		}
	}
	return fmt.Errorf("%s is another machine: name it with --host ssh://USER@%s", t.Host, t.Host)
}

// consent asks for each risk.
func (p *program) consent(f *fixFlags, plan *fix.Plan, w *fixWriter) error {
	for _, name := range f.risks {
		if !slices.Contains(fix.Risks, fix.Risk(name)) {
			return fmt.Errorf("--accept-risk %q: there is %s", name, strings.Join(riskNames(fix.Risks), ", "))
		}
	}
	var open []fix.Risk
	for _, r := range plan.Risks() {
		if !slices.Contains(f.risks, string(r)) {
			open = append(open, r)
		}
	}
	if f.yes || !isTerminal(p.in) {
		if len(open) > 0 {
			return &exitError{exitRefused, fmt.Errorf("the plan has risks that were not accepted; add --accept-risk %s", strings.Join(riskNames(open), ","))}
		}
		if !f.yes {
			return &exitError{exitRefused, errors.New("there is no terminal to ask on; add --yes")}
		}
		return nil
	}
	in := bufio.NewReader(p.in)
	for _, r := range open {
		if !w.ask(in, w.risk(r)) {
			return &exitError{exitRefused, fmt.Errorf("%s was not accepted; nothing was changed", r)}
		}
	}
	if !w.ask(in, w.say("ask-apply")) {
		return &exitError{exitRefused, errors.New("nothing was changed")}
	}
	return nil
}

func riskNames(all []fix.Risk) []string {
	var names []string
	for _, r := range all {
		names = append(names, string(r))
	}
	return names
}

// apply carries the plan out and tells how it went.
func (p *program) apply(ctx context.Context, f *fixFlags, m *machine.Machine, open func(context.Context) (*machine.Machine, error), plan *fix.Plan, recheck func(context.Context) (*finding.Report, error), w *fixWriter) error {
	o := fix.Options{Guard: f.guard, Progress: w.progress}
	if plan.Target != "" {
		o.Verify = func(ctx context.Context) error {
			rep, err := recheck(ctx)
			if err != nil {
				return err
			}
			return w.stillThere(plan, rep)
		}
	}
	if m.Name() != "local" {
		o.Redial = open
	}
	err := fix.Apply(ctx, m, plan, o)
	if err != nil {
		return p.failed(err, w)
	}
	return w.done(plan)
}

// failed chooses the exit code of what a change came to.
func (p *program) failed(err error, w *fixWriter) error {
	var refused *fix.RefusedError
	var undone *fix.UndoneError
	var cut *fix.CutError
	words := w.wording(err)
	switch {
	case errors.As(err, &undone), errors.As(err, &cut):
		return &exitError{exitUndone, words}
	case errors.As(err, &refused), errors.Is(err, machine.ErrNotRoot):
		return &exitError{exitRefused, words}
	}
	return &exitError{exitFindings, words}
}

// journal tells of the changes made on a machine, keeps and undoes them.
func (p *program) journal(ctx context.Context, m *machine.Machine, f *fixFlags, lang finding.Lang) error {
	w := &fixWriter{p: p, lang: lang, width: width(p.out), color: colored(p.out)}
	switch {
	case f.confirm != "":
		if err := fix.Confirm(ctx, m, f.confirm); err != nil {
			return p.failed(err, w)
		}
		return w.line("kept", f.confirm)
	case f.rollback != "":
		if err := fix.Rollback(ctx, m, f.rollback, f.force); err != nil {
			return p.failed(err, w)
		}
		return w.line("is-undone", f.rollback)
	case f.status != "":
		e, err := fix.Look(ctx, m, f.status)
		if err != nil {
			return p.failed(err, w)
		}
		return w.entries(f.format, []fix.Entry{e})
	}
	if err := fix.Settle(ctx, m); err != nil {
		return p.failed(err, w)
	}
	entries, err := fix.List(ctx, m)
	if err != nil {
		return p.failed(err, w)
	}
	return w.entries(f.format, entries)
}
