package transcript

import (
	"net/netip"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
)

// stage is how far a session had come at some line.
type stage int

const (
	start     stage = iota
	connected       // the transport stands
	greeted         // the server has spoken
	securing        // AUTH was accepted, or the client speaks TLS
	secured         // the TLS handshake is done
	loggedIn
	opening  // a data connection was asked for
	moving   // data was announced (150)
	finished // data came to its end (226)
)

var (
	connectedRE = look(`(?i)^\W*(?:\d\S* )*(?:connected to |connection established|连接已建立|連線已建立|连接建立|已连接|已連接|connection succeeded|\w+ \(\d+\) open)|socket connected|tcp connected|established connection|SSH_CONNECT|connection to \S+ port \d+ .*succeeded`)
	securedRE   = look(`(?i)SSL connection using|TLS connection established|TLS 连接已建立|TLS connection accepted|SSL connection established|Verifying certificate|handshake (?:successful|done|complete)|Certificate: subject|Cipher: |Server certificate:|Control connection .*TLS|已建立 TLS 连接`)
	loggedRE    = look(`(?i)^\W*(?:\d\S* )*(?:logged in(?: to .*)?$|已登录|登录成功|登入成功|login successful|authenticated to|authentication succeeded|accepted (?:password|publickey)|logged in successfully|access granted|SSH 连接成功)|Authentication \([\w-]+\) successful|\* Authentication complete|Auth for user \S+ succeeded`)
	listingRE   = look(`(?i)retrieving directory listing|读取目录列表|取得目录列表|读取.*的目录列表|listing directory|error listing|could not retrieve directory|retrieve directory listing|making data connection|connecting data|建立数据连接|連接資料|Error loading directory`)
)

// stages gives for each line how far the session had come before it.
func (l *log) stages() []stage {
	if l.stage != nil {
		return l.stage
	}
	l.stage = make([]stage, len(l.lines))
	now := start
	for i, line := range l.lines {
		l.stage[i] = now
		now = advance(now, line, l.lowered[i], l.event(i))
	}
	return l.stage
}

func (l *log) event(i int) *event {
	if l.byLine[i] < 0 {
		return nil
	}
	return &l.events[l.byLine[i]]
}

func advance(now stage, line, lower string, e *event) stage {
	if e == nil {
		switch {
		case securedRE.in(line, lower) && now < secured:
			return secured
		case loggedRE.in(line, lower) && now < loggedIn:
			return loggedIn
		case listingRE.in(line, lower) && now >= loggedIn && now < opening:
			return opening
		case connectedRE.in(line, lower) && now < connected:
			return connected
		}
		return now
	}
	switch e.kind {
	case banner, status:
		return max(now, greeted)
	case command:
		switch e.verb {
		case "PASV", "EPSV", "PORT", "EPRT":
			return opening
		case "AUTH", "USER":
			return max(now, greeted) // clients wait for the greeting
		case "LIST", "NLST", "MLSD", "RETR", "STOR", "APPE":
			if now >= loggedIn && now < opening {
				return opening
			}
		}
	case reply:
		switch {
		case e.code == 220:
			return greeted // a new session, perhaps
		case e.code == 234:
			return max(now, securing)
		case e.code == 230 || e.code == 232:
			return max(now, loggedIn)
		case e.code == 227 || e.code == 229:
			return opening
		case e.code == 150 || e.code == 125:
			return moving
		case e.code == 226 && now == moving:
			return finished
		case e.code == 331:
			return max(now, greeted)
		}
	}
	return now
}

// last is how far the whole text came.
func (l *log) last() stage {
	furthest := start
	for _, s := range l.stages() {
		furthest = max(furthest, s)
	}
	if n := len(l.lines); n > 0 {
		furthest = max(furthest, advance(l.stage[n-1], l.lines[n-1], l.lowered[n-1], l.event(n-1)))
	}
	return furthest
}

// lastGood quotes the last line that shows progress.
func (l *log) lastGood() string {
	at, now := -1, start
	for i, line := range l.lines {
		e := l.event(i)
		if next := advance(now, line, l.lowered[i], e); next > now {
			now = next
			if e == nil || e.kind != command { // what was asked for has not worked yet
				at = i
			}
		}
	}
	if at < 0 {
		return ""
	}
	return l.quote(at)
}

// complete tells whether the text shows a transfer that came to its end.
func (l *log) complete() bool { return l.last() == finished }

