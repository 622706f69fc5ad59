package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/lab"
)

func newLab(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "lab",
		Short: "Real servers with real faults in network namespaces (Linux, root)",
		Long: `Builds small networks of namespaces (client, gateway with NAT, edge router,
server, name server), puts a real fault into one, proves it with an independent
client, and lets the check find it. Nothing of this machine is changed.`,
		Example: `  ftpdoctor lab list
  ftpdoctor lab run all
  ftpdoctor lab run net/ data/ --record recordings
  ftpdoctor lab up net/drop-at-gateway`,
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the scenarios", Args: cobra.NoArgs,
			Example: "  ftpdoctor lab list",
			RunE: func(*cobra.Command, []string) error {
				for _, s := range lab.List() {
					fmt.Fprintf(p.out, "%-34s %s\n", s.Name, s.Story)
				}
				return nil
			},
		},
		newLabRun(p), newLabUp(p),
		&cobra.Command{
			Use: "down", Short: "Remove what a crashed run left behind", Args: cobra.NoArgs,
			Example: "  ftpdoctor lab down",
			RunE: func(cmd *cobra.Command, _ []string) error {
				removed, alive, err := lab.Down(cmd.Context())
				fmt.Fprintf(p.out, "removed %d, in use %d\n", len(removed), len(alive))
				return err
			},
		},
	)
	return c
}

func newLabRun(p *program) *cobra.Command {
	var o lab.Options
	var outputs bool
	c := &cobra.Command{
		Use:   "run all|SCENARIO…",
		Short: "Run scenarios and compare what the check names",
		Example: `  ftpdoctor lab run all
  ftpdoctor lab run dns/ tls/cert-expired --unprivileged`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scenarios := lab.List()
			if len(args) != 1 || args[0] != "all" {
				var err error
				if scenarios, err = lab.Select(scenarios, args...); err != nil {
					return err
				}
			}
			if o.Unprivileged {
				scenarios = withoutRoot(scenarios)
			}
			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			o.Binary, o.Scenarios, o.Lang = binary, scenarios, p.lang
			if o.RecordDir != "" {
				if o.RecordDir, err = filepath.Abs(o.RecordDir); err != nil {
					return err
				}
			}
			if err := lab.Fetch(cmd.Context()); err != nil {
				return err
			}
			n := 0
			sum, err := lab.Run(cmd.Context(), o, func(r lab.Result) {
				n++
				if isTerminal(p.err) {
					fmt.Fprintf(p.err, "\r\x1b[K%d/%d %s", n, len(scenarios), r.Scenario.Name)
				}
				if outputs && r.Reason != "" {
					fmt.Fprintf(p.err, "%s: %s: %s\n%s\n", r.Scenario.Name, r.Verdict, r.Reason, r.Output)
				}
			})
			if err != nil {
				return err
			}
			if isTerminal(p.err) {
				fmt.Fprint(p.err, "\r\x1b[K")
			}
			if err := sum.Print(p.out); err != nil {
				return err
			}
			if !sum.OK() {
				return &exitError{code: exitFindings}
			}
			return nil
		},
	}
	c.Flags().IntVar(&o.Parallel, "parallel", 3, "labs side by side")
	c.Flags().BoolVar(&o.Unprivileged, "unprivileged", false, "run the check as nobody, without capabilities")
	c.Flags().StringVar(&o.RecordDir, "record", "", "keep a recording of each scenario in this directory")
	c.Flags().StringVar(&o.CaptureDir, "capture", "", "write the packets of client and server into this directory, and judge the client's")
	c.Flags().DurationVar(&o.Limit, "limit", 30*time.Second, "bound on one check")
	c.Flags().BoolVar(&o.Fix, "fix", false, "mend what was named on the server's machine, and check again (host/)")
	c.Flags().BoolVar(&outputs, "outputs", false, "print the output of what went wrong")
	return c
}

// withoutRoot leaves out what can't be decided without privileges.
func withoutRoot(all []lab.Scenario) []lab.Scenario {
	var out []lab.Scenario
	for _, s := range all {
		if !s.Root {
			out = append(out, s)
		}
	}
	return out
}

func newLabUp(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "up SCENARIO", Short: "Build one scenario and keep it until Ctrl-C", Args: cobra.ExactArgs(1),
		Example: "  ftpdoctor lab up net/drop-at-gateway",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			scenarios, err := lab.Select(lab.List(), args...)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(scenarios, func(s lab.Scenario) bool { return s.Name == args[0] }); i >= 0 {
				scenarios = scenarios[i : i+1] // a name may be the beginning of others
			}
			if len(scenarios) != 1 {
				return errors.New("name one scenario; see: ftpdoctor lab list")
			}
			n, _, err := lab.Up(cmd.Context(), scenarios[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, n.Close()) }()
			fmt.Fprintf(p.out, "%s\nenter the client:  %s\nthen:              ftpdoctor check", scenarios[0].Story, n.Enter())
			words := scenarios[0].Args
			if scenarios[0].Host {
				words = append(n.HostArgs(), words...)
			}
			for _, a := range words {
				fmt.Fprint(p.out, " ", a)
			}
			fmt.Fprintln(p.out, "\nCtrl-C ends it.")
			<-cmd.Context().Done()
			return nil
		},
	}
}
