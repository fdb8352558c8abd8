package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sluice/evaluation"
	"sluice/trainer/registry"
)

type modelListCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// listedModel is a router as programs read it.
type listedModel struct {
	registry.Model
	Roles []string `json:"roles,omitempty"`
	judgement
}

// rolesOf says what a version is used for.
func rolesOf(s registry.State, version string) []string {
	var roles []string
	if s.Active.Version == version {
		roles = append(roles, "active")
	}
	if s.Canary.Version == version {
		roles = append(roles, fmt.Sprintf("canary %g", s.Canary.Share))
	}
	if s.Shadow.Version == version {
		roles = append(roles, "shadow")
	}
	for _, tenant := range sortedKeys(s.Pins) {
		if s.Pins[tenant].Version == version {
			roles = append(roles, fmt.Sprintf("pinned by %q", tenant))
		}
	}
	return roles
}

// Run lists.
func (c *modelListCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model list", toLook, func(w *workshop) error {
		models, err := w.registry.List(ctx)
		if err != nil {
			return err
		}
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		for _, fault := range state.Unreadable {
			fmt.Fprintln(m.Stderr, fault)
		}
		gate, err := w.gate(ctx)
		if err != nil {
			return err
		}
		table := newTable(m.Stdout, "version", "kind", "made", "size", "APGR", "training", "used as", "gate").numbers(4, 5)
		for _, x := range models {
			l := listedModel{x, rolesOf(state, x.Version), gate(x)}
			if c.JSON {
				if err := printJSON(m.Stdout, l); err != nil {
					return err
				}
				continue
			}
			table.row(x.Version, x.Kind, x.CreatedAt.Format(time.DateTime), size(x.Bytes), metric(x, "apgr"), x.JobID, strings.Join(l.Roles, ", "), l.String())
		}
		if !c.JSON && len(models) > 0 {
			table.flush()
		}
		if state.Active.Version == "" {
			fmt.Fprintln(m.Stderr, "no router is active: the static map decides")
		}
		return nil
	})
}

// metric reads one number of a model's metrics, for people.
func metric(m registry.Model, name string) string {
	var all map[string]float64
	if json.Unmarshal(m.Metrics, &all) != nil {
		return ""
	}
	if v, ok := all[name]; ok {
		return fmt.Sprintf("%.3f", evaluation.Shown(v))
	}
	return ""
}
