package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"ftpdoctor/internal/ftptest"
)

const defaultFault = "passive-private-address"

func newDemo(p *program) *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use:   "demo [FAULT]",
		Short: "Start a faulty server on this machine and find the fault",
		Long: `Starts a scripted server with a fault on the loopback interface and checks it,
as check does. No privileges, no network and no installation are needed.
Without a name, the fault is ` + defaultFault + `; --list names all.`,
		Example: `  ftpdoctor demo
  ftpdoctor demo cert-expired --lang zh
  ftpdoctor demo --list`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, fault := range ftptest.Faults() {
				names = append(names, fault.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	list := c.Flags().Bool("list", false, "list the faults")
	f.register(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *list {
			return p.listFaults()
		}
		name := defaultFault
		if len(args) > 0 {
			name = args[0]
		}
		return p.demo(cmd.Context(), c, f, name)
	}
	return c
}

func (p *program) listFaults() error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	for _, f := range ftptest.Faults() {
		fmt.Fprintf(p.out, "%s  %s\n", runewidth.FillRight(f.Name, 30), f.Title[string(lang)])
	}
	return nil
}

func (p *program) demo(ctx context.Context, c *cobra.Command, f *checkFlags, name string) error {
	fault, ok := ftptest.Find(name)
	if !ok {
		return fmt.Errorf("there is no fault %q; see: ftpdoctor demo --list", name)
	}
	lang, err := p.language()
	if err != nil {
		return err
	}
	s, err := ftptest.Start(fault)
	if err != nil {
		return fmt.Errorf("starting the demo server: %w", err)
	}
	defer s.Close()
	if err := c.ParseFlags(fault.Args); err != nil {
		return fmt.Errorf("the fault's own options: %w", err)
	}
	target := s.Target()
	fmt.Fprintf(p.err, "%s: %s\nftpdoctor check %s %s\n\n", fault.Name, fault.Title[string(lang)], target, strings.Join(fault.Args, " "))
	if fault.Password != "" {
		target = strings.Replace(target, "@", ":"+fault.Password+"@", 1)
	}
	if f.options.CAFile == "" {
		dir, err := os.MkdirTemp("", "ftpdoctor-demo-")
		if err != nil {
			return fmt.Errorf("the demo's certificate authority: %w", err)
		}
		defer os.RemoveAll(dir)
		f.options.CAFile = filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(f.options.CAFile, s.CertPEM(), 0o600); err != nil {
			return fmt.Errorf("the demo's certificate authority: %w", err)
		}
	}
	return p.check(ctx, f, []string{target})
}
