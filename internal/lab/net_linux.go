package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Addresses of the topology, as scenarios need them.
const (
	ClientIP    = "192.168.77.20"
	ClientIP6   = "2001:db8:77::20"
	GatewayIP   = "192.168.77.1" // towards the client
	GatewayIP6  = "2001:db8:77::1"
	PublicIP    = "203.0.113.2" // of the gateway, what the server sees of the client
	EdgeIP      = "203.0.113.1" // towards the gateway
	EdgeIP6     = "2001:db8:113::1"
	ServerIP    = "198.51.100.10"
	ServerIP6   = "2001:db8:100::10"
	ResolverIP  = "192.0.2.53"
	ResolverIP6 = "2001:db8:53::53"

	// FTPName is the name under which the client knows the server.
	FTPName = "ftp.lab.example"
)

// Net is one lab that stands.
type Net struct {
	Client, Gateway, Edge, Server, DNS *Host

	// Zone is what the resolver at ResolverIP answers from. Change it as a
	// scenario needs.
	Zone *Zone

	id   int
	dir  string // our files, removed on Close
	lock *flock.Flock

	mu      sync.Mutex
	hosts   []*Host
	procs   []*Proc
	closers []func()
	chains  int // that Filter has made
}

// links of a lab, as `ip -batch` takes them. The two ends of a pair have unlike
// indexes: with like ones the kernel may take a second to see the carrier.
const linkBatch = `
netns add {client}
netns add {gateway}
netns add {edge}
netns add {server}
netns add {dns}
link add name eth0 index 11 netns {client} type veth peer name lan1 index 21 netns {gateway}
link add name eth0 index 12 netns {dns} type veth peer name dns0 index 22 netns {gateway}
link add name wan0 index 23 netns {gateway} type veth peer name up0 index 33 netns {edge}
link add name eth0 index 14 netns {server} type veth peer name dmz1 index 34 netns {edge}
`

// hostBatch configures each host from within.
var hostBatch = map[string]string{
	"client": `
link set lo up
link set eth0 up
addr add 192.168.77.20/24 dev eth0
addr add 2001:db8:77::20/64 dev eth0 nodad
route add default via 192.168.77.1
route add default via 2001:db8:77::1
`,
	"gateway": `
link set lo up
link add lan0 type bridge
link set lan1 master lan0
link set lan1 up
link set lan0 up
link set dns0 up
link set wan0 up
addr add 192.168.77.1/24 dev lan0
addr add 2001:db8:77::1/64 dev lan0 nodad
addr add 192.0.2.1/24 dev dns0
addr add 2001:db8:53::1/64 dev dns0 nodad
addr add 203.0.113.2/24 dev wan0
addr add 2001:db8:113::2/64 dev wan0 nodad
route add default via 203.0.113.1
route add default via 2001:db8:113::1
`,
	"edge": `
link set lo up
link set up0 up
link add dmz0 type bridge
link set dmz1 master dmz0
link set dmz1 up
link set dmz0 up
addr add 203.0.113.1/24 dev up0
addr add 2001:db8:113::1/64 dev up0 nodad
addr add 198.51.100.1/24 dev dmz0
addr add 2001:db8:100::1/64 dev dmz0 nodad
route add 192.0.2.0/24 via 203.0.113.2
route add 2001:db8:53::/64 via 2001:db8:113::2
route add 2001:db8:77::/64 via 2001:db8:113::2
`,
	"server": `
link set lo up
link set eth0 up
addr add 198.51.100.10/24 dev eth0
addr add 2001:db8:100::10/64 dev eth0 nodad
route add default via 198.51.100.1
route add default via 2001:db8:100::1
`,
	"dns": `
link set lo up
link set eth0 up
addr add 192.0.2.53/24 dev eth0
addr add 2001:db8:53::53/64 dev eth0 nodad
route add default via 192.0.2.1
route add default via 2001:db8:53::1
`,
}

const natRules = `
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		ip saddr 192.168.77.0/24 oifname { "wan0", "dns0" } masquerade
	}
}
`

