package host

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxRows bounds what is kept of a table that a machine prints.
const maxRows = 20000

var ssUser = regexp.MustCompile(`\("([^"]*)",pid=(\d+),`)

// parseSS reads `ss -Htlnpe`: state, receive and send queue, local address,
// peer, then what else is known. A listening socket's queues are what waits and
// the limit.
func parseSS(out string) []Listener {
	var all []Listener
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 5 || f[0] != "LISTEN" || len(all) >= maxRows {
			continue
		}
		addr, port, ok := splitSS(f[3])
		if !ok {
			continue
		}
		l := Listener{Address: addr, Port: port, Both: strings.HasPrefix(f[3], "*:")}
		l.Queue, _ = strconv.Atoi(f[1])
		l.Limit, _ = strconv.Atoi(f[2])
		if l.Both && strings.Contains(line, "v6only:1") {
			l.Both = false
		}
		if m := ssUser.FindStringSubmatch(line); m != nil {
			l.Program = m[1]
			l.PID, _ = strconv.Atoi(m[2])
		}
		for _, x := range f[5:] {
			if n, ok := strings.CutPrefix(x, "ino:"); ok {
				l.inode, _ = strconv.ParseUint(n, 10, 64)
			}
		}
		all = append(all, l)
	}
	return all
}

// splitSS reads an address of ss: 0.0.0.0:21, [::]:21, *:21, 127.0.0.1%lo:53.
func splitSS(s string) (netip.Addr, uint16, bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return netip.Addr{}, 0, false
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return netip.Addr{}, 0, false
	}
	host := strings.Trim(s[:i], "[]")
	host, _, _ = strings.Cut(host, "%")
	host = strings.TrimSuffix(host, "]")
	if host == "*" {
		return netip.IPv6Unspecified(), uint16(port), true
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), uint16(port), err == nil
}

// parseProcNet reads /proc/net/tcp and tcp6: the listening sockets, and the
// number of connections by local port. The kernel writes addresses in words of
// its own byte order, which is little-endian wherever servers run today.
func parseProcNet(text string) (listening []Listener, connections []connection) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasSuffix(f[0], ":") || len(listening)+len(connections) >= maxRows {
			continue
		}
		local, ok := procAddr(f[1])
		if !ok {
			continue
		}
		inode, _ := strconv.ParseUint(f[9], 10, 64)
		switch f[3] {
		case "0A": // TCP_LISTEN
			_, queue, _ := strings.Cut(f[4], ":")
			n, _ := strconv.ParseUint(queue, 16, 32)
			listening = append(listening, Listener{
				Address: local.Addr(), Port: local.Port(), Queue: int(n), inode: inode,
				Both: local.Addr() == netip.IPv6Unspecified(),
			})
		case "01": // TCP_ESTABLISHED
			if peer, ok := procAddr(f[2]); ok {
				connections = append(connections, connection{local, peer})
			}
		}
	}
	return listening, connections
}

// connection is an established TCP connection.
type connection struct{ local, peer netip.AddrPort }

func procAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	p, err := strconv.ParseUint(port, 16, 16)
	b, err2 := hex.DecodeString(host)
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.LittleEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), ok
}

// parseEstablished reads `ss -Htn state established`, whose state column is left out.
func parseEstablished(out string) []connection {
	var all []connection
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) > 0 && f[0] == "ESTAB" {
			f = f[1:]
		}
		if len(f) < 4 || len(all) >= maxRows {
			continue
		}
		local, lp, ok1 := splitSS(f[2])
		peer, pp, ok2 := splitSS(f[3])
		if ok1 && ok2 {
			all = append(all, connection{netip.AddrPortFrom(local, lp), netip.AddrPortFrom(peer, pp)})
		}
	}
	return all
}

// parseNetstat reads `netstat -ano` of Windows and `netstat -anv -p tcp` of
// macOS. Windows translates the state, so there a listening socket is known by
// its foreign address, which has port 0.
func parseNetstat(out, system string) (listening []Listener, connections []connection) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(strings.ToLower(f[0]), "tcp") || len(listening)+len(connections) >= maxRows {
			continue
		}
		if system == darwin {
			listening, connections = netstatDarwin(f, listening, connections)
			continue
		}
		local, ok := windowsAddr(f[1])
		if !ok {
			continue
		}
		pid, _ := strconv.Atoi(f[len(f)-1])
		if strings.HasSuffix(f[2], ":0") {
			listening = append(listening, Listener{Address: local.Addr(), Port: local.Port(), PID: pid})
		} else if peer, ok := windowsAddr(f[2]); ok && strings.HasPrefix(f[3], "ESTAB") {
			connections = append(connections, connection{local, peer})
		}
	}
	return listening, connections
}

func windowsAddr(s string) (netip.AddrPort, bool) {
	a, p, ok := splitSS(s)
	return netip.AddrPortFrom(a, p), ok
}

