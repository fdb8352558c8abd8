package main

import (
	"net/http"
	"sync"
	"testing"

	"sluice/llm/emulator"
)

// Retries that a load balancer sends to whichever gateway is free cost one call: while it is under way the others say
// so, and afterwards each of them gives the same reply.
func TestARepeatedRequestIsPaidOnceWhicheverGatewayItReaches(t *testing.T) {
	r := startReplicas(t, 3, emulator.Faults{})
	const body = `{"model":"auto","stream":true,"max_completion_tokens":500,"messages":[{"role":"user","content":"Prove it."}]}`
	var mu sync.Mutex
	replies, early := map[string]int{}, 0
	var all sync.WaitGroup
	ask := func(i int) {
		status, text := r.post(r.urls[i%len(r.urls)]+"/v1/chat/completions", body, "Idempotency-Key", "once")
		mu.Lock()
		defer mu.Unlock()
		switch status {
		case http.StatusOK:
			replies[text]++
		case http.StatusConflict:
			early++
		default:
			t.Errorf("status %d: %s", status, text)
		}
	}
	for i := range 60 {
		all.Go(func() { ask(i) })
	}
	all.Wait()
	for i := range r.urls {
		ask(i)
	}
	if n := r.provider.Books().Total.Requests; n != 1 || len(replies) != 1 {
		t.Errorf("%d calls and %d different replies (%d requests came too early)", n, len(replies), early)
	}
	if decisions, _, ledger, _ := r.books(); decisions != 1 || ledger != r.provider.Books().Total.Cost {
		t.Errorf("%d decisions, the ledger says %v of %v", decisions, ledger, r.provider.Books().Total.Cost)
	}
}
