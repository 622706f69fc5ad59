package probe_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

const webPassword = "Schlüssel+zur/Wolke"

// share is a healthy WebDAV server of memory below /dav/.
func share(t testing.TB) http.Handler {
	t.Helper()
	fs := webdav.NewMemFS()
	for _, d := range []string{"/docs"} {
		if err := fs.Mkdir(t.Context(), d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f, err := fs.OpenFile(t.Context(), "/hello.txt", os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/dav/", &webdav.Handler{Prefix: "/dav", FileSystem: fs, LockSystem: webdav.NewMemLS()})
	return mux
}

// basic asks for user lab and the password.
func basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "lab" || password != webPassword {
			w.Header().Set("WWW-Authenticate", `Basic realm="Files"`)
			http.Error(w, "who is it?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var digestField = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// digest is the same with RFC 2617, MD5 and qop=auth. Its first nonce becomes
// stale after a few requests.
func digest(next http.Handler) http.Handler {
	var mu sync.Mutex
	served, nonce := 0, "first"
	h := func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := map[string]string{}
		for _, m := range digestField.FindAllStringSubmatch(strings.TrimPrefix(r.Header.Get("Authorization"), "Digest "), -1) {
			p[m[1]] = m[2]
		}
		want := h(strings.Join([]string{h("lab:Files:" + webPassword), p["nonce"], p["nc"], p["cnonce"], "auth", h(r.Method + ":" + r.RequestURI)}, ":"))
		mu.Lock()
		if served++; served > 3 {
			nonce = "second"
		}
		now := nonce
		mu.Unlock()
		if p["response"] != want || p["uri"] != r.RequestURI || p["nonce"] != now {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="Files", nonce="%s", qop="auth", algorithm=MD5, stale=%t, Basic realm="Files"`, now, p["response"] == want))
			http.Error(w, "who is it?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// on answers a method, or a prefix of the path, before the next handler does.
func on(method, prefix string, h http.HandlerFunc, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (method == "" || r.Method == method) && strings.HasPrefix(r.URL.Path, prefix) {
			h(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, http.StatusText(code), code) }
}

// serve starts a server; it returns host and port.
func serve(t testing.TB, h http.Handler, secure bool) (addr string, ca string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.StartTLS()
		ca = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), ca
}

// rawly serves every connection with a function; for what no HTTP server does.
func rawly(t testing.TB, talk func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() { defer c.Close(); talk(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return ln.Addr().String()
}

// answers reads a request and writes a text, again and again.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// checkWeb makes a check in every respect: in time, with evidence and words, no
// secret told, and the same from its recording. It returns the findings of
// severity notice and worse.
func checkWeb(t *testing.T, given string, o probe.Options) *finding.Report {
	t.Helper()
	target, err := observe.ParseTarget(given)
	if err != nil {
		t.Fatal(err)
	}
	if target.User != "" && !target.HasPass {
		target.Password, target.HasPass = webPassword, true
	}
	w := observe.Live()
	rec := w.Record()
	begun := time.Now()
	rep := probe.Run(context.Background(), w, target, o, nil)
	if took := time.Since(begun); took > promised {
		t.Errorf("took %.1f s, more than %s", took.Seconds(), promised)
	}
	root := ""
	if rep.RootCause != nil {
		root = string(rep.RootCause.Code)
	}
	if rep.Status != finding.Unknown { // a check that could not finish looking
		judgeFault(t, wanting(root), rep)
	}
	for _, lang := range finding.Langs {
		judgeWords(t, rep, lang)
	}
	var tape bytes.Buffer
	if err := rec.Write(&tape, w.Started(), nil); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{webPassword, "bGFiOlNjaGzDvHNzZWwrenVyL1dvbGtl", "geheim-proxy"} {
		noSecret(t, secret, "the recording", tape.Bytes())
		noSecret(t, secret, "the report", asJSON(t, rep, finding.English))
	}
	replays(t, tape.Bytes(), target, o, rep)
	return rep
}

// told lists the findings of severity notice and worse, in the report's order.
func told(rep *finding.Report) string {
	out := []string{string(rep.Status)}
	for _, f := range rep.Findings {
		if f.Severity >= finding.Notice {
			s := fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Confidence)
			if f.BecauseOf != "" {
				s += " because " + string(f.BecauseOf)
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, "\n")
}

func expect(t *testing.T, rep *finding.Report, want ...string) {
	t.Helper()
	if got, want := told(rep), strings.Join(want, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
		for _, f := range rep.Findings {
			t.Logf("%s: %+v", f.Code, f.Evidence)
		}
	}
}

func TestHealthyWebDAV(t *testing.T) {
	t.Parallel()
	clear := []string{"degraded", "warning security/clear-text-login confirmed", "notice client/webdav-redirector confirmed"}
	for _, op := range []string{"list", "download", "upload"} {
		path := map[string]string{"list": "/dav", "download": "/dav/hello.txt", "upload": "/dav/docs/"}[op]
		t.Run("basic "+op, func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, basic(share(t)), false)
			expect(t, checkWeb(t, "dav://lab@"+addr+path, probe.Options{Op: op}), clear...)
		})
		t.Run("digest "+op, func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, digest(share(t)), false)
			expect(t, checkWeb(t, "dav://lab@"+addr+path, probe.Options{Op: op}), "ok")
		})
		t.Run("tls "+op, func(t *testing.T) {
			t.Parallel()
			addr, ca := serve(t, basic(share(t)), true)
			expect(t, checkWeb(t, "davs://lab@"+addr+path, probe.Options{Op: op, CAFile: ca}), "ok")
		})
	}
	t.Run("facts", func(t *testing.T) {
		t.Parallel()
		addr, ca := serve(t, basic(share(t)), true)
		rep := checkWeb(t, "davs://lab@"+addr+"/dav/", probe.Options{CAFile: ca})
		if rep.Facts.Data["entries"] != 2 || rep.Facts.TLS["version"] != "TLS 1.3" || !strings.Contains(strings.Join(rep.Facts.Features, "\n"), "DAV: 1, 2") {
			t.Errorf("facts %+v", rep.Facts)
		}
	})
}

// A web server's answers and the causes behind them.
func TestWebFaults(t *testing.T) {
	t.Parallel()
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) }
	}
	welcome := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && r.Method != "HEAD" {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		fmt.Fprint(w, "<h1>hi</h1>")
	})
	for name, tt := range map[string]struct {
		h    http.Handler
		path string
		user string
		o    probe.Options
		want []string
	}{
		"no webdav":         {h: welcome, path: "/", want: []string{"failed", "critical http/no-webdav confirmed"}},
		"wrong path":        {h: on("", "/wrong/", status(404), share(t)), path: "/wrong/", want: []string{"failed", "critical http/wrong-path confirmed"}},
		"missing":           {h: share(t), path: "/dav/missing/", want: []string{"failed", "error file/not-found confirmed"}},
		"missing file":      {h: share(t), path: "/dav/missing.txt", o: probe.Options{Op: "download"}, want: []string{"failed", "error file/not-found confirmed"}},
		"forbidden":         {h: on("", "/dav/", status(403), share(t)), path: "/dav/", want: []string{"failed", "critical http/forbidden confirmed"}},
		"forbidden to user": {h: basic(on("", "/dav/", status(403), share(t))), path: "/dav/", user: "lab", want: []string{"failed", "critical http/forbidden confirmed", "warning security/clear-text-login confirmed"}},
		"propfind blocked":  {h: on("PROPFIND", "/dav/", status(405), share(t)), path: "/dav/", want: []string{"failed", "error http/method-blocked confirmed"}},
		"propfind page":     {h: on("PROPFIND", "/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, welcome), path: "/", want: []string{"failed", "critical http/no-webdav confirmed"}},
		"rejected":          {h: basic(share(t)), path: "/dav/", user: "other", want: []string{"failed", "critical auth/rejected likely", "warning security/clear-text-login confirmed"}},
		"no credentials":    {h: basic(share(t)), path: "/dav/", want: []string{"failed", "critical auth/anonymous-disabled confirmed"}},
		"only ntlm": {h: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Www-Authenticate"] = []string{"Negotiate", "NTLM"}
			w.WriteHeader(401)
		}), path: "/", user: "lab", want: []string{"failed", "error client/library-limit confirmed"}},
		"gateway":      {h: on("", "/dav/", status(502), share(t)), path: "/dav/", want: []string{"failed", "critical http/gateway-error confirmed"}},
		"backend down": {h: on("", "/dav/", status(503), share(t)), path: "/dav/", want: []string{"failed", "critical http/gateway-error likely"}},
		"maintenance":  {h: on("", "/", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Retry-After", "60"); status(503)(w, r) }, share(t)), path: "/dav/", want: []string{"failed", "critical service/unavailable likely"}},
		"server error": {h: on("PROPFIND", "/dav/", status(500), share(t)), path: "/dav/", want: []string{"failed", "error http/server-error confirmed"}},
		"all fails":    {h: status(500), path: "/dav/", want: []string{"failed", "critical http/server-error confirmed"}},
		"locked":       {h: on("PUT", "/dav/", status(423), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/locked confirmed"}},
		"locked inside": {h: on("PUT", "/dav/", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(207)
			fmt.Fprint(w, `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/f</D:href><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:response>`+
				`<D:response><D:href>/dav/</D:href><D:status>HTTP/1.1 423 Locked</D:status></D:response></D:multistatus>`)
		}, share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/locked confirmed"}},
		"too many":      {h: on("", "/", status(429), share(t)), path: "/dav/", want: []string{"failed", "error service/too-many-from-source confirmed"}},
		"loop":          {h: redirect("/dav/"), path: "/dav/", want: []string{"failed", "critical http/redirect-loop confirmed"}},
		"other host":    {h: redirect("http://192.0.2.1/dav/"), path: "/dav/", want: []string{"failed", "error http/redirected confirmed"}},
		"private":       {h: redirect("http://169.254.169.254/latest/"), path: "/dav/", want: []string{"failed", "error http/redirected confirmed"}},
		"a file":        {h: redirect("file:///etc/passwd"), path: "/dav/", want: []string{"failed", "error http/redirected confirmed"}},
		"moved":         {h: on("", "/old/", redirect("/dav/"), share(t)), path: "/old/", want: []string{"ok", "notice http/redirected confirmed"}},
		"slash":         {h: share(t), path: "/dav", want: []string{"ok"}},
		"put refused":   {h: on("PUT", "/", status(403), on("MKCOL", "/", status(403), share(t))), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error file/permission-denied likely"}},
		"put blocked":   {h: on("PUT", "/", status(403), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/method-blocked confirmed"}},
		"put fails":     {h: on("PUT", "/", status(500), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/server-error likely"}},
		"no room":       {h: on("PUT", "/", status(507), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error file/disk-full likely"}},
		"move blocked":  {h: on("MOVE", "/", status(403), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/method-blocked likely", "warning security/anonymous-write confirmed"}},
		"delete barred": {h: on("DELETE", "/", status(403), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/method-blocked likely", "warning security/anonymous-write confirmed"}},
		"lock blocked":  {h: on("LOCK", "/", status(501), share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"degraded", "warning http/method-blocked likely", "warning security/anonymous-write confirmed"}},
		"altered":       {h: on("GET", "/dav/ftpdoctor", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "virus removed") }, share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error file/corrupted confirmed", "warning security/anonymous-write confirmed"}},
		"too large":     {h: on("PUT", "/", nil, share(t)), path: "/dav/", o: probe.Options{Op: "upload"}, want: []string{"failed", "error http/too-large confirmed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tt.h
			if name == "too large" {
				inner := share(t)
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.ContentLength > 20_000 {
						status(413)(w, r)
						return
					}
					inner.ServeHTTP(w, r)
				})
			}
			addr, _ := serve(t, h, false)
			at := addr
			if tt.user != "" {
				at = tt.user + "@" + addr
			}
			expect(t, checkWeb(t, "dav://"+at+tt.path, tt.o), tt.want...)
		})
	}
}

// The scheme and what the port speaks.
func TestWebSchemes(t *testing.T) {
	t.Parallel()
	plain, _ := serve(t, share(t), false)
	tls, ca := serve(t, share(t), true)
	ftp := rawly(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 ready\r\n"); _, _ = io.Copy(io.Discard, c) })
	ssh := rawly(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); _, _ = io.Copy(io.Discard, c) })
	closing := rawly(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)) })
	for name, tt := range map[string]struct {
		target string
		want   []string
	}{
		"plain to tls": {"dav://" + tls + "/dav/", []string{"failed", "critical http/tls-to-plain confirmed"}},
		"tls to plain": {"davs://" + plain + "/dav/", []string{"failed", "critical http/tls-to-plain confirmed"}},
		"ftp":          {"dav://" + ftp + "/dav/", []string{"failed", "critical service/other-protocol confirmed"}},
		"ftp, tls":     {"davs://" + ftp + "/dav/", []string{"failed", "critical service/other-protocol confirmed"}},
		"ssh":          {"dav://" + ssh + "/", []string{"failed", "critical service/other-protocol confirmed"}},
		"closing":      {"dav://" + closing + "/", []string{"failed", "critical service/aborts likely"}},
		"wrong name":   {"davs://localhost:" + tls[strings.LastIndex(tls, ":")+1:] + "/dav/", nil},
		"untrusted":    {"davs://" + tls + "/dav/", []string{"failed", "error tls/cert-self-signed confirmed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := probe.Options{CAFile: ca}
			if name == "untrusted" {
				o.CAFile = ""
			}
			rep := checkWeb(t, tt.target, o)
			if name == "wrong name" {
				if rep.RootCause == nil || rep.RootCause.Code != "tls/cert-name-mismatch" {
					t.Errorf("found\n%s", told(rep))
				}
				return
			}
			expect(t, rep, tt.want...)
		})
	}
}

// A proxy in front that ends TLS and does not translate the destination of MOVE.
func TestMoveThroughProxy(t *testing.T) {
	t.Parallel()
	inner := share(t)
	backend, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Destination"), "https:") {
			http.Error(w, "Destination URI refers to different scheme or port", http.StatusBadGateway)
			return
		}
		inner.ServeHTTP(w, r)
	}), false)
	front := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: backend})
		p.Out.Host = p.In.Host
	}}
	addr, ca := serve(t, front, true)
	rep := checkWeb(t, "davs://"+addr+"/dav/", probe.Options{Op: "upload", CAFile: ca})
	expect(t, rep, "failed", "error http/method-blocked confirmed", "warning security/anonymous-write confirmed")
}
