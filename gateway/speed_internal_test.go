package gateway

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestTheSlowestTwentiethBeginsAtThe95thPercentile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= window; n++ {
		took := make([]time.Duration, n)
		for i := range took {
			took[i] = time.Duration(random.IntN(50))
		}
		sorted := slices.Clone(took)
		slices.Sort(sorted)
		if got, want := slowest(took), sorted[(n*95+99)/100-1]; got != want {
			t.Errorf("of %d: %d, want %d", n, got, want)
		}
	}
}
