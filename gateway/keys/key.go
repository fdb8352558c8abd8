package keys

import (
	"errors"
	"slices"
	"time"

	"sluice/gateway/budget"
)

// Scope is something that a key may do.
type Scope string

// The scopes.
const (
	ScopeChat     Scope = "chat"     // ask models
	ScopeRoute    Scope = "route"    // ask for decisions alone
	ScopeFeedback Scope = "feedback" // say how good an answer was
	ScopeAdmin    Scope = "admin"    // change things, and everything above
)

// Scopes lists them all.
func Scopes() []Scope { return []Scope{ScopeChat, ScopeRoute, ScopeFeedback, ScopeAdmin} }

// Key is a virtual API key. It holds no secret and may be shown.
type Key struct {
	// ID names the key in decisions, budgets and commands.
	ID string `json:"id"`
	// Name is for people.
	Name   string  `json:"name,omitempty"`
	Tenant string  `json:"tenant,omitempty"`
	Scopes []Scope `json:"scopes"`
	// CreatedAt, ExpiresAt and RevokedAt are UTC; the zero time is never.
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// RatePerMinute bounds requests; 0: unbounded. See [Store.Allow].
	RatePerMinute int `json:"rate_per_minute,omitempty"`
	// Budgets are the key's own, beside the configured ones; hand them to budget.Claim.Own.
	Budgets []budget.Limit `json:"budgets,omitempty"`
	// Anonymous is true for the key of local development that nobody sent; see [Store.Authenticate].
	Anonymous bool `json:"anonymous,omitempty"`
}

// May says whether the key has the scope; admin has every one.
func (k Key) May(s Scope) bool {
	return slices.Contains(k.Scopes, s) || slices.Contains(k.Scopes, ScopeAdmin)
}

// Why a secret is not let in. ErrUnknown, ErrExpired and ErrRevoked are the client's 401; only ErrUnknown
// is said for a secret that does not match, whatever its id.
var (
	ErrMissing = errors.New("no API key was sent")
	ErrUnknown = errors.New("the API key is not known")
	ErrExpired = errors.New("the API key has expired")
	ErrRevoked = errors.New("the API key was revoked")
)
