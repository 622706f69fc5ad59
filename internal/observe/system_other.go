//go:build !linux

package observe

import (
	"context"
	"net/netip"
	"runtime"
	"strings"
	"time"
)

const goos = runtime.GOOS

func isTunnel(device string) bool {
	return strings.HasPrefix(device, "utun") || strings.HasPrefix(device, "tun") || strings.HasPrefix(device, "ppp")
}

func routeLive(netip.Addr) Route { return Route{Step: Step{Failure: NotSupported}} }

func neighbourLive(netip.Addr, string) Neighbour {
	return Neighbour{Step: Step{Failure: NotSupported}}
}

func whoHasLive(context.Context, netip.Addr, string, time.Duration) Claim {
	return Claim{Step: Step{Failure: NotSupported}}
}

func knockLive(context.Context, netip.AddrPort, int, time.Duration) Echo {
	return Echo{Step: Step{Failure: NotSupported}}
}

func answerTTLLive(context.Context, netip.AddrPort, time.Duration) AnswerTTL {
	return AnswerTTL{Step: Step{Failure: NotSupported}}
}
