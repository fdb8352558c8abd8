package page

import (
	"context"
	"time"

	"sluice"
)

// Sources are where the page's numbers come from and what its buttons do. A nil function is a part that
// this process does not have: the page says so in its place. All are called by many goroutines at once and
// honour ctx.
type Sources struct {
	// Online is what the gateways decided within the window.
	Online func(ctx context.Context, window time.Duration) (Online, error)
	// Pipeline is how far the stages are behind.
	Pipeline func(ctx context.Context) ([]Stage, error)
	// Matrix is the nine cells with their counts.
	Matrix func(ctx context.Context) ([]Cell, error)
	// Routers lists the versions, newest first.
	Routers func(ctx context.Context) ([]Router, error)
	// Dead lists what could not be handled, newest first.
	Dead func(ctx context.Context) ([]Letter, error)

	// Try decides on a text and asks no model.
	Try func(ctx context.Context, text string) (sluice.Decision, error)
	// Promote makes a version the active one, Rollback the one before it; Replay hands a dead letter to
	// its stage once more.
	Promote  func(ctx context.Context, version string) error
	Rollback func(ctx context.Context) error
	Replay   func(ctx context.Context, id string) error

	// Admin says whether a secret is an admin key's.
	Admin func(ctx context.Context, secret string) (bool, error)
}

// Online is the decisions of a window.
type Online struct {
	At            time.Time `json:"at"`
	WindowSeconds int       `json:"window_seconds"`
	Decisions     int64     `json:"decisions"`
	// Policies and Models count decisions; a model has its cost too.
	Policies []Count         `json:"policies"`
	Models   []Count         `json:"models"`
	Cost     sluice.MicroUSD `json:"cost_microusd"`
	Budgets  []Budget        `json:"budgets"`
	// Latency has a line each for "router", "model" and "total".
	Latency []Latency `json:"latency"`
	// Errors, Fallbacks and RouterFaults count decisions that had one.
	Errors       int64 `json:"errors"`
	Fallbacks    int64 `json:"fallbacks"`
	RouterFaults int64 `json:"router_faults"`
	// Accuracy is by policy, from feedback and judged samples.
	Accuracy []Accuracy `json:"accuracy"`
	// Recent are the last decisions, newest first.
	Recent []Recent `json:"recent"`
}

// Count is one share of the decisions.
type Count struct {
	Name  string          `json:"name"`
	Count int64           `json:"count"`
	Cost  sluice.MicroUSD `json:"cost_microusd,omitempty"`
}

// Budget is one budget in its present period.
type Budget struct {
	Name     string          `json:"name"`
	Period   string          `json:"period"`
	Spent    sluice.MicroUSD `json:"spent_microusd"`
	Reserved sluice.MicroUSD `json:"reserved_microusd"`
	Limit    sluice.MicroUSD `json:"limit_microusd"`
}

// Latency is percentiles in milliseconds.
type Latency struct {
	What string  `json:"what"`
	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
}

// Accuracy is the share of answers that were found right.
type Accuracy struct {
	Policy string  `json:"policy"`
	Graded int64   `json:"graded"`
	Right  float64 `json:"right"`
}

// Recent is one decision in a list. Text is shown to who is logged in only.
type Recent struct {
	ID        string          `json:"id"`
	At        time.Time       `json:"at"`
	Text      string          `json:"text,omitempty"`
	Policy    string          `json:"policy"`
	Model     string          `json:"model"`
	Rule      string          `json:"rule"`
	Outcome   string          `json:"outcome"`
	LatencyMS int64           `json:"latency_ms"`
	Cost      sluice.MicroUSD `json:"cost_microusd"`
}

// Stage is how far one stage is.
type Stage struct {
	Name        string  `json:"name"`
	Lag         uint64  `json:"lag"`
	InFlight    int     `json:"in_flight"`
	Redelivered int     `json:"redelivered"`
	PerSecond   float64 `json:"per_second"`
	Dead        uint64  `json:"dead"`
}

// Cell is one cell of the oracle matrix.
type Cell struct {
	Medium  string `json:"medium"`
	Large   string `json:"large"`
	Policy  string `json:"policy"`
	Queries int64  `json:"queries"`
}

// Router is one version of the router.
type Router struct {
	Version string    `json:"version"`
	Kind    string    `json:"kind"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Active  bool      `json:"active"`
	MadeAt  time.Time `json:"made_at"`
	// APGR with its interval is what the evaluation found; nil where it found none.
	APGR   *float64 `json:"apgr"`
	APGRLo *float64 `json:"apgr_lo"`
	APGRHi *float64 `json:"apgr_hi"`
}

// Letter is one dead letter.
type Letter struct {
	ID     string    `json:"id"`
	Stage  string    `json:"stage"`
	Reason string    `json:"reason"`
	Error  string    `json:"error"`
	DiedAt time.Time `json:"died_at"`
}
