package finding

// The causes of layer client: the machine that asks. Each has a page of the same name
// under pages/en and pages/zh.
var (
	ClientBadTarget     = define(Def{Code: "client/bad-target", Severity: Critical})
	ClientHostsOverride = define(Def{Code: "client/hosts-override", Severity: Error, Explains: []*Def{
		DNSWrongAddress, DNSInconsistent, ServiceRefused, ServiceOtherProtocol, ServiceWrongPort,
		NetHostDown, NetPortFiltered, NetPortRejected, RouteNeighbourSilent, RouteInternalAddress,
		RouteNoRoute, TLSCertNameMismatch,
	}})
	ClientProxyIntercepts = define(Def{Code: "client/proxy-intercepts", Severity: Error})
	ClientProxyIgnored    = define(Def{Code: "client/proxy-ignored", Severity: Error, Explains: []*Def{
		NetPortFiltered, NetHostDown, NetOnlyOtherPorts,
	}})
	ClientConnectionLeak = define(Def{Code: "client/connection-leak", Severity: Error, Explains: []*Def{
		ServiceTooManyFromSource, ServiceTooManyConnections, ServiceTooManyForUser,
	}})
	ClientTrustStoreOutdated = define(Def{Code: "client/trust-store-outdated", Severity: Error, Explains: []*Def{
		TLSCertUntrusted,
	}})
	ClientNoNetwork = define(Def{Code: "client/no-network", Severity: Critical, Explains: []*Def{
		DNSResolverUnreachable, DNSNoResolver, RouteNoRoute, RouteGatewayDown, NetHostDown,
	}})
	ClientNameService = define(Def{Code: "client/name-service", Severity: Critical, Explains: []*Def{
		DNSNXDOMAIN,
	}})
	ClientClockWrong = define(Def{Code: "client/clock-wrong", Severity: Error, Explains: []*Def{
		TLSCertExpired, TLSCertNotYetValid,
	}})
	ClientFirewall = define(Def{Code: "client/firewall", Severity: Critical, Explains: []*Def{
		NetPortFiltered, NetPortRejected, NetHostDown, ServiceRefused, DataPassiveFiltered,
		DNSResolverUnreachable,
	}})
	ClientNameEncoding       = define(Def{Code: "client/name-encoding", Severity: Error})
	ClientLibraryLimit       = define(Def{Code: "client/library-limit", Severity: Error})
	ClientWebDAVRedirector   = define(Def{Code: "client/webdav-redirector", Severity: Error})
	ClientCredentialsMangled = define(Def{Code: "client/credentials-mangled", Severity: Critical, Explains: []*Def{
		AuthRejected,
	}})
)
