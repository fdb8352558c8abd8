package gatetest

import (
	"context"
	"sync"

	"sluice"
	"sluice/llm"
)

// Heard are models that answer "Yes." and remember what they were asked. They bill nothing.
type Heard struct {
	mu  sync.Mutex
	all []llm.ChatRequest
}

// HeardUsage is what they say that they used.
var HeardUsage = sluice.Usage{Prompt: 9, Cached: 4, Output: 5, Thoughts: 3}

// Chat answers.
func (h *Heard) Chat(_ context.Context, o llm.ChainOptions, req llm.ChatRequest, _ llm.Hooks, sink func(llm.Chunk) error) (llm.ChainResult, error) {
	h.mu.Lock()
	h.all = append(h.all, req)
	h.mu.Unlock()
	res := llm.ChainResult{Model: o.Models[0], Text: "Yes.", Usage: HeardUsage, FinishReason: llm.FinishStop}
	if sink == nil {
		return res, nil
	}
	return res, sink(llm.Chunk{Model: res.Model, Text: res.Text})
}

// Last is what they were asked last.
func (h *Heard) Last() llm.ChatRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		return llm.ChatRequest{}
	}
	return h.all[len(h.all)-1]
}
