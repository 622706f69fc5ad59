//go:build !linux

package ftptest

import (
	"errors"
	"net/netip"
)

// CanDrop tells whether "data: drop" works on this system.
const CanDrop = false

func dropPort(netip.Addr) (uint16, func(), error) {
	return 0, nil, errors.ErrUnsupported
}
