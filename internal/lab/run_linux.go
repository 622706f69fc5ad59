package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// nobody is the unprivileged user.
const (
	nobody   = "65534"
	nobodyID = 65534
)

// Run runs scenarios and judges what the binary says. It returns an error only
// when it could not begin; what goes wrong with a scenario is its verdict.
// progress, if not nil, is called after each, one at a time.
func Run(ctx context.Context, o Options, progress func(Result)) (Summary, error) {
	if err := prepare(ctx); err != nil {
		return Summary{}, err
	}
	binary, cleanup, err := publish(o.Binary)
	if err != nil {
		return Summary{}, err
	}
	defer cleanup()
	o.Binary = binary
	if o.RecordDir != "" {
		if o.RecordDir, err = filepath.Abs(o.RecordDir); err != nil {
			return Summary{}, err
		}
		if err := os.MkdirAll(o.RecordDir, 0o755); err != nil {
			return Summary{}, fmt.Errorf("record directory: %w", err)
		}
		if o.Unprivileged {
			if err := os.Chmod(o.RecordDir, 0o777); err != nil {
				return Summary{}, fmt.Errorf("record directory: %w", err)
			}
		}
	}
	if o.CaptureDir != "" {
		if o.CaptureDir, err = filepath.Abs(o.CaptureDir); err != nil {
			return Summary{}, err
		}
		if err := os.MkdirAll(o.CaptureDir, 0o755); err != nil {
			return Summary{}, fmt.Errorf("capture directory: %w", err)
		}
	}
	one := func(s Scenario) Result { return runOne(ctx, s, o) }
	sum, err := each(ctx, o.Scenarios, o.Parallel, progress, one)
	if err != nil {
		return sum, err
	}
	return lookAgain(ctx, sum, one), nil
}

// maxAgain bounds the second look: more than that is no accident.
const maxAgain = 12

// lookAgain repeats, one at a time, the few scenarios that did not end well
// beside others: a machine that is too busy for three labs loses packets and
// misses time-outs of its own. How many there were is told.
func lookAgain(ctx context.Context, sum Summary, one func(Scenario) Result) Summary {
	var again []int
	for i, r := range sum.Results {
		if r.Verdict != Skipped && !r.Verdict.Good() {
			again = append(again, i)
		}
	}
	if len(again) == 0 || len(again) > maxAgain {
		return sum
	}
	for _, i := range again {
		if ctx.Err() == nil {
			sum.Again = append(sum.Again, sum.Results[i].Scenario.Name+" ("+string(sum.Results[i].Verdict)+")")
			sum.Results[i] = one(sum.Results[i].Scenario)
		}
	}
	fresh := summarize(sum.Results)
	fresh.Again = sum.Again
	return fresh
}

// Prove sets scenarios up and runs their proofs only: the verdict is Named or
// Healthy when the proof holds, Vacuous or Broken otherwise.
func Prove(ctx context.Context, scenarios []Scenario, parallel int, progress func(Result)) (Summary, error) {
	if err := prepare(ctx); err != nil {
		return Summary{}, err
	}
	return each(ctx, scenarios, parallel, progress, func(s Scenario) Result {
		n, r := stage(ctx, s)
		if n != nil {
			r.close(n)
		}
		return r
	})
}

func prepare(ctx context.Context) error {
	if err := supported(); err != nil {
		return err
	}
	return Fetch(ctx)
}

// publish copies the binary to where nobody can run it.
func publish(binary string) (string, func(), error) {
	in, err := os.Open(binary)
	if err != nil {
		return "", nil, fmt.Errorf("binary under test: %w", err)
	}
	defer in.Close()
	dir, err := os.MkdirTemp("", "ftpdoctor-lab-bin-")
	if err != nil {
		return "", nil, fmt.Errorf("binary under test: %w", err)
	}
	cleanup := func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, "ftpdoctor")
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Close(), os.Chmod(dir, 0o755))
	}
	if err != nil {
		cleanup()
		return "", nil, fmt.Errorf("binary under test: %w", err)
	}
	return path, cleanup, nil
}

// each runs f over the scenarios, some side by side.
func each(ctx context.Context, scenarios []Scenario, parallel int, progress func(Result), f func(Scenario) Result) (Summary, error) {
	if parallel <= 0 {
		parallel = 2
	}
	results := make([]Result, len(scenarios))
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, parallel)
	)
	for i, s := range scenarios {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			r := f(s)
			mu.Lock()
			defer mu.Unlock()
			results[i] = r
			if progress != nil {
				progress(r)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return Summary{}, err
	}
	return summarize(results), nil
}

// Up builds the lab of a scenario and leaves it standing, after its proof. The
// caller closes it; the in-process parts (the resolver) live as long as the
// caller.
func Up(ctx context.Context, s Scenario) (*Net, Result, error) {
	if err := prepare(ctx); err != nil {
		return nil, Result{}, err
	}
	n, r := stage(ctx, s)
	if n == nil {
		return nil, r, errors.New(r.Reason)
	}
	return n, r, nil
}

// stage builds topology and fault and proves the fault. The lab is nil when it
// could not be built.
func stage(ctx context.Context, s Scenario) (*Net, Result) {
	r := Result{Scenario: s, Verdict: Broken}
	began := time.Now()
	n, err := New(ctx)
	if err != nil {
		r.Reason = err.Error()
		return nil, r
	}
	setup, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = s.Setup(setup, n)
	if err == nil && s.Host {
		err = n.Admin(setup)
	}
	r.Setup = time.Since(began).Seconds()
	if err != nil {
		r.Reason = "set-up: " + err.Error()
		return nil, r.closed(n)
	}
	if r.Output, err = prove(ctx, n, s.Proof); err != nil {
		r.Verdict, r.Reason = Vacuous, err.Error()
		return n, r
	}
	r.Verdict = Named
	if s.Healthy() {
		r.Verdict = Healthy
	}
	return n, r
}

