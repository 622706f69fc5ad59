package host

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
)

// settings is what a server's configuration says, in one shape for all servers,
// each with the place where it stands.
type settings struct {
	kind     string
	set      *conf.Set
	overlay  *conf.Set // of one user, vsftpd's user_config_dir
	problems []conf.Problem
	files    []string          // that were read
	options  map[string]string // of the command line, Pure-FTPd
	unread   bool              // the main file could not be read
	web      []directive       // of a web server
}

// value is a setting and where it stands; an unset one has no Place.
type value struct {
	Text, Place string
}

func (v value) set() bool { return v.Place != "" }

// yes reads a switch as vsftpd, ProFTPD and Pure-FTPd do.
func (v value) yes() bool {
	switch strings.ToLower(v.Text) {
	case "yes", "true", "1", "on":
		return true
	}
	return false
}

// or is the value, or a default where it is not set.
func (v value) or(text string) string {
	if v.set() {
		return v.Text
	}
	return text
}

func (v value) number() int {
	n, err := strconv.Atoi(strings.TrimSpace(v.Text))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// configOf finds the main file that the server uses: the one on its command
// line, else the usual one that exists.
func (l *look) configOf(k *kind, s *Server) string {
	argv := s.argv
	if len(argv) > 0 {
		argv = argv[1:]
	}
	switch k.name {
	case "vsftpd":
		for _, a := range argv {
			if !strings.HasPrefix(a, "-") && strings.HasPrefix(a, "/") {
				return a
			}
		}
	case "proftpd":
		if v := option(argv, "-c", "--config"); v != "" {
			return v
		}
	case "openssh", "apache":
		if v := option(argv, "-f"); v != "" {
			return v
		}
	case "nginx":
		if v := option(argv, "-c"); v != "" {
			return v
		}
	}
	return l.first(k.configs...)
}

// option is the value of an option: "-c x", "-cx", "--config x" or "--config=x".
func option(argv []string, names ...string) string {
	for i, a := range argv {
		for _, n := range names {
			switch {
			case a == n && i+1 < len(argv):
				return argv[i+1]
			case strings.HasPrefix(n, "--") && strings.HasPrefix(a, n+"="):
				return a[len(n)+1:]
			case !strings.HasPrefix(n, "--") && strings.HasPrefix(a, n) && len(a) > len(n) && !strings.HasPrefix(a, "--"):
				return a[len(n):]
			}
		}
	}
	return ""
}

// confKinds are the forms that package conf reads.
var confKinds = map[string]conf.Kind{
	"vsftpd": conf.VSFTPD, "proftpd": conf.ProFTPD, "pure-ftpd": conf.PureFTPD, "openssh": conf.SSHD,
}

// readSettings reads a server's configuration; never nil.
func (l *look) readSettings(s *Server) *settings {
	out := &settings{kind: s.Kind}
	form, known := confKinds[s.Kind]
	if s.Kind == "pure-ftpd" {
		out.options = pureOptions(s.argv)
		if f, err := l.stat(s.Config); err == nil && f.Mode.IsDir() {
			form = conf.PureFTPDDir
		}
	}
	if webPatterns[s.Kind] != nil && s.Config != "" {
		out.web, out.files = l.webDirectives(s.Kind, s.Config)
	}
	if !known || s.Config == "" {
		return out
	}
	read := func(name string) ([]byte, error) {
		text, err := l.read(name)
		return []byte(text), err
	}
	set, problems := conf.ParseSet(form, s.Config, read, func(pattern string) ([]string, error) { return l.glob(pattern), nil })
	out.set, out.problems = set, problems
	for _, d := range set.Docs() {
		out.files = append(out.files, d.Name())
	}
	for _, u := range set.Unread() {
		if u.File == s.Config {
			out.unread = true
		}
	}
	if dir := out.get("user_config_dir"); s.Kind == "vsftpd" && dir.set() && l.q.user() != "" {
		name := path.Join(dir.Text, path.Base(l.q.user()))
		if l.exists(name) {
			out.overlay, _ = conf.ParseSet(conf.VSFTPD, name, read, func(string) ([]string, error) { return nil, nil })
			out.files = append(out.files, name)
		}
	}
	return out
}

// get is a setting of the server as a whole, or of the user in question. Several
// names are tried in order.
func (s *settings) get(names ...string) value {
	for _, name := range names {
		for _, set := range []*conf.Set{s.overlay, s.set} {
			if set == nil {
				continue
			}
			if d, ok := set.Get(name); ok {
				return value{strings.Join(d.Args, " "), fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)}
			}
		}
		if v, ok := s.options[name]; ok {
			return value{v, "the command line"}
		}
	}
	return value{}
}

