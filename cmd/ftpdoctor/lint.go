package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/lint"
)

// maxConfig bounds a configuration file; real ones have some kilobytes, those of
// IIS and of providers with thousands of virtual hosts some megabytes.
const maxConfig = 16 << 20

var lintFormats = []string{"text", "json", "sarif"}

type lintFlags struct {
	server  string
	format  string
	failOn  string
	least   string
	verbose bool
	rules   bool
}

func newLint(p *program) *cobra.Command {
	f := &lintFlags{}
	c := &cobra.Command{
		Use:   "lint [FILE…]",
		Short: "Judge server configurations without running them",
		Long: `Reads the configuration of vsftpd, ProFTPD, Pure-FTPd, sshd (for SFTP) or IIS,
with the files that it includes, and says what the server would refuse, what it
would read otherwise than it was meant, what contradicts itself, what is unsafe,
weak or unlimited, and what has no effect: with the line, and the edit that
mends it where that is mechanical. Nothing is changed.

The server is found by the name of the file, then by what stands in it. Debian's
Pure-FTPd has a directory of one file per option: name the directory. - is
standard input. Without a FILE the usual places are looked at.

Exit codes: 0 fine, 1 something at or above --fail-on, 2 wrong usage,
3 something could not be read.`,
		Example: `  ftpdoctor lint                                   what this machine has
  ftpdoctor lint /etc/vsftpd.conf
  ftpdoctor lint /etc/pure-ftpd/conf               a directory of options
  ftpdoctor lint -v proftpd.conf                   with the edits that mend
  ftpdoctor lint --fail-on error --format sarif sshd_config > lint.sarif
  ssh admin@server cat /etc/ssh/sshd_config | ftpdoctor lint --server sshd -
  ftpdoctor lint --lang zh /etc/vsftpd.conf
  ftpdoctor lint --rules                           every rule`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return p.lint(f, args) },
	}
	fl := c.Flags()
	servers := slices.Sorted(maps.Keys(lint.Names))
	var severities []string
	for s := finding.Info; s <= finding.Critical; s++ {
		severities = append(severities, s.String())
	}
	fl.StringVar(&f.server, "server", "", "whose configuration it is: "+strings.Join(servers, ", "))
	fl.StringVar(&f.format, "format", "text", "output: "+strings.Join(lintFormats, ", "))
	fl.StringVar(&f.failOn, "fail-on", "warning", "exit with 1 from this severity on: "+strings.Join(severities, ", "))
	fl.StringVar(&f.least, "min-severity", "info", "show nothing milder than this")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "show the edits that mend")
	fl.BoolVar(&f.rules, "rules", false, "list the rules")
	for flag, values := range map[string][]string{"server": servers, "format": lintFormats, "fail-on": severities, "min-severity": severities} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return c
}

func (p *program) lint(f *lintFlags, args []string) error {
	lang, err := p.language()
	if err != nil {
		return err
	}
	if f.rules {
		p.listRules(lang)
		return nil
	}
	failOn, err := severity("--fail-on", f.failOn)
	if err != nil {
		return err
	}
	least, err := severity("--min-severity", f.least)
	if err != nil {
		return err
	}
	if !slices.Contains(lintFormats, f.format) {
		return fmt.Errorf("--format %q: there is %s", f.format, strings.Join(lintFormats, ", "))
	}
	if _, ok := lint.Names[f.server]; f.server != "" && !ok {
		return fmt.Errorf("--server %q: there is %s", f.server, strings.Join(slices.Sorted(maps.Keys(lint.Names)), ", "))
	}
	if len(args) == 0 {
		if args = usualPlaces(); len(args) == 0 {
			return &exitError{exitUnknown, errors.New("no configuration is at the usual places; name a file: ftpdoctor lint FILE")}
		}
	}
	var results []*lint.Result
	for _, name := range args {
		r, err := p.lintOne(f, name)
		if err != nil {
			return err
		}
		r.Problems = slices.DeleteFunc(r.Problems, func(x lint.Problem) bool { return x.Severity < least })
		results = append(results, r)
	}
	if err := p.showLint(results, f, lang); err != nil {
		return err
	}
	return lintExit(results, failOn)
}

