package lab

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkCheckAgainstClients times a whole healthy check of a real server, as
// a process, and the ordinary client doing one listing right after it: the
// ratio is what counts. Both go through the same routers.
func BenchmarkCheckAgainstClients(b *testing.B) {
	if err := prepare(b.Context()); err != nil {
		b.Skip(err)
	}
	binary := filepath.Join(b.TempDir(), "ftpdoctor")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "ftpdoctor/cmd/ftpdoctor")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	dav := func(scheme string) string { return scheme + "://lab@" + FTPName + "/dav/" }
	for _, bench := range []struct{ name, check, client string }{
		{"SFTP-key", "sftp://lab@" + FTPName + "/", "echo ls | sftp -q" + sftpOptions + "-b - lab@" + FTPName},
		{"WebDAV", dav("dav"), curl + "-o /dev/null -X PROPFIND -H 'Depth: 1' http://" + FTPName + "/dav/"},
		{"WebDAV-TLS", dav("davs"), curl + "-o /dev/null -X PROPFIND -H 'Depth: 1' https://" + FTPName + "/dav/"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			n, err := New(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer n.Close()
			if err := then(fiveServices, authorized("ed25519"))(b.Context(), n); err != nil {
				b.Fatal(err)
			}
			setting := "cd " + filepath.Dir(n.home()) + "; export HOME=" + n.home() + " FTPDOCTOR_PASSWORD='" + Password + "'\n"
			timed := func(script string) time.Duration {
				start := time.Now()
				if out, err := n.Client.Sh(b.Context(), setting+script); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				return time.Since(start)
			}
			var ours, theirs time.Duration
			for b.Loop() {
				ours += timed(binary + " check --format json " + bench.check + " || [ $? = 1 ]") // 1: a warning
				theirs += timed(bench.client)
			}
			b.ReportMetric(float64(ours)/float64(theirs), "x-client")
			b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms/check")
			b.ReportMetric(theirs.Seconds()*1000/float64(b.N), "ms/client")
		})
	}
}