// everywhere are all values of a directive, in whatever section.
func (s *settings) everywhere(name string) []value {
	var all []value
	if s.set == nil {
		return nil
	}
	for d := range s.set.All() {
		if d.Is(name) {
			all = append(all, value{strings.Join(d.Args, " "), fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)})
		}
	}
	return all
}

// pureLetters are the options of pure-ftpd that matter here, by the names that
// its configuration has for them.
var pureLetters = map[string]string{
	"p": "PassivePortRange", "P": "ForcePassiveIP", "S": "Bind", "c": "MaxClientsNumber", "C": "MaxClientsPerIP", "Y": "TLS",
	"l": "auth", "u": "MinUID", "J": "TLSCipherSuite", "2": "CertFile",
}

// pureOptions reads the command line of pure-ftpd, where its configuration is
// given so: letters with their values, joined or apart, or long options.
func pureOptions(argv []string) map[string]string {
	all := map[string]string{}
	long := map[string]string{
		"passiveportrange": "PassivePortRange", "forcepassiveip": "ForcePassiveIP", "bind": "Bind",
		"maxclientsnumber": "MaxClientsNumber", "maxclientsperip": "MaxClientsPerIP", "tls": "TLS", "login": "auth", "minuid": "MinUID", "certfile": "CertFile",
	}
	for i, a := range argv {
		if i == 0 || len(a) < 2 || a[0] != '-' {
			continue
		}
		next := ""
		if i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			next = argv[i+1]
		}
		if name, ok := strings.CutPrefix(a, "--"); ok {
			name, v, joined := strings.Cut(name, "=")
			if !joined {
				v = next
			}
			if known := long[name]; known != "" && v != "" {
				all[known] = v
			}
			continue
		}
		if known := pureLetters[a[1:2]]; known != "" {
			v := a[2:]
			if v == "" {
				v = next
			}
			if v != "" {
				all[known] = v
			}
		}
	}
	return all
}

