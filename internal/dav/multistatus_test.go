package dav_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ftpdoctor/internal/dav"
)

// As Apache writes it: properties that it lacks in a propstat of 404.
const apache = `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:"><D:href>/dav/</D:href>
<D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Mon, 23 Nov 2026 08:00:00 GMT</lp1:getlastmodified>
<lp1:quota-available-bytes>1000</lp1:quota-available-bytes><lp1:quota-used-bytes>5</lp1:quota-used-bytes>
<D:supportedlock><D:lockentry><D:lockscope><D:exclusive/></D:lockscope></D:lockentry></D:supportedlock><D:lockdiscovery/></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><ns0:getcontentlength>77</ns0:getcontentlength></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
</D:response>
<x:response xmlns:x="DAV:"><x:href>http://h.example:8/dav/%E4%B8%AD%20a.txt</x:href><x:propstat><x:prop>
<x:resourcetype/><x:getcontentlength>12</x:getcontentlength><y:getcontentlength xmlns:y="urn:y">99</y:getcontentlength>
<x:lockdiscovery><x:activelock><x:locktoken><x:href>urn:uuid:1</x:href></x:locktoken></x:activelock></x:lockdiscovery></x:prop>
<x:status>HTTP/1.1 200 OK</x:status></x:propstat></x:response>
</D:multistatus>`

func TestMultistatus(t *testing.T) {
	got, err := dav.ParseMultistatus([]byte(apache))
	if err != nil {
		t.Fatal(err)
	}
	want := dav.Multistatus{Token: "urn:uuid:1", Resources: []dav.Resource{
		{Path: "/dav/", Collection: true, Size: dav.Unknown, Modified: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Available: 1000, Used: 5, Lockable: true},
		{Path: "/dav/中 a.txt", Size: 12, Available: dav.Unknown, Used: dav.Unknown, Locked: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Resources[1].Name() != "中 a.txt" {
		t.Errorf("name %q", got.Resources[1].Name())
	}
	root := strings.Index(apache, `xmlns:ns0="DAV:">`) + len(`xmlns:ns0="DAV:">`)
	for i := root; i < len(apache); i++ {
		if _, err := dav.ParseMultistatus([]byte(apache[:i])); err != nil {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestMultistatusRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want error
	}{
		"bomb":       {`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><D:multistatus xmlns:D="DAV:">&b;</D:multistatus>`, dav.ErrDTD},
		"entity":     {`<D:multistatus xmlns:D="DAV:">&b;</D:multistatus>`, dav.ErrNotMultistatus},
		"html":       {`<!doctype html><html><body>hi</body></html>`, dav.ErrDTD},
		"other root": {`<html/>`, dav.ErrNotMultistatus},
		"no space":   {`<multistatus/>`, dav.ErrNotMultistatus},
		"empty":      {``, dav.ErrNotMultistatus},
		"deep":       {`<D:multistatus xmlns:D="DAV:">` + strings.Repeat("<D:a>", 1000), dav.ErrTooDeep},
		"many":       {`<D:multistatus xmlns:D="DAV:">` + strings.Repeat("<D:a/>", 500_000), dav.ErrTooDeep},
		"overlap":    {`<D:multistatus xmlns:D="DAV:"><D:a></D:b></D:multistatus>`, dav.ErrNotMultistatus},
		"charset":    {`<?xml version="1.0" encoding="ebcdic"?><D:multistatus xmlns:D="DAV:"/>`, dav.ErrNotMultistatus},
	} {
		if _, err := dav.ParseMultistatus([]byte(tt.in)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestOddNames(t *testing.T) {
	doc := func(href string) string {
		return `<?xml version="1.0" encoding="iso-8859-1"?><multistatus xmlns="DAV:"><response><href>` + href + `</href><status>HTTP/1.1 403 Forbidden</status></response></multistatus>`
	}
	for href, odd := range map[string]bool{"/a%1b[31m": true, "/%ff": true, "/%e2%80%ae": true, "/a%zz": false, "/caf\xe9": false, "/ok": false} {
		m, err := dav.ParseMultistatus([]byte(doc(href)))
		if err != nil || len(m.Resources) != 1 || m.Resources[0].Odd != odd || m.Resources[0].Status != 403 {
			t.Errorf("%q: %+v, %v", href, m, err)
		}
	}
}

func TestLock(t *testing.T) {
	tok, err := dav.ParseLock([]byte(`<prop xmlns="DAV:"><lockdiscovery><activelock><locktoken><href>opaquelocktoken:1</href></locktoken></activelock></lockdiscovery></prop>`))
	if err != nil || tok != "opaquelocktoken:1" {
		t.Errorf("%q, %v", tok, err)
	}
}

func FuzzMultistatus(f *testing.F) {
	f.Add([]byte(apache))
	f.Add([]byte(`<a:multistatus xmlns:a="DAV:"><a:response><a:href>%00</a:href></a:response>`))
	f.Add([]byte(`<!DOCTYPE a><multistatus xmlns="DAV:"/>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := dav.ParseMultistatus(b)
		if err == nil && len(m.Resources) > len(b) {
			t.Fatal("more resources than bytes")
		}
		if _, err := dav.ParseLock(b); err == nil && m.Resources != nil {
			t.Fatal("both a lock and a multi-status")
		}
	})
}
