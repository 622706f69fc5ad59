package lab

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// mend has the program mend what it named, with every risk accepted, and checks
// again. What it says of itself does not count: the second check does.
func (n *Net) mend(ctx context.Context, s Scenario, o Options, r *Result) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	args := append(n.adminArgs(), s.Args...)
	var said bytes.Buffer
	const risks = "drops-sessions,restarts-service,opens-port,weakens-security,changes-account,changes-elsewhere"
	cmd := n.onClient(ctx, s, append([]string{o.Binary, "fix", "--apply", "--yes", "--accept-risk", risks}, args...))
	cmd.Stdout, cmd.Stderr = &said, &said
	err := n.Client.inside(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	}
	r.Mending = Unmended
	switch {
	case strings.Contains(said.String(), Password):
		r.Verdict, r.Reason = Broken, "the password is in the output of fix"
		return
	case code == 1 && strings.Contains(said.String(), "Nothing here mends it"):
		r.Mending = NoRecipe
		return
	case code == 4:
		r.Mending, r.Reason = Undone, lastLine(said.String())
		return
	case err != nil:
		r.Reason = lastLine(said.String())
		return
	}
	after := Result{Scenario: s}
	n.check(ctx, s, Options{Binary: o.Binary, Limit: o.Limit}, &after)
	switch {
	case after.Verdict == Broken:
		r.Reason = "check after it: " + after.Reason
	case after.Code != "" && slices.Contains(s.Want, after.Code):
		r.Reason = "the check still finds " + after.Code
	case after.Code != "":
		r.Reason = "the check then finds " + after.Code
	default:
		r.Mending = Mended
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
