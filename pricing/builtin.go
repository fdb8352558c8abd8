package pricing

// builtinRows are published list prices of the standard (not batch) tier for text, in micro-dollars per
// million tokens. Sources, as published by each provider: ai.google.dev/gemini-api/docs/pricing,
// openai.com/api/pricing and platform.openai.com/docs/pricing, anthropic.com/pricing. Where a provider
// changed a price without announcing the day, the row for a lower price begins on a day by which it was
// surely in force, so that the ledger is not below the bill.
//
// Cache storage by the hour, batch and priority discounts, tools and media are not priced here.
var builtinRows = []Row{
	// Gemini 2.5: a date is the model's general availability. Cached input was 25% of the prompt's price,
	// and is 10% since autumn 2025. Output includes thinking.
	{Model: "gemini-2.5-flash", EffectiveFrom: "2025-06-17", Prompt: 300_000, Cached: 75_000, Output: 2_500_000},
	{Model: "gemini-2.5-flash", EffectiveFrom: "2025-11-01", Prompt: 300_000, Cached: 30_000, Output: 2_500_000},
	{Model: "gemini-2.5-flash-lite", EffectiveFrom: "2025-07-22", Prompt: 100_000, Cached: 25_000, Output: 400_000},
	{Model: "gemini-2.5-flash-lite", EffectiveFrom: "2025-11-01", Prompt: 100_000, Cached: 10_000, Output: 400_000},
	{Model: "gemini-2.5-pro", EffectiveFrom: "2025-06-17", Prompt: 1_250_000, Cached: 310_000, Output: 10_000_000},
	{Model: "gemini-2.5-pro", EffectiveFrom: "2025-06-17", AbovePromptTokens: 200_000, Prompt: 2_500_000, Cached: 625_000, Output: 15_000_000},
	{Model: "gemini-2.5-pro", EffectiveFrom: "2025-11-01", Prompt: 1_250_000, Cached: 125_000, Output: 10_000_000},
	{Model: "gemini-2.5-pro", EffectiveFrom: "2025-11-01", AbovePromptTokens: 200_000, Prompt: 2_500_000, Cached: 250_000, Output: 15_000_000},

	// OpenAI. The bare name gpt-3.5-turbo is an alias: a row begins when the alias moved to a cheaper
	// snapshot (0613, 1106, 0125). Neither it nor gpt-4 has a cached price.
	{Model: "gpt-3.5-turbo", EffectiveFrom: "2023-06-13", Prompt: 1_500_000, Output: 2_000_000},
	{Model: "gpt-3.5-turbo", EffectiveFrom: "2023-12-11", Prompt: 1_000_000, Output: 2_000_000},
	{Model: "gpt-3.5-turbo", EffectiveFrom: "2024-02-16", Prompt: 500_000, Output: 1_500_000},
	{Model: "gpt-4", EffectiveFrom: "2023-03-14", Prompt: 30_000_000, Output: 60_000_000},
	{Model: "gpt-4o-mini-2024-07-18", EffectiveFrom: "2024-07-18", Prompt: 150_000, Output: 600_000},
	{Model: "gpt-4o-mini-2024-07-18", EffectiveFrom: "2024-10-01", Prompt: 150_000, Cached: 75_000, Output: 600_000},
	{Model: "gpt-4o-2024-11-20", EffectiveFrom: "2024-11-20", Prompt: 2_500_000, Cached: 1_250_000, Output: 10_000_000},
	{Model: "gpt-4.1", EffectiveFrom: "2025-04-14", Prompt: 2_000_000, Cached: 500_000, Output: 8_000_000},

	// Anthropic. Cached is a cache read; claude-3-5-haiku began at $1/$5 and was lowered a month later.
	{Model: "claude-3-5-sonnet-20240620", EffectiveFrom: "2024-06-20", Prompt: 3_000_000, Output: 15_000_000},
	{Model: "claude-3-5-sonnet-20240620", EffectiveFrom: "2024-08-14", Prompt: 3_000_000, Cached: 300_000, Output: 15_000_000},
	{Model: "claude-3-5-haiku-20241022", EffectiveFrom: "2024-11-04", Prompt: 1_000_000, Cached: 100_000, Output: 5_000_000},
	{Model: "claude-3-5-haiku-20241022", EffectiveFrom: "2024-12-04", Prompt: 800_000, Cached: 80_000, Output: 4_000_000},
}
