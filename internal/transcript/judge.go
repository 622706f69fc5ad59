package transcript

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/ftp"
)

// Failures of the network, by the words of some forty programs.
var (
	refusedRE     = look(`(?i)connection refused|ECONNREFUSED|actively refused|积极拒绝|WSAECONNREFUSED|\b10061\b|Errno (?:111|61)\b|拒绝(?:了)?连接|连接被(?:对方)?拒绝|连接(?:已)?拒绝|拒绝访问连接|connect failed: refused|refused the (?:network )?connection|由于目标(?:计算机|机器)积极拒绝|目标计算机拒绝|NoValidConnectionsError` + `|` + refusedElsewhere)
	timeoutRE     = look(`(?i)timed out|(?:^|[^-\w(])time-?out(?:$|[^\w(:= ]|[:]? ?\(control|[:]? ?\((?:data|control) socket|: ?(?:no|did|the|\D{3})| (?:at|when|on|while|waiting|error|exceeded|expired|detected|was|occurred|connecting|reading|during|after|reached|- ))|Connection time-?out|ETIMEDOUT|WSAETIMEDOUT|\b10060\b|Errno (?:110|60)\b|超时|i/o timeout|curl: \(28\)|没有正确答复|did not properly respond|seconds of inactivity|timeout was reached|deadline exceeded|无活动|没有响应|\(hangs\)|\(hang\)|\bhangs?\b|卡住|卡死` + `|` + timeoutElsewhere)
	resetRE       = look(`(?i)Error in the pull function|connection (?:was )?reset|reset by peer|ECONNRESET|WSAECONNRESET|\b10054\b|Errno (?:104|54)\b|连接被(?:对方)?重(?:置|设)|强迫关闭|forcibly closed|ECONNABORTED|\b10053\b|连接已重置` + `|` + resetElsewhere)
	hostRE        = look(`(?i)no route to host|EHOSTUNREACH|WSAEHOSTUNREACH|\b10065\b|Errno (?:113|65)\b|没有到(?:达)?主机的路由|无法(?:连接|到达)(?:的)?主机|host (?:is )?unreachable|主机不可达|unreachable host` + `|` + hostElsewhere)
	closedRE      = look(`(?i)connection (?:was )?closed|server closed|closed by (?:the )?(?:remote|server|foreign)|connection (?:unexpectedly )?(?:lost|terminated|dropped)|EOFError|unexpected EOF|\bEOF\b|disconnected|连接(?:已|被)?(?:关闭|断开|中断)|curl: \((?:52|56|8|12)\)|socket hang up|response reading failed|Connection closed without indication|服务器关闭了连接|broken pipe|EPIPE|SERVER_CLOSED|断开的管道|无法读取响应|FIN packet|peer closed|unexpectedly closed|remote host (?:has )?closed|remote closed|Error in server response|对端关闭|got EOF from the server|421 service not available, remote server has closed|Software caused connection abort`)
	unreachableRE = look(`(?i)network is unreachable|ENETUNREACH|网络不可达|EADDRNOTAVAIL|can't assign requested address` + `|` + unreachableElsewhere)
	failedRE      = look(`(?i)can't connect|couldn't connect|could not connect|cannot connect|unable to connect|failed to connect|connection failed|无法连接(?:到)?(?:远程)?服务器|连接失败|curl: \(7\)|connect failed|无法建立连接|ftp_connect\(\)|Connection attempt failed|connecterror`)
	dataFail      = look(`(?i)failed to retrieve directory listing|读取目录列表失败|could not retrieve directory listing|data connection|data socket|data channel|传输通道|数据连接|transfer strategies|无法(?:打开|建立)数据`)
)

// normalEnd: so do sessions end that had no fault.
var normalEnd = look(`(?i)you will be disconnected|disconnected by (?:application|user)|\[chan \d+\] EOF|Got EOF on (?:data|control) connection|^\S*\s*(?:\* )?Closing connection(?: #?\d+)?$|caught an exception, leaving main loop due to socket closed|disconnect(?:ed|ing)? from \S+ port \d+$|^INFO\b.*\bconnection closed$`)

