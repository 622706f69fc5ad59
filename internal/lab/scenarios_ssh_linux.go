package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// sftpTarget is what scenarios of SSH check.
const sftpTarget = "sftp://lab@" + FTPName + "/"

// sftpOptions make the independent client read the files of the check's home
// and nothing of the machine's, and ask no questions but that for a password.
const sftpOptions = " -F none -o UserKnownHostsFile=home/.ssh/known_hosts -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes" +
	" -o ConnectTimeout=6 -o NumberOfPasswordPrompts=1 -o IdentityAgent=none" +
	" -o IdentityFile=home/.ssh/id_ed25519 -o IdentityFile=home/.ssh/id_ecdsa -o IdentityFile=home/.ssh/id_rsa "

// sftpAs is the independent client of most proofs: OpenSSH's sftp, which runs
// these commands and tells what it did. A password that it is asked for it gets
// from a script, which notes the question.
func sftpAs(user, options string, commands ...string) string {
	return `printf '#!/bin/sh\necho "asked for: $1" >&2\necho '\''` + Password + `'\''\n' >askpass; chmod 755 askpass; ` +
		"printf '%s\n' '" + strings.Join(commands, "' '") + "' | " +
		"SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force timeout 15 sftp -v " + options + " -o BatchMode=no" + sftpOptions + "-b - " + user + "@" + FTPName
}

func sftp(commands ...string) string { return sftpAs("lab", "", commands...) }

// Proofs that the service works, by the way of login.
var (
	sftpByPassword = Proof{Run: sftp("ls -l"), Match: `using "password"[\s\S]*lab +19 .*hello\.txt`}
	sftpByKey      = Proof{Run: sftp("ls -l"), Match: `using "publickey"[\s\S]*lab +19 .*hello\.txt`}
)

// sshd makes a Setup: the account lab, OpenSSH with these settings, and a client
// that knows its host keys.
func sshd(conf string) setup {
	return then(account(UserKnobs{}), onlySSHD(conf))
}

// onlySSHD is the same for accounts that are not the usual one.
func onlySSHD(conf string) setup {
	return func(ctx context.Context, n *Net) error {
		if _, err := n.OpenSSH(ctx, conf); err != nil {
			return err
		}
		return n.KnowHost(FTPName)
	}
}

func dropbear(args ...string) setup {
	return then(account(UserKnobs{}), func(ctx context.Context, n *Net) error {
		if _, err := n.Dropbear(ctx, args...); err != nil {
			return err
		}
		return n.KnowHost(FTPName)
	})
}

func proftpdSSH(conf string) setup {
	return then(account(UserKnobs{}), func(ctx context.Context, n *Net) error {
		if _, err := n.ProFTPDSFTP(ctx, conf); err != nil {
			return err
		}
		return n.KnowHost(FTPName)
	})
}

// clientKey gives the client a key of a kind that the account does not know.
func clientKey(kind string) setup {
	return func(_ context.Context, n *Net) error { _, err := n.clientKey(kind); return err }
}

// authorized gives the client a key of a kind, and the account lab its public
// half.
func authorized(kind string) setup {
	return func(ctx context.Context, n *Net) error {
		k, err := n.clientKey(kind)
		if err != nil {
			return err
		}
		return n.Authorize(ctx, "lab", k.public)
	}
}

// knownHosts writes the client's known_hosts anew.
func knownHosts(lines ...string) setup {
	return func(_ context.Context, n *Net) error {
		return n.homeFile(".ssh/known_hosts", strings.Join(lines, "\n")+"\n", 0o600)
	}
}

// onHome runs a script on the client, in the check's home.
func onHome(script string) setup {
	return func(ctx context.Context, n *Net) error {
		_, err := n.Client.Sh(ctx, "cd "+n.home()+"\n"+script)
		return err
	}
}

// sftpFault is a scenario that checks SFTP with the right password.
func sftpFault(name, story string, want []string, s setup, p Proof) Scenario {
	return fault(name, story, want, s, p).check(sftpTarget)
}

// sftpControl is a healthy SFTP service.
func sftpControl(name, story string, s setup, p Proof) Scenario {
	return sftpFault("healthy/sftp-"+name, story, nil, s, p)
}

// byKey takes the password out of the check's hands.
func (s Scenario) byKey() Scenario {
	s.Env = nil
	return s
}

// byAgent gives the check the agent of the client instead of a password.
func (s Scenario) byAgent() Scenario {
	s.Env = []string{"SSH_AUTH_SOCK=$HOME/agent"}
	return s
}

// degraded allows a control to be healthy with warnings.
func (s Scenario) degraded() Scenario {
	s.MaxStatus = "degraded"
	return s
}