func prove(ctx context.Context, n *Net, p Proof) (string, error) {
	if p.Run == "" || p.Match == "" {
		return "", errors.New("the scenario has no proof")
	}
	match, err := regexp.Compile(p.Match)
	if err != nil {
		return "", fmt.Errorf("proof: %w", err)
	}
	if p.Limit == 0 {
		p.Limit = 20 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	out, err := n.Client.Sh(ctx, "set +e; cd "+n.dir+"\n"+p.Run)
	if ctx.Err() != nil {
		return out, fmt.Errorf("the proof took more than %v: %w", p.Limit, err)
	}
	if !match.MatchString(out) {
		return out, fmt.Errorf("the proof's output does not match %s", p.Match)
	}
	if p.Not != "" {
		not, err := regexp.Compile(p.Not)
		if err != nil {
			return out, fmt.Errorf("proof: %w", err)
		}
		if not.MatchString(out) {
			return out, fmt.Errorf("the proof's output matches %s", p.Not)
		}
	}
	return out, nil
}

// close takes the lab down; what goes wrong then breaks the scenario.
func (r *Result) close(n *Net) {
	if err := n.Close(); err != nil {
		r.Verdict, r.Reason = Broken, err.Error()
	}
}

func (r Result) closed(n *Net) Result {
	r.close(n)
	return r
}

func runOne(ctx context.Context, s Scenario, o Options) Result {
	if s.Root && o.Unprivileged {
		return Result{Scenario: s, Verdict: Skipped}
	}
	n, r := stage(ctx, s)
	if n == nil {
		return r
	}
	switch {
	case r.Verdict == Vacuous:
	case o.CaptureDir != "":
		n.withCapture(ctx, s, o, &r)
	default:
		n.check(ctx, s, o, &r)
		if o.Fix && s.Host && r.Verdict == Named {
			n.mend(ctx, s, o, &r)
		}
	}
	r.close(n)
	return r
}

// holdsPassword tells whether a recording gives the password away. That there
// is a recording is not this package's to judge.
func holdsPassword(file string) bool {
	b, err := os.ReadFile(file)
	return err == nil && bytes.Contains(b, []byte(Password))
}

// check runs the binary on the client and judges its report.
func (n *Net) check(ctx context.Context, s Scenario, o Options, r *Result) {
	home := n.home()
	if o.Unprivileged {
		if err := giveAway(home); err != nil {
			r.Verdict, r.Reason = Broken, err.Error()
			return
		}
	}
	argv := []string{o.Binary, "check", "--format", "json"}
	if o.Lang != "" {
		argv = append(argv, "--lang", o.Lang)
	}
	record := ""
	if s.Host {
		argv = append(argv, n.adminArgs()...)
	} else if o.RecordDir != "" { // a recording is of one side
		record = filepath.Join(o.RecordDir, strings.ReplaceAll(s.Name, "/", "-")+".rec")
		argv = append(argv, "--record", record)
	}
	argv = append(argv, s.Args...)
	if o.Unprivileged {
		argv = append([]string{"setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "--inh-caps=-all"}, argv...)
	}
	if o.Limit == 0 {
		o.Limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := n.onClient(ctx, s, argv)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := n.Client.inside(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	r.Seconds = time.Since(began).Seconds()
	r.Output = stdout.String() + stderr.String()
	rep, parseErr := parseReport(stdout.Bytes())
	switch {
	case ctx.Err() != nil:
		r.Verdict, r.Reason = Broken, fmt.Sprintf("killed after %v", o.Limit)
	case parseErr != nil:
		r.Verdict, r.Reason = Broken, errors.Join(parseErr, err).Error()
	case strings.Contains(r.Output, Password):
		r.Verdict, r.Reason = Broken, "the password is in the output"
	case record != "" && holdsPassword(record):
		r.Verdict, r.Reason = Broken, "the password is in the recording"
	default:
		r.Verdict, r.Reason = judge(s, rep)
		if rep.RootCause != nil {
			r.Code, r.Confidence = rep.RootCause.Code, rep.RootCause.Confidence
		}
		if record != "" && !replays(ctx, o, record, stdout.Bytes()) {
			r.Verdict, r.Reason = Broken, "the recording replays to another report"
		}
	}
}

// onClient prepares the program to run as the scenario's user does, on the client.
func (n *Net) onClient(ctx context.Context, s Scenario, argv []string) *exec.Cmd {
	home := n.home()
	cmd := n.Client.command(ctx, argv...)
	// The proofs' tools and their libraries are no part of the client's machine.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "LD_LIBRARY_PATH=") })
	cmd.Env = append(cmd.Env, "PATH="+standardPath, "HOME="+home)
	for _, kv := range s.Env {
		cmd.Env = append(cmd.Env, strings.ReplaceAll(kv, "$HOME", home))
	}
	cmd.Dir = home
	return cmd
}

// giveAway makes nobody the owner of the client's home and of what is in it:
// keys in there are for their owner's eyes only.
func giveAway(home string) error {
	return filepath.WalkDir(home, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, nobodyID, nobodyID)
	})
}

// replays tells whether a recording gives the same report once more, byte for
// byte, outside of the lab.
func replays(ctx context.Context, o Options, record string, want []byte) bool {
	argv := []string{"check", "--format", "json", "--replay", record}
	if o.Lang != "" {
		argv = append(argv, "--lang", o.Lang)
	}
	got, err := exec.CommandContext(ctx, o.Binary, argv...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // a failed target has an exit code of its own
		return false
	}
	return bytes.Equal(got, want)
}
