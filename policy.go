package sluice

// Policy is the kind of query that a router tells apart; a mapper chooses the model by it. Policies
// are configuration: these three are the defaults.
type Policy string

// The default policies.
const (
	Standard  Policy = "Standard_Query"
	Complex   Policy = "Complex_Query"
	Ambiguous Policy = "Ambiguous_Query"
)

// PolicySpec describes a policy to the router (in its prompt) and to the mapper.
type PolicySpec struct {
	Name Policy `json:"name"`
	// Description is what the router reads, in its own words.
	Description string `json:"description"`
	// Tier is the model that the static map sends the policy to.
	Tier Tier `json:"tier"`
}

// DefaultPolicies are the three policies of the oracle matrix.
func DefaultPolicies() []PolicySpec {
	return []PolicySpec{
		{Standard, "A query that a fast, inexpensive model answers correctly: well-known facts, short reasoning, a clear question.", Medium},
		{Complex, "A query that only the large model answers correctly: rare facts, several steps of reasoning, precise detail.", Large},
		{Ambiguous, "A query that neither model answers correctly: underspecified, unknowable or unanswerable; the cheaper model's answer is as good as any.", Medium},
	}
}
