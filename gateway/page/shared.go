package page

import (
	"context"
	"sync"
	"time"
)

// A source is asked once in pause at most, and is left alone for several times as long as it took: a slow one
// costs its keeper a fifth of its time, however many browsers look. One answer may take as long as patience.
const (
	pause    = time.Second
	restsFor = 4
	patience = 5 * time.Second
)

// shared is one source for all who look: one of them asks it, the others wait for the same answer, and for a
// while everybody gets that. Failures are shared too.
type shared[T any] struct {
	load func(context.Context) (T, error)
	now  func() time.Time

	mu     sync.Mutex
	flight *flight[T]
	last   *flight[T]
	until  time.Time // the last answer is fresh till then
}

// flight is one question to the source; its fields are read after done.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get is the answer, at most as old as said above. The first to ask works for the others too, and is not
// stopped by its own departure.
func (s *shared[T]) get(ctx context.Context) (T, error) {
	s.mu.Lock()
	if s.last != nil && s.now().Before(s.until) {
		defer s.mu.Unlock()
		return s.last.value, s.last.err
	}
	f := s.flight
	if f != nil {
		s.mu.Unlock()
		select {
		case <-f.done:
			return f.value, f.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	f = &flight[T]{done: make(chan struct{}), err: &Fault{500, "it panicked"}} // what others are told then
	s.flight = f
	s.mu.Unlock()
	s.ask(context.WithoutCancel(ctx), f)
	return f.value, f.err
}

func (s *shared[T]) ask(ctx context.Context, f *flight[T]) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := s.now()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		ended := s.now()
		s.flight, s.last = nil, f
		s.until = ended.Add(max(pause, restsFor*ended.Sub(began)))
		close(f.done)
	}()
	f.value, f.err = s.load(ctx)
}

// forget makes the next to look ask anew: something was changed.
func (s *shared[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
}