// steps are the stations that the text shows.
func (l *log) steps(hits []hit) []finding.Check {
	layer := ""
	if len(hits) > 0 {
		layer = hits[0].code.Code.Layer()
	}
	came := l.last()
	if came == start && layer == "" {
		return nil
	}
	var out []finding.Check
	for _, s := range []struct {
		name, layer string
		from        stage
	}{
		{"net", "net", connected}, {"service", "service", greeted}, {"tls", "tls", secured}, {"auth", "auth", loggedIn}, {"data", "data", finished},
	} {
		switch {
		case s.layer == layer:
			out = append(out, finding.Check{Name: s.name, Layer: s.layer, Outcome: finding.Found})
			return out
		case s.from == secured && !l.spokeTLS():
		case came >= s.from:
			out = append(out, finding.Check{Name: s.name, Layer: s.layer, Outcome: finding.Passed})
		}
	}
	if layer != "" {
		out = append(out, finding.Check{Name: layer, Layer: layer, Outcome: finding.Found})
	}
	return out
}

func (l *log) spokeTLS() bool {
	return slices.Contains(l.stages(), secured)
}

// The places where programs name the server.
var hostPlaces = []*pattern{
	expr(`(?i)\b((?:ftps?|ftpes|sftp|https?|davs?|webdavs?)://[^\s"'<>()\x{4e00}-\x{9fff}]+)`),
	expr(`(?i)\b(?:trying|connecting to|connected to|connect to|connection to|正在连接到?|连接到|正在连接) (?:host )?['"]?([\w.-]+\.[a-z0-9-]+|\[?[0-9a-f:]+:[0-9a-f:]+\]?)`),
	expr(`(?i)(?:could not resolve host:?|getaddrinfo \w+|unknownhostexception:?|lookup|无法解析主机(?:地址)?[:：]?|unknown host:?) ['"“]?([\w.-]+)`),
	expr(`(?i)(?:^|[$#>] ?)(?:s?ftp|ssh|scp|lftp|tnftp|ncftp(?:ls|get|put)?|telnet) (?:-\S+ )*(?:\w+@)?([\w.-]+\.[a-z0-9-]+)`),
	expr(`(?i)\b\w[\w.-]*@([\w-]+(?:\.[\w-]+)+): (?:permission denied|password)`),
	expr(`(?i)(?:connection (?:closed|reset) by|connect to (?:host|address)) (?:authenticating user \S+ )?([\w.:-]+) port`),
	expr(`(?i)\b(?:host(?:name)?|server|address|主机|服务器)\s*[:=]\s*['"]?([\w-]+(?:\.[\w-]+)+)`),
}

// findHost looks once for the server's name.
func (l *log) findHost() {
	if l.looked {
		return
	}
	l.looked = true
	for _, place := range hostPlaces {
		for i, line := range l.lines {
			if i > 2000 {
				break
			}
			m := place.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			s := strings.TrimRight(m[1], ".,;:)]}'\"…")
			if strings.Contains(s, "://") {
				if l.takeURL(s) {
					return
				}
				continue
			}
			s = strings.Trim(s, "[]")
			if !usableHost(s) {
				continue
			}
			l.host = s
			if p := portRE.FindStringSubmatch(line); p != nil {
				l.port = p[1]
			}
			return
		}
	}
}

var portRE = expr(`(?i)(?:port |端口 ?|:)(\d{2,5})\b`)

func (l *log) takeURL(s string) bool {
	scheme, rest, _ := strings.Cut(s, "://")
	authority, _, _ := strings.Cut(rest, "/")
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') && strings.Count(authority[:i], ":")*strings.Count(authority[:i], "[") == strings.Count(authority[:i], ":") {
		host, port = authority[:i], authority[i+1:]
	}
	host = strings.Trim(host, "[]")
	if !usableHost(host) || strings.EqualFold(host, "github.com") || strings.EqualFold(host, "curl.se") || strings.EqualFold(host, "curl.haxx.se") || strings.EqualFold(host, "www.openssh.com") {
		return false
	}
	l.scheme, l.host, l.port = strings.ToLower(scheme), host, port
	return true
}

func usableHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 || !strings.Contains(s, ".") && s != "localhost" {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsAny(label, `_/\ `) {
			return false
		}
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	switch strings.ToLower(last) {
	case "js", "py", "java", "go", "cpp", "cc", "c", "php", "rb", "cs", "ts", "txt", "log", "conf", "xml", "json", "exe", "dll", "rs", "kt", "so":
		return false
	}
	return !strings.ContainsAny(last, "0123456789")
}

