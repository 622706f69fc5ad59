package capture

// mark is a segment as an alignment needs it.
type mark struct{}

func (a *Analysis) mark(*flow, *packet, side, *segmentOf) {}
