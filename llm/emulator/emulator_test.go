package emulator_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"google.golang.org/genai"

	"sluice/llm/emulator"
)

const (
	flash = "gemini-2.5-flash"
	pro   = "gemini-2.5-pro"
)

var bank = []emulator.Item{
	{Question: "What is the capital of France?", Gold: []string{"Paris"}, Difficulty: 0.05},
	{Question: "Who wrote Faust?", Gold: []string{"Goethe", "Johann Wolfgang von Goethe"}, Difficulty: 0.3},
	{Question: "How many moons has Mars?", Gold: []string{"2", "two"}, Difficulty: 0.4},
	{Question: "When was the Battle of Hastings?", Gold: []string{"1066"}, Difficulty: 0.5},
	{Question: "Is a tomato a fruit?", Gold: []string{"Yes"}, Difficulty: 0.6},
	{Question: "What did Caesar dream on the first of May?", Unanswerable: true, Difficulty: 1},
}

func synthetic(tb testing.TB) *emulator.Synthetic {
	tb.Helper()
	s, err := emulator.NewSynthetic(bank, emulator.SyntheticConfig{Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// start runs a server for the test; the zero source is the synthetic bank.
func start(tb testing.TB, cfg emulator.Config) (*emulator.Server, string) {
	tb.Helper()
	if cfg.Source == nil {
		cfg.Source = synthetic(tb)
	}
	s, err := emulator.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s, url
}

// client is Google's own.
func client(tb testing.TB, url, key string) *genai.Client {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(transport.CloseIdleConnections)
	c, err := genai.NewClient(tb.Context(), &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPClient: &http.Client{Transport: transport},
		HTTPOptions: genai.HTTPOptions{BaseURL: url},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func ask(tb testing.TB, c *genai.Client, model, prompt string, cfg *genai.GenerateContentConfig) (*genai.GenerateContentResponse, error) {
	tb.Helper()
	return c.Models.GenerateContent(tb.Context(), model, genai.Text(prompt), cfg)
}

func mustAsk(tb testing.TB, c *genai.Client, model, prompt string, cfg *genai.GenerateContentConfig) *genai.GenerateContentResponse {
	tb.Helper()
	resp, err := ask(tb, c, model, prompt, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return resp
}

// schema asks for a reply in JSON with the title that tells the emulator what is wanted.
func schema(title string) *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{
		ResponseMIMEType:   "application/json",
		ResponseJsonSchema: map[string]any{"title": title, "type": "object"},
	}
}

func toJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func judge(tb testing.TB, c *genai.Client, question string, accepted []string, answer string) (verdict, reason string) {
	tb.Helper()
	doc := map[string]any{"question": question, "accepted_answers": accepted, "answer": answer}
	resp := mustAsk(tb, c, pro, toJSON(tb, doc), schema("Verdict"))
	var v struct{ Verdict, Reason string }
	if err := json.Unmarshal([]byte(resp.Text()), &v); err != nil {
		tb.Fatalf("%q: %v", resp.Text(), err)
	}
	return v.Verdict, v.Reason
}
