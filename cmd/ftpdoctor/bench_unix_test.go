//go:build unix

package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ftpdoctor/internal/ftptest"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// healthy starts a server without a fault.
func healthy(b *testing.B) *ftptest.Server {
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
	return s
}

// BenchmarkCheckAgainstCurl times a whole healthy check, as a process, and
// curl listing the same server right after it: the ratio is what counts.
func BenchmarkCheckAgainstCurl(b *testing.B) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("curl is not installed")
	}
	binary := filepath.Join(b.TempDir(), "ftpdoctor")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	s := healthy(b)
	target := strings.Replace(s.Target(), "@", ":"+ftptest.Password+"@", 1)
	var ours, theirs time.Duration
	var memory int64
	for b.Loop() {
		start := time.Now()
		c := exec.Command(binary, "check", "--format", "json", target)
		out, err := c.Output()
		ours += time.Since(start)
		if c.ProcessState.ExitCode() > 1 {
			b.Fatalf("check: %v\n%s", err, out)
		}
		memory = max(memory, c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		start = time.Now()
		if out, err := exec.Command(curl, "-sS", target).CombinedOutput(); err != nil {
			b.Fatalf("curl: %v\n%s", err, out)
		}
		theirs += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-curl")
	b.ReportMetric(float64(memory)/1024, "MiB-peak")
}

// BenchmarkTwoHundredTargets checks 200 healthy targets at once from one process.
func BenchmarkTwoHundredTargets(b *testing.B) {
	const targets = 200
	s := healthy(b)
	t, err := observe.ParseTarget(s.Target())
	if err != nil {
		b.Fatal(err)
	}
	t.Password, t.HasPass = ftptest.Password, true
	before := cpu(b)
	for b.Loop() {
		var wg sync.WaitGroup
		for range targets {
			wg.Go(func() {
				if r := probe.Run(context.Background(), observe.Live(), t, probe.Options{}, nil); r.RootCause != nil {
					b.Errorf("root cause %s", r.RootCause.Code)
				}
			})
		}
		wg.Wait()
	}
	spent := cpu(b) - before
	b.ReportMetric(spent.Seconds()/float64(b.N)/targets, "CPU-s/check")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
}

// cpu is the processor time that this process has used, server included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip("this system does not tell the processor time")
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
