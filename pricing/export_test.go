package pricing

// Rows lists a model's rows by day and tier; empty for a model without a price.
func (t Table) Rows(model string) []Row {
	var rows []Row
	for _, e := range t.models[model] {
		rows = append(rows, e.tiers...)
	}
	return rows
}
