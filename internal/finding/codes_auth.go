package finding

// The causes of layer auth: who may log in. Each has a page of the same name
// under pages/en and pages/zh.
var (
	AuthRejected          = define(Def{Code: "auth/rejected", Severity: Critical})
	AuthAnonymousDisabled = define(Def{Code: "auth/anonymous-disabled", Severity: Critical})
	AuthUserDenied        = define(Def{Code: "auth/user-denied", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected,
	}})
	AuthUserUnknown = define(Def{Code: "auth/user-unknown", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected,
	}})
	AuthPAMBroken = define(Def{Code: "auth/pam-broken", Severity: Critical, Explains: []*Def{
		AuthRejected,
	}})
	AuthShellNotListed = define(Def{Code: "auth/shell-not-listed", Severity: Critical, Explains: []*Def{
		AuthRejected,
	}})
	AuthShellMissing = define(Def{Code: "auth/shell-missing", Severity: Critical, Explains: []*Def{
		AuthRejected,
	}})
	AuthAccountLocked = define(Def{Code: "auth/account-locked", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected,
	}})
	AuthAccountExpired = define(Def{Code: "auth/account-expired", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected,
	}})
	AuthPasswordExpired = define(Def{Code: "auth/password-expired", Severity: Critical, Explains: []*Def{
		AuthRejected,
	}})
	AuthHomeMissing = define(Def{Code: "auth/home-missing", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected, ServiceAborts,
	}})
	AuthChrootWritable = define(Def{Code: "auth/chroot-writable", Severity: Critical, Explains: []*Def{
		AuthRejected, ServiceAborts,
	}})
	AuthSecondFactorRequired = define(Def{Code: "auth/second-factor-required", Severity: Critical})
	AuthBanned               = define(Def{Code: "auth/banned", Severity: Critical, Explains: []*Def{
		NetPortRejected, NetPortFiltered, NetOnlyOtherPorts, NetHostDown, ServiceRefused,
		NetSourceNotAllowed, SSHThrottled,
	}})
)
