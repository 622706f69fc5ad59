// Package dav is WebDAV as it stands on the wire (RFC 4918, RFC 9110, RFC 9112):
// requests written, answers read, multi-status bodies, properties, locks and the
// schemes of authentication (RFC 7616, RFC 7617). It hides the framing of HTTP/1.1
// and the oddities of servers' XML.
//
// It works on streams that it is given and opens nothing. What it reads comes
// from strangers, so its memory is bounded, documents with a DTD are refused, and
// no name with a control character passes unmarked; time is bounded by whoever
// owns the stream.
//
//	b, err := dav.Request{Method: "PROPFIND", Target: "/dav/", Body: dav.PropfindBody}.Marshal()
//	…
//	answer, err := dav.NewReader(conn).Answer("PROPFIND", dav.MaxBody)
//	list, err := dav.ParseMultistatus(answer.Body)
package dav
