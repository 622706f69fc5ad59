package probe_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// forward is a proxy that leads everything to one server, whatever its name,
// for those who know the password.
func forward(t *testing.T, to string) http.Handler {
	t.Helper()
	plain := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: to}); p.Out.Host = p.In.Host }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Proxy-Authorization"), "Basic ") {
			status(http.StatusProxyAuthRequired)(w, r)
			return
		}
		if r.Method != http.MethodConnect {
			plain.ServeHTTP(w, r)
			return
		}
		server, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", to)
		if err != nil {
			status(http.StatusBadGateway)(w, r)
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(server, client); _ = server.(*net.TCPConn).CloseWrite() })
		_, _ = io.Copy(client, server)
		_ = client.Close()
		both.Wait()
	})
}

func proxyEnv(t *testing.T, value string) {
	t.Helper()
	for _, n := range []string{"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"} {
		t.Setenv(n, "")
	}
	t.Setenv("https_proxy", value)
	t.Setenv("HTTP_PROXY", value)
}

func outcomes(rep *finding.Report, outcome finding.Outcome) (names []string) {
	for _, c := range rep.Checks {
		if c.Outcome == outcome {
			names = append(names, c.Name)
		}
	}
	return names
}

// The way leads through a proxy that works: nothing is resolved here.
func TestThroughProxy(t *testing.T) {
	for _, isSecure := range []bool{true, false} {
		addr, ca := serve(t, digest(share(t)), isSecure)
		proxy, _ := serve(t, forward(t, addr), false)
		proxyEnv(t, "http://me:geheim-proxy@"+proxy)
		scheme := "dav"
		if isSecure {
			scheme = "davs"
		}
		rep := checkWeb(t, scheme+"://lab@example.com/dav/", probe.Options{Op: "upload", CAFile: ca})
		expect(t, rep, "ok")
		if skipped := outcomes(rep, finding.Skipped); !slices.Contains(skipped, "resolve") || !slices.Contains(skipped, "connect") {
			t.Errorf("skipped: %q", skipped)
		}
	}
}

// The proxy fails; whether the direct way works tells what that means. The
// address 0.0.0.0 leads to this machine and is none of loopback.
func TestProxyFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux connects to 0.0.0.0")
	}
	addr, _ := serve(t, digest(share(t)), false)
	port := addr[strings.LastIndex(addr, ":")+1:]
	closed := rawly(t, func(net.Conn) {})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	says := func(code int) string { a, _ := serve(t, status(code), false); return a }
	for name, tt := range map[string]struct {
		proxy, port string
		want        []string
	}{
		"407, direct works":     {says(407), port, []string{"failed", "error client/proxy-intercepts confirmed"}},
		"403, direct works":     {says(403), port, []string{"failed", "error client/proxy-intercepts confirmed"}},
		"down, direct works":    {nobody, port, []string{"failed", "error client/proxy-intercepts confirmed"}},
		"closing, direct works": {closed, port, []string{"failed", "error client/proxy-intercepts confirmed"}},
		"no URL":                {"::/", port, []string{"failed", "error client/proxy-intercepts confirmed"}},
		"407, nothing direct":   {says(407), "9", []string{"failed", "error client/proxy-intercepts confirmed"}},
		"403, nothing direct":   {says(403), "9", []string{"failed", "error client/proxy-intercepts likely"}},
		"503, refused directly": {says(503), "9", []string{"failed", "critical service/refused likely"}},
		"down, nothing direct":  {nobody, "9", []string{"failed", "error client/proxy-intercepts likely"}},
	} {
		t.Run(name, func(t *testing.T) {
			proxyEnv(t, tt.proxy)
			expect(t, checkWeb(t, "dav://lab@0.0.0.0:"+tt.port+"/dav/", probe.Options{}), tt.want...)
		})
	}
	t.Run("excepted", func(t *testing.T) {
		proxyEnv(t, nobody)
		t.Setenv("NO_PROXY", "0.0.0.0")
		expect(t, checkWeb(t, "dav://lab@0.0.0.0:"+port+"/dav/", probe.Options{}), "ok")
	})
}

// What an interrupted upload wrote is removed all the same.
func TestInterruptedUploadIsRemoved(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inner := share(t)
	var mu sync.Mutex
	var removed []string
	addr, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			cancel()
			<-r.Context().Done()
			return
		}
		if r.Method == "DELETE" {
			mu.Lock()
			removed = append(removed, r.URL.Path)
			mu.Unlock()
		}
		inner.ServeHTTP(w, r)
	}), false)
	target, err := observe.ParseTarget("dav://" + addr + "/dav/")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	rep := probe.Run(ctx, observe.Live(), target, probe.Options{Op: "upload"}, nil)
	if rep.Status != finding.Unknown || time.Since(begun) > promised {
		t.Errorf("%s after %s", rep.Status, time.Since(begun))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(removed) == 0 {
		t.Error("the test file was left")
	}
}
