package finding

// The causes of layer ssh: SSH's negotiation, host keys, ways to log in and the way
// to the SFTP subsystem. Each has a page of the same name under pages/en and pages/zh.
var (
	SSHNoCommonAlgorithm = define(Def{Code: "ssh/no-common-algorithm", Severity: Critical, Explains: []*Def{
		SSHWeakAlgorithms, SSHNoPostQuantum,
	}})
	SSHNoCommonSignature = define(Def{Code: "ssh/no-common-signature", Severity: Error, Explains: []*Def{
		SSHKeyRejected, SSHAuthMethodNotOffered, AuthRejected,
	}})
	SSHHostKeyChanged = define(Def{Code: "ssh/host-key-changed", Severity: Error})
	SSHHostKeyUnknown = define(Def{Code: "ssh/host-key-unknown", Severity: Notice})
	SSHThrottled      = define(Def{Code: "ssh/throttled", Severity: Error, Explains: []*Def{
		ServiceAborts, NetSourceNotAllowed,
	}})
	SSHAuthMethodNotOffered = define(Def{Code: "ssh/auth-method-not-offered", Severity: Error, Explains: []*Def{
		AuthRejected,
	}})
	SSHKeyRejected          = define(Def{Code: "ssh/key-rejected", Severity: Error})
	SSHAuthorizedKeysUnsafe = define(Def{Code: "ssh/authorized-keys-unsafe", Severity: Error, Explains: []*Def{
		SSHKeyRejected, SSHTooManyAttempts, AuthRejected,
	}})
	// With no key to offer a client goes on to the password, which the server may not offer.
	SSHKeyUnusable = define(Def{Code: "ssh/key-unusable", Severity: Error, Explains: []*Def{
		SSHKeyRejected, SSHAuthMethodNotOffered, AuthRejected,
	}})
	SSHTooManyAttempts = define(Def{Code: "ssh/too-many-attempts", Severity: Error, Explains: []*Def{
		SSHKeyRejected, AuthRejected,
	}})
	SSHSFTPNotEnabled = define(Def{Code: "ssh/sftp-not-enabled", Severity: Critical})
	SSHNologinShell   = define(Def{Code: "ssh/nologin-shell", Severity: Error, Explains: []*Def{
		SSHSFTPNotEnabled, SSHShellNoise, SSHChrootOwnership, SSHServerConfig,
	}})
	SSHShellNoise = define(Def{Code: "ssh/shell-noise", Severity: Error, Explains: []*Def{
		SSHServerConfig,
	}})
	SSHChrootOwnership = define(Def{Code: "ssh/chroot-ownership", Severity: Error, Explains: []*Def{
		SSHSFTPNotEnabled, SSHServerConfig, ServiceAborts,
	}})
	SSHServerConfig = define(Def{Code: "ssh/server-config", Severity: Critical, Explains: []*Def{
		SSHSFTPNotEnabled, SSHThrottled,
	}})
	SSHWeakAlgorithms = define(Def{Code: "ssh/weak-algorithms", Severity: Warning})
	SSHNoPostQuantum  = define(Def{Code: "ssh/no-post-quantum", Severity: Notice})
)
