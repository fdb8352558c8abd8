package front

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
	"time"
)

// guard holds what both arms did lately. The window is two halves: the present one grows, the one before
// is forgotten when the present one is full.
type guard struct {
	o      Guard
	mu     sync.Mutex
	halves [2][2]tally // by half, by arm
	since  time.Time
}

// tally is what one arm did in one half of the window.
type tally struct {
	decided, faults int64
	ended, failed   int64
	took            [buckets]int64 // decisions by how long they took
}

func newGuard(o Guard) *guard { return &guard{o: o} }

// present is the arm's tally to write to; g.mu is held.
func (g *guard) present(a arm, now time.Time) *tally {
	if half := g.o.Window / 2; now.Sub(g.since) >= half {
		g.halves[1] = g.halves[0]
		if now.Sub(g.since) >= 2*half {
			g.halves[1] = [2]tally{}
		}
		g.halves[0], g.since = [2]tally{}, now
	}
	return &g.halves[0][a]
}

func (g *guard) decided(a arm, now time.Time, fault bool, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.present(a, now)
	t.decided++
	if fault {
		t.faults++
	}
	t.took[bucketOf(took)]++
}

func (g *guard) ended(a arm, now time.Time, failed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.present(a, now)
	t.ended++
	if failed {
		t.failed++
	}
}

// both adds up an arm's halves; g.mu is held.
func (g *guard) both(a arm) tally {
	sum, other := g.halves[0][a], &g.halves[1][a]
	sum.decided += other.decided
	sum.faults += other.faults
	sum.ended += other.ended
	sum.failed += other.failed
	for i, n := range other.took {
		sum.took[i] += n
	}
	return sum
}

// verdict says why the canary must go; empty where it may stay.
func (g *guard) verdict() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	least := int64(g.o.MinRequests)
	if g.halves[0][armCanary].decided+g.halves[1][armCanary].decided < least {
		return ""
	}
	c, a := g.both(armCanary), g.both(armActive)
	if g.worse(c.faults, c.decided, a.faults, a.decided) {
		return fmt.Sprintf("%d of %d decisions of the canary fell back to the static map, against %d of %d of the active router", c.faults, c.decided, a.faults, a.decided)
	}
	if c.ended >= least && g.worse(c.failed, c.ended, a.failed, a.ended) {
		return fmt.Sprintf("%d of %d requests of the canary failed, against %d of %d of the active router", c.failed, c.ended, a.failed, a.ended)
	}
	if a.decided < least {
		return ""
	}
	limit := time.Duration(g.o.LatencyFactor*float64(a.p95())) + time.Millisecond
	if slow, usual := c.slower(limit), a.slower(limit); g.worse(slow, c.decided, usual, a.decided) {
		return fmt.Sprintf("%d of %d decisions of the canary took longer than %v, against %d of %d of the active router", slow, c.decided, limit, usual, a.decided)
	}
	return ""
}

// worse says whether the canary's share is larger than the active one's by more than the margin and more
// than chance explains.
func (g *guard) worse(bad, of, activeBad, activeOf int64) bool {
	if of == 0 {
		return false
	}
	share, usual := float64(bad)/float64(of), 0.0
	if activeOf > 0 {
		usual = float64(activeBad) / float64(activeOf)
	}
	n, m := float64(of), math.Max(float64(activeOf), float64(of)) // a quiet active router is no excuse
	pooled := (float64(bad) + usual*m) / (n + m)
	deviation := math.Sqrt(pooled * (1 - pooled) * (1/n + 1/m))
	return share-usual > g.o.Margin && share-usual > 3*deviation
}

// buckets of decision times: four an octave of microseconds, so that a percentile is right within a fifth.
const buckets = 128

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 4 {
		return int(us)
	}
	octave := bits.Len64(us) - 1
	return min((octave-1)*4+int(us>>(octave-2)&3), buckets-1)
}

// upper is the end of a bucket.
func upper(bucket int) time.Duration {
	if bucket < 4 {
		return time.Duration(bucket+1) * time.Microsecond
	}
	octave, quarter := bucket/4+1, bucket%4
	return time.Duration((5+quarter)<<(octave-2)) * time.Microsecond
}

func (t *tally) p95() time.Duration {
	rest := t.decided - t.decided*95/100
	for b := buckets - 1; b >= 0; b-- {
		if rest -= t.took[b]; rest <= 0 {
			return upper(b)
		}
	}
	return 0
}

// slower counts the decisions that took longer than a limit for certain.
func (t *tally) slower(limit time.Duration) (n int64) {
	for b := bucketOf(limit) + 1; b < buckets; b++ {
		n += t.took[b]
	}
	return n
}
