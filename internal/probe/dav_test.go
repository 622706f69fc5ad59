package probe_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
	"ftpdoctor/internal/probe"
)

// page answers with a status and the stock page of a program.
func page(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

const (
	nginxPage  = "<html><center><h1>Forbidden</h1></center><hr><center>nginx/1.22.1</center></html>"
	apachePage = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN"><html><h1>Not Found</h1></html>`
)

// Causes that are told apart by what else works, and whose words an answer has.
func TestWhatStandsBehind(t *testing.T) {
	t.Parallel()
	upload := probe.Options{Op: "upload"}
	backend := func(h http.Handler) http.Handler { return on("GET", "/dav/ftpdoctor", page(404, apachePage), h) }
	full := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PUT" && r.ContentLength > 0 {
				status(500)(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	for name, tt := range map[string]struct {
		h    http.Handler
		o    probe.Options
		want []string
	}{
		"a box refuses PROPFIND":      {on("PROPFIND", "/", page(403, nginxPage), backend(share(t))), probe.Options{}, []string{"failed", "error http/method-blocked likely"}},
		"a box knows no DAV":          {on("OPTIONS", "/", page(405, nginxPage), on("PROPFIND", "/", page(405, nginxPage), backend(share(t)))), probe.Options{}, []string{"failed", "error http/method-blocked likely"}},
		"a box refuses to write":      {on("PUT", "/", page(403, nginxPage), on("MKCOL", "/", page(403, nginxPage), backend(share(t)))), upload, []string{"failed", "error http/method-blocked confirmed"}},
		"a rule refuses to write":     {on("PUT", "/", page(403, apachePage), on("MKCOL", "/", page(403, apachePage), backend(share(t)))), upload, []string{"failed", "error http/method-blocked likely"}},
		"the program refuses":         {on("PUT", "/", page(403, `<d:error xmlns:d="DAV:">`), on("MKCOL", "/", status(403), share(t))), upload, []string{"failed", "error file/permission-denied likely"}},
		"nothing can be written":      {on("PUT", "/", status(500), on("MKCOL", "/", status(403), share(t))), upload, []string{"failed", "error file/permission-denied likely"}},
		"only nothing can be written": {full(share(t)), upload, []string{"failed", "error file/disk-full likely"}},
		"quota by name":               {on("PUT", "/", page(507, "Quota exceeded"), share(t)), upload, []string{"failed", "error file/quota-exceeded likely"}},
		"quota of nothing":            {on("PROPFIND", "/", page(207, properties("<D:quota-available-bytes>0</D:quota-available-bytes>")), share(t)), probe.Options{}, []string{"degraded", "warning file/quota-exceeded confirmed"}},
		"no limit":                    {on("PROPFIND", "/", page(207, properties("<D:quota-available-bytes>-3</D:quota-available-bytes>")), share(t)), probe.Options{}, []string{"ok"}},
		"class 1":                     {on("OPTIONS", "/", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("DAV", "1") }, share(t)), probe.Options{}, []string{"ok", "notice client/library-limit confirmed", "notice client/webdav-redirector confirmed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, tt.h, false)
			expect(t, checkWeb(t, "dav://"+addr+"/dav/", tt.o), tt.want...)
		})
	}
}

func properties(more string) string {
	return `<D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>` +
		more + `</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`
}

// From http to https of the same host: followed, and the certificate judged
// before the password goes there. The other way round nothing goes along.
func TestRedirectToTLS(t *testing.T) {
	t.Parallel()
	tls, ca := serve(t, basic(share(t)), true)
	plain, _ := serve(t, http.RedirectHandler("https://"+tls+"/dav/", http.StatusMovedPermanently), false)
	t.Run("trusted", func(t *testing.T) {
		t.Parallel()
		expect(t, checkWeb(t, "dav://lab@"+plain+"/dav/", probe.Options{CAFile: ca}), "ok", "notice http/redirected confirmed")
	})
	t.Run("untrusted", func(t *testing.T) {
		t.Parallel()
		expect(t, checkWeb(t, "dav://lab@"+plain+"/dav/", probe.Options{}), "failed", "error tls/cert-self-signed confirmed", "notice http/redirected confirmed")
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		nowhere, _ := serve(t, http.RedirectHandler("https://127.0.0.1:9/", http.StatusFound), false)
		expect(t, checkWeb(t, "dav://lab@"+nowhere+"/dav/", probe.Options{}), "failed", "error http/redirected confirmed")
	})
	t.Run("down again", func(t *testing.T) {
		t.Parallel()
		var told atomic.Bool
		clear, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			told.Store(told.Load() || r.Header.Get("Authorization") != "")
		}), false)
		down, ca := serve(t, on("", "/", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "OPTIONS" {
				return
			}
			basic(http.RedirectHandler("http://"+clear+"/", http.StatusFound)).ServeHTTP(w, r)
		}, nil), true)
		expect(t, checkWeb(t, "davs://lab@"+down+"/dav/", probe.Options{CAFile: ca}), "failed", "error http/redirected confirmed")
		if told.Load() {
			t.Error("the password went to http")
		}
	})
}

