package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/inflight"
	"sluice/llm"
	"sluice/streams"
)

const (
	// purseEvery is how often copies tell one another what they have spent, pursePatience how long the last word
	// may take.
	purseEvery    = 250 * time.Millisecond
	pursePatience = 5 * time.Second
)

// sharedCap makes a cap of one process one of all copies of its stage that name the same purse. What they spend
// between two looks can pass the cap, as calls in flight can.
type sharedCap struct {
	purse *streams.Purse
	spend *llm.Spend
	stop  context.CancelFunc
	done  chan struct{} // closed when the goroutine of shareCap has ended
}

// shareCap looks into the purse, which may be spent already, and from then on again and again until closed. Without a
// name nothing is shared.
func (m *Main) shareCap(ctx context.Context, js jetstream.JetStream, p inflight.Purse, spend *llm.Spend) (*sharedCap, error) {
	if p.Name == "" {
		return nil, nil
	}
	purse, err := streams.OpenPurse(ctx, js, p.Stage, p.Name, p.Payer)
	if err != nil {
		return nil, err
	}
	s := &sharedCap{purse: purse, spend: spend, done: make(chan struct{})}
	if err := s.pay(ctx); err != nil {
		return nil, err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx)) // what is in hand at the end is paid for too
	go s.keep(ctx, m)
	return s, nil
}

// keep pays and looks until ctx ends. Close waits for it.
func (s *sharedCap) keep(ctx context.Context, m *Main) {
	defer close(s.done)
	tick := time.NewTicker(purseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := m.beside.Contain("purse", func() error { return s.pay(ctx) })
		if err != nil && ctx.Err() == nil {
			m.log.Warn("the purse can't be reached; trying again", "error", err)
		}
	}
}

// pay says what this process has spent, and hears what the others have.
func (s *sharedCap) pay(ctx context.Context) error {
	own := s.spend.Spent()
	total, err := s.purse.Pay(ctx, own)
	if err == nil {
		s.spend.Others(total - own)
	}
	return err
}

// Close pays for the last time, whether or not ctx has ended. A nil cap has nothing to pay.
func (s *sharedCap) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.stop()
	<-s.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pursePatience)
	defer cancel()
	return s.pay(ctx)
}
