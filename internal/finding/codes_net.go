package finding

// The causes of layer net: what the network lets through. Each has a page of the same name
// under pages/en and pages/zh.
var (
	NetHostDown     = define(Def{Code: "net/host-down", Severity: Critical})
	NetPortFiltered = define(Def{Code: "net/port-filtered", Severity: Critical})
	NetPortRejected = define(Def{Code: "net/port-rejected", Severity: Critical, Explains: []*Def{
		ServiceRefused,
	}})
	NetSourceNotAllowed = define(Def{Code: "net/source-not-allowed", Severity: Critical, Explains: []*Def{
		ServiceUnavailable,
	}})
	NetInspectionReset = define(Def{Code: "net/inspection-reset", Severity: Critical})
	NetOnlyOtherPorts  = define(Def{Code: "net/only-other-ports", Severity: Critical, Explains: []*Def{
		NetPortFiltered,
	}})
	NetIPv6Broken = define(Def{Code: "net/ipv6-broken", Severity: Error, Explains: []*Def{
		DNSDeadAddress, RouteNoRoute,
	}})
	NetIPv4Broken = define(Def{Code: "net/ipv4-broken", Severity: Error, Explains: []*Def{
		DNSDeadAddress, RouteNoRoute,
	}})
	NetNoCommonFamily = define(Def{Code: "net/no-common-family", Severity: Critical, Explains: []*Def{
		RouteNoRoute,
	}})
	NetTransparentProxy = define(Def{Code: "net/transparent-proxy", Severity: Error, Explains: []*Def{
		ServiceHung, ServiceBadGreeting, NetSourceNotAllowed, ServiceOtherProtocol,
	}})
	NetPacketLoss = define(Def{Code: "net/packet-loss", Severity: Error, Explains: []*Def{
		DataStalled, PerformanceSlowTransfer, PerformanceHighLatency,
	}})
	NetIdleTimeout = define(Def{Code: "net/idle-timeout", Severity: Error})
	NetHairpinNAT  = define(Def{Code: "net/hairpin-nat", Severity: Error, Explains: []*Def{
		NetHostDown, NetPortFiltered, ServiceRefused,
	}})
	NetProxyProtocol = define(Def{Code: "net/proxy-protocol", Severity: Error, Explains: []*Def{
		NetSourceNotAllowed, ServiceHung, ServiceBadGreeting,
	}})
)