// quickNo: how many milliseconds an attempt took that did not time out.
var quickNo = expr(`after (\d+) ms: Couldn't connect to server`)

// failure is what kind of network failure a line tells.
func failure(line, lower string) string {
	switch m := quickNo.FindStringSubmatch(line); {
	case normalEnd.in(line, lower):
		return ""
	case m != nil && len(m[1]) < 3:
		return "refused" // a no that came at once
	case m != nil && len(m[1]) == 4 && m[1] >= "2900" && m[1] < "3500":
		return "host" // nobody answered three ARP requests, one a second
	case refusedRE.in(line, lower):
		return "refused"
	case hostRE.in(line, lower):
		return "host"
	case timeoutRE.in(line, lower):
		return "timeout"
	case resetRE.in(line, lower):
		return "reset"
	case closedRE.in(line, lower):
		return "closed"
	case unreachableRE.in(line, lower):
		return "unreachable"
	case failedRE.in(line, lower):
		return "failed"
	}
	return ""
}

// judgeNetwork judges bare failures of the network by how far the session had
// come. Only the first of each kind counts.
func (l *log) judgeNetwork() []hit {
	var out []hit
	seen := map[string]bool{}
	stages := l.stages()
	for i, line := range l.lines {
		if failure(line, l.lowered[i]) == "" {
			continue
		}
		e, ok := l.at(i)
		step := ok && e.kind == command && (e.verb == "PASV" || e.verb == "EPSV" || e.verb == "PORT") && strings.Contains(line, "==>")
		if ok && e.kind == command && !step || strings.HasPrefix(l.lowered[i], "debug1: reading") {
			continue
		}
		if len(out) > 8 || strings.Contains(l.lowered[i], "connecttimeout") {
			continue
		}
		what := failure(line, l.lowered[i])
		at := stages[i]
		if step {
			at = opening
		}
		named := implied(line)
		if named == opening && l.protocol() != "ftp" || named == securing && l.protocol() == "sftp" {
			named = start
		}
		if named == securing && at >= opening && l.protocol() == "ftp" {
			if h := (hit{code: finding.TLSDataHandshakeFailed, weight: fits + 10, line: i, what: failureWords(what), alike: alikeDataTLS}); !seen["data tls"] {
				seen["data tls"] = true
				out = append(out, h)
			}
			continue
		}
		at = max(at, named)
		if isRemark(line) && !ok {
			at = max(at, l.last()) // it speaks of the outcome
		}
		if at < greeted && (what == "reset" || what == "closed") && tlsStep.MatchString(l.lower) {
			at = securing
		}
		if l.tracesData() && at < opening || l.namesDataPort(line, at) {
			at = opening
		} else if at == start && (greetFrames.MatchString(l.lower) || strings.Contains(line, "read tcp ")) {
			at = connected
		}
		if at < opening && l.protocol() == "ftp" && (dataFail.in(line, l.lowered[i]) || at >= loggedIn && opensConnection(what)) {
			at = opening
		}
		key := fmt.Sprint(what, at >= opening, at >= loggedIn, at >= greeted)
		if what == "" || seen[key] {
			continue
		}
		seen[key] = true
		h := l.networkHit(what, at)
		if a := ipv6In(line); a != "" && at < greeted && (what == "host" || what == "timeout" || what == "unreachable") {
			h.code, h.weight, h.alike = finding.NetIPv6Broken, names-4, alikeUnreachable
		}
		if h.code == nil {
			continue
		}
		h.line = i
		out = append(out, h)
	}
	return out
}

// opensConnection: so does opening a connection fail. Behind the login that can
// only be one for data.
func opensConnection(what string) bool {
	return what == "refused" || what == "host" || what == "unreachable"
}

// Frames of stack traces tell what a program was doing.
var (
	dataFrames  = expr(`\[#\w+ 0b/[1-9]|in n?transfercmd|_opendataconnection_|opendataconnection|initiatelistparsing|openpassivedatastream|enterpassivemode|opendatastream|getdataconn|dataconnection\.|cmdlist|passiveconnect|\.makepasv|opendatachannel|ftpdatastream|transfer strategies`)
	greetFrames = expr(`in getresp|in parse_response|reader\.readline|_connectaction_|__getreply|_getreply|readwelcome|banner exchange|error reading ssh protocol banner`)
	portOfLine  = expr(`(?i)(?:[\d\]a-z]:|port |端口 ?|端口号 ?)(\d{4,5})(?:\D|$)`)
)

