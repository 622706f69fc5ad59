package host

import (
	"testing"
	"time"

	"ftpdoctor/internal/finding"
)

func TestWebCertificates(t *testing.T) {
	m := &told{files: map[string]fileTold{
		"/etc/nginx/nginx.conf":               {text: "http {\n  include /etc/nginx/sites-enabled/*;\n  # ssl_certificate /no;\n}\n"},
		"/etc/nginx/sites-enabled/a":          {text: "server {\n listen 443 ssl;\n ssl_certificate /etc/ssl/a.crt;\n ssl_certificate_key \"/etc/ssl/a.key\";\n}\n"},
		"/etc/nginx/sites-enabled/b":          {text: "ssl_certificate /etc/ssl/$host.crt; \nssl_certificate /etc/ssl/both.pem;\n"},
		"/etc/apache2/apache2.conf":           {text: "IncludeOptional sites-enabled/*.conf\nInclude apache2.conf\n"},
		"/etc/apache2/sites-enabled/ssl.conf": {text: "<VirtualHost *:443>\n\tSSLCertificateFile      /etc/ssl/a.crt\n\tsslcertificatekeyfile /etc/ssl/a.key\n</VirtualHost>\n"},
	}}
	l := newLook(t.Context(), m, Question{})
	a := pair{"/etc/ssl/a.crt", "/etc/ssl/a.key", ""}
	for kind, want := range map[string]struct {
		main, place string
		pairs       int
	}{
		"nginx":  {"/etc/nginx/nginx.conf", "/etc/nginx/sites-enabled/a:3", 2},
		"apache": {"/etc/apache2/apache2.conf", "/etc/apache2/sites-enabled/ssl.conf:2", 1},
	} {
		all, files := l.webDirectives(kind, want.main)
		got := webPairs(all)
		a.Place = want.place
		if len(got) != want.pairs || got[0] != a || len(files) < 2 {
			t.Errorf("%s: %+v of %v", kind, got, files)
		}
	}
}

// A web server reads its certificate once: what is served counts, and of several
// sites the one that is asked for.
func TestWebCertificateNotLoaded(t *testing.T) {
	old, _ := pairPEM(now.Add(-400*24*time.Hour), now.Add(-time.Hour))
	other, otherKey := pairPEM(now.Add(-400*24*time.Hour), now.Add(-time.Hour))
	m := debian().with(func(m *told) {
		m.say("ps -eo pid=,ppid=,user=,comm=,args=", "    640 ", "    700       1 root     nginx           nginx: master process /usr/sbin/nginx\n    640 ")
		m.say(ssTable, "LISTEN 0      128    0.0.0.0:22", "LISTEN 0 511 0.0.0.0:443 0.0.0.0:* users:((\"nginx\",pid=700,fd=6)) ino:7 sk:7\nLISTEN 0      128    0.0.0.0:22")
		m.files["/etc/nginx/nginx.conf"] = fileTold{text: "ssl_certificate /etc/ssl/other.crt;\nssl_certificate_key /etc/ssl/other.key;\nssl_certificate /etc/ssl/ftp.crt;\nssl_certificate_key /etc/ssl/ftp.key;\n"}
		m.files["/etc/ssl/other.crt"], m.files["/etc/ssl/other.key"] = fileTold{text: other}, fileTold{text: otherKey}
	})
	inspect := func(print string) map[finding.Code]finding.Severity {
		r, err := Inspect(t.Context(), m, Question{Port: 443, Protocol: HTTP, Host: "ftp1", Certificate: print})
		if err != nil {
			t.Fatal(err)
		}
		checkResult(t, r)
		out := map[finding.Code]finding.Severity{}
		for _, f := range r.Findings {
			out[f.Code] = f.Severity
		}
		return out
	}
	// Both files are for this name, so the first is the one that it should show.
	if got := inspect(printOf(old)); got[finding.ConfigNotLoaded.Code] != finding.Error {
		t.Errorf("served is none of those on disk: %v", got)
	}
	got := inspect(printOf(m.files["/etc/ssl/ftp.crt"].text))
	if _, stale := got[finding.ConfigNotLoaded.Code]; stale {
		t.Errorf("served is one of those on disk: %v", got)
	}
}
