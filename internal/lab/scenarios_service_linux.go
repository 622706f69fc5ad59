package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// setup makes a fault, or a part of it.
type setup = func(ctx context.Context, n *Net) error

// then makes a Setup of several, in this order.
func then(steps ...setup) setup {
	return func(ctx context.Context, n *Net) error {
		for _, step := range steps {
			if err := step(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}
}

// The account lab, and a server with these settings after the defaults.
func vsftpd(conf string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.VSFTPD(ctx, conf) })
}

func proftpd(conf string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.ProFTPD(ctx, conf) })
}

func pureFTPD(args ...string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.PureFTPD(ctx, args...) })
}

func pyftpdlib(script string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.Pyftpdlib(ctx, script) })
}

func inetutils(service string) setup {
	return plain(func(ctx context.Context, n *Net) (*Proc, error) { return n.InetutilsFTPD(ctx, service) })
}

// vsftpdByInetd lets inetd start vsftpd for each connection: what stops it is
// told to the client.
func vsftpdByInetd(conf string) setup {
	return then(file("/etc/vsftpd.conf", vsftpdDefaults+"listen_ipv6=NO\n"+conf),
		inetutils("ftp stream tcp4 nowait root /usr/sbin/vsftpd vsftpd /etc/vsftpd.conf"))
}

// The same with explicit TLS offered. Session reuse is not asked for: that is a
// fault of its own.
func vsftpdTLS(k CertKnobs, conf string) setup {
	return withCert(k, func(ctx context.Context, n *Net) (*Proc, error) {
		return n.VSFTPD(ctx, VSFTPDTLS+"require_ssl_reuse=NO\n"+conf)
	})
}

func proftpdTLS(k CertKnobs, conf string) setup {
	if k.RSA == 0 {
		k.RSA = 2048 // what TLSRSACertificateFile takes
	}
	return withCert(k, func(ctx context.Context, n *Net) (*Proc, error) {
		return n.ProFTPD(ctx, overridden(ProFTPDTLS, conf)+"TLSOptions NoSessionReuseRequired\n"+conf)
	})
}

// overridden leaves out of a ProFTPD configuration the directives that conf
// gives anew: of two the first would count.
func overridden(defaults, conf string) string {
	var b strings.Builder
	for line := range strings.Lines(defaults) {
		directive, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+conf, "\n"+directive+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// on runs a script on a host.
func on(at func(n *Net) *Host, script string) setup {
	return func(ctx context.Context, n *Net) error {
		_, err := at(n).Sh(ctx, script)
		return err
	}
}

// file writes a file of the server.
func file(name, content string) setup {
	return func(_ context.Context, n *Net) error { return n.Server.WriteFile(name, content) }
}

// filter adds packet filter rules to a host.
func filter(at func(n *Net) *Host, hook string, rules ...string) setup {
	return func(ctx context.Context, n *Net) error { return at(n).Filter(ctx, hook, rules...) }
}

func client(n *Net) *Host { return n.Client }

// fault is a scenario that checks the usual target with the right password.
// The first of want is the most exact of the codes that are right.
func fault(name, story string, want []string, s setup, p Proof) Scenario {
	return Scenario{Name: name, Story: story, Args: []string{target}, Env: passwordEnv, Want: want, Setup: s, Proof: p}
}

// control is a healthy service: a login in the clear deserves a warning, no
// more.
func control(name, story string, s setup, p Proof) Scenario {
	c := fault("healthy/"+name, story, nil, s, p)
	c.MaxStatus = "degraded"
	return c
}

// check replaces the arguments of the check.
func (s Scenario) check(args ...string) Scenario {
	s.Args = args
	return s
}

// overTLS checks with explicit TLS, where a control must be without blemish.
func (s Scenario) overTLS() Scenario {
	s.Args, s.MaxStatus = []string{tlsTarget}, ""
	return s
}

// also allows further true statements beside the root cause.
func (s Scenario) also(codes ...string) Scenario {
	s.Also = codes
	return s
}

// hostDecides says that from outside the cause is only one of several.
func (s Scenario) hostDecides() Scenario {
	s.Candidates = true
	return s
}

// hold opens sessions from a host, sends each these commands, and leaves them
// open.
func hold(at func(n *Net) *Host, count int, commands ...string) setup {
	return func(ctx context.Context, n *Net) error {
		for range count {
			c, err := at(n).dial(ctx, ServerIP+":21")
			if err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
			n.onClose(func() { c.Close() })
			if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
			if err := converse(c, commands); err != nil {
				return fmt.Errorf("hold a session: %w", err)
			}
		}
		return nil
	}
}

// login are the commands that log in.
var login = []string{"USER lab", "PASS " + Password}

// converse waits for the greeting, and for a reply to each command.
func converse(c net.Conn, commands []string) error {
	r := bufio.NewReader(c)
	for i := 0; ; i++ {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if len(line) > 3 && line[3] == ' ' && line[0] >= '1' && line[0] <= '5' { // the last line, RFC 959 section 4.2
				break
			}
		}
		if i == len(commands) {
			return nil
		}
		if _, err := io.WriteString(c, commands[i]+"\r\n"); err != nil {
			return err
		}
	}
}