// tracesData: the stack trace goes through the opening of a data connection.
func (l *log) tracesData() bool { return l.protocol() == "ftp" && dataFrames.MatchString(l.lower) }

// namesDataPort: the line names a high port while control is on another.
func (l *log) namesDataPort(line string, at stage) bool {
	if _, to, ok := strings.Cut(line, "->"); ok {
		line = to
	}
	all := portOfLine.get().FindAllStringSubmatch(line, 4)
	if len(all) == 0 {
		return false
	}
	m := all[len(all)-1] // of "from->to" the latter
	if l.protocol() != "ftp" || at >= opening {
		return false
	}
	n, _ := strconv.Atoi(m[1])
	_, port := l.hostPort()
	return n > 1024 && n < 65536 && m[1] != port && (at >= greeted || strings.Contains(l.lower, ":21")) && !strings.Contains(line, " ms")
}

// networkHit tells what a failure at a stage speaks for.
func (l *log) networkHit(what string, at stage) hit {
	proto := l.protocol()
	make := func(code *finding.Def, weight int, a *alike) hit {
		return hit{code: code, weight: weight, what: failureWords(what), alike: a}
	}
	switch {
	case at >= opening && proto == "ftp":
		return l.dataFailure(what)
	case at >= loggedIn:
		if what == "timeout" && proto == "sftp" {
			return make(finding.RouteMTUBlackhole, symptom, alikeDropped)
		}
		if what == "timeout" {
			return make(finding.NetIdleTimeout, symptom, alikeDropped)
		}
		return make(finding.NetIdleTimeout, symptom-5, alikeDropped)
	case at >= securing && at < loggedIn && what != "failed" && l.protocol() == "ftp":
		if what == "timeout" {
			return make(finding.TLSHandshakeStalls, fits, alikeHandshake)
		}
		return make(finding.NetInspectionReset, symptom+5, alikeHandshake)
	case at >= greeted && what == "timeout":
		return make(finding.ServiceHung, symptom, alikeHung)
	case at >= greeted:
		return make(finding.NetInspectionReset, symptom-5, alikeClosed)
	case what == "refused":
		return make(finding.ServiceRefused, fits, alikeRefused)
	case what == "host":
		return make(finding.NetPortRejected, fits, alikeUnreachable)
	case what == "timeout" && at == connected:
		if _, port := l.hostPort(); port == "990" {
			return make(finding.TLSImplicitExpected, symptom+5, alikeHung)
		}
		return make(finding.ServiceHung, fits, alikeHung)
	case what == "timeout":
		return make(finding.NetPortFiltered, fits-2, alikeTimeout)
	case what == "reset" || what == "closed":
		return make(finding.NetSourceNotAllowed, symptom+10, alikeClosed)
	case what == "failed":
		return make(finding.NetPortFiltered, symptom-10, alikeTimeout)
	}
	return hit{}
}

// ipv6In finds an address of IPv6 in a line.
func ipv6In(line string) string {
	if strings.Count(line, ":") < 2 {
		return ""
	}
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" []()'\",|<>", r) }) {
		if a, err := netip.ParseAddr(strings.TrimRight(word, ".:")); err == nil && a.Is6() && !a.Is4In6() {
			return a.String()
		}
	}
	return ""
}

// failureWords says what happened.
func failureWords(what string) string {
	switch what {
	case "refused":
		return "the connection was refused"
	case "timeout":
		return "no answer came in time"
	case "reset":
		return "the connection was reset"
	case "closed":
		return "the connection was closed"
	case "host", "unreachable":
		return "the host could not be reached"
	default:
		return "no connection came about"
	}
}

