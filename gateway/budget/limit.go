package budget

import (
	"fmt"
	"strings"
	"time"

	"sluice"
)

// Scope says whose spending a budget counts.
type Scope string

// The scopes.
const (
	ScopeGlobal Scope = "global" // everybody's
	ScopeTenant Scope = "tenant"
	ScopeKey    Scope = "key" // that of one virtual API key, by its id
	ScopeModel  Scope = "model"
)

// Period is how long a budget lasts before it starts afresh, by the UTC calendar.
type Period string

// The periods.
const (
	Hour  Period = "hour"
	Day   Period = "day"
	Month Period = "month"
)

// Action is what a budget does about a claim that it has no room for. The cap of a budget that
// downgrades or refuses is never exceeded; one that warns caps nothing.
type Action string

// The actions.
const (
	// ActionRefuse refuses what does not fit.
	ActionRefuse Action = "refuse"
	// ActionDowngrade asks for the medium model once WarnAt of the limit is gone, or where the claim does
	// not fit; what does not fit though it was downgraded is refused.
	ActionDowngrade Action = "downgrade"
	// ActionWarn lets everything pass and says so from WarnAt on.
	ActionWarn Action = "warn"
)

// DefaultWarnAt is the share of a limit from which on a budget warns.
const DefaultWarnAt = 0.8

// Limit is one budget as it was configured.
type Limit struct {
	// Name is the budget's in verdicts, records and metrics; a valid token of a subject.
	Name  string `json:"name"`
	Scope Scope  `json:"scope"`
	// Match is the tenant, the key's id or the model that the budget is for. "*" gives each its own
	// budget of this size. Ignored for ScopeGlobal.
	Match  string          `json:"match,omitempty"`
	Period Period          `json:"period"`
	Limit  sluice.MicroUSD `json:"limit_microusd"`
	Action Action          `json:"action"`
	// WarnAt is a share of Limit, above 0 and at most 1; 0 means [DefaultWarnAt].
	WarnAt float64 `json:"warn_at,omitempty"`
}

// Validate names the first thing that is wrong with a limit.
func (l Limit) Validate() error {
	switch {
	case l.Name == "" || len(l.Name) > 64 || strings.Trim(l.Name, tokenLetters) != "":
		return fmt.Errorf("budget %q: its name must be 1 to 64 letters, digits, - or _", l.Name)
	case l.Scope != ScopeGlobal && l.Scope != ScopeTenant && l.Scope != ScopeKey && l.Scope != ScopeModel:
		return fmt.Errorf("budget %s: scope is %q; want global, tenant, key or model", l.Name, l.Scope)
	case l.Scope != ScopeGlobal && l.Match == "":
		return fmt.Errorf("budget %s: match is empty; name a %s, or * for a budget for each", l.Name, l.Scope)
	case l.Period != Hour && l.Period != Day && l.Period != Month:
		return fmt.Errorf("budget %s: period is %q; want hour, day or month", l.Name, l.Period)
	case l.Limit <= 0:
		return fmt.Errorf("budget %s: its limit is not above 0", l.Name)
	case l.Action != ActionRefuse && l.Action != ActionDowngrade && l.Action != ActionWarn:
		return fmt.Errorf("budget %s: action is %q; want downgrade, refuse or warn", l.Name, l.Action)
	case l.WarnAt < 0 || l.WarnAt > 1:
		return fmt.Errorf("budget %s: warn_at is %g; want a share between 0 and 1", l.Name, l.WarnAt)
	}
	return nil
}

const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// hard says whether the limit is a cap.
func (l Limit) hard() bool { return l.Action != ActionWarn }

func (l Limit) warnAt() float64 {
	if l.WarnAt == 0 {
		return DefaultWarnAt
	}
	return l.WarnAt
}

// window is the period that an instant falls into: its name in records, its first instant and the first
// after it.
func (p Period) window(at time.Time) (name string, from, until time.Time) {
	at = at.UTC()
	y, m, d := at.Date()
	switch p {
	case Hour:
		from = time.Date(y, m, d, at.Hour(), 0, 0, 0, time.UTC)
		return from.Format("2006-01-02T15"), from, from.Add(time.Hour)
	case Day:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		return from.Format("2006-01-02"), from, from.AddDate(0, 0, 1)
	default:
		from = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return from.Format("2006-01"), from, from.AddDate(0, 1, 0)
	}
}
