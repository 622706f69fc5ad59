package audit

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// dialectSample writes lines of one dialect as a server of several hundred
// users and several thousand addresses would.
type dialectSample struct {
	name   string
	header string
	// pattern and field are for grep and mawk: the beginning of what stands
	// before the address, and how mawk gets at the address.
	pattern, mawk string
	line          func(w *strings.Builder, r *rand.Rand, at time.Time)
}

var base = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// someone gives one of 5000 addresses and one of 400 users; most addresses
// are one user's.
func someone(r *rand.Rand) (address, user string) {
	n := r.IntN(5000)
	u := n % 400
	if r.IntN(50) == 0 {
		u = r.IntN(400)
	}
	return fmt.Sprintf("%d.%d.%d.%d", 11+n%200, n%7, n%251, 1+n%250), fmt.Sprintf("user%d", u)
}

var samples = []dialectSample{
	{
		name: "vsftpd", pattern: "OK LOGIN", mawk: `-F"`,
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			head := fmt.Sprintf("%s [pid %d] ", at.Format(time.ANSIC), 2+r.IntN(90000))
			switch a, u := someone(r); r.IntN(8) {
			case 0, 1:
				fmt.Fprintf(w, "%sCONNECT: Client \"%s\"\n", head, a)
			case 2, 3:
				fmt.Fprintf(w, "%s[%s] OK LOGIN: Client \"%s\"\n", head, u, a)
			case 4:
				fmt.Fprintf(w, "%s[%s] FAIL LOGIN: Client \"%s\"\n", head, u, a)
			case 5:
				fmt.Fprintf(w, "%s[%s] OK UPLOAD: Client \"%s\", \"/home/%s/in/order-%d.xml\", %d bytes, %.2fKbyte/sec\n", head, u, a, u, r.IntN(1e6), r.IntN(1e7), r.Float64()*20000)
			default:
				fmt.Fprintf(w, "%s[%s] OK DOWNLOAD: Client \"%s\", \"/home/%s/out/report-%d.csv\", %d bytes, %.2fKbyte/sec\n", head, u, a, u, r.IntN(1e6), r.IntN(1e7), r.Float64()*20000)
			}
		},
	},
	{
		name: "xferlog", pattern: " o r ", mawk: "$7",
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			a, u := someone(r)
			fmt.Fprintf(w, "%s %d %s %d /home/%s/out/report_%d.csv b _ %c r %s ftp 0 * %c\n", at.Format(time.ANSIC), r.IntN(30), a, r.IntN(1e7), u, r.IntN(1e6), "io"[r.IntN(2)], u, "ccccccci"[r.IntN(8)])
		},
	},
	{
		name: "proftpd", pattern: "Login successful", mawk: `-F[`,
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			a, u := someone(r)
			text := []string{"FTP session opened.", "USER " + u + ": Login successful.", "USER " + u + " (Login failed): Incorrect password", "FTP session closed."}[r.IntN(4)]
			fmt.Fprintf(w, "%s ftp.example.com proftpd[%d] 198.51.100.10 (%s[%s]): %s\n", at.Format("2006-01-02 15:04:05,000"), r.IntN(90000), a, a, text)
		},
	},
	{
		name: "clf", pattern: `" 226 `, mawk: "$1",
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			request := []string{`"USER %s" 331 -`, `"PASS (hidden)" 230 -`, `"TYPE I" 200 -`, `"RETR %s.csv" 226 48213`, `"STOR %s.xml" 226 90213`, `"QUIT" 221 -`}[r.IntN(6)]
			a, u := someone(r)
			fmt.Fprintf(w, "%s UNKNOWN %s [%s] %s\n", a, u, at.Format("02/Jan/2006:15:04:05 -0700"), strings.ReplaceAll(request, "%s", u))
		},
	},
	{
		name: "pure-ftpd", pattern: "now logged in", mawk: `-F@`,
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			a, u := someone(r)
			text := []string{
				"(?@%a) [INFO] New connection from %a", "(?@%a) [INFO] %u is now logged in", "(?@%a) [WARNING] Authentication failed for user [%u]",
				"(%u@%a) [NOTICE] /home/%u/report.csv downloaded  (348213 bytes, 18292.98KB/sec)", "(%u@%a) [INFO] Logout.",
			}[r.IntN(5)]
			fmt.Fprintf(w, "%s ftp pure-ftpd[%d]: %s\n", at.Format(time.Stamp), r.IntN(90000), strings.NewReplacer("%a", a, "%u", u).Replace(text))
		},
	},
	{
		name: "sshd", pattern: "Accepted", mawk: "$0",
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			a, u := someone(r)
			text := []string{
				"Accepted publickey for %u from %a port 40022 ssh2: ED25519 SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE", "Failed password for %u from %a port 40100 ssh2",
				"Invalid user %u from %a port 50122", "Failed password for invalid user %u from %a port 50122 ssh2", "Disconnected from user %u %a port 40022",
			}[r.IntN(5)]
			fmt.Fprintf(w, "%s ftp sshd[%d]: %s\n", at.Format(time.Stamp), r.IntN(90000), strings.NewReplacer("%a", a, "%u", u).Replace(text))
		},
	},
	{
		name: "iis", pattern: " 226 ", mawk: "$3",
		header: "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-01 00:00:00\n#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status sc-win32-status sc-substatus x-session x-fullpath\n",
		line: func(w *strings.Builder, r *rand.Rand, at time.Time) {
			a, u := someone(r)
			text := []string{"- 10.0.0.5 21 USER %u 331 0 0", "%u 10.0.0.5 21 PASS *** 230 0 0", "- 10.0.0.5 21 PASS *** 530 1326 41", "%u 10.0.0.5 21 STOR order.xml 226 0 0", "%u 10.0.0.5 21 RETR report.csv 226 0 0"}[r.IntN(5)]
			fmt.Fprintf(w, "%s %s %s 5b6f2c9e-28d1-4f5e-b0cb-7f1d2c3b4a59 /\n", at.Format(time.DateTime), a, strings.ReplaceAll(text, "%u", u))
		},
	},
}

// generate writes a log of about size bytes into a file: a block of distinct
// lines, repeated.
func generate(tb testing.TB, s dialectSample, name string, size int64) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var block strings.Builder
	at := base
	for block.Len() < 32<<20 && int64(block.Len()) < size {
		s.line(&block, r, at)
		at = at.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
	}
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(s.header); err != nil {
		tb.Fatal(err)
	}
	for n := int64(0); n < size; n += int64(block.Len()) {
		if _, err := w.WriteString(block.String()); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}
