package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// capturing is a tcpdump that writes what passes an interface of a host.
type capturing struct{ cmd *exec.Cmd }

// record starts a tcpdump on a host's interface, and returns when it listens.
// It runs in the host's network alone, with this machine's files.
func (h *Host) record(ctx context.Context, device, file string) (*capturing, error) {
	log, err := os.CreateTemp(h.net.dir, h.Name+"-tcpdump-*.log")
	if err != nil {
		return nil, fmt.Errorf("record on %s: %w", h.Name, err)
	}
	defer log.Close()
	c := &capturing{exec.CommandContext(ctx, "tcpdump", "-i", device, "-n", "-U", "--immediate-mode", "-s", "0", "-Z", "root", "-w", file)}
	c.cmd.Stderr = log
	if err := h.inside(c.cmd.Start); err != nil {
		return nil, fmt.Errorf("record on %s: %w", h.Name, err)
	}
	var said []byte
	for range 100 {
		if said, _ = os.ReadFile(log.Name()); bytes.Contains(said, []byte("listening on")) {
			return c, nil
		}
		if bytes.Contains(said, []byte("\n")) {
			break // it said why not
		}
		pause(ctx, 20*time.Millisecond)
	}
	c.stop()
	return nil, fmt.Errorf("record on %s: %s", h.Name, oneLine(string(said), 200))
}

// stop ends it, after a moment for what is still on its way.
func (c *capturing) stop() {
	if c == nil {
		return
	}
	pause(context.Background(), 50*time.Millisecond)
	_ = c.cmd.Process.Signal(os.Interrupt)
	_ = c.cmd.Wait() // that it was interrupted is what was asked for
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// captureName is where the packets of a scenario are kept.
func captureName(dir string, s Scenario, which string) string {
	return filepath.Join(dir, strings.ReplaceAll(s.Name, "/", "-")+which+".pcap")
}

// withCapture runs the check while the packets of the client and of the server
// are written, and then judges the client's.
func (n *Net) withCapture(ctx context.Context, s Scenario, o Options, r *Result) {
	file := captureName(o.CaptureDir, s, "")
	client, clientErr := n.Client.record(ctx, "eth0", file)
	server, _ := n.Server.record(ctx, "eth0", captureName(o.CaptureDir, s, ".server"))
	n.check(ctx, s, o, r)
	client.stop()
	server.stop()
	if clientErr != nil {
		r.Captured = &Captured{Reason: clientErr.Error()}
		return
	}
	r.Captured = judgeCapture(ctx, s, o, file)
}

// judgeCapture lets the binary judge a file.
func judgeCapture(ctx context.Context, s Scenario, o Options, file string) *Captured {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	argv := []string{"capture", "--format", "json"}
	if o.Lang != "" {
		argv = append(argv, "--lang", o.Lang)
	}
	out, err := exec.CommandContext(ctx, o.Binary, append(argv, file)...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return &Captured{Verdict: Broken, Reason: err.Error()}
	}
	if bytes.Contains(out, []byte(Password)) {
		return &Captured{Verdict: Broken, Reason: "the password is in the output"}
	}
	var rep report
	if err := json.Unmarshal(out, &rep); err != nil {
		return &Captured{Verdict: Broken, Reason: fmt.Sprintf("read report: %v", err)}
	}
	c := &Captured{}
	if rep.RootCause != nil {
		c.Code, c.Confidence = rep.RootCause.Code, rep.RootCause.Confidence
	}
	switch {
	case s.Healthy() && rep.RootCause == nil:
		c.Verdict = Healthy
	case s.Healthy():
		c.Verdict = FalseAlarm
	case rep.RootCause == nil:
		c.Verdict = Missed
	case slices.Contains(s.Want, c.Code):
		c.Verdict = Named
	case c.Confidence != "confirmed" && slices.ContainsFunc(rep.RootCause.Candidates, func(x candidate) bool { return slices.Contains(s.Want, x.Code) }):
		c.Verdict = Candidate
	default:
		c.Verdict = Wrong
	}
	return c
}
