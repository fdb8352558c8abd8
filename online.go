package sluice

// OnlineFacts is a batch of facts of the online ring on its way into the tables, in no order that matters.
type OnlineFacts struct {
	Decisions []Fact[Decision]
	Feedback  []Fact[Feedback]
	Alerts    []Fact[Alert]
}

// Len counts the facts.
func (f *OnlineFacts) Len() int { return len(f.Decisions) + len(f.Feedback) + len(f.Alerts) }
