package streams

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// receiver hears the replies to the requests that it registered for. It must not block: one goroutine
// of the connection calls every receiver in turn.
type receiver interface {
	reply(index int, m *nats.Msg)
}

// replies is one inbox shared by many requests, so that a request costs no subscription of its own.
type replies struct {
	prefix string
	sub    *nats.Subscription

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]receiver
}

func openReplies(nc *nats.Conn) (*replies, error) {
	r := &replies{prefix: nc.NewInbox() + ".", waiting: map[uint64]receiver{}}
	sub, err := nc.Subscribe(r.prefix+"*", r.dispatch)
	if err != nil {
		return nil, fmt.Errorf("open an inbox: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("open an inbox: %w", err)
	}
	r.sub = sub
	return r, nil
}

func (r *replies) close() error { return r.sub.Unsubscribe() }

// register makes to hear replies until it is forgotten.
func (r *replies) register(to receiver) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.waiting[r.last] = to
	return r.last
}

func (r *replies) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// subject is where replies to request index of a registration go.
func (r *replies) subject(id uint64, index int) string {
	b := make([]byte, 0, len(r.prefix)+20)
	b = append(b, r.prefix...)
	b = strconv.AppendUint(b, id, 36)
	b = append(b, '_')
	return string(strconv.AppendInt(b, int64(index), 36))
}

func (r *replies) dispatch(m *nats.Msg) {
	a, b, ok := strings.Cut(strings.TrimPrefix(m.Subject, r.prefix), "_")
	if !ok {
		return
	}
	id, err := strconv.ParseUint(a, 36, 64)
	if err != nil {
		return
	}
	index, err := strconv.ParseInt(b, 36, 32)
	if err != nil {
		return
	}
	r.mu.Lock()
	to := r.waiting[id]
	r.mu.Unlock()
	if to != nil {
		to.reply(int(index), m)
	}
}