// dataFailure judges a failure after a data connection was asked for: by the
// mode, and by what PASV announced.
func (l *log) dataFailure(what string) hit {
	h := hit{what: failureWords(what), weight: fits + 5}
	active, passive := false, false
	protected := false
	for _, e := range l.events {
		switch {
		case e.kind == command && (e.verb == "PORT" || e.verb == "EPRT"):
			active = true
		case e.kind == reply && (e.code == 227 || e.code == 229):
			passive = true
		case e.kind == command && e.verb == "PASV" || e.kind == command && e.verb == "EPSV":
			passive = true
		case e.kind == command && e.verb == "PROT" && strings.EqualFold(e.arg, "P"):
			protected = true
		}
	}
	switch {
	case active && !passive:
		h.code, h.alike = finding.DataActiveBlocked, alikeActive
	case (what == "reset" || what == "closed") && l.last() >= moving && l.uploads():
		h.code, h.alike, h.weight = finding.FileDiskFull, alikeCutUpload, symptom
	case (what == "reset" || what == "closed") && l.last() >= moving:
		h.code, h.alike, h.weight = finding.DataStalled, alikeDropped, symptom
		if protected {
			h.code, h.alike = finding.TLSDataHandshakeFailed, alikeDataTLS
		}
	case what == "timeout" && l.last() == moving:
		h.code, h.alike, h.weight = finding.DataStalled, alikeDropped, symptom+5
		if !l.bulk() && !l.accepted() {
			h.code, h.alike = finding.DataPassiveFiltered, alikePassive
		}
	default:
		h.code, h.alike = finding.DataPassiveFiltered, alikePassive
	}
	return h
}

// uploads tells whether the session sent a file.
func (l *log) uploads() bool {
	return slices.ContainsFunc(l.events, func(e event) bool { return e.kind == command && (e.verb == "STOR" || e.verb == "APPE") })
}

// bulk tells whether data had begun to move.
var progressRE = expr(`(?i)\b[1-9]\d?%|bytes (?:sent|received|transferred)|stalls? at|large files?|大文件`)

// accepted tells whether the data connection stood when 150 came: the client
// says so, or the server is one of those that answer only then.
var acceptedRE = expr(`data connection established|connected to data|vsftpd|proftpd|pure-?ftpd|125 data connection already open|here comes the directory listing|ok to send data`)

func (l *log) accepted() bool { return acceptedRE.MatchString(l.lower) }

func (l *log) bulk() bool { return progressRE.MatchString(l.lower) }

// judgeData compares what PASV and PORT announce with where the control
// connection goes.
func (l *log) judgeData() []hit {
	var out []hit
	peer, _ := netip.ParseAddr(l.peer())
	troubled := l.dataTroubled()
	for _, e := range l.events {
		switch {
		case e.kind == reply && e.code == 227:
			a, err := ftp.ParsePASV(e.text)
			if err != nil && !a.IsValid() {
				if len(out) == 0 && troubled {
					out = append(out, hit{code: finding.DataPASVBroken, weight: shows, line: e.line, what: meaning(finding.DataPASVBroken)})
				}
				continue
			}
			if h, ok := l.announced(e, a, peer, troubled); ok && len(out) < 2 {
				out = append(out, h)
			}
		case e.kind == reply && e.code == 229:
			if port, err := ftp.ParseEPSV(e.text); err == nil && len(l.decoded) < 2 {
				l.decoded = append(l.decoded, note{"the port that EPSV announces", strconv.Itoa(int(port))})
			}
		case e.kind == command && e.verb == "PORT":
			if a, err := ftp.ParsePORT(e.arg); err == nil && len(l.decoded) < 2 {
				l.decoded = append(l.decoded, note{"the address that the client names with PORT", a.String()})
			}
		case e.kind == reply && (e.code == 425 || e.code == 426 || e.code == 522 || e.code == 435):
			if h, ok := l.cantOpen(e); ok && len(out) < 3 {
				out = append(out, h)
			}
		}
	}
	return out
}

