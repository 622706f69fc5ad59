// Package dav is WebDAV as it stands on the wire (RFC 4918, RFC 9110): requests
// written, answers read, multi-status bodies, properties, locks and the schemes
// of authentication. It works on streams that it is given and opens nothing;
// what it reads comes from strangers, so its memory is bounded.
package dav
