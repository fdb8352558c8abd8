package main

import (
	"sluice/config"
	"sluice/online"
	"sluice/routing/features"
)

// budgetsOf is the configured budgets as the monitor watches them.
func budgetsOf(config.Config) []online.Budget { return nil }

// featuresOf measures a text as gateways do.
func featuresOf(text string) map[string]float64 { return features.Of(text).Map() }
