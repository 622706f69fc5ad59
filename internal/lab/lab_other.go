//go:build !linux

package lab

import "context"

// Net is one lab that stands; on this system there is none.
type Net struct{}

// Close does nothing here.
func (*Net) Close() error { return nil }

// List returns no scenario here.
func List() []Scenario { return nil }

// Fetch returns ErrUnsupported here.
func Fetch(context.Context) error { return ErrUnsupported }

// Run returns ErrUnsupported here.
func Run(context.Context, Options, func(Result)) (Summary, error) { return Summary{}, ErrUnsupported }

// Prove returns ErrUnsupported here.
func Prove(context.Context, []Scenario, int, func(Result)) (Summary, error) {
	return Summary{}, ErrUnsupported
}

// Up returns ErrUnsupported here.
func Up(context.Context, Scenario) (*Net, Result, error) { return nil, Result{}, ErrUnsupported }

// Down returns ErrUnsupported here.
func Down(context.Context) (removed, alive []int, err error) { return nil, nil, ErrUnsupported }

// Enter is the command that enters the client's namespace.
func (*Net) Enter() string { return "" }

// HostArgs are the arguments by which a check looks at the server's machine.
func (*Net) HostArgs() []string { return nil }
