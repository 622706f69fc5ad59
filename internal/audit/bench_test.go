package audit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchSize is the size of a log for BenchmarkAudit in MiB; the environment
// variable FTPDOCTOR_AUDIT_MIB sets another, 1024 for the figures that
// docs/audit.md states.
func benchSize(b *testing.B) int64 {
	if s := os.Getenv("FTPDOCTOR_AUDIT_MIB"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return n << 20
	}
	return 128 << 20
}

// mawkOf is the program that counts the lines of each address: what an
// administrator writes instead.
func mawkOf(s dialectSample) []string {
	switch {
	case s.mawk == `-F"`:
		return []string{"-F", `"`, `{c[$2]++} END{for(k in c) print k, c[k]}`}
	case s.mawk == `-F[`:
		return []string{"-F", `[`, `{c[$3]++} END{for(k in c) print k, c[k]}`}
	case s.mawk == `-F@`:
		return []string{"-F", `[@)]`, `{c[$2]++} END{for(k in c) print k, c[k]}`}
	case s.mawk == "$0": // the address is the word after "from"
		return []string{`{for(i=6;i<NF;i++) if($i=="from"){c[$(i+1)]++;break}} END{for(k in c) print k, c[k]}`}
	}
	return []string{`{c[` + s.mawk + `]++} END{for(k in c) print k, c[k]}`}
}

// BenchmarkAudit measures the whole audit of a log, and in the same run `grep
// -c` of one kind of line and mawk counting the lines of each address, both
// with LC_ALL=C. It reports MB/s of all three, the ratio to mawk, and the most
// memory that the process has had.
func BenchmarkAudit(b *testing.B) {
	for _, s := range samples {
		b.Run(s.name, func(b *testing.B) {
			name := filepath.Join(b.TempDir(), s.name+".log")
			generate(b, s, name, benchSize(b))
			info, err := os.Stat(name)
			if err != nil {
				b.Fatal(err)
			}
			in := []Input{{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(name) }, Written: base.AddDate(0, 2, 0)}}
			b.SetBytes(info.Size())
			var best, grep, mawk, mawkCPU time.Duration
			for b.Loop() {
				b.StopTimer() // side by side, since a machine is not equally busy all the time
				took, _ := outside(b, "grep", "-c", s.pattern, name)
				faster(&grep, took)
				took, mawkCPU = outside(b, "mawk", append(mawkOf(s), name)...)
				faster(&mawk, took)
				b.StartTimer()
				start := time.Now()
				sum, err := Run(b.Context(), in, Options{Zone: time.UTC})
				if err != nil {
					b.Fatal(err)
				}
				faster(&best, time.Since(start))
				if sum.Logs[0].Unknown != 0 || sum.Events < sum.Lines/2 {
					b.Fatalf("read as %+v", sum.Logs[0])
				}
			}
			b.StopTimer()
			rate := func(d time.Duration) float64 { return float64(info.Size()) / 1e6 / d.Seconds() }
			b.ReportMetric(rate(best), "best-MB/s")
			if grep > 0 {
				b.ReportMetric(rate(grep), "grep-MB/s")
			}
			if mawk > 0 {
				b.ReportMetric(rate(mawk), "mawk-MB/s")
				b.ReportMetric(rate(mawkCPU), "mawk-MB/cpu-s")
				b.ReportMetric(float64(mawk)/float64(best), "times-mawk")
			}
			// Of a machine that does something else too, the time of the processors
			// tells more.
			mib, cpu := alone(b, name)
			b.ReportMetric(mib, "peak-MiB")
			b.ReportMetric(float64(info.Size())/1e6/cpu.Seconds(), "MB/cpu-s")
		})
	}
}

func faster(best *time.Duration, took time.Duration) {
	if *best == 0 || took < *best {
		*best = took
	}
}

// outside runs a program and returns its time and that of the processors, or 0
// where there is no such program. Its output is read: with nobody reading, grep stops at the first line.
func outside(b *testing.B, program string, args ...string) (took, cpu time.Duration) {
	if _, err := exec.LookPath(program); err != nil {
		return 0, 0
	}
	cmd := exec.CommandContext(b.Context(), program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v: %s", program, err, out)
	}
	return time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

const auditOne = "FTPDOCTOR_AUDIT_ONE"

// TestMain audits the log that the environment names and does nothing else, for
// [alone].
func TestMain(m *testing.M) {
	name := os.Getenv(auditOne)
	if name == "" {
		os.Exit(m.Run())
	}
	_, err := Run(context.Background(), []Input{{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(name) }}}, Options{Zone: time.UTC})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(peakMemory())
}

// alone audits a log in a process that does nothing else: the most memory in
// MiB that it had, and the time of processors that it took.
func alone(tb testing.TB, name string) (mib float64, cpu time.Duration) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), auditOne+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatal(err)
	}
	if mib, err = strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil {
		tb.Fatal(err)
	}
	return mib, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// peakMemory is the most memory in MiB that this process has had resident, or
// 0 where the system does not say.
func peakMemory() float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