func severity(flag, name string) (s finding.Severity, err error) {
	if s.UnmarshalText([]byte(name)) != nil {
		return s, fmt.Errorf("%s %q: there is info, notice, warning, error and critical", flag, name)
	}
	return s, nil
}

// lintExit tells whether something is wrong, or could not be read.
func lintExit(results []*lint.Result, failOn finding.Severity) error {
	unread := false
	for _, r := range results {
		if worst, ok := r.Worst(); ok && worst >= failOn {
			return &exitError{code: exitFindings}
		}
		for _, u := range r.Unread {
			unread = unread || u.Err != nil
		}
	}
	if unread {
		return &exitError{code: exitUnknown}
	}
	return nil
}

func (p *program) showLint(results []*lint.Result, f *lintFlags, lang finding.Lang) error {
	switch f.format {
	case "json":
		return lint.JSON(p.out, results, lang, time.Now())
	case "sarif":
		return lint.SARIF(p.out, results, lang, version())
	}
	style := lint.Style{Lang: lang, Width: width(p.out), Color: colored(p.out), Verbose: f.verbose}
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		if err := lint.Text(p.out, r, style); err != nil {
			return err
		}
	}
	return nil
}

// lintOne reads and judges one configuration.
func (p *program) lintOne(f *lintFlags, name string) (*lint.Result, error) {
	if name == "-" {
		src, err := io.ReadAll(io.LimitReader(p.in, maxConfig+1))
		if err != nil {
			return nil, &exitError{exitUnknown, fmt.Errorf("standard input: %w", err)}
		}
		k, err := kindOf(f.server, "-", src)
		if err != nil {
			return nil, err
		}
		return lintSet(k, "-", func(path string) ([]byte, error) {
			if path == "-" {
				return bounded(path, src)
			}
			return readConfig(path)
		})
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	if info.IsDir() {
		if k, ok := lint.Names[f.server]; ok && k != conf.PureFTPD && k != conf.PureFTPDDir {
			return nil, fmt.Errorf("%s is a directory; of %s name the main file", name, f.server)
		}
		return lintSet(conf.PureFTPDDir, name, readConfig)
	}
	src, err := readConfig(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	k, err := kindOf(f.server, name, src)
	if err != nil {
		return nil, err
	}
	return lintSet(k, name, readConfig)
}

// unreadable: a file that is not there was named wrongly; one that may not be
// read leaves the question open.
func unreadable(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return &exitError{exitUnknown, err}
}

func lintSet(k conf.Kind, main string, read func(string) ([]byte, error)) (*lint.Result, error) {
	set, problems := conf.ParseSet(k, main, read, filepath.Glob)
	for _, u := range set.Unread() {
		if u.File == main {
			return nil, unreadable(main, u.Err)
		}
	}
	if len(set.Docs()) == 0 {
		return nil, &exitError{exitUnknown, fmt.Errorf("%s: no option is set there", main)}
	}
	return lint.Check(set, problems), nil
}

func kindOf(server, name string, src []byte) (conf.Kind, error) {
	if k, ok := lint.Names[server]; ok {
		return k, nil
	}
	if k, ok := lint.Detect(name, src); ok {
		return k, nil
	}
	return 0, fmt.Errorf("%s: it is not clear whose configuration this is; say it: --server vsftpd, proftpd, pure-ftpd, sshd or iis", name)
}

func readConfig(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, err
	}
	return bounded(name, src)
}

func bounded(name string, src []byte) ([]byte, error) {
	if len(src) > maxConfig {
		return nil, fmt.Errorf("%s: larger than %d MiB: this is no configuration", name, maxConfig>>20)
	}
	return src, nil
}

// usualPlaces lists what there is. Where Pure-FTPd has its directory of
// options, the file beside it is an example that nobody reads.
func usualPlaces() []string {
	var out []string
	for _, name := range lint.Usual() {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		if strings.HasPrefix(name, "/etc/pure-ftpd/pure") && slices.Contains(out, "/etc/pure-ftpd/conf") {
			continue
		}
		out = append(out, name)
	}
	return out
}

func (p *program) listRules(lang finding.Lang) {
	for _, r := range lint.Rules() {
		fmt.Fprintf(p.out, "%-36s %-9s %-13s %-32s %s\n", r.ID, r.Severity, r.Kind, r.Code, r.Message(lang))
	}
}