// port is the one that the configuration names; 0: it names none.
func (s *settings) port() uint16 {
	var text string
	switch s.kind {
	case "vsftpd":
		text = s.get("listen_port").Text
	case "proftpd", "openssh":
		text = s.get("Port").Text
	case "pure-ftpd":
		if _, port, ok := strings.Cut(s.get("Bind").Text, ","); ok {
			text = port
		}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// portRange is a range of ports and where it is set; Place is empty where the
// kernel chooses.
type portRange struct {
	Lo, Hi uint16
	Place  string
}

func (r portRange) String() string {
	if r.Lo == r.Hi {
		return itoa(int(r.Lo))
	}
	return fmt.Sprintf("%d-%d", r.Lo, r.Hi)
}

// size is how many transfers there can be at a time.
func (r portRange) size() int { return int(r.Hi) - int(r.Lo) + 1 }

// passive is the range of passive ports that is set; ok is false where it is not.
func (s *settings) passive() (portRange, bool) {
	switch s.kind {
	case "vsftpd":
		lo, hi := s.get("pasv_min_port"), s.get("pasv_max_port")
		a, b := lo.number(), hi.number()
		if a == 0 && b == 0 {
			return portRange{}, false
		}
		if a == 0 {
			a = 1024
		}
		if b == 0 {
			b = 65535
		}
		place := lo.Place
		if place == "" {
			place = hi.Place
		}
		return rangeOf(a, b, place)
	case "proftpd":
		v := s.get("PassivePorts")
		return rangeText(v)
	case "pure-ftpd":
		return rangeText(s.get("PassivePortRange"))
	}
	return portRange{}, false
}

func rangeText(v value) (portRange, bool) {
	f := strings.FieldsFunc(v.Text, func(r rune) bool { return r == ' ' || r == ':' || r == '\t' || r == ',' })
	if len(f) < 2 {
		return portRange{}, false
	}
	lo, err := strconv.Atoi(f[0])
	hi, err2 := strconv.Atoi(f[1])
	if err != nil || err2 != nil {
		return portRange{}, false
	}
	return rangeOf(lo, hi, v.Place)
}

func rangeOf(lo, hi int, place string) (portRange, bool) {
	if lo < 1 || hi > 65535 || lo > hi {
		return portRange{}, false
	}
	return portRange{uint16(lo), uint16(hi), place}, true
}

// masquerade is the address that the server announces instead of its own.
func (s *settings) masquerade() value {
	return s.get("pasv_address", "MasqueradeAddress", "ForcePassiveIP")
}

// listenAddress is the address that the configuration binds to.
func (s *settings) listenAddress() value {
	switch s.kind {
	case "vsftpd":
		return s.get("listen_address", "listen_address6")
	case "proftpd":
		return s.get("DefaultAddress")
	case "openssh":
		return s.get("ListenAddress")
	case "pure-ftpd":
		v := s.get("Bind")
		v.Text, _, _ = strings.Cut(v.Text, ",")
		return v
	}
	return value{}
}

// pairs are the certificate and key files that the configuration names, with
// the place of the certificate's.
func (s *settings) pairs() []pair {
	var all []pair
	add := func(cert, key value) {
		if cert.Text == "" {
			return
		}
		if key.Text == "" {
			key = cert
		}
		p := pair{cert.Text, key.Text, cert.Place}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	switch s.kind {
	case "nginx", "apache":
		return webPairs(s.web)
	case "vsftpd":
		if s.get("ssl_enable").yes() {
			cert := s.get("rsa_cert_file")
			if !cert.set() && !s.get("dsa_cert_file").set() {
				cert = value{"/usr/share/ssl/certs/vsftpd.pem", "vsftpd.conf(5): rsa_cert_file"}
			}
			add(cert, s.get("rsa_private_key_file"))
			add(s.get("dsa_cert_file"), s.get("dsa_private_key_file"))
		}
	case "proftpd":
		if on := s.everywhere("TLSEngine"); !slices.ContainsFunc(on, value.yes) {
			return nil
		}
		for _, alg := range []string{"RSA", "EC", "DSA"} {
			certs, keys := s.everywhere("TLS"+alg+"CertificateFile"), s.everywhere("TLS"+alg+"CertificateKeyFile")
			for i, c := range certs {
				k := value{}
				if i < len(keys) {
					k = keys[i]
				}
				add(c, k)
			}
		}
	case "pure-ftpd":
		if v := s.get("TLS"); v.number() > 0 {
			cert := s.get("CertFile")
			if !cert.set() {
				cert = value{"/etc/ssl/private/pure-ftpd.pem", v.Place}
			}
			f := strings.FieldsFunc(cert.Text, func(r rune) bool { return r == ',' || r == ' ' })
			if len(f) > 1 {
				add(value{f[0], cert.Place}, value{f[1], cert.Place})
			} else {
				add(cert, value{})
			}
		}
	}
	return all
}

// pair is a certificate file and its key file.
type pair struct{ Cert, Key, Place string }

// limits are how many sessions there may be in all and from one address; 0: not limited.
func (s *settings) limits() (all, each value) {
	switch s.kind {
	case "vsftpd":
		return s.get("max_clients"), s.get("max_per_ip")
	case "proftpd":
		all, each = s.get("MaxClients", "MaxInstances"), s.get("MaxClientsPerHost", "MaxConnectionsPerHost")
		all.Text, _, _ = strings.Cut(all.Text, " ")
		each.Text, _, _ = strings.Cut(each.Text, " ")
		return all, each
	case "pure-ftpd":
		return s.get("MaxClientsNumber"), s.get("MaxClientsPerIP")
	}
	return value{}, value{}
}

// logs are the log files that the configuration names, or the server's usual ones.
func (s *settings) logs() []string {
	var all []string
	for _, name := range []string{"vsftpd_log_file", "xferlog_file", "SystemLog", "TransferLog", "TLSLog", "ExtendedLog", "AltLog"} {
		for _, v := range s.everywhere(name) {
			f := v.Text
			if name == "AltLog" {
				_, f, _ = strings.Cut(f, ":")
			}
			f, _, _ = strings.Cut(f, " ")
			if strings.HasPrefix(f, "/") && !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	usual := map[string][]string{
		"vsftpd": {"/var/log/vsftpd.log", "/var/log/xferlog"}, "proftpd": {"/var/log/proftpd/proftpd.log", "/var/log/proftpd/xferlog"},
		"pure-ftpd": {"/var/log/pure-ftpd/transfer.log"},
	}[s.kind]
	for _, f := range usual {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

// pamService is the name of the server's PAM file; empty: it uses none.
func (s *settings) pamService() string {
	switch s.kind {
	case "vsftpd":
		return s.get("pam_service_name").or("ftp")
	case "proftpd":
		if v := s.get("AuthPAM"); v.set() && !v.yes() {
			return ""
		}
		return s.get("AuthPAMConfig").or("proftpd")
	case "pure-ftpd":
		if v := s.get("PAMAuthentication"); v.set() && !v.yes() {
			return ""
		}
		return "pure-ftpd"
	case "openssh":
		if !s.get("UsePAM").yes() {
			return ""
		}
		return "sshd"
	}
	return ""
}

// literal is an address setting that is an address, and no name.
func (v value) literal() (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(v.Text), "[]"))
	return a.Unmap(), err == nil
}
