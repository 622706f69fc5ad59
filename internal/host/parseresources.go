package host

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dfRow is a line of `df -P`: of blocks or, with -i, of inodes.
type dfRow struct {
	Device, Mount         string
	Size, Used, Available uint64
	NotCounted            bool // no such thing here: "-"
}

// parseDF reads `df -P`, one line for each file that was asked for. A mount
// point may hold blanks; a device too, where it is a share.
func parseDF(out string) []dfRow {
	var all []dfRow
	for line := range strings.Lines(out) {
		m := dfLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil || len(all) >= maxRows {
			continue
		}
		r := dfRow{Device: m[1], Mount: m[6], NotCounted: m[2] == "-" || m[2] == "0"}
		r.Size, _ = strconv.ParseUint(m[2], 10, 64)
		r.Used, _ = strconv.ParseUint(m[3], 10, 64)
		r.Available, _ = strconv.ParseUint(m[4], 10, 64)
		all = append(all, r)
	}
	return all
}

var dfLine = regexp.MustCompile(`^(.*?)\s+(\d+|-)\s+(\d+|-)\s+(-?\d+|-)\s+(\d+%|-)\s+(/.*)$`)

// mount is a line of /proc/mounts.
type mount struct {
	Device, Point, Kind string
	ReadOnly            bool
}

// parseMounts reads /proc/mounts; blanks in names are written \040.
func parseMounts(text string) []mount {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var all []mount
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || len(all) >= maxRows {
			continue
		}
		ro := strings.HasPrefix(f[3]+",", "ro,")
		all = append(all, mount{unescape.Replace(f[0]), unescape.Replace(f[1]), f[2], ro})
	}
	return all
}

// mountOf is the file system of a path: the longest mount point, the last of equal ones.
func mountOf(all []mount, path string) (mount, bool) {
	var best mount
	found := false
	for _, m := range all {
		under := m.Point == "/" || path == m.Point || strings.HasPrefix(path, strings.TrimSuffix(m.Point, "/")+"/")
		if under && (!found || len(m.Point) >= len(best.Point)) {
			best, found = m, true
		}
	}
	return best, found
}

// parseMeminfo reads /proc/meminfo, in bytes.
func parseMeminfo(text string) map[string]uint64 {
	all := map[string]uint64{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if !ok || len(f) == 0 || len(all) >= maxRows {
			continue
		}
		n, err := strconv.ParseUint(f[0], 10, 64)
		if err != nil || n > 1<<53 {
			continue
		}
		if len(f) > 1 && f[1] == "kB" {
			n *= 1024
		}
		all[name] = n
	}
	return all
}

// parsePressure reads the share of the last minute in which some task waited,
// in per cent, from /proc/pressure/*; -1: not known.
func parsePressure(text string) float64 {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "some ") {
			continue
		}
		for _, f := range strings.Fields(line) {
			if v, ok := strings.CutPrefix(f, "avg60="); ok {
				if x, err := strconv.ParseFloat(v, 64); err == nil && x >= 0 && x <= 100 {
					return x
				}
			}
		}
	}
	return -1
}

// denial is an access that a security module refused.
type denial struct {
	Program, Path, Operation, Profile string
	When                              time.Time // zero: not known
	Line                              string
}

var (
	auditStamp  = regexp.MustCompile(`audit\((\d{1,12})\.(\d{3}):\d+\)`)
	auditComm   = regexp.MustCompile(`\bcomm="([^"]*)"`)
	auditPath   = regexp.MustCompile(`\b(?:path|name)="([^"]*)"`)
	auditOp     = regexp.MustCompile(`denied\s+\{ ([^}]*) \}`)
	armorOp     = regexp.MustCompile(`\boperation="([^"]*)"`)
	armorProf   = regexp.MustCompile(`\bprofile="([^"]*)"`)
	auditPort   = regexp.MustCompile(`\bsrc=(\d+)`)
	permissive1 = "permissive=1"
)

// parseAVC reads the refusals of SELinux from lines of the audit log. What was
// let through because SELinux was permissive is none.
func parseAVC(text string) []denial {
	var all []denial
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "avc:") || !strings.Contains(line, "denied") || strings.Contains(line, permissive1) || len(all) >= maxRows {
			continue
		}
		d := denial{
			Program: group(auditComm, line), Path: group(auditPath, line), Operation: group(auditOp, line),
			When: auditTime(line), Line: strings.TrimSpace(line),
		}
		if d.Path == "" {
			if p := group(auditPort, line); p != "" {
				d.Path = "port " + p
			}
		}
		all = append(all, d)
	}
	return all
}

// parseAppArmor reads the refusals of AppArmor from lines of the kernel's or the
// audit log.
func parseAppArmor(text string) []denial {
	var all []denial
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `apparmor="DENIED"`) || len(all) >= maxRows {
			continue
		}
		all = append(all, denial{
			Program: group(auditComm, line), Path: group(auditPath, line), Operation: group(armorOp, line),
			Profile: group(armorProf, line), When: auditTime(line), Line: strings.TrimSpace(line),
		})
	}
	return all
}

func group(re *regexp.Regexp, s string) string {
	m := re.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1]
}

func auditTime(line string) time.Time {
	m := auditStamp.FindStringSubmatch(line)
	if m == nil {
		return time.Time{}
	}
	s, err := strconv.ParseInt(m[1], 10, 64)
	ms, err2 := strconv.ParseInt(m[2], 10, 64)
	if err != nil || err2 != nil {
		return time.Time{}
	}
	return time.Unix(s, ms*int64(time.Millisecond))
}

// keyValues reads lines of KEY=VALUE, as of `timedatectl show`.
func keyValues(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if ok && len(all) < maxRows {
			all[k] = v
		}
	}
	return all
}

// parseChrony reads `chronyc -c tracking`: the name of the source, its stratum,
// the offset in seconds and whether it is synchronised (the last column).
func parseChrony(out string) (source string, offset float64, synchronised, ok bool) {
	f := strings.Split(strings.TrimSpace(out), ",")
	if len(f) < 14 {
		return "", 0, false, false
	}
	offset, err := strconv.ParseFloat(f[4], 64)
	if err != nil || offset != offset || offset > 1e9 || offset < -1e9 {
		return "", 0, false, false
	}
	return f[1], offset, f[13] != "Not synchronised" && f[1] != "", true
}