// New builds a lab with nothing wrong and no server running, but a resolver. It
// takes well under a second. Close it.
func New(ctx context.Context) (_ *Net, err error) {
	if err := supported(); err != nil {
		return nil, err
	}
	n, err := claim(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := n.build(ctx); err != nil {
		return nil, fmt.Errorf("build lab %d: %w", n.id, err)
	}
	return n, nil
}

func (n *Net) build(ctx context.Context) error {
	host := func(name string) *Host {
		h := &Host{Name: name, NS: nsName(n.id, name), net: n}
		n.hosts = append(n.hosts, h)
		return h
	}
	n.Client, n.Gateway, n.Edge, n.Server, n.DNS = host("client"), host("gateway"), host("edge"), host("server"), host("dns")
	batch := linkBatch
	for _, h := range n.hosts {
		batch = strings.ReplaceAll(batch, "{"+h.Name+"}", h.NS)
	}
	if err := ipBatch(ctx, "", batch); err != nil {
		return err
	}
	var g errgroup.Group
	for _, h := range n.hosts {
		g.Go(func() error { return n.configure(ctx, h) })
	}
	g.Go(func() error { return n.Gateway.NFT(ctx, natRules) })
	g.Go(func() error { return n.enclose(ctx, n.Server) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := errors.Join(n.clientFiles(), n.writeTrust(), os.Mkdir(n.home(), 0o777), os.Chmod(n.home(), 0o777)); err != nil {
		return err
	}
	n.Zone = defaultZone()
	return n.ServeDNS(ctx, n.DNS, n.Zone)
}

// routerSettings make a host forward. The reverse-path filter may be on in what
// the namespace inherits, and would drop what a scenario sends by odd ways.
var routerSettings = [][2]string{
	{"net.ipv4.ip_forward", "1"},
	{"net.ipv6.conf.all.forwarding", "1"},
	{"net.ipv4.conf.all.rp_filter", "0"},
	{"net.ipv4.conf.default.rp_filter", "0"},
}

// configure gives a host its addresses and routes.
func (n *Net) configure(ctx context.Context, h *Host) error {
	settings := [][2]string{
		// Addresses are usable at once.
		{"net.ipv6.conf.all.accept_dad", "0"},
		{"net.ipv6.conf.default.accept_dad", "0"},
		{"net.ipv6.conf.default.router_solicitations", "0"},
	}
	if h == n.Gateway || h == n.Edge {
		settings = append(settings, routerSettings...)
	}
	for _, s := range settings {
		if err := h.Sysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	// What a bridge passes on is no business of the router's rules. Kernels
	// without the bridge filter lack the settings.
	for _, name := range []string{"iptables", "ip6tables", "arptables"} {
		if err := h.Sysctl("net.bridge.bridge-nf-call-"+name, "0"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return ipBatch(ctx, h.NS, hostBatch[h.Name])
}

// ipBatch runs commands of `ip`, in a namespace unless ns is empty.
func ipBatch(ctx context.Context, ns, commands string) error {
	argv := []string{"-batch", "-"}
	if ns != "" {
		argv = append([]string{"-n", ns}, argv...)
	}
	cmd := exec.CommandContext(ctx, "ip", argv...)
	cmd.Stdin = strings.NewReader(strings.TrimLeft(commands, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -batch in %q: %w: %s", ns, err, bytes.TrimSpace(out))
	}
	return nil
}

// clientFiles writes the client's resolver configuration where `ip netns exec`
// looks for it.
func (n *Net) clientFiles() error {
	dir := netnsDir(n.Client.NS)
	err := os.MkdirAll(dir, 0o755)
	for range 10 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		// Another lab has just removed the empty /etc/netns.
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"resolv.conf":   "nameserver " + ResolverIP + "\n",
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// own lists the directories that the server does not share with the machine:
// overlays keep what is there, the others start empty.
var own = struct{ overlay, empty []string }{
	overlay: []string{"/etc", "/usr"},
	empty:   []string{"/home", "/srv", "/run", "/tmp", "/var/log", "/var/lib", "/var/spool", "/mnt"},
}

// private tells whether the server has name for itself.
func private(name string) bool {
	name = filepath.Clean(name)
	for _, d := range append(own.overlay, own.empty...) {
		if strings.HasPrefix(name, d+"/") {
			return true
		}
	}
	return false
}

// enclose gives a host mount and pid namespaces of its own, in which the
// fetched packages look installed. All that is written lands in memory.
func (n *Net) enclose(ctx context.Context, h *Host) error {
	root, err := packageRoot()
	if err != nil {
		return err
	}
	stage := filepath.Join(n.dir, h.Name) // a mount point
	if err := os.Mkdir(stage, 0o755); err != nil {
		return err
	}
	var s strings.Builder
	fmt.Fprintf(&s, "mount --make-rprivate /\nmount -t proc proc /proc\nmount -t tmpfs -o mode=755 lab %s\ncd %s\n", stage, stage)
	for _, d := range own.overlay {
		name := strings.ReplaceAll(d[1:], "/", "-")
		fmt.Fprintf(&s, "mkdir %[1]s %[1]s.work\nmount -t overlay -o lowerdir=%[2]s%[3]s:%[3]s,upperdir=%[4]s/%[1]s,workdir=%[4]s/%[1]s.work lab %[3]s\n", name, root, d, stage)
	}
	s.WriteString("cd /\n")
	for _, d := range own.empty {
		mode := "755"
		if d == "/tmp" {
			mode = "1777"
		}
		// The stage lies below /tmp: keep the overlays' upper directories, which
		// are held by their mounts, and lose only the path.
		fmt.Fprintf(&s, "mount -t tmpfs -o mode=%s lab %s\n", mode, d)
	}
	s.WriteString("mkdir -p /run/vsftpd/empty /run/proftpd /run/lock /var/log/proftpd /var/log/pure-ftpd /var/lib/proftpd\n")
	// In a UTS namespace of our own: this is not the machine's name.
	s.WriteString("echo " + FTPName + " >/proc/sys/kernel/hostname\n")
	s.WriteString("echo ready\nwhile :; do sleep 3600; done\n")

	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command("/bin/sh", "-ec", s.String())
	cmd.Env = n.environ()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS}
	err = h.inside(cmd.Start)
	w.Close()
	if err != nil {
		return fmt.Errorf("enclose %s: %w", h.Name, err)
	}
	p := &Proc{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // killed on Close
		close(p.done)
	}()
	n.started(p)
	if err := out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	said := make([]byte, 1000)
	k, err := out.Read(said)
	if err != nil {
		return fmt.Errorf("enclose %s: %w", h.Name, err)
	}
	if text := strings.TrimSpace(string(said[:k])); text != "ready" {
		return fmt.Errorf("enclose %s: %s", h.Name, text)
	}
	h.pid = cmd.Process.Pid
	for name, content := range map[string]string{
		"/etc/resolv.conf":   "nameserver " + ResolverIP + "\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n" + ServerIP + " " + FTPName + "\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
		"/etc/hosts.allow":   "",
		"/etc/hosts.deny":    "",
	} {
		if err := h.WriteFile(name, content); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// environ is the environment of what runs in the lab: that of a plain machine,
// with the fetched tools within reach and the lab's authority as the only one.
func (n *Net) environ() []string {
	ca := filepath.Join(n.dir, "ca.pem")
	return []string{
		"PATH=" + toolPath(),
		"LD_LIBRARY_PATH=" + libraryPath(),
		"HOME=/nonexistent", "LANG=C.UTF-8", "TERM=dumb",
		"SSL_CERT_FILE=" + ca, "SSL_CERT_DIR=/nonexistent",
		"CURL_CA_BUNDLE=" + ca, // curl's build names a file of its own
	}
}

// home is the home directory of the check, and "home" below the directory in
// which proofs run.
func (n *Net) home() string { return filepath.Join(n.dir, "home") }

// onClose registers what Close has to do; the last registered is done first.
func (n *Net) onClose(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closers = append(n.closers, f)
}

// started notes a process for Close, and for Down should we crash.
func (n *Net) started(p *Proc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.procs = append(n.procs, p)
	noteProcess(n.dir, p.cmd.Process.Pid)
}

// Enter returns the command that opens a shell on a host, for people.
func (h *Host) Enter() string {
	if h.pid != 0 {
		return "nsenter --target " + strconv.Itoa(h.pid) + " --mount --uts --pid --net"
	}
	return "ip netns exec " + h.NS + " bash"
}

// Hosts lists the machines of the lab.
func (n *Net) Hosts() []*Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*Host(nil), n.hosts...)
}

// ID is the lab's number on this machine.
func (n *Net) ID() int { return n.id }

// Dir is a directory of this lab on the machine, readable by everybody and
// removed on Close.
func (n *Net) Dir() string { return n.dir }

// Close takes the lab down: closes its sockets, ends its processes and removes
// its namespaces and files.
func (n *Net) Close() error {
	n.mu.Lock()
	closers, procs := n.closers, n.procs
	n.closers, n.procs = nil, nil
	n.mu.Unlock()
	for _, closer := range slices.Backward(closers) {
		closer()
	}
	for _, p := range procs {
		p.Stop()
	}
	err := demolish(n.id)
	return errors.Join(err, n.lock.Unlock())
}

// Enter is the command that enters the client's namespace.
func (n *Net) Enter() string { return n.Client.Enter() }
