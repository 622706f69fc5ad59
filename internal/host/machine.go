package host

import (
	"context"

	"ftpdoctor/internal/machine"
)

// Machine is what an inspection needs of a machine; [machine.Machine] is one.
type Machine interface {
	Run(ctx context.Context, argv ...string) (machine.Output, error)
	ReadFile(ctx context.Context, path string) ([]byte, error)
	Stat(ctx context.Context, path string) (machine.File, error)
	Glob(ctx context.Context, pattern string) ([]string, error)
	System() machine.System
}
