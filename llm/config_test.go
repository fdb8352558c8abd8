package llm_test

import (
	"strings"
	"testing"
	"time"

	"sluice/llm"
	"sluice/pricing"
)

func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	env := map[string]string{"OPENAI_API_KEY": "sk-0123456789abcdef"}
	_, err := llm.New(t.Context(), llm.Config{
		Models: []llm.ModelConfig{
			{Provider: "gemini", Model: "gemini-2.5-pro", KeyEnv: "GEMINI_API_KEY"},
			{Provider: "bard", Model: "llama"},
			{Provider: "openai", Model: "qwen", KeyEnv: "OPENAI_API_KEY", BaseURL: "ftp://host", MaxConcurrent: -1, Timeout: -time.Second},
			{Provider: "openai", Model: "qwen", MaxAttempts: -1, MaxInputBytes: -1, MaxOutputTokens: -1},
			{Provider: "gemini"},
		},
		Prices: []pricing.Row{{Model: "gemini-2.5-pro", EffectiveFrom: "2999-01-01"}},
	}, llm.Deps{Getenv: func(name string) string { return env[name] }})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"models[0] (gemini-2.5-pro): key_env",
		`models[1] (llama): provider "bard"`,
		"models[2] (qwen): max_concurrent -1", "models[2] (qwen): timeout -1s", "models[2] (qwen): openai: base URL",
		"models[3] (qwen): listed twice", "max_attempts -1", "max_input_bytes -1", "max_output_tokens -1",
		"models[4] (): model: empty", "gemini: no API key",
		"no price for llama, qwen",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "sk-0123456789abcdef") {
		t.Errorf("the key is in: %v", err)
	}
	if _, err := llm.New(t.Context(), llm.Config{}, llm.Deps{}); err == nil || !strings.Contains(err.Error(), "none listed") {
		t.Errorf("err = %v", err)
	}
}

func TestNewRefusesAPriceThatDoesNotHoldYet(t *testing.T) {
	_, err := llm.New(t.Context(), llm.Config{
		Models: []llm.ModelConfig{{Provider: "openai", Model: "qwen"}},
		Prices: []pricing.Row{{Model: "qwen", EffectiveFrom: "2999-01-01"}},
	}, llm.Deps{})
	if err == nil || !strings.Contains(err.Error(), "2999-01-01") {
		t.Errorf("err = %v", err)
	}
}

func TestAModelIsAFewLinesOfConfiguration(t *testing.T) {
	c, err := llm.New(t.Context(), llm.Config{
		Models: []llm.ModelConfig{
			{Provider: "gemini", Model: "gemini-2.5-pro", KeyEnv: "KEY"},
			{Provider: "openai", Model: "qwen3", BaseURL: "http://127.0.0.1:11434"},
		},
		Prices: []pricing.Row{{Model: "qwen3"}},
	}, llm.Deps{Getenv: func(string) string { return "k" }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := strings.Join(c.Models(), " "); got != "gemini-2.5-pro qwen3" {
		t.Errorf("models %s", got)
	}
	if !c.Prices().Has("qwen3") || !c.Prices().Has("gpt-4") {
		t.Error("prices are missing")
	}
}
