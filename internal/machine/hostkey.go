package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// HostKeyError says that a host key is not the one that is known, and that
// nothing was sent to that server.
type HostKeyError struct {
	Host        string   // as known_hosts names it
	Fingerprint string   // of the key that the server has: SHA256:…
	Line        string   // of known_hosts, which would make this key known
	File        string   // where that line would go
	Known       []string // FILE:LINE of the other keys that are known; none: the host is unknown
	Revoked     bool     // known_hosts says that this key must not be used
}

func (e *HostKeyError) Error() string {
	switch {
	case e.Revoked:
		return fmt.Sprintf("the host key of %s (%s) is marked as revoked in known_hosts", e.Host, e.Fingerprint)
	case len(e.Known) > 0:
		return fmt.Sprintf("the host key of %s has changed: it has %s now, another is in %s; "+
			"if the server was set up anew, remove that line and add to %s:\n%s", e.Host, e.Fingerprint, strings.Join(e.Known, ", "), e.File, e.Line)
	default:
		return fmt.Sprintf("the host key of %s is unknown (%s); compare it with the server's (ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub), then add to %s:\n%s",
			e.Host, e.Fingerprint, e.File, e.Line)
	}
}

// knownHosts is what the files say.
type knownHosts struct {
	callback ssh.HostKeyCallback
	file     string // the user's own
}

// systemKnownHosts are the files that hold for everybody.
var systemKnownHosts = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}

// readKnownHosts reads the files given, or the usual ones that are there.
func readKnownHosts(files []string) (*knownHosts, error) {
	k := &knownHosts{}
	if len(files) > 0 {
		k.file = files[0]
	} else {
		if home, err := os.UserHomeDir(); err == nil {
			k.file = filepath.Join(home, ".ssh", "known_hosts")
			files = append(files, k.file, k.file+"2")
		}
		files = append(files, systemKnownHosts...)
	}
	files = slices.DeleteFunc(slices.Clone(files), func(name string) bool {
		_, err := os.Stat(name)
		return errors.Is(err, fs.ErrNotExist)
	})
	var err error
	if k.callback, err = knownhosts.New(files...); err != nil {
		return nil, fmt.Errorf("read known_hosts: %w", err)
	}
	return k, nil
}

func (k *knownHosts) check(address string, remote net.Addr, key ssh.PublicKey) error {
	err := k.callback(address, remote, key)
	if err == nil {
		return nil
	}
	e := &HostKeyError{
		Host: knownhosts.Normalize(address), Fingerprint: ssh.FingerprintSHA256(key),
		Line: knownhosts.Line([]string{address}, key), File: k.file,
	}
	var other *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &other):
		for _, w := range other.Want {
			e.Known = append(e.Known, fmt.Sprintf("%s:%d", w.Filename, w.Line))
		}
	case errors.As(err, &revoked):
		e.Revoked = true
	default:
		return err
	}
	return e
}

// algorithms are the host key algorithms to ask for: those of the keys that are
// known for the address first, so that a server with several keys shows one of
// these. nil: none is known.
func (k *knownHosts) algorithms(address string) []string {
	var e *knownhosts.KeyError
	if !errors.As(k.callback(address, &net.TCPAddr{IP: net.IPv4zero}, nobodysKey{}), &e) || len(e.Want) == 0 {
		return nil
	}
	var first []string
	add := func(algorithms ...string) {
		for _, a := range algorithms {
			if !slices.Contains(first, a) {
				first = append(first, a)
			}
		}
	}
	for _, w := range e.Want {
		if w.Key.Type() == ssh.KeyAlgoRSA {
			add(ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		add(w.Key.Type())
	}
	// Certificates after them: an authority may be known, which no key names.
	add(ssh.SupportedAlgorithms().HostKeys...)
	return first
}

// nobodysKey is no server's key: the answer to it lists the keys that are known.
type nobodysKey struct{}

func (nobodysKey) Type() string                        { return "nobody" }
func (nobodysKey) Marshal() []byte                     { return []byte("nobody") }
func (nobodysKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
