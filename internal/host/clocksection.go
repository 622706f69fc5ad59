package host

import (
	"context"
	"fmt"
	"time"

	"ftpdoctor/internal/finding"
)

// clockSection asks who keeps the machine's clock.
var clockSection = &section{name: "clock", layer: "host", systems: []string{linux}, run: clocks}

// wrongBy is from when on a difference to the machine that asks is worth a
// word: two clocks and the way between them are compared.
const wrongBy = 30 * time.Second

func clocks(_ context.Context, p *part) {
	if off := p.sys.Clock; off > wrongBy || off < -wrongBy {
		p.find(finding.New(finding.HostTimeUnsynchronised, finding.Likely).With("reply", fmt.Sprintf("%+.0f s", off.Seconds())).
			SawAt("the machine's clock against that of the machine that asks", fmt.Sprintf("%+.1f s", off.Seconds()), "date"))
		return
	}
	if p.container() {
		p.fact(func(f *Facts) { f.Clock = "the host's: this is a container" })
		return
	}
	if source, offset, ok, known := parseChrony(p.run("chronyc", "-c", "tracking").out); known {
		p.fact(func(f *Facts) { f.Clock = fmt.Sprintf("chrony: %s, offset %+.6f s", source, offset) })
		if !ok {
			p.find(finding.New(finding.HostTimeUnsynchronised, finding.Confirmed).With("reply", "chrony: not synchronised").
				SawAt("the time service is not synchronised", "Leap status: Not synchronised", "chronyc tracking"))
		}
		return
	}
	r := p.run("timedatectl", "show", "-p", "NTP", "-p", "NTPSynchronized", "-p", "CanNTP")
	v := keyValues(r.out)
	if !r.ok() || v["NTPSynchronized"] == "" {
		return
	}
	detail := fmt.Sprintf("NTP=%s NTPSynchronized=%s", v["NTP"], v["NTPSynchronized"])
	p.fact(func(f *Facts) { f.Clock = "timedatectl: " + detail })
	if v["NTPSynchronized"] == "no" {
		p.find(finding.New(finding.HostTimeUnsynchronised, finding.Confirmed).With("reply", detail).
			SawAt("the time service is not synchronised", detail, "timedatectl show"))
	}
}

// container tells whether the machine is a container, whose clock is its host's.
func (p *part) container() bool {
	return p.exists("/.dockerenv") || p.exists("/run/.containerenv") || p.exists("/run/systemd/container")
}
