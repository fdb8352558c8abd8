package rules

import (
	"fmt"
	"slices"
	"strconv"
)

func inPolicies(policies []string) condition {
	return func(e *eval) (bool, error) { return slices.Contains(policies, string(e.Policy)), nil }
}

func hasTag(tags []string) condition {
	return func(e *eval) (bool, error) {
		for _, t := range e.Tags {
			if slices.Contains(tags, t) {
				return true, nil
			}
		}
		return false, nil
	}
}

// budgetSpent holds where a budget is there and at least the share of it is gone.
func budgetSpent(share float64) condition {
	return func(e *eval) (bool, error) { return e.Budget.Name != "" && e.Budget.Spent >= share, nil }
}

// latency holds where the model's live p95 is known and above the limit.
func (c compiler) latency(k checker, l Latency) condition {
	if l != (Latency{}) {
		k.want(l.P95Above > 0, "when.latency.p95_above", "is not above 0", "8s means that the slowest twentieth takes longer than eight seconds")
		k.want(l.Model == "" || c.spec.lists(l.Model), "when.latency.model", fmt.Sprintf("%q is not listed in models", l.Model), c.nameModel())
	}
	return func(e *eval) (bool, error) {
		model, p95 := e.p95(l.Model)
		e.slow = model
		return p95 > l.P95Above, nil
	}
}

// percent writes a share as people do: 0.805 is 80.5%.
func percent(share float64) string { return string(appendPercent(nil, share)) }

func appendPercent(b []byte, share float64) []byte {
	b = strconv.AppendFloat(b, share*100, 'f', 1, 64)
	if n := len(b); n > 2 && string(b[n-2:]) == ".0" {
		b = b[:n-2]
	}
	return append(b, '%')
}
