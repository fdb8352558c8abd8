package bench

import (
	"bytes"
	"context"
	"hash/fnv"
	"strconv"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/streams"
)

// Model is a provider without HTTP: it replies after Latency, at once if that is zero. Replies are a
// function of the request, and spread over every grade. The zero value is ready to use by any number of
// callers.
type Model struct{ Latency time.Duration }

var (
	verdictTitle  = []byte(`"Verdict"`)
	analysisTitle = []byte(`"Analysis"`)
)

const analysisReply = `{"domain":"geography","complexity":"low","reasoning_steps":1,"ambiguity":"none",` +
	`"knowledge_recency":"timeless","answer_type":"place","specificity":"narrow","requires_math":false,` +
	`"requires_code":false,"language":"en","summary":"A single well-known fact answers it."}`

// Name is what the ledger calls the provider.
func (m Model) Name() string { return "bench" }

// Generate replies to a request of any of the ring's stages.
func (m Model) Generate(ctx context.Context, req llm.Request) (llm.Response, error) {
	if m.Latency > 0 {
		if err := streams.Pause(ctx, m.Latency); err != nil {
			return llm.Response{}, &llm.Error{Outcome: sluice.OutcomeCanceled, Err: err}
		}
	}
	r := llm.Response{FinishReason: "STOP", Usage: sluice.Usage{Prompt: int64(len(req.Prompt) / 4), Output: 16}}
	switch {
	case bytes.Contains(req.Schema, verdictTitle):
		grade := sluice.Grades()[draw(req.Prompt)%3]
		r.Text = `{"verdict":"` + string(grade) + `","reason":"Compared with the accepted answers."}`
	case bytes.Contains(req.Schema, analysisTitle):
		r.Text = analysisReply
	default:
		r.Text = "It is number " + strconv.FormatUint(uint64(draw(req.Model+req.Prompt)), 10) + ", as far as I know."
	}
	return r, nil
}

func draw(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}
