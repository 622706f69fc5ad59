package finding

// The causes of layer config that the text of a configuration shows; the rules
// of package lint yield them. Each has a page of the same name under pages/en
// and pages/zh.
var (
	ConfigSyntaxError = define(Def{Code: "config/syntax-error", Severity: Critical, Explains: []*Def{
		ConfigUnknownDirective,
	}})
	ConfigUnknownDirective    = define(Def{Code: "config/unknown-directive", Severity: Critical})
	ConfigWrongContext        = define(Def{Code: "config/wrong-context", Severity: Critical})
	ConfigModuleNotLoaded     = define(Def{Code: "config/module-not-loaded", Severity: Critical})
	ConfigValueMisread        = define(Def{Code: "config/value-misread", Severity: Warning})
	ConfigDeprecatedDirective = define(Def{Code: "config/deprecated-directive", Severity: Notice})
	ConfigShadowedDirective   = define(Def{Code: "config/shadowed-directive", Severity: Warning})
	ConfigContradiction       = define(Def{Code: "config/contradiction", Severity: Error})
	ConfigIncludeMissing      = define(Def{Code: "config/include-missing", Severity: Warning})
	ConfigOptionWithoutEffect = define(Def{Code: "config/option-without-effect", Severity: Warning})
	ConfigNoAccessPossible    = define(Def{Code: "config/no-access-possible", Severity: Critical})
	ConfigLoopbackOnly        = define(Def{Code: "config/loopback-only", Severity: Error, Explains: []*Def{
		ServiceLoopbackOnly, ServiceRefused,
	}})

	ConfigClearTextAllowed = define(Def{Code: "config/clear-text-allowed", Severity: Warning, Explains: []*Def{
		SecurityClearTextLogin,
	}})
	ConfigClearTextData        = define(Def{Code: "config/clear-text-data", Severity: Warning})
	ConfigOldTLSVersion        = define(Def{Code: "config/old-tls-version", Severity: Warning, Explains: []*Def{SecurityWeakTLS}})
	ConfigWeakCiphers          = define(Def{Code: "config/weak-ciphers", Severity: Warning, Explains: []*Def{SecurityWeakTLS}})
	ConfigSessionReuseRequired = define(Def{Code: "config/session-reuse-required", Severity: Notice, Explains: []*Def{
		TLSDataSessionReuseRequired,
	}})
	ConfigCertificateMissing = define(Def{Code: "config/certificate-missing", Severity: Critical, Explains: []*Def{
		TLSNoCertificate,
	}})
	ConfigWeakSSHAlgorithms = define(Def{Code: "config/weak-ssh-algorithms", Severity: Warning, Explains: []*Def{
		SSHWeakAlgorithms,
	}})

	ConfigAnonymousAccess = define(Def{Code: "config/anonymous-access", Severity: Notice})
	ConfigAnonymousWrite  = define(Def{Code: "config/anonymous-write", Severity: Warning, Explains: []*Def{
		SecurityAnonymousWrite,
	}})
	ConfigUploadsPublic      = define(Def{Code: "config/uploads-public", Severity: Warning})
	ConfigNotChrooted        = define(Def{Code: "config/not-chrooted", Severity: Notice})
	ConfigChrootWritable     = define(Def{Code: "config/chroot-writable", Severity: Warning})
	ConfigChrootHome         = define(Def{Code: "config/chroot-home", Severity: Notice, Explains: []*Def{AuthChrootWritable, SSHChrootOwnership}})
	ConfigNotInherited       = define(Def{Code: "config/not-inherited", Severity: Warning})
	ConfigPasswordsAccepted  = define(Def{Code: "config/passwords-still-accepted", Severity: Warning})
	ConfigPasswordsReadable  = define(Def{Code: "config/passwords-stored-readable", Severity: Warning})
	ConfigListInverted       = define(Def{Code: "config/list-inverted", Severity: Notice})
	ConfigRootLoginAllowed   = define(Def{Code: "config/root-login-allowed", Severity: Warning})
	ConfigShellNotRequired   = define(Def{Code: "config/shell-not-required", Severity: Notice})
	ConfigEmptyPasswords     = define(Def{Code: "config/empty-passwords", Severity: Warning})
	ConfigForwardingAllowed  = define(Def{Code: "config/forwarding-allowed", Severity: Warning})
	ConfigSFTPOnlyIncomplete = define(Def{Code: "config/sftp-only-incomplete", Severity: Warning})
	ConfigSFTPMissing        = define(Def{Code: "config/sftp-subsystem-missing", Severity: Error, Explains: []*Def{
		SSHSFTPNotEnabled,
	}})
	ConfigSFTPChrootBroken = define(Def{Code: "config/sftp-chroot-broken", Severity: Error, Explains: []*Def{SSHServerConfig}})
	ConfigStrictModesOff   = define(Def{Code: "config/strict-modes-off", Severity: Warning})
	ConfigAllowListOpen    = define(Def{Code: "config/allow-list-open", Severity: Warning})

	ConfigNoConnectionLimit = define(Def{Code: "config/no-connection-limit", Severity: Warning})
	ConfigNoPerSourceLimit  = define(Def{Code: "config/no-per-source-limit", Severity: Notice})
	ConfigNoTimeout         = define(Def{Code: "config/no-timeout", Severity: Warning})
	ConfigNoLoginLimit      = define(Def{Code: "config/no-login-limit", Severity: Warning})

	ConfigPassiveRangeMissing = define(Def{Code: "config/passive-range-missing", Severity: Warning})
	ConfigPassiveRangeSmall   = define(Def{Code: "config/passive-range-small", Severity: Warning, Explains: []*Def{
		DataPortsExhausted,
	}})
	ConfigPassiveRangeInvalid = define(Def{Code: "config/passive-range-invalid", Severity: Error})
	ConfigPassiveDisabled     = define(Def{Code: "config/passive-disabled", Severity: Warning, Explains: []*Def{DataPassiveDisabled}})
	ConfigPassiveAddress      = define(Def{Code: "config/passive-address-unusable", Severity: Error, Explains: []*Def{
		DataPassivePrivateAddress, DataPassiveBadAddress,
	}})
	ConfigBounceAllowed = define(Def{Code: "config/bounce-allowed", Severity: Warning, Explains: []*Def{SecurityBounceAllowed}})

	ConfigUmaskTooOpen       = define(Def{Code: "config/umask-too-open", Severity: Warning})
	ConfigUmaskTooStrict     = define(Def{Code: "config/umask-too-strict", Severity: Warning})
	ConfigTransfersNotLogged = define(Def{Code: "config/transfers-not-logged", Severity: Notice})
	ConfigDebugLeftOn        = define(Def{Code: "config/debug-left-on", Severity: Notice})
	ConfigVersionDisclosed   = define(Def{Code: "config/version-disclosed", Severity: Info})
	ConfigSlowLookups        = define(Def{Code: "config/slow-lookups", Severity: Notice})
	ConfigRecursiveListing   = define(Def{Code: "config/recursive-listing", Severity: Notice})
	ConfigIsolationOff       = define(Def{Code: "config/isolation-off", Severity: Warning})
	ConfigRunsAsRoot         = define(Def{Code: "config/runs-as-root", Severity: Warning})
)
