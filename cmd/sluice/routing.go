package main

import (
	"context"
	"errors"
	"fmt"

	"sluice"
	"sluice/bulkhead"
	"sluice/config"
	"sluice/routing"
	"sluice/routing/front"
	"sluice/routing/rules"
)

// staticMap is the router that decides where no other does: the configured policy_map.json, or the tiers of
// the configured policies.
func staticMap(c config.Config) (routing.PolicyMap, error) {
	if c.Routing.PolicyMap != "" {
		return routing.LoadMap(c.Routing.PolicyMap)
	}
	m := routing.PolicyMap{Policies: map[sluice.Policy]sluice.Tier{}}
	for _, p := range c.PolicySpecs() {
		m.Policies[p.Name] = p.Tier
		if m.Default == "" || p.Name == sluice.Standard {
			m.Default = p.Name
		}
	}
	return m, nil
}

// newMapper compiles the rules of a configuration.
func newMapper(c config.Config) (*rules.Mapper, error) {
	spec := c.RuleSpec()
	if c.Routing.PolicyMap != "" {
		m, err := routing.LoadMap(c.Routing.PolicyMap)
		if err != nil {
			return nil, fmt.Errorf("routing.policy_map: %w", err)
		}
		spec.Tiers = m.Policies
	}
	return rules.New(spec)
}

// newFront makes the router in front of a gateway; it has nothing in service yet.
func newFront(c config.Config, beside *bulkhead.Bulkhead, rollback func(front.Rollback)) (*front.Front, error) {
	static, err := staticMap(c)
	if err != nil {
		return nil, fmt.Errorf("routing.policy_map: %w", err)
	}
	r := c.Routing
	tenants := make(map[string]float64, len(r.Tenants))
	for _, t := range r.Tenants {
		tenants[t.Tenant] = t.Threshold
	}
	return front.New(front.Options{
		Static: static, Deadline: r.Deadline, ExplainDeadline: r.ExplainDeadline,
		MaxBytes: r.MaxBytes, RefuseLong: r.LongPrompts == "refuse",
		Threshold: r.Threshold, Tenants: tenants, Concurrency: r.Concurrency, ShadowConcurrency: r.ShadowConcurrency,
		Circuit: front.Circuit(r.Circuit), Guard: front.Guard(r.Canary), Beside: beside, OnRollback: rollback,
	})
}

// watchRules puts the rules of a changed configuration file into force until ctx ends; the rest of the file is
// read at the next start, so c keeps its other sections. told hears of every file that is taken or
// refused.
func (m *Main) watchRules(ctx context.Context, c config.Config, inForce string, swap func(*rules.Mapper), told func(version string, err error)) {
	path := m.cli.Config
	if path == "" {
		path = config.FileName
	}
	rules.Watch{
		Version: inForce, Files: []string{path, c.Routing.PolicyMap}, Swap: swap,
		Load: func() (*rules.Mapper, error) {
			changed, err := config.Load(m.cli.Config, m.Getenv, m.cli.sets())
			if err != nil {
				return nil, err
			}
			next := c
			next.Routing = changed.Routing
			return newMapper(next)
		},
		Told: func(version string, err error) {
			if err != nil {
				m.log.Error("rules", "in_force", version, "error", err)
			} else {
				m.log.Info("rules are in force", "version", version)
			}
			told(version, err)
		},
	}.Run(ctx)
}

// rulesOf loads another configuration file and compiles its rules.
func (m *Main) rulesOf(path string) (*rules.Mapper, error) {
	c, err := config.Load(path, m.Getenv, m.cli.sets())
	if err != nil {
		return nil, err
	}
	mapper, err := newMapper(c)
	var faults rules.FaultsError
	if errors.As(err, &faults) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return mapper, err
}
