package llm

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"time"

	"sluice"
	"sluice/pricing"
)

// Config lists the models that may be asked. Adding a model is adding an entry, and a price where the
// built-in table has none.
type Config struct {
	Models []ModelConfig `json:"models"`
	// Prices are the operator's own: see [pricing.New].
	Prices []pricing.Row `json:"prices,omitempty"`
}

// ModelConfig is one model and the limits of asking it, each per process.
type ModelConfig struct {
	// Provider is "gemini", or "openai" for any server that speaks the OpenAI chat API.
	Provider string `json:"provider"`
	// Model is the provider's name for it: what requests, prices and the ledger call it.
	Model string `json:"model"`
	// BaseURL is where the provider is; empty is its public address.
	BaseURL string `json:"base_url,omitempty"`
	// KeyEnv names the environment variable that holds the API key; empty sends none.
	KeyEnv string `json:"key_env,omitempty"`
	// MaxConcurrent bounds the calls in flight at once; 0 is 32.
	MaxConcurrent int `json:"max_concurrent,omitempty"`
	// RequestsPerMinute bounds the attempts started, TokensPerMinute their input tokens by rule of thumb
	// (four bytes each); 0 is no limit.
	RequestsPerMinute float64 `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int64   `json:"tokens_per_minute,omitempty"`
	// Timeout bounds one attempt; 0 is 2 minutes.
	Timeout time.Duration `json:"timeout,omitempty"`
	// MaxAttempts is how often one call is tried before its stage is told; 0 is 4.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// MaxInputBytes bounds system instruction, prompt and schema together; 0 is 256 KiB. Longer requests
	// are never sent.
	MaxInputBytes int `json:"max_input_bytes,omitempty"`
	// MaxOutputTokens bounds every reply, thinking included; 0 leaves it to the request.
	MaxOutputTokens int `json:"max_output_tokens,omitempty"`
}

// Deps are what a Caller takes from its process. The zero value is right for production.
type Deps struct {
	// Spend caps what all models cost together; nil is no cap.
	Spend *Spend
	// Journal remembers the attempts of [Caller.Call]; nil: nobody does. Those of [Caller.Chat] are told to its hooks.
	Journal Journal
	// Getenv reads API keys; nil is os.Getenv.
	Getenv func(string) string
	// NewID mints the ids of ledger lines, fit for a subject; nil is a [sluice.Sequence].
	NewID func() string
	// Jitter draws from [0, 1) for backoff; nil is math/rand.
	Jitter func() float64
	// Providers, by model, are used in place of building one: models in process, for benchmarks and tests.
	Providers map[string]Provider
}

// Journal remembers attempts, lest their process not live to tell of them. It must not keep the lines that it gets.
type Journal interface {
	// Begin gets the line of an attempt that is about to be made, whose cost is the most that the attempt can cost.
	Begin(line *sluice.Call)
	// End gets the line of an attempt that has ended.
	End(line *sluice.Call)
}

func (m ModelConfig) withDefaults() ModelConfig {
	if m.MaxConcurrent == 0 {
		m.MaxConcurrent = 32
	}
	if m.Timeout == 0 {
		m.Timeout = 2 * time.Minute
	}
	if m.MaxAttempts == 0 {
		m.MaxAttempts = 4
	}
	if m.MaxInputBytes == 0 {
		m.MaxInputBytes = 256 << 10
	}
	return m
}

func (d Deps) withDefaults() Deps {
	if d.Getenv == nil {
		d.Getenv = os.Getenv
	}
	if d.NewID == nil {
		d.NewID = sluice.NewSequence().Next
	}
	if d.Jitter == nil {
		d.Jitter = mathrand.Float64
	}
	return d
}

// New makes a Caller of every configured model. It opens no connection. Every fault is reported at
// once: an unknown provider, a missing key, a model without a price.
func New(ctx context.Context, cfg Config, deps Deps) (*Caller, error) {
	c := &Caller{models: map[string]*model{}, deps: deps.withDefaults()}
	var faults []error
	if len(cfg.Models) == 0 {
		faults = append(faults, errors.New("none listed"))
	}
	built := map[server]Provider{}
	for i, mc := range cfg.Models {
		fail := func(err error) { faults = append(faults, fmt.Errorf("models[%d] (%s): %w", i, mc.Model, err)) }
		for _, f := range mc.faults() {
			fail(f)
		}
		if c.models[mc.Model] != nil {
			fail(errors.New("listed twice; keep one entry"))
		}
		provider, err := provide(ctx, mc, c.deps, built)
		if err != nil {
			fail(err)
		}
		c.models[mc.Model] = newModel(mc.withDefaults(), provider)
	}
	var err error
	if c.prices, err = pricesFor(cfg); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	for _, p := range built {
		if closer, ok := p.(interface{ Close() }); ok {
			c.closers = append(c.closers, closer.Close)
		}
	}
	return c, nil
}

// pricesFor is the price table, with a price in force today for every model.
func pricesFor(cfg Config) (pricing.Table, error) {
	prices, err := pricing.New(cfg.Prices...)
	if err != nil {
		return prices, err
	}
	names := make([]string, 0, len(cfg.Models))
	for _, m := range cfg.Models {
		names = append(names, m.Model)
	}
	faults := []error{prices.Validate(names...)}
	for _, n := range names {
		if prices.Has(n) {
			_, _, err := prices.Price(n, time.Now(), sluice.Usage{})
			faults = append(faults, err)
		}
	}
	return prices, errors.Join(faults...)
}

func (m ModelConfig) faults() []error {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want(m.Model != "", "model: empty; name it as its provider does")
	want(m.MaxConcurrent >= 0, "max_concurrent %d: want 0 (32) or above", m.MaxConcurrent)
	want(m.RequestsPerMinute >= 0, "requests_per_minute %g: want 0 (no limit) or above", m.RequestsPerMinute)
	want(m.TokensPerMinute >= 0, "tokens_per_minute %d: want 0 (no limit) or above", m.TokensPerMinute)
	want(m.Timeout >= 0, "timeout %s: want 0 (2m) or above", m.Timeout)
	want(m.MaxAttempts >= 0, "max_attempts %d: want 0 (4) or above", m.MaxAttempts)
	want(m.MaxInputBytes >= 0, "max_input_bytes %d: want 0 (256 KiB) or above", m.MaxInputBytes)
	want(m.MaxOutputTokens >= 0, "max_output_tokens %d: want 0 (the request's) or above", m.MaxOutputTokens)
	return faults
}

// server tells providers apart: models of one server with one key share one.
type server struct{ provider, baseURL, keyEnv string }

// provide finds or builds the model's provider.
func provide(ctx context.Context, m ModelConfig, deps Deps, built map[server]Provider) (Provider, error) {
	if p := deps.Providers[m.Model]; p != nil {
		return p, nil
	}
	if m.Provider != "gemini" && m.Provider != "openai" {
		return nil, fmt.Errorf("provider %q: want gemini or openai", m.Provider)
	}
	var key Key
	if m.KeyEnv != "" {
		if key = NewKey(strings.TrimSpace(deps.Getenv(m.KeyEnv))); key == (Key{}) {
			return nil, fmt.Errorf("key_env: the environment variable that it names holds no key; set it, or leave key_env empty for a server that wants none")
		}
	}
	id := server{m.Provider, m.BaseURL, m.KeyEnv}
	if p := built[id]; p != nil {
		return p, nil
	}
	var p Provider
	var err error
	if m.Provider == "gemini" {
		p, err = NewGemini(ctx, m.BaseURL, key)
	} else {
		p, err = NewOpenAI(m.BaseURL, key)
	}
	if err != nil {
		return nil, err
	}
	built[id] = p
	return p, nil
}
