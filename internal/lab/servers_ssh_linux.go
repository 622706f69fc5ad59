package lab

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// sshKey is a key pair as OpenSSH keeps it in files.
type sshKey struct {
	private string // PEM, in OpenSSH's own format
	public  string // "type base64"
	signer  ssh.Signer
}

// oneRSAKey is made once per process: it takes time.
var oneRSAKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newSSHKey makes a key pair: ed25519, ecdsa (P-256), or rsa (2048 bits, always
// the same within a process).
func newSSHKey(kind string) (k sshKey, err error) {
	var key crypto.Signer
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		key, err = oneRSAKey()
	default:
		err = errors.New("no such kind")
	}
	if err == nil {
		k.signer, err = ssh.NewSignerFromSigner(key)
	}
	var block *pem.Block
	if err == nil {
		block, err = ssh.MarshalPrivateKey(key, "lab")
	}
	if err != nil {
		return k, fmt.Errorf("make %s key: %w", kind, err)
	}
	k.private = string(pem.EncodeToMemory(block))
	k.public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
	return k, nil
}

// hostKeyKinds are the host keys that a lab's SSH server has.
var hostKeyKinds = []string{"ed25519", "ecdsa", "rsa"}

func hostKeyFile(kind string) string { return "/etc/ssh/ssh_host_" + kind + "_key" }

// HostKeys makes the SSH server's host keys, /etc/ssh/ssh_host_KIND_key and
// .pub, where they are not there yet.
func (n *Net) HostKeys() error {
	for _, kind := range hostKeyKinds {
		if _, err := n.Server.ReadFile(hostKeyFile(kind)); err == nil {
			continue
		}
		k, err := newSSHKey(kind)
		if err != nil {
			return err
		}
		err = errors.Join(n.Server.WriteFile(hostKeyFile(kind), k.private), n.Server.Chmod(hostKeyFile(kind), 0o600, 0),
			n.Server.WriteFile(hostKeyFile(kind)+".pub", k.public+"\n"))
		if err != nil {
			return err
		}
	}
	return nil
}

// homeFile writes a file below the home directory of the check.
func (n *Net) homeFile(name, content string, mode fs.FileMode) error {
	path := filepath.Join(n.home(), name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(content), mode)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return fmt.Errorf("write file of the client: %w", err)
	}
	return nil
}

// KnowHost writes the client's known_hosts: the server's host keys of these
// kinds (none given: all) under a name as known_hosts has it, such as
// "[ftp.lab.example]:2222".
func (n *Net) KnowHost(name string, kinds ...string) error {
	if len(kinds) == 0 {
		kinds = hostKeyKinds
	}
	var b strings.Builder
	for _, kind := range kinds {
		public, err := n.Server.ReadFile(hostKeyFile(kind) + ".pub")
		if err != nil {
			return err
		}
		b.WriteString(name + " " + public)
	}
	return n.homeFile(".ssh/known_hosts", b.String(), 0o600)
}

// clientKey gives the client a new key of a kind as ~/.ssh/id_KIND and .pub.
func (n *Net) clientKey(kind string) (sshKey, error) {
	k, err := newSSHKey(kind)
	if err != nil {
		return k, err
	}
	return k, n.keepKey(kind, k)
}

// keepKey writes a key into the client's home.
func (n *Net) keepKey(kind string, k sshKey) error {
	return errors.Join(n.homeFile(".ssh/id_"+kind, k.private, 0o600), n.homeFile(".ssh/id_"+kind+".pub", k.public+" lab\n", 0o644))
}

// Authorize adds public keys to authorized_keys of an account.
func (n *Net) Authorize(ctx context.Context, user string, publics ...string) error {
	name := "/home/" + user + "/.ssh/authorized_keys"
	old, err := n.Server.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := n.Server.WriteFile(name, old+strings.Join(publics, "\n")+"\n"); err != nil {
		return err
	}
	_, err = n.Server.Sh(ctx, fmt.Sprintf("cd /home/%[1]s; chown -R %[1]s: .ssh; chmod 700 .ssh; chmod 600 .ssh/authorized_keys", user))
	return err
}

// sshdDefaults make a healthy OpenSSH, as Debian sets it up: PAM, passwords and
// keys, and the SFTP server as a program of its own.
const sshdDefaults = `Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
HostKey /etc/ssh/ssh_host_rsa_key
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
PidFile none
LogLevel VERBOSE
Subsystem sftp /usr/lib/openssh/sftp-server
`

