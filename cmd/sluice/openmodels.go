package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/config"
	"sluice/llm"
)

// modelsOf lists the models that a stage asks.
func modelsOf(c config.Config, stage string) []string {
	switch stage {
	case "answer":
		return []string{c.Pair.Medium, c.Pair.Large}
	case "judge":
		return []string{c.Judge.Model}
	case "analysis":
		return []string{c.Analysis.Model}
	case "gateway":
		return c.GatewayModels()
	}
	return nil
}

// openModels makes a caller of the models that the stages ask, and of no other: a copy that judges needs
// no key of the answering models' provider. It is nil where the stages ask none.
func openModels(ctx context.Context, c config.Config, deps llm.Deps, stages []string) (*llm.Caller, error) {
	var names []string
	for _, s := range stages {
		names = append(names, modelsOf(c, s)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return nil, nil
	}
	lc := llm.Config{Prices: c.PriceRows()}
	var unset []error
	for _, name := range names {
		mc, ok := c.Model(name)
		if !ok {
			return nil, fmt.Errorf("model %s is not listed in models", name)
		}
		if mc.KeyEnv != "" && !c.Secrets.Key(mc.KeyEnv).Set() {
			unset = append(unset, fmt.Errorf("model %s: the environment variable %s holds no key", name, mc.KeyEnv))
		}
		lc.Models = append(lc.Models, modelConfig(mc))
	}
	if err := errors.Join(unset...); err != nil {
		return nil, fmt.Errorf("%w\nset it; or, without a key, have the models simulated: --upstream emulator, or sluice demo", err)
	}
	deps.Getenv = func(name string) string { return c.Secrets.Key(name).Reveal() }
	return llm.New(ctx, lc, deps)
}

func modelConfig(m config.Model) llm.ModelConfig {
	return llm.ModelConfig{
		Provider: m.Provider, Model: m.Name, BaseURL: m.BaseURL, KeyEnv: m.KeyEnv, MaxConcurrent: m.Concurrency,
		RequestsPerMinute: m.RequestsPerMinute, TokensPerMinute: m.TokensPerMinute, Timeout: m.Timeout,
		MaxAttempts: m.MaxAttempts, MaxInputBytes: m.MaxInputBytes, MaxOutputTokens: m.MaxOutputTokens,
	}
}

// asker calls models for stages. What the spending cap refuses is given back for a moment rather than for
// long: this process is stopping, and another copy may have money left.
type asker struct{ *llm.Caller }

// Call is the caller's.
func (a asker) Call(ctx context.Context, p llm.Purpose, req llm.Request) (llm.Response, []sluice.Call, error) {
	resp, lines, err := a.Caller.Call(ctx, p, req)
	if errors.Is(err, llm.ErrSpent) {
		err = sluice.RetryAfter(err, 100*time.Millisecond)
	}
	return resp, lines, err
}

// spendCap makes a cap of --max-spend; reached is called when it is reached. It is nil without the flag.
func spendCap(most dollars, reached func()) *llm.Spend {
	if !most.set {
		return nil
	}
	return llm.NewSpend(sluice.MicroUSD(most.micro), func(sluice.MicroUSD) { reached() })
}
