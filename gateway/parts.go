package gateway

import (
	"context"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/llm"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
)

// Decider is the router in front; *front.Front is one. It always decides.
type Decider interface {
	Decide(ctx context.Context, r front.Request) front.Decision
	Observe(d front.Decision, failed bool)
}

// Mapper decides which model a policy means; *rules.Mapper is one.
type Mapper interface {
	Version() string
	Map(f rules.Facts) rules.Outcome
}

// Models calls models; *llm.Caller is one.
type Models interface {
	Chat(ctx context.Context, o llm.ChainOptions, req llm.ChatRequest, hooks llm.Hooks, sink func(llm.Chunk) error) (llm.ChainResult, error)
}

// Budgets keeps spending within limits; *budget.Keeper is one.
type Budgets interface {
	Reserve(ctx context.Context, c budget.Claim) (budget.Verdict, error)
	Settle(ctx context.Context, id string, actual sluice.MicroUSD) error
	State(tenant, keyID, model string, own ...budget.Limit) []budget.State
}

// Limiter bounds the rate of a key; *keys.Store is one.
type Limiter interface {
	Allow(k keys.Key) (ok bool, retryAfter time.Duration)
}

// Spool is the memory of what is owed to the log; *spool.Spool is one. It keeps nothing of the bytes that it is
// handed.
type Spool interface {
	Begin(id string, intent []byte) error
	End(id string, facts []streams.Message) error
}

// Observer hears of every request that was decided on, once, when it has ended; metrics are one. It must
// not block.
type Observer interface {
	Observe(d *sluice.Decision)
}
