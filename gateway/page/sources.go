package page

import (
	"context"
	"net/http"
	"time"

	"sluice"
)

// Sources are where the page's numbers come from and what its buttons do. A nil function is a part that
// this process does not have: the page says so in its place, as it does where one fails. What reads is asked
// by one reader at a time, whoever looks; what changes something by many. All honour ctx. An error that is a
// [Fault] is told to everybody in its words, any other to admins only.
type Sources struct {
	// Online is what the gateways decided within the window.
	Online func(ctx context.Context, window time.Duration) (Online, error)
	// Budgets are what may be spent and what is.
	Budgets func(ctx context.Context) ([]Budget, error)
	// Quality is how good the answers were.
	Quality func(ctx context.Context) (Quality, error)
	// Pipeline is how far the stages are behind.
	Pipeline func(ctx context.Context) ([]Stage, error)
	// Matrix is the nine cells with their counts.
	Matrix func(ctx context.Context) ([]Cell, error)
	// Routers lists the versions, newest first.
	Routers func(ctx context.Context) ([]Router, error)
	// Tables says what is wrong with the tables that the numbers come from.
	Tables func(ctx context.Context) (Tables, error)
	// Dead lists what could not be handled, newest first.
	Dead func(ctx context.Context) (Letters, error)

	// Try decides on a text and asks no model.
	Try func(ctx context.Context, text string) (sluice.Decision, error)
	// Promote makes a version the active one, Rollback the one before it, in place of the one that the page
	// showed as active; Replay hands a dead letter to its stage once more.
	Promote  func(ctx context.Context, p Promotion) error
	Rollback func(ctx context.Context, p Promotion) error
	Replay   func(ctx context.Context, id string) error

	// Admin gives the id of the admin key that a secret is of; empty where it is of none.
	Admin func(ctx context.Context, secret string) (key string, err error)
	// Holds says whether a key that was an admin's still is: not revoked, not expired. It asks nobody.
	Holds func(key string) bool
	// Guest says whether somebody without a login may try decisions; nil: nobody may. It asks nobody.
	Guest func(r *http.Request) bool
}

// Promotion is what is asked of the registry.
type Promotion struct {
	// Version is to decide, in place of Over: the one that the person saw as active, "" for the static map.
	Version, Over string
	// Anyway is true where the person was told that the gate refused the version.
	Anyway bool
	// By is the id of the person's key.
	By string
}

// Fault is a failure that people are told in its own words.
type Fault struct { //nolint:errname // as gateway.Fault
	// Status is that of the HTTP reply.
	Status  int
	Message string
}

func (f *Fault) Error() string { return f.Message }

// Absent is the fault of a part that this process does not have.
func Absent(why string) *Fault { return &Fault{http.StatusNotFound, why} }

// Online is the decisions of a window.
type Online struct {
	At            time.Time `json:"at"`
	WindowSeconds int       `json:"window_seconds"`
	Decisions     int64     `json:"decisions"`
	// Policies and Models count decisions; a model has its cost too.
	Policies []Count         `json:"policies"`
	Models   []Count         `json:"models"`
	Cost     sluice.MicroUSD `json:"cost_microusd"`
	// Slots are the window in pieces of one width, oldest first; those without a decision are left out.
	SlotSeconds float64 `json:"slot_seconds"`
	Slots       []Slot  `json:"slots"`
	// Latency has a line each for "router", "model" and "total".
	Latency []Latency `json:"latency"`
	// Errors, Fallbacks and RouterFaults count decisions that had one.
	Errors       int64 `json:"errors"`
	Fallbacks    int64 `json:"fallbacks"`
	RouterFaults int64 `json:"router_faults"`
	// Recent are the last decisions, newest first.
	Recent []Recent `json:"recent"`
}

// Slot is one piece of a window: how many decisions of each policy ended in it.
type Slot struct {
	At       time.Time        `json:"at"`
	Policies map[string]int64 `json:"policies"`
}

// Count is one share of the decisions. The name of requests without a policy, whose client named the model,
// is empty.
type Count struct {
	Name  string          `json:"name"`
	Count int64           `json:"count"`
	Cost  sluice.MicroUSD `json:"cost_microusd,omitempty"`
}

// Budget is one budget in its present period. Those of somebody (a tenant, a key) are shown to who is logged
// in only.
type Budget struct {
	Name   string `json:"name"`
	Scope  string `json:"scope"`
	Whose  string `json:"whose,omitempty"`
	Period string `json:"period"`
	// Action is what happens to what does not fit: refuse, downgrade or warn.
	Action   string          `json:"action"`
	ResetsAt time.Time       `json:"resets_at"`
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

// Quality is how good the answers of the last days were.
type Quality struct {
	Days     float64    `json:"days"`
	Accuracy []Accuracy `json:"accuracy"`
}

// Accuracy is the share of answers that were found right by a source: "client", or "judge" of the sampled
// ones.
type Accuracy struct {
	Source string  `json:"source"`
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
	// Ran is true where the stage ever ran, Alive where a copy of it is working or waiting for work.
	Ran   bool `json:"ran"`
	Alive bool `json:"alive"`
}

// Cell is one cell of the oracle matrix.
type Cell struct {
	Medium  string `json:"medium"`
	Large   string `json:"large"`
	Policy  string `json:"policy"`
	Queries int64  `json:"queries"`
	// Why says why the cell has its policy.
	Why string `json:"why,omitempty"`
}

// Router is one version of the router.
type Router struct {
	Version string `json:"version"`
	Kind    string `json:"kind"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Active  bool   `json:"active"`
	// Uses are what else it is used for: "canary 5%", "shadow", "pinned by one tenant".
	Uses []string `json:"uses,omitempty"`
	// Before is true for the version that a rollback would bring back.
	Before bool      `json:"before,omitempty"`
	MadeAt time.Time `json:"made_at,omitzero"`
	// APGR with its interval is what the evaluation found; nil where it found none.
	APGR   *float64 `json:"apgr"`
	APGRLo *float64 `json:"apgr_lo"`
	APGRHi *float64 `json:"apgr_hi"`
	// TestRows is how many questions it was measured on; 0 where it was not.
	TestRows int64 `json:"test_rows,omitempty"`
}

// Tables is what people are to know of the tables; an empty warning is nothing.
type Tables struct {
	Warning string `json:"warning"`
}

// Letters are the newest dead letters, and how many there are in all.
type Letters struct {
	Total uint64   `json:"total"`
	List  []Letter `json:"list"`
}

// Letter is one dead letter.
type Letter struct {
	ID     string    `json:"id"`
	Stage  string    `json:"stage"`
	Reason string    `json:"reason"`
	Error  string    `json:"error"`
	DiedAt time.Time `json:"died_at"`
	// Undecodable says that nobody can read it: it can't be replayed.
	Undecodable bool `json:"undecodable,omitempty"`
}
