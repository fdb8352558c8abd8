package llm

import (
	"slices"

	"sluice/pricing"
)

// Models lists the models that may be asked, sorted.
func (c *Caller) Models() []string {
	names := make([]string, 0, len(c.models))
	for m := range c.models {
		names = append(names, m)
	}
	slices.Sort(names)
	return names
}

// Prices is the table that lines are priced by.
func (c *Caller) Prices() pricing.Table { return c.prices }
