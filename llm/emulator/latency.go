package emulator

import (
	"context"
	"errors"
	"math"
	"time"
)

// Latency is how long replies of a model take. The zero value is no time at all; P50 alone is a fixed
// time; P95 above it makes the times lognormal with those quantiles.
type Latency struct {
	P50 time.Duration
	P95 time.Duration
}

// of draws the latency of the n-th request.
func (l Latency) of(seed, n uint64) time.Duration {
	if l.P95 <= l.P50 || l.P50 <= 0 {
		return l.P50
	}
	const z95 = 1.6448536269514722
	sigma := math.Log(float64(l.P95)/float64(l.P50)) / z95
	// Box-Muller; 1-u is never 0.
	u, v := drawN(seed, n, 2), drawN(seed, n, 3)
	normal := math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*v)
	return time.Duration(float64(l.P50) * math.Exp(sigma*normal))
}

func (l Latency) fault() error {
	if l.P50 < 0 || l.P95 < 0 || (l.P95 > 0 && (l.P50 == 0 || l.P95 < l.P50)) {
		return errors.New("latency: want 0 <= p50 <= p95, and a p50 where there is a p95")
	}
	return nil
}

// latency finds the model's: its own, or that of every model ("").
func (s *Server) latency(model string) Latency {
	if l, ok := s.cfg.Latency[model]; ok {
		return l
	}
	return s.cfg.Latency[""]
}

// wait sleeps; false means that the client left or the server was closed first.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.closed:
	}
	return false
}