// dataTroubled tells whether something failed after a data connection was asked for.
func (l *log) dataTroubled() bool {
	for i, s := range l.stages() {
		if s < opening {
			continue
		}
		if failure(l.lines[i], l.lowered[i]) != "" || dataFail.in(l.lines[i], l.lowered[i]) {
			return true
		}
		if e, ok := l.at(i); ok && e.kind == reply && (e.code == 425 || e.code == 426 || e.code == 421) {
			return true
		}
	}
	if l.last() == opening || l.last() == moving {
		return true // it ends there
	}
	return false
}

var repairedRE = expr(`(?i)(?:server sent passive reply with unroutable address|服务器发(?:回|送)了不可路由的(?:地址|被动)|using (?:the )?(?:server|host|original|control|peer) address instead|使用服务器地址代替|fixing bogus|address returned by PASV .* (?:seems|different)|Address returned by PASV seems to be incorrect|skip \S+ for data connection, re-use \S+ instead|ignoring (?:the )?(?:pasv|passive) (?:address|ip)|replac\w+ .*(?:pasv|passive)|Server listening on .* using|bogus address|\[Replacing PASV)`)

// mismatchRE: the client compared the addresses itself.
var mismatchRE = expr(`passive mode address mismatch|pasv .{0,30}address .{0,30}(?:mismatch|does not match|differs)`)

// announced judges an address of PASV.
func (l *log) announced(e event, a netip.AddrPort, peer netip.Addr, troubled bool) (hit, bool) {
	if len(l.decoded) < 2 {
		l.decoded = append(l.decoded, note{"the address that PASV announces", a.String()})
	}
	ip := a.Addr()
	h := hit{line: e.line, with: map[string]string{"announced": a.String()}}
	if peer.IsValid() {
		h.with["peer"] = peer.String()
	}
	set := func(code *finding.Def, weight int, a *alike) (hit, bool) {
		h.code, h.weight, h.alike, h.what = code, weight, a, meaning(code)
		return h, true
	}
	if repairedRE.MatchString(l.lower) && !l.hasTarget(a) && (!peer.IsValid() || ip != peer) {
		// The client says that it took another address: what failed then was the port.
		if troubled {
			return set(finding.DataPassiveFiltered, shows+2, alikePassive)
		}
		return hit{}, false
	}
	switch {
	case ip.IsUnspecified():
		return set(finding.DataPassiveBadAddress, names+2, nil)
	case ip.IsLoopback() && !peer.IsLoopback() && !strings.Contains(l.host, "localhost"):
		return set(finding.DataPassiveBadAddress, names+2, nil)
	case mismatchRE.MatchString(l.lower) && isPrivate(ip):
		return set(finding.DataPassivePrivateAddress, shows+4, alikePrivate)
	case mismatchRE.MatchString(l.lower):
		return set(finding.DataPassiveWrongAddress, shows+4, alikePassive)
	case !troubled || peer.IsValid() && ip == peer:
		return hit{}, false
	case isPrivate(ip) && peer.IsValid() && !isPrivate(peer):
		return set(finding.DataPassivePrivateAddress, names-1, alikePrivate)
	case isPrivate(ip) && peer.IsValid() && isPrivate(peer) && sameNet(ip, peer):
		return set(finding.DataPassiveWrongAddress, shows, alikePrivate)
	case isPrivate(ip) && peer.IsValid():
		return set(finding.DataPassivePrivateAddress, shows+2, alikePrivate)
	case isPrivate(ip) && !l.knownLAN():
		return set(finding.DataPassivePrivateAddress, shows, alikePrivate)
	case peer.IsValid() && isPrivate(peer):
		return set(finding.DataPassiveWrongAddress, shows+4, alikePassive)
	case peer.IsValid() && peer.Is4():
		return set(finding.DataPassiveWrongAddress, shows+2, alikePassive)
	}
	return hit{}, false
}

// hasTarget tells whether the text shows that the announced address itself was tried.
func (l *log) hasTarget(a netip.AddrPort) bool {
	return strings.Contains(l.lower, "trying "+a.String()) || strings.Contains(l.lower, "connecting data socket to ("+a.Addr().String())
}

// knownLAN: remarks say that client and server share a network.
var lanRE = expr(`(?i)same (?:lan|subnet|network|machine)|局域网内|同一(?:局域网|网段)`)

