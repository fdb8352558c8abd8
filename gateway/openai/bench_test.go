package openai_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/openai"
	"sluice/gateway/spool"
	"sluice/gateway/web"
	"sluice/internal/gatetest"
	"sluice/llm"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
)

// atOnce is a model in process that answers at once.
type atOnce struct{}

func (atOnce) Chat(ctx context.Context, o llm.ChainOptions, _ llm.ChatRequest, h llm.Hooks, _ func(llm.Chunk) error) (llm.ChainResult, error) {
	line := sluice.Call{ID: gateway.NewID(), Stage: "gateway", Provider: "openai", Model: o.Models[0], Attempt: 1, StartedAt: time.Now().UTC(), Cost: 1000, PriceVersion: "x"}
	if err := h.Begin(ctx, line); err != nil {
		return llm.ChainResult{}, err
	}
	line.Outcome, line.Usage, line.Cost = sluice.OutcomeOK, sluice.Usage{Prompt: 24, Output: 19}, 55
	h.End(ctx, line)
	return llm.ChainResult{Model: line.Model, CallID: line.ID, Asked: o.Models[:1], Text: "The Tigris flows through Baghdad.", FinishReason: llm.FinishStop, Usage: line.Usage}, nil
}

// takesAll is a log that takes everything and keeps nothing.
type takesAll struct{}

func (takesAll) Publish(context.Context, []streams.Message) ([]streams.Ack, error) { return nil, nil }

// What a gateway does with a request, without network, log and model.
func BenchmarkChat(b *testing.B) {
	sp, _, err := spool.Open(spool.Options{Dir: b.TempDir(), Sync: spool.SyncNone})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sp.Close() }()
	ctx, stop := context.WithCancel(context.Background())
	published := make(chan error, 1)
	go func() { published <- sp.Run(ctx, takesAll{}) }()
	defer func() {
		stop()
		if err := <-published; err != nil {
			b.Error(err)
		}
	}()
	f, err := front.New(front.Options{Static: gatetest.Words{}})
	if err != nil {
		b.Fatal(err)
	}
	m, err := rules.New(rules.Spec{Preset: rules.PresetHybrid, Policies: sluice.DefaultPolicies(), Medium: gatetest.Medium, Large: gatetest.Large, Models: []string{gatetest.Medium, gatetest.Large}})
	if err != nil {
		b.Fatal(err)
	}
	p, err := gateway.New(context.Background(), gateway.Options{Front: f, Rules: m, Models: atOnce{}, Spool: sp, Medium: gatetest.Medium, Large: gatetest.Large, KeepAnswers: true, TrainShare: 0.8})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Drain(context.Background())
	door := web.New(web.Options{Keys: gatetest.Everybody{}}, openai.Fail, openai.Routes(p)...)
	body := `{"model":"auto","messages":[{"role":"system","content":"Answer in one sentence."},{"role":"user","content":"Which river flows through Baghdad?"}],"stream":false}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if door.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
