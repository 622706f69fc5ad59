package finding

// The causes that only the server's own machine can tell: of layer host, and those of
// configuration against reality. Each explains what a client sees of it, so that both
// sides together end in one root cause. Each has a page of the same name under pages/en
// and pages/zh.
var (
	HostFirewallBlocks = define(Def{Code: "host/firewall-blocks", Severity: Critical, Explains: []*Def{
		NetPortFiltered, NetPortRejected, NetOnlyOtherPorts, NetHostDown, ServiceRefused,
		RouteUnreachableUpstream, DataActiveBlocked,
	}})
	HostDiskFull = define(Def{Code: "host/disk-full", Severity: Error, Explains: []*Def{
		FileDiskFull,
	}})
	HostInodesExhausted = define(Def{Code: "host/inodes-exhausted", Severity: Error, Explains: []*Def{
		FileDiskFull,
	}})
	HostMemoryPressure = define(Def{Code: "host/memory-pressure", Severity: Warning, Explains: []*Def{
		ServiceResourceExhausted,
	}})
	HostDescriptorsExhausted = define(Def{Code: "host/descriptors-exhausted", Severity: Critical, Explains: []*Def{
		ServiceResourceExhausted, ServiceHung, ServiceBacklogFull, ServiceAborts, NetSourceNotAllowed, AuthRejected,
	}})
	HostConntrackFull = define(Def{Code: "host/conntrack-full", Severity: Critical, Explains: []*Def{
		NetPortFiltered, NetOnlyOtherPorts, NetPacketLoss, NetHostDown, DataPassiveFiltered,
	}})
	HostLogOversized  = define(Def{Code: "host/log-oversized", Severity: Warning})
	HostSELinuxDenied = define(Def{Code: "host/selinux-denied", Severity: Error, Explains: []*Def{
		FilePermissionDenied, FileNotFound, AuthHomeMissing, AuthRejected, ServiceFailed, ServiceAborts,
	}})
	HostAppArmorDenied = define(Def{Code: "host/apparmor-denied", Severity: Error, Explains: []*Def{
		FilePermissionDenied, FileNotFound, AuthHomeMissing, AuthRejected, ServiceFailed, ServiceAborts,
	}})
	HostTimeUnsynchronised    = define(Def{Code: "host/time-unsynchronised", Severity: Warning})
	HostCertificateUnreadable = define(Def{Code: "host/certificate-unreadable", Severity: Critical, Explains: []*Def{
		TLSNoCertificate, TLSNotOffered, TLSRequired, TLSHandshakeStalls, TLSNoCommonCipher, ServiceFailed, ServiceAborts,
	}})

	// What the configuration says and the machine does not bear out.
	ConfigPortRangeNotOpen = define(Def{Code: "config/port-range-not-open", Severity: Error, Explains: []*Def{
		DataPassiveFiltered, DataHelperMissing,
	}})
	ConfigNATAddressMissing = define(Def{Code: "config/nat-address-missing", Severity: Error, Explains: []*Def{
		DataPassivePrivateAddress, DataPassiveFiltered,
	}})
	// Worth a restart; an error where the certificate that is served is not the one on disk.
	ConfigNotLoaded = define(Def{Code: "config/not-loaded", Severity: Warning, Explains: []*Def{
		TLSCertExpired, TLSCertExpiring, TLSCertNotYetValid, TLSCertNameMismatch, TLSCertSelfSigned,
		TLSCertUntrusted, TLSChainIncomplete,
	}})

	// What stands in the way of one service or of every login.
	ServicePortTaken = define(Def{Code: "service/port-taken", Severity: Critical, Explains: []*Def{
		ServiceOtherProtocol, ServiceBadGreeting, ServiceFailed, ServiceNotRunning, ServiceHung,
	}})
	AuthLoginsClosed = define(Def{Code: "auth/logins-closed", Severity: Critical, Explains: []*Def{
		AuthRejected, SSHKeyRejected, ServiceUnavailable,
	}})
)
