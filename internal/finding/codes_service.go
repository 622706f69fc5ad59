package finding

// The causes of layer service: what listens. Each has a page of the same name
// under pages/en and pages/zh.
var (
	ServiceRefused    = define(Def{Code: "service/refused", Severity: Critical})
	ServiceNotRunning = define(Def{Code: "service/not-running", Severity: Critical, Explains: []*Def{
		ServiceRefused,
	}})
	ServiceNotEnabled = define(Def{Code: "service/not-enabled", Severity: Warning})
	ServiceFailed     = define(Def{Code: "service/failed", Severity: Critical, Explains: []*Def{
		ServiceRefused, NetSourceNotAllowed,
	}})
	ServiceOOMKilled = define(Def{Code: "service/oom-killed", Severity: Critical, Explains: []*Def{
		ServiceRefused, ServiceFailed, ServiceNotRunning,
	}})
	ServiceLoopbackOnly = define(Def{Code: "service/loopback-only", Severity: Critical, Explains: []*Def{
		ServiceRefused,
	}})
	ServiceWrongListenAddress = define(Def{Code: "service/wrong-listen-address", Severity: Critical, Explains: []*Def{
		ServiceRefused,
	}})
	ServiceBacklogFull = define(Def{Code: "service/backlog-full", Severity: Critical, Explains: []*Def{
		NetPortFiltered, NetOnlyOtherPorts, ServiceHung,
	}})
	ServiceWrongPort = define(Def{Code: "service/wrong-port", Severity: Critical, Explains: []*Def{
		ServiceRefused, ServiceOtherProtocol, NetPortFiltered,
	}})
	ServiceOtherProtocol = define(Def{Code: "service/other-protocol", Severity: Critical})
	ServiceHung          = define(Def{Code: "service/hung", Severity: Critical})
	ServiceSlowGreeting  = define(Def{Code: "service/slow-greeting", Severity: Error, Explains: []*Def{
		PerformanceSlowLogin,
	}})
	ServiceTooManyConnections = define(Def{Code: "service/too-many-connections", Severity: Critical})
	ServiceTooManyFromSource  = define(Def{Code: "service/too-many-from-source", Severity: Error})
	ServiceTooManyForUser     = define(Def{Code: "service/too-many-for-user", Severity: Error})
	ServiceUnavailable        = define(Def{Code: "service/unavailable", Severity: Critical})
	ServiceResourceExhausted  = define(Def{Code: "service/resource-exhausted", Severity: Critical, Explains: []*Def{
		ServiceHung, ServiceRefused, DataPortsExhausted,
	}})
	ServiceAborts      = define(Def{Code: "service/aborts", Severity: Critical})
	ServiceBadGreeting = define(Def{Code: "service/bad-greeting", Severity: Error})
	ServiceOutdated    = define(Def{Code: "service/outdated", Severity: Notice})
)
