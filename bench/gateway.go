package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Target is one way to the upstream: straight, through a proxy, through a gateway.
type Target struct {
	// Name is the prefix of its keys: "direct", "proxy", "rules", "model".
	Name, URL, Body, StreamBody string
	// Load, where above 0, is in place of the options': for a way that takes much longer than others.
	Load int
	// Settle, where set, waits until everything that requests left behind is done: decisions published.
	Settle func(ctx context.Context) error
}

// GatewayOptions size a run.
type GatewayOptions struct {
	// Rounds of every target in turn; in each, Single requests one after another and Load requests by
	// Concurrency clients, and Streams streams one after another.
	Rounds, Single, Load, Concurrency, Streams int
	// Progress hears of each round of a target.
	Progress func(target string, round int, p50 time.Duration, rps float64)
}

// GatewayResult is what was found, by target.
type GatewayResult struct {
	Targets []Found
	// RSS is the process's resident memory after the run, in MiB: upstream, proxy, gateway, log and load.
	RSS float64
}

// Found is one target's figures, over all rounds.
type Found struct {
	Name string
	// P50, P99 are of single requests; RPS is the best round's rate of the load, everything left behind
	// included; FirstP50 is the median time to a stream's first chunk.
	P50, P99, FirstP50 time.Duration
	RPS                float64
	// Allocations and Bytes are the whole process's for one request, client and upstream included.
	Allocations, Bytes float64
	// CPU is the whole process's processor time for one request of the load: it tells what a machine that does
	// other things hides.
	CPU      time.Duration
	Requests int64
}

// RunGateway measures the targets in turn, round after round, so that a machine that slows down slows down
// all of them.
func RunGateway(ctx context.Context, targets []Target, o GatewayOptions) (GatewayResult, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * o.Concurrency}}
	defer client.CloseIdleConnections()
	runs := make([]*gatewayRun, len(targets))
	for i, t := range targets {
		if t.Load == 0 {
			t.Load = o.Load
		}
		runs[i] = &gatewayRun{Target: t, client: client, o: o}
		if _, err := runs[i].singles(ctx, o.Single/4+1); err != nil { // connections, pools, caches
			return GatewayResult{}, err
		}
		runs[i].requests = int64(o.Single/4 + 1)
	}
	for round := range o.Rounds {
		for i := range runs {
			// Each round begins with another target.
			r := runs[(i+round)%len(runs)]
			if err := r.round(ctx, round); err != nil {
				return GatewayResult{}, fmt.Errorf("%s: %w", r.Name, err)
			}
		}
	}
	var out GatewayResult
	for _, r := range runs {
		out.Targets = append(out.Targets, r.found())
	}
	m, err := memoryOf(0)
	if err != nil {
		return GatewayResult{}, err
	}
	out.RSS = m.now
	return out, nil
}

// gatewayRun is one target while it is measured.
type gatewayRun struct {
	Target
	client   *http.Client
	o        GatewayOptions
	took     []time.Duration
	first    []time.Duration
	rps      []float64
	mallocs  uint64
	bytes    uint64
	counted  int64
	requests int64
	cpu      time.Duration
}

func (r *gatewayRun) round(ctx context.Context, n int) error {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	took, err := r.singles(ctx, r.o.Single)
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	r.mallocs, r.bytes, r.counted = r.mallocs+after.Mallocs-before.Mallocs, r.bytes+after.TotalAlloc-before.TotalAlloc, r.counted+int64(r.o.Single)
	r.took = append(r.took, took...)
	for range r.o.Streams {
		d, err := r.stream(ctx)
		if err != nil {
			return err
		}
		r.first = append(r.first, d)
	}
	rps, err := r.load(ctx)
	if err != nil {
		return err
	}
	r.rps = append(r.rps, rps)
	r.requests += int64(r.o.Single + r.o.Streams + r.Load)
	if r.o.Progress != nil {
		r.o.Progress(r.Name, n+1, percentile(took, 50), rps)
	}
	return nil
}

// singles sends requests one after another.
func (r *gatewayRun) singles(ctx context.Context, n int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		if err := r.once(ctx); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func (r *gatewayRun) send(ctx context.Context, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		_ = resp.Body.Close()
		return nil, fmt.Errorf("status %d: %s", resp.StatusCode, said)
	}
	return resp, nil
}

func (r *gatewayRun) once(ctx context.Context) error {
	resp, err := r.send(ctx, r.Body)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err
}

// stream is the time to the first byte of a stream's body, which is read to its end.
func (r *gatewayRun) stream(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	resp, err := r.send(ctx, r.StreamBody)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	var one [1]byte
	if _, err := io.ReadFull(resp.Body, one[:]); err != nil {
		return 0, err
	}
	first := time.Since(began)
	_, err = io.Copy(io.Discard, resp.Body)
	return first, err
}

// load is the rate of concurrent clients, until the last thing that they left behind is done.
func (r *gatewayRun) load(ctx context.Context) (float64, error) {
	var g sync.WaitGroup
	var mu sync.Mutex
	var failed error
	left := r.Load
	before, err := selfClocks()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for range r.o.Concurrency {
		g.Go(func() {
			for {
				mu.Lock()
				left--
				done := left < 0 || failed != nil
				mu.Unlock()
				if done {
					return
				}
				if err := r.once(ctx); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	g.Wait()
	if failed == nil && r.Settle != nil {
		failed = r.Settle(ctx)
	}
	rps := float64(r.Load) / time.Since(began).Seconds()
	after, err := selfClocks()
	r.cpu += after.since(before).self
	return rps, errors.Join(failed, err)
}

func (r *gatewayRun) found() Found {
	return Found{
		Name: r.Name, P50: percentile(r.took, 50), P99: percentile(r.took, 99), FirstP50: percentile(r.first, 50), RPS: slices.Max(r.rps),
		Allocations: float64(r.mallocs) / float64(r.counted), Bytes: float64(r.bytes) / float64(r.counted), Requests: r.requests,
		CPU: r.cpu / time.Duration(r.Load*len(r.rps)),
	}
}

// percentile sorts a copy; 0 for none.
func percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Clone(d)
	slices.Sort(sorted)
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