func (l *log) knownLAN() bool { return lanRE.MatchString(l.lower) }

func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

func sameNet(a, b netip.Addr) bool {
	p, err := a.Prefix(24)
	return err == nil && p.Contains(b)
}

// cantOpen judges 425 and its kin.
func (l *log) cantOpen(e event) (hit, bool) {
	low := strings.ToLower(e.text)
	h := hit{line: e.line, weight: fits + 8, what: "the server could not open the data connection"}
	active, passive := false, false
	for _, p := range l.events {
		if p.line >= e.line {
			break
		}
		switch {
		case p.kind == command && (p.verb == "PORT" || p.verb == "EPRT"), p.kind == reply && strings.Contains(p.text, "PORT command"):
			active, passive = true, false
		case p.kind == reply && (p.code == 227 || p.code == 229):
			active, passive = false, true
		}
	}
	switch {
	case strings.Contains(low, "tls"), strings.Contains(low, "ssl"), strings.Contains(low, "bad ip"), strings.Contains(low, "session"), strings.Contains(low, "operation not permitted"):
		return hit{}, false // said by a rule
	case e.code == 426:
		h.code, h.weight, h.alike = finding.DataStalled, symptom, alikeDropped
	case active:
		h.code, h.alike = finding.DataActiveBlocked, alikeActive
	case passive || strings.Contains(low, "use port or pasv first"):
		h.code, h.alike = finding.DataPassiveFiltered, alikePassive
	default:
		h.code, h.alike, h.weight = finding.DataActiveBlocked, alikeActive, fits
		if strings.Contains(l.lower, "passive") || strings.Contains(l.lower, "pasv") || strings.Contains(l.lower, "被动") {
			h.code, h.alike = finding.DataPassiveFiltered, alikePassive
		}
	}
	return h, true
}

var (
	tooLongRE = expr(`(?i)(?:message (?:is )?too long|on a total of|too large[^\d]*|packet length|packet \(|过长|过大)[^\d]{0,20}(\d{6,10})`)
	firstRE   = expr(`(?i)(?:banner|greeting|identification|first (?:line|bytes)|status code from the server reply|protocol version identification|protocol identification string)[^\n]{0,40}['"](SSH-|HTTP/|220|500 OOPS|<html|<!DOCTYPE|\+OK|\* OK)`)
)

// judgeSSH decodes lengths that are text, and finds peers that speak another
// protocol than the client.
func (l *log) judgeSSH() []hit {
	for i, line := range l.lines {
		if m := tooLongRE.FindStringSubmatch(line); m != nil {
			n, err := strconv.ParseUint(m[1], 10, 32)
			if err == nil && len(l.decoded) < 3 {
				b := []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
				l.decoded = append(l.decoded, note{"the length that was read is the beginning of a text", strconv.QuoteToASCII(string(b))})
			}
			if err == nil && n>>8 != 0x546869 && printable(n) {
				return append(l.otherProtocol(), hit{code: finding.SSHShellNoise, weight: names, line: i, what: meaning(finding.SSHShellNoise)})
			}
			if n>>8 == 0x546869 { // "This account is currently not available."; some count from behind the length
				return []hit{{code: finding.SSHNologinShell, weight: names + 2, line: i, what: meaning(finding.SSHNologinShell), alike: alikeAfterLogin}}
			}
			break
		}
	}
	return slices.Concat(l.otherProtocol(), l.endsThere(), l.noKeyOffered())
}

// printable tells whether four bytes are letters, blanks or what terminals
// are told: the beginning of a text, and no length.
func printable(n uint64) bool {
	for range 4 {
		b := byte(n)
		if b != '\n' && b != '\r' && b != '\t' && b != 0x1b && (b < ' ' || b > '~') {
			return false
		}
		n >>= 8
	}
	return true
}

