package main

import (
	"sluice/config"
	"sluice/online"
	"sluice/routing/features"
)

// budgetsOf is the configured budgets as the monitor watches them. One that gives everybody a budget of his
// own (match: "*") is left out: whose they are is known to the gateways alone.
func budgetsOf(c config.Config) []online.Budget {
	var out []online.Budget
	for _, l := range c.Budgets.Limits {
		if limit, err := l.MicroUSD(); err == nil && l.Match != "*" {
			out = append(out, online.Budget{Name: l.Name, Scope: l.Scope, Subject: l.Match, Period: l.Period, Cap: limit})
		}
	}
	return out
}

// featuresOf measures a text as gateways do.
func featuresOf(text string) map[string]float64 { return features.Of(text).Map() }
