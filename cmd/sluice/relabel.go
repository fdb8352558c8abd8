package main

import (
	"context"
	"fmt"

	"sluice/consumers/label"
)

// relabelCmd draws labels anew from stored verdicts.
type relabelCmd struct {
	Since instant `default:"36500d" placeholder:"DUR|TIME" help:"Verdicts stored since. Default: all."`
	Until instant `placeholder:"DUR|TIME" help:"Verdicts stored before. Default: now."`
}

// Run hands the verdicts over to the label stage; no model is asked.
func (c *relabelCmd) Run(ctx context.Context, m *Main) error {
	matrix, err := m.config.OracleMatrix()
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stderr, "drawing labels by matrix %s; copies of the label stage must run with the same configuration\n", matrix.Version())
	return m.replay(ctx, label.Name, window{c.Since, c.Until}, false, dollars{})
}
