package gateway_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/internal/gatetest"
	"sluice/llm"
	"sluice/llm/emulator"
)

// Whoever asks may use an ask again when it is answered: neither a hedge that lost nor an attempt that was given up
// reads it any more. The race detector is the judge.
func TestNobodyKeepsAnAskThatIsAnswered(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Gateway.HedgeAfter = 10 * time.Millisecond
		p.Gateway.Fallbacks = map[string][]string{gatetest.Medium: {gatetest.Large}, gatetest.Large: {gatetest.Medium}}
		p.Emulator.Faults = emulator.Faults{SlowForMS: 40}
	})
	if err := r.Emulator.Script(gatetest.Medium, emulator.SlowHeaders, emulator.SlowHeaders, emulator.SlowHeaders, emulator.SlowHeaders); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			var a gateway.Ask
			for n := range 4 {
				a = gateway.Ask{
					API: "openai.chat", Model: gateway.Auto, Key: keys.Key{ID: fmt.Sprint(i), Tenant: "t"}, Tags: []string{"x"},
					Chat: llm.ChatRequest{Messages: append(a.Chat.Messages[:0], llm.Message{Role: llm.User, Text: fmt.Sprint("Who? ", i, n)})},
				}
				patience := time.Duration(5+40*n) * time.Millisecond
				if n == 3 { // who asks last waits for the answer
					patience = time.Minute
				}
				ctx, leave := context.WithTimeout(t.Context(), patience)
				answer, err := r.Pipeline.Answer(ctx, &a, nil)
				leave()
				if n == 3 && err != nil {
					t.Error(err)
				}
				if answer.Decision.KeyID != fmt.Sprint(i) {
					t.Errorf("the decision of key %d is key %q's", i, answer.Decision.KeyID)
				}
			}
		})
	}
	asking.Wait()
	for _, l := range r.Lines(t) {
		if l.Tenant != "t" || l.KeyID == "" {
			t.Errorf("a line of nobody: %+v", l)
		}
	}
}
