package finding

// The causes of layer route: addressing and the way there. Each has a page of the same name
// under pages/en and pages/zh.
var (
	RouteNoRoute = define(Def{Code: "route/no-route", Severity: Critical, Explains: []*Def{
		DNSResolverUnreachable, NetHostDown,
	}})
	RouteBlackhole = define(Def{Code: "route/blackhole", Severity: Critical, Explains: []*Def{
		DNSResolverUnreachable, NetHostDown, NetPortFiltered, RouteNoRoute,
	}})
	RouteWrongNetmask = define(Def{Code: "route/wrong-netmask", Severity: Critical, Explains: []*Def{
		RouteNeighbourSilent, RouteGatewayDown, RouteNoRoute, NetHostDown, DNSResolverUnreachable,
	}})
	RouteGatewayDown = define(Def{Code: "route/gateway-down", Severity: Critical, Explains: []*Def{
		NetHostDown, NetPortFiltered, DNSResolverUnreachable,
	}})
	RouteDeadTunnel = define(Def{Code: "route/dead-tunnel", Severity: Critical, Explains: []*Def{
		NetHostDown, NetPortFiltered, RouteNeighbourSilent, DNSResolverUnreachable,
	}})
	RouteNeighbourSilent = define(Def{Code: "route/neighbour-silent", Severity: Critical, Explains: []*Def{
		NetHostDown,
	}})
	RouteDuplicateAddress = define(Def{Code: "route/duplicate-address", Severity: Error, Explains: []*Def{
		ServiceRefused, ServiceOtherProtocol, ServiceHung, NetPacketLoss, NetHostDown, NetPortFiltered, NetOnlyOtherPorts,
		TLSCertNameMismatch, AuthRejected, DataPassiveFiltered, DataPassiveWrongAddress, DataPassivePrivateAddress, DataSourceMismatch, DataEPSVBroken, DataPASVBroken, DataStalled, NetSourceNotAllowed,
	}})
	RouteLoop = define(Def{Code: "route/loop", Severity: Critical, Explains: []*Def{
		NetHostDown, RouteUnreachableUpstream,
	}})
	RouteMTUBlackhole = define(Def{Code: "route/mtu-blackhole", Severity: Error, Explains: []*Def{
		TLSHandshakeStalls, TLSDataHandshakeFailed, DataStalled, ServiceHung, NetPacketLoss,
	}})
	RouteUnreachableUpstream = define(Def{Code: "route/unreachable-upstream", Severity: Critical, Explains: []*Def{
		NetHostDown,
	}})
	RouteAsymmetric = define(Def{Code: "route/asymmetric", Severity: Critical, Explains: []*Def{
		NetHostDown, NetPortFiltered,
	}})
	RouteInternalAddress = define(Def{Code: "route/internal-address", Severity: Critical, Explains: []*Def{
		NetHostDown, NetPortFiltered, RouteNoRoute, RouteNeighbourSilent,
	}})
)
