package finding

// The causes of layer file: authorisation and storage. Each has a page of the same name
// under pages/en and pages/zh.
var (
	FilePermissionDenied = define(Def{Code: "file/permission-denied", Severity: Error})
	FileNotFound         = define(Def{Code: "file/not-found", Severity: Error})
	FileDiskFull         = define(Def{Code: "file/disk-full", Severity: Error})
	FileQuotaExceeded    = define(Def{Code: "file/quota-exceeded", Severity: Error})
	FileReadOnly         = define(Def{Code: "file/read-only", Severity: Error})
	FileNameRefused      = define(Def{Code: "file/name-refused", Severity: Error})
	FileOverwriteDenied  = define(Def{Code: "file/overwrite-denied", Severity: Error})
	FileUploadsDisabled  = define(Def{Code: "file/uploads-disabled", Severity: Error, Explains: []*Def{
		FilePermissionDenied,
	}})
	FileLocked    = define(Def{Code: "file/locked", Severity: Error})
	FileCorrupted = define(Def{Code: "file/corrupted", Severity: Error})
)
