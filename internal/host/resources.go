package host

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
)

// resourcesSection looks at what a machine runs out of.
var resourcesSection = &section{name: "resources", layer: "host", systems: []string{linux}, run: resources}

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
	// bigLog is the size from which a log without rotation is worth a word.
	bigLog = 1 * gibibyte
)

func resources(_ context.Context, p *part) {
	p.disks()
	p.memory()
	p.descriptors()
	p.conntrack()
	p.logs()
}

// directories are those that the servers in question use.
func (p *part) directories() []string {
	all := []string{"/", "/tmp", "/var/log", "/run"}
	add := func(dir string) {
		if strings.HasPrefix(dir, "/") && !slices.Contains(all, dir) && p.exists(dir) {
			all = append(all, dir)
		}
	}
	add("/home")
	for _, s := range p.asked() {
		for _, name := range []string{"local_root", "anon_root"} {
			add(s.settings.get(name).Text)
		}
		for _, v := range s.settings.everywhere("DefaultRoot") {
			add(v.Text)
		}
		for _, f := range s.settings.logs() {
			add(path.Dir(f))
		}
	}
	if user := p.q.user(); user != "" {
		if a, ok := accountOf(parsePasswd(p.run("getent", "passwd", user).out), user); ok {
			add(a.Home)
			if p.q.Path != "" {
				add(path.Join(a.Home, path.Clean("/"+p.q.Path)))
			}
		}
	} else if a, ok := accountOf(parsePasswd(p.run("getent", "passwd", "ftp").out), "ftp"); ok {
		add(a.Home)
	}
	return all
}

// disks reads space and inodes of those directories, a file system once.
func (p *part) disks() {
	dirs := p.directories()
	blocks := p.run(append([]string{"df", "-P", "-k"}, dirs...)...)
	inodes := p.run(append([]string{"df", "-P", "-i"}, dirs...)...)
	if blocks.failed != nil {
		p.lacks("the space of the file systems (needs df)")
		return
	}
	mounts := parseMounts(p.text("/proc/mounts"))
	free := map[string]dfRow{}
	for _, r := range parseDF(inodes.out) {
		free[r.Mount] = r
	}
	seen := map[string]bool{}
	for _, r := range parseDF(blocks.out) {
		if seen[r.Mount] || r.NotCounted {
			continue
		}
		seen[r.Mount] = true
		d := Disk{Mount: r.Mount, Size: r.Size * 1024, Available: r.Available * 1024, Path: r.Mount}
		for _, dir := range dirs {
			if m, ok := mountOf(mounts, dir); ok && m.Point == r.Mount {
				d.Path = dir
				d.ReadOnly = m.ReadOnly
			}
		}
		if i := free[r.Mount]; !i.NotCounted {
			d.Inodes, d.Free = i.Size, i.Available
		}
		p.fact(func(f *Facts) { f.Disks = append(f.Disks, d) })
		p.disk(d, i2(free[r.Mount]))
	}
}

func i2(r dfRow) bool { return r.Size > 0 && !r.NotCounted }

func (p *part) disk(d Disk, counted bool) {
	if d.ReadOnly || d.Size == 0 {
		return
	}
	used := 100 * float64(d.Size-min(d.Available, d.Size)) / float64(d.Size)
	detail := fmt.Sprintf("%s: %d / %d MiB (%.0f %%)", d.Mount, d.Available/mebibyte, d.Size/mebibyte, used)
	state := func(def *finding.Def, severity finding.Severity, what, detail, command string) {
		p.find(finding.New(def, finding.Confirmed).As(severity).About(d.Mount)).With("path", d.Path).
			SawAt(what, detail, command+" "+d.Path)
	}
	const space, nodes = "space for users on the file system", "inodes left on the file system"
	switch {
	case d.Available < mebibyte:
		state(finding.HostDiskFull, finding.Error, space, detail, "df -P -k")
	case used >= 95 && d.Available < gibibyte && d.Size > gibibyte:
		state(finding.HostDiskFull, finding.Warning, space, detail, "df -P -k")
	}
	if !counted {
		return
	}
	detail = fmt.Sprintf("%s: %d / %d", d.Mount, d.Free, d.Inodes)
	switch {
	case d.Free == 0:
		state(finding.HostInodesExhausted, finding.Error, nodes, detail, "df -P -i")
	case d.Free*100 < d.Inodes && d.Free < 10000 && d.Inodes > 100000:
		state(finding.HostInodesExhausted, finding.Warning, nodes, detail, "df -P -i")
	}
}

