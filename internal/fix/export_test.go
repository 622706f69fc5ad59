package fix

import "time"

// SetLeastGuard lets tests wait less.
func SetLeastGuard(d time.Duration) { leastGuard = d }
