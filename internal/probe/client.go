package probe

import (
	"context"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// clientCheck looks at the machine that asks, before anything is sent.
var clientCheck = &check{
	name: "client", layer: "client", asks: "is this machine on a network, and does a setting of its own carry the traffic elsewhere",
	run: func(ctx context.Context, r *run) {
		r.links = r.w.Links()
		if r.noNetwork() {
			return
		}
		if p := r.target.Protocol(); p == observe.FTP || p == observe.Any { // of HTTP see proxyCheck; SSH clients obey no such setting
			r.proxies(ctx)
		}
	},
}

// sources of evidence, as phrases.
const (
	fromThisMachine = "this machine"
	fromKernel      = "routing table of this machine"
	fromControl     = "control connection"
	fromData        = "data connection"
	fromExperiment  = "control experiment"
	fromDNS         = "name servers"
	fromManuals     = "documentation of these clients"
)

// noNetwork states that no interface but the loopback is up with an address.
func (r *run) noNetwork() bool {
	if !r.links.OK() {
		return false
	}
	if a, err := netip.ParseAddr(r.target.Host); (err == nil && a.IsLoopback()) || r.target.Host == "localhost" {
		return false
	}
	var seen []string
	for _, l := range r.links.Links {
		if l.Loopback {
			continue
		}
		usable := l.Up && slices.ContainsFunc(l.Prefixes, func(p netip.Prefix) bool { return !p.Addr().IsLinkLocalUnicast() })
		if usable && l.Carrier {
			return false
		}
		seen = append(seen, l.Name+": "+linkState(l))
	}
	if len(seen) == 0 {
		seen = []string{"lo"}
	}
	r.find(finding.New(finding.ClientNoNetwork, finding.Confirmed).Stop().
		With("interface", strings.SplitN(seen[0], ":", 2)[0]).
		Saw("the interfaces of this machine", strings.Join(seen, "; "), fromThisMachine))
	return true
}

func linkState(l observe.Link) string {
	switch {
	case !l.Up:
		return "down"
	case !l.Carrier:
		return "no carrier"
	case len(l.Prefixes) == 0:
		return "up, no address"
	default:
		var ps []string
		for _, p := range l.Prefixes {
			ps = append(ps, p.String())
		}
		return "up, " + strings.Join(ps, " ")
	}
}

// proxyVariables are what curl, wget, lftp and most libraries obey.
var proxyVariables = []string{"ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}

const (
	proxyTimeout = 1500 * time.Millisecond
	proxyAnswer  = 4 * time.Second
)

// proxies asks whether other programs of this machine would go through a proxy
// for this target, and whether that proxy can be reached. This program itself
// always connects directly, so a proxy that swallows traffic does not hide the
// server from it; but it does from the user.
func (r *run) proxies(ctx context.Context) {
	env := r.w.Environment(proxyVariables...)
	value, name := "", ""
	for _, n := range proxyVariables[:4] {
		if env[n] != "" {
			value, name = env[n], n
			break
		}
	}
	if value == "" || bypassed(r.target.Host, env["no_proxy"]+","+env["NO_PROXY"]) {
		return
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	shown := value
	if err == nil {
		if pw, ok := u.User.Password(); ok {
			r.w.Hide(pw)
		}
		shown = u.Redacted()
	}
	if err != nil || u.Hostname() == "" {
		r.find(finding.New(finding.ClientProxyIntercepts, finding.Confirmed).With("proxy", shown).
			Saw("a proxy setting that is no URL", name+"="+shown, fromThisMachine))
		return
	}
	r.beside("proxy", func(w *observe.World) func() {
		d, status := tryProxy(ctx, w, u, r.target.HostPort())
		return func() { r.judgeProxy(name+"="+shown, shown, d, status) }
	})
}

// tryProxy connects to the proxy and asks an HTTP proxy for the server as
// programs do, without credentials. It returns the status line.
func tryProxy(ctx context.Context, w *observe.World, u *url.URL, target string) (observe.Dialed, string) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080", "socks4": "1080"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		l := w.Lookup(ctx, u.Hostname(), proxyTimeout)
		if len(l.Addresses) == 0 {
			return observe.Dialed{Step: observe.Step{Took: l.Took, Failure: observe.Absent, Errno: "the proxy's name does not resolve"}}, ""
		}
		addr = l.Addresses[0]
	}
	to, err := netip.ParseAddrPort(netip.AddrPortFrom(addr, 0).Addr().String() + ":" + port)
	if err != nil {
		to, _ = netip.ParseAddrPort("[" + addr.String() + "]:" + port)
	}
	conn, d := w.Dial(ctx, to, observe.DialOptions{Timeout: proxyTimeout})
	if conn == nil {
		return d, ""
	}
	defer conn.Close()
	if u.Scheme != "http" {
		return d, ""
	}
	conn.SetBudget(proxyAnswer)
	if _, err := io.WriteString(conn, "GET ftp://"+target+"/ HTTP/1.0\r\nHost: "+target+"\r\n\r\n"); err != nil {
		return d, ""
	}
	return d, firstLine(firstBytes(conn))
}

// cannotFTP tells by a status line that the proxy does not carry FTP. Other
// refusals (credentials, a missing file) come from beyond it.
func cannotFTP(status string) bool {
	f := strings.Fields(status)
	return len(f) >= 2 && strings.HasPrefix(f[0], "HTTP/") && slices.Contains([]string{"400", "403", "405", "501"}, f[1])
}

// judgeProxy: the direct way was tried by the checks; when it worked and the
// proxy can't be reached, the proxy is what stands between users and server.
// When the direct way failed and the proxy answers, clients that go around it fail.
func (r *run) judgeProxy(setting, proxy string, d observe.Dialed, status string) {
	direct := r.peer.IsValid()
	switch {
	case direct && !d.OK():
		r.find(finding.New(finding.ClientProxyIntercepts, finding.Confirmed).With("proxy", proxy).
			Saw("a proxy is set for this target", setting, fromThisMachine).
			Saw("connecting to the proxy", d.String(), fromExperiment).
			Saw("connecting to the server directly", "ok", fromExperiment))
	case direct && cannotFTP(status):
		r.find(finding.New(finding.ClientProxyIntercepts, finding.Confirmed).With("proxy", proxy).
			Saw("a proxy is set for this target", setting, fromThisMachine).
			Saw("asking the proxy for the server", status, fromExperiment).
			Saw("connecting to the server directly", "ok", fromExperiment))
	case !direct && d.OK() && r.silentOrRefused():
		r.find(finding.New(finding.ClientProxyIgnored, finding.Likely).With("proxy", proxy).
			Saw("a proxy is set for this target", setting, fromThisMachine).
			Saw("connecting to the proxy", d.String(), fromExperiment).
			Saw("connecting to the server directly", "no", fromExperiment))
	case !direct && !d.OK():
		r.find(finding.New(finding.ClientProxyIntercepts, finding.Possible).As(finding.Warning).With("proxy", proxy).
			Saw("a proxy is set for this target", setting, fromThisMachine).
			Saw("connecting to the proxy", d.String(), fromExperiment))
	}
}

func (r *run) silentOrRefused() bool {
	for _, f := range r.findings {
		switch f.Code {
		case "net/port-filtered", "net/host-down", "net/only-other-ports", "net/port-rejected":
			return true
		}
	}
	return false
}

// bypassed tells whether a no_proxy list names the host.
func bypassed(host, list string) bool {
	for item := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		item = strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(item, "*"), "."))
		if p, err := netip.ParsePrefix(item); err == nil {
			if a, err := netip.ParseAddr(host); err == nil && p.Contains(a) {
				return true
			}
		}
		if item == "" {
			continue
		}
		if host == item || strings.HasSuffix(host, "."+item) {
			return true
		}
	}
	return strings.Contains(","+strings.ReplaceAll(list, " ", "")+",", ",*,")
}
