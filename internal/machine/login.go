package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// LoginError says that the server took none of our keys.
type LoginError struct {
	At      Address
	Offered []string // the keys that were offered, by file or "agent"
	Left    []string // the keys that could not be, and why
	Err     error
}

func (e *LoginError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s did not let %s in", e.At.Host, e.At.User)
	if len(e.Offered) > 0 {
		fmt.Fprintf(&b, " with %s", strings.Join(e.Offered, ", "))
	} else {
		b.WriteString(": there was no key to offer")
	}
	for _, l := range e.Left {
		fmt.Fprintf(&b, "; %s", l)
	}
	if len(e.Offered) == 0 {
		b.WriteString("; name one with --identity, or add one to the agent (ssh-add)")
	}
	return b.String()
}

func (e *LoginError) Unwrap() error { return e.Err }

// usualKeys are the files that OpenSSH tries by itself, the best first.
var usualKeys = []string{"id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"}

// keyring is what we can log in with.
type keyring struct {
	signers []ssh.Signer
	names   []string
	left    []string
	agent   net.Conn
}

func (k *keyring) close() {
	if k.agent != nil {
		_ = k.agent.Close()
	}
}

// gather finds the keys: those named, or the agent's and then those of the
// configuration, or else the usual files.
func gather(ctx context.Context, o Options) *keyring {
	k := &keyring{}
	if len(o.Identity) > 0 {
		for _, file := range o.Identity {
			k.addFile(file, true, o.Passphrase)
		}
		return k
	}
	socket := o.Agent
	if socket == "" {
		socket = os.Getenv("SSH_AUTH_SOCK")
	}
	if socket != "" && socket != "none" {
		k.addAgent(ctx, socket)
	}
	for _, file := range o.files {
		k.addFile(file, true, o.Passphrase)
	}
	if home, err := os.UserHomeDir(); err == nil && len(o.files) == 0 {
		for _, name := range usualKeys {
			k.addFile(filepath.Join(home, ".ssh", name), false, o.Passphrase)
		}
	}
	return k
}

func (k *keyring) addAgent(ctx context.Context, socket string) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		k.left = append(k.left, fmt.Sprintf("the agent can't be asked (%v)", err))
		return
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // it may ask its user
	k.agent = conn
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		k.left = append(k.left, fmt.Sprintf("the agent can't be asked (%v)", err))
		return
	}
	for _, s := range signers {
		k.signers = append(k.signers, s)
		k.names = append(k.names, "agent "+ssh.FingerprintSHA256(s.PublicKey()))
	}
}

// maxKeyFile bounds a key file.
const maxKeyFile = 64 << 10

// addFile reads a private key, and the certificate beside it. One of the usual
// names that is not there is no news.
func (k *keyring) addFile(name string, named bool, passphrase func(string) ([]byte, error)) {
	signer, err := readKey(name, passphrase)
	if err != nil {
		if named || !errors.Is(err, fs.ErrNotExist) {
			k.left = append(k.left, fmt.Sprintf("%s is left out: %v", name, err))
		}
		return
	}
	if cert := certificateOf(name, signer); cert != nil {
		k.signers, k.names = append(k.signers, cert), append(k.names, name+"-cert.pub")
	}
	k.signers, k.names = append(k.signers, signer), append(k.names, name)
}

func readKey(name string, passphrase func(string) ([]byte, error)) (ssh.Signer, error) {
	f, err := os.Open(name)
	if err != nil {
		if of, ok := errors.AsType[*fs.PathError](err); ok {
			err = of.Err // the caller says which file
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// As OpenSSH (sshkey_perm_ok): a key that others may read is no secret.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("others may read it (mode %04o); chmod 600 mends that", mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer, nil
	case !errors.As(err, &locked):
		return nil, errors.New("it is no private key in a format that OpenSSH reads")
	case passphrase == nil:
		return nil, errors.New("it has a passphrase, and nobody is there to type it; ssh-add it to the agent")
	}
	words, err := passphrase(name)
	if err != nil {
		return nil, err
	}
	signer, err = ssh.ParsePrivateKeyWithPassphrase(text, words)
	if err != nil {
		return nil, errors.New("the passphrase does not open it")
	}
	return signer, nil
}

// certificateOf is the certificate beside a key, or nil.
func certificateOf(name string, signer ssh.Signer) ssh.Signer {
	info, err := os.Stat(name + "-cert.pub")
	if err != nil || info.Size() > maxKeyFile {
		return nil
	}
	text, err := os.ReadFile(name + "-cert.pub")
	if err != nil {
		return nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	cert, ok := public.(*ssh.Certificate)
	if err != nil || !ok {
		return nil
	}
	s, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return nil
	}
	return s
}
