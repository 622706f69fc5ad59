package finding

// The causes of layer http: WebDAV and the web in front of it. Each has a page of the same
// name under pages/en and pages/zh.
var (
	HTTPNoWebDAV = define(Def{Code: "http/no-webdav", Severity: Critical, Explains: []*Def{
		FileUploadsDisabled,
	}})
	HTTPWrongPath = define(Def{Code: "http/wrong-path", Severity: Critical, Explains: []*Def{
		HTTPNoWebDAV, HTTPMethodBlocked, FileNotFound,
	}})
	HTTPForbidden = define(Def{Code: "http/forbidden", Severity: Error, Explains: []*Def{
		FilePermissionDenied,
	}})
	HTTPGatewayError = define(Def{Code: "http/gateway-error", Severity: Critical, Explains: []*Def{
		HTTPServerError,
	}})
	HTTPRedirectLoop = define(Def{Code: "http/redirect-loop", Severity: Critical, Explains: []*Def{
		HTTPRedirected, HTTPNoWebDAV,
	}})
	// A redirect is advice where clients that follow it arrive; the probe makes it an error
	// where they do not.
	HTTPRedirected = define(Def{Code: "http/redirected", Severity: Notice, Explains: []*Def{
		HTTPNoWebDAV, HTTPMethodBlocked,
	}})
	HTTPMethodBlocked = define(Def{Code: "http/method-blocked", Severity: Error, Explains: []*Def{
		FileUploadsDisabled,
	}})
	HTTPTooLarge    = define(Def{Code: "http/too-large", Severity: Error})
	HTTPLocked      = define(Def{Code: "http/locked", Severity: Error, Explains: []*Def{FileLocked}})
	HTTPServerError = define(Def{Code: "http/server-error", Severity: Error})
	HTTPHTTP2Broken = define(Def{Code: "http/http2-broken", Severity: Error})
	HTTPTLSToPlain  = define(Def{Code: "http/tls-to-plain", Severity: Critical, Explains: []*Def{
		ServiceOtherProtocol, TLSHandshakeStalls, HTTPNoWebDAV,
	}})
)