// A password that is refused is sent once, and nothing is written without --op upload.
func TestWebManners(t *testing.T) {
	t.Parallel()
	var tries, writes atomic.Int32
	inner := digest(share(t))
	addr, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			tries.Add(1)
		}
		if r.Method != "GET" && r.Method != "HEAD" && r.Method != "OPTIONS" && r.Method != "PROPFIND" {
			writes.Add(1)
		}
		if !strings.HasPrefix(r.UserAgent(), "ftpdoctor") || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %v", r.Method, r.Header)
		}
		inner.ServeHTTP(w, r)
	}), false)
	rep := checkWeb(t, "dav://other@"+addr+"/dav/", probe.Options{})
	expect(t, rep, "failed", "critical auth/rejected likely")
	if tries.Load() != 1 || writes.Load() != 0 {
		t.Errorf("%d tries, %d writes", tries.Load(), writes.Load())
	}
}

// A file of any size is hashed and not kept, and one that ends too early is told.
func TestDownloadIsNotKept(t *testing.T) {
	t.Parallel()
	const size = 30 << 20
	block := bytes.Repeat([]byte("x"), 1<<20)
	for name, promise := range map[string]int{"whole": size, "cut": size + 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := serve(t, on("GET", "/dav/hello.txt", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(promise))
				for range size / len(block) {
					_, _ = w.Write(block)
				}
			}, on("PROPFIND", "/", page(207, `<D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/hello.txt</D:href></D:response></D:multistatus>`), share(t))), false)
			w := observe.Live()
			rec := w.Record()
			target, err := observe.ParseTarget("http://" + addr + "/dav/hello.txt")
			if err != nil {
				t.Fatal(err)
			}
			o := probe.Options{Op: "download"}
			rep := probe.Run(t.Context(), w, target, o, nil)
			var tape bytes.Buffer
			if err := rec.Write(&tape, w.Started(), nil); err != nil {
				t.Fatal(err)
			}
			if tape.Len() > 1<<20 {
				t.Errorf("a recording of %d bytes", tape.Len())
			}
			if name == "cut" {
				expect(t, rep, "failed", "error file/corrupted confirmed")
			} else if expect(t, rep, "ok"); rep.Facts.Data["bytes"] != int64(size) {
				t.Errorf("facts %v", rep.Facts.Data)
			}
			replays(t, tape.Bytes(), target, o, rep)
		})
	}
}

// The plan names the stations of HTTP, and of no other protocol.
func TestPlanOfWebDAV(t *testing.T) {
	var names []string
	for _, p := range probe.Plan(observe.Target{Scheme: "davs", Host: "192.0.2.1"}, probe.Options{}) {
		names = append(names, p.Name)
	}
	if got, want := strings.Join(names, " "), "client proxy resolve route connect https http dav"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if finding.LayerRank("http") < finding.LayerRank("tls") {
		t.Error("http comes before tls")
	}
}
