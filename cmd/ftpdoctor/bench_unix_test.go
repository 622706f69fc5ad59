//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ftpdoctor/internal/ftptest"
)

// healthy starts a server without a fault and gives its URL with the password.
func healthy(b *testing.B) (url string) {
	b.Helper()
	f, ok := ftptest.Find("healthy")
	if !ok {
		b.Fatal("there is no healthy demo server")
	}
	s, err := ftptest.Start(f)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return strings.Replace(s.Target(), "@", ":"+ftptest.Password+"@", 1)
}

// build builds the program as it is released.
func build(b *testing.B) (binary string) {
	b.Helper()
	binary = filepath.Join(b.TempDir(), "ftpdoctor")
	c := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return binary
}

// usage runs a command to its end and tells what it took.
func usage(b *testing.B, name string, args ...string) (wall, cpu time.Duration, peakMiB float64) {
	b.Helper()
	c := exec.CommandContext(b.Context(), name, args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	start := time.Now()
	err := c.Run()
	wall = time.Since(start)
	if c.ProcessState == nil || c.ProcessState.ExitCode() > 1 { // 1: no encryption, which is a warning
		b.Fatalf("%s: %v\n%.2000s", filepath.Base(name), err, out.String())
	}
	r := c.ProcessState.SysUsage().(*syscall.Rusage)
	perMiB := float64(1024) // kilobytes; bytes on macOS
	if r.Maxrss > 1<<24 {
		perMiB = 1 << 20
	}
	return wall, c.ProcessState.UserTime() + c.ProcessState.SystemTime(), float64(r.Maxrss) / perMiB
}

// BenchmarkCheckAgainstCurl times a whole healthy check, as a process, and
// curl listing the same server right after it: the ratio is what counts.
func BenchmarkCheckAgainstCurl(b *testing.B) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("curl is not installed")
	}
	binary, url := build(b), healthy(b)
	var ours, theirs, spent time.Duration
	var peak float64
	for b.Loop() {
		wall, cpu, memory := usage(b, binary, "check", "--format", "json", url)
		ours, spent, peak = ours+wall, spent+cpu, max(peak, memory)
		wall, _, _ = usage(b, curl, "-sS", url)
		theirs += wall
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-curl")
	b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms/check")
	b.ReportMetric(theirs.Seconds()*1000/float64(b.N), "ms/curl")
	b.ReportMetric(spent.Seconds()/float64(b.N), "CPU-s/check")
	b.ReportMetric(peak, "MiB-peak")
}

// BenchmarkTwoHundredTargets checks 200 healthy targets at once from one
// process; the server is in another one.
func BenchmarkTwoHundredTargets(b *testing.B) {
	const targets = 200
	binary, url := build(b), healthy(b)
	list := filepath.Join(b.TempDir(), "targets")
	if err := os.WriteFile(list, []byte(strings.Repeat(url+"\n", targets)), 0o600); err != nil {
		b.Fatal(err)
	}
	var spent time.Duration
	var peak float64
	for b.Loop() {
		_, cpu, memory := usage(b, binary, "check", "--targets", list, "--parallel", "200", "--format", "json")
		spent, peak = spent+cpu, max(peak, memory)
	}
	b.ReportMetric(spent.Seconds()/float64(b.N)/targets, "CPU-s/check")
	b.ReportMetric(peak, "MiB-peak")
}
