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
GUARD=%[7]s PATH=/usr/local/bin/step:$PATH MANNER=%[3]s %[4]s='%[5]s 0 %[6]s' "$SELF" >/mnt/said 2>&1
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
		first = "GUARD=2m " + run(way, 0, f.first)
	}
	guard := "2m"
	if n > 0 && manner == "script" { // which waits for it
		guard = "20s"
	}
	out, err := in(t, fmt.Sprintf(ended, n, first, manner, inside, way, f.how, guard))
	if err != nil {
		t.Errorf("%s, %s, ended by %s at %d: %v: %s", way, f.how, manner, n, err, out)
	}
	said, change, _ = strings.Cut(out, "----\n")
	return said, change
}

// everything is set for hours of proof: every command of every flow of every way.
// Otherwise some are taken.
func everything() bool { return os.Getenv("FIX_KILLED") == "all" }

func TestKilled(t *testing.T) {
	needs(t)
	if testing.Short() {
		t.Skip("takes a minute")
	}
	k := killing{T: t, room: make(chan bool, 6)} // some wait for the guard
	var wait sync.WaitGroup
	for i, way := range slices.Sorted(maps.Keys(ways)) {
		for _, f := range flows {
			for l, manner := range manners {
				switch {
				case everything():
					wait.Go(func() { k.through(way, f, manner, 1+2*l) }) // most of what a script leaves, so does a loss of power
				case f.how == "unproved" && i%6 == l:
					wait.Go(func() { k.ended(way, f, manner, 9+i, "") })
				}
			}
		}
		if everything() {
			wait.Wait()
			t.Logf("%s: %d runs so far, %d of them ended in the midst", way, k.runs.Load(), k.midst.Load())
		}
	}
	wait.Wait()
	t.Logf("%d runs over %d ways, %d of them ended in the midst", k.runs.Load(), len(ways), k.midst.Load())
}

type killing struct {
	*testing.T
	room        chan bool
	runs, midst atomic.Int64
}

// through ends a flow at each of its commands, or at each so many.
func (k *killing) through(way string, f flow, manner string, stride int) {
	whole, kept := k.one(way, f, manner, 0)
	if f.first != "" {
		_, kept = k.one(way, flow{how: f.first}, manner, 0)
	}
	steps := 0
	if _, err := fmt.Sscanf(whole, "steps %d", &steps); err != nil {
		k.Errorf("%s, %s: %v: %s", way, f.how, err, whole)
	}
	first := 1
	if f.last > 0 {
		first = max(1, steps-f.last)
	}
	var wait sync.WaitGroup
	for n := first; n <= steps; n += stride {
		wait.Go(func() { k.ended(way, f, manner, n, kept) })
	}
	wait.Wait()
}

// ended is a run; kept is what the machine may have become where it was kept.
func (k *killing) ended(way string, f flow, manner string, n int, kept string) {
	said, change := k.one(way, f, manner, n)
	k.runs.Add(1)
	if strings.Contains(said, "killed before") {
		k.midst.Add(1)
	}
	if !strings.Contains(said, "SAME\n") && !(f.kept && change == kept) {
		k.Errorf("%s, %s, ended by %s at %d: not as it was: %s%s", way, f.how, manner, n, said, change)
	}
}

// one is end, where there is room for it.
func (k *killing) one(way string, f flow, manner string, n int) (said, change string) {
	k.room <- true
	defer func() { <-k.room }()
	return end(k.T, way, f, manner, n)
}
