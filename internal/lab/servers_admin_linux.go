package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// adminPort is where the administrators' SSH server listens: not where users
// look for one.
const adminPort = 2200

// adminURL is where an administrator logs in. By address: it works whatever the
// scenario does to names.
var adminURL = "ssh://admin@" + ServerIP + ":" + strconv.Itoa(adminPort)

// adminConfig is an SSH server that takes keys only, beside the one that may be
// under test. It asks no PAM, whose files are what some scenarios break.
const adminConfig = `Port 2200
AddressFamily inet
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/admin_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
AllowUsers admin
`

// adminKey is the administrator's private key, in the home of the check.
const adminKey = "admin_key"

// adminArgs are the arguments by which a check looks at the server's machine.
func (n *Net) adminArgs() []string {
	return []string{"--host", adminURL, "--host-identity", filepath.Join(n.home(), adminKey)}
}

// HostArgs are the same for who has another home than the lab's client.
func (n *Net) HostArgs() []string {
	return append(n.adminArgs(), "--known-hosts", filepath.Join(n.home(), ".ssh", "known_hosts"))
}

// Admin lets an administrator in over SSH, with the rights of root: an account
// of his own, an SSH server of his own, a key on the client, and the server's
// host key in its known_hosts.
func (n *Net) Admin(ctx context.Context) error {
	k, err := newSSHKey("ed25519")
	if err != nil {
		return err
	}
	passwd, err := n.Server.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	if !strings.Contains("\n"+passwd, "\nadmin:") {
		if err := errors.Join(n.Server.appendFile("/etc/passwd", "admin:x:0:0:administrator:/home/admin:/bin/sh\n"), n.Server.appendFile("/etc/shadow", "admin:*:20000:0:99999:7:::\n")); err != nil {
			return err
		}
	}
	if err := errors.Join(n.HostKeys(), n.serviceAccount("sshd", 1902, "/run/sshd"),
		n.Server.WriteFile("/etc/ssh/admin_config", adminConfig), n.Server.WriteFile("/etc/ssh/admin_keys", k.public+"\n"),
		n.homeFile(adminKey, k.private, 0o600)); err != nil {
		return err
	}
	public, err := n.Server.ReadFile(hostKeyFile("ed25519") + ".pub")
	if err != nil {
		return err
	}
	known, err := os.ReadFile(filepath.Join(n.home(), ".ssh", "known_hosts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	line := "[" + ServerIP + "]:" + strconv.Itoa(adminPort) + " " + public
	if err := n.homeFile(".ssh/known_hosts", string(known)+line, 0o600); err != nil {
		return err
	}
	// What a scenario took away is away for that server too: it has a root of
	// its own for the separation of privileges.
	_, err = n.startServer(ctx, adminPort, "/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec",
		"mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f /etc/ssh/admin_config")
	return err
}