// sshScenarios are faults of SSH itself, and of logins and storage over SFTP.
func sshScenarios() []Scenario {
	return slices.Concat(sftpControls(), algorithmScenarios(), hostKeyScenarios(), sshServiceScenarios(),
		sshKeyScenarios(), sshAuthScenarios(), sftpSubsystemScenarios(), sftpFileScenarios())
}

// algorithmScenarios are servers and clients with nothing in common.
func algorithmScenarios() []Scenario {
	none := func(slug, story, conf, match string) Scenario {
		return sftpFault("ssh/no-common-"+slug, story, []string{"ssh/no-common-algorithm"}, sshd(conf),
			Proof{Run: sftp("ls"), Match: `Unable to negotiate with \S+ port 22: no matching ` + match})
	}
	dss := then(on(server, "ssh-keygen -q -t dsa -N '' -f /etc/ssh/ssh_host_dsa_key"),
		sshd("HostKey /etc/ssh/ssh_host_dsa_key\nHostKeyAlgorithms ssh-dss"))
	signature := func(slug, story string, s setup, p Proof) Scenario {
		return sftpFault("ssh/no-common-signature-"+slug, story, []string{"ssh/no-common-signature"}, s, p).byKey()
	}
	const onlyWith = `Offering public key: \S+id_rsa[\s\S]*Permission denied \(publickey\)[\s\S]*`
	return []Scenario{
		none("kex", "An appliance offers only the key exchange of 1995.", "KexAlgorithms diffie-hellman-group1-sha1", `key exchange method found\. Their offer: diffie-hellman-group1-sha1`),
		none("cipher", "A hardening guide of 2008 was followed: CBC ciphers only.", "Ciphers aes128-cbc,3des-cbc", `cipher found\. Their offer: aes128-cbc,3des-cbc`),
		none("mac", "The MACs line names MD5 and a truncated SHA-1 only.", "Ciphers aes128-ctr,aes256-ctr\nMACs hmac-md5,hmac-sha1-96", `MAC found\. Their offer: hmac-md5,hmac-sha1-96`),
		none("host-key", "The server signs with SHA-1 only.", "HostKeyAlgorithms ssh-rsa", `host key type found\. Their offer: ssh-rsa`),
		none("legacy", "A server of 2010: nothing it knows is in use today.", LegacySSHD, `key exchange method found`),
		none("host-key-dss", "The server was migrated with its DSA key, and has no other.", "", `host key type found\. Their offer: ssh-dss`).with(dss),
		none("kex-proftpd", "ProFTPD was told to use the key exchange of 1995 for one old partner.", "", `key exchange method found\. Their offer: diffie-hellman-group1-sha1`).
			with(proftpdSSH("SFTPKeyExchanges diffie-hellman-group1-sha1\n")),
		signature("rsa-sha1-only", "The server takes RSA keys with SHA-1 signatures only, and does not say so; the key is authorised.",
			then(sshd("PubkeyAcceptedAlgorithms ssh-rsa\nPasswordAuthentication no"), authorized("rsa")),
			Proof{Run: sftp("ls") + "; " + sftpAs("lab", "-o PubkeyAcceptedAlgorithms=ssh-rsa", "ls"), Match: onlyWith + `hello\.txt`}),
		signature("old-library", "The same with a server that announces it, built on an old library.", oldLibrary,
			Proof{Run: sftp("ls"), Match: `(?s)no mutual signature.*Permission denied \(publickey\)`}),
		signature("ed25519-only", "A new policy takes Ed25519 keys only; the user's RSA key is still in authorized_keys.",
			then(sshd("PubkeyAcceptedAlgorithms ssh-ed25519\nPasswordAuthentication no"), authorized("rsa")),
			Proof{Run: sftp("ls"), Match: onlyWith}).hostDecides(),
	}
}

// oldLibrary is an SSH server that knows RSA with SHA-1 only, and announces it
// (server-sig-algs, RFC 8308 section 3.1).
func oldLibrary(ctx context.Context, n *Net) error {
	k, err := n.clientKey("rsa")
	if err != nil {
		return err
	}
	host, err := newSSHKey("ed25519")
	if err != nil {
		return err
	}
	conf := &ssh.ServerConfig{
		ServerVersion:           "SSH-2.0-FileTransferAppliance_3.1",
		PublicKeyAuthAlgorithms: []string{ssh.KeyAlgoRSA},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), k.signer.PublicKey().Marshal()) {
				return nil, errors.New("another key")
			}
			return nil, nil
		},
	}
	conf.AddHostKey(host.signer)
	if err := n.homeFile(".ssh/known_hosts", FTPName+" "+host.public+"\n", 0o600); err != nil {
		return err
	}
	return n.Server.Accept(ctx, ":22", func(c net.Conn) {
		if conn, chans, reqs, err := ssh.NewServerConn(c, conf); err == nil {
			go ssh.DiscardRequests(reqs)
			for ch := range chans {
				_ = ch.Reject(ssh.Prohibited, "no service") // the client may be gone
			}
			conn.Close()
		}
	})
}

