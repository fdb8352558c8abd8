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

func synthetic(t testing.TB) *emulator.Synthetic {
	t.Helper()
	s, err := emulator.NewSynthetic(bank, emulator.SyntheticConfig{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a server for the test; the zero source is the synthetic bank.
func start(t testing.TB, cfg emulator.Config) (*emulator.Server, string) {
	t.Helper()
	if cfg.Source == nil {
		cfg.Source = synthetic(t)
	}
	s, err := emulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, url
}

// client is Google's own.
func client(t testing.TB, url, key string) *genai.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPClient: &http.Client{Transport: transport},
		HTTPOptions: genai.HTTPOptions{BaseURL: url},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t testing.TB, c *genai.Client, model, prompt string, cfg *genai.GenerateContentConfig) (*genai.GenerateContentResponse, error) {
	t.Helper()
	return c.Models.GenerateContent(t.Context(), model, genai.Text(prompt), cfg)
}

func mustAsk(t testing.TB, c *genai.Client, model, prompt string, cfg *genai.GenerateContentConfig) *genai.GenerateContentResponse {
	t.Helper()
	resp, err := ask(t, c, model, prompt, cfg)
	if err != nil {
		t.Fatal(err)
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

func toJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func judge(t testing.TB, c *genai.Client, question string, accepted []string, answer string) (verdict, reason string) {
	t.Helper()
	doc := map[string]any{"question": question, "accepted_answers": accepted, "answer": answer}
	resp := mustAsk(t, c, pro, toJSON(t, doc), schema("Verdict"))
	var v struct{ Verdict, Reason string }
	if err := json.Unmarshal([]byte(resp.Text()), &v); err != nil {
		t.Fatalf("%q: %v", resp.Text(), err)
	}
	return v.Verdict, v.Reason
}
