package lab

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// offers are the algorithms that a server offers, by kind, in its order.
type offers struct{ KEX, HostKeys, Ciphers, MACs []string }

// signs are no algorithms: they say what a peer understands (RFC 8308 §2.1,
// and the strict key exchange of OpenSSH's PROTOCOL file).
var signs = regexp.MustCompile(`^(ext-info-|kex-strict-)`)

func without(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), signs.MatchString)
}

// TestAlgorithmsAsOthersReadThem compares what the report says that servers
// offer with what ssh-audit and ssh -vv read from the same servers.
func TestAlgorithmsAsOthersReadThem(t *testing.T) {
	needLab(t)
	for _, tool := range []string{"ssh-audit", "ssh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v; internal/lab/install.sh installs it", err)
		}
	}
	binary := filepath.Join(t.TempDir(), "ftpdoctor")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "ftpdoctor/cmd/ftpdoctor").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, server := range map[string]setup{
		"OpenSSH": sshd(""), "OpenSSH as of 2010": sshd(LegacySSHD), "dropbear": dropbear(), "ProFTPD": proftpdSSH(""),
	} {
		t.Run(name, func(t *testing.T) {
			n, err := New(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			if err := server(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			ours := readReport(t, n, binary)
			if diff := cmp.Diff(readAudit(t, n), ours); diff != "" {
				t.Errorf("ssh-audit (-) and the report (+) disagree:\n%s", diff)
			}
			if diff := cmp.Diff(readSSH(t, n), ours); diff != "" {
				t.Errorf("ssh -vv (-) and the report (+) disagree:\n%s", diff)
			}
		})
	}
}

func readReport(t *testing.T, n *Net, binary string) offers {
	t.Helper()
	out, err := n.Client.Sh(t.Context(), binary+" check --format json --identity none sftp://lab:wrong@"+FTPName+"/ 2>/dev/null || true")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Facts struct {
			SSH struct {
				KEX      []string `json:"kex"`
				HostKeys []string `json:"host_keys"`
				Ciphers  []string `json:"ciphers"`
				MACs     []string `json:"macs"`
			} `json:"ssh"`
		} `json:"facts"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := r.Facts.SSH
	return offers{without(s.KEX), s.HostKeys, s.Ciphers, s.MACs}
}

func readAudit(t *testing.T, n *Net) offers {
	t.Helper()
	out, err := n.Client.Sh(t.Context(), "ssh-audit --json "+FTPName+" || true")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		KEX, Key []struct {
			Algorithm string `json:"algorithm"`
		}
		Enc, MAC []string
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var o offers
	for _, a := range r.KEX {
		o.KEX = append(o.KEX, a.Algorithm)
	}
	for _, a := range r.Key {
		o.HostKeys = append(o.HostKeys, a.Algorithm)
	}
	o.Ciphers, o.MACs = r.Enc, r.MAC
	o.KEX = without(o.KEX)
	return o
}

func readSSH(t *testing.T, n *Net) offers {
	t.Helper()
	out, err := n.Client.Sh(t.Context(), "ssh -vv -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "+FTPName+" true 2>&1 || true")
	if err != nil {
		t.Fatal(err)
	}
	_, peer, ok := strings.Cut(out, "peer server KEXINIT proposal")
	if !ok {
		t.Fatalf("ssh shows no KEXINIT of the server:\n%s", out)
	}
	list := func(label string) []string {
		_, rest, _ := strings.Cut(peer, "debug2: "+label+": ")
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Split(strings.TrimSpace(line), ",")
	}
	return offers{without(list("KEX algorithms")), list("host key algorithms"), list("ciphers ctos"), list("MACs ctos")}
}
