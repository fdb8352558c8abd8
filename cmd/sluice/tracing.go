package main

import (
	"context"
	"strings"

	"sluice/telemetry"
)

// startTracing begins to trace what the command does, where the configuration wants it.
func (m *Main) startTracing(ctx context.Context) (err error) {
	t := m.config.Telemetry
	m.tracing, err = telemetry.Start(ctx, telemetry.Config{
		Endpoint: t.Endpoint, Share: t.Share, Service: "sluice-" + m.role(), Version: version(), Log: m.log,
	})
	return err
}

// role is what this process does, in one word: its stage, or its command.
func (m *Main) role() string {
	if m.cli.Consume.Stage != "" {
		return m.cli.Consume.Stage
	}
	command, _, _ := strings.Cut(m.selected.Command(), " ")
	return command
}
