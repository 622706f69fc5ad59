package fix_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The killing test. A flow of work is ended before one of the commands that
// change something, on the machine or in the journal, and this for each of them:
// the program and the script that it runs are killed with signal 9, or everything
// is, as when the power goes, and the machine starts again. What is left is then
// the guard's, the start's and the next run's to settle. Afterwards the machine is
// as it was before; or, where the change was proved, as it was made.

// flow is work that is ended.
type flow struct {
	how   string
	first string // done before, by the same plan
	kept  bool   // it may come to be kept
	last  int    // only so many of its commands: those before are another's too
}

var flows = []flow{
	{how: "unproved"},                         // everything is made, and undone
	{how: "-", kept: true, last: 12},          // it is made and kept
	{how: "rollback", first: "-", kept: true}, // what was kept is undone
}

// manners are how it ends.
var manners = []string{"power", "script"}

const ended = `
%[2]s
echo %[1]d >/mnt/kill-at
PATH=/usr/local/bin/step:$PATH MANNER=%[3]s %[4]s='%[5]s 0 %[6]s' "$SELF" >/mnt/said 2>&1
stat -c 'steps %%s' /mnt/steps
cat /mnt/killed 2>/dev/null
if [ %[3]s = power ]; then boot >/dev/null 2>&1; fi
rest
%[4]s='%[5]s 0 settle' "$SELF" || echo "exit $?"
rest
picture >/mnt/after
if cmp -s /mnt/before /mnt/after; then echo SAME; fi
cat /var/lib/ftpdoctor/journal/*/stage 2>/dev/null
echo ----
diff /mnt/before /mnt/after
:`

// end makes the machine and ends a flow on it before command n of it.
func end(t *testing.T, way string, f flow, manner string, n int) (said, change string) {
	t.Helper()
	first := ""
	if f.first != "" {
		first = run(way, 0, f.first)
	}
	out, err := in(t, fmt.Sprintf(ended, n, first, manner, inside, way, f.how))
	if err != nil {
		t.Errorf("%s, %s, ended by %s at %d: %v: %s", way, f.how, manner, n, err, out)
	}
	said, change, _ = strings.Cut(out, "----\n")
	return said, change
}

// FIX_KILLED=all ends every flow of every way at every command; otherwise some
// are taken, others for each way.
func TestKilled(t *testing.T) {
	needs(t)
	if testing.Short() {
		t.Skip("takes a minute")
	}
	all := os.Getenv("FIX_KILLED") == "all"
	var wait sync.WaitGroup
	var runs, midst atomic.Int64
	room := make(chan bool, 4)
	if all {
		room = make(chan bool, 6) // some of them wait for the guard
	}
	for i, way := range slices.Sorted(maps.Keys(ways)) {
		for j, f := range flows {
			for k, manner := range manners {
				if !all && (j*len(manners)+k)%6 != i%6 && way != "all" {
					continue
				}
				wait.Go(func() {
					whole, kept := one(t, room, way, f, manner, 0)
					if f.first != "" {
						_, kept = one(t, room, way, flow{how: f.first}, manner, 0)
					}
					steps := 0
					if _, err := fmt.Sscanf(whole, "steps %d", &steps); err != nil {
						t.Errorf("%s, %s: %v: %s", way, f.how, err, whole)
					}
					first, stride := 1, 1+2*k // most of what a script leaves, so does a loss of power
					if f.last > 0 {
						first = max(1, steps-f.last)
					}
					if !all {
						first, stride = first+i%5, steps/2
					}
					for n := first; n <= steps; n += stride {
						wait.Go(func() {
							said, change := one(t, room, way, f, manner, n)
							runs.Add(1)
							if strings.Contains(said, "killed before") {
								midst.Add(1)
							}
							if !strings.Contains(said, "SAME\n") && !(f.kept && change == kept) {
								t.Errorf("%s, %s, ended by %s at %d of %d: not as it was: %s%s", way, f.how, manner, n, steps, said, change)
							}
						})
					}
				})
			}
		}
	}
	wait.Wait()
	t.Logf("%d runs over %d ways, %d of them ended in the midst", runs.Load(), len(ways), midst.Load())
}

// one is end, where there is room for it.
func one(t *testing.T, room chan bool, way string, f flow, manner string, n int) (said, change string) {
	t.Helper()
	room <- true
	defer func() { <-room }()
	return end(t, way, f, manner, n)
}
