package main

import (
	"sluice/config"
	"sluice/online"
	"sluice/routing/features"
)

// watchedBudgets is the configured budgets as the monitor watches them. Limits were checked when the
// configuration was loaded.
func watchedBudgets(c config.Config) []online.Budget {
	var out []online.Budget
	for _, l := range c.Budgets.Limits {
		limit, err := l.MicroUSD()
		if err != nil {
			continue
		}
		out = append(out, online.Budget{Name: l.Name, Scope: l.Scope, Subject: l.Match, Period: l.Period, Cap: limit})
	}
	return out
}

// featuresOf measures a text as gateways do.
func featuresOf(text string) map[string]float64 { return features.Of(text).Map() }
