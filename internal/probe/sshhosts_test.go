package probe

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"
)

func TestKnownHostLines(t *testing.T) {
	key := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + strings.Repeat("k", 32)))
	for line, want := range map[string]bool{
		"ftp.example.com ssh-ed25519 " + key:                                 true,
		"FTP.Example.com,192.0.2.1 ssh-ed25519 " + key + " comment":          true,
		"other.example.com ssh-ed25519 " + key:                               false,
		"*.example.com ssh-ed25519 " + key:                                   true,
		"*.example.com,!ftp.example.com ssh-ed25519 " + key:                  false,
		"ftp?example.com ssh-ed25519 " + key:                                 true,
		"[ftp.example.com]:2222 ssh-ed25519 " + key:                          false,
		knownhosts.HashHostname("ftp.example.com") + " ssh-ed25519 " + key:   true,
		knownhosts.HashHostname("other.example.com") + " ssh-ed25519 " + key: false,
		"@cert-authority *.example.com ssh-ed25519 " + key:                   true,
		"@revoked * ssh-ed25519 " + key:                                      true,
		"# ftp.example.com ssh-ed25519 " + key:                               false,
		"ftp.example.com ssh-ed25519":                                        false,
		"ftp.example.com ssh-ed25519 !!!":                                    false,
		"|1|bad|worse ssh-ed25519 " + key:                                    false,
	} {
		if _, got := parseKnownHost(line, "ftp.example.com"); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
	k, ok := parseKnownHost("[ftp.example.com]:2222 ssh-ed25519 "+key, "[ftp.example.com]:2222")
	if !ok || keyKind(k.key) != "ssh-ed25519" {
		t.Errorf("a port: %+v, %v", k, ok)
	}
}

// FuzzKnownHosts: whatever stands in a file, it is read in good time.
func FuzzKnownHosts(f *testing.F) {
	f.Add("@revoked * ssh-ed25519 AAAA\n|1|a|b ssh-rsa AAAA\n", "host")
	f.Add("**********************************************a ssh-rsa AAAA", strings.Repeat("b", 250))
	f.Fuzz(func(t *testing.T, text, name string) {
		begun := time.Now()
		if len(text) > 4096 || len(name) > 253 {
			return
		}
		for line := range strings.Lines(text) {
			k, _ := parseKnownHost(line, name)
			_ = keyKind(k.key)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}
