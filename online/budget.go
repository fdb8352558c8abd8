package online

import (
	"time"

	"sluice"
)

// The periods of budgets.
const (
	Hour  = "hour"
	Day   = "day"
	Month = "month"
)

// Budget is a cap on what some requests cost in one period.
type Budget struct {
	// Name is what alerts and metrics call it.
	Name string
	// Scope is "global", "tenant", "key" or "model"; Subject says which one.
	Scope, Subject string
	// Period is [Hour], [Day] or [Month], by UTC.
	Period string
	Cap    sluice.MicroUSD
}

// Began is when the period that holds now began.
func (b Budget) Began(now time.Time) time.Time {
	now = now.UTC()
	switch b.Period {
	case Hour:
		return now.Truncate(time.Hour)
	case Month:
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return now.Truncate(24 * time.Hour)
}

// Length is how long a period is; a month counts 30 days.
func (b Budget) Length() time.Duration {
	switch b.Period {
	case Hour:
		return time.Hour
	case Month:
		return 30 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// Recent is over how long the burn rate is measured: a twelfth of an hour, a 24th of a day, a quarter of a day
// of a month.
func (b Budget) Recent() time.Duration {
	switch b.Period {
	case Hour:
		return 5 * time.Minute
	case Month:
		return 6 * time.Hour
	}
	return time.Hour
}

// Spend is what a budget's requests cost: in the running period, and in its last [Budget.Recent].
type Spend struct {
	Budget
	Spent, Recently sluice.MicroUSD
}

// BurnRate is how much faster than evenly the money goes: 1 spends the cap in exactly one period, 2 in half of one.
func (s Spend) BurnRate() float64 {
	if s.Cap <= 0 {
		return 0
	}
	return float64(s.Recently) / float64(s.Cap) * float64(s.Length()) / float64(s.Recent())
}

// Share is the part of the cap that is spent.
func (s Spend) Share() float64 {
	if s.Cap <= 0 {
		return 0
	}
	return float64(s.Spent) / float64(s.Cap)
}
