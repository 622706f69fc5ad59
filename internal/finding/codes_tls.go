package finding

// The causes of layer tls: encryption and certificates. Each has a page of the same name
// under pages/en and pages/zh.
var (
	TLSRequired         = define(Def{Code: "tls/required", Severity: Critical})
	TLSNotOffered       = define(Def{Code: "tls/not-offered", Severity: Notice})
	TLSImplicitExpected = define(Def{Code: "tls/implicit-expected", Severity: Critical, Explains: []*Def{
		ServiceHung,
	}})
	TLSExplicitExpected = define(Def{Code: "tls/explicit-expected", Severity: Critical})
	TLSVersionTooOld    = define(Def{Code: "tls/version-too-old", Severity: Error, Explains: []*Def{
		SecurityWeakTLS,
	}})
	TLSVersionMismatch  = define(Def{Code: "tls/version-mismatch", Severity: Critical})
	TLSNoCommonCipher   = define(Def{Code: "tls/no-common-cipher", Severity: Critical})
	TLSCertExpired      = define(Def{Code: "tls/cert-expired", Severity: Error})
	TLSCertNotYetValid  = define(Def{Code: "tls/cert-not-yet-valid", Severity: Error})
	TLSCertNameMismatch = define(Def{Code: "tls/cert-name-mismatch", Severity: Error})
	TLSCertSelfSigned   = define(Def{Code: "tls/cert-self-signed", Severity: Error, Explains: []*Def{
		TLSCertUntrusted,
	}})
	TLSCertUntrusted   = define(Def{Code: "tls/cert-untrusted", Severity: Error})
	TLSChainIncomplete = define(Def{Code: "tls/chain-incomplete", Severity: Error, Explains: []*Def{
		TLSCertUntrusted,
	}})
	TLSCertWeakKey        = define(Def{Code: "tls/cert-weak-key", Severity: Error})
	TLSCertWeakSignature  = define(Def{Code: "tls/cert-weak-signature", Severity: Error})
	TLSCertExpiring       = define(Def{Code: "tls/cert-expiring", Severity: Warning})
	TLSCertRevoked        = define(Def{Code: "tls/cert-revoked", Severity: Error})
	TLSClientCertRequired = define(Def{Code: "tls/client-cert-required", Severity: Critical})
	TLSIntercepted        = define(Def{Code: "tls/intercepted", Severity: Error, Explains: []*Def{
		TLSCertUntrusted, TLSCertSelfSigned, TLSCertNameMismatch,
	}})
	TLSSNIRequired              = define(Def{Code: "tls/sni-required", Severity: Notice})
	TLSHandshakeStalls          = define(Def{Code: "tls/handshake-stalls", Severity: Critical})
	TLSDataSessionReuseRequired = define(Def{Code: "tls/data-session-reuse-required", Severity: Error, Explains: []*Def{
		DataStalled, TLSDataHandshakeFailed,
	}})
	TLSDataProtectionRefused = define(Def{Code: "tls/data-protection-refused", Severity: Error})
	TLSDataHandshakeFailed   = define(Def{Code: "tls/data-handshake-failed", Severity: Error})
	TLSNoPostQuantum         = define(Def{Code: "tls/no-post-quantum", Severity: Info})
	TLSDHTooSmall            = define(Def{Code: "tls/dh-too-small", Severity: Error})
	TLSNoCloseNotify         = define(Def{Code: "tls/no-close-notify", Severity: Notice})
	TLSNoCertificate         = define(Def{Code: "tls/no-certificate", Severity: Critical, Explains: []*Def{
		TLSNotOffered, TLSRequired, TLSDataHandshakeFailed,
	}})
)