// protocol is what the text is about: ftp, sftp or webdav.
func (l *log) protocol() string {
	if l.proto != "" {
		return l.proto
	}
	count := map[string]int{}
	for _, e := range l.events {
		switch e.kind {
		case command, reply:
			count["ftp"] += 2
		case banner:
			count["sftp"] += 3
		case request, status:
			count["webdav"] += 3
		}
	}
	for word, p := range map[string]string{
		"ssh": "sftp", "sftp": "sftp", "paramiko": "sftp", "debug1:": "sftp", "jsch": "sftp", "publickey": "sftp", "known_hosts": "sftp", "port 22": "sftp", ":22": "sftp",
		"webdav": "webdav", "propfind": "webdav", "http": "webdav", "net use": "webdav",
		"ftp:": "ftp", "ftpes": "ftp", "ftplib": "ftp", "port 21": "ftp", ":21": "ftp", "pasv": "ftp", "passive": "ftp",
	} {
		if strings.Contains(l.lower, word) {
			count[p]++
		}
	}
	if strings.Contains(l.lower, "webdav") || strings.Contains(l.lower, "davs://") {
		count["webdav"] += 5
	}
	if strings.Contains(l.lower, "<html") {
		count["webdav"] += 5
	}
	l.proto = "ftp"
	if count["sftp"] > count["ftp"] {
		l.proto = "sftp"
	}
	if count["webdav"] > count[l.proto] {
		l.proto = "webdav"
	}
	return l.proto
}

// target is the server as check wants it, or empty.
func (l *log) target() string {
	l.findHost()
	if l.host == "" {
		return ""
	}
	scheme := l.scheme
	switch {
	case scheme == "https":
		scheme = "davs"
	case scheme == "http":
		scheme = "dav"
	case scheme == "webdav" || scheme == "webdavs":
		scheme = strings.TrimPrefix(scheme, "web")
	case scheme == "":
		scheme = map[string]string{"ftp": "ftp", "sftp": "sftp", "webdav": "davs"}[l.protocol()]
	}
	if l.port == "990" {
		scheme = "ftps"
	}
	authority := l.host
	if strings.Contains(l.host, ":") {
		authority = "[" + l.host + "]"
	}
	if standard := map[string]string{"ftp": "21", "ftpes": "21", "ftps": "990", "sftp": "22", "dav": "80", "davs": "443"}[scheme]; l.port != "" && l.port != standard {
		authority += ":" + l.port
	}
	return scheme + "://" + authority + "/"
}

func (l *log) hostPort() (host, port string) {
	l.findHost()
	port = l.port
	if port == "" && l.host != "" {
		port = map[string]string{"ftp": "21", "sftp": "22", "webdav": "443"}[l.protocol()]
	}
	return l.host, port
}

var peerRE = []*pattern{
	expr(`(?i)connected to \S+ \(((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]*:[0-9a-f:]+)\)`),
	expr(`(?i)(?:connecting to|trying|connected to|正在连接到?|连接到|connection to|连接至|正在连接)[^\n]{0,60}?[ (\["|]((?:\d{1,3}\.){3}\d{1,3})\b`),
	expr(`(?i)(?:^|[$#] ?)(?:ftp|lftp|open) (?:-\S+ )*((?:\d{1,3}\.){3}\d{1,3})\b`),
	expr(`(?i)(?:ftp\w*|https?)://(?:[^@/\s]*@)?((?:\d{1,3}\.){3}\d{1,3})\b`),
	expr(`(?i)\b(?:host|server|ftp)\w*\s*[(:=]\s*['"]?((?:\d{1,3}\.){3}\d{1,3})\b`),
}

// peer is the address of the control connection, as far as the text tells.
func (l *log) peer() string {
	if l.peerAt == nil {
		p := l.findPeer()
		l.peerAt = &p
	}
	return *l.peerAt
}

func (l *log) findPeer() string {
	for _, re := range peerRE {
		for i, line := range l.lines {
			if i > 2000 {
				break
			}
			if m := re.FindStringSubmatch(line); m != nil && isAddress(m[1]) && l.stages()[i] < opening {
				return m[1]
			}
		}
	}
	return ""
}
