package main

import (
	"context"
	"errors"
	"fmt"

	"sluice/streams"
)

// streamsCmd is about the streams of the log.
type streamsCmd struct {
	Apply streamsApplyCmd `cmd:"" help:"Create every stream and bucket, or change those that exist to the configuration. Removes no message."`
}

type streamsApplyCmd struct{}

// Run applies and names what is there.
func (streamsApplyCmd) Run(ctx context.Context, m *Main) (err error) {
	l, err := m.openLog(ctx, "streams apply", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, name := range streams.Names() {
		if _, err := fmt.Fprintln(m.Stdout, name); err != nil {
			return err
		}
	}
	return nil
}
