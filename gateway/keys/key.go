package keys

import (
	"errors"
	"fmt"
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
	ErrMissing = errors.New("no API key was sent: send one as Authorization: Bearer sk-sluice-... or x-goog-api-key (sluice keys create makes one)")
	ErrUnknown = errors.New("the API key is not known")
	ErrExpired = errors.New("the API key has expired")
	ErrRevoked = errors.New("the API key was revoked")
)

// OwnBudget begins the names of keys' own budgets: "own-day".
const OwnBudget = "own-"

// maxText bounds a key's name and tenant, in bytes.
const maxText = 200

// validate names everything that is wrong with a new key.
func (k Key) validate() error {
	var faults []error
	if len(k.Scopes) == 0 {
		faults = append(faults, errors.New("it has no scope; want some of chat, route, feedback, admin"))
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			faults = append(faults, fmt.Errorf("scope %q; want chat, route, feedback or admin", s))
		}
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(k.CreatedAt) {
		faults = append(faults, errors.New("it would have expired already"))
	}
	if k.RatePerMinute < 0 {
		faults = append(faults, errors.New("its rate is below 0"))
	}
	if len(k.Name) > maxText || len(k.Tenant) > maxText {
		faults = append(faults, fmt.Errorf("its name or tenant has more than %d bytes", maxText))
	}
	seen := map[string]bool{}
	for _, b := range k.Budgets {
		faults = append(faults, b.Validate())
		if seen[b.Name] {
			faults = append(faults, fmt.Errorf("it has two budgets by the %s", b.Period))
		}
		seen[b.Name] = true
	}
	return errors.Join(faults...)
}
