package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/streams"
)

// AnswerOptions size the benchmark of the answer stage with a slow model.
type AnswerOptions struct {
	// Latency is the model's, Concurrency that of one consumer.
	Latency     time.Duration
	Concurrency int
	// Waves is how many times Concurrency queries each consumer gets.
	Waves int
	// Copies lists how many consumers run in each measurement.
	Copies []int
	// Start runs that many answer consumers until stop is called.
	Start func(ctx context.Context, copies int) (stop func() error, err error)
}

// Answer is the throughput of some answer consumers.
type Answer struct {
	Copies  int     `json:"copies"`
	Queries int     `json:"queries"`
	Seconds float64 `json:"seconds"`
	// PerSecond is queries a second, which is calls a second and tier.
	PerSecond float64 `json:"queries_per_s"`
	// Ideal is Copies x Concurrency / Latency.
	Ideal float64 `json:"ideal_queries_per_s"`
	// Share is PerSecond over Ideal.
	Share float64 `json:"share_of_ideal"`
	// Speedup is PerSecond over that of the first measurement.
	Speedup float64 `json:"speedup"`
}

// RunAnswer stores accepted queries first, then starts the consumers and measures until the last answer is
// stored and acknowledged. The ring's other stages must not run.
func RunAnswer(ctx context.Context, ring Ring, o AnswerOptions) (results []Answer, err error) {
	f, err := newFeeder(ring, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	for _, copies := range o.Copies {
		a, err := f.answer(ctx, o, copies)
		if err != nil {
			return nil, fmt.Errorf("%d answer consumers: %w", copies, err)
		}
		a.Speedup = 1
		if len(results) > 0 {
			a.Speedup = round(a.PerSecond / results[0].PerSecond)
		}
		results = append(results, a)
	}
	return results, nil
}

func (f *feeder) answer(ctx context.Context, o AnswerOptions, copies int) (Answer, error) {
	n := copies * o.Concurrency * o.Waves
	target, err := f.last(ctx, streams.StreamAnswers)
	if err != nil {
		return Answer{}, err
	}
	if err := f.accept(ctx, n); err != nil {
		return Answer{}, err
	}
	started := time.Now()
	stop, err := o.Start(ctx, copies)
	if err != nil {
		return Answer{}, err
	}
	err = f.settle(ctx, streams.StreamAnswers, target+uint64(2*n))
	took := time.Since(started)
	if err := errors.Join(err, stop()); err != nil {
		return Answer{}, err
	}
	perSecond := float64(n) / took.Seconds()
	ideal := float64(copies*o.Concurrency) / o.Latency.Seconds()
	return Answer{
		Copies: copies, Queries: n, Seconds: round(took.Seconds()),
		PerSecond: round(perSecond), Ideal: round(ideal), Share: round(perSecond / ideal),
	}, nil
}
