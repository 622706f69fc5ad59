package fix_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ftpdoctor/internal/fix"
)

// patch(1) makes the new text of the old one and the difference.
func TestDiffIsAPatch(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("patch is not there")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	text := func() string {
		var b strings.Builder
		for range r.IntN(30) {
			b.WriteString([]string{"listen=YES\n", "listen=NO\n", "\n", "# a\n", "pasv_min_port=50000\n"}[r.IntN(5)])
		}
		if r.IntN(4) == 0 {
			b.WriteString("no end")
		}
		return b.String()
	}
	for i := range 300 {
		old, now := text(), text()
		if i%2 == 0 { // most edits are small
			now = strings.Replace(old, "listen=NO\n", "listen=YES\nlisten_port=21\n", 1)
		}
		if old == now || old == "" {
			continue
		}
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		diff := (&fix.File{Path: "/f", Before: old, Content: now}).Diff()
		cmd := exec.CommandContext(t.Context(), "patch", "-s", "-F0", name)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, diff)
		}
		got, err := os.ReadFile(name)
		if err != nil && now != "" { // patch removes what it has emptied
			t.Fatal(err)
		}
		if string(got) != now {
			t.Fatalf("the patch makes\n%q, want\n%q\n%s", got, now, diff)
		}
	}
}