// noKeyOffered: a verbose log of ssh in which the server takes keys only, and no
// key was there to be offered.
func (l *log) noKeyOffered() []hit {
	if !strings.Contains(l.lower, "debug1: authentications that can continue") || strings.Contains(l.lower, "offering public key") || strings.Contains(l.lower, "offering rsa public key") ||
		strings.Contains(l.lower, "load key") {
		return nil
	}
	for i, line := range l.lines {
		if strings.HasSuffix(line, "Permission denied (publickey).") {
			return []hit{{code: finding.SSHAuthMethodNotOffered, weight: shows, line: i, what: meaning(finding.SSHAuthMethodNotOffered), alike: alikeKey}}
		}
	}
	return nil
}

var (
	mailRE = expr(`(?i)\bE?SMTP\b|\bIMAP|\bPOP3\b|mail (?:server|service)`)
	// No server of FTP does without USER.
	unknownVerb = expr(`(?i)not recogni[sz]ed|unrecogni[sz]ed|unknown command|not understood|not implemented|bad command|invalid command`)
)

// otherProtocol compares what the client speaks with what the peer says first.
func (l *log) otherProtocol() []hit {
	spoke := ""
	ssh, web, ftpd, alien := -1, -1, -1, -1
	for _, e := range l.events {
		switch {
		case e.kind == banner && ssh < 0:
			ssh = e.line
		case e.kind == status && web < 0:
			web = e.line
		case e.kind == reply && e.code == 220 && ftpd < 0:
			ftpd = e.line
			if mailRE.MatchString(e.text) {
				alien = e.line
			}
		case e.kind == reply && e.verb == "USER" && (e.code == 500 || e.code == 502) && unknownVerb.MatchString(e.text):
			alien = e.line
		}
	}
	_, port := l.hostPort()
	switch {
	case strings.Contains(l.lower, "ftplib") && !strings.Contains(l.lower, "sftp"), l.scheme == "ftp", l.scheme == "ftps", l.scheme == "ftpes",
		strings.Contains(l.lower, "ftps"), port == "21", strings.Contains(l.lower, "ftp.ftpclient"), strings.Contains(l.lower, "basic-ftp"), regexpFTPClient.MatchString(l.lower):
		spoke = "ftp"
	}
	if l.scheme == "sftp" || strings.Contains(l.lower, "paramiko") || strings.Contains(l.lower, "debug1:") || strings.Contains(l.lower, "ssh2") || strings.Contains(l.lower, "jsch") {
		spoke = "sftp"
	}
	if l.scheme == "http" || l.scheme == "https" || l.scheme == "dav" || l.scheme == "davs" || strings.Contains(l.lower, "propfind") {
		spoke = "webdav"
	}
	var out []hit
	add := func(line, weight int) {
		out = append(out, hit{code: finding.ServiceOtherProtocol, weight: weight, line: line, what: meaning(finding.ServiceOtherProtocol)})
	}
	for i, line := range l.lines {
		if m := firstRE.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "220") {
			add(i, names+1)
			break
		}
		if otherWords.in(line, l.lowered[i]) {
			add(i, names+1)
			break
		}
	}
	switch {
	case alien >= 0:
		add(alien, names+2)
	case spoke == "ftp" && ssh >= 0 && !strings.Contains(l.lower, "sshd["):
		add(ssh, names+2)
	case spoke == "webdav" && ssh >= 0:
		add(ssh, names+2)
	case spoke == "sftp" && ssh < 0 && ftpd >= 0:
		add(ftpd, names+2)
	case spoke == "sftp" && ssh < 0 && web >= 0:
		add(web, names+2)
	case spoke == "ftp" && web >= 0 && ftpd < 0 && !strings.Contains(l.lower, "proxy"):
		add(web, shows)
	}
	return out
}