// with replaces the Setup.
func (s Scenario) with(f setup) Scenario {
	s.Setup = f
	return s
}

// hashKnownHosts hashes the names in the client's known_hosts.
var hashKnownHosts = onHome("ssh-keygen -q -H -f .ssh/known_hosts 2>/dev/null; rm -f .ssh/known_hosts.old; grep -q '^|1|' .ssh/known_hosts")

// renewHostKeys gives the server other keys than the client knows.
func renewHostKeys(_ context.Context, n *Net) error {
	var known strings.Builder
	for _, kind := range []string{"ed25519", "ecdsa"} {
		k, err := newSSHKey(kind)
		if err != nil {
			return err
		}
		known.WriteString(FTPName + " " + k.public + "\n")
	}
	return n.homeFile(".ssh/known_hosts", known.String(), 0o600)
}

// oneOther writes one key of a kind into the client's known_hosts, which is not the server's.
func oneOther(kind string) setup {
	return func(_ context.Context, n *Net) error {
		k, err := newSSHKey(kind)
		if err != nil {
			return err
		}
		return n.homeFile(".ssh/known_hosts", FTPName+" "+k.public+"\n", 0o600)
	}
}

// also adds one key of a kind to the client's known_hosts, which is not the server's.
func also(kind string) setup {
	return func(_ context.Context, n *Net) error {
		before, err := os.ReadFile(filepath.Join(n.home(), ".ssh/known_hosts"))
		if err != nil {
			return err
		}
		k, err := newSSHKey(kind)
		if err != nil {
			return err
		}
		return n.homeFile(".ssh/known_hosts", string(before)+FTPName+" "+k.public+"\n", 0o600)
	}
}

// sshfp gives the signed zone the fingerprint of the server's host key, or of another one.
func sshfp(right bool) setup {
	return func(_ context.Context, n *Net) error {
		k, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		key := k.signer.PublicKey()
		if right {
			public, err := n.Server.ReadFile(hostKeyFile("ed25519") + ".pub")
			if err != nil {
				return err
			}
			if key, _, _, _, err = ssh.ParseAuthorizedKey([]byte(public)); err != nil {
				return fmt.Errorf("read host key: %w", err)
			}
		}
		n.Zone.Quirk(FTPName, Quirk{Signed: true})
		return n.Zone.Add(fmt.Sprintf("%s. SSHFP 4 2 %x", FTPName, sha256.Sum256(key.Marshal())))
	}
}

