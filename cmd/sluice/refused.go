package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sluice/streams"
)

// refusedEvery is how often refusals of a command that serves are told at most: one that stalls asks again and again.
const refusedEvery = 10 * time.Second

// refusals is what the log's server refused this process. One before the command serves ends it: it would wait for
// an answer that never comes. Nil tells nobody.
type refusals struct {
	log *slog.Logger
	now func() time.Time
	end context.CancelCauseFunc

	mu      sync.Mutex
	first   *streams.PermissionError // what ended the command
	serving bool
	count   int64
	told    time.Time
}

// hear takes a refusal.
func (r *refusals) hear(e *streams.PermissionError) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	switch {
	case r.first != nil:
	case !r.serving:
		r.first = e
		r.end(e)
	case r.now().Sub(r.told) >= refusedEvery:
		r.told = r.now()
		r.log.Error("what this process waits for will not come", "error", e.Error(), "refused_so_far", r.count)
	}
}

// fatal is the refusal that ended the command; nil: none did.
func (r *refusals) fatal() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		return nil
	}
	return r.first
}

// serve says that the command serves.
func (r *refusals) serve() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving = true
}

// Count is how many there were.
func (r *refusals) Count() int64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}