// netstatDarwin: Proto Recv-Q Send-Q Local Foreign (state) …, with the port
// behind the last dot.
func netstatDarwin(f []string, listening []Listener, connections []connection) ([]Listener, []connection) {
	if len(f) < 6 {
		return listening, connections
	}
	split := func(s, family string) (netip.AddrPort, bool) {
		i := strings.LastIndexByte(s, '.')
		if i < 0 {
			return netip.AddrPort{}, false
		}
		port, err := strconv.ParseUint(s[i+1:], 10, 16)
		host, _, _ := strings.Cut(s[:i], "%")
		if host == "*" {
			host = "0.0.0.0"
			if family != "tcp4" {
				host = "::"
			}
		}
		a, err2 := netip.ParseAddr(host)
		return netip.AddrPortFrom(a, uint16(port)), err == nil && err2 == nil
	}
	local, ok := split(f[3], f[0])
	if !ok {
		return listening, connections
	}
	switch f[5] {
	case "LISTEN":
		listening = append(listening, Listener{Address: local.Addr(), Port: local.Port(), Both: f[0] == "tcp46"})
	case "ESTABLISHED":
		if peer, ok := split(f[4], f[0]); ok {
			connections = append(connections, connection{local, peer})
		}
	}
	return listening, connections
}

// parseLsof reads `lsof -nP -iTCP -sTCP:LISTEN -FpcnT`: a p line begins a
// process, c names it, n is an address.
func parseLsof(out string) []Listener {
	var all []Listener
	var pid int
	var program string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || len(all) >= maxRows {
			continue
		}
		switch v := line[1:]; line[0] {
		case 'p':
			pid, _ = strconv.Atoi(v)
			program = ""
		case 'c':
			program = v
		case 'n':
			if a, port, ok := splitSS(v); ok {
				l := Listener{Address: a, Port: port, PID: pid, Program: program, Both: strings.HasPrefix(v, "*")}
				if !slices.ContainsFunc(all, func(o Listener) bool { return o.Address == a && o.Port == port && o.PID == pid }) {
					all = append(all, l)
				}
			}
		}
	}
	return all
}

// parseCounters reads /proc/net/netstat or snmp: a line of names, then one of
// values, each begun by the name of the group.
func parseCounters(text string) map[string]int64 {
	all := map[string]int64{}
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if _, err := strconv.ParseInt(f[1], 10, 64); err != nil {
			names = f
			continue
		}
		if len(names) == 0 || names[0] != f[0] {
			continue
		}
		for i := 1; i < len(f) && i < len(names); i++ {
			if v, err := strconv.ParseInt(f[i], 10, 64); err == nil {
				all[strings.TrimSuffix(f[0], ":")+names[i]] = v
			}
		}
	}
	return all
}

// parseIPAddr reads `ip -j address`.
func parseIPAddr(out string) []Interface {
	var links []struct {
		Name  string `json:"ifname"`
		Infos []struct {
			Local  string `json:"local"`
			Prefix int    `json:"prefixlen"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return nil
	}
	var all []Interface
	for _, l := range links {
		i := Interface{Name: l.Name}
		for _, x := range l.Infos {
			a, err := netip.ParseAddr(x.Local)
			if err != nil || x.Prefix < 0 || x.Prefix > a.BitLen() {
				continue
			}
			i.Addresses = append(i.Addresses, netip.PrefixFrom(a, x.Prefix))
		}
		if l.Name != "" {
			all = append(all, i)
		}
	}
	return all
}

var ifconfigAddress = regexp.MustCompile(`^\s+inet6? (?:addr:)?\s*([0-9a-fA-F.:]+)`)

// parseIfconfig reads ifconfig of macOS, BSD and older Linux: addresses without
// their prefixes, which nobody asks for.
func parseIfconfig(out string) []Interface {
	var all []Interface
	for line := range strings.Lines(out) {
		if line[0] != ' ' && line[0] != '\t' && strings.TrimSpace(line) != "" {
			all = append(all, Interface{Name: strings.TrimRight(strings.Fields(line)[0], ":")})
		} else if m := ifconfigAddress.FindStringSubmatch(line); m != nil && len(all) > 0 {
			if a, err := netip.ParseAddr(m[1]); err == nil {
				i := &all[len(all)-1]
				i.Addresses = append(i.Addresses, netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	return all
}

// parseIPConfig reads ipconfig of Windows, in any language: what is an address
// behind a colon is one of the machine, but for gateways and masks, which are
// recognised by what they are.
func parseIPConfig(out string) []Interface {
	i := Interface{Name: "all"}
	for line := range strings.Lines(out) {
		_, v, ok := strings.Cut(line, " : ")
		lower := strings.ToLower(line)
		if !ok || strings.Contains(lower, "gateway") || strings.Contains(lower, "dns") || strings.Contains(lower, "dhcp") {
			continue
		}
		v, _, _ = strings.Cut(strings.TrimSpace(v), "(")
		v, _, _ = strings.Cut(v, "%")
		a, err := netip.ParseAddr(v)
		if err == nil && !strings.HasPrefix(v, "255.") {
			i.Addresses = append(i.Addresses, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	if len(i.Addresses) == 0 {
		return nil
	}
	return []Interface{i}
}
