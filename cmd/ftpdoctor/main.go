// Command ftpdoctor finds out why a file server cannot be found, reached or
// used, and names the root cause with its evidence.
//
// This package alone wires the others together: it reads arguments, environment
// and files, hands plain values to the packages below, writes results to
// standard output and progress to standard error, and chooses the exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ftpdoctor/internal/finding"
)

// The exit codes besides those of check, which are those of its status.
const (
	exitOK        = 0
	exitFindings  = 1
	exitUsage     = 2
	exitUnknown   = 3
	exitUndone    = 4 // changed, and put back
	exitRefused   = 5 // needs consent or privilege
	exitInterrupt = 130
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// exitError carries an exit code; its message, if any, has been or will be shown.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run is the whole program but for the end of the process.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(&program{in: in, out: out, err: errOut})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil {
		return exitInterrupt
	}
	if err == nil {
		return exitOK
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		if exit.err != nil {
			fmt.Fprintln(errOut, "ftpdoctor:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(errOut, "ftpdoctor:", err)
	fmt.Fprintln(errOut, "Try: ftpdoctor --help")
	return exitUsage
}

// program is what the commands share.
type program struct {
	in       io.Reader
	out, err io.Writer
	lang     string
}

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "ftpdoctor",
		Short: "Names the root cause when a file server cannot be found, reached or used",
		Long: `ftpdoctor checks FTP and FTPS servers layer by layer, runs control experiments
where something fails, and names the root cause: what is broken, on whose side,
how that is known, what to do, and how to see that it worked.

It needs no account, no network but yours, and no privileges; with the
capability CAP_NET_RAW it sees a little more.`,
		Example: `  ftpdoctor check ftp.example.com
  ftpdoctor check ftpes://alice@ftp.example.com/in/ --op upload
  ftpdoctor demo passive-private-address
  ftpdoctor explain data/passive-private-address`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	root.PersistentFlags().StringVar(&p.lang, "lang", "", "language of the output: en or zh (default: from the locale)")
	root.AddCommand(newCheck(p), newHost(p), newLint(p), newAudit(p), newCapture(p), newConfig(p), newDemo(p), newExplain(p), newFix(p), newLab(p), newReference(p))
	return root
}

// language is the one asked for, or that of the locale.
func (p *program) language() (finding.Lang, error) {
	switch strings.ToLower(p.lang) {
	case "en":
		return finding.English, nil
	case "zh":
		return finding.Chinese, nil
	case "":
	default:
		return "", &exitError{exitUsage, fmt.Errorf("--lang %q: there is en and zh", p.lang)}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return finding.Chinese, nil
			}
			break
		}
	}
	return finding.English, nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
