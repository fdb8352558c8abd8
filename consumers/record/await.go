package record

import (
	"context"
	"sync"
	"time"

	"sluice/streams"
)

// DefaultPatience is how long a batch is held while no parent of any fact comes in. Two streams that are read
// side by side drift apart by milliseconds, and giving a message back costs more than that.
const DefaultPatience = 250 * time.Millisecond

// progress tells whoever waits that parents were stored. The zero value is ready to use.
type progress struct {
	mu sync.Mutex
	ch chan struct{}
}

// next is closed when parents are stored after this call.
func (p *progress) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil {
		p.ch = make(chan struct{})
	}
	return p.ch
}

// made tells that parents were stored.
func (p *progress) made() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch != nil {
		close(p.ch)
		p.ch = nil
	}
}

// await waits for parents to come in, for the sake of messages that are here for the first time: their parents are
// on their way in another batch of this handler, more likely than not. It is false where it is time to give
// the orphans back.
func (h *Handler) await(ctx context.Context, in []streams.Message, orphans []int, parents <-chan struct{}) bool {
	fresh := false
	for _, ref := range orphans {
		fresh = fresh || in[ref].Deliveries <= 1
	}
	if !fresh || h.patience <= 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	select {
	case <-parents:
		return true
	case <-ctx.Done():
		return false
	}
}
