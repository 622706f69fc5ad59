package host

import (
	"net/netip"
	"time"
)

// The families of servers.
const (
	FTP  = "ftp"
	SSH  = "ssh"
	HTTP = "http"
)

// Facts is what was learnt about the machine, whatever its health.
type Facts struct {
	Name         string            `json:"name"`
	OS           string            `json:"os"`
	Distribution string            `json:"distribution,omitempty"`
	Version      string            `json:"version,omitempty"`
	Kernel       string            `json:"kernel,omitempty"`
	Root         bool              `json:"root"` // everything could be read
	Uptime       float64           `json:"uptime_s,omitempty"`
	Interfaces   []Interface       `json:"interfaces,omitempty"`
	Servers      []*Server         `json:"servers"`
	Listeners    []Listener        `json:"listeners"`
	Firewall     *FirewallFacts    `json:"firewall,omitempty"`
	Account      *Account          `json:"account,omitempty"`
	Disks        []Disk            `json:"disks,omitempty"`
	Memory       map[string]uint64 `json:"memory,omitempty"`  // bytes: total, available, swap_free
	Numbers      map[string]int64  `json:"numbers,omitempty"` // counters that matter here
	Certificates []Certificate     `json:"certificates,omitempty"`
	Clock        string            `json:"clock,omitempty"` // who keeps it, and how well
}

// Server is a file server of the machine, running or not.
type Server struct {
	Kind      string     `json:"kind"` // vsftpd, proftpd, pure-ftpd, openssh, apache, nginx, …
	Family    string     `json:"family"`
	Unit      string     `json:"unit,omitempty"`
	State     string     `json:"state,omitempty"` // as the service manager says
	Enabled   string     `json:"enabled,omitempty"`
	PID       int        `json:"pid,omitempty"` // 0: not running
	Program   string     `json:"program,omitempty"`
	Command   string     `json:"command,omitempty"`
	Via       string     `json:"via,omitempty"` // the super-server that starts it for each connection
	Started   time.Time  `json:"started,omitzero"`
	Config    string     `json:"config,omitempty"` // the main file in use
	Listeners []Listener `json:"listeners,omitempty"`

	argv     []string
	exec     string    // the program that a super-server is to start, and
	execAt   string    // where that stands
	reloaded time.Time // the last time the service manager saw a change of state
	settings *settings
}

// Listener is a listening TCP socket.
type Listener struct {
	Address netip.Addr `json:"address"` // unspecified: all
	Port    uint16     `json:"port"`
	Both    bool       `json:"both,omitempty"` // an IPv6 socket that serves IPv4 too
	Queue   int        `json:"queue"`          // connections that wait to be accepted
	Limit   int        `json:"limit"`          // of them; 0: not known
	PID     int        `json:"pid,omitempty"`
	Program string     `json:"program,omitempty"`
	inode   uint64
}

// Interface is one network interface.
type Interface struct {
	Name      string         `json:"name"`
	Addresses []netip.Prefix `json:"addresses"`
}

// FirewallFacts is what became of the packets that were followed.
type FirewallFacts struct {
	Sources    []string  `json:"sources"` // nft, iptables-legacy, …
	Judged     []Passage `json:"judged"`
	Unmodelled []string  `json:"unmodelled,omitempty"`
	Helper     string    `json:"helper,omitempty"` // how an FTP helper is assigned
}

// Account is what the machine says about the user in question.
type Account struct {
	Name   string   `json:"name"`
	UID    int      `json:"uid"`
	GID    int      `json:"gid"`
	Home   string   `json:"home,omitempty"`
	Shell  string   `json:"shell,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Source string   `json:"source"` // where the account is kept
	gids   []int
}

// Disk is a file system that the service uses.
type Disk struct {
	Path      string `json:"path"` // the directory that was asked for
	Mount     string `json:"mount"`
	Size      uint64 `json:"size"`      // bytes
	Available uint64 `json:"available"` // bytes, for users
	Inodes    uint64 `json:"inodes,omitempty"`
	Free      uint64 `json:"inodes_free,omitempty"`
	ReadOnly  bool   `json:"read_only,omitempty"`
}

// Certificate is a certificate file that a configuration names.
type Certificate struct {
	File     string    `json:"file"`
	Key      string    `json:"key,omitempty"`
	Subject  string    `json:"subject"`
	Names    []string  `json:"names,omitempty"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
	Served   string    `json:"served,omitempty"` // SHA-256 of the one that the server shows
}

// facts are those that no section has to judge.
func (l *look) facts() Facts {
	return Facts{
		Name: l.name(), OS: l.sys.OS, Distribution: l.sys.Distribution, Version: l.sys.Version, Kernel: l.sys.Kernel,
		Root: l.sys.Root, Uptime: l.clock().uptime.Seconds(), Interfaces: l.interfaces(),
		Servers: l.servers(), Listeners: l.sockets().listeners, Numbers: map[string]int64{},
	}
}
