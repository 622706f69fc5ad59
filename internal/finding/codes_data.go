package finding

// The causes of layer data: the data channel. Each has a page of the same name
// under pages/en and pages/zh.
var (
	DataPassiveFiltered       = define(Def{Code: "data/passive-filtered", Severity: Error})
	DataPassivePrivateAddress = define(Def{Code: "data/passive-private-address", Severity: Error, Explains: []*Def{
		DataPassiveFiltered, DataStalled,
	}})
	DataPassiveBadAddress = define(Def{Code: "data/passive-bad-address", Severity: Error, Explains: []*Def{
		DataPassiveFiltered,
	}})
	DataPassiveWrongAddress = define(Def{Code: "data/passive-wrong-address", Severity: Error, Explains: []*Def{
		DataPassiveFiltered, DataStalled,
	}})
	DataActiveBlocked        = define(Def{Code: "data/active-blocked", Severity: Error})
	DataActiveRefused        = define(Def{Code: "data/active-refused", Severity: Error})
	DataActivePrivateAddress = define(Def{Code: "data/active-private-address", Severity: Error, Explains: []*Def{
		DataActiveBlocked, DataActiveRefused,
	}})
	DataHelperMissing = define(Def{Code: "data/helper-missing", Severity: Error, Explains: []*Def{
		DataPassiveFiltered, DataActiveBlocked,
	}})
	DataPassiveDisabled = define(Def{Code: "data/passive-disabled", Severity: Error})
	DataEPSVBroken      = define(Def{Code: "data/epsv-broken", Severity: Error, Explains: []*Def{
		DataPassiveFiltered,
	}})
	DataEPSVUnsupported = define(Def{Code: "data/epsv-unsupported", Severity: Error})
	DataPASVBroken      = define(Def{Code: "data/pasv-broken", Severity: Error, Explains: []*Def{
		DataPassiveFiltered,
	}})
	DataSourceMismatch = define(Def{Code: "data/source-mismatch", Severity: Error})
	DataStalled        = define(Def{Code: "data/stalled", Severity: Error, Explains: []*Def{
		PerformanceSlowTransfer,
	}})
	DataPortsExhausted = define(Def{Code: "data/ports-exhausted", Severity: Error, Explains: []*Def{
		DataPassiveFiltered,
	}})
)