func (p *part) memory() {
	m := parseMeminfo(p.text("/proc/meminfo"))
	total, available := m["MemTotal"], m["MemAvailable"]
	if total == 0 {
		return
	}
	p.fact(func(f *Facts) {
		f.Memory = map[string]uint64{"total": total, "available": available, "swap_free": m["SwapFree"], "swap_total": m["SwapTotal"]}
	})
	pressure := parsePressure(p.text("/proc/pressure/memory"))
	if _, known := m["MemAvailable"]; !known || available*20 > total && pressure < 20 {
		return
	}
	detail := fmt.Sprintf("MemAvailable %d MiB / MemTotal %d MiB", available/mebibyte, total/mebibyte)
	f := finding.New(finding.HostMemoryPressure, finding.Confirmed).With("reply", detail).
		SawAt("memory that can be had", detail, "/proc/meminfo")
	if pressure >= 0 {
		f.SawAt("share of the last minute in which tasks waited for memory", fmt.Sprintf("%.1f %%", pressure), "/proc/pressure/memory")
	}
	if available*50 < total && m["SwapFree"]*50 <= m["SwapTotal"] {
		f.As(finding.Error)
	}
	p.find(f)
}

// descriptors compares the open files of the servers with their limits, also
// those of a program on the port in question that is not known by name.
func (p *part) descriptors() {
	servers := p.asked()
	if h, ok := p.holder(p.q.Port); ok && h.PID != 0 && !slices.ContainsFunc(servers, func(s *Server) bool { return s.PID == h.PID }) {
		servers = append(slices.Clone(servers), &Server{Kind: h.Program, PID: h.PID, Listeners: []Listener{h}, settings: &settings{}})
	}
	for _, s := range servers {
		if s.PID == 0 {
			continue
		}
		dir := "/proc/" + itoa(s.PID)
		limit := openFiles(p.text(dir + "/limits"))
		open := len(p.glob(dir + "/fd/*"))
		if limit == 0 || open == 0 {
			if !p.sys.Root {
				p.lacks("the open files of the server (needs root)")
			}
			continue
		}
		p.fact(func(f *Facts) {
			f.Numbers["descriptors_"+s.Kind], f.Numbers["descriptors_limit_"+s.Kind] = int64(open), int64(limit)
		})
		f := finding.New(finding.HostDescriptorsExhausted, finding.Confirmed).About(s.Kind).With("name", s.Kind).With("limit", itoa(limit)).With("count", itoa(open)).
			SawAt("open files of the process, and how many it may have", fmt.Sprintf("%d / %d (PID %d)", open, limit, s.PID), dir+"/fd")
		switch {
		case open >= limit-1 && (p.q.Login != Works || p.q.Data == Fails || p.q.Transfer == Fails):
			p.findAt(f, s.port())
		case open*10 >= limit*9:
			p.findAt(f.As(finding.Warning), s.port())
		}
	}
	if n := strings.Fields(p.text("/proc/sys/fs/file-nr")); len(n) == 3 {
		open, err := strconv.ParseUint(n[0], 10, 64)
		limit, err2 := strconv.ParseUint(n[2], 10, 64)
		if err == nil && err2 == nil && limit > 0 && open >= limit {
			p.find(finding.New(finding.HostDescriptorsExhausted, finding.Confirmed).About("system").With("limit", n[2]).With("count", n[0]).
				SawAt("open files of the whole system, and how many there may be", n[0]+" / "+n[2], "/proc/sys/fs/file-nr"))
		}
	}
}

// conntrack: a full table drops the first packet of every new connection.
func (p *part) conntrack() {
	const dir = "/proc/sys/net/netfilter/"
	count, limit := number(strings.TrimSpace(p.text(dir+"nf_conntrack_count"))), number(strings.TrimSpace(p.text(dir+"nf_conntrack_max")))
	if limit == 0 {
		return
	}
	p.fact(func(f *Facts) { f.Numbers["conntrack"], f.Numbers["conntrack_max"] = int64(count), int64(limit) })
	if count*10 < limit*9 {
		return
	}
	f := finding.New(finding.HostConntrackFull, finding.Confirmed).With("count", itoa(count)).With("limit", itoa(limit)).
		SawAt("connections that are tracked, and how many may be", fmt.Sprintf("%d / %d", count, limit), dir+"nf_conntrack_count")
	if count < limit {
		f.As(finding.Warning)
	}
	p.find(f)
}

// logs: a large log that nothing rotates.
func (p *part) logs() {
	for _, s := range p.asked() {
		for _, name := range s.settings.logs() {
			f, err := p.stat(name)
			if err != nil || f.Size < bigLog || p.rotated(name) {
				continue
			}
			p.findAt(finding.New(finding.HostLogOversized, finding.Confirmed).About(name), s.port()).
				With("file", name).With("bytes", fmt.Sprintf("%d MiB", f.Size/mebibyte)).
				SawAt("the size of the log", fmt.Sprintf("%d MiB", f.Size/mebibyte), name).
				SawAt("no rotated file stands beside it", name+".1, "+name+"-*", path.Dir(name))
		}
	}
}

func (p *part) rotated(name string) bool {
	return len(p.glob(name+".[0-9]*")) > 0 || len(p.glob(name+"-[0-9]*")) > 0
}
