package observe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Problem is why a key file can't be used.
type Problem string

// KeyForm says what a key file is, from its bytes: the format by its usual name,
// and why OpenSSH can't use it (empty: it can). In a recording it is not called.
type KeyForm func(content []byte) (format string, problem Problem)

// Reasons why a key file can't be used, besides those of a [KeyForm]. A file that
// is not there, or can't be read, is a Failure of the step.
const (
	KeyTooOpen   Problem = "too-open"  // others may read it, and OpenSSH refuses it
	KeyEncrypted Problem = "encrypted" // and nobody is there to be asked for the passphrase
	KeyMalformed Problem = "malformed" // this program can't read it
)

// SSHKey is a private key: a file of this machine, or held by the agent. A
// recording holds its public half only.
type SSHKey struct {
	Step
	Source  string  `json:"source"` // the path, or "agent 1"
	Type    string  `json:"type,omitempty"`
	Public  Bytes   `json:"public,omitempty"`  // wire form, where it is known
	Comment string  `json:"comment,omitempty"` // of the agent
	Format  string  `json:"format,omitempty"`  // of a file, as its [KeyForm] says
	Problem Problem `json:"problem,omitempty"` // one of the reasons above or of the [KeyForm]
	Mode    string  `json:"mode,omitempty"`    // of a file that is too open

	signer ssh.Signer
	agent  net.Conn // nil: of a file
}

// Usable tells whether the key can be offered.
func (k SSHKey) Usable() bool { return k.OK() && k.Problem == "" }

const maxKeyFile = 64 << 10

// SSHKeyFile reads a private key.
func (w *World) SSHKeyFile(path string, form KeyForm) SSHKey {
	return do(w, "ssh-key "+path, func() SSHKey {
		start := time.Now()
		k := SSHKey{Source: path}
		content, mode, err := readKey(path)
		k.Failure, k.Errno = classify(err)
		if err == nil {
			k.parse(content, form)
		}
		if k.Problem == "" && mode != 0 {
			k.Problem, k.Mode = KeyTooOpen, mode.String()
		}
		if k.Public == nil && k.Failure != Absent {
			k.publicHalf(path + ".pub")
		}
		k.Took = time.Since(start)
		return k
	})
}

// SSHCertificate reads a private key together with the certificate of an
// authority that lies beside it, as OpenSSH does: FILE-cert.pub.
func (w *World) SSHCertificate(path string, form KeyForm) SSHKey {
	return do(w, "ssh-certificate "+path, func() SSHKey {
		start := time.Now()
		k := SSHKey{Source: path + "-cert.pub"}
		text, err := readLimited(k.Source)
		if err == nil {
			var plain SSHKey
			content, mode, failed := readKey(path)
			if err = failed; err == nil {
				plain.parse(content, form)
				k.certify(text, plain, mode)
			}
		}
		k.Failure, k.Errno = classify(err)
		k.Took = time.Since(start)
		return k
	})
}

func (k *SSHKey) certify(text []byte, plain SSHKey, mode os.FileMode) {
	public, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	cert, ok := public.(*ssh.Certificate)
	switch {
	case err != nil || !ok || plain.signer == nil || plain.Problem != "":
		k.Problem = KeyMalformed
		return
	case mode != 0:
		k.Problem, k.Mode = KeyTooOpen, mode.String()
		return
	}
	if k.signer, err = ssh.NewCertSigner(cert, plain.signer); err != nil {
		k.Problem = KeyMalformed
		return
	}
	k.Comment = short(comment)
	k.setPublic(cert)
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// readKey returns a file, and its mode if OpenSSH would refuse it for that.
func readKey(path string) ([]byte, os.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("no regular file")
	}
	content, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	// sshkey_perm_ok of OpenSSH: only files of one's own are held to it.
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 || !ownFile(info) {
		return content, 0, err
	}
	return content, info.Mode().Perm(), err
}

// parse fills in what the file is.
func (k *SSHKey) parse(content []byte, form KeyForm) {
	k.Format, k.Problem = form(content)
	var locked *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(content)
	switch {
	case err == nil:
		k.signer = signer
		k.setPublic(signer.PublicKey())
	case errors.As(err, &locked):
		if locked.PublicKey != nil {
			k.setPublic(locked.PublicKey)
		}
		if k.Problem == "" {
			k.Problem = KeyEncrypted
		}
	case k.Problem == "":
		k.Problem = KeyMalformed
	}
}

func (k *SSHKey) setPublic(p ssh.PublicKey) { k.Type, k.Public = p.Type(), p.Marshal() }

// publicHalf reads the public key beside a private one that can't be read.
func (k *SSHKey) publicHalf(path string) {
	content, err := readLimited(path)
	if err != nil {
		return
	}
	if p, _, _, _, err := ssh.ParseAuthorizedKey(content); err == nil {
		k.setPublic(p)
	}
}

// SSHAgent is what the agent holds.
type SSHAgent struct {
	Step
	Keys []SSHKey `json:"keys,omitempty"`

	conn net.Conn
}

// maxAgentKeys bounds what is kept of the agent's list.
const maxAgentKeys = 64

// SSHAgent asks the agent behind a socket for its keys. Close ends the
// connection, after which the keys can't sign any more.
func (w *World) SSHAgent(ctx context.Context, socket string, timeout time.Duration) SSHAgent {
	return do(w, "ssh-agent", func() SSHAgent {
		start := time.Now()
		var a SSHAgent
		d := net.Dialer{Timeout: timeout}
		conn, err := d.DialContext(ctx, "unix", socket)
		if err == nil {
			a.conn = conn
			err = a.list(conn, timeout)
		}
		a.Failure, a.Errno = classify(err)
		a.Took = time.Since(start)
		return a
	})
}

func (a *SSHAgent) list(conn net.Conn, timeout time.Duration) error {
	_ = conn.SetDeadline(time.Now().Add(timeout))
	client := agent.NewClient(conn)
	signers, err := client.Signers()
	if err != nil {
		return err
	}
	keys, err := client.List()
	if err != nil {
		return err
	}
	for i, s := range signers[:min(len(signers), maxAgentKeys)] {
		k := SSHKey{Source: "agent " + itoa(i+1), signer: s, agent: conn}
		k.setPublic(s.PublicKey())
		if i < len(keys) {
			k.Comment = short(keys[i].Comment)
		}
		a.Keys = append(a.Keys, k)
	}
	return nil
}

// Close ends the connection to the agent.
func (a SSHAgent) Close() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}
