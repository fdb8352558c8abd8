package llm_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

// BenchmarkChat is a whole conversation's turn on loopback, the emulator included; "direct" is the same
// request without us.
func BenchmarkChat(b *testing.B) {
	_, url := emulate(b, emulator.Config{})
	const body = `{"model":"gemini-2.5-flash","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Who wrote Faust?"}],"max_tokens":4096}`
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	for _, provider := range []string{"openai", "gemini"} {
		for name, stream := range map[string]bool{"whole": false, "streamed": true} {
			b.Run(provider+"/"+name, func(b *testing.B) {
				c, err := llm.New(b.Context(), llm.Config{Models: []llm.ModelConfig{{Provider: provider, Model: flash, BaseURL: url}}}, llm.Deps{})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				req := llm.ChatRequest{System: "Be brief.", Messages: []llm.Message{{Role: llm.User, Text: "Who wrote Faust?"}}}
				sink := func(llm.Chunk) error { return nil }
				if !stream {
					sink = nil
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Chat(b.Context(), llm.ChainOptions{Models: []string{flash}}, req, llm.Hooks{}, sink); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkChain is what the chain itself adds: an actor answers at once.
func BenchmarkChain(b *testing.B) {
	s := actors(b, llm.ModelConfig{}, []spoken{speaks(0)})
	req := conversation()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Chat(b.Context(), llm.ChainOptions{Models: s.models}, req, llm.Hooks{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// notebook is a journal that nobody reads.
type notebook struct{}

func (notebook) Begin(*sluice.Call) {}
func (notebook) End(*sluice.Call)   {}

// glib is a provider that answers at once.
type glib struct{ llm.Provider }

func (glib) Name() string { return "glib" }

func (glib) Generate(context.Context, llm.Request) (llm.Response, error) {
	return llm.Response{Text: "Goethe.", Usage: sluice.Usage{Prompt: 1000, Output: 10}}, nil
}

// BenchmarkCall is what a stage's call costs beside the provider, under the deadline of its message.
func BenchmarkCall(b *testing.B) {
	c, err := llm.New(b.Context(), llm.Config{Models: []llm.ModelConfig{{Model: flash}}, Prices: prices},
		llm.Deps{Providers: map[string]llm.Provider{flash: glib{}}, Journal: notebook{}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	purpose := llm.Purpose{Stage: "answer", QueryKey: "abcdefghijklmnopqrstuvwx23", Pair: "pabcdefgh-k2x7", Arm: sluice.ArmB, Tier: sluice.Medium}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Call(ctx, purpose, ask); err != nil {
			b.Fatal(err)
		}
	}
}
