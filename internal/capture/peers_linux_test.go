package capture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// traffic writes a capture of FTP sessions that run at the same time: of each,
// a control dialogue and transfers with their acknowledgements.
func traffic(file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	f := newPcap(linkEthernet)
	block := strings.Repeat("0123456789", 70)
	const together = 50
	for written, round := 0, 0; written < packets; round++ {
		var controls, datas [together]*talk
		for i := range together {
			k := newTalk(f)
			k.client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(round), byte(i)}), uint16(20000+round))
			d := newTalk(f)
			d.client = netip.AddrPortFrom(k.client.Addr(), k.client.Port()+1)
			d.server = netip.AddrPortFrom(testServer.Addr(), uint16(30000+i))
			controls[i], datas[i] = k, d
			f.at = f.at.Add(-15 * time.Millisecond)
			k.open()
			for _, line := range []string{
				"220 ready", "USER test", "331 password", "PASS test", "230 welcome", "TYPE I", "200 ok",
				"PASV", "227 Entering Passive Mode (198,51,100,21," + strconv.Itoa((30000+i)>>8) + "," + strconv.Itoa((30000+i)&255) + ")", "RETR file",
			} {
				from := fromClient
				if line[0] >= '0' && line[0] <= '9' {
					from = fromServer
				}
				k.say(from, line+"\r\n")
			}
			d.open()
			k.say(fromServer, "150 here it comes\r\n")
			written += 17
		}
		for range 200 {
			for i := range together {
				f.at = f.at.Add(-2900 * time.Microsecond)
				datas[i].say(fromServer, block)
				datas[i].say(fromServer, block)
				datas[i].ack(fromClient)
				written += 3
			}
		}
		for i := range together {
			datas[i].close(fromServer)
			datas[i].close(fromClient)
			datas[i].ack(fromServer)
			controls[i].say(fromServer, "226 done\r\n")
			controls[i].say(fromClient, "QUIT\r\n")
			controls[i].say(fromServer, "221 bye\r\n")
			controls[i].close(fromServer)
			controls[i].close(fromClient)
			written += 8
		}
		if _, err := f.WriteTo(out); err != nil {
			return err
		}
	}
	return nil
}

// bare is a loop that decodes every packet with gopacket, and does nothing more.
func bare(r io.Reader) (int, error) {
	p, err := pcapgo.NewReader(bufio.NewReaderSize(r, window))
	if err != nil {
		return 0, err
	}
	var eth layers.Ethernet
	var ip4 layers.IPv4
	var tcp layers.TCP
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip4, &tcp, &payload)
	parser.IgnoreUnsupported = true
	var decoded []gopacket.LayerType
	for n := 0; ; n++ {
		data, _, err := p.ZeroCopyReadPacketData()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := parser.DecodeLayers(data, &decoded); err != nil {
			return n, err
		}
	}
}

// The test binary runs itself to have the peak of memory of one thing alone.
const benchmarkOf = "CAPTURE_BENCHMARK_OF"

func TestMain(m *testing.M) {
	what, file, _ := strings.Cut(os.Getenv(benchmarkOf), ":")
	if what == "" {
		os.Exit(m.Run())
	}
	if err := benchmarked(what, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const packets = 1_500_000

func benchmarked(what, file string) error {
	if what == "traffic" {
		return traffic(file)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if what == "bare" {
		_, err = bare(f)
		return err
	}
	a, err := Read(context.Background(), f, Options{})
	if err != nil {
		return err
	}
	if r := a.Report(); r.RootCause != nil || len(a.conns) == 0 {
		return fmt.Errorf("a healthy capture is judged: %v", r.RootCause)
	}
	return nil
}

// BenchmarkPeers compares the whole analysis of a capture of a million packets
// with a loop that only decodes, and with Wireshark's tools.
func BenchmarkPeers(b *testing.B) {
	file := filepath.Join(b.TempDir(), "traffic.pcap")
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	// In a process of its own: the peak of a child begins with that of its parent.
	generate := exec.CommandContext(b.Context(), self)
	generate.Env = append(os.Environ(), benchmarkOf+"=traffic:"+file)
	if out, err := generate.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, x := range []struct {
		name string
		argv []string
		env  string
	}{
		{"ftpdoctor", []string{self}, benchmarkOf + "=whole:" + file},
		{"bare", []string{self}, benchmarkOf + "=bare:" + file},
		{"capinfos", []string{"capinfos", file}, ""},
		{"tshark", []string{"tshark", "-n", "-r", file, "-Y", "ftp"}, ""},
	} {
		b.Run(x.name, func(b *testing.B) {
			path, err := exec.LookPath(x.argv[0])
			if err != nil {
				b.Skipf("%s is not installed", x.argv[0])
			}
			peak := int64(0)
			var user time.Duration
			for b.Loop() {
				c := exec.CommandContext(b.Context(), path, x.argv[1:]...)
				c.Env = append(os.Environ(), x.env)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				if err := c.Run(); err != nil {
					b.Fatalf("%v: %s", err, stderr.Bytes())
				}
				u := c.ProcessState.SysUsage().(*syscall.Rusage)
				peak = max(peak, u.Maxrss)
				user += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
			}
			b.ReportMetric(packets*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
			b.ReportMetric(packets*float64(b.N)/user.Seconds(), "packets/cpu-s")
			b.ReportMetric(float64(peak)/1024, "peak-MB")
		})
	}
}

// gopacket reads the same packets from every file as we do.
func TestAgainstGopacket(t *testing.T) {
	for name, file := range map[string][]byte{
		"pcap": sample(), "pcap, other order": otherOrder(), "gzip": gzipped(sample()),
	} {
		ours, err := open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := pcapgo.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		compareReaders(t, name, ours, theirs.ReadPacketData)
	}
	one := ethernet(etherIPv4, tcpOf{src: testClient, dst: testServer, seq: 1, flags: flagSYN}.ip())
	for name, file := range map[string][]byte{
		"pcapng":              pcapngOf(binary.LittleEndian, 6, 1e6, one, one),
		"pcapng, other order": pcapngOf(binary.BigEndian, 9, 1e9, one, one),
	} {
		ours, err := open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		compareReaders(t, name, ours, theirs.ReadPacketData)
	}
}

func otherOrder() []byte {
	f := newPcapOf(linkEthernet, binary.BigEndian, true)
	newTalk(f).open()
	return f.Bytes()
}

func compareReaders(t *testing.T, name string, ours framer, theirs func() ([]byte, gopacket.CaptureInfo, error)) {
	t.Helper()
	for n := 1; ; n++ {
		x, err := ours.next()
		data, info, err2 := theirs()
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%s: packet %d: %v, gopacket: %v", name, n, err, err2)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(x.data, data) || x.whole != info.Length || !x.m.at.time().Equal(info.Timestamp) {
			t.Fatalf("%s: packet %d: %d of %d bytes at %v, gopacket: %d of %d at %v", name, n, len(x.data), x.whole, x.m.at.time(), len(data), info.Length, info.Timestamp)
		}
	}
}
