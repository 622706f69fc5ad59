package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
	"ftpdoctor/internal/transcript"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	list    bool
	format  string
	failOn  string
	verbose int
}

func newExplain(p *program) *cobra.Command {
	f := &explainFlags{}
	c := &cobra.Command{
		Use:   "explain TEXT|FILE|CODE|-",
		Short: "Name the cause from an error message or a log, or show the page on a code",
		Long: `Reads what you hold in your hands and names the cause: an error message, a log
of a client (FileZilla, WinSCP, Cyberduck, lftp, curl -v, ftp, ssh -v, PuTTY,
rclone, stack traces of Python, Java, .NET, Node, PHP and Go …), lines of a
server's log, a bare number; in English or Chinese. Write what else you know
beside it: "works from another network", "since the certificate was renewed".

TEXT is one argument; a file of that name is read instead, and - reads standard
input. Passwords in the text are not repeated. Nothing is sent anywhere.

With a CODE it shows the page on that finding: meaning, evidence, fix, prevention.

Exit codes: 0 no fault in the text, or a page was shown; 1 a fault; 2 wrong
usage; 3 the text names nothing that is known here.`,
		Example: `  ftpdoctor explain 'curl: (60) SSL certificate problem: certificate has expired'
  ftpdoctor explain filezilla.log
  ftpdoctor explain 10061
  journalctl -t sshd | tail -50 | ftpdoctor explain - --format json
  ftpdoctor explain data/passive-private-address
  ftpdoctor explain --list --lang zh`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, d := range finding.Catalogue() {
				codes = append(codes, string(d.Code))
			}
			return codes, cobra.ShellCompDirectiveDefault
		},
		RunE: func(_ *cobra.Command, args []string) error {
			lang, err := p.language()
			if err != nil {
				return err
			}
			return p.explain(f, args, lang)
		},
	}
	c.Flags().BoolVar(&f.list, "list", false, "list all codes")
	c.Flags().StringVar(&f.format, "format", "text", "output: "+strings.Join(report.Formats(), ", "))
	c.Flags().StringVar(&f.failOn, "fail-on", "error", "exit with 1 from this severity on: notice, warning, error or critical")
	c.Flags().CountVarP(&f.verbose, "verbose", "v", "show everything that was read from the text")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(report.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (p *program) explain(f *explainFlags, args []string, lang finding.Lang) error {
	var least finding.Severity
	if err := least.UnmarshalText([]byte(f.failOn)); err != nil {
		return fmt.Errorf("--fail-on %q: there is notice, warning, error and critical", f.failOn)
	}
	if !slices.Contains(report.Formats(), f.format) {
		return fmt.Errorf("--format %q: there is %s", f.format, strings.Join(report.Formats(), ", "))
	}
	switch {
	case f.list:
		return p.listCodes(lang)
	case len(args) == 0 && mustBeTyped(p.in), len(args) == 1 && strings.TrimSpace(args[0]) == "":
		return errNothingToExplain
	case len(args) == 1 && finding.Lookup(finding.Code(args[0])) != nil:
		return p.showPage(finding.Code(args[0]), lang)
	}
	text, err := p.textOf(args)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return errNothingToExplain
	}
	r := transcript.Explain(text)
	if len(r.Findings) == 0 && len(args) == 1 && likeCode.MatchString(args[0]) {
		return fmt.Errorf("there is no code %q%s; see: ftpdoctor explain --list", args[0], nearest(args[0]))
	}
	if err := p.show([]*finding.Report{r}, &checkFlags{format: f.format, verbose: f.verbose}, lang); err != nil && !isStatus(err) {
		return err
	}
	return explainExit(r, least)
}

var errNothingToExplain = errors.New("no code is given; see: ftpdoctor explain --list; or give a text, a file, or - for standard input")

// likeCode is a word that may be meant as a code.
var likeCode = regexp.MustCompile(`^[a-z][a-z0-9]*([/-][a-z0-9]+)*$`)

// isStatus tells whether an error only carries the exit code of a check.
func isStatus(err error) bool {
	var exit *exitError
	return errors.As(err, &exit) && exit.err == nil
}

// explainExit is the exit code of a judged text.
func explainExit(r *finding.Report, least finding.Severity) error {
	for _, f := range r.Findings {
		if f.Severity >= least {
			return &exitError{exitFindings, nil}
		}
	}
	if r.Status == finding.Unknown {
		return &exitError{exitUnknown, nil}
	}
	return nil
}

// textOf is the text to judge: standard input, the content of a file, or the
// arguments themselves, which somebody may have forgotten to quote.
func (p *program) textOf(args []string) (string, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		return readText(p.in, "standard input")
	}
	if len(args) == 1 && len(args[0]) < 4096 && !strings.Contains(args[0], "\n") {
		if info, err := os.Stat(args[0]); err == nil && info.Mode().IsRegular() {
			file, err := os.Open(args[0])
			if err != nil {
				return "", fmt.Errorf("explain: %w", err)
			}
			defer file.Close()
			return readText(file, args[0])
		}
	}
	return strings.Join(args, " "), nil
}

// readText reads a text that has an end, and of a longer one as much as says
// that it was cut.
func readText(r io.Reader, name string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 8*transcript.MaxInput))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return string(b), nil
}

// mustBeTyped tells whether standard input is a terminal: somebody would have to
// type the text.
func mustBeTyped(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *program) showPage(code finding.Code, lang finding.Lang) error {
	page, err := finding.PageOf(code, lang)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s\n\n%s", code, page.Readable())
	return nil
}

func (p *program) listCodes(lang finding.Lang) error {
	for _, d := range finding.Catalogue() {
		page, err := finding.PageOf(d.Code, lang)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s %s %s\n", runewidth.FillRight(string(d.Code), 34), runewidth.FillRight(d.Severity.String(), 9), page.Title)
	}
	return nil
}

// nearest suggests codes that hold the given word.
func nearest(word string) string {
	var near []string
	for _, d := range finding.Catalogue() {
		if strings.Contains(string(d.Code), strings.ToLower(word)) {
			near = append(near, string(d.Code))
		}
	}
	if len(near) == 0 || len(near) > 5 {
		return ""
	}
	return " (" + strings.Join(near, ", ") + ")"
}
