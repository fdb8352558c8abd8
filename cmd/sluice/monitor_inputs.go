package main

import (
	"sluice/config"
	"sluice/online"
)

// budgetsOf is the configured budgets as the monitor watches them.
func budgetsOf(config.Config) []online.Budget { return nil }

// featuresOf measures a text as gateways do.
var featuresOf func(text string) map[string]float64