var (
	regexpFTPClient = expr(`(?m)^(?:status|command|response|状态|命令|响应)[:：]|^\$ ?(?:ftp|tnftp|ftplib|lftp) |ftpexception|ftpwebrequest|ftp_connect|ftperror|\bftp\.\w+error`)
	otherWords      = look(`(?i)malformed HTTP (?:response|status code|version) "[^\\"]|assuming HTTP/0\.9|does not contain SSH protocol identification|protocol mismatch|Invalid SSH identification string|Bad remote protocol version|ssh_exchange_identification: (?:220|HTTP|Protocol)|Bad protocol version identification|kex_exchange_identification: (?:banner line contains invalid|client sent invalid protocol|Connection closed by remote host: 220|banner)|Cannot establish FTP connection to an SFTP server|(?:server )?(?:is|seems to be|looks like) an? (?:SSH|SFTP|SMTP|HTTP|mail) server|does not (?:look like|appear to be) an? (?:FTP|SSH) server|Expected (?:SSH|an SSH) (?:banner|identification)|not an? (?:FTP|SSH) server|无法与 SFTP 服务器建立 FTP 连接|unable to (?:establish|connect).*SFTP server.*FTP|Please select proper protocol|请选择正确的协议|ssh: overflow reading version string|220 \S+ E?SMTP|received HTTP/0\.9 when not allowed|curl: \(1\) Received HTTP/0\.9|curl: \(79\).*banner|invalid protocol version|Invalid server's version string|Weird server reply|Got a 421 ftp|kex_exchange_identification: banner|ssh: handshake failed: ssh: invalid`)
)

// lastLine is the last that is not blank.
func (l *log) lastLine() string {
	for _, line := range slices.Backward(l.lines) {
		if line != "" {
			return line
		}
	}
	return ""
}

// sshEndsThere judges a verbose log of ssh by what it waited for last.
func (l *log) sshEndsThere() (hit, bool) {
	last := l.lastLine()
	h := hit{line: len(l.lines) - 1, what: "the text ends there"}
	switch {
	case strings.Contains(last, "expecting SSH2_MSG_KEX"):
		h.code, h.alike, h.weight = finding.RouteMTUBlackhole, alikeDropped, shows
	case strings.Contains(last, "Next authentication method: keyboard-interactive"):
		h.code, h.alike, h.weight = finding.AuthSecondFactorRequired, alikeLogin, symptom+5
	default:
		return hit{}, false
	}
	return h, true
}

// endsConnecting judges a text that breaks off at the attempt to connect.
func (l *log) endsConnecting() []hit {
	for i, line := range slices.Backward(l.lines) {
		if line == "" || ownVersion.MatchString(line) {
			continue
		}
		if !connecting.MatchString(line) {
			return nil
		}
		return []hit{{code: finding.NetPortFiltered, weight: symptom + 5, line: i, what: "the text ends there", alike: alikeTimeout}}
	}
	return nil
}

// connecting: an attempt to connect begins.
var connecting = expr(`(?i)^(?:\W{0,3}\s*)(?:trying|connecting to|正在连接|status:\s+connecting to|状态[:：]\s*正在连接)\s?\S+.*\d`)

// endsThere judges a text that breaks off: the last thing said is what was
// waited for.
func (l *log) endsThere() []hit {
	if h, ok := l.sshEndsThere(); ok {
		return []hit{h}
	}
	if len(l.events) == 0 {
		return l.endsConnecting()
	}
	last := l.events[len(l.events)-1]
	for i := last.line + 1; i < len(l.lines); i++ {
		if failure(l.lines[i], l.lowered[i]) != "" {
			return nil
		}
	}
	h := hit{line: last.line, weight: symptom + 5, what: "the text ends there"}
	switch {
	case last.kind == reply && (last.code == 227 || last.code == 229),
		last.kind == command && (last.verb == "LIST" || last.verb == "MLSD" || last.verb == "NLST") && l.last() == opening:
		h.code, h.alike = finding.DataPassiveFiltered, alikePassive
		for _, e := range l.events {
			if e.kind == command && (e.verb == "PORT" || e.verb == "EPRT") {
				h.code, h.alike = finding.DataActiveBlocked, alikeActive
			}
		}
	case last.kind == reply && last.code == 150 && l.accepted():
		h.code, h.alike = finding.DataStalled, alikeDropped
	case last.kind == reply && last.code == 150:
		h.code, h.alike = finding.DataPassiveFiltered, alikePassive
	case last.kind == command && last.verb == "EPSV":
		h.code, h.alike = finding.DataEPSVBroken, alikePassive
	case last.kind == reply && last.code == 234:
		h.code, h.alike = finding.TLSHandshakeStalls, alikeHandshake
	default:
		return nil
	}
	return []hit{h}
}
