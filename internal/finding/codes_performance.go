package finding

// The causes of layer performance: what works and is slow. Each has a page of the same name
// under pages/en and pages/zh.
var (
	PerformanceSlowLogin      = define(Def{Code: "performance/slow-login", Severity: Error})
	PerformanceSlowTransfer   = define(Def{Code: "performance/slow-transfer", Severity: Warning})
	PerformanceHighLatency    = define(Def{Code: "performance/high-latency", Severity: Notice})
	PerformanceSaturatesEarly = define(Def{Code: "performance/saturates-early", Severity: Warning})
)
