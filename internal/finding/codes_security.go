package finding

// The causes of layer security: what works and should not be left so. Each has a page of the same name
// under pages/en and pages/zh.
var (
	SecurityClearTextLogin    = define(Def{Code: "security/clear-text-login", Severity: Warning})
	SecurityAnonymousWrite    = define(Def{Code: "security/anonymous-write", Severity: Warning})
	SecurityBounceAllowed     = define(Def{Code: "security/bounce-allowed", Severity: Warning})
	SecurityBruteForce        = define(Def{Code: "security/brute-force", Severity: Warning})
	SecurityVulnerableVersion = define(Def{Code: "security/vulnerable-version", Severity: Warning})
	SecurityWeakTLS           = define(Def{Code: "security/weak-tls", Severity: Warning})
)
