package routing

import (
	"bytes"
	"context"
	_ "embed" // policy_map.json
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"sluice"
)

// StaticVersion is the version of the static map as a router.
const StaticVersion = "static"

//go:embed policy_map.json
var defaultMap []byte

// PolicyMap is the static fallback: which tier a policy means, and which policy a query has when no router
// says. It is a [Router] that looks at nothing.
type PolicyMap struct {
	// Default is the policy of every query.
	Default sluice.Policy `json:"default"`
	// Policies say which tier each policy is sent to.
	Policies map[sluice.Policy]sluice.Tier `json:"policies"`
}

// DefaultMap is the embedded policy_map.json.
func DefaultMap() PolicyMap {
	m, err := parseMap(defaultMap)
	if err != nil {
		panic(err) // the file is part of the binary and tested
	}
	return m
}

// LoadMap reads a policy_map.json; an empty path is [DefaultMap].
func LoadMap(path string) (PolicyMap, error) {
	if path == "" {
		return DefaultMap(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return PolicyMap{}, fmt.Errorf("policy map: %w", err)
	}
	m, err := parseMap(data)
	if err != nil {
		return PolicyMap{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// parseMap reads and checks a policy map: unknown keys, tiers and a default without a tier are errors.
func parseMap(data []byte) (PolicyMap, error) {
	var m PolicyMap
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return PolicyMap{}, fmt.Errorf("policy map: %w", err)
	}
	var faults []error
	for _, policy := range slices.Sorted(maps.Keys(m.Policies)) {
		if tier := m.Policies[policy]; tier != sluice.Medium && tier != sluice.Large {
			faults = append(faults, fmt.Errorf("policy map: %s is sent to %q, want %s or %s", policy, tier, sluice.Medium, sluice.Large))
		}
	}
	if _, ok := m.Policies[m.Default]; !ok {
		faults = append(faults, fmt.Errorf("policy map: the default %q is none of its policies", m.Default))
	}
	return m, errors.Join(faults...)
}

// Version is [StaticVersion].
func (PolicyMap) Version() string { return StaticVersion }

// Route chooses the default, and says with its probabilities that it knows nothing.
func (m PolicyMap) Route(ctx context.Context, _ Request) (Choice, error) {
	if err := ctx.Err(); err != nil {
		return Choice{}, err
	}
	p := make(map[sluice.Policy]float64, len(m.Policies))
	for policy := range m.Policies {
		p[policy] = 1 / float64(len(m.Policies))
	}
	return Choice{
		Policy: m.Default, Probabilities: p, Reasoning: "No router decided; the static map's default.",
		ReasoningSource: ReasoningTemplate, Version: StaticVersion,
	}, nil
}