// LegacySSHD are the lines that make OpenSSH speak as a server of 2010: only
// algorithms that clients have dropped since.
const LegacySSHD = `KexAlgorithms diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1
Ciphers aes128-cbc,3des-cbc
MACs hmac-md5,hmac-sha1-96
HostKeyAlgorithms ssh-rsa
PubkeyAcceptedAlgorithms ssh-rsa
HostKey /etc/ssh/ssh_host_rsa_key
`

// withoutDirectives leaves out of a configuration the directives that conf
// gives anew, or has as a comment ("#Subsystem sftp ...").
func withoutDirectives(defaults, conf string) string {
	var b strings.Builder
	for line := range strings.Lines(defaults) {
		directive, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+conf, "\n"+directive+" ") && !strings.Contains("\n"+conf, "\n#"+directive+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// OpenSSH starts sshd with defaults and the lines of conf, as
// /etc/ssh/sshd_config, and waits until it listens. A directive of conf
// replaces the default; as a comment, it removes it. Host keys are made unless
// they are there.
func (n *Net) OpenSSH(ctx context.Context, conf string) (*Proc, error) {
	text := withoutDirectives(sshdDefaults, conf) + conf + "\n"
	if err := errors.Join(n.HostKeys(), n.serviceAccount("sshd", 1902, "/run/sshd"), n.Server.WriteFile("/etc/ssh/sshd_config", text)); err != nil {
		return nil, err
	}
	if _, err := n.Server.Sh(ctx, "install -d -m 755 /run/sshd"); err != nil {
		return nil, err
	}
	return n.startServer(ctx, setting(text, " ", "Port", 22), "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config")
}

// Dropbear starts dropbear with the lab's host keys and args, which has
// OpenSSH's SFTP server beside it, and waits until it listens (on the port that
// args give with -p, or on 22).
func (n *Net) Dropbear(ctx context.Context, args ...string) (*Proc, error) {
	if err := n.HostKeys(); err != nil {
		return nil, err
	}
	argv, port := []string{"/usr/sbin/dropbear", "-F", "-E"}, 22
	script := "mkdir -p /etc/dropbear"
	for _, kind := range hostKeyKinds {
		script += "; dropbearconvert openssh dropbear " + hostKeyFile(kind) + " /etc/dropbear/" + kind
		argv = append(argv, "-r", "/etc/dropbear/"+kind)
	}
	if _, err := n.Server.Sh(ctx, script); err != nil {
		return nil, err
	}
	for i, a := range args {
		if a == "-p" && i+1 < len(args) {
			if p, err := strconv.Atoi(args[i+1]); err == nil {
				port = p
			}
		}
	}
	return n.startServer(ctx, port, append(argv, args...)...)
}

// proftpdSFTP are the lines that make ProFTPD an SFTP server. Its keys of users
// are in ~/.sftp/authorized_keys, in the format of RFC 4716.
const proftpdSFTP = `Port 22
SFTPEngine on
SFTPLog /var/log/proftpd/sftp.log
SFTPHostKey /etc/ssh/ssh_host_ed25519_key
SFTPHostKey /etc/ssh/ssh_host_ecdsa_key
SFTPHostKey /etc/ssh/ssh_host_rsa_key
SFTPAuthorizedUserKeys file:~/.sftp/authorized_keys
`

// ProFTPDSFTP starts ProFTPD's mod_sftp on port 22 with conf after its
// defaults, of which conf's directives replace those of the same name.
func (n *Net) ProFTPDSFTP(ctx context.Context, conf string) (*Proc, error) {
	if err := n.HostKeys(); err != nil {
		return nil, err
	}
	return n.ProFTPD(ctx, "LoadModule mod_sftp.c\n"+withoutDirectives(proftpdSFTP, conf)+conf)
}

// agent starts an ssh-agent for the client, whose socket is ~/agent, and adds
// the client's keys of these kinds to it. It belongs to nobody: an agent serves
// its own user, and root.
func (n *Net) agent(ctx context.Context, keys ...sshKey) error {
	socket := filepath.Join(n.home(), "agent")
	if _, err := n.Client.Start(ctx, "setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "ssh-agent", "-D", "-a", socket); err != nil {
		return err
	}
	err := poll(ctx, "the agent's socket", func() (bool, error) {
		_, err := os.Stat(socket)
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	for i, k := range keys {
		name := filepath.Join(n.dir, "agent-key-"+strconv.Itoa(i))
		if err := os.WriteFile(name, []byte(k.private), 0o600); err != nil {
			return fmt.Errorf("add to the agent: %w", err)
		}
		if _, err := n.Client.Sh(ctx, "SSH_AUTH_SOCK="+socket+" ssh-add -q "+name); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("add to the agent: %w", err)
		}
	}
	return nil
}
