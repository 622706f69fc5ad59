package finding

// The causes of layer dns: the name. Each has a page of the same name
// under pages/en and pages/zh.
var (
	DNSNXDOMAIN    = define(Def{Code: "dns/nxdomain", Severity: Critical})
	DNSNoAddress   = define(Def{Code: "dns/no-address", Severity: Critical})
	DNSServfail    = define(Def{Code: "dns/servfail", Severity: Critical})
	DNSDNSSECBogus = define(Def{Code: "dns/dnssec-bogus", Severity: Critical, Explains: []*Def{
		DNSServfail,
	}})
	DNSDanglingCNAME = define(Def{Code: "dns/dangling-cname", Severity: Critical, Explains: []*Def{
		DNSNXDOMAIN, DNSNoAddress,
	}})
	DNSResolverUnreachable = define(Def{Code: "dns/resolver-unreachable", Severity: Critical, Explains: []*Def{
		DNSSlow,
	}})
	DNSResolverRefuses = define(Def{Code: "dns/resolver-refuses", Severity: Critical, Explains: []*Def{
		DNSSlow,
	}})
	DNSSlow         = define(Def{Code: "dns/slow", Severity: Error})
	DNSWrongAddress = define(Def{Code: "dns/wrong-address", Severity: Critical, Explains: []*Def{
		ServiceRefused, ServiceOtherProtocol, ServiceWrongPort, NetHostDown, NetPortFiltered,
		NetOnlyOtherPorts, RouteNeighbourSilent, RouteInternalAddress, TLSCertNameMismatch,
		DNSInconsistent,
	}})
	DNSInconsistent = define(Def{Code: "dns/inconsistent", Severity: Error})
	DNSNoResolver   = define(Def{Code: "dns/no-resolver", Severity: Critical})
	DNSSearchDomain = define(Def{Code: "dns/search-domain", Severity: Critical, Explains: []*Def{
		DNSNXDOMAIN,
	}})
	DNSDeadAddress   = define(Def{Code: "dns/dead-address", Severity: Error})
	DNSWrongResolver = define(Def{Code: "dns/wrong-resolver", Severity: Critical, Explains: []*Def{
		DNSNXDOMAIN, DNSInconsistent, DNSWrongAddress, RouteInternalAddress,
	}})
)