// hostCertificate gives the server a certificate for names, and the client its
// authority.
func hostCertificate(names ...string) setup {
	return func(_ context.Context, n *Net) error {
		ca, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		public, err := n.Server.ReadFile(hostKeyFile("ed25519") + ".pub")
		if err != nil {
			return err
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
		if err != nil {
			return fmt.Errorf("sign host key: %w", err)
		}
		cert := &ssh.Certificate{Key: key, Serial: 1, CertType: ssh.HostCert, KeyId: "lab", ValidPrincipals: names, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(rand.Reader, ca.signer); err != nil {
			return fmt.Errorf("sign host key: %w", err)
		}
		return errors.Join(n.Server.WriteFile(hostKeyFile("ed25519")+"-cert.pub", string(ssh.MarshalAuthorizedKey(cert))),
			n.homeFile(".ssh/known_hosts", "@cert-authority *.lab.example "+ca.public+"\n", 0o600))
	}
}

// keysFirst makes the server's host keys before something is done with them.
func keysFirst(_ context.Context, n *Net) error { return n.HostKeys() }

// hostKeyScenarios are servers that are not, or may not be, who they were.
func hostKeyScenarios() []Scenario {
	changed := func(slug, story string, s setup, match string) Scenario {
		return sftpFault("ssh/host-key-"+slug, story, []string{"ssh/host-key-changed"}, s, Proof{Run: sftp("ls"), Match: match})
	}
	const alarm = `(?s)REMOTE HOST IDENTIFICATION HAS CHANGED.*Host key verification failed`
	port2222 := func(_ context.Context, n *Net) error {
		k, err := newSSHKey("ed25519")
		if err != nil {
			return err
		}
		return n.homeFile(".ssh/known_hosts", "["+FTPName+"]:2222 "+k.public+"\n", 0o600)
	}
	revoke := func(_ context.Context, n *Net) error {
		b, err := os.ReadFile(filepath.Join(n.home(), ".ssh/known_hosts"))
		if err != nil {
			return err
		}
		return n.homeFile(".ssh/known_hosts", string(b)+"@revoked "+strings.ReplaceAll(string(b), "\n"+FTPName, "\n@revoked "+FTPName), 0o600)
	}
	onPort := changed("changed-port", "The second SSH server of the host, on 2222, was installed anew.",
		then(sshd("Port 2222"), port2222), alarm).check("sftp://lab@" + FTPName + ":2222/")
	onPort.Proof.Run = sftpAs("lab", "-P 2222", "ls")
	withoutPort := sftpControl("known-without-port", "The server moved to port 2222; known_hosts has its key without a port.", sshd("Port 2222"),
		Proof{Run: sftpAs("lab", "-P 2222", "ls -l"), Match: `found matching key w/out port[\s\S]*hello\.txt`}).check("sftp://lab@" + FTPName + ":2222/")
	return []Scenario{
		changed("changed", "The server was installed anew, with new host keys.", then(sshd(""), renewHostKeys), alarm),
		changed("changed-hashed", "The same, with hashed names in known_hosts.", then(sshd(""), renewHostKeys, hashKnownHosts), alarm),
		changed("changed-dropbear", "The same with dropbear.", then(dropbear(), renewHostKeys), alarm),
		onPort,
		changed("changed-type", "The server was installed anew and lost the ECDSA key, the only one that the client had recorded.",
			then(sshd("HostKey "+hostKeyFile("ed25519")), oneOther("ecdsa")), alarm),
		changed("changed-certificate", "The host certificate was made for another name, and its key is not the one on record.",
			then(keysFirst, hostCertificate("old.lab.example"), also("ed25519"), account(UserKnobs{}), func(ctx context.Context, n *Net) error {
				_, err := n.OpenSSH(ctx, "HostCertificate "+hostKeyFile("ed25519")+"-cert.pub")
				return err
			}), `(?s)name is not a listed principal.*`+alarm[4:]),
		changed("revoked", "The administrator marked the stolen host key as revoked; the server still uses it.", then(sshd(""), revoke), `(?s)REVOKED.*Host key verification failed|marked as revoked`),
		sftpControl("host-key-unknown", "The client has never been there: a notice, no fault.",
			then(sshd(""), knownHosts("other.lab.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5W2cX1bmuZ0lDZVOhwWcL2xnmOjzHk1U5tEb6G0xXl")),
			Proof{Run: sftp("ls") + "; " + sftpAs("lab", "-o StrictHostKeyChecking=accept-new", "ls"), Match: `(?s)No \S+ host key is known.*Permanently added.*hello\.txt`}),
		sftpControl("sshfp-matches", "The client has never been there, and the signed zone names the host key (SSHFP).",
			then(sshd(""), knownHosts(""), sshfp(true)), Proof{
				Run:   sftp("ls") + "; " + sftpAs("lab", "-o StrictHostKeyChecking=accept-new -o VerifyHostKeyDNS=yes", "ls"),
				Match: `(?s)No \S+ host key is known.*matching host key fingerprint found in DNS.*hello\.txt`,
			}),
		sftpControl("sshfp-differs", "The client has never been there, and the zone still names the key of the old server (SSHFP).",
			then(sshd(""), knownHosts(""), sshfp(false)), Proof{
				Run:   sftpAs("lab", "-o StrictHostKeyChecking=yes -o VerifyHostKeyDNS=ask", "ls") + "; " + sftpAs("lab", "-o StrictHostKeyChecking=accept-new", "ls"),
				Match: `(?s)mismatching host key fingerprint found in DNS.*hello\.txt`,
			}).degraded(),
		sftpControl("known-hosts-hashed", "The names in known_hosts are hashed, as Debian does.", then(sshd(""), hashKnownHosts), sftpByPassword),
		sftpControl("one-host-key-known", "known_hosts has the RSA key only: clients must ask for that one.",
			then(sshd(""), func(_ context.Context, n *Net) error { return n.KnowHost(FTPName, "rsa") }), sftpByPassword),
		withoutPort,
		sftpControl("known-by-pattern", "known_hosts has a pattern, and a negated one.",
			then(sshd(""), func(_ context.Context, n *Net) error { return n.KnowHost("*.lab.example,!test.lab.example") }), sftpByPassword),
		sftpControl("host-certificate", "The host key is certified by an authority that the client trusts.",
			then(keysFirst, hostCertificate(FTPName), account(UserKnobs{}), func(ctx context.Context, n *Net) error {
				_, err := n.OpenSSH(ctx, "HostCertificate "+hostKeyFile("ed25519")+"-cert.pub")
				return err
			}), Proof{Run: sftp("ls -l"), Match: `Host '\S+' is known and matches the ED25519-CERT host certificate[\s\S]*hello\.txt`}),
	}
}
