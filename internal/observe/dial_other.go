//go:build !linux

package observe

import (
	"context"
	"net"
	"syscall"
	"time"
)

// socketWatch does without options and error queue: these systems do not tell
// an unprivileged program who said no.
type socketWatch struct{ options DialOptions }

func (*socketWatch) control(context.Context, string, string, syscall.RawConn) error { return nil }

func (*socketWatch) close() {}

func (*socketWatch) icmp() *ICMP { return nil }

func tcpInfo(*net.TCPConn) (time.Duration, int) { return 0, 0 }

func retransmits(*net.TCPConn) int { return 0 }
